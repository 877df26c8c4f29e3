"""The command ``segrules-sequences``: what a cron job, an operator and an author of sequences need.

``--app MODULE:NAME`` (or ``SEGRULES_SEQUENCES_APP``) names the shop's ``Sequences``, or a function that makes them.
Exit codes: 0 fine; 1 findings (dead letters, mails in doubt); 2 wrong usage; 3 the environment. Every command has
``--json``, which prints one JSON document.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process."""
    from segrules_sequences.cli.group import group

    group(prog_name="segrules-sequences")


__all__ = ["main"]
