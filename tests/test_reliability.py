import json
from pathlib import Path

import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.stats.moments import Moments, moments
from csatlib.stats.reliability import alpha

GOLDEN = json.loads((Path(__file__).parent / "golden" / "reliability.json").read_text(encoding="utf-8"))
ATTITUDE = GOLDEN["alpha_attitude"]


def attitude():
    return pd.DataFrame(ATTITUDE["rows"], columns=ATTITUDE["columns"])


def answers(n, k=4, loading=0.7, seed=0):
    rng = np.random.default_rng(seed)
    values = loading * rng.normal(size=(n, 1)) + np.sqrt(1 - loading**2) * rng.normal(size=(n, k))
    return pd.DataFrame(values, columns=[f"q{i}" for i in range(k)])


def test_attitude_equals_psych():
    table = alpha(attitude(), items=ATTITUDE["columns"]).set_index(["statistic", "interval"])
    raw = table.loc[("alpha", "feldt")]
    assert_allclose(raw["estimate"], ATTITUDE["raw"], atol=ATTITUDE["tolerance"])
    assert_allclose(raw[["ci_low", "ci_high"]].astype(float), ATTITUDE["feldt"], atol=ATTITUDE["tolerance"])
    assert_allclose(raw["mean_correlation"], ATTITUDE["mean_correlation"], atol=ATTITUDE["tolerance"])
    standardized = table.loc[("alpha_standardized", "replicates"), "estimate"]
    assert_allclose(standardized, ATTITUDE["standardized"], atol=ATTITUDE["tolerance"])
    assert (raw["n"], raw["n_items"]) == (30, 7)


def test_attitude_equals_pingouin():
    estimate, limits = pingouin.cronbach_alpha(attitude())
    raw = alpha(attitude(), items=ATTITUDE["columns"]).iloc[0]
    assert_allclose(raw["estimate"], estimate)
    assert_allclose(raw[["ci_low", "ci_high"]].astype(float), limits, atol=6e-4)  # pingouin rounds to 3 digits


def test_from_moments_and_from_a_published_matrix():
    items = ATTITUDE["columns"]
    whole = alpha(attitude(), items=items)
    pd.testing.assert_frame_equal(alpha(moments(attitude(), items), items=items), whole)
    published = Moments.from_correlation(attitude().corr(), 30, columns=items, sd=attitude().std().to_numpy())
    found = alpha(published, items=items)
    assert_allclose(found["estimate"], whole["estimate"])
    assert_allclose(found["ci_low"].iloc[0], whole["ci_low"].iloc[0])
    assert found["ci_low"].iloc[1:].isna().all()


def test_with_weights_there_is_no_feldt_interval():
    data = answers(200).assign(w=np.random.default_rng(0).uniform(0.2, 2, 200))
    table = alpha(data, items=["q0", "q1", "q2"], weight="w").set_index("interval")
    assert np.isnan(table.loc["feldt", "ci_low"])
    assert table.loc["replicates", "ci_low"].notna().all()


def test_errors_name_what_is_wrong():
    with pytest.raises(ValueError, match="found 1 items; needed are two or more"):
        alpha(answers(20), items=["q0"])
    with pytest.raises(ValueError, match="q0 more than once"):
        alpha(answers(20), items=["q0", "q0"])
    with pytest.raises(ValueError, match="moments carry their own weight"):
        alpha(moments(answers(20), ["q0", "q1"]), items=["q0", "q1"], weight="w")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-5, 5))
def test_alpha_does_not_depend_on_item_order_unit_or_level(seed, factor, shift):
    data = answers(60, seed=seed)
    items = list(data.columns)
    expected = alpha(data, items=items, replicates=10)["estimate"]
    changed = alpha(data * factor + shift, items=items[::-1], replicates=10)["estimate"]
    assert_allclose(changed, expected, rtol=1e-6)
    assert (expected <= 1).all()


def _covered(make, truth, *, runs=300, **design):
    hits = 0
    for seed in range(runs):
        data = make(seed)
        table = alpha(data, items=[c for c in data if c.startswith("q")], replicates=400, **design)
        row = table.query("statistic == 'alpha' and interval == 'replicates'").iloc[0]
        hits += row.ci_low <= truth <= row.ci_high
    return hits / runs


def _clustered(seed, customers=100, each=3):
    data = answers(customers, seed=seed)
    rng = np.random.default_rng(seed + 10_000)
    repeated = data.loc[data.index.repeat(each)].reset_index(drop=True)
    # the same persons answer again, with the same structure: each wave mixes old answer and new draw
    fresh = answers(customers * each, seed=seed + 20_000)
    mixed = np.sqrt(0.5) * repeated + np.sqrt(0.5) * fresh
    return mixed.assign(id=np.repeat(np.arange(customers), each), w=rng.uniform(0.3, 3, customers * each))


@pytest.mark.long
def test_coverage_of_alpha_intervals():
    truth = 4 / 3 * (1 - 4 / (4 + 12 * 0.49))
    # 300 runs: binomial standard error 1.3 points around 0.95
    assert 0.91 <= _covered(lambda seed: answers(100, seed=seed), truth) <= 0.98
    assert 0.90 <= _covered(_clustered, truth, cluster="id", weight="w") <= 0.985
