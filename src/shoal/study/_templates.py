"""Study files that come with Shoal: the built-in studies, and what `shoal new` prints."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from shoal.kinds import TABLE_FORMATS, Task
from shoal.wording import listed

BUILTIN: Final = Path(__file__).parent


@cache
def builtin_studies() -> tuple[str, ...]:
    """Give the names of the built-in studies: every TOML file beside this one that is no template."""
    return tuple(sorted(path.stem for path in BUILTIN.glob("*.toml") if not path.stem.startswith("_")))


def template(task: Task) -> str:
    """Give a commented study file to start from; it runs unchanged, with no files beside it."""
    text = (BUILTIN / f"_{task}.toml").read_text(encoding="utf-8")
    return text.replace("{tables}", listed([kind.title for kind in TABLE_FORMATS.values()], "or"))
