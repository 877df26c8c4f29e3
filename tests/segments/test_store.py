"""What every database must give alike."""

import json
import logging
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
import sqlalchemy as sa

import segrules as sr
from segrules.segments import Mode, Segment, SegmentStore, Status

from .shops import LATER, NOW, Ear, ids, rename


def named(name: str, letter: str = "a", **more: Any) -> Segment:
    return Segment(name=name, rule=f'customer.first_name is "{letter}"', **more)


def test_the_life_of_a_segment(store: SegmentStore, ear: Ear) -> None:
    saved = store.save(named("As", title="Ünder 5 €", description="two\nlines", priority=2))
    assert (saved.version, saved.title, saved.description) == (1, "Ünder 5 €", "two\nlines")
    assert saved.created_at is not None
    assert saved.created_at.tzinfo is not None
    assert store.state("As").status is Status.PENDING
    first = store.refresh("As", at=NOW)
    assert (first.matched, first.entered, first.left, first.error) == (4, 4, 0, None)
    assert ear.latest() == ("As", "refresh", [1, 4, 7, 10], [])
    state = store.state("As")
    assert (state.status, state.members, state.at, state.message) == (Status.COMPLETED, 4, NOW, None)
    rename(store, {1: "b", 2: "a", 4: "c"})
    second = store.refresh("As", at=LATER)
    assert (second.matched, second.entered, second.left) == (3, 1, 2)
    assert ear.latest() == ("As", "refresh", [2], [1, 4])
    assert [(each.customer_id, each.since) for each in store.members("As")] == [(2, LATER), (7, NOW), (10, NOW)]
    assert store.refresh("As", at=LATER).entered == 0
    assert ear.heard == []
    points = [(each.at, each.members, each.entered, each.left, each.reason.value) for each in store.history("As")]
    assert points == [(NOW, 4, 4, 0, "refresh"), (LATER, 3, 1, 2, "refresh"), (LATER, 3, 0, 0, "refresh")]
    assert len(store.history("As", limit=1)) == 1
    store.deactivate("As")
    assert ear.latest() == ("As", "deactivated", [], [2, 7, 10])
    assert ids(store, "As") == []
    assert store.refresh("As").skipped == "the segment is inactive"
    assert ear.heard == []
    store.activate("As")
    assert store.state("As").status is Status.PENDING
    assert store.refresh("As").entered == 3
    renamed = store.rename("As", "letters")
    assert ids(store, renamed.name) == [2, 7, 10]
    ear.heard.clear()
    store.delete("letters")
    assert ear.latest() == ("letters", "deleted", [], [2, 7, 10])
    assert store.list() == []
    with store.engine.connect() as connection:
        for table in store.metadata.sorted_tables:
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0


def test_reading(store: SegmentStore) -> None:
    store.save_all([named("a", priority=1), named("A", "b", priority=5), named("Z", "a", priority=5, websites="uk")])
    assert [each.name for each in store.list()] == ["A", "Z", "a"]
    assert not any(each.failed for each in store.refresh_all(at=NOW))
    assert (store.contains("a", 1), store.contains("a", 2), store.contains("A", 2)) == (True, False, True)
    assert store.segments_of(1) == ["Z", "a"]
    assert store.segments_of(99) == []
    assert ids(store, "a", website="uk") == [1, 7]
    assert ids(store, "a", website=["uk", "main"]) == [1, 4, 7, 10]
    assert ids(store, "Z") == [1, 7]
    assert (store.size("a"), store.size("a", website="main")) == (4, 2)
    pages, after = [], None
    while page := store.page("a", after=after, limit=3):
        pages.append([each.customer_id for each in page])
        after = page[-1].customer_id
    assert pages == [[1, 4, 7], [10]]
    shared = store.overlap(["a", "A", "Z"])
    assert {names: shared[names] for names in [("a", "a"), ("a", "A"), ("a", "Z"), ("Z", "a")]} == {
        ("a", "a"): 4, ("a", "A"): 0, ("a", "Z"): 2, ("Z", "a"): 2,
    }  # fmt: skip
    for ask in (store.get, store.refresh, store.state, store.page, lambda name: store.contains(name, 1)):
        with pytest.raises(sr.SegmentError, match='no segment "z"; did you mean "Z"'):
            ask("z")


def test_members_move_with_their_website(store: SegmentStore, ear: Ear) -> None:
    store.save(named("a"))
    store.refresh("a", at=NOW)
    customers = store.shop.mapping.entity("").source
    with store.engine.begin() as connection:
        moving = sa.update(customers).where(sa.column("id").in_([1, 4, 7]))  # type: ignore[arg-type]
        connection.execute(moving.values(website_id=sa.case((sa.column("id") == 7, None), else_=2)))
    assert store.refresh("a", at=LATER, customers=[4]).entered == 0
    assert ids(store, "a", website="uk") == [1, 7]
    ear.heard.clear()
    assert store.refresh("a", at=LATER).entered == 0
    assert (ids(store, "a", website="uk"), ids(store, "a", website="main")) == ([], [1, 4, 10])
    assert [(each.customer_id, each.website) for each in store.page("a", after=4, limit=1)] == [(7, None)]
    assert ear.heard == []


def test_live_checks_and_trials(store: SegmentStore) -> None:
    segment = store.save(named("a", groups="staff"))
    store.refresh("a")
    assert ids(store, "a") == []
    rename(store, {3: "a", 1: "x"})
    assert (store.contains("a", 3), store.matches("a", 3)) == (False, True)
    assert (store.matches("a", 4), store.matches("a", 99)) == (False, False)
    assert store.preview('customer.first_name is "a"') == 4
    assert store.preview(sr.parse('customer.first_name is "c"')) == 3
    difference = store.difference(attrs.evolve(segment, groups=(), rule='customer.first_name in ("a", "c")'), samples=3)
    assert (difference.before, difference.after, difference.entering, difference.leaving) == (0, 7, 7, 0)
    assert difference.some_entering == (3, 4, 6)
    store.refresh("a")
    difference = store.difference(attrs.evolve(segment, rule="customer.id in (6, 9)"))
    assert (difference.some_entering, difference.some_leaving) == ((6, 9), (3,))
    passing = store.attrition('customer.first_name in ("a", "c") and customer.website is uk and customer.id != 3')
    assert [(each.alone, each.together) for each in passing] == [(12, 12), (7, 7), (6, 3), (11, 2)]
    assert passing[1].text == 'customer.first_name in ("a", "c")'
    store.deactivate("a")
    assert not store.matches("a", 3)
    assert ids(store, "a") == []


def test_only_some_customers(store: SegmentStore, ear: Ear) -> None:
    store.save(named("a"))
    assert store.refresh("a", customers=[1]).entered == 4, "the first time everybody is judged"
    rename(store, {1: "b", 2: "a", 4: "b", 5: "a"})
    ear.heard.clear()
    change = store.refresh("a", at=LATER, customers=[1, 2, 7, 99, 1])
    assert (change.matched, change.entered, change.left) == (4, 1, 1)
    assert ear.latest() == ("a", "partial", [2], [1])
    assert ids(store, "a") == [2, 4, 7, 10]
    customers = store.shop.mapping.entity("").source
    changed = sa.select(customers.c.id).where(customers.c.id.in_([4, 5]))
    assert store.refresh_all(["a"], customers=changed)[0].matched == 4
    assert ids(store, "a") == [2, 5, 7, 10]
    assert store.refresh("a", customers=[]).matched == 4
    store.save(attrs.evolve(store.get("a"), rule="true"))
    assert store.refresh("a", customers=[1]).matched == 12, "after a change of the rule everybody is judged"


def test_segments_in_segments(store: SegmentStore) -> None:
    store.save(named("z"))
    store.save(Segment(name="m", rule='in segment "z" and customer.website is uk'))
    store.save(Segment(name="a", rule='not in segment "m" and in segment "z"'))
    assert [each.segment for each in store.refresh_all()] == ["z", "m", "a"]
    assert (ids(store, "m"), ids(store, "a")) == ([1, 7], [4, 10])
    rule = sr.parse('in segment "m"', store.shop)
    with store.engine.connect() as connection:
        assert rule.count(connection, store.shop, segments=store.segments_for(rule)) == 2
    assert store.matches("a", 4)
    with pytest.raises(sr.SegmentError, match='"z" cannot be deleted: it is used by "a", "m"'):
        store.delete("z")
    with pytest.raises(sr.SegmentError, match='"m" cannot be renamed: it is used by "a"'):
        store.rename("m", "n")
    with pytest.raises(sr.SegmentError, match="in a circle: "):
        store.save(attrs.evolve(store.get("m"), rule='in segment "a"'))
    with pytest.raises(sr.SegmentError, match="cannot refer to itself"):
        store.save(attrs.evolve(store.get("m"), rule='in segment "m"'))
    with pytest.raises(sr.SegmentError, match='no segment "zz"; did you mean "z"'):
        store.save(Segment(name="new", rule='in segment "zz"'))
    assert [each.name for each in store.list()] == ["a", "m", "z"]
    store.deactivate("z")
    store.refresh_all()
    assert (ids(store, "m"), ids(store, "a")) == ([], [])
    store.delete("a")
    store.delete("m")
    store.delete("z")


def test_two_editors(store: SegmentStore) -> None:
    store.save(named("a"))
    mine, yours = store.get("a"), store.get("a")
    assert store.save(attrs.evolve(mine, title="mine")).version == 2
    with pytest.raises(sr.SegmentConflictError, match="at version 2, and yours is 1"):
        store.save(attrs.evolve(yours, title="yours"))
    with pytest.raises(sr.SegmentConflictError, match="already, at version 2"):
        store.save(named("a"))
    with pytest.raises(sr.SegmentConflictError, match="not there any more"):
        store.save(attrs.evolve(mine, name="gone"))
    assert store.get("a").title == "mine"


def test_what_cannot_be_stored(store: SegmentStore) -> None:
    with pytest.raises(sr.ParameterError, match=":letter"):
        store.save(Segment(name="p", rule="customer.first_name is :letter"))
    with pytest.raises(sr.RuleError, match="broken:1:1"):
        store.save_all([named("fine"), Segment(name="broken", rule="nonsense")])
    assert store.list() == []
    for name in ("", " a", "a\n", "x" * 200):
        with pytest.raises(sr.SegmentError, match="cannot name a segment"):
            named(name)


def test_one_failing_segment_stops_no_other(store: SegmentStore, caplog: pytest.LogCaptureFixture) -> None:
    store.save_all([named("one"), named("two"), named("three")])
    broken = store.tables.segments
    with store.engine.begin() as connection:
        connection.execute(sa.update(broken).where(broken.c.name == "one").values(rule="customer.nonsense is 1"))
    told = []
    with caplog.at_level(logging.INFO, "segrules.refresh"):
        done = store.refresh_all(progress=lambda number, of, latest: told.append((number, of, latest.segment)))
    assert {each.segment: each.matched for each in done} == {"one": 0, "two": 4, "three": 4}
    assert told == [(1, 3, "one"), (2, 3, "three"), (3, 3, "two")]
    state = store.state("one")
    assert state.status is Status.ERROR
    assert "nonsense" in (state.message or "")
    lines = {record.refresh["segment"]: record for record in caplog.records}
    assert lines["one"].levelname == "ERROR"
    assert "segment=two status=completed" in lines["two"].getMessage()
    assert {"members", "entered", "left", "seconds", "memory"} <= set(lines["two"].refresh)
    with pytest.raises(sr.RuleError):
        store.refresh("one")


def test_a_listener_that_raises_undoes_the_change(store: SegmentStore, ear: Ear) -> None:
    store.save(named("a"))
    store.refresh("a")
    rename(store, {1: "b", 2: "a"})
    notes = sa.Table("notes", sa.MetaData(), sa.Column("customer_id", sa.BigInteger))
    notes.create(store.engine)

    def note(connection: sa.Connection, change: sr.MembersChanged) -> None:
        rows = change.entered.subquery()
        connection.execute(notes.insert().from_select(["customer_id"], sa.select(rows.c.customer_id)))
        raise ValueError("no more paper")

    noting = SegmentStore(store.engine, store.shop, listeners=[note])
    with pytest.raises(ValueError, match="no more paper"):
        noting.refresh("a")
    try:
        assert ids(store, "a") == [1, 4, 7, 10]
        state = store.state("a")
        assert (state.status, state.message) == (Status.ERROR, "ValueError: no more paper")
        with store.engine.connect() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(notes)) == 0
        with pytest.raises(ValueError, match="no more paper"):
            noting.delete("a")
        assert ids(store, "a") == [1, 4, 7, 10]
        assert store.refresh("a").entered == 1
        assert store.state("a").status is Status.COMPLETED
    finally:
        notes.drop(store.engine)


def test_what_is_due(store: SegmentStore) -> None:
    store.save_all([named("auto"), named("manual", mode=Mode.MANUAL), named("off", active=False)])
    six = datetime(2025, 7, 4, 6, tzinfo=UTC)
    assert [each.segment for each in store.refresh_due(six)] == ["auto"]
    assert store.refresh_due(six) == []
    assert store.refresh_due(datetime(2025, 7, 5, 4, 59, tzinfo=UTC)) == []
    assert [each.segment for each in store.refresh_due(datetime(2025, 7, 5, 5, tzinfo=UTC))] == ["auto"]
    store.save(attrs.evolve(store.get("auto"), title="another"))
    assert store.refresh_due(datetime(2025, 7, 5, 6, tzinfo=UTC)) == []
    store.save(attrs.evolve(store.get("auto"), rule="true"))
    assert [each.matched for each in store.refresh_due(datetime(2025, 7, 5, 6, tzinfo=UTC))] == [12]


def test_exports_read_back(store: SegmentStore, tmp_path: Any) -> None:
    import csv

    store.save(named("a"))
    store.refresh("a", at=NOW)
    rename(store, {4: 'q"uo,te\nü'})
    fields = ["first_name", "email", "created_at", "group"]
    for ending in ("csv", "jsonl", "parquet"):
        assert store.export("a", tmp_path / f"a.{ending}", fields=fields) == 4
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["customer_id"] for row in rows] == ["1", "4", "7", "10"]
    assert rows[1] == {
        "customer_id": "4", "website": "main", "since": "2025-07-04T12:00:00Z", "first_name": 'q"uo,te\nü',
        "email": "c4@example.org", "created_at": "2020-01-01T00:00:00Z", "group": "",
    }  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[1] == {**rows[1], "customer_id": 4, "group": None}
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(tmp_path / "a.parquet").to_pylist()
    assert [row["customer_id"] for row in table] == [1, 4, 7, 10]
    assert (table[1]["since"], table[1]["created_at"]) == (NOW, datetime(2020, 1, 1, tzinfo=UTC))
    assert (table[1]["first_name"], table[1]["group"]) == ('q"uo,te\nü', None)
    assert store.export("a", tmp_path / "none.parquet", website="elsewhere") == 0
    with pytest.raises(sr.SegmentError, match="does not tell its format"):
        store.export("a", tmp_path / "a.txt")
    with pytest.raises(sr.SegmentError, match='no field "birthday" that can be exported'):
        store.export("a", tmp_path / "a.csv", fields=["birthday"])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "a.jsonl", "a.parquet", "none.parquet"]
