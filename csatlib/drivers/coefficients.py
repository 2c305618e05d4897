"""What lies behind a ranking: collinearity, differences between segments, and what a rise would go with."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from csatlib.drivers.figures import answers_of, check, figures, scale_of
from csatlib.drivers.reading import Answers, drivers_of, groups_of, joined, read
from csatlib.stats.intervals import FEW_GROUPS, benjamini_hochberg, from_replicates, holm
from csatlib.stats.relative_importance import correlations
from csatlib.stats.replicates import REPLICATES

ADJUST = {
    "benjamini_hochberg": (benjamini_hochberg, "groups x drivers, Benjamini-Hochberg"),
    "holm": (holm, "groups x drivers, Holm"),
}


def diagnostics(data: Any, **options: Any) -> pd.DataFrame:
    """Say how far the ratings overlap and how much of the outcome they explain together.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow batches or Moments
        As in :func:`csatlib.drivers.importance`.
    **options
        `outcome`, `drivers`, `weight`, `cluster`, `missing`, `covariates`, `level`, as there.

    Returns
    -------
    DataFrame
        ``statistic``, ``driver`` and ``label`` (empty for the model), ``n``, ``n_eff``, ``n_groups``,
        ``estimate``: "vif" of each driver (1 or more; of a block GVIF^(1/columns)), "condition_number" of the
        predictors' correlation matrix (1 or more; over 30 coefficients are not to be read one by one), "r2" and
        "adjusted_r2". R2 has no interval here: replicates overstate it.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.drivers.importance`.

    References
    ----------
    Fox, J. and Monette, G. (1992), JASA 87(417), 178-183; Belsley, D. A., Kuh, E. and Welsch, R. E. (1980),
    Regression Diagnostics, ch. 3.

    Examples
    --------
    >>> from csatlib.stats.moments import Moments
    >>> corr = np.array([[1, 0.6, 0.5], [0.6, 1, 0.5], [0.5, 0.5, 1]])
    >>> m = Moments.from_correlation(corr, 200, columns=["speed", "care", "overall"])
    >>> found = diagnostics(m, outcome="overall", drivers=["speed", "care"])
    >>> found[["statistic", "estimate"]].round(2).values.tolist()[1:3]
    [['vif', 1.56], ['condition_number', 2.0]]
    """
    answers, _ = answers_of(data, **options)
    corr = correlations(answers.observed().covariance)[0][0]
    predictors = [*(at for player in answers.players for at in player), *answers.covariates]
    inner = corr[np.ix_(predictors, predictors)]
    values = np.linalg.eigvalsh(inner)
    condition = np.sqrt(values[-1] / values[0]) if values[0] > 1e-12 else np.inf
    r2 = float(figures(answers, answers.observed(), "correlation")["r2"][0])
    n, p = answers.moments.n, len(predictors)
    adjusted = 1 - (1 - r2) * (n - 1) / (n - p - 1) if n > p + 1 else np.nan
    rows = [
        ("vif", d.name, d.label, v) for d, v in zip(answers.drivers, _vif(answers, corr, predictors), strict=True)
    ]
    rows += [("condition_number", "", "", condition), ("r2", "", "", r2), ("adjusted_r2", "", "", adjusted)]
    table = pd.DataFrame(rows, columns=["statistic", "driver", "label", "estimate"])
    return table.assign(n=n, n_eff=answers.moments.n_eff, n_groups=answers.n_groups)


def interactions(
    data: Any,
    *,
    outcome: str,
    drivers: Any,
    by: str,
    weight: str | None = None,
    cluster: str | None = None,
    missing: Literal["listwise", "pairwise", "dummy"] = "listwise",
    covariates: Sequence[str] = (),
    level: Literal["dimension", "item"] = "dimension",
    adjust: Literal["benjamini_hochberg", "holm"] = "benjamini_hochberg",
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Tell whether an outcome moves together with a driver differently in a segment than elsewhere.

    Parameters
    ----------
    data, outcome, drivers, weight, cluster, missing, covariates, level, confidence, replicates, seed
        As in :func:`csatlib.drivers.importance`.
    by : str
        Segments; each is compared with all others.
    adjust : {"benjamini_hochberg", "holm"}
        The family is all groups x drivers.

    Returns
    -------
    DataFrame
        ``group``, ``driver``, ``label``, ``n``, ``n_reference``, ``n_eff``, ``n_groups`` (the smaller side),
        ``few_groups``, ``value`` and ``value_reference`` (coefficients: points of outcome per point of the driver,
        all other drivers held constant), ``estimate`` (their difference), ``ci_low``, ``ci_high``, ``p_value``,
        ``p_adjusted``, ``family``.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.drivers.importance`; another `adjust`.

    Notes
    -----
    The model has the segment, all drivers and all products of the two: the same as least squares within the
    segment and within all others. Standard errors are those of joint replicates of customer groups, so they hold
    with several answers of a customer and with unequal spread. Nothing is drawn toward the total here.

    References
    ----------
    Cameron, A. C. and Miller, D. L. (2015), Journal of Human Resources 50(2), 317-372.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame({"speed": rng.normal(size=800), "region": ["N", "S"] * 400})
    >>> frame["overall"] = frame["speed"] * (frame["region"] == "N") + rng.normal(size=800)
    >>> found = interactions(frame, outcome="overall", drivers=["speed"], by="region").set_index("group")
    >>> found.loc["N", ["estimate", "p_adjusted"]].astype(float).round(1).tolist()
    [1.0, 0.0]
    """
    if adjust not in ADJUST:
        raise ValueError(f"adjust={adjust!r}; allowed are {', '.join(map(repr, ADJUST))}")
    chosen = drivers_of(drivers, level)
    beside = {"outcome": outcome, "missing": missing, "covariates": covariates}
    other = (weight, cluster, by)
    check(data, chosen, "correlation", confidence=confidence, replicates=replicates, other=other, **beside)
    options = beside | {"weight": weight, "cluster": cluster} | scale_of(drivers)
    whole = read(data, chosen, **options)
    tables = []
    for group in groups_of(data, by):
        sides = joined([read(data, chosen, group=(by, group, rest), **options) for rest in (False, True)], whole)
        tables.append(_contrast(*sides, confidence, replicates, seed).assign(group=str(group)))
    rule, family = ADJUST[adjust]
    table = pd.concat(tables, ignore_index=True)
    table = table.assign(p_adjusted=rule(table["p_value"]), family=family)
    return table[["group", *(c for c in table.columns if c != "group")]]


def what_if(
    data: Any,
    *,
    rise: float | Mapping[str, float] = 0.5,
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """Say what an outcome's mean would be higher by if a driver's mean rose, if the association holds in full.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow batches or Moments
        As in :func:`csatlib.drivers.importance`.
    rise : float or mapping of str to float
        Points by which the driver's mean rises, all other drivers as they are; one number, or one per driver.
    confidence, replicates, seed
        As there.
    **options
        `outcome`, `drivers`, `weight`, `cluster`, `missing`, `covariates`, `level`, as there.

    Returns
    -------
    DataFrame
        One row per driver: ``driver``, ``label``, ``n``, ``n_eff``, ``n_groups``, ``few_groups``, ``performance``
        (mean now), ``rise``, ``estimate`` (points of the outcome), ``ci_low``, ``ci_high``, ``p_value``,
        ``p_adjusted`` (Holm, over the drivers).

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.drivers.importance`; drivers in `rise` that are not there.

    Notes
    -----
    Estimate = rise x coefficient; with ``missing="dummy"`` times the share to whom the driver applies, because the
    others gain nothing. An upper bound in practice: what customers rate together need not move together when only
    one is changed. Whether the scale leaves room for the rise is not checked.

    Examples
    --------
    >>> from csatlib.stats.moments import Moments
    >>> corr = np.array([[1, 0, 0.6], [0, 1, 0.3], [0.6, 0.3, 1]])
    >>> m = Moments.from_correlation(corr, 200, columns=["speed", "care", "overall"])
    >>> what_if(m, outcome="overall", drivers=["speed", "care"], rise=0.5)["estimate"].round(2).tolist()
    [0.3, 0.15]
    """
    found, _ = answers_of(data, method="correlation", confidence=confidence, replicates=replicates, **options)
    names = [driver.name for driver in found.drivers]
    unknown = sorted(set(rise) - set(names)) if isinstance(rise, Mapping) else []
    if unknown:
        raise ValueError(
            f"rise names drivers that are not there: {', '.join(unknown)}; there are {', '.join(names)}"
        )
    by = np.array([rise.get(name, np.nan) if isinstance(rise, Mapping) else rise for name in names], dtype=float)
    now = figures(found, found.observed(), "correlation")
    if found.n_groups:
        drawn = figures(found, found.replicated(replicates, seed), "correlation")["gain"] * by
    else:
        drawn = np.full((2, len(names)), np.nan)
    limits = from_replicates(now["gain"][0] * by, drawn, n_groups=found.n_groups, confidence=confidence)
    return pd.DataFrame(
        {
            "driver": names,
            "label": [driver.label for driver in found.drivers],
            "n": found.n,
            "n_eff": found.moments.n_eff,
            "n_groups": found.n_groups,
            "few_groups": 0 < found.n_groups < FEW_GROUPS,
            "performance": now["performance"][0],
            "rise": by,
            "estimate": now["gain"][0] * by,
            "ci_low": limits.ci_low,
            "ci_high": limits.ci_high,
            "p_value": limits.p_value,
            "p_adjusted": holm(limits.p_value),
        }
    )


def _vif(answers: Answers, corr: np.ndarray, predictors: list[int]) -> list[float]:
    def volume(at: Sequence[int]) -> float:
        return float(np.linalg.slogdet(corr[np.ix_(at, at)])[1]) if len(at) else 0.0

    whole = volume(predictors)
    return [
        float(np.exp((volume(p) + volume([at for at in predictors if at not in p]) - whole) / len(p)))
        for p in answers.players
    ]


def _contrast(own: Answers, other: Answers, confidence: float, replicates: int, seed: int) -> pd.DataFrame:
    sides = (own, other)
    here, there = (figures(side, side.observed(), "correlation")["coefficient"][0] for side in sides)
    a, b = (figures(side, side.replicated(replicates, seed), "correlation")["coefficient"] for side in sides)
    groups = min(side.n_groups for side in sides)
    limits = from_replicates(here - there, a - b, n_groups=groups, confidence=confidence)
    return pd.DataFrame(
        {
            "driver": [driver.name for driver in own.drivers],
            "label": [driver.label for driver in own.drivers],
            "n": own.n,
            "n_reference": other.n,
            "n_eff": own.moments.n_eff,
            "n_groups": groups,
            "few_groups": groups < FEW_GROUPS,
            "value": here,
            "value_reference": there,
            "estimate": here - there,
            "ci_low": limits.ci_low,
            "ci_high": limits.ci_high,
            "p_value": limits.p_value,
        }
    )
