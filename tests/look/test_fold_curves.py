"""The curves of one candidate over its folds: medians and bands of what each fold has."""

from __future__ import annotations

import numpy as np

from shoal.look import fold_curves_png
from shoal.look._fold_curves import draw_fold_curves, fold_curves

FOLDS = [
    {
        "epoch": np.array([1.0, 2, 3]),
        "train_loss": np.array([3.0, 2, 1]),
        "validation_loss": np.array([4.0, 3, 3]),
    },
    {
        "epoch": np.array([1.0, 2]),
        "train_loss": np.array([5.0, 6]),
        "validation_loss": np.array([5.0, np.nan]),
    },
    {"epoch": np.array([1.0, 2, 3]), "train_loss": np.array([4.0, 4, 4])},
]


def test_a_line_is_the_median_of_the_folds_that_have_the_epoch() -> None:
    training, validation = fold_curves(FOLDS, "Chosen").lines
    assert (training.name, validation.name) == ("training", "validation")
    assert training.x_M.tolist() == [1, 2, 3]
    assert training.middle_M.tolist() == [4, 4, 2.5]
    assert (training.low_M.tolist(), training.high_M.tolist()) == ([3, 2, 1], [5, 6, 4])
    assert validation.middle_M.tolist() == [4.5, 3, 3]


def test_the_picture_says_what_line_and_band_are() -> None:
    figure = draw_fold_curves(fold_curves(FOLDS, "Chosen"))
    (axes,) = figure.axes
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "line: median of 3 folds\nband: lowest to highest"
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("epoch", "loss", "log")
    assert all(tick == round(tick) for tick in axes.get_xticks())
    assert fold_curves_png(FOLDS, "Chosen") == fold_curves_png(FOLDS, "Chosen")


def test_without_curves_it_says_so() -> None:
    (axes,) = draw_fold_curves(fold_curves([], "Chosen")).axes
    assert [text.get_text() for text in axes.texts] == ["no fold has a curve"]
