"""Templates filled in: subject, HTML and plain text of one mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from attrs import define, field, frozen

from segrules_sequences.errors import TemplateError
from segrules_sequences.mail.links import refuse_scripts
from segrules_sequences.mail.plain import plain_text
from segrules_sequences.mail.sandbox import Program, Sandbox
from segrules_sequences.ports import Rendered, Template, Templates

#: Characters of a subject line once it is filled in.
LONGEST_SUBJECT = 400
_BREAKS = re.compile(r"\s+")
#: How many compiled templates are kept.
_KEPT = 64


@frozen(eq=False)
class Compiled:
    """The programs of one template, and the included texts that they were made from."""

    template: Template
    subject: Program
    html: Program
    text: Program | None
    included: Mapping[tuple[str, str], str]

    @property
    def variables(self) -> frozenset[str]:
        """The names of all variables that the template reads."""
        return frozenset().union(*(each.variables for each in (self.subject, self.html, self.text) if each))


@define(eq=False)
class SandboxRenderer:
    """Fills templates in a sandbox; each is compiled once, and again when it or what it includes has changed.

    ``known`` are the variables that templates may use, with a value of each such as mails have. Included templates
    come from ``templates``: their HTML in HTML, their text in texts and subjects.
    """

    sandbox: Sandbox
    known: Mapping[str, Any]
    templates: Templates
    _compiled: dict[tuple[str, str, str, str | None], Compiled] = field(factory=dict, repr=False)

    def compile(self, template: Template) -> Compiled:
        """The template's programs; TemplateError with the place of the first mistake."""
        key = (template.name, template.subject, template.html, template.text)
        found = self._compiled.get(key)
        if found is not None and all(self._part(*each) == text for each, text in found.included.items()):
            return found
        if not template.subject.strip():
            raise TemplateError("the template has no subject", template.name)
        included: dict[tuple[str, str], str] = {}

        def program(part: str, source: str, includes: Callable[[str], str], html: bool) -> Program:
            return self.sandbox.compile(f"{template.name} ({part})", source, self.known, html=html, includes=includes)

        def include(kind: Literal["html", "text"], name: str) -> str:
            return included.setdefault((kind, name), self._part(kind, name))

        compiled = Compiled(
            template,
            program("subject", template.subject, partial(include, "text"), html=False),
            program("html", template.html, partial(include, "html"), html=True),
            None if template.text is None else program("text", template.text, partial(include, "text"), html=False),
            included,
        )
        while len(self._compiled) >= _KEPT:
            self._compiled.pop(next(iter(self._compiled)))
        self._compiled[key] = compiled
        return compiled

    def render(self, template: Template, variables: Mapping[str, Any]) -> Rendered:
        """The template with its variables filled in. TemplateError with the place when it cannot be."""
        compiled = self.compile(template)
        subject = _BREAKS.sub(" ", compiled.subject.render(variables)).strip()
        if not subject:
            raise TemplateError("nothing is left of the subject", compiled.subject.name)
        if len(subject) > LONGEST_SUBJECT:
            raise TemplateError(f"the subject has more than {LONGEST_SUBJECT} characters", compiled.subject.name)
        html = compiled.html.render(variables)
        refuse_scripts(html, compiled.html.name)
        text = plain_text(html) if compiled.text is None else compiled.text.render(variables)
        return Rendered(subject, html, text)

    def _part(self, kind: str, name: str) -> str:
        found = self.templates.get(name)
        part = found.html if kind == "html" else found.text
        if part is None:
            raise TemplateError(f'the template "{name}" has no text that could be included')
        return part
