import json
import shutil
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from csatlib.scores import ces, change, csat, mix_shift, nps, sample_size
from csatlib.stats.intervals import adjusted_wald_net, benjamini_hochberg, holm, wilson
from csatlib.stats.weights import rake
from csatlib.tables import workspace

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "real"
GOLDEN = json.loads((Path(__file__).parent / "golden" / "scores.json").read_text(encoding="utf-8"))
LIMITS = ["estimate", "ci_low", "ci_high"]


def counted(promoters, passives, detractors):
    return pd.DataFrame({"nps": np.repeat([10, 8, 3], [promoters, passives, detractors])})


def survey(n=400, seed=0, customers=None):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(
        {
            "nps": rng.choice(11, n, p=[0.02] * 5 + [0.05, 0.05, 0.1, 0.2, 0.2, 0.3]).astype(float),
            "overall": rng.integers(1, 6, n).astype(float),
            "region": rng.choice(["N", "S"], n),
            "age": rng.choice(["old", "young"], n, p=[0.7, 0.3]),
            "period": rng.choice(["2025-10", "2026-09", "2026-10"], n),
            "w": rng.uniform(0.3, 3, n),
            "id": rng.integers(0, customers or n, n),
        }
    )
    return data.assign(nps=data["nps"].mask(rng.random(n) < 0.1))


@pytest.mark.parametrize(
    ("promoters", "passives", "detractors", "score", "variance", "se"), GOLDEN["nps_variance"]["cases"]
)
def test_nps_and_its_variance_equal_the_closed_form(promoters, passives, detractors, score, variance, se):
    row = nps(counted(promoters, passives, detractors)).iloc[0]
    n, tolerance = promoters + passives + detractors, GOLDEN["nps_variance"]["tolerance"]
    assert_allclose(row["estimate"], score, atol=tolerance)
    assert_allclose(row["sd"], 100 * np.sqrt(variance), atol=tolerance)
    assert_allclose(row["sd"] / np.sqrt(n), se, atol=tolerance)
    assert (row["n"], row["n_eff"]) == (n, n)
    assert -100 <= row["ci_low"] <= row["estimate"] <= row["ci_high"] <= 100
    assert row["ci_low"] < row["ci_high"]
    assert_allclose(row[["promoters", "passives", "detractors"]].sum(), 1)


def test_adjusted_wald_by_hand():
    case = GOLDEN["adjusted_wald"]
    low, high = adjusted_wald_net(*case["case"])
    assert_allclose([low, high], [case["low"], case["high"]], atol=case["tolerance"])
    row = nps(counted(60, 25, 15)).iloc[0]
    assert_allclose(row[["ci_low", "ci_high"]].astype(float), [100 * low, 100 * high])
    with pytest.raises(ValueError, match=r"above=60\.0, below=50\.0 of n=100\.0"):
        adjusted_wald_net(60, 50, 100)


def test_missing_answers_leave_the_denominator():
    """13,612 answers of 13,954 rows: with all rows below the line the NPS would be 52.11."""
    case = GOLDEN["garden_centre"]
    answers = np.repeat(np.arange(11.0), case["counts"])
    data = pd.DataFrame({"nps": np.concatenate([answers, np.full(case["missing"], np.nan)])})
    row = nps(data).iloc[0]
    assert (row["n"], row["n_missing"], round(row["estimate"], 2)) == (13612, 342, case["nps"])
    assert round(row["estimate"] * 13612 / 13954, 2) == case["wrong"]


def test_csat_and_ces_by_hand():
    case = GOLDEN["ces"]
    table = ces(pd.DataFrame({"ces": [*case["answers"], None]})).set_index("measure")
    assert_allclose(table["estimate"], [case["easy"], case["mean"]], atol=case["tolerance"])
    assert_allclose(table.loc["top_box", ["ci_low", "ci_high"]].astype(float), wilson(4, 7))
    assert table["n_missing"].tolist() == [1, 1]
    yes = csat(pd.DataFrame({"kept": [True] * 15 + [False] * 5}), outcome="kept", low=0, high=1)
    assert yes["estimate"].tolist() == [0.75, 0.75]
    data = survey(3000)
    mean = csat(data).set_index("measure").loc["mean"]
    assert_allclose(mean["sd"], data["overall"].std(ddof=0))
    half = stats.t.ppf(0.975, 2999) * data["overall"].std() / np.sqrt(3000)
    assert_allclose(mean["ci_high"] - mean["estimate"], half, rtol=0.15)  # 256 groups: sd of the ratio is 5 %


def test_groups_strata_and_totals():
    data = survey()
    table = nps(data, by="region", within="period")
    assert table[["stratum", "group"]].drop_duplicates().shape == (6, 2)
    one = data.query("region == 'N' and period == '2026-10'")
    row = table.query("group == 'N' and stratum == '2026-10'").iloc[0]
    assert_allclose(row[LIMITS].astype(float), nps(one).loc[0, LIMITS].astype(float))
    assert row["n_missing"] == one["nps"].isna().sum()
    assert table["n"].sum() == data["nps"].notna().sum()
    order = csat(data, by="region")[["group", "measure"]].values.tolist()
    assert order == [["N", "top_box"], ["N", "mean"], ["S", "top_box"], ["S", "mean"]]


def test_a_group_in_which_nobody_answered_has_no_figure():
    data = pd.DataFrame({"nps": [10.0, 9, 8, None, None], "region": ["N"] * 3 + ["S"] * 2, "w": 1.0})
    for weight in (None, "w"):
        row = nps(data, by="region", weight=weight).set_index("group").loc["S"]
        assert (row["n"], row["n_missing"]) == (0, 2)
        assert np.isnan(row[LIMITS].astype(float)).all()


def test_frame_arrow_and_ibis_give_the_same():
    data = survey()
    whole = nps(data, by="region", weight="w", cluster="id")
    table = pa.Table.from_pandas(data, preserve_index=False)
    for other in (table, table.to_batches(max_chunksize=90), ibis.memtable(table)):
        pd.testing.assert_frame_equal(nps(other, by="region", weight="w", cluster="id"), whole)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_properties_of_scores(seed, factor):
    data = survey(200, seed, customers=80)
    design = {"by": "region", "cluster": "id", "weight": "w"}
    one = nps(data, **design)
    other = data.assign(w=data["w"] * factor).sample(frac=1, random_state=seed)
    assert_allclose(nps(other, **design)[LIMITS], one[LIMITS], rtol=1e-6)
    assert one[LIMITS].abs().max().max() <= 100
    assert ((one["ci_low"] <= one["estimate"]) & (one["estimate"] <= one["ci_high"])).all()
    assert (one["n_eff"] <= one["n"]).all()
    renamed = nps(data.assign(region=data["region"].map({"N": "x", "S": "a"})), **design)
    assert_allclose(renamed[LIMITS].to_numpy()[::-1], one[LIMITS])
    assert_allclose(nps(data.assign(w=2.0), weight="w")["estimate"], nps(data)["estimate"])


def test_repeated_customers_and_unequal_weights_cost_answers():
    data = survey(300)
    thrice = pd.concat([data] * 3, ignore_index=True).assign(id=np.tile(np.arange(300), 3))
    clustered, naive = nps(thrice, cluster="id").iloc[0], nps(thrice).iloc[0]
    assert_allclose(clustered["n_eff"], clustered["n"] / 3, rtol=0.25)
    assert clustered["ci_high"] - clustered["ci_low"] > 1.5 * (naive["ci_high"] - naive["ci_low"])
    few = nps(survey(40, customers=4), cluster="id").iloc[0]
    assert few["few_groups"]
    assert np.isnan(few["ci_low"])


def test_raking_inside_scores_equals_raked_weights_and_shortens_limits():
    rng = np.random.default_rng(0)
    n = 2000
    age = rng.choice(["old", "young"], n, p=[0.8, 0.2])
    score = np.where(rng.random(n) < np.where(age == "old", 0.9, 0.1), 10, 2)
    data = pd.DataFrame({"nps": score, "age": age, "region": rng.choice(["N", "S"], n)})
    margins = {"age": {"old": 0.5, "young": 0.5}, "region": {"N": 0.4, "S": 0.6}}
    raked = nps(data, margins=margins).iloc[0]
    fixed = nps(data.assign(w=rake(data, margins=margins).weights["weight"]), weight="w").iloc[0]
    assert_allclose(raked["estimate"], fixed["estimate"], atol=1e-5)
    assert abs(raked["estimate"]) < 12 < nps(data)["estimate"].item()
    # stratified variance, 4 p (1 - p) = 0.36 in both ages: 0.5^2 x 0.36 (1 / 1600 + 1 / 400), 1.68 points; with
    # the weights taken as fixed it is 2.8, of the unweighted score 2.0
    raked_se, fixed_se = ((row["ci_high"] - row["ci_low"]) / 2 / 1.96 for row in (raked, fixed))
    assert_allclose(raked_se, 1.68, rtol=0.13)
    assert_allclose(fixed_se, 2.8, rtol=0.13)
    assert raked["n_eff"] > 2000 > fixed["n_eff"]
    with pytest.raises(ValueError, match="in 2026-10: 'age' holds 'old', without a target"):
        nps(data.assign(period="2026-10"), within="period", margins={"age": {"young": 1}})
    with pytest.raises(ValueError, match="'age' is missing in 1 rows"):
        nps(data.assign(age=data["age"].where(data.index > 0)), margins={"age": {"old": 1, "young": 1}})


def test_problems_are_told_at_once():
    with pytest.raises(ValueError, match="2 answers outside the scale, for example 99") as error:
        nps(pd.DataFrame({"nps": [99.0, 99.0, 8.5, 3.0]}))
    assert "1 answers that are no whole numbers" in str(error.value)
    with pytest.raises(KeyError, match="nearest: 'nps'"):
        nps(survey(), outcome="npss")
    with pytest.raises(ValueError, match="allowed is low < top <= high"):
        csat(survey(), top=6)
    with pytest.raises(ValueError, match="confidence=95"):
        nps(survey(), confidence=95)


def two_periods():
    september = counted(40, 30, 30).assign(period="2026-09", region="N")
    october = counted(60, 30, 10).assign(period="2026-10", region="N")
    south = counted(50, 40, 10).assign(period="2026-10", region="S")
    year = counted(20, 20, 60).assign(period="2025-10", region="N")
    return pd.concat([september, october, south, year], ignore_index=True)


def test_change_by_hand():
    table = change(two_periods(), period="2026-10", by="region", target={"N": 45.0}).set_index(
        ["group", "comparison"]
    )
    assert table.index.tolist() == [
        ("N", "previous"), ("N", "last_year"), ("N", "target"), ("N", "rest"), ("S", "rest"),
    ]  # fmt: skip
    assert_allclose(table["value"], [50, 50, 50, 50, 40])
    assert_allclose(table["value_reference"], [10, -40, 45, 40, 50])
    assert_allclose(table["estimate"], [40, 90, 5, 10, -10], atol=1e-9)
    np.testing.assert_array_equal(table["n_reference"], [100, 100, np.nan, 100, 100])
    row = table.loc[("N", "previous")]
    # standard errors 6.71 and 8.31 points by the closed form
    assert_allclose(row["se"], np.hypot(6.708, 8.307), rtol=0.15)
    reach = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert_allclose(table["minimum_detectable"], reach * table["se"])
    assert row["ci_low"] < 40 < row["ci_high"]
    assert_allclose(table.loc[("N", "target"), "se"], 6.708, rtol=0.15)
    assert_allclose(table["p_adjusted"], benjamini_hochberg(table["p_value"]))
    whole = change(two_periods(), period="2026-10", target=40)
    assert_allclose(whole["p_adjusted"], holm(whole["p_value"]))
    assert (whole["p_adjusted"] > whole["p_value"]).any()
    assert set(table["family"]) == {"groups x comparisons, Benjamini-Hochberg"}
    assert change(two_periods(), period="2026-10")["family"].unique().tolist() == ["comparisons, Holm"]


def test_change_in_the_unit_of_the_score_and_with_names_of_ones_own():
    data = survey(600)
    table = change(data, period="2026-10", score="top_box", references={"before": "2026-09"}, target=0.4)
    assert table["comparison"].tolist() == ["before", "target"]
    share = (data["overall"] >= 4).groupby(data["period"]).mean()
    assert_allclose(table["estimate"], [share["2026-10"] - share["2026-09"], share["2026-10"] - 0.4])
    mean = change(data, period="2026-10", score="mean", references={"before": "2026-09"})
    means = data.groupby("period")["overall"].mean()
    assert_allclose(mean["estimate"], means["2026-10"] - means["2026-09"])
    assert change(data, period="2026-09").query("comparison == 'previous'").empty
    years = change(data.assign(period=data["period"].str[:4]), period="2026")
    assert years["comparison"].tolist() == ["previous"]  # the year before is the same as last year
    with pytest.raises(
        ValueError, match="'2026-11' is no value of 'period'; there are: 2025-10, 2026-09, 2026-10"
    ):
        change(data, period="2026-11")
    with pytest.raises(ValueError, match="score='csat'; allowed are"):
        change(data, period="2026-10", score="csat")


def test_the_same_customers_make_a_change_easier_to_see():
    rng = np.random.default_rng(0)
    person = rng.choice([2.0, 8.0, 10.0], 400)
    now = np.where(rng.random(400) < 0.15, 10.0, person)
    data = pd.DataFrame({"nps": [*person, *now], "id": [*range(400)] * 2, "period": ["a"] * 400 + ["b"] * 400})
    paired = change(data, period="b", references={"before": "a"}, cluster="id").iloc[0]
    apart = change(data, period="b", references={"before": "a"}).iloc[0]
    assert_allclose(paired["estimate"], apart["estimate"])
    assert paired["se"] < 0.7 * apart["se"]


def test_mix_shift_by_hand():
    def rows(period, **groups):
        return pd.concat(
            [pd.DataFrame({"overall": [m] * n, "plan": plan, "period": period}) for plan, (n, m) in groups.items()]
        )

    data = pd.concat(
        [rows("May", A=(60, 5), B=(40, 3), C=(25, 1)), rows("June", A=(30, 4), B=(70, 3), D=(100, 5))]
    )
    table = mix_shift(data, by="plan", period="June", reference="May", score="mean").set_index(["group", "term"])
    # among A and B: shares 0.6, 0.4 then 0.3, 0.7; overall 4.2 then 3.3. Total: (445 / 125) 3.56 then 4.15
    found = table["estimate"]
    assert_allclose(found["all", "total"], 4.15 - 3.56)
    assert_allclose(found["all", "composition"], -0.3 * 4.5 + 0.3 * 3)
    assert_allclose(found["all", "score"], -1 * 0.45)
    assert_allclose(found["all", "entered"], 0.5 * (5 - 3.3))
    assert_allclose(found["all", "left"], -0.2 * (1 - 4.2))
    assert_allclose(found["A", "composition"], -0.3 * (4.5 - 3.75))
    assert_allclose(found["B", "score"], 0, atol=1e-12)
    assert_allclose(table.loc[("A", "score"), ["share", "share_reference"]].astype(float), [0.15, 0.48])
    np.testing.assert_array_equal(table.loc[("D", "entered"), ["n", "n_reference"]].astype(float), [100, np.nan])
    np.testing.assert_array_equal(table.loc[("C", "left"), ["n", "n_reference"]].astype(float), [np.nan, 25])
    with pytest.raises(ValueError, match="no value of 'plan' has answers both"):
        mix_shift(data.query("plan in ['C', 'D']"), by="plan", period="June", reference="May", score="mean")


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1000))
def test_parts_of_a_mix_shift_add_up(seed):
    data = survey(300, seed).assign(w=1.0)
    shift = {"period": "2026-10", "reference": "2026-09", "by": "region"}
    table = mix_shift(data, weight="w", **shift)
    total = table.query("term == 'total'")["estimate"].item()
    assert_allclose(table.query("group == 'all' and term != 'total'")["estimate"].sum(), total, atol=1e-9)
    for term in ("composition", "score"):
        part = table[table["term"] == term].set_index("group")["estimate"]
        assert_allclose(part.drop("all").sum(), part["all"], atol=1e-9)
    by_change = change(data, period="2026-10").query("comparison == 'previous'")["estimate"].item()
    assert_allclose(total, by_change, atol=1e-9)
    back = mix_shift(data, by="region", period="2026-09", reference="2026-10")
    assert_allclose(back["estimate"], -table["estimate"], atol=1e-9)


def test_sample_size_inverts_the_standard_error():
    z = stats.norm.ppf(0.975)
    for promoters, passives, detractors, _, variance, se in GOLDEN["nps_variance"]["cases"][:3]:
        found = sample_size(sd=100 * np.sqrt(variance), margin=z * se)
        assert found["n"].item() == promoters + passives + detractors
    both = sample_size(sd=0.5, margin=0.05, detectable=0.1, response_rate=0.2, design_effect=1.5)
    # 384.1 and 392.4 answers, times the design effect 1.5, over a fifth
    assert both[["n_eff", "n", "invitations"]].values.tolist() == [[385, 577, 2885], [393, 589, 2945]]
    small = sample_size(sd=0.5, margin=0.05, population=500)
    assert small["n"].item() == np.ceil(384.15 / (1 + 383.15 / 500))
    with pytest.raises(ValueError, match="sd=0; it must be above zero; give margin") as error:
        sample_size(sd=0, response_rate=2)
    assert "response_rate=2" in str(error.value)


@pytest.mark.long
def test_garden_centre(tmp_path):
    if not (REAL / "nps_benavent").is_dir():
        pytest.skip("nps_benavent is not in ../shared/real")
    shutil.copy(ROOT / "examples" / "garden_centre" / "csat.toml", tmp_path)
    (tmp_path / "data").symlink_to(REAL / "nps_benavent", target_is_directory=True)
    row = nps(workspace.open(tmp_path / "csat.toml").responses).iloc[0]
    assert (row["n"], row["n_missing"], round(row["estimate"], 2)) == (13612, 342, 53.42)


@pytest.mark.long
def test_requests_within_due_date(tmp_path):
    if not (REAL / "baltimore311").is_dir():
        pytest.skip("baltimore311 is not in ../shared/real")
    shutil.copy(ROOT / "examples" / "baltimore311" / "csat.toml", tmp_path)
    (tmp_path / "data").symlink_to(REAL / "baltimore311", target_is_directory=True)
    cases = workspace.open(tmp_path / "csat.toml").complaints
    both = cases["due_at"].notna() & cases["resolved_at"].notna()
    kept = (cases["resolved_at"] <= cases["due_at"]).astype(float).where(both)
    row = csat(pd.DataFrame({"kept": kept}), outcome="kept", low=0, high=1).iloc[0]
    assert (row["n"], row["n_missing"], round(row["estimate"], 3)) == (9555, 445, 0.836)


# promoters, passives, detractors; the last two lie near the ends
COMPANIES = {"middle": (0.45, 0.3, 0.25), "high": (0.93, 0.05, 0.02), "low": (0.02, 0.06, 0.92)}


def coverage(shares, n, *, weighted, runs=500):
    """Share of surveys whose limits hold the truth; each survey is a group, so that all are read at once."""
    rng, rows = np.random.default_rng(n), runs * n
    data = pd.DataFrame({"nps": rng.choice([10, 8, 3], rows, p=shares), "run": np.repeat(np.arange(runs), n)})
    table = nps(data.assign(w=rng.choice([0.5, 1.0, 2.5], rows)), by="run", weight="w" if weighted else None)
    return table.eval(f"ci_low <= {100 * (shares[0] - shares[2])} <= ci_high").mean()


@pytest.mark.long
@pytest.mark.parametrize("n", [30, 100, 1000])
@pytest.mark.parametrize("company", COMPANIES)
@pytest.mark.parametrize("weighted", [False, True])
def test_coverage_of_nps_limits(company, n, weighted):
    # 500 runs: binomial standard error 1 point around 0.95; near the ends at n = 30 few outcomes are possible
    found = coverage(COMPANIES[company], n, weighted=weighted)
    assert found >= (0.92 if n >= 100 else 0.90)
