"""Which rows are open while a predicate is asked, and how values of outer rows are spread over inner ones."""

from __future__ import annotations

import pyarrow as pa
from attrs import frozen

from segrules.algebra import Source
from segrules.memory.columnar.frames import Frame
from segrules.memory.columnar.numbers import NotColumnar, Values


@frozen
class Scope:
    """The open rows: the customers, and below them frame by frame; each row of the last stands for one of each."""

    frames: tuple[tuple[int, Frame], ...]

    @property
    def length(self) -> int:
        """How many rows the last frame has."""
        return self.frames[-1][1].length

    def spread(self, depth: int, values: Values) -> Values:
        """Values of the frame at a depth, for the rows of the last one."""
        if isinstance(values, pa.Scalar):
            return values
        is_inside = False
        for each, frame in self.frames:
            if is_inside:
                values = values.take(frame.owners)
            is_inside = is_inside or each == depth
        return values

    def at(self, depth: int) -> Frame:
        """The frame at a depth."""
        return next(frame for each, frame in self.frames if each == depth)

    def inside(self, source: Source) -> Scope:
        """With the rows of a source, which must start at the last frame."""
        if self.frames[-1][0] != source.parent.depth:
            raise NotColumnar
        frames = self.frames
        for row in source.rows:
            frames = (*frames, (row.depth, frames[-1][1].below(row.link)))
        return Scope(frames)

    def narrowed(self, rows: pa.Array) -> Scope:
        """With only these of the last rows."""
        *before, (depth, frame) = self.frames
        return Scope((*before, (depth, frame.taken(rows))))

    def owners(self, source: Source) -> pa.Array:
        """For each row of the last frame of a source, the row where the source starts."""
        frames = [frame for _, frame in self.frames[-len(source.rows) :]]
        owners = frames[-1].owners
        for frame in reversed(frames[:-1]):
            assert frame.owners is not None
            owners = frame.owners.take(owners)
        return owners
