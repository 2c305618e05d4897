"""Any export -> columns under their own names, and what was decided on the way."""

import zipfile
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from csatlib.tables.reading import choices, delimited, layouts, workbooks

LEFT_OUT = "left out"
FORMATS = {
    ".csv": "text", ".tsv": "text", ".txt": "text", ".xlsx": "XLSX", ".xlsm": "XLSX",
    ".sav": "SPSS", ".zsav": "SPSS", ".parquet": "Parquet",
}  # fmt: skip
SUFFIXES = tuple(FORMATS)
_SIGNS = (
    (b"PAR1", "Parquet"), (b"$FL2", "SPSS"), (b"$FL3", "SPSS"), (b"%PDF", "a PDF page"),
    (b"\x1f\x8b", "a gzip archive"), (b"SQLite format 3", "an SQLite database"), (b"7z\xbc\xaf", "a 7z archive"),
)  # fmt: skip
_CALLED = {"text": "text", "XLSX": "an XLSX workbook", "SPSS": "an SPSS file", "Parquet": "a Parquet file"}
_ENDINGS = {"text": ".csv", "XLSX": ".xlsx", "SPSS": ".sav", "Parquet": ".parquet"}


@dataclass(frozen=True)
class Reading:
    """One source file as columns, and what was decided to read it.

    Parameters
    ----------
    data : pyarrow Table
        Columns under their own names, rows in source order: text for CSV, text and times for XLSX, typed for
        SPSS and Parquet. A column `LEFT_OUT` holds ``"column: reason"`` of rows that do not count, where
        there are any.
    told : mapping of str to anything JSON holds
        ``format``; where they apply ``encoding``, ``delimiter``, ``decimal``, ``decimal_columns``, ``sheet``,
        ``other_sheets``, ``title``, ``layout``, ``header_rows``, ``renamed`` (name -> name in the file),
        ``left_out`` (reason -> rows), ``kept`` (the same, of rows kept on request), ``blanks`` (code of a form
        export -> cells), ``multi_select`` (column -> what `choices.split` tells), ``user_missing`` (column ->
        codes); ``detected`` lists what was found rather than declared.
    questions : mapping of str to str
        Column -> text of its question.
    labels : mapping of str to mapping of float to str
        Column -> code -> label, of SPSS files.
    """

    data: pa.Table
    told: Mapping[str, Any]
    questions: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, Mapping[float, str]] = field(default_factory=dict)


def read(
    path: str | Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    sheet: str | int | None = None,
    layout: str | None = None,
    codes: Collection[str | float] = (),
    keep: Collection[str] = (),
) -> Reading:
    r"""Read an export: CSV, XLSX, SPSS or Parquet, as survey tools write them.

    Parameters
    ----------
    path : str or Path
        File whose ending is one of `SUFFIXES` and tells what is in it.
    encoding : str, optional
        Of text and old SPSS files. By default UTF-8 (or UTF-16 by its mark) where every byte fits, else
        GB18030 or cp1252, whichever is likelier.
    delimiter : str, optional
        Of text files; by default the one of comma, semicolon, tab and bar that gives most columns.
    decimal : {".", ","}, optional
        Decimal sign. A comma is found by itself only where the delimiter is a semicolon, column by column.
    sheet : str or int, optional
        Name or 1-based position; by default the first sheet with data.
    layout : {"plain", "qualtrics", "surveymonkey", "form"}, optional
        Header rows; by default what the first rows show.
    codes : collection of str or float
        Codes that mean "does not apply" or "no answer": no numbers for the decimal sign, and kept where
        SPSS calls them missing.
    keep : collection of {"preview", "test", "spam", "unfinished"}
        Kinds of rows that count although the survey tool marks them.

    Returns
    -------
    Reading

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not what its ending says, damaged, empty or only a header; with the remedy.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "answers.csv")
    ...     _ = file.write_bytes("id;Größe\na;3,5\nb;4\n".encode("latin-1"))
    ...     reading = read(file)
    >>> reading.data.to_pydict()
    {'id': ['a', 'b'], 'Größe': ['3.5', '4']}
    >>> reading.told["encoding"], reading.told["delimiter"], reading.told["decimal"]
    ('cp1252', ';', ',')
    """
    try:
        return load(
            Path(path),
            encoding=encoding,
            delimiter=delimiter,
            decimal=decimal,
            sheet=sheet,
            layout=layout,
            codes=codes,
            keep=keep,
        )
    except ValueError as error:
        raise ValueError(f"{Path(path).name}: {error}") from None


def load(
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    sheet: str | int | None = None,
    layout: str | None = None,
    codes: Collection[str | float] = (),
    keep: Collection[str] = (),
    survey: bool = True,
    known: Collection[float] | None = None,
) -> Reading:
    """Do what `read` does; messages do not name the file.

    `known` are the codes SPSS may not take out; where the rows are no answers to a survey, all count.
    """
    known = [code for code in codes if not isinstance(code, str)] if known is None else known
    reading = _load(path, encoding, delimiter, decimal, sheet, layout, codes, known, keep)
    if survey:
        data, several = choices.split(reading.data, delimiter=reading.told.get("delimiter", ""))
        return replace(reading, data=data, told=reading.told | ({"multi_select": several} if several else {}))
    if LEFT_OUT not in reading.data.column_names:
        return reading
    told = {key: value for key, value in reading.told.items() if key != "left_out"}
    return replace(reading, data=reading.data.drop_columns(LEFT_OUT), told=told)


def _load(path: Path, encoding, delimiter, decimal, sheet, layout, codes, known, keep) -> Reading:
    kind = kind_of(path)
    if kind == "text":
        text = delimited.inspect(path, encoding, delimiter)
        return _text(path, text, decimal=decimal, layout=layout, codes=codes, keep=keep)
    if kind == "XLSX":
        return _workbook(path, sheet, decimal, layout, codes, keep)
    if kind == "SPSS":
        return _spss(path, encoding, known)
    try:
        return _not_empty(Reading(pq.read_table(path), {"format": "Parquet"}))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"the Parquet file is damaged ({reason}); export it again") from None


def kind_of(path: Path) -> str:
    """Return what a file holds, one of the values of `FORMATS`, after looking at its bytes.

    Parameters
    ----------
    path : Path
        File to look at.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the ending is unknown or says something else than the bytes, or the file is empty or cut off.

    Examples
    --------
    >>> kind_of(Path("answers.doc"))
    Traceback (most recent call last):
    ValueError: files ending in .doc are not read; allowed: .csv, .tsv, .txt, .xlsx, .xlsm, .sav, .zsav, .parquet
    """
    expected = FORMATS.get(path.suffix.lower())
    if expected is None:
        raise ValueError(f"files ending in {path.suffix} are not read; allowed: {', '.join(FORMATS)}")
    with path.open("rb") as data:
        start = data.read(4096)
    if not start.strip():
        raise ValueError("the first line is empty: the file holds nothing; export it again, or remove it")
    found = _content(path, start)
    if found != expected:
        remedy = f"rename it to {_ENDINGS[found]}" if found in _ENDINGS else f"export it as {path.suffix} again"
        if found.startswith("a ZIP"):
            remedy = "unpack it first" if found.endswith(")") else "copy or export it again"
        shown = _CALLED.get(found, found)
        raise ValueError(f"the file ends in {path.suffix} but holds {shown}, not {_CALLED[expected]}; {remedy}")
    if found == "Parquet" and not _has_footer(path):
        raise ValueError("the Parquet file is cut off: its last bytes are missing; copy or export it again")
    if found == "Parquet":
        try:
            pq.read_metadata(path)
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"the Parquet file is damaged ({reason}); copy or export it again") from None
    return found


def _content(path: Path, start: bytes) -> str:
    for sign, name in _SIGNS:
        if start.startswith(sign):
            return name
    if start.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except zipfile.BadZipFile:
            return "a ZIP archive or workbook that is cut off"
        return "XLSX" if "xl/workbook.xml" in names else f"a ZIP archive ({', '.join(names[:3])})"
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise ValueError("the workbook is password-protected; save it without a password, then run again")
        return "an old Excel workbook (.xls)"
    words = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if words.startswith((b"<!doctype html", b"<html", b"<head", b"<table")):
        return "an HTML page"
    if words.startswith(b"<?xml"):
        return "an XML file"
    if words.startswith((b'{"', b'[{"')):
        return "JSON"
    is_wide = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    return "binary data" if b"\0" in start and not is_wide else "text"


def _has_footer(path: Path) -> bool:
    with path.open("rb") as data:
        data.seek(max(0, path.stat().st_size - 4))
        return data.read() == b"PAR1" and path.stat().st_size >= 12


def check_plain_header(text: delimited.Text) -> list[str]:
    """Return the names of a plain file's header.

    Raises
    ------
    ValueError
        If the header is empty, has an empty name or names a column twice, or no row follows.
    """
    header = [name.strip() for name in text.head[0]] if text.head else []
    folded = [name.casefold() for name in header]
    repeated = sorted({name for name in header if folded.count(name.casefold()) > 1})
    if not any(header) or "" in header or repeated:
        found = f"names columns twice: {', '.join(repeated)}" if repeated else "has an empty column name"
        raise ValueError(
            f"the first line {found if any(header) else 'is empty'}; it must name every column once"
            + (' (or set layout = "form": repeated names are then numbered)' if repeated else "")
        )
    if len(text.head) < 2:
        raise ValueError("the file is only a header: no row follows; export it again, or remove it")
    return header


def _text(
    path: Path,
    text: delimited.Text,
    *,
    decimal: str | None = None,
    layout: str | None = None,
    codes: Collection[str | float] = (),
    keep: Collection[str] = (),
) -> Reading:
    found = layouts.recognise(text.head, layout)
    if found.name == "plain":
        check_plain_header(text)
    blocks = [
        pa.table([pa.array(column, pa.string()) for column in block], names=list(found.columns))
        for block in delimited.rows(path, text, found.header_rows)
    ]
    schema = pa.schema([(name, pa.string()) for name in found.columns])
    data = pa.concat_tables(blocks) if blocks else schema.empty_table()
    told = {"format": "text", "encoding": text.encoding.removesuffix("-sig"), "delimiter": text.delimiter}
    detected = [*text.detected, *([] if layout else ["layout"])]
    data, more = _decimals(data, decimal, text.delimiter == ";", codes)
    detected += ["decimal"] if more and not decimal else []
    return _finish(data, found, told | more, detected, codes, keep)


def _decimals(data: pa.Table, decimal: str | None, may_detect: bool, codes: Collection) -> tuple[pa.Table, dict]:
    if decimal != "," and not (decimal is None and may_detect):
        return data, {}
    words = [str(code) for code in codes]
    data, columns = delimited.with_points(data, decimal == ",", words)
    return data, {"decimal": ",", "decimal_columns": columns} if columns or decimal else {}


def _workbook(path: Path, sheet, decimal, layout, codes, keep) -> Reading:
    found = workbooks.sheet_of(path, sheet)
    head = [[workbooks.as_text(cell) or "" for cell in row] for row in found.cells[:4]]
    shape = layouts.recognise(head, layout, header_rows=found.header_rows)
    columns = list(zip(*found.cells[shape.header_rows :], strict=True)) or [()] * len(shape.columns)
    data = pa.table([workbooks.as_column(column) for column in columns], names=list(shape.columns))
    data, more = _decimals(data, decimal, False, codes)
    told = {"format": "XLSX", "sheet": found.name} | more
    told |= {"other_sheets": list(found.others)} if found.others else {}
    told |= {"title": found.title} if found.title else {}
    detected = [name for name, given in (("sheet", sheet), ("layout", layout)) if not given]
    return _finish(data, shape, told, detected, codes, keep)


def _spss(path: Path, encoding, known) -> Reading:
    found = workbooks.spss(path, encoding, known)
    names, renamed = layouts.unique(found.data.column_names)
    shape = layouts.recognise([names], "plain")
    new = dict(zip(found.data.column_names, names, strict=True))
    told = {"format": "SPSS"} | ({"user_missing": dict(found.missing)} if found.missing else {})
    reading = _finish(found.data.rename_columns(list(names)), shape, told, [])
    return Reading(
        reading.data,
        {**reading.told, **({"renamed": renamed} if renamed else {})},
        {new[name]: text for name, text in found.questions.items() if name in new},
        {new[name]: labels for name, labels in found.labels.items() if name in new},
    )


def _not_empty(reading: Reading) -> Reading:
    if not reading.data.num_rows:
        raise ValueError("the file is only a header: no row follows; export it again, or remove it")
    return reading


def _finish(
    data: pa.Table, layout: layouts.Layout, told: dict, detected: list[str], codes: Collection = (), keep=()
) -> Reading:
    """Mark rows that do not count and state what was decided."""
    told |= {"layout": layout.name, "header_rows": layout.header_rows}
    told |= {"renamed": dict(layout.renamed)} if layout.renamed else {}
    if layout.name == "form":
        data, blanks = layouts.without_blanks(data, codes)
        told |= {"blanks": blanks} if blanks else {}
    status = {name: [workbooks.as_text(v) for v in data[name].to_pylist()] for name in layout.rules}
    every, why = layouts.reasons(layout, status), layouts.reasons(layouts.kept(layout, keep), status)
    spared = [reason if mine is None else None for reason, mine in zip(every, why, strict=True)]
    for key, marks in (("left_out", why), ("kept", spared)):
        if any(marks):
            counts = Counter(reason.rpartition(": ")[2] for reason in marks if reason)
            told[key] = dict(sorted(counts.items()))
    if any(why):
        data = data.append_column(LEFT_OUT, pa.array(why, pa.string()))
    if detected:
        told["detected"] = detected
    return _not_empty(Reading(data, told, dict(layout.questions)))


def decoded(reading: Reading, words: Mapping[str, Collection[str]]) -> pa.Table:
    """Replace SPSS codes by their labels.

    Parameters
    ----------
    reading : Reading
        From `read`.
    words : mapping of str to collection of str
        Columns of numbers -> labels with a meaning of their own (a scale's text answers, codes of missing
        answers); only these replace a code. In other columns every label does.

    Returns
    -------
    pyarrow Table

    Examples
    --------
    >>> data = pa.table({"q1": [1.0, 7.0], "region": [1.0, 2.0]})
    >>> labels = {"q1": {1.0: "Bad", 7.0: "Good"}, "region": {1.0: "North", 2.0: "South"}}
    >>> decoded(Reading(data, {}, labels=labels), {"q1": ["Good"]}).to_pydict()
    {'q1': ['1', 'Good'], 'region': ['North', 'South']}
    """
    data = reading.data
    for name, labels in reading.labels.items():
        used = labels
        if name in words:
            meant = {word.casefold() for word in words[name]}
            used = {code: label for code, label in labels.items() if label.casefold() in meant}
        if used:
            texts = [used.get(v, workbooks.as_text(v)) for v in data[name].to_pylist()]
            data = data.set_column(data.column_names.index(name), name, pa.array(texts, pa.string()))
    return data
