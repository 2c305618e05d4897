"""How long customers stay: curves, comparisons and remaining time, where each counts from when it was watched."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.duration.survfunc import survdiff

from csatlib.stats.durations import kaplan_meier
from csatlib.stats.intervals import check_confidence, holm


@dataclass(frozen=True)
class Remaining:
    """Days still to come: `levels` of each group, `differences` between groups.

    Attributes
    ----------
    levels, differences : DataFrame
        See :func:`remaining`.
    """

    levels: pd.DataFrame
    differences: pd.DataFrame


def staying(
    data: pd.DataFrame,
    *,
    by: str | None = None,
    at: Sequence[float] | None = None,
    after: float = 0.0,
    entry: str | None = "entry",
    time: str = "exit",
    event: str = "left",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Share of customers still there after so many days.

    Parameters
    ----------
    data : DataFrame
        One row per customer, as from :func:`csatlib.churn.exposure.stays`.
    by : str, optional
        Column of groups; rows without a value are left out.
    at : sequence of float, optional
        Days asked for; default: every day on which somebody left.
    after : float
        Days that all have already stayed: the share is of those. Raise it where hardly anybody was watched early.
    entry : str or None
        Column with the day from which each was watched; None: from day 0 on.
    time, event : str
        Columns with the days at the end, and whether the customer left then.
    confidence : float
        Coverage of the pointwise limits.

    Returns
    -------
    DataFrame
        One row per group and day: ``group`` ("all" without `by`), ``time`` (days), ``n`` (customers watched that
        day), ``n_customers`` (watched on any), ``n_events`` (left up to then), ``estimate`` (percent staying
        longer), ``se``, ``ci_low``, ``ci_high``. NaN after the last day watched.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; days that are missing, below 0, or an entry not before its end.

    Notes
    -----
    Kaplan and Meier's estimate with delayed entry. Customers still there must be no different from others who
    stayed as long.

    References
    ----------
    Kaplan, E. L. and Meier, P. (1958), JASA 53, 457-481; Klein, J. P. and Moeschberger, M. L. (2003), Survival
    Analysis, 2nd ed., sec. 4.6.

    Examples
    --------
    >>> rows = pd.DataFrame({"entry": [0, 0, 2, 0], "exit": [1, 3, 3, 4], "left": [True, True, False, True]})
    >>> staying(rows)[["time", "n", "estimate"]].round(2).values.tolist()
    [[1.0, 3.0, 66.67], [3.0, 3.0, 44.44], [4.0, 1.0, 0.0]]
    """
    tables = []
    for group, rows in _groups(data, by, entry, time, event, after):
        curve = kaplan_meier(rows["time"], rows["event"], entry=rows["entry"], confidence=confidence)
        days = curve["time"].to_numpy() if at is None else np.asarray(at, dtype=float)
        told = _at(curve, days, "estimate").assign(group=group, n_customers=len(rows))
        told["n"] = ((rows["entry"].to_numpy() < days[:, None]) & (rows["time"].to_numpy() >= days[:, None])).sum(
            1
        )
        known = days <= rows["time"].max()
        told.loc[~known, ["estimate", "se", "ci_low", "ci_high"]] = np.nan
        tables.append(told)
    columns = ["group", "time", "n", "n_customers", "n_events", "estimate", "se", "ci_low", "ci_high"]
    return pd.concat(tables, ignore_index=True)[columns]


def log_rank(
    data: pd.DataFrame,
    *,
    by: str,
    after: float = 0.0,
    entry: str | None = "entry",
    time: str = "exit",
    event: str = "left",
) -> pd.DataFrame:
    """Test whether groups of customers leave at the same rate, all together and pair by pair.

    Parameters
    ----------
    data, by, after, entry, time, event
        As in :func:`staying`.

    Returns
    -------
    DataFrame
        First row: all groups together (``group`` "all", ``reference`` ""); then every pair: ``group``,
        ``reference``, ``n``, ``n_reference`` (customers), ``n_events`` (left, both together), ``statistic``
        (chi-square), ``df``, ``p_value``, ``p_adjusted`` (Holm over the pairs; the first row stands alone).

    Raises
    ------
    KeyError, ValueError
        As :func:`staying`; fewer than two groups.

    Notes
    -----
    A customer counts as at risk after `entry`. Curves that cross can differ without this test seeing it.

    References
    ----------
    Mantel, N. (1966), Cancer Chemotherapy Reports 50, 163-170; Holm, S. (1979), Scandinavian Journal of Statistics
    6, 65-70.

    Examples
    --------
    >>> rows = pd.DataFrame({"exit": [1, 2, 3, 4], "left": True, "plan": ["A", "A", "B", "B"]})
    >>> log_rank(rows, by="plan", entry=None)["statistic"].round(3).tolist()
    [2.882, 2.882]
    """
    parts = dict(_groups(data, by, entry, time, event, after))
    if len(parts) < 2:
        raise ValueError(f"{by} holds {len(parts)} group with customers; a comparison needs two or more")
    families = [("all", "", list(parts))] + [(b, a, [a, b]) for a, b in combinations(parts, 2)]
    rows = []
    for group, reference, members in families:
        both = pd.concat([parts[member].assign(group=member) for member in members])
        found = (np.nan, np.nan)
        if both["event"].any():
            found = survdiff(
                both["time"], both["event"].astype(int), both["group"], entry=both["entry"].to_numpy()
            )
        rows.append(
            {
                "group": group,
                "reference": reference,
                "n": len(both) if group == "all" else len(parts[group]),
                "n_reference": len(parts[reference]) if reference else np.nan,
                "n_events": int(both["event"].sum()),
                "statistic": found[0],
                "df": len(members) - 1,
                "p_value": found[1],
            }
        )
    table = pd.DataFrame(rows)
    return table.assign(p_adjusted=[table["p_value"].iloc[0], *holm(table["p_value"].iloc[1:])])


def remaining(
    data: pd.DataFrame,
    *,
    horizon: float,
    by: str | None = None,
    after: float = 0.0,
    entry: str | None = "entry",
    time: str = "exit",
    event: str = "left",
    confidence: float = 0.95,
) -> Remaining:
    """Expect how many of the coming days customers stay, from a landmark on.

    Parameters
    ----------
    data : DataFrame
        One row per customer: of :func:`csatlib.churn.exposure.as_known` (landmark is a date; groups are what was
        known that day) or of :func:`csatlib.churn.exposure.stays` with `after` (landmark is a number of days
        already stayed).
    horizon : float
        Days looked ahead.
    by, after, entry, time, event, confidence
        As in :func:`staying`.

    Returns
    -------
    Remaining
        ``levels``: one row per group: ``group``, ``n`` (customers watched), ``n_events`` (left till then),
        ``horizon``, ``estimate`` (days, 0 to horizon), ``se``, ``ci_low``, ``ci_high``; NaN where nobody was
        watched to the horizon. ``differences``: every pair: ``group``, ``reference``, ``n``, ``n_reference``,
        ``estimate`` (days of `group` less days of `reference`), ``se``, ``ci_low``, ``ci_high``, ``p_value``,
        ``p_adjusted`` (Holm).

    Raises
    ------
    KeyError, ValueError
        As :func:`staying`; a horizon that is not above 0.

    Notes
    -----
    Restricted mean: the area under the curve of :func:`staying` from `after` to `after` + `horizon`; variance
    sum A(t)^2 d / (n (n - d)), A(t) the area after t. It is finite whatever happens later, and needs no
    proportional hazards. Groups must be known at the landmark, or the comparison is biased.

    References
    ----------
    Royston, P. and Parmar, M. K. B. (2013), BMC Medical Research Methodology 13, 152; van Houwelingen, H. C.
    (2007), Scandinavian Journal of Statistics 34, 70-85.

    Examples
    --------
    >>> rows = pd.DataFrame({"exit": [1, 2, 3, 4], "left": True})
    >>> remaining(rows, horizon=4, entry=None).levels["estimate"].tolist()
    [2.5]
    """
    check_confidence(confidence)
    if not horizon > 0:
        raise ValueError(f"horizon={horizon}; allowed are days above 0")
    end, rows = after + horizon, []
    for group, part in _groups(data, by, entry, time, event, after):
        estimate, se = _area(part, after, end)
        left = int((part["event"] & (part["time"] <= end)).sum())
        told = {"group": group, "n": len(part), "n_events": left, "horizon": float(horizon)}
        rows.append(told | {"estimate": estimate, "se": se})
    levels, z = pd.DataFrame(rows), stats.norm.ppf((1 + confidence) / 2)
    half = z * levels["se"]
    levels["ci_low"] = (levels["estimate"] - half).clip(0, horizon)
    levels["ci_high"] = (levels["estimate"] + half).clip(0, horizon)
    return Remaining(levels, _differences(levels, z))


def _test(rows: pd.DataFrame) -> tuple[float, float]:
    """Chi-square and p value; NaN where nobody left, or no two groups were ever watched on the same day."""
    try:
        return survdiff(rows["time"], rows["event"].astype(int), rows["group"], entry=rows["entry"].to_numpy())
    except np.linalg.LinAlgError:
        return np.nan, np.nan


def _differences(levels: pd.DataFrame, z: float) -> pd.DataFrame:
    pairs = np.array(list(combinations(range(len(levels)), 2)), dtype=int).reshape(-1, 2)
    first, second = (levels.iloc[pairs[:, side]].reset_index(drop=True) for side in (0, 1))
    table = pd.DataFrame({"group": second["group"], "reference": first["group"]})
    table["n"], table["n_reference"] = second["n"], first["n"]
    table["estimate"] = second["estimate"] - first["estimate"]
    table["se"] = np.hypot(second["se"], first["se"])
    table["ci_low"], table["ci_high"] = (table["estimate"] + side * z * table["se"] for side in (-1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        table["p_value"] = 2 * stats.norm.sf(np.abs(table["estimate"] / table["se"].where(table["se"] > 0)))
    return table.assign(p_adjusted=holm(table["p_value"]))


def _area(rows: pd.DataFrame, start: float, end: float) -> tuple[float, float]:
    """Restricted mean and its standard error."""
    if rows["time"].max() < end:
        return np.nan, np.nan
    curve = kaplan_meier(rows["time"], rows["event"], entry=rows["entry"])
    curve = curve[curve["time"] <= end]
    n, d = curve["n_at_risk"].to_numpy(), curve["n_events"].to_numpy()
    pieces = np.diff([start, *curve["time"], end]) * np.concatenate([[1.0], curve["estimate"]])
    later = np.cumsum(pieces[::-1])[::-1][1:]
    # once all are gone nothing is left after it, and the term is 0
    spread = np.divide(d, n * (n - d), out=np.zeros_like(n), where=n > d)
    return float(pieces.sum()), float(np.sqrt((later**2 * spread).sum()))


def _at(curve: pd.DataFrame, days: np.ndarray, column: str) -> pd.DataFrame:
    """Read a curve of shares at given days, in percent."""
    columns = [column, "se", "ci_low", "ci_high"]
    before = pd.DataFrame([{column: 1.0, "se": 0.0, "ci_low": 1.0, "ci_high": 1.0}])
    steps = pd.concat([before, curve[columns]], ignore_index=True)
    found = np.searchsorted(curve["time"].to_numpy(), days, side="right")
    left = np.concatenate([[0.0], curve["n_events"].cumsum()])[found]
    table = 100 * steps.iloc[found].reset_index(drop=True)
    return table.assign(time=days, n_events=left)


def _groups(
    data: pd.DataFrame, by: str | None, entry: str | None, time: str, event: str, after: float
) -> list[tuple[str, pd.DataFrame]]:
    """Rows of each group with time, event and entry, those gone before `after` left out."""
    needed = [time, event, *([entry] if entry else []), *([by] if by else [])]
    absent = [column for column in needed if column not in data.columns]
    if absent:
        raise KeyError(f"data has no column {', '.join(absent)}; it has {', '.join(map(str, data.columns))}")
    data = data.reset_index(drop=True)
    begin = data[entry].astype(float) if entry else pd.Series(0.0, index=data.index)
    rows = pd.DataFrame({"time": data[time].astype(float), "entry": begin, "event": data[event].astype(bool)})
    wrong = ~((rows["entry"] >= 0) & (rows["time"] > rows["entry"]))
    if wrong.any():
        first = rows[wrong].iloc[0]
        raise ValueError(
            f"{entry or 'entry'}={first['entry']:g} beside {time}={first['time']:g} ({wrong.sum()} rows); "
            f"allowed is 0 <= entry < {time}: leave out customers who were watched for no day"
        )
    rows = rows[rows["time"] > after].assign(entry=lambda d: d["entry"].clip(lower=after))
    if by is None:
        return [("all", rows)]
    return [(str(group), part) for group, part in rows.groupby(data.loc[rows.index, by], observed=True)]
