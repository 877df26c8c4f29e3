"""What may stand opposite a field: literals, words and parameters take their type from it."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from segrules.language import literals, nodes, syntax
from segrules.language.countries import COUNTRIES, suggested
from segrules.language.report import closest, listing
from segrules.language.sorts import FITS, PARAMETER_KINDS, Meant, Sort
from segrules.language.spelling import literal_choice, quoted
from segrules.language.values import Values

_WORDY = (Sort.TEXT, Sort.CODE, Sort.COUNTRY, Sort.CATEGORIES, Sort.CODES, Sort.NAME_OR_CODE)
_LOOKS_LIKE_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")


@lru_cache(maxsize=256)
def _any_case(choices: tuple[str, ...]) -> dict[str, str]:
    return {each.lower(): each for each in choices}


class Opposites(Values):
    """Resolves operands that stand opposite another one."""

    def opposite(self, form: syntax.Form, subject: Meant, shown: str) -> nodes.Operand | None:
        """What a form means opposite ``subject``, which the rule calls ``shown``; None after mistakes."""
        while isinstance(form, syntax.Grouped):
            form = form.item
        sort = subject.sort
        if isinstance(form, syntax.Named):
            return self.parameter(form, PARAMETER_KINDS[sort])
        word = form.names[0] if isinstance(form, syntax.Path) and len(form.names) == 1 else None
        if sort is Sort.CHOICE:
            if word is not None:
                return self._choice(word, form, subject, shown)
            if isinstance(form, syntax.Quoted):
                text = literals.text(form, self.report)
                return None if text is None else self._choice(text, form, subject, shown)
        if word is not None and self.names.bare(word) is None:
            if sort in _WORDY:
                self._unquoted(word, form, subject, shown)
                return None
            if sort is Sort.YESNO and word.lower() in ("yes", "no"):
                write = "true" if word.lower() == "yes" else "false"
                self.report.error("SEG301", f"{shown} is yes or no, written true or false", form, write=write)
                return None
        meant = self.value(form)
        if meant is None:
            return None
        return self._literal_fits(meant, form, subject, shown) if meant.literal else self._fits(meant, subject, shown)

    def _fits(self, meant: Meant, subject: Meant, shown: str) -> nodes.Operand | None:
        if meant.sort in FITS[subject.sort]:
            return meant.node
        if subject.sort is Sort.DAYS_UNTIL and meant.sort is Sort.NUMBER:
            self.report.error("SEG316", f"{shown} compares with a plain number only", meant.node)
        else:
            self._mismatch(meant, subject, shown)
        return None

    def _mismatch(
        self, meant: Meant, subject: Meant, shown: str, write: str | None = None, hint: str | None = None
    ) -> None:
        code = "SEG307" if meant.sort is Sort.TEXT and write else "SEG306" if meant.sort is Sort.LENGTH else "SEG301"
        what = self.report.short(meant.node)
        self.report.error(
            code, f"{shown} is {subject.noun}; {what} is {meant.noun}", meant.node, write=write, hint=hint
        )

    def _literal_fits(self, meant: Meant, form: syntax.Form, subject: Meant, shown: str) -> nodes.Operand | None:
        node, sort = meant.node, subject.sort
        match meant.sort:
            case Sort.TEXT if sort is Sort.COUNTRY:
                return self._country(node, shown)
            case Sort.TEXT if sort in _WORDY:
                return node
            case Sort.TEXT:
                assert isinstance(node, nodes.Text)
                self._mismatch(meant, subject, shown, _unquoted_value(node.value, sort))
                return None
            case Sort.NUMBER if sort is Sort.ID:
                if isinstance(node, nodes.Number) and node.value == int(node.value):
                    return node
                self.report.error("SEG301", f"{shown} is an id; an id is a whole number", node)
                return None
            case Sort.NUMBER if sort is Sort.DAYS_UNTIL:
                plain = node.operand if isinstance(node, nodes.Negative) else node
                if isinstance(plain, nodes.Number):
                    return node
                self.report.error("SEG316", f"{shown} compares with a plain number only", node)
                return None
            case Sort.NUMBER if sort is Sort.CHOICE and subject.choices is not None:
                self._mismatch(meant, subject, shown, hint=f"it is one of {listing(subject.choices)}")
                return None
            case Sort.NUMBER if sort in _WORDY or sort is Sort.CHOICE:
                self._mismatch(meant, subject, shown, quoted(self.report.text(node)))
                return None
            case Sort.LENGTH:
                assert isinstance(form, syntax.Duration)
                self._length_opposite(meant, form, subject, shown)
                return None
            case Sort.INSTANT if sort in (Sort.DATE, Sort.ANNIVERSARY):
                noun = "a whole day" if sort is Sort.DATE else "an anniversary, a whole day"
                what = self.report.short(node)
                self.report.error(
                    "SEG301",
                    f"{shown} is {noun}; {what} is a moment",
                    node,
                    write="today" if isinstance(node, nodes.NowLiteral) else None,
                )
                return None
            case _:
                return self._fits(meant, subject, shown)

    def _length_opposite(self, meant: Meant, form: syntax.Duration, subject: Meant, shown: str) -> None:
        write = hint = None
        if subject.sort in (Sort.MOMENT, Sort.DATE):
            write = f"{self.report.text(form)} ago"
        elif subject.noun == "a number of days" and form.unit == "day":
            write = form.number.text
            hint = f"{shown} counts days already"
        self._mismatch(meant, subject, shown, write, hint)

    def _choice(self, word: str, form: syntax.Form, subject: Meant, shown: str) -> nodes.Operand | None:
        if subject.choices is None:
            return nodes.Choice(word, declared=False, span=form.span)
        found = _any_case(subject.choices).get(word.lower())
        if found is not None:
            return nodes.Choice(found, span=form.span)
        near = closest(word, subject.choices)
        self.report.error(
            "SEG205",
            f"{shown} is never {self.report.short(form)}",
            form,
            write=near and literal_choice(near),
            hint=f"it is one of {listing(subject.choices)}",
        )
        return None

    def _country(self, node: nodes.Operand, shown: str) -> nodes.Operand | None:
        assert isinstance(node, nodes.Text)
        if node.value in COUNTRIES:
            return node
        code = suggested(node.value)
        hint = f'"{code}" is {COUNTRIES[code]}' if code else 'countries are written as two letters of ISO 3166, "GB"'
        self.report.error(
            "SEG207",
            f"{shown} is a country code; {self.report.short(node)} is none",
            node,
            write=code and f'"{code}"',
            hint=hint,
        )
        return None

    def _unquoted(self, word: str, form: syntax.Form, subject: Meant, shown: str) -> None:
        write = f'"{word}"'
        if subject.sort is Sort.COUNTRY:
            code = suggested(word)
            write = f'"{code}"' if code else write
        self.report.error(
            "SEG206",
            f"{shown} is {subject.noun}, so {word} needs quotes",
            form,
            write=write,
            hint=None if self.names.outermost else f"or is {word} meant as a field? There is none of that name here",
        )


def _unquoted_value(text: str, sort: Sort) -> str | None:
    """What a quoted number or date is without its quotes, when that is what was meant."""
    if sort in (Sort.NUMBER, Sort.ID, Sort.DAYS_UNTIL) and _LOOKS_LIKE_NUMBER.match(text):
        return text
    if sort in (Sort.DATE, Sort.MOMENT, Sort.ANNIVERSARY):
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            return None
    if sort is Sort.YESNO and text.lower() in ("true", "false"):
        return text.lower()
    return None
