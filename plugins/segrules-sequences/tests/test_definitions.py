"""What a sequence may say, in Python and in files, and how a mistake is told."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from segrules.errors import SegmentError

from segrules_sequences import (
    Goal,
    Sequence,
    SequenceConflictError,
    SequenceError,
    Status,
    Step,
    TemplateError,
    Variant,
    Window,
)
from segrules_sequences.files import Action, load, plan
from segrules_sequences.lengths import DAYS, Cap, Delay
from segrules_sequences.spelling import from_plain, to_plain

from .shops import World, sequence

STEP = {"delay": "1 hour", "template": "t"}
AB = {"A": {"template": "a"}, "B": "b"}
SPLIT = {"delay": "1 hour", "name": "s"}
GOOD: dict[str, Any] = {"name": "s", "segment": "anns", "from": "Shop <shop@example.com>", "steps": [STEP]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "'' cannot name a sequence"),
        ({"colour": 1}, 'a sequence has no "colour"; there are name, segment, from'),
        ({"from": "nobody"}, "is no address to send from"),
        ({"steps": []}, "it has no steps"),
        ({"steps": "x"}, "steps are a list"),
        ({"steps": [STEP] * 2}, 'two steps are called "t"'),
        ({"steps": [{"delay": "1 hour"}]}, 'step 1 has no "template", and no "variants" either'),
        ({"steps": [{"template": "t"}]}, 'step 1 has no "delay"'),
        ({"steps": [{"delay": "1 hour", "variants": AB}]}, "no template to be called after; give it a name"),
        ({"steps": [{**SPLIT, "variants": AB, "template": "t"}]}, "has a template or variants, not both"),
        ({"steps": [{**SPLIT, "variants": {"A": "a"}}]}, 'step "s" has 1 variants; write 2 to 10'),
        ({"steps": [{**SPLIT, "variants": ["a", "b"]}]}, "variants are a table of them by their names"),
        ({"steps": [{**SPLIT, "variants": {**AB, "C": 5}}]}, 'step 1, variant "C" is 5; write its template'),
        ({"steps": [{**SPLIT, "variants": {**AB, "C": {"weight": 5}}}]}, 'variant "C" has no "template"'),
        (
            {"steps": [{**SPLIT, "variants": {**AB, "C": {"colour": 5}}}]},
            'variant "C" has no "colour"; there are template',
        ),
        ({"steps": [{**SPLIT, "variants": {**AB, " C": "c"}}]}, "' C' cannot name a variant"),
        (
            {"steps": [{**SPLIT, "variants": {**AB, "C": {"template": "c", "weight": 0.5}}}]},
            "weight is 0.5; write a whole",
        ),
        ({"steps": [{**SPLIT, "variants": {**AB, "C": {"template": "c", "weight": 1001}}}]}, "number from 0 to 1000"),
        (
            {"steps": [{**SPLIT, "variants": {n: {"template": n, "weight": 0} for n in "AB"}}]},
            "all variants have weight 0",
        ),
        ({"steps": [{**SPLIT, "variants": {**AB, "C": {"template": "c", "coupon": 5}}}]}, "coupon is 5; write a table"),
        (
            {"steps": [{**SPLIT, "coupon": {}, "variants": {**AB, "C": {"template": "c", "coupon": {}}}}]},
            "asked for by the step or by its variants, not both",
        ),
        ({"goal": "order"}, 'the goal is a table with "segment" or "event"'),
        ({"goal": {}}, 'the goal: a goal is a segment to enter, or an event: write segment = "…" or event = "…"'),
        ({"goal": {"segment": "a", "event": "b"}}, "a goal is a segment to enter, or an event"),
        (
            {"goal": {"event": "order", "after": "1 day"}},
            'the goal has no "after"; there are segment, event, within, ends',
        ),
        ({"goal": {"event": "order", "within": "0 days"}}, "within more than nothing and up to 366 days"),
        ({"goal": {"event": "order", "within": "soon"}}, "'soon' is no length of time"),
        ({"goal": {"event": "order", "ends": "yes"}}, "ends is 'yes'; write true or false"),
        ({"goal": {"event": "x" * 65}}, "cannot name a kind of event: use 1 to 64 printable characters"),
        ({"goal": {"segment": "anns"}}, 'has entered "anns" already: its goal is another segment'),
        ({"steps": [STEP, {**STEP, "delay": "soon", "name": "u"}]}, "step 2: 'soon' is no delay"),
        ({"steps": [{**STEP, "delay": "3 hours local"}]}, "only days and weeks can be local"),
        ({"steps": [{**STEP, "delay": "800 days"}]}, "longer than two years"),
        ({"steps": [{**STEP, "max_sends": 0}]}, "max_sends is 0"),
        ({"steps": [{**STEP, "coupon": "x"}]}, "write a table of what is asked for"),
        ({"steps": [{**STEP, "active": "yes"}]}, "write true or false"),
        ({"steps": [{**STEP, "on_coupon_error": "panic"}]}, '\'panic\' is none of "hold", "without", "skip"'),
        ({"steps": [STEP, {"delay": "1 minute", "template": "u"}]}, "put the steps in their order"),
        ({"steps": [{**STEP, "name": str(n)} for n in range(51)]}, "50 are the most"),
        ({"on": "sometimes"}, 'none of "enter", "exit"'),
        ({"status": "asleep"}, 'none of "active", "paused", "off"'),
        ({"delivery": "twice"}, 'none of "at_most_once", "reconcile", "at_least_once"'),
        ({"holdout": 100}, "per cent from 0 to 90"),
        ({"cap": "many"}, "is no cap"),
        ({"gap": "1 month"}, "is no length of time"),
        ({"reentry": "maybe"}, 'write "always", "never" or "after 30 days"'),
        ({"zone": "Mars/Olympus"}, "no time zone"),
        ({"stop": 1}, "write true or false"),
        ({"window": {"from": "9"}}, 'the window has no "to"'),
        ({"window": {"from": "09:00", "to": "09:00"}}, "is never open"),
        ({"window": {"from": "09:00", "to": "noon"}}, "no time of the day"),
        ({"window": {"from": "09:00", "to": "10:00", "days": ["mon", "someday"]}}, "'som' is no day of the week"),
        ({"window": "always"}, "the window is a table"),
    ],
)
def test_mistakes_are_told(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SequenceError) as raised:
        from_plain({**GOOD, **change})
    assert message in str(raised.value)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_is_written_is_read_again(data: st.DataObject) -> None:
    minutes = st.integers(0, 60_000).map(lambda number: timedelta(minutes=number))
    delays = sorted(data.draw(st.lists(minutes, min_size=1, max_size=5)))
    variants = st.lists(
        st.builds(
            Variant, name=st.sampled_from("ABCDE"), template=st.sampled_from("tu"), weight=st.integers(1, 9),
            coupon=st.none() | st.just({"rule": "ten"}),
        ),
        min_size=2, max_size=5, unique_by=lambda each: each.name,
    )  # fmt: skip
    steps = [
        Step(
            delay=Delay(timedelta(days=each.days), True) if number == 0 and data.draw(st.booleans()) else Delay(each),
            template="t",
            name=f"step {number}",
            not_after=data.draw(st.none() | minutes),
            max_sends=data.draw(st.none() | st.integers(1, 9)),
            coupon=data.draw(st.none() | st.just({"rule": "ten", "days": 3})),
        )
        if data.draw(st.booleans())
        else Step(delay=each, name=f"step {number}", variants=data.draw(variants))
        for number, each in enumerate(delays)
    ]
    made = sequence(
        *steps,
        window=data.draw(st.none() | st.just(Window(start="22:00", end="06:30", days=DAYS[:3]))),
        gap=data.draw(minutes),
        cap=data.draw(st.none() | st.just(Cap(2, timedelta(days=3)))),
        reentry=data.draw(st.none() | minutes),
        holdout=data.draw(st.integers(0, 90)),
        on=data.draw(st.sampled_from(["enter", "exit"])),
        overlap=data.draw(st.booleans()),
        goal=data.draw(
            st.none()
            | st.builds(Goal, segment=st.just("x"), ends=st.booleans())
            | st.builds(Goal, event=st.just("order"), within=st.integers(1, 9000).map(lambda n: timedelta(minutes=n)))
        ),
    )
    assert from_plain(to_plain(made)) == made


def test_versions_and_conflicts(small_world: World) -> None:
    sequences = small_world.sequences
    saved = sequences.save(sequence())
    assert saved.version == 1 and sequences.get("s") == saved
    again = sequences.save(attrs.evolve(saved, gap="2 days"))
    assert again.version == 2 and sequences.get("s").gap == timedelta(days=2)
    with pytest.raises(SequenceConflictError, match="at version 2, and yours is 1"):
        sequences.save(saved)
    with pytest.raises(SequenceConflictError, match="already, at version 2"):
        sequences.save(sequence())
    with pytest.raises(SequenceConflictError, match="not there any more"):
        sequences.save(attrs.evolve(saved, name="t"))
    with pytest.raises(SequenceError, match='there is no sequence "S "; did you mean "s"'):
        sequences.get("S ")
    sequences.delete("s")
    assert sequences.list() == []


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"segment": "nobody"}, SegmentError, 'there is no segment "nobody"'),
        ({"steps": ["0 minutes: missing"]}, TemplateError, "there is no template"),
        ({"sender": "pigeon"}, SequenceError, 'there is no sender "pigeon" here; there is "memory"'),
    ],
)
def test_what_is_not_there_is_told_when_it_is_saved(
    small_world: World, more: dict[str, Any], error: type[Exception], message: str
) -> None:
    steps = more.pop("steps", [])
    with pytest.raises(error, match=message):
        small_world.sequences.save(sequence(*steps, **more))
    assert small_world.sequences.list() == []


def test_two_enter_sequences_of_a_segment_only_when_both_overlap(small_world: World) -> None:
    small_world.sequences.save(sequence())
    with pytest.raises(SequenceError, match='runs on enter of "anns", as "s" does'):
        small_world.sequences.save(sequence(name="t", overlap=True))
    small_world.sequences.save(sequence(name="t", status=Status.OFF))


def test_a_folder_of_files(small_world: World, tmp_path: Path) -> None:
    (tmp_path / "cart.toml").write_text(
        'segment = "anns"\nfrom = "Shop <shop@example.com>"\nsender = "memory"\n'
        'window = { from = "09:00", to = "20:00", days = ["mon", "tue"] }\n'
        '[[steps]]\ndelay = "1 hour"\ntemplate = "one"\n[[steps]]\ndelay = "1 day local"\ntemplate = "two"\n'
    )
    sequences = small_world.sequences
    assert [each.action for each in sequences.plan(tmp_path)] == [Action.CREATE]
    sequences.load(tmp_path)
    cart = sequences.get("cart")
    assert isinstance(cart, Sequence) and [str(each.delay) for each in cart.steps] == ["1 hour", "1 days local"]
    assert [each.action for each in sequences.plan(tmp_path)] == [Action.KEEP]
    text = (tmp_path / "cart.toml").read_text()
    split = text.replace('template = "one"', 'name = "one"\nvariants = {B = "one", A = {template = "two", weight = 3}}')
    (tmp_path / "split.toml").write_text(split.replace('"anns"', '"all"') + '[goal]\nevent = "order"\nends = true\n')
    other = load(tmp_path)[1]
    assert other.goal == Goal(event="order", ends=True)
    assert other.steps[0].variants == (
        Variant(name="B", template="one"), Variant(name="A", template="two", weight=3),
    )  # fmt: skip
    turned = attrs.evolve(
        other, steps=(attrs.evolve(other.steps[0], variants=other.steps[0].variants[::-1]), *other.steps[1:])
    )
    assert plan([turned], [other])[0].fields == ("steps",), "the first one is what the others are held against"
    (tmp_path / "split.toml").unlink()
    (tmp_path / "cart.toml").write_text(text.replace("20:00", "21:00"))
    sequences.save(sequence(name="other", on="exit"))
    changes = sequences.load(tmp_path)
    assert [(each.sequence.name, each.action, each.fields) for each in changes] == [
        ("cart", Action.CHANGE, ("window",)), ("other", Action.IGNORE, ()),
    ]  # fmt: skip
    (tmp_path / "bad.toml").write_text('segment = "nobody"\nfrom = "a@b.example"\nsender = "memory"\n'
                                       '[[steps]]\ndelay = "1 hour"\ntemplate = "one"\n')  # fmt: skip
    (tmp_path / "cart.toml").write_text(text)
    with pytest.raises(SegmentError):
        sequences.load(tmp_path)
    assert sequences.get("cart").version == 2, "all of a folder or nothing"
    (tmp_path / "bad.toml").write_text("segment = ")
    with pytest.raises(SequenceError, match=r"bad\.toml cannot be read"):
        load(tmp_path)
    with pytest.raises(SequenceError, match="there is no folder"):
        load(tmp_path / "none")
