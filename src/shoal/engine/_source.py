"""The rows a study asks for, and what the results keep of them.

Letters: V rows predicted, K classes.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import (
    RANGES_BEYOND,
    ColumnKind,
    Dataset,
    Dialect,
    GivenRows,
    TableSource,
    load_table_dataset,
    outside_of_domain,
    series_shape,
    since_first,
    unused_rows,
    weights_said,
)
from shoal.decisions import Decision, named_classes
from shoal.engine._fits import Planner
from shoal.engine._positive import no_two_classes, positive_notes, positive_number
from shoal.engine._trainer import Trainer
from shoal.engine.forecast.available import available_memory
from shoal.errors import DataError, Problem, StudyError
from shoal.extras import is_there
from shoal.files import kind_of
from shoal.kinds import LOSSES, NETWORKS, TABLE_FORMATS, TARGET_TRANSFORMS, table_format_name, task_kind
from shoal.results import ColumnRecord, FitRecord, Truth
from shoal.study import IN_MEMORY, Augment, Data, Study, keys_in_memory, weighs
from shoal.wording import counted, did_you_mean, few_quoted, quoted

_OF_COLUMNS: Final = (
    "inputs", "target", "categorical", "columns", "ignore", "keep", "rare_below", "missing", "missing_marks",
    "missing_targets", "groups", "weights", "time", "ordered", "gap", "series",
    *(field.name for field in fields(Dialect)),
)  # fmt: skip
"""Keys of `data` that speak of columns."""
IMAGES_KEPT: Final = 40
"""Images that the results keep for pictures, at most."""


@dataclass(frozen=True, eq=False)
class InMemory:
    """Rows that a caller hands over where the study says that they are in memory."""

    train: GivenRows | None = None
    test: GivenRows | None = None

    @property
    def bytes(self) -> int:
        """About what they take, beside what is read of them."""
        return sum(rows.bytes for rows in (self.train, self.test) if rows is not None)


def load_data(study: Study, in_memory: InMemory = InMemory()) -> Dataset:
    """Load the data set that a study names, or that is in memory in place of its files.

    Raises DataError, or StudyError where the two do not go together.
    """
    data = study.data
    missing = list(_not_given(data, in_memory))
    if missing:
        raise DataError(missing)
    if data.train is None:
        from shoal.data import load_builtin

        dataset = replace(load_builtin(data.dataset or ""), target_transform=data.target_transform)
    elif _are_images(study, data.train, in_memory.train):
        dataset = _load_images(study, data.train, in_memory)
    else:
        dataset = load_table_dataset(_table_source(study, in_memory), available_memory())
    dataset = replace(dataset, positive=positive_number(data.positive, dataset.classes))
    own = (_transform_notes(dataset), _link_notes(study), _weight_notes(study, dataset))
    notes = (*dataset.notes, *chain(*own, positive_notes(study, dataset)))
    dataset = replace(dataset, notes=notes, given_bytes=in_memory.bytes)
    unfit = [*dataset.unwritable(), *outside_of_domain(dataset, study.losses)]
    if unfit:
        raise DataError(unfit)
    problems = list(_misfits(study, dataset))
    if problems:
        raise StudyError(problems)
    return dataset


def _transform_notes(dataset: Dataset) -> Iterator[str]:
    """Say what networks learn in the place of targets, and how far answers may go."""
    if dataset.target_transform != "none":
        learned = TARGET_TRANSFORMS[dataset.target_transform].words
        units = "predictions and scores are in the targets' own units"
        reach = f"at most {RANGES_BEYOND} ranges of the training rows' targets beyond these"
        yield f'networks learn {learned} (data.target_transform = "{dataset.target_transform}"); {units}, {reach}'


def _link_notes(study: Study) -> Iterator[str]:
    """Say by which losses targets are learned as they are, whatever is standardised."""
    for name in study.losses:
        if study.data.standardize == "both" and LOSSES[name].as_given:
            yield f'targets are neither centred nor scaled for training.loss = "{name}"'


def _weight_notes(study: Study, dataset: Dataset) -> Iterator[str]:
    """Say what weights of rows and of classes count in, and what they do not."""
    if dataset.weights is not None:
        once = "counts of rows and classes, confusion, what columns are scaled by, and checks"
        yield (
            "rows are weighted (data.weights) in losses, curves, scores and their intervals, simple models, and how"
            " sure single predictions are;"
            f" {once} take each row once"
        )
    if study.weighs_classes(dataset.classes):
        what, by = ("classes", "class") if dataset.classes else ("labels", "label")
        once = "losses of rows held out and scores are not weighted by"
        yield f"{what} are weighted in training alone (training.class_weight), also in its curve; {once} {by}"
    for key, weights in study.class_weights.items():
        if nothing := [name for name, weight in weights.items() if weight == 0]:
            names = few_quoted(nothing)
            of = (
                f"from rows of {names}" if dataset.classes else f"of the label {names} from rows that have it"
            )
            by = "some candidates learn nothing" if key.startswith("search.") else "nothing is learned"
            yield f"{by} {of}: weight 0 ({key}); scores count these rows"
        elif dataset.classes and weights and not weighs(weights, dataset.classes):
            yield f"all classes weigh the same ({key}), as without weights"


def _are_images(study: Study, train: str, rows: GivenRows | None) -> bool:
    """Whether the training rows are images, in memory or at a path, or are meant to be."""
    if study.data.series is not None:
        return False
    if rows is not None:
        return rows.holds_images
    table = table_format_name(train)
    if table is not None and TABLE_FORMATS[table].is_text and kind_of(Path(train)) == "a file":
        return _speaks_of_images(study, train)
    from shoal.data import holds_images

    return holds_images(train) or _speaks_of_images(study, train)


def _speaks_of_images(study: Study, train: str) -> bool:
    """Whether a study without a target means images, at a path that holds none: it is told what is wrong with that."""
    return not study.data.targets and (
        NETWORKS[study.network.kind].convolves or kind_of(Path(train)) != "a file"
    )


def _load_images(study: Study, train: str, in_memory: InMemory) -> Dataset:
    from shoal.data import ImageSource, load_image_dataset  # which no table needs

    data = study.data
    if study.study.task != "classification":
        what = f"expected classification for images, got {study.study.task}"
        arrays = in_memory.train is not None or table_format_name(train) == "npz"
        what += "; data.series names an array (N, C, T) that is series" * arrays
        raise StudyError(Problem("study.task", what))
    source = ImageSource(
        in_memory.train or train,
        in_memory.test or data.test,
        data.test_share,
        study.study.seed,
        groups=data.groups,
        resize=data.resize,
        join_validation=data.join_validation,
    )
    return load_image_dataset(source, available_memory())


def _not_given(data: Data, in_memory: InMemory) -> Iterator[Problem]:
    """Find rows that were in memory when the study was run, and are not now."""
    for part in keys_in_memory(vars(data)):
        if getattr(in_memory, part) is None:
            again = f"give them again in Python, shoal.run(study, {part}=...), or name a file that holds them"
            what = f'expected a file, got "{IN_MEMORY}"; {again}'
            yield Problem(f"data.{part}", what)


def _table_source(study: Study, in_memory: InMemory) -> TableSource:
    data, search = study.data, study.search
    return TableSource(
        train=in_memory.train or data.train or "",
        task=study.study.task,
        targets=data.targets,
        test=in_memory.test or data.test,
        inputs=data.inputs,
        categorical=data.categorical,
        groups=data.groups,
        fold_column=search.splitter.column if search else None,
        weights=data.weights,
        test_share=data.test_share,
        seed=study.study.seed,
        ignore=data.ignore,
        keep=data.keep,
        find_kinds=True,
        rare_below=data.rare_below,
        impute=data.missing == "impute",
        missing_marks=data.missing_marks,
        drop_untargeted=data.missing_targets == "drop",
        target_transform=data.target_transform,
        losses=study.losses,
        time=data.time,
        ordered=data.ordered,
        gap=data.gap,
        series=data.series,
        dialect=Dialect(**{field.name: getattr(data, field.name) for field in fields(Dialect)}),
        columns={
            name: ColumnKind(column.kind, column.order, column.format or "")
            for name, column in data.columns.items()
        },
    )


def _misfits(study: Study, dataset: Dataset) -> Iterator[Problem]:
    """Find what the study asks of rows that are not of that kind."""
    if dataset.task != study.study.task:
        yield Problem("study.task", f"expected {dataset.task} for these data, got {study.study.task}")
    images, convolves = dataset.images is not None, NETWORKS[study.network.kind].convolves
    if convolves and not images:
        yield from _no_series(study, dataset)
    if study.network.several_series and images:
        what = "expected 1 for images: columns of a table are series"
        yield Problem("network.series", f"{what}, got {study.network.series}")
    shape = series_shape([column.name for column in dataset.columns]) or (1, 1)
    if convolves and study.network.series == 1 < shape[0]:
        yield Problem("network.series", f"expected {shape[0]}, the series of the array of the inputs, got 1")
    if study.training.augment != Augment() and convolves and not images:
        yield Problem("training.augment", "expected no augmentation for a table: it moves and mirrors images")
    if study.training.augment != Augment() and not convolves:
        what = f"expected no augmentation without network.kind = {_kinds(convolves=True)}"
        yield Problem("training.augment", what)
    yield from _unseen_images(study, dataset)
    yield from _unknown_classes(study, dataset)
    yield from no_two_classes(study, dataset)
    what = "images" if images else "a built-in data set" if study.data.dataset else ""
    grouped = images and study.data.train is not None
    for key in _OF_COLUMNS:
        usual = Data.model_fields[key].default
        if what and getattr(study.data, key) != usual and not (key == "groups" and grouped):
            yield Problem(f"data.{key}", f"expected nothing for {what}, without columns to choose from")
    for key in ("resize", "join_validation"):
        if getattr(study.data, key) and not grouped:
            kind = "a built-in data set" if study.data.dataset else "a table"
            yield Problem(f"data.{key}", f"expected nothing for {kind}: it is for images from files")
    if images and study.data.standardize == "both":
        yield Problem("data.standardize", 'expected "none" or "inputs" for images, got "both"')


def _no_series(study: Study, dataset: Dataset) -> Iterator[Problem]:
    """Find the first column of a table that is no value of a series."""
    what = f'"{study.network.kind}" takes the columns of a table, in their order, as series'
    for column in dataset.columns:
        if column.takes != "numbers":
            yield Problem(
                "network.kind", f"{what}: expected numbers, got {column.takes} in {quoted(column.name)}"
            )
            return
        if np.isnan(column.values).any():
            missing = f"expected no missing cells, got some in {quoted(column.name)}"
            yield Problem("network.kind", f"{what}: {missing}")
            return


def _unknown_classes(study: Study, dataset: Dataset) -> Iterator[Problem]:
    """Find weights of classes that there are not, and weights that leave no class."""
    names, nouns = dataset.classes or dataset.target_names, "labels"
    nouns = "classes of the training rows" if dataset.classes else nouns
    for key, weights in study.class_weights.items():
        for name in weights:
            if name not in names:
                what = f"expected {nouns} ({few_quoted(names)}), got {quoted(name)}"
                yield Problem(key, what + did_you_mean(name, names, quoted))
        if dataset.classes and not any(weights.get(name, 1.0) for name in names):
            yield Problem(key, "expected a class with a weight above 0, got 0 for all of them")


def _kinds(*, convolves: bool) -> str:
    """Name the kinds of networks that do, or do not."""
    return " or ".join(f'"{name}"' for name, kind in NETWORKS.items() if kind.convolves == convolves)


def _unseen_images(study: Study, dataset: Dataset) -> Iterator[Problem]:
    """Find images to look at that are not there."""
    asked, test = study.inspect.images, dataset.rows - dataset.train_rows
    if asked and dataset.images is None:
        yield Problem("inspect.images", "expected nothing for a table, which has no images")
    elif asked and not NETWORKS[study.network.kind].convolves:
        what = f"expected nothing without network.kind = {_kinds(convolves=True)}: only it has feature maps"
        yield Problem("inspect.images", what)
    elif asked and max(asked) >= test:
        what = f"expected numbers of the {counted(test, 'test image')}, from 0 to {test - 1:,}, got {max(asked):,}"
        yield Problem("inspect.images", what)


def column_records(data: Data, dataset: Dataset) -> Iterator[ColumnRecord]:
    """Keep what is known of the columns of a table and done with them: targets, inputs, those that are none."""
    if not dataset.facts:
        return
    kind = {"numbers": "number", "class": "class", "labels": "label"}[task_kind(dataset.task).target]
    classes = (
        f"{counted(len(dataset.classes), 'class')} ({few_quoted(dataset.classes, 3)})"
        if dataset.classes
        else ""
    )
    yield from (ColumnRecord(name, "target", kind, classes) for name in dataset.target_names)
    if data.groups is not None:
        yield ColumnRecord(data.groups, "groups")
    if data.time is not None and data.time not in {column.name for column in dataset.facts}:
        yield ColumnRecord(data.time, "time", dataset.time_kind)
    if data.weights is not None and dataset.weights is not None:
        yield ColumnRecord(data.weights, "weights", done=weights_said(dataset.weights, dataset.train_rows))
    for column in dataset.facts:
        part = "left out" if column.left_out else "input"
        missing = not column.left_out and any(column.missing)
        yield ColumnRecord(column.name, part, column.kind, "; ".join(column.said), missing)
    yield from (ColumnRecord(name, "left out", done="named in data.ignore") for name in data.ignore)
    yield from (ColumnRecord(name, "left out", done="not among data.inputs") for name in dataset.unlisted)


def ground_truth(planner: Planner) -> Truth:
    """Keep what predictions are held against: numeric inputs, targets, and which rows each fit predicts."""
    dataset = planner.dataset
    numeric = [column for column in dataset.columns if not column.categorical]
    values = [since_first(column, dataset.train_rows) for column in numeric]
    x_ND = np.stack(values, 1) if numeric else np.zeros((dataset.rows, 0))
    rows: dict[tuple[str, int], NDArray[np.int64]] = {
        ("search", number): split.validation for number, split in enumerate(planner.folds)
    }
    rows |= {("nested", number): split.validation for number, split in enumerate(planner.nested_splits)}
    for repeat in range(planner.study.study.repeats):
        rows["compare", repeat] = planner.comparison_split(repeat).validation
    truth = Truth(
        input_names=tuple(column.name for column in numeric),
        target_names=dataset.target_names,
        classes=dataset.classes,
        x_ND=x_ND,
        y=dataset.targets,
        train_rows=dataset.train_rows,
        validation_rows=rows,
        groups=group_numbers(dataset),
        times=_times(dataset),
        unused_rows={
            number: unused
            for number, split in enumerate(planner.folds)
            if len(unused := unused_rows(split, dataset.train_rows))
        },
        weights=np.zeros(0) if dataset.weights is None else dataset.weights,
        positive=dataset.positive,
    )
    return truth if dataset.images is None else replace(truth, images=dataset.images[:0])


def group_numbers(dataset: Dataset) -> NDArray[np.int64]:
    """Number the groups of all rows, -1 where a test row's is not known; nothing where the study names none."""
    if dataset.groups is None:
        return np.zeros(0, np.int64)
    known = (
        dataset.groups
        if dataset.test_groups is None
        else np.concatenate((dataset.groups, dataset.test_groups))
    )
    number_N = np.full(dataset.rows, -1, np.int64)
    number_N[: len(known)] = np.unique(known, return_inverse=True)[1]
    return number_N


def _times(dataset: Dataset) -> NDArray[np.float64]:
    """Give the times of all rows, NaN where a test row's is not known; nothing where rows have no order."""
    if dataset.times is None:
        return np.zeros(0)
    tested = dataset.rows - dataset.train_rows
    known = np.full(tested, np.nan) if dataset.test_times is None else dataset.test_times
    return np.concatenate((dataset.times, known))


def with_images_of_mistakes(
    truth: Truth, images: NDArray[np.uint8], delivered: FitRecord, decision: Decision | None = None
) -> Truth:
    """Add the images of the test rows that the delivered network gets wrong with the highest confidence.

    `images` are those of the whole data set.
    """
    true_V = truth.y[truth.train_rows :]
    rows = truth.train_rows + gallery_rows(true_V, delivered.predictions["test"], decision=decision)
    return replace(truth, image_rows=rows, images=images[rows])


def gallery_rows(
    true_V: NDArray[np.int64],
    probability_VK: NDArray[np.float64],
    most: int = IMAGES_KEPT,
    decision: Decision | None = None,
) -> NDArray[np.int64]:
    """Give the rows whose named class is wrong, the surest first, ties by row number: at most `most`."""
    named_V = named_classes(probability_VK, decision)
    wrong = np.flatnonzero(named_V != true_V)
    surest = np.argsort(-probability_VK[wrong, named_V[wrong]], kind="stable")
    return wrong[surest[:most]].astype(np.int64)


def environment(trainers: Mapping[str, Trainer]) -> dict[str, Any]:
    """Say where this was computed: versions, machine, day. A fact beside the results, no part of them."""
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "versions": {name: version(name) for name in ("shoal", "numpy", *(["torch"] * is_there("torch")))},
        "trainers": {
            name: ", ".join(sorted({*trainer.versions.values()})) for name, trainer in trainers.items()
        },
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
