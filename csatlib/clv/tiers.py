"""Tiers of customers with neutral names: A, B, C, ..., the most valuable first."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from csatlib.stats.rows import require_columns

SHARES = (0.2, 0.3, 0.5)


def tiers(
    data: pd.DataFrame, *, shares: Sequence[float] = SHARES, value: str = "estimate", customer: str = "customer_id"
) -> np.ndarray:
    """Put customers into tiers A, B, C, ... by value, the most valuable first.

    Parameters
    ----------
    data : DataFrame
        One row per customer.
    shares : sequence of float
        Share of the customers in each tier; together 1.
    value, customer : str
        Columns: the value, and the key that breaks ties.

    Returns
    -------
    ndarray of str
        The tier of each row.

    Examples
    --------
    >>> worth = pd.DataFrame({"customer_id": list("abcd"), "estimate": [5.0, 50.0, 7.0, 9.0]})
    >>> tiers(worth, shares=[0.25, 0.25, 0.5]).tolist()
    ['C', 'A', 'C', 'B']
    """
    require_columns(data.columns, [value, customer])
    order = np.lexsort((data[customer].astype(str).to_numpy(), -data[value].to_numpy(dtype=float)))
    ends = np.rint(np.cumsum(shares) * len(data)).astype(int)
    found = np.empty(len(data), dtype=object)
    found[order] = [chr(65 + at) for at in np.searchsorted(ends, np.arange(len(data)), side="right")]
    return found
