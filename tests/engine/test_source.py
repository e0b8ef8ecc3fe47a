"""What a study asks of rows that are not of that kind is refused, each with its sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.engine import load_data
from shoal.errors import DataError, StudyError
from studies import tiny_study

CNN = {"kind": "cnn", "conv": [{"channels": 2}], "hidden": [4]}
DIGITS: dict[str, Any] = {"study": {"task": "classification"}, "compare": [], "search": None}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"study": {"task": "classification"}},
            "study.task: expected regression for these data, got classification",
        ),
        ({"network": CNN}, 'network.kind: expected "mlp" for a table, got "cnn", which needs images'),
        (
            {"training": {"augment": {"flip": True}}},
            'training.augment: expected no augmentation without network.kind = "cnn"',
        ),
        (
            {"data": {"categorical": ["input"]}},
            "data.categorical: expected nothing for a built-in data set, which has no columns to choose from",
        ),
        (
            {**DIGITS, "data": {"dataset": "digits", "target": "class"}},
            "data.target: expected nothing for images, which has no columns to choose from",
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
