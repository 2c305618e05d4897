import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from company_folder import CUSTOMERS, write_company

from csatlib import data
from csatlib.data import plots, sentences
from csatlib.tables import workspace
from csatlib.tables.audit import audit

HEAD = "response_id,survey,wave,responded_at,nps,e07,p07,points_speed\n"
SETTINGS = "[tables.responses]\nnot_applicable = [9]\n"


def answer(k, wave="W1", nps=5, rating="5", day="2026-10-01"):
    return f"R{wave}{k},relationship,{wave},{day},{nps},6,{rating},100\n"


@pytest.fixture
def company(tmp_path):
    """Forty answers in each of two waves: 4 skip and 8 tick does not apply in W1, none in W2; 1 row is broken."""
    rows = [answer(k, rating="" if k < 4 else "9" if k < 12 else "5") for k in range(40)]
    rows += [answer(k, wave="W2", nps="" if k < 20 else 5) for k in range(40)]
    config = write_company(
        tmp_path, settings=SETTINGS, customers=CUSTOMERS, responses=HEAD + "".join(rows) + answer(99, day="soon")
    )
    return workspace.open(config)


def cell(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    (row,) = table.itertuples()
    return row


def test_reception_counts_every_row_read(company):
    table = data.reception(company)
    assert table["group"].tolist() == ["all", "customers", "responses"]
    assert table["n"].tolist() == [84, 3, 81]
    assert table["rejected"].tolist() == [1, 0, 1]
    # Wilson by hand for 1 of 84: centre (p + z2/2n)/(1 + z2/n), z = 1.96
    assert table["ci_low"][0] == pytest.approx(0.2104, abs=5e-4)
    assert table["ci_high"][0] == pytest.approx(6.4396, abs=5e-4)


def test_coverage_by_hand(company):
    table = data.coverage(company)
    skipped = cell(table, item="q07", role="perception", state="skipped")
    unsuited = cell(table, item="q07", role="perception", state="not_applicable")
    assert (skipped.n, skipped.count, skipped.estimate) == (80, 4, 5.0)
    assert (unsuited.n, unsuited.count, unsuited.estimate) == (80, 8, 10.0)
    assert skipped.ci_low < 5 < skipped.ci_high
    assert skipped.dimension == "speed"


def test_coverage_by_wave_adds_up_to_the_whole(company):
    whole, parts = data.coverage(company), data.coverage(company, by="wave")
    keys = ["item", "role", "state"]
    pd.testing.assert_frame_equal(
        parts.groupby(keys)[["n", "count"]].sum(), whole.groupby(keys)[["n", "count"]].sum()
    )
    assert cell(parts, item="q07", role="perception", state="not_applicable", wave="W1").estimate == 20.0


def test_coverage_by_any_column_of_the_responses(company):
    parts = data.coverage(company, by="response_id").query("item == 'q07' and role == 'perception'")
    assert parts.groupby("state")["count"].sum().to_dict() == {"not_applicable": 8, "skipped": 0}
    with pytest.raises(KeyError, match=r"no column 'wve' \(did you mean 'wave'\?\)"):
        data.coverage(company, by="wve")


def test_a_question_many_leave_out_in_one_wave_was_put_to_some_only(company):
    table = data.coverage(company)
    assert set(table.loc[table["some_only"], "item"]) == {"nps"}
    assert "nps" not in set(data.to_everybody(table)["item"])


def test_received_takes_the_service_received_or_what_there_is():
    table = pd.DataFrame(
        {
            "item": ["a", "a", "b", "b", "c"],
            "role": ["expectation", "perception", "desired", "importance", "perception"],
        }
    )
    assert data.received(table).values.tolist() == [["a", "perception"], ["b", "desired"], ["c", "perception"]]


def test_sentences_follow_the_figures(company):
    asked = data.received(data.coverage(company))
    assert sentences.arrived(data.reception(company)) == (
        "1 of 84 rows break a rule and were set aside, most of them in responses (1)."
    )
    assert sentences.unanswered(asked) == (
        "Of the questions put to everybody, “q07” is left out most, by 5.0 %. "
        "“q07” applies least: 10.0 % say that it does not apply to them."
    )
    assert "Left out most: 5.0 % [" in sentences.evidence(data.reception(company), asked)
    assert sentences.by_group(data.received(data.coverage(company, by="wave")), by="wave") == (
        "The largest share without a rating: “NPS” in W2, 50 % of those asked."
    )


def test_advice_puts_rejected_rows_first(company):
    text = sentences.advice(audit(company))
    assert text.startswith("Look first at responded_at in responses, not readable as time: write it as")
    assert text.endswith("Then the others listed below.")


def test_too_few_answers_are_never_named(tmp_path):
    config = write_company(tmp_path, settings=SETTINGS, responses=HEAD + answer(1, rating="") + answer(2))
    asked = data.received(data.coverage(workspace.open(config)))
    assert "q07" not in sentences.unanswered(asked)
    assert "q07" not in sentences.by_group(
        data.received(data.coverage(workspace.open(config), by="wave")), by="wave"
    )


def test_no_answers_in_the_period(company):
    empty = workspace.open(company.settings.file, period="2026-10").previous()
    asked = data.received(data.coverage(empty))
    assert asked.empty
    assert sentences.unanswered(asked) == "Nobody was asked anything in this period."


def test_figure_shows_both_states_and_clips_what_was_put_to_some(company):
    ax = plots.plot_unanswered(data.received(data.coverage(company, by="wave")).query("wave == 'W2'"))
    assert [text.get_text() for text in ax.texts] == ["50 % →"]
    assert ax.get_xlim()[1] < 50
    assert "questions" in ax.get_label()
    plt.close("all")


def test_grid_of_waves_holds_the_sum_of_both_states(company):
    ax = plots.plot_groups(data.received(data.coverage(company, by="wave")), by="wave")
    texts = {text.get_text() for text in ax.texts}
    assert {"30", "50", "0"} <= texts
    assert [label.get_text() for label in ax.get_xticklabels()] == ["W1", "W2"]
    assert "“NPS” in W2" in ax.get_label()
    plt.close("all")


def test_listed_says_where_what_and_what_to_do(company):
    listed = sentences.listed(audit(company))
    assert listed.columns.tolist() == ["count", "severity", "problem"]
    assert "responses, responded_at: not readable as time. Found: row 81. What to do: " in listed["problem"][0]
    assert not np.any(listed["problem"].str.contains("{", regex=False))


def test_no_problem_is_said_too(company):
    listed = sentences.listed(audit(company).iloc[:0])
    assert listed[["problem", "count"]].values.tolist() == [["No problem was found.", 0]]


def test_questions_without_a_dimension_stand_last(company):
    asked = data.received(data.coverage(company)).sort_values("item")
    ax = plots.plot_unanswered(asked)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["speed", "q07", "NPS"]
    plt.close("all")


def test_a_page_never_shows_ids_or_values_of_a_row(tmp_path):
    answers = "response_id,customer_id,responded_at,wave,e07,p07,points_speed\n"
    answers += "R1,secret-1,2026-10-01,W1,5,5,100\nR2,C1,mail@example.org,W1,5,5,100\n"
    problems = audit(workspace.open(write_company(tmp_path, customers=CUSTOMERS, responses=answers)))
    assert problems["examples"].str.contains("secret-1").any()
    text = " ".join(sentences.listed(problems)["problem"]) + sentences.advice(problems)
    assert "secret" not in text
    assert "mail@" not in text
    assert "W1 (1)" in text
