"""The tables of a run as plain text: what `shoal run` and `show` print."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal.look._certainty import certainty_sentences
from shoal.look._chance import differences_sentences, drawn_by_chance, ece_sentence, published_sentence
from shoal.look._checks import GRAVEST, checks
from shoal.look._headline import headline
from shoal.look._measures import further_scores, shown_scores
from shoal.look._outer_folds import chosen_settings, nested_metrics, nested_sentences
from shoal.look._reasons import reasons, verdict_of
from shoal.look._run_findings import RunFindings
from shoal.look._simple_models import model_rows
from shoal.look._text_layout import WIDTH, in_lines, number, text_table
from shoal.look._threshold import BESIDE, TOGETHER, where_decided
from shoal.look._time_folds import ageing_sentence, time_folds
from shoal.look._trust import looks_sentence, permutation_sentence
from shoal.look._unfinished import shard_text, unfinished_text
from shoal.look._unit_counts import unit_counts
from shoal.look.figures.confusion import confusion_of
from shoal.look.figures.effects import effects_of, effects_sentences
from shoal.look.figures.variance import shares_phrase, variance_split_of
from shoal.look.page.decided import threshold_text
from shoal.look.page.labels import label_text
from shoal.look.page.levels import level_table
from shoal.look.page.references import trained_where
from shoal.look.page.tables import (
    certainty_table,
    class_coverage_table,
    delivered_one,
    held_out,
    same_settings,
    temperature_table,
)
from shoal.parts import SHOW, Parts
from shoal.results import class_scores
from shoal.study import settings_text
from shoal.wording import counted, shorten, visible

if TYPE_CHECKING:
    from shoal.results import Results


ROWS_SHOWN = 12
"""Candidates printed; the store and `Results.candidates` hold all of them."""
CLASSES_SHOWN = 20
"""Classes printed, those with the lowest F1 where there are more."""


def results_text(results: Results, parts: Parts | None = None) -> str:
    """Give the tables of a run: the search, the comparisons, the delivered model.

    A table that cannot be made is noted in `parts`; what the run itself could not make is said at the end.
    """
    if results.shard is not None:
        return shard_text(results)
    parts, findings = parts or Parts(), RunFindings(results)
    tables: dict[str, Callable[[], str]] = {
        "the headline": lambda: _headline_text(findings),
        "search": lambda: _search_text(results),
        "folds in order of time": lambda: _time_text(results),
        "outer folds": lambda: _nested_text(results),
        "noise": lambda: _noise_text(findings),
        "comparisons": lambda: _comparisons_text(results),
        "delivered model": lambda: _refit_text(results),
        "threshold": lambda: threshold_text(results),
        "simple models": lambda: _simple_models_text(results),
        "how sure one prediction is": lambda: _certainty_text(results),
        "ensemble": lambda: _ensemble_text(results),
        "published values": lambda: _references_text(results),
        "classes": lambda: _classes_text(results),
        "labels": lambda: label_text(findings),
        "units": lambda: _units_text(findings),
        "checks": lambda: _checks_text(results),
    }
    sections = []
    for name, table in tables.items():
        with parts.attempt(f"table of {name}", SHOW):
            sections.append(table())
    if where := trained_where(results):
        lines = (f"  {count}: {environment}" for count, environment in where)
        sections.append("\n".join(["trained in several environments", *lines]))
    sections.append(unfinished_text(results))
    sections.append(_wrapped(results.conclusion))
    sections += ["\n".join(map(str, results.missing)), f"digest of all results: {results.digest}"]
    return "\n\n".join(part for part in sections if part)


def _headline_text(findings: RunFindings) -> str:
    """The first line: how good the delivered network is, beside what is simpler."""
    return headline_text(findings.results) if findings.delivered.healthy else ""


def headline_text(results: Results) -> str:
    """Say how good the delivered network is, beside what is simpler, and on what that rests."""
    return "\n".join(map(_wrapped, headline(RunFindings(results)).sentences))


def _simple_models_text(results: Results) -> str:
    """The delivered network's scores beside those of simple models, and its differences to them."""
    rows = model_rows(results)
    if len(rows) < 2:
        return ""
    first, *others = rows[0].scores
    headers = [
        "model",
        "training rows",
        f"test {results.truth.key_of(first)}",
        "95 % interval",
        "delivered minus model",
        "95 % interval",
        *map(results.truth.key_of, others),
    ]
    cells = [
        [
            row.name, row.rows, row.scores[first], _interval(row.interval.low, row.interval.high), row.difference,
            _interval(row.apart.low, row.apart.high), *(row.scores[name] for name in others),
        ]
        for row in rows
    ]  # fmt: skip
    title = "delivered model beside simple models: the same training rows, the same test rows"
    over = f"The 95 % intervals are for {drawn_by_chance(results)}; a difference is paired, row by row."
    sentences = (over, where_decided(results, BESIDE), permutation_sentence(results))
    return "\n".join((title, text_table(headers, cells), *(_wrapped(text) for text in sentences if text)))


def _interval(low: float, high: float) -> str:
    return "-" if math.isnan(low) or math.isnan(high) else f"{number(low)} to {number(high)}"


def _search_text(results: Results) -> str:
    frame = results.candidates
    if not len(frame):
        return ""
    keys = list(results.study.search.space) if results.study.search else []
    headers = ["rank", *(key.partition(".")[2] for key in keys), "parameters"]
    further = further_scores(results)
    headers += [
        "selection score",
        "std error",
        "difference",
        "p",
        *(f"mean {results.truth.key_of(name)}" for name in further),
        "",
    ]
    rows = [
        [
            "-" if row["failed"] else int(row["rank"]),
            *(_value(row[key]) for key in keys),
            row["parameters"],
            *(row[name] for name in ("selection_score", "standard_error", "difference", "adjusted_p_value")),
            *(row[f"mean_{name}"] for name in further),
            _marks(row, verdict_of(standing)),
        ]
        for row, standing in zip(frame.to_dict("records"), results.standings, strict=True)
    ]
    shown = rows[:ROWS_SHOWN] + [row for row in rows[ROWS_SHOWN:] if "chosen" in row[-1]]
    metric = results.truth.key_of(results.study.search.metric if results.study.search else "loss")
    count = counted(len(rows), "candidate")
    lines = [f"search: {count} by selection score ({metric}, cross-validated, so optimistic)"]
    lines.append(text_table(headers, shown))
    if len(rows) > len(shown):
        lines.append(f"... and {len(rows) - len(shown)} more; Results.candidates has all")
    lines.append(
        _wrapped(
            "worse: at 5 % (model confidence set over the rows held out); equivalent: no further away than the margin,"
            " so also where it is worse by less; unresolved: neither"
        )
    )
    if results.choice:
        chosen = results.choice.candidate_id
        values = next(row.values for row in results.candidate_rows if row.candidate_id == chosen)
        lines.append(_wrapped(f"chosen: {settings_text(values)}"))
        lines += [_wrapped(f"- {reason}") for reason in reasons(results)]
    return "\n".join(lines)


def _marks(row: Mapping[Any, Any], verdict: str) -> str:
    return ", ".join(["chosen"] * bool(row["chosen"]) + [verdict] * (verdict != "best" or not row["chosen"]))


def _value(value: Any) -> Any:
    return "-" if value is None else value


def _time_text(results: Results) -> str:
    """The winner's score on each fold, in order of time."""
    folds = time_folds(results)
    if not folds or results.choice is None:
        return ""
    headers = ["fold", "trained on", "judged by", results.truth.key_of(results.choice.metric)]
    rows = [[fold.label, fold.trained, fold.judged, fold.score] for fold in folds[:ROWS_SHOWN]]
    lines = ["the winner’s folds, in order of time", text_table(headers, rows)]
    if len(folds) > ROWS_SHOWN:
        lines.append(f"... and {len(folds) - ROWS_SHOWN} more; the report has all")
    if said := ageing_sentence(results):
        lines.append(_wrapped(f"- {said}"))
    return "\n".join(lines)


def _nested_text(results: Results) -> str:
    """What the searches without the rows of each outer fold chose, and how good that is on those rows."""
    nested = results.nested
    if nested is None:
        return ""
    names = nested_metrics(results)
    rows: list[list[Any]] = [
        [
            fold.label,
            fold.rows,
            chosen_settings(results, fold.candidate_id),
            *(float(fold.scores.get(name, math.nan)) for name in names),
        ]
        for fold in nested.folds
    ]
    if nested.scores:
        together = ["all their rows", sum(fold.rows for fold in nested.folds), "95 % interval"]
        rows.append([*together[:2], "", *(nested.scores[name].value for name in names)])
        spans = [nested.scores[name].interval for name in names]
        rows.append(
            [
                together[2],
                "",
                "",
                *(f"{number(s.low)} to {number(s.high)}" if s.known else "-" for s in spans),
            ]
        )
    title = f"nested search: {counted(len(nested.folds), 'outer fold')}"
    sentences = [_wrapped(f"- {said}") for said in nested_sentences(results)]
    return "\n".join(
        (
            title,
            text_table(["rows of", "rows", "chosen", *map(results.truth.key_of, names)], rows),
            *sentences,
        )
    )


def _comparisons_text(results: Results) -> str:
    frame = results.comparisons
    if not len(frame):
        return ""
    first, *others = shown_scores(results)
    repeats = int(frame["repeats"].max())
    headers = ["comparison", f"test {first}"]
    if repeats > 1:
        headers += ["min", "median", "max"]
    headers += [
        f"difference to {str(frame['label'][0])[:24]}",
        "95 % interval",
        *map(results.truth.key_of, others),
    ]
    rows = []
    for row in frame.to_dict("records"):
        label = row["label"] + (f" ({row['failed']} of {row['repeats']} failed)" if row["failed"] else "")
        cells = [label, row[f"{first}_mean"]]
        if repeats > 1:
            cells += [row[f"{first}_{name}"] for name in ("min", "median", "max")]
        interval = _interval(row[f"{first}_ci_low"], row[f"{first}_ci_high"])
        rows.append([*cells, row[f"{first}_difference"], interval, *(row[f"{name}_mean"] for name in others)])
    share = held_out(results)
    title = "comparisons on the test rows: trained on the training rows"
    title += f", less the {share} held out" if share else ""
    if repeats > 1:
        title += f"; means over {repeats} repeats, each with its own initialisation and held-out rows"
    sentences = [text for text in (differences_sentences(results), same_settings(results)) if text]
    return "\n".join((_wrapped(title), text_table(headers, rows), *(_wrapped(text) for text in sentences)))


def _refit_text(results: Results) -> str:
    frame = results.refit
    if not len(frame):
        return ""
    names = shown_scores(results)
    epochs = int(frame["epochs"].iloc[0])
    times = f" {len(frame)} times" if len(frame) > 1 else ""
    lines = [f"delivered model: the winner refitted{times} on all training rows, {counted(epochs, 'epoch')}"]
    present = [name for name in names if f"test_{name}" in frame]
    rows = [
        [row["repeat"] + 1, row["status"], *(row[f"test_{name}"] for name in present)]
        for row in frame.to_dict("records")
    ]
    lines.append(
        text_table(
            ["initialisation", "status", *(f"test {results.truth.key_of(name)}" for name in present)], rows
        )
    )
    delivered = delivered_one(results) if len(rows) > 1 else ""
    sentences = (delivered, *results.embedded, looks_sentence(results), ece_sentence(results))
    lines += [_wrapped(sentence) for sentence in sentences if sentence]
    return "\n".join(lines)


def _noise_text(findings: RunFindings) -> str:
    """Which searched settings matter, and how much of the scores' differences is noise."""
    effects, split = effects_of(findings), variance_split_of(findings)
    lines = []
    if effects is not None:
        sizes = [f"{effect.key} {number(effect.size)}" for effect in effects.effects]
        lines.append(f"largest difference between the values of each setting: {', '.join(sizes)}")
        lines.append(effects_sentences(effects))
    if split is not None:
        lines.append(f"variance of single scores: {shares_phrase(split)}")
    return "\n".join(map(_wrapped, lines))


def _wrapped(text: str) -> str:
    return in_lines(text, WIDTH, later="  ")


def _ensemble_text(results: Results) -> str:
    """The networks of the chosen candidate's folds together, beside the delivered one."""
    frame = results.ensemble_scores
    if not len(frame):
        return ""
    names = [name for name in shown_scores(results) if name in frame]
    members = frame[frame["network"] == "member"]
    networks = counted(len(members), "network")
    rows = [
        [f"{networks} of the folds, {which}", *(float(fold(members[name])) for name in names)]
        for which, fold in (("lowest", np.min), ("mean", np.mean), ("highest", np.max))
    ]
    others = frame[frame["network"] != "member"].to_dict("records")
    labels = {"ensemble": "their mean answer", "delivered": "delivered model"}
    rows += [[labels[row["network"]], *(row[name] for name in names)] for row in others]
    title = "ensemble of the chosen candidate’s networks of all folds, asked once after the choice"
    headers = ["test rows", *(f"test {results.truth.key_of(name)}" for name in names)]
    return f"{title}\n{text_table(headers, rows)}\n{_wrapped(where_decided(results, TOGETHER))}".rstrip()


def _certainty_text(results: Results) -> str:
    """How sure one prediction is, by the networks of the folds, held against the test rows."""
    if not len(results.refit):
        return ""
    tables = (
        level_table(results),
        certainty_table(results),
        class_coverage_table(results),
        temperature_table(results),
    )
    shown = [table for table in tables if table is not None]
    texts = [
        text_table(
            [column.heading for column in table.columns],
            [[_name(cell.replace("\u00a0", " ")) for cell, _ in row] for row in table.rows[:ROWS_SHOWN]],
        )
        for table in shown
    ]
    title = "how sure one prediction is"
    return "\n".join((title, _wrapped(" ".join(certainty_sentences(results))), *texts))


def _references_text(results: Results) -> str:
    """Published values beside measured ones."""
    frame = results.references
    if not len(frame):
        return ""
    headers = [
        "name",
        "metric",
        "published",
        "measured",
        "std",
        "min",
        "max",
        "95 % interval",
        "inside",
        "source",
    ]
    rows = [
        [
            _name(row["name"]),
            results.truth.key_of(row["metric"]),
            *(row[key] for key in ("published", "mean", "std", "min", "max")),
            _interval(row["ci_low"], row["ci_high"]),
            "-" if row["inside"] is None else row["inside"],
            _name(row["source"], 60),
        ]
        for row in frame.to_dict("records")
    ]
    repeats = int(frame["repeats"].max())
    title = f"published beside measured ({counted(repeats, 'repeat')}; inside: between min and max)"
    sentence = published_sentence(results)
    return "\n".join((title, text_table(headers, rows), *([_wrapped(sentence)] if sentence else [])))


def _classes_text(results: Results) -> str:
    """Precision and recall of every class, over all healthy repeats of the refit."""
    findings = RunFindings(results)
    if not findings.classes or not findings.delivered.healthy:
        return ""
    confusion = confusion_of(findings, findings.delivered)
    scores, count = class_scores(confusion.count_KK), len(confusion.classes)
    order = np.argsort(scores.f1_K, kind="stable")[:CLASSES_SHOWN] if count > CLASSES_SHOWN else range(count)
    rows = [
        [
            _name(confusion.classes[k]),
            int(scores.rows_K[k]) // confusion.repeats,
            *(float(score_K[k]) for score_K in (scores.precision_K, scores.recall_K, scores.f1_K)),
        ]
        for k in order
    ]
    which = f"the {len(rows)} of {count} classes with the lowest F1" if len(rows) < count else "classes"
    title = f"{which} on the test rows, {confusion.name}{_mean_of(confusion.repeats)}"
    weighed = results.truth.test_weights is not None
    note = "\nEach row of a weight above 0 counts once here, whatever that is." * weighed
    return f"{title}\n{text_table(['class', 'rows', 'precision', 'recall', 'F1'], rows)}{note}"


def _mean_of(networks: int) -> str:
    return f" (all {networks} together)" if networks > 1 else ""


def _units_text(findings: RunFindings) -> str:
    """Dead and saturated units of every layer of the delivered model, where there are any."""
    counts = unit_counts(findings) if findings.delivered.healthy else None
    if counts is None or not (counts.dead.any() or counts.saturated.any()):
        return ""
    columns = (counts.layer, counts.activation, counts.units, counts.dead, counts.saturated, counts.rows)
    rows = [list(row) for row in zip(*(np.asarray(part).tolist() for part in columns), strict=True)]
    headers = ["layer", "activation", "units", "dead", "saturated", "rows looked at"]
    return f"units that answer the same to all rows, delivered model\n{text_table(headers, rows)}"


def _name(text: str, limit: int = 32) -> str:
    """Cut a class name that comes with the data, and make what cannot be seen a question mark."""
    return shorten(visible(text, "masked"), limit)


def _checks_text(results: Results) -> str:
    """The gravest checks of method that found something, two lines each, and how many more there are."""
    lines = []
    doubted = checks(results)
    for check in doubted[:GRAVEST]:
        lines.append(f"{check.code}  {check.severity}: {check.title}")
        lines.append(in_lines(check.what, WIDTH, " " * 7, " " * 7))
    if len(doubted) > GRAVEST:
        others = ", ".join(check.code for check in doubted[GRAVEST:])
        lines.append(
            f"and {len(doubted) - GRAVEST:,} more ({others}): read them in report.html, under Checks"
        )
    return "\n".join(["checks of method (docs/checks.md: why, and what to do)", *lines]) if lines else ""
