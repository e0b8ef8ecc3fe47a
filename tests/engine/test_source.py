"""What a study asks of rows that are not of that kind is refused, each with its sentence."""

from __future__ import annotations

from typing import Any

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
