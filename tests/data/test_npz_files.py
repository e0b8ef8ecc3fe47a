"""NPZ files from strangers: what nobody asks for is not read, what cannot be is refused before room is made for it."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.data import ImageSource, load_image_dataset, read_table
from shoal.data._findings import Findings
from shoal.data._npz import npz_headers, read_npz
from shoal.errors import DataError, EnvironmentFault


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def member(dtype: str, shape: tuple[int, ...], content: bytes = b"") -> bytes:
    """One .npy file with a head of our choice."""
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}}}"
    head = head.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + content


def archive(name: str, **members: bytes) -> None:
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as file:
        for array, content in members.items():
            file.writestr(f"{array}.npy", content)


def refusal(name: str) -> str:
    with pytest.raises(DataError) as caught:
        read_table(name)
    return str(caught.value)


@pytest.mark.parametrize("dtype", ["<U0", "|S0", "|V0"])
def test_values_without_a_size_make_no_room(dtype: str) -> None:
    archive("t.npz", x=member(dtype, (2_000_000_000,)))
    tracemalloc.start()
    try:
        assert (
            refusal("t.npz")
            == f't.npz: array "x": expected numbers or text, got values without a size ({dtype})'
        )
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("code", [0x110000, 0xFFFFFFFF, 0xD800, 0xDFFF])
def test_codes_that_are_no_characters(order: str, code: int) -> None:
    text = np.array([65, 66, code, 0], f"{order}u4").tobytes()
    archive("t.npz", x=member(f"{order}U2", (2,), text))
    assert refusal("t.npz") == (
        f't.npz: array "x": expected text of Unicode characters, got the code {code:#x}'
    )


@given(st.lists(st.text(max_size=3).filter(lambda text: not text.endswith("\0")), min_size=1, max_size=4))
def test_any_text_is_read(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    file = tmp_path_factory.getbasetemp() / "texts.npz"
    wanted = np.array(texts)
    np.savez(file, x=wanted)
    findings = Findings("")
    assert read_npz(file, findings)["x"].tolist() == wanted.tolist()
    assert not findings.found


def test_arrays_that_nobody_asks_for_are_not_read() -> None:
    """A bomb of 200 MB and an array with a wrong check sum lie beside what is asked for."""
    small = np.arange(8, dtype=np.uint8)
    bomb = member("|u1", (200_000_000,), bytes(200_000_000))
    images = member("|u1", (4, 1, 2), small.tobytes())
    archive("d.npz", mean=bomb, images=images, labels=member("|u1", (4,), bytes([0, 1, 0, 1])))
    del bomb
    tracemalloc.start()
    try:
        assert npz_headers(Path("d.npz"), Findings(""))["mean"].bytes == 200_000_000
        dataset = load_image_dataset(ImageSource("d.npz", "d.npz"))
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert dataset.images is not None
    assert dataset.images[:4].ravel().tolist() == small.tolist()
    assert dataset.notes == ('d.npz: left out, being arrays of other names: 1 ("mean")',)


def test_images_that_do_not_fit_are_not_read() -> None:
    bomb = member("|u1", (100, 1000, 1000), bytes(100_000_000))
    archive("d.npz", images=bomb, labels=member("|u1", (100,), bytes(range(100))))
    del bomb
    tracemalloc.start()
    try:
        with pytest.raises(
            EnvironmentFault, match=r"^memory: expected 400 MB for the images of d\.npz, got 99 MB"
        ):
            load_image_dataset(ImageSource("d.npz", "d.npz"), 99e6)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
