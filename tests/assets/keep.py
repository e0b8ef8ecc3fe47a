"""Keep what a version of Shoal writes, so that later versions can be held to reading it.

    python tests/assets/keep.py FOLDER

FOLDER, named after the version, gets three model files with rows and the answers for them, and a run folder.
Run it once, before a release; what is kept is never made again.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import shoal
from studies import tiny_study
from test_model import image_study, table, table_study

MACHINE = {"date": "2026-01-01T00:00:00+00:00", "platform": "kept", "versions": {"shoal": shoal.__version__}}
RUN = {
    "study": {"name": "kept"},
    "compare": [{"name": "base"}],
    "network": {"hidden": [3]},
    "training": {"epochs": 4},
    "search": {"folds": 2, "space": {"network.hidden[0]": [2, 3]}},
}


def keep(folder: Path) -> None:
    """Write the models, `answers.json` and `run`."""
    folder.mkdir()
    answers: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as work:
        studies = {
            "regression": table_study(Path(work), "regression"),
            "classification": table_study(Path(work), "classification"),
            "images": image_study(Path(work)),
        }
        for name, study in studies.items():
            shoal.run(study, out=Path(work) / name, workers=1)
            shutil.copy(Path(work) / name / "model.safetensors", folder / f"{name}.safetensors")
            rows = _rows(Path(work), name)
            model = shoal.load(folder / f"{name}.safetensors")
            answers[name] = {"rows": rows, "answers": model.answer(model.inputs(given(rows))).tolist()}
    (folder / "answers.json").write_text(json.dumps(answers) + "\n", encoding="utf-8")
    results = shoal.run(tiny_study(**RUN), out=folder / "run", workers=1)
    (folder / "digest.txt").write_text(results.digest + "\n", encoding="utf-8")


def given(rows: Any) -> Any:
    """Rows as `predict` takes them: columns by name, or images."""
    return rows if isinstance(rows, dict) else np.array(rows, dtype=np.uint8)


def _rows(work: Path, name: str) -> Any:
    if name == "images":
        return np.load(work / "i.npz")["test_images"][:3].tolist()
    return {column: table()[column].iloc[40:46].tolist() for column in ("x", "colour", "z")}


if __name__ == "__main__":
    with (
        patch("shoal.pipeline.write_report", lambda *_: None),
        patch("shoal.pipeline.environment", lambda trainers: MACHINE),
    ):
        keep(Path(sys.argv[1]))
