"""Which columns go along with each other: by scipy's numbers, by what must hold, and which are put together."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.data import Column, grouped_columns
from shoal.data._association import APART, associations

ROWS = 400
DRAW = np.random.default_rng(2)
A, B, NOISE = DRAW.normal(size=(3, ROWS))
KIND = np.where(A > 0.5, "high", np.where(A > -0.5, "middle", "low")).astype(object)
OTHER = DRAW.choice(np.array(["p", "q", "r"], object), ROWS)
EVERY = np.arange(ROWS)
MOST = 20


def test_numbers_by_spearman_with_ties_and_sign_left_out() -> None:
    from scipy.stats import spearmanr

    tied = np.round(B)
    columns = (Column("a", A), Column("b", -np.exp(A + B)), Column("tied", tied))
    wanted = np.abs(spearmanr(np.stack([A, -np.exp(A + B), tied], axis=1)).statistic)
    np.testing.assert_allclose(associations(columns, EVERY), wanted, atol=1e-12)


def test_categories_by_corrected_cramers_v() -> None:
    from scipy.stats import chi2_contingency, contingency

    codes = [np.unique(values.astype(str), return_inverse=True)[1] for values in (KIND, OTHER)]
    table = contingency.crosstab(*codes).count
    phi = chi2_contingency(table, correction=False).statistic / ROWS
    (r, c), n = table.shape, ROWS
    phi = max(0.0, phi - (r - 1) * (c - 1) / (n - 1))
    wanted = np.sqrt(phi / (min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1))
    result = associations((Column("k", KIND), Column("o", OTHER)), EVERY)
    assert result[0, 1] == pytest.approx(wanted, abs=1e-12)
    same = associations((Column("k", KIND), Column("again", KIND.copy())), EVERY)
    assert same[0, 1] == pytest.approx(1)


def test_categories_and_numbers_by_adjusted_variance_between_ranks() -> None:
    from scipy.stats import rankdata

    ranks = rankdata(A)
    between = sum(
        (level == KIND).sum() * (ranks[level == KIND].mean() - ranks.mean()) ** 2 for level in set(KIND)
    )
    share = between / ((ranks - ranks.mean()) ** 2).sum()
    wanted = np.sqrt(1 - (1 - share) * (ROWS - 1) / (ROWS - 3))
    result = associations((Column("a", A), Column("k", KIND), Column("noise", NOISE)), EVERY)
    assert result[0, 1] == pytest.approx(wanted)
    assert result[1, 0] == result[0, 1]
    assert result[1, 2] < 0.2


def test_constants_and_identifiers_go_along_with_nothing() -> None:
    names = np.array([f"n{n}" for n in range(ROWS)], object)
    columns = (
        Column("a", A),
        Column("one", np.ones(ROWS)),
        Column("names", names),
        Column("none", np.full(ROWS, np.nan)),
    )
    result = associations(columns, EVERY)
    np.testing.assert_array_equal(result, np.eye(4))


def test_missing_cells_stand_in_the_middle_and_an_order_is_one_of_places() -> None:
    order = ("low", "middle", "high")
    ordered = Column("o", KIND, "ordered", order=order)
    place = Column("p", np.array([float(order.index(text)) for text in KIND]))
    gaps = Column("g", np.where(DRAW.random(ROWS) < 0.2, np.nan, A), impute=True)
    result = associations((ordered, place, gaps), EVERY)
    assert result[0, 1] == pytest.approx(1)
    assert 0.5 < result[0, 2] < 1


def test_columns_are_grouped_whatever_their_order_and_test_rows_do_not_count() -> None:
    twin, third = A + 0.1 * B, A - 0.1 * NOISE
    columns = (
        Column("a", A),
        Column("b", B),
        Column("twin", twin),
        Column("noise", NOISE),
        Column("third", third),
    )
    assert grouped_columns(columns, EVERY, MOST) == ((0, 2, 4),)
    assert grouped_columns(columns[::-1], EVERY, MOST) == ((0, 2, 4),)
    assert grouped_columns(columns[:2], EVERY, MOST) == ()
    assert grouped_columns(columns[:1], EVERY, MOST) == ()
    loud = Column("b", np.where(EVERY < 200, B, 50 * A))
    assert grouped_columns((Column("a", A), loud), EVERY[:200], MOST) == ()
    assert grouped_columns((Column("a", A), loud), EVERY[200:], MOST) == ((0, 1),)


def test_linkage_is_average_and_cut_where_it_says() -> None:
    from scipy.stats import spearmanr

    for noise in (0.5, 0.8, 1.1, 1.5):
        other = A + noise * B
        near = 1 - abs(spearmanr(A, other).statistic) <= APART
        assert bool(grouped_columns((Column("a", A), Column("other", other)), EVERY, MOST)) == near


def test_of_very_many_columns_there_are_no_groups() -> None:
    columns = tuple(Column(f"c{n}", A) for n in range(MOST + 1))
    assert grouped_columns(columns, EVERY, MOST) == ()
    assert len(grouped_columns(columns[:5], EVERY, MOST)) == 1
