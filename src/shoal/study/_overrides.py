"""Overrides: `KEY=VALUE` laid over the tree of a study file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from typing import Any, Final

from shoal.errors import Problem, StudyError
from shoal.study._key_paths import KeyPath, assign, key_path_text, parse_key_path, toml_string, value_at
from shoal.study._sentences import default_at, is_known
from shoal.wording import value_text, visible

_PAIR = re.compile(r"""((?:[^"'=]|"[^"]*"|'[^']*')*)=(.*)""", re.DOTALL)
_WORD: Final = re.compile(
    r"""(?> "(?:\\.|[^"\\])*" | '[^']*' | [^\s,\[\]{}="'] (?:\s*[^\s,\[\]{}="']+)* ) (?!\s*=)""", re.VERBOSE
)
"""Text in quotes, or a value without; no name of a table's key."""
_LONGEST: Final = 200


def override(tree: dict[str, Any], text: str) -> KeyPath:
    """Put the value of one `KEY=VALUE` into the tree, and give its key path. Raises StudyError."""
    pair = _PAIR.fullmatch(text)
    if pair is None:
        raise StudyError(Problem("--set", f"expected KEY=VALUE, got {value_text(text)}"))
    key, value = pair.group(1).strip(), pair.group(2).strip()
    try:
        path = parse_key_path(key)
        _refuse_bare(path, value)
        for depth in range(1, len(path)):
            # An element of a list that the file leaves at its default.
            if isinstance(path[depth], int) and value_at(tree, path[:depth]) is None:
                assign(tree, path[:depth], list(default_at(path[:depth]) or ()))
        assign(tree, path, _toml_value(key, value))
    except StudyError as error:
        raise StudyError(Problem(f"--set {visible(key)}", error.problems[0].what)) from None
    return path


def as_keywords(texts: Iterable[str]) -> dict[str, Any]:
    """Give overrides as the keywords of a call. Raises StudyError with every mistake."""
    tree: dict[str, Any] = {}
    problems: list[Problem] = []
    for text in texts:
        try:
            override(tree, text)
        except StudyError as error:
            problems += error.problems
    if problems:
        raise StudyError(problems)
    return tree


def _refuse_bare(path: KeyPath, value: str) -> None:
    """Say how a key of the search space is written, whose dots are its own; a shell takes the quotes away."""
    if path[:2] != ("search", "space") or len(path) < 4 or "." in str(path[2]):
        return
    known = next((end for end in range(len(path), 3, -1) if is_known(path[2:end])), 0)
    if known:
        whole = ("search", "space", key_path_text(path[2:known]), *path[known:])
        what = f"expected {toml_string(str(whole[2]))} with its quotes, got none"
        raise StudyError(what + _for_a_shell(key_path_text(whole), _with_quotes(value)))


def _for_a_shell(key: str, value: str) -> str:
    """Show how an override is written for a shell, which takes one pair of quotes away."""
    pair = f"{key}={value}"
    return "" if "'" in pair or len(pair) > _LONGEST else f"; as a shell takes it: --set '{visible(pair)}'"


def _with_quotes(text: str) -> str:
    """Put quotes around what can only be text inside a list or a table."""

    def written(word: re.Match[str]) -> str:
        return word[0] if _is_toml(word[0]) else toml_string(word[0])

    return text if len(text) > _LONGEST else _WORD.sub(written, text)


def _is_toml(text: str) -> bool:
    try:
        return len(tomllib.loads(f"value = {text}")) == 1
    except ValueError:
        return False


def _toml_value(key: str, text: str) -> Any:
    """Read a TOML value; a bare word that is none is text."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except ValueError:
        if text.startswith(("[", "{", '"', "'")):
            what = f"expected a TOML value, got {value_text(text)}"
            if _is_toml(meant := _with_quotes(text)):
                what += f"; text inside it is quoted{_for_a_shell(key, meant)}"
            raise StudyError(what) from None
        return text
    return parsed["value"] if len(parsed) == 1 else text
