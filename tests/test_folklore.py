"""Rules of thumb: the three verdicts, the figures of the company, what a reader is told."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from csatlib import folklore
from csatlib.folklore import sentences

GOLDEN = json.loads((Path(__file__).parent / "golden" / "folklore.json").read_text(encoding="utf-8"))
ONE = pd.DataFrame({"rule": ["r"], "low": [-2.0], "high": [2.0]})


def figure(estimate, half, rule="r", n=100, **rest):
    limits = {"ci_low": estimate - half, "ci_high": estimate + half}
    return pd.DataFrame([{"rule": rule, "estimate": estimate, "n": n} | limits | rest])


@pytest.mark.parametrize(
    ("estimate", "half", "verdict"),
    [
        (0.0, 1.99, "agrees"),
        (0.0, 2.01, "unknown"),
        (1.5, 0.49, "agrees"),
        (1.5, 0.51, "unknown"),
        (2.5, 0.51, "unknown"),
        (2.5, 0.49, "outside"),
        (-9.0, 6.9, "outside"),
        (0.0, np.inf, "unknown"),
    ],
)
def test_one_rule_is_judged_by_its_interval(estimate, half, verdict):
    found = folklore.verdicts(figure(estimate, half), quoted=ONE)
    assert found["verdict"].tolist() == [verdict]


def test_p_values_are_those_of_the_two_one_sided_tests_and_of_their_opposites():
    rng = np.random.default_rng(0)
    x = rng.normal(1.2, 3, 40)
    described = sm.stats.DescrStatsW(x)
    low, high = described.tconfint_mean()
    row = figure(x.mean(), 0).assign(ci_low=low, ci_high=high, df=39)
    (p,) = folklore.verdicts(row, quoted=ONE)["p_value"]
    assert_allclose(p, 2 * described.ttost_mean(-2, 2)[0])
    (p,) = folklore.verdicts(row, quoted=ONE.assign(high=0.5))["p_value"]
    assert_allclose(p, described.ttest_mean(0.5)[1])


@pytest.mark.parametrize("at", [0, 1])
def test_equivalence_as_published(at):
    case, told = GOLDEN["equivalence"], GOLDEN["equivalence"]["cases"][at]
    parts = np.array([case["sd_1"], case["sd_2"]]) ** 2 / told["n_each"]
    se, df = parts.sum() ** 0.5, parts.sum() ** 2 / (parts**2 / (told["n_each"] - 1)).sum()
    half = stats.t.ppf(0.975, df) * se
    row = figure(case["mean_1"] - case["mean_2"], half, n=2 * told["n_each"], df=df)
    ends = ONE.assign(low=-case["bound"], high=case["bound"])
    assert_allclose(folklore.verdicts(row, quoted=ends)["p_value"].iloc[0] / 2, told["p"], atol=told["atol"])


def test_several_rules_are_judged_together():
    quoted = pd.concat([ONE.assign(rule=name) for name in "abc"], ignore_index=True)
    half = 1.96
    own = pd.concat([figure(2 + 2.1, half, name) for name in "ab"])
    found = folklore.verdicts(own, quoted=quoted)
    assert found["verdict"].tolist() == ["unknown", "unknown", "absent"]
    assert_allclose(found["p_adjusted"][:2], 2 * found["p_value"][:2])
    assert found["compared"].tolist() == [2, 2, 2]
    assert folklore.verdicts(own[:1], quoted=quoted)["verdict"].tolist() == ["outside", "absent", "absent"]


def test_size_needed_by_hand():
    found = folklore.verdicts(figure(3.0, 1.959964 * 0.5), quoted=ONE)
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.9)
    assert found["needed"].iloc[0] == np.ceil(100 * (0.5 * z / 2) ** 2)
    few = figure(0.0, stats.t.ppf(0.975, 7) * 3, n_groups=8, counted="n_groups")
    needed = folklore.verdicts(few, quoted=ONE)["needed"].iloc[0]
    t = stats.t.ppf(0.975, needed - 1) + stats.t.ppf(0.9, needed - 1)
    assert 2 / (3 * (8 / needed) ** 0.5) >= t > 2 / (3 * (8 / (needed - 1)) ** 0.5) - 0.1
    assert np.isnan(folklore.verdicts(figure(0.5, 1), quoted=ONE.assign(low=0, high=0))["needed"].iloc[0])


def test_quoted_figures_are_those_of_the_sources():
    table = folklore.rules().set_index("rule")
    for rule, (low, high) in GOLDEN["quoted"].items():
        assert table.loc[rule, ["quoted_low", "quoted_high"]].tolist() == [low, high]
    sears = GOLDEN["sears"]
    scaled = 10 * sears["customers"] / sears["employees"]
    assert table.loc["employees", "low"] == pytest.approx(scaled)
    assert set(table.index) == set(sentences.LABELS) == set(sentences.NEEDS) == set(sentences.COUNTED)


numbers = st.floats(-50, 50, allow_nan=False)
halves = st.floats(0.01, 30)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(numbers, halves), min_size=1, max_size=5), st.floats(0.1, 9), st.floats(-9, 9))
def test_verdicts_depend_on_no_unit_and_no_order(rows, scale, shift):
    names = [f"r{i}" for i in range(len(rows))]
    quoted = pd.concat([ONE.assign(rule=name) for name in names], ignore_index=True)
    own = pd.concat([figure(e, h, name) for (e, h), name in zip(rows, names, strict=True)], ignore_index=True)
    found = folklore.verdicts(own, quoted=quoted)
    turned = folklore.verdicts(own[::-1], quoted=quoted)
    pd.testing.assert_frame_equal(found, turned)
    moved = {name: own[name] * scale + shift for name in ("estimate", "ci_low", "ci_high")}
    ends = {name: quoted[name] * scale + shift for name in ("low", "high")}
    other = folklore.verdicts(own.assign(**moved), quoted=quoted.assign(**ends))
    assert_allclose(other["p_value"], found["p_value"], rtol=1e-6, atol=1e-9)
    assert found["p_value"].between(0, 1).all()
    assert (found["p_adjusted"] >= found["p_value"]).all()
    firm = found[found["verdict"] != "unknown"]
    inside = (firm["ci_low"] > firm["low"]) & (firm["ci_high"] < firm["high"])
    apart = (firm["ci_low"] > firm["high"]) | (firm["ci_high"] < firm["low"])
    assert (inside == (firm["verdict"] == "agrees")).all()
    assert (apart == (firm["verdict"] == "outside")).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rule": "steps"}, "'steps' is not quoted"),
        ({"ci_low": 4.0}, "outside ci_low to ci_high"),
    ],
)
def test_wrong_figures_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        folklore.verdicts(figure(1.0, 1.0).assign(**change), quoted=ONE)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="'tax' is no rule.*tolerance of 'tax' is -1"):
        folklore.rules({"tax": -1})
    with pytest.raises(ValueError, match="given twice"):
        folklore.verdicts(pd.concat([figure(1, 1)] * 2), quoted=ONE)
    with pytest.raises(ValueError, match="low is above high"):
        folklore.verdicts(figure(1, 1), quoted=ONE.assign(low=3))
    with pytest.raises(ValueError, match="power=1"):
        folklore.verdicts(figure(1, 1), quoted=ONE, power=1)
    with pytest.raises(KeyError, match="ci_low"):
        folklore.verdicts(figure(1, 1).drop(columns="ci_low"), quoted=ONE)


def test_input_stays_as_it_is():
    own, quoted = figure(1, 1), ONE.copy()
    before = own.copy()
    folklore.verdicts(own, quoted=quoted)
    pd.testing.assert_frame_equal(own, before)
    pd.testing.assert_frame_equal(quoted, ONE)


def test_ratio_by_hand_and_at_its_ends():
    above = {"estimate": 20.0, "ci_low": 16.0, "ci_high": 26.0, "n": 90}
    certain = {"estimate": 80.0, "ci_low": 80.0, "ci_high": 80.0, "n": 70}
    assert folklore.ratio(above, certain) == {"estimate": 25.0, "ci_low": 20.0, "ci_high": 32.5, "n": 70}
    sure = above | {"ci_low": 20.0, "ci_high": 20.0}
    below = certain | {"ci_low": 64.0, "ci_high": 100.0}
    found = folklore.ratio(sure, below)
    assert_allclose([found["ci_low"], found["ci_high"]], [20.0, 31.25])
    both = folklore.ratio(above, below)
    assert both["ci_low"] < 20 < 32.5 < both["ci_high"]
    with pytest.raises(ValueError, match="above 0"):
        folklore.ratio(above, certain | {"ci_low": -1.0})


def test_last_mile_counts_what_is_named():
    cases = pd.DataFrame({"category": ["Visit"] * 30 + ["Delivery"] * 10 + ["Bill"] * 60 + [None] * 5})
    found = folklore.last_mile(cases, column="category", values=["Visit", "Delivery"])
    assert found[["n", "count", "estimate"]].iloc[0].tolist() == [100, 40, 40.0]
    assert folklore.last_mile(cases, column="category", values=[]).empty
    with pytest.raises(KeyError, match="cause"):
        folklore.last_mile(cases, column="cause", values=["Visit"])


def test_success_of_one_step_multiplies_back():
    row = {"estimate": 0.5, "ci_low": 0.4, "ci_high": 0.6, "n": 50}
    found = folklore.per_step(row, steps=3)
    assert_allclose((found["estimate"] / 100) ** 3, 0.5)
    assert folklore.per_step(row, steps=1)["ci_low"] == 40
    with pytest.raises(ValueError, match="steps=0"):
        folklore.per_step(row, steps=0)
