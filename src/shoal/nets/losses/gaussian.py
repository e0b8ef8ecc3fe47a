"""The negative log-likelihood of a normal distribution whose mean and deviation a network gives, in nats.

Of a target's two outputs, side by side, the first is the mean, the second the logarithm of the standard deviation.
That is read no farther than `distributions.WIDEST` from 0; beyond, its gradient is the one at the bound, as that of
torch's own loss is beyond its least variance, so that it leads back. The mean over rows and targets.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from shoal.distributions import WIDEST
from shoal.nets._loss import Loss, TorchLoss

if TYPE_CHECKING:
    from torch import Tensor


def _torch() -> TorchLoss:
    def negative_log_likelihood(outputs: Tensor, targets: Tensor, /, *, reduction: str = "mean") -> Tensor:
        mean_NK, log_NK = outputs[:, 0::2], outputs[:, 1::2]
        read_NK = log_NK + (log_NK.clamp(-WIDEST, WIDEST) - log_NK).detach()
        loss_NK = ((mean_NK - targets) * (-read_NK).exp()) ** 2 / 2 + read_NK + math.log(2 * math.pi) / 2
        return loss_NK.mean() if reduction == "mean" else loss_NK

    return negative_log_likelihood


LOSS = Loss(
    _torch,
    link="identity",
    words="Gaussian negative log-likelihood in nats",
    score_words="negative log-likelihood in nats",
    source="Nix, Weigend (1994): Estimating the mean and variance of the target probability distribution. IEEE"
    " International Conference on Neural Networks, 55–60.",
)
