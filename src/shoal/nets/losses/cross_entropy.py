"""The cross-entropy of softmax probabilities and the true class, in nats. Letters: N rows, K classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.nets._loss import Loss, TorchLoss


def _torch() -> TorchLoss:
    from torch.nn import functional

    return functional.cross_entropy


def _value(logit_NK: NDArray[Any], class_N: NDArray[Any]) -> np.float64:
    below_NK = logit_NK.astype(np.float64) - logit_NK.max(axis=1, keepdims=True)
    of_truth_N = below_NK[np.arange(len(class_N)), class_N]
    return np.float64(np.mean(np.log(np.exp(below_NK).sum(axis=1)) - of_truth_N))


LOSS = Loss(_torch, _value, link="softmax", words="cross-entropy in nats")
