"""A disk whose power fails: what a run asked the system to write, played again, less what was not flushed.

A disk keeps what was flushed (fsync, fdatasync). Of later writes it keeps any, in any order, and of a write any
sectors of 512 bytes; of names made, moved or deleted since their folder was flushed, any too. A rename is whole or not.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

SECTOR = 512
CALLS = (
    "openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "renameat", "renameat2", "unlink",
    "unlinkat",
)  # fmt: skip
OPTIONS = ("-y", "-xx", "-s", "100000000", "-e", "trace=" + ",".join(CALLS))
"""What strace is to be told, so that its record can be read here."""

_CALL = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)")
_BEGUN = re.compile(r"^(\d+) +(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
_DESCRIPTOR = re.compile(r"^\d+<([^>]*)>")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True)
class Step:
    """One call that succeeded: `path` was written to, made, flushed, renamed to `other` or deleted."""

    call: str
    path: str
    content: bytes = b""
    offset: int = -1
    other: str = ""


def steps_of(trace: str) -> list[Step]:
    """Read strace's record."""
    found: list[Step] = []
    begun: dict[str, str] = {}
    for line in trace.splitlines():
        if match := _BEGUN.match(line):
            begun[match[1]] = match[2]
            continue
        if match := _RESUMED.match(line):
            line = f"{match[1]} {begun.pop(match[1])}{match[2]}"  # noqa: PLW2901
        if (
            (match := _CALL.match(line))
            and int(match[4]) >= 0
            and (step := _step(match[2], match[3], int(match[4])))
        ):
            found.append(step)
    return found


def _step(call: str, given: str, answer: int) -> Step | None:
    texts = [bytes.fromhex(text.replace("\\x", "")) for text in _STRING.findall(given)]
    place = _DESCRIPTOR.match(given)
    if call == "openat":
        return Step("make", _joined(given, texts[0])) if "O_CREAT" in given or "O_TRUNC" in given else None
    if call.startswith("rename"):
        second = given.split('", ', 1)[1]  # each name with the folder it is looked up from
        return Step("rename", _joined(given, texts[0]), other=_joined(second, texts[1]))
    if call.startswith("unlink"):
        return Step("unlink", _joined(given, texts[0]) if call == "unlinkat" else texts[0].decode())
    if place is None:
        return None
    path = place[1].encode().decode("unicode_escape") if "\\x" in place[1] else place[1]
    if call in ("write", "pwrite64"):
        offset = int(given.rpartition(",")[2]) if call == "pwrite64" else -1
        return Step("write", path, texts[0][:answer], offset)
    if call == "ftruncate":
        return Step("truncate", path, offset=int(given.rpartition(",")[2]))
    return Step("flush", path)


def _joined(given: str, name: bytes) -> str:
    folder = re.match(r"^(?:AT_FDCWD|\d+)<([^>]*)>", given)
    start = folder[1] if folder else "/"
    start = start.encode().decode("unicode_escape") if "\\x" in start else start
    return str(Path(start) / name.decode())


@dataclass
class _File:
    kept: bytearray = field(default_factory=bytearray)
    pending: list[Step] = field(default_factory=list)
    size: int = 0

    def flush(self) -> None:
        for step in self.pending:
            _apply(self.kept, step)
        self.pending.clear()

    def after(self, draw: random.Random | None) -> bytes:
        """What the disk holds: what was flushed and, by the draw, parts of the rest in any order."""
        content = bytearray(self.kept)
        if draw is None:
            return bytes(content)
        rest = [step for step in self.pending if draw.random() < 0.7]
        draw.shuffle(rest)
        for step in rest:
            parts = [step]
            if step.call == "write" and draw.random() < 0.5:
                parts = [part for part in _sectors(step) if draw.random() < 0.5]
            for part in parts:
                _apply(content, part)
        return bytes(content)


def _sectors(step: Step) -> list[Step]:
    starts = range(0, len(step.content), SECTOR)
    return [Step("write", step.path, step.content[at : at + SECTOR], step.offset + at) for at in starts]


def _apply(content: bytearray, step: Step) -> None:
    if step.call == "truncate":
        del content[step.offset :]
        content.extend(bytes(step.offset - len(content)))
    else:
        content.extend(bytes(max(0, step.offset - len(content))))
        content[step.offset : step.offset + len(step.content)] = step.content


class Disk:
    """The files under one folder, as the system sees them and as they would be found without power."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._seen: dict[str, _File] = {}
        self._kept: dict[str, _File] = {}
        self._renames: list[Step | tuple[str, str, _File | None]] = []

    def play(self, step: Step) -> None:
        """Do what the system was asked."""
        if not step.path.startswith(self._folder):
            return
        file = self._seen.get(step.path)
        if step.call == "make" and file is None:
            self._name(step.path, _File())
        elif step.call == "write" and file is not None:
            offset = file.size if step.offset < 0 else step.offset
            file.pending.append(Step("write", step.path, step.content, offset))
            file.size = max(file.size, offset + len(step.content))
        elif step.call == "truncate" and file is not None:
            file.pending.append(step)
            file.size = step.offset
        elif step.call == "rename" and file is not None:
            del self._seen[step.path]
            self._seen[step.other] = file
            self._renames.append((step.path, step.other, file))
        elif step.call == "unlink":
            self._seen.pop(step.path, None)
            self._renames.append((step.path, "", None))
        elif step.call == "flush":
            if file is not None:
                file.flush()
            else:
                self._flush_names(step.path)

    def _name(self, path: str, file: _File) -> None:
        self._seen[path] = file
        self._renames.append(("", path, file))

    def _flush_names(self, folder: str) -> None:
        for change in self._renames:
            self._change(self._kept, change)
        self._renames.clear()

    @staticmethod
    def _change(names: dict[str, _File], change: tuple[str, str, _File | None]) -> None:
        old, new, file = change
        names.pop(old, None)
        if new and file is not None:
            names[new] = file

    def found(self, target: Path, draw: random.Random | None) -> None:
        """Write what is found after the power failed under `target`."""
        names = dict(self._kept)
        for change in self._renames:
            if draw is not None and draw.random() < 0.6:
                self._change(names, change)
        for path, file in names.items():
            at = target / Path(path).relative_to(self._folder)
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(file.after(draw))
