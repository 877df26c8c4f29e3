from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from segrules.segments import SegmentStore
from segrules.testing.backends import BACKENDS, fresh_or_skipped

from .shops import Ear, cleaned, make_store

Stores = Callable[..., SegmentStore]


@pytest.fixture(scope="session")
def stores() -> Iterator[Stores]:
    """A store on each backend, made when it is first asked for, and emptied each time."""
    found: dict[str, SegmentStore] = {}
    with ExitStack() as stack:

        def store(name: str, names: str = "abcabcabcabc") -> SegmentStore:
            if name not in found:
                found[name] = make_store(stack.enter_context(fresh_or_skipped(name)).engine)
            return cleaned(found[name], names)

        yield store


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, stores: Stores, ear: Ear) -> SegmentStore:
    """Twelve customers: a b c a b c …; odd ones of uk, even ones of main, every third is staff."""
    found = stores(request.param)
    return SegmentStore(found.engine, found.shop, listeners=[ear])
