"""Faults of what is asked of a network, of a search and of comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.honesty.drawn_studies import TARGET, DrawnStudy, Rng, inputs, rows_drawn, table
from benchmarks.honesty.planted import plants


def plain(rng: Rng, low: int = 150, high: int = 1000, *, curved: bool = False) -> DrawnStudy:
    """Draw a table of either task without a fault, nothing searched or compared."""
    task = ("regression", "classification")[rng.integers(2)]
    return table(rng, task, rows_drawn(rng, low, high), int(rng.integers(2, 6)), curved=curved)


@plants("SH001")
def on_the_edge(rng: Rng) -> DrawnStudy:
    """A learning rate that is too low everywhere, in a list or a range."""
    study = table(rng, "regression", rows_drawn(rng, 300, 800), 3)
    if rng.integers(2):
        search: dict[str, Any] = {"folds": 3, "space": {"training.lr": [1e-5, 1e-4, 1e-3]}}
    else:
        space = {"training.lr": {"low": 1e-5, "high": 1e-3, "log": True}}
        search = {"method": "random", "samples": 60, "folds": 3, "space": space}
    return study.with_keys(search=search, training={"epochs": 20})


@plants("SH002")
def stopped_early(rng: Rng) -> DrawnStudy:
    """Few epochs at a low learning rate."""
    rate = {"epochs": 40, "lr": 5e-4, "schedule": "constant", "keep": "last", "weight_decay": 0.0}
    return plain(rng, 400).with_keys(training=rate)


@plants("SH003")
def alike(rng: Rng) -> DrawnStudy:
    """Candidates that differ in nothing that matters."""
    space = {"training.batch_size": [30, 31, 32, 33]}
    return plain(rng).with_keys(search={"folds": 3, "space": space})


@plants("SH004")
def diverging(rng: Rng) -> DrawnStudy:
    """A learning rate among the candidates at which networks diverge."""
    space = {"training.lr": [0.01, 1e9]}
    study = table(rng, "regression", rows_drawn(rng, 150, 1000), 3)
    training = {"optimizer": "sgd", "keep": "last", "epochs": 30}
    return study.with_keys(
        network={"activation": "relu"}, training=training, search={"folds": 3, "space": space}
    )


@plants("SH005")
def overfitted(rng: Rng) -> DrawnStudy:
    """Many weights, few rows, much noise, no end."""
    task = ("regression", "classification")[rng.integers(2)]
    study = table(rng, task, rows_drawn(rng, 80, 200), 10)
    target = study.columns[TARGET]
    other_N = rng.permutation(target)
    blurred = (
        target + other_N if task == "regression" else np.where(rng.random(study.rows) < 0.3, other_N, target)
    )
    study = study.with_columns(**{TARGET: blurred})
    training = {"epochs": 300, "lr": 0.01, "schedule": "constant", "keep": "last", "weight_decay": 0.0}
    return study.with_keys(network={"hidden": [64]}, training=training)


@plants("SH006")
def uneven(rng: Rng) -> DrawnStudy:
    """Ten rows of one class to one of the other."""
    study = table(rng, "classification", rows_drawn(rng, 300, 1000), 3, classes=11)
    first_N = study.columns[TARGET] == "class 0"
    return study.with_columns(**{TARGET: np.where(first_N, "rare", "common")})


@plants("SH010")
def many(rng: Rng) -> DrawnStudy:
    """Eight variants, all tested."""
    compare = [{"name": f"of {units}", "network": {"hidden": [units]}} for units in range(2, 10)]
    return plain(rng, 100, 300).with_keys(compare=compare, training={"epochs": 30})


@plants("SH011")
def compared_alike(rng: Rng) -> DrawnStudy:
    """Two variants that differ in nothing that matters."""
    compare = [{"name": f"of {rows}", "training": {"batch_size": rows}} for rows in (32, 33)]
    return plain(rng, 150, 500).with_keys(compare=compare, study={"repeats": 3})


@plants("SH012")
def compared_once(rng: Rng) -> DrawnStudy:
    """Two variants, one initialisation each."""
    compare = [{"name": name, "network": {"activation": name}} for name in ("tanh", "relu")]
    return plain(rng, 150, 500).with_keys(compare=compare)


@plants("SH013")
def nothing_learned(rng: Rng) -> DrawnStudy:
    """Targets that have nothing to do with the inputs, learned by heart."""
    study = table(rng, "regression", rows_drawn(rng, 100, 400), 5)
    shuffled = study.with_columns(**{TARGET: rng.permutation(study.columns[TARGET])})
    return shuffled.with_keys(
        network={"hidden": [64]}, training={"epochs": 300, "keep": "last", "weight_decay": 0.0}
    )


@plants("SH014")
def constant(rng: Rng) -> DrawnStudy:
    """Inputs in far too large a unit, as they are."""
    study = plain(rng)
    small = {name: 1e-6 * study.columns[name] for name in study.inputs}
    return study.with_columns(**small).with_keys(data={"standardize": "none"})


@plants("SH015")
def never_predicted(rng: Rng) -> DrawnStudy:
    """A rare class among others, hardly to be known by its inputs."""
    study = table(rng, "classification", rows_drawn(rng, 400, 1000), 3, classes=2)
    rare_N = rng.random(study.rows) < 0.03
    return study.with_columns(**{TARGET: np.where(rare_N, "rare", study.columns[TARGET])})


@plants("SH016")
def merged(rng: Rng) -> DrawnStudy:
    """A time in seconds since 1970, as it is."""
    study = plain(rng)
    time_N = 1.7e9 + rng.permutation(study.rows) * 0.5
    return study.with_columns(time=time_N).with_keys(data={"standardize": "none"})


@plants("SH017")
def unscaled(rng: Rng) -> DrawnStudy:
    """An input in thousands, as it is."""
    study = plain(rng)
    large_N = 5e4 + 3e4 * inputs(rng, study.rows, 1)[:, 0]
    return study.with_columns(pay=large_N).with_keys(data={"standardize": "none"})


@plants("SH020")
def dead(rng: Rng) -> DrawnStudy:
    """Rectifiers at a learning rate that throws them off."""
    training = {"optimizer": "adam", "lr": 2.0, "schedule": "constant", "epochs": 30, "keep": "last"}
    network = {"activation": "relu", "hidden": [16, 16]}
    return plain(rng).with_keys(network=network, training=training)


@plants("SH035")
def narrow(rng: Rng) -> DrawnStudy:
    """Quantiles of a network that knows its few training rows by heart."""
    study = table(rng, "regression", rows_drawn(rng, 200, 600), 8, curved=True)
    training = {"loss": "quantile", "epochs": 300, "lr": 0.01, "schedule": "constant", "keep": "last"}
    return study.with_keys(network={"hidden": [64]}, training={**training, "weight_decay": 0.0})
