"""Leavers without dates: judged by models that have not seen them, and never said to hold next month."""

import numpy as np
import pandas as pd
import pytest

from csatlib import churn
from csatlib.churn import data_sentences, model_sentences
from csatlib.tables import workspace

SETTINGS = """
[company]
name = "Acme"
[source]
path = "data"
[tables.customers]
columns = { left = "churn", tenure_months = "tenure" }
constant = { seen_on = "2026-10-31" }
kinds = { tenure_months = "number" }
"""


@pytest.fixture(scope="module")
def people():
    """Customers whose leaving goes with tenure; a column that knows it, one that names them, one by chance."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(900)], "tenure": rng.integers(0, 60, 900)})
    rows["left"] = (rng.random(900) < 0.6 - rows["tenure"] / 100).astype(float)
    rows["refund"], rows["email"] = rows["left"] * 5, rows["customer_id"] + "@example"
    return rows.assign(noise=rng.normal(size=900), joined=pd.Timestamp("2026-01-01"), replicate=3)


def test_what_names_customers_or_comes_from_us_is_no_feature(people):
    cut = churn.cross_section(people.assign(left=people["left"].mask(people.index < 5)), on="2026-11-01")
    assert churn.feature_names(cut.test) == ["tenure", "refund", "noise"]
    assert (len(cut.test), cut.purged) == (895, ())
    assert cut.train is cut.test


def test_a_customer_is_judged_by_a_model_that_has_not_seen_him(people):
    """Noise sorts nothing, though a model that had seen the customers would sort them; order is no matter."""
    rng = np.random.default_rng(1)
    rows = churn.cross_section(people, on="2026-11-01").test.assign(left=(rng.random(900) < 0.4).astype(float))
    rows = rows.assign(**{f"x{k}": rng.normal(size=900) for k in range(30)}, value=1.0)
    names = [f"x{k}" for k in range(30)]
    model = churn.crossed(rows, features=names)
    terms = {"cost": 1.0, "success": 0.5, "value": "value"}
    auc = churn.evaluate(model, rows, **terms).measures.set_index("measure").loc["auc"]
    seen = churn.evaluate(churn.fit(rows, features=names), rows, **terms).measures.set_index("measure").loc["auc"]
    assert auc["ci_low"] < 0.5 < auc["ci_high"] + 0.02
    assert seen["estimate"] > auc["estimate"] + 0.05
    turned = rows.sample(frac=1, random_state=0)
    assert model.predict(turned) == pytest.approx(model.predict(rows)[turned.index])


def test_foresight_is_suspected_and_the_rest_is_not_called_clean(people):
    found = churn.unchecked(churn.cross_section(people, on="2026-11-01").test).set_index("feature")
    assert found["verdict"].to_dict() == {"tenure": "unchecked", "refund": "suspect", "noise": "unchecked"}
    assert "refund" in model_sentences.clean(found.reset_index())
    rest = found.drop("refund").reset_index()
    assert "cannot be checked" in model_sentences.clean(rest)


def test_the_page_says_what_it_cannot_show(people):
    said = data_sentences.months(churn.cross_section(people, on="2026-11-01"))
    assert "no out-of-time test" in said
    assert "cannot show that they hold next month" in said
    with pytest.raises(ValueError, match="on a known day"):
        churn.snapshot(
            {"customers": people.assign(joined_on=people["joined"])}, dates=["2026-02-01"], until="2027"
        )


def test_customers_alone_without_a_day_of_joining_are_read(tmp_path, people):
    (tmp_path / "data").mkdir()
    kept = people[["customer_id", "tenure", "left"]].rename(columns={"left": "churn"})
    kept.assign(churn=kept["churn"].map({1.0: "Yes", 0.0: "No"})).to_csv(
        tmp_path / "data/customers.csv", index=False
    )
    file = tmp_path / "csat.toml"
    file.write_text(SETTINGS, encoding="utf-8")
    ws = workspace.open(file, period=workspace.latest_period(file))
    assert ws.period.label == "2026-10"
    assert (
        ws.customers.set_index("customer_id")["left"].to_dict()
        == people.set_index("customer_id")["left"].to_dict()
    )
    assert not churn.dated(ws.customers)
    file.write_text(SETTINGS.replace('left = "churn", ', ""), encoding="utf-8")
    with pytest.raises(ValueError, match="required column 'joined_on' is missing"):
        workspace.open(file)
