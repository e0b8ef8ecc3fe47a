"""Images are read as they are, and refused in one line where something is wrong."""

from __future__ import annotations

import contextlib
import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from shoal.data import (
    FoldOptions,
    ImageSource,
    Preprocessing,
    fit_preprocessing,
    holds_images,
    load_image_dataset,
    make_folds,
    read_images,
)
from shoal.errors import DataError

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (12, 4, 5), dtype=np.uint8)
LABELS = np.array([7, 10, 7, 9, 9, 10] * 2, dtype=np.uint8)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, so that messages hold bare names."""
    monkeypatch.chdir(tmp_path)


def idx(values: NDArray[np.uint8], kind: int = 8) -> bytes:
    head = bytes([0, 0, kind, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return head + values.tobytes()


def write_idx(name: str = "a", zipped: bool = False) -> str:
    pack: Callable[[bytes], bytes] = gzip.compress if zipped else bytes
    ending = ".gz" if zipped else ""
    Path(f"{name}-labels-idx1-ubyte{ending}").write_bytes(pack(idx(LABELS)))
    images = f"{name}-images-idx3-ubyte{ending}"
    Path(images).write_bytes(pack(idx(PIXELS)))
    return images


def picture(name: str, values: NDArray[np.uint8] = PIXELS[0], **options: object) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(name, **options)


def class_folders(root: str) -> None:
    for number, name in enumerate(["cat", "cat", "dog", "dog"]):
        picture(f"{root}/{name}/{number}.png", PIXELS[number])


def refusal(train: str, test: str | None = None) -> list[str]:
    with pytest.raises(DataError) as caught:
        load_image_dataset(ImageSource(train, test, 0.5))
    return str(caught.value).splitlines()


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_keeps_pixels_and_sorts_classes_by_number(zipped: bool) -> None:
    images = write_idx(zipped=zipped)
    dataset = load_image_dataset(ImageSource(images, images))
    assert dataset.images is not None
    assert dataset.images.dtype == np.uint8
    assert dataset.images.tolist() == [[image.tolist()] for image in PIXELS] * 2
    assert dataset.classes == ("7", "9", "10")
    assert dataset.targets[:4].tolist() == [0, 2, 0, 1]
    assert (dataset.train_rows, dataset.rows, dataset.outputs, dataset.columns) == (12, 24, 3, ())
    assert dataset.train_fingerprint == dataset.test_fingerprint


def test_a_folder_of_idx_files_holds_both_parts() -> None:
    write_idx("train", zipped=True)
    write_idx("t10k")
    dataset = load_image_dataset(ImageSource("."))
    assert (dataset.train_rows, dataset.rows) == (12, 24)


def test_without_test_images_a_share_of_every_class_is_drawn() -> None:
    dataset = load_image_dataset(ImageSource(write_idx(), test_share=0.5))
    assert np.bincount(dataset.targets[dataset.train_rows :]).tolist() == [2, 2, 2]
    other = load_image_dataset(ImageSource(write_idx(), test_share=0.5, seed=1))
    assert dataset.train_fingerprint != other.train_fingerprint


def test_folders_of_png_and_jpeg() -> None:
    class_folders("d/train")
    class_folders("d/test")
    picture("d/test/dog/x.JPG", np.full((4, 5), 200, np.uint8), quality=95)
    Path("d/test/dog/.hidden").write_text("no image")
    dataset = load_image_dataset(ImageSource("d"))
    assert dataset.images is not None
    assert dataset.images.shape == (9, 1, 4, 5)
    assert dataset.images[:4, 0].tolist() == PIXELS[:4].tolist()
    assert (dataset.images[8] == 200).all()
    assert dataset.classes == ("cat", "dog")
    assert dataset.targets.tolist() == [0, 0, 1, 1, 0, 0, 1, 1, 1]


def test_colour_grey_palette_and_opaque_images_are_read_alike() -> None:
    colour = RANDOM.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    picture("d/a/1.png", colour)
    picture("d/a/2.png", PIXELS[0])
    opaque = np.dstack((colour, np.full((4, 5), 255, np.uint8)))
    picture("d/b/3.png", opaque)
    Path("d/b").mkdir(exist_ok=True)
    Image.fromarray(colour).quantize(256).save("d/b/4.png")
    Image.fromarray(PIXELS[0] > 99).save("d/b/5.png")
    dataset = load_image_dataset(ImageSource("d", "d"))
    assert dataset.images is not None
    first = dataset.images[:5].transpose(0, 2, 3, 1)
    assert first[0].tolist() == first[2].tolist() == colour.tolist()
    assert first[1].tolist() == np.dstack([PIXELS[0]] * 3).tolist()
    assert first[4, :, :, 1].tolist() == ((PIXELS[0] > 99) * 255).tolist()
    assert np.abs(first[3].astype(int) - colour).max() < 64


@pytest.mark.parametrize("shape", [(12, 4, 5, 3), (12, 3, 4, 5), (12, 4, 5, 1), (12, 4, 5)])
def test_npz_in_every_order_of_axes(shape: tuple[int, ...]) -> None:
    values = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    np.savez("d.npz", x_train=values, y_train=LABELS[:, None], x_test=values[:2], y_test=LABELS[:2])
    dataset = load_image_dataset(ImageSource("d.npz"))
    assert dataset.images is not None
    first = values if shape[1] == 3 else values.reshape(12, 4, 5, -1).transpose(0, 3, 1, 2)
    assert dataset.images[:12].tolist() == first.tolist()
    assert (dataset.train_rows, dataset.rows) == (12, 14)


def test_which_paths_hold_images() -> None:
    np.savez("table.npz", x=np.zeros((3, 2)))
    np.savez("images.npz", images=PIXELS)
    Path("t.csv").write_text("a,b\n1,2\n")
    write_idx("a", zipped=True)
    assert holds_images(".")
    assert holds_images("images.npz")
    assert holds_images("a-images-idx3-ubyte.gz")
    assert not any(map(holds_images, ("table.npz", "t.csv", "no.npz", "no")))


IDX_REFUSALS = [
    (b"", "expected an IDX file (first bytes 00 00), got an empty file"),
    (b"\x89PNG", "expected an IDX file (first bytes 00 00), got 89 50 4e 47"),
    (b"\0\0\x08", "expected an IDX file (first bytes 00 00), got 00 00 08"),
    (idx(PIXELS, 0x0D), "expected unsigned bytes (IDX type 08), got type 0d"),
    (idx(LABELS), "expected 3 or 4 dimensions, got 1"),
    (idx(PIXELS)[:9], "expected 12 bytes of sizes, got 5"),
    (idx(PIXELS)[:-1], "declares 12 x 4 x 5 = 240 values, but holds only 239"),
    (idx(PIXELS) + b"\0", "declares 12 x 4 x 5 = 240 values, but holds more"),
    (idx(PIXELS[:0]), "expected sizes above 0, got 0 x 4 x 5"),
    (
        b"\0\0\x08\x03" + b"\xff" * 12,
        "declares 4294967295 x 4294967295 x 4294967295 = 79228162458924105385300197375 values,"
        " but the file can hold at most 16",
    ),
    (
        gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12, mtime=0),
        "declares 4294967295 x 4294967295 x 4294967295 = 79228162458924105385300197375 values,"
        f" but the file can hold at most {1032 * len(gzip.compress(bytes(4) + b'x' + bytes(11)))}",
    ),
    (gzip.compress(idx(PIXELS), mtime=0)[:-1], "expected a whole gzip file, got a damaged one"),
]


@pytest.mark.parametrize(("content", "sentence"), IDX_REFUSALS)
def test_damaged_idx_images(content: bytes, sentence: str) -> None:
    images = write_idx()
    Path(images).write_bytes(content)
    (line,) = refusal(images)
    if content[:2] == b"\x1f\x8b":
        assert line.startswith(f"{images}: {sentence.split(' at most', maxsplit=1)[0]}")
    else:
        assert line == f"{images}: {sentence}"


@given(size=st.integers(0, len(idx(PIXELS[:2])) - 1), zipped=st.booleans())
def test_idx_cut_anywhere_is_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, size: int, zipped: bool
) -> None:
    whole = gzip.compress(idx(PIXELS[:2])) if zipped else idx(PIXELS[:2])
    folder = tmp_path_factory.getbasetemp()
    (folder / "c-labels").write_bytes(idx(LABELS[:2]))
    (folder / "c-images").write_bytes(whole[: min(size, len(whole) - 1)])
    assert len(refusal(str(folder / "c-images"))) == 1


def test_labels_that_are_not_there_or_do_not_fit() -> None:
    images = write_idx()
    labels = Path("a-labels-idx1-ubyte")
    labels.write_bytes(idx(LABELS[:5]))
    assert refusal(images) == [f"{images}: expected as many labels as images (12), got 5"]
    labels.write_bytes(idx(PIXELS))
    assert refusal(images) == ["a-labels-idx1-ubyte: expected 1 dimension, got 3"]
    labels.unlink()
    assert refusal(images) == [
        f'{images}: expected its labels in "a-labels-idx1-ubyte" beside it, got nothing there'
    ]
    Path(images).rename("pixels")
    assert refusal("pixels") == [
        'pixels: expected an IDX file with "images" in its name, and one with "labels" beside it'
    ]
    assert refusal("no") == ["no: expected a folder of images, an IDX or an NPZ file, got nothing there"]


def test_every_mistake_of_a_folder_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.data._pictures.MAX_PIXELS", 100)
    class_folders("d")
    Path("d/stray.png").write_bytes(b"")
    Path("d/empty").mkdir()
    Path("d/cat/inner").mkdir()
    picture("d/cat/4big.png", np.zeros((10, 11), np.uint8))
    picture("d/cat/5wide.png", np.zeros((4, 6), np.uint8))
    picture("d/cat/6deep.png", np.full((4, 5), 300, np.uint16))
    frames = [Image.fromarray(values) for values in PIXELS[:2]]
    frames[0].save("d/dog/anime.png", save_all=True, append_images=frames[1:])
    frames[0].save("d/dog/film.gif", save_all=True, append_images=frames[1:])
    Path("d/dog/text.png").write_text("hello")
    Path("d/dog/phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    whole = Path("d/dog/2.png").read_bytes()
    Path("d/dog/cut.png").write_bytes(whole[:60])
    lines = refusal("d")
    assert lines == [
        'd, "stray.png": expected folders of pictures, got a picture beside them',
        'd, "cat/inner": expected a picture, got a folder; data.groups = "folder" takes folders inside a class for'
        " groups",
        'd, "cat/4big.png": expected at most 100 pixels, got 11 x 10',
        'd, "dog/anime.png", "dog/film.gif": expected one picture, got several (animated, or pages); save the one that'
        " counts",
        'd, "dog/phone.heic": expected PNG, JPEG, WebP, BMP, GIF, TIFF or PPM, got ".heic"; convert it, or take it out'
        " of the folder",
        'd, "dog/text.png": expected a picture (PNG, JPEG, WebP, BMP, GIF, TIFF or PPM), got something else or a'
        " damaged one",
        'd: expected pictures of one size (width x height), got 5 x 4 (6, as "cat/0.png"),'
        ' 6 x 4 (1, as "cat/5wide.png");'
        " data.resize = [HEIGHT, WIDTH] in the study brings all images to one size",
    ]
    for name in (
        "stray.png",
        "cat/4big.png",
        "dog/anime.png",
        "dog/film.gif",
        "dog/text.png",
        "dog/phone.heic",
    ):
        Path("d", name).unlink()
    Path("d/cat/inner").rmdir()
    Path("d/cat/5wide.png").unlink()
    assert refusal("d") == ['d, "empty": expected pictures, got an empty folder']
    Path("d/empty").rmdir()
    deep, cut = refusal("d")
    assert deep == (
        'd, "cat/6deep.png": expected 8 bits of grey or of red, green and blue, got 16 bits of grey (300);'
        " save it with 8 bits"
    )
    assert cut.startswith('d, "dog/cut.png": expected a readable image, got a damaged one (')


def bomb(width: int, height: int) -> bytes:
    """Build a PNG that declares many pixels and holds none."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("size", "came"),
    [
        ((4096, 4097), "got 4096 x 4097"),
        ((10_000, 10_000), "got far more"),
        ((50_000, 50_000), "got far more"),
    ],
)
def test_images_over_the_cap_are_not_decoded(size: tuple[int, int], came: str) -> None:
    class_folders("d")
    Path("d/cat/bomb.png").write_bytes(bomb(*size))
    assert refusal("d") == [f'd, "cat/bomb.png": expected at most 16777216 pixels, {came}']


@given(st.data())
def test_damaged_pictures_never_escape_as_other_errors(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    kind = data.draw(st.sampled_from(["PNG", "JPEG"]))
    file = folder / "fuzz"
    Image.fromarray(PIXELS[0]).save(file, format=kind)
    raw = bytearray(file.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[place] = data.draw(st.integers(0, 255))
    file.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
    with contextlib.suppress(DataError):
        new = read_images(file, (1, 4, 5))
        assert new.images.shape == (1, 1, 4, 5)
        assert new.names == ("fuzz",)


def test_folders_without_classes() -> None:
    Path("d").mkdir()
    assert refusal("d") == ["d: expected one folder per class, got none"]
    picture("d/a/1.png")
    picture("d/a/2.png")
    assert refusal("d") == ['d: expected at least 2 classes in the training rows, got only "a"']


def test_test_images_must_be_like_the_training_images() -> None:
    class_folders("train")
    colour = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    picture("test/cat/1.png", colour)
    picture("test/cat/2.png", np.dstack([PIXELS[1]] * 3))
    assert refusal("train", "test") == [
        'test: expected grey images like the training rows, got colour in "cat/1.png"; 1 other is grey'
    ]
    picture("test/cat/1.png", np.zeros((4, 6), np.uint8))
    Path("test/cat/2.png").unlink()
    assert refusal("train", "test") == [
        "test: expected images like the training rows, 5 x 4 pixels, got 6 x 4;"
        " data.resize = [HEIGHT, WIDTH] in the study brings all images to one size"
    ]
    picture("test/cat/1.png")
    picture("test/cow/1.png")
    assert refusal("train", "test") == [
        'test: expected classes of the training rows, got "cow" in test rows only'
    ]


def test_grey_test_images_beside_colour_training_images() -> None:
    picture("train/a/1.png", np.zeros((4, 5, 3), np.uint8))
    picture("train/b/1.png")
    picture("test/a/1.png", PIXELS[3])
    dataset = load_image_dataset(ImageSource("train", "test"))
    assert dataset.images is not None
    assert dataset.images[2].tolist() == [PIXELS[3].tolist()] * 3


NPZ_REFUSALS = [
    (
        {"a": PIXELS},
        ['d.npz: expected arrays "images" and "labels", "x_train" and "y_train" or the like, got "a"'],
    ),
    ({"images": PIXELS}, ['d.npz: expected an array "labels" beside "images", got none']),
    (
        {"images": PIXELS, "labels": LABELS[:3]},
        ["d.npz: expected as many labels as images (12), got 3"],
    ),
    (
        {"images": np.int64(1000) + PIXELS, "labels": LABELS},
        ['d.npz: array "images": expected bytes (uint8), or whole numbers from 0 to 255, got 1255 (int64)'],
    ),
    (
        {"images": PIXELS, "labels": LABELS / 2},
        ['d.npz: array "labels": expected integers or text of shape (N,), got float64 of shape (12,)'],
    ),
    (
        {"images": np.zeros((12, 4, 5, 2), np.uint8), "labels": LABELS},
        [
            'd.npz: array "images": expected images (N, H, W), (N, H, W, C) or (N, C, H, W), C 1 or 3,'
            " got (12, 4, 5, 2)"
        ],
    ),
    (
        {"images": np.zeros((12, 0, 5), np.uint8), "labels": LABELS},
        ['d.npz: array "images": expected images of 1 to 16777216 pixels, got (12, 0, 5)'],
    ),
]


@pytest.mark.parametrize(("arrays", "sentences"), NPZ_REFUSALS)
def test_npz_refusals(arrays: dict[str, NDArray], sentences: list[str]) -> None:
    np.savez("d.npz", **arrays)
    assert refusal("d.npz") == sentences


@given(rows=st.sets(st.integers(0, 11), min_size=1), colour=st.booleans())
def test_channel_statistics_come_from_the_rows_alone(
    tmp_path_factory: pytest.TempPathFactory, rows: set[int], colour: bool
) -> None:
    values = RANDOM.integers(0, 256, (12, 4, 5, 3), dtype=np.uint8) if colour else PIXELS
    chosen = np.array(sorted(rows))
    file = str(tmp_path_factory.getbasetemp() / "s.npz")
    np.savez(file, images=values, labels=LABELS)
    poisoned = values.copy()
    poisoned[np.setdiff1d(np.arange(12), chosen)] = 255
    clean = load_image_dataset(ImageSource(file, file))
    np.savez(file, images=poisoned, labels=LABELS)
    other = load_image_dataset(ImageSource(file, file))
    fitted = fit_preprocessing(clean, chosen, "inputs")
    assert fitted == fit_preprocessing(other, chosen, "inputs")
    assert clean.images is not None
    taken = clean.images[chosen].astype(np.float64)
    mean, std = taken.mean((0, 2, 3)), taken.std((0, 2, 3))
    expected = (taken - mean[:, None, None]) / np.where(std == 0, 1, std)[:, None, None]
    np.testing.assert_allclose(fitted.inputs(clean, chosen), expected, rtol=1e-5, atol=1e-6)
    assert fitted.inputs(clean, chosen).dtype == np.float32
    assert Preprocessing.from_json(fitted.to_json()) == fitted


def test_pixels_without_standardising_lie_in_0_to_1() -> None:
    dataset = load_image_dataset(ImageSource(write_idx(), "a-images-idx3-ubyte"))
    fitted = fit_preprocessing(dataset, np.arange(3), "none")
    np.testing.assert_allclose(fitted.inputs(dataset)[:12, 0], PIXELS / 255, rtol=1e-6)


def test_folds_of_images_are_stratified() -> None:
    dataset = load_image_dataset(ImageSource(write_idx(), "a-images-idx3-ubyte"))
    for split in make_folds(dataset, FoldOptions(n=4)):
        assert np.bincount(dataset.targets[split.validation]).tolist() == [1, 1, 1]
