"""scikit-learn's callbacks: what they are told of a fit, when, and that they can end it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from shoal import MLPClassifier, MLPRegressor

callback = pytest.importorskip(
    "sklearn.callback", reason="this scikit-learn has no callbacks; 1.9 and later do"
)

X = np.random.default_rng(0).normal(size=(20, 3))
Y = X[:, 0] ** 2
QUICK = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 1}


class Heard:
    """Notes what it is told; ends the fit after `stop` epochs."""

    max_propagation_depth = None

    def __init__(self, stop: int = 0) -> None:
        self.notes: list[str] = []
        self.scores: list[float] = []
        self.losses: list[list[float]] = []
        self.stop = stop

    def setup(self, estimator: Any, context: Any) -> None:
        self.notes.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        self.notes.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.notes.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(
        self,
        estimator: Any,
        context: Any,
        *,
        X: Any = None,
        y: Any = None,
        metadata: Any = None,
        fitted_estimator: Any = None,
    ) -> bool:
        self.notes.append(f"end {context.task_name} {context.task_id}")
        if context.task_name != "epoch":
            return False
        self.losses.append(fitted_estimator.loss_curve_)
        self.scores.append(float(np.mean((fitted_estimator.predict(X) - y) ** 2)))
        assert metadata == {}
        return len(self.scores) == self.stop


def test_a_callback_sees_every_epoch_with_the_network_of_that_moment() -> None:
    heard = Heard()
    model = MLPRegressor(**QUICK).set_callbacks(heard).fit(X, Y)
    epochs = [f"{what} epoch {number}" for number in range(4) for what in ("begin", "end")]
    assert heard.notes == ["setup", "begin fit 0", *epochs, "end fit 0", "teardown"]
    np.testing.assert_allclose(heard.scores, model.loss_curve_, rtol=1e-5)
    assert [len(losses) for losses in heard.losses] == [1, 2, 3, 4]
    unheard = MLPRegressor(**QUICK).fit(X, Y)
    np.testing.assert_array_equal(unheard.coefs_[0], model.coefs_[0])


def test_a_callback_ends_a_fit() -> None:
    heard = Heard(stop=2)
    model = MLPRegressor(**QUICK).set_callbacks(heard).fit(X, Y)
    assert model.n_iter_ == 2
    shorter = MLPRegressor(**QUICK | {"max_iter": 2}).fit(X, Y)
    np.testing.assert_array_equal(model.coefs_[0], shorter.coefs_[0])


def test_a_pipeline_hands_its_callbacks_on() -> None:
    heard = Heard()
    make_pipeline(StandardScaler(), MLPRegressor(**QUICK)).set_callbacks(heard).fit(X, Y)
    assert [note for note in heard.notes if note.startswith("end epoch")] == [
        f"end epoch {n}" for n in range(4)
    ]


@pytest.mark.parametrize("stops", [False, True])
def test_the_progress_bar_of_scikit_learn_goes_along(capsys: pytest.CaptureFixture[str], stops: bool) -> None:
    model = MLPClassifier(**QUICK | {"max_iter": 50}, early_stopping=stops, n_iter_no_change=1)
    model.set_callbacks(callback.ProgressBar()).fit(X, Y > 1)
    assert "MLPClassifier" in capsys.readouterr().out


def test_the_scoring_monitor_of_scikit_learn_scores_every_epoch() -> None:
    monitor = callback.ScoringMonitor(scoring="neg_mean_squared_error")
    model = MLPRegressor(**QUICK).set_callbacks(monitor).fit(X, Y)
    scores = [row["neg_mean_squared_error"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    np.testing.assert_allclose(scores, -np.array(model.loss_curve_), rtol=1e-5)
