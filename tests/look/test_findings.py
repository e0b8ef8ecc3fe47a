"""From a run folder to facts: the right arrays reach the right fact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from look_runs import MadeUp, make_run

from shoal.look import RunFindings
from shoal.look._figure import Subject
from shoal.look._run_findings import NetworkGroup
from shoal.look.figures import calibration, training, validation
from shoal.look.figures.agreement import agreements
from shoal.look.figures.confusion import confusion_of
from shoal.look.figures.effects import effects_of
from shoal.look.figures.fitted_curve import fitted_curves
from shoal.look.figures.mistakes import mistakes_of
from shoal.look.figures.ranking import ranking_of
from shoal.look.figures.scores_on_test_rows import scores_of
from shoal.look.figures.units import draw_profiles, profiles_of
from shoal.look.figures.variance import variance_split_of
from shoal.look.figures.weights import weights_of
from shoal.nets import build_architecture, forward, initial_parameters
from shoal.streams import REFIT_STREAM, StreamKey

SPACE = {"network.dropout": [0.0, 0.25], "training.batch_size": [10, 25]}
FAILED = frozenset({("compare", "Adam", 1), ("search", 2, 0), ("refit", "winner", 0)})


def facts(module: ModuleType, findings: RunFindings, group: NetworkGroup) -> list[Any]:
    """What a figure gathers for a group of networks."""
    return [one.fact for one in module.FIGURE.gather(Subject(findings, group))]


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> RunFindings:
    run = MadeUp(repeats=3, space=SPACE, search_repeats=2, failed=FAILED, targets=("label", "other"))
    return RunFindings(make_run(tmp_path_factory.mktemp("regression"), run))


@pytest.fixture(scope="module")
def classification(tmp_path_factory: pytest.TempPathFactory) -> RunFindings:
    run = MadeUp(
        task="classification",
        classes=("x", "y", "z"),
        repeats=2,
        inputs=("a", "b"),
        targets=(),
        standardize="both",
    )
    return RunFindings(make_run(tmp_path_factory.mktemp("classes"), run))


def test_comparisons_come_in_the_order_of_the_study_with_their_failed_counted(
    regression: RunFindings,
) -> None:
    groups = regression.comparisons
    assert [(group.name, len(group.healthy), group.failed) for group in groups] == [
        ("SGD", 3, 0), ("Adam", 2, 1), ("winner", 3, 0),
    ]  # fmt: skip
    assert [entry.repeat for entry in groups[1].healthy] == [0, 2]
    assert (len(regression.delivered.healthy), regression.delivered.failed) == (2, 1)


def test_curves_are_those_of_the_healthy_repeats(regression: RunFindings) -> None:
    adam = regression.comparisons[1]
    (fact,) = facts(training, regression, adam)
    stored = [regression.results.curve(entry.fit_id)["train_loss"] for entry in adam.healthy]
    np.testing.assert_array_equal(fact.lines[0].middle_M, np.median(stored, axis=0))
    assert (fact.failed, fact.quantity) == (1, "loss (mean squared error)")
    assert [line.name for line in facts(validation, regression, adam)[0].lines] == ["SGD", "Adam", "winner"]


def test_scores_are_those_of_the_test_rows(regression: RunFindings) -> None:
    fits = regression.results.fits
    scores = scores_of(regression)
    for name, values in zip(scores.names, scores.scores, strict=True):
        rows = fits[(fits["stage"] == "compare") & (fits["label"] == name) & (fits["status"] == "ok")]
        assert values.tolist() == rows["test_mse"].tolist()
    assert scores.failed == (0, 1, 0)


def test_predictions_and_truth_belong_to_the_same_rows(regression: RunFindings) -> None:
    group, truth = regression.comparisons[0], regression.truth
    first, second = agreements(regression, group)
    assert (first.target, second.target) == ("label", "other")
    np.testing.assert_array_equal(second.line.x_M, truth.y[truth.train_rows :, 1])
    mse = np.mean([first.rmse_R**2, second.rmse_R**2], axis=0)
    np.testing.assert_allclose(mse, scores_of(regression).scores[0])
    curve = fitted_curves(regression, group)[1]
    np.testing.assert_array_equal(curve.train_y, truth.y[: truth.train_rows, 1])
    np.testing.assert_array_equal(curve.line.x_M, np.sort(truth.x_ND[truth.train_rows :, 0]))


def test_the_search_is_ranked_as_in_the_results(regression: RunFindings) -> None:
    fact, frame = ranking_of(regression), regression.results.candidates
    assert fact is not None
    np.testing.assert_array_equal(fact.score_C, frame["selection_score"])
    assert fact.keys == ("dropout", "batch size")
    assert fact.values[0] == tuple(f"{frame[key][0]:g}" for key in SPACE)
    assert fact.chosen == int(np.argmax(frame["chosen"]))
    assert fact.quantity == "selection score (mean squared error, lower is better)"
    assert np.isnan(fact.score_C[-1])


def test_effects_and_variance_come_from_whole_candidates(regression: RunFindings) -> None:
    effects, split = effects_of(regression), variance_split_of(regression)
    assert effects is not None
    assert split is not None
    assert sum(effects.effects[0].count_L) == 3
    assert (split.candidates, split.folds, split.repeats) == (3, 3, 2)


def test_weights_start_where_the_refit_starts(regression: RunFindings) -> None:
    weights = weights_of(regression)
    assert weights is not None
    architecture = build_architecture(regression.study.network, (1,), 2)
    named = architecture.named(initial_parameters(architecture, StreamKey(0, REFIT_STREAM, 1)))
    assert [layer.layer for layer in weights.layers] == ["hidden1", "hidden2", "output"]
    for layer in weights.layers:
        assert layer.deviation_before == pytest.approx(named[f"{layer.layer}.weight"].std())
    trained = regression.results.parameters(regression.delivered.healthy[0].fit_id)
    assert weights.layers[1].deviation_after == pytest.approx(trained["hidden2.weight"].std(), rel=1e-5)


def test_profiles_over_the_one_input(regression: RunFindings) -> None:
    profiles = profiles_of(regression)
    assert profiles is not None
    x = regression.truth.x_ND
    assert (profiles.x_M[0], profiles.x_M[-1]) == (x.min(), x.max())
    named = regression.results.parameters(regression.delivered.healthy[0].fit_id)
    expected = forward(build_architecture(regression.study.network, (1,), 2), named, profiles.x_M[:, None])
    np.testing.assert_allclose(profiles.layers[-1].output_MU, expected, rtol=1e-4, atol=1e-5)


def test_profiles_over_test_rows_by_class(classification: RunFindings) -> None:
    profiles = profiles_of(classification)
    assert profiles is not None
    assert profiles.ranked
    assert profiles.axis == "test rows, by true class"
    assert profiles.class_M is not None
    assert np.all(np.diff(profiles.class_M) >= 0)
    for k in np.unique(profiles.class_M):
        assert np.all(np.diff(profiles.layers[-1].output_MU[profiles.class_M == k, k]) >= 0)
    assert len(profiles.x_M) == 30
    ticks = [axes.get_yticklabels() for axes in draw_profiles(profiles).axes if axes.get_title()]
    assert sorted(text.get_text() for text in ticks[-1]) == sorted(classification.truth.classes)


def test_a_classifier_is_judged_over_all_repeats(classification: RunFindings) -> None:
    group, fits = classification.comparisons[0], classification.results.fits
    confusion = confusion_of(classification, group)
    rows = fits[(fits["stage"] == "compare") & (fits["label"] == group.name)]
    assert confusion.test_accuracy == pytest.approx(rows["test_accuracy"].mean())
    assert confusion.count_KK.sum() == 2 * 30
    assert facts(calibration, classification, group)[0].bins.rows_M.sum() == 2 * 30
    assert classification.quantity("accuracy") == "accuracy (share of rows)"
    assert classification.quantity("loss") == "loss (cross-entropy in nats)"


IMAGES = MadeUp(
    task="classification", names=(), classes=("x", "y", "z"), inputs=(), targets=(), hidden=(5,), image=(3, 7, 6),
    rows=(9, 60), repeats=2, level=0.5, failed=frozenset({("refit", "winner", 0)}),
)  # fmt: skip


def test_the_gallery_shows_the_delivered_networks_mistakes(tmp_path: Path) -> None:
    findings = RunFindings(make_run(tmp_path, IMAGES))
    fact = mistakes_of(findings)
    assert fact is not None
    table = findings.results.predictions_of("refit")
    table = table[(table["repeat"] == 1) & (table["rows"] == "test")]  # the first refit is failed
    wrong = table[table["true"] != table["predicted"]]
    assert 0 < len(wrong) < 60
    assert [fact.classes[k] for k in fact.true_M] == wrong["true"].tolist()
    assert [fact.classes[k] for k in fact.predicted_M] == wrong["predicted"].tolist()
    confidence = wrong[["probability_x", "probability_y", "probability_z"]].max(axis=1)
    np.testing.assert_array_equal(fact.of_predicted_M, confidence)
    assert (fact.wrong, fact.rows) == (len(wrong), 60)
    np.testing.assert_array_equal(fact.image_MCHW, findings.truth.images)


def test_weights_of_a_convolutional_network_start_where_the_refit_starts(tmp_path: Path) -> None:
    findings = RunFindings(make_run(tmp_path, IMAGES))
    weights = weights_of(findings)
    assert weights is not None
    architecture = build_architecture(findings.study.network, (3, 7, 6), 3)
    named = architecture.named(initial_parameters(architecture, StreamKey(0, REFIT_STREAM, 1)))
    assert [layer.layer for layer in weights.layers] == ["conv1", "conv2", "hidden1", "output"]
    for layer in weights.layers:
        assert layer.deviation_before == pytest.approx(named[f"{layer.layer}.weight"].std())
        assert layer.after_B.sum() == named[f"{layer.layer}.weight"].size
    assert profiles_of(findings) is None


def test_results_without_images_have_no_gallery_and_no_convolutional_weights(tmp_path: Path) -> None:
    results = make_run(tmp_path, IMAGES)
    bare = replace(results.truth, image_rows=np.zeros(0, np.int64), images=np.zeros((0, 0, 0, 0), np.uint8))
    findings = RunFindings(replace(results, truth=bare))
    assert mistakes_of(findings) is weights_of(findings) is profiles_of(findings) is None
    right = replace(results.truth, image_rows=np.zeros(0, np.int64), images=results.truth.images[:0])
    findings = RunFindings(replace(results, truth=right))
    assert mistakes_of(findings) is None
    assert weights_of(findings) is not None


def test_what_a_run_has_not_is_none(tmp_path: Path) -> None:
    findings = RunFindings(make_run(tmp_path, MadeUp(names=(), inputs=("a", "b"), standardize="both")))
    assert ranking_of(findings) is effects_of(findings) is variance_split_of(findings) is None
    assert fitted_curves(findings, findings.delivered) == []
    assert findings.quantity("loss") == "loss (mean squared error, standardised targets)"
