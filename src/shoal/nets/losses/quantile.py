"""The pinball loss of several quantiles of each target at once: the mean over rows, targets and levels.

A quantile that is too low by an error costs its level times that, else 1 less its level. Outputs of a target stand side
by side, one for each level; each learns its own level, and what crosses is sorted where answers are made of outputs
(see `distributions.Quantiles`). So the gradient of an output depends on no other, and the loss of sorted outputs is
never higher: levels ascend, and a sum of products is largest where both factors do (rearrangement inequality).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.nets._loss import Loss, TorchLoss

if TYPE_CHECKING:
    from torch import Tensor


def _torch(levels: tuple[float, ...]) -> TorchLoss:
    def pinball(outputs: Tensor, targets: Tensor, /, *, reduction: str = "mean") -> Tensor:
        tilt_L = 0.5 - outputs.new_tensor(levels)
        error_NKL = outputs.reshape(*targets.shape, len(levels)) - targets.unsqueeze(2)
        loss_NKL = error_NKL.abs() / 2 + tilt_L * error_NKL
        return loss_NKL.mean() if reduction == "mean" else loss_NKL.reshape(outputs.shape)

    return pinball


LOSS = Loss(
    _torch,
    link="identity",
    words="pinball loss",
    option_words="quantiles {}",
    score_words="mean pinball loss",
    source="Koenker, Bassett (1978): Regression quantiles. Econometrica 46(1), 33–50.",
)
