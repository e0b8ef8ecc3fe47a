"""Names of strangers on a page: what cannot be seen is shown, what is not ours to run cannot run."""

from __future__ import annotations

import json
import math
import unicodedata
from typing import Any, Final
from urllib.parse import quote

from shoal.wording import shorten, visible

_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_ISOLATE: Final = "\u2068"
_END: Final = "\u2069"
SPACES: Final = "\u00a0\u202f"
LONGEST: Final = 1000
"""Letters of a text that are shown; names of columns may be as long as a book."""


def seen(text: object) -> str:
    """Write a text on one line: control and direction characters as escapes, the rest as it is.

    A text with letters that run from right to left is isolated (Unicode Standard Annex 9, FSI and PDI), so that
    what stands beside it stays in order.
    """
    return isolated(visible(shorten(str(text), LONGEST), keep=SPACES))


def isolated(line: str) -> str:
    """Isolate a text with letters that run from right to left; any other stays as it is."""
    foreign = any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in line)
    return f"{_ISOLATE}{line}{_END}" if foreign else line


def label(text: object) -> str:
    """Write a text for plotly, which reads a few tags and entities in its texts."""
    return seen(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def csv_link(text: str) -> str:
    """Give CSV as an address that holds it whole, so that a click saves it without any network."""
    return "data:text/csv;charset=utf-8," + quote(text, safe=",.'()[] /", errors="replace").replace(
        " ", "%20"
    )


def data_json(value: Any) -> str:
    """Give JSON to stand in a script element: nothing in it ends the element, NaN is null."""
    text = json.dumps(_finite(value), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
