"""The objects that shops have already: mapped by SQLAlchemy, Django's models, attrs and dataclasses."""

import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.util import find_spec
from textwrap import dedent
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.orm.exc import DetachedInstanceError

import segrules as sr

SHOP = sr.Shop.default()
AT = datetime(2025, 7, 4, 12, tzinfo=UTC)
#: Rules with what each of two customers answers: Ann, who bought a camera, and one about whom next to nothing is known.
RULES = {
    'customer.email ends with "@EXAMPLE.com"': (True, False),
    "lifetime.sales = 10.50": (True, False),
    'any order where (created_at in last 3 days and any order.items where (name is "camera"))': (True, False),
    "activity.days_since_last_order <= 1": (True, False),
    "newsletter.status is subscribed": (True, False),
    "no cart": (True, True),
    'in segment "vip"': (False, False),
    "not (customer.created_at before 2 days ago)": (True, True),
}


def judged(ann: Any, nobody: Any) -> None:
    together = sr.RuleSet({text: sr.parse(text, SHOP) for text in RULES}, SHOP)
    for place, customer in enumerate((ann, nobody)):
        expected = [text for text, answers in RULES.items() if answers[place]]
        for _ in range(20):  # longer than the patience with what is unusual
            assert list(together.matching(customer, at=AT)) == expected
    for text, answers in RULES.items():
        predicate = sr.parse(text, SHOP).predicate(SHOP, at=AT)
        assert [(predicate(ann), predicate(nobody)) for _ in range(20)] == [answers] * 20


class Base(DeclarativeBase):
    pass


class Subscription(Base):
    __tablename__ = "subscription"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    status: Mapped[str]


class Item(Base):
    __tablename__ = "item"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("purchase.id"))
    name: Mapped[str]


class Purchase(Base):
    __tablename__ = "purchase"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("person.id"))
    status: Mapped[str]
    grand_total: Mapped[Decimal] = mapped_column(sa.Numeric(12, 2))
    created_at: Mapped[datetime]
    items: Mapped[list[Item]] = relationship()


class Person(Base):
    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str | None]
    created_at: Mapped[datetime]
    orders: Mapped[list[Purchase]] = relationship()
    newsletter: Mapped[Subscription | None] = relationship(uselist=False)


@pytest.mark.filterwarnings("ignore:Dialect sqlite")
def test_sqlalchemy_mapped() -> None:
    engine, now = sa.create_engine("sqlite://"), AT.replace(tzinfo=None)
    Base.metadata.create_all(engine)
    bought = Purchase(status="complete", grand_total=Decimal("10.50"), created_at=now, items=[Item(name="Camera")])
    with Session(engine) as session:
        ann = Person(email="ann@Example.com", created_at=now, orders=[bought])
        ann.newsletter = Subscription(status="subscribed")
        session.add_all([ann, Person(created_at=now)])
        session.commit()
    with Session(engine) as session:
        judged(*session.scalars(sa.select(Person).order_by(Person.id)))
    whole = (
        selectinload(Person.orders).selectinload(Purchase.items),
        selectinload(Person.newsletter),
    )
    with Session(engine) as session:
        loaded = session.scalars(sa.select(Person).order_by(Person.id).options(*whole)).all()
    judged(*loaded)
    with Session(engine) as session:
        bare = session.get_one(Person, 1)
    with pytest.raises(DetachedInstanceError, match="orders"):
        sr.parse("no order", SHOP).predicate(SHOP, at=AT)(bare)


def test_attrs_and_dataclasses() -> None:
    @attrs.frozen
    class Order:
        status: str
        grand_total: Decimal
        created_at: datetime
        items: tuple[Any, ...] = ()

    @dataclass(slots=True)
    class Shopper:
        email: str | None = None
        created_at: datetime | None = None
        orders: list[Any] = field(default_factory=list)
        newsletter: Any = None

    now = AT - timedelta(minutes=1)
    order = Order("complete", Decimal("10.50"), now, ({"name": "CAMERA"},))
    judged(Shopper("ann@example.com", now, [order], {"status": "subscribed"}), Shopper())


@pytest.mark.skipif(find_spec("django") is None, reason="Django is not installed")
def test_django_models() -> None:
    """In a process of its own, for Django has its settings once."""
    project = dedent(
        """
        import django
        from django.conf import settings

        settings.configure(
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            USE_TZ=True,
            TIME_ZONE="Europe/Rome",
        )
        django.setup()
        from django.db import connection, models
        from django.test.utils import CaptureQueriesContext


        class Customer(models.Model):
            email = models.CharField(max_length=200, null=True)
            created_at = models.DateTimeField()

            class Meta:
                app_label = "shop"


        class Order(models.Model):
            customer = models.ForeignKey(Customer, models.CASCADE, related_name="orders")
            status = models.CharField(max_length=20)
            grand_total = models.DecimalField(max_digits=12, decimal_places=2)
            created_at = models.DateTimeField()

            class Meta:
                app_label = "shop"


        class Item(models.Model):
            order = models.ForeignKey(Order, models.CASCADE, related_name="items")
            name = models.CharField(max_length=20)

            class Meta:
                app_label = "shop"


        class Newsletter(models.Model):
            customer = models.OneToOneField(Customer, models.CASCADE, related_name="newsletter")
            status = models.CharField(max_length=20)

            class Meta:
                app_label = "shop"


        with connection.schema_editor() as editor:
            for model in (Customer, Order, Item, Newsletter):
                editor.create_model(model)

        from decimal import Decimal
        from test_objects import AT, RULES, SHOP, judged
        import segrules as sr

        ann = Customer.objects.create(email="ann@Example.com", created_at=AT)
        Customer.objects.create(created_at=AT)
        order = Order.objects.create(customer=ann, status="complete", grand_total=Decimal("10.50"), created_at=AT)
        Item.objects.create(order=order, name="Camera")
        Newsletter.objects.create(customer=ann, status="subscribed")
        judged(*Customer.objects.order_by("id"))
        whole = Customer.objects.prefetch_related("newsletter", "orders__items").order_by("id")
        customers = list(whole)
        with CaptureQueriesContext(connection) as queries:
            judged(*customers)
        assert not len(queries), queries.captured_queries
        try:
            sr.parse('customer.email is "a"', SHOP).predicate(SHOP, at=AT)(Customer(email=5))
        except sr.CustomerError as error:
            assert "email: 5 is an int" in str(error)
        else:
            raise AssertionError
        """
    )
    run = subprocess.run(
        [sys.executable, "-c", project], cwd=__file__.rpartition("/")[0], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
