"""The plan of a study: as plain text, which `shoal check` prints, and in a notebook, with the study's own network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from shoal import results as stored
from shoal.look._columns import columns_text, notes_beside
from shoal.look._text_layout import data_notes, duration, in_lines
from shoal.wording import counted

if TYPE_CHECKING:
    from shoal.look._network import NetworkFacts
    from shoal.study import Study


@dataclass(frozen=True)
class Plan(stored.Plan):
    """What a run would train and cost, and the study's own network. `plan` gives it; it shows itself in a notebook."""

    network: NetworkFacts | None = None
    """The study's own network, for all training rows."""

    def _repr_html_(self) -> str:
        from shoal.look._network_picture import network_html
        from shoal.look._notebook import pieces_html

        if self.network is None:
            return super()._repr_html_()
        drawn = {"the network": partial(network_html, self.network)}
        return super()._repr_html_() + pieces_html(drawn, "`shoal.draw`")


def plan_text(study: Study, plan: stored.Plan, folder: Path, workers: int) -> str:
    """Give the plan as a person reads it before a run."""
    fewest, most = plan.parameters
    sizes = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    stages = " + ".join(
        f"{fits:,} {name.removesuffix('s') if fits == 1 else name}" for name, fits, _ in plan.stages if fits
    )
    done = f", {plan.known:,} of them done already" if plan.known else ""
    trainers = ", ".join(f"{name} {fits:,}" for name, fits in plan.trainers.items()) or "none"
    facts = [
        ("data", plan.data),
        ("network", f"{plan.module or study.network.kind}, {sizes} parameters"),
        ("candidates", _candidates_line(study, plan)),
        ("fits", f"{stages}{done}{'; first round alone' if plan.more_rounds else ''}"),
        ("steps", f"{plan.steps:,}"),
        ("trainer", trainers),
        ("memory", f"about {plan.memory_bytes / 1e6:,.0f} MB"),
        (
            "time",
            f"about {duration(plan.seconds)} with {counted(workers, 'worker')}{_crowded(plan)}",
        ),
        ("of it", _parts(plan)),
        ("run folder", str(folder)),
    ]
    part = f", shard {plan.shard}" if plan.shard else ""
    head = f"{study.study.name}: {study.study.task}{part}"
    lines = [head, *(f"  {name:<11} {fact}" for name, fact in facts), *_notes(plan.notes)]
    notes = notes_beside(plan.data_notes, plan.columns)
    return "\n".join([*lines, *columns_text(plan.columns), *data_notes(notes)])


def _crowded(plan: stored.Plan) -> str:
    """Say how long it would take alone, where others keep the machine busy now."""
    alone = sum(plan.time_alone.values())
    return f", as busy as the machine is; {duration(alone)} alone" if plan.seconds > 1.3 * alone else ""


def _parts(plan: stored.Plan) -> str:
    """Give the parts of the predicted time, those that take some of it."""
    named = {**plan.time, "looking inside": plan.time["inside"] + plan.time["ensemble"]}
    shown = ("reading", "training", "simple models", "looking inside", "drawing")
    return ", ".join(f"{part} {duration(named[part])}" for part in shown if named[part] >= 0.05)


def _candidates_line(study: Study, plan: stored.Plan) -> str:
    if not study.search:
        return "1 (no search)"
    repeats = study.search.repeats
    line = f"{plan.candidates:,} on {plan.folds} folds" + (f", {repeats} repeats" if repeats > 1 else "")
    return f"{line}; first round, more may follow" if plan.more_rounds else line


def _notes(notes: Iterable[str]) -> list[str]:
    return [in_lines(note, 100, "  note        ", " " * 14) for note in notes]
