"""What can happen to a database while workers send, and a network that can be cut or stalled in either direction."""

from __future__ import annotations

import resource
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa
from attrs import define, field
from segrules.segments import SegmentStore
from segrules.sql import prepare

from .killing import start

Fault = Callable[[list[int]], None]


def survived(
    store: SegmentStore, record: Path, mails: int, faults: Iterable[Fault], *, workers: int = 4, between: int = 10
) -> list[float]:
    """Workers send while one fault after another happens; the seconds after each until the next mail was accepted.

    A fault gets the workers' process ids, and returns when all is well again.
    """
    processes = [start(store, record, delay=0.01, batch=10) for _ in range(workers)]
    ids = [process.pid for process in processes if process.pid is not None]
    back = []
    for fault in faults:
        grown(record, min(accepted_lines(record) + between, mails - between))
        before = accepted_lines(record)
        fault(ids)
        ended, after = time.monotonic(), accepted_lines(record)
        assert after < mails and after - before <= 2 * workers, "it is felt: what was in hand goes out and no more"
        grown(record, after + 1)
        back.append(time.monotonic() - ended)
    grown(record, mails, patience=1.0)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * workers, "no worker dies of its database"
    store.engine.dispose()
    return back


def grown(record: Path, lines: int, *, patience: float = 60.0) -> None:
    """So many mails were accepted, or none for a long time."""
    seen, moment = accepted_lines(record), time.monotonic()
    while seen < lines and time.monotonic() - moment < patience:
        time.sleep(0.005)
        now = accepted_lines(record)
        if now > seen:
            seen, moment = now, time.monotonic()


def accepted_lines(record: Path) -> int:
    return record.read_bytes().count(b"\n") if record.exists() else 0


# --- servers ---


def restarted(server: object, how: signal.Signals, pause: float = 0.0) -> Fault:
    """The server goes as a signal says, and comes back."""

    def fault(workers: list[int]) -> None:
        server.kill(how)  # type: ignore[attr-defined]
        time.sleep(pause)
        server.start()  # type: ignore[attr-defined]

    return fault


# --- network ---

QUESTIONS, ANSWERS = "questions", "answers"


@define(eq=False)
class Network:
    """Stands between workers and a database on this machine, on a port of its own; can be cut, and stalled."""

    target: int
    port: int = field(init=False)
    _listening: socket.socket = field(init=False)
    _ways: list[tuple[socket.socket, socket.socket]] = field(factory=list, init=False)
    _flow: dict[str, threading.Event] = field(init=False)
    _up: bool = field(default=True, init=False)

    def __attrs_post_init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._flow = {each: threading.Event() for each in (QUESTIONS, ANSWERS)}
        for each in self._flow.values():
            each.set()

    @classmethod
    def to(cls, engine: sa.Engine) -> Network:
        """To the server of an engine."""
        return cls(engine.url.port or {"postgresql": 5432}.get(engine.dialect.name, 3306))

    def engine(self, direct: sa.Engine) -> sa.Engine:
        """An engine for the same database by this way."""
        more: dict[str, str] = {}
        if direct.dialect.name == "postgresql":
            with direct.connect() as connection:
                more["options"] = f"-csearch_path={connection.exec_driver_sql('SHOW search_path').scalar()}"
        found = sa.create_engine(direct.url.set(host="127.0.0.1", port=self.port), connect_args=more)
        prepare(found)
        return found

    def __enter__(self) -> Network:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()

    def cut(self) -> None:
        """Every connection is gone; both sides hear of it."""
        for way in self._ways:
            for each in way:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
        self._ways.clear()

    def stall(self, *directions: str) -> None:
        """Nothing gets through in these directions, and nobody hears of it."""
        for each in directions:
            self._flow[each].clear()

    def resume(self) -> None:
        for each in self._flow.values():
            each.set()

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._listening.accept()
            except OSError:
                return
            if not self._up:
                inner.close()
                continue
            with suppress(OSError):
                outer = socket.create_connection(("127.0.0.1", self.target))
                self._ways.append((inner, outer))
                threading.Thread(target=self._pump, args=(inner, outer, QUESTIONS), daemon=True).start()
                threading.Thread(target=self._pump, args=(outer, inner, ANSWERS), daemon=True).start()
                continue
            inner.close()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flow[direction].wait()
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    # --- as faults ---

    def down(self, seconds: float) -> Fault:
        """No connection, and none to be had for a while."""

        def fault(workers: list[int]) -> None:
            self._up = False
            self.cut()
            time.sleep(seconds)
            self._up = True

        return fault

    def lost(self, direction: str, seconds: float) -> Fault:
        """What one side says does not arrive for a while, then the connection is gone with it."""

        def fault(workers: list[int]) -> None:
            self.stall(direction)
            time.sleep(seconds)
            self.cut()
            self.resume()

        return fault

    def late(self, seconds: float) -> Fault:
        """Nothing arrives on either side for a while, then all of it does."""

        def fault(workers: list[int]) -> None:
            self.stall(QUESTIONS, ANSWERS)
            time.sleep(seconds)
            self.resume()

        return fault


# --- a database that is a file ---


def locked(path: Path, seconds: float) -> Fault:
    """Somebody else writes for so long."""

    def fault(workers: list[int]) -> None:
        other = sqlite3.connect(path, timeout=60, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(seconds)
        other.execute("ROLLBACK")
        other.close()

    return fault


def full(record: Path, seconds: float) -> Fault:
    """The disk is full for the workers: they can write to no place of a file beyond the end of their record."""

    def fault(workers: list[int]) -> None:
        most = record.stat().st_size + 4096
        for each in workers:
            resource.prlimit(each, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        time.sleep(seconds)
        for each in workers:
            resource.prlimit(each, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    return fault
