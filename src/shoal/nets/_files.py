"""Model files: one safetensors file a network, with all that predicting needs as JSON metadata.

The format is safetensors (a length, a JSON header, plain arrays): nothing in it can run. Header and arrays are
written here, in one order, because the library orders metadata anew in every process; it reads these files.

    bytes 0 to 8     length of the header, little-endian
    header           ASCII JSON, padded with spaces to a multiple of 8: {"__metadata__": {...}, name: {dtype,
                     shape, data_offsets} ...}, arrays by name
    arrays           float32, little-endian, one after the other, in the order of the header

Metadata: `format`, `sha256` (of the file as it is without this one entry), `architecture` and the facts, each a
JSON text. A file is believed only if it is byte for byte what would be written for what was read from it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from shoal.errors import ModelFileError
from shoal.files import write
from shoal.nets._architecture import Architecture, Slot
from shoal.nets._description import describe, rebuild

MODEL_NAME: Final = "model.safetensors"
FORMAT: Final = "shoal-model/1"
MAX_HEADER: Final = 1 << 22
"""Bytes of the largest header that is written or read. Python needs up to 32 times its bytes to read it."""


@dataclass(frozen=True, eq=False)
class StoredModel:
    """What a model file holds: `parameters` and running statistics, float32 by slot name; `facts` as JSON values."""

    architecture: Architecture
    parameters: dict[str, NDArray[np.float32]]
    facts: dict[str, Any]


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
    architecture: Architecture, parameters: Mapping[str, NDArray[np.float32]], facts: Mapping[str, Any]
) -> bytes:
    """Give the content of a model file. Raises ModelFileError for a description above 4 MiB."""
    described = {**facts, "architecture": describe(architecture)}
    metadata = {"format": FORMAT, **{key: _text(value) for key, value in described.items()}}
    slots = _slots(architecture)
    data = b"".join(np.ascontiguousarray(parameters[slot.name], "<f4").tobytes() for slot in slots)
    return _header({**metadata, "sha256": _seal(metadata, slots, data)}, slots) + data


def read_model(stream: BinaryIO, size: int) -> StoredModel:
    """Read a model from a file of `size` bytes, strictly.

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
    architecture = rebuild(values.pop("architecture", None))
    slots = _slots(architecture)
    expected = 8 + length + 4 * sum(slot.size for slot in slots)
    if expected != size:
        raise ModelFileError(f"expected a file of {expected} bytes by its architecture, got {size}")
    if _header(metadata, slots) != head + raw:
        raise ModelFileError(
            "expected the arrays of its architecture in a header as Shoal writes it, got another"
        )
    data = stream.read(size - 8 - length)
    if _seal(metadata, slots, data) != metadata.get("sha256"):
        raise ModelFileError("its checksum (SHA-256) does not fit its content: the file is damaged")
    return StoredModel(architecture, _arrays(slots, data), values)


def _slots(architecture: Architecture) -> list[Slot]:
    return sorted((*architecture.slots, *architecture.buffer_slots), key=lambda slot: slot.name)


def _header(metadata: Mapping[str, str], slots: list[Slot]) -> bytes:
    """Give length and header."""
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    start = 0
    for slot in slots:
        stop = start + 4 * slot.size
        header[slot.name] = {"dtype": "F32", "shape": list(slot.shape), "data_offsets": [start, stop]}
        start = stop
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ModelFileError(f"expected a description of at most {MAX_HEADER} bytes, got {len(text)}")
    return len(text).to_bytes(8, "little") + text


def _seal(metadata: Mapping[str, str], slots: list[Slot], data: bytes) -> str:
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
    if file_format != FORMAT:
        newer = re.fullmatch(r"shoal-model/([1-9][0-9]{0,5})", file_format)
        advice = ": it was written by a newer Shoal; update this one" if newer else ""
        raise ModelFileError(f"expected the format {FORMAT}, got {file_format[:40]!a}{advice}")
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


def _arrays(slots: list[Slot], data: bytes) -> dict[str, NDArray[np.float32]]:
    """Give read-only views into the data, by name; all numbers finite, all variances at least 0."""
    arrays: dict[str, NDArray[np.float32]] = {}
    start = 0
    for slot in slots:
        array = np.frombuffer(data, "<f4", slot.size, start).reshape(slot.shape)
        start += 4 * slot.size
        # The extremes are NaN or infinite where any number is, and take no memory to find.
        if not (np.isfinite(array.min()) and np.isfinite(array.max())):
            raise ModelFileError(f"array {slot.name}: expected finite numbers, got others")
        if array.min() < slot.part.least:
            raise ModelFileError(
                f"array {slot.name}: expected variances of at least {slot.part.least:g}, got others"
            )
        arrays[slot.name] = array
    return arrays
