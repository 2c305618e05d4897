"""Any indicator of csat.toml by group and period, each with limits, what is missing and what is still open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight

from csatlib.scores.definition_sentences import called
from csatlib.scores.levels import csat, nps
from csatlib.scores.measured import OPEN, PART, PERIOD, VALUE, WHOLE, counted, range_of
from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates
from csatlib.stats.rows import blocks
from csatlib.stats.segments import sum_by_segment
from csatlib.tables.indicators import Indicator
from csatlib.tables.period import parse
from csatlib.tables.scale import Scale

FIGURES = ("n", "n_missing", "n_open", "n_eff", "n_groups", "few_groups", "estimate", "ci_low", "ci_high")
ABOUT = ("indicator", "label", "group", "period", "unit", "better", "target", "owner")
OUT = ("indicator", "label", "what", "name")
GROUP, UNBOUNDED = "_group", (-np.inf, np.inf)
EXACT = 1e-9


@dataclass(frozen=True)
class Indicators:
    """Result of :func:`indicators`.

    Parameters
    ----------
    levels : DataFrame
        One row per indicator, period and group.
    left_out : DataFrame
        ``indicator``, ``label``, ``what`` is lacking ("table", "column", "range" of a scale, "rows") and its
        ``name``; one row per lack.
    """

    levels: pd.DataFrame
    left_out: pd.DataFrame


def indicators(
    data: Any,
    wanted: Mapping[str, Indicator],
    *,
    period: str | Sequence[str] | None = None,
    by: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    until: pd.Timestamp | None = None,
    scales: Mapping[str, Scale] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Indicators:
    """Measure indicators by group and period.

    Parameters
    ----------
    data : Workspace, or mapping of table to DataFrame
        Canonical tables over all time, not one period alone: what follows a row decides about it.
    wanted : mapping of str to Indicator
        ``ws.settings.indicators``, or indicators built from literals.
    period : str or sequence of str, optional
        Months, quarters or years; default: all rows together.
    by : str, optional
        Column of the tables, else of their customers; rows without a value are left out, and so is an indicator
        whose table has neither.
    weight : str, optional
        Sampling weights, used where a table has the column; a ratio ignores them.
    cluster : str, optional
        Column that holds rows together, where a table has it; operations are held together by unit.
    until : Timestamp, optional
        How far the data reaches; default: the last moment in an indicator's rows.
    scales : mapping, optional
        Where a top box finds its range; default: those of the workspace.
    confidence, seed
        As in :func:`csatlib.scores.nps`.

    Returns
    -------
    Indicators
        ``levels``: ``indicator``, ``label``, ``group`` ("all" without `by`), ``period`` ("all" without),
        ``unit`` ("points", "share" 0 to 1, "scale", "number" or a time), ``better``, ``target``, ``owner``, ``n``
        (rows in the denominator; of a ratio of counts its denominator; of a median open cases included),
        ``n_missing`` (rows without the values needed), ``n_open`` (not yet decided: left out; of a median taken as
        lasting at least until now), ``n_eff``, ``n_groups`` (NaN of a median), ``few_groups``, ``estimate``,
        ``ci_low``, ``ci_high``.

    Raises
    ------
    ValueError
        Data that is neither, a confidence outside (0, 1), answers outside their scale.

    Notes
    -----
    NPS, top box, mean: :func:`csatlib.scores.nps` and :func:`csatlib.scores.csat`. All shares: Wilson's limits
    from n_eff-scaled counts, as there. Ratio: sum of numerators / sum of denominators, estimate +- t x replicate
    standard error; n_eff p(1 - p) / variance, at most n, for a share, else Kish's of the denominators; under 5
    units there are no limits. Median: Kaplan-Meier with the log-log interval of Brookmeyer and Crowley, rows taken
    as independent, weights scaled to Kish's n_eff; NaN where more than half are open, an upper limit NaN where it
    lies beyond what was seen. Who gave up waiting is taken as open. Rows whose window of days reaches beyond
    `until` are left out, whatever happened so far: counting only those already decided would tilt the share.

    References
    ----------
    Brookmeyer, R. and Crowley, J. (1982), Biometrics 38, 29-41; Klein, J. P. and Moeschberger, M. L. (2003),
    Survival Analysis, 2nd ed., sec. 4.5.

    Examples
    --------
    >>> kept = pd.DataFrame({"due_at": pd.to_datetime(["2026-10-02"] * 3)})
    >>> kept["done_at"] = pd.to_datetime(["2026-10-01", "2026-10-02", "2026-10-05"])
    >>> wanted = {"kept": Indicator(table="promises", formula="on_time", due="due_at", end="done_at")}
    >>> indicators({"promises": kept}, wanted).levels[["indicator", "n", "estimate"]].round(3).values.tolist()
    [['kept', 3, 0.667]]
    """
    check_confidence(confidence)
    if not (isinstance(data, Mapping) or hasattr(data, "settings")):
        raise ValueError(
            f"data is a {type(data).__name__}; allowed are a workspace, or a mapping of table to frame"
        )
    periods = [period] if isinstance(period, str) else None if period is None else list(period)
    [parse(name) for name in periods or ()]
    scales = scales if scales is not None else getattr(data, "scales", {})
    design, levels, left_out = {"weight": weight, "cluster": cluster}, [], []
    for name, indicator in wanted.items():
        label = called(name, indicator)
        rows, lacking = _rows(data, indicator, by, scales, [column for column in design.values() if column])
        if not lacking:
            made = counted(rows, indicator, periods=periods, until=until)
            made = made[made[GROUP].notna()]
            lacking = [("rows", indicator.table)] if made.empty else []
        if lacking:
            left_out += [(name, label, what, of) for what, of in lacking]
            continue
        owned = {"better": indicator.better, "target": indicator.target, "owner": indicator.owner}
        table = _levels(made, indicator, scales, design, confidence, seed)
        levels.append(table.assign(indicator=name, label=label, **owned))
    columns = [*ABOUT, *FIGURES]
    every = pd.concat(levels, ignore_index=True)[columns] if levels else pd.DataFrame(columns=columns)
    return Indicators(every.astype({"target": float}), pd.DataFrame(left_out, columns=list(OUT)))


def settled(levels: pd.DataFrame) -> pd.DataFrame:
    """Keep of every indicator the newest period most of which is decided.

    Parameters
    ----------
    levels : DataFrame
        From :func:`indicators`, with several periods.

    Returns
    -------
    DataFrame
        Rows of the newest period in which, over all groups, at least as many are counted as are still open;
        without one, of the newest of all.

    Examples
    --------
    >>> rows = {"indicator": "again", "group": "all", "period": ["2026-07", "2026-10"], "n": [80, 3]}
    >>> settled(pd.DataFrame(rows | {"n_open": [2, 90]}))["period"].tolist()
    ['2026-07']
    """
    sums = levels.groupby(["indicator", "period"], sort=False)[["n", "n_open"]].sum()
    decided = ((sums["n"] > 0) & (sums["n"] >= sums["n_open"])).rename("decided").reset_index()
    newest = decided.sort_values(["decided", "period"]).drop_duplicates("indicator", keep="last")
    period = levels["indicator"].map(newest.set_index("indicator")["period"])
    return levels[levels["period"] == period].reset_index(drop=True)


def _rows(
    data: Any, indicator: Indicator, by: str | None, scales: Mapping[str, Scale], design: list[str]
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """Return the columns needed of an indicator's table, or what is lacking."""
    table = indicator.table
    there = _columns(data, [table, "customers"])
    if table not in there:
        return pd.DataFrame(), [("table", table)]
    pair = [indicator.numerator, indicator.denominator]
    either = [c for c in ([] if indicator.formula != "ratio" else [*pair, indicator.value]) if c in there[table]]
    needed = [*indicator.columns, *([indicator.time] if indicator.time else [])]
    lacking = [("column", column) for column in needed if column not in there[table]]
    if indicator.formula == "ratio" and not (set(pair) <= set(either) or indicator.value in either):
        lacking.append(("column", indicator.value or indicator.numerator))
    if indicator.formula == "top_box" and range_of(indicator, scales) is None:
        lacking.append(("range", indicator.value))
    via = by is not None and by not in there[table]
    if via and not ("customer_id" in there[table] and {"customer_id", by} <= set(there.get("customers", ()))):
        lacking.append(("column", by))
    if lacking:
        return pd.DataFrame(), lacking
    extra = [*design, *indicator.key, "unit", *(["customer_id"] if via else [by] if by else [])]
    wanted = dict.fromkeys([*needed, *either, *(column for column in extra if column in there[table])])
    found = _read(data, table, list(wanted))
    if via:
        found = found.merge(_read(data, "customers", ["customer_id", by]), "left", "customer_id")
    return found.assign(**{GROUP: _called(data, found, by) if by else "all"}), []


def _called(data: Any, rows: pd.DataFrame, by: str) -> pd.Series:
    """Return the groups as a reader calls them."""
    named = rows[[by]] if isinstance(data, Mapping) else data.named(rows[[by]])
    return named[by].astype("str").where(named[by].notna())


def _columns(data: Any, tables: list[str]) -> dict[str, list[str]]:
    if isinstance(data, Mapping):
        return {name: list(data[name].columns) for name in tables if name in data}
    return {name: list(data.table(name).columns) for name in tables if data.has(name)}


def _read(data: Any, table: str, columns: list[str]) -> pd.DataFrame:
    """Return stored values: `where` and `condition` of the settings mean those, not what readers call them."""
    if isinstance(data, Mapping):
        return data[table][columns]
    return data.table(table).select(*columns).order_by(columns).to_pyarrow().to_pandas()


def _levels(
    rows: pd.DataFrame,
    indicator: Indicator,
    scales: Mapping[str, Scale],
    design: Mapping[str, str | None],
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    used = {role: column for role, column in design.items() if column in rows}
    if indicator.formula == "median":
        return _medians(rows, indicator, used.get("weight"), confidence)
    if indicator.formula == "ratio":
        cluster = used.get("cluster", "unit" if "unit" in rows else None)
        return _ratios(rows, cluster, confidence, seed)
    key = [column for column in indicator.key if column in rows]
    how = used | {"by": GROUP, "within": PERIOD, "key": key[0] if len(key) == 1 else None}
    how |= {"outcome": VALUE, "confidence": confidence, "seed": seed}
    if indicator.formula == "nps":
        found = nps(rows, **how)
    else:
        scored = indicator.formula in ("top_box", "mean")
        low, high = (range_of(indicator, scales) or UNBOUNDED) if scored else (0.0, 1.0)
        found = csat(rows, low=low, high=high, top=indicator.top, **how)
    measure = indicator.formula if indicator.formula in ("nps", "mean") else "top_box"
    found = found[found["measure"] == measure].rename(columns={"stratum": "period"})
    still = rows.groupby([PERIOD, GROUP])[OPEN].sum()
    still = still[pd.MultiIndex.from_frame(found[["period", "group"]])].to_numpy(dtype=np.int64)
    return found.assign(n_open=still, n_missing=found["n_missing"] - still, unit=indicator.unit or found["unit"])


def _medians(rows: pd.DataFrame, indicator: Indicator, weight: str | None, confidence: float) -> pd.DataFrame:
    made = []
    for (period, group), part in rows.groupby([PERIOD, GROUP]):
        known = part[part[VALUE].notna()]
        w = known[weight].to_numpy(dtype=float) if weight else np.ones(len(known))
        counts = w > 0
        known, w = known[counts], w[counts]
        n_eff = w.sum() ** 2 / (w**2).sum() if len(w) else 0.0
        scaled = w * n_eff / w.sum() if len(w) else w
        median, low, high = _kaplan_meier(known[VALUE].to_numpy(), ~known[OPEN].to_numpy(), scaled, confidence)
        found = {"period": period, "group": group, "n": len(known), "n_missing": int(part[VALUE].isna().sum())}
        found |= {"n_open": int(known[OPEN].sum()), "n_eff": n_eff, "n_groups": np.nan, "few_groups": False}
        made.append(found | {"estimate": median, "ci_low": low, "ci_high": high})
    return pd.DataFrame(made).assign(unit=indicator.unit or "number")


def _kaplan_meier(
    lasted: np.ndarray, ended: np.ndarray, weight: np.ndarray, confidence: float
) -> tuple[float, float, float]:
    """Return the median and its limits; NaN where what was seen does not reach them."""
    if not ended.any():
        return np.nan, np.nan, np.nan
    curve = SurvfuncRight(lasted, ended.astype(int), freq_weights=weight)
    times, share, risk, events = curve.surv_times, curve.surv_prob, curve.n_risk, curve.n_events
    half = np.flatnonzero(share < 0.5 + EXACT)
    # where survival stays at one half, any time until the next would do: take the middle, as of an even number
    middle = half[:2] if len(half) and share[half[0]] > 0.5 - EXACT else half[:1]
    median = times[middle].mean() if len(half) else np.nan
    # Greenwood's variance of log survival; that of the library is another one where rows are weighted
    alive = share > EXACT
    share, spread = share[alive], np.cumsum(events[alive] / (risk[alive] * (risk[alive] - events[alive])))
    score = (np.log(-np.log(share)) - np.log(np.log(2))) * np.log(share) / np.sqrt(spread)
    plausible = times[alive][np.abs(score) <= stats.norm.ppf((1 + confidence) / 2)]
    if not len(plausible):
        return float(median), np.nan, np.nan
    after = times[times > plausible[-1]]  # survival is a step: a level holds until the next time
    return float(median), float(plausible[0]), float(after[0]) if len(after) else np.nan


def _ratios(rows: pd.DataFrame, cluster: str | None, confidence: float, seed: int) -> pd.DataFrame:
    parts = [PART, WHOLE]
    sums = sum_by_segment(blocks(rows, parts, cluster=cluster, by=[PERIOD, GROUP]), parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = sums.means[:, 0] / sums.means[:, 1]
        drawn = sums.replicates(sums.draw(seed=seed))
        n_groups = sums.n_groups[:, 0]
        limits = from_replicates(
            estimate, drawn[:, :, 0] / drawn[:, :, 1], n_groups=n_groups, confidence=confidence
        )
    found = rows[rows[WHOLE].notna()]
    share, whole = bool(found[PART].between(0, found[WHOLE]).all()), bool((found[WHOLE] % 1 == 0).all())
    low, high = (np.clip(side, 0, 1) if share else side for side in (limits.ci_low, limits.ci_high))
    sizes = rows.assign(square=rows[WHOLE] ** 2, missing=rows[WHOLE].isna()).groupby([PERIOD, GROUP])
    total = sizes.agg(
        counted=(WHOLE, "sum"), rows=(WHOLE, "count"), square=("square", "sum"), gone=("missing", "sum")
    )
    total = total.loc[list(sums.segments)]
    n = total["counted" if whole else "rows"].to_numpy()
    with np.errstate(invalid="ignore", divide="ignore"):
        kish = total["counted"].to_numpy() ** 2 / total["square"].to_numpy()
        spread = np.minimum(estimate * (1 - estimate) / limits.se**2, n)
    return pd.DataFrame(
        {
            "period": [period for period, _ in sums.segments],
            "group": [group for _, group in sums.segments],
            "unit": "share" if share else "number",
            "n": n,
            "n_missing": total["gone"].to_numpy(),
            "n_open": 0,
            "n_eff": np.where((limits.se > 0) & share & (spread > 0), spread, kish),
            "n_groups": n_groups,
            "few_groups": n_groups < FEW_GROUPS,
            "estimate": estimate,
            "ci_low": low,
            "ci_high": high,
        }
    )
