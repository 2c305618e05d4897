"""The few figures a company follows, side by side: their series, this period, and what they are compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csatlib.scores.changes import change
from csatlib.scores.together import check, levels_of, sums_of
from csatlib.stats.intervals import holm
from csatlib.words import mark, say

PERCENT = 100.0
DECIMALS = {"nps": 0, "top_box": 0, "mean": 2}
UNITS = {"nps": mark("points"), "top_box": mark("%"), "mean": mark("of {high}")}
SHARES = ("estimate", "ci_low", "ci_high", "sd", "se", "value", "value_reference", "minimum_detectable")
FAMILY = "headlines x comparisons, Holm"


@dataclass(frozen=True)
class Headlines:
    """Result of :func:`headlines`; shares are in percent.

    Parameters
    ----------
    series : DataFrame
        Every period: columns of :func:`csatlib.scores.nps` with ``period``, ``label``, ``unit`` and ``decimals``.
    levels : DataFrame
        The rows of the period looked at.
    changes : DataFrame
        Columns of :func:`csatlib.scores.change` with ``label`` and ``decimals``; ``p_adjusted`` over all
        headlines and comparisons.
    """

    series: pd.DataFrame
    levels: pd.DataFrame
    changes: pd.DataFrame


def headlines(
    data: Any,
    wanted: Mapping[str, Mapping[str, Any]],
    *,
    period: str,
    time: str = "period",
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    margins: Mapping[str, Mapping] | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Headlines:
    """Measure several scores over all periods, and compare this period's with earlier ones and their targets.

    Parameters
    ----------
    data : DataFrame, Ibis table or Arrow batches
        One row per response; an Ibis table on DuckDB is read once, all else once per question.
    wanted : mapping of label to mapping
        For each headline ``score`` ("nps", "top_box" or "mean") and what :func:`csatlib.scores.change` takes:
        ``outcome``, ``low``, ``high``, ``top``, ``target`` (a share as 0 to 1), ``references``, ``labels``; and
        ``where``, column -> value or list of values of the answers it rests on.
    period : str
        The period looked at, a value of `time`.
    time, weight, cluster, key, margins, confidence, seed
        As in :func:`csatlib.scores.change`.

    Returns
    -------
    Headlines
        Three tables.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.scores.change`; no headline at all; a key of a headline that nothing takes.

    Notes
    -----
    The headlines are a family declared beforehand: Holm over all of them times all comparisons.

    Examples
    --------
    >>> answers = pd.DataFrame({"nps": [9, 10, 8, 3] * 20 + [9, 10, 8, 8] * 20})
    >>> answers["period"] = ["2026-09"] * 80 + ["2026-10"] * 80
    >>> found = headlines(answers, {"NPS": {"score": "nps"}}, period="2026-10")
    >>> found.levels[["label", "n", "estimate"]].values.tolist(), found.changes["estimate"].tolist()
    ([['NPS', 80, 50.0]], [25.0])
    """
    check(wanted)
    design = {"weight": weight, "cluster": cluster, "key": key, "margins": margins}
    sums = sums_of(data, wanted, by=[time], **design)
    design |= {"confidence": confidence, "seed": seed}
    found = in_percent(levels_of(sums, wanted, by=time, **design))
    found = found.drop(columns="stratum").rename(columns={"group": "period"})
    series, changes = [], []
    for label, asked in wanted.items():
        score, about = asked["score"], {"label": label, "decimals": DECIMALS[asked["score"]]}
        about["unit"] = say(UNITS[score], **({"high": f"{asked['high']:g}"} if score == "mean" else {}))
        series.append(found[found["label"] == label].drop(columns="label").assign(**about))
        asked = {name: value for name, value in asked.items() if name != "where"}
        changes.append(
            in_percent(change(sums[label], period=period, time=time, **asked, **design)).assign(**about)
        )
    every = pd.concat(series, ignore_index=True)
    compared = pd.concat(changes, ignore_index=True)
    compared = compared.assign(p_adjusted=holm(compared["p_value"].to_numpy()), family=FAMILY)
    levels = every[every["period"].astype(str) == str(period)].reset_index(drop=True)
    return Headlines(series=every, levels=levels, changes=compared)


def in_percent(result: pd.DataFrame) -> pd.DataFrame:
    """Return a result with shares as percent; other rows stay as they are.

    Parameters
    ----------
    result : DataFrame
        From a function of :mod:`csatlib.scores`, with ``unit``.

    Returns
    -------
    DataFrame
        A copy; ``unit`` "share" becomes "percent".

    Examples
    --------
    >>> in_percent(pd.DataFrame({"unit": ["share", "points"], "estimate": [0.5, 20.0]})).values.tolist()
    [['percent', 50.0], ['points', 20.0]]
    """
    share = (result["unit"] == "share").to_numpy()
    numbers = [column for column in SHARES if column in result.columns]
    factor = np.where(share, PERCENT, 1.0)
    scaled = {column: result[column] * factor for column in numbers}
    return result.assign(**scaled, unit=result["unit"].mask(share, "percent"))
