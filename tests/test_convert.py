import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from company_folder import SCALE, write_company

from csatlib.tables import config, convert, workspace

HEAD = "response_id,responded_at"


def responses(tmp_path, text, *, settings="", scale=""):
    ws = workspace.open(write_company(tmp_path, responses=text, settings=settings, scale=scale))
    return ws.responses, ws.problems


def test_missing_and_not_applicable_both_survive(tmp_path):
    text = f"{HEAD},e07,p07,points_speed\na,2026-10-01,9,n/a,9\nb,2026-10-01,-99,,NA\nc,2026-10-01,7,1,\n"
    settings = '[tables.responses]\nnot_applicable = [9, "n/a"]\nmissing = ["NA", -99]'
    frame, problems = responses(tmp_path, text, settings=settings, scale=SCALE)
    assert problems.empty
    assert frame["e07"].tolist()[2] == 7
    assert frame["e07"].isna().tolist() == [True, True, False]
    assert frame["e07_na"].tolist() == [True, False, False]
    assert frame["p07_na"].tolist() == [True, False, False]
    assert frame["e07_na"].dtype == bool
    # points are spread, not rated: 9 points are 9 points
    assert frame["points_speed"].tolist()[0] == 9
    assert "points_speed_na" not in frame


def test_text_answers_and_unmapped_labels(tmp_path):
    text = (
        f"{HEAD},e07,p07\na,2026-10-01,非常满意,very bad\nb,2026-10-01,great,7\nc,2026-10-01,great,7\n"
        "d,2026-10-01,good,7\n"
    )
    frame, problems = responses(tmp_path, text, scale=SCALE.replace('importance = { speed = "points_speed" }', ""))
    assert frame[["e07", "p07"]].values.tolist() == [[7, 1]]
    assert problems[["column", "rule", "count", "rows", "found"]].values.tolist() == [
        ["e07", "not readable as number", 3, "2, 3, 4", "'great' (2), 'good'"]
    ]


def test_kinds_are_fixed(tmp_path):
    text = (
        f"{HEAD},customer_id,score,zip,long,flag,account_id,comment\n"
        "a,2026-10-01 10:00:00, C1 ,1.5,01234,1234567890123456,x,12,\nb,2026-10-02,,2,23456,1,,13,\n"
    )
    frame, _ = responses(tmp_path, text)
    assert frame.dtypes.astype(str).to_dict() == {
        "response_id": "str",
        "customer_id": "str",
        "responded_at": "datetime64[us]",
        "comment": "str",
        "score": "float64",
        "zip": "str",
        "long": "str",
        "flag": "str",
        "account_id": "str",
        "replicate": "uint8",
        "period": "str",
    }
    assert frame["customer_id"].tolist()[0] == "C1"
    assert frame["zip"].tolist() == ["01234", "23456"]


def test_kind_from_the_settings(tmp_path):
    text = f"{HEAD},score,born,member\na,2026-10-01,1,1990-02-03,yes\nb,2026-10-01,x,1990-02-30,maybe\n"
    settings = '[tables.responses]\nkinds = { score = "number", born = "date", member = "boolean" }'
    frame, problems = responses(tmp_path, text, settings=settings)
    assert frame[["score", "member"]].values.tolist() == [[1.0, 1.0]]
    assert frame["born"].tolist() == [pd.Timestamp("1990-02-03")]
    assert problems["rule"].tolist() == [
        "not readable as date",
        "not readable as boolean",
        "not readable as number",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-10-03", "2026-10-03"),
        ("2026-10-03 14:05:06", "2026-10-03 14:05:06"),
        ("2026-10-03T14:05:06Z", "2026-10-03 14:05:06"),
        ("2026-10-03T14:05:06+02:00", "2026-10-03 14:05:06"),
    ],
)
def test_iso_times(tmp_path, text, expected):
    assert responses(tmp_path, f"{HEAD}\na,{text}\n")[0]["responded_at"].tolist() == [pd.Timestamp(expected)]


@pytest.mark.parametrize("text", ["03.10.2026", "2026-13-01", "1026-10-03", "yesterday", "infinity"])
def test_other_times_are_rejected(tmp_path, text):
    frame, problems = responses(tmp_path, f"{HEAD}\na,{text}\nb,2026-10-03\n")
    assert frame["response_id"].tolist() == ["b"]
    assert problems[["rule", "found"]].values.tolist() == [["not readable as time", repr(text)]]


def test_time_format(tmp_path):
    settings = '[tables.responses]\ntime_format = "%d.%m.%Y"'
    frame, problems = responses(tmp_path, f"{HEAD}\na,03.10.2026\nb,31.02.2026\n", settings=settings)
    assert frame["responded_at"].tolist() == [pd.Timestamp("2026-10-03")]
    assert problems["count"].tolist() == [1]


@pytest.mark.parametrize("text", ["nan", "inf", "3,5", "five"])
def test_not_a_number(tmp_path, text):
    _, problems = responses(tmp_path, f'{HEAD},nps\na,2026-10-01,"{text}"\n')
    assert problems["rule"].tolist() == ["not readable as number"]


def test_period_labels(tmp_path):
    rows = ["2026-10", "2026-10-01", "2026-Q3", "2026Q4", "2026", "2026-13", "Oct 2026"]
    text = "unit,period,satisfaction,n\n" + "".join(f"u{k},{row},4,10\n" for k, row in enumerate(rows))
    ws = workspace.open(write_company(tmp_path, employees=text, scale=""))
    assert ws.employees["period"].tolist() == ["2026-10", "2026-10", "2026-Q3", "2026-Q4", "2026"]
    assert ws.problems[["rule", "count"]].values.tolist() == [["not readable as period", 2]]


def test_parquet_types(tmp_path):
    config_file = write_company(tmp_path, scale=SCALE, settings="[tables.responses]\nnot_applicable = [9]")
    table = pa.table(
        {
            "response_id": pa.array([1.0, 2.0]),
            "responded_at": pa.array(["2026-10-03T12:00Z", "2026-10-04T00:00Z"], pa.string()).cast(
                pa.timestamp("ns", tz="Asia/Shanghai")
            ),
            "customer_id": pa.array([5, None], pa.int32()),
            "e07": pa.array([9, 7], pa.int8()),
            "p07": pa.array([float("nan"), 3.5]),
            "points_speed": pa.array([9, None], pa.int64()),
            "member": pa.array([True, None]),
            "born": pa.array([None, None], pa.date32()),
            "note": pa.array([None, None], pa.string()),
        }
    )
    pq.write_table(table, config_file.parent / "source" / "responses.parquet")
    frame = workspace.open(config_file).responses
    assert frame["response_id"].tolist() == ["1", "2"]
    assert frame["customer_id"].tolist()[0] == "5"
    assert frame["responded_at"].tolist()[0] == pd.Timestamp("2026-10-03 12:00")
    assert frame["e07"].isna().tolist() == [True, False]
    assert frame["e07_na"].tolist() == [True, False]
    assert frame["p07"].isna().tolist() == [True, False]
    assert frame[["member", "points_speed"]].iloc[0].tolist() == [1.0, 9.0]
    assert frame[["member", "points_speed", "born"]].isna().iloc[1].all()
    dtypes = frame[["note", "born", "member", "e07_na"]].dtypes.astype(str).tolist()
    assert dtypes == ["str", "datetime64[us]", "float64", "bool"]


def test_columns_match_without_regard_to_case():
    names, problems = convert.match_columns(
        ["Response_ID", " Responded_At ", "P07", "Region"], "responses", config.TableSettings(), ["p07"]
    )
    assert problems == []
    assert names == {
        "response_id": "Response_ID",
        "responded_at": " Responded_At ",
        "p07": "P07",
        "Region": "Region",
    }


def test_names_that_csatlib_uses_itself_are_refused():
    found = ["response_id", "responded_at", "period", "replicate", "p07", "p07_na"]
    _, problems = convert.match_columns(found, "responses", config.TableSettings(), ["p07"])
    assert [p.split("'")[1] for p in problems] == ["replicate", "period", "p07_na"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiters_and_byte_order_mark(tmp_path, delimiter):
    text = f"\ufeff{HEAD},comment\n#1,2026-10-01,a b\n\n'2,2026-10-01,\n".replace(",", delimiter)
    frame, problems = responses(tmp_path, text)
    assert problems.empty
    assert frame["response_id"].tolist() == ["#1", "'2"]
