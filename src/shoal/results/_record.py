"""What the engine hands to the results: plain frozen values and arrays.

Letters: T evaluation points, P parameters, V rows predicted, K outputs, M images of C channels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.kinds import Task
from shoal.results._brief import Brief
from shoal.scores import key_of, title_of
from shoal.wording import lines_html

if TYPE_CHECKING:
    from shoal.shards import Shard

Stage = Literal["search", "compare", "refit", "permuted", "nested"]
Status = Literal["ok", "diverged", "failed"]


@dataclass(frozen=True, eq=False, repr=False)
class FitRecord(Brief):
    """One trained network and all that it left, named by its content (`fit_id`, a SHA-256 in hex).

    `curves` holds "epoch" and the columns that exist, float64 (T,); `parameters` float32 arrays by name, the
    kept ones; `predictions` by rows ("validation", "test"), float64 (V, K) in the target's units, or class
    probabilities; `scores` by rows, then metric. One that diverged or failed has NaN scores and says why in `message`.
    `seconds` is a fact of the machine and no part of the results' digest.
    """

    fit_id: str
    trainer: str
    status: Status
    message: str
    epochs: int
    kept_epoch: int
    steps: int
    curves: dict[str, NDArray[np.float64]]
    parameters: dict[str, NDArray[np.float32]]
    predictions: dict[str, NDArray[np.float64]]
    scores: dict[str, dict[str, float]]
    seconds: float


@dataclass(frozen=True)
class PlanEntry:
    """The place of a fit in the study: what it was trained for. One fit may stand in several places.

    `label` is a comparison's name ("winner" for the chosen one), that of the outer fold in a nested search, empty in
    the search. `fold` and `repeat` count from 0; in a nested search `fold` counts the splits of all outer folds: each
    outer fold, whose refit is scored on its rows, then the folds of the rows outside of it.
    """

    fit_id: str
    stage: Stage
    candidate_id: str
    label: str
    fold: int
    repeat: int
    train_rows: int
    validation_rows: int


def place_of(entry: PlanEntry) -> tuple[str, int]:
    """Give the place whose rows a fit holds out, as the true values name it."""
    return entry.stage, entry.fold if entry.stage in ("search", "nested") else entry.repeat


@dataclass(frozen=True)
class CandidateRow:
    """A candidate as the results know it: the searched values by key path, and its number of parameters."""

    candidate_id: str
    values: dict[str, Any]
    parameter_count: int


@dataclass(frozen=True, eq=False, repr=False)
class Truth(Brief):
    """The rows that predictions belong to: inputs as read (for pictures), targets, which rows are test rows.

    `x_ND` float64 of the numeric inputs, `y` float64 (N, K), bool (N, K) of labels, or int64 (N,) class numbers; rows
    from `train_rows` on are test rows. `validation_rows` gives the row numbers predicted in
    ("search", fold), in ("compare", repeat) and in ("nested", fold).

    `images` uint8 (M, C, H, W) holds the few pictures that are shown again, of the rows `image_rows` int64 (M,); of
    an image study it has the shape of an image also while there are none.

    `groups` int64 (N,) numbers the group of every row (`data.groups`), -1 for a test row whose group is not known; it
    is empty where the study names no groups. `weights` float64 (N,) say how much each row counts in scores; empty where
    all count the same. `times` float64 (N,) is when each row was (`data.time`), NaN for a test
    row whose time is not known, and empty where rows have no order. `unused_rows` are those that the fits of a fold of
    the search neither learn from nor predict, by its number: later ones, and those in a gap. `positive` is the number
    of the positive one of two classes (`data.positive`).
    """

    input_names: tuple[str, ...]
    target_names: tuple[str, ...]
    classes: tuple[str, ...]
    x_ND: NDArray[np.float64]
    y: NDArray[Any]
    train_rows: int
    validation_rows: dict[tuple[str, int], NDArray[np.int64]] = field(default_factory=dict)
    image_rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    images: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0, 0, 0), np.uint8))
    groups: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    times: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    unused_rows: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    positive: int = 1

    @property
    def task(self) -> Task:
        """What networks learn of these rows."""
        if self.classes:
            return "classification"
        return "multilabel" if self.y.dtype == np.bool_ else "regression"

    def title_of(self, metric: str) -> str:
        """Give what a score of these rows is called."""
        return title_of(metric, self.classes, self.positive)

    def key_of(self, metric: str) -> str:
        """Give the name by which a study asks for a score, for tables that show such names."""
        return key_of(metric, self.classes, self.positive)

    @property
    def searched_rows(self) -> int:
        """How many training rows some fold of the search holds out."""
        rows = [rows for (stage, _), rows in self.validation_rows.items() if stage == "search"]
        return len(np.unique(np.concatenate(rows))) if rows else 0

    weights: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def weights_of(self, rows: NDArray[np.int64] | slice) -> NDArray[np.float64] | None:
        """Give what some rows count in scores; None where all rows count the same."""
        return self.weights[rows] if len(self.weights) else None

    @property
    def test_weights(self) -> NDArray[np.float64] | None:
        """What the test rows count in scores; None where all rows count the same."""
        return self.weights_of(slice(self.train_rows, None))


@dataclass(frozen=True)
class ColumnRecord:
    """What was decided of one column of a table: its part, as what it is read, what is done, with counts.

    `missing`: whether cells of training or test rows are.
    """

    name: str
    part: str
    kind: str = ""
    done: str = ""
    missing: bool = False


@dataclass(frozen=True)
class InputRecord:
    """One input column of a network: its name, the kind of its encoder, and how many inputs it becomes."""

    name: str
    kind: str
    inputs: int


@dataclass(frozen=True)
class Plan:
    """The cost of a study. Times are predictions for this machine; `fits` counts what is still to be trained."""

    data: str
    """The data set in words."""
    candidates: int
    """Candidates of the search."""
    folds: int
    """Folds on which each of them is trained."""
    stages: tuple[tuple[str, int, int], ...]
    """Name, fits and training steps of every stage."""
    fits: int
    """Networks still to be trained."""
    known: int
    """Networks that the run folder holds already."""
    steps: int
    """Training steps of all networks, known ones among them."""
    parameters: tuple[int, int]
    """Fewest and most parameters of a candidate."""
    trainers: dict[str, int]
    """How many of `fits` each trainer takes, by name."""
    memory: dict[str, float]
    """Bytes at the peak of each phase: "reading", "training", "drawing"."""
    time: dict[str, float]
    """Seconds of each part of the run, "reading", "training", "simple models", "ensemble", "inside", "drawing", on the
    clock, where others want the cores as they do now."""
    time_alone: dict[str, float]
    """The same on a machine that does nothing else."""
    notes: tuple[str, ...]
    """Sentences to read before the run."""
    data_notes: tuple[str, ...] = ()
    """What the reader of the data did or left out."""
    columns: tuple[ColumnRecord, ...] = ()
    """The columns of the training table, in its order."""
    more_rounds: bool = False
    module: str = ""
    """Whether the search may ask for more rounds once it has seen scores; all counts here are of the first."""
    shard: Shard | None = None
    """The shard that all of it is of, its own fits alone; None for the whole run."""
    text: str = ""
    """All of it as a person reads it, as `shoal check` prints it."""

    @property
    def seconds(self) -> float:
        """The whole run."""
        return sum(self.time.values())

    @property
    def memory_bytes(self) -> float:
        """The peak of the whole run."""
        return max(self.memory.values())

    def _repr_html_(self) -> str:
        """Give the text, as a notebook shows it."""
        return lines_html(self.text)
