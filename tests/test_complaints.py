"""Complaints: service levels with open cases, the closed loop, what lies behind, how many there are."""

import json
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
from csatlib.stats.intervals import wilson

GOLDEN = json.loads((Path(__file__).parent / "golden" / "complaints.json").read_text(encoding="utf-8"))
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
    assert np.isnan(row["estimate"]) or 0 <= row["ci_low"] <= row["estimate"] <= row["ci_high"] <= 100
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
