"""The content of rows, named: a digest of names and values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Column


def fingerprint(
    columns: Sequence[Column],
    target_names: Sequence[str],
    targets: NDArray[Any],
    weights: NDArray[np.float64] | None = None,
) -> str:
    """SHA-256 of names and values: little-endian float64 numbers, text as a JSON list, and of which is pooled if rare.

    Of dates and ordered categories also that they are, and their order. Of weights where rows have some. Equal for
    equal content, however the file spelled it. Groups and folds are no part of it: they choose rows, which the identity
    of a fit names itself.
    """
    digest = hashlib.sha256(b"shoal table 1\0")
    parts = [*((column.name, "input", column) for column in columns), ("", "targets", Column("", targets))]
    parts += [] if weights is None else [("", "weights", Column("", weights))]
    pooled = {column.name: [f"rare below {column.rare_below}"] for column in columns if column.rare_below > 1}
    kinds = {column.name: [column.encoder, *column.order] for column in columns if column.encoder}
    digest.update(json.dumps(list(target_names)).encode())
    for name, role, column in parts:
        values, usual = column.values, "text" if column.categorical else "number"
        how = [*kinds.get(name, [usual]), *pooled.get(name, [])]
        digest.update(json.dumps([name, role, *how, *values.shape]).encode())
        digest.update(_as_json(column) if column.categorical else np.ascontiguousarray(values, "<f8").data)
    return digest.hexdigest()


def _as_json(column: Column) -> bytes:
    """Write the texts of a column as a list, each different one once."""
    level_L, code_N = column.codes
    written_L = np.array([json.dumps(text) for text in level_L.tolist()], np.object_)
    return f"[{', '.join(written_L[code_N].tolist())}]".encode()
