"""The default shop: its tables, the indexes that segments want, and how its entities lie on them."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from attrs import field, frozen
from sqlalchemy.types import TypeEngine

from segrules.algebra import Kind
from segrules.condition import FieldType, Whole
from segrules.errors import ShopError
from segrules.shop.columns import Money, UtcMoment, exact_text
from segrules.shop.mapping import Entity, Lookup, Mapping, Stored

CODE, NAME, LONG = 64, 255, 1000


@frozen(eq=False)
class DefaultTables:
    """The default shop's tables by name, with the custom attributes of customers and products."""

    metadata: sa.MetaData
    tables: AnyMapping[str, sa.Table]
    customer_attributes: AnyMapping[str, FieldType] = field(factory=dict)
    product_attributes: AnyMapping[str, FieldType] = field(factory=dict)

    def __getitem__(self, name: str) -> sa.Table:
        return self.tables[name]


def default_tables(
    customer_attributes: AnyMapping[str, FieldType] | None = None,
    product_attributes: AnyMapping[str, FieldType] | None = None,
    metadata: sa.MetaData | None = None,
    *,
    schema: str | None = None,
    prefix: str = "",
) -> DefaultTables:
    """The tables of the default shop, with one more column for every custom attribute."""
    metadata = metadata if metadata is not None else sa.MetaData()
    tables: dict[str, sa.Table] = {}

    def table(name: str, *columns: sa.schema.SchemaItem, key: bool = True) -> None:
        own = (sa.Column("id", _ID, primary_key=True), *columns) if key else columns
        tables[name] = sa.Table(prefix + name, metadata, *own, schema=schema)

    def to(name: str, *, column: str | None = None, nullable: bool = False) -> sa.Column[int]:
        target = tables[name]
        local = column or _SINGULAR[name] + "_id"
        return sa.Column(local, sa.BigInteger, sa.ForeignKey(target.c.id), nullable=nullable)

    def index(name: str, *columns: str) -> None:
        target = tables[name]
        sa.Index(f"ix_{target.name}_{'_'.join(columns)}", *(target.c[each] for each in columns))

    table("websites", _code("code", required=True), _text("name"))
    table("stores", to("websites"), _code("code", required=True), _text("name"), _code("timezone"))
    table("customer_groups", _code("code", required=True))
    table(
        "customers",
        _text("email"), _text("first_name"), _text("last_name"), _code("gender"), sa.Column("birth_date", sa.Date),
        _moment("created_at", required=True), to("customer_groups", column="group_id", nullable=True),
        to("stores", nullable=True), to("websites", nullable=True),
        sa.Column("is_active", sa.Boolean, nullable=False, default=True, server_default=sa.true()),
        *(_attribute(name, kept) for name, kept in (customer_attributes or {}).items()),
    )  # fmt: skip
    table(
        "addresses",
        to("customers"), _code("kind", required=True), sa.Column("is_default", sa.Boolean, nullable=False),
        _text("first_name"), _text("last_name"), _text("company"), _text("street"), _text("city"), _text("region"),
        _code("region_code"), _text("postcode"), _code("country"), _text("phone"),
    )  # fmt: skip
    table(
        "newsletter_subscriptions",
        to("customers"), _text("email"), _code("status", required=True), _moment("changed_at", required=True),
    )  # fmt: skip
    table("logins", to("customers"), _moment("at", required=True))
    table("categories", _code("code", required=True), _text("name"))
    table(
        "products",
        _code("sku"), _text("name"), _money("price"), _code("type"),
        *(_attribute(name, kept) for name, kept in (product_attributes or {}).items()),
    )  # fmt: skip
    tables["product_categories"] = sa.Table(
        prefix + "product_categories", metadata,
        *(
            sa.Column(own, sa.BigInteger, sa.ForeignKey(tables[name].c.id), primary_key=True, autoincrement=False)
            for own, name in (("product_id", "products"), ("category_id", "categories"))
        ),
        schema=schema,
    )  # fmt: skip
    table(
        "carts",
        to("customers"), to("stores", nullable=True), sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("items_count", sa.Integer), _money("items_qty"), _money("subtotal"), _money("tax_amount"),
        _money("discount_amount"), _money("grand_total"), _code("coupon_code"),
        sa.Column("applied_rules", exact_text(LONG)), _moment("created_at", required=True),
        _moment("updated_at", required=True),
    )  # fmt: skip
    table(
        "cart_items",
        to("carts"), to("products", nullable=True), _code("sku"), _text("name"), _code("type"), _money("qty"),
        _money("price"), _money("row_total"),
    )  # fmt: skip
    table(
        "orders",
        to("customers"), to("stores", nullable=True), _code("status", required=True), _code("currency"),
        _money("total_qty"), _money("subtotal"), _money("tax_amount"), _money("shipping_amount"),
        _money("discount_amount"), _money("grand_total", required=True), _code("payment_method"),
        _code("shipping_method"), _code("coupon_code"), _moment("created_at", required=True), _moment("updated_at"),
    )  # fmt: skip
    table(
        "order_items",
        to("orders"), to("products", nullable=True), _code("sku"), _text("name"), _code("type"), _money("qty"),
        _money("price"), _money("row_total"), _money("row_total_incl_tax"), _money("discount_amount"),
    )  # fmt: skip
    table("refunds", to("orders"), _money("amount", required=True), _moment("created_at", required=True))
    table("product_views", to("customers"), to("products"), _moment("viewed_at", required=True))
    table("wishlists", to("customers"), _text("name"), sa.Column("shared", sa.Boolean, nullable=False))
    table("wishlist_items", to("wishlists"), to("products"), _moment("added_at", required=True))
    index("customers", "created_at")
    index("customers", "email")
    for name in ("addresses", "newsletter_subscriptions", "wishlists"):
        index(name, "customer_id")
    index("logins", "customer_id", "at")
    index("product_categories", "category_id", "product_id")
    index("carts", "customer_id", "is_active")
    index("carts", "updated_at")
    index("cart_items", "cart_id")
    index("orders", "customer_id", "created_at")
    index("orders", "created_at")
    index("order_items", "order_id")
    index("order_items", "product_id")
    index("refunds", "order_id")
    index("product_views", "customer_id", "viewed_at")
    index("product_views", "viewed_at")
    index("wishlist_items", "wishlist_id")
    return DefaultTables(
        metadata, MappingProxyType(tables), dict(customer_attributes or {}), dict(product_attributes or {})
    )


def default_mapping(tables: DefaultTables) -> Mapping:
    """How the relations and fields of the language lie on the default shop's tables."""
    t = tables
    attributes = tuple(t.product_attributes)
    customers, orders, carts = t["customers"], t["orders"], t["carts"]
    group = Lookup(t["customer_groups"], customers.c.group_id, t["customer_groups"].c.id)
    website = Lookup(t["websites"], customers.c.website_id, t["websites"].c.id)
    store = Lookup(t["stores"], customers.c.store_id, t["stores"].c.id)
    entities: dict[str, Entity] = {
        "": Entity(
            customers,
            fields={
                **_columns(customers, but=("group_id", "store_id", "website_id")),
                "group": group.field(t["customer_groups"].c.code),
                "store": store.field(t["stores"].c.code),
                "website": website.field(t["websites"].c.code),
            },
        ),
        "addresses": _of_customer(t["addresses"]),
        "newsletter": _of_customer(t["newsletter_subscriptions"]),
        "logins": _of_customer(t["logins"]),
        "orders": Entity(
            orders, orders.c.customer_id, fields={**_columns(orders, but=_POINTERS), **_store_of(orders, t)}
        ),
        "orders.items": _items(t["order_items"], t["order_items"].c.order_id, t["products"], attributes),
        "orders.refunds": Entity(
            t["refunds"], t["refunds"].c.order_id, fields=_columns(t["refunds"], but=("order_id",))
        ),
        "carts": Entity(
            carts,
            carts.c.customer_id,
            fields={
                **_columns(carts, but=(*_POINTERS, "is_active", "applied_rules")),
                "status": Stored(carts.c.is_active, codes={"active": True, "inactive": False}),
                "applied_rules": Stored(carts.c.applied_rules, separator=","),
                **_store_of(carts, t),
            },
            rare=True,
        ),
        "carts.items": _items(t["cart_items"], t["cart_items"].c.cart_id, t["products"], attributes),
        "product_views": _products(
            t["product_views"], t["product_views"].c.customer_id, t["products"], ("viewed_at",), attributes
        ),
        "wishlists": _of_customer(t["wishlists"], rare=True),
        "wishlists.items": _products(
            t["wishlist_items"], t["wishlist_items"].c.wishlist_id, t["products"], ("added_at",), attributes
        ),
    }
    for path in ("orders.items", "carts.items", "product_views", "wishlists.items"):
        entities[f"{path}.categories"] = _categories(t, entities[path].source.c.product_id)
    return Mapping(entities)


def create_tables(engine: sa.Engine, tables: DefaultTables) -> None:
    """Create those of the default shop's tables and indexes that are missing."""
    tables.metadata.create_all(engine, tables=list(tables.tables.values()))


_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SINGULAR = {
    "websites": "website", "stores": "store", "customer_groups": "group", "customers": "customer",
    "products": "product", "carts": "cart", "orders": "order", "wishlists": "wishlist",
}  # fmt: skip
_POINTERS = ("customer_id", "store_id")
_PRODUCT = ("sku", "name", "price", "type")


def _code(name: str, *, required: bool = False) -> sa.Column[Any]:
    return sa.Column(name, exact_text(CODE), nullable=not required)


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, exact_text(NAME))


def _money(name: str, *, required: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Money(), nullable=not required)


def _moment(name: str, *, required: bool = False) -> sa.Column[Any]:
    return sa.Column(name, UtcMoment(), nullable=not required)


def _attribute(name: str, kept: FieldType) -> sa.Column[Any]:
    """The column of a custom attribute; nullable, since old rows lack it."""
    return sa.Column(kept.column or name, _attribute_type(name, kept))


def _attribute_type(name: str, kept: FieldType) -> TypeEngine[Any]:
    if kept.meaning is not None:
        raise ShopError(f'the attribute "{name}" is derived, so it has no column: add it to the vocabulary only')
    match kept.kind:
        case Kind.NUMBER:
            return sa.BigInteger() if isinstance(kept, Whole) else Money()
        case Kind.ID:
            return sa.BigInteger()
        case Kind.TEXT:
            return exact_text(NAME)
        case Kind.CODE | Kind.CHOICE:
            return exact_text(CODE)
        case Kind.YESNO:
            return sa.Boolean()
        case Kind.DATE:
            return sa.Date()
        case Kind.MOMENT:
            return UtcMoment()


def _columns(table: sa.Table, but: tuple[str, ...] = ()) -> dict[str, Any]:
    return {column.key: column for column in table.c if column.key not in but}


def _of_customer(table: sa.Table, *, rare: bool = False) -> Entity:
    return Entity(table, table.c.customer_id, fields=_columns(table, but=("customer_id",)), rare=rare)


def _store_of(table: sa.Table, t: DefaultTables) -> dict[str, Stored]:
    store = Lookup(t["stores"], table.c.store_id, t["stores"].c.id)
    website = Lookup(t["websites"], t["stores"].c.website_id, t["websites"].c.id, through=store)
    return {"store": store.field(t["stores"].c.code), "website": website.field(t["websites"].c.code)}


def _items(table: sa.Table, parent: sa.Column[Any], products: sa.Table, attributes: tuple[str, ...]) -> Entity:
    product = Lookup(products, table.c.product_id, products.c.id)
    own = _columns(table, but=(parent.key,))
    return Entity(table, parent, fields={**{name: product.field(products.c[name]) for name in attributes}, **own})


def _products(
    table: sa.Table, parent: sa.Column[Any], products: sa.Table, own: tuple[str, ...], attributes: tuple[str, ...]
) -> Entity:
    product = Lookup(products, table.c.product_id, products.c.id)
    taken = {name: product.field(products.c[name]) for name in (*attributes, *_PRODUCT)}
    kept = {name: table.c[name] for name in ("id", "product_id", *own)}
    return Entity(table, parent, fields={**taken, **kept})


def _categories(t: DefaultTables, product_id: Any) -> Entity:
    """The categories of a row's product: the row and the link meet at the product's id."""
    links, categories = t["product_categories"], t["categories"]
    category = Lookup(categories, links.c.category_id, categories.c.id)
    return Entity(
        links,
        links.c.product_id,
        key=links.c.category_id,
        parent_key=product_id,
        fields={"code": category.field(categories.c.code), "name": category.field(categories.c.name)},
    )
