"""How often the 95 % intervals of test scores and of comparisons hold what they speak of.

The cells were chosen before they were measured: 20, 100 and 1,000 test rows, normal and heavy-tailed errors, groups,
2 and 10 classes, shares near a half and near 1, several targets; 1, 3, 5 and 10 repeats, networks of a repeat alike or
not. Those of one repeat with 30, 100 and 400 rows, and of equals, came with the interval of differences.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from benchmarks.honesty import worlds
from benchmarks.honesty.worlds import EXP, NORMAL, T3, T4, T5, Classifiers, Errors, Regressors, Rng, Rows
from benchmarks.record import table
from shoal.results import (
    Difference,
    Interval,
    RowScore,
    Scored,
    Units,
    difference,
    repeated_interval,
    row_score,
)

LEAST, MOST = 90, 99
"""Per cent of the studies, within which every interval that is shown has to hold the truth."""


@dataclass(frozen=True)
class Cell:
    """One kind of study: what is drawn, what is true, and whether two networks are compared."""

    name: str
    task: str
    metric: str
    draw: Callable[[Rng], Rows]
    truth: float
    compared: bool = False


@dataclass(frozen=True)
class Coverage:
    """Of how many studies an interval was shown, in which share it held the truth or lay below it; its median width."""

    studies: int
    shown: int
    held: float
    below: float
    width: float
    why: str

    @property
    def as_promised(self) -> bool:
        """Whether those that are shown keep their word, as far as so many studies can tell (two standard errors)."""
        if not self.shown:
            return True
        error = 2 * 100 * np.sqrt(0.09 / self.shown)
        return bool(LEAST - error <= self.held <= MOST + 2 * 100 * np.sqrt(0.0099 / self.shown))


def measure(cell: Cell, studies: int, seed: int = 0) -> Coverage:
    """Draw studies of one kind and count."""
    rng = np.random.default_rng([seed, *cell.name.encode()])
    score = row_score(cell.task, cell.metric)
    ends, whys = [], []
    for _ in range(studies):
        found = _interval(score, cell.draw(rng), cell.compared)
        if found.why:
            whys.append(found.why)
        else:
            ends.append((found.low, found.high))
    low, high = np.array(ends).reshape(-1, 2).T
    shown = len(low)
    held = 100 * float(np.mean((low <= cell.truth) & (cell.truth <= high))) if shown else np.nan
    below = 100 * float(np.mean(high < cell.truth)) if shown else np.nan
    width = float(np.median(high - low)) if shown else np.nan
    return Coverage(studies, shown, held, below, width, max(whys, key=whys.count) if whys else "")


def _interval(score: RowScore, rows: Rows, compared: bool) -> Interval | Difference:
    units = Units.of(len(rows.y), rows.groups)
    if not compared:
        return repeated_interval(score, rows.y, list(rows.one), units)
    both = (Scored.of(score, rows.y, dict(enumerate(one)), units) for one in (rows.one, rows.first))
    return difference(*both)


def cells_of_scores() -> Iterator[Cell]:
    """Test scores of one network, and of five initialisations."""
    for name, errors in (("normal", NORMAL), ("Student 5", T5), ("Student 4", T4), ("Student 3", T3)):
        for rows in (20, 100, 1000):
            yield _of_errors(name, errors, rows, "rmse", (1.0,))
    yield _of_errors("normal", NORMAL, 25, "rmse", (1.0,))
    yield _of_errors("Student 3", T3, 25, "rmse", (1.0,))
    for rows in (100, 1000):
        yield _of_errors("Student 4", T4, rows, "rmse", (1.0, 30.0, 1000.0))
        yield _of_errors("Student 3", T3, rows, "mae", (1.0,))
        yield _of_margins(rows, 3.0)
    for groups in (10, 15, 40):
        for name, errors in (("normal", NORMAL), ("Student 4", T4)):
            truth = float(np.sqrt(1 + errors.square / 2))
            yield Cell(
                f"rmse, {name}, {groups} groups", "regression", "rmse",
                lambda rng, groups=groups, errors=errors: worlds.grouped_regression(rng, groups, errors), truth,
            )  # fmt: skip
    for classes, share in ((2, 0.5), (2, 0.8), (2, 0.98), (10, 0.5), (10, 0.95)):
        for rows in (20, 100, 1000):
            yield Cell(
                f"accuracy {share}, {classes} classes, {rows} rows", "classification", "accuracy",
                lambda rng, rows=rows, share=share, classes=classes: worlds.classification(rng, rows, share, classes),
                share,
            )  # fmt: skip
    for groups in (10, 15, 40):
        for middle in (0.0, 2.5, 4.0):
            share = worlds.grouped_share(middle, 1.5)
            yield Cell(
                f"accuracy {share:.2f}, 10 classes, {groups} groups", "classification", "accuracy",
                lambda rng, groups=groups, middle=middle: worlds.grouped_classification(rng, groups, middle, 1.5, 10),
                share,
            )  # fmt: skip
    several = Classifiers(1.5, 0.2, 0.5, 0.0, 2)
    for rows in (20, 100, 1000):
        yield Cell(
            f"accuracy, 5 initialisations, {rows} rows", "classification", "accuracy",
            lambda rng, rows=rows: several.draw(rng, 5, rows), several.share(0.0),
        )  # fmt: skip


def _of_errors(name: str, errors: Errors, rows: int, metric: str, scales: tuple[float, ...]) -> Cell:
    truth = (np.sqrt(errors.square) if metric == "rmse" else errors.size) * float(np.mean(scales))
    targets = f", {len(scales)} targets" if len(scales) > 1 else ""
    draw = lambda rng: worlds.regression(rng, rows, errors, scales)  # noqa: E731
    return Cell(f"{metric}, {name}{targets}, {rows} rows", "regression", metric, draw, float(truth))


def _of_margins(rows: int, middle: float) -> Cell:
    draw = lambda rng: worlds.margins(rng, rows, middle, 2.0)  # noqa: E731
    return Cell(
        f"cross-entropy, {rows} rows", "classification", "loss", draw, worlds.margin_loss(middle, 2.0)
    )


def cells_of_comparisons() -> Iterator[Cell]:
    """Differences of two networks over some repeats."""
    once = [(1, rows) for rows in (30, 100, 1000)]
    places = [*once, *((repeats, rows) for repeats in (3, 5, 10) for rows in (20, 100, 1000))]
    kinds: list[tuple[str, str, str, Regressors | Classifiers]] = [
        ("normal, unlike", "regression", "rmse", Regressors(NORMAL, 0.2, 0.0, 0.5)),
        ("normal, alike", "regression", "mse", Regressors(NORMAL, 0.2, 0.9, 0.3)),
        ("Student 3, half alike", "regression", "rmse", Regressors(T3, 0.2, 0.5, 0.3)),
        ("normal, half alike", "regression", "r2", Regressors(NORMAL, 0.2, 0.5, 0.3)),
        ("80 % right, unlike", "classification", "accuracy", Classifiers(1.2, 0.2, 0.0, 0.3, 2)),
        ("80 % right, alike", "classification", "accuracy", Classifiers(1.2, 0.2, 0.9, 0.3, 10)),
        ("98 % right, half alike", "classification", "accuracy", Classifiers(3.0, 0.1, 0.5, 0.2, 10)),
        ("80 % right, half alike", "classification", "macro_f1", Classifiers(1.2, 0.2, 0.5, 0.3, 2)),
        ("10 classes, half alike", "classification", "macro_f1", Classifiers(1.2, 0.2, 0.5, 0.3, 10)),
    ]
    for name, task, metric, kind in kinds:
        # Of one repeat the interval speaks of rows alone: so no network differs from repeat to repeat there.
        for repeats, rows in places:
            one = type(kind)(**{**vars(kind), "again": 0.0}) if repeats == 1 else kind
            yield Cell(
                f"{metric}, {name}, {repeats} x {rows}", task, metric,
                lambda rng, one=one, repeats=repeats, rows=rows: one.draw(rng, repeats, rows), one.truth(metric), True,
            )  # fmt: skip
        if metric != "r2":
            yield Cell(
                f"{metric}, {name}, 5 x 30 groups", task, metric,
                lambda rng, kind=kind: kind.draw(rng, 5, 0, 30), kind.truth(metric), True,
            )  # fmt: skip


def cells_of_equals() -> Iterator[Cell]:
    """Differences of two networks that are equally good, once each: those that decide whether one is called better."""
    kinds: list[tuple[str, Errors]] = [
        ("normal", NORMAL),
        ("Student 5", T5),
        ("Student 3", T3),
        ("exp(normal)", EXP),
    ]
    for name, errors in kinds:
        for rows in (30, 100, 400):
            for apart in (0.5, 0.15):
                yield Cell(
                    f"mse, equals, {name}, {apart} apart, 1 x {rows}", "regression", "mse",
                    lambda rng, errors=errors, rows=rows, apart=apart: worlds.equals(rng, rows, errors, apart),
                    0.0, True,
                )  # fmt: skip


def run(studies: int = 400) -> list[str]:
    """Measure every cell, print the tables as they grow, and give their lines."""
    lines: list[str] = []
    cells_of_differences = chain(cells_of_comparisons(), cells_of_equals())
    for title, cells in (("Test scores", cells_of_scores()), ("Differences", cells_of_differences)):
        rows = []
        for cell in cells:
            found = measure(cell, studies)
            rows.append(_row(cell, found))
            print(" | ".join(rows[-1]), flush=True)
        head = ["cell", "held, %", "above it, %", "shown, %", "median width", "why not shown"]
        lines += [f"### {title}", "", *table(head, rows), ""]
    return lines


def _row(cell: Cell, found: Coverage) -> list[str]:
    if not found.shown:
        return [cell.name, "–", "–", "0", "–", found.why]
    mark = "" if found.as_promised else " (!)"
    shown = f"{100 * found.shown / found.studies:.0f}"
    return [
        cell.name,
        f"{found.held:.1f}{mark}",
        f"{found.below:.1f}",
        shown,
        f"{found.width:.3g}",
        found.why,
    ]
