"""What a study will cost, said before anything is trained. Pure; imports neither torch nor scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from shoal.cores import spread
from shoal.data import (
    Dataset,
    Split,
    Standardize,
    checks_of_rows,
    column_warnings,
    divided_sentence,
    gap_notes,
    repeat_warnings,
    untested,
    unused_rows,
)
from shoal.engine._extents import importance_notes
from shoal.engine._fits import Planner
from shoal.engine._layout import embedding_notes
from shoal.engine._planned import PlannedFit, unique
from shoal.engine._scorable import undefined_warnings
from shoal.engine._source import column_records
from shoal.engine._trainer import Trainer
from shoal.engine.forecast.drawing import Drawing
from shoal.engine.forecast.groups import groups_of
from shoal.engine.forecast.memory import predicted_peaks, source_of
from shoal.engine.forecast.simple_models import simple_model_bytes
from shoal.engine.forecast.steps import Watched
from shoal.engine.forecast.time import Circumstances, crowded, seconds_alone
from shoal.kinds import task_kind
from shoal.nets import learning_rates
from shoal.results import Plan
from shoal.wording import counted, first_few


def make_plan(planner: Planner, circumstances: Circumstances) -> Plan:
    """Lay out every fit of the first round, count steps and parameters, predict memory and time.

    The winner's own fits are not known before the search; the costliest candidate stands for it. A fit that stands in
    several stages is trained once, and counted in the first.
    """
    search, compare = planner.search_fits(), planner.comparison_fits()
    winner, nested = planner.likely_winner, (*planner.nested_fits(), *planner.likely_nested)
    tested = {item.fit.id for item in compare}
    own = [item for item in winner if item.fit.id not in tested and item.entry.stage != "permuted"]
    permuted = [item for item in winner if item.entry.stage == "permuted"]
    missing, late = (
        unique((*search, *compare), circumstances.known),
        unique((*own, *permuted, *nested), circumstances.known),
    )
    watched = Watched()
    alone = seconds_alone(planner, winner, circumstances, watched)
    sizes = [row.parameter_count for row in planner.candidate_rows()]
    everything = (*search, *compare, *winner, *nested)
    # Both are kept by the planner; neither needs the other, and each takes long.
    spread(lambda name: getattr(planner, name), ("findings_in_rows", "coverage"), planner.dataset.rows)
    stages = (
        ("search", search),
        ("comparisons", compare),
        ("winner", own),
        ("permutations", permuted),
        ("nested", nested),
    )
    return Plan(
        data=_described(planner.dataset),
        candidates=len(planner.candidates) if planner.folds else 0,
        folds=len(planner.folds),
        stages=tuple(
            stage_of(name, planned)
            for name, planned in stages
            if planned or name not in ("permutations", "nested")
        ),
        fits=len(missing) + len(late),
        known=len(unique(everything)) - len(unique(everything, circumstances.known)),
        steps=sum(fit.steps for fit in unique(everything)),
        parameters=(min(sizes), max(sizes)),
        trainers=dict(Counter(fit.trainer for fit in (*missing, *late))),
        memory=memory_need(planner, circumstances.workers, circumstances.drawing),
        time=crowded(alone, circumstances.workers, watched),
        time_alone=alone,
        notes=(*refusal_notes(planner, circumstances.trainers), *_notes(planner, everything)),
        data_notes=planner.dataset.notes,
        columns=tuple(column_records(planner.study.data, planner.dataset)),
        more_rounds=planner.more_rounds,
        module=planner.own.module.title if planner.own else "",
    )


def refusals(planner: Planner, trainers: Mapping[str, Trainer]) -> dict[tuple[str, str], int]:
    """Count the fits that the preferred trainer refuses, by who trains them and its reason: as far as fits are known
    before a run.
    """
    preferred, reasons = next(iter(trainers.values())), dict[tuple[int, int], str | None]()
    planned = (*planner.search_fits(), *planner.comparison_fits(), *planner.likely_winner)
    counts = Counter[tuple[str, str]]()
    for fit in unique((*planned, *planner.nested_fits(), *planner.likely_nested)):
        job = fit.job
        key = id(job.architecture), id(job.training)
        if fit.trainer != preferred.name and key not in reasons:
            reasons[key] = preferred.refuses(job.architecture, job.training)
        if reason := reasons.get(key):
            counts[fit.trainer, reason] += 1
    return dict(counts)


def refusal_notes(planner: Planner, trainers: Mapping[str, Trainer]) -> Iterator[str]:
    """Say why fits are not the preferred trainer's, a sentence for each reason."""
    for (trainer, reason), count in refusals(planner, trainers).items():
        yield f"{counted(count, 'fit')} for the {trainer} trainer: {reason}"


def memory_need(planner: Planner, workers: int, drawing: Drawing) -> dict[str, float]:
    """Predict the peak of each phase of the whole run in bytes, also of what is done already."""
    first = unique((*planner.search_fits(), *planner.comparison_fits()))
    source = source_of(planner.dataset)
    stages = first, unique(planner.likely_winner), unique((*planner.nested_fits(), *planner.likely_nested))
    replayed = planner.study.inspect.history > 0
    groups = [group for stage in stages for group in groups_of(stage, workers, planner.trainers)]
    return predicted_peaks(
        planner.dataset,
        source,
        groups,
        drawing,
        replayed=replayed,
        simple_models=simple_model_bytes(planner),
    )


def _described(dataset: Dataset) -> str:
    test = dataset.rows - dataset.train_rows
    inputs = counted(len(dataset.columns), "input")
    if (shape := dataset.image_shape) is not None:
        channels, height, width = shape
        inputs = f"images of {width} × {height} pixels, {counted(channels, 'channel')}"
    noun = "target" if task_kind(dataset.task).target == "numbers" else "labels"
    names = ", ".join(dataset.target_names)
    outputs = counted(len(dataset.classes), "class") if dataset.classes else f"{noun} {names}"
    rows = f"{counted(dataset.train_rows, 'training row')}, {counted(test, 'test row')}"
    return f"{rows}, {inputs}, {outputs}"


def stage_of(name: str, planned: Sequence[PlannedFit]) -> tuple[str, int, int]:
    """Give the name of a stage, its fits, each once, and their steps."""
    fits = unique(planned)
    return name, len(fits), sum(fit.steps for fit in fits)


def _notes(planner: Planner, planned: Sequence[PlannedFit]) -> tuple[str, ...]:
    """Say what is allowed and perhaps not meant."""
    dates = {column.name for column in planner.dataset.columns if column.takes == "dates"}
    asked = [*planner.candidates, *(candidate for _, candidate in planner.comparisons)]
    notes = [*warnings_before(planner), *gap_notes(planner.coverage, dates)]
    notes += embedding_notes(
        [candidate.network for candidate in asked], planner.preprocessing(planner.refit_split)
    )
    notes += importance_notes(planner, planner.likely_winner[-1].fit.job.architecture)
    large = sorted({
        (item.fit.job.training.batch_size, item.fit.rows.learning_count)
        for item in planned
        if item.fit.job.training.batch_size > item.fit.rows.learning_count
    })  # fmt: skip
    if large:
        batch, rows = large[0]
        notes.append(
            f"batch_size {batch} is above the {counted(rows, 'training row')} of a fit: every step uses all rows"
        )
    if planner.dataset.drawn and planner.dataset.times is None:  # of times the reader says it
        test_rows = planner.dataset.rows - planner.dataset.train_rows
        notes.append(
            f"no data.test: {counted(test_rows, 'row')} ({100 * planner.study.data.test_share:.0f} %)"
            f" {'was' if test_rows == 1 else 'were'} set apart as test rows"
        )
    return tuple(notes)


def warnings_before(planner: Planner) -> Iterator[str]:
    """Warn before anything is trained: of columns, of rows, of folds, of learning rates."""
    yield from data_warnings(planner.dataset, planner.study.data.standardize)
    yield from repeat_warnings(planner.coverage, grouped=planner.dataset.groups is not None)
    hints = {check.name: check.hint(planner.dataset, planner.study.shuffles) for check in checks_of_rows()}
    for name, clause in planner.findings_in_rows.items():
        yield f"{clause} ({hints[name]})"
    yield from fold_warnings(planner)
    yield from undefined_warnings(planner)
    trained = (*planner.candidates, *(candidate for _, candidate in planner.comparisons))
    asked = {(item.training.schedule, item.training.epochs): item.training for item in trained}
    for (schedule, epochs), training in asked.items():
        if (highest := learning_rates(training).max()) < training.lr / 2:
            height = f"in {counted(epochs, 'epoch')} the learning rate comes to {highest:.2g} at most"
            yield f"schedule {schedule}: {height}, of lr = {training.lr:g}; it takes more epochs to rise"


def fold_warnings(planner: Planner) -> Iterator[str]:
    """Warn of folds with rows of one group on both sides; the checks of the run say it again."""
    groups, search = planner.dataset.groups, planner.study.search
    if groups is not None and search is not None and (kind := search.splitter.kind):
        yield from _divided(groups, planner.folds, kind, "search")
    nested = planner.study.nested
    if groups is not None and nested is not None and (kind := nested.splitter.kind):
        outer = [search.refit_split for search in planner.outer_searches]
        yield from _divided(groups, outer, kind, "nested")


def _divided(groups: NDArray[Any], folds: Sequence[Split], kind: str, section: str) -> Iterator[str]:
    unused = [unused_rows(fold, len(groups)) for fold in folds]
    sentence = divided_sentence(groups, [fold.validation for fold in folds], kind, section, unused)
    yield from [sentence] if sentence else []


def data_warnings(dataset: Dataset, standardize: Standardize) -> Iterator[str]:
    """Warn of the data before anything is trained; the checks of the run say it again."""
    columns = column_warnings(dataset, standardize)
    warnings = (("in numbers of 32 bits", columns.merged()), ("not standardised", columns.unscaled()))
    for what, sentences in warnings:
        choice = "both" if any(not sentence.startswith("input") for sentence in sentences) else "inputs"
        if sentences:
            yield f'{what}: {first_few(sentences, 4, joint=", and ")} (data.standardize = "{choice}" scales them)'
    for sentence in columns.numbering():
        yield f"input {sentence} (data.ignore can leave it out)"
    if dataset.classes and (missing := untested(dataset.classes, dataset.targets, dataset.train_rows)):
        classes = first_few(missing, 4, joint=", and ")
        yield f"no test row is of class {classes}: test scores say nothing of such a class"
