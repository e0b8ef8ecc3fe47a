"""New images are brought to what the training images were, or refused, naming those that are odd."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_images import PIXELS, class_folders, picture, write_idx

from shoal.data import ImageSource, load_image_dataset, read_images
from shoal.errors import DataError, EnvironmentFault


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_new_images_to_predict() -> None:
    class_folders("d")
    new = read_images("d", (1, 4, 5))
    assert new.names == ("cat/0.png", "cat/1.png", "dog/2.png", "dog/3.png")
    assert new.images[:, 0].tolist() == PIXELS[:4].tolist()
    assert read_images("d/cat/1.png", (3, 4, 5)).images.tolist() == [[PIXELS[1].tolist()] * 3]
    assert read_images(write_idx(), (1, 4, 5)).names == tuple(map(str, range(1, 13)))
    np.savez("d.npz", x_test=PIXELS)
    assert len(read_images("d.npz", (1, 4, 5)).images) == 12


def test_new_images_that_are_refused() -> None:
    def sentence(path: str) -> str:
        with pytest.raises(DataError) as caught:
            read_images(path, (1, 4, 5))
        return str(caught.value)

    picture("wide.png", np.zeros((4, 6), np.uint8))
    Path("empty").mkdir()
    np.savez("d.npz", a=PIXELS)
    assert sentence("no") == "no: expected images, got nothing there"
    assert sentence("empty") == "empty: expected images, got an empty folder"
    assert sentence("d.npz") == (
        'd.npz: expected arrays "images" and "labels", "x_train" and "y_train" or the like, got "a"'
    )
    advice = "data.resize = [HEIGHT, WIDTH] in the study brings all images to one size"
    expected = "expected images like the training rows, 5 x 4 pixels, got 6 x 4"
    assert sentence("wide.png") == f"wide.png: {expected}; {advice}"
    for name in ("a/0.png", "b.png", "c.png"):
        picture(f"d/{name}")
    picture("d/odd.png", np.zeros((4, 6), np.uint8))
    assert sentence("d") == f'd: {expected} ("odd.png"); 3 others are of that size; {advice}'
    picture("d/odd.png", np.arange(60, dtype=np.uint8).reshape(4, 5, 3))
    assert sentence("d") == (
        'd: expected grey images like the training rows, got colour in "odd.png"; 3 others are grey'
    )
    np.savez("d.npz", x_train=PIXELS, x_val=PIXELS)
    assert sentence("d.npz") == 'd.npz: expected one array of images, got "x_train", "x_val"'
    Path("texts").mkdir()
    Path("texts/README.txt").write_text("hello")
    assert sentence("texts") == "texts: expected images, got no picture among its files"


def test_a_rotated_photograph_is_read_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture("p.jpg", np.zeros((4, 5), np.uint8), exif=exif)
    new = read_images("p.jpg", (1, 5, 4))
    assert new.images.shape == (1, 1, 5, 4)
    assert new.notes == ('p.jpg: turned upright, as their EXIF orientation says: 1 ("p.jpg")',)


@pytest.mark.parametrize("path", ["big.npz", "big-images-idx3-ubyte", "big", "big/cat/0.png"])
def test_images_that_would_not_fit_are_refused_before_they_are_decoded(path: str) -> None:
    """Held as they are read and as the network takes them: a megabyte of a picture, and three times 400 x 400 bytes."""
    big = np.zeros((1000, 1000), np.uint8)
    picture("big/cat/0.png", big)
    np.savez_compressed("big.npz", images=big[None])
    Path("big-images-idx3-ubyte").write_bytes(
        bytes.fromhex("00000803 00000001 000003e8 000003e8") + bytes(10**6)
    )
    need = {"big.npz": 2.48e6, "big-images-idx3-ubyte": 1.48e6}.get(path, 0.16e6 + 4e6 + 0.48e6)
    kept = read_images(path, (3, 400, 400), resize=True, room=need)
    assert kept.images.shape == (1, 3, 400, 400)
    tracemalloc.start()
    try:
        with pytest.raises(EnvironmentFault) as caught:
            read_images(path, (3, 400, 400), resize=True, room=need - 1)
        assert tracemalloc.get_traced_memory()[1] < 5e5
    finally:
        tracemalloc.stop()
    size = f"{need / 1e6:.0f} MB"
    assert str(caught.value) == (
        f"memory: expected {size} for the images of {path}, got {size} available; fewer images at once need less"
    )


@pytest.mark.parametrize("form", ["npz", "idx", "table"])
def test_labels_and_groups_that_would_not_fit_are_refused_before_they_are_read(form: str) -> None:
    groups = None
    if form == "npz":
        np.savez_compressed("d.npz", images=PIXELS, labels=np.full(12, "x" * 500_000))
        path, what = (
            "d.npz",
            "48 MB for the labels of d.npz, got 20 MB available; fewer images at once need less",
        )
    elif form == "idx":
        many = (250_000).to_bytes(4, "big")
        Path("m-images-idx3-ubyte").write_bytes(
            b"\0\0\x08\x03" + many + (1).to_bytes(4, "big") * 2 + bytes(250_000)
        )
        Path("m-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + many + bytes(250_000))
        path = "m-images-idx3-ubyte"
        what = f"25 MB for the labels of {path}, got 20 MB available; fewer images at once need less"
    else:
        class_folders("d")
        Path("g.csv").write_text("path,group\n" + "cat/0.png,a\n" * 100_000)
        path, groups = "d", "g.csv"
        what = (
            "20 MB to read g.csv, got 20 MB available; fewer rows or columns need less,"
            " and an NPZ file less than a text file"
        )
    tracemalloc.start()
    try:
        with pytest.raises(EnvironmentFault) as caught:
            load_image_dataset(ImageSource(path, groups=groups), room=20e6)
        assert tracemalloc.get_traced_memory()[1] < 3e6
    finally:
        tracemalloc.stop()
    assert str(caught.value) == f"memory: expected {what}"
