"""Pareto/NBD: purchases at random while active, and an end that can come at any time."""

import numpy as np
from scipy.special import digamma, expit, exprel, gammaln

from csatlib.clv.histories import Histories
from csatlib.clv.purchase_model import PurchaseModel

STARTS = ((0.5, 1.0, 0.5, 1.0), (1.0, 1.0, 1.0, 3.0), (3.0, 3.0, 0.3, 0.3), (0.2, 0.3, 2.0, 10.0))
NODES, WEIGHTS = (part / 2 for part in np.polynomial.legendre.leggauss(24))
NODES = NODES + 0.5
CUTS, VANISHED = 5, 34.0


class ParetoNBD(PurchaseModel):
    """Pareto / negative binomial model of repeat purchases without a contract.

    Parameters
    ----------
    prior, median, spread, confidence
        As in :class:`csatlib.clv.BetaGeoNBD`.

    Attributes
    ----------
    params_ : Series
        ``r``, ``alpha``, ``s``, ``beta``; alpha and beta in the unit of time.
    covariance_, standard_errors_, log_likelihood_, aic_, n_, converged_, reason_, prior_, summary_
        As in :class:`csatlib.clv.BetaGeoNBD`.

    Notes
    -----
    Active customers buy with rate lambda ~ Gamma(r, alpha) and stop with rate mu ~ Gamma(s, beta). The integral
    over the time of stopping t, from the last purchase to the end, is taken by Gauss-Legendre over the logarithm
    of min(alpha, beta) + t, cut where the integrand has fallen by exp(-34): no hypergeometric function, no
    overflow. The likelihood is often flat in s and beta.

    References
    ----------
    Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting your customers: who are they and what will
    they do next?, Management Science 33(1), 1-24; Fader, P. S. and Hardie, B. G. S. (2005), note 009.

    Examples
    --------
    >>> import pandas as pd
    >>> model = ParetoNBD.from_parameters({"r": 0.5534, "alpha": 10.58, "s": 0.6061, "beta": 11.66})
    >>> customer = pd.DataFrame({"frequency": [26], "recency": [30.86], "age": [31]})
    >>> model.predict_purchases(customer, 52).round(2).tolist()
    [25.46]
    """

    parameters = ("r", "alpha", "s", "beta")

    def _starts(self, rows: Histories) -> np.ndarray:
        rate = max(rows.count @ rows.frequency, 1.0) / max(rows.count @ rows.age, 1e-9)
        return np.array(STARTS) * [1, 1 / rate, 1, 1 / rate]

    def _log_likelihood(self, values: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        r, alpha, s, beta = values
        x, n, total = rows.level, rows.level_count, rows.count.sum()
        log_odds, averages = _stopping(values, rows)
        power = r + rows.frequency
        log_a, log_b = np.log(alpha + rows.age), np.log(beta + rows.age)
        value = (
            n @ (gammaln(r + x) - gammaln(r)) + total * (r * np.log(alpha) + s * np.log(beta))
            - rows.count @ (power * log_a + s * log_b - np.logaddexp(0, log_odds))
        )  # fmt: skip
        stopped = rows.count * expit(log_odds)
        still = rows.count - stopped
        mean_log_a, mean_a, mean_log_b, mean_b = averages
        gradient = [
            n @ digamma(r + x) - total * (digamma(r) - np.log(alpha)) - still @ log_a - stopped @ mean_log_a,
            total * r / alpha - still @ (power / (alpha + rows.age)) - stopped @ (power * mean_a),
            total * np.log(beta) - still @ log_b - stopped @ mean_log_b + stopped.sum() / s,
            total * s / beta - still @ (s / (beta + rows.age)) - (s + 1) * stopped @ mean_b,
        ]
        return float(value), np.array(gradient)

    def _log_odds(self, values: np.ndarray, rows: Histories) -> np.ndarray:
        return _stopping(values, rows)[0]

    def _while_active(self, values: np.ndarray, rows: Histories, horizon: float) -> np.ndarray:
        r, alpha, s, beta = values
        return (r + rows.frequency) / (alpha + rows.age) * _lived(s, beta + rows.age, horizon)

    def _new(self, values: np.ndarray, age: np.ndarray) -> np.ndarray:
        r, alpha, s, beta = values
        return r / alpha * _lived(s, beta, age)

    def _active_counts(self, rng, values: np.ndarray, rows: Histories, back, times: np.ndarray) -> np.ndarray:
        r, alpha, s, beta = values
        age = rows.age[back]
        rate = rng.gamma(r + rows.frequency[back], 1 / (alpha + age))
        ends = rng.gamma(np.broadcast_to(s, rate.shape), 1 / (beta + age))
        life = rng.exponential(1 / np.maximum(ends, 1e-300))
        lived = np.diff(np.minimum(life[..., None], times), axis=-1, prepend=0.0)
        return np.cumsum(rng.poisson(rate[..., None] * lived), axis=-1)


def _lived(s, beta, horizon) -> np.ndarray:
    """Time active within the horizon, for an end with rate ~ Gamma(s, beta)."""
    log_time = np.log1p(horizon / beta)
    return beta * log_time * exprel(-(s - 1) * log_time)


def _stopping(values: np.ndarray, rows: Histories) -> tuple[np.ndarray, list[np.ndarray]]:
    """Log odds of having stopped at t; averages of log(alpha + t), 1/(alpha + t), log(beta + t), 1/(beta + t)."""
    r, alpha, s, beta = values
    power, base = r + rows.frequency, np.minimum(alpha, beta)
    log_a, log_b, log_base = (np.log(part + rows.recency) for part in (alpha, beta, base))
    width = _width(values, rows, base)
    sums = [0.0] * 5
    for node, weight in zip(NODES, WEIGHTS, strict=True):
        moved = width * node
        from_base = np.exp(log_base + moved)
        a, b = from_base + (alpha - base), from_base + (beta - base)
        log_t_a, log_t_b = np.log(a), np.log(b)
        part = weight * np.exp(moved - power * (log_t_a - log_a) - (s + 1) * (log_t_b - log_b))
        terms = (part, part * log_t_a, part / a, part * log_t_b, part / b)
        sums = [total + term for total, term in zip(sums, terms, strict=True)]
    whole, *rest = sums
    to_age = power * np.log((alpha + rows.age) / (alpha + rows.recency)) + s * np.log(beta + rows.age)
    with np.errstate(divide="ignore"):
        log_odds = np.log(s) + to_age + log_base - (s + 1) * log_b + np.log(width) + np.log(whole)
    return log_odds, [part / whole for part in rest]


def _width(values: np.ndarray, rows: Histories, base) -> np.ndarray:
    """Length of log(base + t) from the last purchase to the end, or to where the integrand has vanished."""
    r, alpha, s, beta = values
    last, power = rows.recency, r + rows.frequency
    width = np.log((base + rows.age) / (base + last))
    for _ in range(CUTS):  # Newton from the right: the exponent is convex in log(base + t)
        t = (base + last) * np.exp(width) - base
        a, b = alpha + t, beta + t
        fallen = power * np.log(a / (alpha + last)) + s * np.log(b / (beta + last)) - VANISHED
        slope = (base + t) * (power / a + s / b)
        width = np.where(fallen > 0, width - fallen / slope, width)
    return width
