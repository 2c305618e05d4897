"""What changed: against the period before, a year ago, the target and the rest of the company."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.scores.answers import SCORES, UNITS, Groups, grouped
from csatlib.scores.levels import POINTS, effective, satisfaction
from csatlib.scores.question import COLUMNS, NPS_HIGH, NPS_LOW, PROMOTER, Question
from csatlib.stats.intervals import FEW_GROUPS, benjamini_hochberg, check_confidence, from_replicates, holm
from csatlib.stats.replicates import multiplicities
from csatlib.tables.period import parse

REST = "all others"
TARGET = "target"
MONTHS_OF_A_YEAR = 12
FAMILIES = {
    False: (holm, "comparisons, Holm"),
    True: (benjamini_hochberg, "groups x comparisons, Benjamini-Hochberg"),
}


def change(
    data: Any,
    *,
    period: str,
    score: str = "nps",
    outcome: str | None = None,
    low: float = 1,
    high: float = 5,
    top: float | None = None,
    time: str = "period",
    by: str | None = None,
    references: Mapping[str, str] | None = None,
    target: float | Mapping[str, float] | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    margins: Mapping[str, Mapping] | None = None,
    labels: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    power: float = 0.8,
    seed: int = 0,
) -> pd.DataFrame:
    """Differences of a score against earlier periods, a target and the rest of the company.

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow batches
        One row per response, of this period and of those it is compared with; read once.
    period : str
        The period looked at, a value of `time`.
    score : {"nps", "top_box", "mean"}
        What is compared.
    outcome : str, optional
        Column with the answers; default "nps" for the NPS, else "overall".
    low, high, top
        Scale of top box and mean, as in :func:`csatlib.scores.csat`; the NPS has its own.
    time : str
        Column with the label of the period, for example "2026-10".
    by : str, optional
        Column whose values are looked at one by one; each is then also compared with the rest of the company.
    references : mapping, optional
        Name of a comparison to the earlier label. Default: "previous" (the period before) and "last_year" (the
        same a year ago), read off a label such as 2026-10, 2026-Q4 or 2026.
    target : float or mapping of group to float, optional
        Target in the unit of the score; a target has no error of its own.
    weight, cluster, key, margins, labels, confidence, seed
        As in :func:`csatlib.scores.nps`; margins are met in every period.
    power : float
        Chance with which the minimum detectable change would be found.

    Returns
    -------
    DataFrame
        One row per group and comparison for which there are answers: ``group``, ``comparison`` (previous,
        last_year, target, rest, or the names given), ``reference`` (label, "target" or "all others"), ``measure``,
        ``unit``, ``n``, ``n_reference`` (NaN for a target), ``n_eff`` (of this period), ``n_groups`` (the smaller
        side), ``few_groups``, ``value``, ``value_reference``, ``estimate`` (value less reference, in the unit of
        the score), ``se``, ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted``, ``family``,
        ``minimum_detectable``.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.scores.nps`; a period that is not there, with those that are; an unknown score.

    Notes
    -----
    Differences are taken inside joint replicates, so customers who answered in both periods are accounted
    for. minimum_detectable = (z[(1 + confidence) / 2] + z[power]) x SE of the difference: a true change of that
    size would be beyond random variation so often; it does not depend on what was found. p values: without
    `by` Holm over the comparisons, with `by` Benjamini-Hochberg over all groups and comparisons. Where all
    answers of a side are equal its error is taken as 0; with few answers the interval is then too short.

    References
    ----------
    Hoenig, J. M. and Heisey, D. M. (2001), The abuse of power, American Statistician 55(1), 19-24.

    Examples
    --------
    >>> answers = pd.DataFrame({"nps": [9, 10, 8, 3] * 20 + [9, 10, 8, 8] * 20})
    >>> answers["period"] = ["2026-09"] * 80 + ["2026-10"] * 80
    >>> change(answers, period="2026-10")[["comparison", "reference", "n", "estimate"]].values.tolist()
    [['previous', '2026-09', 80, 25.0]]
    """
    check_confidence(confidence)
    question = asked(score, outcome, low, high, top, labels)
    if not 0 < power < 1:
        raise ValueError(f"power={power}; it must lie between 0 and 1, for example 0.8")
    columns = [time, by] if by else [time]
    design = {"weight": weight, "cluster": cluster, "margins": margins}
    groups = grouped(data, question, by=columns, key=key, within=time, **design)
    sides = _sides(groups, time, period, references, target, bool(by))
    own, other = (groups.combine(_matrix(groups, [side[name] for side in sides])) for name in ("own", "other"))
    return _compared(groups, own, other, sides, score, not any(design.values()), by, (confidence, power, seed))


def asked(
    score: str,
    outcome: str | None,
    low: float,
    high: float,
    top: float | None,
    labels: Mapping[str, float] | None,
) -> Question:
    """Describe the question behind a score."""
    if score not in SCORES:
        raise ValueError(f"score={score!r}; allowed are {', '.join(map(repr, SCORES))}")
    if score == "nps":
        return Question(outcome or "nps", NPS_LOW, NPS_HIGH, PROMOTER, labels, whole=True)
    return satisfaction(outcome or "overall", low, high, top, labels)


def require_period(groups: Groups, period: str, time: str) -> None:
    """Refuse a period nobody answered in."""
    there = sorted({str(label[0]) for label in groups.labels})
    if str(period) not in there:
        raise ValueError(f"{period!r} is no value of {time!r}; there are: {', '.join(there) or 'none'}")


def earlier(period: str) -> dict[str, str]:
    """Name the period before and the same period of the year before."""
    now = parse(period)
    return {
        "previous": now.shift(-1).label,
        "last_year": now.shift(-MONTHS_OF_A_YEAR // now.months).label,
    }


def _sides(
    groups: Groups,
    time: str,
    period: str,
    references: Mapping[str, str] | None,
    target: float | Mapping[str, float] | None,
    grouped_by: bool,
) -> list[dict[str, Any]]:
    """List what is compared: rows of `groups` on each side, or a target."""
    require_period(groups, period, time)
    at = {(str(label[0]), str(label[-1]) if grouped_by else "all"): i for i, label in enumerate(groups.labels)}
    now = {group: i for (label, group), i in at.items() if label == str(period)}
    named = earlier(period) if references is None else dict(references)
    named = {name: label for i, (name, label) in enumerate(named.items()) if label not in list(named.values())[:i]}
    sides = []
    for group, i in now.items():
        for name, label in named.items():
            if (str(label), group) in at:
                other = [at[str(label), group]]
                sides.append({"group": group, "comparison": name, "reference": str(label), "other": other})
        aim = target.get(group) if isinstance(target, Mapping) else target
        if aim is not None:
            sides.append({"group": group, "comparison": TARGET, "reference": TARGET, "other": [], "target": aim})
        others = [j for j in now.values() if j != i]
        if grouped_by and others:
            sides.append({"group": group, "comparison": "rest", "reference": REST, "other": others})
    return [side | {"own": [now[side["group"]]]} for side in sides]


def _matrix(groups: Groups, chosen: list[list[int]]) -> np.ndarray:
    matrix = np.zeros((len(chosen), len(groups.labels)))
    for row, members in zip(matrix, chosen, strict=True):
        row[members] = 1
    return matrix


def _compared(
    groups: Groups,
    own: Groups,
    other: Groups,
    sides: list[dict[str, Any]],
    score: str,
    simple: bool,
    by: str | None,
    settings: tuple[float, float, int],
) -> pd.DataFrame:
    confidence, power, seed = settings
    at, factor = COLUMNS.index(score), POINTS if score == "nps" else 1.0
    aims = np.array([side.get("target", np.nan) for side in sides], dtype=float)
    aimed = ~np.isnan(aims)
    drawn = multiplicities(groups.present.any(axis=(0, 2)), seed=seed)
    here, there = own.replicates(drawn)[:, :, at], other.replicates(drawn)[:, :, at]
    value, reference = own.means[:, at], np.where(aimed, aims / factor, other.means[:, at])
    behind = np.where(aimed, own.n_groups[:, at], np.minimum(own.n_groups[:, at], other.n_groups[:, at]))
    difference = here - np.where(aimed, aims / factor, there)
    limits = from_replicates(value - reference, difference, n_groups=behind, confidence=confidence)
    own_se = from_replicates(value, here, n_groups=own.n_groups[:, at]).se
    names = ("group", "comparison", "reference")
    table = pd.DataFrame([{name: side[name] for name in names} for side in sides], columns=list(names))
    reach = stats.norm.ppf((1 + confidence) / 2) + stats.norm.ppf(power)
    rule, family = FAMILIES[bool(by)]
    return table.assign(
        measure=score,
        unit=UNITS[score],
        n=own.counts[:, at].astype(np.int64),
        n_reference=np.where(aimed, np.nan, other.counts[:, at]),
        n_eff=effective(own, score, own_se, simple),
        n_groups=behind,
        few_groups=behind < FEW_GROUPS,
        value=value * factor,
        value_reference=reference * factor,
        estimate=(value - reference) * factor,
        se=limits.se * factor,
        ci_low=limits.ci_low * factor,
        ci_high=limits.ci_high * factor,
        p_value=limits.p_value,
        p_adjusted=rule(limits.p_value),
        family=family,
        minimum_detectable=np.where(limits.se > 0, reach * limits.se * factor, np.nan),
    )
