"""A worker process whose host has a wrong clock, which jumps while it works: run as a program of its own.

The clock is made wrong before anything else is imported, so that whoever takes the present from Python gets the wrong
one. ``time.monotonic`` is right, as it is when somebody sets a real clock.
"""

from __future__ import annotations

import datetime
import sys
import time
from itertools import chain, repeat

#: Hours by which the clock is wrong: during the first mails, the next, and so on.
JUMPS = (0, 1, -1, 24)
_off = 0.0


def _set_wrong() -> None:
    right, real = (time.time, time.time_ns, time.gmtime, time.localtime), datetime.datetime

    class Meta(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, real)

    class Wrong(real, metaclass=Meta):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return real.fromtimestamp(time.time(), tz)

        @classmethod
        def utcnow(cls) -> datetime.datetime:
            return real.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)

        @classmethod
        def today(cls) -> datetime.datetime:
            return cls.now()

    class WrongDay(datetime.date):
        @classmethod
        def today(cls) -> datetime.date:
            return Wrong.now().date()

    time.time = lambda: right[0]() + _off
    time.time_ns = lambda: right[1]() + int(_off * 1e9)
    time.gmtime = lambda seconds=None: right[2](time.time() if seconds is None else seconds)
    time.localtime = lambda seconds=None: right[3](time.time() if seconds is None else seconds)
    datetime.datetime, datetime.date = Wrong, WrongDay  # type: ignore[misc]


def main(url: str, schema: str, record: str) -> None:
    """Send what is due under ever another clock, two mails under each; say for each mail what the clock showed."""
    global _off
    from pathlib import Path

    import sqlalchemy as sa
    from segrules import Shop
    from segrules.segments import SegmentStore
    from segrules.sql import prepare

    from .killing import with_recorder

    engine = sa.create_engine(url, connect_args={"options": f"-csearch_path={schema}"} if schema else {})
    prepare(engine)
    hours = chain((each for each in JUMPS for _ in range(2)), repeat(JUMPS[-1]))

    def reached(place: str) -> None:
        global _off
        if place == "after_claim":
            print(datetime.datetime.now(datetime.UTC).isoformat(), flush=True)
            _off = next(hours) * 3600.0

    store = SegmentStore(engine, Shop.default())
    worker = with_recorder(store, Path(record)).worker(batch=1, milestone=reached)
    worker.reap()
    while worker.run_once()["claimed"]:
        pass
    worker.close()


if __name__ == "__main__":
    _set_wrong()
    main(*sys.argv[1:])
