import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csatlib.tables.points import dimension_of, find


def frame(*rows, names="abcde"):
    return pd.DataFrame([[str(v) if v is not None else None for v in row] for row in rows], columns=list(names))


def test_neighbours_that_add_up_to_100():
    data = frame((7, 30, 50, 20, 3), (6, 40, 40, 20, 2), (5, None, None, None, 4), (5, 10, 20, 70, 4))
    assert find(data, list("abcde")) == (["b", "c", "d"], 1.0)


def test_most_rows_are_enough_and_the_share_is_told():
    rows = [(30, 70)] * 9 + [(30, 60)]
    assert find(frame(*rows, names="ab"), ["a", "b"]) == (["a", "b"], 0.9)
    assert find(frame(*rows, *[(1, 30)] * 5, names="ab"), ["a", "b"]) == ([], 0.0)


@pytest.mark.parametrize(
    "rows",
    [
        [(5, 5, 5, 5, 5)] * 4,
        [(10,) * 10] * 4,
        [(100, 0)] * 3,
        [(101, -1)] * 3,
        [("x", 100)] * 3,
        [(50, 50)],
    ],
)
def test_what_is_no_sharing_out(rows):
    names = "abcdefghij"[: len(rows[0])]
    assert find(frame(*rows, names=names), list(names)) == ([], 0.0)


@given(st.lists(st.lists(st.integers(1, 60), min_size=4, max_size=4), min_size=3, max_size=30))
def test_shares_of_any_kind_are_found(rows):
    shared = [[round(100 * v / sum(row)) for v in row] for row in rows]
    shared = [[*row[:-1], 100 - sum(row[:-1])] for row in shared]
    if max(map(max, shared)) > 10 and all(map(any, zip(*shared, strict=True))):  # three may share all of it
        assert find(frame(*shared, names="abcd"), list("abcd")) == (list("abcd"), 1.0)


def test_dimensions_by_words():
    assert dimension_of("Importance: Responsiveness (points)") == "responsiveness"
    assert dimension_of("移情性 分值") == "empathy"
    assert dimension_of("Q7_1") is None
    assert dimension_of("reliability and empathy") is None
