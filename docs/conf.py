"""Configuration of Sphinx: signatures, tables and figures are generated from the package."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

import ingd_ref  # noqa: E402

project = "ingd_ref"
author = "The ingd_ref authors"
project_copyright = "2026, The ingd_ref authors"
release = version = ingd_ref.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx-mathjax-offline",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "labelled_equations",
    "paper_in_code",
    "families_table",
    "api_pages",
    "command_line_page",
    "gallery_pages",
    "measured_results",
    "accuracy_tables",
]
exclude_patterns = [
    "_build",
    "_ext",
    "results",
    "_generated/paper_in_code.md",
    "_generated/families_table.md",
]

# Every reference into the package must lead somewhere. Types in docstrings, such as "array (n, d)",
# are words and not references; other projects and private bases have no page here.
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", r"(?!ingd_ref\.).*"),
    ("py:.*", r"(abc|numpy|scipy|sklearn|matplotlib)\..*"),
    ("py:(class|meth)", r"(ingd_ref\..*\.)?_.*"),
    ("py:attr", r".*"),
    ("py:obj", r"to_device"),  # in a docstring of array-api-compat
]

html_theme = "furo"
html_title = f"ingd_ref {release}"
html_static_path = ["_static"]
html_css_files = ["house.css"]
html_theme_options = {"navigation_with_keys": True}

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3

autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = []

# Examples in docstrings run under pytest, in their own modules; the doctest builder takes those of
# the pages.
doctest_test_doctest_blocks = ""
doctest_global_setup = "import numpy as np\nimport ingd_ref as ir"
trim_doctest_flags = True
