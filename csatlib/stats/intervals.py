"""The one place where replicates or counts become limits and p values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

MIN_GROUPS = 5
FEW_GROUPS = 30


@dataclass(frozen=True)
class Limits:
    """Standard error, interval and two-sided p value, each shaped like the estimate."""

    se: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    p_value: np.ndarray


def from_replicates(
    estimate: np.ndarray,
    replicates: np.ndarray,
    *,
    n_groups: np.ndarray | int,
    confidence: float = 0.95,
    method: Literal["t", "percentile"] = "t",
    null: float = 0.0,
) -> Limits:
    """Turn bootstrap replicates of groups into limits.

    Parameters
    ----------
    estimate : array_like, shape (...)
        The statistic on all rows.
    replicates : array_like, shape (replicates, ...)
        The statistic in each replicate; NaN where it is undefined.
    n_groups : int or array_like, shape (...)
        Replicate groups behind each estimate. Under 5 there are no limits (NaN); under 30 they rest on few
        groups and callers flag them.
    confidence : float
        Coverage aimed at.
    method : {"t", "percentile"}
        ``"t"`` for means, gaps and contrasts: estimate +- t[groups - 1] x SE, where SE is the replicates'
        standard deviation times sqrt(groups / (groups - 1)). ``"percentile"`` for bounded statistics such as
        alpha; it has no p value. Never use it for R2.
    null : float
        Value tested by the p value.

    Returns
    -------
    Limits
        se, ci_low, ci_high, p_value.

    Raises
    ------
    ValueError
        Another method, or a confidence outside (0, 1).

    References
    ----------
    Cameron, A. C., Gelbach, J. B. and Miller, D. L. (2008), Review of Economics and Statistics 90(3), 414-427.

    Examples
    --------
    >>> spread = np.array([0.9, 1.1, 1.0, 0.8, 1.2])
    >>> limits = from_replicates(1.0, spread, n_groups=100)
    >>> round(float(limits.ci_low), 3), round(float(limits.ci_high), 3)
    (0.685, 1.315)
    """
    check_confidence(confidence)
    if method not in ("t", "percentile"):
        raise ValueError(f"method={method!r}; allowed are 't' (means, contrasts) and 'percentile' (bounded)")
    estimate, replicates = np.asarray(estimate, dtype=float), np.asarray(replicates, dtype=float)
    groups = np.broadcast_to(np.asarray(n_groups, dtype=float), estimate.shape)
    usable = (groups >= MIN_GROUPS) & ~np.isnan(estimate)
    defined = np.where(usable, replicates, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        se = np.where(usable, np.nanstd(defined, axis=0, ddof=1) * np.sqrt(groups / (groups - 1)), np.nan)
        if method == "percentile":
            tail = (1 - confidence) / 2
            low, high = np.nanquantile(defined, [tail, 1 - tail], axis=0)
            low, high = np.where(usable, low, np.nan), np.where(usable, high, np.nan)
            return Limits(se, low, high, np.full(estimate.shape, np.nan))
        df = np.maximum(groups - 1, 1)
        half = stats.t.ppf((1 + confidence) / 2, df) * se
        p_value = 2 * stats.t.sf(np.abs((estimate - null) / se), df)
    return Limits(se, estimate - half, estimate + half, np.where(se > 0, p_value, np.nan))


def max_t(estimate: np.ndarray, replicates: np.ndarray, *, n_groups: int, confidence: float = 0.95) -> Limits:
    """Turn joint replicates of several contrasts into simultaneous limits.

    Parameters
    ----------
    estimate : array_like, shape (contrasts,)
        The contrasts on all rows.
    replicates : array_like, shape (replicates, contrasts)
        The same in each joint replicate.
    n_groups : int
        Replicate groups behind all of them.
    confidence : float
        Coverage aimed at for all contrasts together.

    Returns
    -------
    Limits
        Simultaneous limits, and p values adjusted for the whole family; never tighter than a single t interval.

    References
    ----------
    Westfall, P. H. and Young, S. S. (1993), Resampling-Based Multiple Testing, ch. 2.

    Examples
    --------
    >>> drawn = np.random.default_rng(0).normal(size=(1000, 3))
    >>> limits = max_t([0.0, 1.0, 4.0], drawn, n_groups=256)
    >>> (limits.p_value < 0.05).tolist()
    [False, False, True]
    """
    single = from_replicates(estimate, replicates, n_groups=n_groups, confidence=confidence)
    estimate, replicates = np.asarray(estimate, dtype=float), np.asarray(replicates, dtype=float)
    known = single.se > 0
    if not known.any():
        return single
    spread = np.nanstd(replicates[:, known], axis=0, ddof=1)
    away = np.abs(replicates[:, known] - np.nanmean(replicates[:, known], axis=0)) / spread
    largest = np.fmax.reduce(away, axis=1)
    largest = largest[~np.isnan(largest)]
    half = np.maximum(np.quantile(largest, confidence) * single.se, single.ci_high - estimate)
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(estimate / single.se)
    p_value = np.where(known, (1 + (largest >= t[..., None]).sum(axis=-1)) / (1 + len(largest)), np.nan)
    return Limits(single.se, estimate - half, estimate + half, np.fmax(p_value, single.p_value))


def wilson(successes: np.ndarray, n: np.ndarray, *, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's score interval of a proportion.

    Parameters
    ----------
    successes, n : array_like
        Counts, or counts scaled to the effective number of answers; 0 <= successes <= n.
    confidence : float
        Coverage aimed at.

    Returns
    -------
    (ndarray, ndarray)
        Lower and upper limits between 0 and 1; NaN where n is 0.

    Raises
    ------
    ValueError
        Successes below 0 or above n.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212; Newcombe, R. G. (1998), Statistics in Medicine 17, 857-872.

    Examples
    --------
    >>> low, high = wilson(81, 263)
    >>> round(float(low), 4), round(float(high), 4)
    (0.2553, 0.3662)
    """
    check_confidence(confidence)
    successes, n = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    wrong = (successes < 0) | (successes > n * (1 + 1e-12))
    if wrong.any():
        raise ValueError(f"successes={successes[wrong][0]} of n={n[wrong][0]}; allowed is 0 <= successes <= n")
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = proportion_confint(successes, n, alpha=1 - confidence, method="wilson")
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def rate_score(
    count: np.ndarray, exposure: np.ndarray, *, dispersion: np.ndarray | float = 1.0, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Return the score interval of a rate: events per unit of exposure.

    Parameters
    ----------
    count, exposure : array_like
        Events, and what they are per: customers, months.
    dispersion : array_like
        Variance of the count as a multiple of a Poisson count's; of events of customers, some with several,
        sum(events ** 2) / sum(events) - rate. Below 1 counts as 1.
    confidence : float
        Coverage aimed at.

    Returns
    -------
    (ndarray, ndarray)
        Lower and upper limits per unit of exposure, 0 or more; NaN where the exposure is 0.

    Raises
    ------
    ValueError
        A count or an exposure below 0.

    Notes
    -----
    (x + z^2 / 2 -+ z sqrt(x + z^2 / 4)) / e, with x and e the count and the exposure divided by the dispersion:
    Wilson's interval for counts. With few events it covers better than rate +- z SE, and never falls below 0.

    References
    ----------
    Rao, C. R. (1948), Proc. Cambridge Philosophical Society 44, 50-57; Barker, L. (2002), A comparison of nine
    confidence intervals for a Poisson parameter, American Statistician 56(2), 85-89; McCullagh, P. and Nelder,
    J. A. (1989), Generalized Linear Models, 2nd ed., sec. 6.2.3 (dispersion).

    Examples
    --------
    >>> low, high = rate_score(10, 1.0)
    >>> round(float(low), 2), round(float(high), 2)
    (5.43, 18.41)
    """
    check_confidence(confidence)
    count, exposure = np.asarray(count, dtype=float), np.asarray(exposure, dtype=float)
    wrong = (count < 0) | (exposure < 0)
    if np.any(wrong):
        raise ValueError(f"{int(np.sum(wrong))} counts or exposures are below 0; both are 0 or more")
    spread = np.fmax(np.asarray(dispersion, dtype=float), 1.0)
    z = stats.norm.ppf((1 + confidence) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        x, size = count / spread, exposure / spread
        middle, half = x + z**2 / 2, z * np.sqrt(x + z**2 / 4)
        known = exposure > 0
        low, high = (np.where(known, side / size, np.nan) for side in (middle - half, middle + half))
    return np.maximum(low, 0.0), high


def adjusted_wald_net(
    above: np.ndarray, below: np.ndarray, n: np.ndarray, *, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Return the adjusted Wald interval of a net share such as the NPS, (above - below) / n.

    Parameters
    ----------
    above, below, n : array_like
        Counts, for example of promoters and detractors, or counts scaled to the effective number of answers;
        zero or more, together at most n.
    confidence : float
        Coverage aimed at.

    Returns
    -------
    (ndarray, ndarray)
        Lower and upper limits between -1 and 1.

    Raises
    ------
    ValueError
        Counts below 0, or together above n.

    Notes
    -----
    3/4 is added to `above` and to `below`, 3 to n; then estimate +- z sqrt((p + d - (p - d)^2) / n).

    References
    ----------
    Rocks, B. (2016), Interval estimation for the Net Promoter Score, American Statistician 70(4), 365-372.

    Examples
    --------
    >>> low, high = adjusted_wald_net(60, 15, 100)
    >>> round(float(low), 4), round(float(high), 4)
    (0.2934, 0.5804)
    """
    check_confidence(confidence)
    above, below, n = np.broadcast_arrays(*(np.asarray(part, dtype=float) for part in (above, below, n)))
    wrong = (above < 0) | (below < 0) | (above + below > n * (1 + 1e-12))
    if wrong.any():
        raise ValueError(
            f"above={above[wrong][0]}, below={below[wrong][0]} of n={n[wrong][0]}; allowed are counts of 0 or "
            "more, together at most n"
        )
    p, d, size = (above + 0.75) / (n + 3), (below + 0.75) / (n + 3), n + 3
    half = stats.norm.ppf((1 + confidence) / 2) * np.sqrt((p + d - (p - d) ** 2) / size)
    return np.clip(p - d - half, -1, 1), np.clip(p - d + half, -1, 1)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjust p values of a few pre-declared headlines by Holm's step-down rule.

    Parameters
    ----------
    p_values : sequence of float
        One family; NaN stays NaN and does not count.

    Returns
    -------
    ndarray
        Adjusted p values, at most 1, in the order given.

    References
    ----------
    Holm, S. (1979), Scandinavian Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    return _adjust(p_values, _step_down)


def benjamini_hochberg(p_values: Sequence[float]) -> np.ndarray:
    """Adjust p values of a large family by Benjamini and Hochberg's false-discovery-rate rule.

    Parameters
    ----------
    p_values : sequence of float
        One family; NaN stays NaN and does not count.

    Returns
    -------
    ndarray
        Adjusted p values, at most 1, in the order given.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995), JRSS B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, float("nan")]).round(3).tolist()
    [0.03, 0.04, 0.04, nan]
    """
    return _adjust(p_values, stats.false_discovery_control)


def check_confidence(confidence: float) -> None:
    """Refuse a confidence level that is not between 0 and 1.

    Parameters
    ----------
    confidence : float
        Coverage aimed at, for example 0.95.

    Raises
    ------
    ValueError
        Outside (0, 1).

    Examples
    --------
    >>> check_confidence(95)
    Traceback (most recent call last):
    ...
    ValueError: confidence=95; it must lie between 0 and 1, for example 0.95
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}; it must lie between 0 and 1, for example 0.95")


def _adjust(p_values: Sequence[float], rule: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    p_values = np.asarray(p_values, dtype=float)
    adjusted = np.full(p_values.shape, np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        adjusted[known] = rule(p_values[known])
    return adjusted


def _step_down(p_values: np.ndarray) -> np.ndarray:
    order = np.argsort(p_values, kind="stable")
    raised = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(raised, 1)
    return adjusted
