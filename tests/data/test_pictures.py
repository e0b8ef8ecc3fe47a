"""Pictures of every kind are read as Pillow and numpy read them, or refused; what was done is said."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from shoal.data import Dataset, ImageSource, load_image_dataset, read_images
from shoal.errors import DataError, EnvironmentFault

RANDOM = np.random.default_rng(5)
GREY = RANDOM.integers(0, 256, (4, 5), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (4, 5, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def saved(name: str, picture: Image.Image | NDArray, **options: object) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(name, **options)


def other_class(values: NDArray = GREY) -> None:
    saved("d/b/0.png", values)
    saved("d/b/1.png", values)


def loaded(**options: object) -> Dataset:
    return load_image_dataset(ImageSource("d", "d", **options))


def read(name: str) -> NDArray[np.uint8]:
    """Pixels (H, W) or (H, W, 3) of one picture as Shoal reads it for colour, or for grey."""
    with Refused():
        return read_images(name, (1, 4, 5)).images[0, 0]
    return read_images(name, (3, 4, 5)).images[0].transpose(1, 2, 0)


class Refused:
    """Lets a refusal pass, and nothing else."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, *_: object) -> bool:
        return kind is DataError


def refusal(**options: object) -> list[str]:
    with pytest.raises(DataError) as caught:
        loaded(**options)
    return str(caught.value).splitlines()


LOSSLESS = ["png", "bmp", "gif", "tif", "ppm", "webp"]


@pytest.mark.parametrize("ending", [*LOSSLESS, "jpg", "TIFF", "jpeg"])
@pytest.mark.parametrize("grey", [True, False])
def test_every_format_is_read_as_pillow_reads_it(ending: str, grey: bool) -> None:
    name = f"p.{'pgm' if grey and ending == 'ppm' else ending}"
    lossless = {"lossless": True} if ending == "webp" else {}
    saved(name, GREY if grey else COLOUR, **lossless)
    came = read(name)
    with Image.open(name) as image:
        wanted = np.asarray(image.convert("L" if came.ndim == 2 else "RGB"))
    assert came.tolist() == wanted.tolist()
    if ending.lower() in LOSSLESS and not (ending == "gif" and not grey):
        values = GREY if grey else COLOUR
        assert (came == (values if came.ndim == values.ndim else values[:, :, None])).all()


def test_transparency_is_laid_over_white_and_said() -> None:
    clear = np.dstack((COLOUR, RANDOM.integers(0, 256, (4, 5), dtype=np.uint8)))
    saved("d/a/0.png", clear)
    saved("d/a/1.png", np.dstack((COLOUR, np.full((4, 5), 255, np.uint8))))
    saved("d/a/2.png", Image.fromarray(np.dstack((GREY, np.zeros((4, 5), np.uint8))), mode=None))
    other_class(COLOUR)
    dataset = loaded()
    assert dataset.images is not None
    share = clear[:, :, 3:] / 255
    wanted = share * clear[:, :, :3] + (1 - share) * 255
    assert np.abs(dataset.images[0].transpose(1, 2, 0) - wanted).max() <= 1
    assert dataset.images[1].transpose(1, 2, 0).tolist() == COLOUR.tolist()
    assert (dataset.images[2] == 255).all()
    assert 'd: laid over white, being transparent in places: 2 ("a/0.png", "a/2.png")' in dataset.notes


def test_a_phones_jpeg_is_its_first_picture() -> None:
    first, second = Image.fromarray(COLOUR), Image.fromarray(255 - COLOUR)
    saved("d/a/0.jpg", first, format="MPO", save_all=True, append_images=[second])
    saved("plain.jpg", first, format="JPEG")
    other_class(COLOUR)
    dataset = loaded()
    assert dataset.images is not None
    with Image.open("plain.jpg") as image:
        assert dataset.images[0].transpose(1, 2, 0).tolist() == np.asarray(image).tolist()
    what = "read as their first picture alone (JPEG with more of them, MPO, as phones write it)"
    assert dataset.notes == (f'd: {what}: 1 ("a/0.jpg")',)


def test_printers_colours_become_those_of_a_screen() -> None:
    ink = Image.fromarray(COLOUR).convert("CMYK")
    saved("d/a/0.jpg", ink)
    other_class(COLOUR)
    dataset = loaded()
    with Image.open("d/a/0.jpg") as image:
        wanted = np.asarray(image.convert("RGB"))
    assert dataset.images is not None
    assert dataset.images[0].transpose(1, 2, 0).tolist() == wanted.tolist()
    what = "brought from CMYK to red, green and blue by Pillow's plain rule, without a colour profile"
    assert dataset.notes == (f'd: {what}: 1 ("a/0.jpg")',)


def png_16(values: NDArray[np.uint16]) -> bytes:
    """A PNG file of 16 bits of each colour, which Pillow cannot write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("level", [100, 40_000])
def test_sixteen_bits_of_each_colour_are_refused(level: int) -> None:
    other_class()
    Path("d/a").mkdir()
    Path("d/a/0.png").write_bytes(png_16(np.full((4, 5, 3), level, np.uint16)))
    assert refusal() == [
        'd, "a/0.png": expected 8 bits of grey or of red, green and blue, got 16 bits of each colour;'
        " save it with 8 bits"
    ]


def test_sixteen_bits_of_grey_are_read_where_nothing_is_lost() -> None:
    saved("d/a/0.png", GREY.astype(np.uint16) * 257)
    saved("d/a/1.tif", GREY.astype(np.uint16) * 257)
    other_class()
    dataset = loaded()
    assert dataset.images is not None
    assert dataset.images[0, 0].tolist() == dataset.images[1, 0].tolist() == GREY.tolist()
    assert dataset.notes == ('d: brought from 16 bits to 8, which lost nothing: 2 ("a/0.png", "a/1.tif")',)
    saved("d/a/2.png", np.full((4, 5), 4095, np.uint16))
    assert refusal() == [
        'd, "a/2.png": expected 8 bits of grey or of red, green and blue, got 16 bits of grey (4095);'
        " save it with 8 bits"
    ]
    saved("d/a/2.png", GREY)
    saved("d/a/3.tif", GREY.astype(np.float32))
    assert refusal() == [
        'd, "a/3.tif": expected 8 bits of grey or of red, green and blue, got mode F; save it with 8 bits'
    ]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif"])
def test_pictures_stand_upright(orientation: int, ending: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    values = np.kron(np.array([[0, 90, 180], [255, 60, 120]], np.uint8), np.ones((16, 16), np.uint8))
    image = Image.fromarray(np.dstack([values] * 3))
    saved(
        f"d/a/0.{ending}", image, exif=exif, **({"lossless": True} if ending == "webp" else {"quality": 100})
    )
    turned = {
        1: values, 2: values[:, ::-1], 3: values[::-1, ::-1], 4: values[::-1],
        5: values.T, 6: values[::-1].T, 7: values[::-1, ::-1].T, 8: values.T[::-1],
    }[orientation]  # fmt: skip
    saved("d/b/0.png", np.dstack([turned] * 3))
    dataset = loaded()
    assert dataset.images is not None
    assert np.abs(dataset.images[0, 0].astype(int) - turned).max() <= 4
    told = any("turned upright" in note for note in dataset.notes)
    assert told == (orientation > 1 and ending != "tif")


def test_one_colour_picture_among_grey_ones_is_named() -> None:
    other_class()
    saved("d/a/0.png", GREY)
    saved("d/a/1.png", COLOUR)
    dataset = loaded()
    assert dataset.images is not None
    assert dataset.images.shape[1] == 3
    assert dataset.notes == ('d: in colour, so that all are read in colour: 1 ("a/1.png")',)
    saved("d/b/0.png", COLOUR)
    saved("d/b/1.png", COLOUR)
    assert loaded().notes == ('d: grey, read in colour as the others are: 1 ("a/0.png")',)


def test_files_that_are_no_pictures_are_left_out_and_counted() -> None:
    other_class()
    saved("d/a/0", GREY, format="PNG")
    before = loaded()
    for name in ("Thumbs.db", "desktop.ini", "a/README.txt", "a/list.csv", "b/Python", "b/empty"):
        Path("d", name).write_bytes(b"P5 is not what this is" if name.endswith("on") else b"")
    Path("d/.DS_Store").write_bytes(b"\0")
    Path("d/__MACOSX").mkdir()
    dataset = loaded()
    assert dataset.train_fingerprint == before.train_fingerprint
    assert dataset.notes == (
        'd: left out, being no pictures: 7 ("__MACOSX", "Thumbs.db", "desktop.ini" and 4 more)',
    )
    Path("d/a/0").unlink()
    assert refusal() == ['d, "a": expected pictures, got other files']


def test_pipes_devices_and_circles_are_never_opened() -> None:
    other_class()
    saved("d/a/0.png", GREY)
    os.mkfifo("d/a/pipe.png")
    os.mkfifo("d/top")
    Path("d/a/zero.png").symlink_to("/dev/zero")
    Path("d/a/lost.png").symlink_to("nowhere.png")
    Path("d/a/self.png").symlink_to("self.png")
    assert refusal() == [
        'd, "top": expected folders of pictures, got a pipe beside them',
        'd, "a/lost.png", "a/self.png": expected a picture, got a link that leads nowhere',
        'd, "a/pipe.png": expected a picture, got a pipe',
        'd, "a/zero.png": expected a picture, got a device',
    ]
    with pytest.raises(DataError) as caught:
        read_images("d/a/pipe.png", (1, 4, 5))
    assert str(caught.value) == "d/a/pipe.png: expected images, got a pipe"
    os.mkfifo("pipe.npz")
    with pytest.raises(
        DataError, match=r"^pipe\.npz: expected a folder of images, an IDX or an NPZ file, got a pipe$"
    ):
        load_image_dataset(ImageSource("pipe.npz"))
    saved("e/a/0.png", GREY)
    Path("e/a/up").symlink_to("..")
    os.mkfifo("e/pipe")
    with pytest.raises(DataError) as caught:
        read_images("e", (1, 4, 5))
    assert str(caught.value).splitlines() == [
        'e, "a/up": expected folders that end, got a link to a folder around it',
        'e, "pipe": expected a file, got a pipe',
    ]


def test_a_folder_that_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    other_class()
    saved("d/a/0.png", GREY)
    listing = Path.iterdir

    def refuse(folder: Path) -> object:
        if folder.name == "a":
            raise PermissionError(13, "Permission denied")
        return listing(folder)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert refusal() == ["d/a: expected a folder that can be read, got: Permission denied"]


def test_names_of_classes_are_text_in_one_form() -> None:
    other_class()
    saved("d/cafe\u0301/0.png", GREY)
    saved("d/caf\u00e9/1.png", GREY)
    dataset = loaded()
    assert dataset.classes == ("b", "caf\u00e9")
    assert dataset.rows == 8
    assert len(dataset.notes) == 1
    assert "differs in its Unicode form only" in dataset.notes[0]


@pytest.mark.skipif(sys.platform == "darwin", reason="the file system refuses such names itself")
def test_names_of_classes_that_are_not_utf_8() -> None:
    other_class()
    home = os.fsencode("d/caf") + b"\xe9"
    os.mkdir(home)
    Path(os.fsdecode(home), "0.png").write_bytes(Path("d/b/0.png").read_bytes())
    assert refusal() == [
        'd, "caf\\udce9": expected a folder with a name in UTF-8, since it names a class, got other bytes'
    ]


@given(st.data())
def test_no_flipped_bit_of_a_png_changes_a_pixel_unseen(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    file = tmp_path_factory.getbasetemp() / "flipped.png"
    stream = BytesIO()
    mode = data.draw(st.sampled_from(["L", "RGB", "P", "1", "LA"]))
    Image.fromarray(COLOUR).convert(mode).save(stream, format="PNG")
    whole = bytearray(stream.getvalue())
    file.write_bytes(whole)
    shape = (3 if mode in ("RGB", "P") else 1, 4, 5)
    clean = read_images(file, shape).images
    place = data.draw(st.integers(0, 8 * len(whole) - 1))
    whole[place // 8] ^= 1 << place % 8
    file.write_bytes(whole)
    with Refused():
        assert read_images(file, shape).images.tolist() == clean.tolist()


def test_a_wrong_check_sum_of_pixels_and_a_lost_end() -> None:
    other_class()
    saved("d/a/0.png", GREY)
    whole = bytearray(Path("d/a/0.png").read_bytes())
    at = whole.index(b"IDAT")
    length = struct.unpack(">I", whole[at - 4 : at])[0]
    broken = whole.copy()
    broken[at + 4 + length] ^= 1
    Path("d/a/0.png").write_bytes(broken)
    damaged = 'd, "a/0.png": expected a readable image, got a damaged one'
    assert refusal() == [f"{damaged} (wrong check sum of IDAT)"]
    Path("d/a/0.png").write_bytes(whole[:-12])
    assert refusal() == [f"{damaged} (it ends before its end chunk)"]


def test_images_that_do_not_fit_are_not_decoded() -> None:
    """Head alone: a decoded picture of this size would be 16 MB."""
    big = Image.new("L", (4096, 4096))
    for name in ("d/a/0.png", "d/a/1.png", "d/b/2.png"):
        saved(name, big)
    program = (
        "import sys, resource; from shoal.data import ImageSource, load_image_dataset\n"
        "from shoal.errors import EnvironmentFault\n"
        "try: load_image_dataset(ImageSource('d', 'd'), 90e6)\n"
        "except EnvironmentFault as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    advice = (
        "data.resize = [HEIGHT, WIDTH] in the study brings all images to one size, and a small one needs less"
    )
    assert told == f"memory: expected 101 MB for the images of d, got 90 MB available; {advice}\n"
    small = load_image_dataset(ImageSource("d", "d", resize=(4, 5)), 300e6)
    assert small.images is not None
    assert small.images.shape == (6, 1, 4, 5)
    with pytest.raises(EnvironmentFault, match=r"a smaller data\.resize needs less"):
        load_image_dataset(ImageSource("d", "d", resize=(4, 5)), 1e6)


def made(kind: str, values: NDArray[np.uint8]) -> NDArray:
    makers: dict[str, Callable[[NDArray[np.uint8]], NDArray]] = {
        "shares": lambda v: v / 255,
        "shares in float32": lambda v: (v / 255).astype(np.float32),
        "shares in float16": lambda v: (v / 255).astype(np.float16),
        "shares by multiplying": lambda v: v.astype(np.float32) * np.float32(1 / 255),
        "floats": lambda v: v.astype(np.float32),
        "int64": lambda v: v.astype(np.int64),
        "big-endian": lambda v: v.astype(">i2"),
    }
    return makers[kind](values)


KINDS = [
    "shares",
    "shares in float32",
    "shares in float16",
    "shares by multiplying",
    "floats",
    "int64",
    "big-endian",
]


@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32 - 1))
def test_numbers_that_stand_for_bytes_are_read_as_them(
    tmp_path_factory: pytest.TempPathFactory, kind: str, seed: int
) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (6, 4, 5), dtype=np.uint8)
    values[0, 0, :2] = 7, 255
    file = tmp_path_factory.getbasetemp() / "kinds.npz"
    labels = np.arange(6) % 2
    np.savez(file, images=made(kind, values), labels=labels)
    dataset = load_image_dataset(ImageSource(file, file))
    assert dataset.images is not None
    assert dataset.images[:6, 0].tolist() == values.tolist()
    how = (
        "numbers from 0 to 1, multiplied by 255"
        if "shares" in kind
        else "whole numbers from 0 to 255, read as bytes"
    )
    assert dataset.notes == (f'kinds.npz: {how}, in arrays: 1 ("images")',)


def test_black_and_white() -> None:
    values = GREY > 99
    np.savez("d.npz", images=np.stack([values] * 4), labels=[0, 1, 0, 1])
    dataset = load_image_dataset(ImageSource("d.npz", "d.npz"))
    assert dataset.images is not None
    assert dataset.images[0, 0].tolist() == (values * 255).tolist()


UNBYTES = [
    (np.linspace(0, 0.9, 20), "or 255ths from 0 to 1, got 0.9"),
    (np.linspace(0, 255, 20), "or 255ths from 0 to 1, got 13.4211 beside 255 (float64)"),
    (np.arange(20) - 3, "got -3 (int64)"),
    (np.array([np.nan] * 20), "or 255ths from 0 to 1, got nan (float64)"),
    (np.arange(20) * 1000.0, "or 255ths from 0 to 1, got 19000 (float64)"),
]


@pytest.mark.parametrize(("values", "end"), UNBYTES)
def test_numbers_that_stand_for_no_bytes(values: NDArray, end: str) -> None:
    np.savez("d.npz", images=np.stack([values.reshape(4, 5)] * 4), labels=[0, 1, 0, 1])
    with pytest.raises(DataError) as caught:
        load_image_dataset(ImageSource("d.npz", "d.npz"))
    start = 'd.npz: array "images": expected bytes (uint8), or whole numbers from 0 to 255'
    assert str(caught.value) == f"{start}, {end}"


def test_arrays_in_two_scales() -> None:
    train = np.stack([GREY] * 4)
    np.savez("d.npz", x_train=train * 1.0, y_train=[0, 1, 0, 1], x_test=train / 255, y_test=[0, 1, 0, 1])
    with pytest.raises(DataError) as caught:
        load_image_dataset(ImageSource("d.npz"))
    assert str(caught.value) == (
        "d.npz: expected all arrays of images in one scale, got numbers from 0 to 1 and from 0 to 255"
    )
