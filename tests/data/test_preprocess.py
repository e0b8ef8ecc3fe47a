"""Statistics come from the chosen rows alone, lose no digits, and travel in model files."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from shoal.data import Column, Dataset, Preprocessing, fit_preprocessing
from shoal.data._dataset import uncopied
from shoal.data._scale import fit_scale
from shoal.errors import DataError, ModelFileError


def dataset(columns: dict[str, NDArray], targets: NDArray, classes: tuple[str, ...] = ()) -> Dataset:
    return Dataset(
        name="d",
        task="classification" if classes else "regression",
        columns=tuple(Column(name, values) for name, values in columns.items()),
        target_names=("y",) if classes else tuple(f"y{k}" for k in range(targets.shape[1])),
        targets=targets,
        classes=classes,
        train_rows=len(targets),
        groups=None,
        given_folds=None,
        train_fingerprint="",
        test_fingerprint="",
        source="",
    )


KINDS = np.array(["b", "a", "10", "b", "c", "9"])
TABLE = dataset(
    {"x": np.array([1.0, 2, 4, 8, 16, 32]), "kind": KINDS, "flat": np.full(6, 7.5)},
    np.arange(12.0).reshape(6, 2),
)
FIRST = np.arange(4)


def test_one_hot_and_standardising_equal_scikit_learn() -> None:
    fitted = fit_preprocessing(TABLE, FIRST, "both")
    x = TABLE.columns[0].values
    scaler = StandardScaler().fit(x[:4, None])
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(KINDS[:4, None])
    expected = np.hstack([scaler.transform(x[:, None]), encoder.transform(KINDS[:, None]), np.zeros((6, 1))])
    np.testing.assert_allclose(fitted.inputs(TABLE), expected, rtol=1e-6)
    assert fitted.input_names == ("x", "kind=10", "kind=a", "kind=b", "flat")
    assert fitted.categorical == ("kind",)
    targets = StandardScaler().fit(TABLE.targets[:4])
    np.testing.assert_allclose(
        fitted.targets(TABLE, np.arange(6)), targets.transform(TABLE.targets), rtol=1e-6
    )


def test_unseen_categories_are_all_zeros() -> None:
    fitted = fit_preprocessing(TABLE, FIRST, "none")
    assert fitted.inputs(TABLE, np.array([4, 5]))[:, 1:4].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_none_leaves_numbers_alone_and_inputs_leaves_targets_alone() -> None:
    plain = fit_preprocessing(TABLE, FIRST, "none")
    assert plain.inputs(TABLE)[:, 0].tolist() == TABLE.columns[0].values.tolist()
    half = fit_preprocessing(TABLE, FIRST, "inputs")
    assert half.inputs(TABLE, FIRST)[:, 0].mean() == pytest.approx(0, abs=1e-7)
    assert half.targets(TABLE, FIRST).tolist() == TABLE.targets[:4].tolist()
    assert half.targets(TABLE, FIRST).dtype == np.float32


def test_classes_pass_as_numbers() -> None:
    table = dataset({"x": np.arange(3.0)}, np.array([1, 0, 1]), ("u", "v"))
    fitted = fit_preprocessing(table, np.arange(3), "both")
    assert fitted.targets(table, np.array([0, 2])).tolist() == [1, 1]
    outputs = np.array([[0.25, 0.75]], dtype=np.float32)
    assert fitted.restore(outputs).tolist() == [[0.25, 0.75]]


@given(data=st.data(), standardize=st.sampled_from(["none", "inputs", "both"]))
def test_poisoned_other_rows_change_no_byte(data: st.DataObject, standardize: str) -> None:
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, 5), min_size=1))))
    others = np.setdiff1d(np.arange(6), rows)
    columns = {column.name: column.values.copy() for column in TABLE.columns}
    columns["kind"] = columns["kind"].astype("U9")
    for name, poison in (("x", np.nan), ("kind", "poison"), ("flat", 1e308)):
        columns[name][others] = poison
    targets = TABLE.targets.copy()
    targets[others] = np.inf
    poisoned = dataset(columns, targets)
    clean_fit, poisoned_fit = (fit_preprocessing(table, rows, standardize) for table in (TABLE, poisoned))
    assert json.dumps(clean_fit.to_json()) == json.dumps(poisoned_fit.to_json())
    assert clean_fit.inputs(TABLE, rows).tobytes() == poisoned_fit.inputs(poisoned, rows).tobytes()
    assert clean_fit.targets(TABLE, rows).tobytes() == poisoned_fit.targets(poisoned, rows).tobytes()


@given(
    npst.arrays(np.float64, st.integers(2, 30), elements=st.floats(-1e3, 1e3, width=16)),
    st.sampled_from([1.0, 1e9, 1e-200, 1e150, -1e15]),
    st.booleans(),
)
def test_the_spread_is_exact_whatever_the_offset_or_the_unit(
    values: NDArray, size: float, shift: bool
) -> None:
    values = values + size if shift else values * size
    table = dataset({"x": values}, np.zeros((len(values), 1)))
    if values.min() == values.max():
        fitted = fit_preprocessing(table, np.arange(len(values)), "inputs")
        assert (fitted.inputs(table) == 0).all()
        return
    exact = [Fraction(float(value)) for value in values]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / len(exact)
    scale = fit_preprocessing(table, np.arange(len(values)), "inputs").to_json()["inputs"][0]
    assert abs(Fraction(scale["scale"]) ** 2 / variance - 1) < 1e-12
    assert abs(Fraction(scale["mean"]) - mean) <= 4 * Fraction(float(np.spacing(np.abs(values).max())))


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30)
    | st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=300)
)
def test_a_scale_is_to_the_bit_what_its_two_passes_say(values: list[float]) -> None:
    """Written out with an array for each step; that one array holds all steps changes nothing, and no value either."""
    value_N = np.array(values)
    low, high = value_N.min(), value_N.max()
    unit = 2.0 ** min(1000, math.frexp(max(abs(low), abs(high)))[1])
    with np.errstate(over="ignore"):
        mean = float(np.mean(value_N / unit)) * unit
        rest_N = value_N - mean
    spread = float(np.abs(rest_N).max())
    given_before = value_N.tobytes()
    try:
        scale = fit_scale("a", value_N)
    except DataError:
        assert low != high
        assert not math.isfinite(spread) or spread < np.finfo(np.float64).tiny
        return
    assert value_N.tobytes() == given_before
    if low != high:
        rest_N = rest_N / spread
        deviation = spread * math.sqrt(float(np.mean((rest_N - rest_N.mean()) ** 2)))
        assert (scale.mean, scale.scale) == (mean, deviation)


@given(st.integers(0, 5), st.integers(0, 6), st.lists(st.integers(-2, 9), max_size=6))
def test_rows_are_chosen_without_a_copy_where_they_follow_each_other(
    first: int, count: int, others: list[int]
) -> None:
    value_N = np.arange(12.0)
    for rows in (np.arange(first, first + count), np.array(others, np.int64)):
        chosen = uncopied(rows)
        assert value_N[chosen].tolist() == value_N[rows].tolist()
    assert isinstance(uncopied(np.arange(first, first + count)), slice) == (count > 0)
    assert not isinstance(uncopied(np.array([3, 4, 4, 6])), slice)


@given(st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 9)), min_size=2, max_size=20))
def test_restore_undoes_targets(values: list[float]) -> None:
    table = dataset({"x": np.arange(float(len(values)))}, np.array(values)[:, None])
    fitted = fit_preprocessing(table, np.arange(len(values)), "both")
    restored = fitted.restore(fitted.targets(table, np.arange(len(values))))
    spread = max(values) - min(values)
    np.testing.assert_allclose(restored[:, 0], values, atol=1e-6 * spread, rtol=1e-12)


@given(st.sampled_from(["none", "inputs", "both"]), st.sets(st.integers(0, 5), min_size=1))
def test_a_model_file_keeps_every_bit(standardize: str, rows: set[int]) -> None:
    fitted = fit_preprocessing(TABLE, np.array(sorted(rows)), standardize)
    assert Preprocessing.from_json(json.loads(json.dumps(fitted.to_json()))) == fitted


NO_COLUMN = (
    "preprocessing: expected a column with mean and scale, categories, codes of categories, an order or a first"
    " date"
)
FOREIGN = [
    (None, "preprocessing: expected lists of inputs, targets and channels, got something else"),
    (
        {"inputs": [], "targets": [], "channels": []},
        "preprocessing: expected lists of inputs, targets and channels, got something else",
    ),
    (
        {"inputs": [{"name": "x", "mean": 0.0, "scale": 0.0}], "targets": [], "channels": []},
        f"{NO_COLUMN}, got 'x'",
    ),
    (
        {"inputs": [{"name": "x", "mean": float("nan"), "scale": 1.0}], "targets": [], "channels": []},
        f"{NO_COLUMN}, got 'x'",
    ),
    (
        {"inputs": [{"name": "x", "categories": [1]}], "targets": [], "channels": []},
        f"{NO_COLUMN}, got 'x'",
    ),
    (
        {"inputs": [{"name": "x", "categories": [], "more": 1}], "targets": [], "channels": []},
        f"{NO_COLUMN}, got 'x'",
    ),
    (
        {
            "inputs": [{"name": "x", "mean": 0.0, "scale": 1.0, "median": float("inf"), "missing": True}],
            "targets": [],
            "channels": [],
        },
        f"{NO_COLUMN}, got 'x'",
    ),
    (
        {
            "inputs": [{"name": "x", "mean": 0.0, "scale": 1.0, "median": None, "missing": False}],
            "targets": [],
            "channels": [],
        },
        f"{NO_COLUMN}, got 'x'",
    ),
    (
        {"inputs": [{"name": "x", "categories": ["a", ""], "missing": True}], "targets": [], "channels": []},
        f"{NO_COLUMN}, got 'x'",
    ),
    (
        {"inputs": [{"name": "x", "categories": ["a"], "missing": 1}], "targets": [], "channels": []},
        f"{NO_COLUMN}, got 'x'",
    ),
    (
        {"inputs": [{"name": "x", "categories": ["a"], "codes": 1}], "targets": [], "channels": []},
        f"{NO_COLUMN}, got 'x'",
    ),
    (
        {"inputs": [{"name": "x", "mean": 0.0, "scale": 1.0, "codes": True}], "targets": [], "channels": []},
        f"{NO_COLUMN}, got 'x'",
    ),
    (
        {"inputs": [{"name": "x", "categories": ["a"]}], "targets": [], "channels": [], "missing_marks": [7]},
        "preprocessing: expected lists of inputs, targets and channels, got something else",
    ),
    (
        {"inputs": [7], "targets": [], "channels": []},
        f"{NO_COLUMN}, got '7'",
    ),
    (
        {
            "inputs": [{"name": "x", "categories": []}],
            "targets": [{"name": "y", "categories": []}],
            "channels": [],
        },
        "preprocessing: expected means and scales of targets and channels, got categories",
    ),
]


@pytest.mark.parametrize(("value", "sentence"), FOREIGN)
def test_foreign_descriptions_are_refused(value: object, sentence: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        Preprocessing.from_json(value)
    assert str(caught.value) == sentence


def refusal(x: list[float], standardize: str) -> str:
    table = dataset({"x": np.array(x)}, np.zeros((len(x), 1)))
    with pytest.raises(DataError) as caught:
        fit_preprocessing(table, np.arange(len(x)), standardize).inputs(table)
    return str(caught.value)


def test_numbers_that_overflow_are_refused() -> None:
    assert refusal([1.0, 1e39], "none") == (
        'input column "x": expected numbers within 32-bit floating point (3.4e38), got 1e+39'
    )
    assert refusal([-1.7e308, 1.7e308, 1.7e308], "inputs") == (
        'column "x": expected numbers that can be standardised, got values from -1.7e+308 to 1.7e+308'
    )
    assert refusal([0.0, 1e-310], "inputs") == (
        'column "x": expected numbers that can be standardised, got values from 0.0 to 1e-310'
    )
    table = dataset({"x": np.array([0.0, 1e-3, 1e300])}, np.zeros((3, 1)))
    with pytest.raises(DataError, match="32-bit"):
        fit_preprocessing(table, np.arange(2), "inputs").inputs(table)


def test_new_rows_must_have_the_columns_and_their_kinds() -> None:
    fitted = fit_preprocessing(TABLE, FIRST, "none")
    with pytest.raises(DataError) as caught:
        fitted.inputs([Column("x", KINDS), TABLE.columns[1]])
    assert str(caught.value).splitlines() == [
        'input column "x": expected numbers, got categories',
        'input column "flat": expected numbers, got no such column',
    ]
    assert fitted.inputs(TABLE.columns[::-1]).tobytes() == fitted.inputs(TABLE).tobytes()
