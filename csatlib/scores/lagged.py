"""Operations of units beside their scores, months apart: descriptive only."""

import numpy as np
import pandas as pd

from csatlib.scores.operations import FLAT, absorbed
from csatlib.stats.rows import require_columns

SAME = 1e-9  # what rounding leaves between equal correlations
MIN_MONTHS = 6


def lags(
    operations: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    max_lag: int = 3,
    unit: str = "unit",
    time: str = "period",
    metric: str = "metric",
    value: str = "value",
    score: str = "estimate",
) -> pd.DataFrame:
    """Describe how a unit's operations in a month and its score in that or a later month move together.

    Parameters
    ----------
    operations : DataFrame
        One row per unit, month and metric; `value`, or where that is missing ``numerator`` / ``denominator``.
    scores : DataFrame
        One row per unit and month.
    max_lag : int
        Longest lag in months.
    unit, time, metric, value, score : str
        Columns; `time` holds months such as "2026-10" in both tables.

    Returns
    -------
    DataFrame
        One row per metric and lag: ``metric``, ``lag`` (months from operations to score), ``n`` (unit-months),
        ``n_units``, ``n_months``, ``month_effects`` (whether months are taken out), ``estimate`` (correlation, -1
        to 1), ``p_value`` (of the largest over all lags, the same for all lags of a metric; NaN under 6 months).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; a negative lag; a unit and month twice.

    Notes
    -----
    Descriptive only. Means of units and months are taken off first; a metric of one unit keeps its months. There
    are no intervals: errors clustered by unit cannot be trusted under about 30 units, and a company rarely has
    more. p: the scores of all units are shifted in a circle by 1, 2, ... months; share of all T shifts, the true
    order included, whose largest absolute covariance over all lags is at least as large. It cannot fall below
    1 / T, and hardly below (max_lag + 1) / T, because neighbouring shifts see the same lags: 18 months are one
    story, not a proof. Shifting each unit by itself would give smaller p, wrongly so where one unit's event is
    the whole story.

    References
    ----------
    Politis, D. N. and Romano, J. P. (1992), A circular block-resampling procedure for stationary data, in
    LePage, R. and Billard, L. (eds.), Exploring the Limits of Bootstrap, Wiley.

    Examples
    --------
    >>> months = ["2026-01", "2026-02", "2026-03", "2026-04", "2026-05"]
    >>> waits = pd.DataFrame({"unit": "Hotline", "period": months, "metric": "wait", "value": [1.0, 5, 2, 4, 3]})
    >>> later = pd.DataFrame({"unit": "Hotline", "period": months, "estimate": [6.0, 7, 3, 6, 4]})
    >>> lags(waits, later, max_lag=1)["estimate"].round(2).tolist()
    [0.48, -1.0]
    """
    parts = [column for column in ("numerator", "denominator") if column in operations]
    known = [value] if len(parts) < 2 else [c for c in (value,) if c in operations]
    require_columns(operations.columns, [unit, time, metric, *known])
    require_columns(scores.columns, [unit, time, score])
    if max_lag < 0:
        raise ValueError(f"max_lag={max_lag}; it is 0 or more months")
    figures = operations[value] if value in operations else pd.Series(np.nan, index=operations.index)
    if len(parts) == 2:
        figures = figures.fillna(operations["numerator"] / operations["denominator"])
    rows = operations[[unit, time, metric]].assign(value=figures.astype(float))
    twice = int(rows.duplicated([unit, time, metric]).sum()), int(scores.duplicated([unit, time]).sum())
    if any(twice):
        raise ValueError(
            f"rows of one unit and month: {twice[0]} too many in operations, {twice[1]} in scores; give one each"
        )
    wide = scores.pivot(index=unit, columns=time, values=score)
    panels = {
        str(name): part.pivot(index=unit, columns=time, values="value") for name, part in rows.groupby(metric)
    }
    tables = [_lagged(name, panel, wide, max_lag) for name, panel in panels.items()]
    return pd.concat(tables, ignore_index=True)


def _lagged(metric: str, operations: pd.DataFrame, scores: pd.DataFrame, max_lag: int) -> pd.DataFrame:
    units = operations.index.intersection(scores.index)
    spans = [pd.PeriodIndex(table.columns.astype(str), freq="M") for table in (operations, scores)]
    months = pd.period_range(max(span.min() for span in spans), min(span.max() for span in spans), freq="M")
    x, y = (
        table.set_axis(span, axis=1).reindex(index=units, columns=months).to_numpy(dtype=float)
        for table, span in zip((operations, scores), spans, strict=True)
    )
    found = [_correlation(x, y, lag) for lag in range(max_lag + 1)]
    return pd.DataFrame(
        {
            "metric": metric,
            "lag": range(max_lag + 1),
            "n": [n for _, n in found],
            "n_units": len(units),
            "n_months": len(months),
            "month_effects": len(units) > 1,
            "estimate": [r for r, _ in found],
            "p_value": _largest(_residuals(x), _residuals(y), max_lag),
        }
    )


def _residuals(values: np.ndarray) -> np.ndarray:
    """Take units and months off; 0 where nothing is known."""
    at = np.nonzero(~np.isnan(values))
    codes = [np.unique(code, return_inverse=True)[1] for code in (at if len(values) > 1 else at[:1])]
    left = np.zeros(values.shape)
    left[at] = absorbed(values[at], np.ones(len(at[0])), codes)
    return left


def _largest(x: np.ndarray, y: np.ndarray, max_lag: int) -> float:
    """P value of the largest over all lags; the scores of all units are shifted in a circle together."""
    months = x.shape[1]
    if months < MIN_MONTHS or not x.any() or not y.any():
        return np.nan
    shifted = np.stack([np.roll(y, shift, axis=1) for shift in range(months)])
    lagged = range(min(max_lag, months - 1) + 1)
    sums = [(x[:, : months - lag] * shifted[:, :, lag:]).sum(axis=(1, 2)) for lag in lagged]
    largest = np.abs(sums).max(axis=0)
    return float((largest >= largest[0] * (1 - SAME)).mean())


def _correlation(x: np.ndarray, y: np.ndarray, lag: int) -> tuple[float, int]:
    months = x.shape[1]
    x, y = x[:, : max(months - lag, 0)], y[:, min(lag, months) :]
    unit, month = np.nonzero(~np.isnan(x) & ~np.isnan(y))
    one = np.ones(len(unit))
    codes = [np.unique(unit, return_inverse=True)[1]]
    codes += [np.unique(month, return_inverse=True)[1]] if len(x) > 1 else []
    left, right = (absorbed(part[unit, month], one, codes) for part in (x, y))
    level = [FLAT * np.abs(part[unit, month]).max(initial=0.0) for part in (x, y)]
    if len(unit) < 3 or np.abs(left).max() <= level[0] or np.abs(right).max() <= level[1]:
        return np.nan, len(unit)
    return float(left @ right / np.sqrt((left @ left) * (right @ right))), len(unit)
