"""The links: what makes answers of a network's outputs. One row each holds all that is known of one.

Answers, ONNX files and exported Python files derive from these rows. Letters: N rows, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any, Final

from shoal.activations import Graph
from shoal.elementary import exp
from shoal.kinds import Task, row_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LinkKind:
    """One link.

    `formula` is given numpy, which is not imported for names alone, and outputs, float64 (N, K). `onnx` adds its nodes
    after such outputs under a name. `torch` is an expression of the same `outputs`. `scaled`: answers are in the units
    in which targets are learned, so these may be centred, scaled and transformed before. `task`: whose answers they
    are. `slope` is the derivative of an answer by its own output; None where answers are shares, which are explained
    by their log-odds. `slack` gives, for the largest answer, how many times larger an error may be than one of an
    output near 1, of which float32 holds only so many digits.
    """

    formula: Callable[[Any, Floats], Floats]
    onnx: Callable[[Graph, str, str], str]
    torch: str
    scaled: bool = False
    task: Task = "regression"
    slack: Callable[[float], float] = lambda largest: max(1.0, largest)
    slope: Callable[[Any, Floats], Floats] | None = None

    def numpy(self, outputs_NK: Floats) -> Floats:
        """Answers for outputs, float64 (N, K)."""
        import numpy as np

        with np.errstate(over="ignore"):
            return np.asarray(self.formula(np, outputs_NK))

    def slopes(self, outputs_NK: Floats) -> Floats:
        """Derivatives of answers by their own outputs, float64 (N, K). Raises ValueError for shares."""
        import numpy as np

        if self.slope is None:
            raise ValueError("expected answers that are no shares")
        with np.errstate(over="ignore"):
            return np.asarray(self.slope(np, outputs_NK))


def _softmax(np: Any, logit_NK: Floats) -> Floats:
    power_NK: Floats = exp(logit_NK - logit_NK.max(axis=1, keepdims=True, initial=-np.inf))
    answer_NK: Floats = power_NK / power_NK.sum(axis=1, keepdims=True)
    return answer_NK


def _logistic(np: Any, logit_NK: Floats) -> Floats:
    """Through the power of what is not above 0, which does not overflow and keeps all digits of small answers."""
    power_NK: Floats = exp(-np.abs(logit_NK))
    answer_NK: Floats = np.where(logit_NK >= 0, 1.0, power_NK) / (1 + power_NK)
    return answer_NK


LINKS: Final[dict[str, LinkKind]] = {
    "identity": LinkKind(
        lambda _, outputs: outputs,
        lambda _graph, y, _name: y,
        "outputs",
        scaled=True,
        slope=lambda np, outputs: np.ones_like(outputs),
    ),
    "softmax": LinkKind(
        _softmax,
        lambda graph, y, name: graph.node("Softmax", [y], name, {"axis": 1}),
        "torch.softmax(outputs, dim=1)",
        task="classification",
    ),
    "sigmoid": LinkKind(
        _logistic,
        lambda graph, y, name: graph.node("Sigmoid", [y], name),
        "torch.sigmoid(outputs)",
        task="multilabel",
    ),
    "exp": LinkKind(
        lambda _, outputs: exp(outputs),
        lambda graph, y, name: graph.node("Exp", [y], name),
        "torch.exp(outputs)",
        slack=lambda largest: max(1.0, largest) * max(1.0, log(max(1.0, largest))),
        slope=lambda _, outputs: exp(outputs),
    ),
}


def link_of(name: str) -> LinkKind:
    """Give a link by name. Raises StudyError for one that is unknown."""
    return row_of("link", LINKS, name)
