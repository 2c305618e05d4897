"""Exports of every kind reach the same figures; broken files stop with a remedy and leave nothing behind."""

import csv
import zipfile

import exports
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from company_folder import write_company

from csatlib import servqual
from csatlib.tables import snapshot, workspace
from csatlib.tables.reading import readers
from csatlib.tables.reading.readers import read
from csatlib.tables.reading.statement import describe

HEAD = "response_id,responded_at"
LABELS = {"agreement": '"agreement-5"', "satisfaction": '"satisfaction-5"'}
CASES = {
    "qualtrics": (exports.qualtrics_csv, exports.QUALTRICS, {"labels": LABELS["agreement"]}),
    "surveymonkey": (
        exports.surveymonkey_xlsx,
        exports.SURVEYMONKEY,
        {"labels": LABELS["agreement"], "more": 'time_format = "%m/%d/%Y %H:%M:%S"'},
    ),
    "form": (exports.chinese_form_xlsx, exports.FORM, {"labels": LABELS["satisfaction"]}),
    "merged": (exports.merged_xlsx, exports.MERGED, {}),
    "spss": (exports.spss_sav, exports.SPSS, {"more": "not_applicable = [9]"}),
    "latin1": (exports.latin1_semicolon_csv, exports.LATIN1, {"more": 'time_format = "%d.%m.%Y"'}),
    "gb18030": (exports.gb18030_csv, exports.GB18030, {"labels": LABELS["satisfaction"]}),
}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("CSAT_CACHE", str(folder))
    return folder


def company(tmp_path, case):
    write, columns, options = CASES[case]
    (tmp_path / "source").mkdir()
    file = write(tmp_path / "source")
    return exports.write_config(tmp_path, file.name, columns, **options)


@pytest.mark.parametrize("case", CASES)
def test_every_export_gives_the_known_gaps(tmp_path, case):
    ws = workspace.open(company(tmp_path, case))
    gaps = servqual.gaps(ws.responses, scale=ws.scales["care"])
    rows = gaps.query("level == 'dimension'").set_index(["dimension", "measure"])
    for dimension, expected in exports.EXPECTED.items():
        found = rows.loc[dimension].loc[["expectation", "perception", "gap"]]
        assert tuple(found["estimate"]) == expected
        assert set(found["n"]) == {4}


def told(tmp_path, case):
    return read(CASES[case][0](tmp_path)).told


def test_what_was_decided_is_told(tmp_path):
    detected = ["encoding", "delimiter", "layout"]
    assert told(tmp_path, "gb18030") == {
        **{"format": "text", "encoding": "gb18030", "delimiter": ",", "layout": "plain", "header_rows": 1},
        "detected": detected,
    }
    assert told(tmp_path, "latin1") == {
        **{"format": "text", "encoding": "cp1252", "delimiter": ";", "layout": "plain", "header_rows": 1},
        **{"decimal": ",", "decimal_columns": ["Größe", "E1", "E2", "P1", "P2"]},
        "detected": [*detected, "decimal"],
    }
    assert told(tmp_path, "surveymonkey") == {
        **{"format": "XLSX", "sheet": "Sheet", "layout": "surveymonkey", "header_rows": 2},
        **{"left_out": {"unfinished answer": 1}, "detected": ["sheet", "layout"]},
    }
    assert told(tmp_path, "merged")["title"] == "Survey of October 2026"
    assert told(tmp_path, "form")["renamed"] == {"4、建议 (2)": "4、建议"}
    assert told(tmp_path, "form")["multi_select"] == {"3、您使用哪些产品？": {"sign": "┋", "options": 2}}


def test_what_was_decided_is_in_the_snapshot(tmp_path):
    manifest = snapshot.read_manifest(snapshot.snapshot(company(tmp_path, "qualtrics")))
    assert manifest["tables"]["responses"] == {
        "read": 7,
        "rejected": 3,
        "reading": {
            **{"format": "text", "encoding": "utf-8", "delimiter": ",", "layout": "qualtrics"},
            **{"header_rows": 3, "detected": ["encoding", "delimiter", "layout"]},
            "left_out": {"preview answer": 1, "test answer": 1, "unfinished answer": 1},
        },
    }
    plain = snapshot.snapshot(write_company(tmp_path / "plain", responses=f"{HEAD}\na,2026-10-01\n", scale=""))
    assert snapshot.read_manifest(plain)["tables"]["responses"] == {"read": 1, "rejected": 0}


def test_the_check_states_what_was_decided(tmp_path):
    from typer.testing import CliRunner

    from csatlib import cli

    result = CliRunner().invoke(cli.app, ["check", "--config", str(company(tmp_path, "qualtrics"))])
    assert (
        "responses read as text, encoding utf-8 (found), delimiter comma (found), layout qualtrics (found), "
        "header rows 3, left out: 1 preview answer, left out: 1 test answer, left out: 1 unfinished answer\n"
    ) in result.output


def test_a_reading_in_words(tmp_path):
    assert describe(told(tmp_path, "latin1")) == (
        "text, encoding cp1252 (found), delimiter semicolon (found), decimal comma (found), "
        "layout plain (found), decimal commas in: Größe, E1, E2, P1, P2"
    )
    assert describe(told(tmp_path, "merged")) == (
        "XLSX, sheet Sheet (found), layout plain (found), line above the header: Survey of October 2026, "
        "header rows 2"
    )
    assert "missing in E2: 99" in describe(told(tmp_path, "spss"))
    assert "renamed: 4、建议 (2)" in describe(told(tmp_path, "form"))


def test_rows_that_do_not_count_are_kept_with_their_reason(tmp_path):
    file = company(tmp_path, "qualtrics")
    ws = workspace.open(file)
    with (ws.snapshot / "rejected" / "responses.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(r["row"], r["ResponseId"], r["reason"]) for r in rows] == [
        ("5", "R_4", "Status: preview answer"),
        ("6", "R_5", "Status: test answer"),
        ("7", "R_6", "Finished: unfinished answer"),
    ]
    assert "left out" not in rows[0]
    assert ws.problems["count"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_row_that_does_not_count_wherever_it_stands(tmp_path, place):
    status = ["partial" if k == place else "completed" for k in range(3)]
    text = f"{HEAD},Response Status\n" + "".join(f"r{k},2026-10-01,{s}\n" for k, s in enumerate(status))
    ws = workspace.open(write_company(tmp_path, responses=text, scale=""))
    assert ws.counts[["read", "rejected"]].values.tolist() == [[3, 1]]
    assert ws.problems["rows"].tolist() == [str(place + 1)]


def test_rows_that_do_not_count_break_no_other_rule(tmp_path):
    text = f"{HEAD},Response Status,nps\na,2026-10-01,partial,99\na,2026-10-01,completed,5\nb,x,completed,5\n"
    ws = workspace.open(write_company(tmp_path, responses=text, scale=""))
    # the partial answer has the same key, an impossible value, and is the first
    assert ws.responses[["response_id", "nps"]].values.tolist() == [["a", 5.0]]
    assert ws.problems[["column", "rule", "rows"]].values.tolist() == [
        ["Response Status", "unfinished answer", "1"],
        ["responded_at", "not readable as time", "3"],
    ]


def test_only_answers_of_a_survey_are_left_out(tmp_path):
    text = "unit,period,satisfaction,n,Response Status\na,2026-10,4,10,partial\n"
    config = write_company(tmp_path, scale="", employees=text)
    assert len(workspace.open(config).employees) == 1
    (tmp_path / "source" / "employees.csv").write_bytes(text.replace("partial", "partial é").encode("latin-1"))
    assert len(workspace.open(config).employees) == 1


@pytest.mark.parametrize(
    ("keep", "left", "kept", "rows"),
    [
        ('["unfinished"]', {"preview answer": 1, "test answer": 1}, {"unfinished answer": 1}, 5),
        ('["preview", "test"]', {"unfinished answer": 1}, {"preview answer": 1, "test answer": 1}, 6),
        ('["preview", "spam", "test", "unfinished"]', None, None, 7),
    ],
)
def test_rows_that_do_not_count_are_kept_on_request(tmp_path, keep, left, kept, rows):
    write, columns, options = CASES["qualtrics"]
    (tmp_path / "source").mkdir()
    file = write(tmp_path / "source")
    ws = workspace.open(exports.write_config(tmp_path, file.name, columns, **options, more=f"keep = {keep}"))
    assert len(ws.responses) == rows
    assert ws.readings["responses"].get("left_out") == left
    if kept:
        assert ws.readings["responses"]["kept"] == kept
        assert f"kept: {next(iter(kept.values()))} {next(iter(kept))}" in describe(ws.readings["responses"])


def test_a_preview_that_is_also_unfinished_stays_out(tmp_path):
    text = f"{HEAD},Status,Finished\na,2026-10-01,Survey Preview,False\nb,2026-10-01,IP Address,False\n"
    names, texts = text.splitlines()[0].split(","), text.split("\n", 1)[1]
    ids = ",".join(f'"{{""ImportId"":""{name.lower()}""}}"' for name in names)
    file = write(tmp_path, f"{','.join(names)}\n{','.join(names)}\n{ids}\n{texts}")
    for keep, left in ((["unfinished"], "Status: preview answer"), (["preview"], "Finished: unfinished answer")):
        assert read(file, keep=keep).data[readers.LEFT_OUT].to_pylist()[0] == left


def test_an_unknown_kind_of_rows_is_told(tmp_path):
    settings = '[tables.responses]\nkeep = ["unfinishd"]'
    with pytest.raises(ValueError, match=r"keep.0: found 'unfinishd', allowed: .*\(did you mean 'unfinished'\?\)"):
        workspace.open(write_company(tmp_path, scale="", settings=settings))


FORM_HEAD = ["序号", "提交答卷时间", "1、期望—响应速度", "2、满意度—响应速度", "3、您使用哪些产品？", "4、建议"]
FORM_ROWS = [
    [1, "2026-10-01", "满意", "(跳过)", "宽带┋手机", "(空)"],
    [2, "2026-10-02", "非常满意", "（跳过）", "(跳过)", "很好"],
    [3, "2026-10-03", "(空)", "一般", "手机┋其他〖电视〗", "(跳过)"],
    [4, "2026-10-04", "满意", "满意", "其他〖报纸〗", "很好"],
]


def a_form(folder, declared=""):
    book = openpyxl.Workbook()
    for row in [FORM_HEAD, *FORM_ROWS]:
        book.active.append(row)
    (folder / "source").mkdir()
    book.save(folder / "source" / "form.xlsx")
    columns = {
        "response_id": "序号",
        "responded_at": "提交答卷时间",
        "comment": "4、建议",
        "e1": "1、期望—响应速度",
    }
    columns |= {"p1": "2、满意度—响应速度", "used": "3、您使用哪些产品？"}
    scale = exports.SCALE.replace(
        '  {{ item = "q2", dimension = "care", expectation = "e2", perception = "p2" }},\n', ""
    )
    named = ", ".join(f"{name} = '{column}'" for name, column in columns.items())
    (folder / "csat.toml").write_text(
        f'[company]\nname = "T"\n[source]\npath = "source"\n[tables.responses]\nfile = "form.xlsx"\n{declared}\n'
        f"columns = {{ {named} }}\n" + scale.format(labels=LABELS["satisfaction"]),
        encoding="utf-8",
    )
    return workspace.open(folder / "csat.toml")


def test_codes_of_chinese_forms_are_no_answers(tmp_path):
    ws = a_form(tmp_path)
    assert ws.counts[["read", "rejected"]].values.tolist() == [[4, 0]]
    assert ws.readings["responses"]["blanks"] == {"(跳过)": 4, "(空)": 2}
    assert "(跳过) is not asked: 4 cells, (空) is no answer: 2 cells" in describe(ws.readings["responses"])
    frame = ws.responses
    assert frame["e1"].isna().tolist() == [False, False, True, False]
    assert frame["p1"].isna().tolist() == [True, True, False, False]
    assert frame["comment"].isna().tolist() == [True, False, True, False]
    assert "p1_na" not in frame


def test_not_asked_is_kept_apart_where_it_is_declared(tmp_path):
    frame = a_form(tmp_path, 'not_applicable = ["(跳过)"]').responses
    assert frame["p1_na"].tolist() == [True, True, False, False]
    assert frame["p1"].isna().tolist() == [True, True, False, False]
    assert frame["e1_na"].any() == False  # noqa: E712
    assert frame["comment"].isna().tolist() == [True, False, True, False]
    assert frame["used"].isna().tolist() == [False, True, False, False]


def test_several_answers_in_a_cell_become_columns(tmp_path):
    frame = a_form(tmp_path).responses
    question = "3、您使用哪些产品？"
    assert frame[f"{question}: 手机"].tolist()[0] == 1
    assert frame[f"{question}: 手机"].isna().tolist() == [False, True, False, False]
    assert frame[f"{question}: 其他"].fillna(-1).tolist() == [0, -1, 1, 1]
    assert frame["used"].tolist()[0] == "宽带┋手机"


def multiple(cells):
    return [f"r{k},2026-10-01,{cell}\n" for k, cell in enumerate(cells)]


def test_answers_parted_by_semicolons_in_a_plain_file(tmp_path):
    cells = ["app;shop;", "shop", "", "app; shop", "mail;app"]
    ws = workspace.open(
        write_company(tmp_path, scale="", responses=f"{HEAD},used\n{''.join(multiple(cells * 2))}")
    )
    frame = ws.responses
    assert frame["used: app"].fillna(-1).tolist()[:5] == [1, 0, -1, 1, 1]
    assert frame["used: mail"].sum() == 2
    assert "several answers in one cell in used (3 answers, one column of yes and no each)" in describe(
        ws.readings["responses"]
    )


@pytest.mark.parametrize(
    "cells",
    [
        ["good; cheap", "slow; nobody came", "fine", "fine"],
        ["a;a", "b;a", "a;b", "a;b"],
        ["a;b", "a", "b", "a"],
        ["5", "4", "3", "5"],
        [f"{'very ' * 20};yes", f"{'very ' * 20};yes", f"{'very ' * 20};yes", "yes"],
    ],
)
def test_what_is_not_clearly_a_list_stays_text(tmp_path, cells):
    reading = read(write(tmp_path, f"{HEAD},used\n{''.join(multiple(cells))}"))
    assert reading.data.column_names == ["response_id", "responded_at", "used"]
    assert "multi_select" not in reading.told


def test_semicolons_of_the_file_part_no_answers(tmp_path):
    file = write(tmp_path, 'id;used\n1;"a;b"\n2;"a;b"\n3;"b;a"\n')
    assert read(file).data.column_names == ["id", "used"]


def test_ten_thousand_choices_do_not_explode(tmp_path):
    cells = [f"choice {k % 10_000}┋choice {(k + 1) % 10_000}" for k in range(20_000)]
    reading = read(write(tmp_path, f"{HEAD},used\n{''.join(multiple(cells))}"))
    assert reading.data.column_names == ["response_id", "responded_at", "used"]
    assert "used (10,000 answers, too many for columns: left as text)" in describe(reading.told)


def test_a_column_that_is_there_already_keeps_its_name(tmp_path):
    file = write(tmp_path, "id,used: A,used\n1,x,a┋b\n")
    assert read(file).data.column_names == ["id", "used: A", "used", "used: a (2)", "used: b"]


def test_questions_are_kept(tmp_path):
    assert read(exports.qualtrics_csv(tmp_path)).questions["Q1_2"] == "Excellent providers care, always"
    assert read(exports.spss_sav(tmp_path)).questions["P1"] == "This provider answers quickly"
    assert read(exports.chinese_form_xlsx(tmp_path)).questions["1、期望—响应速度"] == "期望—响应速度"


def write(folder, text, encoding="utf-8", name="a.csv"):
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("id,a\n1,plain\n", "ascii", "utf-8"),
        ("id,a\n1,é中\n", "utf-8", "utf-8"),
        ("id,a\n1,é中\n", "utf-8-sig", "utf-8"),
        ("id\ta\n1\té中\n", "utf-16", "utf-16"),
        ("id,note\n1,très bien\n2,déçu\n", "cp1252", "cp1252"),
        ("id;c\n1;schön und größer\n", "latin-1", "cp1252"),
        ("id,c\n1,costs 5€ – “nice”\n", "cp1252", "cp1252"),
        ("编号,性别\n1,男\n2,女\n", "gb18030", "gb18030"),
        ("id,意见\n1,响应很快\n", "gb18030", "gb18030"),
        ("id,c\n1,größer\n2,Äußerung\n", "cp1252", "cp1252"),
        ("id,c\n1,\x81é\n", "latin-1", "latin-1"),
    ],
)
def test_encodings_are_found_and_stated(tmp_path, text, encoding, found):
    reading = read(write(tmp_path, text, encoding))
    assert reading.told["encoding"] == found
    lines = [line.replace(";", ",").replace("\t", ",").split(",") for line in text.splitlines()]
    assert [reading.data.column_names, *map(list, zip(*reading.data.to_pydict().values(), strict=True))] == lines


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("id,c\n1,Очень хорошо\n2,плохо\n", "cp1251"), ("id,c\n1,とても良いサービス\n", "shift_jis")],
)
def test_an_encoding_that_cannot_be_told_is_not_guessed(tmp_path, text, encoding):
    file = write(tmp_path, text, encoding)
    with pytest.raises(ValueError, match=r"a.csv: the encoding is none of UTF-8, GB18030 and cp1252; it may be"):
        read(file)
    assert "".join(read(file, encoding=encoding).data["c"].to_pylist()) in text.replace("\n2,", "")


def test_chinese_text_that_is_cut_off_is_not_read_as_something_else(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes("编号,意见\n1,响应很快\n".encode("gb18030")[:-2])
    with pytest.raises(ValueError, match=r"a.csv: the encoding is none of .*|ends inside a character"):
        read(file)


def test_declared_encoding_goes_before_what_is_likely(tmp_path):
    file = write(tmp_path, "id,a\n1,联通\n", "gb18030")
    # these bytes happen to be UTF-8 too
    assert read(file, encoding="gb18030").data["a"].to_pylist() == ["联通"]
    assert "encoding" not in read(file, encoding="gb18030").told["detected"]
    with pytest.raises(ValueError, match=r"a.csv: the file is not utf-8 text: .* near byte"):
        read(write(tmp_path, "id,a\n1,é\n", "latin-1"), encoding="utf-8")


def test_declared_encoding_reaches_the_workspace(tmp_path):
    config = write_company(tmp_path, scale="", settings='[tables.responses]\nencoding = "gb18030"')
    write(config.parent / "source", f"{HEAD},comment\na,2026-10-01,联通\n", "gb18030", "responses.csv")
    assert workspace.open(config).responses["comment"].tolist() == ["联通"]


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a.txt"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path, delimiter, name):
    text = f'"id, or; so"{delimiter}b\n1{delimiter}"x{delimiter}y"\n'
    reading = read(write(tmp_path, text, name=name))
    assert reading.data.to_pydict() == {"id, or; so": ["1"], "b": [f"x{delimiter}y"]}
    assert reading.told["delimiter"] == delimiter


@pytest.mark.parametrize(
    ("values", "delimiter", "decimal", "expected"),
    [
        (["1,5", "2", "", "1.234,5"], ";", None, ["1.5", "2", "", "1234.5"]),
        (["1,5", "so"], ";", None, ["1,5", "so"]),
        (["1,5", "2,5", "so"], ";", ",", ["1.5", "2.5", "so"]),
        (["good, bad", "1,5", "so"], ";", ",", ["good, bad", "1,5", "so"]),
        (["1,5", "NA"], ";", None, ["1.5", "NA"]),
        (["1,234", "5,678"], ";", None, ["1,234", "5,678"]),
        (["1,234", "5,678"], ";", ",", ["1.234", "5.678"]),
        (["1,5"], ";", ".", ["1,5"]),
        (['"1,5"'], ",", None, ["1,5"]),
        (['"1,5"'], ",", ",", ["1.5"]),
    ],
)
def test_decimal_commas_by_column(tmp_path, values, delimiter, decimal, expected):
    text = "".join(f"{k}{delimiter}{value}\n" for k, value in enumerate(["x", *values]))
    reading = read(
        write(tmp_path, text.replace(f"0{delimiter}x", f"id{delimiter}x")), decimal=decimal, codes=["NA"]
    )
    assert reading.data["x"].to_pylist() == expected


def test_sheet_by_name_or_position(tmp_path):
    book = openpyxl.Workbook()
    for title, value in (("One", "first"), ("Two", "second")):
        sheet = book.create_sheet(title)
        sheet.append(["a", "b"])
        sheet.append([value, 1.0])
    book.save(tmp_path / "a.xlsx")
    reading = read(tmp_path / "a.xlsx")
    assert (reading.told["sheet"], reading.told["other_sheets"]) == ("One", ["Two"])
    assert reading.data.to_pydict() == {"a": ["first"], "b": ["1"]}
    for sheet in ("Two", 3):
        assert read(tmp_path / "a.xlsx", sheet=sheet).data["a"].to_pylist() == ["second"]
    with pytest.raises(ValueError, match=r"no sheet 'Tow' \(did you mean 'Two'\?\); sheets: Sheet, One, Two"):
        read(tmp_path / "a.xlsx", sheet="Tow")
    with pytest.raises(ValueError, match="sheet 'Sheet' is empty; sheets with data: One, Two"):
        read(tmp_path / "a.xlsx", sheet=1)


def test_labels_of_spss(tmp_path):
    reading = read(exports.spss_sav(tmp_path), codes=[9.0])
    assert reading.told["user_missing"] == {"E2": ["99"], "P2": ["99"]}
    assert reading.labels["REGION"] == {1.0: "North", 2.0: "South"}
    assert reading.data["E1"].to_pylist() == [5, 4, 5, 4, 9]
    assert read(exports.spss_sav(tmp_path)).data["E1"].to_pylist()[-1] is None


@pytest.mark.parametrize(
    ("labels", "more", "mean"),
    [
        ("{}", "", 4.5),
        ('"agreement-5"', "", 4.5),
        # the labels say the scale runs the other way
        ('{ "Strongly agree" = 1, "Agree" = 2 }', "", 1.5),
        ("{}", 'not_applicable = ["Does not apply"]', 4.5),
    ],
)
def test_labelled_codes_and_labels_both_work(tmp_path, labels, more, mean):
    (tmp_path / "source").mkdir()
    exports.spss_sav(tmp_path / "source")
    config = exports.write_config(tmp_path, "survey.sav", exports.SPSS, labels=labels, more=more)
    frame = workspace.open(config).responses
    assert frame["e1"].mean() == mean
    assert sorted(frame["region"].unique()) == ["North", "South"]


def test_large_file_in_another_encoding_keeps_its_rows(tmp_path):
    lines = [f"R{k:06d};2026-10-01;{'11' if k == 70_000 else '5'};größer" for k in reversed(range(120_000))]
    text = f"{HEAD},nps,c".replace(",", ";") + "\n" + "\n".join(lines) + "\n"
    config = write_company(tmp_path, scale="")
    write(config.parent / "source", text, "latin-1", "responses.csv")
    ws = workspace.open(config)
    assert len(ws.responses) == 119_999
    assert ws.problems["rows"].tolist() == [str(120_000 - 70_000)]


def a_zip(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("survey.csv", f"{HEAD}\na,2026-10-01\n")


def a_truncated_parquet(file):
    pq.write_table(pa.table({"response_id": list("abc"), "responded_at": ["2026-10-01"] * 3}), file)
    file.write_bytes(file.read_bytes()[:-30])


def a_damaged_parquet(file):
    a_truncated_parquet(file)
    file.write_bytes(file.read_bytes() + b"PAR1")


def a_workbook(file):
    book = openpyxl.Workbook()
    book.active.append(["response_id", "responded_at"])
    book.save(file)


def a_truncated_workbook(file):
    a_workbook(file)
    file.write_bytes(file.read_bytes()[:2000])


def a_truncated_spss(file):
    exports.spss_sav(file.parent).rename(file)
    file.write_bytes(file.read_bytes()[:300])


def an_old_workbook(file, inside=b"Workbook"):
    file.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + inside + bytes(2000))


def a_locked_workbook(file):
    # what Office writes: the encrypted package in a container of streams with wide names
    an_old_workbook(file, "EncryptedPackage".encode("utf-16-le"))


def data(content):
    return lambda file: file.write_bytes(content if isinstance(content, bytes) else content.encode())


ROW = "a,2026-10-01\n"
BROKEN = [
    ("An empty CSV", "responses.csv", data(""), "the first line is empty: the file holds nothing"),
    ("A CSV of blank lines", "responses.csv", data(" \n\n"), "the first line is empty: the file holds nothing"),
    (
        "A CSV that is only a header",
        "responses.csv",
        data(f"{HEAD}\n"),
        "only a header: no row follows; export it again, or remove it",
    ),
    (
        "A ZIP archive called .csv",
        "responses.csv",
        a_zip,
        r"ends in .csv but holds a ZIP archive \(survey.csv\), not text; unpack it first",
    ),
    (
        "A workbook called .csv",
        "responses.csv",
        a_workbook,
        "ends in .csv but holds an XLSX workbook, not text; rename it to .xlsx",
    ),
    (
        "A picture called .csv",
        "responses.csv",
        data(b"\x89PNG\r\n\x1a\n" + bytes(99)),
        "holds binary data, not text; export it as .csv",
    ),
    ("JSON called .csv", "responses.csv", data('{"responses": []}'), "holds JSON, not text"),
    (
        "A log-in page saved as .csv",
        "responses.csv",
        data("<!DOCTYPE html><html>Log in"),
        "holds an HTML page, not text; export it as .csv again",
    ),
    ("A PDF called .csv", "responses.csv", data(b"%PDF-1.7"), "holds a PDF page, not text"),
    (
        "A gzip archive called .csv",
        "responses.csv",
        data(b"\x1f\x8b\x08" + bytes(20)),
        "holds a gzip archive, not text",
    ),
    (
        "UTF-8 and Latin-1 in one file",
        "responses.csv",
        data(f"{HEAD},c\na,2026-10-01,é\n".encode() + "b,2026-10-01,é\n".encode("latin-1")),
        "the file mixes encodings: line 2 is UTF-8, line 3 is not",
    ),
    ("A row with a value too many", "responses.csv", data(f"{HEAD}\n{ROW}b,2026-10-01,5\n"), "Line: 3"),
    (
        "A row with a value too few",
        "responses.csv",
        data(f"{HEAD}\n{ROW}b\n"),
        "Line: 3 .*; quote values that hold the delimiter",
    ),
    (
        "A quote that is never closed",
        "responses.csv",
        data(f'{HEAD},c\na,2026-10-01,"x\n'),
        "Line: 2 .*unterminated quote",
    ),
    (
        "A row with a value too few, in Latin-1",
        "responses.csv",
        data(f"{HEAD},c\na,2026-10-01,é\nb,2026-10-01\n".encode("latin-1")),
        "the header has 3 values, but row 2 has 2; quote values that hold ','",
    ),
    (
        "A quote that is never closed, in Latin-1",
        "responses.csv",
        data(f'{HEAD},c\na,2026-10-01,"é\n'.encode("latin-1")),
        "line 2: .*is a quote not closed",
    ),
    (
        "A header that names a column twice",
        "responses.csv",
        data(f"{HEAD},nps,NPS\n{ROW[:-1]},1,2\n"),
        'names columns twice: NPS, nps; .*layout = "form"',
    ),
    ("A header with an empty name", "responses.csv", data(f"{HEAD},\n{ROW[:-1]},1\n"), "has an empty column name"),
    (
        "UTF-16 text that is cut off",
        "responses.csv",
        data(f"{HEAD}\n{ROW}".encode("utf-16")[:-1]),
        "ends inside a character of utf-16",
    ),
    (
        "Text called .parquet",
        "responses.parquet",
        data(f"{HEAD}\n{ROW}"),
        "ends in .parquet but holds text, not a Parquet file; rename",
    ),
    (
        "A truncated Parquet file",
        "responses.parquet",
        a_truncated_parquet,
        "the Parquet file is cut off: its last bytes are missing",
    ),
    (
        "A Parquet file damaged inside",
        "responses.parquet",
        a_damaged_parquet,
        r"the Parquet file is damaged \(.*\); copy or export it again",
    ),
    (
        "A page saved as .xlsx",
        "responses.xlsx",
        data("<html><table>"),
        "ends in .xlsx but holds an HTML page, not an XLSX workbook",
    ),
    (
        "Text called .xlsx",
        "responses.xlsx",
        data(f"{HEAD}\n{ROW}"),
        "holds text, not an XLSX workbook; rename it to .csv",
    ),
    (
        "A password-protected workbook",
        "responses.xlsx",
        a_locked_workbook,
        "the workbook is password-protected; save it without a password",
    ),
    ("An old .xls called .xlsx", "responses.xlsx", an_old_workbook, r"holds an old Excel workbook \(.xls\)"),
    (
        "A truncated workbook",
        "responses.xlsx",
        a_truncated_workbook,
        "a ZIP archive or workbook that is cut off, .*; copy or",
    ),
    ("A workbook that is only a header", "responses.xlsx", a_workbook, "only a header: no row follows"),
    ("A ZIP archive called .xlsx", "responses.xlsx", a_zip, r"holds a ZIP archive \(survey.csv\)"),
    (
        "A workbook without data",
        "responses.xlsx",
        lambda file: openpyxl.Workbook().save(file),
        "the workbook holds no data",
    ),
    ("A truncated SPSS file", "responses.sav", a_truncated_spss, "the SPSS file is damaged or cut off"),
    (
        "Text called .sav",
        "responses.sav",
        data(f"{HEAD}\n{ROW}"),
        "holds text, not an SPSS file; rename it to .csv",
    ),
]


@pytest.mark.parametrize(("what", "name", "make", "message"), BROKEN)
def test_broken_files_stop_with_a_remedy_and_leave_nothing(tmp_path, cache, what, name, make, message):
    config = write_company(tmp_path, scale="")
    make(tmp_path / "source" / name)
    with pytest.raises(ValueError, match=rf"has 1 problem:\n- responses \({name}\): .*{message}"):
        snapshot.snapshot(config)
    assert list(cache.iterdir()) == []


def test_a_damaged_sheet_inside_a_sound_archive(tmp_path):
    exports.merged_xlsx(tmp_path)
    with zipfile.ZipFile(tmp_path / "merged.xlsx") as whole, zipfile.ZipFile(tmp_path / "a.xlsx", "w") as broken:
        for name in whole.namelist():
            content = whole.read(name)
            broken.writestr(name, content[: len(content) // 2] if "sheet1" in name else content)
    with pytest.raises(ValueError, match=r"a.xlsx: the workbook is damaged \(.*\); open it in a spreadsheet"):
        read(tmp_path / "a.xlsx")


def test_repeated_names_of_a_plain_file_are_numbered_on_request(tmp_path):
    file = write(tmp_path, "id,x,X\n1,2,3\n")
    reading = read(file, layout="form")
    assert reading.data.to_pydict() == {"id": ["1"], "x": ["2"], "X (2)": ["3"]}
    assert reading.told["renamed"] == {"X (2)": "X"}


def test_message_of_read_names_the_file_once(tmp_path):
    a_zip(tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"^a.csv: the file ends in .csv but holds a ZIP archive"):
        read(tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"^a.doc: files ending in .doc are not read; allowed: .csv, .tsv"):
        read(write(tmp_path, "x", name="a.doc"))
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.csv")


def test_dates_in_three_formats(tmp_path):
    dates = ["2026-10-01", "02.10.2026", "10/03/2026", "2026-10-04"]
    text = f"{HEAD}\n" + "".join(f"r{k},{day}\n" for k, day in enumerate(dates))
    ws = workspace.open(write_company(tmp_path, responses=text, scale=""))
    assert ws.responses["response_id"].tolist() == ["r0", "r3"]
    assert ws.problems[["count", "found"]].values.tolist() == [[2, "'02.10.2026', '10/03/2026'"]]
    assert "give time_format" in ws.problems["remedy"].tolist()[0]


def test_ids_with_trailing_spaces_are_one_id(tmp_path):
    text = f"{HEAD}\na ,2026-10-01\na,2026-10-01\n b,2026-10-01\n"
    ws = workspace.open(write_company(tmp_path, responses=text, scale=""))
    assert ws.responses["response_id"].tolist() == ["a", "b"]
    assert ws.problems["rule"].tolist() == ["duplicate"]


def test_ten_thousand_labels_are_counted(tmp_path):
    lines = [f"r{k},2026-10-01,label {k % 10_000}" for k in range(20_000)]
    text = f"{HEAD},nps\n" + "\n".join(lines) + "\nz,2026-10-01,5\n"
    ws = workspace.open(write_company(tmp_path, responses=text, scale=""))
    assert ws.problems["count"].tolist() == [20_000]
    assert ws.problems["found"].tolist()[0].startswith("'label 0' (2), 'label 1' (2)")
    assert ws.problems["found"].tolist()[0].endswith("'label 4' (2), 9,995 other values")
    assert len(ws.responses) == 1


def test_script_and_formula_cells_stay_text(tmp_path):
    text = f"{HEAD},comment,nps\na,2026-10-01,<script>alert(1)</script>,5\nb,2026-10-01,=1+1,=2\n"
    ws = workspace.open(write_company(tmp_path, responses=text, scale=""))
    assert ws.responses["comment"].tolist() == ["<script>alert(1)</script>"]
    rejected = (ws.snapshot / "rejected" / "responses.csv").read_text(encoding="utf-8")
    assert "'=1+1,'=2" in rejected


@pytest.mark.parametrize("file", ["../secret.csv", "/etc/passwd", "C:\\\\x.csv", "..\\\\x.csv"])
def test_a_path_outside_the_folder_is_refused(tmp_path, file):
    write(tmp_path, f"{HEAD}\n{ROW}", name="secret.csv")
    config = write_company(tmp_path, scale="", settings=f'[tables.responses]\nfile = "{file}"')
    with pytest.raises(ValueError, match=r"tables.responses.file: .*must lie in the folder source.path"):
        workspace.open(config)


def test_wrong_reading_settings_are_all_told(tmp_path):
    settings = (
        '[tables.responses]\nencoding = "gb1803"\ndelimiter = "x"\ndecimal = ";"\nlayout = "qualtrix"\nsheet = 0'
    )
    with pytest.raises(ValueError, match="has 5 problems") as caught:
        workspace.open(write_company(tmp_path, scale="", settings=settings))
    for expected in (
        "unknown encoding (did you mean 'gb18030'?)",
        "(did you mean 'qualtrics'?)",
        "sheet: found 0",
    ):
        assert expected in str(caught.value)


@pytest.mark.long
def test_200_megabytes_stay_on_the_engine(tmp_path):
    config = write_company(tmp_path, scale="")
    line = "R{:09d},2026-10-01,{}\n"
    with (tmp_path / "source" / "responses.csv").open("w", encoding="utf-8") as out:
        out.write(f"{HEAD},comment\n")
        for k in range(200_000):
            out.write(line.format(k, "very good service " * 58))
    assert (tmp_path / "source" / "responses.csv").stat().st_size > 200e6
    assert len(workspace.open(config).responses) == 200_000


def test_suffixes_are_those_of_the_source():
    assert set(readers.FORMATS.values()) == {"text", "XLSX", "SPSS", "Parquet"}
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in readers.SUFFIXES)
