"""The demonstration shop: of any size, the same on every machine, and the rules to run on it."""
