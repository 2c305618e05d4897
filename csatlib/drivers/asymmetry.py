"""Does a bad score cost more than a good one gains: penalty-reward contrasts and the factor they support."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csatlib.drivers.regressions import Answers, Fit, complete, linear, ordinal
from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, check_confidence, from_replicates, max_t
from csatlib.stats.replicates import REPLICATES, multiplicities

UNDETERMINED = "undetermined"
MODELS = {"linear": linear, "ordinal": ordinal}
TERMS = ("penalty", "reward")


@dataclass(frozen=True)
class PenaltyReward:
    """Tables from :func:`penalty_reward`: ``coefficients`` and ``factors``."""

    coefficients: pd.DataFrame
    factors: pd.DataFrame


def penalty_reward(
    data: Any,
    *,
    outcome: str,
    drivers: Sequence[str],
    low: float | Mapping[str, float],
    high: float | Mapping[str, float],
    by: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    margin: float = 1 / 3,
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> PenaltyReward:
    """Tell basic, performance and excitement factors apart by what low and what high scores go with.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow table or iterable of Arrow record batches
        One row per response; rows complete in the outcome and all drivers are used. An Ibis table needs `cluster`
        or `key`.
    outcome : str
        Column with the overall judgement; high is good.
    drivers : sequence of str
        Columns with scores; high is good.
    low, high : float or mapping of driver to float
        Declared scale points: a score up to `low` is low, from `high` on high, between them neither.
    by : str, optional
        Column of groups, each fitted alone; rows without a value are left out.
    weight : str, optional
        Sampling weights; results do not change when all are multiplied by a constant.
    cluster, key : str, optional
        Column that holds rows of one customer together; column that identifies a row without cluster.
    margin : float
        Largest asymmetry, 0 to 1, that still is a performance factor; 1/3: neither side more than twice the other.
    confidence : float
        Coverage aimed at.
    seed, replicates : int
        Seed and number of the joint replicates.

    Returns
    -------
    PenaltyReward
        ``coefficients``: a row per group, driver, model ("linear", "ordinal") and term ("penalty", "reward"):
        ``n`` (rows), ``n_reference`` (low or high scores among them), ``n_eff``, ``n_groups``, ``few_groups``,
        ``estimate`` (difference from a middling score, all other drivers alike: in points of the outcome, or in
        log-odds of a better answer), ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted``.
        ``factors``: a row per group and driver: ``n``, ``n_reference`` (the rarer of low and high scores),
        ``n_eff``, ``n_groups``, ``few_groups``, ``estimate`` (asymmetry index of the linear model, -1 to 1),
        ``ci_low``, ``ci_high``, ``estimate_ordinal``, ``linear`` and ``ordinal`` (the class by each model),
        ``agree``, and ``factor``: the class where both agree, else "undetermined".

    Raises
    ------
    KeyError, ValueError
        Columns that are not there or named twice; low not below high; margin outside 0 to 1.

    Notes
    -----
    One regression of the outcome on two dummies per driver (Brandt 1987). With loss = -penalty and gain = reward,
    neither below 0, the asymmetry index is (gain - loss) / (gain + loss) (Mikulic and Prebezac 2008). Basic:
    penalty below 0 and reward + penalty below 0. Excitement: reward above 0 and the sum above 0. Performance: the
    index within +-margin, that is (1 - m) reward + (1 + m) penalty < 0 < (1 + m) reward + (1 - m) penalty. All
    five contrasts of all drivers of a group are one family with simultaneous max-|t| limits; with several groups
    at level (1 - confidence) / groups. The class is what these limits support. An outcome with a ceiling makes
    penalties look larger in the linear model; the proportional-odds model is free of that, which is why both must
    agree. Limits: t over replicate groups; index: percentile. Replicates are linearised: coefficients plus the
    influence of the groups drawn, which equals the cluster-robust covariance. A term with scores in fewer than 5
    replicate groups is not fitted (NaN); those scores then count as middling.

    References
    ----------
    Brandt, D. R. (1987), in Add Value to Your Service, AMA, 61-65; Mikulic, J. and Prebezac, D. (2008), Managing
    Service Quality 18(6), 559-576; Albayrak, T. and Caber, M. (2013), Total Quality Management
    24 (no agreed cut-offs); Kline, P. and Santos, A. (2012), Journal of Econometric Methods 1(1), 23-41.

    Examples
    --------
    >>> scores = np.tile([1, 2, 3, 4, 5], 100)
    >>> answers = pd.DataFrame({"speed": scores, "overall": 2 * (scores > 2) + np.arange(500) % 7})
    >>> found = penalty_reward(answers, outcome="overall", drivers=["speed"], low=2, high=4)
    >>> found.factors[["driver", "factor"]].values.tolist()
    [['speed', 'basic']]
    """
    check_confidence(confidence)
    points = _points(list(drivers), low, high, margin)
    answers = complete(data, outcome, drivers, by=by, weight=weight, cluster=cluster, key=key)
    drawn = multiplicities(answers.present, replicates=replicates, seed=seed)
    drivers, coefficients, factors = list(drivers), [], []
    for group, name in enumerate(answers.groups):
        part = answers.of(group)
        found = {model: _fitted(part, points, fit, drawn) for model, fit in MODELS.items()}
        base = {"group": name, "n_eff": part.n_eff, "n_groups": int(part.present.sum()), "n": len(part.y)}
        counts = np.array([part.x <= points[0], part.x >= points[1]]).sum(axis=1)
        families = {
            model: _family(*made, base, margin, confidence, len(answers.groups)) for model, made in found.items()
        }
        coefficients.append(_coefficients(found, families, base, drivers, counts, confidence))
        factors.append(_factors(found, families, base, drivers, counts, confidence))
    return PenaltyReward(pd.concat(coefficients, ignore_index=True), pd.concat(factors, ignore_index=True))


def _points(
    drivers: Sequence[str], low: float | Mapping[str, float], high: float | Mapping[str, float], margin: float
) -> np.ndarray:
    """Scale points of each driver, shape (2, drivers)."""
    given = {"low": low, "high": high}
    absent = [
        f"{end} names no scale point for {name!r}"
        for end, point in given.items()
        if isinstance(point, Mapping)
        for name in drivers
        if name not in point
    ]
    if absent:
        raise ValueError(f"{'; '.join(absent)}; give one number, or one for each driver")
    ends = np.array(
        [[p[d] if isinstance(p, Mapping) else p for d in drivers] for p in given.values()], dtype=float
    )
    problems = [
        f"{name!r} has low={a:g} and high={b:g}; allowed is low < high"
        for name, a, b in zip(drivers, *ends, strict=True)
        if not a < b
    ]
    if not 0 < margin < 1:
        problems.append(f"margin={margin}; it must lie between 0 and 1, for example 1/3")
    if problems:
        raise ValueError("; ".join(problems))
    return ends


def _fitted(part: Answers, points: np.ndarray, fit: Any, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Penalties and rewards, shape (2, drivers), and the same in each replicate; NaN where too few scored so."""
    dummies = np.stack([part.x <= points[0], part.x >= points[1]], axis=1).astype(float)
    flat = dummies.reshape(len(dummies), -1)
    held = [len(np.unique(part.replicate[column > 0])) for column in flat.T]
    fitted = np.flatnonzero(np.array(held) >= MIN_GROUPS)
    made: Fit = fit(flat[:, fitted], part.y, part.weight, part.replicate)
    estimate, replicates = np.full(flat.shape[1], np.nan), np.full((len(drawn), flat.shape[1]), np.nan)
    estimate[fitted], replicates[:, fitted] = made.coefficients, made.replicates(drawn)
    shape = dummies.shape[1:]
    return estimate.reshape(shape), replicates.reshape(len(drawn), *shape)


def _contrasts(terms: np.ndarray, margin: float) -> np.ndarray:
    """Make the five contrasts of each driver from (..., 2, drivers): shape (..., 5, drivers)."""
    less, more = 1 - margin, 1 + margin
    matrix = np.array([[1, 0], [0, 1], [1, 1], [more, less], [less, more]])
    return matrix @ terms


def _index(terms: np.ndarray) -> np.ndarray:
    loss, gain = np.maximum(-terms[..., 0, :], 0), np.maximum(terms[..., 1, :], 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (gain - loss) / (gain + loss)


def _classes(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Class that simultaneous limits of the five contrasts (5, drivers) support."""
    basic = (high[0] < 0) & (high[2] < 0)
    excitement = (low[1] > 0) & (low[2] > 0)
    performance = (high[3] < 0) & (low[4] > 0)
    return np.select([performance, basic, excitement], ["performance", "basic", "excitement"], UNDETERMINED)


def _family(
    terms: np.ndarray, drawn: np.ndarray, base: dict, margin: float, confidence: float, groups: int
) -> np.ndarray:
    """Lower and upper simultaneous limits and adjusted p values of all contrasts, shape (3, 5, drivers)."""
    contrasts, replicates = _contrasts(terms, margin), _contrasts(drawn, margin)
    level = 1 - (1 - confidence) / groups
    found = max_t(
        contrasts.ravel(), replicates.reshape(len(drawn), -1), n_groups=base["n_groups"], confidence=level
    )
    adjusted = np.minimum(found.p_value * groups, 1.0)
    return np.stack([part.reshape(contrasts.shape) for part in (found.ci_low, found.ci_high, adjusted)])


def _coefficients(
    found: dict, families: dict, base: dict, drivers: list[str], counts: np.ndarray, confidence: float
) -> pd.DataFrame:
    tables = []
    for model, (terms, drawn) in found.items():
        limits = from_replicates(terms, drawn, n_groups=base["n_groups"], confidence=confidence)
        cells = {
            "n_reference": counts,
            "estimate": terms,
            "ci_low": limits.ci_low,
            "ci_high": limits.ci_high,
            "p_value": limits.p_value,
            "p_adjusted": families[model][2, : len(TERMS)],
        }
        rows = {"driver": np.repeat(drivers, 2), "model": model, "term": list(TERMS) * len(drivers)}
        tables.append(pd.DataFrame(rows | {name: cell.T.ravel() for name, cell in cells.items()}))
    return _based(pd.concat(tables, ignore_index=True), base)


def _factors(
    found: dict, families: dict, base: dict, drivers: list[str], counts: np.ndarray, confidence: float
) -> pd.DataFrame:
    classes = {model: _classes(low, high) for model, (low, high, _) in families.items()}
    index = {model: _index(terms) for model, (terms, _) in found.items()}
    replicates = _index(found["linear"][1])
    limits = from_replicates(
        index["linear"], replicates, n_groups=base["n_groups"], confidence=confidence, method="percentile"
    )
    agree = classes["linear"] == classes["ordinal"]
    cells = {
        "n_reference": counts.min(axis=0),
        "estimate": index["linear"],
        "ci_low": limits.ci_low,
        "ci_high": limits.ci_high,
        "estimate_ordinal": index["ordinal"],
        **classes,
        "agree": agree,
        "factor": np.where(agree, classes["linear"], UNDETERMINED),
    }
    return _based(pd.DataFrame({"driver": drivers} | cells), base)


def _based(table: pd.DataFrame, base: dict) -> pd.DataFrame:
    named = table.assign(**base, few_groups=base["n_groups"] < FEW_GROUPS)
    first = ["group", "driver", *(c for c in ("model", "term") if c in table.columns)]
    first += ["n", "n_reference", "n_eff", "n_groups", "few_groups"]
    return named[first + [c for c in table.columns if c not in first]]
