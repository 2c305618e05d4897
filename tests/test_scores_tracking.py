import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from csatlib.scores import control_chart, csat, nps, outlook, tracking_plots, tracking_sentences, units
from csatlib.scores.outlook import _level
from csatlib.stats import control
from csatlib.tables.simulate import simulate

GOLDEN = json.loads((Path(__file__).parent / "golden" / "tracking.json").read_text(encoding="utf-8"))
SD = 75.0  # of one answer, in points, as in the sample company


def months(k, start="2025-01"):
    return [str(period) for period in pd.period_range(start, periods=k, freq="M")]


def series(values, n=340, measure="nps", unit="points", sd=SD):
    table = pd.DataFrame({"period": months(len(values)), "estimate": np.asarray(values, dtype=float)})
    return table.assign(measure=measure, unit=unit, n=n, n_eff=n, sd=sd)


def quiet(k=18, n=340, seed=0, level=18.0):
    rng = np.random.default_rng(seed)
    return series(level + SD / np.sqrt(n) * rng.normal(size=k), n=n)


def test_nps_chart_by_hand():
    """Points 40, 44, ...: center 42; z = -+2 / (70 / 20), so moving ranges of 8/7, sigma_z = 8/7/1.128."""
    chart = control_chart(series([40, 44] * 6 + [20], n=400, sd=70.0))
    half = 3 * 4 / 1.128
    assert_allclose(chart["center"], 42)
    assert_allclose(chart["lcl"], 42 - half)
    assert_allclose(chart["sigma_z"], 8 / 7 / 1.128)
    assert chart["signal"].tolist() == [False] * 12 + [True]
    assert set(chart["kind"]) == {"laney"}


def test_shares_in_percent_and_from_0_to_1_give_the_same_chart():
    share = series([0.5, 0.54] * 8, n=1000, measure="top_box", unit="share")
    one, hundred = control_chart(share), control_chart(share.assign(estimate=share["estimate"] * 100, unit="%"))
    bare = share.assign(successes=share["estimate"] * share["n"])
    expected = control.laney_p(bare, baseline=12)
    for name in ("center", "lcl", "ucl"):
        assert_allclose(one[name], expected[name])
        assert_allclose(hundred[name], 100 * one[name])
    assert one["signal"].tolist() == hundred["signal"].tolist()


def test_eight_on_one_side_signal():
    rules = control_chart(series([17, 19] * 6 + [18.5] * 8))["rule"].tolist()
    assert rules == [""] * 18 + ["8 on one side"] * 2  # the 19 before is on that side already
    assert not control_chart(series([17, 19] * 6 + [18.5] * 8), run=None)["signal"].any()


def test_a_changed_questionnaire_starts_a_phase():
    """A level 30 points higher is no signal where the question changed, and is one where it did not."""
    table = pd.concat([quiet(14), quiet(14, seed=1, level=48.0)])
    table = table.assign(period=months(28))
    breaks = [months(28)[14]]
    broken, whole = control_chart(table, breaks=breaks), control_chart(table)
    assert broken["phase"].tolist() == [1] * 14 + [2] * 14
    assert broken.groupby("phase")["center"].nunique().tolist() == [1, 1]
    assert not broken["signal"].any()
    assert whole["signal"].iloc[14:].all()
    alone = control_chart(table.iloc[14:])
    assert_allclose(broken["ucl"].iloc[14:], alone["ucl"])
    one = control_chart(table.iloc[:14])
    both = one["expected_false_signals"].iloc[0] + alone["expected_false_signals"].iloc[0]
    assert_allclose(broken["expected_false_signals"], both)


def test_a_short_baseline_is_provisional_and_two_points_have_no_lines():
    chart = control_chart(quiet(16), breaks=[months(16)[12], months(16)[14]])
    assert chart["provisional"].tolist() == [False] * 12 + [True] * 4
    assert chart["center"].isna().tolist() == [False] * 12 + [True] * 4
    assert control_chart(quiet(11))["provisional"].all()
    assert control_chart(quiet(18), baseline=(months(18)[2], months(18)[13]))["n_baseline"].eq(12).all()


def test_varying_n_gives_each_point_its_limits():
    table = quiet(18).assign(n_eff=[400, 100] * 9)
    chart = control_chart(table)
    width = chart["ucl"] - chart["center"]
    assert_allclose(width[1::2], 2 * width[0])


def test_a_season_shared_with_the_rest_drops_out():
    season = 25 * np.sin(np.arange(18) / 12 * 2 * np.pi)
    one, rest = quiet(18), quiet(18, n=1000, seed=2)
    one, rest = one.assign(estimate=one["estimate"] + season), rest.assign(estimate=rest["estimate"] + season)
    chart = control_chart(one, reference=rest)
    assert not chart["signal"].any()
    assert_allclose(chart["estimate"], one["estimate"] - rest["estimate"])
    assert_allclose(chart["se"], SD * np.sqrt(1 / 340 + 1 / 1000))
    assert (chart["n_reference"] == 1000).all()
    ax = tracking_plots.plot_control(chart, label="NPS")
    assert ax.get_ylabel() == "NPS, difference from the rest"
    plt.close("all")


def test_each_score_gets_its_own_chart():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"overall": rng.integers(1, 6, 4000), "nps": rng.integers(0, 11, 4000)})
    data["period"] = rng.choice(months(14), 4000)
    chart = control_chart(csat(data, by="period"))
    assert chart.groupby("measure")["kind"].first().to_dict() == {"mean": "laney", "top_box": "laney_p"}
    assert chart["period"].tolist() == months(14) * 2
    assert control_chart(nps(data, by="period"))["ucl"].between(-100, 100).all()
    assert control_chart(series([90.0, 95.0] * 7, n=30))["ucl"].max() == 100


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(14)), st.floats(0.5, 20))
def test_order_of_rows_and_unit_do_not_matter(order, factor):
    table = quiet(14)
    scaled = table.assign(measure="mean", estimate=table["estimate"] * factor, sd=table["sd"] * factor)
    one, other = control_chart(table), control_chart(scaled.iloc[list(order)])
    assert_allclose(other["ucl"], one["ucl"] * factor)
    assert other["signal"].tolist() == one["signal"].tolist()


def test_mistakes_are_told_at_once():
    with pytest.raises(ValueError, match=r"kind='np'; allowed are .*breaks names '2031-01', which is no period"):
        control_chart(quiet(14), kind="np", breaks=["2031-01"])
    with pytest.raises(KeyError, match="estimate"):
        control_chart(quiet(14).drop(columns="estimate"))
    with pytest.raises(ValueError, match="reference holds several rows for one measure, period"):
        control_chart(quiet(14), reference=pd.concat([quiet(14), quiet(14)]))


def test_outlook_of_a_steady_score_is_its_mean():
    """With no step the level is the mean, the interval t x sqrt(error / points + error)."""
    table = series([16.0, 20.0] * 9, n=340)
    row = outlook(table, ahead=1).iloc[0]
    error = SD**2 / 340
    assert row["status"] == "told"
    assert row["period"] == "2026-07"
    assert_allclose(row["estimate"], 18, atol=0.01)
    half = stats.t.ppf(0.975, 17) * np.sqrt(error / 18 + error)
    assert_allclose([row["ci_low"], row["ci_high"]], [18 - half, 18 + half], rtol=0.01)
    assert_allclose([row["origins"], row["error_no_change"]], [10, 4.0])


def test_the_level_of_the_nile_equals_the_book():
    case = GOLDEN["nile"]
    volume = np.array(case["volume"], dtype=float)
    assert_allclose(_level(volume, np.full(100, case["error"]))[2], case["step"], atol=case["tolerance"])


def test_outlook_is_silent_where_the_last_value_is_as_good():
    rising = outlook(series(np.arange(18) * 8.0))
    assert rising["status"].eq("no better than no change").all()
    assert rising[["estimate", "ci_low", "ci_high"]].isna().all(axis=None)
    assert (rising["error"] >= rising["error_no_change"]).all()
    assert outlook(quiet(12))["status"].eq("too few periods").all()
    after = outlook(quiet(18), breaks=[months(18)[9]])
    assert (after["points"].iloc[0], after["status"].iloc[0]) == (9, "too few periods")


def test_outlook_stays_on_the_scale_and_tells_mistakes():
    share = series([0.97, 0.99] * 9, measure="top_box", unit="share", n=60, sd=0.14)
    assert outlook(share)["ci_high"].max() == 1
    with pytest.raises(ValueError, match="ahead=4; allowed is 1, 2 or 3"):
        outlook(quiet(18), ahead=4)
    with pytest.raises(ValueError, match="'2025-01' more than once"):
        outlook(pd.concat([quiet(18), quiet(18)]))


def shops(levels, n=200, seed=0):
    """Answers of shops whose share of promoters is given; the others are detractors."""
    rng = np.random.default_rng(seed)
    rows = [
        pd.DataFrame({"shop": f"S{i:02}", "nps": np.where(rng.random(n) < p, 10, 3)}) for i, p in enumerate(levels)
    ]
    return pd.concat(rows, ignore_index=True)


def test_funnel_by_hand():
    """Four shops of 100: center 50, s within = sqrt(mean of 1 - net^2), limits 50 +- 1.96 s / 10."""
    rows = [("A", 80), ("B", 75), ("C", 75), ("D", 70)]
    data = pd.DataFrame({"unit": np.repeat([u for u, _ in rows], 100)})
    data["nps"] = np.concatenate([np.repeat([10, 3], [up, 100 - up]) for _, up in rows])
    found = units(data)
    s = 100 * np.sqrt(np.mean([1 - (2 * up / 100 - 1) ** 2 for _, up in rows]))
    assert_allclose(found["center"], 50)
    assert_allclose(found["inner_low"], 50 - stats.norm.ppf(0.975) * s / 10)
    assert_allclose(found["outer_high"], 50 + stats.norm.ppf(0.999) * s / 10)
    assert_allclose(found["dispersion"], np.mean((np.array([60, 50, 50, 40]) - 50) ** 2) / s**2 * 100)
    assert found["group"].tolist() == list("ABCD")
    assert_allclose(found["p_alike"], stats.chi2.sf(4 * found["dispersion"].iloc[0], 3))
    assert_allclose(found[["expected_inner", "expected_outer"]].iloc[0], [0.2, 0.008])


def test_a_shop_far_below_stands_out_and_small_ones_are_not_judged():
    data = pd.concat([shops([0.7] * 19 + [0.35]), shops([0.0], n=12).assign(shop="tiny")])
    found = units(data, unit="shop").set_index("group")
    assert found.loc["S19", "status"] == "below"
    assert found.loc["tiny", "status"] == "too few answers"
    assert found["n_units"].iloc[0] == 20
    assert (found["status"] == "below").sum() == 1
    assert np.isnan(found.loc["tiny", "p_adjusted"])


def test_shares_of_the_funnel_stay_within_0_and_100():
    data = shops([0.99] * 12, n=40).assign(good=lambda d: (d["nps"] == 10) * 1.0)
    found = units(data, score="top_box", outcome="good", low=0, high=1, unit="shop")
    lines = found[["inner_low", "inner_high", "outer_low", "outer_high", "center", "estimate"]]
    assert ((lines >= 0) & (lines <= 100)).all(axis=None)
    assert (found["outer_low"] < found["inner_low"]).all()
    assert_allclose(found["outer_high"], 100)


def test_units_tells_mistakes():
    with pytest.raises(ValueError, match="score='NPS'; allowed are 'nps', 'top_box', 'mean'"):
        units(shops([0.5] * 4), unit="shop", score="NPS")


def test_two_units_have_no_range():
    found = units(shops([0.5] * 2), unit="shop")
    assert set(found["status"]) == {"too few units"}
    assert found[["center", "outer_low", "p_alike"]].isna().all(axis=None)
    assert found["estimate"].notna().all()
    text = "By shop, fewer than three have enough answers to tell what is usual."
    assert tracking_sentences.placed(found, name="shop") == text


def labelled(chart):
    return chart.assign(label="NPS", decimals=0)


def test_sentences_name_the_signal_its_rule_and_what_chance_would_flag():
    low = labelled(control_chart(series([17, 19] * 6 + [2.0, 18.0], n=2000)))
    said = tracking_sentences.charted(low)
    assert said.startswith("NPS: 2026-01 below the limits, beyond random variation.")
    trust = tracking_sentences.trusted(low)
    assert f"would flag {low['expected_false_signals'].iloc[0]:.2f} periods on average" in trust
    assert "fewer than 24 months, a season cannot be told" in trust
    assert "provisional" not in trust
    run = tracking_sentences.charted(labelled(control_chart(series([17, 19] * 6 + [19] * 9))))
    assert "NPS: up to 2026-09, 8 or more periods in a row above the usual level." in run
    calm = labelled(control_chart(quiet(11)))
    assert "from 2025-01 to 2025-11 nothing beyond random variation" in tracking_sentences.charted(calm)
    assert "The limits are provisional: fewer than 12 periods" in tracking_sentences.trusted(calm)


def test_small_bases_neither_signal_nor_show():
    table = series([17, 19] * 6 + [-60.0, 18.0], n=2000)
    few = table.assign(n=table["n"].where(table["period"] != "2026-01", 9))
    thin = table.assign(n_eff=[2000.0] * 12 + [29.0, 2000.0], sd=5.0)
    for data in (few, thin):
        chart = labelled(control_chart(data))
        assert chart["signal"].iloc[12]
        assert "2026-01 below" not in tracking_sentences.charted(chart)
    ax = tracking_plots.plot_control(labelled(control_chart(few)))
    assert "Signal" not in [text.get_text() for text in ax.get_legend().get_texts()]
    assert [row for row in ax.csat_table["rows"] if row.startswith("2026-01,,")]
    plt.close("all")


def test_outlook_is_said_with_its_test_or_not_at_all():
    told = tracking_sentences.ahead(outlook(series([16.0, 20.0] * 9)).assign(decimals=0), label="NPS")
    assert told.startswith("NPS: 18 is expected for 2026-07, with 9 to 27 in 19 of 20 such forecasts")
    assert "In 10 tests on the past it missed by" in told
    silent = tracking_sentences.ahead(outlook(series(np.arange(18) * 8.0)), label="NPS")
    assert silent.startswith("NPS: no forecast is given, as none does better than the last value, 136.")
    assert "too few periods" in tracking_sentences.ahead(outlook(quiet(12)), label="NPS")


def test_funnel_is_said_without_ranks():
    found = units(pd.concat([shops([0.7] * 19 + [0.35]), shops([0.0], n=12).assign(shop="tiny")]), unit="shop")
    said = tracking_sentences.placed(found, name="shop")
    assert said == "Below the range usual for their number of answers (shop): S19."
    chance = tracking_sentences.by_chance(found)
    assert "By chance alone, 0.04 of 20 would lie outside that range and 1.0 near its edge." in chance
    assert "Not judged, with too few answers: 1." in chance
    apart = tracking_sentences.by_chance(units(shops([0.62, 0.62, 0.76, 0.76], n=300), unit="shop"))
    assert "Taken together, they differ beyond random variation." in apart
    alike = tracking_sentences.placed(units(shops([0.7] * 4), unit="shop"), name="shop")
    assert alike.startswith("By shop, all 4 lie in the range")


def test_control_plot_shows_phases_target_events_and_outlook():
    table = quiet(28).assign(label="NPS")
    chart = control_chart(table, breaks=[months(28)[14]])
    rates = dict.fromkeys(months(28), 40.0)
    ax = tracking_plots.plot_control(
        chart, target=25.0, events={"2026-06": "New app"}, response_rate=rates, outlook=outlook(quiet(28))
    )
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert {"Limits", "Usual level", "Target", "Questionnaire changed", "New app", "Outlook, 95 % range"} <= set(
        names
    )
    assert len(ax.child_axes) == 2
    assert len(ax.child_axes[0].patches) == 18
    assert ax.get_label() == tracking_sentences.charted(chart.tail(18))
    assert len(ax.csat_table["rows"]) == 18
    with pytest.raises(ValueError, match="result holds several charts"):
        tracking_plots.plot_control(pd.concat([chart, chart]))
    plt.close("all")


def test_funnel_plot_names_only_those_outside():
    """Units near the edge are not named: some lie there by chance."""
    found = units(shops([0.7] * 12 + [0.8] * 7 + [0.35]), unit="shop")
    ax = tracking_plots.plot_units(found, label="NPS", name="shop")
    assert [text.get_text() for text in ax.texts] == ["S19"]
    assert "Outside, below" in [text.get_text() for text in ax.get_legend().get_texts()]
    plt.close("all")


def answers_of(rng, promoters, detractors, n):
    """Monthly series of multinomial answers."""
    rest = 1 - promoters - detractors
    up, _, down = np.array([rng.multinomial(k, [promoters, rest, detractors]) for k in n]).T
    net, n = (up - down) / n, np.asarray(n)
    return series(100 * net, n=n, sd=100 * np.sqrt((up + down) / n - net**2))


def share_of(rng, p, n):
    hits = rng.binomial(n, p) / n
    return series(hits, n=n, measure="top_box", unit="share", sd=np.sqrt(hits * (1 - hits)))


@pytest.mark.long
@pytest.mark.parametrize("size", [340, 80])
@pytest.mark.parametrize("score", ["nps", "top_box"])
def test_quiet_companies_signal_as_often_as_stated(score, size):
    """200 companies in which nothing happens, 18 months, sizes of the sample company or of its regions."""
    rng = np.random.default_rng(5)
    charts = []
    for _ in range(200):
        n = rng.poisson(size, 18)
        table = answers_of(rng, 0.39, 0.21, n) if score == "nps" else share_of(rng, 0.5, n)
        charts.append(control_chart(table))
    flagged = np.array([chart["signal"].sum() for chart in charts])
    stated = np.mean([chart["expected_false_signals"].iloc[0] for chart in charts])
    chance = np.mean([chart["chance_of_false_signal"].iloc[0] for chart in charts])
    assert abs(flagged.mean() - stated) < 3 * flagged.std() / np.sqrt(200)
    assert abs((flagged > 0).mean() - chance) < 3 * np.sqrt(chance * (1 - chance) / 200)


@pytest.mark.long
def test_the_backlog_is_found_within_two_months_as_often_as_stated():
    """200 companies with the fall planted in the North in June 2026 (truth with less truth without stories).

    Of 200 such regions with 78 relationship answers a month, the item on kept appointments shows it in nearly
    all, the mean of overall satisfaction in some, the NPS in few: the noisier the measure, the later it tells.
    """
    rng, told, plain = np.random.default_rng(6), simulate(), simulate(stories=False)
    answers = told.tables["responses"].query("survey == 'relationship' and region == 'North'")
    size = len(answers) / 18

    def path(company, frame, column, item=None):
        rows = getattr(company.truth, frame).query("region == 'North'")
        rows = rows[rows["item"] == item] if item else rows
        return rows.set_index("month")[column]

    found = {}
    for name, frame, column, item, sd in (
        ("item", "items", "perception", "q08", pd.to_numeric(answers["p08"]).replace(9, np.nan).std()),
        ("overall", "outcomes", "overall", None, pd.to_numeric(answers["overall"]).std()),
        ("nps", "outcomes", "nps", None, SD),
    ):
        fall = path(told, frame, column, item) - path(plain, frame, column, item)
        start = list(fall.index).index("2026-06")
        hits = 0
        for _ in range(200):
            n = rng.poisson(size, 18)
            value = fall.to_numpy() + sd / np.sqrt(n) * rng.normal(size=18)
            hits += (
                control_chart(series(value, n=n, sd=sd, measure="mean"))["signal"].iloc[start : start + 2].any()
            )
        found[name] = hits / 200
    assert found["item"] > 0.95
    assert 0.2 < found["overall"] < 0.7
    assert found["nps"] < 0.5


@pytest.mark.long
@pytest.mark.parametrize(("step", "at_least"), [(0.0, 0.93), (3.0, 0.90)])
def test_outlook_covers(step, at_least):
    """Prediction intervals hold the next three values; the sampling error is 4 points."""
    rng, inside = np.random.default_rng(7), []
    for _ in range(150):
        n = rng.poisson(340, 24)
        value = 18 + np.cumsum(step * rng.normal(size=24)) + SD / np.sqrt(n) * rng.normal(size=24)
        found = outlook(series(value[:21], n=n[:21]))
        told = (found["status"] == "told").to_numpy()
        inside.extend(((found["ci_low"] <= value[21:]) & (value[21:] <= found["ci_high"]))[told])
    assert np.mean(inside) > at_least


@pytest.mark.long
@pytest.mark.parametrize("between", [0.0, 8.0])
def test_as_many_shops_lie_outside_by_chance_as_stated(between):
    """40 shops, alike or with a usual difference between them, 200 times."""
    rng, inner, outer = np.random.default_rng(8), [], []
    for _ in range(200):
        level, n = 0.18 + between / 100 * rng.normal(size=40), rng.integers(30, 400, 40)
        up = np.clip(0.3 + level / 2, 0, 0.7)
        rows = [rng.choice([10, 8, 3], k, p=[p, 0.3, 0.7 - p]) for p, k in zip(up, n, strict=True)]
        data = pd.DataFrame({"nps": np.concatenate(rows), "unit": np.repeat([f"S{i:02}" for i in range(40)], n)})
        found = units(data)
        inner.append((found["status"] != "in range").sum())
        outer.append(found["status"].isin(["above", "below"]).sum())
    assert abs(np.mean(inner) - found["expected_inner"].iloc[0]) < 0.6
    assert np.mean(outer) < 0.25
