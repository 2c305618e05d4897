"""Files people fill in and take away: the workshop's template and the table of corrections."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from csatlib import words
from csatlib.touchpoints.inventory import HIGH, LOW, RATINGS, SIDES, WORDS
from csatlib.words import mark, say

COLUMNS = ("touchpoint", "stage", "purpose", "role", "owner", "rater", "rater_side", *RATINGS)
SPARE = 200
FORMULA = ("=", "+", "-", "@", "\t", "\r")
TYPICAL = {  # touchpoint: stage, purpose, role
    "Advertising": ("广告", "attract", "identify a prospect", "perception"),
    "Web site": ("网站", "attract", "identify a prospect", "perception"),
    "Blog": ("博客", "attract", "identify a prospect", "perception"),
    "Events": ("活动", "attract", "identify a prospect", "perception"),
    "Articles": ("文章", "attract", "identify a prospect", "perception"),
    "E-mail": ("电子邮件", "consider", "speed a talk", "preference"),
    "Brochures": ("宣传册", "consider", "speed a talk", "preference"),
    "White papers": ("白皮书", "consider", "speed a talk", "preference"),
    "Samples": ("样品", "consider", "speed a talk", "preference"),
    "Demonstrations": ("演示", "consider", "speed a talk", "preference"),
    "Meetings": ("会谈", "buy", "support a transaction", "preference"),
    "Delivery": ("交付", "buy", "support a transaction", "loyalty"),
    "Service": ("服务", "use", "solve a problem", "loyalty"),
    "Billing": ("账单", "use", "support a transaction", "loyalty"),
    "Loyalty programme": ("会员计划", "buy again", "support a transaction", "loyalty"),
    "Referral": ("推荐有礼", "recommend", "identify a prospect", "loyalty"),
}
MEANINGS = {
    "touchpoint": mark(
        "Any place where people meet the company, before a purchase and after it. Add and delete rows."
    ),
    "stage": mark("Where in the customer's life it is most likely met."),
    "purpose": mark("What it is for."),
    "role": mark("What it shapes in the experience."),
    "owner": mark("The department that answers for it. Owners take part in the workshop."),
    "rater": mark("Who rates: one row per touchpoint and rater. A number such as Panel 3 will do."),
    "rater_side": mark("department: works for the company; customer: sits on the panel."),
    "impact": mark("10: a bad experience here makes customers leave. 1: it is easily repaired."),
    "operational": mark("10: it works as it should. 1: it does not."),
    "experience": mark("10: customers feel well served. 1: they do not."),
}
HOW = (
    mark("How to fill in this workbook"),
    mark("Fill in the first sheet, one row per touchpoint and rater. Leave a rating empty where you cannot tell."),
    mark(
        "Keep the headings of the first row. Then name the file in csat.toml, under [tables.touchpoints]: {entry}"
    ),
)
RANGE = mark("1 to 10, or empty")


def template(
    path: str | Path,
    *,
    entries: pd.DataFrame | None = None,
    raters: Mapping[str, str] | None = None,
) -> Path:
    """Write the workbook that a workshop fills in; it is read back as the touchpoints table.

    Instructions and choices are in the language of the session (``theme.use(language=...)``), the headings those
    of the table.

    Parameters
    ----------
    path : str or Path
        File to write, ending in .xlsx; csat.toml then names it: ``[tables.touchpoints] file = "workshop.xlsx"``.
    entries : DataFrame, optional
        Touchpoints to rate, with ``touchpoint``, ``stage``, ``purpose``, ``role``, ``owner`` as far as known, for
        example from :func:`csatlib.touchpoints.inventory`; default: sixteen that most companies have.
    raters : mapping of str to str, optional
        Each rater's side, "department" or "customer"; a row per touchpoint and rater is made. Default: one row
        per touchpoint, rater to be filled in.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        Another side, another ending.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = template(f"{folder}/workshop.xlsx", raters={"Care lead": "department"})
    ...     pd.read_excel(file)[["touchpoint", "stage", "rater"]].iloc[0].tolist()
    ['Advertising', 'attract', 'Care lead']
    """
    path, raters = Path(path), dict(raters or {"": ""})
    problems = [] if path.suffix == ".xlsx" else [f"path={str(path)!r}; its name must end in .xlsx"]
    sides = sorted({side for side in raters.values() if side not in (*SIDES, "")})
    problems += [f"raters: side {side!r}; allowed are {', '.join(map(repr, SIDES))}" for side in sides]
    if problems:
        raise ValueError("; ".join(problems))
    known = _typical(words.language()) if entries is None else entries
    book = Workbook()
    sheet, guide = book.active, book.create_sheet(say("Instructions"))
    sheet.title = say("Touchpoints")
    rows = [
        [rater if c == "rater" else side if c == "rater_side" else row.get(c) for c in COLUMNS]
        for rater, side in raters.items()
        for row in known.reindex(columns=list(COLUMNS[:5])).to_dict("records")
    ]
    _table(sheet, COLUMNS, [[_translated(c, v) for c, v in zip(COLUMNS, r, strict=True)] for r in rows])
    _choices(sheet, len(rows) + 1 + SPARE)
    _guide(guide, path.name)
    book.active = 1
    book.save(path)
    return path


def save(table: pd.DataFrame, path: str | Path, *, headings: Mapping[str, str] | None = None) -> Path:
    """Write a table for people to work with, safe to open: no cell is run as a formula.

    Parameters
    ----------
    table : DataFrame
        For example from :func:`csatlib.touchpoints.actions`.
    path : str or Path
        File to write: .csv (UTF-8 with a mark that spreadsheets know) or .xlsx.
    headings : mapping of str to str, optional
        Columns to write, in order, and what they are called; default: all, as they are.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        Another ending.

    Notes
    -----
    Text that begins with = + - @, a tab or a carriage return is stored as text: in CSV behind an apostrophe, in
    XLSX marked as quoted.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = save(pd.DataFrame({"owner": ["=1+1"], "n": [3]}), f"{folder}/actions.csv")
    ...     file.read_text(encoding="utf-8-sig").splitlines()
    ['owner,n', "'=1+1,3"]
    """
    path, headings = Path(path), dict(headings or {c: c for c in table.columns})
    rows = [[_plain(value) for value in row] for row in table[list(headings)].itertuples(index=False)]
    if path.suffix == ".csv":
        safe = ([f"'{v}" if isinstance(v, str) and v.startswith(FORMULA) else v for v in row] for row in rows)
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([list(headings.values()), *safe])
    elif path.suffix == ".xlsx":
        book = Workbook()
        _table(book.active, list(headings.values()), rows)
        book.save(path)
    else:
        raise ValueError(f"path={str(path)!r}; its name must end in .csv or .xlsx")
    return path


def _typical(language: str) -> pd.DataFrame:
    rows = [(zh if language == "zh" else name, *rest) for name, (zh, *rest) in TYPICAL.items()]
    return pd.DataFrame(rows, columns=list(COLUMNS[:4]))


def _translated(column: str, value):
    return WORDS[column].get(value, value) if words.language() == "zh" and column in WORDS else value


def _allowed(column: str) -> list[str]:
    named = WORDS.get(column, {})
    return list(named.values()) if words.language() == "zh" else list(named)


def _plain(value):
    return None if value is None or pd.isna(value) else value


def _table(sheet, headings: Sequence[str], rows: Sequence[Sequence]) -> None:
    for row, values in enumerate([headings, *rows], 1):
        for column, value in enumerate(values, 1):
            _put(sheet.cell(row, column), _plain(value))
    for column, heading in enumerate(headings, 1):
        sheet.cell(1, column).font = Font(bold=True)
        longest = max([len(str(row[column - 1] or "")) for row in rows] + [len(heading)])
        sheet.column_dimensions[get_column_letter(column)].width = min(longest + 4, 40)
    sheet.freeze_panes = "B2"


def _put(cell, value) -> None:
    """Fill a cell; text stays text, whatever it starts with."""
    if isinstance(value, str) and value:
        text = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
        cell.value, cell.data_type, cell.quotePrefix = text, "s", text.startswith(FORMULA)
    elif value != "":
        cell.value = value


def _choices(sheet, last: int) -> None:
    """Offer the allowed values in every cell, and say what a column means where it is entered."""
    for at, column in enumerate(COLUMNS, 1):
        choices = list(SIDES) if column == "rater_side" else _allowed(column)
        if column in RATINGS:
            rule = DataValidation("decimal", operator="between", formula1=str(LOW), formula2=str(HIGH))
            rule.error = say(RANGE)
        elif choices:
            rule = DataValidation("list", formula1=f'"{",".join(choices)}"')
            rule.error = ", ".join(choices)
        else:
            rule = DataValidation()
        rule.promptTitle, rule.prompt = column, say(MEANINGS[column])
        rule.allow_blank, rule.showErrorMessage, rule.showInputMessage = True, column != "purpose", True
        rule.add(f"{get_column_letter(at)}2:{get_column_letter(at)}{last}")
        sheet.add_data_validation(rule)


def _guide(sheet, file: str) -> None:
    title, how, then = say(HOW[0]), say(HOW[1]), say(HOW[2], entry=f'file = "{file}"')
    for row, text in ((1, title), (2, how), (3, then)):
        _put(sheet.cell(row, 1), text)
        sheet.cell(row, 1).font = Font(bold=row == 1, size=16 if row == 1 else 11)
    for row, (column, meaning) in enumerate(MEANINGS.items(), 5):
        told = say(RANGE) if column in RATINGS else ", ".join(_allowed(column))
        for at, text in enumerate((column, say(meaning), told), 1):
            _put(sheet.cell(row, at), text)
            sheet.cell(row, at).alignment = Alignment(wrap_text=True, vertical="top")
        sheet.cell(row, 1).font = Font(bold=True)
    for letter, width in zip("ABC", (16, 70, 40), strict=True):
        sheet.column_dimensions[letter].width = width
