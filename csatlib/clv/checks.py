"""Does a model of purchases hold: week by week, by frequency, beside other models, and what it assumes."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from csatlib.clv.gamma_gamma import GammaGamma, spend_independence
from csatlib.clv.purchase_model import PurchaseModel
from csatlib.clv.rfm_summary import UNITS
from csatlib.stats.intervals import FEW_GROUPS, benjamini_hochberg, from_replicates
from csatlib.stats.moments import moments
from csatlib.stats.rows import require_columns

WEEK = 7
MISSED = 10.0  # percent of the holdout total
ONCE = 0.75  # share of customers with one purchase


def tracking(
    model: PurchaseModel,
    data: pd.DataFrame,
    purchases: pd.DataFrame,
    *,
    observed_until: str | date,
    calibration_until: str | date | None = None,
    unit: str = "D",
    every: int = WEEK,
) -> pd.DataFrame:
    """Follow cumulative repeat purchases through calibration and holdout, counted and expected.

    Parameters
    ----------
    model : PurchaseModel
        Fitted to `data`.
    data : DataFrame
        From :func:`csatlib.clv.rfm`, with ``first``.
    purchases : DataFrame
        From :func:`csatlib.clv.repeat_purchases`: ``day`` and ``purchases``.
    observed_until, calibration_until, unit
        As given to :func:`csatlib.clv.rfm`.
    every : int
        Days between rows.

    Returns
    -------
    DataFrame
        One row per whole week, the calibration ending with one: ``period`` (1, 2, ...), ``day`` (its last),
        ``part`` ("calibration" or "holdout"), ``n`` (customers), ``value`` (repeat purchases counted up to then),
        ``estimate`` (expected by the model).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; a unit that is not allowed; a model that cannot be used.

    Notes
    -----
    Expected are the purchases of new customers by their first day, not given what they bought since: the sum over
    customers of E[X(day - first)]. A holdout drifting away says that rates changed, which all models here
    rule out.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), Marketing Science 24(2), 275-284, figure 3.

    Examples
    --------
    >>> from csatlib.clv import BetaGeoNBD
    >>> model = BetaGeoNBD.from_parameters({"r": 0.243, "alpha": 30.9, "a": 0.793, "b": 2.426})
    >>> first = pd.DataFrame({"first": pd.to_datetime(["2026-01-01"] * 100)})
    >>> days = pd.DataFrame({"day": pd.to_datetime(["2026-01-05", "2026-01-12"]), "purchases": [4, 5]})
    >>> tracking(model, first, days, observed_until="2026-01-15")[["day", "value"]].astype(str).values.tolist()
    [['2026-01-08', '4'], ['2026-01-15', '9']]
    """
    require_columns(data.columns, ["first"])
    require_columns(purchases.columns, ["day", "purchases"])
    if unit not in UNITS:
        raise ValueError(f"unit={unit!r}; allowed are {', '.join(map(repr, UNITS))}")
    first = data["first"].value_counts().sort_index()
    end = pd.Timestamp(observed_until)
    until = pd.Timestamp(calibration_until) if calibration_until is not None else end
    weeks = (until - first.index[0]).days // every, (end - until).days // every
    days = until + pd.to_timedelta(every * np.arange(1 - weeks[0], weeks[1] + 1), unit="D")
    ages = (days.to_numpy()[:, None] - first.index.to_numpy()) / np.timedelta64(1, "D") / UNITS[unit]
    lengths, at = np.unique(np.maximum(ages, 0), return_inverse=True)
    expected = model.expected_repeats(lengths)[at.reshape(ages.shape)] @ first.to_numpy()
    counted = purchases.sort_values("day")
    upto = np.searchsorted(counted["day"].to_numpy(), days.to_numpy(), side="right")
    return pd.DataFrame(
        {
            "period": np.arange(1, len(days) + 1),
            "day": days,
            "part": np.where(days <= until, "calibration", "holdout"),
            "n": len(data),
            "value": np.r_[0, counted["purchases"].cumsum()][upto],
            "estimate": expected,
        }
    )


def calibration(
    model: PurchaseModel, data: pd.DataFrame, *, most: int = 7, confidence: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Compare purchases in the holdout with those expected, by how often customers bought before.

    Parameters
    ----------
    model : PurchaseModel
        Fitted to `data`.
    data : DataFrame
        From :func:`csatlib.clv.rfm` with `calibration_until`.
    most : int
        Customers with so many repeat purchases or more share a group.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the 1,000 replicates.

    Returns
    -------
    DataFrame
        One row per group that has customers: ``group`` ("0", "1", ..., "7+"), ``n``, ``n_groups``, ``few_groups``,
        ``value`` (mean purchases in the holdout), ``value_reference`` (mean expected), ``estimate`` (their
        difference), ``se``, ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted`` (Benjamini-Hochberg over groups).

    Raises
    ------
    KeyError, ValueError
        No holdout columns; a model that cannot be used.

    Notes
    -----
    The limits hold for what customers vary; the parameters are taken as known.

    Examples
    --------
    >>> from csatlib.clv import BetaGeoNBD
    >>> model = BetaGeoNBD.from_parameters({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    >>> once = pd.DataFrame({"frequency": [0] * 50, "recency": 0, "age": 30, "holdout": 39.0})
    >>> once["holdout_frequency"] = [0, 0, 1, 0, 0] * 10
    >>> calibration(model, once)[["group", "n", "value"]].values.tolist()
    [['0', 50, 0.2]]
    """
    found, expected = _holdout(model, data)
    group = np.minimum(data["frequency"].to_numpy(), most).astype(int)
    rows = []
    for number in np.unique(group):
        own = group == number
        held = moments(pd.DataFrame({"difference": found[own] - expected[own]}), ["difference"])
        difference, drawn = float(held.means[0]), held.replicates(seed=seed).means[:, 0]
        limits = from_replicates(difference, drawn, n_groups=held.n_groups, confidence=confidence)
        rows.append(
            {
                "group": f"{number}+" if number == most else str(number),
                "n": int(own.sum()),
                "n_groups": held.n_groups,
                "few_groups": held.n_groups < FEW_GROUPS,
                "value": found[own].mean(),
                "value_reference": expected[own].mean(),
                "estimate": difference,
                "se": float(limits.se),
                "ci_low": float(limits.ci_low),
                "ci_high": float(limits.ci_high),
                "p_value": float(limits.p_value),
            }
        )
    table = pd.DataFrame(rows)
    return table.assign(p_adjusted=benjamini_hochberg(table["p_value"]))


def compare(models: Mapping[str, PurchaseModel], data: pd.DataFrame) -> pd.DataFrame:
    """Set models side by side: likelihood in the calibration, error in the holdout.

    Parameters
    ----------
    models : mapping of str to PurchaseModel
        Names to models, all fitted to `data`.
    data : DataFrame
        From :func:`csatlib.clv.rfm` with `calibration_until`.

    Returns
    -------
    DataFrame
        One row per model: ``model``, ``n``, ``log_likelihood``, ``aic`` (NaN with a prior), ``aic_difference``
        (from the smallest), ``prior``, ``value`` (purchases in the holdout), ``estimate`` (expected),
        ``error_percent`` (of the total), ``mean_absolute_error`` (of a customer's purchases).

    Raises
    ------
    KeyError, ValueError
        No holdout columns; a model that did not converge.

    Notes
    -----
    Likelihoods of :class:`csatlib.clv.BetaGeoBetaBinomial`, which counts occasions, cannot be compared with the
    others'. AIC differences under 2 do not separate models.

    References
    ----------
    Burnham, K. P. and Anderson, D. R. (2004), Multimodel inference, Sociological Methods and Research 33, 261-304.

    Examples
    --------
    >>> from csatlib.clv import BetaGeoNBD
    >>> model = BetaGeoNBD.from_parameters({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    >>> once = pd.DataFrame({"frequency": [0] * 50, "recency": 0, "age": 30, "holdout": 39.0})
    >>> once["holdout_frequency"] = [0, 0, 1, 0, 0] * 10
    >>> compare({"published": model}, once)["estimate"].round(1).tolist()
    [12.0]
    """
    rows = []
    for name, model in models.items():
        found, expected = _holdout(model, data)
        rows.append(
            {
                "model": name,
                "n": len(data),
                "log_likelihood": model.log_likelihood_,
                "aic": model.aic_,
                "prior": model.prior_ or "none",
                "value": found.sum(),
                "estimate": expected.sum(),
                "error_percent": 100 * (expected.sum() / found.sum() - 1) if found.sum() else np.nan,
                "mean_absolute_error": np.abs(found - expected).mean(),
            }
        )
    table = pd.DataFrame(rows)
    table.insert(4, "aic_difference", table["aic"] - table["aic"].min())
    return table


def assumptions(
    model: PurchaseModel, data: pd.DataFrame, *, spend: GammaGamma | None = None, seed: int = 0
) -> pd.DataFrame:
    """Check what predictions rest on; what fails is a warning to show beside them.

    Parameters
    ----------
    model : PurchaseModel
        Fitted to `data`.
    data : DataFrame
        From :func:`csatlib.clv.rfm`; with `calibration_until` the holdout is checked too.
    spend : GammaGamma, optional
        Fitted to `data`.
    seed : int
        Of the replicates.

    Returns
    -------
    DataFrame
        One row per check: ``check`` ("converged", "without_prior", "one_purchase", "holdout_total",
        "spend_converged", "spend_without_prior", "spend_independent"), ``n``, ``estimate`` (share, percent or
        correlation; NaN for yes and no), ``limit`` (NaN likewise), ``holds``.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there.

    Notes
    -----
    "one_purchase" holds while under 75 % of customers bought once, or the model lets these stop (BG/NBD does not).
    "holdout_total" holds within 10 % of the purchases counted. "spend_independent" holds where the interval of the
    correlation of frequency and spend includes 0.

    Examples
    --------
    >>> from csatlib.clv import BetaGeoNBD
    >>> model = BetaGeoNBD.from_parameters({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
    >>> once = pd.DataFrame({"frequency": [0] * 50, "recency": 0, "age": 30})
    >>> assumptions(model, once).query("~holds")["check"].tolist()
    ['one_purchase']
    """
    n, nothing = len(data), np.nan
    share = float((data["frequency"] == 0).mean())
    blind = type(model).__name__ == "BetaGeoNBD"
    rows = [
        ("converged", n, nothing, nothing, model.converged_),
        ("without_prior", n, nothing, nothing, model.prior_ is None),
        ("one_purchase", n, share, ONCE, share < ONCE or not blind),
    ]
    if "holdout_frequency" in data and model.converged_:
        found, expected = _holdout(model, data)
        missed = 100 * (expected.sum() / found.sum() - 1) if found.sum() else nothing
        rows.append(("holdout_total", n, missed, MISSED, abs(missed) <= MISSED))
    if spend is not None:
        rows.append(("spend_converged", spend.n_, nothing, nothing, spend.converged_))
        rows.append(("spend_without_prior", spend.n_, nothing, nothing, spend.prior_ is None))
        tied = spend_independence(data, seed=seed).iloc[0]
        rows.append(
            ("spend_independent", tied["n"], tied["estimate"], 0.0, not tied["ci_low"] * tied["ci_high"] > 0)
        )
    return pd.DataFrame(rows, columns=["check", "n", "estimate", "limit", "holds"])


def _holdout(model: PurchaseModel, data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    require_columns(data.columns, ["frequency", "holdout_frequency", "holdout"])
    horizon = data["holdout"].iloc[0] if len(data) else 0.0
    expected = model.predict_purchases(data, horizon)
    return data["holdout_frequency"].to_numpy(dtype=float), expected.to_numpy()
