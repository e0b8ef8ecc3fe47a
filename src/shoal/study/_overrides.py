"""Overrides: `KEY=VALUE` laid over the tree of a study file."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from shoal.errors import Problem, StudyError
from shoal.study._key_paths import KeyPath, assign, parse_key_path, value_at
from shoal.study._sentences import default_at
from shoal.study._texts import show, visible

_PAIR = re.compile(r"""((?:[^"'=]|"[^"]*"|'[^']*')*)=(.*)""", re.DOTALL)


def override(tree: dict[str, Any], text: str) -> KeyPath:
    """Put the value of one `KEY=VALUE` into the tree, and give its key path. Raises StudyError."""
    pair = _PAIR.fullmatch(text)
    if pair is None:
        raise StudyError(Problem("--set", f"expected KEY=VALUE, got {show(text)}"))
    key, value = pair.group(1).strip(), pair.group(2).strip()
    try:
        path = parse_key_path(key)
        for depth in range(1, len(path)):
            # An element of a list that the file leaves at its default.
            if isinstance(path[depth], int) and value_at(tree, path[:depth]) is None:
                assign(tree, path[:depth], list(default_at(path[:depth]) or ()))
        assign(tree, path, _toml_value(value))
    except StudyError as error:
        raise StudyError(Problem(f"--set {visible(key)}", error.problems[0].what)) from None
    return path


def _toml_value(text: str) -> Any:
    """Read a TOML value; a bare word that is none is text."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except ValueError:
        if text.startswith(("[", "{", '"', "'")):
            raise StudyError(f"expected a TOML value, got {show(text)}") from None
        return text
    return parsed["value"] if len(parsed) == 1 else text
