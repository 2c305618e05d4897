import json
import logging
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.servqual import Item, Scale, prediction, structure
from csatlib.servqual import structure_sentences as sentences
from csatlib.servqual.structure_plots import plot_correlations
from csatlib.stats.moments import Moments
from csatlib.stats.rows import replicate_groups

HS = json.loads((Path(__file__).parent / "golden" / "structure.json").read_text("utf-8"))["holzinger_swineford"]
KIOSK = Path(__file__).parents[2] / "shared" / "real" / "kiosk_servqual" / "kiosk_clean.csv"
AUTHORS = {
    "tangibles": (4, 5, 6, 22),
    "security": (19, 20, 21),
    "economy": (10, 11, 18),
    "convenience": (13, 14, 15, 16, 17),
    "usefulness": (1, 2, 3),
    "control": (7, 8),
}


def holzinger(n=None):
    scale = Scale(
        [Item(x, f, perception=x) for f, members in HS["factors"].items() for x in members], low=-10, high=10
    )
    covariance = np.array(HS["covariance"])
    sd = np.sqrt(np.diag(covariance))
    corr = covariance / np.outer(sd, sd)
    return scale, Moments.from_correlation(corr, n or HS["n"], columns=HS["columns"], sd=sd)


def matrix(blocks, between, loading=0.7):
    """Correlations implied by factors of given sizes, all pairs correlated alike unless a matrix is given."""
    factor = np.repeat(np.arange(len(blocks)), blocks)
    phi = np.full((len(blocks),) * 2, between) if np.isscalar(between) else np.array(between, dtype=float)
    np.fill_diagonal(phi, 1)
    corr = loading**2 * phi[np.ix_(factor, factor)]
    np.fill_diagonal(corr, 1)
    names = [f"{'abcdefgh'[f]}{i}" for i, f in enumerate(factor)]
    return Scale([Item(q, q[0], f"e{q}", f"p{q}") for q in names], low=1, high=7), corr, names


def published(blocks, between, n=300, **kwargs):
    scale, corr, names = matrix(blocks, between)
    return structure(Moments.from_correlation(corr, n, columns=names), scale=scale, measure="perception", **kwargs)


def survey(n=300, seed=0, between=0.5, blocks=(3, 3), effect=("p",)):
    scale, corr, names = matrix(blocks, between)
    rng = np.random.default_rng(seed)
    p = np.clip(np.rint(4 + 1.2 * rng.multivariate_normal(np.zeros(len(names)), corr, n)), 1, 7)
    e = np.clip(np.rint(5.5 + rng.multivariate_normal(np.zeros(len(names)), corr, n)), 1, 7)
    data = pd.DataFrame(np.hstack([e, p]), columns=[f"{s}{q}" for s in "ep" for q in names])
    sides = {"p": p, "e": -e}
    outcome = sum(sides[s].mean(axis=1) for s in effect) + 0.7 * rng.normal(size=n)
    return data.assign(overall=outcome, id=rng.integers(0, n // 2, n), w=rng.uniform(0.5, 2, n)), scale


def value(result, statistic, model="dimensions", column="estimate"):
    rows = result.fit[(result.fit["model"] == model) & (result.fit["statistic"] == statistic)]
    return rows[column].item()


def test_holzinger_swineford_equals_lavaan():
    scale, data = holzinger()
    found = structure(data, scale=scale, measure="perception")
    fit, tolerance = HS["fit"], HS["tolerance"]
    assert_allclose(value(found, "chi_square"), fit["chisq"], atol=tolerance["chi_square"])
    assert_allclose(value(found, "chi_square", column="p_value"), fit["pvalue"], rtol=1e-4)
    assert (value(found, "df"), value(found, "n_parameters")) == (fit["df"], fit["npar"])
    for name in ("cfi", "tli", "rmsea", "srmr"):
        assert_allclose(value(found, name), fit[name], atol=tolerance["fit"])
    for name in ("aic", "bic"):
        assert_allclose(value(found, name), fit[name], atol=tolerance["chi_square"])
    for side, name in (("ci_low", "lower"), ("ci_high", "upper")):
        assert_allclose(value(found, "rmsea", column=side), fit[f"rmsea.ci.{name}"], atol=tolerance["fit"])
    loadings = found.loadings.query("model == 'dimensions'").set_index("item")
    for item, row in HS["loadings"].items():
        assert_allclose(loadings.loc[item, "estimate"], row["estimate"], atol=tolerance["estimate"])
        assert_allclose(loadings.loc[item, "standard_error"], row["se"], atol=tolerance["estimate"])
    pairs = found.correlations.query("model == 'dimensions'").set_index(["factor", "other"])
    for row in HS["correlations"]:
        got = pairs.loc[(row["factor"], row["other"])]
        assert_allclose(
            got[["estimate", "standard_error", "ci_low", "ci_high"]].astype(float),
            [row["estimate"], row["se"], *row["ci"]],
            atol=tolerance["estimate"],
        )
    assert set(found.fit["status"]) == {"proper"}


def test_exact_matrix_is_recovered_and_alternatives_are_nested():
    found = published((4, 4, 4), [[1, 0.8, 0.3], [0.8, 1, 0.4], [0.3, 0.4, 1]])
    assert_allclose(value(found, "chi_square"), 0, atol=1e-5)
    loadings = found.loadings.query("model == 'dimensions'")
    assert_allclose(loadings["estimate"], 0.7, atol=1e-4)
    correlations = found.correlations.query("model == 'dimensions'")
    assert_allclose(correlations["estimate"], [0.8, 0.3, 0.4], atol=1e-4)
    merged = found.loadings.query("model == 'merged_1'")["factor"].unique()
    assert list(merged) == ["a+b", "c"]
    assert value(found, "df_difference", "merged_1") == 2
    assert value(found, "df_difference", "one_factor") == 3
    differences = [value(found, "chi_square_difference", model) for model in ("merged_1", "one_factor")]
    assert 0 < differences[0] < differences[1]
    assert found.fit.set_index("model")["exploratory"].groupby("model").first().to_dict() == {
        "dimensions": False,
        "merged_1": True,
        "one_factor": False,
    }


def test_one_factor_equals_dimensions_fitted_alone():
    """Four items on one factor: loadings solve the tetrad equations by hand, here with equal correlations."""
    scale, corr, names = matrix((4,), 1.0, loading=np.sqrt(0.36))
    found = structure(Moments.from_correlation(corr, 200, columns=names), scale=scale, measure="perception")
    assert_allclose(found.loadings["estimate"], 0.6, atol=1e-4)
    assert found.fit["model"].unique().tolist() == ["dimensions"]
    assert found.correlations.empty
    assert sentences.reading(found.correlations).startswith("There is one dimension")
    assert sentences.alternatives(found.fit) == ""


def test_gaps_reversals_and_missing_answers():
    data, scale = survey()
    names = [item.item for item in scale.items]
    whole = structure(data, scale=scale, measure="gap")
    by_hand = pd.DataFrame({q: data[f"p{q}"] - data[f"e{q}"] for q in names}).corr().to_numpy()
    same = structure(Moments.from_correlation(by_hand, len(data), columns=names), scale=scale)
    for name in ("loadings", "correlations"):
        assert_allclose(getattr(whole, name)["estimate"], getattr(same, name)["estimate"], atol=1e-6)
    turned = Scale([Item(i.item, i.dimension, i.expectation, i.perception, reversed=i.item == "a0")
                    for i in scale.items], low=1, high=7)  # fmt: skip
    flipped = data.assign(ea0=8 - data["ea0"], pa0=8 - data["pa0"])
    for measure in ("gap", "perception"):
        one, two = structure(data, scale=scale, measure=measure), structure(flipped, scale=turned, measure=measure)
        assert_allclose(one.loadings["estimate"], two.loadings["estimate"], atol=1e-6)
    holes = data.assign(pa0=data["pa0"].where(data.index % 3 > 0))
    fewer = structure(holes, scale=scale)
    assert (fewer.fit["n"].iloc[0], fewer.fit["n_rows"].iloc[0]) == (200, 300)
    complete = structure(holes.dropna(), scale=scale)
    assert_allclose(fewer.loadings["estimate"], complete.loadings["estimate"])
    assert "200 respondents who answered all 6 statements, of 300" in sentences.method(fewer.fit)


def test_a_correlation_of_one_or_more_is_flagged_and_said():
    corr = np.eye(6)
    within, between = 0.3, 0.42
    corr[:3, :3] = corr[3:, 3:] = within
    corr[:3, 3:] = corr[3:, :3] = between
    np.fill_diagonal(corr, 1)
    scale, _, names = matrix((3, 3), 0.5)
    found = structure(Moments.from_correlation(corr, 300, columns=names), scale=scale, measure="perception")
    assert value(found, "df", column="status") == "improper"
    assert "correlation of 1 or more between a and b" in value(found, "df", column="problem")
    assert "no proper solution" in sentences.fit(found.fit)
    assert "a and b cannot be told apart" in sentences.reading(found.correlations)
    assert "hint only" in sentences.reading(found.correlations)
    assert sentences.alternatives(found.fit) == ""


def test_an_error_variance_of_zero_is_flagged():
    """Three items whose correlations ask for a loading above 1: .8 x .8 / .5 = 1.28."""
    corr = np.eye(6)
    corr[0, 1] = corr[0, 2] = 0.8
    corr[1, 2] = 0.5
    corr[3:, 3:] = 0.5
    corr[:3, 3:] = 0.2
    corr = np.triu(corr, 1) + np.triu(corr, 1).T + np.eye(6)
    scale, _, names = matrix((3, 3), 0.5)
    found = structure(Moments.from_correlation(corr, 300, columns=names), scale=scale, measure="perception")
    assert value(found, "df", column="status") == "improper"
    assert value(found, "df", column="problem") == "no error left in a0"


def test_what_cannot_be_fitted_is_nan_and_said():
    data, scale = survey()
    few = structure(data.head(6), scale=scale)
    assert value(few, "chi_square", column="status") == "not_fitted"
    assert few.fit.query("statistic not in ['df', 'n_parameters']")["estimate"].isna().all()
    assert few.loadings["estimate"].isna().all()
    assert set(few.correlations["reading"]) == {"unknown"}
    assert sentences.fit(few.fit) == "Too few complete answers to look at the dimensions."
    flat = structure(data.assign(pa0=4.0), scale=scale, measure="perception")
    assert sentences.fit(flat.fit).endswith("with these answers: all answers are the same: a0.")
    assert sentences.reading(flat.correlations) == "Which dimensions can be told apart is not known."
    twice = structure(data.assign(pa0=data["pa1"]), scale=scale, measure="perception")
    assert "follow from others" in sentences.fit(twice.fit)
    assert set(published((3, 3), 0.5, n=6).fit["status"]) == {"not_fitted"}
    assert structure(data.iloc[:0], scale=scale).fit["n"].iloc[0] == 0


def test_a_search_that_stops_early_is_flagged(monkeypatch):
    from csatlib.servqual import confirmatory

    monkeypatch.setattr(confirmatory, "SOLVERS", (("SLSQP", {"maxiter": 1}),))
    data, scale = survey(blocks=(3, 3, 3))
    found = structure(data, scale=scale)
    assert set(found.fit["status"]) == {"not_converged"}
    assert "is not to be read: the search" in sentences.fit(found.fit)
    assert "chi_square_difference" not in set(found.fit["statistic"])
    assert "merged_1" not in set(found.fit["model"])


def test_a_dimension_of_one_item_is_that_item():
    data, scale = survey(blocks=(3, 1, 3))
    found = structure(data, scale=scale, measure="perception")
    row = found.loadings.query("model == 'dimensions' and dimension == 'b'").iloc[0]
    assert (row["estimate"], row["standard_error"]) == (1, 0)
    assert value(found, "df", column="status") == "proper"


def test_the_programs_log_and_warnings_are_left_alone(capfd, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    before = (list(root.handlers), list(root.filters), root.manager.disable)
    structure(survey()[0], scale=survey()[1])
    assert (list(root.handlers), list(root.filters), root.manager.disable) == before
    assert capfd.readouterr() == ("", "")


def test_readings_follow_the_upper_limit():
    seen = {r: published((4, 4), r, n=5000).correlations["reading"].iloc[0] for r in (0.5, 0.82, 0.93, 0.995)}
    assert seen == {0.5: "apart", 0.82: "close", 0.93: "nearly_one", 0.995: "one"}
    told = {r: sentences.reading(published((4, 4), r, n=5000).correlations) for r in seen}
    assert told[0.5].startswith("All dimensions can be told apart (highest correlation 0.50, a and b)")
    assert told[0.93].startswith("a and b may be nearly the same")
    assert told[0.995].startswith("a and b cannot be told apart")
    two_pairs = np.full((4, 4), 0.3)
    two_pairs[[0, 1, 2, 3], [1, 0, 3, 2]] = 0.97
    many = sentences.reading(published((3, 3, 3, 3), two_pairs).correlations)
    assert many.startswith(
        "These pairs cannot be told apart, so read each as one: a and b (0.97); c and d (0.97)."
    )
    assert many.endswith("All other pairs can be told apart.")


def test_sentences_of_fit_and_alternatives():
    found = published((4, 4, 4), [[1, 0.97, 0.3], [0.97, 1, 0.3], [0.3, 0.3, 1]], n=150)
    told = sentences.alternatives(found.fit)
    assert told.startswith("Worse than the dimensions beyond random variation: One factor")
    assert "Not worse than the dimensions beyond random variation: a and b as one" in told
    assert told.endswith("chosen after looking at these answers.")
    assert sentences.fit(found.fit).startswith("The 3 dimensions describe the answers well")
    scale, data = holzinger()
    assert "tolerably" not in sentences.fit(structure(data, scale=scale, measure="perception").fit)
    assert "describe the answers poorly" in sentences.fit(structure(data, scale=scale, measure="perception").fit)
    version = sentences.method(structure(data, scale=scale, measure="perception", version="from 2026-Q2").fit)
    assert "Wording of the questionnaire: from 2026-Q2." in version
    assert "caution" not in version
    small = structure(holzinger(90)[1], scale=scale, measure="perception")
    assert "caution" in sentences.method(small.fit)


def test_bad_calls_name_every_problem():
    data, scale = survey()
    with pytest.raises(ValueError, match=r"measure='P'.*merges=-1"):
        structure(data, scale=scale, measure="P", merges=-1)
    with pytest.raises(ValueError, match="no dimensions"):
        structure(data, scale=Scale([Item("q", perception="pa0")], low=1, high=7), measure="perception")
    with pytest.raises(ValueError, match="answers outside the scale"):
        structure(data.assign(pa0=9), scale=scale)
    with pytest.raises(KeyError, match="pa0"):
        structure(data.drop(columns="pa0"), scale=scale)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_order_of_rows_and_names_do_not_matter_and_figures_are_in_range(seed):
    data, scale = survey(n=120, seed=seed)
    found = structure(data, scale=scale, measure="gap")
    shuffled = structure(data.sample(frac=1, random_state=seed), scale=scale, measure="gap")
    for name in ("fit", "loadings", "correlations"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(shuffled, name), rtol=1e-5, atol=1e-5)
    assert found.loadings["estimate"].abs().max() <= 1 + 1e-9
    assert value(found, "srmr") >= 0
    assert (
        value(found, "rmsea", column="ci_low") <= value(found, "rmsea") <= value(found, "rmsea", column="ci_high")
    )


def test_the_same_twice():
    data, scale = survey()
    pd.testing.assert_frame_equal(
        structure(data, scale=scale).fit, structure(data, scale=scale).fit, rtol=0, atol=0
    )
    assert data.equals(survey()[0])


def test_the_figure_shows_each_pair_and_says_it():
    found = published((3, 3, 3), [[1, 0.97, 0.88], [0.97, 1, 0.3], [0.88, 0.3, 1]], n=250)
    ax = plot_correlations(found.correlations)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a – b", "a – c", "b – c"]
    assert "a – b 0.97; a – c 0.88; b – c 0.30" in ax.get_label()
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert named == ["can be told apart", "may be nearly the same", "cannot be told apart"]
    nothing = plot_correlations(structure(survey()[0].head(6), scale=survey()[1]).correlations)
    assert nothing.get_label() == "No correlation of dimensions can be read."
    plt.close("all")


# --- SERVPERF beside SERVQUAL ---------------------------------------------------------------------------------


def left_out(data, columns, outcome, cluster=None, weight=None):
    """Errors of predictions and of the mean, group by group, by another program."""
    keys = data[cluster] if cluster else pd.Series(np.arange(len(data)), index=data.index)
    group = replicate_groups(keys)
    w = data[weight] if weight else pd.Series(1.0, index=data.index)
    x, y = sm.add_constant(columns), data[outcome]
    own = base = 0.0
    for g in np.unique(group):
        out = group == g
        model = sm.WLS(y[~out], x[~out], weights=w[~out]).fit()
        own += (w[out] * (y[out] - model.predict(x[out])) ** 2).sum()
        base += (w[out] * (y[out] - np.average(y[~out], weights=w[~out])) ** 2).sum()
    return 1 - own / base


@pytest.mark.parametrize("design", [{}, {"cluster": "id", "weight": "w"}])
def test_r2_equals_statsmodels_left_out_by_group(design):
    data, scale = survey(n=150)
    score = {s: pd.DataFrame({d: data[[f"{s}{i.item}" for i in scale.items if i.dimension == d]].mean(axis=1)
                              for d in "ab"}) for s in "ep"}  # fmt: skip
    columns = {
        "perception": score["p"],
        "gap": score["p"] - score["e"],
        "perception_and_expectation": pd.concat([score["p"], score["e"].add_prefix("e")], axis=1),
    }
    table = prediction(data, scale=scale, outcome="overall", **design).set_index(["statistic", "model"])
    for model, frame in columns.items():
        assert_allclose(
            table.loc[("r2", model), "estimate"], left_out(data, frame, "overall", **design), rtol=1e-9
        )
    assert table["n_predictors"].tolist() == [2, 2, 4, 2, 4, 4]


def test_prediction_by_hand():
    """The outcome is the perception, so perceptions leave no error; an expectation for all makes gaps the same."""
    data, scale = survey(n=80, blocks=(1,))
    data = data.assign(overall=2 * data["pa0"] + 1, ea0=6.0)
    table = prediction(data, scale=scale, outcome="overall").set_index(["model", "reference"])
    assert_allclose(table["estimate"], [1, 1, 1, 0, 0, 0], atol=1e-9)


def test_which_predicts_better_is_told():
    perceptions, scale = survey(n=600, effect=("p",))
    told = sentences.predicted(prediction(perceptions, scale=scale, outcome="overall"), outcome="satisfaction")
    assert told.startswith("Perceptions alone predict satisfaction better than gaps: R2 0.")
    gaps, _ = survey(n=600, effect=("p", "e"))
    table = prediction(gaps, scale=scale, outcome="overall")
    told = sentences.predicted(table, outcome="satisfaction")
    assert told.startswith("Gaps predict satisfaction better than perceptions alone: R2 0.")
    assert "Expectations beside perceptions add to the prediction" in told
    rng = np.random.default_rng(0)
    noise = perceptions.assign(overall=rng.normal(size=600))
    assert "cannot be told whether" in sentences.predicted(
        prediction(noise, scale=scale, outcome="overall"), outcome="satisfaction"
    )
    assert "Too few answers" in sentences.predicted(
        prediction(noise.head(8), scale=scale, outcome="overall"), outcome="satisfaction"
    )
    assert "too few answers to tell" in sentences.predicted(
        prediction(noise.head(24), scale=scale, outcome="overall"), outcome="satisfaction"
    )
    assert f"into {table['n_groups'].iloc[0]} groups" in sentences.predicted_how(table)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.floats(0.01, 100))
def test_prediction_properties(seed, factor):
    data, scale = survey(n=100, seed=seed)
    plain = prediction(data, scale=scale, outcome="overall", cluster="id")
    ones = prediction(data.assign(one=1.0), scale=scale, outcome="overall", cluster="id", weight="one")
    pd.testing.assert_frame_equal(plain, ones)
    weighted = prediction(data, scale=scale, outcome="overall", cluster="id", weight="w")
    scaled = data.assign(w=factor * data["w"])
    pd.testing.assert_frame_equal(
        weighted, prediction(scaled, scale=scale, outcome="overall", cluster="id", weight="w")
    )
    shuffled = data.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(plain, prediction(shuffled, scale=scale, outcome="overall", cluster="id"))
    moved = data.assign(overall=5 - 3 * data["overall"])
    pd.testing.assert_frame_equal(plain, prediction(moved, scale=scale, outcome="overall", cluster="id"))
    assert (plain.loc[plain["statistic"] == "r2", "estimate"] <= 1).all()
    assert (plain["n_eff"] <= plain["n"]).all()


def test_prediction_refuses_what_it_cannot_do():
    data, scale = survey()
    bare = Scale([Item(i.item, i.dimension, perception=i.perception) for i in scale.items], low=1, high=7)
    with pytest.raises(ValueError, match="needs expectations, perceptions and dimensions"):
        prediction(data, scale=bare, outcome="overall")
    with pytest.raises(KeyError, match="overal"):
        prediction(data, scale=scale, outcome="overal")
    with pytest.raises(ValueError, match="outside the scale"):
        prediction(data.assign(pa0=9), scale=scale, outcome="overall")
    few = prediction(data.head(4), scale=scale, outcome="overall")
    assert few["ci_low"].isna().all()


@pytest.mark.long
def test_correlations_and_chi_square_behave_as_stated():
    """Normal answers, true correlation .6: coverage near 95 %, chi-square rejects about 5 %."""
    scale, corr, names = matrix((4, 4, 4), 0.6)
    rng = np.random.default_rng(1)
    inside, rejected, sets = 0, 0, 150
    for _ in range(sets):
        sample = np.corrcoef(rng.multivariate_normal(np.zeros(12), corr, 300).T)
        found = structure(
            Moments.from_correlation(sample, 300, columns=names), scale=scale, measure="perception", merges=0
        )
        row = found.correlations.iloc[0]
        inside += row["ci_low"] <= 0.6 <= row["ci_high"]
        rejected += value(found, "chi_square", column="p_value") < 0.05
    assert 0.92 <= inside / sets <= 0.98
    assert 0.02 <= rejected / sets <= 0.10  # normal theory rejects a little too often at n = 300


@pytest.mark.long
def test_the_difference_of_r2_covers_what_these_weights_would_do():
    """Truth: what perceptions and gaps, fitted on the sample, predict in a very large one."""
    truth, scale = survey(n=40_000, seed=999)
    inside, sets = 0, 200
    held = _held_out(truth, scale)
    for seed in range(sets):
        data, _ = survey(n=300, seed=seed)
        row = prediction(data, scale=scale, outcome="overall").query("statistic == 'difference'").iloc[0]
        inside += row["ci_low"] <= _difference_in(held, data, scale) <= row["ci_high"]
    assert inside / sets >= 0.93


def _held_out(data, scale):
    score = {s: np.column_stack([data[[f"{s}{i.item}" for i in scale.items if i.dimension == d]].mean(axis=1)
                                 for d in scale.dimensions]) for s in "ep"}  # fmt: skip
    return sm.add_constant(score["p"]), sm.add_constant(score["p"] - score["e"]), data["overall"].to_numpy()


def _difference_in(held, data, scale):
    *designs, y = held
    *own, z = _held_out(data, scale)
    errors = [((y - x @ sm.OLS(z, o).fit().params) ** 2).sum() for x, o in zip(designs, own, strict=True)]
    return (errors[1] - errors[0]) / ((y - z.mean()) ** 2).sum()


@pytest.mark.skipif(not KIOSK.exists(), reason="the kiosk survey is not at hand")
def test_kiosk_dimensions_are_those_of_its_authors():
    items = [Item(f"sq{i}", d, f"sq{i}_1", f"sq{i}_2") for d, members in AUTHORS.items() for i in members]
    data = pd.read_csv(KIOSK)
    found = structure(data, scale=Scale(items, low=1, high=7), measure="gap")
    assert (found.fit["n"].iloc[0], value(found, "df")) == (194, 155)
    assert set(found.fit["status"]) == {"proper"}
    assert (found.loadings.query("model == 'dimensions'")["estimate"] > 0.5).all()
    assert not found.correlations.query("model == 'dimensions'")["reading"].isin(["one", "nearly_one"]).any()
    assert value(found, "chi_square_difference", "one_factor", "p_adjusted") < 1e-10
