"""Engine tests look at results: pictures, and whether test rows can be told from others, have tests of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def no_pictures() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoal.pipeline.write_report", lambda *_: None)
        patch.setattr("shoal.pipeline.drift_of_rows", lambda _: "")  # a third of a tiny run's time
        yield
