"""Indicators of csat.toml: settings, one case by hand for each formula, open cases and windows."""

from pathlib import Path

import pytest

from csatlib.tables import config
from csatlib.tables.indicators import SHIPPED, Indicator

ROOT = Path(__file__).parents[1]
MINIMAL = '[company]\nname = "X"\n[source]\npath = "data"\n'


def load(tmp_path, text, language=None):
    (tmp_path / "csat.toml").write_text(MINIMAL + text, encoding="utf-8")
    return config.load(tmp_path / "csat.toml", language).indicators


def test_ten_are_shipped_and_each_is_complete(tmp_path):
    shipped = load(tmp_path, "")
    assert list(shipped) == list(SHIPPED)
    assert len(shipped) == 10
    assert {name for name, entry in shipped.items() if entry.better == "lower"} == {
        "response_time",
        "resolution_time",
        "other_channel",
    }


def test_a_shipped_one_is_changed_left_out_or_added_to(tmp_path):
    text = """
[indicators.nps]
target = 30
owner = { en = "Board", zh = "董事会" }
[indicators.ces]
enabled = false
[indicators.on_time]
table = "complaints"
formula = "share"
condition = { reopened = false }
[indicators.wait]
table = "contacts"
formula = "median"
value = "wait_seconds"
unit = "seconds"
better = "lower"
"""
    found = load(tmp_path, text)
    assert (found["nps"].target, found["nps"].value, found["nps"].owner) == (30, "nps", "Board")
    assert load(tmp_path, text, "zh")["nps"].owner == "董事会"
    assert "ces" not in found
    assert found["on_time"].due is None
    assert found["wait"].columns == ["wait_seconds"]
    assert list(found)[-1] == "wait"


def test_every_mistake_comes_at_once_with_the_nearest_name(tmp_path):
    text = """
[indicators.npss]
target = 3
[indicators.nps]
target = "a"
[indicators.ces]
bettr = "lower"
top = 9
[indicators.other_channel]
due = "due_at"
[indicators.csat]
low = 5
high = 1
[indicators.repurchase]
days = 0
[indicators.mine]
table = "complaints"
formula = "medain"
[indicators.mine2]
table = "complaints"
formula = "median"
start = "opened_att"
[indicators.mine3]
table = "complaint"
formula = "on_time"
[indicators.mine4]
table = "complaints"
formula = "first_contact"
days = 3
"""
    with pytest.raises(ValueError, match="has 13 problems") as caught:
        load(tmp_path, text)
    for expected in [
        "indicators.npss.table: required key is missing",
        "indicators.npss: names no table and no formula, and none of this name is shipped (did you mean 'nps'?)",
        "indicators.nps.target: found 'a', allowed: should be a valid number",
        "indicators.ces.bettr: unknown key (did you mean 'better'?)",
        "indicators.other_channel: formula 'other_channel' does not take due",
        "indicators.csat: found low=5, top=1, high=1; allowed low < top <= high",
        "indicators.repurchase.days: found 0, allowed: should be greater than 0",
        "indicators.mine.formula: found 'medain', allowed: 'nps', 'top_box'",
        "(did you mean 'median'?)",
        "indicators.mine2: formula 'median' needs start and end or value",
        "indicators.mine2.start: found 'opened_att', not a column of complaints (did you mean 'opened_at'?)",
        "indicators.mine3.table: found 'complaint'; unknown table (did you mean 'complaints'?)",
        "indicators.mine4: formula 'first_contact' reads contacts, not complaints",
    ]:
        assert expected in str(caught.value)


@pytest.mark.parametrize("text", ["[indicators]\nnps = 3\n", "indicators = 3\n", "[indicators.nps]\nwhere = 3\n"])
def test_wrong_shapes_are_reported(tmp_path, text):
    if text.startswith("indicators"):
        (tmp_path / "csat.toml").write_text(text + MINIMAL, encoding="utf-8")
        with pytest.raises(ValueError, match="indicators: found 3"):
            config.load(tmp_path / "csat.toml")
    else:
        with pytest.raises(ValueError, match=r"indicators\.nps"):
            load(tmp_path, text)


def test_an_indicator_can_be_built_from_literals():
    assert Indicator(table="promises", formula="on_time", due="due_at", end="done_at").columns == [
        "done_at",
        "due_at",
    ]
    with pytest.raises(ValueError, match="formula 'ratio' needs numerator and denominator or value"):
        Indicator(table="operations", formula="ratio")
