from datetime import date

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from test_clv_models import GOLDEN, packaged

from csatlib.clv import BetaGeoNBD, repeat_purchases, rfm

YEAR = {"observed_until": "2026-12-31"}


def lines(*rows):
    data = pd.DataFrame(rows, columns=["customer_id", "occurred_at", "amount"])
    return data.assign(occurred_at=pd.to_datetime(data["occurred_at"], format="mixed"))


def shop(seed=0, n=300):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, 40, n),
            "occurred_at": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 365 * 24, n), unit="h"),
            "amount": rng.integers(-2000, 9000, n) / 100,
        }
    )


def cdnow_sample():
    names = ["master", "customer_id", "occurred_at", "cds", "amount"]
    data = pd.read_csv(packaged("CDNOW_sample.txt"), sep=r"\s+", names=names, dtype={"occurred_at": str})
    return data.assign(occurred_at=pd.to_datetime(data["occurred_at"]))


def test_rfm_by_hand():
    data = lines(
        ("b", "2026-02-01 09:00", 20.0),
        ("a", "2026-01-01 10:00", 5.0),
        ("a", "2026-01-08 10:00", 1.0),
        ("a", "2026-01-08 18:00", 2.5),
        ("a", "2026-01-22", 0.1),
        ("a", "2026-03-10", 0.2),
        ("c", "2026-03-02", 7.0),
        (None, "2026-01-02", 9.0),
    )
    table = rfm(data, observed_until="2026-03-31", calibration_until="2026-02-28", unit="W")
    assert table["customer_id"].tolist() == ["a", "b"]  # c came later
    a, b = (row for _, row in table.iterrows())
    assert (a["frequency"], a["recency"], a["age"]) == (2, 3.0, 58 / 7)
    assert (a["spend_minor"], a["mean_spend"]) == (360, 1.8)
    assert (a["holdout_frequency"], a["holdout_spend_minor"], a["holdout"]) == (1, 20, 31 / 7)
    assert (b["frequency"], b["recency"], b["holdout_frequency"]) == (0, 0, 0)
    assert np.isnan(b["mean_spend"])
    whole = rfm(data, observed_until=date(2026, 3, 31))
    assert whole["frequency"].tolist() == [3, 0, 0]
    assert "holdout" not in whole


def test_a_refund_belongs_to_the_purchase_before_it():
    data = lines(
        ("a", "2026-01-01", 10.0),
        ("a", "2026-01-05", 8.0),
        ("a", "2026-01-07", -3.0),  # of the second purchase: 5.00 left
        ("a", "2026-02-01", 6.0),
        ("a", "2026-02-03", -6.0),  # cancelled
        ("b", "2026-01-10", -4.0),  # of a purchase nobody saw
        ("b", "2026-01-11", 4.0),
        ("b", "2026-01-11", 0.0),
        ("b", "2026-01-12", 0.0),  # free, but a purchase
        ("c", "2026-01-01", 5.0),
        ("c", "2026-01-01", -5.0),
    )
    table = rfm(data, **YEAR)
    assert table[["customer_id", "frequency", "recency", "spend_minor"]].values.tolist() == [
        ["a", 1, 4.0, 500],
        ["b", 1, 1.0, 0],
    ]
    dropped = rfm(data, refunds="drop", **YEAR).set_index("customer_id")
    assert dropped["frequency"].to_dict() == {"a": 2, "b": 1, "c": 0}
    assert dropped.loc["a", "spend_minor"] == 1400


def test_a_later_refund_does_not_change_what_was_known():
    data = lines(("a", "2026-01-01", 10.0), ("a", "2026-02-01", 6.0), ("a", "2026-03-05", -6.0))
    row = rfm(data, calibration_until="2026-02-28", **YEAR).iloc[0]
    assert (row["frequency"], row["spend_minor"]) == (1, 600)
    assert (row["holdout_frequency"], row["holdout_spend_minor"]) == (0, -600)
    assert rfm(data, **YEAR).iloc[0]["frequency"] == 0


def test_customers_from_before_the_data_are_found():
    data = lines(("old", "2026-01-03", 5.0), ("new", "2026-01-20", 5.0), ("first", "2026-01-01", 1.0))
    data["since"] = pd.to_datetime(["2025-06-01", "2026-01-20", "2026-01-01"])
    flagged = rfm(data, joined_on="since", known_before="flag", **YEAR).set_index("customer_id")
    assert flagged["known_before"].to_dict() == {"old": True, "new": False, "first": False}
    assert rfm(data, joined_on="since", **YEAR)["customer_id"].tolist() == ["first", "new"]
    assert rfm(data, burn_in=10, **YEAR)["customer_id"].tolist() == ["new"]
    assert len(rfm(data, **YEAR)) == 3


def test_frame_and_ibis_table_give_the_same(tmp_path):
    data = shop()
    data.to_parquet(tmp_path / "shop.parquet")
    settings_ = {"calibration_until": "2026-08-31", "burn_in": 20, "known_before": "flag", **YEAR}
    left, right = rfm(data, **settings_), rfm(ibis.read_parquet(tmp_path / "shop.parquet"), **settings_)
    pd.testing.assert_frame_equal(left, right)


@pytest.mark.parametrize("kind", ["decimal(2, 1)", "decimal(38, 10)", "int64", "float32"])
def test_amounts_of_every_kind_of_number(kind):
    frame = lines(("a", "2026-01-01", 9.0), ("a", "2026-01-05", 9.0))
    table = ibis.memtable(pa.Table.from_pandas(frame, preserve_index=False))
    assert rfm(table.mutate(amount=table.amount.cast(kind)), **YEAR)["spend_minor"].tolist() == [900]


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 2**31))
def test_rfm_properties(seed):
    data = shop(seed)
    until = {"calibration_until": "2026-08-31", **YEAR}
    table = rfm(data, **until)
    pd.testing.assert_frame_equal(table, rfm(data.sample(frac=1, random_state=seed), **until))
    assert (table["recency"] <= table["age"]).all()
    assert ((table["frequency"] > 0) == (table["recency"] > 0)).all()
    assert (table["recency"] >= table["frequency"]).all()
    kept = data[data["amount"] >= 0].assign(day=lambda d: d["occurred_at"].dt.normalize())
    days = kept[kept["day"] <= "2026-08-31"].groupby("customer_id")["day"].nunique() - 1
    dropped = rfm(data, refunds="drop", **until).set_index("customer_id")["frequency"]
    assert dropped.to_dict() == days.to_dict()
    scaled = rfm(data.assign(amount=data["amount"] * 10), **until)
    assert (scaled["spend_minor"] == 10 * table["spend_minor"]).all()
    counts = repeat_purchases(data, table, **until)
    total = table["frequency"].sum() + table["holdout_frequency"].sum()
    assert counts["purchases"].sum() == total


def test_settings_are_refused_all_at_once():
    with pytest.raises(
        ValueError, match=r"unit='M'.*; refunds='x'.*; burn_in=-1.*; calibration_until=2027-01-31 must"
    ):
        rfm(shop(), unit="M", refunds="x", burn_in=-1, calibration_until="2027-01-31", **YEAR)
    with pytest.raises(KeyError, match="'when'"):
        rfm(shop(), time="when", **YEAR)
    with pytest.raises(ValueError, match="'amount' is string, not a number"):
        rfm(shop().assign(amount="5 EUR"), **YEAR)
    with pytest.raises(ValueError, match="no customer bought up to 2020-01-01"):
        rfm(shop(), observed_until="2020-01-01")


def test_cdnow_from_its_purchases_to_the_published_fit():
    """Days instead of weeks rounded to two decimals: R BTYD 2.4.3 has -9582.42921 on exact days."""
    data = cdnow_sample()
    table = rfm(data, observed_until="1998-06-30", calibration_until="1997-09-30", unit="W")
    assert (len(table), table["frequency"].sum(), table["holdout_frequency"].sum()) == (2357, 2457, 1882)
    model = BetaGeoNBD().fit(table)
    assert_allclose(model.log_likelihood_, GOLDEN["bg_nbd"]["exact_days"]["log_likelihood"], atol=2e-5)
    assert_allclose(model.params_, list(GOLDEN["bg_nbd"]["exact_days"]["parameters"].values()), rtol=2e-4)
