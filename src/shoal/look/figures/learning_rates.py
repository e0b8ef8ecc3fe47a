"""The learning rate of every epoch, of the delivered network and of comparisons that have another.

Letters: E epochs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._epoch_lines import EpochLines, draw_lines, epoch_line, live_lines
from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._line_notes import NAMES
from shoal.look._paper import Sheet
from shoal.look._plots import Plot
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.nets import learning_rates
from shoal.study import Training, base_candidate
from shoal.wording import listed, rounded

FAR_APART: Final = 5
"""Times the lowest line, in its middle, from which the highest rate asks for a logarithmic axis."""


@dataclass(frozen=True, eq=False)
class LearningRate:
    """The rate of every epoch of training, (E,), and the names of the networks that have it, in words."""

    name: str
    epoch_E: NDArray[np.int64]
    rate_E: NDArray[np.float64]

    @property
    def constant(self) -> bool:
        """Whether it stays the same."""
        return bool((self.rate_E == self.rate_E[0]).all())


@dataclass(frozen=True, eq=False)
class LearningRates:
    """Different rates, that of the delivered network first."""

    rates: tuple[LearningRate, ...]

    @property
    def logarithmic(self) -> bool:
        """Whether they lie too far apart for a plain axis."""
        highest = max(rate.rate_E.max() for rate in self.rates)
        return bool(highest > FAR_APART * min(np.median(rate.rate_E) for rate in self.rates))


def rates_of(findings: RunFindings) -> tuple[LearningRate, ...]:
    """Give the rates of the delivered network and of the comparisons, each once.

    Training that ended sooner than other training of the same schedule has no rate of its own.
    """
    different: list[tuple[list[str], NDArray[np.float64]]] = []
    for name, training, epochs in _trainings(findings):
        rate_E = learning_rates(training)[:epochs]
        for place, (names, known_E) in enumerate(different):
            common = min(len(rate_E), len(known_E))
            if (rate_E[:common] == known_E[:common]).all():
                different[place] = [*names, name], max(rate_E, known_E, key=len)
                break
        else:
            different.append(([name], rate_E))
    if len(different) == 1 and len(different[0][0]) > 1:
        names, rate_E = different[0]
        return (learning_rate([DELIVERED, "all comparisons" if len(names) > 2 else names[1]], rate_E),)
    return tuple(learning_rate(names, rate_E) for names, rate_E in different)


def learning_rate(names: Sequence[str], rate_E: NDArray[np.float64]) -> LearningRate:
    """Give the rate that networks of these names have."""
    return LearningRate(listed(names, most=NAMES), np.arange(1, len(rate_E) + 1), rate_E)


def _trainings(findings: RunFindings) -> Iterator[tuple[str, Training, int]]:
    """Give what trained the delivered network and each comparison, and for how many epochs, at most."""
    results = findings.results
    for group in (findings.delivered, *findings.comparisons):
        if not group.healthy:
            continue
        own = results.tried.get(group.healthy[0].candidate_id, base_candidate(results.study)).training
        epochs = max(results.summaries[entry.fit_id].epochs for entry in group.healthy)
        if group.delivered:  # refitted for epochs that were decided before
            own = own.model_copy(update={"epochs": epochs})
        yield (DELIVERED if group.delivered else group.name), own, epochs


def changing_rates(findings: RunFindings) -> LearningRates | None:
    """Give the rates where some change; constant ones need no picture."""
    rates = rates_of(findings)
    return None if all(rate.constant for rate in rates) else LearningRates(rates)


def _lines(fact: LearningRates) -> EpochLines:
    lines = (epoch_line(rate.name, rate.epoch_E, rate.rate_E) for rate in fact.rates)
    title = "Learning rate of every epoch"
    return EpochLines(title, "learning rate", tuple(lines), fact.logarithmic, stepped=True)


def draw_learning_rates(fact: LearningRates) -> Sheet:
    """Draw a line for every rate."""
    return draw_lines(_lines(fact))


def words(fact: LearningRates) -> str:
    """Say where each begins, its highest and its lowest."""
    return "Learning rates: " + "; ".join(map(_said, fact.rates)) + "."


def _said(rate: LearningRate) -> str:
    first, last, highest = (
        rounded(value, 3) for value in (rate.rate_E[0], rate.rate_E[-1], rate.rate_E.max())
    )
    if rate.constant:
        return f"{rate.name} {first} throughout"
    rises = rate.rate_E.max() > rate.rate_E[0]
    return f"{rate.name} from {first}{f' up to {highest}' if rises else ''} down to {last}"


def live(fact: LearningRates) -> Plot:
    """Give lines that answer to the pointer."""
    return live_lines(_lines(fact))


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    own = [extent.study.training, *(candidate.training for candidate in extent.candidates)]
    changed = any("schedule" in entry.training for entry in extent.study.compare)
    return panels_seconds(1) if changed or any(training.schedule != "constant" for training in own) else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=22,
    name="31-delivered-learning-rates",
    title="Learning rate",
    caption=(
        "Compare it with the curves: a loss that falls where the rate does was held up by steps that were too large."
    ),
    gather=single(changing_rates),
    draw=draw_learning_rates,
    words=words,
    plot=live,
    seconds=seconds,
)
