"""What every version of Shoal wrote must load for ever: model files with their answers, and run folders.

`run.digest` of 0.1.0 is the digest of the kept run as it is defined since format 2 of the store; what that version
itself printed spoke of sentences, scores and p-values too.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shoal
from assets.keep import KINDS, given
from shoal.look import results_text
from shoal.predict import predict_file
from shoal.results import Results

ASSETS = Path(__file__).parent / "assets"
VERSIONS = sorted(path.parent for path in ASSETS.glob("*/answers.json"))
ANSWERS = {
    version: json.loads((version / "answers.json").read_text(encoding="utf-8")) for version in VERSIONS
}
MODELS = [
    pytest.param(version, name, id=f"{version.name} {name}")
    for version, answers in ANSWERS.items()
    for name in answers
]
RUNS = [
    pytest.param(path.parent, id=f"{path.parent.parent.name} {path.parent.name}")
    for path in sorted(ASSETS.glob("*/*/results.sqlite"))
]


@pytest.fixture
def run(kept: Path, tmp_path: Path) -> Path:
    """A copy, since SQLite lays files beside a store that it reads."""
    return Path(shutil.copytree(kept, tmp_path / "run"))


def model_file(version: Path, name: str) -> Path:
    """A model file by itself, or that of a run folder."""
    alone = version / f"{name}.safetensors"
    return alone if alone.exists() else version / name / "model.safetensors"


def test_a_version_is_kept_and_every_kind_of_study() -> None:
    assert VERSIONS[0].name == "0.1.0"
    assert set(KINDS) <= {name for answers in ANSWERS.values() for name in (*answers, "run")}
    assert {"run", "multilabel", "threshold", "embedding"} <= {run.values[0].name for run in RUNS}


@pytest.mark.parametrize(("version", "name"), MODELS)
def test_a_kept_model_loads_and_answers_as_it_did(version: Path, name: str) -> None:
    path = model_file(version, name)
    model = shoal.load(path)
    assert model.to_bytes() == path.read_bytes()
    kept = ANSWERS[version][name]
    answers = model.answer(model.inputs(given(kept["rows"])))
    # Another processor or torch may round the last bits of float32 sums otherwise.
    np.testing.assert_allclose(answers, np.array(kept["answers"]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kept", RUNS)
def test_a_kept_run_folder_opens_whole(kept: Path, run: Path) -> None:
    results = Results.open(run)
    assert results.digest == kept.with_suffix(".digest").read_text(encoding="utf-8").strip()
    assert results.unfinished == 0
    assert len(results.candidates) == 2
    assert "search: 2 candidates by selection score" in results_text(results)
    for stage in ("search", "compare", "refit"):
        assert len(results.predictions_of(stage)) > 0


@pytest.mark.parametrize("kept", RUNS)
def test_a_kept_run_says_what_its_model_does(kept: Path, run: Path) -> None:
    """The threshold follows from the store and stands in the model file; so does what is said of a target."""
    results, model = Results.open(run), shoal.load(run)
    assert results.decision == model.decision
    assert (model.decision is not None) == (kept.name == "threshold")
    assert results.truth.task == model.facts.task == ("multilabel" if model.labelled else model.facts.task)
    said = results.said(str(results.delivered_id))
    assert said == model.preprocessing.distribution
    assert (said is not None) == (kept.name in ("quantile", "gaussian"))
    assert bool(model.architecture.code_rows) == (kept.name == "embedding")
    assert bool(results.inside and results.inside.frames) == (kept.name == "history")
    weighed = (
        [fold.held_out.weights is not None for fold in model.calibration.folds] if model.calibration else []
    )
    assert set(weighed) <= {kept.name == "weights"}


@pytest.mark.parametrize("kept", RUNS)
def test_a_kept_run_folder_predicts_with_its_spread(run: Path, tmp_path: Path) -> None:
    model, rows = shoal.load(run), tmp_path / "rows.csv"
    cells = {
        name: ["town 1", "town 2"] if name in model.categorical else [0.25, 0.5] for name in model.input_names
    }
    pd.DataFrame(cells).to_csv(rows, index=False)
    predictions = predict_file(run, rows)
    names = model.targets if not model.classes else model.targets[:1]
    assert predictions.names[:2] == ("row", f"predicted_{names[0]}")
    assert sum(name.startswith("ensemble_mean_") for name in predictions.names) == len(model.classes or names)
    assert {len(column) for column in predictions.columns} == {2}
