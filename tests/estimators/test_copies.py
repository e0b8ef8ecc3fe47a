"""Copies of transformers and rows: equal, apart from what they were copied from, and laid out as it is."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn import model_selection
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler

import shoal
from estimators.search_cases import X, Y, regressor
from shoal.estimators._copies import _reached, copied, lies_in


def assert_laid_out_alike(made: Any, given: Any) -> None:
    assert type(made) is type(given)
    assert made.dtype == given.dtype
    assert made.shape == given.shape
    assert made.strides == given.strides
    for flag in ("C_CONTIGUOUS", "F_CONTIGUOUS", "WRITEABLE", "ALIGNED"):
        assert made.flags[flag] == given.flags[flag], flag
    assert made.ctypes.data % 64 == given.ctypes.data % 64
    np.testing.assert_array_equal(made, given)
    assert not np.shares_memory(made, given)


@st.composite
def views(draw: st.DrawFn) -> NDArray[Any]:
    """Arrays with gaps, axes in another order, steps backwards, the same row again and again."""
    dtype = draw(st.sampled_from(["f8", "f4", "i8", "?", ">f8", "U3", "M8[s]", "f4,u1,f8"]))
    array = np.zeros(draw(hnp.array_shapes(max_dims=3, max_side=5)), dtype)
    array = array.transpose(draw(st.permutations(range(array.ndim))))
    found = array[draw(hnp.basic_indices(array.shape, allow_newaxis=True, allow_ellipsis=True))]
    array = found if isinstance(found, np.ndarray) else array
    if array.dtype.kind == "f":
        array[...] = np.arange(array.size).reshape(array.shape)
    if draw(st.booleans()):
        array = np.broadcast_to(array, (2, *array.shape))
    if array.dtype.names and draw(st.booleans()):
        array = array[draw(st.sampled_from(array.dtype.names))]
    if draw(st.booleans()):
        array.flags.writeable = False
    return array


class Slotted:
    __slots__ = ("array",)


def slotted(array: Any) -> Slotted:
    made = Slotted()
    made.array = array
    return made


PLACES: dict[str, tuple[Any, Any]] = {
    "itself": (lambda array: array, lambda made: made),
    "list": (lambda array: [array], lambda made: made[0]),
    "tuple": (lambda array: (1, array), lambda made: made[1]),
    "dict": (lambda array: {"a": {"b": array}}, lambda made: made["a"]["b"]),
    "attribute": (lambda array: FunctionTransformer(kw_args={"a": array}), lambda made: made.kw_args["a"]),
    "partial": (lambda array: partial(np.add, array), lambda made: made.args[0]),
    "slot": (slotted, lambda made: made.array),
    "method": (lambda array: FunctionTransformer(kw_args=array).fit, lambda made: made.__self__.kw_args),
}


@given(views(), st.sampled_from(sorted(PLACES)))
def test_arrays_keep_their_layout_wherever_they_are(array: NDArray[Any], place: str) -> None:
    put, get = PLACES[place]
    made = get(copied(put(array)))
    if array.size:
        assert_laid_out_alike(made, array)
    else:
        assert (made.shape, made.dtype) == (array.shape, array.dtype)


@given(views(), st.data())
def test_arrays_that_share_memory_share_it_again(array: NDArray[Any], data: st.DataObject) -> None:
    other = array[data.draw(hnp.basic_indices(array.shape))]
    apart = np.array(array)
    if not isinstance(other, np.ndarray):
        other = array
    made = copied([array, apart, other])
    assert np.shares_memory(made[0], made[2]) == np.shares_memory(array, other)
    assert not np.shares_memory(made[1], made[0])
    if array.size and array.flags.writeable:
        made[0][...] = np.ones(1, made[0].dtype)
        np.testing.assert_array_equal(made[2], np.ones(other.shape, other.dtype))
        np.testing.assert_array_equal(array, apart)


def test_arrays_of_objects_are_copied_with_their_objects() -> None:
    given = np.array([[[1], {"a": 2}], [None, "text"]], dtype=object)
    made = copied({"a": given})["a"]
    assert made.tolist() == given.tolist()
    assert made[0, 0] is not given[0, 0]


def frames() -> dict[str, Any]:
    rows = np.arange(24.0).reshape(6, 4)
    mixed = pd.DataFrame({
        "number": np.arange(6.0), "text": list("abcabc"), "whole": range(6),
        "kind": pd.Categorical(list("xyxyxy")), "when": pd.date_range("2020", periods=6, tz="UTC"),
        "missing": pd.array([1, None, 3, 4, 5, 6], "Int64"), "object": [[1], 2, None, "a", (1,), {}],
    })  # fmt: skip
    return {
        "rows": pd.DataFrame(rows, copy=False),
        "columns": pd.DataFrame(np.asfortranarray(rows), copy=False),
        "every other": pd.DataFrame(rows[::2, 1::2], index=list("abc"), copy=False),
        "backwards": pd.DataFrame(rows[::-1, ::-1], copy=False),
        "in blocks": pd.concat([pd.DataFrame({f"{n}": rows[:, n]}) for n in range(4)], axis=1),
        "mixed": mixed,
        "series": pd.Series(rows[:, 1], name="one", copy=False),
        "levels": pd.DataFrame(rows, index=pd.MultiIndex.from_product([[1, 2], list("abc")])),
        "empty": pd.DataFrame(index=[1, 2]),
    }


@pytest.mark.parametrize("name", sorted(frames()))
def test_frames_keep_the_layout_of_their_blocks(name: str) -> None:
    frame = frames()[name]
    frame.attrs["told"] = "by hand"
    whole = frame.copy()
    made = copied([frame])[0]
    compare = pd.testing.assert_series_equal if name == "series" else pd.testing.assert_frame_equal
    compare(made, frame)
    assert made.attrs == frame.attrs
    ours, theirs = made.to_numpy(), frame.to_numpy()
    assert (ours.dtype, ours.strides, ours.flags.writeable) == (
        theirs.dtype,
        theirs.strides,
        theirs.flags.writeable,
    )
    for column in made.columns if isinstance(made, pd.DataFrame) else ():
        if made[column].dtype.kind in "fi" and name != "mixed":
            assert_laid_out_alike(made[column].to_numpy(), frame[column].to_numpy())
    if len(made) and made.size:
        made.iloc[0] = made.iloc[1]
    compare(frame, whole)


def test_frames_that_pandas_keeps_apart_stay_apart() -> None:
    frame = pd.DataFrame(np.zeros((3, 2)))
    made, again, other = copied([frame, frame, frame.copy(deep=False)])
    assert made is again
    made.iloc[0, 0] = 7.0
    assert other.iloc[0, 0] == 0


def test_frames_of_polars_are_copied() -> None:
    frame = pl.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    made = copied([frame])[0]
    assert made.equals(frame)
    assert made is not frame


def test_rows_lie_in_those_given_where_a_change_is_seen() -> None:
    rows, frame = np.zeros((4, 3)), pd.DataFrame(np.zeros((4, 3)))
    for lent, whole in ((rows, rows), (rows[1:, ::2], rows), ({"a": rows.T}, [rows]), (frame, frame)):
        assert lies_in(lent, whole)
    assert lies_in(frame.to_numpy(), frame)
    for apart in (rows.copy(), frame, frame.copy(), frame.assign(a=1), frame.to_numpy(copy=True), None):
        assert not lies_in(apart, rows)
        assert apart is frame or not lies_in(apart, frame)


class OwnWay:
    def __deepcopy__(self, memo: Any) -> OwnWay:
        return self


@pytest.mark.parametrize("thing", [OwnWay(), [OwnWay()], FunctionTransformer(kw_args={"a": OwnWay()})])
def test_what_is_copied_in_a_way_of_its_own_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match=r"^OwnWay is copied in a way of its own$"):
        copied(thing)


def test_what_cannot_be_copied_says_so() -> None:
    with pytest.raises(TypeError):
        copied(FunctionTransformer(kw_args={"a": threading.Lock()}))


def test_functions_and_classes_stay_the_very_same_and_what_they_know_is_not_copied() -> None:
    array = np.arange(3)
    number = 3
    things = [np.add, np.mean, OwnWay, len, lambda: number, pd.isna]
    assert all(made is thing for made, thing in zip(copied(things), things, strict=True))
    assert not list(_reached(things))
    with pytest.raises(TypeError, match=r"<lambda> may write into what it holds$"):
        copied([lambda: array])


class Watches(PCA):  # type: ignore[misc]
    """Notes how what it was fitted to, and what it is given, lie in memory."""

    seen: ClassVar[set[Any]] = set()

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        Watches.seen.add(("fit", type(X), lies(np.asarray(X))))
        return super().fit_transform(X)

    def transform(self, X: Any) -> Any:
        kept = [getattr(self, name) for name in ("components_", "mean_", "explained_variance_")]
        Watches.seen.add(("transform", type(X), lies(np.asarray(X)), *map(lies, kept)))
        return super().transform(X)


def lies(array: NDArray[Any]) -> Any:
    flags = array.flags
    order = (flags.c_contiguous, flags.f_contiguous, flags.writeable, flags.aligned)
    return array.dtype, array.shape, array.strides, order


@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
def test_steps_that_are_shared_lie_in_memory_as_in_scikit_learn(output: str) -> None:
    scaler = make_pipeline(PCA(2), MinMaxScaler()).set_output(transform=output)
    estimator = Pipeline([("scaler", scaler), ("pca", Watches()), ("net", regressor(max_iter=2))])
    grid = {"pca__n_components": [1, 2], "net__dropout": [0.0, 0.1]}
    seen = []
    for kind in (shoal.GridSearchCV, model_selection.GridSearchCV):
        Watches.seen = set()
        kind(estimator, grid, cv=2, return_train_score=True).fit(X, Y)
        seen.append(Watches.seen)
    assert seen[0] == seen[1]
