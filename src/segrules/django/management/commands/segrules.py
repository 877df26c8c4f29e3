"""``python manage.py segrules …``: the segrules command for the project's database and shop."""

from __future__ import annotations

import os
import sys
from argparse import REMAINDER, ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from segrules.django.access import url


class Command(BaseCommand):
    """Hands everything on, with the database and the mapping file in the environment that the command reads."""

    help = "Runs segrules for the project's database: check, count, segments, refresh --due, …"
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """All that follows belongs to segrules."""
        parser.add_argument("arguments", nargs=REMAINDER, help="as after segrules; try --help")

    def run_from_argv(self, argv: list[str]) -> None:
        """Options are segrules' own, so Django does not look at them."""
        self.handle(arguments=argv[2:])

    def handle(self, *args: Any, **options: Any) -> None:
        """The process ends with segrules' exit code."""
        from segrules.cli import main

        given = getattr(settings, "SEGRULES", {})
        os.environ.setdefault("SEGRULES_DATABASE", url().render_as_string(hide_password=False))
        if isinstance(given.get("SHOP"), (str, Path)):
            os.environ.setdefault("SEGRULES_SHOP", str(given["SHOP"]))
        else:
            os.environ.setdefault("SEGRULES_TIMEZONE", settings.TIME_ZONE)
        if "PREFIX" in given:
            os.environ.setdefault("SEGRULES_PREFIX", given["PREFIX"])
        if "SCHEDULE" in given:
            os.environ.setdefault("SEGRULES_SCHEDULE", given["SCHEDULE"])
        sys.argv = ["segrules", *options["arguments"]]
        main()
