"""Garbage in the test rows of files changes nothing that is trained, chosen or delivered; or is refused by its place.

Whole studies of drawn tables, from the file to the model file (`poison_tables.py` draws them). Files of the test rows
differ, so that the names of tested fits do: fits are compared by their place in the plan.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from poison_tables import FAULTS, FAULTS_OF_ROWS, Case
from test_poison import LEFT_OUT, untested
from torture_runs import FIRST, LONG

from shoal.errors import InputError, TrainingError
from shoal.pipeline import run
from shoal.planning import plan
from shoal.results import Store
from shoal.study import Study


def finished(study: Study, folder: Path) -> str:
    """Run a study without a report; where nothing is delivered, give the sentence that says so."""
    with ExitStack() as patches:
        for name in ("write_report", *(() if LONG else LEFT_OUT)):
            patches.enter_context(patch(f"shoal.pipeline.{name}", lambda *_: None))
        try:
            run(study, out=folder, workers=1)
        except TrainingError as error:
            return str(error)
    return ""


def left(folder: Path) -> dict[str, Any]:
    """Give all that a run left and test rows must not change: the choice, every fit, the model file's content."""
    with Store.open_readonly(folder) as store:
        planned = store.plan()
        facts = {
            name: store.fact(name) for name in ("choice", "preprocessing", "categorical inputs", "dates")
        }
        places = [{**vars(entry), "fit_id": ""} for entry in planned]
        fits = [{**untested(store.record(entry.fit_id)), "fit_id": ""} for entry in planned]
        searched = [entry.fit_id for entry in planned if entry.stage in ("search", "nested")]
    return {**facts, "places": places, "fits": fits, "searched": searched, "model": delivered(folder)}


def delivered(folder: Path) -> tuple[dict[str, Any], bytes]:
    """Give what a model file says and its arrays' bytes, less its test scores and its names of content."""
    path = folder / "model.safetensors"
    if not path.exists():
        return {}, b""
    raw = path.read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:end])
    said = header.pop("__metadata__")
    fit = {**json.loads(said["fit"]), "id": ""}
    return {"arrays": header, **said, "fit": fit, "scores": "", "sha256": ""}, raw[end:]


def scores_of_tests(folder: Path) -> str:
    """Give the test scores of every fit."""
    with Store.open_readonly(folder) as store:
        return repr([store.record(entry.fit_id).scores.get("test") for entry in store.plan()])


def outcome(case: Case) -> str:
    """Run a case with clean and with spoilt test rows, hold the two against each other, and say how it ended."""
    with TemporaryDirectory() as name:
        homes = [Path(name) / "clean", Path(name) / "spoilt"]
        studies = [case.study(homes[0], case.cells), case.study(homes[1], case.poisoned())]
        failure = finished(studies[0], homes[0] / "run")
        with suppress(InputError):
            assert finished(studies[1], homes[1] / "run") == failure
            assert not case.fault, f"expected a refusal, got none ({case.fault})"
            assert left(homes[0] / "run") == left(homes[1] / "run")
            if failure:
                return "failed"
            scores = {scores_of_tests(home / "run") for home in homes}
            return "other scores" if len(scores) == 2 else "equal scores"
        assert not (homes[1] / "run").exists()
        refuse_by_place(case, studies[1])
        return "refused"


def refuse_by_place(case: Case, study: Study) -> None:
    """See that a study's rows are refused, and that every sentence says that it speaks of test rows."""
    with pytest.raises(InputError) as caught:
        plan(study)
    assert all(case.names_test_rows(str(problem)) for problem in caught.value.problems), str(caught.value)


def test_garbage_in_files_of_test_rows_changes_nothing_that_is_trained_or_chosen() -> None:
    ends: Counter[str] = Counter()
    for number in range(FIRST, FIRST + (500 if LONG else 3)):
        try:
            ends[outcome(Case(number))] += 1
        except Exception as error:
            error.add_note(f"case {number}")
            raise
    print(f"garbage in test rows of {ends.total()} drawn studies: {dict(ends)}")
    assert ends["other scores"] > ends.total() / 2  # it reaches what it may
    assert ends["equal scores"] == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_refused_in_test_rows_is_refused_by_their_place(fault: str) -> None:
    drawn, own_file = 3, 4
    for number in (drawn, own_file) if fault in FAULTS_OF_ROWS else (own_file,):
        case = Case(number)
        case.fault = fault
        with TemporaryDirectory() as name:
            refuse_by_place(case, case.study(Path(name) / "spoilt", case.poisoned()))
