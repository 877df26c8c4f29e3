"""The customer's wishlists and what is on them."""

from segrules.condition import ConditionType, DaysSince, Example, Id, Moment, Rows, Text, YesNo
from segrules.conditions.product import Product


class Wishlist(ConditionType, word="wishlist", rows=Rows("wishlists")):
    """Wishlists; inside one, ``items`` are its own."""

    name = Text("The name that the customer gave it.")
    shared = YesNo("Whether others may see it.", required=True)

    examples = (
        Example(
            "any wishlist where (shared)",
            matches={"wishlists": [{"shared": True}]},
            misses={"wishlists": [{"shared": False}]},
        ),
        Example(
            "any wishlist where (count(items) >= 2)",
            matches={"wishlists": [{"items": [{}, {}]}]},
            misses={"wishlists": [{"items": [{}]}, {"items": [{}]}]},
        ),
    )


class WishlistItem(
    Product,
    ConditionType,
    word="wishlist_item",
    rows=Rows("wishlists.items", moment="added_at", inside="item"),
):
    """Products on the customer's wishlists; ``wishlist.…`` reaches the list."""

    product_id = Id("The number of the product.", required=True)
    added_at = Moment("When it was put on the list.", required=True)
    days_since_added = DaysSince("Calendar days since it was put on the list.", of="added_at")

    examples = (
        Example(
            'any wishlist_item where (days_since_added >= 30 and wishlist.name is "christmas")',
            matches={"wishlists": [{"name": "Christmas", "items": [{"added_at": "2025-06-04T23:59:59.999999"}]}]},
            misses={"wishlists": [{"name": "Christmas", "items": [{"added_at": "2025-06-05T00:00:00"}]}]},
        ),
    )
