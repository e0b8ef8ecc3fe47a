"""What a network says of a target beyond one number: quantiles at some levels, or a mean and a standard deviation.

One class each holds all that is known of one: how many outputs a target has, how answers are made of them in numpy,
ONNX and torch, how they are scored, and what they are called. Models, stores, ONNX files and exported Python files
derive from these. Answers to N rows are float64 (N, K A): first a prediction of each of the K targets, then, target by
target, what is said of it beside. Letters: N rows, K targets, A answers of a target, L levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self

from shoal.activations import Graph
from shoal.elementary import exp, log
from shoal.kinds import LOSSES, row_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_LEVELS: Final = 100
WIDEST: Final = 30.0
"""How far from 0 the logarithm of a standard deviation is read: e**-30 to e**30 of what is learned, and its square is a
number of 32 bits."""
_LOG_2_PI: Final = math.log(2 * math.pi)


class Distribution(Protocol):
    """What is said of each target; the first of its A answers is the prediction."""

    kind: ClassVar[str]
    transforms: ClassVar[bool]
    """Whether targets may be transformed: what is said then has a way back."""
    positive: ClassVar[bool]
    """Whether no loss lies below 0."""
    link_words: ClassVar[str]
    """What makes answers of the outputs of a target, as a picture of a network says it."""
    answer_words: ClassVar[str]
    """What these answers are, there."""
    output: ClassVar[str]
    """What an ONNX file calls what is said beside predictions, and the function of an exported Python file."""
    torch_source: ClassVar[str]
    """Functions of the exported Python file: `answers` and the one above; they call `in_units` on values (N, K)."""

    @property
    def outputs(self) -> int:
        """A: how many outputs of a network each target has, side by side."""
        ...

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels at which `quantiles` gives quantiles, ascending."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what is shown of each target beside its prediction."""
        ...

    @property
    def output_words(self) -> tuple[str, ...]:
        """What each output of a target is."""
        ...

    @classmethod
    def of(cls, option: object) -> Self:
        """Make it of the option of the loss that learns it."""
        ...

    @classmethod
    def from_json(cls, entry: Mapping[str, object]) -> Self | None:
        """Read what `to_json` gave beside the kind; None for anything else."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Give its kind and what it is made of, for a model file."""
        ...

    def answers(self, outputs_NA: Floats, in_units: Callable[[Floats], Floats], scale: float) -> Floats:
        """Give the answers of one target, (N, A); `in_units` gives values of outputs, `scale` how they are scaled."""
        ...

    def predicted_outputs(self, outputs_NA: Floats) -> NDArray[np.int64]:
        """Give which output of the target the prediction of each row is made of, (N,)."""
        ...

    @property
    def predicts(self) -> str:
        """What the prediction is: "mean", "median" or "quantile"."""
        ...

    def constant(self, y_NK: Floats, weight_N: Floats | None) -> Floats:
        """Give the answers of least loss, the same to all rows, (K, A)."""
        ...

    def losses(self, y_NK: Floats, answers_NKA: Floats) -> Floats:
        """Score answers, each row and target by itself, (N, K): less is better, and the mean is the loss."""
        ...

    def shown(self, answers_NKA: Floats) -> Floats:
        """Give what `names` name, (N, K, number of names)."""
        ...

    def quantiles(self, answers_NKA: Floats) -> Floats:
        """Give the quantiles at `levels`, (N, K, L)."""
        ...

    @property
    def constants(self) -> dict[str, Any]:
        """Give the constants of the exported Python file that `torch_source` needs."""
        ...

    def nodes(self, graph: Graph, outputs: str, scales: Sequence[float], in_units: InUnits) -> None:
        """Add to a graph the way from float64 outputs, (N, K A), to `predictions` (N, K) and to `output`.

        `scales` are how the K targets are scaled.
        """
        ...


class InUnits(Protocol):
    """Adds to a graph the way from learned values to targets' units."""

    def __call__(self, values: str, of_each: int, name: str) -> str:
        """Take float64 `values` (N, K times `of_each`), side by side for each target; `name` is that of the result."""
        ...


@dataclass(frozen=True)
class Quantiles:
    """Quantiles at ascending levels, none above a later one: the outputs of a target, sorted.

    Sorted quantiles are nowhere farther from the true ones than those that cross (Chernozhukov, Fernández-Val, Galichon
    2010: Quantile and probability curves without crossing. Econometrica 78, 1093-1125). The prediction is the quantile
    at the level nearest to 0.5, of two the lower.
    """

    kind: ClassVar[str] = "quantiles"
    link_words: ClassVar[str] = "sorted"
    answer_words: ClassVar[str] = "quantiles"
    transforms: ClassVar[bool] = True
    positive: ClassVar[bool] = True
    output: ClassVar[str] = "quantiles"
    torch_source: ClassVar[str] = '''def quantiles(outputs):
    """Give the quantile of each of TARGETS at each of LEVELS, float64 (N, K, L)."""
    values = outputs.double().unflatten(1, (len(TARGETS), len(LEVELS))).sort(dim=2).values
    return torch.stack([in_units(part) for part in values.unbind(dim=2)], dim=2)


def answers(outputs):
    """Give the prediction of each of TARGETS, its quantile at LEVELS[PREDICTED], float64 (N, K)."""
    return quantiles(outputs)[:, :, PREDICTED]'''

    levels: tuple[float, ...]

    @property
    def outputs(self) -> int:
        """One output a level."""
        return len(self.levels)

    @property
    def names(self) -> tuple[str, ...]:
        """Each by its level."""
        return tuple(f"quantile_{level!r}" for level in self.levels)

    @property
    def output_words(self) -> tuple[str, ...]:
        """The quantile at each level."""
        return tuple(f"quantile {level!r}" for level in self.levels)

    @property
    def predicted(self) -> int:
        """The place of the level whose quantile is the prediction."""
        return min(range(len(self.levels)), key=lambda place: abs(self.levels[place] - 0.5))

    @classmethod
    def of(cls, option: object) -> Self:
        """Make it of levels."""
        quantiles = cls.from_json({"levels": list(option) if isinstance(option, list | tuple) else option})
        if quantiles is None:
            raise ValueError("levels")
        return quantiles

    @classmethod
    def from_json(cls, entry: Mapping[str, object]) -> Self | None:
        """Read the levels."""
        match entry:
            case {"levels": [*levels], **others} if not others and 0 < len(levels) <= MOST_LEVELS:
                numbers = [level for level in levels if isinstance(level, float) and 0 < level < 1]
                if len(numbers) == len(levels) and all(low < high for low, high in pairwise(numbers)):
                    return cls(tuple(numbers))
        return None

    def to_json(self) -> dict[str, Any]:
        """Give kind and levels."""
        return {"kind": self.kind, "levels": list(self.levels)}

    def answers(self, outputs_NA: Floats, in_units: Callable[[Floats], Floats], scale: float) -> Floats:  # noqa: ARG002
        """Sort the outputs, since none of what follows changes their order; the prediction first."""
        import numpy as np

        sorted_NA = in_units(np.sort(outputs_NA, axis=-1))
        return np.asarray(sorted_NA[..., self._order])

    @property
    def _order(self) -> list[int]:
        """Places of the levels in the order of the answers: the prediction's first."""
        return [self.predicted, *(place for place in range(self.outputs) if place != self.predicted)]

    def predicted_outputs(self, outputs_NA: Floats) -> NDArray[np.int64]:
        """The output that sorting brings to the place of the level predicted."""
        import numpy as np

        return np.argsort(outputs_NA, axis=-1, kind="stable")[:, self.predicted]

    @property
    def predicts(self) -> str:
        """A median, or another quantile."""
        return "median" if self.levels[self.predicted] == 0.5 else "quantile"

    def constant(self, y_NK: Floats, weight_N: Floats | None) -> Floats:
        """Give the quantiles of the rows: the least targets that, with all below, weigh at least the level's share."""
        import numpy as np

        weight_N = np.ones(len(y_NK)) if weight_N is None else weight_N
        order_NK = np.argsort(y_NK, axis=0, kind="stable")
        share_NK = np.cumsum(weight_N[order_NK], axis=0) / weight_N.sum()
        share_NK[-1] = 1.0  # whatever rounding makes of it
        place_KL = [np.searchsorted(share_N, np.array(self.levels)) for share_N in share_NK.T]
        sorted_NK = np.take_along_axis(y_NK, order_NK, axis=0)
        quantile_KL = np.stack([of_N[at] for of_N, at in zip(sorted_NK.T, place_KL, strict=True)])
        return np.asarray(quantile_KL[:, self._order])

    def losses(self, y_NK: Floats, answers_NKA: Floats) -> Floats:
        """Give the pinball loss, the mean over levels.

        Koenker, Bassett 1978: Regression quantiles. Econometrica 46, 33-50.
        """
        import numpy as np

        level_L, off_NKL = np.array(self.levels), self.quantiles(answers_NKA) - y_NK[..., None]
        return np.asarray((np.abs(off_NKL) / 2 + (0.5 - level_L) * off_NKL).mean(axis=-1))

    def shown(self, answers_NKA: Floats) -> Floats:
        """All of them, the prediction among them."""
        return self.quantiles(answers_NKA)

    def quantiles(self, answers_NKA: Floats) -> Floats:
        """Bring the answers into the order of the levels."""
        import numpy as np

        return np.asarray(answers_NKA[..., np.argsort(self._order)])

    @property
    def constants(self) -> dict[str, Any]:
        """Give the levels, and which is predicted."""
        return {"LEVELS": list(self.levels), "PREDICTED": self.predicted}

    def nodes(self, graph: Graph, outputs: str, scales: Sequence[float], in_units: InUnits) -> None:
        """Sort, bring to targets' units, and take the prediction out."""
        import numpy as np

        targets, levels = len(scales), self.outputs
        by_target = graph.array("by_target", np.array([-1, targets, levels]))
        flat = graph.array("flat", np.array([-1, targets * levels]))
        apart = graph.node("Reshape", [outputs, by_target], "outputs_of_targets")
        count = graph.array("levels", np.array([levels]))
        rising = graph.node("TopK", [apart, count], "rising", {"axis": 2, "largest": 0}, ("places",))
        values = in_units(graph.node("Reshape", [rising, flat], "rising_flat"), levels, "quantiles_flat")
        quantiles = graph.node("Reshape", [values, by_target], self.output)
        place = graph.array("predicted", np.array([self.predicted]))
        picked = graph.node("Gather", [quantiles, place], "predicted_quantile", {"axis": 2})
        graph.node("Reshape", [picked, graph.array("of_targets", np.array([-1, targets]))], "predictions")


@dataclass(frozen=True)
class Normal:
    """A normal distribution: the outputs of a target are its mean, the prediction, and the logarithm of its standard
    deviation, read no farther than `WIDEST` from 0.

    Nix, Weigend 1994: Estimating the mean and variance of the target probability distribution. IEEE ICNN, 55-60.
    """

    kind: ClassVar[str] = "normal"
    link_words: ClassVar[str] = "exp of the deviation"
    answer_words: ClassVar[str] = "means and deviations"
    transforms: ClassVar[bool] = False
    positive: ClassVar[bool] = False
    output: ClassVar[str] = "deviations"
    torch_source: ClassVar[str] = f'''def deviations(outputs):
    """Give the standard deviation of each of TARGETS in its own units, float64 (N, K)."""
    scale = torch.tensor(TARGET_SCALE, dtype=torch.float64)
    return outputs.double()[:, 1::2].clamp({-WIDEST}, {WIDEST}).exp() * scale


def answers(outputs):
    """Give the prediction of each of TARGETS, its mean, float64 (N, K)."""
    return in_units(outputs.double()[:, 0::2])'''

    levels: tuple[float, ...] = (0.025, 0.1, 0.5, 0.9, 0.975)
    """Unless somebody asks for others, those of the intervals of 95 % and 80 %, and the median."""

    @property
    def outputs(self) -> int:
        """Mean and deviation."""
        return 2

    @property
    def names(self) -> tuple[str, ...]:
        """The standard deviation."""
        return ("std",)

    @property
    def output_words(self) -> tuple[str, ...]:
        """Its mean, and what the deviation is read from."""
        return ("mean", "log of deviation")

    @classmethod
    def of(cls, option: object) -> Self:  # noqa: ARG003
        """Make it of nothing."""
        return cls()

    @classmethod
    def from_json(cls, entry: Mapping[str, object]) -> Self | None:
        """Make it, if the entry says no more than the kind."""
        return None if entry else cls()

    def to_json(self) -> dict[str, Any]:
        """Give the kind."""
        return {"kind": self.kind}

    def answers(self, outputs_NA: Floats, in_units: Callable[[Floats], Floats], scale: float) -> Floats:
        """Give mean and standard deviation."""
        import numpy as np

        deviation_N = exp(np.clip(outputs_NA[..., 1], -WIDEST, WIDEST)) * scale
        return np.stack([in_units(outputs_NA[..., 0]), deviation_N], axis=-1)

    def predicted_outputs(self, outputs_NA: Floats) -> NDArray[np.int64]:
        """The first."""
        import numpy as np

        return np.zeros(len(outputs_NA), np.int64)

    @property
    def predicts(self) -> str:
        """The mean."""
        return "mean"

    def constant(self, y_NK: Floats, weight_N: Floats | None) -> Floats:
        """Give mean and standard deviation of the rows."""
        import numpy as np

        mean_K = np.average(y_NK, axis=0, weights=weight_N)
        return np.stack(
            [mean_K, np.sqrt(np.average((y_NK - mean_K) ** 2, axis=0, weights=weight_N))], axis=-1
        )

    def losses(self, y_NK: Floats, answers_NKA: Floats) -> Floats:
        """Give the negative logarithm of the likelihood."""
        import numpy as np

        mean_NK, deviation_NK = answers_NKA[..., 0], answers_NKA[..., 1]
        return np.asarray(
            log(deviation_NK) + ((y_NK - mean_NK) / deviation_NK) ** 2 / 2 + _LOG_2_PI / 2, np.float64
        )

    def shown(self, answers_NKA: Floats) -> Floats:
        """The standard deviation."""
        return answers_NKA[..., 1:]

    def quantiles(self, answers_NKA: Floats) -> Floats:
        """Give the mean and so many deviations."""
        import numpy as np

        reach_L = np.array([NormalDist().inv_cdf(level) for level in self.levels])
        return np.asarray(answers_NKA[..., :1] + reach_L * answers_NKA[..., 1:])

    @property
    def constants(self) -> dict[str, Any]:
        """None."""
        return {}

    def nodes(self, graph: Graph, outputs: str, scales: Sequence[float], in_units: InUnits) -> None:
        """Take means and logarithms apart."""
        import numpy as np

        place_K = 2 * np.arange(len(scales))
        means = graph.node("Gather", [outputs, graph.array("mean_places", place_K)], "means", {"axis": 1})
        in_units(means, 1, "predictions")
        logs = graph.node("Gather", [outputs, graph.array("log_places", place_K + 1)], "logs", {"axis": 1})
        ends = [
            graph.array(name, np.array([end])) for name, end in (("lowest", -WIDEST), ("highest", WIDEST))
        ]
        read = graph.node("Min", [graph.node("Max", [logs, ends[0]], "logs_above"), ends[1]], "logs_within")
        scale = graph.array("deviation_scale", np.array(scales))
        graph.node("Mul", [graph.node("Exp", [read], "deviations_learned"), scale], self.output)


DISTRIBUTIONS: Final[dict[str, type[Distribution]]] = {kind.kind: kind for kind in (Quantiles, Normal)}


def distribution_of(loss: str, option: object) -> Distribution | None:
    """Give what networks say of a target that are trained by a loss with its option; None where that is one number.

    Raises StudyError for a loss that is unknown.
    """
    kind = row_of("loss", LOSSES, loss).distribution
    return None if kind is None else DISTRIBUTIONS[kind].of(option)


def distribution_from_json(entry: Mapping[str, object]) -> Distribution | None:
    """Read what `to_json` gave, from a file that may be foreign; None for anything else."""
    match entry:
        case {"kind": str(kind), **others} if kind in DISTRIBUTIONS:
            return DISTRIBUTIONS[kind].from_json(others)
    return None


def by_target(answers_NA: Floats, targets: int) -> Floats:
    """Put the answers of each target together, (N, K, A), the prediction first."""
    import numpy as np

    rows, answers = answers_NA.shape
    beside_NKA = answers_NA[:, targets:].reshape(rows, targets, answers // targets - 1)
    return np.concatenate([answers_NA[:, :targets, None], beside_NKA], axis=2)


def side_by_side(answers_NKA: Floats) -> Floats:
    """Put the predictions of all targets first, and all else behind them, (N, K A)."""
    import numpy as np

    rows, targets, answers = answers_NKA.shape
    beside_NA = answers_NKA[:, :, 1:].reshape(rows, targets * (answers - 1))
    return np.concatenate([answers_NKA[:, :, 0], beside_NA], axis=1)
