"""What each input column adds to single predictions: integrated gradients of a dense network, in numpy.

Every way begins at a row that says nothing. Nothing but the model is needed.

Letters: N rows, D inputs behind the vectors of embedded columns, S input columns, Q questions (targets or labels; of
classes the one that is named), K outputs, A outputs of a target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from shoal.data import Column, Preprocessing
from shoal.engine._integrated import ByTrainer, ClassOdds, Floats, Question, Way, bends_of, missed
from shoal.engine._predict import Trained
from shoal.engine.trainers.choice import Trainers
from shoal.kinds import has_classes, task_kind
from shoal.nets import EmbeddingLayer, outputs_and_gradient
from shoal.results import Brief

if TYPE_CHECKING:
    from pandas import DataFrame


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
        return float(missed(self.contributions, self.answers - self.baselines).max(initial=0.0))

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
    """Explain checked rows of a table; `classes` are the names of classes, and which is named of each row."""
    from threadpoolctl import threadpool_limits

    embedding, way = _way(trained)
    x_ND = trained.preprocessing.inputs(columns, dtype=np.float64)
    if embedding is not None:
        x_ND = embedding.output(trained.named, x_ND)
    questions = dict(_questions(trained.preprocessing, trained, classes[1]))
    answers, baselines, parts = [], [], []
    with threadpool_limits(1):  # of many small products, which threads would wait for
        for question in questions.values():
            answer_N, baseline_N, contribution_NS = way.contributions(x_ND, question)
            answers.append(answer_N)
            baselines.append(baseline_N)
            parts.append(contribution_NS)
    of_classes = has_classes(trained.task)
    return Explanation(
        tuple(column.name for column in trained.preprocessing.columns),
        tuple(questions),
        np.stack(answers, axis=1),
        np.stack(baselines, axis=1),
        np.stack(parts, axis=1),
        tuple(classes[0][k] for k in classes[1].tolist()) if of_classes else (),
    )


class _Prediction:
    """The prediction of the target of a number, in its units."""

    def __init__(self, preprocessing: Preprocessing, place: int) -> None:
        self._preprocessing, self._place = preprocessing, place

    def values(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:  # noqa: ARG002
        return self._preprocessing.restore(outputs_NK)[:, self._place]

    def gradient(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:  # noqa: ARG002
        scales = self._preprocessing.target_scales
        of_each = outputs_NK.shape[1] // len(scales)
        own = slice(self._place * of_each, (self._place + 1) * of_each)
        gradient_NK = np.zeros_like(outputs_NK)
        gradient_NK[:, own] = scales[self._place].slopes(outputs_NK[:, own])
        return gradient_NK


class _LabelOdds:
    """The log-odds of the label of a number: its output."""

    def __init__(self, place: int) -> None:
        self._place = place

    def values(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:  # noqa: ARG002
        return outputs_NK[:, self._place]

    def gradient(self, outputs_NK: Floats, rows: NDArray[np.int64]) -> Floats:  # noqa: ARG002
        gradient_NK = np.zeros_like(outputs_NK)
        gradient_NK[:, self._place] = 1
        return gradient_NK


def _questions(
    preprocessing: Preprocessing, trained: Trained, named_N: NDArray[np.int64]
) -> Iterator[tuple[str, Question]]:
    if has_classes(trained.task):
        yield "log-odds of the class named", ClassOdds(named_N)
        return
    labels = task_kind(trained.task).target == "labels"
    for place, scale in enumerate(preprocessing.target_scales):
        if labels:
            yield f"log-odds of {scale.name}", _LabelOdds(place)
        else:
            yield scale.name, _Prediction(preprocessing, place)


def _way(trained: Trained) -> tuple[EmbeddingLayer | None, Way]:
    """Give the layer of vectors of embedded columns, if any, and the way through the layers behind it.

    On the way from one vector to another there is no code, so that ways begin behind the tables.
    """
    architecture, preprocessing, named = trained.architecture, trained.preprocessing, trained.named
    first, *others = architecture.layers
    embedding = first if isinstance(first, EmbeddingLayer) else None
    layers = architecture.layers if embedding is None else tuple(others)
    spans, baseline_D = preprocessing.spans, preprocessing.baseline_D
    if embedding is not None:
        spans |= dict(zip(preprocessing.code_names, embedding.places(), strict=True))
        baseline_D = np.concatenate([baseline_D[: embedding.plain], embedding.average(named)])
    order = [spans[column.name] for column in preprocessing.columns]

    def added_of(added_ND: Floats) -> Floats:
        return np.stack([added_ND[:, span].sum(axis=1) for span in order], axis=1)

    if architecture.series is not None or architecture.own is not None:
        asked = ByTrainer(Trainers().taking(architecture), trained, architecture.input_shape)
        return None, Way(asked.outputs, asked.by_inputs, baseline_D, added_of)

    def outputs(x_ND: Floats) -> Floats:
        for layer in layers:
            x_ND = layer.output(named, x_ND)
        return x_ND

    return embedding, Way(
        outputs,
        partial(outputs_and_gradient, layers, named),
        baseline_D,
        added_of,
        ends=bends_of(architecture.dense, named, baseline_D),
    )
