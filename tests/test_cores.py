"""Work that is spread over cores: what is made is what one thread makes, in order, and the first refusal is raised."""

from __future__ import annotations

import threading

import pytest

from shoal import cores
from shoal.cores import MANY, spread


@pytest.mark.parametrize("rows", [1, MANY])
@pytest.mark.parametrize("count", [1, 4])
def test_everything_is_made_in_order(monkeypatch: pytest.MonkeyPatch, rows: int, count: int) -> None:
    monkeypatch.setattr(cores, "core_count", lambda: count)
    threads = set[int]()

    def square(number: int) -> int:
        threads.add(threading.get_ident())
        return number * number

    assert spread(square, range(20), rows) == [number * number for number in range(20)]
    assert (threads == {threading.get_ident()}) == (rows < MANY or count == 1)
    assert spread(square, [], rows) == []


@pytest.mark.parametrize("rows", [1, MANY])
def test_the_first_refusal_is_raised(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr(cores, "core_count", lambda: 4)

    def refuse(number: int) -> int:
        if number > 2:
            raise ValueError(str(number))
        return number

    with pytest.raises(ValueError, match=r"^3$"):
        spread(refuse, range(9), rows)


def test_the_cores_are_counted() -> None:
    assert cores.core_count() >= 1
