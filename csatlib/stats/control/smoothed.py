"""Charts that remember: EWMA and CUSUM, for small shifts that last."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from csatlib.stats.control import series as one
from csatlib.stats.control.signals import WIDTH, Lines, autocorrelation, charted, moving_sigma


def ewma(
    data: pd.DataFrame,
    *,
    time: str = "period",
    value: str = "value",
    smoothing: float = 0.2,
    width: float = WIDTH,
    target: float | None = None,
    sigma: float | None = None,
    asymptotic: bool = False,
    baseline: int | tuple | None = None,
    exclude: Sequence = (),
    seed: int = 0,
) -> pd.DataFrame:
    """Chart of the exponentially weighted moving average.

    Parameters
    ----------
    data : DataFrame
        One row per period.
    time, value : str
        Columns with the period and the value.
    smoothing : float
        Weight of the newest value, above 0 and up to 1.
    width : float
        Limits in standard errors.
    target, sigma : float, optional
        Known level and standard deviation; what is not given comes from the baseline. With both, no baseline
        is needed.
    asymptotic : bool
        Constant limits, as for a long series, in place of those that start narrow.
    baseline, exclude, seed
        As in :func:`xmr`.

    Returns
    -------
    DataFrame
        As :func:`xmr`, with the average as ``value`` and the value of the period as ``observed``; there is no
        run rule.

    Raises
    ------
    KeyError, ValueError
        As :func:`xmr`; a smoothing outside (0, 1].

    Notes
    -----
    z = smoothing x value + (1 - smoothing) x z before, from the level on; limits = level +- width x sigma x
    sqrt(s / (2 - s) (1 - (1 - s)^(2t))); sigma = mean moving range / 1.128. With material autocorrelation rho,
    sigma is divided by sqrt(1 - rho) (unless given) and limits are multiplied by sqrt((1 + rho (1 - s)) / (1 -
    rho (1 - s))), the standard error of the average of a first-order series.

    References
    ----------
    Roberts, S. W. (1959), Technometrics 1(3), 239-250; NIST e-Handbook 6.3.2.4; Zhang, N. F. (1998),
    Technometrics 40(1), 24-38.

    Examples
    --------
    >>> months = pd.DataFrame({"period": range(3), "value": [52.0, 47.0, 53.0]})
    >>> ewma(months, smoothing=0.3, target=50, sigma=2.0539)["value"].round(2).tolist()
    [50.6, 49.52, 50.56]
    """
    if not 0 < smoothing <= 1:
        raise ValueError(f"smoothing={smoothing}; it must lie above 0 and up to 1, for example 0.2")
    found = one.read(data, time=time, columns={"value": value}, baseline=baseline, exclude=exclude)
    age = np.arange(1, len(found.periods) + 1)
    decay = 1.0 if asymptotic else 1 - (1 - smoothing) ** (2 * age)

    def lines(columns: dict[str, np.ndarray]) -> Lines:
        x = columns["value"]
        level, spread, r1, rho = _level(x, found, target, sigma)
        kept = rho * (1 - smoothing)
        error = spread * np.sqrt(smoothing / (2 - smoothing) * decay * (1 + kept) / (1 - kept))
        average, before = np.empty_like(x), level[..., 0]
        for i in range(x.shape[-1]):
            before = average[..., i] = smoothing * x[..., i] + (1 - smoothing) * before
        return Lines(average, level, level - width * error, level + width * error, average - level, r1, rho)

    return _remembered(found, lines, target, sigma, seed)


def cusum(
    data: pd.DataFrame,
    *,
    time: str = "period",
    value: str = "value",
    allowance: float = 0.5,
    decision: float = 5.0,
    target: float | None = None,
    sigma: float | None = None,
    baseline: int | tuple | None = None,
    exclude: Sequence = (),
    seed: int = 0,
) -> pd.DataFrame:
    """Chart of two one-sided cumulative sums (tabular CUSUM).

    Parameters
    ----------
    data : DataFrame
        One row per period.
    time, value : str
        Columns with the period and the value.
    allowance : float
        Half the shift to be found, in standard deviations; taken off each step.
    decision : float
        Sum that signals, in standard deviations.
    target, sigma, baseline, exclude, seed
        As in :func:`ewma`.

    Returns
    -------
    DataFrame
        As :func:`ewma`; ``upper`` and ``lower`` are the two sums (zero or more), ``value`` is the upper sum or,
        where it is larger, the lower with a minus sign, and the limits are +- decision x sigma around 0. Sums
        run on after a signal.

    Raises
    ------
    KeyError, ValueError
        As :func:`xmr`; an allowance below 0 or a decision not above 0.

    Notes
    -----
    upper = max(0, value - level - allowance x sigma + upper before); lower likewise. With material
    autocorrelation rho, sigma is divided by sqrt(1 - rho) (unless given) and then multiplied by sqrt((1 + rho) /
    (1 - rho)), the growth of the sums of a first-order series.

    References
    ----------
    Page, E. S. (1954), Biometrika 41, 100-115; Montgomery, D. C. and Runger, G. C., Applied Statistics and
    Probability for Engineers, 16-10; Johnson, R. A. and Bagshaw, M. (1974), Technometrics 16, 103-112.

    Examples
    --------
    >>> months = pd.DataFrame({"period": range(3), "value": [102.0, 94.8, 98.3]})
    >>> cusum(months, allowance=1, decision=10, target=99, sigma=1)[["upper", "lower"]].round(1).values.tolist()
    [[2.0, 0.0], [0.0, 3.2], [0.0, 2.9]]
    """
    if allowance < 0 or decision <= 0:
        raise ValueError(f"allowance={allowance}, decision={decision}; zero or more, and above zero")
    found = one.read(data, time=time, columns={"value": value}, baseline=baseline, exclude=exclude)

    def lines(columns: dict[str, np.ndarray]) -> Lines:
        x = columns["value"]
        level, spread, r1, rho = _level(x, found, target, sigma)
        unit = spread * np.sqrt((1 + rho) / (1 - rho))
        upper, lower = _sums(x - level, allowance * unit)
        signed = np.where(upper >= lower, upper, -lower)
        half = np.broadcast_to(decision * unit, level.shape)
        return Lines(signed, np.zeros_like(level), -half, half, signed, r1, rho)

    table = _remembered(found, lines, target, sigma, seed)
    x = found.columns["value"]
    level, spread, _, rho = _level(x, found, target, sigma)
    sums = _sums(x - level, allowance * spread * np.sqrt((1 + rho) / (1 - rho)))
    named = (pd.Series(part, index=found.periods) for part in sums)
    return table.assign(**dict(zip(("upper", "lower"), map(table["period"].map, named), strict=True)))


def _level(
    x: np.ndarray, found: one.Series, target: float | None, sigma: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    mean = x[..., found.baseline].mean(axis=-1, keepdims=True)
    r1, rho = autocorrelation(x - mean, found.baseline)
    level = mean if target is None else np.full_like(mean, target)
    spread = moving_sigma(x, found.baseline) / np.sqrt(1 - rho) if sigma is None else np.full_like(mean, sigma)
    return level, spread, r1, rho


def _sums(deviation: np.ndarray, allowance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    upper, lower = np.empty_like(deviation), np.empty_like(deviation)
    above = below = np.zeros(deviation.shape[:-1])
    slack = np.broadcast_to(allowance, (*deviation.shape[:-1], 1))[..., 0]
    for i in range(deviation.shape[-1]):
        above = upper[..., i] = np.maximum(0, deviation[..., i] - slack + above)
        below = lower[..., i] = np.maximum(0, -deviation[..., i] - slack + below)
    return upper, lower


def _remembered(
    found: one.Series, lines: Callable, target: float | None, sigma: float | None, seed: int
) -> pd.DataFrame:
    known = target is not None and sigma is not None
    level, spread = 0.0 if target is None else target, 1.0 if sigma is None else sigma

    def quiet(rng: np.random.Generator, k: int) -> dict[str, np.ndarray]:
        return {"value": level + spread * rng.normal(size=(k, len(found.periods)))}

    table = charted(found, lines, quiet, run=None, seed=seed, provisional=False if known else None)
    observed = pd.Series(found.columns["value"], index=found.periods)
    return table.assign(observed=table["period"].map(observed))
