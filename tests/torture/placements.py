"""Links and other things in the places of a run folder's files, and what notices whoever follows one out of it."""

from __future__ import annotations

import ctypes
import os
import socket
import stat
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

STORE = "results.sqlite"
FILES = (
    STORE,
    f"{STORE}-wal",
    f"{STORE}-shm",
    f"{STORE}-journal",
    "run.lock",
    "study.toml",
    "report.html",
    "model.safetensors",
    f".shoal-{'0' * 32}.tmp",
    "notes.txt",
)
FOLDERS = ("figures", ".")
KINDS = (
    "a link to its twin",
    "a relative link to its twin",
    "a link to a link to its twin",
    "a link to another file",
    "a link to a folder",
    "a link to nothing",
    "a link to itself",
    "a link to the run folder",
    "a link to a pipe",
    "a link to a device",
    "a pipe",
    "a socket",
    "a folder",
    "a second name of its twin",
    "a second name of another file",
)


def make(kind: str, path: Path, name: str, home: Path) -> None:
    """Make at `path` what is to come to the place `name` of the run folder; its twin is a whole run folder outside.

    A relative link is right where the place is as deep as `path`. No second names of folders: they get a link.
    """
    outside = home / "outside"
    twin, depth = outside / "twin" / name, 0 if name == "." else 1 + name.count("/")
    if kind == "a second name of its twin" and twin.is_file():
        os.link(twin, path)
    elif kind.startswith("a second name"):
        os.link(outside / "precious.txt", path)
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
        (path / "theirs.txt").write_text("theirs")
    elif kind == "a socket":
        here = os.getcwd()
        os.chdir(path.parent)  # its whole path may be too long for one
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
        os.chdir(here)
    else:
        path.symlink_to(
            {
                "a link to its twin": twin,
                "a relative link to its twin": Path("../" * depth, "outside", "twin", name),
                "a link to a link to its twin": hop(home, twin),
                "a link to another file": outside / "precious.txt",
                "a link to a folder": outside / "twin" / "figures",
                "a link to nothing": outside / "missing",
                "a link to itself": home / "run" / name,
                "a link to the run folder": home / "run",
                "a link to a pipe": outside / "pipe",
                "a link to a device": Path("/dev/zero"),
            }[kind]
        )


def hop(home: Path, twin: Path) -> Path:
    """A link beside the run folder, whence another can go on."""
    way = home / "hop"
    way.unlink(missing_ok=True)
    way.symlink_to(twin)
    return way


def put_in_place(ready: str, place: str) -> None:
    """Move something to a place, in one step where no folder stands there, which is moved aside."""
    with suppress(OSError):  # what is to be replaced may be gone, or its folder
        if os.path.isdir(place) and not os.path.islink(place):
            os.rename(place, f"{ready}-aside")
        os.rename(ready, place)


def swap_in_the_middle(ready: str, place: str, before: int, asked: str) -> None:
    """Move what stands `ready` to its place, just before this process asks for the n-th time for a file of the folder.

    That file is asked for by its path in the folder, or by its name in a folder that is open. A byte for each time
    that it asked goes to the file `asked`.
    """
    folder, busy, count = os.path.dirname(ready) + "/run", False, 0
    tally = os.open(asked, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal busy, count
        if busy or event not in ASKING or not isinstance(arguments[0], str | os.PathLike | int):
            return
        name = str(arguments[0]).removeprefix("file://")
        if os.path.isabs(name) and not name.startswith(folder):
            return
        busy, count = True, count + 1
        os.write(tally, b".")
        if count == before:
            put_in_place(ready, place)
        busy = False

    sys.addaudithook(hear)


ASKING = (
    "open", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.scandir", "os.truncate", "sqlite3.connect",
)  # fmt: skip
"""What Python tells of on the way to the disk."""


# Who looks


class Watch:
    """Hears from the system (inotify) of everything that anybody opens, reads, changes, makes or deletes in folders."""

    def __init__(self, root: Path) -> None:
        """Watch a folder and all in it."""
        self._system = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._folders: dict[int, Path] = {}
        for folder in (root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())):
            number = self._system.inotify_add_watch(self._descriptor, os.fsencode(folder), 0xFFF)
            assert number > 0, os.strerror(ctypes.get_errno())
            self._folders[number] = folder

    def heard(self) -> list[str]:
        """Give what happened since the last time."""
        found = []
        with suppress(BlockingIOError):
            while told := os.read(self._descriptor, 1 << 16):
                while told:
                    number, mask, _, length = struct.unpack("iIII", told[:16])
                    name = told[16 : 16 + length].rstrip(b"\0").decode()
                    what = [word for bit, word in _EVENTS.items() if mask & bit]
                    found.append(f"{' '.join(what)} {self._folders.get(number, '?')}/{name}")
                    told = told[16 + length :]
        return found

    def close(self) -> None:
        os.close(self._descriptor)


_EVENTS = {
    0x1: "read", 0x2: "written", 0x4: "attributes", 0x8: "closed written", 0x10: "closed", 0x20: "opened",
    0x40: "moved from", 0x80: "moved to", 0x100: "made", 0x200: "deleted", 0x400: "deleted itself", 0x800: "moved",
}  # fmt: skip


def standing(root: Path) -> dict[str, object]:
    """Every path below with its kind and permissions, and every file with its bytes and the moment of its change."""
    found: dict[str, object] = {}
    for path in root.rglob("*"):
        state = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(state.st_mode) else b""
        found[str(path.relative_to(root))] = (state.st_mode, content, state.st_mtime_ns)
    return found
