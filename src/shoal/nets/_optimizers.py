"""The optimisers, as torch.optim defines them: one row each. Letters: P parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shoal.kinds import row_of
from shoal.study import Training

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """What an optimiser keeps between two steps: steps done, and the two vectors of a fit's state."""

    step: Tensor
    first_P: Tensor
    second_P: Tensor


@dataclass(frozen=True)
class Optimizer:
    """One optimiser: how torch builds it over one flat parameter, and how its state is named there.

    `calls` is what a step takes beyond that of the plainest one, in the unit of `machine_pace`.
    """

    make: Callable[[Tensor, Training], torch.optim.Optimizer]
    state: Callable[[Training, Moments], dict[str, Any]]
    calls: int = 0
    source: str = ""


def _sgd(flat_P: Tensor, training: Training) -> torch.optim.Optimizer:
    import torch

    return torch.optim.SGD(
        [flat_P],
        lr=training.lr,
        weight_decay=training.weight_decay,
        momentum=training.momentum,
        nesterov=training.nesterov,
    )


def _adam(flat_P: Tensor, training: Training) -> torch.optim.Optimizer:
    import torch

    return torch.optim.Adam([flat_P], lr=training.lr, weight_decay=training.weight_decay, fused=True)


def _adamw(flat_P: Tensor, training: Training) -> torch.optim.Optimizer:
    import torch

    return torch.optim.AdamW([flat_P], lr=training.lr, weight_decay=training.weight_decay, fused=True)


def _rmsprop(flat_P: Tensor, training: Training) -> torch.optim.Optimizer:
    import torch

    return torch.optim.RMSprop(
        [flat_P], lr=training.lr, weight_decay=training.weight_decay, momentum=training.momentum
    )


def _speed(training: Training, moments: Moments) -> dict[str, Any]:
    return {"momentum_buffer": moments.first_P} if training.momentum else {}


def _means(_training: Training, moments: Moments) -> dict[str, Any]:
    step = moments.step.to(moments.first_P.device)
    return {"step": step, "exp_avg": moments.first_P, "exp_avg_sq": moments.second_P}


def _mean_square(_training: Training, moments: Moments) -> dict[str, Any]:
    return {"step": moments.step, "square_avg": moments.second_P, "momentum_buffer": moments.first_P}


OPTIMIZERS: Final[dict[str, Optimizer]] = {
    "sgd": Optimizer(
        _sgd,
        _speed,
        source="Robbins, Monro (1951): A stochastic approximation method. Annals of Mathematical Statistics 22,"
        " 400–407.",
    ),
    "adam": Optimizer(
        _adam,
        _means,
        calls=4,
        source="Kingma, Ba (2015): Adam: a method for stochastic optimization. ICLR.",
    ),
    "adamw": Optimizer(
        _adamw,
        _means,
        calls=4,
        source="Loshchilov, Hutter (2019): Decoupled weight decay regularization. ICLR.",
    ),
    "rmsprop": Optimizer(
        _rmsprop,
        _mean_square,
        source="Tieleman, Hinton (2012): Lecture 6.5, RMSProp. Coursera: Neural networks for machine learning.",
    ),
}


def optimizer_of(name: str) -> Optimizer:
    """Give an optimiser by name. Raises StudyError for one that is unknown."""
    return row_of("optimizer", OPTIMIZERS, name)
