"""How the documentation is built; see CONTRIBUTING.md for the command."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

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
]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
nitpicky = False

myst_enable_extensions = ["colon_fence", "deflist", "smartquotes"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"segrules {release}"
html_static_path: list[str] = []
html_show_sphinx = False
html_copy_source = False
