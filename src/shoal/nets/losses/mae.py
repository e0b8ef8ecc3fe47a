"""The mean absolute error, over rows and outputs."""

from __future__ import annotations

from shoal.nets._loss import Loss, TorchLoss


def _torch() -> TorchLoss:
    from torch.nn import functional

    return functional.l1_loss


LOSS = Loss(_torch, link="identity", words="mean absolute error")
