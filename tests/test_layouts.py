import pytest
from hypothesis import given
from hypothesis import strategies as st

from csatlib.tables.reading.layouts import LAYOUTS, detect, reasons, recognise, unique

IDS = ['{"ImportId":"recordedDate"}', '{"ImportId":"status"}', '{"ImportId":"QID1"}']
QUALTRICS = [["When", "Art", "Q1"], ["Recorded Date", "Response Type", "How\n was it?"], IDS]
MONKEY = [
    ["Respondent ID", "Rate us", "", "", "Why?", "Sure?"],
    ["", "Speed", "Price", "Other (please specify)", "Open-Ended Response", "Response"],
    ["1", "Agree", "Agree", "", "so", "yes"],
]


@pytest.mark.parametrize(
    ("head", "layout"),
    [
        (QUALTRICS, "qualtrics"),
        (QUALTRICS[:2], "plain"),
        (MONKEY, "surveymonkey"),
        ([MONKEY[0], ["17", "Agree", "", "", "", ""]], "plain"),
        ([["序号", "1、性别", "2、满意度—响应速度"]], "form"),
        ([["id", "Q1. Speed", "Q2. Price"], ["a", "1", "2"]], "form"),
        ([["id", "1、性别", "region"]], "plain"),
        ([["id", "1.5", "2.5"]], "plain"),
        ([["id", "e01", "p01"], ["a", "1", "2"]], "plain"),
        ([], "plain"),
    ],
)
def test_layouts_are_detected(head, layout):
    assert detect(head) == layout
    assert layout in LAYOUTS


def test_qualtrics():
    found = recognise(QUALTRICS)
    assert (found.name, found.header_rows, found.columns) == ("qualtrics", 3, ("When", "Art", "Q1"))
    assert found.questions == {"When": "Recorded Date", "Art": "Response Type", "Q1": "How was it?"}
    # the column was renamed; its import id still tells what it is
    values = {"Art": ["IP Address", "Survey Preview", "Survey Test", "Spam", "0", "1", None]}
    assert reasons(found, values) == [
        *(None, "Art: preview answer", "Art: test answer", "Art: spam"),
        *(None, "Art: preview answer", None),
    ]


def test_preview_goes_before_unfinished():
    ids = [f'{{"ImportId":"{name}"}}' for name in ("finished", "distributionChannel", "status")]
    head = [["Finished", "DistributionChannel", "Status"]] * 2 + [ids]
    values = {
        "Finished": ["0", "False", "True", "1"],
        "DistributionChannel": ["preview", "email", "test", "email"],
        "Status": ["Survey Preview", "IP Address", "IP Address", "IP Address"],
    }
    assert reasons(recognise(head), values) == [
        *("Status: preview answer", "Finished: unfinished answer"),
        *("DistributionChannel: test answer", None),
    ]


def test_declared_layout_that_is_not_there():
    with pytest.raises(ValueError, match=r'layout "qualtrics" wants three header rows.* layout = "plain"'):
        recognise(MONKEY, "qualtrics")
    with pytest.raises(ValueError, match='layout "surveymonkey" wants two header rows'):
        recognise(MONKEY[:1], "surveymonkey")
    assert recognise(MONKEY, "plain").header_rows == 1


def test_surveymonkey():
    found = recognise(MONKEY)
    assert found.header_rows == 2
    assert found.columns == (
        *("Respondent ID", "Rate us - Speed", "Rate us - Price", "Rate us - Other (please specify)"),
        *("Why?", "Sure?"),
    )
    assert found.questions["Why?"] == "Why?"
    assert "Respondent ID" not in found.questions


def test_form_questions_lose_their_number():
    found = recognise([["序号", "1、性别", "2．满意度—响应速度", "Q3. Why?"]])
    assert found.columns[2] == "2．满意度—响应速度"
    assert list(found.questions.values()) == ["性别", "满意度—响应速度", "Why?"]


def test_names_below_merged_headings():
    head = [["id", "Expected", "Expected", "Now", "Now"], ["id", "speed", "care", "speed", "price"]]
    found = recognise(head, header_rows=2)
    assert found.columns == ("id", "Expected - speed", "care", "Now - speed", "price")


@pytest.mark.parametrize(("column", "value"), [("Response Status", "Partial"), ("Completed", "no")])
def test_unfinished_where_a_column_says_so(column, value):
    head = [["Respondent ID", column, "Rate us"], ["", "", "Speed"]]
    found = recognise(head)
    assert reasons(found, {column: ["completed", value]}) == [None, f"{column}: unfinished answer"]


def test_a_plain_file_must_say_clearly_what_does_not_count():
    assert list(recognise([["id", "Response status"]]).rules) == ["Response status"]
    assert recognise([["id", "status", "completed"]]).rules == {}


def test_no_answer_is_no_reason():
    found = recognise([["id", "Response Status"]])
    assert reasons(found, {"Response Status": [None, ""]}) == [None, None]
    assert reasons(recognise([["id"]]), {}) == []


def test_a_suffix_that_is_taken_is_skipped():
    names, renamed = unique(["a", "a (2)", "A", "", "column 4"])
    assert names == ("a", "a (2)", "A (3)", "column 4 (2)", "column 4")
    assert renamed == {"A (3)": "A", "column 4 (2)": ""}


@given(st.lists(st.sampled_from(["a", "A", "a (2)", "A (2)", "", "column 1", " a "]), max_size=8))
def test_names_become_unique(names):
    found, renamed = unique(names)
    assert len({name.casefold() for name in found}) == len(names)
    assert all(found)
    assert [renamed.get(name, name) for name in found] == [name.strip() for name in names]
