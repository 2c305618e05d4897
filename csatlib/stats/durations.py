"""Time until something is done, with what is still open counted as open: Kaplan and Meier's estimate."""

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.duration.survfunc import SurvfuncRight

from csatlib.stats.intervals import check_confidence


def kaplan_meier(
    time: np.ndarray,
    event: np.ndarray,
    *,
    entry: np.ndarray | None = None,
    count: np.ndarray | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return the share still open after each time.

    Parameters
    ----------
    time : array_like, shape (cases,)
        Time until done, or until last seen open; zero or more.
    event : array_like of bool, shape (cases,)
        Done (True) or still open (False).
    entry : array_like, optional
        Time from which each case was watched; a case counts as at risk after it. Default: from 0 on, time 0
        included.
    count : array_like, optional
        Cases that each entry stands for; default one.
    confidence : float
        Coverage of the pointwise limits.

    Returns
    -------
    DataFrame
        One row per time at which something was done: ``time``, ``n_at_risk``, ``n_events``, ``estimate`` (share
        still open, 0 to 1), ``se``, ``ci_low``, ``ci_high``.

    Raises
    ------
    ValueError
        A time below 0 or missing; an entry missing, below 0, or not before its time.

    Notes
    -----
    statsmodels counts and multiplies; Greenwood's standard error; limits on the log(-log) scale, which stay
    within 0 and 1. Open cases must be no different from others that lasted as long.

    References
    ----------
    Kaplan, E. L. and Meier, P. (1958), JASA 53, 457-481; Kalbfleisch, J. D. and Prentice, R. L. (2002), The
    Statistical Analysis of Failure Time Data, 2nd ed., sec. 1.4.

    Examples
    --------
    >>> kaplan_meier([1, 2, 3, 4], [1, 1, 0, 1])["estimate"].round(6).tolist()
    [0.75, 0.5, 0.0]
    """
    check_confidence(confidence)
    time, event = np.asarray(time, dtype=float), np.asarray(event, dtype=bool)
    wrong = ~(time >= 0)
    if wrong.any():
        raise ValueError(f"time holds {time[wrong][0]} ({wrong.sum()} times); allowed are times of 0 or more")
    if entry is not None:
        entry = np.asarray(entry, dtype=float)
        wrong = ~((entry >= 0) & (entry < time))
        if wrong.any():
            raise ValueError(
                f"entry holds {entry[wrong][0]} beside time {time[wrong][0]} ({wrong.sum()} times); allowed is "
                "0 <= entry < time"
            )
    if not event.any():
        columns = ["time", "n_at_risk", "n_events", "estimate", "se", "ci_low", "ci_high"]
        return pd.DataFrame(columns=columns, dtype=float)
    weights = np.ones(len(time)) if count is None else np.asarray(count, dtype=float)
    # with weights statsmodels gives Tsiatis' standard error, so Greenwood's is made here for both
    found = SurvfuncRight(time, event.astype(int), entry=entry, freq_weights=weights)
    # once 0, always 0: statsmodels rises again where others are first watched later
    n, d, open_ = found.n_risk, found.n_events, np.minimum.accumulate(found.surv_prob)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.cumsum(d / (n * (n - d))))
        half = stats.norm.ppf((1 + confidence) / 2) * spread / np.log(open_)
        low, high = open_ ** np.exp(-half), open_ ** np.exp(half)
        se = np.where(open_ > 0, open_ * spread, np.nan)
    limits = {"ci_low": np.where(open_ > 0, low, np.nan), "ci_high": np.where(open_ > 0, high, np.nan)}
    return pd.DataFrame(
        {"time": found.surv_times, "n_at_risk": n, "n_events": d, "estimate": open_, "se": se} | limits
    )


def time_until(curve: pd.DataFrame, share: float = 0.5) -> dict[str, float]:
    """Return the time after which a share is done, with limits.

    Parameters
    ----------
    curve : DataFrame
        From :func:`kaplan_meier`.
    share : float
        Share done, between 0 and 1; 0.5 is the median.

    Returns
    -------
    dict
        ``estimate``, ``ci_low``, ``ci_high`` in the unit of the times; NaN where the share, or its limit, was
        not reached.

    Notes
    -----
    Limits are the times at which the pointwise limits cross the share (Brookmeyer and Crowley 1982). Where the
    curve lies exactly on the share, its time is the middle of that stretch, as in R.

    References
    ----------
    Brookmeyer, R. and Crowley, J. (1982), Biometrics 38, 29-41.

    Examples
    --------
    >>> time_until(kaplan_meier([1, 2, 3], [1, 1, 1]))["estimate"]
    2.0
    """
    left = 1 - share
    columns = {"estimate": "estimate", "ci_low": "ci_low", "ci_high": "ci_high"}
    return {name: _crossing(curve["time"], curve[column], left) for name, column in columns.items()}


def _crossing(time: pd.Series, open_: pd.Series, left: float) -> float:
    time, open_ = time.to_numpy(dtype=float), open_.to_numpy(dtype=float)
    below = np.flatnonzero(open_ <= left + 1e-12)
    if not len(below):
        return float("nan")
    first = below[0]
    flat = abs(open_[first] - left) < 1e-12 and first + 1 < len(time)
    return float((time[first] + time[first + 1]) / 2 if flat else time[first])
