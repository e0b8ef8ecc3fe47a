"""Where labelled images stand, and in which form: folders, IDX files, NPZ.

Letters: N rows, C channels (1 or 3), H, W height and width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._findings import Findings, listed, quoted
from shoal.data._idx import is_idx, read_idx
from shoal.data._npz import npz_ranks, read_npz
from shoal.data._pictures import MAX_PIXELS, files_of_classes, read_pictures, stacked, visible
from shoal.errors import Problem

_NPZ_NAMES: Final = (("images", "labels"), ("x_train", "y_train"))
_NPZ_TEST_NAMES: Final = (("test_images", "test_labels"), ("x_test", "y_test"))


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images (N, C, H, W), the text of their classes (N,), and the file or folder they came from."""

    images: NDArray[np.uint8]
    labels: NDArray[np.str_]
    place: str


def holds_images(path: str | Path) -> bool:
    """Whether a path is for `load_image_dataset`: a folder, an IDX file, or an NPZ file with pictures in it."""
    path = Path(path)
    if path.suffix.lower() == ".npz":
        return any(rank > 2 for rank in npz_ranks(path))
    return path.is_dir() or (path.is_file() and is_idx(path))


def read_labelled(path: Path, problems: list[Problem]) -> list[Labelled]:
    """Read the images at a path, and after them its test images, where it holds both; mistakes are noted."""
    if path.suffix.lower() == ".npz" and path.is_file():
        return _read_npz(path, problems)
    if path.is_file():
        return _kept([_read_idx_pair(path, problems)])
    if not path.is_dir():
        problems.append(
            Problem(str(path), "expected a folder of images, an IDX or an NPZ file, got nothing there")
        )
        return []
    folders = {entry.name for entry in visible(path) if entry.is_dir()}
    if "train" in folders and folders <= {"train", "test"}:
        return _kept([_read_classes(path / name, problems) for name in ("train", "test") if name in folders])
    pairs = [_first(path, ("train-images",)), _first(path, ("t10k-images", "test-images"))]
    if pairs[0] is not None:
        return _kept([_read_idx_pair(file, problems) for file in pairs if file is not None])
    return _kept([_read_classes(path, problems)])


def read_npz_images(path: Path, problems: list[Problem]) -> NDArray[np.uint8] | None:
    """Read images without labels from an NPZ file, (N, C, H, W)."""
    findings = Findings(str(path))
    arrays = read_npz(path, findings)
    names = [name for name, _ in (*_NPZ_NAMES, *_NPZ_TEST_NAMES[::-1]) if name in arrays]
    images = None
    if names:
        images = channels_first(arrays[names[0]], f"array {quoted(names[0])}: ", findings)
    elif not findings.found:
        findings.add(f'expected an array "images", got {listed(list(arrays)) or "none"}')
    problems += findings.problems()
    return images


def read_idx_images(path: Path, problems: list[Problem]) -> NDArray[np.uint8] | None:
    """Read images from an IDX file, (N, C, H, W)."""
    findings = Findings(str(path))
    values = read_idx(path, (3, 4), findings)
    images = None if values is None else channels_first(values, "", findings)
    problems += findings.problems()
    return images


def _kept(parts: list[Labelled | None]) -> list[Labelled]:
    return [part for part in parts if part is not None]


def _first(folder: Path, starts: tuple[str, ...]) -> Path | None:
    """Find the file of a folder that starts so."""
    return next(
        (entry for entry in visible(folder) if entry.name.startswith(starts) and entry.is_file()), None
    )


def _read_classes(folder: Path, problems: list[Problem]) -> Labelled | None:
    """Read a folder with one folder per class."""
    findings = Findings(str(folder))
    files = files_of_classes(folder, findings)
    pictures = read_pictures([file for file, _ in files], folder, findings)
    problems += findings.problems()
    if findings.found:
        return None
    return Labelled(stacked(pictures), np.array([name for _, name in files]), str(folder))


def _read_idx_pair(path: Path, problems: list[Problem]) -> Labelled | None:
    """Read an IDX file of images and the file of labels beside it."""
    images, labels = read_idx_images(path, problems), None
    findings = Findings(str(path))
    labels_path = _labels_beside(path, findings)
    if labels_path is not None:
        label_findings = Findings(str(labels_path))
        labels = read_idx(labels_path, (1,), label_findings)
        problems += label_findings.problems()
    if images is not None and labels is not None and len(images) != len(labels):
        findings.add(f"expected as many labels as images ({len(images)}), got {len(labels)}")
    problems += findings.problems()
    if images is None or labels is None or findings.found:
        return None
    return Labelled(images, labels.astype(np.str_), str(path))


def _labels_beside(path: Path, findings: Findings) -> Path | None:
    """Find the labels of an IDX file of images: the same name with "labels" for "images", zipped or not."""
    name = path.name.replace("images", "labels").replace("idx3", "idx1")
    if "images" not in path.name:
        findings.add('expected an IDX file with "images" in its name, and one with "labels" beside it')
        return None
    plain = name.removesuffix(".gz")
    for candidate in (name, plain, f"{plain}.gz"):
        if path.with_name(candidate).is_file():
            return path.with_name(candidate)
    findings.add(f"expected its labels in {quoted(name)} beside it, got nothing there")
    return None


def _read_npz(path: Path, problems: list[Problem]) -> list[Labelled]:
    """Read one or two pairs of arrays."""
    findings = Findings(str(path))
    arrays = read_npz(path, findings)
    parts: list[Labelled] = []
    names = [pair for group in (_NPZ_NAMES, _NPZ_TEST_NAMES) for pair in group if pair[0] in arrays]
    for images_name, labels_name in names[:2]:
        part = _npz_pair(arrays, images_name, labels_name, findings)
        if part is not None:
            parts.append(Labelled(*part, str(path)))
    if not names and not findings.found:
        findings.add(f'expected arrays "images" and "labels", got {listed(list(arrays)) or "none"}')
    problems += findings.problems()
    return [] if findings.found else parts


def _npz_pair(
    arrays: Mapping[str, NDArray[Any]], images_name: str, labels_name: str, findings: Findings
) -> tuple[NDArray[np.uint8], NDArray[np.str_]] | None:
    """Check images and labels of one pair of names."""
    images = channels_first(arrays[images_name], f"array {quoted(images_name)}: ", findings)
    labels = arrays.get(labels_name)
    if labels is None:
        findings.add(f"expected an array {quoted(labels_name)} beside {quoted(images_name)}, got none")
        return None
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim != 1 or labels.dtype.kind not in "iuU":
        came = f"{labels.dtype} of shape {labels.shape}"
        findings.add(f"array {quoted(labels_name)}: expected integers or text of shape (N,), got {came}")
        return None
    if images is None:
        return None
    if len(images) != len(labels):
        findings.add(f"expected as many labels as images ({len(images)}), got {len(labels)}")
        return None
    return images, labels.astype(np.str_)


def channels_first(values: NDArray[Any], place: str, findings: Findings) -> NDArray[np.uint8] | None:
    """Bring (N, H, W), (N, H, W, C) or (N, C, H, W) into the last form."""
    if values.dtype != np.uint8:
        findings.add(f"{place}expected unsigned bytes (uint8), got {values.dtype}")
        return None
    if values.ndim == 3:
        images = values[:, None]
    elif values.ndim == 4 and values.shape[3] in (1, 3):
        images = values.transpose(0, 3, 1, 2)
    elif values.ndim == 4 and values.shape[1] in (1, 3):
        images = values
    else:
        findings.add(
            f"{place}expected images (N, H, W), (N, H, W, C) or (N, C, H, W), C 1 or 3, got {values.shape}"
        )
        return None
    if not images.size or images.shape[2] * images.shape[3] > MAX_PIXELS:
        findings.add(f"{place}expected images of 1 to {MAX_PIXELS} pixels, got {values.shape}")
        return None
    return np.ascontiguousarray(images)
