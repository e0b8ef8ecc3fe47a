"""Model files: one safetensors file a network, with all that predicting needs as JSON metadata.

The format is safetensors (a length, a JSON header, plain arrays): nothing in it can run. Header and arrays are
written here, in one order, because the library orders metadata anew in every process; it reads these files.

    bytes 0 to 8     length of the header, little-endian
    header           ASCII JSON, padded with spaces to a multiple of 8: {"__metadata__": {...}, name: {dtype,
                     shape, data_offsets} ...}, arrays by name
    arrays           float32, little-endian, one after the other, in the order of the header

Metadata: `format`, `sha256` (of the file as it is without this one entry), `architecture` and the facts, each a
JSON text. A file is believed only if it is byte for byte what would be written for what was read from it.

A file of the second format also holds a network of every fold: its arrays as `fold0.NAME` and so on, and
`fold0.scores`, float64, of the rows that it did not learn from; `folds` describes each. Arrays of float64 come first.
One of the third has `fold0.weights` too, float64: what the rows of these scores count.
Letters: S scores of a row, V rows of a fold held out.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from shoal.errors import ModelFileError
from shoal.files import write
from shoal.nets._architecture import Architecture
from shoal.nets._description import describe, is_size, rebuild
from shoal.nets._own_module import OwnModule
from shoal.wording import listed

MODEL_NAME: Final = "model.safetensors"
FORMAT: Final = "shoal-model/1"
FORMAT_WITH_FOLDS: Final = "shoal-model/2"
FORMAT_WITH_WEIGHTS: Final = "shoal-model/3"
_FORMATS: Final = (FORMAT, FORMAT_WITH_FOLDS, FORMAT_WITH_WEIGHTS)
MOST_FOLDS: Final = 1000
"""Networks of folds that a file takes."""
MAX_HEADER: Final = 1 << 22
"""Bytes of the largest header that is written or read. Python needs up to 32 times its bytes to read it."""


@dataclass(frozen=True, eq=False)
class StoredFold:
    """The network of one fold, as a model file holds it: `scores` float64 (S, V) of the rows that it held out.

    `weights`, of the same shape, are what these rows count; all folds have them, or none.
    """

    architecture: Architecture
    parameters: dict[str, NDArray[np.float32]]
    scores: NDArray[np.float64]
    facts: dict[str, Any]
    weights: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class StoredModel:
    """What a model file holds: `parameters` and running statistics, float32 by slot name; `facts` as JSON values."""

    architecture: Architecture
    parameters: dict[str, NDArray[np.float32]]
    facts: dict[str, Any]
    folds: tuple[StoredFold, ...] = ()


def save_model(
    path: Path,
    architecture: Architecture,
    parameters: Mapping[str, NDArray[np.float32]],
    facts: Mapping[str, Any],
) -> None:
    """Write a model: `parameters` by name in torch's shapes; `facts` (preprocessing, training, scores) as JSON.

    The file appears whole or not at all. Equal models are equal bytes.
    """
    write(path, model_bytes(architecture, parameters, facts))


def model_bytes(
    architecture: Architecture,
    parameters: Mapping[str, NDArray[np.float32]],
    facts: Mapping[str, Any],
    folds: Sequence[StoredFold] = (),
) -> bytes:
    """Give the content of a model file: of the first format without folds, of the third where these have weights.

    Raises ModelFileError for a description above 4 MiB, or more than 1000 folds.
    """
    if len(folds) > MOST_FOLDS:
        raise ModelFileError(f"expected at most {MOST_FOLDS} networks of folds, got {len(folds)}")
    described = {**facts, "architecture": describe(architecture)}
    if folds:
        described["folds"] = [
            {**fold.facts, "architecture": describe(fold.architecture), "scores": list(fold.scores.shape)}
            for fold in folds
        ]
    weighted = any(fold.weights is not None for fold in folds)
    file_format = _FORMATS[bool(folds) + weighted]
    metadata = {"format": file_format, **{key: _text(value) for key, value in described.items()}}
    shapes = [(fold.architecture, fold.scores.shape) for fold in folds]
    slots = _slots(architecture, shapes, weighted=weighted)
    arrays: dict[str, NDArray[Any]] = dict(parameters)
    for number, fold in enumerate(folds):
        arrays |= {f"fold{number}.{name}": array for name, array in fold.parameters.items()}
        arrays[f"fold{number}.scores"] = fold.scores
        if fold.weights is not None:
            arrays[f"fold{number}.weights"] = fold.weights
    data = b"".join(np.ascontiguousarray(arrays[slot.name], slot.kind).tobytes() for slot in slots)
    return _header({**metadata, "sha256": _seal(metadata, slots, data)}, slots) + data


def read_model(stream: BinaryIO, size: int, own: OwnModule | None = None) -> StoredModel:
    """Read a model from a file of `size` bytes, strictly; one of a person's own module with what makes it.

    Sizes are checked against each other before arrays are read; these take the bytes of the file, once. Raises
    ModelFileError, in one sentence, for anything but what `model_bytes` gives with finite numbers.
    """
    head = stream.read(8)
    length = int.from_bytes(head, "little")
    if len(head) < 8 or length > size - 8:
        raise ModelFileError(f"expected a model file, got {size} bytes that are none or only a part of one")
    if length > MAX_HEADER:
        raise ModelFileError(f"expected a header of at most {MAX_HEADER} bytes, got {length}")
    raw = stream.read(length)
    metadata = _metadata(raw)
    values = {key: _value(key, text) for key, text in metadata.items() if key not in ("format", "sha256")}
    architecture = rebuild(values.pop("architecture", None), own)
    folds = [] if metadata["format"] == FORMAT else _described_folds(values.pop("folds", None), own)
    shapes = [(own, shape) for own, shape, _ in folds]
    slots = _slots(architecture, shapes, weighted=metadata["format"] == FORMAT_WITH_WEIGHTS)
    expected = 8 + length + sum(slot.bytes for slot in slots)
    if expected != size:
        raise ModelFileError(f"expected a file of {expected} bytes by its architecture, got {size}")
    if _header(metadata, slots) != head + raw:
        raise ModelFileError(
            "expected the arrays of its architecture in a header as Shoal writes it, got another"
        )
    data = stream.read(size - 8 - length)
    if _seal(metadata, slots, data) != metadata.get("sha256"):
        raise ModelFileError("its checksum (SHA-256) does not fit its content: the file is damaged")
    arrays = _arrays(slots, data)
    stored = tuple(_fold(arrays, f"fold{number}.", own, said) for number, (own, _, said) in enumerate(folds))
    return StoredModel(architecture, arrays, values, stored)


def _fold(
    arrays: dict[str, NDArray[Any]], prefix: str, architecture: Architecture, facts: dict[str, Any]
) -> StoredFold:
    """Take the arrays of a fold out of all arrays."""
    slots = (*architecture.slots, *architecture.buffer_slots)
    parameters = {slot.name: arrays.pop(f"{prefix}{slot.name}") for slot in slots}
    scores, weights = arrays.pop(f"{prefix}scores"), arrays.pop(f"{prefix}weights", None)
    return StoredFold(architecture, parameters, scores, facts, weights)


_Folds = list[tuple[Architecture, tuple[int, int], dict[str, Any]]]


def _described_folds(described: object, own: OwnModule | None) -> _Folds:
    """Lay out the networks of folds that a header describes; equal descriptions are laid out once."""
    if not isinstance(described, list) or not 0 < len(described) <= MOST_FOLDS:
        raise ModelFileError(f"folds: expected 1 to {MOST_FOLDS} networks, got something else")
    known: dict[str, Architecture] = {}
    folds: _Folds = []
    for number, fold in enumerate(described):
        facts = dict(fold) if isinstance(fold, dict) else {}
        architecture, shape = facts.pop("architecture", None), facts.pop("scores", None)
        if not (isinstance(shape, list) and len(shape) == 2 and all(map(is_size, shape))):
            raise ModelFileError(f"fold {number}: expected a network and its scores, got something else")
        text = _text(architecture)
        if text not in known:
            known[text] = rebuild(architecture, own)
        folds.append((known[text], (shape[0], shape[1]), facts))
    return folds


@dataclass(frozen=True)
class _Slot:
    """One array of a file: little-endian `kind`, numbers of at least `least`."""

    name: str
    shape: tuple[int, ...]
    kind: str = "<f4"
    least: float = -math.inf
    finite: bool = True
    lookup: bool = False
    """Whether row 0 is the vector of what was not learned, which is 0."""

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        return int(self.kind[2:]) * self.size


def _slots(
    architecture: Architecture, folds: Sequence[tuple[Architecture, tuple[int, ...]]], *, weighted: bool
) -> list[_Slot]:
    slots = [*_own_slots(architecture, "")]
    for number, (own, shape) in enumerate(folds):
        slots += _own_slots(own, f"fold{number}.")
        names = ("scores", "weights") if weighted else ("scores",)
        slots += [_Slot(f"fold{number}.{name}", tuple(shape), "<f8", 0.0) for name in names]
    return sorted(slots, key=lambda slot: (slot.kind == "<f4", slot.name))


def _own_slots(architecture: Architecture, prefix: str) -> Iterator[_Slot]:
    tables = {f"embedding.{number}.weight" for number in range(len(architecture.tables))}
    for slot in (*architecture.slots, *architecture.buffer_slots):
        lookup = slot.name in tables
        part = slot.part
        yield _Slot(f"{prefix}{slot.name}", slot.shape, least=part.least, finite=part.finite, lookup=lookup)


def _header(metadata: Mapping[str, str], slots: list[_Slot]) -> bytes:
    """Give length and header."""
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    start = 0
    for slot in slots:
        stop = start + slot.bytes
        header[slot.name] = {
            "dtype": f"F{8 * int(slot.kind[2:])}", "shape": list(slot.shape), "data_offsets": [start, stop],
        }  # fmt: skip
        start = stop
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ModelFileError(f"expected a description of at most {MAX_HEADER} bytes, got {len(text)}")
    return len(text).to_bytes(8, "little") + text


def _seal(metadata: Mapping[str, str], slots: list[_Slot], data: bytes) -> str:
    unsealed = {key: text for key, text in metadata.items() if key != "sha256"}
    digest = hashlib.sha256(_header(unsealed, slots))
    digest.update(data)
    return digest.hexdigest()


def _metadata(raw: bytes) -> dict[str, str]:
    """Read the header's metadata: text by name, of a format that is known here."""
    try:
        header = json.loads(raw.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise ModelFileError("expected a header in JSON, got something else") from error
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise ModelFileError("expected a model of Shoal, got a file without its description")
    file_format = str(metadata.get("format", "none"))
    if file_format not in _FORMATS:
        newer = re.fullmatch(r"shoal-model/([1-9][0-9]{0,5})", file_format)
        advice = ": it was written by a newer Shoal; update this one" if newer else ""
        expected = f"expected the format {listed(_FORMATS, 'or')}"
        raise ModelFileError(f"{expected}, got {file_format[:40]!a}{advice}")
    return metadata


def _text(value: object) -> str:
    """Write a value in the one way; lone surrogates, which no text has, raise ValueError as NaN does."""
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return json.dumps(value, sort_keys=True, allow_nan=False)


def _value(key: str, text: str) -> Any:
    try:
        value = json.loads(text)
        if _text(value) == text:
            return value
    except (ValueError, RecursionError):
        pass
    raise ModelFileError(f"metadata {key[:40]!a}: expected JSON as Shoal writes it, got something else")


def _arrays(slots: list[_Slot], data: bytes) -> dict[str, NDArray[Any]]:
    """Give read-only views into the data, by name: what is trained finite; variances, scores and weights at least 0."""
    arrays: dict[str, NDArray[Any]] = {}
    start = 0
    for slot in slots:
        array = np.frombuffer(data, slot.kind, slot.size, start).reshape(slot.shape)
        start += slot.bytes
        # The extremes are NaN or infinite where any number is, and take no memory to find.
        if slot.finite and not (np.isfinite(array.min()) and np.isfinite(array.max())):
            raise ModelFileError(f"array {slot.name}: expected finite numbers, got others")
        if array.min() < slot.least:
            what = slot.name.rpartition(".")[2] if slot.kind == "<f8" else "variances"
            raise ModelFileError(f"array {slot.name}: expected {what} of at least {slot.least:g}, got others")
        if slot.lookup and array[0].any():
            raise ModelFileError(
                f"array {slot.name}: expected zeros in row 0, of what was not learned, got others"
            )
        arrays[slot.name] = array
    return arrays
