"""A commented study of a table, to start from: what was seen in the table, each thing on the line of its key.

It runs unchanged. What is only suspected is a line with a # before it, to be taken away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

from shoal.errors import Problem, StudyError
from shoal.study._devices import is_device
from shoal.study._draft_sizes import TEST_SHARE, Sizes, sizes_of
from shoal.study._file import LARGEST
from shoal.study._key_paths import key_text, toml_string
from shoal.study._toml import toml_value
from shoal.study._values import FOLDER
from shoal.wording import counted, quoted, shorten, visible

_PACKED: Final = re.compile(r"\.(gz|bz2|xz)$", re.IGNORECASE)
_WIDEST: Final = 40
"""Letters of a line up to which comments stand below each other."""
_LONGEST: Final = 240
"""Letters of a comment."""


@dataclass(frozen=True)
class DraftColumn:
    """A column that is no target: whether it is an input, and what is known of it, or why it is none."""

    name: str
    used: bool
    what: str


@dataclass(frozen=True)
class DraftKey:
    """A key with its value, and why; one that is not `on` is written with a # before it."""

    name: str
    value: Any
    why: str
    on: bool = True

    def __str__(self) -> str:
        return f"{key_text(self.name)} = {toml_value(self.value)}"


@dataclass(frozen=True)
class Draft:
    """What a study of a table is written from.

    `rows` are those with a target, `numbers` how many a network gets for each, `smallest` the fewest training rows of a
    class (None in a regression), `rare` the class that is rare, of two (None without). `keys` are further ones of
    `data`, `kinds` those of `data.columns`. Where `summary` is not empty, columns are not listed one by one: it says in
    a few lines what they are.
    """

    table: DraftKey
    task: DraftKey
    target: DraftKey
    columns: tuple[DraftColumn, ...]
    keys: tuple[DraftKey, ...]
    kinds: tuple[DraftKey, ...]
    rows: int
    numbers: int
    outputs: int
    smallest: int | None = None
    rare: str | None = None
    summary: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Line:
    text: str
    comment: str = ""


def draft_text(draft: Draft) -> str:
    """Write the study file. Raises StudyError where it would be larger than a study may be."""
    sizes = sizes_of(draft.rows, draft.numbers, draft.outputs)
    targets = len(draft.target.value) if isinstance(draft.target.value, list) else 1
    size = f"{counted(draft.rows, 'row')} with a target, {counted(len(draft.columns) + targets, 'column')}"
    blocks = [
        _HEAD.format(table=visible(shorten(draft.table.value)), size=size, task=draft.task.value),
        _block("[study]", _about(draft)),
        _block("[data]", _data(draft)),
        *([_block("[data.columns]", map(_kind, draft.kinds))] if draft.kinds else []),
        _block("[network]", [_Line("hidden = [64]", "units of each hidden layer; the search tries others")]),
        _block("[training]", _training(draft, sizes)),
        _block("[search]", _search(draft, sizes)),
        _block("[search.space]", _space(sizes)),
        _TAIL,
    ]
    text = "\n".join(blocks)
    if len(text.encode("utf-8")) > LARGEST:
        what = (
            f"expected columns that a study of {LARGEST // 1000} kB can speak of, got {len(draft.columns):,}"
        )
        raise StudyError(Problem(draft.table.value, what))
    return text


_HEAD: Final = """\
# A study of {table}: {size}.
# It runs as it is:  shoal run FILE    and says what it will do and cost:  shoal check FILE
# A line such as "# seed = 0" shows a key with its default; take the # away to change it. `shoal new {task}`
# prints every key. What was guessed is said on the line that changes it.
"""
_TAIL: Final = """\
# The whole search made again without each of some folds, to say how good what it chooses is. Take the # away:
#   [nested]
#   folds = 5
"""


def _block(header: str, content: Iterable[_Line]) -> str:
    """Write a section, its comments below each other."""
    lines = list(content)
    width = max((len(line.text) for line in lines if line.comment and len(line.text) <= _WIDEST), default=0)
    return "\n".join([header, *(_written(line, width) for line in lines)]) + "\n"


def _written(line: _Line, width: int) -> str:
    if not line.comment:
        return line.text
    return f"{line.text:<{width}}  # {visible(shorten(line.comment, _LONGEST))}"


def _key(name: str, value: Any, comment: str, *, on: bool = True) -> _Line:
    return _Line(f"{'' if on else '# '}{name} = {toml_value(value)}", comment)


def _about(draft: Draft) -> Iterator[_Line]:
    yield _key("name", study_name(draft.table.value), "names the run folder")
    yield _key("task", draft.task.value, draft.task.why)
    yield _key("seed", 0, "the same seed gives the same numbers", on=False)


def study_name(table: str) -> str:
    """Name a study after its table, as far as a folder can be called so."""
    plain = _PACKED.sub("", PurePath(table).name)
    stem = re.sub(r"[^\w-]+", "-", PurePath(plain).stem)[:60].strip("-")
    return stem if stem and re.fullmatch(FOLDER, stem) and not is_device(stem) else "my-table"


def _data(draft: Draft) -> Iterator[_Line]:
    """Write the section that speaks of the table."""
    yield _key("train", draft.table.value, draft.table.why)
    yield _key("test", "test.csv", "without it, test_share of the rows is held out", on=False)
    yield _key("test_share", TEST_SHARE, "only without a test table", on=False)
    yield _key("target", draft.target.value, draft.target.why)
    for key in draft.keys:
        yield _key(key.name, key.value, key.why, on=key.on)
    both = draft.task.value == "regression"
    share = "and targets" if both else "are"
    yield _key(
        "standardize",
        "both" if both else "inputs",
        f"inputs {share} centred and scaled, by training rows alone",
    )
    yield from _every_column(draft.columns) if not draft.summary else _few_columns(draft)


def _kind(key: DraftKey) -> _Line:
    return _key(key_text(key.name), key.value, key.why, on=key.on)


def _every_column(columns: Sequence[DraftColumn]) -> Iterator[_Line]:
    """List the inputs, one a line; what is left out stands among them with a # before it."""
    yield _Line(
        "inputs = [", "one a line; take a # away, or put one before a column, to change what is learned from"
    )
    for column in columns:
        text = f"  {'' if column.used else '# '}{toml_string(column.name)},"
        yield _Line(text, column.what if column.used else f"left out: {column.what}")
    yield _Line("]")


def _few_columns(draft: Draft) -> Iterator[_Line]:
    """Say of many columns what they are, and list only those that are left out."""
    for line in draft.summary:
        yield _Line(f"# {visible(shorten(line, _LONGEST))}")
    unused = [column for column in draft.columns if not column.used]
    if not unused:
        yield _key("ignore", [], "columns that are no inputs; all others are", on=False)
        return
    yield _Line("ignore = [", "no inputs; all others are")
    yield from (_Line(f"  {toml_string(column.name)},", column.what) for column in unused)
    yield _Line("]")


def _training(draft: Draft, sizes: Sizes) -> Iterator[_Line]:
    yield _key("lr", 0.003, "learning rate of Adam")
    yield _key("batch_size", sizes.batch_size, "rows of a step; fits the number of rows")
    yield _key("epochs", sizes.epochs, "at most; fits the number of rows and columns")
    why = "judged by inner_share of the training rows"
    if not sizes.stops_early:
        why = "the rows are too few to set some apart, which would judge when to stop"
    yield _key("early_stopping", "inner", why, on=sizes.stops_early)
    yield _key("patience", 20, "epochs without improvement before stopping", on=False)
    yield _key("keep", "best", "the weights of the best epoch, by the same rows", on=sizes.stops_early)
    if draft.rare is not None:
        why = f"rows of {quoted(draft.rare)} then count as much as all others; its probabilities are too high"
        yield _key("class_weight", "balanced", why, on=False)


def _search(draft: Draft, sizes: Sizes) -> Iterator[_Line]:
    """Write the folds of the search, which go with the rarest class and the order of the rows."""
    folds: Any = sizes.folds
    why = "each candidate is trained so often, each time without a part of the rows"
    if draft.smallest is not None and draft.smallest < sizes.folds:
        folds = {"kind": "k-fold", "n": sizes.folds}
        rows = counted(draft.smallest, "training row")
        why = f"drawn without regard to classes, of which the rarest has {rows}: folds may lack it"
    yield _key("folds", folds, why)
    if draft.rare is None:
        yield _key("metric", "loss", "loss, or another score: docs/statistics.md", on=False)
    else:
        why = "loss without it; this score is of the class data.positive alone, and needs no threshold"
        yield _key("metric", "average_precision", why, on=False)
        why = "f1, balanced or what mistakes cost; without it the more probable class is named"
        yield _key("threshold", "f1", why, on=False)
    yield _key("rule", "best", "best or one-standard-error (the smallest within it)", on=False)


def _space(sizes: Sizes) -> Iterator[_Line]:
    yield _key('"network.hidden"', sizes.hidden, "all combinations; [] is a linear model")
    yield _key('"training.weight_decay"', sizes.weight_decay, "any key of network and training")
