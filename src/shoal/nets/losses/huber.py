"""Huber's loss: half the squared error up to `delta`, from there on a straight line; the mean over rows and outputs."""

from __future__ import annotations

from functools import partial

from shoal.nets._loss import Loss, TorchLoss


def _torch(delta: float) -> TorchLoss:
    from torch.nn import functional

    return partial(functional.huber_loss, delta=delta)


LOSS = Loss(
    _torch,
    link="identity",
    words="Huber's loss",
    option_words="delta {}",
    source="Huber (1964): Robust estimation of a location parameter. Annals of Mathematical Statistics 35(1), 73–101.",
)
