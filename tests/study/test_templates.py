"""What comes with Shoal: the built-in studies, and the templates of `shoal new`."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Literal, get_args, get_origin

import pytest

from shoal.study import (
    Study,
    Task,
    builtin_studies,
    candidates,
    check_study,
    comparison_candidates,
    load_study,
    parse_study,
    template,
)
from shoal.wording import NAMED

TASKS = get_args(Task)
COMMENTED = re.compile(r"^# (\w+ = .*)$", re.MULTILINE)
# These lines show an example, not a default.
EXAMPLES = {"train", "test", "inputs", "target"}


@pytest.mark.parametrize("name", builtin_studies())
def test_a_built_in_study_is_sound(name: str) -> None:
    study = load_study(name)
    check_study(study)
    assert study.study.name == name
    assert study.data.dataset == name


def test_two_peaks_takes_about_a_minute() -> None:
    """400,000 steps at most, at 100 training rows: comparisons, search, the winner's comparison, refit."""
    study = load_study("two-peaks")
    assert study.search is not None

    def steps(rows: int, training: Any) -> int:
        return -(-rows // training.batch_size) * training.epochs

    found = candidates(study)
    compared = sum(steps(80, candidate.training) for candidate in comparison_candidates(study))
    searched = sum(steps(67, candidate.training) for candidate in found) * study.search.splitter.n
    last = max(steps(80, candidate.training) + steps(100, candidate.training) for candidate in found)
    assert len(found) == 12
    assert len(study.compare) == 5
    assert searched + (compared + last) * study.study.repeats < 400_000


@pytest.mark.parametrize("task", TASKS)
def test_a_template_runs_unchanged_and_needs_no_files(task: Task) -> None:
    study = parse_study(tomllib.loads(template(task)))
    check_study(study)
    assert study.study.task == task
    assert study.data.dataset in ("two-peaks", "digits", "three-discs")
    assert study.compare
    assert len(candidates(study)) > 1


@pytest.mark.parametrize("task", TASKS)
def test_what_a_template_shows_as_default_is_the_default(task: Task) -> None:
    given = parse_study(tomllib.loads(template(task)))
    lines = [
        line
        for line in template(task).split("\n")
        if (match := COMMENTED.match(line)) and match[1].split()[0] not in EXAMPLES
    ]
    assert len(lines) > 15
    text = "\n".join(
        line.removeprefix("# ") if line in lines else line for line in template(task).split("\n")
    )
    shown = parse_study(tomllib.loads(text))
    assert shown == given
    assert text != template(task)


@pytest.mark.parametrize("task", TASKS)
def test_a_template_shows_every_key_but_the_rare_ones(task: Task) -> None:
    shown = set(re.findall(r"^(?:# )?(\w+) =", template(task), re.MULTILINE))
    rare = {
        "groups",
        "time",
        "ordered",
        "gap",
        "weights",
        "positive",
        "missing_marks",
        "rare_below",
        "missing_targets",
        "target_transform",
        "conv",
        "conv_dropout",
        "batch_norm",
        "augment",
        "loss",
        "huber_delta",
        "label_smoothing",
        "class_weight",
        "quantiles",
        "step_every",
        "step_factor",
        "space",
        "test_share",
        "resize",
        "join_validation",
        "margin",
        "threshold",
        "embedding",
        "embedding_from",
        *(
            "delimiter",
            "decimal",
            "thousands",
            "signs",
            "comment",
            "skip_lines",
            "units_row",
            "encoding",
            "sheet",
        ),
    }
    for section in ("study", "data", "network", "training", "search"):
        annotation = Study.model_fields[section].annotation
        model = next(part for part in (annotation, *get_args(annotation)) if hasattr(part, "model_fields"))
        assert set(model.model_fields) - shown <= rare, section


@pytest.mark.parametrize("task", TASKS)
def test_the_choices_that_a_template_names_are_the_choices(task: Task) -> None:
    """In every line that names any of them; filled in from the tables, or written beside what they mean."""
    text, named = template(task), []
    assert not re.search(r"\{\w+\}", text)
    for section in ("study", "data", "network", "training", "search"):
        for line in section_of(text, section):
            key = re.match(r"(?:# )?(\w+) = ", line)
            if key and (choices := choices_of(section, key[1])):
                comment = line.removeprefix("# ").partition("#")[2]
                if len(choices) > NAMED:  # more than a line can name: the page has them
                    assert "docs/statistics.md" in comment
                else:
                    words = re.findall(r"[\w-]+", comment)
                    assert [choice for choice in choices if choice not in words] == [], line
                named.append(key[1])
    choosing = [
        "task",
        "missing",
        "standardize",
        *(["target_transform"] if task == "regression" else []),
        "kind",
        "activation",
        "norm",
        "optimizer",
        "schedule",
        "early_stopping",
        "keep",
        "monitor",
    ]
    assert named == [*choosing, "method", "metric", "rule"]


def section_of(text: str, name: str) -> list[str]:
    return text.partition(f"\n[{name}]\n")[2].partition("\n[")[0].split("\n")


def choices_of(section: str, key: str) -> tuple[str, ...]:
    """What a key takes, where it takes one of several texts."""
    annotation: Any = Study.model_fields[section].annotation
    model = next(part for part in (annotation, *get_args(annotation)) if hasattr(part, "model_fields"))
    field = model.model_fields[key].annotation if key in model.model_fields else None
    return get_args(field) if get_origin(field) is Literal else ()


@pytest.mark.parametrize("task", TASKS)
def test_a_template_standardises_and_stops_early(task: Task) -> None:
    study = parse_study(tomllib.loads(template(task)))
    assert study.data.standardize == ("both" if task == "regression" else "inputs")
    assert (study.training.early_stopping, study.training.keep) == ("inner", "best")
