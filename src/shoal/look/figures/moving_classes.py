"""How sure a network is of the true class of rows that it learned from, epoch by epoch; of labels the same.

Letters: S snapshots, K classes or labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from shoal.look._extent import Extent
from shoal.look._figure import Chapter, Figure, single
from shoal.look._film import Bars, Film, Floats
from shoal.look._film_sheet import draw_film, film_seconds
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.wording import percent

MOST_NAMED: Final = 30
"""Classes or labels that are shown, at most: the first."""


def named_bars(title: str, names: Sequence[str], share_SK: Floats) -> Bars:
    """Make a bar a class, or a label."""
    shown = tuple(names[:MOST_NAMED])
    left_out = f" (the first {MOST_NAMED} of {len(names)})" if len(names) > MOST_NAMED else ""
    edge_E = np.arange(len(shown) + 1, dtype=np.float64)
    return Bars(f"{title}{left_out}", "mean probability", "", shown, edge_E, share_SK[:, :MOST_NAMED])


def sure_of_classes(findings: RunFindings) -> Film | None:
    """Mean probability of the true class, or of each label where it is and where it is not; None of numbers."""
    inside, truth = findings.inside, findings.truth
    if not inside or "sure" not in inside.frames:
        return None
    sure = inside.frames["sure"].astype(np.float64)
    if truth.classes:
        panels = [named_bars("rows of each class", truth.classes, sure)]
    else:
        of_labels = {"rows that have the label": 0, "rows that do not": 1}
        panels = [
            named_bars(title, truth.target_names, sure[:, :, place]) for title, place in of_labels.items()
        ]
    return Film(DELIVERED, inside.history["epoch"], tuple(panels))


def caption(film: Film) -> str:
    """Say what to see."""
    asked = "Test rows are asked of the finished network alone."
    if len(film.panels) > 1:
        return f"Of each label, over training rows: bars of rows that have it grow, others shrink. {asked}"
    return f"Of the true class, over training rows: one whose bar stays short was not learned. {asked}"


def words(film: Film) -> str:
    """Say it in a sentence, with its few telling numbers."""
    bars = [panel for panel in film.panels if isinstance(panel, Bars)]
    ends = ([float(np.nanmean(panel.length_SB[place])) for place in (0, -1)] for panel in bars)
    means = [
        f"{panel.title}: from {percent(first)} to {percent(last)}"
        for panel, (first, last) in zip(bars, ends, strict=True)
    ]
    return f"Mean probability given to what is true, {'; '.join(means)}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return 0.0 if extent.numbers else film_seconds(extent, 2 if extent.labels else 1)


FIGURE: Final = Figure(
    chapters=(Chapter.EPOCHS,),
    order=20,
    name="35-epochs-classes",
    title="How sure of what is true, epoch by epoch",
    caption=caption,
    gather=single(sure_of_classes),
    draw=draw_film,
    words=words,
    seconds=seconds,
)
