"""Who rises and who falls: tiers of what customers paid, from one span of months to the next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from csatlib.clv.retention_value import month_number, monthly
from csatlib.clv.tiers import SHARES
from csatlib.stats.intervals import FEW_GROUPS, benjamini_hochberg, from_replicates, wilson
from csatlib.stats.moments import moments
from csatlib.stats.rows import require_columns

GONE, NONE, NEW = "gone", "none", "new"
DIRECTIONS = ("rose", "kept", "fell", "gone")
CHANGED = ("rose", "fell", "gone")


@dataclass(frozen=True)
class Migration:
    """Moves between tiers.

    Attributes
    ----------
    customers : DataFrame
        One row per customer there before: the key, ``tier`` and ``later`` (tiers), ``direction`` ("rose", "kept",
        "fell", "gone"), ``value`` and ``value_later`` (money a month); for lists of one's own.
    moves : DataFrame
        ``group`` (tier before), ``part`` (tier later, or "gone"), ``n`` (customers in the tier before), ``count``
        (of them here), ``estimate``, ``ci_low``, ``ci_high`` (percent of the tier before).
    directions : DataFrame
        The same with ``part`` a direction, and ``group`` "all" for all tiers.
    start, middle : Timestamp
        First days of the earlier and of the later span.

    Examples
    --------
    >>> days = pd.to_datetime(["2026-01-01", "2026-02-01"])
    >>> Migration(pd.DataFrame({"tier": ["A"]}), pd.DataFrame(), pd.DataFrame(), *days).customers["tier"].tolist()
    ['A']
    """

    customers: pd.DataFrame
    moves: pd.DataFrame
    directions: pd.DataFrame
    start: pd.Timestamp
    middle: pd.Timestamp


def migration(
    transactions: pd.DataFrame,
    *,
    observed_until: str | date,
    months: int = 6,
    customers: pd.DataFrame | None = None,
    shares: Sequence[float] = SHARES,
    customer: str = "customer_id",
    time: str = "occurred_at",
    amount: str = "amount",
    joined: str = "joined_on",
    left: str = "left_on",
    confidence: float = 0.95,
) -> Migration:
    """Follow customers from their tier in one span of months to that in the next.

    Parameters
    ----------
    transactions : DataFrame
        One row per payment; refunds are negative.
    observed_until : date
        Last day of the later span; both spans end with a month.
    months : int
        Months of a span.
    customers : DataFrame, optional
        With `joined` and `left`: followed are those there through the whole earlier span; who left by the end is
        gone. Without it, or without `left`: followed are those who paid in the earlier span, and who paid nothing
        in the later one is gone.
    shares : sequence of float
        Shares of customers in tiers A, B, C, ... in the earlier span. The limits in money found there hold for the
        later one too, so that nobody falls only because another rises.
    customer, time, amount, joined, left : str
        Columns.
    confidence : float
        Coverage aimed at.

    Returns
    -------
    Migration
        Customers, moves, directions.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; months under 1; nobody to follow.

    Notes
    -----
    Tiers of money paid, not of the model's values. Someone with an unusual month stands in an unusual tier and
    tends to come back from it: moves among neighbouring tiers happen without any change (regression to the mean).
    Wilson's intervals.

    Examples
    --------
    >>> paid = pd.DataFrame({"customer_id": list("abcdabc"), "amount": [9.0, 5, 3, 1, 9, 1, 5]})
    >>> paid["occurred_at"] = pd.to_datetime(["2026-01-05"] * 4 + ["2026-02-05"] * 3)
    >>> found = migration(paid, observed_until="2026-02-28", months=1, shares=[0.25, 0.25, 0.5])
    >>> found.customers[["tier", "later", "direction"]].values.tolist()
    [['A', 'A', 'kept'], ['B', 'C', 'fell'], ['C', 'B', 'rose'], ['C', 'gone', 'gone']]
    """
    require_columns(transactions.columns, [customer, time, amount])
    if not months >= 1:
        raise ValueError(f"months={months}; a span has 1 month or more, for example 6")
    end = pd.Timestamp(observed_until) + pd.Timedelta(days=1)
    stop = month_number(pd.Series([end])).iloc[0]
    middle, start = (end - pd.DateOffset(months=k * months) for k in (1, 2))
    paid = monthly(transactions[transactions[time] < end], customer=customer, time=time, amount=amount)
    before, later = (
        paid[paid["month"].between(stop - (k + 1) * months, stop - k * months - 1)]
        .groupby(customer)["paid"].sum().div(months)
        for k in (1, 0)
    )  # fmt: skip
    followed = before.index[before > 0]
    if customers is not None and left in customers.columns:
        there = (customers[joined] <= start) & ~(customers[left] < middle)
        followed = pd.Index(customers.loc[there, customer])
        gone = set(customers.loc[customers[left] < end, customer])
    else:
        gone = set(followed) - set(later.index[later > 0])
    if not len(followed):
        raise ValueError(
            f"nobody to follow from {start.date()} on: give transactions of two spans of {months} months"
        )
    people = pd.DataFrame({customer: np.sort(followed.to_numpy())})
    people["value"] = before.reindex(people[customer], fill_value=0.0).to_numpy()
    people["value_later"] = later.reindex(people[customer], fill_value=0.0).to_numpy()
    people = _placed(people, shares, people[customer].isin(gone).to_numpy())
    every = [chr(65 + at) for at in range(len(shares))]
    moves = _shares(people, "tier", "later", [*every, GONE], confidence)
    whole = _shares(people.assign(tier="all"), "tier", "direction", DIRECTIONS, confidence)
    by_tier = _shares(people, "tier", "direction", DIRECTIONS, confidence)
    return Migration(people, moves, pd.concat([whole, by_tier], ignore_index=True), start, middle)


def _placed(people: pd.DataFrame, shares: Sequence[float], gone: np.ndarray) -> pd.DataFrame:
    """Tiers by the limits of the earlier span; who pays just a limit is in the higher tier, then and later."""
    limits = np.quantile(people["value"], 1 - np.cumsum(shares)[:-1])
    at, then = ((people[c].to_numpy()[:, None] < limits).sum(axis=1) for c in ("value", "value_later"))
    tier = np.array([chr(65 + k) for k in range(len(shares))], dtype=object)
    direction = np.select([gone, then < at, then > at], ["gone", "rose", "fell"], "kept")
    return people.assign(tier=tier[at], later=np.where(gone, GONE, tier[then]), direction=direction)


def _shares(people: pd.DataFrame, group: str, part: str, parts: Sequence[str], confidence: float) -> pd.DataFrame:
    counts = pd.crosstab(people[group], people[part]).reindex(columns=list(parts), fill_value=0)
    table = counts.rename_axis(index="group", columns="part").melt(ignore_index=False, value_name="count")
    table = table.reset_index().sort_values("group", kind="stable", ignore_index=True)
    table.insert(2, "n", table["group"].map(counts.sum(axis=1)))
    low, high = wilson(table["count"], table["n"], confidence=confidence)
    return table.assign(estimate=100 * table["count"] / table["n"], ci_low=100 * low, ci_high=100 * high)


def moved_with(
    data: pd.DataFrame,
    *,
    measures: Sequence[str],
    customer: str = "customer_id",
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare those who rose, fell or went with those who kept their tier.

    Parameters
    ----------
    data : DataFrame
        ``customers`` of a :class:`Migration` with measures joined to it, one row per customer.
    measures : sequence of str
        Columns of numbers, such as the last satisfaction score or the complaints of the earlier span; customers
        without a value are left out of that measure.
    customer : str
        Key, which decides the replicate group.
    confidence : float
        Coverage aimed at.
    seed : int
        Of the 1,000 replicates.

    Returns
    -------
    DataFrame
        One row per measure and direction: ``group`` ("rose", "fell", "gone"), ``measure``, ``n`` (customers of
        that direction), ``n_reference`` (who kept their tier), ``n_groups``, ``few_groups``, ``estimate`` (mean
        less that of who kept it, tier before held equal), ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted``
        (Benjamini-Hochberg over the table).

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    Least squares of the measure on direction and tier before, from moments; replicates over groups of customers.
    From the top tier nobody rises, from the lowest nobody falls: without the tier that would be compared too.

    Examples
    --------
    >>> rows = {"tier": ["A", "B"] * 100, "direction": ["kept", "kept", "fell", "gone"] * 50}
    >>> rows["score"] = [5, 4, 3, 4] * 50
    >>> found = moved_with(pd.DataFrame(rows).assign(customer_id=range(200)), measures=["score"])
    >>> found[["group", "n"]].values.tolist(), found["estimate"].round(2).abs().tolist()
    ([['fell', 50], ['gone', 50]], [2.0, 0.0])
    """
    require_columns(data.columns, [customer, "tier", "direction", *measures])
    there = [d for d in CHANGED if (data["direction"] == d).any()]
    tiers = sorted(data["tier"].unique())[1:]
    frame = data[[customer]].assign(**{f"direction {d}": (data["direction"] == d).astype(float) for d in there})
    frame = frame.assign(**{f"tier {t}": (data["tier"] == t).astype(float) for t in tiers})
    regressors = [c for c in frame.columns if c != customer]
    rows = []
    for measure in measures:
        used = frame.assign(measure=data[measure].astype(float)).dropna(subset=["measure"])
        own = [c for c in regressors if used[c].min() < used[c].max()]
        if not any(c.startswith("direction") for c in own):
            continue
        held = moments(used, [*own, "measure"], cluster=customer)
        drawn = _slopes(held.replicates(seed=seed).covariance)
        limits = from_replicates(_slopes(held.covariance), drawn, n_groups=held.n_groups, confidence=confidence)
        kept = int((data.loc[used.index, "direction"] == "kept").sum())
        for at, name in enumerate(own):
            if name.startswith("direction"):
                rows.append(
                    {
                        "group": name.removeprefix("direction "),
                        "measure": measure,
                        "n": int(used[name].sum()),
                        "n_reference": kept,
                        "n_groups": held.n_groups,
                        "few_groups": held.n_groups < FEW_GROUPS,
                        "estimate": float(_slopes(held.covariance)[at]),
                        "ci_low": float(limits.ci_low[at]),
                        "ci_high": float(limits.ci_high[at]),
                        "p_value": float(limits.p_value[at]),
                    }
                )
    columns = ["group", "measure", "n", "n_reference", "n_groups", "few_groups"]
    table = pd.DataFrame(rows, columns=[*columns, "estimate", "ci_low", "ci_high", "p_value"])
    floats = dict.fromkeys(["estimate", "ci_low", "ci_high", "p_value"], float)
    table = table.astype(floats | {"few_groups": bool})
    return table.assign(p_adjusted=benjamini_hochberg(table["p_value"]))


def _slopes(covariance: np.ndarray) -> np.ndarray:
    """Least-squares slopes of the last column on all others, of each covariance in a stack."""
    return np.einsum(
        "...ij,...j->...i", np.linalg.pinv(covariance[..., :-1, :-1], hermitian=True), covariance[..., :-1, -1]
    )
