from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
import segrules as sr
import sqlalchemy as sa
from segrules.testing.backends import BackendAbsentError, fresh, required

from segrules_coupons import CouponStore

BACKENDS = ("sqlite", "postgresql", "mariadb")

#: A shop in a database, emptied each time it is asked for.
Stores = Callable[[str], CouponStore]


def opened(engine: sa.Engine) -> CouponStore:
    """A shop with three customers, of whom the first is in the segment VIP, and a store without any rules."""
    shop = sr.Shop.default(timezone="Europe/Rome")
    shop.create_tables(engine)
    with engine.begin() as connection:
        connection.execute(
            shop.tables["customers"].insert(),
            [{"id": n, "email": f"c{n}@example.com", "created_at": datetime(2025, 1, n)} for n in (1, 2, 3)],
        )
    segments = sr.SegmentStore(engine, shop)
    segments.create_tables()
    segments.save(sr.Segment(name="VIP", rule="customer.id = 1"))
    segments.refresh("VIP", at=datetime(2025, 7, 4, 12, tzinfo=UTC))
    store = CouponStore(engine, shop, segments=segments)
    store.create_tables()
    return store


def cleaned(store: CouponStore) -> CouponStore:
    with store.engine.begin() as connection:
        for table in store.metadata.sorted_tables:
            connection.execute(sa.delete(table))
    return CouponStore(store.engine, store.shop, segments=store.segments)


@pytest.fixture(scope="session")
def stores() -> Iterator[Stores]:
    found: dict[str, CouponStore] = {}
    with ExitStack() as stack:

        def store(name: str) -> CouponStore:
            if name not in found:
                try:
                    found[name] = opened(stack.enter_context(fresh(name)).engine)
                except BackendAbsentError as absence:
                    if name in required():
                        raise
                    pytest.skip(str(absence))
            return cleaned(found[name])

        yield store


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, stores: Stores) -> CouponStore:
    """A store on each database."""
    return stores(request.param)


@pytest.fixture
def lite(stores: Stores) -> CouponStore:
    """A store on SQLite, for what no database has a say in."""
    return stores("sqlite")


@pytest.fixture(params=BACKENDS)
def connect(request: pytest.FixtureRequest, stores: Stores, tmp_path: Path) -> Callable[[], CouponStore]:
    """Opens the same store anew, with a connection of its own, as another thread or process has it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'shop.db'}"
        store = opened(sa.create_engine(url))
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        return lambda: at(url)
    engine = stores(request.param).engine
    if request.param == "mariadb":
        return lambda: at(engine.url)
    with engine.connect() as connection:
        schema = connection.scalar(sa.text("SELECT current_schema()"))
    return lambda: at(engine.url, options=f"-csearch_path={schema}")


def at(url: str | sa.URL, **arguments: str) -> CouponStore:
    shop = sr.Shop.default(timezone="Europe/Rome")
    engine = sa.create_engine(url, connect_args=arguments, pool_size=1, max_overflow=0, pool_timeout=60)
    if engine.dialect.name == "sqlite":
        # No test pulls the plug, and a disk that others use is slow.
        sa.event.listen(engine, "connect", lambda raw, record: raw.execute("PRAGMA synchronous = OFF") and None)
    return CouponStore(engine, shop, segments=sr.SegmentStore(engine, shop))
