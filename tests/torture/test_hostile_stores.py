"""Values that Shoal never writes, sealed as if it had: every reader refuses in one line, or takes them as they are."""

from __future__ import annotations

import random
from pathlib import Path
from unittest.mock import patch

import pytest
from hostile_stores import READERS, mutated, real_run, refused, report, study_of
from torture_runs import LONG, telling

import shoal

KINDS = ("peaks", "digits")
COUNT = 5_000 if LONG else 12


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """A run folder and new rows for its network, of each kind."""
    home = tmp_path_factory.mktemp("real")
    rows = {"peaks": "input\n0.25\n", "digits": _pixels()}
    found = {}
    for kind in KINDS:
        (home / f"{kind}.csv").write_text(rows[kind])
        found[kind] = (real_run(kind, home / kind), home / f"{kind}.csv")
    return found


def _pixels() -> str:
    names = [f"pixel_{place // 8}_{place % 8}" for place in range(64)]
    return ",".join(names) + "\n" + ",".join(["1"] * 64) + "\n"


@pytest.mark.parametrize("kind", KINDS)
def test_every_reader_of_a_mutated_store(
    runs: dict[str, tuple[Path, Path]], tmp_path: Path, kind: str
) -> None:
    real, rows = runs[kind]
    held = 0
    for number in range(COUNT):
        what = mutated(real, tmp_path / "run", random.Random(number))  # noqa: S311
        for name, act in READERS.items():
            with telling((number, what, name)):
                held += refused(lambda act=act: act(tmp_path / "run", rows))
    print(f"{kind}: {COUNT} mutated stores, {held} of {COUNT * len(READERS)} readings refused")
    assert held > COUNT // 3


@pytest.mark.parametrize("kind", KINDS if LONG else KINDS[:1])
def test_pictures_of_a_mutated_store(runs: dict[str, tuple[Path, Path]], tmp_path: Path, kind: str) -> None:
    real, rows = runs[kind]
    for number in range(COUNT // 25 + 1):
        what = mutated(real, tmp_path / "run", random.Random(10**6 + number))  # noqa: S311
        with telling((number, what)):
            refused(lambda: report(tmp_path / "run", rows))


@pytest.mark.parametrize("kind", KINDS if LONG else KINDS[:1])
def test_a_run_on_top_of_a_mutated_store(
    runs: dict[str, tuple[Path, Path]], tmp_path: Path, kind: str
) -> None:
    """It refuses in one line, or goes on to an end."""
    real, _ = runs[kind]
    for number in range(COUNT // 10 + 2):
        what = mutated(real, tmp_path / "run", random.Random(2 * 10**6 + number))  # noqa: S311
        with telling((number, what)), patch("shoal.pipeline.write_report"):
            refused(lambda: shoal.plan(study_of(kind), out=tmp_path / "run"))
            refused(lambda: shoal.run(study_of(kind), out=tmp_path / "run", workers=1))
