"""``python -m segrules`` is the command ``segrules``."""

from segrules.cli import main

main()
