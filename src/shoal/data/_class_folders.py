"""Folders with one folder per class: which pictures they hold, of which class and of which group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from shoal.data._albums import (
    FOREIGN_FOLDERS,
    Album,
    Entry,
    Faults,
    colour_of,
    entries,
    in_utf8,
    look_at_all,
    sizes_text,
)
from shoal.data._cells import texts
from shoal.data._classes import nfc, sorted_texts
from shoal.data._findings import Findings
from shoal.data._notes import NAMED, Notes
from shoal.data._pictures import Faulty, look_at
from shoal.data._pixels import RESIZE, white_of
from shoal.data._reading import Labelled, Reading
from shoal.data._table_format import Limits
from shoal.data._tables import scan_table
from shoal.files import kind_of
from shoal.wording import few_quoted, quoted

FOLDERS: Final = "folder"
"""`data.groups` where the folders inside each class are the groups."""
_COLUMNS: Final = ("path", "group")


@dataclass(frozen=True)
class Member:
    """One file of a class: where it is, its name in the folder of classes, its class, its group if it has one."""

    path: Path
    name: str
    label: str
    group: str


@dataclass(frozen=True)
class ClassFolders:
    """A folder with one folder per class."""

    folder: Path

    @property
    def name(self) -> str:
        """Its own name."""
        return quoted(self.folder.name)

    def count(self) -> int:
        """Give the number of files that may be pictures; nothing is opened."""
        inner = (path for path in self.folder.iterdir() if kind_of(path) == "a folder")
        return sum(kind_of(file) == "a file" for home in inner for file in home.rglob("[!.]*"))

    def look(self, reading: Reading, *, grouped: bool) -> LabelledAlbum | None:
        """Look at the heads of all pictures."""
        findings, place = Findings(str(self.folder)), str(self.folder)
        by_folder = reading.groups == FOLDERS
        members = members_of(self.folder, by_folder, reading.notes, findings)
        looks = look_at_all(
            [(member.path, member.name) for member in members], place, reading.notes, findings
        )
        album_names = {look.name for look in looks}
        there = [member for member in members if member.name in album_names]
        if not findings.found:
            _refuse_empty(self.folder, members, there, findings)
        if len({look.size for look in looks}) > 1 and not reading.resize:
            findings.add(f"expected pictures of one size (width x height), got {sizes_text(looks)}; {RESIZE}")
        groups = [member.group for member in there] if by_folder else None
        if grouped and reading.groups and not by_folder and not findings.found:
            table = Findings(reading.groups)
            paths = [member.path for member in there]
            groups = groups_from_table(Path(reading.groups), paths, reading, table)
            reading.take(table)
        if not reading.take(findings):
            return None
        album = Album(place, looks, reading.resize, colour_of(looks, place, reading.notes))
        return LabelledAlbum(album, [member.label for member in there], groups)


@dataclass(frozen=True, eq=False)
class LabelledAlbum:
    """Pictures that were looked at, with class and perhaps group of each."""

    album: Album
    labels: list[str]
    groups: list[str] | None

    @property
    def bytes(self) -> int:
        """What reading them will hold."""
        return self.album.bytes

    def read(self, reading: Reading) -> Labelled | None:
        """Decode every picture."""
        findings = Findings(self.album.place)
        images = self.album.read(reading.notes, findings)
        if not reading.take(findings) or images is None:
            return None
        groups = None if self.groups is None else np.array(self.groups, dtype=np.str_)
        labels, names = np.array(self.labels, dtype=np.str_), [look.name for look in self.album.looks]
        return Labelled(images, labels, self.album.place, groups, names, white_of(images))


def _refuse_empty(
    folder: Path, members: Sequence[Member], there: Sequence[Member], findings: Findings
) -> None:
    """Note classes without a picture."""
    full = {member.label for member in there}
    named = {nfc(path.name): path.name for path in folder.iterdir() if kind_of(path) == "a folder"}
    for label in sorted_texts(named):
        ours = not named[label].startswith(".") and named[label].lower() not in FOREIGN_FOLDERS
        if ours and label not in full:
            content = "other files" if any(member.label == label for member in members) else "an empty folder"
            findings.add(f"expected pictures, got {content}", quoted(named[label]))


def members_of(folder: Path, by_folder: bool, notes: Notes, findings: Findings) -> list[Member]:
    """List the files of a folder of classes: classes in the order of all classes, files in that of their names.

    With `by_folder`, the folders inside a class are groups. What stands where nothing should is noted, each kind of
    thing in one sentence. Folders whose names differ in their Unicode form only are one class.
    """
    place, faults, members = str(folder), Faults(), []
    here = entries(folder, notes, place)
    classes = [entry for entry in here if entry.kind == "a folder"]
    refuse_strays([entry for entry in here if entry.kind != "a folder"], place, notes, faults)
    order = {name: number for number, name in enumerate(sorted_texts(nfc(entry.name) for entry in classes))}
    seen: set[str] = set()
    for entry in sorted(classes, key=lambda entry: (order[nfc(entry.name)], entry.name)):
        if not in_utf8(entry.name):
            faults.add(
                "expected a folder with a name in UTF-8, since it names a class, got other bytes", entry.name
            )
        if nfc(entry.name) in seen:
            notes.add(
                place,
                "read as one class with another whose name differs in its Unicode form only",
                entry.name,
            )
        seen.add(nfc(entry.name))
        members += _files_of(entry, by_folder, place, notes, faults)
    if not classes:
        findings.add("expected one folder per class, got none")
    faults.tell(findings)
    return members


def refuse_strays(strays: Iterable[Entry], place: str, notes: Notes, faults: Faults) -> None:
    """Leave files that are no pictures out; a picture beside the folders would be lost."""
    for entry in strays:
        kind = entry.kind
        if kind == "a file":
            try:
                if look_at(entry.path, entry.name, place, notes) is None:
                    continue
            except Faulty:
                pass
            kind = "a picture"
        faults.add(f"expected folders of pictures, got {kind} beside them", entry.name)


def _files_of(entry: Entry, by_folder: bool, place: str, notes: Notes, faults: Faults) -> list[Member]:
    """List the files of one class, in its folder or in those of its groups."""
    homes = [(entry.path, entry.name, "")]
    if by_folder:
        homes = []
        for inner in entries(entry.path, notes, place):
            name = f"{entry.name}/{inner.name}"
            if inner.kind == "a folder":
                homes.append((inner.path, name, nfc(inner.name)))
            else:
                faults.add(f"expected one folder per group inside each class, got {inner.kind}", name)
    members = []
    for home, within, group in homes:
        for file in entries(home, notes, place):
            name = f"{within}/{file.name}"
            if file.kind == "a file":
                members.append(Member(file.path, name, nfc(entry.name), group))
                continue
            advice = f'; data.groups = "{FOLDERS}" takes folders inside a class for groups'
            advice = advice if file.kind == "a folder" and not by_folder else ""
            faults.add(f"expected a picture, got {file.kind}{advice}", name)
    return members


def groups_from_table(file: Path, paths: Sequence[Path], reading: Reading, findings: Findings) -> list[str]:
    """Give the group of every picture from a table with the columns `path` (within the training folder) and `group`.

    Rows of other pictures that are there have no say; a row of none, two rows of one and a picture without a row
    are noted.
    """
    base = reading.base
    table = scan_table(file, findings, Limits(frozenset(_COLUMNS), reading.room))
    if table is None or findings.found:
        return []
    if missing := [name for name in _COLUMNS if name not in table.names]:
        findings.add(
            f'expected the columns "path" and "group", got {few_quoted(table.names)}: no {few_quoted(missing)}'
        )
        return []
    named, groups = (texts(table, name, findings) for name in _COLUMNS)
    if named is None or groups is None:
        return []
    rows = [nfc(name.replace("\\", "/").removeprefix("./")) for name in named.tolist()]
    required = [nfc(path.relative_to(base).as_posix()) for path in paths]
    known = dict(zip(rows, map(nfc, groups.tolist()), strict=True))
    if len(known) < len(rows):
        twice = sorted({name for name in rows if rows.count(name) > 1})
        findings.add(f"expected every picture once, got {few_quoted(twice, NAMED)} more often")
    if lost := [name for name in required if name not in known]:
        findings.add(f"expected a row for every picture, got none for {few_quoted(lost, NAMED)}")
    others = set(known) - set(required)
    if strange := sorted(name for name in others if kind_of(base / name) != "a file"):
        findings.add(f"expected paths of pictures in {quoted(str(base))}, got {few_quoted(strange, NAMED)}")
    return [known.get(name, "") for name in required]
