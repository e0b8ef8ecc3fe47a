"""The map of activations: scikit-learn's components and neighbours, thumbnails that stand free of each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from shoal.engine._activation_map import NEAREST, activation_map, apart

draw = np.random.default_rng(4)


@pytest.mark.parametrize(("rows", "units"), [(3, 5), (40, 6), (60, 200), (12, 1)])
def test_components_and_neighbours_are_those_of_scikit_learn(rows: int, units: int) -> None:
    from sklearn.decomposition import PCA
    from sklearn.neighbors import NearestNeighbors

    output_MU = np.maximum(draw.normal(1, 2, (rows, units)), 0).astype(np.float32)
    class_M = draw.integers(0, 3, rows)
    numbers = np.arange(100, 100 + rows)
    kept = activation_map(output_MU, class_M, numbers)
    shown = min(2, units)
    pca = PCA(shown, svd_solver="full").fit(output_MU.astype(np.float64))
    place = pca.transform(output_MU.astype(np.float64))
    place *= np.sign(place[np.abs(place).argmax(axis=0), np.arange(shown)])
    np.testing.assert_allclose(kept["place"][:, :shown], place, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(kept["share"][:shown], pca.explained_variance_ratio_, rtol=1e-6)
    if units == 1:
        np.testing.assert_allclose(kept["place"][:, 1], 0, atol=1e-5)
    nearest = NearestNeighbors(n_neighbors=min(NEAREST, rows - 1)).fit(output_MU.astype(np.float64))
    same_M = (class_M[nearest.kneighbors(return_distance=False)] == class_M[:, None]).mean(axis=1)
    np.testing.assert_allclose(kept["same"], same_M)
    np.testing.assert_array_equal(kept["rows"], numbers)


def test_rows_that_change_places_take_their_places_along() -> None:
    output_MU, class_M = draw.normal(size=(30, 8)), draw.integers(0, 2, 30)
    order = draw.permutation(30)
    kept = activation_map(output_MU, class_M, np.arange(30))
    again = activation_map(output_MU[order], class_M[order], np.arange(30)[order])
    for name in ("rows", "place", "same"):
        np.testing.assert_allclose(again[name], kept[name][order], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("output_MU", [np.ones((9, 4)), np.eye(2), np.zeros((0, 3)), np.full((5, 2), np.inf)])
def test_there_is_no_map_of_what_does_not_differ(output_MU: np.ndarray) -> None:
    rows = np.arange(len(output_MU))
    assert activation_map(output_MU, rows, rows) == {}


@given(arrays(np.float32, st.tuples(st.integers(1, 60), st.just(2)), elements=st.floats(-9, 9, width=32)))
def test_thumbnails_stand_free_of_each_other_and_no_place_is_left_that_is_free(place_M2: np.ndarray) -> None:
    chosen = apart(place_M2, 1000)
    least = np.ptp(place_M2, axis=0).max() / 15
    between = np.abs(place_M2[chosen][:, None] - place_M2[chosen]).max(axis=2)
    np.fill_diagonal(between, np.inf)
    assert (between >= least - 1e-5).all()
    assert chosen[0] == 0
    free = np.abs(place_M2[:, None] - place_M2[chosen]).max(axis=2).min(axis=1) >= least + 1e-5
    assert not free.any()
    np.testing.assert_array_equal(apart(place_M2, 3), chosen[:3])
