"""Where labelled images stand, and in which form: folders, or files that hold many; which rows each of them holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from shoal.data._albums import Entry, Faults, entries
from shoal.data._class_folders import ClassFolders, refuse_strays
from shoal.data._findings import Findings
from shoal.data._image_format import image_format, image_format_of
from shoal.data._notes import Notes
from shoal.data._parts import IN_WORDS, Part, part_of_folder, part_of_idx
from shoal.data._reading import Place, Reading
from shoal.data.image_files.idx import IdxPair
from shoal.files import kind_of
from shoal.kinds import IMAGE_FORMATS
from shoal.wording import few_quoted, listed

_FOR_CLASSES: Final = (
    "taken for a class like its neighbours, since it holds pictures and no folders of classes"
)


def holds_images(path: str | Path) -> bool:
    """Whether a path is for `load_image_dataset`: a folder, or a file that holds images in a format of many."""
    path = Path(path)
    if kind_of(path) != "a file":
        return kind_of(path) == "a folder"
    known = image_format_of(path)
    return known is not None and known.holds(path)


def places_of(path: Path, reading: Reading) -> Mapping[Part, Place]:
    """Find the places of training, validation and test images at a path; "" is one that names no part."""
    kind = kind_of(path)
    if kind == "a file":
        known = image_format_of(path) or image_format(
            "idx"
        )  # it refuses what nobody knows, by its first bytes
        return known.places(path, reading)
    if kind != "a folder":
        description = "nothing there" if kind == "nothing" else kind
        forms = listed([form.called for form in IMAGE_FORMATS.values()], "or")
        reading.refuse(path, f"expected a folder of images, {forms} file, got {description}")
        return {}
    inside = entries(path, reading.notes, str(path))
    idx = [entry for entry in inside if entry.kind == "a file" and part_of_idx(entry.name)]
    if idx:
        return _idx_parts(path, idx, inside, reading)
    if _has_parts(inside):
        return _folder_parts(path, inside, reading)
    for entry in inside:
        if entry.kind == "a folder" and part_of_folder(entry.name):
            reading.notes.add(str(path), _FOR_CLASSES, entry.name)
    return {"": ClassFolders(path)}


def _idx_parts(
    path: Path, idx: Sequence[Entry], inside: Sequence[Entry], reading: Reading
) -> dict[Part, Place]:
    """Tell IDX files of images apart; a file and its zipped form are one."""
    entries_of: dict[Part, list[Entry]] = {}
    for entry in idx:
        part = part_of_idx(entry.name)
        stems = {other.name.removesuffix(".gz") for other in entries_of.get(part, [])}
        if entry.name.removesuffix(".gz") not in stems:
            entries_of.setdefault(part, []).append(entry)
    taken = {name for entry in idx for name in (entry.name, entry.name.replace("images", "labels"))}
    for entry in inside:
        if entry.name not in taken and "labels" not in entry.name:
            reading.notes.add(str(path), "left out beside IDX files", entry.name)
    return {part: IdxPair(files[0].path) for part, files in _one_each(path, entries_of, reading).items()}


def _has_parts(inside: Sequence[Entry]) -> bool:
    """Whether folders hold parts of a data set: all are called so, or one that is called so holds folders.

    A class may be called "train" too, and holds files then.
    """
    folders = [entry for entry in inside if entry.kind == "a folder"]
    named = [entry for entry in folders if part_of_folder(entry.name)]
    if any(part_of_folder(entry.name) == "train" for entry in named) and len(named) == len(folders):
        return True
    return any(
        inner.kind == "a folder" for entry in named for inner in entries(entry.path, Notes(), str(entry.path))
    )


def _folder_parts(path: Path, inside: Sequence[Entry], reading: Reading) -> dict[Part, Place]:
    """Tell folders of parts apart; folders of other names are refused, files left out."""
    entries_of: dict[Part, list[Entry]] = {}
    folders = [entry for entry in inside if entry.kind == "a folder"]
    for entry in folders:
        entries_of.setdefault(part_of_folder(entry.name), []).append(entry)
    findings, faults = Findings(str(path)), Faults()
    refuse_strays([entry for entry in inside if entry not in folders], str(path), reading.notes, faults)
    faults.tell(findings)
    reading.take(findings)
    if others := [entry.name for entry in entries_of.pop("", [])]:
        parts = few_quoted([entry.name for files in entries_of.values() for entry in files])
        what = f"expected folders of training, validation and test images only ({parts}), got {few_quoted(others)}"
        reading.refuse(path, f"{what} beside them")
    return {
        part: ClassFolders(folders[0].path) for part, folders in _one_each(path, entries_of, reading).items()
    }


def _one_each(
    path: Path, entries_of: Mapping[Part, Sequence[Entry]], reading: Reading
) -> Mapping[Part, Sequence[Entry]]:
    """Refuse two places for one part."""
    for part, places in entries_of.items():
        if len(places) > 1:
            names = few_quoted([entry.name for entry in places])
            reading.refuse(
                path, f"expected one place of {IN_WORDS[part]} images, got {names}; take the others away"
            )
    return entries_of


def training_place(path: Path, places: Mapping[Part, Place], reading: Reading) -> Place | None:
    """Give the place to train on: never one that is named for testing."""
    place = places.get("train") or places.get("")
    if place is None and places:
        names = ", ".join(other.name for other in places.values())
        reading.refuse(path, f"expected training images, got only {names}")
    return place


def test_place(path: Path, places: Mapping[Part, Place], reading: Reading) -> Place | None:
    """Give the place to test on, of what `data.test` names: never one that is named for training."""
    place = places.get("test") or (None if "train" in places else places.get(""))
    if place is None and places:
        names = ", ".join(other.name for other in places.values())
        reading.refuse(path, f"expected test images, got only {names}")
    return place


def leave_out(
    path: Path, places: Mapping[Part, Place], used: Sequence[Place | None], reading: Reading
) -> None:
    """Say which places of a path are not used, with their number of images."""
    for part, place in places.items():
        if place not in used:
            what = f"its {place.count():,} {IN_WORDS[part]} images {place.name} were left out"
            why = " (data.join_validation = true adds them to the training rows)" * (part == "validation")
            reading.notes.say(str(path), what + why)
