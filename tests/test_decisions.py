"""Actions followed, measures set beside their past, what is picked out of a run."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from csatlib import decisions
from csatlib.decisions import actions as written
from csatlib.decisions import records, sentences, targets, worded
from csatlib.decisions import rows as rows_module
from csatlib.stats.intervals import wilson

GOLDEN = json.loads((Path(__file__).parent / "golden" / "decisions.json").read_text(encoding="utf-8"))
FOURTH = 6e-5  # published to four decimals


def action(key="A1", **rest):
    row = {"action_id": key, "finding": "promises_kept North", "owner": "Field", "status": "open"}
    row |= {"opened_on": "2026-08-12", "due_on": "2026-10-28", "done_on": None, "expected": 0.1, "cost": 500}
    return row | rest


def table(*rows):
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("given", "state", "days"),
    [
        ({}, "overdue", 81),
        ({"due_on": "2026-10-31"}, "overdue", 81),
        ({"due_on": "2026-11-01"}, "open", 81),
        ({"status": "done", "done_on": "2026-10-28"}, "done", 77),
        ({"status": "done", "done_on": "2026-10-29"}, "done_late", 78),
        ({"status": "done", "done_on": "2026-11-02", "due_on": "2026-11-30"}, "open", 81),
        ({"status": " Dropped "}, "dropped", np.nan),
        ({"status": "已完成", "done_on": "2026-10-01"}, "done", 50),
        # what contradicts itself is never a success
        ({"status": "open", "done_on": "2026-10-01"}, "overdue", 81),
        ({"status": "done"}, "done", np.nan),
        ({"status": "dropped", "done_on": "2026-10-01"}, "dropped", np.nan),
        ({"status": "nearly"}, "overdue", 81),
        ({"due_on": None}, "open", 81),
    ],
)
def test_state_on_a_day_by_hand(given, state, days):
    found = decisions.followed(table(action(**given)), as_of="2026-11-01").actions.iloc[0]
    assert found["state"] == state
    assert_allclose(found["days"], days)


def test_contradictions_are_told_and_nothing_is_lost():
    rows = table(
        action("A1", status="done"),
        action("A2", done_on="2026-09-01"),
        action("A3", status="dropped", done_on="2026-09-01"),
        action("A4", status="nearly"),
        action("A5", due_on=None),
        action("A6", due_on="2026-08-01"),
        action("A7"),
        action("A7"),
    )
    found = decisions.followed(rows, as_of="2026-11-01")
    assert found.actions["action_id"].tolist() == rows["action_id"].tolist()
    assert found.problems[["action_id", "problem"]].values.tolist() == [
        ["A1", "undated"],
        ["A2", "not_done"],
        ["A3", "dropped_done"],
        ["A4", "unknown"],
        ["A5", "no_due"],
        ["A6", "backwards"],
        ["A7", "twice"],
    ]
    assert all(key in text for key, text in zip(found.problems["action_id"], found.problems["text"], strict=True))


def test_an_action_opened_later_does_not_count_yet():
    assert decisions.followed(table(action(opened_on="2026-11-01")), as_of="2026-11-01").actions.empty


@pytest.mark.parametrize(
    ("finding", "parts"),
    [
        ("nps company", ("nps", "all")),
        ("nps", ("nps", "all")),
        ("gap.reliability  North shop", ("gap.reliability", "North shop")),
        ("churn_rate 公司", ("churn_rate", "all")),
    ],
)
def test_finding_names_metric_and_group(finding, parts):
    found = decisions.followed(table(action(finding=finding)), as_of="2026-11-01").actions
    assert tuple(found.loc[0, ["metric", "group"]]) == parts


def test_groups_are_called_as_the_page_calls_them():
    found = decisions.followed(table(action()), as_of="2026-11-01", groups={"North": "北区"}).actions
    assert found["group"].tolist() == ["北区"]


def test_missing_columns_are_named():
    with pytest.raises(KeyError, match="owner"):
        decisions.followed(table(action()).drop(columns="owner"), as_of="2026-11-01")


def test_edits_are_seen_and_the_course_of_things_is_none():
    before = table(
        action("A1"), action("A2"), action("A3"), action("A4", status="done", done_on="2026-09-09"), action("A5")
    )
    after = table(
        action("A1", due_on="2026-12-31"),
        action("A2", status="done", done_on="2026-10-05"),
        action("A3", expected=0.05),
        action("A4", status="open"),
    )
    found = decisions.edited(after, before)
    assert found.values.tolist() == [
        ["A1", "due_on", "2026-10-28", "2026-12-31"],
        ["A3", "expected", "0.1", "0.05"],
        ["A4", "status", "done", "open"],
        ["A4", "done_on", "2026-09-09", ""],
        ["A5", "", "", ""],
    ]
    assert "A5 is no longer in the file" in written.changes_told(found)
    assert written.changes_told(found.head(0)) == ""
    assert "A4 and A5 are no longer in the file" in written.changes_told(decisions.edited(after.head(3), before))


def test_kept_actions_come_back_as_they_were(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(records, "display", lambda data, **_: shown.append(data))
    frame = table(action(), action("A2", cost=140_000.0)).assign(due_on=pd.Timestamp("2026-10-28"))
    decisions.keep_actions(frame)
    page = tmp_path / "90_executive_summary.ipynb"
    page.write_text(json.dumps({"cells": [{"outputs": [{"data": shown[0]}]}]}), encoding="utf-8")
    back = decisions.kept_actions(page)
    assert decisions.edited(frame, back).empty
    assert not decisions.edited(frame.assign(cost=7.0), back).empty
    page.write_text("torn", encoding="utf-8")
    assert decisions.kept_actions(page).empty


def figures(row):
    sides = []
    for count, n in ((row["count"], row["n"]), (row["count_reference"], row["n_reference"])):
        low, high = wilson(np.array([count]), np.array([n]))
        sides.append({"n": n, "estimate": count / n, "ci_low": low[0], "ci_high": high[0]})
    names = [{"metric": "kept", "group": "all", "period": period} for period in ("2026-10", "2026-07")]
    return table(*(name | side for name, side in zip(names, sides, strict=True)))


ACT = pd.DataFrame(
    {"action_id": ["A1"], "metric": ["kept"], "group": ["all"], "opened_on": [pd.Timestamp("2026-08-12")]}
)


@pytest.mark.parametrize("row", GOLDEN["newcombe_1998"]["rows"])
def test_movement_of_shares_is_newcombes_interval(row):
    found = decisions.moved(ACT, figures(row), period="2026-10").iloc[0]
    assert found["reference"] == "2026-07"
    assert_allclose([found["ci_low"], found["ci_high"]], [row["ci_low"], row["ci_high"]], atol=FOURTH)


def test_movement_of_means_is_the_usual_one():
    sides = {"estimate": [3.0, 1.0], "ci_low": [2.4, 0.2], "ci_high": [3.6, 1.8]}
    keys = {"metric": "kept", "group": "all", "period": ["2026-10", "2026-07"], "n": 50}
    found = decisions.moved(ACT, pd.DataFrame(keys | sides), period="2026-10").iloc[0]
    assert_allclose([found["ci_low"], found["ci_high"]], [1.0, 3.0])
    assert_allclose(found["p_value"], 2 * stats.norm.sf(2 / (1 / stats.norm.ppf(0.975))))


@settings(max_examples=30, deadline=None)
@given(
    *(st.floats(-50, 50) for _ in range(2)),
    *(st.floats(0.1, 20) for _ in range(4)),
)
def test_p_value_and_interval_agree(now, then, below, above, below_then, above_then):
    sides = {"estimate": [now, then], "ci_low": [now - below, then - below_then]}
    sides |= {"ci_high": [now + above, then + above_then], "metric": "kept", "group": "all", "n": 50}
    found = decisions.moved(ACT, pd.DataFrame(sides | {"period": ["2026-10", "2026-07"]}), period="2026-10").iloc[
        0
    ]
    excludes = found["ci_low"] > 0 or found["ci_high"] < 0
    near = min(abs(found["ci_low"]), abs(found["ci_high"])) < 1e-9
    assert near or excludes == (found["p_value"] < 0.05)


@pytest.mark.parametrize(
    ("period", "opened", "reference"),
    [("2026-Q4", "2026-08-12", "2026-Q2"), ("2026", "2026-08-12", "2025"), ("2026-10", "2026-10-02", "2026-09")],
)
def test_reference_is_the_period_before_the_action(period, opened, reference):
    series = figures(GOLDEN["newcombe_1998"]["rows"][0])
    found = decisions.moved(ACT.assign(opened_on=pd.Timestamp(opened)), series, period=period)
    assert found["reference"].tolist() == [reference]


def test_unknown_measure_has_no_movement_and_twice_is_refused():
    series = figures(GOLDEN["newcombe_1998"]["rows"][0])
    assert decisions.moved(ACT.assign(metric="x"), series, period="2026-10")["estimate"].isna().all()
    with pytest.raises(ValueError, match="kept all 2026-10 twice"):
        decisions.moved(ACT, pd.concat([series, series]), period="2026-10")


def test_picked_are_those_of_benjamini_and_hochberg_with_wider_intervals():
    p = np.array(GOLDEN["benjamini_hochberg_1995"]["p_values"])
    z = stats.norm.isf(p / 2)
    rows = pd.DataFrame({"estimate": z, "ci_low": z - 1.959964, "ci_high": z + 1.959964, "p_value": p})
    found = decisions.selected(rows)
    picked = GOLDEN["benjamini_hochberg_1995"]["picked"]
    assert found["selected"].sum() == picked
    half = stats.norm.isf(0.05 * picked / 15 / 2)
    assert_allclose((found["ci_high"] - found["estimate"])[found["selected"]], half, rtol=1e-6)
    assert_allclose((found["ci_high"] - found["estimate"])[~found["selected"]], 1.959964)


@pytest.mark.long
def test_false_coverage_of_what_is_picked_stays_at_one_in_twenty():
    rng = np.random.default_rng(0)
    missed, plain = [], []
    for _ in range(2000):
        truth = np.where(np.arange(40) < 8, rng.choice([1.5, 2.5, 3.5], 40), 0.0)
        seen = truth + rng.standard_normal(40)
        rows = pd.DataFrame({"estimate": seen, "ci_low": seen - 1.96, "ci_high": seen + 1.96})
        rows["p_value"] = 2 * stats.norm.sf(abs(seen))
        found = decisions.selected(rows)
        out = ((found["ci_low"] > truth) | (found["ci_high"] < truth))[found["selected"]]
        missed.append(out.mean() if len(out) else 0.0)
        naive = (abs(seen - truth) > 1.96)[found["selected"]]
        plain.append(naive.mean() if len(naive) else 0.0)
    assert np.mean(missed) < 0.055
    assert np.mean(plain) > 0.07  # unadjusted ones do not hold


def test_days_to_done_count_open_ones_and_leave_dropped_out():
    rows = table(
        action("A1", status="done", done_on="2026-08-22"),
        action("A2", status="done", done_on="2026-09-11"),
        action("A3"),
        action("A4", status="dropped"),
    )
    found = decisions.days_to_done(decisions.followed(rows, as_of="2026-11-01").actions).iloc[0]
    assert_allclose([found[c] for c in ("n", "n_events", "n_open", "estimate")], [3, 2, 1, 30])
    none = decisions.days_to_done(decisions.followed(rows.tail(2), as_of="2026-11-01").actions)
    assert none["estimate"].isna().all()
    assert "fewer than half" in sentences.pace(none)


PEOPLE = pd.DataFrame(
    {
        "customer_id": [1, 2, 3, 4, 5],
        "joined_on": pd.to_datetime(["2020-01-01", "2020-01-01", "2026-10-05", "2026-11-02", "2020-01-01"]),
        "left_on": pd.to_datetime(["2026-10-09", None, None, None, "2026-09-30"]),
    }
)


def test_customers_of_a_month_by_hand():
    opened = pd.to_datetime(["2026-10-03", "2026-10-31", "2026-11-01"])
    cases = pd.DataFrame({"customer_id": [2, 2, 2], "opened_at": opened})
    rows = decisions.rows_of_customers(PEOPLE, periods=["2026-10"], complaints=cases)
    assert rows["customer_id"].tolist() == [1, 2, 3]
    assert_allclose(rows["churn_rate"], [100, 0, np.nan])
    assert_allclose(rows["complaints_per_1000"], [0, 2000, 0])
    left = decisions.leaving(rows).iloc[0]
    assert (left["n"], left["count"], left["estimate"]) == (2, 1, 50.0)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("NS"), st.floats(0, 10)), min_size=6, max_size=40))
def test_series_are_means_whatever_the_order_and_the_factor(rows):
    data = pd.DataFrame(rows, columns=["region", "score"]).assign(period="2026-10", w=2.5)
    found = decisions.series(data, measures=["score"], by="region")
    turned = decisions.series(data.iloc[::-1].reset_index(drop=True), measures=["score"], by="region", weight="w")
    assert_allclose(found["estimate"], turned["estimate"], atol=1e-9)
    assert found.loc[0, "n"] == len(rows)
    assert_allclose(found.loc[0, "estimate"], data["score"].mean(), atol=1e-9)


def test_target_prefers_the_board_and_the_group():
    rows = pd.DataFrame(
        [
            ("churn_rate", None, 0.015, "industry"),
            ("churn_rate", None, 0.012, "board"),
            ("churn_rate", "North", 0.02, "last year"),
        ],
        columns=["metric", "group", "target", "source"],
    )
    assert_allclose(decisions.target_of(rows, "churn_rate"), 1.2)
    assert_allclose(decisions.target_of(rows, "churn_rate", group="North"), 2.0)
    assert np.isnan(decisions.target_of(rows, "churn_rate", monthly=False))
    assert np.isnan(decisions.target_of(None, "nps"))
    assert np.isnan(decisions.target_of(rows, "nps"))


def test_gap_columns_are_means_of_the_items():
    from csatlib.tables.scale import Item, Scale

    scale = Scale([Item("q1", "speed", "e1", "p1"), Item("q2", "speed", "e2", "p2")], low=1, high=7)
    answers = pd.DataFrame({"e1": [6, 7.0], "p1": [5, 7.0], "e2": [7, 7.0], "p2": [4, np.nan]})
    assert_allclose(rows_module.gaps_of_rows(answers, scale)["gap.speed"], [-2.0, 0.0])


def place(metric="nps", group="North", comparison="rest", **rest):
    row = {"metric": metric, "label": metric.upper(), "group": group, "comparison": comparison, "estimate": -20.0}
    row |= {"ci_low": -30.0, "ci_high": -10.0, "p_adjusted": 0.001, "n": 80, "n_reference": 300}
    return row | {"lower_is_better": False, "decimals": 0} | rest


def test_proposals_leave_out_what_runs_is_better_unclear_or_small():
    places = table(
        place(),
        place(comparison="last_year"),
        place("kept", "North"),
        place("churn", "South", lower_is_better=True),
        place("overall", "South", p_adjusted=0.2),
        place("overall", "East", n=8),
        place("overall", "North", n_reference=25, n_eff=25),
    )
    running = decisions.followed(table(action(finding="kept North")), as_of="2026-11-01").actions
    found = decisions.proposed(places, running)
    assert found[["metric", "group", "strength"]].values.tolist() == [["nps", "North", "strong"]]
    assert len(decisions.proposed(places)) == 2
    assert decisions.proposed(table(place()))["strength"].tolist() == ["fair"]
    assert decisions.proposed(table(place(comparison="last_year")))["strength"].tolist() == ["fair"]
    many = table(*(place(metric) for metric in "abcde"))
    assert decisions.proposed(many)["found"].tolist() == [5, 5, 5]
    assert sentences.unlisted(decisions.proposed(many)).startswith("2 more")


def test_proposals_do_not_depend_on_the_order_of_comparisons_only_the_shown_one_does():
    places = table(place(), place(comparison="last_year"))
    assert decisions.proposed(places)["strength"].tolist() == decisions.proposed(places[::-1])["strength"].tolist()


def test_a_small_base_is_not_told():
    move = place(n=6, reference="2026-07", action_id="A1")
    acts = decisions.followed(table(action()), as_of="2026-11-01").actions
    told = worded.table_of_actions(acts, table(move | {"hoped": 1.0}), currency="EUR")
    assert told["moved"].tolist() == ["Not shown: too few answers."]


def test_three_months_of_actions_end_to_end():
    """An action opened on a bad month is followed until it is done and its measure has moved."""
    months = ["2026-07", "2026-08", "2026-09", "2026-10"]
    kept = {"2026-07": 60, "2026-08": 62, "2026-09": 75, "2026-10": 90}
    rows = pd.concat(
        [
            pd.DataFrame(
                {"period": m, "promises_kept": [100.0] * kept[m] + [0.0] * (100 - kept[m]), "region": "North"}
            )
            for m in months
        ],
        ignore_index=True,
    ).assign(customer_id=range(400))
    series = decisions.series(rows, measures=["promises_kept"], by="region", cluster="customer_id")
    files = {  # the file as people keep it from month to month
        "2026-08": action(opened_on="2026-08-12"),
        "2026-09": action(opened_on="2026-08-12", due_on="2026-09-28"),
        "2026-10": action(opened_on="2026-08-12", due_on="2026-09-28", status="done", done_on="2026-10-20"),
    }
    told, before = [], None
    for month, row in files.items():
        found = decisions.followed(table(row), as_of=pd.Timestamp(month) + pd.DateOffset(months=1)).actions
        move = decisions.moved(found, series, period=month).assign(lower_is_better=False)
        changed = decisions.edited(table(row), before) if before is not None else pd.DataFrame()
        told.append((found.loc[0, "state"], measures_word(move), len(changed)))
        before = table(row)
    assert told == [("open", "unknown", 0), ("overdue", "better", 1), ("done_late", "better", 0)]


def measures_word(move):
    from csatlib.decisions.proposals import judged

    return judged(move.assign(group="each"))["verdict"].iloc[0]


def test_folders_without_findings_are_told(tmp_path):
    (tmp_path / "12_scores.ipynb").write_text("torn", encoding="utf-8")
    (tmp_path / "90_executive_summary.ipynb").write_text("torn", encoding="utf-8")
    found = decisions.collected(tmp_path, period="2026-10", expected=["12_scores", "14_complaints"])
    assert found.missing.values.tolist() == [["12_scores", "none"], ["14_complaints", "absent"]]
    assert "14_complaints: not run" in records.lacking(found.missing)
    assert records.lacking(found.missing.head(0)) == ""
    (tmp_path / "14_complaints.failed.html").write_text("page", encoding="utf-8")
    failed = decisions.collected(tmp_path, period="2026-10", expected=["14_complaints"]).missing
    assert failed.values.tolist() == [["12_scores", "none"], ["14_complaints", "failed"]]
    assert "failed in the latest run" in records.lacking(failed)


def test_findings_from_other_data_count_and_are_told(tmp_path):
    row = dict.fromkeys(("estimate", "ci_low", "ci_high", "n"), 1.0) | {"metric": "m", "period": "2026-10"}
    cell = {"outputs": [{"data": {"application/vnd.csatlib.finding+json": row}}]}
    about = {"csatlib": {"run": {"snapshot": "old", "finished": "2026-11-01 08:00 UTC"}}}
    (tmp_path / "12_scores.ipynb").write_text(json.dumps({"cells": [cell], "metadata": about}), encoding="utf-8")
    found = decisions.collected(tmp_path, period="2026-10", snapshot="new")
    assert len(found.findings) == 1
    assert records.lacking(found.missing) == "Taken from an earlier run, on other data: 12_scores (2026-11-01)."
    assert decisions.collected(tmp_path, period="2026-10", snapshot="old").missing.empty


def test_money_always_shows_its_assumptions():
    stake = decisions.at_stake(
        {"n": 1000, "estimate": 2.0, "ci_low": 1.3, "ci_high": 3.1}, target=1.5, bills=pd.Series([20.0, 30.0])
    )
    assert_allclose([stake.estimate, stake.ci_low, stake.ci_high], [1500, -600, 4800])
    told = sentences.money(stake, target=1.5, currency="EUR", months=12, committed=900.0)
    assert "assumes" in told
    assert "not profit" in told


def test_nothing_is_hoped_for_a_monthly_rate_in_a_quarter():
    moves = pd.DataFrame({"metric": ["churn_rate", "promises_kept"], "group": "all"})
    acts = pd.DataFrame({"finding": ["churn_rate", "promises_kept"], "expected": [-0.003, 0.1]})
    assert_allclose(worded.described(moves, acts)["hoped"], [-0.3, 10.0])
    assert_allclose(worded.described(moves, acts, monthly=False)["hoped"], [np.nan, 10.0])


GOALS = pd.DataFrame(
    {
        "metric": ["nps", "overall", "overall", "first_response_hours", "gap.speed"],
        "group": [None, None, "North", None, None],
        "target": [25.0, 5.6, 5.6, 24.0, -1.0],
        "source": "board",
    }
)


def figure(metric, group, estimate, low, high, period="2026-10", n=300):
    row = {"metric": metric, "group": group, "period": period, "n": n, "estimate": estimate}
    return row | {"ci_low": low, "ci_high": high}


def test_every_target_is_set_beside_its_figure_and_told():
    rows = [figure("overall", "all", 5.2, 5.1, 5.3), figure("overall", "Nord", 5.5, 5.3, 5.7, n=60)]
    rows += [
        figure("first_response_hours", "all", 12.0, 9.0, 15.0),
        figure("overall", "all", 9.0, 8, 9, "2026-09"),
    ]
    found = targets.against(
        pd.DataFrame(rows),
        GOALS,
        period="2026-10",
        skip=["nps"],
        groups={"North": "Nord"},
        names={"speed": "Speed"},
    )
    assert found["label"].tolist() == [
        "Overall satisfaction",
        "Time to the first reply",
        "Gap on Speed",
        "Overall satisfaction in Nord",
    ]
    assert_allclose(found["estimate"], [-0.4, -12.0, np.nan, -0.1])
    assert_allclose(found["ci_high"], [-0.3, -9.0, np.nan, 0.1])
    assert targets.told(found) == (
        "Worse than the target: Overall satisfaction (5.20, 5.10 to 5.30, n = 300; target 5.60). "
        "Better than the target: Time to the first reply (12.0, 9.0 to 15.0, n = 300; target 24.0). "
        "Cannot tell: Overall satisfaction in Nord (5.50, 5.30 to 5.70, n = 60; target 5.60). "
        "Not measured: Gap on Speed."
    )
    assert targets.missed(found) == "Other targets missed: Overall satisfaction."
    none = targets.against(pd.DataFrame(rows), targets.NO_TARGETS, period="2026-10")
    assert (targets.told(none), targets.missed(none)) == ("", "")


def test_a_missed_target_without_a_running_action_is_to_be_decided():
    rows = [figure("overall", "all", 5.2, 5.1, 5.3), figure("gap.speed", "all", -2.0, -2.1, -1.9)]
    found = targets.against(pd.DataFrame(rows), GOALS, period="2026-10", names={"speed": "Speed"})
    acts = pd.DataFrame({"action_id": ["A1", "A2"], "metric": ["gap.speed", "overall"], "state": ["open", "done"]})
    assert targets.unattended(found, acts) == ["Overall satisfaction"]
    said = sentences.decision(acts, pd.DataFrame(columns=["label", "group"]), targets.unattended(found, acts))
    assert said == "No action runs on what misses its target: Overall satisfaction. Open one, or say why not."


def test_a_small_base_has_no_word_against_its_target():
    rows = [figure("overall", "North", 4.0, 3.9, 4.1, n=7), figure("gap.speed", "all", -2.0, -2.1, -1.9, n=20)]
    found = targets.against(pd.DataFrame(rows), GOALS.iloc[[2, 4]], period="2026-10")
    assert targets.missed(found) == ""
    assert targets.told(found) == (
        "Cannot tell: Gap on speed (−2.00, −2.10 to −1.90, n = 20; target −1.00). "
        "Too few answers: Overall satisfaction in North."
    )


def test_times_are_given_in_hours_whatever_the_company_counts_in():
    row = {"indicator": ["response_time", "csat"], "unit": ["minutes", "share"], "group": "all", "n": 50}
    row |= {"period": "2026-10", "n_groups": np.nan, "few_groups": False}
    found = targets.times(pd.DataFrame(row | {"estimate": 90.0, "ci_low": 60.0, "ci_high": np.nan}))
    assert found["metric"].tolist() == ["first_response_hours"]
    assert_allclose(found[["estimate", "ci_low", "ci_high"]], [[1.5, 1.0, np.nan]])
