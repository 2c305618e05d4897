import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from csatlib.clv import ShiftedBetaGeometric, lifetime_value, renewals, value_holdouts
from csatlib.clv.purchase_value import spans
from csatlib.clv.retention_value import expected_payments

GOLDEN = json.loads((Path(__file__).parent / "golden" / "clv.json").read_text(encoding="utf-8"))
DAYS = pd.date_range("2024-01-01", "2025-12-01", freq="MS")


def company(seed=0, n=600, stop=(2.0, 40.0), price=(15, 60)):
    """Customers of ten years who leave at monthly renewals; bills on the first; records of two years."""
    rng = np.random.default_rng(seed)
    joined = pd.Timestamp("2016-01-01") + pd.to_timedelta(rng.integers(0, 3500, n), unit="D")
    stays = rng.geometric(np.maximum(rng.beta(*stop, n), 1e-9))
    gone = [day + pd.DateOffset(months=int(min(months, 500))) for day, months in zip(joined, stays, strict=True)]
    people = pd.DataFrame({"customer_id": [f"c{i:04d}" for i in range(n)], "joined_on": joined, "left_on": gone})
    people["plan"] = rng.choice(["a", "b"], n)
    people["price"] = rng.uniform(*price, n).round(2)
    return people[people["left_on"] > DAYS[0]].reset_index(drop=True)  # who left before is not known


def bills(people):
    rows = people.merge(pd.DataFrame({"occurred_at": DAYS}), how="cross")
    rows = rows[(rows["occurred_at"] >= rows["joined_on"]) & (rows["occurred_at"] < rows["left_on"])]
    return rows.rename(columns={"price": "amount"})[["customer_id", "occurred_at", "amount"]]


def valued(people, **settings):
    settings = {"business": "subscription", "observed_until": "2025-12-31", "customers": people} | settings
    return lifetime_value(bills(people), **settings)


def test_discounting_by_hand():
    """Nobody's chance to stay is below 1 by much: three payments of today, in a month and in two months."""
    model = ShiftedBetaGeometric.from_parameters({"alpha": 1.0, "beta": 1.0})
    found = expected_payments(model, np.array([0, 2]), discount=0.25, horizon=3)
    # ages 0 and 2: S(1..3) = 1/2, 1/3, 1/4, and S(3..5) / S(2) = 3/4, 3/5, 1/2
    assert_allclose(found, [1 / 2 + 1 / 3 / 1.25 + 1 / 4 / 1.5625, 3 / 4 + 3 / 5 / 1.25 + 1 / 2 / 1.5625])
    ends, factor = spans(6, 0.02)
    assert_allclose(ends, range(1, 7))
    assert_allclose(factor, 1.02 ** -(np.arange(6) + 0.5))


def test_value_without_end_is_the_published_residual_lifetime():
    golden = GOLDEN["shifted_beta_geometric"]
    model = ShiftedBetaGeometric.from_parameters(golden["published"])
    projected = np.array(golden["survival"][1:]) / 1.1 ** np.arange(12)
    new = expected_payments(model, np.array([0]), discount=0.1, horizon=12)
    assert_allclose(new, projected.sum(), rtol=2e-4)  # published parameters have three decimals
    ours = expected_payments(model, np.arange(4), discount=0.1, horizon=np.inf)
    theirs = [float(model.discounted_lifetime(0.1, renewals=k)["estimate"].iloc[0]) for k in (1, 2, 3, 4)]
    assert_allclose(ours, theirs)
    assert_allclose(expected_payments(model, np.arange(4), discount=0.1, horizon=400), ours, rtol=1e-12)
    assert_allclose(
        expected_payments(model, np.arange(4), discount=0.1, horizon=np.inf, power=1 + 1e-9), ours, rtol=1e-4
    )


def test_renewals_by_hand():
    days = [
        ("2025-01-15", "2025-03-15"),  # second renewal not taken
        ("2025-01-15", "2025-03-16"),  # third
        ("2024-10-20", None),  # watched from its fourth month of age on
        ("2024-12-31", "2025-01-10"),  # left in the month of age in which the records begin: not watched
        ("2025-02-01", "2026-07-01"),  # leaves after the records end
    ]
    people = pd.DataFrame(days, columns=["joined_on", "left_on"]).apply(pd.to_datetime)
    table = renewals(people, observed_from="2025-01-01", observed_until="2025-03-31")
    assert table[["period", "n_at_risk", "n_events", "n_entered"]].values.tolist() == [
        [1, 3, 0, 3],
        [2, 3, 1, 0],
        [4, 1, 0, 1],
        [5, 1, 0, 0],
    ]


def test_late_entry_is_fitted_as_the_cohort_is():
    survivors = [1000, 869, 743, 653, 593, 551, 517, 491]
    cohort = ShiftedBetaGeometric().fit(pd.DataFrame({"period": range(8), "survivors": survivors}))
    counts = {"period": range(1, 8), "n_at_risk": survivors[:-1], "n_events": -np.diff(survivors)}
    late = ShiftedBetaGeometric().fit_renewals(pd.DataFrame(counts))
    assert_allclose(late.params_, cohort.params_, rtol=1e-6)
    assert late.n_ == 1000


def test_totals_add_up_and_contain_their_estimates():
    people = company()
    found = valued(people, margin=0.5, by="plan")
    total = found.total.query("measure == 'value'")
    assert found.customers["customer_id"].tolist() == sorted(people.query("left_on > '2025-12-31'").customer_id)
    assert_allclose(total.groupby("level")["estimate"].sum(), found.customers["estimate"].sum())
    assert (total["ci_low"] < total["estimate"]).all()
    assert (total["estimate"] < total["ci_high"]).all()
    whole = valued(people)
    assert_allclose(whole.customers["estimate"], 2 * found.customers["estimate"])
    shuffled = people.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(valued(shuffled, margin=0.5, by="plan").total, found.total)


def test_the_model_must_fit_the_business():
    people = company(n=50)
    with pytest.raises(ValueError, match="does not fit business='subscription': under contract the day"):
        valued(people, model="bg_nbd")
    with pytest.raises(ValueError, match="does not fit business='retail': in retail nobody says that he left"):
        valued(people, business="retail", model="shifted_beta_geometric")
    with pytest.raises(ValueError, match="customers lack 'left_on'"):
        valued(people, customers=people.drop(columns="left_on"))
    with pytest.raises(ValueError, match="margin=2; .*horizon=0; .*discount=-0.1; .*shares"):
        valued(people, margin=2, horizon=0, discount=-0.1, shares=[0.5])
    with pytest.raises(ValueError, match="business='club'; allowed are 'retail', 'subscription'"):
        valued(people, business="club")
    with pytest.raises(ValueError, match="model='clv'; allowed are 'auto'"):
        valued(people, model="clv")


def test_holdouts_use_nothing_later():
    people = company(1)
    kept = {"business": "subscription", "customers": people, "origins": 2, "draws": 50}
    table = value_holdouts(bills(people), observed_until="2025-12-31", **kept)
    cut = people.assign(left_on=people["left_on"].where(people["left_on"] <= "2025-09-30"))
    known = bills(people).query("occurred_at <= '2025-09-30'")
    alone = lifetime_value(
        known, business="subscription", customers=cut[cut["joined_on"] <= "2025-09-30"],
        observed_until="2025-09-30", horizon=3, discount=0.0, draws=50,
    )  # fmt: skip
    assert_allclose(table["estimate"].iloc[1], alone.total["estimate"].iloc[0])
    assert table["period"].tolist() == ["2025-08", "2025-09"]
    assert value_holdouts(bills(people), observed_until="2024-05-31", **kept).empty
