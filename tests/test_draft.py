import pandas as pd
import pytest
import tomlkit
from test_profile import answers, ids

from csatlib.tables.config import load
from csatlib.tables.draft import decisions, draft, update
from csatlib.tables.profile import profile


def export(extra=None):
    parts = [ids(), answers([f"e{i}" for i in range(1, 5)]), answers([f"p{i}" for i in range(1, 5)])]
    return pd.concat([*parts, *([extra] if extra is not None else [])], axis=1)


def text_of(frame=None, file="export.csv"):
    return draft([profile(export() if frame is None else frame, file=file)], path="data")


def test_the_draft_is_a_valid_csat_toml(tmp_path):
    (tmp_path / "csat.toml").write_text(text_of(), encoding="utf-8")
    settings = load(tmp_path / "csat.toml")
    scale = settings.scales["servqual"]
    assert [item.expectation for item in scale.items] == ["e1", "e2", "e3", "e4"]
    assert settings.tables["responses"].columns == {"response_id": "ResponseId", "responded_at": "RecordedDate"}


def test_a_nasty_header_stays_inside_its_quotes(tmp_path):
    evil = 'x"]\n[company]\nname = "evil'
    frame = export().rename(columns={"ResponseId": "respondent_id"}).assign(**{evil: "1"})
    text = text_of(frame, file='a"b.csv')
    assert tomlkit.parse(text)["company"]["name"] == "My company"
    assert tomlkit.parse(text)["tables"]["responses"]["file"] == 'a"b.csv'


def test_every_guess_carries_confidence_and_samples():
    line = next(line for line in text_of().splitlines() if line.startswith("responded_at"))
    assert "% sure: 2026-10-01 10:00" in line
    assert any("which dimension" in decision for decision in decisions(text_of()))


def test_two_files_of_one_table_are_refused():
    one = profile(export(), file="a.csv")
    two = profile(export(), file="b.csv")
    with pytest.raises(ValueError, match=r"a\.csv, b\.csv: all look like responses"):
        draft([one, two], path=".")


def test_update_keeps_what_a_person_changed():
    mine = (
        text_of()
        .replace('name = "My company" ', 'name = "Acme" # ours')
        .replace('dimension = "service", expectation = "e1"', 'dimension = "speed", expectation = "e1"')
    )
    more = answers(["e5", "p5"])
    text, told = update(mine, text_of(export(more)))
    document = tomlkit.parse(text)
    assert document["company"]["name"] == "Acme"
    assert "# ours" in text
    items = document["scales"]["servqual"]["items"]
    assert [item["dimension"] for item in items][0] == "speed"
    assert [item["item"] for item in items] == ["q1", "q2", "q3", "q4", "q5"]
    assert any(line.startswith('kept company.name = "Acme"') for line in told)
    assert "added scales.servqual.items: q5" in told


def test_update_with_nothing_new_changes_nothing():
    assert update(text_of(), text_of()) == (text_of(), [])
