"""What a study is asked of: rows of inputs and targets, training rows first, then test rows.

Letters: N rows (training and test), K targets, C channels, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.data._column_kind import ISO, ColumnFacts, DateStyle
from shoal.data._dialect import PLAIN, Dialect
from shoal.data._distinct import levels_and_codes
from shoal.errors import Problem
from shoal.kinds import ENCODERS, Task, has_classes, row_of
from shoal.wording import is_utf8, visible


def joined(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Put rows behind others: the array itself of which the two are the parts, where there is such; else a copy."""
    whole = first.base
    if (
        isinstance(whole, np.ndarray)
        and whole is second.base
        and (whole.dtype, whole.ndim, len(whole)) == (first.dtype, 1, len(first) + len(second))
        and whole.strides == first.strides == second.strides
        and whole.ctypes.data == first.ctypes.data
        and first.ctypes.data + first.nbytes == second.ctypes.data
    ):
        return whole
    return np.concatenate((first, second))


def uncopied(rows: NDArray[np.int64]) -> NDArray[np.int64] | slice:
    """Give numbers of rows as a slice, by which no row is copied, where each follows the one before."""
    if len(rows) and rows[0] >= 0 and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


@dataclass(frozen=True, eq=False)
class Column:
    """One input column: float64 (N,) numbers, or str in an object array (N,) of categories.

    Dates are numbers of seconds since 1970, UTC. `encoder` is the kind of `kinds.ENCODERS` that makes inputs of it;
    None: the first that takes such values. Where `impute` is true, cells may be missing, and new ones will be: NaN, or
    an empty text. Categories of fewer than `rare_below` rows of a fit are pooled. `order` are ordered categories, the
    lowest first; `dates` is how dates are written.
    """

    name: str
    values: NDArray[Any]
    encoder: str | None = None
    impute: bool = False
    rare_below: int = 1
    order: tuple[str, ...] = ()
    dates: DateStyle = ISO

    @property
    def takes(self) -> Literal["numbers", "categories", "dates"]:
        """What its values are to an encoder."""
        if self.encoder is not None:
            return row_of("encoder", ENCODERS, self.encoder).takes
        return "categories" if self.categorical else "numbers"

    @property
    def categorical(self) -> bool:
        """Whether the values are categories."""
        return self.values.dtype.kind != "f"

    @classmethod
    def of_categories(
        cls, name: str, coded: tuple[Sequence[str], NDArray[np.int64]], order: tuple[str, ...] = ()
    ) -> Column:
        """Make a column of categories, which may have an order: some texts, and the place of each row's among them."""
        texts, place_N = coded
        levels = sorted(set(texts))
        code = {text: number for number, text in enumerate(levels)}
        code_N = np.array([code[text] for text in texts], np.int64)[place_N]
        column = cls(name, np.empty(0, np.object_), "ordered" if order else None, order=order)
        return column._coded(np.array(levels, np.object_), code_N)

    def _coded(
        self, level_L: NDArray[Any], code_N: NDArray[np.int64], values_N: NDArray[Any] | None = None
    ) -> Column:
        """Give the same column with other rows, by their categories' numbers; categories that no row has go.

        `values_N` are the categories of these rows, where they lie somewhere already.
        """
        times_L = np.bincount(code_N, minlength=len(level_L))
        if not times_L.all():
            there_L = times_L > 0
            level_L, code_N = level_L[there_L], (np.cumsum(there_L) - 1)[code_N]
        column = replace(self, values=level_L[code_N] if values_N is None else values_N)
        vars(column)["codes"] = level_L, code_N  # what is known need not be found again
        return column

    @cached_property
    def codes(self) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """The different categories in their order, and the place of each row's among them, (N,)."""
        return levels_and_codes(self.values)

    @property
    def missing_N(self) -> NDArray[np.bool_]:
        """Which values are missing."""
        if not self.categorical:
            return np.asarray(np.isnan(self.values))
        level_L, code_N = self.codes
        missing_L = level_L == ""
        return np.asarray(missing_L[code_N]) if missing_L.any() else np.zeros(len(code_N), np.bool_)

    def treated(self, *, impute: bool, rare_below: int) -> Column:
        """Give the same, saying what is done with missing cells and rare categories."""
        column = replace(self, impute=impute, rare_below=rare_below)
        if "codes" in vars(self):
            vars(column)["codes"] = self.codes
        return column

    def take(self, rows: NDArray[Any] | slice) -> Column:
        """Keep some rows, in the order given; those of a slice are no copies."""
        if not self.categorical:
            return replace(self, values=self.values[rows])
        level_L, code_N = self.codes
        return self._coded(level_L, code_N[rows], self.values[rows] if isinstance(rows, slice) else None)

    def followed_by(self, other: Column) -> Column:
        """Put the rows of another column of the same kind behind its own."""
        if not self.categorical:
            return replace(self, values=joined(self.values, other.values))
        parts, values_N = (self.codes, other.codes), joined(self.values, other.values)
        if np.array_equal(parts[0][0], parts[1][0]):
            return self._coded(parts[0][0], joined(parts[0][1], parts[1][1]), values_N)
        level_L = np.array(sorted({text for level_P, _ in parts for text in level_P.tolist()}), np.object_)
        code = {text: number for number, text in enumerate(level_L.tolist())}
        codes = [
            np.array([code[text] for text in level_P.tolist()], np.int64)[code_P] for level_P, code_P in parts
        ]
        return self._coded(level_L, np.concatenate(codes), values_N)

    def counts(self, rows: NDArray[np.int64] | slice) -> dict[str, int]:
        """Count the categories that some rows have, in their order; the empty text stands for missing ones."""
        levels, code_N = self.codes
        times = np.bincount(code_N[rows], minlength=len(levels))
        return {text: times for text, times in zip(levels.tolist(), times.tolist(), strict=True) if times}

    @property
    def categories(self) -> dict[str, int]:
        """How many rows have each category, in their order; missing cells are none, and numbers have none."""
        counts = self.counts(slice(None)) if self.categorical else {}
        return {text: count for text, count in counts.items() if text}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows as read, before any preprocessing.

    `targets` is float64 (N, K), bool (N, K) of labels, or int64 (N,) numbers into `classes`. Rows [0, train_rows) are
    training rows, the others test rows. `groups` (str) and `given_folds` (int64) belong to the training rows,
    (train_rows,); `test_groups` (str) to the test rows, None where they name none. `times`, float64 (train_rows,), put
    the training rows in order, where they have one: dates (in seconds since 1970), numbers, or places in the file, as
    `time_kind` says; `test_times` are those of the test rows, None where they name none. Between rows that judge what
    was learned and those that it was learned from, `gap` rows (or groups) are left out. `positive` is
    the number of the positive one of two classes. `weights`, float64 (N,), finite
    and not negative, say how much each row counts; None: all the same. `train_fingerprint` and
    `test_fingerprint` are SHA-256 hex digests of names and values (not of the file's spelling). Pictures stand in
    `images` (N, C, H, W), with no `columns`; `resize` is (H, W) where they were brought to that size; `white` is the
    brighter of two levels, 255 or 1, where those to train on had two alone as they were read. `drawn` says that test
    rows were set apart from the one table, by a draw, or as the latest where rows have times.
    `missing_marks` are what the study takes for a missing cell beside the usual words, `dialect` how its files are
    written; `text_bytes` of text were read. `target_transform` is that of `kinds.TARGET_TRANSFORMS` which a network's
    targets go through. `facts` say what each column of a table is that might be an input, those too that were left out.
    `unlisted` are columns of the training table that have no part, since the study lists its inputs.
    `given_bytes` is what a caller's own rows take meanwhile, where they were read from memory.
    `notes` are whole sentences on what the reader did or left out, for whoever plans or reads a run; no fit depends
    on them.
    """

    name: str
    task: Task
    columns: tuple[Column, ...]
    target_names: tuple[str, ...]
    targets: NDArray[Any]
    classes: tuple[str, ...]
    train_rows: int
    groups: NDArray[Any] | None
    given_folds: NDArray[np.int64] | None
    train_fingerprint: str
    test_fingerprint: str
    source: str
    images: NDArray[np.uint8] | None = None
    resize: tuple[int, int] | None = None
    white: int | None = None
    drawn: bool = False
    notes: tuple[str, ...] = ()
    test_groups: NDArray[Any] | None = None
    missing_marks: tuple[str, ...] = ()
    target_transform: str = "none"
    dialect: Dialect = PLAIN
    text_bytes: int = 0
    facts: tuple[ColumnFacts, ...] = ()
    unlisted: tuple[str, ...] = ()
    given_bytes: int = 0
    times: NDArray[np.float64] | None = None
    test_times: NDArray[np.float64] | None = None
    time_kind: Literal["", "date", "number", "place"] = ""
    gap: int = 0
    weights: NDArray[np.float64] | None = None
    positive: int = 1

    @property
    def rows(self) -> int:
        """N."""
        return len(self.targets)

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """(C, H, W) of its images; None for a table."""
        return None if self.images is None else self.images.shape[1:]

    @property
    def one_input(self) -> Column | None:
        """The one column of inputs; None where there are more, where it holds dates, or for images."""
        return self.columns[0] if len(self.columns) == 1 and self.columns[0].takes != "dates" else None

    def unwritable(self) -> Iterator[Problem]:
        """Find names that no file of a run can hold: a class's folder may have any bytes for a name."""
        named = [("class", name) for name in self.classes] + [("target", name) for name in self.target_names]
        for column in self.columns:
            named.append(("column", column.name))
            if column.categorical:
                named += [("category", str(text)) for text in column.codes[0]]
        for kind, name in named:
            if not is_utf8(name):
                yield Problem(self.source, f'expected names in UTF-8, got the {kind} "{visible(name)}"')

    @property
    def outputs(self) -> int:
        """K: output units of a network for these targets."""
        return len(self.classes) if has_classes(self.task) else self.targets.shape[1]


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers to train on and to validate on; `stream` keys the fit's random streams.

    `label` is what a person reads ("fold 2 of 3"). Sorted int64 arrays.
    """

    label: str
    stream: int
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
