"""The benchmarks that predict and measure drawn studies run: what they measure follows the pipeline's own steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shoal.engine.trainers.native_core import native_available
from shoal.kinds import LOSSES

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(("name", "number"), [("memory", 34), ("forecast", 24)])
def test_one_drawn_study(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    module = pytest.importorskip(f"benchmarks.{name}")
    found = module.compare(number)
    measured = found["measured"] if name == "memory" else found["measured"]["wall"]
    assert tuple(measured) == module.PHASES
    assert all(np.isfinite(value) and value > 0 for phase, value in measured.items() if phase != "ensemble")


def test_every_kind_beside_its_plain_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    kinds = pytest.importorskip("benchmarks.kinds")
    if not native_available():
        pytest.skip("the native core is not built on this machine")
    assert {own.loss for own in (*kinds.OF_VALUES, kinds.PLAIN_CLASSES, kinds.PLAIN_LABELS)} | {"mse"} == {
        name for name, loss in LOSSES.items() if loss.core is not None
    }
    monkeypatch.setattr(kinds, "ROWS", 100)
    monkeypatch.setattr(kinds, "SHAPES", kinds.SHAPES[-1:])
    cells = [line.split(" | ") for line in (*kinds.losses(2, 1e-4), *kinds.embeddings(2, 1e-4)) if line]
    assert len(cells) == 2 + len(kinds.PAIRS) + 2 + 2 + len(kinds.EMBEDDED)
    assert kinds.verdict([1.2, 1.2], [1.0, 1.0]) == "1.2 (1.2 to 1.2) above 1.15"
    assert kinds.verdict([1.1, 1.1], [1.0, 1.0]) == "1.1 (1.1 to 1.1)"
