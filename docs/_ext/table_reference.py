"""The tables of the default shop, written from their declaration. ``{tables}`` renders them all."""

import sqlalchemy as sa
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from segrules.shop import Shop
from segrules.shop.columns import Money, UtcMoment


def page() -> str:
    """A section for each table."""
    return "\n".join(_section(name, table) for name, table in Shop.default().tables.items())


def _section(name: str, table: sa.Table) -> str:
    rows = "\n".join(f"| `{column.name}` | {_type(column)} | {_facts(column)} |" for column in table.columns)
    return f"### {name}\n\n| column | holds | |\n|---|---|---|\n{rows}\n"


def _type(column: sa.Column[object]) -> str:
    match column.type:
        case Money():
            return "amount or quantity"
        case UtcMoment():
            return "moment"
        case sa.Date():
            return "date"
        case sa.Boolean():
            return "yes or no"
        case sa.String(length=length):
            return f"text, up to {length} characters"
        case _:
            return "whole number"


def _facts(column: sa.Column[object]) -> str:
    keys = [f"→ `{key.column.table.name}.{key.column.name}`" for key in column.foreign_keys]
    return ", ".join((["key"] if column.primary_key else []) + keys + (["may be missing"] if column.nullable else []))


class Tables(SphinxDirective):
    """``{tables}``: all tables with their columns."""

    def run(self) -> list[nodes.Node]:
        """The parsed sections."""
        return self.parse_text_to_nodes(page(), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("tables", Tables)
    return {"parallel_read_safe": True}
