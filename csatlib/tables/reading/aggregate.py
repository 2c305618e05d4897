"""Tables too large to bring down row by row: grouped where they live, through Ibis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import ibis
from ibis.expr import types as ir

from csatlib.tables.config import Settings, TableSettings
from csatlib.tables.derive import derive
from csatlib.tables.schema import did_you_mean

EVERY = {"day": "D", "month": "M", "quarter": "Q", "year": "Y"}
_SIGN, _MONEY, _LARGEST = "is negative", "decimal(38, 6)", 1e30


def grouped(
    table: ir.Table,
    *,
    by: Sequence[str],
    time: str | None = None,
    every: str = "month",
    values: Sequence[str] = (),
) -> ir.Table:
    """Count rows and sum numbers per group, in the engine the table lives in.

    Parameters
    ----------
    table : ibis Table
        Of any engine.
    by : sequence of str
        Columns of the groups; a missing value is a group of its own.
    time : str, optional
        Column of times or dates; groups are per day, month, quarter or year of it too.
    every : {"month", "day", "quarter", "year"}
        How long that is. Instants with a zone are taken in UTC.
    values : sequence of str
        Columns of numbers or of true and false.

    Returns
    -------
    ibis Table
        One row per group: the columns of `by`, `time` (the first moment of the day, month, ...), n (rows) and of
        every value ``<value>_n`` (rows that have it), ``<value>_sum`` (a decimal of six places, exact in any order
        of rows, so that engines agree), ``<value>_min`` and ``<value>_max``. Infinity is a missing value.

    Raises
    ------
    KeyError
        If a column is not there.
    ValueError
        If `every` is none of the four, `time` holds no times or a value no numbers.

    Examples
    --------
    >>> import pyarrow as pa
    >>> lines = ibis.memtable(pa.table({"shop": ["A", "A", "B"], "amount": [0.1, 0.2, None]}))
    >>> shops = grouped(lines, by=["shop"], values=["amount"]).order_by("shop")
    >>> shops.select("shop", "n", "amount_n", "amount_max").to_pyarrow().to_pylist()[0]
    {'shop': 'A', 'n': 2, 'amount_n': 2, 'amount_max': 0.2}
    >>> print(shops.amount_sum.to_pyarrow()[0])
    0.300000
    """
    _check(table, by, time, every, values)
    keys = {column: table[column] for column in by}
    if time is not None:
        keys[time] = table[time].cast("timestamp").truncate(EVERY[every])
    made = {"n": table.count()}
    for value in values:
        x = number(table[value])
        made |= {f"{value}_n": x.count(), f"{value}_sum": x.cast(_MONEY).sum().cast(_MONEY)}
        made |= {f"{value}_min": x.min(), f"{value}_max": x.max()}
    return table.group_by(**keys).aggregate(**made)


def _check(table: ir.Table, by: Sequence[str], time: str | None, every: str, values: Sequence[str]) -> None:
    asked = [*by, *([time] if time else []), *values]
    absent = [column for column in asked if column not in table.columns]
    if absent:
        near = did_you_mean(absent[0], table.columns)
        raise KeyError(f"no column {', '.join(map(repr, absent))}{near}; there are: {', '.join(table.columns)}")
    if every not in EVERY:
        raise ValueError(f"every: found {every!r}, allowed: {', '.join(EVERY)}{did_you_mean(every, EVERY)}")
    wrong = [] if time is None or table[time].type().is_temporal() else [(time, "a time")]
    plain = {v: table[v].type() for v in values}
    wrong += [(v, "a number") for v, kind in plain.items() if not (kind.is_numeric() or kind.is_boolean())]
    if wrong:
        raise ValueError(
            "; ".join(
                f"column {column!r} is {table[column].type()} in the database, so it cannot be grouped as {what}: "
                "name a view that casts it"
                for column, what in wrong
            )
        )


def number(x: ir.Column, missing: Sequence[str | float] = ()) -> ir.FloatingValue:
    """Return a number or truth value as a float, missing where it is a code or no number.

    Parameters
    ----------
    x : ibis Column
        Of numbers, or of true and false.
    missing : sequence of str or float
        Codes; texts stand for no number and are passed over.

    Returns
    -------
    ibis Column

    Examples
    --------
    >>> import pyarrow as pa
    >>> number(ibis.memtable(pa.table({"x": [1, -99]})).x, ("", -99)).to_pyarrow().to_pylist()
    [1.0, None]
    """
    value = (x.cast("int32") if x.type().is_boolean() else x).cast("float64")
    # engines disagree on how to ask for infinity, and agree that nothing else lies outside
    good = value.between(-_LARGEST, _LARGEST)
    codes = [code for code in missing if not isinstance(code, str)]
    return ibis.ifelse(good & value.notin(codes) if codes else good, value, ibis.null("float64"))


def per_group(rows: ir.Table, name: str, names: Mapping[str, str], settings: TableSettings) -> ir.Table:
    """Return what is brought down of a table whose settings say ``aggregate``.

    Parameters
    ----------
    rows : ibis Table
        From `sources.fetch_table`.
    name : str
        ``transactions`` or ``operations``.
    names : mapping of str to str
        Canonical name -> column, those that csat.toml makes among them.
    settings : TableSettings
        Of the table.

    Returns
    -------
    ibis Table
        Canonical names. Of transactions: customer_id, occurred_at (its day or month), the columns of
        ``aggregate_by``, amount (the sum) and n (how many); negative amounts are summed apart, and so are missing
        ones. Of operations, from a log: unit, period (a month), metric, the columns of ``aggregate_by``, n, and
        value (how many), or, where csat.toml maps ``numerator``, numerator (its sum) and denominator (how many
        have it).

    Raises
    ------
    ValueError
        If ``aggregate_by`` names no column, or a column does not hold what is grouped.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from datetime import datetime
    >>> days = [datetime(2026, 10, 1, hour) for hour in (9, 12, 15)]
    >>> lines = ibis.memtable(pa.table({"customer_id": ["C1"] * 3, "occurred_at": days, "amount": [3, 4, -1]}))
    >>> sums = per_group(lines, "transactions", dict(zip(*[lines.columns] * 2)), TableSettings(aggregate="day"))
    >>> sums.order_by("amount").select("customer_id", "n").to_pyarrow().to_pylist()
    [{'customer_id': 'C1', 'n': 1}, {'customer_id': 'C1', 'n': 2}]
    """
    for factor in {factor for pair in settings.product.values() for factor in pair}:
        if not rows[factor].type().is_numeric():
            raise ValueError(
                f"column {factor!r} is {rows[factor].type()} in the database: name a view that casts it"
            )
    rows = derive(rows, settings)
    columns = {canonical: rows[column] for canonical, column in names.items() if column in rows.columns}
    absent = [column for column in settings.aggregate_by if column not in columns]
    if absent:
        raise ValueError(
            f"aggregate_by: no column {', '.join(map(repr, absent))}{did_you_mean(absent[0], columns)}"
        )
    rows = rows.select(**columns)
    if name == "transactions":
        return _purchases(rows, settings)
    return _measures(rows, settings)


def _purchases(rows: ir.Table, settings: TableSettings) -> ir.Table:
    _check(rows, [], None, "day", ["amount"])
    amount = number(rows.amount, settings.missing)
    rows = rows.mutate(amount=amount).mutate(**{_SIGN: amount < 0})
    by = ["customer_id", *settings.aggregate_by]
    sums = grouped(rows, by=[*by, _SIGN], time="occurred_at", every=settings.aggregate, values=["amount"])
    return sums.select(*by[:1], "occurred_at", *by[1:], "n", amount="amount_sum")


def _measures(rows: ir.Table, settings: TableSettings) -> ir.Table:
    by = ["unit", "metric", *settings.aggregate_by]
    if "numerator" not in rows.columns:
        counts = grouped(rows, by=by, time="period", every=settings.aggregate)
        return counts.mutate(value=counts.n)
    _check(rows, [], None, "month", ["numerator"])
    rows = rows.mutate(numerator=number(rows.numerator, settings.missing))
    sums = grouped(rows, by=by, time="period", every=settings.aggregate, values=["numerator"])
    return sums.select(*by, "period", "n", numerator="numerator_sum", denominator="numerator_n")


def completed(found: Sequence[str], name: str, settings: TableSettings) -> list[str]:
    """Return a database table's columns with those that only the groups will have.

    Parameters
    ----------
    found : sequence of str
        Columns of the table, and those that csat.toml makes.
    name : str
        Canonical table.
    settings : TableSettings
        Of the table.

    Returns
    -------
    list of str

    Examples
    --------
    >>> completed(["branch", "day"], "operations", TableSettings(aggregate="month", columns={"unit": "branch"}))
    ['branch', 'day', 'value']
    """
    if settings.aggregate is None or name != "operations":
        return list(found)
    there = {column.strip().casefold() for column in (*found, *settings.columns)}
    made = "denominator" if "numerator" in there else "value"
    return [*found, *({made} - there)]


def landed(settings: Settings) -> Settings:
    """Return the settings of what was brought down: groups have canonical names, and nothing is left to make.

    Examples
    --------
    >>> landed(settings).tables["transactions"].columns  # doctest: +SKIP
    {}
    """
    done = {"columns": {}, "constant": {}, "product": {}}
    tables = {n: t.model_copy(update=done) if t.aggregate else t for n, t in settings.tables.items()}
    return replace(settings, tables=tables)


def told(data: ir.Table, settings: TableSettings) -> dict[str, Any]:
    """Return what a snapshot says of a table that holds groups: of how many rows, and one per what.

    Parameters
    ----------
    data : ibis Table
        What `per_group` returned.
    settings : TableSettings
        Of the table.

    Returns
    -------
    dict
        groups_of and per; empty where the table holds rows.

    Examples
    --------
    >>> import pyarrow as pa
    >>> told(ibis.memtable(pa.table({"unit": ["A"], "value": [3], "n": [3]})), TableSettings(aggregate="month"))
    {'groups_of': 3, 'per': ['unit', 'metric', 'month']}
    """
    if settings.aggregate is None:
        return {}
    kept = [*settings.aggregate_by, settings.aggregate]
    per = (
        ["unit", "metric", *kept]
        if "occurred_at" not in data.columns
        else ["customer_id", *kept, "sign of the amount"]
    )
    return {"groups_of": data.n.sum().fill_null(0).to_pyarrow().as_py(), "per": per}
