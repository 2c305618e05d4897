"""Data: what came in, what was set aside, which questions go unanswered."""

from collections.abc import Sequence

import pandas as pd

from csatlib import disclosure
from csatlib.stats.intervals import wilson
from csatlib.tables.audit import missing_answers
from csatlib.tables.workspace import Workspace

__all__ = ["SOME_ONLY", "STATES", "coverage", "most", "received", "reception", "to_everybody"]

STATES = ("skipped", "not_applicable")
PER_HUNDRED = 100
SOME_ONLY = 30  # percent without an answer from which a question was probably not put to everybody


def reception(ws: Workspace) -> pd.DataFrame:
    """Return the share of rows that were rejected, by table and in all.

    Parameters
    ----------
    ws : Workspace
        Rows read and rejected are those of the whole source.

    Returns
    -------
    DataFrame
        One row per table and one for ``all``: group, n (rows read), rejected, estimate (percent rejected), ci_low,
        ci_high (Wilson, 95 %).

    Examples
    --------
    >>> from csatlib.tables import workspace
    >>> reception(workspace.open("csat.toml"))["n"].max()  # doctest: +SKIP
    """
    counts = ws.counts[["table", "read", "rejected"]].rename(columns={"table": "group", "read": "n"})
    total = pd.DataFrame([{"group": "all", "n": counts["n"].sum(), "rejected": counts["rejected"].sum()}])
    return _shares(pd.concat([total, counts], ignore_index=True), "rejected")


def coverage(ws: Workspace, *, by: str | Sequence[str] = ()) -> pd.DataFrame:
    """Return how often each question went unanswered: skipped, or answered with "does not apply".

    Parameters
    ----------
    ws : Workspace
        The period and selection.
    by : str or sequence of str
        ``"wave"``, ``"survey"`` or other columns of the responses.

    Returns
    -------
    DataFrame
        One row per item, role, group and state: item, role, label, dimension (its reader's name), some_only (30 %
        or more of a survey and wave did not answer it: probably not put to everybody), the columns of `by`, state
        (skipped, not_applicable), n (responses of the surveys and waves that asked the item), count, estimate
        (percent of n), ci_low, ci_high (Wilson, 95 %). Answers are counted: neither weights nor
        repeated customers are taken into account.

    Raises
    ------
    KeyError
        The responses have no column of `by`.

    Examples
    --------
    >>> from csatlib.tables import workspace
    >>> coverage(workspace.open("csat.toml", period="2026-10"), by="wave")["state"].unique()  # doctest: +SKIP
    """
    by = [by] if isinstance(by, str) else list(by)
    counts = missing_answers(ws, by=by)
    named = [
        ws.scales[scale].label(dimension) if isinstance(dimension, str) else ""
        for scale, dimension in zip(counts["scale"], counts["dimension"], strict=True)
    ]
    counts["dimension"] = pd.Series(named, index=counts.index, dtype="str")
    partial = counts["skipped"] >= SOME_ONLY / PER_HUNDRED * counts["n"]
    counts["some_only"] = partial.groupby(counts["item"]).transform("any") if len(counts) else False
    keys = ["item", "role", "label", "dimension", "some_only", *by]
    summed = counts.groupby(keys, sort=False)[["n", *STATES]].sum().reset_index()
    long = summed.melt(id_vars=[*keys, "n"], value_vars=list(STATES), var_name="state", value_name="count")
    return _shares(long, "count")


def received(result: pd.DataFrame) -> pd.DataFrame:
    """Keep one role per item: the service received where it was asked, else the first that was.

    Parameters
    ----------
    result : DataFrame
        From :func:`coverage`.

    Returns
    -------
    DataFrame
        The same columns.

    Examples
    --------
    >>> received(pd.DataFrame({"item": ["q1", "q1"], "role": ["expectation", "perception"]}))["role"].tolist()
    ['perception']
    """
    has_received = result["item"].isin(result.loc[result["role"] == "perception", "item"])
    first = result.groupby("item")["role"].transform("first") if len(result) else result["role"]
    return result[result["role"] == first.mask(has_received, "perception")].reset_index(drop=True)


def most(result: pd.DataFrame, state: str) -> pd.DataFrame:
    """Return the question that went unanswered most often, as at most one row.

    Parameters
    ----------
    result : DataFrame
        From :func:`coverage`.
    state : {"skipped", "not_applicable"}
        What to look for.

    Returns
    -------
    DataFrame
        Empty where nobody left a question out, or all bases are under the smallest shown.

    Examples
    --------
    >>> rows = {"item": ["q1", "q2"], "state": "skipped", "n": 50, "estimate": [2.0, 4.0]}
    >>> most(pd.DataFrame(rows), "skipped")["item"].tolist()
    ['q2']
    """
    shown = disclosure.protect(result)
    some = shown[(shown["state"] == state) & (shown["estimate"] > 0)]
    return some.sort_values(["estimate", "item"], ascending=[False, True], kind="stable").head(1)


def to_everybody(result: pd.DataFrame) -> pd.DataFrame:
    """Leave out questions that were probably not put to everybody.

    Parameters
    ----------
    result : DataFrame
        From :func:`coverage`.

    Returns
    -------
    DataFrame
        The other rows.

    Examples
    --------
    >>> to_everybody(pd.DataFrame({"item": ["a", "b"], "some_only": [True, False]}))["item"].tolist()
    ['b']
    """
    return result[~result["some_only"].astype(bool)]


def _shares(counts: pd.DataFrame, column: str) -> pd.DataFrame:
    low, high = wilson(counts[column], counts["n"])
    estimate = PER_HUNDRED * counts[column] / counts["n"].where(counts["n"] > 0)
    return counts.assign(estimate=estimate, ci_low=PER_HUNDRED * low, ci_high=PER_HUNDRED * high)
