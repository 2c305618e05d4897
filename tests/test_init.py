import exports
import pytest
from numpy.testing import assert_allclose
from typer.testing import CliRunner

from csatlib.cli import app
from csatlib.servqual import gaps
from csatlib.tables import workspace
from csatlib.tables.draft import init

EXPORTS = {
    "qualtrics_csv": 3,
    "surveymonkey_xlsx": 1,
    "chinese_form_xlsx": 0,
    "spss_sav": 0,
    "latin1_semicolon_csv": 0,
    "gb18030_csv": 0,
}


@pytest.mark.parametrize("name", EXPORTS)
def test_a_raw_export_reaches_its_gaps_from_the_draft_alone(name, tmp_path):
    export = getattr(exports, name)(tmp_path)
    before = export.read_bytes()
    init([export], config=tmp_path / "csat.toml")
    ws = workspace.open(tmp_path / "csat.toml")
    table = gaps(ws.responses, scale=ws.scales["servqual"]).query("level == 'item' and measure == 'gap'")
    assert_allclose(table["estimate"], [gap for *_, gap in exports.EXPECTED.values()])
    assert ws.counts.set_index("table").loc["responses", "rejected"] == EXPORTS[name]
    assert ws.cluster is None
    assert export.read_bytes() == before


def test_the_command_writes_once_and_updates_on_demand(tmp_path):
    export, config = exports.qualtrics_csv(tmp_path), tmp_path / "csat.toml"
    call = ["init", str(export), "--config", str(config)]
    first = CliRunner().invoke(app, call)
    assert first.exit_code == 0
    assert "which dimension" in first.output
    config.write_text(config.read_text(encoding="utf-8").replace("My company", "Acme"), encoding="utf-8")
    again = CliRunner().invoke(app, call)
    assert again.exit_code == 2
    assert "use --update" in again.output
    updated = CliRunner().invoke(app, [*call, "--update"])
    assert updated.exit_code == 0
    assert 'name = "Acme"' in config.read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_files_in_two_folders_or_unreadable_are_told_together(tmp_path):
    (tmp_path / "a").mkdir()
    one, two = tmp_path / "a" / "x.csv", tmp_path / "y.csv"
    one.write_text("a,b\n1,2\n", encoding="utf-8")
    two.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="the files lie in 2 folders"):
        init([one, two], config=tmp_path / "csat.toml")
    two.write_bytes(b"")
    three = tmp_path / "z.parquet"
    three.write_bytes(b"PAR1 broken")
    with pytest.raises(ValueError, match=r"(?s)y\.csv.*z\.parquet"):
        init([two, three], config=tmp_path / "csat.toml")
    assert not (tmp_path / "csat.toml").exists()


def test_a_chinese_draft_calls_its_dimensions_in_chinese(tmp_path):
    for export, called in ((exports.chinese_form_xlsx, "服务"), (exports.spss_sav, "Service")):
        folder = tmp_path / export.__name__
        folder.mkdir()
        init([export(folder)], config=folder / "csat.toml")
        assert workspace.open(folder / "csat.toml").scales["servqual"].label("service") == called
