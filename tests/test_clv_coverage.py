"""Truth recovered and intervals that cover it, on simulated customers."""

import numpy as np
import pandas as pd
import pytest

from csatlib.clv import BetaGeoNBD, GammaGamma, ModifiedBetaGeoNBD, ParetoNBD, ShiftedBetaGeometric

SAMPLES, CUSTOMERS = 120, 1500
LOWEST, HIGHEST = (
    0.885,
    0.995,
)  # 0.95 -+ 3.3 standard errors of a share of 120, more room below: skewed likelihoods
TRUTH = {
    BetaGeoNBD: {"r": 0.8, "alpha": 20.0, "a": 0.8, "b": 2.5},
    ModifiedBetaGeoNBD: {"r": 0.8, "alpha": 20.0, "a": 0.8, "b": 2.5},
    ParetoNBD: {"r": 0.8, "alpha": 20.0, "s": 0.7, "beta": 60.0},
}


def bought(kind, rng, n=CUSTOMERS):
    """Purchase histories of new customers, times continuous."""
    truth = TRUTH[kind]
    age = rng.uniform(100, 300, n)
    rate = rng.gamma(truth["r"], 1 / truth["alpha"], n)
    if kind is ParetoNBD:
        life, left = rng.exponential(1 / rng.gamma(truth["s"], 1 / truth["beta"], n)), np.full(n, 10**9)
    else:
        stop = rng.beta(truth["a"], truth["b"], n)
        life, left = np.full(n, np.inf), rng.geometric(np.maximum(stop, 1e-12)) - (kind is ModifiedBetaGeoNBD)
    clock, frequency, recency, who = np.zeros(n), np.zeros(n), np.zeros(n), np.flatnonzero(left > 0)
    while len(who):
        clock[who] += rng.exponential(1 / np.maximum(rate[who], 1e-300))
        who = who[clock[who] < np.minimum(age, life)[who]]
        frequency[who] += 1
        recency[who] = clock[who]
        left[who] -= 1
        who = who[left[who] > 0]
    return pd.DataFrame({"frequency": frequency, "recency": recency, "age": age})


def expect_covered(summaries, truth):
    held = pd.concat(summaries)
    assert held["converged"].all()
    hit = (held["ci_low"] <= held["parameter"].map(truth)) & (held["parameter"].map(truth) <= held["ci_high"])
    covered = hit.groupby(held["parameter"]).mean()
    assert covered.between(LOWEST, HIGHEST).all(), covered.to_dict()
    middle = held.groupby("parameter")["estimate"].median() / pd.Series(truth)
    assert middle.between(0.85, 1.18).all(), middle.to_dict()


@pytest.mark.long
@pytest.mark.parametrize("kind", TRUTH)
def test_models_of_purchases_cover_their_parameters(kind):
    fits = [kind().fit(bought(kind, np.random.default_rng(seed))).summary_ for seed in range(SAMPLES)]
    expect_covered(fits, TRUTH[kind])


@pytest.mark.long
def test_gamma_gamma_covers_its_parameters():
    truth, fits = {"p": 6.0, "q": 4.0, "gamma": 15.0}, []
    for seed in range(SAMPLES):
        rng = np.random.default_rng(seed)
        x = 1 + rng.poisson(2, CUSTOMERS)
        scale = rng.gamma(truth["q"], 1 / truth["gamma"], CUSTOMERS)
        mean = rng.gamma(truth["p"] * x) / scale / x
        fits.append(GammaGamma().fit(pd.DataFrame({"frequency": x, "mean_spend": mean})).summary_)
    expect_covered(fits, truth)


@pytest.mark.long
def test_shifted_beta_geometric_covers_its_parameters():
    truth, fits = {"alpha": 0.7, "beta": 3.8}, []
    for seed in range(SAMPLES):
        rng = np.random.default_rng(seed)
        stays = rng.geometric(rng.beta(truth["alpha"], truth["beta"], CUSTOMERS))
        survivors = [(stays > period).sum() for period in range(9)]
        fits.append(
            ShiftedBetaGeometric().fit(pd.DataFrame({"period": range(9), "survivors": survivors})).summary_
        )
    expect_covered(fits, truth)


@pytest.mark.long
@pytest.mark.parametrize("kind", [BetaGeoNBD, ParetoNBD])
def test_prediction_intervals_of_totals_cover_the_future(kind):
    """Parameters drawn, then the purchases: the total of a later half is inside 9 of 10 times and more."""
    inside = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        known = bought(kind, rng, 600)
        model = kind().fit(known)
        truth = kind.from_parameters(TRUTH[kind])
        one = pd.DataFrame([truth.params_.to_numpy()], columns=truth.parameters)
        future = truth.simulate(known, 100, parameters=one, seed=seed).sum()
        drawn = model.simulate(known, 100, parameters=model.sample_parameters(200, seed=seed), seed=seed + 1).sum(
            axis=1
        )
        low, high = np.quantile(drawn, [0.025, 0.975])
        inside.append(low <= future <= high)
    assert np.mean(inside) >= 0.86
