"""Figures and sentences of asymmetric and Kano factors."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from csatlib.drivers.asymmetry_plots import plot_kano, plot_penalty_reward
from csatlib.drivers.asymmetry_sentences import categories_found, factors_advice, factors_found, lines_enough
from csatlib.drivers.kano import kano

NAMES = {"q1": "Speed", "q2": "Care", "q3": "Website"}
FACTORS = pd.DataFrame(
    {
        "group": "all",
        "driver": ["q1", "q2", "q3"],
        "n": 300,
        "n_reference": [40, 50, 60],
        "n_eff": 300.0,
        "few_groups": False,
        "estimate": [-0.8, 0.0, -0.4],
        "linear": ["basic", "performance", "basic"],
        "ordinal": ["basic", "performance", "undetermined"],
        "factor": ["basic", "performance", "undetermined"],
    }
)
FIT = pd.DataFrame(
    {
        "measure": ["linear", "boosting", "difference"],
        "n": 300,
        "n_eff": 300.0,
        "estimate": [0.41, 0.39, -0.02],
        "ci_low": [0.3, 0.3, -0.05],
        "ci_high": [0.5, 0.5, 0.01],
        "minimum_detectable": [np.nan, np.nan, 0.04],
    }
)
BENDS = pd.DataFrame({"driver": ["q1", "q2"], "n": 300, "p_adjusted": [0.6, np.nan]})


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def coefficients():
    terms = FACTORS.loc[FACTORS.index.repeat(2), ["group", "driver", "n", "n_reference", "n_eff", "few_groups"]]
    terms = terms.reset_index(drop=True).assign(
        term=["penalty", "reward"] * 3, estimate=[-1, 0.1, -0.5, 0.5, -0.3, 0.1]
    )
    terms = terms.assign(ci_low=terms["estimate"] - 0.2, ci_high=terms["estimate"] + 0.2)
    return pd.concat([terms.assign(model="linear"), terms.assign(model="ordinal", estimate=9.0)])


def items(k, seed=0, n=200):
    rng = np.random.default_rng(seed)
    columns = {f"f{i}": rng.choice([1, 2, 3], n, p=rng.dirichlet([1, 1, 1])) for i in range(k)}
    columns |= {f"d{i}": rng.choice([3, 4, 5], n, p=rng.dirichlet([1, 1, 1])) for i in range(k)}
    pairs = {"functional": [f"f{i}" for i in range(k)], "dysfunctional": [f"d{i}" for i in range(k)]}
    return kano(pd.DataFrame(columns), **pairs, items=[f"A rather long name of item {i}" for i in range(k)])


def boxes(ax, chosen):
    ax.figure.canvas.draw()
    return [Text.get_window_extent(text) for text in ax.texts if text.get_text().startswith(chosen)]


@pytest.mark.parametrize(("k", "seed"), [(1, 0), (6, 1), (12, 2), (30, 3)])
def test_names_beside_the_plane_never_overlap(k, seed):
    found = items(k, seed)
    ax = plot_kano(found.coefficients, found.items)
    told = found.items["category"].ne("cannot tell").sum()
    seen = boxes(ax, "A rather")
    assert len(seen) == (k if k <= 12 else told)
    plane = ax.get_window_extent()
    for one, other in itertools.combinations(seen, 2):
        assert not one.overlaps(other)
    for one in seen:
        assert one.x0 > plane.x1
        assert 0 <= one.y0 < one.y1 <= ax.figure.bbox.height


def test_kano_plane_holds_each_item_once_and_its_table():
    found = items(4)
    ax = plot_kano(found.coefficients, found.items)
    better = found.coefficients.query("measure == 'better'")["estimate"]
    marks = [line.get_ydata()[0] for line in ax.lines if line.get_marker() != "None"]
    assert sorted(marks) == pytest.approx(sorted(better))
    assert ax.get_label() == categories_found(found.items)
    assert len(ax.csat_table["rows"]) == 8


def test_items_on_few_answers_are_not_drawn():
    found = items(3, n=9)
    ax = plot_kano(found.coefficients, found.items)
    assert not boxes(ax, "A rather")
    assert categories_found(found.items) == "Too few pairs of answers to tell which category leads."


def test_penalty_and_reward_are_drawn_in_the_order_given():
    ax = plot_penalty_reward(coefficients(), FACTORS, names=NAMES)
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "Speed\nbasic", "Care\nperformance", "Website\ncannot tell",
    ]  # fmt: skip
    drawn = {line.get_label(): line.get_xdata().tolist() for line in ax.lines if line.get_marker() in "os"}
    assert drawn["Low score"] == [-1, -0.5, -0.3]
    assert drawn["High score"] == [0.1, 0.5, 0.1]
    assert len(ax.csat_table["rows"]) == 6


def test_rare_low_scores_are_hidden():
    rare = coefficients().assign(n_reference=lambda d: d["n_reference"].where(d["driver"] != "q1", 4))
    ax = plot_penalty_reward(rare, FACTORS.assign(n_reference=[4, 50, 60]), names=NAMES)
    low = next(line for line in ax.lines if line.get_label() == "Low score")
    assert np.isnan(low.get_xdata()[0])
    assert ax.get_yticklabels()[0].get_text() == "Speed\ncannot tell"
    assert "Speed" not in factors_found(FACTORS.assign(n_reference=[4, 50, 60]), names=NAMES)


def test_factors_are_named_by_class():
    said = factors_found(FACTORS, names=NAMES)
    assert said.startswith("Basic: Speed. A low score goes with more loss")
    assert "Performance: Care." in said
    assert "Cannot tell: Website." in said
    assert "For Website, low scores weigh more only if" in said
    assert "For Speed" not in said
    none = FACTORS.assign(factor="undetermined", linear="undetermined")
    assert factors_advice(none, names=NAMES).startswith("No priority follows")
    assert factors_advice(FACTORS, names=NAMES).count("Website") == 0


def test_a_small_base_names_no_class():
    few = FACTORS.assign(n_eff=20.0)
    assert factors_found(few, names=NAMES).startswith("Too few answers")


def test_straight_lines_are_judged():
    assert "foretell 41 % of the variation, a flexible model 39 %" in lines_enough(FIT, BENDS, names=NAMES)
    assert "A gain of 4 points would have been seen 8 times in 10" in lines_enough(FIT, BENDS, names=NAMES)
    more = FIT.assign(estimate=[0.41, 0.5, 0.09], ci_low=[0.3, 0.4, 0.05], ci_high=[0.5, 0.6, 0.13])
    said = lines_enough(more, BENDS.assign(p_adjusted=[0.01, 0.2]), names=NAMES)
    assert said == (
        "Straight lines leave something out: a flexible model foretells 9 points more of the variation among "
        "customers left out (5 to 13). The line bends along the scale of Speed: one slope does not describe it."
    )
    assert lines_enough(FIT.assign(n=9), BENDS, names=NAMES).startswith("Too few answers")
