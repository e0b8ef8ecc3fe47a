"""The tables of a report: results to rows of text with digits that a person reads.

Letters: N rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.kinds import LOSSES, TARGET_TRANSFORMS, row_of
from shoal.look._certainty import NOMINAL
from shoal.look._measures import further_scores, shown_scores
from shoal.look._outer_folds import chosen_settings, nested_metrics
from shoal.look._tested_rows import RowsTested
from shoal.results import Results, class_scores, confusion_matrix
from shoal.study import base_candidate, short_keys, text_of
from shoal.wording import ROUNDING, counted, interval, listed, one_number, percent, rounded

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_ROWS: Final = 500
"""Rows that a table of the page has at most; its CSV has more, the store all."""


@dataclass(frozen=True)
class ReportColumn:
    """One column: its heading, its cells as text, and their values to sort by where the cells are numbers."""

    heading: str
    cells: tuple[str, ...]
    values: tuple[float, ...] | None = None


@dataclass(frozen=True)
class ReportTable:
    """Columns of one length; `left_out` rows are not shown."""

    columns: tuple[ReportColumn, ...]
    left_out: int = 0

    @property
    def rows(self) -> list[tuple[tuple[str, float | None], ...]]:
        """Text and value of every cell, row by row."""
        numbers = (column.values or (None,) * len(column.cells) for column in self.columns)
        pairs = [
            zip(column.cells, values, strict=True)
            for column, values in zip(self.columns, numbers, strict=True)
        ]
        return list(zip(*pairs, strict=True))


def tested_metrics(results: Results) -> tuple[str, ...]:
    """Give the metrics of the task, the leading one first."""
    return shown_scores(results)


def numbers(heading: str, values: Iterable[Any], digits: int = 4) -> ReportColumn:
    """Make a column of numbers with as many decimals as its largest needs for so many digits."""
    floats = [math.nan if value is None else float(value) for value in values]
    largest = max((abs(value) for value in floats if math.isfinite(value)), default=0.0)
    finite = [abs(value) for value in floats if math.isfinite(value) and abs(value) > ROUNDING * largest]
    if all(value.is_integer() for value in floats if math.isfinite(value)):
        cells = [f"{value:,.0f}" if math.isfinite(value) else "–" for value in floats]
    elif min(finite) < largest * 10 ** (1 - digits):
        cells = [_of_its_own(value, digits) for value in floats]
    else:
        decimals = max(0, digits - 1 - math.floor(math.log10(largest)))
        cells = [f"{value:,.{decimals}f}" if math.isfinite(value) else "–" for value in floats]
    return ReportColumn(heading, tuple(cell.replace("-", "−") for cell in cells), tuple(floats))


def _of_its_own(value: float, digits: int) -> str:
    """Write a number of a column whose numbers are of very different sizes: with digits of its own, none below 1e6 with
    an exponent that could be without.
    """
    if not math.isfinite(value):
        return "–"
    return rounded(value, max(digits, len(f"{abs(value):.0f}")) if abs(value) < 1e6 else digits)


def texts(heading: str, values: Iterable[Any]) -> ReportColumn:
    """Make a column of texts."""
    return ReportColumn(heading, tuple(text_of(value) for value in values))


def published_table(results: Results) -> ReportTable | None:
    """Give published values beside the measured ones; None where the study names none."""
    frame = results.references
    if not len(frame):
        return None
    shown = [("published", "published"), ("mean", "measured")]
    if int(frame["repeats"].max()) > 1:
        shown += [("std", "std"), ("min", "min"), ("max", "max")]
    columns = [
        texts("name", frame["name"]),
        texts("metric", [f"test {results.truth.title_of(name)}" for name in frame["metric"]]),
    ]
    for name, heading in [*shown, ("difference", "difference")]:
        values = tuple(frame[name].astype(float).tolist())
        columns.append(ReportColumn(heading, tuple(one_number(value, 4) for value in values), values))
    if frame["ci_low"].notna().any():
        low, high = frame["ci_low"].tolist(), frame["ci_high"].tolist()
        cells = tuple(interval(*edges) for edges in zip(low, high, strict=True))
        columns.append(ReportColumn("95 % interval of the measured", cells, tuple(low)))
    inside = ["–" if within is None else "yes" if within else "no" for within in frame["inside"]]
    columns += [texts("within the repeats", inside), texts("source", frame["source"])]
    return ReportTable(tuple(columns))


def candidate_table(results: Results) -> ReportTable | None:
    """Give the candidates, best first; None without a search."""
    frame = results.candidates
    if not len(frame):
        return None
    shown = frame.head(MOST_ROWS)
    keys = list(results.study.search.space) if results.study.search else []
    columns = [numbers("rank", shown["rank"].astype("float64"))]
    columns += [_settings(name, shown[key]) for key, name in zip(keys, short_keys(keys), strict=True)]
    columns.append(numbers("parameters", shown["parameters"]))
    for heading, name in (
        ("selection score", "selection_score"), ("standard error", "standard_error"), ("difference", "difference"),
    ):  # fmt: skip
        columns.append(numbers(heading, shown[name]))
    columns.append(probabilities("p", shown["adjusted_p_value"]))
    further = further_scores(results)
    columns += [numbers(f"mean {results.truth.title_of(name)}", shown[f"mean_{name}"]) for name in further]
    columns.append(ReportColumn("standing", tuple(_standing(row) for row in shown.to_dict("records"))))
    return ReportTable(tuple(columns), len(frame) - len(shown))


def outer_fold_table(results: Results) -> ReportTable | None:
    """Give what was chosen without the rows of each outer fold, and its scores there; None without a nested search."""
    nested = results.nested
    if nested is None:
        return None
    shown = nested.folds[:MOST_ROWS]
    columns = [
        texts("rows of", [fold.label for fold in shown]),
        numbers("rows", [fold.rows for fold in shown]),
    ]
    columns.append(texts("chosen", [chosen_settings(results, fold.candidate_id) for fold in shown]))
    for name in nested_metrics(results):
        columns.append(numbers(results.truth.title_of(name), [fold.scores.get(name) for fold in shown]))
    return ReportTable(tuple(columns), len(nested.folds) - len(shown))


def nested_score_table(results: Results) -> ReportTable | None:
    """Give the scores of all outer folds' rows together, with their intervals; None where there are none."""
    nested = results.nested
    if nested is None or not nested.scores:
        return None
    names = nested_metrics(results)
    spans = [nested.scores[name].interval for name in names]
    columns = (
        texts("score of all of them", map(results.truth.title_of, names)),
        ReportColumn("value", tuple(one_number(nested.scores[name].value, 4) for name in names)),
        ReportColumn("95 % interval", tuple(interval(span.low, span.high) for span in spans)),
    )
    return ReportTable(columns)


def filtered_columns(results: Results) -> tuple[str, ...]:
    """Name the columns of the candidates that a reader chooses values of: the searched keys."""
    return short_keys(list(results.study.search.space)) if results.study.search else ()


def probabilities(heading: str, values: Iterable[float]) -> ReportColumn:
    """Make a column of p-values."""
    floats = tuple(float(value) for value in values)
    cells = ("–" if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}" for p in floats)
    return ReportColumn(heading, tuple(cells), floats)


def comparison_table(results: Results) -> ReportTable | None:
    """Give the comparisons by their test scores; None of fewer than two."""
    frame = results.comparisons
    if len(frame) < 2:
        return None
    first, *others = tested_metrics(results)
    several = int(frame["repeats"].max()) > 1
    labels = [
        row["label"] + (f" ({row['failed']} of {row['repeats']} failed)" if row["failed"] else "")
        for row in frame.to_dict("records")
    ]
    columns = [
        texts("comparison", labels),
        numbers(f"test {results.truth.title_of(first)}", frame[f"{first}_mean"]),
    ]
    if several:
        columns += [numbers(f"{name}", frame[f"{first}_{name}"]) for name in ("std", "min", "max")]
    columns.append(numbers("difference to the first", frame[f"{first}_difference"]))
    if frame[f"{first}_ci_low"].notna().any():
        low, high = (frame[f"{first}_ci_{end}"].tolist() for end in ("low", "high"))
        cells = tuple(interval(*edges) for edges in zip(low, high, strict=True))
        columns.append(ReportColumn("95 % interval", cells, tuple(low)))
    columns += [numbers(f"test {results.truth.title_of(name)}", frame[f"{name}_mean"]) for name in others]
    return ReportTable(tuple(columns))


def alone(results: Results) -> str:
    """Say of a run without variants what its one network with rows held out scores; empty where there are others."""
    frame = results.comparisons
    if len(frame) != 1:
        return ""
    (row,) = frame.to_dict("records")
    metric, share = tested_metrics(results)[0], held_out(results)
    value, title = row[f"{metric}_mean"], results.truth.title_of(metric)
    times = f", the mean of {row['repeats']} initialisations" if row["repeats"] > 1 else ""
    score = f"test {title} {one_number(value, 4)}{times}" if math.isfinite(value) else "no test score"
    trained = f", trained without {share} of the training rows," if share else ""
    return (
        f"No variants are compared. The {row['label']}{trained} has {score}; it is not the delivered network."
    )


def comparisons_on_test_rows(results: Results) -> DataFrame:
    """Give the comparisons with headings that say of which rows the scores are."""
    frame = results.comparisons
    return frame.rename(columns={name: f"test_{name}" for name in frame.columns[3:]})


def refit_table(results: Results) -> ReportTable | None:
    """Give the test scores of every initialisation of the delivered network."""
    frame = results.refit
    if not len(frame):
        return None
    columns = [numbers("initialisation", frame["repeat"] + 1), texts("status", frame["status"])]
    columns += [numbers("epochs", frame["epochs"]), numbers("steps", frame["steps"])]
    metrics = (name for name in tested_metrics(results) if f"test_{name}" in frame)
    columns += [numbers(f"test {results.truth.title_of(name)}", frame[f"test_{name}"]) for name in metrics]
    return ReportTable(tuple(columns))


def delivered_one(results: Results) -> str:
    """Say which initialisation is the delivered one: the first that neither diverged nor failed; empty for none."""
    frame = results.refit
    healthy = frame[frame["status"] == "ok"] if len(frame) else frame
    return f"initialisation {int(healthy['repeat'].min()) + 1} is the delivered one" if len(healthy) else ""


def certainty_table(results: Results) -> ReportTable | None:
    """Give the share of test rows that intervals or sets hold, and how large these are; None where there are none."""
    shown = results.certainty.covered[:MOST_ROWS]
    if not shown:
        return None
    classes = bool(results.truth.classes)
    columns = [texts("target", [target.name for target in shown])]
    shares = tuple(target.share for target in shown)
    rows = "test rows" if results.truth.test_weights is None else "weight of test rows"
    columns.append(ReportColumn(f"{rows} covered (meant: {NOMINAL})", tuple(map(percent, shares)), shares))
    edges = [(target.interval.low, target.interval.high) for target in shown]
    cells = ("–" if math.isnan(low) else f"{percent(low)} to {percent(high)}" for low, high in edges)
    columns.append(
        ReportColumn("95 % interval, other test rows", tuple(cells), tuple(low for low, _ in edges))
    )
    sizes = tuple(target.size for target in shown)
    size = "classes in a set, mean" if classes else "width of the interval, mean"
    columns.append(ReportColumn(size, tuple(one_number(value) for value in sizes), sizes))
    if classes:
        empty = tuple(target.empty for target in shown)
        columns.append(ReportColumn("empty sets", tuple(map(percent, empty)), empty))
    return ReportTable(tuple(columns), len(results.certainty.covered) - len(shown))


def class_coverage_table(results: Results) -> ReportTable | None:
    """Give, class by class, the share of test rows whose set holds their class; None where there are no sets."""
    shown = results.certainty.classes[:MOST_ROWS]
    if not shown:
        return None
    shares = tuple(of.share for of in shown)
    by_weight = "" if results.truth.test_weights is None else ", by weight"
    columns = (
        texts("class", [of.name for of in shown]),
        numbers("test rows", [of.rows for of in shown]),
        ReportColumn(f"have it in their set{by_weight}", tuple(map(percent, shares)), shares),
    )
    return ReportTable(columns, len(results.certainty.classes) - len(shown))


def temperature_table(results: Results) -> ReportTable | None:
    """Give cross-entropy and calibration error of the delivered network, before and at the temperature; none at 1."""
    tempered = results.certainty.tempered
    if tempered is None or tempered.temperature == 1:
        return None
    names = ("as delivered", f"at temperature {one_number(tempered.temperature)}")
    return ReportTable(
        (
            texts("probabilities", names),
            numbers("test cross-entropy", tempered.loss),
            numbers("test ECE", tempered.ece),
        )
    )


def class_table(classes: tuple[str, ...], tested: RowsTested, named_RV: NDArray[np.int64]) -> ReportTable:
    """Give precision, recall and F1 of every class on the test rows, as these weigh, all networks together.

    `named_RV` is the class that each of R networks names of each of the V rows.
    """
    true_V, count, networks = np.asarray(tested.true_V, np.int64), len(classes), len(named_RV)
    weight_RV = None if tested.weight_V is None else np.tile(tested.weight_V, networks)
    scores = class_scores(confusion_matrix(np.tile(true_V, networks), named_RV.reshape(-1), count, weight_RV))
    parts = (("precision", scores.precision_K), ("recall", scores.recall_K), ("F1", scores.f1_K))
    columns = [texts("class", classes[:MOST_ROWS])]
    columns.append(numbers("test rows", np.bincount(true_V, minlength=count)[:MOST_ROWS]))
    columns += [numbers(name, score_K[:MOST_ROWS]) for name, score_K in parts]
    return ReportTable(tuple(columns), max(0, len(classes) - MOST_ROWS))


def data_facts(results: Results) -> list[tuple[str, str]]:
    """Say where the rows come from and how they are divided: pairs of a name and a fact."""
    study, truth = results.study, results.truth
    data, rows = study.data, f"{truth.train_rows:,} training, {len(truth.y) - truth.train_rows:,} test"
    facts = [("source", data.dataset or str(data.train)), ("rows", rows)]
    if data.test:
        facts[1:1] = [("test rows from", data.test)]
    if results.categorical:
        facts.append(("categorical inputs", ", ".join(results.categorical)))
    if results.dates:
        facts.append(("inputs that are dates", ", ".join(results.dates)))
    if data.groups:
        facts.append(("rows that belong together", f"those of one {data.groups}"))
    if data.standardize != "none":
        facts.append(("standardised", "inputs" if data.standardize == "inputs" else "inputs and targets"))
    if data.target_transform != "none":
        words = TARGET_TRANSFORMS[data.target_transform].words
        facts.append(("learned", f"{words}; predictions and scores are in the targets’ own units"))
    if study.search:
        folds = {entry.fold for entry in results.plan if entry.stage == "search"}
        asked = study.search.splitter
        kind = study.folds_kind(asked) if data.timed else asked.kind
        facts.append(
            ("search", f"{counted(len(folds), 'fold')} of the training rows" + (f" ({kind})" if kind else ""))
        )
    if study.nested:
        outer = study.nested.splitter
        named = f" ({outer.kind})" if outer.kind else ""
        count = len({entry.label for entry in results.plan if entry.stage == "nested"})
        facts.append(
            ("nested search", f"{count or outer.n * outer.times} outer folds of the training rows{named}")
        )
    if share := held_out(results):
        curves = ("comparisons", "the curves") if study.compare else ("curve", "the winner’s curve")
        facts.append((curves[0], f"{share} of the training rows held out for {curves[1]}"))
    return facts


def held_out(results: Results) -> str:
    """Say which share of the training rows the comparisons hold out, as they were laid out; empty for none."""
    compared = [entry for entry in results.plan if entry.stage == "compare" and entry.validation_rows]
    rows = sorted({entry.validation_rows for entry in compared})
    shares = [f"{percent(count / results.truth.train_rows, 0)} ({count:,})" for count in rows]
    return " to ".join([shares[0], shares[-1]][: len(shares)]) if shares else ""


def same_settings(results: Results) -> str:
    """Name the comparisons that are the very same networks, since their settings are equal; empty where none are."""
    fits: dict[str, set[str]] = {}
    for entry in results.plan:
        if entry.stage == "compare":
            fits.setdefault(entry.label, set()).add(entry.fit_id)
    groups: dict[frozenset[str], list[str]] = {}
    for label, ids in fits.items():
        groups.setdefault(frozenset(ids), []).append(label)
    said = [f"{listed(g)} have the same settings" for g in groups.values() if len(g) > 1]
    return f"{'; '.join(said)}: the same networks, trained once." if said else ""


def settings_table(results: Results) -> ReportTable:
    """Give every setting of the chosen candidate."""
    choice = results.choice
    chosen = results.tried[choice.candidate_id] if choice else base_candidate(results.study)
    own = row_of("loss", LOSSES, chosen.training.loss or results.study.loss).option
    left_out = {kind.option for kind in LOSSES.values()} - {own} | {"batch_norm"}  # an older name of a norm
    normed = chosen.network.model_copy(update={"norm": chosen.network.normed})
    pairs = [
        (f"{part}.{key}", value)
        for part, model in (("network", normed), ("training", chosen.training))
        if part == "training" or not results.module  # which takes the place of the network
        for key, value in model.model_dump(exclude_none=True, exclude_defaults=False).items()
        if value not in ((), {}) and key not in left_out
    ]
    space = results.study.search.space if results.study.search else {}
    searched = {".".join(re.findall(r"\w+", key)[:2]).replace("batch_norm", "norm") for key in space}
    pairs = [("module", results.module), *pairs] if results.module else pairs
    marks = ["yes" if name in searched else "" for name, _ in pairs]
    columns = (
        texts("key", [name for name, _ in pairs]),
        texts("value", [_setting(value) for _, value in pairs]),
    )
    return ReportTable((*columns, texts("searched", marks)))


def layer_table(parameters: dict[str, NDArray[Any]]) -> ReportTable:
    """Give the arrays of a network: shape and number of values."""
    names = sorted(parameters, key=lambda name: re.sub(r"\d+", lambda digits: digits[0].zfill(6), name))
    shapes = ["×".join(str(side) for side in parameters[name].shape) for name in names]
    sizes = [parameters[name].size for name in names]
    return ReportTable((texts("array", names), texts("shape", shapes), numbers("values", sizes)))


def _standing(row: dict[Any, Any]) -> str:
    if row["chosen"] and row["verdict"] != "best":
        return f"chosen, {row['verdict']}"
    return "chosen" if row["chosen"] else str(row["verdict"])


def _settings(heading: str, values: Iterable[Any]) -> ReportColumn:
    """Make a column of one searched key: numbers as they were asked for, to be sorted as numbers."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in plain)
    return ReportColumn(heading, tuple(map(text_of, plain)), tuple(map(float, plain)) if numeric else None)


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return ", ".join(f"{key} {_setting(item)}" for key, item in value.items() if item is not None)
    if isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        return "; ".join(_setting(item) for item in value)
    return text_of(value)
