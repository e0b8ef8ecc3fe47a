"""The power fails at any moment of a run: every fit that was said to be done is there, and nothing is damaged."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest
from power import OPTIONS, Disk, Step, steps_of
from torture_runs import (
    FIRST,
    LONG,
    SIX,
    Runner,
    assert_goes_on,
    assert_kept,
    finished,
    tampering_refused,
    telling,
)

import shoal


@pytest.mark.skipif(bool(tampering_refused()), reason=tampering_refused())
def test_power_fails_between_any_two_writes(runner: Runner, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    finished(runner.tampered(SIX, whole, *OPTIONS))
    steps = steps_of(whole.with_suffix(".trace").read_text())
    inside = [number for number, step in enumerate(steps) if step.path.startswith(str(whole / "run"))]
    assert len(inside) > 50
    assert sum(step.path == str(whole / "log") and step.call == "write" for step in steps) == 6
    numbers = range(FIRST, FIRST + (20 if LONG else 3))
    moments = inside if LONG else inside[3 :: len(inside) // 12]
    for moment in moments:
        disk = Disk(whole / "run")
        for step in steps[:moment]:
            disk.play(step)
        said = [
            step.content
            for step in steps[:moment]
            if step.path == str(whole / "log") and step.call == "write"
        ]
        for draw in [None, *(random.Random(number) for number in numbers)]:  # noqa: S311
            with telling((moment, steps[moment].call, steps[moment].path)):
                home = tmp_path / "home"
                shutil.rmtree(home, ignore_errors=True)
                (home / "run").mkdir(parents=True)
                disk.found(home / "run", draw)
                (home / "log").write_bytes(b"".join(said))
                assert_kept(runner, SIX, home)
                if (model := home / "run" / "model.safetensors").exists():
                    shoal.load(model)
        if moment in moments[:: 10 if LONG else 5]:
            with telling((moment, "goes on")):
                assert_goes_on(runner, SIX, home)
    print(f"power failed at {len(moments)} of {len(inside)} moments")
    assert_flushes_are_needed(runner, whole, steps)


def assert_flushes_are_needed(runner: Runner, whole: Path, steps: list[Step]) -> None:
    """Without the run's flushes the same disk loses what was said to be done: the test above can fail."""
    disk = Disk(whole / "run")
    for step in steps:
        if step.call != "flush" or step.path == str(whole / "run"):
            disk.play(step)
    home = whole.with_name("unflushed")
    disk.found(home / "run", None)
    (home / "log").write_bytes((whole / "log").read_bytes())
    with pytest.raises(AssertionError):
        assert_kept(runner, SIX, home)
