"""Expectation management: what of a change of the gap is change of perception, what is change of expectation."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from csatlib.servqual.answers import Figure, figures, measures, summed
from csatlib.servqual.figure_tables import adjusted, bases, combine, contrast_table, effective, tabled
from csatlib.stats.intervals import check_confidence, from_replicates
from csatlib.stats.rows import require_columns
from csatlib.stats.segments import SegmentSums
from csatlib.tables.scale import Scale

DAYS_A_MONTH = 365.25 / 12
CONTRASTED = ("gap", "perception", "expectation", "balance", "importance")


def expectations(
    data: Any,
    *,
    scale: Scale,
    by: str,
    reference: str | None = None,
    within: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Split a difference of gaps between groups or periods into what is received and what is expected.

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow batches
        One row per response; for periods, the rows of both.
    scale : Scale
        Items both groups answered in the same wording (see :meth:`Scale.drop`). Without expectations only
        perceptions are contrasted; for a direct "below / as / above expectation" item see
        :func:`direct_comparison`, for expectations of an earlier wave :func:`borrowed_gaps`.
    by : str
        Column of the groups or periods compared.
    reference : str, optional
        The group or earlier period every other is compared with; without it, each group with all others.
    within : str, optional
        Column inside whose values the comparison is made, for example region.
    weight, cluster, confidence, seed
        As in :func:`gaps`.

    Returns
    -------
    DataFrame
        As :func:`contrasts`: ``stratum``, ``group``, ``reference``, ``level``, ``dimension``, ``item``,
        ``label``, ``weighting``, ``measure``, ``n``, ``n_reference``, ``n_eff``, ``n_groups``, ``few_groups``,
        ``estimate`` (group less reference), ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted``, ``family``
        (Benjamini-Hochberg, one family per measure and for items or dimensions with overall). ``measure`` is
        expectation, perception, gap (points of the scale), importance (points of 100, where the scale has
        allocations) and ``balance`` = change of perception + change of expectation: where the gap got worse, a
        balance below 0 says that the change of perception is the larger part, above 0 that the change of
        expectation is; where it got better, the other way round. Gap rows also say ``reading``: "less
        received", "more expected", "less received and more expected", "worse, cannot tell which"; "more
        received", "less expected", "more received and less expected", "better, cannot tell which"; "both rose",
        "both fell" (perception and expectation moved the same way, the gap not beyond random variation);
        "cannot tell". Other rows hold "".

    Raises
    ------
    KeyError, ValueError
        As :func:`contrasts`.

    Notes
    -----
    change of gap = change of perception - change of expectation, exactly: all three rest on the respondents
    who answered both sides of an item, and the intervals on the same joint replicates. A part is named in
    the reading only where its own adjusted p value is below 1 - confidence; a part that is not named may
    still have moved. The split is arithmetic: it does not say why either side moved, and a change in how
    people use the answer scale moves both sides and cancels in the gap, not in its parts.

    References
    ----------
    Parasuraman, A., Zeithaml, V. A. and Berry, L. L. (1985), Journal of Marketing 49(4), 41-50; Zeithaml, Berry
    and Parasuraman (1993), Journal of the Academy of Marketing Science 21(1), 1-12.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, expectations
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": [5, 5, 6, 6], "p1": [5, 5, 5, 4], "year": [2025, 2025, 2026, 2026]})
    >>> table = expectations(frame, scale=scale, by="year", reference="2025").query("level == 'item'")
    >>> table[["measure", "n", "estimate"]].values.tolist()
    [['expectation', 2, 1.0], ['perception', 2, -0.5], ['gap', 2, -1.5], ['balance', 2, 0.5]]
    """
    rows = _with_balance(figures(scale))
    table = contrast_table(
        data,
        rows,
        scale=scale,
        by=by,
        reference=reference,
        within=within,
        weight=weight,
        cluster=cluster,
        confidence=confidence,
        seed=seed,
    )
    at = {name: np.array([row.measure == name for row in rows]) for name in CONTRASTED}
    n_eff = table["n_eff"].to_numpy(dtype=float, copy=True).reshape(-1, len(rows))
    n_eff[:, at["balance"]] = n_eff[:, at["gap"]]
    table = adjusted(table.assign(n_eff=n_eff.ravel()), headline=False, measures=CONTRASTED)
    return table.assign(reading=_readings(table, at, 1 - confidence))


def borrowed_gaps(
    data: Any,
    *,
    earlier: Any,
    scale: Scale,
    by: str | None = None,
    time: str | None = None,
    age_months: float | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Gaps between perceptions of today and expectations asked in an earlier wave.

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow batches
        Responses with the perception columns.
    earlier : DataFrame, Ibis table or Arrow batches
        Responses of the wave that asked expectations.
    scale : Scale
        Items with an expectation and a perception column.
    by : str, optional
        Segment column, in both; a segment that the earlier wave lacks has no gap (NaN).
    time : str, optional
        Column of times in both, from which the age of the expectations follows (frames only).
    age_months : float, optional
        Age of the expectations where there is no such column; give one of the two.
    weight, cluster, confidence, seed
        As in :func:`gaps`; columns of both.

    Returns
    -------
    DataFrame
        As :func:`gaps` without importance and d_z: ``group``, ``level``, ``dimension``, ``item``, ``label``,
        ``weighting``, ``measure``, ``n`` (expectation rows: of the earlier wave), ``n_reference`` (gap rows:
        answers of the earlier wave, else NaN), ``n_eff``, ``n_groups`` (gap rows: the smaller of both sides),
        ``few_groups``, ``age_months``, ``estimate``, ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted``,
        ``family`` (gap rows).

    Raises
    ------
    KeyError, ValueError
        As :func:`gaps`; neither or both of time and age_months; a scale that lacks one side.

    Notes
    -----
    Both means are taken as independent samples: the replicate groups of the two waves are drawn
    independently, so the interval of a gap holds the sampling error of both and is wider than if the same
    respondents had answered both sides. Customers in both waves make it wider than necessary. The gap
    assumes that expectations have not moved since; the older they are, the less that is safe.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, borrowed_gaps
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> now, then = pd.DataFrame({"p1": [5, 4] * 9}), pd.DataFrame({"e1": [6, 7] * 8})
    >>> table = borrowed_gaps(now, earlier=then, scale=scale, age_months=12).query("level == 'item'")
    >>> table[["measure", "n", "estimate", "age_months"]].values.tolist()
    [['expectation', 16, 6.5, 12.0], ['perception', 18, 4.5, 12.0], ['gap', 18, -2.0, 12.0]]
    """
    check_confidence(confidence)
    if "gap" not in measures(scale):
        raise ValueError(f"scale {scale.name!r} needs an expectation and a perception column for every item")
    age = _age(data, earlier, time, age_months)
    plain = replace(scale, importance={})
    rows, simple = figures(plain), weight is None and cluster is None
    kept = {"by": [by] if by else [], "weight": weight, "cluster": cluster}
    now = summed(data, _one_side(plain, "perception"), **kept)
    then = _matched(summed(earlier, _one_side(plain, "expectation"), **kept), now.segments)
    sides = [
        (now, [_of_side(row, "perception") for row in rows], seed),
        (then, [_of_side(row, "expectation") for row in rows], seed + 1),
    ]
    measure = np.array([row.measure for row in rows])
    sign = [measure != "expectation", np.select([measure == "expectation", measure == "gap"], [1.0, -1.0], 0.0)]
    found = [
        (combine(sums.means, sums, own), combine(sums.replicates(sums.draw(seed=s)), sums, own), bases(sums, own))
        for sums, own, s in sides
    ]
    estimate, drawn = (_added(sign, [part[i] for part in found]) for i in (0, 1))
    behind = _behind_both(rows, found, simple, confidence)
    limits = from_replicates(estimate, drawn, n_groups=behind["n_groups"], confidence=confidence)
    keys = [{"group": str(s[0]) if by else "all"} for s in now.segments]
    table = tabled(rows, scale, keys, estimate=estimate, limits=limits, behind=behind, simple=True)
    table = table.assign(n_eff=behind["n_eff"].ravel())
    table.insert(table.columns.get_loc("estimate"), "age_months", age)
    table["p_value"] = table["p_value"].where(table["measure"] == "gap")
    return adjusted(table, headline=by is None)


def _with_balance(rows: list[Figure]) -> list[Figure]:
    """Add perception + expectation behind each gap."""
    found = []
    for row in rows:
        found.append(row)
        if row.measure == "gap":
            sides = [_of_side(row, side).parts for side in ("perception", "expectation")]
            found.append(replace(row, measure="balance", parts=sides[0] | sides[1]))
    return found


def _of_side(row: Figure, side: str) -> Figure:
    parts = {f"{side}:{name.partition(':')[2]}": share for name, share in row.parts.items()}
    return replace(row, measure=side, parts=parts, respondents=f"{side}:{row.respondents.partition(':')[2]}")


def _readings(table: pd.DataFrame, at: dict[str, np.ndarray], alpha: float) -> pd.Series:
    shape = (-1, len(at["gap"]))
    estimate, p = (table[c].to_numpy(dtype=float).reshape(shape) for c in ("estimate", "p_adjusted"))
    matched = at["gap"].any()
    sides = {m: np.where(p[:, at[m]] < alpha, np.sign(estimate[:, at[m]]), 0.0) for m in CONTRASTED[:3] if matched}
    words = np.full(estimate.shape, "", dtype=object)
    if matched:
        gap, received, expected = (sides[m] for m in CONTRASTED[:3])
        less, more = received == gap, expected == -gap
        rules = [
            ((gap < 0) & less & more, "less received and more expected"),
            ((gap < 0) & less, "less received"),
            ((gap < 0) & more, "more expected"),
            (gap < 0, "worse, cannot tell which"),
            ((gap > 0) & less & more, "more received and less expected"),
            ((gap > 0) & less, "more received"),
            ((gap > 0) & more, "less expected"),
            (gap > 0, "better, cannot tell which"),
            ((received > 0) & (expected > 0), "both rose"),
            ((received < 0) & (expected < 0), "both fell"),
        ]
        words[:, at["gap"]] = np.select([r for r, _ in rules], [w for _, w in rules], "cannot tell")
    return pd.Series(words.ravel(), index=table.index, dtype="str")


def _age(data: Any, earlier: Any, time: str | None, age_months: float | None) -> float:
    if (time is None) == (age_months is None):
        raise ValueError(
            "give either time, a column of both waves, or age_months: borrowed expectations have an age"
        )
    if time is None:
        return float(age_months)
    for frame in (data, earlier):
        if not isinstance(frame, pd.DataFrame):
            raise ValueError("time needs pandas frames; for other data give age_months")
        require_columns(frame.columns, [time])
    days = (data[time].mean() - earlier[time].mean()) / pd.Timedelta(1, "D")
    return float(days / DAYS_A_MONTH)


def _one_side(scale: Scale, side: str) -> Scale:
    other = {"perception": "expectation", "expectation": "perception"}[side]
    return replace(scale, items=tuple(replace(item, **{other: None}) for item in scale.items))


def _matched(sums: SegmentSums, segments: tuple[tuple, ...]) -> SegmentSums:
    """Put segments into the order of another table's; one that is not there holds nothing."""
    known = {tuple(map(str, s)): i for i, s in enumerate(sums.segments)}
    pick = np.zeros((len(segments), len(sums.segments)))
    for i, segment in enumerate(segments):
        if tuple(map(str, segment)) in known:
            pick[i, known[tuple(map(str, segment))]] = 1
    return replace(sums.combine(pick), segments=segments)


def _added(sign: list[np.ndarray], parts: list[np.ndarray]) -> np.ndarray:
    """Add signed sides; a side that does not count cannot make the sum unknown."""
    return sum(np.where(own == 0, 0.0, own * part) for own, part in zip(sign, parts, strict=True))


def _behind_both(rows: list[Figure], found: list[tuple], simple: bool, confidence: float) -> dict[str, np.ndarray]:
    here, there = (part[2] for part in found)
    eff = []
    for estimate, drawn, own in found:
        limits = from_replicates(estimate, drawn, n_groups=own["n_groups"], confidence=confidence)
        eff.append(effective(own, limits.se, simple))
    measure = np.array([row.measure for row in rows])
    wanted, is_gap = measure == "expectation", measure == "gap"
    return {
        "n": np.where(wanted, there["n"], here["n"]).astype(int),
        "n_reference": np.where(is_gap, there["n"], np.nan),
        "n_eff": np.where(is_gap, np.fmin(*eff), np.where(wanted, eff[1], eff[0])),
        "n_groups": np.where(
            is_gap,
            np.minimum(here["n_groups"], there["n_groups"]),
            np.where(wanted, there["n_groups"], here["n_groups"]),
        ),
    }
