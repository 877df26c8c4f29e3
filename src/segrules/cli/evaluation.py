"""What an evaluation is made with: moment, time zone, website, parameters and other segments, from options."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, TypeVar, assert_never
from zoneinfo import ZoneInfo

import click
from attrs import frozen

from segrules.cli.failures import Blame, Failure
from segrules.cli.reading import read_rule
from segrules.cli.shops import shop_of_command, shop_option
from segrules.errors import ShopError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from segrules.rule import Rule
    from segrules.shop import Shop

F = TypeVar("F", bound=Callable[..., Any])


def evaluation_options(command: F) -> F:
    """The options that every command takes which evaluates a rule."""
    for option in reversed(
        (
            shop_option,
            click.option(
                "--timezone",
                envvar="SEGRULES_TIMEZONE",
                metavar="ZONE",
                help="The zone of the shop's days.  [env: SEGRULES_TIMEZONE; default: the shop's, or UTC]",
            ),
            click.option(
                "--at", metavar="MOMENT", help="The moment of evaluation, like 2025-07-04T12:00Z.  [default: now]"
            ),
            click.option(
                "--website", "websites", multiple=True, metavar="CODE", help="Only this website; may be repeated."
            ),
            click.option(
                "--param",
                "params",
                multiple=True,
                metavar="NAME=VALUE",
                help="A parameter of the rule; repeat it for a list.",
            ),
            click.option(
                "--segment",
                "segments",
                multiple=True,
                metavar="NAME=FILE",
                help="The rule of a segment that the rule refers to; may be repeated.",
            ),
        )
    ):
        command = option(command)
    return command


@frozen
class Setting:
    """The options of an evaluation as they were given, and what they come to."""

    timezone: str | None
    at: str | None
    websites: Sequence[str]
    params: Sequence[str]
    segments: Sequence[str]

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Setting:
        """The setting that is among a command's options."""
        return cls(**{name: options[name] for name in ("timezone", "at", "websites", "params", "segments")})

    def shop(self) -> Shop:
        """The shop of the options, in their zone."""
        return shop_of_command(self.timezone)

    def moment(self, shop: Shop) -> datetime:
        """The moment of evaluation, aware; now unless one was given, and a naive one is in the shop's zone."""
        if self.at is None:
            return datetime.now(UTC)
        moment = moment_of(self.at, "--at")
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=shop.zone)

    def keywords(self, rule: Rule, shop: Shop, engine: sa.Engine | None = None) -> dict[str, Any]:
        """The keywords with which a rule's verbs take all this; a website must be one of the shop's."""
        require_websites(shop, self.websites, engine)
        return {
            "at": self.moment(shop),
            "website": list(self.websites) or None,
            "parameters": self.parameters(rule),
            "segments": self._rules_of_segments(rule, shop),
        }

    def parameters(self, rule: Rule) -> dict[str, Any]:
        """The parameters by name, read as the values that the rule compares them with."""
        given: dict[str, list[str]] = {}
        for each in self.params:
            name, found, value = each.partition("=")
            if not found or not name:
                raise Failure(Blame.USAGE, f"--param {each}: write name=value")
            given.setdefault(name.lstrip(":"), []).append(value)
        read = {name: _parameter(rule, name, values) for name, values in given.items()}
        missing = [name for name in rule.parameters if name not in read]
        if missing:
            listed = ", ".join(f":{name}" for name in missing)
            raise Failure(Blame.USAGE, f"the rule asks for {listed}; give it with --param {missing[0]}=VALUE")
        return read

    def _rules_of_segments(self, rule: Rule, shop: Shop) -> dict[str, Rule]:
        """The rules of the segments that were given; all that the rule and they refer to must be among them."""
        found = {name: _segment_rule(name, file, shop) for name, file in map(_segment, self.segments)}
        for each in (rule, *found.values()):
            for name in sorted(each.segments - set(found)):
                way_out = f"give its rule with --segment {shlex.quote(name)}=FILE"
                raise Failure(Blame.USAGE, f'segment "{name}" is asked for; {way_out}')
        return found


def _parameter(rule: Rule, name: str, values: list[str]) -> Any:
    expected = rule.parameters.get(name)
    if expected is None:
        known = ", ".join(f":{each}" for each in rule.parameters) or "none"
        raise Failure(Blame.USAGE, f"--param {name}: the rule has no such parameter; it has {known}")
    if expected.many:
        return [_value(name, value, expected.kind) for value in values]
    if len(values) > 1:
        raise Failure(Blame.USAGE, f"--param {name}: given {len(values)} times, and the rule takes one value")
    return _value(name, values[0], expected.kind)


def _value(name: str, text: str, kind: Any) -> Any:
    from segrules.algebra import Kind

    assert isinstance(kind, Kind)
    try:
        match kind:
            case Kind.NUMBER:
                return Decimal(text)
            case Kind.ID:
                return int(text)
            case Kind.TEXT | Kind.CODE | Kind.CHOICE:
                return text
            case Kind.YESNO:
                return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]
            case Kind.DATE:
                return date.fromisoformat(text)
            case Kind.MOMENT:
                return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
            case _:
                assert_never(kind)
    except (InvalidOperation, KeyError, ValueError):
        wanted = {
            Kind.NUMBER: "a number like 99.50",
            Kind.ID: "a whole number",
            Kind.YESNO: "true or false",
            Kind.DATE: "a day like 2025-07-04",
            Kind.MOMENT: "a day or a moment like 2025-07-04T12:00Z",
        }[kind]
        raise Failure(Blame.USAGE, f'--param {name}: "{text}" is not {wanted}') from None


def _segment(given: str) -> tuple[str, str]:
    name, found, file = given.partition("=")
    if not found or not name or not file:
        raise Failure(Blame.USAGE, f"--segment {given}: write name=file.seg")
    return name, file


def _segment_rule(name: str, file: str, shop: Shop) -> Rule:
    from segrules.rule import parse

    rule = read_rule(file, None)
    return parse(rule.text, shop, name=f"{name} ({rule.name})" if rule.path is None else rule.name)


def require_websites(shop: Shop, codes: Sequence[str], engine: sa.Engine | None = None) -> None:
    """Every code given with --website is that of a website, as far as the shop, and its database if given, knows."""
    from segrules.shop.websites import require

    if codes and engine is not None:
        with engine.connect() as connection:
            require(shop, codes, connection)
    else:
        require(shop, codes)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of a name; a misspelt one is the user's mistake, not the environment's."""
    from segrules.shop.shop import zone_named

    try:
        return zone_named(name)
    except ShopError as error:
        raise Failure(Blame.USAGE, f"--timezone: {error}") from None


def moment_of(text: str, option: str) -> datetime:
    """A moment from ISO text; a day is its first instant."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Failure(Blame.USAGE, f'{option}: "{text}" is no moment; write 2025-07-04T12:00Z') from None
