"""Workers that are killed, frozen and raced; what the receiving side has accepted is held against the tables."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from segrules.segments import SegmentStore

from segrules_sequences import Sequences
from segrules_sequences.clock import DatabaseClock
from segrules_sequences.ports import Composed, Letter

from .killing import PLACES, die, fork, start, with_recorder
from .racing import HOW, STEPS, raced, stop_by
from .shops import (
    Letters,
    accepted,
    add_customers,
    database_now,
    expire,
    make_sequences,
    make_shop,
    rename,
    runs,
    sequence,
    states,
)  # fmt: skip

MODES = ("at_most_once", "reconcile", "at_least_once")
#: Of a worker that dies with two mails claimed, at its first one: how often is that one accepted in the end, and is it
#: in doubt? The second one always arrives once.
AT_A_PLACE = {
    "after_claim": {"at_most_once": (1, False), "reconcile": (1, False), "at_least_once": (1, False)},
    "after_prepare": {"at_most_once": (0, True), "reconcile": (1, False), "at_least_once": (1, False)},
    "before_data": {"at_most_once": (0, True), "reconcile": (1, False), "at_least_once": (1, False)},
    "after_dot": {"at_most_once": (1, True), "reconcile": (1, False), "at_least_once": (2, False)},
    "after_250": {"at_most_once": (1, True), "reconcile": (1, False), "at_least_once": (2, False)},
    "after_sent_commit": {"at_most_once": (1, False), "reconcile": (1, False), "at_least_once": (1, False)},
    "mid_batch": {"at_most_once": (1, False), "reconcile": (1, False), "at_least_once": (1, False)},
}


@pytest.mark.parametrize("mode", MODES)
def test_a_worker_killed_at_each_place(engine: sa.Engine, engines: Any, tmp_path: Path, mode: str) -> None:
    from .conftest import emptied

    for place in PLACES:
        emptied(engine)
        store = make_shop(engine, 2)
        record = tmp_path / place
        sequences = with_recorder(store, record)
        sequences.save(sequence("0 minutes: hello", "9 days: again", sender="recorder", delivery=mode))
        store.refresh("anns")
        victim = start(store, record, place)
        victim.join(60)
        assert victim.exitcode == -signal.SIGKILL
        settled(sequences)
        count, doubtful = AT_A_PLACE[place][mode]
        assert sorted(accepted(record).values()) == sorted(each for each in (count, 1) if each), (place, mode)
        expected = {"in_doubt": 1, "sent": 1, "planned": 1} if doubtful else {"sent": 2, "planned": 2}
        assert states(sequences) == expected, (place, mode)
        assert len(sequences.doubtful()) == doubtful


def settled(sequences: Sequences) -> None:
    """Every lease has run out, and what is due by then has been worked off; later steps stay where they are.

    What a dead worker's connection still locks is skipped, until the server has noticed.
    """
    worker = sequences.worker()
    d = sequences.tables.deliveries
    open_ = sa.select(sa.func.count()).where(d.c.step == "hello", d.c.state.in_(["planned", "leased", "transmitting"]))
    for turn in range(100):
        expire_due(sequences, d)
        worker.reap()
        while worker.run_once()["claimed"]:
            pass
        with sequences.setting.engine.connect() as connection:
            if turn >= 3 and not connection.scalar(open_):
                break
        time.sleep(0.02)
    worker.close()


def expire_due(sequences: Sequences, d: sa.Table) -> None:
    past = database_now(sequences).replace(year=2020)
    with sequences.setting.engine.begin() as connection:
        connection.execute(sa.update(d).where(d.c.lease_until.is_not(None)).values(lease_until=past))
        first = d.c.step == "hello"
        connection.execute(sa.update(d).where(d.c.state.in_(["planned", "in_doubt"]), first).values(due_at=past))


@pytest.mark.parametrize("mode", ["at_most_once", "reconcile"])
def test_workers_killed_at_random(engine: sa.Engine, tmp_path: Path, mode: str) -> None:
    """Four workers, 240 mails, 10 kills, 3 ms between the acceptance and the word of it."""
    mails, kills = 240, 10
    store = make_shop(engine, mails)
    record = tmp_path / "record"
    sequences = with_recorder(store, record)
    sequences.save(sequence("0 minutes: hello", sender="recorder", delivery=mode))
    store.refresh("anns")
    random.seed(f"{engine.dialect.name} {mode}")
    workers = [start(store, record, delay=0.003, batch=10) for _ in range(4)]
    done = 0
    deadline = time.monotonic() + 60
    while done < kills and time.monotonic() < deadline:
        time.sleep(random.uniform(0.05, 0.15))
        place = random.randrange(4)
        die(workers[place])
        workers[place] = start(store, record, delay=0.003, batch=10)
        done += 1
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0, "SIGTERM ends a worker in order"
    assert states(sequences)["leased"] <= kills * 10, "what was claimed in order has been given back"
    settled(sequences)
    found = accepted(record)
    assert not [each for each, count in found.items() if count > 1], "nothing twice"
    after = states(sequences)
    assert sum(after.values()) == mails, "nothing lost"
    if mode == "reconcile":
        assert after == {"sent": mails} and len(found) == mails
    else:
        doubtful = {each.message_id for each in sequences.doubtful(limit=mails)}
        assert len(doubtful) == after["in_doubt"] <= kills
        assert after["sent"] == mails - len(doubtful)
        assert len(found.keys() - doubtful) == after["sent"]


@pytest.mark.parametrize("mode", ["at_most_once", "reconcile"])
def test_a_frozen_worker_that_wakes_up_after_its_lease(engine: sa.Engine, tmp_path: Path, mode: str) -> None:
    """It finds its deadline gone before it gives the mail to the server, so nothing goes out behind anybody's back."""
    store = make_shop(engine, 1)
    record = tmp_path / "record"
    sequences = with_recorder(store, record)
    sequences.save(sequence("0 minutes: hello", sender="recorder", delivery=mode))
    store.refresh("anns")
    frozen = start(store, record, "before_data", signal_=signal.SIGSTOP)
    assert frozen.pid is not None
    os.waitpid(frozen.pid, os.WUNTRACED)
    settled(sequences)
    time.sleep(1.1)
    os.kill(frozen.pid, signal.SIGCONT)
    time.sleep(0.3)
    frozen.terminate()
    frozen.join(20)
    settled(sequences)
    if mode == "reconcile":
        assert list(accepted(record).values()) == [1] and states(sequences) == {"sent": 1}
    else:
        assert accepted(record) == {} and states(sequences) == {"in_doubt": 1}


def test_no_worker_asks_its_own_clock() -> None:
    """A host whose clock is wrong sends nothing early and nothing twice: it never reads that clock."""
    folder = Path(__import__("segrules_sequences").__file__).parent
    engine = [folder / f"{name}.py" for name in (
        "worker", "reaper", "preparing", "outcome", "enrolment", "facts", "setting", "timing", "clock", "catalogue",
        "cleaning", "statistics", "sequences", "audience", "database",
    )]  # fmt: skip
    for path in engine:
        text = path.read_text()
        for word in ("datetime.now", "utcnow", "time.time(", "date.today", "func.now", "func.current"):
            assert word not in text, f"{path.name} says {word}"


# --- refreshes ---


def model(sequences: Sequences, store: SegmentStore) -> None:
    """Each member is in one run, each run has one delivery, and nobody else has any."""
    e, d = sequences.tables.enrolments, sequences.tables.deliveries
    members = sorted(each.customer_id for each in store.members("anns"))
    with store.engine.connect() as connection:
        running = sorted(connection.scalars(sa.select(e.c.running_id).where(e.c.running_id.is_not(None))))
        planned = sorted(connection.scalars(sa.select(d.c.customer_id).where(d.c.state == "planned")))
    assert running == members and planned == members


def test_refreshes_at_once_enrol_each_member_once(store: SegmentStore) -> None:
    sequences = make_sequences(store)
    sequences.save(sequence("1 hour: hello", reentry="always"))
    random.seed(11)
    present = {1, 2, 3}
    for number in range(4):
        for each in random.sample(range(1, 4), 2):
            rename(store, each, "Bob" if each in present else "Ann")
            present ^= {each}
        add_customers(store, [10 + number])
        present.add(10 + number)
        failures: list[BaseException] = []

        def refresh(failures: list[BaseException] = failures) -> None:
            try:
                store.refresh("anns")
            except BaseException as cause:
                failures.append(cause)

        threads = [threading.Thread(target=refresh) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
        assert not failures
        model(sequences, store)


def test_a_refresh_killed_at_each_statement(engine: sa.Engine) -> None:
    """The members and their runs are changed together or not at all, whenever the process dies."""
    store = make_shop(engine, 4)
    sequences = make_sequences(store)
    sequences.save(sequence("1 hour: hello", reentry="always"))
    store.refresh("anns")
    numbers = (*range(1, 12, 3), *range(12, 60, 2))
    for number in numbers:
        rename(store, 1 + number % 4, "Bob")
        add_customers(store, [100 + number])
        engine.dispose()
        process = fork.Process(target=refresh_until, args=(store, number), daemon=True)
        process.start()
        process.join(60)
        model(sequences, store)
        rename(store, 1 + number % 4, "Ann")
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    else:
        raise AssertionError("a refresh has more statements than that")
    assert number > 15
    store.refresh("anns")
    model(sequences, store)


def refresh_until(store: SegmentStore, number: int) -> None:
    """Refresh, and die at the statement of this number."""
    store.engine.dispose(close=False)
    counted = Counter[str]()

    def count(*given: Any) -> None:
        counted["statements"] += 1
        if counted["statements"] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(sa.Engine, "before_cursor_execute", count)
    store.refresh("anns")
    os._exit(0)


# --- races ---


@pytest.mark.parametrize("how", HOW)
def test_what_stops_a_run_while_its_mail_is_being_written_waits_for_it(store: SegmentStore, how: str) -> None:
    """The mail began before the stop, so it goes out; the run goes no further."""
    stopping: list[threading.Thread] = []

    class Slow(Letters):
        def compose(self, letter: Letter) -> Composed:
            if letter.recipient.id == 1 and not stopping:
                thread = threading.Thread(target=stop_by, args=(how, sequences, 1))
                stopping.append(thread)
                thread.start()
                thread.join(0.3)
                assert thread.is_alive(), "it waits for the transaction of the mail"
            return super().compose(letter)

    sequences = make_sequences(store, composer=Slow())
    sequences.save(sequence("0 minutes: hello", "9 days: again"))
    store.refresh("anns")
    worker = sequences.worker(batch=1)
    (claim,) = worker.claim()
    while claim.customer != 1:
        (claim,) = worker.claim()
    assert worker.process(claim) == "sent"
    stopping[0].join(30)
    d = sequences.tables.deliveries
    with store.engine.connect() as connection:
        of_run = sa.select(d.c.step, d.c.state).where(d.c.id == claim.id)
        assert connection.execute(of_run).all() == [("hello", "sent")]
        later = set(connection.scalars(sa.select(d.c.state).where(d.c.step == "again")))
    if how == "pause":
        assert later <= {"held", "planned"}
        worker.reap()
    else:
        assert later <= {"skipped", "planned"}
        expire(sequences)
        while worker.run_once()["claimed"]:
            pass
        with store.engine.connect() as connection:
            sent = sa.select(d.c.id).where(d.c.step == "again", d.c.state == "sent")
            own = sent if how == "off" else sent.where(d.c.enrolment_id.in_(
                sa.select(d.c.enrolment_id).where(d.c.id == claim.id)))  # fmt: skip
            assert connection.scalars(own).all() == []
    worker.close()


@pytest.mark.parametrize("how", HOW)
def test_a_stop_that_has_begun_is_waited_for(store: SegmentStore, how: str) -> None:
    """The mail was claimed before the stop, and its transaction begins while the stop is not committed yet."""
    sequences = make_sequences(store)
    sequences.save(sequence("0 minutes: hello", "9 days: again"))
    store.refresh("anns")
    worker = sequences.worker()
    claims = {claim.customer: claim for claim in worker.claim()}
    begun, go_on = threading.Event(), threading.Event()
    deliveries = sequences.tables.deliveries.name
    stopper: list[int] = []

    def waits(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if stopper == [threading.get_ident()] and f"UPDATE {deliveries}" in statement.replace("`", ""):
            begun.set()
            go_on.wait(20)

    def stop() -> None:
        stopper.append(threading.get_ident())
        stop_by(how, sequences, 1)

    sa.event.listen(store.engine, "after_cursor_execute", waits)
    thread, answers = threading.Thread(target=stop), []
    other = threading.Thread(target=lambda: answers.append(worker.process(claims[1])))
    try:
        thread.start()
        assert begun.wait(20)
        other.start()
        other.join(0.3)
        assert other.is_alive() and not answers
    finally:
        go_on.set()
        thread.join(30)
        other.join(30)
        sa.event.remove(store.engine, "after_cursor_execute", waits)
    assert answers == ["lost"]
    worker.close()


def test_stops_race_with_sending(engine: sa.Engine) -> None:
    """Two workers send while customers leave, unsubscribe and are deleted, and the sequence is paused now and then."""
    people = 24
    random.seed(f"race {engine.dialect.name}")
    sequences, race = raced(make_shop(engine, people), people, pause_every=8)
    assert race.late == [], "no mail begins after its stop was committed"
    assert people <= race.mails < people * STEPS and set(race.stops) == set(HOW) - {"off"}
    assert sum(runs(sequences).values()) == people and runs(sequences)["active"] == 0


def test_the_claim_reads_by_its_index(engine: sa.Engine) -> None:
    """However many deliveries there are, a claim looks at those that are due."""
    store = make_shop(engine, 300)
    sequences = make_sequences(store)
    sequences.save(sequence("1 day: hello"))
    store.refresh("anns")
    reads_by_index(sequences)


def reads_by_index(sequences: Sequences) -> None:
    """The plan of a claim goes along the index, in its order."""
    d, engine = sequences.tables.deliveries, sequences.setting.engine
    statement = (
        sa.select(d.c.id)
        .where(d.c.state == "planned", d.c.due_at <= DatabaseClock().now())
        .order_by(d.c.due_at, d.c.id)
        .limit(50)
    )
    text = str(statement.compile(engine, compile_kwargs={"literal_binds": True}))
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"ANALYZE {d.name}")
        plan = " ".join(str(row) for row in connection.exec_driver_sql(explain + text.replace("%", "%%")))
    assert f"ix_{d.name}_due" in plan
    assert "Sort" not in plan and "filesort" not in plan and "TEMP B-TREE" not in plan
