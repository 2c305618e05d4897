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
    two = profile(export().rename(columns=lambda name: f"{name}_new" if name[0] in "ep" else name), file="b.csv")
    with pytest.raises(ValueError, match=r"a\.csv, b\.csv: all look like responses"):
        draft([one, two], path=".")


def wave(name, file, **texts):
    questions = {"e1": "Should answer", "p1": "Answers", "p2": "Cares"} | texts
    return profile(export().assign(wave=name), file=file, questions=questions)


def test_files_of_two_waves_tell_what_was_worded_anew(tmp_path):
    later = wave("2026-Q2", "a.csv", p1="Answers  quickly", p2="cares.")
    text = draft([later, wave("2026-Q1", "b.csv")], path="data")
    (tmp_path / "csat.toml").write_text(text, encoding="utf-8")
    settings = load(tmp_path / "csat.toml")
    assert settings.wording == {"q1": {"2026-Q1": "Answers", "2026-Q2": "Answers  quickly"}}
    assert settings.tables["responses"].file == "a.csv"
    told = decisions(text)
    assert told[0].startswith("b.csv, a.csv: the same questions, so they look like waves of one survey")
    assert told[1].startswith("p1: is it another question since it was worded anew (2026-Q1: Answers; 2026-Q2:")


@pytest.mark.parametrize("waves", [{}, {"wave": "2026-Q1"}])
def test_waves_that_cannot_be_told_apart_write_no_wording(waves):
    frame = export().assign(**waves)
    files = [profile(frame, file=f"{k}.csv", questions={"p1": f"text {k}"}) for k in (1, 2)]
    text = draft(files, path="data")
    assert "\n[items" not in text
    assert "p1: worded differently in 1.csv, 2.csv; from which wave on?" in decisions(text)[1]


def test_the_same_wording_again_is_no_new_one():
    files = [wave(f"2026-Q{k}", f"{k}.csv", p1=text) for k, text in ((1, "A"), (2, "B"), (3, "B"))]
    (line,) = [line for line in draft(files, path=".").splitlines() if line.startswith('"2026-Q2"')]
    assert line == '"2026-Q2" = "B"'
    assert '2026-Q3" =' not in draft(files, path=".")


POINTS = ["20,20,20,20,20", "30,10,25,25,10", "10,10,10,10,60", "40,30,10,10,10", ",,,,", "0,50,50,0,0"]


def shares(names):
    rows = [[value or None for value in line.split(",")] for line in POINTS]
    return pd.DataFrame(rows * 10, columns=names)


def servqual_export(names):
    parts = [answers([f"{side}{i}" for i in range(1, 23)]) for side in "ep"]
    size = len(parts[0])
    return pd.concat([ids(), *parts, shares(names).head(size)], axis=1)


def test_points_of_importance_by_the_words_of_their_headings(tmp_path):
    names = ["imp_empathy", "imp_assurance", "imp_tangibles", "imp_reliability", "imp_responsiveness"]
    text = text_of(servqual_export(names))
    (tmp_path / "csat.toml").write_text(text, encoding="utf-8")
    scale = load(tmp_path / "csat.toml").scales["servqual"]
    assert scale.importance == {name.removeprefix("imp_"): name for name in names}
    assert 'empathy = "imp_empathy"         # 75% sure: 20, 30, 10' in text
    assert any(d.startswith("imp_empathy, imp_assurance") for d in decisions(text))


def test_points_without_such_words_are_taken_in_order_and_unsure():
    text = text_of(servqual_export([f"w{k}" for k in range(1, 6)]))
    lines = text.split("\n[scales.servqual.importance]")[1].splitlines()[1:6]
    assert [line.split(" = ")[0] for line in lines][0] == "tangibles"
    assert all("# 40% sure" in line for line in lines)


def test_points_of_unknown_dimensions_are_left_as_a_comment(tmp_path):
    text = text_of(pd.concat([export(), shares([f"w{k}" for k in range(1, 6)]).head(len(export()))], axis=1))
    (tmp_path / "csat.toml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "csat.toml").scales["servqual"].importance == {}
    assert '# DIMENSION = "w1"' in text


def test_not_asked_of_a_form_is_written_as_not_applicable(tmp_path):
    text = draft([profile(export(), file="a.csv", not_asked="(跳过)")], path=".")
    assert 'not_applicable = ["(跳过)"]' in text
    assert any("(跳过) is kept apart from no answer" in d for d in decisions(text))


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
