"""Images in memory in place of a study's files: the same content gives the same fits as an NPZ file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal
from dots import end_with_the_model
from shoal.engine import load_data
from shoal.request import request_of
from shoal.study import Study, parse_study

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 30)
IMAGES = (RNG.integers(0, 60, (30, 6, 5)) + LABELS[:, None, None] * 60).astype(np.uint8)
COLOURS = RNG.integers(0, 255, (30, 6, 5, 3)).astype(np.uint8)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    end_with_the_model(monkeypatch)


def study(**data: Any) -> Study:
    return parse_study(
        {
            "study": {"name": "small", "task": "classification"},
            "data": {"train": "i.npz", **data},
            "network": {"kind": "cnn", "conv": [{"channels": 2, "kernel": 3}], "hidden": []},
            "training": {"epochs": 1},
            "checks": {"baselines": False},
        }
    )


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (IMAGES, LABELS),
        (IMAGES / 255, LABELS.astype(float)),
        (COLOURS, LABELS[:, None]),
        (COLOURS.transpose(0, 3, 1, 2), LABELS > 0),
        (IMAGES > 90, np.array(["a", " b", "é"])[LABELS]),
    ],
    ids=["grey", "from 0 to 1", "colour", "channels first", "black and white"],
)
def test_the_same_content_is_the_same_data(images: Any, labels: Any) -> None:
    np.savez("i.npz", images=images, labels=labels)
    of_file = load_data(study(resize=(4, 4)))
    for given in (labels, pd.Series(labels.ravel()), labels.tolist()):
        before = images.copy()
        request = request_of(study(resize=(4, 4)), {"train": (images, given)})
        dataset = load_data(request.study, request.in_memory)
        assert (dataset.train_fingerprint, dataset.classes) == (of_file.train_fingerprint, of_file.classes)
        assert dataset.images is not None
        assert of_file.images is not None
        np.testing.assert_array_equal(dataset.images, of_file.images)
        assert dataset.given_bytes == images.nbytes
        np.testing.assert_array_equal(images, before)


def test_a_run_is_that_of_the_file_and_goes_on_with_the_images() -> None:
    np.savez("i.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:9], y_test=LABELS[:9])
    pairs = {"train": (IMAGES, LABELS), "test": (IMAGES[:9], LABELS[:9])}
    of_file = shoal.run(study(), out="file", trainer="native", workers=1)
    results = shoal.run(study(), **pairs, out="memory", trainer="native", workers=1)
    assert results.digest == of_file.digest
    assert shoal.plan("memory/study.toml", **pairs, out="memory", trainer="native").fits == 0
    assert (
        shoal.load("memory").predict(IMAGES[:3]).tolist() == shoal.load("file").predict(IMAGES[:3]).tolist()
    )
    mixed = shoal.plan(study(), test=(IMAGES[:7], LABELS[:7]), trainer="native")  # in the place of the file's
    assert mixed.data.startswith("30 training rows, 7 test rows, ")


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (
            lambda: shoal.plan((IMAGES, LABELS)),
            "train: expected a study beside images, such as shoal.run(study, train=(images, labels)), got none",
        ),
        (
            lambda: shoal.plan(study(), train=IMAGES),
            "train: expected a pair of images and labels, got images alone",
        ),
        (
            lambda: shoal.plan(study(), train=(IMAGES, LABELS[:5])),
            "train: expected as many labels as images (30), got 5",
        ),
        (
            lambda: shoal.plan(study(), train=(IMAGES[..., None, None], LABELS)),
            'train: array "x": expected images (N, H, W), (N, H, W, C) or (N, C, H, W), C 1 or 3, '
            "got (30, 6, 5, 1, 1)",
        ),
        (
            lambda: shoal.plan(study(), train=(IMAGES * 5.0, LABELS)),
            'train: array "x": expected bytes (uint8), or whole numbers from 0 to 255, or 255ths from 0 to 1, got 895'
            ' (float64); data.series = "x" takes (N, C, T) as series',
        ),
        (
            lambda: shoal.plan(study(), train=(np.ma.masked_equal(IMAGES, IMAGES[0, 0, 0]), LABELS)),
            "train: expected images, got an array of which some values are masked",
        ),
        (
            lambda: shoal.plan(study(), train=(IMAGES, LABELS), test=IMAGES.reshape(30, -1)),
            "test: expected an array of images and their labels, got numpy.ndarray",
        ),
        (
            lambda: shoal.plan(study(groups="g"), train=(IMAGES, LABELS)),
            "data.groups: expected nothing for images in memory; an NPZ file may have an array of groups",
        ),
        (
            lambda: shoal.plan(study(), train=(IMAGES, LABELS), target="y"),
            "data.target: expected nothing for images, without columns to choose from",
        ),
    ],
)
def test_what_is_refused(ask: Callable[[], object], sentence: str) -> None:
    with pytest.raises(shoal.InputError) as caught:
        ask()
    assert str(caught.value) == sentence
