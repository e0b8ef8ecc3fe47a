"""Ctrl-C, SIGTERM and closed pipes, at any moment: all is kept, one line says how to go on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from torture_runs import (
    CHILDREN,
    ENVIRONMENT,
    LONG,
    LONGER,
    SIX,
    STOPPED,
    Case,
    Runner,
    assert_goes_on,
    assert_kept,
    state,
    telling,
)


@pytest.mark.parametrize(("case", "wanted"), [(LONGER, 300), (CHILDREN, 30)] if LONG else [(LONGER, 4)])
def test_interrupted_at_random_moments(runner: Runner, tmp_path: Path, case: Case, wanted: int) -> None:
    """Prints how long an interrupted process took to leave, to its very end."""
    seed = 0
    leaving: list[float] = []
    while len(leaving) < wanted:
        seed += 1
        home, number = tmp_path / str(seed), (signal.SIGINT, signal.SIGTERM)[seed % 2]
        with telling(seed):
            outcome = runner.signalled(case, home, number, 0.02 + runner.moment(case, seed))
            assert outcome.status in (0, 128 + number), outcome
            assert "Traceback" not in outcome.err
            if outcome.status:
                assert outcome.err.splitlines()[-1] == STOPPED
                leaving.append(outcome.after_signal)
            assert_kept(runner, case, home)
            assert_goes_on(runner, case, home)
        shutil.rmtree(home)
    half, most, longest = np.quantile(leaving, (0.5, 0.95, 1.0))
    print(f"{case.name}: {wanted} interruptions in {seed} runs; left in ", end="")
    print(f"{half:.2f} s (half of them), {most:.2f} s (95 %), {longest:.2f} s (all)")


def test_a_second_signal_ends_it_at_once_and_loses_no_finished_fit(runner: Runner, tmp_path: Path) -> None:
    for seed in range(50 if LONG else 2):
        home = tmp_path / str(seed)
        with telling(seed):
            process = runner.start(LONGER, home)
            time.sleep(0.02 + runner.moment(LONGER, seed))
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
                os.kill(process, signal.SIGINT)
            outcome = runner.wait()
            by_signal = {128 + number for number in (signal.SIGINT, signal.SIGTERM)}
            assert outcome.status in {0, -signal.SIGINT, -signal.SIGTERM, *by_signal}, outcome
            assert_kept(runner, LONGER, home)
            assert_goes_on(runner, LONGER, home)


@pytest.mark.parametrize("closed", ["| true", "2>&1 | true", "2>&1 | head -1"] if LONG else ["2>&1 | true"])
def test_a_closed_pipe_is_quiet_and_the_run_is_done(runner: Runner, tmp_path: Path, closed: str) -> None:
    dots = str(Path(__file__).parents[1] / "dots.py")
    words = [sys.executable, dots, *SIX.request(tmp_path)["arguments"]]
    command = f"({' '.join(words)}; echo $? > {tmp_path / 'code'}) {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert all(line.startswith(("training: ", "winner: ")) for line in done.stderr.splitlines())
    assert (tmp_path / "code").read_text() == "0\n"
    found, expected = state(tmp_path), runner.whole(SIX).state
    assert (found.digest, found.fits) == (expected.digest, expected.fits)
    assert found.files > expected.files  # and the pictures
