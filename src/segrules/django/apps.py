"""What Django reads when ``segrules.django`` is among the installed apps."""

from django.apps import AppConfig


class SegrulesConfig(AppConfig):
    """The app has no models: the tables of stored segments are made by ``store().create_tables()``."""

    name = "segrules.django"
    label = "segrules"
    verbose_name = "segrules"
