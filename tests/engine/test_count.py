"""Studies of very many fits: refused before one is laid out, or laid out without anything done twice."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoal.engine import Planner, Trainers
from shoal.engine._count import MOST_FITS, refuse_too_many
from shoal.engine._plan import make_plan
from shoal.engine.forecast.steps import StepTimes
from shoal.errors import StudyError
from shoal.study import Study
from studies import drawing_of, tiny_study, two_peaks

pytest.importorskip("torch")
CONVENIENT = Trainers("torch").choose


def planner(study: Study) -> Planner:
    return Planner(study, two_peaks(), CONVENIENT)


def refusal(**changes: Any) -> str:
    with pytest.raises(StudyError) as caught:
        planner(tiny_study(**changes))
    return str(caught.value)


def test_too_many_fits_are_refused_by_the_key_that_asks_for_most() -> None:
    most = "expected at most 1,000,000 fits in all, got"
    assert refusal(study={"repeats": 10**8}, compare=[]) == (
        f"study.repeats: {most} 200,000,012; a smaller study.repeats asks for fewer"
    )
    assert refusal(search={"repeats": 10**7}, study={"repeats": 1}, compare=[]) == (
        f"search.repeats: {most} 120,000,002; a smaller search.repeats asks for fewer"
    )
    folds = {"kind": "repeated", "n": 10, "times": 10**6}
    assert refusal(search={"folds": folds}).startswith(f"search.folds: {most} 40,000,0")
    drawn = {"training.lr": {"low": 1e-5, "high": 1.0, "log": True}}
    search = {"method": "random", "samples": 2000, "folds": 600, "space": drawn}
    assert refusal(search=search).startswith(f"search.samples: {most} 1,200,0")


@given(st.integers(1, 10**6), st.integers(2, 100), st.integers(1, 100), st.integers(1, 10**7), st.booleans())
def test_what_is_refused_is_what_would_be_laid_out(
    candidates: int, folds: int, repeats: int, last: int, searched: bool
) -> None:
    study = tiny_study(study={"repeats": last}, search={"repeats": repeats}, compare=[])
    if not searched:
        study = study.model_copy(update={"search": None})
    fits = candidates * folds * repeats * searched + 2 * last
    if fits <= MOST_FITS:
        refuse_too_many(study, candidates, folds)
    else:
        with pytest.raises(StudyError, match=f"got {fits:,};"):
            refuse_too_many(study, candidates, folds)


def test_the_count_is_that_of_the_plan() -> None:
    study = tiny_study(study={"repeats": 3}, search={"repeats": 2})
    laid = planner(study)
    fits = len(laid.search_fits()) + len(laid.comparison_fits()) + len(laid.likely_winner)
    assert fits == 4 * 3 * 2 + (len(study.compare) + 2) * 3


def test_rows_of_a_repeat_are_drawn_once() -> None:
    laid = planner(tiny_study(study={"repeats": 3}, training={"early_stopping": "inner"}))
    fits = [
        item.fit for item in (*laid.comparison_fits(), *laid.likely_winner) if item.entry.stage == "compare"
    ]
    for repeat in range(3):
        same = [fit for fit in fits if fit.repeat == repeat]
        assert len({id(fit.split) for fit in same}) == len({id(fit.rows.inner) for fit in same}) == 1
    assert len({id(fit.split) for fit in fits}) == 3


def test_an_id_is_the_digest_of_all_that_its_bytes_depend_on() -> None:
    """As it was from the first version on: one JSON text of it all."""
    study = tiny_study(training={"early_stopping": "inner"})
    for item in planner(study).comparison_fits():
        fit, data = item.fit, two_peaks()
        rows = (
            hashlib.sha256(np.asarray(part, "<i8").tobytes()).hexdigest()
            for part in (fit.split.train, fit.split.validation, fit.rows.inner)
        )
        content = {
            "candidate": fit.candidate.content,
            "task": study.study.task,
            "standardize": study.data.standardize,
            "data": [data.train_fingerprint, data.test_fingerprint],
            "rows": list(rows),
            "streams": [study.study.seed, fit.split.stream, fit.repeat],
            "trainer": CONVENIENT(fit.job).versions["table"],
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        assert fit.id == hashlib.sha256(text.encode()).hexdigest()


def test_the_costliest_candidate_has_the_most_work_of_all() -> None:
    space = {"network.hidden[0]": [4, 400, 9], "training.batch_size": [10, 20]}
    laid = planner(tiny_study(search={"space": space}))
    work = {}
    for candidate in laid.candidates:
        fit = laid.comparison_fits([("", candidate)])[0].fit
        work[candidate.id] = fit.steps * fit.job.architecture.flops_per_row
    assert work[laid.costliest().id] == max(work.values())
    assert laid.costliest().network.hidden[0] == 400
    assert laid.costliest().training.batch_size == 10


def test_steps_are_measured_for_a_while_and_then_told_by_the_nearest() -> None:
    times = StepTimes(0.0)
    asked: list[str] = []

    def measure(name: str, seconds: float) -> float:
        asked.append(name)
        return seconds

    assert times.of("a", 100.0, lambda: measure("a", 2.0)) == 2.0  # one is measured in any case
    assert times.of("b", 300.0, lambda: measure("b", 9.0)) == 6.0
    assert times.of("a", 100.0, lambda: measure("a", 5.0)) == 2.0
    assert asked == ["a"]
    long = StepTimes(1e9)
    for name, work in (("a", 100.0), ("b", 1000.0)):
        long.of(name, work, lambda work=work: work / 50)  # type: ignore[misc]
    long._seconds_left = 0.0
    assert long.of("c", 200.0, lambda: 0.0) == pytest.approx(4.0)
    assert long.of("d", 5000.0, lambda: 0.0) == pytest.approx(100.0)


def test_a_plan_of_very_many_candidates_measures_few_shapes() -> None:
    from shoal.engine import Circumstances

    trainers = Trainers("torch")
    space = {"network.hidden[0]": {"low": 1, "high": 5000, "integer": True}}
    search = {"method": "random", "samples": 500, "folds": 2, "space": space}
    laid = Planner(tiny_study(search=search, compare=[]), two_peaks(), trainers.choose)
    plan = make_plan(laid, Circumstances(trainers.by_name, 2, drawing_of(laid)))
    assert (plan.candidates, plan.fits) == (500, 500 * 2 + 2)
