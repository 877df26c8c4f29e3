"""Templates in the older syntax, ``{{var name}}``, ``{{if}}``, ``{{depend}}``, made into templates of this package."""

from segrules_sequences.mail.converting.converter import convert
from segrules_sequences.mail.converting.report import Conversion, Note

__all__ = ["Conversion", "Note", "convert"]
