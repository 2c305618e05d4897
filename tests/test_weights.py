import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.stats.weights import kish, post_stratify, rake, response_weights
from csatlib.stats.weights.margins import coded, fitted

GOLDEN = json.loads((Path(__file__).parent / "golden" / "weights.json").read_text(encoding="utf-8"))
RAKE = GOLDEN["rake_2x2"]


def two_by_two():
    cells = pd.DataFrame(RAKE["sample"], columns=["g", "a", "k"])
    return cells.loc[cells.index.repeat(cells["k"]), ["g", "a"]].reset_index(drop=True)


def sample(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "region": rng.choice(["N", "S", "W"], n, p=[0.6, 0.3, 0.1]),
            "age": rng.choice(["young", "old"], n, p=[0.2, 0.8]),
            "w": rng.uniform(0.5, 2, n),
        }
    )


TARGETS = {"region": {"N": 0.4, "S": 0.4, "W": 0.2}, "age": {"young": 0.5, "old": 0.5}}


def test_rake_equals_r_survey():
    data = two_by_two()
    found = rake(data, margins=RAKE["margins"])
    by_cell = found.weights["weight"].groupby(data["g"] + " " + data["a"]).first()
    assert_allclose(by_cell[list(RAKE["weights"])], list(RAKE["weights"].values()), atol=RAKE["tolerance"])
    diagnostics = found.diagnostics.iloc[0]
    assert_allclose(diagnostics[["kish_effect", "n_eff"]].astype(float), [RAKE["kish_effect"], RAKE["n_eff"]])
    assert diagnostics["converged"]
    total = found.weights["weight"].groupby(data["g"] + data["a"]).sum()
    assert_allclose(total["MY"] * total["FO"] / (total["MO"] * total["FY"]), 6)


@pytest.mark.parametrize(("weights", "effect", "n_eff"), GOLDEN["kish"]["cases"])
def test_kish_equals_its_definition(weights, effect, n_eff):
    found = kish(weights).iloc[0]
    assert_allclose(
        found[["kish_effect", "n_eff"]].astype(float), [effect, n_eff], atol=GOLDEN["kish"]["tolerance"]
    )
    cv = np.std(weights) / np.mean(weights)
    assert_allclose(found["kish_effect"], 1 + cv**2)


def test_kish_leaves_rows_of_weight_zero_out():
    assert_allclose(kish([0, 1, 3]), kish([1, 3]))
    with pytest.raises(ValueError, match="1 missing, 1 negative, 0 above"):
        kish([-1, np.nan])


def test_margins_table_says_what_was_and_what_is():
    data = two_by_two()
    table = rake(data, margins=RAKE["margins"]).margins.set_index(["column", "category"])
    assert table.loc[("g", "F"), ["n", "sample", "target"]].tolist() == [40, 0.4, 0.52]
    assert_allclose(table["weighted"], table["target"], atol=1e-8)
    assert_allclose(table["deviation"], table["weighted"] - table["target"])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_raking_meets_its_margins_whatever_the_order_unit_or_base(seed, factor):
    data = sample(seed=seed)
    one = rake(data, margins=TARGETS, weight="w")
    assert_allclose(one.margins["weighted"], one.margins["target"], atol=1e-7)
    assert_allclose(one.weights["weight"].mean(), 1)
    shuffled = data.sample(frac=1, random_state=seed).assign(w=lambda d: d["w"] * factor)
    counts = {column: {k: v * 1000 for k, v in shares.items()} for column, shares in TARGETS.items()}
    other = rake(shuffled, margins=counts, weight="w").weights["weight"]
    assert_allclose(other.reindex(data.index), one.weights["weight"], rtol=1e-6)
    plain = rake(data, margins=TARGETS).weights["weight"]
    assert_allclose(rake(data.assign(w=3.0), margins=TARGETS, weight="w").weights["weight"], plain)


def test_trimming_keeps_bounds_and_margins_or_says_it_cannot():
    data = sample()
    free = rake(data, margins=TARGETS, weight="w")
    assert free.diagnostics["largest"].item() > 4
    trimmed = rake(data, margins=TARGETS, weight="w", bounds=(0.3, 4.0))
    row = trimmed.diagnostics.iloc[0]
    assert row["largest"] <= 4.0 + 1e-6
    assert row["smallest"] >= 0.3 - 1e-6
    assert row["n_trimmed"] > 0
    assert row["converged"]
    assert_allclose(trimmed.margins["weighted"], trimmed.margins["target"], atol=1e-8)
    assert row["kish_effect"] < free.diagnostics["kish_effect"].item()
    tight = rake(data, margins=TARGETS, bounds=(0.9, 1.1)).diagnostics.iloc[0]
    assert not tight["converged"]
    assert tight["largest_deviation"] > 0.05
    with pytest.raises(ValueError, match="low under 1 and high over 1"):
        rake(data, margins=TARGETS, bounds=(1.5, 3))


def test_everything_that_does_not_fit_is_told_at_once():
    data = pd.DataFrame({"region": ["N", "N", "X", None], "age": ["young"] * 4})
    with pytest.raises(ValueError, match="'region' is missing in 1 rows") as error:
        rake(data, margins={"region": {"N": 0.5, "S": 0.5}, "age": {"young": 1, "old": 0}})
    told = str(error.value)
    assert "'region' holds 'X', without a target" in told
    assert "'region' has a target for 'S', but nobody in the sample" in told
    assert "'age' has the target 'old' = 0" in told
    assert told.count("merge") >= 2
    with pytest.raises(KeyError, match="nearest: 'region'"):
        rake(data, margins={"regoin": {"N": 1}})
    with pytest.raises(ValueError, match="1 missing and 1 negative"):
        rake(data.assign(w=[1, -1, np.nan, 2]), margins={"age": {"young": 1}}, weight="w")
    with pytest.raises(ValueError, match="margins is empty"):
        rake(data, margins={})


def test_rows_of_weight_zero_do_not_count():
    data = pd.DataFrame({"region": ["N", "S", "S", None], "w": [1.0, 1.0, 1.0, 0.0]})
    weights = rake(data, margins={"region": {"N": 0.5, "S": 0.5}}, weight="w").weights["weight"]
    assert_allclose(weights, [1.5, 0.75, 0.75, 0])


def test_post_stratification_by_hand():
    data = pd.DataFrame({"g": ["M", "M", "F", "F"], "a": ["Y", "O", "Y", "Y"], "w": [1.0, 1.0, 1.0, 3.0]})
    targets = pd.DataFrame({"g": ["M", "M", "F"], "a": ["Y", "O", "Y"], "share": [0.25, 0.25, 0.5]})
    found = post_stratify(data, targets=targets, weight="w")
    assert_allclose(found.weights["weight"], [1, 1, 0.5, 1.5])
    assert found.margins["category"].tolist() == ["M / Y", "M / O", "F / Y"]
    with pytest.raises(ValueError, match="the cell 'M / Y' twice"):
        post_stratify(data, targets=pd.concat([targets, targets]))
    with pytest.raises(ValueError, match="a target for 'F / O', but nobody"):
        post_stratify(data, targets=pd.concat([targets, pd.DataFrame({"g": ["F"], "a": ["O"], "share": [0.1]})]))


def test_many_replicates_rake_as_one_does():
    rng = np.random.default_rng(0)
    cells = pd.DataFrame([("N", "y"), ("N", "o"), ("S", "y"), ("S", "o")], columns=["r", "a"])
    margins = coded([cells["r"], cells["a"]], {"r": {"N": 0.5, "S": 0.5}, "a": {"y": 0.3, "o": 0.7}})
    base = rng.uniform(1, 50, size=(5, 4))
    together = fitted(base, margins)[0]
    alone = np.vstack([fitted(row[None], margins)[0] for row in base])
    assert_allclose(together, alone, rtol=1e-6)
    assert_allclose(together.sum(axis=1), base.sum(axis=1))
    base[0, :2] = 0  # a replicate without anybody of the north keeps what it has, and meets the ages
    lacking = fitted(base, margins)[0]
    assert np.isfinite(lacking).all()
    assert_allclose(lacking[0, [0, 1]], 0)
    assert_allclose(lacking[1:], together[1:], rtol=1e-6)


def invited(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    plan, tenure = rng.choice(["A", "B", "C"], n), rng.normal(24, 8, n)
    logit = -0.8 + 0.05 * (tenure - 24) + np.select([plan == "A", plan == "B"], [0.8, -0.5], 0.0)
    answered = rng.random(n) < 1 / (1 + np.exp(-logit))
    return pd.DataFrame({"plan": plan, "tenure": tenure, "answered": answered, "w": np.exp((tenure - 24) / 10)})


@pytest.mark.parametrize("weight", [None, "w"])
def test_response_weights_bring_respondents_into_balance(weight):
    found = response_weights(invited(), responded="answered", predictors=["plan", "tenure"], weight=weight)
    before, after = found.balance["smd_before"].abs(), found.balance["smd_after"].abs()
    assert before.max() > 0.2
    assert after.max() < 0.03
    data, base = invited(), invited()["w"] if weight else np.ones(4000)
    answered = data["answered"].to_numpy()
    tenure = found.balance.query("variable == 'tenure'").iloc[0]
    assert_allclose(tenure["invited"], np.average(data["tenure"], weights=base))
    assert_allclose(tenure["before"], np.average(data["tenure"][answered], weights=np.asarray(base)[answered]))
    assert tenure["n"] == answered.sum() == found.diagnostics["n"].item()
    assert (found.weights["weight"][~answered] == 0).all()
    assert_allclose(found.weights["weight"][answered].mean(), 1)


def test_response_weights_by_hand_and_trimmed():
    data = pd.DataFrame({"plan": ["A"] * 100 + ["B"] * 100, "answered": [1] * 80 + [0] * 20 + [1] * 20 + [0] * 80})
    free = response_weights(data, responded="answered", predictors=["plan"], largest=None)
    assert_allclose(free.weights["propensity"], [0.8] * 100 + [0.2] * 100, rtol=1e-6)
    assert_allclose(free.weights["weight"].iloc[[0, 100]], [0.625, 2.5], rtol=1e-6)
    heavy = data.assign(w=1.0 + data["answered"])  # 160 of 180 by weight in A, 40 of 120 in B
    base = response_weights(heavy, responded="answered", predictors=["plan"], weight="w", largest=None)
    assert_allclose(base.weights["propensity"].iloc[[0, 100]], [160 / 180, 40 / 120], rtol=1e-6)
    trimmed = response_weights(data, responded="answered", predictors=["plan"], largest=2.0)
    assert trimmed.diagnostics[["n_trimmed"]].iloc[0].tolist() == [20]
    assert_allclose(trimmed.weights["weight"].max() / trimmed.weights["weight"].iloc[0], 2 / 0.625, rtol=1e-6)


def test_response_problems_are_told_at_once():
    data = invited(200).assign(never=["x"] * 199 + ["y"])
    data.loc[199, "answered"] = False
    data.loc[:2, "tenure"] = np.nan
    with pytest.raises(ValueError, match="nobody in 'never' = 'y' answered") as error:
        response_weights(data, responded="answered", predictors=["never", "tenure"])
    assert "'tenure' is missing in 3 rows" in str(error.value)
    with pytest.raises(ValueError, match="'plan' holds .* allowed are True/False"):
        response_weights(data, responded="plan", predictors=["never"])
    with pytest.raises(ValueError, match="at least 20 of each"):
        response_weights(invited(30), responded="answered", predictors=["plan"])
    gaps = invited().assign(plan=lambda d: d["plan"].where(d["plan"] != "C"))
    assert (
        "(missing)"
        in response_weights(gaps, responded="answered", predictors=["plan"]).balance["category"].tolist()
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 100), st.floats(0.1, 10))
def test_response_weights_do_not_depend_on_the_weights_unit_or_row_order(seed, factor):
    data = invited(800, seed)
    design = {"responded": "answered", "predictors": ["plan", "tenure"], "weight": "w"}
    one = response_weights(data, **design).weights["weight"]
    other = data.assign(w=data["w"] * factor).sample(frac=1, random_state=seed)
    assert_allclose(response_weights(other, **design).weights["weight"].reindex(data.index), one, rtol=1e-5)
