"""Rows that cannot be trained on, in a module of its own that a worker process can import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn


@dataclass(frozen=True)
class Raising:
    """Every fit on these rows meets an error."""

    error: BaseException

    def train(self, *_: Any) -> NoReturn:
        """Raise it."""
        raise self.error
