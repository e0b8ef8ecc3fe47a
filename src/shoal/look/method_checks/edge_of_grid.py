"""Whether the chosen candidate lies on the edge of the values tried, and nothing inward is as good."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Literal

from shoal.look._check import MethodCheck
from shoal.results import Results, Standing, margin_of
from shoal.study import Range, short_keys, text_of

Side = Literal["lowest", "highest"]
OUTER: Final = 1 / 20
"""Share of a range beside its end in which a value lies on the edge."""
INWARD: Final = 1 / 3
"""Share of a range beyond which a candidate lies further inward."""
FEWEST: Final = 3
"""Candidates further inward in a range from which something is said."""


def on_the_edge(results: Results) -> str:
    """Name the searched values of the chosen candidate at an end of those tried, where all further inward is worse."""
    search, choice, standings = results.study.search, results.choice, results.standings
    if search is None or choice is None or choice.candidate_id != standings[0].candidate_id:
        return ""
    values = {row.candidate_id: row.values for row in results.candidate_rows}
    chosen = values[choice.candidate_id]
    names = dict(zip(search.space, short_keys(list(search.space)), strict=True))
    said = results.tried[choice.candidate_id].training.distribution
    margin = margin_of(search.metric, standings[0].selection_score, search.margin, said)
    edges = []
    for key, tried in search.space.items():
        others = [(values[standing.candidate_id].get(key), standing) for standing in standings[1:]]
        setting = f"{names[key]} {text_of(chosen[key])}" if key in chosen else ""
        if isinstance(tried, Range):
            side = edge_of_range(chosen.get(key), tried)
            inward = [standing for value, standing in others if side and _depth(value, tried, side) > INWARD]
            if side and len(inward) >= FEWEST and all(_is_worse(standing, margin) for standing in inward):
                ends = f"{text_of(tried.low)} to {text_of(tried.high)}"
                edges.append(f"{setting}, beside the {side} of {ends}")
        elif side := edge_of(chosen.get(key), tried):
            inward = [standing for value, standing in others if value != chosen[key]]
            if inward and all(_is_worse(standing, margin) for standing in inward):
                edges.append(
                    f"{setting}, the {side} of {', '.join(text_of(value) for value in sorted(tried))}"
                )
    if not edges:
        return ""
    return (
        f"The chosen candidate has {'; '.join(edges)}; every candidate further inward is significantly worse."
    )


def _is_worse(standing: Standing, margin: float) -> bool:
    """Whether a candidate failed, or is significantly worse than the best and by more than what matters."""
    return standing.failed or (not standing.indistinguishable and abs(standing.difference) > margin)


def edge_of(value: Any, tried: Sequence[Any]) -> Side | None:
    """Say at which end of the tried values `value` lies; None within, and where there is no end to speak of.

    Only numbers have an order, and two values are the fewest. The smallest value that has a meaning
    (0, or 1 for whole numbers) is no edge: nothing lies beyond it.
    """
    numbers = [number for number in tried if isinstance(number, int | float) and not isinstance(number, bool)]
    if len(numbers) < len(tried) or len(set(numbers)) < 2 or value not in numbers:
        return None
    if value == max(numbers):
        return "highest"
    whole = all(isinstance(number, int) for number in numbers)
    return "lowest" if value == min(numbers) and value != 0 and not (whole and value == 1) else None


def edge_of_range(value: Any, tried: Range) -> Side | None:
    """Say beside which end of a range `value` lies, within a twentieth of it; None elsewhere, and where nothing lies
    beyond.
    """
    if _depth(value, tried, "highest") <= OUTER:
        return "highest"
    natural = tried.low == 0 or (tried.integer and tried.low == 1)
    return "lowest" if not natural and _depth(value, tried, "lowest") <= OUTER else None


def _depth(value: Any, tried: Range, side: Side) -> float:
    """Give how far within a range a value lies, from one end (0) to the other (1); NaN for what is no number."""
    if not isinstance(value, int | float):
        return math.nan
    scale = math.log if tried.log else float
    depth = (scale(value) - scale(tried.low)) / (scale(tried.high) - scale(tried.low))
    return depth if side == "lowest" else 1 - depth


CHECK: Final = MethodCheck(
    code="SH001",
    severity="warning",
    title="The chosen candidate lies on the edge of the values tried",
    find=on_the_edge,
    why="The score improves towards that edge, and may go on improving beyond it.",
    remedy="Try values beyond it; candidates that were trained already are not trained again.",
    reference="Bergstra, J., Bengio, Y. (2012). Random search for hyper-parameter optimization."
    " Journal of Machine Learning Research 13, 281–305.",
)
