import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from openpyxl import load_workbook
from scipy import stats

from csatlib import words
from csatlib.tables import workspace
from csatlib.touchpoints import actions, band, inventory, quadrants, save, template
from csatlib.touchpoints.inventory import PURPOSES, STAGES

ROOT = Path(__file__).parents[1]
GOLDEN = json.loads((Path(__file__).parent / "golden" / "touchpoints.json").read_text(encoding="utf-8"))
ABOUT = {"purpose": "solve a problem", "role": "loyalty", "owner": "Care"}


def workshop():
    """Six touchpoints, two raters: a department's and a customer; entered out of order."""
    rows = [
        (name, stage, owner, rater, side, *marks)
        for name, stage, owner, given in GOLDEN["ten_steps"]["ratings"]
        for (rater, side), marks in zip((("Lead", "department"), ("Panel 1", "customer")), given, strict=True)
    ]
    columns = ["touchpoint", "stage", "owner", "rater", "rater_side", "impact", "operational", "experience"]
    return pd.DataFrame(rows, columns=columns).assign(purpose="solve a problem", role="loyalty")


def test_the_ten_steps_give_the_table_made_by_hand():
    found = inventory(workshop())
    placed = quadrants(found.entries)
    by_hand = pd.DataFrame(GOLDEN["ten_steps"]["table"], columns=GOLDEN["ten_steps"]["columns"])
    pd.testing.assert_frame_equal(
        placed[list(by_hand)].reset_index(drop=True),
        by_hand,
        check_dtype=False,
        atol=GOLDEN["ten_steps"]["tolerance"],
    )
    assert found.stages[["stage", "touchpoints"]].values.tolist() == GOLDEN["ten_steps"]["stages"]
    todo = actions(workshop(), reach={"Field service": 0.5, "Hotline": 0.8, "Billing": 0.9})
    assert todo[["touchpoint", "axis"]].values.tolist() == GOLDEN["ten_steps"]["actions"]
    assert_allclose(todo["priority"], GOLDEN["ten_steps"]["priorities"])
    assert todo[["due_on", "next_review"]].eq("").all(axis=None)


def test_bands_and_the_cut_are_inclusive_as_declared():
    assert [band(v) for v in (10, 8, 7.99, 6, 5.99, 1, np.nan)] == [
        "high", "high", "middle", "middle", "low", "low", None,
    ]  # fmt: skip
    entries = pd.DataFrame({"touchpoint": list("abc"), "impact": [8.0, 8, 8], "experience": 7.0})
    placed = quadrants(entries.assign(operational=[5.5, 5.4, np.nan]))
    assert placed["quadrant"].tolist()[:2] == ["keep", "feels good, works badly"]
    assert placed["quadrant"].isna().tolist() == [False, False, True]
    assert placed["correct"].tolist() == [False, True, False]
    with pytest.raises(ValueError, match="cut=11; it must lie above 1"):
        quadrants(entries.assign(operational=5.0), cut=11)


def panel(department, customer, **about):
    """One touchpoint with the given impact marks on each side."""
    rows = [(f"D{i}", "department", v) for i, v in enumerate(department)]
    rows += [(f"C{i}", "customer", v) for i, v in enumerate(customer)]
    data = pd.DataFrame(rows, columns=["rater", "rater_side", "impact"])
    return data.assign(touchpoint="Hotline", stage="use", operational=5, experience=5, **(ABOUT | about))


def test_both_sides_count_alike_and_are_compared_by_welch():
    department, customer = [9, 8, 9, 10], [5, 6, 4, 5, 6, 5, 4, 7]
    row = inventory(panel(department, customer)).ratings.set_index("rating").loc["impact"]
    oracle = stats.ttest_ind(department, customer, equal_var=False)
    assert_allclose(row["estimate"], (np.mean(department) + np.mean(customer)) / 2)
    assert_allclose(row["difference"], 3.75)
    assert_allclose([row["difference_low"], row["difference_high"]], oracle.confidence_interval())
    assert_allclose(row["p_adjusted"], oracle.pvalue)
    assert_allclose((row["ci_high"] - row["ci_low"]) * 2, row["difference_high"] - row["difference_low"])
    pooled = (3 * np.var(department, ddof=1) + 7 * np.var(customer, ddof=1)) / 10
    assert_allclose([row["sd"], row["agreement"]], [np.sqrt(pooled), 1 - pooled / 8.25])
    assert row["disagree"]
    alone = inventory(panel([9, 8, 9, 10], [])).ratings.set_index("rating").loc["impact"]
    assert_allclose([alone["ci_low"], alone["estimate"]], [9 - stats.t.ppf(0.975, 3) * np.sqrt(2 / 3 / 4), 9])
    assert np.isnan(alone["difference"])


def test_rows_in_another_order_and_chinese_words_give_the_same():
    data = workshop()
    chinese = data.assign(stage=data["stage"].map(STAGES), purpose=data["purpose"].map(PURPOSES))
    one, two = inventory(data), inventory(chinese)
    pd.testing.assert_frame_equal(one.entries, two.entries)
    mixed = inventory(data.iloc[::-1]).ratings.sort_values(["touchpoint", "rating"], ignore_index=True)
    pd.testing.assert_frame_equal(mixed, one.ratings.sort_values(["touchpoint", "rating"], ignore_index=True))


def test_what_is_wrong_is_told_at_once_and_what_is_missing_is_listed():
    data = panel([9, 11], [5])
    data.loc[0, "stage"] = "usage"
    with pytest.raises(ValueError, match="'stage' holds 'usage'; allowed are 'attract'") as error:
        inventory(data)
    assert "'impact' holds 1 ratings outside 1 to 10, for example 11" in str(error.value)
    with pytest.raises(ValueError, match="'D0' rates 'Hotline' twice"):
        inventory(pd.concat([panel([9], [5])] * 2))
    with pytest.raises(ValueError, match="'Hotline' stands in 2 stages"):
        inventory(panel([9], [5]).assign(stage=["use", "buy"]))
    with pytest.raises(KeyError, match="'owner'"):
        inventory(panel([9], [5]).drop(columns="owner"))
    found = inventory(panel([np.nan], [], owner=" ", purpose=None)).problems
    assert found["problem"].tolist() == ["no owner", "no purpose", "not rated: impact"]
    with pytest.raises(ValueError, match="a reach is a share"):
        actions(workshop(), reach={"Hotline": 80})


def test_rank_stability_needs_raters_who_agree():
    def ask(noise):
        rng = np.random.default_rng(0)
        means = {"First": 2.0, "Second": 4.0}
        rows = [
            (name, f"P{i}", 9, np.clip(low + noise * rng.normal(), 1, 10))
            for name, low in means.items()
            for i in range(12)
        ]
        data = pd.DataFrame(rows, columns=["touchpoint", "rater", "impact", "operational"])
        data = data.assign(experience=8, stage="use", rater_side="customer", **ABOUT)
        return actions(data, reach={"First": 0.5, "Second": 0.5}).set_index("touchpoint")

    sure, unsure = ask(0.1), ask(6)
    assert sure.loc["First", ["rank", "rank_low", "rank_high", "rank_stability"]].tolist() == [1, 1, 1, 1]
    assert unsure["rank_stability"].iloc[0] < 0.99
    assert unsure["rank_high"].max() == 2
    unknown = actions(workshop(), reach={"Hotline": 0.8})
    assert unknown["priority"].isna().tolist() == [False, True]


def test_the_template_comes_back_by_config(tmp_path):
    file = template(tmp_path / "workshop.xlsx", raters={"Care lead": "department", "Panel 1": "customer"})
    book = load_workbook(file)
    sheet = book.worksheets[0]
    kinds = {str(rule.sqref).split("2:")[0]: rule for rule in sheet.data_validations.dataValidation}
    assert kinds["B"].formula1 == '"attract,consider,buy,use,buy again,recommend"'
    assert (kinds["H"].type, kinds["H"].formula1, kinds["H"].formula2) == ("decimal", "1", "10")
    assert all(len(rule.formula1 or "") <= 255 for rule in kinds.values())
    heads = [cell.value for cell in sheet[1]]
    for row in range(2, sheet.max_row + 1):
        for name, value in {"owner": "Care", "impact": 9, "operational": 4, "experience": 6}.items():
            sheet.cell(row, heads.index(name) + 1).value = value
    book.save(file)
    (tmp_path / "csat.toml").write_text(
        '[company]\nname = "Test"\nbusiness = "retail"\ncurrency = "EUR"\nlanguage = "en"\n[source]\npath = "."\n'
        '[report]\noutput = "reports"\n[tables.touchpoints]\nfile = "workshop.xlsx"\n',
        encoding="utf-8",
    )
    ws = workspace.open(tmp_path / "csat.toml")
    found = inventory(ws.touchpoints)
    assert (len(found.entries), len(ws.touchpoints)) == (16, 32)
    assert found.stages["touchpoints"].min() > 0
    assert (found.problems["problem"] == "one side only").sum() == 0
    assert actions(ws.touchpoints)["axis"].eq("operational").all()


def test_a_chinese_template_reads_back(tmp_path):
    words.use("zh")
    try:
        file = template(tmp_path / "workshop.xlsx")
    finally:
        words.use("en")
    data = pd.read_excel(file)
    assert data.loc[0, ["stage", "purpose", "role"]].tolist() == ["吸引", "发现潜在客户", "认知"]
    found = inventory(data.assign(impact=5, operational=5, experience=5, owner="市场部"))
    assert found.entries["stage"].unique().tolist() == list(STAGES)
    with pytest.raises(ValueError, match="must end in") as error:
        template(tmp_path / "workshop.csv", raters={"A": "boss"})
    assert "side 'boss'" in str(error.value)


@pytest.mark.parametrize("text", ["=1+1", "+49", "-x", "@SUM(A1)", "\t=1"])
def test_no_cell_runs_as_a_formula(tmp_path, text):
    table = pd.DataFrame({"owner": [text], "n": [-3]})
    with save(table, tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[1] == [f"'{text}", "-3"]
    cell = load_workbook(save(table, tmp_path / "a.xlsx")).active["A2"]
    assert (cell.value, cell.data_type, cell.quotePrefix) == (text, "s", True)
    with pytest.raises(ValueError, match=r"must end in \.csv or \.xlsx"):
        save(table, tmp_path / "a.ods")
