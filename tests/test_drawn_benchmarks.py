"""The benchmarks that predict and measure drawn studies run: what they measure follows the pipeline's own steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(("name", "number"), [("memory", 6), ("forecast", 6)])
def test_one_drawn_study(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    module = pytest.importorskip(f"benchmarks.{name}")
    found = module.compare(number)
    measured = found["measured"] if name == "memory" else found["measured"]["wall"]
    assert tuple(measured) == module.PHASES
    assert all(np.isfinite(value) and value > 0 for phase, value in measured.items() if phase != "ensemble")
