"""Which fits may be trained apart from all others, and what a shard of them will cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from shoal.engine._fits import Planner
from shoal.engine._plan import make_plan, stage_of
from shoal.engine._planned import PlannedFit, unique
from shoal.engine.forecast.groups import groups_of
from shoal.engine.forecast.memory import predicted_peaks, source_of
from shoal.engine.forecast.time import Circumstances
from shoal.results import Plan, fits_of_shard
from shoal.shards import Shard
from shoal.wording import counted

_PARTS: Final = ("reading", "training")
"""Of the time of a run, what a shard has."""


def early_fits(planner: Planner) -> tuple[PlannedFit, ...]:
    """The fits that are known before any is trained: comparisons, and the first rounds of all searches.

    What else a study asks for hangs on scores.
    """
    return (*planner.search_fits(), *planner.comparison_fits(), *planner.nested_fits())


def shard_fits(planner: Planner, shard: Shard) -> tuple[PlannedFit, ...]:
    """The places of a shard's own fits."""
    planned = early_fits(planner)
    own = fits_of_shard(shard, (item.entry for item in planned))
    return tuple(item for item in planned if item.fit.id in own)


def shard_note(planner: Planner, shard: Shard) -> str:
    """Say how many of the study's fits a shard has."""
    total = len(unique(early_fits(planner)))
    known = f"{total:,} that {'is' if total == 1 else 'are'} known before any is trained"
    own = len(unique(shard_fits(planner, shard)))
    if not own:
        return f"shard {shard} has no fits, of {known}: so many shards are not needed"
    return f"shard {shard} has {counted(own, 'fit')} of {known}; `shoal merge` trains the rest"


def make_shard_plan(planner: Planner, shard: Shard, circumstances: Circumstances) -> Plan:
    """Lay out what a shard trains, and predict what it takes: it reads and trains, and neither chooses nor draws."""
    planned = shard_fits(planner, shard)
    own = unique(planned)
    names = {fit.id for fit in own}
    others = (*early_fits(planner), *planner.likely_winner, *planner.likely_nested)
    known = circumstances.known | {item.fit.id for item in others if item.fit.id not in names}
    whole = make_plan(planner, replace(circumstances, known=known))
    of_stage = {
        name: [item for item in planned if item.entry.stage == stage] for name, stage in _STAGES.items()
    }
    return replace(
        whole,
        shard=shard,
        stages=tuple(stage_of(name, fits) for name, fits in of_stage.items() if fits or name != "nested"),
        known=len(own) - len(unique(planned, circumstances.known)),
        steps=sum(fit.steps for fit in own),
        memory=shard_memory(planner, shard, circumstances.workers),
        time=_without_rest(whole.time),
        time_alone=_without_rest(whole.time_alone),
        notes=(shard_note(planner, shard), *whole.notes),
    )


_STAGES: Final = {"search": "search", "comparisons": "compare", "nested": "nested"}


def _without_rest(seconds: Mapping[str, float]) -> dict[str, float]:
    return {part: value if part in _PARTS else 0.0 for part, value in seconds.items()}


def shard_memory(planner: Planner, shard: Shard, workers: int) -> dict[str, float]:
    """Predict the peak of each phase of a shard in bytes."""
    groups = groups_of(unique(shard_fits(planner, shard)), workers, planner.trainers)
    return predicted_peaks(planner.dataset, source_of(planner.dataset), groups, None)
