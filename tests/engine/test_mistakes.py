"""The images that the results keep: those of the delivered network's surest mistakes, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import load_builtin
from shoal.engine._source import IMAGES_KEPT, gallery_rows
from shoal.look import RunFindings
from shoal.look.figures.mistakes import mistakes_of
from shoal.pipeline import run
from shoal.results import Identity, Results, Store
from shoal.study import Study
from studies import tiny_study

DIGITS: dict[str, Any] = {
    "study": {"name": "digits", "task": "classification", "repeats": 2},
    "data": {"dataset": "digits"},
    "network": {"kind": "cnn", "conv": [{"channels": 4, "kernel": 3, "stride": 2}], "hidden": [8]},
    "training": {"batch_size": 200, "epochs": 1},
}


def test_the_surest_mistakes_come_first_and_ties_by_row() -> None:
    probability_VK = np.array([[0.6, 0.4], [0.1, 0.9], [0.3, 0.7], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
    true_V = np.array([1, 1, 0, 1, 0, 0])  # only row 1 is right
    assert gallery_rows(true_V, probability_VK).tolist() == [3, 2, 5, 0, 4]
    assert gallery_rows(true_V, probability_VK, 2).tolist() == [3, 2]
    assert gallery_rows(probability_VK.argmax(axis=1), probability_VK).tolist() == []


@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(2, 4), st.integers(0, 8))
def test_rows_are_those_of_a_plain_sort(seed: int, rows: int, classes: int, most: int) -> None:
    draw = np.random.default_rng(seed)
    probability_VK = draw.integers(0, 5, (rows, classes)) / 4  # many ties
    true_V = draw.integers(0, classes, rows)
    wrong = [
        row for row in range(rows) if list(probability_VK[row]).index(max(probability_VK[row])) != true_V[row]
    ]
    expected = sorted(wrong, key=lambda row: (-max(probability_VK[row]), row))[:most]
    assert gallery_rows(true_V, probability_VK, most).tolist() == expected


def test_a_run_keeps_the_images_of_its_mistakes_for_the_gallery(tmp_path: Path) -> None:
    results = run(Study.model_validate(DIGITS), out=tmp_path, workers=1)
    dataset, truth = load_builtin("digits"), results.truth
    table = results.predictions_of("refit")
    table = table[(table["repeat"] == 0) & (table["rows"] == "test")].set_index("row")
    wrong = table[table["true"] != table["predicted"]]
    surest = wrong.filter(like="probability_").max(axis=1).sort_values(ascending=False, kind="stable")
    assert len(wrong) > IMAGES_KEPT == len(truth.image_rows)
    assert truth.image_rows.tolist() == surest.index[:IMAGES_KEPT].tolist()
    assert dataset.images is not None
    np.testing.assert_array_equal(truth.images, dataset.images[truth.image_rows])
    fact = mistakes_of(RunFindings(results))
    assert fact is not None
    np.testing.assert_array_equal(fact.of_predicted_M, surest[:IMAGES_KEPT])
    assert fact.wrong == len(wrong)

    identity = Identity("digits", "classification", dataset.train_fingerprint)
    with Store.create_or_open(tmp_path, identity) as store:
        store.put_truth(replace(truth, image_rows=truth.image_rows[:0], images=truth.images[:0]))
    again = Results.open(tmp_path)
    assert again.digest == results.digest
    assert mistakes_of(RunFindings(again)) is None


def test_a_table_keeps_no_images(tmp_path: Path) -> None:
    truth = run(tiny_study(search=None, compare=[], training={"epochs": 1}), out=tmp_path, workers=1).truth
    assert (truth.image_rows.shape, truth.images.shape) == ((0,), (0, 0, 0, 0))
