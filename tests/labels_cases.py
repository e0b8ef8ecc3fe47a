"""A table of several labels, and studies of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LABELS = ["sport", "music", "rare"]
ASKED = ["roc_auc", "average_precision", "f1_samples", "jaccard_micro", "recall_weighted", "precision_macro"]


def table(rows: int = 260) -> pd.DataFrame:
    draw = np.random.default_rng(7)
    x_ND = draw.normal(size=(rows, 3))
    logit_NK = x_ND @ draw.normal(size=(3, 3)) + np.array([0.0, 0.5, -1.8])
    y_NK = draw.random((rows, 3)) < 1 / (1 + np.exp(-2 * logit_NK))
    columns = {"u": x_ND[:, 0], "v": x_ND[:, 1], "w": x_ND[:, 2], "place": draw.choice(["hill", "sea"], rows)}
    return pd.DataFrame({**columns, **{name: y_NK[:, k].astype(int) for k, name in enumerate(LABELS)}})


def study(**changes: Any) -> dict[str, Any]:
    return {
        "name": "tags",
        "task": "multilabel",
        "target": LABELS,
        "data": {"standardize": "inputs"},
        "network": {"hidden": [6]},
        "training": {"epochs": 12, "lr": 0.02},
        "compare": [{"name": "balanced", "training": {"class_weight": "balanced"}}],
        "search": {
            "folds": 3,
            "metric": "f1_macro",
            "scores": ASKED,
            "space": {"training.lr": [0.001, 0.02]},
        },
        **changes,
    }


def written(folder: Path) -> Path:
    file = folder / "study.toml"
    file.write_text(
        f"""
[study]
name = "tags"
task = "multilabel"
[data]
train = "{(folder / "tags.csv").as_posix()}"
target = ["sport", "music", "rare"]
standardize = "inputs"
[network]
hidden = [6]
[training]
epochs = 12
lr = 0.02
[[compare]]
name = "balanced"
training = {{ class_weight = "balanced" }}
[search]
folds = 3
metric = "f1_macro"
scores = {ASKED!r}
[search.space]
"training.lr" = [0.001, 0.02]
""",
        encoding="utf-8",
    )
    return file
