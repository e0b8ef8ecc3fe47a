"""Integrated gradients: what inputs add to what is asked of a network, on the straight way from a baseline to a row.

Sundararajan, Taly, Yan (2017): Axiomatic attribution for deep networks. ICML, 3319-3328. The gradient by every input is
integrated by Gauss and Legendre; what the inputs add up to is the answer less that of the baseline. Gradients of
rectifiers jump, so ways of which it is known where units bend are divided there.

Letters: N rows, D inputs, S what they are summed to (columns, pixels), K outputs, B points of rows on their ways,
T ends of the parts of a way, U units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import takewhile
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from shoal.activations import activation_of
from shoal.elementary import exp, log
from shoal.engine._extents import POINTS
from shoal.engine._predict import Trained
from shoal.engine._trainer import AskedGradient, Trainer
from shoal.nets import Architecture, DenseLayer

CLOSE: Final = 1e-3
"""How far what is added may be off, as a share of the sum of its sizes, for no more points to be taken."""
AT_ONCE: Final = 8192
"""Points at which a dense network is asked at once."""
Floats = NDArray[np.float64]
Pulled = Callable[[Floats, Callable[[Floats], Floats]], tuple[Floats, Floats]]
"""Inputs (B, D), and what gives of outputs (B, K) a gradient by them, to outputs and the gradient by the inputs."""


class Question(Protocol):
    """What is asked of outputs, row by row: its values, and its gradient by the outputs."""

    def values(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:
        """Values (N,) at the rows of these numbers."""
        ...

    def gradient(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:
        """Gradient (N, K) at them."""
        ...


class ClassOdds:
    """The log-odds of a class, of each row its own: its output, less what all others come to."""

    def __init__(self, class_N: NDArray[np.int64]) -> None:
        """Ask of each row for the class of this number."""
        self._class_N = class_N

    def _others(
        self, outputs_NK: Floats, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Give the class of each row, powers of the other outputs less the largest of them, and that."""
        class_N = self._class_N[rows]
        others_NK = outputs_NK.copy()
        others_NK[np.arange(len(rows)), class_N] = -np.inf
        most_N1 = others_NK.max(axis=1, keepdims=True)
        return class_N, exp(others_NK - most_N1), most_N1[:, 0]

    def values(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:
        """Values (N,) at the rows of these numbers."""
        class_N, power_NK, most_N = self._others(outputs_NK, rows)
        own_N = outputs_NK[np.arange(len(rows)), class_N]
        return np.asarray(own_N - most_N - log(power_NK.sum(axis=1)))

    def gradient(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:
        """Gradient (N, K) at them."""
        class_N, power_NK, _ = self._others(outputs_NK, rows)
        gradient_NK = -power_NK / power_NK.sum(axis=1, keepdims=True)
        gradient_NK[np.arange(len(rows)), class_N] = 1
        return np.asarray(gradient_NK)


@dataclass(frozen=True, eq=False)
class ByTrainer:
    """A trained network that a trainer is asked of, in its precision; `shape` is that of a row."""

    trainer: Trainer
    trained: Trained
    shape: tuple[int, ...]

    @property
    def _network(self) -> tuple[Architecture, NDArray[Any], NDArray[Any]]:
        return self.trained.architecture, self.trained.parameters_P, self.trained.buffers

    def _rows(self, x_ND: Floats) -> NDArray[np.float32]:
        return x_ND.reshape(-1, *self.shape).astype(np.float32)

    def outputs(self, x_ND: Floats) -> Floats:
        """Outputs, (N, K)."""
        return self.trainer.outputs(*self._network, self._rows(x_ND)).astype(np.float64)

    def by_inputs(self, x_ND: Floats, gradient_of: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
        """Outputs, (N, K), and gradients by inputs, (N, D), of what has the gradients `gradient_of` by the outputs."""
        outputs_NK = self.outputs(x_ND)
        asked = AskedGradient(gradient_of(outputs_NK))
        gradient = self.trainer.gradient(*self._network, self._rows(x_ND), asked)
        return outputs_NK, gradient.astype(np.float64).reshape(x_ND.shape)


@dataclass(frozen=True, eq=False)
class Way:
    """What leads from inputs to outputs, and where every way begins.

    `outputs` gives outputs of inputs, `pulled` pulls gradients back to them, for `at_once` points at a time; `summed`
    puts what inputs add, (N, D), together to what is explained, (N, S). `ends`, where it is known, gives of a row (D,)
    the ends (T,) of the parts of its way, from 0 to 1, on which no unit bends.
    """

    outputs: Callable[[Floats], Floats]
    pulled: Pulled
    baseline_D: Floats
    summed: Callable[[Floats], Floats]
    at_once: int = AT_ONCE
    points: tuple[int, ...] = POINTS
    ends: Callable[[Floats], Floats] | None = None

    def contributions(self, x_ND: Floats, question: Question) -> tuple[Floats, Floats, Floats]:
        """Give answers and baselines of rows, (N,), and what is added, (N, S)."""
        all_N = np.arange(len(x_ND))
        answer_N = self._values(x_ND, question, all_N)
        baseline_N = self._values(np.broadcast_to(self.baseline_D, x_ND.shape), question, all_N)
        added_NS = self.summed(np.zeros(x_ND.shape))
        if self.ends is not None:
            for rows in all_N[:, None]:
                at = _divided(self.ends(x_ND[rows[0]]))
                added_NS[rows] = self._integrated(x_ND[rows], question, rows, at)
            return answer_N, baseline_N, added_NS
        again = all_N
        for points in self.points:
            lots = min(len(again), -(-len(again) * points // self.at_once))
            for rows in np.array_split(again, lots) if lots else ():
                added_NS[rows] = self._integrated(x_ND[rows], question, rows, _gauss_legendre(points))
            missed_N = missed(added_NS[again], (answer_N - baseline_N)[again])
            again = again[missed_N > CLOSE]
        return answer_N, baseline_N, added_NS

    def _values(self, x_ND: Floats, question: Question, rows: NDArray[np.int64]) -> Floats:
        parts = np.array_split(rows, max(1, -(-len(rows) // self.at_once)))
        return np.concatenate([question.values(self.outputs(x_ND[part]), part) for part in parts])

    def _integrated(
        self, x_ND: Floats, question: Question, rows: NDArray[np.int64], at: tuple[Floats, Floats]
    ) -> Floats:
        """Integrate the gradient on the ways to some rows at places of weights, and multiply by how far they lead,
        (N, S).
        """
        place_B, weight_B = at
        step_ND = x_ND - self.baseline_D
        mean_ND = np.zeros_like(step_ND)
        for some in np.array_split(np.arange(len(place_B)), -(-len(place_B) * len(rows) // self.at_once)):
            way_BND = self.baseline_D + place_B[some, None, None] * step_ND
            of_B = np.tile(rows, len(some))
            _, gradient_BD = self.pulled(
                way_BND.reshape(-1, step_ND.shape[1]), partial(_of_rows, question, of_B)
            )
            mean_ND += np.tensordot(weight_B[some], gradient_BD.reshape(way_BND.shape), axes=1)
        return self.summed(mean_ND * step_ND)


def _of_rows(question: Question, rows: NDArray[np.int64], outputs_BK: Floats) -> Floats:
    return question.gradient(outputs_BK, rows)


def _divided(end_T: Floats) -> tuple[Floats, Floats]:
    """Give places on a way, and their weights: so many in each part between two ends, of many ends those that count."""
    end_T = end_T[np.unique(np.linspace(0, len(end_T) - 1, POINTS[-1] + 1).round().astype(int))]
    width_T = np.diff(end_T)[:, None]
    place_B, weight_B = _gauss_legendre(max(1, min(POINTS[0], POINTS[-1] // len(width_T))))
    return (end_T[:-1, None] + width_T * place_B).reshape(-1), (width_T * weight_B).reshape(-1)


@cache
def _gauss_legendre(points: int) -> tuple[Floats, Floats]:
    """Give places from 0 to 1, and weights that add up to 1."""
    places, weights = np.polynomial.legendre.leggauss(points)
    return (places + 1) / 2, weights / 2


def bends_of(
    layers: Sequence[DenseLayer], named: dict[str, NDArray[Any]], baseline_D: Floats
) -> Callable[[Floats], Floats] | None:
    """Give what finds the ends of the parts of ways through dense layers; None where no first units bend.

    Behind a layer norm no way is straight.
    """
    bending = tuple(
        takewhile(lambda layer: activation_of(layer.activation).straight and not layer.layer_norm, layers)
    )
    return partial(_bends, bending, named, baseline_D) if bending else None


def _bends(
    bending: Sequence[DenseLayer], named: dict[str, NDArray[Any]], baseline_D: Floats, x_D: Floats
) -> Floats:
    """Find where on the way to a row a unit passes from one piece to the other, (T,), from 0 to 1.

    Between the bends of the layers before it, what a unit is given is straight.
    """
    end_T = np.array([0.0, 1.0])
    for depth, layer in enumerate(bending):
        way_TU = baseline_D + end_T[:, None] * (x_D - baseline_D)
        for before in bending[:depth]:
            way_TU = before.output(named, way_TU)
        sum_TU = layer.sums(named, way_TU)
        part, unit = np.nonzero(sum_TU[:-1] * sum_TU[1:] < 0)
        start, end = sum_TU[part, unit], sum_TU[part + 1, unit]
        bend_T = end_T[part] + (end_T[part + 1] - end_T[part]) * start / (start - end)
        end_T = np.unique(np.concatenate([end_T, bend_T]))
    return end_T


def missed(added_NS: Floats, apart_N: Floats) -> Floats:
    """Give how far what is added is from adding up, as a share of the sum of its sizes, (N,)."""
    sizes_N = np.abs(added_NS).sum(axis=-1)
    off_N = np.abs(added_NS.sum(axis=-1) - apart_N)
    share_N: Floats = np.divide(off_N, sizes_N, out=np.where(off_N > 0, 1.0, 0.0), where=sizes_N > 0)
    return share_N
