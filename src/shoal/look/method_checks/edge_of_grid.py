"""Whether the chosen candidate lies on the edge of the values tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from shoal.look._check import MethodCheck
from shoal.look._settings import short_keys, text_of
from shoal.results import Results

Side = Literal["lowest", "highest"]


def on_the_edge(results: Results) -> str:
    """Name the searched values of the chosen candidate that lie at an end of those tried."""
    search, choice = results.study.search, results.choice
    if search is None or choice is None:
        return ""
    values = next(row.values for row in results.candidate_rows if row.candidate_id == choice.candidate_id)
    names = dict(zip(search.space, short_keys(list(search.space)), strict=True))
    edges = []
    for key, tried in search.space.items():
        side = edge_of(values.get(key), tried) if isinstance(tried, list) else None
        if side:
            others = ", ".join(text_of(value) for value in sorted(tried))
            edges.append(f"{names[key]} = {text_of(values[key])}, the {side} of {others}")
    return f"The chosen candidate has {'; '.join(edges)}." if edges else ""


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


CHECK: Final = MethodCheck(
    code="SH001",
    severity="warning",
    title="The chosen candidate lies on the edge of the values tried",
    find=on_the_edge,
    why="The score may go on improving beyond the values that were tried.",
    remedy="Try values beyond it; candidates that were trained already are not trained again.",
    reference="Bergstra, J., Bengio, Y. (2012). Random search for hyper-parameter optimization."
    " Journal of Machine Learning Research 13, 281-305.",
)
