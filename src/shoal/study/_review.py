"""Every mistake of a study at once: in single values, in values that do not go together, in comparisons and space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from pydantic import ValidationError

from shoal.kinds import SplitterKind, has_classes, splitter_kind, task_kind
from shoal.scores import of_another_task
from shoal.study._candidates import Candidate, expand, overlay
from shoal.study._devices import is_device
from shoal.study._folds import Folds
from shoal.study._key_paths import KeyPath, value_at
from shoal.study._sentences import Mistake, mistakes_of, refusal
from shoal.study._study import Nested, Search, Study
from shoal.study._vary import vary_section
from shoal.wording import did_you_mean, listed, value_text

WINNER: Final = "winner"
DELIVERED: Final = "delivered"
_SOURCES: Final = ("train", "test", "dataset")
_PUBLISHED: Final = {"name": WINNER, "metric": "loss", "value": 0.0, "source": "put aside"}
_PASSES: Final = 10
_TIMED: Final[tuple[KeyPath, KeyPath]] = ("data", "time"), ("data", "ordered")

_Why = str | Callable[[SplitterKind], str]
_KEYS_OF_FOLDS: Final[dict[str, tuple[Callable[[SplitterKind], bool], _Why]]] = {
    "n": (lambda row: row.draws in ("folds", "splits", "time"), "whose number the data says"),
    "share": (lambda row: row.draws == "splits", "of which each holds out an equal part of the rows"),
    "shuffle": (
        lambda row: row.draws == "folds" and not row.repeats,
        lambda row: f"which {'always' if row.repeats or row.draws == 'splits' else 'never'} shuffle rows",
    ),
    "size": (lambda row: row.draws == "time", "which are not in order of time"),
    "window": (lambda row: row.draws == "time", "which are not in order of time"),
}
"""Keys of folds that some kinds have no use for: which do, and why the others do not. `Folds` asks for the rest."""


def check_study(study: Study) -> None:
    """Refuse a study that asks for what cannot be, as far as that is known without data.

    `load_study` has done this; a study built in Python needs it. Raises StudyError with every mistake.
    """
    mistakes = study_mistakes(study)
    if mistakes:
        raise refusal(mistakes)


def review(tree: dict[str, Any]) -> tuple[Study | None, list[Mistake]]:
    """Validate a study given as dicts and lists, taking them apart; None and every mistake if it is refused.

    pydantic stops at wrong values before it asks what goes together. So wrong values are put aside and the
    rest is validated again; a mistake that depends on a value put aside is not reported.
    """
    mistakes: list[Mistake] = []
    aside: list[KeyPath] = []
    for _ in range(_PASSES):
        try:
            study = Study.model_validate(tree)
        except ValidationError as error:
            new_mistakes = mistakes_of(error, tree)
            mistakes += _independent(new_mistakes, aside)
            aside += [_put_aside(tree, touched) for mistake in new_mistakes for touched in mistake.touches]
        else:
            mistakes += _independent(study_mistakes(study), aside)
            return (None if mistakes else study), mistakes
    return None, mistakes


def study_mistakes(study: Study) -> list[Mistake]:
    """List what is wrong in a study whose single values are all valid."""
    own_loss = vary_section(study, "training", ())
    mistakes = own_loss if isinstance(own_loss, list) else []
    mistakes += [
        *_device_mistakes(study),
        *_column_mistakes(study),
        *_choice_mistakes(study),
        *_missing_mistakes(study),
        *_transform_mistakes(study),
        *_time_mistakes(study),
    ]
    mistakes += [*_name_mistakes(study), *_reference_mistakes(study)]
    if study.search is not None:
        mistakes += _search_mistakes(study, study.search)
    if study.nested is not None:
        mistakes += _nested_mistakes(study, study.nested)
    mistakes += overlay(study)[1]
    all_candidates, mistakes_of_space = expand(study)
    mistakes += [*mistakes_of_space, *_loss_mistakes(study, all_candidates)]
    return list(dict.fromkeys(mistakes))


def _independent(mistakes: list[Mistake], aside: list[KeyPath]) -> list[Mistake]:
    """Keep the mistakes that touch nothing which was put aside."""
    inside, around = set(aside), {path[:depth] for path in aside for depth in range(1, len(path))}
    return [
        mistake
        for mistake in mistakes
        if not any(
            touched in around or any(touched[:depth] in inside for depth in range(1, len(touched) + 1))
            for touched in mistake.touches
        )
    ]


def _put_aside(tree: dict[str, Any], path: KeyPath) -> KeyPath:
    """Take the value at `path` out of the tree, as wide as needed, and give the key path of what was taken.

    What has no default is replaced by something valid, so that the rest can be looked at.
    """
    deep = path[0] in ("compare", "reference") or path[:2] == ("search", "space")
    taken = path[: 3 if deep else 2]
    parent = value_at(tree, taken[:-1])
    if isinstance(parent, dict):
        parent.pop(taken[-1], None)
    elif isinstance(parent, list) and isinstance(taken[-1], int):
        parent[taken[-1]] = {}
    match taken:
        case ("study", *_):
            tree.setdefault("study", {}).setdefault("task", "regression")
        case ("data",):
            tree["data"] = {"dataset": "none"}
        case ("data", str(key)) if key in _SOURCES:
            others = {name: value for name, value in tree["data"].items() if name not in _SOURCES}
            tree["data"] = {**others, "dataset": "none"}
        case ("compare", int(number), "name"):
            tree["compare"][number]["name"] = f"compare[{number}]"
        case ("reference", int(number), str(key)) if key in _PUBLISHED:
            tree["reference"][number][key] = _PUBLISHED[key]
    return taken


def _column_mistakes(study: Study) -> Iterator[Mistake]:
    """Check the columns that are named, as far as that needs no table."""
    data = study.data
    inputs, targets = ("data", "inputs"), ("data", "target")
    for path, names in (
        (inputs, data.inputs or ()),
        (targets, data.targets),
        (("data", "categorical"), data.categorical),
        (("data", "ignore"), data.ignore),
        (("data", "keep"), data.keep),
        *((("data", "columns", name, "order"), column.order) for name, column in data.columns.items()),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                what = "value" if path[-1] == "order" else "column"
                yield Mistake(
                    path, f"expected every {what} once, got {value_text(name)} {count} times", (path,)
                )
    for name in data.targets:
        if name in (data.inputs or ()):
            yield Mistake(
                targets, f"expected a column that is no input, got {value_text(name)}", (inputs, targets)
            )
    for key, names in (("categorical", data.categorical), ("columns", tuple(data.columns))):
        for name in names:
            if data.inputs is not None and name not in data.inputs and name != data.time:
                what = f"expected columns of data.inputs, got {value_text(name)}"
                yield Mistake(("data", key), what, (inputs, ("data", key)))


def _choice_mistakes(study: Study) -> Iterator[Mistake]:
    """Columns are named, or some are left out and brought back; none is both."""
    data, inputs = study.data, ("data", "inputs")
    for key, names in (("ignore", data.ignore), ("keep", data.keep)):
        if names and data.inputs is not None:
            path = ("data", key)
            yield Mistake(path, "expected nothing beside data.inputs, which names all inputs", (inputs, path))
    for key, names in (("keep", data.keep), ("columns", tuple(data.columns))):
        for name in names:
            if name in data.ignore:
                what = f"expected columns that are not ignored, got {value_text(name)}"
                yield Mistake(("data", key), what, (("data", "ignore"), ("data", key)))
    for name in data.columns:
        if name in data.categorical:
            paths = ("data", "categorical"), ("data", "columns")
            what = f"expected columns that data.categorical does not name, got {value_text(name)}"
            yield Mistake(paths[1], what, paths)


def _missing_mistakes(study: Study) -> Iterator[Mistake]:
    """Marks of missing cells say nothing where none may be missing."""
    data, path, missing = study.data, ("data", "missing_marks"), ("data", "missing")
    if data.missing_marks and data.missing == "refuse" and data.missing_targets == "refuse":
        yield Mistake(path, 'expected none with data.missing = "refuse"', (path, missing))
    for mark in data.missing_marks:
        if not mark.strip(" \t"):
            yield Mistake(path, "expected texts, got a blank one: an empty cell is missing anyway", (path,))


def _transform_mistakes(study: Study) -> Iterator[Mistake]:
    """Classes are no numbers to transform."""
    path, task = ("data", "target_transform"), ("study", "task")
    if study.data.target_transform != "none" and study.study.task != "regression":
        what = f'expected "none" with study.task = "{study.study.task}", got "{study.data.target_transform}"'
        yield Mistake(path, what, (path, task))


def _time_mistakes(study: Study) -> Iterator[Mistake]:
    """Rows have one order, and keys that ask for one have it."""
    data, time, ordered, gap = study.data, *_TIMED, ("data", "gap")
    if data.time is not None and data.ordered:
        yield Mistake(ordered, "expected false with data.time, which orders the rows, got true", _TIMED)
    if data.gap and not data.timed:
        what = f"expected 0 without data.time or data.ordered, since rows have no order, got {data.gap}"
        yield Mistake(gap, what, (gap, *_TIMED))
    if data.timed and study.checks.permutations:
        path = ("checks", "permutations")
        what = "expected 0 where rows have an order (data.time, data.ordered): they cannot be exchanged"
        yield Mistake(path, f"{what}, got {study.checks.permutations}", (path, time, ordered))


def _device_mistakes(study: Study) -> Iterator[Mistake]:
    """Find a name that no run folder can have on Windows. Not the model's own rule: results of old stay readable."""
    if is_device(study.study.name):
        name = value_text(study.study.name)
        what = f"expected a name that a folder can have everywhere, got {name}, a device on Windows"
        yield Mistake(("study", "name"), what)


def _name_mistakes(study: Study) -> Iterator[Mistake]:
    """Names of comparisons are labels in every table and picture."""
    seen: set[str] = set()
    for number, entry in enumerate(study.compare):
        path = ("compare", number, "name")
        if entry.name.strip().lower() == WINNER:
            yield Mistake(
                path, f"expected another name, since the chosen candidate is called so, got '{entry.name}'"
            )
        elif entry.name in seen:
            yield Mistake(path, f"expected names that differ, got {value_text(entry.name)} again")
        seen.add(entry.name)


def _reference_mistakes(study: Study) -> Iterator[Mistake]:
    """Published values belong to something that is tested, by a metric of the task."""
    names = [*(entry.name for entry in study.compare), WINNER, DELIVERED]
    for number, entry in enumerate(study.reference):
        path = ("reference", number)
        if entry.name not in names:
            touches = ((*path, "name"), ("compare",))
            what = f"expected the name of a comparison, {WINNER} or {DELIVERED}, got {value_text(entry.name)}"
            yield Mistake((*path, "name"), what + did_you_mean(entry.name, names, repr), touches)
        yield from _score_mistakes(study, (*path, "metric"), entry.metric)


def _score_mistakes(study: Study, path: KeyPath, name: str) -> Iterator[Mistake]:
    """Find a score that the task does not have."""
    if what := of_another_task(name, study.study.task):
        yield Mistake(path, what, (path, ("study", "task")))


def _loss_mistakes(study: Study, all_candidates: Sequence[Candidate]) -> Iterator[Mistake]:
    """Find losses that are not one score: that of a distribution is a score of its own."""
    if study.search is None or study.search.metric != "loss":
        return
    said = {candidate.training.distribution: candidate.training.loss for candidate in all_candidates}
    if len(said) > 1:
        path: KeyPath = ("search", "metric")
        losses = listed(tuple(dict.fromkeys(str(name) for name in said.values())))
        again = "" if len(set(said.values())) > 1 else " with several training.quantiles"
        what = f"expected candidates whose loss is one and the same score, got those of {losses}{again}"
        yield Mistake(path, what, (path, ("training",), ("search", "space")))


def _search_mistakes(study: Study, search: Search) -> Iterator[Mistake]:
    yield from _score_mistakes(study, ("search", "metric"), search.metric)
    for number, name in enumerate(search.scores):
        path: KeyPath = ("search", "scores", number)
        yield from _score_mistakes(study, path, name)
        if name in search.scores[:number]:
            yield Mistake(path, f"expected every score once, got {value_text(name)} again", (path,))
    if search.threshold != "none" and study.study.task != "classification":
        path = ("search", "threshold")
        what = f'expected "none" with study.task = "{study.study.task}": a threshold is one of two classes'
        yield Mistake(path, what, (path, ("study", "task")))
    yield from _folds_mistakes(study, "search", search.splitter)


def _nested_mistakes(study: Study, nested: Nested) -> Iterator[Mistake]:
    """Find a nested search without a search, and outer folds that are not drawn."""
    if study.search is None:
        path: KeyPath = ("nested",)
        what = "expected a section [search], which is what is made again on every outer fold's rows, got none"
        yield Mistake(path, what, (path, ("search",)))
    kind = nested.splitter.kind
    if kind is not None and splitter_kind("nested.folds.kind", kind).draws == "column":
        path = ("nested", "folds", "kind")
        what = f"expected outer folds that are drawn (a column of folds is the search's), got '{kind}'"
        yield Mistake(path, what, (path,))
    yield from _folds_mistakes(study, "nested", nested.splitter)


def _folds_mistakes(study: Study, section: str, splitter: Folds) -> Iterator[Mistake]:
    """Find folds by classes, groups or times that there are none of, and keys of others."""
    path: KeyPath = (section, "folds", "kind")
    kind = study.folds_kind(splitter)
    row = splitter_kind(f"{section}.folds.kind", kind)
    for key, (takes, why) in _KEYS_OF_FOLDS.items():
        if splitter.asks(key) and row.draws != "peer" and not takes(row):
            here = (section, "folds", key)
            reason = why if isinstance(why, str) else why(row)
            yield Mistake(here, f"expected nothing with {kind} folds, {reason}", (here, path, *_TIMED))
    if row.draws == "time" and not study.data.timed:
        what = (
            f"expected data.time (a column that orders the rows), or data.ordered = true, with {kind} folds"
        )
        what += ", got neither"
        yield Mistake(path, what, (path, *_TIMED))
    if row.by_class and not has_classes(study.study.task):
        what = f"expected folds without classes, since the task is {task_kind(study.study.task).noun}, got '{kind}'"
        yield Mistake(path, what, (path, ("study", "task")))
    if row.by_group and study.data.groups is None:
        what = f"expected data.groups (the column of each row's group) with {kind} folds, got none"
        yield Mistake(path, what, (path, ("data", "groups")))
