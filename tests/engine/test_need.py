"""The predicted memory: counted by hand where it can be, monotone where it must be, refused before all writing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shoal.engine import Planner, Trainers, memory_need
from shoal.engine._need import Source, held_bytes, plan_bytes, predicted_peaks, source_of, truth_bytes
from shoal.errors import EnvironmentFault
from shoal.pipeline import plan, run
from studies import tiny_study, two_peaks


def need(workers: int = 1, trainer: Any = "torch", **changes: Any) -> dict[str, float]:
    return memory_need(Planner(tiny_study(**changes), two_peaks(), Trainers(trainer).choose), workers)


def test_rows_are_counted_as_they_lie_in_memory() -> None:
    """200 rows of one input and one target, float64: 16 bytes a row, and the same again among the results."""
    assert held_bytes(two_peaks()) == truth_bytes(two_peaks()) == 200 * 16


def test_row_numbers_that_fits_share_are_counted_once() -> None:
    planner = Planner(tiny_study(compare=[]), two_peaks(), Trainers("torch").choose)
    fits = [item.fit for item in planner.search_fits()]
    assert len(fits) == 12
    assert (
        plan_bytes(fits[:4]) == 100 * 8 + fits[0].inner.nbytes
    )  # four candidates of the first of three folds
    assert plan_bytes(fits) == 3 * 100 * 8


def test_a_text_file_is_read_at_five_times_its_size_and_72_bytes_a_cell(tmp_path: Path) -> None:
    text = tmp_path / "rows.csv"
    text.write_text("x,y\n1,2\n", encoding="utf-8")
    assert source_of((str(text), None, str(tmp_path / "rows.npz")), two_peaks()) == Source(8, 400)
    small = predicted_peaks(two_peaks(), Source(0, 0), [], 1)
    large = predicted_peaks(two_peaks(), Source(10**9, 10**8), [], 1)
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


def test_the_native_trainer_needs_less() -> None:
    assert max(need(trainer="auto").values()) <= max(need(trainer="torch").values())


def test_a_run_that_cannot_fit_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
