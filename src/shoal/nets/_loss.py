"""What a loss is, and where it is found by name.

A loss is a file of the room `losses`, named after the loss, with a `LOSS` in it; its row in `kinds.LOSSES` is all that
is said of it elsewhere. Letters: N rows, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from shoal.kinds import LOSSES, row_of
from shoal.study import Training

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

    `torch` gives torch's function, whose gradient trains, for the value of the option that its kind names, if it names
    one. `link`, a key of `links.LINKS`, makes answers of outputs. `words` name it on an axis, `option_words` with the
    option where that is not 0; `score_words` name it as a score of answers, where that is its own; `source` is the work
    that describes it.
    """

    torch: Callable[..., TorchLoss]
    link: str
    words: str
    source: str = ""
    option_words: str = ""
    score_words: str = ""


@cache
def loss_of(name: str) -> Loss:
    """Give a loss by name. Raises StudyError for one that is unknown."""
    row_of("loss", LOSSES, name)
    loss: Loss = import_module(f"shoal.nets.losses.{name.replace('-', '_')}").LOSS
    return loss


def torch_loss(name: str, training: Training) -> TorchLoss:
    """Give torch's function of a loss as it is trained. Raises StudyError for one that is unknown."""
    option = training.option_of(name)
    return loss_of(name).torch() if option is None else loss_of(name).torch(option)
