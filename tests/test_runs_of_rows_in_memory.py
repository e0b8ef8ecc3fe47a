"""A run folder whose rows were in memory: every command works there, or says in a line what stands for it."""

from __future__ import annotations

from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal
from test_cli import shoal as command

pytestmark = pytest.mark.usefixtures("dots")
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"size": RNG.normal(size=60).round(3), "sort": ["é", "ü", "o"] * 20})
PRICE = (FRAME["size"] * 2 + RNG.normal(size=60)).round(3).rename("price")
QUICK: dict[str, Any] = {
    "network": {"hidden": [3]},
    "training": {"epochs": 2},
    "search": {"folds": 2, "space": {"network.hidden": [[3], [4]]}},
    "checks": {"baselines": False},
    "trainer": "native",
}
NOT_GIVEN = (
    'data.{0}: expected a file, got "<rows in memory>"; give them again in Python, shoal.run(study, {0}=...), or name a'
    " file that holds them"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, dots: None) -> Path:
    """Runs of a frame, and of arrays with test rows; a file of the frame, one of new rows."""
    here = tmp_path_factory.mktemp("rows")
    FRAME.assign(price=PRICE).to_csv(here / "frame.csv", index=False)
    FRAME[:3].to_csv(here / "new.csv", index=False)
    np.savez(here / "new.npz", x=np.column_stack([FRAME["size"], FRAME["size"]])[:3])
    shoal.run(FRAME.assign(price=PRICE), target="price", out=here / "frame", **QUICK)
    shoal.run(*arrays()[:1], test=arrays()[1], out=here / "arrays", **QUICK)
    return here


def arrays() -> tuple[Any, Any]:
    x, y = np.column_stack([FRAME["size"], FRAME["size"] ** 2]), PRICE.to_numpy()
    return (x[:40], y[:40]), (x[40:], y[40:])


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@pytest.mark.parametrize(("run", "rows"), [("frame", "new.csv"), ("arrays", "new.npz")])
def test_commands_that_read_a_run_folder(
    run: str, rows: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = shoal.Results.open(run)
    page = Path(run, "report.html").read_bytes()
    assert command(monkeypatch, "report", run) == 0
    assert Path(run, "report.html").read_bytes() == page
    assert command(monkeypatch, "show", run) == 0
    assert results.digest in capsys.readouterr().out
    assert command(monkeypatch, "export", run, "--format", "torch", "--out", f"{run}.safetensors") == 0
    assert command(monkeypatch, "predict", run, rows, "--out", f"{run}.out.csv") == 0
    expected = shoal.load(run).predict(
        FRAME[:3] if run == "frame" else {f"x[{column}]": FRAME["size"][:3] for column in (0, 1)}
    )
    written = pd.read_csv(f"{run}.out.csv", dtype=str)  # by itself, old pandas reads numbers nearly
    predicted = written.filter(regex="^predicted_").to_numpy().astype(np.float64)
    np.testing.assert_array_equal(predicted, expected)


def test_the_report_says_how_to_run_it_again() -> None:
    for run, keywords in (("frame", "train=train"), ("arrays", "train=train, test=test")):
        page = unescape(Path(run, "report.html").read_text(encoding="utf-8"))
        assert f'shoal.run("study.toml", {keywords}, out="again")' in page
        assert "shoal run study.toml --out again" not in page


def test_it_is_run_again_with_the_same_rows_or_a_file_of_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in ("run", "check"):
        assert command(monkeypatch, wrong, "arrays/study.toml", "--out", "arrays") == 2
        assert capsys.readouterr().err.splitlines() == [
            f"shoal: arrays/study.toml:{line}: {NOT_GIVEN.format(part)}"
            for line, part in ((8, "train"), (9, "test"))
        ]
    train, test = arrays()
    with pytest.raises(shoal.DataError) as refused:
        shoal.plan("arrays/study.toml", train=train, out="arrays")
    assert str(refused.value).endswith(NOT_GIVEN.format("test"))
    again = shoal.plan("arrays/study.toml", train=train, test=test, out="arrays", trainer="native")
    assert (again.fits, again.known) == (0, len(shoal.Results.open("arrays").plan))
    digest = shoal.Results.open("frame").digest
    rerun = ("frame/study.toml", "--set", "data.train=frame.csv", "--out", "frame", "--trainer", "native")
    assert command(monkeypatch, "run", *rerun) == 0
    assert f"digest of all results: {digest}" in capsys.readouterr().out
