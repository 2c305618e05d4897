"""Expectation x perception: what is expected much and delivered, what is not, and what cannot be told."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from csatlib.servqual.answers import Figure, figures, measures, summed
from csatlib.servqual.figure_tables import bases, combine, effective
from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates, max_t
from csatlib.stats.rows import REPLICATE_GROUPS
from csatlib.tables.scale import Scale

CELLS = {
    ("high", "less"): "promised more than delivered",
    ("low", "less"): "short of low expectations",
    ("high", "as"): "delivered as promised",
    ("low", "as"): "delivered as promised",
    ("high", "more"): "above high expectations",
    ("low", "more"): "more than expected",
}
CANNOT_TELL = "cannot tell"
MARGIN = 24


def expectation_matrix(
    data: Any,
    *,
    scale: Scale,
    level: Literal["dimension", "item"] = "dimension",
    cut: float | Literal["mean"] = "mean",
    margin: float | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Place dimensions or items by how much is expected and how much of it is delivered.

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow batches
        One row per response.
    scale : Scale
        With expectations and perceptions; for ``level="dimension"`` with dimensions.
    level : {"dimension", "item"}
        What is placed.
    cut : float or "mean"
        Where high expectations begin, in points of the scale; by default the mean expectation of all that are
        placed, because answers about what should be are high for nearly everything.
    margin : float, optional
        A gap within -margin .. +margin counts as "as expected"; by default a twenty-fourth of the scale's
        range, 0.25 points on 1 to 7.
    weight, cluster, confidence, seed
        As in :func:`gaps`.

    Returns
    -------
    DataFrame
        Two rows per dimension or item, ``measure`` expectation and gap: ``level``, ``dimension``, ``item``,
        ``label``, ``measure``, ``n``, ``n_eff``, ``n_groups``, ``few_groups``, ``cut``, ``margin``,
        ``estimate``, ``ci_low``, ``ci_high`` (simultaneous for all that are placed; of an expectation: against
        the cut), ``p_adjusted`` (expectation = cut; gap = 0), ``placed`` (expectation: high, low, cannot tell;
        gap: less, as, more, cannot tell) and ``cell``: "promised more than delivered" (expected much, less
        delivered), "short of low expectations", "delivered as promised", "above high expectations", "more
        than expected" (expected little, more delivered), or "cannot tell" where an interval supports no
        place.

    Raises
    ------
    KeyError, ValueError
        As :func:`gaps`; a scale without one side or without dimensions; a cut outside the scale, a margin
        that is not above 0, another level.

    Notes
    -----
    high or low: the interval lies on one side of the cut. as: the whole interval of the gap lies within the
    margin (a test of equivalence, at half the usual 1 - confidence); else less or more: it excludes 0.
    All places are judged together (max t over the joint replicates). "More than expected" says that more is
    received than is asked for, not that less would do: what customers get used to they miss when it goes.
    "Promised" is the name of the field for what customers expect, whoever raised it.

    References
    ----------
    Zeithaml, Parasuraman and Berry (1990), Delivering Quality Service, ch. 2; Schuirmann, D. J. (1987), Journal
    of Pharmacokinetics and Biopharmaceutics 15(6), 657-680, for equivalence; Westfall and Young (1993).

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, expectation_matrix
    >>> scale = Scale([Item("q1", "speed", "e1", "p1"), Item("q2", "looks", "e2", "p2")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": [6, 7] * 20, "p1": [4, 5] * 20, "e2": [5, 4] * 20, "p2": [5, 4] * 20})
    >>> table = expectation_matrix(frame, scale=scale).query("measure == 'gap'")
    >>> table[["label", "estimate", "placed", "cell"]].values.tolist()
    [['speed', -2.0, 'less', 'promised more than delivered'], ['looks', 0.0, 'as', 'delivered as promised']]
    """
    check_confidence(confidence)
    margin = _checked(scale, level, cut, margin)
    scale = replace(scale, importance={})
    sums = summed(data, scale, by=[], weight=weight, cluster=cluster)
    drawn = sums.replicates(sums.draw(seed=seed))
    simple = weight is None and cluster is None
    parts, at = {}, float("nan")
    for measure in ("expectation", "gap"):
        rows = [row for row in figures(scale) if row.level == level and row.measure == measure]
        value, spread = combine(sums.means, sums, rows)[0], combine(drawn, sums, rows)[:, 0]
        null, moving = 0.0, 0.0
        if measure == "expectation":
            null, moving = _cut(value, spread, cut)
            at = null
        behind = {name: part[0] for name, part in bases(sums, rows).items()}
        groups = behind["n_groups"]
        together = int(groups[groups > 0].min(initial=REPLICATE_GROUPS))
        joint = max_t(value - null, spread - moving, n_groups=together, confidence=confidence)
        own = from_replicates(value, spread, n_groups=groups, confidence=confidence)
        table = _named(rows, scale).assign(
            n=behind["n"],
            n_eff=effective(behind, own.se, simple),
            n_groups=groups,
            few_groups=groups < FEW_GROUPS,
            cut=at,
            margin=margin,
            estimate=value,
            ci_low=joint.ci_low + null,
            ci_high=joint.ci_high + null,
            p_adjusted=joint.p_value,
        )
        parts[measure] = table.assign(placed=_placed(table, null, margin))
    return _celled(parts)


def _checked(scale: Scale, level: str, cut: float | str, margin: float | None) -> float:
    margin = (scale.high - scale.low) / MARGIN if margin is None else margin
    problems = []
    if "gap" not in measures(scale):
        problems.append(f"scale {scale.name!r} needs an expectation and a perception column for every item")
    if level not in ("dimension", "item"):
        problems.append(f"level={level!r}; allowed are 'dimension' and 'item'")
    elif level == "dimension" and not scale.dimensions:
        problems.append(f"scale {scale.name!r} has no dimensions; give level='item'")
    if cut != "mean" and (isinstance(cut, str) or not scale.low <= cut <= scale.high):
        problems.append(f"cut={cut!r}; allowed are 'mean' and {scale.low:g} to {scale.high:g}")
    if not margin > 0:
        problems.append(f"margin={margin!r}; it must be above 0, in points of the scale")
    if problems:
        raise ValueError("; ".join(problems))
    return float(margin)


def _cut(value: np.ndarray, spread: np.ndarray, cut: float | str) -> tuple[float, Any]:
    """Return the cut and what it is in each replicate: a mean moves with the answers."""
    if cut != "mean":
        return float(cut), float(cut)
    return float(np.nanmean(value)), np.nanmean(spread, axis=1, keepdims=True)


def _named(rows: list[Figure], scale: Scale) -> pd.DataFrame:
    names = [
        {
            "level": row.level,
            "dimension": row.dimension or "",
            "item": row.item or "",
            "label": scale.label(row.item or row.dimension),
            "measure": row.measure,
        }
        for row in rows
    ]
    return pd.DataFrame(names)


def _placed(table: pd.DataFrame, null: float, margin: float) -> np.ndarray:
    low, high = table["ci_low"], table["ci_high"]
    if (table["measure"] == "expectation").all():
        return np.select([low > null, high < null], ["high", "low"], CANNOT_TELL)
    within = (low >= -margin) & (high <= margin)
    return np.select([within, high < 0, low > 0], ["as", "less", "more"], CANNOT_TELL)


def _celled(parts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    expected, gap = (parts[measure]["placed"] for measure in ("expectation", "gap"))
    cells = [CELLS.get(place, CANNOT_TELL) for place in zip(expected, gap, strict=True)]
    both = pd.concat([part.assign(cell=cells) for part in parts.values()])
    return both.sort_index(kind="stable").reset_index(drop=True)
