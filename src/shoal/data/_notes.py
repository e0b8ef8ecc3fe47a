"""What a reader did or left out, collected so that each thing is said once, with how many and which."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from shoal.wording import few_quoted, visible

NAMED: Final = 3
"""Names that one sentence gives."""


@dataclass(eq=False)
class Notes:
    """Sentences about data, in the order in which they came up."""

    sentences: list[str] = field(default_factory=list)
    named: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)

    def say(self, place: str, sentence: str) -> None:
        """Note one sentence about the file or folder `place`."""
        self.sentences.append(f"{_own_name(place)}: {sentence}")

    def add(self, place: str, what: str, name: str) -> None:
        """Note that `what` holds for one more file `name` of the file or folder `place`."""
        self.named.setdefault((_own_name(place), what), {})[name] = None

    def all(self) -> tuple[str, ...]:
        """Give every sentence: what, how many, and the names of the first few."""
        counted = (
            f"{place}: {what}: {len(names):,} ({few_quoted(names, NAMED)})"
            for (place, what), names in self.named.items()
        )
        return (*self.sentences, *counted)


def _own_name(place: str) -> str:
    """Give the last name of a path: notes stand in reports, which are handed on, and folders may name persons."""
    return visible(Path(place).name or place)


def others_are(count: int, what: str) -> str:
    """End a sentence about odd ones with how many others are as they should be."""
    return f"; {count:,} {'others are' if count > 1 else 'other is'} {what}" if count else ""
