"""What `run` and `plan` are asked for: a study or rows in memory, and keywords, made into one study."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from shoal.data import GivenRows, Rows, are_rows, columns_of_array, given_rows
from shoal.engine import InMemory
from shoal.errors import DataError, InputError, Problem, another_kind
from shoal.extras import is_there, needed
from shoal.kinds import TASKS
from shoal.nets import OwnModule, Recipe
from shoal.study import (
    IN_MEMORY,
    Keys,
    Study,
    check_study,
    load_study,
    parse_study,
    with_keywords,
)
from shoal.wording import counted, is_or_are, listed, quoted, wrong_choice

if TYPE_CHECKING:
    from shoal.shards import Shard
    from shoal.study import Draft

MOST_LEFT_OUT: Final = 20
"""Columns that are no inputs of which this is said, each in a sentence."""
StudyOrRows: TypeAlias = "Study | str | Path | Rows"
STUDY_OR_ROWS: Final = "a Study, the path of a study file, the name of a built-in study, or rows in memory"


class Keywords(Keys, total=False):
    """Keys of the study, rows in memory in place of its files, and the names of the targets, or the targets."""

    train: Rows
    test: Rows
    target: Any


class MergeKeywords(Keywords, total=False):
    """Those of shards united; `module` makes a person's own module."""

    module: Callable[..., Any] | None


class PlanKeywords(MergeKeywords, total=False):
    """Those of the plan of a whole run or of a part of it."""

    shard: str | None


class RunKeywords(PlanKeywords, total=False):
    """Those of the run itself, too."""

    cluster: Any


_NO_KEYS: Final = ("train", "test", "target")
_HOW: Final = ("shard", "cluster")
_OTHERS: Final = (*_NO_KEYS, "out", "workers", "trainer", "device", "watcher", "module", *_HOW)
_OF_INPUTS: Final = frozenset({"inputs", "series", "ignore", "keep", "groups", "weights", "time"})
"""Keys of `data` that choose among columns, in place of the list of inputs that a drafted study has."""


@dataclass(frozen=True, eq=False)
class Request:
    """A study, the rows in memory that it speaks of, what was guessed in making it, as sentences, the shard of it that
    is asked for, the cluster that is to train it, and the module that takes the place of its network.
    """

    study: Study
    in_memory: InMemory = field(default_factory=InMemory)
    notes: tuple[str, ...] = ()
    shard: Shard | None = None
    cluster: Any = None
    module: OwnModule | None = None


def request_of(study: StudyOrRows, keywords: Mapping[str, Any], expected: str = STUDY_OR_ROWS) -> Request:
    """Read a study, hold one built in Python to the same rules, or draft one for rows; lay keywords over it.

    `expected` says what the caller takes. Raises InputError for what is no study, for mistakes of a study, for rows of
    which no table can be made, and for what is no module.
    """
    own = _own_module(keywords)
    keywords = {name: value for name, value in keywords.items() if name != "module"}
    train, test, target = map(keywords.get, _NO_KEYS)
    data = keywords.get("data")
    data = data if isinstance(data, Mapping) else {}
    stated = data.get("target")
    names, notes = _names(stated if target is None else target), tuple[str, ...]()
    base = _study_of(study, expected)
    if base is None:
        if train is not None:
            raise InputError("train: expected nothing beside the rows that come first, got rows again")
        train = study
    if train is None and target is not None and not names:
        raise InputError("target: expected the name of a column, got targets without rows in memory")
    series = data.get("series", None if base is None else base.data.series) is not None
    rows = None if train is None else given_rows("train", train, None if names else target, series=series)
    in_memory = InMemory(rows, None if test is None else given_rows("test", test, series=series))
    if base is None:
        assert rows is not None  # noqa: S101 - else it is a study
        if rows.holds_images:
            what = (
                "expected a study beside images, such as shoal.run(study, train=(images, labels)), got none"
            )
            raise InputError(f"train: {what}")
        names = names or rows.target_names
        base, keywords, notes = _drafted(rows, names, keywords)
        base = base if own is None else _searching_no_network(base)
    asked = _with_rows(base, in_memory, names)
    keys = {name: value for name, value in keywords.items() if name not in _NO_KEYS}
    targets = asked.data.targets
    in_memory = InMemory(_called(in_memory.train, targets), _called(in_memory.test, targets))
    notes = (*notes, *_of_module(own))
    return Request(with_keywords(asked, keys, _OTHERS), in_memory, notes, module=own)


def run_request_of(study: StudyOrRows, keywords: Mapping[str, Any]) -> Request:
    """Read what `run` and `plan` are asked for: beside what `request_of` reads, perhaps a shard or a cluster.

    Raises InputError.
    """
    request = request_of(study, {name: value for name, value in keywords.items() if name not in _HOW})
    text, cluster = map(keywords.get, _HOW)
    if cluster is not None and request.module is not None and not request.module.travels:
        what = "expected a class or function that the workers of a cluster can import"
        title = request.module.module.title
        raise InputError(f"module: {what}, got {title}, which this program alone has")
    if text is None:
        return replace(request, cluster=cluster)
    if cluster is not None:
        raise InputError("cluster: expected none with a shard, which is trained apart, got both")
    from shoal.shards import shard_of

    if not isinstance(text, str):
        raise InputError(f"shard: {another_kind('a text such as 3/16', text).problems[0].what}")
    try:
        return replace(request, shard=shard_of(text))
    except ValueError as error:
        raise InputError(f"shard: {error}") from None


def _own_module(keywords: Mapping[str, Any]) -> OwnModule | None:
    """Read a person's own module; it takes the place of a network, of which nothing is said beside it."""
    make, network = keywords.get("module"), keywords.get("network")
    if make is None:
        return None
    if not callable(make):
        raise InputError(f"module: {another_kind('a class or function that makes a module', make)}")
    if network:
        said = listed([*network]) if isinstance(network, Mapping) else type(network).__name__
        raise InputError(f"network: expected nothing beside a module, which takes its place, got {said}")
    if not is_there("torch"):
        raise InputError(f"module: a torch.nn.Module {needed('torch')}")
    return OwnModule(Recipe("module", make))


def _searching_no_network(study: Study) -> Study:
    """Leave out of what a drafted study searches the keys of a network, whose place a module takes."""
    searched = study.search.space if study.search else {}
    space = {key: values for key, values in searched.items() if not key.startswith("network.")}
    return with_keywords(study, {"search": {"space": space}})


def _of_module(own: OwnModule | None) -> Iterator[str]:
    """Say what it means where a module is not known by its source, or cannot travel."""
    if own is not None and own.source.unknown:
        yield f"module: nothing that is trained already is taken for {own.module.title}: {own.source.unknown}"
    if own is not None and not own.travels:
        yield f"module: {own.module.title} is trained in this process, fit by fit: no other could import it"


def _study_of(study: StudyOrRows, expected: str) -> Study | None:
    """Read a study, or check one; None for rows in memory."""
    if isinstance(study, str | os.PathLike):
        return load_study(study)
    if isinstance(study, Study):
        check_study(study)
        return study
    if are_rows(study):
        return None
    raise another_kind(expected, study)


def _names(target: Any) -> tuple[str, ...]:
    """Give the names of targets; none for targets themselves (of names, none is there twice), or where none is said."""
    if isinstance(target, list | tuple):
        are_names = all(isinstance(name, str) for name in target) and len(set(target)) == len(target)
        return tuple(target) if are_names else ()
    is_name = isinstance(target, str | Integral) and not isinstance(
        target, bool
    )  # pandas numbers its columns
    return (str(target),) if is_name else ()


def _with_rows(study: Study, in_memory: InMemory, names: tuple[str, ...]) -> Study:
    """Say in a study that rows are in memory, and which targets are learned."""
    data: dict[str, Any] = {}
    if in_memory.train is not None:
        data |= {"train": IN_MEMORY, "dataset": None}
        names = names or study.data.targets or in_memory.train.target_names
    if in_memory.test is not None:
        data |= {"test": IN_MEMORY}
    if names:
        data |= {"target": names[0] if len(names) == 1 else names}
    return with_keywords(study, {"data": data}) if data else study


def _called(rows: GivenRows | None, names: tuple[str, ...]) -> GivenRows | None:
    """Give targets that stand beside their rows the names that the study has for them."""
    return rows if rows is None or rows.y is None else replace(rows, target_names=names)


def _drafted(
    rows: GivenRows, names: tuple[str, ...], keywords: Mapping[str, Any]
) -> tuple[Study, Mapping[str, Any], tuple[str, ...]]:
    """Make the study that `shoal new --data` prints of such a table, and say what was guessed.

    Where keywords choose among columns, or there are more targets, it does not list its inputs: it names what is none,
    and so do the keywords.
    """
    from shoal.draft import draft_of  # which nothing else here needs
    from shoal.study import draft_text

    task, data = keywords.get("task"), keywords.get("data")
    if task not in (None, *TASKS):
        raise InputError(f"task: {wrong_choice(task, TASKS)}")
    renamed = replace(rows, target_names=names[: len(rows.target_names)])
    try:
        draft = draft_of(renamed, names or None, task)
    except DataError as error:
        raise DataError(Problem(_in_python(at.where), _in_python(at.what)) for at in error.problems) from None
    keys = (("task", task, draft.task), ("target", names, draft.target))
    guesses = [
        f"{key} = {choice.value}, {_in_python(choice.why)}" for key, value, choice in keys if not value
    ]
    tree, data = tomllib.loads(draft_text(draft)), data if isinstance(data, Mapping) else {}
    folds = _fold_column(keywords)
    other_parts = [*(name for key in ("groups", "weights", "time") for name in _texts(data.get(key))), *folds]
    if len(names) > 1 or folds or not _OF_INPUTS.isdisjoint(data):
        chosen = {*names, *_texts(data.get("keep")), *other_parts}
        left_out = [column.name for column in draft.columns if not column.used and column.name not in chosen]
        listed = any(data.get(key) is not None for key in ("inputs", "series"))
        tree["data"] |= {"inputs": None, "ignore": [] if listed else left_out}
        if isinstance(data.get("ignore"), list | tuple):
            ignore = [*left_out, *(name for name in data["ignore"] if name not in left_out)]
            keywords = {**keywords, "data": {**data, "ignore": ignore}}
    brought_back = {*_texts(data.get("inputs")), *_texts(data.get("keep")), *other_parts}
    for array in _texts(data.get("series")):
        brought_back |= {*(columns_of_array(array, [column.name for column in draft.columns]) or ())}
    return (
        parse_study(tree),
        keywords,
        (*guesses, *_stated(draft, data), *_left_out(draft, {*names, *brought_back})),
    )


def _fold_column(keywords: Mapping[str, Any]) -> list[str]:
    """Name the column that says of each row in which fold it is, where a search is asked for by one."""
    folds = search.get("folds") if isinstance(search := keywords.get("search"), Mapping) else None
    return _texts(folds.get("column")) if isinstance(folds, Mapping) else []


def _texts(value: object) -> list[str]:
    """Give the texts of a key that names columns; whatever else it holds is refused with the study's other mistakes."""
    return [name for name in (value if isinstance(value, list | tuple) else [value]) if isinstance(name, str)]


def _stated(draft: Draft, data: Mapping[str, Any]) -> Iterator[str]:
    """Say which keys a drafted study needs to read its rows, where no keyword says them."""
    for place, keys in (("data", draft.keys), ("data.columns", draft.kinds)):
        for key in keys:
            if key.on and key.name not in {
                *data,
                "missing_targets",
            }:  # the reader says that rows are left out
                yield f"{place}.{key}, {key.why}"


def _left_out(draft: Draft, others: Collection[object]) -> Iterator[str]:
    """Say of columns that they are no inputs, as the comments of a study in a file do."""
    unused = [column for column in draft.columns if not column.used and column.name not in others]
    for column in unused[:MOST_LEFT_OUT]:
        yield f"column {quoted(column.name)}: left out, {column.what}"
    if (more := len(unused) - MOST_LEFT_OUT) > 0:
        yield f"and {counted(more, 'more column')} {is_or_are(more)} left out"


def _in_python(sentence: str) -> str:
    """Name keywords where a sentence names options."""
    return sentence.replace("--", "")
