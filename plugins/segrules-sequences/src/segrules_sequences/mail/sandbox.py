"""Templates made into programs, and programs run within limits."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from attrs import define, field, frozen
from jinja2 import Template, TemplateSyntaxError, UndefinedError, nodes

from segrules_sequences.errors import TemplateError
from segrules_sequences.mail.budget import Budget, RefusedError, spending
from segrules_sequences.mail.environment import MailEnvironment
from segrules_sequences.mail.limits import Limits
from segrules_sequences.mail.syntax import LINES, Includes, Reading, unknown
from segrules_sequences.mail.views import Method, freeze


@frozen(eq=False)
class Program:
    """A compiled template; ``variables`` are the names that it reads."""

    name: str
    variables: frozenset[str]
    _template: Template = field(repr=False)
    _parts: tuple[str, ...] = field(repr=False)
    _limits: Limits = field(repr=False)

    def render(self, variables: Mapping[str, Any]) -> str:
        """What comes out; the variables are copied to plain values first. TemplateError with the place."""
        limits = self._limits
        given = {name: freeze(value, name, limits) for name, value in variables.items()}
        with spending(Budget(limits)) as budget:
            chunks: list[str] = []
            try:
                for chunk in self._template.root_render_func(self._template.new_context(given)):
                    budget.output(chunk)
                    chunks.append(chunk)
            except Exception as cause:
                raise self._located(cause) from None
        return "".join(chunks)

    def _located(self, cause: Exception) -> TemplateError:
        match cause:
            case RefusedError():
                reason = str(cause)
            case UndefinedError():
                reason = cause.message or "a variable has no value"
            case RecursionError():
                reason = "something is nested too deeply"
            case _:
                # The message of any other error may hold what a customer is called.
                reason = f"this cannot be worked out ({type(cause).__name__})"
        lineno = self._lineno(cause.__traceback__)
        if lineno is None:
            return TemplateError(reason, self.name)
        return TemplateError(reason, self._parts[lineno // LINES], lineno % LINES)

    def _lineno(self, traceback: TracebackType | None) -> int | None:
        """The line in the template, as the tree counts them."""
        found = None
        while traceback is not None:
            if traceback.tb_frame.f_globals.get("__jinja_template__") is self._template:
                found = self._template.get_corresponding_lineno(traceback.tb_lineno)
            traceback = traceback.tb_next
        return found


@define(eq=False)
class Sandbox:
    """Compiles templates that may do no harm, whoever wrote them.

    ``functions`` can be called by their bare names. ``raw=True`` gives authors the filter ``raw``, which puts HTML
    into a mail as it is: for authors who are trusted with everybody's mail.
    """

    limits: Limits = field(factory=Limits)
    functions: Mapping[str, Method] = field(factory=dict)
    raw: bool = False
    _environment: MailEnvironment = field(init=False)

    def __attrs_post_init__(self) -> None:
        own = Method("range", lambda *bounds: _bounded(self.limits, *bounds))
        self._environment = MailEnvironment({"range": own, **self.functions}, raw=self.raw)

    def compile(
        self, name: str, source: str, known: Mapping[str, Any], *, html: bool, includes: Includes | None = None
    ) -> Program:
        """The program of a template; with ``html``, every value is escaped.

        ``known`` are values like those of the mails to come: a variable or field that is not among them is refused
        here. Raises TemplateError with the place.
        """
        reading = Reading(self._environment, self.limits, includes)
        tree = reading.tree(name, source)
        sample = {key: freeze(value, key, self.limits) for key, value in known.items()}
        mistake = unknown(tree, {**sample, **self._environment.globals})
        if mistake is not None:
            raise reading.error(*mistake)
        try:
            code = self._environment.compile(tree, f"{name}.html" if html else f"{name}.txt", name)
        except TemplateSyntaxError as cause:
            raise reading.error(f"{cause.message}", cause.lineno) from None
        except (SyntaxError, RecursionError, MemoryError, ValueError, OverflowError):
            raise TemplateError("too many blocks within each other", name) from None
        template = Template.from_code(self._environment, code, self._environment.globals)
        used = frozenset(each.name for each in tree.find_all(nodes.Name) if each.name in sample)
        return Program(name, used, template, tuple(reading.parts), self.limits)


def _bounded(limits: Limits, *bounds: Any) -> range:
    if not 1 <= len(bounds) <= 3 or not all(isinstance(each, int) for each in bounds):
        raise RefusedError("range wants one to three whole numbers")
    try:
        numbers = range(*bounds)
        count = len(numbers)
    except (ValueError, OverflowError):
        raise RefusedError("range wants numbers that lead somewhere") from None
    if count > limits.turns:
        raise RefusedError(f"a range of {count:,} numbers; {limits.turns:,} are the most")
    return numbers
