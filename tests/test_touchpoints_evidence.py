from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from csatlib.stats.intervals import wilson
from csatlib.touchpoints import (
    consistency,
    evidence,
    handled,
    impact,
    measured,
    moments_of_truth,
    moved,
    shrink,
    shrink_shares,
)
from csatlib.touchpoints.inventory import inventory

SAMPLE = Path(__file__).parents[1] / "data" / "sample"


def sample(name, **kwargs):
    return pd.read_csv(SAMPLE / f"{name}.csv", **kwargs)


@pytest.fixture(scope="module")
def contacts():
    return sample("contacts", parse_dates=["occurred_at"])


def test_shrinkage_has_its_limits():
    """Exact values stay; values that know nothing take the mean; alone nothing is drawn anywhere."""
    exact = shrink([1.0, 5.0, 9.0], [1e-6] * 3, unit=1.0)
    assert_allclose(exact.estimate, [1, 5, 9], atol=1e-4)
    assert 2 < exact.spread < 10
    vague = shrink([1.0, 5.0, 5.0, 5.0], [1e3, 0.1, 0.1, 0.1], unit=1.0)
    assert_allclose(vague.estimate[0], 5, atol=0.05)
    alone = shrink([4.0, np.nan], [0.5, np.nan], unit=1.0)
    assert_allclose([alone.ci_low[0], alone.estimate[0]], [4 - 1.959964 * 0.5, 4], rtol=1e-6)
    assert np.isnan([alone.estimate[1], alone.spread]).all()
    shares = shrink_shares([0, 300, 0], [147, 1000, 0])
    assert shares.ci_high[0] < 0.03  # a normal approximation on logits would draw it to 0.05
    assert_allclose(shares.estimate[1], 0.3, atol=0.01)
    assert np.isnan(shares.estimate[2])
    with pytest.raises(ValueError, match="allowed are 0 <= hits <= n"):
        shrink_shares([3], [2])
    with pytest.raises(ValueError, match="above 0"):
        shrink([1.0], [0.0], unit=1.0)


def test_limits_are_quantiles_of_the_posterior():
    """Four values: the distribution at the limits, by quadrature over a dense grid of tau."""
    value, se, unit = np.array([4.0, 4.6, 5.4, 6.0]), np.array([0.5, 0.4, 0.6, 0.5]), 1.0
    found = shrink(value, se, unit=unit)
    tau = np.arange(5e-4, 200, 1e-3)
    total = se**2 + tau[:, None] ** 2
    precision = (1 / total).sum(1)
    mu = (value / total).sum(1) / precision
    density = stats.halfcauchy.pdf(tau, scale=unit) / np.sqrt(total.prod(1) * precision)
    density *= np.exp(-0.5 * ((value - mu[:, None]) ** 2 / total).sum(1))
    kept = tau**2 / total[:, 0]
    mean = kept * value[0] + (1 - kept) * mu
    sd = np.sqrt(kept * se[0] ** 2 + (1 - kept) ** 2 / precision)
    for limit, tail in ((found.ci_low[0], 0.025), (found.estimate[0], 0.5), (found.ci_high[0], 0.975)):
        reached = np.average(stats.norm.cdf((limit - mean) / sd), weights=density)
        assert_allclose(reached, tail, atol=0.002)
    assert_allclose(np.average(tau <= found.spread, weights=density), 0.5, atol=0.01)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(-3, 3), st.floats(0.2, 5))
def test_shrinkage_moves_with_origin_and_unit(seed, shift, factor):
    rng = np.random.default_rng(seed)
    value, se = rng.normal(size=6), rng.uniform(0.1, 1, 6)
    one = shrink(value, se, unit=1.0)
    other = shrink(shift + factor * value, factor * se, unit=factor)
    assert_allclose(other.estimate, shift + factor * one.estimate, atol=1e-6)
    assert_allclose(other.ci_low, shift + factor * one.ci_low, atol=1e-6)
    assert ((one.ci_low < one.estimate) & (one.estimate < one.ci_high)).all()
    order = rng.permutation(6)
    assert_allclose(shrink(value[order], se[order], unit=1.0).estimate, one.estimate[order])


def cases():
    """Case a: chat, a day later hotline; b: settled at once; c: given up; d: begun too late to tell."""
    rows = [
        ("a", "Chat", "chat", "2026-09-01", 0, 2, 10), ("a", "Hotline", "phone", "2026-09-02", 1, 6, 100),
        ("b", "Chat", "chat", "2026-09-03", 1, 7, 20), ("c", "Chat", "chat", "2026-09-04", 0, 1, 30),
        ("c", "Chat", "chat", "2026-10-05", 1, 5, 40), ("d", "Chat", "chat", "2026-10-28", 1, 5, 50),
    ]  # fmt: skip
    columns = ["case_id", "touchpoint", "channel", "occurred_at", "resolved", "rating", "wait_seconds"]
    data = pd.DataFrame(rows, columns=columns)
    return data.assign(occurred_at=pd.to_datetime(data["occurred_at"]), customer_id=data["case_id"])


def test_cases_by_hand():
    rows = measured(cases())
    nan = np.nan
    expected = {
        "first_contact_resolution": [0, nan, 1, 0, nan, nan],
        "repeat_contact": [1, 0, 0, 0, 0, nan],
        "other_channel": [1, 0, 0, 0, 0, nan],
        "drop_off": [0, 0, 0, 1, 0, nan],
        "bad_experience": [1, 0, 0, 1, 0, 0],
    }
    for name, values in expected.items():
        assert_allclose(rows[name].astype(float), values, err_msg=name)
    table = evidence(cases()).set_index(["touchpoint", "measure"])
    chat = table.loc["Chat"]
    assert_allclose(chat.loc["first_contact_resolution", ["n", "raw"]].astype(float), [3, 1 / 3])
    assert_allclose(chat.loc["wait", "raw"], np.expm1(np.log1p([10, 20, 30, 40, 50]).mean()))
    assert_allclose(chat.loc["volume", "raw"], 5 / (58 / (365.25 / 12)))
    assert_allclose(chat.loc["reach", ["raw", "ci_low"]].astype(float), [1, wilson(4, 4)[0]])
    without = evidence(cases().drop(columns=["case_id", "customer_id", "channel"])).query("n > 0")
    assert set(without["measure"]) == {"satisfaction", "bad_experience", "wait", "volume"}
    unknown = measured(cases().assign(case_id=None))
    assert unknown["repeat_contact"].isna().all()


def test_estimates_lie_between_raw_and_mean_and_few_contacts_move_more(contacts):
    table = evidence(contacts, customers=3000)
    rated = table[table["measure"] == "satisfaction"].set_index("touchpoint")
    raw = contacts.groupby("touchpoint")["rating"].agg(["mean", "count"])
    assert_allclose(rated["raw"], raw["mean"])
    assert (rated["n"] == raw["count"]).all()
    assert ((rated["ci_low"] < rated["estimate"]) & (rated["estimate"] < rated["ci_high"])).all()
    few = contacts.groupby("touchpoint").head(8)
    small = evidence(few).query("measure == 'satisfaction'")
    assert small["estimate"].std() < small["raw"].std()
    shares = table[table["unit"] == "share"]
    assert shares[["raw", "estimate", "ci_low", "ci_high"]].apply(lambda c: c.between(0, 1)).all(axis=None)
    assert "Web site" not in set(table.query("measure == 'reach'")["touchpoint"])
    again = evidence(contacts.sample(frac=1, random_state=0), customers=3000)
    pd.testing.assert_frame_equal(again, table)


def test_the_sample_company_shows_both_stories_with_intervals(contacts):
    billing = moved(contacts, since="2026-08").set_index("touchpoint").loc["Billing"]
    assert 0.5 < billing["ci_low"] < billing["estimate"] < billing["ci_high"] < 1.6
    assert billing["p_adjusted"] < 0.001
    visits = contacts[contacts["touchpoint"] == "Field service"]
    regions = moved(visits, since="2026-06", by="region").set_index("group")
    assert regions.loc["North", "ci_high"] < -1
    assert (regions.drop("North")["p_adjusted"] > 0.05).all()
    raw = visits[visits["region"] == "North"].groupby(visits["occurred_at"] >= "2026-06")["rating"].mean()
    assert_allclose(regions.loc["North", "estimate"], raw[True] - raw[False])
    assert moved(contacts, since="2027-01").empty


def test_units_and_bots(contacts):
    table = consistency(contacts)
    p = table.groupby("touchpoint")["p_adjusted"].first()
    assert p["Field service"] < 0.01 < p["Shop"]
    assert set(table["touchpoint"]) == {"Field service", "Installation", "Shop"}
    beside = handled(contacts).set_index(["touchpoint", "measure"])["estimate"]
    chat = contacts[contacts["touchpoint"] == "Chat"].groupby("handled_by")["rating"].mean()
    assert_allclose(beside["Chat", "satisfaction"], chat["bot"] - chat["human"])
    assert consistency(contacts[contacts["touchpoint"] == "Chat"]).empty
    once = contacts[contacts["unit"].notna()].dropna(subset=["rating"]).drop_duplicates(["touchpoint", "unit"])
    assert consistency(once)["p_adjusted"].isna().all()


def test_impact_by_hand_and_by_regression(contacts):
    people = sample("customers", parse_dates=["joined_on", "left_on"])
    answers = sample("responses", parse_dates=["responded_at"]).query("survey == 'relationship'")
    found = impact(contacts, responses=answers, customers=people)
    assert set(found.association["term"]) == {"penalty", "reward", "asymmetry"}
    wide = found.association.pivot(index="touchpoint", columns="term", values="estimate")
    assert_allclose(wide["asymmetry"], wide["penalty"] - wide["reward"])
    leaving = found.leaving.set_index("touchpoint")
    assert (leaving["estimate"] > 0).all()  # bad contacts raise the chance of leaving in the simulation
    assert (leaving["ci_low"] < leaving["estimate"]).all()
    assert leaving["estimate"].std() < leaving["raw"].std()
    assert found.repaired["raw"].between(0, 1).all()
    alone = impact(contacts, customers=people, adjust=()).leaving.set_index("touchpoint").loc["Hotline"]
    rows = contacts[contacts["touchpoint"] == "Hotline"].dropna(subset=["rating", "customer_id"])
    rows = rows[rows["occurred_at"] <= contacts["occurred_at"].max() - pd.Timedelta(days=90)].query("rating != 4")
    rows = rows.merge(people, on="customer_id", suffixes=("", "_of"))
    tenure = (rows["occurred_at"] - rows["joined_on"]).dt.days
    design = pd.DataFrame({"bad": rows["rating"] <= 3, "new": tenure < 365, "young": tenure.between(365, 1094)})
    gone = ((rows["left_on"] - rows["occurred_at"]).dt.days < 90).astype(float)
    oracle = sm.OLS(gone, sm.add_constant(design.astype(float))).fit()
    assert_allclose(alone["raw"], oracle.params["bad"], rtol=1e-9)
    entries = inventory(sample("touchpoints")).entries
    assert moments_of_truth(found, entries)["moment_of_truth"].sum() == 0  # too few answers to tell
    nothing = impact(contacts)
    assert nothing.association.empty
    assert nothing.leaving.empty
    with pytest.raises(ValueError, match="allowed are bad < good"):
        impact(contacts, bad=5, good=4)


def test_an_asymmetric_penalty_is_found():
    rng = np.random.default_rng(0)
    n = 1500
    rating = rng.choice([2, 4, 6], n)
    ids = pd.Series(np.arange(n)).astype("str")
    contacts = pd.DataFrame({"touchpoint": "Chat", "customer_id": ids, "rating": rating})
    contacts["occurred_at"] = pd.Timestamp("2026-09-01")
    overall = 5.0 - 1.2 * (rating == 2) + 0.3 * (rating == 6) + rng.normal(size=n)
    answers = pd.DataFrame({"customer_id": ids, "overall": overall, "responded_at": pd.Timestamp("2026-09-20")})
    others = pd.DataFrame({"customer_id": [f"x{i}" for i in range(n)], "overall": 5.0 + rng.normal(size=n)})
    answers = pd.concat([answers, others.assign(responded_at=pd.Timestamp("2026-09-20"))])
    found = impact(contacts, responses=answers)
    table = found.association.set_index("term")
    assert_allclose(table["estimate"], [1.2, 0.3, 0.9], atol=0.2)
    assert_allclose(table["reach"], 0.5)
    entries = pd.DataFrame({"touchpoint": ["Chat"], "band": "high", "impact": 9.0})
    assert moments_of_truth(found, entries)["moment_of_truth"].tolist() == [True]
    assert moments_of_truth(found, entries.assign(band="low"))["moment_of_truth"].tolist() == [False]


@pytest.mark.long
@pytest.mark.parametrize("k", [10, 20])
@pytest.mark.parametrize("tau", [0.0, 0.3, 0.8])
def test_shrunken_means_cover(k, tau):
    """300 companies each: 0.92 to 0.97 where touchpoints differ, more where they do not; shorter than raw."""
    rng = np.random.default_rng(1)
    covered, length = 0.0, 0.0
    for _ in range(300):
        truth, se = 5 + tau * rng.normal(size=k), 1.2 / np.sqrt(rng.integers(5, 40, k))
        found = shrink(truth + se * rng.normal(size=k), se, unit=1.2)
        covered += ((found.ci_low <= truth) & (truth <= found.ci_high)).mean() / 300
        length += (found.ci_high - found.ci_low).mean() / (2 * 1.96 * se.mean()) / 300
    assert 0.92 <= covered <= (0.97 if tau else 1.0)
    assert length < 1


@pytest.mark.long
@pytest.mark.parametrize(("mean", "sd"), [(0.8, 0.12), (0.05, 0.03), (0.5, 0.2)])
def test_shrunken_shares_cover(mean, sd):
    rng = np.random.default_rng(1)
    size = mean * (1 - mean) / sd**2 - 1
    covered = 0.0
    for _ in range(100):
        truth, n = rng.beta(mean * size, (1 - mean) * size, 12), rng.integers(5, 40, 12)
        found = shrink_shares(rng.binomial(n, truth), n)
        covered += ((found.ci_low <= truth) & (truth <= found.ci_high)).mean() / 100
    assert 0.92 <= covered <= 0.98


@pytest.mark.long
def test_evidence_covers_with_repeated_customers():
    """Twelve touchpoints, 8 to 60 ratings each, customers who come back and have a level of their own."""
    rng, covered, runs = np.random.default_rng(2), 0.0, 60
    for _ in range(runs):
        truth, n = 5 + 0.4 * rng.normal(size=12), rng.integers(8, 60, 12)
        at, who = np.repeat(np.arange(12), n), rng.integers(0, 150, n.sum())
        rating = truth[at] + 0.6 * rng.normal(size=150)[who] + rng.normal(size=n.sum())
        data = pd.DataFrame({"touchpoint": at.astype(str), "customer_id": who.astype(str), "rating": rating})
        data["occurred_at"] = pd.date_range("2026-09-01", periods=len(data), freq="h")
        found = (
            evidence(data)
            .query("measure == 'satisfaction'")
            .set_index("touchpoint")
            .loc[np.unique(at).astype(str)]
        )
        covered += ((found["ci_low"] <= truth) & (truth <= found["ci_high"])).mean() / runs
    assert 0.92 <= covered <= 0.98
