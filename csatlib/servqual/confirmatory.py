"""One confirmatory factor model by normal-theory maximum likelihood, fitted by semopy to a correlation matrix."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, stats

from csatlib.stats.threads import one_thread

SOLVERS = (
    ("SLSQP", {"ftol": 1e-12, "maxiter": 500}),
    ("L-BFGS-B", {"ftol": 1e-14, "gtol": 1e-7, "maxiter": 2000}),
)
RMSEA_CONFIDENCE = 0.90
STEEP = 1e-3
NO_VARIANCE = 1e-4
SINGULAR = 1e-8

PROPER, IMPROPER, NOT_CONVERGED, NOT_FITTED = "proper", "improper", "not_converged", "not_fitted"


@dataclass(frozen=True)
class Fitted:
    """A fitted model in standardized form.

    Attributes
    ----------
    status : str
        "proper"; "improper" (an error variance at 0, a correlation of 1 or more, figures the data do not
        determine); "not_converged"; "not_fitted" (no model can be fitted to this matrix).
    at_zero : tuple of int
        Items whose error variance ended at 0.
    too_high : tuple of (int, int)
        Pairs of factors whose correlation is 1 or more in size.
    loadings, loading_se : ndarray, shape (items,)
        Standardized loading of each item on its factor.
    correlations, correlation_se : ndarray, shape (factors, factors)
        Between factors.
    implied : ndarray, shape (items, items)
        What the model implies in place of the correlations.
    chi_square : float
        n x minimum of the fitting function.
    n_parameters, df : int
        Estimated figures; moments less estimated figures.
    """

    status: str
    at_zero: tuple[int, ...]
    too_high: tuple[tuple[int, int], ...]
    loadings: np.ndarray
    loading_se: np.ndarray
    correlations: np.ndarray
    correlation_se: np.ndarray
    implied: np.ndarray
    chi_square: float
    n_parameters: int
    df: int


def confirmatory(correlation: np.ndarray, n: int, factor: np.ndarray) -> Fitted:
    """Fit correlated factors, each item on one of them.

    Parameters
    ----------
    correlation : ndarray, shape (items, items)
        Correlations of the items. A model without equality constraints is scale-free, so chi-square and
        standardized figures are those of the covariance matrix.
    n : int
        Respondents behind it.
    factor : ndarray of int, shape (items,)
        Factor of each item, 0 to factors - 1. A factor with one item is that item, without error.

    Returns
    -------
    Fitted
        With NaN figures where there is no fit.

    Notes
    -----
    Factor variances are 1. Standard errors come from the expected information, those of standardized loadings by
    the delta method. semopy keeps error variances at 0 or above; one that ends at 0 is reported as improper.
    """
    p, k = len(factor), int(factor.max()) + 1
    alone = np.bincount(factor)[factor] == 1
    free = 2 * p - int(alone.sum()) + k * (k - 1) // 2
    df = p * (p + 1) // 2 - free
    if n <= p or df < 0 or not np.isfinite(correlation).all() or np.linalg.eigvalsh(correlation)[0] < SINGULAR:
        return _nothing(NOT_FITTED, p, k, free, df)
    with _quiet(), one_thread():
        model, converged = _solve(correlation, n, factor, alone)
        names = [name for name, parameter in model.parameters.items() if parameter.active]
        information = model.calc_fim()
        implied = model.calc_sigma()[0]
    covariance = _inverse(information)
    value = dict(zip(names, model.param_vals, strict=True))
    at = {name: i for i, name in enumerate(names)}
    loadings, loading_se = _standardized(value, at, covariance, p)
    correlations, correlation_se = _between(value, at, covariance, k)
    sign = np.where(np.bincount(factor, loadings) < 0, -1.0, 1.0)  # a factor's direction is free: high means good
    loadings, correlations = loadings * sign[factor], correlations * np.outer(sign, sign)
    at_zero = tuple(i for i in range(p) if not alone[i] and value[f"e{i}"] < NO_VARIANCE)
    too_high = tuple(
        (i, j) for i in range(k) for j in range(i + 1, k) if abs(correlations[i, j]) >= 1 - NO_VARIANCE
    )
    possible = np.linalg.eigvalsh(correlations)[0] > 0 and not np.isnan(covariance).any()
    proper = PROPER if possible and not at_zero and not too_high else IMPROPER
    order = [model.vars["observed"].index(f"v{i}") for i in range(p)]
    return Fitted(
        status=proper if converged else NOT_CONVERGED,
        at_zero=at_zero,
        too_high=too_high,
        loadings=loadings,
        loading_se=loading_se,
        correlations=correlations,
        correlation_se=correlation_se,
        implied=implied[np.ix_(order, order)],
        chi_square=float(n * model.last_result.fun),
        n_parameters=free,
        df=df,
    )


def indices(found: Fitted, correlation: np.ndarray, n: int, *, log_spread: float) -> dict[str, float]:
    """Compute fit indices.

    Parameters
    ----------
    found : Fitted
        A model.
    correlation : ndarray, shape (items, items)
        What it was fitted to.
    n : int
        Respondents.
    log_spread : float
        Sum of the logarithms of the items' variances (divisor n), for the likelihood.

    Returns
    -------
    dict of str to float
        NaN where there is no fit, or nothing to test (df 0).
    """
    p, df, chi_square = len(found.loadings), found.df, found.chi_square
    log_det = np.nan if np.isnan(chi_square) else np.linalg.slogdet(correlation)[1]
    base, base_df = -n * log_det, p * (p - 1) / 2
    excess, base_excess = max(chi_square - df, 0.0), max(base - base_df, chi_square - df, 0.0)
    residual = np.tril(correlation - found.implied)
    log_likelihood = -(n * (p * np.log(2 * np.pi) + log_det + log_spread + p) + chi_square) / 2
    tested = not np.isnan(chi_square) and df > 0
    return {
        "chi_square": chi_square,
        "df": df,
        "n_parameters": found.n_parameters,
        "cfi": 1 - excess / base_excess if tested and base_excess else np.nan,
        "tli": (base / base_df - chi_square / df) / (base / base_df - 1) if tested else np.nan,
        "rmsea": np.sqrt(excess / (n * df)) if tested else np.nan,
        "srmr": np.sqrt((residual**2).sum() / (p * (p + 1) / 2)),
        "aic": 2 * found.n_parameters - 2 * log_likelihood,
        "bic": np.log(max(n, 1)) * found.n_parameters - 2 * log_likelihood,
    }


def rmsea_limits(chi_square: float, df: int, n: int) -> tuple[float, float]:
    """Find the 90 % interval of RMSEA: non-centralities that put chi-square at its 95th and 5th percentile.

    Parameters
    ----------
    chi_square, df, n : float, int, int
        Of a model.

    Returns
    -------
    (float, float)
        Lower and upper limit; NaN without degrees of freedom.
    """
    if np.isnan(chi_square) or df <= 0:
        return np.nan, np.nan

    def limit(share: float) -> float:
        if stats.chi2.cdf(chi_square, df) < share:
            return 0.0
        most = 2 * chi_square + 100
        found = optimize.brentq(lambda nc: stats.ncx2.cdf(chi_square, df, nc) - share, 0.0, most, xtol=1e-8)
        return float(np.sqrt(found / (n * df)))

    return limit((1 + RMSEA_CONFIDENCE) / 2), limit((1 - RMSEA_CONFIDENCE) / 2)


def upper_tail(chi_square: float, df: float) -> float:
    """Compute the p value of a chi-square; NaN without degrees of freedom.

    Parameters
    ----------
    chi_square, df : float
        A statistic, or a difference of two.

    Returns
    -------
    float
        Between 0 and 1.
    """
    return float(stats.chi2.sf(chi_square, df)) if df > 0 else np.nan


def _solve(correlation: np.ndarray, n: int, factor: np.ndarray, alone: np.ndarray) -> tuple[Any, bool]:
    """Fit with one solver, and where it fails from the same start with the next."""
    import pandas as pd
    import semopy  # two seconds, so only where a model is fitted

    names = [f"v{i}" for i in range(len(factor))]
    matrix = pd.DataFrame(correlation, index=names, columns=names)
    model = semopy.Model(_description(factor, alone))
    for name, first in _start(correlation, factor).items():  # semopy's own search for starts never ends here
        if name in model.parameters:
            model.parameters[name].start = first
    model.load(cov=matrix, n_samples=n)
    start, converged = model.param_vals, False
    for solver, options in SOLVERS:
        model.param_vals = start.copy()
        found = model.fit(solver=solver, options=dict(options))
        converged = bool(found.success and np.isfinite(found.fun)) and _is_flat(model, found.x)
        if converged:
            break
    return model, converged


def _description(factor: np.ndarray, alone: np.ndarray) -> str:
    k = int(factor.max()) + 1
    lines = []
    for j in range(k):
        lines.append(f"f{j} =~ " + " + ".join(f"l{i}*v{i}" for i in np.flatnonzero(factor == j)))
        lines.append(f"f{j} ~~ 1*f{j}")
        lines += [f"f{i} ~~ r{i}_{j}*f{j}" for i in range(j)]
    lines += [f"v{i} ~~ {'0' if only else f'e{i}'}*v{i}" for i, only in enumerate(alone)]
    return "\n".join(lines)


def _start(correlation: np.ndarray, factor: np.ndarray) -> dict[str, float]:
    """Start loadings at the items' correlations with the sum of their factor's items, factors' at a half."""
    same = (factor[:, None] == factor).astype(float)
    with_sum = (correlation * same).sum(axis=1)
    first = np.clip(with_sum / np.sqrt(np.maximum(same @ with_sum, 0.1)), -0.9, 0.9)
    k = int(factor.max()) + 1
    values = {f"r{i}_{j}": 0.5 for j in range(k) for i in range(j)}
    values |= {f"l{i}": float(loading) for i, loading in enumerate(first)}
    return values | {f"e{i}": float(1 - loading**2) for i, loading in enumerate(first)}


def _is_flat(model: Any, x: np.ndarray) -> bool:
    """Tell whether the slope is 0 in every direction the bounds leave open."""
    slope = model.grad_mlw(x)
    low = np.array([-np.inf if bound[0] is None else bound[0] for bound in model.get_bounds()])
    return bool(np.abs(np.where((x <= low + NO_VARIANCE) & (slope > 0), 0, slope)).max() < STEEP)


def _standardized(
    value: dict[str, float], at: dict[str, int], covariance: np.ndarray, p: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divide loadings by the implied standard deviation of the item, with the delta method's standard errors."""
    loadings, se = np.empty((2, p))
    for i in range(p):
        loading, error = value[f"l{i}"], value.get(f"e{i}", 0.0)
        spread = np.sqrt(loading**2 + error)
        loadings[i] = loading / spread
        slope = np.zeros(len(at))
        slope[at[f"l{i}"]] = error / spread**3
        if f"e{i}" in at:
            slope[at[f"e{i}"]] = -loading / (2 * spread**3)
        se[i] = np.sqrt(slope @ covariance @ slope)
    return loadings, se


def _between(
    value: dict[str, float], at: dict[str, int], covariance: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    correlations, se = np.eye(k), np.zeros((k, k))
    for j in range(k):
        for i in range(j):
            name = f"r{i}_{j}"
            correlations[i, j] = correlations[j, i] = value[name]
            se[i, j] = se[j, i] = np.sqrt(covariance[at[name], at[name]])
    return correlations, se


def _inverse(information: np.ndarray) -> np.ndarray:
    """Invert the information; NaN where the data do not determine all figures."""
    scale = np.sqrt(np.diag(information))
    if not np.isfinite(information).all() or (scale <= 0).any():
        return np.full(information.shape, np.nan)
    scaled = information / np.outer(scale, scale)
    if np.linalg.eigvalsh(scaled)[0] < SINGULAR:
        return np.full(information.shape, np.nan)
    return np.linalg.inv(scaled) / np.outer(scale, scale)


def _nothing(status: str, p: int, k: int, free: int, df: int) -> Fitted:
    item, pair = np.full(p, np.nan), np.full((k, k), np.nan)
    return Fitted(status, (), (), item, item, pair, pair, np.full((p, p), np.nan), np.nan, free, df)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep semopy's log lines and arithmetic warnings inside: what they tell is in `status`.

    It logs through the root logger, which without a handler would set one up for the whole program.
    """
    root, handler = logging.getLogger(), logging.NullHandler()

    def is_foreign(record: logging.LogRecord) -> bool:
        return "semopy" not in record.pathname

    root.addHandler(handler)
    root.addFilter(is_foreign)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            yield
    finally:
        root.removeFilter(is_foreign)
        root.removeHandler(handler)
