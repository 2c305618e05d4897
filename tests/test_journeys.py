import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.journeys import checks, needed, paths, reliability, sequences, serial

GOLDEN = json.loads((Path(__file__).parent / "golden" / "journeys.json").read_text(encoding="utf-8"))

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


def test_paths_are_written_out_up_to_the_longest_and_unknown_places_leave_them_open():
    places = ["App", "Shop", "App", "Shop", "App", None, "App", "Shop", "App", None]
    data = pd.DataFrame({"case_id": [1, 1, 1, 2, 3, 3, 4, 5, 5, 5], "customer_id": "a", "touchpoint": places})
    data["occurred_at"] = pd.date_range("2026-10-01", periods=10)
    made = sequences(data, channel=None, settled=None, rating=None, longest=2)
    path = made.journeys.set_index("journey")["path"]
    assert list(path.dropna()) == ["App → Shop → …", "Shop", "App", "Shop → App → …"]
    assert list(path.index[path.isna()]) == [3]
    assert list(made.steps["step"]) == [1, 2, 3, 1, 1, 2, 1, 1, 2, 3]


def test_journeys_by_gap_begin_anew_after_a_pause():
    made = sequences(by_hand(), gap=2, until=UNTIL)
    table = made.journeys
    assert table["path"].tolist() == [
        *("Chat → Hotline → Shop → Hotline", "Chat", "Hotline", "Hotline", "Chat → Chat", "Hotline")
    ]
    assert table["settled"].tolist() == [0, 0, 1, 1, 0, 1]
    assert table["days"].tolist() == [7, 2, 0, 0, 4, 0]  # censored two days after the last contact
    shorter = sequences(by_hand(), gap=1, until=UNTIL).journeys["path"].tolist()
    assert shorter[:3] == ["Chat", "Hotline → Shop", "Hotline"]


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
    """Five settled after 1 to 5 days, six open, watched 2 days: S = 10/11, 9/11, 6/11, 3/11: median 4."""
    rows = [(str(i), str(i), "Chat", pd.Timestamp("2026-10-01"), 0) for i in range(5)]
    rows += [(str(i), str(i), "Chat", pd.Timestamp("2026-10-02") + pd.Timedelta(days=i), 1) for i in range(5)]
    rows += [(str(i), str(i), "Chat", pd.Timestamp("2026-10-29"), 0) for i in range(5, 11)]
    frame = pd.DataFrame(rows, columns=["case_id", "customer_id", "touchpoint", "occurred_at", "resolved"])
    found = paths(frame, channel=None, rating=None, until=UNTIL).friction.query("level == 'all'")
    row = found.set_index("measure").loc["days"]
    assert (row["n"], row["n_open"], row["estimate"]) == (11, 6, 4)
    assert row["ci_low"] <= 4


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 1000))
def test_paths_do_not_depend_on_the_order_of_rows(seed):
    frame = company(seed=seed)
    one, two = paths(frame), paths(frame.sample(frac=1, random_state=seed))
    for name in ("common", "falls", "friction", "handover"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), rtol=1e-8)
    share = one.common.query("measure == 'share'")
    assert_allclose(share["estimate"].sum(), 1)
    assert (share["ci_low"] <= share["estimate"]).all()
    assert (share["estimate"] <= share["ci_high"]).all()
    known = one.common.dropna(subset=["rank_low", "rank_high"])
    assert (known["rank_low"] <= known["rank_high"]).all()


def test_what_cannot_be_told_apart_has_no_single_rank():
    alike = pd.DataFrame({"case_id": range(300), "customer_id": range(300), "touchpoint": list("ABC") * 100})
    alike = alike.assign(occurred_at=pd.Timestamp("2026-10-01"))
    share = paths(alike, channel=None, settled=None, rating=None, until=UNTIL).common.query("measure == 'share'")
    assert (share["rank_low"].tolist(), share["rank_high"].tolist()) == ([1, 1, 1], [3, 3, 3])
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


@pytest.mark.parametrize("case", GOLDEN["serial"]["cases"])
def test_serial_reliability_is_that_of_the_reference(case):
    assert_allclose(serial(case["values"]), case["value"], atol=1e-12, rtol=0)
    if len(set(case["values"])) == 1:
        assert_allclose(needed(case["value"], steps=len(case["values"])), case["values"][0], rtol=1e-12)


# 20 journeys: 10 all right, 2 fail only the third step, 3 fail the second (1 of them the third too), 5 fail the
# first (4 of them the second too, 2 of these the third too)
RIGHT = [(1, 1, 1)] * 10 + [(1, 1, 0)] * 2 + [(1, 0, 1)] * 2 + [(1, 0, 0)]
RIGHT += [(0, 1, 1)] + [(0, 0, 1)] * 2 + [(0, 0, 0)] * 2
STEPS = ["kept", "first", "content"]


def test_reliability_by_hand():
    found = reliability(pd.DataFrame(RIGHT, columns=STEPS), steps=STEPS, mended=0.5)
    steps = found.steps.set_index(["measure", "step"])["estimate"]
    assert_allclose(steps["marginal"], [15 / 20, 13 / 20, 15 / 20])
    assert_allclose(steps["conditional"], [15 / 20, 12 / 15, 10 / 12])
    chain = found.chain.set_index("measure")
    product = 15 / 20 * 13 / 20 * 15 / 20
    assert_allclose(chain["estimate"], [0.5, 0.5, product, 0.5 - product, 0], atol=1e-12)
    assert chain["n_open"].eq(0).all()
    assert_allclose(found.gains["estimate"], [0.5 * 0.5 / 3, 0.5 * 0.5 / 4, 0.5 * 0.5 / 5])
    assert found.gains["scenario"].all()


def test_open_journeys_count_as_far_as_they_came():
    """Of 12 that came to the third step, 4 that succeeded and 1 that failed are no longer known."""
    rows = pd.DataFrame(RIGHT, columns=STEPS).astype(float)
    rows.loc[[0, 1, 2, 3, 10], "content"] = np.nan
    chain = reliability(rows, steps=STEPS).chain.set_index("measure")
    assert_allclose(chain.loc["observed", ["n", "n_open", "estimate"]].astype(float), [15, 5, 6 / 15])
    assert_allclose(chain.loc["conditional_product", "estimate"], 15 / 20 * 12 / 15 * 6 / 7)
    assert_allclose(chain.loc["censoring", "estimate"], 15 / 20 * 12 / 15 * 6 / 7 - 6 / 15)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(2, 4), factor=st.floats(0.1, 10))
def test_the_conditional_product_is_the_observed_share(seed, k, factor):
    rng = np.random.default_rng(seed)
    names = [f"s{i}" for i in range(k)]
    rows = pd.DataFrame(rng.random((120, k)) < 0.8, columns=names).astype(float)
    rows = rows.assign(who=rng.integers(0, 60, 120), one=1.0, much=factor)
    chain = reliability(rows, steps=names, cluster="who").chain.set_index("measure")
    assert_allclose(chain.loc["observed", "estimate"], rows[names].all(axis=1).mean())
    assert_allclose(chain.loc["conditional_product", "estimate"], chain.loc["observed", "estimate"])
    assert_allclose(chain.loc["dependence", "estimate"], chain["estimate"].iloc[1] - chain["estimate"].iloc[2])
    for weight in ("one", "much"):
        again = reliability(rows, steps=names, cluster="who", weight=weight).chain.set_index("measure")
        figures = ["estimate", "ci_low", "ci_high"]
        assert_allclose(again[figures], chain[figures], atol=1e-8)


def test_independent_steps_show_no_dependence_and_tied_steps_do():
    rng = np.random.default_rng(1)
    one, two = (rng.random(2000) < 0.9 for _ in range(2))
    apart = reliability(pd.DataFrame({"a": one, "b": two}), steps=["a", "b"]).chain.set_index("measure")
    tied = reliability(pd.DataFrame({"a": one, "b": one}), steps=["a", "b"]).chain.set_index("measure")
    assert apart.loc["dependence", "ci_low"] < 0 < apart.loc["dependence", "ci_high"]
    assert tied.loc["dependence", "ci_low"] > 0
    assert_allclose(tied.loc["dependence", "estimate"], one.mean() - one.mean() ** 2)


def test_promises_belong_to_the_journeys_around_their_due_time():
    made = sequences(by_hand(), until=UNTIL)
    day = pd.Timestamp("2026-09-30")
    rows = [("a", 2, 2), ("b", 8, 9), ("d", 30, None), ("c", 20, 21)]
    word = pd.DataFrame(rows, columns=["customer_id", "due", "done"])
    times = {f"{name}_at": day + pd.to_timedelta(word[name], unit="D") for name in ("due", "done")}
    table = checks(made.journeys, promises=word.assign(**times), content=5, until=UNTIL).set_index("journey")
    assert_allclose(table["kept"], [1, 0, np.nan, np.nan, np.nan, np.nan])
    assert_allclose(table["content"], [1, 0, np.nan, 0, 0, 1])
    assert_allclose(table["first"], [0, 0, 1, 0, 0, 1])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda frame: reliability(frame, steps=["kept"]), "a chain has two or more"),
        (lambda frame: reliability(frame, steps=STEPS, mended=0), "mended=0"),
        (lambda frame: reliability(frame.assign(kept=2), steps=STEPS), "column 'kept' holds '2' 20 times"),
        (lambda frame: reliability(frame, steps=["kept", "frist"]), "nearest: 'first'"),
        (lambda frame: reliability(frame.head(0), steps=STEPS), "no journey"),
        (lambda frame: serial([0.99, 1.01]), "between 0 and 1"),
        (lambda frame: serial([]), "at least one"),
        (lambda frame: needed(0, steps=3), "target=0"),
        (lambda frame: checks(frame, within=-1), "within=-1"),
    ],
)
def test_reliability_says_what_is_wrong(call, text):
    with pytest.raises((ValueError, KeyError), match=text):
        call(pd.DataFrame(RIGHT, columns=STEPS))


def test_a_group_is_compared_with_all_others():
    rng = np.random.default_rng(2)
    rows = pd.DataFrame({"where": np.repeat(["N", "S", "E"], 300)})
    for step in STEPS:
        rows[step] = (rng.random(900) < np.where(rows["where"] == "N", 0.7, 0.9)).astype(float)
    chain = reliability(rows, steps=STEPS, by="where").chain
    row = chain.query("measure == 'conditional_product'").set_index("group")
    right = rows[STEPS].all(axis=1)
    apart = right[rows["where"] == "N"].mean() - right[rows["where"] != "N"].mean()
    assert_allclose(row.loc["N", "difference"], apart)
    assert row.loc["N", "p_adjusted"] < 0.001
    assert np.isnan(row.loc["all", "difference"])
    calls = pd.DataFrame(
        {"case_id": np.repeat(np.arange(600), 2), "touchpoint": "Hotline", "who": np.arange(1200) // 2}
    )
    calls["area"] = np.repeat(["N", "S", "E"], 400)
    back = np.where(calls["area"] == "N", 0.4, 0.1)
    first = np.arange(1200) % 2 == 0
    calls["channel"] = np.where(~first & (rng.random(1200) < back), "chat", "phone")
    calls["occurred_at"] = pd.Timestamp("2026-10-01") + pd.to_timedelta(np.where(first, 0, 1), unit="D")
    made = paths(calls, customer="who", settled=None, rating=None, by="area", until=UNTIL)
    hand = made.handover.query("level == 'by' and measure == 'other_channel'").set_index("group")
    assert_allclose(
        hand.loc["N", "difference"], hand.loc["N", "estimate"] - hand.loc[["S", "E"], "estimate"].mean()
    )
    assert hand["p_adjusted"].lt(0.05).to_dict()["N"]
    assert made.friction.empty or made.friction["estimate"].isna().all()


def shared_fate(seed, n=500):
    """Three steps whose failures go together within a journey and within a customer."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, n // 2, n)
    fate = 0.5 * rng.normal(size=n // 2)[who] + 0.6 * rng.normal(size=n)
    ease = np.array([1.4, 1.0, 1.2])
    right = rng.random((n, 3)) < 1 / (1 + np.exp(-(ease + fate[:, None])))
    return pd.DataFrame(right.astype(float), columns=STEPS).assign(who=who)


@pytest.mark.long
def test_intervals_of_a_chain_cover_the_truth():
    large = reliability(shared_fate(999, 400_000), steps=STEPS)
    truth = large.chain.set_index("measure")["estimate"]
    gain = large.gains.set_index("step")["estimate"]
    hits = []
    for seed in range(300):
        found = reliability(shared_fate(seed), steps=STEPS, cluster="who", seed=seed)
        chain, gains = found.chain.set_index("measure"), found.gains.set_index("step")
        inside = [
            chain.loc[name, "ci_low"] <= truth[name] <= chain.loc[name, "ci_high"]
            for name in ("observed", "marginal_product", "dependence")
        ]
        hits.append([*inside, gains.loc["first", "ci_low"] <= gain["first"] <= gains.loc["first", "ci_high"]])
    assert (np.mean(hits, axis=0) > 0.91).all(), np.mean(hits, axis=0)
    assert (np.mean(hits, axis=0) < 0.985).all(), np.mean(hits, axis=0)
