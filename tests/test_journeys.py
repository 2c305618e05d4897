import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.journeys import paths, sequences

# case, customer, touchpoint, channel, day of October, settled, rating
BY_HAND = [
    ("1", "a", "Chat", "chat", 1, 0, 2.0),
    ("1", "a", "Hotline", "phone", 3, 0, 3.0),
    ("1", "a", "Shop", "shop", 4, 1, 6.0),
    ("2", "b", "Chat", "chat", 2, 0, 3.0),
    ("2", "b", "Hotline", "phone", 8, 1, 2.0),
    ("3", "c", "Hotline", "phone", 5, 1, np.nan),
    ("4", "a", "Hotline", "phone", 6, 0, 4.0),
    ("5", "d", "Chat", "chat", 7, 0, 5.0),
    ("5", "d", "Chat", "chat", 9, 0, 4.0),
    ("6", "e", "Hotline", "phone", 29, 1, 7.0),
]
UNTIL = pd.Timestamp("2026-10-31")


def by_hand():
    names = ["case_id", "customer_id", "touchpoint", "channel", "day", "resolved", "rating"]
    frame = pd.DataFrame(BY_HAND, columns=names)
    return frame.assign(occurred_at=pd.Timestamp("2026-09-30") + pd.to_timedelta(frame["day"], unit="D"))


def company(n=400, customers=150, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "case_id": rng.integers(0, n // 2, n),
            "customer_id": rng.integers(0, customers, n).astype(str),
            "touchpoint": rng.choice(["Chat", "Hotline", "Shop"], n, p=[0.2, 0.5, 0.3]),
            "channel": rng.choice(["chat", "phone"], n),
            "occurred_at": pd.Timestamp("2026-06-01") + pd.to_timedelta(rng.uniform(0, 100, n), unit="D"),
            "resolved": rng.integers(0, 2, n),
            "rating": np.where(rng.random(n) < 0.6, rng.integers(1, 8, n), np.nan),
        }
    ).assign(customer_id=lambda frame: frame.groupby("case_id")["customer_id"].transform("first"))


def test_journeys_by_hand():
    made = sequences(by_hand(), until=UNTIL)
    table = made.journeys.set_index("journey")
    assert table["path"].tolist() == [
        *("Chat → Hotline → Shop", "Chat → Hotline", "Hotline", "Hotline", "Chat → Chat", "Hotline")
    ]
    assert table["settled"].tolist() == [1, 1, 1, 0, 0, 1]
    assert table["days"].tolist() == [3, 6, 0, 25, 24, 0]  # unfinished: watched until 31 October
    assert table["failures"].tolist() == [2, 1, 0, 1, 2, 0]
    assert table["settled_first"].tolist() == [0, 0, 1, 0, 0, 1]
    assert table["watched"].tolist() == [True] * 5 + [False]
    assert table["other_channel"].tolist() == [True, True, False, False, False, False]
    assert_allclose(table["rating_mean"], [11 / 3, 2.5, np.nan, 4, 4.5, 7])
    assert table.loc["1", ["rating_worst", "rating_best", "rating_end", "n_rated"]].tolist() == [2, 6, 6, 3]


def test_journeys_by_gap_begin_anew_after_a_pause():
    made = sequences(by_hand(), gap=2, until=UNTIL)
    table = made.journeys
    assert table["path"].tolist() == [
        *("Chat → Hotline → Shop → Hotline", "Chat", "Hotline", "Hotline", "Chat → Chat", "Hotline")
    ]
    assert table["settled"].tolist() == [0, 0, 1, 1, 0, 1]
    assert table["days"].tolist() == [7, 2, 0, 0, 4, 0]  # censored two days after the last contact


def test_paths_by_hand():
    found = paths(by_hand(), until=UNTIL)
    share = found.common.query("measure == 'share'").set_index("group")
    assert share["n"].to_dict() == {
        "Hotline": 2, "Chat → Chat": 1, "Chat → Hotline": 1, "Chat → Hotline → Shop": 1,
    }  # fmt: skip
    assert_allclose(share["estimate"], [0.4, 0.2, 0.2, 0.2])
    falls = found.falls.set_index("group")
    assert_allclose(falls.loc["all", ["n", "before", "estimate"]].astype(float), [4, 3.25, 0.5])
    assert_allclose(falls.loc["Chat → Hotline", ["n", "estimate"]].astype(float), [2, 0])
    hand = found.handover.query("level == 'channel'").set_index(["group", "measure"])["estimate"]
    assert_allclose(hand["chat"].to_numpy(), [1, 2 / 3])
    assert_allclose(hand["phone"].to_numpy(), [0, 0])


def test_median_counts_unfinished_journeys_as_open():
    """Times 1..9 settled, 10, 11 open, by hand: S(6) = 5/11 is the first at or below one half."""
    days = np.arange(1, 12)
    rows = []
    for i, day in enumerate(days):
        rows.append((str(i), str(i), "Chat", pd.Timestamp("2026-10-01"), 0))
        if day < 10:
            rows.append((str(i), str(i), "Chat", pd.Timestamp("2026-10-01") + pd.Timedelta(days=int(day)), 1))
    frame = pd.DataFrame(rows, columns=["case_id", "customer_id", "touchpoint", "occurred_at", "resolved"])
    found = paths(frame, channel=None, rating=None, until=UNTIL).friction.query("level == 'all'")
    row = found.set_index("measure").loc["days"]
    assert (row["n"], row["n_open"], row["estimate"]) == (11, 2, 6)
    assert row["ci_low"] < 6 <= row["ci_high"]


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_paths_do_not_depend_on_the_order_of_rows(seed):
    frame = company(seed=seed)
    one, two = paths(frame), paths(frame.sample(frac=1, random_state=seed))
    for name in ("common", "falls", "friction", "handover"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), rtol=1e-8)
    share = one.common.query("measure == 'share'")
    assert_allclose(share["estimate"].sum(), 1)
    assert (share["ci_low"] <= share["estimate"]).all() and (share["estimate"] <= share["ci_high"]).all()
    known = one.common.dropna(subset=["rank_low", "rank_high"])
    assert (known["rank_low"] <= known["rank_high"]).all()


def test_what_cannot_be_told_apart_has_no_single_rank():
    alike = pd.DataFrame({"case_id": range(300), "customer_id": range(300), "touchpoint": list("ABC") * 100})
    alike = alike.assign(occurred_at=pd.Timestamp("2026-10-01"))
    share = paths(alike, channel=None, settled=None, rating=None, until=UNTIL).common.query("measure == 'share'")
    assert share["rank_low"].tolist() == [1, 1, 1] and share["rank_high"].tolist() == [3, 3, 3]
    clear = alike.assign(touchpoint=["A"] * 200 + ["B"] * 75 + ["C"] * 25)
    share = paths(clear, channel=None, settled=None, rating=None, until=UNTIL).common.query("measure == 'share'")
    assert share["rank_low"].tolist() == share["rank_high"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"case": None}, "neither case nor gap"),
        ({"gap": -1}, "gap=-1"),
        ({"follow": 0}, "follow=0"),
        ({"longest": 0}, "longest=0"),
        ({"time": "touchpoint"}, "must hold times"),
        ({"place": "touch"}, "column not found: 'touch'"),
        ({"most": 0}, "most=0"),
        ({"confidence": 95}, "confidence=95"),
        ({"start": "2027-01-01"}, "no journey was watched long enough"),
    ],
)
def test_paths_say_what_is_wrong(change, text):
    with pytest.raises((ValueError, KeyError), match=text):
        paths(by_hand(), **change)
