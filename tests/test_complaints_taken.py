"""Complaints of a company that lacks something: customers, targets by urgency, a month to its end."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib import complaints, promises, theme
from csatlib.apart import grouped
from csatlib.complaints import time_sentences, volume_sentences
from csatlib.stats.intervals import rate_score
from csatlib.tables import workspace
from csatlib.tables.joined import first_there

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "real" / "baltimore311"
DAY = pd.Timestamp("2026-10-01")


def test_score_limits_of_a_rate_by_hand():
    # roots of (x - e r)^2 = z^2 d e r: count 4 in exposure 2, dispersion 1 and 2
    for spread in (1.0, 2.0):
        low, high = rate_score(4, 2.0, dispersion=spread)
        for r in (low, high):
            assert_allclose((4 - 2 * r) ** 2, 1.959964**2 * spread * 2 * r, rtol=1e-6)
    assert_allclose(rate_score(0, 100), [0, 1.959964**2 / 100], rtol=1e-6)
    assert np.isnan(rate_score(0, 0)).all()
    with pytest.raises(ValueError, match="1 counts or exposures are below 0"):
        rate_score(-1, 5)


@given(st.integers(0, 200), st.integers(1, 5000), st.floats(0, 4))
@settings(max_examples=60, deadline=None)
def test_score_limits_hold_the_rate_and_widen_with_dispersion(count, exposure, spread):
    low, high = rate_score(count, exposure, dispersion=spread)
    plain = rate_score(count, exposure)
    assert 0 <= low <= count / exposure <= high
    assert low <= plain[0] + 1e-12
    assert high >= plain[1] - 1e-12


@pytest.mark.long
@pytest.mark.parametrize("events", [3, 8, 50])
def test_coverage_of_rates_where_some_complain_twice(events):
    """2,400 customers, a third of those who complain do so again: score limits cover, mean +- z SE too rarely."""
    rng = np.random.default_rng(events)
    customers, covered, wald = 2400, 0, 0
    rate = events / customers
    for _ in range(4000):
        first = rng.random(customers) < rate * 3 / 4
        c = first * (1 + (rng.random(customers) < 1 / 3))
        s, square = c.sum(), (c**2).sum()
        low, high = rate_score(s, customers, dispersion=square / s - s / customers if s else 1.0)
        covered += low <= rate <= high
        se = c.std(ddof=1) / np.sqrt(customers)
        wald += abs(c.mean() - rate) <= 1.96 * se
    assert 0.925 <= covered / 4000 <= 0.985
    assert covered >= wald


def test_a_customer_who_complains_often_widens_the_interval():
    people = pd.DataFrame({"customer_id": range(100), "joined_on": pd.Timestamp("2020-01-01")})
    once = pd.DataFrame({"customer_id": [0, 1, 2, 3], "opened_at": DAY})
    again = once.assign(customer_id=[0, 0, 0, None])
    one, other = (complaints.volume(c, customers=people).iloc[0] for c in (once, again))
    assert one["estimate"] == other["estimate"] == 40.0
    # dispersion: three of one customer and one unknown, (9 + 1) / 4 - 4 / 100
    assert_allclose(other[["ci_low", "ci_high"]].tolist(), [1000 * s for s in rate_score(4, 100, dispersion=2.46)])
    assert_allclose(one[["ci_low", "ci_high"]].tolist(), [1000 * s for s in rate_score(4, 100)])


def test_without_customers_complaints_are_counted():
    months = {f"2025-{m:02}": 40 + m % 3 for m in range(1, 13)} | {"2026-01": 95}
    days = pd.to_datetime([f"{month}-15" for month, k in months.items() for _ in range(k)])
    found = complaints.volume(pd.DataFrame({"opened_at": days}), baseline=("2025-01", "2025-12"))
    assert found["estimate"].tolist() == list(months.values()) == found["n"].tolist()
    assert found.loc[found["signal"], "period"].tolist() == ["2026-01"]
    assert set(found["unit"]) == {"count"}
    said = volume_sentences.months(found)
    assert said.startswith("2026-01: 95 complaints: this stands out from the months before (expected range ")
    assert volume_sentences.captioned(found) == f"Complaints by month, n = {len(days):,}"
    assert complaints.compared(pd.DataFrame(), customers=None, by="region", period="2026-01").empty
    assert complaints.recovery(pd.DataFrame(), customers=None).contrasts.empty
    assert complaints.early_warning(pd.DataFrame(), customers=None, contacts=pd.DataFrame()).figures.empty


def test_in_time_apart_agrees_with_service_levels():
    rng = np.random.default_rng(1)
    cases = pd.DataFrame({"opened_at": DAY + pd.to_timedelta(rng.integers(0, 500, 300), unit="h")})
    cases["owner"], cases["urgency"] = rng.choice(["A", "B"], 300), rng.choice(["urgent", "other"], 300)
    cases["resolved_at"] = (cases["opened_at"] + pd.to_timedelta(rng.integers(1, 200, 300), unit="h")).where(
        rng.random(300) < 0.8
    )
    rules = {"resolution": {"urgent": 48, "other": 120}, "as_of": "2026-10-20"}
    found = complaints.in_time_apart(cases, by="owner", **rules).set_index("group")
    within = complaints.service_levels(cases, by=["owner"], **rules).within.query("stage == 'resolution'")
    for row in within.query("level == 'owner'").to_dict("records"):
        assert found.loc[row["group"], "n"] == row["n"]
        assert_allclose(found.loc[row["group"], "value"], row["estimate"])
    assert complaints.in_time_apart(cases, by="owner").empty


def test_targets_follow_what_is_there():
    hours = {"urgent": 48, "other": 120}
    done = pd.to_datetime(["2026-10-01"])
    cases = pd.DataFrame({"urgency": ["urgent"], "first_response_at": done, "resolved_at": done, "due_at": done})
    asked = {"response": {"urgent": 4}, "resolution": hours}
    assert complaints.targets(cases, **asked) == asked
    assert complaints.targets(cases, **asked, due="due_at") == {"response": {"urgent": 4}, "due": "due_at"}
    assert complaints.targets(cases.drop(columns=["urgency", "first_response_at"]), **asked) == {"resolution": 120}
    assert complaints.targets(cases.assign(due_at="soon"), **asked, due="due_at") == asked


def test_prepared_leaves_out_and_takes_over():
    cases = pd.DataFrame({"customer_id": ["a", "b", "c"], "status": ["open", "twice", "open"], "region": "N"})
    people = pd.DataFrame({"customer_id": ["a", "b"], "region": "S"})
    people["left_on"] = pd.to_datetime([None, DAY])
    found = complaints.prepared(cases, customers=people, keep=["region"], leave_out={"status": ["twice"]})
    assert found["region"].tolist() == ["N", "N"]
    assert found["left_on"].isna().all()
    assert time_sentences.left_out(cases, found, {"status": ["twice"]}) == "Left out: 1 complaints (twice)."
    with pytest.raises(KeyError, match="statsu"):
        complaints.prepared(cases, leave_out={"statsu": "twice"})
    assert grouped(wished="region", used="region") == ""
    with pytest.raises(KeyError, match="regoin"):
        first_there(cases, ["regoin", "owner"])


def test_a_month_cut_short_is_left_out_and_a_quiet_end_is_not():
    days = pd.DataFrame({"opened_at": pd.date_range("2026-08-01", "2026-10-20", freq="6h")})
    assert complaints.months_over(days)["opened_at"].max().month == 9
    rare = pd.DataFrame({"opened_at": pd.date_range("2026-01-01", "2026-10-20", freq="7D")})
    assert len(complaints.months_over(rare)) == len(rare)
    only = days[days["opened_at"] >= "2026-10-01"]
    assert len(complaints.months_over(only)) == len(only)


def test_promises_without_customers():
    made = pd.DataFrame({"promise_id": ["p"], "due_at": [DAY], "done_at": [DAY]})
    said = pd.DataFrame({"responded_at": [DAY], "overall": [5]})
    assert promises.after_promises(said, made).empty
    cases = pd.DataFrame({"opened_at": [DAY]})
    assert promises.behind_complaints(cases, made).empty


@pytest.mark.long
def test_baltimore_on_the_page(tmp_path):
    """SOURCE.txt: closed with both dates 9,555, within due date 83.60 %, median open time 31.1 h."""
    if not REAL.is_dir():
        pytest.skip("baltimore311 is not in ../shared/real")
    shutil.copy(ROOT / "examples" / "baltimore311" / "csat.toml", tmp_path)
    (tmp_path / "data").symlink_to(REAL, target_is_directory=True)
    ws = workspace.open(tmp_path / "csat.toml", period="2019-02")
    cases = complaints.prepared(ws.last(62).complaints)
    moment = complaints.seen_until(cases, end=ws.period.end)
    assert str(moment.date()) == "2019-02-13"
    closed = complaints.closed_alone(cases, due="due_at", as_of=moment).iloc[0]
    assert (closed["n"], round(closed["share"], 1), round(closed["estimate"], 1)) == (9555, 83.6, 31.1)
    service = complaints.service_levels(cases, due="due_at", as_of=moment)
    said = time_sentences.flattered(complaints.closed_alone(cases, due="due_at", as_of=moment), service)
    assert said.startswith("Of the 9,555 closed ones alone 83.6 % were in time, with the open ones it is 82.")
    assert first_there(cases, ["region", "owner", "channel"]) == "owner"
    assert complaints.months_over(cases)["period"].max() == "2019-01"


def test_counts_that_name_a_row_have_no_decimals(capsys):
    row = {"group": ["Late", "Bill", "Line"], "count": [48, 30, 20], "n": [1200, 90, 50], "estimate": 1.0}
    row |= {"ci_low": 0.5, "ci_high": 2.0}
    theme.table(pd.DataFrame(row), caption="Named", rows={"group": "What", "count": "Now"})
    assert ">48<" in capsys.readouterr().out
    theme.table(pd.DataFrame(row).head(0), caption="Named", rows={"group": "What"}, lacking="No text.")
    assert "<p>No text.</p>" in capsys.readouterr().out
