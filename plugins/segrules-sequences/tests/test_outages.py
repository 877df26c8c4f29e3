"""Workers whose database goes away, hangs, is locked or full while they send: nothing lost, nothing twice."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from segrules.segments import SegmentStore
from segrules.sql import prepare
from segrules.testing import servers

from segrules_sequences import database

from .conftest import sqlite
from .killing import with_recorder
from .outages import ANSWERS, QUESTIONS, Fault, Network, full, locked, restarted, survived
from .shops import accepted, make_shop, sequence, states
from .test_reliability import settled

#: How a server is stopped: at once as if the power failed, or in order.
FAST = {"postgresql": signal.SIGINT, "mariadb": signal.SIGTERM}
IMMEDIATE = {"postgresql": signal.SIGQUIT, "mariadb": signal.SIGKILL}


def nothing_is_lost(engine: sa.Engine, reached: sa.Engine, record: Path, mails: int, faults: list[Fault]) -> None:
    """Workers that ask the sender about what they do not know have sent each mail once in the end.

    They come to the database by another way than this process.
    """
    store = make_shop(engine, mails)
    with_recorder(store, record).save(sequence("0 minutes: hello", sender="recorder", delivery="reconcile"))
    store.refresh("anns")
    engine.dispose()
    back = survived(SegmentStore(reached, store.shop), record, mails, faults)
    sequences = with_recorder(store, record)
    settled(sequences)
    assert states(sequences) == {"sent": mails}
    found = accepted(record)
    assert len(found) == mails and set(found.values()) == {1}
    assert max(back) < 10, back


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_the_server_is_restarted(backend: str, tmp_path: Path) -> None:
    with getattr(servers, backend)() as server:
        engine = sa.create_engine(server.url)
        prepare(engine)
        faults = [restarted(server, kind[backend]) for kind in (FAST, IMMEDIATE)]
        nothing_is_lost(engine, engine, tmp_path / "record", 60, faults)
        engine.dispose()


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_the_network_is_cut(backend: str, engines: Callable[[str], sa.Engine], tmp_path: Path) -> None:
    """For longer than a lease, and in each direction: where only answers are lost, a commit has happened unheard."""
    engine = engines(backend)
    with Network.to(engine) as network:
        reached = network.engine(engine)
        faults = [network.lost(ANSWERS, 0.1), network.lost(QUESTIONS, 0.1), network.late(2.2), network.down(0.2)]
        nothing_is_lost(engine, reached, tmp_path / "record", 80, faults)
        reached.dispose()


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux lets one process limit another")
def test_the_file_is_locked_or_cannot_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locked for longer than a worker has patience, and than a lease."""
    monkeypatch.setattr(database, "_PATIENCE", 300)
    path = tmp_path / "shop.db"
    engine = sqlite(path)
    record = tmp_path / "record"
    faults = [full(record, 0.5), locked(path, 2.2), full(record, 0.1)]
    nothing_is_lost(engine, engine, record, 70, faults)
    engine.dispose()
