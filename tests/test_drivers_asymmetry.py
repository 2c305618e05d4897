import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from statsmodels.miscmodels.ordinal_model import OrderedModel

from csatlib.drivers.asymmetry import _classes, _contrasts, _index, penalty_reward
from csatlib.drivers.regressions import linear, ordinal

GOLDEN = json.loads((Path(__file__).parent / "golden" / "asymmetry.json").read_text(encoding="utf-8"))
POINTS = {"low": 3, "high": 6}


def survey(n, penalty, reward, *, seed=0, raised=0.0, customers=None):
    """Answers on 1 to 7 whose latent judgement falls with low scores and rises with high ones."""
    rng = np.random.default_rng(seed)
    penalty, reward = np.asarray(penalty, dtype=float), np.asarray(reward, dtype=float)
    shared = rng.normal(size=(n, 1))
    scores = np.clip(np.round(4 + 1.3 * (0.6 * shared + 0.8 * rng.normal(size=(n, len(penalty))))), 1, 7)
    latent = 4 + raised + (scores <= 3) @ penalty + (scores >= 6) @ reward + 0.7 * rng.logistic(size=n)
    data = pd.DataFrame(scores, columns=[f"x{i}" for i in range(len(penalty))])
    return data.assign(
        y=np.clip(np.round(latent), 1, 7),
        w=rng.uniform(0.3, 3, n),
        id=rng.integers(0, customers or n, n),
        region=rng.choice(["N", "S"], n),
    )


def drivers(k):
    return {"outcome": "y", "drivers": [f"x{i}" for i in range(k)], **POINTS}


@pytest.mark.parametrize("case", GOLDEN["index"]["cases"])
def test_index_equals_its_definition(case):
    found = _index(np.array([[case["penalty"]], [case["reward"]]]))
    assert_allclose(found, case["index"], atol=GOLDEN["index"]["tolerance"])


def test_index_is_undefined_where_neither_side_moves_as_it_should():
    assert np.isnan(_index(np.array([[0.2], [-0.1]]))).all()


def test_classes_by_hand():
    certain = {"basic": (-3, 1), "performance": (-2, 2), "excitement": (-1, 3), "undetermined": (1, -2)}
    for name, (penalty, reward) in certain.items():
        found = _contrasts(np.array([[penalty], [reward]], dtype=float), 1 / 3)
        assert _classes(found, found).tolist() == [name]
        assert _classes(found - 9, found + 9).tolist() == ["undetermined"]


def test_proportional_odds_equal_the_published_fit():
    case = GOLDEN["polr_housing"]
    sat, infl, kind, cont, freq = np.array(case["rows"], dtype=float).T
    x = np.column_stack([infl == 1, infl == 2, kind == 1, kind == 2, kind == 3, cont == 1]).astype(float)
    found = ordinal(x, sat, freq, np.arange(len(sat)))
    assert_allclose(found.coefficients, case["coefficients"], atol=case["tolerance"])


def test_fits_equal_statsmodels_with_clusters():
    data = survey(900, [-1, 0.3], [0.5, 1])
    x, y, replicate = data[["x0", "x1"]].to_numpy(), data["y"].to_numpy(), data["id"].to_numpy() % 60
    grouped = {"cov_type": "cluster", "cov_kwds": {"groups": replicate}}
    ols = sm.OLS(y, sm.add_constant(x)).fit(**grouped)
    logit = OrderedModel(y, x, distr="logit").fit(method="bfgs", disp=0, **grouped)
    # statsmodels' bfgs stops near the maximum, and its factor for few rows counts the cuts otherwise
    for fit, model, at, near in ((linear, ols, slice(1, 3), 1e-9), (ordinal, logit, slice(0, 2), 2e-3)):
        found = fit(x, y, np.ones(len(y)), replicate)
        assert_allclose(found.coefficients, model.params[at], atol=1e-4)
        se = np.sqrt((found.influence**2).sum(axis=0) * 60 / 59)
        assert_allclose(se, model.bse[at], rtol=near)


def test_a_model_without_maximum_is_not_a_number():
    x = np.repeat([0.0, 1.0], 50)[:, None]
    assert np.isnan(ordinal(x, x[:, 0], np.ones(100), np.arange(100)).coefficients).all()
    assert np.isnan(ordinal(x, np.ones(100), np.ones(100), np.arange(100)).coefficients).all()
    twice = np.column_stack([x, x])
    assert np.isnan(linear(twice, np.arange(100.0), np.ones(100), np.arange(100)).coefficients).all()


def test_penalty_and_reward_by_hand():
    data = pd.DataFrame({"x0": [1, 4, 7] * 20, "y": [2, 5, 6, 4, 5, 6] * 10})
    table = penalty_reward(data, **drivers(1)).coefficients.query("model == 'linear'").set_index("term")
    assert_allclose(table["estimate"], [-2, 1])  # means 3, 5, 6
    assert table["n_reference"].tolist() == [20, 20]
    assert table["n"].tolist() == [60, 60]


def test_factors_are_recovered():
    data = survey(4000, [-1.2, -0.8, 0, 0], [0.1, 0.8, 1.2, 0])
    factors = penalty_reward(data, **drivers(4)).factors
    assert factors["factor"].tolist() == ["basic", "performance", "excitement", "undetermined"]
    assert factors["agree"].all()
    assert factors["ci_high"][0] < 0 < factors["ci_low"][2]


def test_a_ceiling_alone_makes_no_basic_factor():
    data = survey(6000, [-0.8] * 4, [0.8] * 4, raised=3)
    assert (data["y"] == 7).mean() > 0.35
    factors = penalty_reward(data, **drivers(4)).factors
    assert (factors["linear"] == "basic").all()
    assert (factors["factor"] == "undetermined").all()


def test_groups_equal_their_rows_alone():
    data = survey(800, [-1, 0], [0, 1])
    both, alone = (
        penalty_reward(part, **drivers(2), key="id", by=by)
        for part, by in ((data, "region"), (data[data["region"] == "N"], None))
    )
    kept = ["n", "n_reference", "estimate", "ci_low", "ci_high"]
    part = both.coefficients.query("group == 'N'").reset_index(drop=True)
    assert_allclose(part[kept], alone.coefficients[kept], rtol=0.1)  # joint draw of the groups in either region
    assert_allclose(part["estimate"], alone.coefficients["estimate"])


def test_rare_scores_are_not_fitted():
    data = survey(400, [-1, 0], [0, 1])
    data["x1"] = data["x1"].clip(4, 7)
    data.loc[:2, "x1"] = 1
    found = penalty_reward(data, **drivers(2))
    row = found.coefficients.query("driver == 'x1' and term == 'penalty'")
    assert row["n_reference"].tolist() == [3, 3]
    assert row[["estimate", "ci_low", "p_value"]].isna().all(axis=None)
    assert found.factors["factor"].iloc[1] == "undetermined"
    assert found.coefficients.query("driver == 'x0'")["estimate"].notna().all()


def test_frame_and_arrow_give_the_same():
    data = survey(300, [-1, 0], [0, 1]).astype({"id": str})
    table = pa.Table.from_pandas(data, preserve_index=False)
    one, other = (penalty_reward(part, **drivers(2), weight="w", cluster="id") for part in (data, table))
    pd.testing.assert_frame_equal(one.coefficients, other.coefficients)
    pd.testing.assert_frame_equal(one.factors, other.factors)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 50))
def test_invariances(seed, factor):
    data = survey(250, [-1, 0], [0.5, 1], seed=seed)
    design = drivers(2) | {"replicates": 200, "key": "id"}
    plain = penalty_reward(data, **design)
    ones = penalty_reward(data.assign(w=1.0), **design, weight="w")
    mixed = penalty_reward(data.sample(frac=1, random_state=seed), **design)
    for name in ("coefficients", "factors"):
        for other in (ones, mixed):
            pd.testing.assert_frame_equal(getattr(plain, name), getattr(other, name), rtol=1e-6, atol=1e-8)
    weighted, scaled = (
        penalty_reward(part, **design, weight="w") for part in (data, data.assign(w=data["w"] * factor))
    )
    pd.testing.assert_frame_equal(weighted.coefficients, scaled.coefficients, rtol=1e-6, atol=1e-8)
    assert weighted.factors["estimate"].dropna().between(-1, 1).all()


def test_problems_are_told_at_once():
    data = survey(50, [0, 0], [0, 0])
    with pytest.raises(ValueError, match=r"'x0' has low=6 and high=3; allowed is low < high; .*margin=2"):
        penalty_reward(data, outcome="y", drivers=["x0"], low=6, high=3, margin=2)
    with pytest.raises(ValueError, match=r"low names no scale point for 'x1'"):
        penalty_reward(data, outcome="y", drivers=["x0", "x1"], low={"x0": 3}, high=6)
    with pytest.raises(ValueError, match=r"drivers names 'y' twice or as the outcome"):
        penalty_reward(data, outcome="y", drivers=["x0", "y"], **POINTS)
    with pytest.raises(KeyError, match=r"'regoin' \(nearest: 'region'"):
        penalty_reward(data, outcome="y", drivers=["regoin"], **POINTS)


@pytest.mark.long
@pytest.mark.parametrize(("n", "customers"), [(300, None), (1000, None), (1000, 300)])
def test_coverage_of_penalties(n, customers):
    # 400 runs x 2 penalties: standard error about 1 point around 0.95; the truth is the mean over large samples
    penalty, reward = [-0.8, -0.4], [0.2, 0.4]
    large = survey(400_000, penalty, reward, seed=99)
    truth = penalty_reward(large, **drivers(2), replicates=2).coefficients
    held = []
    for seed in range(400):
        data = survey(n, penalty, reward, seed=seed, customers=customers)
        found = penalty_reward(data, **drivers(2), replicates=400, cluster="id").coefficients
        held.append((found["ci_low"] <= truth["estimate"]) & (truth["estimate"] <= found["ci_high"]))
    rates = pd.concat(held, axis=1).mean(axis=1).groupby([truth["model"], truth["term"]]).mean()
    assert rates.between(0.92, 0.98).all(), rates


@pytest.mark.long
@pytest.mark.parametrize("raised", [0, 3])
def test_symmetric_truth_is_hardly_called_asymmetric(raised):
    # five symmetric drivers as one family: an error in at most 5 % of reports, standard error 1 point
    wrong = []
    for seed in range(300):
        data = survey(1500, [-0.6] * 5, [0.6] * 5, seed=seed, raised=raised)
        wrong.append(penalty_reward(data, **drivers(5), replicates=400).factors["factor"])
    named = pd.concat(wrong, axis=1).isin(["basic", "excitement"])
    assert named.any().mean() <= 0.07
