"""The reference of the diagnostics, written from the catalogue of codes and the corpus."""

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    return {"parallel_read_safe": True}
