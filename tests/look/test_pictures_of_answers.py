"""Facts of pictures of answers to classes and labels: scikit-learn's numbers, to the letter in words, readable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readable import faults
from sklearn import calibration, metrics

from shoal.look._order_curves import HeldOut, bands, order_curve, order_curves
from shoal.look._paper import design
from shoal.look._tested_rows import RowsTested
from shoal.look.figures import class_calibration as calibrations
from shoal.look.figures import class_scores as scores
from shoal.look.figures import confused_pairs as pairs
from shoal.look.figures import roc
from shoal.look.page.tables import class_table

HOSTILE = ("W" * 200, r"$\frac{a$ %s {0} \n", "\u202eلا 😀\x00" + "漢" * 90, "i" * 120 + " " + "M" * 79, "")


@st.composite
def answers(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """True classes, probabilities with ties, and weights, some of which are 0, or none."""
    rows = draw(st.integers(2, 60))
    seed = np.random.default_rng(draw(st.integers(0, 2**32)))
    levels = draw(st.sampled_from([1, 2, 5, 1000]))
    true = seed.random(rows) < draw(st.sampled_from([0.05, 0.5, 0.9]))
    true[0], true[1] = True, False
    weight = seed.integers(0, 4, rows) * 0.3 if draw(st.booleans()) else None
    if weight is not None:
        weight[:2] = 1.7
    return true, seed.integers(0, levels + 1, rows) / levels, weight


@given(answers())
def test_curves_and_areas_are_scikit_learns(case: tuple[Any, Any, Any]) -> None:
    true, probability, weight = case
    own = order_curve(true, probability, weight)
    assert own is not None
    false, recall, _ = metrics.roc_curve(true, probability, sample_weight=weight, drop_intermediate=False)
    for part, theirs in ((own.false_T, false), (own.recall_T, recall)):
        np.testing.assert_allclose(part, theirs, atol=1e-12)
    precision, recall, _ = metrics.precision_recall_curve(true, probability, sample_weight=weight)
    np.testing.assert_allclose(own.recall_T, recall[::-1], atol=1e-12)
    np.testing.assert_allclose(own.precision_T[1:], precision[-2::-1], atol=1e-12)
    area = metrics.roc_auc_score(true, probability, sample_weight=weight)
    mean = metrics.average_precision_score(true, probability, sample_weight=weight)
    assert own.roc_auc == pytest.approx(area, abs=1e-12)
    assert own.average_precision == pytest.approx(mean, abs=1e-12)


def test_a_class_that_all_rows_are_of_or_none_has_no_curve() -> None:
    nothing = np.zeros(3, bool)
    assert order_curve(nothing, np.arange(3.0)) is None
    assert order_curve(~nothing, np.arange(3.0)) is None
    assert order_curve(np.arange(3) < 1, np.arange(3.0), np.array([0.0, 1, 1])) is None
    flat = order_curve(np.arange(4) < 1, np.full(4, 0.5))
    assert flat is not None
    assert (flat.roc_auc, flat.average_precision) == (0.5, 0.25)


def test_a_long_curve_keeps_its_shape_at_few_places() -> None:
    draw = np.random.default_rng(0)
    probability = draw.random(20_000)
    own = order_curve(draw.random(20_000) < probability**6, probability)
    assert own is not None
    assert len(own.thinned.named_T) <= 200
    assert own.thinned.roc_auc == pytest.approx(own.roc_auc, abs=1e-3)
    assert (own.thinned.recall_T[0], own.thinned.recall_T[-1], own.thinned.false_T[-1]) == (0, 1, 1)


def test_the_band_spans_the_networks_of_the_folds() -> None:
    true = np.arange(8) % 2 == 0
    right, flat = HeldOut(true, true * 1.0), HeldOut(true, np.full(8, 0.5))
    band, precision = bands([right, flat, HeldOut(true[:1], np.ones(1))])  # of one row nothing is known
    assert band is not None
    assert precision is not None
    np.testing.assert_allclose((band.low_M[50], band.high_M[50], band.repeats), (0.5, 1, 2))
    np.testing.assert_allclose((precision.low_M[50], precision.high_M[50]), (0.5, 1))
    assert bands([right]) == (None, None)


def curves(classes: tuple[str, ...], rows: int = 60, repeats: int = 2) -> Any:
    draw = np.random.default_rng(len(classes))
    true = np.arange(rows) % (len(classes) - 1)  # the last class has no rows
    answer = draw.dirichlet(np.full(len(classes), 0.3), (repeats, rows))
    return order_curves("n", "class", classes, (true[:, None] == np.arange(len(classes)), None), answer, 8)


@pytest.mark.parametrize("classes", [HOSTILE, tuple(f"class {k}" for k in range(40))])
def test_curves_are_readable(classes: tuple[str, ...]) -> None:
    own = curves(classes)
    assert faults(roc.draw_curves, own) == []
    left_out = " The 8 classes of the smallest ROC areas are drawn, 31 more are not." * (len(classes) == 40)
    assert roc.caption(own).endswith(
        f"is the lift.{left_out} 1 class without a curve: all test rows are alike in it."
    )


def test_curves_of_which_little_is_to_be_seen_are_counted() -> None:
    true = np.arange(60) % 3
    answer = np.eye(3)[true]
    answer[:9, :2] = [0.5, 0.5]
    of_VK = true[:, None] == np.arange(3)
    own = order_curves("n", "class", ("a", "b", "c"), (of_VK, None), answer[None], 8)
    assert [own.roc_auc >= 0.995 for own in own.shown].count(True) == 1
    said = "run along the edges, where little is to be seen: ROC areas of 0.995 or more."
    assert roc.caption(own).endswith(f" The curves of 1 of them {said}")
    alone = order_curves("n", "class", ("c",), (of_VK[:, 2:], None), answer[None, :, 2:], 8)
    assert roc.caption(alone).endswith(
        " The curve runs along the edges, where little is to be seen: ROC areas of 0.995 or more."
    )


def test_curves_of_two_classes_have_bands_and_repeats() -> None:
    draw = np.random.default_rng(2)
    true = draw.random(40) < 0.2
    answer = np.stack([np.clip(true * 0.3 + 0.7 * draw.random(40), 0, 1) for _ in range(3)])[..., None]
    fact = order_curves("n", "class", ("yes",), (true[:, None], None), answer, 8)
    roc_band, precision_band = bands([HeldOut(true, one[:, 0]) for one in answer])
    own = replace(fact.shown[0], roc_band=roc_band, precision_band=precision_band)
    fact = replace(fact, shown=(own,), score="area 1")
    assert len(own.repeats) == 2
    assert faults(roc.draw_curves, fact) == []
    area = metrics.roc_auc_score(true, answer[0, :, 0])
    mean = metrics.average_precision_score(true, answer[0, :, 0])
    assert roc.words(fact) == (
        f"yes ({100 * true.mean():.1f}\u00a0% of the test rows): area under the ROC curve {area:.3f},"
        f" average precision {mean:.3f}."
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_of_classes_are_scikit_learns(weighted: bool) -> None:
    draw = np.random.default_rng(3)
    true, named = draw.integers(0, 3, 80), draw.integers(0, 3, 80)
    weight = draw.random(80) if weighted else None
    tested = RowsTested(np.arange(80), true, np.zeros((1, 80, 4)), weight)
    own = scores.scores_of_classes("n", ("a", "b", "c", "absent"), tested, named)
    of_three = {"labels": [0, 1, 2], "sample_weight": weight}
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(true, named, **of_three)
    for values, theirs in ((own.precision_K, precision), (own.recall_K, recall), (own.f1_K, f1)):
        np.testing.assert_allclose(values[:3], theirs, atol=1e-12)
        assert np.isnan(values[3])
    assert own.rows_K.tolist() == [*np.bincount(true).tolist(), 0]
    assert (own.recall_low_K < own.recall_K)[:3].all()
    assert (own.recall_K < own.recall_high_K)[:3].all()
    assert scores.caption(own).endswith("A mark is missing where the share is one of no rows.")
    assert faults(scores.draw_scores, own) == []


@pytest.mark.parametrize("weighted", [False, True])
def test_the_table_of_classes_has_the_numbers_of_their_picture(weighted: bool) -> None:
    """Of two networks together, as rows weigh."""
    draw = np.random.default_rng(4)
    true, named_RV = draw.integers(0, 3, 80), draw.integers(0, 3, (2, 80))
    weight = draw.random(80) if weighted else None
    table = class_table(
        ("a", "b", "c"), RowsTested(np.arange(80), true, np.zeros((2, 80, 3)), weight), named_RV
    )
    twice = None if weight is None else np.tile(weight, 2)
    theirs = metrics.precision_recall_fscore_support(np.tile(true, 2), named_RV.ravel(), sample_weight=twice)
    values = {column.heading: column.values for column in table.columns}
    assert values["test rows"] == tuple(np.bincount(true))
    for name, expected in zip(("precision", "recall", "F1"), theirs[:3], strict=True):
        np.testing.assert_allclose(values[name], expected, atol=1e-12)


def test_the_interval_of_a_recall_is_wilsons_of_the_rows_of_its_class() -> None:
    true, named = np.array([0] * 10 + [1] * 10), np.array([0] * 7 + [1] * 13)
    own = scores.scores_of_classes(
        "n", ("a", "b"), RowsTested(np.arange(20), true, np.zeros((1, 20, 2)), None), named
    )
    np.testing.assert_allclose((own.recall_low_K[0], own.recall_high_K[0]), (0.39677, 0.89221), atol=1e-4)
    assert scores.words(own) == "F1 of 2 classes: from 0.824 (a) to 0.870 (b)."
    with design():
        low, high = scores.draw_scores(own).axes[0].get_xlim()
    assert 20 < low < 30  # whole tens below all that is drawn, so that shares near 100 % stay apart
    assert 100 < high < 103


@given(answers())
def test_bins_of_a_class_are_scikit_learns(case: tuple[Any, Any, Any]) -> None:
    true, probability, _ = case
    own = calibrations.class_calibration("a", true, probability)
    share, mean = calibration.calibration_curve(true, probability, n_bins=calibrations.BINS)
    full = own.rows_M > 0
    np.testing.assert_allclose(own.share_M[full], share, atol=1e-12)
    np.testing.assert_allclose(own.probability_M[full], mean, atol=1e-12)
    assert own.rows_M.sum() == len(true)
    twice = calibrations.class_calibration(
        "a", np.repeat(true, 2), np.repeat(probability, 2), np.tile([0.5, 1.5], len(true))
    )
    np.testing.assert_allclose(twice.share_M, own.share_M, atol=1e-12)
    assert twice.error == pytest.approx(own.error, abs=1e-12)
    assert (own.low_M[full] <= own.share_M[full]).all()
    assert (own.share_M[full] <= own.high_M[full]).all()


@pytest.mark.parametrize("count", [1, 12])
def test_calibration_of_classes_is_readable(count: int) -> None:
    draw, parts = np.random.default_rng(count), []
    for k in range(count):
        probability = draw.random(200) ** 2
        parts.append(
            calibrations.class_calibration(HOSTILE[k % 5], draw.random(200) < probability**2, probability)
        )
    own = calibrations.ClassCalibrations("n", "class", tuple(parts))
    assert faults(calibrations.draw_calibrations, own) == []
    assert ("8 classes of the largest error are drawn, 4 more are not" in calibrations.caption(own)) == (
        count > 1
    )
    largest = max(part.error for part in parts)
    assert f"{100 * largest:.1f}" in calibrations.words(own)


def confused(images: int = 0, classes: tuple[str, ...] = ("a", "b", "c")) -> Any:
    true = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    answer = np.eye(3)[[0, 1, 1, 2, 1, 0, 2, 2]] * np.linspace(0.5, 0.9, 8)[:, None]
    rows = np.array([1, 2])[:images]
    pixels = np.arange(images * 12, dtype=np.uint8).reshape(images, 1, 3, 4)
    return pairs.confused_pairs("n", classes, (true, np.arange(8) + 0), answer, (rows, pixels))


def test_pairs_are_those_of_the_confusion_matrix() -> None:
    own = confused(2)
    assert [(pair.true, pair.named, pair.rows, pair.share) for pair in own.pairs] == [
        ("a", "b", 2, 0.5), ("a", "c", 1, 0.25), ("b", "a", 1, 0.5),
    ]  # fmt: skip
    assert (own.rows, own.wrong, own.kinds) == (8, 4, 3)
    assert own.pairs[0].example_M.tolist() == [2, 1]  # the surest first
    assert own.pairs[0].image_MCHW[:, 0, 0, 0].tolist() == [12, 0]
    assert [len(pair.image_MCHW) for pair in own.pairs] == [2, 0, 0]
    assert pairs.words(own) == "a is taken for b most often: on 2 test rows, 50.0\u00a0% of its own."
    right = np.eye(3)
    nothing = np.zeros(0, np.int64), np.zeros((0, 1, 1, 1), np.uint8)
    assert pairs.confused_pairs("n", ("a", "b", "c"), (np.arange(3), np.arange(3)), right, nothing) is None


@pytest.mark.parametrize("images", [0, 2])
def test_pairs_are_readable(images: int) -> None:
    own = confused(images, HOSTILE[:3])
    assert faults(pairs.draw_pairs, own) == []
    assert ("images beside a pair" in pairs.caption(own)) == (images > 0)
