"""What every version of Shoal wrote must load for ever: model files with their answers, and run folders.

`digest.txt` is the digest of the kept run as it is defined since format 2 of the store; what 0.1.0 itself printed
spoke of sentences, scores and p-values too.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import shoal
from assets.keep import given
from shoal.look import results_text
from shoal.predict import predict_file
from shoal.results import Results

ASSETS = Path(__file__).parent / "assets"
VERSIONS = sorted(path for path in ASSETS.iterdir() if path.is_dir() and (path / "answers.json").exists())
MODELS = [
    pytest.param(version, name, id=f"{version.name} {name}")
    for version in VERSIONS
    for name in ("regression", "classification", "images")
]


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy, since SQLite lays files beside a store that it reads."""
    return Path(shutil.copytree(request.param / "run", tmp_path / "run"))


def test_a_version_is_kept() -> None:
    assert "0.1.0" in [version.name for version in VERSIONS]


@pytest.mark.parametrize(("version", "name"), MODELS)
def test_a_kept_model_loads_and_answers_as_it_did(version: Path, name: str) -> None:
    path = version / f"{name}.safetensors"
    model = shoal.load(path)
    assert model.to_bytes() == path.read_bytes()
    kept = json.loads((version / "answers.json").read_text(encoding="utf-8"))[name]
    answers = model.answer(model.inputs(given(kept["rows"])))
    # Another processor or torch may round the last bits of float32 sums otherwise.
    np.testing.assert_allclose(answers, np.array(kept["answers"]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("run", VERSIONS, indirect=True, ids=lambda path: path.name)
def test_a_kept_run_folder_opens_whole(run: Path, request: pytest.FixtureRequest) -> None:
    version = next(path for path in VERSIONS if path.name in request.node.name)
    results = Results.open(run)
    assert results.digest == (version / "digest.txt").read_text(encoding="utf-8").strip()
    assert results.unfinished == 0
    assert len(results.candidates) == 2
    assert "search: 2 candidates by selection score" in results_text(results)
    for stage in ("search", "compare", "refit"):
        assert len(results.predictions_of(stage)) > 0


@pytest.mark.parametrize("run", VERSIONS, indirect=True, ids=lambda path: path.name)
def test_a_kept_run_folder_predicts_with_its_spread(run: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("input\n0.25\n0.5\n", encoding="utf-8")
    predictions = predict_file(run, rows)
    assert predictions.names == ("row", "predicted_label", "ensemble_mean_label", "ensemble_std_label")
    assert len(predictions.columns[0]) == 2
