"""Facts of training and prediction, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import r2_score, root_mean_squared_error

from shoal.look._lines import Spread, curve_line, line_over_repeats, merged, usual_spread
from shoal.look.figures.agreement import agreement
from shoal.look.figures.fitted_curve import fitted_curve
from shoal.look.figures.scores_on_test_rows import compared_scores
from shoal.look.figures.training import training_curves
from shoal.look.figures.validation import compared_curves

EPOCH = np.array([10.0, 20.0, 30.0])


def curve(*losses: float, **more: list[float]) -> dict[str, np.ndarray]:
    named = {"train_loss": list(losses), **more}
    return {"epoch": EPOCH[: len(losses)], **{name: np.array(values) for name, values in named.items()}}


def test_line_gives_median_and_range() -> None:
    line = line_over_repeats("a", np.array([0.0, 1.0]), np.array([[1.0, 9.0], [3.0, 5.0], [2.0, 7.0]]))
    np.testing.assert_array_equal(line.middle_M, [2, 7])
    np.testing.assert_array_equal(line.low_M, [1, 5])
    np.testing.assert_array_equal(line.high_M, [3, 9])
    assert (line.repeats, line.spread) == (3, "range")


def test_line_gives_quartiles() -> None:
    line = line_over_repeats("a", np.array([0.0]), np.array([[4.0], [0.0], [3.0], [1.0], [2.0]]), "quartiles")
    assert (line.low_M[0], line.middle_M[0], line.high_M[0]) == (1, 2, 3)


@given(
    arrays(np.float64, (4, 8), elements=st.floats(-1e6, 1e6) | st.just(np.nan), fill=st.nothing()),
    st.sampled_from(["range", "quartiles"]),
)
def test_lines_are_those_of_numpy_place_by_place(values: np.ndarray, spread: Spread) -> None:
    """To the last bit, whichever repeats have a value at a place; and merged, those of each group by itself."""
    line = line_over_repeats("a", np.arange(1.0, 9.0), values, spread)
    ends = (0, 100) if spread == "range" else (25, 75)
    seen = [column[~np.isnan(column)] for column in values.T if not np.isnan(column).all()]
    wanted = np.array([np.percentile(column, [ends[0], 50, ends[1]]) for column in seen]).reshape(-1, 3)
    np.testing.assert_array_equal(np.stack([line.low_M, line.middle_M, line.high_M], axis=1), wanted)
    if len(seen) == len(values.T):
        groups = [[0, 1], [2, 3], [4, 5, 6, 7]]  # at 3 a decade: 1 and 2, 3 and 4, 5 to 8
        medians = [np.median(line.middle_M[group]) for group in groups]
        np.testing.assert_array_equal(merged(line, 3).middle_M, medians)


def test_line_leaves_out_places_without_a_finite_value() -> None:
    values = np.array([[np.nan, np.inf, 1.0], [np.nan, 4.0, 3.0]])
    line = line_over_repeats("a", np.array([1.0, 2.0, 3.0]), values)
    np.testing.assert_array_equal(line.x_M, [2, 3])
    np.testing.assert_array_equal(line.middle_M, [4, 2])


@given(arrays(np.float64, (6, 3), elements=st.floats(-1e6, 1e6)), st.permutations(range(6)))
def test_order_of_repeats_makes_no_difference_and_the_band_holds_the_median(
    values: np.ndarray, order: list[int]
) -> None:
    line, other = (
        line_over_repeats("a", np.arange(3.0), part, "quartiles") for part in (values, values[order])
    )
    np.testing.assert_array_equal(line.middle_M, other.middle_M)
    assert (line.low_M <= line.middle_M).all()
    assert (line.middle_M <= line.high_M).all()


def test_few_repeats_show_their_range_and_many_their_quartiles() -> None:
    assert [usual_spread(repeats) for repeats in (1, 4, 5, 100)] == [
        "range",
        "range",
        "quartiles",
        "quartiles",
    ]


def test_a_repeat_that_stopped_early_counts_where_it_has_values() -> None:
    line = curve_line("a", [curve(1.0, 2.0, 3.0), curve(5.0)], "train_loss")
    assert line is not None
    np.testing.assert_array_equal(line.x_M, EPOCH)
    np.testing.assert_array_equal(line.middle_M, [3, 2, 3])


def test_no_line_where_no_curve_has_the_column() -> None:
    assert curve_line("a", [curve(1.0), curve(2.0, validation_loss=[np.nan])], "validation_loss") is None
    assert curve_line("a", [], "train_loss") is None


def test_training_curves_have_both_lines_or_the_one_there_is() -> None:
    both = training_curves(
        "a", [curve(1.0, 2.0, validation_loss=[3.0, 4.0])], "loss", "loss (nats)", failed=2
    )
    assert [line.name for line in both.lines] == ["training", "validation"]
    np.testing.assert_array_equal(both.lines[1].middle_M, [3, 4])
    assert (both.name, both.quantity, both.failed) == ("a", "loss (nats)", 2)
    assert [line.name for line in training_curves("a", [curve(1.0)], "loss", "loss").lines] == ["training"]
    accuracy = training_curves("a", [curve(1.0, train_accuracy=[0.5])], "accuracy", "accuracy")
    assert [line.middle_M.tolist() for line in accuracy.lines] == [[0.5]]


def test_compared_curves_leave_out_comparisons_without_validation_rows() -> None:
    found = compared_curves({"a": [curve(1.0, validation_loss=[7.0])], "b": [curve(1.0)]}, "loss", "loss")
    assert [(line.name, line.middle_M.tolist()) for line in found.lines] == [("a", [7])]


def test_places_close_together_on_a_logarithmic_axis_become_one() -> None:
    x = np.array([1.0, 3.0, 10.0, 11.0, 12.0, 99.0])
    line = merged(
        line_over_repeats("a", x, np.array([[1.0, 2.0, 3.0, 9.0, 4.0, 5.0], [1, 2, 5, 11, 6, 5]])), 3
    )
    np.testing.assert_array_equal(line.x_M, [1, 3, 11, 99])
    np.testing.assert_array_equal(line.middle_M, [1, 2, 5, 5])
    np.testing.assert_array_equal(line.low_M, [1, 2, 3, 5])
    np.testing.assert_array_equal(line.high_M, [1, 2, 11, 5])
    assert line.repeats == 2


def test_scores_count_what_is_not_finite_as_failed() -> None:
    scores = compared_scores("mse", {"a": np.array([3.0, np.nan, 1.0]), "b": np.array([np.nan])}, {"a": 0.5})
    assert scores.scores[0].tolist() == [3, 1]
    assert scores.failed == (1, 1)
    np.testing.assert_array_equal(scores.median_G, [2, np.nan])
    np.testing.assert_array_equal(scores.reference_G, [0.5, np.nan])


def test_agreement_agrees_with_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    true, predicted = draw.normal(size=50), draw.normal(size=(3, 50))
    fact = agreement("a", "y", true, predicted)
    np.testing.assert_allclose(fact.r2_R, [r2_score(true, one) for one in predicted])
    np.testing.assert_allclose(fact.rmse_R, [root_mean_squared_error(true, one) for one in predicted])
    np.testing.assert_array_equal(fact.line.x_M, true)
    np.testing.assert_array_equal(fact.line.middle_M, np.median(predicted, axis=0))


def test_r2_has_no_meaning_where_all_true_values_are_equal() -> None:
    assert np.isnan(agreement("a", "y", np.ones(3), np.zeros((1, 3))).r2_R).all()


def test_fitted_curve_follows_the_input() -> None:
    test = (np.array([3.0, 1.0, 2.0]), np.array([30.0, 10.0, 20.0]))
    train = (np.array([0.0]), np.array([5.0]))
    fact = fitted_curve("a", ("x", "y"), train, test, np.array([[31.0, 11.0, 21.0], [33.0, 13.0, 23.0]]))
    np.testing.assert_array_equal(fact.line.x_M, [1, 2, 3])
    np.testing.assert_array_equal(fact.line.middle_M, [12, 22, 32])
    np.testing.assert_array_equal(fact.line.low_M, [11, 21, 31])
    assert (fact.input, fact.target) == ("x", "y")
    assert fact.train_y.tolist() == [5]
    assert fact.test_x.tolist() == [3, 1, 2]


@pytest.mark.parametrize("repeats", [1, 2, 30])
def test_agreement_takes_any_number_of_repeats(repeats: int) -> None:
    fact = agreement("a", "y", np.arange(4.0), np.tile(np.arange(4.0), (repeats, 1)))
    assert fact.rmse_R.tolist() == [0] * repeats
    assert fact.line.repeats == repeats
