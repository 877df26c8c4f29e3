"""``python -m segrules.cli`` is the command ``segrules``."""

from segrules.cli import main

main()
