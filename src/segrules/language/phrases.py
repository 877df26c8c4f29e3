"""What people say of customers in other words than the language has, and the sentence that says it here.

A phrase is looked for only where a rule has a mistake, and what is written instead is offered only when it reads.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterable, Iterator

from attrs import field, frozen

from segrules.condition import Choice, Date
from segrules.errors import Diagnostic, Severity, Source, Span, Suggestion
from segrules.language.habits import MONTHS
from segrules.vocabulary import Vocabulary

#: A phrase begins and ends so near to its mistake.
NEAR = 200
#: So many mistakes of a rule are looked at.
MOST = 10

Found = re.Match[str]


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.VERBOSE)


@frozen
class Phrase:
    """A way to say something, and the sentences that may say it here, the likeliest first."""

    pattern: re.Pattern[str] = field(converter=_compiled)
    write: Callable[[Found, Vocabulary], Iterable[str]]
    hint: str | None = None


def in_other_words(
    source: Source, told: list[Diagnostic], vocabulary: Vocabulary, reads: Callable[[Span, str], bool]
) -> list[Diagnostic]:
    """The mistakes, where those within a phrase are told as one, with the sentence that was meant."""
    for mistake in sorted(told, key=lambda each: each.span)[:MOST]:
        if mistake not in told:
            continue
        suggestion = mistake.suggestion
        if suggestion is not None and (mistake.code != "SEG101" or reads(suggestion.span, suggestion.text)):
            continue
        found = _phrase(source, mistake.span, vocabulary, reads)
        if found is not None:
            place = found.span
            told = [each for each in told if each.span.end <= place.start or place.end <= each.span.start]
            told.append(found)
    return told


def _phrase(
    source: Source, place: Span, vocabulary: Vocabulary, reads: Callable[[Span, str], bool]
) -> Diagnostic | None:
    start, end = max(0, place.start - NEAR), place.end + NEAR
    for phrase in PHRASES:
        for found in phrase.pattern.finditer(source.text, start, end):
            if found.start() > place.start or found.end() < place.end:
                continue
            span = Span(*found.span())
            for write in phrase.write(found, vocabulary):
                if write.lower() != _plain(found[0]) and reads(span, write):
                    said = " ".join(found[0].split())
                    message = f"""{f"'{said}'" if '"' in said else f'"{said}"'} is said in other words here"""
                    hint = phrase.hint or f"did you mean {write}?"
                    return Diagnostic("SEG116", Severity.ERROR, message, span, source, Suggestion(write, span), hint)
    return None


# --- parts of phrases ------------------------------------------------------------------------------

_NUMBER = r"[0-9][0-9_]*(?:\.[0-9]+)?"
_LENGTH = rf"{_NUMBER}\s+(?:minute|hour|day|week|month|quarter|year)s?\b"
_PERIOD = r"(?:day|week|month|quarter|year)\b"
_NAME = r"\b(?!(?:and|or|not)\b)[^\W\d]\w*"
_PATH = rf"(?P<path>{_NAME}(?:\.{_NAME})?)"
_DAY = rf"(?:[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}|today|yesterday|{_LENGTH}\s+ago\b)"
_WINDOW = (
    rf"""(?:within\s+|(?:(?:with)?in\s+(?:the\s+)?)?(?P<side>last|past|previous|next|coming)\s+)(?P<length>{_LENGTH})"""
)
_WHEN = rf"""(?:\s+(?:created|placed|made|bought))?\s+
    (?: {_WINDOW}
      | (?:in\s+)?(?:the\s+)?(?P<period>(?:this|last|next)\s+{_PERIOD})
      | (?P<relation>before|after|since|on|until)\s+(?P<day>{_DAY})
      | between\s+(?P<first>{_DAY})\s+and\s+(?P<last>{_DAY}) )"""
_ROWS = rf"(?P<rows>{_NAME})(?:{_WHEN})?"
_HAVING = r"\b(?:(?:has|have|having|had|with|placed|made)\s+)?"
_MONTH = "|".join(MONTHS)


def _plain(words: str | None) -> str:
    return " ".join((words or "").lower().split())


def _when(found: Found) -> str | None:
    """The time of a phrase as the language writes it; None when the phrase names none."""
    parts = {name: _plain(value) for name, value in found.groupdict().items()}
    if parts["length"]:
        return f"in {'next' if parts['side'] in ('next', 'coming') else 'last'} {parts['length']}"
    if parts.get("period"):
        return f"in {parts['period']}"
    if parts.get("day"):
        word = {"since": ">=", "until": "<="}.get(parts["relation"], parts["relation"])
        return f"{word} {parts['day']}"
    if parts.get("first"):
        return f"between {parts['first']} and {parts['last']}"
    return None


def _rows(found: Found, vocabulary: Vocabulary) -> Iterator[tuple[str, str]]:
    """The word of a phrase for rows, and the condition about their moment that the phrase asks; empty without one."""
    word, when = _plain(found["rows"] or found["rows2"]), _when(found)
    if when is None:
        yield word, ""
        return
    relation = vocabulary.named(word)
    if relation is not None and relation.rows is not None and relation.rows.moment is not None:
        yield word, f"{relation.rows.moment} {when}"


# --- the sentences ---------------------------------------------------------------------------------


def _counted(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    for rows, condition in _rows(found, vocabulary):
        where = f" where {condition}" if condition else ""
        sign = ">" if _plain(found["sign"]) in ("more", "greater", "over") else "<"
        yield f"count({rows}{where}) {sign} {found['number']}"


def _bounded(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    word, denied = _plain(found["sign"] or found["sign2"]), found["sign"] is not None
    which = "least" if (word in ("more", "greater")) != denied else "most"
    for rows, condition in _rows(found, vocabulary):
        where = f" where ({condition})" if condition else ""
        yield f"at {which} {found['number'] or found['number2']} {rows}{where}"


def _quantified(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    word = _plain(found["word"])
    word = {"without": "no", "": "any", "a": "any", "an": "any", "some": "any"}.get(word, word)
    for rows, condition in _rows(found, vocabulary):
        yield f"{word} {rows}" + (f" where ({condition})" if condition else "")


def _spent(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    yield f"lifetime.sales {'>' if _plain(found['sign']) in ('more', 'over') else '<'} {found['value']}"


def _bought(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    when, order = _when(found), vocabulary.named("order")
    moment = order.rows.moment if order is not None and order.rows is not None else None
    word = "any" if found["not"] is None else "no"
    if when is None or moment is not None:
        yield f"{word} order" + (f" where ({moment} {when})" if when else "")


def _picked(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    relation = vocabulary.named(_plain(found["rows"]))
    if relation is None or relation.rows is None or relation.rows.moment is None:
        return
    when = _when(found)
    if found["age"]:
        older = found["age"].lower() in ("older", "more", "longer")
        when = f"{'before' if older else 'after'} {_plain(found['ago'])} ago"
    yield f"{_plain(found['which'])} {relation.word} has ({relation.rows.moment} {when})"


def _chosen(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    relation, word = vocabulary.named(found["row"]), found["word"].lower()
    for name, type_ in relation.fields.items() if relation is not None else ():
        if isinstance(type_, Choice) and word in (type_.values or ()):
            denied = "not" in _plain(found["sign"]) or "!" in (found["sign"] or "")
            yield f"{relation.word if relation else ''}.{name} is {'not ' if denied else ''}{word}"


def _on_day(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    yield f"{found['path']} is {_plain(found['day'])}"
    yield f"customer.{found['path']} is {_plain(found['day'])}"


def _since(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    name = f"days_since_{_plain(found['what']).replace(' ', '_')}"
    for relation in vocabulary:
        if name in relation.fields:
            yield f"{relation.word}.{name}"


def _number(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    yield f"count({_plain(found['rows'] or found['rows2'])})"


def _list(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    yield f"in ({found['values'].strip()})"


def _in_days(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    month = MONTHS.get(_plain(found["month"]))
    first, last, year = month or 1, month or 12, int(found["year"])
    if year:
        days = f"{year:04}-{first:02}-01 and {year:04}-{last:02}-{calendar.monthrange(year, last)[1]}"
        yield f"{found['path']} between {days}"
        yield f"customer.{found['path']} between {days}"


def _in_month(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    yield f"{found['path']} in this month"
    yield f"customer.{found['path']} in this month"


def _age(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    customer = vocabulary.named("customer")
    born = next((name for name, each in customer.fields.items() if isinstance(each, Date)), None) if customer else None
    if born is None:
        return
    sides = {">": "before", "over": "before", "older than": "before", ">=": "<=", "at least": "<=",
             "<": "after", "under": "after", "younger than": "after", "<=": ">=", "at most": ">="}  # fmt: skip
    if found["years"]:
        yield f"customer.{born} {sides[_plain(found['sign'])]} {found['years']} years ago"
    else:
        yield f"customer.{born} between {found['high']} years ago and {found['low']} years ago"


def _in_segment(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    denied = found["not"] is not None or "!" in (found["sign"] or "") or "not" in _plain(found["sign"])
    names = re.findall(r'"[^"\n]+"|\'[^\'\n]+\'', found["quoted"] or "") or [f'"{found["bare"]}"']
    if len(names) > 1:
        yield f"{'none' if denied else 'any'} of ({', '.join(f'in segment {each}' for each in names)})"
    else:
        yield f"{'not ' if denied else ''}in segment {names[0]}"


def _in_window(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    length = _plain(found["length"])
    yield f"in {'next' if _plain(found['side']) in ('next', 'coming') else 'last'} {length}"


def _aged(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    older = _plain(found["side"]) in ("older", "more", "longer", "earlier")
    yield f"{found['path']} {'before' if older else 'after'} {_plain(found['length'])} ago"


def _compared(found: Found, vocabulary: Vocabulary) -> Iterator[str]:
    word = _plain(found["sign"]).removesuffix(" than").removesuffix(" to")
    sign = {"at least": ">=", "at most": "<=", "equal": "=", "equals": "="}.get(word)
    sign = sign or (">" if word in ("greater", "more", "higher", "larger", "bigger", "over", "above") else "<")
    yield f"{found['path']} {sign} {found['value']}"
    yield f"count({found['path']}) {sign} {found['value']}"


#: The first that reads is offered.
PHRASES = (
    # created_at older than 30 days; lifetime.sales is greater than 5
    Phrase(
        rf"""{_PATH}\s+(?:is\s+)?(?P<side>older|more|longer|earlier|newer|less|younger|later)\s+than\s+
             (?P<length>{_LENGTH})(?:\s+ago\b)?""",
        _aged,
    ),
    Phrase(
        rf"""{_PATH}\s+(?:is\s+)?
             (?P<sign>(?:greater|more|higher|larger|bigger|less|lower|fewer|smaller)\s+than|at\s+least|at\s+most
             |equal\s+to|equals|over|above|under|below)\s+(?P<value>{_NUMBER})""",
        _compared,
    ),
    # customer.age > 18; older than 18
    Phrase(
        r"""\b(?:customer\.|customer\s+)?(?:age\s*(?:is\s+)?|is\s+)?
            (?:(?P<sign>>=|<=|>|<|(?:over|under|older\s+than|younger\s+than|at\s+least|at\s+most)\b)\s*(?P<years>[0-9]+)
            |between\s+(?P<low>[0-9]+)\s+and\s+(?P<high>[0-9]+))(?:\s+years?(?:\s+old)?\b)?""",
        _age,
        "an age is counted from the day of birth",
    ),
    # segment "Gold"; customer.segment is not Gold
    Phrase(
        r"""\b(?:is\s+)?(?P<not>not\s+)?(?:in\s+)?(?:the\s+)?(?:customer\.)?segments?\s*
            (?P<sign>is\s+not\s+in\b|is\s+not\b|is\s+in\b|is\b|not\s+in\b|in\b|==?|!=)?\s*
            (?:(?P<quoted>"[^"\n]+"|'[^'\n]+'|\((?:\s*(?:"[^"\n]+"|'[^'\n]+')\s*,?)+\))|(?P<bare>(?!(?:is|in|not|and|or)\b)\w+))""",
        _in_segment,
    ),
    # birthday in december; created_at in december 2024; created_at in 2024
    Phrase(rf"{_PATH}\s+(?:is\s+)?in\s+(?:(?P<month>{_MONTH})\s+)?(?P<year>[0-9]{{4}})\b", _in_days),
    Phrase(
        rf"{_PATH}\s+(?:is\s+)?in\s+(?:{_MONTH})\b",
        _in_month,
        "a rule is asked day by day: during a month that is in this month; days are between 2025-12-01 and 2025-12-31",
    ),
    # no more than 3 orders in last 90 days; 3 or more orders; more than 3 orders; no orders since 2025-01-01
    Phrase(
        rf"""{_HAVING}(?:(?:no|not)\s+(?P<sign>more|greater|less|fewer)\s+than\s+(?P<number>[0-9]+)
             |(?P<number2>[0-9]+)\s+or\s+(?P<sign2>more|fewer|less))\s+{_ROWS}""",
        _bounded,
    ),
    Phrase(
        rf"{_HAVING}(?P<sign>more|greater|less|fewer|over|under)(?:\s+than)?\s+(?P<number>[0-9]+)\s+{_ROWS}", _counted
    ),
    Phrase(
        rf"""{_HAVING}(?P<word>no|any|some|every|an?|without|(?:at\s+least|at\s+most|exactly)\s+[0-9]+)\s+{_ROWS}
             |\b(?:has|have|with)\s+(?P<rows2>{_NAME})""",
        _quantified,
    ),
    # spent more than 500; never ordered; bought in last 30 days
    Phrase(
        rf"\b(?:ha(?:s|ve)\s+)?(?:spent|paid)\s+(?P<sign>more|less|over|under)(?:\s+than)?\s+(?P<value>{_NUMBER})",
        _spent,
    ),
    Phrase(
        rf"\b(?:ha(?:s|ve)\s+)?(?:(?P<not>never|not)\s+)?(?:ordered|bought|purchased)\b(?:{_WHEN})?",
        _bought,
    ),
    # last order more than 90 days ago; first order in last 30 days
    Phrase(
        rf"""\b(?P<which>first|last)\s+(?P<rows>{_NAME})(?:(?:\s+(?:is|was))?\s+
             (?P<age>older|newer|more|less|longer)\s+than\s+(?P<ago>{_LENGTH})(?:\s+ago\b)?|(?:\s+(?:is|was))?{_WHEN})""",
        _picked,
    ),
    # newsletter subscribed; birthday today; days since last order; number of orders; id in 1, 2
    Phrase(rf"(?P<row>{_NAME})(?:\s*(?P<sign>is\s+not\b|is\b|not\b|==?|!=)\s*|\s+|\.)(?P<word>{_NAME})", _chosen),
    Phrase(rf"{_PATH}\s+(?P<day>today|yesterday|tomorrow)\b", _on_day),
    Phrase(rf"\bdays\s+since\s+(?P<what>(?:last\s+|first\s+)?{_NAME})", _since),
    Phrase(rf"\b(?:(?:number|count)\s+of\s+(?P<rows>{_NAME})|(?P<rows2>{_NAME})\.count\b)", _number),
    Phrase(r"\bin\s+(?P<values>[^\s(),]+(?:\s*,\s*[^\s(),]+)+)", _list),
    Phrase(r"\b(?:average|mean|avg)\s+order(?:\s+(?:value|amount))?\b", lambda *_: ["lifetime.average_order"]),
    Phrase(
        r"\b(?:total\s+(?:spent|sales|revenue)|revenue|turnover|sum\s+of\s+orders)\b", lambda *_: ["lifetime.sales"]
    ),
    Phrase(r"\b(?:average|mean)\s*\(", lambda *_: ["avg("]),
    # within the last 30 days
    Phrase(_WINDOW, _in_window),
)
