"""The promise of a condition type, as a class of tests: ``TestOrder = parity_suite(Order)``.

The class needs the fixture ``stages`` of :mod:`segrules.testing.plugin`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from segrules.condition import ConditionType, Example
from segrules.rule import parse
from segrules.shop.shop import DefaultShop, Shop
from segrules.testing.comparing import Run
from segrules.testing.filling import whole
from segrules.testing.questions import RuleQuestion, ids_in_memory
from segrules.testing.scene import Scene
from segrules.testing.stage import Stage
from segrules.testing.steps import neighbours
from segrules.vocabulary import Vocabulary

#: Opens the stages of a shop; see ``segrules.testing.plugin``.
Stages = Callable[[DefaultShop], Any]


#: How often the fields that no rule mentioned are tried once more.
MORE_ROUNDS = 8


def parity_suite(
    type_: type[ConditionType],
    vocabulary: Vocabulary | None = None,
    timezones: tuple[str, ...] = ("UTC", "Europe/Rome"),
) -> type:
    """A class of tests that hold a condition type to the promise that SQL and memory agree.

    ``vocabulary``: the words around it; those that are installed when none is given. Its examples must come out as
    they say in memory and on every backend, and both must agree with each value of an example moved by one step
    and in all generated rules about each of its fields. Each field must explain itself.
    """

    class Suite:
        def words(self) -> Vocabulary:
            """The vocabulary with the type in it."""
            words = vocabulary if vocabulary is not None else Vocabulary.installed()
            return words if type_.word in words.relations else words.extended(type_)

        def test_explains_itself(self) -> None:
            """The type and each of its fields have a help text that is a sentence, and examples show its use."""
            assert type_.help().endswith("."), f"{type_.__name__} needs a docstring that ends with a full stop"
            for name, field in type_.fields.items():
                assert field.help.endswith("."), f"{type_.word}.{name} needs a help text that ends with a full stop"
            assert type_.examples, f"{type_.__name__} needs an example, a customer that matches and one that does not"

        @pytest.mark.parametrize("example", type_.examples, ids=lambda each: each.rule)
        def test_example(self, example: Example, stages: Stages) -> None:
            """What an example says is so, in memory and on every backend."""
            shop = Shop.default(vocabulary=self.words())
            question, customers = stated(example, shop)
            wanted = frozenset({1})
            assert ids_in_memory(question, customers) == wanted, f"in memory, {customers}"
            with stages(shop) as opened:
                for stage in opened:
                    stage.put(customers)
                    assert stage.ids(question) == wanted, f"on {stage.name}\n{stage.explained(question)}"

        @pytest.mark.parametrize("example", type_.examples, ids=lambda each: each.rule)
        def test_one_step_further(self, example: Example, stages: Stages) -> None:
            """With each number, day and moment of an example moved by one step, memory and every backend agree."""
            shop = Shop.default(vocabulary=self.words())
            question, _ = stated(example, shop)
            plain = [example.matches, example.misses]
            plain += [moved for each in plain[:2] for moved in neighbours(question.scene, each)]
            customers = whole(question.scene, plain)
            expected = ids_in_memory(question, customers)
            with stages(shop) as opened:
                for stage in opened:
                    stage.put(customers)
                    found = stage.ids(question)
                    differing = [plain[number - 1] for number in found ^ expected]
                    assert not differing, f"memory and {stage.name} disagree about {differing}"

        def test_parity(self, stages: Stages, parity_cases: int, parity_seed: str) -> None:
            """Generated rules about each field get one answer from memory and from every backend."""
            fields = [(type_.word, name) for name in self.words().relations[type_.word].fields]
            for timezone in timezones:
                with stages(Shop.default(timezone, vocabulary=self.words())) as opened:
                    least = 2 * max(1, len(fields)) * len(opened)
                    run = Run(opened[0].shop, opened, f"{parity_seed}/{type_.word}", about=fields)
                    run.go(max(least, parity_cases // len(timezones)))
                    fail_unless_sound(run)
                    seen = run.coverage.seen
                    for again in range(MORE_ROUNDS):
                        # A rule that is to mention a field may be simplified until it does not; such fields come again.
                        missing = [field for field in fields if not seen["field {}.{}".format(*field)]]
                        if not missing:
                            break
                        more = Run(opened[0].shop, opened, f"{parity_seed}/{type_.word}/{again}", about=missing)
                        more.go(4 * len(missing) * len(opened))
                        assert not more.mismatches, "\n\n".join(map(str, more.mismatches))
                        seen += more.coverage.seen
                    missing = [field for field in fields if not seen["field {}.{}".format(*field)]]
                    assert not missing, f"no rule was generated about {', '.join(name for _, name in missing)}"

    Suite.__name__ = Suite.__qualname__ = f"Test{type_.__name__}"
    Suite.__doc__ = f"{type_.__name__} means the same in SQL and in memory."
    return Suite


def stated(example: Example, shop: DefaultShop) -> tuple[RuleQuestion, list[dict[str, Any]]]:
    """The rule of an example, and its two customers: number 1 matches, number 2 does not."""
    scene = Scene(shop, datetime.fromisoformat(example.at))
    return RuleQuestion(parse(example.rule, shop), scene), whole(scene, [example.matches, example.misses])


def fail_unless_sound(run: Run) -> None:
    """Fails with the mismatches of a run, in the words of its rules; also when it compared hardly anything."""
    if run.mismatches:
        pytest.fail("\n\n".join(map(str, run.mismatches)), pytrace=False)
    rejected = len(run.invalid)
    assert rejected * 20 <= run.questions, f"{rejected} generated rules are not valid:\n" + "\n".join(run.invalid[:3])
    refused = sum(run.refused.values())
    assert refused * 10 <= sum(run.cases.values()), f"{run.refused} were refused of {run.cases}"


@contextmanager
def opened_stages(shop: DefaultShop, backends: Mapping[str, Any]) -> Iterator[list[Stage]]:
    """The tables of a shop on every backend, gone afterwards."""
    stages = [Stage(backend, shop) for backend in backends.values()]
    try:
        yield stages
    finally:
        for stage in stages:
            stage.close()
