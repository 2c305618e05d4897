"""What was decided to read a file, as one line a person can check."""

from collections.abc import Mapping
from typing import Any

from csatlib.tables.reading.layouts import BLANK

_SIGNS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def describe(told: Mapping[str, Any]) -> str:
    """Say how a file was read.

    Parameters
    ----------
    told : mapping
        ``told`` of a `readers.Reading`, as a snapshot keeps it.

    Returns
    -------
    str
        Decisions in the order they were made; ``(found)`` marks those csat.toml does not declare.

    Examples
    --------
    >>> describe({"format": "text", "encoding": "gb18030", "delimiter": ";", "detected": ["encoding"]})
    'text, encoding gb18030 (found), delimiter semicolon'
    """
    if "groups_of" in told:
        *per, last = told["per"]
        rows = f"{told['groups_of']:,} rows of the database, summed there"
        return f"{rows}: one row per {', '.join(per)} and {last}"
    found = set(told.get("detected", ()))
    parts = [str(told["format"])]
    for key in ("encoding", "delimiter", "decimal", "sheet", "layout"):
        if key in told:
            value = _SIGNS.get(told[key], told[key])
            parts.append(f"{key} {value}" + (" (found)" if key in found else ""))
    for key, text in (("title", "line above the header: {}"), ("header_rows", "header rows {}")):
        if key in told and told[key] != 1:
            parts.append(text.format(told[key]))
    listed = {
        "other_sheets": "sheets not read",
        "decimal_columns": "decimal commas in",
        "renamed": "renamed",
    }
    for key, text in listed.items():
        if told.get(key):
            parts.append(f"{text}: {', '.join(told[key])}")
    for column, found_there in told.get("multi_select", {}).items():
        split = f"{found_there['options']:,} answers, one column of yes and no each"
        left = f"{found_there['options']:,} answers, too many for columns: left as text"
        parts.append(f"several answers in one cell in {column} ({left if found_there.get('kept') else split})")
    for code, cells in told.get("blanks", {}).items():
        meaning = "no answer" if code == BLANK else "not asked"
        parts.append(f"{code} is {meaning}: {cells:,} cell{'s' if cells != 1 else ''}")
    for column, codes in told.get("user_missing", {}).items():
        parts.append(f"missing in {column}: {', '.join(codes)}")
    for key in ("left_out", "kept"):
        for reason, rows in told.get(key, {}).items():
            many = "s" if rows != 1 and reason != "spam" else ""
            parts.append(f"{key.replace('_', ' ')}: {rows} {reason}{many}")
    return ", ".join(parts)
