"""Names of categories that have an order, and those that have none."""

from __future__ import annotations

import pytest

from shoal.data import order_of

ORDERS = [
    ("S M L XL", "S M L XL"),
    ("large medium small", "small medium large"),
    ("HIGH Low medium", "Low medium HIGH"),
    ("very_poor good fair poor very-good", "very_poor poor fair good very-good"),
    ("25-34 18-24 45+ 35-44", "18-24 25-34 35-44 45+"),
    ("10-20k <10k >50k 20-50k", "<10k 10-20k 20-50k >50k"),
    ("3-high 1-low 2-mid", "1-low 2-mid 3-high"),
    ("0-39g 120+ 40-79 80-119", "0-39g 40-79 80-119 120+"),
    ("red green blue", ""),
    ("1 2 3", ""),
    ("low high", ""),
    ("low high red", ""),
    ("2021-Q1 2021-Q2 2022-Q1", ""),
    ("small s large", ""),
    (" ".join(f"{number}a" for number in range(13)), ""),
]


@pytest.mark.parametrize(("texts", "order"), ORDERS)
def test_the_order_of_texts(texts: str, order: str) -> None:
    assert order_of(texts.split()) == tuple(order.split())
    assert order_of(texts.split()[::-1]) == tuple(order.split())
