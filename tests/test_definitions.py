"""The definitions page: each figure in words, from the settings alone."""

from pathlib import Path

import pandas as pd
import pytest

from csatlib import words
from csatlib.scores import definition_sentences as sentences
from csatlib.scores import definition_tables, indicators, settled
from csatlib.tables import config
from csatlib.tables.indicators import SHIPPED, Indicator

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def english():
    yield
    words.use("en")


def test_every_shipped_indicator_has_a_name_and_a_definition():
    assert list(sentences.LABELS) == list(SHIPPED)
    table = definition_tables.definitions(SHIPPED, scales={}, columns={}).set_index("indicator")
    assert table.index.tolist() == list(SHIPPED)
    assert not table.map(lambda text: "{" in text or text == "").any(axis=None)
    assert table.loc["response_time", "formula"].startswith("Median time from “opened at” to “first response at”.")
    assert table.loc["on_time", "source"] == "promises: done_at, due_at"
    assert table.loc["repurchase", "counted"].startswith("Customers who bought in the period and whose 90 days")
    assert (table.loc["other_channel", "better"], table.loc["other_channel", "owner"]) == ("lower", "–")


def test_the_sample_company_says_which_rows_and_answers_count():
    found = config.load(ROOT / "csat.toml", "zh")
    table = definition_tables.definitions(found.indicators, scales=found.scales, columns=found.columns)
    table = table.set_index("indicator")
    assert "6 or more, on a scale from 1 to 7" in table.loc["csat", "formula"]
    assert table.loc["csat", "counted"].endswith("Only rows with 调查: 关系调查.")
    assert table.loc["csat", "owner"] == "管理层"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"formula": "share", "condition": {"reopened": False}}, "Share where reopened: no."),
        ({"formula": "share", "value": "reopened"}, "Share where the answer is yes. Column: reopened."),
        ({"formula": "mean", "value": "rating_after"}, "Mean of rating after."),
        ({"formula": "median", "value": "compensation"}, "Median of compensation."),
        ({"formula": "ratio", "value": "compensation"}, "Mean of compensation over all units."),
        ({"formula": "top_box", "value": "rating_after"}, "Share of answers of ? or more"),
    ],
)
def test_formulas_of_ones_own(more, said):
    mine = {"mine": Indicator(table="complaints", **more)}
    assert definition_tables.definitions(mine, scales={}, columns={})["formula"].item().startswith(said)


def levels(**more):
    row = {
        "indicator": "on_time",
        "label": "On time",
        "group": "all",
        "period": "2026-10",
        "unit": "share",
        "n": 90,
    }
    row |= {
        "n_missing": 3,
        "n_open": 4,
        "n_eff": 90.0,
        "estimate": 0.8,
        "ci_low": 0.7,
        "ci_high": 0.9,
        "target": 0.9,
    }
    return pd.DataFrame([row | more])


def test_figures_are_in_percent_and_small_bases_hidden_altogether():
    shown = definition_tables.figures(levels(), SHIPPED).iloc[0]
    assert shown[["estimate", "aim", "missing", "open", "unit"]].tolist() == [80.0, "90.0", "3", "4", "%"]
    few = definition_tables.figures(levels(n=9), SHIPPED).iloc[0]
    assert few[["missing", "open"]].tolist() == ["·", "·"]
    assert pd.isna(few["estimate"])
    assert sentences.figure(few) == "Not shown: too few answers."
    exact = definition_tables.figures(
        levels(indicator="availability", ci_low=float("nan"), ci_high=float("nan")), SHIPPED
    )
    assert sentences.figure(exact.iloc[0]) == "On time, 2026-10: 80.00 % (no interval, n = 90)."


def test_the_newest_period_that_is_mostly_decided_stands():
    several = pd.concat([levels(period="2026-08"), levels(period="2026-09", n_open=89), levels(n=0, n_open=50)])
    assert settled(several)["period"].tolist() == ["2026-09"]
    assert settled(levels(n=0, n_open=50))["period"].tolist() == ["2026-10"]


def test_owners_targets_and_what_is_left_out_are_told():
    full = SHIPPED["nps"].model_copy(update={"owner": "Board", "target": 20.0})
    bare = {"nps": full, "on_time": SHIPPED["on_time"]}
    assert sentences.owned(bare).endswith("No owner is named for Promises kept on time.")
    assert sentences.owned({"nps": full, "csat": full}) == "The company follows 2 indicators; each has an owner."
    assert sentences.action(bare) == (
        "Name an owner for Promises kept on time. Agree on a target for Promises kept on time."
    )
    assert sentences.action({"nps": full}).startswith("Keep these definitions")
    out = pd.DataFrame({"label": ["A", "B"], "what": ["table", "column"], "name": ["contacts", "ces"]})
    told = sentences.measured(bare, levels(), out)
    assert told.startswith(
        "1 of 2 have a figure, 1 a target. Left out, since the company has no such table: A (contacts)"
    )
    assert told.endswith("a column is missing: B (ces).")


def test_a_lone_small_group_takes_the_next_of_its_own_indicator_with_it():
    rows = [levels(group=group, n=n) for group, n in (("N", 9), ("S", 60), ("W", 40))]
    other = [levels(indicator="nps", group=group, n=30) for group in "NSW"]
    shown = definition_tables.figures(pd.concat(rows + other), SHIPPED)
    assert shown[shown["hidden"]][["indicator", "group"]].values.tolist() == [["on_time", "N"], ["on_time", "W"]]


def test_nothing_measured_is_an_empty_page():
    found = indicators({}, SHIPPED, period="2026-10")
    assert definition_tables.figures(settled(found.levels), SHIPPED).empty
    assert len(found.left_out) == 10
    assert definition_tables.definitions({}, scales={}, columns={}).columns.tolist()[:2] == ["indicator", "label"]
