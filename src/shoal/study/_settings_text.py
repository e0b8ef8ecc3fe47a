"""Searched settings in words: keys without their table, values as a person would write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shoal.wording import rounded, visible


def short_keys(keys: Sequence[str]) -> tuple[str, ...]:
    """Key paths without their table (`hidden[0]` for `network.hidden[0]`) where that stays unique."""
    ends = [key.rpartition(".")[2] for key in keys]
    return tuple(end if ends.count(end) == 1 else key for key, end in zip(keys, ends, strict=True))


def text_of(value: Any) -> str:
    """Write a setting as a person would."""
    if isinstance(value, list | tuple):
        return "-".join(text_of(part) for part in value) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{visible(str(key))} {text_of(part)}" for key, part in value.items()) or "none"
    if isinstance(value, float):
        return rounded(value, 4)
    return "none" if value is None else str(value)


def settings_text(values: Mapping[str, Any]) -> str:
    """Name a candidate by its settings, for a sentence; one without any is the study's own network."""
    named = zip(short_keys(list(values)), values.values(), strict=True)
    return ", ".join(f"{name} {text_of(value)}" for name, value in named) or "the study’s own network"
