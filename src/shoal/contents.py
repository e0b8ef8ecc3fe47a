"""What a folder of the house gives to others: names, each of which is looked up in its file when it is first used.

So whoever asks for one name loads one file and what that needs, and a command no more than it does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def contents(folder: str) -> tuple[Callable[[str], Any], list[str]]:
    """Give `__getattr__` and `__all__` of a package, by the imports that stand in its source for type checkers.

    They are read and not obeyed: `from shoal.study._study import Study as Study`, one name a line, indented.
    """
    package: Any = sys.modules[folder]
    source = package.__loader__.get_data(package.__file__).decode()
    lines = (line.split() for line in source.splitlines() if line.startswith("    from shoal."))
    homes = {name: home for _, home, _, name, *_ in lines}

    def look_up(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {folder!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        setattr(sys.modules[folder], name, value)  # from now on it is there
        return value

    return look_up, sorted(homes)
