"""Indicators of csat.toml: settings, one case by hand for each formula, open cases and windows."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from csatlib.scores import csat, indicators, nps
from csatlib.scores.indicators import _kaplan_meier
from csatlib.stats.intervals import wilson
from csatlib.tables import config, workspace
from csatlib.tables.indicators import SHIPPED, Indicator

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "real"
FIGURES = ["n", "n_missing", "n_open", "estimate", "ci_low", "ci_high"]
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


def days(*texts):
    return pd.to_datetime(pd.Series(texts, dtype="object"), format="mixed").astype("datetime64[us]")


def one(indicator, frame, **more):
    """The only figure of one indicator."""
    found = indicators({indicator.table: frame}, {"it": indicator}, **more)
    assert found.left_out.empty
    (row,) = found.levels.to_dict("records")
    return row


def test_nps_and_top_box_are_those_of_the_scores():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"nps": rng.integers(0, 11, 90).astype(float), "region": ["N", "S", "S"] * 30})
    frame = frame.assign(overall=rng.integers(1, 6, 90).astype(float), w=rng.uniform(0.5, 2, 90))
    frame.loc[:4, "nps"] = np.nan
    wanted = {"nps": SHIPPED["nps"], "top": Indicator(table="responses", formula="top_box", value="overall")}
    wanted["top"] = wanted["top"].model_copy(update={"low": 1.0, "high": 5.0})
    wanted["mean"] = Indicator(table="responses", formula="mean", value="overall")
    frame["responded_at"] = pd.Timestamp("2026-10-05")
    found = indicators({"responses": frame}, wanted, by="region", weight="w").levels
    box = csat(frame, by="region", weight="w")
    columns = ["n", "n_missing", "n_eff", "estimate", "ci_low", "ci_high"]
    assert_allclose(found.query("indicator == 'nps'")[columns], nps(frame, by="region", weight="w")[columns])
    assert_allclose(found.query("indicator == 'top'")[columns], box.query("measure == 'top_box'")[columns])
    mean = found.query("indicator == 'mean'")
    assert_allclose(mean["estimate"], box.query("measure == 'mean'")["estimate"])
    assert mean["unit"].tolist() == ["scale", "scale"]


def test_share_by_hand():
    frame = pd.DataFrame({"reopened": [1.0, 0.0, 0.0, np.nan, 0.0], "level": ["1", "1", "2", "1", "3"]})
    frame["opened_at"] = pd.Timestamp("2026-10-05")
    ever = Indicator(
        table="complaints", formula="share", condition={"reopened": False}, where={"level": ["1", "2"]}
    )
    row = one(ever, frame)
    assert_allclose([row[c] for c in FIGURES[:4]], [3, 1, 0, 2 / 3])
    assert_allclose([row["ci_low"], row["ci_high"]], wilson(2, 3))
    again = Indicator(
        table="complaints", formula="share", value="reopened", better="lower", target=0.1, owner="Ann"
    )
    row = one(again, frame)
    assert (row["n"], row["estimate"], row["better"], row["target"], row["owner"]) == (
        4,
        0.25,
        "lower",
        0.1,
        "Ann",
    )


def test_ratio_by_hand_of_counts_of_values_and_of_few_units():
    frame = pd.DataFrame({"unit": ["N", "S", "N", "S"], "period": ["2026-09"] * 2 + ["2026-10"] * 2})
    frame = frame.assign(metric="availability", numerator=[90.0, 50, 99, 40], denominator=[100.0, 50, 100, np.nan])
    found = indicators(
        {"operations": frame}, {"up": SHIPPED["availability"]}, period=["2026-09", "2026-10"]
    ).levels
    assert found[["period", "n", "n_missing", "estimate", "unit"]].values.tolist() == [
        ["2026-09", 150, 0, 140 / 150, "share"],
        ["2026-10", 100, 1, 0.99, "share"],
    ]
    assert found["ci_low"].isna().all()  # two units say nothing of how units differ
    assert_allclose(found["n_eff"], [150**2 / (100**2 + 50**2), 1])
    whole = one(SHIPPED["availability"], frame, period="2026")
    assert_allclose([whole["n"], whole["estimate"]], [250, 239 / 250])
    values = frame.assign(numerator=np.nan, denominator=np.nan, value=[0.9, 1, 0.8, np.nan])
    row = one(SHIPPED["availability"], values)
    assert [row["n"], row["n_missing"], round(row["estimate"], 9)] == [3, 1, 0.9]
    by_unit = indicators({"operations": values}, {"up": SHIPPED["availability"]}, by="unit").levels
    assert by_unit["group"].tolist() == ["N", "S"]


def test_a_ratio_of_many_units_has_limits_about_its_sampling_error():
    rng = np.random.default_rng(3)
    whole = rng.integers(50, 150, 200)
    frame = pd.DataFrame({"unit": [f"U{k}" for k in range(200)], "period": "2026-10", "metric": "availability"})
    frame = frame.assign(denominator=whole.astype(float), numerator=rng.binomial(whole, 0.9).astype(float))
    row = one(SHIPPED["availability"], frame)
    assert_allclose((row["ci_high"] - row["ci_low"]) / 3.92, np.sqrt(0.09 / whole.sum()), rtol=0.2)
    assert 0 <= row["ci_low"] < row["estimate"] < row["ci_high"] <= 1


def test_median_takes_open_cases_as_lasting_at_least_until_now():
    frame = pd.DataFrame({"opened_at": days(*["2026-10-01"] * 5)})
    frame["resolved_at"] = days("2026-10-02", "2026-10-03", "2026-10-04", None, "2026-10-11")
    row = one(SHIPPED["resolution_time"], frame)
    assert [row["n"], row["n_missing"], row["n_open"], row["estimate"], row["unit"]] == [5, 0, 1, 3.0, "days"]
    dropped = one(SHIPPED["resolution_time"], frame.dropna())
    assert dropped["estimate"] == 2.5  # what leaving out the open one would say
    early = one(SHIPPED["resolution_time"], frame, until=pd.Timestamp("2026-10-03"))
    assert [early["n_open"], np.isnan(early["estimate"])] == [3, True]
    waits = pd.DataFrame({"wait_seconds": [5.0, 1.0, np.nan, 30.0], "occurred_at": pd.Timestamp("2026-10-01")})
    row = one(Indicator(table="contacts", formula="median", value="wait_seconds", unit="seconds"), waits)
    assert [row["n"], row["n_missing"], row["estimate"], row["unit"]] == [3, 1, 5, "seconds"]


def test_medians_of_the_leukaemia_data():
    """Miller (1981), Survival Analysis; R: survfit(Surv(time, status) ~ x, survival::aml) gives 31 and 23."""
    kept = ([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
    others = ([5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1])
    for (time, ended), median in ((kept, 31), (others, 23)):
        time, ended = np.array(time, dtype=float), np.array(ended, dtype=bool)
        found, low, high = _kaplan_meier(time, ended, np.ones(len(time)), 0.95)
        assert found == median
        assert low < median
        assert np.isnan(high) or high > median
    assert _kaplan_meier(np.arange(1.0, 5), np.ones(4, dtype=bool), np.ones(4), 0.95)[0] == 2.5


@pytest.mark.long
@pytest.mark.parametrize("size", [30, 100])
def test_limits_of_the_median_cover_it(size):
    rng, true = np.random.default_rng(1), 10 * np.log(2)
    hits = []
    for _ in range(1000):
        lasts, seen = rng.exponential(10, size), rng.uniform(2, 25, size)
        _, low, high = _kaplan_meier(np.minimum(lasts, seen), lasts <= seen, np.ones(size), 0.95)
        hits.append(low <= true and (np.isnan(high) or true <= high))
    assert 0.93 <= np.mean(hits) <= 0.97


def test_on_time_by_hand():
    frame = pd.DataFrame({"due_at": days("2026-10-02", "2026-10-02", "2026-10-02", "2026-10-09", None)})
    frame["done_at"] = days("2026-10-02", "2026-10-05", None, None, "2026-10-05")
    row = one(SHIPPED["on_time"], frame)  # the third is overdue, the fourth not due yet, the fifth has no date
    assert_allclose([row[c] for c in FIGURES[:4]], [3, 1, 1, 1 / 3])
    row = one(SHIPPED["on_time"].model_copy(update={"unfinished": "left_out"}), frame)
    assert_allclose([row[c] for c in FIGURES[:4]], [2, 1, 2, 1 / 2])


def contacts(*rows):
    frame = pd.DataFrame(rows, columns=["customer_id", "case_id", "channel", "occurred_at", "resolved"])
    frame["contact_id"] = [f"K{k}" for k in range(len(frame))]
    return frame.assign(occurred_at=days(*frame["occurred_at"]), resolved=frame["resolved"].astype(float))


def test_first_contact_by_hand():
    frame = contacts(
        ("A", "S1", "phone", "2026-09-01", True),  # settled
        ("B", "S2", "phone", "2026-09-01", True),  # said to be settled, and back after 3 days
        ("B", "S2", "phone", "2026-09-04", True),
        ("C", "S3", "phone", "2026-09-01", False),
        ("D", "S4", "phone", "2026-09-01", True),  # back after 20 days: another matter
        ("D", "S4", "phone", "2026-09-21", True),
        ("E", "S5", "phone", "2026-10-04", False),  # its seven days are not over
        ("F", None, "phone", "2026-09-01", True),  # no case
        ("G", "S7", "phone", "2026-09-01", None),  # not known
        ("H", "S8", "phone", "2026-10-05", True),
    )
    row = one(SHIPPED["first_contact_resolution"], frame.sample(frac=1, random_state=0))
    assert_allclose([row[c] for c in FIGURES[:4]], [4, 2, 2, 2 / 4])
    months = indicators({"contacts": frame}, {"it": SHIPPED["first_contact_resolution"]}, period="2026-10").levels
    assert months[["n", "n_open"]].values.tolist() == [[0, 2]]


def test_other_channel_by_hand():
    frame = contacts(
        ("A", None, "app", "2026-09-01", None),  # then phones: repeat
        ("A", None, "app", "2026-09-02", None),  # repeat too
        ("A", None, "phone", "2026-09-05", None),  # then the same channel: none
        ("A", None, "phone", "2026-09-06", None),
        ("A", None, "app", "2026-09-20", None),  # after 14 days
        ("B", None, "chat", "2026-09-05", None),
        (None, None, "phone", "2026-09-05", None),
        ("C", None, "phone", "2026-10-01", None),
        ("C", None, "chat", "2026-10-02", None),
    )
    row = one(SHIPPED["other_channel"], frame.sample(frac=1, random_state=0))
    assert_allclose([row[c] for c in FIGURES[:4]], [6, 1, 2, 2 / 6])


def test_repeat_purchase_by_hand():
    frame = pd.DataFrame({"customer_id": ["A", "A", "B", "B", "C", "C", "D", "D"], "amount": 10.0})
    frame.loc[3, "amount"] = -10.0  # money back is no purchase
    frame["occurred_at"] = days(
        *("2026-01-05 10:00", "2026-01-20", "2026-01-06", "2026-01-30"),
        *("2026-01-07 10:00", "2026-01-07 18:00", "2026-04-10", "2026-04-20"),
    )
    row = one(SHIPPED["repurchase"], frame, period="2026-01")
    assert_allclose([row[c] for c in FIGURES[:4]], [3, 0, 0, 1 / 3])
    row = one(SHIPPED["repurchase"], frame, period="2026-04")  # D did, but whoever did not cannot be told yet
    assert [row[c] for c in FIGURES[:3]] == [0, 0, 1]
    assert np.isnan(row["estimate"])


def test_what_is_absent_is_left_out_and_named():
    frame = pd.DataFrame(
        {"responded_at": days("2026-10-01", "2026-10-02"), "overall": [4.0, 5.0], "nps": [9.0, 3.0]}
    )
    found = indicators({"responses": frame}, SHIPPED, period="2026-10")
    assert found.levels["indicator"].tolist() == ["nps"]
    told = found.left_out.groupby("indicator", sort=False)[["what", "name"]].first()
    assert told.loc["csat"].tolist() == ["range", "overall"]
    assert told.loc["ces"].tolist() == ["column", "ces"]
    assert told.loc["on_time"].tolist() == ["table", "promises"]
    assert len(told) == 9
    empty = indicators({"responses": frame}, {"nps": SHIPPED["nps"]}, period="2026-09")
    assert empty.left_out[["what", "name"]].values.tolist() == [["rows", "responses"]]
    assert indicators({"responses": frame}, {"nps": SHIPPED["nps"]}, by="region").left_out["name"].tolist() == [
        "region"
    ]
    with pytest.raises(ValueError, match="data is a list; allowed are a workspace"):
        indicators([], SHIPPED)
    with pytest.raises(ValueError, match="is not a period"):
        indicators({"responses": frame}, SHIPPED, period="October")


def test_a_group_of_the_customers_is_found_through_them():
    frame = contacts(*((k, f"S{k}", "phone", "2026-09-01", k != "B") for k in "ABCD"))
    people = pd.DataFrame({"customer_id": list("ABC"), "region": ["N", "N", "S"]})
    found = indicators(
        {"contacts": frame, "customers": people},
        {"first": SHIPPED["first_contact_resolution"]},
        by="region",
        until=pd.Timestamp("2026-10-01"),
    ).levels
    assert found[["group", "n", "estimate"]].values.tolist() == [["N", 2, 0.5], ["S", 1, 1.0]]


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000))
def test_order_and_a_constant_factor_of_the_weights_change_nothing(seed):
    rng = np.random.default_rng(seed)
    opened = pd.Timestamp("2026-09-01") + pd.to_timedelta(rng.integers(0, 900, 60), "h")
    frame = pd.DataFrame(
        {"complaint_id": [f"M{k}" for k in range(60)], "opened_at": opened, "w": rng.uniform(1, 2, 60)}
    )
    lasted = pd.Series(pd.to_timedelta(rng.integers(1, 400, 60), "h")).mask(rng.random(60) < 0.2)
    frame = frame.assign(resolved_at=frame["opened_at"] + lasted, reopened=(rng.random(60) < 0.3) * 1.0)
    wanted = {"time": SHIPPED["resolution_time"]}
    wanted["again"] = Indicator(table="complaints", formula="share", value="reopened")
    plain = indicators({"complaints": frame}, wanted, weight="w").levels[FIGURES]
    other = frame.sample(frac=1, random_state=seed).assign(w=lambda d: 3 * d["w"])
    assert_allclose(indicators({"complaints": other}, wanted, weight="w").levels[FIGURES], plain, rtol=1e-9)
    even = indicators({"complaints": frame.assign(w=1.0)}, {"time": wanted["time"]}, weight="w").levels[FIGURES]
    assert_allclose(even, indicators({"complaints": frame}, {"time": wanted["time"]}).levels[FIGURES])


@pytest.fixture
def example(tmp_path):
    """Open an example on the data of a folder of ../shared/real."""

    def open_example(name, folder):
        if not (REAL / folder).is_dir():
            pytest.skip(f"{folder} is not in ../shared/real")
        shutil.copy(ROOT / "examples" / name / "csat.toml", tmp_path)
        (tmp_path / "data").symlink_to(REAL / folder, target_is_directory=True)
        return workspace.open(tmp_path / "csat.toml")

    return open_example


@pytest.mark.long
def test_garden_centre(example):
    ws = example("garden_centre", "nps_benavent")
    found = indicators(ws, ws.settings.indicators).levels.set_index("indicator").loc["nps"]
    assert (found["n"], found["n_missing"], round(found["estimate"], 2)) == (13612, 342, 53.42)


@pytest.mark.long
def test_baltimore(example):
    """SOURCE.txt: closed with both dates n = 9,555, within due date 83.60 %, median open time 31.1 h."""
    ws = example("baltimore311", "baltimore311")
    found = indicators(ws, ws.settings.indicators).levels.set_index("indicator")
    kept = found.loc["on_time"]
    assert (kept["n"], kept["n_open"], kept["n_missing"], round(kept["estimate"], 3)) == (9555, 159, 286, 0.836)
    late = indicators(ws, {"on_time": ws.settings.indicators["on_time"].model_copy(update={"unfinished": "late"})})
    assert late.levels["estimate"].item() < kept["estimate"]
    lasted = found.loc["resolution_time"]
    assert (lasted["unit"], lasted["n_open"]) == ("hours", 208)
    assert lasted["estimate"] > 31.1  # the median of those closed alone
