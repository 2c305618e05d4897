"""How strong something unmeasured would have to be to account for an association."""

import numpy as np
from numpy.typing import ArrayLike


def e_value(ratio: ArrayLike) -> np.ndarray:
    """Return the E-value of a risk ratio.

    Parameters
    ----------
    ratio : array_like
        Risk ratios above 0, on either side of 1; NaN stays NaN. For the limit of an interval give the limit next
        to 1, and 1 where the interval holds 1.

    Returns
    -------
    ndarray
        The smallest risk ratio that something unmeasured must have with both sides, beyond what was weighted for,
        to account for the ratio in full; 1 where the ratio is 1.

    Raises
    ------
    ValueError
        A ratio of 0 or less.

    Notes
    -----
    E = RR + sqrt(RR (RR - 1)) for RR of 1 or more, else of 1 / RR.

    References
    ----------
    VanderWeele, T. J. and Ding, P. (2017), Sensitivity analysis in observational research: introducing the
    E-value, Annals of Internal Medicine 167, 268-274.

    Examples
    --------
    >>> e_value([3.9, 1.8, 1 / 3.9]).round(2).tolist()
    [7.26, 3.0, 7.26]
    """
    ratio = np.asarray(ratio, dtype=float)
    if (ratio <= 0).any():
        raise ValueError(f"ratio={ratio[ratio <= 0].flat[0]}; a risk ratio lies above 0")
    above = np.maximum(ratio, 1 / ratio)
    return above + np.sqrt(above * (above - 1))


def nearest_to_one(low: ArrayLike, high: ArrayLike) -> np.ndarray:
    """Return the limit of an interval of ratios that lies next to 1, and 1 where the interval holds 1.

    Parameters
    ----------
    low, high : array_like
        Limits above 0.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> nearest_to_one([1.8, 0.5, 0.2], [8.7, 2.0, 0.4]).tolist()
    [1.8, 1.0, 0.4]
    """
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    return np.where(low > 1, low, np.where(high < 1, high, np.where(np.isnan(low), np.nan, 1.0)))
