"""Study files that come with Shoal: the built-in studies, and what `shoal new` prints."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from shoal.activations import ACTIVATIONS
from shoal.kinds import OPTIMIZERS, SCHEDULES, SEARCHES, TABLE_FORMATS, TARGET_TRANSFORMS, TASKS, Task
from shoal.wording import listed

BUILTIN: Final = Path(__file__).parent


@cache
def builtin_studies() -> tuple[str, ...]:
    """Give the names of the built-in studies: every TOML file beside this one that is no template."""
    return tuple(sorted(path.stem for path in BUILTIN.glob("*.toml") if not path.stem.startswith("_")))


def template(task: Task) -> str:
    """Give a commented study file to start from; it runs unchanged, with no files beside it."""
    text = (BUILTIN / f"_{task}.toml").read_text(encoding="utf-8")
    for name, names in _choices().items():
        text = text.replace(f"{{{name}}}", names)
    return text


def _choices() -> dict[str, str]:
    """Write the choices that the templates' comments name, from the tables of kinds."""
    momentum = [name for name, kind in OPTIMIZERS.items() if kind.momentum]
    nesterov = [name for name, kind in OPTIMIZERS.items() if kind.nesterov]
    drawing = [name for name, kind in SEARCHES.items() if kind.drawn]
    return {
        "tables": listed([kind.title for kind in TABLE_FORMATS.values()], "or"),
        "tasks": listed(TASKS, "or"),
        "activations": listed(list(ACTIVATIONS), "or"),
        "optimizers": listed(list(OPTIMIZERS), "or"),
        "with_momentum": listed(momentum),
        "with_nesterov": listed(nesterov),
        "schedules": listed(list(SCHEDULES), "or"),
        "transforms": listed(list(TARGET_TRANSFORMS), "or"),
        "methods": listed(list(SEARCHES), "or"),
        "drawing": listed(drawing),
    }
