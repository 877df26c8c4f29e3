"""Rules and segments to and from other forms: JSON for rule builders, and the segments of other systems."""
