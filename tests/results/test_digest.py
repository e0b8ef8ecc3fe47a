"""What the digest leaves out: words, time, scores and statistics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from record_cases import IDENTITY
from test_results import fits, run

from shoal.results import Results, Store


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return run(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize(
    "change",
    [
        lambda fit: replace(fit, message="x"),
        lambda fit: replace(fit, seconds=9.0),
        lambda fit: replace(
            fit,
            scores={
                rows: {**pairs, "r2": np.nextafter(pairs["r2"], 9)} for rows, pairs in fit.scores.items()
            },
        ),
    ],
    ids=["words", "time", "the last bit of a score"],
)
def test_the_digest_speaks_of_results_alone(tmp_path, results, change):
    assert run(tmp_path, records=[change(fit) for fit in fits()]).digest == results.digest


def test_the_digest_speaks_of_no_statistics_of_the_choice(tmp_path, results):
    run(tmp_path)
    with Store.create_or_open(tmp_path, IDENTITY) as store:
        choice = store.fact("choice")
        for row in choice["standings"]:
            row |= {name: np.nextafter(row[name], 9) for name in ("p_value", "ci_low", "standard_error")}
        store.put_fact("choice", {**choice, "reasons": ["Other words."]})
    again = Results.open(tmp_path)
    assert again.choice != results.choice
    assert again.digest == results.digest
