"""What stands beside each named priority."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csatlib.drivers import Priorities, beside, named, quotations, ratings
from csatlib.tables.scale import Item, Scale

TABLE = pd.DataFrame(
    {
        "label": ["Care", "Speed", "Price", "Looks"],
        "n": 400,
        "n_eff": 400.0,
        "priority": [0.30, 0.25, 0.10, 0.0],
        "set": ["a", "ab", "bc", "c"],
        "below_share": [0.6, 0.5, 0.4, 0.2],
        "target": 5.5,
    }
)


def test_named_are_those_that_cannot_be_told_from_the_first():
    assert [row["label"] for row in named(Priorities(TABLE, TABLE, TABLE))] == ["Care", "Speed"]


def test_nobody_is_named_where_too_many_stand_together_or_answers_are_few():
    alike = TABLE.assign(set="a", priority=0.2)
    assert named(Priorities(alike, TABLE, TABLE)) == []
    assert len(named(Priorities(alike.head(3), TABLE, TABLE))) == 3
    assert named(Priorities(TABLE.assign(n=9, n_eff=9.0), TABLE, TABLE)) == []
    assert named(Priorities(TABLE.assign(n_eff=29.0), TABLE, TABLE)) == []
    assert named(Priorities(TABLE.assign(priority=0.0), TABLE, TABLE)) == []


def test_ratings_average_questions_and_turn_reversed_ones():
    scale = Scale(
        items=(
            Item("a", dimension="care", perception="pa"),
            Item("b", dimension="care", perception="pb", reversed=True),
        ),
        low=1,
        high=7,
    )
    data = pd.DataFrame({"pa": [7.0, 5.0, np.nan], "pb": [1.0, np.nan, np.nan]})
    found = ratings(data, drivers=scale)
    assert found["care"].iloc[:2].tolist() == [7.0, 5.0]
    assert np.isnan(found["care"].iloc[2])
    assert "care" not in data
    with pytest.raises(KeyError, match="pb"):
        ratings(data[["pa"]], drivers=scale)


def comments(n, text="Slow"):
    said = [f"{text} {'x' * i}" for i in range(n)]
    return pd.DataFrame({"care": 2.0, "overall": 2.0, "comment": said})


ASKED = {"driver": "care", "target": 5.5, "outcome": "overall", "unhappy": 4.0}


def test_quotations_need_enough_unhappy_low_raters():
    assert quotations(comments(7), **ASKED) == []
    assert len(quotations(comments(8), **ASKED)) == 2
    assert quotations(comments(8).assign(overall=5.0), **ASKED) == []
    assert quotations(comments(8).assign(care=6.0), **ASKED) == []
    assert quotations(comments(8).drop(columns="comment"), **ASKED) == []
    assert quotations(comments(8), **ASKED, least=9) == []


def test_quotations_are_masked_and_clean_ones_come_first():
    mailed = comments(8, "Write to a.person@example.org")
    assert all("[e-mail]" in text and "@" not in text for text in quotations(mailed, **ASKED))
    mixed = pd.concat([mailed, comments(4).assign(care=1.0)])
    assert all(text.startswith("Slow") for text in quotations(mixed, **ASKED))


def test_touched_gives_wilson_limits():
    # 240 of 400: Wilson 0.5513 to 0.6468
    text = "60 % of customers rate it below 5.5 (55 to 65, n = 400)."
    assert beside.touched(TABLE.iloc[0].to_dict()) == text


def changes(**given):
    row = {"comparison": "rest", "n": 60, "n_eff": 60.0, "p_adjusted": 0.01, "estimate": -0.5}
    row |= {"ci_low": -0.8, "ci_high": -0.2}
    return pd.DataFrame([row | {"group": "North"} | given, row | {"group": "South", "p_adjusted": 0.5}])


def test_worst_names_only_what_lies_below_beyond_random_variation():
    assert beside.worst(changes(), name="region") == "North: 0.50 below all others (0.20 to 0.80, n = 60)."
    none = "No region stands apart beyond random variation."
    for given_ in ({"p_adjusted": 0.06}, {"estimate": 0.5}, {"comparison": "previous"}, {"n": 9}, {"n_eff": 20.0}):
        assert beside.worst(changes(**given_), name="region") == none


def test_watched_is_silent_without_a_figure_and_says_where_no_interval():
    level = {"estimate": 0.85, "ci_low": np.nan, "ci_high": np.nan, "n": 160}
    assert beside.watched("Kept", None) == beside.watched("Kept", level | {"estimate": np.nan}) == ""
    assert beside.watched("Kept", level) == "Kept: 85 % (n = 160; too few units for an interval)."


def test_differing_and_settled_are_whole_sentences():
    row = {"group": "North", "label": "Speed", "n": 90, "n_reference": 90, "n_eff": 90.0, "p_adjusted": 0.01}
    found = pd.DataFrame([row | {"estimate": 0.2}, row | {"estimate": -0.2, "label": "Care"}])
    assert beside.differing(found, name="region") == (
        "North: Speed goes with more satisfaction than elsewhere. "
        "North: Care goes with less satisfaction than elsewhere."
    )
    assert "no rating goes with more or less" in beside.differing(found.assign(n_reference=9), name="region")
    ways = pd.DataFrame(
        {"label": ["a", "b"] * 2, "method": ["x", "x", "y", "y"], "missing": "dummy", "ranks_from": [1, 1] * 2}
    ).assign(ranks_to=[1, 2] * 2)
    assert beside.settled(ways) == "Under 2 choices the place changes of b (1 to 2); the others keep theirs."


@given(st.floats(0, 1), st.integers(30, 5000))
def test_touched_stays_within_0_and_100(share, n):
    row = {"below_share": share, "n": n, "n_eff": float(n), "target": 5.0}
    limits = beside.touched(row).split("(")[1].split(", n")[0].split(" to ")
    assert 0 <= int(limits[0]) <= int(limits[1]) <= 100
