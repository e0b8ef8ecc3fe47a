"""Bits of a colour and scales of numbers: more than 8 bits, or two scales in one file, are never taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from test_images import RANDOM, idx
from test_pictures import GREY, loaded, other_class, refusal, saved

from shoal.data import (
    ImageSource,
    Preprocessing,
    fit_preprocessing,
    given_images,
    load_image_dataset,
    read_images,
)
from shoal.errors import DataError, ModelFileError


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
        "d.npz: expected images like the training rows, of pixels that are 0 or 1, got 0 or 255 (false or true)"
        if turned
        else "d.npz: expected images like the training rows, of pixels that are 0 or 255 (false or true), got 0 or 1"
    )


BLACK_AND_WHITE = RANDOM.random((6, 4, 5)) < 0.5
BLACK_AND_WHITE[:, 0, 0] = True


def written(form: str, images: NDArray) -> Path:
    """Write labelled images of two levels in one of the forms that a study takes."""
    if form == "npz":
        np.savez("new.npz", images=images, labels=[0, 1] * 3)
        return Path("new.npz")
    if form == "idx":
        Path("new-images-idx3-ubyte").write_bytes(idx(images.astype(np.uint8)))
        Path("new-labels-idx1-ubyte").write_bytes(idx(np.array([0, 1] * 3, np.uint8)))
        return Path("new-images-idx3-ubyte")
    for number, image in enumerate(images):
        saved(f"new/{number // 3}/{number}.png", image)
    return Path("new")


@pytest.mark.parametrize("resize", [None, (8, 10)])
@pytest.mark.parametrize(
    "form", ["npz of bool", "npz of uint8", "idx of uint8", "png of bool", "png of uint8"]
)
def test_two_levels_are_the_same_images_in_whatever_form_they_come(
    form: str, resize: tuple[int, int] | None
) -> None:
    """A model asked with the very images that it was trained on, in any type and file, sees the same numbers."""
    kind, _, dtype = form.partition(" of ")
    trained = load_image_dataset(ImageSource(written(kind, BLACK_AND_WHITE.astype(dtype)), resize=resize))
    assert trained.images is not None
    rows = np.arange(trained.rows)
    shape, smoothed = trained.images.shape[1:], form == "png of bool" and resize is not None
    prepared = fit_preprocessing(trained, rows, "none")
    assert prepared.white == (None if smoothed else 255 if dtype == "bool" else 1)
    assert Preprocessing.from_json(json.loads(json.dumps(prepared.to_json()))) == prepared
    whole = {"resize": resize is not None, "white": prepared.white}
    wanted = read_images(written(kind, BLACK_AND_WHITE.astype(dtype)), shape, **whole)
    assert (
        wanted.notes == ()
        or "read as" not in wanted.notes[-1]
        or wanted.notes[-1].startswith("new.npz: false")
    )
    known = (bool, np.uint8, np.int64, np.float16, np.float64)
    for number in known[
        : 1 if smoothed else None
    ]:  # of pictures that are no longer two levels nothing is known
        given = given_images(BLACK_AND_WHITE.astype(number), shape, **whole)
        assert given.tolist() == wanted.images.tolist(), number
        assert given_images(BLACK_AND_WHITE[:1].astype(number), shape, **whole).tolist() == given[:1].tolist()
    if dtype == "uint8":
        assert (
            given_images(BLACK_AND_WHITE * np.uint8(255), shape, **whole).tolist() == wanted.images.tolist()
        )


@pytest.mark.parametrize("form", ["npz", "idx", "png"])
def test_new_images_of_two_other_levels_are_read_as_those_trained_on_and_named(form: str) -> None:
    source = written(form, BLACK_AND_WHITE.astype(np.uint8))
    new = read_images(source, (1, 4, 5), white=255)
    assert np.array_equal(new.images[:, 0] == 255, BLACK_AND_WHITE)
    assert set(np.unique(new.images)) == {0, 255}
    said = "pixels of 0 or 1 read as 0 or 255 (false or true), as in the training images"
    assert (
        new.notes[-1]
        == {
            "npz": f'new.npz: {said}: 1 ("images")',
            "idx": f'.: {said}: 1 ("new-images-idx3-ubyte")',
            "png": f'new: {said}: 6 ("0/0.png", "0/1.png", "0/2.png" and 3 more)',
        }[form]
    )


def test_images_of_more_levels_stay_what_they_are() -> None:
    images = BLACK_AND_WHITE.astype(np.uint8)
    images[0, 0, 0] = 2
    for white in (None, 1, 255):
        assert given_images(images[:1], (1, 4, 5), white=white)[:, 0].tolist() == images[:1].tolist()
        assert not given_images(np.zeros((1, 4, 5), np.uint8), (1, 4, 5), white=white).any()
    assert given_images(images, (1, 4, 5), white=255)[:, 0].max(axis=(1, 2)).tolist() == [2, *[255] * 5]
    np.savez("new.npz", images=images, labels=[0, 1] * 3)
    assert load_image_dataset(ImageSource("new.npz")).white is None


@pytest.mark.parametrize("white", [0, 2, True, 1.0, "1", None, [1]])
def test_a_model_file_with_other_levels_is_refused(white: object) -> None:
    channels = [{"name": "grey", "mean": 0.0, "scale": 255.0}]
    described = {"inputs": [], "targets": [], "channels": channels, "white": white}
    with pytest.raises(ModelFileError):
        Preprocessing.from_json(described)
    assert Preprocessing.from_json(described | {"white": 1}).white == 1


def test_masked_pixels_are_refused() -> None:
    pixels = np.ma.masked_array(np.stack([GREY] * 2), mask=np.stack([GREY > 200] * 2))
    with pytest.raises(DataError) as caught:
        given_images(pixels, (1, 4, 5))
    assert str(caught.value) == "x: expected images, got an array of which some values are masked"
    assert (given_images(np.ma.masked_array(pixels.data), (1, 4, 5))[:, 0] == pixels.data).all()
