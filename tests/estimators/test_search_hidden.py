"""Searches around what keeps something where no copy has it, and around networks that are trained further."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import model_selection
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import shoal
from estimators.search_cases import LABELS, RNG, X, assert_equal, classifier
from shoal.estimators import _copies
from shoal.estimators._lots import Lots, Spot

GRID = {"net__dropout": [0.0, 0.2], "net__learning_rate_init": [1e-3, 1e-2]}
LEARNED = 30
"""So many rows, or more, are a fold's to learn from; those held out are fewer."""
Rows = NDArray[Any]


def net(**settings: Any) -> tuple[str, Any]:
    return "net", classifier(max_iter=3, **settings)


def closed_over() -> Callable[[Rows], Rows]:
    seen = {}

    def less_mean(x: Rows) -> Rows:
        if len(x) >= LEARNED:
            seen["mean"] = x.mean(axis=0)
        return x - seen["mean"]

    return less_mean


def bound_anew() -> Callable[[Rows], Rows]:
    mean: Any = None

    def less_mean(x: Rows) -> Rows:
        nonlocal mean
        if len(x) >= LEARNED:
            mean = x.mean(axis=0)
        return x - mean

    return less_mean


def by_default() -> Callable[[Rows], Rows]:
    def less_mean(x: Rows, seen: Any = {}) -> Rows:  # noqa: B006 - what is tried
        if len(x) >= LEARNED:
            seen["mean"] = x.mean(axis=0)
        return x - seen["mean"]

    return less_mean


def as_attribute() -> Callable[[Rows], Rows]:
    def less_mean(x: Rows) -> Rows:
        if len(x) >= LEARNED:
            less_mean.mean = x.mean(axis=0)  # type: ignore[attr-defined]
        return x - less_mean.mean  # type: ignore[attr-defined, no-any-return]

    return less_mean


def in_a_partial() -> Callable[[Rows], Rows]:
    return partial(lambda function, x: function(x), closed_over())


def of_an_object() -> Callable[[Rows], Rows]:
    class Mean:
        def less(self, x: Rows) -> Rows:
            if len(x) >= LEARNED:
                self.mean = x.mean(axis=0)
            return x - self.mean

    return Mean().less


@pytest.mark.parametrize(
    "kind", [closed_over, bound_anew, by_default, as_attribute, in_a_partial, of_an_object]
)
def test_functions_that_remember_do_so_of_one_fold_at_a_time(kind: Any) -> None:
    steps = [("f", FunctionTransformer(kind())), ("s", StandardScaler()), net()]
    search = assert_equal(Pipeline(steps), GRID, X, LABELS, cv=3, return_train_score=True)
    assert search.fits_["validation_loss"].notna().all()


def times(factor: Any) -> Callable[[Rows], Rows]:
    return lambda x: x * factor


def test_functions_that_hold_others_values_are_told_apart() -> None:
    grid = {**GRID, "f__func": [times(1.0), times(2.0), times(np.arange(3.0))]}
    assert_equal(Pipeline([("f", FunctionTransformer(times(1.0))), net()]), grid, X, LABELS, cv=3)


def test_functions_that_hold_numbers_are_shared() -> None:
    factor, offset = 2.0, times(3.0)

    def plain(x: Rows, more: float = 1.0) -> Rows:
        return offset(x) * factor + more

    _copies.copied(plain)
    _copies.copied([np.log1p, StandardScaler(), plain])
    with pytest.raises(TypeError, match="less_mean may write into what it holds"):
        _copies.copied([FunctionTransformer(closed_over())])


def trained_further(estimator: Any, x: Any, y: Any) -> float:
    """Score a network after one more epoch: it depends on where the optimiser stood."""
    last = estimator[-1]
    assert last.best_loss_ is not None
    assert last.validation_loss_curve_ is None
    last.partial_fit(estimator[:-1].transform(x), y)
    return float(last.loss_)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_scorer_may_train_further(n_jobs: int | None) -> None:
    steps = [("s", StandardScaler()), net(batch_size=8)]
    search = assert_equal(Pipeline(steps), GRID, X, LABELS, cv=3, scoring=trained_further, n_jobs=n_jobs)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_scorer_finds_what_is_none() -> None:
    def held(estimator: Any, _x: Any, _y: Any) -> float:
        assert estimator.best_loss_ is None
        return estimator.best_iter_  # type: ignore[no-any-return]

    assert_equal(classifier(early_stopping=True), {"dropout": [0.0, 0.2]}, X, LABELS, cv=3, scoring=held)


@pytest.mark.parametrize("piped", [False, True])
def test_what_callbacks_hear_does_not_depend_on_a_store(piped: bool, tmp_path: Path) -> None:
    pytest.importorskip("sklearn.callback", reason="this scikit-learn has no callbacks; 1.9 and later do")
    from estimators.test_search_callbacks import Propagated

    heard = []
    for store in (None, tmp_path / "store", tmp_path / "store"):
        told = Propagated()
        steps = [("s", StandardScaler()), net()]
        estimator = Pipeline(steps) if piped else steps[-1][1]
        grid = {f"{'net__' if piped else ''}dropout": [0.0, 0.2]}
        if store is None:
            search = model_selection.GridSearchCV(estimator, grid, cv=2)
        else:
            search = shoal.GridSearchCV(estimator, grid, cv=2, store=store)
        search.set_callbacks(told).fit(X, LABELS)
        heard.append((told.notes, search.cv_results_["mean_test_score"].tolist()))
    assert heard[0] == heard[1] == heard[2]


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("floats", [False, True])
def test_networks_for_images_score_as_in_scikit_learn(floats: bool, n_jobs: int | None) -> None:
    images = RNG.integers(0, 256, (40, 6, 6)).astype(np.float64 if floats else np.uint8)
    labels = RNG.integers(0, 2, 40)
    network = shoal.CNNClassifier((3,), hidden_layer_sizes=(5,), max_iter=2, random_state=0)
    grid, found = {"learning_rate_init": [1e-3, 1e-2], "kernel_size": [3, 5]}, []
    for kind in (shoal.GridSearchCV, model_selection.GridSearchCV):
        jobs = n_jobs if kind is shoal.GridSearchCV else None  # theirs would import torch in each process
        search = kind(network, grid, cv=3, n_jobs=jobs, return_train_score=True).fit(images, labels)
        scores = {key: value for key, value in search.cv_results_.items() if key.endswith("_score")}
        found.append((scores, search.predict_proba(images)))
    (ours, answered), (theirs, expected) = found
    np.testing.assert_array_equal(answered, expected)
    for key, value in theirs.items():
        np.testing.assert_array_equal(ours[key], value, err_msg=key)


class Looks(shoal.MLPClassifier):  # type: ignore[misc]
    """Looks at the rows that it is given before it is trained."""

    seen: ClassVar[list[Any]] = []

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Looks:
        self.seen.append(None if X is None else X.shape)
        return super().fit(X, y, sample_weight)  # type: ignore[no-any-return]


def test_rows_are_let_go_once_all_is_planned_but_for_who_looks_at_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there: list[bool] = []
    scored = Lots.scored

    def noted(self: Lots, spot: Spot) -> None:
        there.append(self.shared._fitted[self._ways[spot][-1]].rows is not None)
        scored(self, spot)

    monkeypatch.setattr(Lots, "scored", noted)
    Looks.seen.clear()
    for kind, kept in ((shoal.MLPClassifier, False), (Looks, True)):
        there.clear()
        network = kind((6,), max_iter=3, random_state=3)
        assert_equal(Pipeline([("s", StandardScaler()), ("net", network)]), GRID, X, LABELS, cv=3)
        assert set(there) == {kept}
    assert set(Looks.seen) == {(32, 3), (48, 3)}
