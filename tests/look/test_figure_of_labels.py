"""The picture and the numbers of several labels: scikit-learn's of each, and readable whatever they are called."""

from __future__ import annotations

import numpy as np
import pytest
from readable import faults
from sklearn import metrics

from shoal.look._labels import Labels, labels_of
from shoal.look.figures.labels import caption, draw_labels, words

HOSTILE = ("W" * 200, r"$\frac{a$ %s {0} \n", "\u202eلا 😀\x00" + "漢" * 90, "i" * 120 + " " + "M" * 79, "")


def fact(count: int, repeats: int = 1, rows: int = 60, names: tuple[str, ...] = ()) -> Labels:
    draw = np.random.default_rng([count, repeats])
    y = draw.random((2 * rows, count)) < np.linspace(0.1, 0.7, count)
    probability = np.clip(y[rows:] * 0.4 + 0.6 * draw.random((repeats, rows, count)), 0, 1)
    return labels_of("delivered network", names or tuple(f"tag {k}" for k in range(count)), y, probability)


def test_numbers_are_scikit_learns_of_each_label() -> None:
    draw, rows = np.random.default_rng(4), 80
    y, probability = draw.random((2 * rows, 3)) < (0.5, 0.2, 0.1), draw.random((1, rows, 3))
    own = labels_of("n", ("a", "b", "c"), y, probability)
    true, named = y[rows:], probability[0] > 0.5
    for k in range(3):
        of = true[:, k], named[:, k]
        assert own.precision_K[k] == pytest.approx(metrics.precision_score(*of))
        assert own.recall_K[k] == pytest.approx(metrics.recall_score(*of))
        assert own.f1_K[k] == pytest.approx(metrics.f1_score(*of))
        assert own.area_K[k] == pytest.approx(metrics.roc_auc_score(true[:, k], probability[0, :, k]))
        assert own.average_K[k] == pytest.approx(
            metrics.average_precision_score(true[:, k], probability[0, :, k])
        )
    assert (own.train_K.tolist(), own.test_K.tolist()) == (y[:rows].sum(0).tolist(), true.sum(0).tolist())
    assert own.named_K.tolist() == named.sum(0).tolist()


def test_what_is_a_share_of_no_rows_is_no_number() -> None:
    y = np.zeros((8, 2), bool)
    y[4:, 1] = True
    own = labels_of("n", ("never", "always"), y, np.full((1, 4, 2), 0.2))
    np.testing.assert_array_equal(own.precision_K, [np.nan, np.nan])
    np.testing.assert_array_equal(own.recall_K, [np.nan, 0])
    np.testing.assert_array_equal(own.f1_K, [np.nan, 0])
    np.testing.assert_array_equal(own.area_K, [np.nan, np.nan])
    assert caption(own).endswith("A mark is missing where the share is one of no rows.")
    assert words(own) == "F1 of 2 labels: from 0 (always) to 0 (always)."
    nothing = labels_of("n", ("never",), y[:, :1], np.full((1, 4, 1), 0.2))
    assert words(nothing) == "No label is there or predicted on any test row."


@pytest.mark.parametrize(("count", "repeats"), [(1, 1), (2, 3), (12, 1), (40, 1), (55, 2)])
def test_labels_are_readable(count: int, repeats: int) -> None:
    own = fact(count, repeats)
    assert faults(draw_labels, own) == []
    assert ("40 of the lowest F1 are drawn, 15 more are not" in caption(own)) == (count > 40)


def test_labels_of_any_name_are_readable() -> None:
    assert faults(draw_labels, fact(len(HOSTILE), names=HOSTILE)) == []
