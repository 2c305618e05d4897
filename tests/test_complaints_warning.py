"""Early warning: nothing later is known, alarms by hand, and the stated precision holds in later months."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from csatlib.complaints import early_warning
from csatlib.complaints.known import known_at, sharp
from csatlib.complaints.warning import MODEL, RULE, _alarmed, _complains, _figures, _out_of_time
from csatlib.stats.intervals import wilson
from csatlib.tables.simulate import simulate, truth

START = pd.Timestamp("2026-01-01")


def days(values):
    return START + pd.to_timedelta(np.asarray(values, dtype=float), unit="D")


def company(seed, *, n=300, months=10, chance=0.35):
    """Customers who call; after a call that solves nothing some complain within ten days, others at any time."""
    rng = np.random.default_rng(seed)
    ids, span = np.array([f"c{seed}_{i}" for i in range(n)]), 30.4 * months
    people = pd.DataFrame({"customer_id": ids, "joined_on": pd.Timestamp("2020-01-01")})
    calls = pd.DataFrame({"customer_id": rng.choice(ids, 3 * n), "resolved": rng.random(3 * n) < 0.7})
    at = rng.uniform(0, span, 3 * n)
    calls["occurred_at"] = days(at)
    calls["wait_seconds"] = rng.exponential(60, 3 * n) * np.where(calls["resolved"], 1, 3)
    angry = ~calls["resolved"] & (rng.random(3 * n) < chance)
    own = pd.DataFrame({"customer_id": calls.loc[angry, "customer_id"]})
    own["opened_at"] = days(at[angry] + rng.uniform(0.5, 10, angry.sum()))
    other = pd.DataFrame({"customer_id": rng.choice(ids, n // 4), "opened_at": days(rng.uniform(0, span, n // 4))})
    return pd.concat([own, other], ignore_index=True), people, calls.astype({"resolved": float})


def warned(seed, *, as_of=None, **more):
    cases, people, calls = company(seed, **more)
    return early_warning(cases, customers=people, contacts=calls, alarms=5, as_of=as_of, replicates=300)


def test_tone_of_texts():
    said = pd.Series(["I was charged AGAIN", "又没来人", "Against all odds: fine", "All good", None, "下次又来"])
    assert sharp(said).tolist() == [1, 1, 1, 0, 0, 1]  # words are looked for from their start on
    assert sharp(said, words=("fine",)).tolist() == [0, 0, 1, 0, 0, 0]


def test_what_is_known_by_hand():
    people = pd.DataFrame({"customer_id": ["a", "b", "c"], "joined_on": pd.Timestamp("2025-01-01")})
    people["left_on"] = pd.to_datetime([None, None, "2026-01-20"])
    calls = pd.DataFrame({"customer_id": ["a", "a", "a", "b"], "case_id": ["s", "s", "t", None], "resolved": 0})
    calls["occurred_at"], calls["wait_seconds"] = days([10, 11, 50, 12]), [60, 180, 0, 0]
    made = pd.DataFrame({"customer_id": ["a", "a", "b"], "due_at": days([12, 13, 40])})
    made["done_at"] = days([15, 13, 41])
    said = pd.DataFrame({"customer_id": ["a", "a"], "overall": [3, 7], "responded_at": days([2, 60])})
    found = known_at(people, [days(30)], contacts=calls, promises=made, responses=said, days=25)
    assert found["customer_id"].tolist() == ["a", "b"]
    counts = np.expm1(found[["contacts", "unresolved", "repeats", "waited", "broken"]])
    assert_allclose(counts, [[2, 2, 1, 3, 1], [1, 1, 0, 0, 0]], atol=1e-12)
    assert found[["score", "score_missing"]].values.tolist() == [[3, 0], [3, 1]]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_what_comes_later_changes_nothing(seed):
    cases, people, calls = company(seed, n=40)
    moment = days(100)
    now = known_at(
        people,
        [moment],
        contacts=calls[calls["occurred_at"] < moment],
        complaints=cases[cases["opened_at"] < moment],
    )
    assert_frame_equal(now, known_at(people, [moment], contacts=calls, complaints=cases))


def test_what_is_available_later_is_not_known():
    people = pd.DataFrame({"customer_id": ["a"], "joined_on": [pd.Timestamp("2025-01-01")]})
    calls = pd.DataFrame({"customer_id": ["a"] * 2, "resolved": 0, "occurred_at": days([10, 11])})
    calls["available_at"] = days([40, 5])  # never before it happened
    found = [known_at(people, [days(at)], contacts=calls)["contacts"].iloc[0] for at in (11, 12, 41)]
    assert_allclose(np.expm1(found), [0, 1, 2])


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_many_moments_are_as_one_at_a_time(seed):
    cases, people, calls = company(seed, n=40)
    rng = np.random.default_rng(seed)
    people["left_on"] = pd.Series(days(rng.uniform(0, 600, 40))).where(rng.random(40) < 0.5)
    calls["case_id"] = [f"k{i // 3}" if i % 4 else None for i in range(len(calls))]
    calls["available_at"] = calls["occurred_at"] + pd.to_timedelta(rng.exponential(5, len(calls)) - 2, unit="D")
    said = calls[["customer_id", "available_at"]].assign(responded_at=calls["occurred_at"], overall=calls.index)
    paid = calls[["customer_id", "occurred_at"]].assign(amount=rng.normal(size=len(calls)))
    tables = {"contacts": calls, "responses": said, "transactions": paid, "complaints": cases, "days": 25}
    moments = days([200, 30, 60, 61, 300])
    one_by_one = [known_at(people, [at], **tables) for at in sorted(moments)]
    assert_frame_equal(known_at(people, moments, **tables), pd.concat(one_by_one, ignore_index=True))


def test_complaints_within_the_days_ahead_by_hand():
    rows = pd.DataFrame({"customer_id": ["a", "a", "b", "a"], "at": days([0, 7, 0, 21])})
    cases = pd.DataFrame({"customer_id": ["a", "b"], "opened_at": days([14, 0])})
    assert _complains(rows, cases, 14).sort_index().tolist() == [False, True, True, False]


def test_alarms_and_figures_by_hand():
    rows = pd.DataFrame({"customer_id": list("abcd") * 2, "at": days([0] * 4 + [7] * 4)})
    rows["chance"] = [0.9, 0.1, 0.8, 0.2, 0.1, 0.2, 0.3, 0.9]
    rows["open_contacts"], rows["latest"] = [0, 1, 2, 1, 0, 0, 0, 1], days([0, -2, -3, -1, 0, 0, 0, 5])
    rows["complains"] = [1, 0, 0, 1, 0, 0, 1, 1]
    rows["complains"] = rows["complains"].astype(bool)
    found = _alarmed(rows, 2)
    assert found.loc[found[MODEL], ["customer_id", "chance"]].values.tolist() == [
        ["a", 0.9],
        ["c", 0.8],
        ["d", 0.9],
    ]
    assert found.loc[found[RULE], "customer_id"].tolist() == ["c", "d", "d"]
    cases = pd.DataFrame({"customer_id": ["a", "d", "d", "c", "b"], "opened_at": days([3, 8, 15, 20, 40])})
    told = _figures(found, cases, 14, 0.95, 0, 200).set_index(["part", "measure"])
    assert told.loc[[(MODEL, "precision"), (RULE, "precision")], "count"].tolist() == [2, 2]
    assert told.loc[[(MODEL, "recall"), (RULE, "recall")], ["n", "count"]].values.tolist() == [[4, 3], [4, 2]]
    assert told.loc[("difference", "recall"), "estimate"] == 25
    assert told.loc[("all", "precision"), ["n", "count"]].tolist() == [8, 4]
    low, high = wilson(0.5 * 4, 4)
    assert told.loc[("all", "precision"), "ci_low"] <= 100 * low + 1e-9
    assert told.loc[("all", "precision"), "ci_high"] >= 100 * high - 1e-9


def test_a_month_is_judged_by_a_model_that_has_not_seen_it():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"customer_id": np.arange(4000) % 200, "at": days(np.repeat(np.arange(20) * 7, 200))})
    rows["x"], rows["open_contacts"], rows["latest"] = rng.normal(size=4000), 0.0, pd.NaT
    rows["complains"] = rng.random(4000) < 0.1
    month = rows["at"].dt.strftime("%Y-%m").max()
    first = rows.loc[rows["at"].dt.strftime("%Y-%m") == month, "at"].min()
    other = rows.assign(complains=rows["complains"] ^ (rows["at"] + pd.Timedelta(days=14) > first))
    more = {"keep": [], "ahead": 14, "test": 1, "ridge": 1.0}
    one, two = _out_of_time(rows, **more)[0], _out_of_time(other, **more)[0]
    assert_allclose(one["chance"], two["chance"], rtol=1e-12)
    earlier = rows.assign(complains=rows["complains"] ^ (rows["at"] + pd.Timedelta(days=14) <= first))
    assert not np.allclose(one["chance"], _out_of_time(earlier, **more)[0]["chance"])


def test_early_warning_finds_those_who_complain():
    found = warned(3, n=200, months=8)
    told = found.figures.set_index(["part", "measure"])
    assert told.loc[(MODEL, "precision"), "n"] == told.loc[(RULE, "precision"), "n"] == found.months["n"].sum()
    assert told.loc[(MODEL, "precision"), "ci_low"] > told.loc[("all", "precision"), "ci_high"]
    assert found.months["alarms_per_week"].max() <= 5
    assert len(found.months) == 4
    by_feature = found.features.set_index("feature")
    assert (by_feature.loc["unresolved", "value"] > by_feature.loc["unresolved", "value_reference"]).all()


def test_problems_are_named():
    cases, people, calls = company(0, n=15)
    with pytest.raises(KeyError, match="'resolved'"):
        early_warning(cases, customers=people, contacts=calls.drop(columns="resolved"))
    for few in (
        calls,
        calls.head(0),
        calls[calls["occurred_at"] > cases["opened_at"].max() - pd.Timedelta(days=9)],
    ):
        assert early_warning(cases, customers=people, contacts=few).figures.empty


@pytest.mark.long
def test_the_stated_precision_holds_in_later_months():
    """The figure of four months against that of the four months after them: apart no more often than by chance."""
    apart = []
    for seed in range(40):
        stated, later = (
            warned(seed, months=16, as_of=days(30.4 * end))
            .figures.set_index(["part", "measure"])
            .loc[(MODEL, "precision")]
            for end in (11, 15.5)
        )
        apart.append((later["estimate"] - stated["estimate"]) / np.hypot(later["se"], stated["se"]))
    apart = np.array(apart)
    assert abs(apart.mean()) < 3 / np.sqrt(len(apart)), apart.mean()
    assert (np.abs(apart) < 1.96).mean() >= 0.84, apart  # 0.95 less 3 standard errors of 40 runs


@pytest.mark.long
@pytest.mark.parametrize(
    "effects",
    [
        {},
        {"after_broken_promise": 0.12, "after_bad_contact": 0.07},
        {"after_broken_promise": 0.5, "after_bad_contact": 0.4, "satisfaction": -0.3, "intercept": -5.2},
    ],
)
def test_the_stated_precision_holds_in_companies_not_seen_before(effects, monkeypatch):
    """Other seeds and effects than the sample company's: four months stated, the four after them observed.

    A study of 22 such companies (seeds 700 on) found later less stated -0.5 points of 100 (standard error 0.5),
    |z| < 1.96 in 91 %; of 20 with a growing backlog (seeds 500 on) +2.3 (0.5); none of those
    fell below the stated interval.
    """
    for name, value in effects.items():
        monkeypatch.setitem(truth.COMPLAINT, name, value)
    apart = []
    for seed in (700, 701):
        tables = simulate(seed + 10 * len(effects), months=22, stories=False).tables
        cases, answers = tables["complaints"], tables["responses"]
        rules = {name: tables[name] for name in ("customers", "contacts", "promises")}
        rules |= {"responses": answers[answers["survey"] == "relationship"], "keep": ["region"], "replicates": 300}
        end = (cases["opened_at"].max().to_period("M") - 4).end_time.floor("s")
        stated, later = (
            early_warning(seen, **rules).figures.set_index(["part", "measure"]).loc[(MODEL, "precision")]
            for seen in (cases[cases["opened_at"] <= end], cases)
        )
        assert stated["ci_low"] > 0
        apart.append((later["estimate"] - stated["estimate"]) / np.hypot(later["se"], stated["se"]))
    assert abs(np.mean(apart)) < 3 / np.sqrt(len(apart)), apart
