"""Internal consistency of stacks of covariance matrices: the formulas, without rows or intervals."""

import numpy as np

from csatlib.stats.factor import OneFactor

ROUNDING = 1e-12


def alphas(covariance: np.ndarray) -> np.ndarray:
    """Cronbach's alpha of each matrix of a stack.

    Parameters
    ----------
    covariance : ndarray, shape (..., items, items)
        Covariances, or correlations for the standardised alpha.

    Returns
    -------
    ndarray, shape (...)
        k / (k - 1) x (1 - sum of item variances / variance of the sum); NaN for one item and where the sum is
        constant.

    Examples
    --------
    >>> float(alphas(np.array([[1.0, 0.5], [0.5, 1.0]])).round(4))
    0.6667
    """
    k = covariance.shape[-1]
    if k < 2:
        return np.full(covariance.shape[:-2], np.nan)
    variances = np.diagonal(covariance, axis1=-2, axis2=-1).sum(axis=-1)
    return k / (k - 1) * (1 - _over(variances, covariance.sum(axis=(-2, -1))))


def correlations(covariance: np.ndarray) -> np.ndarray:
    """Correlation matrices of a stack of covariance matrices.

    Parameters
    ----------
    covariance : ndarray, shape (..., items, items)
        Covariances.

    Returns
    -------
    ndarray, shape (..., items, items)
        NaN where an item is constant.

    Examples
    --------
    >>> correlations(np.array([[4.0, 1.0], [1.0, 1.0]]))[0].tolist()
    [1.0, 0.5]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
        return covariance / (sd[..., :, None] * sd[..., None, :])


def omegas(fit: OneFactor) -> np.ndarray:
    """McDonald's omega of the plain sum of items, from their one-factor fits.

    Parameters
    ----------
    fit : OneFactor
        From :func:`csatlib.stats.factor.one_factor`.

    Returns
    -------
    ndarray, shape (...)
        (sum of loadings)^2 / ((sum of loadings)^2 + sum of residual variances).

    Examples
    --------
    >>> from csatlib.stats.factor import one_factor
    >>> float(omegas(one_factor(np.array([[1.0, 0.5], [0.5, 1.0]]))).round(4))
    0.6667
    """
    common = fit.loadings.sum(axis=-1) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return common / (common + fit.residuals.sum(axis=-1))


def beside_others(covariance: np.ndarray) -> np.ndarray:
    """Each item of a stack beside the others: item-total correlation, alpha without it, and the change of alpha.

    Parameters
    ----------
    covariance : ndarray, shape (..., items, items)
        Covariances.

    Returns
    -------
    ndarray, shape (..., items, 3)
        Correlation of the item with the sum of the others; alpha when it is dropped, and that less alpha with
        it (both NaN for two items).

    Examples
    --------
    >>> made = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> beside_others(made).round(3).tolist()
    [[0.354, 0.0, -0.375], [0.354, 0.0, -0.375], [0.0, 0.667, 0.292]]
    """
    k = covariance.shape[-1]
    own = np.diagonal(covariance, axis1=-2, axis2=-1)
    correlation, dropped = np.full((2, *own.shape), np.nan)
    shared = covariance.sum(axis=-1) - own
    others = covariance.sum(axis=(-2, -1))[..., None] - 2 * shared - own
    with np.errstate(invalid="ignore", divide="ignore"):
        if k > 1:
            correlation = np.where(_some(own, others) & _some(others, own), shared / np.sqrt(own * others), np.nan)
        if k > 2:
            dropped = (k - 1) / (k - 2) * (1 - _over(own.sum(axis=-1, keepdims=True) - own, others))
    return np.stack([correlation, dropped, dropped - alphas(covariance)[..., None]], axis=-1)


def difference_reliability(covariance: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Reliability of the difference of two scores, from their covariances and reliabilities.

    Parameters
    ----------
    covariance : ndarray, shape (..., 2, 2)
        Of the two scores, for example a dimension's mean perception and mean expectation.
    first, second : ndarray, shape (...)
        Reliability of each score.

    Returns
    -------
    ndarray, shape (...)
        (s1^2 r11 + s2^2 r22 - 2 r12 s1 s2) / (s1^2 + s2^2 - 2 r12 s1 s2); NaN where the difference is
        constant. A constant score has no part in it, whatever its reliability.

    Examples
    --------
    Two scores of reliability 0.8 that correlate 0.5: (0.8 + 0.8 - 1) / (1 + 1 - 1).

    >>> float(difference_reliability(np.array([[1.0, 0.5], [0.5, 1.0]]), 0.8, 0.8).round(4))
    0.6
    """
    one, two, shared = covariance[..., 0, 0], covariance[..., 1, 1], 2 * covariance[..., 0, 1]
    true = [np.where(spread == 0, 0.0, spread * part) for spread, part in ((one, first), (two, second))]
    return _over(true[0] + true[1] - shared, one + two - shared, size=one + two)


def _some(variance: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Tell a variance from rounding."""
    return variance > ROUNDING * np.abs(size)


def _over(part: np.ndarray, whole: np.ndarray, size: np.ndarray | None = None) -> np.ndarray:
    """Divide by a variance; NaN where it is nothing but rounding beside what it was made of."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(_some(whole, part if size is None else size), part / whole, np.nan)
