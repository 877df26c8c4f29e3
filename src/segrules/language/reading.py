"""From text to syntax tree: the only module that knows Lark.

The parser is built once per process, when the first rule is read. It makes the tree while it reads, from the
leaves upwards, so nothing here recurses into the text. What could make a text within the size limit slow
is looked for beforehand by one pass over its words and signs.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from segrules.errors import RuleError, Source, Span
from segrules.language import syntax
from segrules.language.building import Builder
from segrules.language.limits import Limits
from segrules.language.report import EnoughError, Report

if TYPE_CHECKING:
    from lark import Lark

GRAMMAR = "segrules.lark"


def grammar_path() -> Path:
    """Where the grammar lies: in the installed package, or in the checkout beside ``src``."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "grammar" / GRAMMAR
    return installed if installed.is_file() else package.parent.parent / "grammar" / GRAMMAR


@cache
def parser() -> Lark:
    """The parser of the whole language; it keeps no state between two texts."""
    from lark import Lark

    return Lark(
        grammar_path().read_text(encoding="utf-8"),
        parser="lalr",
        lexer="contextual",
        transformer=Builder(),
        cache=_private_file() or False,
    )


def _private_file() -> str | None:
    """Where the tables of the grammar are kept between processes; None where others could write too.

    Lark keeps them pickled, so they must lie in a folder of the user's own. They are made anew whenever the
    grammar, Lark or Python has changed.
    """
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segrules"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except (OSError, RuntimeError):
        return None
    if not hasattr(os, "getuid") or status.st_uid != os.getuid() or status.st_mode & 0o022:
        return None
    return str(folder / "grammar.cache")


def read(source: Source, limits: Limits) -> syntax.Form:
    """The syntax tree of a rule; raises RuleError where it has none."""
    from lark.exceptions import UnexpectedInput

    report = Report(source)
    try:
        _within_limits(source, limits, report)
        _comments_can_be_kept(source, report)
        try:
            tree: syntax.Form = parser().parse(source.text)  # type: ignore[assignment]
        except UnexpectedInput as unexpected:
            from segrules.language.mistakes import explain

            explain(unexpected, source, report)
            raise RuleError(report.diagnostics) from None
        if tree.depth > limits.nesting:
            report.stop("SEG402", f"the rule is nested deeper than {limits.nesting} levels", tree)
        return tree
    except EnoughError:
        raise RuleError(report.diagnostics) from None


# --- limits ----------------------------------------------------------------------------------------

#: Everything that matters for the limits. Comments and texts are taken whole, so that signs in them do not count;
#: a text that is never closed goes to the end of its line, so that no place is looked at twice.
_PIECES = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<text>"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|[“„”](?:[^“”\\\n]|\\.)*[“”]?|[‘‚’](?:[^‘’\\\n]|\\.)*[‘’]?)
      | (?P<group>\bof\s*\() | (?P<open>\() | (?P<close>\)) | (?P<comma>,)
      | (?P<compare>[<>=≤≥≠]+|!=|\b(?:is|in|contains|with|before|after|on|where)\b)
      | (?P<join>(?<!\.)\b(?:and|or)\b) | (?P<between>\bbetween\b)
      | (?P<unary>-|\bnot\b)
      | (?P<calculate>[+*%])
      | (?P<dot>\.)""",
    re.VERBOSE | re.IGNORECASE,
)

#: A text that is shorter than this is read at once, whatever is in it.
_SMALL = 1_000

#: So many points one after another are no name any more.
MOST_DOTS = 12


def _within_limits(source: Source, limits: Limits, report: Report) -> None:
    """Stops at a text that is too large, too deep or too long for its limits, in one linear pass."""
    text = source.text
    if len(text) > limits.source or (not text.isascii() and len(text.encode("utf-8", "replace")) > limits.source):
        end = Span(min(len(text), limits.source), len(text))
        report.stop("SEG401", f"the rule is longer than {limits.source // 1024} KiB", Span(end.start, end.start))
    if len(text) < min(_SMALL, limits.nesting * 4):
        return
    depth = commas = joins = run = dots = 0
    groups: list[int] = []
    for piece in _PIECES.finditer(text):
        kind = piece.lastgroup
        dots = dots + 1 if kind == "dot" else 0
        if dots > MOST_DOTS:
            report.stop("SEG209", "this name has too many dots", Span(*piece.span()))
        if kind == "open" or kind == "group":
            depth += 1
            if kind == "group":
                groups.append(depth)
                joins -= 1  # a comma may stand behind the last of a group
            if depth > limits.nesting:
                report.stop("SEG402", f"the rule is nested deeper than {limits.nesting} levels", Span(*piece.span()))
        elif kind == "close":
            if groups and groups[-1] == depth:
                groups.pop()
            depth = max(0, depth - 1)
        elif kind == "unary" or kind == "calculate":
            run += 1
            if run > 2 * limits.nesting:
                report.stop(
                    "SEG402", f"more than {limits.nesting} signs or not's belong together here", Span(*piece.span())
                )
            continue
        elif kind == "comma":
            commas += 1
            if groups and groups[-1] == depth:
                joins += 1
            if commas > limits.values + limits.conditions:
                report.stop("SEG403", f"the lists have more than {limits.values} values", Span(*piece.span()))
        elif kind == "join":
            joins += 1
        elif kind == "between":
            joins -= 1
        elif kind != "compare":
            continue
        if joins > limits.conditions:
            report.stop("SEG404", f"the rule has more than {limits.conditions} conditions", Span(*piece.span()))
        run = 0


#: NUL, and halves of surrogate pairs.
_UNKEPT = re.compile("[\0\ud800-\udfff]")


def _comments_can_be_kept(source: Source, report: Report) -> None:
    """Refuses comments with characters that no database stores; texts are looked at where they are read."""
    if _UNKEPT.search(source.text) is None:
        return
    for place in comments(source):
        if _UNKEPT.search(source.text, place.start, place.end):
            report.stop("SEG115", "the comment holds a character that no database can keep", place)


def comments(source: Source) -> list[Span]:
    """The places of all comments, in the order of the text."""
    if "#" not in source.text:
        return []
    return [Span(*each.span()) for each in _PIECES.finditer(source.text) if each.lastgroup == "comment"]
