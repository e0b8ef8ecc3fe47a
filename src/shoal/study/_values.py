"""The values that keys of a study take: choices, numbers within bounds, names; and the error of keys that do not fit.

A list in TOML is a tuple here.
"""

from __future__ import annotations

import unicodedata
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, Discriminator, Field, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from shoal.activations import ACTIVATIONS
from shoal.kinds import (
    LOSSES,
    NETWORKS,
    NORMS,
    OPTIMIZERS,
    PEER_NAME,
    POOLS,
    SCHEDULES,
    SEARCHES,
    SPLITTERS,
    TARGET_TRANSFORMS,
    TASKS,
    Task,
    losses_of,
)
from shoal.scores import SCORES

_SPLITTERS: Final = [*SPLITTERS, "a class of scikit-learn's that splits rows"]


def _splitter(name: str) -> str:
    """Take the name of a kind of splits; whether scikit-learn has a class of this name is asked when it is used."""
    if name not in SPLITTERS and not PEER_NAME.fullmatch(name):
        raise PydanticCustomError("literal_error", "no kind of splits")
    return name


# Choices derive from the tables of kinds; a type checker, which cannot follow that, sees text.
if TYPE_CHECKING:
    Activation: TypeAlias = str
    Optimizer: TypeAlias = str
    Schedule: TypeAlias = str
    Loss: TypeAlias = str
    NetworkName: TypeAlias = str
    PoolName: TypeAlias = str
    NormName: TypeAlias = str
    Metric: TypeAlias = str
    Method: TypeAlias = str
    Splitter: TypeAlias = str
    TargetTransform: TypeAlias = str
else:
    Activation = Literal[tuple(ACTIVATIONS)]
    Optimizer = Literal[tuple(OPTIMIZERS)]
    Schedule = Literal[tuple(SCHEDULES)]
    Loss = Literal[tuple(LOSSES)]
    NetworkName = Literal[tuple(NETWORKS)]
    PoolName = Literal[tuple(POOLS)]
    NormName = Literal[("none", *NORMS)]
    Metric = Literal[tuple(SCORES)]
    Method = Literal[tuple(SEARCHES)]
    Splitter = Annotated[
        str, AfterValidator(_splitter), WithJsonSchema({"type": "string", "enum": _SPLITTERS})
    ]
    TargetTransform = Literal[tuple(TARGET_TRANSFORMS)]

TASK_LOSS: Final[dict[Task, Loss]] = {task: losses_of(task)[0] for task in TASKS}
"""The loss of a study that names none."""
MOST_IMAGES: Final = 40
"""Images whose feature maps a study may ask for."""

PATTERNS: Final = {
    r"^[^\x00-\x1f\x7f-\x9f]+$": "text without control characters",
    r"^[\w-]([\w .-]*[\w-])?$": "a name of letters, digits, dashes, underscores, with dots or spaces inside",
}
"""Every pattern that a text may have to match, and its name in a sentence."""
PLAIN, FOLDER = PATTERNS

Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Side = Annotated[int, Field(ge=1, le=4096)]
Row = Annotated[int, Field(ge=0, le=2**31 - 1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Composed = AfterValidator(partial(unicodedata.normalize, "NFC"))
"""Names are compared in one form of Unicode."""
LONGEST_NAME: Final = 200
"""Letters of the name of a column."""
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), Composed]
Label = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=PLAIN), Composed]
FolderName = Annotated[str, Field(min_length=1, max_length=60, pattern=FOLDER)]  # it names the run folder
FilePath = Annotated[str, Field(min_length=1, pattern=PLAIN)]

Names = Annotated[tuple[Name, ...], Field(strict=False)]
Levels = Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(strict=False)]
"""Levels of quantiles."""
Counts = Annotated[tuple[Count, ...], Field(strict=False)]

TAGS: Final = ("<text>", "<list>", "<number>", "<table>")


def branch_of(value: object) -> str | None:
    """Choose the one branch of a union that a value is judged by, so that a mistake is one line."""
    if isinstance(value, bool):
        return None
    branches = ((str, 0), (list | tuple, 1), (int, 2), (dict | BaseModel, 3))
    return next((TAGS[place] for kind, place in branches if isinstance(value, kind)), None)


def together(keys: tuple[str, ...], sentence: str) -> PydanticCustomError:
    """Make the error of keys that do not go together; the first key is the one to change."""
    return PydanticCustomError("together", "{sentence}", {"sentence": sentence, "keys": keys})


Weight = Annotated[float, Field(ge=0)]
ClassWeight = Annotated[
    Annotated[Literal["none", "balanced"], Tag("<text>")] | Annotated[dict[Name, Weight], Tag("<table>")],
    Discriminator(branch_of),
]
EmbeddingSize = Annotated[
    Annotated[Literal["none", "auto"], Tag("<text>")]
    | Annotated[Annotated[int, Field(ge=1, le=4096)], Tag("<number>")],
    Discriminator(branch_of),
]


def short_sides(sides: tuple[int, int] | int | None) -> tuple[int, int] | int | None:
    """Give equal sides as one number, so that a square has one spelling."""
    return sides[0] if isinstance(sides, tuple) and sides[0] == sides[1] else sides


Skip = Annotated[int, Field(ge=0, le=10_000)]
Border = Annotated[int, Field(ge=0, le=10_000)]
Sides = Annotated[
    Annotated[Count, Tag("<number>")]
    | Annotated[Annotated[tuple[Count, Count], Field(strict=False)], Tag("<list>")],
    Discriminator(branch_of),
]
Borders = Annotated[
    Annotated[Border, Tag("<number>")]
    | Annotated[Annotated[tuple[Border, Border], Field(strict=False)], Tag("<list>")],
    Discriminator(branch_of),
]
"""What something measures down and across: one number of a square, else the height and the width."""
TextOrTexts = Annotated[
    Annotated[Name, Tag("<text>")] | Annotated[Names, Tag("<list>")], Discriminator(branch_of)
]
