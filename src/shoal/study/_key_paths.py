"""Key paths name the values of a study: `network.hidden[0]`, `search.space."training.lr"[2]`."""

from __future__ import annotations

import re
from typing import Any

from shoal.errors import StudyError
from shoal.wording import long_escape, shorten, value_text

KeyPath = tuple[str | int, ...]

_LONGEST = 200

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SEGMENT = re.compile(
    r"""(?P<dot>\.?) \s* (?: (?P<bare>[A-Za-z0-9_-]+) | "(?P<double>[^"\n]*)" | '(?P<single>[^'\n]*)' ) \s*
        (?P<indices>(?:\[\d{1,9}\]\s*)*)""",
    re.VERBOSE,
)


def parse_key_path(text: str) -> KeyPath:
    """Read a key path. Raises StudyError for anything that is none."""
    path: list[str | int] = []
    at = 0
    while at < len(text) or not path:
        match = _SEGMENT.match(text, at)
        if match is None or bool(match["dot"]) != bool(path):
            raise StudyError(f"expected a key path such as network.hidden[0], got {value_text(text)}")
        path.append(next(name for name in match.group("bare", "double", "single") if name is not None))
        path.extend(int(index) for index in re.findall(r"\d+", match["indices"]))
        at = match.end()
    return tuple(path)


def key_path_text(path: KeyPath) -> str:
    """Write a key path, quoting what is no bare key; very long ones are cut."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{key_text(part)}" for part in path)
    return shorten("".join(parts).removeprefix("."), _LONGEST)


def key_text(key: str) -> str:
    """Write one key, bare or quoted."""
    return key if _BARE.fullmatch(key) else toml_string(key)


def toml_string(text: str) -> str:
    """Write a text as a basic TOML string on one line; what cannot be seen is escaped."""
    return '"' + "".join(map(_in_a_string, text)) + '"'


def _in_a_string(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    if letter == "\t":
        return r"\t"
    return letter if letter.isprintable() else long_escape(letter)


def overlap(first: KeyPath, second: KeyPath) -> bool:
    """Whether one of two key paths lies inside the other, or both are the same."""
    shorter = min(len(first), len(second))
    return first[:shorter] == second[:shorter]


def assign(tree: Any, path: KeyPath, value: Any) -> None:
    """Put a value into a tree of dicts and lists, in place; tables on the way are made.

    Raises StudyError where the path goes through something that is no table, or to no element of a list.
    """
    for depth, part in enumerate(path):
        if isinstance(part, str) and not isinstance(tree, dict):
            raise StudyError(f"expected a table at {key_path_text(path[:depth])}, got {value_text(tree)}")
        if isinstance(part, int) and not isinstance(tree, list):
            raise StudyError(f"expected a list at {key_path_text(path[:depth])}, got {value_text(tree)}")
        if isinstance(part, int) and part >= len(tree):
            length = f"{len(tree)}, the length of {key_path_text(path[:depth])}"
            raise StudyError(f"expected an index below {length}, got {part}")
        if depth == len(path) - 1:
            tree[part] = value
        elif isinstance(part, str) and tree.get(part) is None:
            tree[part] = {}
        tree = tree[part]


def value_at(tree: Any, path: KeyPath) -> Any:
    """Give the value at a key path of a tree of dicts and lists; None where there is none."""
    for part in path:
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list | tuple) and isinstance(part, int) and part < len(tree):
            tree = tree[part]
        else:
            return None
    return tree
