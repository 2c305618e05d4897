"""From transactions to one row per customer: frequency, recency, age, spend, and what was bought afterwards."""

from datetime import date
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
from ibis import _
from ibis.expr import types as ir

from csatlib.stats.rows import require_columns

UNITS = {"D": 1.0, "W": 7.0}
REFUNDS = ("net", "drop")
KNOWN = ("exclude", "flag")
EPOCH = np.datetime64("1970-01-01")


def rfm(
    transactions: Any,
    *,
    observed_until: str | date,
    customer: str = "customer_id",
    time: str = "occurred_at",
    amount: str = "amount",
    calibration_until: str | date | None = None,
    unit: str = "D",
    decimals: int = 2,
    refunds: str = "net",
    joined_on: str | None = None,
    burn_in: int | None = None,
    known_before: str = "exclude",
) -> pd.DataFrame:
    """Sum transactions up to one row per customer.

    Parameters
    ----------
    transactions : DataFrame or Ibis table
        One row per transaction line; an Ibis table is summed up in its engine, only customers are brought down.
        Lines without customer, time or amount are left out.
    observed_until : date
        Last day of the data, that day included; later lines are left out.
    customer, time, amount : str
        Columns: who, when (date or time), how much money; a negative amount is a refund.
    calibration_until : date, optional
        Last day the models may see; what follows becomes the holdout columns. Customers who first bought
        afterwards are left out.
    unit : {"D", "W"}
        Unit of recency, age and holdout: days or weeks of 7 days. Purchases are merged by day either way.
    decimals : int
        Decimals of the money: sums are made in whole minor units (2: cents).
    refunds : {"net", "drop"}
        "net": a refund is booked on its customer's latest purchase up to that day, and a purchase that is refunded
        in full was none. What exceeds that purchase is left out, as are refunds of purchases before the data. A
        refund after `calibration_until` of a purchase before it lowers the holdout spend: nobody could know it
        earlier. "drop": refunds are left out.
    joined_on : str, optional
        Column with the day the customer joined: who joined before the first day of the data bought earlier too.
    burn_in : int, optional
        Days at the start of the data: whoever buys then may have bought before.
    known_before : {"exclude", "flag"}
        Whether customers found by `joined_on` or `burn_in` are left out or only flagged.

    Returns
    -------
    DataFrame
        One row per customer, in the order of `customer`: that column; ``first`` (day of the first purchase);
        ``frequency`` (days with a purchase after the first); ``recency`` (time from the first to the last one);
        ``age`` (time from the first purchase to the end); ``spend_minor`` (repeat purchases, whole minor units);
        ``mean_spend`` (per repeat purchase, major units, NaN without any); with `calibration_until`
        ``holdout_frequency``, ``holdout_spend_minor``, ``holdout`` (its length); with `joined_on` or `burn_in`
        ``known_before`` (boolean).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; settings that are not allowed; no customer left.

    Notes
    -----
    Two purchases on one day are one. The first purchase does not count in frequency and spend: it makes the
    customer. A customer who bought before the data begins has an unknown first day, so that recency, age and
    frequency are all too short: without `joined_on` or `burn_in` nobody is found.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), RFM and CLV, Journal of Marketing Research 42, 415-430.

    Examples
    --------
    >>> days = pd.to_datetime(["2026-01-01", "2026-01-08", "2026-01-08", "2026-01-20"])
    >>> lines = pd.DataFrame({"customer_id": "a", "occurred_at": days, "amount": [5.0, 1.0, 2.5, 10.0]})
    >>> rfm(lines, observed_until="2026-01-31")[["frequency", "recency", "age", "spend_minor"]].values.tolist()
    [[2.0, 19.0, 30.0, 1350.0]]
    """
    end = pd.Timestamp(observed_until).date()
    until = pd.Timestamp(calibration_until).date() if calibration_until is not None else end
    _validate(unit, refunds, known_before, burn_in, (until, end), calibration_until)
    lines = _lines(transactions, (customer, time, amount), end, refunds, decimals, joined_on)
    days = _days(lines, until, joined_on)
    found = _customers(days, joined_on, held=calibration_until is not None).to_pyarrow()
    if not found.num_rows:
        raise ValueError(f"no customer bought up to {until}: check the dates, {time!r} and {amount!r}")
    result = _columns(found, customer, UNITS[unit], decimals, until, end)
    if joined_on or burn_in:
        start = pd.Timestamp(lines.day.min().to_pyarrow().as_py())
        known = result["first"] < start + pd.Timedelta(days=burn_in or 0)
        if joined_on:
            known |= pd.Series(_dates(found["joined"]), index=result.index) < start
        result["known_before"] = known
        if known_before == "exclude":
            result = result[~known].reset_index(drop=True)
    return result


def repeat_purchases(
    transactions: Any,
    data: pd.DataFrame,
    *,
    observed_until: str | date,
    customer: str = "customer_id",
    time: str = "occurred_at",
    amount: str = "amount",
    calibration_until: str | date | None = None,
    refunds: str = "net",
) -> pd.DataFrame:
    """Count the repeat purchases of known customers on each day, in calibration and holdout alike.

    Parameters
    ----------
    transactions, observed_until, customer, time, amount, calibration_until, refunds
        As given to :func:`rfm`.
    data : DataFrame
        What :func:`rfm` made of them.

    Returns
    -------
    DataFrame
        ``day`` and ``purchases``, days without any left out.

    Raises
    ------
    KeyError, ValueError
        As :func:`rfm`.

    Examples
    --------
    >>> days = pd.to_datetime(["2026-01-01", "2026-01-08", "2026-01-08", "2026-01-20"])
    >>> lines = pd.DataFrame({"customer_id": "a", "occurred_at": days, "amount": [5.0, 1.0, 2.5, 10.0]})
    >>> known = rfm(lines, observed_until="2026-01-31")
    >>> repeat_purchases(lines, known, observed_until="2026-01-31")["purchases"].tolist()
    [1, 1]
    """
    end = pd.Timestamp(observed_until).date()
    until = pd.Timestamp(calibration_until).date() if calibration_until is not None else end
    require_columns(data.columns, [customer, "first"])
    days = _days(_lines(transactions, (customer, time, amount), end, refunds, 2, None), until, None)
    found = (days.filter(_.bought) if "bought" in days.columns else days).select("customer", "day").to_pyarrow()
    first = data.set_index(customer)["first"].reindex(found["customer"].to_pandas()).to_numpy()
    day = _dates(found["day"])
    counts = pd.Series(day[day > first]).value_counts().sort_index()
    return pd.DataFrame({"day": counts.index, "purchases": counts.to_numpy()})


def _validate(unit, refunds, known_before, burn_in, dates, calibration_until) -> None:
    problems = [
        f"{name}={given!r}; allowed are {', '.join(map(repr, allowed))}"
        for name, given, allowed in (
            ("unit", unit, UNITS),
            ("refunds", refunds, REFUNDS),
            ("known_before", known_before, KNOWN),
        )
        if given not in allowed
    ]
    if burn_in is not None and not burn_in > 0:
        problems.append(f"burn_in={burn_in}; it is a number of days above 0")
    if calibration_until is not None and not dates[0] < dates[1]:
        problems.append(f"calibration_until={dates[0]} must come before observed_until={dates[1]}")
    if problems:
        raise ValueError("; ".join(problems))


def _lines(transactions, columns, end, refunds, decimals, joined_on) -> ibis.Table:
    """One row per transaction line that counts: customer, day, whole minor units."""
    customer, time, amount = columns
    needed = [*columns, *([joined_on] if joined_on else [])]
    require_columns(transactions.columns, needed)
    table = transactions
    if isinstance(table, pd.DataFrame):
        table = ibis.memtable(pa.Table.from_pandas(table[needed], preserve_index=False))
    if not table[amount].type().is_numeric():
        raise ValueError(f"{amount!r} is {table[amount].type()}, not a number: convert it to an amount of money")
    money = table[amount].cast("float64")  # in a decimal's own digits minor units may not fit
    lines = table.select(
        customer=table[customer],
        day=table[time].date(),
        minor=(money * 10**decimals).round().cast("int64"),
        **({"joined": table[joined_on].date()} if joined_on else {}),
    )
    lines = lines.drop_null(["customer", "minor"]).filter(_.day <= ibis.literal(end))
    return lines.filter(_.minor >= 0) if refunds == "drop" else lines


def _days(lines: ibis.Table, until: date, joined_on: str | None) -> ibis.Table:
    """One row per customer and day of purchase; where there are refunds, booked, with ``bought``."""
    back = (lines.minor.min().to_pyarrow().as_py() or 0) < 0
    sums = {"net": _.minor.sum().cast("int64")} | ({"joined": _.joined.min()} if joined_on else {})
    if back:
        sums |= {"sales": (_.minor >= 0).sum(), "returns": (_.minor < 0).sum()}
    days = lines.group_by("customer", "day").agg(**sums)
    days = days.mutate(held=days.day > ibis.literal(until))
    return _booked(days, joined_on) if back else days


def _booked(days: ibis.Table, joined_on: str | None) -> ibis.Table:
    """Book each refund on the latest purchase before it, within calibration and holdout."""
    order = ibis.window(group_by=[days.customer, days.held], order_by=days.day, preceding=None, following=0)
    numbered = days.mutate(purchase=(days.sales > 0).cast("int64").sum().over(order))
    joined = {"joined": _.joined.min()} if joined_on else {}
    booked = numbered.group_by("customer", "held", "purchase").agg(
        day=_.day.min(), net=_.net.sum(), returns=_.returns.sum(), **joined
    )
    return booked.mutate(bought=(booked.purchase > 0) & ((booked.net > 0) | (booked.returns == 0)))


@ibis.udf.agg.builtin(name="arg_min")
def _arg_min(value: int, day: date) -> int:
    """Return the value of the first day: DuckDB's own function."""


def _customers(days: ibis.Table, joined_on: str | None, *, held: bool) -> ibis.Table:
    """One row per customer who bought in the calibration period."""
    bought, after = days.bought if "bought" in days.columns else None, {}
    if held:
        later = days.held if bought is None else days.held & bought
        bought = ~days.held if bought is None else ~days.held & bought
        after = {"later": later.sum(), "later_net": days.net.sum(where=days.held)}
    joined = {"joined": days.joined.min()} if joined_on else {}
    # for DuckDB Ibis would sort each customer's days, in memory
    first_of = _arg_min if ibis.get_backend(days).name == "duckdb" else ir.IntegerColumn.argmin
    summed = days.group_by("customer").agg(
        first=days.day.min(where=bought),
        last=days.day.max(where=bought),
        purchases=days.count(where=bought),
        net=days.net.sum(where=bought),
        first_net=first_of(days.net, days.day, where=bought),
        **after,
        **joined,
    )
    return summed.filter(summed.purchases > 0).order_by("customer")


def _columns(found: pa.Table, customer: str, unit: float, decimals: int, until: date, end: date) -> pd.DataFrame:
    first, last = _dates(found["first"]), _dates(found["last"])
    frequency = found["purchases"].to_numpy().astype(np.int64) - 1
    spend = found["net"].to_numpy().astype(np.int64) - found["first_net"].to_numpy().astype(np.int64)
    result = pd.DataFrame(
        {
            customer: found["customer"].to_pandas(),
            "first": first,
            "frequency": frequency,
            "recency": (last - first).astype("timedelta64[D]").astype(float) / unit,
            "age": (np.datetime64(until) - first).astype("timedelta64[D]").astype(float) / unit,
            "spend_minor": spend,
            "mean_spend": np.divide(spend / 10**decimals, frequency, where=frequency > 0, out=_undefined(spend)),
        }
    )
    if "later" in found.column_names:
        result["holdout_frequency"] = found["later"].to_numpy().astype(np.int64)
        result["holdout_spend_minor"] = found["later_net"].to_pandas().fillna(0).astype(np.int64)
        result["holdout"] = (end - until).days / unit
    return result


def _undefined(like: np.ndarray) -> np.ndarray:
    return np.full(len(like), np.nan)


def _dates(column: pa.ChunkedArray) -> np.ndarray:
    days = column.cast(pa.date32()).cast(pa.int32()).to_numpy()
    missing = np.isnan(days) if days.dtype.kind == "f" else np.zeros(len(days), dtype=bool)
    whole = EPOCH + np.where(missing, 0, days).astype(np.int64)
    return np.where(missing, np.datetime64("NaT"), whole).astype("datetime64[us]")
