"""Killed at any moment, a run goes on where it was and ends in the same bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from torture_runs import (
    CHILDREN,
    DRAWN,
    KILL,
    LONG,
    LONGER,
    SIX,
    Case,
    Runner,
    assert_goes_on,
    assert_kept,
    tampering_refused,
    telling,
    writes_of,
)

IN_STORE = ("pwrite64", "fdatasync", "ftruncate")


@pytest.mark.parametrize("case", [SIX, DRAWN] if LONG else [SIX], ids=lambda case: case.name)
@pytest.mark.skipif(bool(tampering_refused()), reason=tampering_refused())
def test_killed_at_every_write(runner: Runner, tmp_path: Path, case: Case) -> None:
    every = writes_of(runner, case, tmp_path / "undisturbed")
    if case.pictures:  # the store's own writes are those of the other case
        every = [(call, number) for call, number in every if call not in IN_STORE]
    chosen = every if LONG else every[3 :: len(every) // 6]
    killed = 0
    for call, number in chosen:
        home = tmp_path / "home"
        with telling((call, number)):
            tampering = f"inject={call}:signal=SIGKILL:when={number}"
            killed += runner.tampered(case, home, "-e", tampering).status == -KILL
            assert_kept(runner, case, home)
            assert_goes_on(runner, case, home)
        shutil.rmtree(home)
    print(f"killed at {killed} of {len(chosen)} write-class calls, {len(every)} in all")
    assert killed >= 0.95 * len(chosen)


@pytest.mark.parametrize(("case", "wanted"), [(LONGER, 1000), (CHILDREN, 25)] if LONG else [(LONGER, 6)])
def test_killed_at_random_moments_and_while_going_on(
    runner: Runner, tmp_path: Path, case: Case, wanted: int
) -> None:
    first = again = seed = 0
    while first + again < wanted:
        seed += 1
        home = tmp_path / str(seed)
        with telling(seed):
            first += _killed(runner, case, home, seed)
            if again < wanted // 5:
                again += _killed(runner, case, home, 10**6 + seed)
            assert_goes_on(runner, case, home)
        shutil.rmtree(home)
    print(f"{case.name}: {first + again} kills, {again} of them while going on, in {seed} runs")


def _killed(runner: Runner, case: Case, home: Path, seed: int) -> bool:
    """Whether the run was killed at the moment of that seed, or was done before."""
    outcome = runner.signalled(case, home, KILL, runner.moment(case, seed))
    assert outcome.status in (0, -KILL), outcome
    assert_kept(runner, case, home)
    return outcome.status == -KILL
