"""Zone of tolerance: perceptions between what is adequate and what is desired."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from csatlib.servqual.answers import Figure, figures, in_range
from csatlib.servqual.figure_tables import adjusted, bases, combine, tabled
from csatlib.stats.intervals import check_confidence, from_replicates, wilson
from csatlib.stats.rows import Block, blocks
from csatlib.stats.segments import SegmentSums, sum_by_segment
from csatlib.tables.scale import Scale

SHARES = ("share_below", "share_within", "share_above")
SUMMED = ("perception", "adequate", "desired", "adequacy", "superiority", "width", *SHARES)
SHOWN = (*SUMMED, "position")
SIDES = ("perception", "adequate", "desired")


def zone_of_tolerance(
    data: Any,
    *,
    scale: Scale,
    by: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Service adequacy, service superiority and the place of service in the zone of tolerance.

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow batches
        One row per response.
    scale : Scale
        Items with a perception, an adequate and a desired column each.
    by : str, optional
        Segment column; rows without a value are left out.
    weight, cluster, confidence, seed
        As in :func:`gaps`.

    Returns
    -------
    DataFrame
        ``group``, ``level``, ``dimension``, ``item``, ``label``, ``weighting``, ``measure``, ``n``,
        ``n_inverted`` (respondents left out of at least one item here), ``n_eff``, ``n_groups``,
        ``few_groups``, ``estimate``, ``ci_low``, ``ci_high``, ``p_value`` and ``p_adjusted`` (adequacy and
        superiority, = 0), ``family``, ``reading``. ``measure``: perception, adequate, desired, adequacy
        (perception - adequate), superiority (perception - desired), width (desired - adequate), all in points
        of the scale; share_below, share_within, share_above (0 to 1: perception below adequate, from adequate
        to desired, above desired); position (adequacy / width: 0 at adequate, 1 at desired; NaN unless the
        zone is wider than 0 beyond random variation). ``reading``, on every row of a figure: "below the
        zone", "within the zone", "above the zone", or "cannot tell".

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; items without one of the three columns; answers outside the scale.

    Notes
    -----
    An item uses respondents who answered all three. Those whose desired level lies below their adequate one
    contradict themselves: they are left out of the item and counted. A dimension is the plain mean of its
    items. Shares: Wilson's interval on effective answers. Below: adequacy under 0; above: superiority over 0;
    within: adequacy over 0 and superiority under 0, each beyond random variation after adjustment.
    "Above the zone" does not say that less would do.

    References
    ----------
    Zeithaml, V. A., Berry, L. L. and Parasuraman, A. (1993), Journal of the Academy of Marketing Science 21(1),
    1-12; Parasuraman, Zeithaml and Berry (1994), Journal of Retailing 70(3), 201-230; Zeithaml, Berry and
    Parasuraman (1996), Journal of Marketing 60(2), 31-46.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, zone_of_tolerance
    >>> scale = Scale([Item("q1", "speed", perception="p", desired="d", adequate="a")], low=1, high=9)
    >>> frame = pd.DataFrame({"p": [4, 6, 8], "d": [7, 7, 7], "a": [5, 5, 5]})
    >>> table = zone_of_tolerance(frame, scale=scale).query("level == 'item'").set_index("measure")["estimate"]
    >>> table[["adequacy", "superiority", "width", "share_within"]].round(2).tolist()
    [1.0, -1.0, 2.0, 0.33]
    """
    check_confidence(confidence)
    _need_sides(scale)
    sums = _summed(data, scale, by=[by] if by else [], weight=weight, cluster=cluster)
    rows = _rows(scale)
    at = {m: np.array([row.measure == m for row in rows]) for m in SHOWN}
    estimate, drawn = combine(sums.means, sums, rows), combine(sums.replicates(sums.draw(seed=seed)), sums, rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        for values in (estimate, drawn):
            values[..., at["position"]] = values[..., at["adequacy"]] / values[..., at["width"]]
    behind = bases(sums, rows)
    limits = from_replicates(estimate, drawn, n_groups=behind["n_groups"], confidence=confidence)
    unsure = ~(limits.ci_low[:, at["width"]] > 0)
    for values in (estimate, limits.ci_low, limits.ci_high):
        values[:, at["position"]] = np.where(unsure, np.nan, values[:, at["position"]])
    keys = [{"group": str(s[0]) if by else "all"} for s in sums.segments]
    simple = weight is None and cluster is None
    table = tabled(rows, scale, keys, estimate=estimate, limits=limits, behind=behind, simple=simple)
    inverted = [sums.columns.index("inverted:" + row.respondents.partition(":")[2]) for row in rows]
    table.insert(table.columns.get_loc("n_eff"), "n_inverted", sums.counts[:, inverted].ravel())
    table = _with_share_limits(table, limits.se.ravel(), confidence, simple)
    table["p_value"] = table["p_value"].where(table["measure"].isin(["adequacy", "superiority"]))
    table = adjusted(table, headline=by is None, measures=("adequacy", "superiority"))
    return table.assign(reading=_readings(table, at, 1 - confidence))


def _need_sides(scale: Scale) -> None:
    without = [
        f"{item.item} ({', '.join(side for side in SIDES if getattr(item, side) is None)})"
        for item in scale.items
        if any(getattr(item, side) is None for side in SIDES)
    ]
    if without:
        raise ValueError(
            f"scale {scale.name!r}: the zone of tolerance needs a perception, an adequate and a desired column "
            f"per item; missing: {'; '.join(without)}. Give them, or leave the items out with Scale.drop"
        )


def _rows(scale: Scale) -> list[Figure]:
    """List every measure of every figure of the perceptions; a position starts as its adequacy."""
    perceived = replace(scale, items=tuple(replace(i, expectation=None) for i in scale.items), importance={})
    found = []
    for row in figures(perceived):
        for measure in SHOWN:
            name = "adequacy" if measure == "position" else measure
            parts = {f"{name}:{part.partition(':')[2]}": share for part, share in row.parts.items()}
            who = f"{name}:{row.respondents.partition(':')[2]}"
            found.append(replace(row, measure=measure, parts=parts, respondents=who))
    return found


def _summed(data: Any, scale: Scale, *, by: list[str], weight: str | None, cluster: str | None) -> SegmentSums:
    answered = [getattr(item, side) for side in SIDES for item in scale.items]
    rows = blocks(data, answered, weight=weight, cluster=cluster, by=by, labels=scale.labels or None)
    checked = in_range(rows, answered, [(scale.low, scale.high)] * len(answered))
    kinds = [f"item:{item.item}" for item in scale.items] + [f"dimension:{d}" for d in scale.dimensions]
    kinds += ["equal_dimensions", "equal_items"]
    columns = [f"{measure}:{kind}" for measure in (*SUMMED, "inverted") for kind in kinds]
    return sum_by_segment(_derived(checked, scale), columns)


def _derived(rows: Iterable[Block], scale: Scale) -> Iterator[Block]:
    """Make of each row the measures of items, dimensions and overall."""
    turned = np.array([item.reversed for item in scale.items])[:, None]
    members = np.array([[i.dimension == d for i in scale.items] for d in scale.dimensions], dtype=float)
    members = members.reshape(-1, len(scale.items))
    for block in rows:
        sides = np.split(block.values.T, len(SIDES))
        perceived, adequate, desired = (np.where(turned, scale.low + scale.high - s, s) for s in sides)
        complete = ~np.isnan(perceived + adequate + desired)
        inverted = complete & (desired < adequate)
        used = complete & ~inverted
        made = [
            perceived,
            adequate,
            desired,
            perceived - adequate,
            perceived - desired,
            desired - adequate,
            perceived < adequate,
            (perceived >= adequate) & (perceived <= desired),
            perceived > desired,
        ]
        scored = [_scored(np.where(used, values, np.nan), members) for values in made]
        scored.append(_scored(np.where(inverted, 1.0, np.nan), members))
        yield replace(block, values=np.vstack(scored).T)


def _scored(items: np.ndarray, members: np.ndarray) -> np.ndarray:
    """Put respondents' dimension scores and two overall scores under their items: means of what is there."""
    there = ~np.isnan(items)
    filled = np.where(there, items, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        dimensions = (members @ filled) / (members @ there)
        known = ~np.isnan(dimensions)
        equal = np.where(known, dimensions, 0.0).sum(axis=0) / known.sum(axis=0)
        return np.vstack([items, dimensions, equal, filled.sum(axis=0) / there.sum(axis=0)])


def _with_share_limits(table: pd.DataFrame, se: np.ndarray, confidence: float, simple: bool) -> pd.DataFrame:
    share = table["measure"].isin(SHARES).to_numpy()
    p, n_eff = table.loc[share, "estimate"], table.loc[share, "n_eff"]
    if not simple:
        n_eff = binomial(p, se[share], table.loc[share, "n"], n_eff)
    low, high = wilson(np.clip(p * n_eff, 0, n_eff), n_eff, confidence=confidence)
    table.loc[share, "n_eff"], table.loc[share, "ci_low"], table.loc[share, "ci_high"] = n_eff, low, high
    return table


def binomial(p: pd.Series, se: np.ndarray, n: pd.Series, otherwise: pd.Series) -> np.ndarray:
    """Answers of a simple random sample whose share would be as precise, at most those there are."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((se > 0) & (p > 0) & (p < 1), np.minimum(p * (1 - p) / se**2, n), otherwise)


def _readings(table: pd.DataFrame, at: dict[str, np.ndarray], alpha: float) -> np.ndarray:
    shape = (-1, len(at["position"]))
    estimate, p = (table[c].to_numpy(dtype=float).reshape(shape) for c in ("estimate", "p_adjusted"))
    adequacy, superiority = (
        np.where(p[:, at[m]] < alpha, np.sign(estimate[:, at[m]]), 0.0) for m in ("adequacy", "superiority")
    )
    words = np.select(
        [adequacy < 0, superiority > 0, (adequacy > 0) & (superiority < 0)],
        ["below the zone", "above the zone", "within the zone"],
        "cannot tell",
    )
    return np.repeat(words.ravel(), len(SHOWN))
