"""Figures made of column means, evaluated by segment or contrasted, and laid out as one long table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from csatlib.servqual.answers import Figure, summed
from csatlib.stats.intervals import (
    FEW_GROUPS,
    Limits,
    benjamini_hochberg,
    check_confidence,
    from_replicates,
    holm,
)
from csatlib.stats.segments import SegmentSums
from csatlib.tables.scale import Scale
from csatlib.words import mark

REST = mark("all others")


def combine(values: np.ndarray, sums: SegmentSums, rows: list[Figure]) -> np.ndarray:
    """Make the figures (..., rows) of the column means (..., columns); NaN where a part is NaN."""
    at = {name: i for i, name in enumerate(sums.columns)}
    share = np.zeros((len(sums.columns), len(rows)))
    for j, row in enumerate(rows):
        for name, part in row.parts.items():
            share[at[name], j] = part
    unknown = np.isnan(values)
    made = np.where(unknown, 0.0, values) @ share
    if unknown.any():
        made[(unknown.astype(float) @ (share != 0)) > 0] = np.nan
    return made


def bases(sums: SegmentSums, rows: list[Figure]) -> dict[str, np.ndarray]:
    """Say who is behind each figure of each segment: answers, spread, effective answers, replicate groups."""
    at = [sums.columns.index(row.respondents) for row in rows]
    scale = np.array([row.parts.get(row.respondents, 1.0) for row in rows])
    return {
        "n": sums.counts[:, at],
        "sd": sums.sd[:, at] * scale,
        "kish": sums.kish[:, at],
        "n_groups": sums.n_groups[:, at],
    }


def effective(behind: dict[str, np.ndarray], se: np.ndarray, simple: bool) -> np.ndarray:
    """Answers of a simple random sample that would be as precise; Kish where nothing varies."""
    if simple:
        return behind["n"].astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        effective = np.minimum((behind["sd"] / se) ** 2, behind["n"])
    return np.where((se > 0) & (behind["sd"] > 0), effective, behind["kish"])


def tabled(
    rows: list[Figure],
    scale: Scale,
    keys: list[dict[str, str]],
    *,
    estimate: np.ndarray,
    limits: Limits,
    behind: dict[str, np.ndarray],
    simple: bool,
) -> pd.DataFrame:
    """Lay figures (keys, rows) out as one long table; `behind` may hold a base of reference and its own error."""
    names = [
        {
            "level": row.level,
            "dimension": row.dimension or "",
            "item": row.item or "",
            "label": scale.label(row.item or row.dimension or "overall"),
            "weighting": row.weighting,
            "measure": row.measure,
        }
        for row in rows
    ]
    columns = [c for c in ("stratum", "group", "reference") if not keys or c in keys[0]] + list(names[0])
    result = pd.DataFrame([key | name for key in keys for name in names], columns=columns)
    numbers = {
        "n": behind["n"],
        **({"n_reference": behind["n_reference"]} if "n_reference" in behind else {}),
        "n_eff": effective(behind, behind.get("se", limits.se), simple),
        "n_groups": behind["n_groups"],
        "few_groups": behind["n_groups"] < FEW_GROUPS,
        "estimate": estimate,
        "ci_low": limits.ci_low,
        "ci_high": limits.ci_high,
        "p_value": limits.p_value,
    }
    return result.assign(**{name: values.ravel() for name, values in numbers.items()})


def contrast_table(
    data: Any,
    rows: list[Figure],
    *,
    scale: Scale,
    by: str,
    reference: str | None,
    within: str | None,
    weight: str | None,
    cluster: str | None,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Contrast any figures between groups or periods, p values not yet adjusted."""
    check_confidence(confidence)
    sums = summed(data, scale, by=[within, by] if within else [by], weight=weight, cluster=cluster)
    matrix, kept = _against(sums.segments, by, reference)
    other = sums.combine(matrix)
    estimate = (combine(sums.means, sums, rows) - combine(other.means, sums, rows))[kept]
    drawn = sums.draw(seed=seed)
    own, theirs = (combine(side.replicates(drawn), sums, rows)[:, kept] for side in (sums, other))
    here, there = ({name: part[kept] for name, part in bases(side, rows).items()} for side in (sums, other))
    groups = np.minimum(here["n_groups"], there["n_groups"])
    limits = from_replicates(estimate, own - theirs, n_groups=groups, confidence=confidence)
    own_se = from_replicates(estimate, own, n_groups=here["n_groups"]).se
    keys = [
        {"stratum": str(s[0]) if within else "all", "group": str(s[-1]), "reference": reference or REST}
        for s in (sums.segments[i] for i in kept)
    ]
    behind = here | {"n_groups": groups, "n_reference": there["n"], "se": own_se}
    simple = weight is None and cluster is None
    return tabled(rows, scale, keys, estimate=estimate, limits=limits, behind=behind, simple=simple)


def adjusted(result: pd.DataFrame, *, headline: bool, measures: Sequence[str] = ("gap",)) -> pd.DataFrame:
    """Adjust p values, one family per measure for items and one for dimensions with overall."""
    p_adjusted = np.full(len(result), np.nan)
    family = np.full(len(result), "", dtype=object)
    for measure in measures:
        for name, levels in (("dimensions", ("overall", "dimension")), ("items", ("item",))):
            chosen = ((result["measure"] == measure) & result["level"].isin(levels)).to_numpy()
            rule = holm if headline and name == "dimensions" else benjamini_hochberg
            p_adjusted[chosen] = rule(result["p_value"].to_numpy()[chosen])
            family[chosen] = f"{name}, {'Holm' if rule is holm else 'Benjamini-Hochberg'}"
    return result.assign(p_adjusted=p_adjusted, family=pd.Series(family, index=result.index, dtype="str"))


def _against(segments: tuple[tuple, ...], by: str, reference: str | None) -> tuple[np.ndarray, list[int]]:
    values = sorted({str(s[-1]) for s in segments})
    if reference is not None and len(values) > 1 and str(reference) not in values:
        raise ValueError(f"reference={reference!r} is no value of {by!r}; there are: {', '.join(values)}")
    same_stratum = np.array([[a[:-1] == b[:-1] for b in segments] for a in segments])
    if reference is None:
        chosen = same_stratum & ~np.eye(len(segments), dtype=bool)
    else:
        chosen = same_stratum & np.array([str(s[-1]) == str(reference) for s in segments])
    alone = len(values) < 2
    kept = [i for i, s in enumerate(segments) if not alone and str(s[-1]) != str(reference)]
    return chosen.astype(int), kept
