"""What models of repeat purchases share: fit to histories, who is still active, what to expect, futures drawn."""

import numpy as np
import pandas as pd
from scipy.special import expit

from csatlib.clv.fitting import SAMPLE_ROWS, LikelihoodModel
from csatlib.clv.histories import Histories, compress


class PurchaseModel(LikelihoodModel):
    """A model of repeat purchases.

    A subclass gives, next to what :class:`LikelihoodModel` asks for, ``_log_odds(values, rows)`` of having
    stopped, ``_while_active(values, rows, horizon)``, ``_new(values, age)`` and ``_active_counts(rng, values,
    rows, back, times)``; values are numbers or (draws, 1) columns.
    """

    def fit(self, data: pd.DataFrame) -> "PurchaseModel":
        """Fit to one row per customer.

        Parameters
        ----------
        data : DataFrame
            ``frequency`` (repeat purchases), ``recency`` (age at the last one), ``age`` (time since the first
            purchase), as :func:`csatlib.clv.rfm` makes them; any unit of time.

        Returns
        -------
        PurchaseModel
            Itself.

        Raises
        ------
        KeyError, ValueError
            Columns that are not there; values that cannot be.
        """
        return self._fit(self._compressed(data)[0])

    def alive_probability(self, data: pd.DataFrame) -> pd.Series:
        """Probability that each customer is still active at the end of the data.

        Parameters
        ----------
        data : DataFrame
            As in :meth:`fit`.

        Returns
        -------
        Series
            Between 0 and 1, index of `data`.

        Raises
        ------
        ValueError
            A model that is not fitted or did not converge.
        """
        self._require_fit()
        rows, back = self._compressed(data, inverse=True)
        alive = expit(-self._log_odds(self._values(None), rows))
        return pd.Series(alive[back], index=data.index, name="alive_probability")

    def predict_purchases(self, data: pd.DataFrame, horizon: float) -> pd.Series:
        """Purchases expected of each customer within a time after the end of the data.

        Parameters
        ----------
        data : DataFrame
            As in :meth:`fit`.
        horizon : float
            In the unit of time of `data`.

        Returns
        -------
        Series
            Index of `data`.

        Raises
        ------
        ValueError
            A negative horizon; a model that is not fitted or did not converge.
        """
        self._require_fit()
        self._require_horizon(horizon)
        rows, back = self._compressed(data, inverse=True)
        values = self._values(None)
        expected = self._while_active(values, rows, float(horizon)) * expit(-self._log_odds(values, rows))
        return pd.Series(expected[back], index=data.index, name="expected_purchases")

    def expected_repeats(self, age) -> np.ndarray:
        """Repeat purchases expected of a new customer up to each age.

        Parameters
        ----------
        age : array of float
            In the unit of time of the fit.

        Returns
        -------
        ndarray
            One number per age.

        Raises
        ------
        ValueError
            A negative age; a model that is not fitted or did not converge.
        """
        self._require_fit()
        self._require_horizon(np.sort(np.ravel(age)))
        return self._new(self._values(None), np.asarray(age, dtype=float))

    def simulate(self, data: pd.DataFrame, horizon, *, parameters: pd.DataFrame, seed: int = 0) -> np.ndarray:
        """Draw each customer's future purchases, given what is known of him or her.

        Parameters
        ----------
        data : DataFrame
            As in :meth:`fit`.
        horizon : float or increasing sequence of float
            Times after the end of the data.
        parameters : DataFrame
            From :meth:`sample_parameters`: one draw of the future per row.
        seed : int
            Of the draws.

        Returns
        -------
        ndarray of int
            Cumulated purchases, shape (draws, customers), or (draws, customers, times) for a sequence; memory
            grows with all three, so draw many customers in parts.

        Raises
        ------
        ValueError
            Times that are negative or fall.
        """
        times = np.atleast_1d(np.asarray(horizon, dtype=float))
        self._require_horizon(times)
        rows, back = self._compressed(data, inverse=True)
        rng, values = self._stream(seed, "purchases"), self._values(parameters)
        active = rng.random((len(parameters), len(back))) < expit(-self._log_odds(values, rows))[:, back]
        counts = self._active_counts(rng, values, rows, back, times) * active[..., None]
        return counts if np.ndim(horizon) else counts[..., 0]

    def _compressed(self, data: pd.DataFrame, *, inverse: bool = False) -> tuple[Histories, np.ndarray | None]:
        return compress(data, inverse=inverse)

    def _sample(self, rows: Histories) -> Histories:
        return rows.sample(SAMPLE_ROWS)

    def _require_horizon(self, horizon) -> None:
        times = np.atleast_1d(np.asarray(horizon, dtype=float))
        if not (times >= 0).all() or (np.diff(times) < 0).any():
            raise ValueError(
                f"horizon={horizon}; times are zero or more, in order, in the unit of time of the data"
            )


def stopping_counts(rng: np.random.Generator, rate: np.ndarray, stop: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Cumulated Poisson purchases up to each time; after each a customer stops with probability `stop`."""
    counts = np.cumsum(rng.poisson(rate[..., None] * np.diff(times, prepend=0.0)), axis=-1)
    return np.minimum(counts, rng.geometric(np.maximum(stop, 1e-12))[..., None])
