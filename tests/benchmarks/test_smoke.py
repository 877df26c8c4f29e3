"""The benchmarks still run, and what they compare still agrees; nothing is timed here."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SMALL = {
    "rules_against_experts": ["--customers", "300", "--runs", "1", "--engine", "sqlite", "--engine", "duckdb"],
    "changed_customers": ["--customers", "300", "--changed", "20", "--runs", "1", "--engine", "sqlite"],
    "many_segments": ["--customers", "200", "--segments", "10", "--runs", "1", "--engine", "sqlite"],
    "one_refresh": ["--customers", "300", "--runs", "1", "--engine", "sqlite"],
    "forecasts": ["--customers", "200", "--runs", "1", "--engine", "sqlite"],
    "many_rules": ["--rules", "40", "--orders", "20", "--tables", "20"],
}


@pytest.mark.parametrize("name", SMALL)
def test_a_benchmark_runs(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", *SMALL[name]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip()
