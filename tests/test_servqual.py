import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from csatlib import theme
from csatlib.servqual import Item, Scale, contrasts, gaps, plots, reverse_scored, sentences, widest
from csatlib.tables.simulate import simulate
from csatlib.tables.simulate.items import DIMENSIONS, ITEMS

GOLDEN = json.loads((Path(__file__).parent / "golden" / "servqual.json").read_text(encoding="utf-8"))
KIOSK = Path(__file__).parents[2] / "shared" / "real" / "kiosk_servqual" / "kiosk_clean.csv"
WORKED = GOLDEN["worked_example"]["gaps"]
SAMPLE = Scale(
    [Item(i.item, i.dimension, f"e{i.item[1:]}", f"p{i.item[1:]}", label=i.label) for i in ITEMS],
    low=1,
    high=7,
    importance={d: f"points_{d}" for d in DIMENSIONS},
    dimension_labels=DIMENSIONS,
)


def pick(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def worked(points=None):
    items = [Item(d, d, f"e_{d}", f"p_{d}") for d in WORKED]
    importance = {d: f"points_{d}" for d in WORKED} if points else {}
    columns = {f"e_{d}": 6.0 for d in WORKED} | {f"p_{d}": 6.0 + gap for d, gap in WORKED.items()}
    columns |= {f"points_{d}": float(v) for d, v in (points or {}).items()}
    return pd.DataFrame([columns] * 20), Scale(items, low=1, high=7, importance=importance)


def survey(n=300, seed=0, k=2):
    rng = np.random.default_rng(seed)
    person = rng.normal(size=n)
    columns = {}
    for i in range(2 * k):
        columns[f"e{i}"] = np.clip(np.rint(6 + 0.5 * person + rng.normal(size=n)), 1, 7)
        columns[f"p{i}"] = np.clip(np.rint(5 - i / 4 + 0.7 * person + rng.normal(size=n)), 1, 7)
    data = pd.DataFrame(columns).mask(rng.random((n, 4 * k)) < 0.05)
    items = [Item(f"q{i}", "speed" if i < k else "care", f"e{i}", f"p{i}") for i in range(2 * k)]
    return data.assign(w=rng.uniform(0.3, 3, n), id=rng.integers(0, n // 2, n)), Scale(items, low=1, high=7)


def test_worked_example_and_its_plain_mean():
    data, scale = worked()
    table = pick(gaps(data, scale=scale), measure="gap")
    found = pick(table, level="dimension").set_index("dimension")["estimate"]
    assert_allclose(found[list(WORKED)], list(WORKED.values()), atol=GOLDEN["worked_example"]["tolerance"])
    overall = pick(table, weighting="equal_dimensions")["estimate"].item()
    assert_allclose(overall, GOLDEN["worked_example"]["unweighted"], atol=1e-12)
    assert round(overall, 2) == GOLDEN["worked_example"]["printed"]


def test_weighted_gap_and_the_two_other_conventions():
    case = GOLDEN["weighted_variants"]
    data, scale = worked(case["points"])
    weighted = pick(gaps(data, scale=scale), measure="gap", weighting="importance")["estimate"].item()
    assert_allclose(weighted, case["sum_w_gap"], atol=case["tolerance"])
    assert_allclose(weighted / 5, case["then_divided_by_5"], atol=case["tolerance"])
    assert_allclose(weighted * 100 / 5, case["raw_points_divided_by_5"], atol=1e-10)
    assert "a fifth of ours" in gaps.__doc__
    assert "20 times ours" in gaps.__doc__


def test_published_dimension_table():
    case = GOLDEN["pmc6131925"]
    items = [Item(d, d, f"e_{d}", f"p_{d}") for d in case["gap"]]
    columns = {f"e_{d}": v for d, v in case["expectation"].items()} | {
        f"p_{d}": v for d, v in case["perception"].items()
    }
    table = pick(gaps(pd.DataFrame([columns] * 12), scale=Scale(items, low=1, high=5)), measure="gap")
    found = pick(table, level="dimension").set_index("dimension")["estimate"]
    assert_allclose(found[list(case["gap"])], list(case["gap"].values()), atol=case["tolerance"])
    assert_allclose(
        pick(table, weighting="equal_dimensions")["estimate"], case["unweighted"], atol=case["tolerance"]
    )


def test_item_map_of_1988_with_its_reversals():
    """A respondent content on every item answers 7 / 6, and 1 / 2 where the statement is negative."""
    case = GOLDEN["item_map"]
    negative = set(case["reversed_1988"])
    items = [
        Item(f"q{i}", d, f"e{i}", f"p{i}", reversed=i in negative)
        for d in ("Tangibles", "Reliability", "Responsiveness", "Assurance", "Empathy")
        for i in case[d]
    ]
    assert len(items) == 22
    row = {f"e{i}": 1 if i in negative else 7 for i in range(1, 23)}
    row |= {f"p{i}": 2 if i in negative else 6 for i in range(1, 23)}
    table = gaps(pd.DataFrame([row] * 12), scale=Scale(items, low=1, high=7))
    assert_allclose(pick(table, measure="gap")["estimate"], -1)
    assert_allclose(pick(table, measure="expectation")["estimate"], 7)
    dimensions = pick(table, level="dimension", measure="gap")["dimension"].tolist()
    assert dimensions == [d for d in case if d[0].isupper()]


def test_reverse_scored_answers_give_the_same_gaps_as_the_reversed_scale():
    data, scale = survey()
    first = scale.items[0]
    mixed = Scale([Item("q0", "speed", "e0", "p0", reversed=True), *scale.items[1:]], low=1, high=7)
    turned = reverse_scored(data, scale=mixed)
    assert_allclose(turned["e0"], 8 - data["e0"])
    assert_allclose(turned["p1"], data["p1"])
    assert_allclose(gaps(turned, scale=scale)["estimate"], gaps(data, scale=mixed)["estimate"], atol=1e-12)
    with pytest.raises(KeyError, match=first.expectation):
        reverse_scored(data.drop(columns="e0"), scale=mixed)


def test_by_hand_with_missing_answers():
    scale = Scale(
        [Item("a", "x", "ea", "pa"), Item("b", "x", "eb", "pb"), Item("c", None, "ec", "pc")], low=1, high=7
    )
    data = pd.DataFrame(
        {
            "ea": [6, 7, None],
            "pa": [5, 4, 6],
            "eb": [6, 6, 6],
            "pb": [6, None, 4],
            "ec": [7, 7, 7],
            "pc": [7, 7, 4],
        }
    )
    table = pick(gaps(data, scale=scale), measure="gap").set_index(["level", "item", "weighting"])
    # a: -1, -3 (third has no expectation); b: 0, -2 (second has no perception); c: 0, 0, -3
    assert table.loc[("item", "a", "none"), ["n", "estimate"]].tolist() == [2, -2]
    assert table.loc[("item", "b", "none"), ["n", "estimate"]].tolist() == [2, -1]
    assert table.loc[("dimension", "", "none"), ["n", "estimate"]].tolist() == [3, -1.5]
    assert table.loc[("overall", "", "equal_dimensions"), "estimate"] == -1.5
    assert_allclose(table.loc[("overall", "", "equal_items"), "estimate"], (-2 - 1 - 1) / 3)
    both = gaps(data, scale=scale).query("item == 'a'").set_index("measure")["estimate"]
    assert both[["expectation", "perception"]].tolist() == [6.5, 4.5]


def test_allocations_off_100_are_normalised_and_counted():
    items = [Item("a", "x", "ea", "pa"), Item("b", "y", "eb", "pb")]
    scale = Scale(items, low=1, high=7, importance={"x": "px", "y": "py"})
    data = pd.DataFrame({"ea": 6, "pa": 4, "eb": 6, "pb": 5, "px": [75, 30, 6, 0, 50], "py": [25, 10, 2, 0, None]})
    table = gaps(data, scale=scale)
    row = pick(table, measure="gap", weighting="importance").iloc[0]
    assert row[["n", "n_off_100", "estimate"]].tolist() == [3, 2, -1.75]
    assert pick(table, measure="importance")["estimate"].tolist() == [75, 25]


def test_a_dimension_is_unknown_where_nobody_answered_one_of_its_items():
    data, scale = survey()
    data = data.assign(region=["N", "S"] * 150)
    data.loc[data["region"] == "S", "p0"] = np.nan
    table = pick(gaps(data, scale=scale, by="region"), measure="gap", level="dimension").set_index(
        ["group", "dimension"]
    )
    assert table["estimate"].isna().to_dict() == {
        ("N", "speed"): False,
        ("N", "care"): False,
        ("S", "speed"): True,
        ("S", "care"): False,
    }


def test_a_dimension_without_points_may_be_unanswered():
    items = [Item("a", "x", "ea", "pa"), Item("b", "y", "eb", "pb")]
    scale = Scale(items, low=1, high=7, importance={"x": "px", "y": "py"})
    data = pd.DataFrame(
        {"ea": [6, 6], "pa": [4, 4], "eb": [None, None], "pb": [5, 5], "px": [100, 60], "py": [0, 40]}
    )
    row = pick(gaps(data, scale=scale), measure="gap", weighting="importance").iloc[0]
    assert row[["n", "estimate"]].tolist() == [1, -2]


def test_unweighted_interval_is_close_to_the_paired_t_test():
    data, scale = survey(2_000)
    row = pick(gaps(data, scale=scale), measure="gap", item="q0").iloc[0]
    paired = (data["p0"] - data["e0"]).dropna()
    assert_allclose(row["estimate"], paired.mean())
    assert_allclose(row["d_z"], paired.mean() / paired.std())
    half = stats.t.ppf(0.975, len(paired) - 1) * paired.sem()
    # 1,000 replicates know a standard error to 2 %, 256 groups to 4 %
    assert_allclose((row["ci_high"] - row["ci_low"]) / 2, half, rtol=0.12)
    assert row["n_eff"] == row["n"] == len(paired)


def test_clusters_widen_the_interval_and_lower_the_effective_n():
    data, scale = survey(150)
    tripled = pd.concat([data] * 3).assign(id=np.tile(np.arange(150), 3))
    alone = pick(gaps(data, scale=scale), measure="gap", item="q0").iloc[0]
    clustered = pick(gaps(tripled, scale=scale, cluster="id"), measure="gap", item="q0").iloc[0]
    assert_allclose(clustered["ci_high"] - clustered["ci_low"], alone["ci_high"] - alone["ci_low"], rtol=0.15)
    assert clustered["n"] == 3 * alone["n"]
    assert 0.75 * alone["n"] < clustered["n_eff"] < 1.3 * alone["n"]


def test_weight_two_is_the_row_twice_for_estimates():
    data, scale = survey(100)
    weights = np.random.default_rng(1).integers(1, 4, 100)
    doubled = data.loc[data.index.repeat(weights)]
    weighted = gaps(data.assign(w=weights), scale=scale, weight="w")
    assert_allclose(weighted["estimate"], gaps(doubled, scale=scale)["estimate"], atol=1e-12)
    assert (weighted["n"] <= 100).all()


def test_frame_and_arrow_batches_agree():
    data, scale = survey(30_000)
    columns = [c for c in data if c[0] in "ep"]
    batches = pa.Table.from_pandas(data[columns], preserve_index=False).to_batches(max_chunksize=4_000)
    pd.testing.assert_frame_equal(gaps(iter(batches), scale=scale), gaps(data[columns], scale=scale))


def test_perceptions_only_are_a_servperf_scale():
    data, scale = survey()
    only = Scale([Item(i.item, i.dimension, perception=i.perception) for i in scale.items], low=1, high=7)
    table = gaps(data, scale=only)
    assert set(table["measure"]) == {"perception"}
    assert_allclose(pick(table, item="q0")["estimate"], data["p0"].mean())
    with pytest.raises(ValueError, match="needs expectations"):
        widest(data, scale=only)


def test_families_of_p_values_are_named():
    data, scale = survey()
    table = pick(gaps(data, scale=scale), measure="gap")
    assert set(table["family"]) == {"dimensions, Holm", "items, Benjamini-Hochberg"}
    assert (table["p_adjusted"] >= table["p_value"]).all()
    grouped = gaps(data.assign(region=["N", "S"] * 150), scale=scale, by="region")
    assert set(pick(grouped, measure="gap", level="dimension")["family"]) == {"dimensions, Benjamini-Hochberg"}


def test_text_answers_are_mapped_and_unknown_labels_counted():
    scale = Scale([Item("a", "x", "e", "p")], low=1, high=2, labels={"no": 1, "yes": 2})
    data = pd.DataFrame({"e": ["yes"] * 12, "p": ["no"] * 12})
    assert pick(gaps(data, scale=scale), item="a", measure="gap")["estimate"].item() == -1
    with pytest.raises(ValueError, match="'p' holds 'maybe' 3 times; known labels: 'no', 'yes'"):
        gaps(data.assign(p=["no"] * 9 + ["maybe"] * 3), scale=scale)


def test_all_answers_outside_the_scale_are_told_at_once():
    data, scale = survey(40)
    data.loc[:1, "p0"], data.loc[3, "e3"] = 9, 0
    with pytest.raises(
        ValueError, match=r"'e3' 1 times, for example 0, allowed 1 to 7; 'p0' 2 times, for example 9"
    ):
        gaps(data, scale=scale)
    with pytest.raises(KeyError, match="columns not found: 'e1', 'p0'"):
        gaps(data.drop(columns=["p0", "e1"]), scale=scale)


def test_scale_errors_name_everything():
    with pytest.raises(
        ValueError, match="more than once: a; .*low=7 must be below high=1; importance names .*: y"
    ):
        Scale([Item("a", "x"), Item("a", "x")], low=7, high=1, importance={"y": "py"})
    with pytest.raises(ValueError, match="items without expectation column: b"):
        gaps(
            pd.DataFrame({"e": [1], "p": [1]}),
            scale=Scale([Item("a", "x", "e", "p"), Item("b", "x", None, "p")], low=1, high=7),
        )


def test_a_month_without_answers_is_a_table_without_figures():
    data, scale = survey()
    table = gaps(data.iloc[:0], scale=scale, cluster="id")
    assert (table["n"] == 0).all()
    assert table["estimate"].isna().all()
    assert sentences.shortfall(table, scale=scale).startswith("Too few customers answered")


def test_input_is_not_changed():
    data, scale = survey()
    before = data.copy(deep=True)
    gaps(data, scale=scale, weight="w", cluster="id")
    pd.testing.assert_frame_equal(data, before)


def test_contrast_with_all_others_by_hand():
    data, scale = survey()
    data = data.assign(region=["N", "S", "W"] * 100)
    table = contrasts(data, scale=scale, by="region")
    row = pick(table, group="N", item="q0", measure="gap").iloc[0]
    gap = data["p0"] - data["e0"]
    assert_allclose(row["estimate"], gap[data["region"] == "N"].mean() - gap[data["region"] != "N"].mean())
    assert row[["reference", "n_reference"]].tolist() == ["all others", gap[data["region"] != "N"].notna().sum()]


def test_contrast_within_strata_uses_the_same_stratum():
    data, scale = survey()
    data = data.assign(region=["N", "S"] * 150, month=["May"] * 150 + ["June"] * 150)
    table = contrasts(data, scale=scale, by="month", reference="May", within="region")
    gap = data["p1"] - data["e1"]
    for region in ("N", "S"):
        here = data["region"] == region
        expected = gap[here & (data["month"] == "June")].mean() - gap[here & (data["month"] == "May")].mean()
        assert_allclose(pick(table, stratum=region, item="q1", measure="gap")["estimate"].item(), expected)


def test_all_others_are_those_of_the_same_stratum():
    data, scale = survey()
    data = data.assign(region=["N", "S", "W"] * 100, tier=["VIP"] * 120 + ["standard"] * 180)
    table = contrasts(data, scale=scale, by="region", within="tier")
    gap, vip = data["p2"] - data["e2"], data["tier"] == "VIP"
    expected = gap[vip & (data["region"] == "W")].mean() - gap[vip & (data["region"] != "W")].mean()
    found = pick(table, stratum="VIP", group="W", item="q2", measure="gap")["estimate"].item()
    assert_allclose(found, expected)


def test_the_same_customers_in_both_periods_give_a_narrower_contrast():
    data, scale = survey(200)
    later = data.assign(**{f"p{i}": (data[f"p{i}"] - 0.3).clip(1) for i in range(4)}, month="June")
    both = pd.concat([data.assign(month="May"), later]).assign(id=np.tile(np.arange(200), 2))
    joint = pick(contrasts(both, scale=scale, by="month", reference="May", cluster="id"), item="q1", measure="gap")
    apart = pick(contrasts(both, scale=scale, by="month", reference="May"), item="q1", measure="gap")
    width = [(t["ci_high"] - t["ci_low"]).item() for t in (joint, apart)]
    assert width[0] < 0.4 * width[1]


def test_one_group_leaves_nothing_to_compare_and_a_wrong_reference_is_refused():
    data, scale = survey()
    assert contrasts(data.assign(region="N"), scale=scale, by="region").empty
    with pytest.raises(ValueError, match="reference='X' is no value of 'region'; there are: N, S"):
        contrasts(data.assign(region=["N", "S"] * 150), scale=scale, by="region", reference="X")


def test_equal_dimensions_are_not_ranked():
    """Ten companies whose dimensions are equal: hardly any report names a single widest one."""
    named = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        values = rng.normal(5, 1, size=(300, 10)).clip(1, 7)
        data = pd.DataFrame(values, columns=[f"{s}{i}" for i in range(5) for s in "ep"])
        scale = Scale([Item(f"q{i}", f"d{i}", f"e{i}", f"p{i}") for i in range(5)], low=1, high=7)
        named += not widest(data, scale=scale)["among_widest"].all()
    assert named <= 2


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_properties_of_gaps(seed):
    data, scale = survey(60, seed)
    table = gaps(data, scale=scale, weight="w")
    means = table[table["measure"].isin(["expectation", "perception"])]["estimate"]
    assert means.between(1, 7).all()
    shuffled = gaps(data.sample(frac=1, random_state=seed), scale=scale, weight="w")
    assert_allclose(shuffled["estimate"], table["estimate"], atol=1e-9)
    assert_allclose(
        gaps(data.assign(w=5.0), scale=scale, weight="w")["estimate"], gaps(data, scale=scale)["estimate"]
    )
    turned = Scale(
        [Item(i.item, i.dimension, i.expectation, i.perception, reversed=True) for i in scale.items], low=1, high=7
    )
    flipped = gaps(data, scale=turned, weight="w")
    is_gap = (table["measure"] == "gap").to_numpy()
    assert_allclose(flipped["estimate"][is_gap], -table["estimate"][is_gap], atol=1e-9)


def _figures():
    data, scale = survey()
    data = data.assign(region=["N", "S"] * 140 + ["W"] * 20, month=[f"2026-{m:02}" for m in range(1, 13)] * 25)
    return data, scale


def test_plots_draw_on_the_axes_given_and_carry_words():
    data, scale = _figures()
    tables = {
        plots.plot_items: gaps(data, scale=scale),
        plots.plot_heatmap: gaps(data, scale=scale, by="region"),
        plots.plot_over_time: gaps(data, scale=scale, by="month"),
    }
    for plot, table in tables.items():
        ax = plt.figure().subplots()
        assert plot(table, ax=ax) is ax
        assert "point" in ax.get_label()
        plt.close("all")


def test_heat_map_greys_small_bases_and_hides_tiny_ones():
    data, scale = _figures()
    tiny = data.assign(region=["N"] * 270 + ["S"] * 25 + ["W"] * 5)
    theme.use()
    ax = plots.plot_heatmap(gaps(tiny, scale=scale, by="region"))
    words = [text.get_text() for text in ax.texts]
    colours = [text.get_color() for text in ax.texts]
    # W has five answers; S, the next smallest, hides with it; N alone is shown
    assert words[2:] == [theme.HIDDEN] * 4
    assert colours[0] == theme.INK
    plt.close("all")
    some = data.assign(region=["N"] * 275 + ["S"] * 25)
    ax = plots.plot_heatmap(gaps(some, scale=scale, by="region"))
    assert [text.get_color() for text in ax.texts] == [theme.INK] * 2 + [theme.MUTED] * 2
    assert ax.collections[0].get_array().mask.ravel().tolist() == [False, False, True, True]
    plt.close("all")


def test_nothing_is_said_of_groups_that_differ_by_chance_or_are_too_small():
    data, scale = _figures()
    theme.use()
    quiet = contrasts(data.assign(region=["N", "S"] * 150), scale=scale, by="region")
    assert "beyond random variation" in sentences.groups(quiet)
    assert "8 times in 10" in sentences.groups(quiet)
    few = data.assign(region=["N"] * 25 + ["S"] * 275, p0=[1.0] * 25 + [7.0] * 275, p1=[1.0] * 25 + [7.0] * 275)
    assert sentences.worst(contrasts(few, scale=scale, by="region")).query("group == 'N'").empty
    small = data.assign(region=["N"] * 8 + ["S"] * 292, p0=[1.0] * 8 + [7.0] * 292, p1=[1.0] * 8 + [7.0] * 292)
    assert sentences.worst(contrasts(small, scale=scale, by="region")).query("group == 'N'").empty


def test_sentences_follow_the_figures():
    data, scale = survey()
    one = Scale(scale.items[:1], low=1, high=7)
    answers = {"short": ([4, 5] * 150, 6), "above": ([6, 7] * 150, 5), "level": ([4, 6] * 149 + [4, 4], 5)}
    short, above, level = (gaps(data.assign(p0=p, e0=e), scale=one) for p, e in answers.values())
    assert sentences.overall(level)["estimate"] < 0
    assert sentences.shortfall(short, scale=scale).startswith("Service falls 1.50 points short")
    assert sentences.shortfall(above, scale=scale).startswith("Service is 1.50 points above")
    assert sentences.shortfall(level, scale=scale).startswith("It cannot be told")


@pytest.mark.skipif(not KIOSK.exists(), reason="the kiosk survey is not beside the project")
def test_kiosk_survey():
    from csatlib.stats.reliability import alpha

    case = GOLDEN["kiosk"]
    member = {i: d for d, items in case["dimensions"].items() for i in items}
    scale = Scale([Item(f"q{i}", member.get(i), f"sq{i}_1", f"sq{i}_2") for i in range(1, 25)], low=1, high=7)
    data = pd.read_csv(KIOSK)
    table = gaps(data, scale=scale)
    for measure in ("expectation", "perception", "gap"):
        found = pick(table, weighting="equal_items", measure=measure)["estimate"].item()
        assert_allclose(found, case[measure], atol=case["tolerance"])
    found = pick(table, level="dimension", measure="gap").set_index("dimension")["estimate"]
    assert_allclose(found[list(case["by_dimension"])], list(case["by_dimension"].values()), atol=case["tolerance"])
    for side, expected in (("1", case["alpha_expectation"]), ("2", case["alpha_perception"])):
        raw = alpha(data, items=[f"sq{i}_{side}" for i in range(1, 25)])["estimate"].iloc[0]
        assert_allclose(raw, expected, atol=case["tolerance"])


def _coverage(make, truth, *, runs=400, **design):
    inside = []
    for seed in range(runs):
        row = pick(
            gaps(make(seed), scale=Scale([Item("q", "x", "e", "p")], low=1, high=7), **design),
            item="q",
            measure="gap",
        )
        inside.append(row["ci_low"].item() <= truth <= row["ci_high"].item())
    return np.mean(inside)


def _people(seed, customers, each, spread=0.0):
    rng = np.random.default_rng(seed)
    id_ = np.repeat(np.arange(customers), each)
    level = rng.normal(-0.5, 0.6, customers)[id_]
    n = len(id_)
    perceived = np.clip(4 + level + rng.normal(0, 0.5, n), 1, 7)
    return pd.DataFrame({"e": 4.0, "p": perceived, "id": id_, "w": np.exp(spread * rng.normal(size=n))})


@pytest.mark.long
@pytest.mark.parametrize(
    ("customers", "each", "spread", "least"),
    [(300, 1, 0.0, 0.93), (300, 3, 0.0, 0.93), (300, 1, 0.8, 0.925), (25, 4, 0.0, 0.91), (12, 10, 0.5, 0.89)],
)
def test_coverage_of_gap_intervals(customers, each, spread, least):
    found = _coverage(lambda seed: _people(seed, customers, each, spread), -0.5, cluster="id", weight="w")
    # 400 runs: binomial standard error 1.1 points around 0.95
    assert least <= found <= 0.98


@pytest.mark.long
def test_the_backlog_is_found_and_nothing_else_in_most_companies():
    found, false = 0, 0
    for seed in range(20):
        responses = simulate(seed=seed).tables["responses"]
        recent = responses[responses["responded_at"].astype(str).str[:7].isin(["2025-10", "2026-10"])]
        items = [c for c in recent if c[0] in "ep" and c[1:].isdigit()]
        data = recent.assign(period=recent["responded_at"].astype(str).str[:4], **recent[items].replace(9, np.nan))
        common = SAMPLE.drop(["q07"])
        design = {"weight": "weight", "cluster": "customer_id"}
        table = contrasts(data, scale=common, by="period", reference="2025", within="region", **design)
        moved = sentences.worst(table)
        found += ((moved["stratum"] == "North") & (moved["dimension"] == "responsiveness")).any()
        false += (moved["stratum"] != "North").any()
    assert found >= 18
    # adjusted at 5 % over 24 contrasts of which few are real
    assert false <= 4
