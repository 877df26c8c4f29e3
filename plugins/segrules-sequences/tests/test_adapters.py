"""The five jobs, by themselves and under the schedulers that are installed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from segrules_sequences.jobs import JOBS

from .shops import World, sequence

NAMES = {f"segrules_sequences.{each}" for each in ("refresh", "send", "reap", "clean", "report")}


def test_the_jobs(small_world: World) -> None:
    world = small_world
    world.sequences.save(sequence("0 minutes: hello"))
    done = {name: job.work(world.sequences) for name, job in JOBS.items()}
    assert done["refresh"] == {"anns": {"entered": 3, "left": 0}}
    world.clock.at = datetime.now(UTC).replace(year=2099)
    world.sequences.save(sequence("0 minutes: bye", name="bye", on="exit"))
    assert done["reap"] == {} and done["clean"] == {"customers forgotten": 0, "mails emptied": 0, "runs removed": 0}
    assert [each["sequence"] for each in done["report"]["sequences"]] == ["s"]
    assert JOBS["send"].work(world.sequences)["claimed"] == 3


def sent_by(world: World) -> Any:
    world.sequences.save(sequence("0 minutes: hello"))
    world.refresh()
    return lambda: world.sequences


def test_celery(small_world: World) -> None:
    celery = pytest.importorskip("celery")
    from segrules_sequences.adapters.celery import install

    app = celery.Celery("shop", set_as_current=False)
    app.conf.task_always_eager = True
    app.conf.beat_schedule = {"own": {"task": "own", "schedule": 60}}
    install(app, sent_by(small_world))
    assert set(app.conf.beat_schedule) == NAMES | {"own"} and set(app.tasks) >= NAMES
    answer = app.tasks["segrules_sequences.send"].apply()
    assert answer.get() == {"claimed": 3, "sent": 3} and len(small_world.took()) == 3


def test_apscheduler(small_world: World) -> None:
    pytest.importorskip("apscheduler")
    from apscheduler.schedulers.background import BackgroundScheduler

    from segrules_sequences.adapters.apscheduler import install

    scheduler = BackgroundScheduler()
    install(scheduler, sent_by(small_world))
    scheduler.start()
    try:
        jobs = {each.id: each for each in scheduler.get_jobs()}
        assert set(jobs) == NAMES
        import threading

        done = threading.Event()
        scheduler.add_listener(lambda event: done.set())
        jobs["segrules_sequences.send"].modify(next_run_time=datetime.now(UTC))
        scheduler.wakeup()
        for _ in range(300):
            if len(small_world.memory.mails) == 3:
                break
            threading.Event().wait(0.1)
        assert len(small_world.took()) == 3
    finally:
        scheduler.shutdown()


def test_procrastinate(small_world: World) -> None:
    procrastinate = pytest.importorskip("procrastinate")
    from procrastinate.testing import InMemoryConnector

    from segrules_sequences.adapters.procrastinate import install

    app = procrastinate.App(connector=InMemoryConnector())
    install(app, sent_by(small_world))
    assert {each.task.name for each in app.periodic_registry.periodic_tasks.values()} == NAMES
    with app.open():
        app.tasks["segrules_sequences.send"].defer(timestamp=0)
        app.run_worker(wait=False, install_signal_handlers=False)
    assert len(small_world.took()) == 3
