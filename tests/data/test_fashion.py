"""Fashion-MNIST is found, checked and fetched whole or not at all; the server stands on loopback."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from shoal.data import _fashion, describe_builtin, fetch, load_builtin
from shoal.errors import DataError, EnvironmentFault

FASHION = _fashion.FASHION


def small_content() -> dict[str, bytes]:
    """Two training images and one test image, laid out as the real files are."""
    content: dict[str, bytes] = {}
    for part, rows in (("train", 2), ("t10k", 1)):
        content[f"{part}-images-idx3-ubyte"] = bytes(16) + bytes(range(rows)) * 784
        content[f"{part}-labels-idx1-ubyte"] = bytes(8) + bytes([9, 0][:rows])
    return content


CONTENT = small_content()
PACKED = {name: gzip.compress(content, mtime=0) for name, content in CONTENT.items()}
IMAGES = "train-images-idx3-ubyte"


class Server(http.server.ThreadingHTTPServer):
    """Serves what `replies` says of a path: bytes, a status, or bytes fewer than promised."""

    replies: dict[str, bytes | int]
    promise: dict[str, int]
    asked: list[str]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        reply = self.server.replies.get(self.path, 404)
        if isinstance(reply, int):
            self.send_error(reply)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(self.server.promise.get(self.path, len(reply))))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server(("127.0.0.1", 0), Handler)
    served.replies = {f"/data/{name}.gz": raw for name, raw in PACKED.items()}
    served.promise, served.asked = {}, []
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small data set in place of the real one, and no folder of this machine."""
    digests = {name: (hashlib.sha256(raw).hexdigest(), len(raw)) for name, raw in CONTENT.items()}
    monkeypatch.setattr(_fashion, "FILES", digests)
    monkeypatch.setattr(_fashion, "_SYSTEM", tmp_path / "system")
    monkeypatch.setenv("SHOAL_DATA", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}/data/"


def refusal(act: Callable[[], object], kind: type[Exception] = DataError) -> str:
    with pytest.raises(kind) as caught:
        act()
    return str(caught.value)


def put(folder: Path, content: dict[str, bytes], ending: str = "") -> None:
    folder.mkdir(parents=True)
    for name, raw in content.items():
        (folder / f"{name}{ending}").write_bytes(raw)


@pytest.mark.parametrize(
    ("place", "ending"), [("mine", ".gz"), ("mine", ""), ("system", ".gz"), ("system", "")]
)
def test_found_where_it_may_be_plain_or_zipped(tmp_path: Path, place: str, ending: str) -> None:
    put(tmp_path / place / FASHION, PACKED if ending else CONTENT, ending)
    dataset = load_builtin(FASHION)
    assert dataset.images is not None
    assert dataset.images.shape == (3, 1, 28, 28)
    assert dataset.images[:, 0, 0, :2].tolist() == [[0, 1], [0, 1], [0, 0]]
    assert dataset.classes[9] == "Ankle boot"
    assert dataset.targets.tolist() == [9, 0, 9]
    assert describe_builtin()[-1].endswith(f"in {tmp_path / place / FASHION}")


def test_found_in_the_cache_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOAL_DATA")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    put(tmp_path / "cache" / "shoal" / FASHION, PACKED, ".gz")
    assert load_builtin(FASHION).train_rows == 2


def test_found_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    assert refusal(lambda: load_builtin(FASHION)) == (
        f"data.dataset: expected the files of fashion-mnist in one of {tmp_path}/mine/fashion-mnist, "
        f"{tmp_path}/shoal/fashion-mnist, {tmp_path}/system/fashion-mnist, got none; "
        "fetch them: shoal data fetch fashion-mnist"
    )
    assert describe_builtin()[-1].endswith("not here; shoal data fetch fashion-mnist")


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "mine" / FASHION, CONTENT)
    file = tmp_path / "mine" / FASHION / IMAGES
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    wanted, came = (hashlib.sha256(raw).hexdigest()[:12] for raw in (CONTENT[IMAGES], file.read_bytes()))
    assert refusal(lambda: load_builtin(FASHION)) == (
        f"{file}: expected the published file (SHA-256 {wanted}… unzipped), got another ({came}…)"
    )


def test_fetching_brings_all_files_and_shows_progress(tmp_path: Path, server: Server) -> None:
    seen: list[tuple[str, int, int]] = []
    folder = fetch(FASHION, address(server), lambda *event: seen.append(event))
    assert folder == tmp_path / "mine" / FASHION
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        f"{n}.gz": r for n, r in PACKED.items()
    }
    assert (f"{IMAGES}.gz", len(PACKED[IMAGES]), len(PACKED[IMAGES])) in seen
    assert load_builtin(FASHION).train_rows == 2


def test_fetching_again_asks_only_for_what_is_missing_or_broken(server: Server) -> None:
    folder = fetch(FASHION, address(server))
    (folder / f"{IMAGES}.gz").write_bytes(b"\x1f\x8bbroken")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    server.asked.clear()
    fetch(FASHION, address(server))
    assert server.asked == [f"/data/{IMAGES}.gz", "/data/t10k-labels-idx1-ubyte.gz"]
    server.asked.clear()
    fetch(FASHION, address(server))
    assert server.asked == []


def files_left(tmp_path: Path) -> list[Path]:
    return [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_broken_connection_leaves_nothing(tmp_path: Path, server: Server) -> None:
    path = f"/data/{IMAGES}.gz"
    server.promise[path] = 1000
    assert len(PACKED[IMAGES]) < 1000
    assert refusal(lambda: fetch(FASHION, address(server)), EnvironmentFault) == (
        f"{address(server)}{IMAGES}.gz: expected 1000 bytes, got {len(PACKED[IMAGES])}: the connection broke"
    )
    assert files_left(tmp_path) == []


def test_another_file_leaves_nothing(tmp_path: Path, server: Server) -> None:
    server.replies[f"/data/{IMAGES}.gz"] = gzip.compress(b"another", mtime=0)
    wanted, came = (hashlib.sha256(raw).hexdigest()[:12] for raw in (CONTENT[IMAGES], b"another"))
    assert refusal(lambda: fetch(FASHION, address(server))) == (
        f"{address(server)}{IMAGES}.gz: expected the published file (SHA-256 {wanted}… unzipped), got another ({came}…)"
    )
    server.replies[f"/data/{IMAGES}.gz"] = PACKED[IMAGES][:10] + b"\xff" * 40
    assert "expected a whole gzip file, got a damaged one" in refusal(lambda: fetch(FASHION, address(server)))
    assert files_left(tmp_path) == []


def test_a_server_that_never_ends_is_cut_off(tmp_path: Path, server: Server) -> None:
    endless = os.urandom(1 << 20)
    server.replies[f"/data/{IMAGES}.gz"] = endless
    server.promise[f"/data/{IMAGES}.gz"] = 1 << 40
    came: list[int] = []
    refusal(lambda: fetch(FASHION, address(server), lambda _, done, __: came.append(done)), EnvironmentFault)
    assert max(came) < 3 << 16
    assert files_left(tmp_path) == []


def test_no_server_and_refusing_servers(tmp_path: Path, server: Server) -> None:
    server.replies[f"/data/{IMAGES}.gz"] = 503
    assert refusal(lambda: fetch(FASHION, address(server)), EnvironmentFault) == (
        f"{address(server)}{IMAGES}.gz: expected to fetch the file, got: HTTP Error 503: Service Unavailable"
    )
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert refusal(lambda: fetch(FASHION, closed), EnvironmentFault).startswith(
            f"{closed}/{IMAGES}.gz: expected to fetch the file, got: "
        )
    assert files_left(tmp_path) == []


def test_other_addresses_and_names_are_refused(tmp_path: Path) -> None:
    assert refusal(lambda: fetch(FASHION, "file:///etc")) == (
        f"file:///etc/{IMAGES}.gz: expected an address that starts with http:// or https://"
    )
    assert refusal(lambda: fetch("digits")) == "digits: nothing to fetch"
    assert refusal(lambda: fetch("fashion")) == (
        'fashion: expected a built-in data set, one of "two-peaks", "three-discs", "digits", "fashion-mnist",'
        ' got "fashion"; did you mean "fashion-mnist"?'
    )


def test_a_folder_that_cannot_be_written(tmp_path: Path, server: Server) -> None:
    (tmp_path / "mine").write_text("a file in the way")
    assert refusal(lambda: fetch(FASHION, address(server)), EnvironmentFault) == (
        f"{tmp_path}/mine/{FASHION}/{IMAGES}.gz: expected to write the file, got: Not a directory"
    )


def test_the_published_files_where_they_are_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    if _fashion.find_fashion() is None:
        pytest.skip("fashion-mnist is not on this machine")
    dataset = load_builtin(FASHION)
    assert (dataset.train_rows, dataset.rows) == (60_000, 70_000)
    assert np.bincount(dataset.targets[:60_000]).tolist() == [6000] * 10
    assert dataset.classes[dataset.targets[0]] == "Ankle boot"
    assert dataset.train_fingerprint == "08444064c7b9ae768b3b3f17a808734c43024504b32618677306b13fa7e80d2a"
    assert dataset.test_fingerprint == "4c9ff5a67434d2347908e9cb748aaad2869e109f1819b5ccc734ade0f4dcdc54"
