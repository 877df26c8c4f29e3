"""The five jobs as periodic tasks of procrastinate."""

from __future__ import annotations

from collections.abc import Callable

from procrastinate import App

from segrules_sequences.jobs import JOBS, Job
from segrules_sequences.sequences import Sequences


def install(app: App, make: Callable[[], Sequences]) -> None:
    """Each job is a task ``segrules_sequences.<job>``, deferred by its cron expression unless one is waiting."""
    for name, job in JOBS.items():
        task = f"segrules_sequences.{name}"
        made = app.task(name=task, queueing_lock=task)(_task(job, make))
        app.periodic(cron=job.cron, periodic_id=task)(made)


def _task(job: Job, make: Callable[[], Sequences]) -> Callable[[int], None]:
    def run(timestamp: int) -> None:
        job.work(make())

    return run
