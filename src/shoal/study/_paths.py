"""Which keys of a study are paths, and what stands in place of one where rows were in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from shoal.kinds import table_endings

IN_MEMORY: Final = "<rows in memory>"
"""In place of a path in `data`: the rows are handed over in Python, beside the study."""


def keys_in_memory(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the keys of `data` whose rows were in memory."""
    return tuple(key for key in ("train", "test") if data.get(key) == IN_MEMORY)


def path_keys(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the keys of `data` that are paths: `groups` is one where it names a table of pictures, no column of rows."""
    train, groups = str(data.get("train")).lower(), str(data.get("groups")).lower()
    grouped = groups.endswith(table_endings()) and not train.endswith((*table_endings(), IN_MEMORY))
    keys = ("train", "test", "groups") if grouped else ("train", "test")
    return tuple(key for key in keys if key not in keys_in_memory(data))
