"""From rows to answers: what a trained network says, computed the same way while it is scored and ever after.

Letters: N rows, D inputs, K outputs, P parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Column, Dataset, Preprocessing
from shoal.engine._trainer import Trainer
from shoal.engine.trainers.choice import Trainers
from shoal.kinds import Task
from shoal.links import link_of
from shoal.nets import Architecture
from shoal.study import Training
from shoal.wording import counted

PREDICTED_ROWS: Final = 8192
"""Rows predicted at once: bounds the memory that float images take."""

PredictedRows = Dataset | Sequence[Column] | NDArray[np.uint8]
"""Where rows come from: a data set, input columns as read, or images (N, C, height, width)."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, how rows become its inputs, and how its outputs become answers."""

    architecture: Architecture
    parameters_P: NDArray[Any]
    buffers: NDArray[Any]
    preprocessing: Preprocessing
    task: Task

    @property
    def named(self) -> dict[str, NDArray[Any]]:
        """Parameters and buffers by name."""
        return self.architecture.named(self.parameters_P, self.buffers)


def network_inputs(
    architecture: Architecture, preprocessing: Preprocessing, source: PredictedRows, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Prepare inputs in the shape that the network takes."""
    match source:
        case np.ndarray():
            x = preprocessing.pixels(source[rows])
        case _:
            x = preprocessing.inputs(source, rows)
    return x.reshape(len(rows), *architecture.row_shape)


def answers(
    trainer: Trainer, trained: Trained, source: PredictedRows, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Predict rows in the targets' units, or as class probabilities, float64 (N, K).

    Numbers that overflow, as those of a foreign model file may, come out as what they are, not finite, without a word.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _answers(trainer, trained, source, rows)


def _answers(
    trainer: Trainer, trained: Trained, source: PredictedRows, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    outputs = [
        trainer.outputs(
            trained.architecture,
            trained.parameters_P,
            trained.buffers,
            network_inputs(trained.architecture, trained.preprocessing, source, part),
        )
        for part in np.split(rows, range(PREDICTED_ROWS, len(rows), PREDICTED_ROWS))
    ]
    return answers_of(np.concatenate(outputs), trained.preprocessing, trained.task)


def answers_of(outputs_NK: NDArray[Any], preprocessing: Preprocessing, task: Task) -> NDArray[np.float64]:
    """Turn outputs into values in the targets' units, or class probabilities, float64 (N, K)."""
    answer = softmax if task == "classification" else preprocessing.restore
    return answer(outputs_NK)


def not_finite(answer_NA: NDArray[np.float64]) -> str:
    """Say of how many rows, (N, A), the answers are not finite numbers; empty where all are."""
    rows = int((~np.isfinite(answer_NA).all(axis=1)).sum())
    what = "what the network answers is too large for floating-point numbers"
    return f"no finite prediction for {rows:,} of {counted(len(answer_NA), 'row')}: {what}" if rows else ""


def softmax(logit_NK: NDArray[Any]) -> NDArray[np.float64]:
    """Turn logits into class probabilities, float64 (N, K)."""
    return link_of("softmax").numpy(logit_NK.astype(np.float64))


def trainer_of(name: str, architecture: Architecture) -> Trainer:
    """Give the trainer of that name if it is here and takes such a network, else the first that does.

    Raises StudyError where none does.
    """
    trainers = Trainers()
    trainer = trainers.by_name.get(name)
    takes = trainer is not None and trainer.refuses(architecture, Training()) is None
    return trainer if trainer is not None and takes else trainers.taking(architecture)
