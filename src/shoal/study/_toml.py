"""A study as TOML, complete and normalised: every key, in the order of the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
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
    return "\n".join(
        block for name, part in study if part is not None for block in _blocks(name, part, lambda part: part)
    )


def asked_toml(study: Study) -> str:
    """Write a study as the text of a study file that leaves out what has its default, as a person would."""
    return "\n".join(block for name, part in _asked(study) for block in _blocks(name, part, _asked))


_Pairs = Iterable[tuple[str, Any]]


def _asked(part: BaseModel) -> _Pairs:
    """Give the values of a section that are not its defaults."""
    fields = type(part).model_fields
    return (
        (key, value) for key, value in part if value != fields[key].get_default(call_default_factory=True)
    )


def _blocks(name: str, part: Any, pairs_of: Callable[[BaseModel], _Pairs]) -> list[str]:
    """Write one section, or each of several; the space is a table of its own, since its keys are key paths."""
    if isinstance(part, tuple):
        return [_table(f"[[{name}]]", pairs_of(entry)) for entry in part]
    if not isinstance(part, Search):
        return [_table(f"[{name}]", pairs_of(part))]
    return [
        _table(f"[{name}]", (pair for pair in pairs_of(part) if pair[0] != "space")),
        _table(f"[{name}.space]", part.space.items()),
    ]


def _table(header: str, pairs: _Pairs) -> str:
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
