"""What a study will cost, said before anything is trained. Pure; imports neither torch nor scikit-learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from shoal.data import Dataset, Standardize, doubted, untested
from shoal.engine._fits import PlannedFit, Planner, unique
from shoal.engine.forecast.memory import predicted_peaks, source_of
from shoal.engine.forecast.time import Circumstances, crowded, seconds_alone
from shoal.nets import learning_rates
from shoal.results import Plan


def make_plan(planner: Planner, given: Circumstances) -> Plan:
    """Lay out every fit, count steps and parameters, predict memory and time.

    The winner's own fits are not known before the search; the costliest candidate stands for it. A fit that stands in
    several stages is trained once, and counted in the first.
    """
    search, compare = planner.search_fits(), planner.comparison_fits()
    winner = planner.likely_winner
    tested = {item.fit.id for item in compare}
    own = [item for item in winner if item.fit.id not in tested]
    missing, late = unique((*search, *compare), given.known), unique(own, given.known)
    alone = seconds_alone(planner, winner, given)
    sizes = [row.parameter_count for row in planner.candidate_rows()]
    everything = (*search, *compare, *winner)
    return Plan(
        data=_described(planner.dataset),
        candidates=len(planner.candidates) if planner.folds else 0,
        folds=len(planner.folds),
        stages=tuple(
            _stage(*named) for named in (("search", search), ("comparisons", compare), ("winner", own))
        ),
        fits=len(missing) + len(late),
        known=len(unique(everything)) - len(unique(everything, given.known)),
        steps=sum(fit.steps for fit in unique(everything)),
        parameters=(min(sizes), max(sizes)),
        trainers=dict(Counter(fit.trainer for fit in (*missing, *late))),
        memory=memory_need(planner, given.workers),
        time=crowded(alone, given.workers),
        time_alone=alone,
        notes=_notes(planner, everything),
        data_notes=planner.dataset.notes,
    )


def memory_need(planner: Planner, workers: int) -> dict[str, float]:
    """Predict the peak of each phase of the whole run in bytes, also of what is done already."""
    first = unique((*planner.search_fits(), *planner.comparison_fits()))
    source = source_of((planner.study.data.train, planner.study.data.test), planner.dataset)
    stages = (first, unique(planner.likely_winner))
    replayed = planner.study.inspect.history > 0
    return predicted_peaks(planner.dataset, source, stages, workers, replayed=replayed)


def _described(dataset: Dataset) -> str:
    test = dataset.rows - dataset.train_rows
    columns = len(dataset.columns)
    given = _counted(columns, "input")
    if dataset.images is not None:
        channels, height, width = dataset.images.shape[1:]
        given = f"images of {width} × {height} pixels, {_counted(channels, 'channel')}"
    asked = (
        f"{len(dataset.classes)} classes" if dataset.classes else f"target {', '.join(dataset.target_names)}"
    )
    rows = f"{_counted(dataset.train_rows, 'training row')}, {_counted(test, 'test row')}"
    return f"{rows}, {given}, {asked}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _stage(name: str, planned: Sequence[PlannedFit]) -> tuple[str, int, int]:
    fits = unique(planned)
    return name, len(fits), sum(fit.steps for fit in fits)


def _notes(planner: Planner, planned: Sequence[PlannedFit]) -> tuple[str, ...]:
    """Say what is allowed and perhaps not meant."""
    notes = list(doubts_before(planner))
    large = sorted({
        (item.fit.job.training.batch_size, item.fit.learning_count)
        for item in planned
        if item.fit.job.training.batch_size > item.fit.learning_count
    })  # fmt: skip
    if large:
        batch, rows = large[0]
        notes.append(
            f"batch_size {batch} is above the {_counted(rows, 'training row')} of a fit: every step uses all rows"
        )
    if planner.dataset.drawn:
        held = planner.dataset.rows - planner.dataset.train_rows
        notes.append(
            f"no data.test: {_counted(held, 'row')} ({100 * planner.study.data.test_share:.0f} %)"
            f" {'was' if held == 1 else 'were'} set apart as test rows"
        )
    return tuple(notes)


def doubts_before(planner: Planner) -> Iterator[str]:
    """Say what is to be doubted before anything is trained: of the columns, of the learning rates."""
    yield from data_doubts(planner.dataset, planner.study.data.standardize)
    trained = (*planner.candidates, *(candidate for _, candidate in planner.comparisons))
    asked = {(one.training.schedule, one.training.epochs): one.training for one in trained}
    for (schedule, epochs), training in asked.items():
        if (highest := learning_rates(training).max()) < training.lr / 2:
            told = f"in {epochs:,} epoch{'s' * (epochs > 1)} the learning rate comes to {highest:.2g} at most"
            yield f"schedule {schedule}: {told}, of lr = {training.lr:g}; it takes more epochs to rise"


def data_doubts(dataset: Dataset, standardize: Standardize) -> Iterator[str]:
    """Say what is to be doubted of the data before anything is trained; the checks of the run say it again."""
    columns = doubted(dataset, standardize)
    doubts = (("in numbers of 32 bits", columns.merged()), ("not standardised", columns.unscaled()))
    for what, told in doubts:
        wanted = "both" if any(sentence.startswith("target") for sentence in told) else "inputs"
        if told:
            yield f'{what}: {_listed(told)} (data.standardize = "{wanted}" scales them)'
    for sentence in columns.numbering():
        yield f"input {sentence} (data.inputs can leave it out)"
    if dataset.classes and (told := untested(dataset.classes, dataset.targets, dataset.train_rows)):
        yield f"no test row is of class {_listed(told)}: test scores say nothing of such a class"


def _listed(parts: Sequence[str], most: int = 4) -> str:
    more = f", and {len(parts) - most} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more
