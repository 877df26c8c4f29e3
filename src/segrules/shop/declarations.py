"""What a mapping file says, once it has been read and found sound: plain values, nothing of SQLAlchemy."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from segrules.algebra import Kind
from segrules.vocabulary import Vocabulary

#: What a column can hold as a code.
Code = str | int | bool


@frozen
class Reference:
    """A column of a relation's own table, or of one of its joins; of a key-value join an attribute."""

    name: str | int
    join: str | None = None


@frozen
class Expression:
    """SQL over the columns of a relation's own table: the shop's own text."""

    sql: str


@frozen
class FieldDeclaration:
    """Where a field is, and how it is kept there.

    ``kept``: for moments ``utc``, ``aware``, ``django``, an epoch or a zone; for numbers ``decimal``, ``minor``,
    ``float`` or ``whole``. ``decimals`` are those of a number. ``json``: the member of a document that the place holds.
    """

    name: str
    kind: Kind
    place: Reference | Expression
    json: tuple[str, ...] = ()
    kept: str = ""
    decimals: int = 0
    codes: Mapping[str, tuple[Code, ...]] | None = None
    yes: tuple[Code, ...] = ()
    separator: str | None = None
    required: bool = False
    exact: bool | None = None


@frozen
class Join:
    """Another table, of which each row of a relation has one row at most; of a key-value table one for each attribute.

    ``on`` points to the column ``key`` of it. ``attribute`` and ``value`` are the columns of a key-value table;
    ``unique``: it has each attribute once; ``text``: it keeps every value as text.
    """

    name: str
    table: str
    schema: str | None
    on: Reference
    key: str
    attribute: str | None = None
    value: str | None = None
    unique: bool = False
    text: bool = True


@frozen
class Key:
    """The column that identifies a row: ``id`` (a whole number), ``text`` or ``uuid``."""

    column: str
    type: str = "id"


@frozen
class Guests:
    """Rows without a customer belong to the one with the same e-mail, and where further columns match (own: its)."""

    email: str
    match: Mapping[str, str] = field(factory=dict)


@frozen
class RelationDeclaration:
    """Where the rows of a path are."""

    path: str
    table: str
    query: str | None
    schema: str | None
    key: Key
    parent: str | None
    parent_key: str | None
    where: str | None
    guests: Guests | None
    single: bool
    joins: Mapping[str, Join]
    fields: Mapping[str, FieldDeclaration]

    @property
    def label(self) -> str:
        """Its section in the file."""
        return self.path or "customer"

    @property
    def full_name(self) -> str:
        """The table with its schema, for messages."""
        return f"{self.schema}.{self.table}" if self.schema else self.table


@frozen(eq=False)
class ShopDeclaration:
    """A whole mapping file, with the words that its shop knows."""

    name: str
    timezone: str
    relations: Mapping[str, RelationDeclaration]
    vocabulary: Vocabulary


def email_column(declared: RelationDeclaration) -> str | None:
    """The column in which the customers' own table has the e-mail."""
    field = declared.fields.get("email")
    if field is None or field.json or not isinstance(field.place, Reference) or field.place.join is not None:
        return None
    return str(field.place.name)
