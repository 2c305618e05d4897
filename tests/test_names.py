"""What readers call things: settings per language, and frames that carry the reader's values."""

import pytest
from company_folder import CUSTOMERS, RESPONSES, write_company

from csatlib.tables import config, names, workspace

SCALE = """
[scales.care]
low = 1
high = 7
dimensions = { speed = { en = "Speed", zh = "速度" } }
items = [
  { item = "q07", dimension = "speed", perception = "p07", label = { en = "Prompt service", zh = "服务迅速" } },
  { item = "q08", dimension = "speed", perception = "e07", label = "Kind" },
]
[columns.region]
label = { en = "area", zh = "地区" }
values = { North = { zh = "北区" }, South = "S" }
"""
ALSO = '[report]\nalso_in = ["zh"]\n'


@pytest.fixture
def company(tmp_path):
    return write_company(tmp_path, settings=ALSO, scale=SCALE, customers=CUSTOMERS, responses=RESPONSES)


def test_english_is_the_default_and_the_environment_chooses(company, monkeypatch):
    assert config.load(company).language == "en"
    monkeypatch.setenv("CSAT_LANGUAGE", "zh")
    assert config.load(company).language == "zh"
    assert config.load(company, "en").language == "en"
    monkeypatch.setenv("CSAT_LANGUAGE", "")
    assert config.load(company).language == "en"
    monkeypatch.setenv("CSAT_LANGUAGE", "fr")
    with pytest.raises(ValueError, match="language 'fr' is not known; allowed: en, zh"):
        config.load(company)


def test_names_are_in_the_language_spoken(company):
    english, chinese = config.load(company), config.load(company, "zh")
    assert [english.scales["care"].label(name) for name in ("q07", "q08", "speed")] == [
        "Prompt service",
        "Kind",
        "Speed",
    ]
    assert [chinese.scales["care"].label(name) for name in ("q07", "q08", "speed")] == ["服务迅速", "Kind", "速度"]
    assert names.called(english.columns, "region", "North") == "North"
    assert names.called(chinese.columns, "region", "North") == "北区"
    assert names.called(chinese.columns, "region") == "地区"
    assert english.content == chinese.content


def test_frames_carry_the_readers_values_and_where_the_datas_own(company, monkeypatch):
    ws = workspace.open(company)
    assert ws.customers["region"].tolist() == ["North", "S", "North"]
    assert (ws.name("region"), ws.name("points_speed")) == ("area", "points speed")
    assert ws.name("p07") == "Prompt service"
    monkeypatch.setenv("CSAT_LANGUAGE", "zh")
    ws = workspace.open(company, where={"region": "North"})
    assert ws.language == "zh"
    assert ws.customers["region"].tolist() == ["北区", "北区"]
    assert ws.customers["region"].dtype == "str"
    assert ws.values("customers", "region") == ["North"]
    with pytest.raises(ValueError, match="where: 'region' is never '北区'"):
        workspace.open(company, where={"region": "北区"})


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            '[report]\nalso_in = ["en"]',
            "report.also_in: 'en' is company.language, in which the report comes out anyway",
        ),
        ('[report]\nalso_in = ["zh", "zh"]', "report.also_in: 'zh' is named more than once"),
        ('[report]\nalso_in = ["fr"]', "report.also_in.0: found 'fr', allowed: 'en' or 'zh'"),
        ('[report]\nalso_in = "zh"', "report.also_in: found 'zh', allowed: "),
        (
            '[columns.x]\nlabel = { en = "X" }\n' + ALSO,
            "columns.x.label: the report comes out in 'zh', which is missing",
        ),
        (
            '[columns.x]\nlabel = { zh = "X" }',
            "columns.x.label: the report comes out in 'en', which is missing here; add",
        ),
        (
            '[columns.x]\nlabel = { en = "X", zn = "Y" }',
            "columns.x.label: 'zn' is not a language; allowed: en, zh",
        ),
        ('[columns.x]\nlabel = { en = "" }', "columns.x.label.en: found '', allowed: a text"),
        ("[columns.x]\nlabel = { en = 3 }", "columns.x.label.en: found 3, allowed: a text"),
        ("[columns.x]\nlabl = 'X'", "columns.x.labl: unknown key (did you mean 'label'?)"),
        ('[columns.x.values]\na = "A"\nb = "A"', "columns.x.values: 'a', 'b' would all be called 'A'"),
        (
            '[columns.handled_by.values]\nbot = "Robot"',
            "columns.handled_by.values: the notebooks themselves read the",
        ),
    ],
)
def test_wrong_names_are_told(tmp_path, settings, problem):
    company = write_company(tmp_path, settings=settings, scale="")
    with pytest.raises(ValueError, match="has 1 problem:") as caught:
        config.load(company)
    assert problem in str(caught.value)


def test_every_missing_language_is_told_at_once(tmp_path):
    scale = SCALE.replace(', zh = "服务迅速"', "").replace('en = "Speed", ', "")
    company = write_company(tmp_path, settings=ALSO, scale=scale)
    with pytest.raises(ValueError, match="has 2 problems:") as caught:
        config.load(company)
    assert "scales.care.items.0.label: the report comes out in 'zh'" in str(caught.value)
    assert "scales.care.dimensions.speed: the report comes out in 'en'" in str(caught.value)


def test_a_name_of_the_company_per_language(tmp_path):
    text = '[company]\nname = { en = "Larkfield", zh = "拉克菲尔德" }\nlanguage = "zh"\n[source]\npath = "."\n'
    (tmp_path / "csat.toml").write_text(text, encoding="utf-8")
    assert config.load(tmp_path / "csat.toml").company.name == "拉克菲尔德"
    assert config.load(tmp_path / "csat.toml", "en").company.name == "Larkfield"
