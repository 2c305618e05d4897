import stat
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.churn import calls_sentences, data_sentences
from csatlib.churn.retention import earlier, retention_effect
from csatlib.churn.target_list import hold_out_size, target_list

ASSUMED = {"name": "2026-10", "saveability": 0.2, "cost": 10, "detectable": 20}


def scored(n=300, seed=0):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"customer_id": [f"C{i:05d}" for i in range(n)], "probability": rng.beta(2, 5, n)})
    return rows.assign(
        value=rng.gamma(4, 100, n), reason="Similar customers left more often: a complaint.", owner="Care"
    )


def listed(tmp_path, data=None, **options):
    data = scored() if data is None else data
    return target_list(data, folder=tmp_path / "restricted", **(ASSUMED | options))


def test_worth_a_call_by_hand(tmp_path):
    """0.5 x 400 x 0.2 - 10 = 30; 0.1 x 500 x 0.2 - 10 = 0 and is not listed; most_calls keeps the best two."""
    rows = pd.DataFrame({"customer_id": ["a", "b", "c", "d"], "probability": [0.5, 0.1, 0.4, 0.3]})
    rows = rows.assign(value=[400.0, 500, 400, 400], reason="r", owner="o")
    found = listed(tmp_path, rows, most_calls=2)
    names = pd.read_csv(found.assignment)
    assert names["customer"].tolist() == ["a", "c"]
    assert_allclose(names["gain"], [30, 22])
    assert found.plan["n_customers"].tolist() == [4]
    assert sorted(names["arm"]) == ["call", "hold_out"]
    assert_allclose(found.counts["gain"].sum(), 52)
    assert_allclose(found.counts["value"].sum(), 0.5 * 400 + 0.4 * 400)


def test_names_go_to_a_restricted_file_and_nowhere_else(tmp_path, capsys):
    found = listed(tmp_path)
    assert stat.S_IMODE(found.folder.stat().st_mode) == 0o700
    for path in (found.calls, found.assignment):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.parent == found.folder == tmp_path / "restricted"
    assert (found.folder / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert sorted(path.name for path in found.folder.iterdir()) == [
        ".gitignore",
        "assignment_2026-10.csv",
        "call_list_2026-10.csv",
    ]
    said = repr(found) + found.counts.to_string() + found.plan.to_string() + "".join(capsys.readouterr())
    assert "C0" not in said.replace(str(tmp_path), "")
    assert "customer" not in found.counts.columns


def test_held_out_customers_are_not_on_the_list_of_callers(tmp_path):
    found = listed(tmp_path)
    names, calls = pd.read_csv(found.assignment), pd.read_csv(found.calls)
    counts = found.counts.set_index("group")["n"]
    assert set(calls["customer"]) == set(names.loc[names["arm"] == "call", "customer"])
    assert (len(calls), len(names)) == (counts["call"], counts.sum())
    assert calls["gain"].is_monotonic_decreasing
    assert {"reason", "owner"} <= set(calls.columns)
    assert not found.earlier


def test_each_decile_gives_its_share_to_the_hold_out(tmp_path):
    found = listed(tmp_path, scored(1000), detectable=8)
    names = pd.read_csv(found.assignment)
    share = names["arm"].eq("hold_out").groupby(names["decile"]).agg(["sum", "size"])
    expected = share["size"] * found.counts.set_index("group").loc["hold_out", "n"] / len(names)
    assert (share["sum"] - expected).abs().max() <= 1
    means = names.groupby("decile")["probability"].mean()
    assert means.is_monotonic_decreasing


def test_a_lot_is_drawn_once(tmp_path):
    first = listed(tmp_path)
    before = first.assignment.read_bytes()
    assert not listed(tmp_path).earlier
    again = listed(tmp_path, scored(250, seed=9), seed=5)
    assert again.earlier
    assert first.assignment.read_bytes() == before
    pd.testing.assert_frame_equal(again.counts, first.counts)
    assert again.plan["n_hold_out"].iloc[0] == first.plan["n_hold_out"].iloc[0]


def test_the_lot_does_not_depend_on_the_order_of_rows(tmp_path):
    rows = scored()
    one = listed(tmp_path / "a", rows)
    other = listed(tmp_path / "b", rows.sample(frac=1, random_state=1))
    assert one.assignment.read_bytes() == other.assignment.read_bytes()
    different = listed(tmp_path / "c", rows, seed=1)
    assert one.assignment.read_bytes() != different.assignment.read_bytes()


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = target_list(scored(), folder="", **ASSUMED)
    assert (found.folder, found.calls, found.assignment) == (None, None, None)
    assert not list(tmp_path.iterdir())
    pd.testing.assert_frame_equal(found.counts, listed(tmp_path).counts)
    assert calls_sentences.drawn(found, months=3).endswith("name a restricted folder to get the list.")


def test_nobody_worth_a_call(tmp_path):
    found = listed(tmp_path, cost=1e6)
    assert found.counts["n"].tolist() == [0, 0]
    assert found.plan.empty
    assert not list(tmp_path.iterdir())
    assert calls_sentences.drawn(found, months=3).startswith("Nobody is worth a call")


def test_formulas_are_disarmed(tmp_path):
    rows = scored().assign(reason='=HYPERLINK("x")', owner="@care")
    calls = pd.read_csv(listed(tmp_path, rows).calls)
    assert calls["reason"].unique().tolist() == ['\'=HYPERLINK("x")']
    assert calls["owner"].unique().tolist() == ["'@care"]


def test_hold_out_by_hand():
    """4,000 listed, 20 % leave, 5 points: 498 held out. Se under no difference 1.739 points, else 1.891:
    (5 - 1.95996 x 1.739) / 1.891 = 0.842, whose normal share is 0.80."""
    row = hold_out_size(4000, rate=0.2, detectable=5).iloc[0]
    assert (row["n_hold_out"], row["reached"]) == (498, True)
    assert_allclose(row["power"], 0.8, atol=0.001)
    assert 4.9 < row["minimum_detectable"] <= 5
    small = hold_out_size(100, rate=0.2, detectable=5).iloc[0]
    assert (small["n_hold_out"], small["reached"]) == (30, False)
    assert small["minimum_detectable"] > 15
    impossible = hold_out_size(4000, rate=0.04, detectable=5).iloc[0]
    assert (impossible["n_hold_out"], impossible["reached"]) == (1200, False)
    assert np.isnan(impossible["power"])


@settings(max_examples=20, deadline=None)
@given(st.integers(50, 5000), st.floats(0.05, 0.6), st.floats(1, 20))
def test_a_smaller_difference_needs_a_larger_group(n, rate, points):
    easy, hard = (hold_out_size(n, rate=rate, detectable=d).iloc[0] for d in (points, points / 2))
    if 100 * rate > points:
        assert easy["n_hold_out"] <= hard["n_hold_out"] <= 0.3 * n
    assert not easy["reached"] or easy["power"] >= 0.8


def test_problems_of_a_list_are_told_at_once(tmp_path):
    bad = scored().assign(probability=2.0, value=-1.0)
    with pytest.raises(ValueError, match=r"'restricted'.*name=.*saveability=2.*cost=-1.*outside 0 to 1.*below 0"):
        target_list(bad, folder=tmp_path, name="../x", saveability=2, cost=-1, detectable=5)
    assert not list(tmp_path.iterdir())
    with pytest.raises(KeyError, match="no column owner"):
        listed(tmp_path, scored().drop(columns="owner"))
    with pytest.raises(ValueError, match="rate=0"):
        hold_out_size(100, rate=0, detectable=5)


def month(called_left, called, held_left, held, decile=1):
    """Assignment and customers with given numbers of leavers."""
    arms = ["call"] * called + ["hold_out"] * held
    gone = [True] * called_left + [False] * (called - called_left) + [True] * held_left
    gone += [False] * (held - held_left)
    lot = pd.DataFrame({"customer": range(len(arms)), "arm": arms, "decile": decile})
    people = pd.DataFrame({"customer_id": range(len(arms))})
    return lot, people.assign(left_on=[pd.Timestamp("2026-11-12") if left else None for left in gone])


DATES = {"assigned_on": "2026-11-01", "observed_until": "2026-12-31"}


def test_difference_is_newcombes_example():
    """Newcombe (1998), table II, case (a): 56/70 against 48/80, difference 0.2, method 10: 0.0524 to 0.3339."""
    found = retention_effect(*month(48, 80, 56, 70), **DATES)
    row = found.difference.iloc[0]
    assert_allclose([row["estimate"], row["ci_low"], row["ci_high"]], [20, 5.24, 33.39], atol=0.005)
    assert found.arms["estimate"].tolist() == [60, 80]
    assert (row["n"], row["n_reference"], row["n_events"]) == (80, 70, 104)


def test_assignment_counts_and_days_are_those_of_the_month():
    lot, people = month(2, 20, 6, 20)
    people.loc[0, "left_on"] = pd.Timestamp("2026-11-01")  # gone before the calls
    people.loc[1, "left_on"] = pd.Timestamp("2026-12-02")  # after the month
    found = retention_effect(lot, people.drop(index=39), **DATES).arms.set_index("group")
    assert found.loc["call", ["n", "n_events", "n_gone", "n_missing"]].tolist() == [19, 0, 1, 0]
    assert found.loc["hold_out", ["n", "n_events", "n_gone", "n_missing"]].tolist() == [19, 6, 0, 1]


def test_deciles_and_qini_only_where_enough_left():
    few = retention_effect(*month(10, 500, 20, 500), **DATES)
    assert few.uplift.empty
    assert few.qini.empty
    lots, peoples = zip(*(month(40 if d == 1 else 60, 200, 60, 200, decile=d) for d in (1, 2)), strict=True)
    lot = pd.concat(lots, ignore_index=True).assign(customer=range(800))
    people = pd.concat(peoples, ignore_index=True).assign(customer_id=range(800))
    found = retention_effect(lot, people, **DATES)
    assert found.uplift["decile"].tolist() == [1, 2]
    assert_allclose(found.uplift["estimate"], [10, 0])
    # curve 0, 10 points x half the list, 5 points x all: area 3.75, line 2.5
    assert_allclose(found.qini["estimate"], 1.25)
    assert found.qini["ci_low"].iloc[0] < 1.25 < found.qini["ci_high"].iloc[0]
    assert retention_effect(lot, people, min_events=121, **DATES).qini.empty


def test_problems_of_a_month_are_told_at_once():
    lot, people = month(2, 20, 6, 20)
    with pytest.raises(ValueError, match=r"30 days after 2026-11-01 end on 2026-12-01.*arm holds phoned"):
        retention_effect(
            lot.replace("call", "phoned"), people, assigned_on="2026-11-01", observed_until="2026-11-20"
        )
    with pytest.raises(ValueError, match="twice"):
        retention_effect(pd.concat([lot, lot]), people, **DATES)
    with pytest.raises(KeyError, match="decile"):
        retention_effect(lot.drop(columns="decile"), people, **DATES)
    with pytest.raises(ValueError, match="hold_out has no customer"):
        retention_effect(lot[lot["arm"] == "call"], people, **DATES)


def test_what_the_list_writes_the_judgement_reads(tmp_path):
    found = listed(tmp_path)
    people = scored().assign(left_on=None)[["customer_id", "left_on"]]
    people.loc[people.index % 3 == 0, "left_on"] = "2026-11-10"
    judged = retention_effect(pd.read_csv(found.assignment), people, **DATES)
    assert judged.arms["n"].tolist() == found.counts["n"].tolist()


def test_what_is_said_of_the_calls():
    fewer = retention_effect(*month(48, 80, 56, 70), **DATES)
    assert "20.0 percentage points fewer (95 % interval 5.2 to 33.4)" in calls_sentences.changed(fewer)
    more = retention_effect(*month(56, 70, 48, 80), **DATES)
    assert "20.0 percentage points more (95 % interval 5.2 to 33.4); stop" in calls_sentences.changed(more)
    unclear = retention_effect(*month(20, 80, 20, 70), **DATES)
    assert "cannot tell whether calls keep customers; a difference of" in calls_sentences.changed(unclear)
    assert "Too few" in calls_sentences.changed(retention_effect(*month(2, 80, 2, 7), **DATES))
    assert "56 of those held out have left, and 100 are needed" in calls_sentences.whom(fewer)
    assert "fewer than 10 of those" in calls_sentences.whom(retention_effect(*month(2, 80, 2, 70), **DATES))


def test_what_is_said_of_the_list(tmp_path):
    found = listed(tmp_path)
    said = calls_sentences.drawn(found, months=3)
    assert "will be detected 8 times in 10" in said
    assert said.endswith("restricted/call_list_2026-10.csv, which only its owner can read.")
    assert str(tmp_path) not in said
    assert "Even 30 % of the list held out" in calls_sentences.drawn(
        listed(tmp_path / "b", detectable=3), months=3
    )
    assert "today's data would give another" in calls_sentences.drawn(listed(tmp_path, seed=8), months=3)
    assert calls_sentences.worth(found, saveability=0.2, cost=10, currency="EUR").startswith(
        "If a call keeps 20 %"
    )
    few = listed(tmp_path / "c", most_calls=12)
    assert calls_sentences.drawn(few, months=3) == "The list is too short to report on."
    assert calls_sentences.worth(few, saveability=0.2, cost=10, currency="EUR") == ""


@pytest.mark.long
def test_interval_of_the_difference_covers():
    """Exact: all outcomes of 300 called (12 % leave) and 100 held out (20 %), weighted by their chance."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    x, y = np.arange(301), np.arange(101)
    chance = np.outer(
        [comb(300, k) * 0.12**k * 0.88 ** (300 - k) for k in x.tolist()],
        [comb(100, k) * 0.2**k * 0.8 ** (100 - k) for k in y.tolist()],
    )
    low, high = confint_proportions_2indep(y[None], 100, x[:, None], 300, method="newcomb", compare="diff")
    assert 0.94 < chance[(low <= 0.08) & (high >= 0.08)].sum() < 0.965


@pytest.mark.long
def test_intention_to_treat_covers_with_the_lot_of_the_list(tmp_path):
    """Calls save a fifth of the leavers they reach, and reach 7 in 10: true difference 14 % of the mean chance."""
    rows = scored(1500)
    found = listed(tmp_path, rows, detectable=8)
    lot = pd.read_csv(found.assignment)
    true = 100 * 0.14 * lot["probability"].mean()
    estimates, covered = [], []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        drawn = lot.assign(arm=rng.permutation(lot["arm"]))
        called = (drawn["arm"] == "call") & (rng.random(len(drawn)) < 0.7)
        leaves = rng.random(len(drawn)) < drawn["probability"] * np.where(called, 0.8, 1)
        people = pd.DataFrame({"customer_id": drawn["customer"], "left_on": np.where(leaves, "2026-11-10", None)})
        row = retention_effect(drawn, people, replicates=50, **DATES).difference.iloc[0]
        estimates.append(row["estimate"])
        covered.append(row["ci_low"] <= true <= row["ci_high"])
    assert abs(np.mean(estimates) - true) < 4 * np.std(estimates) / np.sqrt(300)
    assert 0.92 < np.mean(covered) < 0.985


@pytest.mark.long
def test_the_lot_is_fair(tmp_path):
    """Every customer is held out in the same share of 400 draws."""
    from csatlib.churn.target_list import _lot

    rows = scored(100).rename(columns={"customer_id": "customer"})
    held = sum((_lot(rows, 30, seed)["arm"] == "hold_out").to_numpy().astype(int) for seed in range(400))
    assert held.sum() == 30 * 400
    assert abs(held / 400 - 0.3).max() < 4.5 * np.sqrt(0.3 * 0.7 / 400)


def test_an_earlier_list_is_judged_as_drawn_when_its_horizon_is_over(tmp_path):
    lot, people = month(48, 80, 56, 70)
    lot.to_csv(tmp_path / "assignment_2026-10.csv", index=False)
    options = {"folder": tmp_path, "customers": people, "months": 1}
    found, day = earlier("2026-10", until="2026-12-01", **options)
    assert (found.difference["estimate"].iloc[0], day) == (pytest.approx(20.0), pd.Timestamp("2026-12-01"))
    assert "20.0 percentage points fewer" in data_sentences.came(found, name="2026-10")
    soon, day = earlier("2026-10", until="2026-12-01", **options | {"months": 3})
    assert soon is None
    assert data_sentences.came(soon, name="2026-10", judged_from=day).endswith("from 2027-02-01 on.")
    for folder, name in ((tmp_path, "2026-09"), ("", "2026-10")):
        with pytest.raises(FileNotFoundError, match=f"judged_list='{name}'"):
            earlier(name, until="2026-12-01", **options | {"folder": folder})
