"""Partial dependence and the H statistic: by scikit-learn, by functions whose interactions are known, by relations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shoal.data import Column, Dataset, fit_preprocessing
from shoal.engine._dependence import LEVELS, _Surface
from shoal.engine._extents import GRID, rows_along_inputs, rows_averaged
from shoal.engine._predict import Trained
from shoal.nets import build_architecture, initial_parameters
from shoal.streams import StreamKey
from shoal.study import Network

ROWS = 120
DRAW = np.random.default_rng(8)
COLUMNS = (
    Column("a", DRAW.normal(2, 3, ROWS)),
    Column("b", DRAW.normal(0, 1, ROWS)),
    Column("kind", DRAW.choice(np.array([f"k{n:02}" for n in range(15)], object), ROWS)),
    Column("few", DRAW.integers(0, 4, ROWS).astype(float)),
)


class Formula:
    """A trainer whose network is a function of the inputs."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def outputs(self, architecture: Any, parameters_P: Any, buffers: Any, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.function(x.astype(np.float64)), np.float64).reshape(len(x), -1)


def surface(function: Any, task: Any = "regression", weights: Any = None, outputs: int = 1) -> _Surface:
    classes = tuple("xyz"[:outputs]) if task == "classification" else ()
    targets = np.arange(ROWS) % outputs if classes else DRAW.normal(size=(ROWS, outputs))
    rows = Dataset(
        name="", task=task, columns=COLUMNS, target_names=tuple(f"y{k}" for k in range(1 if classes else outputs)),
        targets=targets, classes=classes, train_rows=ROWS, groups=None, given_folds=None, train_fingerprint="",
        test_fingerprint="", source="", weights=weights,
    )  # fmt: skip
    own = fit_preprocessing(rows, np.arange(ROWS), "inputs")
    architecture = build_architecture(
        Network.model_validate({"hidden": [3]}), (len(own.input_names),), outputs
    )
    parameters_P = initial_parameters(architecture, StreamKey(1, 2, 3))
    trained = Trained(architecture, parameters_P, np.zeros(0, np.float32), own, task)
    return _Surface.of(trained, Formula(function), rows)  # type: ignore[arg-type]


def both(x: np.ndarray) -> np.ndarray:
    return np.sin(x[:, 0]) * x[:, 1] + x[:, 2] - 2 * x[:, -1] ** 2


def test_curves_are_those_of_scikit_learn() -> None:
    from sklearn.base import BaseEstimator, RegressorMixin
    from sklearn.inspection import partial_dependence

    class Wrapped(RegressorMixin, BaseEstimator):
        def fit(self, x: Any, y: Any) -> Any:
            self.fitted_ = True
            return self

        def predict(self, x: np.ndarray) -> np.ndarray:
            return both(np.asarray(x, np.float32).astype(np.float64))

    weights = DRAW.integers(1, 4, ROWS).astype(float)
    asked, arrays = surface(both, weights=weights).everything(COLUMNS)
    of = surface(both)
    x = of.x_ND.astype(np.float64)
    weights = of.weight_N if weights is None else weights
    for number, place in ((0, 0), (1, 1), (3, of.x_ND.shape[1] - 1)):
        scale = of.trained.preprocessing.columns[number].scale  # type: ignore[attr-defined]
        grid = ((arrays[f"{number}/x"] - scale.mean) / scale.scale).astype(np.float32).astype(np.float64)
        theirs = partial_dependence(
            Wrapped().fit(x, None),
            x,
            [place],
            custom_values={place: grid},
            kind="average",
            method="brute",
            sample_weight=weights,
        )
        np.testing.assert_allclose(arrays[f"{number}/mean"][:, 0], theirs["average"][0], rtol=1e-6, atol=1e-9)
        single = partial_dependence(
            Wrapped().fit(x, None), x, [place], custom_values={place: grid}, kind="individual", method="brute"
        )["individual"][0]
        kept = np.unique(np.linspace(0, ROWS - 1, 40).round()).astype(int)
        np.testing.assert_allclose(arrays[f"{number}/rows"], single[kept], rtol=1e-6, atol=1e-9)
    assert asked.columns == ("a", "b", "kind", "few")
    assert asked.kinds == ("numbers", "numbers", "categories", "numbers")


def test_a_category_is_set_in_every_row() -> None:
    of = surface(both)
    _, arrays = of.everything(COLUMNS)
    asked, _ = of.everything(COLUMNS)
    for level, mean in zip(asked.levels[2], arrays["2/mean"][:, 0], strict=True):
        columns = [
            Column("kind", np.full(ROWS, level, object)) if column.name == "kind" else column
            for column in COLUMNS
        ]
        x_ND = of.trained.preprocessing.inputs(columns, np.arange(ROWS))
        assert mean == pytest.approx(both(x_ND.astype(np.float64)).mean(), rel=1e-9)


def test_grids_are_quantiles_few_values_and_the_most_frequent_categories() -> None:
    of = surface(both)
    grid = of.grid(COLUMNS[0])
    np.testing.assert_allclose(grid.x_G, np.quantile(COLUMNS[0].values, np.linspace(0.01, 0.99, GRID)))
    assert grid.share_G.sum() == pytest.approx(1)
    assert of.grid(COLUMNS[3]).x_G.tolist() == [0, 1, 2, 3]
    kinds = of.grid(COLUMNS[2])
    counts = COLUMNS[2].categories
    assert len(kinds.levels) == LEVELS
    assert [counts[level] for level in kinds.levels] == sorted(counts.values(), reverse=True)[:LEVELS]
    ordered = Column("few", COLUMNS[2].values, "ordered", order=tuple(f"k{n:02}" for n in range(15)))
    assert list(of.grid(replace(ordered, name="kind")).levels) == sorted(kinds.levels)


def test_h_is_what_friedman_and_popescu_define() -> None:
    of = surface(both)
    x = of.x_ND[np.unique(np.linspace(0, ROWS - 1, of.pair_rows).round()).astype(int)].astype(np.float64)
    h_JJ, size_JJQ = of.interactions([[0], [1], [2]])

    def dependence(*places: int) -> np.ndarray:
        means = []
        for row in x:
            asked = x.copy()
            asked[:, places] = row[list(places)]
            means.append(both(asked).mean())
        return np.array(means) - np.mean(means)

    beyond = dependence(0, 1) - dependence(0) - dependence(1)
    assert h_JJ[0, 1] == pytest.approx(np.sqrt((beyond**2).sum() / (dependence(0, 1) ** 2).sum()), rel=1e-6)
    assert size_JJQ[0, 1, 0] == pytest.approx(np.sqrt((beyond**2).mean()), rel=1e-6)
    np.testing.assert_allclose(h_JJ, h_JJ.T)
    assert h_JJ[0, 2] == pytest.approx(0, abs=1e-7)
    assert h_JJ[1, 2] == pytest.approx(0, abs=1e-7)


def test_h_counts_rows_as_often_as_they_weigh() -> None:
    """A row that weighs k is k rows; one that weighs nothing is none."""
    weights = DRAW.integers(0, 4, ROWS).astype(float)
    of = replace(surface(both, weights=weights), pair_rows=ROWS)
    again = replace(of, x_ND=np.repeat(of.x_ND, weights.astype(int), axis=0), pair_rows=1_000)
    again = replace(again, weight_N=np.ones(len(again.x_ND)))
    for own, repeated in zip(
        of.interactions([[0], [1], [2]]), again.interactions([[0], [1], [2]]), strict=True
    ):
        np.testing.assert_allclose(own, repeated, rtol=1e-9, atol=1e-12)
    assert not np.allclose(
        of.interactions([[0], [1]])[0], surface(both).interactions([[0], [1]])[0], rtol=1e-3
    )


def test_rounding_is_no_interaction() -> None:
    """Answers of single precision are sums to within their rounding alone; a thousandth of a product is none of it."""
    single = surface(lambda x: (x[:, 0] / 3 - 2 * x[:, 1]).astype(np.float32))
    asked, arrays = single.everything(COLUMNS)
    assert asked.pair == ()
    assert not arrays["h"].any()
    assert not arrays["size"].any()
    product = surface(lambda x: (x[:, 0] / 3 - 2 * x[:, 1] + 1e-3 * x[:, 0] * x[:, 1]).astype(np.float32))
    asked, arrays = product.everything(COLUMNS)
    assert asked.pair == (0, 1)
    assert np.count_nonzero(np.triu(arrays["size"])) == 1


def test_the_pair_that_interacts_most_is_shown() -> None:
    of = surface(both)
    asked, arrays = of.everything(COLUMNS)
    assert asked.pair == (0, 1)
    first, second = (of.grid(COLUMNS[place]).thinned(12) for place in asked.pair)
    x = of.x_ND.copy()
    x[:, 0], x[:, 1] = first.made_GD[3, 0], second.made_GD[5, 0]
    assert arrays["pair"][3, 5] == pytest.approx(both(x.astype(np.float64)).mean(), rel=1e-9)
    np.testing.assert_array_equal(arrays["first"], first.x_G)
    np.testing.assert_array_equal(arrays["second"], second.x_G)


def test_sums_have_no_pair_and_one_column_has_none() -> None:
    asked, arrays = surface(lambda x: np.zeros(len(x))).everything(COLUMNS)
    assert asked.pair == ()
    assert arrays["pair"].shape == (0, 0)
    assert not arrays["h"].any()
    asked, arrays = surface(both).everything(COLUMNS[:1])
    assert (asked.paired, arrays["h"].shape) == (1, (1, 1))


def test_answers_are_of_the_positive_class_of_every_class_or_of_targets() -> None:
    def logits(x: np.ndarray) -> np.ndarray:
        return np.stack([x[:, 0], -x[:, 1], x[:, 0] * x[:, 1]], axis=1)

    asked, arrays = surface(logits, "classification", outputs=3).everything(COLUMNS)
    assert (asked.answers, asked.shares) == (("x", "y", "z"), True)
    np.testing.assert_allclose(arrays["0/mean"].sum(axis=1), 1)
    asked, arrays = surface(lambda x: logits(x)[:, :2], "classification", outputs=2).everything(COLUMNS)
    assert asked.answers == ("y",)
    assert ((arrays["0/mean"] > 0) & (arrays["0/mean"] < 1)).all()
    asked, _ = surface(logits, outputs=3).everything(COLUMNS)
    assert (asked.answers, asked.shares) == (("y0", "y1", "y2"), False)


def test_rows_are_fewer_where_a_network_is_large() -> None:
    small = build_architecture(Network.model_validate({"hidden": [4]}), (5,), 1)
    large = build_architecture(Network.model_validate({"hidden": [2000, 2000]}), (5,), 1)
    assert rows_averaged(small, 10_000) == (300, 100)
    assert rows_averaged(small, 30) == (30, 30)
    few, pairs = rows_averaged(large, 10_000)
    assert few < 300
    assert pairs < 100
    assert rows_along_inputs(large, 6, 10_000) * large.flops_per_row < 1.2e11
