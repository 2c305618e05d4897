"""What was decided to read a file, as one line a person can check."""

from collections.abc import Mapping
from typing import Any

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
        "multi_select": "several answers in one cell in",
    }
    for key, text in listed.items():
        if told.get(key):
            parts.append(f"{text}: {', '.join(told[key])}")
    for column, codes in told.get("user_missing", {}).items():
        parts.append(f"missing in {column}: {', '.join(codes)}")
    for reason, rows in told.get("left_out", {}).items():
        parts.append(f"left out: {rows} {reason}{'s' if rows != 1 and reason != 'spam' else ''}")
    return ", ".join(parts)
