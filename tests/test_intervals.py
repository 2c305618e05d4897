import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from csatlib.stats.intervals import benjamini_hochberg, from_replicates, holm, max_t, wilson

GOLDEN = json.loads((Path(__file__).parent / "golden" / "intervals.json").read_text(encoding="utf-8"))["wilson"]


@pytest.mark.parametrize(("x", "n", "low", "high"), GOLDEN["cases"])
def test_wilson_equals_newcombe_and_r(x, n, low, high):
    assert_allclose(wilson(x, n), (low, high), atol=GOLDEN["tolerance"])


@pytest.mark.parametrize(("x", "n", "low", "high"), GOLDEN["printed"])
def test_wilson_rounds_to_the_printed_figures(x, n, low, high):
    assert np.round(wilson(x, n), 4).tolist() == [low, high]


@given(st.floats(0, 1), st.floats(1, 1e6), st.floats(0.5, 0.999))
def test_wilson_stays_in_range_around_the_proportion(share, n, confidence):
    low, high = wilson(share * n, n, confidence=confidence)
    assert 0 <= low <= share + 1e-9
    assert share - 1e-9 <= high <= 1


def test_wilson_refuses_impossible_counts():
    with pytest.raises(ValueError, match=r"successes=12\.0 of n=10\.0"):
        wilson(12, 10)


def test_t_limits_by_hand():
    limits = from_replicates(2.0, np.array([1.0, 3.0, 2.0]), n_groups=10)
    se = 1.0 * np.sqrt(10 / 9)
    half = stats.t.ppf(0.975, 9) * se
    assert_allclose([limits.se, limits.ci_low, limits.ci_high], [se, 2 - half, 2 + half])
    assert_allclose(limits.p_value, 2 * stats.t.sf(2 / se, 9))


def test_percentile_limits_are_quantiles_of_the_replicates():
    drawn = np.linspace(0, 1, 101)
    limits = from_replicates(0.5, drawn, n_groups=50, confidence=0.9, method="percentile")
    assert_allclose([limits.ci_low, limits.ci_high], [0.05, 0.95])
    assert np.isnan(limits.p_value)


def test_under_five_groups_there_are_no_limits():
    limits = from_replicates([1.0, 1.0], np.random.default_rng(0).normal(size=(100, 2)), n_groups=[4, 5])
    assert np.isnan(limits.ci_low).tolist() == [True, False]


def test_undefined_replicates_are_left_out():
    drawn = np.array([1.0, np.nan, 3.0, 2.0])
    assert_allclose(from_replicates(2.0, drawn, n_groups=10).se, np.sqrt(10 / 9))


def test_without_variation_there_is_no_p_value():
    limits = from_replicates(1.0, np.ones(10), n_groups=10)
    assert_allclose([limits.ci_low, limits.ci_high], 1.0)
    assert np.isnan(limits.p_value)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_must_be_a_share(confidence):
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        from_replicates(1.0, [1.0, 2.0], n_groups=10, confidence=confidence)


def test_unknown_method_is_refused():
    with pytest.raises(ValueError, match="allowed are 't'"):
        from_replicates(1.0, [1.0, 2.0], n_groups=10, method="bca")


def test_holm_and_benjamini_hochberg_by_hand():
    p = [0.01, 0.02, 0.03, 0.04]
    assert_allclose(holm(p), [0.04, 0.06, 0.06, 0.06])
    assert_allclose(benjamini_hochberg(p), [0.04, 0.04, 0.04, 0.04])


def test_nan_does_not_count_in_the_family():
    assert_allclose(holm([0.02, np.nan]), [0.02, np.nan])
    assert np.isnan(benjamini_hochberg([np.nan])).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_adjusted_p_values_never_fall_and_benjamini_hochberg_is_milder(p):
    assert (holm(p) >= np.array(p) - 1e-12).all()
    assert (benjamini_hochberg(p) <= holm(p) + 1e-12).all()


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_simultaneous_limits_contain_the_single_ones(seed):
    rng = np.random.default_rng(seed)
    drawn, estimate = rng.normal(size=(400, 6)), rng.normal(size=6)
    single, joint = from_replicates(estimate, drawn, n_groups=100), max_t(estimate, drawn, n_groups=100)
    assert (joint.ci_low <= single.ci_low).all()
    assert (joint.p_value >= single.p_value).all()


def test_a_replicate_without_any_contrast_is_left_out():
    drawn = np.random.default_rng(0).normal(size=(400, 2))
    gaps = np.vstack([drawn, np.full((5, 2), np.nan)])
    assert_allclose(max_t([0.5, 3.0], gaps, n_groups=50).p_value, max_t([0.5, 3.0], drawn, n_groups=50).p_value)


def test_simultaneous_limits_hold_the_family_error_rate():
    rng = np.random.default_rng(1)
    drawn = rng.normal(size=(2000, 10))
    false_signals = [
        (np.abs(max_t(e, drawn, n_groups=256).p_value) < 0.05).any() for e in rng.normal(size=(600, 10))
    ]
    single = [(from_replicates(e, drawn, n_groups=256).p_value < 0.05).any() for e in rng.normal(size=(200, 10))]
    # binomial standard error of 5 % in 600 runs is 0.9 points; ten single tests err in about 40 %
    assert np.mean(false_signals) < 0.08
    assert np.mean(single) > 0.25
