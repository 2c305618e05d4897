"""Answered and solved in time: shares within the target, time until solved, and what is still open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from csatlib.complaints.cases import DONE, OPENED, Hours, as_seen, check_hours, due_after, minutes_open
from csatlib.stats import due as dates
from csatlib.stats.due import missing
from csatlib.stats.durations import kaplan_meier, time_until
from csatlib.stats.intervals import check_confidence
from csatlib.stats.rest import against_rest
from csatlib.stats.rows import require_columns

SHARES = (0.5, 0.9)
AGES = (1, 3, 7, 14, 30)
APART = ("group", "n", "n_reference", "value", "value_reference", "estimate", "ci_low", "ci_high", "p_adjusted")


@dataclass(frozen=True)
class ServiceLevels:
    """Service levels: `within` the target, `times` until done, `curves` of what is still open.

    Attributes
    ----------
    within, times, curves : DataFrame
        See :func:`service_levels`.
    """

    within: pd.DataFrame
    times: pd.DataFrame
    curves: pd.DataFrame


def service_levels(
    data: Any,
    *,
    response: Hours | None = None,
    resolution: Hours | None = None,
    due: str | None = None,
    urgency: str = "urgency",
    by: Sequence[str] = (),
    until: str | None = None,
    as_of: Any = None,
    confidence: float = 0.95,
) -> ServiceLevels:
    """Share of complaints answered and solved in time, and the time it takes, open cases included.

    Parameters
    ----------
    data : DataFrame or Ibis table
        One row per complaint: ``opened_at``, ``first_response_at`` and ``resolved_at`` where there are.
    response, resolution : float or mapping of value to float, optional
        Hours within which a complaint is to be answered, and solved: one number, or one per value of `urgency`.
    due : str, optional
        Column with the date by which a complaint is to be solved, in place of `resolution`.
    urgency : str
        Column the hours are given by.
    by : sequence of str
        Columns looked at one by one, for example ``["urgency", "level"]``.
    until : str, optional
        Column with the time from which an open case is watched no more, for example since the customer left.
    as_of : str or Timestamp, optional
        The moment at which open cases are looked at; default: the last time on record. What came later has not
        happened yet.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    ServiceLevels
        ``within``: as :func:`csatlib.stats.due.within_due`, with ``stage`` (response, resolution). ``times``: one
        row per stage, group and share done: ``stage``, ``level``, ``group``, ``share_done`` (0.5: median, 0.9),
        ``n``, ``n_events``, ``n_open``, ``estimate`` (hours), ``ci_low``, ``ci_high`` (NaN where the curve ends
        before). ``curves``: ``stage``, ``level``, ``group``, ``time`` (hours), ``n`` (cases), ``n_at_risk``,
        ``estimate`` (percent done), ``ci_low``, ``ci_high``.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there or hold no times; hours below 0; both `due` and `resolution`.

    Notes
    -----
    An open case whose date is past has failed; one whose date is still to come is counted apart. Times by Kaplan
    and Meier's estimate in whole minutes: a case still open counts as long as it was seen. Medians of closed
    cases alone are too short, the more so the longer the backlog.

    References
    ----------
    Kaplan, E. L. and Meier, P. (1958), JASA 53, 457-481; Brookmeyer, R. and Crowley, J. (1982), Biometrics 38,
    29-41.

    Examples
    --------
    >>> cases = pd.DataFrame({"opened_at": pd.to_datetime(["2026-10-01 08:00"] * 3), "urgency": "urgent"})
    >>> cases["resolved_at"] = pd.to_datetime(["2026-10-01 10:00", "2026-10-02 10:00", None])
    >>> found = service_levels(cases, resolution={"urgent": 4}, as_of="2026-10-03")
    >>> found.within[["n", "n_within", "n_late", "n_overdue", "estimate"]].round(1).values.tolist()
    [[3.0, 1.0, 1.0, 1.0, 33.3]]
    >>> found.times["estimate"].tolist()
    [26.0, nan]
    """
    check_confidence(confidence)
    problems = [*check_hours("response", response), *check_hours("resolution", resolution)]
    if due and resolution is not None:
        problems.append("both due= and resolution= are given; give the column of dates or the hours")
    if problems:
        raise ValueError("; ".join(problems))
    hours = {"response": response, "resolution": resolution}
    keyed = [urgency] if any(isinstance(value, dict) for value in hours.values()) else []
    kept = list(dict.fromkeys([*by, *keyed, *([due] if due else [])]))
    table, moment = as_seen(data, columns=kept, until=until, as_of=as_of)
    stages = {stage: done for stage, done in DONE.items() if done in table.columns}
    within, times = [], []
    for stage, done in stages.items():
        promised = table[due] if due and stage == "resolution" else None
        if promised is None and hours[stage] is not None:
            promised = due_after(table, hours[stage], urgency)
        if promised is not None:
            rules = {"by": by, "until": until, "as_of": moment, "confidence": confidence}
            found = dates.within_due(table.mutate(promised=promised), done=done, due="promised", **rules)
            within.append(found.assign(stage=stage))
        times.append(_times(minutes_open(table, done, moment, until), by, confidence).assign(stage=stage))
    curves = pd.concat(times, ignore_index=True)
    return ServiceLevels(
        within=_first("stage", pd.concat(within, ignore_index=True) if within else _no_targets()),
        times=_first("stage", _quantiles(curves)),
        curves=_first("stage", _done(curves)),
    )


def in_time_apart(
    data: pd.DataFrame,
    *,
    by: str,
    resolution: Hours | None = None,
    due: str | None = None,
    urgency: str = "urgency",
    until: str | None = None,
    as_of: Any = None,
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = 1000,
) -> pd.DataFrame:
    """Percent solved in time of each group, against all other complaints.

    Parameters
    ----------
    data : DataFrame
        One row per complaint: ``opened_at``, ``resolved_at``; complaints of one ``customer_id`` belong together.
    by : str
        Column with the groups.
    resolution, due, urgency, until, as_of
        As in :func:`service_levels`.
    confidence : float
        Coverage of the intervals.
    seed, replicates
        Joint replicates.

    Returns
    -------
    DataFrame
        As :func:`csatlib.stats.rest.against_rest`, in percent; ``n`` counts complaints solved, or open and past
        their date. Empty without a target.

    Raises
    ------
    KeyError
        Columns that are not there.

    Examples
    --------
    >>> day = pd.Timestamp("2026-10-01")
    >>> cases = pd.DataFrame({"opened_at": day, "owner": ["Roads", "Water"] * 40})
    >>> cases["resolved_at"] = day + pd.to_timedelta([10, 90] * 40, unit="h")
    >>> found = in_time_apart(cases, by="owner", resolution=24)
    >>> found[["group", "value", "estimate"]].values.tolist()
    [['Roads', 100.0, 100.0], ['Water', 0.0, -100.0]]
    """
    check_confidence(confidence)
    require_columns(data.columns, [by])
    if due is None and resolution is None or DONE["resolution"] not in data.columns:
        return pd.DataFrame(columns=list(APART))
    who = "customer_id" if "customer_id" in data.columns else None
    hours = [urgency] if isinstance(resolution, Mapping) and not due else []
    kept = list(dict.fromkeys([by, *hours, *([due] if due else []), *([who] if who else [])]))
    table, moment = as_seen(data, columns=kept, until=until, as_of=as_of)
    promised = table[due] if due else due_after(table, resolution, urgency)
    seen = ibis.timestamp(moment)
    seen = ibis.least(seen, ibis.coalesce(table[until], seen)) if until else seen
    done = table[DONE["resolution"]]
    decided = ~missing(promised) & (~missing(done) | (promised <= seen))
    met = ibis.ifelse(decided, (done <= promised).fill_null(False).cast("float64"), ibis.null("float64"))
    rows = table.select(by, met=met, **({who: table[who]} if who else {})).to_pyarrow().to_pandas()
    rules = {"confidence": confidence, "seed": seed, "replicates": replicates}
    return against_rest(rows.dropna(subset=[by, "met"]), value="met", by=by, cluster=who, scale=100, **rules)


def closed_alone(data: Any, *, due: str | None = None, as_of: Any = None) -> pd.DataFrame:
    """Count what is often published: complaints that are closed, without those still open.

    Parameters
    ----------
    data : DataFrame or Ibis table
        One row per complaint: ``opened_at``, ``resolved_at``.
    due : str, optional
        Column with the date promised.
    as_of : str or Timestamp, optional
        As in :func:`service_levels`.

    Returns
    -------
    DataFrame
        One row: ``n`` (closed, and with a date promised where `due` is given), ``n_open`` (others opened by then
        and not closed), ``estimate`` (hours from opening until half of n were closed: their median), ``share``
        (percent of n closed by the date promised; NaN without `due`).

    Examples
    --------
    >>> cases = pd.DataFrame({"opened_at": pd.to_datetime(["2026-10-01"] * 3)})
    >>> cases["resolved_at"] = pd.to_datetime(["2026-10-02", "2026-10-04", None])
    >>> closed_alone(cases, as_of="2026-10-31")[["n", "n_open", "estimate"]].values.tolist()
    [[2.0, 1.0, 48.0]]
    """
    done = DONE["resolution"]
    table, _ = as_seen(data, columns=[due] if due else [], as_of=as_of)
    dates.table_of(table, [done])
    closed = table.filter(~missing(table[done]))
    closed = closed.filter(~missing(closed[due])) if due else closed
    hours = (closed[done].epoch_seconds() - closed[OPENED].epoch_seconds()) / 3600
    share = (closed[done] <= closed[due]).cast("float64").mean() if due else ibis.null("float64")
    told = closed.aggregate(n=closed.count(), estimate=hours.median(), share=100 * share).to_pyarrow().to_pandas()
    still = table.filter(missing(table[done])).count().to_pyarrow().as_py()
    return told.assign(n_open=still)[["n", "n_open", "estimate", "share"]]


def backlog(
    data: Any,
    *,
    by: Sequence[str] = (),
    ages: Sequence[float] = AGES,
    until: str | None = None,
    as_of: Any = None,
) -> pd.DataFrame:
    """Open complaints by age.

    Parameters
    ----------
    data : DataFrame or Ibis table
        One row per complaint, of all periods: ``opened_at``, ``resolved_at``.
    by : sequence of str
        Columns looked at one by one.
    ages : sequence of float
        Days at which a new age band begins, growing.
    until, as_of
        As in :func:`service_levels`; a case watched no more is not open.

    Returns
    -------
    DataFrame
        One row per group and age band: ``level``, ``group``, ``from_days``, ``to_days`` (inf for the last), ``n``
        (open cases of the group), ``estimate`` (open cases in the band), ``share`` (percent of n). A complete
        count, so it has no interval.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; ages that do not grow.

    Examples
    --------
    >>> cases = pd.DataFrame({"opened_at": pd.to_datetime(["2026-10-01", "2026-10-30", "2026-10-30"])})
    >>> cases["resolved_at"] = pd.to_datetime([None, None, "2026-10-31"])
    >>> found = backlog(cases, ages=[7], as_of="2026-10-31")
    >>> found[["from_days", "to_days", "n", "estimate"]].values.tolist()
    [[0.0, 7.0, 2.0, 1.0], [7.0, inf, 2.0, 1.0]]
    """
    edges = [0.0, *(float(age) for age in ages), np.inf]
    if any(later <= earlier for earlier, later in zip(edges, edges[1:], strict=False)):
        raise ValueError(f"ages={list(ages)}; give days above 0 that grow, for example [1, 7, 30]")
    table, moment = as_seen(data, columns=list(by), until=until, as_of=as_of)
    dates.table_of(table, ["resolved_at"])
    is_open = missing(table["resolved_at"])
    if until:
        is_open &= missing(table[until]) | (table[until] > ibis.timestamp(moment))
    days = (ibis.timestamp(moment).epoch_seconds() - table[OPENED].epoch_seconds()) / (24 * 3600)
    bands = {
        f"{k}": is_open & (days >= low) & ((days < high) if np.isfinite(high) else True)
        for k, (low, high) in enumerate(zip(edges, edges[1:], strict=False))
    }
    wide = dates.tallied(table, bands, by=by)
    long = wide.melt(["level", "group"], list(bands), var_name="band", value_name="estimate")
    at = long["band"].astype(int)
    long = long.assign(from_days=np.take(edges, at), to_days=np.take(edges, at + 1))
    long["n"] = long.groupby(["level", "group"])["estimate"].transform("sum")
    order = wide.reset_index().set_index(["level", "group"])["index"]
    long = long.assign(_at=order.loc[list(zip(long["level"], long["group"], strict=True))].to_numpy())
    long = long.sort_values(["_at", "from_days"], ignore_index=True)
    share = 100 * long["estimate"] / long["n"].where(long["n"] > 0)
    return long.assign(share=share)[["level", "group", "from_days", "to_days", "n", "estimate", "share"]]


def _times(table: ibis.Table, by: Sequence[str], confidence: float) -> pd.DataFrame:
    keys = [*by, "minutes", "done"]
    cells = table.group_by(keys).aggregate(cases=table.count()).to_pyarrow().to_pandas()
    found = [_curve(cells, "all", "all", confidence)]
    for column in by:
        for group, part in cells.dropna(subset=[column]).groupby(column, sort=True):
            found.append(_curve(part, column, str(group), confidence))
    return pd.concat(found, ignore_index=True)


def _curve(cells: pd.DataFrame, level: str, group: str, confidence: float) -> pd.DataFrame:
    hours, done = cells["minutes"].to_numpy(dtype=float) / 60, cells["done"].to_numpy(dtype=bool)
    cases = cells["cases"].to_numpy()
    curve = kaplan_meier(hours, done, count=cases, confidence=confidence)
    n, n_open = int(cases.sum()), int(cases[~done].sum())
    curve = curve if len(curve) else curve.reindex([0])
    return curve.assign(level=level, group=group, n=n, n_open=n_open)


def _quantiles(curves: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (stage, level, group), curve in curves.groupby(["stage", "level", "group"], sort=False):
        n, n_open = curve["n"].iloc[0], curve["n_open"].iloc[0]
        bases = {"n": n, "n_events": n - n_open, "n_open": n_open}
        for share in SHARES:
            place = {"stage": stage, "level": level, "group": group, "share_done": share}
            rows.append(place | bases | time_until(curve, share))
    return pd.DataFrame(rows)


def _done(curves: pd.DataFrame) -> pd.DataFrame:
    turned = {"estimate": "estimate", "ci_low": "ci_high", "ci_high": "ci_low"}
    done = curves.assign(**{new: 100 * (1 - curves[old]) for new, old in turned.items()})
    kept = ["stage", "level", "group", "time", "n", "n_at_risk", "estimate", "ci_low", "ci_high"]
    return done.dropna(subset=["time"])[kept].reset_index(drop=True)


def _no_targets() -> pd.DataFrame:
    counts = ["n", "n_within", "n_late", "n_overdue", "n_pending", "n_undated"]
    return pd.DataFrame(columns=["stage", "level", "group", *counts, "estimate", "ci_low", "ci_high"])


def _first(column: str, table: pd.DataFrame) -> pd.DataFrame:
    return table[[column, *(name for name in table.columns if name != column)]]
