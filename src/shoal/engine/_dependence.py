"""How answers of the delivered network hang on its most important inputs: partial dependence, single rows, pairs.

Partial dependence: Friedman 2001: Greedy function approximation. The Annals of Statistics 29, 1189-1232; single rows:
Goldstein and others 2015: Peeking inside the black box. Journal of Computational and Graphical Statistics 24, 44-65;
the H statistic of pairs: Friedman, Popescu 2008: Predictive learning via rule ensembles. The Annals of Applied
Statistics 2, 916-954. All over training rows.

Letters: N rows, D inputs, G and H points of grids, Q answers shown, J columns looked at in pairs, L levels.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Column, Dataset
from shoal.engine._extents import (
    GRID,
    MOST_CURVES,
    MOST_PAIRED,
    PAIR_GRID,
    PASSED_AT_ONCE,
    rows_averaged,
)
from shoal.engine._fits import Planner
from shoal.engine._importance import inputs_of, spaced, trained_network
from shoal.engine._planned import StudyFit
from shoal.engine._predict import Trained, answers_of
from shoal.engine._row_weights import judging_weights
from shoal.engine._trainer import Trainer
from shoal.results import DependenceAsked, FitRecord, Store

MOST_ANSWERS: Final = 10
LEVELS: Final = 12
"""Categories, at most: the most frequent."""
ROUNDING: Final = 1e-6
"""What pairs do together below this share of the largest spread is rounding (float32): of a linear network 1e-8."""
SHOWN_ROWS: Final = 40
"""Rows that are shown one by one, at most."""

Rows = NDArray[np.int64]
Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]


def ask_dependence(
    planner: Planner,
    delivered: tuple[StudyFit, FitRecord],
    names: Sequence[str],
    store: Store,
    trainer: Trainer,
    before: DependenceAsked | None,
) -> DependenceAsked:
    """Ask the delivered network along the columns of these names, the most important first, and keep its answers beside
    its fit. What is `before`, the same of an earlier run, is not computed again.
    """
    (fit, record), dataset = delivered, planner.dataset
    by_name = {column.name: column for column in dataset.columns}
    columns = [by_name[name] for name in names[:MOST_CURVES]]
    facts = json.dumps(
        [
            list(names[:MOST_CURVES]),
            dataset.positive,
            *rows_averaged(fit.job.architecture, dataset.train_rows),
        ]
    )
    part = f"dependence {hashlib.sha256(facts.encode()).hexdigest()[:16]}"
    if before is not None and (before.fit, before.part) == (fit.id, part) and store.derived(fit.id, part):
        return before
    asked, arrays = _Surface.of(trained_network(planner, fit, record), trainer, dataset).everything(columns)
    store.put_derived(fit.id, part, arrays)
    return replace(asked, fit=fit.id, part=part)


@dataclass(frozen=True, eq=False)
class _Grid:
    """Values that a column is set to: as they are shown, and as inputs of the network, (G, D of the column)."""

    column: Column
    inputs: list[int]
    x_G: Floats
    share_G: Floats
    levels: tuple[str, ...]
    made_GD: NDArray[np.float32]

    def thinned(self, most: int) -> _Grid:
        """Keep the first categories, or so many numbers evenly spaced."""
        count = len(self.x_G)
        keep = np.arange(min(count, most)) if self.levels else spaced(np.arange(count), most)
        return replace(
            self,
            x_G=self.x_G[keep],
            share_G=self.share_G[keep],
            levels=tuple(self.levels[place] for place in keep) if self.levels else (),
            made_GD=self.made_GD[keep],
        )


@dataclass(frozen=True, eq=False)
class _Surface:
    """A network, rows made ready, (N, D), and what each counts."""

    trained: Trained
    trainer: Trainer
    dataset: Dataset
    x_ND: NDArray[np.float32]
    weight_N: Floats
    pair_rows: int

    @classmethod
    def of(cls, trained: Trained, trainer: Trainer, dataset: Dataset) -> _Surface:
        """Take training rows, evenly spaced."""
        most, pairs = rows_averaged(trained.architecture, dataset.train_rows)
        rows = spaced(np.arange(dataset.train_rows), most)
        weight_N = judging_weights(dataset, rows)
        x_ND = trained.preprocessing.inputs(dataset, rows)
        return cls(
            trained, trainer, dataset, x_ND, np.ones(len(rows)) if weight_N is None else weight_N, pairs
        )

    def everything(self, columns: Sequence[Column]) -> tuple[DependenceAsked, Arrays]:
        """Ask along every column, then pairs of the first ones; give what was asked, and the answers."""
        grids = [self.grid(column) for column in columns]
        arrays: Arrays = {}
        for number, grid in enumerate(grids):
            answer_GNQ = self.answers([grid.inputs], [grid.made_GD], self.x_ND)
            shown = spaced(np.arange(len(self.x_ND)), SHOWN_ROWS)
            arrays |= {
                f"{number}/x": grid.x_G,
                f"{number}/share": grid.share_G,
                f"{number}/mean": _means(answer_GNQ, self.weight_N),
                f"{number}/rows": np.ascontiguousarray(answer_GNQ[:, shown, 0].T),
            }
        h_JJ, size_JJQ = self.interactions([grid.inputs for grid in grids[:MOST_PAIRED]])
        size_JJ = np.sqrt((size_JJQ**2).sum(axis=2))
        arrays |= {
            "h": h_JJ,
            "size": size_JJ,
            "pair": np.zeros((0, 0)),
            "first": np.zeros(0),
            "second": np.zeros(0),
        }
        pair, of_pair = tuple[int, ...](), 0
        if len(size_JJ) > 1 and size_JJ.max() > 0:
            first, second = sorted(divmod(int(size_JJ.argmax()), len(size_JJ)))
            pair, of_pair = (first, second), int(size_JJQ[first, second].argmax())
            two = [grids[place].thinned(PAIR_GRID) for place in pair]
            arrays |= {"pair": self.both(*two)[:, :, of_pair], "first": two[0].x_G, "second": two[1].x_G}
        asked = DependenceAsked(
            fit="",
            part="",
            answers=self._names(),
            columns=tuple(column.name for column in columns),
            kinds=tuple(column.takes for column in columns),
            levels=tuple(grid.levels for grid in grids),
            rows=len(self.x_ND),
            pair_rows=self.pair_rows,
            paired=len(size_JJ),
            shares=self.dataset.task != "regression",
            pair=pair,
            of_pair=of_pair,
        )
        return asked, arrays

    def grid(self, column: Column) -> _Grid:
        """Give the values of a column that are asked about: categories, the most frequent first, or quantiles."""
        values_N = column.values[: self.dataset.train_rows]
        if column.takes == "categories":
            counts = column.counts(slice(self.dataset.train_rows))
            order = {text: place for place, text in enumerate(column.order)}
            texts = sorted(counts, key=lambda text: -counts[text])[:LEVELS]
            texts = sorted(texts, key=lambda text: order.get(text, len(order)))
            cells: NDArray[Any] = np.array(texts, np.object_)
            x_G, share_G = (
                np.arange(float(len(texts))),
                np.array([counts[text] / len(values_N) for text in texts]),
            )
            levels = tuple(texts)
        else:
            known_N = values_N[~np.isnan(values_N)]
            different = np.unique(known_N)
            x_G = different
            if len(different) > GRID:
                x_G = np.unique(np.quantile(known_N, np.linspace(0.01, 0.99, GRID)))
            middles = (x_G[1:] + x_G[:-1]) / 2
            share_G = np.bincount(np.searchsorted(middles, known_N), minlength=len(x_G)) / len(known_N)
            cells, levels = x_G, ()
        encoder = next(each for each in self.trained.preprocessing.columns if each.name == column.name)
        made_GD = np.zeros((len(cells), len(encoder.names)), np.float32)
        encoder.encode(cells, made_GD)
        return _Grid(
            column, inputs_of(self.trained.preprocessing, [column.name]), x_G, share_G, levels, made_GD
        )

    def answers(
        self, inputs: Sequence[Sequence[int]], made: Sequence[NDArray[np.float32]], x_ND: NDArray[np.float32]
    ) -> Floats:
        """Answer all rows with some inputs set to each of G values, side by side for each of `inputs`, (G, N, Q)."""
        points, rows = len(made[0]), len(x_ND)
        each = max(1, PASSED_AT_ONCE // rows)
        parts = []
        for start in range(0, points, each):
            count = min(each, points - start)
            asked = np.tile(x_ND, (count, 1))
            for places, values_GD in zip(inputs, made, strict=True):
                asked[:, places] = np.repeat(values_GD[start : start + count], rows, axis=0)
            parts.append(self._answers(asked).reshape(count, rows, -1))
        return np.concatenate(parts)

    def _answers(self, x_ND: NDArray[np.float32]) -> Floats:
        trained = self.trained
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self.trainer.outputs(trained.architecture, trained.parameters_P, trained.buffers, x_ND)
            answers_NA = answers_of(outputs, trained.preprocessing, trained.task)
        if len(self.dataset.classes) == 2:
            return answers_NA[:, [self.dataset.positive]]
        return answers_NA[:, : min(self.dataset.outputs, MOST_ANSWERS)]

    def _names(self) -> tuple[str, ...]:
        if len(self.dataset.classes) == 2:
            return (self.dataset.classes[self.dataset.positive],)
        return (self.dataset.classes or self.dataset.target_names)[:MOST_ANSWERS]

    def both(self, first: _Grid, second: _Grid) -> Floats:
        """Give mean answers over two columns, (G, H, Q)."""
        count = len(first.x_G), len(second.x_G)
        made = [np.repeat(first.made_GD, count[1], axis=0), np.tile(second.made_GD, (count[0], 1))]
        mean_GQ = _means(self.answers([first.inputs, second.inputs], made, self.x_ND), self.weight_N)
        return mean_GQ.reshape(*count, -1)

    def interactions(self, inputs: Sequence[Sequence[int]]) -> tuple[Floats, Floats]:
        """Give H of every pair, (J, J), and the size of what is not the sum of both, (J, J, Q), as rows weigh.

        H takes all probabilities of classes, or labels, together; of several targets the first.
        """
        rows = spaced(np.arange(len(self.x_ND)), self.pair_rows)
        x_ND, share_N = self.x_ND[rows], _shares(self.weight_N[rows])
        together = 1 if self.dataset.task == "regression" else None

        def centred(subjects: Sequence[Sequence[int]]) -> Floats:
            answer_NNQ = self.answers(subjects, [x_ND[:, places] for places in subjects], x_ND)
            mean_NQ = _means(answer_NNQ, share_N)[:, :together]
            return np.asarray(mean_NQ - share_N @ mean_NQ)

        own = [centred([places]) for places in inputs]
        answers = own[0].shape[1] if own else 0
        whole_JJ, size_JJQ = (
            np.zeros((len(inputs), len(inputs))),
            np.zeros((len(inputs), len(inputs), answers)),
        )
        for first, second in combinations(range(len(inputs)), 2):
            both_NQ = centred([inputs[first], inputs[second]])
            beyond_NQ = both_NQ - own[first] - own[second]
            whole_JJ[first, second] = whole_JJ[second, first] = math.sqrt((share_N @ both_NQ**2).sum())
            size_JJQ[first, second] = size_JJQ[second, first] = np.sqrt(share_N @ beyond_NQ**2)
        size_JJ = np.sqrt((size_JJQ**2).sum(axis=2))
        some_JJ = size_JJ > ROUNDING * whole_JJ.max(initial=0.0)
        h_JJ = np.divide(size_JJ, whole_JJ, out=np.zeros_like(size_JJ), where=some_JJ & (whole_JJ > 0))
        return h_JJ, np.where(some_JJ[:, :, None], size_JJQ, 0.0)


def _means(answer_GNQ: Floats, weight_N: Floats) -> Floats:
    return np.asarray(np.einsum("gnq,n->gq", answer_GNQ, _shares(weight_N)))


def _shares(weight_N: Floats) -> Floats:
    """Give what each row counts of 1: as much as it weighs, and all the same where none weighs anything."""
    weight_N = weight_N if weight_N.any() else np.ones(len(weight_N))
    return np.asarray(weight_N / weight_N.sum())
