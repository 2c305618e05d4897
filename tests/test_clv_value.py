import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.clv import (
    BetaGeoNBD,
    GammaGamma,
    ShiftedBetaGeometric,
    lifetime_value,
    link_sentences,
    migration,
    moved_with,
    renewals,
    retention_gain,
    satisfaction_link,
    scored_windows,
    value_holdouts,
    value_plots,
    value_sentences,
)
from csatlib.clv.purchase_value import MONTH, drawn_spend, expected_spend, spans
from csatlib.clv.retention_value import expected_payments, last_month, monthly, monthly_spend

GOLDEN = json.loads((Path(__file__).parent / "golden" / "clv.json").read_text(encoding="utf-8"))
DAYS = pd.date_range("2024-01-01", "2025-12-01", freq="MS")


def company(seed=0, n=600, stop=(2.0, 40.0), price=(15, 60)):
    """Customers of ten years who leave at monthly renewals; bills on the first; records of two years."""
    rng = np.random.default_rng(seed)
    joined = pd.Timestamp("2016-01-01") + pd.to_timedelta(rng.integers(0, 3500, n), unit="D")
    stays = rng.geometric(np.maximum(rng.beta(*stop, n), 1e-9))
    gone = [day + pd.DateOffset(months=int(min(months, 500))) for day, months in zip(joined, stays, strict=True)]
    people = pd.DataFrame({"customer_id": [f"c{i:04d}" for i in range(n)], "joined_on": joined, "left_on": gone})
    people["plan"] = rng.choice(["a", "b"], n)
    people["price"] = rng.uniform(*price, n).round(2)
    return people[people["left_on"] > DAYS[0]].reset_index(drop=True)  # who left before is not known


def bills(people):
    rows = people.merge(pd.DataFrame({"occurred_at": DAYS}), how="cross")
    rows = rows[(rows["occurred_at"] >= rows["joined_on"]) & (rows["occurred_at"] < rows["left_on"])]
    return rows.rename(columns={"price": "amount"})[["customer_id", "occurred_at", "amount"]]


def valued(people, **settings):
    settings = {"business": "subscription", "observed_until": "2025-12-31", "customers": people} | settings
    return lifetime_value(bills(people), **settings)


def test_discounting_by_hand():
    """Nobody's chance to stay is below 1 by much: three payments of today, in a month and in two months."""
    model = ShiftedBetaGeometric.from_parameters({"alpha": 1.0, "beta": 1.0})
    found = expected_payments(model, np.array([0, 2]), discount=0.25, horizon=3)
    # ages 0 and 2: S(1..3) = 1/2, 1/3, 1/4, and S(3..5) / S(2) = 3/4, 3/5, 1/2
    assert_allclose(found, [1 / 2 + 1 / 3 / 1.25 + 1 / 4 / 1.5625, 3 / 4 + 3 / 5 / 1.25 + 1 / 2 / 1.5625])
    # half a payment in the month of leaving: 1/2 of the 1/2, 1/6 and 1/12 who leave
    part = expected_payments(model, np.array([0]), discount=0.25, horizon=3, last=0.5)
    assert_allclose(part - found[:1], (1 / 2 + 1 / 6 / 1.25 + 1 / 12 / 1.5625) / 2)
    ends, factor = spans(6, 0.02)
    assert_allclose(ends, range(1, 7))
    assert_allclose(factor, 1.02 ** -(np.arange(6) + 0.5))


def test_value_without_end_is_the_published_residual_lifetime():
    golden = GOLDEN["shifted_beta_geometric"]
    model = ShiftedBetaGeometric.from_parameters(golden["published"])
    projected = np.array(golden["survival"][1:]) / 1.1 ** np.arange(12)
    new = expected_payments(model, np.array([0]), discount=0.1, horizon=12)
    assert_allclose(new, projected.sum(), rtol=2e-4)  # published parameters have three decimals
    ours = expected_payments(model, np.arange(4), discount=0.1, horizon=np.inf)
    theirs = [float(model.discounted_lifetime(0.1, renewals=k)["estimate"].iloc[0]) for k in (1, 2, 3, 4)]
    assert_allclose(ours, theirs)
    assert_allclose(expected_payments(model, np.arange(4), discount=0.1, horizon=400), ours, rtol=1e-12)
    ends = [expected_payments(model, np.arange(4), discount=0.1, horizon=h, last=0.6) for h in (400, np.inf)]
    assert_allclose(*ends, rtol=1e-12)
    assert_allclose(
        expected_payments(model, np.arange(4), discount=0.1, horizon=np.inf, power=1 + 1e-9), ours, rtol=1e-4
    )


def test_renewals_by_hand():
    days = [
        ("2025-01-15", "2025-03-15"),  # second renewal not taken
        ("2025-01-15", "2025-03-16"),  # third
        ("2024-10-20", None),  # watched from its fourth month of age on
        ("2024-12-31", "2025-01-10"),  # left in the month of age in which the records begin: not watched
        ("2025-02-01", "2026-07-01"),  # leaves after the records end
    ]
    people = pd.DataFrame(days, columns=["joined_on", "left_on"]).apply(pd.to_datetime)
    table = renewals(people, observed_from="2025-01-01", observed_until="2025-03-31")
    assert table[["period", "n_at_risk", "n_events", "n_entered"]].values.tolist() == [
        [1, 3, 0, 3],
        [2, 3, 1, 0],
        [4, 1, 0, 1],
        [5, 1, 0, 0],
    ]


def test_late_entry_is_fitted_as_the_cohort_is():
    survivors = [1000, 869, 743, 653, 593, 551, 517, 491]
    cohort = ShiftedBetaGeometric().fit(pd.DataFrame({"period": range(8), "survivors": survivors}))
    counts = {"period": range(1, 8), "n_at_risk": survivors[:-1], "n_events": -np.diff(survivors)}
    late = ShiftedBetaGeometric().fit_renewals(pd.DataFrame(counts))
    assert_allclose(late.params_, cohort.params_, rtol=1e-6)
    assert late.n_ == 1000


def test_totals_add_up_and_contain_their_estimates():
    people = company()
    found = valued(people, margin=0.5, by="plan")
    total = found.total.query("measure == 'value'")
    assert found.customers["customer_id"].tolist() == sorted(people.query("left_on > '2025-12-31'").customer_id)
    assert_allclose(total.groupby("level")["estimate"].sum(), found.customers["estimate"].sum())
    assert (total["ci_low"] < total["estimate"]).all()
    assert (total["estimate"] < total["ci_high"]).all()
    whole = valued(people)
    assert_allclose(whole.customers["estimate"], 2 * found.customers["estimate"])
    shuffled = people.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(valued(shuffled, margin=0.5, by="plan").total, found.total)


def test_the_model_must_fit_the_business():
    people = company(n=50)
    with pytest.raises(ValueError, match="does not fit business='subscription': under contract the day"):
        valued(people, model="bg_nbd")
    with pytest.raises(ValueError, match="does not fit business='retail': in retail nobody says when they leave"):
        valued(people, business="retail", model="shifted_beta_geometric")
    with pytest.raises(ValueError, match="customers lack 'left_on'"):
        valued(people, customers=people.drop(columns="left_on"))
    with pytest.raises(ValueError, match="margin=2; .*horizon=0; .*discount=-0.1; .*shares"):
        valued(people, margin=2, horizon=0, discount=-0.1, shares=[0.5])
    with pytest.raises(ValueError, match="business='club'; allowed are 'retail', 'subscription'"):
        valued(people, business="club")
    with pytest.raises(ValueError, match="model='clv'; allowed are 'auto'"):
        valued(people, model="clv")


def test_holdouts_use_nothing_later():
    people = company(1)
    kept = {"business": "subscription", "customers": people, "origins": 2, "draws": 50}
    table = value_holdouts(bills(people), observed_until="2025-12-31", **kept)
    cut = people.assign(left_on=people["left_on"].where(people["left_on"] <= "2025-09-30"))
    known = bills(people).query("occurred_at <= '2025-09-30'")
    alone = lifetime_value(
        known, business="subscription", customers=cut[cut["joined_on"] <= "2025-09-30"],
        observed_until="2025-09-30", horizon=3, discount=0.0, draws=50,
    )  # fmt: skip
    assert_allclose(table["estimate"].iloc[1], alone.total["estimate"].iloc[0])
    assert table["period"].tolist() == ["2025-08", "2025-09"]
    assert value_holdouts(bills(people), observed_until="2024-05-31", **kept).empty


def paid(*rows):
    data = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "amount"])
    return data.assign(occurred_at=pd.to_datetime(data["occurred_at"]))


def test_migration_by_hand():
    days = [("2025-01-01", None), ("2025-01-01", None), ("2025-01-01", "2026-04-10"), ("2026-02-10", None)]
    people = pd.DataFrame(days, columns=["joined_on", "left_on"]).apply(pd.to_datetime)
    people["customer_id"] = list("abcd")
    data = paid(
        ("a", "2026-01-01", 60), ("a", "2026-02-01", 60), ("a", "2026-03-01", 20), ("a", "2026-04-01", 20),
        ("b", "2026-01-01", 30), ("b", "2026-02-01", 30), ("b", "2026-04-30", 200), ("b", "2026-05-01", 999),
        ("c", "2026-01-01", 10), ("c", "2026-03-01", 500), ("d", "2026-03-01", 500),
    )  # fmt: skip
    found = migration(data, observed_until="2026-04-30", months=2, customers=people, shares=[0.4, 0.6])
    # a, b and c paid 60, 30 and 5 a month: the limit of the top 40 % is 36
    assert found.customers[["customer_id", "tier", "later", "direction"]].values.tolist() == [
        ["a", "A", "B", "fell"],
        ["b", "B", "A", "rose"],
        ["c", "B", "gone", "gone"],
    ]
    assert_allclose(found.customers["value_later"], [20, 100, 250])
    moves = found.moves.set_index(["group", "part"])["count"]
    assert moves.loc["B"].to_dict() == {"A": 1, "B": 0, "gone": 1}
    assert found.moves.groupby("group")["estimate"].sum().tolist() == [100, 100]
    whole = found.directions.query("group == 'all'").set_index("part")["count"].to_dict()
    assert whole == {"rose": 1, "kept": 0, "fell": 1, "gone": 1}
    alone = migration(data, observed_until="2026-04-30", months=2)
    assert alone.customers[["customer_id", "direction"]].values.tolist() == [
        ["a", "fell"],
        ["b", "rose"],
        ["c", "rose"],
    ]
    with pytest.raises(ValueError, match="nobody to follow"):
        migration(data, observed_until="2027-04-30", months=2)
    with pytest.raises(ValueError, match="months=0"):
        migration(data, observed_until="2026-04-30", months=0)


def test_what_moved_with_it_is_a_least_squares_slope():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"customer_id": range(500), "tier": rng.choice(list("ABC"), 500)})
    data["direction"] = rng.choice(["rose", "kept", "fell", "gone"], 500)
    data["score"] = rng.normal(size=500) - (data["direction"] == "gone") + (data["tier"] == "A")
    data.loc[::7, "score"] = np.nan
    table = moved_with(data, measures=["score"]).set_index("group")
    fit = smf.ols("score ~ C(direction, Treatment('kept')) + tier", data).fit()
    for name in ("rose", "fell", "gone"):
        assert_allclose(table.loc[name, "estimate"], fit.params[f"C(direction, Treatment('kept'))[T.{name}]"])
        assert table.loc[name, "n"] == (data["score"].notna() & (data["direction"] == name)).sum()
    width = table["ci_high"] - table["ci_low"]
    assert_allclose(width["gone"], 2 * 1.96 * fit.bse["C(direction, Treatment('kept'))[T.gone]"], rtol=0.2)
    assert table["p_adjusted"].idxmin() == "gone"


def answers(seed=0, n=900):
    """Customers over two windows: staying depends on the level and, far more, on the plan that goes with it."""
    rng = np.random.default_rng(seed)
    plan = rng.random(n) < 0.5
    level = np.where(plan, rng.integers(0, 2, n), rng.integers(1, 3, n))
    data = pd.DataFrame({"customer_id": range(n), "plan": np.where(plan, "x", "y")})
    data["level"] = np.array(["low", "middle", "high"])[level]
    data["window"] = rng.integers(1, 3, n)
    data["tenure"] = rng.integers(0, 3, n).astype(str)
    data["retention"] = (rng.random(n) < 0.6 + 0.05 * level + 0.25 * ~plan).astype(float)
    data["spend"] = 20 + level + 10 * plan + rng.normal(size=n)
    return data


def test_link_is_what_standardisation_of_a_regression_gives():
    data = answers()
    table = satisfaction_link(data, replicates=100).set_index(["measure", "part", "group"])["estimate"]
    formula = "~ C(level) + C(window) + C(tenure) + plan"
    logit, ols = smf.logit("retention" + formula, data).fit(disp=0), smf.ols("spend" + formula, data).fit()
    for name in ("low", "middle", "high"):
        other = data.assign(level=name)
        assert_allclose(table["retention", "adjusted", name], 100 * logit.predict(other).mean(), rtol=1e-3)
        assert_allclose(table["spend", "adjusted", name], ols.predict(other).mean(), rtol=1e-6)
        assert_allclose(table["spend", "crude", name], data.query("level == @name")["spend"].mean())
    lifted = data.assign(level=data["level"].replace("low", "middle"))
    gain = 100 * (logit.predict(lifted) - logit.predict(data)).mean()
    assert_allclose(table["retention", "difference", "low as middle"], gain, atol=0.01)
    raw = table["retention", "crude", "high"] - table["retention", "crude", "low"]
    assert table["retention", "difference", "high - low"] < raw - 10  # most of it went with the plan


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**31))
def test_link_properties(seed):
    data = answers(seed, 200)
    table = satisfaction_link(data, replicates=50)
    shares = table.query("measure == 'retention' and part != 'difference'")["estimate"]
    assert shares.between(0, 100).all()
    shuffled = data.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(satisfaction_link(shuffled, replicates=50), table)


def test_windows_by_hand():
    days = [("2020-01-01", None), ("2020-01-01", "2026-05-01"), ("2025-12-01", "2026-01-01"), ("2026-01-20", None)]
    people = pd.DataFrame(days, columns=["joined_on", "left_on"]).apply(pd.to_datetime)
    people = people.assign(customer_id=list("abcd"), plan="x")
    said = [("a", "2025-12-01", 7), ("a", "2025-12-31", 2), ("a", "2026-01-01", 7), ("b", "2025-07-01", 5)]
    said += [("c", "2025-12-01", 5), ("d", "2025-12-01", 5), ("b", "2026-03-31", 6)]
    said = pd.DataFrame(said, columns=["customer_id", "responded_at", "overall"])
    said["responded_at"] = pd.to_datetime(said["responded_at"])
    data = paid(("b", "2026-01-01", 10), ("b", "2026-04-01", 14), ("b", "2026-05-01", 99), ("a", "2026-02-01", 6))
    table = scored_windows(
        said, data, people, observed_until="2026-06-30", cuts=(4, 6), months=3, windows=2, look_back=6
    )
    rows = table[["window", "customer_id", "level", "retention", "spend", "tenure"]].values.tolist()
    assert rows == [
        [1, "a", "low", 1.0, 2.0, "3"],
        [1, "b", "middle", 1.0, 10 / 3, "3"],
        [2, "a", "high", 1.0, 0.0, "3"],
        [2, "b", "high", 0.0, 14.0, "3"],
        [2, "d", "middle", 1.0, 0.0, "0"],
    ]
    with pytest.raises(ValueError, match="the second must be above the first"):
        scored_windows(said, data, people, observed_until="2026-06-30", cuts=(6, 4))


def test_gain_by_hand():
    """One age, constant chance to stay in sight: 12 months with S^c against 12 with S."""
    found = valued(company(2), horizon=12, discount=0.0)
    gain = retention_gain(found, points=5, horizon=12, discount=0.0).iloc[0]
    assert gain["value_reference"] == gain["value"] + 5
    assert gain["ci_low"] < gain["estimate"] < gain["ci_high"]
    model, people = found.models[0], found.customers
    stay = model.survival(400)["estimate"].to_numpy()
    age = people["age"].to_numpy()
    now = (stay[age + 12] / stay[age]).mean()
    assert_allclose(gain["value"], 100 * now)
    grid = np.linspace(0.2, 1, 4001)
    power = grid[np.argmin([abs(((stay[age + 12] / stay[age]) ** c).mean() - now - 0.05) for c in grid])]
    more, last = 0.0, found.monthly.last
    for t in range(1, 13):
        before, after = stay[age + t - 1] / stay[age], stay[age + t] / stay[age]
        more += (1 - last) * (after**power - after) + last * (before**power - before)
    assert 0.9 < last <= 1  # bills come on the first
    assert_allclose(gain["estimate"], more @ people["monthly"], rtol=2e-3)
    with pytest.raises(ValueError, match="points=60; .* stay already"):
        retention_gain(found, points=60)
    unsure = retention_gain(found, points=5, se=3, horizon=12, discount=0.0).iloc[0]
    assert unsure["ci_low"] < 0.5 * gain["estimate"]


def test_gain_needs_a_contract():
    shop = valued(company(3, n=150), business="retail", draws=20)
    with pytest.raises(ValueError, match="retention is not known"):
        retention_gain(shop)


def test_retail_value_is_published_purchases_times_published_spend():
    model = BetaGeoNBD.from_parameters({"r": 0.243, "alpha": 7 * 4.414, "a": 0.793, "b": 2.426})  # days
    spend = GammaGamma.from_parameters({"p": 6.25, "q": 3.74, "gamma": 15.44})
    row = {"frequency": [2], "recency": [7 * 30.43], "age": [7 * 38.86], "mean_spend": [22.35]}
    rules = {"discount": 0.0, "horizon": 39 * 7 / MONTH}
    # 1.226 purchases in 39 weeks (Fader, Hardie and Lee 2005), 24.66 each (Fader and Hardie 2013)
    assert_allclose(expected_spend(model, spend, pd.DataFrame(row), **rules), 1.226 * 24.66, rtol=1e-3)
    drawn = drawn_spend(
        model, spend, pd.DataFrame(row).loc[[0] * 4000], seed=1, **rules,
        parameters=(model.params_.to_frame().T, spend.params_.to_frame().T),
    )  # fmt: skip
    assert_allclose(drawn.mean(), 1.226 * 24.66, rtol=0.1)
    later = expected_spend(model, spend, pd.DataFrame(row), discount=0.01, horizon=39 * 7 / MONTH)
    assert 1.226 * 24.66 / 1.01**9 < later < 1.226 * 24.66
    forever = expected_spend(model, spend, pd.DataFrame(row), discount=0.01, horizon=np.inf)
    long = expected_spend(model, spend, pd.DataFrame(row), discount=0.01, horizon=900)
    assert forever > 0.95 * long


def shop(seed, n=400, weeks=104):
    """Purchases of a BG/NBD population with Gamma-Gamma spend, first purchases over the first half-year."""
    rng = np.random.default_rng(seed)
    rate, stop = rng.gamma(1.0, 1 / 60, n), rng.beta(1.0, 6.0, n)
    scale, rows = 1 / rng.gamma(4.0, 1 / 15.0, n), []
    for i, first in enumerate(rng.integers(0, 182, n)):
        day, alive = float(first), True
        while alive and day < 7 * weeks:
            rows.append((i, day, rng.gamma(6.0) * scale[i]))
            day, alive = day + rng.exponential(1 / rate[i]), rng.random() > stop[i] or day == first
    data = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    data["occurred_at"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.floor(data["day"]), unit="D")
    return data.assign(amount=data["amount"].clip(lower=0.01).round(2))


def test_every_retail_customer_is_valued_and_every_tier_filled():
    data = shop(1, 200)
    found = lifetime_value(data, business="retail", observed_until="2025-06-30", draws=50)
    assert len(found.customers) == data.query("occurred_at <= '2025-06-30'")["customer_id"].nunique()
    sizes = found.total.query("level == 'tier' and measure == 'value'")
    assert_allclose(sizes["share"], [0.2, 0.3, 0.5], atol=0.01)
    assert sizes["estimate"].sum() == pytest.approx(found.customers["estimate"].sum())
    each = found.total.query("level == 'tier' and measure == 'per_customer'")["estimate"]
    assert each.is_monotonic_decreasing
    assert found.monthly is None


@pytest.mark.long
def test_prediction_intervals_under_contract_cover():
    """100 companies, three months ahead from the data: parameters, staying and payments are all at work."""
    hits = 0
    for seed in range(100):
        people, rng = company(seed), np.random.default_rng([seed, 1])
        data = bills(people)
        data["amount"] = (data["amount"] * rng.lognormal(-0.02, 0.2, len(data))).round(2)
        table = value_holdouts(
            data, business="subscription", customers=people, observed_until="2025-12-31", origins=1, months=6
        )
        hits += int(table["covered"].iloc[0])
    assert 88 <= hits <= 100  # of 95 expected


@pytest.mark.long
def test_prediction_intervals_in_retail_cover():
    rules = {"business": "retail", "observed_until": "2025-12-31", "origins": 1, "months": 6}
    hits = sum(int(value_holdouts(shop(seed), **rules)["covered"].iloc[0]) for seed in range(60))
    assert 51 <= hits <= 60  # of 57 expected


def test_who_pays_just_the_limit_is_in_the_higher_tier():
    data = paid(*((name, f"2026-0{month}-01", 10) for name in "abc" for month in (1, 2)), ("d", "2026-01-01", 5))
    found = migration(data, observed_until="2026-02-28", months=1, shares=[0.5, 0.5]).customers
    assert found[["tier", "later"]].values.tolist() == [["A", "A"]] * 3 + [["B", "gone"]]


def test_monthly_spend_by_hand():
    days = [("2025-01-01", None), ("2026-01-15", None), ("2026-03-20", None), ("2025-06-01", "2026-02-11")]
    people = pd.DataFrame(days, columns=["joined_on", "left_on"]).apply(pd.to_datetime)
    people = people.assign(customer_id=list("abcd"))
    data = monthly(
        paid(
            ("a", "2026-01-01", 10), ("a", "2026-02-01", 10), ("a", "2026-03-01", 10), ("b", "2026-01-20", 99),
            ("b", "2026-02-01", 31), ("b", "2026-03-01", 29), ("c", "2026-03-25", 99), ("d", "2026-01-01", 20),
            ("d", "2026-02-01", 15), ("a", "2026-04-01", 50),
        ), customer="customer_id", time="occurred_at", amount="amount",
    )  # fmt: skip
    who = {"until": pd.Timestamp("2026-03-31"), "customer": "customer_id", "joined": "joined_on"}
    spend = monthly_spend(data, people.iloc[:3], last=12, **who)
    within = (0 + 2) / (2 + 1)  # squares around 10, 10, 10 and 31, 29
    between = 200 - within * (1 / 3 + 1 / 2) / 2
    own = [n * between / (n * between + within) for n in (3, 2)]
    assert_allclose(spend.expected, [own[0] * 10 + (1 - own[0]) * 20, own[1] * 30 + (1 - own[1]) * 20, 20])
    assert_allclose(spend.uncertain[2], np.sqrt(between))  # no whole month: as uncertain as customers differ
    assert_allclose(spend.months_sd**2, within)
    assert_allclose(last_month(data, people, left="left_on", **who), 15 / 20)


def held_of(*errors, n=90):
    missed = np.array(errors)
    return pd.DataFrame({"n": n, "error_percent": missed, "covered": np.abs(missed) < 3})


def test_what_is_said_of_earlier_forecasts():
    fine = value_sentences.held(held_of(0.4, -0.2, 0.3))
    assert fine.startswith("Of 3 earlier forecasts, 3 had")
    assert "largest miss was 0.4 %" in fine
    assert value_sentences.caution(held_of(0.4, -0.2, 0.3)) == ""
    poor = value_sentences.held(held_of(-12.0, -39.2, -8, -20, -2))
    assert "Allow for a miss of 39 % either way" in poor
    assert "All of them were too low" in poor
    assert "missed by up to 39 %" in value_sentences.caution(held_of(-12.0, -39.2))
    assert "too high" in value_sentences.held(held_of(1.0, 1, 2, 1, 1))
    assert "too short" in value_sentences.held(held_of())
    assert "too short" in value_sentences.held(held_of(1.0, n=4))  # too few customers to show
    assert value_sentences.caution(held_of()) == "Nothing tells yet how far this holds."


def test_nothing_to_go_by_gives_empty_tables():
    people = company(5, n=100)
    early = bills(people).query("occurred_at < '2024-04-01'")
    said = pd.DataFrame({"customer_id": ["c0001"], "responded_at": [pd.Timestamp("2030-01-01")], "overall": [5.0]})
    windows = scored_windows(said, early, people, observed_until="2024-03-31", cuts=(4, 6))
    link = satisfaction_link(windows)
    assert windows.empty
    assert link.empty
    assert link.query("measure == 'retention' and not few_groups").empty
    assert link_sentences.linked(link, months=6, equal=[]).startswith("Too few")
    assert link_sentences.spent(link, currency="EUR").startswith("Too few")
    assert value_plots.plot_link(link, months=6).get_label().startswith("Too few")
    moved = migration(bills(people), observed_until="2025-12-31", customers=people).customers
    nobody = moved_with(moved.assign(score=np.nan), measures=["score"])
    assert value_sentences.went_with(nobody, names={}).startswith("Nothing measured")
    plt.close("all")
