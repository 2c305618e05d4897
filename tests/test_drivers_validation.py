import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold

from csatlib.drivers.regressions import complete
from csatlib.drivers.validation import validate

NAMES = list("abc")
DESIGN = {"outcome": "y", "drivers": NAMES}


def survey(n=400, seed=0, *, bent=0.0, customers=None):
    """Scores 1 to 7; the line of a bends at 4 by `bent`."""
    rng = np.random.default_rng(seed)
    who = np.arange(n) if customers is None else rng.integers(0, customers, n)
    own = rng.normal(size=n if customers is None else customers)
    scores = np.clip(np.round(4 + 1.5 * rng.normal(size=(n, 3))), 1, 7)
    y = scores @ [0.5, 0.5, 0] - bent * np.maximum(scores[:, 0] - 4, 0) + 0.5 * own[who] + rng.normal(size=n)
    return pd.DataFrame(scores, columns=NAMES).assign(y=y, id=who, w=rng.uniform(0.3, 3, n))


def test_cross_validated_r2_by_hand():
    data = survey(customers=150)
    rows = complete(data, "y", NAMES, cluster="id")
    errors, around = 0.0, 0.0
    for seen, unseen in GroupKFold(5).split(rows.x, groups=rows.replicate):
        model = LinearRegression().fit(rows.x[seen], rows.y[seen])
        errors += ((rows.y[unseen] - model.predict(rows.x[unseen])) ** 2).sum()
        around += ((rows.y[unseen] - rows.y[seen].mean()) ** 2).sum()
    fit = validate(data, **DESIGN, cluster="id").fit.set_index("measure")
    assert_allclose(fit.loc["linear", "estimate"], 1 - errors / around)
    assert_allclose(fit.loc["difference", "estimate"], fit["estimate"]["boosting"] - fit["estimate"]["linear"])
    assert fit["ci_low"].lt(fit["estimate"]).all()
    assert fit["n"].eq(400).all()


def test_bend_equals_the_cluster_robust_wald_test_of_statsmodels():
    data = survey(bent=0.2, customers=150)
    rows = complete(data, "y", NAMES, cluster="id")
    knots = np.unique(np.quantile(data["a"], [0.25, 0.5, 0.75], method="lower"))
    x = np.column_stack([rows.x, *(np.maximum(rows.x[:, 0] - knot, 0) for knot in knots)])
    fit = sm.OLS(rows.y, sm.add_constant(x)).fit(cov_type="cluster", cov_kwds={"groups": rows.replicate})
    wald = fit.wald_test(np.eye(x.shape[1] + 1)[4:], use_f=True, scalar=True)
    row = validate(data, **DESIGN, cluster="id").bends.iloc[0]
    assert_allclose(row["statistic"], wald.statistic, rtol=1e-6)
    assert_allclose(row["p_value"], stats.f.sf(wald.statistic, len(knots), row["n_groups"] - 1), rtol=1e-6)
    more = sm.OLS(rows.y, sm.add_constant(x)).fit().rsquared
    assert_allclose(row["estimate"], more - sm.OLS(rows.y, sm.add_constant(rows.x)).fit().rsquared, rtol=1e-6)


def test_a_bend_is_found_and_boosting_gains_from_it():
    found = validate(survey(2000, 1, bent=0.8), **DESIGN)
    assert (found.bends["p_adjusted"] < 0.05).tolist() == [True, False, False]
    assert found.fit["p_value"].iloc[2] < 0.05
    assert found.fit["estimate"].iloc[2] > 0
    straight = validate(survey(2000), **DESIGN)
    assert not (straight.bends["p_adjusted"] < 0.05).any()
    assert straight.fit["ci_low"].iloc[2] < 0


def test_two_answers_cannot_bend():
    data = survey(200).assign(c=lambda d: (d["c"] > 4) * 1.0)
    row = validate(data, **DESIGN).bends.iloc[2]
    assert row["terms"] == 0
    assert row[["statistic", "p_value", "p_adjusted", "estimate"]].isna().all()


def test_a_median_between_two_answers_makes_no_knot():
    scores = np.repeat(np.arange(1.0, 8), [1, 4, 13, 25, 54, 53, 44])  # quartiles 5, 5.5, 6
    data = pd.DataFrame({"a": scores, "y": np.random.default_rng(0).normal(size=len(scores))})
    assert validate(data, outcome="y", drivers=["a"]).bends["terms"].tolist() == [2]


def test_customers_repeated_do_not_look_foretold():
    """The same customer in both folds would let boosting recognise his rows."""
    rng = np.random.default_rng(0)
    once = pd.DataFrame(rng.normal(size=(150, 3)), columns=NAMES).assign(y=rng.normal(size=150), id=np.arange(150))
    many = pd.concat([once] * 8)
    held, free = (validate(many, **DESIGN, cluster=c).fit.set_index("measure")["estimate"] for c in ("id", None))
    assert held["boosting"] < 0.1
    assert free["boosting"] > 0.3


@settings(max_examples=2, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 50))
def test_invariances(seed, factor):
    data = survey(200, seed)
    design = DESIGN | {"key": "id", "replicates": 100}
    plain = validate(data, **design)
    for other in (data.assign(w=1.0), data.assign(w=factor)):
        same = validate(other, **design, weight="w")
        pd.testing.assert_frame_equal(plain.bends, same.bends)
        pd.testing.assert_frame_equal(plain.fit, same.fit)
    mixed = validate(data.sample(frac=1, random_state=seed), **design)
    pd.testing.assert_frame_equal(plain.bends, mixed.bends)
    assert plain.fit["estimate"].iloc[:2].le(1).all()


def test_problems_are_told():
    with pytest.raises(ValueError, match="folds=1; allowed are 2 to"):
        validate(survey(50), **DESIGN, folds=1)
    with pytest.raises(KeyError, match="'dd'"):
        validate(survey(50), outcome="y", drivers=["dd"])


@pytest.mark.long
@pytest.mark.parametrize("customers", [None, 200])
def test_straight_lines_are_hardly_called_bent(customers):
    # 300 reports with 3 drivers as one family: at most 5 % wrong, standard error 1.3 points
    wrong = [
        (validate(survey(600, seed, customers=customers), **DESIGN, cluster="id").bends["p_adjusted"] < 0.05).any()
        for seed in range(300)
    ]
    assert np.mean(wrong) <= 0.085
