"""How many complaints there are, per 1,000 customers where these are known, and which months stand out."""

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from csatlib.complaints.cases import OPENED
from csatlib.stats.control import laney, laney_p
from csatlib.stats.due import ALL, missing, table_of
from csatlib.stats.intervals import check_confidence, rate_score
from csatlib.stats.rest import against_rest
from csatlib.stats.rows import require_columns
from csatlib.tables.period import label_of, parse

PER = 1000.0
LEAST_MONTHS, LEAST_COUNT = 4, 5  # fewer complaints a month are too few for limits around a mean
RATE, COUNT = "per_1000", "count"
COLUMNS = ("level", "group", "period", "unit", "n", "count", "estimate", "ci_low", "ci_high")
NONE_COMPARED = (
    "group",
    "n",
    "n_reference",
    "value",
    "value_reference",
    "estimate",
    "ci_low",
    "ci_high",
    "p_adjusted",
)
CHART = ("center", "lcl", "ucl", "signal", "rule", "provisional", "expected_false_signals")


def volume(
    data: Any,
    *,
    customers: pd.DataFrame | None = None,
    by: Sequence[str] = (),
    baseline: int | tuple | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Complaints per 1,000 customers and month, or their number where no customers are known, with control limits.

    Parameters
    ----------
    data : DataFrame or Ibis table
        One row per complaint: ``opened_at``; ``customer_id`` where it is known.
    customers : DataFrame, optional
        One row per customer: ``joined_on``, ``left_on`` where they can leave. A customer counts in a month who was
        one on its first day or joined in it. Without it complaints are counted.
    by : sequence of str
        Columns of the complaints looked at one by one. Where the customers have the column too, a group's
        complaints are set against its own customers, else against all.
    baseline : int or (first, last), optional
        Months the control limits come from, as in :func:`csatlib.stats.control.laney_p`; default: all.
    confidence : float
        Coverage of the interval of a single month.
    seed : int
        Seed of the quiet series behind the expected false signals.

    Returns
    -------
    DataFrame
        One row per group and month, from the first complaint to the last: ``level``, ``group``, ``period``,
        ``unit`` ("per_1000" customers, or "count"), ``n`` (customers; of counts the complaints), ``count``
        (complaints), ``estimate`` (in the unit), ``ci_low``, ``ci_high``, and of the control chart ``center``,
        ``lcl``, ``ucl`` (in the unit), ``signal``, ``rule``, ``provisional``, ``expected_false_signals`` (in a
        series of this length in which nothing happens). Series of under four months, or of under 5 complaints a
        month on average, have no limits.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; no complaints.

    Notes
    -----
    Laney's chart: limits carry the usual change between months as well, which a Poisson or binomial chart would
    take for signals. The share of customers who complain is small, so p and u charts agree. Every group is a
    chart of its own: with many of them some signal by chance, see expected_false_signals. A month's interval is
    :func:`csatlib.stats.intervals.rate_score`, wider where some complain several times, if ``customer_id`` is
    there: the dispersion is sum(c^2) / sum(c) - rate over the month's customers with c complaints each.

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
    if customers is not None:
        table_of(customers, ["joined_on"])
    who = ["customer_id"] if customers is not None and "customer_id" in data.columns else []
    table = table_of(data, [OPENED, *by, *who])
    table = table.mutate(period=table[OPENED].truncate("M"))
    found, months = [], None
    for level in [None, *by]:
        cells = _cells(table, level, who)
        if cells.empty and level is None:
            raise ValueError("no complaints: nothing to set against the customers")
        months = months or _months(cells["period"].min(), cells["period"].max())
        sizes = {}
        if customers is not None:
            sizes = _sizes(customers, months, level if level in customers.columns else None)
        for group, part in cells.groupby("group"):
            part = part.set_index("period").reindex(months)[["count", "square"]].fillna(0)
            place = {"level": level or ALL, "group": group, "unit": COUNT if customers is None else RATE}
            n = part["count"] if customers is None else sizes.get(group, sizes.get(ALL, np.zeros(len(months))))
            made = part.rename_axis("period").reset_index().assign(**place, n=np.asarray(n).astype(np.int64))
            found.append(_charted(made.astype({"count": np.int64}), baseline, confidence, seed))
    return pd.concat(found, ignore_index=True)


def compared(
    data: pd.DataFrame,
    *,
    customers: pd.DataFrame | None,
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
    customers : DataFrame or None
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
        Empty without a table of customers that holds `by`.

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
    if customers is None or by not in customers.columns or "customer_id" not in data.columns:
        return pd.DataFrame(columns=list(NONE_COMPARED))
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


def _cells(table: Any, level: str | None, who: list[str]) -> pd.DataFrame:
    """Count complaints by group and month, and sum the squares of each customer's complaints."""
    keys = ["group", "period"]
    table = table.mutate(group=ibis.literal(ALL) if level is None else table[level].cast("string"))
    table = table.filter(~missing(table["group"]))
    if not who:
        cells = table.group_by(keys).aggregate(count=table.count(), square=table.count())
    else:
        # numbers group faster; a complaint without a customer counts as one of a customer of its own
        told = table.mutate(known=~missing(table[who[0]]), who=table[who[0]].hash())
        own = told.group_by([*keys, "known", "who"]).aggregate(c=ibis._.count())
        square = ibis.ifelse(own.known, own.c * own.c, own.c)
        cells = own.group_by(keys).aggregate(count=own.c.sum(), square=square.sum())
    cells = cells.mutate(period=label_of(cells["period"], "month"))
    return cells.order_by(keys).to_pyarrow().to_pandas()


def _charted(part: pd.DataFrame, baseline: int | tuple | None, confidence: float, seed: int) -> pd.DataFrame:
    rate = part["unit"].iloc[0] == RATE
    per, n = PER if rate else 1.0, part["n"].astype(float) if rate else pd.Series(1.0, index=part.index)
    count = part["count"].astype(float)
    dispersion = part["square"] / count.where(count > 0) - count / n if rate else 1.0
    low, high = rate_score(count, n, dispersion=dispersion, confidence=confidence)
    made = part.assign(estimate=per * count / n.where(n > 0), ci_low=per * low, ci_high=per * high)
    if len(part) < LEAST_MONTHS or count.mean() < LEAST_COUNT or (n <= 0).any():
        lines = dict.fromkeys(CHART, np.nan) | {"signal": False, "rule": "", "provisional": True}
        return made.assign(**lines)[[*COLUMNS, *CHART]]
    series = pd.DataFrame({"period": part["period"], "successes": np.minimum(count, n), "n": n, "value": count})
    rules = {"baseline": baseline, "seed": seed}
    counts = series.assign(sd=np.sqrt(count))
    chart = laney_p(series, **rules) if rate else laney(counts, n="n", low=0.0, **rules)
    chart = chart.set_index("period").loc[part["period"]]
    lines = {name: chart[name].to_numpy() for name in CHART}
    lines |= {name: per * lines[name] for name in ("center", "lcl", "ucl")}
    return made.assign(**lines)[[*COLUMNS, *CHART]]
