"""The section `training`: how networks learn, and what that makes them say of a target."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from shoal.distributions import MOST_LEVELS, Distribution, distribution_of
from shoal.kinds import LOSSES, OPTIMIZERS, row_of
from shoal.study._section import SECTION
from shoal.study._values import ClassWeight, Count, Levels, Loss, Metric, Optimizer, Schedule, Share, together
from shoal.wording import first_few


class _Part(BaseModel):
    model_config = SECTION


class Augment(_Part):
    """Changes drawn for every image of every epoch: moved by up to `shift` pixels (black comes in), mirrored or not."""

    shift: Annotated[int, Field(ge=0, le=1000)] = 0
    flip: bool = False


def weighs(class_weight: Any, classes: Sequence[str]) -> bool:
    """Whether weights of these classes let one count for more than another: equal ones do not.

    Without classes they are those of labels, which rows that have one count beside 1 for rows that have not.
    """
    if not isinstance(class_weight, dict):
        return bool(class_weight == "balanced")
    weights = {class_weight.get(name, 1.0) for name in classes} if classes else {1.0, *class_weight.values()}
    return len(weights) > 1


class Training(_Part):
    """How it learns. `weight_decay` means what it means in torch.optim; `loss` follows the task if unset.

    `monitor` is what the kept epoch and early stopping go by: the network's own loss, or a score.
    """

    loss: Loss | None = None
    huber_delta: Annotated[float, Field(gt=0)] = 1.0
    quantiles: Levels = (0.1, 0.5, 0.9)
    label_smoothing: Share = 0.0
    class_weight: ClassWeight = "none"
    optimizer: Optimizer = "adam"
    lr: Annotated[float, Field(gt=0)] = 1e-3
    momentum: Share = 0.0
    nesterov: bool = False
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Schedule = "constant"
    step_every: Count | None = None
    step_factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    batch_size: Count = 32
    epochs: Count = 100
    augment: Augment = Augment()
    validation: Share = 0.2
    early_stopping: Literal["none", "inner"] = "none"
    inner_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    patience: Count = 20
    keep: Literal["last", "best"] = "last"
    monitor: Metric = "loss"

    @model_validator(mode="after")
    def _belongs_together(self) -> Training:
        kind = row_of("optimizer", OPTIMIZERS, self.optimizer)
        if self.momentum and not kind.momentum:
            able = " or ".join(name for name, other in OPTIMIZERS.items() if other.momentum)
            sentence = f"`momentum` needs optimizer {able}, got {self.optimizer}"
            raise together(("momentum", "optimizer"), sentence)
        if self.nesterov and not (kind.nesterov and self.momentum):
            able = " or ".join(name for name, other in OPTIMIZERS.items() if other.nesterov)
            got = f"got {self.optimizer} with momentum {self.momentum:g}"
            sentence = f"`nesterov` needs optimizer {able} with momentum above 0, {got}"
            raise together(("nesterov", "momentum", "optimizer"), sentence)
        if self.keep == "best" and self.early_stopping == "none" and not self.validation:
            sentence = 'keep = "best" needs validation above 0 or early_stopping = "inner", got neither'
            raise together(("keep", "validation", "early_stopping"), sentence)
        if self.monitor != "loss" and self.keep == "last" and self.early_stopping == "none":
            sentence = '`monitor` needs keep = "best" or early_stopping = "inner", got neither'
            raise together(("monitor", "keep", "early_stopping"), sentence)
        levels = self.quantiles
        if not 0 < len(levels) <= MOST_LEVELS or any(low >= high for low, high in pairwise(levels)):
            what = f"expected 1 to {MOST_LEVELS} levels, ascending, each once"
            got = first_few([f"{level:g}" for level in levels], 5) if levels else "none"
            raise together(("quantiles",), f"{what}, got {got}")
        return self

    def option_of(self, loss: Loss) -> float | tuple[float, ...] | None:
        """Give the value of the key that belongs to a loss alone; None where it has no such key.

        Raises StudyError for a loss that is unknown.
        """
        key = row_of("loss", LOSSES, loss).option
        return None if key is None else getattr(self, key)

    def weighs_classes(self, classes: Sequence[str]) -> bool:
        """Whether these classes, or labels where there are none, are weighted so that one counts for more."""
        return weighs(self.class_weight, classes)

    def has_lone_row(self, rows: int) -> bool:
        """Whether some batch of an epoch over so many rows is a single row, which has no spread to normalise by."""
        return rows % self.batch_size == 1 or self.batch_size == 1

    @property
    def distribution(self) -> Distribution | None:
        """What networks say of a target that learn by the loss named; None where that is one number."""
        return None if self.loss is None else distribution_of(self.loss, self.option_of(self.loss))
