"""What every value of a store must be by itself: types, ranges, shapes, names. Nothing is used before it is looked at.

A checksum says that a value is as it was written, and not that Shoal wrote it: whoever can write a file can seal it.
All of it raises ValueError (pydantic's among them) for what is not so; `Store` makes one sentence of that.
Letters: N rows, D inputs, K outputs or classes, T evaluation points, M images, V rows of a place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from shoal.errors import ShoalError
from shoal.results._record import CandidateRow, FitRecord, PlanEntry, Status, Truth

Arrays = dict[str, NDArray[Any]]
Stored = TypeVar("Stored")

NOT_OURS: Final = (ValueError, TypeError, LookupError, AttributeError, RecursionError, ArithmeticError)
"""What reading raises where a value is none of Shoal's."""

_Count = Annotated[int, Field(ge=0, le=2**62)]
_Name = Annotated[str, Field(min_length=1, max_length=1000)]
_PARTS: Final = {"curves": np.float64, "parameters": np.float32, "predictions": np.float64}
_NUMBERS: Final = ("f4", "f8", "i8", "u1", "?")
_DEEPEST: Final = 50
UNUSED: Final = "unused"
"""What stands before a fold's number where its unused rows are kept."""


@dataclass(frozen=True)
class _FitFacts:
    fit_id: _Name
    trainer: _Name
    status: Status
    message: str
    epochs: _Count
    kept_epoch: _Count
    steps: _Count
    scores: dict[str, dict[str, float]]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class _TruthFacts:
    train_rows: _Count
    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    classes: tuple[str, ...]
    positive: int = 1


def checker(kind: type[Stored]) -> Callable[[object], Stored]:
    """Give what reads plain values (of JSON) as a frozen dataclass, every type as it is declared, no key too many.

    What checks them is made when the first is read, since many commands read none.
    """
    adapter = cache(lambda: TypeAdapter(kind))
    fields = set(getattr(kind, "__dataclass_fields__", {}))

    def read(value: object) -> Stored:
        expect(isinstance(value, dict) and set(value) <= fields)
        return adapter().validate_json(json.dumps(value), strict=True)

    return read


_fit: Final = checker(_FitFacts)
_truth: Final = checker(_TruthFacts)
_entry: Final = checker(PlanEntry)
_candidate: Final = checker(CandidateRow)


def expect(holds: object, what: str = "") -> None:
    """Raise ValueError unless it holds."""
    if not holds:
        raise ValueError(what)


@contextmanager
def refusing(refusal: Callable[[], ShoalError]) -> Iterator[None]:
    """Make one refusal of all that reading raises where a value is none of Shoal's; other refusals stay as they are."""
    try:
        yield
    except ShoalError:
        raise
    except NOT_OURS as error:
        raise refusal() from error


def fit_of(row: Sequence[object]) -> FitRecord:
    """Make a fit, its arrays left out, of its row."""
    names = ("fit_id", "trainer", "status", "message", "epochs", "kept_epoch", "steps", "scores", "seconds")
    values = dict(zip(names, row, strict=True))
    values["scores"] = json_of(values["scores"])
    facts = _fit(values)
    no_arrays: dict[str, Any] = {part: {} for part in _PARTS}
    return FitRecord(**vars(facts), **no_arrays)


def entry_of(row: Sequence[object]) -> PlanEntry:
    """Make one place of the plan of its row."""
    names = PlanEntry.__dataclass_fields__
    entry = _entry(dict(zip(names, row, strict=True)))
    counts = (entry.fold, entry.repeat, entry.train_rows, entry.validation_rows)
    expect(entry.fit_id and entry.candidate_id and all(0 <= count <= 2**53 for count in counts))
    return entry


def candidate_of(candidate_id: object, settings: object, parameter_count: object) -> CandidateRow:
    """Make a candidate of its row: its values are what a study file can say."""
    values = json_of(settings)
    row = {"candidate_id": candidate_id, "values": values, "parameter_count": parameter_count}
    candidate = _candidate(row)
    expect(candidate.candidate_id and 0 <= candidate.parameter_count <= 2**53)
    expect(all(_is_setting(value) for value in candidate.values.values()))
    return candidate


def _is_setting(value: object, depth: int = 0) -> bool:
    if isinstance(value, Mapping):
        return depth < _DEEPEST and all(_is_setting(item, depth + 1) for item in value.values())
    if isinstance(value, list):
        return depth < _DEEPEST and all(_is_setting(item, depth + 1) for item in value)
    if isinstance(value, int):
        return abs(value) <= 2**53
    return value is None or isinstance(value, str) or (isinstance(value, float) and bool(np.isfinite(value)))


def part_of(part: str, arrays: Arrays) -> Arrays:
    """Look at one part of a fit's arrays: its curves, parameters or predictions, or what was derived from it."""
    kinds = [np.dtype(_PARTS[part])] if part in _PARTS else [np.dtype(kind) for kind in _NUMBERS]
    expect(all(array.dtype in kinds for array in arrays.values()))
    return arrays


def environment_of(text: str) -> dict[str, Any]:
    """Read where fits were trained."""
    environment = json_of(text)
    expect(isinstance(environment, dict))
    for name in ("versions", "trainers"):
        parts = environment.get(name, {})
        expect(isinstance(parts, dict) and all(isinstance(part, str) for part in parts.values()))
    return dict(environment)


def file_name_of(name: object) -> str:
    """Look at the name of a file in the run folder: in no way the name of anything outside it."""
    expect(isinstance(name, str))
    parts = str(name).split("/")
    expect(not any(part in ("", ".", "..") or "\0" in part or "\\" in part or ":" in part for part in parts))
    return str(name)


def digest_of(text: object) -> str:
    """Look at a SHA-256 in hex."""
    expect(isinstance(text, str) and re.fullmatch("[0-9a-f]{64}", text))
    return str(text)


def json_of(text: object) -> Any:
    """Read JSON as it is written here (with inf and NaN), no deeper than anything written here."""
    expect(isinstance(text, str))
    value = json.loads(str(text))
    _refuse_deep(value, 0)
    return value


def _refuse_deep(value: object, depth: int) -> None:
    expect(depth < _DEEPEST)
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            _refuse_deep(part, depth + 1)


def arrays_of(truth: Truth) -> Arrays:
    """Name the arrays of the rows that predictions belong to; `truth_of` reads them."""
    rows = {f"{stage}/{fold}": numbers for (stage, fold), numbers in truth.validation_rows.items()}
    rows |= {f"{UNUSED}/{fold}": numbers for fold, numbers in truth.unused_rows.items()}
    seen: Arrays = {"image_rows": truth.image_rows, "images": truth.images}
    seen |= {name: values for name in ("groups", "weights", "times") if len(values := getattr(truth, name))}
    return {"x": truth.x_ND, "y": truth.y, **seen, **rows}


def truth_of(text: str, arrays: Arrays) -> Truth:
    """Make the rows that predictions belong to."""
    facts = _truth(json_of(text))
    x_ND, y = arrays.pop("x"), arrays.pop("y")
    seen: dict[str, Any] = _seen(arrays, len(y))
    seen |= {name: arrays.pop(name) for name in ("groups", "weights", "times") if name in arrays}
    places = {_place(name): rows for name, rows in arrays.items()}
    unused = {number: places.pop((stage, number)) for stage, number in list(places) if stage == UNUSED}
    truth = Truth(
        **vars(facts),
        **seen,
        x_ND=x_ND,
        y=y,
        validation_rows=places,
        unused_rows=unused,
    )
    _look_at_rows(truth)
    return truth


def _look_at_rows(truth: Truth) -> None:
    rows, classes = len(truth.y), len(truth.classes)
    expect(truth.x_ND.dtype == np.float64 and truth.x_ND.shape == (rows, len(truth.input_names)))
    if classes:
        expect(truth.y.dtype == np.int64 and truth.y.ndim == 1 and len(truth.target_names) == 1)
        expect(((truth.y >= 0) & (truth.y < classes)).all())
    else:
        expect(truth.y.dtype in (np.float64, np.bool_) and truth.y.shape == (rows, len(truth.target_names)))
        expect(truth.target_names and np.isfinite(truth.y).all())
    expect(0 < truth.train_rows <= rows)
    expect(truth.positive == 1 or (truth.positive == 0 and classes == 2))
    if len(truth.groups):
        expect(truth.groups.dtype == np.int64 and truth.groups.shape == (rows,))
        expect((truth.groups >= -1).all() and (truth.groups[: truth.train_rows] >= 0).all())
    expect(truth.groups.ndim == truth.weights.ndim == 1)
    if len(truth.weights):
        expect(truth.weights.dtype == np.float64 and truth.weights.shape == (rows,))
        expect(np.isfinite(truth.weights).all() and (truth.weights >= 0).all())
    for names in (truth.input_names, truth.target_names, truth.classes):
        expect(len(set(names)) == len(names))
    if len(truth.times):
        expect(truth.times.dtype == np.float64 and truth.times.shape == (rows,))
        expect(np.isfinite(truth.times[: truth.train_rows]).all())
    expect(truth.times.ndim == 1)
    for held_V in (*truth.validation_rows.values(), *truth.unused_rows.values()):
        expect(held_V.dtype == np.int64 and held_V.ndim == 1)
        expect(((held_V >= 0) & (held_V < truth.train_rows)).all())


def _place(name: str) -> tuple[str, int]:
    stage, _, number = name.partition("/")
    expect(
        stage in ("search", "compare", "nested", UNUSED)
        and number.isascii()
        and number.isdecimal()
        and len(number) < 10
    )
    return stage, int(number)


def _seen(arrays: Arrays, rows: int) -> Arrays:
    """Take the images out of the truth's arrays, with the numbers of their rows; results of old have none."""
    seen: Arrays = {name: arrays.pop(name) for name in ("image_rows", "images") if name in arrays}
    if seen:
        image_rows, images = seen["image_rows"], seen["images"]
        expect(images.dtype == np.uint8 and image_rows.dtype == np.int64 and images.ndim == 4)
        expect(image_rows.shape == images.shape[:1])
        expect(((image_rows >= 0) & (image_rows < rows)).all())
    return seen
