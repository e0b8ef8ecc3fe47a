"""Training rows to rows to train on and rows to validate on.

Equal row for row to scikit-learn's splitters (the `peer` of each row of `SPLITTERS`) at the same seed, without
importing scikit-learn, so that a plan is made at once. Tests compare both.

Letters: N training rows, F folds, B some of them, G groups, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset, Split
from shoal.data._findings import refuse
from shoal.errors import Problem
from shoal.kinds import SPLITTERS, SplitterKind, row_of, splitter_by, splitter_like, usual_splitter
from shoal.wording import counted, few_quoted, quoted

Rows = NDArray[np.int64]
Random = np.random.RandomState
_KEY = "search.folds"
_AT_ONCE: Final = 1_000_000
"""Numbers that are worked on together."""


@dataclass(frozen=True)
class FoldOptions:
    """How training rows are split: `n` folds (or random splits, each validating on `share`), `times` over.

    `kind` is a name in `SPLITTERS`; None: grouped where the data set has groups, else stratified in classification,
    else k-fold.
    """

    kind: str | None = None
    n: int = 3
    times: int = 1
    share: float = 0.2
    shuffle: bool = True
    seed: int = 0


def fold_count(dataset: Dataset, options: FoldOptions) -> int:
    """Count the splits asked for, without drawing any."""
    return _Splitter.of(dataset, options).count


def make_folds(dataset: Dataset, options: FoldOptions) -> tuple[Split, ...]:
    """Split the training rows; split `i` has stream `i`.

    Raises DataError where the rows, classes or groups do not allow the folds asked for.
    """
    splitter = _Splitter.of(dataset, options)
    refuse(splitter.problems())
    rows = dataset.train_rows
    return tuple(
        Split(label, stream, np.delete(np.arange(rows), held_out), held_out)
        for stream, (label, held_out) in enumerate(
            zip(splitter.labels(), splitter.held_out(_random_state(options.seed)), strict=True)
        )
    )


def divided_groups(groups: NDArray[Any], held_out: Sequence[Rows]) -> int:
    """Count the groups with rows on both sides of a fold; `groups` (N,), and the rows that each fold holds out."""
    _, group_N = np.unique(groups, return_inverse=True)
    size_G = np.bincount(group_N)
    divided_G = np.zeros(len(size_G), np.bool_)
    for validation in held_out:
        count_G = np.bincount(group_N[validation], minlength=len(size_G))
        divided_G |= (count_G > 0) & (count_G < size_G)
    return int(divided_G.sum())


def divided_sentence(
    groups: NDArray[Any], held_out: Sequence[Rows], kind: str, section: str = "search"
) -> str:
    """Say how many groups have rows on both sides of a fold, and which kind of folds has none; empty where none has.

    `section` is that of the study whose folds they are.
    """
    divided = divided_groups(groups, held_out)
    if not divided:
        return ""
    have = f"{counted(len(np.unique(groups)), 'group')} (data.groups) {'has' if divided == 1 else 'have'}"
    better = f'{section}.folds.kind = "{splitter_like(kind, grouped=True)}" keeps each on one side'
    fold, score = ("a fold", "selection") if section == "search" else ("an outer fold", "nested")
    return (
        f"{divided:,} of {have} rows on both sides of {fold}, so that {score} scores are too good; {better}"
    )


@dataclass(frozen=True)
class _Splitter:
    """A kind of splits, and what it is asked to split."""

    dataset: Dataset
    options: FoldOptions
    name: str
    row: SplitterKind

    @classmethod
    def of(cls, dataset: Dataset, options: FoldOptions) -> _Splitter:
        """Find the kind, or the usual one where none is named. Raises StudyError for one that is unknown."""
        name = options.kind or usual_splitter(dataset.task, grouped=dataset.groups is not None)
        return cls(dataset, options, name, row_of(f"{_KEY}.kind", SPLITTERS, name))

    @property
    def rounds(self) -> int:
        """How often all folds are drawn."""
        return self.options.times if self.row.repeats else 1

    @property
    def count(self) -> int:
        """How many splits there are."""
        if self.row.draws == "column":
            fold_N = self.dataset.given_folds
            return 0 if fold_N is None else len(np.unique(fold_N[fold_N >= 0]))
        return self.options.n * self.rounds

    def labels(self) -> Iterator[str]:
        """Name the splits for people."""
        each = self.count // self.rounds
        for number in range(self.count):
            times = f", round {number // each + 1} of {self.rounds}" if self.row.repeats else ""
            yield f"{self.row.noun} {number % each + 1} of {each}{times}"

    def held_out(self, random: Random) -> list[Rows]:
        """Give the rows that each split holds out."""
        return _DRAWN[self.row.draws](self, random)

    def problems(self) -> Iterator[Problem]:
        """Find why these rows cannot be split so."""
        yield from _PROBLEMS[self.row.draws](self)


def _folds(asked: _Splitter, random: Random) -> list[Rows]:
    """Draw folds, round after round from the one generator; repeated ones are always shuffled."""
    draw = _FOLDS[asked.row.by_class, asked.row.by_group]
    shuffled = random if asked.options.shuffle or asked.row.repeats else None
    return [fold for _ in range(asked.rounds) for fold in draw(asked.dataset, asked.options.n, shuffled)]


def _splits(asked: _Splitter, random: Random) -> list[Rows]:
    return random_splits(asked.dataset.train_rows, asked.options.n, asked.options.share, random)


def _column(asked: _Splitter, _: Random) -> list[Rows]:
    return given_folds(np.asarray(asked.dataset.given_folds))


_DRAWN: Final[dict[str, Callable[[_Splitter, Random], list[Rows]]]] = {
    "folds": _folds,
    "splits": _splits,
    "column": _column,
}
"""What draws the splits of a kind, by its `draws`."""


def k_folds(rows: int, n: int, random: Random | None) -> list[Rows]:
    """Cut the rows, shuffled if `random` is given, into `n` runs, the longer ones first."""
    order_N = np.arange(rows)
    if random is not None:
        random.shuffle(order_N)
    return [np.sort(run) for run in np.array_split(order_N, n)]


def stratified_folds(class_N: Rows, n: int, random: Random | None) -> list[Rows]:
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


def grouped_folds(groups: NDArray[Any], n: int, random: Random | None) -> list[Rows]:
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


def stratified_grouped_folds(
    class_N: Rows, groups: NDArray[Any], n: int, random: Random | None
) -> list[Rows]:
    """Give every group to one fold, those whose classes are the least even first.

    Each goes to the fold with which the shares of the classes differ least between folds, or to the one of fewest rows
    among those with which they differ equally.
    """
    group_N, code_N = (np.unique(names, return_inverse=True)[1] for names in (groups, class_N))
    count_GK = np.zeros((int(group_N.max()) + 1, int(code_N.max()) + 1))
    np.add.at(count_GK, (group_N, code_N), 1)
    order_G = np.arange(len(count_GK))
    if random is not None:
        random.shuffle(order_G)
    share_GK, all_K = count_GK[order_G], count_GK.sum(axis=0)
    fold_G = np.empty(len(count_GK), dtype=np.int64)
    count_FK = np.zeros((n, count_GK.shape[1]))
    for place in np.argsort(-np.std(share_GK, axis=1), kind="stable"):
        fold = _evenest(count_FK, share_GK[place], all_K)
        count_FK[fold] += share_GK[place]
        fold_G[order_G[place]] = fold
    return [np.flatnonzero(fold_G[group_N] == fold) for fold in range(n)]


def _evenest(count_FK: NDArray[np.float64], own_K: NDArray[np.float64], all_K: NDArray[np.float64]) -> int:
    """Choose the fold of one group; `own_K` are its rows of every class, `all_K` those of all groups."""
    best, least, fewest = 0, math.inf, math.inf
    rows_F = count_FK.sum(axis=1).tolist()
    for fold, uneven in enumerate(_unevenness(count_FK, own_K, all_K)):
        alike = abs(uneven - least) <= 1e-8 + 1e-5 * least < math.inf  # numpy's isclose
        if uneven < least or (alike and rows_F[fold] < fewest):
            best, least, fewest = fold, uneven, rows_F[fold]
    return best


def _unevenness(
    count_FK: NDArray[np.float64], own_K: NDArray[np.float64], all_K: NDArray[np.float64]
) -> Iterator[float]:
    """Give how far the shares of classes differ between folds, were the group in each of them in turn."""
    step = max(1, _AT_ONCE // count_FK.size)
    for start in range(0, len(count_FK), step):
        fold_B = np.arange(start, min(start + step, len(count_FK)))
        with_BFK = np.repeat(count_FK[np.newaxis], len(fold_B), axis=0)
        with_BFK[np.arange(len(fold_B)), fold_B] += own_K
        yield from np.mean(np.std(with_BFK / all_K, axis=1), axis=1).tolist()


def random_splits(rows: int, n: int, share: float, random: Random) -> list[Rows]:
    """Draw `n` independent sets of rows to validate on, `share` of all, rounded up."""
    return [np.sort(random.permutation(rows)[: math.ceil(share * rows)]) for _ in range(n)]


def given_folds(fold_N: Rows) -> list[Rows]:
    """Give the rows of each fold number; rows of fold -1 are always trained on."""
    return [np.flatnonzero(fold_N == fold) for fold in np.unique(fold_N[fold_N >= 0])]


_FOLDS: Final[dict[tuple[bool, bool], Callable[[Dataset, int, Random | None], list[Rows]]]] = {
    (False, False): lambda data, n, random: k_folds(data.train_rows, n, random),
    (True, False): lambda data, n, random: stratified_folds(_classes(data), n, random),
    (False, True): lambda data, n, random: grouped_folds(np.asarray(data.groups), n, random),
    (True, True): lambda data, n, random: stratified_grouped_folds(
        _classes(data), np.asarray(data.groups), n, random
    ),
}
"""What draws one round of folds, by whether they keep the shares of classes, and groups whole."""


def _classes(dataset: Dataset) -> Rows:
    return np.asarray(dataset.targets[: dataset.train_rows])


def _random_state(seed: int) -> Random:
    """Seed scikit-learn's generator; seeds that it does not take become two words."""
    return np.random.RandomState(seed if seed < 2**32 else [seed % 2**32, seed // 2**32])


def _problems_of_folds(asked: _Splitter) -> Iterator[Problem]:
    dataset, n, row = asked.dataset, asked.options.n, asked.row
    units, what = dataset.train_rows, "training rows"
    if row.by_class and dataset.task != "classification":
        yield Problem(_KEY, f"expected classes for {asked.name} folds, got a regression")
        return
    if row.by_group and dataset.groups is None:
        yield Problem(_KEY, f"expected the column data.groups for {asked.name} folds, got none")
        return
    if row.by_group:
        units, what = len(np.unique(np.asarray(dataset.groups))), "groups of the training rows"
    if n > units:
        yield Problem(_KEY, f"expected at most {units} folds (the {what}), got {n}")
    elif row.by_class:
        yield from _small_classes(asked)


def _problems_of_splits(asked: _Splitter) -> Iterator[Problem]:
    rows, share = asked.dataset.train_rows, asked.options.share
    if not 0 < math.ceil(share * rows) < rows:
        what = "expected a share that leaves at least one row to train on and one to validate on"
        yield Problem(f"{_KEY}.share", f"{what}, got {share} of {rows} rows")


def _problems_of_column(asked: _Splitter) -> Iterator[Problem]:
    if asked.dataset.given_folds is None:
        yield Problem(_KEY, "expected a column of folds for given folds, got none")


_PROBLEMS: Final[dict[str, Callable[[_Splitter], Iterator[Problem]]]] = {
    "folds": _problems_of_folds,
    "splits": _problems_of_splits,
    "column": _problems_of_column,
}
"""What finds why the splits of a kind cannot be drawn, by its `draws`."""


def _small_classes(asked: _Splitter) -> Iterator[Problem]:
    """Find classes that cannot be in every fold, since too few rows, or groups, have them."""
    dataset, n = asked.dataset, asked.options.n
    class_N, units = _classes(dataset), "training rows of"
    if asked.row.by_group:
        pairs = np.stack((class_N, np.unique(np.asarray(dataset.groups), return_inverse=True)[1]), axis=1)
        class_N, units = np.unique(pairs, axis=0)[:, 0], "groups with"
    sizes_K = np.bincount(class_N, minlength=len(dataset.classes)).tolist()
    small = [(name, size) for name, size in zip(dataset.classes, sizes_K, strict=True) if size < n]
    other = splitter_by(by_group=dataset.groups is not None, repeats=asked.row.repeats)
    what = f"expected at least {n} {units} every class for {n} folds"
    remedy = f'; kind = "{other}" draws folds that may lack a class'
    if len(small) > 10:
        names = few_quoted([name for name, _ in small])
        yield Problem(_KEY, f"{what}, got fewer of {names}{remedy}")
        return
    for name, size in small:
        yield Problem(_KEY, f"{what}, got {size} of class {quoted(name)}{remedy}")
