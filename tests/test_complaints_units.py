"""Units about to see more complaints: the unit of a complaint, months by hand, and alarms out of time."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from csatlib.complaints import unit_warning
from csatlib.complaints.unit_warning import SIGNALS, unit_months, unit_of

START = pd.Timestamp("2025-01-01")


def company(seed, *, units=12, months=18, lead=0.0):
    """Units whose unresolved share wanders; with a lead, complaints of the next month follow it."""
    rng = np.random.default_rng(seed)
    state = 0.3 + 0.25 * (rng.random((units, months)) < 0.2) * (lead > 0)
    calls, cases = [], []
    for month, begin in enumerate(pd.date_range(START, periods=months, freq="MS")):
        for unit in range(units):
            k = rng.poisson(40)
            when = begin + pd.to_timedelta(rng.uniform(0, 27, k), unit="D")
            calls.append(
                pd.DataFrame(
                    {"unit": f"U{unit:02}", "occurred_at": when, "resolved": rng.random(k) > state[unit, month]}
                )
            )
            raised = lead * (state[unit, month - 1] > 0.4) if month else 0.0
            k = rng.poisson(4 * (1 + raised))
            when = begin + pd.to_timedelta(rng.uniform(0, 27, k), unit="D")
            cases.append(pd.DataFrame({"unit": f"U{unit:02}", "opened_at": when}))
    calls = pd.concat(calls, ignore_index=True).astype({"resolved": float})
    return pd.concat(cases, ignore_index=True), calls.assign(customer_id="c")


def test_the_unit_of_a_complaint():
    day = pd.Timestamp("2026-10-05")
    cases = pd.DataFrame({"unit": ["A", None, None, None], "promise_id": [None, "p", None, None]})
    cases = cases.assign(customer_id=["a", "a", "a", "b"], opened_at=day)
    calls = pd.DataFrame({"customer_id": ["a", "a", "b"], "unit": ["B", "C", "D"]})
    calls["occurred_at"] = day - pd.to_timedelta([9, 2, 40], unit="D")
    made = pd.DataFrame({"promise_id": ["p"], "unit": ["E"]})
    assert unit_of(cases, contacts=calls, promises=made).fillna("").tolist() == ["A", "E", "C", ""]


def test_unit_months_by_hand():
    counts = [4, 4, 4, 4, 9, 4]
    months = pd.date_range(START, periods=6, freq="MS")
    calls = pd.DataFrame({"unit": "U", "occurred_at": months.repeat(10), "resolved": 1.0, "customer_id": "c"})
    calls.loc[calls["occurred_at"] == months[3], "resolved"] = [0.0] * 5 + [1.0] * 5
    cases = pd.DataFrame({"unit": "U", "opened_at": months.repeat(counts)})
    found = unit_months(cases, contacts=calls, as_of="2025-06-30")
    assert found["month"].tolist() == list(months[3:])
    assert found["more"].fillna(-1).tolist() == [1.0, 0.0, -1.0]  # 9 > 4 + 2; 4 is no more
    assert_allclose(found["unresolved"], [0.5, -0.125, -0.1])
    assert_allclose(found["usual"], [4, 5, 29 / 6])
    half = unit_months(cases, contacts=calls, as_of="2025-06-15")
    assert half["month"].max() == months[4]  # June is not over


def test_nothing_later_is_known():
    cases, calls = company(1)
    moment = pd.Timestamp("2025-12-31")
    part = unit_months(
        cases[cases["opened_at"] <= moment], contacts=calls[calls["occurred_at"] <= moment], as_of=moment
    )
    whole = unit_months(cases, contacts=calls, as_of=moment)
    pd.testing.assert_frame_equal(part, whole)


def test_units_are_named_and_too_few_months_are_said():
    cases, calls = company(2, lead=2.0)
    found = unit_warning(cases, contacts=calls)
    assert found.figures["part"].tolist() == ["model", "rule", "all"]
    assert found.figures["n"].tolist() == [12, 12, 72]
    assert found.now["group"].tolist() == sorted(found.now["group"])
    assert len(found.now) == 2
    assert found.figures["few_groups"].all()
    early = unit_warning(cases, contacts=calls, as_of=START + pd.Timedelta(days=120))
    assert early.figures.empty
    assert set(SIGNALS) <= set(unit_months(cases, contacts=calls).columns)


@pytest.mark.long
def test_alarms_on_units_are_right_as_often_as_stated():
    """With a leading signal the model beats the rule; with none it does no better than naming at random."""
    planted, quiet = [], []
    for seed in range(30):
        for lead, told in ((2.0, planted), (0.0, quiet)):
            cases, calls = company(100 + seed, lead=lead)
            told.append(unit_warning(cases, contacts=calls).figures.set_index("part"))
    planted, quiet = (pd.concat(part, keys=range(30)) for part in (planted, quiet))
    means = planted["estimate"].unstack()
    assert means["model"].mean() > means["rule"].mean() + 15
    assert means["model"].mean() > 2 * means["all"].mean()
    low, high = quiet["ci_low"].unstack()["model"], quiet["ci_high"].unstack()["model"]
    truth = quiet["estimate"].unstack()["all"].mean()
    assert ((low <= truth) & (truth <= high)).mean() >= 0.83  # 0.95 less 3 standard errors of 30 runs
