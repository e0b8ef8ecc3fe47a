"""What simple models answer to the test rows, fitted to the same training rows as the delivered network.

A linear model (ridge or logistic regression, its penalty chosen by cross-validation) and gradient-boosted trees, all of
scikit-learn. They are made on one thread from a fixed seed, so that the same rows give the same bytes on any number of
workers. Their cost is bounded: rows are drawn where there are too many, and what would take too long is not fitted.
Letters: N training rows, V test rows, D inputs, K targets or classes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Dataset, FoldOptions, Preprocessing, Split, fit_preprocessing, make_folds
from shoal.elementary import log
from shoal.engine._fit import content_id, row_digest
from shoal.engine._fits import Planner
from shoal.engine._row_weights import judging_weights
from shoal.engine._stored import refusing_stored
from shoal.errors import DataError
from shoal.kinds import task_kind
from shoal.parts import RUN, Parts
from shoal.results import FITTED, TREE_CATEGORIES, SimpleModel, Store, expect, label_losses
from shoal.streams import REFIT_STREAM, Role, StreamKey, permutation

Floats = NDArray[np.float64]

VERSION: Final = 1
"""Part of what names the answers: another way of making them is another number."""
PENALTIES: Final = (10.0, 1.0, 1e-1, 1e-2, 1e-3, 1e-4)
"""Tried for the linear model: what the squared weights of standardised inputs cost, a row."""
USUAL: Final = 1e-2
"""The penalty where no folds can be had."""
MOST_FOLDS: Final = 3
PENALTY_ROWS: Final = 4_000
"""Rows by which the penalty is chosen, at most."""
CELLS: Final = {"linear": 5_000_000, "trees": 3_000_000}
"""Training rows times inputs (for trees, times models for the outputs too) from which rows are drawn."""
FEWEST_ROWS: Final = 1_000
"""Rows that are drawn at least."""
TREES: Final = 100
MOST_OUTPUTS: Final = 30
"""Trees are grown for each output by itself: with more classes or targets, for none."""
WIDEST: Final = 10_000
"""Inputs times outputs from which no simple model is fitted."""
AT_ONCE: Final = 2_000
"""Test rows answered at once."""


@dataclass(frozen=True, eq=False)
class _Task:
    """Training rows drawn for one kind of model, and where they lie; `x` gives inputs of rows of the data set."""

    dataset: Dataset
    rows_N: NDArray[np.int64]
    preprocessing: Preprocessing
    folds: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]]

    @property
    def y(self) -> NDArray[Any]:
        """Targets of the rows, in standardised units (N, K), numbers of classes (N,), or labels, bool (N, K)."""
        if task_kind(self.dataset.task).target == "labels":
            return self.dataset.targets[self.rows_N]
        return self.preprocessing.targets(self.dataset, self.rows_N)

    @property
    def weight_N(self) -> Floats | None:
        """What each of the rows counts, 1 in the mean; None where all count the same."""
        weight_N = judging_weights(self.dataset, self.rows_N)
        return None if weight_N is None else weight_N / weight_N.mean()

    def restored(self, answers_NK: NDArray[Any]) -> Floats:
        """Give answers in the targets' units; probabilities stay."""
        return self.preprocessing.restore(answers_NK)


def ask_simple_models(planner: Planner, fit_id: str, store: Store, parts: Parts) -> None:
    """Fit the simple models that the study asks for, and keep their answers beside the delivered fit.

    The fact "simple models" says which there are, on how many rows, and of one that there is not, why. What is kept
    already of the same rows is not computed again. One that cannot be made is noted in `parts`.
    """
    earlier = store.fact("simple models") or {}
    store.put_fact("simple models", None)  # an earlier one is not believed, whatever comes
    if not planner.study.checks.baselines:
        return
    models: dict[str, dict[str, Any]] = {}
    for name, fit in zip(FITTED, (_linear, _trees), strict=True):
        with parts.attempt(f"simple models, {name}", RUN):
            models[name] = asdict(_kept_or_made(name, fit, planner, (fit_id, earlier), store))
    store.put_fact("simple models", models)


def _kept_or_made(
    name: str,
    fit: Callable[[_Task], Callable[[NDArray[np.int64]], Floats]],
    planner: Planner,
    before: tuple[str, Any],
    store: Store,
) -> SimpleModel:
    """Find the answers of an earlier run, or compute them; or say why there are none."""
    fit_id, earlier = before
    dataset = planner.dataset
    if why := why_none(planner, name):
        return SimpleModel("", "", 0, why)
    rows_N = rows_drawn(planner, name)
    pooled = _pooled(dataset, rows_N) if name == "trees" else ()
    part = f"{name} {_content(planner, rows_N)}"
    with refusing_stored(f"the answers of the simple models ({name})"):
        if name in earlier and earlier[name]["part"] == part:
            model = SimpleModel(str(earlier[name]["fit_id"]), part, len(rows_N), "", pooled)
            stored = store.derived(model.fit_id, part)
            if stored is not None:
                shape = (dataset.rows - dataset.train_rows, dataset.outputs)
                expect(stored["test"].dtype == np.float64 and stored["test"].shape == shape)
                return model
    task = _Task(dataset, rows_N, fit_preprocessing(dataset, rows_N, "both"), tuple(_folds(planner, rows_N)))
    store.put_derived(fit_id, part, {"test": _answered(task, fit)})
    return SimpleModel(fit_id, part, len(rows_N), "", pooled)


def why_none(planner: Planner, name: str) -> str:
    """Say why a simple model is not fitted to these rows; nothing where it is."""
    dataset = planner.dataset
    if name == "trees" and not dataset.columns:
        return "trees are not grown on pixels"
    if name == "trees" and dataset.outputs > MOST_OUTPUTS:
        what = {"numbers": "targets", "class": "classes", "labels": "labels"}[task_kind(dataset.task).target]
        return f"trees are not grown for more than {MOST_OUTPUTS} {what}"
    if _inputs(planner, name) * dataset.outputs > WIDEST:
        return f"more than {WIDEST:,} inputs times outputs would take too long"
    if _sklearn() is None:
        return "scikit-learn, which fits it, is not installed"
    return ""


def rows_drawn(planner: Planner, name: str) -> NDArray[np.int64]:
    """Give the training rows that a simple model is fitted to: all, or as many as its cost allows, drawn."""
    rows, most = planner.dataset.train_rows, count_drawn(planner, name)
    if rows == most:
        return np.arange(rows, dtype=np.int64)
    key = StreamKey(planner.study.study.seed, REFIT_STREAM, 0).words(Role.INSPECT)
    return np.sort(permutation(key, rows)[:most])


def count_drawn(planner: Planner, name: str) -> int:
    """Count the rows that a simple model is fitted to, without drawing them."""
    return min(planner.dataset.train_rows, max(FEWEST_ROWS, CELLS[name] // width(planner, name)))


def width(planner: Planner, name: str) -> int:
    """Count what a row costs: inputs and, for trees, which are grown for each output (of two classes for one), times
    these.
    """
    outputs = planner.dataset.outputs
    grown = 1 if planner.dataset.classes and outputs == 2 else outputs
    return _inputs(planner, name) * (grown if name == "trees" else 1)


def _inputs(planner: Planner, name: str) -> int:
    """Count the inputs as a model has them: pixels, columns, and for a linear one a column for each category."""
    if name == "trees":
        return max(1, len(planner.dataset.columns))
    return max(1, math.prod(planner.input_shape(planner.refit_split)))


def _sklearn() -> str | None:
    try:
        return version("scikit-learn")
    except PackageNotFoundError:
        return None


def _content(planner: Planner, rows_N: NDArray[np.int64]) -> str:
    """Name the answers by all that they depend on."""
    dataset, study = planner.dataset, planner.study
    folds = [[row_digest(rows) for rows in (split.train, split.validation)] for split in _splits(planner)]
    return content_id({
        "data": [dataset.train_fingerprint, dataset.test_fingerprint],
        "task": dataset.task,
        **({} if dataset.target_transform == "none" else {"target": dataset.target_transform}),
        "rows": [len(rows_N), study.study.seed],
        "folds": folds,
        "versions": [VERSION, _sklearn()],
    })  # fmt: skip


def _splits(planner: Planner) -> Sequence[Split]:
    """The first splits of the search; without one, folds of Shoal's own choice: grouped, stratified or plain."""
    if planner.folds:
        return planner.folds[:MOST_FOLDS]
    try:
        return make_folds(planner.dataset, FoldOptions(n=MOST_FOLDS, seed=planner.study.study.seed))
    except DataError:
        return ()


def _folds(
    planner: Planner, rows_N: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Give places in `rows_N` to fit to and to judge by, so many at most that the penalty is found quickly."""
    for split in _splits(planner):
        fitted = np.flatnonzero(np.isin(rows_N, split.train))
        judged = np.flatnonzero(np.isin(rows_N, split.validation))
        if len(fitted) and len(judged):
            yield fitted[:: _step(fitted)], judged[:: _step(judged)]


def _step(places: NDArray[np.int64]) -> int:
    return max(1, -(-len(places) // PENALTY_ROWS))


def _answered(task: _Task, fit: Callable[[_Task], Callable[[NDArray[np.int64]], Floats]]) -> Floats:
    """Fit on one thread, so that no sum depends on their number, and answer the test rows, (V, K)."""
    from threadpoolctl import threadpool_limits

    dataset = task.dataset
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of penalties that do not converge: the others are tried, too
        answer = fit(task)
        test = np.arange(dataset.train_rows, dataset.rows, dtype=np.int64)
        parts = [answer(test[start : start + AT_ONCE]) for start in range(0, len(test), AT_ONCE)]
    answers_VK = np.concatenate([np.zeros((0, dataset.outputs)), *parts])
    if not np.isfinite(answers_VK).all():
        raise ValueError("its answers are not finite")
    return answers_VK


# The linear model


def _linear(task: _Task) -> Callable[[NDArray[np.int64]], Floats]:
    """Fit ridge or logistic regression to standardised inputs."""
    from sklearn.preprocessing import StandardScaler

    def inputs(rows: NDArray[np.int64]) -> Floats:
        return task.preprocessing.inputs(task.dataset, rows).reshape(len(rows), -1).astype(np.float64)

    scaler = StandardScaler()
    x_ND, y = scaler.fit_transform(inputs(task.rows_N)), task.y
    if y.ndim == 1 and len(np.unique(y)) < 2:
        raise ValueError("the rows that it was to be fitted to have one class")
    penalty = _best_penalty(x_ND, y, task)
    model = _penalised(x_ND, y, penalty, task.weight_N)
    return lambda rows: task.restored(_outputs(model, scaler.transform(inputs(rows)), task.dataset))


def _best_penalty(x_ND: Floats, y: NDArray[Any], task: _Task) -> float:
    """Choose the penalty of the least loss on the rows that folds hold out; of equal ones the largest."""
    losses: dict[float, list[float]] = {penalty: [] for penalty in PENALTIES}
    weight_N = task.weight_N
    for fitted, judged in task.folds:
        if y.ndim == 1 and len(np.unique(y[fitted])) < 2:
            continue
        to_fit, to_judge = (None if weight_N is None else weight_N[rows] for rows in (fitted, judged))
        for penalty, of_penalty in losses.items():
            model = _penalised(x_ND[fitted], y[fitted], penalty, to_fit)
            answers_NK = _outputs(model, x_ND[judged], task.dataset)
            of_penalty.append(_loss(y[judged], answers_NK, to_judge))
    judged_by = len(losses[USUAL])
    return min(PENALTIES, key=lambda penalty: float(np.mean(losses[penalty]))) if judged_by else USUAL


def _loss(y: NDArray[Any], answers_NK: Floats, weight_N: Floats | None) -> float:
    if y.ndim == 1:
        of_truth_N = np.maximum(answers_NK[np.arange(len(y)), y], 1e-12)
        return float(np.average(-log(of_truth_N), weights=weight_N))
    losses_NK = label_losses(y, answers_NK) if y.dtype == np.bool_ else (answers_NK - y) ** 2
    return float(
        losses_NK.mean() if weight_N is None else np.average(losses_NK.mean(axis=1), weights=weight_N)
    )


def _penalised(x_ND: Floats, y: NDArray[Any], penalty: float, weight_N: Floats | None) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    def logistic(class_N: NDArray[Any]) -> Any:
        return LogisticRegression(C=1 / (penalty * len(x_ND)), max_iter=200).fit(x_ND, class_N, weight_N)

    if y.ndim == 1:
        return logistic(y)
    if y.dtype == np.bool_:
        return _ModelsOfLabels.of(logistic, y)
    return Ridge(alpha=penalty * len(x_ND)).fit(x_ND, y.astype(np.float64), weight_N)


def _outputs(model: Any, x_ND: Floats, dataset: Dataset) -> Floats:
    """Give values (N, K), or the probability of every class, 0 of one that no row fitted has, or of every label."""
    if isinstance(model, _ModelsOfLabels):
        return model.answers(x_ND)
    if dataset.task == "regression":
        return np.asarray(model.predict(x_ND), np.float64).reshape(len(x_ND), -1)
    probability_NK = np.zeros((len(x_ND), dataset.outputs))
    probability_NK[:, model.classes_] = model.predict_proba(x_ND)
    return probability_NK


@dataclass(frozen=True)
class _ModelsOfLabels:
    """A classifier of each label by itself; of one that all rows fitted have, or none, what they have: 1 or 0."""

    models: tuple[Any, ...]

    @classmethod
    def of(cls, fit: Callable[[NDArray[Any]], Any], y_NK: NDArray[Any]) -> _ModelsOfLabels:
        uniform_K = (y_NK == y_NK[0]).all(axis=0).tolist()
        return cls(
            tuple(
                float(has_N[0]) if same else fit(has_N.astype(np.int64))
                for has_N, same in zip(y_NK.T, uniform_K, strict=True)
            )
        )

    def answers(self, x_ND: Floats) -> Floats:
        """Give the probability of every label, (N, K)."""
        columns = [
            np.full(len(x_ND), model) if isinstance(model, float) else model.predict_proba(x_ND)[:, 1]
            for model in self.models
        ]
        return np.stack(columns, axis=1)


# Boosted trees


def _trees(task: _Task) -> Callable[[NDArray[np.int64]], Floats]:
    """Grow boosted trees on the inputs as they are, categories as categories; one model for each target."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    columns = task.dataset.columns
    categories = [_frequent(column.values[task.rows_N]) if column.categorical else None for column in columns]

    def inputs(rows: NDArray[np.int64]) -> Floats:
        coded = zip(columns, categories, strict=True)
        return np.stack([_coded(column.values[rows], names) for column, names in coded], axis=1)

    x_ND, y = inputs(task.rows_N), task.y
    settings: dict[str, Any] = {
        "max_iter": TREES,
        "early_stopping": False,
        "random_state": 0,
        "categorical_features": [names is not None for names in categories],
    }
    if y.dtype == np.bool_:

        def grown(class_N: NDArray[Any]) -> Any:
            return HistGradientBoostingClassifier(**settings).fit(x_ND, class_N, task.weight_N)

        of_labels = _ModelsOfLabels.of(grown, y)
        return lambda rows: of_labels.answers(inputs(rows))
    if task.dataset.task == "classification":
        model = HistGradientBoostingClassifier(**settings).fit(x_ND, y, task.weight_N)
        return lambda rows: _outputs(model, inputs(rows), task.dataset)
    models = [
        HistGradientBoostingRegressor(**settings).fit(x_ND, target_N, task.weight_N) for target_N in y.T
    ]
    return lambda rows: task.restored(np.stack([model.predict(inputs(rows)) for model in models], axis=1))


def _pooled(dataset: Dataset, rows_N: NDArray[np.int64]) -> tuple[str, ...]:
    """Name the inputs of more categories than trees tell apart."""
    wide = (column for column in dataset.columns if column.categorical)
    return tuple(column.name for column in wide if len(np.unique(column.values[rows_N])) > TREE_CATEGORIES)


def _frequent(values_N: NDArray[Any]) -> NDArray[Any]:
    """Give the most frequent categories, sorted; of equally frequent ones the first by name."""
    names, counts = np.unique(values_N, return_counts=True)
    return np.sort(names[np.argsort(-counts, kind="stable")[:TREE_CATEGORIES]])


def _coded(values_N: NDArray[Any], names: NDArray[Any] | None) -> Floats:
    """Give numbers as they are, and categories as numbers: all that are not `names` get the next one."""
    if names is None:
        return np.asarray(values_N, np.float64)
    places = np.minimum(np.searchsorted(names, values_N), len(names) - 1)
    return np.where(names[places] == values_N, places, len(names)).astype(np.float64)
