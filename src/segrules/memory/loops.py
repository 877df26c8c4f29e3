"""How loops over the rows of a source are written: nested, with early exits, each condition as far out as it can be."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from segrules import algebra
from segrules.algebra import And, Field, Pick, Predicate, Row, Source, Term
from segrules.memory import shapes
from segrules.memory.program import Operand, Pad
from segrules.memory.shapes import Shape


class Loops(Pad):
    """Writes loops; what is asked of a row is written by those who know predicates."""

    @abstractmethod
    def _require(self, predicate: Predicate, jump: str) -> None:
        """Goes on when the predicate holds, jumps when it does not."""

    def _search(self, source: Source, where: Predicate) -> None:
        """A loop that is broken off at the first row that satisfies; its ``else`` is left to the caller."""
        self._search_steps(source.parent, self._steps(source), where)

    def _search_steps(self, parent: Row, steps: list[tuple[Row, Predicate]], where: Predicate) -> None:
        (row, condition), *further = steps
        with self._loop(parent, row):
            self._require(condition, "continue")
            if further:
                self._search_steps(row, further, where)
                self._line("else: continue")
            else:
                self._require(where, "continue")
            self._line("break")

    @contextmanager
    def _each(self, source: Source) -> Iterator[None]:
        """Nested loops over the rows of a source that satisfy its condition."""
        with self._each_step(source.parent, self._steps(source)):
            yield

    @contextmanager
    def _each_step(self, parent: Row, steps: list[tuple[Row, Predicate]]) -> Iterator[None]:
        (row, condition), *further = steps
        with self._loop(parent, row):
            self._require(condition, "continue")
            with self._each_step(row, further) if further else nullcontext():
                yield

    @contextmanager
    def _loop(self, parent: Row, row: Row) -> Iterator[None]:
        """A loop over the rows under a link."""
        link = self._link(parent, row)
        name, outer = self._fresh("r"), self._rows
        with self._block(f"for {name} in {link}:"):
            self._rows = {**outer, row.depth: name}
            self._loops += 1
            if self.shape is Shape.DICTIONARY:
                self._line(f"if {name}.__class__ is not dict: raise KeyError")
            yield
            self._loops -= 1
        self._rows = outer

    def _link(self, parent: Row, row: Row) -> str:
        """The name of the rows under a link; they are read once in a block."""
        key = (self._rows[parent.depth], row.link)
        known = self._known.get(key)
        if known is not None:
            return known.code
        name = self._fresh("x")
        code = shapes.read(self.shape, key[0], row.link, self._constant(row.link))
        if self.shape is Shape.CAREFUL:
            self._line(f"{name} = rows({code}, {self._constant(row.entity)})")
        else:
            usual = f"({name} := {code}).__class__ is not list"
            self._line(f"if {usual}: {name} = rows({name}, {self._constant(row.entity)})")
        self._known[key] = Operand((), name)
        return name

    def _steps(self, source: Source) -> list[tuple[Row, Predicate]]:
        """Each row of a source with that part of the condition that can be asked as soon as it is there."""
        if len(source.rows) == 1:
            return [(source.last, source.where)]
        parts: list[list[Predicate]] = [[] for _ in source.rows]
        for item in source.where.items if isinstance(source.where, And) else (source.where,):
            used = self._used(item)
            parts[max((i for i, row in enumerate(source.rows) if row.depth in used), default=0)].append(item)
        return [(row, algebra.all_of(*part)) for row, part in zip(source.rows, parts, strict=True)]

    def _used(self, node: Term | Predicate | Source) -> frozenset[int]:
        """The depths of the rows that a node refers to."""
        found = self._depths.get(id(node))
        if found is None:
            own = (
                {node.row.depth} if isinstance(node, Field) else {node.parent.depth} if isinstance(node, Source) else ()
            )
            found = frozenset(own).union(*map(self._used, algebra.children(node)))
            self._depths[id(node)] = found
            self._seen.append(node)
        return found

    @contextmanager
    def _picked(self, source: Source, pick: Pick) -> Iterator[str]:
        """Finds the row that is picked; inside, the rows of the source are that one and its parents."""
        chosen = {row.depth: self._fresh("b") for row in source.rows}
        best, key = chosen[source.last.depth], self._fresh("o")
        sign = ">" if pick.latest else "<"
        self._line(f"{' = '.join(chosen.values())} = {key} = None")
        with self._each(source):
            row, entity = self._rows[source.last.depth], self._constant(source.last.entity)
            tie = f"id_of({row}, {entity}) {sign} id_of({best}, {entity})"
            new = self._fresh("o")
            if pick.by is None:
                self._line(f"{new} = None")
                test = f"{best} is None or {tie}"
            else:
                read = shapes.read(self.shape, row, pick.by, self._constant(pick.by))
                guard = shapes.order_guard(self.shape, new, read, self._label(source.last, pick.by))
                if pick.required:
                    self._line(f"if not ({guard}): continue")
                    better = f"{new} {sign} {key}"
                else:
                    self._line(f"if not ({guard}): {new} = None")
                    low, high = (key, new) if pick.latest else (new, key)
                    better = f"{high} is not None and ({low} is None or {new} {sign} {key})"
                test = f"{best} is None or {better} or {new} == {key} and {tie}"
            with self._block(f"if {test}:"):
                for depth, name in chosen.items():
                    self._line(f"{name} = {self._rows[depth]}")
                self._line(f"{key} = {new}")
        outer, self._rows = self._rows, {**self._rows, **chosen}
        yield best
        self._rows = outer
