"""Estimates of many touchpoints or units, each drawn towards their mean as far as the data asks for it."""

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from csatlib.stats.intervals import check_confidence

GRID = 400
SPREADS, MEANS = 24, 36  # grid of the shares
NEGLIGIBLE = 1e-4
SHARE_STEPS = 24
STEPS = 60  # halvings: the limits are exact to the last digit shown


@dataclass(frozen=True)
class Shrunken:
    """Medians and limits of each value, and of the spread between them.

    Attributes
    ----------
    estimate, ci_low, ci_high : ndarray, shape (k,)
        In the unit given; NaN where nothing was known.
    spread, spread_low, spread_high : float
        Standard deviation between the true values.
    """

    estimate: np.ndarray
    ci_low: np.ndarray
    ci_high: np.ndarray
    spread: float
    spread_low: float
    spread_high: float


def shrink(value: np.ndarray, se: np.ndarray, *, unit: float, confidence: float = 0.95) -> Shrunken:
    """Estimate many true values at once, integrating over the spread between them.

    Parameters
    ----------
    value, se : array_like, shape (k,)
        Each value and its standard error; NaN where there is none.
    unit : float
        Standard deviation of one observation: the scale of the weak prior on the spread.
    confidence : float
        Coverage aimed at.

    Returns
    -------
    Shrunken
        Values and spread; with fewer than two values nothing is drawn anywhere and the spread is NaN.

    Raises
    ------
    ValueError
        Values and errors of different lengths, an error or a unit that is not above 0.

    Notes
    -----
    value_i ~ N(theta_i, se_i^2), theta_i ~ N(mu, tau^2), mu flat, tau half-Cauchy with scale `unit`. mu is
    integrated out exactly, tau over a grid of 400 quantiles of its prior; limits are quantiles of the mixture.
    Taking the best tau as known instead covers far less than it says with few values.

    References
    ----------
    Gelman, A. (2006), Prior distributions for variance parameters in hierarchical models, Bayesian Analysis 1(3),
    515-534; Gelman, A. et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.4.

    Examples
    --------
    >>> found = shrink([4.0, 5.0, 6.0], [0.1, 0.1, 1.0], unit=1.0)
    >>> found.estimate.round(2).tolist()
    [4.01, 4.99, 5.23]
    """
    check_confidence(confidence)
    value, se = np.asarray(value, dtype=float), np.asarray(se, dtype=float)
    known = ~np.isnan(value) & ~np.isnan(se)
    if value.shape != se.shape or not (se[known] > 0).all() or not unit > 0:
        raise ValueError(
            f"value has shape {value.shape}, se {se.shape}, unit={unit:g}; allowed are equal lengths, errors and "
            "a unit above 0: leave out values without a standard error (NaN)"
        )
    tails = np.array([0.5, (1 - confidence) / 2, (1 + confidence) / 2])
    full = np.full((3, len(value)), np.nan)
    if known.sum() < 2:
        full[:, known] = value[known] + stats.norm.ppf(tails)[:, None] * se[known]
        return Shrunken(*full, np.nan, np.nan, np.nan)
    tau = unit * np.tan(np.pi / 2 * (np.arange(GRID) + 0.5) / GRID)
    weight, mean, sd = _given(value[known], se[known], tau)
    full[:, known] = [_quantile(weight, mean, sd, tail) for tail in tails]
    reached = np.cumsum(weight)
    return Shrunken(*full, *(float(tau[np.searchsorted(reached, tail)]) for tail in tails))


def shrink_shares(hits: np.ndarray, n: np.ndarray, *, confidence: float = 0.95) -> Shrunken:
    """Estimate many true shares at once, integrating over their mean and the spread between them.

    Parameters
    ----------
    hits, n : array_like, shape (k,)
        Counts, whole or divided by a clustering factor; n = 0 where there is nothing.
    confidence : float
        Coverage aimed at.

    Returns
    -------
    Shrunken
        Shares, and the standard deviation between them; with fewer than two shares each stands alone (Jeffreys'
        prior) and the spread is NaN.

    Raises
    ------
    ValueError
        Counts below 0 or above n.

    Notes
    -----
    hits_i ~ Binomial(n_i, theta_i), theta_i ~ Beta with mean m and standard deviation s sqrt(m (1 - m)); m and s
    uniform between 0 and 1, both integrated over a grid. No normal approximation: 0 of 147 stays near 0.

    References
    ----------
    Gelman, A. et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.3; Brown, L. D., Cai, T. T. and DasGupta,
    A. (2001), Statistical Science 16(2), 101-133.

    Examples
    --------
    >>> shrink_shares([10, 30, 1], [100, 100, 2]).estimate.round(2).tolist()
    [0.11, 0.29, 0.3]
    """
    check_confidence(confidence)
    hits, n = np.asarray(hits, dtype=float), np.asarray(n, dtype=float)
    if hits.shape != n.shape or ((hits < 0) | (hits > n + 1e-9)).any():
        raise ValueError("hits and n differ in length, or hits lie below 0 or above n; allowed are 0 <= hits <= n")
    tails = np.array([0.5, (1 - confidence) / 2, (1 + confidence) / 2])
    known = n > 0
    full = np.full((3, len(n)), np.nan)
    x, size = hits[known], n[known]
    if known.sum() < 2:
        full[:, known] = stats.beta.ppf(tails[:, None], x + 0.5, size - x + 0.5)
        return Shrunken(*full, np.nan, np.nan, np.nan)
    weight, alpha, beta, sd = _given_shares(x, size)
    first, second = alpha[:, None] + x, beta[:, None] + size - x
    full[:, known] = [_share_quantile(weight, first, second, tail) for tail in tails]
    order = np.argsort(sd)
    reached = np.cumsum(weight[order])
    return Shrunken(*full, *(float(sd[order][np.searchsorted(reached, tail)]) for tail in tails))


def _given(value: np.ndarray, se: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight of each spread, and mean and sd of each true value given it, shape (grid, k)."""
    total = se**2 + tau[:, None] ** 2
    precision = 1 / total
    summed = precision.sum(axis=1)
    mu = (precision * value).sum(axis=1) / summed
    log = -0.5 * (
        np.log(total).sum(axis=1) + np.log(summed) + (precision * (value - mu[:, None]) ** 2).sum(axis=1)
    )
    weight = np.exp(log - log.max())
    kept = tau[:, None] ** 2 / total  # share of the own value
    mean = kept * value + (1 - kept) * mu[:, None]
    sd = np.sqrt(kept * se**2 + (1 - kept) ** 2 / summed[:, None])
    return weight / weight.sum(), mean, sd


def _quantile(weight: np.ndarray, mean: np.ndarray, sd: np.ndarray, tail: float) -> np.ndarray:
    low, high = (mean - 12 * sd).min(axis=0), (mean + 12 * sd).max(axis=0)
    for _ in range(STEPS):
        middle = (low + high) / 2
        below = weight @ stats.norm.cdf((middle - mean) / sd) < tail
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def _given_shares(hits: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weight, both parameters and standard deviation of each Beta distribution that counts."""
    root = (np.arange(SPREADS) + 0.5) / SPREADS  # its square is the spread: finer where spreads are small
    centre = special.logit((hits + 0.5) / (n + 1))
    mean = special.expit(np.linspace(centre.min() - 2, centre.max() + 2, MEANS))
    root, mean = (grid.ravel() for grid in np.meshgrid(root, mean, indexing="ij"))
    size = 1 / root**4 - 1
    alpha, beta = mean * size, (1 - mean) * size
    own = special.betaln(alpha[:, None] + hits, beta[:, None] + n - hits)
    log = (own - special.betaln(alpha, beta)[:, None]).sum(axis=1) + np.log(root * mean * (1 - mean))
    weight = np.exp(log - log.max())
    kept = weight > NEGLIGIBLE
    sd = root**2 * np.sqrt(mean * (1 - mean))
    return weight[kept] / weight[kept].sum(), alpha[kept], beta[kept], sd[kept]


def _share_quantile(weight: np.ndarray, alpha: np.ndarray, beta: np.ndarray, tail: float) -> np.ndarray:
    low, high = np.zeros(alpha.shape[1]), np.ones(alpha.shape[1])
    for _ in range(SHARE_STEPS):
        middle = (low + high) / 2
        below = weight @ special.betainc(alpha, beta, middle) < tail
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2
