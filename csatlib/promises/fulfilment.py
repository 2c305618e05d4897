"""Promises kept, by type, unit and month, with those not yet due left out and counted."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from csatlib.stats import due as dates
from csatlib.stats.effective import clustered_shares

DONE, DUE = "done_at", "due_at"


def kept(
    data: Any,
    *,
    by: Sequence[str] = ("promise",),
    cluster: str | None = None,
    as_of: Any = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Percent of promises kept.

    Parameters
    ----------
    data : DataFrame or Ibis table
        One row per promise: ``due_at``, ``done_at`` (missing: not done).
    by : sequence of str
        Columns looked at one by one, for example ``["promise", "unit", "period"]``.
    cluster : str, optional
        Column of a frame whose rows go together, for example the customer: one with several promises may be lucky
        or unlucky with all of them.
    as_of : str or Timestamp, optional
        The moment at which open promises are looked at; default: the last time done on record.
    confidence : float
        Coverage of Wilson's intervals.
    seed : int
        Of the replicates of groups of clusters.

    Returns
    -------
    DataFrame
        As :func:`csatlib.stats.due.within_due`: ``level``, ``group``, ``n``, ``n_within`` (kept), ``n_late``,
        ``n_overdue`` (not done, date past), ``n_pending`` (not yet due: not in n), ``n_undated``, ``estimate``,
        ``ci_low``, ``ci_high``; with `cluster` also ``n_eff``, ``n_groups``, ``few_groups``.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there or hold no times; a cluster of data that is no frame.

    Notes
    -----
    Kept: done_at <= due_at. A promise not done whose date is past is broken, also where it was done after `as_of`.
    With `cluster` limits are those of :func:`csatlib.stats.effective.clustered_shares`, as on the executive page
    and for the indicators.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212.

    Examples
    --------
    >>> made = pd.DataFrame({"promise": "Call back", "due_at": pd.to_datetime(["2026-10-02"] * 3)})
    >>> made["done_at"] = pd.to_datetime(["2026-10-01", "2026-10-04", None])
    >>> kept(made)[["level", "n", "n_within", "n_late", "n_overdue"]].values.tolist()
    [['all', 3, 1, 1, 1], ['promise', 3, 1, 1, 1]]
    """
    found = dates.within_due(data, done=DONE, due=DUE, by=by, as_of=as_of, confidence=confidence)
    if cluster is None:
        return found
    if not isinstance(data, pd.DataFrame):
        raise ValueError(f"cluster={cluster!r} needs a pandas DataFrame, data is a {type(data).__name__}")
    rows, rules = judged(data, as_of=as_of), {"value": "kept", "cluster": cluster}
    rules["key"] = "promise_id" if "promise_id" in data.columns else None
    limits = {}
    for level in ["all", *by]:
        columns = [] if level == "all" else [level]
        known = rows.dropna(subset=columns)
        made = clustered_shares(known, by=columns, confidence=confidence, seed=seed, **rules)
        limits |= {(level, str(label[0]) if label else "all"): row for label, row in made.items()}
    keys = list(zip(found["level"], found["group"], strict=True))
    wide = pd.DataFrame([limits.get(key, {}) for key in keys], index=found.index)
    percent = {side: dates.PERCENT * wide[side] for side in ("ci_low", "ci_high")}
    return found.assign(**percent, **{name: wide[name] for name in ("n_eff", "n_groups", "few_groups")})


def judged(data: pd.DataFrame, *, as_of: Any = None) -> pd.DataFrame:
    """Tell of each promise of a frame whether it was kept (1.0), broken (0.0) or is not yet due (NaN).

    Parameters
    ----------
    data : DataFrame
        One row per promise: ``due_at``, ``done_at``.
    as_of : str or Timestamp, optional
        The moment; default: the last time done on record.

    Returns
    -------
    DataFrame
        With ``kept``.

    Examples
    --------
    >>> made = pd.DataFrame({"due_at": pd.to_datetime(["2026-10-02"] * 2)})
    >>> made["done_at"] = pd.to_datetime(["2026-10-01", None])
    >>> judged(made, as_of="2026-10-31")["kept"].tolist()
    [1.0, 0.0]
    """
    dates.table_of(data, [DONE, DUE])
    moment = data[DONE].max() if as_of is None else pd.Timestamp(as_of)
    done = data[DONE].where(data[DONE] <= moment)
    known = data[DUE].notna() & (done.notna() | (data[DUE] <= moment))
    return data.assign(kept=(done <= data[DUE]).astype(float).where(known))
