"""Work that is spread over cores: what is made is what one thread makes, in order, and the first refusal is raised."""

from __future__ import annotations

import threading
import time
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_this_thread_works_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "core_count", lambda: 3)
    meeting = threading.Barrier(3)

    def meet(_: int) -> int:
        meeting.wait(timeout=60)  # which no fewer than three threads pass
        return threading.get_ident()

    threads = set(spread(meet, range(3), MANY))
    assert len(threads) == 3
    assert threading.get_ident() in threads


@given(wrong=st.sets(st.integers(0, 30)), count=st.integers(1, 4))
def test_the_refusal_is_that_of_the_first_item_whoever_works(wrong: set[int], count: int) -> None:
    def work(number: int) -> int:
        if number in wrong:
            raise ValueError(number)
        return number

    with patch.object(cores, "core_count", lambda: count):
        try:
            made: object = spread(work, range(31), MANY)
        except ValueError as error:
            made = error.args[0]
    assert made == (min(wrong) if wrong else list(range(31)))


def test_an_interrupt_ends_the_work_of_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "core_count", lambda: 2)
    here, done = threading.get_ident(), list[int]()

    def work(number: int) -> None:
        if threading.get_ident() == here:
            raise KeyboardInterrupt
        time.sleep(0.001)
        done.append(number)

    with pytest.raises(KeyboardInterrupt):
        spread(work, range(100_000), MANY)
    assert len(done) < 100_000
    assert threading.active_count() == 1
