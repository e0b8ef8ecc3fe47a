"""Which files of a run folder to look at once a command has made them."""

from __future__ import annotations

import os
from pathlib import Path

from shoal.files import kind_of
from shoal.wording import counted


def look_at(folder: Path) -> str:
    """Name the files to look at, the most telling first."""
    report = folder / "report.html"
    figures = folder / "figures"
    pictures = [] if os.path.islink(figures) else sorted(figures.glob("*.png"))  # a link's are not ours
    lines = [f"  {report}"] if kind_of(report) == "a file" else []
    if pictures:
        first = ", ".join(path.name for path in pictures[:3])
        lines.append(f"  {figures}{os.sep}  {counted(len(pictures), 'picture')}; begin with {first}")
    files = (folder / "model.safetensors", folder / "results.sqlite")
    return "\nlook at\n" + "\n".join([*lines, *(f"  {path}" for path in files if kind_of(path) == "a file")])
