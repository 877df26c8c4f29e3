"""Worker processes that are forked, and die by SIGKILL at a given place or at any moment."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from segrules.segments import SegmentStore

from segrules_sequences import Sequences

from .shops import Recorder, make_sequences

#: Where a worker can die.
PLACES = (
    "after_claim", "after_prepare", "before_data", "after_dot", "after_250", "after_sent_commit", "mid_batch",
)  # fmt: skip
LEASE, DEADLINE = timedelta(seconds=2), timedelta(seconds=1)

fork = multiprocessing.get_context("fork")


def with_recorder(store: SegmentStore, record: Path, reached: object = lambda place: None) -> Sequences:
    return make_sequences(store, senders={"recorder": lambda: Recorder(record, reached)})  # type: ignore[arg-type]


def work(store: SegmentStore, record: Path, place: str | None, signal_: int, delay: float, batch: int) -> None:
    """The life of one worker process."""
    store.engine.dispose(close=False)

    def reached(name: str) -> None:
        if name == place:
            os.kill(os.getpid(), signal_)
        if name == "after_dot" and delay:
            time.sleep(delay)

    worker = with_recorder(store, record, reached).worker(
        milestone=reached, lease=LEASE, deadline=DEADLINE, batch=batch
    )
    signal.signal(signal.SIGTERM, lambda number, frame: worker.stopping.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    worker.run(poll=0.05, reap=0.5)
    os._exit(0)


def start(
    store: SegmentStore,
    record: Path,
    place: str | None = None,
    *,
    signal_: int = signal.SIGKILL,
    delay: float = 0.0,
    batch: int = 50,
) -> multiprocessing.process.BaseProcess:
    store.engine.dispose()
    process = fork.Process(target=work, args=(store, record, place, signal_, delay, batch), daemon=True)
    # It hears of SIGTERM once it has said what to do then.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    process.start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    return process


def die(process: multiprocessing.process.BaseProcess) -> None:
    process.kill()
    process.join(10)
