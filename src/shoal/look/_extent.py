"""How much a run will have to show, known before it starts, and what parts of pictures take.

Seconds are those of the machine on which the forecasts of a run were measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shoal.data import Dataset
from shoal.nets import Architecture, ConvLayer, DenseLayer
from shoal.study import MOST_IMAGES, Candidate, Study

PICTURE: Final = 0.085
"""Seconds of a picture, with its copy for the page."""
PANEL: Final = 0.065
BAR: Final = 0.05
"""Seconds of a bar of colours."""
SMALL_IMAGES: Final = 0.02 * 24
"""Seconds of panels without axes that show one image each."""
LABEL: Final = 0.003
"""Seconds of the name of a class beside a picture; layouts ask for its size several times."""
VALUE: Final = 4e-8
"""Seconds of a unit's output, or a test row's answer, on its way into a picture."""
DOT: Final = 0.2e-6
"""Seconds of a dot of a picture: drawn, packed twice."""
PIXEL: Final = 2e-8
"""Seconds of a pixel of a feature map or of an image beside it."""
SQUARE_INCH: Final = 120**2
"""Dots of it."""


@dataclass(frozen=True, eq=False)
class Extent:
    """A run before it starts: its rows, its candidates, and the network that may be delivered."""

    dataset: Dataset
    study: Study
    candidates: tuple[Candidate, ...]
    folds: int
    """Splits of the search; 0 without one."""
    network: Architecture

    @property
    def tested(self) -> int:
        """Test rows."""
        return self.dataset.rows - self.dataset.train_rows

    @property
    def repeats(self) -> int:
        """Initialisations of each comparison and of the delivered network."""
        return self.study.study.repeats

    @property
    def comparisons(self) -> int:
        """Comparisons, the winner among them."""
        return len(self.study.compare) + 1

    @property
    def classes(self) -> int:
        """Classes; 0 where a row is not of one."""
        return len(self.dataset.classes)

    @property
    def labels(self) -> int:
        """Labels; 0 where none are learned."""
        return self.dataset.outputs if self.dataset.task == "multilabel" else 0

    @property
    def numbers(self) -> bool:
        """Whether numbers are learned."""
        return self.dataset.task == "regression"

    @property
    def measures(self) -> int:
        """What curves show: the loss, and the accuracy of classes and labels."""
        return 1 if self.numbers else 2

    @property
    def images(self) -> bool:
        """Whether rows are images."""
        return self.dataset.images is not None

    @property
    def one_input(self) -> bool:
        """Whether there is one input, in a table."""
        return self.dataset.one_input is not None

    @property
    def members(self) -> int:
        """Networks of one candidate in the search."""
        return self.folds * (self.study.search.repeats if self.study.search else 1)

    @property
    def keys(self) -> int:
        """Searched keys."""
        return len({key for candidate in self.candidates for key, _ in candidate.values})

    @property
    def several(self) -> bool:
        """Whether a search has candidates to tell apart."""
        return self.folds > 0 and len(self.candidates) > 1

    @property
    def dense(self) -> tuple[DenseLayer, ...]:
        """The dense layers of the network."""
        return self.network.dense

    @property
    def convolutions(self) -> tuple[ConvLayer, ...]:
        """The convolutional layers of the network, where it takes images."""
        return self.network.image_convolutions

    @property
    def shown_images(self) -> int:
        """Images whose feature maps are shown: one of each class, up to so many."""
        return min(MOST_IMAGES, self.classes)


def panels_seconds(panels: int) -> float:
    """Give the seconds of a picture of so many panels."""
    return PICTURE + PANEL * panels
