"""The five jobs in a scheduler of APScheduler 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.cron import CronTrigger

from segrules_sequences.jobs import JOBS, Job
from segrules_sequences.sequences import Sequences


def install(scheduler: BaseScheduler, make: Callable[[], Sequences]) -> None:
    """Each job is in the scheduler as ``segrules_sequences.<job>``, at the times of the shop's zone."""
    zone = make().setting.zone
    for name, job in JOBS.items():
        scheduler.add_job(
            _work(job, make), CronTrigger.from_crontab(job.cron, zone), id=f"segrules_sequences.{name}",
            max_instances=1, coalesce=True, misfire_grace_time=300, replace_existing=True,
        )  # fmt: skip


def _work(job: Job, make: Callable[[], Sequences]) -> Callable[[], Any]:
    def run() -> Any:
        return job.work(make())

    return run
