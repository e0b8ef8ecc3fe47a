"""What `predict` and `export` write: through links, into pipes, under long names, with the permissions that were."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from test_cli import shoal as command
from test_model import hand_made, linear

Capture = pytest.CaptureFixture[str]
COMMANDS = {
    "predict": ("predict", "m", "t.csv", "--out"),
    "onnx": ("export", "m", "--format", "onnx", "--out"),
    "torch": ("export", "m", "--format", "torch", "--out"),
}
LAST = ".safetensors"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m").write_bytes(hand_made(linear()))
    Path("t.csv").write_text("x0,x1\n1,2\n3,4\n")


@pytest.fixture(params=COMMANDS)
def arguments(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return COMMANDS[request.param]


def test_a_link_is_written_through_and_the_mode_stays(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("far").mkdir()
    real = Path("far") / f"real{LAST}"
    real.write_bytes(b"old")
    real.chmod(0o600)
    Path(f"link{LAST}").symlink_to(real)
    assert command(monkeypatch, *arguments, f"link{LAST}") == 2
    assert real.read_bytes() == b"old"
    assert command(monkeypatch, *arguments, f"link{LAST}", "--force") == 0
    assert Path(f"link{LAST}").is_symlink()
    assert real.read_bytes() != b"old"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert [path.name for path in Path("far").iterdir()] == [real.name]


def test_a_name_of_254_bytes_is_one(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    out = "n" * (254 - len(LAST)) + LAST
    assert command(monkeypatch, *arguments, out) == 0
    assert Path(out).stat().st_size


def test_a_pipe_is_written_to_and_stays_one(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    pipe = Path(f"pipe{LAST}")
    os.mkfifo(pipe)
    assert command(monkeypatch, *arguments, pipe) == 2
    assert capsys.readouterr().err == (
        f"shoal: {pipe}: expected a pipe that somebody reads from, got one without a reader\n"
    )
    came: list[bytes] = []
    reader = threading.Thread(target=lambda: came.append(pipe.read_bytes()))
    reader.start()
    while command(monkeypatch, *arguments, pipe):  # until the reader is there
        capsys.readouterr()
    reader.join()
    assert came[0]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert command(monkeypatch, *arguments, f"file{LAST}") == 0
    assert came == [Path(f"file{LAST}").read_bytes()]


def test_a_device_stays_one(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    Path(f"null{LAST}").symlink_to("/dev/null")
    assert command(monkeypatch, *arguments, f"null{LAST}") == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert Path(f"null{LAST}").is_symlink()


def test_the_python_file_of_somebody_else_is_kept(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    torch = COMMANDS["torch"]
    Path("o.py").write_text("mine = 1\n")
    assert command(monkeypatch, *torch, f"o{LAST}") == 2
    assert capsys.readouterr().err == (
        "shoal: o.py: expected no file of that name, got one that is not what would be written; --force replaces it\n"
    )
    assert Path("o.py").read_text() == "mine = 1\n"
    assert not Path(f"o{LAST}").exists()
    assert command(monkeypatch, *torch, f"o{LAST}", "--force") == 0
    assert "mine" not in Path("o.py").read_text()
    assert command(monkeypatch, *torch, f"o{LAST}") == 0  # the same again is no other file


def test_the_python_file_knows_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")  # the file imports it
    assert command(monkeypatch, *COMMANDS["torch"], f"o{LAST}") == 0
    code = [sys.executable, "-c", "import o; o.build(); print('built')"]
    assert subprocess.run(code, capture_output=True, text=True, check=False).stdout == "built\n"
    weights = bytearray(Path(f"o{LAST}").read_bytes())
    weights[-1] ^= 1
    Path(f"o{LAST}").write_bytes(weights)
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    expected = f"ValueError: o{LAST}: expected the weights that this file was written for, got others\n"
    assert done.stderr.endswith(expected)
