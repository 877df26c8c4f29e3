"""What comes of a conversion, and what its author should know."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen
from segrules.errors import Position

from segrules_sequences.ports import Template


@frozen
class Note:
    """Something that the author of a converted template should know: where it was, and what became of it."""

    position: Position
    text: str

    def __str__(self) -> str:
        return f"{self.position.line}:{self.position.column}: {self.text}"


@frozen
class Conversion:
    """A converted template. ``style`` is CSS that stood in it, ``style_file`` the name of a file that it asks for.

    ``included`` are the templates that it includes, which have to be there; ``notes`` say what is not quite as before.
    """

    subject: str
    body: str
    style: str
    style_file: str | None
    included: tuple[str, ...]
    notes: tuple[Note, ...]

    def template(self, name: str) -> Template:
        """The template under a name."""
        return Template(name, self.subject, self.body, style=self.style)

    def files(self, name: str) -> Mapping[str, str]:
        """The template as files of a folder, by their names."""
        style = self.style_file or (f"{name}.css" if self.style else None)
        head = [f"Subject: {self.subject}"] if self.subject else []
        head += [f"Style: {style}"] if style else []
        files = {f"{name}.html.j2": "\n".join([*head, "", self.body]) if head else self.body}
        if self.style:
            files[f"{name}.css"] = self.style
        return files
