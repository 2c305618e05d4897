import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from company_folder import CUSTOMERS, SCALE, write_company

from csatlib import data
from csatlib.data import names, plots, problems, sentences
from csatlib.tables import workspace
from csatlib.tables.audit import audit
from csatlib.tables.schema import TABLES

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
    assert (skipped.n, skipped.n_eff, skipped.estimate) == (80, 80, 5.0)
    assert (unsuited.n, unsuited.n_eff, unsuited.estimate) == (80, 80, 10.0)
    # Wilson for 4 of 80: (p + z2/2n -+ z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n), z = 1.96
    assert (skipped.ci_low, skipped.ci_high) == pytest.approx((1.961, 12.161), abs=1e-2)
    assert 60 < skipped.n_groups <= 80
    assert skipped.dimension == "speed"


def test_coverage_by_wave_adds_up_to_the_whole(company):
    whole, parts = data.coverage(company), data.coverage(company, by="wave")
    keys = ["item", "role", "state"]
    parts["count"], whole["count"] = parts["n"] * parts["estimate"] / 100, whole["n"] * whole["estimate"] / 100
    pd.testing.assert_frame_equal(
        parts.groupby(keys)[["n", "count"]].sum(), whole.groupby(keys)[["n", "count"]].sum()
    )
    assert cell(parts, item="q07", role="perception", state="not_applicable", wave="W1").estimate == 20.0


def test_coverage_by_any_column_of_the_responses(company):
    parts = data.coverage(company, by="response_id").query("item == 'q07' and role == 'perception'")
    assert parts.groupby("state")["estimate"].sum().to_dict() == {"not_applicable": 800, "skipped": 0}
    with pytest.raises(KeyError, match=r"column not found: 'wve' \(nearest: 'wave'\)"):
        data.coverage(company, by="wve")


WEIGHED = "response_id,customer_id,responded_at,weight,e07,p07,points_speed\n"


def weighed(tmp_path, rows):
    """Answers given as customer, weight and rating."""
    text = "".join(f"R{k},{who},2026-10-01,{w},6,{rating},100\n" for k, (who, w, rating) in enumerate(rows))
    table = data.coverage(workspace.open(write_company(tmp_path, settings=SETTINGS, responses=WEIGHED + text)))
    return cell(table, item="q07", role="perception", state="skipped")


def test_answers_of_one_customer_are_not_independent(tmp_path):
    # sixty customers say the same three times over: sixty answers, not 180
    skipped = weighed(tmp_path, [(f"C{k % 60}", 1, "" if k % 60 < 20 else 5) for k in range(180)])
    assert (skipped.n, skipped.estimate) == (180, pytest.approx(100 / 3))
    assert skipped.n_eff == pytest.approx(60, rel=0.25)
    assert skipped.n_groups < 60
    alone = weighed(tmp_path, [("", 1, "" if k % 60 < 20 else 5) for k in range(180)])
    assert alone.n_eff == pytest.approx(180, rel=0.25)
    assert skipped.ci_high - skipped.ci_low > 1.4 * (alone.ci_high - alone.ci_low)


def test_weights_count_in_the_share_and_in_its_interval(tmp_path):
    rows = [("", 1 + 2 * (k % 2), "" if k < 10 else 5) for k in range(80)]
    skipped, tripled = weighed(tmp_path, rows), weighed(tmp_path, [(c, 3 * w, r) for c, w, r in rows])
    # five of weight 1 and five of weight 3, of forty each
    assert skipped.estimate == pytest.approx(100 * 20 / 160)
    assert skipped.n == 80
    assert skipped.n_eff < 80
    assert tripled == pytest.approx(skipped)
    none = weighed(tmp_path, [(c, w, 5) for c, w, _ in rows])
    # nobody skips, so there is no variance: Kish, (40 + 120)^2 / (40 + 9 x 40)
    assert (none.estimate, none.n_eff) == (0, pytest.approx(64))
    assert none.ci_high == pytest.approx(100 * 1.96**2 / (64 + 1.96**2), abs=0.01)
    unheard = weighed(tmp_path, [*rows, *[("", 0, "")] * 50])
    assert (unheard.n, unheard.estimate) == (80, skipped.estimate)


def test_answers_of_four_customers_have_no_interval(tmp_path):
    skipped = weighed(tmp_path, [(f"C{k % 4}", 1, "" if k < 20 else 5) for k in range(80)])
    assert skipped.n_groups == 4
    assert skipped.few_groups
    assert np.isnan([skipped.ci_low, skipped.ci_high]).all()


def test_one_name_in_two_scales_is_two_questions(tmp_path):
    other = '[scales.other]\nlow = 0\nhigh = 10\nitems = [{ item = "q07", perception = "nps" }]\n'
    config = write_company(tmp_path, settings=other, responses=HEAD + answer(1) + answer(2))
    asked = data.received(data.coverage(workspace.open(config)))
    assert list(asked["item"].unique()) == ["other.q07", "care.q07"]
    plots.plot_unanswered(asked)
    plt.close("all")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["plain", "clusters", "weights"])
def test_intervals_hold_the_truth_as_often_as_they_say(tmp_path, monkeypatch, kind):
    rng, held, truth, runs = np.random.default_rng(7), 0, 0.15, 200
    monkeypatch.setenv("CSAT_CACHE", str(tmp_path / "cache"))
    for _ in range(runs):
        size = 3 if kind == "clusters" else 1
        # customers differ: their own shares are Beta(0.75, 4.25), with mean 0.15
        own = rng.beta(0.75, 4.25, 100) if kind == "clusters" else np.full(300, truth)
        skip = rng.random((size, len(own))) < own
        weights = rng.choice([0.5, 1, 3], skip.shape) if kind == "weights" else np.ones(skip.shape)
        who = [f"C{j}" if kind == "clusters" else "" for j in range(len(own))] * size
        rows = zip(who, weights.ravel(), np.where(skip.ravel(), "", "5"), strict=True)
        found = weighed(tmp_path, rows)
        held += found.ci_low <= 100 * truth <= found.ci_high
    assert 0.91 <= held / runs <= 0.99


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
        "1 of 84 rows break a rule and were set aside, most of them among the survey answers (1)."
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
    assert problems.advice(audit(company)) == (
        "Write the date of the answer one way, such as 2026-05-03: 1 rows of survey answers were set aside. "
        "Then look at the other problem listed below."
    )


def test_advice_names_questions_as_readers_know_them(tmp_path):
    rows = [answer(k, nps="" if k % 2 else 5, rating="" if k < 15 else 5) for k in range(40)]
    scale = SCALE.replace('perception = "p07"', 'perception = "p07", label = "Prompt service"')
    found = audit(workspace.open(write_company(tmp_path, scale=scale, responses=HEAD + "".join(rows))))
    text = problems.advice(found)
    assert text.startswith("Find out whether “NPS” was put to everybody: 50 % of those asked gave no answer.")
    told = " ".join(problems.listed(found)["problem"])
    assert "whether “Prompt service” was put to everybody: 38 %" in told
    assert "name the right column for “Prompt service” (expected): it is 6 in all survey answers" in told
    for column in ("p07", "e07", "nps", "responses"):
        assert column not in told


def test_advice_passes_over_what_is_left_out_on_purpose(tmp_path):
    text = "response_id,responded_at,Response Status\na,2026-10-01,partial\nb,2026-10-01,completed\n"
    found = audit(workspace.open(write_company(tmp_path, scale="", responses=text)))
    assert found["severity"].tolist()[0] == "error"
    assert problems.advice(found) == "Nothing needs mending before the other reports are read."
    assert problems.listed(found)["problem"][0] == (
        "Nothing: 1 survey answers were not finished and were left out on purpose. First rows: 1."
    )


def test_shares_of_few_answers_are_not_told(tmp_path):
    rows = [answer(k, rating="" if k < 3 else 5) for k in range(6)]
    found = audit(workspace.open(write_company(tmp_path, responses=HEAD + "".join(rows))))
    (told,) = [t for t in problems.listed(found)["problem"] if "put to everybody" in t]
    assert told == "Find out whether “q07” was put to everybody: some of those asked gave no answer."


def rules():
    """Every rule of schema and audit, as it is written there."""
    fixed = ["missing", "duplicate", "duplicate with other values", "not between 0 and 10", "below 0"]
    fixed += [f"not readable as {kind}" for kind in ("time", "date", "period", "number", "boolean")]
    fixed += ["before opened_at", "not one of human, bot", "without value or numerator and denominator"]
    fixed += ["preview answer", "test answer", "spam", "unfinished answer", "not in customers"]
    fixed += [
        "ids that differ only by capitals, spaces or leading zeros",
        "occurred_at before the customer joined",
    ]
    fixed += ["responded_at after the customer left", "before its invitation was sent", "wholly identical rows"]
    fixed += [
        "nearly always empty",
        "often skipped",
        "never answered",
        "without a wave",
        "waves found",
        "reworded",
    ]
    fixed += ["wording of q07 from a wave never seen", "missing, yet wordings are declared by wave"]
    return [*fixed, "not as in customers", "always the same", "no answer"]


@pytest.mark.parametrize("rule", rules())
def test_every_rule_is_said_to_a_reader(rule):
    row = {"table": "complaints", "column": "resolved_at", "rule": rule, "count": 40, "share": 0.4}
    text = problems.told(pd.Series(row | {"examples": "F", "remedy": "R", "label": "", "role": ""}))
    assert "{" not in text
    assert not text.endswith("; R.")
    assert not {word.strip(",.:;") for word in text.split()} & {"resolved_at", "opened_at", "csat.toml"}


def test_a_rule_without_a_sentence_is_still_told():
    row = {"table": "responses", "column": "q_x", "rule": "odd", "count": 1, "share": 0.1, "examples": ""}
    text = problems.told(pd.Series(row | {"remedy": "look", "label": "", "role": ""}))
    assert text == "survey answers, q x: odd; look."


def test_every_table_and_every_required_column_has_a_readers_name():
    assert set(names.TABLES) == set(TABLES)
    dated = {c.name for t in TABLES.values() for c in t.columns if c.kind in ("key", "time", "date", "period")}
    assert dated <= set(names.COLUMNS)


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
    listed = problems.listed(audit(company))
    assert listed.columns.tolist() == ["count", "severity", "problem"]
    assert listed["problem"][0].endswith("1 rows of survey answers were set aside. First rows: 81.")
    assert not np.any(listed["problem"].str.contains("{", regex=False))


def test_no_problem_is_said_too(company):
    listed = problems.listed(audit(company).iloc[:0])
    assert listed[["problem", "count"]].values.tolist() == [["No problem was found.", 0]]


def test_questions_without_a_dimension_stand_last(company):
    asked = data.received(data.coverage(company)).sort_values("item")
    ax = plots.plot_unanswered(asked)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["speed", "q07", "NPS"]
    plt.close("all")


def test_a_page_never_shows_ids_or_values_of_a_row(tmp_path):
    answers = "response_id,customer_id,responded_at,wave,e07,p07,points_speed\n"
    answers += "R1,secret-1,2026-10-01,W1,5,5,100\nR2,C1,mail@example.org,W1,5,5,100\n"
    found = audit(workspace.open(write_company(tmp_path, customers=CUSTOMERS, responses=answers)))
    assert found["examples"].str.contains("secret-1").any()
    text = " ".join(problems.listed(found)["problem"]) + problems.advice(found)
    assert "secret" not in text
    assert "mail@" not in text
    assert "W1 (1)" in text
