"""The course of training: what scikit-learn's MLPs say of it after a fit, going on where training goes on.

Letters: T evaluated epochs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from shoal.estimators._training_tasks import TaskResult


@dataclass(frozen=True, eq=False)
class Course:
    """What an estimator was trained for so far: epochs, rows seen, and curves (T,) at the epochs `points`.

    `validation_losses` are those of rows held out: None where there never were any.
    """

    epochs: int = 0
    seen: int = 0
    points: tuple[int, ...] = ()
    losses: tuple[float, ...] = ()
    validation_losses: tuple[float, ...] | None = None

    @classmethod
    def of(cls, estimator: Any) -> Self:
        """Give that of a fitted estimator; of one that was loaded nothing is known."""
        if "loss_curve_" not in vars(estimator):
            return cls()
        losses = estimator.validation_loss_curve_
        return cls(
            epochs=estimator._epochs,
            seen=estimator.t_,
            points=tuple(estimator.curve_epochs_),
            losses=tuple(estimator.loss_curve_),
            validation_losses=None if losses is None else tuple(losses),
        )

    def then(self, trained: TaskResult, rows: int, *, early_stopping: bool) -> dict[str, Any]:
        """Give the attributes after one more fit, of so many rows an epoch; NaN where no rows were held out."""
        points = tuple(self.epochs + int(epoch) for epoch in trained.curves["epoch"])
        losses = (*self.losses, *trained.curves["train_loss"].tolist())
        new = trained.curves.get("inner_loss")  # any other curve of rows held out is a search's
        validation_losses = None
        if self.validation_losses is not None or new is not None:
            before = (
                (math.nan,) * len(self.points) if self.validation_losses is None else self.validation_losses
            )
            validation_losses = [*before, *(np.full(len(points), math.nan) if new is None else new).tolist()]
        return {
            "n_iter_": trained.epochs,
            "best_iter_": self.epochs + trained.kept_epoch,
            "t_": self.seen + rows * trained.epochs,
            "curve_epochs_": [*self.points, *points],
            "loss_curve_": list(losses),
            "validation_loss_curve_": validation_losses,
            "loss_": losses[-1] if losses else math.nan,
            "best_loss_": None if early_stopping else min(losses, default=math.nan),
            "_epochs": self.epochs + trained.epochs,
        }
