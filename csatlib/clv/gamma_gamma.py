"""Gamma-Gamma: what a purchase is worth, customer by customer, and whether that depends on how often they buy."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import digamma, gammaln

from csatlib.clv.fitting import SAMPLE_ROWS, LikelihoodModel
from csatlib.stats.intervals import from_replicates
from csatlib.stats.moments import moments
from csatlib.stats.rows import require_columns

STARTS = ((1.0, 3.0, 1.0), (6.0, 4.0, 0.5), (0.5, 2.0, 2.0), (20.0, 10.0, 0.5))


@dataclass(frozen=True)
class _Spend:
    """Customers with repeat purchases: how many, mean spend; and the unique numbers of purchases."""

    x: np.ndarray
    mean: np.ndarray
    count: np.ndarray
    level: np.ndarray
    level_count: np.ndarray


class GammaGamma(LikelihoodModel):
    """Gamma-Gamma model of the money spent per purchase.

    Parameters
    ----------
    prior, median, spread, confidence
        As in :class:`csatlib.clv.BetaGeoNBD`.

    Attributes
    ----------
    params_ : Series
        ``p``, ``q`` and ``gamma`` (in the unit of money).
    covariance_, standard_errors_, log_likelihood_, aic_, n_, converged_, reason_, prior_, summary_
        As in :class:`csatlib.clv.BetaGeoNBD`; n counts customers with a repeat purchase.

    Notes
    -----
    A customer's purchases are Gamma(p, nu) with nu ~ Gamma(q, gamma) over customers, independent of how often
    they buy: see :func:`csatlib.clv.spend_independence`. Expected spend per purchase, given x with mean m:
    p (gamma + x m) / (p x + q - 1).

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2013), The Gamma-Gamma model of monetary value, brucehardie.com/notes/025.

    Examples
    --------
    >>> model = GammaGamma.from_parameters({"p": 6.25, "q": 3.74, "gamma": 15.44})
    >>> customers = pd.DataFrame({"frequency": [0, 2], "mean_spend": [None, 22.35]})
    >>> model.predict_spend(customers).round(2).tolist()
    [35.22, 24.66]
    """

    parameters = ("p", "q", "gamma")

    def fit(self, data: pd.DataFrame) -> "GammaGamma":
        """Fit to customers with at least one repeat purchase.

        Parameters
        ----------
        data : DataFrame
            ``frequency`` (repeat purchases) and ``mean_spend`` (mean of these; money, any unit); customers without
            repeat purchase, or whose repeat purchases were free, are left out.

        Returns
        -------
        GammaGamma
            Itself.

        Raises
        ------
        KeyError, ValueError
            Columns that are not there; a negative spend; no customer left.
        """
        x, mean = _columns(data)
        used = (x > 0) & (mean > 0)
        if not used.any():
            raise ValueError("no customer has a repeat purchase that cost something: there is no spend to model")
        return self._fit(_spend(x[used], mean[used]))

    def _sample(self, rows: _Spend) -> _Spend:
        if len(rows.x) <= 2 * SAMPLE_ROWS:
            return rows
        places = np.linspace(0, len(rows.x), SAMPLE_ROWS, endpoint=False).astype(int)
        chosen = np.lexsort((rows.mean, rows.x))[places]
        return _spend(rows.x[chosen], rows.mean[chosen])

    def _starts(self, rows: _Spend) -> np.ndarray:
        return np.array(STARTS) * [1, 1, np.median(rows.mean)]

    def _log_likelihood(self, values: np.ndarray, rows: _Spend) -> tuple[float, np.ndarray]:
        p, q, gamma = values
        x, n, level = len(rows.x), rows.level_count, rows.level
        total = rows.x * rows.mean
        log_total, log_scale, size = np.log(total), np.log(gamma + total), p * rows.x
        value = (
            n @ (gammaln(p * level + q) - gammaln(p * level)) + x * (q * np.log(gamma) - gammaln(q))
            + size @ log_total - log_total.sum() + np.log(rows.x).sum() - (size + q) @ log_scale
        )  # fmt: skip
        gradient = [
            n @ (level * (digamma(p * level + q) - digamma(p * level))) + rows.x @ (log_total - log_scale),
            n @ digamma(p * level + q) - x * (digamma(q) - np.log(gamma)) - log_scale.sum(),
            x * q / gamma - ((size + q) / (gamma + total)).sum(),
        ]
        return float(value), np.array(gradient)

    def predict_spend(self, data: pd.DataFrame) -> pd.Series:
        """Spend expected of each customer per future purchase.

        Parameters
        ----------
        data : DataFrame
            As in :meth:`fit`; without repeat purchase a customer gets the mean of all.

        Returns
        -------
        Series
            In the unit of money of the fit, index of `data`; NaN where the model has no mean (p x + q <= 1).

        Raises
        ------
        ValueError
            A model that is not fitted or did not converge.
        """
        self._require_fit()
        p, q, gamma = self._values(None)
        x, mean = _columns(data)
        below = p * x + q - 1
        with np.errstate(divide="ignore"):
            expected = np.where(below > 0, p * (gamma + x * mean) / below, np.nan)
        return pd.Series(expected, index=data.index, name="expected_spend")

    def simulate(
        self, data: pd.DataFrame, purchases: np.ndarray, *, parameters: pd.DataFrame, seed: int = 0
    ) -> np.ndarray:
        """Draw what the drawn future purchases cost, given what is known of each customer.

        Parameters
        ----------
        data : DataFrame
            As in :meth:`fit`.
        purchases : ndarray of int
            Cumulated purchases from ``simulate`` of a model of purchases: (draws, customers) or
            (draws, customers, times).
        parameters : DataFrame
            From :meth:`sample_parameters`, one row per draw.
        seed : int
            Of the draws.

        Returns
        -------
        ndarray of float
            Cumulated spend, in the shape of `purchases`.
        """
        rng = self._stream(seed, "spend")
        p, q, gamma = self._values(parameters)
        x, mean = _columns(data)
        scale = 1 / rng.gamma(q + p * x, 1 / (gamma + x * mean))
        cumulated = purchases if purchases.ndim == 3 else purchases[..., None]
        added = np.diff(cumulated, axis=-1, prepend=0)
        spend = np.cumsum(rng.gamma(p[..., None] * added) * scale[..., None], axis=-1)
        return spend if purchases.ndim == 3 else spend[..., 0]


def spend_independence(data: pd.DataFrame, *, confidence: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Check whether customers who buy more often spend more or less per purchase, which Gamma-Gamma rules out.

    Parameters
    ----------
    data : DataFrame
        ``frequency`` and ``mean_spend``, one row per customer; those without repeat purchase are left out.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the 1,000 replicates.

    Returns
    -------
    DataFrame
        One row: ``measure`` ("correlation"), ``n``, ``n_groups``, ``estimate`` (Pearson's, -1 to 1), ``se``,
        ``ci_low``, ``ci_high``, ``p_value``.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; a negative spend.

    Notes
    -----
    Pearson's correlation and not a rank correlation: under the model the mean of m is the same at every x, but
    its median is not. Limits as of every mean here: replicates over 256 groups of customers.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), RFM and CLV, Journal of Marketing Research 42, 415-430.

    Examples
    --------
    >>> data = pd.DataFrame({"frequency": [1, 2, 3, 4] * 50, "mean_spend": [5.0, 7, 7, 5] * 50})
    >>> spend_independence(data)[["n", "estimate"]].round(3).values.tolist()
    [[200.0, 0.0]]
    """
    x, mean = _columns(data)
    used = (x > 0) & (mean > 0)
    frame = pd.DataFrame({"x": x[used], "mean": mean[used]})
    held = moments(frame, ["x", "mean"])
    drawn = held.replicates(1000, seed=seed)
    estimate, replicated = _correlation(held.covariance), _correlation(drawn.covariance)
    limits = from_replicates(estimate, replicated, n_groups=held.n_groups, confidence=confidence)
    row = {"measure": "correlation", "n": len(frame), "n_groups": held.n_groups, "estimate": float(estimate)}
    row |= {"se": limits.se, "ci_low": limits.ci_low, "ci_high": limits.ci_high, "p_value": limits.p_value}
    return pd.DataFrame([row])


def _correlation(covariance: np.ndarray) -> np.ndarray:
    return covariance[..., 0, 1] / np.sqrt(covariance[..., 0, 0] * covariance[..., 1, 1])


def _columns(data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    require_columns(data.columns, ["frequency", "mean_spend"])
    x, mean = (data[c].to_numpy(dtype=float, na_value=np.nan) for c in ("frequency", "mean_spend"))
    bad = {
        "a missing, negative or fractional frequency": ~(x >= 0) | (x % 1 > 0),
        "a negative mean_spend": mean < 0,
        "a repeat purchase but no mean_spend": (x > 0) & np.isnan(mean),
    }
    told = [f"{int(rows.sum())} rows with {name}" for name, rows in bad.items() if rows.any()]
    if told:
        raise ValueError(f"{'; '.join(told)}: rfm() makes such rows from purchases net of refunds")
    return x, np.where(x > 0, mean, 0.0)


def _spend(x: np.ndarray, mean: np.ndarray) -> _Spend:
    level, count = np.unique(x, return_counts=True)
    return _Spend(x, mean, np.ones(len(x)), level, count.astype(float))
