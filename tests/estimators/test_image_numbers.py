"""Images as numbers of any type and in any form: the same numbers get the same answers, or are refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone

from shoal import CNNClassifier, MLPClassifier, MLPRegressor

NUMBERS = np.random.default_rng(4)
PIXELS = NUMBERS.integers(0, 17, (36, 6, 6))
LABEL = np.arange(36) % 3
TYPES = ["uint8", "int8", "int16", "uint16", "int64", "float16", "float32", "float64", "longdouble", "object"]
NET = CNNClassifier(3, (5,), max_iter=2, random_state=0)
FITTED = {dtype: clone(NET).fit(PIXELS.astype(dtype), LABEL) for dtype in TYPES}


def forms(images: NDArray[Any]) -> dict[str, Any]:
    """The same images as people write them."""
    rows = images.reshape(len(images), -1)
    return {
        "images": images,
        "channel last": images[..., None],
        "channel first": images[:, None],
        "rows": rows,
        "lists": images.tolist(),
        "lists of rows": rows.tolist(),
        "one by one": list(images),
        "in a column": pd.Series(list(images)),
        "columns": np.asfortranarray(rows),
        "frame": pd.DataFrame(rows),
        "backwards": images[::-1][::-1],
    }


@pytest.mark.filterwarnings("ignore:X has feature names")
@given(fitted=st.sampled_from(TYPES), asked=st.sampled_from(TYPES), form=st.sampled_from(list(forms(PIXELS))))
def test_the_same_numbers_get_the_same_answers(fitted: str, asked: str, form: str) -> None:
    model = FITTED[fitted]
    x = forms(PIXELS.astype(asked))[form]
    np.testing.assert_array_equal(model.predict_proba(x), model.predict_proba(PIXELS.astype(fitted)))
    assert model.score(x, LABEL) == model.score(PIXELS.astype(fitted), LABEL)


def test_what_was_fitted_decides_what_numbers_mean() -> None:
    """All types but bytes are one; bytes are divided by 255, so theirs is another network."""
    bytes_, *others = (model.predict_proba(PIXELS) for model in FITTED.values())
    for other in others:
        np.testing.assert_array_equal(other, others[0])
    assert not np.allclose(bytes_, others[0])
    mask = PIXELS > 8
    for dtype in ("uint8", "float64", "bool"):
        model = clone(NET).fit(mask.astype(dtype), LABEL)
        for asked in ("uint8", "float32", "int64", "bool"):
            np.testing.assert_array_equal(model.predict_proba(mask.astype(asked)), model.predict_proba(mask))


@pytest.mark.parametrize("first", ["uint8", "float32", "int64"])
@pytest.mark.parametrize("then", ["uint8", "float64", "int16"])
def test_training_goes_on_with_the_same_numbers(first: str, then: str) -> None:
    one, other = (clone(NET).set_params(warm_start=True).fit(PIXELS.astype(first), LABEL) for _ in range(2))
    for step in ("fit", "partial_fit"):
        getattr(one, step)(PIXELS.astype(first), LABEL)
        getattr(other, step)(PIXELS.astype(then), LABEL)
        np.testing.assert_array_equal(one.predict_proba(PIXELS), other.predict_proba(PIXELS))
    fresh = other.set_params(warm_start=False).fit(PIXELS.astype(then), LABEL)  # anew: its own numbers now
    again = clone(fresh).fit(PIXELS.astype(then), LABEL)
    np.testing.assert_array_equal(fresh.predict_proba(PIXELS), again.predict_proba(PIXELS))


@pytest.mark.parametrize(
    ("x", "came"),
    [(PIXELS / 255.0, "0.0"), (PIXELS - 1, "-1"), (PIXELS * 100, "[0-9]+"), (PIXELS + 0.5, "[0-9.]+")],
)
def test_numbers_that_no_byte_is_are_refused_where_bytes_were_fitted(x: Any, came: str) -> None:
    model = clone(NET).set_params(warm_start=True).fit(PIXELS.astype(np.uint8), LABEL)
    sentence = rf"^X: expected whole numbers from 0 to 255 where bytes \(uint8\) were fitted, got {came}"
    for ask in (
        model.predict,
        model.predict_proba,
        lambda x: model.score(x, LABEL),
        lambda x: model.fit(x, LABEL),
    ):
        with pytest.raises(ValueError, match=sentence):
            ask(x)
    with pytest.raises(ValueError, match=sentence):
        model.partial_fit(x, LABEL)


def test_flat_rows_of_colours_are_in_the_order_of_fit() -> None:
    colour = NUMBERS.integers(0, 255, (36, 6, 5, 3), dtype=np.uint8)
    last = clone(NET).fit(colour, LABEL)
    first = clone(NET).fit(colour.transpose(0, 3, 1, 2), LABEL)
    expected = last.predict_proba(colour)
    np.testing.assert_array_equal(first.predict_proba(colour), expected)
    np.testing.assert_array_equal(last.predict_proba(colour.reshape(36, -1)), expected)
    np.testing.assert_array_equal(first.predict_proba(colour.transpose(0, 3, 1, 2).reshape(36, -1)), expected)
    again = pickle.loads(pickle.dumps(last))  # noqa: S301 - its own bytes
    np.testing.assert_array_equal(again.predict_proba(colour.reshape(36, -1).astype(float)), expected)


def test_images_of_several_shapes_are_refused() -> None:
    several = [np.ones((6, 6)), np.ones((5, 6))]
    for x in (several, pd.Series(several), [[1, 2], [3]]):
        with pytest.raises(
            ValueError, match=r"^X: expected images of one shape, or rows of one length, got several$"
        ):
            clone(NET).fit(x, [0, 1])


@pytest.mark.parametrize("model", [MLPClassifier, MLPRegressor])
def test_a_table_knows_no_types(model: Any) -> None:
    rows = PIXELS.reshape(36, -1)
    fitted = [model((5,), max_iter=2, random_state=0).fit(rows.astype(dtype), LABEL) for dtype in TYPES]
    for one in fitted:
        for asked in TYPES:
            np.testing.assert_array_equal(one.predict(rows.astype(asked)), fitted[0].predict(rows))
