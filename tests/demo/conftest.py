"""Every database that segrules promises; one that does not answer is skipped unless the environment requires it."""

import pytest

from segrules.testing.backends import BACKENDS, fresh_or_skipped


@pytest.fixture(params=BACKENDS)
def engine(request):
    with fresh_or_skipped(request.param) as backend:
        yield backend.engine
