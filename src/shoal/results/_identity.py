"""What a run folder belongs to: results of anything else are refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Identity:
    """A study by its name, what is learned, and the training rows by content."""

    name: str
    task: str
    train_fingerprint: str

    @classmethod
    def stored(cls, fact: dict[str, Any]) -> Identity:
        """Read what a store keeps of it."""
        return cls(*(str(fact.get(field.name)) for field in fields(cls)))

    def apart_from(self, other: Identity) -> Iterator[str]:
        """Say in clauses what is not that of the other."""
        if self.name != other.name:
            yield f"its name is {self.name!r}, not {other.name!r}"
        if self.task != other.task:
            yield f"its task is {self.task!r}, not {other.task!r}"
        if self.train_fingerprint != other.train_fingerprint:
            yield "its training data are others"
