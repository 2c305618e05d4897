"""Headlines side by side, and the sentences made from scores."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from csatlib.scores import change, csat, followed, headlines, in_percent, mix_shift, nps, rewordings, sentences
from csatlib.stats.intervals import holm
from csatlib.tables.config import _Column
from csatlib.tables.indicators import SHIPPED, Indicator
from csatlib.tables.scale import Item, Scale

WANTED = {
    "NPS": {"score": "nps", "target": 30},
    "Satisfied": {"score": "top_box", "outcome": "overall", "low": 1, "high": 7, "target": 0.5},
    "Mean": {"score": "mean", "outcome": "overall", "low": 1, "high": 7},
}


def answers(n=400, seed=1, shift=0.0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"period": np.repeat(["2026-08", "2026-09", "2026-10"], n)})
    liking = rng.normal(5, 1.2, len(frame)) + np.where(frame["period"] == "2026-10", shift, 0)
    frame["overall"] = liking.round().clip(1, 7)
    frame["nps"] = (liking * 1.6 + rng.normal(0, 1, len(frame))).round().clip(0, 10)
    frame["region"] = rng.choice(["North", "South"], len(frame))
    return frame


def test_headlines_are_those_of_the_single_functions_with_shares_in_percent():
    data = answers()
    found = headlines(data, WANTED, period="2026-10")
    one = nps(data, by="period").set_index("group").loc["2026-10"]
    box = csat(data, low=1, high=7, by="period").query("measure == 'top_box'").set_index("group").loc["2026-10"]
    level = found.levels.set_index("label")
    assert level.index.tolist() == list(WANTED)
    for column in ("n", "estimate", "ci_low", "ci_high"):
        assert_allclose(level.loc["NPS", column], one[column])
        assert_allclose(level.loc["Satisfied", column], box[column] * (1 if column == "n" else 100))
    assert len(found.series) == 9
    assert level["unit"].tolist() == ["points", "%", "of 7"]


def test_changes_are_adjusted_over_all_headlines():
    data = answers()
    found = headlines(data, WANTED, period="2026-10").changes
    single = [change(data, period="2026-10", **asked) for asked in WANTED.values()]
    plain = np.concatenate([one["p_value"] for one in single])
    assert_allclose(found["p_adjusted"], holm(plain))
    assert (found["p_adjusted"] >= np.concatenate([one["p_adjusted"] for one in single])).all()
    box = found.query("label == 'Satisfied' and comparison == 'target'").iloc[0]
    assert_allclose(box["estimate"], 100 * (single[1].query("comparison == 'target'").iloc[0]["value"] - 0.5))


def test_mistakes_in_what_is_wanted_come_at_once():
    wrong = {
        "A": {"score": "stars"},
        "B": {"score": "mean", "outcome": "overall"},
        "C": {"score": "nps", "aim": 3},
    }
    with pytest.raises(ValueError, match=r"A: score='stars'.*B: a mean needs low and high.*C: unknown key 'aim'"):
        headlines(answers(), wrong, period="2026-10")
    with pytest.raises(ValueError, match="wanted is empty"):
        headlines(answers(), {}, period="2026-10")


def test_percent_touches_shares_only_and_not_its_input():
    result = pd.DataFrame({"unit": ["share", "scale"], "estimate": [0.25, 4.0], "n": [10, 10]})
    assert in_percent(result)[["estimate", "n"]].values.tolist() == [[25.0, 10], [4.0, 10]]
    assert result["estimate"].tolist() == [0.25, 4.0]


def test_a_real_change_is_told_with_its_direction_and_size():
    low, high = (headlines(answers(shift=s), WANTED, period="2026-10").changes for s in (-1.0, 1.0))
    assert "NPS is worse than in 2026-09, by " in sentences.moved(low)
    assert "NPS is better than in 2026-09, by " in sentences.moved(high)
    quiet = sentences.moved(headlines(answers(shift=0), {"NPS": {"score": "nps"}}, period="2026-10").changes)
    assert quiet == "NPS: whether it moved from 2026-09 cannot be told."


def test_sizes_and_limits_of_a_fall_are_told_without_minus_signs():
    row = {"label": "NPS", "comparison": "previous", "reference": "2026-09", "n": 90, "p_adjusted": 0.01}
    text = sentences.moved(
        pd.DataFrame([row | {"estimate": -9.0, "ci_low": -15.0, "ci_high": -3.0, "decimals": 0}])
    )
    assert text == "NPS is worse than in 2026-09, by 9 (3 to 15)."


def test_what_is_hidden_or_indicative_is_not_judged():
    row = {"label": "NPS", "group": "North", "comparison": "previous", "reference": "2026-09", "decimals": 0}
    row |= {"estimate": -9.0, "ci_low": -15.0, "ci_high": -3.0, "p_adjusted": 0.001, "minimum_detectable": 12.0}
    hidden, thin = (pd.DataFrame([row | n]) for n in ({"n": 4, "n_eff": 4}, {"n": 40, "n_eff": 20}))
    for few in (hidden, thin):
        assert "cannot be told" in sentences.moved(few)
        assert "no group moved" in sentences.where(few, name="region")
        assert sentences.action(few, few, name="region").startswith("Nothing moved")
    assert sentences.visible(hidden) == ""
    assert sentences.figures(hidden.assign(unit="points")) == "Too few answers to show a figure."


def test_the_place_that_fell_is_named_and_is_where_to_look():
    data = answers()
    north = (data["region"] == "North") & (data["period"] == "2026-10")
    data.loc[north, "nps"] = (data.loc[north, "nps"] - 4).clip(lower=0)
    places = change(data, period="2026-10", by="region").assign(decimals=0)
    told = sentences.where(places, name="region")
    assert "North: worse than in 2026-09, by " in told
    assert "North: worse than all others, by " in told
    assert sentences.action(places.assign(label="NPS"), places, name="region").startswith(
        "Look into North (region)"
    )


def test_where_nothing_stands_apart_the_smallest_visible_change_is_told():
    places = change(answers(), period="2026-10", by="region").assign(decimals=0)
    assert "no group moved or stands apart beyond random variation. A change under " in sentences.where(
        places, name="region"
    )


@pytest.mark.parametrize("term", ["composition", "score"])
def test_who_answered_is_told_from_what_they_scored(term):
    data = answers(800)
    before, now = data["period"] == "2026-09", data["period"] == "2026-10"
    data.loc[before | now, "overall"] = np.where(data.loc[before | now, "region"] == "North", 3.0, 6.0)
    data = data[before | now]
    if term == "composition":
        data = data[
            ~((data["period"] == "2026-10") & (data["region"] == "North") & (np.arange(len(data)) % 3 > 0))
        ]
    else:
        data["overall"] = data["overall"] + (data["period"] == "2026-10")
    mix = mix_shift(data, by="region", period="2026-10", reference="2026-09", score="mean", low=1, high=7)
    told = sentences.answered(mix, decimals=1)
    verb = {"composition": "with who answered, beyond", "score": "with the scores given, beyond"}[term]
    assert verb in told or "both beyond" in told


def test_the_smallest_visible_change_is_told_once_per_headline():
    rows = pd.DataFrame(
        {"comparison": ["previous", "last_year", "target"], "minimum_detectable": [16.1, 17.7, 12.0]}
    )
    rows = rows.assign(label="NPS", unit="points", n=300, decimals=0)
    assert (
        sentences.visible(rows)
        == "NPS: a true change of 16 points from one period to the next would be seen in 8 of 10 cases."
    )


def test_followed_are_the_scores_of_answers_with_their_own_rows():
    indicators = SHIPPED | {
        "ces": SHIPPED["ces"].model_copy(update={"where": {"survey": "transactional"}, "target": 0.7}),
        "waits": Indicator(table="contacts", formula="mean", value="wait_seconds"),
        "pace": Indicator(table="responses", formula="mean", value="pace"),
    }
    known = {"survey": _Column(values={"transactional": "Contact survey"})}
    scale = Scale(items=(Item("overall", perception="overall"),), low=1, high=7)
    found = followed(indicators, scales={"overall": scale}, columns=known)
    assert list(found) == ["Net Promoter Score", "Satisfied customers", "Found it easy"]
    assert found["Satisfied customers"] | {"where": {}} == {
        "score": "top_box",
        "outcome": "overall",
        "low": 1,
        "high": 7,
        "where": {},
    }
    assert found["Found it easy"]["where"] == {"survey": "Contact survey"}
    assert (found["Found it easy"]["top"], found["Found it easy"]["target"]) == (5.0, 0.7)
    with pytest.raises(ValueError, match="no indicator of the settings is a score of the answers"):
        followed(indicators, scales={}, available=["overall"])


def test_headlines_rest_on_their_own_rows():
    rows = {"nps": [10] * 40 + [0] * 60, "survey": ["a"] * 40 + ["b"] * 60}
    answers = pd.DataFrame(rows).assign(period="2026-10")
    wanted = {name: {"score": "nps", "where": {"survey": name}} for name in ("a", "b")}
    wanted["both"] = {"score": "nps", "where": {"survey": ["a", "b"]}}
    found = headlines(answers, wanted, period="2026-10")
    assert found.levels[["label", "n", "estimate"]].values.tolist() == [
        ["a", 40, 100.0],
        ["b", 60, -100.0],
        ["both", 100, -20.0],
    ]


def test_rewordings_begin_with_their_wave():
    answers = pd.DataFrame({"wave": ["A", "A", "B", "C"], "period": ["2026-01", "2026-02", "2026-03", "2026-04"]})
    wording = {"q1": {"A": "x", "B": "y"}, "q2": {"A": "x", "B": "z", "C": "x"}, "q3": {"0": "x", "A": "y"}}
    assert rewordings(answers, wording) == {"2026-03": ["q1", "q2"], "2026-04": ["q2"]}
    assert rewordings(answers.drop(columns="wave"), wording) == {}
