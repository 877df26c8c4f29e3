"""Split tests: who gets which variant, that it stays so, and what preview, dry run and statistics know of it."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from math import sqrt
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from segrules.hookspecs import hookimpl

from segrules_sequences import SequenceError, Step, TemplateError, Variant
from segrules_sequences.ports import Temporary
from segrules_sequences.simulation import population, simulate
from segrules_sequences.split import frozen_variant, is_held_out, variant

from .conftest import NOON
from .shops import World, add_customers, rename, sequence, states


def step(name: str, delay: str = "0 minutes", **weights: int) -> Step:
    """A step whose variants have templates of their names."""
    variants = [Variant(name=each, template=f"{name}-{each}", weight=weight) for each, weight in weights.items()]
    return Step(delay=delay, name=name, variants=variants)


def chosen(uid: str, customer: Any, given: Step) -> str:
    found = variant(uid, customer, given)
    assert found is not None
    return found.name


# --- who gets what ---


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=2, max_size=6).filter(any), st.text("0123456789abcdef", min_size=8))
def test_the_parts_are_as_large_as_their_weights(weights: list[int], uid: str) -> None:
    many = 4_000
    given = step("s", **{f"v{number}": weight for number, weight in enumerate(weights)})
    counts = Counter(chosen(uid, customer, given) for customer in range(many))
    for number, weight in enumerate(weights):
        share = weight / sum(weights)
        # Six standard deviations, and nobody at all for none.
        assert abs(counts[f"v{number}"] - many * share) <= 6 * sqrt(many * share * (1 - share))


def test_variants_are_split_alike_among_those_who_are_not_held_out() -> None:
    given, many = step("s", A=50, B=50), 40_000
    left = [each for each in range(many) if not is_held_out("uid", each, 50)]
    share = Counter(chosen("uid", each, given) for each in left)["A"] / len(left)
    assert abs(len(left) / many - 0.5) < 0.015 and abs(share - 0.5) < 0.02


def test_the_choice_is_the_same_on_every_host_and_in_every_release() -> None:
    given = step("s", A=50, B=30, C=20)
    assert "".join(chosen("5f2b", each, given) for each in range(24)) == "AAACAAABBBBAAAABABAABBBA"
    assert chosen("5f2b", "4c0d2a64-0b0a-4c39-a3a2-9d6e0e3a7d0f", given) == "C"
    assert "".join("01"[is_held_out("5f2b", each, 30)] for each in range(24)) == "000001001011001001110100"


def test_when_weights_change_few_change_sides() -> None:
    even, more = step("s", A=50, B=50), step("s", A=60, B=40)
    moved = Counter((chosen("u", each, even), chosen("u", each, more)) for each in range(5_000))
    assert moved["A", "B"] == 0 and 0.08 < moved["B", "A"] / 5_000 < 0.12


# --- it stays so ---


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_weights_are_frozen_where_a_run_began(data: st.DataObject) -> None:
    names = st.lists(st.sampled_from("ABCDE"), min_size=2, max_size=5, unique=True)

    def any_step() -> Step:
        weights = {each: data.draw(st.integers(0, 9)) for each in data.draw(names)}
        weights[min(weights)] += 1
        return step("s", **weights)

    begun, now = any_step(), any_step()
    for customer in range(30):
        old, found = variant("u", customer, begun), frozen_variant("u", customer, now, begun)
        assert old is not None and found is not None and found in now.variants
        if now.variant(old.name) is not None:
            assert found.name == old.name, "whatever its weight is by now"
        else:
            assert found == variant("u", customer, now)
        assert frozen_variant("u", customer, now, None) == variant("u", customer, now)


def test_edits_change_nothing_for_runs_that_go_on(world: World) -> None:
    add_customers(world.store, range(10, 40))
    saved = world.sequences.save(sequence(step("one", A=50, B=50), step("two", "2 days", A=50, B=50)))
    world.refresh()
    world.work()
    first = dict(world.took())
    assert len(first) == 33 and set(first.values()) == {"one-A", "one-B"}
    saved = world.sequences.save(
        attrs.evolve(saved, steps=(step("one", A=1, B=0), step("two", "2 days", A=0, B=0, C=1)))
    )
    add_customers(world.store, range(50, 70))
    world.pass_by(days=1).refresh()
    world.work()
    assert {name for _, name in world.took()} == {"one-A"}, "who enters now gets it by the weights of now"
    world.pass_by(days=3)
    second = dict(world.took())
    assert {who: second[who] for who in first} == {who: name.replace("one", "two") for who, name in first.items()}
    assert {second[who] for who in second.keys() - first.keys()} == {"two-C"}


def test_a_variant_that_is_gone_is_replaced_and_a_mail_that_is_tried_again_is_not(world: World) -> None:
    saved = world.sequences.save(sequence(step("one", A=1, B=1), step("two", "2 days", A=1, B=1)))
    world.refresh()
    world.memory.answers = [Temporary("later")] * 3
    world.work()
    one = set(rows(world, "variant"))
    world.sequences.save(attrs.evolve(saved, steps=(step("one", C=1, D=0), step("two", "2 days", C=1, D=0))))
    world.pass_by(minutes=5)
    assert {name.removeprefix("one-") for _, name in world.took()} == one, "the mail was written already"
    assert set(rows(world, "variant")) == one, "and its variant is still told"
    world.pass_by(days=3)
    assert {name for _, name in world.took()} == {"two-C"}


def rows(world: World, column: str) -> list[Any]:
    d = world.sequences.tables.deliveries
    with world.store.engine.connect() as connection:
        return list(connection.scalars(sa.select(d.c[column]).where(d.c[column].is_not(None))))


# --- what is told of it ---


def test_statistics_tell_of_each_variant(world: World) -> None:
    add_customers(world.store, range(10, 40))
    world.sequences.save(sequence(step("one", A=50, B=50), "1 day: two", holdout=50))
    world.refresh()
    world.work()
    sent = Counter(name for _, name in world.took())
    (figures,) = world.sequences.statistics()
    one, two = figures.steps
    assert [(each.variant, each.sent) for each in one.variants] == [("A", sent["one-A"]), ("B", sent["one-B"])]
    assert one.sent == sum(sent.values()) and figures.held_out == 33 - one.sent > 0
    assert one.goal is None and figures.mailed is None and two.variants == ()
    assert (figures.started, figures.running) == (33, 33 - figures.held_out)


def test_who_is_held_out_goes_through_all_steps_and_comes_again_like_the_others(world: World) -> None:
    world.sequences.save(sequence("0 minutes: one", "2 days: two", holdout=90, reentry="always"))
    add_customers(world.store, range(10, 40))
    world.refresh()
    world.work()
    (before,) = world.sequences.statistics()
    assert before.held_out > 20 and world.sequences.standing().planned == 33, "their second step is planned as well"
    for name in ("Bob", "Ann"):
        for customer in range(10, 20):
            rename(world.store, customer, name)
        world.pass_by(hours=6).refresh()
    world.pass_by(days=3).pass_by(days=2)
    (after,) = world.sequences.statistics()
    assert after.started == 43 and after.held_out > before.held_out and not after.running
    assert set(after.steps[1].reasons) <= {"held out", "left the segment"}
    assert after.sent == len(world.took())


def test_a_percentage_that_changes_moves_nobody_whose_run_has_begun(world: World) -> None:
    saved = world.sequences.save(sequence("0 minutes: one", "2 days: two"))
    world.refresh()
    world.work()
    world.sequences.save(attrs.evolve(saved, holdout=90))
    world.pass_by(days=3)
    assert states(world.sequences) == {"sent": 6}


def test_each_variant_can_be_seen_before(small_world: World) -> None:
    world = small_world
    world.sequences.save(sequence(step("one", A=1, B=1), "1 day: two"))
    uid = rows_of_sequences(world)["uid"]
    mine = world.sequences.preview("s", 1, 1).subject
    assert mine == f"one-{chosen(uid, 1, world.sequences.get('s').steps[0])}"
    assert {world.sequences.preview("s", 1, 1, variant=each).subject for each in "AB"} == {"one-A", "one-B"}
    with pytest.raises(SequenceError, match='the step "one" has no variant "C"; there is "A", "B"'):
        world.sequences.preview("s", 1, 1, variant="C")
    with pytest.raises(SequenceError, match='the step "two" has no variant "A"; there is none'):
        world.sequences.preview("s", "two", 1, variant="A")
    world.refresh()
    world.work()
    assert dict(world.took())["c1@example.org"] == mine


def rows_of_sequences(world: World) -> Mapping[str, Any]:
    with world.store.engine.connect() as connection:
        return connection.execute(sa.select(world.sequences.tables.sequences)).mappings().one()


def test_every_template_is_looked_at_when_it_is_saved(small_world: World) -> None:
    variants = [Variant(name="A", template="there"), Variant(name="B", template="missing", weight=0)]
    with pytest.raises(TemplateError, match="missing"):
        small_world.sequences.save(sequence(Step(delay="0 minutes", name="one", variants=variants)))


def test_a_dry_run_knows_variants_and_is_the_same_each_time() -> None:
    start = datetime(2026, 11, 16, 9, tzinfo=UTC)
    cart = sequence(step("one", A=80, B=20), step("two", "2 days", A=80, B=20), holdout=10)
    one, again = (simulate([cart], population(60, start, 1), start=start, days=3) for _ in range(2))
    assert one.by_step() == again.by_step() and one.skipped == again.skipped
    counts = one.by_step()
    assert set(counts) == {"s 1 one-A (A)", "s 1 one-B (B)", "s 2 two-A (A)", "s 2 two-B (B)"}
    assert counts["s 1 one-A (A)"] > counts["s 1 one-B (B)"]
    of = {each.person: each.variant for each in one.mails if each.step == 1}
    assert all(of[each.person] == each.variant for each in one.mails if each.step == 2)


def test_a_variant_may_have_a_coupon_of_its_own(small_world: World) -> None:
    class Coupons:
        @hookimpl
        def segrules_step_context(self, step: Any) -> Mapping[str, Any]:
            return {} if step.coupon is None else {"coupon_code": f"{step.coupon['rule']}:{step.template}"}

    world = World(small_world.store, NOON, plugins=[Coupons()])
    with_one = Variant(name="with", template="save-ten", coupon={"rule": "ten"})
    one = Step(delay="0 minutes", name="one", variants=[with_one, Variant(name="without", template="hello")])
    world.sequences.save(sequence(one))
    add_customers(world.store, range(10, 40))
    world.refresh()
    world.work()
    texts = Counter(mail.mime.decode().split("\r\n\r\n")[1].strip() for mail in world.memory.mails)
    assert set(texts) == {"save-ten Ann ten:save-ten", "hello Ann"}
    world.close()
