"""The run folder as a place: made so that it lasts, and none of its files a way out of it.

A run folder may come from a stranger. What is read or written there lies in it: a symbolic link, a pipe or a device in
the place of one of our files is refused, and so is a second name of a file that is written in place.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from pathlib import Path
from typing import Final

from shoal.errors import EnvironmentFault, InputError, Problem, RunFolderError, ShoalError
from shoal.files import NO_FOLDER, Folder, kind_of, no_name
from shoal.wording import first_few

STORE_NAME: Final = "results.sqlite"
LOCK_NAME: Final = "run.lock"
LOG_NAME: Final = f"{STORE_NAME}-wal"
INDEX_NAME: Final = f"{STORE_NAME}-shm"
JOURNAL_NAME: Final = f"{STORE_NAME}-journal"

_IN_PLACE: Final = (STORE_NAME, LOG_NAME, INDEX_NAME, LOCK_NAME)
"""Files that are written where they lie."""
PICTURES: Final = "figures"
PICTURE: Final = re.compile(r"\d\d-[a-z0-9-]+\.(png|svg)")
_FOLDERS: Final = (PICTURES,)
STUDY_NAME: Final = "study.toml"
REPORT_NAME: Final = "report.html"
OUTPUT_FILES: Final = (STUDY_NAME, "model.safetensors", REPORT_NAME)
"""Files of a run that are replaced as a whole, beside the pictures."""
_OUR_FILES: Final = (*_IN_PLACE, *OUTPUT_FILES)
_KINDS: Final = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISREG, "a file"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)
_LEFT_BY_SYSTEMS: Final = (".DS_Store", "Thumbs.db", "desktop.ini")
"""What systems lay into folders that are looked at."""
NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
"""Not on Windows, where making a symbolic link takes a right of its own; there the look before has to do."""


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents; RunFolderError if that is not allowed, EnvironmentFault if it fails.

    What is new is flushed to disk: a file that survives the death of the machine needs its folders.
    """
    try:
        if kind_of(folder) == "a folder":
            return
        _refuse_unwritable(_nearest(folder.absolute()))
        new = [path for path in (folder, *folder.parents) if kind_of(path) == "nothing"]
        folder.mkdir(parents=True, exist_ok=True)
        for path in new:
            with Folder.open(path.parent) as above:
                above.flush()
    except (OSError, ValueError) as error:
        raise folder_error(folder, error) from error


def refuse_unusable(folder: Path) -> None:
    """Refuse what `make_folder` and a run in that folder would, without making anything."""
    try:
        whole = folder.absolute()
        there = _nearest(whole)
        if (kind := kind_of(there)) != "a folder":
            code = errno.EEXIST if there == whole or kind == "a link that leads nowhere" else errno.ENOTDIR
            raise OSError(code, os.strerror(code))
        _refuse_unwritable(there)
    except (OSError, ValueError) as error:
        raise folder_error(folder, error) from error
    refuse_foreign(folder)
    refuse_ways_out(folder, writing=True)


def _refuse_unwritable(folder: Path) -> None:
    """Raise OSError where no file can be made in a folder; on Linux one without a name is made, which leaves no trace.

    It is no answer of the file system's that it knows no such files, unless it has no room for any (/proc, /sys).
    """
    if not os.path.isdir(folder):
        return
    try:
        if sys.platform == "linux":
            os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            return
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EISDIR, errno.EINVAL):
            raise
        if os.statvfs(folder).f_blocks == 0:
            raise
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def refuse_ways_out(folder: Path, *, writing: bool) -> None:
    """Refuse a folder in which one of our files is a link, a pipe or a device, or is (to write) one file with others.

    Its pictures are looked at too. A rollback journal beside the store is never ours, for a store is in WAL mode from
    its birth: SQLite would do what stands in it, down to the deletion of a file anywhere.
    """
    for name in _OUR_FILES:
        _refuse(folder / name, stat.S_ISREG, "a file", alone=writing and name in _IN_PLACE)
    for name in _FOLDERS:
        _refuse(folder / name, stat.S_ISDIR, "a folder", alone=False)
    if state_of(folder / JOURNAL_NAME) is not None:
        what = "expected no such file, found one: Shoal never writes it, and what it asks for is not done; delete it"
        raise RunFolderError(Problem(str(folder / JOURNAL_NAME), what))


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder that holds something and is no run folder: nothing of a person's is mixed with ours.

    An empty store is none: a run that was killed may have left it, but alone.
    """
    if kind_of(folder) != "a folder":
        return
    store = state_of(folder / STORE_NAME)
    if store is not None and (store.st_size or not stat.S_ISREG(store.st_mode)):
        return
    try:
        with Folder.open(folder) as opened:
            others = [name for name in opened.names() if name not in (*_IN_PLACE, *_LEFT_BY_SYSTEMS)]
    except OSError as error:
        raise folder_error(folder, error) from error
    if others:
        what = (
            f"expected an empty folder or a run folder, found one with other files ({first_few(others, 3)})"
        )
        raise RunFolderError(Problem(str(folder), f"{what}; choose another folder"))


def refuse_to_replace(out: Path, *inputs: Path) -> None:
    """Refuse a file to write that a command was given to read, or that is one of a run folder's own files.

    One whose folder is not there is refused, too, before the work. Raises InputError. Links are looked through: what
    counts is which file would be replaced.
    """
    target = Path(os.path.realpath(out))
    if not os.path.lexists(out) and not os.path.isdir(target.parent):
        raise InputError(Problem(str(out), NO_FOLDER))
    if os.path.isfile(out) and any(os.path.isfile(path) and out.samefile(path) for path in inputs):
        what = "expected another file than the one that is read; choose another with --out"
        raise InputError(Problem(str(out), what))
    if _of_a_run_folder(target):
        what = "expected a file outside a run folder, got one of its own; choose another with --out"
        raise InputError(Problem(str(out), what))


def _of_a_run_folder(place: Path) -> bool:
    """Whether a run folder would take a file for one of its own, there or not; letter case is nothing on some disks."""
    name, above = place.name.casefold(), place.parent
    if name in (*_OUR_FILES, JOURNAL_NAME):
        return kind_of(above / STORE_NAME) == "a file"
    inside = above.name.casefold() == PICTURES and PICTURE.fullmatch(name) is not None
    return inside and kind_of(above.parent / STORE_NAME) == "a file"


def _refuse(path: Path, right: object, expected: str, *, alone: bool) -> None:
    status = state_of(path)
    if status is None:
        return
    if not right(status.st_mode):  # type: ignore[operator]
        kind = next((name for test, name in _KINDS if test(status.st_mode)), "a device")
        what = f"expected {expected} of this run folder, found {kind}; move it away"
        raise RunFolderError(Problem(str(path), what))
    if alone and status.st_nlink > 1:
        what = (
            f"expected a file of this run folder alone, found one with {status.st_nlink} names (hard links)"
        )
        raise RunFolderError(Problem(str(path), f"{what}; put a copy in its place"))


def _nearest(folder: Path) -> Path:
    """Give the folder, or what stands nearest above it. Raises as `_stands` does for names that no folder can have."""
    there = next(path for path in (folder, *folder.parents) if _stands(path))
    for name in folder.relative_to(there).parts:  # the system refuses one that is too long before it is made
        _stands(there / name)
    return there


def _stands(path: Path) -> bool:
    """Whether anything stands there, through links. Raises OSError, and ValueError, where that cannot be asked."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return os.path.islink(path)  # one that leads nowhere is in the way, too
    return True


def state_of(path: Path) -> os.stat_result | None:
    """Give what stands there itself, not what it may point to; None where nothing does."""
    try:
        return path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:  # no permission to look
        what = f"expected a run folder that can be read ({error.strerror})"
        raise RunFolderError(Problem(str(path.parent), what)) from error
    except ValueError as error:
        raise folder_error(path.parent, error) from error


def size_of(path: Path) -> int | None:
    """Give the size of a file in bytes; None where there is none."""
    status = state_of(path)
    return None if status is None else status.st_size


def mark_of(path: Path) -> tuple[int, ...] | None:
    """Give what changes with every change of a file; None where there is none."""
    status = state_of(path)
    return None if status is None else (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def open_to_read(path: Path) -> int:
    """Open a file of the run folder: no link is followed, and no pipe is waited for."""
    return os.open(path, os.O_RDONLY | NO_FOLLOW | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))


def copy_file(source: Path, target: Path) -> None:
    """Copy the bytes of a file of the run folder; a link in its place is not followed."""
    try:
        with os.fdopen(open_to_read(source), "rb") as read, open(target, "xb") as written:
            while block := read.read(1 << 20):
                written.write(block)
    except OSError as error:
        raise EnvironmentFault(
            Problem(str(source), f"cannot be copied: {error.strerror or error}")
        ) from error


def folder_error(folder: Path, error: OSError | ValueError) -> ShoalError:
    """Turn what the system answered into one line: a folder that cannot be used, or a failing machine."""
    if isinstance(error, ValueError):
        return RunFolderError(Problem(str(folder), no_name(error, "folder")))
    what = f"expected a folder that can be written ({error.strerror})"
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        what = _in_the_way(folder) or what
    problem = Problem(str(folder), what)
    ours = (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.EEXIST,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.ENOTSUP,
    )
    return RunFolderError(problem) if error.errno in ours else EnvironmentFault(problem)


def _in_the_way(folder: Path) -> str:
    """Say what stands where a folder was to be, or a folder around it; "" where nothing but folders does."""
    kind = kind_of(folder)
    if kind not in ("a folder", "nothing"):
        return f"expected a folder, got {kind}"
    for around in folder.parents:
        if (kind := kind_of(around)) not in ("a folder", "nothing"):
            return f"expected a folder around it, got {kind}: {around}"
    return ""
