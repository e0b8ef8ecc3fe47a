"""What is touched outside one folder: an audit hook sees what Python asks for, inotify what anybody asks for."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import shoal

SECONDS = 40
"""Of computing, for one act: some twenty times what the slowest takes."""
ROOM = 1 << 30
"""Bytes that one act may add to the process."""
_NAMED = {
    "open": 1, "os.remove": 1, "os.rename": 2, "os.mkdir": 1, "os.rmdir": 1, "os.link": 2, "os.symlink": 2,
    "os.truncate": 1, "os.chmod": 1, "os.chown": 1, "os.utime": 1, "os.listdir": 1, "os.scandir": 1,
    "os.chdir": 1, "os.exec": 1, "subprocess.Popen": 1, "sqlite3.connect": 1, "shutil.rmtree": 1,
}  # fmt: skip
"""Events of Python that name files, and how many of their first values are names."""
_FOLDERS = {"os.remove": (1,), "os.mkdir": (2,), "os.rmdir": (1,), "os.rename": (2, 3), "os.link": (2, 3)}
"""Where the open folders stand from which their names are looked up."""
_FOREIGN = {"socket.connect", "socket.bind", "os.system", "os.fork", "os.posix_spawn"}


class Watch:
    """What was touched outside a folder while it is watched; reading our own code is nothing to tell."""

    def __init__(self, folder: Path, *known: Path) -> None:
        self._inside = (str(folder), *map(str, known))
        ours = (shoal.__file__, __file__)
        places = (sys.prefix, sys.base_prefix, *(str(Path(path).parents[1]) for path in ours))
        self._code = (*map(os.path.realpath, places), "/proc/", "/sys/", "/usr/", "/etc/", "/lib")
        self._scratch = os.path.join(os.path.realpath(tempfile.gettempdir()), "shoal-")
        self.outside: list[str] = []

    def see(self, event: str, given: tuple[Any, ...]) -> None:
        """Note an event that names something outside."""
        if event in _FOREIGN:
            self.outside.append(f"{event}{given!r}")
        for place in range(_NAMED.get(event, 0)):
            folder = given[_FOLDERS[event][place]] if event in _FOLDERS else -1
            self._see_name(event, given[place], folder, given)

    def _see_name(self, event: str, name: Any, folder: Any, given: tuple[Any, ...]) -> None:
        if name is None or isinstance(name, int):  # a folder or a file that is open already
            return
        path = os.fsdecode(name)
        flags = given[2] if event == "open" else 0
        if event == "sqlite3.connect":
            path = urllib.parse.unquote(path.removeprefix("file:").partition("?")[0]).removeprefix("//")
            if path == ":memory:":
                return
        if isinstance(folder, int) and folder >= 0:
            path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
        elif not os.path.isabs(path) and event == "open" and flags & os.O_NOFOLLOW and "/" not in path:
            return  # within a folder that was opened before, and was told of then
        place = os.path.realpath(path)
        if place.startswith((*self._inside, self._scratch)) or place == os.devnull:
            return
        if place.startswith(self._code) and "__pycache__" in place.split(os.sep):
            return  # Python keeps what it compiled, the first time that a module is imported
        changing = event not in ("open", "os.listdir", "os.scandir") or flags & (os.O_WRONLY | os.O_RDWR)
        if changing or not place.startswith(self._code):
            self.outside.append(f"{event}: {place}")


_watching: list[Watch] = []


def _hook(event: str, given: tuple[Any, ...]) -> None:
    for watch in _watching:
        watch.see(event, given)


_hooked: list[bool] = []


@contextmanager
def watched(folder: Path, *known: Path) -> Iterator[Watch]:
    """Watch what this process touches outside a folder and the files that are `known`."""
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked.append(True)
    watch = Watch(Path(os.path.realpath(folder)), *known)
    _watching.append(watch)
    try:
        yield watch
    finally:
        _watching.remove(watch)


_ALL_EVENTS = 0xFFF
"""IN_ALL_EVENTS of inotify(7)."""


class Guard:
    """A file of which every use is noticed, whoever makes it: SQLite's own code, too. A context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Guard:
        library = ctypes.CDLL(None)
        self._descriptor = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for place in (self.path, self.path.parent):  # of a second name only the file itself is told
            assert library.inotify_add_watch(self._descriptor, os.fsencode(place), _ALL_EVENTS) >= 0
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def seen(self) -> list[str]:
        """Give what was done with it since it was asked last."""
        found = []
        try:
            while block := os.read(self._descriptor, 1 << 16):
                place = 0
                while place < len(block):
                    _, mask, _, length = struct.unpack_from("iIII", block, place)
                    name = block[place + 16 : place + 16 + length].rstrip(b"\0").decode()
                    found.append(f"{name} {mask:#x}")
                    place += 16 + length
        except BlockingIOError:
            pass
        return found


@contextmanager
def bounded() -> Iterator[None]:
    """Fail where an act computes for longer, or asks for more memory, than a store of some 100 kB is worth."""

    def late(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"more than {SECONDS} s of computing")

    before = signal.signal(signal.SIGPROF, late)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (held + ROOM, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
