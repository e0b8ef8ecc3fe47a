"""The seam: tasks given all at once are what each is alone, on any number of workers, and kept in a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.errors import InputError, RunFolderBusy
from shoal.estimators._training_tasks import Task, TaskResult, jobs_at_once, train, train_one
from shoal.planning import default_workers
from shoal.results import RunLock
from shoal.study import Conv, Network, Training

NUMBERS = np.random.default_rng(2)
X = NUMBERS.normal(size=(24, 3)).astype(np.float32)
Y = NUMBERS.normal(size=(24, 1)).astype(np.float32)
WEIGHT = NUMBERS.uniform(size=24).astype(np.float32)
ROWS = np.arange(24, dtype=np.int64)


def task(key: str, **changes: Any) -> Task:
    training = Training(epochs=5, batch_size=8, lr=0.01, validation=0.0)
    return replace(
        Task(key, Network(hidden=(4,)), training, "regression", X, Y, 1, ROWS[:16], ROWS[16:]), **changes
    )


def tasks() -> list[Task]:
    """One of each kind: native and torch, weighted, float64, with inner rows, of pictures."""
    pictures = NUMBERS.integers(0, 256, (24, 1, 6, 6), dtype=np.uint8)
    cnn = Network(kind="cnn", conv=(Conv(channels=2),), hidden=(3,))
    stops = Training(
        epochs=9, batch_size=8, lr=0.1, validation=0.0, early_stopping="inner", keep="best", patience=2
    )
    return [
        task("plain"),
        task("seed", seed=5),
        task("weighted", sample_weight=WEIGHT),
        task("double", x=X.astype(np.float64), y=Y.astype(np.float64), dtype="float64"),
        task("inner", training=stops, train_rows=ROWS[:12], inner_rows=ROWS[12:16]),
        task("cnn", network=cnn, x=pictures),
    ]


def equal(one: TaskResult, other: TaskResult) -> bool:
    arrays = zip((one.parameters, one.curves), (other.parameters, other.curves), strict=True)
    facts = [(r.status, r.epochs, r.kept_epoch, r.trainer) for r in (one, other)]
    return facts[0] == facts[1] and all(
        mine.keys() == theirs.keys() and all(np.array_equal(mine[name], theirs[name]) for name in mine)
        for mine, theirs in arrays
    )


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_task_does_not_know_its_neighbours(n_jobs: int) -> None:
    asked = tasks()
    alone = {one.key: train_one(one, device="cpu") for one in asked}
    together = {result.key: result for result in train([asked[:2], asked[2:]], n_jobs=n_jobs)}
    assert together.keys() == alone.keys()
    assert all(equal(alone[key], together[key]) for key in alone)
    assert alone["double"].parameters["output.bias"].dtype == np.float64
    assert "validation_loss" in alone["plain"].curves


def test_a_store_is_gone_on_from(tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    first = list(train([[task("a")], [task("same")]], store=tmp_path))
    assert {result.key for result in first} == {"a", "same"}
    again = list(
        train(
            [[task("b"), task("c", seed=9)]],
            store=tmp_path,
            watcher=lambda *said: told.append(said),
        )
    )
    assert told[0] == ("b", 1.0)  # known, and so never begun
    found = {result.key: result for result in again}
    assert equal(found["b"], first[0])
    assert not equal(found["c"], first[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.sqlite"]


def test_a_store_has_one_writer(tmp_path: Path) -> None:
    with RunLock(tmp_path), pytest.raises(RunFolderBusy):
        list(train([[task("a")]], store=tmp_path))


def test_every_part_of_a_task_names_it(tmp_path: Path) -> None:
    changes: list[dict[str, Any]] = [
        {}, {"seed": 1}, {"fold": 1}, {"repeat": 1}, {"train_rows": ROWS[:15]}, {"validation_rows": ROWS[:0]},
        {"x": X + 1}, {"y": Y + 1}, {"network": Network(hidden=(5,))}, {"sample_weight": WEIGHT},
        {"training": Training(epochs=5, batch_size=8, lr=0.02, validation=0.0)},
    ]  # fmt: skip
    told: list[tuple[str, float]] = []
    for number, change in enumerate(changes):
        list(train([[task(str(number), **change)]], store=tmp_path))
    repeated = [task(str(number), **change) for number, change in enumerate(changes)]
    results = list(train([repeated], store=tmp_path, watcher=lambda *said: told.append(said)))
    assert sorted(told) == sorted((str(number), 1.0) for number in range(len(changes)))
    assert not any(equal(results[0], result) for result in results[1:])


def test_a_failed_task_says_so_among_the_others() -> None:
    wild = task("wild", training=Training(epochs=50, optimizer="sgd", lr=1e9, validation=0.0))
    results = {result.key: result for result in train([[wild, task("well")]])}
    assert results["wild"].status == "diverged"
    assert results["wild"].message.startswith("diverged in epoch ")
    assert results["wild"].parameters == {}
    assert equal(results["well"], train_one(task("well"), device="cpu"))


def test_jobs_are_counted_as_scikit_learn_counts_them() -> None:
    cores = default_workers()
    assert [jobs_at_once(n) for n in (None, 1, 3, -1)] == [1, 1, 3, cores]
    assert jobs_at_once(-2) == max(1, cores - 1)
    with pytest.raises(InputError, match=r"^n_jobs: expected None, a number above 0 or one below 0, got 0$"):
        jobs_at_once(0)
