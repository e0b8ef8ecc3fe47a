"""The mean squared error, over rows and outputs. Letters: N rows, K outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.nets._loss import Loss, TorchLoss


def _torch() -> TorchLoss:
    from torch.nn import functional

    return functional.mse_loss


def _value(output_NK: NDArray[Any], target_NK: NDArray[Any]) -> np.float64:
    return np.float64(np.mean((output_NK.astype(np.float64) - target_NK) ** 2))


LOSS = Loss(_torch, _value, link="identity", words="mean squared error")
