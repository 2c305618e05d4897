"""Rules of thumb: the three verdicts, the figures of the company, what a reader is told."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from csatlib import folklore
from csatlib.folklore import plots, sentences, telling

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


@pytest.mark.parametrize(("low", "high", "verdict"), [(-9.0, 1.9, "outside"), (-3.1, 9.0, "unknown")])
def test_limits_count_on_the_side_of_the_range(low, high, verdict):
    row = figure(-3.0 if high < 2 else 1.9, 0).assign(ci_low=low, ci_high=high)
    ends = ONE.assign(low=2.0) if high < 2 else ONE.assign(low=-3.0)
    assert folklore.verdicts(row, quoted=ends)["verdict"].tolist() == [verdict]


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
    assert 2 / (3 * (8 / needed) ** 0.5) >= t
    lost = figure(0.0, stats.t.ppf(0.975, 4) * 0.6, n_groups=8, df=4, counted="n_groups")
    needed = folklore.verdicts(lost, quoted=ONE)["needed"].iloc[0]
    for size, enough in ((needed, True), (needed - 1, False)):
        reach = stats.t.ppf(0.975, size - 4) + stats.t.ppf(0.9, size - 4)
        assert (2 / (0.6 * (8 / size) ** 0.5) >= reach) == enough
    assert np.isnan(folklore.verdicts(figure(0.5, 1), quoted=ONE.assign(low=0, high=0))["needed"].iloc[0])


def test_quoted_figures_are_those_of_the_sources():
    table = folklore.rules().set_index("rule")
    for rule, (low, high) in GOLDEN["quoted"].items():
        assert table.loc[rule, ["quoted_low", "quoted_high"]].tolist() == [low, high]
    sears = GOLDEN["sears"]
    scaled = 10 * sears["customers"] / sears["employees"]
    assert table.loc["employees", "low"] == pytest.approx(scaled)
    assert set(table.index) == set(telling.LABELS) == set(telling.NEEDS) == set(telling.COUNTED)


numbers = st.floats(-50, 50, allow_nan=False)
halves = st.floats(0.01, 30)


@settings(deadline=None, max_examples=30)
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


def crew(units=40, periods=8, slope=1.0, noise=0.3, seed=0, kinds=2):
    """Units that differ for good; employees' figure with noise, customers' ratings around slope x the true one."""
    rng = np.random.default_rng(seed)
    true = 3.8 + rng.normal(0, 0.3, units)
    rows = pd.MultiIndex.from_product([range(units), range(periods)], names=["unit", "period"]).to_frame(
        index=False
    )
    kind = rows["unit"] % kinds
    at = true[rows["unit"]]
    mood = at + rng.normal(0, noise, len(rows)) + 0.2 * (rows["period"] % 4)
    rating = 1.2 + slope * at + 0.8 * kind + 0.3 * (rows["period"] % 3) + rng.normal(0, 0.2, len(rows))
    employees = rows.assign(satisfaction=mood)
    return employees, rows.assign(rating=rating, kind=kind.astype(str))


def test_slope_between_units_is_not_flattened_by_noise():
    employees, answers = crew(units=400)
    found = folklore.between_units(employees, answers, kind="kind").set_index("part")
    percent = 10 * employees["satisfaction"].mean() / answers["rating"].mean()
    assert_allclose(found.loc["levels", "estimate"], percent, rtol=0.1)
    assert abs(found.loc["changes", "estimate"]) < 0.3 * percent
    assert found.loc["levels", "n"] == len(answers)
    assert found.loc["levels", "df"] == 400 - 2 - 1
    less = employees["satisfaction"] - employees.groupby([answers["kind"], "period"])["satisfaction"].transform(
        "mean"
    )
    halves = less.groupby([employees["unit"], employees["period"] % 2]).mean().unstack()
    assert_allclose(found.loc["levels", "correlation"], halves.corr().iloc[0, 1])
    content = employees.groupby("unit")["satisfaction"].transform("mean") > 4
    gone = content & (answers["period"] > 5)
    season = answers.assign(rating=answers["rating"] + answers["period"])[~gone]
    again = folklore.between_units(employees, season, kind="kind").iloc[0]
    assert_allclose(again["estimate"] * season["rating"].mean() / answers["rating"].mean(), percent, rtol=0.15)


def test_limits_between_units_are_where_the_exact_test_says():
    employees, answers = crew(units=12, periods=2, kinds=1)
    row = folklore.between_units(employees, answers).set_index("part").loc["levels"]
    factor = 10 * employees["satisfaction"].mean() / answers["rating"].mean()
    z, x = (employees[employees["period"] == p]["satisfaction"].to_numpy() for p in (1, 0))
    y = answers[answers["period"] == 0]["rating"].to_numpy()
    for end in ("ci_low", "ci_high"):
        fit = sm.OLS(y - row[end] / factor * x, sm.add_constant(z)).fit()
        assert_allclose(fit.pvalues[1], 0.05, rtol=1e-6)
    assert fit.df_resid == row["df"] == 10


def test_units_that_employees_do_not_tell_apart_have_no_limits():
    employees, answers = crew(units=10, noise=3)
    row = folklore.between_units(employees, answers).iloc[0]
    assert np.isinf(row["ci_low"])
    assert np.isinf(row["ci_high"])
    found = folklore.verdicts({"employees": row.to_dict() | {"counted": "n_groups"}}).set_index("rule")
    assert found.loc["employees", "verdict"] == "unknown"
    assert found.loc["employees", "needed"] > 10
    told = telling.told(found.reset_index().set_index("rule", drop=False).loc["employees"])
    assert "10 units that can be compared are too few to put limits on the figure" in told


@pytest.mark.parametrize("units", [0, 1, 3])
def test_too_few_units_have_no_figure(units):
    employees, answers = crew()
    found = folklore.between_units(employees[employees["unit"] < units], answers, kind="kind")
    assert found["part"].tolist() == ["levels", "changes"]
    assert found["estimate"].isna().all()


def test_units_alone_of_their_kind_are_left_out_and_order_does_not_matter():
    employees, answers = crew(units=20)
    answers["kind"] = answers["kind"].mask(answers["unit"] == 0, "alone")
    found = folklore.between_units(employees, answers, kind="kind")
    assert found["n_groups"].tolist() == [19, 19]
    other = folklore.between_units(employees.sample(frac=1, random_state=1), answers[::-1], kind="kind")
    pd.testing.assert_frame_equal(found, other)
    doubled = folklore.between_units(
        employees.assign(satisfaction=2 * employees["satisfaction"]), answers, kind="kind"
    )
    assert_allclose(doubled["estimate"], found["estimate"])


def test_answers_find_their_period():
    employees, answers = crew(units=20, periods=4)
    quarters = ["2026-Q1", "2026Q2", "2026-Q3", "2026-Q4"]
    days = pd.to_datetime(["2026-03-31", "2026-04-01", "2026-08-15", "2026-12-31"])
    timed = answers.assign(at=days[answers["period"]]).drop(columns="period")
    named = employees.assign(period=[quarters[p] for p in employees["period"]])
    found = folklore.between_units(named, timed, answered="at")
    pd.testing.assert_frame_equal(found, folklore.between_units(employees, answers))
    mixed = named.assign(period=named["period"].replace("2026-Q1", "2026-03"))
    with pytest.raises(ValueError, match="month and quarter"):
        folklore.between_units(mixed, timed, answered="at")


def test_each_verdict_is_told():
    half = {"promises": 4.0, "last_mile": 40.0, "repair": 1.0, "steps": 0.2}
    value = {"promises": 30.0, "last_mile": 65.0, "repair": 12.0, "steps": 99.0}
    own = {name: figure(value[name], half[name], n=400).drop(columns="rule").iloc[0] for name in half}
    found = folklore.verdicts(own | {"independence": None})
    assert found.set_index("rule").loc["independence", "n"] == 0
    said = {row["rule"]: telling.told(row) for row in found.to_dict("records")}
    assert "lower than quoted. Here 30.0 % (95 % interval 26.0 to 34.0, n = 400); quoted 78 %" in said["promises"]
    assert "higher than quoted. Here 12.0 %" in said["repair"]
    assert "agrees. Here 99.0 %" in said["steps"]
    needed = f"{np.ceil(found.set_index('rule').loc['last_mile', 'needed'] / 1000) * 1000:,.0f}"
    assert (
        f"cannot tell. Here 65.0 % (95 % interval 25.0 to 105.0, n = 400); quoted 65 %. About {needed}"
        in (said["last_mile"])
    )
    assert "do not suffice" in said["independence"]
    assert "cannot be checked; it takes customers under contract" in said["retention"]
    assert sentences.summary(found) == (
        "Borne out here: 1 of 7 rules of thumb; not as quoted: 2, cannot tell: 2, cannot be checked: 2."
    )
    assert "As quoted" in sentences.evidence(found)
    assert sentences.action(folklore.verdicts({})).startswith("None of the rules can be checked")
    assert sentences.summary(folklore.verdicts({})).startswith("None of 7 rules of thumb can be checked")


def test_figures_near_an_end_say_so():
    far = folklore.verdicts({"promises": figure(67.0, 3.0, n=4000).iloc[0].drop("rule")}).set_index("rule")
    row = far.loc["promises"].to_dict() | {"rule": "promises"}
    assert row["near_end"]
    assert "If that is the true figure, about" in telling.told(row)
    assert "No number of complaints within reach" in telling.told(row | {"needed": 1e9})


def test_few_units_are_said():
    row = figure(2.0, 30.0, rule="employees", n=900).drop(columns="rule").iloc[0].to_dict()
    own = {"employees": row | {"n_groups": 8, "df": 5, "few_groups": True, "counted": "n_groups"}}
    found = folklore.verdicts(own).set_index("rule", drop=False)
    assert "It rests on no more than 8 units." in telling.told(found.loc["employees"])


def test_small_bases_are_not_told():
    found = folklore.verdicts({"promises": figure(30.0, 4.0, n=5).iloc[0].drop("rule")})
    shown = sentences.labelled(found)
    assert shown["estimate"].isna().all()
    assert shown["word"].tolist() == ["cannot tell"]
    assert "30" not in telling.told(found.set_index("rule", drop=False).loc["promises"])
    assert "30" not in sentences.evidence(found)
    assert "not as quoted: 0" in sentences.summary(found)


def test_figure_shows_every_measured_rule():
    own = {"promises": figure(30.0, 4.0).iloc[0].drop("rule"), "steps": figure(99.0, 0.2).iloc[0].drop("rule")}
    own["employees"] = figure(3.0, np.inf).iloc[0].drop("rule")
    ax = plots.plot_verdicts(folklore.verdicts(own))
    texts = [text.get_text() for text in ax.texts]
    assert "quoted 5.2 %, here no limits can be given" in texts
    assert {"here: agrees", "here: not as quoted", "here: cannot tell"} <= {
        text.get_text() for text in ax.get_legend().get_texts()
    }
    assert "Not as quoted" in ax.get_label()
    assert len(ax.csat_table["rows"]) == 3
    plt.close("all")


@pytest.mark.long
def test_verdicts_are_wrong_no_more_often_than_said():
    """Seven independent rules where a mistake is likeliest: at an end of the range, just inside or outside."""
    rng, runs, rules = np.random.default_rng(1), 1000, 7
    quoted = pd.concat([ONE.assign(rule=f"r{i}") for i in range(rules)], ignore_index=True)
    wrong = {"agrees": 0, "outside": 0}
    for truth, claim in ((2.0 + 1e-9, "agrees"), (2.0, "outside")):
        for _ in range(runs):
            x = rng.normal(truth, 1, (30, rules))
            half = stats.t.ppf(0.975, 29) * x.std(axis=0, ddof=1) / 30**0.5
            own = quoted[["rule"]].assign(estimate=x.mean(axis=0), n=30, df=29)
            own = own.assign(ci_low=own["estimate"] - half, ci_high=own["estimate"] + half)
            wrong[claim] += (folklore.verdicts(own, quoted=quoted)["verdict"] == claim).any()
    assert 0.01 < wrong["agrees"] / runs < 0.065
    assert 0.01 < wrong["outside"] / runs < 0.065


@pytest.mark.long
@pytest.mark.parametrize(("share", "n"), [(0.65, 60), (0.75, 60), (0.55, 300), (0.76, 300), (0.90, 120)])
def test_verdicts_on_shares_with_wilsons_limits(share, n):
    """With true shares in the range, "outside" is at most 5 % wrong; outside it, "agrees" is."""
    hits = np.random.default_rng(2).binomial(n, share, 4000)
    found = {}
    for k in np.unique(hits):
        cases = pd.DataFrame({"category": ["a"] * k + ["b"] * (n - k)})
        row = folklore.last_mile(cases, column="category", values=["a"]).iloc[0]
        told = folklore.verdicts({"last_mile": row}).set_index("rule")
        found[k] = told.loc["last_mile", "verdict"]
    verdict = pd.Series(hits).map(found)
    inside = 0.55 <= share <= 0.75
    assert (verdict == ("outside" if inside else "agrees")).mean() <= 0.05
    if n == 300 and share == 0.76:
        assert (verdict == "unknown").mean() > 0.9


@pytest.mark.long
def test_limits_between_units_hold_with_few_units_and_much_noise():
    """Eight units of two kinds as in the sample company: t limits of the slope cover at least 95 %."""
    rng, runs, held, tight = np.random.default_rng(3), 600, 0, 0
    for _ in range(runs):
        employees, answers = crew(units=8, periods=6, slope=1.0, noise=0.25, seed=int(rng.integers(1e9)))
        row = folklore.between_units(employees, answers, kind="kind").iloc[0]
        true = 10 * employees["satisfaction"].mean() / answers["rating"].mean()
        held += row["ci_low"] <= true <= row["ci_high"]
        tight += np.isfinite(row["ci_low"])
    assert 0.93 < held / runs < 0.99
    assert tight / runs > 0.2


@pytest.mark.long
def test_size_needed_tells_eight_times_in_ten():
    rng, runs = np.random.default_rng(4), 1500
    one = folklore.verdicts(figure(0.0, 1.959964 * 5 / 50**0.5, n=50), quoted=ONE)["needed"].iloc[0]
    x = rng.normal(0.0, 5.0, (runs, int(one)))
    half = 1.959964 * 5 / one**0.5
    assert abs(((np.abs(x.mean(axis=1)) + half) < 2).mean() - 0.8) < 0.04


@pytest.mark.long
def test_ratio_covers_what_moves_together():
    rng, runs, held = np.random.default_rng(5), 4000, 0
    for _ in range(runs):
        common, own = rng.normal(0, 4), rng.normal(0, 1)
        below = {"estimate": 100 + common, "ci_low": 100 + common - 7.84, "ci_high": 100 + common + 7.84, "n": 9}
        above = 20 + 0.2 * common + own
        half = 1.96 * (0.8**2 + 1) ** 0.5
        found = folklore.ratio({"estimate": above, "ci_low": above - half, "ci_high": above + half, "n": 9}, below)
        held += found["ci_low"] <= 20 <= found["ci_high"]
    assert held / runs >= 0.95
