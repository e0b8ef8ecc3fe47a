"""What a loss is, and where it is found by name.

A loss is a file of the room `losses`, named after the loss, with a `LOSS` in it; its row in `kinds.LOSSES` is all that
is said of it elsewhere. Letters: N rows, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Literal, Protocol

from shoal.kinds import LOSSES, row_of

if TYPE_CHECKING:
    from torch import Tensor


class TorchLoss(Protocol):
    """A loss as torch.nn.functional has it; with the reduction "none" one value a row, or a row and output."""

    def __call__(self, outputs: Tensor, targets: Tensor, /, *, reduction: str = "mean") -> Tensor:
        """Compare outputs (N, K) with targets."""
        ...


@dataclass(frozen=True)
class Loss:
    """One loss.

    `torch` gives torch's function, whose gradient trains. `link` makes answers of outputs. `words` name it on an axis,
    `source` the work that describes it.
    """

    torch: Callable[[], TorchLoss]
    link: Literal["identity", "softmax"]
    words: str
    source: str = ""


@cache
def loss_of(name: str) -> Loss:
    """Give a loss by name. Raises StudyError for one that is unknown."""
    row_of("loss", LOSSES, name)
    loss: Loss = import_module(f"shoal.nets.losses.{name.replace('-', '_')}").LOSS
    return loss
