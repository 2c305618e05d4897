"""Whole sentences on the reliability of a chain of steps."""

from collections.abc import Mapping

import pandas as pd

from csatlib import theme
from csatlib.journeys.sentences import percent
from csatlib.journeys.telling import LEVEL, UNKNOWN, quoted, told, visible
from csatlib.words import mark, say, together


def bound(chain: pd.DataFrame) -> str:
    """Say in one sentence how often everything goes right.

    Parameters
    ----------
    chain : DataFrame
        Table of :func:`csatlib.journeys.reliability`.

    Returns
    -------
    str
        The finding alone, for a title.

    Examples
    --------
    >>> row = {"group": "all", "measure": "conditional_product", "n": 90, "estimate": 0.4}
    >>> bound(pd.DataFrame([row | {"ci_low": 0.3, "ci_high": 0.5}]))
    'Every step goes right in 40 of 100 journeys.'
    """
    shown = visible(percent(chain[(chain["group"] == "all") & (chain["measure"] == "conditional_product")]))
    if shown.empty:
        return say(UNKNOWN)
    return say(
        "Every step goes right in {share} of 100 journeys.", share=theme.number(shown["estimate"].iloc[0], 0)
    )


def end_to_end(chain: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say how often everything went right, and whether failures go together.

    Parameters
    ----------
    chain : DataFrame
        Table of :func:`csatlib.journeys.reliability`.
    names : mapping of str to str
        What a reader calls each step.

    Returns
    -------
    str
        Two sentences.

    Examples
    --------
    >>> rows = {"group": "all", "n": 90, "n_open": 0, "ci_low": [0.3, 0.3, 0.05], "ci_high": [0.5, 0.4, 0.2]}
    >>> rows |= {"measure": ["conditional_product", "marginal_product", "dependence"], "estimate": [0.4, 0.3, 0.1]}
    >>> end_to_end(pd.DataFrame(rows | {"p_value": [None, None, 0.001]}), names={"a": "Kept", "b": "Settled"})
    ... # doctest: +ELLIPSIS
    'In 40.0 % of journeys in which it is known all went right: "Kept" and "Settled" (95 % interval 30.0 to ...
    """
    shown = visible(percent(chain[chain["group"] == "all"])).set_index("measure")
    if "conditional_product" not in shown.index or "dependence" not in shown.index:
        return say(UNKNOWN)
    whole = mark(
        "In {share} % of journeys in which it is known all went right: {steps} (95 % interval {low} to {high}, "
        "n = {n})."
    )
    steps = quoted(names.values())
    apart = mark(
        "If steps failed independently, it would be {value} %; the difference of {share} points ({low} to {high}) "
        "says that journeys which fail in one step tend to fail in others."
    )
    alike = mark(
        "If steps failed independently, it would be {value} %; whether failures go together cannot be told "
        "({low} to {high} points)."
    )
    inverse = mark(
        "If steps failed independently, it would be {value} %; the difference of {share} points ({low} to {high}) "
        "says that failures fall on different journeys."
    )
    row = shown.loc["dependence"]
    beyond = pd.notna(row["p_value"]) and row["p_value"] < LEVEL
    text = alike if not beyond else apart if row["estimate"] > 0 else inverse
    value = theme.number(shown.loc["marginal_product", "estimate"], 1)
    return together(
        told(whole, shown.loc["conditional_product"], 1, steps=steps), told(text, row, 1, sign=True, value=value)
    )


def gaining(gains: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say, as a scenario, which step's improvement gains most.

    Parameters
    ----------
    gains : DataFrame
        Table of :func:`csatlib.journeys.reliability`.
    names : mapping of str to str
        What a reader calls each step.

    Returns
    -------
    str
        One sentence; several steps are named where they cannot be told apart.

    Examples
    --------
    >>> row = {"group": "all", "step": "kept", "n": 90, "estimate": 0.08, "ci_low": 0.06, "ci_high": 0.1}
    >>> gaining(pd.DataFrame([row | {"rank_low": 1, "rank_high": 1, "mended": 0.5}]), names={"kept": "Kept"})
    'Scenario: 50 % fewer failures at "Kept" go with 8.0 points more journeys without fault (6.0 to 10.0).'
    """
    shown = visible(percent(gains[gains["group"] == "all"]))
    first = shown[(shown["rank_low"] == 1) & ~shown["indicative"]]
    if first.empty:
        return say(UNKNOWN)
    size = theme.number(100 * first["mended"].iloc[0], 0)
    if len(first) == 1:
        text = mark(
            'Scenario: {size} % fewer failures at "{step}" go with {share} points more journeys without fault '
            "({low} to {high})."
        )
        return told(text, first.iloc[0], 1, size=size, step=names[first["step"].iloc[0]])
    steps = quoted(names[step] for step in first["step"])
    return say(
        "Scenario of {size} % fewer failures: whether {steps} gains most cannot be told.", size=size, steps=steps
    )


def breaking(chain: pd.DataFrame) -> str:
    """Name groups in which fewer journeys go right than in all others.

    Parameters
    ----------
    chain : DataFrame
        Table of :func:`csatlib.journeys.reliability`.

    Returns
    -------
    str
        One sentence per group; empty where there is none.

    Examples
    --------
    >>> row = {"group": "N", "measure": "conditional_product", "n": 90, "estimate": 0.4, "ci_low": 0.3}
    >>> breaking(pd.DataFrame([row | {"ci_high": 0.5, "difference": -0.1, "p_adjusted": 0.01}]))
    'N: fewer journeys go right than elsewhere (40.0 %, 95 % interval 30.0 to 50.0, n = 90).'
    """
    shown = visible(percent(chain[(chain["group"] != "all") & (chain["measure"] == "conditional_product")]))
    low = shown[~shown["indicative"] & (shown["difference"] < 0) & (shown["p_adjusted"] < LEVEL)]
    text = mark(
        "{group}: fewer journeys go right than elsewhere ({share} %, 95 % interval {low} to {high}, n = {n})."
    )
    return together(*(told(text, row, 1, group=row["group"]) for _, row in low.iterrows()))
