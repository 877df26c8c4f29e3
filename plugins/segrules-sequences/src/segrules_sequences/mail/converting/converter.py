"""Each directive of the older syntax as what means the same here, or a refusal with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field
from segrules.errors import Source

from segrules_sequences.errors import ConversionError
from segrules_sequences.mail.converting.reading import (
    Directive,
    Parameter,
    Step,
    Text,
    UnclearError,
    parameters,
    path,
    pieces,
)
from segrules_sequences.mail.converting.report import Conversion, Note
from segrules_sequences.mail.site import Site
from segrules_sequences.mail.syntax import KEY
from segrules_sequences.mail.templates import LONGEST_SOURCE
from segrules_sequences.mail.variables import sample
from segrules_sequences.mail.views import View, meant

_COMMENT = re.compile(r"<!--@(?P<name>subject|vars|styles)(?P<content>.*?)@-->[ \t]*\n?", re.S)
_QUOTED = re.compile(r"\{(?=[%#])")
_BRACE = "{{ '{' }}"
_QUERY = re.compile(r"_query_([A-Za-z][A-Za-z0-9_]*)\Z")
#: Parameters of links that mean nothing here: every link is absolute, and as safe as the store's own address.
_DROPPED = frozenset(("_secure", "_nosid", "_use_rewrite", "_type", "_forced_secure"))
_MODIFIERS = ("escape", "nl2br", "raw")

#: What the older templates call something that every mail has here.
RENAMED = {"subscriber.getUnsubscriptionLink()": "unsubscribe_url"}


def convert(
    source: str,
    *,
    site: Site,
    subject: str = "",
    html: bool = True,
    raw: bool = False,
    renamed: Mapping[str, str] = RENAMED,
    known: Mapping[str, Any] | None = None,
    name: str = "template",
) -> Conversion:
    """The template in the syntax of this package, with a report.

    ``subject`` is a subject in the older syntax, unless the template has one in a comment. ``renamed`` says which
    variables are called otherwise here; ``known`` are the variables there are, by default those of every mail and of
    coupons. The modifier ``raw`` is refused unless ``raw`` is true. Raises ConversionError that lists everything that
    has no counterpart, each with its line and column; then nothing is converted.
    """
    if len(source) > LONGEST_SOURCE:
        raise ConversionError(f"a template has at most {LONGEST_SOURCE:,} characters", name)
    text = source.replace("\r\n", "\n").replace("\0", "\ufffd")
    work = _Work(Source(text, name), site, known if known is not None else sample(site), html, raw, renamed)
    style: list[str] = []
    subjects = [_Work(Source(subject, f"{name} (subject)"), site, work.known, False, raw, renamed)] if subject else []

    def comment(found: re.Match[str]) -> str:
        start = found.start("content")
        if found["name"] == "subject":
            # The blanks keep every directive at its place, for the report.
            shifted = re.sub(r"[^\n]", " ", text[:start]) + found["content"]
            subjects[:] = [_Work(Source(shifted, name), site, work.known, False, raw, renamed)]
        elif found["name"] == "styles":
            style.append(found["content"].strip())
        return re.sub(r"[^\n]", "\0", found[0])

    # Behind the last end of a comment none begins, and none is looked for.
    ends = text.rfind("@-->") + 4 if "@-->" in text else 0
    body = work.run(_COMMENT.sub(comment, text[:ends]) + text[ends:])
    if _COMMENT.match(text):
        body = body.lstrip("\n")
    written = [each.run(each.source.text).strip() for each in subjects]
    problems = [problem for each in (*subjects, work) for problem in each.problems]
    if problems:
        raise ConversionError("\n".join(problems))
    if "{{" in "".join(style):
        work.note(0, "the style holds a directive, which is not filled in")
    return Conversion(
        " ".join(" ".join(written).split()),
        body,
        "\n".join(style),
        work.style,
        tuple(dict.fromkeys([*work.included, *(key for each in subjects for key in each.included)])),
        tuple(note for each in (*subjects, work) for note in each.notes),
    )


@define
class _Work:
    """One text being converted."""

    source: Source
    site: Site
    known: Mapping[str, Any]
    html: bool
    raw: bool
    renamed: Mapping[str, str]
    problems: list[str] = field(factory=list)
    notes: list[Note] = field(factory=list)
    included: list[str] = field(factory=list)
    style: str | None = None
    _open: list[tuple[Directive, bool]] = field(factory=list)

    def run(self, text: str) -> str:
        """The converted text; what NUL stands for is left out. Mistakes are in ``problems``."""
        out: list[str] = []
        for piece in pieces(text):
            if isinstance(piece, Text):
                self._no_directive_begins(piece)
                out += [_literal(each) for each in piece.text.split("\0")]
                continue
            try:
                out.append(self._converted(piece))
            except UnclearError as unclear:
                self._problem(piece.start + unclear.offset, unclear.reason, piece)
        for directive, _ in self._open:
            self._problem(directive.start, f"{{{{{directive.name}}}}} is never closed", directive)
        return _joined(out)

    def note(self, start: int, text: str) -> None:
        self.notes.append(Note(self.source.position(start), text))

    def _problem(self, start: int, reason: str, directive: Directive) -> None:
        place = self.source.position(min(start, len(self.source.text)))
        shown = " ".join(directive.whole.split())[:80]
        self.problems.append(f"{self.source.name}:{place.line}:{place.column}: {reason}: {shown}")

    def _no_directive_begins(self, piece: Text) -> None:
        at = piece.text.find("{{")
        if at >= 0:
            rest = Directive("", "", piece.start + at, piece.text[at:])
            self._problem(piece.start + at, "{{ begins a directive that does not end", rest)

    def _converted(self, directive: Directive) -> str:
        make = _DIRECTIVES.get(directive.name)
        if make is not None:
            return make(self, directive)
        if not directive.name:
            raise UnclearError("the name of a directive is wanted right after {{", 2)
        raise UnclearError(f'there is no counterpart of "{directive.name}"', 2)

    # --- values ---

    def _var(self, directive: Directive) -> str:
        offset = 2 + len(directive.name)
        if not directive.rest[:1].isspace():
            raise UnclearError("a blank is wanted after var", offset)
        inner, _, modifiers = directive.rest.partition("|")
        expression = self._path(inner, offset)
        filters = self._filters(modifiers, offset + len(inner) + 1, directive) if "|" in directive.rest else ""
        return f"{{{{ {expression}{filters} }}}}"

    def _filters(self, modifiers: str, offset: int, directive: Directive) -> str:
        filters: list[str] = []
        for modifier in modifiers.split("|"):
            what = modifier.strip()
            match what.split(":"):
                case ["escape"] | ["escape", "html" | "htmlentities"]:
                    if filters:
                        raise UnclearError(f'"{what}" after another modifier would show its marks', offset)
                case ["escape", "url"] if not filters:
                    filters.append("urlencode")
                case ["nl2br"] if not filters:
                    filters.append("nl2br")
                case ["raw"] if self.raw and self.html and not filters:
                    filters.append("raw")
                    self.note(directive.start, "this value stays HTML as it is, whatever is in it")
                case ["raw"]:
                    raise UnclearError(
                        '"raw" lets HTML of a customer into the mail; it is converted only when asked for', offset
                    )
                case _:
                    raise UnclearError(f'there is no counterpart of the modifier "{what}" here', offset)
            offset += len(modifier) + 1
        return "".join(f"|{each}" for each in filters)

    def _path(self, text: str, offset: int) -> str:
        """A path as an expression; it leads to something that there is."""
        stripped = text.strip()
        start = offset + len(text) - len(text.lstrip())
        if stripped in self.renamed:
            return self._steps((Step(self.renamed[stripped]),), start)
        return self._steps(path(stripped, start), start)

    def _steps(self, steps: tuple[Step, ...], offset: int) -> str:
        first = steps[0]
        if first.name not in self.known or first.arguments is not None:
            raise UnclearError(f'there is no variable "{first.name}"{meant(first.name, self.known)}', offset)
        value = self.known[first.name]
        written = first.name
        for step in steps[1:]:
            if isinstance(value, View):
                if step.name not in value.fields and step.name not in value.methods:
                    raise UnclearError(value.unknown(step.name), offset)
                if (step.name in value.methods) != (step.arguments is not None):
                    raise UnclearError(f"{value.name}.{step.name} is a {_kind(value, step.name)}", offset)
                value = value.fields.get(step.name)
            elif step.arguments is None or step.name not in ("upper", "lower"):
                raise UnclearError(f'{written} is one value, and has no "{step.name}"', offset)
            arguments = "" if step.arguments is None else f"({', '.join(map(_constant, step.arguments))})"
            written += f".{step.name}{arguments}"
        if isinstance(value, View):
            raise UnclearError(f"{value.name} is more than one value; name one of {', '.join(value.fields)}", offset)
        return written

    def _htmlescape(self, directive: Directive) -> str:
        given = self._given(directive)
        if "allowed_tags" in given:
            raise UnclearError("tags in a value have no counterpart here", given["allowed_tags"].offset)
        return f"{{{{ {self._only(given, 'var', directive)} }}}}"

    # --- conditions ---

    def _if(self, directive: Directive) -> str:
        offset = 2 + len(directive.name)
        self._open.append((directive, False))
        return f"{{% if {self._path(directive.rest, offset)} is filled %}}"

    def _else(self, directive: Directive) -> str:
        self._bare(directive)
        if not self._open or self._open[-1][0].name != "if":
            raise UnclearError("{{else}} stands in no {{if}}")
        opened, has_else = self._open[-1]
        if has_else:
            raise UnclearError("this {{if}} has an {{else}} already")
        self._open[-1] = opened, True
        return "{% else %}"

    def _end(self, directive: Directive) -> str:
        self._bare(directive)
        if not self._open or self._open[-1][0].name != directive.name[1:]:
            inside = f"; {{{{{self._open[-1][0].name}}}}} is open" if self._open else ""
            raise UnclearError(f"{{{{{directive.name}}}}} closes nothing{inside}")
        self._open.pop()
        return "{% endif %}"

    # --- addresses and other values of the site ---

    def _store(self, directive: Directive) -> str:
        given = self._given(directive)
        target = given.pop("direct_url", None) or given.pop("url", None) or given.pop("_direct", None)
        if target is None:
            raise UnclearError('{{store}} wants url="…" or direct_url="…"')
        fragment = given.pop("_fragment", None)
        written = self._value(target)
        if fragment is not None:
            written = f"{written} ~ {self._value(Parameter('#' + fragment.value, None, fragment.offset))}"
        query: list[str] = []
        for name, parameter in given.items():
            found = _QUERY.match(name)
            if found is not None:
                query.append(f"{found[1]}={self._value(parameter)}")
            elif name in _DROPPED:
                self.note(directive.start, f"{name} is left out: addresses of a store are absolute, and as it says")
            else:
                raise UnclearError(f'there is no counterpart of the parameter "{name}" here', parameter.offset)
        return f"{{{{ store.url({', '.join([written, *query])}) }}}}"

    def _function(self, function: str, parameter: str) -> Callable[[Directive], str]:
        def written(directive: Directive) -> str:
            if function not in self.site.functions():
                raise UnclearError(f"the site gives no {function}; set it, or write the address out")
            return f"{{{{ {function}({self._only(self._given(directive), parameter, directive)}) }}}}"

        return written

    def _listed(self, values: Mapping[str, str], function: str, parameter: str) -> Callable[[Directive], str]:
        def written(directive: Directive) -> str:
            given = self._given(directive)
            argument = self._only(given, parameter, directive)
            key = given[parameter]
            if key.path is not None or key.value not in values:
                raise UnclearError(f'the site gives no {function} "{key.value}"{meant(key.value, values)}', key.offset)
            return f"{{{{ {function}({argument}) }}}}"

        return written

    def _protocol(self, directive: Directive) -> str:
        given = self._given(directive)
        scheme = urlsplit(self.site.stores[0].url).scheme
        if not given:
            return scheme
        if "url" in given and len(given) == 1 and given["url"].path is None:
            return _literal(f"{scheme}://{given['url'].value}")
        if set(given) == {"http", "https"} and given[scheme].path is None:
            return _literal(given[scheme].value)
        raise UnclearError('{{protocol}} has url="…", or http="…" and https="…", or nothing')

    # --- other templates ---

    def _include(self, directive: Directive) -> str:
        given = self._given(directive)
        names = [each for each in ("config_path", "template", "path") if each in given]
        if len(names) != 1 or len(given) != 1:
            raise UnclearError(f"{{{{{directive.name}}}}} wants the name of one template, in config_path or template")
        key = given[names[0]]
        if key.path is not None or not KEY.match(key.value):
            raise UnclearError("this cannot be the name of a template", key.offset)
        self.included.append(key.value)
        self.note(directive.start, f'includes the template "{key.value}", which has to be there')
        return f"{{% include {_constant(key.value)} %}}"

    def _inlinecss(self, directive: Directive) -> str:
        given = self._given(directive)
        self._only(given, "file", directive)
        file = given["file"]
        if file.path is not None or not KEY.match(file.value):
            raise UnclearError("this cannot be the name of a file with a style", file.offset)
        if self.style not in (None, file.value):
            raise UnclearError("a template has one file with its style", file.offset)
        self.style = file.value
        return ""

    # --- parts of directives ---

    def _given(self, directive: Directive) -> dict[str, Parameter]:
        return parameters(directive.rest, 2 + len(directive.name))

    def _only(self, given: Mapping[str, Parameter], name: str, directive: Directive) -> str:
        if set(given) != {name}:
            raise UnclearError(f'{{{{{directive.name}}}}} wants {name}="…" and nothing else')
        return self._value(given[name])

    def _value(self, parameter: Parameter) -> str:
        if parameter.path is not None:
            if parameter.value[1:] in self.renamed:
                return self._steps((Step(self.renamed[parameter.value[1:]]),), parameter.offset)
            return self._steps(parameter.path, parameter.offset)
        return _constant(parameter.value)

    @staticmethod
    def _bare(directive: Directive) -> None:
        if directive.rest.strip():
            raise UnclearError(f"nothing stands after {directive.name}", 2 + len(directive.name))


def _kind(view: View, name: str) -> str:
    return "method, and wants brackets" if name in view.methods else "value, and no method"


def _constant(value: Any) -> str:
    """A text or a number as templates write it."""
    if not isinstance(value, str):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def _literal(text: str) -> str:
    """Text that stays text: nothing in it begins what templates know."""
    return _QUOTED.sub(_BRACE, text)


def _joined(parts: list[str]) -> str:
    """The parts one after the other, none of which begins something together with the one before."""
    out: list[str] = []
    for part in filter(None, parts):
        if out and out[-1].endswith("{") and part[0] in "{%#":
            out[-1] = out[-1][:-1] + _BRACE
        out.append(part)
    return "".join(out)


_DIRECTIVES: Mapping[str, Callable[[_Work, Directive], str]] = {
    "var": _Work._var,
    "htmlescape": _Work._htmlescape,
    "if": _Work._if,
    "depend": _Work._if,
    "else": _Work._else,
    "/if": _Work._end,
    "/depend": _Work._end,
    "store": _Work._store,
    "media": lambda work, directive: work._function("media_url", "url")(directive),
    "skin": lambda work, directive: work._function("skin_url", "url")(directive),
    "config": lambda work, directive: work._listed(work.site.config, "config", "path")(directive),
    "customvar": lambda work, directive: work._listed(work.site.custom, "custom_var", "code")(directive),
    "protocol": _Work._protocol,
    "include": _Work._include,
    "template": _Work._include,
    "inlinecss": _Work._inlinecss,
}
