"""Fits that are trained beside each other, as forecasts see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shoal.engine._fit import grouped
from shoal.engine._planned import StudyFit
from shoal.engine._trainer import Trainer
from shoal.engine.workers.kinds import trained_apart


@dataclass(frozen=True)
class FitGroup:
    """Fits of one trainer, of networks that take the same; some of them run at a time."""

    fits: Sequence[StudyFit]
    workers: int
    trainer: Trainer

    @property
    def running(self) -> int:
        """How many are trained at a time."""
        return min(self.workers, len(self.fits))

    @property
    def apart(self) -> bool:
        """Whether each is trained in a process of its own."""
        return trained_apart(self.trainer, self.fits[0].job.architecture, self.running)


def groups_of(fits: Sequence[StudyFit], workers: int, trainers: Mapping[str, Trainer]) -> list[FitGroup]:
    """Lay fits out as they are trained."""
    return [FitGroup(group, workers, trainers[group[0].trainer]) for group in grouped(fits)]
