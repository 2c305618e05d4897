"""Several scores from one pass over the rows."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from csatlib.scores.answers import SCORES, summed
from csatlib.scores.changes import asked as question_of
from csatlib.scores.levels import csat, nps
from csatlib.stats.intervals import check_confidence
from csatlib.stats.segments import SegmentSums

TAKEN = ("score", "outcome", "low", "high", "top", "target", "references", "labels", "where")
ASKED = {"outcome": None, "low": 1, "high": 5, "top": None, "labels": None}


def together(
    data: Any,
    wanted: Mapping[str, Mapping[str, Any]],
    *,
    by: str | None = None,
    within: str | None = None,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    margins: Mapping[str, Mapping] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure several scores by group with limits; an Ibis table on DuckDB is read once for all of them.

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow table
        One row per response; other than an Ibis table it is read once per question.
    wanted : mapping of label to mapping
        For each score ``score`` ("nps", "top_box" or "mean") and, as in :func:`csatlib.scores.csat`, ``outcome``,
        ``low``, ``high``, ``top``, ``labels``; ``where``, column -> value or list of values of the answers it
        rests on. What :func:`csatlib.scores.headlines` takes besides may stand there.
    by, within, weight, cluster, key, margins, confidence, seed
        As in :func:`csatlib.scores.nps`.

    Returns
    -------
    DataFrame
        For each score, in the order of `wanted`, its rows of :func:`csatlib.scores.nps` or
        :func:`csatlib.scores.csat` with ``label`` in front; shares of promoters, passives and detractors are NaN
        for other scores.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.scores.nps`; nothing wanted; a key that nothing takes.

    Notes
    -----
    Figures and limits are those of the single functions: the same sums, and the same draw of replicates.

    Examples
    --------
    >>> answers = pd.DataFrame({"nps": [10, 9, 3, 8], "overall": [5, 4, 1, None]})
    >>> wanted = {"NPS": {"score": "nps"}, "Satisfied": {"score": "top_box"}}
    >>> together(answers, wanted)[["label", "n", "estimate"]].round(2).values.tolist()
    [['NPS', 4, 25.0], ['Satisfied', 3, 0.67]]
    """
    check(wanted)
    check_confidence(confidence)
    columns = [column for column in (within, by) if column]
    design = {"weight": weight, "cluster": cluster, "key": key, "margins": margins}
    sums = sums_of(data, wanted, by=columns, **design)
    settings = {"by": by, "within": within, "confidence": confidence, "seed": seed}
    return levels_of(sums, wanted, **design, **settings)


def sums_of(
    data: Any,
    wanted: Mapping[str, Mapping[str, Any]],
    *,
    by: list[str],
    weight: str | None,
    cluster: str | None,
    key: str | None,
    margins: Mapping[str, Mapping] | None,
) -> dict[str, SegmentSums]:
    """Sum what is wanted, each question once; what :func:`nps`, :func:`csat` and :func:`change` take as data."""
    raking = list(margins or {})
    asked = []
    for about in wanted.values():
        given = {name: about.get(name, default) for name, default in ASKED.items()}
        asked.append((question_of(about["score"], **given), dict(about.get("where") or {})))
    distinct = [one for i, one in enumerate(asked) if one not in asked[:i]]
    design = {"weight": weight, "cluster": cluster, "key": key}
    sums = summed(data, distinct, by=[*by, *raking], required=len(raking), **design)
    return {label: sums[distinct.index(one)] for label, one in zip(wanted, asked, strict=True)}


def levels_of(
    sums: Mapping[str, SegmentSums], wanted: Mapping[str, Mapping[str, Any]], **design: Any
) -> pd.DataFrame:
    """Measure what is wanted from its sums."""
    measured: dict[int, pd.DataFrame] = {}
    tables = []
    for label, about in wanted.items():
        one = id(sums[label])
        if one not in measured:
            taken = ("outcome", "labels") if about["score"] == "nps" else tuple(ASKED)
            given = {name: about[name] for name in taken if name in about}
            measured[one] = (nps if about["score"] == "nps" else csat)(sums[label], **given, **design)
        found = measured[one][measured[one]["measure"] == about["score"]].copy()
        found.insert(0, "label", label)
        tables.append(found)
    return pd.concat(tables, ignore_index=True)


def check(wanted: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse scores, and keys of scores, that nothing takes."""
    if not wanted:
        raise ValueError('wanted is empty; give at least one headline, for example {"NPS": {"score": "nps"}}')
    problems = []
    for label, asked in wanted.items():
        if asked.get("score") not in SCORES:
            problems.append(f"{label}: score={asked.get('score')!r}; allowed are {', '.join(map(repr, SCORES))}")
        elif asked["score"] == "mean" and not {"low", "high"} <= set(asked):
            problems.append(f"{label}: a mean needs low and high, the ends of its scale")
        problems += [
            f"{label}: unknown key {k!r}; allowed are {', '.join(TAKEN)}" for k in asked if k not in TAKEN
        ]
    if problems:
        raise ValueError("; ".join(problems))
