"""The five jobs, by themselves and under the schedulers that are installed.

Celery and procrastinate also run as they do in a shop: a worker in a process of its own, behind a broker or a database
that answers here. ``SEGRULES_TEST_RABBITMQ`` and ``SEGRULES_TEST_REDIS`` name other brokers, as URLs of Celery.
"""

import multiprocessing
import os
import secrets
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from segrules.segments import SegmentStore

from segrules_sequences import Sequences
from segrules_sequences.jobs import JOBS

from .killing import fork, with_recorder
from .shops import World, accepted, make_shop, sequence, states

NAMES = {f"segrules_sequences.{each}" for each in ("refresh", "send", "reap", "clean", "report")}


def test_the_jobs(small_world: World) -> None:
    world = small_world
    world.sequences.save(sequence("0 minutes: hello"))
    done = {name: job.work(world.sequences) for name, job in JOBS.items()}
    assert done["refresh"] == {"anns": {"entered": 3, "left": 0}}
    world.clock.at = datetime.now(UTC).replace(year=2099)
    world.sequences.save(sequence("0 minutes: bye", name="bye", on="exit"))
    assert done["reap"] == {} and not any(done["clean"].values())
    assert set(done["clean"]) >= {"customers forgotten", "mails emptied", "runs removed"}
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


# --- in processes of their own ---

BROKERS = {"rabbitmq": "amqp://guest:guest@127.0.0.1:5672//", "redis": "redis://127.0.0.1:6379/0"}


def ready(engine: sa.Engine, record: Path) -> tuple[Sequences, Callable[[], Sequences]]:
    """Three mails are due; and what a scheduler calls in its own process to get at them."""
    store = make_shop(engine, 3)
    sequences = with_recorder(store, record)
    sequences.save(sequence("0 minutes: hello", sender="recorder"))
    store.refresh("anns")

    def make() -> Sequences:
        engine.dispose(close=False)
        return with_recorder(SegmentStore(engine, store.shop), record)

    return sequences, make


def until_sent(sequences: Sequences, worker: multiprocessing.process.BaseProcess) -> None:
    deadline = time.monotonic() + 30
    while states(sequences)["sent"] < 3 and worker.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert states(sequences) == {"sent": 3}


@pytest.mark.parametrize("broker", BROKERS)
def test_a_celery_worker_behind_a_broker(engines: Callable[[str], sa.Engine], tmp_path: Path, broker: str) -> None:
    celery = pytest.importorskip("celery")
    pytest.importorskip({"redis": "redis", "rabbitmq": "amqp"}[broker])
    from segrules_sequences.adapters.celery import install

    url = os.environ.get(f"SEGRULES_TEST_{broker.upper()}") or BROKERS[broker]
    queue = f"segrules-{secrets.token_hex(6)}"
    app = celery.Celery("shop", broker=url, set_as_current=False)
    app.conf.update(task_default_queue=queue, broker_connection_timeout=2, broker_connection_retry=False)
    app.conf.update(broker_connection_retry_on_startup=False, broker_heartbeat=0)
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
    except Exception as cause:
        pytest.skip(f"{broker} does not answer at {url}: {cause}")
    sequences, make = ready(engines("sqlite"), tmp_path / "record")
    install(app, make)
    words = ["worker", "--pool=solo", "--loglevel=ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    sequences.setting.engine.dispose()
    worker = fork.Process(target=app.worker_main, args=(words,), daemon=True)
    worker.start()
    try:
        app.tasks["segrules_sequences.send"].delay()
        until_sent(sequences, worker)
        assert set(accepted(tmp_path / "record").values()) == {1}
        os.kill(worker.pid or 0, signal.SIGTERM)
        worker.join(20)
        assert worker.exitcode == 0
    finally:
        worker.kill()
        with suppress(Exception), app.connection_for_write() as connection:
            connection.default_channel.queue_delete(queue)
            if broker == "redis":  # which keeps what leads to a queue
                names = connection.default_channel.client.keys(f"_kombu.*{queue}")
                connection.default_channel.client.delete(*names)
        app.close()


def test_a_procrastinate_worker_on_postgresql(engines: Callable[[str], sa.Engine], tmp_path: Path) -> None:
    procrastinate = pytest.importorskip("procrastinate")
    from segrules_sequences.adapters.procrastinate import install

    engine = engines("postgresql")
    with engine.connect() as connection:
        path = connection.exec_driver_sql("SHOW search_path").scalar()
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=url, kwargs={"options": f"-csearch_path={path}"})
    )
    sequences, make = ready(engine, tmp_path / "record")
    install(app, make)
    with app.open():
        app.schema_manager.apply_schema()
        app.tasks["segrules_sequences.send"].defer(timestamp=0)
    worker = fork.Process(target=app.run_worker, kwargs={"wait": False, "install_signal_handlers": False}, daemon=True)
    worker.start()
    until_sent(sequences, worker)
    worker.join(20)
    assert worker.exitcode == 0 and set(accepted(tmp_path / "record").values()) == {1}
