"""Engine tests look at results, not at pictures: drawing has its own tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def no_pictures() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shoal.pipeline.write_report", lambda *_: None)
        yield
