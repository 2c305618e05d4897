"""After a complaint: weighted comparison, E-value, cohort; with and without a planted difference."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.complaints import recovery
from csatlib.complaints.cohort import cohort
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import replicate_groups
from csatlib.stats.sensitivity import e_value, nearest_to_one
from csatlib.stats.weights.overlap import overlap_means

GOLDEN = json.loads((Path(__file__).parent / "golden" / "recovery.json").read_text(encoding="utf-8"))
PRINTED = 0.005  # the paper prints two decimals


def drawn_rows(n, *, seed, effect=0.0):
    """Rows in which the chance of treatment and the outcome move with x."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"x": rng.normal(size=n), "plan": rng.choice(["A", "B"], n), "id": np.arange(n) // 2})
    rows["z"] = rng.random(n) < 1 / (1 + np.exp(2.0 - rows["x"]))
    rows["y"] = rows["x"] + (rows["plan"] == "A") + effect * rows["z"] + rng.normal(size=n)
    return rows


def compare(rows, **more):
    return overlap_means(rows, treated="z", outcome="y", predictors=["x", "plan"], cluster="id", **more)


def test_e_value_is_that_of_the_paper():
    golden = GOLDEN["e_value"]
    limit = nearest_to_one(golden["low"], golden["high"])
    assert_allclose(e_value(golden["risk_ratio"]), golden["e_value"], atol=PRINTED)
    assert_allclose(e_value(limit), golden["e_value_limit"], atol=PRINTED)
    assert e_value(nearest_to_one(0.9, 1.2)) == 1
    with pytest.raises(ValueError, match="ratio=0.0"):
        e_value(0.0)


@given(st.floats(0.01, 100))
def test_e_value_is_the_same_on_both_sides_of_one(ratio):
    assert_allclose(e_value(ratio), e_value(1 / ratio), rtol=1e-9)
    assert e_value(ratio) >= max(ratio, 1 / ratio)


def test_overlap_means_by_hand():
    """Plan A: 40 rows, 3 of 4 treated, 1 lower; B: 80, 1 of 8, 3 lower: they count 40 * 3/16 and 80 * 7/64."""
    rows = pd.DataFrame({"z": [1, 1, 1, 0] * 10 + [1, 0, 0, 0, 0, 0, 0, 0] * 10, "plan": ["A"] * 40 + ["B"] * 80})
    rows["y"] = np.where(rows["plan"] == "A", 6.0 - rows["z"], 2.0 - 3 * rows["z"])
    found = overlap_means(
        rows.assign(id=rows.index), treated="z", outcome="y", predictors=["plan"], cluster="id", ridge=1e-9
    )
    a, b = 7.5 / 16.25, 8.75 / 16.25
    assert_allclose(found.means, [5 * a - b, 6 * a + 2 * b], atol=1e-6)  # penalty next to none
    assert found.n.tolist() == [40, 80]
    assert_allclose(found.balance["smd_after"], 0, atol=1e-6)
    sd = np.sqrt((3 / 16 + 10 / 80 * 70 / 80) / 2)
    assert_allclose(found.balance["smd_before"], [(30 / 40 - 10 / 80) / sd, -(30 / 40 - 10 / 80) / sd], atol=1e-6)
    assert_allclose(found.n_eff[0], 16.25**2 / (30 / 16 + 10 * 49 / 64), rtol=1e-5)  # 30 times 1/4, 10 times 7/8


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_overlap_means_do_not_depend_on_the_order(seed):
    rows = drawn_rows(300, seed=seed)
    one, other = compare(rows), compare(rows.sample(frac=1, random_state=seed))
    assert_allclose(one.means, other.means, atol=1e-7)
    assert_allclose(one.influence, other.influence, atol=1e-7)
    assert_allclose(one.influence.sum(axis=0), 0, atol=1e-9)


def test_linear_replicates_spread_like_refitted_ones():
    rows = drawn_rows(1500, seed=1, effect=0.5)
    found = compare(rows)
    rows["group"] = replicate_groups(rows["id"])
    parts = [part for _, part in rows.groupby("group")]
    counts = multiplicities(np.bincount(rows["group"], minlength=256) > 0, replicates=50, seed=3)
    linear = found.means + counts @ found.influence
    groups = sorted(rows["group"].unique())
    refitted = []
    for row in counts:
        drawn = pd.concat([parts[i] for i, g in enumerate(groups) for _ in range(int(row[g]))])
        refitted.append(compare(drawn).means)
    difference = np.array(refitted) @ [1, -1]
    assert np.corrcoef(difference, linear @ [1, -1])[0, 1] > 0.98
    assert 0.9 < difference.std() / (linear @ [1, -1]).std() < 1.1


def test_overlap_problems_are_named():
    rows = drawn_rows(100, seed=0)
    with pytest.raises(KeyError, match="'plann'"):
        overlap_means(rows, treated="z", outcome="y", predictors=["plann"], cluster="id")
    rows.loc[3, "x"] = np.nan
    with pytest.raises(ValueError, match="'x' is missing in 1 rows.*'z' has 0 rows in"):
        compare(rows.assign(z=0))


@pytest.fixture
def hand():
    """Six customers: repaired well, late, opened again; complained between; not; gone before watching begins."""
    people = pd.DataFrame({"customer_id": list("abcdef"), "joined_on": pd.Timestamp("2020-01-01")})
    people["left_on"] = pd.to_datetime([None, "2026-07-01", None, None, None, "2026-06-02"])
    cases = pd.DataFrame({"customer_id": list("abcd"), "reopened": [0, 0, 1, 0]})
    cases["opened_at"] = pd.to_datetime(["2026-05-04", "2026-05-05", "2026-05-06", "2026-06-03"])
    cases["resolved_at"] = pd.to_datetime(["2026-05-06", "2026-05-20", "2026-05-07", "2026-06-04"])
    return people, cases


def test_cohort_by_hand(hand):
    people, cases = hand
    scores = pd.DataFrame({"customer_id": ["a", "a", "e", "a"], "overall": [1, 5, 6, 2]})
    scores["responded_at"] = pd.to_datetime(["2026-06-05", "2026-06-07", "2026-06-08", "2026-06-20"])
    bills = pd.DataFrame({"customer_id": ["a", "a", "e"], "amount": [10.0, 20.0, 90.0]})
    bills["occurred_at"] = pd.to_datetime(["2026-06-06", "2026-06-10", "2026-10-01"])
    more = {"responses": scores, "transactions": bills, "within": 5, "follow": 60, "days": 3}
    rows = cohort(cases, customers=people, **more, as_of="2026-09-30")
    may = rows[rows["month"] == "2026-05"].set_index("customer_id")
    assert may["part"].to_dict() == {"a": "well", "b": "badly", "c": "badly", "e": "none"}
    assert may["retention"].to_dict() == {"a": 100, "b": 0, "c": 100, "e": 100}
    assert may["satisfaction"].dropna().to_dict() == {"a": 5, "e": 6}  # watched from 6 June on
    assert may["spend"].to_dict() == {"a": 15, "b": 0, "c": 0, "e": 0}  # 30 in 60 days
    assert "a" not in set(rows.loc[rows["month"] > "2026-05", "customer_id"])


def test_nothing_later_is_known_before(hand):
    people, cases = hand
    calls = pd.DataFrame({"customer_id": ["a"] * 3, "case_id": "s", "resolved": 0, "text": "Still not fixed"})
    calls["occurred_at"] = pd.to_datetime(["2026-04-29", "2026-05-02", "2026-05-30"])
    rows = cohort(cases, customers=people, contacts=calls, days=3, follow=60, as_of="2026-09-30")
    own = rows.query("month == '2026-05' and customer_id == 'a'").iloc[0]
    assert_allclose(own[["contacts", "unresolved", "sharp_words", "repeats"]].astype(float), np.log([2, 2, 2, 1]))


def test_few_customers_give_no_figures(hand):
    people, cases = hand
    found = recovery(cases, customers=people, days=3, follow=60, as_of="2026-09-30")
    assert found.contrasts[["part", "measure", "n"]].values.tolist() == [
        ["well", "retention", 2],
        ["badly", "retention", 2],
    ]
    assert found.contrasts["estimate"].isna().all()
    assert found.balance.empty
    assert recovery(cases, customers=people).contrasts.empty
    with pytest.raises(ValueError, match="no month has 90 days before it"):
        cohort(cases, customers=people)


def company(seed, *, n=500, months=8, change=0.0):
    """Customers whose complaints, scores and leaving move with their plan."""
    rng = np.random.default_rng(seed)
    start, span = pd.Timestamp("2026-01-01"), 30.4 * months
    trait = rng.choice([-1.0, 1.0], n)
    ids = np.array([f"c{seed}_{i}" for i in range(n)])
    people = pd.DataFrame(
        {"customer_id": ids, "joined_on": pd.Timestamp("2020-01-01"), "plan": trait.astype("str")}
    )
    chance = 0.35 / (1 + np.exp(trait))
    who = np.flatnonzero(rng.random(n) < 2 * chance)
    cases = pd.DataFrame(
        {"customer_id": ids[who], "opened_at": start + pd.to_timedelta(rng.uniform(0, span, len(who)), "D")}
    )
    well = rng.random(len(who)) < 0.6
    cases["resolved_at"] = cases["opened_at"] + pd.to_timedelta(np.where(well, 2, 20), "D")
    opened = pd.Series(cases["opened_at"].to_numpy(), index=who).reindex(range(n)).to_numpy()
    good = pd.Series(well, index=who).reindex(range(n)).eq(True).to_numpy()
    left = start + pd.to_timedelta(rng.exponential(900 * np.exp(0.4 * trait)), "D")
    people["left_on"] = left
    waves = []
    for day in range(-20, int(span), 15):
        at = start + pd.Timedelta(days=day)
        score = 5 + trait + rng.normal(size=n) + change * (good & (opened < np.datetime64(at)))
        waves.append(pd.DataFrame({"customer_id": ids, "responded_at": at, "overall": score})[left > at])
    return cases, people, pd.concat(waves)


def of_company(seed, **more):
    cases, people, scores = company(seed, **more)
    end = cases["opened_at"].max()
    rows = recovery(
        cases, customers=people, responses=scores, days=28, follow=60, as_of=end, keep=["plan"], replicates=300
    )
    return rows.contrasts.set_index(["part", "measure"])


def test_a_planted_difference_is_found_and_the_other_stays_apart():
    found = of_company(1, n=1500, change=1.5)
    row = found.loc[("well", "satisfaction")]
    assert row["ci_low"] < 1.5 < row["ci_high"]
    assert row["p_adjusted"] < 0.01
    assert row["e_value_limit"] > 1.5


@pytest.mark.long
def test_without_a_difference_the_interval_covers_zero_at_its_rate():
    rows = pd.concat([of_company(seed, n=800) for seed in range(120)])
    covered = ((rows["ci_low"] < 0) & (rows["ci_high"] > 0)).groupby(level=[0, 1]).mean()
    # 0.95 +- 3 standard errors of 120 runs; retention rests on few who leave
    assert covered.between(0.88, 1.0).all(), covered
