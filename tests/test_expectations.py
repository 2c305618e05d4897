import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from csatlib import servqual, theme
from csatlib.servqual import Item, Scale, expectation_plots, expectation_sentences, expectation_weighing
from csatlib.tables.simulate import simulate
from csatlib.tables.simulate.items import DIMENSIONS, ITEMS

GOLDEN = json.loads((Path(__file__).parent / "golden" / "expectations.json").read_text(encoding="utf-8"))
KIOSK = Path(__file__).parents[2] / "shared" / "real" / "kiosk_servqual" / "kiosk_clean.csv"
ONE = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
TWO = Scale(
    [Item("q1", "speed", "e1", "p1"), Item("q2", "speed", "e2", "p2"), Item("q3", "care", "e3", "p3")],
    low=1,
    high=7,
    importance={"speed": "points_speed", "care": "points_care"},
)
SAMPLE = Scale(
    [Item(i.item, i.dimension, f"e{i.item[1:]}", f"p{i.item[1:]}", label=i.label) for i in ITEMS],
    low=1,
    high=7,
    importance={d: f"points_{d}" for d in DIMENSIONS},
    dimension_labels=DIMENSIONS,
)
CAUSE = ("because of", "due to", "drives", "significant", "proves", "effect")


def pick(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def survey(n=240, seed=0):
    rng = np.random.default_rng(seed)
    person = rng.normal(size=n)
    columns = {}
    for i in (1, 2, 3):
        columns[f"e{i}"] = np.clip(np.rint(6 + 0.5 * person + rng.normal(0, 0.8, n)), 1, 7)
        columns[f"p{i}"] = np.clip(np.rint(5 + 0.7 * person + rng.normal(size=n)), 1, 7)
    data = pd.DataFrame(columns).mask(rng.random((n, 6)) < 0.08)
    speed = rng.integers(20, 80, n)
    data = data.assign(points_speed=speed, points_care=100 - speed, when=np.where(rng.random(n) < 0.5, "a", "b"))
    return data.assign(w=rng.uniform(0.3, 3, n), id=rng.integers(0, n // 2, n))


def shifted(received, expected, n=200):
    """Two periods whose sides differ by so much, with a little noise."""
    rng = np.random.default_rng(4)
    then = pd.DataFrame({"e1": 5 + rng.normal(0, 0.4, n), "p1": 4 + rng.normal(0, 0.4, n), "when": "then"})
    now = pd.DataFrame(
        {"e1": 5 + expected + rng.normal(0, 0.4, n), "p1": 4 + received + rng.normal(0, 0.4, n), "when": "now"}
    )
    return pd.concat([then, now], ignore_index=True)


def test_split_by_hand_with_missing_answers():
    """Who answered one side only counts on neither side, so the parts add up."""
    data = pd.DataFrame(
        {"e1": [5, 5, 7, 6, 6], "p1": [5, 4, None, 5, 3], "when": ["then", "then", "then", "now", "now"]}
    )
    table = pick(servqual.expectations(data, scale=ONE, by="when", reference="then"), level="item")
    found = table.set_index("measure")["estimate"]
    # then: E 5, P 4.5, gap -0.5; now: E 6, P 4, gap -2
    assert found.to_dict() == {"expectation": 1.0, "perception": -0.5, "gap": -1.5, "balance": 0.5}
    assert set(table["n_reference"]) == {2}


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 10_000), weighted=st.booleans())
def test_the_parts_add_up_exactly(seed, weighted):
    data = survey(60, seed)
    table = servqual.expectations(data, scale=TWO, by="when", reference="a", weight="w" if weighted else None)
    keys = ["level", "dimension", "item", "weighting"]
    wide = table.pivot(index=keys, columns="measure", values="estimate").query("weighting != 'none' or item != ''")
    assert_allclose(wide["gap"], wide["perception"] - wide["expectation"], atol=1e-12)
    assert_allclose(wide["balance"], wide["perception"] + wide["expectation"], atol=1e-12)


def test_the_gap_is_that_of_contrasts_and_of_the_same_family():
    data = survey()
    design = {"scale": TWO, "by": "when", "reference": "a", "weight": "w", "cluster": "id"}
    ours = servqual.expectations(data, **design)
    theirs = pick(servqual.contrasts(data, **design), measure="gap").reset_index(drop=True)
    shared = [c for c in theirs.columns if c in ours.columns]
    assert_frame_equal(pick(ours, measure="gap")[shared].reset_index(drop=True), theirs[shared])
    assert ours["p_adjusted"].notna().all()
    balance, gap = pick(ours, measure="balance"), pick(ours, measure="gap")
    assert balance["n_eff"].tolist() == gap["n_eff"].tolist()


def test_invariances():
    data = survey()
    design = {"scale": TWO, "by": "when", "reference": "a", "cluster": "id"}
    first = servqual.expectations(data, **design)
    turned = servqual.expectations(data.iloc[::-1], **design)
    assert_allclose(turned["estimate"], first["estimate"], atol=1e-12)
    assert_allclose(turned["ci_low"], first["ci_low"], atol=1e-9)
    ones = servqual.expectations(data.assign(one=1.0), weight="one", **design)
    assert_frame_equal(ones, first)
    times = servqual.expectations(data.assign(w=7 * data["w"]), weight="w", **design)
    once = servqual.expectations(data, weight="w", **design)
    assert_allclose(times["ci_high"], once["ci_high"], atol=1e-9)
    back = servqual.expectations(data, **(design | {"reference": "b"}))
    assert_allclose(back["estimate"], -first["estimate"], atol=1e-12)


@pytest.mark.parametrize(
    ("received", "expected", "reading"),
    [
        (-0.5, 0.0, "less received"),
        (0.0, 0.5, "more expected"),
        (-0.5, 0.5, "less received and more expected"),
        (0.5, 0.0, "more received"),
        (0.0, -0.5, "less expected"),
        (0.5, -0.5, "more received and less expected"),
        (0.5, 0.5, "both rose"),
        (-0.5, -0.5, "both fell"),
        (-0.8, -0.4, "less received"),
        (0.4, 0.8, "more expected"),
        (0.0, 0.0, "cannot tell"),
        (-0.03, 0.03, "worse, cannot tell which"),
        (0.03, -0.03, "better, cannot tell which"),
    ],
)
def test_readings(received, expected, reading):
    data = shifted(0, 0)
    now = data["when"] == "now"
    data.loc[~now, ["e1", "p1"]] = data.loc[now, ["e1", "p1"]].to_numpy()
    data.loc[now, "e1"] += expected
    data.loc[now, "p1"] += received
    if "which" in reading:  # P and E against each other inside a respondent: the gap moves more than its sides
        rng = np.random.default_rng(1)
        common = np.tile(rng.normal(0, 0.35, now.sum()), 2)[np.r_[0 : now.sum(), 0 : now.sum()]]
        common = np.where(now, np.roll(common, 1), common)
        data["e1"] = 5 + common + np.where(now, expected, 0) + rng.normal(0, 0.02, len(data))
        data["p1"] = 4 + common + np.where(now, received, 0) + rng.normal(0, 0.02, len(data))
    table = servqual.expectations(data, scale=ONE, by="when", reference="then")
    assert pick(table, level="dimension", measure="gap")["reading"].item() == reading
    assert set(table.loc[table["measure"] != "gap", "reading"]) == {""}


def test_balance_says_which_part_is_larger():
    table = servqual.expectations(shifted(-0.8, 0.3), scale=ONE, by="when", reference="then")
    row = pick(table, level="item", measure="balance")
    assert row["ci_high"].item() < 0
    table = servqual.expectations(shifted(-0.3, 0.8), scale=ONE, by="when", reference="then")
    assert pick(table, level="item", measure="balance")["ci_low"].item() > 0


def test_perceptions_only():
    scale = Scale([Item("q1", "speed", perception="p1")], low=1, high=7)
    table = servqual.expectations(shifted(-0.5, 0), scale=scale, by="when", reference="then")
    assert set(table["measure"]) == {"perception"}
    assert set(table["reading"]) == {""}
    assert (table["p_adjusted"] < 0.05).all()
    assert "wider" not in expectation_sentences.split(table)


def test_importance_is_contrasted_beside_the_gap():
    data = survey(400).assign(when=lambda d: np.where(d["points_speed"] > 50, "a", "b"))
    table = servqual.expectations(data, scale=TWO, by="when", reference="b")
    row = pick(table, measure="importance", dimension="speed")
    assert row["p_adjusted"].item() < 0.001
    assert_allclose(
        row["estimate"], data.groupby("when")["points_speed"].mean().pipe(lambda m: m["a"] - m["b"]), atol=1e-9
    )
    told = expectation_weighing.importance(table)
    assert told.startswith("a gives speed")
    assert "fewer" in told


def test_borrowed_expectations_by_hand_and_their_age():
    now = pd.DataFrame({"p1": [4, 5, 6, None] * 5, "at": pd.to_datetime("2026-10-15")})
    then = pd.DataFrame({"e1": [6, 7] * 8, "at": pd.to_datetime("2025-10-15")})
    table = servqual.borrowed_gaps(now, earlier=then, scale=ONE, time="at")
    rows = pick(table, level="item").set_index("measure")
    assert rows["estimate"].to_dict() == {"expectation": 6.5, "perception": 5.0, "gap": -1.5}
    assert rows["n"].to_dict() == {"expectation": 16, "perception": 15, "gap": 15}
    assert rows.loc["gap", "n_reference"] == 16
    assert_allclose(table["age_months"], 365 / 365.25 * 12)


def test_borrowed_expectations_widen_the_interval_as_independent_samples_do():
    rng = np.random.default_rng(2)
    person = rng.normal(size=2000)
    both = pd.DataFrame({"e1": 5 + 0.5 * person, "p1": 4 + 0.5 * person + rng.normal(0, 0.3, 2000)})
    table = pick(servqual.borrowed_gaps(both, earlier=both, scale=ONE, age_months=6), item="q1", measure="gap")
    paired = pick(servqual.gaps(both, scale=ONE), item="q1", measure="gap")
    half, narrow = ((t["ci_high"] - t["ci_low"]).item() / 2 for t in (table, paired))
    assert_allclose(table["estimate"].item(), paired["estimate"].item(), atol=1e-12)
    assert narrow < 0.5 * half
    # 256 groups and 1,000 replicates: a standard error within 10 % of the textbook's
    assert_allclose(half / 1.97, np.sqrt(both.var().sum() / 2000), rtol=0.1)


def test_borrowed_expectations_by_group():
    now = pd.DataFrame({"p1": [4, 5] * 20, "region": ["N"] * 20 + ["S"] * 20})
    then = pd.DataFrame({"e1": [6, 7] * 10, "region": "N"})
    table = pick(servqual.borrowed_gaps(now, earlier=then, scale=ONE, by="region", age_months=3), level="item")
    gap = pick(table, measure="gap").set_index("group")
    assert gap.loc["N", "estimate"] == -2
    assert np.isnan(gap.loc["S", "estimate"])
    assert gap.loc["S", "n_reference"] == 0
    perceived = pick(table, measure="perception").set_index("group")
    assert perceived.loc["S", "estimate"] == 4.5


@pytest.mark.parametrize("ages", [{}, {"time": "at", "age_months": 3}])
def test_borrowed_expectations_need_one_age(ages):
    with pytest.raises(ValueError, match="either time"):
        servqual.borrowed_gaps(pd.DataFrame({"p1": [4]}), earlier=pd.DataFrame({"e1": [4]}), scale=ONE, **ages)


def placed(e, p, n=40, **options):
    """Expectation and perception per dimension, with a little noise around exact means."""
    noise = np.random.default_rng(3).normal(0, 0.05, (2 * len(e), n))
    noise -= noise.mean(axis=1, keepdims=True)
    items = [Item(f"q{i}", f"d{i}", f"e{i}", f"p{i}") for i in range(len(e))]
    columns = {f"e{i}": value + noise[i] for i, value in enumerate(e)}
    columns |= {f"p{i}": value + noise[~i] for i, value in enumerate(p)}
    scale = Scale(items, low=1, high=7)
    return servqual.expectation_matrix(pd.DataFrame(columns), scale=scale, **options)


def test_matrix_places():
    table = pick(placed([6, 6, 6, 3, 3, 3], [5, 6, 6.8, 2, 3, 4]), measure="gap")
    assert table["cell"].tolist() == [
        "promised more than delivered",
        "delivered as promised",
        "above high expectations",
        "short of low expectations",
        "delivered as promised",
        "more than expected",
    ]
    assert_allclose(table["cut"], 4.5)
    assert set(table["margin"]) == {0.25}


def test_matrix_cut_is_declared_or_the_mean():
    high = pick(placed([6, 5], [5, 4], cut=4), measure="expectation")
    assert high["placed"].tolist() == ["high", "high"]
    assert high["cut"].tolist() == [4, 4]
    apart = pick(placed([6, 5], [5, 4]), measure="expectation")
    assert apart["placed"].tolist() == ["high", "low"]
    assert (apart["ci_low"] < apart["estimate"]).all()


def test_matrix_cannot_tell_without_the_interval():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({f"{s}{i}": rng.integers(1, 8, 40) for s in "ep" for i in (1, 2, 3)})
    table = servqual.expectation_matrix(data, scale=TWO, level="item")
    assert set(table["cell"]) == {"cannot tell"}
    told = expectation_sentences.placed(table)
    assert told == "Not to be placed: q1, q2 and q3."


def test_a_gap_that_is_small_for_sure_is_as_expected():
    table = pick(placed([6, 3], [5.9, 2.9]), measure="gap")
    assert (table["ci_high"] < 0).all()
    assert table["placed"].tolist() == ["as", "as"]
    strict = pick(placed([6, 3], [5.9, 2.9], margin=0.05), measure="gap")
    assert strict["placed"].tolist() == ["less", "less"]


def test_matrix_judges_all_places_together():
    data = survey()
    joint = pick(servqual.expectation_matrix(data, scale=TWO, level="item"), measure="gap")
    single = pick(servqual.gaps(data, scale=TWO), level="item", measure="gap")
    assert_allclose(joint["estimate"], single["estimate"])
    widths = [(table["ci_high"] - table["ci_low"]).to_numpy() for table in (joint, single)]
    assert (widths[0] > widths[1]).all()


def test_matrix_says_everything_that_is_wrong_at_once():
    with pytest.raises(ValueError, match=r"level='all'.*cut=9.*margin=0"):
        servqual.expectation_matrix(survey(), scale=TWO, level="all", cut=9, margin=0)
    with pytest.raises(ValueError, match="needs an expectation"):
        servqual.expectation_matrix(survey(), scale=Scale([Item("q", "d", perception="p1")], low=1, high=7))


def test_over_delivered_never_advises_a_cut():
    told = expectation_sentences.placed(placed([6, 6, 3], [5, 6, 4]))
    assert "Less expected than elsewhere and more delivered: d2." in told
    assert not any(word in told.lower() for word in ("cut", "reduce", "save", "too much", "over-"))


def zone(repeat=12):
    case = GOLDEN["zone"]
    data = pd.DataFrame({"p": case["perceived"], "d": case["desired"], "a": case["adequate"]})
    scale = Scale([Item("q1", "speed", perception="p", desired="d", adequate="a")], low=1, high=9)
    return pd.concat([data] * repeat, ignore_index=True), scale


def test_zone_of_tolerance_by_hand():
    case = GOLDEN["zone"]
    data, scale = zone()
    table = servqual.zone_of_tolerance(data, scale=scale)
    for level in ("item", "dimension"):
        found = pick(table, level=level).set_index("measure")
        for name in ("adequacy", "superiority", "width", "share_below", "share_within", "share_above", "position"):
            assert_allclose(found.loc[name, "estimate"], case[name], atol=1e-12, err_msg=name)
        assert set(found["n"]) == {5 * 12}
        assert set(found["n_inverted"]) == {case["left_out"] * 12}
        assert set(found["reading"]) == {"within the zone"}
    shares = table[table["measure"].str.startswith("share")]
    assert ((shares["ci_low"] >= 0) & (shares["ci_high"] <= 1) & (shares["ci_low"] < shares["estimate"])).all()


def test_zone_readings_and_position_need_the_interval():
    data, scale = zone()
    for shift, reading in ((-3, "below the zone"), (+3, "above the zone"), (-1, "cannot tell")):
        moved = data.assign(p=(data["p"] + shift).clip(1, 9))
        table = servqual.zone_of_tolerance(moved, scale=scale)
        assert set(pick(table, level="item")["reading"]) == {reading}
    narrow = servqual.zone_of_tolerance(data.assign(a=data["d"]), scale=scale)
    assert pick(narrow, measure="position")["estimate"].isna().all()
    assert pick(narrow, measure="position")["ci_low"].isna().all()


def test_zone_adds_up_by_group_and_honours_reversed_items():
    data, scale = zone()
    data = data.assign(region=np.where(np.arange(len(data)) < 30, "N", "S"), w=1.0)
    table = servqual.zone_of_tolerance(data, scale=scale, by="region", weight="w")
    wide = table.pivot(index=["group", "level", "weighting"], columns="measure", values="estimate")
    assert_allclose(wide["width"], wide["adequacy"] - wide["superiority"], atol=1e-12)
    assert_allclose(wide["share_below"] + wide["share_within"] + wide["share_above"], 1)
    turned = Scale([Item("q1", "speed", perception="p", desired="d", adequate="a", reversed=True)], low=1, high=9)
    again = servqual.zone_of_tolerance(10 - data[["p", "d", "a"]], scale=turned)
    same = servqual.zone_of_tolerance(data, scale=scale)
    assert_allclose(again["estimate"], same["estimate"], atol=1e-12)


def test_zone_names_the_items_that_lack_a_column():
    scale = Scale([Item("q1", perception="p", desired="d"), Item("q2", perception="p")], low=1, high=9)
    with pytest.raises(ValueError, match=r"q1 \(adequate\); q2 \(adequate, desired\)"):
        servqual.zone_of_tolerance(zone()[0], scale=scale)
    data, scale = zone()
    with pytest.raises(ValueError, match="outside the scale"):
        servqual.zone_of_tolerance(data.assign(p=11), scale=scale)


def test_direct_comparison_by_hand():
    data = pd.DataFrame({"q": [1] * 10 + [2] * 20 + [3] * 10 + [None] * 3})
    table = servqual.direct_comparison(data, items="q", labels={"q": "As you expected?"}).set_index("measure")
    assert table["estimate"].to_dict() == {"share_below": 0.25, "share_as": 0.5, "share_above": 0.25, "net": 0.0}
    assert set(table["n"]) == {40}
    assert set(table["label"]) == {"As you expected?"}
    # Wilson, Newcombe's formula: (20 + 1.92 -+ 1.96 sqrt(10 + 0.96)) / (40 + 3.84)
    assert_allclose(table.loc["share_as", ["ci_low", "ci_high"]].astype(float), [0.352, 0.648], atol=5e-4)
    assert table.loc["net", "ci_low"] < 0 < table.loc["net", "ci_high"]


def test_direct_comparison_codings():
    for values in ([-1, 0, 1], [1, 2, 3]):
        table = servqual.direct_comparison(pd.DataFrame({"q": values * 5 + [values[2]] * 5}), items=["q"])
        assert_allclose(pick(table, measure="net")["estimate"], 25)
    text = pd.DataFrame({"q": ["低于", "符合", "高于", "高于"] * 5})
    table = servqual.direct_comparison(text, items="q", codes={"低于": -1, "符合": 0, "高于": 1})
    assert_allclose(pick(table, measure="net")["estimate"], 25)


@pytest.mark.parametrize(
    ("values", "codes", "problem"),
    [
        ([1, 1], None, "fit both"),
        ([1, 4], None, "are neither"),
        (["less", "more"], {"less": -1}, r"'q' holds 'more' 1 times"),
        ([1, 2], {1: -1, 2: 5}, "stands for -1"),
    ],
)
def test_direct_comparison_never_guesses(values, codes, problem):
    with pytest.raises(ValueError, match=problem):
        servqual.direct_comparison(pd.DataFrame({"q": values}), items="q", codes=codes)


def test_direct_comparison_when_all_say_one_thing():
    table = servqual.direct_comparison(pd.DataFrame({"q": [2] * 30, "r": [3] * 29 + [1]}), items=["q", "r"])
    same, most = (pick(table, item=item, measure="net") for item in "qr")
    assert -15 < same["ci_low"].item() < 0 < same["ci_high"].item() < 15
    assert most["ci_high"].item() == 100
    by = pd.DataFrame({"q": [1, 2, 3, 3] * 10, "region": ["N", "S"] * 20})
    grouped = pick(servqual.direct_comparison(by, items="q", by="region"), measure="net").set_index("group")
    assert grouped["estimate"].to_dict() == {"N": 0.0, "S": 50.0}


def sentences_of(company, groups):
    return [
        expectation_sentences.answer(company, groups),
        expectation_sentences.evidence(company, groups),
        expectation_sentences.action(company, groups),
    ]


def test_sentences_follow_the_readings():
    for received, expected, says, does in (
        (-0.5, 0.0, "We deliver less", "Look at delivery"),
        (0.0, 0.5, "Customers expect more", "led to expect"),
        (-0.5, 0.5, "both happened", "Look at delivery"),
        (0.0, 0.0, "has not widened anywhere", "Nothing to change"),
    ):
        table = servqual.expectations(shifted(received, expected), scale=ONE, by="when", reference="then")
        told = sentences_of(table, table.iloc[:0])
        assert says in told[0]
        assert does in told[2]
        assert not any(word in " ".join(told) for word in CAUSE)
    assert "would be detected 8 times in 10" in told[1]
    assert sentences_of(table.iloc[:0], table.iloc[:0])[0] == "There is no earlier period to compare with."


def test_sentences_hide_small_bases():
    table = servqual.expectations(shifted(-1.9, 0, n=8), scale=ONE, by="when", reference="then")
    told = " ".join(sentences_of(table, table))
    assert "speed" not in told
    assert "has not widened" in told
    matrix = placed([6, 3], [5, 4], n=8)
    assert expectation_sentences.placed(matrix) == "Too few answers to place anything."


def test_figures_carry_words_and_compute_nothing():
    theme.use()
    table = servqual.expectations(survey(), scale=TWO, by="when", reference="a")
    split = expectation_plots.plot_split(table)
    assert [tick.get_text() for tick in split.get_yticklabels()] == ["speed", "care"]
    assert split.get_label().startswith("Change in points by dimension. speed: received ")
    assert (
        expectation_plots.plot_split(table.iloc[:0]).get_label() == "There is no earlier period to compare with."
    )
    matrix = expectation_plots.plot_matrix(placed([6, 3], [5, 4]))
    assert "d0: expected 6.00, gap −1.00" in matrix.get_label()
    names = [text.get_text() for text in matrix.get_legend().get_texts()]
    assert names == ["Much expected, less delivered", "Less expected than elsewhere, more delivered"]
    plt.close("all")


@pytest.mark.skipif(not KIOSK.exists(), reason="../shared/real/kiosk_servqual is not there")
def test_kiosk_survey_reads_like_its_authors():
    case, data = GOLDEN["kiosk"], pd.read_csv(KIOSK)
    kinds = {"usefulness": (1, 2, 3), "tangibles": (4, 5, 6, 22), "control": (7, 8), "economy": (10, 11, 18)}
    kinds |= {"convenience": (13, 14, 15, 16, 17), "security": (19, 20, 21)}
    of = {number: name for name, numbers in kinds.items() for number in numbers}
    scale = Scale([Item(f"sq{i}", of.get(i), f"sq{i}_1", f"sq{i}_2") for i in range(1, 25)], low=1, high=7)
    table = pick(servqual.expectation_matrix(data, scale=scale), measure="gap").set_index("dimension")
    assert_allclose(table.loc[list(case["gap"]), "estimate"], list(case["gap"].values()), atol=case["tolerance"])
    assert table.loc["tangibles", "cell"] == "delivered as promised"
    assert set(table["cell"].drop("tangibles")) == {"promised more than delivered"}
    found = servqual.response_surface(data, scale=scale, outcome="total1")
    assert pick(found.verdicts, level="overall")["verdict"].item() == "received"


def recent(seed):
    responses = simulate(seed=seed).tables["responses"]
    month = responses["responded_at"].astype(str).str[:7]
    data = responses[month.isin(["2025-10", "2026-10"])]
    items = [c for c in data if c[0] in "ep" and c[1:].isdigit()]
    return data.assign(period=month[data.index], **data[items].replace(9, np.nan))


@pytest.mark.long
def test_the_backlog_is_less_received_and_not_more_expected():
    """Truth: the backlog lowers perceptions, expectations stay, VIPs give responsiveness more points."""
    received, expected, weighed, design = 0, 0, 0, {"weight": "weight", "cluster": "customer_id"}
    for seed in range(20):
        data = recent(seed)
        common = SAMPLE.drop(["q07"])
        table = servqual.expectations(
            data, scale=common, by="period", reference="2025-10", within="region", **design
        )
        moved = expectation_sentences.moved(table)
        north = moved[(moved["stratum"] == "North") & (moved["dimension"] == "responsiveness")]
        received += (north["reading"] == "less received").any()
        expected += moved["reading"].str.contains("more expected").any()
        now = servqual.expectations(
            data[data["period"] == "2026-10"], scale=SAMPLE, by="tier", reference="standard", **design
        )
        row = pick(now, measure="importance", dimension="responsiveness")
        weighed += row["p_adjusted"].item() < 0.05 and row["estimate"].item() > 0
    assert received >= 18
    assert expected <= 3
    # six points more, about 60 VIPs a month, five dimensions adjusted together: 17 of the first 20 companies
    assert weighed >= 15


@pytest.mark.long
def test_coverage_of_borrowed_gaps_and_of_the_expectation_side():
    inside = np.zeros(2)
    for seed in range(400):
        rng = np.random.default_rng(seed)
        now = pd.DataFrame({"p1": 4 + rng.normal(0, 1, 150), "e1": 6 + rng.normal(0, 0.6, 150), "when": "now"})
        then = pd.DataFrame({"p1": 4 + rng.normal(0, 1, 90), "e1": 6 + rng.normal(0, 0.6, 90), "when": "then"})
        wide = Scale(ONE.items, low=-9, high=19)
        borrowed = pick(
            servqual.borrowed_gaps(now, earlier=then, scale=wide, age_months=12), item="q1", measure="gap"
        )
        both = pd.concat([then, now], ignore_index=True)
        split = servqual.expectations(both, scale=wide, by="when", reference="then")
        change = pick(split, item="q1", measure="expectation")
        inside += [
            borrowed["ci_low"].item() <= -2 <= borrowed["ci_high"].item(),
            change["ci_low"].item() <= 0 <= change["ci_high"].item(),
        ]
    # 400 runs: binomial standard error 1.1 points around 0.95
    assert (inside / 400 >= 0.925).all(), inside / 400
    assert (inside / 400 <= 0.98).all(), inside / 400
