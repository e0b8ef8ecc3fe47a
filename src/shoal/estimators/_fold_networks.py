"""The networks of the folds beside a fitted estimator: they say how sure its predictions are.

Letters: F folds, N rows, V rows held out, K targets or classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold

from shoal.data import Preprocessing
from shoal.engine import network_outputs
from shoal.errors import TrainingError
from shoal.estimators._inputs import CheckedRows, Prepared
from shoal.estimators._training_tasks import train
from shoal.nets import Architecture
from shoal.results import HeldOut, conformities, in_order, residuals, temperature_of
from shoal.wording import counted

if TYPE_CHECKING:
    from shoal.estimators._estimator import NetworkEstimator

Floats = NDArray[np.float64]
_SEEDS = 2**32


@dataclass(frozen=True, eq=False)
class FoldNetworks:
    """A network of every fold, by its parameters, and the scores of the rows that it held out.

    Each has an encoding of columns of its own. In classification, `temperature` is that of all rows held out.
    """

    architectures: tuple[Architecture, ...]
    parameters: tuple[dict[str, NDArray[Any]], ...]
    encodings: tuple[Preprocessing | None, ...]
    held_out: tuple[HeldOut, ...]
    temperature: float | None

    def outputs(self, checked: CheckedRows) -> Iterator[Floats]:
        """Give the outputs of every network for checked rows, each (N, outputs)."""
        for network in zip(self.architectures, self.parameters, self.encodings, strict=True):
            architecture, named, encoding = network
            parts = (network_outputs(architecture, named, part.inputs(encoding)) for part in checked.parts())
            yield np.concatenate([*parts])


def train_folds(estimator: NetworkEstimator, prepared: Prepared, seed: int) -> FoldNetworks:
    """Train the estimator's network once without each fold of the prepared rows, as many at a time as `n_jobs` says.

    Raises ValueError where there are fewer rows (or rows of a class) than folds, TrainingError where a network fails.
    """
    classes = estimator._kind == "classification"
    folds = _folds(prepared, estimator.calibration_folds, seed, classes=classes)
    parts = [prepared.learning_from(learned) for learned, _ in folds]
    tasks = [
        replace(estimator._task(part, key=str(number), seed=seed), fold=number + 1, device=estimator.device)
        for number, part in enumerate(parts)
    ]
    n_jobs = -1 if estimator.n_jobs is None else estimator.n_jobs
    trained = {int(result.key): result for result in train([tasks], n_jobs=n_jobs)}
    for number, task in enumerate(tasks):
        if trained[number].status != "ok":
            raise TrainingError(f"{estimator._failure(trained[number], task)} (without fold {number + 1})")
    architectures = tuple(task.job.architecture for task in tasks)
    parameters = tuple(trained[number].parameters for number in range(len(tasks)))
    networks = architectures, parameters, tuple(part.encoding for part in parts)
    true: list[NDArray[Any]] = [prepared.y[held_V] for _, held_V in folds]
    answers = [
        estimator._predicted(network_outputs(architecture, named, part.x[held_V]))
        for architecture, named, part, (_, held_V) in zip(
            architectures, parameters, parts, folds, strict=True
        )
    ]
    score = conformities if classes else residuals
    weights = None
    if prepared.sample_weight is not None:
        weights = [prepared.sample_weight[held_V].astype(np.float64) for _, held_V in folds]
    held_out = tuple(in_order([score(y, answer) for y, answer in zip(true, answers, strict=True)], weights))
    if not classes:
        return FoldNetworks(*networks, held_out, None)
    weight_V = None if weights is None else np.concatenate(weights)
    temperature = temperature_of(np.concatenate(true), np.concatenate(answers), len(folds), weight_V)
    return FoldNetworks(*networks, held_out, temperature)


def _folds(
    prepared: Prepared, count: int, seed: int, *, classes: bool
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Divide the rows to learn from, shuffled; of classes, each fold has its share. Rows learned and held out."""
    rows = prepared.rows
    if len(rows) < count:
        raise ValueError(
            f"calibration_folds: expected at most n_samples = {counted(len(rows), 'fold')}, got {count}"
        )
    if not classes:
        splits = KFold(count, shuffle=True, random_state=seed % _SEEDS).split(rows)
    else:
        y_N = prepared.y[rows]
        fewest = int(np.unique(y_N, return_counts=True)[1].min())
        if fewest == 1:
            what = "expected at least 2 rows of every class, since each fold is left out once, got a class of one row"
            raise ValueError(f"calibration: {what}")
        if fewest < count:
            what = f"expected at most {fewest} folds, the rows of the rarest class"
            raise ValueError(f"calibration_folds: {what}, got {count}")
        splits = StratifiedKFold(count, shuffle=True, random_state=seed % _SEEDS).split(rows, y_N)
    return [(rows[learned], rows[held_out]) for learned, held_out in splits]
