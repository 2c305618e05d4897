"""What goes with broken promises: complaints that follow them, and satisfaction afterwards."""

from typing import Any

import numpy as np
import pandas as pd

from csatlib.promises.fulfilment import DONE, DUE, judged
from csatlib.stats.due import ALL, shares
from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates
from csatlib.stats.rows import blocks, require_columns
from csatlib.stats.segments import sum_by_segment

COLUMNS = ["part", "n", "n_reference", "n_groups", "few_groups", "estimate", "se", "ci_low", "ci_high", "p_value"]
BROKEN, KEPT, NONE = "broken", "kept", "none"
LINKED, WITHIN, EARLIER = "named", "window", "earlier"


def behind_complaints(
    complaints: pd.DataFrame,
    promises: pd.DataFrame,
    *,
    days: float = 30,
    by: list[str] | None = None,
    as_of: Any = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Share of complaints that follow a broken promise.

    Parameters
    ----------
    complaints : DataFrame
        One row per complaint: ``opened_at``; ``promise_id`` and ``customer_id`` where there are.
    promises : DataFrame
        One row per promise, of all periods: ``promise_id``, ``due_at``, ``done_at``, ``customer_id``.
    days : float
        Length of the window before a complaint in which a promise to the same customer counts.
    by : list of str, optional
        Columns of the complaints looked at one by one.
    as_of : str or Timestamp, optional
        The moment at which open promises are looked at; default: the last time done on record.
    confidence : float
        Coverage of Wilson's intervals.

    Returns
    -------
    DataFrame
        One row per group and measure: ``level``, ``group``, ``measure`` ("named": the complaint names a promise
        that was broken; "window": a promise to the customer was broken in the `days` before; "either"; "earlier":
        one was broken in the `days` before those, for comparison), ``n`` (complaints; but for "named" those of a
        known customer), ``count``, ``estimate`` (percent), ``ci_low``,
        ``ci_high``. Empty where complaints name neither a promise nor a customer.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    A promise counts as broken from its due date on, if it was not done by then. Customers with many promises have
    a broken one in many windows: "earlier" shows how often, for the same customers and a window of the same length
    (a case-crossover comparison; complaints whose earlier window begins before the first promise on record do not
    count there). That a complaint follows a broken promise does not show that it would not have come otherwise.

    References
    ----------
    Maclure, M. (1991), The case-crossover design, American Journal of Epidemiology 133(2), 144-153.

    Examples
    --------
    >>> made = pd.DataFrame({"promise_id": ["p", "q"], "customer_id": ["a", "b"]})
    >>> made["due_at"] = pd.to_datetime(["2026-10-02", "2026-10-03"])
    >>> made["done_at"] = pd.to_datetime(["2026-10-05", "2026-10-01"])
    >>> cases = pd.DataFrame({"promise_id": ["p", None], "customer_id": ["a", "b"]})
    >>> cases["opened_at"] = pd.to_datetime(["2026-10-04", "2026-10-04"])
    >>> behind_complaints(cases, made)[["measure", "n", "count", "estimate"]].values.tolist()
    [['named', 2, 1, 50.0], ['window', 2, 1, 50.0], ['either', 2, 1, 50.0], ['earlier', 0, 0, nan]]
    """
    check_confidence(confidence)
    by = by or []
    require_columns(complaints.columns, ["opened_at", *by])
    require_columns(promises.columns, [DUE, DONE])
    known = judged(promises, as_of=as_of)
    broken = known[known["kept"] == 0]
    met = {}
    if "promise_id" in complaints.columns:
        met[LINKED] = complaints["promise_id"].isin(broken["promise_id"]).astype(float)
    if {"customer_id"} <= set(complaints.columns) & set(promises.columns):
        met[WITHIN] = _in_window(complaints, broken, days)
        if LINKED in met:
            met["either"] = met[LINKED].where(met[LINKED] == 1, met[WITHIN])
        shifted = complaints.assign(opened_at=complaints["opened_at"] - pd.Timedelta(days=days))
        reaches = shifted["opened_at"] - pd.Timedelta(days=days) >= promises[DUE].min()
        met[EARLIER] = _in_window(shifted, broken, days).where(reaches)
    rows = []
    for level, group, at in _groups(complaints, by):
        for measure, hit in met.items():
            own = hit[at].dropna()
            place = {"level": level, "group": group, "measure": measure}
            rows.append(place | {"n": len(own), "count": int(own.sum())})
    found = pd.DataFrame(rows, columns=["level", "group", "measure", "n", "count"])
    return found.assign(**shares(found["count"], found["n"], confidence=confidence))


def after_promises(
    responses: pd.DataFrame,
    promises: pd.DataFrame,
    *,
    outcome: str = "overall",
    days: float = 90,
    weight: str | None = None,
    as_of: Any = None,
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = 1000,
) -> pd.DataFrame:
    """Satisfaction of customers after a kept and after a broken promise.

    Parameters
    ----------
    responses : DataFrame
        One row per answer: ``customer_id``, ``responded_at`` and the outcome.
    promises : DataFrame
        One row per promise, of all periods: ``customer_id``, ``due_at``, ``done_at``.
    outcome : str
        Column compared.
    days : float
        How long before the answer a promise may have been due.
    weight : str, optional
        Sampling weights.
    as_of : str or Timestamp, optional
        The moment at which open promises are looked at; default: the last time done on record.
    confidence : float
        Coverage of the intervals.
    seed, replicates
        Joint replicates of groups of customers.

    Returns
    -------
    DataFrame
        One row per part: ``part`` ("kept": all promises due in the window were kept; "broken": one or more were
        broken; "none": no promise was due; "difference": broken less kept), ``n`` (answers), ``n_reference`` (of
        the difference: answers after kept promises), ``n_groups``, ``few_groups``, ``estimate``, ``se``,
        ``ci_low``, ``ci_high``, ``p_value`` (of the difference). Empty where either table names no customers.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; an outcome that is not a number.

    Notes
    -----
    Means with limits from joint replicates of whole customers, who may answer several times. An association:
    customers to whom promises are broken may differ in region, product and much else.

    Examples
    --------
    >>> made = pd.DataFrame({"customer_id": range(80), "due_at": pd.Timestamp("2026-10-02")})
    >>> made["done_at"] = pd.Timestamp("2026-10-01") + pd.to_timedelta([0, 2] * 40, unit="D")
    >>> said = pd.DataFrame({"customer_id": range(80), "overall": [6, 4, 6, 4, 5, 3, 7, 3] * 10})
    >>> found = after_promises(said.assign(responded_at=pd.Timestamp("2026-10-20")), made)
    >>> found[["part", "n", "estimate"]].values.tolist()
    [['kept', 40, 6.0], ['broken', 40, 3.5], ['difference', 40, -2.5]]
    """
    check_confidence(confidence)
    if not {"customer_id"} <= set(responses.columns) & set(promises.columns):
        return pd.DataFrame(columns=COLUMNS)
    require_columns(responses.columns, ["customer_id", "responded_at", outcome, *([weight] if weight else [])])
    require_columns(promises.columns, ["customer_id", DUE, DONE])
    known = judged(promises, as_of=as_of).dropna(subset=["kept", "customer_id"])
    said = responses.dropna(subset=["customer_id", "responded_at", outcome])
    lost = _in_window(said, known[known["kept"] == 0], days, time="responded_at") == 1
    met = _in_window(said, known[known["kept"] == 1], days, time="responded_at") == 1
    part = np.select([lost, met], [BROKEN, KEPT], NONE)
    rows = said[["customer_id", outcome, *([weight] if weight else [])]].assign(part=part)
    sums = sum_by_segment(blocks(rows, [outcome], by=["part"], weight=weight, cluster="customer_id"), [outcome])
    drawn = sums.draw(replicates=replicates, seed=seed)
    means, spread, labels = sums.means[:, 0], sums.replicates(drawn)[:, :, 0], [s[0] for s in sums.segments]
    n, groups = sums.counts[:, 0], sums.n_groups[:, 0]
    at = {label: i for i, label in enumerate(labels)}
    shown = [label for label in (KEPT, BROKEN, NONE) if label in at]
    parts = [
        (label, means[at[label]], spread[:, at[label]], n[at[label]], np.nan, groups[at[label]]) for label in shown
    ]
    if {KEPT, BROKEN} <= set(at):
        b, k = at[BROKEN], at[KEPT]
        less = spread[:, b] - spread[:, k]
        parts.append(("difference", means[b] - means[k], less, n[b], n[k], min(groups[b], groups[k])))
    return pd.DataFrame([_row(*p, confidence) for p in parts], columns=COLUMNS)


def _row(
    part: str, estimate: float, spread: np.ndarray, n: int, other: float, groups: int, confidence: float
) -> dict:
    limits = from_replicates(estimate, spread, n_groups=groups, confidence=confidence)
    row = {"part": part, "n": int(n), "n_reference": other, "n_groups": int(groups)}
    row |= {"few_groups": bool(groups < FEW_GROUPS), "estimate": float(estimate)}
    row |= {name: float(getattr(limits, name)) for name in ("se", "ci_low", "ci_high")}
    return row | {"p_value": float(limits.p_value) if part == "difference" else np.nan}


def _in_window(rows: pd.DataFrame, promises: pd.DataFrame, days: float, *, time: str = "opened_at") -> pd.Series:
    """Tell whether a promise to the row's customer was due in the days before; NaN without customer or time."""
    due = promises[["customer_id", DUE]].dropna().sort_values(DUE)
    asked = rows[["customer_id", time]].dropna().sort_values(time)
    last = pd.merge_asof(
        asked.assign(row=asked.index),
        due.assign(found=1.0),
        left_on=time,
        right_on=DUE,
        by="customer_id",
        tolerance=pd.Timedelta(days=days),
    )
    hit = last.set_index("row")["found"].fillna(0.0)
    return hit.reindex(rows.index)


def _groups(rows: pd.DataFrame, by: list[str]) -> list[tuple[str, str, pd.Index]]:
    groups = [(ALL, ALL, rows.index)]
    for column in by:
        groups += [(column, str(group), part.index) for group, part in rows.groupby(column)]
    return groups
