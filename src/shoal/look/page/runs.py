"""Runs beside each other as one offline file, made of the parts of a report: tables, pictures, style, script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shoal.errors import InputError, Problem
from shoal.look._escape import csv_link
from shoal.look._gallery import Drawn
from shoal.look._run_pictures import run_pictures
from shoal.look._run_rows import RunRow, heading_of, notes, run_rows
from shoal.look._text_layout import duration
from shoal.look._work import Work
from shoal.look.page.report import page_html, pictures_shown
from shoal.look.page.spreadsheet import frame_csv
from shoal.look.page.tables import ReportColumn, ReportTable, numbers, probabilities, texts
from shoal.parts import Parts
from shoal.results import Interval, Pair, RunsCompared, ScoreOf, refuse_to_replace, settings_apart
from shoal.wording import interval, listed, quoted

if TYPE_CHECKING:
    from pandas import DataFrame

AGAIN: Final = "`shoal compare`"
ENDINGS: Final = (".html", ".htm")
_SCORED: Final[tuple[ScoreOf, ...]] = ("test", "selection")


def page_to_write(path: Path) -> Path:
    """Give the path of a page; InputError for another ending, and for a file of a run folder's own."""
    if path.suffix.lower() not in ENDINGS:
        what = (
            f"expected a page to write, whose name ends in {listed(ENDINGS, 'or')}, got {quoted(path.name)}"
        )
        raise InputError(Problem(str(path), what))
    refuse_to_replace(path)
    return path


def comparison_html(compared: RunsCompared, table: DataFrame, differences: DataFrame) -> str:
    """Give the page of a comparison; `table` and `differences` are its numbers, to be saved as CSV."""
    parts, rows = Parts(), run_rows(compared)
    drawn = []
    for picture in run_pictures(compared):
        with parts.attempt(f"figure {picture.name}", AGAIN):
            drawn.append(Drawn(picture, "", picture.png()))
    shown, plots = pictures_shown(drawn, parts)
    scores = [entry for entry in shown if entry.picture.name == "01-scores"]
    content = {
        "title": _title(compared),
        "heading": heading_of(compared),
        "notes": notes(compared),
        "missing": parts.missing,
        "scores": score_table(compared),
        "score_pictures": scores,
        "csv": csv_link(frame_csv(table)),
        "best": quoted(rows[0].name),
        "beside_best": _beside_best(compared, rows),
        "pairs": _pair_table(compared, compared.pairs) if len(rows) > 2 else None,
        "pairs_csv": csv_link(frame_csv(differences)),
        "costs": _cost_table(rows),
        "training": [entry for entry in shown if entry not in scores],
        "settings": _settings_table(compared),
        "works": _works(compared),
    }
    return page_html("runs.html.jinja", {"plots": plots, "fits": {"groups": []}}, content)


def _title(compared: RunsCompared) -> str:
    studies = dict.fromkeys(run.study.study.name for run in compared.runs)
    return listed(list(studies), most=3)


def score_table(compared: RunsCompared) -> ReportTable:
    """Give the scores of all runs, best first."""
    rows = run_rows(compared)
    truth = compared.runs[0].truth
    columns = [texts("run", [row.name for row in rows])]
    for scored in _SCORED:
        if metric := compared.metric_of(scored):
            scores = [compared.scores(scored)[row.number] for row in rows]
            columns.append(numbers(f"{scored} {truth.title_of(metric)}", [score.value for score in scores]))
            columns.append(_intervals("95 % interval", [score.interval for score in scores]))
    columns += [
        numbers(f"test {truth.title_of(name)}", [row.others[name] for row in rows]) for name in rows[0].others
    ]
    columns.insert(1, texts("beside the best", [row.beside_best or "–" for row in rows]))
    return ReportTable(tuple(columns))


def _beside_best(compared: RunsCompared, rows: Sequence[RunRow]) -> ReportTable | None:
    """Give the differences of all runs to the best."""
    pairs = [
        pair
        for scored in _SCORED
        for row in rows[1:]
        if (pair := compared.between(scored, row.number, rows[0].number)) is not None
    ]
    return _pair_table(compared, pairs)


def _pair_table(compared: RunsCompared, pairs: Iterable[Pair]) -> ReportTable | None:
    pairs = list(pairs)
    if not pairs:
        return None
    truth = compared.runs[0].truth
    apart = [pair.difference for pair in pairs]
    return ReportTable((
        texts("run", [compared.names[pair.second] for pair in pairs]),
        texts("less", [compared.names[pair.first] for pair in pairs]),
        texts("score", [f"{pair.scored} {truth.title_of(compared.metric_of(pair.scored))}" for pair in pairs]),
        numbers("difference", [each.mean for each in apart]),
        _intervals("95 % interval", [Interval(each.low, each.high, each.why) for each in apart]),
        probabilities("p", [each.p for each in apart]),
        probabilities("p, corrected (Holm)", [pair.adjusted_p for pair in pairs]),
        texts("method", [pair.method for pair in pairs]),
    ))  # fmt: skip


def _cost_table(rows: Sequence[RunRow]) -> ReportTable:
    seconds = tuple(row.seconds for row in rows)
    return ReportTable((
        texts("run", [row.name for row in rows]),
        texts("chosen", [row.chosen for row in rows]),
        numbers("parameters", [row.parameters for row in rows]),
        numbers("networks trained", [row.networks for row in rows]),
        ReportColumn("training, added up", tuple(map(duration, seconds)), seconds),
        texts("digest", [row.results.digest[:12] for row in rows]),
    ))  # fmt: skip


def _settings_table(compared: RunsCompared) -> ReportTable | None:
    apart = settings_apart(compared.runs)
    if not apart:
        return None
    columns = [texts("setting", apart)]
    columns += [
        texts(compared.names[number], [values[number] for values in apart.values()])
        for number in compared.order
    ]
    return ReportTable(tuple(columns))


def _intervals(heading: str, spans: Iterable[Interval]) -> ReportColumn:
    spans = list(spans)
    cells = tuple(interval(span.low, span.high) for span in spans)
    return ReportColumn(heading, cells, tuple(span.low for span in spans))


def _works(compared: RunsCompared) -> list[Work]:
    """Give what the statistics of these runs rest on."""
    methods = {pair.method for pair in compared.pairs}
    works = []
    if "paired by test row" in methods:
        cited = "Johnson (1978): Modified t tests and confidence intervals for asymmetrical populations."
        works.append(Work("paired differences of test scores", f"{cited} JASA 73, 536–544."))
    if "paired by row held out" in methods:
        cited = "Bayle, Bayle, Janson, Mackey (2020): Cross-validation confidence intervals for test error. NeurIPS 33."
        works.append(Work("paired differences of selection scores", cited))
    if "unpaired" in methods:
        cited = (
            "Zou, Donner (2008): Construction of confidence limits about effect measures: a general approach."
        )
        works.append(Work("unpaired differences", f"{cited} Statistics in Medicine 27, 1693–1702."))
    if len(compared.runs) > 2:
        cited = (
            "Holm (1979): A simple sequentially rejective multiple test procedure. Scandinavian Journal of"
        )
        works.append(Work("p-values of several pairs", f"{cited} Statistics 6, 65–70."))
    return works
