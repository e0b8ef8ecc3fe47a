"""How Sphinx makes the site out of what `build.py` lays out."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Final

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature

import shoal

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PAGES: Final = ROOT / "build" / "docs" / "pages"
SAID: Final[dict[str, list[str]]] = {}
"""What attributes say, before napoleon has read it."""

project = "Shoal"
release = shoal.__version__
author = "The Shoal founders"
root_doc = "index"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 6
myst_enable_extensions = ["attrs_inline"]  # of pictures in two schemes
# What MyST alone reads otherwise than a code host: a line that begins with % is text.
myst_disable_syntax = ["myst_line_comment", "myst_block_break", "myst_target", "myst_role"]
smartquotes = False
default_role = "code"  # of what stands between backticks in docstrings

autodoc_default_options = {"members": True, "member-order": "bysource", "exclude-members": "model_config"}
autodoc_typehints_format = "short"
autodoc_type_aliases = {"StudyOrRows": "StudyOrRows"}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 60
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_custom_sections = [("Attributes", "params_style")]

html_theme = "furo"
html_title = f"Shoal {release}"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_show_search_summary = False  # it asks a server for every page, and files have none
templates_path: list[str] = []


def titles() -> dict[str, str]:
    """Give the document of every page of `docs/` by the title that docstrings call it by."""
    found = {}
    for path in (PAGES / "docs").glob("*.md"):
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        found[title] = f"/docs/{path.stem}"
    return found


def before_sections(
    _app: Sphinx, what: str, name: str, value: object, _options: object, lines: list[str]
) -> None:
    """Show of a class what its private ancestor of the same name says, and of an attribute all that it says."""
    if what in ("attribute", "property"):  # there napoleon takes what stands before a colon for a type
        SAID[name] = list(lines)
    if isinstance(value, type) and value.__mro__[1].__name__ == value.__name__:
        lines += inspect.cleandoc(value.__mro__[1].__doc__ or "").split("\n")


def after_sections(
    _app: Sphinx, _what: str, name: str, _value: object, _options: object, lines: list[str]
) -> None:
    """Make links of the pages that a docstring names: `the page "The study file"`; types may have names with _."""
    lines[:] = SAID.pop(name, lines)
    known = titles()
    text = re.sub(
        r'page\s"([^"]+)"',
        lambda match: f"page :doc:`{match[1]} <{known[' '.join(match[1].split())]}>`",
        "\n".join(lines),
    )
    lines[:] = [
        re.sub(r"(\w)_(?!\w)", r"\1\\_", line) if re.match(r"(:\w+:|  +\*) .*\*\*", line) else line
        for line in text.split("\n")
    ]


def signature(
    _app: Sphinx, what: str, _name: str, value: object, _options: object, text: str | None, back: str | None
) -> tuple[str | None, str | None]:
    """Give the parameters of a class as Python knows them, and none of what Shoal alone makes."""
    if what not in ("class", "exception"):
        return text, back
    made = dataclasses.is_dataclass(value) or hasattr(value, "model_fields") or what == "exception"
    return "" if made else stringify_signature(inspect.signature(value), show_annotation=False), None


def skip_foreign(
    _app: Sphinx, _what: str, _name: str, value: object, skip: bool, _options: object
) -> bool | None:
    """Leave out methods that another library adds to a class of ours."""
    if inspect.isfunction(value) and not (getattr(value, "__module__", None) or "shoal").startswith("shoal"):
        return True
    return skip or None


def setup(app: Sphinx) -> None:
    """Tell Sphinx what it does not know by itself."""
    app.add_lexer("csv", TextLexer)
    app.connect("autodoc-process-docstring", before_sections, priority=400)
    app.connect("autodoc-process-docstring", after_sections, priority=600)
    app.connect("autodoc-process-signature", signature)
    app.connect("autodoc-skip-member", skip_foreign)
