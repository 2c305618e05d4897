"""Churn models: figures as scikit-learn has them, profits by hand, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GroupKFold

from csatlib import churn
from csatlib.churn import measures, profits
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import replicate_groups

NONE_DRAWN = np.ones((20, 256))
SHARED = {"drawn": NONE_DRAWN, "confidence": 0.95, "n_groups": 256, "few_groups": False}


def made(n=1500, seed=0):
    """Customers of six snapshots whose leaving goes with days, not with noise."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"customer_id": [f"c{i}" for i in rng.integers(0, n // 3, n)]})
    rows["snapshot"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(30 * rng.integers(0, 6, n), unit="D")
    rows["days"], rows["noise"] = rng.normal(size=n), rng.normal(size=n)
    rows["plan"] = rng.choice(["x", "y"], n)
    chance = 1 / (1 + np.exp(1.5 - rows["days"] - (rows["plan"] == "x")))
    rows["left"] = (rng.random(n) < chance).astype(float)
    rows.loc[rng.random(n) < 0.2, "days"] = np.nan
    return rows


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 255)), min_size=5, max_size=40))
def test_measures_are_scikit_learns(found):
    score, left, group = (np.array(column) for column in zip(*found, strict=True))
    score, left = score / 10 + 0.1, left.astype(float)
    if left.min() == left.max():
        return
    own = measures.all_measures(score, left, group, NONE_DRAWN)
    theirs = {
        "auc": metrics.roc_auc_score(left, score),
        "average_precision": metrics.average_precision_score(left, score),
        "brier": metrics.brier_score_loss(left, score),
        "log_loss": metrics.log_loss(left, score),
    }
    for name, value in theirs.items():
        assert own[name].estimate == pytest.approx(value), name
        assert own[name].replicates == pytest.approx(np.full(20, value)), name


def test_a_replicate_is_the_rows_that_often():
    rng = np.random.default_rng(1)
    group = rng.integers(0, 256, 400)
    left = (rng.random(400) < 0.3).astype(float)
    score = np.round(rng.random(400) + left / 2, 1)
    drawn = multiplicities(np.bincount(group, minlength=256) > 0, replicates=3, seed=4)
    own = measures.all_measures(score, left, group, drawn)
    for k in range(3):
        times = drawn[k][group].astype(int)
        y, s = np.repeat(left, times), np.repeat(score, times)
        assert own["auc"].replicates[k] == pytest.approx(metrics.roc_auc_score(y, s))
        assert own["average_precision"].replicates[k] == pytest.approx(metrics.average_precision_score(y, s))


@pytest.fixture(scope="module")
def fitted():
    rows = made()
    return churn.fit(rows), rows


def test_the_model_finds_what_goes_with_leaving(fitted):
    model, rows = fitted
    later = made(seed=1)
    found = churn.evaluate(model, later, cost=10.0, success=0.5, value=100.0, rules={"plan x": "plan == 'x'"})
    figures = found.measures.set_index("measure")["estimate"]
    assert figures["auc"] == pytest.approx(metrics.roc_auc_score(later["left"], model.predict(later)))
    assert figures["auc"] > 0.65
    assert 0.85 < figures["observed_to_expected"] < 1.15
    inside = (found.calibration["ci_low"] < found.calibration["value"]) & (
        found.calibration["value"] < found.calibration["ci_high"]
    )
    assert inside.mean() >= 0.7
    assert found.calibration["n"].sum() == len(later)
    assert (found.lift["estimate"] > 1).all()
    rule = found.profit[found.profit["rule"]].iloc[0]
    model_row = found.policies.set_index("policy").loc["model"]
    assert rule["estimate"] == pytest.approx(model_row["estimate"])
    assert rule["n"] == model_row["count"]


def test_order_of_rows_and_names_do_not_matter(fitted):
    model, rows = fitted
    terms = {"cost": 10.0, "success": 0.5, "value": 100.0, "replicates": 50}
    straight, turned = (churn.evaluate(model, part, **terms) for part in (rows, rows[::-1]))
    pd.testing.assert_frame_equal(straight.measures, turned.measures)
    pd.testing.assert_frame_equal(straight.policies, turned.policies)


def test_profits_by_hand():
    """Ten customers, of whom two leave; the rule calls four and finds both, at 10 a call and 0.5 x 100 saved."""
    rows = pd.DataFrame({"snapshot": [1] * 5 + [2] * 5, "left": [1, 0, 0, 0, 0] * 2, "v": [100.0] * 10})
    p = np.array([0.3, 0.25, 0.1, 0.05, 0.1] * 2)
    terms = profits.Terms(10, 0.5, "v")
    found = profits.policies(rows, p=p, money=terms, rules={"all": "left >= 0"}, group=np.arange(10), **SHARED)
    found = found.set_index("policy")
    assert found.loc["model", ["count", "n_events", "estimate"]].tolist() == [4, 2, 30.0]
    assert found.loc["model", "value"] == pytest.approx((50 * 0.55 * 2 - 40) / 2)
    assert found.loc["random", "estimate"] == pytest.approx(0.4 * (100 - 100) / 2)
    assert found.loc[["everyone", "all"], "estimate"].tolist() == [0, 0]
    assert found.loc["nobody", ["estimate", "difference"]].tolist() == [0, 30.0]
    curve = profits.curve(rows, p=p, money=terms, group=np.arange(10), **SHARED)
    assert curve.loc[curve["threshold"] == 1.5, ["n", "estimate"]].values.tolist() == [[2, 40.0]]


def test_plateau_holds_the_best_and_not_the_worst(fitted):
    model, rows = fitted
    curve = churn.evaluate(model, rows, cost=10.0, success=0.5, value=100.0).profit
    assert curve.loc[curve["estimate"].idxmax(), "plateau"]
    assert not curve.loc[curve["estimate"].idxmin(), "plateau"]


def test_surveys_that_say_something_and_blocks_that_do_not():
    blocks = {"base": ["plan"], "noise": ["noise"], "days": ["days"]}
    found = churn.survey_value(made(800), made(800, seed=1), blocks=blocks, replicates=200)
    found = found.set_index(["measure", "block"])
    assert found.loc[("auc", "noise"), "p_adjusted"] > 0.05
    assert found.loc[("auc", "days"), "p_adjusted"] < 0.01
    assert np.isnan(found.loc[("auc", "base"), "estimate"])
    gained = found.loc[("auc", "days"), "value"] - found.loc[("auc", "noise"), "value"]
    assert found.loc[("auc", "days"), "estimate"] == pytest.approx(gained)


def test_boosting_only_where_it_is_better():
    rows = made(450)
    assert churn.fit(rows, kind="best").kind == "logistic"
    model = churn.fit(rows, kind="boosting")
    assert model.summary["model"].unique().tolist() == ["boosting"]
    assert ((model.predict(rows) > 0) & (model.predict(rows) < 1)).all()


def test_few_leavers_are_said(fitted):
    model, rows = fitted
    assert model.n_leavers == rows.loc[rows["left"] == 1, "customer_id"].nunique() < 500
    assert not model.enough


def test_what_is_refused(fitted):
    model, rows = fitted
    with pytest.raises(ValueError, match=r"kind='forest'.*; left has values other than 0 and 1"):
        churn.fit(rows.assign(left=2.0), kind="forest")
    with pytest.raises(ValueError, match="0 customers of 1,500 rows left"):
        churn.fit(rows.assign(left=0.0))
    with pytest.raises(KeyError, match="dayz"):
        churn.fit(rows, features=["dayz"])
    with pytest.raises(ValueError, match="some of each"):
        churn.evaluate(model, rows.assign(left=0.0), cost=1, success=0.1, value=1)
    with pytest.raises(ValueError, match=r"cost=0.*; success=2.*; value=-1"):
        churn.evaluate(model, rows, cost=0, success=2, value=-1)
    with pytest.raises(ValueError, match="rule 'low'.*no condition"):
        churn.evaluate(model, rows, cost=1, success=0.1, value=1, rules={"low": "scoore <= 3"})


def test_only_what_can_be_told_apart_leads(fitted):
    model, _ = fitted
    found = churn.importance(model, made(seed=1), replicates=200).set_index("feature")
    assert found["top"].to_dict() == {"days": True, "noise": False, "plan": found.loc["plan", "top"]}
    assert found.loc["noise", "ci_low"] < 0 < found.loc["days", "ci_low"]
    idle = churn.importance(model, made(seed=1), blocks={"all noise": ["noise", "absent"]}, replicates=50)
    assert idle[["feature", "top"]].values.tolist() == [["all noise", False]]


def test_dependence_goes_the_way_of_the_truth(fitted):
    model, rows = fitted
    found = churn.dependence(model, rows, train=rows, features=["days", "plan"], refits=4)
    days = found[found["feature"] == "days"]
    assert days["estimate"].is_monotonic_increasing
    assert ((found["ci_low"] <= found["estimate"]) & (found["estimate"] <= found["ci_high"])).all()
    assert found.loc[found["feature"] == "plan", "level"].tolist() == ["x", "y"]


def test_terms_that_add_up_give_what_predicting_every_level_gives():
    rows = made(600).assign(seen_days=lambda d: (40 * d["noise"].abs()).where(d["noise"] < 0.7))
    model = churn.fit(rows, features=["days", "noise", "plan", "seen_days"])
    plain = replace(model, kind="boosting")  # which predicts every row at every level
    asked = {"train": rows, "features": ["noise", "plan", "seen_days"], "refits": 4}
    short, full = (churn.dependence(each, rows, **asked) for each in (model, plain))
    pd.testing.assert_frame_equal(short, full, rtol=1e-9)


def test_similar_customers_by_hand():
    """Of 60 who waited long 30 left, of 120 others 6: the long wait is told, and to those who waited long only."""
    rows = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(180)], "wait": [1.0] * 60 + [2.0] * 60 + [9.0] * 60}
    )
    rows = rows.assign(snapshot=pd.Timestamp("2026-01-01"), left=0.0)
    rows.loc[120:149, "left"], rows.loc[:5, "left"] = 1.0, 1.0
    parts = churn.conditions(rows, replicates=300)
    assert parts[["part", "n", "n_events", "estimate", "more"]].values.tolist() == [
        *(["low", 60, 6, 0.1, False], ["middle", 60, 0, 0.0, False], ["high", 60, 30, 0.5, True]),
    ]
    assert parts["value"].unique().tolist() == [36 / 180]
    told = churn.alike(rows, conditions=parts)
    assert told["customer_id"].tolist() == sorted(f"c{i}" for i in range(120, 180))
    assert churn.alike(rows, conditions=parts.assign(more=False)).empty


def test_days_since_something_fade_and_never_is_longest_ago():
    rng = np.random.default_rng(3)
    days = rng.integers(0, 400, 4000).astype(float)
    fresh = 1 / (1 + days / 30)
    rows = pd.DataFrame({"customer_id": np.arange(4000), "visit_days": days})
    rows["left"] = (rng.random(4000) < fresh).astype(float)
    rows.loc[days > 300, "visit_days"] = np.nan
    p = churn.fit(rows).predict(pd.DataFrame({"visit_days": [0.0, 30.0, 300.0, np.nan, -1.0]}))
    assert (np.diff(p[:4]) < 0).all()
    assert p[1] == pytest.approx(0.5, abs=0.06)
    assert p[2] - p[3] < 0.1
    assert p[4] == p[0], "a date in the future counts as today"


def test_a_number_known_in_one_fold_only_tells_nothing():
    rows = made(900)
    one = rows["customer_id"] == rows["customer_id"].iloc[0]
    rare = churn.fit(rows.assign(rare=rows["noise"].where(one)), features=["days", "plan", "rare"])
    plain = churn.fit(rows, features=["days", "plan"])
    assert rare.predict(rows.assign(rare=np.nan)) == pytest.approx(plain.predict(rows), abs=0.02)


def test_the_sigmoid_is_the_one_of_scikit_learn():
    rows = made(900)
    model = churn.fit(rows, features=["days", "noise", "plan"])
    cuts = GroupKFold(5).split(rows, groups=replicate_groups(rows["customer_id"]))
    theirs = CalibratedClassifierCV(model.estimator, method="sigmoid", cv=list(cuts), ensemble=False)
    coded = model.coded(rows)
    assert model.predict(rows) == pytest.approx(
        theirs.fit(coded, rows["left"]).predict_proba(coded)[:, 1], abs=1e-6
    )
