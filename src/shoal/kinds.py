"""The kinds that a study can ask for: their names, what each goes with, and the number the native core knows it by.

Each list of kinds stands here and nowhere else, but for two whose rows say more and so have files of their own:
`activations.py` and `scores.py`. The study's choices, the refusals, the native trainer's numbers and the rooms of
`nets`, `search` and `data` derive from these tables; the pages of the documentation and the core's own lists are
compared with them by tests. The order is the one in which choices are named to a user.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, Protocol, TypeVar, get_args

from shoal.errors import Problem, StudyError
from shoal.wording import wrong_choice

Task = Literal["regression", "classification", "multilabel"]
TASKS: Final[tuple[Task, ...]] = get_args(Task)

Target = Literal["numbers", "class", "labels"]
"""What a row has to be learned; see `TaskKind`."""

Takes = Literal["table", "images"]
"""What a network or a layer is given: rows of numbers, or images and what convolutions make of them."""

Row = TypeVar("Row")


@dataclass(frozen=True)
class TaskKind:
    """What networks learn of a row; `noun` is what it is called, `words` with its article.

    `target`: "numbers" in units of their own; the "class" that the row is of, one of several; or "labels": of each of
    the target columns whether the row has it, 1, or not, 0.
    """

    target: Target
    noun: str
    words: str


@dataclass(frozen=True)
class LossKind:
    """A loss of one task; `core` is its number in `ShoalLoss`, None where torch alone trains it.

    `option` is the key of `training` that belongs to it alone. No target may lie below `least` or above `most`; None
    where any number may be one. `as_given`: targets are neither scaled nor transformed, since its link gives answers
    their own unit. `from_zero`: it is 0 where all answers are right, so that one of its values is a share of another.
    `distribution`: what networks say of a target, a key of `distributions.DISTRIBUTIONS`; None where that is one
    number.
    """

    task: Task
    core: int | None = None
    option: str | None = None
    least: float | None = None
    most: float | None = None
    as_given: bool = False
    from_zero: bool = True
    distribution: str | None = None


@dataclass(frozen=True)
class OptimizerKind:
    """An optimiser: whether it takes momentum, and Nesterov's; `core` is its number in `ShoalOptimizer`."""

    momentum: bool = False
    nesterov: bool = False
    core: int | None = None


@dataclass(frozen=True)
class NetworkKind:
    """A kind of network.

    `convolves`: it has convolutions, so it needs images, which can be moved and mirrored, or tables whose columns are
    series; it has feature maps.
    Of one whose `source` describes it, `words` are what it is called beside it.
    """

    convolves: bool = False
    words: str = ""
    source: str = ""


@dataclass(frozen=True)
class LayerKind:
    """A kind of layer; `core`: whether the native core has it, else torch alone trains it."""

    core: bool = False


@dataclass(frozen=True)
class PoolKind:
    """A way of pooling; `core` is its number in `ShoalPool`, where 0 stands for none.

    Where the window is the whole map, `whole` names the way it is pooled in, a row that has a number in the core.
    """

    core: int | None = None
    whole: str = ""


@dataclass(frozen=True)
class NormKind:
    """A norm between the sum of a layer and its activation; `source` is the work that describes it."""

    words: str
    source: str
    core: int | None = None


class CoreKind(Protocol):
    """A kind that the native core may have; `core` is its number there, None where torch alone has it."""

    @property
    def core(self) -> int | None:
        """The number."""
        ...


@dataclass(frozen=True)
class ScheduleKind:
    """A schedule: one learning rate for each epoch, worked out in `nets` for all trainers."""


@dataclass(frozen=True)
class SplitterKind:
    """A way to split the training rows for a search.

    `draws`: "folds", which hold every row out once; "splits", each with its own rows held out, drawn apart from the
    others; "time", which validate on what comes after the rows that are trained on; "groups", which hold one group out
    each; "column", which of the data says what each fold holds out; or "peer", which `peer` itself draws. `by_class`: a
    fold has nearly the share of every class that all rows have. `by_group`: rows of one group are on one side.
    `by_time`: no row is trained on that is as late as one that it is judged by. `repeats`: drawn several times over.
    `shuffles`: rows are dealt out in any order, unless the study says otherwise. `noun` is what one of them is called.
    `peer` is scikit-learn's class, to whose splits they are equal row for row ("group-time": mlxtend's).
    """

    peer: str
    draws: Literal["folds", "splits", "time", "groups", "column", "peer"] = "folds"
    by_class: bool = False
    by_group: bool = False
    by_time: bool = False
    repeats: bool = False
    shuffles: bool = True
    noun: str = "fold"


@dataclass(frozen=True)
class TableKind:
    """A format of tables: what it is called, and the endings of its files in small letters, the usual one first.

    `is_text`: its cells are text while they are read, and its files may be packed, and then have an ending of PACKINGS
    behind theirs. `delimiter`: what stands between cells; None of text: it has to be said, since the endings are those
    of other texts, too.
    """

    title: str
    endings: tuple[str, ...]
    is_text: bool = False
    delimiter: str | None = None

    @property
    def of_any_text(self) -> bool:
        """Whether a file of such an ending may be another text than a table."""
        return self.is_text and self.delimiter is None


@dataclass(frozen=True)
class ImageKind:
    """A format of files with many images: what it is called, with its article; its endings, if it is known by any."""

    called: str
    endings: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetTransformKind:
    """What targets of a regression become before they are standardised.

    Every target has to lie above `above`; None where any number has one. `words` are what a loss of such targets is of.
    """

    words: str
    above: float | None = None


@dataclass(frozen=True)
class EncoderKind:
    """A way to make inputs of a network from one input column.

    `takes`: the cells it is given; the first kind that takes them has the columns that ask for no other. `described` is
    what its entry in a model file holds, in a sentence.
    """

    takes: Literal["numbers", "categories", "dates"]
    described: str


@dataclass(frozen=True)
class SearchKind:
    """A method of search, and how the space of a study is read for it.

    `drawn`: settings are drawn from lists and ranges, `search.samples` of them; else the space is every combination of
    its listed values. `complete`: each of those combinations is tried. `one_round`: all is asked for before anything is
    trained, so that a plan knows it; of another method the plan says that more rounds may follow. `source` is the work
    that describes it.
    """

    drawn: bool = False
    complete: bool = False
    one_round: bool = False
    source: str = ""


TASK_KINDS: Final[dict[str, TaskKind]] = {
    "regression": TaskKind("numbers", "regression", "a regression"),
    "classification": TaskKind("class", "classification", "a classification"),
    "multilabel": TaskKind("labels", "several labels", "several labels"),
}
LOSSES: Final[dict[str, LossKind]] = {
    "mse": LossKind("regression", core=0),
    "mae": LossKind("regression", core=2),
    "huber": LossKind("regression", core=3, option="huber_delta"),
    "poisson": LossKind("regression", core=4, least=0.0, as_given=True, from_zero=False),
    "quantile": LossKind("regression", core=5, option="quantiles", distribution="quantiles"),
    "gaussian": LossKind("regression", core=6, from_zero=False, distribution="normal"),
    "cross-entropy": LossKind("classification", core=1, option="label_smoothing"),
    "binary-cross-entropy": LossKind("multilabel", core=7, least=0.0, most=1.0, as_given=True),
}
OPTIMIZERS: Final[dict[str, OptimizerKind]] = {
    "sgd": OptimizerKind(momentum=True, nesterov=True, core=0),
    "adam": OptimizerKind(core=1),
    "adamw": OptimizerKind(core=2),
    "rmsprop": OptimizerKind(momentum=True, core=3),
}
NETWORKS: Final[dict[str, NetworkKind]] = {
    "mlp": NetworkKind(),
    "cnn": NetworkKind(
        convolves=True,
        words="convolutional networks",
        source="LeCun, Bottou, Bengio, Haffner (1998): Gradient-based learning applied to document recognition."
        " Proceedings of the IEEE 86, 2278–2324.",
    ),
}
LAYERS: Final[dict[str, LayerKind]] = {
    "embedding": LayerKind(core=True),
    "series": LayerKind(core=True),
    "conv": LayerKind(core=True),
    "dense": LayerKind(core=True),
    "module": LayerKind(),
}
POOLS: Final[dict[str, PoolKind]] = {
    "max": PoolKind(core=1),
    "average": PoolKind(core=2),
    "global-average": PoolKind(whole="average"),
}
NORMS: Final[dict[str, NormKind]] = {
    "batch": NormKind(
        "batch norm",
        "Ioffe, Szegedy (2015): Batch normalization: accelerating deep network training. ICML.",
        core=1,
    ),
    "layer": NormKind(
        "layer norm", "Ba, Kiros, Hinton (2016): Layer normalization. arXiv:1607.06450.", core=2
    ),
}
SCHEDULES: Final[dict[str, ScheduleKind]] = {
    "constant": ScheduleKind(),
    "cosine": ScheduleKind(),
    "step": ScheduleKind(),
    "one-cycle": ScheduleKind(),
}
SEARCHES: Final[dict[str, SearchKind]] = {
    "grid": SearchKind(complete=True, one_round=True),
    "random": SearchKind(
        drawn=True,
        one_round=True,
        source="Bergstra, Bengio (2012): Random search for hyper-parameter optimization. JMLR 13, 281–305.",
    ),
}
SPLITTERS: Final[dict[str, SplitterKind]] = {
    "k-fold": SplitterKind("KFold"),
    "stratified": SplitterKind("StratifiedKFold", by_class=True),
    "grouped": SplitterKind("GroupKFold", by_group=True),
    "stratified-grouped": SplitterKind("StratifiedGroupKFold", by_class=True, by_group=True),
    "repeated": SplitterKind("RepeatedKFold", repeats=True),
    "repeated-stratified": SplitterKind("RepeatedStratifiedKFold", by_class=True, repeats=True),
    "repeated-grouped": SplitterKind("GroupKFold", by_group=True, repeats=True),
    "repeated-stratified-grouped": SplitterKind(
        "StratifiedGroupKFold", by_class=True, by_group=True, repeats=True
    ),
    "shuffle": SplitterKind("ShuffleSplit", draws="splits", noun="split"),
    "time": SplitterKind("TimeSeriesSplit", draws="time", by_time=True, shuffles=False),
    "group-time": SplitterKind(
        "GroupTimeSeriesSplit", draws="time", by_group=True, by_time=True, shuffles=False
    ),
    "leave-one-group-out": SplitterKind("LeaveOneGroupOut", draws="groups", by_group=True, shuffles=False),
    "given": SplitterKind("PredefinedSplit", draws="column", shuffles=False),
}
PEER_NAME: Final = re.compile(r"[A-Z][A-Za-z]+")
"""How the classes of scikit-learn are written, and no kind of ours: such a name is that of a splitter of its own."""
TABLE_FORMATS: Final[dict[str, TableKind]] = {
    "csv": TableKind("CSV", (".csv",), is_text=True, delimiter=","),
    "tsv": TableKind("TSV", (".tsv", ".tab"), is_text=True, delimiter="\t"),
    "txt": TableKind("TXT", (".txt", ".dat"), is_text=True),
    "parquet": TableKind("Parquet", (".parquet", ".pq")),
    "npz": TableKind("NPZ", (".npz",)),
    "xlsx": TableKind("XLSX", (".xlsx", ".xlsm")),
}
PACKINGS: Final[dict[str, str]] = {".gz": "gzip", ".bz2": "bzip2"}
"""What packs a file of text, by the ending that it puts behind the file's own."""
ENCODERS: Final[dict[str, EncoderKind]] = {
    "number": EncoderKind("numbers", "mean and scale"),
    "category": EncoderKind("categories", "categories"),
    "code": EncoderKind("categories", "codes of categories"),
    "ordered": EncoderKind("categories", "an order"),
    "date": EncoderKind("dates", "a first date"),
}
TARGET_TRANSFORMS: Final[dict[str, TargetTransformKind]] = {
    "none": TargetTransformKind("targets"),
    "log": TargetTransformKind("logarithms of targets", above=0.0),
    "log1p": TargetTransformKind("logarithms of 1 + targets", above=-1.0),
    "yeo-johnson": TargetTransformKind("Yeo-Johnson targets"),
}
IMAGE_FORMATS: Final[dict[str, ImageKind]] = {
    "idx": ImageKind("an IDX"),
    "npz": ImageKind("an NPZ", (".npz",)),
}


def row_of(kind: str, table: Mapping[str, Row], name: str) -> Row:
    """Give the row of `name`; `kind` says what the table holds. A kind that is unknown raises, whoever asks."""
    if name not in table:
        raise StudyError(Problem(kind, wrong_choice(name, tuple(table))))
    return table[name]


def core_number(kind: str, table: Mapping[str, CoreKind], name: str) -> int:
    """Give the number by which the native core knows a kind. Raises StudyError for one that it does not."""
    number = row_of(kind, table, name).core
    if number is None:
        raise StudyError(Problem(kind, f"expected one that the native core knows, got {name!r}"))
    return number


def task_kind(task: str) -> TaskKind:
    """Give the row of a task. Raises StudyError for one that is unknown."""
    return row_of("study.task", TASK_KINDS, task)


def has_classes(task: str) -> bool:
    """Whether a row of a task is of one of several classes, so that folds may keep their shares."""
    return task_kind(task).target == "class"


def losses_of(task: str) -> tuple[str, ...]:
    """Name the losses of a task, its own first."""
    return tuple(name for name, loss in LOSSES.items() if loss.task == task)


def splitter_kind(where: str, name: str) -> SplitterKind:
    """Give the kind of splits of this name: a row of SPLITTERS, or a class of scikit-learn's by its own name.

    What is known of such a class is what stands in the row that is equal to it; whether there is one is asked when it
    is first used. Raises StudyError for a name that is neither.
    """
    if not PEER_NAME.fullmatch(name):
        return row_of(where, SPLITTERS, name)
    like = next((row for row in SPLITTERS.values() if row.peer == name), SplitterKind(name))
    return replace(like, peer=name, draws="peer", repeats=False, noun="split")


def usual_splitter(task: str, *, grouped: bool, timed: bool = False) -> str:
    """Name the kind of folds of a study that names none: in order of time where it has one, by group where it has
    groups, else by class if it has any.
    """
    return splitter_by(
        by_class=has_classes(task) and not grouped and not timed, by_group=grouped, by_time=timed
    )


def splitter_by(
    *, by_class: bool = False, by_group: bool = False, by_time: bool = False, repeats: bool = False
) -> str:
    """Name the kind of folds that keeps and repeats what is asked for, and no more; none in order of time does more."""
    draws = "time" if by_time else "folds"
    facts = (draws, by_class and not by_time, by_group, repeats and not by_time)
    return next(
        name
        for name, row in SPLITTERS.items()
        if (row.draws, row.by_class, row.by_group, row.repeats) == facts
    )


def splitter_like(name: str, *, grouped: bool, repeats: bool | None = None) -> str:
    """Name the kind of folds most like `name` that keeps groups, if `grouped`, and repeats or not, if that is said."""
    row = splitter_kind("search.folds.kind", name)
    again = row.repeats if repeats is None else repeats
    return splitter_by(
        by_class=row.by_class, by_group=row.by_group or grouped, by_time=row.by_time, repeats=again
    )


def table_endings() -> tuple[str, ...]:
    """Name the endings of all files of tables, those of packed ones last."""
    kinds = TABLE_FORMATS.values()
    packed = (ending + end for kind in kinds if kind.is_text for ending in kind.endings for end in PACKINGS)
    return *(ending for kind in kinds for ending in kind.endings), *packed


def packing_of(path: str | Path) -> str | None:
    """Give the ending by which a file is packed; None where it has none."""
    ending = Path(path).suffix.lower()
    return ending if ending in PACKINGS else None


def table_format_name(path: str | Path) -> str | None:
    """Name the format of a table by the ending of its file, in whatever letters; None for one that no format has."""
    packed = packing_of(path) is not None
    ending = Path(Path(path).stem if packed else path).suffix.lower()
    names = (name for name, kind in TABLE_FORMATS.items() if ending in kind.endings)
    return next((name for name in names if TABLE_FORMATS[name].is_text or not packed), None)
