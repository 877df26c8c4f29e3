"""How the documentation is built; see CONTRIBUTING.md for the command."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "segrules"
author = "The segrules authors"
copyright = "the segrules authors"  # noqa: A001
release = version = installed_version("segrules")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "rule_lexer",
    "condition_reference",
    "diagnostic_reference",
    "command_reference",
    "table_reference",
]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist"]
smartquotes = False
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"segrules {release}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_show_sphinx = False
html_copy_source = False


def as_literal_blocks(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Indented examples and drawn trees in module docstrings are shown as they are."""
    shown: list[str] = []
    literal = False
    for index, line in enumerate(lines):
        begins = not index or not lines[index - 1].strip()
        if begins and line.strip():
            drawn = any("├" in each for each in lines[index : index + 2])
            if (line.startswith("    ") or drawn) and not literal and not (shown and "::" in "".join(shown[-2:])):
                shown += ["::", ""]
            literal = line.startswith("    ") or drawn
        shown.append("    " + line if literal and not line.startswith("    ") and line.strip() else line)
    lines[:] = shown


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", as_literal_blocks)
