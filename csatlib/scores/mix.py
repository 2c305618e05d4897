"""Who answered against what they scored: a change split into composition and score."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from csatlib.scores.answers import UNITS, Groups, grouped
from csatlib.scores.changes import asked, require_period
from csatlib.scores.levels import POINTS
from csatlib.scores.question import COLUMNS
from csatlib.stats.intervals import FEW_GROUPS, benjamini_hochberg, check_confidence, from_replicates, holm
from csatlib.stats.replicates import multiplicities

TERMS = ("composition", "score", "entered", "left")


def mix_shift(
    data: Any,
    *,
    by: str,
    period: str,
    reference: str,
    score: str = "nps",
    outcome: str | None = None,
    low: float = 1,
    high: float = 5,
    top: float | None = None,
    time: str = "period",
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    labels: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Split the change of a score into who answered and what they scored.

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow batches
        One row per response of both periods.
    by : str
        Column of the groups whose shares may have shifted.
    period, reference : str
        Values of `time`: the period looked at, and the earlier one.
    score, outcome, low, high, top, time, cluster, key, labels, confidence, seed
        As in :func:`csatlib.scores.change`.
    weight : str, optional
        Base weights. Weights raked on `by` would hold the shares fixed and so hide the shift.

    Returns
    -------
    DataFrame
        Rows of group "all" for the terms "total", "composition" (shares shifted), "score" (groups scored
        differently), "entered" and "left" (groups with answers in one period only); then the part of each group
        in its terms, which add up to those. Columns: ``group``, ``term``, ``measure``, ``unit``, ``n`` and
        ``n_reference`` (NaN for the period a group has no answers in), ``n_groups``, ``few_groups``, ``share``,
        ``share_reference``, ``value``, ``value_reference``, ``estimate`` (in the unit of the score), ``ci_low``,
        ``ci_high``, ``p_value``, ``p_adjusted``, ``family``.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.scores.change`; no group with answers in both periods.

    Notes
    -----
    Symmetric form: with shares w and scores m of the groups in both periods (shares among these), and M the
    average of the two overall scores of these groups, a group adds (w1 - w0) ((m0 + m1) / 2 - M) to the
    composition and (m1 - m0) (w0 + w1) / 2 to the score. Groups of one period add their share there times
    their score less that of the others; with a minus sign where they left. The four terms add up to the
    total exactly. Limits from joint replicates. Holm over the four terms, Benjamini-Hochberg over the groups.
    A split of a difference, no explanation: groups may score differently for any reason.

    References
    ----------
    Kitagawa, E. M. (1955), Components of a difference between two rates, JASA 50, 1168-1194.

    Examples
    --------
    >>> answers = pd.DataFrame({"overall": [5] * 60 + [3] * 40 + [5] * 40 + [3] * 60})
    >>> answers["plan"] = ["A"] * 60 + ["B"] * 40 + ["A"] * 40 + ["B"] * 60
    >>> answers["period"] = ["May"] * 100 + ["June"] * 100
    >>> table = mix_shift(answers, by="plan", period="June", reference="May", score="mean")
    >>> table.query("group == 'all'")[["term", "estimate"]].round(9).values.tolist()
    [['total', -0.4], ['composition', -0.4], ['score', 0.0]]
    """
    check_confidence(confidence)
    question = asked(score, outcome, low, high, top, labels)
    groups = grouped(data, question, by=[time, by], weight=weight, cluster=cluster, key=key, margins=None)
    for label in (period, reference):
        require_period(groups, label, time)
    names, now, before = _aligned(groups, str(period), str(reference))
    at, factor = COLUMNS.index(score), POINTS if score == "nps" else 1.0
    drawn = multiplicities(groups.present.any(axis=(0, 2)), seed=seed)
    weight_drawn, total_drawn = (part[:, :, at] for part in groups.drawn_sums(drawn))
    shift = groups.sums.shift[at]
    sides = [_picked(groups.weight[:, at], groups.total[:, at], rows) for rows in (now, before)]
    drawn_sides = [_picked(weight_drawn, total_drawn, rows) for rows in (now, before)]
    both = (sides[0][0] > 0) & (sides[1][0] > 0)
    if not both.any():
        raise ValueError(f"no value of {by!r} has answers both in {reference!r} and in {period!r}")
    estimate, replicates = (_split(*found, both, shift) for found in (sides, drawn_sides))
    labels_of = _rows(names, sides, both)
    counts = np.vstack([_counts(groups, rows, at) for rows in (now, before)])
    table = _described(labels_of, names, sides, counts, shift, factor)
    chosen = [position for position, _, _ in labels_of]
    behind = _behind(groups, at, names, [now, before], labels_of)
    limits = from_replicates(estimate[chosen], replicates[:, chosen], n_groups=behind, confidence=confidence)
    return _finished(table, estimate[chosen], limits, behind, score, factor)


def _aligned(groups: Groups, period: str, reference: str) -> tuple[list[str], list[int], list[int]]:
    at = {(str(label[0]), str(label[-1])): i for i, label in enumerate(groups.labels)}
    names = sorted({group for label, group in at if label in (period, reference)})
    return names, *([at.get((label, name), -1) for name in names] for label in (period, reference))


def _picked(weight: np.ndarray, total: np.ndarray, rows: list[int]) -> tuple[np.ndarray, np.ndarray]:
    there = np.array(rows) >= 0
    return np.where(there, weight[..., rows], 0.0), np.where(there, total[..., rows], 0.0)


def _split(now: tuple, before: tuple, both: np.ndarray, shift: float) -> np.ndarray:
    """Terms per replicate: total, four sums, then each group's part in composition, score, entered, left."""
    with np.errstate(invalid="ignore", divide="ignore"):
        m1, m0 = now[1] / now[0] + shift, before[1] / before[0] + shift
        w1, w0 = (np.where(both, side[0], 0.0) for side in (now, before))
        w1, w0 = (w / w.sum(axis=-1, keepdims=True) for w in (w1, w0))
        share1, share0 = (side[0] / side[0].sum(axis=-1, keepdims=True) for side in (now, before))
    filled1, filled0 = np.where(np.isnan(m1), m0, m1), np.where(np.isnan(m0), m1, m0)
    filled1, filled0 = (np.where(both, m, 0.0) for m in (filled1, filled0))
    common1, common0 = (w1 * filled1).sum(axis=-1, keepdims=True), (w0 * filled0).sum(axis=-1, keepdims=True)
    composition = (w1 - w0) * ((filled1 + filled0) / 2 - (common1 + common0) / 2)
    composition = np.where(both, composition, 0.0)
    scored = (filled1 - filled0) * (w1 + w0) / 2
    entered = np.where(~both & (share1 > 0), share1 * (np.nan_to_num(m1) - common1), 0.0)
    left = np.where(~both & (share0 > 0), -share0 * (np.nan_to_num(m0) - common0), 0.0)
    parts = np.stack([composition, scored, entered, left], axis=-2)
    sums = parts.sum(axis=-1)
    flat = parts.reshape(*parts.shape[:-2], -1)
    return np.concatenate([sums.sum(axis=-1, keepdims=True), sums, flat], axis=-1)


def _rows(names: list[str], sides: list[tuple], both: np.ndarray) -> list[tuple[int, str, str]]:
    """Position in the split, group and term of the rows shown."""
    shown = {
        "composition": both,
        "score": both,
        "entered": ~both & (sides[0][0] > 0),
        "left": ~both & (sides[1][0] > 0),
    }
    rows = [(0, "all", "total")]
    rows += [(1 + i, "all", term) for i, term in enumerate(TERMS) if shown[term].any()]
    return rows + [
        (1 + len(TERMS) + i * len(names) + j, name, term)
        for j, name in enumerate(names)
        for i, term in enumerate(TERMS)
        if shown[term][j]
    ]


def _counts(groups: Groups, rows: list[int], at: int) -> np.ndarray:
    return np.where(np.array(rows) >= 0, groups.counts[rows, at], 0)


def _described(
    rows: list[tuple[int, str, str]],
    names: list[str],
    sides: list[tuple],
    counts: np.ndarray,
    shift: float,
    factor: float,
) -> pd.DataFrame:
    whole = {"all": slice(None)} | {name: slice(j, j + 1) for j, name in enumerate(names)}
    table = pd.DataFrame({"group": [row[1] for row in rows], "term": [row[2] for row in rows]})
    for suffix, (weight, total), count in zip(("", "_reference"), sides, counts, strict=True):
        picked = [whole[name] for name in table["group"]]
        w = np.array([weight[part].sum() for part in picked])
        with np.errstate(invalid="ignore", divide="ignore"):
            value = (np.array([total[part].sum() for part in picked]) / w + shift) * factor
        answers = np.array([count[part].sum() for part in picked], dtype=float)
        table[f"n{suffix}"] = np.where(answers > 0, answers, np.nan)
        table[f"share{suffix}"] = w / weight.sum()
        table[f"value{suffix}"] = value
    return table


def _behind(
    groups: Groups,
    at: int,
    names: list[str],
    sides: list[list[int]],
    rows: list[tuple[int, str, str]],
) -> np.ndarray:
    """Count the replicate groups behind each row: those of its smaller side."""
    held = [[groups.present[i, :, at] if i >= 0 else None for i in side] for side in sides]
    whole = min(int(np.any([h for h in side if h is not None], axis=0).sum()) for side in held)
    each = {
        name: min(int(h[j].sum()) for h in held if h[j] is not None and h[j].any())
        for j, name in enumerate(names)
        if any(h[j] is not None and h[j].any() for h in held)
    }
    return np.array([whole if name == "all" else each[name] for _, name, _ in rows])


def _finished(
    table: pd.DataFrame, estimate: np.ndarray, limits: Any, behind: np.ndarray, score: str, factor: float
) -> pd.DataFrame:
    terms = (table["group"].eq("all") & table["term"].ne("total")).to_numpy()
    parts = table["group"].ne("all").to_numpy()
    adjusted = limits.p_value.copy()
    adjusted[terms], adjusted[parts] = holm(adjusted[terms]), benjamini_hochberg(adjusted[parts])
    family = np.select([terms, parts], ["terms, Holm", "groups x terms, Benjamini-Hochberg"], "total")
    return table.assign(
        measure=score,
        unit=UNITS[score],
        n_groups=behind,
        few_groups=behind < FEW_GROUPS,
        estimate=estimate * factor,
        ci_low=limits.ci_low * factor,
        ci_high=limits.ci_high * factor,
        p_value=limits.p_value,
        p_adjusted=adjusted,
        family=pd.Series(family, dtype="str"),
    )
