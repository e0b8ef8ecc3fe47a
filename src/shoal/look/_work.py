"""A work that a run or a figure of it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Work:
    """What was used, and the work that describes it."""

    used: str
    cited: str


ZEILER_FERGUS: Final = Work(
    "feature maps and exciting images",
    "Zeiler, Fergus (2014): Visualizing and understanding convolutional networks. ECCV, 818–833.",
)
