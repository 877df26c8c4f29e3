"""Bound algebra over columns: many customers in one Arrow table, wherever Arrow means exactly the same."""

from segrules.memory.columnar.evaluation import Columnar
from segrules.memory.columnar.frames import batches

__all__ = ["Columnar", "batches"]
