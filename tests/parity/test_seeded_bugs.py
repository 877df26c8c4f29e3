"""A list of bugs that somebody could write, each put into one interpreter or into both: the suite must find every one.

A bug in one interpreter has to be found by generated rules; one that is in both agrees with itself, so it has to be
found by the examples and the corpus.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from segrules import algebra, conditions, rule, sql
from segrules.algebra import (
    Aggregate,
    Compare,
    Const,
    Exists,
    Field,
    FirstPresent,
    Fold,
    HasElement,
    Kind,
    Match,
    Not,
    OneOf,
    OnMonthDay,
    Op,
    Or,
    Present,
    Source,
    TextMatch,
)
from segrules.memory import shapes as memory_shapes
from segrules.shop import Shop
from segrules.testing import Run, Stage, fresh
from segrules.testing.corpus import run_corpus
from segrules.testing.questions import ids_in_memory
from segrules.testing.suite import stated
from segrules.vocabulary import Vocabulary

OURS = Vocabulary.of(*conditions.segrules_condition_types())
CORPUS = Path(__file__).parents[1] / "corpus" / "answers"

#: How many generated rules a bug may survive.
CASES = 1500

Change = Callable[[Any], Any]
BUGS: dict[str, Change] = {}


def bug(change: Change) -> Change:
    """A change of one node of the algebra, on its way into an interpreter."""
    BUGS[change.__name__] = change
    return change


@bug
def a_comparison_with_a_missing_value_stays_false_under_not(node: Any) -> Any:
    if isinstance(node, Not) and isinstance(node.item, Compare | OneOf | TextMatch):
        term = node.item.left if isinstance(node.item, Compare) else node.item.term
        return algebra.all_of(node, Present(term)) if isinstance(term, Field) else node
    return node


@bug
def a_sum_of_nothing_is_missing(node: Any) -> Any:
    if isinstance(node, Compare) and isinstance(node.left, Aggregate) and node.left.fold is Fold.SUM:
        return algebra.all_of(node, Exists(node.left.source, algebra.TRUE))
    return node


@bug
def after_is_not_before(node: Any) -> Any:
    return attrs.evolve(node, op=Op.GE) if isinstance(node, Compare) and node.op is Op.GT else node


@bug
def until_is_before(node: Any) -> Any:
    return attrs.evolve(node, op=Op.LT) if isinstance(node, Compare) and node.op is Op.LE else node


@bug
def the_filter_of_rows_is_ignored(node: Any) -> Any:
    return attrs.evolve(node, where=algebra.TRUE) if isinstance(node, Source) else node


@bug
def one_missing_value_spoils_a_sum(node: Any) -> Any:
    if isinstance(node, Compare) and isinstance(node.left, Aggregate) and node.left.fold is Fold.SUM:
        missing = Exists(node.left.source, Not(Present(node.left.value)))
        return algebra.all_of(node, Not(missing))
    return node


@bug
def an_average_counts_missing_values(node: Any) -> Any:
    if isinstance(node, Aggregate) and node.fold is Fold.COUNT and node.kind is Kind.NUMBER:
        return attrs.evolve(node, value=None)
    return node


@bug
def trailing_blanks_do_not_count(node: Any) -> Any:
    return attrs.evolve(node, value=node.value.rstrip()) if _is_text(node) else node


@bug
def text_is_compared_with_its_case(node: Any) -> Any:
    if isinstance(node, Compare | OneOf | TextMatch) and node.kind is Kind.TEXT:
        return attrs.evolve(node, kind=Kind.CODE)
    return node


@bug
def codes_ignore_case(node: Any) -> Any:
    if isinstance(node, Compare | OneOf | TextMatch | Field | Const) and node.kind is Kind.CODE:
        return attrs.evolve(node, kind=Kind.TEXT)
    return node


@bug
def a_percent_sign_matches_anything(node: Any) -> Any:
    if isinstance(node, TextMatch) and isinstance(node.needle, Const) and isinstance(node.needle.value, str):
        return attrs.evolve(node, needle=attrs.evolve(node.needle, value=node.needle.value.strip("%")))
    return node


@bug
def starts_with_contains(node: Any) -> Any:
    if isinstance(node, TextMatch) and node.match is Match.STARTS:
        return attrs.evolve(node, match=Match.CONTAINS)
    return node


@bug
def empty_text_is_missing(node: Any) -> Any:
    if isinstance(node, Present) and isinstance(node.term, Field) and node.term.kind is Kind.TEXT:
        empty = Compare(Op.EQ, node.term, Const("", Kind.TEXT), Kind.TEXT)
        return algebra.all_of(node, Not(empty))
    return node


@bug
def moments_have_whole_seconds(node: Any) -> Any:
    if isinstance(node, Const) and isinstance(node.value, datetime):
        return attrs.evolve(node, value=node.value.replace(microsecond=0))
    return node


@bug
def summer_time_is_an_hour_off(node: Any) -> Any:
    if isinstance(node, Const) and isinstance(node.value, datetime) and 4 <= node.value.month <= 9:
        return attrs.evolve(node, value=node.value + timedelta(hours=1))
    return node


@bug
def the_29th_of_february_never_returns(node: Any) -> Any:
    return attrs.evolve(node, days=node.days - {229}) if isinstance(node, OnMonthDay) else node


@bug
def first_and_last_change_places(node: Any) -> Any:
    if isinstance(node, algebra.Pick):
        return attrs.evolve(node, latest=not node.latest)
    return node


@bug
def of_equal_moments_the_smaller_id_is_the_last(node: Any) -> Any:
    """Picks by id alone, which differs from the right order just where moments tie or run against ids."""
    if isinstance(node, algebra.Pick) and node.by is not None:
        return attrs.evolve(node, by=None, latest=not node.latest)
    return node


@bug
def a_pick_chooses_among_all_rows(node: Any) -> Any:
    if isinstance(node, Source) and node.pick is not None:
        return attrs.evolve(node, where=algebra.TRUE)
    return node


@bug
def different_values_are_just_counted(node: Any) -> Any:
    if isinstance(node, Aggregate) and node.fold is Fold.COUNT_DISTINCT:
        return attrs.evolve(node, fold=Fold.COUNT)
    return node


@bug
def the_website_of_orders_is_ignored(node: Any) -> Any:
    if isinstance(node, OneOf) and isinstance(node.term, Field) and node.term.name == "website" and node.term.row.depth:
        return algebra.TRUE
    return node


@bug
def inactive_customers_are_members(node: Any) -> Any:
    if isinstance(node, Not) and isinstance(node.item, Compare):
        left = node.item.left
        return algebra.TRUE if isinstance(left, Field) and left.name == "is_active" else node
    return node


@bug
def without_a_default(node: Any) -> Any:
    return node.terms[0] if isinstance(node, FirstPresent) else node


@bug
def numbers_have_two_decimals(node: Any) -> Any:
    if isinstance(node, Const) and isinstance(node.value, Decimal):
        return attrs.evolve(node, value=node.value.quantize(Decimal("0.01")))
    return node


@bug
def any_element_will_do(node: Any) -> Any:
    return attrs.evolve(node, element=None) if isinstance(node, HasElement) else node


@bug
def or_is_and(node: Any) -> Any:
    return algebra.And(node.items) if isinstance(node, Or) else node


@bug
def the_largest_is_the_smallest(node: Any) -> Any:
    if isinstance(node, Aggregate) and node.fold is Fold.MAX:
        return attrs.evolve(node, fold=Fold.MIN)
    return node


def _is_text(node: Any) -> bool:
    return isinstance(node, Const) and isinstance(node.value, str)


def rewritten(node: Any, change: Change) -> Any:
    """A tree of the algebra with every node changed, the innermost first."""
    changed: dict[str, Any] = {}
    for attribute in attrs.fields(type(node)):
        value = getattr(node, attribute.name)
        if attrs.has(type(value)):
            changed[attribute.name] = rewritten(value, change)
        elif isinstance(value, tuple):
            changed[attribute.name] = tuple(
                rewritten(each, change) if attrs.has(type(each)) else each for each in value
            )
    return change(attrs.evolve(node, **changed) if changed else node)


def into_sql(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    right = sql.plan
    monkeypatch.setattr(sql, "plan", lambda predicate, *rest: right(rewritten(predicate, change), *rest))


def into_memory(monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    right = rule.compile_predicate
    monkeypatch.setattr(rule, "compile_predicate", lambda predicate, *rest: right(rewritten(predicate, change), *rest))


@pytest.fixture(scope="module")
def shop() -> Any:
    return Shop.default("Europe/Rome", vocabulary=OURS)


@pytest.fixture(scope="module")
def stage(shop: Any) -> Iterator[Stage]:
    with fresh("sqlite") as backend:
        opened = Stage(backend, shop)
        yield opened
        opened.close()


def is_found(shop: Any, stage: Stage, cases: int = CASES) -> bool:
    return bool(Run(shop, [stage], "bugs", shrinks=False).go(cases).mismatches)


@pytest.mark.parametrize("name", BUGS)
@pytest.mark.parametrize("put_in", [into_sql, into_memory])
def test_a_bug_in_one_interpreter_is_found(
    name: str, put_in: Any, shop: Any, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in(monkeypatch, BUGS[name])
    assert is_found(shop, stage), f"{name} survived {CASES} generated rules"


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_in_both_interpreters_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    into_memory(monkeypatch, BUGS[name])
    assert wrong_examples() or corpus_fails(), f"{name} survived the examples and the corpus"


def wrong_examples() -> list[str]:
    """The rules of the examples that no longer tell the customer that matches from the one that does not."""
    default = Shop.default(vocabulary=OURS)
    asked = ((each.rule, *stated(each, default)) for type_ in OURS for each in type_.type.examples)
    return [text for text, question, customers in asked if ids_in_memory(question, customers) != {1}]


def corpus_fails() -> bool:
    try:
        run_corpus(CORPUS, vocabulary=OURS)
    except AssertionError:
        return True
    return False


@contextmanager
def sqlite_folds_by(stage: Stage, fold: Callable[[str], str]) -> Iterator[None]:
    raw = stage.connection.connection.driver_connection
    raw.create_function("segrules_fold", 1, lambda text: None if text is None else fold(text), deterministic=True)
    try:
        yield
    finally:
        raw.create_function(
            "segrules_fold", 1, lambda text: None if text is None else algebra.fold(text), deterministic=True
        )


def ascii_only(text: str) -> str:
    return "".join(each.lower() if each.isascii() else each for each in text)


@pytest.mark.parametrize("fold", [str.lower, str.casefold, ascii_only], ids=["str.lower", "str.casefold", "ascii"])
def test_another_way_to_ignore_case_is_found(fold: Callable[[str], str], shop: Any, stage: Stage) -> None:
    with sqlite_folds_by(stage, fold):
        assert is_found(shop, stage)


@pytest.mark.parametrize("fold", [str.lower, str.casefold, ascii_only], ids=["str.lower", "str.casefold", "ascii"])
def test_another_way_to_ignore_case_in_memory_is_found(
    fold: Callable[[str], str], shop: Any, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [each for each in vars(memory_shapes).values() if isinstance(each, dict) and "fold" in each]
    assert places, "the compiler's names hold fold"
    for names in places:
        monkeypatch.setitem(names, "fold", fold)
    if fold is not ascii_only:
        assert is_found(shop, stage)


def test_the_right_interpreters_pass(shop: Any, stage: Stage) -> None:
    """Without a bug the same run finds nothing, so that finding something means something."""
    assert not is_found(shop, stage, 300)
    assert not wrong_examples()
    assert not corpus_fails()
