"""``python manage.py segrules …``: the segrules command for the project's database and shop."""

from __future__ import annotations

import os
import sys
from argparse import REMAINDER, ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from segrules.django.access import given_settings, url
from segrules.shop import Shop
from segrules.shop.presets import PRESETS


class Command(BaseCommand):
    """Hands everything on: the settings stand in the environment that segrules reads, before what stood there."""

    help = "Runs segrules for the project's database: check, count, segments, refresh --due, …"
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """All that follows belongs to segrules."""
        parser.add_argument("arguments", nargs=REMAINDER, help="as after segrules; try --help")

    def run_from_argv(self, argv: list[str]) -> None:
        """Options are segrules' own, so Django does not look at them."""
        try:
            self.handle(arguments=argv[2:])
        except (CommandError, ImproperlyConfigured) as error:
            self.stderr.write(f"segrules: {error}")
            sys.exit(2)

    def handle(self, *args: Any, **options: Any) -> None:
        """The process ends with segrules' exit code."""
        from segrules.cli import main

        given = given_settings()
        named = given.get("SHOP")
        if isinstance(named, Shop):
            raise CommandError('SEGRULES["SHOP"] is made in Python: the command needs a mapping file, or a preset')
        os.environ["SEGRULES_DATABASE"] = url().render_as_string(hide_password=False)
        if named is not None:
            os.environ["SEGRULES_SHOP"] = str(named)
        if named is None or str(named) in PRESETS:
            os.environ["SEGRULES_TIMEZONE"] = settings.TIME_ZONE
        for key in ("PREFIX", "SCHEDULE"):
            if key in given:
                os.environ[f"SEGRULES_{key}"] = given[key]
        sys.argv = ["segrules", *options["arguments"]]
        main()
