"""The reference of errors and warnings, written from the catalogue of codes.

``{diagnostics} errors`` and ``{diagnostics} warnings`` render each code with its explanation, what is shown for a
rule that has the mistake, and a rule that has not.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import segrules as sr
from segrules.language.codes import CODES, Code

#: The codes go by hundreds.
PARTS = {
    "SEG1": "Reading",
    "SEG2": "Names",
    "SEG3": "Types",
    "SEG4": "Limits",
    "SEG5": "Two readings",
    "SEG9": "Warnings",
}
#: Examples longer than this show nothing to a reader.
LONG = 300
AT = datetime(2025, 7, 4, 12, tzinfo=UTC)


def page(*, warnings: bool) -> str:
    """All errors or all warnings, as Markdown."""
    return "\n".join(_lines(warnings))


def _lines(warnings: bool) -> Iterator[str]:
    part = None
    for code in CODES.values():
        if code.is_warning is not warnings:
            continue
        if code.code[:4] != part and not warnings:
            part = code.code[:4]
            yield f"## {PARTS[part]}\n"
        yield from _entry(code, "##" if warnings else "###")


def _entry(code: Code, heading: str) -> Iterator[str]:
    yield f"({code.code.lower()})="
    yield f"{heading} {code.code}: {code.title}\n"
    yield code.explanation.replace("\\", "\\\\").replace("*", "\\*") + "\n"
    if len(code.bad) <= LONG:
        yield f"```text\n{rendered(code)}\n```\n"
    yield f"```segrules\n{code.good}\n```\n"


def rendered(code: Code) -> str:
    """What is shown for the rule that has the mistake."""
    try:
        found = sr.parse(code.bad).lint(at=AT)
    except sr.RuleError as error:
        found = list(error.diagnostics)
    return next(each for each in found if each.code == code.code).render().replace("\0", "\\0")


class Diagnostics(SphinxDirective):
    """``{diagnostics} errors`` or ``{diagnostics} warnings``."""

    required_arguments = 1
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """The parsed sections."""
        which = directives.choice(self.arguments[0], ("errors", "warnings"))
        return self.parse_text_to_nodes(page(warnings=which == "warnings"), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("diagnostics", Diagnostics)
    return {"parallel_read_safe": True}
