"""Whether the measure of an action moved since, and how long actions take."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.durations import kaplan_meier, time_until
from csatlib.stats.intervals import benjamini_hochberg, check_confidence
from csatlib.stats.rows import require_columns
from csatlib.tables.period import parse

FIGURES = ("estimate", "ci_low", "ci_high", "n")


def moved(actions: pd.DataFrame, series: pd.DataFrame, *, period: str, confidence: float = 0.95) -> pd.DataFrame:
    """Set each action's measure beside what it was in the period before the action was opened.

    Parameters
    ----------
    actions : DataFrame
        From :func:`csatlib.decisions.followed`: ``action_id``, ``metric``, ``group``, ``opened_on``.
    series : DataFrame
        ``metric``, ``group`` ("all" for the company), ``period``, ``n``, ``estimate``, ``ci_low``, ``ci_high``:
        from :func:`csatlib.decisions.series`, or findings recorded in several periods.
    period : str
        The period looked at.
    confidence : float
        Coverage of the intervals, of `series` and of the result.

    Returns
    -------
    DataFrame
        One row per action: ``action_id``, ``metric``, ``group``, ``reference`` (the period before it was opened),
        ``n``, ``n_reference``, ``value``, ``value_reference``, ``estimate`` (the difference), ``ci_low``,
        ``ci_high``, ``p_value``, ``p_adjusted`` (Benjamini-Hochberg over the actions). NaN where the measure is
        not in `series`, or the action was opened in a later period.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; the same figure twice.

    Notes
    -----
    The limits of a difference come from the limits of the two figures (MOVER; with Wilson's limits it is
    Newcombe's method 10): d - sqrt((x2 - l2)^2 + (u1 - x1)^2) and d + sqrt((u2 - x2)^2 + (x1 - l1)^2).
    Periods count as independent, which is too careful where the same customers answer in both. The p value is the
    level at which the nearer limit, taken as normal, would reach 0. A measure that moved says nothing about whose
    doing it was.

    References
    ----------
    Zou, G. Y. and Donner, A. (2008), Statistics in Medicine 27, 1693-1702; Newcombe, R. G. (1998), Statistics in
    Medicine 17, 873-890.

    Examples
    --------
    >>> acts = pd.DataFrame({"action_id": ["A1"], "metric": ["kept"], "group": ["all"]})
    >>> acts["opened_on"] = pd.Timestamp("2026-09-05")
    >>> figures = {"metric": "kept", "group": "all", "period": ["2026-08", "2026-10"], "n": [80, 70]}
    >>> figures |= {"estimate": [0.6, 0.8], "ci_low": [0.490, 0.692], "ci_high": [0.700, 0.877]}
    >>> moved(acts, pd.DataFrame(figures), period="2026-10")[["estimate", "ci_low"]].round(2).values.tolist()
    [[0.2, 0.05]]
    """
    check_confidence(confidence)
    require_columns(actions.columns, ["action_id", "metric", "group", "opened_on"])
    keys = ["metric", "group", "period"]
    require_columns(series.columns, [*keys, *FIGURES])
    if series.duplicated(keys).any():
        twice = series.loc[series.duplicated(keys), keys].iloc[0]
        raise ValueError(f"series holds {' '.join(map(str, twice))} twice; give one row per figure and period")
    kind = parse(period)
    starts = [_before(day, kind) for day in actions["opened_on"]]
    there = [start < kind.first for start in starts]
    labels = [kind.shift((start - kind.first) // kind.months).label for start in starts]
    asked = actions[["action_id", "metric", "group"]].assign(reference=labels, period=period)
    figures = series[[*keys, *FIGURES]].astype({"period": "str"})
    now = asked.merge(figures, on=keys, how="left")
    then = asked.drop(columns="period").merge(
        figures.rename(columns={"period": "reference"}), on=["metric", "group", "reference"], how="left"
    )
    then.loc[~np.array(there, dtype=bool), list(FIGURES)] = np.nan
    found = asked.drop(columns="period").assign(
        n=now["n"],
        n_reference=then["n"],
        value=now["estimate"],
        value_reference=then["estimate"],
        **difference(now, then, confidence),
    )
    return found.assign(p_adjusted=benjamini_hochberg(found["p_value"].to_numpy()))


def _before(day: pd.Timestamp, kind: Any) -> int:
    """First month of the last period of that kind which ended before a day; of `kind` itself where unknown."""
    if pd.isna(day):
        return kind.first
    return kind.first + kind.months * ((day.year * 12 + day.month - 1 - kind.first) // kind.months - 1)


def difference(now: pd.DataFrame, then: pd.DataFrame, confidence: float) -> dict[str, np.ndarray]:
    """Set figures with limits against others, row by row; a target is a figure whose limits are itself.

    Parameters
    ----------
    now, then : DataFrame
        ``estimate``, ``ci_low``, ``ci_high``.
    confidence : float
        Coverage of these limits and of the result's.

    Returns
    -------
    dict of str to array
        ``estimate`` (now less then), ``ci_low``, ``ci_high``, ``p_value``: see :func:`moved`.

    Examples
    --------
    >>> pairs = ((5.2, 5.1), (5.6, 5.6))
    >>> figure, target = ({"estimate": [x], "ci_low": [low], "ci_high": [x]} for x, low in pairs)
    >>> difference(pd.DataFrame(figure), pd.DataFrame(target), 0.95)["ci_low"].round(2).tolist()
    [-0.5]
    """
    x, low, high = (now[c].to_numpy(dtype=float) for c in ("estimate", "ci_low", "ci_high"))
    x0, low0, high0 = (then[c].to_numpy(dtype=float) for c in ("estimate", "ci_low", "ci_high"))
    d = x - x0
    below, above = np.hypot(x - low, high0 - x0), np.hypot(high - x, x0 - low0)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.abs(d) / np.where(d > 0, below, above) * stats.norm.ppf((1 + confidence) / 2)
    p_value = np.where(d == 0, 1.0, 2 * stats.norm.sf(z))
    p_value = np.where(np.isnan(d) | np.isnan(below), np.nan, p_value)
    return {"estimate": d, "ci_low": d - below, "ci_high": d + above, "p_value": p_value}


def selected(changes: pd.DataFrame, *, rate: float = 0.05) -> pd.DataFrame:
    """Adjust all differences of a run at once, and the intervals of those that are picked out.

    Parameters
    ----------
    changes : DataFrame
        Every difference that could have been picked: ``estimate``, ``ci_low``, ``ci_high`` (95 %, symmetric),
        ``p_value``, ``n_groups`` where known.
    rate : float
        False discovery rate, and the share of picked intervals that may miss.

    Returns
    -------
    DataFrame
        As given, with ``p_adjusted`` (Benjamini-Hochberg over all rows), ``selected``, and for the selected wider
        ``ci_low``, ``ci_high``: R picked of m differences have limits of level 1 - R x rate / m.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; a rate outside (0, 1).

    Notes
    -----
    Limits of picked differences are too short if each has 95 %: on average 95 % of the adjusted ones hold.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995), JRSS B 57, 289-300; Benjamini, Y. and Yekutieli, D. (2005), JASA 100,
    71-81.

    Examples
    --------
    >>> rows = {"estimate": [10.0, 1.0], "ci_low": [6.0, -3.0], "ci_high": [14.0, 5.0], "p_value": [0.000001, 0.6]}
    >>> selected(pd.DataFrame(rows))[["selected", "ci_low"]].round(2).values.tolist()
    [[True, 5.43], [False, -3.0]]
    """
    require_columns(changes.columns, ["estimate", "ci_low", "ci_high", "p_value"])
    check_confidence(1 - rate)
    adjusted = benjamini_hochberg(changes["p_value"].to_numpy())
    picked = adjusted < rate
    m = int(changes["p_value"].notna().sum())
    groups = changes["n_groups"] if "n_groups" in changes.columns else pd.Series(np.inf, index=changes.index)
    df = np.maximum(groups.to_numpy(dtype=float) - 1, 1)
    level = rate * max(int(picked.sum()), 1) / max(m, 1)
    factor = stats.t.ppf(1 - level / 2, df) / stats.t.ppf(0.975, df)
    middle = changes["estimate"].to_numpy()
    sides = {name: middle + (changes[name].to_numpy() - middle) * factor for name in ("ci_low", "ci_high")}
    wider = {name: np.where(picked, side, changes[name]) for name, side in sides.items()}
    return changes.assign(p_adjusted=adjusted, selected=picked, **wider)


def days_to_done(actions: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Days from the signal to done: half of the actions take no longer.

    Parameters
    ----------
    actions : DataFrame
        From :func:`csatlib.decisions.followed`: ``days``, ``is_done``.
    confidence : float
        Coverage of the limits.

    Returns
    -------
    DataFrame
        One row: ``group`` "all", ``n`` (actions with a known time), ``n_events`` (done), ``n_open``, ``estimate``
        (median days), ``ci_low``, ``ci_high``; NaN where fewer than half, or than a limit needs, are done.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    Kaplan and Meier: open actions count with the days they have lasted, so a list of long-open actions does not
    look quick. Dropped ones have no time and do not count. The signal is the day the action was opened.

    References
    ----------
    Brookmeyer, R. and Crowley, J. (1982), Biometrics 38, 29-41.

    Examples
    --------
    >>> rows = pd.DataFrame({"days": [10.0, 20.0, 40.0, 50.0], "is_done": [True, True, True, False]})
    >>> days_to_done(rows)[["n", "n_events", "n_open", "estimate"]].values.tolist()
    [[4.0, 3.0, 1.0, 30.0]]
    """
    require_columns(actions.columns, ["days", "is_done"])
    known = actions.dropna(subset=["days"])
    done = known["is_done"].to_numpy(dtype=bool)
    row = dict.fromkeys(("estimate", "ci_low", "ci_high"), np.nan)
    if done.any():
        row = time_until(kaplan_meier(known["days"].to_numpy(), done, confidence=confidence))
    counts = {"group": "all", "n": float(len(known)), "n_events": float(done.sum())}
    return pd.DataFrame([counts | {"n_open": float((~done).sum())} | row])


def recent(actions: pd.DataFrame, *, period: str, months: int = 3) -> pd.DataFrame:
    """Keep the actions a page on a period shows: still open, or ended not long ago.

    Parameters
    ----------
    actions : DataFrame
        From :func:`csatlib.decisions.followed`.
    period : str
        The period looked at.
    months : int
        Months up to the end of the period in which an action was done, or a dropped one was due.

    Returns
    -------
    DataFrame
        Some of the rows.

    Examples
    --------
    >>> rows = pd.DataFrame({"state": ["open", "done"], "is_done": [False, True]})
    >>> rows = rows.assign(done_on=pd.to_datetime([None, "2026-01-05"]), due_on=pd.Timestamp("2026-12-01"))
    >>> recent(rows, period="2026-10")["state"].tolist()
    ['open']
    """
    since = parse(period).end - pd.DateOffset(months=months)
    old = actions["is_done"] & (actions["done_on"] < since)
    old |= (actions["state"] == "dropped") & (actions["due_on"] < since)
    return actions[~old].reset_index(drop=True)
