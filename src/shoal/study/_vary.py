"""A study, network or training with some values changed: validated again, every mistake named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from shoal.distributions import DISTRIBUTIONS
from shoal.errors import StudyError
from shoal.kinds import LOSSES, Task, losses_of, task_kind
from shoal.scores import of_another_task
from shoal.study._key_paths import KeyPath, assign, overlap
from shoal.study._paths import path_keys
from shoal.study._sentences import Mistake, mistakes_of
from shoal.study._study import Network, Study
from shoal.study._training import Training
from shoal.wording import listed, value_text

SECTIONS: Final = ("network", "training")
Changes = Iterable[tuple[KeyPath, Any]]
_Part = TypeVar("_Part", bound=BaseModel)


def vary(part: _Part, section: KeyPath, changes: Changes, task: Task | None = None) -> _Part | list[Mistake]:
    """Change values of `part`, which stands at `section` of a study of this task; key paths are those of the study."""
    tree = plain(part)
    whole = {section[0]: tree} if section else tree
    mistakes: list[Mistake] = []
    for path, value in changes:
        try:
            assign(whole, path, value)
        except StudyError as error:
            mistakes.append(Mistake(path, error.problems[0].what, (path[:2],), together=True))
        if value is None:
            mistakes.append(Mistake(path, "expected a value, got nothing", (path,)))
    if mistakes:
        return mistakes
    try:
        return type(part).model_validate(tree)
    except ValidationError as error:
        return mistakes_of(error, tree, section, task)


def vary_section(study: Study, section: str, changes: Changes) -> Network | Training | list[Mistake]:
    """Change values of the study's network or training, and check that they suit the task."""
    part: Network | Training = study.network if section == "network" else study.training
    varied = vary(part, (section,), changes, study.study.task)
    own = losses_of(study.study.task)
    if isinstance(varied, Training) and varied.loss not in (None, *own):
        path = ("training", "loss")
        noun = task_kind(study.study.task).noun
        which = f"the loss of {noun}" if len(own) == 1 else f"a loss of {noun}"
        what = f"expected {listed(own, 'or')}, {which}, got '{varied.loss}'"
        return [Mistake(path, what, (path, ("study", "task")), together=True)]
    if isinstance(varied, Training):
        loss = varied.loss or own[0]
        return [
            *_options_of_other_losses(varied, loss),
            *_transformed(study, loss),
            *_classless(study, varied),
            *_unmonitored(study, varied),
        ] or varied
    return varied


def _unmonitored(study: Study, training: Training) -> Iterator[Mistake]:
    """Refuse a monitored score that the task does not have."""
    if what := of_another_task(training.monitor, study.study.task):
        path = ("training", "monitor")
        yield Mistake(path, what, (path, ("study", "task")), together=True)


def _transformed(study: Study, loss: str) -> Iterator[Mistake]:
    """Refuse a transform of targets which a loss takes as they are, or whose spread has no way back."""
    transform, kind = study.data.target_transform, LOSSES[loss]
    no_way_back = kind.distribution is not None and not DISTRIBUTIONS[kind.distribution].transforms
    numbers = task_kind(study.study.task).target == "numbers"
    if numbers and transform != "none" and (kind.as_given or no_way_back):
        path, other = ("training", "loss"), ("data", "target_transform")
        taken = (
            "takes targets as they are" if kind.as_given else "gives a deviation in the targets' own units"
        )
        what = f'loss {loss} {taken}: expected data.target_transform = "none", got "{transform}"'
        yield Mistake(path, what, (path, other), together=True)


def _classless(study: Study, training: Training) -> Iterator[Mistake]:
    """Refuse weights of classes where there are none."""
    if training.class_weight != "none" and task_kind(study.study.task).target == "numbers":
        path, task = ("training", "class_weight"), ("study", "task")
        got = value_text(training.class_weight)
        what = f'expected "none" with study.task = "{study.study.task}", which has no classes, got {got}'
        yield Mistake(path, what, (path, task), together=True)


def _options_of_other_losses(training: Training, loss: str) -> Iterator[Mistake]:
    """Find keys that are changed from their default and belong to a loss other than `loss`."""
    for name, kind in LOSSES.items():
        key = kind.option
        if key and name != loss and getattr(training, key) != Training.model_fields[key].default:
            path = ("training", key)
            what = f"`{key}` needs loss {name}, got {loss}"
            yield Mistake(path, what, (path, ("training", "loss")), together=True)


def passed_on(study: Study) -> Study:
    """Give a study as it is told to others: files by their names alone, unless `report.paths` asks for more."""
    if study.report.paths:
        return study
    data = vars(study.data)
    names = {key: re.split(r"[/\\]", path)[-1] for key in path_keys(data) if (path := data[key])}
    return study.model_copy(update={"data": study.data.model_copy(update=names)})


def plain(part: BaseModel) -> dict[str, Any]:
    """Give a part as dicts and lists, as a study file has them."""
    return part.model_dump(mode="json")


def rehomed(mistake: Mistake, homes: Mapping[KeyPath, KeyPath]) -> Mistake:
    """Move a mistake to where the changed value came from: `homes` maps key paths of the study to it.

    What is left of `touches` are the values of the base study that the mistake also depends on.
    """
    touches = mistake.touches if mistake.together else ()
    remaining = tuple(
        touched for touched in touches if not any(touched[: len(path)] == path for path in homes)
    )
    for touched in (mistake.path, *touches):
        for path, home in homes.items():
            if overlap(path, touched):
                return replace(mistake, path=home + touched[len(path) :], touches=remaining)
    return mistake
