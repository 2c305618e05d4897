"""Complaints: service levels with open cases, the closed loop, what lies behind, how many there are."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib import complaints
from csatlib.stats.due import within_due
from csatlib.stats.durations import kaplan_meier, time_until
from csatlib.stats.intervals import rate_score, wilson
from csatlib.tables import workspace

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "real" / "baltimore311"
GOLDEN = json.loads((Path(__file__).parent / "golden" / "complaints.json").read_text(encoding="utf-8"))
SMALL = 1e-9  # rounding of sums
FIRST = pd.Timestamp("2026-10-01 08:00")


def after(hours):
    return pd.to_datetime([None if h is None else FIRST + pd.Timedelta(hours=h) for h in hours])


@pytest.fixture
def hand():
    """Six cases: within, late, open and overdue, open and pending (twice), one whose customer left."""
    cases = pd.DataFrame({"opened_at": after([0, 0, 0, 50, 0, 0])})
    cases["urgency"] = ["urgent", "urgent", "urgent", "urgent", "other", "other"]
    cases["first_response_at"] = after([1, 5, 6, None, 30, 1])
    cases["resolved_at"] = after([3, 10, None, None, None, None])
    cases["left_on"] = after([None, None, None, None, None, 20])
    return cases


def pick(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def test_kaplan_meier_is_that_of_r():
    golden = GOLDEN["kaplan_meier"]
    found = kaplan_meier(golden["time"], golden["dead"])
    at = [found["time"].searchsorted(t, side="right") - 1 for t in golden["times"]]
    expected = np.column_stack([golden[c] for c in ("survival", "se", "lower", "upper")])
    # R prints 10 digits or more
    assert_allclose(found.loc[at, ["estimate", "se", "ci_low", "ci_high"]], expected, atol=1e-9)
    assert time_until(found)["estimate"] == golden["median"]


def test_kaplan_meier_counts_as_rows():
    time, event = np.array([1, 2, 2, 3.0]), np.array([True, False, True, True])
    count = np.array([2, 1, 3, 2])
    rows = kaplan_meier(np.repeat(time, count), np.repeat(event, count))
    pd.testing.assert_frame_equal(kaplan_meier(time, event, count=count), rows)
    with pytest.raises(ValueError, match="time holds -1"):
        kaplan_meier([-1, 2], [1, 1])


def test_service_levels_by_hand(hand):
    rules = {"response": {"urgent": 4, "other": 24}, "resolution": {"urgent": 8, "other": 100}}
    found = complaints.service_levels(
        hand, **rules, by=["urgency"], until="left_on", as_of=FIRST + pd.Timedelta("54h")
    )
    counts = ["n", "n_within", "n_late", "n_overdue", "n_pending"]
    whole = pick(found.within, level="all").set_index("stage")
    # the case of hour 50 is due at hours 54 (answer: just now, not later) and 58
    assert whole.loc["response", counts].tolist() == [6, 2, 3, 1, 0]
    assert whole.loc["resolution", counts].tolist() == [3, 1, 1, 1, 3]
    assert_allclose(whole.loc["resolution", ["estimate"]].astype(float), 100 / 3)
    low, high = wilson(1, 3)
    assert_allclose(whole.loc["resolution", ["ci_low", "ci_high"]].astype(float), [100 * low, 100 * high])
    other = pick(found.within, group="other", stage="resolution").iloc[0]
    assert other[counts].tolist() == [0, 0, 0, 0, 2]
    assert np.isnan(other["estimate"])
    # solved after 3 h (6 at risk) and 10 h (4: one case is open since 4 h)
    curve = pick(found.curves, stage="resolution", level="all")
    assert_allclose(curve["estimate"], [100 / 6, 100 * (1 - 5 / 6 * 3 / 4)])
    assert pick(found.times, stage="resolution", level="all")[["n", "n_open"]].values.tolist() == [[6, 4]] * 2


def test_what_comes_later_has_not_happened(hand):
    early = complaints.service_levels(hand, resolution=8, as_of=FIRST + pd.Timedelta("9h"))
    row = pick(early.within, level="all").iloc[0]
    assert row[["n", "n_within", "n_late", "n_overdue"]].tolist() == [5, 1, 0, 4]  # not opened yet: hour 50


def test_backlog_by_hand(hand):
    found = complaints.backlog(
        hand, by=["urgency"], ages=[1, 2], until="left_on", as_of=FIRST + pd.Timedelta("54h")
    )
    assert pick(found, level="all")["estimate"].tolist() == [1, 0, 2]
    assert pick(found, group="other")[["n", "estimate"]].values.tolist() == [[1, 0], [1, 0], [1, 1]]
    assert_allclose(pick(found, level="all")["share"], [100 / 3, 0, 200 / 3])


def test_an_ibis_table_gives_the_same(hand):
    from csatlib.stats.due import table_of

    rules = {"response": 4, "resolution": {"urgent": 8}, "by": ["urgency"], "until": "left_on"}
    frame, table = (complaints.service_levels(d, **rules) for d in (hand, table_of(hand)))
    for part in ("within", "times", "curves"):
        pd.testing.assert_frame_equal(getattr(frame, part), getattr(table, part))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.none() | st.integers(0, 50)), min_size=1, max_size=20), st.integers()
)
def test_within_due_adds_up_in_any_order(drawn, seed):
    cases = pd.DataFrame({"due": after([d for d, _ in drawn]), "done": after([d for _, d in drawn])})
    rules = {"done": "done", "due": "due", "as_of": FIRST + pd.Timedelta("25h")}
    row = within_due(cases, **rules).iloc[0]
    parts = ["n_within", "n_late", "n_overdue", "n_pending", "n_undated"]
    assert row[parts].sum() == len(cases)
    assert row["n"] == row[parts[:3]].sum()
    assert np.isnan(row["estimate"]) or 0 <= row["ci_low"] <= row["estimate"] + SMALL
    assert not row["estimate"] > row["ci_high"] + SMALL
    shuffled = cases.sample(frac=1, random_state=abs(seed) % 1000)
    pd.testing.assert_frame_equal(within_due(shuffled, **rules), within_due(cases, **rules))


def test_problems_are_named(hand):
    with pytest.raises(ValueError, match="response for urgent: -1.*both due= and resolution="):
        complaints.service_levels(hand, response={"urgent": -1}, resolution=8, due="left_on")
    with pytest.raises(KeyError, match="'urgnecy' .nearest: 'urgency'"):
        complaints.service_levels(hand, by=["urgnecy"])
    with pytest.raises(ValueError, match=r"ages=\[3, 1\]; give days above 0 that grow"):
        complaints.backlog(hand, ages=[3, 1])
    with pytest.raises(ValueError, match="'opened_at' is string"):
        complaints.backlog(hand.assign(opened_at="yesterday"))


def test_closed_loop_by_hand(hand):
    cases = hand.assign(followed_up_at=after([None, 40, None, None, None, None]))
    cases["rating_after"] = [7, 4, None, None, None, 6]
    cases["reopened"] = [False, True, None, None, True, None]
    found = complaints.closed_loop(cases, by=["urgency"])
    whole = pick(found, level="all")
    received = pick(whole, base="received").set_index("stage")["count"]
    assert received.to_dict() == {"received": 6, "answered": 5, "solved": 2, "followed_up": 1, "satisfied": 2}
    rest = {
        (s, b): (c, n) for s, b, c, n in whole[["stage", "base", "count", "n"]].values.tolist() if b != "received"
    }
    assert rest == {
        ("answered", "previous"): (5, 6), ("solved", "previous"): (2, 5), ("followed_up", "previous"): (1, 2),
        ("satisfied", "rated"): (2, 3), ("reopened", "solved"): (1, 2),
    }  # fmt: skip
    early = complaints.closed_loop(cases, as_of=FIRST + pd.Timedelta("9h"))
    assert pick(early, stage="solved", base="received")["count"].tolist() == [1]


def test_conversion_by_hand():
    ratings = pd.DataFrame({"rating_before": [1, 2, 3, 3, 4, 7, None], "rating_after": [5, 4, None, 7, 7, 1, 6]})
    row = complaints.conversion(ratings).iloc[0]
    assert row[["n", "count", "n_missing", "n_unrated"]].tolist() == [3, 2, 1, 1]
    assert_allclose(row[["estimate", "lowest", "highest"]].astype(float), [200 / 3, 50, 75])
    low, high = wilson(2, 3)
    assert_allclose(row[["ci_low", "ci_high"]].astype(float), [100 * low, 100 * high])
    none = complaints.conversion(ratings.assign(rating_before=7.0)).iloc[0]
    assert none["n"] == 0
    assert np.isnan(none["estimate"])
    with pytest.raises(ValueError, match="low=7, high=1; the scale must grow"):
        complaints.conversion(ratings, low=7, high=1)


def test_pareto_golden():
    golden = GOLDEN["pareto"]["table"]
    rows = [(g["cause"], "Desk" if i % 3 else "Post") for g in golden for i in range(g["n"])]
    found = complaints.causes(pd.DataFrame(rows, columns=["kind", "owner"]), whys=[], pareto="kind").pareto
    assert found["group"].tolist() == [g["cause"] for g in golden]
    assert_allclose(found["cumulative"], [g["cumulative"] for g in golden])
    assert (found["cumulative"] < 80).sum() + 1 == GOLDEN["pareto"]["for_80_percent"]
    assert set(found["owner"]) == {"Desk"}
    assert_allclose(found["owner_share"].iloc[0], 100 * 280 / 420)
    assert found["level_with_first"].tolist() == [True] + [False] * 6


def test_five_whys_by_hand():
    rows = [
        ("A", "x", "p"),
        ("A", "x", "q"),
        ("A", "x", None),
        ("A", "y", None),
        ("A", None, None),
        ("B", "x", "p"),
    ]
    cases = pd.DataFrame([*rows, (None, None, None)], columns=["cause_1", "cause_2", "cause_3"])
    found = complaints.causes(cases, owner=None)
    made = found.tree[["path", "n", "count", "n_ended"]].values.tolist()
    assert made == [
        ["A", 6, 5, 1], ["A › x", 6, 3, 1], ["A › x › p", 6, 1, 1], ["A › x › q", 6, 1, 1], ["A › y", 6, 1, 1],
        ["B", 6, 1, 0], ["B › x", 6, 1, 0], ["B › x › p", 6, 1, 1],
    ]  # fmt: skip
    assert_allclose(found.tree["share_of_parent"].head(4), [500 / 6, 60, 100 / 3, 100 / 3])
    assert found.pareto["level_with_first"].tolist() == [True, True]  # 5 against 1: cannot be told apart
    shuffled = complaints.causes(cases.sample(frac=1, random_state=1), owner=None)
    pd.testing.assert_frame_equal(shuffled.tree, found.tree)
    with pytest.raises(KeyError, match="none of the columns cause_1, cause_2"):
        complaints.causes(cases[["cause_3"]].rename(columns={"cause_3": "why"}), whys=["cause_1", "cause_2"])


def test_rising_by_hand():
    now = pd.DataFrame({"cause_1": ["A"] * 12 + ["B"] * 5 + ["new"] * 9})
    before = pd.DataFrame({"cause_1": ["A"] * 12 + ["B"] * 20})
    found = complaints.rising(now, before, exposure=1, exposure_before=3).set_index("group")
    assert_allclose(found["estimate"], [3, 0.75, np.inf])
    assert_allclose(found["value_reference"], [4, 20 / 3, 0])
    low, _ = wilson(12, 24)
    assert_allclose(found.loc["A", "ci_low"], low / (1 - low) * 3)
    assert (found["p_adjusted"] < 0.05).to_dict() == {"A": True, "B": False, "new": True}
    assert (found["p_adjusted"] >= found["p_value"]).all()
    with pytest.raises(ValueError, match="exposure=0"):
        complaints.rising(now, before, exposure=0)


@pytest.mark.long
def test_nothing_rises_more_often_than_stated():
    rng = np.random.default_rng(0)
    names = np.array(list("ABCDEFGHIJ"))
    found = 0
    for _ in range(300):
        sides = [pd.DataFrame({"cause_1": np.repeat(names, rng.poisson(20, 10))}) for _ in range(2)]
        found += (complaints.rising(*sides)["p_adjusted"] < 0.05).any()
    assert found / 300 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 300)


def test_volume_by_hand():
    people = pd.DataFrame({"region": ["N"] * 100 + ["S"] * 300, "joined_on": pd.Timestamp("2020-01-01")})
    people["left_on"] = pd.to_datetime(["2026-01-31"] * 20 + [None] * 380)
    people.loc[399, "joined_on"] = pd.Timestamp("2026-02-20")
    cases = pd.DataFrame({"opened_at": pd.to_datetime(["2026-01-05", "2026-01-06", "2026-03-01"])})
    cases = cases.assign(region=["N", "N", "S"], channel=["app", "app", "phone"])
    found = complaints.volume(cases, customers=people, by=["region", "channel"])
    assert pick(found, level="all")[["n", "count"]].values.tolist() == [[399, 2], [380, 0], [380, 1]]
    assert pick(found, group="N")[["n", "count"]].values.tolist() == [[100, 2], [80, 0], [80, 0]]
    assert pick(found, group="phone")["n"].tolist() == [399, 380, 380]
    assert_allclose(pick(found, group="N")["estimate"], [20, 0, 0])
    low, high = rate_score(2, 100)
    assert_allclose(pick(found, group="N")[["ci_low", "ci_high"]].iloc[0], [1000 * low, 1000 * high])
    assert found["ucl"].isna().all()  # three months make no chart


def test_a_complaint_without_a_customer_is_one_of_a_customer_of_its_own():
    people = pd.DataFrame({"joined_on": [pd.Timestamp("2020-01-01")] * 100})
    cases = pd.DataFrame(
        {"opened_at": pd.to_datetime(["2026-01-05"] * 6), "customer_id": ["a", "a", "a", "b"] + [None] * 2}
    )
    found = complaints.volume(cases, customers=people).iloc[0]
    low, high = rate_score(6, 100, dispersion=(9 + 1 + 1 + 1) / 6 - 6 / 100)
    assert_allclose([found["count"], found["ci_low"], found["ci_high"]], [6, 1000 * low, 1000 * high])


def test_a_month_that_doubles_is_seen():
    people = pd.DataFrame({"joined_on": [pd.Timestamp("2020-01-01")] * 4000})
    counts = {f"2025-{m:02}": 40 + m % 3 for m in range(1, 13)} | {"2026-01": 95}
    days = [f"{month}-15" for month, k in counts.items() for _ in range(k)]
    found = complaints.volume(
        pd.DataFrame({"opened_at": pd.to_datetime(days)}), customers=people, baseline=("2025-01", "2025-12")
    )
    assert found.loc[found["signal"], "period"].tolist() == ["2026-01"]
    assert ((found["lcl"] <= found["center"]) & (found["center"] <= found["ucl"])).all()
    with pytest.raises(ValueError, match="no complaints"):
        complaints.volume(pd.DataFrame({"opened_at": pd.to_datetime([])}), customers=people)


def test_themes_by_hand():
    said = [
        "On hold for 10 minutes",
        "household goods",
        "I was on hold, call 0171 1234567",
        "热线排队很久",
        " ",
        None,
    ]
    found = complaints.themes(
        pd.DataFrame({"text": said}), keywords={"Waiting": ["on hold", "排队"], "Bill": ["bill"]}, min_comments=3
    )
    assert found[["n", "count"]].values.tolist() == [[4, 3], [4, 0], [4, 1]]
    assert found["quotation"].tolist() == ["热线排队很久", "", ""]
    masked = complaints.themes(
        pd.DataFrame({"text": said[2:3]}), keywords={"Waiting": ["on hold"]}, min_comments=1
    )
    assert masked["quotation"].iloc[0] == "I was on hold, call [phone]"
    few = complaints.themes(pd.DataFrame({"text": said}), keywords={"Waiting": ["on hold"]})
    assert few["quotation"].tolist() == ["", ""]  # fewer than eight
    with pytest.raises(ValueError, match="no list of keywords for 'Waiting'"):
        complaints.themes(pd.DataFrame({"text": said}), keywords={"Waiting": "on hold"})


def test_handling_by_hand():
    rows = [
        ("a", "Hotline", 1, True), ("b", "Hotline", 1, False), ("b", "Billing", 3, False),
        ("b", "Hotline", 5, True), ("c", "Shop", 2, False), ("c", "Shop", 4, True),
        ("d", "Shop", 1, None), (None, "Shop", 1, True),
    ]  # fmt: skip
    contacts = pd.DataFrame(rows, columns=["case_id", "unit", "occurred_at", "resolved"])
    found = complaints.handling(contacts.sample(frac=1, random_state=0), by=["unit"])
    whole = pick(found.shares, level="all")[["measure", "n", "count"]].values.tolist()
    assert whole == [["first_contact", 3, 1], ["handed_on", 2, 1]]
    assert pick(found.shares, group="Shop")[["n", "count"]].values.tolist() == [[1, 0], [1, 0]]
    paths = found.paths[["source", "target", "n", "count"]].values.tolist()
    assert paths == [["Billing", "Hotline", 2, 1], ["Hotline", "Billing", 2, 1]]


@pytest.mark.long
def test_baltimore(tmp_path):
    if not REAL.is_dir():
        pytest.skip("baltimore311 is not in ../shared/real")
    shutil.copy(ROOT / "examples" / "baltimore311" / "csat.toml", tmp_path)
    (tmp_path / "data").symlink_to(REAL, target_is_directory=True)
    cases = workspace.open(tmp_path / "csat.toml").complaints
    # SOURCE.txt: closed with both dates 9,555, within due 83.60 %, median open time 31.1 h
    closed = complaints.service_levels(cases.dropna(subset=["due_at", "resolved_at"]), due="due_at")
    assert closed.within["n"].tolist() == [9555]
    assert closed.within["estimate"].round(2).tolist() == [83.60]
    assert closed.times["estimate"].round(1).iloc[0] == 31.1
    # duplicates apart, open requests counted: overdue ones failed, and the median is longer
    single = complaints.service_levels(cases[~cases["status"].str.contains("Duplicate")], due="due_at")
    counts = ["n", "n_within", "n_late", "n_overdue", "n_pending", "n_undated"]
    assert single.within[counts].iloc[0].tolist() == [9482, 7839, 1514, 129, 24, 277]
    assert single.times["estimate"].iloc[0] > 39
