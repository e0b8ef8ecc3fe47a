"""What each input column adds to single predictions: integrated gradients of a dense network, in numpy.

Sundararajan, Taly, Yan (2017): Axiomatic attribution for deep networks. ICML, 3319-3328. On the straight way from a
baseline, a row that says nothing, to a row, the gradient by every input of the network is integrated by Gauss and
Legendre; what the columns add up to is the answer less that of the baseline. Gradients of rectifiers jump, so their
ways are divided where a unit bends. Nothing but the model is needed.

Letters: N rows, D inputs behind the vectors of embedded columns, S input columns, Q questions (targets or labels; of
classes the one that is named), K outputs, A outputs of a target, B points of rows on their ways,
T ends of the parts of a way, U units.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.activations import activation_of
from shoal.data import Column, Preprocessing
from shoal.engine._predict import Trained
from shoal.kinds import has_classes, task_kind
from shoal.nets import DenseLayer, EmbeddingLayer, Layer, outputs_and_gradient
from shoal.results import Brief

if TYPE_CHECKING:
    from pandas import DataFrame

POINTS: Final = (32, 128, 256)
"""Points at which the gradient is taken on the way of a row: more where the columns do not add up with fewer. A way
that bends has as many as the last at most, and each of its parts no more than the first."""
CLOSE: Final = 1e-3
"""How far what columns add up to may be off, as a share of the sum of their sizes, for no more points to be taken."""
_AT_ONCE: Final = 8192
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Brief):
    """What each of `inputs` adds to the answers of rows.

    `explained` names what is explained: predictions in the units of their targets, or log-odds: of several labels of
    each, of classes of the one that is named, (N,) in `named`. `contributions`, float64 (N, Q, S), add up to `answers`
    less `baselines`, both (N, Q), but for at most `error`, a share of the sum of their sizes.
    """

    inputs: tuple[str, ...]
    explained: tuple[str, ...]
    answers: Floats
    baselines: Floats
    contributions: Floats
    named: tuple[str, ...] = ()

    @property
    def error(self) -> float:
        """How far contributions of a row are from adding up, as a share of the sum of their sizes: the largest."""
        return float(_missed(self.contributions, self.answers - self.baselines).max(initial=0.0))

    def frame(self) -> DataFrame:
        """One row a row and question: row (from 0), explained, named (of classes), answer, baseline, the inputs."""
        import pandas as pd

        rows, questions = self.answers.shape
        return pd.DataFrame(
            {
                "row": np.repeat(np.arange(rows), questions),
                "explained": np.tile(np.array(self.explained, object), rows),
                **({"named": np.repeat(np.array(self.named, object), questions)} if self.named else {}),
                "answer": self.answers.reshape(-1),
                "baseline": self.baselines.reshape(-1),
                **{name: self.contributions[:, :, s].reshape(-1) for s, name in enumerate(self.inputs)},
            }
        )


def explain(
    trained: Trained,
    columns: Sequence[Column],
    classes: tuple[Sequence[str], NDArray[np.int64]],
) -> Explanation:
    """Explain checked rows of a dense network; `classes` are the names of classes, and which is named of each row.

    Raises ValueError for a network with convolutions.
    """
    from threadpoolctl import threadpool_limits

    way = _Way.of(trained)
    x_ND = way.inside(trained.preprocessing.inputs(columns, dtype=np.float64))
    questions = list(_questions(trained.preprocessing, trained, classes[1]))
    answers, baselines, parts = [], [], []
    with threadpool_limits(1):  # of many small products, which threads would wait for
        for question in questions:
            answer_N, baseline_N, contribution_NS = way.contributions(x_ND, question)
            answers.append(answer_N)
            baselines.append(baseline_N)
            parts.append(contribution_NS)
    of_classes = has_classes(trained.task)
    return Explanation(
        tuple(column.name for column in trained.preprocessing.columns),
        tuple(question.name for question in questions),
        np.stack(answers, axis=1),
        np.stack(baselines, axis=1),
        np.stack(parts, axis=1),
        tuple(classes[0][k] for k in classes[1].tolist()) if of_classes else (),
    )


class _Question:
    """What is asked of outputs, row by row: its values, and its gradient by the outputs."""

    def __init__(self, name: str, preprocessing: Preprocessing, place: int) -> None:
        """Ask for the prediction of the target of this number, in its units."""
        self.name = name
        self._preprocessing, self._place = preprocessing, place

    def values(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:  # noqa: ARG002
        """Values (N,) at the rows of these numbers."""
        return self._preprocessing.restore(outputs_NK)[:, self._place]

    def gradient(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:  # noqa: ARG002
        """Gradient (N, K) at them."""
        scales = self._preprocessing.target_scales
        of_each = outputs_NK.shape[1] // len(scales)
        own = slice(self._place * of_each, (self._place + 1) * of_each)
        gradient_NK = np.zeros_like(outputs_NK)
        gradient_NK[:, own] = scales[self._place].slopes(outputs_NK[:, own])
        return gradient_NK


class _LabelOdds(_Question):
    """The log-odds of a label: its output."""

    def values(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:  # noqa: ARG002
        return outputs_NK[:, self._place]

    def gradient(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:  # noqa: ARG002
        gradient_NK = np.zeros_like(outputs_NK)
        gradient_NK[:, self._place] = 1
        return gradient_NK


class _ClassOdds(_Question):
    """The log-odds of the class that is named of each row: its output, less what all others come to."""

    def __init__(self, name: str, preprocessing: Preprocessing, named_N: NDArray[np.int64]) -> None:
        super().__init__(name, preprocessing, 0)
        self._named_N = named_N

    def _others(
        self, outputs_NK: Floats, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Give the class named of each row, powers of the other outputs less the largest of them, and that."""
        named_N = self._named_N[rows]
        others_NK = outputs_NK.copy()
        others_NK[np.arange(len(rows)), named_N] = -np.inf
        most_N1 = others_NK.max(axis=1, keepdims=True)
        return named_N, np.exp(others_NK - most_N1), most_N1[:, 0]

    def values(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:
        named_N, power_NK, most_N = self._others(outputs_NK, rows)
        own_N = outputs_NK[np.arange(len(rows)), named_N]
        return np.asarray(own_N - most_N - np.log(power_NK.sum(axis=1)))

    def gradient(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:
        named_N, power_NK, _ = self._others(outputs_NK, rows)
        gradient_NK = -power_NK / power_NK.sum(axis=1, keepdims=True)
        gradient_NK[np.arange(len(rows)), named_N] = 1
        return np.asarray(gradient_NK)


def _questions(
    preprocessing: Preprocessing, trained: Trained, named_N: NDArray[np.int64]
) -> Iterator[_Question]:
    if has_classes(trained.task):
        yield _ClassOdds("log-odds of the class named", preprocessing, named_N)
        return
    labels = task_kind(trained.task).target == "labels"
    for place, scale in enumerate(preprocessing.target_scales):
        if labels:
            yield _LabelOdds(f"log-odds of {scale.name}", preprocessing, place)
        else:
            yield _Question(scale.name, preprocessing, place)


@dataclass(frozen=True, eq=False)
class _Way:
    """The layers behind the vectors of embedded columns, the baseline there, and where each column's inputs stand.

    On the way from one vector to another there is no code, so that ways begin behind the tables. `bending` are the
    first dense layers, as far as their units are two straight pieces.
    """

    embedding: EmbeddingLayer | None
    layers: tuple[Layer, ...]
    bending: tuple[DenseLayer, ...]
    named: dict[str, NDArray[Any]]
    baseline_D: Floats
    spans: tuple[slice, ...]

    @classmethod
    def of(cls, trained: Trained) -> _Way:
        """Take a trained network."""
        architecture, preprocessing = trained.architecture, trained.preprocessing
        named = architecture.named(trained.parameters_P, trained.buffers)
        bending = tuple(takewhile(lambda layer: activation_of(layer.activation).straight, architecture.dense))
        first, *others = architecture.layers
        spans, baseline_D = preprocessing.spans, preprocessing.baseline_D
        if not isinstance(first, EmbeddingLayer):
            order = tuple(spans[column.name] for column in preprocessing.columns)
            return cls(None, architecture.layers, bending, named, baseline_D, order)
        spans |= dict(zip(preprocessing.code_names, first.places(), strict=True))
        baseline_D = np.concatenate([baseline_D[: first.plain], first.average(named)])
        order = tuple(spans[column.name] for column in preprocessing.columns)
        return cls(first, tuple(others), bending, named, baseline_D, order)

    def inside(self, x_ND: Floats) -> Floats:
        """Look the vectors of codes up."""
        return x_ND if self.embedding is None else self.embedding.output(self.named, x_ND)

    def contributions(self, x_ND: Floats, question: _Question) -> tuple[Floats, Floats, Floats]:
        """Give answers and baselines of rows, (N,), and what each column adds, (N, S)."""
        all_N = np.arange(len(x_ND))
        answer_N = self._values(x_ND, question, all_N)
        baseline_N = self._values(np.broadcast_to(self.baseline_D, x_ND.shape), question, all_N)
        added_NS = np.zeros((len(x_ND), len(self.spans)))
        again = all_N
        if self.bending:
            for row in all_N:
                added_NS[row] = self._integrated(
                    x_ND[[row]], question, all_N[[row]], self._divided(x_ND[row])
                )[0]
            return answer_N, baseline_N, added_NS
        for points in POINTS:
            for rows in np.array_split(again, -(-len(again) * points // _AT_ONCE)) if len(again) else ():
                added_NS[rows] = self._integrated(x_ND[rows], question, rows, _gauss_legendre(points))
            missed_N = _missed(added_NS[again, None], (answer_N - baseline_N)[again, None])[:, 0]
            again = again[missed_N > CLOSE]
        return answer_N, baseline_N, added_NS

    def _values(self, x_ND: Floats, question: _Question, rows: NDArray[np.int64]) -> Floats:
        for layer in self.layers:
            x_ND = layer.output(self.named, x_ND)
        return question.values(x_ND, rows)

    def _divided(self, x_D: Floats) -> tuple[Floats, Floats]:
        """Give places on the way to a row, and their weights: so many in each part on which no unit bends."""
        end_T = self._bends(x_D)
        end_T = end_T[np.unique(np.linspace(0, len(end_T) - 1, POINTS[-1] + 1).round().astype(int))]
        width_T = np.diff(end_T)[:, None]
        place_B, weight_B = _gauss_legendre(max(1, min(POINTS[0], POINTS[-1] // len(width_T))))
        return (end_T[:-1, None] + width_T * place_B).reshape(-1), (width_T * weight_B).reshape(-1)

    def _bends(self, x_D: Floats) -> Floats:
        """Find where on the way to a row a unit passes from one piece to the other, (T,), from 0 to 1.

        Between the bends of the layers before it, what a unit is given is straight.
        """
        end_T = np.array([0.0, 1.0])
        for depth, layer in enumerate(self.bending):
            way_TU = self.baseline_D + end_T[:, None] * (x_D - self.baseline_D)
            for before in self.bending[:depth]:
                way_TU = before.output(self.named, way_TU)
            sum_TU = layer.sums(self.named, way_TU)
            part, unit = np.nonzero(sum_TU[:-1] * sum_TU[1:] < 0)
            start, end = sum_TU[part, unit], sum_TU[part + 1, unit]
            bend_T = end_T[part] + (end_T[part + 1] - end_T[part]) * start / (start - end)
            end_T = np.unique(np.concatenate([end_T, bend_T]))
        return end_T

    def _integrated(
        self, x_ND: Floats, question: _Question, rows: NDArray[np.int64], at: tuple[Floats, Floats]
    ) -> Floats:
        """Integrate the gradient on the ways to some rows at places of weights, and multiply by how far they lead,
        (N, S).
        """
        place_B, weight_B = at
        step_ND = x_ND - self.baseline_D
        way_BD = (self.baseline_D + place_B[:, None, None] * step_ND).reshape(-1, step_ND.shape[1])
        of_B = np.tile(rows, len(place_B))
        _, gradient_BD = outputs_and_gradient(
            self.layers, self.named, way_BD, lambda outputs_BK: question.gradient(outputs_BK, of_B)
        )
        mean_ND = np.tensordot(weight_B, gradient_BD.reshape(len(place_B), *step_ND.shape), axes=1)
        added_ND = mean_ND * step_ND
        return np.stack([added_ND[:, span].sum(axis=1) for span in self.spans], axis=1)


@cache
def _gauss_legendre(points: int) -> tuple[Floats, Floats]:
    """Give places from 0 to 1, and weights that add up to 1."""
    places, weights = np.polynomial.legendre.leggauss(points)
    return (places + 1) / 2, weights / 2


def _missed(added_NQS: Floats, apart_NQ: Floats) -> Floats:
    """Give how far contributions are from adding up, as a share of the sum of their sizes, (N, Q)."""
    sizes_NQ = np.abs(added_NQS).sum(axis=2)
    off_NQ = np.abs(added_NQS.sum(axis=2) - apart_NQ)
    share_NQ: Floats = np.divide(off_NQ, sizes_NQ, out=np.where(off_NQ > 0, 1.0, 0.0), where=sizes_NQ > 0)
    return share_NQ
