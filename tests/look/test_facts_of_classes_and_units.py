"""Facts of classifiers and of the inside of networks, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.look._dead_units import dead_and_saturated
from shoal.look.figures.calibration import calibration, draw_calibration
from shoal.look.figures.confusion import confusion
from shoal.look.figures.mistakes import mistakes
from shoal.look.figures.units import activation_profiles, draw_profiles
from shoal.look.figures.weights import weight_histograms
from shoal.results import classification_scores, wilson


def test_confusion_counts_all_repeats() -> None:
    probability_RVK = np.array(
        [
            [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.6, 0.4, 0.0]],
            [[0.9, 0.1, 0.0], [0.7, 0.3, 0.0], [0.1, 0.9, 0.0]],
        ]
    )
    fact = confusion("a", ("x", "y", "z"), np.array([0, 1, 1]), probability_RVK)
    assert fact.count_KK.tolist() == [[2, 0, 0], [2, 2, 0], [0, 0, 0]]
    np.testing.assert_array_equal(fact.share_KK, [[1, 0, 0], [0.5, 0.5, 0], [np.nan] * 3])
    assert fact.test_accuracy == pytest.approx(4 / 6)
    assert fact.repeats == 2
    weighed = confusion(
        "a", ("x", "y", "z"), np.array([0, 1, 1]), probability_RVK, weight_V=np.array([2.0, 0, 1])
    )
    assert weighed.count_KK.tolist() == [[2, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert weighed.test_accuracy == pytest.approx((2 + 0 + 2 + 1) / 6)


def test_calibration_by_hand() -> None:
    probability_RVK = np.array([[[0.9, 0.1], [0.95, 0.05], [0.4, 0.6], [0.45, 0.55]]])
    fact = calibration("a", np.array([0, 1, 1, 0]), probability_RVK, bins=5)
    assert fact.bins.rows_M.tolist() == [0, 0, 2, 0, 2]
    np.testing.assert_allclose(fact.bins.confidence_M[[2, 4]], [0.575, 0.925])
    np.testing.assert_allclose(fact.bins.accuracy_M[[2, 4]], [0.5, 0.5])
    assert fact.bins.error == pytest.approx((2 * 0.075 + 2 * 0.425) / 4)
    assert fact.repeats == 1


def test_the_interval_of_a_bin_counts_repeats_once_and_weighted_rows_for_what_they_are_worth() -> None:
    probability_RVK = np.tile([[0.9, 0.1], [0.95, 0.05], [0.93, 0.07], [0.4, 0.6]], (3, 1, 1))
    fact = calibration("a", np.array([0, 1, 0, 1]), probability_RVK, bins=5)
    low, high = wilson(2 / 3, 3)
    np.testing.assert_allclose([fact.low_M[4], fact.high_M[4]], [low, high])
    assert np.isnan(fact.low_M[0])
    weighted = calibration(
        "a", np.array([0, 1, 0, 1]), probability_RVK, bins=5, weight_V=np.array([2.0, 1, 1, 1])
    )
    np.testing.assert_allclose([weighted.low_M[4], weighted.high_M[4]], wilson(3 / 4, 16 / 6))


def test_points_of_a_calibration_are_not_joined_and_rows_are_counted() -> None:
    fact = calibration(
        "a", np.array([0, 1, 1, 0]), np.array([[[0.9, 0.1], [0.95, 0.05], [0.4, 0.6], [0.45, 0.55]]])
    )
    above, below = draw_calibration(fact).axes
    points = next(line for line in above.lines if line.get_marker() == "o")
    assert points.get_linestyle() == "None"
    assert [text.get_text() for text in below.texts] == ["2", "1", "1"]


def test_mistakes_say_what_was_taken_for_what_and_how_surely() -> None:
    probability_VK = np.array([[0.2, 0.7, 0.1], [1.0, 0.0, 0.0], [0.5, 0.4, 0.1], [0.05, 0.05, 0.9]])
    image_MCHW = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 1, 3, 4)
    fact = mistakes(
        "a",
        ("x", "y", "z"),
        np.array([0, 0, 1, 1]),
        (probability_VK, probability_VK.argmax(axis=1)),
        np.array([3, 0]),
        image_MCHW,
    )
    assert fact.true_M.tolist() == [1, 0]
    assert fact.predicted_M.tolist() == [2, 1]
    assert fact.of_true_M.tolist() == [0.05, 0.2]
    assert fact.of_predicted_M.tolist() == [0.9, 0.7]
    assert (fact.wrong, fact.rows) == (3, 4)
    np.testing.assert_array_equal(fact.image_MCHW, image_MCHW)


def test_the_error_above_the_picture_is_the_score_of_the_tables() -> None:
    draw = np.random.default_rng(0)
    true_V, probability_VK = draw.integers(0, 3, 40), draw.dirichlet(np.ones(3), 40)
    fact = calibration("a", true_V, probability_VK[None])
    assert fact.bins.error == classification_scores(true_V, probability_VK)["ece"]


def test_weight_histograms_count_every_weight_in_shared_bins() -> None:
    before = {
        "hidden1.weight": np.array([[-1.0, 1.0]] * 4),
        "hidden1.bias": np.zeros(4),
        "hidden1_norm.weight": np.ones(4),
    }
    after = {
        "hidden1.weight": np.array([[-3.0, 3.0]] * 4),
        "hidden1.bias": np.ones(4),
        "hidden1_norm.weight": np.ones(4),
    }
    (layer,) = weight_histograms("a", before, after).layers
    assert layer.layer == "hidden1"
    assert (layer.edge[0], layer.edge[-1], len(layer.edge)) == (-3, 3, 9)
    assert layer.before_B.sum() == layer.after_B.sum() == 8
    assert layer.after_B[0] == layer.after_B[-1] == 4
    assert (layer.deviation_before, layer.deviation_after) == (1, 3)


def test_weights_that_did_not_move_and_are_all_equal_still_have_bins() -> None:
    (layer,) = weight_histograms(
        "a", {"output.weight": np.ones((1, 3))}, {"output.weight": np.ones((1, 3))}
    ).layers
    assert layer.before_B.tolist() == layer.after_B.tolist()
    assert layer.before_B.sum() == 3


@pytest.mark.parametrize(
    ("activation", "output_MU", "expected"),
    [
        ("relu", [[0.0, 0.0], [0.0, 2.0]], (1, 0)),
        ("sigmoid", [[0.001, 0.5], [0.999, 0.999]], (0, 1)),
        ("tanh", [[-1.0, 0.0], [-1.0, 0.1]], (1, 1)),
        ("identity", [[100.0], [101.0]], (0, 0)),
        ("leaky-relu", [[-3.0, -1.0], [-2.0, 0.5]], (1, 0)),
        ("gelu", [[-0.1, -0.1], [-0.05, 0.1]], (1, 0)),
        ("silu", [[-0.2, 0.0], [-0.1, 1.0]], (1, 0)),
        ("softplus", [[0.009, 0.001], [0.002, 0.02]], (1, 0)),
        ("elu", [[-0.999, -0.5], [-0.991, -0.999]], (0, 1)),
    ],
)
def test_dead_and_saturated_units_are_counted(
    activation: str, output_MU: list[list[float]], expected: tuple[int, int]
) -> None:
    assert dead_and_saturated(activation, np.array(output_MU)) == expected


def test_profiles_follow_the_input() -> None:
    output = np.array([[3.0], [1.0], [2.0]])
    fact = activation_profiles("a", "x", np.array([0.3, 0.1, 0.2]), [("hidden1", "relu", output)])
    np.testing.assert_array_equal(fact.x_M, [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(fact.layers[0].output_MU, [[1], [2], [3]])
    ranked = activation_profiles(
        "a", "x", np.array([0.3, 0.1, 0.2]), [("hidden1", "relu", output)], ranked=True
    )
    np.testing.assert_array_equal(ranked.x_M, [1, 2, 3])
    np.testing.assert_array_equal(ranked.layers[0].output_MU, fact.layers[0].output_MU)


def test_rows_of_a_classifier_stand_class_by_class() -> None:
    output = np.array([[3.0], [1.0], [2.0], [0.0]])
    classes = (("cat", "dog", "emu"), np.array([2, 0, 2, 0]))
    fact = activation_profiles(
        "a", "x", np.array([0.3, 0.1, 0.2, 0.4]), [("hidden1", "relu", output)], ranked=True, of_class=classes
    )
    assert fact.class_M is not None
    assert fact.class_M.tolist() == [0, 0, 2, 2]
    np.testing.assert_array_equal(fact.layers[0].output_MU[:, 0], [1, 0, 2, 3])
    axes = draw_profiles(fact).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "emu"]
    assert axes.get_xticks().tolist() == [1, 3]


def test_units_that_answer_nothing_are_blank() -> None:
    """White is 0 on a light page, and dark on a dark one; below 0 is blue, above vermillion, as far as each other."""
    output = np.array([[0.0, -1.0], [0.0, 0.5], [0.0, 4.0]])
    layers = [("hidden1", "relu", np.maximum(output, 0)), ("output", "identity", output)]
    sheet = draw_profiles(activation_profiles("a", "x", np.arange(3.0), layers, ranked=True))
    images = [axes.images[0] for axes in sheet.axes[:2]]
    assert [image.get_clim() for image in images] == [(0, 4), (-4, 4)]
    for image in images:
        np.testing.assert_allclose(image.to_rgba(np.array([0.0]))[0], 1, atol=0.01)


def test_of_many_inputs_some_are_shown_and_all_are_counted() -> None:
    """A unit that answers at one row alone, the second, which is not shown, is not dead."""
    x_M = np.arange(3001.0)
    answers = np.stack([x_M, np.where(x_M == 1, 5.0, 0.0), np.zeros(3001)], axis=1)
    for ranked, first in ((True, 1), (False, 0)):
        fact = activation_profiles("a", "x", x_M, [("hidden1", "relu", answers)], ranked=ranked)
        assert (len(fact.x_M), fact.x_M[0], fact.x_M[-1]) == (1000, first, first + 3000)
        assert set(np.diff(fact.x_M)) == {3, 4}
        (layer,) = fact.layers
        np.testing.assert_array_equal(layer.output_MU[:, 0], fact.x_M - first)
        assert (layer.rows, layer.dead, layer.output_MU[:, 1].max()) == (3001, 1, 0)
