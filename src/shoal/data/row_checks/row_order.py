"""Whether rows that stand near each other are alike, while rows are dealt out in any order."""

from __future__ import annotations

from typing import Final

from shoal.data._dataset import Dataset
from shoal.data._row_check import RowCheck
from shoal.data._row_order import neighbours_alike

CAUSES: Final = {
    (True, True): "folds and test rows are drawn in any order",
    (True, False): "folds are drawn in any order",
    (False, True): "test rows are drawn from among them",
}
"""What deals out rows in any order, by whether folds are shuffled and test rows drawn."""
ORDER: Final = "data.ordered = true, or a column named in data.time, keeps their order"
REMEDIES: Final = {
    (True, True): f"{ORDER} in folds and test rows; or declare data.groups",
    (True, False): f"{ORDER} in folds; or declare data.groups",
    (False, True): f"{ORDER} in test rows",
}


def row_order(dataset: Dataset, shuffled: bool) -> str:
    """Say how far neighbouring rows are alike, where folds or test rows are drawn in any order."""
    if not shuffled and not _draws(dataset):
        return ""
    correlations = neighbours_alike(dataset)
    if not correlations:
        return ""
    correlation, by_chance = correlations
    return (
        f"what the inputs leave of the target goes together in neighbouring rows (correlation {correlation:.2f};"
        f" {by_chance:.2f} by chance at most), and {CAUSES[shuffled, _draws(dataset)]}"
    )


def _draws(dataset: Dataset) -> bool:
    """Whether test rows are drawn in any order."""
    return dataset.drawn and dataset.times is None


CHECK: Final = RowCheck(
    "row order", row_order, lambda dataset, shuffled: REMEDIES.get((shuffled, _draws(dataset)), "")
)
