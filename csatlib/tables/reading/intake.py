"""Source file -> table the engine can read, by the engine itself where it can."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
from ibis.expr import types as ir

from csatlib.tables.config import TableSettings
from csatlib.tables.convert import FALSE, TRUE, ScaleColumn, match_columns
from csatlib.tables.reading import choices, delimited, layouts, readers
from csatlib.tables.schema import TABLES


@dataclass(frozen=True)
class Source:
    """One source file, opened, and what was decided to read it (nothing where all is as usual)."""

    data: ir.Table
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the file."""
        return tuple(column for column in self.data.columns if column != readers.LEFT_OUT)


def read_source(
    connection: ibis.BaseBackend,
    path: Path,
    name: str,
    settings: TableSettings,
    scaled: Mapping[str, ScaleColumn],
) -> Source:
    """Open a source file; the one place to widen for other engines.

    Parameters
    ----------
    connection : ibis backend
        Embedded DuckDB. It reads Parquet and plain UTF-8 text itself; `readers` reads the rest.
    path : Path
        File in one of `readers.FORMATS`.
    name : str
        Canonical table.
    settings : TableSettings
        How to read the file, and which codes mean what.
    scaled : mapping of str to ScaleColumn
        From `scale_columns`.

    Returns
    -------
    Source
        Source columns under their own names, rows in source order.

    Raises
    ------
    ValueError
        If the file is not what its ending says, damaged, empty or only a header, or its header is no header.
    """
    kind = readers.kind_of(path)
    if kind == "Parquet":
        return Source(connection.read_parquet(path))
    if kind == "text":
        text = delimited.inspect(path, settings.encoding, settings.delimiter)
        if _is_plain(text, settings.decimal, settings.layout, survey=name == "responses"):
            data = connection.read_csv(
                path,
                columns=dict.fromkeys(readers.check_plain_header(text), "VARCHAR"),
                auto_detect=False,
                header=True,
                delim=text.delimiter,
                quote='"',
                escape='"',
                skip=0,
            )
            return Source(data, _told(text))
    reading = readers.load(
        path,
        encoding=settings.encoding,
        delimiter=settings.delimiter,
        decimal=settings.decimal,
        sheet=settings.sheet,
        layout=settings.layout,
        codes=(*settings.missing, *settings.not_applicable),
        keep=settings.keep,
        known=[code for code in settings.not_applicable if not isinstance(code, str)],
        survey=name == "responses",
    )
    words = _words(reading.data.column_names, name, settings, scaled)
    data = _asked(readers.decoded(reading, words), name, settings, scaled)
    connection.con.register(f"source_{name}", data)
    return Source(connection.table(f"source_{name}"), reading.told)


def _asked(data: pa.Table, name: str, settings: TableSettings, scaled: Mapping[str, ScaleColumn]) -> pa.Table:
    """Empty cells of questions that were not asked; only in ratings that is kept apart from no answer."""
    if layouts.NOT_ASKED not in settings.not_applicable:
        return data
    names, _ = match_columns(data.column_names, name, settings, scaled)
    rated = {column for canonical, column in names.items() if canonical in scaled}
    others = data.select([column for column in data.column_names if column not in rated])
    emptied, _ = layouts.without_blanks(others)
    for column in emptied.column_names:
        data = data.set_column(data.column_names.index(column), column, emptied[column])
    return data


def _words(
    found: Sequence[str], name: str, settings: TableSettings, scaled: Mapping[str, ScaleColumn]
) -> dict[str, list[str]]:
    """Return source columns of numbers -> the labels that mean something there."""
    names, _ = match_columns(found, name, settings, scaled)
    kinds = dict(settings.kinds) | {column.name: column.kind for column in TABLES[name].columns}
    codes = [code for code in (*settings.missing, *settings.not_applicable) if isinstance(code, str)]
    words = {}
    for canonical, column in names.items():
        if canonical in scaled or kinds.get(canonical) == "number":
            words[column] = [*(scaled[canonical].labels if canonical in scaled else ()), *codes]
        elif kinds.get(canonical) == "boolean":
            words[column] = [*TRUE, *FALSE, *codes]
    return words


def _is_plain(text: delimited.Text, decimal: str | None, layout: str | None, *, survey: bool = True) -> bool:
    """Say whether an embedded engine can read a text file as it is.

    That is UTF-8, one header row, decimal points and, in a survey, no column that says which rows count and no
    cells with several answers among the first rows.
    """
    commas = decimal == "," or (decimal is None and text.delimiter == ";" and text.has_comma_decimals)
    if text.encoding != "utf-8-sig" or commas or (layout or layouts.detect(text.head)) != "plain":
        return False
    if not survey or not text.head:
        return True
    return not (layouts.recognise(text.head, "plain").rules or choices.is_any(text.head[1:], text.delimiter))


def _told(text: delimited.Text) -> dict[str, Any]:
    """Return what was decided about a plain text file; nothing where all is as usual."""
    encoding = text.encoding.removesuffix("-sig")
    if (encoding, text.delimiter) == ("utf-8", ","):
        return {}
    return {
        "format": "text",
        "encoding": encoding,
        "delimiter": text.delimiter,
        "detected": list(text.detected),
    }
