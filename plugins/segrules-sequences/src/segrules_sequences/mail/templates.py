"""Where templates are kept: in a folder of files, or in a table that keeps every version."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from attrs import define, field, frozen
from segrules.shop.columns import MARIADB_EXACT, exact_text
from sqlalchemy.dialects import mysql

from segrules_sequences.clock import Instant
from segrules_sequences.errors import SettingsError, TemplateError
from segrules_sequences.mail.syntax import KEY
from segrules_sequences.mail.views import meant
from segrules_sequences.ports import Template

#: Characters of one file or column.
LONGEST_SOURCE = 256 * 1024

_HEAD = re.compile(r"(Subject|Style):[ \t]*(.*)\Z")


def parse_template(name: str, html: str, text: str | None = None, style: str = "", version: str = "") -> Template:
    """A template from its HTML with a head: lines ``Subject: …`` and ``Style: …`` before the first empty line.

    HTML without a head has no subject, and can only be included. ``Style`` names a file, whose CSS is in ``style``.
    """
    subject, body = "", html.removeprefix("\ufeff").replace("\r\n", "\n")
    if _HEAD.match(body.partition("\n")[0]):
        head, _, body = body.partition("\n\n")
        for number, line in enumerate(head.split("\n"), 1):
            found = _HEAD.match(line)
            if found is None:
                raise TemplateError(
                    "the head has lines Subject: … and Style: …, and ends with an empty one", name, number
                )
            if found[1] == "Subject":
                subject = found[2].strip()
    return Template(name, subject, body, text, version, style)


def style_named(html: str) -> str | None:
    """The name of the file that the head of a template gives for its style."""
    for line in html.removeprefix("\ufeff").replace("\r\n", "\n").partition("\n\n")[0].split("\n"):
        found = _HEAD.match(line)
        if found is None:
            return None
        if found[1] == "Style":
            return found[2].strip()
    return None


@frozen
class FileTemplates:
    """Templates in a folder: ``name.html.j2``, and beside it ``name.txt.j2`` where the text is written by hand.

    A name may have folders in it, ``cart/step-1``. The version is a digest of the files.
    """

    folder: Path = field(converter=Path)

    def get(self, name: str) -> Template:
        """The template of a name; TemplateError when there is none, or it cannot be read."""
        html = self._read(name, ".html.j2")
        text = self._read(name, ".txt.j2")
        if html is None and text is None:
            raise TemplateError(f'there is no template "{name}"{meant(name, self.names())}')
        style = ""
        wanted = style_named(html) if html is not None else None
        if wanted is not None:
            style = self._read(wanted, "") or ""
            if not style:
                raise TemplateError(f'there is no style "{wanted}"', name, 1)
        whole = "\0".join(each or "" for each in (html, text, style))
        version = hashlib.sha256(whole.encode("utf-8", "replace")).hexdigest()[:12]
        return parse_template(name, html or "", text, style, version)

    def names(self) -> list[str]:
        """The names of all templates, sorted."""
        found = {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.j2")}
        return sorted({re.sub(r"\.(html|txt)\.j2\Z", "", each) for each in found})

    def _read(self, name: str, ending: str) -> str | None:
        if not KEY.match(name):
            raise TemplateError(f"the name of a template has letters, digits, and -, _, . and / between them: {name!r}")
        path = self.folder / f"{name}{ending}"
        # A link in the folder may lead out of it; what it leads to is not ours to mail.
        if not path.is_file() or not path.resolve().is_relative_to(self.folder.resolve()):
            return None
        if path.stat().st_size > 4 * LONGEST_SOURCE:
            raise TemplateError(f"the file has more than {LONGEST_SOURCE:,} characters", f"{name}{ending}")
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise TemplateError("the file is not UTF-8", f"{name}{ending}") from None
        except OSError as cause:
            raise TemplateError(f"the file cannot be read: {cause.strerror}", f"{name}{ending}") from None


def template_table(metadata: sa.MetaData, prefix: str = "segrules_") -> sa.Table:
    """The table of templates: a row for each version, none of which is ever changed."""
    prose = sa.Text().with_variant(mysql.MEDIUMTEXT(charset="utf8mb4", collation=MARIADB_EXACT), "mysql", "mariadb")
    return sa.Table(
        f"{prefix}templates",
        metadata,
        sa.Column("name", exact_text(191), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("subject", prose, nullable=False),
        sa.Column("html", prose, nullable=False),
        sa.Column("text", prose, quote=True),
        sa.Column("style", prose, nullable=False),
        sa.Column("saved_at", Instant, nullable=False),
    )


@frozen(eq=False)
class SavedVersion:
    """One version of a template and when it was saved."""

    version: int
    saved_at: datetime


@define(eq=False)
class TableTemplates:
    """Templates in a table of a database; the newest version of a name is the template."""

    engine: sa.Engine
    table: sa.Table = field(factory=lambda: template_table(sa.MetaData()), repr=False)

    def create_table(self) -> None:
        """The table exists."""
        self.table.create(self.engine, checkfirst=True)

    def get(self, name: str, version: int | None = None) -> Template:
        """The newest version of a name, or a certain one; TemplateError when there is none."""
        columns = self.table.c
        wanted = sa.select(self.table).where(columns.name == name).order_by(columns.version.desc()).limit(1)
        if version is not None:
            wanted = wanted.where(columns.version == version)
        with self.engine.connect() as connection:
            row = connection.execute(wanted).one_or_none()
        if row is None:
            numbered = "" if version is None else f" of version {version}"
            raise TemplateError(f'there is no template "{name}"{numbered}{meant(name, self.names())}')
        return Template(row.name, row.subject, row.html, row.text, str(row.version), row.style)

    def names(self) -> list[str]:
        """The names of all templates, sorted."""
        with self.engine.connect() as connection:
            return sorted(connection.scalars(sa.select(self.table.c.name).distinct()))

    def versions(self, name: str) -> list[SavedVersion]:
        """All versions of a template, the newest first."""
        columns = self.table.c
        wanted = sa.select(columns.version, columns.saved_at).where(columns.name == name)
        with self.engine.connect() as connection:
            return [SavedVersion(*row) for row in connection.execute(wanted.order_by(columns.version.desc()))]

    def save(self, template: Template, *, at: datetime, after: str | None = None) -> Template:
        """The template with its new version. One that says what the newest says is saved once.

        ``after`` is the version that was edited: SettingsError when somebody else has saved another one since. A
        composer's ``check`` tells before whether the template works. Raises TemplateError for a name or a size that
        cannot be.
        """
        if not KEY.match(template.name) or len(template.name) > 191:
            raise TemplateError(f"this cannot be the name of a template: {template.name!r}")
        for part in (template.subject, template.html, template.text or "", template.style):
            if len(part) > LONGEST_SOURCE:
                raise TemplateError(f"a template has at most {LONGEST_SOURCE:,} characters", template.name)
            if "\x00" in part:
                raise TemplateError("a template holds the character NUL", template.name)
        try:
            with self.engine.begin() as connection:
                return self._save(connection, template, at, after)
        except sa.exc.IntegrityError:
            raise SettingsError(f'somebody else is saving the template "{template.name}"; read it again') from None

    def _save(self, connection: sa.Connection, template: Template, at: datetime, after: str | None) -> Template:
        columns = self.table.c
        newest: Any = connection.execute(
            sa.select(self.table).where(columns.name == template.name).order_by(columns.version.desc()).limit(1)
        ).one_or_none()
        number = 0 if newest is None else newest.version
        if after is not None and after != str(number):
            raise SettingsError(f'the template "{template.name}" has version {number} by now; read it again')
        given = (template.subject, template.html, template.text, template.style)
        if newest is not None and given == (newest.subject, newest.html, newest.text, newest.style):
            return Template(template.name, *given[:3], str(number), template.style)
        connection.execute(
            self.table.insert().values(
                name=template.name,
                version=number + 1,
                subject=template.subject,
                html=template.html,
                text=template.text,
                style=template.style,
                saved_at=at,
            )
        )
        return Template(template.name, *given[:3], str(number + 1), template.style)
