"""The built-in study of images, shortened: it learns, and its bytes know neither workers nor interruptions."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from dots import end_with_the_model
from shoal.engine import Silent
from shoal.errors import Interrupted
from shoal.pipeline import run
from shoal.planning import plan
from shoal.study import Study, load_study

SHORT = (
    "study.repeats=1",
    "training.epochs=6",
    "training.batch_size=32",
    "search.folds=2",
    "network.hidden=[16]",
    "checks.baselines=false",
    "inspect.history=0",
    'search.space={"network.dropout"=[0, 0.25]}',
)


pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("digits", SHORT)


@pytest.fixture(scope="module")
def whole(study: Study, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of an undisturbed run on one worker, which must have learned to read."""
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        results = run(study, out=tmp_path_factory.mktemp("whole"), workers=1)
    assert results.refit["test_accuracy"].min() > 0.85
    return results.digest


def test_two_workers_give_the_same_digest(study: Study, whole: str, tmp_path: Path) -> None:
    assert run(study, out=tmp_path, workers=2).digest == whole


class Interrupter(Silent):
    """Presses Ctrl-C, once, when some fit has come half-way."""

    pressed = False

    def progress(self, fit_id: str, share: float) -> None:
        if share >= 0.5 and not self.pressed:
            self.pressed = True
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_run_goes_on_to_the_same_digest(study: Study, whole: str, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(study, out=tmp_path, workers=2, watcher=Interrupter())
    assert run(study, out=tmp_path, workers=1).digest == whole


def test_the_plan_says_how_large_the_images_are(study: Study) -> None:
    told = "1,438 training rows, 359 test rows, images of 8 × 8 pixels, 1 channel, 10 classes"
    assert plan(study).data == told
