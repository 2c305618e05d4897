import json
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.drivers import choices, importance, separations
from csatlib.stats.moments import Moments, moments
from csatlib.stats.relative_importance import correlations, letters, lmg, pairwise, relative_weights
from csatlib.tables.scale import Item, Scale

GOLDEN = json.loads((Path(__file__).parent / "golden" / "drivers.json").read_text(encoding="utf-8"))
MTCARS = pd.DataFrame(GOLDEN["mtcars_data"])
SWISS = pd.DataFrame(GOLDEN["swiss"]["data"])
NAMES = ["speed", "care", "price"]


def survey(n=400, seed=0, slopes=(0.6, 0.3, 0.1), noise=0.7):
    """Answers to correlated questions, an outcome made of them, a segment, a weight, a customer."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(slopes))) + 0.7 * rng.normal(size=(n, 1))
    data = pd.DataFrame(
        5 + x, columns=NAMES[: len(slopes)] if len(slopes) < 4 else [f"d{i}" for i in range(len(slopes))]
    )
    data["overall"] = 5 + x @ np.array(slopes) + noise * rng.normal(size=n)
    data["region"] = rng.choice(["N", "S"], n)
    data["w"] = rng.uniform(0.3, 3, n)
    data["id"] = rng.integers(0, n, n)
    return data


def shares(table, column="share"):
    return table.set_index("driver")[column].to_dict()


@pytest.mark.parametrize(
    ("case", "method", "expected", "data"),
    [
        ("swiss", "lmg", "lmg", SWISS),
        ("swiss", "correlation", "first", SWISS),
        ("mtcars", "relative_weights", "relative_weights", MTCARS),
        ("domir", "lmg", "general", MTCARS),
    ],
)
def test_published_figures(case, method, expected, data):
    """Rows and the published correlation matrix give what the programs named in the golden file print."""
    golden = GOLDEN[case]
    given_ = {"outcome": golden["outcome"], "drivers": golden["drivers"], "method": method}
    names = [*golden["drivers"], golden["outcome"]]
    published = Moments.from_correlation(data[names].corr(), len(data), columns=names)
    for source in (data, published):
        table = importance(source, **given_)
        found = shares(table, "importance")
        assert_allclose([found[d] for d in golden["drivers"]], [golden[expected][d] for d in golden["drivers"]],
                        atol=golden["tolerance"])  # fmt: skip
        assert_allclose(table["r2"], golden["r2"], atol=golden["tolerance"])
    assert table["ci_low"].isna().all()
    assert (table["set"] == "").all()


def test_shares_add_up():
    golden = GOLDEN["swiss"]
    table = importance(SWISS, outcome="Fertility", drivers=golden["drivers"])
    found = shares(table)
    assert_allclose([found[d] for d in golden["drivers"]], list(golden["lmg_share"].values()), atol=1e-8)
    assert_allclose(table["importance"].sum(), golden["r2"], atol=1e-8)
    assert table["few_groups"].sum() == 0
    assert table["ci_low"].between(0, table["share"]).all()


def test_lmg_by_hand():
    """Two predictors, r = 0.5: R2 alone 0.36 and 0.09, together 0.36; entry orders averaged: 0.315 and 0.045."""
    corr = np.array([[1, 0.5, 0.6], [0.5, 1, 0.3], [0.6, 0.3, 1]])
    assert_allclose(lmg(corr, blocks=[[0], [1]]), [(0.36 + 0.27) / 2, (0.09 + 0.0) / 2])
    # Held constant first, the second leaves what the first adds to it.
    assert_allclose(lmg(corr, blocks=[[0]], covariates=[1]), [0.27])
    assert_allclose(relative_weights(corr, blocks=[[0]], covariates=[1]), [0.27])
    assert_allclose(lmg(corr, blocks=[[0, 1]]), [0.36])


def test_lmg_equals_all_orders_of_entry():
    from itertools import permutations

    data = survey(slopes=(0.5, 0.2, 0.4, 0.1))
    corr = data[[f"d{i}" for i in range(4)] + ["overall"]].corr().to_numpy()

    def r2(columns):
        columns = list(columns)
        return (
            corr[-1, columns] @ np.linalg.solve(corr[np.ix_(columns, columns)], corr[columns, -1])
            if columns
            else 0
        )

    blocks, expected = [(0,), (1, 2), (3,)], np.zeros(3)
    for order in permutations(range(3)):
        entered = []
        for player in order:
            before = r2(entered)
            entered += blocks[player]
            expected[player] += (r2(entered) - before) / 6
    assert_allclose(lmg(corr, blocks=blocks), expected)
    stack = np.stack([corr, corr[::-1, ::-1]])
    assert_allclose(lmg(stack, blocks=blocks)[0], expected)


def test_a_combination_of_others_adds_nothing_after_them():
    data = survey().assign(double=lambda x: 2 * x["speed"])
    table = importance(data, outcome="overall", drivers=["speed", "double", "care"], replicates=50)
    found = shares(table, "importance")
    assert_allclose(found["speed"], found["double"])
    assert_allclose(
        sum(found.values()), importance(data, outcome="overall", drivers=["speed", "care"])["r2"].iloc[0]
    )


def test_matrices_that_are_not_positive_definite_are_repaired():
    bad = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    fixed, repaired = correlations(np.stack([bad, np.eye(3)]))
    assert repaired.tolist() == [True, False]
    assert np.linalg.eigvalsh(fixed[0]).min() > 0
    assert_allclose(np.diagonal(fixed, axis1=1, axis2=2), 1)
    assert_allclose(fixed[1], np.eye(3))
    m = Moments.from_correlation(bad, 100, columns=["a", "b", "y"])
    table = importance(m, outcome="y", drivers=["a", "b"])
    assert table["repaired"].all()
    assert table["r2"].between(0, 1).all()


def test_letters_and_pairs():
    apart = np.zeros((4, 4), dtype=bool)
    apart[0, 3] = apart[3, 0] = apart[1, 3] = apart[3, 1] = True
    assert letters([0.1, 0.2, 0.3, 0.4], apart) == ["b", "b", "ab", "a"]
    assert letters([0.4, 0.3], ~np.eye(2, dtype=bool)) == ["a", "b"]
    assert letters([0.4, 0.3], np.zeros((2, 2), dtype=bool)) == ["a", "a"]
    drawn = np.random.default_rng(0).normal([0.6, 0.2, 0.2], 0.02, size=(800, 3))
    assert (pairwise([0.6, 0.2, 0.2], drawn, n_groups=256).p_value < 0.05).tolist() == [True, True, False]


def test_not_applicable_is_adjusted_within_its_block():
    """By hand: least squares on the filled answers and the dummy, both in the driver's block."""
    rng = np.random.default_rng(1)
    data = survey()
    off, skipped = rng.random(400) < 0.3, rng.random(400) < 0.1
    data["speed_na"] = off
    data["speed"] = data["speed"].mask(off)
    data["care"] = data["care"].mask(skipped)
    table = importance(data, outcome="overall", drivers=NAMES, missing="dummy", replicates=200)
    used = data[~skipped]
    filled = used.assign(speed=used["speed"].fillna(used["speed"].mean()), speed_na=used["speed_na"].astype(float))
    blocks = {"speed": ["speed", "speed_na"], "care": ["care"], "price": ["price"]}
    for method in ("lmg", "relative_weights", "correlation"):
        found = importance(data, outcome="overall", drivers=NAMES, missing="dummy", method=method, replicates=9)
        expected = importance(filled, outcome="overall", drivers=blocks, method=method, replicates=9)
        assert_allclose(found["importance"], expected["importance"])
        assert_allclose(found["coefficient"][1:], expected["coefficient"][1:])
    assert table["n"].unique().tolist() == [len(used)]
    by_driver = table.set_index("driver")
    assert_allclose(by_driver.loc["speed", "performance"], used["speed"].mean())
    assert_allclose(by_driver.loc["speed", ["asked_share", "applies_share"]].astype(float), [1, (~off).mean()])
    assert_allclose(by_driver.loc["care", "asked_share"], (~skipped).mean())
    x = np.column_stack([np.ones(len(filled)), filled[["speed", "speed_na", "care", "price"]]])
    assert_allclose(by_driver.loc["speed", "coefficient"], np.linalg.lstsq(x, filled["overall"])[0][1])
    listwise = importance(data, outcome="overall", drivers=NAMES, replicates=9)
    assert listwise["n"].unique().tolist() == [int((~off & ~skipped).sum())]


def test_weights_count_as_often_as_they_say():
    data = survey(120)
    whole = data.assign(w=np.tile([1, 2, 3], 40))
    repeated = whole.loc[np.repeat(whole.index, whole["w"])]
    options = {"outcome": "overall", "drivers": NAMES, "replicates": 20}
    weighted, counted = importance(whole, weight="w", **options), importance(repeated, **options)
    for column in ("importance", "share", "coefficient", "performance"):
        # Variances differ by n / (n - 1) alike, so ratios are the same.
        assert_allclose(weighted[column], counted[column])
    scaled = importance(whole.assign(w=7.5 * whole["w"]), weight="w", **options)
    pd.testing.assert_frame_equal(weighted, scaled, rtol=1e-9)
    plain, one = importance(data, **options), importance(data.assign(one=1.0), weight="one", **options)
    pd.testing.assert_frame_equal(plain, one)


def test_pairwise_uses_every_pair():
    data = survey()
    data.loc[:99, "speed"] = np.nan
    table = importance(data, outcome="overall", drivers=NAMES, missing="pairwise", replicates=20)
    assert table["n"].tolist() == [300, 400, 400]
    corr = data[[*NAMES, "overall"]].corr().to_numpy()
    assert_allclose(table["importance"], lmg(corr, blocks=[[0], [1], [2]]), atol=0.02)  # own means, not the pair's


def test_frame_arrow_ibis_and_moments_give_the_same():
    data = survey()
    options = {"outcome": "overall", "drivers": NAMES, "replicates": 50}
    frame = importance(data, weight="w", cluster="id", **options)
    arrow = pa.Table.from_pandas(data, preserve_index=False)
    for other in (arrow, arrow.to_batches(max_chunksize=97), ibis.memtable(arrow)):
        table = importance(other, weight="w", cluster="id", **options)
        pd.testing.assert_frame_equal(frame, table, rtol=1e-9)
    summed = importance(moments(data, [*NAMES, "overall"], weight="w", cluster="id"), **options)
    same = [c for c in frame if c not in ("asked_share", "applies_share")]
    pd.testing.assert_frame_equal(frame[same], summed[same], rtol=1e-9)
    segments = importance(data, by="region", cluster="id", **options)
    pd.testing.assert_frame_equal(segments, importance(ibis.memtable(arrow), by="region", cluster="id", **options))


def test_segments_are_drawn_toward_the_total():
    """Alike segments lose most of their difference, segments that differ keep it."""
    data = survey(1200)
    many = data.assign(region=np.resize(list("ABCDEF"), 1200))
    alike = importance(many, outcome="overall", drivers=NAMES, by="region", replicates=50)
    assert (alike.groupby("group")["shrinkage"].first() > 0.5).all()
    assert alike["group"].unique().tolist() == list("ABCDEF")
    turned = data.assign(
        overall=np.where(data["region"] == "N", data["overall"], data["price"] + data["overall"] / 4)
    )
    differ = importance(turned, outcome="overall", drivers=NAMES, by="region", replicates=50)
    assert (differ["shrinkage"] < 0.2).all()
    first = differ[differ["rank"] == 1].set_index("group")["driver"]
    assert first.to_dict() == {"N": "speed", "S": "price"}
    own = data[data["region"] == "N"]
    assert_allclose(differ[differ["group"] == "N"]["performance"], own[NAMES].mean())


def test_suppression_is_flagged():
    """A driver that counts only because it mops up another's noise has a share but the wrong sign."""
    rng = np.random.default_rng(0)
    halo, real = rng.normal(size=(2, 4000))
    data = pd.DataFrame(
        {"good": real + halo, "noise": halo + 0.3 * real, "overall": real + 0.3 * rng.normal(size=4000)}
    )
    table = importance(data, outcome="overall", drivers=["good", "noise"], replicates=100).set_index("driver")
    assert table["sign_flag"].to_dict() == {"good": False, "noise": True}
    assert table.loc["noise", "correlation"] > 0 > table.loc["noise", "coefficient"]


def test_scale_dimensions_and_items():
    data = survey().assign(bad=lambda x: 10 - x["care"])
    items = [
        Item("q1", "fast", perception="speed"),
        Item("q2", "kind", perception="bad", reversed=True, label="Kind"),
    ]
    scale = Scale(
        [*items, Item("q3", "kind", perception="price")], low=0, high=10, dimension_labels={"kind": "Care"}
    )
    table = importance(data, outcome="overall", drivers=scale, replicates=20)
    assert dict(zip(table["driver"], table["label"], strict=True)) == {"kind": "Care", "fast": "fast"}
    means = data.assign(kind=(data["care"] + data["price"]) / 2, fast=data["speed"])
    expected = importance(means, outcome="overall", drivers=["kind", "fast"], replicates=20)
    assert_allclose(table["importance"], expected["importance"])
    at_items = importance(data, outcome="overall", drivers=scale, level="item", replicates=20)
    assert at_items["label"].tolist() == ["q1", "Kind", "q3"]
    assert_allclose(at_items["share"], importance(data, outcome="overall", drivers=NAMES, replicates=20)["share"])


def test_many_drivers_borrow_limits_from_relative_weights():
    data = survey(600, slopes=tuple(np.linspace(0.5, 0.1, 13)))
    drivers = [f"d{i}" for i in range(13)]
    table = importance(data, outcome="overall", drivers=drivers, replicates=200)
    assert (table["interval_method"] == "relative_weights").all()
    assert ((table["ci_low"] < table["share"]) & (table["share"] < table["ci_high"])).all()
    with pytest.raises(ValueError, match=r"21 drivers; LMG takes 20 at most"):
        importance(data, outcome="overall", drivers=[*drivers, *(f"x{i}" for i in range(8))])


def test_separations_agree_with_the_sets():
    data = survey()
    pairs = separations(data, outcome="overall", drivers=NAMES)
    table = importance(data, outcome="overall", drivers=NAMES).set_index("driver")
    for row in pairs.itertuples():
        shared = set(table.loc[row.driver, "set"]) & set(table.loc[row.reference, "set"])
        assert row.separated == (not shared)
        assert_allclose(row.estimate, table.loc[row.driver, "share"] - table.loc[row.reference, "share"])


def test_choices_show_the_range_of_ranks():
    data = survey(60, slopes=(0.3, 0.3, 0.3))
    table = choices(data, outcome="overall", drivers=NAMES, replicates=20)
    assert len(table) == 27
    ranks = table.groupby("driver")["rank"].agg(["min", "max"])
    assert (ranks["min"] < ranks["max"]).any()
    found = table.drop_duplicates("driver").set_index("driver").loc[ranks.index]
    assert found["ranks_from"].tolist() == ranks["min"].tolist()
    assert found["ranks_to"].tolist() == ranks["max"].tolist()


@given(seed=st.integers(0, 10_000), method=st.sampled_from(["lmg", "relative_weights"]))
@settings(max_examples=6, deadline=None)
def test_shares_do_not_depend_on_order_or_units(seed, method):
    data = survey(80, seed)
    options = {"outcome": "overall", "method": method, "replicates": 5}
    table = importance(data, drivers=NAMES, **options)
    assert_allclose(table["share"].sum(), 1)
    assert (table["share"] >= 0).all()
    assert_allclose(table["importance"].sum(), table["r2"].iloc[0])
    moved = data.sample(frac=1, random_state=seed).assign(speed=lambda x: 100 - 3 * x["speed"])
    other = importance(moved, drivers=NAMES[::-1], **options)
    assert_allclose([shares(table)[d] for d in NAMES], [shares(other)[d] for d in NAMES])


def test_all_problems_are_named_at_once():
    data = survey()
    with pytest.raises(ValueError, match=r"missing='drop'.*outcome 'overall' is also.*used twice: speed"):
        importance(data, outcome="overall", drivers={"a": ["speed"], "b": ["speed", "overall"]}, missing="drop")
    with pytest.raises(KeyError, match=r"'sped' \(nearest: 'speed'\)"):
        importance(data, outcome="overall", drivers=["sped"])
    with pytest.raises(ValueError, match=r"method='lgm'; allowed are 'lmg'"):
        importance(data, outcome="overall", drivers=NAMES, method="lgm")
    with pytest.raises(ValueError, match=r"moments hold neither weight"):
        importance(moments(data, [*NAMES, "overall"]), outcome="overall", drivers=NAMES, weight="w")
    with pytest.raises(TypeError, match="give a list of columns"):
        importance(data, outcome="overall", drivers="speed")


def test_too_few_answers_have_no_figure():
    table = importance(survey(4), outcome="overall", drivers=NAMES, replicates=20)
    assert table[["importance", "share", "ci_low", "coefficient"]].isna().all(axis=None)
    small = importance(survey(12), outcome="overall", drivers=NAMES, replicates=50)
    assert small["few_groups"].all()
