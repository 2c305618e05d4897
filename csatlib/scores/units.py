"""Which shops or regions lie outside the range in which units of their size usually lie: a funnel, no ranking."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.scores.headlines import in_percent
from csatlib.scores.levels import csat, nps
from csatlib.stats.intervals import benjamini_hochberg

INNER, OUTER = 0.95, 0.998
FEWEST_UNITS = 3
FEWEST_ANSWERS = 30
ENOUGH_UNITS = 10
TRIM = 0.1
TRIMMED = 0.6787  # mean of z^2 when a standard normal z is drawn in to its 10 and 90 % quantiles
SCORES = ("nps", "top_box", "mean")
LINES = (
    *("center", "inner_low", "inner_high", "outer_low", "outer_high", "z", "p_value", "p_adjusted"),
    *("between_sd", "dispersion", "expected_inner", "expected_outer", "p_alike"),
)


def units(
    data: Any,
    *,
    score: str = "nps",
    unit: str = "unit",
    outcome: str | None = None,
    low: float = 1,
    high: float = 5,
    top: float | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    labels: dict[str, float] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare shops or regions with the range usual for units of their size (a funnel).

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow batches
        One row per response.
    score : {"nps", "top_box", "mean"}
        What is compared.
    unit : str
        Column with the shop, region or team.
    outcome, low, high, top, weight, cluster, key, labels, confidence, seed
        As in :func:`csatlib.scores.nps` and :func:`csatlib.scores.csat`.

    Returns
    -------
    DataFrame
        Columns of :func:`csatlib.scores.nps`, shares in percent, one row per ``group`` (unit) in the order of
        names, and ``center`` (score of all), ``inner_low``, ``inner_high``, ``outer_low``, ``outer_high`` (ranges
        of 95 and 99.8 % of units of this n_eff), ``z``, ``p_value``, ``p_adjusted`` (Benjamini-Hochberg over
        units), ``status`` ("in range", "near the edge": between both ranges, "above", "below": outside the
        outer one; "too few answers" under 30 n_eff; "too few units" of all, without ranges, where fewer than 3
        are judged), ``between_sd`` (usual difference between units beyond sampling, in the unit of the score, on
        the arcsine scale for shares; 0 if none, and under 10 units, too few to tell), ``dispersion`` (mean z^2
        without it; 1 if units differ by sampling alone), ``n_units`` (judged), ``expected_inner``,
        ``expected_outer`` (units outside each range by chance alone, at most), ``p_alike`` (of differences this
        large in all units together, if all were alike: chi-square on n_units - 1).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; an unknown score; as the score.

    Notes
    -----
    z = (value - center) / sqrt(s^2 / n_eff + between_sd^2), s the standard deviation of an answer within units.
    Shares are compared as arcsin(sqrt(share)), s = 1/2, and limits turned back. The between variance is
    (k phi - (k - 1)) / (sum w - sum w^2 / sum w), zero if negative, w = n_eff / s^2, phi the mean z^2 with z
    drawn in to its 10 and 90 % quantiles, so that a few extreme units do not widen the range for all, over
    0.6787, its value for normal z. Where
    units truly differ, that usual difference belongs to the range: what lies outside is unusual even so.

    References
    ----------
    Spiegelhalter, D. J. (2005), Funnel plots for comparing institutional performance, Statistics in Medicine
    24, 1185-1202; and (2005), Handling over-dispersion of performance indicators, Quality and Safety in Health
    Care 14, 347-351.

    Examples
    --------
    >>> answers = pd.DataFrame({"unit": list("ABCD") * 100, "nps": [9, 9, 9, 3] * 50 + [10, 3, 9, 3] * 50})
    >>> units(answers)[["group", "estimate", "center"]].values.tolist()
    [['A', 100.0, 25.0], ['B', 0.0, 25.0], ['C', 100.0, 25.0], ['D', -100.0, 25.0]]
    """
    if score not in SCORES:
        raise ValueError(f"score={score!r}; allowed are {', '.join(map(repr, SCORES))}")
    design = {"weight": weight, "cluster": cluster, "key": key, "labels": labels}
    design |= {"confidence": confidence, "seed": seed} | ({"outcome": outcome} if outcome else {})
    if score == "nps":
        levels = nps(data, by=unit, **design)
    else:
        levels = csat(data, by=unit, low=low, high=high, top=top, **design)
    levels = levels[levels["measure"] == score].reset_index(drop=True)
    judged = (levels["n_eff"] >= FEWEST_ANSWERS).to_numpy()
    if judged.sum() < FEWEST_UNITS:
        unknown = dict.fromkeys(LINES, np.nan) | {"status": "too few units", "n_units": int(judged.sum())}
        return _percent(levels.assign(**unknown))
    ends = {"nps": (-100.0, 100.0), "top_box": (0.0, 1.0), "mean": (float(low), float(high))}[score]
    return _percent(_funnel(levels, judged, ends, share=score == "top_box"))


def _percent(table: pd.DataFrame) -> pd.DataFrame:
    lines = ["center", "inner_low", "inner_high", "outer_low", "outer_high"]
    factor = np.where(table["unit"] == "share", 100.0, 1.0)
    return in_percent(table.assign(**{name: table[name] * factor for name in lines}))


def _funnel(levels: pd.DataFrame, judged: np.ndarray, ends: tuple[float, float], *, share: bool) -> pd.DataFrame:
    n, y, sd = (levels[name].to_numpy(dtype=float) for name in ("n_eff", "estimate", "sd"))
    center = np.average(y[judged], weights=n[judged])
    if share:
        value, middle, s = np.arcsin(np.sqrt(y)), np.arcsin(np.sqrt(center)), 0.5
    else:
        value, middle, s = y, center, np.sqrt(np.average(sd[judged] ** 2, weights=n[judged]))
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(n > 0, s / np.sqrt(n), np.nan)
        dispersion, between = _between((value - middle)[judged], error[judged])
        spread = np.sqrt(error**2 + between**2)
        z = (value - middle) / spread
        together = ((((value - middle) / error)[judged]) ** 2).sum()
    p = 2 * stats.norm.sf(np.abs(z))
    adjusted = np.full(len(p), np.nan)
    adjusted[judged] = benjamini_hochberg(p[judged])
    lines = {}
    for name, coverage in (("inner", INNER), ("outer", OUTER)):
        half = stats.norm.ppf((1 + coverage) / 2) * spread
        low, high = middle - half, middle + half
        if share:
            low, high = (np.sin(np.clip(side, 0, np.pi / 2)) ** 2 for side in (low, high))
        lines |= {f"{name}_low": np.clip(low, *ends), f"{name}_high": np.clip(high, *ends)}
    inner, outer = (stats.norm.ppf((1 + coverage) / 2) for coverage in (INNER, OUTER))
    status = np.select(
        [~judged, z > outer, z < -outer, np.abs(z) > inner],
        ["too few answers", "above", "below", "near the edge"],
        "in range",
    )
    k = int(judged.sum())
    return levels.assign(
        center=center, **lines, z=z, p_value=p, p_adjusted=adjusted, status=status, between_sd=between,
        dispersion=dispersion, n_units=k, expected_inner=k * (1 - INNER), expected_outer=k * (1 - OUTER),
        p_alike=stats.chi2.sf(together, k - 1),
    )  # fmt: skip


def _between(deviation: np.ndarray, error: np.ndarray) -> tuple[float, float]:
    """Dispersion, and standard deviation between units beyond sampling, by moments on drawn-in z."""
    if not (error > 0).all():
        return np.nan, 0.0
    z, k, w = deviation / error, len(error), 1 / error**2
    dispersion = (np.clip(z, *np.quantile(z, [TRIM, 1 - TRIM])) ** 2).mean() / TRIMMED
    if k < ENOUGH_UNITS:
        return (z**2).mean(), 0.0
    variance = (k * dispersion - (k - 1)) / (w.sum() - (w**2).sum() / w.sum())
    return dispersion, np.sqrt(max(variance, 0.0))
