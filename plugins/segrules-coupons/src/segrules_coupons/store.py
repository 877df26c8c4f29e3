"""The store: sales rules and their codes in a database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import IO, Any, TypeVar

import segrules as sr
import sqlalchemy as sa

from segrules_coupons import (
    batches,
    cleaning,
    coupon,
    exporting,
    issuing,
    pricing,
    redeeming,
    rules,
    statistics,
)
from segrules_coupons.batches import Batch
from segrules_coupons.cart import Cart
from segrules_coupons.coupon import Coupon, identity
from segrules_coupons.errors import (
    BatchError,
    CartError,
    CouponError,
    ReservationError,
    TooManyAttemptsError,
)
from segrules_coupons.judging import Conditions, customer_data
from segrules_coupons.limits import Limits
from segrules_coupons.offers import Limiter, Offers, readable
from segrules_coupons.pattern import Pattern, masked
from segrules_coupons.quote import Quote
from segrules_coupons.reasons import Reason
from segrules_coupons.redeeming import Reservation
from segrules_coupons.sales_rule import SalesRule
from segrules_coupons.shapes import Shapes
from segrules_coupons.statistics import Figures
from segrules_coupons.tables import Tables
from segrules_coupons.transactions import Desk, Transactions

T = TypeVar("T")

#: A customer: an id, the data of one in memory, or None for a guest.
Customer = int | str | Mapping[str, Any] | None

#: For how long uses are reserved when nobody says.
HALF_AN_HOUR = timedelta(minutes=30)
#: So many sets of rules are kept ready to be asked.
_READY = 16


class CouponStore:
    """Sales rules of a shop and their codes, kept in tables beside the shop's, on SQLite, PostgreSQL or MariaDB.

    ``shop`` reads the conditions and has the customers. ``segments`` is where ``in segment "…"`` looks; its tables
    are in the same database. ``prefix`` begins the name of each table, ``schema`` says where they are. ``limiter`` is
    asked before a code is looked up for a ``caller``, and answers whether that one may try another.

    What takes a ``connection`` works in its transaction when one is given, and commits nothing; else each call is a
    transaction of its own, which is tried anew while others are in the way. Customers, orders and issue keys are
    named by whole numbers, UUIDs or text, and kept as text.
    """

    def __init__(
        self,
        engine: sa.Engine,
        shop: sr.Shop | None = None,
        *,
        segments: sr.SegmentStore | None = None,
        prefix: str = "segrules_",
        schema: str | None = None,
        limits: Limits | None = None,
        limiter: Limiter | None = None,
    ) -> None:
        self.engine = engine
        self.shop = shop if shop is not None else sr.Shop.default()
        self.segments = segments
        self.limits = limits or Limits()
        self.tables = Tables.of(prefix=prefix, schema=schema)
        self.prefix, self.schema = prefix, schema
        self._limiter = limiter
        self._shapes = Shapes()
        self._ready: OrderedDict[tuple[Any, ...], Conditions] = OrderedDict()

    # --- tables ---

    @property
    def metadata(self) -> sa.MetaData:
        """The metadata of the store's tables, and of nothing else."""
        return self.tables.metadata

    def create_tables(self) -> None:
        """Every table of the store exists; those that are there stay as they are."""
        self.metadata.create_all(self._transactions.engine)

    def exists(self) -> bool:
        """Whether the store's tables are in the database."""
        return sa.inspect(self._transactions.engine).has_table(self.tables.rules.name, schema=self.schema)

    # --- sales rules ---

    def save(self, rule: SalesRule) -> SalesRule:
        """Store a sales rule, new or changed; the rule as it is stored now.

        One that was read and changed must still be at the version it was read at, else SalesRuleConflictError. Codes
        that have been made keep their limits and dates. Raises RuleError, SalesRuleError.
        """
        return self.save_all([rule])[0]

    def save_all(self, several: Iterable[SalesRule]) -> Sequence[SalesRule]:
        """Store several sales rules, all or none of them."""
        chosen = list(several)
        return self._write(lambda desk: [rules.save(desk, rule) for rule in chosen])

    def get(self, key: str, *, connection: sa.Connection | None = None) -> SalesRule:
        """The sales rule of a key; SalesRuleError when there is none."""
        return self._read(lambda desk: rules.named(desk, key).rule, connection)

    def list(self) -> Sequence[SalesRule]:
        """All sales rules in the order in which they apply: the highest priority first, ties by key."""
        return self._read(lambda desk: [each.rule for each in rules.every(desk)])

    def delete(self, key: str) -> None:
        """Take out a sales rule; SalesRuleError for one that has codes or uses, which can be switched off."""
        self._write(lambda desk: rules.delete(desk, key))

    # --- pricing ---

    def price(
        self,
        cart: Cart | Mapping[str, Any],
        customer: Customer = None,
        *,
        codes: Iterable[str] = (),
        at: datetime | None = None,
        order_ref: Any = None,
        caller: str | None = None,
        everything: bool = False,
        connection: sa.Connection | None = None,
    ) -> Quote:
        """What the cart costs with all discounts, and why; nothing is reserved.

        ``customer`` is an id in the shop's tables, the data of one in memory, or None for a guest. ``order_ref``
        names the order that this cart becomes: what it holds already does not stand in its own way. ``everything``
        explains also the rules that wait for a code or are switched off. Raises CartError, TooManyAttemptsError.
        """
        moment = _now(at)
        priced = cart if isinstance(cart, Cart) else Cart.from_mapping(cart)
        typed = _codes(codes, self.limits)
        order = None if order_ref is None else identity(order_ref, "order")

        def work(desk: Desk) -> Quote:
            offers = Offers(desk, _id_of(customer), moment, order)
            good, mistyped = readable(desk, typed, self._shapes)
            self._ask_limiter(caller, len(good))
            offers.collect(good, everything=everything)
            stored = [each.rule for each in offers.candidates]
            conditions = self._conditions(stored)
            used = min((each.code for each in offers.candidates if each.code is not None), default=None)
            judge = conditions.judge(priced, _data(desk, customer, conditions), moment, used)
            return pricing.quote(
                priced, offers.customer, offers.candidates, [*mistyped, *offers.refused], judge, moment
            )

        return self._read(work, connection)

    # --- codes ---

    def issue(
        self,
        rule: str,
        customer: Any,
        key: Any,
        *,
        pattern: Pattern | str | None = None,
        expires: datetime | timedelta | None = None,
        bound: bool = True,
        reuse_unused: bool = False,
        source: str = "",
        connection: sa.Connection | None = None,
    ) -> Coupon:
        """The code for an issue key: made for the customer the first time, the same one as long as it is kept.

        ``expires`` is a moment, or a time from now by the clock of the database; None is never. ``bound`` codes work
        for that customer only. With ``reuse_unused`` a code that this customer was given before for the same rule,
        pattern and source, and has not used, is given again and kept good for as long as a new one. ``source`` says
        in the statistics what the code was made for. Raises SalesRuleError, PatternError, CouponError.
        """
        who, issue_key, form = identity(customer), issuing.checked_issue_key(key), _pattern(pattern)
        label = identity(source, "source") if source else ""

        def work(desk: Desk) -> Coupon:
            return issuing.issue(
                desk, rule, who, issue_key, form,
                source=label, expires=expires, bound=bound, reuse_unused=reuse_unused,
            )  # fmt: skip

        return self._write(work, connection)

    def choose_code(
        self,
        rule: str,
        code: str,
        *,
        max_uses: int | None = None,
        starts: datetime | None = None,
        expires: datetime | timedelta | None = None,
        customer: Any = None,
    ) -> Coupon:
        """A code that somebody chose, such as SUMMER25; anybody may guess it. ``customer``: only that one may use it.

        ``max_uses`` None is no limit. BatchError when the code is taken.
        """
        who = None if customer is None else identity(customer)
        return self._write(
            lambda desk: issuing.choose(
                desk, rule, code, max_uses=max_uses, starts=starts, expires=expires, customer=who
            )
        )

    def make_batch(
        self,
        name: str,
        rule: str,
        count: int,
        *,
        pattern: Pattern | str | None = None,
        starts: datetime | None = None,
        expires: datetime | None = None,
        source: str = "",
        progress: Callable[[int], None] | None = None,
    ) -> Batch:
        """So many codes of a rule, made in transactions of ten thousand; the batch when all are there.

        Called again after a crash, it goes on where the last one stopped, and never makes one too many; called again
        when all is there, it makes nothing. ``progress`` hears how many are still missing. Raises BatchError,
        PatternError, SalesRuleError.
        """
        label = identity(name, "batch")
        if label.startswith("personal:"):
            raise BatchError('a name that begins with "personal:" is for the codes of single customers; choose another')
        form = _pattern(pattern)
        origin = identity(source, "source") if source else label
        begin = self._write(
            lambda desk: batches.begin(desk, label, rule, count, form, source=origin, starts=starts, expires=expires)
        )
        batches.run(self._write, label, begin, progress)
        return self.batch(label)

    def batch(self, name: str) -> Batch:
        """The batch of a name; BatchError when there is none."""
        return self._read(lambda desk: batches.batch_of(batches.row_named(desk, name)))

    def batches(self) -> Sequence[Batch]:
        """All batches, the oldest first; those of personal codes among them."""
        return self._read(batches.every)

    def find(self, code: str, *, connection: sa.Connection | None = None) -> Coupon | None:
        """The code as it is stored, however it was typed; None when there is none."""
        return self._read(lambda desk: coupon.find(desk, code), connection)

    def codes(self, *, rule: str | None = None, batch: str | None = None) -> Iterator[Coupon]:
        """The codes of a rule or of a batch by age, streamed, so of any number."""
        with self._transactions.engine.connect() as connection:
            desk = self._desk(connection)
            yield from coupon.streamed(desk, self._chosen(desk, rule, batch))

    def void(self, codes: Iterable[str] = (), *, batch: str | None = None) -> int:
        """Withdraw codes, or those of a batch; how many were still good. Uses that are held may still be confirmed."""
        chosen = [codes] if isinstance(codes, str) else list(codes)
        if batch is not None:
            return self._write(lambda desk: cleaning.void_batch(desk, batch))
        return self._write(lambda desk: cleaning.void(desk, chosen))

    def export(self, target: str | Path | IO[str], *, rule: str | None = None, batch: str | None = None) -> int:
        """Write codes as CSV, safe for spreadsheets, into a file that only its owner can read; how many they are."""
        found = self.codes(rule=rule, batch=batch)
        if not isinstance(target, str | Path):
            return exporting.write(target, found)
        with exporting.replacing(Path(target)) as file:
            return exporting.write(file, found)

    # --- uses ---

    def reserve(
        self,
        order_ref: Any,
        what: Quote | str | Iterable[str],
        customer: Any = None,
        *,
        rules: Iterable[str] = (),
        ttl: timedelta = HALF_AN_HOUR,
        caller: str | None = None,
        connection: sa.Connection | None = None,
    ) -> Reservation:
        """Hold for an order what a quote applied, or these codes and rules: all of it or nothing.

        It is held for ``ttl`` by the clock of the database, and then given back unless it is confirmed. Asked again for
        the same order, the answer is the same. Raises CodeRefusedError with the reason, ReservationError when the order
        holds something else.
        """
        order = identity(order_ref, "order")
        if not timedelta(0) < ttl <= self.limits.reserved:
            raise ReservationError(
                f"uses are reserved for more than nothing and up to {self.limits.reserved}, not {ttl}"
            )
        typed, keys, discounts, who = _wanted(what, rules, customer, self.limits)

        def work(desk: Desk) -> Reservation:
            good, mistyped = readable(desk, typed, self._shapes)
            self._ask_limiter(caller, len(good))
            if mistyped:
                raise redeeming.refusal(Reason.CODE_MISTYPED, f"the code {masked(mistyped[0].typed)}")
            return redeeming.reserve(desk, order, redeeming.wanted(desk, good, keys, discounts), who, ttl)

        return self._write(work, connection)

    def confirm(
        self, order_ref: Any, *, revenue: Decimal | None = None, connection: sa.Connection | None = None
    ) -> Reservation:
        """What the order holds is used for good; ``revenue`` goes into the statistics of each rule.

        Confirming twice is fine. ReservationError when it was given back meanwhile: reserve it anew first.
        """
        order = identity(order_ref, "order")
        return self._write(lambda desk: redeeming.confirm(desk, order, revenue), connection)

    def release(self, order_ref: Any, *, connection: sa.Connection | None = None) -> Reservation:
        """Give back what the order holds. What is confirmed is given back where its rule says ``gives_back``."""
        order = identity(order_ref, "order")
        return self._write(lambda desk: redeeming.release(desk, order), connection)

    def reservation(self, order_ref: Any, *, connection: sa.Connection | None = None) -> Reservation:
        """The uses of an order as they stand; ReservationError when it never had any."""
        order = identity(order_ref, "order")
        return self._read(lambda desk: redeeming.reservation(desk, order), connection)

    def reap(self) -> int:
        """Give back every reservation whose time is over; how many there were. For a job that runs each minute."""
        total = 0
        while found := self._read(redeeming.late):
            rule_id = found[0].rule_id
            rows = [row for row in found if row.rule_id == rule_id][:100]
            total += self._write(lambda desk, rows=rows: redeeming.expire(desk, rows))  # type: ignore[misc]
        return total

    # --- keeping house ---

    def clean(self, *, older_than: timedelta = timedelta(0)) -> int:
        """Delete the codes of batches that expired so long ago without ever having been used; how many there were.

        Codes that somebody chose stay. A job for the night.
        """
        if older_than < timedelta(0):
            raise CouponError(f"older_than is how long ago codes expired; {older_than} lies ahead")
        total = 0
        while found := self._write(lambda desk: cleaning.clean(desk, older_than)):
            total += found
        return total

    def statistics(self, rule: str | None = None) -> Sequence[Figures]:
        """The figures of each rule and source."""
        if rule is not None:
            self.get(rule)
        return self._read(lambda desk: statistics.statistics(desk, rule))

    # --- inside ---

    @cached_property
    def _transactions(self) -> Transactions:
        found = Transactions.of(self.engine, self.limits)
        sr.prepare(self.engine)
        return found

    def _desk(self, connection: sa.Connection) -> Desk:
        return Desk(connection, self.tables, self.shop, self.segments, self.limits)

    def _write(self, work: Callable[[Desk], T], connection: sa.Connection | None = None) -> T:
        if connection is not None:
            return work(self._desk(connection))
        return self._transactions.write(lambda own: work(self._desk(own)))

    def _read(self, work: Callable[[Desk], T], connection: sa.Connection | None = None) -> T:
        if connection is not None:
            return work(self._desk(connection))
        return self._transactions.read(lambda own: work(self._desk(own)))

    def _conditions(self, stored: Sequence[SalesRule]) -> Conditions:
        """The conditions of some rules, kept ready for the next cart."""
        key = tuple((each.key, each.version, each.condition, each.items) for each in stored)
        found = self._ready.get(key)
        if found is None:
            found = Conditions.of(stored, self.shop)
            self._ready[key] = found
            while len(self._ready) > _READY:
                self._ready.popitem(last=False)
        return found

    def _ask_limiter(self, caller: str | None, count: int) -> None:
        if self._limiter is None or caller is None:
            return
        for _ in range(count):
            if not self._limiter(caller):
                raise TooManyAttemptsError("too many codes have been tried; wait a while before the next one")

    def _chosen(self, desk: Desk, rule: str | None, batch: str | None) -> sa.Select[Any]:
        table = desk.tables.coupons
        where = []
        if rule is not None:
            where.append(table.c.rule_id == rules.named(desk, rule).id)
        if batch is not None:
            row = batches.row_named(desk, batch)
            where += [table.c.rule_id == row.rule_id, table.c.batch_id == row.id]
        return coupon.coupons(desk.tables, *where).order_by(table.c.id)


def _now(at: datetime | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    if at.tzinfo is None:
        raise CartError("the moment must have a time zone, like datetime.now(UTC)")
    return at


def _pattern(given: Pattern | str | None) -> Pattern:
    if given is None:
        return Pattern.usual()
    return Pattern(given) if isinstance(given, str) else given


def _codes(given: Iterable[str], limits: Limits) -> list[str]:
    found = [given] if isinstance(given, str) else list(given)
    if len(found) > limits.codes:
        raise CartError(f"a cart takes at most {limits.codes} codes; {len(found)} were typed")
    for each in found:
        if not isinstance(each, str):
            raise CartError(f"{each!r} is no code; give text")
    return found


def _id_of(customer: Customer) -> str | None:
    """The customer's id as text; None for a guest."""
    if isinstance(customer, Mapping):
        customer = customer.get("id")
    return None if customer is None else identity(customer)


def _data(desk: Desk, customer: Customer, conditions: Conditions) -> Mapping[str, Any]:
    """What the conditions need to know of the customer."""
    if customer is None:
        return {}
    if isinstance(customer, Mapping):
        return customer_data(customer, desk.shop)
    loaded = sr.Customer.load(desk.connection, desk.shop, customer, conditions.needs, without=("carts",))
    segments = rules.segments_of(desk, customer) if conditions.segments else ()
    return {**loaded, "segments": segments}


def _wanted(
    what: Quote | str | Iterable[str], keys: Iterable[str], customer: Any, limits: Limits
) -> tuple[list[str], list[str], dict[str, tuple[Decimal, str]], str | None]:
    """Codes, rules without one, what each rule took off, and the customer."""
    if not isinstance(what, Quote):
        return _codes(what, limits), list(keys), {}, None if customer is None else identity(customer)
    if customer is not None and identity(customer) != what.customer:
        raise ReservationError("the quote is for another customer; price the cart for this one")
    applied = what.applied
    discounts = {each.rule: (each.discount + each.shipping_discount, what.cart.currency) for each in applied}
    typed = [each.code for each in applied if each.code is not None]
    open_to_all = [each.rule for each in applied if each.code is None]
    return typed, [*open_to_all, *keys], discounts, what.customer
