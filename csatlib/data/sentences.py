"""Sentences on the data, made from the results."""

import pandas as pd

from csatlib import disclosure, theme
from csatlib.data import most, names, to_everybody
from csatlib.words import mark, say, together


def told(row: pd.Series) -> str:
    """Return a percentage with its interval and n.

    Parameters
    ----------
    row : Series
        One row of :func:`reception` or :func:`coverage`.

    Returns
    -------
    str
        For example ``2.9 % [1.6, 5.4], n = 339``.

    Examples
    --------
    >>> told(pd.Series({"estimate": 2.94, "ci_low": 1.61, "ci_high": 5.35, "n": 339}))
    '2.9 % [1.6, 5.3], n = 339'
    """
    return say(
        "{share} % [{low}, {high}], n = {n}",
        share=theme.number(row["estimate"], 1),
        low=theme.number(row["ci_low"], 1),
        high=theme.number(row["ci_high"], 1),
        n=f"{row['n']:,.0f}",
    )


def arrived(reception: pd.DataFrame) -> str:
    """Say how many rows came in and how many were set aside.

    Parameters
    ----------
    reception : DataFrame
        From :func:`reception`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> arrived(pd.DataFrame({"group": ["all", "responses"], "n": [50, 50], "rejected": [2, 2]}))
    '2 of 50 rows break a rule and were set aside, most of them among the survey answers (2).'
    """
    total, tables = reception.iloc[0], reception.iloc[1:]
    if not total["rejected"]:
        return say("All {n} rows of the source can be used.", n=f"{total['n']:,}")
    worst = tables.loc[tables["rejected"].idxmax()]
    return say(
        "{rejected} of {n} rows break a rule and were set aside, most of them among the {table} ({most}).",
        rejected=f"{total['rejected']:,}",
        n=f"{total['n']:,}",
        table=names.table(worst["group"]),
        most=f"{worst['rejected']:,}",
    )


def unanswered(result: pd.DataFrame) -> str:
    """Say which question is left without an answer most and which applies least.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.data.coverage`.

    Returns
    -------
    str
        Whole sentences. Questions that 30 % or more leave out were probably not put to everybody; they are
        named apart.

    Examples
    --------
    >>> row = {"item": "q1", "label": "Prompt service", "some_only": False, "state": "skipped"}
    >>> unanswered(pd.DataFrame([row | {"n": 50, "estimate": 2.0}]))
    'Of the questions put to everybody, “Prompt service” is left out most, by 2.0 %.'
    """
    if result.empty:
        return say("Nobody was asked anything in this period.")
    found = []
    for _, row in most(to_everybody(result), "skipped").iterrows():
        text = mark("Of the questions put to everybody, “{label}” is left out most, by {share} %.")
        found.append(say(text, label=row["label"], share=theme.number(row["estimate"], 1)))
    for _, row in most(result, "not_applicable").iterrows():
        text = mark("“{label}” applies least: {share} % say that it does not apply to them.")
        found.append(say(text, label=row["label"], share=theme.number(row["estimate"], 1)))
    return together(*found) or say("Every question was answered by everybody who was asked.")


def evidence(reception: pd.DataFrame, result: pd.DataFrame) -> str:
    """Return the figures behind :func:`arrived` and :func:`unanswered`, with intervals and n.

    Parameters
    ----------
    reception, result : DataFrame
        From :func:`reception` and :func:`coverage`.

    Returns
    -------
    str
        Whole sentences.

    Examples
    --------
    >>> row = {"group": "all", "n": 50, "rejected": 2, "estimate": 4.0, "ci_low": 1.1, "ci_high": 13.5}
    >>> evidence(pd.DataFrame([row]), pd.DataFrame(columns=["state", "n", "estimate", "item", "some_only"]))
    'Set aside: 4.0 % [1.1, 13.5], n = 50.'
    """
    found = [say("Set aside: {share}.", share=told(reception.iloc[0]))]
    found += [
        say("Left out most: {share}.", share=told(row))
        for _, row in most(to_everybody(result), "skipped").iterrows()
    ]
    found += [
        say("Applies least: {share}.", share=told(row)) for _, row in most(result, "not_applicable").iterrows()
    ]
    return together(*found)


def by_group(result: pd.DataFrame, *, by: str) -> str:
    """Say where most of those asked gave no rating, skipped and not applicable together.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.data.coverage` with `by`, one role per item.
    by : str
        The column of groups.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> rows = {"item": "q1", "label": "Prompt", "wave": ["W1", "W2"], "state": "skipped", "n": 50}
    >>> by_group(pd.DataFrame(rows | {"estimate": [2.0, 4.0]}), by="wave")
    'The largest share without a rating: “Prompt” in W2, 4 % of those asked.'
    """
    shown = disclosure.protect(result.assign(group=result[by]))
    shown = shown[~shown["hidden"]]
    whole = shown.groupby(["item", "label", by], sort=False)["estimate"].sum().reset_index()
    if whole.empty or not whole["estimate"].max() > 0:
        return say("Every question was answered by everybody who was asked.")
    row = whole.loc[whole["estimate"].idxmax()]
    return say(
        "The largest share without a rating: “{label}” in {group}, {share} % of those asked.",
        label=row["label"],
        group=row[by] or say("all rows"),
        share=theme.number(row["estimate"], 0),
    )
