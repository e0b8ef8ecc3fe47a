"""Which of two classes is the positive one: as a study says, the second where it says nothing, as in scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator

from shoal.data import Dataset
from shoal.engine._trainer import Job
from shoal.errors import Problem
from shoal.kinds import Task, task_kind
from shoal.results import asked_scores
from shoal.scores import score_kind
from shoal.study import RULES, Costs, Study
from shoal.wording import counted, did_you_mean, few_quoted, listed, quoted


def positive_number(name: str | None, classes: tuple[str, ...]) -> int:
    """Give the number of the positive class; that of the second where no such class is named."""
    return classes.index(name) if name in classes and len(classes) == 2 else 1


def no_positive(name: str | None, classes: tuple[str, ...], task: Task) -> Iterator[Problem]:
    """Find a positive class where there are no two classes, or that is neither of them."""
    if name is None or (len(classes) == 2 and name in classes):
        return
    if len(classes) == 2:
        what = f"expected one of the two classes ({few_quoted(classes)}), got {quoted(name)}"
        what += did_you_mean(name, classes, quoted)
    else:
        of = counted(len(classes), "class") if classes else task_kind(task).words
        what = f"expected nothing for {of}: only one of two classes is the positive one; got {quoted(name)}"
    yield Problem("data.positive", what)


def no_two_classes(study: Study, dataset: Dataset) -> Iterator[Problem]:
    """Find a positive class, or a threshold, where there are no two classes, or a class that is neither of them."""
    classes = dataset.classes
    yield from no_positive(study.data.positive, classes, dataset.task)
    if study.search is not None and study.search.threshold != "none" and len(classes) > 2:
        many = counted(len(classes), "class")
        what = f'expected "none" for {many}: a threshold is one of two classes'
        yield Problem("search.threshold", what)


def positive_notes(study: Study, dataset: Dataset) -> Iterator[str]:
    """Say which class the scores are of that a study names and that have a positive one, and how it is named."""
    named = dict.fromkeys((*asked_scores(study), study.training.monitor))
    scores = [name for name in named if score_kind(name).of_positive]
    rule = study.search.threshold if study.search else "none"
    if len(dataset.classes) != 2 or not (scores or rule != "none"):
        return
    verb, what = ("is", "the score") if len(scores) == 1 else ("are", "scores")
    other, own = quoted(dataset.classes[1 - dataset.positive]), quoted(dataset.classes[dataset.positive])
    why = " (data.positive)"
    if study.data.positive is None:
        why = f", the second, as in scikit-learn; data.positive = {other} takes the other"
    if scores:
        yield f"{listed(scores)} {verb} {what} of the class {own}{why}"
    if rule != "none":
        by = "lowest mean cost" if isinstance(rule, Costs) else f"highest {RULES[rule]}"
        where = "where its probability reaches a threshold (search.threshold)"
        yield f"the class {own} is named {where}: that of the {by} on the rows held out{'' if scores else why}"


def naming_positive(dataset: Dataset, job: Job) -> dict[str, str]:
    """Give what names a fit beside the rest: the positive class where what it keeps hangs on that.

    Nothing where it is the second, so that no fit from before the key is renamed.
    """
    hangs = job.scored and score_kind(job.training.monitor).of_positive and dataset.positive != 1
    return {"positive": dataset.classes[dataset.positive]} if hangs else {}
