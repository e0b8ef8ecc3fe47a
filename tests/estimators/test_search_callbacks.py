"""scikit-learn's callbacks in a search: the same hooks as in scikit-learn's own, in the same order, and obeyed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import model_selection
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import shoal
from estimators.search_cases import LABELS, X, classifier
from shoal.estimators import _order
from shoal.estimators._training_tasks import train

callback = pytest.importorskip(
    "sklearn.callback", reason="this scikit-learn has no callbacks; 1.9 and later do"
)
SEARCHES = (shoal.GridSearchCV, model_selection.GridSearchCV)


class Told:
    """Notes every hook with its place in the tree; ends fits after `stop` epochs."""

    def __init__(self, stop: int | None = None) -> None:
        self.notes: list[Any] = []
        self.stop = stop

    def setup(self, estimator: Any, context: Any) -> None:
        self._note("setup", estimator, context)

    def teardown(self, estimator: Any, context: Any) -> None:
        self._note("teardown", estimator, context)

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self._note("begin", estimator, context)

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, X: Any = None, fitted_estimator: Any = None
    ) -> bool:
        rows = len(getattr(fitted_estimator, "loss_curve_", ()))
        self._note("end", estimator, context, rows, None if X is None else len(X))
        return context.task_name == "epoch" and context.task_id + 1 == self.stop

    def _note(self, what: str, estimator: Any, context: Any, *more: Any) -> None:
        path, name = [], type(estimator).__name__
        while context is not None:
            path.append((context.estimator_name, context.task_name, context.task_id))
            context = context.parent
        self.notes.append((what, name, *path, *more))


class Propagated(Told):
    """Is handed down to what is searched, and to what that is made of, as deep as it says."""

    def __init__(self, stop: int | None = None, depth: int | None = None) -> None:
        super().__init__(stop)
        self.max_propagation_depth = depth


def network(**settings: Any) -> Any:
    return classifier(max_iter=4, learning_rate_init=0.03, **settings)


@pytest.mark.parametrize("depth", [None, 1])
@pytest.mark.parametrize("stop", [None, 2])
@pytest.mark.parametrize("piped", [False, True])
def test_a_propagated_callback_hears_what_it_hears_in_scikit_learn(
    piped: bool, stop: int | None, depth: int | None
) -> None:
    estimator = make_pipeline(StandardScaler(), network()) if piped else network()
    grid = {f"{'mlpclassifier__' if piped else ''}dropout": [0.0, 0.2]}
    heard, scores = [], []
    for kind in SEARCHES:
        told = Propagated(stop, depth)
        search = kind(estimator, grid, cv=2).set_callbacks(told).fit(X, LABELS)
        heard.append(told.notes)
        scores.append([*search.cv_results_["split0_test_score"], *search.cv_results_["split1_test_score"]])
    assert heard[0] == heard[1]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("where", ["network", "pipeline", "transformer's neighbour", "grid"])
@pytest.mark.parametrize("stop", [None, 2])
def test_a_callback_on_the_estimator_hears_what_it_hears_in_scikit_learn(
    where: str, stop: int | None
) -> None:
    heard = []
    for kind in SEARCHES:
        told = Told(stop)
        listening = network().set_callbacks(told)
        grid: dict[str, Any] = {"mlpclassifier__dropout": [0.0, 0.2]}
        match where:
            case "network":
                estimator, grid = listening, {"dropout": [0.0, 0.2]}
            case "pipeline":
                estimator = make_pipeline(StandardScaler(), network()).set_callbacks(told)
            case "grid":
                estimator, grid = (
                    make_pipeline(StandardScaler(), network()),
                    {"mlpclassifier": [network(), listening]},
                )
            case _:
                estimator = make_pipeline(StandardScaler(), listening)
        search = kind(estimator, grid, cv=2).fit(X, LABELS)
        heard.append([told.notes, search.cv_results_["mean_test_score"].tolist()])
    assert heard[0] == heard[1]
    assert ("end" in {note[0] for note in heard[0][0]}) is True


def test_a_callback_on_the_search_alone_is_told_once_of_every_fit_and_slows_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lots: list[int] = []

    def noted(given: Any, **options: Any) -> Any:
        return train((lots.append(len(lot)) or lot for lot in given), **options)

    monkeypatch.setattr(_order, "train", noted)
    heard = []
    for kind in SEARCHES:
        told = Told()
        kind(network(), {"dropout": [0.0, 0.2]}, cv=2).set_callbacks(told).fit(X, LABELS)
        heard.append(sorted(map(repr, told.notes)))
    assert heard[0] == heard[1]
    assert lots == [2, 2]


def test_what_a_callback_listens_to_still_has_curves_and_networks() -> None:
    told = Propagated(stop=3)
    search = shoal.GridSearchCV(
        make_pipeline(StandardScaler(), network()), {"mlpclassifier__dropout": [0.0, 0.2]}, cv=2
    )
    search.set_callbacks(told, callback.ProgressBar()).fit(X, LABELS)
    counts = search.fits_.groupby(["candidate", "fold"])["validation_loss"].count()
    assert counts.tolist() == [3, 3, 3, 3]
    assert len(search.fold_modules_) == 2
    expected = model_selection.cross_val_predict(
        make_pipeline(StandardScaler(), classifier(max_iter=3, learning_rate_init=0.03)),
        X,
        LABELS,
        cv=2,
        method="predict_proba",
    )
    if search.best_index_ == 0:
        np.testing.assert_array_equal(search.oof_predictions_, expected)
    assert np.isfinite(search.oof_predictions_).all()


def test_a_monitor_scores_every_epoch_of_every_fit() -> None:
    logs = []
    for kind in SEARCHES:
        monitor = callback.ScoringMonitor(scoring="accuracy")
        estimator = network().set_callbacks(monitor)
        kind(estimator, {"dropout": [0.0, 0.2]}, cv=2).fit(X, LABELS)
        logs.append(sorted(monitor.get_logs().data, key=repr))
    assert logs[0] == logs[1]
    assert len(logs[0]) == (4 + 1) * (4 + 1)  # fits and their epochs, the refit's among them
