"""One common factor by maximum likelihood, for a whole stack of covariance matrices at once."""

from dataclasses import dataclass

import numpy as np

LEAST_RESIDUAL = 0.005
LOWEST = np.log(LEAST_RESIDUAL)
STEPS = 200
REACH = 2.0  # of a logarithmic residual in one step: from a bound, Newton's is far too long
FLAT = 1e-7
SINGULAR = 1e-10


@dataclass(frozen=True)
class OneFactor:
    """Loadings and residual variances (..., items) in the items' units; improper (...): a residual at its bound.

    The factor has variance 1. Undefined is NaN: a constant item, a matrix that is not positive definite.
    """

    loadings: np.ndarray
    residuals: np.ndarray
    improper: np.ndarray


def one_factor(covariance: np.ndarray, *, start: np.ndarray | None = None) -> OneFactor:
    """Fit one factor to each matrix of a stack by maximum likelihood.

    Parameters
    ----------
    covariance : ndarray, shape (..., items, items)
        Covariance or correlation matrices.
    start : ndarray, shape (items,) or (..., items), optional
        Residual variances as shares of the items' variances to start from, such as those of the whole sample
        for its replicates.

    Returns
    -------
    OneFactor
        Loadings signed so that their sum is not negative.

    Notes
    -----
    Minimises log det S(x) + tr(S(x)^-1 R) over the residual variances x, the loadings being the leading
    eigenvector given x (Jöreskog 1967), by Newton's method with the exact second derivatives (Clarke 1970).
    Residuals are held at 0.005 or more of an item's variance, the bound of R's factanal; a solution there is
    flagged improper. Two items cannot tell their loadings apart: they are taken as equal in standard
    deviations, the square root of the correlation, or 0 where it is negative. Rescaling an item rescales its
    loading and changes nothing else.

    References
    ----------
    Jöreskog, K. G. (1967), Psychometrika 32, 443-482; Clarke, M. R. B. (1970), British Journal of Mathematical
    and Statistical Psychology 23, 43-52.

    Examples
    --------
    >>> made = np.outer([0.8, 0.7, 0.6, 0.5], [0.8, 0.7, 0.6, 0.5])
    >>> np.fill_diagonal(made, 1)
    >>> one_factor(made).loadings.round(6).tolist()
    [0.8, 0.7, 0.6, 0.5]
    """
    covariance = np.asarray(covariance, dtype=float)
    k, shape = covariance.shape[-1], covariance.shape[:-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
        correlation = (covariance / (sd[..., :, None] * sd[..., None, :])).reshape(-1, k, k)
    loadings, residuals = np.full((2, len(correlation), k), np.nan)
    known = np.isfinite(correlation).all(axis=(1, 2))
    if k == 2:
        common = np.maximum(correlation[known, 0, 1], 0)[:, None]
        loadings[known], residuals[known] = np.sqrt(common), 1 - common
    elif k > 2 and known.any():
        first = np.full(k, 0.5) if start is None else np.asarray(start, dtype=float)
        first = np.broadcast_to(first, shape).reshape(-1, k)[known]
        loadings[known], residuals[known] = _fit(correlation[known], np.nan_to_num(first, nan=0.5))
    improper = (residuals <= LEAST_RESIDUAL * (1 + 1e-6)).any(axis=-1)
    return OneFactor(loadings.reshape(shape) * sd, residuals.reshape(shape) * sd**2, improper.reshape(shape[:-1]))


def _fit(correlation: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Newton steps for all matrices that have not settled; one that fails is retried shorter."""
    m, k = first.shape
    x = np.log(np.clip(first, LEAST_RESIDUAL, 1))
    loadings, residuals, value = np.full((m, k), np.nan), np.full((m, k), np.nan), np.full(m, np.inf)
    slope, curve, safe = np.zeros((m, k)), np.zeros((m, k, k)), np.zeros((m, k, k))
    damping, trial, left = np.zeros(m), x.copy(), np.arange(m)
    for _ in range(STEPS):
        found, g, exact, approximate, lambdas = _evaluate(correlation[left], trial[left])
        better = found <= value[left] + 1e-13
        undefined = np.isnan(found)
        done = left[better]
        x[done], value[done], loadings[done] = trial[done], found[better], lambdas[better]
        slope[done], curve[done], safe[done] = g[better], exact[better], approximate[better]
        damping[left] = np.where(better, 0.0, np.maximum(10 * damping[left], 1e-6))
        fixed = _held(x[left], slope[left])
        settled = (np.abs(np.where(fixed, 0, slope[left])) < FLAT).all(axis=1)
        residuals[left[settled]] = np.exp(x[left[settled]])
        going = ~(settled | undefined | (damping[left] > 1e12))
        left, fixed = left[going], fixed[going]
        if not len(left):
            break
        step = _step(slope[left], curve[left], safe[left], damping[left], fixed)
        trial[left] = np.clip(x[left] + np.clip(step, -REACH, REACH), LOWEST, 0)
    loadings[np.isnan(residuals).any(axis=1)] = np.nan
    return loadings * np.where(loadings.sum(axis=1, keepdims=True) < 0, -1, 1), residuals


def _held(x: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Tell which residuals lie on a bound and would leave it."""
    return ((x <= LOWEST) & (slope > 0)) | ((x >= 0) & (slope < 0))


def _evaluate(correlation: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Discrepancy, its slope and second derivatives (exact, and a never negative part), and loadings."""
    root = np.exp(x / 2)
    values, vectors = np.linalg.eigh(correlation / (root[:, :, None] * root[:, None, :]))
    top, first = values[:, -1:], vectors[:, :, -1]
    rest, others = values[:, :-1], vectors[:, :, :-1]
    rest = np.where(rest[:, :1] > SINGULAR, rest, np.nan)
    value = (rest - np.log(rest) - 1).sum(axis=1)
    slope = (others**2 @ (1 - rest)[:, :, None])[:, :, 0]
    turned = others.swapaxes(1, 2)
    safe = ((others * rest[:, None]) @ turned) * (others @ turned)
    mixed = (1 - rest) * (top + rest) / np.maximum(top - rest, SINGULAR)
    exact = safe + ((others * mixed[:, None]) @ turned) * (first[:, :, None] * first[:, None, :])
    return value, slope, exact, safe, np.sqrt(np.maximum(top - 1, 0)) * first * root


def _step(
    slope: np.ndarray, exact: np.ndarray, safe: np.ndarray, damping: np.ndarray, fixed: np.ndarray
) -> np.ndarray:
    """Newton's step where the valley is round, else one that surely leads down, and not to a saddle."""
    slope = np.where(fixed, 0.0, slope)
    step = _solved(exact, slope, np.zeros(len(slope)), fixed)
    doubtful = (damping > 0) | (np.linalg.eigvalsh(_freed(exact, fixed))[:, 0] <= 0)
    if doubtful.any():
        raised = np.maximum(damping, 1e-6)
        step[doubtful] = _solved(safe[doubtful], slope[doubtful], raised[doubtful], fixed[doubtful])
    return step


def _solved(curve: np.ndarray, slope: np.ndarray, damping: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    matrix = _freed(curve, fixed) + np.eye(slope.shape[1]) * (damping[:, None] + 1e-12)[:, :, None]
    return -np.linalg.solve(matrix, slope[:, :, None])[:, :, 0]


def _freed(curve: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Take the residuals that are held out of the second derivatives."""
    return np.where(fixed[:, :, None] | fixed[:, None, :], np.eye(fixed.shape[1]) * fixed[:, :, None], curve)
