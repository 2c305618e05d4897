"""Columns a source lacks and csat.toml states: a constant, the row's number, a product of two columns."""

from collections.abc import Sequence

import ibis
from ibis.expr import types as ir

from csatlib.tables.config import TableSettings
from csatlib.tables.schema import did_you_mean


def made_columns(settings: TableSettings) -> list[str]:
    """Return the names of the columns that csat.toml makes, in their order.

    Examples
    --------
    >>> made_columns(TableSettings(numbered="line_id", constant={"channel": "web"}))
    ['channel', 'line_id']
    """
    return [*settings.constant, *settings.product, *([settings.numbered] if settings.numbered else [])]


def wrong_columns(found: Sequence[str], settings: TableSettings) -> list[str]:
    """Say why columns cannot be made: those the source has already, and factors that it lacks.

    Examples
    --------
    >>> wrong_columns(["Price", "pieces"], TableSettings(product={"amount": ["pieces", "price"]}))
    ["column 'price', a factor of amount, is not there (did you mean 'Price'?)"]
    """
    made, there = made_columns(settings), {column.strip().casefold() for column in found}
    problems = [f"column {name!r}, which csat.toml makes, is there already" for name in made if name in there]
    problems += [f"column {name!r} is made in two ways" for name in sorted(set(made)) if made.count(name) > 1]
    problems += [
        f"column {factor!r}, a factor of {name}, is not there{did_you_mean(factor, found)}"
        for name, factors in settings.product.items()
        for factor in factors
        if factor not in found
    ]
    return problems


def derive(data: ir.Table, settings: TableSettings) -> ir.Table:
    """Add the columns that csat.toml states under constant, numbered and product.

    Parameters
    ----------
    data : ibis Table
        Source columns, rows in the order they are numbered in: that of the file; a database has none, so its
        rows come ordered by time, then by key, then by all they hold.
    settings : TableSettings
        Settings of the table.

    Returns
    -------
    ibis Table
        With them, under their canonical names; a product is missing where a factor is missing or no number.

    Raises
    ------
    ValueError
        Naming every column that the source has already, and every factor it lacks.

    Examples
    --------
    >>> import pyarrow as pa
    >>> lines = ibis.memtable(pa.table({"pieces": [2, 3], "price": [1.5, 2.0]}))
    >>> settings = TableSettings(product={"amount": ["pieces", "price"]}, numbered="line_id")
    >>> derive(lines, settings).select("amount", "line_id").to_pyarrow().to_pylist()
    [{'amount': 3.0, 'line_id': '1'}, {'amount': 6.0, 'line_id': '2'}]
    """
    if problems := wrong_columns(data.columns, settings):
        raise ValueError("; ".join(problems))
    if not made_columns(settings):
        return data
    columns = {name: ibis.literal(value) for name, value in settings.constant.items()}
    columns |= {name: _number(data[a]) * _number(data[b]) for name, (a, b) in settings.product.items()}
    if settings.numbered:
        columns[settings.numbered] = (ibis.row_number() + 1).cast("string")
    return data.mutate(**columns)


def _number(column: ir.Column) -> ir.FloatingValue:
    return column.try_cast("float64") if column.type().is_string() else column.cast("float64")
