"""Searched settings in words: keys without their table, values as a person would write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shoal.wording import ordinal, rounded, visible

_LISTED: Final = re.compile(r"network\.(hidden|conv)\[(\d+)\](?:\.(.+))?")
_LAYERS: Final = {"hidden": "hidden layer", "conv": "convolution"}
_WORDS: Final = {"lr": "learning rate", "hidden": "hidden layers", "conv": "convolutions"}


def short_keys(keys: Sequence[str]) -> tuple[str, ...]:
    """Name keys in words: without their table where that stays unique (`dropout` for `network.dropout`).

    `training.batch_size` is the "batch size", `training.lr` the "learning rate", `network.hidden[0]` the "first hidden
    layer", `network.conv[1].channels` "channels of the second convolution".
    """
    ends = [key.rpartition(".")[2] for key in keys]
    return tuple(
        _of_layer(key) or (_WORDS.get(end, end.replace("_", " ")) if ends.count(end) == 1 else key)
        for key, end in zip(keys, ends, strict=True)
    )


def _of_layer(key: str) -> str:
    """Name what a key says of a layer; empty where it says something of all, or none."""
    match = _LISTED.fullmatch(key)
    if not match:
        return ""
    kind, place, what = match.groups()
    layer = f"{ordinal(int(place) + 1)} {_LAYERS[kind]}"
    return f"{what} of the {layer}" if what else layer


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
