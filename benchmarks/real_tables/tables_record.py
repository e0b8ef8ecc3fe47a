"""What the record says of each table, and of all."""

from __future__ import annotations

import sys
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.real_tables.campaign import Outcome
from benchmarks.real_tables.peers import Scores, beside
from benchmarks.record import table
from shoal.engine import load_data
from shoal.study import load_study

HEAD = (
    "table", "target", "rows", "columns", "what was done to the columns", "test rows", "score", "ours", "boosted trees",
    "linear model", "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A table that was run: its line in the record, and its scores where it has some."""

    outcome: Outcome
    scores: Scores | None
    cells: tuple[str, ...]


def line_of(outcome: Outcome) -> Line:
    """Score a table's run beside the other models, and say what was done to its columns."""
    drawn = outcome.table
    head = (drawn.name, drawn.target, f"{drawn.rows:,}", str(drawn.columns))
    seconds = f"{sum(step.seconds for step in outcome.steps):.0f}"
    if outcome.run is None or outcome.failure:
        return Line(outcome, None, (*head, outcome.failure, *[""] * 5, seconds))
    done = done_to_columns(outcome)
    try:
        scores = beside(drawn, outcome.run)
    except ValueError:
        traceback.print_exc(file=sys.stderr)
        return Line(outcome, None, (*head, done, "", "not on the same rows", "", "", "", seconds))
    values = (_listed(scores.ours), _listed(scores.trees), _listed(scores.linear))
    names = ", ".join(scores.names)
    return Line(outcome, scores, (*head, done, f"{scores.test_rows:,}", names, *values, seconds))


def done_to_columns(outcome: Outcome) -> str:
    """Count the inputs by what was done to them, and the columns that are none."""
    dataset = load_data(load_study(outcome.folder / "study.toml"))
    kinds: Counter[str] = Counter()
    for column in dataset.columns:
        kind = column.encoder or ("category" if column.categorical else "number")
        values = column.values
        missing = (values == "").any() if column.categorical else (values != values).any()  # noqa: PLR0124
        kinds[f"{kind} with missing cells" if missing else kind] += 1
    left_out = outcome.table.columns - len(dataset.columns) - len(dataset.target_names)
    if left_out:
        kinds["left out"] = left_out
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


def section(lines: Sequence[Line]) -> list[str]:
    """Give the section of the record: all tables, then the sums."""
    whole = [line for line in lines if not line.outcome.failure]
    scored = [line.scores for line in lines if line.scores]
    return [
        f"{len(whole)} of {len(lines)} tables ran from `shoal new --data` to a report, unedited.",
        "",
        *table(HEAD, [line.cells for line in lines]),
        "",
        *[_beside(name, scored) for name in ("R²", "balanced accuracy")],
    ]


def _beside(name: str, scored: Sequence[Scores]) -> str:
    """Count how often the network is at least as good as the others, by one score."""
    places = [(scores, scores.names.index(name)) for scores in scored if name in scores.names]
    trees = sum(scores.ours[place] >= scores.trees[place] for scores, place in places)
    linear = sum(scores.ours[place] >= scores.linear[place] for scores, place in places)
    return (
        f"By {name} ({len(places)} tables) the delivered network is at least as good as the boosted trees in {trees},"
        f" as the linear model in {linear}."
    )
