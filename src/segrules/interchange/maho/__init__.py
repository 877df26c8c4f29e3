"""Segments of Maho and of Magento 1 stores that use its segments, read from their database or an export of it."""

from segrules.interchange.maho.differences import DIFFERENCES
from segrules.interchange.maho.names import Names
from segrules.interchange.maho.rules import Carried, Finding
from segrules.interchange.maho.segments import Imported, Importer, Step
from segrules.interchange.maho.serialized import SerializedError, unserialize
from segrules.interchange.maho.steps import steps_file
from segrules.interchange.maho.tables import read_database, read_file

__all__ = [
    "DIFFERENCES",
    "Carried",
    "Finding",
    "Imported",
    "Importer",
    "Names",
    "SerializedError",
    "Step",
    "read_database",
    "read_file",
    "steps_file",
    "unserialize",
]
