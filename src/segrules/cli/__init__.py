"""The command ``segrules``: a thin layer over the library, one module for each command or small group of them.

Exit codes: 0 fine; 1 findings (a mistake in a rule, a file that is not formatted, a disagreement); 2 the command was
used wrongly; 3 the environment does not play along (no such database, a driver is missing, a plugin is broken).

Every command has ``--json``, which prints one JSON document on standard output: an object whose keys stay, while new
ones may come. When a command fails it is ``{"error": {"kind", "message", "diagnostics"?}}``; ``kind`` is one of
``rule``, ``usage``, ``environment``. The shape of each command's answer stands in its help.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process."""
    from segrules.cli.group import segrules

    segrules(prog_name="segrules")


__all__ = ["main"]
