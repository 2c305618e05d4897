"""From the rows of a table to what an indicator counts: one value a row, what is still open, and the period."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csatlib.tables.indicators import Indicator
from csatlib.tables.period import parse
from csatlib.tables.scale import Scale

SECONDS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86400.0}
VALUE, OPEN, PERIOD, PART, WHOLE = "_value", "_open", "_period", "_numerator", "_denominator"
EVERYTHING = "all"


def counted(
    frame: pd.DataFrame,
    indicator: Indicator,
    *,
    periods: Sequence[str] | None = None,
    until: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Return the rows an indicator counts, with their value.

    Parameters
    ----------
    frame : DataFrame
        Rows of the indicator's table, over all time: what follows a row decides about it.
    indicator : Indicator
        What to count.
    periods : sequence of str, optional
        Months, quarters or years looked at; a row belongs to that of its table's time, a case to that of its
        first contact, a customer to every period with a purchase. Default: all rows as one period.
    until : Timestamp, optional
        How far the data reaches; default: the last moment in it.

    Returns
    -------
    DataFrame
        Columns of `frame` and ``_value`` (number; NaN: not known), ``_open`` (not yet decided: left out, but of a
        median, which takes it as lasting until then at least) and ``_period``; of a ratio also ``_numerator`` and
        ``_denominator``. Rows outside the periods are gone.

    Examples
    --------
    >>> bought = pd.DataFrame({"customer_id": ["A", "A", "B"], "amount": 9.0})
    >>> bought["occurred_at"] = pd.to_datetime(["2026-01-03", "2026-01-20", "2026-01-25"])
    >>> again = Indicator(table="transactions", formula="repeat_purchase", days=30)
    >>> counted(bought, again, until=pd.Timestamp("2026-03-01"))[["customer_id", "_value"]].values.tolist()
    [['A', 1.0], ['B', 0.0]]
    """
    rows = frame[chosen(frame, indicator.where)]
    time = indicator.time
    until = until if until is not None else _last(rows, indicator, time)
    made = FORMULAS.get(indicator.formula, _plain)(rows, indicator, until)
    return _dated(made, time, periods, indicator.formula == "repeat_purchase")


def chosen(frame: pd.DataFrame, where: Mapping[str, Any]) -> np.ndarray:
    """Tell which rows have one of the wanted values in every column named.

    Parameters
    ----------
    frame : DataFrame
        Rows.
    where : mapping of column to value or list of values
        What is wanted; an empty mapping takes all.

    Returns
    -------
    ndarray of bool
        One entry per row.

    Examples
    --------
    >>> chosen(pd.DataFrame({"kind": ["bill", "purchase"]}), {"kind": "purchase"}).tolist()
    [False, True]
    """
    taken = np.ones(len(frame), dtype=bool)
    for column, value in where.items():
        taken &= frame[column].isin(value if isinstance(value, list) else [value]).to_numpy()
    return taken


def range_of(indicator: Indicator, scales: Mapping[str, Scale]) -> tuple[float, float] | None:
    """Return the ends of an indicator's scale: its own, else those of the scale that asks its column.

    Parameters
    ----------
    indicator : Indicator
        With `value`.
    scales : mapping of str to Scale
        Of the settings.

    Returns
    -------
    tuple or None
        Low and high; None where neither tells.

    Examples
    --------
    >>> range_of(Indicator(table="responses", formula="mean", value="q1", low=1.0, high=5.0), {})
    (1.0, 5.0)
    """
    if indicator.low is not None and indicator.high is not None:
        return indicator.low, indicator.high
    asking = [s for s in scales.values() if any(item.perception == indicator.value for item in s.items)]
    return (asking[0].low, asking[0].high) if asking else None


def _last(rows: pd.DataFrame, indicator: Indicator, time: str | None) -> pd.Timestamp:
    """Return the last moment something happened; a date promised lies ahead."""
    happened = [indicator.start, indicator.end, None if indicator.formula == "on_time" else time]
    moments = [rows[c].max() for c in happened if c in rows and pd.api.types.is_datetime64_any_dtype(rows[c])]
    return max((moment for moment in moments if pd.notna(moment)), default=pd.NaT)


def _plain(rows: pd.DataFrame, indicator: Indicator, until: pd.Timestamp) -> pd.DataFrame:
    if indicator.condition:
        value = pd.Series(chosen(rows, indicator.condition), index=rows.index).astype(float)
        value = value.mask(rows[list(indicator.condition)].isna().any(axis=1))
    else:
        value = rows[indicator.value].astype(float)
    return rows.assign(**{VALUE: value, OPEN: False})


def _ratio(rows: pd.DataFrame, indicator: Indicator, until: pd.Timestamp) -> pd.DataFrame:
    pair = [indicator.numerator, indicator.denominator]
    if all(column in rows for column in pair) and rows[pair].notna().all(axis=1).any():
        both = rows[pair].notna().all(axis=1)
        part, whole = (rows[column].astype(float).where(both) for column in pair)
    else:
        part = rows[indicator.value].astype(float)
        whole = part.where(part.isna(), 1.0)
    return rows.assign(**{PART: part, WHOLE: whole, VALUE: part, OPEN: False})


def _duration(rows: pd.DataFrame, indicator: Indicator, until: pd.Timestamp) -> pd.DataFrame:
    if not (indicator.start and indicator.end):
        return _plain(rows, indicator, until)
    start, end = rows[indicator.start], rows[indicator.end]
    is_open = (end.isna() | (end > until)) & (start <= until)
    lasted = (end.mask(is_open, until) - start).dt.total_seconds() / SECONDS[indicator.unit]
    return rows.assign(**{VALUE: lasted.where(lasted >= 0), OPEN: is_open})


def _on_time(rows: pd.DataFrame, indicator: Indicator, until: pd.Timestamp) -> pd.DataFrame:
    due, end = rows[indicator.due], rows[indicator.end]
    end = end.mask(end > until)
    undecided = end.isna() & (due > until) if indicator.unfinished == "late" else end.isna()
    value = (end <= due).astype(float).mask(due.isna() | undecided)
    return rows.assign(**{VALUE: value, OPEN: undecided & due.notna()})


def _first_contact(rows: pd.DataFrame, indicator: Indicator, until: pd.Timestamp) -> pd.DataFrame:
    rows = _in_order(rows[rows["occurred_at"] <= until], "case_id")
    time, case = rows["occurred_at"], rows["case_id"]
    window = pd.Timedelta(days=indicator.days)
    again = case.eq(case.shift(-1)) & (time.shift(-1) - time <= window)
    value = (rows["resolved"].eq(1) & ~again).astype(float).mask(rows["resolved"].isna() & ~again)
    is_open = time + window > until
    value = value.mask(is_open | case.isna())
    made = rows.assign(**{VALUE: value, OPEN: is_open & case.notna()})
    return made[case.isna() | case.ne(case.shift())]


def _other_channel(rows: pd.DataFrame, indicator: Indicator, until: pd.Timestamp) -> pd.DataFrame:
    known = rows["customer_id"].notna() & rows["channel"].notna() & (rows["occurred_at"] <= until)
    sure = _in_order(rows[known], "customer_id")
    who, time = sure["customer_id"], sure["occurred_at"]
    begins = who.ne(who.shift()) | sure["channel"].ne(sure["channel"].shift())
    run, first = begins.cumsum().to_numpy() - 1, sure[begins]  # a run: one customer, one channel
    following = first["occurred_at"].shift(-1).where(first["customer_id"].eq(first["customer_id"].shift(-1)))
    waited = following.to_numpy()[run] - time.to_numpy()
    window = pd.Timedelta(days=indicator.days)
    is_open = time + window > until
    value = pd.Series(waited <= window.to_numpy(), index=sure.index).astype(float).mask(is_open)
    unsure = rows[~known & (rows["occurred_at"] <= until)]
    return pd.concat([sure.assign(**{VALUE: value, OPEN: is_open}), unsure.assign(**{VALUE: np.nan, OPEN: False})])


def _repeat_purchase(rows: pd.DataFrame, indicator: Indicator, until: pd.Timestamp) -> pd.DataFrame:
    rows = rows[rows["customer_id"].notna() & (rows["amount"] > 0) & (rows["occurred_at"] <= until)]
    rows = _in_order(rows, "customer_id")
    who, day = rows["customer_id"], rows["occurred_at"].dt.normalize()
    first = who.ne(who.shift()) | day.ne(day.shift())
    rows, who, day = rows[first], who[first], day[first]
    window = pd.Timedelta(days=indicator.days)
    again = who.eq(who.shift(-1)) & (day.shift(-1) - day <= window)
    is_open = day + window > until
    return rows.assign(**{VALUE: again.astype(float).mask(is_open), OPEN: is_open})


def _in_order(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    keys = [key for key in ("contact_id",) if key in rows]
    return rows.sort_values([column, "occurred_at", *keys], kind="stable")


def _dated(rows: pd.DataFrame, time: str | None, periods: Sequence[str] | None, once: bool) -> pd.DataFrame:
    if periods is None:
        rows = rows.assign(**{PERIOD: EVERYTHING})
    else:
        moment = (
            rows[time] if time != "period" else rows[time].map({p: parse(p).start for p in rows[time].unique()})
        )
        label = pd.Series(None, index=rows.index, dtype="str")
        for name in periods:
            span = parse(name)
            label = label.mask((moment >= span.start) & (moment < span.end), str(name))
        rows = rows.assign(**{PERIOD: label})[label.notna()]
    return rows.drop_duplicates(["customer_id", PERIOD]) if once else rows


FORMULAS = {
    "ratio": _ratio,
    "median": _duration,
    "on_time": _on_time,
    "first_contact": _first_contact,
    "other_channel": _other_channel,
    "repeat_purchase": _repeat_purchase,
}
