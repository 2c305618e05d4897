"""Rows of an XLSX sheet and of an SPSS file."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from csatlib.tables.schema import did_you_mean


@dataclass(frozen=True)
class Sheet:
    """Cells of one sheet.

    Parameters
    ----------
    name : str
        Name of the sheet.
    cells : list of list
        Python values from the header on; rows are equally long, empty rows at the end are left out.
    header_rows : int
        2 where names stand below merged headings, else 1.
    title : str, optional
        What stood alone above the header.
    others : tuple of str
        Further sheets that hold data.
    """

    name: str
    cells: list[list[Any]]
    header_rows: int
    title: str | None = None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Labelled:
    """An SPSS file: columns, and what their codes and names mean.

    Parameters
    ----------
    data : pyarrow Table
        Numbers, text and times; user-missing codes are missing.
    labels : mapping of str to mapping of float to str
        Column -> code -> label.
    questions : mapping of str to str
        Column -> variable label.
    missing : mapping of str to list of str
        Column -> the user-missing codes that were taken out.
    """

    data: pa.Table
    labels: Mapping[str, Mapping[float, str]] = field(default_factory=dict)
    questions: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, list[str]] = field(default_factory=dict)


def sheet_of(path: Path, wanted: str | int | None = None) -> Sheet:
    """Read one sheet: the wanted one by name or 1-based position, else the first that holds data.

    Raises
    ------
    ValueError
        If the workbook is damaged, the sheet is not there, or nothing is in it.
    """
    import openpyxl

    try:
        with path.open("rb") as file:
            book = openpyxl.load_workbook(file, data_only=True)
    except Exception as error:  # openpyxl hands on whatever its parsers raise
        raise ValueError(
            f"the workbook is damaged ({error}); open it in a spreadsheet and save it again"
        ) from None
    try:
        sheets = {s.title: s for s in book.worksheets}
        filled = [name for name, s in sheets.items() if any(c is not None for r in s.values for c in r)]
        if not filled:
            raise ValueError("the workbook holds no data; export it again")
        name = _choose(wanted, list(sheets), filled)
        return _cells(sheets[name], tuple(other for other in filled if other != name))
    finally:
        book.close()


def _choose(wanted: str | int | None, names: list[str], filled: list[str]) -> str:
    if wanted is None:
        return filled[0]
    if isinstance(wanted, int) and 1 <= wanted <= len(names):
        wanted = names[wanted - 1]
    if wanted not in names:
        near = did_you_mean(str(wanted), names)
        raise ValueError(f"there is no sheet {wanted!r}{near}; sheets: {', '.join(names)}")
    if wanted not in filled:
        raise ValueError(f"sheet {wanted!r} is empty; sheets with data: {', '.join(filled)}")
    return wanted


def _cells(sheet, others: tuple[str, ...]) -> Sheet:
    cells = [list(row) for row in sheet.values]
    while cells and all(_is_empty(cell) for cell in cells[-1]):
        cells.pop()
    first = next(k for k, row in enumerate(cells) if not all(map(_is_empty, row)))
    title = None
    alone = [cell for cell in cells[first] if not _is_empty(cell)]
    if len(alone) == 1 and len(cells) > first + 2 and sum(not _is_empty(c) for c in cells[first + 1]) > 2:
        title, first = str(alone[0]), first + 1
    headings = False
    for area in sheet.merged_cells.ranges:
        if area.min_row - 1 in (first, first + 1):
            headings |= area.max_col > area.min_col and area.min_row - 1 == first
            value = cells[area.min_row - 1][area.min_col - 1]
            for row in range(area.min_row - 1, min(area.max_row, first + 2)):
                cells[row][area.min_col - 1 : area.max_col] = [value] * (area.max_col - area.min_col + 1)
    cells = cells[first:]
    width = max(k for row in cells for k, cell in enumerate(row, 1) if not _is_empty(cell))
    return Sheet(sheet.title, [row[:width] for row in cells], 2 if headings else 1, title, others)


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def as_text(cell: Any) -> str | None:
    """Write a cell as the text a CSV would hold."""
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return cell.isoformat(sep=" ") if isinstance(cell, dt.datetime) else str(cell)


def as_column(cells: Collection[Any]) -> pa.Array:
    """Make an Arrow column: times where every cell that is filled is one, else text."""
    filled = [cell for cell in cells if not _is_empty(cell)]
    if filled and all(isinstance(cell, dt.datetime) for cell in filled):
        return pa.array([None if _is_empty(cell) else cell for cell in cells], pa.timestamp("us"))
    return pa.array([as_text(cell) for cell in cells], pa.string())


def spss(path: Path, encoding: str | None = None, keep: Collection[float] = ()) -> Labelled:
    """Read an SPSS file with its labels.

    Parameters
    ----------
    path : Path
        ``.sav`` or ``.zsav``.
    encoding : str, optional
        Of an old file that does not name its own.
    keep : collection of float
        Codes that stay although the file calls them missing: those declared as not applicable.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    import pyreadstat

    try:
        values, meta = pyreadstat.read_sav(
            str(path), user_missing=True, output_format="dict", encoding=encoding, dates_as_pandas_datetime=False
        )
    except Exception as error:  # also those of its C library
        raise ValueError(f"the SPSS file is damaged or cut off ({error}); export it again") from None
    columns, missing = {}, {}
    for name in meta.column_names:
        cells = list(values[name]) if name in values else []
        gone = {c for c in set(cells) if _is_missing(c, meta.missing_ranges.get(name, ())) and c not in keep}
        if gone:
            missing[name] = sorted(str(as_text(code)) for code in gone)
        columns[name] = _typed([None if cell in gone else cell for cell in cells])
    labels = {
        name: {code: text.strip() for code, text in found.items()}
        for name, found in meta.variable_value_labels.items()
    }
    texts = {name: " ".join(text.split()) for name, text in meta.column_names_to_labels.items() if text}
    return Labelled(pa.table(columns), labels, texts, missing)


def _is_missing(cell: Any, ranges: Collection[Mapping[str, Any]]) -> bool:
    same = [r for r in ranges if isinstance(cell, str) == isinstance(r["lo"], str) and cell is not None]
    return any(r["lo"] <= cell <= r["hi"] for r in same)


def _typed(cells: list[Any]) -> pa.Array:
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds and kinds <= {int, float}:
        return pa.array(cells, pa.float64(), from_pandas=True)
    if kinds and kinds <= {dt.datetime, dt.date}:
        return pa.array(cells, pa.timestamp("us"))
    return pa.array([as_text(cell) for cell in cells], pa.string())
