"""The digest of a run's results: one SHA-256 over what was computed, and over nothing else."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from shoal.results._record import CandidateRow, FitRecord, PlanEntry

_DIGESTED: Final = ("fit_id", "trainer", "status", "epochs", "kept_epoch", "steps")


def digest_of_results(
    plan: Sequence[PlanEntry],
    candidates: Sequence[CandidateRow],
    chosen: str | None,
    records: Iterable[FitRecord],
) -> str:
    """Give the digest; `records` are the fits, whole, by their ids in order."""
    whole = hashlib.sha256()
    places = sorted(json.dumps(dataclasses.astuple(entry)) for entry in plan)
    rows = sorted(json.dumps(dataclasses.astuple(row), sort_keys=True) for row in candidates)
    whole.update(json.dumps([places, rows, chosen], sort_keys=True).encode())
    for record in records:
        whole.update(content_of_fit(record))
    return whole.hexdigest()


def content_of_fit(record: FitRecord) -> bytes:
    """Give what a fit adds to the digest: two that add the same are the same result, wherever they were trained."""
    facts: dict[str, Any] = {name: getattr(record, name) for name in _DIGESTED}
    for part in ("curves", "parameters", "predictions"):
        facts[part] = [
            (name, array.dtype.str, array.shape, hashlib.sha256(array.tobytes()).hexdigest())
            for name, array in sorted(getattr(record, part).items())
        ]
    return json.dumps(facts, sort_keys=True).encode()
