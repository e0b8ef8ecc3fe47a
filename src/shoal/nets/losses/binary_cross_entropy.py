"""The cross-entropy of several labels, each of which a row has or has not, in nats: the mean over rows and labels.

Of an output z and a target t that is max(z, 0) - z t + log(1 + exp(-|z|)), the negative log-likelihood of t where
sigmoid(z) is the probability of 1.
"""

from __future__ import annotations

from shoal.nets._loss import Loss, TorchLoss


def _torch() -> TorchLoss:
    from torch.nn import functional

    return functional.binary_cross_entropy_with_logits


LOSS = Loss(
    _torch,
    link="sigmoid",
    words="binary cross-entropy in nats",
    source="Cox (1958): The regression analysis of binary sequences. Journal of the Royal Statistical Society B 20,"
    " 215–242.",
)
