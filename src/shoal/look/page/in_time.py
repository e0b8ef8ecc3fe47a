"""The table of the folds of a search in order of time."""

from __future__ import annotations

from shoal.look._time_folds import time_folds
from shoal.look.page.tables import MOST_ROWS, ReportTable, numbers, texts
from shoal.results import Results


def time_fold_table(results: Results) -> ReportTable | None:
    """Give the folds of the search in order of time, with the winner's score on each; None where rows have none."""
    folds = time_folds(results)
    if not folds or results.choice is None:
        return None
    shown = folds[:MOST_ROWS]
    columns = (
        texts("fold", [fold.label for fold in shown]),
        texts("trained on", [fold.trained for fold in shown]),
        texts("judged by", [fold.judged for fold in shown]),
        numbers(results.truth.title_of(results.choice.metric), [fold.score for fold in shown]),
    )
    return ReportTable(columns, len(folds) - len(shown))
