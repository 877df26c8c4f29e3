"""From the typed nodes of a rule to its JSON form."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, assert_never

from segrules.clock import Day, FixedDay, RelativeDay, Unit
from segrules.language import nodes
from segrules.language.printer import Rows, field_path, format_operand, rows_path

Json = dict[str, Any]

_NEAR = {-1: "yesterday", 0: "today", 1: "tomorrow"}
_PERIODS = {0: "this", -1: "last", 1: "next"}
#: Beyond it, JSON's readers lose digits.
_LARGEST = 2**53


def condition_json(node: nodes.Condition, rows: Rows = ()) -> Json:
    """A condition with its comments; ``rows`` are those that are open around it."""
    found = _condition(node, rows)
    if node.comments != nodes.Comments():
        comments = node.comments
        parts = {"before": list(comments.before), "behind": comments.behind, "after": list(comments.after)}
        found["comments"] = {name: value for name, value in parts.items() if value}
    return found


def _condition(node: nodes.Condition, rows: Rows) -> Json:
    match node:
        case nodes.And() | nodes.Or():
            word = "and" if isinstance(node, nodes.And) else "or"
            return {"condition": word, "items": [condition_json(each, rows) for each in node.items]}
        case nodes.Group():
            return {"condition": node.kind.value, "items": [condition_json(each, rows) for each in node.items]}
        case nodes.Not():
            return {"condition": "not", "item": condition_json(node.item, rows)}
        case nodes.Compare():
            operator = {"operator": node.comparison.value, **_negated(node)}
            left, right = _operand(node.left, rows), _operand(node.right, rows)
            return {"condition": "compare", "left": left, **operator, "right": right}
        case nodes.Between():
            ends = {"low": _operand(node.low, rows), "high": _operand(node.high, rows)}
            return {"condition": "between", "left": _operand(node.left, rows), **_negated(node), **ends}
        case nodes.OneOf():
            several = isinstance(node.values, tuple)
            values = [_operand(each, rows) for each in node.values] if several else _operand(node.values, rows)  # type: ignore[union-attr, arg-type]
            return {"condition": "in", "left": _operand(node.left, rows), **_negated(node), "values": values}
        case nodes.Within():
            window = _window(node.window)
            return {"condition": "within", "left": _operand(node.left, rows), **_negated(node), "window": window}
        case nodes.IsSet():
            return {"condition": "set", "operand": _operand(node.operand, rows), **_negated(node)}
        case nodes.YesNoField():
            return {"condition": "field", "field": field_path(node.field, rows)}
        case nodes.Constant():
            return {"condition": "constant", "value": node.value}
        case nodes.InSegment():
            return {"condition": "segment", "name": node.name, **_negated(node)}
        case nodes.Quantified():
            number = {} if node.number is None else {"number": node.number}
            return {"condition": node.quantifier.value, **number, **_opened(node.relation, node.where, rows)}
        case nodes.Has():
            return {"condition": "last" if node.last else "first", **_opened(node.relation, node.where, rows)}
        case _:
            assert_never(node)


def _negated(node: nodes.Compare | nodes.Between | nodes.OneOf | nodes.Within | nodes.IsSet | nodes.InSegment) -> Json:
    return {"negated": True} if node.negated else {}


def _opened(relation: nodes.RelationRef, where: nodes.Condition | None, rows: Rows) -> Json:
    found: Json = {"rows": rows_path(relation, rows)}
    if where is not None:
        found["where"] = condition_json(where, (*rows, relation))
    return found


def _window(window: nodes.LengthWindow | nodes.PeriodWindow) -> Json:
    if isinstance(window, nodes.PeriodWindow):
        return {"word": _PERIODS[window.offset], "unit": window.unit.value}
    return {"word": "last" if window.last else "next", **_length(window.length)}


def _length(length: nodes.Length) -> Json:
    return {"amount": _number(length.amount), "unit": length.unit.value}


def _number(value: Decimal) -> int | str:
    """A whole number as JSON's own; what JSON's readers could lose digits of, as text."""
    if value == int(value) and abs(value) < _LARGEST:
        return int(value)
    return f"{value:f}"


def _operand(node: nodes.Operand, rows: Rows) -> Json:
    match node:
        case nodes.Number():
            return {"number": _number(node.value)}
        case nodes.Text():
            return {"text": node.value}
        case nodes.Choice():
            return {"choice": node.value}
        case nodes.YesNo():
            return {"yesno": node.value}
        case nodes.DayLiteral():
            return _day(node.day)
        case nodes.NowLiteral():
            return {"day": "now"}
        case nodes.AgoLiteral():
            return {"ago" if node.ago else "from_now": _length(node.length)}
        case nodes.MomentLiteral():
            return {"moment": format_operand(node)}
        case nodes.Parameter():
            return {"parameter": node.name}
        case nodes.FieldRef():
            return {"field": field_path(node, rows)}
        case nodes.AnniversaryOf():
            return {"anniversary_of": field_path(node.field, rows)}
        case nodes.Aggregate():
            found: Json = {"aggregate": node.function.value}
            if node.distinct:
                found["distinct"] = True
            opened = _opened(node.relation, node.where, rows)
            name = {} if node.field is None else {"field": node.field.name}
            return {**found, "rows": opened.pop("rows"), **name, **opened}
        case nodes.Arithmetic():
            left, right = _operand(node.left, rows), _operand(node.right, rows)
            return {"calculate": node.operator.value, "left": left, "right": right}
        case nodes.Negative():
            return {"minus": _operand(node.operand, rows)}
        case nodes.Percent():
            return {"percent": _number(node.percentage), "of": _operand(node.operand, rows)}
        case _:
            assert_never(node)


def _day(day: Day) -> Json:
    match day:
        case FixedDay():
            return {"date": day.day.isoformat()}
        case RelativeDay():
            if day.unit is Unit.DAY and day.amount in _NEAR:
                return {"day": _NEAR[day.amount]}
            return {"from_now" if day.amount > 0 else "ago": {"amount": abs(day.amount), "unit": day.unit.value}}
        case _:
            raise ValueError("the first or last day of a period cannot be written in a rule")
