"""Churn: nothing known later gets into a snapshot, and what is claimed of a model holds on later months."""

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csatlib import churn
from csatlib.tables.scale import Item, Scale


def times(*texts):
    return pd.to_datetime(list(texts), format="mixed").astype("datetime64[us]")


@pytest.fixture
def tables():
    """Two customers, small enough to work out by hand; the snapshot is 1 June 2026, 00:00."""
    customers = {"customer_id": ["a", "b"], "plan": ["x", "y"], "joined_on": times("2025-06-01", "2026-01-01")}
    responses = {
        "customer_id": ["a", "a", "a", None],
        "responded_at": times("2026-05-01", "2026-05-22", "2026-06-01 00:00:01", "2026-05-30"),
        "overall": [6, 3, 7, 1],
        "nps": [9, None, 10, 0],
        "e1": [7, 7, 7, 7],
        "p1": [5, 6, 7, 1],
        "e2": [6, None, 7, 7],
        "p2": [2, 3, 7, 1],
    }
    transactions = {
        "customer_id": ["a"] * 4,
        "occurred_at": times("2026-01-15", "2026-04-01", "2026-06-01", "2026-06-02"),
        "amount": [30.0, 20.0, 5.0, 99.0],
    }
    contacts = {
        "customer_id": ["a"] * 4,
        "occurred_at": times("2026-03-20", "2026-05-10", "2026-05-29", "2026-06-03"),
        "resolved": [False, True, False, False],
        "rating": [4.0, 2.0, 1.0, 1.0],
    }
    complaints = {
        "customer_id": ["a", "a"],
        "opened_at": times("2026-02-01", "2026-05-22"),
        "resolved_at": times("2026-02-10", "2026-06-05"),
        "followed_up_at": times("2026-02-20", "2026-06-20"),
        "rating_before": [2.0, 4.0],
        "rating_after": [5.0, 1.0],
    }
    found = {"customers": pd.DataFrame(customers).assign(left_on=times(None, "2026-07-02"))}
    parts = {"responses": responses, "transactions": transactions, "contacts": contacts, "complaints": complaints}
    return found | {name: pd.DataFrame(columns) for name, columns in parts.items()}


SCALE = Scale([Item("q1", expectation="e1", perception="p1"), Item("q2", expectation="e2", perception="p2")], 1, 7)
BY_HAND = {
    **{"left": 0, "tenure_years": 365 / 365.25, "spend_90": 25.0, "spend_change_90": -5.0},
    **{"contacts_30": 2, "contacts_90": 3, "unresolved_90": 2, "lowest_rating_90": 2.0},
    **{"complaints_90": 1, "complaints_open": 1, "complaint_days": 10.0, "complaint_change": 3.0},
    **{"answered": 1, "answer_days": 10.0, "last_overall": 3.0, "last_nps": 9.0, "last_gap": -1.0},
    **{"mean_overall": 4.5, "mean_nps": 9.0, "mean_gap": -2.0},
}


def test_each_feature_by_hand(tables):
    rows = churn.snapshot(tables, dates=["2026-06-01"], until="2026-09-01", scale=SCALE, segments=["plan"])
    a, b = rows.to_dict("records")
    assert {name: a[name] for name in BY_HAND} == pytest.approx(BY_HAND)
    assert (b["left"], b["contacts_90"], b["answered"], b["plan"]) == (1.0, 0, 0, "y")
    assert all(
        np.isnan(b[name]) for name in ("last_overall", "mean_gap", "answer_days", "spend_90", "complaint_days")
    )


def test_the_engine_gives_the_same(tables, tmp_path):
    held, stored = ibis.duckdb.connect(), {}
    for name, table in tables.items():
        table.to_parquet(tmp_path / f"{name}.parquet")
        stored[name] = held.read_parquet(tmp_path / f"{name}.parquet")
    options = {"dates": ["2026-05-01", "2026-06-01"], "until": "2026-09-01", "scale": SCALE}
    frames, engine = churn.snapshot(tables, **options), churn.snapshot(stored, **options)
    found = engine.order_by(["snapshot", "customer_id"]).to_pyarrow().to_pandas()
    assert list(found.columns) == list(frames.columns)
    for name in churn.feature_names(frames):
        assert found[name].tolist() == pytest.approx(frames[name].tolist(), nan_ok=True), name


def test_horizon_and_presence(tables):
    options = {"until": "2026-08-01", "horizon": 1}
    rows = churn.snapshot(tables, dates=["2026-06-01", "2026-07-01", "2026-08-01"], **options)
    assert rows[["customer_id", "left"]].values.tolist() == [["a", 0], ["b", 0], ["a", 0], ["b", 1]]
    later = churn.snapshot(tables, dates=["2026-08-01"], complete=False, **options)
    assert later["customer_id"].tolist() == ["a"]
    assert later["left"].isna().all()
    with pytest.raises(ValueError, match="horizon of 1 months over by 2026-08-01"):
        churn.snapshot(tables, dates=["2026-08-01"], **options)


def test_the_day_of_leaving_itself(tables):
    at = churn.snapshot(tables, dates=["2026-06-02", "2026-07-02"], until="2026-08-02", horizon=1)
    assert at[["customer_id", "left"]].values.tolist() == [["a", 0], ["b", 1], ["a", 0]]


def test_a_planted_leak_is_refused_by_name(tables):
    keys = {"customer_id": ["a", "b"], "snapshot": times("2026-06-01", "2026-06-01")}
    extra = pd.DataFrame(keys | {"risk_flag": [1.0, 0.0], "flagged_at": times("2026-05-30", "2026-06-01")})
    options = {"dates": ["2026-06-01"], "until": "2026-09-01"}
    rows = churn.snapshot(tables, extra=extra, available_at={"risk_flag": "flagged_at"}, **options)
    assert rows["risk_flag"].tolist() == [1, 0]
    late = extra.assign(flagged_at=times("2026-05-30", "2026-06-02"))
    with pytest.raises(ValueError, match=r"'risk_flag' is stamped later than its snapshot.* in 1 rows"):
        churn.snapshot(tables, extra=late, available_at={"risk_flag": "flagged_at"}, **options)
    with pytest.raises(ValueError, match="'offer' has no time"):
        churn.snapshot(tables, extra=extra.assign(offer=1), available_at={"risk_flag": "flagged_at"}, **options)


def careless(tables, **options):
    """A snapshot that takes a complaint's outcome as known from its opening, and forgets who leaves soon."""
    early = tables["complaints"].assign(followed_up_at=tables["complaints"]["opened_at"])
    return churn.snapshot(tables | {"complaints": early}, **options)


def test_a_subtle_leak_is_caught_by_the_audit(tables):
    options = {"scale": SCALE}
    rows = careless(tables, dates=["2026-06-01"], until="2026-09-01", **options)
    found = churn.audit(rows, tables=tables, build=careless, **options).set_index("feature")
    assert found.loc["complaint_change", ["changed", "verdict"]].tolist() == [1, "leak"]
    assert (found.drop("complaint_change")["changed"] == 0).all()
    honest = churn.snapshot(tables, dates=["2026-06-01"], until="2026-09-01", **options)
    assert (churn.audit(honest, tables=tables, build=churn.snapshot, **options)["changed"] == 0).all()
    gone = churn.audit(honest[honest["left"] == 0], tables=tables, build=churn.snapshot, **options)
    assert gone.loc[gone["feature"] == "customer_id", "verdict"].tolist() == ["leak"]


def test_what_has_no_time_is_caught_where_it_is_too_good():
    rng = np.random.default_rng(0)
    left = pd.Series(times(*["2026-06-10"] * 20, *[None] * 180))
    people = pd.DataFrame({"customer_id": [f"c{i}" for i in range(200)], "left_on": left})
    people = people.assign(joined_on=times("2025-01-01")[0], offer=np.where(left.notna(), "yes", "no"))
    people["plan"] = rng.choice(["x", "y"], 200)
    options = {"dates": ["2026-05-20", "2026-06-01"], "until": "2026-07-01", "horizon": 1}
    rows = churn.snapshot({"customers": people}, segments=["offer", "plan"], **options)
    found = churn.audit(
        rows, tables={"customers": people}, build=churn.snapshot, segments=["offer", "plan"], horizon=1
    )
    assert found.set_index("feature")["verdict"][["offer", "plan", "tenure_years"]].tolist() == [
        *("suspect", "clean", "clean")
    ]


def test_retail_and_wrong_tables_are_refused(tables):
    options = {"dates": ["2026-06-01"], "until": "2026-09-01"}
    with pytest.raises(ValueError, match="on a known day"):
        churn.snapshot(tables, business="retail", **options)
    with pytest.raises(ValueError, match="on a known day"):
        churn.snapshot({"customers": tables["customers"].drop(columns="left_on")}, **options)
    with pytest.raises(KeyError, match="allowed are customers"):
        churn.snapshot(tables | {"orders": tables["transactions"]}, **options)
    with pytest.raises(KeyError, match="nearest: 'occured_at'"):
        churn.snapshot(
            tables | {"contacts": tables["contacts"].rename(columns={"occurred_at": "occured_at"})}, **options
        )


@settings(max_examples=20, deadline=None)
@given(horizon=st.integers(1, 4), test=st.integers(1, 4))
def test_no_training_target_reaches_into_the_test(horizon, test):
    days = pd.DataFrame({"snapshot": pd.date_range("2025-01-01", periods=10, freq="MS")})
    rows = days.assign(horizon_end=days["snapshot"] + pd.DateOffset(months=horizon))
    cut = churn.split(rows, test=test)
    assert cut.train["horizon_end"].max() <= cut.test["snapshot"].min()
    assert len(cut.train) + len(cut.test) + len(cut.purged) == 10
    assert len(cut.purged) == horizon - 1


def test_a_split_without_training_months_is_refused():
    days = pd.DataFrame({"snapshot": pd.date_range("2025-01-01", periods=3, freq="MS")})
    rows = days.assign(horizon_end=days["snapshot"] + pd.DateOffset(months=3))
    with pytest.raises(ValueError, match="no snapshot has its horizon over"):
        churn.split(rows, test=1)
