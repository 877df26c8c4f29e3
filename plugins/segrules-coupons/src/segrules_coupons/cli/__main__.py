"""``python -m segrules_coupons.cli``."""

from segrules_coupons.cli import main

main(prog_name="segrules-coupons")
