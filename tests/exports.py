"""Exports as survey tools write them, after their published layouts; every one holds the same answers.

Two items of a small SERVQUAL block, expectation and perception, answered by four people on 1 to 5. The known
means are in `EXPECTED`: gap = perception - expectation.
"""

from pathlib import Path

import openpyxl
import pyreadstat
from openpyxl.styles import Alignment

E1, E2, P1, P2 = (5, 4, 5, 4), (3, 5, 4, 4), (4, 4, 3, 5), (2, 3, 1, 2)
EXPECTED = {"speed": (4.5, 4.0, -0.5), "care": (4.0, 2.0, -2.0)}
DAYS = ("2026-10-01 10:00:00", "2026-10-02 11:30:00", "2026-10-03 12:00:00", "2026-10-04 23:59:59")
AGREE = ("", "Strongly disagree", "Disagree", "Neither agree nor disagree", "Agree", "Strongly agree")
SATISFIED = ("", "非常不满意", "不满意", "一般", "满意", "非常满意")
QUESTIONS = (
    "Excellent providers answer quickly",
    "Excellent providers care, always",
    "This provider answers quickly",
    "This provider cares",
)
SCALE = """
[scales.care]
low = 1
high = 5
labels = {labels}
items = [
  {{ item = "q1", dimension = "speed", expectation = "e1", perception = "p1" }},
  {{ item = "q2", dimension = "care", expectation = "e2", perception = "p2" }},
]
"""


def answers() -> list[tuple[int, int, int, int]]:
    """Return e1, e2, p1, p2 of each respondent."""
    return list(zip(E1, E2, P1, P2, strict=True))


def write_config(folder: Path, file: str, columns: dict[str, str], *, labels: str = "{}", more: str = "") -> Path:
    """Write csat.toml by hand beside a folder `source` that holds the export."""
    named = ", ".join(f"{name} = '{column}'" for name, column in columns.items())
    config = folder / "csat.toml"
    config.write_text(
        f'[company]\nname = "Tiny"\n[source]\npath = "source"\n[report]\nmin_base = 1\n[tables.responses]\n'
        f'file = "{file}"\ncolumns = {{ {named} }}\n{more}\n' + SCALE.format(labels=labels),
        encoding="utf-8",
    )
    return config


def qualtrics_csv(folder: Path) -> Path:
    """Three header rows (name, text, import id), choice text; a preview, a test and an unfinished row."""
    names = ["StartDate", "EndDate", "Status", "Progress", "Finished", "RecordedDate", "ResponseId"]
    names += ["DistributionChannel", "Q1_1", "Q1_2", "Q2_1", "Q2_2", "Q3"]
    texts = ["Start Date", "End Date", "Response Type", "Progress", "Finished", "Recorded Date", "Response ID"]
    texts += ["Distribution Channel", *QUESTIONS, "Anything else,\nin your own words?"]
    ids = ["startDate", "endDate", "status", "progress", "finished", "recordedDate", "_recordId"]
    ids += ["distributionChannel", *(f"QID{k}" for k in range(1, 6))]
    lines = [",".join(names), ",".join(f'"{text}"' for text in texts)]
    lines.append(",".join(f'"{{""ImportId"":""{i}""}}"' for i in ids))
    rows = [("IP Address", "True", "anonymous", row) for row in answers()]
    rows += [("Survey Preview", "True", "preview", (1, 1, 1, 1)), ("Survey Test", "True", "test", (1, 1, 1, 1))]
    rows += [("IP Address", "False", "anonymous", (1, 1, 1, 1))]
    for k, (status, finished, channel, row) in enumerate(rows):
        day = DAYS[k % 4]
        given = ",".join(AGREE[value] for value in row)
        lines.append(f'{day},{day},{status},100,{finished},{day},R_{k},{channel},{given},"so, ""so""\nend"')
    file = folder / "qualtrics.csv"
    file.write_bytes(("\ufeff" + "\n".join(lines) + "\n").encode())
    return file


QUALTRICS = {
    **{"response_id": "ResponseId", "responded_at": "RecordedDate", "e1": "Q1_1", "e2": "Q1_2"},
    **{"p1": "Q2_1", "p2": "Q2_2", "comment": "Q3"},
}


def surveymonkey_xlsx(folder: Path) -> Path:
    """Two header rows: question over its first column only, answer options below; one partial answer."""
    book = openpyxl.Workbook()
    book.active.title = "Cover"
    sheet = book.create_sheet("Sheet")
    sheet.append(
        ["Respondent ID", "Collector ID", "Start Date", "End Date", "Response Status"]
        + ["What do you expect of an excellent provider?", None, "How is this provider?", None]
        + ["Anything else?", "Which products do you use?", None]
    )
    sheet.append([None] * 5 + ["Quick", "Caring"] * 2 + ["Open-Ended Response", "Broadband", "Mobile"])
    for k, row in enumerate([*answers(), (1, 1, 1, 1)]):
        day = DAYS[k % 4]
        start = f"{day[5:7]}/{day[8:10]}/{day[:4]} {day[11:]}"
        status = "completed" if k < 4 else "partial"
        given = [AGREE[value] for value in row]
        sheet.append([11800000000 + k, 400000001, start, start, status, *given, "=1+1 is 2", "Broadband", None])
    # text, as the tool writes it, not a formula
    for cell in sheet["J"]:
        cell.data_type = "s" if cell.value else cell.data_type
    file = folder / "surveymonkey.xlsx"
    book.save(file)
    return file


SURVEYMONKEY = {
    "response_id": "Respondent ID",
    "responded_at": "End Date",
    "e1": "What do you expect of an excellent provider? - Quick",
    "e2": "What do you expect of an excellent provider? - Caring",
    "p1": "How is this provider? - Quick",
    "p2": "How is this provider? - Caring",
    "comment": "Anything else?",
}


def chinese_form_xlsx(folder: Path) -> Path:
    """One header row with the question in each name, typed dates, text answers, multi-select cells."""
    import datetime as dt

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "答卷数据"
    sheet.append(
        ["序号", "提交答卷时间", "所用时间", "1、期望—响应速度", "1、期望—关怀", "2、满意度—响应速度"]
        + ["2、满意度—关怀", "3、您使用哪些产品？", "4、建议", "4、建议"]
    )
    for k, row in enumerate(answers()):
        day = dt.datetime.fromisoformat(DAYS[k])
        given = [SATISFIED[value] for value in row]
        sheet.append([k + 1, day, f"{60 + k}秒", *given, "宽带┋手机", "很好", "再见"])
    file = folder / "form.xlsx"
    book.save(file)
    return file


FORM = {
    **{"response_id": "序号", "responded_at": "提交答卷时间", "e1": "1、期望—响应速度", "e2": "1、期望—关怀"},
    **{"p1": "2、满意度—响应速度", "p2": "2、满意度—关怀", "comment": "4、建议"},
}


def merged_xlsx(folder: Path) -> Path:
    """A title, headings merged over their columns, names merged over both header rows."""
    import datetime as dt

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Survey of October 2026"])
    sheet.append(["id", "when", "Expected", None, "Perceived", None])
    sheet.append([None, None, "speed", "care", "speed", "care"])
    for area in ("A1:F1", "A2:A3", "B2:B3", "C2:D2", "E2:F2"):
        sheet.merge_cells(area)
    sheet["C2"].alignment = Alignment(horizontal="center")
    for k, row in enumerate(answers()):
        sheet.append([f"m{k}", dt.datetime.fromisoformat(DAYS[k]), *row])
    file = folder / "merged.xlsx"
    book.save(file)
    return file


MERGED = {
    **{"response_id": "id", "responded_at": "when", "e1": "Expected - speed", "e2": "Expected - care"},
    **{"p1": "Perceived - speed", "p2": "Perceived - care"},
}


def spss_sav(folder: Path) -> Path:
    """Value and variable labels, a user-missing code 99, 9 = does not apply, a labelled segment."""
    import pandas as pd

    labels = dict(enumerate(AGREE[1:], 1)) | {9: "Does not apply", 99: "Refused"}
    given = [*answers(), (9, 99, 9, 99)]
    frame = pd.DataFrame(given, columns=["E1", "E2", "P1", "P2"], dtype="float64")
    frame.insert(0, "CASEID", [f"s{k}" for k in range(5)])
    frame["WHEN"] = pd.to_datetime([*DAYS, DAYS[0]])
    frame["REGION"] = [1.0, 2.0, 1.0, 2.0, 1.0]
    file = folder / "survey.sav"
    pyreadstat.write_sav(
        frame,
        str(file),
        column_labels=dict(zip(["E1", "E2", "P1", "P2"], QUESTIONS, strict=True)),
        variable_value_labels={
            **dict.fromkeys(["E1", "E2", "P1", "P2"], labels),
            "REGION": {1: "North", 2: "South"},
        },
        missing_ranges={name: [9, 99] for name in ("E1", "E2", "P1", "P2")},
    )
    return file


SPSS = {"response_id": "CASEID", "responded_at": "WHEN", "region": "REGION"}


def latin1_semicolon_csv(folder: Path) -> Path:
    """Latin-1, semicolons, decimal commas, German dates."""
    lines = ["Antwort;Datum;Größe;E1;E2;P1;P2;Bemerkung"]
    for k, row in enumerate(answers()):
        day = f"{DAYS[k][8:10]}.{DAYS[k][5:7]}.{DAYS[k][:4]}"
        given = ";".join(f"{value},0" for value in row)
        lines.append(f"l{k};{day};{k},5;{given};schön, für {k} Straßen")
    file = folder / "latin1.csv"
    file.write_bytes(("\r\n".join(lines) + "\r\n").encode("latin-1"))
    return file


LATIN1 = {"response_id": "Antwort", "responded_at": "Datum", "size": "Größe", "comment": "Bemerkung"}


def gb18030_csv(folder: Path) -> Path:
    """GB18030 with a rare character outside GB2312, text answers."""
    lines = ["编号,时间,E1,E2,P1,P2,意见"]
    for k, row in enumerate(answers()):
        lines.append(f"g{k},{DAYS[k]}," + ",".join(SATISFIED[value] for value in row) + ",响应很快，朱镕基")
    file = folder / "gb.csv"
    file.write_bytes(("\n".join(lines) + "\n").encode("gb18030"))
    return file


GB18030 = {"response_id": "编号", "responded_at": "时间", "comment": "意见"}
