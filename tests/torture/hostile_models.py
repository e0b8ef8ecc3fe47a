"""Hostile model files: three real ones, what is done to them, and what loading owes whoever loads them."""

from __future__ import annotations

import hashlib
import json
import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from shoal.data import encoder_class
from shoal.errors import ModelFileError
from shoal.kinds import ENCODERS
from shoal.model import Model

KEPT = Path(__file__).parent.parent / "assets" / "0.1.0"
REAL = {path.stem: path.read_bytes() for path in sorted(KEPT.glob("*.safetensors"))}
"""A classifier of a table with categories, a standardised regression, a small convolutional network."""

OF_HEADER, BESIDE = 40, 1 << 18


for _kind in ENCODERS:
    encoder_class(_kind)  # a file of ours, imported at its first use


def most(content: bytes) -> int:
    """Bytes that refusing or reading may need: the arrays once, and 40 times the header, for Python's objects."""
    declared = int.from_bytes(content[:8], "little")
    header = declared if declared <= len(content) - 8 else 0
    return OF_HEADER * header + len(content) - header + BESIDE


WATCHED = (
    "compile", "exec", "import", "open", "os.", "subprocess", "shutil", "tempfile", "ctypes", "socket",
    "pickle", "marshal", "code.", "builtins.input", "builtins.breakpoint", "urllib", "http",
)  # fmt: skip


class Ran(BaseException):
    """Something happened while a file was read that reading does not need."""


def read(content: bytes) -> Model | None:
    """Read a file as `load` does; None where it was refused, in one short line. Other errors come through."""
    try:
        return Model.read(BytesIO(content), len(content))
    except ModelFileError as error:
        sentence = str(error)
        assert sentence.isprintable(), sentence
        assert len(sentence) < 300, sentence
        return None


def attempt(content: bytes) -> bool:
    """Whether a file is believed; then it is byte for byte what Shoal writes for what it read."""
    model = read(content)
    assert model is None or model.to_bytes() == content
    return model is not None


_watching = [False]


@cache
def _listen() -> None:
    """Add the one hook; Python has no way to take it off again."""

    def hook(event: str, _given: tuple[Any, ...]) -> None:
        if _watching[0] and event.startswith(WATCHED):
            raise Ran(event)

    sys.addaudithook(hook)


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Inside, whatever imports, opens, compiles or starts anything raises `Ran`."""
    _listen()
    _watching[0] = True
    try:
        yield
    finally:
        _watching[0] = False


def packed(header: dict[str, Any], data: bytes) -> bytes:
    """A file with this header, laid out and sealed as Shoal would."""

    def laid_out() -> bytes:
        if isinstance(metadata, dict):
            header["__metadata__"] = {key: metadata[key] for key in sorted(metadata)}
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text + data

    metadata = header.get("__metadata__")
    if isinstance(metadata, dict):
        metadata.pop("sha256", None)
        metadata["sha256"] = hashlib.sha256(laid_out()).hexdigest()
    return laid_out()


def opened(content: bytes) -> tuple[dict[str, Any], bytes] | None:
    """Header and data of a file whose length may be wrong; None where its header is no JSON object."""
    try:
        text = content[8:].decode("latin-1")
        header, end = json.JSONDecoder().raw_decode(text)
        start = end + -end % 8
        return (header, content[8 + start :]) if isinstance(header, dict) else None
    except (ValueError, RecursionError):
        return None


def resealed(content: bytes) -> bytes:
    """The same file with length and checksum mended, so that what lies behind them is reached; or as it was."""
    parts = opened(content)
    try:
        return content if parts is None else packed(*parts)
    except (ValueError, RecursionError):  # a lone surrogate, or too deep to write
        return content


def measured(content: bytes) -> bool:
    """Read a file; nothing may run, and no more memory be taken than `most`."""
    believed, peak = taken(content)
    assert peak <= most(content), f"{peak} bytes for a file of {len(content)}"
    return believed


def taken(content: bytes) -> tuple[bool, int]:
    """Read a file; nothing may run. Give whether it was believed, and the memory that reading took at most."""
    tracemalloc.start()
    try:
        with nothing_runs():
            model = read(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return model is not None, peak


# -- mutations -----------------------------------------------------------------------------------------------

STRANGE: tuple[Any, ...] = (
    None, True, 0, 1, -1, 1.0, 2**31, 2**63, 10**30, 1e308, -0.0, "", "x", "\x1b[2J", "../x", "\u202e", "__class__",
    [], [[]], {}, {"": 0}, ["a", "a"], "x" * 500, "exec", "cnn", "sigmoid", "regression", "classification",
)  # fmt: skip


def mutated(content: bytes, draw: random.Random) -> bytes:
    """A file with a few changes: of bytes, of the header's JSON, or of the JSON inside a metadata value."""
    for _ in range(draw.randint(1, 3)):
        content = draw.choice(MUTATIONS)(content, draw)
    return content if draw.random() < 0.3 else resealed(content)


def _flip(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _cut(content: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(content))
    return content[:start] + content[start + draw.choice([1, 2, 8, 100, len(content)]) :] or b"\0"


def _double(content: bytes, draw: random.Random) -> bytes:
    start, stop = sorted(draw.randrange(len(content)) for _ in range(2))
    return content[:stop] + content[start : start + 300] + content[stop:]


def _token(content: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(content))
    token = draw.choice(
        [b'"', b"\\", b"{", b"}", b"[[", b",", b"null", b"1e999", b"\\ud800", b"\xff", b"\0" * 8, b"NaN"]
    )
    return content[:place] + token + content[place:]


def _header(content: bytes, draw: random.Random) -> bytes:
    parts = opened(content)
    if parts is None:
        return content
    return packed(_changed(parts[0], draw), parts[1])


def _metadata(content: bytes, draw: random.Random) -> bytes:
    parts = opened(content)
    metadata = parts[0].get("__metadata__") if parts else None
    if parts is None or not isinstance(metadata, dict) or not metadata:
        return content
    key = draw.choice(sorted(metadata))
    try:
        value = json.loads(metadata[key])
    except (ValueError, TypeError, RecursionError):
        return content
    metadata[key] = json.dumps(_changed({"": value}, draw).get(""), sort_keys=True)
    return packed(*parts)


def _changed(tree: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Put something strange somewhere into a tree of dicts and lists, in place."""
    place: Any = tree
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        inner = [key for key in keys if isinstance(place[key], dict | list) and place[key]]
        if not inner or (draw.random() < 0.25 and place is not tree):
            break
        place = place[draw.choice(inner)]
    act = draw.randrange(4)
    if keys and act == 0:
        del place[draw.choice(keys)]
    elif act == 1 and isinstance(place, dict):
        place[str(draw.choice(STRANGE))[:40]] = draw.choice(STRANGE)
    elif act == 2 and isinstance(place, list):
        place.insert(draw.randint(0, len(place)), draw.choice([*STRANGE, *place]))
    elif keys:
        old = draw.choice(keys)
        place[old] = draw.choice([*STRANGE, place[draw.choice(keys)], *_near(place[old])])
    return tree


def _near(value: Any) -> list[Any]:
    """Values that differ a little from one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return []
    return [value + 1, value - 1, -value, float(value)]


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip, _cut, _double, _token, _header, _header, _metadata, _metadata, _metadata, _metadata
)  # fmt: skip
