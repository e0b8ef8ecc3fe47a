"""Shards: trained apart, in any order, killed and run again, they are united to the bytes of a plain run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import shoal
from dots import end_with_the_model
from labels_cases import table, written
from shoal.engine import Planner, Silent, StudyFit, Trainers, _train
from shoal.results import FitRecord
from shoal.search import History, Trial
from shoal.shards import Shard, shard_of
from shoal.study import Study, candidates, load_study
from studies import tiny_study, two_peaks

pytestmark = pytest.mark.usefixtures("dots", "no_report")
QUICK: dict[str, Any] = {
    "training": {"epochs": 3},
    "checks": {"baselines": False},
    "inspect": {"importance": 0},
}
LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
SHORTER = {"study.repeats": 1, "training.epochs": 2, "inspect.history": 0, "checks.baselines": "false"}


def shards_of(study: Any, folder: Path, count: int, **options: Any) -> list[Path]:
    """Train all shards of a study, each in a folder of its own."""
    return [
        shoal.run(
            study, shard=f"{number}/{count}", out=folder / f"shard {number}", workers=1, **options
        ).folder
        for number in range(1, count + 1)
    ]


# -- which fits ----------------------------------------------------------------------------------------------


@given(
    st.sets(st.tuples(st.sampled_from("abc"), st.text("0123456789", min_size=1, max_size=3)), max_size=40),
    st.integers(1, 9),
    st.randoms(),
)
def test_fits_are_dealt_out_whatever_their_order(
    fits: set[tuple[str, str]], count: int, draw: random.Random
) -> None:
    """Each is in one shard; neither a shard nor a shard's part of a candidate is larger than another by two."""
    named = {(candidate, candidate + fit) for candidate, fit in fits}
    shuffled = sorted(named)
    draw.shuffle(shuffled)
    shares = [Shard(number, count).dealt(shuffled) for number in range(1, count + 1)]
    assert shares == [Shard(number, count).dealt(named) for number in range(1, count + 1)]
    assert Counter(fit for share in shares for fit in share) == Counter(fit for _, fit in named)
    for of in ("", "a", "b", "c"):
        sizes = [sum(fit.startswith(of) for fit in share) for share in shares]
        assert max(sizes) - min(sizes) <= 1


def test_a_fit_of_two_candidates_is_trained_once() -> None:
    both = [("b", "one"), ("a", "one"), ("a", "two")]
    for fits in (both, both[::-1]):
        assert [Shard(number, 2).dealt(fits) for number in (1, 2)] == [{"one"}, {"two"}]


@pytest.mark.parametrize(
    "text", ["0/16", "17/16", "3", "a/b", "", "3/16/2", "-1/2", "1/0", "1 / 2", "٣/٤", "1/1000000"]
)
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^expected a number and how many there are, such as 3/16, "
    ) as caught:
        shard_of(text)
    assert str(caught.value).endswith(f"the first from 1 to the second, got {text!r}")
    with pytest.raises(
        shoal.InputError, match=r"^shard: expected a number and how many there are"
    ) as refused:
        shoal.plan("two-peaks", shard=text)
    assert str(refused.value) == f"shard: {caught.value}"


def test_a_shard_that_is_no_text() -> None:
    wrong: Any = 3
    with pytest.raises(shoal.InputError, match=r"^shard: expected a text such as 3/16, got an int$"):
        shoal.run("two-peaks", shard=wrong)
    with pytest.raises(ValueError, match="expected a number from 1 to 2, got 3"):
        Shard(3, 2)


def test_a_shard_trains_its_fits_and_no_others(tmp_path: Path) -> None:
    study = tiny_study(**QUICK, nested={"folds": 2})
    planner = Planner(study, two_peaks(), Trainers().choose)
    early = [
        item.entry for item in (*planner.search_fits(), *planner.comparison_fits(), *planner.nested_fits())
    ]
    trained: list[set[str]] = []
    for number in (1, 2, 3):
        results = shoal.run(study, shard=f"{number}/3", out=tmp_path / str(number), workers=1)
        assert set(results.plan) == set(early)
        assert results.shard is not None
        assert results.summaries.keys() == Shard(number, 3).dealt((e.candidate_id, e.fit_id) for e in early)
        assert (results.shard.trained, results.shard.fits) == (len(results.summaries),) * 2
        assert results.choice is results.delivered_id is None
        trained.append(set(results.summaries))
        planned = shoal.plan(study, shard=f"{number}/3", out=tmp_path / "new")
        assert (planned.fits, planned.known) == (len(results.summaries), 0)
        assert sum(steps for _, _, steps in planned.stages) == planned.steps
        again = shoal.plan(study, shard=f"{number}/3", out=tmp_path / str(number))
        assert (again.fits, again.known) == (0, len(results.summaries))
    assert sum(map(len, trained)) == len(set.union(*trained)) == len({entry.fit_id for entry in early})


# -- one digest ----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Ends a run at once, wherever it is."""


class Killer(Silent):
    """Ends the run when it hears of something for the n-th time; 0: never."""

    def __init__(self, moment: int) -> None:
        self.moment = moment

    def _hear(self, *_: object) -> None:
        self.moment -= 1
        if self.moment == 0:
            raise Killed

    note = begin = progress = finished = _hear


def carried_through(act: Callable[..., shoal.Results], kills: list[int]) -> shoal.Results:
    """Run it, killed at each of these moments in turn, then to its end."""
    for moment in kills:
        try:
            return act(watcher=Killer(moment))
        except Killed:
            continue
    return act()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, dots: None) -> shoal.Results:
    """A plain run of the small study."""
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        return shoal.run(tiny_study(**QUICK), out=tmp_path_factory.mktemp("plain"), workers=1)


@settings(max_examples=300 if LONG else 6)
@given(
    st.integers(1, 20).flatmap(lambda count: st.permutations(range(1, count + 1))),
    st.lists(st.tuples(st.integers(0, 30), st.lists(st.integers(1, 9), max_size=2)), max_size=3),
    st.lists(st.integers(1, 9), max_size=2),
)
@example([2, 1, 3], [(0, [1, 3])], [1, 2, 3, 4])
def test_in_any_order_however_many_and_killed_the_digest_is_that_of_a_plain_run(
    plain: shoal.Results, order: list[int], killed: list[tuple[int, list[int]]], merge_killed: list[int]
) -> None:
    study, kills = tiny_study(**QUICK), {at % len(order): moments for at, moments in killed}
    with TemporaryDirectory(dir=plain.folder.parent) as here:
        folders = []
        for place, number in enumerate(order):

            def act(number: int = number, **options: Any) -> shoal.Results:
                shard = f"{number}/{len(order)}"
                return shoal.run(study, shard=shard, out=Path(here) / str(number), workers=2, **options)

            folders.append(carried_through(act, kills.get(place, [])).folder)
        before = [(folder / "results.sqlite").read_bytes() for folder in folders]
        merged = carried_through(
            lambda **options: shoal.merge(folders, out=Path(here) / "merged", workers=1, **options),
            merge_killed,
        )
        assert (merged.digest, merged.unfinished, merged.shard) == (plain.digest, 0, None)
        assert [(folder / "results.sqlite").read_bytes() for folder in folders] == before
        assert shoal.load(merged.folder).to_bytes() == shoal.load(plain.folder).to_bytes()


KILLER = """
import os, signal, sys
import shoal
from shoal.engine import Silent
from shoal.study import load_study


class Killer(Silent):
    def finished(self, record):
        os.kill(os.getpid(), signal.SIGKILL)


shoal.run(load_study("two-peaks", sys.argv[3:]), shard=sys.argv[1], out=sys.argv[2], watcher=Killer())
"""


def test_sixteen_shards_of_the_published_regression_one_of_them_killed(tmp_path: Path) -> None:
    """That is `two-peaks`, shortened; the process of one shard is killed behind its first fit."""
    changes = [f"{key}={value}" for key, value in SHORTER.items()]
    study = load_study("two-peaks", changes)
    whole = shoal.run(study, out=tmp_path / "whole", workers=1)
    order = np.random.default_rng(7).permutation(range(1, 17)).tolist()
    command = [sys.executable, "-c", KILLER, f"{order[5]}/16", str(tmp_path / str(order[5])), *changes]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    first = shoal.Results.open(tmp_path / str(order[5]))
    assert first.shard is not None
    assert 0 < first.shard.trained < first.shard.fits
    folders = [
        shoal.run(study, shard=f"{number}/16", out=tmp_path / str(number), workers=1).folder
        for number in order
    ]
    lacking = [folder for folder in folders if folder.name not in ("3", "9")]
    with pytest.raises(shoal.RunFolderError) as caught:
        shoal.merge(lacking, out=tmp_path / "merged")
    assert str(caught.value) == (
        "two-peaks: expected all shards, got 14: 3/16 (3 fits) and 9/16 (3 fits) are missing; train what is missing,"
        " or let `shoal run` without --shard do it in the folder of a shard"
    )
    assert not (tmp_path / "merged").exists()
    assert shoal.merge(folders, out=tmp_path / "merged", workers=1).digest == whole.digest


def test_a_plain_run_in_the_folder_of_a_shard_trains_the_rest(plain: shoal.Results, tmp_path: Path) -> None:
    study = tiny_study(**QUICK)
    shoal.run(study, shard="2/3", out=tmp_path, workers=1)
    whole = shoal.run(study, out=tmp_path, workers=1)
    assert (whole.digest, whole.shard) == (plain.digest, None)
    with pytest.raises(shoal.RunFolderError) as caught:
        shoal.run(study, shard="2/3", out=tmp_path, workers=1)
    what = "expected a new folder or that of shard 2/3, got one of a whole run; choose another folder"
    assert str(caught.value) == f"{tmp_path}: {what}"


def test_more_shards_than_fits_are_fine_and_said(plain: shoal.Results, tmp_path: Path) -> None:
    study = tiny_study(**QUICK)
    empty = shoal.run(study, shard="15/15", out=tmp_path / "empty", workers=1)
    assert empty.shard is not None
    assert empty.shard.said == "shard 15/15 of tiny, with 0 of its 0 fits"
    note = (
        "shard 15/15 has no fits, of 14 that are known before any is trained: so many shards are not needed"
    )
    assert shoal.plan(study, shard="15/15", out=tmp_path / "new").notes[0] == note
    folders = shards_of(study, tmp_path, 15)
    assert shoal.merge([*folders[:-1], empty.folder], out=tmp_path / "all", workers=1).digest == plain.digest
    assert shoal.merge(folders[:-1], out=tmp_path / "without", workers=1).digest == plain.digest


# -- every kind of study -------------------------------------------------------------------------------------


def same_when_merged(study: Study, folder: Path, count: int = 3, **options: Any) -> shoal.Results:
    whole = shoal.run(study, out=folder / "whole", workers=1)
    merged = shoal.merge(shards_of(study, folder, count), out=folder / "merged", workers=1, **options)
    assert merged.digest == whole.digest
    assert merged.looks == whole.looks
    return merged


def test_images(tmp_path: Path) -> None:
    """Each worker trains in a process or a thread as it does in a plain run."""
    changes = (
        "study.repeats=1",
        "training.epochs=1",
        "search.folds=2",
        "network.hidden=[8]",
        "inspect.history=0",
    )
    space = 'search.space={"network.dropout"=[0, 0.25]}'
    same_when_merged(load_study("digits", (*changes, "network.conv[0].channels=4", space)), tmp_path, 2)


def test_outer_folds_and_permuted_targets(tmp_path: Path) -> None:
    study = tiny_study(**{**QUICK, "checks": {"baselines": False, "permutations": 2}}, nested={"folds": 2})
    merged = same_when_merged(study, tmp_path)
    assert merged.nested is not None
    assert {entry.stage for entry in merged.plan} == {"search", "compare", "refit", "permuted", "nested"}


def test_several_labels(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "tags.csv", index=False)
    same_when_merged(
        load_study(written(tmp_path), ["training.epochs=2", "checks.baselines=false"]), tmp_path, 2
    )


def test_no_search(tmp_path: Path) -> None:
    same_when_merged(tiny_study(**QUICK, search=None), tmp_path, 2)


def test_later_rounds_of_a_search_are_trained_by_merge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def two_rounds(history: History) -> tuple[Trial, ...]:
        space = tuple(map(Trial, candidates(history.study)))
        return () if len(history.trials) > 2 else space[2:] if history.trials else space[:2]

    monkeypatch.setattr("shoal.engine._fits.next_round", two_rounds)
    monkeypatch.setattr(Planner, "more_rounds", property(lambda _: True))
    notes: list[str] = []

    class Listener(Silent):
        def note(self, line: str) -> None:
            notes.append(line)

    merged = same_when_merged(tiny_study(**QUICK), tmp_path, 2, watcher=Listener())
    assert len(merged.candidates) == 4
    left = "later rounds of the search and the winner's fits"
    assert notes[-1] == f"2 folders of shards with 8 fits; to be trained here: {left}"


def test_fits_that_failed_are_tried_again_by_merge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fails each time stays a row; one that failed in its shard alone is as in a run without any."""
    study, train = tiny_study(**QUICK), _train.train_fit
    calm = shoal.run(study, out=tmp_path / "calm", workers=1)
    odd = [entry.fit_id for entry in calm.plan if entry.stage == "search"][4]

    def fails(fit: StudyFit, *rest: Any) -> FitRecord:
        if fit.id != odd:
            return train(fit, *rest)
        spoilt = train(fit, *rest)
        nothing: Any = {name: {} for name in ("curves", "parameters", "predictions", "scores")}
        return FitRecord(
            **{**vars(spoilt), **nothing, "curves": {"epoch": np.zeros(0)}}
            | {"status": "failed", "message": "no such thing", "epochs": 0, "kept_epoch": 0, "steps": 0}
        )

    monkeypatch.setattr("shoal.engine.workers.threads.train_fit", fails)
    rough = shoal.run(study, out=tmp_path / "rough", workers=1)
    assert rough.summaries[odd].status == "failed"
    folders = shards_of(study, tmp_path, 2)
    assert (
        sum(fit.status == "failed" for f in folders for fit in shoal.Results.open(f).summaries.values()) == 1
    )
    assert shoal.merge(folders, out=tmp_path / "merged", workers=1).digest == rough.digest
    monkeypatch.setattr("shoal.engine.workers.threads.train_fit", train)
    assert shoal.merge(folders, out=tmp_path / "again", workers=1).digest == calm.digest


def test_rows_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    rows = pd.DataFrame({"a": draw.normal(size=60), "b": ["x", "y", "z"] * 20})
    rows["y"] = rows["a"] + (rows["b"] == "x")
    keys: dict[str, Any] = {"target": "y", "name": "weeks", "workers": 1} | QUICK
    whole = shoal.run(rows, out="whole", **keys)
    folders = [shoal.run(rows, shard=f"{number}/2", **keys).folder for number in (1, 2)]
    assert [folder.as_posix() for folder in folders] == ["runs/weeks-shard-1-of-2", "runs/weeks-shard-2-of-2"]
    merged = shoal.merge(folders, train=rows, workers=1)
    assert (merged.digest, merged.folder.as_posix()) == (whole.digest, "runs/weeks")
    with pytest.raises(shoal.DataError) as caught:
        shoal.merge(folders, out="other")
    again = "give them again in Python, shoal.merge(folders, train=...)"
    assert str(caught.value) == f"data.train: expected the rows that were in memory; {again}"
    with pytest.raises(shoal.DataError) as other:
        shoal.merge(folders, out="other", train=rows[::-1])
    assert str(other.value) == "data.train: expected the rows that the shards were trained for, got others"
    assert not os.path.exists("other")
