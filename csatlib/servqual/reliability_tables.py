"""How reliably the items of each dimension measure expectations, perceptions and their difference."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from csatlib.servqual.answers import in_range, measures
from csatlib.stats.consistency import alphas, beside_others, difference_reliability, omegas
from csatlib.stats.factor import one_factor
from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates
from csatlib.stats.moments import PRODUCT_ROWS, Moments, moments_of_sets
from csatlib.stats.rows import Block, blocks
from csatlib.stats.threads import one_thread
from csatlib.tables.scale import Item, Scale

LOW_ITEM_TOTAL = 0.3
RISE_OF_ALPHA = 0.01
ITEM_STATISTICS = ("item_total", "alpha_if_dropped", "alpha_change")


@dataclass(frozen=True)
class Reliability:
    """Two tables: `dimensions` (one row per dimension, measure and statistic) and `items` (the same per item)."""

    dimensions: pd.DataFrame
    items: pd.DataFrame


def reliability(
    data: Any,
    *,
    scale: Scale,
    weight: str | None = None,
    cluster: str | None = None,
    missing: Literal["listwise", "pairwise"] = "listwise",
    confidence: float = 0.95,
    seed: int = 0,
) -> Reliability:
    """Alpha and omega of each dimension's expectations, perceptions and gaps, and what each item adds.

    Parameters
    ----------
    data : DataFrame, Ibis table, Arrow table or iterable of Arrow record batches
        One row per response with the scale's columns; read once.
    scale : Scale
        Any number of items and dimensions; without expectations only perceptions result (SERVPERF), without
        dimensions all items are taken as one. Answers to reversed items are turned round in both columns.
    weight, cluster : str, optional
        Sampling weights, and the column that holds answers of one customer together.
    missing : {"listwise", "pairwise"}
        For each dimension, respondents who answered all its items on every side, so that expectations,
        perceptions and gaps rest on the same people; or for each pair of columns those who answered both.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the 1,000 replicates.

    Returns
    -------
    Reliability
        ``dimensions``: ``level`` ("overall", "dimension"), ``dimension``, ``label`` (reader's name),
        ``measure`` (expectation, perception, gap), ``statistic`` ("alpha", "omega"; for gaps also
        "difference_score", from the reliability of the two sides), ``n_items``, ``n`` respondents (the
        smallest of any pair when pairwise), ``n_eff`` (Kish), ``n_groups``, ``few_groups`` (under 30),
        ``estimate``, ``ci_low``, ``ci_high``. ``items``: ``dimension``, ``item``, ``label``, ``measure``,
        ``statistic`` ("item_total", correlation with the sum of the dimension's other items;
        "alpha_if_dropped"; "alpha_change"), the columns from ``n_items`` on, and ``reconsider``: True where
        the item-total correlation lies under 0.3 with its upper limit, or alpha rises by 0.01 or more when the
        item is dropped and the change's lower limit lies above 0. A dimension of one item is NaN throughout,
        one of two items has no alpha without an item.

    Raises
    ------
    KeyError
        Columns that are not there, with the nearest names.
    ValueError
        Answers outside the scale, columns that are not numbers, bad weights: all columns at once.

    Notes
    -----
    Alpha and omega (one factor by maximum likelihood) of gaps treat perception less expectation as the item.
    The difference score's reliability is (s_P^2 r_PP + s_E^2 r_EE - 2 r_PE s_P s_E) / (s_P^2 + s_E^2 -
    2 r_PE s_P s_E), with the standard deviations s and the correlation r_PE of the dimension's mean perception
    and expectation and alpha as r_PP and r_EE; it takes the errors of the two sides as unrelated, while alpha of
    the gaps does not. Low values weaken every correlation of the gap with another variable, such as
    satisfaction; they do not touch the mean gap, whose interval already holds that noise. Overall rows
    have alpha only: one factor for all items would contradict the dimensions. Items without a dimension
    count only there. All limits are percentiles of replicates of respondents and not adjusted for the number
    of items; many items looked at, some fall under a threshold by chance, hence the rule on their limits.

    References
    ----------
    Cronbach, L. J. (1951), Psychometrika 16, 297-334; McDonald, R. P. (1999), Test Theory, ch. 6; Peter, J. P.,
    Churchill, G. A. and Brown, T. J. (1993), Journal of Consumer Research 19(4), 655-662; Nunnally, J. C. and
    Bernstein, I. H. (1994), Psychometric Theory, ch. 8.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, reliability
    >>> scale = Scale([Item(f"q{i}", "speed", f"e{i}", f"p{i}") for i in (1, 2)], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": [6, 7, 5, 6], "e2": [6, 7, 6, 7], "p1": [4, 6, 5, 2], "p2": [5, 6, 4, 3]})
    >>> table = reliability(frame, scale=scale).dimensions.query("statistic != 'omega'")
    >>> table[["measure", "statistic", "estimate"]].round(3).values.tolist()  # doctest: +NORMALIZE_WHITESPACE
    [['expectation', 'alpha', 0.8], ['perception', 'alpha', 0.889], ['gap', 'alpha', 0.808],
     ['gap', 'difference_score', 0.848]]
    """
    check_confidence(confidence)
    sides = [side for side in measures(scale) if side != "gap"]
    sets = _sets(scale)
    answered = [getattr(item, side) for side in sides for item in scale.items]
    rows = blocks(data, answered, weight=weight, cluster=cluster, labels=scale.labels or None, rows=PRODUCT_ROWS)
    checked = in_range(rows, answered, [(scale.low, scale.high)] * len(answered))
    found = moments_of_sets(
        _turned(checked, scale, len(sides)), _columns(sides, scale.items),
        {name: _columns(sides, members) for name, members in sets.items()}, missing=missing,
    )  # fmt: skip
    dimensions, items = [], []
    with one_thread():  # small matrices, see stats.moments
        for name, members in sets.items():
            stack = _by_measure(found[name], len(sides), seed)
            whole = not name and bool(scale.dimensions)
            dimensions.append(_dimension(name, members, stack, found[name], scale, confidence, omega=not whole))
            if not whole:
                items.append(_items(name, members, stack, found[name], scale, confidence))
    return Reliability(pd.concat(dimensions, ignore_index=True), pd.concat(items, ignore_index=True))


def _sets(scale: Scale) -> dict[str, list[Item]]:
    """Items of each dimension, and under "" all items where they are more than one dimension's."""
    by_dimension = {d: [item for item in scale.items if item.dimension == d] for d in scale.dimensions}
    if any(len(members) == len(scale.items) for members in by_dimension.values()):
        return by_dimension
    return {"": list(scale.items)} | by_dimension


def _columns(sides: list[str], members: Iterable[Item]) -> list[str]:
    members = list(members)
    return [f"{side}:{item.item}" for side in sides for item in members]


def _turned(rows: Iterable[Block], scale: Scale, sides: int) -> Iterator[Block]:
    turned = np.tile([item.reversed for item in scale.items], sides)
    for block in rows:
        if turned.any():
            block = replace(block, values=np.where(turned, scale.low + scale.high - block.values, block.values))
        yield block


def _by_measure(found: Moments, sides: int, seed: int) -> np.ndarray:
    """Covariances (measures, 1 + replicates, items, items) and, last, those across sides; all rows come first."""
    covariance = found.covariance[None]
    if found.n_groups:
        covariance = np.concatenate([covariance, found.replicates(seed=seed).covariance])
    k = covariance.shape[-1] // sides
    if sides == 1:
        return covariance[None]
    expected, received, across = covariance[:, :k, :k], covariance[:, k:, k:], covariance[:, :k, k:]
    return np.stack([expected, received, expected + received - across - across.swapaxes(1, 2), across])


def _dimension(
    name: str,
    members: list[Item],
    stack: np.ndarray,
    found: Moments,
    scale: Scale,
    confidence: float,
    *,
    omega: bool,
) -> pd.DataFrame:
    shown = measures(scale)
    own = stack[: len(shown)]
    made = {(measure, "alpha"): value for measure, value in zip(shown, alphas(own), strict=True)}
    if omega:
        first = one_factor(own[:, :1])
        start = first.residuals / np.diagonal(own[:, :1], axis1=-2, axis2=-1)
        fitted = omegas(one_factor(own, start=start))
        made |= {(measure, "omega"): value for measure, value in zip(shown, fitted, strict=True)}
    if "gap" in shown:
        expected, received, _, across = stack.sum(axis=(-2, -1))
        scores = np.stack([np.stack([received, across], -1), np.stack([across, expected], -1)], -2)
        sides = made["perception", "alpha"], made["expectation", "alpha"]
        made["gap", "difference_score"] = difference_reliability(scores, *sides)
    keys = sorted(made, key=lambda key: shown.index(key[0]))
    named = {
        "level": "dimension" if name else "overall",
        "dimension": name,
        "label": scale.label(name or "overall"),
        "measure": [measure for measure, _ in keys],
        "statistic": [statistic for _, statistic in keys],
    }
    return _told(named, np.stack([made[key] for key in keys], axis=-1), found, len(members), confidence)


def _items(
    name: str, members: list[Item], stack: np.ndarray, found: Moments, scale: Scale, confidence: float
) -> pd.DataFrame:
    shown = measures(scale)
    made = beside_others(stack[: len(shown)]).transpose(1, 2, 0, 3)
    keys = [(item.item, m, s) for item in members for m in shown for s in ITEM_STATISTICS]
    named = {
        "dimension": name,
        "item": [item for item, _, _ in keys],
        "label": [scale.label(item) for item, _, _ in keys],
        "measure": [measure for _, measure, _ in keys],
        "statistic": [statistic for _, _, statistic in keys],
    }
    table = _told(named, made.reshape(len(made), -1), found, len(members), confidence)
    apart = (table["statistic"] == "item_total") & (table["ci_high"] < LOW_ITEM_TOTAL)
    spoils = (table["statistic"] == "alpha_change") & (table["ci_low"] > 0) & (table["estimate"] >= RISE_OF_ALPHA)
    return table.assign(reconsider=apart | spoils)


def _told(named: dict, made: np.ndarray, found: Moments, n_items: int, confidence: float) -> pd.DataFrame:
    """Table of the figures (1 + replicates, figures) with their percentile limits and who is behind them."""
    low = high = np.full(made.shape[1], np.nan)
    if len(made) > 1:
        limits = from_replicates(
            made[0], made[1:], n_groups=found.n_groups, confidence=confidence, method="percentile"
        )
        low, high = limits.ci_low, limits.ci_high
    return pd.DataFrame(
        {
            **named,
            "n_items": n_items,
            "n": found.n,
            "n_eff": found.n_eff,
            "n_groups": found.n_groups,
            "few_groups": found.n_groups < FEW_GROUPS,
            "estimate": made[0],
            "ci_low": low,
            "ci_high": high,
        }
    )
