"""segrules in a Django project: settings, the project's database, conditions for its querysets, a command.

::

    INSTALLED_APPS = [..., "segrules.django"]
    SEGRULES = {"SHOP": BASE_DIR / "segrules.toml"}  # or the name of a preset; "DATABASE": "default", "PREFIX": …

    from segrules.django import matching, shop, store

    rule = sr.parse("lifetime.sales > 5000", shop())
    User.objects.filter(pk__in=matching(rule))   # one statement, on the connection that Django uses
    store().refresh("vip")

``python manage.py segrules …`` is the ``segrules`` command for this database and shop.
"""

from segrules.django.access import engine, matching, shop, store

__all__ = ["engine", "matching", "shop", "store"]
