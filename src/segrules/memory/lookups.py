"""The code that asks many rules about one customer: a look-up for each feature, then what is left of the rules.

It is written for a structure (which features in which tables, which planes) and a shape of customer. The tables
themselves, which change with the rules and the day, are arguments: ``p`` has a tuple for each feature, ``q`` the
instants of the present, ``x`` the functions for what is left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from attrs import frozen

from segrules.algebra import Kind, Predicate, Term
from segrules.memory.gates import Plane
from segrules.memory.sharing import SharedWriter, Sharing
from segrules.memory.tables import Form, Key

Ask = Callable[..., int]


@frozen
class Feature:
    """What is looked at once, and the tables in which its value is looked up."""

    subject: Term | Predicate
    forms: tuple[Form, ...]

    @property
    def keys(self) -> tuple[Key, ...]:
        """Its tables."""
        return tuple(Key(self.subject, form) for form in self.forms)

    @property
    def is_plain(self) -> bool:
        """Whether it is a field of the customer."""
        return self.keys[0].is_plain


@frozen
class Structure:
    """What the code depends on. Features that cost nothing come first; planes are in order of their numbers."""

    features: tuple[Feature, ...]
    planes: tuple[Plane, ...]


class Lookups(SharedWriter):
    """Writes the code for a structure."""

    def ask(self, structure: Structure) -> Ask:
        """The function ``(r0, t, p, q, x)`` from a customer to the bits of the rules that hold.

        The last entries of ``p`` are the rules that there are, those that leave something to ask, and the gates
        of each plane.
        """
        self._instants = 0
        self._line("m = {}")
        self._line("s = 0")
        late = False
        for number, feature in enumerate(structure.features):
            if not feature.is_plain and not late:
                self._pass_on(structure, late=False)
                late = True
            if late:
                with self._block(f"if a & p[{number}][0]:"):
                    self._look_up(feature, f"p[{number}]")
                    self._line("a ^= a & s")
            else:
                self._look_up(feature, f"p[{number}]")
        if not late:
            self._pass_on(structure, late=False)
        self._pass_on(structure, late=True)
        self._line("w = a & p[-2]")
        with self._block("while w:"):
            self._line("b = w & -w")
            self._line("w ^= b")
            self._line("if not x[b.bit_length()](r0, t, m): a ^= b")
        self._line("return a")
        return self._made("def main(r0, t, p, q, x):")

    def _pass_on(self, structure: Structure, late: bool) -> None:
        """What was not decided goes up, from the deepest planes to the rules that may still hold."""
        planes = [plane for plane in structure.planes if plane.path and plane.is_late is late]
        if planes:
            self._line("y = s")
        offset = 0
        for plane in planes:
            self._line(f"y >>= {plane.offset - offset}")
            self._line(f"y{plane.number} = y & p[-1][{plane.number}]")
            offset = plane.offset
        if not late:
            self._line("a = p[-3]")
            self._line("a ^= a & s")
        for plane in sorted(planes, key=lambda plane: -len(plane.path)):
            passed = f"p[-1][{plane.number}] ^ y{plane.number}"
            self._line(f"y{plane.above} |= {passed}" if plane.above else f"a ^= a & ({passed})")

    def _look_up(self, feature: Feature, entry: str) -> None:
        subject = feature.subject
        if isinstance(subject, Predicate):
            self._line(f"u, g0, e0 = {entry}")
            self._line(f"s |= g0 if {self._inline(subject)} else e0")
            return
        names, found = ["u", "z"], []
        is_text = feature.forms[0] is Form.EQUAL and feature.keys[0].kind is Kind.TEXT
        operand = self._named(self._operand(subject, exact=not {Form.ORDERED, Form.INSTANT} & {*feature.forms}))
        for place, form in enumerate(feature.forms):
            letters, code = self._form(form, subject, operand.code, is_text, place)
            names += letters
            found.append(code)
        self._line(f"{', '.join(names)} = {entry}")
        with self._block(f"if {operand.present}:"):
            for code in found:
                self._line(f"s |= {code}")
        self._line("else: s |= z")

    def _form(self, form: Form, subject: Term, value: str, is_text: bool, place: int) -> tuple[list[str], str]:
        """The names of the parts of a table, and the look-up in them."""
        table, at, between, whole, index = (f"{letter}{place}" for letter in "gefdi")
        match form:
            case Form.EQUAL if is_text:
                return [table, at], f"{table}.get({value}.lower() if {value}.isascii() else fold({value}), {at})"
            case Form.EQUAL:
                return [table, at], f"{table}.get({value}, {at})"
            case Form.MONTH_DAY:
                return [table, at], f"{table}.get({self._month_day_of(subject, value)}, {at})"
            case Form.INSTANT:
                number, self._instants = self._instants, self._instants + 1
                find = self._call(bisect_left, f"q[{number}]", value)
                exact = f"q[{number}][{index} := {find}] == {value}"
                return [at, between], f"{at}[{index}] if {exact} else {between}[{index}]"
            case _:
                names = [table, at, between]
                constants = table
                if Key(subject, form).kind is Kind.NUMBER:
                    names.append(whole)
                    constants = f"{whole} if {value}.__class__ is int else {table}"
                find = self._call(bisect_left, constants, value)
                return names, f"{at}[{index}] if {table}[{index} := {find}] == {value} else {between}[{index}]"


def ask(sharing: Sharing, structure: Structure) -> Ask:
    """The code for a structure and the shape of the sharing."""
    with sharing.lock:
        return Lookups(sharing).ask(structure)
