"""One run folder, one running process: a lock that the operating system lets go of when its holder dies.

The lock lies on `run.lock` in the run folder, which says who holds it and since when, and is removed at the
end. A killed holder leaves the file but not the lock; the next run takes both over. The file is reached from the
opened folder (on Windows, which has no such way, by its path), is never followed to another place and never emptied
unless it is a plain file of that folder alone.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from datetime import datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final

from shoal.errors import Problem, RunFolderBusy, RunFolderError
from shoal.results._folder import (
    LOCK_NAME,
    NO_FOLLOW,
    folder_error,
    make_folder,
    refuse_foreign,
    refuse_ways_out,
)

_UNSIGNED: Final = (ValueError, TypeError, KeyError, OverflowError, RecursionError)
_locked: set[int] = set()

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        """Lock one byte far beyond the text, which stays readable."""
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _keep_from_children() -> None:
        """Nothing to do: there is no fork here."""

    def _open_folder(folder: Path) -> int | None:
        """Nothing to open: paths are all there is here."""

    def _remove(path: Path | str, at: int | None, descriptor: int) -> None:  # noqa: ARG001
        """Close, then delete: an open file cannot be deleted here; one just opened by another stays."""
        os.close(descriptor)
        try:
            os.unlink(path)
        except OSError:
            return

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    @cache
    def _keep_from_children() -> None:
        """Close our copies in every forked child, which would otherwise hold the lock after our death."""
        os.register_at_fork(after_in_child=_let_go)

    def _let_go() -> None:
        while _locked:
            os.close(_locked.pop())

    def _open_folder(folder: Path) -> int | None:
        return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _remove(path: Path | str, at: int | None, descriptor: int) -> None:
        """Delete while still locked, so that nobody's new file is deleted; also from a folder that was moved."""
        try:
            os.unlink(path, dir_fd=at)
        except OSError:  # gone, or a failing disk: what stays behind is a file that nobody holds
            return
        finally:
            os.close(descriptor)


class RunLock:
    """`with RunLock(folder):` holds the run folder for this process; RunFolderBusy if another one does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._at: int | None = None
        self._descriptor = -1

    @property
    def _path(self) -> Path | str:
        """The lock file, from the opened folder where there is one."""
        return self._folder / LOCK_NAME if self._at is None else LOCK_NAME

    def __enter__(self) -> RunLock:
        refuse_foreign(self._folder)
        make_folder(self._folder)
        refuse_ways_out(self._folder, writing=True)
        _keep_from_children()
        try:
            self._at = _open_folder(self._folder)
            self._descriptor = self._locked()
            self._sign()
        except OSError as error:
            self._release()
            raise folder_error(self._folder, error) from error
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _release(self) -> None:
        if self._descriptor in _locked:  # not so in a forked child
            _locked.remove(self._descriptor)
            _remove(self._path, self._at, self._descriptor)
        if self._at is not None:
            os.close(self._at)
            self._at = None

    def _sign(self) -> None:
        """Write down who holds the lock and since when."""
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.write(self._descriptor, json.dumps({"pid": os.getpid(), "since": since}).encode())

    def _locked(self) -> int:
        while True:
            # Without O_NONBLOCK a pipe put there would hold the opening up.
            flags = os.O_RDWR | os.O_CREAT | NO_FOLLOW | getattr(os, "O_NONBLOCK", 0)
            descriptor = os.open(self._path, flags, 0o644, dir_fd=self._at)
            opened = os.fstat(descriptor)
            if not stat.S_ISREG(opened.st_mode) or opened.st_nlink > 1:
                os.close(descriptor)
                what = "expected a file of this run folder alone, found something else; move it away"
                raise RunFolderError(Problem(str(self._folder / LOCK_NAME), what))
            if not _try_lock(descriptor):
                busy = _busy(self._folder, descriptor)
                os.close(descriptor)
                raise busy
            if self._is_ours(descriptor):
                _locked.add(descriptor)
                return descriptor
            os.close(descriptor)

    def _is_ours(self, descriptor: int) -> bool:
        """Tell whether the locked file still lies in the folder: its last holder may have removed it."""
        try:
            there = os.stat(self._path, dir_fd=self._at, follow_symlinks=False)
            return os.path.samestat(os.fstat(descriptor), there)
        except FileNotFoundError:
            return False


def _signature(descriptor: int) -> tuple[int, datetime]:
    """Read who signed the lock and when; one of `_UNSIGNED` where nobody has, or not Shoal."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    signed = json.loads(os.read(descriptor, 1000))
    return int(signed["pid"]), datetime.fromisoformat(signed["since"])


def _busy(folder: Path, descriptor: int) -> RunFolderBusy:
    """Say who holds the lock; what stands in the file is believed only where it is a number and a time."""
    try:
        holder, moment = _signature(descriptor)
        who, since = f"process {holder}", f" since {moment:%Y-%m-%d %H:%M:%S}"
    except _UNSIGNED:
        who, since = "another process", ""
    return RunFolderBusy(Problem(str(folder), f"{who} holds this run folder{since}; wait for it, or stop it"))
