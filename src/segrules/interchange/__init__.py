"""Rules and segments to and from other forms: JSON for rule builders, and the segments of other systems."""

from segrules.interchange.json_form import from_json, schema, to_json

__all__ = ["from_json", "schema", "to_json"]
