"""Quality: test errors of the native and of the torch trainer over 20 repeats of the published Adam row."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.pairs import number
from benchmarks.record import table

REPEATS = 20


def _errors(trainer: str, epochs: int) -> NDArray[np.float64]:
    import shoal
    from shoal.study import parse_study

    study = parse_study(
        {
            "study": {"name": "quality", "task": "regression", "repeats": REPEATS},
            "data": {"dataset": "two-peaks"},
            "network": {"hidden": [100, 80], "activation": "sigmoid"},
            "training": {"optimizer": "adam", "lr": 1e-3, "batch_size": 25, "epochs": epochs},
            "compare": [{"name": "Adam"}, {"name": "dropout", "network": {"dropout": 0.25}}],
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        fits = shoal.run(study, out=Path(folder) / "run", trainer=trainer).fits  # type: ignore[arg-type]
    rows = fits[(fits["stage"] == "compare") & (fits["label"] != "winner")].sort_values(["label", "repeat"])
    return np.array(rows["test_mse"], dtype=np.float64).reshape(2, REPEATS)


def quality(_pairs: int, quick: bool) -> list[str]:
    """Train the same 40 fits with both trainers and test whether their errors can be told apart."""
    from scipy.stats import ks_2samp, mannwhitneyu

    epochs = 50 if quick else 2500
    native_2R, torch_2R = _errors("native", epochs), _errors("torch", epochs)
    rows = []
    for label, native_R, torch_R in zip(("Adam", "Adam, dropout 0.25"), native_2R, torch_2R, strict=True):
        rows.append(
            [
                label,
                *(f"{np.median(r):.4f} ({r.min():.4f} to {r.max():.4f})" for r in (native_R, torch_R)),
                number(float(ks_2samp(native_R, torch_R).pvalue)),
                number(float(mannwhitneyu(native_R, torch_R).pvalue)),
                f"{np.abs(native_R - torch_R).max():.2g}",
            ]
        )
    head = ["test MSE over 20 repeats", "native: median (range)", "torch: median (range)"]
    head += ["Kolmogorov-Smirnov p", "Mann-Whitney p", "largest difference of a pair"]
    return [
        f"1-100-80-1, sigmoid, batch 25, {epochs:,} epochs, on the built-in two-peaks. Both trainers draw the same",
        "streams, so that repeats are pairs; a small p would tell the two distributions apart.",
        "",
        *table(head, rows),
    ]
