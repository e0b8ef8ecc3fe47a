"""The last sentence: what to use and how good it is expected to be, never against what the first sentence says."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from shoal.results import Interval, Nested, NestedScore, OuterFold, Verdict
from shoal.results._conclusion import UNTESTED, OnTestRows, conclusion
from shoal.scores import title_of
from shoal.study import Candidate, Study, base_candidate, candidates, settings_text

FOLDS = (OuterFold("outer fold 1 of 2", 10, "b", "f"), OuterFold("outer fold 2 of 2", 10, "a", "g"))
FEW = Interval(math.nan, math.nan, "20 rows are too few for an interval")
GOOD = Verdict(better=("constant", "linear", "trees"))


def named(winner: Candidate) -> str:
    return settings_text(dict(winner.values))


def a_study(**changes: object) -> Study:
    content = {
        "study": {"task": "regression"},
        "data": {"train": "rows.csv", "target": "y"},
        "search": {"space": {"training.lr": [0.1, 0.01]}},
        "nested": {},
        **changes,
    }
    return Study.model_validate(content)


def on_test_rows(
    judged: Verdict = GOOD, targets: int = 1, scores: Mapping[str, NestedScore] | None = None
) -> OnTestRows:
    return OnTestRows(
        targets, judged, title_of, lambda name: (scores or {}).get(name, NestedScore(math.nan, UNTESTED))
    )


def of_classes(metric: str = "loss") -> Study:
    return a_study(
        study={"task": "classification"}, search={"metric": metric, "space": {"training.lr": [0.1, 0.01]}}
    )


def test_it_says_what_to_use_and_how_good_that_is_expected_to_be() -> None:
    study = a_study()
    winner = candidates(study)[0]
    nested = Nested(
        FOLDS, {"loss": NestedScore(0.123456, Interval(0.1, 0.1789)), "rmse": NestedScore(0.35, FEW)}
    )
    assert conclusion(nested, winner, study, on_test_rows()) == (
        f"Use {named(winner)}: expected on new rows of the same kind are loss 0.123 (95 % interval 0.100 to 0.179)"
        " and RMSE 0.350 (no interval: 20 rows are too few for an interval) (nested cross-validation, 2 outer folds)."
    )
    grouped = a_study(data={"train": "rows.csv", "target": "y", "groups": "who"})
    assert "expected on rows of new groups are" in conclusion(nested, winner, grouped, on_test_rows())
    bare = a_study(search={})
    of_bare = conclusion(nested, base_candidate(bare), bare, on_test_rows())
    assert of_bare.startswith("Use the study’s own network: expected")
    failed = Nested(FOLDS, {}, "outer fold 2 of 2: every refit diverged or failed")
    assert conclusion(failed, winner, study, on_test_rows()) == (
        f"Use {named(winner)}; how good it is expected to be is not known (outer fold 2 of 2: every refit diverged"
        " or failed)."
    )
    assert conclusion(None, winner, study, on_test_rows()) == ""
    assert conclusion(nested, None, study, on_test_rows()) == ""


def test_what_is_no_better_than_something_simpler_is_not_recommended() -> None:
    study = of_classes()
    winner = candidates(study)[0]
    nested = Nested(FOLDS, {"loss": NestedScore(0.124, FEW), "accuracy": NestedScore(0.97, FEW)})
    constant = on_test_rows(Verdict(no_better=("constant", "linear", "trees")))
    assert conclusion(nested, winner, study, constant) == (
        f"No recommendation for {named(winner)}: on the test rows it is no better than a constant, a linear model"
        " or boosted trees; expected on new rows of the same kind are loss 0.124 and accuracy 97.0 % (no interval: 20"
        " rows are too few for an interval) (nested cross-validation, 2 outer folds)."
    )
    worse = on_test_rows(Verdict(worse=("linear",), ahead=("trees",)))
    assert conclusion(nested, winner, study, worse).startswith(
        f"No recommendation for {named(winner)}: on the test rows it is worse than a linear model and not shown to"
        " be better than boosted trees; expected on new rows"
    )
    ahead = on_test_rows(Verdict(better=("constant",), ahead=("linear",)))
    assert conclusion(nested, winner, study, ahead).startswith(
        f"Use {named(winner)}, although it is not shown to be better than a linear model on the test rows: expected"
    )
    alike = on_test_rows(Verdict(better=("constant",), no_better=("linear",)))
    assert conclusion(nested, winner, study, alike).startswith(
        f"Use {settings_text(dict(winner.values))}, although it is no better than a linear model on the test rows:"
    )
    failed = Nested(FOLDS, {}, "outer fold 1 of 2: every refit diverged or failed")
    assert conclusion(failed, winner, study, worse).endswith(
        "boosted trees; how good it is expected to be is not known (outer fold 1 of 2: every refit diverged or failed)."
    )


@pytest.mark.parametrize("metric", ["loss", "accuracy"])
def test_of_rare_classes_it_gives_balanced_accuracy(metric: str) -> None:
    study = of_classes(metric)
    scores = {
        "loss": NestedScore(0.124, FEW),
        "accuracy": NestedScore(0.97, Interval(0.955, 0.98)),
        "balanced_accuracy": NestedScore(0.527, FEW),
    }
    said = conclusion(Nested(FOLDS, scores), candidates(study)[0], study, on_test_rows())
    first = "are loss 0.124 and" if metric == "loss" else "is"
    assert f"expected on new rows of the same kind {first} balanced accuracy 52.7 % (no interval: " in said
    assert "97" not in said


def test_of_several_targets_no_mean_over_units_is_said() -> None:
    study = a_study(data={"train": "rows.csv", "target": ["mass", "ratio"]})
    scores = {
        "loss": NestedScore(3.72e5, Interval(2e5, 6e5)),
        "rmse": NestedScore(353.0, Interval(262, 476)),
        "r2": NestedScore(0.4147, FEW),
    }
    said = conclusion(Nested(FOLDS, scores), candidates(study)[0], study, on_test_rows(targets=2))
    assert (
        "expected on new rows of the same kind is mean R² of the 2 targets 0.415 (no interval: 20 rows"
        in said
    )
    assert "RMSE" not in said
    undefined = scores | {"r2": NestedScore(math.nan, FEW)}
    said = conclusion(Nested(FOLDS, undefined), candidates(study)[0], study, on_test_rows(targets=2))
    assert "are loss 372,000" in said


def test_a_test_score_that_lies_elsewhere_is_said_with_what_it_may_mean() -> None:
    study = of_classes("accuracy")
    winner = candidates(study)[0]
    nested = Nested(FOLDS, {"accuracy": NestedScore(0.4125, Interval(0.358, 0.469))})

    def said(value: float, low: float, high: float) -> str:
        tested = on_test_rows(scores={"accuracy": NestedScore(value, Interval(low, high))})
        return conclusion(nested, winner, study, tested)

    start = (
        f"Use {named(winner)}: expected on new rows of the same kind is accuracy 41.2 % (95 % interval 35.8 % to"
        " 46.9 %) (nested cross-validation, 2 outer folds)"
    )
    assert said(0.75, 0.598, 0.858) == (
        f"{start}; the delivered network’s test accuracy 75.0 % (95 % interval 59.8 % to 85.8 %) lies apart from that:"
        " test rows may be of another kind than the training rows, or the network gains from more training rows, of"
        " which outer folds have fewer."
    )
    assert said(0.2, 0.1, 0.3) == (
        f"{start}; the delivered network’s test accuracy 20.0 % (95 % interval 10.0 % to 30.0 %) lies apart from that:"
        " test rows may be of another kind than the training rows."
    )
    assert said(0.5, 0.46, 0.6) == f"{start}."
    unknown = on_test_rows(scores={"accuracy": NestedScore(0.75, FEW)})
    assert conclusion(nested, winner, study, unknown) == f"{start}."


def test_errors_that_lie_below_are_the_better_ones() -> None:
    study = a_study()
    nested = Nested(
        FOLDS,
        {"loss": NestedScore(4.0, Interval(3.0, 5.0)), "rmse": NestedScore(2.0, Interval(1.73, 2.24))},
    )
    for low, gains in ((1.0, True), (6.0, False)):
        scores = {
            "loss": NestedScore(low + 0.5, Interval(low, low + 1)),
            "rmse": NestedScore(2.0, Interval(1.5, 2.5)),
        }
        said = conclusion(nested, candidates(study)[0], study, on_test_rows(scores=scores))
        assert f"; the delivered network’s test loss {low + 0.5:.2f} (95 % interval " in said
        assert "test RMSE" not in said
        assert ("gains from more training rows" in said) == gains
