"""Frames, missing cells, categories and sparse matrices: what is learned of them, and from which rows alone."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV as TheirGridSearch
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

from shoal import CNNClassifier, GridSearchCV, MLPClassifier, MLPRegressor
from shoal.estimators import _table_inputs

NUMBERS = np.random.default_rng(11)
N = 60
LABEL = np.arange(N) % 2
TOWN = np.array(["Kiel", "Bonn", "Ulm", None], object)[NUMBERS.integers(0, 4, N)]
SIZE = np.where(NUMBERS.random(N) < 0.2, np.nan, NUMBERS.normal(size=N))
OPEN = NUMBERS.integers(0, 2, N).astype(bool)
FRAME = pd.DataFrame(
    {"size": SIZE, "town": pd.Categorical(TOWN), "open": OPEN, "age": NUMBERS.normal(size=N)}
)


def network(**parameters: Any) -> MLPClassifier:
    return MLPClassifier((4,), max_iter=3, random_state=0, **parameters)


# -- the encoders of studies, held against scikit-learn's ----------------------------------------------------


def test_inputs_are_the_median_an_indicator_and_a_column_for_each_category() -> None:
    """scikit-learn's own imputer and encoder before the network make the same network, to the last bit."""
    ours = network().fit(FRAME, LABEL)
    assert ours.input_names_ == (
        "size", "size is missing", "town=Bonn", "town=Kiel", "town=Ulm", "town is missing", "open", "age",
    )  # fmt: skip
    before = make_column_transformer(
        (SimpleImputer(strategy="median", add_indicator=True), ["size"]),
        (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["town"]),
        ("passthrough", ["open", "age"]),
    )
    theirs = make_pipeline(before, network()).fit(FRAME, LABEL)
    assert_array_equal(ours.predict_proba(FRAME), theirs.predict_proba(FRAME))
    new = FRAME.assign(town=FRAME["town"].cat.rename_categories({"Ulm": "Oslo"}))
    assert_array_equal(ours.predict_proba(new), theirs.predict_proba(new))
    assert not np.array_equal(ours.predict_proba(new), ours.predict_proba(FRAME))


def test_numbers_that_are_all_there_are_inputs_as_they_are() -> None:
    x = NUMBERS.normal(size=(N, 3))
    model = network(dtype="float64").fit(x, LABEL)
    assert model.input_names_ == ("x0", "x1", "x2")
    hole = x.copy()
    hole[7, 1] = np.nan
    filled = x.copy()
    filled[7, 1] = np.median(x[:, 1])
    assert_array_equal(model.predict_proba(hole), model.predict_proba(filled))


def test_numbers_in_frames_with_categories_keep_64_bits() -> None:
    x = FRAME[["age", "town"]]
    model = network(dtype="float64").fit(x, LABEL)
    nearby = x.assign(age=np.nextafter(x["age"], np.inf))
    assert not np.array_equal(model.predict_proba(x), model.predict_proba(nearby))


def test_a_column_without_any_number_is_no_input() -> None:
    x = np.column_stack([np.full(N, np.nan), np.arange(N)])
    model = network().fit(x, LABEL)
    assert model.input_names_ == ("x1",)
    assert model.n_features_in_ == 2
    assert_array_equal(model.predict_proba(np.nan_to_num(x)), model.predict_proba(x))
    with pytest.raises(
        ValueError, match=r"^X: expected an input that has a value in the 60 rows of every fit"
    ):
        network().fit(np.full((N, 2), np.nan), LABEL)


@pytest.mark.parametrize(
    "cells",
    [
        pd.Series([1.5, None, 2.0, 3.0]),
        pd.Series([1.5, pd.NA, 2.0, 3.0], dtype=object),
        pd.Series([1.5, None, 2.0, 3.0], dtype="double[pyarrow]"),
        pd.Series(["1.5", "NA", "2", "3.0"]),
        pl.Series([1.5, None, 2.0, 3.0]),
        pl.Series([1.5, None, 2.0, 3.0], dtype=pl.Decimal(10, 2)),
        pa.chunked_array([[1.5, None], [2.0, 3.0]]),
    ],
    ids=str,
)
def test_numbers_of_every_type_are_numbers(cells: Any) -> None:
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}[
        type(cells).__module__.split(".")[0]
    ]
    x, same = frame({"a": cells}), np.array([[1.5], [np.nan], [2.0], [3.0]])
    model = network().fit(x, [0, 1, 0, 1])
    assert model.input_names_ == ("a", "a is missing")
    assert_array_equal(model.predict_proba(x), network().fit(same, [0, 1, 0, 1]).predict_proba(same))


def test_what_is_no_table_of_numbers_is_refused() -> None:
    for x, sentence in (
        (pd.DataFrame({"a": pd.to_datetime(["2020", "2021"])}), 'X, column "a": expected numbers, got dates'),
        (pd.DataFrame({"a": ["1", "x"]}), 'X, row 2, column "a": expected a number, got "x"'),
    ):
        with pytest.raises(ValueError, match="expected") as caught:
            network().fit(x, [0, 1])
        assert str(caught.value) == sentence
    with pytest.raises(ValueError, match="Series"):
        network().fit(pd.Series([1.0, 2.0]), [0, 1])


def test_infinite_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="infinity"):
        network().fit([[1.0], [np.inf]], [0, 1])
    with pytest.raises(ValueError, match=r'^X, row 2, column "size": expected a finite number, got inf$'):
        network().fit(FRAME.assign(size=[0.0, np.inf, *SIZE[2:]]), LABEL)


# -- which columns are categories ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked", ["from_dtype", ["town"], [1], [False, True, False, False], np.array(["town"])]
)
def test_categories_are_asked_for_as_of_boosted_trees(asked: Any) -> None:
    model = clone(network(categorical_features=asked)).fit(FRAME, LABEL)
    peer = HistGradientBoostingClassifier(categorical_features=asked, max_iter=1).fit(FRAME, LABEL)
    assert_array_equal(model.is_categorical_, peer.is_categorical_)
    assert_array_equal(model.predict_proba(FRAME), network().fit(FRAME, LABEL).predict_proba(FRAME))


def test_both_have_the_same_default() -> None:
    assert MLPClassifier().categorical_features == HistGradientBoostingClassifier().categorical_features


@pytest.mark.parametrize("asked", [None, [], "from_dtype"])
def test_none_is_a_category(asked: Any) -> None:
    model = network(categorical_features=asked).fit(FRAME[["size", "open"]], LABEL)
    assert model.is_categorical_ is None


def test_arrays_have_categories_by_place() -> None:
    x = np.column_stack([TOWN, SIZE]).astype(object)
    model = network(categorical_features=[0]).fit(x, LABEL)
    same = network().fit(FRAME[["town", "size"]], LABEL)
    assert_array_equal(model.predict_proba(x), same.predict_proba(FRAME[["town", "size"]]))
    assert model.input_names_[0] == "x0=Bonn"
    coded = NUMBERS.integers(0, 3, (N, 2))
    whole = network(categorical_features=[1]).fit(coded, LABEL)
    assert whole.input_names_ == ("x0", "x1=0", "x1=1", "x1=2")
    assert_array_equal(whole.predict_proba(coded), whole.predict_proba(coded.astype(np.float64)))


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (
            ["twon"],
            'expected names of columns ("size", "town", "open" or "age"), got "twon"; did you mean "town"?',
        ),
        ([4], "expected names or numbers of columns from 0 to 3, got 4"),
        ([-1], "expected names or numbers of columns from 0 to 3, got -1"),
        ([1.5], "expected names or numbers of columns from 0 to 3, got 1.5"),
        ([True], "expected a truth value for each of 4 columns, got 1"),
        ([True, 1], "expected names or numbers of columns from 0 to 3, got True"),
    ],
)
def test_what_is_asked_for_in_vain(asked: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match="categorical_features") as caught:
        network(categorical_features=asked).fit(FRAME, LABEL)
    assert str(caught.value) == f"categorical_features: {sentence}"


def test_names_of_nameless_columns_are_refused() -> None:
    with pytest.raises(ValueError, match=r'expected numbers of columns, since X has no names, got "town"$'):
        network(categorical_features=["town"]).fit(FRAME[["size"]].to_numpy(), LABEL)


# -- one frame, many forms -----------------------------------------------------------------------------------


def in_pandas(frame: pd.DataFrame, kind: str) -> Any:
    types = {
        "category": {}, "object": {"town": object}, "string": {"town": "string"}, "str": {"town": "str"},
        "arrow": {"town": "string[pyarrow]", "size": "double[pyarrow]", "open": "bool[pyarrow]"},
        "nullable": {"size": "Float64", "open": "boolean"},
    }  # fmt: skip
    return frame.astype(types[kind])


def in_polars(frame: pd.DataFrame, kind: str) -> Any:
    town = [None if pd.isna(text) else text for text in frame["town"].astype(object)]
    levels = sorted({text for text in town if text is not None})
    types = {"Categorical": pl.Categorical(), "Enum": pl.Enum(levels), "String": pl.String()}
    return pl.DataFrame(
        {
            name: pl.Series(name, town, dtype=types[kind])
            if name == "town"
            else pl.Series(name, [None if pd.isna(cell) else cell for cell in frame[name].tolist()])
            for name in frame
        }
    )


def with_unseen(frame: pd.DataFrame, rows: list[int]) -> pd.DataFrame:
    town = frame["town"].astype(object).to_numpy(copy=True)
    town[rows] = "Oslo"
    return frame.assign(town=pd.Categorical(town))


KINDS_OF_PANDAS = ["category", "object", "string", "str", "arrow", "nullable"]


@given(
    order=st.permutations(list(FRAME)),
    learned=st.sampled_from(KINDS_OF_PANDAS),
    asked=st.sampled_from(KINDS_OF_PANDAS),
    form=st.sampled_from(["Categorical", "Enum", "String"]),
    unseen=st.lists(st.integers(0, N - 1), max_size=5),
    flags=st.booleans(),
)
def test_every_form_of_a_frame_gives_the_same_numbers(
    order: list[str], learned: str, asked: str, form: str, unseen: list[int], flags: bool
) -> None:
    frame = FRAME[order]
    model = network(categorical_features=["town", "open"] if flags else ["town"])
    first = clone(model).fit(in_pandas(frame, learned), LABEL)
    second = clone(model).fit(in_polars(frame, form), LABEL)
    assert first.input_names_ == second.input_names_
    assert_array_equal(first.feature_names_in_, order)
    new = with_unseen(frame, unseen)
    expected = first.predict_proba(in_pandas(new, asked))
    for fitted in (first, second):
        for rows in (in_pandas(new, learned), in_polars(new, form)):
            assert_array_equal(fitted.predict_proba(rows), expected)
    alone = np.concatenate([first.predict_proba(new[row : row + 1]) for row in range(N)])
    assert_allclose(alone, expected, rtol=1e-14)  # a row's answer does not depend on the rows beside it


@pytest.mark.parametrize(
    ("learned", "asked"),
    [
        (["True", "False"], [True, False]),
        (["01", "02"], [1, 2]),
        (["1.0", "2.50"], [1.0, 2.5]),
        ([0.1, 7.5], np.array([0.1, 7.5], np.float32)),
        (["Müller", "Maier"], ["Mu\u0308ller", " Maier"]),
    ],
)
def test_a_category_is_found_again_in_another_spelling(learned: Any, asked: Any) -> None:
    rows = np.arange(N) % 2
    model = network(categorical_features=["kind"]).fit(pd.DataFrame({"kind": np.array(learned)[rows]}), LABEL)
    expected = model.predict_proba(pd.DataFrame({"kind": learned}))
    for frame in (pd.DataFrame, pl.DataFrame):
        assert_array_equal(model.predict_proba(frame({"kind": asked})), expected)
    assert not np.array_equal(model.predict_proba(pd.DataFrame({"kind": ["none", "?"]})), expected)


def test_words_for_nothing_are_missing_cells() -> None:
    frames = [
        FRAME.assign(town=FRAME["town"].astype(object).where(FRAME["town"].notna(), word))
        for word in (None, "NA", "", "null")
    ]
    answers = [
        network(categorical_features=["town"]).fit(frame, LABEL).predict_proba(frame) for frame in frames
    ]
    for answer in answers[1:]:
        assert_array_equal(answer, answers[0])


def test_columns_in_another_order_are_refused_as_in_scikit_learn() -> None:
    model = network().fit(FRAME, LABEL)
    with pytest.raises(ValueError, match="Feature names must be in the same order as they were in fit"):
        model.predict(FRAME[["town", "size", "open", "age"]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        answer = model.predict_proba(FRAME.to_numpy(object))
    assert_array_equal(answer, model.predict_proba(FRAME))


# -- only the rows of a fit teach ----------------------------------------------------------------------------


def poisoned(rows: Any) -> pd.DataFrame:
    """Other numbers, more missing cells and a strange category in some rows."""
    frame = with_unseen(FRAME, list(rows)).copy()
    frame.loc[list(rows)[::2], "size"] = 1e6
    frame.loc[list(rows)[1::2], ["size", "age"]] = np.nan
    return frame


GRID = {"categorical_features": ["from_dtype", ["town", "open"]], "learning_rate_init": [0.1, 0.01]}


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("asked", GRID["categorical_features"])
def test_rows_held_out_teach_nothing_in_a_search(asked: Any, early_stopping: bool) -> None:
    """Poison in the rows held out of a fold changes no curve of training, and no weight of its network."""
    cut = (np.arange(20, N), np.arange(20))
    searches = [
        GridSearchCV(network(early_stopping=early_stopping), {"categorical_features": [asked]}, cv=[cut])
        for _ in range(2)
    ]
    for search, frame in zip(searches, (FRAME, poisoned(cut[1])), strict=True):
        search.fit(frame, LABEL)
    curves = [search.fits_.drop(columns=["validation_loss", "validation_accuracy"]) for search in searches]
    pd.testing.assert_frame_equal(*curves)
    assert not searches[0].fits_["validation_loss"].equals(searches[1].fits_["validation_loss"])
    first, second = (search.fold_modules_[0].state_dict() for search in searches)
    assert {name: array.tolist() for name, array in first.items()} == {
        name: array.tolist() for name, array in second.items()
    }


def test_rows_without_weight_teach_nothing() -> None:
    weight = np.ones(N)
    weight[:20] = 0
    fits = [network().fit(frame, LABEL, weight) for frame in (FRAME, poisoned(range(20)))]
    for name, array in fits[0].parameters_.items():
        assert_array_equal(array, fits[1].parameters_[name])
    assert fits[0].input_names_ == fits[1].input_names_
    assert fits[0].input_names_ == network().fit(FRAME[20:], LABEL[20:]).input_names_


def test_a_search_scores_as_scikit_learns_does() -> None:
    ours, theirs = (
        search(network(), GRID, cv=3).fit(FRAME, LABEL) for search in (GridSearchCV, TheirGridSearch)
    )
    assert_array_equal(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert_array_equal(ours.predict_proba(FRAME), theirs.predict_proba(FRAME))
    assert ours.fits_["validation_loss"].notna().all()


def test_networks_of_folds_learn_from_their_own_rows() -> None:
    model = MLPRegressor((4,), max_iter=3, random_state=0, calibration="cv+", calibration_folds=3).fit(
        FRAME, SIZE.size * LABEL
    )
    encodings = model._folds.encodings
    medians = {encoding.columns[0].median for encoding in encodings} | {model._encoding.columns[0].median}
    assert len(medians) > 1
    lower, upper = model.predict_interval(FRAME).T
    assert (lower < upper).all()
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 - its own bytes
    assert_array_equal(again.predict_interval(FRAME), model.predict_interval(FRAME))


def test_training_further_keeps_what_the_first_rows_taught() -> None:
    model = network(warm_start=True).fit(FRAME[:40], LABEL[:40])
    names = model.input_names_
    model.fit(poisoned(range(N)), LABEL)
    assert model.input_names_ == names
    parts = network().partial_fit(FRAME[:40], LABEL[:40], classes=[0, 1])
    parts.partial_fit(poisoned(range(N)), LABEL)
    assert parts.input_names_ == names
    assert parts.score(FRAME, LABEL, sample_weight=np.ones(N)) == parts.score(FRAME, LABEL)


def test_pipelines_hand_frames_on() -> None:
    scaled = make_column_transformer(
        (StandardScaler(), ["size", "age"]), remainder="passthrough", verbose_feature_names_out=False
    )
    model = make_pipeline(scaled.set_output(transform="pandas"), network(class_weight="balanced")).fit(
        FRAME, LABEL
    )
    assert model[-1].feature_names_in_.tolist() == ["size", "age", "town", "open"]
    assert model[-1].is_categorical_.tolist() == [False, False, True, False]
    assert model.predict(FRAME).shape == (N,)


# -- sparse matrices -----------------------------------------------------------------------------------------

FORMS = ["csr_matrix", "csr_array", "csc_matrix", "coo_array", "dok_array", "bsr_array"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("holes", [False, True])
def test_sparse_rows_are_what_they_are_dense(form: str, holes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_table_inputs, "_PART", 700)  # several parts
    x = np.where(NUMBERS.random((N, 5)) < 0.3, NUMBERS.normal(size=(N, 5)), 0.0)
    if holes:
        x[3, 2] = x[11, 2] = np.nan
    sparse = getattr(scipy.sparse, form)(x)
    for model in (network(), MLPRegressor((4,), max_iter=3, random_state=0, calibration="cv+")):
        ours, theirs = clone(model).fit(sparse, LABEL), clone(model).fit(x, LABEL)
        assert_array_equal(ours.predict(sparse), theirs.predict(x))
        for name, array in ours.parameters_.items():
            assert_array_equal(array, theirs.parameters_[name])
    assert_array_equal(ours.predict_interval(sparse), theirs.predict_interval(x))
    assert network().partial_fit(sparse, LABEL, classes=[0, 1]).score(sparse, LABEL) >= 0


def test_sparse_rows_that_memory_does_not_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOAL_MEMORY_MB", "100")
    places = NUMBERS.integers((1000, 8000), size=(800, 2)).T
    wide = scipy.sparse.csr_array((NUMBERS.uniform(size=800), places), shape=(1000, 8000))
    with pytest.raises(ValueError, match="sparse rows") as caught:
        network().fit(wide, np.arange(1000) % 2)
    assert str(caught.value) == (
        "X: expected at most half of the memory available (50 MB) for sparse rows, which are learned from as dense "
        "ones, got 64 MB"
    )
    few = network().fit(wide[:100], np.arange(100) % 2)
    assert few.predict(wide).shape == (1000,)


def test_a_search_of_sparse_rows() -> None:
    words = make_pipeline(OneHotEncoder(handle_unknown="ignore"), network())
    search = GridSearchCV(words, {"mlpclassifier__dropout": [0.0, 0.5]}, cv=3).fit(FRAME[["town"]], LABEL)
    theirs = TheirGridSearch(words, {"mlpclassifier__dropout": [0.0, 0.5]}, cv=3).fit(FRAME[["town"]], LABEL)
    assert_array_equal(search.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])


def test_tags_say_what_holds() -> None:
    for model, tables in ((MLPClassifier(), True), (MLPRegressor(), True), (CNNClassifier(), False)):
        tags = get_tags(model).input_tags
        assert (tags.sparse, tags.allow_nan) == (tables, tables)
        searched = get_tags(GridSearchCV(model, {"max_iter": [1]})).input_tags
        assert (searched.sparse, searched.allow_nan) == (tables, tables)
