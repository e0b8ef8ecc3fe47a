"""New images are brought to what the training images were, or refused, naming those that are odd."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_images import PIXELS, class_folders, picture, write_idx

from shoal.data import read_images
from shoal.errors import DataError


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
