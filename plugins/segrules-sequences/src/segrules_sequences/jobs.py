"""The five jobs that keep sequences going, as plain functions for cron or any scheduler; see ``adapters`` for some.

Each may be started at any time and any number of times at once: what one process has in hand another leaves alone.
Each answers with plain values that can be logged or kept as a result.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import attrs
from attrs import frozen

from segrules_sequences.sequences import Sequences

log = logging.getLogger("segrules.sequences")


def refresh(sequences: Sequences) -> dict[str, Any]:
    """Refresh the segments that are due by the store's schedule; who enters or leaves is enrolled with it."""
    done = sequences.store.refresh_due()
    return {each.segment: each.error or {"entered": each.entered, "left": each.left} for each in done}


def send(sequences: Sequences, *, seconds: float = 240.0, stopping: threading.Event | None = None) -> dict[str, int]:
    """Send what is due, until nothing is or the time is up; how many mails became what."""
    until = time.monotonic() + seconds
    worker = sequences.worker()
    if stopping is not None:
        worker.stopping = stopping
    done: Counter[str] = Counter()
    try:
        done += worker.reap()
        while time.monotonic() < until and not worker.stopping.is_set():
            batch = worker.run_once()
            done += batch
            if not batch["claimed"]:
                break
    finally:
        worker.close()
    return dict(done)


def reap(sequences: Sequences) -> dict[str, int]:
    """Bring back what dead workers left behind, and ask senders about mails in doubt."""
    return dict(sequences.reap())


def clean(sequences: Sequences) -> dict[str, int]:
    """Empty mails after 30 days, take out runs after 400, forget customers whom the shop has deleted."""
    return dict(sequences.clean())


def report(sequences: Sequences) -> dict[str, Any]:
    """Yesterday in figures, by sequence; each in one line of the log."""
    today = sequences.standing().at.astimezone(sequences.setting.zone).date()
    figures = [attrs.asdict(each) | {"value": str(each.value)} for each in sequences.report(today - timedelta(days=1))]
    for each in figures:
        log.info("report day=%s %s", today - timedelta(days=1), " ".join(f"{k}={v}" for k, v in each.items()))
    return {"day": str(today - timedelta(days=1)), "sequences": figures}


@frozen
class Job:
    """A function of the sequences, and the cron expression by which it goes."""

    work: Callable[[Sequences], Mapping[str, Any]]
    cron: str


JOBS: Mapping[str, Job] = {
    "refresh": Job(refresh, "*/5 * * * *"),
    "send": Job(send, "*/5 * * * *"),
    "reap": Job(reap, "* * * * *"),
    "clean": Job(clean, "0 2 * * *"),
    "report": Job(report, "0 4 * * *"),
}
