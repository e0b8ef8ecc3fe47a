"""What is asked: a study as frozen, validated values.

Every field is a key of the study file, with the default it has there. Lengths are counts, shares lie in
[0, 1). `data` paths are as written; `_file.py` resolves them against the file's own folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Discriminator, Field, PrivateAttr, Tag, field_validator, model_validator

from shoal.errors import Problem
from shoal.kinds import LOSSES, NETWORKS, POOLS, Task, row_of, splitter_kind, usual_splitter
from shoal.study._costs import ThresholdRule
from shoal.study._folds import Folds, NumberOrFolds
from shoal.study._held_against import Checks
from shoal.study._key_paths import key_path_text, parse_key_path, toml_string
from shoal.study._origin import Origin
from shoal.study._section import SECTION
from shoal.study._shown import Inspect, Reference, Report
from shoal.study._training import Training, weighs
from shoal.study._values import (
    TASK_LOSS,
    Activation,
    Borders,
    Count,
    Counts,
    EmbeddingSize,
    FilePath,
    FolderName,
    Label,
    Loss,
    Method,
    Metric,
    Name,
    Names,
    NetworkName,
    NormName,
    PoolName,
    Share,
    Side,
    Sides,
    Skip,
    TargetTransform,
    TextOrTexts,
    branch_of,
    short_sides,
    together,
)
from shoal.wording import lines_html, shorten

_USUAL_POOL: Final = 2
"""Side of the window of a pool that says none."""
_LONGEST: Final = 1000
"""Letters of a line in a notebook: a table may have thousands of inputs."""


class _Part(BaseModel):
    model_config = SECTION


class ColumnKind(_Part):
    """How a column is read, where that is not as found: categories in their `order`, dates by their `format`."""

    kind: Literal["number", "category", "ordered", "date"]
    order: Names = ()
    format: Label | None = None

    @model_validator(mode="after")
    def _kind_fits(self) -> ColumnKind:
        if (self.kind == "ordered") != bool(self.order):
            got = f'kind = "{self.kind}"' if self.order else "no order"
            what = '`order` and kind = "ordered" go together: expected all values, the lowest first'
            raise together(("order", "kind"), f"{what}, got {got}")
        if self.format is not None and self.kind != "date":
            raise together(("format", "kind"), f'`format` needs kind = "date", got kind = "{self.kind}"')
        return self


class Data(_Part):
    """Which rows are learned from and tested on."""

    train: FilePath | None = None
    test: FilePath | None = None
    dataset: Name | None = None
    inputs: Names | None = None
    series: Name | None = None
    target: TextOrTexts | None = None
    categorical: Names = ()
    columns: dict[Name, ColumnKind] = {}
    ignore: Names = ()
    keep: Names = ()
    rare_below: Count = 1
    missing: Literal["impute", "refuse"] = "impute"
    missing_marks: Names = ()
    missing_targets: Literal["refuse", "drop"] = "refuse"
    groups: Name | None = None
    time: Name | None = None
    ordered: bool = False
    gap: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    weights: Name | None = None
    positive: Name | None = None
    standardize: Literal["none", "inputs", "both"] = "none"
    target_transform: TargetTransform = "none"
    test_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    delimiter: Name | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'"] | None = None
    signs: Names = ()
    comment: Name | None = None
    skip_lines: Annotated[int, Field(ge=0, le=10_000)] = 0
    units_row: bool = False
    encoding: Name = "utf-8"
    sheet: Name | None = None
    resize: Annotated[tuple[Side, Side], Field(strict=False)] | None = None
    join_validation: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> Data:
        if (self.train is None) == (self.dataset is None):
            got = "got neither" if self.train is None else "got both"
            sentence = f"expected exactly one of `train` (a file) and `dataset` (a built-in name), {got}"
            raise together(("train", "dataset"), sentence)
        if self.dataset is not None and self.test is not None:
            raise together(
                ("test", "dataset"), "`test` goes with `train`; a built-in data set has its own test rows"
            )
        return self

    @model_validator(mode="after")
    def _series_alone(self) -> Data:
        for key in ("inputs", "categorical", "columns", "ignore", "keep") if self.series is not None else ():
            if getattr(self, key):
                raise together(
                    (key, "series"), f"`series` names all inputs: expected no `{key}` beside it, got some"
                )
        return self

    @property
    def timed(self) -> bool:
        """Whether rows have an order, which is kept wherever rows are held out."""
        return self.ordered or self.time is not None

    @property
    def targets(self) -> tuple[str, ...]:
        """The target columns' names; empty when not given."""
        if self.target is None:
            return ()
        return (self.target,) if isinstance(self.target, str) else tuple(self.target)


class Pool(_Part):
    """Pooling after a convolution's activation; `size` is 2 unless said, and that of the map where the kind says so."""

    kind: PoolName = "max"
    size: Sides | None = None
    stride: Sides | None = None

    @model_validator(mode="before")
    @classmethod
    def _usual_size(cls, asked: Any) -> Any:
        if not isinstance(asked, dict) or asked.get("size") is not None:
            return asked
        kind = POOLS.get(str(asked.get("kind", "max")))
        return asked if kind is None or kind.whole else {**asked, "size": _USUAL_POOL}

    @model_validator(mode="after")
    def _kind_fits(self) -> Pool:
        asked = [key for key in ("size", "stride") if getattr(self, key) is not None]
        if asked and row_of("pool", POOLS, self.kind).whole:
            able = " or ".join(f'"{name}"' for name, other in POOLS.items() if not other.whole)
            what = f'got kind = "{self.kind}", whose window is the whole map'
            raise together((asked[0], "kind"), f"`{asked[0]}` needs kind = {able}, {what}")
        return self

    @property
    def short(self) -> Pool:
        """The same, a square as one number: what a pair was is of use to series alone, which refuse it."""
        return self.model_copy(update={key: short_sides(getattr(self, key)) for key in ("size", "stride")})


class Conv(_Part):
    """One convolutional layer; `kernel`, `stride`, `padding`, `dilation` are in pixels, square or (height, width)."""

    channels: Count
    kernel: Sides = 3
    stride: Sides = 1
    padding: Borders = 0
    dilation: Sides = 1
    groups: Count = 1
    skip: Skip = 0
    pool: Pool | None = None

    @property
    def short(self) -> Conv:
        """The same, a square as one number."""
        sides = {key: short_sides(getattr(self, key)) for key in ("kernel", "stride", "padding", "dilation")}
        return self.model_copy(update={**sides, "pool": self.pool and self.pool.short})


class Network(_Part):
    """What learns: a dense network, or convolutions followed by a dense network."""

    kind: NetworkName = "mlp"
    conv: Annotated[tuple[Conv, ...], Field(strict=False)] = ()
    series: Count | None = None
    hidden: Counts = (64,)
    activation: Activation = "relu"
    dropout: Share = 0.0
    conv_dropout: Share = 0.0
    norm: NormName = "none"
    batch_norm: bool = False
    embedding: EmbeddingSize = "none"
    embedding_from: Annotated[int, Field(ge=2, le=2**24)] = 10

    @property
    def several_series(self) -> bool:
        """Whether it says of the columns of a table that they are several series."""
        return self.series is not None and self.series > 1

    @property
    def normed(self) -> NormName:
        """The norm in force; `batch_norm` is how batch norm was asked for before there was another one."""
        return "batch" if self.batch_norm else self.norm

    @property
    def codes_from(self) -> int | None:
        """How many categories a column has at least that is embedded; None where none is."""
        return None if self.embedding == "none" else self.embedding_from

    @model_validator(mode="after")
    def _kind_fits(self) -> Network:
        convolves = row_of("network", NETWORKS, self.kind).convolves
        alone = {"conv": self.conv, "conv_dropout": self.conv_dropout, "series": self.several_series}
        if not convolves and any(alone.values()):
            keys = (*(key for key, asked in alone.items() if asked), "kind")
            able = " or ".join(f'"{name}"' for name, other in NETWORKS.items() if other.convolves)
            raise together(keys, f'`{keys[0]}` needs kind = {able}, got kind = "{self.kind}"')
        if convolves and not self.conv:
            sentence = f'kind = "{self.kind}" needs at least one entry in `conv`, got none'
            raise together(("kind", "conv"), sentence)
        if self.batch_norm and self.norm not in ("none", "batch"):
            what = f'`batch_norm` is norm = "batch": expected false with norm = "{self.norm}", got true'
            raise together(("batch_norm", "norm"), what)
        if convolves and self.embedding != "none":
            others = " or ".join(f'"{name}"' for name, other in NETWORKS.items() if not other.convolves)
            what = f'`embedding` needs kind = {others}, got kind = "{self.kind}": images have no categories'
            raise together(("embedding", "kind"), what)
        return self


class Comparison(_Part):
    """A named variant of the base study: partial `network` and `training` tables laid over it."""

    name: Label
    network: dict[str, Any] = {}
    training: dict[str, Any] = {}


class Range(_Part):
    """A continuous or integer interval to draw from in a random search, `low` and `high` included."""

    low: float
    high: float
    log: bool = False
    integer: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.low < self.high:
            raise together(("low", "high"), f"expected low below high, got {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise together(("low", "log"), f"a logarithmic range needs low above 0, got {self.low:g}")
        if self.integer and not (self.low.is_integer() and self.high.is_integer()):
            sentence = f"an integer range needs whole numbers, got {self.low:g} and {self.high:g}"
            raise together(("low", "high", "integer"), sentence)
        return self


ListOrRange = Annotated[
    Annotated[list[Any], Field(strict=False), Tag("<list>")] | Annotated[Range, Tag("<table>")],
    Discriminator(branch_of),
]


class Search(_Part):
    """Which candidates are tried, on which folds, and by which rule one is chosen.

    `metric` is what they are compared by; further `scores` are shown beside it. `threshold` is the rule by which the
    chosen one's probability is found from which on the positive class of two is named, on the rows held out.
    """

    method: Method = "grid"
    samples: Count = 20
    folds: NumberOrFolds = 3
    repeats: Count = 1
    metric: Metric = "loss"
    scores: Annotated[tuple[Metric, ...], Field(strict=False)] = ()
    rule: Literal["best", "one-standard-error"] = "best"
    margin: Annotated[float, Field(gt=0, lt=1)] | None = None
    threshold: ThresholdRule = "none"
    space: dict[str, ListOrRange] = {}

    @field_validator("space", mode="before")
    @classmethod
    def _whole_keys(cls, space: Any) -> Any:
        """Say so where the dots of a key made tables of it; a range has no such names."""
        for section in ("network", "training") if isinstance(space, dict) else ():
            path, inner = [section], space.get(section)
            while isinstance(inner, dict) and inner and not {"low", "high"} & set(inner):
                name, inner = next(iter(inner.items()))
                path.append(str(name))
            if len(path) > 1:
                example = toml_string(key_path_text(tuple(path)))
                raise together(
                    (section,), f"expected whole keys in quotes, such as {example}, got parts of them"
                )
        return space

    @property
    def splitter(self) -> Folds:
        """The folds as options, also when only a number was given."""
        return self.folds if isinstance(self.folds, Folds) else Folds(n=self.folds)


class Nested(_Part):
    """The whole search made again on the training rows of each outer fold, and scored on the rows of that fold.

    `folds` are the outer ones, as those of the search are given.
    """

    folds: NumberOrFolds = 5

    @property
    def splitter(self) -> Folds:
        """The outer folds as options, also when only a number was given."""
        return self.folds if isinstance(self.folds, Folds) else Folds(n=self.folds)


class About(_Part):
    """The study itself. `repeats` is the number of initialisations of each comparison and of the refit."""

    name: FolderName = "study"
    task: Task
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    repeats: Count = 1


class Study(_Part):
    """A whole study: what one file says, every default filled in; its sections are those of the page "The study file".

    `load_study` reads one; `Study.model_validate` takes the same as dicts and lists.
    """

    study: About
    data: Data
    network: Network = Network()
    training: Training = Training()
    compare: Annotated[tuple[Comparison, ...], Field(strict=False)] = ()
    search: Search | None = None
    nested: Nested | None = None
    reference: Annotated[tuple[Reference, ...], Field(strict=False)] = ()
    inspect: Inspect = Inspect()
    checks: Checks = Checks()
    report: Report = Report()

    _origin: Origin = PrivateAttr(default_factory=Origin)

    def from_origin(self, origin: Origin) -> Study:
        """Give the same study, which knows where its values stand."""
        copy = self.model_copy()
        copy._origin = origin
        return copy

    def placed(self, problem: Problem) -> Problem:
        """Say of a mistake in the data where this study asks for them."""
        files = {path: key for key in ("test", "train") if (path := getattr(self.data, key))}
        return self._origin.placed(problem, files)

    def _repr_html_(self) -> str:
        """Give what it asks beyond the defaults, as a notebook shows it; no row is read for that."""
        from shoal.study._toml import asked_toml

        further = "shoal.plan(study) reads its rows, says what it costs and draws its network"
        text = "\n".join(shorten(line, _LONGEST) for line in asked_toml(self).splitlines())
        return f"{lines_html(text)}<p>What is not here has its default; {further}.</p>"

    @property
    def shuffles(self) -> bool:
        """Whether rows are dealt to folds, of the search or outer ones, at random."""
        splitters = [part.splitter for part in (self.search, self.nested) if part is not None]
        kinds = (splitter_kind("kind", self.folds_kind(splitter)) for splitter in splitters)
        return any(
            kind.shuffles and splitter.shuffle for kind, splitter in zip(kinds, splitters, strict=True)
        )

    def folds_kind(self, splitter: Folds) -> str:
        """Name the kind of some folds, the usual one where none is named."""
        grouped = self.data.groups is not None
        return splitter.kind or usual_splitter(self.study.task, grouped=grouped, timed=self.data.timed)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """Every loss by which some network may be trained: the study's own, those of its comparisons and its space."""
        named = [entry.training.get("loss") for entry in self.compare]
        for key, values in self.search.space.items() if self.search else ():
            if parse_key_path(key) == ("training", "loss") and isinstance(values, list):
                named += values
        return tuple(dict.fromkeys([self.loss, *(name for name in named if name in LOSSES)]))

    @property
    def class_weights(self) -> dict[str, dict[str, float]]:
        """Every table of weights of classes, by its key: the study's own, those of its comparisons and its space."""
        return {key: value for key, value in self._class_weights.items() if isinstance(value, dict)}

    def weighs_classes(self, classes: Sequence[str]) -> bool:
        """Whether some network may be trained on these classes, or labels where there are none, weighted."""
        space = self.search.space if self.search else ()
        searched = any(parse_key_path(key)[:-1] == ("training", "class_weight") for key in space)
        return searched or any(weighs(asked, classes) for asked in self._class_weights.values())

    @property
    def _class_weights(self) -> dict[str, Any]:
        """Give all that is said of weights of classes, by its key."""
        key = "training.class_weight"
        stated: dict[str, Any] = {key: self.training.class_weight}
        for number, entry in enumerate(self.compare):
            stated[f"compare[{number}].{key}"] = entry.training.get("class_weight", "none")
        for key, values in self.search.space.items() if self.search else ():
            match parse_key_path(key):
                case ("training", "class_weight") if isinstance(values, list):
                    stated |= {f'search.space."{key}"[{place}]': value for place, value in enumerate(values)}
                case ("training", "class_weight", str(name)):
                    nothing = isinstance(values, list) and 0 in values
                    stated[f'search.space."{key}"'] = {name: 0.0 if nothing else 1.0}
        return stated

    @property
    def loss(self) -> Loss:
        """The loss in force: the one named, else the task's own."""
        return self.training.loss or TASK_LOSS[self.study.task]
