"""Engine tests look at results, not at pictures: drawing has its own tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.pipeline.write_report", lambda *_: None)
