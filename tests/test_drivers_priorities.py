import ast
import json
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text
from numpy.testing import assert_allclose
from statsmodels.stats.outliers_influence import variance_inflation_factor

from csatlib.drivers import (
    action_table,
    diagnostics,
    importance,
    interactions,
    plots,
    priorities,
    sentences,
    what_if,
)
from csatlib.stats.intervals import holm
from csatlib.stats.moments import Moments, moments
from csatlib.tables.scale import Item, Scale

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "real"
NAMES = ["speed", "care", "price"]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "drivers.json").read_text(encoding="utf-8"))


def survey(n=600, seed=0, means=(4.0, 6.0, 5.0), slopes=(0.6, 0.3, 0.05)):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) + 0.6 * rng.normal(size=(n, 1))
    data = pd.DataFrame(np.array(means) + x, columns=NAMES)
    data["overall"] = 5 + x @ np.array(slopes) + 0.7 * rng.normal(size=n)
    return data.assign(region=rng.choice(["N", "S"], n), id=rng.integers(0, n // 2, n))


def test_diagnostics_by_hand_and_by_statsmodels():
    data = pd.DataFrame(GOLDEN["swiss"]["data"])
    names = GOLDEN["swiss"]["drivers"]
    table = diagnostics(data, outcome="Fertility", drivers=names).set_index(["statistic", "driver"])["estimate"]
    x = np.column_stack([np.ones(len(data)), data[names]])
    assert_allclose(table["vif"], [variance_inflation_factor(x, i) for i in range(1, 6)])
    fit = smf.ols("Fertility ~ " + " + ".join(f"Q('{name}')" for name in names), data).fit()
    assert_allclose([table["r2", ""], table["adjusted_r2", ""]], [fit.rsquared, fit.rsquared_adj])
    corr = np.array([[1, 0.6, 0.5], [0.6, 1, 0.5], [0.5, 0.5, 1]])
    m = Moments.from_correlation(corr, 100, columns=["a", "b", "y"])
    by_hand = diagnostics(m, outcome="y", drivers=["a", "b"])["estimate"]
    assert_allclose(by_hand[:3], [1 / (1 - 0.36), 1 / (1 - 0.36), np.sqrt(1.6 / 0.4)])


def test_what_if_is_rise_times_coefficient():
    data = survey()
    table = what_if(data, outcome="overall", drivers=NAMES, rise=0.5, cluster="id")
    fit = smf.ols("overall ~ speed + care + price", data).fit(cov_type="cluster", cov_kwds={"groups": data["id"]})
    assert_allclose(table["estimate"], 0.5 * fit.params[NAMES])
    half = (table["ci_high"] - table["ci_low"]) / 2
    assert_allclose(half, 0.5 * 1.96 * fit.bse[NAMES], rtol=0.15)
    assert_allclose(table["p_adjusted"], holm(table["p_value"]))
    own = what_if(data, outcome="overall", drivers=NAMES, rise={"speed": 1.0, "care": 0.25, "price": 0.5})
    assert_allclose(own["estimate"], np.array([1.0, 0.25, 0.5]) * fit.params[NAMES])
    with pytest.raises(
        ValueError, match="rise names drivers that are not there: sped; there are speed, care, price"
    ):
        what_if(data, outcome="overall", drivers=NAMES, rise={"sped": 1.0})


def test_a_rise_reaches_only_those_to_whom_it_applies():
    data = survey()
    off = np.arange(len(data)) % 4 == 0
    data = data.assign(speed=data["speed"].mask(off), speed_na=off)
    options = {"outcome": "overall", "drivers": NAMES}
    gained = what_if(data, missing="dummy", rise=1.0, **options)
    coefficient = importance(data, missing="dummy", replicates=9, **options)["coefficient"]
    assert_allclose(gained["estimate"], coefficient * [0.75, 1, 1])
    table = priorities(data, missing="dummy", target=7.0, replicates=9, **options).table
    assert_allclose(table["applies_share"], [0.75, 1, 1])
    assert_allclose(table["priority"], table["share"] * table["shortfall"] * [0.75, 1, 1])


def test_interactions_equal_the_model_with_products():
    data = survey().assign(overall=lambda x: x["overall"] + np.where(x["region"] == "N", 0.5 * x["speed"], 0))
    table = interactions(data, outcome="overall", drivers=NAMES, by="region", cluster="id")
    fit = smf.ols("overall ~ (speed + care + price) * north", data.assign(north=data["region"] == "N")).fit(
        cov_type="cluster", cov_kwds={"groups": data["id"]}
    )
    north = table[table["group"] == "N"].set_index("driver")
    products = [f"{name}:north[T.True]" for name in NAMES]
    assert_allclose(north.loc[NAMES, "estimate"], fit.params[products])
    assert_allclose((north["ci_high"] - north["ci_low"]) / 2, 1.96 * fit.bse[products].to_numpy(), rtol=0.2)
    assert (north["p_adjusted"] < 0.05).to_dict() == {"speed": True, "care": False, "price": False}
    assert_allclose(table.loc[table["group"] == "S", "estimate"], -north["estimate"])
    cautious = interactions(data, outcome="overall", drivers=NAMES, by="region", cluster="id", adjust="holm")
    assert (cautious["p_adjusted"] >= table["p_adjusted"] - 1e-12).all()
    with pytest.raises(ValueError, match="adjust='none'; allowed are 'benjamini_hochberg', 'holm'"):
        interactions(data, outcome="overall", drivers=NAMES, by="region", adjust="none")


def test_segments_are_compared_within_each_replicate():
    """The same customers with the same answers in both segments: no difference, and no doubt about it."""
    data = survey(200)
    both = pd.concat([data.assign(region="N"), data.assign(region="S")])
    table = interactions(both, outcome="overall", drivers=NAMES, by="region", cluster="id", replicates=50)
    assert_allclose(table[["estimate", "ci_low", "ci_high"]], 0, atol=1e-9)


def test_priorities_by_hand():
    data = survey()
    found = priorities(data, outcome="overall", drivers=NAMES, target=5.5)
    table = found.table.set_index("driver")
    shares = importance(data, outcome="overall", drivers=NAMES).set_index("driver")
    assert_allclose(table["share"], shares["share"])
    assert_allclose(table["gap"], data[NAMES].mean() - 5.5)
    assert_allclose(table["shortfall"], np.maximum(5.5 - data[NAMES].mean(), 0))
    assert_allclose(table["priority"], table["share"] * table["shortfall"] * table["applies_share"])
    assert_allclose(table["below_share"], (data[NAMES] < 5.5).mean())
    assert table["quadrant"].to_dict() == {"speed": "improve", "care": "maintain", "price": "later"}
    assert_allclose(table["estimate"], shares["coefficient"] * table["shortfall"])
    cuts = found.cuts.set_index(["reference", "axis"])["estimate"]
    assert_allclose(cuts.to_numpy(), [5.5, 1 / 3, data[NAMES].mean().median(), table["share"].median()])
    assert action_table(found)["driver"].tolist() == ["speed"]
    assert sentences.first_to_improve(found).startswith("Begin with speed: 3.87 points against a target of 5.50")


def test_what_is_above_its_target_does_not_come_into_question():
    """Kept in one set with the first by wide limits, but above the target beyond random variation."""
    found = priorities(survey(), outcome="overall", drivers=NAMES, target=5.5, replicates=50)
    alike = replace(found, table=found.table.assign(set="a"))
    assert sentences.first_to_improve(alike) == (
        "The first to improve is one of speed and price; which of them cannot be told."
    )


def test_cut_lines_are_declared_or_medians():
    data = survey()
    options = {"outcome": "overall", "drivers": NAMES}
    declared, median = (priorities(data, target=5.5, reference=r, **options).table for r in ("declared", "median"))
    assert declared["quadrant_other"].tolist() == median["quadrant"].tolist()
    assert declared["other_stability"].tolist() == median["quadrant_stability"].tolist()
    own = priorities(data, target={"speed": 3.0, "care": 7.0, "price": 5.5}, **options)
    assert_allclose(own.table["gap"], data[NAMES].mean().to_numpy() - [3, 7, 5.5])
    assert np.isnan(own.cuts["estimate"].iloc[0])
    none = priorities(data, **options)
    assert_allclose(none.table["target"], data[NAMES].mean().median())
    with pytest.raises(ValueError, match="drivers without one: care, price; not drivers: cost"):
        priorities(data, target={"speed": 3.0, "cost": 1.0}, **options)
    with pytest.raises(ValueError, match="reference='mean'; allowed are 'declared', 'median'"):
        priorities(data, reference="mean", **options)


def test_clouds_hold_the_replicates():
    data = survey()
    found = priorities(data, outcome="overall", drivers=NAMES, target=5.5)
    for row in found.table.itertuples():
        cloud = found.clouds[found.clouds["driver"] == row.driver]
        assert cloud["gap"].min() < row.gap < cloud["gap"].max()
        # A region for both axes together is wider than the interval of either.
        assert cloud["share"].max() > row.ci_high - 0.01
        assert cloud["gap"].max() + row.target > row.performance_high


def test_stated_importance_stands_beside():
    data = survey().assign(a=60.0, b=30.0, c=10.0)
    items = [Item(f"q{i}", name, perception=name) for i, name in enumerate(NAMES)]
    scale = Scale(items, low=0, high=10, importance=dict(zip(NAMES, "abc", strict=True)))
    table = priorities(data, outcome="overall", drivers=scale, target=5.5, replicates=50).table
    assert_allclose(table["stated"], [0.6, 0.3, 0.1])
    assert_allclose(table["stated_low"], table["stated"])
    rated = Scale([replace(item, importance=c) for item, c in zip(items, "abc", strict=True)], low=0, high=10)
    at_items = priorities(data, outcome="overall", drivers=rated, level="item", target=5.5, replicates=50).table
    assert_allclose(at_items["stated"], [0.6, 0.3, 0.1])


def test_no_more_than_three_are_named_and_none_within_a_set():
    table = pd.DataFrame(
        {"driver": list("pqrst"), "quadrant": "improve", "stable": True, "priority": [5, 4, 3, 2, 1.0]}
    )
    table = table.assign(estimate_low=0.0, estimate_high=1.0)
    alike = replace(priorities(survey(80), outcome="overall", drivers=NAMES), table=table.assign(set="a"))
    assert action_table(alike).empty
    apart = replace(alike, table=table.assign(set=["a", "a", "b", "b", "c"]))
    assert action_table(apart)["driver"].tolist() == ["p", "q"]
    mixed = replace(alike, table=table.assign(set=["a", "b", "c", "d", "e"])[::-1])
    assert sorted(action_table(mixed)["driver"]) == ["p", "q", "r"]


def test_sentences_name_one_only_where_all_others_are_behind():
    clear = importance(survey(slopes=(1.5, 0.1, 0.0)), outcome="overall", drivers=NAMES)
    assert sentences.leading(clear, outcome="satisfaction").startswith(
        "speed moves together most with satisfaction: "
    )
    assert sentences.behind(clear, outcome="satisfaction").startswith("care and price move together")
    equal = importance(survey(slopes=(0.3, 0.3, 0.3)), outcome="overall", drivers=NAMES)
    assert sentences.leading(equal, outcome="satisfaction") == (
        "Which of the 3 ratings moves together most with satisfaction cannot be told."
    )
    assert sentences.behind(equal, outcome="satisfaction") == ""
    two = importance(survey(slopes=(0.6, 0.6, 0.0)), outcome="overall", drivers=NAMES)
    said = sentences.leading(two[::-1], outcome="satisfaction")
    assert (
        said
        == "What moves together most with satisfaction is one of care and speed; which of them cannot be told."
    )
    with pytest.raises(ValueError, match="several groups"):
        sentences.leading(pd.concat([clear, clear.assign(group="N")]), outcome="satisfaction")


def test_small_bases_say_nothing():
    few = importance(survey(9), outcome="overall", drivers=NAMES, replicates=50)
    assert (
        sentences.leading(few, outcome="satisfaction")
        == "Too few answers to tell what moves together with satisfaction."
    )
    assert sentences.first_to_improve(priorities(survey(9), outcome="overall", drivers=NAMES)) == (
        "Too few answers to tell where to begin."
    )
    row = what_if(survey(9), outcome="overall", drivers=NAMES).iloc[0]
    assert "Too few" in sentences.hoped(row.to_dict(), outcome="satisfaction")
    good = priorities(survey(), outcome="overall", drivers=NAMES, target=1.0)
    assert sentences.first_to_improve(good) == "Every rating reaches its target: none is to be improved first."
    unclear = what_if(survey(100, slopes=(0.6, 0.3, 0.0)), outcome="overall", drivers=NAMES).iloc[2]
    assert sentences.hoped(unclear, outcome="satisfaction").startswith(
        "Whether satisfaction would move with 0.5 points"
    )


def test_moments_serve_every_function():
    data = survey()
    summed = moments(data, [*NAMES, "overall"])
    options = {"outcome": "overall", "drivers": NAMES}
    rows, sums = (priorities(source, target=5.5, **options).table for source in (data, summed))
    assert_allclose(rows["priority"], sums["priority"])
    assert sums["stated"].isna().all()
    published = Moments.from_correlation(data[[*NAMES, "overall"]].corr(), 600, columns=[*NAMES, "overall"])
    bare = priorities(published, target=0.5, **options)
    assert not bare.table["stable"].any()
    assert bare.clouds.empty
    assert what_if(published, **options)["ci_low"].isna().all()
    assert "cannot be told" in sentences.first_to_improve(bare)
    assert "cannot be told" in sentences.leading(importance(published, **options), outcome="satisfaction")


def test_labels_never_overlap_and_stay_off_what_is_not_stable():
    data = survey()
    names = {f"A rather long name of rating {i}": f"q{i}" for i in range(9)}
    rng = np.random.default_rng(0)
    many = pd.DataFrame({q: 5.0 + i % 2 + rng.normal(size=600) for i, q in enumerate(names.values())})
    many["overall"] = many.sum(axis=1) + rng.normal(size=600)
    for found in (
        priorities(many, outcome="overall", drivers=names, target=5.5),
        priorities(data, outcome="overall", drivers=NAMES, target=5.0),
    ):
        found = replace(found, table=found.table.assign(stable=lambda t: t["quadrant"] != "later"))
        ax = plots.plot_priorities(found)
        ax.figure.canvas.draw()
        told = {text.get_text().replace("\n", " "): text for text in ax.texts}
        boxes = [Text.get_window_extent(told[label]) for label in found.table.loc[found.table["stable"], "label"]]
        assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
        assert not set(found.table.loc[~found.table["stable"], "label"]) & set(told)
        assert ax.get_label()
        plt.close("all")


def test_plots_show_what_the_table_says():
    table = importance(survey(slopes=(1.5, 0.1, 0.0)), outcome="overall", drivers=NAMES[::-1])
    ax = plots.plot_importance(table, outcome="satisfaction")
    assert [text.get_text() for text in ax.get_yticklabels()][0] == "speed"
    assert ax.get_xlabel() == "Percent of what all ratings explain"
    assert ax.csat_table["rows"][-1].startswith("speed,a,")
    equal = importance(survey(slopes=(0.3, 0.3, 0.3)), outcome="overall", drivers=NAMES)
    ax = plots.plot_importance(equal, outcome="satisfaction")
    assert [text.get_text() for text in ax.get_yticklabels()] == NAMES
    plt.close("all")


@given(seed=st.integers(0, 1000))
@settings(max_examples=6, deadline=None)
def test_figures_stay_in_range_and_do_not_depend_on_row_order(seed):
    data = survey(90, seed)
    options = {"outcome": "overall", "drivers": NAMES, "target": 5.0, "replicates": 20, "cluster": "id"}
    table = priorities(data, **options).table
    for column in ("share", "quadrant_stability", "first_stability", "below_share", "applies_share"):
        assert table[column].between(0, 1).all()
    assert table["quadrant"].isin(["improve", "keep", "later", "maintain"]).all()
    assert ((table["shortfall"] > 0) == (table["gap"] < 0)).all()
    other = priorities(data.sample(frac=1, random_state=seed), **options).table
    pd.testing.assert_frame_equal(table, other)


def test_nothing_is_changed_and_each_function_states_its_columns():
    data = survey(60)
    before = data.copy()
    table = importance(data, outcome="overall", drivers=NAMES, replicates=9)
    result = priorities(data, outcome="overall", drivers=NAMES, replicates=9)
    pd.testing.assert_frame_equal(data, before)
    for function, columns in ((importance, table.columns), (priorities, result.table.columns)):
        documented = ast.get_docstring(ast.parse(f'"""{function.__doc__}"""'))
        assert [c for c in columns if f"``{c}``" not in documented and not c.endswith(("_low", "_high"))] == []


@pytest.mark.skipif(not (REAL / "kiosk_servqual").is_dir(), reason="real data lies beside the project, not in it")
def test_kiosk_survey():
    """Satisfaction items of 194 kiosk users in the authors' dimensions: one clear case, one that stays open."""
    data = pd.read_csv(REAL / "kiosk_servqual" / "kiosk_clean.csv")
    made = {"tangible": (4, 5, 6, 22), "security": (19, 20, 21), "economy": (10, 11, 18)}
    made |= {"convenience": (13, 14, 15, 16, 17), "usefulness": (1, 2, 3), "control": (7, 8)}
    items = [
        Item(f"i{i}", name, perception=f"ipa{i}_2", importance=f"ipa{i}_1")
        for name, at in made.items()
        for i in at
    ]
    scale = Scale(items, low=1, high=7)
    table = importance(data, outcome="total1", drivers=scale).set_index("driver")
    means = pd.DataFrame({name: data[[f"ipa{i}_2" for i in at]].mean(axis=1) for name, at in made.items()})
    fit = smf.ols("total1 ~ " + " + ".join(made), means.assign(total1=data["total1"])).fit()
    assert_allclose(table["r2"], fit.rsquared)
    assert_allclose(table["coefficient"], fit.params[list(made)])
    assert sentences.leading(table.reset_index(), outcome="it").startswith(
        "economy moves together most with it: 52 %"
    )
    open_case = importance(data, outcome="total4", drivers=scale)
    assert "is one of tangible, economy, convenience" in sentences.leading(open_case, outcome="it")
    stated = priorities(data, outcome="total1", drivers=scale, target=5.0).table.set_index("driver")["stated"]
    assert_allclose(stated.sum(), 1)
    assert stated.idxmin() == "tangible"
