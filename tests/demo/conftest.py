"""Every database that segrules promises; one that does not answer is skipped unless the environment requires it."""

import pytest

from segrules.testing.backends import BACKENDS, BackendAbsentError, fresh, required


@pytest.fixture(params=BACKENDS)
def engine(request):
    try:
        with fresh(request.param) as backend:
            yield backend.engine
    except BackendAbsentError as absent:
        if request.param in required():
            raise
        pytest.skip(str(absent))
