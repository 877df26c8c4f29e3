"""Databases and a shop for the tests of mails."""

from contextlib import ExitStack

import pytest
import sqlalchemy as sa
from segrules.testing.backends import BackendAbsentError, fresh, required


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def engine(request, tmp_path):
    """An engine on an empty schema; SQLite in a file, so that several connections see the same."""
    with ExitStack() as stack:
        try:
            backend = stack.enter_context(fresh(request.param))
        except BackendAbsentError as absent:
            if request.param in required():
                raise
            pytest.skip(str(absent))
        engine = backend.engine
        if request.param == "sqlite":
            engine = sa.create_engine(f"sqlite:///{tmp_path}/mails.sqlite")
            stack.callback(engine.dispose)
        yield engine
