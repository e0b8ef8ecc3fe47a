"""The cross-entropy of softmax probabilities and the true class, in nats."""

from __future__ import annotations

from shoal.nets._loss import Loss, TorchLoss


def _torch() -> TorchLoss:
    from torch.nn import functional

    return functional.cross_entropy


LOSS = Loss(_torch, link="softmax", words="cross-entropy in nats")
