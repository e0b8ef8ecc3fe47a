"""What a regression answers, epoch by epoch: along its one input, or against the true values of rows it learned from.

Letters: S snapshots, G points of a grid, N rows, K targets.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from shoal.look._extent import Extent
from shoal.look._figure import Chapter, Figure, single
from shoal.look._film import Dots, Film, Floats, Points, ends_of
from shoal.look._film_sheet import draw_film, film_seconds
from shoal.look._layers import MOST_PANELS
from shoal.look._lines import with_place
from shoal.look._run_findings import DELIVERED, RunFindings
from shoal.wording import counted

MOST_DOTS: Final = 600
"""Training rows that are shown behind a curve, at most."""


def moving_curve(names: tuple[str, str], rows: Dots, x_G: Floats, answer_SG: Floats) -> Points:
    """Make the learned function of one input over rows; `names` are input and target.

    Its axis holds the rows and the last curve: an early one may lie anywhere, and leaves it.
    """
    every = -(-len(rows.x_N) // MOST_DOTS) or 1
    still = Dots(rows.name, rows.x_N[::every], rows.y_N[::every])
    ends = ends_of([still.y_N, answer_SG[-1]])
    return Points(names[1], *names, joined=True, still=still, y_ends=ends, at_N=x_G, height_SN=answer_SG)


def moving_agreement(target: str, true_N: Floats, answer_SN: Floats) -> Points:
    """Set the answers to rows against their true values."""
    ends = ends_of([true_N, answer_SN[-1]])
    names = (f"true {target}", f"predicted {target}")
    return Points(target, *names, joined=False, still=None, y_ends=ends, at_N=true_N, height_SN=answer_SN)


def answers_of_numbers(findings: RunFindings) -> Film | None:
    """What the delivered network answered at its snapshots; None where it learned no numbers."""
    inside, truth = findings.inside, findings.truth
    if not inside or not {"curve", "answers"} & inside.frames.keys():
        return None
    frames, targets = inside.frames, truth.target_names[:MOST_PANELS]
    if "curve" in frames:
        x_N, learned = truth.x_ND[:, 0], truth.train_rows
        panels = []
        for k, target in enumerate(targets):
            rows = Dots("training rows", *with_place((x_N[:learned], truth.y[:learned, k])))
            answer_SG = frames["curve"][:, :, k].astype(np.float64)
            panels.append(moving_curve((truth.input_names[0], target), rows, frames["x"], answer_SG))
    else:
        panels = [
            moving_agreement(
                target, truth.y[frames["rows"], k], frames["answers"][:, :, k].astype(np.float64)
            )
            for k, target in enumerate(targets)
        ]
    return Film(DELIVERED, inside.history["epoch"], tuple(panels))


def caption(film: Film) -> str:
    """Say what to see."""
    asked = "Test rows are asked of the finished network alone."
    if any(isinstance(panel, Points) and panel.joined for panel in film.panels):
        return f"A network learns the broad course first; what it bends to late may be noise. {asked}"
    return f"Rows that the network learned from, which close in on the diagonal. {asked}"


def words(film: Film) -> str:
    """Say it in a sentence."""
    names = ", ".join(panel.title for panel in film.panels)
    return f"Predictions of {names} at {counted(len(film.epoch_S), 'epoch')} up to {film.epoch_S[-1]}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return film_seconds(extent, min(MOST_PANELS, extent.dataset.outputs)) if extent.numbers else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.EPOCHS,),
    order=10,
    name="35-epochs-predictions",
    title="Predictions, epoch by epoch",
    caption=caption,
    gather=single(answers_of_numbers),
    draw=draw_film,
    words=words,
    seconds=seconds,
)
