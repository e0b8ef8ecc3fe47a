"""Training rows to rows to train on and rows to validate on.

Equal row for row to scikit-learn's splitters (KFold, StratifiedKFold, GroupKFold, RepeatedKFold,
RepeatedStratifiedKFold, ShuffleSplit, PredefinedSplit) at the same seed, without importing scikit-learn,
so that a plan is made at once. Tests compare both.

Letters: N training rows, F folds, G groups or classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset, Split
from shoal.data._findings import refuse
from shoal.errors import Problem
from shoal.wording import few_quoted, quoted

Kind = Literal["k-fold", "stratified", "grouped", "repeated", "repeated-stratified", "shuffle", "given"]
_KEY = "search.folds"


@dataclass(frozen=True)
class FoldOptions:
    """How training rows are split: `n` folds (or random splits, each validating on `share`), `times` over.

    `kind` None: grouped where the data set has groups, else stratified in classification, else k-fold.
    """

    kind: Kind | None = None
    n: int = 3
    times: int = 1
    share: float = 0.2
    shuffle: bool = True
    seed: int = 0


def fold_count(dataset: Dataset, options: FoldOptions) -> int:
    """Count the splits asked for, without drawing any."""
    kind = options.kind or _default_kind(dataset)
    if kind == "given":
        return (
            0
            if dataset.given_folds is None
            else len(np.unique(dataset.given_folds[dataset.given_folds >= 0]))
        )
    return options.n * (options.times if kind in ("repeated", "repeated-stratified") else 1)


def make_folds(dataset: Dataset, options: FoldOptions) -> tuple[Split, ...]:
    """Split the training rows; split `i` has stream `i`.

    Raises DataError where the rows, classes or groups do not allow the folds asked for.
    """
    kind = options.kind or _default_kind(dataset)
    rows = dataset.train_rows
    refuse(_problems(dataset, kind, options))
    random = _random_state(options.seed)
    shuffled = random if options.shuffle else None
    class_N = dataset.targets[:rows] if dataset.task == "classification" else np.zeros(rows, dtype=np.int64)
    match kind:
        case "k-fold":
            folds = k_folds(rows, options.n, shuffled)
        case "stratified":
            folds = stratified_folds(class_N, options.n, shuffled)
        case "grouped":
            folds = grouped_folds(np.asarray(dataset.groups), options.n, shuffled)
        case "repeated":
            folds = [fold for _ in range(options.times) for fold in k_folds(rows, options.n, random)]
        case "repeated-stratified":
            folds = [
                fold for _ in range(options.times) for fold in stratified_folds(class_N, options.n, random)
            ]
        case "shuffle":
            folds = random_splits(rows, options.n, options.share, random)
        case "given":
            folds = given_folds(np.asarray(dataset.given_folds))
    return tuple(
        Split(label, stream, np.setdiff1d(np.arange(rows), validation), validation)
        for stream, (label, validation) in enumerate(
            zip(_labels(kind, options, len(folds)), folds, strict=True)
        )
    )


def k_folds(rows: int, n: int, random: np.random.RandomState | None) -> list[NDArray[np.int64]]:
    """Cut the rows, shuffled if `random` is given, into `n` runs, the longer ones first."""
    order_N = np.arange(rows)
    if random is not None:
        random.shuffle(order_N)
    return [np.sort(run) for run in np.array_split(order_N, n)]


def stratified_folds(
    class_N: NDArray[np.int64], n: int, random: np.random.RandomState | None
) -> list[NDArray[np.int64]]:
    """Deal the rows out so that every fold has nearly the same share of every class.

    The rows sorted by class (in order of first appearance) are dealt to the folds in turn; that says how
    many rows of a class each fold gets. Which ones: those that come first in the table, or shuffled.
    """
    _, first_G, code_N = np.unique(class_N, return_index=True, return_inverse=True)
    code_N = np.argsort(np.argsort(first_G))[code_N]
    dealt_N = np.sort(code_N)
    fold_N = np.empty(len(class_N), dtype=np.int64)
    for code in range(len(first_G)):
        counts_F = [int((dealt_N[fold::n] == code).sum()) for fold in range(n)]
        own = np.repeat(np.arange(n), counts_F)
        if random is not None:
            random.shuffle(own)
        fold_N[code_N == code] = own
    return [np.flatnonzero(fold_N == fold) for fold in range(n)]


def grouped_folds(
    groups: NDArray[Any], n: int, random: np.random.RandomState | None
) -> list[NDArray[np.int64]]:
    """Give every group to one fold: shuffled, in equal numbers; else largest first, to the lightest fold."""
    _, group_N = np.unique(groups, return_inverse=True)
    sizes_G = np.bincount(group_N)
    if random is not None:
        shuffled = random.permutation(len(sizes_G))
        return [np.flatnonzero(np.isin(group_N, part)) for part in np.array_split(shuffled, n)]
    weight_F = np.zeros(n, dtype=np.int64)
    fold_G = np.zeros(len(sizes_G), dtype=np.int64)
    for group in np.argsort(sizes_G, kind="stable")[::-1]:
        fold_G[group] = np.argmin(weight_F)
        weight_F[fold_G[group]] += sizes_G[group]
    return [np.flatnonzero(fold_G[group_N] == fold) for fold in range(n)]


def random_splits(rows: int, n: int, share: float, random: np.random.RandomState) -> list[NDArray[np.int64]]:
    """Draw `n` independent sets of rows to validate on, `share` of all, rounded up."""
    return [np.sort(random.permutation(rows)[: math.ceil(share * rows)]) for _ in range(n)]


def given_folds(fold_N: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Give the rows of each fold number; rows of fold -1 are always trained on."""
    return [np.flatnonzero(fold_N == fold) for fold in np.unique(fold_N[fold_N >= 0])]


def _default_kind(dataset: Dataset) -> Kind:
    if dataset.groups is not None:
        return "grouped"
    return "stratified" if dataset.task == "classification" else "k-fold"


def _random_state(seed: int) -> np.random.RandomState:
    """Seed scikit-learn's generator; seeds that it does not take become two words."""
    return np.random.RandomState(seed if seed < 2**32 else [seed % 2**32, seed // 2**32])


def _labels(kind: Kind, options: FoldOptions, folds: int) -> Iterator[str]:
    """Name the splits for people."""
    repeated = kind in ("repeated", "repeated-stratified")
    each = options.n if repeated else folds
    noun = "split" if kind == "shuffle" else "fold"
    for number in range(folds):
        times = f", round {number // each + 1} of {options.times}" if repeated else ""
        yield f"{noun} {number % each + 1} of {each}{times}"


def _problems(dataset: Dataset, kind: Kind, options: FoldOptions) -> Iterator[Problem]:
    """Find why these rows cannot be split so."""
    rows, n = dataset.train_rows, options.n
    stratified = kind in ("stratified", "repeated-stratified")
    if kind in ("k-fold", "repeated") or (stratified and n > rows):
        if n > rows:
            yield Problem(_KEY, f"expected at most {rows} folds (the training rows), got {n}")
    elif stratified and dataset.task != "classification":
        yield Problem(_KEY, "expected classes for stratified folds, got a regression")
    elif stratified:
        yield from _small_classes(dataset, n)
    elif kind == "grouped" and dataset.groups is None:
        yield Problem(_KEY, "expected the column data.groups for grouped folds, got none")
    elif kind == "grouped":
        groups = len(np.unique(np.asarray(dataset.groups)))
        if n > groups:
            yield Problem(_KEY, f"expected at most {groups} folds (the groups of the training rows), got {n}")
    elif kind == "shuffle":
        held_out = math.ceil(options.share * rows)
        if not 0 < held_out < rows:
            what = "expected a share that leaves at least one row to train on and one to validate on"
            yield Problem(f"{_KEY}.share", f"{what}, got {options.share} of {rows} rows")
    elif kind == "given" and dataset.given_folds is None:
        yield Problem(_KEY, "expected a column of folds for given folds, got none")


_WITHOUT: Final = '; kind = "k-fold" draws folds that may lack a class'


def _small_classes(dataset: Dataset, n: int) -> Iterator[Problem]:
    """Find classes that cannot be in every fold."""
    sizes_G = np.bincount(dataset.targets[: dataset.train_rows], minlength=len(dataset.classes)).tolist()
    small = [(name, size) for name, size in zip(dataset.classes, sizes_G, strict=True) if size < n]
    if len(small) > 10:
        names = few_quoted([name for name, _ in small])
        yield Problem(
            _KEY,
            f"expected at least {n} training rows of every class for {n} folds, got fewer of {names}{_WITHOUT}",
        )
        return
    for name, size in small:
        what = f"expected at least {n} training rows of every class for {n} folds"
        yield Problem(_KEY, f"{what}, got {size} of class {quoted(name)}{_WITHOUT}")
