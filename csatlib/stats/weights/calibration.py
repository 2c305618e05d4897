"""Raking and post-stratification of one sample to known population figures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csatlib.stats.rows import require_columns
from csatlib.stats.weights.margins import ITERATIONS, TOLERANCE, Margins, coded, fitted

TRIM = 1e-6


@dataclass(frozen=True)
class Weighted:
    """Result of :func:`rake` and :func:`post_stratify`.

    Attributes
    ----------
    weights : DataFrame
        ``weight`` (mean 1 over rows with a base weight) and ``base``, on the index of the data.
    margins : DataFrame
        One row per category: ``column``, ``category``, ``n``, ``sample`` (share with base weights), ``target``,
        ``weighted`` (share with the new weights), ``deviation`` (weighted less target).
    diagnostics : DataFrame
        One row: ``n``, ``iterations``, ``converged``, ``largest_deviation`` of a share, ``kish_effect`` (1 = no
        loss), ``n_eff``, ``smallest`` and ``largest`` weight, ``n_trimmed`` (rows at a bound).
    """

    weights: pd.DataFrame
    margins: pd.DataFrame
    diagnostics: pd.DataFrame


def kish(weights: np.ndarray) -> pd.DataFrame:
    """Design effect and effective number of answers that unequal weights leave.

    Parameters
    ----------
    weights : array_like
        Weights of zero or more, one per row; rows of weight 0 do not count.

    Returns
    -------
    DataFrame
        One row: ``n``, ``kish_effect`` = n sum(w^2) / (sum w)^2, ``n_eff`` = n / kish_effect.

    Raises
    ------
    ValueError
        Weights that are missing or negative, or all 0.

    References
    ----------
    Kish, L. (1965), Survey Sampling, 11.7.

    Examples
    --------
    >>> kish([1, 2, 3, 4]).round(3).values.tolist()
    [[4.0, 1.2, 3.333]]
    """
    values = np.asarray(weights, dtype=float)
    if np.isnan(values).any() or (values < 0).any() or not values.any():
        raise ValueError(
            f"weights: {np.isnan(values).sum()} missing, {(values < 0).sum()} negative, {(values > 0).sum()} "
            "above zero; weights are zero or more and some must be above zero"
        )
    n = int((values > 0).sum())
    effect = n * (values**2).sum() / values.sum() ** 2
    return pd.DataFrame({"n": [n], "kish_effect": [effect], "n_eff": [n / effect]})


def rake(
    data: pd.DataFrame,
    *,
    margins: Mapping[str, Mapping],
    weight: str | None = None,
    bounds: tuple[float, float] | None = None,
    tolerance: float = TOLERANCE,
    iterations: int = ITERATIONS,
) -> Weighted:
    """Calibrate weights so that the sample's margins meet known population margins.

    Parameters
    ----------
    data : DataFrame
        One row per respondent.
    margins : mapping of column to mapping of category to share or count
        Population figures; each column's are scaled to 1. Categories are compared as text.
    weight : str, optional
        Base weights.
    bounds : (low, high), optional
        Trimming: no weight under low or over high times the mean weight. Raking and trimming alternate until
        both hold.
    tolerance, iterations : float, int
        Stop once no share is off by more, or after so many rounds.

    Returns
    -------
    Weighted
        Tables ``weights``, ``margins``, ``diagnostics``; see there. When ``converged`` is False the bounds or the
        margins cannot be met; what is left stands in ``deviation``.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; categories without a target, targets without respondents, missing
        categories, targets not above zero, bad weights or bounds: all at once, each with its remedy.

    Notes
    -----
    Iterative proportional fitting; without trimming it keeps the sample's odds ratios. It cures over- and
    under-representation in the given columns only, not non-response that depends on satisfaction itself.
    Scores can rake again inside every replicate (`margins` in :mod:`csatlib.scores`); given these weights as a
    column, they take them as fixed, which as a rule makes intervals somewhat too wide.

    References
    ----------
    Deming, W. E. and Stephan, F. F. (1940), Annals of Mathematical Statistics 11, 427-444; Kalton, G. and
    Flores-Cervantes, I. (2003), Journal of Official Statistics 19(2), 81-97.

    Examples
    --------
    >>> answers = pd.DataFrame({"region": ["N", "N", "N", "S"]})
    >>> found = rake(answers, margins={"region": {"N": 50, "S": 50}})
    >>> found.weights["weight"].round(3).tolist(), found.diagnostics["n_eff"].item()
    ([0.667, 0.667, 0.667, 2.0], 3.0)
    """
    require_columns(data.columns, [*margins, *([weight] if weight else [])])
    base = _base(data, weight)
    if bounds is not None and not 0 <= bounds[0] < 1 < bounds[1]:
        raise ValueError(f"bounds={bounds}; give (low, high) times the mean, low under 1 and high over 1")
    used = base > 0
    targets = coded([data[column][used] for column in margins], margins)
    raked, rounds, deviation = fitted(
        base[None, used], targets, bounds=bounds, tolerance=tolerance, iterations=iterations
    )
    weights = np.zeros(len(base))
    weights[used] = raked[0] / raked[0].mean()
    at_bound = np.zeros(len(base), dtype=bool)
    if bounds is not None:
        at_bound = (weights <= bounds[0] + TRIM) | (weights >= bounds[1] - TRIM)
    return _told(data, targets, base, weights, rounds, deviation, tolerance, int(at_bound[used].sum()))


def post_stratify(
    data: pd.DataFrame,
    *,
    targets: pd.DataFrame,
    share: str = "share",
    weight: str | None = None,
) -> Weighted:
    """Weight every combination of categories to its known population share.

    Parameters
    ----------
    data : DataFrame
        One row per respondent.
    targets : DataFrame
        One row per cell: the columns that make up a cell, and its share or count.
    share : str
        Column of `targets` with the share or count.
    weight : str, optional
        Base weights.

    Returns
    -------
    Weighted
        As :func:`rake`; the only "column" of ``margins`` is the cell, its parts joined by " / ".

    Raises
    ------
    KeyError, ValueError
        As :func:`rake`; cells given twice.

    References
    ----------
    Holt, D. and Smith, T. M. F. (1979), JRSS A 142, 33-46.

    Examples
    --------
    >>> answers = pd.DataFrame({"region": ["N", "N", "N", "S"]})
    >>> cells = pd.DataFrame({"region": ["N", "S"], "share": [0.6, 0.4]})
    >>> post_stratify(answers, targets=cells).weights["weight"].round(2).tolist()
    [0.8, 0.8, 0.8, 1.6]
    """
    require_columns(targets.columns, [share])
    columns = [column for column in targets.columns if column != share]
    require_columns(data.columns, [*columns, *([weight] if weight else [])])
    base = _base(data, weight)
    cell, name = _joined(targets, columns), " x ".join(columns)
    if cell.duplicated().any():
        raise ValueError(f"targets hold the cell {cell[cell.duplicated()].iloc[0]!r} twice; give one row per cell")
    wanted = {name: dict(zip(cell, targets[share], strict=True))}
    own, used = _joined(data, columns), base > 0
    found = coded([own[used]], wanted)
    raked, rounds, deviation = fitted(base[None, used], found)
    weights = np.zeros(len(base))
    weights[used] = raked[0] / raked[0].mean()
    return _told(data, found, base, weights, rounds, deviation, TOLERANCE, 0)


def _joined(rows: pd.DataFrame, columns: list[str]) -> pd.Series:
    text = [rows[column].astype("str").where(rows[column].notna()) for column in columns]
    return text[0].str.cat(text[1:], sep=" / ") if len(text) > 1 else text[0]


def _base(data: pd.DataFrame, weight: str | None) -> np.ndarray:
    base = np.ones(len(data)) if weight is None else data[weight].to_numpy(dtype=float, na_value=np.nan)
    missing, negative = int(np.isnan(base).sum()), int((base < 0).sum())
    if missing or negative or not base.any():
        raise ValueError(
            f"weight column {weight!r} has {missing} missing and {negative} negative values, {(base > 0).sum()} "
            "above zero; weights are zero or more: give rows that should not count a 0"
        )
    return base


def _told(
    data: pd.DataFrame,
    targets: Margins,
    base: np.ndarray,
    weights: np.ndarray,
    rounds: int,
    deviation: float,
    tolerance: float,
    trimmed: int,
) -> Weighted:
    used, tables = base > 0, []
    for column, names, share, code in zip(
        targets.columns, targets.categories, targets.shares, targets.codes, strict=True
    ):
        before, after = (np.bincount(code, w[used], len(names)) / w.sum() for w in (base, weights))
        tables.append(
            pd.DataFrame(
                {
                    "column": column,
                    "category": list(names),
                    "n": np.bincount(code, minlength=len(names)),
                    "sample": before,
                    "target": share,
                    "weighted": after,
                    "deviation": after - share,
                }
            )
        )
    lost = kish(weights)
    diagnostics = lost.assign(
        iterations=rounds,
        converged=deviation < tolerance,
        largest_deviation=deviation,
        smallest=weights[used].min(),
        largest=weights.max(),
        n_trimmed=trimmed,
    )
    return Weighted(
        weights=pd.DataFrame({"weight": weights, "base": base}, index=data.index),
        margins=pd.concat(tables, ignore_index=True),
        diagnostics=diagnostics,
    )
