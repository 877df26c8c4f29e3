"""A small Django project: customers are Django's own users, orders are a model; on every database that answers."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

django = pytest.importorskip("django")

from django.conf import settings  # noqa: E402
from django.db import connections, transaction  # noqa: E402
from django.test import override_settings  # noqa: E402

from segrules.testing.backends import BackendAbsentError, fresh, required  # noqa: E402

NOW = datetime(2026, 7, 4, 12, tzinfo=UTC)
ENGINES = {"postgresql": "django.db.backends.postgresql", "mariadb": "django.db.backends.mysql"}
MAPPING = """
times = "django"
[customer]
table = "auth_user"
same = ["email", "first_name", "last_name", "is_active"]
fields.created_at = "date_joined"
[orders]
table = "shop_order"
[orders.fields]
grand_total = "total"
created_at = "placed"
status = { column = "status", choices = ["pending", "complete", "canceled", "closed"] }
coupon_code = "coupon"
"""


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """The project's Order model, in a Django that is set up, with a database for each backend that answers."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "segrules.toml").write_text(MAPPING)
    databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "shop.sqlite3"}}
    with ExitStack() as stack:
        for name in ENGINES:
            try:
                databases[name] = _settings(name, stack.enter_context(fresh(name)).engine)
            except BackendAbsentError:
                if name in required():
                    raise
        databases["memory"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
        settings.configure(
            DATABASES=databases,
            INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "segrules.django"],
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            TIME_ZONE="Europe/Rome",
            USE_TZ=True,
            BASE_DIR=folder,
        )
        if "mariadb" in databases:
            import pymysql

            pymysql.install_as_MySQLdb()
        django.setup()
        yield _order_model()
        connections.close_all()


def _settings(name: str, engine: sa.Engine) -> dict[str, object]:
    """The same database as Django is told of it."""
    url = engine.url
    found = {"ENGINE": ENGINES[name], "NAME": url.database, "USER": url.username, "PASSWORD": url.password or ""}
    found |= {"HOST": url.host, "PORT": url.port}
    if name == "postgresql":
        with engine.connect() as connection:
            found["OPTIONS"] = {"options": f"-csearch_path={connection.scalar(sa.text('SELECT current_schema()'))}"}
    return found


def _order_model():
    from django.contrib.auth.models import User
    from django.db import models

    class Order(models.Model):
        customer = models.ForeignKey(User, models.CASCADE)
        total = models.DecimalField(max_digits=12, decimal_places=2)
        placed = models.DateTimeField()
        status = models.CharField(max_length=20, default="complete")
        coupon = models.CharField(max_length=40, null=True)

        class Meta:
            app_label = "shop"

    return Order


@pytest.fixture(params=["default", "postgresql", "mariadb"])
def database(request, project):
    """The name of a database in which the project's tables are; what a test writes is rolled back by itself."""
    from django.core.management import call_command

    alias = request.param
    if alias not in settings.DATABASES:
        pytest.skip(f"{alias} does not answer")
    tables = connections[alias].introspection.table_names()
    if "shop_order" not in tables:
        call_command("migrate", database=alias, verbosity=0)
        with connections[alias].schema_editor() as editor:
            editor.create_model(project)
    with override_settings(SEGRULES={"SHOP": settings.BASE_DIR / "segrules.toml", "DATABASE": alias}):
        yield alias


@pytest.fixture
def people(database, project):
    """Anna with two orders, Ben with a cancelled one, Cleo with none; committed, and gone afterwards."""
    from django.contrib.auth.models import User

    users = User.objects.using(database)
    with transaction.atomic(using=database):
        anna, ben, _ = (
            users.create(username=name, email=f"{name}@Example.com", date_joined=NOW)
            for name in ("anna", "ben", "cleo")
        )
        orders = project.objects.using(database)
        for user, total, status in ((anna, "60.10", "complete"), (anna, "39.90", "pending"), (ben, "500", "canceled")):
            orders.create(customer=user, total=total, status=status, placed=NOW)
    yield users
    orders.all().delete()
    users.all().delete()
