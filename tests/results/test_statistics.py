"""Statistics by hand, by closed forms and by simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from shoal.results import corrected_t_test, holm, mean_and_error

differences = hnp.arrays(np.float64, st.integers(2, 8), elements=st.floats(-10, 10))


def test_means_and_errors_by_hand():
    # Folds (1 + 3)/2 = 2 and (4 + 8)/2 = 6: mean 4, deviation 2 sqrt 2, error 2.
    mean_C, error_C = mean_and_error(np.array([[[1.0, 3.0], [4.0, 8.0]], [[1.0, np.nan], [2.0, 2.0]]]))
    np.testing.assert_allclose(mean_C, [4.0, np.nan])
    np.testing.assert_allclose(error_C, [2.0, np.nan])


def test_one_fold_has_no_error():
    mean_C, error_C = mean_and_error(np.array([[[1.0, 3.0]]]))
    assert mean_C == [2.0]
    assert np.isnan(error_C).all()


def test_the_corrected_test_by_hand():
    # Mean 2, s² = 1; variance (1/3 + 20/40) = 5/6; t with 2 degrees: p = 1 - t/sqrt(2 + t²).
    test = corrected_t_test(np.array([1.0, 2.0, 3.0]), train_rows=40, test_rows=20)
    t = 2 / math.sqrt(5 / 6)
    assert float(test.mean) == 2
    assert float(test.standard_error) == pytest.approx(math.sqrt(5 / 6))
    assert float(test.t) == pytest.approx(t)
    assert float(test.p) == pytest.approx(1 - t / math.sqrt(2 + t**2))
    # The quantile solves the same closed form: 0.95 = q/sqrt(2 + q²).
    reach = math.sqrt(2 * 0.95**2 / (1 - 0.95**2)) * math.sqrt(5 / 6)
    assert (float(test.ci_low), float(test.ci_high)) == pytest.approx((2 - reach, 2 + reach))


def test_two_differences_follow_a_cauchy_law():
    test = corrected_t_test(np.array([[0.0, 2.0], [-5.0, 1.0]]), train_rows=9, test_rows=1)
    t = np.array([1, -2]) / (np.array([math.sqrt(2), math.sqrt(18)]) * math.sqrt(1 / 2 + 1 / 9))
    np.testing.assert_allclose(test.t, t)
    np.testing.assert_allclose(test.p, 1 - 2 / math.pi * np.arctan(np.abs(t)))


@given(differences)
def test_the_paired_test_is_students(sample):
    if np.ptp(sample) < 1e-6:
        return
    expected = stats.ttest_1samp(sample, 0.0)
    interval = expected.confidence_interval(0.95)
    test = corrected_t_test(sample, 1, 0)
    got = [float(value) for value in (test.t, test.p, test.ci_low, test.ci_high)]
    assert got == pytest.approx(
        [expected.statistic, expected.pvalue, interval.low, interval.high], rel=1e-6, abs=1e-9
    )


@given(differences, st.floats(0.1, 10))
@example(np.array([5e-324, 0.0]), 0.5)
@example(np.array([4e-160, 0.0]), 0.5)
@example(np.array([4e160, 0.0, 1e160]), 2.0)
def test_relations_of_the_test(sample, scale):
    assume(np.allclose(scale * sample / scale, sample, rtol=1e-12, atol=0))  # the last numbers before 0 round
    test = corrected_t_test(sample, 2, 1)
    turned, scaled = corrected_t_test(-sample, 2, 1), corrected_t_test(scale * sample, 2, 1)
    np.testing.assert_allclose(turned.p, test.p)
    np.testing.assert_allclose(-turned.ci_high, test.ci_low)
    np.testing.assert_allclose(scaled.p, test.p, rtol=1e-6)
    np.testing.assert_allclose(scaled.ci_high, scale * test.ci_high, rtol=1e-6, atol=1e-9)
    if test.standard_error > 0:
        assert test.p >= corrected_t_test(sample, 1, 0).p
        assert (test.p < 0.05) == (not test.ci_low <= 0 <= test.ci_high)


def test_one_difference_proves_nothing():
    test = corrected_t_test(np.array([3.0]), 1, 0)
    assert test.mean == 3
    assert all(map(np.isnan, (test.standard_error, test.t, test.p, test.ci_low, test.ci_high)))


@pytest.mark.parametrize("sample", [[0.0, 0.0, 0.0], [0.02, 0.02], [0.92 - 0.90, 0.88 - 0.86, 0.32 - 0.30]])
def test_equal_differences_prove_nothing_even_up_to_rounding(sample):
    test = corrected_t_test(np.array(sample), 2, 1)
    assert test.mean == pytest.approx(sample[0])
    assert test.standard_error == 0
    assert all(map(np.isnan, (test.t, test.p, test.ci_low, test.ci_high)))


def test_a_failed_difference_is_no_difference():
    test = corrected_t_test(np.array([[1.0, np.nan], [1.0, 2.0]]), 2, 1)
    np.testing.assert_array_equal(np.isnan(test.p), [True, False])


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.9 times 4, 3, 2, 1, never falling: 0.04, 0.06, 0.06, 0.9.
    np.testing.assert_allclose(
        holm(np.array([0.03, np.nan, 0.9, 0.01, 0.02])), [0.06, np.nan, 0.9, 0.04, 0.06]
    )
    np.testing.assert_allclose(holm(np.array([0.6, 0.7])), [1.0, 1.0])
    assert len(holm(np.array([]))) == 0


@given(hnp.arrays(np.float64, st.integers(1, 8), elements=st.floats(0, 1)))
def test_holm_rejects_what_the_stepwise_procedure_rejects(p):
    rejected = np.zeros(len(p), np.bool_)
    for step, place in enumerate(np.argsort(p, kind="stable")):
        if p[place] > 0.05 / (len(p) - step):
            break
        rejected[place] = True
    near = np.abs(holm(p) - 0.05) < 1e-12
    np.testing.assert_array_equal((holm(p) <= 0.05)[~near], rejected[~near])


def test_the_corrected_test_keeps_its_level_where_the_plain_one_does_not():
    """Two equally good learners on 15 random splits of 1,000 data sets: how often is one called better?

    y = a + b + noise; one learner fits a line to a, the other to b. In a given data set one of them looks better, and
    so it does in every split of it: the plain test takes that for 15 independent proofs.
    """
    draw = np.random.default_rng(3)
    a, b, noise = draw.normal(size=(3, 1000, 60))
    y = a + b + noise
    difference = np.empty((1000, 15))
    for split in range(15):
        order = draw.permutation(60)
        test, train = order[:20], order[20:]
        errors = []
        for x in (a, b):
            slope = (x * y)[:, train].sum(axis=1) / (x * x)[:, train].sum(axis=1)
            errors.append(((y - slope[:, None] * x)[:, test] ** 2).mean(axis=1))
        difference[:, split] = errors[0] - errors[1]
    plain = np.mean(corrected_t_test(difference, 1, 0).p < 0.05)
    corrected = np.mean(corrected_t_test(difference, 40, 20).p < 0.05)
    assert plain > 0.4
    assert 0.005 < corrected < 0.08


HUGE = st.sampled_from([0.5, -1e300, 1e300, 1.7e308, -1.7e308])


@pytest.mark.filterwarnings("error")
@given(hnp.arrays(np.float64, (3, 2, 2), elements=HUGE))
def test_scores_too_large_for_a_square_are_taken_without_a_word(scores_CFR):
    """A stranger's store may hold them: what comes of them is right, or no finite number."""
    _, error_C = mean_and_error(scores_CFR)
    corrected, paired = (
        corrected_t_test(scores_CFR.reshape(3, 4), 20, 10),
        corrected_t_test(scores_CFR.reshape(3, 4), 1, 0),
    )
    with np.errstate(all="ignore"):
        first_C, second_C = scores_CFR.mean(axis=2).T / 2
        half_C = np.abs(first_C - second_C)  # the error of two folds
    finite_C = np.isfinite(error_C)
    np.testing.assert_allclose(error_C[finite_C], half_C[finite_C], rtol=1e-12)
    assert finite_C[half_C < 1e150].all()
    for test in (corrected, paired):
        assert (np.isnan(test.p) | ((test.p >= 0) & (test.p <= 1))).all()
