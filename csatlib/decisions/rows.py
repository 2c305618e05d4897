"""Rows whose means are the measures: answers, promises and customers, laid under one another."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from csatlib.stats.rows import require_columns
from csatlib.tables.period import parse

PERCENT, PER_1000, NPS_POINTS = 100.0, 1000.0, 100.0


def stacked(
    parts: Sequence[pd.DataFrame], *, by: str, customers: pd.DataFrame | None = None, weight: str | None = None
) -> pd.DataFrame:
    """Lay tables of rows under one another, each with its period, customer and group.

    Parameters
    ----------
    parts : sequence of DataFrame
        Each with ``period`` and its measures; ``customer_id`` and `by` where known.
    by : str
        Column with the groups.
    customers : DataFrame, optional
        ``customer_id`` and `by`: tells the group of rows that lack it.
    weight : str, optional
        Sampling weights of the answers; other rows count once.

    Returns
    -------
    DataFrame
        All rows; a measure is missing where a row has none, a group where nobody knows it. ``row`` identifies each
        by its answer or promise, else by its place: rows without a customer stand alone by it, as on other pages.

    Examples
    --------
    >>> answers = pd.DataFrame({"period": ["2026-10"], "customer_id": [1], "nps": [9.0]})
    >>> people = pd.DataFrame({"customer_id": [1], "region": ["North"]})
    >>> stacked([answers], by="region", customers=people)["region"].tolist()
    ['North']
    """
    known = customers is not None and {by, "customer_id"} <= set(customers.columns)
    found = []
    for part in parts:
        require_columns(part.columns, ["period"])
        if by not in part.columns and known and "customer_id" in part.columns:
            part = part.merge(customers[["customer_id", by]], on="customer_id", how="left")
        found.append(part.astype({"period": "str"}))
    every = pd.concat(found, ignore_index=True)
    absent = {name: pd.NA for name in (by, "customer_id") if name not in every.columns}
    row = pd.Series(every.index.astype("str"), index=every.index)
    for key in (name for name in ("promise_id", "response_id") if name in every.columns):
        row = every[key].astype("str").where(every[key].notna(), row)
    every = pd.concat([every, pd.DataFrame(absent | {"row": row}, index=every.index)], axis=1)
    return every.assign(**{weight: every[weight].fillna(1.0)}) if weight else every


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


def column_of(metric: str) -> str:
    """Name the column that holds a metric as a mean: the score in points instead of the answers from 0 to 10.

    Parameters
    ----------
    metric : str
        As in the tables of targets and actions.

    Returns
    -------
    str
        Column of :func:`gaps_of_rows` and of the other rows.

    Examples
    --------
    >>> column_of("nps"), column_of("gap.speed")
    ('points', 'gap.speed')
    """
    return "points" if metric == "nps" else metric
