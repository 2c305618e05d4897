"""The numbers behind a table or figure, as the executed notebook records them beside what is seen."""

import csv
import io
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure
from csatlib.words import mark, say

MIME = "application/vnd.csatlib.table+json"
HEADINGS = {
    "group": mark("Group"),
    "stratum": mark("Within"),
    "label": mark("Item or dimension"),
    "dimension": mark("Dimension"),
    "measure": mark("Measure"),
    "period": mark("Period"),
    "state": mark("State"),
    "estimate": mark("Estimate"),
    "ci_low": mark("95 % interval from"),
    "ci_high": mark("95 % interval to"),
    "n": mark("n"),
    "n_reference": mark("n of those compared with"),
    "n_eff": mark("Effective n"),
    "p_adjusted": mark("p, adjusted for many comparisons"),
}
KINDS = {"n": "count", "n_reference": "count", "n_eff": "count", "p_adjusted": "share"}
FIGURES = ("estimate", "ci_low", "ci_high", "n", "n_reference", "n_eff", "p_adjusted")
ALWAYS = ("estimate", "ci_low", "ci_high", "n")
CODES = ("item", "dimension")


def keep(
    ax: Axes,
    result: pd.DataFrame,
    *,
    rows: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    decimals: int = 2,
) -> Axes:
    """Attach to a figure the result table it shows, small bases hidden, for the report's workbook.

    Parameters
    ----------
    ax : Axes
        What a plot function is about to return.
    result : DataFrame
        The rows drawn, with ``n``; those of :func:`csatlib.disclosure.protect` stay as they are.
    rows : mapping of str to str, optional
        Columns that name a row, and their headings; by default every column of text that tells rows apart.
    names : mapping of str to str, optional
        Words for values in those columns, for example ``{"gap": "Gap"}``.
    decimals : int
        Decimals at which estimates are shown.

    Returns
    -------
    Axes
        The same; the record is its attribute ``csat_table``.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> result = pd.DataFrame({"label": ["Speed", "Care"], "estimate": [-1.5, -1.0], "n": [120, 4]})
    >>> keep(plt.figure().subplots(), result).csat_table["rows"]
    ['Speed,-1.5,120,', 'Care,,,not shown: fewer than 10 answers']
    >>> plt.close("all")
    """
    ax.csat_table = record(result, rows=rows, names=names, decimals=decimals)
    return ax


def record(
    result: pd.DataFrame,
    *,
    rows: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    decimals: int = 2,
) -> dict[str, Any]:
    """Return a result table as plain values: headings, kinds of columns, rows; small bases hidden.

    Parameters
    ----------
    result, rows, names, decimals
        As in :func:`keep`. A table without ``estimate``, such as counts of rows, needs `rows` and is
        recorded as it is.

    Returns
    -------
    dict
        columns (headings), kinds (of columns, one word each: text, key, estimate, count, share), rows (lines
        of CSV, since a notebook would give each value of a list a line; numbers to six significant digits),
        decimals. Numbers are some of ``disclosure.NUMBERS`` only: what is not protected is not passed on.

    Examples
    --------
    >>> table = record(pd.DataFrame({"label": ["Speed"], "estimate": [1 / 3], "n": [120]}))
    >>> table["columns"], table["kinds"], table["rows"]
    (['Item or dimension', 'Estimate', 'n'], 'text estimate count', ['Speed,0.333333,120'])
    """
    names = names or {}
    if "estimate" not in result.columns:
        kinds = [(text, _kind(result[c], "count")) for c, text in (rows or {}).items()]
        values = [[_value(v, names) for v in row] for row in result[list(rows or {})].itertuples(index=False)]
        return _packed(kinds, values, decimals)
    shown = disclosure.protect(result)
    rows = dict(rows) if rows else {c: heading(c) for c in _telling(shown)}
    figures = [c for c in FIGURES if c in shown.columns and (c in ALWAYS or shown[c].notna().any())]
    kinds = [(text, _kind(shown[c], "key")) for c, text in rows.items()]
    kinds += [(heading(c), KINDS.get(c, "estimate")) for c in figures]
    # beyond four decimals a p-value is different on another processor
    shown = shown.assign(p_adjusted=shown["p_adjusted"].round(4)) if "p_adjusted" in figures else shown
    values = [[_value(v, names) for v in row] for row in shown[[*rows, *figures]].itertuples(index=False)]
    if (shown["hidden"] | shown["indicative"]).any():
        kinds.append((say("Remark"), "text"))
        for row, hidden, indicative in zip(values, shown["hidden"], shown["indicative"], strict=True):
            row.append(_remark(hidden, indicative))
    return _packed(kinds, values, decimals)


def values(record: Mapping[str, Any]) -> list[list[str | int | float | None]]:
    """Return the rows of a record, numbers as numbers.

    Parameters
    ----------
    record : mapping
        From :func:`record`.

    Returns
    -------
    list of list
        One value per column: text, or a number, None where there is none.

    Examples
    --------
    >>> values({"kinds": "text estimate", "rows": ["2026,-1.5", '"a, b",']})
    [['2026', -1.5], ['a, b', None]]
    """
    kinds = record["kinds"].split()
    return [
        [text if kind == "text" else _number(text) for text, kind in zip(row, kinds, strict=True)]
        for row in csv.reader(record["rows"])
    ]


def heading(column: str) -> str:
    """Return what a column of a result table is called.

    Parameters
    ----------
    column : str
        For example ``"ci_low"``.

    Returns
    -------
    str
        In the report's language, where it is one of the fixed names.

    Examples
    --------
    >>> heading("ci_low"), heading("sales_area")
    ('95 % interval from', 'Sales area')
    """
    return say(HEADINGS[column]) if column in HEADINGS else column.replace("_", " ").capitalize()


def _telling(shown: pd.DataFrame) -> list[str]:
    """Columns of text that tell rows apart; codes only where there is no label."""
    flags = set(shown.select_dtypes("bool"))
    text = [c for c in shown.columns if c not in flags and _kind(shown[c], "") == "text"]
    if "label" in text:
        text = [c for c in text if c not in CODES]
    return [c for c in text if len(shown[c].drop_duplicates()) > 1] or text[:1]


def _kind(column: pd.Series, numeric: str) -> str:
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        return "text"
    return numeric


def _packed(kinds: list[tuple[str, str]], values: list[list], decimals: int) -> dict[str, Any]:
    held = io.StringIO()
    lines = ([" ".join(v.split()) if isinstance(v, str) else v for v in row] for row in values)
    csv.writer(held, lineterminator="\n").writerows(lines)
    columns, words = ([pair[i] for pair in kinds] for i in (0, 1))
    rows = held.getvalue().splitlines()
    return {"columns": columns, "kinds": " ".join(words), "rows": rows, "decimals": decimals}


def _number(text: str) -> int | float | None:
    if not text:
        return None
    return float(text) if set(text) & set(".e") else int(text)


def _value(value: Any, names: Mapping[str, str]) -> str | int | float | None:
    if isinstance(value, str):
        return names.get(value, value)
    if value is None or pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d}"
    if not pd.api.types.is_number(value):
        return str(value)
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) else float(f"{value:.6g}")


def _remark(hidden: bool, indicative: bool) -> str:
    if hidden:
        return say("not shown: fewer than {n} answers", n=disclosure.bases.min_base)
    if indicative:
        return say("indicative: fewer than {n} effective answers", n=disclosure.bases.min_rank)
    return ""
