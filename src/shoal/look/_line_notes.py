"""What is said beside lines, derived from them: the same words where they are drawn, live, and in words."""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.look._lines import Curves, Line
from shoal.wording import counted, listed

NAMES: Final = 4
"""Names in one sentence, at most."""


def curve_notes(curves: Curves, noun: str = "repeat") -> tuple[str, ...]:
    """Say what lines and bands are, what is not drawn, and which lines lie on each other."""
    if not curves.lines:
        return ()
    repeats = [line.repeats for line in curves.lines]
    widest = curves.lines[int(np.argmax(repeats))]
    some = str(max(repeats)) if min(repeats) == max(repeats) else f"{min(repeats)} to {max(repeats)}"
    notes = list(line_notes(widest, count=some, noun=noun))
    if curves.long:
        notes += (
            ["neighbouring epochs drawn as one"]
            if notes
            else ["line: median of neighbouring epochs", "band: their range"]
        )
    if curves.failed:
        notes.append(f"{counted(curves.failed, 'network')} diverged or failed (not drawn)")
    return (*notes, *(f"{listed(names, most=NAMES)} coincide" for names in curves.coinciding))


def line_notes(
    line: Line, middle: str = "line", spread: str = "band", count: str = "", noun: str = "repeat"
) -> tuple[str, ...]:
    """Say what a line and its band are; nothing for a single repeat, which has no band."""
    if line.repeats == 1:
        return ()
    band = "lowest to highest" if line.spread == "range" else "the middle half"
    return f"{middle}: median of {count or line.repeats} {noun}s", f"{spread}: {band}"
