"""The shapes of the source's statements, each with the rule that says the same.

All that is said here follows from the statement that the source builds for a condition. Where that is ``customer IN
(SELECT … WHERE column operator value)``, a negative operator wants a row whose value is another one: a customer without
rows, or with a missing value, does not match.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from attrs import evolve, field, frozen

from segrules.condition import Choice, Code, DaysSince, FieldType, Text
from segrules.interchange.maho import operators
from segrules.interchange.maho.names import Names
from segrules.interchange.maho.operators import Asked, NotCarriedError, Op
from segrules.interchange.maho.tree import Leaf
from segrules.vocabulary import Vocabulary

#: Newsletter statuses, cart statuses and order statuses whose names differ.
SUBSCRIPTIONS = {"1": "subscribed", "2": "not_active", "3": "unsubscribed", "4": "unconfirmed"}
CARTS = {"1": "active", "0": "inactive"}
ORDERS = {"holded": "on_hold"}


@frozen
class Said:
    """A condition in the language.

    ``otherwise``: where SQL calls it false, when that is not simply where it is not true.
    """

    text: str
    differences: tuple[str, ...] = ()
    otherwise: str | None = None

    @property
    def negated(self) -> str:
        """Where the source's statement calls the condition false."""
        return f"not ({self.text})" if self.otherwise is None else self.otherwise


@frozen
class Classes:
    """What single conditions are translated with; ``utc`` says that the shop's days are UTC's."""

    vocabulary: Vocabulary
    names: Names = field(factory=Names)
    utc: bool = True

    def compared(self, path: str, name: str, sort: str, question: Asked) -> Said:
        """A comparison of one kind of field; ``name`` is how it is written, ``path`` its word and field."""
        match sort:
            case "number":
                return Said(operators.in_numbers(name, question))
            case "days":
                return Said(operators.in_numbers(name, question), self.zone)
            case "id":
                return Said(operators.in_ids(name, question))
            case "text" | "code":
                wild = ("wildcard",) if operators.has_wildcard(question) else ()
                return Said(operators.in_texts(name, question), (sort, *wild))
            case "date":
                return Said(operators.in_days(name, question))
            case "utc day":
                return Said((operators.in_days if self.utc else operators.in_utc_days)(name, question))
            case "moment":
                return Said(operators.in_moments(name, question, self.utc))
            case _:
                return Said(operators.in_choices(name, question, self.choice(path, sort)))

    def choice(self, path: str, sort: str) -> Callable[[str], str]:
        """How a stored value of a choice field is called here."""
        if sort in ("status", "type"):
            return lambda value: ORDERS.get(value, value)
        if sort in ("subscriptions", "carts"):
            known = SUBSCRIPTIONS if sort == "subscriptions" else CARTS

            def told(value: str) -> str:
                if value not in known:
                    raise NotCarriedError(f'"{value}" is no value of {path}; the source has {", ".join(known)}')
                return known[value]

            return told
        if sort == "gender":
            return lambda value: self.names.of_one("options", value).lower()
        return lambda value: self.names.of_one(sort, value)

    @property
    def zone(self) -> tuple[str, ...]:
        """The difference that counting days makes."""
        return () if self.utc else ("zone",)

    def is_required(self, path: str) -> bool:
        """Whether a field can never be missing."""
        word, _, name = path.partition(".")
        found = self.field(word, name)
        if isinstance(found, DaysSince) and found.of:
            found = self.field(word, found.of)
        return found is not None and found.required

    def field(self, word: str, name: str) -> FieldType | None:
        """A field of the shop's vocabulary, or None."""
        relation = self.vocabulary.named(word)
        return None if relation is None else relation.fields.get(name)


Translate = Callable[[Classes, Leaf, Asked], Said]


# --- shapes of statements --------------------------------------------------------------------------


def own(path: str, sort: str) -> Translate:
    """An attribute of which a customer has one row or none."""

    def translate(classes: Classes, leaf: Leaf, question: Asked) -> Said:
        said = classes.compared(path, path, sort, question)
        return evolve(said, text=_present(classes, path, path, said.text, question))

    return translate


def column(path: str, sort: str) -> Translate:
    """A column of the customer's own row: SQL calls it neither true nor false where it is missing."""

    def translate(classes: Classes, leaf: Leaf, question: Asked) -> Said:
        said = classes.compared(path, path, sort, question)
        opposite = evolve(question, op=question.op.opposite)
        otherwise = _present(classes, path, path, classes.compared(path, path, sort, opposite).text, opposite)
        return evolve(said, text=_present(classes, path, path, said.text, question), otherwise=otherwise)

    return translate


def rows(word: str, name: str, sort: str, *differences: str, only: str = "") -> Translate:
    """A column of rows that a customer may have several of; ``only`` says which of them count."""

    def translate(classes: Classes, leaf: Leaf, question: Asked) -> Said:
        path = f"{word}.{name}"
        said = classes.compared(path, name, sort, question)
        where = _present(classes, path, name, said.text, question)
        parts = " and ".join(each for each in (only, where) if each)
        return Said(f"any {word} where ({parts})", (*said.differences, *differences))

    return translate


def _present(classes: Classes, path: str, name: str, text: str, question: Asked) -> str:
    """A comparison that is false for a missing value."""
    if question.op.is_negative and not classes.is_required(path):
        return f"{name} is set and {text}"
    return text


def total(path: str, exists: str) -> Translate:
    """A sum or number over rows, which only customers with such rows have: ``exists`` says who they are.

    Without rows it is 0 here, so it must be said where 0 would do. Without ``exists`` it is 0 in the source too.
    """

    def translate(classes: Classes, leaf: Leaf, question: Asked) -> Said:
        _one_number(leaf, question)
        text = operators.in_numbers(path, question)
        return Said(f"{exists} and {text}" if exists and operators.holds_for_zero(question) else text)

    return translate


def counted(path: str, exists: str) -> Translate:
    """The same, of rows that are counted; several values are fine."""

    def translate(classes: Classes, leaf: Leaf, question: Asked) -> Said:
        text = operators.in_numbers(path, question)
        return Said(f"{exists} and {text}" if operators.holds_for_zero(question) else text)

    return translate


def average(path: str, exists: str) -> Translate:
    """An average, which is missing here and in the source without rows."""

    def translate(classes: Classes, leaf: Leaf, question: Asked) -> Said:
        _one_number(leaf, question)
        text = operators.in_numbers(path, question)
        return Said(f"{exists} and {text}" if question.op.is_negative else text)

    return translate


def average_or_zero(classes: Classes, leaf: Leaf, question: Asked) -> Said:
    """The average order value, which the source takes for 0 without orders."""
    _one_number(leaf, question)
    text = operators.in_numbers("lifetime.average_order", question)
    if operators.holds_for_zero(question):
        return Said(text if question.op.is_negative else f"{text} or lifetime.orders = 0")
    return Said(f"lifetime.orders > 0 and {text}" if question.op.is_negative else text)


def _one_number(leaf: Leaf, question: Asked) -> None:
    if question.op in (Op.IN, Op.NOT_IN) or isinstance(leaf.value, list | tuple | dict):
        raise NotCarriedError("it has a list of values, which the source itself cannot run for this attribute")


def elapsed(path: str, moment: str) -> Translate:
    """Days since something that happened, or never did; the source cuts fractions off the value."""

    def translate(classes: Classes, leaf: Leaf, question: Asked) -> Said:
        question = _whole_days(leaf, question)
        text = operators.in_numbers(path, question, operators.whole)
        return Said(f"{moment} is set and {text}" if question.op.is_negative else text, classes.zone)

    return translate


def _whole_days(leaf: Leaf, question: Asked) -> Asked:
    _one_number(leaf, question)
    return Asked(question.op, (str(operators.whole(question.value)),))


def inactive(classes: Classes, leaf: Leaf, question: Asked) -> Said:
    """Days inactive: the source puts the registration in the place of whichever is missing, login or order."""
    question = _whole_days(leaf, question)
    registered = "(activity.last_login_at is not set or activity.last_order_at is not set)"

    def both(word: Op) -> tuple[str, str]:
        one = evolve(question, op=word)
        return (
            operators.in_numbers("activity.days_inactive", one, operators.whole),
            operators.in_numbers("customer.days_since_registration", one, operators.whole),
        )

    def at_least(word: Op) -> str:
        last, since = both(word)
        return f"{last} and ({since} or (activity.last_login_at is set and activity.last_order_at is set))"

    def at_most(word: Op) -> str:
        last, since = both(word)
        return f"({last} or ({since} and {registered}))"

    match question.op:
        case Op.GT | Op.GE:
            text = at_least(question.op)
        case Op.LT | Op.LE:
            text = at_most(question.op)
        case Op.EQ:
            text = f"{at_least(Op.GE)} and {at_most(Op.LE)}"
        case Op.NE:
            text = f"({at_least(Op.GT)}) or {at_most(Op.LT)}"
        case _:
            raise NotCarriedError(f'a number of days cannot be compared with "{question.op.value}" here')
    return Said(text, classes.zone)


def without_purchase(classes: Classes, leaf: Leaf, question: Asked) -> Said:
    """Days without a purchase: whoever never bought matches every *more than*, and nothing else."""
    question = _whole_days(leaf, question)
    text = operators.in_numbers("activity.days_since_last_order", question, operators.whole)
    if question.op in (Op.GT, Op.GE):
        return Said(f"activity.last_order_at is not set or {text}", classes.zone)
    return Said(f"activity.last_order_at is set and {text}" if question.op.is_negative else text, classes.zone)


def profit(classes: Classes, leaf: Leaf, question: Asked) -> Said:
    """Sales less all refunds, of customers with at least one valid order."""
    _one_number(leaf, question)
    text = operators.in_numbers("lifetime.sales - lifetime.refunds", question)
    return Said(f"lifetime.orders > 0 and {text}")


def last_of_all_orders(classes: Classes, leaf: Leaf, question: Asked) -> Said:
    """Days since the last order; here the source counts canceled orders too."""
    return Said(f"last order has ({operators.in_days_ago('created_at', question)})", classes.zone)


def last_row(word: str, name: str, sort: str) -> Translate:
    """The largest moment of some rows, or how many days ago it was."""

    def translate(classes: Classes, leaf: Leaf, question: Asked) -> Said:
        said = classes.compared(f"{word}.{name}", name, sort, question)
        return Said(f"last {word} has ({said.text})", said.differences)

    return translate


def order_discount(classes: Classes, leaf: Leaf, question: Asked) -> Said:
    """An order's discount, which the source keeps as a negative amount."""
    mirrored = {Op.GT: Op.LT, Op.GE: Op.LE, Op.LT: Op.GT, Op.LE: Op.GE}
    values = tuple(str(_opposite(operators.number(each))) for each in question.values)
    turned = Asked(mirrored.get(question.op, question.op), values)
    return rows("order", "discount_amount", "number")(classes, leaf, turned)


def _opposite(value: Decimal) -> Decimal:
    return -value if value else value


def cart_status(classes: Classes, leaf: Leaf, question: Asked) -> Said:
    """Whether a cart is active; all other conditions on carts are about active ones."""
    return rows("cart", "status", "carts")(classes, leaf, question)


def applied_rules(classes: Classes, leaf: Leaf, question: Asked) -> Said:
    """The ids of the sales rules of a cart, which the source keeps as one text."""
    if question.op not in (Op.LIKE, Op.NOT_LIKE) or not question.value.strip().isdigit():
        raise NotCarriedError("the ids of a cart's sales rules can be asked for one id with contains only")
    text = operators.in_texts("applied_rules", Asked(question.op, (question.value.strip(),)))
    there = "applied_rules is set and " if question.op is Op.NOT_LIKE else ""
    return Said(f"any cart where (status is active and {there}{text})", ("rule ids",))


def category(word: str) -> Translate:
    """A category of the product by its id."""

    def translate(classes: Classes, leaf: Leaf, question: Asked) -> Said:
        if question.op not in (Op.EQ, Op.NE, Op.IN, Op.NOT_IN):
            raise NotCarriedError(f'a category cannot be compared with "{question.op.value}" here')
        operators.in_ids("category", question)
        text = operators.in_texts("category", Asked(question.op, tuple(each.strip() for each in question.values)))
        there = "category is set and " if question.op.is_negative else ""
        return Said(f"any {word} where ({there}{text})", ("category",))

    return translate


def shared(classes: Classes, leaf: Leaf, question: Asked) -> Said:
    """Whether a wishlist is shared."""
    if question.op not in (Op.EQ, Op.NE) or question.value not in ("0", "1"):
        raise NotCarriedError("whether a wishlist is shared can be asked for 1 and 0 only")
    yes = (question.value == "1") == (question.op is Op.EQ)
    return Said(f"any wishlist where ({'shared' if yes else 'not shared'})")


def subscription(classes: Classes, leaf: Leaf, question: Asked) -> Said:
    """The state of a subscription; the source's statement finds nobody without one."""
    said = classes.compared("newsletter.status", "newsletter.status", "subscriptions", question)
    there = "newsletter.status is not not_subscribed and " if question.op.is_negative else ""
    return Said(there + said.text, ("subscription",))


def passed_over(reason: str) -> Translate:
    """What the source leaves out of its statement without a word."""

    def translate(classes: Classes, leaf: Leaf, question: Asked) -> Said:
        raise NotCarriedError(reason)

    return translate


def product_attribute(classes: Classes, leaf: Leaf, question: Asked) -> Said:
    """An attribute of the product of an item, where the shop has a field of that name."""
    word = "order_item" if leaf.type == "order_items" else "cart_item"
    name = leaf.attribute.removeprefix("product_")
    found = classes.field(word, name)
    if found is None:
        raise NotCarriedError(f'the shop has no field {word}.{name} for the product attribute "{name}"')
    sort = "code" if isinstance(found, Code) else "text" if isinstance(found, Text) else "number"
    if isinstance(found, Choice):
        sort = "options"
    return rows(word, name, sort, "attribute")(classes, leaf, question)
