"""Engine tests look at results: pictures, and whether test rows can be told from others, have tests of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dots import end_with_the_model


@pytest.fixture(scope="module", autouse=True)
def no_pictures() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        yield
