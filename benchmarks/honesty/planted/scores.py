"""Faults that the test score alone shows: beside simple models, beside the search, beside chance, seen before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.honesty.drawn_studies import TARGET, DrawnStudy, Rng, rows_drawn, table
from benchmarks.honesty.planted import plants
from shoal.results import Results


def linear(rng: Rng, low: int = 300, high: int = 1000) -> DrawnStudy:
    """Draw a regression that a linear model solves."""
    return table(rng, "regression", rows_drawn(rng, low, high), int(rng.integers(2, 6)))


@plants("SH030")
def hardly_trained(rng: Rng) -> DrawnStudy:
    """A network that has hardly begun to learn what a linear model knows."""
    return linear(rng).with_keys(training={"epochs": 4, "lr": 1e-3, "schedule": "constant", "keep": "last"})


@plants("SH031")
def linear_itself(rng: Rng) -> DrawnStudy:
    """A network that is a linear model."""
    return linear(rng).with_keys(network={"hidden": []})


@plants("SH032")
def noisier_test_rows(rng: Rng) -> DrawnStudy:
    """Test rows whose targets were measured less well."""
    study = linear(rng)
    test = max(60, study.rows // 4)
    y_N = study.columns[TARGET].copy()
    y_N[-test:] += 1.0 * y_N.std() * rng.standard_normal(test)
    rows = study.with_columns(**{TARGET: y_N})
    folded = rows.with_keys(search={"folds": 3, "space": {"network.hidden[0]": [6, 12]}})
    return DrawnStudy(folded.kind, folded.keys, folded.columns, test)


@dataclass(frozen=True)
class Edited(DrawnStudy):
    """A study that was run with other settings in the same folder before."""

    def run(self, folder: Path) -> Results:
        """Run the earlier study, then this one."""
        before = DrawnStudy(self.kind, self.keys, self.columns, self.test_rows)
        before.with_keys(network={"hidden": [3]}).run(folder)
        return super().run(folder)


@plants("SH033")
def edited(rng: Rng) -> DrawnStudy:
    """A study that was changed after its test score was seen."""
    study = linear(rng, 100, 300)
    return Edited(study.kind, study.keys, study.columns, study.test_rows)


@plants("SH034")
def nothing_to_learn(rng: Rng) -> DrawnStudy:
    """Targets that have nothing to do with the inputs."""
    study = linear(rng, 100, 300)
    y_N = rng.permutation(study.columns[TARGET])
    return study.with_columns(**{TARGET: y_N}).with_keys(checks={"permutations": 39}, training={"epochs": 40})
