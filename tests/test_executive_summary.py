"""The executive page says what the pages behind it say, and stands without earlier findings."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from csatlib import decisions, findings, scores
from csatlib.decisions import measures, records

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
PAGE = NOTEBOOKS / "90_executive_summary.ipynb"


@pytest.mark.parametrize(
    ("own", "notebook", "metric"),
    [
        ("executive.nps", "12_scores", "scores.nps"),
        ("executive.complaints_per_1000", "14_complaints", "complaints.per_1000"),
        ("executive.promises_kept", "15_promises", "promises.kept"),
    ],
)
def test_figures_are_those_of_the_pages_behind(own, notebook, metric):
    here = findings.read(PAGE).set_index("metric").loc[own]
    there = findings.read(NOTEBOOKS / f"{notebook}.ipynb").query("metric == @metric").iloc[0]
    assert_allclose(here["estimate"], there["estimate"], rtol=1e-5)
    assert here["n"] == there["n"]
    assert here["direction"] == there["direction"]


def test_a_target_is_recorded_in_the_unit_of_its_figure():
    recorded = findings.read(PAGE).set_index("metric")["target"]
    defined = findings.read(NOTEBOOKS / "03_definitions.ipynb").set_index("metric")["target"]
    assert recorded["executive.promises_kept"] == defined["indicator.on_time"] == 90
    assert recorded["executive.nps"] == defined["indicator.nps"] == 25


def test_other_targets_show_the_figures_of_the_pages_behind():
    """The time to the first reply, once "not measured" here, is the one of the definitions page."""
    outputs = [
        o for cell in json.loads(PAGE.read_text(encoding="utf-8"))["cells"] for o in cell.get("outputs", ())
    ]
    texts = ["".join(o["data"].get("text/plain", "")) for o in outputs if "data" in o]
    [line] = [text for text in texts if text.startswith("Other targets")]
    defined = findings.read(NOTEBOOKS / "03_definitions.ipynb").set_index("metric")
    reply = defined.loc["indicator.response_time"]
    hours = f"{reply['estimate']:.1f}, {reply['ci_low']:.1f} to {reply['ci_high']:.1f}, n = {reply['n']:.0f}"
    assert f"Time to the first reply ({hours}; target 24.0)" in line
    assert "Not measured" not in line


def test_page_keeps_every_action_for_the_next_one():
    file = pd.read_csv(NOTEBOOKS.parent / "data" / "sample" / "actions.csv")
    kept = decisions.kept_actions(PAGE)
    assert kept["action_id"].tolist() == file["action_id"].tolist()
    assert decisions.edited(file, kept).empty


def test_page_has_four_tiles_and_the_sections_a_manager_asks_for():
    text = PAGE.read_text(encoding="utf-8")
    outputs = [o for cell in json.loads(text)["cells"] for o in cell.get("outputs", ())]
    html = "".join("".join(o["data"].get("text/html", "")) for o in outputs if "data" in o)
    assert html.count('class="csat-what"') == 4
    assert html.count("csat-brief") == 2
    for asked in ("Answer", "Target", "Last month", "A year before", "Strength of evidence", "This assumes"):
        assert asked in html


def test_earlier_page_lies_beside_the_folder_of_findings():
    found = records.page_before("../reports/2026-10/region-North", before="2026-09", name="90_x").as_posix()
    assert found == "../reports/2026-09/region-North/90_x.ipynb"


def test_headlines_of_rows_are_shares_and_rates():
    """Means of 0 and 100, or of 1,000 per complaint, are the shares and rates the pages behind show."""
    rows = pd.DataFrame({"period": ["2026-10"] * 60 + ["2026-09"] * 60, "customer_id": range(120)})
    rows["promises_kept"] = [100.0, 100.0, 0.0] * 40
    rows["complaints_per_1000"] = ([1000.0] + [0.0] * 19) * 6
    wanted = measures.asked_of(rows, ["promises_kept", "complaints_per_1000", "churn_rate"])
    found = scores.headlines(rows, wanted, period="2026-10", cluster="customer_id")
    assert_allclose(found.levels["estimate"], [200 / 3, 50.0])
    dressed = measures.dressed(found.changes, wanted)
    assert dressed["lower_is_better"].tolist() == [False, True]
    assert_allclose(dressed["estimate"], [0.0, 0.0], atol=1e-9)


@pytest.mark.long
def test_actions_over_three_months_as_people_keep_the_file(tmp_path, monkeypatch):
    """August to October: an action gets late, is edited, contradicts itself, vanishes; then the file is gone."""
    from csatlib.publish.run import run

    monkeypatch.setenv("CSAT_CACHE", str(tmp_path / "cache"))
    project = tmp_path / "project"
    shutil.copytree(NOTEBOOKS.parent / "data" / "sample", project / "data" / "sample")
    (project / "notebooks").mkdir()
    shutil.copy(PAGE, project / "notebooks")
    shutil.copy(NOTEBOOKS.parent / "csat.toml", project)
    config, file = project / "csat.toml", project / "data" / "sample" / "actions.csv"
    frame = pd.read_csv(file, dtype=str)

    def page(period, rows):
        if rows is None:
            file.unlink()
        else:
            rows.to_csv(file, index=False)
        result = run(config, period=period, language="en")
        assert not result.failed, result.failed
        cells = json.loads((project / f"reports/{period}/all/{PAGE.name}").read_text(encoding="utf-8"))["cells"]
        outputs = [o for cell in cells for o in cell.get("outputs", ())]
        return "\n".join("".join(o.get("data", {}).get("text/plain", "")) for o in outputs)

    august = page("2026-08", frame)
    assert "A05 is late" not in august
    assert "no longer in the file" not in august
    later = frame.copy()
    later.loc[later["action_id"] == "A07", "due_on"] = "2027-03-31"
    september = page("2026-09", later)
    assert "A07, due date from 2026-11-28 to 2027-03-31" in september
    assert "A05 is late" in september
    odd = later[later["action_id"] != "A08"].copy()
    odd.loc[odd["action_id"] == "A05", ["status", "done_on"]] = ["done", "2026-10-20"]
    odd.loc[odd["action_id"] == "A06", "done_on"] = "2026-10-05"
    october = page("2026-10", odd)
    assert "A08 is no longer in the file" in october
    assert "A06 has a day done but the status open: counted as open" in october
    assert "done late, 2026-10-20" in october
    assert "A07, due date" not in october  # told once
    gone = page("2026-10", None)
    assert "There is no table of actions" in gone
    assert "A01, A02, A03, A04, A05, A06, A07 and A08 are no longer in the file" in gone
    assert "From signal to done" not in gone
