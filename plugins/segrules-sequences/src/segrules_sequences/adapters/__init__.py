"""The five jobs under schedulers that a shop has already; each module needs the library of its name."""
