"""Faults that test scores show: simpler models, other test rows, earlier looks, nothing to be learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.honesty.drawn_studies import TARGET, DrawnStudy, Rng, rows_drawn, table
from benchmarks.honesty.planted import plants


@plants("SH030")
def not_trained(rng: Rng) -> DrawnStudy:
    """A network that was hardly trained where a line would do."""
    study = table(rng, "regression", rows_drawn(rng, 200, 1000), 5)
    return study.with_keys(training={"epochs": 2, "lr": 1e-3, "keep": "last"})


@plants("SH031")
def as_good_as_a_line(rng: Rng) -> DrawnStudy:
    """A network that learns what a line says, in much noise, tested on few rows."""
    study = table(rng, "regression", rows_drawn(rng, 120, 250), 2)
    noise_N = 6 * rng.standard_normal(study.rows)
    return study.with_columns(**{TARGET: study.columns[TARGET] + noise_N}).with_keys(network={"hidden": [2]})


@plants("SH032")
def harder_test(rng: Rng) -> DrawnStudy:
    """Test rows with three times the noise of the training rows."""
    study = table(rng, "regression", rows_drawn(rng, 300, 1000), 4)
    study = replace(study, test_rows=study.rows // 4)
    test_N = np.arange(study.rows) >= study.rows - study.test_rows
    noise_N = test_N * 4.0 * rng.standard_normal(study.rows)
    noisy = study.with_columns(**{TARGET: study.columns[TARGET] + noise_N})
    return noisy.with_keys(search={"folds": 3, "space": {"network.hidden[0]": [4, 8]}})


@plants("SH033")
def tested_before(rng: Rng) -> DrawnStudy:
    """A study that was run, changed and run again."""
    study = table(rng, "regression", rows_drawn(rng, 150, 500), 3).with_keys(training={"epochs": 20})
    return replace(study, before={**study.keys, "network": {"hidden": [4], "activation": "relu"}})


@plants("SH034")
def nothing_to_learn(rng: Rng) -> DrawnStudy:
    """Targets that have nothing to do with the inputs, and 19 permutations to see it."""
    study = table(rng, "regression", rows_drawn(rng, 100, 300), 3).with_keys(training={"epochs": 10})
    shuffled = study.with_columns(**{TARGET: rng.permutation(study.columns[TARGET])})
    return shuffled.with_keys(checks={"permutations": 19})
