"""What a folder of the house gives to others: names, each of which is looked up in its file when it is first used.

So whoever asks for one name loads one file and what that needs, and a command no more than it does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def contents(folder: str, files: Mapping[str, str]) -> tuple[Callable[[str], Any], list[str]]:
    """Give `__getattr__` and `__all__` of a package; `files` says which names, with spaces between, each file gives.

    A file within the package is called as there, `_study`; any other by its whole name, `shoal.study`.
    """
    homes = {
        name: file if file.startswith("shoal.") else f"{folder}.{file}"
        for file, names in files.items()
        for name in names.split()
    }

    def look_up(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {folder!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[folder], name, value)  # from now on it is there
        return value

    return look_up, sorted(homes)
