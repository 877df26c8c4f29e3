"""The one canonical form of a rule.

What fits on a line stands on one; where it does not, or where comments need their place, chains break before
each ``and`` or ``or``, groups into one condition a line, and bodies of ``where`` into their parentheses.
Parentheses are written where the grammar needs them, and around ``and`` within ``or`` for the reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import assert_never

from segrules.clock import Day, FixedDay, PeriodDay, RelativeDay, Unit
from segrules.language import nodes
from segrules.language.spelling import RESERVED, literal_choice, quoted

WIDTH = 88

_NEAR_DAYS = {-1: "yesterday", 0: "today", 1: "tomorrow"}
_TIMES = (nodes.DayLiteral, nodes.NowLiteral, nodes.AgoLiteral, nodes.MomentLiteral)
_WORDS = (nodes.Text, nodes.Choice, nodes.YesNo)
_PERIODS = {0: "this", -1: "last", 1: "next"}

#: The rows that are open, outermost first.
Rows = tuple[nodes.RelationRef, ...]


def format_condition(condition: nodes.Condition, width: int = WIDTH) -> str:
    """The canonical text of a condition; parsing it gives the same nodes, formatting it again the same text."""
    return "\n".join(_block(condition, (), width))


# --- values ----------------------------------------------------------------------------------------


def format_operand(operand: nodes.Operand) -> str:
    """The canonical text of an operand about the customer, on one line."""
    return _operand(operand, ())


def _decimal(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _length(length: nodes.Length) -> str:
    return f"{_decimal(length.amount)} {length.unit.value}{'' if length.amount == 1 else 's'}"


def _day(day: Day) -> str:
    match day:
        case FixedDay():
            return day.day.isoformat()
        case RelativeDay():
            if day.unit is Unit.DAY and day.amount in _NEAR_DAYS:
                return _NEAR_DAYS[day.amount]
            length = _length(nodes.Length(Decimal(abs(day.amount)), day.unit))
            return f"{length} {'from now' if day.amount > 0 else 'ago'}"
        case PeriodDay():
            raise ValueError("the first or last day of a period cannot be written in a rule")
        case _:
            assert_never(day)


def _moment(literal: nodes.MomentLiteral) -> str:
    moment = literal.moment
    text = moment.isoformat(timespec="minutes" if not moment.second and not moment.microsecond else "auto")
    if moment.microsecond:
        text = text.replace(f".{moment.microsecond:06}", f".{moment.microsecond:06}".rstrip("0"))
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def field_path(ref: nodes.FieldRef, rows: Rows) -> str:
    """How a field is written where these rows are open."""
    innermost = ref.level == len(rows) > 0 and rows[-1].relation == ref.relation and not ref.shorthand
    return ref.name if innermost and ref.name not in RESERVED else _whole_path(ref, rows)


def _whole_path(ref: nodes.FieldRef, rows: Rows) -> str:
    return f"{_row(ref.relation, ref.level, rows)}.{ref.name}"


def _row(relation: str, level: int, rows: Rows) -> str:
    """The word for an open row: that of its relation, or, where a nearer row has the same, that inside its parent."""
    if 0 < level <= len(rows) and any(each.relation == relation for each in rows[level:]):
        opened = rows[level - 1]
        if opened.relation == relation and opened.parent_relation is not None:
            return _inside(opened)
    return relation


def _inside(ref: nodes.RelationRef) -> str:
    return ref.inside or ref.relation.removeprefix(f"{ref.parent_relation}_")


def rows_path(ref: nodes.RelationRef, rows: Rows, several: bool = False) -> str:
    """How the rows that a quantifier or an aggregate opens are written, in the plural for ``several``."""
    if ref.parent_relation is None:
        return (ref.plural or f"{ref.relation}s") if several else ref.relation
    inside = _inside(ref)
    plural = ref.plural or f"{inside}s"
    if ref.parent is None:
        return f"{ref.parent_relation}.{plural}"
    if ref.parent == len(rows) and rows[-1].relation == ref.parent_relation:
        return plural if several else inside
    return f"{_row(ref.parent_relation, ref.parent, rows)}.{plural}"


def _operand(operand: nodes.Operand, rows: Rows, binding: int = 0) -> str:
    """The text of a value, in parentheses when it binds less than ``binding`` (1 +, 2 *, 3 -, 4 primary)."""
    match operand:
        case nodes.Number():
            return _decimal(operand.value)
        case nodes.Text():
            return quoted(operand.value)
        case nodes.Choice():
            return literal_choice(operand.value)
        case nodes.YesNo():
            return "true" if operand.value else "false"
        case nodes.DayLiteral():
            return _day(operand.day)
        case nodes.NowLiteral():
            return "now"
        case nodes.AgoLiteral():
            return f"{_length(operand.length)} {'ago' if operand.ago else 'from now'}"
        case nodes.MomentLiteral():
            return _moment(operand)
        case nodes.Parameter():
            return f":{operand.name}"
        case nodes.FieldRef():
            return field_path(operand, rows)
        case nodes.AnniversaryOf():
            return f"anniversary of {field_path(operand.field, rows)}"
        case nodes.Aggregate():
            head, body = _aggregate(operand, rows)
            where = "" if operand.where is None else f" where {_flat(operand.where, body)}"
            return f"{head}{where})"
        case nodes.Arithmetic():
            own = 2 if operand.operator is nodes.Operator.TIMES else 1
            left, right = _operand(operand.left, rows, own), _operand(operand.right, rows, own + 1)
            text = f"{left} {operand.operator.value} {right}"
        case nodes.Negative():
            own = 3
            again = isinstance(operand.operand, nodes.Negative)
            text = f"- {_operand(operand.operand, rows, own)}" if again else f"-{_operand(operand.operand, rows, 4)}"
        case nodes.Percent():
            own = 4
            text = f"{_decimal(operand.percentage)}% of {_operand(operand.operand, rows, 4)}"
        case _:
            assert_never(operand)
    return f"({text})" if own < binding else text


def _aggregate(aggregate: nodes.Aggregate, rows: Rows) -> tuple[str, Rows]:
    """The text of an aggregate up to its ``where``, and the rows that are open inside."""
    relation = rows_path(aggregate.relation, rows)
    name = "" if aggregate.field is None else f".{aggregate.field.name}"
    distinct = "distinct " if aggregate.distinct else ""
    return f"{aggregate.function.value}({distinct}{relation}{name}", (*rows, aggregate.relation)


# --- conditions on one line ------------------------------------------------------------------------


def _flat(condition: nodes.Condition, rows: Rows) -> str:
    match condition:
        case nodes.And() | nodes.Or():
            word = " and " if isinstance(condition, nodes.And) else " or "
            return word.join([_flat_item(each, rows) for each in condition.items])
        case nodes.Not():
            return f"not {_flat_item(condition.item, rows)}"
        case nodes.Group():
            return f"{condition.kind.value} ({', '.join([_flat(each, rows) for each in condition.items])})"
        case nodes.Quantified() | nodes.Has():
            head, body = _head(condition, rows)
            return head if condition.where is None else f"{head} ({_flat(condition.where, body)})"
        case _:
            return "".join(each if isinstance(each, str) else _operand(each, rows) for each in _leaf(condition, rows))


def _flat_item(condition: nodes.Condition, rows: Rows) -> str:
    """A condition as it stands in a chain or after ``not``."""
    text = _flat(condition, rows)
    return f"({text})" if isinstance(condition, (nodes.And, nodes.Or)) else text


def _head(condition: nodes.Quantified | nodes.Has, rows: Rows) -> tuple[str, Rows]:
    """``any order where`` or ``last order has``, and the rows that are open inside."""
    body = (*rows, condition.relation)
    if isinstance(condition, nodes.Has):
        return f"{'last' if condition.last else 'first'} {rows_path(condition.relation, rows)} has", body
    number = "" if condition.number is None else f" {condition.number}"
    relation = rows_path(condition.relation, rows, several=condition.number not in (None, 1))
    where = "" if condition.where is None else " where"
    return f"{condition.quantifier.value}{number} {relation}{where}", body


def _sign(comparison: nodes.Comparison, right: nodes.Operand, negated: bool) -> str:
    """The canonical word for a comparison with what stands on its right."""
    match comparison:
        case nodes.Comparison.EQUAL:
            if isinstance(right, nodes.DayLiteral):
                day = right.day
                near = isinstance(day, RelativeDay) and day.unit is Unit.DAY and day.amount in _NEAR_DAYS
                return ("is not" if negated else "is") if near else ("not on" if negated else "on")
            if isinstance(right, _WORDS):
                return "is not" if negated else "is"
            return "!=" if negated else "="
        case nodes.Comparison.LESS | nodes.Comparison.GREATER if negated or isinstance(right, _TIMES):
            word = "before" if comparison is nodes.Comparison.LESS else "after"
            return f"not {word}" if negated else word
        case _:
            return f"not {comparison.value}" if negated else comparison.value


def _leaf(condition: nodes.Condition, rows: Rows) -> Iterator[str | nodes.Operand]:
    """The pieces of a comparison: words, and the values between them."""
    match condition:
        case nodes.Compare():
            yield condition.left
            right, is_equal = condition.right, condition.comparison is nodes.Comparison.EQUAL
            yield f" {_sign(condition.comparison, right, condition.negated)} "
            yield _opposite(right, rows) if is_equal else right
        case nodes.Between():
            yield condition.left
            yield " not between " if condition.negated else " between "
            yield condition.low
            yield " and "
            yield condition.high
        case nodes.OneOf():
            yield condition.left
            yield " not in " if condition.negated else " in "
            if isinstance(condition.values, nodes.Parameter):
                yield condition.values
            else:
                values = [_opposite(each, rows) for each in condition.values]
                yield f"({', '.join([each if isinstance(each, str) else _operand(each, rows) for each in values])})"
        case nodes.Within():
            yield condition.left
            yield " not in " if condition.negated else " in "
            window = condition.window
            if isinstance(window, nodes.LengthWindow):
                yield f"{'last' if window.last else 'next'} {_length(window.length)}"
            else:
                yield f"{_PERIODS[window.offset]} {window.unit.value}"
        case nodes.IsSet():
            yield condition.operand
            yield " is not set" if condition.negated else " is set"
        case nodes.YesNoField():
            yield condition.field
        case nodes.Constant():
            yield "true" if condition.value else "false"
        case nodes.InSegment():
            yield f"{'not ' if condition.negated else ''}in segment {quoted(condition.name)}"
        case _:
            raise AssertionError(condition)


def _opposite(operand: nodes.Operand, rows: Rows) -> str | nodes.Operand:
    """What a value is equal to: a bare word opposite a choice would be read as one, so a field there has its row's."""
    return _whole_path(operand, rows) if isinstance(operand, nodes.FieldRef) else operand


# --- conditions on several lines -------------------------------------------------------------------


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {each}" for each in lines]


def _block(condition: nodes.Condition, rows: Rows, width: int, comma: str = "") -> list[str]:
    """The lines of a condition with all its comments."""
    return _around(condition, _core(condition, rows, width - len(comma)), comma)


def _around(condition: nodes.Condition, lines: list[str], comma: str = "") -> list[str]:
    comments = condition.comments
    lines[-1] += comma
    if comments.behind is not None:
        lines[-1] += f"  {comments.behind}"
    return [*comments.before, *lines, *comments.after]


def _core(condition: nodes.Condition, rows: Rows, width: int) -> list[str]:
    """The lines of a condition without its own comments."""
    if not _comments_inside(condition):
        text = _flat(condition, rows)
        if len(text) <= width:
            return [text]
    match condition:
        case nodes.And() | nodes.Or():
            return _chain(condition, rows, width)
        case nodes.Not():
            if isinstance(condition.item, (nodes.And, nodes.Or)) or condition.item.comments != nodes.Comments():
                return ["not (", *_indented(_block(condition.item, rows, width - 2)), ")"]
            first, *rest = _core(condition.item, rows, width - 4)
            return [f"not {first}", *rest]
        case nodes.Group():
            lines = [f"{condition.kind.value} ("]
            for item in condition.items:
                lines += _indented(_block(item, rows, width - 2, ","))
            return [*lines, ")"]
        case nodes.Quantified() | nodes.Has():
            if condition.where is None:
                return [_flat(condition, rows)]
            head, body = _head(condition, rows)
            return [f"{head} (", *_indented(_block(condition.where, body, width - 2)), ")"]
        case _:
            return _broken_leaf(condition, rows, width)


def _chain(condition: nodes.And | nodes.Or, rows: Rows, width: int) -> list[str]:
    word = "and" if isinstance(condition, nodes.And) else "or"
    lines: list[str] = []
    for place, item in enumerate(condition.items):
        start = f"{word} " if place else ""
        room = width - len(start) - (2 if place else 0)
        if isinstance(item, (nodes.And, nodes.Or)):
            core = [f"({_flat(item, rows)})"]
            if _comments_inside(item) or len(core[0]) > room:
                core = ["(", *_indented(_core(item, rows, width - 4)), ")"]
        else:
            core = _core(item, rows, room)
        core[0] = start + core[0]
        block = _around(item, core)
        lines += _indented(block) if place else block
    return lines


def _broken_leaf(condition: nodes.Condition, rows: Rows, width: int) -> list[str]:
    """A comparison that is too long for a line: its lists and the bodies of its aggregates are broken."""
    lines = [""]
    for piece in _leaf(condition, rows):
        if isinstance(piece, str):
            if isinstance(condition, nodes.OneOf) and piece.startswith("("):
                assert isinstance(condition.values, tuple)
                filled = _filled([_operand(each, rows) for each in condition.values], width - 2)
                lines[-1] += "("
                lines += [*_indented(filled), ")"]
            else:
                lines[-1] += piece
        elif isinstance(piece, nodes.Aggregate) and piece.where is not None:
            head, body = _aggregate(piece, rows)
            lines[-1] += f"{head} where"
            lines += [*_indented(_block(piece.where, body, width - 2)), ")"]
        else:
            lines[-1] += _operand(piece, rows)
    return lines


def _filled(values: Sequence[str], width: int) -> list[str]:
    lines: list[str] = []
    for value in values:
        if lines and len(lines[-1]) + len(value) + 2 <= width:
            lines[-1] += f" {value},"
        else:
            lines.append(f"{value},")
    return lines


def _comments_inside(condition: nodes.Condition) -> bool:
    """Whether a comment stands inside a condition, so that it cannot be one line."""
    return any(each.comments != nodes.Comments() or _comments_inside(each) for each in _parts(condition))


def _parts(condition: nodes.Condition) -> tuple[nodes.Condition, ...]:
    match condition:
        case nodes.And() | nodes.Or() | nodes.Group():
            return condition.items
        case nodes.Not():
            return (condition.item,)
        case nodes.Quantified() | nodes.Has():
            return () if condition.where is None else (condition.where,)
        case _:
            return ()
