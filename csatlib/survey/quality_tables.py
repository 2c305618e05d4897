"""How many answers are flagged, and whether a headline depends on them or on how it was asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from csatlib.stats.intervals import check_confidence, from_replicates, holm
from csatlib.stats.rows import require_columns
from csatlib.stats.segments import SegmentSums
from csatlib.survey.quality_flags import DETRACTOR, FLAGS, PROMOTER, flagged
from csatlib.survey.shares import PERCENT, bases, combined, effective, limits_table, percentages, sums_of
from csatlib.tables.scale import Scale

UNFLAGGED = ("all", "unflagged", "difference")
STAFF = ("others", "staff", "difference")


@dataclass(frozen=True)
class AnswerQuality:
    """Result of :func:`answer_quality`.

    Attributes
    ----------
    flags : DataFrame
        As :func:`csatlib.survey.flagged`, on the index of the data.
    shares : DataFrame
        One row per flag and ``any``: ``flag``, ``n`` (answers the rule can tell about), ``n_eff``, ``n_groups``,
        ``few_groups``, ``estimate`` (percent flagged), ``ci_low``, ``ci_high``.
    headlines : DataFrame
        Three rows per headline, ``part`` "all", "unflagged", "difference" (unflagged less all): ``measure``,
        ``part``, ``n``, ``n_reference`` (of a difference: all), ``n_eff``, ``n_groups``, ``few_groups``,
        ``estimate``, ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted`` (Holm over the differences).
    """

    flags: pd.DataFrame
    shares: pd.DataFrame
    headlines: pd.DataFrame


def answer_quality(
    data: pd.DataFrame,
    *,
    scale: Scale | None = None,
    outcome: str = "overall",
    low: float | None = None,
    high: float | None = None,
    survey: str = "survey",
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    **thresholds: float,
) -> AnswerQuality:
    """Flag careless and impossible answers, and show every headline with and without them.

    Parameters
    ----------
    data : DataFrame
        One row per answer, best of one kind of survey; see :func:`csatlib.survey.flagged` for what is used.
    scale, outcome, low, high, survey
        As in :func:`csatlib.survey.flagged`, with its rules.
    weight : str, optional
        Sampling weights of the headlines; shares of flagged answers are of answers and not weighted.
    cluster : str, optional
        Column that holds the answers of one customer together.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the 1,000 joint replicates.
    **thresholds : float
        ``fastest``, ``fewest``, ``skipped`` of :func:`csatlib.survey.flagged`.

    Returns
    -------
    AnswerQuality
        Tables ``flags``, ``shares``, ``headlines``; see there. Headlines, where the data has them: ``gap``
        (received less expected, mean over dimensions; ``perception`` where nothing expected is asked), the
        `outcome` (mean) and ``nps`` (points).

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.survey.flagged`; bad weights.

    Notes
    -----
    The difference is taken inside each joint replicate, so its interval knows that most answers are in both. It
    tells whether the headline depends on the flagged answers, not which of the two figures is true.

    Examples
    --------
    >>> answers = pd.DataFrame({"overall": [7, 6, 7, 6, 5, 7] * 5 + [1], "nps": [9, 8, 9, 8, 8, 9] * 5 + [10]})
    >>> found = answer_quality(answers, low=1, high=7)
    >>> found.headlines.query("measure == 'overall'")[["part", "n", "estimate"]].round(2).values.tolist()
    [['all', 31, 6.16], ['unflagged', 30, 6.33], ['difference', 30, 0.17]]
    """
    check_confidence(confidence)
    flags = flagged(data, scale=scale, outcome=outcome, low=low, high=high, survey=survey, **thresholds)
    design = {"cluster": cluster}
    names = [*FLAGS, "any"]
    sums = sums_of(pd.concat([data[[cluster] if cluster else []], flags], axis=1), names, **design)
    made = percentages(sums, sums.draw(seed=seed), simple=cluster is None, confidence=confidence)
    shares = pd.DataFrame({"flag": names} | {name: values[0] for name, values in made.items()})
    part = pd.Series(np.where(flags["any"] == 1, "b_flagged", "a_unflagged"), index=data.index)
    headlines = compared(
        data, part, ("a_unflagged", "b_flagged"), [[1, 1], [1, 0]], UNFLAGGED, scale, outcome, weight, cluster,
        confidence, seed,
    )  # fmt: skip
    return AnswerQuality(flags=flags, shares=shares, headlines=headlines)


def staff_difference(
    data: pd.DataFrame,
    *,
    staff: str | Sequence[str],
    channel: str = "channel",
    scale: Scale | None = None,
    outcome: str = "overall",
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare answers given with staff present, or invited by staff, with all others.

    Parameters
    ----------
    data : DataFrame
        One row per answer with its channel, see :func:`csatlib.survey.with_invitation`; rows without a channel are
        left out.
    staff : str or sequence of str
        Values of `channel` that mean staff were present or did the inviting.
    channel : str
        Column of the channel.
    scale, outcome, weight, cluster, confidence, seed
        As in :func:`answer_quality`.

    Returns
    -------
    DataFrame
        As ``headlines`` of :class:`AnswerQuality`, ``part`` "others", "staff", "difference" (staff less others).
        Empty where no answer, or every answer, came with staff present.

    Raises
    ------
    KeyError
        No such column.

    Notes
    -----
    An association: who answers in a shop may differ in more than the presence of staff. Weights even out what
    they are made from; nothing else is held equal.

    Examples
    --------
    >>> answers = pd.DataFrame({"overall": [6.0, 5] * 20 + [7.0, 6] * 20, "channel": ["sms"] * 40 + ["shop"] * 40})
    >>> found = staff_difference(answers, staff="shop")
    >>> found[["part", "n", "estimate"]].values.tolist()
    [['others', 40, 5.5], ['staff', 40, 6.5], ['difference', 40, 1.0]]
    """
    check_confidence(confidence)
    require_columns(data.columns, [channel])
    present = data[channel].isin([staff] if isinstance(staff, str) else list(staff))
    known = data[channel].notna()
    part = pd.Series(np.where(present, "b_staff", "a_others"), index=data.index)[known]
    return compared(
        data[known], part, ("a_others", "b_staff"), [[1, 0], [0, 1]], STAFF, scale, outcome, weight, cluster,
        confidence, seed,
    )  # fmt: skip


def headline_columns(
    data: pd.DataFrame, scale: Scale | None, outcome: str
) -> tuple[pd.DataFrame, dict[str, tuple[Mapping[str, float], str]]]:
    """Columns whose means make the headlines; of each headline its parts, and the column that counts its rows."""
    columns: dict[str, pd.Series] = {}
    headlines: dict[str, tuple[Mapping[str, float], str]] = {}
    for measure, scores in _scores(data, scale).items():
        columns |= {f"{measure}:{name}": scores[name] for name in scores} | {measure: _overall(scores, scale)}
        members = _members(scale)
        parts = {f"{measure}:{i}": 1 / len(members) / len(own) for own in members for i in own}
        headlines[measure] = (parts, measure)
    if outcome in data.columns:
        columns[outcome] = data[outcome].astype(float)
        headlines[outcome] = ({outcome: 1.0}, outcome)
    if "nps" in data.columns:
        nps = data["nps"].astype(float)
        columns["nps"] = ((nps >= PROMOTER).astype(float) - (nps <= DETRACTOR)).where(nps.notna()) * PERCENT
        headlines["nps"] = ({"nps": 1.0}, "nps")
    return pd.DataFrame(columns, index=data.index), headlines


def compared(
    data: pd.DataFrame,
    part: pd.Series,
    order: tuple[str, str],
    rows: list[list[int]],
    names: tuple[str, str, str],
    scale: Scale | None,
    outcome: str,
    weight: str | None,
    cluster: str | None,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Every headline in two sets of rows, made of the parts, and the second less the first."""
    columns, headlines = headline_columns(data, scale, outcome)
    empty = [
        "measure",
        "part",
        "n",
        "n_reference",
        "n_eff",
        "estimate",
        "ci_low",
        "ci_high",
        "p_value",
        "p_adjusted",
    ]
    used = set(part.unique())
    if not headlines or not used or (rows[0] == [1, 0] and used != set(order)):
        return pd.DataFrame(columns=empty)
    design = [name for name in (weight, cluster) if name]
    frame = pd.concat([data[design].rename(columns=lambda name: f"_{name}"), columns], axis=1).assign(_part=part)
    sums = sums_of(
        frame, list(columns), by=["_part"], weight=weight and f"_{weight}", cluster=cluster and f"_{cluster}"
    )
    there = [segment[0] for segment in sums.segments]
    wanted = np.array([[row[order.index(name)] for name in there] for row in rows])
    drawn = sums.draw(seed=seed)
    both = replace(sums.combine(wanted), segments=((names[0],), (names[1],)))
    table = _rows(both, headlines, drawn, names, simple=not design, confidence=confidence)
    return table.assign(p_adjusted=holm(table["p_value"].where(table["part"] == "difference")))


def _rows(
    sums: SegmentSums,
    headlines: Mapping[str, tuple[Mapping[str, float], str]],
    drawn: np.ndarray,
    names: tuple[str, str, str],
    *,
    simple: bool,
    confidence: float,
) -> pd.DataFrame:
    parts, base = [h[0] for h in headlines.values()], [sums.columns.index(h[1]) for h in headlines.values()]
    means = combined(sums.means, sums.columns, parts)
    replicates = combined(sums.replicates(drawn), sums.columns, parts)
    counts, n_groups, kish = sums.counts[:, base], sums.n_groups[:, base], sums.kish[:, base]
    limits = from_replicates(means, replicates, n_groups=n_groups, confidence=confidence)
    n_eff = effective(counts, sums.sd[:, base] ** 2, limits.se, kish, simple)
    own = bases(counts, n_eff, n_groups) | {"estimate": means} | limits_table(limits)
    own["p_value"] = np.full(means.shape, np.nan)
    for side in ("ci_low", "ci_high"):
        own[side] = np.clip(own[side], *(_ends(headlines)))
    groups = n_groups.min(axis=0)
    apart = from_replicates(
        means[1] - means[0], replicates[:, 1] - replicates[:, 0], n_groups=groups, confidence=confidence
    )
    tables = []
    for j, measure in enumerate(headlines):
        for i in (0, 1):
            row = {name: values[i, j] for name, values in own.items()}
            tables.append({"measure": measure, "part": names[i], "n_reference": np.nan} | row)
        last = {name: values[j] for name, values in limits_table(apart).items()}
        behind = {name: own[name][1, j] for name in ("n", "n_eff", "n_groups", "few_groups")}
        last |= behind | {"n_reference": counts[0, j], "estimate": means[1, j] - means[0, j]}
        tables.append({"measure": measure, "part": names[2]} | last)
    order = ["measure", "part", "n", "n_reference", "n_eff", "n_groups", "few_groups", "estimate"]
    return pd.DataFrame(tables)[[*order, "ci_low", "ci_high", "p_value"]]


def _ends(headlines: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of each headline's range: the NPS cannot leave -100 to 100 points."""
    end = np.array([PERCENT if measure == "nps" else np.inf for measure in headlines])
    return -end, end


def _scores(data: pd.DataFrame, scale: Scale | None) -> dict[str, pd.DataFrame]:
    if scale is None:
        return {}
    sides = {
        side: [getattr(item, side) for item in scale.items]
        for side in ("perception", "expectation")
        if all(getattr(item, side) for item in scale.items)
    }
    made = {side: data[columns].astype(float) for side, columns in sides.items()}
    made = {side: frame.set_axis([i.item for i in scale.items], axis=1) for side, frame in made.items()}
    turned = [item.item for item in scale.items if item.reversed]
    for frame in made.values():
        frame[turned] = scale.low + scale.high - frame[turned]
    if len(made) == 2:
        return {"gap": made["perception"] - made["expectation"]}
    return {side: frame for side, frame in made.items() if side == "perception"}


def _members(scale: Scale) -> list[list[str]]:
    if not scale.dimensions:
        return [[item.item for item in scale.items]]
    return [[i.item for i in scale.items if i.dimension == d] for d in scale.dimensions]


def _overall(scores: pd.DataFrame, scale: Scale) -> pd.Series:
    means = [scores[own].mean(axis=1) for own in _members(scale)]
    return pd.concat(means, axis=1).mean(axis=1)
