"""Shards: a study's fits dealt out, so that each part is trained without talking to the others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_TEXT: Final = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)


@dataclass(frozen=True, order=True)
class Shard:
    """One of `count` parts, which are numbered from 1."""

    number: int
    count: int

    def __post_init__(self) -> None:
        """Refuse numbers that are none of a part, with ValueError."""
        if not 1 <= self.number <= self.count:
            raise ValueError(f"expected a number from 1 to {self.count}, got {self.number}")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    @property
    def folder_suffix(self) -> str:
        """What stands behind a study's name in the name of a shard's own folder."""
        return f"-shard-{self.number}-of-{self.count}"

    def dealt(self, fits: Iterable[tuple[str, str]]) -> frozenset[str]:
        """Give this shard's share of fits, each a candidate's id and its own.

        Sorted by both, they are dealt out in turns. So it hangs on the plan alone, and no shard gets all fits of a
        costly candidate.
        """
        candidate_of: dict[str, str] = {}
        for candidate_id, fit_id in fits:
            candidate_of[fit_id] = min(candidate_id, candidate_of.get(fit_id, candidate_id))
        ordered = sorted(candidate_of, key=lambda fit_id: (candidate_of[fit_id], fit_id))
        return frozenset(ordered[self.number - 1 :: self.count])


def shard_of(text: str) -> Shard:
    """Read `3/16`. Raises ValueError, with a sentence, for anything else."""
    match = _TEXT.fullmatch(text)
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        what = "expected a number and how many there are, such as 3/16, the first from 1 to the second"
        raise ValueError(f"{what}, got {text!r}")
    return Shard(number, count)
