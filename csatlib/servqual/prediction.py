"""Perceptions alone or gaps: which goes better with an outcome such as overall satisfaction, out of sample."""

from dataclasses import replace

import numpy as np
import pandas as pd

from csatlib.servqual.answers import derived_columns, derived_rows, in_range, measures
from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates, max_t
from csatlib.stats.moments import Moments, moments
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import blocks, require_columns
from csatlib.tables.scale import Scale

MODELS = ("perception", "gap", "perception_and_expectation")
CONTRASTS = (
    ("perception", "gap"),
    ("perception_and_expectation", "perception"),
    ("perception_and_expectation", "gap"),
)


def prediction(
    data: pd.DataFrame,
    *,
    scale: Scale,
    outcome: str,
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """SERVPERF beside SERVQUAL: cross-validated R2 of an outcome on dimension scores.

    Parameters
    ----------
    data : DataFrame
        One row per response.
    scale : Scale
        With expectations, perceptions and dimensions. A dimension's score is the mean of the items a respondent
        answered; answers to reversed items are turned round.
    outcome : str
        Numeric column, for example overall satisfaction.
    weight : str, optional
        Sampling weights; results do not change when all are multiplied by a constant.
    cluster : str, optional
        Column that holds answers of one customer together: they are left out together.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the 1,000 joint replicates; the folds do not depend on it.

    Returns
    -------
    DataFrame
        ``statistic`` ("r2" of a model, at most 1 and below 0 where it is worse than the mean; "difference" of two
        R2), ``model`` and ``reference`` ("perception": what was received, SERVPERF; "gap": received less expected,
        SERVQUAL; "perception_and_expectation": both, which nests the other two), ``n_predictors``, ``n``
        (respondents with the outcome and every dimension on both sides), ``n_eff`` (of the outcome's mean),
        ``n_groups``, ``few_groups`` (under 30), ``estimate``, ``ci_low``, ``ci_high``, ``p_value`` (difference =
        0) and ``p_adjusted``. Limits of differences, and ``p_adjusted``, hold for the three together (max t).

    Raises
    ------
    KeyError
        Columns that are not there, with the nearest names.
    ValueError
        A scale without expectations, perceptions or dimensions; answers outside the scale; bad weights.

    Notes
    -----
    Least squares on all dimensions with an intercept. The folds are the 256 replicate groups of customers: the
    answers of a group are predicted from all other groups, so folds are the same every time.
    R2 = 1 - sum of squared errors / sum of squared errors of the other groups' mean. Limits: estimate +- t x
    standard error of joint replicates of the groups' squared errors, given the fitted weights: that the weights
    would differ in another sample is not in the interval, which is somewhat too narrow with few respondents per
    predictor (Bates et al.). A better prediction does not make perceptions the better diagnosis: gaps say where
    service is below what is expected.

    References
    ----------
    Cronin, J. J. and Taylor, S. A. (1992), Journal of Marketing 56(3), 55-68; Bates, S., Hastie, T. and
    Tibshirani, R. (2024), JASA 119(546), 1434-1445.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, prediction
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": [7, 5, 6, 7] * 20, "p1": [2, 3, 4, 5] * 20}).assign(overall=lambda x: x["p1"])
    >>> found = prediction(frame, scale=scale, outcome="overall").query("statistic == 'r2'")
    >>> found[["model", "estimate"]].round(2).values.tolist()
    [['perception', 1.0], ['gap', 0.6], ['perception_and_expectation', 1.0]]
    """
    check_confidence(confidence)
    if "gap" not in measures(scale) or not scale.dimensions:
        raise ValueError(f"scale {scale.name!r} needs expectations, perceptions and dimensions")
    found = _scores(data, scale, outcome, weight, cluster)
    errors = _left_out_errors(found, len(scale.dimensions))
    drawn = multiplicities(found.present, seed=seed)
    total, replicated = errors.sum(axis=0), drawn @ errors
    with np.errstate(invalid="ignore", divide="ignore"):
        r2, drawn_r2 = 1 - total[1:] / total[0], 1 - replicated[:, 1:] / replicated[:, :1]
    pairs = [(MODELS.index(one), MODELS.index(other)) for one, other in CONTRASTS]
    estimate = np.concatenate([r2, [r2[i] - r2[j] for i, j in pairs]])
    replicates = np.column_stack([drawn_r2, *(drawn_r2[:, i] - drawn_r2[:, j] for i, j in pairs)])
    limits = from_replicates(estimate, replicates, n_groups=found.n_groups, confidence=confidence)
    k = len(MODELS)
    together = max_t(estimate[k:], replicates[:, k:], n_groups=found.n_groups, confidence=confidence)
    unknown = np.full(k, np.nan)
    is_difference = np.arange(len(estimate)) >= k
    size = {"perception": 1, "gap": 1, "perception_and_expectation": 2}
    rows = [(model, "") for model in MODELS] + list(CONTRASTS)
    return pd.DataFrame(
        {
            "statistic": np.where(is_difference, "difference", "r2"),
            "model": [model for model, _ in rows],
            "reference": [reference for _, reference in rows],
            "n_predictors": [size[model] * len(scale.dimensions) for model, _ in rows],
            "n": found.n,
            "n_eff": _n_eff(found, drawn, simple=weight is None and cluster is None),
            "n_groups": found.n_groups,
            "few_groups": found.n_groups < FEW_GROUPS,
            "estimate": estimate,
            "ci_low": np.concatenate([limits.ci_low[:k], together.ci_low]),
            "ci_high": np.concatenate([limits.ci_high[:k], together.ci_high]),
            "p_value": np.concatenate([unknown, limits.p_value[k:]]),
            "p_adjusted": np.concatenate([unknown, together.p_value]),
        }
    )


def _scores(data: pd.DataFrame, scale: Scale, outcome: str, weight: str | None, cluster: str | None) -> Moments:
    """Sum dimension scores of both sides and the outcome, in this order, by replicate group."""
    bare = replace(scale, importance={})
    answered = [getattr(item, side) for side in ("expectation", "perception") for item in scale.items]
    beside = [name for name in (weight, cluster) if name]
    require_columns(data.columns, [*answered, outcome, *beside])
    ranges = [(scale.low, scale.high)] * len(answered) + [(-np.inf, np.inf)]
    rows = blocks(data, [*answered, outcome], labels=scale.labels or None)
    made = derived_columns(bare)
    names = [f"{side}:dimension:{d}" for side in ("expectation", "perception") for d in scale.dimensions]
    at = [made.index(name) for name in names]
    parts = [
        np.column_stack([derived_rows(bare, block.values[:, :-1])[:, at], block.values[:, -1]])
        for block in in_range(rows, [*answered, outcome], ranges)
    ]
    frame = pd.DataFrame(np.vstack(parts), columns=[*names, "outcome:"], index=data.index)
    frame = pd.concat([frame, data[list(dict.fromkeys(beside))]], axis=1)
    return moments(frame, [*names, "outcome:"], weight=weight, cluster=cluster)


def _left_out_errors(found: Moments, dimensions: int) -> np.ndarray:
    """Squared errors per group, predicted from all others: of their mean, then of each model; shape (256, 4)."""
    p = len(found.columns) + 1
    sums = np.empty((len(found.weight), p, p))
    sums[:, :1, :1], sums[:, 1:, :1], sums[:, 1:, 1:] = found.weight, found.total, found.product
    sums[:, :1, 1:] = found.total.swapaxes(1, 2)
    others = sums.sum(axis=0) - sums
    one, zero = np.eye(dimensions), np.zeros((dimensions, dimensions))
    sides = {
        "perception": np.vstack([zero, one]),
        "gap": np.vstack([-one, one]),
        "perception_and_expectation": np.eye(2 * dimensions),
    }
    errors = np.empty((len(sums), 1 + len(MODELS)))
    for column, side in enumerate([np.zeros((2 * dimensions, 0)), *(sides[model] for model in MODELS)]):
        design = np.zeros((p, 1 + side.shape[1]))
        design[0, 0], design[1:-1, 1:] = 1.0, side
        slopes = np.linalg.pinv(design.T @ others @ design, rcond=1e-10, hermitian=True)
        fitted = design @ (slopes @ (design.T @ others[:, :, -1:]))
        fitted[:, -1] -= 1.0  # prediction less outcome, as a combination of all columns
        errors[:, column] = np.einsum("gia,gij,gja->g", fitted, sums, fitted)
    return np.maximum(errors, 0.0)


def _n_eff(found: Moments, drawn: np.ndarray, *, simple: bool) -> float:
    if simple:
        return float(found.n)
    weight, total = found.weight[:, 0, 0], found.total[:, -1, 0]
    variance = found.covariance[-1, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (drawn @ total) / (drawn @ weight)
        se = float(from_replicates(total.sum() / weight.sum(), means, n_groups=found.n_groups).se)
    return min(variance / se**2, float(found.n)) if se > 0 and variance > 0 else found.n_eff
