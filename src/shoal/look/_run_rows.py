"""Runs beside each other as rows: what each chose, scored and took, and in words what may be read from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shoal.look._measures import SCORES_SHOWN, direction, score_words
from shoal.look._simple_models import delivered_score
from shoal.results import Results, RunsCompared, ScoreOf
from shoal.scores import different
from shoal.study import settings_text
from shoal.wording import counted, listed, quoted

MANY: Final = 4
"""Runs that a sentence names, at most."""
_UNRESOLVED: Final = (
    "unresolved: statistically indistinguishable from the best, which is no proof that they are equal."
)


@dataclass(frozen=True, eq=False)
class RunRow:
    """One run: its number, name and place, what a search chose, and what that took."""

    number: int
    name: str
    results: Results
    beside_best: str
    chosen: str
    parameters: int
    networks: int
    seconds: float
    others: dict[str, float]
    """Further test scores of the delivered network."""


def run_rows(compared: RunsCompared) -> tuple[RunRow, ...]:
    """Give the runs, best first."""
    task = compared.runs[0].truth.task
    names = different((compared.metric or SCORES_SHOWN[task][0], *SCORES_SHOWN[task]), task)
    further = [name for name in names if name != compared.metric]
    return tuple(_row(compared, number, further) for number in compared.order)


def _row(compared: RunsCompared, number: int, further: list[str]) -> RunRow:
    results = compared.runs[number]
    return RunRow(
        number=number,
        name=compared.names[number],
        results=results,
        beside_best=compared.beside_best[number],
        chosen=_chosen(results),
        parameters=_parameters(results),
        networks=len(results.summaries),
        seconds=sum(fit.seconds for fit in results.summaries.values()),
        others={name: delivered_score(results, name) for name in further},
    )


def _chosen(results: Results) -> str:
    """Name the chosen candidate by its settings."""
    if results.choice is None:
        return "nothing yet" if results.study.search else settings_text({})
    values = {row.candidate_id: row.values for row in results.candidate_rows}
    return settings_text(values[results.choice.candidate_id])


def _parameters(results: Results) -> int:
    """Count the numbers that the delivered network learned; 0 while there is none."""
    if results.delivered_id is None:
        return 0
    return sum(array.size for array in results.parameters(results.delivered_id).values())


def heading_of(compared: RunsCompared) -> str:
    """Say what is compared by which score."""
    metric, scored = compared.metric_of(compared.first_compared), compared.first_compared
    rows = "on the test rows" if scored == "test" else "as the search of each has it"
    words = score_words(metric, compared.runs[0].truth, compared.runs[0].delivered_training)
    return f"{counted(len(compared.runs), 'run')} by {words} {rows} ({direction(metric)})"


def notes(compared: RunsCompared) -> list[str]:
    """Say what pairs are paired by, what the intervals speak of, what is corrected, and what is not as it looks."""
    return [
        *_of_rows(compared),
        *_of_many(compared),
        *_of_scores(compared),
        *_of_runs(compared),
        *_without(compared),
        *(f"Left out is {sentence}." for sentence in compared.left_out),
    ]


def _of_rows(compared: RunsCompared) -> Iterator[str]:
    """Say which scores are of the same rows."""
    named = zip(compared.test_rows, compared.runs, strict=True)
    tested = [name for name, run in named if run.delivered_id is not None]
    searched = [name for name in compared.folds if name]
    if compared.metric and len(tested) > 1:
        yield _paired(tested, "test rows")
    if compared.selection and len(searched) > 1:
        yield _paired(searched, "training rows and folds")


def _paired(names: list[str], what: str) -> str:
    """Say of runs, by the names of their rows, which are paired."""
    sets, unrelated = len(set(names)), "as if their rows had nothing to do with each other"
    if sets == 1:
        return f"All runs have the same {what}: differences are paired, row by row."
    if sets == len(names):
        return f"No two runs have the same {what}: differences are unpaired, {unrelated}."
    paired = "differences are paired within a set, row by row, and unpaired between sets"
    return f"There are {counted(sets, 'set')} of {what}: {paired}, {unrelated}."


def _of_many(compared: RunsCompared) -> Iterator[str]:
    """Say what intervals speak of, and that p-values are many."""
    spoken: dict[ScoreOf, str] = {
        "test": "of test scores are for other test rows and these very networks",
        "selection": "of selection scores are for other rows and other trainings",
    }
    yield f"95 % intervals {'; those '.join(spoken[scored] for scored in spoken if compared.metric_of(scored))}."
    scored = compared.first_compared
    pairs = [pair for pair in compared.pairs if pair.scored == scored]
    count = sum(not pair.difference.why for pair in pairs)
    which = (
        f"all {counted(count, 'pair')} of runs"
        if count == len(pairs)
        else f"the {counted(count, 'pair')} of runs that have one"
    )
    many = f", p corrected for {which} (Holm)" if count > 1 else ""
    if count:
        yield f"Worse: significantly so at 5 %{many}; {_UNRESOLVED}"


def _of_scores(compared: RunsCompared) -> Iterator[str]:
    """Say which scores are none of all runs."""
    truth = compared.runs[0].truth
    heads = {run.truth.title_of(run.judged_by) for run in compared.runs if run.delivered_id}
    if len(heads) > 1:
        yield f"Their own reports are headed by {listed(sorted(heads))}; all have {truth.title_of(compared.metric)}."
    if not compared.metric:
        yield "No test score is there in common."
    searched = sum(run.study.search is not None for run in compared.runs)
    if searched > 1 and not compared.selection:
        yield "Selection scores are not compared: they are not of one kind."


def _of_runs(compared: RunsCompared) -> Iterator[str]:
    """Say which runs are the same, and which are not at their end."""
    for group in compared.equal:
        yield f"{_named([compared.names[number] for number in group])} have the same results (equal digests)."
    for name, run in zip(compared.names, compared.runs, strict=True):
        if run.unfinished:
            fits = counted(run.unfinished, "fit")
            yield f"{quoted(name)} is taken as what it has: {fits} not trained yet."


def _without(compared: RunsCompared) -> Iterator[str]:
    """Say why pairs have no interval."""
    for scored in ("test", "selection"):
        whys: dict[str, int] = {}
        for pair in compared.pairs:
            if pair.scored == scored and pair.difference.why:
                whys[pair.difference.why] = whys.get(pair.difference.why, 0) + 1
        for why, count in whys.items():
            yield f"No interval of the {scored} score for {counted(count, 'pair')}: {why}."


def _named(names: list[str]) -> str:
    return listed([quoted(name) for name in names], most=MANY)
