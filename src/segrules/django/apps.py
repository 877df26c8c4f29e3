"""What Django reads when ``segrules.django`` is among the installed apps."""

from typing import Any

from django.apps import AppConfig
from django.core.signals import setting_changed
from django.db.backends.signals import connection_created


class SegrulesConfig(AppConfig):
    """The app has no models: the tables of stored segments are made by ``store().create_tables()``."""

    name = "segrules.django"
    label = "segrules"
    verbose_name = "segrules"

    def ready(self) -> None:
        """Each new connection to SQLite can run rules, and what the settings said is forgotten when they change."""
        connection_created.connect(_give_functions, dispatch_uid="segrules")
        setting_changed.connect(_forget, dispatch_uid="segrules")


def _give_functions(connection: Any, **_: Any) -> None:
    if connection.vendor == "sqlite":
        from segrules.sql.engines import add_functions

        add_functions(connection.connection)


def _forget(setting: str, **_: Any) -> None:
    if setting in ("SEGRULES", "DATABASES", "TIME_ZONE"):
        from segrules.django import access

        access.forget()
