import json
from pathlib import Path

import numpy as np
import pandas as pd
import pingouin
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from statsmodels.multivariate.factor import Factor

from csatlib.stats.consistency import difference_reliability, omegas
from csatlib.stats.factor import one_factor
from csatlib.stats.moments import Moments, moments
from csatlib.stats.reliability import alpha, item_total, omega
from csatlib.stats.validity import composite, composite_of_loadings, htmt

FOLDER = Path(__file__).parent / "golden"
ATTITUDE = json.loads((FOLDER / "reliability.json").read_text(encoding="utf-8"))["alpha_attitude"]
FACTOR = json.loads((FOLDER / "factor.json").read_text(encoding="utf-8"))


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


def golden_moments(case):
    p = len(case["columns"])
    corr = np.zeros((p, p))
    corr[np.tril_indices(p)] = [value for row in case["correlations"] for value in row]
    corr = corr + np.tril(corr, -1).T
    return Moments.from_correlation(corr, case["n"], columns=case["columns"], sd=case.get("sd"))


def one(table, statistic):
    return table.loc[table["statistic"] == statistic, "estimate"].item()


def test_one_factor_equals_psych():
    case = FACTOR["omega_attitude"]
    fit = one_factor(attitude().corr().to_numpy())
    assert_allclose(fit.loadings, list(case["loadings"].values()), atol=case["tolerance"])
    assert_allclose(fit.residuals, list(case["uniquenesses"].values()), atol=case["tolerance"])
    table = omega(attitude(), items=ATTITUDE["columns"])
    assert_allclose(one(table, "omega_standardized"), case["omega"], atol=case["tolerance"])
    composed = composite(attitude(), items={"all": ATTITUDE["columns"]})
    assert_allclose(composed["estimate"], [case["omega"], case["ave"]], atol=case["tolerance"])


def test_one_factor_of_bfi():
    case = FACTOR["omega_bfi"]
    published = golden_moments(case)
    assert_allclose(
        one_factor(published.covariance).loadings, list(case["loadings"].values()), atol=case["tolerance"]
    )
    table = omega(published, items=case["columns"])
    assert_allclose(table["estimate"], case["omega"], atol=case["tolerance"])
    assert table["ci_low"].isna().all()


def test_one_factor_equals_statsmodels():
    data = answers(150, k=6, loading=0.6, seed=3) @ np.diag([1, 2, 3, 1, 0.5, 10])
    peer = Factor(data, n_factor=1, method="ml").fit()
    found = one_factor(data.cov().to_numpy())
    assert_allclose(
        found.loadings / data.std(), np.abs(peer.loadings[:, 0]), atol=1e-5
    )  # its optimizer stops there


def test_items_beside_the_others_equal_psych():
    case = FACTOR["item_total_attitude"]
    table = item_total(attitude(), items=ATTITUDE["columns"]).pivot(
        index="item", columns="statistic", values="estimate"
    )
    for statistic, key in (("item_total", "r_drop"), ("alpha_if_dropped", "alpha_if_dropped")):
        assert_allclose(table.loc[list(case[key]), statistic], list(case[key].values()), atol=case["tolerance"])
    assert_allclose(table["alpha_change"], table["alpha_if_dropped"] - ATTITUDE["raw"])
    without = alpha(attitude(), items=[c for c in ATTITUDE["columns"] if c != "critical"])
    assert_allclose(table.loc["critical", "alpha_if_dropped"], without["estimate"].iloc[0])


def test_composite_reliability_and_ave_equal_semtools():
    case = FACTOR["holzinger_swineford"]
    loadings = pd.DataFrame(
        [
            {"dimension": d, "item": i, "loading": case["loadings"][i], "residual": case["residuals"][i]}
            for d, items in case["dimensions"].items()
            for i in items
        ]
    )
    table = composite_of_loadings(loadings).set_index(["dimension", "statistic"])["estimate"]
    for dimension in case["dimensions"]:
        found = table[dimension, "composite_reliability"], table[dimension, "ave"]
        expected = case["omega"][dimension], case["ave"][dimension]
        assert_allclose(found, expected, atol=case["tolerance"])
        own = alpha(golden_moments(case), items=case["dimensions"][dimension])["estimate"].iloc[0]
        assert_allclose(own, case["alpha"][dimension], atol=case["tolerance"])


def test_standardised_loadings_need_no_residuals():
    case = FACTOR["holzinger_swineford"]
    items = case["dimensions"]["textual"]
    loading = np.array([case["standardized"][i] for i in items])
    table = pd.DataFrame({"dimension": "textual", "item": items, "loading": loading})
    expected = [loading.sum() ** 2 / (loading.sum() ** 2 + (1 - loading**2).sum()), (loading**2).mean()]
    assert_allclose(composite_of_loadings(table)["estimate"], expected)
    with pytest.raises(ValueError, match="'x4': loading 2, residual -3.*need their residual variances"):
        composite_of_loadings(table.assign(loading=2.0))
    with pytest.raises(ValueError, match="one row per item"):
        composite_of_loadings(pd.concat([table, table]))
    with pytest.raises(KeyError, match="loading"):
        composite_of_loadings(table.drop(columns="loading"))


def test_htmt_by_hand():
    # within: .5 and .8; across: mean of .4, .3, -.2, .1 in size = .25; .25 / sqrt(.4)
    corr = np.array([[1, 0.5, 0.4, 0.3], [0.5, 1, -0.2, 0.1], [0.4, -0.2, 1, 0.8], [0.3, 0.1, 0.8, 1]])
    published = Moments.from_correlation(corr, 200, columns=list("abcd"))
    table = htmt(published, items={"one": ["a", "b"], "two": ["c", "d"]})
    assert_allclose(table["estimate"], 0.25 / np.sqrt(0.5 * 0.8))
    assert table[["dimension", "other", "n_items", "n"]].values.tolist() == [["one", "two", 4, 200]]
    three = htmt(published, items={"one": ["a", "b"], "two": ["c"], "three": ["d"]})
    assert len(three) == 3
    assert three["estimate"].isna().all()


def test_htmt_of_holzinger_swineford_is_the_ratio_of_mean_correlations():
    case = FACTOR["holzinger_swineford"]
    published = golden_moments(case)
    table = htmt(published, items=case["dimensions"]).set_index(["dimension", "other"])["estimate"]
    corr = pd.DataFrame(published.covariance, index=case["columns"], columns=case["columns"])
    corr = corr / np.outer(case["sd"], case["sd"])
    within = {d: np.mean([corr.loc[a, b] for a in i for b in i if a < b]) for d, i in case["dimensions"].items()}
    for one, other in table.index:
        across = np.mean([abs(corr.loc[a, b]) for a in case["dimensions"][one] for b in case["dimensions"][other]])
        assert_allclose(table[one, other], across / np.sqrt(within[one] * within[other]))


def test_omega_by_hand():
    # loadings .9, .6, .3: common (1.8)^2 = 3.24, own .19 + .64 + .91 = 1.74
    made = np.outer([0.9, 0.6, 0.3], [0.9, 0.6, 0.3])
    np.fill_diagonal(made, 1)
    published = Moments.from_correlation(made, 100, columns=list("abc"), sd=[1.0, 2.0, 3.0])
    table = omega(published, items=list("abc"))
    assert_allclose(one(table, "omega_standardized"), 3.24 / 4.98, rtol=1e-6)
    # in units: (.9 + 1.2 + .9)^2 = 9, own .19 + 4 x .64 + 9 x .91 = 10.94
    assert_allclose(one(table, "omega"), 9 / 19.94, rtol=1e-6)
    assert not table["improper"].any()


def test_two_items_are_spearman_brown_and_one_is_unknown():
    data = answers(80, k=2)
    r = data.corr().iloc[0, 1]
    assert_allclose(one(omega(data, items=["q0", "q1"]), "omega_standardized"), 2 * r / (1 + r))
    assert item_total(data, items=["q0", "q1"]).query("statistic != 'item_total'")["estimate"].isna().all()
    single = composite(data, items={"one": ["q0"]})
    assert single["estimate"].isna().all()


def test_fits_of_odd_matrices():
    heywood = np.array([[1, 0.8, 0.8], [0.8, 1, 0.5], [0.8, 0.5, 1]])
    fit = one_factor(np.stack([heywood, np.ones((3, 3)), np.diag([1.0, 0, 1])]))
    assert fit.improper.tolist() == [True, False, False]
    assert_allclose(fit.residuals[0, 0], 0.005)
    assert np.isnan(fit.loadings[1:]).all()
    # items without any correlation do not settle their loadings; the fit is exact all the same
    apart = one_factor(np.eye(4))
    assert_allclose(np.outer(apart.loadings, apart.loadings) + np.diag(apart.residuals), np.eye(4), atol=1e-6)
    found = omega(Moments.from_correlation(heywood, 50, columns=list("abc")), items=list("abc"))
    assert found["improper"].all()


@example(142, 4, 48)  # a weak factor near a bound
@example(29, 3, 8)  # a narrow valley
@example(371, 5, 19)  # a saddle on the way
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 6), st.integers(8, 60))
def test_the_fit_is_a_minimum(seed, k, n):
    """No small move of the residuals within their bounds fits better, and a start elsewhere ends there too."""
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(n, 1)) * rng.uniform(0, 1, k) + rng.normal(size=(n, k))
    corr = np.corrcoef(data.T)
    fit = one_factor(corr)

    def misfit(residuals):
        values = np.linalg.eigvalsh(corr / np.sqrt(np.outer(residuals, residuals)))[:-1]
        return (values - np.log(values) - 1).sum()

    moved = np.clip(fit.residuals * np.exp(rng.normal(scale=0.02, size=(50, k))), 0.005, 1)
    assert all(misfit(fit.residuals) <= misfit(other) + 1e-9 for other in moved)
    assert (fit.residuals >= 0.005 * (1 - 1e-9)).all()
    assert 0 <= omegas(fit) <= 1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-5, 5))
def test_figures_do_not_depend_on_item_order_unit_level_or_weight_factor(seed, factor, shift):
    data = answers(60, seed=seed).assign(w=np.random.default_rng(seed).uniform(0.5, 2, 60))
    items = ["q0", "q1", "q2", "q3"]
    changed = data.assign(**{c: data[c] * factor + shift for c in items}, w=data["w"] * factor)
    sets = {"one": items[:2], "two": items[2:]}
    for made in (
        lambda d, i: omega(d, items=i, weight="w", replicates=5)["estimate"],
        lambda d, i: item_total(d, items=i, weight="w", replicates=5).sort_values(["item", "statistic"])[
            "estimate"
        ],
        lambda d, i: htmt(d, items=sets, weight="w", replicates=5)["estimate"],
        lambda d, i: composite(d, items=sets, weight="w", replicates=5)["estimate"],
    ):
        assert_allclose(made(changed, items[::-1]), made(data, items), rtol=1e-5)


def test_weight_of_one_is_none_and_clusters_widen_nothing_else():
    data = answers(120).assign(w=1.0, id=np.arange(120) // 3)
    items, sets = ["q0", "q1", "q2"], {"one": ["q0", "q1"], "two": ["q2", "q3"]}
    for made in (
        lambda **design: omega(data, items=items, **design),
        lambda **design: item_total(data, items=items, **design),
        lambda **design: composite(data, items=sets, **design),
        lambda **design: htmt(data, items=sets, **design),
    ):
        plain = made()
        pd.testing.assert_frame_equal(made(weight="w"), plain)
        clustered = made(cluster="id")
        assert_allclose(clustered["estimate"], plain["estimate"])
        assert clustered["n_groups"].max() <= 40
        assert (plain["ci_low"].isna() | (plain["ci_low"] < plain["ci_high"])).all()


def test_missing_listwise_and_pairwise():
    data = answers(200)
    data.loc[:49, "q0"] = np.nan
    assert omega(data, items=["q0", "q1", "q2"])["n"].tolist() == [150, 150]
    assert_allclose(
        omega(data, items=["q0", "q1", "q2"])["estimate"],
        omega(data.iloc[50:].reset_index(drop=True), items=["q0", "q1", "q2"])["estimate"],
    )
    data.loc[100:149, "q2"] = np.nan
    sets = {"one": ["q0", "q1"], "two": ["q2", "q3"]}
    pairs = htmt(data, items=sets, missing="pairwise")
    corr = (data.cov() / np.outer(data.std(), data.std())).abs()  # each variance from all answers to its item
    within = corr.loc["q0", "q1"] * corr.loc["q2", "q3"]
    assert_allclose(pairs["estimate"], corr.loc[sets["one"], sets["two"]].to_numpy().mean() / np.sqrt(within))
    assert not np.isclose(pairs["estimate"].item(), htmt(data, items=sets)["estimate"].item())
    assert pairs["n"].item() == 100


def test_sets_of_items_are_checked():
    data = answers(20)
    with pytest.raises(ValueError, match="'q0' is named twice; 'none' has no item"):
        htmt(data, items={"one": ["q0"], "two": ["q0", "q1"], "none": []})
    with pytest.raises(ValueError, match="there is none"):
        composite(data, items={})
    with pytest.raises(KeyError, match="q9"):
        htmt(data, items={"one": ["q0", "q9"]})
    with pytest.raises(ValueError, match="moments carry their own weight"):
        htmt(moments(data, ["q0", "q1"]), items={"one": ["q0", "q1"]}, weight="w")


def test_difference_of_two_scores_by_hand():
    for case in FACTOR["difference_score"]["cases"]:
        sd = np.array(case["sd"], dtype=float)
        corr = np.array([[1, case["correlation"]], [case["correlation"], 1]])
        found = difference_reliability(corr * np.outer(sd, sd), *case["reliability"])
        assert_allclose(found, case["expected"])
    constant = np.array([[4.0, 0.0], [0.0, 0.0]])
    assert_allclose(difference_reliability(constant, 0.9, np.nan), 0.9)
    assert np.isnan(difference_reliability(np.ones((2, 2)), 0.9, 0.9))


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


def _two_dimensions(seed, n=150):
    """Loadings .8, .7, .6 in each of two dimensions that correlate .6."""
    rng = np.random.default_rng(seed)
    one = rng.normal(size=n)
    other = 0.6 * one + 0.8 * rng.normal(size=n)
    columns = {}
    for j, loading in enumerate((0.8, 0.7, 0.6)):
        own = np.sqrt(1 - loading**2)
        columns[f"a{j}"] = loading * one + own * rng.normal(size=n)
        columns[f"b{j}"] = loading * other + own * rng.normal(size=n)
    return pd.DataFrame(columns)


@pytest.mark.long
def test_coverage_of_omega_ave_and_htmt():
    sets = {"one": ["a0", "a1", "a2"], "two": ["b0", "b1", "b2"]}
    reliable = 2.1**2 / (2.1**2 + 0.36 + 0.51 + 0.64)
    # mean of the nine products of loadings is (2.1 / 3)^2, of the three within .8 x .7, .8 x .6, .7 x .6
    truths = {"omega": reliable, "ave": (0.64 + 0.49 + 0.36) / 3, "htmt": 0.6 * 0.49 / ((0.56 + 0.48 + 0.42) / 3)}
    inside, means, runs = dict.fromkeys(truths, 0), dict.fromkeys(truths, 0.0), 300
    for seed in range(runs):
        data = _two_dimensions(seed)
        rows = {
            "omega": omega(data, items=sets["one"]).iloc[0],
            "ave": composite(data, items=sets).iloc[1],
            "htmt": htmt(data, items=sets).iloc[0],
        }
        for name, row in rows.items():
            inside[name] += row["ci_low"] <= truths[name] <= row["ci_high"]
            means[name] += row["estimate"] / runs
    assert_allclose(list(means.values()), list(truths.values()), atol=0.015)
    assert all(0.91 <= hits / runs <= 0.98 for hits in inside.values()), inside
