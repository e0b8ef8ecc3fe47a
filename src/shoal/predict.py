"""New rows from a file to a table of predictions: `shoal predict`, and the ensemble's spread of a run.

The spread is over the networks that the search trained for the chosen candidate, one a fold and repeat; each has
its own preprocessing, fitted to its own training rows. Letters: N rows, K targets or classes, D inputs.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from shoal.answering import Inputs
from shoal.data import (
    Column,
    DateCells,
    Dialect,
    Foreign,
    Preprocessing,
    Table,
    keys_for,
    nfc,
    read_columns,
    read_images,
    read_table,
)
from shoal.decisions import named_classes
from shoal.distributions import by_target
from shoal.engine import (
    Explanation,
    available_memory,
    dialect_said,
    laid_out,
    not_finite,
    unknown_intervals,
)
from shoal.errors import DataError, InputError, ModelFileError, Problem, RunFolderError
from shoal.files import kind_of
from shoal.model import Model, load
from shoal.results import PlanEntry, Results, Store
from shoal.wording import counted, did_you_mean, few_quoted, one_number, quoted, safe_cell, visible

_SHOWN: Final = 5
_ROUNDING: Final = 1e-9
"""Share of their sizes by which contributions miss what they add up to where rounding alone is the reason."""
NOTE: Final = "note"
"""The column that says why a row is not answered."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """A table of predictions, one row an input row, and what is to be said about it."""

    names: tuple[str, ...]
    columns: tuple[Sequence[Any], ...]
    notes: tuple[str, ...]
    read: tuple[Path, ...] = ()
    """The pictures that were read in a folder."""

    def to_csv(self) -> str:
        """Write the table as CSV that a spreadsheet opens without running any of it."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(map(_cell, self.names))
        writer.writerows(map(_cell, row) for row in zip(*self.columns, strict=True))
        return text.getvalue()


@dataclass(frozen=True, eq=False)
class _NewRows:
    """What was read: what is carried along and which row it is, the inputs of the rows that are answered, and notes.

    `place` is the column that numbers or names the rows. `reason_N` says of each row why it is not answered, empty
    where it is; None where all are.
    """

    place: tuple[str, Sequence[Any]]
    inputs: Inputs
    notes: list[str]
    carried: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    reason_N: list[str] | None = None

    def spread(self, columns: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
        """Put columns of the answered rows beside what is carried along: nothing in the other rows, and a note."""
        taken = {*columns, "row", *([] if self.reason_N is None else [NOTE])}
        for name in taken.intersection(self.carried):
            what = "expected a column that is not called like one of the predictions"
            raise InputError(f"--carry: {what}, got {quoted(name)}")
        leading = {**self.carried, self.place[0]: self.place[1]}
        if self.reason_N is None:
            return {**leading, **columns}
        place_N = np.cumsum([not reason for reason in self.reason_N]) - 1
        spread = {
            name: [
                None if reason else cells[place]
                for reason, place in zip(self.reason_N, place_N.tolist(), strict=True)
            ]
            for name, cells in columns.items()
        }
        return {**leading, **spread, NOTE: self.reason_N}


class Asked(TypedDict, total=False):
    """What may be asked of predictions; see `predict_file`."""

    coverage: float | None
    calibrated: bool
    explain: bool
    carry: Sequence[str]
    mark_missing: bool
    written: Sequence[str]


def predict_file(source: Path, rows: Path, **asked: Unpack[Asked]) -> Predictions:
    """Predict the rows or images of a file with a model file, or with a run folder's model and its ensemble.

    With `coverage`, the interval of every target, or which classes are in the set, is added; `calibrated`
    probabilities are those at the model's temperature. With `explain`, what each input column adds. Columns of the
    table that `carry` names stand before the predictions. With `mark_missing`, rows whose missing cells the model does
    not answer have no prediction, and a note. `written` are `KEY=VALUE` of how the table is written, where that is
    otherwise than the one learned from. Raises ModelFileError, RunFolderError, DataError, EnvironmentFault, InputError
    for a model or a table that lacks what is asked for.
    """
    model, coverage, calibrated = load(source), asked.get("coverage"), asked.get("calibrated", False)
    _refuse(model, source, coverage=coverage, calibrated=calibrated)
    if asked.get("explain") and not model.input_names:
        what = "expected a model of tables, got one of images, which have no columns"
        raise InputError(f"--explain: {what}; the report of its run shows feature maps and what excites them")
    new = _read(model, rows, asked)
    inputs, notes = new.inputs, [*new.notes, *_decision_note(model)]
    answer_NK = model.answer(inputs)
    columns = _answers(model, answer_NK, calibrated=calibrated)
    notes += [overflow] if (overflow := not_finite(answer_NK)) else []
    if coverage is not None:
        covering, unknown = _covering(model, inputs, coverage)
        columns |= covering
        notes += [unknown] if unknown else []
    if asked.get("explain"):
        explained = model.explanation(inputs)
        columns |= _explained(model, explained)
        notes.append(_explained_note(model, explained))
    if kind_of(source) == "a folder":
        members, why_not = ensemble(Results.open(source), model)
        if why_not:
            notes.append(f"the ensemble's spread is left out: {why_not}")
        else:
            columns |= _spread(model, members, inputs)
    columns = new.spread(columns)
    pictures = tuple(rows / name for name in columns["image"]) if kind_of(rows) == "a folder" else ()
    return Predictions(tuple(columns), tuple(columns.values()), (*notes, *_rewritten(columns)), pictures)


def _refuse(model: Model, source: Path, *, coverage: float | None, calibrated: bool) -> None:
    """Refuse what a model lacks before any row is read."""
    if calibrated and not model.classes:
        got = "labels" if model.labelled else "numbers"
        raise InputError(f"--calibrated: expected a model of classes, got one of {got}")
    if model.labelled and coverage is not None:
        raise InputError(
            "--coverage: expected a model of numbers or classes, got one of labels: it has no intervals, nor sets"
        )
    if model.calibration is None and (calibrated or coverage is not None):
        option = "--calibrated" if calibrated else "--coverage"
        what = "expected a model with the networks of its folds, got one without"
        raise InputError(f"{option}: {what} ({visible(str(source))}){_reason(source)}")
    if model.calibration is not None and coverage is not None:
        model.calibration.refuse(coverage)


def _reason(source: Path) -> str:
    """Say why a run has no networks of its folds in its model; a model file alone does not know."""
    if kind_of(source) != "a folder":
        return "; the report of its run says why"
    certainty = Results.open(source).certainty
    why = certainty.why or certainty.not_in_file
    return (
        f": {why}" if why else "; it is of an earlier version, and the same run writes a model that has them"
    )


def _covering(model: Model, inputs: Inputs, coverage: float) -> tuple[dict[str, Sequence[Any]], str]:
    """Name the columns of intervals, or of sets: 1 where a class is in the set; and what is to be said of them."""
    if model.classes:
        set_NK = model.sets(inputs, coverage).astype(int)
        return {f"in_set_{name}": set_NK[:, k].tolist() for k, name in enumerate(model.classes)}, ""
    interval_NK2 = model.intervals(inputs, coverage)
    columns = {
        f"interval_{end}_{name}": interval_NK2[:, k, number].tolist()
        for k, name in enumerate(model.targets)
        for number, end in enumerate(("low", "high"))
    }
    return columns, unknown_intervals(interval_NK2)


def _explained(model: Model, explained: Explanation) -> dict[str, Sequence[Any]]:
    """Name the columns of what each input adds to the predictions of each target; of classes to that named."""
    columns: dict[str, Sequence[Any]] = {}
    for place, target in enumerate(model.targets):
        if model.classes or model.labelled:
            columns[f"log_odds_{target}"] = explained.answers[:, place].tolist()
        columns[f"baseline_{target}"] = explained.baselines[:, place].tolist()
        prefix = f"contribution_{target}" if len(model.targets) > 1 else "contribution"
        columns |= {
            f"{prefix}_{name}": explained.contributions[:, place, number].tolist()
            for number, name in enumerate(explained.inputs)
        }
    return columns


def _explained_note(model: Model, explained: Explanation) -> str:
    """Say what contributions add up to, and how closely."""
    what = "the log-odds of the class named" if model.classes else "the prediction"
    what = "the log-odds of each label" if model.labelled else what
    baseline = "that of the baseline, a row that says nothing (numbers at their mean, every category alike)"
    off = explained.error
    close = (
        "but for rounding" if off < _ROUNDING else f"to within {100 * off:.2g} % of the sum of their sizes"
    )
    return f"contributions (integrated gradients) add up to {what} less {baseline}, {close}, row by row"


def _rewritten(columns: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    """Note texts that the table cannot hold as they are."""
    texts = {value for name, cells in columns.items() for value in (name, *cells) if isinstance(value, str)}
    changed = sorted(text for text in texts if safe_cell(text) != text)
    if changed:
        what = "written with an apostrophe or escapes, so that no spreadsheet runs them"
        yield f"{what}: {few_quoted(changed, _SHOWN)}"


def _cell(value: object) -> str:
    """Write a cell: numbers exactly, text so that no spreadsheet takes it for a formula, nothing for None."""
    if value is None:
        return ""
    return safe_cell(value) if isinstance(value, str) else repr(value)


def _read(model: Model, path: Path, asked: Asked) -> _NewRows:
    """Read new rows: the columns that stand first, the inputs, and notes on what was left out."""
    carry, mark_missing = asked.get("carry", ()), asked.get("mark_missing", False)
    written = asked.get("written", ())
    if model.image_shape is not None:
        if carry or mark_missing or written:
            option = "--carry" if carry else "--mark-missing" if mark_missing else "--set"
            raise InputError(
                f"{option}: expected a model of tables, got one of images, which have no columns"
            )
        resize, white = model.preprocessing.resize is not None, model.preprocessing.white
        new = read_images(path, model.image_shape, resize=resize, white=white, room=available_memory())
        return _NewRows(("image", new.names), new.images, list(new.notes))
    preprocessing = model.preprocessing
    table = _table(path, (*model.input_names, *carry), dialect_said(preprocessing.dialect, written))
    carried = {name: _carried(table, name) for name in map(nfc, carry)}
    whole = model.architecture.series is not None
    missing = model.every_missing if mark_missing or whole else model.missing
    columns = read_columns(table, model.input_names, model.categories, missing, preprocessing.dates)
    reason_N, notes = None, list[str]()
    if mark_missing:
        reason_N = _reasons(model, columns)
        answered = np.array([not reason for reason in reason_N], np.bool_)
        columns = tuple(column.take(answered) for column in columns)
        if not answered.all():
            rows = counted(len(answered), "row")
            notes.append(
                f"{path}: {len(answered) - int(answered.sum()):,} of {rows} not answered: cells are missing"
            )
    else:
        model.refuse_gaps(columns, table.file)
    used = set(map(nfc, (*model.input_names, *carry)))
    others = [name for name in table.names if name not in used]
    if others:
        notes.append(f"{path}: left out, being no inputs of this model: {few_quoted(others, _SHOWN)}")
    place = ("row", range(1, table.rows + 1))
    return _NewRows(place, columns, notes + list(model.unknown(columns)), carried, reason_N)


def _table(path: Path, names: Sequence[str], dialect: Dialect) -> Table:
    """Read a table; a refusal of one that is written otherwise names what reads it."""
    room = available_memory()
    try:
        return read_table(path, names, room, dialect)
    except DataError as error:
        keys = keys_for(path, dialect, room)
        if not keys:
            raise
        first, *others = error.problems
        what = f"{first.what}; --set says how it is written: {keys}"
        raise DataError([replace(first, what=what), *others]) from None


def _carried(table: Table, name: str) -> Sequence[Any]:
    """Give the cells of a column that is carried along: text as written, numbers as typed, None for nothing."""
    if name not in table:
        hint = did_you_mean(name, table.names, quoted)
        raise InputError(f"--carry: expected a column of {visible(table.file)}, got {quoted(name)}{hint}")
    cells = table[name]
    if isinstance(cells, Foreign):
        raise InputError(f"--carry: expected numbers or text in {quoted(name)}, got {cells}")
    if isinstance(cells, DateCells):
        return [None if text == "NaT" else text for text in np.datetime_as_string(cells.values).tolist()]
    values: list[Any] = cells.tolist() if isinstance(cells, np.ndarray) else list(cells)
    return [None if isinstance(value, float) and math.isnan(value) else value for value in values]


def _reasons(model: Model, columns: Sequence[Column]) -> list[str]:
    """Say of each row which of its missing cells the model does not answer."""
    imputed = model.missing.columns
    lacking = [(column.name, column.missing_N) for column in columns if column.name not in imputed]
    names_N: list[list[str]] = [[] for _ in range(len(columns[0].values))]
    for name, missing_N in lacking:
        for row in np.flatnonzero(missing_N).tolist():
            names_N[row].append(name)
    return [f"missing: {few_quoted(names, _SHOWN)}" if names else "" for names in names_N]


def _answers(model: Model, answer_NK: NDArray[np.float64], *, calibrated: bool) -> dict[str, Sequence[Any]]:
    """Name the columns of the delivered model's answers; no temperature changes the class that is named."""
    labels = _labels(model)
    columns: dict[str, Sequence[Any]] = {}
    if model.classes:
        named = named_classes(answer_NK, model.decision).tolist()
        columns[f"predicted_{model.targets[0]}"] = [model.classes[k] for k in named]
    if model.labelled:
        has_NK = (answer_NK > 0.5).astype(int)
        columns |= {f"predicted_{name}": has_NK[:, k].tolist() for k, name in enumerate(model.targets)}
    answer_NK = model.at_temperature(answer_NK) if calibrated else answer_NK
    columns |= {label: answer_NK[:, k].tolist() for k, label in enumerate(labels)}
    distribution = model.preprocessing.distribution
    if distribution is None:
        return columns
    shown_NKA = distribution.shown(by_target(answer_NK, len(model.targets)))
    return columns | {
        f"{said}_{name}": shown_NKA[:, k, place].tolist()
        for k, name in enumerate(model.targets)
        for place, said in enumerate(distribution.names)
    }


def _decision_note(model: Model) -> Iterator[str]:
    """Say from which probability on the positive class is named, where that is not the likelier one."""
    if decision := model.decision:
        which = f"{quoted(model.classes[decision.positive])} is named where its probability"
        yield f"{which} is {one_number(decision.threshold, 6)} or more (search.threshold)"


def _labels(model: Model) -> list[str]:
    if model.classes:
        return [f"probability_{name}" for name in model.classes]
    if model.labelled:
        return [f"probability_{name}" for name in model.targets]
    return [f"predicted_{name}" for name in model.targets]


def ensemble(results: Results, model: Model) -> tuple[list[Model], str]:
    """Give the networks of the search that share the delivered model's candidate, or say why there are none."""
    if results.choice is None:
        return [], "the study has no search, so there are no networks of its folds"
    chosen = [entry for entry in results.plan if entry.stage == "search" and _is_well(results, entry)]
    chosen = [entry for entry in chosen if entry.candidate_id == results.choice.candidate_id]
    with Store.open_readonly(results.folder) as store:
        described = store.fact("preprocessing")
    if not isinstance(described, list):
        return [], "the run was made before each fold's preprocessing was kept"
    if len(chosen) < 2:
        return [], f"the chosen candidate has {counted(len(chosen), 'trained network')} in the search"
    try:
        return [_member(results, model, entry, described[entry.fold]) for entry in chosen], ""
    except (LookupError, ModelFileError) as error:
        raise RunFolderError(Problem(str(results.folder), "its folds are not what Shoal writes")) from error


def _is_well(results: Results, entry: PlanEntry) -> bool:
    record = results.summaries.get(entry.fit_id)
    return record is not None and record.status == "ok"


def _member(results: Results, model: Model, entry: PlanEntry, described: dict[str, Any]) -> Model:
    """Give one network of the search as a model of its own."""
    own = model.preprocessing
    preprocessing = Preprocessing.from_json(described).linked(own.link, own.distribution)
    record = results.summaries[entry.fit_id]
    fit = {"id": entry.fit_id, "trainer": record.trainer, "epochs": record.kept_epoch, "repeat": entry.repeat}
    facts = model.facts.model_copy(update={"fit": model.facts.fit.model_copy(update=fit)})
    preprocessing, architecture = laid_out(model.architecture, model.facts.training, preprocessing)
    parameters = results.parameters(entry.fit_id)
    if not architecture.holds(parameters):
        raise LookupError(entry.fit_id)
    return Model(architecture, parameters, preprocessing, facts)


def _spread(model: Model, members: Sequence[Model], inputs: Inputs) -> dict[str, Sequence[Any]]:
    """Mean and standard deviation (n - 1) over the members, by Welford's running sums (1962)."""
    labels = _labels(model)
    mean_NK = square_NK = np.zeros(0)
    for count, member in enumerate(members, start=1):
        answer_NK = member.answer(inputs)[:, : len(labels)]
        if count == 1:
            mean_NK, square_NK = np.zeros_like(answer_NK), np.zeros_like(answer_NK)
        with np.errstate(over="ignore", invalid="ignore"):  # where one of them overflows
            change_NK = answer_NK - mean_NK
            mean_NK = mean_NK + change_NK / count
            square_NK = square_NK + change_NK * (answer_NK - mean_NK)
    deviation_NK = np.sqrt(square_NK / (len(members) - 1))
    parts = (("mean", mean_NK), ("std", deviation_NK))
    return {
        f"ensemble_{name}_{label.removeprefix('predicted_')}": values_NK[:, k].tolist()
        for k, label in enumerate(labels)
        for name, values_NK in parts
    }
