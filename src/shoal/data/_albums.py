"""Folders of pictures: which files count, looked at before any is decoded, then decoded into one array.

Letters: N pictures, C channels (1 or 3), H, W height and width.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._findings import Findings
from shoal.data._notes import Notes
from shoal.data._pictures import NO_PICTURES, Faulty, Look, decode, look_at
from shoal.errors import DataError, Problem
from shoal.files import kind_of
from shoal.wording import few_quoted, first_few, quoted

FOREIGN_FOLDERS: Final = frozenset({"__macosx", "@eadir", "$recycle.bin"})
"""What other programs leave beside pictures, and what holds none of ours."""
_SIZES_SHOWN: Final = 4


@dataclass(frozen=True)
class Entry:
    """One thing in a folder: a file, a folder, or what is neither (a pipe, a device, a broken link)."""

    path: Path
    kind: str

    @property
    def name(self) -> str:
        """Its own name."""
        return self.path.name


def entries(folder: Path, notes: Notes, place: str) -> list[Entry]:
    """List a folder in order, without names that start with a dot; nothing is opened. Raises DataError."""
    try:
        inside = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        what = f"expected a folder that can be read, got: {error.strerror or error}"
        raise DataError(Problem(str(folder), what)) from None
    listed = []
    for path in inside:
        if path.name.startswith("."):
            continue
        if path.name.lower() in FOREIGN_FOLDERS:
            notes.add(place, NO_PICTURES, path.name)
            continue
        listed.append(Entry(path, kind_of(path)))
    return listed


@dataclass(eq=False)
class Faults:
    """What is wrong with the pictures of one folder, each thing once, with how many and which."""

    named: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, name: str) -> None:
        """Note that `what` is wrong with one more file."""
        self.named.setdefault(what, []).append(name)

    def tell(self, findings: Findings) -> None:
        """Give one sentence for each thing that is wrong."""
        for what, names in self.named.items():
            if names == [""]:
                findings.add(what)
            else:
                findings.add(
                    what,
                    few_quoted(names)
                    if len(names) < 4
                    else f"{quoted(names[0])} and {len(names) - 1:,} more",
                )


@dataclass(eq=False)
class Album:
    """Pictures of one folder that were looked at: what they will be once they are decoded."""

    place: str
    looks: list[Look]
    resize: tuple[int, int] | None
    colour: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every picture."""
        width, height = self.looks[0].size
        return (3 if self.colour else 1, *(self.resize or (height, width)))

    @property
    def bytes(self) -> int:
        """What all of them will hold, and one as it is while it is brought to its size."""
        channels, height, width = self.shape
        largest = max(look.size[0] * look.size[1] for look in self.looks) if self.resize else 0
        return len(self.looks) * channels * height * width + 4 * largest

    def read(self, notes: Notes, findings: Findings) -> NDArray[np.uint8] | None:
        """Decode every picture, uint8 (N, C, H, W); what is damaged is noted."""
        images = np.empty((len(self.looks), *self.shape), dtype=np.uint8)
        faults = Faults()
        for look, target in zip(self.looks, images, strict=True):
            try:
                picture = decode(look, self.place, self.colour, self.resize, notes)
            except Faulty as fault:
                faults.add(str(fault), look.name)
                continue
            if picture.shape[:2] != target.shape[1:]:
                height, width = picture.shape[:2]
                faults.add(f"expected the size that its head declares, got {width} x {height}", look.name)
                continue
            target[...] = picture.transpose(2, 0, 1) if self.colour else picture
        faults.tell(findings)
        return None if findings.found else images


def look_at_all(
    files: Sequence[tuple[Path, str]], place: str, notes: Notes, findings: Findings
) -> list[Look]:
    """Read the heads of files, each with its name in the folder `place`; what is no picture is left out."""
    faults = Faults()
    looks = []
    for file, name in files:
        try:
            look = look_at(file, name, place, notes)
        except Faulty as fault:
            faults.add(str(fault), name)
            continue
        looks += [look] if look is not None else []
    faults.tell(findings)
    return looks


def sizes_text(looks: Sequence[Look]) -> str:
    """Name the sizes of pictures, the most frequent first, with how many have each and one that has it."""
    counts = Counter(look.size for look in looks)
    first = {look.size: look.name for look in reversed(looks)}
    sizes = [
        f"{width} x {height} ({count:,}, as {quoted(first[width, height])})"
        for (width, height), count in counts.most_common()
    ]
    return first_few(sizes, _SIZES_SHOWN, what="other sizes")


def colour_of(looks: Sequence[Look], place: str, notes: Notes) -> bool:
    """Say whether pictures are read in colour: all are where one has it, and the fewer are named."""
    coloured = [look.name for look in looks if look.colour]
    grey = [look.name for look in looks if not look.colour]
    if coloured and grey:
        what = (
            "in colour, so that all are read in colour"
            if len(coloured) <= len(grey)
            else "grey, read in colour as the others are"
        )
        for name in coloured if len(coloured) <= len(grey) else grey:
            notes.add(place, what, name)
    return bool(coloured)


def files_below(folder: Path, place: str, notes: Notes, faults: Faults) -> Iterator[tuple[Path, str]]:
    """All files of a folder and the folders in it, in order, each with its path in it; links in circles are refused."""

    def walk(inner: Path, around: tuple[tuple[int, int], ...]) -> Iterator[tuple[Path, str]]:
        status = inner.stat()
        here = status.st_dev, status.st_ino
        if here in around:
            faults.add("expected folders that end, got a link to a folder around it", _within(inner, folder))
            return
        for entry in entries(inner, notes, place):
            if entry.kind == "a folder":
                yield from walk(entry.path, (*around, here))
            elif entry.kind == "a file":
                yield entry.path, _within(entry.path, folder)
            else:
                faults.add(f"expected a file, got {entry.kind}", _within(entry.path, folder))

    yield from walk(folder, ())


def _within(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def in_utf8(name: str) -> bool:
    """Whether a name of a file system is text."""
    try:
        os.fsencode(name).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
