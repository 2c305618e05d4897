"""The company's own figures that no other page has: a ratio of two figures, a share, the success of one step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from csatlib.stats.due import shares
from csatlib.stats.rows import require_columns

PERCENT = 100.0
LIMITS = ("estimate", "ci_low", "ci_high")


def ratio(above: Mapping[str, Any], below: Mapping[str, Any]) -> dict[str, float]:
    """Divide one figure by another, both with an interval.

    Parameters
    ----------
    above, below : mapping or Series
        Rows with ``estimate``, ``ci_low``, ``ci_high``, ``n``; `below` lies wholly above 0.

    Returns
    -------
    dict
        ``estimate``, ``ci_low``, ``ci_high`` in percent of `below`, and the smaller ``n``.

    Raises
    ------
    ValueError
        An interval of `below` that reaches 0.

    Notes
    -----
    Limits by the method of variance estimates recovery (Donner and Zou 2012), the two taken as independent.
    Where both rise and fall together, as a gain and what it is a gain of, the interval is too wide rather than
    too narrow.

    References
    ----------
    Donner, A. and Zou, G. Y. (2012), Statistical Methods in Medical Research 21, 347-359.

    Examples
    --------
    >>> row = {"estimate": 20.0, "ci_low": 15.0, "ci_high": 25.0, "n": 300}
    >>> ratio(row, {"estimate": 100.0, "ci_low": 100.0, "ci_high": 100.0, "n": 400})
    {'estimate': 20.0, 'ci_low': 15.0, 'ci_high': 25.0, 'n': 300}
    """
    a, a_low, a_high = (float(above[name]) for name in LIMITS)
    b, b_low, b_high = (float(below[name]) for name in LIMITS)
    if not b_low > 0:
        raise ValueError(f"ci_low={b_low:g} of what is divided by; the whole interval must lie above 0")
    low = _limit(a, b, a_low, b_high, -1)
    high = _limit(a, b, a_high, b_low, 1)
    return {
        "estimate": PERCENT * a / b,
        "ci_low": PERCENT * low,
        "ci_high": PERCENT * high,
        "n": min(above["n"], below["n"]),
    }


def _limit(a: float, b: float, of_a: float, of_b: float, side: int) -> float:
    inner = (a * b) ** 2 - of_a * of_b * (2 * a - of_a) * (2 * b - of_b)
    return (a * b + side * max(inner, 0.0) ** 0.5) / (of_b * (2 * b - of_b))


def last_mile(
    complaints: pd.DataFrame, *, column: str, values: Sequence[str], confidence: float = 0.95
) -> pd.DataFrame:
    """Share of complaints about the last mile: where the service reaches the customer.

    Parameters
    ----------
    complaints : DataFrame
        One row per complaint.
    column : str
        What complaints are told apart by, for example ``"category"``.
    values : sequence of str
        Values that are the last mile: delivery, installation, the technician's visit.
    confidence : float
        Coverage of Wilson's interval.

    Returns
    -------
    DataFrame
        One row: ``n`` (complaints with a value), ``count``, ``estimate`` (percent), ``ci_low``, ``ci_high``. Empty
        where none of the values is there: then nobody has said what the last mile is.

    Raises
    ------
    KeyError
        A column that is not there.

    Examples
    --------
    >>> cases = pd.DataFrame({"category": ["Visit"] * 6 + ["Bill"] * 4 + [None]})
    >>> found = last_mile(cases, column="category", values=["Visit", "Delivery"])
    >>> found[["n", "count", "estimate"]].values.tolist()
    [[10.0, 6.0, 60.0]]
    >>> last_mile(cases, column="category", values=["Parcel"]).empty
    True
    """
    require_columns(complaints.columns, [column])
    known = complaints[column].dropna()
    hit = known.isin(list(values))
    row = pd.DataFrame({"n": [len(known)], "count": [int(hit.sum())]})
    row = row[row["count"] > 0]
    return row.assign(**shares(row["count"], row["n"], confidence=confidence))


def per_step(row: Mapping[str, Any], *, steps: int) -> dict[str, float]:
    """Turn the share of journeys in which every step succeeded into the success of one step.

    Parameters
    ----------
    row : mapping or Series
        ``estimate``, ``ci_low``, ``ci_high`` as shares of 1, and ``n``.
    steps : int
        Number of steps.

    Returns
    -------
    dict
        The same in percent, of the geometric mean of the steps: the figure that, taken `steps` times, gives what
        is seen.

    Raises
    ------
    ValueError
        No step, or shares outside 0 to 1.

    Examples
    --------
    >>> row = {"estimate": 0.970299, "ci_low": 0.941192, "ci_high": 1.0, "n": 300}
    >>> {name: round(value, 3) for name, value in per_step(row, steps=3).items()}
    {'estimate': 99.0, 'ci_low': 98.0, 'ci_high': 100.0, 'n': 300}
    """
    values = np.array([row[name] for name in LIMITS], dtype=float)
    if steps < 1 or (values < 0).any() or (values > 1).any():
        raise ValueError(f"steps={steps}, shares {values.tolist()}; at least one step, and shares from 0 to 1")
    each = PERCENT * values ** (1 / steps)
    return dict(zip(LIMITS, each.tolist(), strict=True)) | {"n": row["n"]}
