"""The door to the disk: whole or not at all, through links, into pipes, permissions kept, nothing else touched."""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.errors import EnvironmentFault, InputError, ShoalError
from shoal.files import TEMPORARY, Folder, Unreadable, read_bytes, write, write_together

OLD, NEW = b"old", b"new" * 1000


def contents(folder: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in sorted(folder.iterdir()) if entry.is_file()}


def refusal(path: Path, content: bytes = NEW, *, new: bool = False) -> str:
    with pytest.raises(ShoalError) as caught:
        write(path, content, new=new)
    return str(caught.value).replace(str(path), "PATH")


def test_a_new_file_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "any").write_bytes(OLD)
    write(tmp_path / "ours", NEW)
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "any").stat().st_mode
    assert contents(tmp_path) == {"any": OLD, "ours": NEW}


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640, 0o755, 0o666, 0o400])
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "f"
    path.write_bytes(OLD)
    path.chmod(mode)
    write(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert contents(tmp_path) == {"f": NEW}


def test_a_link_is_written_through(tmp_path: Path) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    near.mkdir()
    (far / "f").write_bytes(OLD)
    (far / "f").chmod(0o600)
    (near / "link").symlink_to(far / "f")
    (near / "chain").symlink_to("link")
    (near / "new").symlink_to(far / "made")
    for name in ("link", "chain", "new"):
        write(near / name, NEW + name.encode())
        assert (near / name).is_symlink()
        assert (near / name).read_bytes() == NEW + name.encode()
    assert sorted(entry.name for entry in far.iterdir()) == ["f", "made"]
    assert stat.S_IMODE((far / "f").stat().st_mode) == 0o600
    (near / "loop").symlink_to("loop")
    assert refusal(near / "loop") == "PATH: cannot be written: Too many levels of symbolic links"


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert refusal(path) == "PATH: expected a pipe that somebody reads from, got one without a reader"
    seen: list[bytes] = []
    content = b"x" * 1_000_000  # more than a pipe holds at a time
    reader = threading.Thread(target=lambda: seen.append(path.read_bytes()))
    reader.start()
    until = time.monotonic() + 30
    while not seen and time.monotonic() < until:
        try:
            write(path, content)
        except InputError:  # the reader has not opened it yet
            time.sleep(0.01)
            continue
        reader.join()
    assert seen == [content]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_device_is_written_to_and_stays_one() -> None:
    before = os.stat(os.devnull)
    write(Path(os.devnull), NEW)
    assert os.stat(os.devnull).st_rdev == before.st_rdev


@pytest.mark.parametrize("redirect", [">", ">>"])
def test_standard_output_by_its_name(tmp_path: Path, redirect: str) -> None:
    code = "import sys; from pathlib import Path; from shoal.files import write; write(Path(sys.argv[1]), b'there')"
    out = tmp_path / "out"
    out.write_bytes(b"here, ")
    command = f'"{sys.executable}" -c "{code}" /dev/stdout'
    subprocess.run(f"{command} {redirect} {out}", shell=True, check=True)  # noqa: S602
    assert out.read_bytes() == (b"there" if redirect == ">" else b"here, there")
    piped = subprocess.run(f"{command} | cat", shell=True, check=True, capture_output=True)  # noqa: S602
    assert piped.stdout == b"there"


@pytest.mark.parametrize("name", ["x" * 255, "x" * 254, "é" * 127, ".x", "-", "a b\n"])
def test_every_legal_name_works(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, NEW)
    assert contents(tmp_path) == {name: NEW}


def test_names_that_no_file_can_have_are_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / ("x" * 256)) == "PATH: cannot be written: File name too long"
    for name, got in (("a\0b", "a zero byte"), ("a\ud800b", "a letter that no name can hold here")):
        with pytest.raises(InputError, match=rf": expected a name that a file can have, got {got} in it$"):
            write(tmp_path / name, NEW)
    (tmp_path / "f").write_bytes(OLD)
    assert refusal(tmp_path / "f" / "g") == "PATH: cannot be written: Not a directory"
    assert refusal(tmp_path / "none" / "f") == "PATH: expected a folder that exists, got none"
    assert refusal(tmp_path) == "PATH: expected the name of a file to write, got a folder"
    assert contents(tmp_path) == {"f": OLD}


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="a file system below /dev")  # noqa: S108
def test_a_file_below_dev_is_a_file() -> None:
    """It was taken for a device, and written on to."""
    with TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder) / "f"
        path.write_bytes(OLD)
        with pytest.raises(InputError, match="--force replaces it"):
            write(path, NEW, new=True)
        assert path.read_bytes() == OLD
        write(path, NEW)
        assert path.read_bytes() == NEW


@pytest.mark.skipif(os.name != "posix", reason="sockets with names")
def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("s")
        assert refusal(tmp_path / "s") == "PATH: expected the name of a file to write, got a socket"


def test_a_new_file_replaces_nothing_but_itself(tmp_path: Path) -> None:
    path = tmp_path / "m.py"
    write(path, NEW, new=True)
    write(path, NEW, new=True)
    path.write_bytes(OLD)
    what = "expected no file of that name, got one that is not what would be written; --force replaces it"
    assert refusal(path, new=True) == f"PATH: {what}"
    with pytest.raises(InputError):
        write_together({tmp_path / "weights": NEW, path: NEW}, new=(path,))
    assert contents(tmp_path) == {"m.py": OLD}


@pytest.mark.parametrize("call", ["fsync", "write", "replace"])
def test_a_failing_disk_leaves_the_old_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(OLD)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(EnvironmentFault) as fault:
        write_together({tmp_path / "a": NEW, tmp_path / "b": NEW})
    assert str(fault.value) == f"{tmp_path / 'a'}: cannot be written: No space left on device"
    assert contents(tmp_path) == {"a": OLD, "b": OLD}


def test_a_folder_that_cannot_be_flushed_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flush = os.fsync

    def only_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    write(tmp_path / "f", NEW)
    assert contents(tmp_path) == {"f": NEW}


def test_many_writers_of_one_path_leave_one_of_their_files(tmp_path: Path) -> None:
    path, faults, stop = tmp_path / "f", list[object](), threading.Event()
    whole = {bytes([letter]) * 50_000 for letter in b"abcdefgh"}
    write(path, min(whole))

    def again(content: bytes) -> None:
        try:
            for _ in range(20):
                write(path, content)
        except BaseException as error:
            faults.append(error)

    def watch() -> None:
        while not stop.is_set():
            if path.read_bytes() not in whole:
                faults.append("half a file")

    watcher = threading.Thread(target=watch)
    writers = [threading.Thread(target=again, args=(content,)) for content in whole]
    for thread in (watcher, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    watcher.join()
    assert faults == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]


def test_what_a_killed_process_left_is_cleared_away_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from shoal.files import Folder\n"
        "with Folder.open(Path(sys.argv[1])) as folder, folder.prepared('f', b'half'):\n"
        "    print('there', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        write(tmp_path / "g", NEW)
        (half,) = (entry for entry in tmp_path.iterdir() if entry.name != "g")
        assert TEMPORARY.fullmatch(half.name)
        assert half.read_bytes() == b"half"
        writer.send_signal(signal.SIGKILL)
    assert half.exists()
    mine = tmp_path / f".shoal-{'0' * 31}.tmp"  # one letter less: none of ours
    mine.write_bytes(OLD)
    write(tmp_path / "g", OLD)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(["g", mine.name])


def test_thousands_of_left_files_are_cleared_away_at_once_and_a_persons_are_not(tmp_path: Path) -> None:
    """A link, a folder, a pipe under such a name, names that are nearly such, and names of a file that has others."""
    left = [tmp_path / f".shoal-{number:032x}.tmp" for number in range(3000)]
    for path in left:
        path.write_bytes(b"half")
    theirs = [f".shoal-{letters}.tmp" for letters in ("a" * 31, "a" * 33, "A" * 32, "g" * 32)]
    theirs += [f"shoal-{'a' * 32}.tmp", f".shoal-{'a' * 32}.TMP", f".shoal-{'a' * 32}.tmp\n"]
    for name in theirs:
        (tmp_path / name).write_bytes(OLD)
    link, folder, pipe = (tmp_path / f".shoal-{letter * 32}.tmp" for letter in "bcd")
    link.symlink_to(tmp_path / theirs[0])
    folder.mkdir()
    (folder / "inside").write_bytes(OLD)
    os.mkfifo(pipe)
    begun = time.process_time()
    write(tmp_path / "g", NEW)
    assert time.process_time() - begun < 3  # 0.05 s each 3,000
    assert {entry.name for entry in tmp_path.iterdir()} == {"g", *theirs, link.name, folder.name, pipe.name}
    assert (folder / "inside").read_bytes() == OLD


def test_nothing_is_written_or_read_under_a_name_that_is_cleared_away(tmp_path: Path) -> None:
    """The next command would delete it."""
    path = tmp_path / f".shoal-{'0' * 32}.tmp"
    with pytest.raises(InputError, match="expected another name, got a name of files that Shoal is writing"):
        write(path, NEW)
    assert not path.exists()
    path.write_bytes(OLD)
    with pytest.raises(Unreadable) as caught:
        read_bytes(path)
    assert caught.value.sentence("a model file") == (
        "expected a model file, got a name of files that Shoal is writing, which it clears away; give it another"
    )


def test_links_under_foreseen_names_are_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    treasure = tmp_path / "treasure"
    treasure.write_bytes(OLD)
    folder = tmp_path / "folder"
    folder.mkdir()
    names = iter("01")
    monkeypatch.setattr("shoal.files.secrets.token_hex", lambda _: next(names) * 32)
    (folder / f".shoal-{'0' * 32}.tmp").symlink_to(treasure)
    with pytest.raises(EnvironmentFault, match="File exists"):
        write(folder / "f", NEW)
    write(folder / "f", NEW)
    assert treasure.read_bytes() == OLD
    assert (folder / "f").read_bytes() == NEW
    assert not (folder / "f").is_symlink()


class TestFolder:
    def test_what_is_done_in_it_stays_in_it(self, tmp_path: Path) -> None:
        place, elsewhere = tmp_path / "place", tmp_path / "elsewhere"
        place.mkdir()
        elsewhere.mkdir()
        with Folder.open(place) as folder:
            place.rename(tmp_path / "moved")
            place.symlink_to(elsewhere)
            with folder.prepared("f", NEW) as file:
                file.take()
            assert folder.names() == ["f"]
        assert contents(tmp_path / "moved") == {"f": NEW}
        assert contents(elsewhere) == {}

    @pytest.mark.parametrize("kind", ["link to a file", "link to a folder", "folder", "pipe", "nothing"])
    def test_nothing_but_a_file_is_read(self, tmp_path: Path, kind: str) -> None:
        (tmp_path / "file").write_bytes(OLD)
        match kind:
            case "link to a file":
                (tmp_path / "f").symlink_to(tmp_path / "file")
            case "link to a folder":
                (tmp_path / "f").symlink_to(tmp_path)
            case "folder":
                (tmp_path / "f").mkdir()
            case "pipe":
                os.mkfifo(tmp_path / "f")
        with Folder.open(tmp_path) as folder:
            if kind == "nothing":
                assert folder.sha256("f") is None
                assert folder.kind("f") is None
                return
            with pytest.raises(OSError, match=r"not a file|levels of symbolic links|Is a directory"):
                folder.sha256("f")
            if kind.startswith("link"):
                with pytest.raises(OSError, match=r"Not a directory|levels of symbolic links"):
                    folder.within("f")
                folder.remove("f")
        assert (tmp_path / "file").read_bytes() == OLD

    def test_a_folder_in_it_is_made_once(self, tmp_path: Path) -> None:
        with Folder.open(tmp_path) as folder:
            for content in (OLD, NEW):
                with folder.within("figures", make=True) as inner, inner.prepared("f", content) as file:
                    file.take()
        assert contents(tmp_path / "figures") == {"f": NEW}


@given(
    files=st.dictionaries(st.sampled_from("abcd"), st.binary(max_size=50), min_size=1),
    old=st.sets(st.sampled_from("abcd")),
)
def test_files_written_together_are_all_there(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], old: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("together")
    for name in old:
        (folder / name).write_bytes(OLD)
    write_together({folder / name: content for name, content in files.items()})
    assert contents(folder) == dict.fromkeys(old, OLD) | files


def test_what_another_is_writing_stays_where_the_disk_knows_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    with Folder.open(tmp_path) as one, one.prepared("slow", NEW) as place:
        write(tmp_path / "quick", NEW)
        place.take()
    assert contents(tmp_path) == {"quick": NEW, "slow": NEW}


@pytest.mark.skipif(sys.platform != "linux", reason="lists of this form are Linux's")
def test_who_may_read_by_an_access_list_still_may_and_nobody_else(tmp_path: Path) -> None:
    """The group has no right, another user has: the mode alone shows the mask (rw) where the group's rights stand."""
    entries = ((0x01, 6, -1), (0x02, 6, 12345), (0x04, 0, -1), (0x10, 6, -1), (0x20, 0, -1))
    access = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    (tmp_path / "file").write_bytes(OLD)
    try:
        os.setxattr(tmp_path / "file", "system.posix_acl_access", access)
    except OSError as error:
        pytest.skip(f"this disk keeps no access lists ({error.strerror})")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o660
    write(tmp_path / "file", NEW)
    assert os.getxattr(tmp_path / "file", "system.posix_acl_access") == access
    assert contents(tmp_path) == {"file": NEW}
