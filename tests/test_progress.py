"""What a run says while it goes on."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest

from shoal.engine import PlannedFit, Planner, Trainers
from shoal.look import duration
from shoal.progress import Live, Plain
from shoal.results import FitRecord
from studies import tiny_study, two_peaks


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "under 0.1 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (99.4, "99 s"),
        (185, "3 min 05 s"),
        (3599.4, "59 min 59 s"),
        (7800, "2 h 10 min"),
    ],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def planned() -> tuple[PlannedFit, ...]:
    return Planner(tiny_study(), two_peaks(), Trainers("torch").choose).search_fits()


def record(fit_id: str, loss: float, metric: str = "loss") -> FitRecord:
    scores: dict[str, Any] = {"validation": {metric: loss}} if not math.isnan(loss) else {}
    return FitRecord(fit_id, "torch", "ok", "", 1, 1, 1, {}, {}, {}, scores, 0.0)


def test_plain_lines_count_fits_and_name_the_best_complete_candidate() -> None:
    fits, stream = planned(), io.StringIO()
    work = {item.fit.id: 1.0 for item in fits}
    watcher = Plain(stream)
    watcher.begin("training", fits, 0, work)
    first = fits[0].entry.candidate_id
    for item in fits:
        if item.entry.candidate_id == first:
            watcher.finished(record(item.fit.id, 0.5 + item.entry.fold))
    assert watcher.best == 1.5
    assert watcher.share == pytest.approx(3 / 12)
    watcher.end()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "training: 12 fits"
    assert lines[-1].startswith("training: 3/12 fits, ")
    assert "best selection score so far 1.5" in lines[-1]


def test_a_failed_fit_is_never_the_best() -> None:
    fits = planned()
    watcher = Plain(io.StringIO())
    watcher.begin("training", fits, 0, {item.fit.id: 1.0 for item in fits})
    worst = fits[0].entry.candidate_id
    for item in fits:
        watcher.finished(record(item.fit.id, math.nan if item.entry.candidate_id == worst else 2.0))
    assert watcher.best == 2.0


def test_for_accuracy_the_highest_is_the_best() -> None:
    fits = planned()
    watcher = Plain(io.StringIO(), "accuracy")
    watcher.begin("training", fits, 0, {item.fit.id: 1.0 for item in fits})
    high = fits[0].entry.candidate_id
    for item in fits:
        watcher.finished(record(item.fit.id, 0.9 if item.entry.candidate_id == high else 0.5, "accuracy"))
    assert watcher.best == pytest.approx(0.9)


def test_what_is_known_is_said() -> None:
    fits, stream = planned(), io.StringIO()
    watcher = Plain(stream)
    watcher.begin("training", fits, 12, {})
    watcher.end()
    assert stream.getvalue() == "training: 12 fits, 12 known already\n"


def test_the_live_bar_starts_moves_and_stops(capsys: pytest.CaptureFixture[str]) -> None:
    fits = planned()
    watcher = Live()
    watcher.begin("training", fits, 0, {item.fit.id: 1.0 for item in fits})
    watcher.progress(fits[0].fit.id, 0.5)
    watcher.finished(record(fits[0].fit.id, 1.0))
    watcher.end()
    watcher.end()
    assert "1/12 fits" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "rate"), [(10.0, "1.2 fits/s"), (0.12, "100 fits/s"), (0.01, "1,200 fits/s")]
)
def test_a_rate_has_no_exponent(seconds: float, rate: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fits, stream = planned(), io.StringIO()
    now = [0.0]
    monkeypatch.setattr("shoal.progress.time.monotonic", lambda: now[0])
    watcher = Plain(stream)
    watcher.begin("training", fits, 0, {item.fit.id: 1.0 for item in fits})
    now[0] = seconds
    for item in fits:
        watcher.finished(record(item.fit.id, 0.5))
    watcher.end()
    assert f"training: 12/12 fits, {rate}" in stream.getvalue().splitlines()[-1]


def test_what_was_stopped_has_no_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    fits, stream = planned(), io.StringIO()
    now = [0.0]
    monkeypatch.setattr("shoal.progress.time.monotonic", lambda: now[0])
    watcher = Plain(stream)
    watcher.begin("training", fits, 0, {item.fit.id: 1.0 for item in fits})
    now[0] = 20.0
    watcher.finished(record(fits[0].fit.id, 0.5))
    watcher.end()
    assert stream.getvalue().splitlines()[1:] == [
        "training: 1/12 fits, 20 s a fit, 3 min 40 s left",
        "training: 1/12 fits, 20 s a fit in 20 s",
    ]
