import importlib.util
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import fixed_quad

from csatlib.clv import (
    BetaGeoBetaBinomial,
    BetaGeoNBD,
    GammaGamma,
    ModifiedBetaGeoNBD,
    ParetoNBD,
    ShiftedBetaGeometric,
    spend_independence,
)
from csatlib.clv.histories import compress

GOLDEN = json.loads((Path(__file__).parent / "golden" / "clv.json").read_text(encoding="utf-8"))


def packaged(name):
    """A file of the lifetimes package, read by path."""
    return Path(importlib.util.find_spec("lifetimes").origin).parent / "datasets" / name


def cdnow():
    data = pd.read_csv(packaged("cdnow_customers_summary.csv"))
    return data.rename(columns={"ID": "customer", "T": "age"})


def people(*rows):
    return pd.DataFrame(rows, columns=["frequency", "recency", "age"], dtype=float)


def expect_golden(model, golden):
    assert model.converged_
    assert model.prior_ is None
    assert_allclose(model.params_, list(golden["parameters"].values()), rtol=golden["relative"])
    assert_allclose(model.log_likelihood_, golden["log_likelihood"], atol=0.01)


def expect_gradient(model, values, rows):
    """The analytic gradient is the slope of the log-likelihood."""
    values = np.array(values)
    slope = model._log_likelihood(values, rows)[1]
    for i, step in enumerate(np.diag(values * 1e-6)):
        high, low = (model._log_likelihood(values + side * step, rows)[0] for side in (1, -1))
        assert_allclose(slope[i], (high - low) / (2 * step[i]), rtol=2e-5)


def test_bg_nbd_equals_the_published_fit():
    golden, model = GOLDEN["bg_nbd"], BetaGeoNBD().fit(cdnow())
    expect_golden(model, golden)
    published = golden["published"]
    assert_allclose(model.params_, [published[name] for name in model.parameters], atol=6e-4)
    assert_allclose(model.log_likelihood_, published["LL"], atol=0.05)
    assert_allclose(model.standard_errors_, list(golden["standard_errors"].values()), rtol=1e-4)
    assert_allclose(model.predict_purchases(cdnow(), 39).sum(), golden["holdout_39_weeks"], rtol=1e-4)


def test_bg_nbd_functions_at_the_rounded_parameters():
    golden = GOLDEN["bg_nbd_functions"]
    model = BetaGeoNBD.from_parameters(golden["parameters"])
    for x, last, age, horizon, value in golden["conditional"]:
        customer = people([x, last if x else 0, age])  # printed with a recency that does not count at x = 0
        assert_allclose(model.predict_purchases(customer, horizon), value, rtol=1e-8)
    for x, last, age, value in golden["alive"]:
        assert_allclose(model.alive_probability(people([x, last, age])), value, rtol=1e-8)
    age, value = np.transpose(golden["expected"])
    assert_allclose(model.expected_repeats(age), value, rtol=1e-8)
    age, value = np.transpose(golden["published_expected"])
    assert_allclose(model.expected_repeats(age), value, atol=0.003)  # printed from unrounded parameters


MODELS = {
    BetaGeoNBD: [0.3, 5.0, 0.7, 2.0],
    ModifiedBetaGeoNBD: [0.5, 6.0, 0.9, 1.6],
    ParetoNBD: [0.5, 10.0, 0.6, 12.0],
    BetaGeoBetaBinomial: [1.2, 0.75, 0.66, 2.8],
}


def donors(repeated=True):
    data = pd.read_csv(packaged("donations.csv")).rename(columns={"periods": "age"})
    return data.loc[data.index.repeat(data["weights"])].reset_index(drop=True) if repeated else data


def occasions():
    return people([0, 0, 9], [2, 4, 9], [7, 8, 9], [3, 9, 9])


@pytest.mark.parametrize("kind", MODELS)
def test_gradients_are_the_slopes(kind):
    data = donors(repeated=False) if kind is BetaGeoBetaBinomial else cdnow()
    expect_gradient(kind(), MODELS[kind], compress(data)[0])


@pytest.mark.parametrize("kind", MODELS)
def test_simulated_futures_average_to_the_expected_purchases(kind):
    model = kind.from_parameters(dict(zip(kind.parameters, MODELS[kind], strict=True)))
    same = pd.DataFrame([model.params_.to_numpy()] * 10_000, columns=model.parameters)
    data = occasions()
    drawn = model.simulate(data, [5, 12], parameters=same)
    assert drawn.shape == (10_000, 4, 2)
    assert (np.diff(drawn, axis=2) >= 0).all()
    for i, horizon in enumerate((5, 12)):
        error = drawn[..., i].std(axis=0) / 100
        assert (np.abs(drawn[..., i].mean(axis=0) - model.predict_purchases(data, horizon)) < 4.5 * error).all()
    assert_array_equal(model.simulate(data, 5, parameters=same[:9]), model.simulate(data, 5, parameters=same[:9]))


@pytest.mark.parametrize("kind", MODELS)
def test_a_new_customer_is_one_of_age_zero(kind):
    model = kind.from_parameters(dict(zip(kind.parameters, MODELS[kind], strict=True)))
    new = model.predict_purchases(people([0, 0, 0]), 10)
    assert_allclose(model.expected_repeats(np.array([10.0])), new)
    assert_allclose(model.expected_repeats(0.0), 0)


def test_pareto_nbd_equals_the_published_fit():
    golden, model = GOLDEN["pareto_nbd"], ParetoNBD().fit(cdnow())
    expect_golden(model, golden)
    assert_allclose(model.params_, [golden["published"][name] for name in model.parameters], atol=1.5e-3)
    assert_allclose(model.log_likelihood_, golden["log_likelihood"], atol=1e-5)
    assert_allclose(model.predict_purchases(cdnow(), 39).sum(), golden["holdout_39_weeks"], rtol=1e-5)


def test_pareto_nbd_at_alpha_equal_to_beta_by_hand():
    """The integral is then ((alpha + t_x)^-m - (alpha + T)^-m) / m with m = r + s + x."""
    data, (r, both, s) = people([3, 10, 30], [0, 0, 30], [4, 30, 30]), (0.4, 8.0, 1.3)
    model = ParetoNBD.from_parameters({"r": r, "alpha": both, "s": s, "beta": both})
    m = r + s + data["frequency"]
    stopped = s / m * (((both + data["age"]) / (both + data["recency"])) ** m - 1)
    assert_allclose(model.alive_probability(data), 1 / (1 + stopped), rtol=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    logs=st.tuples(*[st.floats(-4, 4)] * 4),
    x=st.sampled_from([0, 1, 3, 20, 300]),
    last=st.integers(0, 2500),
    further=st.integers(0, 2500),
)
def test_pareto_nbd_integral_equals_fine_quadrature(logs, x, last, further):
    r, alpha, s, beta = np.exp(logs) * [1, 20, 1, 20]
    last = last + x if x else 0
    age = float(last + further + 1)
    alive = ParetoNBD.from_parameters({"r": r, "alpha": alpha, "s": s, "beta": beta}).alive_probability(
        people([x, last, age])
    )

    def scaled(u):
        t = last + np.expm1(u)
        logs = (r + x) * np.log((alpha + age) / (alpha + t)) + (s + 1) * np.log((beta + age) / (beta + t))
        return np.exp(logs + u)

    edges = np.log1p((age - last) * np.linspace(0, 1, 40) ** 4)
    with np.errstate(over="ignore"):
        whole = sum(fixed_quad(scaled, low, high, n=20)[0] for low, high in itertools.pairwise(edges))
    assert_allclose(alive, 1 / (1 + s * whole / (beta + age)), rtol=1e-6, atol=1e-12)


def test_modified_bg_nbd_equals_lifetimes():
    golden, model = GOLDEN["modified_bg_nbd"], ModifiedBetaGeoNBD().fit(cdnow())
    expect_golden(model, golden)
    assert_allclose(model.predict_purchases(cdnow(), 39).sum(), golden["holdout_39_weeks"], rtol=1e-5)
    assert_allclose(model.alive_probability(cdnow()).sum(), golden["alive"], rtol=1e-5)
    age, value = np.transpose(golden["expected"])
    assert_allclose(model.expected_repeats(age), value, rtol=1e-5)


def test_bg_bb_equals_the_published_fit():
    golden, model = GOLDEN["bg_bb"], BetaGeoBetaBinomial().fit(donors())
    assert model.converged_
    assert_allclose(model.params_, [golden["published"][name] for name in model.parameters], atol=6e-4)
    assert_allclose(model.log_likelihood_, golden["published"]["LL"], atol=0.05)
    few = donors(repeated=False)[:7]
    assert_allclose(model.predict_purchases(few, 5), golden["predicted"], rtol=1e-6)
    assert_allclose(model.alive_probability(few), golden["alive"], rtol=1e-6)


def test_bg_bb_wants_whole_occasions():
    with pytest.raises(ValueError, match="2 different rows have a recency or age that is not whole"):
        BetaGeoBetaBinomial().fit(people([1, 2.5, 6], [3, 2, 6]))
    model = BetaGeoBetaBinomial.from_parameters({"alpha": 1, "beta": 1, "gamma": 1, "delta": 1})
    with pytest.raises(ValueError, match="counts occasions, so it must be whole"):
        model.predict_purchases(occasions(), 1.5)
    with pytest.raises(ValueError, match="horizon=-1; times are zero or more"):
        model.predict_purchases(occasions(), -1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([1.0, 7.0, 0.25]))
def test_bg_nbd_predictions_keep_their_range_and_the_unit_of_time(seed, unit):
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 30, 8)
    age = rng.integers(31, 300, 8)
    data = people(*zip(x, np.where(x > 0, rng.integers(x + 1, age + 1), 0), age, strict=True))
    values = dict(zip(BetaGeoNBD.parameters, rng.uniform(0.1, 5, 4), strict=True))
    model = BetaGeoNBD.from_parameters(values)
    alive, later = model.alive_probability(data), model.predict_purchases(data, 50)
    assert alive.between(0, 1).all()
    assert (later >= model.predict_purchases(data, 20) - 1e-9).all()
    assert (model.predict_purchases(data, 0).abs() < 1e-9).all()
    other = BetaGeoNBD.from_parameters(values | {"alpha": values["alpha"] * unit})
    scaled = data.assign(recency=data["recency"] * unit, age=data["age"] * unit)
    assert_allclose(other.predict_purchases(scaled, 50 * unit), later, rtol=1e-6)
    order = rng.permutation(8)
    assert_allclose(model.predict_purchases(data.iloc[order], 50), later.iloc[order])


def test_expected_purchases_are_smooth_at_a_equal_to_one():
    customer = people([3, 20, 30])
    near = [
        BetaGeoNBD.from_parameters({"r": 0.5, "alpha": 5, "a": a, "b": 2}).predict_purchases(customer, 40)[0]
        for a in (0.999, 1.0, 1.001)
    ]
    assert_allclose(near[1], (near[0] + near[2]) / 2, rtol=1e-6)


def test_expected_purchases_where_the_series_overflows():
    from csatlib.clv.bg_nbd import _by_quadrature, active_purchases

    r, alpha, b = np.array([0.5, 3.5]), np.array([30.0, 40.0]), np.array([5.0, 8.0])
    args = r, alpha, 150.0, b, np.array([300.0, 400.0])
    assert_allclose(_by_quadrature(*args), active_purchases(*args), rtol=1e-9)
    either_side = [active_purchases(r, alpha, a, b, 30 * alpha) for a in (174.0, 176.0)]  # 600 / log(31) = 174.7
    assert_allclose(either_side[0], either_side[1], rtol=1e-3)
    assert (either_side[0] > either_side[1]).all()


def test_a_fit_without_maximum_is_flagged_and_then_held_by_the_prior():
    data = people(*[[0, 0, 30]] * 20, *[[1, 29, 30]] * 3)
    alone = BetaGeoNBD(prior="never").fit(data)
    assert not alone.converged_
    assert "flat" in alone.reason_ or "away" in alone.reason_ or "maximum" in alone.reason_
    with pytest.raises(ValueError, match=r"BetaGeoNBD did not converge .*prior=\"if_needed\""):
        alone.predict_purchases(data, 10)
    held = BetaGeoNBD().fit(data)
    assert held.converged_
    assert held.prior_ == "log-normal, spread 1.5"
    assert np.isnan(held.aic_)
    assert (held.summary_["prior"] == held.prior_).all()
    assert held.log_likelihood_ <= alone.log_likelihood_ + 1e-6
    assert BetaGeoNBD().fit(cdnow()).prior_ is None


def test_wrong_histories_are_told_all_at_once():
    data = people([1, 0, 5], [-1, 0, 5], [2, 9, 5], [np.nan, 0, 5])
    with pytest.raises(
        ValueError, match=r"1 rows with a missing .*; 1 rows with a frequency .*; 1 rows with a rec"
    ):
        BetaGeoNBD().fit(data)
    with pytest.raises(KeyError, match="column not found: 'age'"):
        BetaGeoNBD().fit(data.drop(columns="age"))
    with pytest.raises(ValueError, match=r"prior='no'.*; spread=0"):
        BetaGeoNBD(prior="no", spread=0)
    with pytest.raises(ValueError, match="call fit first"):
        BetaGeoNBD().predict_purchases(data, 3)


def cdnow_spend():
    data = pd.read_csv(packaged("cdnow_customers_summary_with_transactions.csv"))
    data.columns = ["customer", "frequency", "recency", "age", "mean_spend"]
    return data


def test_gamma_gamma_equals_the_published_fit():
    golden, data = GOLDEN["gamma_gamma"], cdnow_spend()
    model = GammaGamma().fit(data)
    expect_golden(model, golden)
    assert_allclose(model.params_, list(golden["published"].values()), atol=0.01)
    assert model.n_ == 946
    p, q, gamma = model.params_
    spend = model.predict_spend(data)
    assert_allclose(spend[data["frequency"] == 0], p * gamma / (q - 1))
    regular = data[data["frequency"] > 3]
    nearer = (spend[regular.index] - regular["mean_spend"]).abs() < (
        p * gamma / (q - 1) - regular["mean_spend"]
    ).abs()
    assert nearer.all()
    scaled = GammaGamma().fit(data.assign(mean_spend=100 * data["mean_spend"]))
    assert_allclose(scaled.params_, model.params_ * [1, 1, 100], rtol=1e-4)
    assert_allclose(scaled.predict_spend(data.assign(mean_spend=100 * data["mean_spend"])), 100 * spend, rtol=1e-4)


def test_gamma_gamma_gradient_and_simulated_spend():
    from csatlib.clv.gamma_gamma import _spend

    used = cdnow_spend().query("mean_spend > 0")
    rows = _spend(used["frequency"].to_numpy(dtype=float), used["mean_spend"].to_numpy())
    expect_gradient(GammaGamma(), [5.0, 3.0, 20.0], rows)
    model = GammaGamma.from_parameters(GOLDEN["gamma_gamma"]["published"])
    same = pd.DataFrame([model.params_.to_numpy()] * 20_000, columns=model.parameters)
    data = pd.DataFrame({"frequency": [0, 4], "mean_spend": [np.nan, 60.0]})
    bought = np.broadcast_to(np.array([[[1, 3], [0, 2]]]), (20_000, 2, 2))
    drawn = model.simulate(data, bought, parameters=same)
    expected = model.predict_spend(data).to_numpy()[:, None] * bought[0]
    assert (np.abs(drawn.mean(axis=0) - expected) <= 4.5 * drawn.std(axis=0) / np.sqrt(20_000)).all()


def test_gamma_gamma_refuses_what_it_cannot_use():
    with pytest.raises(
        ValueError, match=r"1 rows with a negative mean_spend; 1 rows with a repeat purchase but no"
    ):
        GammaGamma().fit(pd.DataFrame({"frequency": [1, 2], "mean_spend": [-1.0, None]}))
    with pytest.raises(ValueError, match="no customer has a repeat purchase"):
        GammaGamma().fit(pd.DataFrame({"frequency": [0], "mean_spend": [None]}))


def test_dependence_of_spend_on_frequency_is_seen():
    """0.11 in the sample: Fader, Hardie and Lee (2005), Journal of Marketing Research 42, p. 422."""
    row = spend_independence(cdnow_spend()).iloc[0]
    assert round(row["estimate"], 2) == 0.11
    assert row["ci_low"] < 0 < row["ci_high"]
    rng = np.random.default_rng(0)
    x = rng.integers(1, 9, 400)
    tied = spend_independence(pd.DataFrame({"frequency": x, "mean_spend": x + rng.gamma(2, 1, 400)})).iloc[0]
    assert tied["ci_low"] > 0.5


def high_end(periods=8):
    share = GOLDEN["shifted_beta_geometric"]["survivors"]
    return pd.DataFrame({"period": range(periods), "survivors": np.array(share[:periods]) * 10})


def test_shifted_beta_geometric_equals_the_published_fit_and_projection():
    golden, model = GOLDEN["shifted_beta_geometric"], ShiftedBetaGeometric().fit(high_end())
    assert model.converged_
    assert_allclose(model.params_, list(golden["published"].values()), atol=0.002)
    assert_allclose(model.log_likelihood_, golden["log_likelihood"], atol=1e-4)
    survival, retention = model.survival(12), model.retention(12)
    assert_allclose(survival["estimate"], golden["survival"], rtol=1e-4)
    assert_allclose(retention["estimate"], golden["retention"], rtol=1e-4)
    assert_allclose(survival["estimate"], np.array(golden["survivors"]) / 100, atol=0.022)
    assert survival["estimate"].between(survival["ci_low"], survival["ci_high"]).all()


def test_shifted_beta_geometric_by_hand():
    """alpha = beta = 1: half leave at the first renewal, a sixth at the second, a third stay."""
    model = ShiftedBetaGeometric.from_parameters({"alpha": 1, "beta": 1})
    assert_allclose(model.survival(2)["estimate"], [1, 1 / 2, 1 / 3])
    assert_allclose(model.retention(2)["estimate"], [1 / 2, 2 / 3])
    series = (1 / (1 + np.arange(4000)) / 1.1 ** np.arange(4000)).sum()
    assert_allclose(model.discounted_lifetime(0.1)["estimate"], series)
    later = (2 / (2 + np.arange(1, 4000)) / 1.1 ** np.arange(3999)).sum()  # S(t) / S(1), t = 2, 3, ...
    assert_allclose(model.discounted_lifetime(0.1, renewals=2)["estimate"], later)
    rows = pd.DataFrame({"period": [0, 1, 2], "survivors": [60, 30, 20]})
    fitted = ShiftedBetaGeometric().fit(pd.concat([rows] * 40).groupby("period", as_index=False).sum())
    assert_allclose(fitted.params_, [1, 1], rtol=1e-3)


def test_cohorts_share_the_parameters_and_must_be_whole():
    two = pd.concat([high_end().assign(year=1), high_end(5).assign(year=2)])
    model = ShiftedBetaGeometric().fit(two, cohort="year")
    assert model.n_ == 2000
    assert_allclose(model.params_, [0.668, 3.806], rtol=0.2)
    bad = two.query("period != 2 or year != 1").assign(survivors=lambda d: d["survivors"] + 200 * d["period"])
    with pytest.raises(ValueError, match=r"cohort 1: 'period' is \[0, 1, 3, .*; cohort 2: 'survivors' must start"):
        ShiftedBetaGeometric().fit(bad, cohort="year")
    with pytest.raises(ValueError, match="discount=0; it must be above 0"):
        model.discounted_lifetime(0)


@pytest.mark.long
@pytest.mark.parametrize("kind", [BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD])
def test_small_samples_converge_or_are_flagged(kind):
    """200 samples of 60 CDNOW customers; lifetimes stops with an error in 38 of 100."""
    data = cdnow()
    for seed in range(200):
        few = data.sample(60, random_state=seed)
        model = kind().fit(few)
        assert model.converged_
        assert (model.prior_ is None) == (model.reason_ == "")
        assert np.isnan(model.aic_) == (model.prior_ is not None)
        expected = model.predict_purchases(few, 39)
        assert expected.between(0, 200).all()
        assert np.isfinite(model.summary_[["estimate", "se", "ci_low", "ci_high"]]).to_numpy().all()


def test_pareto_nbd_integral_of_a_steep_integrand():
    """At beta far above the time observed, only alpha decays: the integral is known up to (t / beta)."""
    model = ParetoNBD.from_parameters({"r": 0.5, "alpha": 0.5, "s": 1.0, "beta": 1e9})
    x, last, age = 300, 301.0, 5000.0
    power = model.params_["r"] + x
    log_whole = power * np.log((0.5 + age) / (0.5 + last)) + np.log(0.5 + last) - np.log(power - 1)
    log_odds = log_whole - np.log(1e9)  # s / beta
    found = model._log_odds(model.params_.to_numpy(), compress(people([x, last, age]))[0])
    assert_allclose(found, log_odds, atol=2e-5)


def test_a_runaway_is_not_taken_for_a_maximum():
    """Rounding makes the Hessian of these 60 customers look positive at r = 2e8."""
    model = ModifiedBetaGeoNBD(prior="never").fit(cdnow().sample(60, random_state=12))
    assert not model.converged_
    assert model.reason_.startswith("r and alpha")
    assert ModifiedBetaGeoNBD().fit(cdnow().sample(60, random_state=12)).params_["r"] < 100
