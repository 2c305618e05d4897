"""Customers month by month: known before, complained or not, repaired or not, and what followed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from csatlib.complaints.cases import OPENED
from csatlib.complaints.known import known_at
from csatlib.stats.rows import require_columns

WELL, BADLY, NONE = "well", "badly", "none"
OUTCOMES = ("satisfaction", "retention", "spend")
MONTH = 30


def cohort(
    data: pd.DataFrame,
    *,
    customers: pd.DataFrame,
    responses: pd.DataFrame | None = None,
    transactions: pd.DataFrame | None = None,
    contacts: pd.DataFrame | None = None,
    keep: Sequence[str] = (),
    outcome: str = "overall",
    within: float = 5,
    follow: float = 90,
    days: float = 90,
    as_of: Any = None,
) -> pd.DataFrame:
    """Return customers month by month: what was known before, what came of a complaint, and what followed.

    Parameters
    ----------
    data, customers, responses, transactions, contacts, keep, outcome, within, follow, days, as_of
        As in :func:`csatlib.complaints.recovery.recovery`.

    Returns
    -------
    DataFrame
        One row per customer and month without a complaint on record before: ``customer_id``, ``at`` (first of the
        month), ``month``, what :func:`csatlib.complaints.known.known_at` gives at that moment, ``part`` ("well",
        "badly", "none"), and of ``satisfaction`` (first score), ``retention`` (100 or 0) and ``spend`` (in 30
        days) what the tables allow.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; too short a record for a look back and ahead.

    Notes
    -----
    Watching begins for all at the same moment, `within` days after the month, when it is known how each complaint
    was repaired; only customers of that moment count. Those who complain between the month's end and that moment
    are left out of the month; later complaints are part of what follows. Months watched to the end only.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["a", "b"], "joined_on": pd.Timestamp("2020-01-01")})
    >>> people["left_on"] = pd.to_datetime([None, "2026-06-20"])
    >>> case = pd.DataFrame({"customer_id": ["b"], "opened_at": [pd.Timestamp("2026-05-04")]})
    >>> case["resolved_at"] = pd.Timestamp("2026-05-05")
    >>> found = cohort(case, customers=people, days=3, as_of="2026-09-30")
    >>> found[["month", "part", "retention"]].values.tolist()[:2]
    [['2026-05', 'none', 100.0], ['2026-05', 'well', 0.0]]
    """
    require_columns(data.columns, ["customer_id", OPENED, "resolved_at"])
    moment = data[OPENED].max() if as_of is None else pd.Timestamp(as_of)
    months = landmarks(data, within=within, follow=follow, days=days, as_of=moment)
    if not months:
        raise ValueError(
            f"complaints from {data[OPENED].min()} to {moment}: no month has {days:g} days before it and "
            f"{within + follow:g} after it; give smaller days or follow, or a longer record"
        )
    first = data[data[OPENED] <= moment].dropna(subset=["customer_id"]).sort_values(OPENED, kind="stable")
    first = first.drop_duplicates("customer_id").set_index("customer_id")
    known = known_at(customers, months, responses=responses, transactions=transactions, contacts=contacts,
                     keep=keep, days=days, outcome=outcome)  # fmt: skip
    begin = known["at"] + pd.offsets.MonthBegin(1)
    watched, opened = begin + pd.Timedelta(days=within), known["customer_id"].map(first[OPENED])
    good = (first["resolved_at"] - first[OPENED]) <= pd.Timedelta(days=within)
    if "reopened" in first.columns:
        good &= first["reopened"] != 1
    named = np.where(known["customer_id"].map(good).eq(True), WELL, BADLY)
    part = np.select([opened.isna() | (opened >= watched), (opened >= known["at"]) & (opened < begin)],
                     [NONE, named], "")  # fmt: skip
    rows = known.assign(month=known["at"].dt.strftime("%Y-%m"), part=part)
    left = customers.set_index("customer_id")["left_on"] if "left_on" in customers.columns else None
    gone = pd.Series(pd.NaT, index=rows.index) if left is None else rows["customer_id"].map(left)
    if left is not None:
        rows["retention"] = 100.0 * ~(gone <= watched + pd.Timedelta(days=follow))
    rows = rows[(rows["part"] != "") & ~(gone <= watched)]
    return _followed(rows, watched[rows.index], responses, transactions, outcome, follow)


def landmarks(
    data: pd.DataFrame, *, within: float = 5, follow: float = 90, days: float = 90, as_of: Any = None
) -> list[pd.Timestamp]:
    """Return the firsts of the months that can be looked back from and watched to the end.

    Parameters
    ----------
    data, within, follow, days, as_of
        As in :func:`csatlib.complaints.recovery.recovery`.

    Returns
    -------
    list of Timestamp
        Empty where the record is too short.

    Examples
    --------
    >>> cases = pd.DataFrame({"opened_at": pd.to_datetime(["2026-01-02", "2026-09-30"])})
    >>> [f"{month:%Y-%m}" for month in landmarks(cases)]
    ['2026-04', '2026-05']
    """
    if data.empty:
        return []
    end = data[OPENED].max() if as_of is None else pd.Timestamp(as_of)
    earliest = data[OPENED].min().to_period("M").start_time + pd.Timedelta(days=days)
    months = pd.date_range(
        earliest - pd.Timedelta(days=3), end, freq="MS", normalize=True
    )  # months differ in length
    ahead = pd.Timedelta(days=within + follow)
    return [month for month in months if month + pd.offsets.MonthBegin(1) + ahead <= end]


def _followed(
    rows: pd.DataFrame,
    watched: pd.Series,
    responses: pd.DataFrame | None,
    transactions: pd.DataFrame | None,
    outcome: str,
    follow: float,
) -> pd.DataFrame:
    span = pd.Timedelta(days=follow)
    if responses is not None:
        said = responses.dropna(subset=["customer_id", "responded_at", outcome]).sort_values("responded_at")
        said = said[["customer_id", "responded_at", outcome]].rename(columns={outcome: "satisfaction"})
        asked = rows[["customer_id"]].assign(
            responded_at=watched.astype(said["responded_at"].dtype), row=rows.index
        )
        next_one = pd.merge_asof(asked.sort_values("responded_at"), said, on="responded_at", by="customer_id",
                                 direction="forward", tolerance=span)  # fmt: skip
        rows = rows.assign(satisfaction=next_one.set_index("row")["satisfaction"])
    if transactions is not None:
        paid = [
            who.map(_spent(transactions, begin, begin + span)).fillna(0.0) * MONTH / follow
            for begin, who in rows["customer_id"].groupby(watched)
        ]
        rows = rows.assign(spend=pd.concat(paid))
    return rows.reset_index(drop=True)


def _spent(transactions: pd.DataFrame, begin: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    rows = transactions[(transactions["occurred_at"] >= begin) & (transactions["occurred_at"] < end)]
    return rows.groupby("customer_id")["amount"].sum()
