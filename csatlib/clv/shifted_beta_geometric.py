"""Shifted beta-geometric: how long customers under contract stay, and why retention seems to rise with age."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import betaln, hyp2f1

from csatlib.clv.fitting import LikelihoodModel
from csatlib.stats.rows import require_columns

STARTS = ((1.0, 3.0), (0.5, 5.0), (1.0, 1.0), (5.0, 20.0))
DRAWS = 4_000


@dataclass(frozen=True)
class _Renewals:
    """At each renewal (1, 2, ...): how many customers left and how many stayed."""

    renewal: np.ndarray
    left: np.ndarray
    stayed: np.ndarray
    count: np.ndarray


class ShiftedBetaGeometric(LikelihoodModel):
    """Shifted beta-geometric model of retention under contract.

    Parameters
    ----------
    prior, median, spread, confidence
        As in :class:`csatlib.clv.BetaGeoNBD`.

    Attributes
    ----------
    params_ : Series
        ``alpha`` and ``beta``: each customer leaves at a renewal with an own probability ~ Beta(alpha, beta).
    covariance_, standard_errors_, log_likelihood_, aic_, n_, converged_, reason_, prior_, summary_
        As in :class:`csatlib.clv.BetaGeoNBD`; n counts the customers at the start.

    Notes
    -----
    S(t) = B(alpha, beta + t) / B(alpha, beta); of those there before renewal t, (beta + t - 1) / (alpha + beta +
    t - 1) stay. Cohorts share the parameters. Rising retention comes from those prone to leave being gone.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2007), How to project customer retention, Journal of Interactive Marketing
    21(1), 76-90; (2010), Customer-base valuation in a contractual setting, Marketing Science 29(1), 85-93.

    Examples
    --------
    >>> survivors = pd.DataFrame({"period": range(8), "survivors": [1000, 869, 743, 653, 593, 551, 517, 491]})
    >>> ShiftedBetaGeometric().fit(survivors).params_.round(3).to_dict()
    {'alpha': 0.668, 'beta': 3.806}
    """

    parameters = ("alpha", "beta")

    def fit(
        self,
        data: pd.DataFrame,
        *,
        time: str = "period",
        survivors: str = "survivors",
        cohort: str | None = None,
    ) -> "ShiftedBetaGeometric":
        """Fit to the customers left in each period.

        Parameters
        ----------
        data : DataFrame
            One row per period, and cohort.
        time : str
            Renewals passed since the cohort began: 0, 1, 2, ... without gaps.
        survivors : str
            Customers still there.
        cohort : str, optional
            Column that tells cohorts apart; they may have been observed for different times.

        Returns
        -------
        ShiftedBetaGeometric
            Itself.

        Raises
        ------
        KeyError, ValueError
            Columns that are not there; periods with gaps; survivors that rise or are negative.
        """
        require_columns(data.columns, [time, survivors, *([cohort] if cohort else [])])
        parts = [part for _, part in data.groupby(cohort, sort=False)] if cohort else [data]
        return self._fit(_renewals([part.sort_values(time) for part in parts], time, survivors, cohort))

    def fit_renewals(
        self, data: pd.DataFrame, *, time: str = "period", at_risk: str = "n_at_risk", left: str = "n_events"
    ) -> "ShiftedBetaGeometric":
        """Fit to how many came up to each renewal and left, where customers are watched from different ages on.

        Parameters
        ----------
        data : DataFrame
            One row per renewal, as :func:`csatlib.clv.renewals` makes it; with ``n_entered`` the customers
            behind it are counted, otherwise those at the first renewal.
        time, at_risk, left : str
            Columns: the renewal (1, 2, ...), customers who came up to it, those of them who left.

        Returns
        -------
        ShiftedBetaGeometric
            Itself.

        Raises
        ------
        KeyError, ValueError
            Columns that are not there; more who left than came; nobody.
        """
        require_columns(data.columns, [time, at_risk, left])
        renewal, there, gone = (data[c].to_numpy(dtype=float) for c in (time, at_risk, left))
        if not (there.sum() > 0 and (renewal >= 1).all() and (gone >= 0).all() and (gone <= there).all()):
            raise ValueError(
                f"{time!r} counts renewals from 1, and {left!r} lies between 0 and {at_risk!r}, which is not all 0"
            )
        entered = data["n_entered"].to_numpy(dtype=float) if "n_entered" in data.columns else there[:1]
        return self._fit(_Renewals(renewal, gone, there - gone, entered))

    def _sample(self, rows: _Renewals) -> _Renewals:
        return rows

    def _starts(self, rows: _Renewals) -> np.ndarray:
        return np.array(STARTS)

    def _log_likelihood(self, values: np.ndarray, rows: _Renewals) -> tuple[float, np.ndarray]:
        alpha, beta = values
        before = beta + rows.renewal - 1
        whole = alpha + before
        value = rows.left @ np.log(alpha / whole) + rows.stayed @ np.log(before / whole)
        both = (rows.left + rows.stayed) / whole
        return float(value), np.array(
            [rows.left.sum() / alpha - both.sum(), (rows.stayed / before - both).sum()],
        )

    def survival(self, periods: int, *, seed: int = 0) -> pd.DataFrame:
        """Project the share of a cohort still there after each renewal.

        Parameters
        ----------
        periods : int
            Renewals to project, from the start of the cohort.
        seed : int
            Of the draws behind the interval.

        Returns
        -------
        DataFrame
            ``period`` (0, 1, ...), ``n``, ``estimate`` (0 to 1), ``ci_low``, ``ci_high`` (of the model's curve,
            from draws of the parameters; NaN for given parameters).

        Raises
        ------
        ValueError
            A model that is not fitted or did not converge.
        """
        return self._curve(np.arange(periods + 1), _surviving, seed)

    def retention(self, periods: int, *, seed: int = 0) -> pd.DataFrame:
        """Project the share of those still there that stays at each renewal.

        Parameters
        ----------
        periods, seed
            As in :meth:`survival`.

        Returns
        -------
        DataFrame
            As :meth:`survival`; ``period`` from 1.

        Raises
        ------
        ValueError
            A model that is not fitted or did not converge.
        """
        return self._curve(np.arange(1, periods + 1), _staying, seed)

    def discounted_lifetime(self, discount: float, *, renewals: int = 0, seed: int = 0) -> pd.DataFrame:
        """Value the periods a customer will still pay for, in payments of today.

        Parameters
        ----------
        discount : float
            Per period, above 0.
        renewals : int
            0: a new customer, the payment just now included (DEL). k > 0: a customer just before renewal k, that
            payment included if it comes (DERL).
        seed : int
            Of the draws behind the interval.

        Returns
        -------
        DataFrame
            One row: ``period`` (the renewals), ``n``, ``estimate``, ``ci_low``, ``ci_high``, in payments.

        Raises
        ------
        ValueError
            A discount not above 0; a model that is not fitted or did not converge.

        Notes
        -----
        DEL = 2F1(1, beta; alpha + beta; 1 / (1 + d)); DERL = (beta + k - 1) / (alpha + beta + k - 1) x
        2F1(1, beta + k; alpha + beta + k; 1 / (1 + d)).
        """
        if not discount > 0:
            raise ValueError(f"discount={discount}; it must be above 0 per period, for example 0.1")

        def value(alpha: np.ndarray, beta: np.ndarray, k: np.ndarray) -> np.ndarray:
            series = hyp2f1(1, beta + k, alpha + beta + k, 1 / (1 + discount))
            return series * np.where(k > 0, _staying(alpha, beta, np.maximum(k, 1)), 1.0)

        return self._curve(np.array([renewals]), value, seed)

    def _curve(self, periods: np.ndarray, of, seed: int) -> pd.DataFrame:
        self._require_fit()
        low = high = np.full(len(periods), np.nan)
        if self.covariance_.notna().to_numpy().all():
            drawn = self.sample_parameters(DRAWS, seed=seed).to_numpy()
            tail = (1 - self.confidence) / 2
            low, high = np.quantile(of(drawn[:, :1], drawn[:, 1:], periods), [tail, 1 - tail], axis=0)
        estimate = of(*self.params_, periods)
        columns = {"period": periods, "n": self.n_, "estimate": estimate, "ci_low": low, "ci_high": high}
        return pd.DataFrame(columns)


def _surviving(alpha, beta, t) -> np.ndarray:
    return np.exp(betaln(alpha, beta + t) - betaln(alpha, beta))


def _staying(alpha, beta, t) -> np.ndarray:
    return (beta + t - 1) / (alpha + beta + t - 1)


def _renewals(parts: list[pd.DataFrame], time: str, survivors: str, cohort: str | None) -> _Renewals:
    renewal, left, stayed, start, problems = [], [], [], [], []
    for part in parts:
        there = part[survivors].to_numpy(dtype=float, na_value=np.nan)
        place = f"cohort {part[cohort].iloc[0]}: " if cohort else ""
        if len(part) < 2 or part[time].tolist() != list(range(len(part))):
            problems.append(f"{place}{time!r} is {part[time].tolist()}, not 0, 1, 2, ... up to 1 at least")
        if not (there >= 0).all() or (np.diff(there) > 0).any() or not there[:1].sum() > 0:
            problems.append(f"{place}{survivors!r} must start above 0, never rise or be missing: {there.tolist()}")
        renewal.append(np.arange(1, len(there)))
        left.append(-np.diff(there))
        stayed.append(there[1:])
        start.append(there[:1])
    if problems:
        raise ValueError("; ".join(problems))
    parted = (np.concatenate(part) for part in (renewal, left, stayed, start))
    return _Renewals(*parted)
