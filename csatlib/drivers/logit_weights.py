"""Relative weights of a yes/no or ordered outcome: the check beside the linear ranking."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from csatlib.drivers.regressions import Answers, complete, ordinal
from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import BLOCK_ROWS
from csatlib.stats.threads import one_thread

REPLICATES = 200
STEPS = 25
CLOSE = 1e-8
FAR = 30.0
LEAP = 5.0
RIDGE = 1e-10


def logit_weights(
    data: Any,
    *,
    outcome: str,
    drivers: Sequence[str],
    by: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Share the fit of a logit model out among correlated drivers.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow table or iterable of Arrow record batches
        One row per response; rows complete in the outcome and all drivers are used. An Ibis table needs `cluster`
        or `key`.
    outcome : str
        Column with two values (0 and 1, no and yes) or with ordered answers, high is good.
    drivers : sequence of str
        Columns with scores.
    by : str, optional
        Column of groups, each fitted alone; rows without a value are left out.
    weight : str, optional
        Sampling weights; results do not change when all are multiplied by a constant.
    cluster, key : str, optional
        Column that holds rows of one customer together; column that identifies a row without cluster.
    confidence : float
        Coverage aimed at.
    seed, replicates : int
        Seed and number of the joint replicates; 200, because a logit is fitted anew in each.

    Returns
    -------
    DataFrame
        One row per group and driver: ``model`` ("logit" for two values; "ordered logit", an extension of the
        published method, for more), ``n``, ``n_reference`` (the rarer of two outcomes, NaN for more), ``n_eff``,
        ``n_groups``, ``few_groups``, ``estimate`` (raw weight; the drivers' sum is ``r2``), ``ci_low``,
        ``ci_high``, ``share`` (of r2), ``share_low``, ``share_high``, ``coefficient`` (log-odds per standard
        deviation) and ``r2`` (squared correlation of the outcome with the fitted chance; with more than two
        values, with the linear predictor).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there or named twice; an outcome with fewer than two values in all rows.

    Notes
    -----
    With X standardised, L the symmetric square root of its correlation matrix and b the logit coefficients, c = L
    b are those of the orthogonal variables nearest to X; Menard standardises them to c R / sd(logit), and the
    weights are L^2 times their squares (L^2 element by element). Limits: percentile; a weight's interval excludes
    0 by construction. Of two values, the logit is fitted anew in each replicate; with more, replicates of the
    coefficients are linearised. NaN where the outcome is separated.

    References
    ----------
    Tonidandel, S. and LeBreton, J. M. (2010), Journal of Management 36(2), 767-781; Menard, S. (2004), American
    Statistician 58(3), 218-223.

    Examples
    --------
    >>> x = np.tile([1.0, 2.0, 3.0, 4.0], 50)
    >>> answers = pd.DataFrame({"speed": x, "care": np.arange(200) % 3, "again": (x + np.arange(200) % 5 > 4) * 1})
    >>> logit_weights(answers, outcome="again", drivers=["speed", "care"])["share"].round(2).tolist()
    [1.0, 0.0]
    """
    check_confidence(confidence)
    answers = complete(data, outcome, drivers, by=by, weight=weight, cluster=cluster, key=key)
    values = np.unique(answers.y)
    if len(values) < 2:
        raise ValueError(f"outcome {outcome!r} holds {len(values)} different values; a logit needs two or more")
    drawn = multiplicities(answers.present, replicates=replicates, seed=seed)
    tables = []
    with one_thread():
        for group, name in enumerate(answers.groups):
            table = _weights(answers.of(group), values, drawn, confidence)
            tables.append(table.assign(group=name, driver=list(drivers)))
    table = pd.concat(tables, ignore_index=True)
    return table[["group", "driver", *(c for c in table.columns if c not in ("group", "driver"))]]


def _weights(part: Answers, values: np.ndarray, drawn: np.ndarray, confidence: float) -> pd.DataFrame:
    """One group's table; replicate 0 is the sample itself."""
    n, n_groups, binary = len(part.y), int(part.present.sum()), len(values) == 2
    spread = part.x.std(axis=0) if n else np.zeros(part.x.shape[1])
    if (spread > 0).all() and len(np.unique(part.y)) > 1:
        y = (part.y == values[1]).astype(float) if binary else part.y
        standard = replace(part, x=(part.x - part.x.mean(axis=0)) / spread, y=y)
        counted = np.vstack([np.ones((1, drawn.shape[1])), drawn])
        raw, r2, coefficient = _shared(standard, counted, binary)
    else:
        raw, r2 = np.full((len(drawn) + 1, len(spread)), np.nan), np.full(len(drawn) + 1, np.nan)
        coefficient = raw[0]
    share = raw / r2[:, None]
    design = {"n_groups": n_groups, "confidence": confidence, "method": "percentile"}
    limits, of = (from_replicates(found[0], found[1:], **design) for found in (raw, share))
    return pd.DataFrame(
        {
            "model": "logit" if binary else "ordered logit",
            "n": n,
            "n_reference": min((part.y == value).sum() for value in values) if binary else np.nan,
            "n_eff": part.n_eff,
            "n_groups": n_groups,
            "few_groups": n_groups < FEW_GROUPS,
            "estimate": raw[0],
            "ci_low": limits.ci_low,
            "ci_high": limits.ci_high,
            "share": share[0],
            "share_low": of.ci_low,
            "share_high": of.ci_high,
            "coefficient": coefficient,
            "r2": r2[0],
        }
    )


def _shared(part: Answers, counted: np.ndarray, binary: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Raw weights (replicates, drivers), R2 (replicates,) and the sample's coefficients (drivers,)."""
    if binary:
        beta = _logits(part, counted)
    else:
        fit = ordinal(part.x, part.y, part.weight, part.replicate)
        beta = np.column_stack([np.zeros(len(counted)), fit.replicates(counted)])
        beta[0, 1:] = fit.coefficients
    moments, r2 = _moments(part, counted, beta, binary)
    mean = moments[:, 0, 1:] / moments[:, :1, 0]
    covariance = moments[:, 1:, 1:] / moments[:, :1, :1] - mean[:, :, None] * mean[:, None, :]
    sd = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0))
    lost = np.isnan(beta).any(axis=1) | (sd < CLOSE).any(axis=1)
    sd = np.where(lost[:, None], 1.0, sd)
    corr = np.where(lost[:, None, None], np.eye(sd.shape[1]), covariance / (sd[:, :, None] * sd[:, None, :]))
    roots, vectors = np.linalg.eigh(corr)
    root = (vectors * np.sqrt(np.maximum(roots, 0))[:, None, :]) @ vectors.swapaxes(1, 2)
    square = (root @ (beta[:, 1:] * sd)[:, :, None]) ** 2
    weights = (root**2 @ square)[:, :, 0] * (r2 / square.sum(axis=(1, 2)))[:, None]
    weights[lost] = np.nan
    return weights, np.where(lost, np.nan, r2), beta[0, 1:] * sd[0]


def _logits(part: Answers, counted: np.ndarray) -> np.ndarray:
    """Fit a logit in the sample and, from there, in each replicate: (replicates, 1 + drivers)."""
    first = _newton(part, counted[:1], np.zeros((1, part.x.shape[1] + 1)))
    beta = np.vstack([first, _newton(part, counted[1:], np.repeat(first, len(counted) - 1, axis=0))])
    return np.where(np.abs(beta).max(axis=1, keepdims=True) > FAR, np.nan, beta)


def _newton(part: Answers, counted: np.ndarray, beta: np.ndarray) -> np.ndarray:
    k = beta.shape[1]
    for _ in range(STEPS):
        score, information = np.zeros(beta.shape), np.zeros((len(beta), k * k))
        for x, products, y, w in _blocks(part, counted):
            p = expit(beta @ x.T)
            score += (w * (y - p)) @ x
            information += (w * p * (1 - p)) @ products
        held = information.reshape(-1, k, k) + RIDGE * part.weight.sum() * np.eye(k)
        step = np.linalg.solve(held, score[:, :, None])[:, :, 0]
        beta = beta + np.clip(step, -LEAP, LEAP)
        if np.abs(step).max(initial=0) < CLOSE:
            break
    return beta


def _moments(part: Answers, counted: np.ndarray, beta: np.ndarray, binary: bool) -> tuple[np.ndarray, np.ndarray]:
    """Second moments of 1 and x in each replicate, and the squared correlation of outcome and fit."""
    k = beta.shape[1]
    products, sums = np.zeros((len(counted), k * k)), np.zeros((5, len(counted)))
    for x, block, y, w in _blocks(part, counted):
        fitted = expit(beta @ x.T) if binary else beta @ x.T
        products += w @ block
        sums += [(w * fitted).sum(1), (w * fitted**2).sum(1), w @ y, w @ y**2, (w * fitted) @ y]
    n = products[:, 0]
    f, ff, y, yy, fy = sums / n
    with np.errstate(invalid="ignore", divide="ignore"):
        r2 = (fy - f * y) ** 2 / ((ff - f**2) * (yy - y**2))
    return products.reshape(-1, k, k), r2


def _blocks(part: Answers, counted: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Cut rows into blocks: 1 and x, their products, y, and each row's weight in each replicate."""
    for start in range(0, len(part.y), BLOCK_ROWS):
        at = slice(start, start + BLOCK_ROWS)
        x = np.column_stack([np.ones(len(part.y[at])), part.x[at]])
        products = (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)
        yield x, products, part.y[at], counted[:, part.replicate[at]] * part.weight[at]
