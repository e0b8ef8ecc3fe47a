"""Fits that are trained beside each other, as forecasts see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shoal.engine._fit import grouped
from shoal.engine._fits import StudyFit


@dataclass(frozen=True)
class FitGroup:
    """Fits of one trainer, all convolutional or none; some of them run at a time."""

    fits: Sequence[StudyFit]
    workers: int

    @property
    def running(self) -> int:
        """How many are trained at a time."""
        return min(self.workers, len(self.fits))

    @property
    def torch(self) -> bool:
        """Whether torch trains them."""
        return self.fits[0].trainer == "torch"

    @property
    def apart(self) -> bool:
        """Whether each is trained in a process of its own."""
        return self.torch and self.running > 1 and not self.fits[0].job.architecture.convolutional


def groups_of(fits: Sequence[StudyFit], workers: int) -> list[FitGroup]:
    """Lay fits out as they are trained."""
    return [FitGroup(group, workers) for group in grouped(fits)]
