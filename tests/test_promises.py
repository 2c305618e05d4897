"""Promises: kept or broken, the complaints that follow, satisfaction afterwards."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib import promises
from csatlib.promises.fulfilment import judged
from csatlib.stats.due import table_of
from csatlib.stats.intervals import wilson
from csatlib.stats.rest import against_rest

DAY = pd.Timestamp("2026-10-01")


def on(days):
    return pd.to_datetime([None if d is None else DAY + pd.Timedelta(days=d) for d in days])


@pytest.fixture
def made():
    """Kept, late, not done and due, not done and not due, done on the minute."""
    table = pd.DataFrame({"promise_id": list("abcde"), "customer_id": ["x", "x", "y", "y", "z"]})
    table = table.assign(promise=["Visit", "Visit", "Call", "Call", "Call"], unit=["N", "S", "N", "N", None])
    return table.assign(due_at=on([0, 10, 10, 40, 5]), done_at=on([-1, 12, None, None, 5]))


def pick(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def test_kept_by_hand(made):
    found = promises.kept(made, by=["promise", "unit"], as_of=DAY + pd.Timedelta(days=30))
    counts = ["n", "n_within", "n_late", "n_overdue", "n_pending"]
    assert pick(found, level="all")[counts].values.tolist() == [[4, 2, 1, 1, 1]]
    assert pick(found, group="Call")[counts].values.tolist() == [[2, 1, 0, 1, 1]]
    assert pick(found, level="unit")["n"].tolist() == [2, 1]  # no unit: left out there
    low, high = wilson(2, 4)
    assert_allclose(pick(found, level="all")[["ci_low", "ci_high"]].iloc[0], [100 * low, 100 * high])
    earlier = promises.kept(made, as_of=DAY + pd.Timedelta(days=11))
    assert pick(earlier, level="all")[counts].values.tolist() == [[4, 2, 0, 2, 1]]  # done later: not done yet
    pd.testing.assert_frame_equal(promises.kept(table_of(made)), promises.kept(made))
    assert judged(made, as_of=DAY + pd.Timedelta(days=30))["kept"].tolist()[:3] == [1, 0, 0]


def test_complaints_behind_promises_by_hand(made):
    cases = pd.DataFrame({"promise_id": ["b", "a", None, None], "customer_id": ["x", "x", "y", None]})
    cases = cases.assign(opened_at=on([11, 60, 35, 12]), region=["N", "N", "S", "S"])
    found = promises.behind_complaints(cases, made, days=30, by=["region"], as_of=DAY + pd.Timedelta(days=70))
    whole = pick(found, level="all").set_index("measure")[["n", "count"]]
    # "a" was kept; window: x at day 11, y at day 35 (due at 10), x at day 60 is too late
    assert whole.loc["named"].tolist() == [4, 1]
    assert whole.loc["window"].tolist() == [3, 2]
    assert whole.loc["either"].tolist() == [3, 2]
    # only day 60 reaches back far enough: day 0 to 30 holds the broken promise of day 10
    assert whole.loc["earlier"].tolist() == [1, 1]
    assert pick(found, group="S", measure="named")[["n", "count"]].values.tolist() == [[2, 0]]


def test_after_promises_by_hand():
    rng = np.random.default_rng(0)
    customers = np.repeat(np.arange(200), 2)
    given_to = pd.DataFrame({"customer_id": np.arange(150), "due_at": DAY})
    given_to["done_at"] = DAY + pd.to_timedelta(np.where(np.arange(150) < 70, 3, -1), unit="D")
    said = pd.DataFrame({"customer_id": customers, "overall": rng.integers(1, 8, 400).astype(float)})
    said["responded_at"] = DAY + pd.Timedelta(days=20)
    found = promises.after_promises(said, given_to).set_index("part")
    means = (
        said.groupby(pd.cut(said["customer_id"], [-1, 69, 149, 199]), observed=True)["overall"].mean().to_numpy()
    )
    assert_allclose(found.loc[["broken", "kept", "none"], "estimate"], means)
    assert_allclose(found.loc["difference", "estimate"], means[0] - means[1])
    assert found.loc["difference", ["n", "n_reference"]].tolist() == [140, 160]
    late = promises.after_promises(said.assign(responded_at=DAY + pd.Timedelta(days=100)), given_to)
    assert late["part"].tolist() == ["none"]
    empty = promises.after_promises(said.head(0), given_to)
    assert empty.empty
    assert list(empty.columns) == list(late.columns)


@pytest.mark.long
def test_difference_after_promises_covers_zero():
    rng, covered = np.random.default_rng(1), []
    for seed in range(200):
        mood = np.repeat(rng.normal(size=300), 3)  # customers answer three times, much alike
        given_to = pd.DataFrame({"customer_id": np.arange(300), "due_at": DAY})
        given_to["done_at"] = DAY + pd.to_timedelta(rng.choice([-1, 1], 300), unit="D")
        said = pd.DataFrame(
            {"customer_id": np.repeat(np.arange(300), 3), "responded_at": DAY + pd.Timedelta(days=9)}
        )
        said["overall"] = 5 + mood + 0.5 * rng.normal(size=900)
        row = promises.after_promises(said, given_to, seed=seed).iloc[-1]
        covered.append(row["ci_low"] <= 0 <= row["ci_high"])
    assert 0.91 <= np.mean(covered) <= 0.98


def test_against_rest_by_hand():
    rows = pd.DataFrame({"kept": [1.0, 0, 1, 1, 0, 0, 1, 1], "region": list("NNSSWWWW")})
    found = against_rest(rows, value="kept", by="region", scale=100).set_index("group")
    assert_allclose(found["value"], [50, 100, 50])
    assert_allclose(found["estimate"], [50 - 400 / 6, 100 - 50, 50 - 75])
    assert found["n_reference"].tolist() == [6, 6, 4]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(-40, 40), st.none() | st.integers(-40, 40)), min_size=1, max_size=20))
def test_judged_agrees_with_kept(drawn):
    table = pd.DataFrame({"due_at": on([d for d, _ in drawn]), "done_at": on([d for _, d in drawn])})
    told, counted = judged(table, as_of=DAY)["kept"], promises.kept(table, by=(), as_of=DAY).iloc[0]
    assert counted["n"] == told.notna().sum()
    assert counted["n_within"] == (told == 1).sum()


def test_problems_are_named(made):
    with pytest.raises(KeyError, match="'done_at' .nearest: 'due_at', 'done'"):
        promises.kept(made.rename(columns={"done_at": "done"}))
    with pytest.raises(ValueError, match="'done_at' is string"):
        promises.kept(made.assign(done_at="soon"))
    with pytest.raises(KeyError, match="'overal'"):
        promises.after_promises(
            pd.DataFrame({"overall": [1], "customer_id": 1, "responded_at": DAY}), made, outcome="overal"
        )
