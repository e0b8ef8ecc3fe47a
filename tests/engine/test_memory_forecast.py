"""The predicted memory: counted by hand where it can be, monotone where it must be, refused before all writing."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.data import Column, Dataset, load_builtin
from shoal.engine import Planner, StudyFit, StudyRows, Trainers, memory_need
from shoal.engine._train import train_fit
from shoal.engine._trainer import Job
from shoal.engine.forecast.fit_memory import FIT_ROW, fit_bytes, left_bytes, map_numbers
from shoal.engine.forecast.memory import (
    PLANNED,
    TextSize,
    compared_bytes,
    held_bytes,
    plan_bytes,
    predicted_peaks,
    source_of,
    truth_bytes,
)
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.native_core import native_available
from shoal.engine.trainers.torch import TorchTrainer
from shoal.errors import EnvironmentFault
from shoal.nets import build_architecture
from shoal.pipeline import run
from shoal.planning import plan
from shoal.results._confidence_set import Cell, search_errors
from shoal.results._procedure import procedure_score
from shoal.streams import StreamKey
from shoal.study import Network, Training
from studies import drawing_of, tiny_study, two_peaks

TORCH = TorchTrainer()


def need(workers: int = 1, trainer: Any = "torch", **changes: Any) -> dict[str, float]:
    planner = Planner(tiny_study(**changes), two_peaks(), Trainers(trainer).choose)
    return memory_need(planner, workers, drawing_of(planner))


def test_rows_are_counted_as_they_lie_in_memory() -> None:
    """200 rows of one input and one target, float64: 16 bytes a row, and the same again among the results."""
    assert held_bytes(two_peaks()) == truth_bytes(two_peaks()) == 200 * 16


def test_row_numbers_that_fits_share_are_counted_once() -> None:
    planner = Planner(tiny_study(compare=[]), two_peaks(), Trainers("torch").choose)
    fits = [item.fit for item in planner.search_fits()]
    assert len(fits) == 12
    assert (
        plan_bytes(fits[:4]) == 4 * PLANNED + 100 * 8 + fits[0].rows.inner.nbytes
    )  # four candidates of the first of three folds
    assert plan_bytes(fits) == 12 * PLANNED + 3 * 100 * 8


def test_a_text_file_is_read_at_five_times_its_size_and_72_bytes_a_cell() -> None:
    assert source_of(two_peaks()) == TextSize(0, 0)
    assert source_of(replace(two_peaks(), text_bytes=8)) == TextSize(8, 400)
    drawing = drawing_of(Planner(tiny_study(), two_peaks(), Trainers("torch").choose))
    small = predicted_peaks(two_peaks(), TextSize(0, 0), [], drawing)
    large = predicted_peaks(two_peaks(), TextSize(10**9, 10**8), [], drawing)
    assert large["reading"] - small["reading"] == pytest.approx(5 * 10**9 + 72 * 10**8 - 2 * 200 * 16)
    assert {**large, "reading": 0} == {**small, "reading": 0}


def test_each_torch_worker_of_a_table_is_a_process_with_torch() -> None:
    more = need(workers=3)["training"] - need(workers=2)["training"]
    assert 200e6 < more < 300e6


@pytest.mark.parametrize(
    "changes",
    [
        {"network": {"hidden": [2000, 2000]}, "search": None},
        {"network": {"hidden": [2000, 2000]}, "search": None, "training": {"early_stopping": "inner"}},
    ],
)
def test_a_larger_network_needs_more(changes: dict[str, Any]) -> None:
    least = 4 * 4 * 2000 * 2000  # values, two moments, best values
    assert need(**changes)["training"] - need(search=None)["training"] > least


def test_epochs_need_nothing() -> None:
    assert need(training={"epochs": 4}) == need(training={"epochs": 4000})


def test_a_norm_keeps_the_maps_of_a_whole_batch_in_the_core() -> None:
    """Of 2 channels of 6 by 5 pixels: within their border, the sums of 3 channels and the places of their maxima; and
    gradients of both. By blocks of 16 images."""
    conv = ({"channels": 3, "padding": 1, "pool": {"kind": "max", "size": 2}},)

    def passing(batch_norm: bool, batch: int, rows: int = 10_000, more: tuple[Any, ...] = ()) -> float:
        network = Network.model_validate(
            {"kind": "cnn", "conv": (*conv, *more), "hidden": (), "batch_norm": batch_norm}
        )
        job = Job(
            build_architecture(network, (2, 6, 5), 3),
            Training(batch_size=batch),
            "cross-entropy",
            StreamKey(1, 0, 0),
        )
        return NativeTrainer().passing_bytes(job, rows, 0)

    image = 4 * (2 * (2 * 8 * 7 + 3 * 6 * 5) + 3 * 3 * 2)
    assert passing(False, 16) == passing(False, 1600)
    assert passing(True, 16) == passing(False, 16) + 16 * image
    assert passing(True, 1590) == passing(True, 1600) == passing(False, 16) + 1600 * image
    assert passing(True, 1600, rows=20) == passing(True, 32)
    # A skip keeps gradients of what entered, 3 by 2 pixels, and derivatives.
    plain, skip = ({"channels": 4, "padding": 1, "skip": skip} for skip in (0, 1))
    more = 32 * 4 * (3 * 5 * 4 + 4 * 3 * 2)
    assert passing(True, 32, more=(skip,)) == passing(True, 32, more=(plain,)) + more


def test_the_native_trainer_needs_less() -> None:
    assert max(need(trainer="auto").values()) <= max(need(trainer="torch").values())


def test_a_run_that_cannot_fit_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.planning.core_count", lambda: 1)
    peak = plan(tiny_study(), out=tmp_path / "run").memory_bytes
    monkeypatch.setenv("SHOAL_MEMORY_MB", str(int(np.floor(peak / 1e6)) - 1))
    for start in (plan, run):
        with pytest.raises(
            EnvironmentFault, match=r"^memory: expected \d+ MB for the run \(its peak is while "
        ):
            start(tiny_study(), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv("SHOAL_MEMORY_MB", str(int(np.ceil(peak / 1e6)) + 1))
    assert plan(tiny_study(), out=tmp_path / "run").memory_bytes == peak


def test_no_second_process_draws_where_there_is_no_room_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.planning.core_count", lambda: 2)
    planned = partial(plan, tiny_study(), out=tmp_path / "run", workers=2, trainer="native")
    peak = planned().memory_bytes
    monkeypatch.setenv("SHOAL_MEMORY_MB", str(int(peak / 1e6)))
    assert planned().memory_bytes == peak - 110e6
    assert planned(workers=1).memory_bytes == pytest.approx(peak - 110e6, abs=1e4)


def test_an_ensemble_of_torch_networks_answers_in_the_coordinator() -> None:
    """Torch is imported there, though child processes trained; 12 MB are those of any search, the rest answers."""
    more = need(workers=2)["drawing"] - need(workers=2, search=None)["drawing"]
    assert 205e6 + 12e6 <= more < 205e6 + 13e6


def test_a_history_is_trained_again_in_the_coordinator() -> None:
    watched = need(workers=2, search=None, inspect={"history": 3})["drawing"]
    assert watched - need(workers=2, search=None)["drawing"] == pytest.approx(205e6 + 75e6)
    native = need(trainer="auto", search=None, inspect={"history": 3})
    assert native["drawing"] == need(trainer="auto", search=None)["drawing"]


@pytest.mark.parametrize(("units", "candidates"), [(1000, 1500), (300, 4000)])
def test_candidates_are_compared_in_the_memory_that_is_predicted(units: int, candidates: int) -> None:
    draw = np.random.default_rng(0)
    fold_U = draw.integers(3, size=units)

    def cell(fold: int) -> Cell:
        share_U = (fold_U == fold) / np.count_nonzero(fold_U == fold)
        return Cell(share_U, draw.random((units, candidates)) * share_U[:, None])

    tracemalloc.start()
    errors = search_errors(map(cell, range(3)))
    procedure_score(errors.part_UC, errors.share_U, lambda score_DC: score_DC.argmin(axis=1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.8 * peak < compared_bytes(units, candidates) < 1.25 * peak


def many_images(rows: int) -> Dataset:
    draw = np.random.default_rng(0)
    return replace(
        load_builtin("digits"),
        images=draw.integers(0, 256, (rows, 3, 32, 32), np.uint8),
        targets=np.arange(rows) % 10,
        train_rows=rows * 4 // 5,
    )


def many_rows(rows: int) -> Dataset:
    draw = np.random.default_rng(0)
    return replace(
        two_peaks(),
        columns=tuple(Column(f"x{place}", draw.normal(size=rows)) for place in range(30)),
        targets=draw.normal(size=(rows, 1)),
        train_rows=rows * 4 // 5,
    )


@pytest.mark.skipif(not native_available(), reason="the native trainer was not built")
@pytest.mark.parametrize(
    ("dataset", "task"), [(many_images(1500), "classification"), (many_rows(40_000), "regression")]
)
def test_a_native_fit_holds_at_most_what_is_predicted(dataset: Dataset, task: str) -> None:
    """Measured are numpy's own blocks, not those of the core, which draws the order of the rows."""
    study = tiny_study(study={"task": task}, search=None, training={"epochs": 1, "batch_size": 64})
    planner = Planner(study, dataset, Trainers("native").choose)
    fit = planner.comparison_fits()[0].fit
    tracemalloc.start()
    train_fit(fit, StudyRows(dataset, "inputs"), NativeTrainer(), None, lambda _: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (
        0.8 * peak < fit_bytes(fit, NativeTrainer(), dataset) - FIT_ROW * len(fit.rows.learning) < 1.25 * peak
    )


def convolution(rows: int = 1500, batch: int = 64, trainer: Any = "torch") -> tuple[Dataset, StudyFit]:
    network = {"kind": "cnn", "conv": [{"channels": 16, "padding": 1, "pool": {}}]}
    changes: dict[str, Any] = {"network": network, "training": {"batch_size": batch}}
    study = tiny_study(study={"task": "classification"}, search=None, **changes)
    dataset = many_images(rows)
    return dataset, Planner(study, dataset, Trainers(trainer).choose).comparison_fits()[0].fit


def test_maps_of_an_evaluation_and_of_a_step_are_counted() -> None:
    """16 maps of 32 x 32: 22 bytes a number in a step of 960 rows, 7 in an evaluation of as many."""
    dataset, small = convolution(batch=64)
    _, large = convolution(batch=2000)
    assert map_numbers(small) == 16 * 32 * 32
    difference = fit_bytes(large, TORCH, dataset) - fit_bytes(small, TORCH, dataset)
    assert difference == pytest.approx((22 - 7) * 16_384 * 960)


def test_mapped_blocks_come_on_top_of_those_of_a_step() -> None:
    """The map that 960 images are evaluated in, 63 MB, finds no room in what a step of 384 images left."""
    dataset, small = convolution(batch=64)
    _, large = convolution(batch=384)
    difference = fit_bytes(large, TORCH, dataset) - fit_bytes(small, TORCH, dataset)
    assert difference == pytest.approx((22 * 384 + 4 * 960 - 7 * 960) * 16_384)


def test_blocks_that_are_mapped_do_not_stay() -> None:
    """Of an evaluation of 960 images the map itself, 63 MB, is mapped; its pool and the pool's places are not.

    A step of 960 images is mapped, too; of smaller ones 64 MB stay at most.
    """
    places_and_pool = (2 + 1) * 16_384 * 960
    dataset, large = convolution(batch=2000)
    assert left_bytes(large, TORCH, dataset) == places_and_pool
    assert left_bytes(convolution(batch=16)[1], TORCH, dataset) == places_and_pool + 22 * 16_384 * 16
    assert left_bytes(convolution(batch=64)[1], TORCH, dataset) == 64e6
    assert left_bytes(convolution(batch=400)[1], TORCH, dataset) == 64e6
