"""Months, quarters and years as a reader writes them: 2026-10, 2026-Q3, 2026."""

import re
from dataclasses import dataclass

import ibis
import pandas as pd

UNITS = {"month": 1, "quarter": 3, "year": 12}
_PATTERN = re.compile(r"(?P<year>[12]\d{3})(-(?P<month>0[1-9]|1[0-2])|-?Q(?P<quarter>[1-4]))?")


@dataclass(frozen=True)
class Period:
    """A run of whole months.

    Parameters
    ----------
    first : int
        First month, counted from year 0: ``12 * year + month - 1``.
    months : int
        Length in months.
    kind : {"month", "quarter", "year"}
        Unit in which the period moves and is labelled.

    Examples
    --------
    >>> parse("2026-Q3").shift(-1).label
    '2026-Q2'
    """

    first: int
    months: int
    kind: str

    @property
    def label(self) -> str:
        """What a reader sees: ``2026-10``, or ``2026-05 to 2026-10`` when it spans several units."""
        names = self.labels
        return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"

    @property
    def labels(self) -> list[str]:
        """Label of every unit in the period, oldest first."""
        return [_label(m, self.kind) for m in range(self.first, self.first + self.months, UNITS[self.kind])]

    @property
    def start(self) -> pd.Timestamp:
        """First moment of the period."""
        return _timestamp(self.first)

    @property
    def end(self) -> pd.Timestamp:
        """First moment after the period."""
        return _timestamp(self.first + self.months)

    def shift(self, k: int) -> "Period":
        """Return the period of the same length, k lengths later (earlier when negative)."""
        return Period(self.first + k * self.months, self.months, self.kind)

    def last(self, k: int) -> "Period":
        """Return the span of k units (months, quarters or years) that ends with this period."""
        if k < 1:
            raise ValueError(f"last({k}): the number of periods must be 1 or more")
        months = k * UNITS[self.kind]
        return Period(self.first + self.months - months, months, self.kind)


def parse(text: str) -> Period:
    """Read a month, quarter or year.

    Parameters
    ----------
    text : str
        ``2026-10``, ``2026-Q3`` or ``2026``.

    Returns
    -------
    Period

    Raises
    ------
    ValueError
        If the text is none of the three.

    Examples
    --------
    >>> parse("2026-10").end
    Timestamp('2026-11-01 00:00:00')
    """
    match = _PATTERN.fullmatch(str(text).strip())
    if not match:
        raise ValueError(
            f"period {text!r} is not a period; write a month as '2026-10', a quarter as '2026-Q3' "
            "or a year as '2026'"
        )
    year = 12 * int(match["year"])
    if match["month"]:
        return Period(year + int(match["month"]) - 1, 1, "month")
    if match["quarter"]:
        return Period(year + 3 * int(match["quarter"]) - 3, 3, "quarter")
    return Period(year, 12, "year")


def label_of(time: ibis.expr.types.TimestampValue, kind: str) -> ibis.expr.types.StringValue:
    """Return the expression that labels a time with its month, quarter or year.

    Parameters
    ----------
    time : ibis timestamp expression
        The time.
    kind : {"month", "quarter", "year"}
        Unit of the label.

    Returns
    -------
    ibis string expression
        ``2026-10``, ``2026-Q4`` or ``2026``.

    Examples
    --------
    >>> label_of(ibis.timestamp("2026-10-03 12:00:00"), "quarter").to_pyarrow().as_py()
    '2026-Q4'
    """
    year = time.year().cast("string")
    if kind == "year":
        return year
    if kind == "quarter":
        return year + "-Q" + time.quarter().cast("string")
    return time.strftime("%Y-%m")


def span_of(label: ibis.expr.types.StringValue) -> tuple[ibis.Value, ibis.Value]:
    """Return the expressions for first month and length of period labels.

    Parameters
    ----------
    label : ibis string expression
        ``2026-10``, ``2026-Q4`` or ``2026``.

    Returns
    -------
    tuple of ibis integer expressions
        First month, counted from year 0 as in `Period`, and number of months.

    Examples
    --------
    >>> first, months = span_of(ibis.literal("2026-Q4"))
    >>> first.to_pyarrow().as_py() == parse("2026-Q4").first, months.to_pyarrow().as_py()
    (True, 3)
    """
    part = label.substr(5)
    month = ibis.cases(
        (part == "", 1),
        (part.startswith("Q"), 3 * part.substr(1).try_cast("int64") - 2),
        else_=part.try_cast("int64"),
    )
    months = ibis.cases((part == "", 12), (part.startswith("Q"), 3), else_=1)
    return 12 * label.substr(0, 4).cast("int64") + month - 1, months


def runs(months: list[str]) -> str:
    """Write sorted months as runs.

    Parameters
    ----------
    months : list of str
        Labels of months.

    Returns
    -------
    str
        First and last month of each run.

    Examples
    --------
    >>> runs(["2026-01", "2026-02", "2026-05"])
    '2026-01 to 2026-02, 2026-05'
    """
    found: list[list[Period]] = []
    for month in map(parse, months):
        if found and found[-1][-1].first + 1 == month.first:
            found[-1].append(month)
        else:
            found.append([month])
    return ", ".join(r[0].label if len(r) == 1 else f"{r[0].label} to {r[-1].label}" for r in found) or "none"


def _label(month: int, kind: str) -> str:
    year, index = divmod(month, 12)
    return {"month": f"{year}-{index + 1:02d}", "quarter": f"{year}-Q{index // 3 + 1}", "year": f"{year}"}[kind]


def _timestamp(month: int) -> pd.Timestamp:
    return pd.Timestamp(month // 12, month % 12 + 1, 1)
