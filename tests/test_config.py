from pathlib import Path

import pytest
from company_folder import write_company

from csatlib.tables import config

ROOT = Path(__file__).parent.parent
MINIMAL = '[company]\nname = "X"\n[source]\npath = "data"\n'


def problems(tmp_path, text):
    (tmp_path / "csat.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="has .* problem") as caught:
        config.load(tmp_path / "csat.toml")
    return str(caught.value)


def test_defaults(tmp_path):
    (tmp_path / "csat.toml").write_text(MINIMAL, encoding="utf-8")
    settings = config.load(tmp_path / "csat.toml")
    report = settings.report
    assert (report.min_base, report.min_comments, report.min_rank, report.output) == (10, 8, 30, "reports")
    assert settings.folder == tmp_path / "data"
    assert settings.tables["contacts"].missing == ("",)
    assert settings.scales == {}


def test_parameters_change_no_snapshot(tmp_path):
    file = tmp_path / "csat.toml"
    file.write_text(MINIMAL, encoding="utf-8")
    plain = config.load(file)
    file.write_text(MINIMAL + '[parameters]\nby = "plan"\n', encoding="utf-8")
    told = config.load(file)
    assert (plain.parameters, told.parameters) == ({}, {"by": "plan"})
    assert told.content == plain.content


def test_scale_is_built_and_settings_are_frozen(tmp_path):
    settings = config.load(write_company(tmp_path))
    scale = settings.scales["care"]
    assert (scale.name, scale.low, scale.high, scale.labels["非常满意"]) == ("care", 1, 7, 7)
    assert scale.items[0].perception == "p07"
    with pytest.raises(ValueError, match="frozen"):
        settings.report.min_base = 1
    with pytest.raises(AttributeError):
        settings.report = None


def test_found_in_a_parent_folder(tmp_path, monkeypatch):
    file = write_company(tmp_path)
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")
    assert config.load().file == file
    with pytest.raises(FileNotFoundError, match=r"no settings file 'other.toml' in .*deep"):
        config.load("other.toml")


def test_every_mistake_at_once(tmp_path):
    text = problems(
        tmp_path,
        """
[company]
nme = "X"
business = "subscriptions"
currency = "euro"
[source]
path = 3
[report]
min_bass = 10
min_rank = 0
[tables.respones]
[tables.responses]
columns = { respnded_at = "Date" }
kinds = { x = "numbr" }
missing = [true]
not_applicable = [5]
[scales.a]
low = 7
high = 1
items = [{ item = "q1" }, { item = "q1" }]
[scales.b]
low = 1
high = 7
items = [{ item = "q2", perceptoin = "p2" }]
[items.q3]
wording = { "2025-Q2" = "x" }
[itms]
""",
    )
    for expected in [
        "company.name: required key is missing",
        "company.nme: unknown key (did you mean 'name'?); allowed: name, business, currency, language",
        "company.business: found 'subscriptions', allowed: 'subscription' or 'retail' "
        "(did you mean 'subscription'?)",
        "company.currency: found 'euro'; allowed: three capital letters",
        "source.path: found 3, allowed: should be a valid string",
        "report.min_bass: unknown key (did you mean 'min_base'?)",
        "report.min_rank: found 0, allowed: should be greater than or equal to 1",
        "tables.respones: unknown table (did you mean 'responses'?); allowed: customers, ",
        "tables.responses.columns.respnded_at: not a canonical column (did you mean 'responded_at'?)",
        "tables.responses.kinds.x: found 'numbr', allowed: 'text', 'number'",
        "tables.responses.missing.0: found True; a code is a number or a text",
        "tables.responses.not_applicable: code 5 lies within the range of scales.b (1 to 7)",
        "scales.a: items named more than once: q1",
        "low=7.0 must be below high=1.0",
        "scales.b.items.0.perceptoin: unknown key (did you mean 'perception'?)",
        "items.q3: no scale has an item 'q3'",
        "itms: unknown key (did you mean 'items'?)",
    ]:
        assert expected in text
    assert "has 16 problems" in text


@pytest.mark.parametrize(
    "text", ["", "tables = 3", "[scales]\na = 3\n", "items = [1]", "[tables.responses]\nmissing = 3"]
)
def test_wrong_shapes_are_reported(tmp_path, text):
    assert "company: required key is missing" in problems(tmp_path, text)


def test_broken_toml_says_where(tmp_path):
    (tmp_path / "csat.toml").write_text("[company\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"csat.toml is not valid TOML.*line 1"):
        config.load(tmp_path / "csat.toml")


def test_a_new_canonical_name_is_allowed_when_it_is_not_near_another(tmp_path):
    settings = config.load(write_company(tmp_path, settings='[tables.responses]\ncolumns = { wave_date = "Q9" }'))
    assert settings.tables["responses"].columns == {"wave_date": "Q9"}


def test_settings_of_the_sample_company():
    settings = config.load(ROOT / "csat.toml")
    scale = settings.scales["servqual"]
    assert [item.item for item in scale.items] == [f"q{k:02d}" for k in range(1, 23)]
    assert scale.dimensions == ("tangibles", "reliability", "responsiveness", "assurance", "empathy")
    assert set(scale.importance) == set(scale.dimensions)
    assert list(settings.wording["q07"]) == ["2025-Q2", "2026-Q2"]
    assert settings.tables["responses"].not_applicable == (9,)
