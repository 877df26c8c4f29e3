"""When the answer of a rule can change with no new data; see :func:`foresee`."""

from segrules.forecast.customer import OneCustomer
from segrules.forecast.search import Forecast, Witness, foresee

__all__ = ["Forecast", "OneCustomer", "Witness", "foresee"]
