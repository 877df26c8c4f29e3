"""Colours for rules in the documentation."""

import re
from typing import ClassVar

from pygments.lexer import RegexLexer, words
from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, Punctuation, String, Whitespace
from sphinx.application import Sphinx

WORDS = """all of any of none of any no every at least at most exactly first last next this has where and or not
is set in between before after on contains starts with ends with ago from now anniversary of in segment distinct
today yesterday tomorrow true false"""


class RuleLexer(RegexLexer):
    """Rules of segrules."""

    name = "segrules"
    aliases: ClassVar = ["segrules"]
    filenames: ClassVar = ["*.seg"]
    url = ""
    flags = re.IGNORECASE

    tokens: ClassVar = {
        "root": [
            (r"\s+", Whitespace),
            (r"#[^\n]*", Comment.Single),
            (r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|[“„”][^“”\n]*[“”]', String),
            (r"\d+-\d+-\d+(T[0-9:.]+(Z|[+-][0-9:]+)?)?", Literal.Date),
            (r"\d[\d_]*(\.\d+)?", Number),
            (r":[^\W\d]\w*", Name.Variable),
            (words(("count", "sum", "avg", "min", "max"), suffix=r"\b(?=\s*\()"), Name.Function),
            (r"[^\W\d]\w*(\s*\.\s*[^\W\d]\w*)+", Name.Attribute),
            (words(tuple(set(WORDS.split())), suffix=r"\b"), Keyword),
            (r"(minute|hour|day|week|month|quarter|year)s?\b", Keyword.Type),
            (r"[^\W\d]\w*", Name),
            (r"<>|[=!<>]=?|[≤≥≠+\-*%&|$/]", Operator),
            (r"[(),.]", Punctuation),
        ]
    }


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_lexer("segrules", RuleLexer)
    return {"parallel_read_safe": True}
