"""One customer in memory, from plain data or from the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from segrules import memory
from segrules.algebra import Predicate
from segrules.binding import SCOPED
from segrules.errors import EvaluationError
from segrules.rule import Rule
from segrules.ruleset import RuleSet
from segrules.shop import Shop

if TYPE_CHECKING:
    import sqlalchemy as sa

#: A rule, several of them, a set of rules, or None for all that the shop maps.
Needed = Rule | RuleSet | Iterable[Rule] | None


class Customer(memory.Customer):
    """A customer whose data has been checked once; see ``from_mapping`` and ``load``."""

    @classmethod
    def load(
        cls,
        connection: sa.Connection,
        shop: Shop,
        id: Any,  # noqa: A002
        needs: Needed = None,
        *,
        without: Iterable[str] = (),
    ) -> Customer:
        """The customer with this id, with just what the rules in ``needs`` read.

        ``without`` names entities that the caller puts in itself, such as ``carts``; they need not be mapped. One
        statement for each entity. Raises EvaluationError when there is no such customer.
        """
        for customer in cls.load_many(connection, shop, [id], needs, without=without):
            return customer
        raise EvaluationError(f"there is no customer {id!r}")

    @classmethod
    def load_many(
        cls,
        connection: sa.Connection,
        shop: Shop,
        ids: Iterable[Any],
        needs: Needed = None,
        *,
        without: Iterable[str] = (),
    ) -> Iterator[Customer]:
        """The customers with these ids in their order, streamed; ids that do not exist are passed over."""
        from segrules.sql.loading import Needs, load

        if needs is None:
            wanted = Needs.everything(shop.mapping).without(without)
        else:
            wanted = Needs.of(_predicates(shop, needs)).without(without).with_membership(shop.mapping, SCOPED)
        for _, data in load(connection, shop.mapping, ids, wanted):
            if "newsletter" in data:
                data["newsletter"] = max(data["newsletter"], key=_changed, default=None)
            yield cls(data)


def _predicates(shop: Shop, needs: Rule | RuleSet | Iterable[Rule]) -> Iterable[Predicate]:
    if isinstance(needs, RuleSet):
        return needs.predicates
    rules = [needs] if isinstance(needs, Rule) else needs
    return (rule.lowered(shop.vocabulary, dict.fromkeys(rule.parameters)) for rule in rules)


def _changed(subscription: dict[str, Any]) -> tuple[bool, Any, Any]:
    """Of several subscriptions the one that changed last counts; one that never did comes before all others."""
    moment = subscription.get("changed_at")
    return moment is not None, moment if moment is not None else 0, subscription["id"]
