"""The source's segments as segments of this library: rule, scope, steps of e-mails, and a report on each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from segrules.algebra import Source, walk
from segrules.binding.binder import SCOPED
from segrules.errors import InterchangeError
from segrules.interchange.maho.names import Names, Rows
from segrules.interchange.maho.operators import NotCarriedError
from segrules.interchange.maho.rules import Carried, Finding, Translation, translate
from segrules.interchange.maho.statements import Classes
from segrules.interchange.maho.tree import read_tree
from segrules.language.spelling import literal_choice
from segrules.rule import parse
from segrules.vocabulary import Vocabulary

SEGMENTS, STEPS = "customer_segment", "customer_segment_email_sequence"

_LONGEST_NAME = 191
_LONGEST_DELAY = 2 * 365 * 24 * 60


@frozen(kw_only=True)
class Step:
    """One e-mail of a sequence: when it goes out, which template it takes, and the coupon in it."""

    trigger: str
    number: int
    delay_minutes: int
    template: str
    template_id: int
    active: bool = True
    max_sends: int = 1
    coupon: Mapping[str, Any] | None = None


@frozen(kw_only=True)
class Imported:
    """One segment: all that a ``.seg`` file holds, the steps of its e-mails, and what became of each condition.

    ``rule`` is canonical text. When ``carried`` is NOT, the rule is ``false`` under comments that say what is missing,
    and the segment is not active, whatever the source says.
    """

    id: str
    name: str
    title: str
    description: str
    rule: str
    active: bool
    websites: tuple[str, ...]
    groups: tuple[str, ...]
    mode: str
    priority: int
    carried: Carried
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    #: Whether the e-mails go out, and whether a customer may be in two sequences of the segment at once.
    sends: bool = False
    overlapping: bool = False


@frozen
class Importer:
    """Reads the rows of the source's tables; ``timezone`` is that of the shop in which the rules will run."""

    vocabulary: Vocabulary = field(factory=Vocabulary.installed)
    timezone: str = "UTC"

    def segments(self, tables: Mapping[str, Rows]) -> list[Imported]:
        """The segments in the order of their numbers. Raises InterchangeError for rows that are none."""
        if SEGMENTS not in tables:
            raise InterchangeError(f"there is no table {SEGMENTS}, and without it there are no segments")
        names = Names.of(tables)
        classes = Classes(self.vocabulary, names, self.timezone.upper() in ("UTC", "ETC/UTC"))
        steps = _by_segment(tables.get(STEPS, ()))
        taken: set[str] = set()
        found = []
        rows = list(tables[SEGMENTS])
        for place, row in enumerate(rows, 1):
            if "conditions_serialized" not in row:
                raise InterchangeError(f"row {place} of {SEGMENTS} has no column conditions_serialized")
        for place, row in enumerate(sorted(rows, key=lambda row: _whole(row.get("segment_id"), 0)), 1):
            number = str(row.get("segment_id") or place)
            segment = _One(row, number, classes, names, taken).read()
            found.append(_with_steps(segment, row, steps.pop(number, []), names))
        if steps:
            lost = ", ".join(sorted(steps))
            raise InterchangeError(f"{STEPS} has steps of segments that are not there: {lost}")
        return found


def _by_segment(rows: Rows) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(str(row.get("segment_id")), []).append(row)
    return found


class _One:
    """One row of the segments' table."""

    def __init__(self, row: Mapping[str, Any], number: str, classes: Classes, names: Names, taken: set[str]) -> None:
        self.row = row
        self.number = number
        self.classes = classes
        self.names = names
        self.taken = taken
        self.notes: list[str] = []
        self.problems: list[Finding] = []

    def read(self) -> Imported:
        title = _line(self.row.get("name")) or f"Segment {self.number}"
        name = self.name(title)
        try:
            translation = translate(read_tree(self.row["conditions_serialized"]), self.classes)
        except InterchangeError as cause:
            broken = Finding("1", "the conditions", Carried.NOT, reason=str(cause))
            translation = Translation(None, (broken,), ())
        websites, groups = self.codes("website_ids", "websites"), self.codes("customer_group_ids", "groups")
        rule = translation.rule
        if rule is not None and websites and self.is_scoped(rule):
            rule = self.within(websites, rule)
            websites = ()
        findings = (*translation.findings, *self.problems)
        if not translation.findings:
            self.notes.append("the source has no conditions, so everyone in its websites and groups is a member")
        carried = _worst(findings)
        if carried is Carried.NOT or rule is None:
            rule = _lost(translation, self.problems)
        return Imported(
            id=self.number,
            name=name,
            title="" if title == name else title,
            description=str(self.row.get("description") or "").replace("\r\n", "\n").strip(),
            rule=rule,
            active=carried is not Carried.NOT and _yes(self.row.get("is_active"), default=True),
            websites=websites,
            groups=groups,
            mode="manual" if self.row.get("refresh_mode") == "manual" else "auto",
            priority=_whole(self.row.get("priority"), 0),
            carried=carried,
            findings=findings,
            notes=tuple(self.notes),
        )

    def name(self, title: str) -> str:
        """The title, made different from other names: the files of two that differ in case only would meet."""
        name = title[:_LONGEST_NAME].strip()
        if _file_name(name) in self.taken:
            while _file_name(name) in self.taken:
                name = f"{name[: _LONGEST_NAME - 16].strip()} ({self.number})"
            self.notes.append(f'another segment has the same name, so this one is called "{name}"')
        self.taken.add(_file_name(name))
        return name

    def codes(self, column: str, kind: str) -> tuple[str, ...]:
        """The codes of the websites or groups that the source lists by number."""
        listed = self.row.get(column)
        numbers = listed if isinstance(listed, list | tuple) else str("" if listed is None else listed).split(",")
        found = []
        for number in dict.fromkeys(str(each).strip() for each in numbers):
            if not number:
                continue
            try:
                code = self.names.of_one(kind, number)
                if "," in code or code != code.strip() or not code.isprintable():
                    raise NotCarriedError(f'the code "{code}" cannot stand in the head of a file')
                found.append(code)
            except NotCarriedError as cause:
                self.problems.append(Finding(column, f"{kind[:-1]} {number}", Carried.NOT, reason=str(cause)))
        return tuple(sorted(found))

    def is_scoped(self, rule: str) -> bool:
        """Whether the websites of a segment would change what its rule counts, and not only for whom it is asked."""
        vocabulary = self.classes.vocabulary
        lowered = parse(rule, vocabulary=vocabulary).lowered(vocabulary, None)
        sources = (each for each in walk(lowered) if isinstance(each, Source))
        return any(row.entity.split(".")[0] in SCOPED for source in sources for row in source.rows)

    def within(self, websites: tuple[str, ...], rule: str) -> str:
        listed = ", ".join(literal_choice(each) for each in websites)
        self.notes.append(
            "its websites stand in the rule: told to the segment, they would limit which orders and carts count, too,"
            " as they do not in the source"
        )
        one = (
            f"customer.website {'is' if len(websites) == 1 else 'in'} {listed if len(websites) == 1 else f'({listed})'}"
        )
        text = one if rule == "true" else f"{one} and ({rule})"
        return parse(text, vocabulary=self.classes.vocabulary).format()


def _lost(translation: Translation, problems: Iterable[Finding]) -> str:
    """The rule of a segment that could not be carried over: nobody, under what is known of it."""
    lines = ["Not all of this segment could be carried over, so nobody is in it.", "In the source:"]
    lines += [f"  {each}" for each in translation.outline]
    if not translation.outline:
        lines += [f"  {each.source}: {each.reason}" for each in translation.findings]
    lines += [f"  NOT CARRIED OVER {each.source}: {each.reason}" for each in problems]
    comments = [f"# {_line(each, keep=True)}".rstrip() for each in lines]
    return "\n".join([*comments, "false"])


def _worst(findings: Iterable[Finding]) -> Carried:
    found = {each.carried for each in findings}
    return next((each for each in (Carried.NOT, Carried.WITH_A_DIFFERENCE) if each in found), Carried.EXACTLY)


def _with_steps(segment: Imported, row: Mapping[str, Any], rows: list[Mapping[str, Any]], names: Names) -> Imported:
    notes = list(segment.notes)
    steps: list[Step] = []
    for each in sorted(rows, key=lambda row: (str(row.get("trigger_event")), _whole(row.get("step_number"), 0))):
        trigger = str(each.get("trigger_event") or "enter")
        delay = _whole(each.get("delay_minutes"), 0)
        if trigger not in ("enter", "exit") or not 0 <= delay <= _LONGEST_DELAY:
            raise InterchangeError(
                f"step {each.get('sequence_id')} of {STEPS} has the trigger {trigger!r} and a delay of {delay} minutes;"
                f" there are enter and exit, and at most {_LONGEST_DELAY} minutes"
            )
        template = _whole(each.get("template_id"), 0)
        steps.append(
            Step(
                trigger=trigger,
                number=_whole(each.get("step_number"), len(steps) + 1),
                delay_minutes=delay,
                template=_line(names.find("templates", template)) or f"template {template}",
                template_id=template,
                active=_yes(each.get("is_active"), default=True),
                max_sends=_whole(each.get("max_sends"), 1),
                coupon=_coupon(each, names),
            )
        )
    sends = _yes(row.get("auto_email_active"), default=False)
    if steps and not sends:
        notes.append("its e-mails were switched off in the source, and stay so")
    if sends and segment.carried is Carried.NOT:
        notes.append("its e-mails are switched off until the rule is complete")
    return evolve(
        segment,
        steps=tuple(steps),
        sends=sends and segment.carried is not Carried.NOT,
        overlapping=_yes(row.get("allow_overlapping_sequences"), default=False),
        notes=tuple(notes),
    )


def _coupon(row: Mapping[str, Any], names: Names) -> Mapping[str, Any] | None:
    rule = _whole(row.get("coupon_sales_rule_id"), 0)
    if not _yes(row.get("generate_coupon"), default=False) or not rule:
        return None
    return {
        "sales_rule": _line(names.find("sales_rules", rule)) or f"sales rule {rule}",
        "sales_rule_id": rule,
        "prefix": _line(row.get("coupon_prefix")),
        "expires_days": _whole(row.get("coupon_expires_days"), 30),
    }


def _whole(value: Any, instead: int) -> int:
    if value in (None, ""):
        return instead
    try:
        return int(str(value))
    except ValueError:
        raise InterchangeError(f"{value!r} should be a whole number") from None


def _yes(value: Any, *, default: bool) -> bool:
    return default if value in (None, "") else str(value).lower() in ("1", "true", "yes")


def _line(value: Any, keep: bool = False) -> str:
    """A text as one line of printable characters; ``keep`` leaves its blanks as they are."""
    text = "".join(char if char.isprintable() else " " for char in str("" if value is None else value))
    return text if keep else " ".join(text.split())


def _file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", name.casefold()).strip("-.") or "segment"
