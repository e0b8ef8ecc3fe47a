"""Training rows to rows to train on and rows to validate on.

Equal row for row to scikit-learn's splitters (the `peer` of each row of `SPLITTERS`) at the same seed, without
importing scikit-learn, so that a plan is made at once. Tests compare both. A splitter that a study names as
scikit-learn does is scikit-learn's own.

Letters: N training rows, F folds, B some of them, G groups, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Dataset, Split
from shoal.data._findings import refuse
from shoal.data._peer_folds import Peer, PeerRows, peer_count, peer_splits, random_state
from shoal.data._time_order import Sides, TimeFolds, Timeline, late_rows
from shoal.errors import Problem
from shoal.kinds import SplitterKind, has_classes, splitter_by, splitter_kind, task_kind, usual_splitter
from shoal.wording import counted, few_quoted, quoted

Rows = NDArray[np.int64]
Random = np.random.RandomState
_AT_ONCE: Final = 1_000_000
"""Numbers that are worked on together."""


@dataclass(frozen=True)
class FoldOptions:
    """How training rows are split: `n` folds (or random splits, each validating on `share`), `times` over.

    `kind` is a name in `SPLITTERS`, or a class of scikit-learn's with its `options`; None: in order of time where the
    data set has one, grouped where it has groups, else stratified in classification, else k-fold. In order of time,
    each fold validates on `size` rows (or groups) and trains on the last `window` before; None: see `TimeFolds`.
    `section` is that of the study which asks for them.
    """

    kind: str | None = None
    n: int = 3
    times: int = 1
    share: float = 0.2
    shuffle: bool = True
    seed: int = 0
    size: int | None = None
    window: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    section: Literal["search", "nested"] = "search"

    @property
    def key(self) -> str:
        """The key of the study that asks for them."""
        return f"{self.section}.folds"


def fold_count(dataset: Dataset, options: FoldOptions) -> int:
    """Count the splits asked for, without drawing any."""
    return _Splitter.of(dataset, options).count


def make_folds(dataset: Dataset, options: FoldOptions) -> tuple[Split, ...]:
    """Split the training rows; split `i` has stream `i`.

    Raises DataError where the rows, classes or groups do not allow the folds asked for.
    """
    splitter = _Splitter.of(dataset, options)
    refuse(splitter.problems())
    sides = splitter.sides(random_state(options.seed))
    splits = tuple(
        Split(label, stream, train, held_out)
        for stream, (label, (train, held_out)) in enumerate(zip(splitter.labels(), sides, strict=True))
    )
    refuse(_late(splitter, splits))
    return splits


def _late(asked: _Splitter, splits: Iterable[Split]) -> Iterator[Problem]:
    """Find the first split that trains on what is as late as rows by which it is judged, or in the gap before them."""
    dataset, key = asked.dataset, asked.options.key
    if dataset.times is None:
        return
    gap = (
        0 if asked.row.draws == "time" else dataset.gap
    )  # those leave it out, of groups where they keep these
    kind = usual_splitter(dataset.task, grouped=dataset.groups is not None, timed=True)
    for split in splits:
        if late := late_rows(dataset.times, split.train, split.validation):
            what = "expected every row to train on to be earlier than those that judge it, since rows have an order"
            remedy = f'{split.label} has {counted(late, "other")}; kind = "{kind}" has none'
            yield Problem(key, f"{what}, got others: {remedy}")
            return
        if close := late_rows(dataset.times, split.train, split.validation, gap):
            what = f"expected the {counted(gap, 'row')} before those that judge to be left out (data.gap)"
            yield Problem(
                key, f'{what}, got {close:,} trained on in {split.label}; kind = "{kind}" leaves them out'
            )
            return


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
        grouped, timed = dataset.groups is not None, dataset.times is not None
        name = options.kind or usual_splitter(dataset.task, grouped=grouped, timed=timed)
        return cls(dataset, options, name, splitter_kind(f"{options.key}.kind", name))

    @property
    def rounds(self) -> int:
        """How often all folds are drawn."""
        return self.options.times if self.row.repeats else 1

    @property
    def count(self) -> int:
        """How many splits there are."""
        count = _COUNTED.get(self.row.draws)
        return self.options.n * self.rounds if count is None else count(self)

    def labels(self) -> Iterator[str]:
        """Name the splits for people."""
        each = self.count // self.rounds
        for number in range(self.count):
            times = f", round {number // each + 1} of {self.rounds}" if self.row.repeats else ""
            yield f"{self.row.noun} {number % each + 1} of {each}{times}"

    def sides(self, random: Random) -> list[Sides]:
        """Give the rows to train on and those to validate on of each split."""
        return _DRAWN[self.row.draws](self, random)

    def beside(self, held_out: Iterable[Rows]) -> list[Sides]:
        """Put the rows to train on beside those held out: all others."""
        return [(np.delete(np.arange(self.dataset.train_rows), rows), rows) for rows in held_out]

    def problems(self) -> Iterator[Problem]:
        """Find why these rows cannot be split so."""
        yield from _PROBLEMS[self.row.draws](self)

    @property
    def in_time(self) -> tuple[Timeline, TimeFolds]:
        """The rows, or groups, in order of time, and how they are to be cut."""
        data, asked = self.dataset, self.options
        line = Timeline.of(np.asarray(data.times), data.groups if self.row.by_group else None)
        return line, TimeFolds(asked.n, asked.size, data.gap, asked.window)

    @property
    def peer(self) -> tuple[Peer, PeerRows]:
        """What scikit-learn is asked for, and of which rows."""
        data, asked = self.dataset, self.options
        y = data.targets[: data.train_rows]
        peer = Peer(self.row.peer, asked.options, asked.seed, asked.key)
        return peer, PeerRows(y, data.groups, data.times)


def _folds(asked: _Splitter, random: Random) -> list[Sides]:
    """Draw folds, round after round from the one generator; repeated ones are always shuffled."""
    draw = _FOLDS[asked.row.by_class, asked.row.by_group]
    shuffled = random if asked.options.shuffle or asked.row.repeats else None
    drawn = (draw(asked.dataset, asked.options.n, shuffled) for _ in range(asked.rounds))
    return asked.beside(fold for folds in drawn for fold in folds)


def _splits(asked: _Splitter, random: Random) -> list[Sides]:
    options = asked.options
    return asked.beside(random_splits(asked.dataset.train_rows, options.n, options.share, random))


def _in_time(asked: _Splitter, _: Random) -> list[Sides]:
    line, folds = asked.in_time
    return line.folds(folds)


def _groups(asked: _Splitter, _: Random) -> list[Sides]:
    """Hold out one group after the other, in their order."""
    group_N = np.unique(np.asarray(asked.dataset.groups), return_inverse=True)[1]
    return asked.beside(given_folds(group_N))


def _column(asked: _Splitter, _: Random) -> list[Sides]:
    return asked.beside(given_folds(np.asarray(asked.dataset.given_folds)))


_DRAWN: Final[dict[str, Callable[[_Splitter, Random], list[Sides]]]] = {
    "folds": _folds,
    "splits": _splits,
    "time": _in_time,
    "groups": _groups,
    "column": _column,
    "peer": lambda asked, _: peer_splits(*asked.peer),
}
"""What draws the splits of a kind, by its `draws`."""


def _different(numbers: NDArray[Any] | None) -> int:
    return 0 if numbers is None else len(np.unique(numbers))


def _given_count(asked: _Splitter) -> int:
    fold_N = asked.dataset.given_folds
    return 0 if fold_N is None else _different(fold_N[fold_N >= 0])


_COUNTED: Final[dict[str, Callable[[_Splitter], int]]] = {
    "groups": lambda asked: _different(asked.dataset.groups),
    "column": _given_count,
    "peer": lambda asked: peer_count(*asked.peer),
}
"""What counts the splits of a kind, where the study does not say how many there are."""


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


def _problems_of_folds(asked: _Splitter) -> Iterator[Problem]:
    dataset, n, row = asked.dataset, asked.options.n, asked.row
    units, what = dataset.train_rows, "training rows"
    if row.by_class and not has_classes(dataset.task):
        what = f"expected classes for {asked.name} folds, got {task_kind(dataset.task).words}"
        yield Problem(asked.options.key, what)
        return
    if row.by_group and dataset.groups is None:
        yield _no_groups(asked)
        return
    if row.by_group:
        units, what = len(np.unique(np.asarray(dataset.groups))), "groups of the training rows"
    if n > units:
        yield Problem(asked.options.key, f"expected at most {counted(units, 'fold')} (the {what}), got {n}")
    elif row.by_class:
        yield from _small_classes(asked)


def _problems_of_splits(asked: _Splitter) -> Iterator[Problem]:
    rows, share = asked.dataset.train_rows, asked.options.share
    if not 0 < math.ceil(share * rows) < rows:
        what = "expected a share that leaves at least one row to train on and one to validate on"
        yield Problem(f"{asked.options.key}.share", f"{what}, got {share} of {counted(rows, 'row')}")


def _no_groups(asked: _Splitter) -> Problem:
    return Problem(asked.options.key, f"expected the column data.groups for {asked.name} folds, got none")


def _problems_in_time(asked: _Splitter) -> Iterator[Problem]:
    """Find rows, or groups, without an order, and those that so many blocks leave none to train on before."""
    if asked.row.by_group and asked.dataset.groups is None:
        yield _no_groups(asked)
    elif asked.dataset.times is None:
        what = f"expected data.time, or data.ordered = true, for {asked.name} folds, got neither"
        yield Problem(asked.options.key, what)
    else:
        yield from _problems_of_cuts(asked)


def _problems_of_cuts(asked: _Splitter) -> Iterator[Problem]:
    line, folds = asked.in_time
    noun = "group" if asked.row.by_group else "row"
    block = folds.block(line.units)
    last = line.units - folds.n * block - folds.gap
    if block < 1 or last < 1 or folds.n >= line.units:
        gap = f" after a gap of {folds.gap:,}" if folds.gap else ""
        blocks = f"{folds.n} folds of {counted(max(block, 1), noun)}{gap}"
        what = f"expected {noun}s to train on before {blocks}, got {counted(line.units, noun)} in all"
        yield Problem(asked.options.key, what)
        return
    cuts = line.cuts(folds)
    if cuts[0] <= folds.gap or len(set(cuts)) < len(cuts):
        what = f"expected times to part {noun}s at for {folds.n} folds, equal ones on one side"
        yield Problem(
            asked.options.key,
            f"{what}, got {counted(line.moments, 'different time')} of {counted(line.units, noun)}",
        )


def _problems_of_groups(asked: _Splitter) -> Iterator[Problem]:
    groups = asked.dataset.groups
    if groups is None:
        yield _no_groups(asked)
    elif _different(groups) < 2:
        yield Problem(asked.options.key, f"expected at least 2 groups for {asked.name} folds, got 1")


def _problems_of_column(asked: _Splitter) -> Iterator[Problem]:
    if asked.dataset.given_folds is None:
        yield Problem(asked.options.key, "expected a column of folds for given folds, got none")


_PROBLEMS: Final[dict[str, Callable[[_Splitter], Iterator[Problem]]]] = {
    "folds": _problems_of_folds,
    "splits": _problems_of_splits,
    "time": _problems_in_time,
    "groups": _problems_of_groups,
    "peer": lambda _: iter(()),
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
        yield Problem(asked.options.key, f"{what}, got fewer of {names}{remedy}")
        return
    for name, size in small:
        yield Problem(asked.options.key, f"{what}, got {size} of class {quoted(name)}{remedy}")
