"""BG/BB: purchases at fixed occasions, such as an annual appeal or a monthly event."""

import numpy as np
import pandas as pd
from scipy.special import betaln, digamma, logsumexp

from csatlib.clv.histories import Histories, compress
from csatlib.clv.purchase_model import PurchaseModel

STARTS = ((1.0, 1.0, 1.0, 2.0), (1.0, 3.0, 0.5, 3.0), (3.0, 1.0, 1.0, 10.0), (0.5, 2.0, 2.0, 2.0))


class BetaGeoBetaBinomial(PurchaseModel):
    """Beta-geometric / beta-Bernoulli model of purchases that can happen once per period.

    Parameters
    ----------
    prior, median, spread, confidence
        As in :class:`csatlib.clv.BetaGeoNBD`.

    Attributes
    ----------
    params_ : Series
        ``alpha``, ``beta`` (of buying at an occasion while active), ``gamma``, ``delta`` (of stopping before one).
    covariance_, standard_errors_, log_likelihood_, aic_, n_, converged_, reason_, prior_, summary_
        As in :class:`csatlib.clv.BetaGeoNBD`.

    Notes
    -----
    Times count occasions: ``age`` is the number since the first purchase, ``recency`` the last one with a
    purchase, ``frequency`` how many had one; horizons are whole numbers. Before each occasion an
    active customer stops with probability ~ Beta(gamma, delta), else buys with probability ~ Beta(alpha, beta).

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-base analysis in a discrete-time noncontractual
    setting, Marketing Science 29(6), 1086-1108.

    Examples
    --------
    >>> values = {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.78}
    >>> donors = pd.DataFrame({"frequency": [6, 0], "recency": [6, 0], "age": [6, 6]})
    >>> BetaGeoBetaBinomial.from_parameters(values).predict_purchases(donors, 5).round(2).tolist()
    [3.75, 0.07]
    """

    parameters = ("alpha", "beta", "gamma", "delta")

    def _compressed(self, data: pd.DataFrame, *, inverse: bool = False) -> tuple[Histories, np.ndarray | None]:
        rows, back = compress(data, inverse=inverse)
        broken = int(((rows.recency % 1 > 0) | (rows.age % 1 > 0) | (rows.frequency > rows.recency)).sum())
        if broken:
            raise ValueError(
                f"{broken} different rows have a recency or age that is not whole, or more purchases than "
                "occasions; BetaGeoBetaBinomial counts occasions: for purchases at any time use BetaGeoNBD"
            )
        return rows, back

    def _require_horizon(self, horizon) -> None:
        super()._require_horizon(horizon)
        if (np.asarray(horizon, dtype=float) % 1 > 0).any():
            raise ValueError(f"horizon={horizon}; it counts occasions, so it must be whole")

    def _starts(self, rows: Histories) -> np.ndarray:
        return np.array(STARTS)

    def _log_likelihood(self, values: np.ndarray, rows: Histories) -> tuple[float, np.ndarray]:
        alpha, beta, gamma, delta = values
        x = rows.frequency[:, None]
        logs, end, misses, stops = self._endings(values, rows)
        whole = logsumexp(logs, axis=1)
        constant = betaln(alpha, beta) + betaln(gamma, delta)
        value = rows.count @ whole - rows.count.sum() * constant
        share = np.exp(logs - whole[:, None]) * rows.count[:, None]
        total, both, second = rows.count.sum(), digamma(alpha + beta), digamma(gamma + delta)
        first = digamma(alpha + beta + x + misses)
        last = digamma(gamma + delta + end + stops)
        gradient = [
            (share * (digamma(alpha + x) - first)).sum() - total * (digamma(alpha) - both),
            (share * (digamma(beta + misses) - first)).sum() - total * (digamma(beta) - both),
            (share * (digamma(gamma + stops) - last)).sum() - total * (digamma(gamma) - second),
            (share * (digamma(delta + end) - last)).sum() - total * (digamma(delta) - second),
        ]
        return float(value), np.array(gradient)

    def _endings(self, values: np.ndarray, rows: Histories) -> tuple[np.ndarray, ...]:
        """Log weight of each last active occasion, in columns from the last purchase on, with its counts."""
        alpha, beta, gamma, delta = (np.asarray(value)[..., None] for value in values)
        x, last, age = (part[:, None] for part in (rows.frequency, rows.recency, rows.age))
        end = np.minimum(last + np.arange(int((rows.age - rows.recency).max()) + 1), age)
        beyond = np.diff(end, axis=1, prepend=-1.0) == 0
        stops, misses = (end < age).astype(float), end - x
        logs = betaln(alpha + x, beta + misses) + betaln(gamma + stops, delta + end)
        return np.where(beyond, -np.inf, logs), end, misses, stops

    def _log_odds(self, values: np.ndarray, rows: Histories) -> np.ndarray:
        logs, _, _, stops = self._endings(values, rows)
        gone = logsumexp(np.where(stops > 0, logs, -np.inf), axis=-1)
        return gone - logsumexp(np.where(stops > 0, -np.inf, logs), axis=-1)

    def _while_active(self, values: np.ndarray, rows: Histories, horizon: float) -> np.ndarray:
        alpha, beta, gamma, delta = values
        chance = (alpha + rows.frequency) / (alpha + beta + rows.age)
        return chance * _occasions(gamma, delta + rows.age, horizon)

    def _new(self, values: np.ndarray, age: np.ndarray) -> np.ndarray:
        alpha, beta, gamma, delta = values
        each = [_occasions(gamma, delta, number) for number in np.atleast_1d(age)]
        return (alpha / (alpha + beta) * np.array(each)).reshape(np.shape(age))

    def _active_counts(self, rng, values: np.ndarray, rows: Histories, back, times: np.ndarray) -> np.ndarray:
        alpha, beta, gamma, delta = values
        x, age = rows.frequency[back], rows.age[back]
        buys = rng.beta(alpha + x, beta + age - x)
        stop = rng.beta(np.broadcast_to(gamma, buys.shape), delta + age)
        lived = rng.geometric(np.maximum(stop, 1e-12))[..., None] - 1
        open_ = np.diff(np.minimum(lived, times.astype(np.int64)), axis=-1, prepend=0)
        return np.cumsum(rng.binomial(open_, buys[..., None]), axis=-1)


def _occasions(gamma, delta, horizon: float) -> np.ndarray:
    """Occasions still active within the horizon, stopping ~ Beta(gamma, delta)."""
    steps = np.arange(int(horizon))
    staying = (np.asarray(delta)[..., None] + steps) / (np.asarray(gamma + delta)[..., None] + steps)
    return np.cumprod(staying, axis=-1).sum(axis=-1)
