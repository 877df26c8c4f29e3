"""``segrules map``: a first mapping file from a database."""

from __future__ import annotations

from typing import Any

import click

map_command: Any = click.Command("map")
