"""Which class is named: the likelier one, or of two the positive one from a threshold on; in numpy, ONNX and torch.

Letters: N rows, K classes, of which a decision has two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from shoal.links import link_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shoal.activations import Graph

HIGHEST: Final = float(np.nextafter(1, 2))
"""A threshold that no probability reaches."""

_PROBABILITIES: Final = f'''def answers(outputs):
    """Give the probability of each of CLASSES, float64 (N, K)."""
    outputs = outputs.double()
    return {link_of("softmax").torch}'''
_NAMED: Final = '''def named(probabilities):
    """Give the place of each row's class among CLASSES, int64 (N,): POSITIVE from THRESHOLD on."""
    positive = CLASSES.index(POSITIVE)
    return torch.where(probabilities[:, positive] >= THRESHOLD, positive, 1 - positive)'''


@dataclass(frozen=True)
class Decision:
    """The class number `positive` is named where its probability is `threshold` or more, the other one elsewhere."""

    positive: int
    threshold: float

    def named(self, probability_NK: NDArray[np.float64]) -> NDArray[np.int64]:
        """Give the number of the class of each row, int64 (N,)."""
        return np.where(probability_NK[:, self.positive] >= self.threshold, self.positive, 1 - self.positive)

    def sure(self, probability_NK: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give 1 for the class that is named and 0 for the other, (N, K): the likelier one is then the one named."""
        return np.asarray(np.eye(2)[self.named(probability_NK)])


def named_classes(probability_NK: NDArray[np.float64], decision: Decision | None) -> NDArray[np.int64]:
    """Give the number of the class of each row, int64 (N,): as decided, else the likelier, of equal ones the first."""
    return probability_NK.argmax(axis=1) if decision is None else decision.named(probability_NK)


def unlike(
    named_N: NDArray[Any], probability_NK: NDArray[np.float64], decision: Decision | None, near: float
) -> bool:
    """Whether other classes are named somewhere; but for rows whose probability is that `near` the threshold."""
    unlike_N = named_N != named_classes(probability_NK, decision)
    if decision is not None:
        unlike_N &= np.abs(probability_NK[:, decision.positive] - decision.threshold) > near
    return bool(unlike_N.any())


def described(decision: Decision | None, classes: Sequence[str]) -> dict[str, Any]:
    """Describe a decision as model files and exports do, by the class's name; {} for none."""
    if decision is None:
        return {}
    return {"positive": classes[decision.positive], "threshold": decision.threshold}


def add_named(graph: Graph, decision: Decision | None) -> str:
    """Add what makes `class`, int64 (N,), of `probabilities`, float64 (N, K); give its name."""
    if decision is None:
        return graph.node("ArgMax", ["probabilities"], "class", {"axis": 1, "keepdims": 0})
    positive = graph.array("positive", np.array([decision.positive]))
    column = graph.node("Gather", ["probabilities", positive], "of_positive", {"axis": 1})
    threshold = graph.array("threshold", np.array([decision.threshold]))
    reached = graph.node("GreaterOrEqual", [column, threshold], "reached")
    other = graph.array("other", np.array([1 - decision.positive]))
    named = graph.node("Where", [reached, positive, other], "named")
    return graph.node("Squeeze", [named, graph.array("columns", np.array([1]))], "class")


def class_source(decision: Decision | None) -> str:
    """Give the functions of an exported Python file that make probabilities of outputs, and name classes if decided."""
    return _PROBABILITIES if decision is None else f"{_PROBABILITIES}\n\n\n{_NAMED}"
