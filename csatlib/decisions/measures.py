"""The measures that targets and actions name, each with its unit, and the rows they are means of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates, wilson
from csatlib.stats.rows import blocks, require_columns
from csatlib.stats.segments import sum_by_segment
from csatlib.tables.period import parse
from csatlib.words import mark, say

PERCENT, PER_1000, MONTHS = 100.0, 1000.0, 12
SOURCES = ("board", "industry", "last year")
NPS_POINTS = 100.0


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
    "complaints_per_1000": (mark("Complaints per 1,000 customers"), mark("a month"), 1, True, 1.0),
    "promises_kept": (mark("Promises kept"), mark("%"), 0, False, PERCENT),
    "churn_rate": (mark("Customers who left"), mark("% a month"), 2, True, PERCENT),
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


def rows_of_customers(
    customers: pd.DataFrame,
    *,
    periods: Sequence[str],
    complaints: pd.DataFrame | None = None,
    keep: Sequence[str] = (),
) -> pd.DataFrame:
    """Lay customers out by period: who was there, who left in it, and how often each complained.

    Parameters
    ----------
    customers : DataFrame
        One row per customer: ``customer_id``, ``joined_on``; ``left_on`` where they can leave.
    periods : sequence of str
        Months, quarters or years wanted.
    complaints : DataFrame, optional
        One row per complaint: ``customer_id``, ``opened_at``.
    keep : sequence of str
        Columns of the customers to carry along, for example "region".

    Returns
    -------
    DataFrame
        One row per customer and period who was one on its first day or joined in it: ``period``, ``customer_id``,
        those of `keep`, ``churn_rate`` (100 left in the period, 0 stayed, NaN not yet there on its first day;
        without ``left_on`` the column is missing), ``complaints_per_1000`` (1,000 for each complaint).

    Raises
    ------
    KeyError
        Columns that are not there.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": [1, 2], "joined_on": pd.Timestamp("2020-01-01")})
    >>> people["left_on"] = pd.to_datetime(["2026-10-09", None])
    >>> rows_of_customers(people, periods=["2026-10"])["churn_rate"].tolist()
    [100.0, 0.0]
    """
    require_columns(customers.columns, ["customer_id", "joined_on", *keep])
    if complaints is not None:
        require_columns(complaints.columns, ["customer_id", "opened_at"])
    leaves = "left_on" in customers.columns
    left = customers["left_on"] if leaves else pd.Series(pd.NaT, index=customers.index)
    found = []
    for span in map(parse, periods):
        there = (customers["joined_on"] < span.end) & ~(left < span.start)
        part = customers.loc[there, ["customer_id", *keep]].assign(period=span.label)
        if leaves:
            gone = PERCENT * (left[there] < span.end).astype(float)
            part["churn_rate"] = gone.where(customers.loc[there, "joined_on"] < span.start)
        if complaints is not None:
            opened = complaints["opened_at"]
            counts = complaints["customer_id"][(opened >= span.start) & (opened < span.end)].value_counts()
            part["complaints_per_1000"] = PER_1000 * part["customer_id"].map(counts).fillna(0.0).astype(float)
        found.append(part)
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["period", "customer_id", *keep])


def leaving(rows: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Percent of the customers of a period's first day who left in it.

    Parameters
    ----------
    rows : DataFrame
        From :func:`rows_of_customers`.
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
    per_month = metric in ("churn_rate", "complaints_per_1000")
    if targets is None or (per_month and not monthly):
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


def gaps_of_rows(answers: pd.DataFrame, scale: Any) -> pd.DataFrame:
    """Add to answers the score in points and the gap of each dimension, as columns that a mean can be taken of.

    Parameters
    ----------
    answers : DataFrame
        One row per response: ``nps``, and the items' perceptions and expectations.
    scale : Scale or None
        The questionnaire; dimensions without both sides are left out.

    Returns
    -------
    DataFrame
        With ``points`` (100 promoter, 0 passive, -100 detractor) where there is ``nps``, and ``gap.DIMENSION``:
        the mean over the dimension's items of perception less expectation.

    Examples
    --------
    >>> gaps_of_rows(pd.DataFrame({"nps": [10, 7, 2, None]}), None)["points"].tolist()
    [100.0, 0.0, -100.0, nan]
    """
    made = {}
    if "nps" in answers.columns:
        score = answers["nps"].astype(float)
        made["points"] = NPS_POINTS * ((score >= 9).astype(float) - (score <= 6).astype(float)).where(
            score.notna()
        )
    for dimension in scale.dimensions if scale is not None else ():
        items = [item for item in scale.items if item.dimension == dimension]
        pairs = [(item.perception, item.expectation) for item in items]
        if all(side is not None and side in answers.columns for pair in pairs for side in pair):
            gaps = [answers[perception] - answers[expectation] for perception, expectation in pairs]
            made[f"gap.{dimension}"] = pd.concat(gaps, axis=1).mean(axis=1)
    return answers.assign(**made)


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


def column_of(metric: str) -> str:
    """Name the column of :func:`gaps_of_rows` that holds a metric.

    Examples
    --------
    >>> column_of("nps"), column_of("gap.speed")
    ('points', 'gap.speed')
    """
    return re.sub(r"^nps$", "points", metric)
