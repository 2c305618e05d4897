"""The churn page: groups and value at stake, sentences that follow the verdict, figures that show it."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from csatlib import churn
from csatlib.churn import model_sentences, risk_plots, risk_sentences

SEEN = pd.DataFrame({"measure": ["observed_to_expected"], "estimate": 1.0, "ci_low": 1.0, "ci_high": 1.0})
POLICY = {"policy": ["model", "low_score", "nobody"], "n": 900, "estimate": [1000.0, 100.0, 0.0]}
LIMITS = {"ci_low": [200.0, -150.0, 0.0], "ci_high": [1800.0, 400.0, 0.0], "difference": [0.0, 900.0, 1000.0]}


def policies(p_score, p_nobody):
    return pd.DataFrame(POLICY | LIMITS | {"p_adjusted": [np.nan, p_score, p_nobody], "value": 900.0})


def test_at_risk_by_hand():
    """100 customers at 0.2: 20 leave, give or take 1.96 x 4; of value 10 each 200; groups add up."""
    rows = pd.DataFrame({"plan": ["x"] * 40 + ["y"] * 60, "value": 10.0})
    found = churn.at_risk(rows, p=np.full(100, 0.2), measures=SEEN, by="plan").set_index(["group", "measure"])
    whole = found.loc[("all", "leavers")]
    assert whole[["estimate", "ci_low", "ci_high"]].tolist() == pytest.approx(
        [20, 20 - 1.96 * 4, 20 + 1.96 * 4], abs=1e-3
    )
    for measure, total in (("leavers", 20), ("value", 200)):
        assert found.loc[[("x", measure), ("y", measure)], "estimate"].sum() == pytest.approx(total)
    assert found.loc[("x", "leavers"), "n"] == 40


def test_a_model_less_well_judged_gives_a_wider_range():
    rows = pd.DataFrame({"value": [10.0] * 100})
    wide = SEEN.assign(ci_low=0.7, ci_high=1.3)
    ends = [churn.at_risk(rows, p=np.full(100, 0.2), measures=m)["ci_high"].iloc[0] for m in (SEEN, wide)]
    assert ends[1] > ends[0]


def test_the_range_holds_what_happens():
    """Departures of 300 customers drawn from their probabilities lie in the range about 95 times in 100."""
    rng = np.random.default_rng(0)
    p = rng.beta(1, 20, 300)
    row = churn.at_risk(pd.DataFrame({"value": np.ones(300)}), p=p, measures=SEEN).iloc[0]
    drawn = (rng.random((2000, 300)) < p).sum(axis=1)
    assert 0.92 < ((drawn >= row["ci_low"]) & (drawn <= row["ci_high"])).mean() < 0.98


def test_action_and_comparison_follow_the_same_verdict():
    sure, unsure = policies(0.2, 0.01), policies(0.2, 0.08)
    assert risk_sentences.action(310, sure).startswith("Call the 310 customers")
    assert "cannot be told: try it" in risk_sentences.action(310, unsure)
    said = risk_sentences.compared(sure, currency="EUR")
    assert "earns more, beyond random variation, than: nobody (by EUR 1,000)." in said
    assert said.endswith(
        "Whether it earns more cannot be told, all compared at once, from: last score of 3 or less."
    )
    assert "beyond" not in risk_sentences.compared(unsure, currency="EUR")


def test_surveys_are_praised_only_beyond_chance():
    row = {"measure": "auc", "estimate": 0.03, "ci_low": -0.01, "ci_high": 0.07, "minimum_detectable": 0.06}
    rows = pd.DataFrame([row | {"block": "scores", "p_adjusted": 0.2}])
    assert "cannot be told: 6.0 more pairs" in model_sentences.surveys(rows)
    worse = rows.assign(estimate=-0.05, ci_low=-0.08, ci_high=-0.02, p_adjusted=0.01)
    assert "5.0 fewer pairs of 100 are sorted right (95 % interval 2.0 to 8.0)" in model_sentences.surveys(worse)
    assert (
        model_sentences.surveys(rows.assign(estimate=np.nan)) == "There are no survey answers among the features."
    )


def test_the_caller_reads_what_similar_customers_did_never_why():
    part = {"feature": "complaints_90", "part": "high", "low": 0.0, "high": np.inf, "n": 900, "more": True}
    part |= {"estimate": 0.11, "ci_low": 0.08, "ci_high": 0.14, "value": 0.04}
    rows = pd.DataFrame({"customer_id": ["b", "a"], "snapshot": 1, "complaints_90": [0.0, 1.0]})
    calm, cross = risk_sentences.words(rows, pd.DataFrame([part]))
    assert calm.startswith("Customers like this one did not leave more often")
    assert cross.startswith("Similar customers left more often: Complaints in 90 days: more than 0 (11 of 100")


def test_a_leak_is_the_first_thing_said():
    rows = pd.DataFrame({"feature": ["customer_id", "last_nps"], "n": 900, "verdict": ["clean", "leak"]})
    assert model_sentences.clean(rows).startswith("Do not use this page")


def test_nothing_leads_where_nothing_can_be_told():
    rows = {"feature": ["scores", "spend"], "n": 900, "estimate": [0.05, 0.0], "ci_low": -0.01, "ci_high": 0.09}
    ax = risk_plots.plot_importance(pd.DataFrame(rows | {"top": False}))
    assert ax.get_label() == "What the model's order rests on most cannot be told."
    plt.close("all")


def test_policies_leave_out_what_would_dwarf_the_rest():
    rows = pd.concat(
        [policies(0.2, 0.01), policies(0.2, 0.01).tail(1).assign(policy="everyone", estimate=-5000.0)]
    )
    ax = risk_plots.plot_policies(rows, currency="EUR")
    assert [text.get_text() for text in ax.get_yticklabels()] == ["the model", "last score of 3 or less"]
    plt.close("all")
