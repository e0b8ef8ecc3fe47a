"""The cross-entropy of softmax probabilities and the true class, in nats.

With `smoothing` s the truth is the class with 1 - s, and all K classes with s / K each.
"""

from __future__ import annotations

from functools import partial

from shoal.nets._loss import Loss, TorchLoss


def _torch(smoothing: float) -> TorchLoss:
    from torch.nn import functional

    return partial(functional.cross_entropy, label_smoothing=smoothing)


LOSS = Loss(_torch, link="softmax", words="cross-entropy in nats", option_words="labels smoothed by {}")
