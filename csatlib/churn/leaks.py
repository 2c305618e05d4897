"""Does a feature know the future: each snapshot built again from tables cut at its date, and what is too good."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from csatlib.churn.features import KEYS
from csatlib.churn.snapshots import feature_names

TIMES = {
    "responses": "responded_at",
    "transactions": "occurred_at",
    "contacts": "occurred_at",
    "complaints": "opened_at",
}
LATER = {  # columns of a row that are filled in after the row begins, and the time from which each is known
    "customers": {"left_on": "left_on"},
    "complaints": {
        **{"first_response_at": "first_response_at", "resolved_at": "resolved_at", "informed_at": "informed_at"},
        **{"followed_up_at": "followed_up_at", "rating_after": "followed_up_at", "reopened": "followed_up_at"},
        "compensation": "resolved_at",
    },
}
TOO_GOOD = 0.9


def cut_at(tables: Mapping[str, pd.DataFrame], date: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Return the tables as they stood at a moment: later rows gone, later entries of earlier rows blank.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        As for :func:`csatlib.churn.snapshot`.
    date : Timestamp
        The moment; what is known exactly then is kept.

    Returns
    -------
    dict of str to DataFrame
        Columns that have no time of their own (a contact's rating, a customer's plan) stay as they are.

    Examples
    --------
    >>> filed = pd.DataFrame({"opened_at": pd.to_datetime(["2026-01-01", "2026-03-01"]), "rating_after": 5.0})
    >>> filed["followed_up_at"] = pd.to_datetime("2026-02-20")
    >>> cut_at({"complaints": filed}, pd.Timestamp("2026-02-01"))["complaints"]["rating_after"].tolist()
    [nan]
    """
    date, kept = pd.Timestamp(date), {}
    for name, table in tables.items():
        if name in TIMES:
            table = table[pd.to_datetime(table[TIMES[name]]) <= date]
        late = {c: at for c, at in LATER.get(name, {}).items() if c in table.columns and at in table.columns}
        kept[name] = table.assign(
            **{c: table[c].where(pd.to_datetime(table[at]) <= date) for c, at in late.items()}
        )
    return kept


def audit(
    rows: pd.DataFrame,
    *,
    tables: Mapping[str, pd.DataFrame],
    build: Callable[..., pd.DataFrame],
    last: int | None = None,
    too_good: float = TOO_GOOD,
    **options: Any,
) -> pd.DataFrame:
    """Look for features that know the future.

    Parameters
    ----------
    rows : DataFrame
        Snapshots to be judged.
    tables : mapping of str to DataFrame
        What they were built from.
    build : callable
        What built them: ``build(tables, dates=..., until=..., complete=False, **options)``, such as
        :func:`csatlib.churn.snapshot`; called once per snapshot with tables cut at its date.
    last : int, optional
        How many of the last snapshots are built again; default: all.
    too_good : float
        A single feature that sorts leavers from stayers with this AUC or more is suspect.
    **options
        What else `build` was given.

    Returns
    -------
    DataFrame
        A row for the choice of rows, called ``customer_id`` (a row that is there only with hindsight), and one per
        feature: ``feature``, ``n`` (rows compared), ``changed`` (rows whose value differs when later
        rows and entries are taken away; any is a leak), ``estimate`` (AUC of the feature alone, turned to be 0.5
        or more, on the last third of the snapshots; of a category, by the leavers' share in the earlier ones),
        ``verdict`` (leak, suspect, clean).

    Notes
    -----
    What has no time of its own cannot be taken away: columns of the customers other than left_on, a contact's
    rating. There only the AUC warns.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": list("ab"), "joined_on": pd.to_datetime("2026-01-01")})
    >>> people["left_on"] = pd.to_datetime([None, "2026-03-10"])
    >>> from csatlib.churn import snapshot
    >>> rows = snapshot({"customers": people}, dates=["2026-02-01"], until="2026-04-01", horizon=2)
    >>> found = audit(rows, tables={"customers": people}, build=snapshot, horizon=2)
    >>> found[["feature", "changed", "verdict"]].values.tolist()
    [['customer_id', 0, 'clean'], ['tenure_years', 0, 'clean']]
    """
    names, days = feature_names(rows), sorted(rows["snapshot"].unique())[-(last or 0) :]
    again = [
        build(cut_at(tables, day), dates=[day], until=day, complete=False, **options)
        for day in pd.to_datetime(days)
    ]
    both = rows.loc[rows["snapshot"].isin(days), [*KEYS, *names]].merge(
        pd.concat(again), on=list(KEYS), how="outer", suffixes=("", "_cut"), indicator="side"
    )
    hindsight = int((both["side"] != "both").sum())
    both = both[both["side"] == "both"]
    found = [("customer_id", len(both), hindsight, np.nan, "leak" if hindsight else "clean")]
    for name in names:
        own, cut = both[name], both[f"{name}_cut"] if f"{name}_cut" in both else pd.Series(np.nan, both.index)
        changed = int((~_same(own, cut)).sum())
        auc = alone(rows, name)
        verdict = "leak" if changed else "suspect" if auc >= too_good else "clean"
        found.append((name, len(both), changed, auc, verdict))
    return pd.DataFrame(found, columns=["feature", "n", "changed", "estimate", "verdict"])


def _same(a: pd.Series, b: pd.Series) -> pd.Series:
    missing = a.isna() & b.isna()
    if pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b):
        return missing | pd.Series(np.isclose(a, b, rtol=1e-9, atol=1e-9), index=a.index)
    return missing | (a.astype("str") == b.astype("str"))


def alone(rows: pd.DataFrame, name: str) -> float:
    """Return the AUC of one feature by itself, turned to be 0.5 or more, missing values a level of their own.

    Parameters
    ----------
    rows : DataFrame
        Snapshots.
    name : str
        The feature; the last third of the snapshots judges it.

    Returns
    -------
    float
        NaN where nobody left, or all.

    Examples
    --------
    >>> rows = pd.DataFrame({"snapshot": 1, "left": [1.0, 0.0, 0.0], "days": [1.0, 2.0, None]})
    >>> alone(rows, "days")
    0.75
    """
    rows, dates = rows[["snapshot", "left", name]], sorted(rows["snapshot"].unique())
    first = dates[-max(1, len(dates) // 3)]
    past, later = rows[rows["snapshot"] < first], rows[rows["snapshot"] >= first]
    past, target = past if len(past) else later, later["left"]
    values = later[name]
    if not pd.api.types.is_numeric_dtype(values):
        values = values.map(past.groupby(name)["left"].mean())
    if target.nunique() < 2:
        return np.nan
    known, leaver = values.notna().to_numpy(), target.to_numpy() == 1
    candidates = np.stack([values.fillna(values.min() - 1 if known.any() else 0), known])
    above = rankdata(candidates, axis=1)[:, leaver].mean(axis=1) - (leaver.sum() + 1) / 2
    auc = above / (~leaver).sum()
    return float(np.maximum(auc, 1 - auc).max())
