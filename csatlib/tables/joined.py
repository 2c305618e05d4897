"""Columns a table lacks and its customers have, and which of several columns is there."""

from collections.abc import Sequence

import pandas as pd

from csatlib.stats.rows import require_columns


def with_columns_of(data: pd.DataFrame, customers: pd.DataFrame | None, columns: Sequence[str]) -> pd.DataFrame:
    """Take columns over from the customers where a table lacks them.

    Parameters
    ----------
    data : DataFrame
        Rows, with ``customer_id`` where it is known.
    customers : DataFrame or None
        One row per customer.
    columns : sequence of str
        Columns wanted.

    Returns
    -------
    DataFrame
        The rows in their order; unchanged where nothing can be taken over.

    Examples
    --------
    >>> cases = pd.DataFrame({"customer_id": ["a", "b"]})
    >>> people = pd.DataFrame({"customer_id": ["b", "a"], "region": ["S", "N"]})
    >>> with_columns_of(cases, people, ["region"])["region"].tolist()
    ['N', 'S']
    """
    if customers is None or "customer_id" not in data.columns:
        return data.reset_index(drop=True)
    added = [c for c in dict.fromkeys(columns) if c in customers.columns and c not in data.columns]
    return data.merge(customers[["customer_id", *added]], on="customer_id", how="left")


def first_there(data: pd.DataFrame, columns: Sequence[str]) -> str:
    """Return the first of several columns that is there and holds anything.

    Parameters
    ----------
    data : DataFrame
        Rows.
    columns : sequence of str
        The one wished for, then what may take its place.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        None is there.

    Examples
    --------
    >>> first_there(pd.DataFrame({"region": [None], "owner": ["Roads"]}), ["region", "owner", "channel"])
    'owner'
    """
    there = [c for c in columns if c in data.columns and (data.empty or data[c].notna().any())]
    if not there:
        require_columns(data.columns, columns[:1])
    return there[0] if there else columns[0]
