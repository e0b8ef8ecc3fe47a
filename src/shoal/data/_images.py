"""Images with class labels to a Dataset; new images to predict.

Pixels stay unsigned bytes in memory. Letters: N rows, C channels (1 or 3), H, W height and width.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import class_problems, numbered, sorted_texts
from shoal.data._dataset import Dataset
from shoal.data._findings import Findings, refuse
from shoal.data._holdout import draw_test_rows
from shoal.data._idx import is_idx
from shoal.data._labelled import Labelled, read_idx_images, read_labelled, read_npz_images
from shoal.data._pictures import read_pictures, stacked, visible
from shoal.errors import DataError, Problem


@dataclass(frozen=True)
class ImageSource:
    """Where labelled images stand.

    `train` is a folder with one folder per class; a folder that holds such folders as `train` and `test`;
    a folder of IDX files (train-images..., train-labels..., and perhaps t10k- or test-images..., -labels...);
    an IDX file of images, its labels beside it; or an NPZ file with arrays `images`, `labels` (or `x_train`,
    `y_train`) and perhaps `test_images`, `test_labels` (`x_test`, `y_test`). `test` is one of the same.
    Without any test images, the share `test_share` of each class is drawn at `seed`.
    """

    train: str | Path
    test: str | Path | None = None
    test_share: float = 0.2
    seed: int = 0


def load_image_dataset(source: ImageSource) -> Dataset:
    """Read labelled images, strictly.

    Raises DataError with every mistake found: damaged or foreign files, images of several sizes or over
    4096 x 4096 pixels, empty folders, labels that are missing, classes without training rows.
    """
    problems: list[Problem] = []
    parts = read_labelled(Path(source.train), problems)
    if source.test is not None:
        parts = parts[:1] + read_labelled(Path(source.test), problems)[:1]
    if not problems and len(parts) > 1:
        parts[1] = _like(parts[1], parts[0].images.shape[1:], problems)
    if problems or not parts:
        raise DataError(problems)
    train, test = parts[:2] if len(parts) > 1 else _split_off_test_rows(source, parts[0])
    del parts  # images that were split are held in their two parts now
    refuse(class_problems(train.labels.tolist(), test.labels.tolist(), train.place, test.place))
    where = str(source.train) if source.test is None else f"{source.train}, {source.test}"
    name = Path(source.train).resolve().name.split(".")[0]
    return image_dataset(name, where, sorted_texts(train.labels.tolist()), train, test)


def image_dataset(
    name: str, source: str, classes: tuple[str, ...], train: Labelled, test: Labelled
) -> Dataset:
    """Put images and their classes together, training rows first."""
    return Dataset(
        name=name,
        task="classification",
        columns=(),
        target_names=("class",),
        targets=numbered(np.concatenate((train.labels, test.labels)), classes),
        classes=classes,
        train_rows=len(train.labels),
        groups=None,
        given_folds=None,
        train_fingerprint=_fingerprint(train),
        test_fingerprint=_fingerprint(test),
        source=source,
        images=np.concatenate((train.images, test.images)),
    )


def read_images(path: str | Path, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Read new images of `shape` (C, H, W) to predict, with a name for each: (N, C, H, W).

    `path` is a PNG or JPEG file, a folder of them (in folders or not), an IDX file of images, or an NPZ
    file with the array `images`. Raises DataError.
    """
    path = Path(path)
    problems: list[Problem] = []
    images: NDArray[np.uint8] | None = None
    names: list[str] = []
    if not path.exists():
        problems.append(Problem(str(path), "expected images, got nothing there"))
    elif path.suffix.lower() == ".npz":
        images = read_npz_images(path, problems)
    elif path.is_file() and is_idx(path):
        images = read_idx_images(path, problems)
    else:
        images, names = _read_new_pictures(path, problems)
    if images is not None and not problems:
        images = like_training_rows(images, shape, str(path), problems)
    if problems or images is None:
        raise DataError(problems)
    return images, tuple(names or map(str, range(1, len(images) + 1)))


def _read_new_pictures(path: Path, problems: list[Problem]) -> tuple[NDArray[np.uint8] | None, list[str]]:
    """Read one picture, or all of a folder, named by their paths within it."""
    findings = Findings(str(path))
    files = _files_below(path) if path.is_dir() else [path]
    if not files:
        findings.add("expected images, got an empty folder")
    pictures = read_pictures(files, path, findings)
    problems += findings.problems()
    names = [file.relative_to(path).as_posix() if path.is_dir() else file.name for file in files]
    return (None if findings.found else stacked(pictures)), names


def _files_below(folder: Path) -> list[Path]:
    """All files of a folder and the folders in it, in order."""
    return [
        file for entry in visible(folder) for file in (_files_below(entry) if entry.is_dir() else [entry])
    ]


def _like(part: Labelled, shape: tuple[int, ...], problems: list[Problem]) -> Labelled:
    """Give the part with images of `shape`; see `like_training_rows`."""
    return replace(part, images=like_training_rows(part.images, shape, part.place, problems))


def like_training_rows(
    images: NDArray[np.uint8], shape: tuple[int, ...], place: str, problems: list[Problem]
) -> NDArray[np.uint8]:
    """Check that images are of `shape` (C, H, W); grey ones become colour where needed."""
    if images.shape[1] == 1 and shape[0] == 3:
        images = np.repeat(images, 3, axis=1)
    if images.shape[1:] != shape:
        wanted, came = (
            f"{w} x {h} pixels of {c} channel{'s' * (c > 1)}" for c, h, w in (shape, images.shape[1:])
        )
        problems.append(Problem(place, f"expected images like the training rows, {wanted}, got {came}"))
    return images


def _split_off_test_rows(source: ImageSource, part: Labelled) -> tuple[Labelled, Labelled]:
    """Draw test rows of each class where none are given."""
    held = draw_test_rows(len(part.labels), source.test_share, source.seed, part.labels, None)
    train, test = (
        replace(part, images=part.images[rows], labels=part.labels[rows]) for rows in (~held, held)
    )
    return train, test


def _fingerprint(part: Labelled) -> str:
    """SHA-256 of shape, pixels and labels."""
    digest = hashlib.sha256(b"shoal images 1\0")
    digest.update(json.dumps([list(part.images.shape), part.labels.tolist()]).encode())
    digest.update(np.ascontiguousarray(part.images).data)
    return digest.hexdigest()
