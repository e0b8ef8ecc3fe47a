"""A table of another dialect, from `shoal new --data` to `shoal predict`: all is as of the same rows in plain CSV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shoal
from test_cli import shoal as command

pytestmark = pytest.mark.usefixtures("dots")
SHORT = (
    *("--set", "training.epochs=2", "--set", 'search.space."network.hidden"=[[], [3]]'),
    *("--set", "checks.baselines=false", "--workers", "1", "--trainer", "native"),
)


def written(number: float) -> str:
    """Write a number as people do in German: 1.234,5."""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


def german(frame: pd.DataFrame) -> bytes:
    """Write a table as a German spreadsheet saves it: a title, semicolons, decimal commas, a currency, Windows-1252."""
    cells = frame.assign(Größe=frame["Größe"].map(written))
    if "Preis" in frame:
        cells["Preis"] = frame["Preis"].map(written) + " €"
    return f"Häuser{';' * (len(cells.columns) - 1)}\r\n\r\n".encode("cp1252") + cells.to_csv(
        index=False, sep=";", lineterminator="\r\n"
    ).encode("cp1252")


def test_a_table_of_another_dialect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"Größe": rng.uniform(100, 3000, 40).round(2), "Ort": ["Köln", "Gießen"] * 20})
    frame["Preis"] = (3 * frame["Größe"] + rng.normal(size=40)).round(2)
    for name, content in (("other", german), ("plain", lambda table: table.to_csv(index=False).encode())):
        Path(f"{name}.csv").write_bytes(content(frame))
        Path(f"{name} new.csv").write_bytes(content(frame.drop(columns="Preis")[:5]))
        new = ("new", "--data", f"{name}.csv", "--target", "Preis", "--out", f"{name}.toml")
        assert command(monkeypatch, *new) == 0
        assert command(monkeypatch, "run", f"{name}.toml", *SHORT) == 0
        out = ("--out", f"{name}.out.csv", "--carry", "Ort")
        assert command(monkeypatch, "predict", f"runs/{name}", f"{name} new.csv", *out) == 0
    study = shoal.Results.open("runs/other").study.data
    said = (study.delimiter, study.decimal, study.thousands, study.signs, study.encoding, study.skip_lines)
    assert said == (";", ",", ".", ("€",), "cp1252", 2)
    assert shoal.Results.open("runs/other").digest == shoal.Results.open("runs/plain").digest
    assert Path("other.out.csv").read_bytes() == Path("plain.out.csv").read_bytes()
    assert "Gießen" in Path("other.out.csv").read_text(encoding="utf-8")
    # A file of the plain dialect is none of this model's.
    capsys.readouterr()
    assert command(monkeypatch, "predict", "runs/other", "plain new.csv") == 2
    assert capsys.readouterr().err.startswith("shoal: plain new.csv")
