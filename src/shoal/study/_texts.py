"""Values and keys as a line of text: never long, never with a control character."""

from __future__ import annotations

import math
from typing import Any


def shorten(text: str, longest: int = 200) -> str:
    """Cut a text that no longer fits into a line."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def quoted(text: str) -> str:
    """Write a text as a basic TOML string on one line; what cannot be seen is escaped."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def visible(text: str) -> str:
    """Write a text as it is, but for what cannot be seen."""
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def show(value: Any) -> str:
    """Write what came, for the end of a sentence."""
    if isinstance(value, list | tuple):
        return _show_list(value)
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() if abs(value) >= 10**20:
            return f"a whole number of {math.ceil(value.bit_length() * math.log10(2))} digits"
        case int() | float():
            return repr(value)
        case str():
            return shorten(repr(value[:200]), 60)
        case dict():
            return "a table"
    return f"{type(value).__name__} {shorten(visible(str(value)), 60)}"


def _show_list(values: list[Any] | tuple[Any, ...]) -> str:
    if not values:
        return "an empty list"
    if len(values) > 4 or any(isinstance(value, list | tuple | dict) for value in values):
        return f"a list of {len(values)}"
    return shorten(f"[{', '.join(show(value) for value in values)}]", 60)


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
