"""The measures that targets and actions name, each with its unit, and the rows they are means of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates, rate_score, wilson
from csatlib.stats.rows import blocks, require_columns
from csatlib.stats.segments import sum_by_segment
from csatlib.words import mark, say

PERCENT, MONTHS = 100.0, 12
MONTHLY = ("churn_rate", "complaints_per_1000")  # rates of a month
SHARES = ("promises_kept",)  # of rows that are 0 or 100, several of a customer
PER_1000 = 1000.0
SOURCES = ("board", "industry", "last year")


@dataclass(frozen=True)
class Measure:
    """What a reader calls a measure, its unit, decimals, which way is good, and what targets are multiplied by."""

    label: str
    unit: str
    decimals: int
    lower_is_better: bool = False
    factor: float = 1.0


LABELS = {
    "nps": (mark("Net Promoter Score"), mark("points"), 0, False, 1.0),
    "overall": (mark("Overall satisfaction"), mark("points"), 2, False, 1.0),
    "complaints_per_1000": (mark("Complaints per 1,000 customers"), mark("complaints"), 1, True, 1.0),
    "promises_kept": (mark("Promises kept"), mark("%"), 0, False, PERCENT),
    "churn_rate": (mark("Customers who left"), mark("%"), 2, True, PERCENT),
    "first_response_hours": (mark("Time to the first reply"), mark("hours"), 1, True, 1.0),
}


def measure(metric: str, names: Mapping[str, str] | None = None) -> Measure | None:
    """Tell what a reader calls a metric of the tables of targets and actions.

    Parameters
    ----------
    metric : str
        For example "promises_kept" or "gap.reliability".
    names : mapping, optional
        What a reader calls a dimension.

    Returns
    -------
    Measure or None
        None where these pages do not measure it.

    Examples
    --------
    >>> measure("churn_rate").lower_is_better, measure("gap.speed", {"speed": "Speed"}).label, measure("x")
    (True, 'Gap on Speed', None)
    """
    if metric.startswith("gap."):
        name = metric.removeprefix("gap.")
        label = say("Gap on {dimension}", dimension=(names or {}).get(name, name))
        return Measure(label, say("points"), 2)
    if metric not in LABELS:
        return None
    label, unit, decimals, lower, factor = LABELS[metric]
    return Measure(say(label), say(unit), decimals, lower, factor)


def asked_of(
    data: pd.DataFrame, metrics: Sequence[str], *, targets: pd.DataFrame | None = None, monthly: bool = True
) -> dict[str, dict[str, Any]]:
    """Describe measures as :func:`csatlib.scores.headlines` takes them: columns, with their targets.

    Parameters
    ----------
    data : DataFrame
        From :func:`csatlib.decisions.stacked`.
    metrics : sequence of str
        Columns wanted; those that are not there, or empty, are left out.
    targets, monthly
        As in :func:`target_of`.

    Returns
    -------
    dict
        What a reader calls each -> ``score``, ``outcome``, ``low``, ``high`` and, where there is one, ``target``.

    Examples
    --------
    >>> asked_of(pd.DataFrame({"promises_kept": [100.0, 0.0]}), ["promises_kept", "churn_rate"])
    {'Promises kept': {'score': 'top_box', 'outcome': 'promises_kept', 'low': 0.0, 'high': 100.0, 'top': 100.0}}
    """
    found = {}
    for metric in metrics:
        if metric not in data.columns or data[metric].isna().all():
            continue
        asked = {"score": "mean", "outcome": metric, "low": 0.0, "high": max(PERCENT, float(data[metric].max()))}
        target = target_of(targets, metric, monthly=monthly)
        if metric in SHARES:
            asked |= {"score": "top_box", "high": PERCENT, "top": PERCENT}
            target /= PERCENT
        known = measure(metric)
        found[known.label if known else metric] = asked | ({} if np.isnan(target) else {"target": target})
    return found


def dressed(result: pd.DataFrame, wanted: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Give a table of headlines the metric, unit, decimals and good direction of each.

    Parameters
    ----------
    result : DataFrame
        ``label``, and ``unit`` and ``decimals`` where they stand for what is no metric of these pages.
    wanted : mapping of label to mapping
        As given to :func:`csatlib.scores.headlines`: ``outcome``, ``score``.

    Returns
    -------
    DataFrame
        With ``metric``, ``unit``, ``decimals``, ``lower_is_better``.

    Examples
    --------
    >>> wanted = {"Promises kept": {"outcome": "promises_kept"}}
    >>> dressed(pd.DataFrame({"label": ["Promises kept"]}), wanted)["unit"].tolist()
    ['%']
    """
    found = []
    for row in result.to_dict("records"):
        asked = wanted[row["label"]]
        known = measure(asked["outcome"]) if asked.get("score") != "top_box" else None
        unit, decimals = (known.unit, known.decimals) if known else (row["unit"], row["decimals"])
        about = {"metric": asked["outcome"], "unit": unit, "decimals": decimals}
        found.append(about | {"lower_is_better": bool(known and known.lower_is_better)})
    return result.assign(**pd.DataFrame(found, index=result.index))


def limited(levels: pd.DataFrame, rows: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Give rates of customers the limits they have on the pages of their topics.

    Parameters
    ----------
    levels : DataFrame
        Headlines of one period from :func:`dressed`: ``metric``, ``ci_low``, ``ci_high``.
    rows : DataFrame
        The rows of that period from :func:`csatlib.decisions.stacked`.
    confidence : float
        Coverage aimed at.

    Returns
    -------
    DataFrame
        Complaints per 1,000 customers with limits from :func:`csatlib.stats.intervals.rate_score`, their
        dispersion from customers who complain several times; customers who left with Wilson's.

    Examples
    --------
    >>> levels = pd.DataFrame({"metric": ["complaints_per_1000"], "ci_low": 0.0, "ci_high": 0.0})
    >>> rows = pd.DataFrame({"period": "2026-10", "complaints_per_1000": [1000.0] * 4 + [0.0] * 96})
    >>> limited(levels, rows)[["ci_low", "ci_high"]].round(1).values.tolist()
    [[15.6, 102.9]]
    """
    found = {}
    if "complaints_per_1000" in rows.columns:
        each = rows["complaints_per_1000"].dropna() / PER_1000
        count, n = each.sum(), len(each)
        spread = (each**2).sum() / count - count / n if count else 1.0
        sides = rate_score(count, n, dispersion=spread, confidence=confidence)
        found["complaints_per_1000"] = [PER_1000 * float(side) for side in sides]
    if "churn_rate" in rows.columns and rows["churn_rate"].notna().any():
        left = leaving(rows, confidence=confidence).iloc[0]
        found["churn_rate"] = [left["ci_low"], left["ci_high"]]
    known = levels["metric"].isin(found)
    limits = levels["metric"].map(found)
    sides = {name: limits.str[at].where(known, levels[name]) for at, name in enumerate(("ci_low", "ci_high"))}
    return levels.assign(**{name: side.astype(float) for name, side in sides.items()})


def leaving(rows: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Percent of the customers of a period's first day who left in it.

    Parameters
    ----------
    rows : DataFrame
        From :func:`csatlib.decisions.rows_of_customers`.
    confidence : float
        Coverage of Wilson's limits.

    Returns
    -------
    DataFrame
        ``period``, ``n`` (customers on the first day), ``count`` (left), ``estimate`` (percent), ``ci_low``,
        ``ci_high``.

    Examples
    --------
    >>> leaving(pd.DataFrame({"period": "2026-10", "churn_rate": [100.0, 0.0, 0.0, 0.0]}))["estimate"].tolist()
    [25.0]
    """
    require_columns(rows.columns, ["period", "churn_rate"])
    found = rows.groupby("period")["churn_rate"].agg(n="count", count="sum").reset_index()
    count, n = found["count"] / PERCENT, found["n"].astype(float)
    low, high = wilson(count, n, confidence=confidence)
    limits = {"ci_low": PERCENT * low, "ci_high": PERCENT * high}
    return found.assign(count=count.round().astype(np.int64), estimate=PERCENT * count / n.where(n > 0), **limits)


def series(
    data: pd.DataFrame,
    *,
    measures: Sequence[str],
    by: str | None = None,
    time: str = "period",
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Mean of each measure by period, for the company and for each group: what actions are looked up in.

    Parameters
    ----------
    data : DataFrame
        Rows with the measures as columns, missing where a row has none.
    measures : sequence of str
        Columns.
    by : str, optional
        Column with the groups.
    time, weight, cluster : str, optional
        Columns with the period, sampling weights, and what belongs together.
    confidence, seed
        Of the limits, from joint replicates.

    Returns
    -------
    DataFrame
        ``metric``, ``group`` ("all" for the company), ``period``, ``n``, ``n_groups``, ``few_groups``,
        ``estimate``, ``ci_low``, ``ci_high``.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; values that are not numbers.

    Examples
    --------
    >>> rows = {"period": "2026-10", "nps": [100.0, 0.0, -100.0, 100.0], "region": list("NNSS")}
    >>> rows = pd.DataFrame(rows)
    >>> series(rows, measures=["nps"], by="region")[["group", "estimate"]].values.tolist()
    [['all', 25.0], ['N', 50.0], ['S', 0.0]]
    """
    check_confidence(confidence)
    require_columns(data.columns, [*measures, time, *([by] if by else [])])
    found = []
    for columns in [[time], *([[time, by]] if by else [])]:
        sums = sum_by_segment(
            blocks(data, list(measures), by=columns, weight=weight, cluster=cluster), list(measures)
        )
        spread = sums.replicates(sums.draw(seed=seed))
        limits = from_replicates(sums.means, spread, n_groups=sums.n_groups, confidence=confidence)
        for at, metric in enumerate(measures):
            found.append(
                pd.DataFrame(
                    {
                        "metric": metric,
                        "group": [str(label[1]) if len(label) > 1 else "all" for label in sums.segments],
                        "period": [str(label[0]) for label in sums.segments],
                        "n": sums.counts[:, at],
                        "n_groups": sums.n_groups[:, at],
                        "few_groups": sums.n_groups[:, at] < FEW_GROUPS,
                        "estimate": sums.means[:, at],
                        "ci_low": limits.ci_low[:, at],
                        "ci_high": limits.ci_high[:, at],
                    }
                )
            )
    table = pd.concat(found, ignore_index=True)
    return table[table["n"] > 0].reset_index(drop=True)


def target_of(targets: pd.DataFrame | None, metric: str, *, group: str = "all", monthly: bool = True) -> float:
    """Look a target up: the board's, else the industry's, else last year's.

    Parameters
    ----------
    targets : DataFrame or None
        ``metric``, ``group`` (missing for the company), ``target``, ``source``, of the period looked at.
    metric : str
        As in the table.
    group : str
        "all" for the company.
    monthly : bool
        Whether the period looked at is a month: rates of a month have no target in a quarter or year.

    Returns
    -------
    float
        In the unit in which the measure is shown (shares as percent); NaN where there is none.

    Examples
    --------
    >>> rows = {"metric": "promises_kept", "group": None, "target": [0.8, 0.9], "source": ["industry", "board"]}
    >>> target_of(pd.DataFrame(rows), "promises_kept")
    90.0
    """
    if targets is None or (metric in MONTHLY and not monthly):
        return float("nan")
    require_columns(targets.columns, ["metric", "target", "source"])
    groups = targets["group"].fillna("all") if "group" in targets.columns else pd.Series("all", targets.index)
    rows = targets[(targets["metric"] == metric) & (groups == group)]
    known = measure(metric)
    for source in SOURCES:
        found = rows.loc[rows["source"] == source, "target"]
        if len(found):
            return float(found.iloc[0]) * (known.factor if known else 1.0)
    return float("nan")


@dataclass(frozen=True)
class Stake:
    """Money behind customers who leave: a figure with limits, and what it assumes."""

    estimate: float
    ci_low: float
    ci_high: float
    n: int
    excess: float
    bill: float


def at_stake(row: Mapping[str, Any], *, target: float, bills: pd.Series, months: int = MONTHS) -> Stake:
    """Money of customers who left beyond the target, had each paid the mean bill for some months more.

    Parameters
    ----------
    row : mapping
        One row of :func:`leaving`.
    target : float
        Percent who may leave.
    bills : Series
        What each customer paid in the period, in the company's currency.
    months : int
        Months each would have stayed.

    Returns
    -------
    Stake
        estimate, ci_low, ci_high (money; the limits are those of the share who left, the bill counts as known),
        n (customers on the first day), excess (customers beyond the target), bill (mean).

    Examples
    --------
    >>> row = {"n": 1000, "estimate": 2.0, "ci_low": 1.3, "ci_high": 3.1}
    >>> at_stake(row, target=1.5, bills=pd.Series([20.0, 30.0]), months=12).estimate
    1500.0
    """
    bill = float(bills.mean())
    money = {c: row["n"] * (row[c] - target) / PERCENT * bill * months for c in ("estimate", "ci_low", "ci_high")}
    excess = row["n"] * (row["estimate"] - target) / PERCENT
    return Stake(**money, n=int(row["n"]), excess=excess, bill=bill)
