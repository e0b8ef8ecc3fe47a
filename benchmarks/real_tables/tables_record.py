"""What the record says of each table, and of all."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.real_tables.campaign import Outcome
from benchmarks.real_tables.peers import Scores, beside
from benchmarks.record import table
from shoal.data import Dataset
from shoal.engine import load_data
from shoal.study import load_study

HEAD = (
    "table", "target", "rows", "columns", "test rows", "score", "ours", "boosted trees", "linear model", "seconds",
)  # fmt: skip
LEFT_OUT = re.compile(r'^ *# "(.+)", +# left out: (.+)$', re.MULTILINE)
READING = "delimiter|decimal|thousands|signs|comment|units_row|encoding|sheet"
KEY = re.compile(rf"^(?:{READING}|missing_\w+|target_transform) = .*?(?=  #|$)", re.MULTILINE)
"""Keys of `[data]` that the draft wrote, with their values."""
MOST_NAMED = 6
ABOUT = (
    "Tables, targets and the seed of the draw: `benchmarks/real_tables/tables.toml`, by the rules of `population.py`.",
    "`c1`, `c2`, ... are columns of files without a line of names, which got one. Scores are of the rows that the run",
    "set apart as test rows. The boosted trees (`HistGradientBoosting`) and the linear model (`RidgeCV`, or",
    "`LogisticRegression` on standardised columns) have scikit-learn's own settings and read the shipped file without",
    "Shoal; nothing is searched for them. Seconds are of all three commands, on a machine that did other work, too.",
)


@dataclass(frozen=True)
class Line:
    """A table that was run: its line in the record, what was done to its columns, its scores where it has some."""

    outcome: Outcome
    cells: tuple[str, ...]
    done: str = ""
    scores: Scores | None = None


def line_of(outcome: Outcome) -> Line:
    """Score a table's run beside the other models, and say what was done to its columns."""
    drawn = outcome.table
    head = (drawn.name, drawn.target, f"{drawn.rows:,}", str(drawn.columns))
    seconds = f"{outcome.seconds:.0f}"
    if outcome.run is None or outcome.failure:
        return Line(outcome, (*head, "", outcome.failure, "", "", "", seconds))
    done = done_to_columns(outcome)
    try:
        scores = beside(drawn, outcome.run)
    except ValueError:
        traceback.print_exc(file=sys.stderr)
        return Line(outcome, (*head, "", "not on the same rows", "", "", "", seconds), done)
    values = (_listed(scores.ours), _listed(scores.trees), _listed(scores.linear))
    cells = (*head, f"{scores.test_rows:,}", ", ".join(scores.names), *values, seconds)
    return Line(outcome, cells, done, scores)


def done_to_columns(outcome: Outcome) -> str:
    """Say which columns were read as what, which have missing cells, which were left out and why."""
    text = (outcome.folder / "study.toml").read_text(encoding="utf-8")
    dataset = load_data(load_study(outcome.folder / "study.toml"))
    parts = [", ".join(match.group(0).strip() for match in KEY.finditer(text))]
    parts += [f"{kind}: {_named(names)}" for kind, names in _kinds(dataset).items()]
    missing = [f"{facts.name} ({sum(facts.missing):,})" for facts in dataset.facts if sum(facts.missing)]
    parts.append(f"missing cells: {_named(missing)}" if missing else "")
    left = [f"{name} ({reason})" for name, reason in LEFT_OUT.findall(text)]
    parts.append(f"left out: {_named(left)}" if left else "")
    return "; ".join(part for part in parts if part)


def _kinds(dataset: Dataset) -> dict[str, list[str]]:
    """Give the names of the inputs by their kinds."""
    kinds: dict[str, list[str]] = {}
    for facts in dataset.facts:
        if not facts.left_out and any(column.name == facts.name for column in dataset.columns):
            kinds.setdefault(facts.kind, []).append(facts.name)
    return kinds


def _named(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


def section(lines: Sequence[Line]) -> list[str]:
    """Give the section of the record: all tables, the sums, what was done to the columns of each."""
    whole = [line for line in lines if not line.outcome.failure]
    scored = [line.scores for line in lines if line.scores]
    commits = sorted({line.outcome.commit for line in lines})
    return [
        f"{len(whole)} of {len(lines)} tables ran from `shoal new --data` to a report, unedited"
        f" (commit {', '.join(commits)}).",
        "",
        *table(HEAD, [_safe(line.cells) for line in lines]),
        "",
        *[_beside(name, scored) for name in ("R²", "balanced accuracy")],
        "",
        *ABOUT,
        "",
        "## What was done to the columns",
        "",
        *table(("table", "columns"), [_safe((line.outcome.table.name, line.done)) for line in lines]),
    ]


def _safe(cells: Sequence[str]) -> list[str]:
    """Keep a line of the table one: no bars of its own."""
    return [cell.replace("|", "\\|") for cell in cells]


def _beside(name: str, scored: Sequence[Scores]) -> str:
    """Count how often the network is at least as good as the others, by one score."""
    places = [(scores, scores.names.index(name)) for scores in scored if name in scores.names]
    trees = sum(scores.ours[place] >= scores.trees[place] for scores, place in places)
    linear = sum(scores.ours[place] >= scores.linear[place] for scores, place in places)
    return (
        f"By {name} ({len(places)} tables) the delivered network is at least as good as the boosted trees in {trees},"
        f" as the linear model in {linear}."
    )
