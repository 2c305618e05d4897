"""The settings in examples/ bring real data to its published figures; skipped where the data is not there."""

import importlib.util
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from csatlib import data, servqual
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


def test_there_are_five_and_no_data_among_them():
    assert NAMES == ["baltimore311", "cdnow", "garden_centre", "kiosk", "online_retail"]
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
    assert ws.counts[["read", "rejected"]].values.tolist() == [[10000, 0]]
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
