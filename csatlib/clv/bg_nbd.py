"""BG/NBD: purchases at random while active, and after each repeat purchase a chance to stop."""

import numpy as np
from scipy.special import betaln, digamma, expit, gammaln, hyp2f1

from csatlib.clv.histories import Histories
from csatlib.clv.purchase_model import PurchaseModel, stopping_counts

NEAR_ONE = 1e-4
OVERFLOW, TRAPEZOIDS = 600.0, 512
STARTS = ((1.0, 1.0, 1.0, 2.0), (0.3, 0.3, 0.5, 2.0), (3.0, 3.0, 0.1, 1.0), (0.1, 0.1, 3.0, 10.0))


class BetaGeoNBD(PurchaseModel):
    """Beta-geometric / negative binomial model of repeat purchases without a contract.

    Parameters
    ----------
    prior : {"if_needed", "never", "always"}
        Whether a log-normal prior holds the parameters: "if_needed" only where maximum likelihood does not
        converge; then no AIC is given, and intervals hold on condition of the prior.
    median : mapping of str to float, optional
        Medians of the prior, for example the company's parameters for a small segment; default: the first start.
    spread : float
        Standard deviation of the prior of each log parameter.
    confidence : float
        Coverage of the intervals in ``summary_``.

    Attributes
    ----------
    params_, standard_errors_ : Series
        ``r``, ``alpha`` (in the unit of time), ``a``, ``b``.
    covariance_ : DataFrame
        Covariance of the logarithms of the parameters.
    log_likelihood_, aic_, n_, converged_, reason_, prior_, summary_
        Log-likelihood without the prior; AIC (NaN with a prior); customers; whether the estimates can be used;
        what went wrong with maximum likelihood, else ""; name of the prior, if one was used; a table of it all.

    Notes
    -----
    Active customers buy with rate lambda ~ Gamma(r, alpha) and after each repeat purchase stop with probability
    p ~ Beta(a, b), so that whoever never came back counts as active. BFGS with the analytic gradient on log
    parameters, over unique histories; then Newton steps. Converged: the Hessian is positive definite, less than
    0.00001 of log-likelihood is left to gain, and no log parameter has a standard error above 3.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), "Counting your customers" the easy way, Marketing
    Science 24(2), 275-284.

    Examples
    --------
    >>> import pandas as pd
    >>> model = BetaGeoNBD.from_parameters({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    >>> customer = pd.DataFrame({"frequency": [2], "recency": [30.43], "age": [38.86]})
    >>> model.predict_purchases(customer, 39).round(3).tolist()
    [1.226]
    """

    parameters = ("r", "alpha", "a", "b")
    _stops_at_once = 0

    def _starts(self, rows: Histories) -> np.ndarray:
        rate = max(rows.count @ rows.frequency, 1.0) / max(rows.count @ rows.age, 1e-9)
        return np.array(STARTS) * [1, 1 / rate, 1, 1]

    def _log_likelihood(self, values: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        r, alpha, a, b = values
        x, n, shape = rows.level, rows.level_count, b + rows.level + self._stops_at_once
        level = gammaln(r + x) - gammaln(r) + betaln(a, shape) - betaln(a, b)
        to_age, to_last = np.log(alpha + rows.age), np.log(alpha + rows.recency)
        power, odds = r + rows.frequency, self._stopped(values, x)[rows.which]
        odds = odds + power * (to_age - to_last)
        stopped = rows.count * expit(odds)
        value = (
            n @ (level + r * np.log(alpha)) - rows.count @ (power * to_age) + rows.count @ np.logaddexp(0, odds)
        )
        total = rows.count.sum()
        by_level = np.bincount(rows.which, stopped, len(x))
        among = by_level > 0
        gradient = [
            n @ digamma(r + x) - total * (digamma(r) - np.log(alpha)) - rows.count @ to_age
            + stopped @ (to_age - to_last),
            total * r / alpha
            - (rows.count - stopped) @ (power / (alpha + rows.age)) - stopped @ (power / (alpha + rows.recency)),
            total * digamma(a + b) - n @ digamma(a + shape) + by_level.sum() / a,
            n @ (digamma(shape) - digamma(a + shape)) + total * (digamma(a + b) - digamma(b))
            - by_level[among] @ (1 / (shape[among] - 1)),
        ]  # fmt: skip
        return float(value), np.array(gradient)

    def _stopped(self, values: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Log odds of having stopped at the last purchase, but for the time since."""
        _, _, a, b = values
        if self._stops_at_once:
            return np.log(a) - np.log(b + x)
        return np.where(x > 0, np.log(a) - np.log(np.where(x > 0, b + x - 1, 1.0)), -np.inf)

    def _log_odds(self, values: np.ndarray, rows: Histories) -> np.ndarray:
        r, alpha, _, _ = values
        since = np.log(alpha + rows.age) - np.log(alpha + rows.recency)
        return self._stopped(values, rows.frequency) + (r + rows.frequency) * since

    def _while_active(self, values: np.ndarray, rows: Histories, horizon: float) -> np.ndarray:
        r, alpha, a, b = values
        x = rows.frequency
        return active_purchases(r + x, alpha + rows.age, a, b + x + self._stops_at_once, horizon)

    def _new(self, values: np.ndarray, age: np.ndarray) -> np.ndarray:
        r, alpha, a, b = values
        begins = (b / (a + b)) ** self._stops_at_once
        return begins * active_purchases(r, alpha, a, b + self._stops_at_once, age)

    def _active_counts(self, rng, values: np.ndarray, rows: Histories, back, times: np.ndarray) -> np.ndarray:
        r, alpha, a, b = values
        x, age = rows.frequency[back], rows.age[back]
        rate = rng.gamma(r + x, 1 / (alpha + age))
        stop = rng.beta(np.broadcast_to(a, rate.shape), b + x + self._stops_at_once)
        return stopping_counts(rng, rate, stop, times)


def active_purchases(r, alpha, a, b, horizon) -> np.ndarray:
    """Purchases expected of an active customer with rate ~ Gamma(r, alpha) and stopping ~ Beta(a, b)."""
    if abs(a - 1) < NEAR_ONE:  # the formula is 0/0 at a = 1, its limit is smooth
        sides = (active_purchases(r, alpha, 1 + 2 * side * NEAR_ONE, b, horizon) for side in (-1, 1))
        return sum(sides) / 2
    r, alpha, b, horizon = (part.astype(float) for part in np.broadcast_arrays(r, alpha, b, horizon))
    share = horizon / (alpha + horizon)
    far = (a - 1) * np.log1p(horizon / alpha) > OVERFLOW
    series = hyp2f1(a + b - 1 - r, a - 1, a + b - 1, np.where(far, 0.0, share))
    expected = (a + b - 1) / (a - 1) * (1 - (1 - share) ** (a - 1) * series)
    if far.any():
        expected[far] = _by_quadrature(r[far], alpha[far], a, b[far], horizon[far])
    return expected


def _by_quadrature(r, alpha, a: float, b, horizon) -> np.ndarray:
    """Compute the same where the series overflows, by trapezoids over the log odds of the probability to stop."""
    spread, mode = np.sqrt(1 / a + 1 / b), np.log(a / b)
    low, high = mode - 9 * spread - 40 / a, mode + 9 * spread + 40 / b
    top, total, weights = -a * np.log1p(b / a) - b * np.log1p(a / b), 0.0, 0.0
    for node in np.linspace(0, 1, TRAPEZOIDS):
        odds = low + (high - low) * node
        weight = np.exp(-a * np.logaddexp(0, -odds) - b * np.logaddexp(0, odds) - top)
        stop = expit(odds)
        total = total - weight * np.expm1(-r * np.log1p(stop * horizon / alpha)) / stop
        weights = weights + weight
    return total / weights
