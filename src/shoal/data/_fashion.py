"""Fashion-MNIST (Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747): found on this machine, or fetched and checked.

A file counts only if the SHA-256 of its content, unzipped, is the published one.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from shoal.data._dataset import Dataset
from shoal.data._images import image_dataset
from shoal.data._reading import Labelled
from shoal.errors import DataError, EnvironmentFault, Problem
from shoal.files import Unreadable, kind_of, read_bytes, write

FASHION: Final = "fashion-mnist"
ADDRESS: Final = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"
CLASSES: Final = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

# Name: SHA-256 and size of the content, unzipped.
FILES: Final = {
    "train-images-idx3-ubyte": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        47_040_016,
    ),
    "train-labels-idx1-ubyte": ("bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 60_008),
    "t10k-images-idx3-ubyte": ("5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 7_840_016),
    "t10k-labels-idx1-ubyte": ("0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 10_008),
}
_SYSTEM: Final = Path("/usr/share/datasets")
_CHUNK: Final = 1 << 16
_SECONDS: Final = 30

DownloadProgress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that have come and the bytes expected (0 where not known)."""


def find_fashion() -> Path | None:
    """Find a folder that holds the four files, plain or gzipped: $SHOAL_DATA, the user's cache, Debian's."""
    return next((folder for folder in _folders() if all(_file(folder, name) for name in FILES)), None)


def load_fashion() -> Dataset:
    """Read the 60,000 training and 10,000 test images, 28 x 28 grey pixels in 10 classes.

    Raises DataError where the files are not here, or are not the published ones.
    """
    folder = find_fashion()
    if folder is None:
        places = ", ".join(map(str, _folders()))
        what = f"expected the files of {FASHION} in one of {places}, got none"
        raise DataError(Problem("data.dataset", f"{what}; fetch them: shoal data fetch {FASHION}"))
    paths = {name: _file(folder, name) or folder for name in FILES}
    content = {name: _checked(_read(path, name), name, str(path)) for name, path in paths.items()}
    train, test = (
        Labelled(
            np.frombuffer(content[f"{part}-images-idx3-ubyte"], np.uint8, offset=16).reshape(-1, 1, 28, 28),
            np.array(CLASSES)[np.frombuffer(content[f"{part}-labels-idx1-ubyte"], np.uint8, offset=8)],
            str(folder),
        )
        for part in ("train", "t10k")
    )
    return image_dataset(FASHION, "built-in", CLASSES, train, test)


def fetch_fashion(address: str = ADDRESS, progress: DownloadProgress | None = None) -> Path:
    """Fetch what is missing into $SHOAL_DATA or the user's cache; give the folder.

    Every file is checked before it is written, and appears whole or not at all. Raises EnvironmentFault
    where the network or the disk fails, DataError where something else than the published file came.
    """
    folder = _folders()[0]
    for name, (_, size) in FILES.items():
        if not _is_good(folder, name):
            source = f"{address.rstrip('/')}/{name}.gz"
            raw = _download(source, f"{name}.gz", size + _CHUNK, progress)
            _checked(raw, name, source)
            _write(folder / f"{name}.gz", raw)
    return folder


def _folders() -> list[Path]:
    """Where the files may be, the folder to fetch into first."""
    import platformdirs

    override = os.environ.get("SHOAL_DATA")
    roots = [Path(override)] if override else []
    return [root / FASHION for root in (*roots, Path(platformdirs.user_cache_dir("shoal")), _SYSTEM)]


def _file(folder: Path, name: str) -> Path | None:
    """Find a file, plain or gzipped."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if kind_of(path) == "a file"), None)


def _is_good(folder: Path, name: str) -> bool:
    """Whether the published file is there already."""
    path = _file(folder, name)
    try:
        return path is not None and bool(_checked(_read(path, name), name, str(path)))
    except DataError:
        return False


def _read(path: Path, name: str) -> bytes:
    """Read a file that may be the published one. Raises DataError."""
    try:
        return read_bytes(path, FILES[name][1] + _CHUNK)
    except Unreadable as error:
        raise DataError(Problem(str(path), error.sentence())) from error


def _checked(raw: bytes, name: str, where: str) -> bytes:
    """Unzip, where zipped, and compare with the published SHA-256. Raises DataError naming `where`."""
    published, size = FILES[name]
    content = raw
    if raw.startswith(b"\x1f\x8b"):
        unzip = zlib.decompressobj(wbits=31)  # 31: gzip, its checksum included
        try:
            content = unzip.decompress(raw, size + 1)
        except zlib.error as error:
            raise DataError(
                Problem(where, f"expected a whole gzip file, got a damaged one ({error})")
            ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != published:
        what = (
            f"expected the published file (SHA-256 {published[:12]}… unzipped), got another ({digest[:12]}…)"
        )
        raise DataError(Problem(where, what))
    return content


def _download(source: str, name: str, most: int, progress: DownloadProgress | None) -> bytes:
    """Fetch one file into memory, no more than `most` bytes."""
    if not source.startswith(("http://", "https://")):
        raise DataError(Problem(source, "expected an address that starts with http:// or https://"))
    import http.client
    import urllib.error
    import urllib.request

    raw = bytearray()
    try:
        with urllib.request.urlopen(source, timeout=_SECONDS) as response:  # noqa: S310 (the scheme is checked)
            total = int(response.headers.get("Content-Length") or 0)
            while len(raw) <= most and (chunk := response.read(_CHUNK)):
                raw += chunk
                if progress is not None:
                    progress(name, len(raw), total)
    except urllib.error.HTTPError as error:
        error.close()
        raise EnvironmentFault(Problem(source, f"expected to fetch the file, got: {error}")) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise EnvironmentFault(Problem(source, f"expected to fetch the file, got: {reason}")) from error
    if len(raw) < total:
        raise EnvironmentFault(
            Problem(source, f"expected {total} bytes, got {len(raw)}: the connection broke")
        )
    return bytes(raw)


def _write(path: Path, raw: bytes) -> None:
    """Write a file into a folder that may have to be made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"expected to write the file, got: {error.strerror}"
        raise EnvironmentFault(Problem(str(path), what)) from error
    write(path, raw)
