"""Images with class labels to a Dataset.

Pixels stay unsigned bytes in memory. Letters: N rows, C channels (1 or 3), H, W height and width.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import class_problems, numbered, sorted_texts
from shoal.data._dataset import Dataset
from shoal.data._findings import Findings, refuse
from shoal.data._given_images import GivenImages
from shoal.data._given_rows import GivenRows
from shoal.data._holdout import draw_test_rows
from shoal.data._image_places import leave_out, places_of, test_place, training_place
from shoal.data._parts import Part
from shoal.data._pixels import RESIZE, alike, two_levels
from shoal.data._reading import Labelled, Looked, Place, Reading
from shoal.errors import DataError


@dataclass(frozen=True)
class ImageSource:
    """Where labelled images stand, and how they are wanted.

    `train` is a folder with one folder per class; a folder that holds such folders as `train` and perhaps `val` and
    `test`; a folder of IDX files (train-images..., train-labels..., and perhaps t10k- or test-images..., -labels...);
    an IDX file of images, its labels beside it; or an NPZ file with arrays `images`, `labels` (or `x_train`,
    `y_train`, or `train_images`, `train_labels`) and perhaps such of `val` and `test`. `test` is one of the same. Both
    may be in memory: a pair of images and labels.
    Without any test images, the share `test_share` of each class, or of whole groups, is drawn at `seed`.

    `groups` is "folder" (the folders inside each class), a table with the columns `path` and `group`, or the name of
    an array of an NPZ file. `resize` is (height, width) to bring all images to. With `join_validation`, images that
    are named for validation join the training rows; else they are left out, which is noted.
    """

    train: str | Path | GivenRows
    test: str | Path | GivenRows | None = None
    test_share: float = 0.2
    seed: int = 0
    groups: str | None = None
    resize: tuple[int, int] | None = None
    join_validation: bool = False


def load_image_dataset(source: ImageSource, room: float | None = None) -> Dataset:
    """Read labelled images, strictly; `room` is how many bytes they may hold, if that is known.

    Raises DataError with every mistake found: damaged or foreign files, images of several sizes or over
    4096 x 4096 pixels, empty folders, labels that are missing, classes without training rows. Raises EnvironmentFault
    before any image is decoded where they need more than `room`.
    """
    reading = Reading(Path(str(source.train)), source.resize, source.groups, room)
    places = _places(source, reading)
    refuse(reading.problems)
    seen: dict[Place, Looked | None] = {}
    for part, place in places:
        if place not in seen:
            seen[place] = place.look(reading, grouped=part == "train")
    refuse(reading.problems)
    looked = {place: album for place, album in seen.items() if album is not None}
    _refuse_large(list(looked.values()), reading)
    train, test = _train_and_test(source, _read(places, looked, reading), reading)
    drawn = all(part == "train" for part, _ in places)
    both = train.place, test.place
    refuse(class_problems(train.labels.tolist(), test.labels.tolist(), both, drawn=drawn))
    where = str(source.train) if source.test is None else f"{source.train}, {source.test}"
    name = Path(str(source.train)).resolve().name.split(".")[0]
    dataset = image_dataset(name, where, sorted_texts(train.labels.tolist()), train, test)
    return replace(dataset, resize=source.resize, drawn=drawn, notes=reading.notes.all())


def _places(source: ImageSource, reading: Reading) -> list[tuple[str, Place]]:
    """Choose which places are trained on and which are tested on, training first, and say which are left out."""
    path = Path(str(source.train))
    places = _places_at(source.train, reading)
    chosen = [("train", training_place(path, places, reading))]
    if source.join_validation:
        chosen.append(("train", places.get("validation")))
        if places and "validation" not in places:
            reading.refuse(
                path, "expected images for validation, which data.join_validation asks for, got none"
            )
    if source.test is None:
        chosen.append(("test", places.get("test")))
    others, other_path = places, path
    if source.test is not None:
        other_path = Path(str(source.test))
        others = places if other_path == path else _places_at(source.test, reading)
        chosen.append(("test", test_place(other_path, others, reading)))
    used = [place for _, place in chosen]
    for where, places_there in {path: places, other_path: others}.items():
        leave_out(where, places_there, used, reading)
    return [(part, place) for part, place in chosen if place is not None]


def _places_at(where: str | Path | GivenRows, reading: Reading) -> Mapping[Part, Place]:
    """Find the places of images at a path; those in memory name no part."""
    return {"": GivenImages(where)} if isinstance(where, GivenRows) else places_of(Path(where), reading)


def _refuse_large(looked: Sequence[Looked], reading: Reading) -> None:
    """Refuse images that would not fit: they are held twice, as they are read and put together."""
    less = "a smaller data.resize needs less" if reading.resize else f"{RESIZE}, and a small one needs less"
    reading.refuse_above(2.0 * sum(album.bytes for album in looked), "images", less)


def _read(
    places: Sequence[tuple[str, Place]], looked: Mapping[Place, Looked], reading: Reading
) -> list[Labelled | None]:
    """Read training images and test images, each place once."""
    read = {place: labelled.read(reading) for place, labelled in looked.items()}
    parts = ([read[place] for part, place in places if part == side] for side in ("train", "test"))
    return [_joined([labelled for labelled in part if labelled is not None], reading) for part in parts]


def _joined(parts: Sequence[Labelled], reading: Reading) -> Labelled | None:
    """Put the images of one part together, in colour where some have it."""
    if len(parts) < 2 or reading.problems:
        return parts[0] if parts else None
    channels = max(part.images.shape[1] for part in parts)
    alike = [_like(part, (channels, *parts[0].images.shape[2:]), parts[0].white, reading) for part in parts]
    if reading.problems:
        return None
    groups = [part.groups for part in parts if part.groups is not None]
    return Labelled(
        np.concatenate([part.images for part in alike]),
        np.concatenate([part.labels for part in alike]),
        parts[0].place,
        np.concatenate(groups) if groups else None,
        white=parts[0].white if len({part.white for part in parts}) == 1 else None,
    )


def _like(part: Labelled, shape: tuple[int, ...], white: int | None, reading: Reading) -> Labelled:
    """Bring images to the shape of the training images (see `alike`); note those of two levels that are others."""
    findings = Findings(part.place)
    if white is not None and part.white not in (None, white):
        expected, actual = two_levels(white), two_levels(part.white)
        findings.add(f"expected images like the training rows, of pixels that are {expected}, got {actual}")
    images = alike(part.images, shape, part.names, findings)
    reading.take(findings)
    return replace(part, images=images)


def _train_and_test(source: ImageSource, parts: list[Labelled | None], reading: Reading) -> list[Labelled]:
    """Bring test images to the form of the training images, or draw test rows where there are none; empties `parts`."""
    test, train = parts.pop(), parts.pop()
    if reading.problems or train is None:
        raise DataError(reading.problems)
    if test is not None:
        both = [train, _like(test, train.images.shape[1:], train.white, reading)]
        refuse(reading.problems)
        return both
    held_out = draw_test_rows(len(train.labels), source.test_share, source.seed, train.labels, train.groups)
    return [_rows_of(train, rows) for rows in (~held_out, held_out)]


def _rows_of(part: Labelled, rows: NDArray[np.bool_]) -> Labelled:
    groups = None if part.groups is None else part.groups[rows]
    return Labelled(part.images[rows], part.labels[rows], part.place, groups, white=part.white)


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
        groups=train.groups,
        test_groups=None if train.groups is None else test.groups,
        given_folds=None,
        train_fingerprint=_fingerprint(train),
        test_fingerprint=_fingerprint(test),
        source=source,
        images=np.concatenate((train.images, test.images)),
        white=train.white,
    )


def _fingerprint(part: Labelled) -> str:
    """SHA-256 of shape, pixels and labels."""
    digest = hashlib.sha256(b"shoal images 1\0")
    digest.update(json.dumps([list(part.images.shape), part.labels.tolist()]).encode())
    digest.update(np.ascontiguousarray(part.images).data)
    return digest.hexdigest()
