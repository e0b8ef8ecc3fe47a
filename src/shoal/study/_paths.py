"""Which keys of a study are paths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shoal.kinds import table_endings


def path_keys(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the keys of `data` that are paths: `groups` is one where it names a table of pictures, no column of rows."""
    train, groups = str(data.get("train")).lower(), str(data.get("groups")).lower()
    grouped = groups.endswith(table_endings()) and not train.endswith(table_endings())
    return ("train", "test", "groups") if grouped else ("train", "test")
