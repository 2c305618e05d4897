import numpy as np
import pandas as pd
import pytest

from csatlib.tables.profile import profile

N = 40


def answers(columns, low=1, high=7, mean=5.0, seed=0):
    rng = np.random.default_rng(seed)
    values = np.clip(np.rint(rng.normal(mean, 1, (N, len(columns)))), low, high).astype(int)
    return pd.DataFrame(values.astype(str), columns=columns)


def ids():
    return pd.DataFrame({"ResponseId": [f"R_{i}" for i in range(N)], "RecordedDate": ["2026-10-01 10:00"] * N})


def pairs(found):
    return {item: (sides.get("expectation"), sides["perception"]) for item, sides in found.blocks[0].items.items()}


def test_letters_and_numbers_pair_expectation_with_perception():
    frame = pd.concat(
        [ids(), answers([f"p{i:02}" for i in range(1, 5)]), answers([f"e{i:02}" for i in range(1, 5)])], axis=1
    )
    found = profile(frame, file="export.csv")
    assert pairs(found) == {str(i): (f"e{i:02}", f"p{i:02}") for i in range(1, 5)}
    assert (found.table, found.confidence) == ("responses", 0.95)
    assert [(g.key, g.value) for g in found.columns] == [
        ("response_id", "ResponseId"),
        ("responded_at", "RecordedDate"),
    ]
    assert found.columns[0].samples == ("R_0", "R_1", "R_2")


def test_endings_tell_the_side_and_the_higher_mean_is_asked_about():
    high, low = (
        answers([f"sq{i}_1" for i in range(1, 6)], mean=6.5),
        answers([f"sq{i}_2" for i in range(1, 6)], mean=4),
    )
    found = profile(pd.concat([low, high], axis=1), file="k.csv")
    assert pairs(found) == {str(i): (f"sq{i}_1", f"sq{i}_2") for i in range(1, 6)}
    assert found.blocks[0].confidence < 0.5
    assert any("are sq1_1, sq2_1 ... what customers expect" in text for text in found.decide)


def test_question_texts_name_side_and_item():
    frame = pd.concat(
        [answers([f"Q5_{i}" for i in range(1, 4)], mean=4), answers([f"Q6_{i}" for i in range(1, 4)])], axis=1
    )
    items = ["Prompt help", "Clear bills", "Kind staff"]
    questions = {f"Q5_{i}": f"How good should a provider be? - {t}" for i, t in enumerate(items, 1)}
    questions |= {f"Q6_{i}": f"What did you actually experience? - {t}" for i, t in enumerate(items, 1)}
    found = profile(frame, file="q.csv", questions=questions)
    assert pairs(found) == {t: (f"Q5_{i}", f"Q6_{i}") for i, t in enumerate(items, 1)}
    assert found.blocks[0].confidence == 0.95
    assert found.blocks[0].wording["Prompt help"] == "Prompt help"


def test_chinese_form_headers_and_labels():
    labels = ["非常不满意", "不满意", "一般", "满意", "非常满意"]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            f"{k}、{side}—{item}": rng.choice(labels, N)
            for k, side in ((5, "期望"), (6, "满意度"))
            for item in ("响应速度", "服务态度")
        }
    )
    found = profile(frame, file="调查.xlsx")
    assert found.language == "zh"
    assert pairs(found)["响应速度"] == ("5、期望—响应速度", "6、满意度—响应速度")
    assert (found.blocks[0].labels, found.blocks[0].low, found.blocks[0].high) == ("satisfaction-5", 1, 5)


def test_codes_beyond_a_gap_are_taken_as_not_applicable():
    frame = answers(["q1", "q2", "q3"], high=5, mean=3)
    frame.iloc[:5, 0] = "99"
    found = profile(frame, file="x.csv").blocks[0]
    assert (found.low, found.high, found.not_applicable) == (1, 5, (99.0,))


@pytest.mark.parametrize(
    ("file", "columns", "table"),
    [
        ("customers_2026.csv", {"a": ["1"] * 3}, "customers"),
        (
            "lines.csv",
            {"CustomerID": ["1", "2", "3"], "InvoiceDate": ["2011-01-02"] * 3, "amount": ["1.5", "2", "3"]},
            "transactions",
        ),
        ("log.csv", {"ticket_id": ["1", "2", "3"], "CreatedDate": ["04/12/2018 11:11:26 AM"] * 3}, "complaints"),
    ],
)
def test_tables_are_told_by_name_or_columns(file, columns, table):
    assert profile(pd.DataFrame(columns), file=file).table == table


def test_what_is_missing_must_be_decided():
    found = profile(answers(["q1", "q2"]), file="x.csv")
    assert "responses: which column is responded_at? None looked like it" in found.decide


def test_samples_stay_on_one_line():
    frame = ids().assign(comment=["first\nsecond = 1", *["x"] * (N - 1)])
    assert "\n" not in "".join(s for g in profile(frame, file="x.csv").columns for s in g.samples)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["2026-10-01 10:00", "2026-10-02"], None),
        (["13/10/2026 10:00", "01/10/2026 11:30"], "%d/%m/%Y %H:%M"),
        (["10/13/2026 1:05:00 PM", "10/01/2026 11:30:00 AM"], "%m/%d/%Y %I:%M:%S %p"),
        (["31.10.2026", "01.10.2026"], "%d.%m.%Y"),
    ],
)
def test_one_format_fits_all_times(values, found):
    made = profile(pd.DataFrame({"ResponseId": ["a", "b"], "EndDate": values}), file="x.csv")
    assert made.time_format == found


def test_an_ambiguous_date_is_asked_about():
    made = profile(pd.DataFrame({"ResponseId": ["a", "b"], "EndDate": ["01/10/2026", "02/10/2026"]}), file="x.csv")
    assert any("Both fit" in text for text in made.decide)


def test_columns_without_telling_names_are_found_by_content():
    frame = pd.DataFrame(
        {"Antwort": ["a", "b", "c"], "Datum": ["31.10.2026"] * 3, "q1": ["1", "5", "3"], "q2": ["2", "4", "3"]}
    )
    made = profile(frame, file="x.csv")
    assert {g.key: g.value for g in made.columns} == {"responded_at": "Datum", "response_id": "Antwort"}
    assert all(g.confidence < 0.5 for g in made.columns)
    assert any("is Datum the responded_at" in text for text in made.decide)
