"""What a Django project asks: conditions of querysets on its own connection, settings, stored segments."""

from datetime import timedelta

import pytest

pytest.importorskip("django")

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.test import override_settings

import segrules as sr

from .conftest import NOW


def names(people, text, **given):
    """The users whom a rule finds as a condition of a queryset, by name."""
    from segrules.django import matching, shop

    found = people.filter(pk__in=matching(sr.parse(text, shop()), at=NOW, **given))
    return [user.username for user in found.order_by("username")]


# --- matching ---


def test_a_rule_is_a_condition_of_a_queryset(people):
    from segrules.django import matching, shop

    assert names(people, "lifetime.sales = 100") == ["anna"]
    assert names(people, "lifetime.orders = 0 and customer.email ends with '@example.com'") == ["ben", "cleo"]
    rule = sr.parse("lifetime.orders = 0 and customer.email is set", shop())
    found = people.filter(username__gt="a", pk__in=matching(rule, at=NOW), email__contains="cleo")
    assert found.count() == 1 and list(found.values_list("username", flat=True)) == ["cleo"]
    assert [user.username for user in people.exclude(pk__in=matching(rule, at=NOW))] == ["anna"]
    assert people.filter(pk__in=matching(rule, at=NOW)).update(last_name="New") == 2


def test_it_runs_inside_the_transaction(people, database, project):
    from segrules.django import engine, shop

    rule = sr.parse("lifetime.sales >= 500", shop())
    with transaction.atomic(using=database):
        project.objects.using(database).create(customer=people.get(username="cleo"), total=500, placed=NOW)
        assert names(people, "lifetime.sales >= 500") == ["cleo"]
        with engine().connect() as outside:
            assert rule.count(outside, shop(), at=NOW) == 0
        transaction.set_rollback(True, using=database)
    assert names(people, "lifetime.sales >= 500") == []


@pytest.mark.parametrize(
    "text", ["50% off", "O'Neil", 'the "best"', "%s", "%(x)s", ":name", "a_b", "back\\slash", "ünïcode ✓"]
)
def test_values_are_values_whatever_is_in_them(text, people):
    people.filter(username="ben").update(last_name=f"before {text} after")
    people.filter(username="cleo").update(last_name="before something else after")
    assert names(people, "customer.last_name contains :text", parameters={"text": text}) == ["ben"]
    assert names(people, "customer.last_name is :text", parameters={"text": f"before {text} after"}) == ["ben"]
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    assert names(people, f'customer.last_name contains "{quoted}"') == ["ben"]


def test_moments_are_those_that_django_wrote(people, database, project):
    midnight = NOW.replace(hour=22) - timedelta(days=1)  # of 4 July in Rome's summer
    order = project.objects.using(database).get(total="39.90")
    for moment, expected in ((midnight, ["anna"]), (midnight - timedelta(microseconds=1), [])):
        order.placed = moment
        order.save()
        with override_settings(SEGRULES={**settings.SEGRULES, "SHOP": in_rome()}):
            assert names(people, "any order where (status is pending and created_at on today)") == expected


def in_rome():
    return sr.Shop.load(settings.BASE_DIR / "segrules.toml").in_zone("Europe/Rome")


def test_a_queryset_may_wait_for_another_connection(people, database):
    from segrules.django import matching, shop

    found = people.filter(pk__in=matching(sr.parse("customer.email contains 'ANNA'", shop()), at=NOW))
    connections[database].close()
    assert [user.username for user in found] == ["anna"]


# --- settings ---


def test_the_shop_is_a_file_a_preset_one_of_python_or_the_default(project):
    from segrules.django import shop

    with override_settings(SEGRULES={"SHOP": "oscar"}):
        assert str(shop().zone) == "Europe/Rome"
        assert "order_order" in str(sr.parse("order.grand_total > 1", shop()).select(shop(), "sqlite"))
    with override_settings(SEGRULES={"SHOP": str(settings.BASE_DIR / "segrules.toml")}):
        assert str(shop().zone) == "UTC"
    made = sr.Shop.default()
    with override_settings(SEGRULES={"SHOP": made}):
        assert shop() is made
    with override_settings(SEGRULES={}, TIME_ZONE="Asia/Tokyo"):
        assert str(shop().zone) == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"SHOPS": "oscar"}, 'SEGRULES has no key "SHOPS"; it has SHOP, DATABASE, PREFIX, SCHEDULE'),
        ({"SHOP": "oskar"}, "there is no file oskar, and no preset; presets are maho, oscar, woocommerce"),
    ],
)
def test_mistakes_in_the_settings_are_told(given, said, project):
    from segrules.django import shop

    with override_settings(SEGRULES=given), pytest.raises(ImproperlyConfigured, match=said):
        shop()


def test_a_database_in_memory_has_one_connection_only(project):
    from segrules.django import engine, matching

    with override_settings(SEGRULES={"DATABASE": "memory"}):
        with pytest.raises(ImproperlyConfigured, match="a database in memory cannot be opened twice: give it a file"):
            engine()
        assert "SELECT" in matching(sr.parse("customer.email is set")).sql  # on Django's connection there is no need


# --- stored segments ---


def test_the_store_keeps_segments_in_the_same_database(people, database):
    from segrules.django import store

    with override_settings(SEGRULES={**settings.SEGRULES, "PREFIX": f"vip_{database}_"}):
        segments = store()
        segments.create_tables()
        segments.save(sr.Segment(name="buyers", rule="lifetime.orders >= 1"))
        assert segments.refresh("buyers", at=NOW).entered == 1
        assert list(segments.segments_of(people.get(username="anna").pk)) == ["buyers"]
        assert f"vip_{database}_members" in connections[database].introspection.table_names()
        assert store() is segments
    assert store() is not segments
