"""The numbers behind each table and figure of a report as one XLSX file, linked by number."""

import datetime
import io
import re
import zipfile
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from csatlib import exhibit
from csatlib.publish import history, html
from csatlib.words import say

EPOCH = datetime.datetime(1980, 1, 1)  # noqa: DTZ001 (the oldest time a zip archive holds, the same everywhere)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
COUNT, SHARE = "#,##0", "0.000"
WIDEST = 60
RULE = Border(bottom=Side(style="thin", color="59636B"))
LINK = Font(color="0B5A70", underline="single")


def write(notebook, path: Path, *, run: dict, finished: str | None = None) -> bool:
    """Write the workbook of an executed notebook.

    Parameters
    ----------
    notebook : NotebookNode
        Executed; its outputs hold the records of :mod:`csatlib.exhibit`.
    path : Path
        File to write.
    run : dict
        As for :func:`csatlib.publish.html.page`.
    finished : str, optional
        Time stamp to show; without it the file depends on nothing but its arguments.

    Returns
    -------
    bool
        Whether there was any table to write.
    """
    records = exhibits(notebook)
    if not records:
        return False
    book = Workbook()
    first = book.active
    for record in records:
        _sheet(book.create_sheet(_name(record)), record, first_name=say("Contents"))
    first.title = say("Contents")
    _contents(first, records, history.headline(notebook), run, finished)
    book.properties.creator = "csatlib"
    book.properties.created = book.properties.modified = EPOCH
    path.write_bytes(_packed(book))
    return True


def exhibits(notebook) -> list[dict]:
    """Return the records behind tables and figures in the order of the page, each with its label.

    Parameters
    ----------
    notebook : NotebookNode
        Executed.

    Returns
    -------
    list of dict
        label ("Table 1."), caption, title (figures), note, columns, rows, decimals.
    """
    outputs = (output for cell in html.number(notebook).cells for output in cell.get("outputs", ()))
    return [output.data[exhibit.MIME] for output in outputs if exhibit.MIME in output.get("data", {})]


def _contents(sheet: Worksheet, records: list[dict], told: dict, run: dict, finished: str | None) -> None:
    _put(sheet, 1, 1, told.get("title", "")).font = Font(bold=True, size=16)
    about = [run.get("company"), run.get("period"), run.get("segment")]
    _put(sheet, 2, 1, " · ".join(part for part in about if part))
    _put(sheet, 4, 1, told["answer"]).alignment = Alignment(wrap_text=True, vertical="top")
    sheet.merge_cells("A4:C4")
    sheet.row_dimensions[4].height = 15 * (1 + len(told["answer"]) // 95)
    heads = (say("Number"), say("What it shows"), say("Rows"))
    for column, (text, width) in enumerate(zip(heads, (14, 90, 8), strict=True), 1):
        head = _put(sheet, 6, column, text)
        head.font, head.border = Font(bold=True), RULE
        sheet.column_dimensions[get_column_letter(column)].width = width
    for row, record in enumerate(records, 7):
        _link(_put(sheet, row, 1, _name(record)), _name(record))
        _put(sheet, row, 2, record["caption"]).alignment = Alignment(wrap_text=True, vertical="top")
        _put(sheet, row, 3, len(record["rows"]))
    notes = [say("Figures on too few answers are left out here as on the page; all others have six digits.")]
    notes += [say("Made {time}.", time=finished)] if finished else []
    for row, text in enumerate(notes, 8 + len(records)):
        _put(sheet, row, 1, text).font = Font(color="59636B")
    sheet.sheet_view.showGridLines = False


def _sheet(sheet: Worksheet, record: dict, *, first_name: str) -> None:
    _link(_put(sheet, 1, 1, f"← {first_name}"), first_name)
    _put(sheet, 2, 1, f"{record['label']} {record['caption']}").font = Font(bold=True)
    lines = [line for line in (record.get("title"), record.get("note")) if line]
    for row, line in enumerate(lines, 3):
        _put(sheet, row, 1, line)
    top = 4 + len(lines)
    formats = {"estimate": _places(record["decimals"]), "count": COUNT, "share": SHARE}
    table = exhibit.values(record)
    columns = list(zip(record["columns"], record["kinds"].split(), strict=True))
    for column, (heading, kind) in enumerate(columns, 1):
        head = _put(sheet, top, column, heading)
        head.font, head.border = Font(bold=True), RULE
        head.alignment = Alignment(horizontal="left" if kind in ("text", "key") else "right", wrap_text=True)
        values = [row[column - 1] for row in table]
        for row, value in enumerate(values, top + 1):
            _put(sheet, row, column, value, formats.get(kind))
        longest = max([len(heading) / 2, *(_breadth(v) for v in values if isinstance(v, str))], default=8)
        sheet.column_dimensions[get_column_letter(column)].width = min(max(11, longest + 2), WIDEST)
    sheet.freeze_panes = sheet.cell(top + 1, 1)
    last = get_column_letter(len(record["columns"]))
    sheet.auto_filter.ref = f"A{top}:{last}{top + len(record['rows'])}"
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = f"{top}:{top}"


def _put(sheet: Worksheet, row: int, column: int, value, number_format: str | None = None):
    """Fill a cell; text stays text, whatever it starts with."""
    cell = sheet.cell(row, column)
    if isinstance(value, str):
        text = ILLEGAL_CHARACTERS_RE.sub("\N{REPLACEMENT CHARACTER}", value)
        cell.value, cell.data_type = text, "s"
        cell.quotePrefix = text.startswith(FORMULA)
    else:
        cell.value = value
        if number_format:
            cell.number_format = number_format
    return cell


def _link(cell, sheet: str) -> None:
    cell.hyperlink = f"#'{sheet}'!A1"
    cell.font = LINK


def _name(record: dict) -> str:
    """Return what a sheet is called: "Table 1"."""
    return re.sub(r"[\[\]:*?/\\]", "", record["label"]).strip(" .。")[:31]


def _places(decimals: int) -> str:
    return "#,##0" + ("." + "0" * decimals if decimals else "")


def _breadth(text: str) -> int:
    return sum(2 if ord(character) >= 0x2E80 else 1 for character in text)


def _packed(book: Workbook) -> bytes:
    """Save without the clock: openpyxl would stamp every part with the time of day."""
    held, packed = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        ExcelWriter(book, archive).save()
    with zipfile.ZipFile(held) as source, zipfile.ZipFile(packed, "w") as archive:
        for name in source.namelist():
            part = zipfile.ZipInfo(name, EPOCH.timetuple()[:6])
            part.compress_type = zipfile.ZIP_DEFLATED
            part.external_attr = 0o600 << 16
            archive.writestr(part, source.read(name))
    return packed.getvalue()
