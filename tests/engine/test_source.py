"""What a study asks of rows that are not of that kind is refused, each with its sentence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal import cores
from shoal.data import fit_preprocessing
from shoal.engine import Planner, Trainers, ground_truth, load_data, refuse_unscalable
from shoal.engine._scalable import _extremes, _splits
from shoal.errors import DataError, StudyError
from studies import poisoned, tiny_study, two_peaks

CNN = {"kind": "cnn", "conv": [{"channels": 2}], "hidden": [4]}
DIGITS: dict[str, Any] = {"study": {"task": "classification"}, "compare": [], "search": None}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"study": {"task": "classification"}},
            "study.task: expected regression for these data, got classification",
        ),
        (
            {"network": CNN, "training": {"augment": {"flip": True}}},
            "training.augment: expected no augmentation for a table: it moves and mirrors images",
        ),
        (
            {"training": {"augment": {"flip": True}}},
            'training.augment: expected no augmentation without network.kind = "cnn"',
        ),
        (
            {"data": {"categorical": ["input"]}},
            "data.categorical: expected nothing for a built-in data set, without columns to choose from",
        ),
        *(
            (
                {"data": {key: value}},
                f"data.{key}: expected nothing for a built-in data set, without columns to choose from",
            )
            for key, value in (
                ("ignore", ["a"]),
                ("keep", ["a"]),
                ("rare_below", 5),
                ("missing", "refuse"),
                ("missing_marks", ["?"]),
                ("missing_targets", "drop"),
            )
        ),
        (
            {**DIGITS, "data": {"dataset": "digits", "target": "class"}},
            "data.target: expected nothing for images, without columns to choose from",
        ),
        (
            {**DIGITS, "data": {"dataset": "digits", "standardize": "both"}},
            'data.standardize: expected "none" or "inputs" for images, got "both"',
        ),
    ],
)
def test_a_study_that_does_not_fit_its_data_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        load_data(tiny_study(**changes))
    assert str(caught.value) == sentence


def test_an_unknown_built_in_name_is_refused() -> None:
    with pytest.raises(DataError, match=r'data.dataset: expected a built-in data set, one of "two-peaks"'):
        load_data(tiny_study(data={"dataset": "two-peeks"}))


@pytest.mark.parametrize(
    ("name", "network", "came"),
    [
        ("none", CNN, "nothing there"),
        ("none", {"hidden": [4]}, "nothing there"),
        ("flat.npy", CNN, "expected an IDX file"),
        ("flat.npz", CNN, 'array "images"'),
    ],
)
def test_a_path_without_images_is_told_as_such_where_no_target_is_named(
    tmp_path: Path, name: str, network: dict[str, Any], came: str
) -> None:
    if name == "flat.npy":
        np.save(tmp_path / name, np.zeros((4, 9), np.uint8))
    elif name == "flat.npz":
        np.savez(tmp_path / name, images=np.zeros((4, 9), np.uint8), labels=np.array([0, 1, 0, 1]))
    study = tiny_study(**DIGITS, data={"train": str(tmp_path / name), "dataset": None}, network=network)
    with pytest.raises(DataError) as caught:
        load_data(study)
    assert came in str(caught.value)
    assert "data.target" not in str(caught.value)


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        ("x,y,who\n1,2,b\n1,2,d\n1,2,d\n", [0, 1, 1, 2, 1, 3, 3]),
        ("x,y\n1,2\n1,2\n1,2\n", [0, 1, 1, 2, -1, -1, -1]),
    ],
)
def test_the_truth_numbers_the_groups_of_all_rows(tmp_path: Path, test: str, wanted: list[int]) -> None:
    (tmp_path / "t.csv").write_text("x,y,who\n1,2,a\n2,3,b\n3,3,b\n4,2,c\n")
    (tmp_path / "u.csv").write_text(test)
    data = {
        "train": str(tmp_path / "t.csv"),
        "test": str(tmp_path / "u.csv"),
        "target": "y",
        "groups": "who",
        "dataset": None,
    }
    study = tiny_study(data=data, search=None)
    truth = ground_truth(Planner(study, load_data(study), Trainers().choose))
    assert truth.groups.dtype == np.int64
    assert truth.groups.tolist() == wanted


def test_a_study_without_groups_numbers_none() -> None:
    study = tiny_study(search=None)
    assert ground_truth(Planner(study, load_data(study), Trainers().choose)).groups.shape == (0,)


def test_numbers_that_are_too_large_are_said_to_be_those_of_test_rows() -> None:
    study = tiny_study(data={"standardize": "inputs"})
    for row, where in ((5, ""), (150, " in test rows")):
        dataset = poisoned(two_peaks(), np.array([row]), 1e300 if where else 1e39)
        with pytest.raises(DataError) as caught:
            refuse_unscalable(Planner(study, dataset, Trainers().choose))
        value = "1e+300" if where else "1e+39"
        what = f"expected numbers within 32-bit floating point (3.4e38), got {value}{where}"
        assert str(caught.value) == f'input column "input": {what}'
    lacking = poisoned(two_peaks(), np.arange(100, 200), math.nan)
    refuse_unscalable(Planner(study, lacking, Trainers().choose))


@given(st.lists(st.lists(st.sampled_from([-1.0, 0.0, 2.0, np.inf, np.nan]), max_size=6), max_size=3))
def test_the_ends_of_columns_are_those_that_numpy_names(columns: list[list[float]]) -> None:
    values = [np.array(column) for column in columns]
    known = [column for column in values if not np.isnan(column).all()]
    expected = [int(find(column)) for column in known for find in (np.nanargmin, np.nanargmax)]
    assert _extremes(values).tolist() == expected


@pytest.mark.parametrize("count", [1, 3])
@given(
    values=st.lists(st.sampled_from([1e39, 1e308, -1.5e308, 1.7e308]), min_size=1, max_size=4), data=st.data()
)
def test_the_first_split_that_cannot_be_prepared_is_the_one_that_is_named(
    count: int, values: list[float], data: st.DataObject
) -> None:
    """Splits are looked at by several threads, the largest first; what is said is of the first in their own order."""
    dataset = two_peaks()
    for value in values:
        dataset = poisoned(dataset, np.array([data.draw(st.integers(0, dataset.train_rows - 1))]), value)
    study = tiny_study(data={"standardize": "inputs"}, search={"folds": 4})
    first = ""
    for split in _splits(Planner(study, dataset, Trainers().choose)):
        try:
            prepared = fit_preprocessing(dataset, split.train, "inputs")
            prepared.inputs(dataset, slice(dataset.train_rows))
            prepared.targets(dataset, slice(dataset.train_rows))
        except DataError as error:
            first = first or str(error)
    with patch.multiple(cores, core_count=lambda: count, MANY=1), pytest.raises(DataError) as refusal:
        refuse_unscalable(Planner(study, dataset, Trainers().choose))
    assert str(refusal.value) == first
