"""Where `predict` and `export` do not write, `--force` or not: over what they read, and into names that are a run's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shoal.nets import build_architecture
from shoal.study import Network
from test_cli import shoal as command
from test_model import hand_made, linear

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    "name",
    [
        "results.sqlite-journal",
        "results.sqlite-wal",
        "run.lock",
        "figures/20-search-ranking.png",
        "RESULTS.SQLITE-WAL",
    ],
)
def test_a_name_of_a_run_folders_own_is_not_free(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "m").write_bytes(hand_made(linear()))
    (tmp_path / "t.csv").write_text("x0,x1\n1,2\n")
    out = tmp_path / name
    out.parent.mkdir(exist_ok=True)
    arguments = ("predict", tmp_path / "m", tmp_path / "t.csv", "--out", out)
    (tmp_path / "results.sqlite").write_bytes(b"of a run")
    assert command(monkeypatch, *arguments) == 2
    assert capsys.readouterr().err.startswith(f"shoal: {out}: expected a file outside a run folder")
    assert not out.exists()
    out.write_bytes(b"of the run")
    assert command(monkeypatch, *arguments, "--force") == 2
    assert out.read_bytes() == b"of the run"
    out.unlink()
    (tmp_path / "results.sqlite").unlink()  # elsewhere it is a name like any other
    assert command(monkeypatch, *arguments) == 0


def test_no_picture_that_is_read_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    model = tmp_path / "m"
    model.write_bytes(hand_made(build_architecture(Network(hidden=()), (1, 4, 4), 2)))
    (tmp_path / "new" / "deep").mkdir(parents=True)
    for name in ("a.png", "deep/b.png"):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "new" / name)
        out = tmp_path / "new" / name
        before = out.read_bytes()
        assert command(monkeypatch, "predict", model, tmp_path / "new", "--out", out, "--force") == 2
        assert "expected another file than the one that is read" in capsys.readouterr().err
        assert out.read_bytes() == before
    out = tmp_path / "new" / "answers.csv"
    for _ in range(2):
        assert command(monkeypatch, "predict", model, tmp_path / "new", "--out", out, "--force") == 0


@pytest.mark.parametrize("endings", [(".py", ".safetensors"), (".safetensors", ".py")])
def test_neither_file_of_a_torch_export_is_the_file_that_is_read(
    endings: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    content = hand_made(linear())
    source, out = (tmp_path / f"m{ending}" for ending in endings)
    source.write_bytes(content)
    assert command(monkeypatch, "export", source, "--format", "torch", "--out", out, "--force") == 2
    assert "expected another file than the one that is read" in capsys.readouterr().err
    assert (source.read_bytes(), out.exists()) == (content, False)


@pytest.mark.parametrize("out", ["new/", "new/.", "new//", ".", "..", "new/.."])
def test_the_name_of_a_folder_is_none_of_a_file(
    out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m").write_bytes(hand_made(linear()))
    Path("t.csv").write_text("x0,x1\n1,2\n")
    assert command(monkeypatch, "predict", "m", "t.csv", "--out", out) == 2
    assert f"expected the name of a file to write, got {out!r}" in " ".join(capsys.readouterr().err.split())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m", "t.csv"]
