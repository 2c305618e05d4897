"""How many complaints there are per 1,000 customers, and which months stand out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from csatlib.complaints.cases import OPENED
from csatlib.stats.control import laney_p
from csatlib.stats.due import ALL, table_of
from csatlib.stats.intervals import check_confidence, wilson
from csatlib.stats.rest import against_rest
from csatlib.stats.rows import require_columns
from csatlib.tables.period import label_of, parse

PER = 1000.0
LEAST_MONTHS, LEAST_COUNT = 4, 5  # fewer complaints a month are too few for limits around a mean
COLUMNS = ("level", "group", "period", "n", "count", "estimate", "ci_low", "ci_high")
CHART = ("center", "lcl", "ucl", "signal", "rule", "provisional", "expected_false_signals")


def volume(
    data: Any,
    *,
    customers: pd.DataFrame,
    by: Sequence[str] = (),
    baseline: int | tuple | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Complaints per 1,000 customers and month, with control limits.

    Parameters
    ----------
    data : DataFrame or Ibis table
        One row per complaint: ``opened_at``.
    customers : DataFrame
        One row per customer: ``joined_on``, ``left_on`` where they can leave. A customer counts in a month who was
        one on its first day or joined in it.
    by : sequence of str
        Columns of the complaints looked at one by one. Where the customers have the column too, a group's
        complaints are set against its own customers, else against all.
    baseline : int or (first, last), optional
        Months the control limits come from, as in :func:`csatlib.stats.control.laney_p`; default: all.
    confidence : float
        Coverage of Wilson's interval of a single month.
    seed : int
        Seed of the quiet series behind the expected false signals.

    Returns
    -------
    DataFrame
        One row per group and month, from the first complaint to the last: ``level``, ``group``, ``period``, ``n``
        (customers), ``count`` (complaints), ``estimate`` (per 1,000 customers), ``ci_low``, ``ci_high``, and of
        the control chart ``center``, ``lcl``, ``ucl`` (per 1,000), ``signal``, ``rule``, ``provisional``,
        ``expected_false_signals`` (in a series of this length in which nothing happens). Series of under four
        months, or of under 5 complaints a month on average, have no limits.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; no complaints.

    Notes
    -----
    Laney's chart: limits carry the usual change between months as well, which a Poisson or binomial chart would
    take for signals. The share of customers who complain is small, so p and u charts agree. Every group is a
    chart of its own: with many of them some signal by chance, see expected_false_signals.

    References
    ----------
    Laney, D. B. (2002), Improved control charts for attributes, Quality Engineering 14(4), 531-537.

    Examples
    --------
    >>> cases = pd.DataFrame({"opened_at": pd.to_datetime(["2026-01-05", "2026-02-03", "2026-02-04"])})
    >>> people = pd.DataFrame({"joined_on": pd.to_datetime(["2020-01-01"] * 200)})
    >>> volume(cases, customers=people)[["period", "n", "count", "estimate"]].values.tolist()
    [['2026-01', 200, 1, 5.0], ['2026-02', 200, 2, 10.0]]
    """
    check_confidence(confidence)
    table_of(customers, ["joined_on"])
    table = table_of(data, [OPENED, *by])
    table = table.mutate(period=label_of(table[OPENED], "month"))
    cells = table.group_by([*by, "period"]).aggregate(count=table.count()).to_pyarrow().to_pandas()
    if cells.empty:
        raise ValueError("no complaints: nothing to set against the customers")
    months = _months(cells["period"].min(), cells["period"].max())
    found = []
    for level in [None, *by]:
        sizes = _sizes(customers, months, level if level in customers.columns else None)
        column = pd.Series(ALL, index=cells.index) if level is None else cells[level].astype("str")
        counts = cells.assign(group=column).dropna(subset=[level] if level else [])
        wide = counts.pivot_table(index="group", columns="period", values="count", aggfunc="sum", fill_value=0)
        for group, row in wide.reindex(columns=months, fill_value=0).iterrows():
            n = sizes.get(group, sizes.get(ALL, np.zeros(len(months))))
            part = pd.DataFrame(
                {"level": level or ALL, "group": group, "period": months, "n": n, "count": row.values}
            )
            found.append(_charted(part, baseline, confidence, seed))
    return pd.concat(found, ignore_index=True)


def compared(
    data: pd.DataFrame,
    *,
    customers: pd.DataFrame,
    by: str,
    period: str,
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = 1000,
) -> pd.DataFrame:
    """Complaints per 1,000 customers of each group in one period, against all other customers.

    Parameters
    ----------
    data : DataFrame
        One row per complaint: ``opened_at``, ``customer_id``.
    customers : DataFrame
        One row per customer: ``customer_id``, ``joined_on``, `by`, ``left_on`` where they can leave.
    by : str
        Column of the customers with the groups.
    period : str
        Month, quarter or year, for example "2026-10".
    confidence : float
        Coverage of the intervals.
    seed, replicates
        Joint replicates of groups of customers.

    Returns
    -------
    DataFrame
        As :func:`csatlib.stats.rest.against_rest`, in complaints per 1,000 customers; ``n`` counts customers.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    The mean number of complaints of a customer, so one who complains often counts once as a customer, and limits
    allow for it. Complaints without a customer do not count.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": range(100), "region": ["N", "S"] * 50})
    >>> people["joined_on"] = pd.Timestamp("2020-01-01")
    >>> cases = pd.DataFrame({"customer_id": [0, 2, 2, 1], "opened_at": pd.Timestamp("2026-10-05")})
    >>> found = compared(cases, customers=people, by="region", period="2026-10")
    >>> found[["group", "value", "estimate"]].round(6).values.tolist()
    [['N', 60.0, 40.0], ['S', 20.0, -40.0]]
    """
    require_columns(data.columns, [OPENED, "customer_id"])
    require_columns(customers.columns, ["customer_id", "joined_on", by])
    span = parse(period)
    gone = customers["left_on"] < span.start if "left_on" in customers.columns else False
    there = customers[(customers["joined_on"] < span.end) & ~gone]
    within = data[(data[OPENED] >= span.start) & (data[OPENED] < span.end)]
    count = there["customer_id"].map(within["customer_id"].value_counts()).fillna(0.0)
    rules = {"confidence": confidence, "seed": seed, "replicates": replicates}
    return against_rest(
        there.assign(complaints=count), value="complaints", by=by, cluster="customer_id", scale=PER, **rules
    )


def _months(first: str, last: str) -> list[str]:
    start, end = parse(first), parse(last)
    return [start.shift(k).label for k in range(end.first - start.first + 1)]


def _sizes(customers: pd.DataFrame, months: Sequence[str], level: str | None) -> dict[str, np.ndarray]:
    """Count the customers of each group in each month."""
    group = pd.Series(ALL, index=customers.index) if level is None else customers[level].astype("str")
    spans = [parse(month) for month in months]
    starts, ends = (pd.to_datetime([getattr(s, side) for s in spans]) for side in ("start", "end"))
    left = customers["left_on"] if "left_on" in customers.columns else pd.Series(pd.NaT, index=customers.index)
    sizes = {}
    for name, part in customers.groupby(group):
        joined = np.sort(part["joined_on"].dropna().to_numpy(dtype="datetime64[us]"))
        gone = np.sort(left[part.index].dropna().to_numpy(dtype="datetime64[us]"))
        came = np.searchsorted(joined, ends.to_numpy(dtype="datetime64[us]"))
        sizes[name] = came - np.searchsorted(gone, starts.to_numpy(dtype="datetime64[us]"))
    return sizes


def _charted(part: pd.DataFrame, baseline: int | tuple | None, confidence: float, seed: int) -> pd.DataFrame:
    n, count = part["n"].astype(float), np.minimum(part["count"], part["n"]).astype(float)
    low, high = wilson(count, n, confidence=confidence)
    rate = PER * part["count"] / n.where(n > 0)
    made = part.assign(estimate=rate, ci_low=PER * low, ci_high=PER * high)
    if len(part) < LEAST_MONTHS or count.mean() < LEAST_COUNT or (n <= 0).any():
        return made.assign(center=np.nan, lcl=np.nan, ucl=np.nan, signal=False, rule="", provisional=True,
                           expected_false_signals=np.nan)  # fmt: skip
    series = pd.DataFrame({"period": part["period"], "successes": count, "n": n})
    chart = laney_p(series, baseline=baseline, seed=seed).set_index("period").loc[part["period"]]
    lines = {name: chart[name].to_numpy() for name in CHART}
    lines |= {name: PER * lines[name] for name in ("center", "lcl", "ucl")}
    return made.assign(**lines)[[*COLUMNS, *CHART]]
