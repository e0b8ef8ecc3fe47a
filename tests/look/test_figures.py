"""Every figure draws without a warning, and its text neither overlaps nor leaves the paper."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from readable import faults

from row_cases import searched
from shoal.look.figures.agreement import agreement, draw_agreement
from shoal.look.figures.calibration import calibration, draw_calibration
from shoal.look.figures.confusion import confusion, draw_confusion
from shoal.look.figures.effects import draw_effects, effects
from shoal.look.figures.fitted_curve import draw_fitted_curve, fitted_curve
from shoal.look.figures.mistakes import Mistakes, draw_mistakes
from shoal.look.figures.ranking import draw_ranking, ranking
from shoal.look.figures.scores_on_test_rows import compared_scores, draw_scores
from shoal.look.figures.threshold import ThresholdCurves, draw_threshold
from shoal.look.figures.training import draw_training_curves, training_curves
from shoal.look.figures.units import activation_profiles, draw_profiles
from shoal.look.figures.validation import compared_curves, draw_compared_curves
from shoal.look.figures.variance import draw_variance_split, variance_split
from shoal.look.figures.weights import draw_weights, weight_histograms
from shoal.results import COST, threshold_curve
from shoal.results._confidence_set import search_errors
from shoal.study import Costs, ThresholdRule
from shoal.wording import percent

NAMES = ("SGD", "SGD with momentum", "Adam", "Adam, dropout 0.25", "Adam, weight decay 1e-4", "winner")
HOSTILE = ("W" * 200, r"$\frac{a$ %s {0} \n", "\u202eلا 😀\x00" + "漢" * 90, "i" * 120 + " " + "M" * 79, "")
SPACE = {
    "network.hidden[0]": [80, 100], "network.hidden[1]": [80, 100], "network.dropout": [0, 0.25, 0.5],
    "training.weight_decay": [0, 1e-5, 1e-4], "training.batch_size": [10, 25],
}  # fmt: skip
GRID = [dict(zip(SPACE, values, strict=True)) for values in itertools.product(*SPACE.values())]


def curves(
    repeats: int, epochs: int, *, held_out: bool = True, points: int = 500
) -> list[dict[str, np.ndarray]]:
    found = []
    for repeat in range(repeats):
        noise = np.exp(0.1 * np.random.default_rng(repeat).normal(size=(2, min(epochs, points))))
        epoch = np.unique(np.linspace(1, epochs, min(epochs, points)).round())
        fall = np.exp(-epoch / (0.1 * epochs))
        curve = {"epoch": epoch, "train_loss": (0.1 + fall) * noise[0, : len(epoch)]}
        if held_out:
            curve["validation_loss"] = (0.2 + fall) * noise[1, : len(epoch)]
        found.append(curve)
    return found


@pytest.mark.parametrize(("repeats", "epochs"), [(1, 1), (1, 300), (3, 5000), (10, 15_000)])
def test_training_curves(repeats: int, epochs: int) -> None:
    fact = training_curves(
        NAMES[3], curves(repeats, epochs), "loss", "loss (mean squared error)", failed=repeats - 1
    )
    assert faults(draw_training_curves, fact) == []


def test_training_curves_without_validation_rows_or_healthy_repeats() -> None:
    fact = training_curves("a", curves(2, 50, held_out=False), "loss", "loss (cross-entropy in nats)")
    assert faults(draw_training_curves, fact) == []
    assert faults(draw_training_curves, training_curves("a", [], "loss", "loss", failed=3)) == []


def test_a_loss_of_zero_or_accuracies_have_a_linear_axis() -> None:
    zero = {
        "epoch": np.array([1.0, 2.0]),
        "train_loss": np.array([1.0, 0.0]),
        "train_accuracy": np.array([0.5, 1.0]),
    }
    for measure in ("loss", "accuracy"):
        figure = draw_training_curves(training_curves("a", [zero], measure, f"{measure} (x)"))
        assert figure.axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(
    ("names", "repeats"), [(NAMES, 1), (NAMES, 10), (HOSTILE, 2), (tuple(map(str, range(40))), 1)]
)
def test_compared_curves_and_scores(names: tuple[str, ...], repeats: int) -> None:
    drawn = compared_curves(
        {name: curves(repeats, 5000, points=60) for name in names}, "loss", "loss (mean squared error)", 1
    )
    assert faults(draw_compared_curves, drawn) == []
    draw = np.random.default_rng(0)
    scores = {name: draw.lognormal(-2, 0.5, repeats) for name in names}
    scores[names[0]][0] = np.nan
    assert faults(draw_scores, compared_scores("mean squared error", scores, {names[1]: 0.1})) == []


@pytest.mark.parametrize(("names", "repeats"), [(("label",), 10), (("a", "b"), 1), (HOSTILE, 3)])
def test_predictions(names: tuple[str, ...], repeats: int) -> None:
    draw = np.random.default_rng(0)
    x, y = np.sort(draw.uniform(-5, 5, 50)), draw.normal(size=50)
    predicted = y + 0.1 * draw.normal(size=(repeats, 50))
    assert faults(draw_agreement, [agreement(HOSTILE[0], name, y, predicted) for name in names]) == []
    delivered = [agreement("a", name, 1e3 * y, -1e3 * predicted, delivered=True) for name in names]
    assert faults(draw_agreement, delivered) == []  # with the delivered network's scores below those of all
    facts = [fitted_curve(HOSTILE[1], (HOSTILE[2], name), (x, y), (x, y), predicted) for name in names]
    assert faults(draw_fitted_curve, facts) == []


def test_predictions_of_one_test_row() -> None:
    one = np.ones(1)
    assert faults(draw_agreement, [agreement("a", "y", one, one[None])]) == []
    assert faults(draw_fitted_curve, [fitted_curve("a", ("x", "y"), (one, one), (one, one), one[None])]) == []


@pytest.mark.parametrize("count", [1, 72, 100])
def test_ranking(count: int) -> None:
    draw = np.random.default_rng(0)
    scores = draw.lognormal(-2, 0.3, count)
    settings = [{**GRID[c % 72], "training.lr": 10 ** -draw.uniform(1, 5)} for c in range(count)]
    if count > 2:
        scores[1] = np.nan
        scores[2] *= 1000
    near = scores < np.nanmin(scores) * 1.1
    tied = [("equivalent", "unresolved")[c % 2] if near[c] else "worse" for c in range(count)]
    fact = ranking("selection score (x)", settings, (scores, 0.1 * scores), tied, scores == np.nanmin(scores))
    assert faults(draw_ranking, fact) == []


def test_ranking_without_settings_or_healthy_candidates() -> None:
    nothing = (np.full(1, np.nan), np.full(1, np.nan))
    assert faults(draw_ranking, ranking("selection score", [{}], nothing, ["failed"], np.zeros(1))) == []
    hostile = [dict.fromkeys(HOSTILE, value) for value in (*HOSTILE, [100] * 30)]
    scores = (np.arange(1.0, 7), np.full(6, np.nan))
    assert (
        faults(draw_ranking, ranking("selection score", hostile, scores, ["unresolved"] * 6, np.eye(6)[0]))
        == []
    )


def test_effects_and_variance() -> None:
    draw = np.random.default_rng(0)
    score_CFR = 0.3 + 0.05 * draw.normal(size=(72, 3, 1)) + np.array([0, 0.1, 0.3] * 24)[:, None, None]
    scores, rows = searched(np.abs(score_CFR + 0.1 * draw.normal(size=(72, 3, 5))))
    errors = search_errors(rows.cells(scores.candidate_ids, "loss"))
    fact = effects("selection score", GRID, scores.scores_CFR.mean(axis=(1, 2)), errors)
    assert faults(draw_effects, fact) == []
    random = [{"a.lr": 10 ** -draw.uniform(1, 5), "a.kind": HOSTILE[c % 5], "a.one": "x"} for c in range(72)]
    assert faults(draw_effects, effects("selection score", random, score_CFR.mean(axis=(1, 2)), None)) == []
    assert faults(draw_effects, effects("selection score", random[:2], score_CFR[:2, 0, 0], None)) == []
    for repeats in (1, 3):
        split = variance_split("selection score", np.repeat(score_CFR, repeats, axis=2))
        assert faults(draw_variance_split, split) == []


@pytest.mark.parametrize("classes", [("yes", "no"), HOSTILE, tuple(f"class {k}" for k in range(45))])
def test_classes(classes: tuple[str, ...]) -> None:
    draw = np.random.default_rng(0)
    probability_RVK = draw.dirichlet(np.full(len(classes), 0.3), (2, 80))
    true_V = draw.integers(0, len(classes) - 1, 80)  # the last class has no rows
    assert faults(draw_confusion, confusion(HOSTILE[0], classes, true_V, probability_RVK)) == []
    assert faults(draw_calibration, calibration(HOSTILE[0], true_V, probability_RVK)) == []


RULES: tuple[ThresholdRule, ...] = ("f1", Costs(false_positive=1.0, false_negative=1e6))


@pytest.mark.parametrize(
    ("name", "threshold", "rule"),
    [  # every threshold and every name with each rule
        (HOSTILE[(place + turn) % 5], threshold, rule)
        for place, threshold in enumerate((0.0, 1e-9, 0.04, 0.5, 1.0))
        for turn, rule in enumerate(RULES)
    ],
)
def test_threshold(name: str, threshold: float, rule: ThresholdRule) -> None:
    draw = np.random.default_rng(0)
    p_N = draw.beta(0.1, 1, 300)
    held_out = threshold_curve(rule, draw.random(300) < p_N, p_N)
    tested = threshold_curve(rule, np.arange(30) < 2, draw.random(30)) if threshold else None
    best = float(held_out.score_T[3])
    fact = ThresholdCurves(name, COST, threshold, best, held_out, tested)
    assert faults(draw_threshold, fact) == []


@pytest.mark.parametrize(
    ("count", "shape", "classes"),
    [(1, (1, 1, 1), ("yes", "no")), (5, (3, 4, 9), HOSTILE), (40, (1, 28, 28), ("T-shirt/top", "W" * 9))],
)
def test_mistakes(count: int, shape: tuple[int, ...], classes: tuple[str, ...]) -> None:
    draw = np.random.default_rng(0)
    image_MCHW = draw.integers(0, 256, (count, *shape), dtype=np.uint8)
    true_M = np.arange(count) % len(classes)
    predicted_M = (true_M + 1) % len(classes)
    share_M = np.linspace(0.00001, 0.49, count)
    fact = Mistakes(HOSTILE[0], classes, image_MCHW, true_M, predicted_M, share_M, 1 - share_M, 1234, 10_000)
    assert faults(draw_mistakes, fact) == []


def test_the_gallery_says_what_it_shows() -> None:
    def title(kept: int, wrong: int) -> str:
        numbers, shares = np.zeros(kept, np.int64), np.full(kept, 0.5)
        images = np.full((kept, 1, 2, 2), 7, np.uint8)
        fact = Mistakes("a", ("x", "y"), images, numbers, numbers + 1, shares, shares, wrong, 2000)
        figure = draw_mistakes(fact)
        assert [axes.get_title() for axes in figure.axes if axes.images] == [
            "x (50.0\u00a0%)\n→ y (50.0\u00a0%)"
        ] * min(kept, 24)
        assert figure.axes[0].images[0].get_clim() == (0, 255)  # a dark image stays dark
        return " ".join(figure.get_suptitle().split()).partition(" (")[0]

    assert title(40, 1500) == "a: the 24 surest of 1,500 mistakes on 2,000 test rows"
    assert title(2, 2) == "a: all 2 mistakes on 2,000 test rows"
    assert title(1, 1) == "a: the only mistake on 2,000 test rows"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0.0\u00a0%"),
        (1e-9, "< 0.1\u00a0%"),
        (0.034, "3.4\u00a0%"),
        (0.97, "97.0\u00a0%"),
        (0.99999, "> 99.9\u00a0%"),
        (1, "100.0\u00a0%"),
    ],
)
def test_a_probability_is_rounded_but_never_up_to_certainty(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(("layers", "units"), [(1, 1), (3, 40), (9, 1)])
def test_weights(layers: int, units: int) -> None:
    draw = np.random.default_rng(0)
    before = {f"hidden{n}.weight": draw.uniform(-1, 1, (units, units)) for n in range(layers)}
    after = {name: values + draw.normal(size=values.shape) for name, values in before.items()}
    assert faults(draw_weights, weight_histograms("a", before, after)) == []


@pytest.mark.parametrize(("units", "ranked"), [(1, True), (40, True), (40, False)])
def test_profiles(units: int, ranked: bool) -> None:
    draw, x_M = np.random.default_rng(0), np.linspace(-5, 5, 60)
    outputs = [1 / (1 + np.exp(-x_M[:, None] * draw.normal(size=units))) for _ in range(2)]
    layers = [(f"hidden{n}", "sigmoid", output) for n, output in enumerate(outputs)]
    assert faults(draw_profiles, activation_profiles("a", HOSTILE[3], x_M, layers, ranked=ranked)) == []


def test_profiles_of_one_row() -> None:
    layers: list[tuple[str, str, Any]] = [("output", "identity", np.ones((1, 2)))]
    for ranked in (False, True):
        assert faults(draw_profiles, activation_profiles("a", "x", np.zeros(1), layers, ranked=ranked)) == []
