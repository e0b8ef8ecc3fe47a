"""Terminals and pipes of any encoding: what they cannot show is escaped; the bytes of files are UTF-8."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest

from shoal.progress import Plain
from test_cli import shoal as command

ENCODINGS = ("cp1251", "ascii", "utf-16")
STUDY = """
[study]
name = "words"
task = "classification"
[data]
train = "t.csv"
target = "größe"
[network]
hidden = [3]
[training]
epochs = 2
[[compare]]
name = "naïve ж 木"
[search]
folds = 2
[search.space]
"training.lr" = [0.01]
"""
CLASSES = ("klein ж", "groß 木")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and the bytes that it wrote."""

    returncode: int
    stdout: bytes
    stderr: bytes


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, dots: None) -> Path:
    """A study full of letters that few encodings have, and its run."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "s.toml").write_text(STUDY, encoding="utf-8")
    lines = [f"{number / 10},{CLASSES[number % 2]}" for number in range(40)]
    (folder / "t.csv").write_text("\n".join(["x", *lines]).replace("x", "ä,größe", 1), encoding="utf-8")
    done = shoal(folder, "utf-8", "run", "s.toml", "--out", "run", "--workers", "1")
    assert done.returncode == 0, done.stderr
    return folder


def shoal(folder: Path, encoding: str, *arguments: str) -> Ended:
    """The command, with streams as Python makes them of PYTHONIOENCODING; a test compares them."""
    out, err = Pipe(), Pipe()
    code = written_to(folder, encoding, (out, err), *arguments)
    return Ended(code, out.getvalue(), err.getvalue())


class Pipe(io.BytesIO):
    """What is written to a pipe."""

    def seekable(self) -> bool:
        return False


def written_to(folder: Path, encoding: str, ends: tuple[BinaryIO, BinaryIO], *arguments: str) -> int:
    name, _, errors = encoding.partition(":")
    out, err = (
        io.TextIOWrapper(end, encoding=name, errors=how)
        for end, how in zip(ends, (errors or "strict", "backslashreplace"), strict=True)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        code = command(patch, *arguments)
    for stream in (out, err):
        stream.flush()
        stream.detach()
    return code


def in_a_process(folder: Path, encoding: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    asked = [sys.executable, "-m", "shoal", *arguments]
    return subprocess.run(asked, cwd=folder, capture_output=True, env=environment, check=False)


@pytest.mark.parametrize("encoding", ["utf-16", "ascii:strict"])
@pytest.mark.parametrize("arguments", [("show", "run"), ("check", "ж")])
def test_streams_made_here_are_those_of_a_process(
    home: Path, encoding: str, arguments: tuple[str, ...]
) -> None:
    here, there = shoal(home, encoding, *arguments), in_a_process(home, encoding, *arguments)
    assert (here.returncode, here.stdout, here.stderr) == (there.returncode, there.stdout, there.stderr)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_a_terminal_cannot_show_is_escaped(home: Path, encoding: str) -> None:
    shown = shoal(home, encoding, "show", "run")
    assert shown.returncode == 0, shown.stderr
    printed = shown.stdout.decode(encoding)
    for letter in "ж木ß":
        assert letter.encode(encoding, "backslashreplace").decode(encoding) in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "digits"),
        ("check", "s.toml"),
        ("run", "s.toml", "--out", "again ж", "--workers", "1"),
        ("predict", "run", "t.csv"),
        ("predict", "run", "t.csv", "--out", "p ж.csv"),
        ("export", "run", "--format", "torch", "--out", "m ж.safetensors"),
        ("data", "list"),
        ("new", "regression"),
        ("--help",),
        ("run", "--help"),
    ],
    ids=" ".join,
)
def test_no_command_fails_for_the_encoding(home: Path, arguments: tuple[str, ...]) -> None:
    done = shoal(home, "ascii:strict", *arguments)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    if arguments[0] not in ("predict", "new"):
        done.stdout.decode("ascii")
    done.stderr.decode("ascii")


@pytest.mark.parametrize("arguments", [("ж",), ("check", "ж"), ("show", "ж"), ("predict", "run", "ж")])
def test_no_refusal_fails_for_the_encoding(home: Path, arguments: tuple[str, ...]) -> None:
    done = shoal(home, "cp1252:strict", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"\\u0436" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8"])
def test_predictions_to_a_pipe_are_the_bytes_of_the_file(home: Path, encoding: str) -> None:
    assert shoal(home, encoding, "predict", "run", "t.csv", "--out", "p.csv").returncode == 0
    piped = shoal(home, encoding, "predict", "run", "t.csv").stdout
    assert piped == (home / "p.csv").read_bytes()
    assert "groß 木" in piped.decode("utf-8")


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX's")
@pytest.mark.parametrize("arguments", [("predict", "run", "t.csv"), ("run", "s.toml", "--out", "live")])
def test_on_a_terminal_of_another_encoding(
    home: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    printed = bytearray()
    reading = threading.Thread(target=read_all, args=(ours, printed))
    reading.start()
    with open(theirs, "wb", buffering=0) as out, open(os.dup(theirs), "wb", buffering=0) as err:
        code = written_to(home, "koi8-r:strict", (out, err), *arguments)
    reading.join()
    assert code == 0, printed
    assert "ж" in printed.decode("koi8-r")
    assert b"\\u6728" in printed


def read_all(end: int, printed: bytearray) -> None:
    with suppress(OSError):  # how a pseudo-terminal ends
        while chunk := os.read(end, 4096):
            printed += chunk
    os.close(end)


def test_progress_on_a_stream_of_a_caller() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", errors="strict")
    Plain(stream).note("klein ж")
    assert stream.buffer.getvalue() == b"klein \\u0436\n"  # type: ignore[attr-defined]
    texts = io.StringIO()
    Plain(texts).note("klein ж")
    assert texts.getvalue() == "klein ж\n"
