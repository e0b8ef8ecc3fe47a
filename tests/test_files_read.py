"""The read door: files alone, through links; a pipe, a device or a folder is one sentence for every reader."""

from __future__ import annotations

import gzip
import io
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import shoal
from shoal.data import (
    ImageSource,
    TableSource,
    load_image_dataset,
    load_table_dataset,
    read_images,
    read_table,
)
from shoal.errors import InputError
from shoal.files import Unreadable, kind_of, opened, read_bytes
from shoal.study import load_study
from test_cli import shoal as command

Capture = pytest.CaptureFixture[str]


def put(path: Path, kind: str) -> str:
    """Put something that is no file at a path; say what a sentence calls it."""
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(str(path))
        case "lost link":
            path.symlink_to("nowhere")
            return "a link that leads nowhere"
        case "circle":
            path.symlink_to(path.name)
            return "a link that leads nowhere"
        case _:
            return "nothing there"
    return f"a {kind}"


KINDS = ("pipe", "folder", "device", "socket", "lost link", "circle", "nothing")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_named_and_not_opened(kind: str) -> None:
    path = Path("x")
    came = put(path, kind)
    assert kind_of(path) == ("nothing" if kind == "nothing" else came)
    with pytest.raises(Unreadable) as caught, opened(path):
        pass
    assert caught.value.sentence("a model file") == f"expected a model file, got {came}"


def test_a_file_is_read_through_links() -> None:
    content = b"content" * 1000
    Path("f").write_bytes(content)
    Path("link").symlink_to("f")
    Path("chain").symlink_to("link")
    assert [read_bytes(Path(name)) for name in ("f", "link", "chain")] == [content] * 3
    assert read_bytes(Path("f"), 7000) == content
    with pytest.raises(Unreadable) as caught:
        read_bytes(Path("f"), 6000)
    assert caught.value.sentence("a study file") == "expected a study file of at most 6 kB, got 7 kB"


def test_what_takes_the_place_of_a_file_meanwhile_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo("pipe")
    monkeypatch.setattr("shoal.files.kind_of", lambda path: "a file")
    with pytest.raises(Unreadable, match=r"^a pipe$"):
        read_bytes(Path("pipe"))


def test_what_the_system_answers_is_said() -> None:
    Path("f").write_bytes(b"")
    with pytest.raises(Unreadable) as caught:
        read_bytes(Path("f/" + "x" * 300))
    assert caught.value.sentence() in (
        "expected a file, got nothing there",
        "expected a readable file, got: File name too long",
    )
    assert stat.S_ISREG(Path("f").stat().st_mode)


READERS: dict[str, tuple[str, Callable[[str], object], str]] = {
    "study": ("s.toml", load_study, "a study file"),
    "model": ("m.safetensors", shoal.load, "a model file"),
    "csv": ("t.csv", read_table, "a file"),
    "tsv": ("t.tsv", read_table, "a file"),
    "parquet": ("t.parquet", read_table, "a file"),
    "npz": ("t.npz", read_table, "a file"),
    "tables": ("t.csv", lambda name: load_table_dataset(TableSource(name, "regression", ("y",))), "a file"),
    "images": (
        "i.npz",
        lambda name: load_image_dataset(ImageSource(name)),
        "a folder of images, an IDX or an NPZ file",
    ),
    "idx": (
        "train-images-idx3-ubyte",
        lambda name: load_image_dataset(ImageSource(name)),
        "a folder of images, an IDX or an NPZ file",
    ),
    "picture": ("p.png", lambda name: read_images(name, (1, 4, 4)), "images"),
}


@pytest.mark.parametrize("kind", ["pipe", "device", "socket"])
@pytest.mark.parametrize("reader", READERS)
def test_every_reader_refuses_what_is_no_file(reader: str, kind: str) -> None:
    name, read, wanted = READERS[reader]
    came = put(Path(name), kind)
    with pytest.raises(InputError) as caught:
        read(name)
    assert str(caught.value) == f"{name}: expected {wanted}, got {came}"


def test_labels_beside_images_may_be_no_pipe() -> None:
    head = bytes((0, 0, 8, 3)) + b"".join(size.to_bytes(4, "big") for size in (2, 3, 3))
    Path("a-images-idx3-ubyte").write_bytes(head + bytes(18))
    os.mkfifo("a-labels-idx1-ubyte")
    with pytest.raises(InputError, match="expected its labels in"):
        load_image_dataset(ImageSource("a-images-idx3-ubyte"))


@pytest.mark.parametrize(
    "arguments", [("check", "s"), ("run", "s"), ("predict", "m", "t.csv"), ("export", "m")]
)
def test_the_commands_wait_for_no_pipe(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    os.mkfifo(arguments[1])
    more = ("--format", "torch", "--out", "o.safetensors") if arguments[0] == "export" else ()
    assert command(monkeypatch, *arguments, *more) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"shoal: {arguments[1]}: expected a ")
    assert error.endswith("got a pipe\n")
    assert error.count("\n") == 1


def test_labels_of_another_number_are_not_unpacked() -> None:
    """An IDX bomb: labels that would be 200 MB beside two images."""
    head = bytes((0, 0, 8, 3)) + b"".join(size.to_bytes(4, "big") for size in (2, 3, 3))
    Path("a-images-idx3-ubyte").write_bytes(head + bytes(18))
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(bytes((0, 0, 8, 1)) + (200_000_000).to_bytes(4, "big"))
        file.write(bytes(1_000_000))
    Path("a-labels-idx1-ubyte.gz").write_bytes(packed.getvalue() + b"\0" * 300_000)
    with pytest.raises(InputError) as caught:
        load_image_dataset(ImageSource("a-images-idx3-ubyte"))
    assert "expected as many labels as images (2), got 200000000" in str(caught.value)


def test_arrays_that_nobody_uses_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez("t.npz", x=np.arange(6.0), y=np.arange(6.0), z=np.zeros((6, 1000)))
    source = TableSource("t.npz", "regression", ("y",), inputs=("x",))
    dataset = load_table_dataset(source, room=2 * 6 * 8 * 2)
    assert [column.name for column in dataset.columns] == ["x"]
    with pytest.raises(InputError, match=r"^data\.inputs: expected a column of t\.npz"):
        load_table_dataset(TableSource("t.npz", "regression", ("y",), inputs=("w",)))
