"""A study as TOML, complete and normalised: every key, in the order of the model."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from shoal.errors import StudyError
from shoal.study._key_paths import key_text, toml_string
from shoal.study._study import Search, Study
from shoal.wording import value_text


def to_toml(study: Study) -> str:
    """Write a study as the text of a study file; reading it gives an equal study.

    Keys without a value (None) are left out. Raises StudyError for a value that TOML cannot hold.
    """
    blocks = [
        block
        for name in Study.model_fields
        if (part := getattr(study, name)) is not None
        for block in (
            [_table(f"[[{name}]]", entry) for entry in part]
            if isinstance(part, tuple)
            else _tables(name, part)
        )
    ]
    return "\n".join(blocks)


def _tables(name: str, part: BaseModel) -> list[str]:
    """Write one section; the space is a table of its own, since its keys are key paths."""
    if not isinstance(part, Search):
        return [_table(f"[{name}]", part)]
    return [
        _table(f"[{name}]", (pair for pair in part if pair[0] != "space")),
        _table(f"[{name}.space]", part.space.items()),
    ]


def _table(header: str, pairs: Iterable[tuple[str, Any]]) -> str:
    lines = [f"{key_text(key)} = {toml_value(value)}" for key, value in pairs if value is not None]
    return "\n".join([header, *lines]) + "\n"


def toml_value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return repr(value)
        case str():
            return toml_string(value)
        case list() | tuple() if value and isinstance(value[0], dict | BaseModel):
            return "[\n" + "".join(f"  {toml_value(item)},\n" for item in value) + "]"
        case list() | tuple():
            return f"[{', '.join(toml_value(item) for item in value)}]"
        case dict() | BaseModel():
            items = value.items() if isinstance(value, dict) else value
            pairs = [f"{key_text(key)} = {toml_value(item)}" for key, item in items if item is not None]
            return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    raise StudyError(f"expected a value that TOML can hold, got {value_text(value)}")
