"""``segrules conditions``: the words that a rule may use."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import click

from segrules.cli.failures import Blame, Failure, Verb
from segrules.cli.output import echo_json, json_option, table_lines
from segrules.cli.shops import shop_option, words_of_command

if TYPE_CHECKING:
    from segrules.condition import FieldType
    from segrules.vocabulary import Relation, Vocabulary


@click.command(cls=Verb, short_help="List the words that a rule may use.")
@click.argument("word", required=False, metavar="[WORD]")
@shop_option
@json_option
def conditions_command(word: str | None, as_json: bool) -> None:
    """List the condition types that a rule may use, or show the fields and examples of one.

    JSON: {"conditions": [{"word", "plural", "help", "kind", "rows", "inside", "moment", "plugin", "fields": [{"name",
    "holds", "help", "choices", "operators"}], "examples": [rule]}]}; "kind" is one of one, many, construct
    """
    vocabulary = words_of_command()
    shown = list(vocabulary) if word is None else [_named(vocabulary, word)]
    if as_json:
        echo_json({"conditions": [_to_json(relation) for relation in shown]})
    elif word is None:
        _overview(vocabulary)
    else:
        _detail(shown[0])


def _named(vocabulary: Vocabulary, word: str) -> Relation:
    found = vocabulary.named(word)
    if found is None:
        near = difflib.get_close_matches(word.lower(), list(vocabulary.relations), n=1)
        meant = f'did you mean "{near[0]}"?' if near else "see all of them with: segrules conditions"
        raise Failure(Blame.USAGE, f'there is no condition type "{word}"; {meant}')
    return found


def _overview(vocabulary: Vocabulary) -> None:
    rows = [[relation.word, str(len(relation.fields) or ""), _plain(relation.type.help())] for relation in vocabulary]
    for line in table_lines(("word", "fields", "what it is about"), rows, right=(1,)):
        click.echo(line)
    click.echo()
    click.echo(f"The fields and examples of one: segrules conditions {rows[0][0]}")


def _detail(relation: Relation) -> None:
    click.echo(f"{click.style(relation.word, bold=True)}: {_plain(relation.type.help())}")
    if use := _use(relation):
        click.echo(use)
    if relation.fields:
        click.echo()
        rows = [[f"{relation.word}.{name}", field.noun, _said(field)] for name, field in relation.fields.items()]
        for line in table_lines(("field", "holds", "what it says"), rows):
            click.echo(line)
    if relation.type.examples:
        click.echo()
        click.echo(click.style("Examples", bold=True))
        for rule in _examples(relation):
            click.echo(f"  {rule}")


def _use(relation: Relation) -> str:
    """How the word is used in a rule, in one line."""
    rows = relation.rows
    if rows is None:
        return "" if relation.type.construct else f"One for each customer; write {relation.word}.field."
    if rows.pick is not None:
        return f"At most one for each customer; write {relation.word}.field."
    inside = f" Inside its parent: any {rows.inside} where (…)." if rows.inside else ""
    moment = f" first and last go by {rows.moment}." if rows.moment else ""
    return (
        f"Many for each customer; write any {relation.word} where (…), no {relation.word} where (…), "
        f"count({relation.word} where …).{inside}{moment}"
    )


def _said(field: FieldType) -> str:
    """What a field says, with its choices where they are known."""
    values = _choices(field)
    return _plain(field.help) if not values else f"{_plain(field.help)} One of: {', '.join(values)}."


def _plain(text: str) -> str:
    """A sentence of the documentation for a terminal, which has no use for marked-up code."""
    return text.replace("``", "")


def _choices(field: FieldType) -> tuple[str, ...] | None:
    from segrules.condition import Choice

    return field.values if isinstance(field, Choice) else None


def _operators(field: FieldType) -> list[str]:
    """How the field can be compared, in the words of the JSON form of rules."""
    from segrules.language.sorts import TAKES, sort_of

    taken = TAKES[sort_of(type(field))]
    order = ("=", "<", "<=", ">", ">=", "contains", "starts with", "ends with", "between", "in")
    return [*(each for each in order if each in taken), *(["within"] if "window" in taken else []), "set"]


def _examples(relation: Relation) -> list[str]:
    return list(dict.fromkeys(example.rule for example in relation.type.examples))


def _to_json(relation: Relation) -> dict[str, Any]:
    rows = relation.rows
    many = rows is not None and rows.pick is None
    choices = {name: _choices(field) for name, field in relation.fields.items()}
    return {
        "word": relation.word,
        "plural": relation.plural,
        "help": relation.type.help(),
        "kind": "construct" if relation.type.construct else "many" if many else "one",
        "rows": None if rows is None else rows.path,
        "inside": None if rows is None else rows.inside,
        "moment": None if rows is None else rows.moment,
        "plugin": relation.plugin,
        "fields": [
            {
                "name": name,
                "holds": field.noun,
                "help": field.help,
                "choices": None if choices[name] is None else list(choices[name] or ()),
                "operators": _operators(field),
            }
            for name, field in relation.fields.items()
        ],
        "examples": _examples(relation),
    }
