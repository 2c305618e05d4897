"""The same figure is the same on every page: estimate, limits and base, in the notebooks as they are committed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from csatlib import promises, scores
from csatlib.promises.fulfilment import judged
from csatlib.stats.effective import clustered_shares

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
MIME = "application/vnd.csatlib.finding+json"
PAGES = ("03_definitions", "12_scores", "14_complaints", "15_promises", "90_executive_summary")
SAME = {
    "complaints per 1,000 customers": ("complaints.per_1000", "executive.complaints_per_1000"),
    "promises kept": ("promises.kept", "executive.promises_kept", "indicator.on_time"),
    "Net Promoter Score": ("scores.nps", "executive.nps", "indicator.nps"),
    "satisfied": ("scores.top_box", "indicator.csat"),
}


@pytest.fixture(scope="module")
def told():
    found = {}
    for name in PAGES:
        for cell in json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                if finding := output.get("data", {}).get(MIME):
                    found.setdefault(finding["metric"], finding)
    return found


@pytest.mark.parametrize("figure", list(SAME))
def test_pages_agree(told, figure):
    pages = [told[metric] for metric in SAME[figure]]
    for one in pages[1:]:
        assert {k: one[k] for k in ("estimate", "ci_low", "ci_high", "n")} == {
            k: pages[0][k] for k in ("estimate", "ci_low", "ci_high", "n")
        }


def made(n=600, seed=0):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"promise_id": [f"P{i}" for i in range(n)], "customer_id": rng.integers(0, n // 3, n)})
    rows["customer_id"] = "C" + rows["customer_id"].astype("str")
    rows["due_at"] = pd.Timestamp("2026-10-02")
    bad = rows["customer_id"].map(dict(zip(rows["customer_id"].unique(), rng.random(n), strict=False))) < 0.2
    rows["done_at"] = rows["due_at"] + pd.to_timedelta(np.where(bad, 2, -1), unit="D")
    return rows.assign(promise="Call back")


def test_promises_of_one_customer_go_together():
    rows = made()
    alone = promises.kept(rows).iloc[0]
    together = promises.kept(rows, cluster="customer_id").iloc[0]
    assert together["estimate"] == alone["estimate"]
    assert 0.4 * alone["n"] > together["n_eff"] > 0.15 * alone["n"]  # three promises of each, all alike
    assert together["ci_low"] < alone["ci_low"] < alone["ci_high"] < together["ci_high"]
    with pytest.raises(ValueError, match="needs a pandas DataFrame"):
        promises.kept(promises.fulfilment.dates.table_of(rows), cluster="customer_id")


def test_limits_are_those_of_the_scores_whatever_stands_beside_them():
    rows = judged(made(200, 3), as_of="2026-10-31").assign(period="2026-10")
    other = judged(made(900, 4), as_of="2026-10-31").assign(period="2026-09")
    both = pd.concat([rows, other.assign(promise_id="Q" + other["promise_id"])], ignore_index=True)
    asked = {"outcome": "kept", "low": 0, "high": 1, "within": "period", "cluster": "customer_id"}
    found = clustered_shares(rows, value="kept", by=["period"], cluster="customer_id")["2026-10",]
    for data in (rows, both):
        level = scores.csat(data, key="promise_id", **asked).query("measure == 'top_box' and stratum == '2026-10'")
        assert_allclose(
            level[["n_eff", "ci_low", "ci_high"]].iloc[0].tolist(),
            [found[k] for k in ("n_eff", "ci_low", "ci_high")],
        )


@pytest.mark.long
def test_coverage_with_few_broken_promises():
    """40 promises of 20 customers, one in ten broken, those of a customer alike half of the time."""
    rng = np.random.default_rng(5)
    covered, plain = 0, 0
    for _ in range(600):
        own = rng.random(20) < 0.9
        alike = np.repeat(rng.random(20) < 0.5, 2)
        kept = np.where(alike, np.repeat(own, 2), rng.random(40) < 0.9).astype(float)
        rows = pd.DataFrame({"kept": kept, "who": np.repeat(np.arange(20), 2), "g": "all"})
        for cluster in ("who", None):
            row = clustered_shares(rows, value="kept", by=["g"], cluster=cluster)["all",]
            hit = row["ci_low"] <= 0.9 <= row["ci_high"]
            covered, plain = covered + hit * (cluster == "who"), plain + hit * (cluster is None)
    assert covered / 600 >= 0.925
    assert covered >= plain - 6
