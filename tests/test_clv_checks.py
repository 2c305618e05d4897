import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from test_clv import cdnow_sample

from csatlib.clv import (
    BetaGeoNBD,
    GammaGamma,
    ModifiedBetaGeoNBD,
    ParetoNBD,
    ShiftedBetaGeometric,
    assumptions,
    calibration,
    compare,
    repeat_purchases,
    rfm,
    sentences,
    tracking,
)
from csatlib.clv.plots import plot_calibration, plot_retention, plot_tracking

DATES = {"observed_until": "1998-06-30", "calibration_until": "1997-09-30"}


@pytest.fixture(scope="module")
def shop():
    data = cdnow_sample()
    table = rfm(data, unit="W", **DATES)
    return table, repeat_purchases(data, table, **DATES), BetaGeoNBD().fit(table)


def test_tracking_counts_what_was_bought_and_follows_the_published_curve(shop):
    table, purchases, model = shop
    followed = tracking(model, table, purchases, unit="W", **DATES)
    assert followed["day"].iloc[-1] == pd.Timestamp("1998-06-30")
    assert (followed["part"] == "holdout").sum() == 39
    ends = followed.groupby("part")["value"].last()
    assert ends.to_dict() == {"calibration": 2457, "holdout": 2457 + 1882}
    one_by_one = model.expected_repeats(((followed["day"].iloc[9] - table["first"]).dt.days / 7).clip(lower=0))
    assert_allclose(followed["estimate"].iloc[9], one_by_one.sum())
    late = followed.query("period > 20")
    assert_allclose(late["estimate"], late["value"], rtol=0.08)  # Fader, Hardie and Lee (2005), figure 3
    assert "1,882 repeat purchases of 2,357 customers; 1,667 were expected, 11 % fewer" in sentences.tracked(
        followed
    )
    plt.close(plot_tracking(followed).figure)


def test_calibration_by_frequency_adds_up(shop):
    table, _, model = shop
    bins = calibration(model, table)
    assert bins["group"].tolist() == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert bins["n"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]  # Fader, Hardie and Lee (2005), table 3
    assert_allclose((bins["n"] * bins["value"]).sum(), 1882)
    assert_allclose((bins["n"] * bins["value_reference"]).sum(), model.predict_purchases(table, 39).sum())
    assert (bins["ci_low"] < bins["estimate"]).all()
    axes = plot_calibration(bins)
    assert "Customers with 1 repeat purchases bought more than expected" in axes.get_label()
    plt.close(axes.figure)


def test_models_side_by_side(shop):
    table, _, model = shop
    models = {"BG/NBD": model, "Pareto/NBD": ParetoNBD().fit(table), "MBG/NBD": ModifiedBetaGeoNBD().fit(table)}
    beside = compare(models, table).set_index("model")
    assert (beside["value"] == 1882).all()
    assert beside["aic_difference"].min() == 0
    assert beside.loc["Pareto/NBD", "aic_difference"] > 20
    assert_allclose(beside.loc["BG/NBD", "error_percent"], -12.15, atol=0.01)


def test_failed_assumptions_are_told(shop):
    table, _, model = shop
    found = assumptions(model, table, spend=GammaGamma().fit(table)).set_index("check")
    assert found["holds"].to_dict() == {
        "converged": True,
        "without_prior": True,
        "one_purchase": True,
        "holdout_total": False,
        "spend_converged": True,
        "spend_without_prior": True,
        "spend_independent": True,
    }
    assert sentences.warned(found.reset_index()).startswith("In the months kept aside the forecast was 12 % off")
    few = table.assign(frequency=0, recency=0.0)
    told = assumptions(model, few.drop(columns=["holdout_frequency"])).query("~holds")
    assert told["check"].tolist() == ["one_purchase"]
    assert sentences.warned(told).startswith("100 % of customers bought once")
    with pytest.raises(KeyError, match="holdout_frequency"):
        calibration(model, table.drop(columns=["holdout_frequency"]))


def test_a_model_that_is_true_is_not_accused():
    rng = np.random.default_rng(3)
    model = BetaGeoNBD.from_parameters({"r": 0.8, "alpha": 20.0, "a": 0.8, "b": 2.5})
    once = pd.DataFrame({"frequency": [0] * 1500, "recency": 0.0, "age": 100.0, "holdout": 50.0})
    same = pd.DataFrame([model.params_.to_numpy()], columns=model.parameters)
    drawn = model.simulate(once, 50, parameters=same, seed=int(rng.integers(9)))[0]
    bins = calibration(model, once.assign(holdout_frequency=drawn))
    assert bins["p_value"].min() > 0.01


def test_sentences_for_every_outcome():
    row = {"period": [1, 2], "part": ["calibration", "holdout"], "n": 90, "value": [10, 10], "estimate": [11, 18]}
    assert sentences.tracked(pd.DataFrame(row)) == (
        "Kept aside was no repeat purchase of 90 customers; 7 were expected."
    )
    assert sentences.tracked(pd.DataFrame(row | {"value": [10, 15]})).endswith("7 were expected, 40 % more.")
    assert sentences.tracked(pd.DataFrame(row | {"part": "calibration"})).startswith("No months were kept aside")
    assert sentences.tracked(pd.DataFrame(row | {"n": 4})) == "Too few customers to follow the forecast."
    bins = {"group": ["0", "1"], "n": 90, "value": 0.2, "value_reference": 0.3, "estimate": -0.1}
    assert "no group lay off" in sentences.calibrated(pd.DataFrame(bins | {"p_adjusted": 0.5}))
    assert "bought less" in sentences.calibrated(pd.DataFrame(bins | {"p_adjusted": 0.01}))
    checks = list(sentences.FAILED)
    failed = pd.DataFrame({"check": checks, "n": 90, "estimate": 0.8, "limit": 0.5})
    assert sentences.warned(failed.assign(holds=True)) == "Everything checked about the forecast holds."
    assert sentences.warned(failed.assign(holds=False)).count(".") >= len(checks)


def test_retention_with_the_points_counted():
    survivors = pd.DataFrame({"period": range(5), "survivors": [1000, 869, 743, 653, 593]})
    result = ShiftedBetaGeometric().fit(survivors).survival(8)
    axes = plot_retention(result, observed=survivors.assign(value=survivors["survivors"] / 1000))
    assert axes.get_label().startswith("After 8 renewals ")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Expected by the model", "Counted"]
    plt.close(axes.figure)
