"""The reference of the condition types, written from their declarations.

``{conditions}`` renders every condition type of the built-in vocabulary: its words, fields, examples.
"""

import textwrap
from collections.abc import Iterator
from datetime import datetime
from pprint import pformat

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from segrules.condition import Anniversary, Choice, DaysSince, DaysUntil, Example, FieldType
from segrules.vocabulary import Relation, Vocabulary

#: The moment of examples that name none; the page says it once.
USUAL = "2025-07-04T12:00:00+00:00"


def page(vocabulary: Vocabulary) -> str:
    """The whole reference as Markdown."""
    return "\n".join(line for relation in vocabulary for line in section(relation))


def section(relation: Relation) -> Iterator[str]:
    """One condition type: its summary, fields and examples."""
    yield f"## {relation.word}"
    yield ""
    yield paragraphs(relation.type.__doc__ or "")
    yield ""
    rows = relation.rows
    if rows is not None:
        facts = [f"Plural: `{relation.plural}`."]
        if rows.pick is not None:
            facts.append("At most one row.")
        if rows.moment is not None:
            facts.append(f"`first` and `last` go by `{rows.moment}`.")
        if rows.inside is not None:
            link = rows.path.rpartition(".")[2]
            facts.append(f"Inside a row of its parent: `{rows.inside}`, `{link}`.")
        yield " ".join(facts)
        yield ""
    if relation.fields:
        yield "| field | is | meaning |"
        yield "|---|---|---|"
        for name, field in relation.fields.items():
            yield f"| `{name}` | {what(field)} | {field.help.replace('|', '/')} |"
        yield ""
    for example in relation.type.examples:
        yield from shown(example)


def what(field: FieldType) -> str:
    """What a field holds, in words: its noun, and its choices when they are known."""
    match field:
        case Choice(values=tuple(values)):
            return f"{field.noun}: {', '.join(f'`{value}`' for value in values)}"
        case Choice():
            return f"{field.noun} of the shop's own values"
        case Anniversary(of=of) | DaysSince(of=of) | DaysUntil(of=of) if of:
            return f"{field.noun}, from `{of}`"
        case _:
            return field.noun


def shown(example: Example) -> Iterator[str]:
    """A rule with a customer that matches and one that just does not."""
    yield "```segrules"
    yield example.rule
    yield "```"
    yield ""
    moment = datetime.fromisoformat(example.at)
    yield "```python"
    yield "# true of" if example.at == USUAL else f"# at {moment:%Y-%m-%d %H:%M} UTC, true of"
    yield pformat(dict(example.matches), width=96, sort_dicts=False)
    yield "# false of"
    yield pformat(dict(example.misses), width=96, sort_dicts=False)
    yield "```"
    yield ""


def paragraphs(doc: str) -> str:
    """A docstring as Markdown: its double backquotes become single ones."""
    return textwrap.dedent("    " + doc).strip().replace("``", "`")


class Conditions(SphinxDirective):
    """``{conditions}``: the sections of all built-in condition types."""

    def run(self) -> list[nodes.Node]:
        """The parsed sections."""
        return self.parse_text_to_nodes(page(Vocabulary.installed()), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("conditions", Conditions)
    return {"parallel_read_safe": True}
