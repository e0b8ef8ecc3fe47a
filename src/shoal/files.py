"""The two doors to the disk: files that a person sees are written here, and foreign files are opened here for reading.

Read are regular files alone, through links: a pipe or a device is never waited for.

Written is whole or not at all: a file is written beside its place under a name that nobody can foresee, flushed to
disk, and put in its place in one step. Where there is a file already, its permissions stay; a symbolic link is
written through; a pipe or a device is written to, never replaced. What a killed process left half-written is cleared
away by the next one that writes in the same folder, so that nothing is read or written under such a name on request.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from shoal.errors import EnvironmentFault, InputError, Problem, ShoalError

TEMPORARY: Final = re.compile(r"\.shoal-[0-9a-f]{32}\.tmp")
"""Names of files that are being written, short ones: a legal name never becomes too long by them."""
_OWN_NAME: Final = "a name of files that Shoal is writing, which it clears away"
NO_FOLDER: Final = "expected a folder that exists, got none"
_STREAMS: Final = re.compile(r"//?(dev/(std(in|out|err)|fd/.*)|proc/.*)")
"""What is open already, by its name; below /dev/ there are ordinary files, too (/dev/shm)."""
_NO_FLUSH: Final = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
"""What systems answer whose folders cannot be flushed; the file in them was."""
_NAMES: Final = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR)
"""What systems answer to names that no file can have there."""
_CHUNK: Final = 1 << 20
_ACCESS_LIST: Final = "system.posix_acl_access"
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_PLAIN: Final = _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""How files are opened inside a folder: never through a link, never waiting for the other end of a pipe."""

_READ: Final = os.O_RDONLY | (_PLAIN & ~getattr(os, "O_NOFOLLOW", 0))
_KINDS: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFLNK: "a symbolic link",
}

if sys.platform == "win32":

    def _hold(_descriptor: int) -> bool | None:
        """Nothing to do: an open file cannot be deleted here."""
        return True

else:
    import fcntl

    def _hold(descriptor: int) -> bool | None:
        """Show that a file is being written; False where somebody else does, None where the disk knows no locks."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return False if error.errno in (errno.EWOULDBLOCK, errno.EACCES) else None
        return True


class Unreadable(Exception):
    """Why a file cannot be read; `message` makes the one sentence of it."""

    def __init__(self, received: str, most: str = "") -> None:
        """Take what came and, where it is too large, how much was expected at most; or what the system answered."""
        super().__init__(received)
        self.received, self.most = received, most

    @classmethod
    def by(cls, error: OSError) -> Unreadable:
        """Take what the system answered."""
        return cls(f": {error.strerror or error}")

    def sentence(self, expected: str = "a file") -> str:
        """Say what was expected and what was there."""
        if self.received.startswith(":"):
            return f"expected a readable file, got{self.received}"
        return f"expected {expected}{self.most}, got {self.received}"


def no_name(error: ValueError, what: str) -> str:
    """Say what Python found wrong with the name of a file or folder; its own words differ from version to version."""
    got = "a letter that no name can hold here" if isinstance(error, UnicodeError) else "a zero byte"
    return f"expected a name that a {what} can have, got {got} in it"


def kind_of(path: Path) -> str:
    """Say what stands at a path, through links, without opening it: "a file", "a folder", "a pipe", "nothing" ..."""
    try:
        mode = stat.S_IFMT(path.stat().st_mode)
    except (OSError, ValueError):  # ValueError: no name that a file can have
        return "a link that leads nowhere" if os.path.islink(path) else "nothing"
    return "a file" if stat.S_ISREG(mode) else _KINDS.get(mode, "something else")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading, through links. Raises Unreadable; reading may raise OSError."""
    with _regular(path) as stream:
        yield stream


def _regular(path: Path) -> BinaryIO:
    kind = kind_of(path)
    if kind not in ("a file", "nothing"):  # opening a device may do something to it
        raise Unreadable(kind)
    if TEMPORARY.fullmatch(path.name):
        raise Unreadable(f"{_OWN_NAME}; give it another")
    try:
        descriptor = os.open(path, _READ)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise Unreadable("nothing there") from None
    except OSError as error:
        raise Unreadable.by(error) from error
    return _plain(descriptor)


def _plain(descriptor: int) -> BinaryIO:
    """Take an open file to read, if it is a regular one."""
    mode = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if not stat.S_ISREG(mode):  # put there meanwhile
        os.close(descriptor)
        raise Unreadable(_KINDS.get(mode, "something else"))
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Read a whole file. Raises Unreadable, also for more than `most` bytes, of which no more are read."""
    with opened(path) as stream:
        try:
            content = stream.read() if most is None else stream.read(most + 1)
        except OSError as error:
            raise Unreadable.by(error) from error
        if most is not None and len(content) > most:
            size = max(size_of(stream), len(content))
            raise Unreadable(f"{-(-size // 1000):,} kB", f" of at most {most / 1000:,.0f} kB")
    return content


def size_of(stream: BinaryIO) -> int:
    """Give the size of an open file in bytes."""
    return os.fstat(stream.fileno()).st_size


def write(path: Path, content: bytes, *, new: bool = False) -> None:
    """Write a whole file or none; with `new` only where there is none, or one of the same content.

    Raises InputError where there is no such folder or the name is taken, EnvironmentFault where the disk fails.
    """
    write_together({path: content}, new=(path,) if new else ())


def write_together(contents: Mapping[Path, bytes], *, new: tuple[Path, ...] = ()) -> None:
    """Write several files: none is put in its place before all are on disk; see `write`.

    `new` are those that may replace nothing but themselves.
    """
    with ExitStack() as stack:
        prepared = []
        for path, content in contents.items():
            with _one_line(path):
                prepared.append((path, _prepare(path, content, stack, new=path in new)))
        for path, place in prepared:
            with _one_line(path):
                place.take()


def _prepare(path: Path, content: bytes, stack: ExitStack, *, new: bool) -> _Place | _Stream:
    """Write a file beside its place, or find that it is a pipe or a device, which is written to at the end."""
    target = Path(os.path.realpath(path))
    if TEMPORARY.fullmatch(target.name):
        raise InputError(Problem(str(path), f"expected another name, got {_OWN_NAME}"))
    try:
        there: os.stat_result | None = path.stat()
    except FileNotFoundError:
        there = None
    if there is None and not target.parent.is_dir():
        raise InputError(Problem(str(path), NO_FOLDER))
    if there is not None and stat.S_IFMT(there.st_mode) in (stat.S_IFDIR, stat.S_IFSOCK):
        raise InputError(Problem(str(path), f"expected the name of a file to write, got {kind_of(path)}"))
    if there is not None and (not stat.S_ISREG(there.st_mode) or _STREAMS.fullmatch(os.path.abspath(path))):
        return _Stream(path, content)
    folder = stack.enter_context(Folder.open(target.parent))
    if new and there is not None and folder.sha256(target.name) != hashlib.sha256(content).hexdigest():
        what = "expected no file of that name, got one that is not what would be written; --force replaces it"
        raise InputError(Problem(str(path), what))
    return stack.enter_context(folder.prepared(target.name, content, there))


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except ShoalError:  # it has its sentence
        raise
    except ValueError as error:
        raise InputError(Problem(str(path), no_name(error, "file"))) from error
    except OSError as error:
        problem = Problem(str(path), f"cannot be written: {error.strerror or error}")
        raise (InputError if error.errno in _NAMES else EnvironmentFault)(problem) from error


@dataclass(frozen=True)
class _Stream:
    """A pipe or a device: it is written to as it is."""

    path: Path
    content: bytes

    def take(self) -> None:
        """Write all of it. A pipe that nobody reads is refused, not waited for."""
        waiting = getattr(os, "O_NONBLOCK", 0)
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | waiting)
        except OSError as error:
            if error.errno == errno.ENXIO:
                what = "expected a pipe that somebody reads from, got one without a reader"
                raise InputError(Problem(str(self.path), what)) from error
            raise
        try:
            if waiting:
                os.set_blocking(descriptor, True)
            _write_all(descriptor, self.content)
        finally:
            os.close(descriptor)


class Folder:
    """An open folder; what is done in it stays in it, and follows no link, whatever becomes of its path meanwhile.

    Methods raise OSError. Where the system has no such thing as an open folder, paths stand in.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self.path = path
        self._descriptor = descriptor
        self._cleared = False

    @classmethod
    def open(cls, path: Path) -> Folder:
        """Open a folder, through links where its path has some."""
        if os.open not in os.supports_dir_fd:
            return cls(path, None)
        return cls(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def within(self, name: str, *, make: bool = False) -> Folder:
        """Open a folder in this one, which is no link; `make` it where there is none."""
        if make:
            with suppress(FileExistsError):
                os.mkdir(self._at(name), **self._here)
                self.flush()
        if self._descriptor is None:
            path = self.path / name
            if path.is_symlink() or not path.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            return Folder(path, None)
        flags = os.O_RDONLY | os.O_DIRECTORY | _NO_LINK
        return Folder(self.path / name, os.open(name, flags, dir_fd=self._descriptor))

    def names(self) -> list[str]:
        """Give what lies in it, sorted; files that are being written are left out."""
        listed = os.listdir(self.path if self._descriptor is None else self._descriptor)
        return sorted(name for name in listed if not TEMPORARY.fullmatch(name))

    def state(self, name: str) -> os.stat_result | None:
        """Give what stands under a name itself, not what it may point to; None of nothing."""
        try:
            return os.stat(self._at(name), follow_symlinks=False, **self._here)
        except FileNotFoundError:
            return None

    def kind(self, name: str) -> int | None:
        """Give what stands under a name as `stat.S_IFMT` says it, of a link that it is one; None of nothing."""
        state = self.state(name)
        return None if state is None else stat.S_IFMT(state.st_mode)

    def is_file(self, name: str) -> bool:
        """Whether a file stands under a name, no link to one."""
        return stat.S_ISREG(self.kind(name) or 0)

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Open a regular file in it for reading, no link to one. Raises Unreadable; reading may raise OSError."""
        kind = self.kind(name)
        if kind is None:
            raise Unreadable("nothing there")
        if not stat.S_ISREG(kind):  # opening a device may do something to it
            raise Unreadable(_KINDS.get(kind, "something else"))
        try:
            descriptor = os.open(self._at(name), os.O_RDONLY | _PLAIN, **self._here)
        except OSError as error:
            raise Unreadable.by(error) from error
        with _plain(descriptor) as stream:
            yield stream

    def sha256(self, name: str) -> str | None:
        """Give the SHA-256 of a file; None where there is none. A link, a folder or a pipe is an OSError."""
        try:
            descriptor = os.open(self._at(name), os.O_RDONLY | _PLAIN, **self._here)
        except FileNotFoundError:
            return None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a file")
            digest = hashlib.sha256()
            while chunk := os.read(descriptor, _CHUNK):
                digest.update(chunk)
            return digest.hexdigest()
        finally:
            os.close(descriptor)

    @contextmanager
    def prepared(self, name: str, content: bytes, like: os.stat_result | None = None) -> Iterator[_Place]:
        """Write a file beside its place; it is gone at the end, unless it took its place (`_Place.take`).

        Owner and permissions are those of the file that it replaces (`like`), else those of any new file.
        """
        self._clear()
        temporary, descriptor = self._temporary(0o666 if like is None else 0o600)
        place = _Place(self, temporary, name)
        try:
            _write_all(descriptor, content)
            if like is not None:
                _make_like(descriptor, like, self._access_list(name))
            os.fsync(descriptor)
            if sys.platform == "win32":  # an open file cannot be moved there
                os.close(descriptor)
                descriptor = -1
            yield place
        finally:
            place.give_up()
            if descriptor >= 0:
                os.close(descriptor)

    def remove(self, name: str) -> None:
        """Remove a file, or the link of that name; nothing where there is none."""
        with suppress(FileNotFoundError):
            os.unlink(self._at(name), **self._here)

    def move(self, name: str, to: str) -> None:
        """Put a file in the place of another, and make that last."""
        ways = ("src_dir_fd", "dst_dir_fd")
        both = {} if self._descriptor is None else dict.fromkeys(ways, self._descriptor)
        os.replace(self._at(name), self._at(to), **both)
        self.flush()

    def _access_list(self, name: str) -> bytes | None:
        """Give a file's access control list, acl(5); without it the mask of one would pass for its group's rights."""
        with suppress(OSError, AttributeError):  # most files have none, some disks and systems know none
            return os.getxattr(self.path / name, _ACCESS_LIST, follow_symlinks=False)
        return None

    def _at(self, name: str) -> str:
        return str(self.path / name) if self._descriptor is None else name

    @property
    def _here(self) -> dict[str, Any]:
        return {} if self._descriptor is None else {"dir_fd": self._descriptor}

    def _temporary(self, mode: int) -> tuple[str, int]:
        """Make a file that nobody else has and that shows that it is being written."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN
        while True:
            name = f".shoal-{secrets.token_hex(16)}.tmp"
            descriptor = os.open(self._at(name), flags, mode, **self._here)
            # Between these two lines somebody may have taken it for one that a killed process left.
            if _hold(descriptor) is not False and os.fstat(descriptor).st_nlink:
                return name, descriptor
            os.close(descriptor)

    def _clear(self) -> None:
        """Remove what killed processes left half-written here: files of such a name that nobody is writing."""
        if self._cleared:
            return
        self._cleared = True
        for name in os.listdir(self.path if self._descriptor is None else self._descriptor):
            if TEMPORARY.fullmatch(name):
                with suppress(OSError):
                    self._remove_left(name)

    def _remove_left(self, name: str) -> None:
        descriptor = os.open(self._at(name), os.O_RDWR | _PLAIN, **self._here)
        try:
            # Without locks nobody knows who is still writing it: better left than taken from them.
            if stat.S_ISREG(os.fstat(descriptor).st_mode) and _hold(descriptor):
                self.remove(name)
        finally:
            os.close(descriptor)

    def flush(self) -> None:
        """Make its list of names last; where a system cannot, the files' own flush has to do."""
        try:
            if self._descriptor is not None:
                os.fsync(self._descriptor)
        except OSError as error:
            if error.errno not in _NO_FLUSH:
                raise


@dataclass
class _Place:
    """A file that is written and waits for its place."""

    folder: Folder
    temporary: str
    name: str

    def take(self) -> None:
        """Put it there."""
        self.folder.move(self.temporary, self.name)
        self.temporary = ""

    def give_up(self) -> None:
        """Remove it, unless it is in its place."""
        if self.temporary:
            self.folder.remove(self.temporary)


def _make_like(descriptor: int, like: os.stat_result, access_list: bytes | None) -> None:
    """Give a file the owner, where that is allowed, and the permissions of another."""
    if sys.platform != "win32":
        with suppress(OSError):
            os.fchown(descriptor, like.st_uid, like.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
    if access_list is not None:
        os.setxattr(descriptor, _ACCESS_LIST, access_list)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
