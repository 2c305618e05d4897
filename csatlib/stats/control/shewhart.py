"""Charts that look at each point by itself and at runs: XmR, p and Laney's."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from csatlib.stats.control import series as one
from csatlib.stats.control.signals import WIDTH, Lines, autocorrelation, charted, innovations, moving_sigma


def xmr(
    data: pd.DataFrame,
    *,
    time: str = "period",
    value: str = "value",
    baseline: int | tuple | None = None,
    exclude: Sequence = (),
    run: int | None = 8,
    seed: int = 0,
) -> pd.DataFrame:
    """Chart of individual values with limits from their moving ranges (XmR).

    Parameters
    ----------
    data : DataFrame
        One row per period; put in the order of `time`.
    time, value : str
        Columns with the period (anything that sorts) and the value.
    baseline : int or (first, last), optional
        Points the limits come from: so many first points, or the periods from first to last. Without it all
        points, and the limits are provisional.
    exclude : sequence
        Periods left out of the baseline because their cause is known; they stay on the chart.
    run : int or None
        Points in a row on one side of the center that signal; None for limits only.
    seed : int
        Seed of the quiet series behind the expected numbers.

    Returns
    -------
    DataFrame
        One row per period: ``period``, ``value``, ``center``, ``lcl``, ``ucl``, ``signal``, ``rule`` ("", "beyond
        limits", "8 on one side" or both), ``in_baseline``, ``n_baseline``, ``provisional`` (no baseline was
        declared, or it has under 12 points), ``autocorrelation`` (lag 1, in the baseline), ``adjustment``
        ("none" or "widened for autocorrelation"), ``expected_false_signals`` (points that this chart flags on
        average in a series of this length in which nothing happens), ``chance_of_false_signal`` (that it flags
        any). A period without a value has no lines and no signal; its neighbours count as consecutive.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; periods missing or repeated; values that are not numbers; a baseline of
        under 3 points: all problems at once.

    Notes
    -----
    center +- 3 x mean moving range / 1.128. Positive autocorrelation makes moving ranges, and so the limits,
    too small by sqrt(1 - rho); where it is material (see `adjustment`) the limits are divided by that factor
    and the run rule looks at residuals, each deviation less rho times the one before. The expected numbers
    come from 4,000 simulated series of independent normal values charted in the same way, so they include the
    error of limits estimated from few points. A point on the center ends a run.

    References
    ----------
    NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2; Nelson, L. S. (1984), Journal of Quality Technology
    16(4), 237-239; Maragah, H. D. and Woodall, W. H. (1992), J. Statistical Computation and Simulation 40,
    29-42; Alwan, L. C. and Roberts, H. V. (1988), J. Business and Economic Statistics 6(1), 87-95.

    Examples
    --------
    >>> scores = pd.DataFrame({"period": range(1, 14), "value": [7, 8, 7, 9, 8, 7, 8, 9, 8, 7, 8, 9, 15]})
    >>> xmr(scores, baseline=12).query("signal")[["period", "value", "rule"]].values.tolist()
    [[13, 15.0, 'beyond limits']]
    """
    found = one.read(data, time=time, columns={"value": value}, baseline=baseline, exclude=exclude)
    points = len(found.periods)

    def lines(columns: dict[str, np.ndarray]) -> Lines:
        x = columns["value"]
        center = x[..., found.baseline].mean(axis=-1, keepdims=True)
        r1, rho = autocorrelation(x - center, found.baseline)
        half = WIDTH * moving_sigma(x, found.baseline) / np.sqrt(1 - rho)
        return Lines(x, center, center - half, center + half, innovations(x - center, rho), r1, rho)

    return charted(found, lines, lambda rng, k: {"value": rng.normal(size=(k, points))}, run=run, seed=seed)


def p_chart(
    data: pd.DataFrame,
    *,
    time: str = "period",
    successes: str = "successes",
    n: str = "n",
    baseline: int | tuple | None = None,
    exclude: Sequence = (),
    run: int | None = 8,
    seed: int = 0,
) -> pd.DataFrame:
    """Chart of proportions with binomial limits.

    Parameters
    ----------
    data : DataFrame
        One row per period.
    time, successes, n : str
        Columns with the period, the count and the number it is out of (both may be scaled to n_eff).
    baseline, exclude, run, seed
        As in :func:`xmr`.

    Returns
    -------
    DataFrame
        As :func:`xmr`; ``value`` is successes / n, the limits differ with n and stay within 0 and 1; added are
        ``n`` and ``sigma_z`` (how many times wider than binomial the limits are). A period of n = 0 has no
        value.

    Raises
    ------
    KeyError, ValueError
        As :func:`xmr`; successes below 0 or above n.

    Notes
    -----
    center +- 3 sqrt(center (1 - center) / n). With thousands of answers a period, real change between periods
    exceeds binomial limits: use :func:`laney_p`. Where autocorrelation is material, limits are widened by
    max(1, sigma_z / sqrt(1 - rho)), sigma_z as in :func:`laney`. Expected numbers: 4,000 binomial series at the
    center with the same n.

    References
    ----------
    Montgomery, D. C., Introduction to Statistical Quality Control, ch. 7; NIST e-Handbook 6.3.3.2.

    Examples
    --------
    >>> months = pd.DataFrame({"period": range(12), "successes": [50] * 11 + [80], "n": 100})
    >>> p_chart(months, baseline=11).loc[[11], ["value", "center", "ucl", "rule"]].values.tolist()
    [[0.8, 0.5, 0.65, 'beyond limits']]
    """
    columns = {"successes": successes, "n": n}
    found = one.read(data, time=time, columns=columns, baseline=baseline, exclude=exclude, counted="n")
    return _proportions(found, run=run, seed=seed, spread="binomial")


def laney_p(
    data: pd.DataFrame,
    *,
    time: str = "period",
    successes: str = "successes",
    n: str = "n",
    baseline: int | tuple | None = None,
    exclude: Sequence = (),
    run: int | None = 8,
    seed: int = 0,
) -> pd.DataFrame:
    """Chart of proportions whose limits carry the usual change between periods as well (Laney's).

    Parameters
    ----------
    data : DataFrame
        One row per period.
    time, successes, n : str
        As in :func:`p_chart`.
    baseline, exclude, run, seed
        As in :func:`xmr`.

    Returns
    -------
    DataFrame
        As :func:`p_chart`; a ``sigma_z`` below 1 means limits narrower than binomial.

    Raises
    ------
    KeyError, ValueError
        As :func:`p_chart`.

    References
    ----------
    Laney, D. B. (2002), Improved control charts for attributes, Quality Engineering 14(4), 531-537.

    Examples
    --------
    >>> months = pd.DataFrame({"period": range(12), "successes": [500, 540] * 6, "n": 1000})
    >>> table = laney_p(months, baseline=12)
    >>> table.loc[0, ["center", "ucl", "sigma_z"]].round(3).tolist()
    [0.52, 0.626, 2.245]
    """
    columns = {"successes": successes, "n": n}
    found = one.read(data, time=time, columns=columns, baseline=baseline, exclude=exclude, counted="n")
    return _proportions(found, run=run, seed=seed, spread="laney")


def laney(
    data: pd.DataFrame,
    *,
    time: str = "period",
    value: str = "value",
    sd: str = "sd",
    n: str = "n_eff",
    low: float = -np.inf,
    high: float = np.inf,
    baseline: int | tuple | None = None,
    exclude: Sequence = (),
    run: int | None = 8,
    seed: int = 0,
) -> pd.DataFrame:
    """Chart a mean or an NPS on a varying number of answers, with the usual change between periods.

    Parameters
    ----------
    data : DataFrame
        One row per period.
    time, value, sd, n : str
        Columns with the period, the score, the standard deviation of one answer in the score's unit (for an
        NPS 100 sqrt(p + d - (p - d)^2) with the shares of promoters and detractors) and the effective answers.
    low, high : float
        Ends of the score, for example -100 and 100; limits stay inside.
    baseline, exclude, run, seed
        As in :func:`xmr`.

    Returns
    -------
    DataFrame
        As :func:`laney_p`; ``n`` holds the effective answers.

    Raises
    ------
    KeyError, ValueError
        As :func:`xmr`.

    Notes
    -----
    center = mean of the baseline weighted by n; standard error of a point = pooled sd / sqrt(n); z = (value -
    center) / standard error; sigma_z = mean moving range of z / 1.128; limits = center +- 3 x standard error x
    sigma_z, with material autocorrelation / sqrt(1 - rho).

    References
    ----------
    Laney, D. B. (2002), Quality Engineering 14(4), 531-537, carried from proportions to other means.

    Examples
    --------
    >>> months = pd.DataFrame({"period": range(12), "value": [40.0, 44.0] * 6, "sd": 70.0, "n_eff": 400})
    >>> laney(months, baseline=12).loc[0, ["center", "lcl", "ucl"]].round(2).tolist()
    [42.0, 31.36, 52.64]
    """
    columns = {"value": value, "sd": sd, "n": n}
    found = one.read(data, time=time, columns=columns, baseline=baseline, exclude=exclude, counted="n")
    size, inside = found.columns["n"], found.baseline
    pooled = np.sqrt(np.average(found.columns["sd"][inside] ** 2, weights=size[inside]))
    make = _standardized(found, lambda center: pooled / np.sqrt(size), low, high, "laney")

    def quiet(rng: np.random.Generator, k: int) -> dict[str, np.ndarray]:
        level = np.average(found.columns["value"][inside], weights=size[inside])
        return {"value": level + rng.normal(size=(k, len(size))) * pooled / np.sqrt(size)}

    return _with_size(charted(found, make, quiet, run=run, seed=seed), found, make)


def _proportions(found: one.Series, *, run: int | None, seed: int, spread: str) -> pd.DataFrame:
    size, inside = found.columns["n"], found.baseline
    center = found.columns["successes"][inside].sum() / size[inside].sum()
    found.columns["value"] = found.columns["successes"] / size
    make = _standardized(found, lambda c: np.sqrt(np.clip(c * (1 - c), 0, None) / size), 0, 1, spread)

    def quiet(rng: np.random.Generator, k: int) -> dict[str, np.ndarray]:
        whole = np.maximum(np.rint(size), 1).astype(np.int64)
        return {"value": rng.binomial(whole, center, size=(k, len(size))) / whole}

    return _with_size(charted(found, make, quiet, run=run, seed=seed), found, make)


def _standardized(found: one.Series, error: Callable, low: float, high: float, spread: str) -> Callable:
    size, inside = found.columns["n"], found.baseline

    def lines(columns: dict[str, np.ndarray]) -> Lines:
        x = columns["value"]
        center = (x * size)[..., inside].sum(axis=-1, keepdims=True) / size[inside].sum()
        se = np.broadcast_to(error(center), x.shape)
        with np.errstate(invalid="ignore", divide="ignore"):
            z = np.where(se > 0, (x - center) / se, 0.0)
        r1, rho = autocorrelation(z, inside)
        wide = moving_sigma(z, inside) / np.sqrt(1 - rho)
        if spread == "binomial":
            wide = np.where(rho > 0, np.maximum(wide, 1.0), 1.0)
        half = WIDTH * se * wide
        lcl, ucl = np.clip(center - half, low, high), np.clip(center + half, low, high)
        residual = innovations(np.where(se > 0, z, x - center), rho)
        return Lines(x, center, lcl, ucl, residual, r1, rho, wide)

    return lines


def _with_size(table: pd.DataFrame, found: one.Series, make: Callable) -> pd.DataFrame:
    n = pd.Series(found.columns["n"], index=found.periods)
    return table.assign(n=table["period"].map(n).fillna(0.0), sigma_z=make(found.columns).wide.item())
