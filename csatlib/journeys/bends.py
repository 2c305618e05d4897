"""From where on satisfaction falls: a straight line against one that bends, with a test that counts the search."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, check_confidence, from_replicates, holm
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import REPLICATE_GROUPS, Block, blocks

POWER = 0.80
LEAST_ROWS, LEAST_SHARE = 20, 0.02  # on either side of a place looked at
FOUND, LEVELS_OFF, NONE, UNTESTED = "threshold", "levels off", "none found", "too few"
SIDES = ("before", "after")


@dataclass(frozen=True)
class _Lines:
    """Bent lines fitted to stacked cross products; the last axis runs over the places looked at."""

    curvature: np.ndarray
    change: np.ndarray
    slope: np.ndarray

    @property
    def best(self) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.argmax(np.nan_to_num(self.change**2 * self.curvature, nan=-1.0), axis=-1)


def threshold(
    data: pd.DataFrame,
    *,
    measures: Sequence[str],
    outcome: str,
    cluster: str | None = None,
    key: str | None = None,
    weight: str | None = None,
    within: str | None = None,
    places: int = 40,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Look for the number of failures, steps or minutes from which on satisfaction falls.

    Parameters
    ----------
    data : DataFrame
        One row per journey or contact; rows without measure or outcome are left out.
    measures : sequence of str
        Numeric columns, each looked at alone.
    outcome : str
        Satisfaction.
    cluster, key, weight : str, optional
        Column that holds rows of one customer together; identifies a row; sampling weights.
    within : str, optional
        Column such as the touchpoint: only rows with the same value are compared (its effects are taken out).
    places : int
        Largest number of places looked at for a bend, at quantiles of the measure.
    confidence : float
        Coverage aimed at; 1 - confidence is also the level of the test.
    replicates, seed : int
        Number of joint replicates and of sign changes, and their seed.

    Returns
    -------
    DataFrame
        One row per measure: ``measure``, ``status`` ("threshold": falls, and faster, from there on; "levels off":
        bends the other way; "none found"; "too few": no place has enough rows on both sides), ``n``, ``n_eff``,
        ``n_groups``, ``few_groups``, ``estimate`` (the place, in units of the measure; NaN without a bend),
        ``ci_low``, ``ci_high``, ``slope_before``, ``slope_after`` with ``_low`` and ``_high`` (outcome per unit
        below and above the place; without a bend both are the slope of the straight line), ``p_value``,
        ``p_adjusted`` (Holm over the measures) and ``minimum_detectable`` (change of slope that would have been
        seen 8 times in 10).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there or are no numbers; no measure; fewer than 1 place.

    Notes
    -----
    y = a + b x + c max(x - t, 0), a for each value of `within`. The place t is not defined where c = 0, so the
    usual F test would find bends that are not there; here the largest score statistic over all places is compared
    with the same largest value after the signs of the customers' scores are changed at random (Hansen's p value),
    which holds under unequal spread and repeated answers of a customer. Interval of the place: percentile over
    joint replicates, in each of which the best place is looked for again; it can only lie on a place looked at.
    Slopes: t, at the place found. The slopes describe; customers with more steps differ in more than the steps.

    References
    ----------
    Davies, R. B. (1987), Biometrika 74, 33-43; Hansen, B. E. (1996), Econometrica 64, 413-430; Muggeo, V. M. R.
    (2003), Statistics in Medicine 22, 3055-3071.

    Examples
    --------
    >>> calls = pd.DataFrame({"minutes": np.arange(300) % 30 / 1.0})
    >>> calls["rating"] = 6 - 0.2 * (calls["minutes"] - 10).clip(lower=0) + np.arange(300) % 7 / 100
    >>> found = threshold(calls, measures=["minutes"], outcome="rating").iloc[0]
    >>> found["status"], float(found["estimate"]), round(float(found["slope_after"]), 2)
    ('threshold', 10.0, -0.2)
    """
    check_confidence(confidence)
    if not measures or places < 1:
        raise ValueError(f"measures={list(measures)}, places={places}; give at least one measure and one place")
    rows, by = [], [within] if within else []
    design = {"cluster": cluster, "key": key, "weight": weight}
    for measure in measures:
        whole = next(blocks(data, [measure, outcome], by=by, rows=max(len(data), 1), **design))
        rows.append({"measure": measure} | _bend(whole, places, confidence, replicates, seed))
    table = pd.DataFrame(rows)
    adjusted = holm(table["p_value"].to_numpy())
    table = table.assign(p_adjusted=adjusted, status=_status(table, adjusted, 1 - confidence))
    bent = table["status"].isin([FOUND, LEVELS_OFF])
    table[["estimate", "ci_low", "ci_high"]] = table[["estimate", "ci_low", "ci_high"]].where(bent)
    for side in SIDES:
        for end in ("", "_low", "_high"):
            table[f"slope_{side}{end}"] = table[f"slope_{side}{end}"].where(bent, table[f"_straight{end}"])
    return table.drop(columns=[c for c in table.columns if c.startswith("_")])


def _status(table: pd.DataFrame, adjusted: np.ndarray, level: float) -> list[str]:
    falls = (table["slope_after"] < 0) & (table["slope_after"] < table["slope_before"])
    return [
        UNTESTED if np.isnan(p) else NONE if p >= level else FOUND if fall else LEVELS_OFF
        for p, fall in zip(adjusted, falls, strict=True)
    ]


def _bend(rows: Block, places: int, confidence: float, replicates: int, seed: int) -> dict[str, float]:
    used = ~np.isnan(rows.values).any(axis=1) & (rows.weight > 0)
    (x, y), weight, group = rows.values[used].T, rows.weight[used], rows.replicate[used]
    groups = len(np.unique(group))
    at = _places(x, places)
    empty = dict.fromkeys([*(f"slope_{s}{e}" for s in SIDES for e in ("", "_low", "_high"))], np.nan)
    empty |= dict.fromkeys(["_straight", "_straight_low", "_straight_high", "minimum_detectable"], np.nan)
    found = {"n": len(x), "n_eff": float(weight.sum() ** 2 / (weight**2).sum()) if len(x) else 0.0}
    found |= {"n_groups": groups, "few_groups": groups < FEW_GROUPS}
    found |= dict.fromkeys(["estimate", "ci_low", "ci_high", "p_value"], np.nan) | empty
    if groups < MIN_GROUPS or len(at) == 0:
        return found
    low, span = x.min(), np.ptp(x)
    hinges = np.maximum(x[:, None] - at, 0) / span
    design = np.column_stack([np.ones(len(x)), (x - low) / span, hinges, y - y.mean()])
    for label in rows.segments:
        design[:, 1:] -= _means(design[:, 1:], weight, label[used])
    cross = _crossed(design, weight, group)
    drawn = multiplicities(np.bincount(group, minlength=REPLICATE_GROUPS) > 0, replicates=replicates, seed=seed)
    shape = cross.shape[1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = _fitted(cross.sum(axis=0))
        each = _fitted((drawn @ cross.reshape(REPLICATE_GROUPS, -1)).reshape(len(drawn), *shape))
        best = int(whole.best)
        p_value, se, critical = _sup_score(cross, best, confidence, replicates, seed)
    limits = np.nanquantile(at[each.best], [(1 - confidence) / 2, (1 + confidence) / 2], method="nearest")
    found |= {"estimate": at[best], "ci_low": limits[0], "ci_high": limits[1], "p_value": p_value}
    found["minimum_detectable"] = (critical + stats.norm.ppf(POWER)) * se / span
    before = whole.slope[best], each.slope[:, best]
    after = before[0] + whole.change[best], before[1] + each.change[:, best]
    straight = _straight(cross.sum(axis=0)), _straight(np.tensordot(drawn, cross[:, :2], axes=1))
    for name, (value, moved) in {"slope_before": before, "slope_after": after, "_straight": straight}.items():
        ends = from_replicates(value / span, moved / span, n_groups=groups, confidence=confidence)
        found |= {name: value / span, f"{name}_low": float(ends.ci_low), f"{name}_high": float(ends.ci_high)}
    return found


def _places(x: np.ndarray, places: int) -> np.ndarray:
    """Places with enough rows on both sides: values above the lowest, at quantiles."""
    if len(x) == 0:
        return np.array([])
    least = max(LEAST_ROWS, LEAST_SHARE * len(x))
    ordered = np.sort(x)
    found = np.unique(ordered[ordered > ordered[0]])
    if len(found) > places:
        found = np.quantile(ordered[ordered > ordered[0]], np.linspace(0, 1, places + 2), method="nearest")
        found = np.unique(found)
    above = len(x) - np.searchsorted(ordered, found, side="right")
    up_to = np.searchsorted(ordered, found, side="right") - np.searchsorted(ordered, ordered[0], side="right")
    return found[(above >= least) & (up_to >= least)]


def _means(columns: np.ndarray, weight: np.ndarray, label: pd.Series) -> np.ndarray:
    """Weighted means of the columns over the rows that share a label."""
    code, names = pd.factorize(label, use_na_sentinel=False)
    total = np.zeros((len(names), columns.shape[1]))
    np.add.at(total, code, columns * weight[:, None])
    return (total / np.bincount(code, weight)[:, None])[code]


def _crossed(design: np.ndarray, weight: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Cross products of the columns in each replicate group, shape (256, columns, columns)."""
    order = np.argsort(group, kind="stable")
    design, weight = design[order], weight[order]
    ends = np.searchsorted(group[order], np.arange(REPLICATE_GROUPS + 1))
    pairs = zip(ends[:-1], ends[1:], strict=True)
    return np.stack([(design[a:b] * weight[a:b, None]).T @ design[a:b] for a, b in pairs])


def _fitted(cross: np.ndarray) -> _Lines:
    """Take intercept and slope out of hinges and outcome, then fit each hinge alone."""
    base, right = cross[..., :2, :2], cross[..., :2, 2:]
    taken = _inverse(base) @ right
    left = cross[..., 2:, 2:] - np.swapaxes(right, -1, -2) @ taken
    curvature = np.diagonal(left, axis1=-2, axis2=-1)[..., :-1]
    change = np.where(curvature > 1e-12, left[..., :-1, -1] / curvature, np.nan)
    return _Lines(curvature, change, taken[..., 1, -1:] - taken[..., 1, :-1] * change)


def _straight(cross: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return (_inverse(cross[..., :2, :2]) @ cross[..., :2, -1:])[..., 1, 0]


def _inverse(base: np.ndarray) -> np.ndarray:
    determinant = base[..., 0, 0] * base[..., 1, 1] - base[..., 0, 1] ** 2
    turned = np.stack([base[..., 1, 1], -base[..., 0, 1], -base[..., 0, 1], base[..., 0, 0]], axis=-1)
    return (turned / determinant[..., None]).reshape(base.shape)


def _sup_score(
    cross: np.ndarray, best: int, confidence: float, replicates: int, seed: int
) -> tuple[float, float, float]:
    """Largest score statistic over the places: p value, standard error of the bend at the best, critical value."""
    total = cross.sum(axis=0)
    taken = _inverse(total[:2, :2]) @ total[:2, 2:]
    hinge, line = taken[:, :-1], taken[:, -1]
    residual = cross[:, :, -1] - cross[:, :, :2] @ line
    scores = residual[:, 2:-1] - residual[:, :2] @ hinge
    there = cross[:, 0, 0] > 0
    scores = scores[there]
    centred = scores - scores.mean(axis=0)
    g = len(scores)
    se = np.sqrt((centred**2).sum(axis=0) * g / (g - 1))
    statistic = np.nanmax(np.abs(scores.sum(axis=0)) / se)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(replicates, g))
    largest = np.nanmax(np.abs(signs @ centred) / se, axis=1)
    p_value = (1 + (largest >= statistic).sum()) / (1 + replicates)
    curvature = _fitted(total).curvature[best]
    return float(p_value), float(se[best] / curvature), float(np.quantile(largest, confidence))
