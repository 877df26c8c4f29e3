"""Syntax errors in the words of whoever wrote the rule: what was expected, and where; never a token's name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from segrules.clock import Unit
from segrules.errors import Source, Span
from segrules.language.habits import SIGNS, UNITS, WORDS
from segrules.language.literals import DATES, calendar_day
from segrules.language.pieces import pieces, unclosed, unopened
from segrules.language.report import Report, closest

if TYPE_CHECKING:
    from lark.exceptions import UnexpectedInput

_OPENING_QUOTES = "\"'“„”‘‚’"
_WORD = re.compile(r"[^\W\d][\w.]*|[0-9][\w.]*|\S")
_TEXT = re.compile(r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[“„”][^“”\n]*[“”]|[‘‚’][^‘’\n]*[‘’]""")
_SLASHED = re.compile(r"([0-9]{1,4})/([0-9]{1,2})/([0-9]{1,4})(?![0-9])")
_TOGETHER = re.compile(r"([0-9]+(?:\.[0-9]+)?)_?(minute|hour|day|week|month|quarter|year|min|h|d|w|y)s?\Z", re.I)
_UNITS = {"min": "minute", "h": "hour", "d": "day", "w": "week", "y": "year"}
_THAN = re.compile(
    r"(?:(more|older|longer|earlier)|(less|newer|later|younger))\s+than\s+"
    r"([0-9]+\s+(?:minute|hour|day|week|month|quarter|year)s?\s+ago)\b",
    re.I,
)
#: 5.000,00 and 5,50: the point groups digits, the comma begins decimals.
_EUROPEAN = re.compile(r"(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+),[0-9]{1,2}\b(?!,)")
_POINTS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+\Z")
#: 5'000 and 5 000.
_GROUPED = re.compile(r"[0-9]{1,3}(?:([ \u00a0\u2009\u202f'’‘])[0-9]{3})(?:\1[0-9]{3})*(?:\.[0-9]+)?(?!\w)")
_MONEY = re.compile(r"[$€£¥]\s*([0-9][0-9,._]*)|([0-9][0-9,._]*)\s*[$€£¥]")


def explain(unexpected: UnexpectedInput, source: Source, report: Report) -> None:
    """Tells the one mistake at which reading stopped."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    text = source.text
    if isinstance(unexpected, UnexpectedToken):
        at = len(text) if unexpected.token.type == "$END" else unexpected.token.start_pos
        expected = frozenset(unexpected.accepts or unexpected.expected)
    elif isinstance(unexpected, UnexpectedCharacters):
        at = unexpected.pos_in_stream
        expected = frozenset(unexpected.allowed or ())
    else:
        at, expected = len(text), frozenset()
    _Mistake(source, report, at or 0, expected).tell()


class _Mistake:
    """The place where reading stopped, with what stands before and behind it."""

    def __init__(self, source: Source, report: Report, at: int, expected: frozenset[str]) -> None:
        self.source, self.report, self.expected = source, report, expected
        self.at = at
        start = source.text.rfind("\n", 0, max(0, at - 2000)) + 1  # no comment or text begins before its line
        self.before = pieces(source.text[start:at], start)
        found = _WORD.match(source.text, at)
        self.place = Span(at, found.end()) if found else Span(at, at)
        self.found = source.text[self.place.start : self.place.end]
        literal = _TEXT.match(source.text, at)
        if literal:
            self.place = Span(*literal.span())
        self.last = self.before[-1] if self.before else None

    def tell(self) -> None:
        text, at = self.source.text, self.at
        if not self.before and not self.found:
            self.report.error("SEG102", "the rule is empty", Span(0, 0), hint="the rule for everyone is true")
            return
        for attempt in (
            self._grouped,
            self._unclosed_text,
            self._split_time,
            self._foreign,
            self._thousands,
            self._chained,
            self._where,
            self._unit,
            self._loose_point,
            self._closing,
        ):
            if attempt():
                return
        what = self._wanted()
        after = f' after "{_shown(self.last[0])}"' if self.last else ""
        found = f', not "{_shown(self.source.text[self.place.start : self.place.end])}"' if self.found else ""
        place = self.place if self.found else Span(self._end_of_last(), self._end_of_last())
        if not self.found and self.last:
            place = Span(self.last[1], self.last[2])
        than = _THAN.match(text, at)
        if than:
            write = f"{'before' if than[1] else 'after'} {than[3]}"
            self.report.error(
                "SEG101",
                f"expected {what}{after}{found}",
                place,
                write=write,
                hint=f"write {write}",
                instead_of=Span(*than.span()),
            )
            return
        self.report.error("SEG101", f"expected {what}{after}{found}", place, hint=self._hint(text, at))

    def _end_of_last(self) -> int:
        return self.last[2] if self.last else 0

    # --- known mistakes, each with its way out -----------------------------------------------------

    def _grouped(self) -> bool:
        found = self.last and self.last[2] <= self.at and _GROUPED.match(self.source.text, self.last[1])
        if not found or found.end() <= self.at:
            return False
        sign = "a blank" if found[1].isspace() else "an apostrophe"
        self.report.error(
            "SEG114",
            f"{sign} does not group digits",
            Span(*found.span()),
            write="".join(re.findall(r"[0-9.]", found[0])),
            hint="write 1000 or 1_000",
        )
        return True

    def _unclosed_text(self) -> bool:
        if not self.found or self.found[0] not in _OPENING_QUOTES:
            return False
        line = self.source.text.find("\n", self.at)
        end = len(self.source.text) if line < 0 else line
        raw = self.source.text[self.at : end]
        closing = {"“": "”", "„": "“", "‘": "’", "‚": "‘"}.get(raw[0], raw[0])
        if closing in raw[1:]:
            return False
        self.report.error(
            "SEG104",
            "the text has no closing quote on its line",
            Span(self.at, end),
            hint="a line break in a text is written \\n",
        )
        return True

    def _split_time(self) -> bool:
        found = self.last and re.compile(r"([0-9-]{10})\s+([0-9]{2}:[0-9]{2}(?::[0-9.]+)?)").match(
            self.source.text, self.last[1]
        )
        if not found:
            return False
        self.report.error(
            "SEG106", "a day and its time are joined by T", Span(*found.span()), write=f"{found[1]}T{found[2]}"
        )
        return True

    def _foreign(self) -> bool:
        text, at = self.source.text, self.at
        money = _MONEY.match(text, at)
        if money is None and self.last and text[at : at + 1] in "$€£¥" and text[at : at + 1]:
            money = _MONEY.match(text, self.last[1])
        if money:
            number = _digits((money[1] or money[2]).rstrip(",."))
            self.report.error(
                "SEG103", "amounts are written without a currency sign", Span(*money.span()), write=number
            )
            return True
        start = at
        if self.last and self.last[2] == at and text[self.last[1] : at + 1] in ("==="):
            start = self.last[1]
        for sign in ("===", "&&", "||", "=>", "=<", "&", "|", "!", "~", "{", "[", "}", "]", *"–—−‐‑"):
            if text.startswith(sign, start):
                self._replace(sign, Span(start, start + len(sign)))
                return True
        if self.last and self.last[2] == at and self.last[0] == "=" and text[at : at + 1] in ("<", ">"):
            self._replace("=" + text[at], Span(at - 1, at + 1))
            return True
        slashed = _SLASHED.match(text, self.last[1]) if self.last and text.startswith("/", at) else None
        if slashed:
            self.report.error(
                "SEG106",
                f"{slashed[0]} is not a date as the language writes it",
                Span(*slashed.span()),
                write=calendar_day(slashed[1], slashed[2], slashed[3]),
                hint=DATES,
            )
            return True
        if text.startswith("/", at):
            self.report.error(
                "SEG103", "there is no division in the language", self.place, hint="multiply the other side"
            )
            return True
        if text.startswith(";", at):
            more = bool(text[at + 1 :].strip())
            hint = "conditions are joined by and, or" if more else None
            message = "a rule is one expression and ends without a sign"
            self.report.error("SEG103", message, self.place, write=" and" if more else "", hint=hint)
            return True
        return False

    def _replace(self, sign: str, span: Span) -> None:
        write = SIGNS[sign]
        text = self.source.text
        if write.isalpha():
            write = (" " if span.start and not text[span.start - 1].isspace() else "") + write
            write += " " if span.end < len(text) and not text[span.end].isspace() else ""
        self.report.error("SEG103", f'"{sign}" is written {SIGNS[sign]} here', span, write=write)

    def _thousands(self) -> bool:
        if self.found != "," or not self.last:
            return False
        european = _EUROPEAN.match(self.source.text, self.last[1])
        if european and european.end() > self.at:
            write = _digits(european[0])
            hint = "decimals stand behind a point, and nothing groups digits but _: 1_000.50"
            self.report.error(
                "SEG114", "a comma does not begin decimals", Span(*european.span()), write=write, hint=hint
            )
            return True
        whole = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?").match(self.source.text, self.last[1])
        if whole is None:
            return False
        self.report.error(
            "SEG114",
            "a comma does not group digits",
            Span(*whole.span()),
            write=whole[0].replace(",", ""),
            hint="write 1000 or 1_000",
        )
        return True

    def _chained(self) -> bool:
        signs = ("<", "<=", ">", ">=", "=", "==", "!=", "<>", "≤", "≥", "≠")
        longer = self.source.text[self.at : self.at + 2]
        sign = longer if longer in signs else self.found
        if sign not in signs or "EQUAL" in self.expected or "NUMBER" in self.expected:
            return False
        self.report.error(
            "SEG109",
            "one comparison cannot go on with another",
            Span(self.at, self.at + len(sign)),
            hint="join two comparisons by and, or write x between a and b",
        )
        return True

    def _where(self) -> bool:
        if not self.last or self.last[0].lower() not in ("where", "has") or self.expected - {"LPAR"}:
            return False
        word, end = self.last[0].lower(), self._end_of_condition()
        self.report.error(
            "SEG110",
            f'the condition after "{word}" stands in parentheses',
            self.place if self.found else Span(self.last[1], self.last[2]),
            write=f"({self.source.text[self.at : end]})" if end > self.at else None,
            hint=f"write … {word} (condition)",
            instead_of=Span(self.at, end),
        )
        return True

    def _end_of_condition(self) -> int:
        """Where the condition that begins here ends: before the next ``and`` or ``or``, or a closing parenthesis."""
        end, depth, between = self.at, 0, False
        for piece, start, stop in pieces(self.source.text[self.at :], self.at):
            word = piece.lower()
            depth += (word == "(") - (word == ")")
            if depth < 0 or (depth == 0 and start > self.at and word in ("and", "or") and not between):
                break
            between = (between and word != "and") or word == "between"
            end = stop
        return end

    def _unit(self) -> bool:
        if "UNIT" not in self.expected or not self.last or not self.last[0][0].isdigit():
            return False
        if self.expected & {"_AND", "EQUAL", "PLUS"} and "NUMBER" not in self.expected and self.found[:1].isalpha():
            if (
                not self._follows_window()
                and self._meant_unit() is None
                and self.found.lower()
                not in (
                    "d",
                    "h",
                    "min",
                    "mins",
                    "hrs",
                    "hr",
                    "sec",
                    "second",
                    "seconds",
                    "ago",
                )
            ):
                return False
        elif not self._follows_window():
            return False
        span = Span(self.last[1], self.place.end) if self.found.lower() == "ago" else Span(self.last[1], self.last[2])
        ago = " ago" if self.found.lower() == "ago" else ""
        together = _TOGETHER.match(self.last[0])
        if together:
            unit = together[2].lower()
            unit = _UNITS.get(unit, unit)
            write = f"{together[1]} {unit}{'' if together[1] == '1' else 's'}"
            self.report.error("SEG111", f"{self.last[0]} is written {write}", span, write=write + ago)
            return True
        if not self.last[0].replace(".", "").replace("_", "").isdigit():
            return False
        unit = self._meant_unit()
        if unit is not None:
            write = f"{self.last[0]} {unit}"
            self.report.error(
                "SEG111",
                f'"{self.found}" is no unit of time',
                Span(self.last[1], self.place.end),
                write=write,
                hint=f"did you mean {write}?",
            )
            return True
        write = f"{self.last[0]} days{ago}"
        self.report.error(
            "SEG111",
            f"{self.last[0]} of what? A length of time needs a unit",
            span,
            write=write,
            hint="minutes, hours, days, weeks, months, quarters or years",
        )
        return True

    def _meant_unit(self) -> str | None:
        """The unit that a misspelt or foreign word means, in the number that goes with what stands before."""
        word = self.found.lower()
        if len(word) < 3 or not word.isalpha():
            return None
        units = [each.value for each in Unit]
        unit = UNITS.get(word) or closest(word, [*units, *(f"{each}s" for each in units)], 0.65)
        assert self.last is not None
        return unit and unit.rstrip("s") + ("" if self.last[0] == "1" else "s")

    def _follows_window(self) -> bool:
        return (len(self.before) > 1 and self.before[-2][0].lower() in ("last", "next")) or self.found.lower() == "ago"

    def _loose_point(self) -> bool:
        text, at = self.source.text, self.at
        if self.found != ".":
            return False
        number = re.compile(r"\.[0-9]+").match(text, at)
        if number and (not self.last or self.last[2] < at):
            self.report.error("SEG105", f"{number[0]} is not a number", Span(*number.span()), write=f"0{number[0]}")
            return True
        if self.last and self.last[2] == at and self.last[0].isdigit():
            self.report.error(
                "SEG105", f"{self.last[0]}. is not a number", Span(self.last[1], at + 1), write=self.last[0]
            )
            return True
        return False

    def _closing(self) -> bool:
        text = self.source.text
        if not self.found and "RPAR" in self.expected:
            opening = unclosed(text)
            if opening is not None:
                self.report.error("SEG108", "this parenthesis is never closed", Span(opening, opening + 1))
                return True
        if self.found == ")" and unopened(text, self.at):
            self.report.error("SEG108", "this parenthesis closes nothing", self.place, write="")
            return True
        return False

    # --- everything else ---------------------------------------------------------------------------

    def _wanted(self) -> str:
        expected = self.expected
        last = self.last[0].lower() if self.last else ""
        if "NUMBER" in expected and "NAME" in expected and "STRING" in expected:
            opened = last in ("", "and", "or", "not", "(", "where") or (last == "," and self._in_group())
            if last == "and" and len(self.before) > 2 and self._after_between():
                opened = False
            return "a condition" if opened else "a value"
        if "STRING" in expected and "NUMBER" not in expected:
            return "a segment's name in quotes"
        if {"LAST", "THIS"} <= expected:
            return "a list in parentheses or a time like last 7 days"
        if "UNIT" in expected and "NUMBER" in expected:
            return "a length of time or a unit"
        if "UNIT" in expected and not expected & {"EQUAL", "_AND", "RPAR"}:
            return "a unit of time"
        if "EQUAL" in expected:
            return "a comparison"
        if expected & {"NAME", "MEMBER"}:
            return "a name"
        if "NUMBER" in expected:
            return "a number"
        if "_AND" in expected and "_OR" not in expected:
            return '"and" with the upper end'
        if "_OR" in expected or "$END" in expected:
            closing = ' or ")"' if "RPAR" in expected else " or the end"
            return f'"and", "or"{closing}'
        if expected & {"_HAS"}:
            return '"has"'
        if "LPAR" in expected:
            return '"("'
        if "_OF" in expected:
            return '"of"'
        return "something else"

    def _after_between(self) -> bool:
        for piece, _, _ in reversed(self.before[:-1]):
            lowered = piece.lower()
            if lowered == "between":
                return True
            if lowered in ("and", "or", "where", "("):
                return False
        return False

    def _in_group(self) -> bool:
        """Whether a comma stands between the conditions of a group, not between the values of a list."""
        depth = 0
        for (piece, _, _), (before, _, _) in zip(reversed(self.before), reversed(self.before[:-1]), strict=False):
            depth += (piece == ")") - (piece == "(")
            if depth < 0:
                return before.lower() == "of"
        return False

    def _hint(self, text: str, at: int) -> str | None:
        found = self.found.lower()
        known = WORDS.get(found) or WORDS.get(self.last[0].lower() if self.last else "")
        if known is not None:
            return known
        if found in ("@", "«", "»"):
            return 'a text stands in quotes: "anna@example.com"'
        if self.last is not None and len(self.last[0]) > 1 and self.last[0][0] in "'‘" and self.last[2] == at:
            return 'an apostrophe inside a text wants double quotes around it: "O\'Neill"'
        if found in ("older", "newer"):
            side = "before" if found == "older" else "after"
            return f"write {side} 30 days ago"
        words = ("like", "matches", "includes")
        if found in words or (self.last is not None and self.last[0].lower() in words):
            return "write contains, starts with or ends with"
        if found in ("equals", "equal", "eq"):
            return "write = or is"
        if found in ("greater", "more", "less", "at", "over", "under", "exceeds"):
            return "write > or <, >= or <="
        if found == "than":
            return "write > or <, >= or <="
        if found == "ago" and self.last and len(self.before) > 2:
            return "write in last 7 days, or after 7 days ago"
        if self.before and self.before[0][0].lower() in ("where", "who", "whose", "customers"):
            return "a rule is one condition about the customer: customer.group is wholesale"
        return None


def _digits(amount: str) -> str:
    """An amount in the digits of the language, whichever sign grouped them."""
    if _EUROPEAN.fullmatch(amount) or _POINTS.match(amount):
        return amount.replace(".", "").replace(",", ".")
    return amount.replace(",", "").replace("_", "")


def _shown(piece: str) -> str:
    piece = piece.strip('"')
    return piece if len(piece) <= 40 else piece[:39] + "…"
