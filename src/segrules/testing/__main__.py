"""A long parity run by hand: ``python -m segrules.testing --backend sqlite --cases 100000 --seed today``."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack

from segrules.shop.shop import Shop
from segrules.testing.backends import BACKENDS, fresh
from segrules.testing.comparing import Run
from segrules.testing.coverage import expected_features
from segrules.testing.stage import Stage


def main(arguments: list[str] | None = None) -> int:
    """0 when every case agreed, 1 when one did not."""
    parser = argparse.ArgumentParser(prog="python -m segrules.testing", description="Parity of SQL and memory.")
    parser.add_argument("--backend", action="append", choices=BACKENDS, help="where to ask (default: sqlite)")
    parser.add_argument("--cases", type=int, default=10_000, help="how many cases (default 10000)")
    parser.add_argument("--minutes", type=float, default=600, help="stop after so long")
    parser.add_argument("--seed", default="1", help="where the generated cases begin")
    parser.add_argument("--timezone", default="Europe/Rome", help="the zone of the shop")
    parser.add_argument("--algebra", action="store_true", help="predicates of the algebra instead of rules")
    parser.add_argument("--mismatches", type=int, default=3, help="stop after so many (default 3)")
    given = parser.parse_args(arguments)
    shop = Shop.default(given.timezone)
    with ExitStack() as stack:
        stages = [Stage(stack.enter_context(fresh(name)), shop) for name in given.backend or ["sqlite"]]
        run = Run(shop, stages, given.seed, algebra=given.algebra, most_mismatches=given.mismatches)
        run.go(given.cases, given.minutes * 60)
        for mismatch in run.mismatches:
            print(mismatch, end="\n\n")
        print(run.report())
        if not given.algebra:
            print("never came up:", ", ".join(run.coverage.lacking(expected_features())) or "nothing")
        print(*run.invalid[:5], sep="\n")
    return 1 if run.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
