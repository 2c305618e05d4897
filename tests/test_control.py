import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.stats.control import cusum, ewma, laney, laney_p, p_chart, xmr

GOLDEN = json.loads((Path(__file__).parent / "golden" / "control.json").read_text(encoding="utf-8"))
LINES = ["value", "center", "lcl", "ucl"]


def months(values, **columns):
    return pd.DataFrame({"period": np.arange(1, len(values) + 1), "value": values} | columns)


def quiet(seed, points=36, rho=0.0):
    shocks = np.random.default_rng(seed).normal(size=points + 50)
    for i in range(1, len(shocks)):
        shocks[i] += rho * shocks[i - 1]
    return months(shocks[50:])


def test_xmr_equals_nist():
    case = GOLDEN["nist_individuals"]
    table = xmr(months(case["x"]))
    found = table.loc[0, ["center", "lcl", "ucl"]].astype(float)
    assert_allclose(found, [case["center"], case["lcl"], case["ucl"]], atol=case["tolerance"])
    assert not table["signal"].any()
    assert table["provisional"].all()


def test_ewma_equals_nist():
    case = GOLDEN["nist_ewma"]
    table = ewma(months(case["x"]), smoothing=0.3, target=50, sigma=2.0539, asymptotic=True)
    assert_allclose(table["value"], case["printed"], atol=case["value_tolerance"])
    assert_allclose(table[["lcl", "ucl"]].iloc[-1], [case["lcl"], case["ucl"]], atol=case["limit_tolerance"])
    assert not table["signal"].any()
    assert not table["provisional"].any()
    exact = ewma(months(case["x"]), smoothing=0.3, target=50, sigma=2.0539)
    assert_allclose(exact["ucl"].iloc[0], 50 + 3 * 0.3 * 2.0539)  # the first average is 0.3 x the first value
    assert exact["ucl"].is_monotonic_increasing


def test_p_chart_equals_qcc_before_and_after_leaving_known_causes_out():
    case = GOLDEN["orange_juice"]
    juice = pd.DataFrame({"period": range(1, 31), "successes": case["successes"], "n": case["n"]})
    trial = p_chart(juice, run=None)
    assert_allclose(trial.loc[0, LINES[1:]].astype(float), case["trial"], atol=case["tolerance"])
    assert trial.query("signal")["period"].tolist() == case["beyond"]
    revised = p_chart(juice, exclude=case["beyond"])
    assert_allclose(revised.loc[0, LINES[1:]].astype(float), case["revised"], atol=case["tolerance"])
    assert revised["n_baseline"].unique().tolist() == [28]
    assert revised.query("not in_baseline")["period"].tolist() == case["beyond"]


def test_cusum_equals_the_printed_table():
    case = GOLDEN["tabular_cusum"]
    table = cusum(
        months(case["x"]), allowance=case["allowance"], decision=case["decision"], target=case["target"], sigma=1
    )
    for side in ("upper", "lower"):
        assert_allclose(table[side], case[side], atol=case["tolerance"])
    assert_allclose(table["value"], np.where(table["upper"] >= table["lower"], table["upper"], -table["lower"]))
    assert table["ucl"].unique().tolist() == [10]
    assert not table["signal"].any()


def test_laney_by_hand():
    # z = +-1 in turn around the center: moving ranges 2, sigma_z = 2 / 1.128
    table = laney_p(pd.DataFrame({"period": range(12), "successes": [45, 55] * 6, "n": 100}), baseline=12)
    assert_allclose(table["sigma_z"], 2 / 1.128)
    assert_allclose(table["ucl"], 0.5 + 3 * 0.05 * 2 / 1.128)
    wide = laney(months([-90.0, 90.0] * 6, sd=80.0, n_eff=100), low=-100, high=100, baseline=12)
    assert_allclose(wide[["lcl", "ucl"]], [[-100, 100]] * 12)


def test_laney_weights_the_center_and_narrows_with_n():
    data = months([10.0, 20.0] * 6, sd=50.0, n_eff=[100.0, 300.0] * 6)
    table = laney(data, baseline=12)
    assert_allclose(table["center"], 17.5)
    half = (table["ucl"] - table["center"]).to_numpy()
    uneven = laney(data.assign(sd=[30.0, 60.0] * 6), baseline=12)  # only z differs: sd cancels out of the limits
    assert_allclose(uneven["ucl"], table["ucl"])
    assert (uneven["sigma_z"] < table["sigma_z"]).all()
    assert_allclose(half[0] / half[1], np.sqrt(3))
    # counts and means of the same zeros and ones give the same chart
    p = np.array([0.3, 0.4, 0.35] * 4)
    counts = pd.DataFrame({"period": range(12), "successes": p * 200, "n": 200})
    pooled = np.sqrt(p.mean() * (1 - p.mean()))
    means = pd.DataFrame({"period": range(12), "value": p, "sd": pooled, "n_eff": 200})
    assert_allclose(laney_p(counts, baseline=12)[LINES], laney(means, baseline=12)[LINES])


def test_eight_on_one_side_signals_from_the_eighth():
    values = [0.0, 1.0] * 6 + [0.6] * 9 + [0.5, 0.6]
    table = xmr(months(values), baseline=12)
    assert table.query("signal")["period"].tolist() == [19, 20, 21]
    assert set(table.query("signal")["rule"]) == {"8 on one side"}
    assert not xmr(months(values), baseline=12, run=None)["signal"].any()
    both = xmr(months([0.0, 1.0] * 6 + [0.6] * 7 + [9.0]), baseline=12)
    assert both["rule"].iloc[-1] == "beyond limits, 8 on one side"


def test_baseline_is_declared_or_provisional():
    data = quiet(0)
    assert not xmr(data, baseline=12)["provisional"].any()
    assert xmr(data, baseline=11)["provisional"].all()
    assert xmr(data)["provisional"].all()
    assert_allclose(xmr(data, baseline=(1, 12))[LINES], xmr(data, baseline=12)[LINES])
    assert xmr(data, baseline=(3, 20)).query("in_baseline")["period"].tolist() == list(range(3, 21))


def test_periods_without_a_value_stay_and_do_not_signal():
    data = quiet(1, 20)
    gap = pd.concat([data, pd.DataFrame({"period": [20.5], "value": [np.nan]})]).sample(frac=1, random_state=0)
    table = xmr(gap, baseline=12)
    assert table["period"].is_monotonic_increasing
    assert len(table) == 21
    assert table.iloc[-1][["signal", "in_baseline"]].tolist() == [False, False]
    assert_allclose(table.iloc[:-1][LINES], xmr(data, baseline=12)[LINES])
    counts = pd.DataFrame({"period": range(13), "successes": [5] * 12 + [0], "n": [10] * 12 + [0]})
    assert p_chart(counts)["n"].tolist() == [10] * 12 + [0]


def test_limits_widen_when_neighbours_are_alike():
    values = np.repeat([1.0, -1.0, 1.2, -0.8, 0.9], 8)[:36]
    table = xmr(months(values), baseline=36)
    b, r1 = 36, table["autocorrelation"].iloc[0]
    rho = min((b * r1 + 1) / (b - 4), 0.9)
    plain = 3 * np.abs(np.diff(values)).mean() / 1.128
    assert set(table["adjustment"]) == {"widened for autocorrelation"}
    assert_allclose(table["ucl"] - table["center"], plain / np.sqrt(1 - rho))
    assert set(xmr(quiet(0), baseline=36)["adjustment"]) == {"none"}
    for chart in (ewma, cusum):
        assert set(chart(months(values), baseline=36)["adjustment"]) == {"widened for autocorrelation"}
    counts = pd.DataFrame({"period": range(36), "successes": 500 + 60 * values, "n": 1000})
    assert (p_chart(counts, baseline=36)["sigma_z"] > 1).all()


def test_runs_of_a_series_with_memory_are_judged_by_its_residuals():
    plain, found = 0, 0
    for seed in range(5):
        table = xmr(quiet(seed, 100, rho=0.8), baseline=100)
        side = np.sign(table["value"] - table["center"])
        plain += (side.groupby((side != side.shift()).cumsum()).cumcount() >= 7).sum()
        found += table["rule"].str.contains("one side").sum()
    assert plain > 50
    assert found < plain / 4


def test_errors_come_all_at_once():
    bad = pd.DataFrame({"period": [1, 1, None, 4], "value": [1.0, 2, 3, 4]})
    with pytest.raises(ValueError, match="missing in 1 rows.*more than once") as error:
        xmr(bad, exclude=[9])
    assert "exclude names 9" in str(error.value)
    counts = pd.DataFrame({"period": ["a", "b"], "successes": [5, 30], "n": [10, 20]})
    with pytest.raises(ValueError, match="'successes' is 30 of 20 in 'b'"):
        p_chart(counts)
    with pytest.raises(ValueError, match="2 points with a value; at least 3 in a row"):
        xmr(quiet(0, 2))
    with pytest.raises(ValueError, match="baseline=40; there are 36 points"):
        xmr(quiet(0), baseline=40)
    with pytest.raises(ValueError, match="give a number of first points"):
        xmr(quiet(0), baseline="2026")
    with pytest.raises(KeyError, match="nearest: 'value'"):
        xmr(quiet(0), value="valu")
    with pytest.raises(ValueError, match="smoothing=0"):
        ewma(quiet(0), smoothing=0)
    with pytest.raises(ValueError, match="decision=0"):
        cusum(quiet(0), decision=0)
    with pytest.raises(ValueError, match="run=1"):
        xmr(quiet(0), run=1)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 100), st.floats(-50, 50))
def test_signals_do_not_depend_on_unit_level_or_row_order(seed, factor, shift):
    data = quiet(seed, 24)
    changed = data.assign(value=data["value"] * factor + shift).sample(frac=1, random_state=seed)
    for chart in (xmr, ewma, cusum):
        one, other = chart(data, baseline=16), chart(changed, baseline=16)
        pd.testing.assert_series_equal(one["rule"], other["rule"])
        if chart is not cusum:
            assert_allclose(other[LINES], one[LINES] * factor + shift, atol=1e-9 * (factor + abs(shift)))


def test_expected_false_signals_of_a_long_baseline_is_the_textbook_rate():
    # known limits: 36 x 0.0027 beyond, and 29 points can end a run of eight, each in 1 of 128
    table = xmr(quiet(0, 1036), baseline=1000, run=None)
    assert_allclose(table["expected_false_signals"].iloc[0], 1036 * 0.0027, rtol=0.1)
    runs = xmr(quiet(0, 1036), baseline=1000)["expected_false_signals"].iloc[0]
    assert_allclose(runs, 1036 * 0.0027 + 1029 / 128, rtol=0.05)


CHARTS = {
    "xmr": lambda data: xmr(data, baseline=18),
    "ewma": lambda data: ewma(data, baseline=18),
    "cusum": lambda data: cusum(data, baseline=18),
    "laney": lambda data: laney(data.assign(sd=1.0, n_eff=100), baseline=18),
}


@pytest.mark.long
@pytest.mark.parametrize("name", CHARTS)
def test_false_signals_over_quiet_companies_are_as_stated(name):
    tables = [CHARTS[name](quiet(seed)) for seed in range(200)]
    found, stated = np.mean([t["signal"].sum() for t in tables]), tables[0]["expected_false_signals"].iloc[0]
    any_found, any_stated = np.mean([t["signal"].any() for t in tables]), tables[0]["chance_of_false_signal"][0]
    # 200 series: binomial standard error at most 3.5 points; counts vary about twice as much as their mean
    assert abs(any_found - any_stated) < 0.1
    assert abs(found - stated) < 4 * 2 * max(stated, 0.2) / np.sqrt(200)


@pytest.mark.long
def test_autocorrelated_quiet_series_flag_far_fewer_points_once_widened():
    def rates(rho, points=60):
        tables = [xmr(quiet(seed, points, rho), baseline=48) for seed in range(60)]
        plain = []
        for table in tables:
            x = table["value"].to_numpy()
            half = 3 * np.abs(np.diff(x[:48])).mean() / 1.128
            plain.append((np.abs(x - x[:48].mean()) > half).sum())
        return np.mean([t["rule"].str.contains("beyond").sum() for t in tables]), np.mean(plain)

    widened, plain = rates(0.6)
    assert plain > 3
    assert widened < plain / 3
