"""Faults of the rows: what training and test rows have in common, what inputs give away, what was not declared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.honesty.drawn_studies import TARGET, DrawnStudy, Rng, rows_drawn, table
from benchmarks.honesty.planted import plants

SHORT = {"epochs": 20}
"""What lies in the rows is seen by any network: a short training will do."""


def apart(rng: Rng, low: int = 150, high: int = 1000, *, count: int = 0, classes: int = 2) -> DrawnStudy:
    """Draw a table of either task without a fault, whose test rows stand in a file of their own."""
    task = ("regression", "classification")[rng.integers(2)]
    count = count or int(rng.integers(2, 8))
    study = table(rng, task, rows_drawn(rng, low, high), count, classes=classes).with_keys(training=SHORT)
    return replace(study, test_rows=study.rows // 4)


@plants("SH007")
def repeated(rng: Rng) -> DrawnStudy:
    """Test rows of which one in ten is a training row."""
    study = apart(rng)
    order_N = np.arange(study.rows)
    copied = rng.choice(study.test_rows, max(2, study.test_rows // 10), replace=False)
    order_N[study.rows - study.test_rows + copied] = rng.integers(
        0, study.rows - study.test_rows, len(copied)
    )
    return study.with_rows(order_N)


def by_first_input(study: DrawnStudy, low: float, high: float) -> DrawnStudy:
    """Make test rows of those whose first input lies between two of its quantiles."""
    place_N = np.argsort(np.argsort(study.columns["x0"])) / study.rows
    inside_N = (place_N >= low) & (place_N < high)
    order_N = np.concatenate((np.flatnonzero(~inside_N), np.flatnonzero(inside_N)))
    return study.with_rows(order_N, int(inside_N.sum()))


@plants("SH008")
def beyond(rng: Rng) -> DrawnStudy:
    """Test rows are those with the highest values of an input."""
    return by_first_input(apart(rng), 0.85, 1.01)


@plants("SH009")
def in_a_gap(rng: Rng) -> DrawnStudy:
    """Test rows are those in the middle of an input."""
    study = apart(rng)
    even_N = rng.uniform(0, 10, study.rows)
    return by_first_input(study.with_columns(x0=even_N), 0.4, 0.55)


@plants("SH018")
def numbered(rng: Rng) -> DrawnStudy:
    """A number of the row among the inputs."""
    study = apart(rng)
    return study.with_columns(sample=np.arange(study.rows))


@plants("SH019")
def untested(rng: Rng) -> DrawnStudy:
    """A class that the file of test rows lacks."""
    study = table(rng, "classification", rows_drawn(rng, 200, 1000), 4, classes=4).with_keys(training=SHORT)
    lacking_N = study.columns[TARGET] == "class 2"
    test_N = ~lacking_N & (rng.random(study.rows) < 0.3)
    order_N = np.concatenate((np.flatnonzero(~test_N), np.flatnonzero(test_N)))
    return study.with_rows(order_N, int(test_N.sum()))


@plants("SH021")
def divided_persons(rng: Rng) -> DrawnStudy:
    """Declared groups, and folds that divide them."""
    study = table(rng, "regression", rows_drawn(rng, 150, 1000), 3).with_keys(training=SHORT)
    named = study.with_columns(patient=persons(rng, study)).with_keys(data={"groups": "patient"})
    search = {"folds": {"kind": "k-fold", "n": 3}, "space": {"training.lr": [0.01, 0.02]}}
    return named.with_keys(search=search)


@plants("SH022")
def nearly_repeated(rng: Rng) -> DrawnStudy:
    """Rows copied with a little noise; copies stand on both sides, or test rows alone are copies."""
    study = apart(rng, count=int(rng.integers(3, 10)))
    train = study.rows - study.test_rows
    if rng.integers(2):
        order_N = np.concatenate(
            (np.arange(study.rows), rng.choice(study.rows, study.rows // 4, replace=False))
        )
        study, test_rows = study.with_rows(order_N), 0
    else:
        order_N = np.arange(study.rows)
        copied = rng.choice(study.test_rows, max(5, study.test_rows // 5), replace=False)
        order_N[train + copied] = rng.integers(0, train, len(copied))
        study, test_rows = study.with_rows(order_N), study.test_rows
    noisy = {
        name: study.columns[name] + 0.01 * study.columns[name].std() * rng.standard_normal(study.rows)
        for name in study.inputs
    }
    return replace(study.with_columns(**noisy), test_rows=test_rows)


@plants("SH023")
def named_rows(rng: Rng) -> DrawnStudy:
    """A code of its own in every row, taken for a category."""
    study = apart(rng)
    codes = np.array([f"S-{number:06d}" for number in rng.choice(10**6, study.rows, replace=False)])
    return study.with_columns(code=codes).with_keys(data={"categorical": ["code"]})


def persons(rng: Rng, study: DrawnStudy) -> np.ndarray:
    """Deal the rows, one after the other, to persons of 2 to 8 rows each, numbered in any order."""
    sizes = rng.integers(2, 9, study.rows)
    number_N = np.repeat(np.arange(len(sizes)), sizes)[: study.rows]
    return rng.permutation(number_N.max() + 1)[number_N]


@plants("SH024")
def undeclared_persons(rng: Rng) -> DrawnStudy:
    """Several rows of each person, whose target is the person's own; a column names, numbers or describes them."""
    study = table(rng, "regression", rows_drawn(rng, 150, 1000), int(rng.integers(2, 8))).with_keys(
        training=SHORT
    )
    person_N = persons(rng, study)
    own_N = rng.standard_normal(person_N.max() + 1)[person_N]
    study = study.with_columns(**{TARGET: study.columns[TARGET] + 4 * own_N})
    way = rng.integers(3)
    if way == 0:
        names = np.array([f"P{number}" for number in person_N])
        return study.with_columns(who=names).with_keys(data={"categorical": ["who"]})
    if way == 1:
        shuffled = study.with_columns(number=person_N)
        return shuffled.with_rows(rng.permutation(study.rows))
    age_P = np.round(rng.uniform(20, 80, person_N.max() + 1), 1)
    return study.with_columns(age=age_P[person_N])


@plants("SH025")
def persons_on_both_sides(rng: Rng) -> DrawnStudy:
    """Rows of the same persons in both files: declared as groups, or a column of the inputs."""
    study = apart(rng)
    person_N = persons(rng, study)
    order_N = rng.permutation(study.rows)
    if rng.integers(2):
        named = study.with_columns(patient=person_N).with_keys(data={"groups": "patient"})
    else:
        named = study.with_columns(patient_id=np.array([f"P{number}" for number in person_N]))
        named = named.with_keys(data={"categorical": ["patient_id"]})
    return named.with_rows(order_N)


@plants("SH026")
def giveaway(rng: Rng) -> DrawnStudy:
    """An input that was made of the target."""
    study = apart(rng)
    target = study.columns[TARGET]
    if target.dtype.kind == "f":
        made = 3 * target + 0.05 * target.std() * rng.standard_normal(study.rows)
        return study.with_columns(outcome=made)
    numbers = {name: float(place) for place, name in enumerate(np.unique(target))}
    made = np.array([numbers[name] for name in target])
    wrong_N = rng.random(study.rows) < 0.005
    return study.with_columns(outcome=np.where(wrong_N, 1 - made, made))


@plants("SH027")
def drifting(rng: Rng) -> DrawnStudy:
    """A target that wanders from row to row, beside what the inputs say of it."""
    study = table(rng, "regression", rows_drawn(rng, 150, 1000), int(rng.integers(1, 8))).with_keys(
        training=SHORT
    )
    step_N = rng.standard_normal(study.rows)
    walk_N = np.zeros(study.rows)
    for row in range(1, study.rows):
        walk_N[row] = 0.95 * walk_N[row - 1] + step_N[row]
    return study.with_columns(**{TARGET: study.columns[TARGET] + 4 * walk_N / walk_N.std()})


@plants("SH028")
def shifted(rng: Rng) -> DrawnStudy:
    """Test rows of another kind: an input is higher there, or two inputs go together otherwise."""
    study = apart(rng, 300, 1500, count=int(rng.integers(3, 8)))
    test_N = np.arange(study.rows) >= study.rows - study.test_rows
    first_N, second_N = study.columns["x0"], rng.standard_normal(study.rows)
    if rng.integers(2):
        return study.with_columns(x0=np.where(test_N, first_N + 0.8 * first_N.std(), first_N))
    together_N = (first_N - first_N.mean()) / first_N.std()
    sign_N = np.where(test_N, -0.8, 0.8)
    return study.with_columns(x9=sign_N * together_N + 0.6 * second_N)


def in_time(rng: Rng, low: int = 300, high: int = 1500) -> DrawnStudy:
    """Draw a table of either task, without a fault, whose rows stand in order of time; folds are in it."""
    task = ("regression", "classification")[rng.integers(2)]
    study = table(rng, task, rows_drawn(rng, low, high), int(rng.integers(2, 6)))
    folds = {"folds": {"n": int(rng.integers(4, 9))}, "space": {"training.lr": [0.01, 0.02]}}
    timed = study.with_columns(day=np.arange(study.rows)).with_keys(data={"time": "day"}, training=SHORT)
    return timed.with_keys(search=folds)


@plants("SH036")
def ageing(rng: Rng) -> DrawnStudy:
    """Targets that follow the inputs less and less: in the end those of other rows."""
    study = in_time(rng)
    other_N = rng.permutation(study.columns[TARGET])
    lost_N = rng.random(study.rows) < np.linspace(-0.4, 1.0, study.rows)
    return study.with_columns(**{TARGET: np.where(lost_N, other_N, study.columns[TARGET])})


@plants("SH037")
def noisier(rng: Rng) -> DrawnStudy:
    """Test rows whose targets follow the inputs far less than those of the training rows, in a search."""
    study = apart(rng, 400, 1500)
    target_N, test_N = study.columns[TARGET], np.arange(study.rows) >= study.rows - study.test_rows
    if study.kind.startswith("regression"):
        other_N = target_N + target_N.std() * rng.standard_normal(study.rows)
    else:
        other_N = np.where(rng.random(study.rows) < 0.8, rng.permutation(target_N), target_N)
    searched = study.with_keys(search={"folds": 3, "space": {"training.lr": [0.01, 0.02]}})
    return searched.with_columns(**{TARGET: np.where(test_N, other_N, target_N)})
