"""The five jobs as Celery tasks, and their entries in the schedule of beat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.schedules import crontab

from segrules_sequences.jobs import JOBS, Job
from segrules_sequences.sequences import Sequences


def install(app: Celery, make: Callable[[], Sequences]) -> None:
    """Each job is a task ``segrules_sequences.<job>`` that beat starts; ``make`` is called in the worker's process."""
    schedule = dict(app.conf.beat_schedule or {})
    for name, job in JOBS.items():
        task = f"segrules_sequences.{name}"
        app.task(_task(job, make), name=task, ignore_result=True, shared=False)
        schedule[task] = {"task": task, "schedule": crontab.from_string(job.cron)}
    app.conf.beat_schedule = schedule


def _task(job: Job, make: Callable[[], Sequences]) -> Callable[[], dict[str, Any]]:
    def run() -> dict[str, Any]:
        return dict(job.work(make()))

    return run
