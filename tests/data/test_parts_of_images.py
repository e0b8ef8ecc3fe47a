"""Training, validation and test images are told apart by their names, whatever the form; nothing is lost unsaid."""

from __future__ import annotations

import struct
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from shoal.data import Dataset, ImageSource, load_image_dataset
from shoal.data._parts import role_of_array
from shoal.errors import DataError

LABELS = np.array([0, 1] * 3)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def images(level: int, count: int = 6) -> NDArray[np.uint8]:
    """Images of one level, so that one sees where a row came from."""
    return np.full((count, 4, 5), level, np.uint8)


def levels(dataset: Dataset) -> tuple[set[int], set[int]]:
    """Levels of the training rows, and of the test rows."""
    assert dataset.images is not None
    halves = dataset.images[: dataset.train_rows], dataset.images[dataset.train_rows :]
    return tuple(set(np.unique(half).tolist()) for half in halves)  # type: ignore[return-value]


def refusal(train: str = "d.npz", test: str | None = None, **options: bool) -> list[str]:
    with pytest.raises(DataError) as caught:
        load_image_dataset(ImageSource(train, test, 0.5, **options))
    return str(caught.value).splitlines()


STYLES = [
    ("images", "labels", "test_images", "test_labels"),
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
    ("X_train", "y_train", "X_test", "y_test"),
    ("X", "y", "testX", "testY"),
    ("training-images", "training-labels", "testing-images", "testing-labels"),
]


@pytest.mark.parametrize("names", STYLES)
@pytest.mark.parametrize("column", [False, True])
def test_pairs_of_arrays_that_people_use(names: tuple[str, ...], column: bool) -> None:
    labels = LABELS[:, None] if column else LABELS
    np.savez("d.npz", **dict(zip(names, (images(1), labels, images(3), labels), strict=True)))
    dataset = load_image_dataset(ImageSource("d.npz"))
    assert levels(dataset) == ({1}, {3})
    assert (dataset.train_rows, dataset.rows, dataset.notes, dataset.drawn) == (6, 12, (), False)


VALIDATION = [
    ("val_images", "val_labels"),
    ("x_val", "y_val"),
    ("x_valid", "y_valid"),
    ("images_validation", "labels_validation"),
]


@pytest.mark.parametrize(("name", "labels_name"), VALIDATION)
def test_validation_images_are_left_out_aloud_or_joined(name: str, labels_name: str) -> None:
    np.savez(
        "d.npz",
        train_images=images(1),
        train_labels=LABELS,
        test_images=images(3),
        test_labels=LABELS,
        **{name: images(2, 4), labels_name: LABELS[:4]},
    )
    dataset = load_image_dataset(ImageSource("d.npz"))
    assert levels(dataset) == ({1}, {3})
    assert dataset.notes == (
        f'd.npz: its 4 validation images "{name}" were left out'
        " (data.join_validation = true adds them to the training rows)",
    )
    joined = load_image_dataset(ImageSource("d.npz", join_validation=True))
    assert levels(joined) == ({1, 2}, {3})
    assert (joined.train_rows, joined.rows, joined.notes) == (10, 16, ())


def test_without_test_images_they_are_drawn_of_the_training_images_alone() -> None:
    np.savez("d.npz", x_train=images(1), y_train=LABELS, x_val=images(2), y_val=LABELS, mean=np.zeros(3))
    dataset = load_image_dataset(ImageSource("d.npz", test_share=0.5))
    assert levels(dataset) == ({1}, {1})
    assert dataset.drawn
    assert dataset.notes == (
        'd.npz: its 6 validation images "x_val" were left out'
        " (data.join_validation = true adds them to the training rows)",
        'd.npz: left out, being arrays of other names: 1 ("mean")',
    )


def test_a_file_of_its_own_for_testing() -> None:
    np.savez("a.npz", x_train=images(1), y_train=LABELS, x_test=images(3), y_test=LABELS)
    np.savez("b.npz", x_train=images(5), y_train=LABELS, x_test=images(7), y_test=LABELS)
    np.savez("c.npz", images=images(9), labels=LABELS)
    dataset = load_image_dataset(ImageSource("a.npz", "b.npz"))
    assert levels(dataset) == ({1}, {7})
    assert dataset.notes == (
        'a.npz: its 6 test images "x_test" were left out',
        'b.npz: its 6 training images "x_train" were left out',
    )
    assert levels(load_image_dataset(ImageSource("a.npz", "c.npz"))) == ({1}, {9})
    assert levels(load_image_dataset(ImageSource("a.npz", "a.npz"))) == ({1}, {3})


REFUSED = [
    (
        ("images", "x_train"),
        ["expected one array of training images, got {}; take the others out of the file"],
    ),
    (
        ("x_train", "train_images"),
        ["expected one array of training images, got {}; take the others out of the file"],
    ),
    (("X", "images"), ["expected one array of images, got {}; take the others out of the file"]),
    (
        ("x_val", "x_valid", "x_train"),
        ['expected one array of validation images, got "x_val", "x_valid"; take the others out of the file'],
    ),
    (("test_images",), ["expected training images, got only {}"]),
    (("x_val", "x_test"), ["expected training images, got only {}"]),
    (("x_train",), ['expected an array "y_train" beside {}, got none']),
    (("train_images",), ['expected an array "train_labels" beside {}, got none']),
]


@pytest.mark.parametrize(("names", "sentences"), REFUSED)
def test_mixtures_are_refused_by_name(names: tuple[str, ...], sentences: list[str]) -> None:
    np.savez("d.npz", **{name: images(1) for name in names})
    told = ", ".join(f'"{name}"' for name in names)
    assert refusal() == [f"d.npz: {sentence.format(told)}" for sentence in sentences]


@pytest.mark.parametrize("name", ["train_data", "test_set_x", "Xtest_orig", "valData", "images_test_old"])
def test_images_whose_name_speaks_of_a_part_in_other_words_are_refused(name: str) -> None:
    np.savez("d.npz", images=images(1), labels=LABELS, **{name: images(3)})
    sentence = (
        'd.npz: expected images called "x_train", "train_images" or the like, and so for "val" and "test",'
        ' got "train_data"; rename them, or take them out of the file'
    )
    assert refusal() == [sentence.replace("train_data", name)]


def test_what_only_sounds_like_a_part_or_is_none_is_left_out() -> None:
    others = {"latest_frames": images(5), "values": images(6), "train_ids": np.arange(6)}
    np.savez("d.npz", images=images(1), labels=LABELS, test_labels=LABELS, **others)
    dataset = load_image_dataset(ImageSource("d.npz", test_share=0.5))
    assert levels(dataset) == ({1}, {1})
    assert dataset.notes == (
        'd.npz: left out, being arrays of other names: 3 ("latest_frames", "values", "train_ids")',
        'd.npz: left out, being labels without images: 1 ("test_labels")',
    )


def test_test_images_are_never_those_named_for_training() -> None:
    np.savez("d.npz", x_train=images(1), y_train=LABELS)
    assert refusal("d.npz", "d.npz") == ['d.npz: expected test images, got only "x_train"']
    assert refusal(join_validation=True) == [
        "d.npz: expected images for validation, which data.join_validation asks for, got none"
    ]


@given(st.text(st.sampled_from("xyXYtrainestvlmg_-"), max_size=14))
def test_other_names_have_no_role(name: str) -> None:
    parts = ("train", "training", "val", "valid", "validation", "test", "testing")
    kinds = ("x", "image", "images", "img", "imgs", "y", "label", "labels", "target", "targets")
    joins = ("", "_", "-", " ", ".")
    known = {a + j + b for (a, b), j in product([*product(parts, kinds), *product(kinds, parts)], joins)}
    assert (role_of_array(name) is not None) == (name.lower() in known | set(kinds))


def test_labels_of_other_types() -> None:
    def classes(labels: NDArray) -> tuple[str, ...]:
        np.savez("d.npz", images=images(1), labels=labels)
        return load_image_dataset(ImageSource("d.npz", test_share=0.5)).classes

    assert classes(LABELS.astype(np.float32) + 2) == ("2", "3")
    assert classes(LABELS == 1) == ("false", "true")
    assert classes(np.array(["cafe\u0301", "dog", "caf\u00e9", "dog", "caf\u00e9", "dog"])) == (
        "caf\u00e9",
        "dog",
    )
    np.savez("d.npz", images=images(1), labels=np.eye(6))
    assert refusal() == [
        'd.npz: array "labels": expected integers or text of shape (N,), got float64 of shape (6, 6);'
        " numbers of classes come from one-hot rows by argmax(axis=1)"
    ]


def class_folders(root: str, level: int) -> None:
    for name, number in product(("cat", "dog"), range(3)):
        folder = Path(root, name)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images(level)[0]).save(folder / f"{number}.png")


FOLDERS = [
    ("train", "val", "test"),
    ("Train", "valid", "Test"),
    ("training", "Validation", "TESTING"),
    ("training_set", "val-images", "Test Data"),
]


@pytest.mark.parametrize("names", FOLDERS)
def test_folders_of_parts(names: tuple[str, ...]) -> None:
    for level, name in enumerate(names):
        class_folders(f"d/{name}", level)
    Path("d/README.txt").write_text("Pictures of cats and dogs.")
    dataset = load_image_dataset(ImageSource("d"))
    assert levels(dataset) == ({0}, {2})
    assert dataset.classes == ("cat", "dog")
    assert dataset.notes == (
        f'd: its 6 validation images "{names[1]}" were left out'
        " (data.join_validation = true adds them to the training rows)",
        'd: left out, being no pictures: 1 ("README.txt")',
    )
    assert levels(load_image_dataset(ImageSource("d", join_validation=True))) == ({0, 1}, {2})


def test_folders_of_parts_that_are_refused() -> None:
    class_folders("d/train", 0)
    class_folders("d/Train", 1)
    assert refusal("d") == [
        'd: expected one place of training images, got "Train", "train"; take the others away'
    ]
    class_folders("e/train", 0)
    class_folders("e/extra", 1)
    assert refusal("e") == [
        'e: expected folders of training, validation and test images only ("train"), got "extra" beside them'
    ]
    class_folders("f/test", 0)
    class_folders("f/val", 0)
    assert refusal("f") == ['f: expected training images, got only "test", "val"']


def test_a_class_may_be_called_train() -> None:
    class_folders("d", 0)
    Path("d/cat").rename("d/train")
    dataset = load_image_dataset(ImageSource("d"))
    assert dataset.classes == ("dog", "train")
    assert dataset.notes == (
        "d: taken for a class like its neighbours, since it holds pictures and no folders of classes:"
        ' 1 ("train")',
    )


def idx(values: NDArray[np.uint8]) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


def write_idx(folder: str, part: str, level: int) -> None:
    Path(folder).mkdir(exist_ok=True)
    Path(folder, f"{part}-images-idx3-ubyte").write_bytes(idx(images(level)))
    Path(folder, f"{part}-labels-idx1-ubyte").write_bytes(idx(LABELS.astype(np.uint8)))


@pytest.mark.parametrize("names", [("train", "val", "t10k"), ("Training", "valid", "test")])
def test_idx_files_of_parts(names: tuple[str, ...]) -> None:
    for level, name in enumerate(names):
        write_idx("d", name, level)
    Path("d/LICENCE").write_text("free")
    dataset = load_image_dataset(ImageSource("d"))
    assert levels(dataset) == ({0}, {2})
    assert dataset.notes == (
        f'd: its 6 validation images "{names[1]}-images-idx3-ubyte" were left out'
        " (data.join_validation = true adds them to the training rows)",
        'd: left out beside IDX files: 1 ("LICENCE")',
    )
    write_idx("e", "t10k", 0)
    assert refusal("e") == ['e: expected training images, got only "t10k-images-idx3-ubyte"']
    Path(f"d/{names[0]}-images-more").write_bytes(b"")
    assert refusal("d") == [
        f'd: expected one place of training images, got "{names[0]}-images-idx3-ubyte", "{names[0]}-images-more";'
        " take the others away"
    ]
