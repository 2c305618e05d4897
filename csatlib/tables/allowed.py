"""What a single setting of csat.toml may be."""

import codecs
from collections.abc import Iterator, Mapping
from pathlib import PureWindowsPath
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, Strict

from csatlib.tables.presets import labels_of
from csatlib.tables.schema import TABLES, did_you_mean

AGGREGATED = ("transactions", "operations")


def _code(value: Any) -> str | float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a code is a number or a text")
    return value.strip() if isinstance(value, str) else float(value)


def _currency(code: str) -> str:
    if not (len(code) == 3 and code.isascii() and code.isupper()):
        raise ValueError("allowed: three capital letters such as EUR")
    return code


def _table_name(name: str) -> str:
    if name not in TABLES:
        raise ValueError(f"unknown table{did_you_mean(name, TABLES)}; allowed: {', '.join(TABLES)}")
    return name


def _canonical_name(name: str) -> str:
    if not name.isidentifier() or name != name.lower():
        raise ValueError("write the canonical name left of =, in lower case: { responded_at = 'Date' }")
    return name


def _encoding(name: str) -> str:
    known = ("utf-8", "cp1252", "latin-1", "gb18030", "utf-16", "big5", "shift_jis", "cp1250")
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ValueError(f"unknown encoding{did_you_mean(name, known)}; such as: {', '.join(known)}") from None


def _inside(file: str) -> str:
    path = PureWindowsPath(file)
    if path.is_absolute() or path.root or ".." in path.parts:
        raise ValueError("the file must lie in the folder source.path; write its name only")
    return file


def _sheet(value: Any) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int) or value in ("", 0) or str(value)[0] == "-":
        raise ValueError("allowed: the name of a sheet, or its position from 1")
    return value


def _labels(value: Any) -> Any:
    return labels_of(value) if isinstance(value, str) else value


def aggregate_problems(table: str, entry: Mapping[str, Any], is_database: bool) -> Iterator[str]:
    """Say what is wrong with the aggregate and aggregate_by of a table.

    Parameters
    ----------
    table : str
        Canonical table.
    entry : mapping
        Its section of csat.toml.
    is_database : bool
        Whether the source is one.

    Yields
    ------
    str
        Key, what was found, what is allowed.

    Examples
    --------
    >>> list(aggregate_problems("responses", {"aggregate": "day"}, True))
    ['tables.responses.aggregate: allowed for transactions and operations only']
    """
    key = f"tables.{table}.aggregate"
    if "aggregate" not in entry:
        if "aggregate_by" in entry:
            yield f'{key}_by: needs aggregate = "day" or "month" beside it'
    elif table not in AGGREGATED:
        yield f"{key}: allowed for {' and '.join(AGGREGATED)} only"
    elif not is_database:
        yield f"{key}: for a database only; the files of a folder are read whole"
    else:
        if table == "operations" and entry["aggregate"] == "day":
            yield f"{key}: found 'day', allowed: 'month'"
        if "numbered" in entry:
            yield f"{key}: does not go with numbered, for no single rows are left; remove one of them"


Code = Annotated[Any, AfterValidator(_code)]
Codes = Annotated[tuple[Code, ...], Strict(False)]
TableName = Annotated[str, AfterValidator(_table_name)]
CanonicalName = Annotated[str, AfterValidator(_canonical_name)]
Name = Annotated[str, Field(min_length=1)]
Currency = Annotated[str, AfterValidator(_currency)]
Encoding = Annotated[str, AfterValidator(_encoding)]
FileName = Annotated[Name, AfterValidator(_inside)]
Sheet = Annotated[Any, AfterValidator(_sheet)]
Labels = Annotated[dict[str, float], BeforeValidator(_labels)]
