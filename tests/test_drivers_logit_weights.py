import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.drivers.logit_weights import _logits, logit_weights
from csatlib.drivers.regressions import complete

NAMES = list("abcd")
LIMITS = ["estimate", "ci_low", "ci_high", "share", "share_low", "share_high", "r2"]


def survey(n=400, seed=0, slopes=(1, 0.5, 0.3, 0), shared=0.7):
    rng = np.random.default_rng(seed)
    x = shared * rng.normal(size=(n, 1)) + rng.normal(size=(n, 4))
    latent = x @ slopes + rng.logistic(size=n)
    data = pd.DataFrame(x, columns=NAMES)
    return data.assign(
        again=(latent > 0) * 1.0,
        overall=np.clip(np.round(4 + latent), 1, 7),
        w=rng.uniform(0.3, 3, n),
        id=np.arange(n),
        region=rng.choice(["N", "S"], n),
    )


def as_published(x, y):
    """Tonidandel and LeBreton (2010) step by step: logit on the nearest orthogonal variables, then Menard."""
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    left, _, right = np.linalg.svd(x, full_matrices=False)
    z = left @ right * np.sqrt(len(x))
    fit = sm.Logit(y, sm.add_constant(z)).fit(disp=0)
    chance = fit.predict()
    r2 = np.corrcoef(y, chance)[0, 1] ** 2
    standardised = fit.params[1:] * np.sqrt(r2) / np.std(np.log(chance / (1 - chance)))
    return ((z.T @ x / len(x)) ** 2) @ standardised**2, r2


def test_weights_equal_the_published_steps():
    data = survey()
    table = logit_weights(data, outcome="again", drivers=NAMES, replicates=10)
    weights, r2 = as_published(data[NAMES].to_numpy(), data["again"].to_numpy())
    assert_allclose(table["estimate"], weights, rtol=1e-6)
    assert_allclose(table["r2"], r2, rtol=1e-6)
    assert_allclose(table["estimate"].sum(), r2, rtol=1e-6)
    assert table["n_reference"].eq(min(data["again"].sum(), (1 - data["again"]).sum())).all()


def test_each_replicate_is_fitted_anew():
    data = survey(300)
    rows = complete(data, "again", NAMES, weight="w", key="id")
    counted = np.random.default_rng(0).integers(0, 3, (2, 256)).astype(float)
    found = _logits(rows, np.vstack([np.ones((1, 256)), counted]))[1:]
    for beta, multiplicity in zip(found, counted, strict=True):
        weight = multiplicity[rows.replicate] * rows.weight
        fit = sm.GLM(rows.y, sm.add_constant(rows.x), sm.families.Binomial(), freq_weights=weight).fit(tol=1e-12)
        assert_allclose(beta, fit.params, rtol=1e-5)


def test_weight_two_is_the_row_twice():
    data = survey(200)
    half = data["id"] < 100
    weighted = logit_weights(data.assign(w=1.0 + half), outcome="again", drivers=NAMES, weight="w", replicates=10)
    doubled = logit_weights(pd.concat([data, data[half]]), outcome="again", drivers=NAMES, replicates=10)
    assert_allclose(weighted[["estimate", "share", "r2"]], doubled[["estimate", "share", "r2"]], rtol=1e-5)


def test_uncorrelated_equal_drivers_share_alike():
    x = np.array([[a, b] for a in (-1.0, 1.0) for b in (-1.0, 1.0)]).repeat([50] * 4, axis=0)
    chance = np.array([0.1, 0.5, 0.5, 0.9]).repeat(50)
    y = np.concatenate([np.arange(50) < 50 * p for p in (0.1, 0.5, 0.5, 0.9)]).astype(float)
    table = logit_weights(pd.DataFrame(x, columns=["a", "b"]).assign(y=y), outcome="y", drivers=["a", "b"])
    assert_allclose(table["share"], 0.5)
    assert_allclose(table["r2"], np.corrcoef(y, chance)[0, 1] ** 2)
    assert_allclose(table["coefficient"], np.log(9) / 2)


def test_ordered_answers_are_labelled_and_two_of_them_are_a_logit():
    data = survey(1500)
    ordered = logit_weights(data, outcome="overall", drivers=NAMES)
    assert ordered["model"].eq("ordered logit").all()
    assert ordered["n_reference"].isna().all()
    assert ordered["estimate"].iloc[:3].is_monotonic_decreasing
    binary = logit_weights(data, outcome="again", drivers=NAMES)
    assert_allclose(ordered["share"], binary["share"], atol=0.05)
    assert (binary["share_low"] <= binary["share"]).all()


def test_groups_equal_their_rows_alone():
    data = survey()
    table = logit_weights(data, outcome="again", drivers=NAMES, by="region", key="id", replicates=20)
    alone = logit_weights(data[data["region"] == "S"], outcome="again", drivers=NAMES, replicates=20)
    assert_allclose(table.query("group == 'S'")["estimate"], alone["estimate"])


@pytest.mark.parametrize("outcome", ["again", "overall"])
def test_separated_outcomes_have_no_weights(outcome):
    data = survey(200).assign(
        again=lambda d: (d["a"] > 0) * 1.0, overall=lambda d: 1.0 + (d["a"] > 0) + (d["a"] > 1)
    )
    table = logit_weights(data, outcome=outcome, drivers=["a", "b"], replicates=10)
    assert table[LIMITS].isna().all(axis=None)


def test_a_driver_without_variation_has_no_weights():
    table = logit_weights(survey(100).assign(b=3.0), outcome="again", drivers=["a", "b"], replicates=10)
    assert table[LIMITS].isna().all(axis=None)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 50))
def test_invariances(seed, factor):
    data = survey(200, seed)
    design = {"outcome": "again", "drivers": NAMES, "key": "id", "replicates": 30}
    plain = logit_weights(data, **design)
    assert_allclose(plain[LIMITS], logit_weights(data.assign(w=1.0), **design, weight="w")[LIMITS])
    assert_allclose(plain[LIMITS], logit_weights(data.sample(frac=1, random_state=seed), **design)[LIMITS])
    assert_allclose(plain[LIMITS], logit_weights(data.assign(a=5 - 3 * data["a"]), **design)[LIMITS], rtol=1e-5)
    weighted, scaled = (
        logit_weights(part, **design, weight="w") for part in (data, data.assign(w=data["w"] * factor))
    )
    assert_allclose(weighted[LIMITS], scaled[LIMITS], rtol=1e-5)
    assert plain["share"].between(0, 1).all()
    assert_allclose(plain["share"].sum(), 1)


def test_problems_are_told():
    with pytest.raises(ValueError, match="outcome 'again' holds 1 different values"):
        logit_weights(survey(50).assign(again=1), outcome="again", drivers=["a"])
    with pytest.raises(ValueError, match="drivers is empty"):
        logit_weights(survey(50), outcome="again", drivers=[])


@pytest.mark.long
def test_coverage_of_weights():
    # 150 runs x 4 weights, 200 replicates: standard error under 1.8 points; biased upward near 0, as published
    truth = logit_weights(survey(200_000, 999), outcome="again", drivers=NAMES, replicates=2)["estimate"]
    held = []
    for seed in range(150):
        table = logit_weights(survey(500, seed), outcome="again", drivers=NAMES)
        held.append((table["ci_low"] <= truth) & (truth <= table["ci_high"]))
    assert pd.concat(held, axis=1).mean(axis=1).ge(0.88).all()
