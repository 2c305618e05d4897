import hashlib
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

from csatlib.stats.moments import Moments, moments
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import blocks, replicate_groups
from csatlib.stats.segments import sum_by_segment

GOLDEN = json.loads((Path(__file__).parent / "golden" / "intervals.json").read_text(encoding="utf-8"))
COLUMNS = ["a", "b", "c"]


def frame(n=400, seed=0, missing=0.1):
    rng = np.random.default_rng(seed)
    values = rng.normal(5, 1, size=(n, 3)) + rng.normal(size=(n, 1))
    values[rng.random((n, 3)) < missing] = np.nan
    made = pd.DataFrame(values, columns=COLUMNS)
    return made.assign(w=rng.uniform(0.5, 2, n), id=[f"C{i:05}" for i in rng.integers(0, n // 2, n)])


def test_replicate_group_is_the_first_byte_of_the_md5():
    keys = ["C00001", "张伟", "", "x" * 50]
    expected = [hashlib.md5(key.encode()).digest()[0] for key in keys]
    assert replicate_groups(pd.Series(keys)).tolist() == expected


def test_integer_keys_hash_as_text_also_where_missing_values_made_them_floats():
    whole = replicate_groups(pd.Series([5, 12]))
    assert replicate_groups(pd.Series(["5", "12"])).tolist() == whole.tolist()
    assert replicate_groups(pd.Series([5.0, 12.0])).tolist() == whole.tolist()
    with pytest.raises(ValueError, match=r"holds the number 5\.5; identifiers are integers or text"):
        replicate_groups(pd.Series([5.5]))


def test_rows_of_one_cluster_share_a_group_and_rows_without_stand_alone():
    data = pd.DataFrame({"q": 1.0, "id": ["A"] * 50 + [None] * 50})
    groups = next(blocks(data, ["q"], cluster="id")).replicate
    assert len(set(groups[:50])) == 1
    assert len(set(groups[50:])) > 30


def test_a_row_position_is_not_mistaken_for_a_customer_number():
    data = pd.DataFrame({"q": 1.0, "id": pd.array([1, None], dtype="Int64")})
    groups = next(blocks(data, ["q"], cluster="id")).replicate
    assert groups[1] == hashlib.md5(b"row 1").digest()[0]


@pytest.mark.parametrize("missing", ["listwise", "pairwise"])
def test_means_and_covariances_equal_pandas(missing):
    data = frame()
    m = moments(data, COLUMNS, missing=missing)
    used = data[COLUMNS].dropna() if missing == "listwise" else data[COLUMNS]
    assert_allclose(m.covariance, used.cov().to_numpy(), rtol=1e-10)
    if missing == "listwise":
        assert_allclose(m.means, used.mean().to_numpy(), rtol=1e-12)
        assert m.n == len(used)
    else:
        assert_allclose(m.means, used.mean().to_numpy(), rtol=1e-12)
        assert m.n == used.notna().astype(int).T.dot(used.notna().astype(int)).to_numpy().min()


def test_weighted_mean_and_covariance_by_hand():
    data = pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 6.0], "w": [3.0, 1.0]})
    m = moments(data, ["a", "b"], weight="w")
    assert_allclose(m.means, [1.5, 3.0])
    # weighted second moments about the mean: a 0.75, ab 1.5, b 3; times n / (n - 1) = 2
    assert_allclose(m.covariance, [[1.5, 3.0], [3.0, 6.0]])


def test_kish_effective_n():
    case = GOLDEN["kish"]
    data = pd.DataFrame({"a": range(4), "w": case["weights"]})
    assert_allclose(moments(data, ["a"], weight="w").n_eff, case["n_eff"], atol=case["tolerance"])


def test_a_large_level_loses_no_digits():
    data = frame(missing=0)
    high = data.assign(**{c: data[c] + 1e9 for c in COLUMNS})
    assert_allclose(moments(high, COLUMNS).covariance, moments(data, COLUMNS).covariance, rtol=1e-6)


def test_frame_arrow_and_ibis_give_the_same_moments():
    data = frame(30_000)
    expected = moments(data, COLUMNS, weight="w", cluster="id", missing="pairwise")
    table = pa.Table.from_pandas(data, preserve_index=False)
    batches = table.to_batches(max_chunksize=7_000)
    ibis_table = ibis.memtable(table)
    for other in (table, iter(batches), ibis_table):
        found = moments(other, COLUMNS, weight="w", cluster="id", missing="pairwise")
        assert_allclose(found.covariance, expected.covariance, rtol=1e-9)
        assert_allclose(found.weight, expected.weight, rtol=1e-9)


def test_row_positions_are_counted_across_batches():
    data = frame(30_000, missing=0)
    whole = moments(data, COLUMNS)
    batches = iter(pa.Table.from_pandas(data, preserve_index=False).to_batches(max_chunksize=999))
    assert_allclose(moments(batches, COLUMNS).weight, whole.weight)


def test_replicates_spread_like_the_standard_error():
    data = frame(20_000, missing=0)
    m = moments(data, COLUMNS)
    drawn = m.replicates(2000)
    factor = np.sqrt(m.n_groups / (m.n_groups - 1))
    classic = np.sqrt(np.diag(m.covariance) / m.n)
    # 2,000 replicates and 256 groups: a standard error known to about 5 %
    assert_allclose(drawn.means.std(axis=0, ddof=1) * factor, classic, rtol=0.15)
    assert_allclose(drawn.covariance.mean(axis=0), m.covariance, rtol=0.01)


def test_select_keeps_the_chosen_columns_in_order():
    m = moments(frame(), COLUMNS, missing="pairwise")
    chosen = m.select(["c", "a"])
    assert_allclose(chosen.covariance, m.covariance[np.ix_([2, 0], [2, 0])])
    assert_allclose(chosen.replicates(5).means, m.replicates(5).means[:, [2, 0]])


def test_published_matrix_becomes_moments_without_replicates():
    corr = [[1, 0.5], [0.5, 1]]
    m = Moments.from_correlation(corr, 100, columns=["a", "b"], sd=[2, 3], mean=[5, 6])
    assert_allclose(m.covariance, [[4, 3], [3, 9]])
    assert_allclose(m.means, [5, 6])
    assert (m.n, m.n_groups) == (100, 0)
    with pytest.raises(ValueError, match="published matrix"):
        m.replicates()
    with pytest.raises(ValueError, match="ones on its diagonal"):
        Moments.from_correlation([[2, 0], [0, 1]], 100, columns=["a", "b"])


def test_errors_name_the_column_and_the_remedy():
    data = frame()
    with pytest.raises(KeyError, match=r"'aa' \(nearest: 'a'\)"):
        moments(data, ["aa", "b"])
    with pytest.raises(ValueError, match=r"'id' is str, for example 'C\d+'"):
        moments(data, ["a", "id"])
    with pytest.raises(ValueError, match="1 missing and 2 negative"):
        moments(data.assign(w=[-1, -1, np.nan] + [1.0] * (len(data) - 3)), COLUMNS, weight="w")
    with pytest.raises(ValueError, match="allowed are 'listwise' and 'pairwise'"):
        moments(data, COLUMNS, missing="mean")
    with pytest.raises(ValueError, match="has no row order"):
        moments(ibis.memtable(pa.Table.from_pandas(data)), COLUMNS)
    with pytest.raises(TypeError, match="data is a str"):
        moments("data.csv", COLUMNS)


def test_rows_of_weight_zero_do_not_count():
    data = frame(missing=0)
    half = data.assign(w=[1.0, 0.0] * (len(data) // 2))
    m = moments(half, COLUMNS, weight="w")
    assert m.n == len(data) // 2
    assert_allclose(m.means, data[COLUMNS].iloc[::2].mean().to_numpy())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_a_constant_factor_on_weights_and_the_row_order_change_nothing(seed, factor):
    data = frame(80, seed)
    expected = moments(data, COLUMNS, weight="w", cluster="id", missing="pairwise")
    scaled = moments(
        data.assign(w=data["w"] * factor).sample(frac=1, random_state=seed),
        COLUMNS,
        weight="w",
        cluster="id",
        missing="pairwise",
    )
    assert_allclose(scaled.means, expected.means, rtol=1e-9)
    assert_allclose(scaled.covariance, expected.covariance, rtol=1e-7, atol=1e-9)
    assert_allclose(scaled.n_eff, expected.n_eff, rtol=1e-9)


def test_weight_one_is_no_weight():
    data = frame().assign(w=1.0)
    with_weight, without = moments(data, COLUMNS, weight="w"), moments(data, COLUMNS)
    assert_allclose(with_weight.covariance, without.covariance)
    assert with_weight.n_eff == without.n_eff == without.n


def test_segment_means_equal_a_groupby():
    data = frame(5_000).assign(region=lambda t: np.where(t.index % 3 == 0, "N", "S"))
    sums = sum_by_segment(blocks(data, COLUMNS, weight="w", cluster="id", by=["region"]), COLUMNS)
    for i, (region,) in enumerate(sums.segments):
        part = data[data["region"] == region]
        expected = [np.average(part[c].dropna(), weights=part.loc[part[c].notna(), "w"]) for c in COLUMNS]
        assert_allclose(sums.means[i], expected)
        assert sums.counts[i].tolist() == part[COLUMNS].notna().sum().tolist()


def test_segments_added_up_are_the_total_also_in_replicates():
    data = frame(2_000).assign(region=lambda t: np.where(t.index % 3 == 0, "N", "S"))
    parts = sum_by_segment(blocks(data, COLUMNS, by=["region"]), COLUMNS)
    total = sum_by_segment(blocks(data, COLUMNS), COLUMNS)
    both, drawn = parts.combine(np.ones((2, 2))), total.draw(replicates=20)
    assert_allclose(both.means[0], total.means[0])
    assert_allclose(both.sd[0], total.sd[0])
    assert_allclose(both.replicates(drawn)[:, 0], total.replicates(drawn)[:, 0])


def test_rows_without_a_segment_are_left_out():
    data = pd.DataFrame({"q": [1.0, 2.0, 3.0], "region": ["N", None, "N"]})
    sums = sum_by_segment(blocks(data, ["q"], by=["region"]), ["q"])
    assert sums.segments == (("N",),)
    assert sums.counts.tolist() == [[2]]


def test_multiplicities_depend_on_seed_and_groups_only():
    present = np.arange(256) % 2 == 0
    first = multiplicities(present, replicates=50, seed=3)
    assert_allclose(first.sum(axis=1), 128)
    assert (first[:, ~present] == 0).all()
    assert (first == multiplicities(present, replicates=50, seed=3)).all()
    assert (first != multiplicities(present, replicates=50, seed=4)).any()
