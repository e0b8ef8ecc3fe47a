"""The optimisers, as torch.optim defines them: one row each. Letters: P parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from shoal.kinds import row_of
from shoal.study import Training

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Moments:
    """What an optimiser keeps between two steps: steps done, and the two vectors of a fit's state."""

    step: Tensor
    first_P: Tensor
    second_P: Tensor


@dataclass(frozen=True)
class Descent:
    """What an optimiser works on; each step changes all of it in place but the gradient."""

    flat_P: Tensor
    grad_P: Tensor
    moments: Moments


class Step(Protocol):
    """One step down the gradient that is there by then."""

    def __call__(self, *, lr: float) -> None:
        """Make it at this learning rate."""


@dataclass(frozen=True)
class Optimizer:
    """One optimiser: how a step over one flat parameter is made of torch's own function.

    Torch's classes call the same functions, but import its compiler with the first object, which takes as long as
    all the rest of torch. `calls` is what a step takes beyond that of the plainest one, in the unit of `machine_pace`.
    """

    make: Callable[[Descent, Training], Step]
    calls: int = 0
    source: str = ""


def _sgd(descent: Descent, training: Training) -> Step:
    from torch.optim.sgd import sgd

    return partial(
        sgd,
        [descent.flat_P],
        [descent.grad_P],
        [descent.moments.first_P if training.momentum else None],
        weight_decay=training.weight_decay,
        momentum=training.momentum,
        nesterov=training.nesterov,
        dampening=0.0,
        maximize=False,
    )


def _adam(descent: Descent, training: Training) -> Step:
    from torch.optim.adam import adam

    return _adaptive(adam, descent, training)


def _adamw(descent: Descent, training: Training) -> Step:
    from torch.optim.adamw import adamw

    return _adaptive(adamw, descent, training)


def _adaptive(function: Callable[..., None], descent: Descent, training: Training) -> Step:
    moments = descent.moments
    return partial(
        function,
        [descent.flat_P],
        [descent.grad_P],
        [moments.first_P],
        [moments.second_P],
        [],
        [moments.step.to(descent.flat_P.device)],
        fused=True,
        weight_decay=training.weight_decay,
        beta1=0.9,
        beta2=0.999,
        eps=1e-8,
        amsgrad=False,
        maximize=False,
    )


def _rmsprop(descent: Descent, training: Training) -> Step:
    from torch.optim.rmsprop import rmsprop

    moments = descent.moments
    return partial(
        rmsprop,
        [descent.flat_P],
        [descent.grad_P],
        [moments.second_P],
        [],
        [moments.first_P],
        [moments.step],
        weight_decay=training.weight_decay,
        momentum=training.momentum,
        alpha=0.99,
        eps=1e-8,
        centered=False,
    )


OPTIMIZERS: Final[dict[str, Optimizer]] = {
    "sgd": Optimizer(
        _sgd,
        source="Robbins, Monro (1951): A stochastic approximation method. Annals of Mathematical Statistics 22,"
        " 400–407.",
    ),
    "adam": Optimizer(
        _adam,
        calls=4,
        source="Kingma, Ba (2015): Adam: a method for stochastic optimization. ICLR.",
    ),
    "adamw": Optimizer(
        _adamw,
        calls=4,
        source="Loshchilov, Hutter (2019): Decoupled weight decay regularization. ICLR.",
    ),
    "rmsprop": Optimizer(
        _rmsprop,
        source="Tieleman, Hinton (2012): Lecture 6.5, RMSProp. Coursera: Neural networks for machine learning.",
    ),
}


def optimizer_of(name: str) -> Optimizer:
    """Give an optimiser by name. Raises StudyError for one that is unknown."""
    return row_of("optimizer", OPTIMIZERS, name)
