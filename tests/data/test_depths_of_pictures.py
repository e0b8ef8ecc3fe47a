"""Bits of a colour and scales of numbers: more than 8 bits, or two scales in one file, are never taken for one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_pictures import GREY, loaded, other_class, refusal

from shoal.data import ImageSource, given_images, load_image_dataset
from shoal.errors import DataError


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("highest", "bits"), [(256, 9), (1023, 10), (65535, 16)])
@pytest.mark.parametrize("plain", [False, True])
def test_more_than_eight_bits_of_each_colour_are_refused_in_ppm_too(
    highest: int, bits: int, plain: bool
) -> None:
    other_class()
    Path("d/a").mkdir()
    values = np.full((4, 5, 3), highest, ">u2")
    body = " ".join(map(str, values.ravel())).encode() if plain else values.tobytes()
    Path("d/a/0.ppm").write_bytes(b"P%d 5 4 %d\n" % (3 if plain else 6, highest) + body)
    assert refusal() == [
        f'd, "a/0.ppm": expected 8 bits of grey or of red, green and blue, got {bits} bits of each colour;'
        " save it with 8 bits"
    ]


def test_fewer_bits_of_each_colour_are_read_in_ppm() -> None:
    other_class()
    Path("d/a").mkdir()
    Path("d/a/0.ppm").write_bytes(b"P6 5 4 15\n" + np.full((4, 5, 3), 3, np.uint8).tobytes())
    dataset = loaded()
    assert dataset.images is not None
    assert set(np.unique(dataset.images[0])) == {51}


@pytest.mark.parametrize("kind", [np.uint8, np.int64])
@pytest.mark.parametrize("turned", [False, True])
def test_false_and_true_beside_0_and_1_are_two_scales(kind: type, turned: bool) -> None:
    black_and_white = np.stack([GREY > 99] * 4)
    arrays = [black_and_white, black_and_white.astype(kind)]
    train, test = arrays[::-1] if turned else arrays
    np.savez("d.npz", x_train=train, y_train=[0, 1, 0, 1], x_test=test, y_test=[0, 1, 0, 1])
    with pytest.raises(DataError) as caught:
        load_image_dataset(ImageSource("d.npz"))
    assert str(caught.value) == (
        "d.npz: expected all arrays of images in one scale, got false and true, read as 0 and 255, and the numbers"
        " 0 and 1"
    )


def test_masked_pixels_are_refused() -> None:
    pixels = np.ma.masked_array(np.stack([GREY] * 2), mask=np.stack([GREY > 200] * 2))
    with pytest.raises(DataError) as caught:
        given_images(pixels, (1, 4, 5))
    assert str(caught.value) == "x: expected images, got an array of which some values are masked"
    assert (given_images(np.ma.masked_array(pixels.data), (1, 4, 5))[:, 0] == pixels.data).all()
