"""The figures behind a ranking, evaluated on stacks of small matrices: one of all rows, one per replicate."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from csatlib.drivers.reading import Answers, drivers_of, read, require_request
from csatlib.stats.moments import Replicates
from csatlib.stats.relative_importance import (
    MAX_BATCHED,
    MAX_BLOCKS,
    alone,
    correlations,
    lmg,
    relative_weights,
)
from csatlib.stats.replicates import REPLICATES
from csatlib.stats.threads import one_thread

METHODS = {"lmg": lmg, "relative_weights": relative_weights, "correlation": alone}


def check(data: Any, chosen: Sequence[Any], method: str, **given: Any) -> None:
    """Refuse a method that does not exist or cannot take so many drivers, then all else."""
    if method not in METHODS:
        raise ValueError(f"method={method!r}; allowed are {', '.join(map(repr, METHODS))}")
    if method == "lmg" and len(chosen) > MAX_BLOCKS:
        raise ValueError(
            f"{len(chosen)} drivers; LMG takes {MAX_BLOCKS} at most: use method='relative_weights', or blocks"
        )
    require_request(data, chosen, **given)


def scale_of(drivers: Any) -> dict[str, Any]:
    """Range and text labels of a scale, for reading."""
    if not hasattr(drivers, "low"):
        return {}
    return {"labels": drivers.labels or None, "bounds": (drivers.low, drivers.high)}


def answers_of(
    data: Any,
    *,
    outcome: str,
    drivers: Any,
    method: str = "lmg",
    weight: str | None = None,
    cluster: str | None = None,
    missing: str = "listwise",
    covariates: Sequence[str] = (),
    level: str = "dimension",
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    target: np.ndarray | None = None,
) -> tuple[Answers, str]:
    """Check arguments and read the rows of one analysis without segments."""
    chosen = drivers_of(drivers, level)
    beside = {"outcome": outcome, "missing": missing, "covariates": covariates}
    check(data, chosen, method, confidence=confidence, replicates=replicates, other=(weight, cluster), **beside)
    found = read(data, chosen, weight=weight, cluster=cluster, target=target, **beside, **scale_of(drivers))
    return found, method


def figures(answers: Answers, moments: Replicates, method: str) -> dict[str, np.ndarray]:
    """Evaluate performance, importance, coefficient and correlation on a stack of moments.

    ``gain`` is what the outcome's mean gains per point of the driver: the coefficient, times the share to whom
    the driver applies where that was adjusted for.
    """
    with one_thread():
        return _evaluated(answers, moments.means, moments.covariance, method)


def _evaluated(answers: Answers, means: np.ndarray, covariance: np.ndarray, method: str) -> dict[str, np.ndarray]:
    corr, repaired = correlations(covariance)
    defined = ~np.isnan(corr).any(axis=(1, 2)) & (answers.moments.n > corr.shape[-1])
    safe = np.where(defined[:, None, None], corr, np.eye(corr.shape[-1]))
    names = {"blocks": answers.players, "covariates": answers.covariates}
    fast = method == "lmg" and len(answers.drivers) > MAX_BATCHED and len(corr) > 1
    share = METHODS["relative_weights" if fast else method](safe, **names)
    sd = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0))
    slopes = np.linalg.pinv(safe[:, :-1, :-1], rcond=1e-10, hermitian=True) @ safe[:, :-1, -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        raw = np.where(sd[:, :-1] > 0, slopes[:, :, 0] * sd[:, -1:] / sd[:, :-1], 0.0)
    users = np.ones_like(raw)
    for x, dummy in answers.pairs:
        users[:, x] -= means[:, dummy]
    found = {
        "performance": _per_driver(answers, lambda at: means[:, at].mean(axis=1)),
        "importance": share,
        "coefficient": _per_driver(answers, lambda at: raw[:, at].sum(axis=1)),
        "gain": _per_driver(answers, lambda at: (raw * users)[:, at].sum(axis=1)),
        "correlation": _per_driver(answers, lambda at: _correlation(covariance, at)),
    }
    found = {name: np.where(defined[:, None], part, np.nan) for name, part in found.items()}
    r2 = (safe[:, None, -1, :-1] @ slopes)[:, 0, 0]
    return found | {"r2": np.where(defined, r2, np.nan), "repaired": repaired}


def share_of(found: Mapping[str, np.ndarray]) -> np.ndarray:
    """Divide importance by the sum of all drivers' importance, last axis."""
    part = np.maximum(found["importance"], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return part / part.sum(axis=-1, keepdims=True)


def shrinkages(parts: Sequence[Answers]) -> list[float]:
    """How far each segment's covariance is drawn toward the total: 0 its own rows, 1 the total."""
    columns = [at for block in parts[0].blocks for at in block]
    z = np.array([np.arctanh(np.clip(_with_outcome(part, columns), -0.999, 0.999)) for part in parts])
    noise = 1 / np.maximum(np.array([part.moments.n_eff for part in parts]) - 3, 1.0)
    usable = ~np.isnan(z).any(axis=1) & np.array([part.moments.n > len(columns) + 1 for part in parts])
    if usable.sum() < 2:
        return [1.0 if len(parts) > 1 else 0.0] * len(parts)
    between = z[usable].var(axis=0, ddof=1).mean() - noise[usable].mean()
    pull = noise / (noise + max(between, 0.0))
    return [float(p) if known else 1.0 for p, known in zip(pull, usable, strict=True)]


def shrunk(part: Replicates, whole: Replicates, pull: float) -> Replicates:
    """Draw a segment's covariance toward the total; means stay its own."""
    own = part.covariance if pull < 1 else whole.covariance
    return Replicates(part.means, (1 - pull) * own + pull * whole.covariance)


def _with_outcome(part: Answers, columns: list[int]) -> np.ndarray:
    return correlations(part.observed().covariance)[0][0][columns, -1]


def _per_driver(answers: Answers, statistic: Any) -> np.ndarray:
    return np.stack([statistic(list(block)) for block in answers.blocks], axis=1)


def _correlation(covariance: np.ndarray, at: list[int]) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        own = covariance[:, at][:, :, at].sum(axis=(1, 2))
        return covariance[:, at, -1].sum(axis=1) / np.sqrt(own * covariance[:, -1, -1])


def ranks_of(shares: np.ndarray) -> np.ndarray:
    """Rank 1 is the largest; ties go to the driver named first."""
    order = np.argsort(-np.nan_to_num(shares), axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(1, shares.shape[1] + 1)[None], axis=1)
    return ranks
