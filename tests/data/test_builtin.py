"""The built-in data sets are what they say, always the same."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from shoal.data import BUILTIN, describe_builtin, load_builtin
from shoal.data._builtin import two_peaks_curve
from shoal.errors import DataError


def test_two_peaks_is_always_the_same() -> None:
    dataset = load_builtin("two-peaks")
    assert dataset.train_fingerprint == "bd4dabf826226678f49ebe6609aa07380a882b701a10fef719c57e8b78438702"
    assert dataset.test_fingerprint == "bef1799fd38e9b614be470390c8e3ff95cc283b2ce1ee01c53e6c212817958bb"
    assert [column.name for column in dataset.columns] == ["input"]
    assert dataset.target_names == ("label",)
    assert (dataset.train_rows, dataset.rows, dataset.outputs) == (100, 200, 1)


def test_two_peaks_hides_its_peaks_from_training() -> None:
    dataset = load_builtin("two-peaks")
    x, y = dataset.columns[0].values, dataset.targets[:, 0]
    grid = np.linspace(-5, 5, 2001)
    curve = two_peaks_curve(grid)
    peaks = grid[1:-1][(curve[1:-1] > curve[:-2]) & (curve[1:-1] > curve[2:])]
    assert len(peaks) == 2
    assert np.abs(peaks - [-2, 2]).max() < 0.2
    train, test = x[:100], x[100:]
    assert np.abs(train[:, None] - peaks).min() > 0.8
    assert (np.abs(test[:, None] - peaks).min(axis=0) < 0.2).all()
    noise = y - two_peaks_curve(x)
    assert 0.4 < noise[:100].std() < 0.6
    assert 0.015 < noise[100:].std() < 0.025


def test_unknown_names() -> None:
    with pytest.raises(DataError) as caught:
        load_builtin("two-peeks")
    assert str(caught.value) == (
        'data.dataset: expected a built-in data set, one of "two-peaks", "three-discs", "digits", "fashion-mnist",'
        ' got "two-peeks"; did you mean "two-peaks"?'
    )


def test_digits_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = load_builtin("digits")
    x_ND, y_N = load_digits(return_X_y=True)
    assert dataset.images is not None
    assert (dataset.train_rows, dataset.rows, dataset.images.shape) == (1438, 1797, (1797, 1, 8, 8))
    assert (dataset.images.min(), dataset.images.max()) == (0, 255)
    assert dataset.classes == tuple("0123456789")
    theirs = {(row.tobytes(), label) for row, label in zip(x_ND, y_N, strict=True)}
    ours = np.round(dataset.images.reshape(-1, 64).astype(float) * 16 / 255)
    assert {(row.tobytes(), label) for row, label in zip(ours, dataset.targets, strict=True)} == theirs
    assert np.bincount(dataset.targets[1438:]).min() >= 35
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert load_builtin("digits").train_fingerprint == dataset.train_fingerprint


def test_digits_need_no_import_of_scikit_learn() -> None:
    code = "import sys; from shoal.data import load_builtin; load_builtin('digits'); print('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"


def test_the_list_names_every_data_set() -> None:
    assert [line.split()[0] for line in describe_builtin()] == list(BUILTIN)
