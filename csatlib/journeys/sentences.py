"""Whole sentences made from journeys, so that they stay true for another month."""

import pandas as pd

from csatlib import theme
from csatlib.journeys.telling import LEVEL, UNKNOWN, told, visible
from csatlib.words import listed, mark, say, together

SHARES = ("estimate", "ci_low", "ci_high")


def percent(result: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its shares in percent.

    Parameters
    ----------
    result : DataFrame
        With ``estimate``, ``ci_low``, ``ci_high`` between -1 and 1; where there is ``measure``, mean ratings
        ("rating_end") stay as they are.

    Returns
    -------
    DataFrame
        A copy.

    Examples
    --------
    >>> percent(pd.DataFrame({"estimate": [0.5], "ci_low": [0.25], "ci_high": [0.75]}))["estimate"].tolist()
    [50.0]
    """
    factor = pd.Series(100.0, index=result.index)
    if "measure" in result.columns:
        factor = factor.mask(result["measure"].eq("rating_end"), 1.0)
    return result.assign(**{column: result[column] * factor for column in SHARES})


def turned(handover: pd.DataFrame) -> str:
    """Say how many journeys took more than one contact, and how many changed the channel.

    Parameters
    ----------
    handover : DataFrame
        Table of :func:`csatlib.journeys.paths`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"level": "all", "group": "all", "measure": "repeated", "n": 90, "estimate": 0.2}
    >>> turned(pd.DataFrame([row | {"ci_low": 0.1, "ci_high": 0.3}]))
    'In 20.0 % of journeys the customer came back at least once (95 % interval 10.0 to 30.0, n = 90).'
    """
    texts = {
        "repeated": mark(
            "In {share} % of journeys the customer came back at least once (95 % interval {low} to {high}, "
            "n = {n})."
        ),
        "other_channel": mark(
            "In {share} % the customer turned to another channel (95 % interval {low} to {high})."
        ),
    }
    shown = visible(percent(handover[handover["level"] == "all"])).set_index("measure")
    return together(*(told(text, shown.loc[name], 1) for name, text in texts.items() if name in shown.index))


def places(handover: pd.DataFrame) -> str:
    """Name groups in which customers change the channel more often than in all others.

    Parameters
    ----------
    handover : DataFrame
        Table of :func:`csatlib.journeys.paths`.

    Returns
    -------
    str
        One sentence per group, or one that says there is none.

    Examples
    --------
    >>> row = {"level": "by", "group": "N", "measure": "other_channel", "n": 900, "estimate": 0.2}
    >>> row["difference"] = 0.1
    >>> places(pd.DataFrame([row | {"ci_low": 0.17, "ci_high": 0.23, "p_adjusted": 0.01}]))
    'N: customers change the channel more often than elsewhere (20.0 %, 95 % interval 17.0 to 23.0, n = 900).'
    """
    shown = stands_out(handover)
    if shown.empty:
        return say("No group changes the channel more often than the others beyond random variation.")
    text = mark(
        "{group}: customers change the channel more often than elsewhere ({share} %, 95 % interval {low} to "
        "{high}, n = {n})."
    )
    return together(*(told(text, row, 1, group=row["group"]) for _, row in percent(shown).iterrows()))


def stands_out(handover: pd.DataFrame) -> pd.DataFrame:
    """Return the groups in which customers change the channel more often, beyond random variation.

    Parameters
    ----------
    handover : DataFrame
        Table of :func:`csatlib.journeys.paths`.

    Returns
    -------
    DataFrame
        Their rows; none that is hidden or indicative.

    Examples
    --------
    >>> row = {"level": "by", "group": "N", "measure": "other_channel", "n": 900, "estimate": 0.2}
    >>> len(stands_out(pd.DataFrame([row | {"difference": 0.1, "p_adjusted": 0.3}])))
    0
    """
    shown = visible(handover[(handover["level"] == "by") & (handover["measure"] == "other_channel")])
    return shown[~shown["indicative"] & (shown["difference"] > 0) & (shown["p_adjusted"] < LEVEL)]


def ranked(common: pd.DataFrame) -> str:
    """Say which path is the most common, and which paths may end worst.

    Parameters
    ----------
    common : DataFrame
        Table of :func:`csatlib.journeys.paths`.

    Returns
    -------
    str
        One or two sentences; paths that cannot be told apart are named together.

    Examples
    --------
    >>> rows = {"group": ["A", "B"], "measure": "share", "n": [90, 60], "estimate": [0.6, 0.4]}
    >>> ranked(pd.DataFrame(rows | {"ci_low": 0.3, "ci_high": 0.7, "rank_low": [1, 2], "rank_high": [1, 2]}))
    'The most common path: A.'
    """
    share = visible(common[(common["measure"] == "share") & common["rank_low"].notna()])
    first = share[share["rank_low"] == 1]["group"].tolist()
    said = [say("The most common path: {paths}.", paths=listed(first))] if len(first) == 1 else []
    if len(first) > 1:
        said = [say("Which of these is the most common path cannot be told: {paths}.", paths=listed(first))]
    end = visible(common[(common["measure"] == "rating_end") & common["rank_low"].notna()])
    lowest = end[end["rank_high"] == common[common["measure"] == "rating_end"]["rank_high"].max()][
        "group"
    ].tolist()
    if len(lowest) == 1 and len(end) > 1:
        said.append(say("Satisfaction at the end is lowest on the path {paths}.", paths=lowest[0]))
    elif 1 < len(lowest) < len(end):
        said.append(say("Satisfaction may be lowest at the end of any of these: {paths}.", paths=listed(lowest)))
    elif len(lowest) > 1:
        said.append(say("On which path satisfaction ends lowest cannot be told."))
    return together(*said)


def falling(falls: pd.DataFrame) -> str:
    """Say where the rating falls from one contact to the next beyond random variation.

    Parameters
    ----------
    falls : DataFrame
        Table of :func:`csatlib.journeys.paths`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"group": "all", "n": 45, "estimate": 0.8, "ci_low": 0.4, "ci_high": 1.2, "p_adjusted": None}
    >>> falling(pd.DataFrame([row]))  # doctest: +ELLIPSIS
    'From one contact to the next the rating changes by +0.80 on average (95 % interval +0.40 to +1.20, ...
    """
    shown = visible(falls)
    whole, moves = shown[shown["group"] == "all"], shown[shown["group"] != "all"]
    if whole.empty:
        return say("Too few journeys have two rated contacts to see where satisfaction falls.")
    text = mark(
        "From one contact to the next the rating changes by {share} on average (95 % interval {low} to {high}, "
        "n = {n})."
    )
    down = moves[(moves["p_adjusted"].astype(float) < LEVEL) & (moves["estimate"] < 0) & ~moves["indicative"]]
    found = (
        say("It falls on the way {moves}.", moves=listed(down["group"].tolist()))
        if len(down)
        else say("On no way between two touchpoints is a fall beyond random variation.")
    )
    return together(told(text, whole.iloc[0], 2, sign=True), found)


def waited(friction: pd.DataFrame) -> str:
    """Say how long it took until a matter was settled, and whether changing the channel goes with it.

    Parameters
    ----------
    friction : DataFrame
        Table of :func:`csatlib.journeys.paths`.

    Returns
    -------
    str
        One to three sentences.

    Examples
    --------
    >>> row = {"group": "all", "measure": "days", "n": 40, "estimate": 3.0, "ci_low": 2.0, "ci_high": 5.0}
    >>> rows = [row | {"level": level, "p_value": 0.5} for level in ("same_channel", "other_channel")]
    >>> waited(pd.DataFrame(rows))  # doctest: +ELLIPSIS
    'In the same channel: 3.0 days (95 % interval 2.0 to 5.0, n = 40). Through another channel: 3.0 days (95 % ...
    """
    texts = {
        "came_back": mark(
            "Where the customer had to come back, half of the matters were settled within {share} days of the "
            "first contact (95 % interval {low} to {high}, n = {n})."
        ),
        "same_channel": mark("In the same channel: {share} days (95 % interval {low} to {high}, n = {n})."),
        "other_channel": mark("Through another channel: {share} days (95 % interval {low} to {high}, n = {n})."),
    }
    shown = friction[(friction["group"] == "all") & (friction["measure"] == "days")]
    shown = visible(shown).set_index("level")
    said = [told(text, shown.loc[level], 1) for level, text in texts.items() if level in shown.index]
    if "other_channel" in shown.index and pd.notna(p_value := shown.loc["other_channel", "p_value"]):
        apart = mark("The two differ beyond random variation.")
        alike = mark("Whether the two differ cannot be told.")
        said.append(say(apart if p_value < LEVEL else alike))
    return together(*said) or say(UNKNOWN)


def compared(friction: pd.DataFrame) -> str:
    """Say in one sentence whether changing the channel goes with a longer way to settlement.

    Parameters
    ----------
    friction : DataFrame
        Table of :func:`csatlib.journeys.paths`.

    Returns
    -------
    str
        The finding alone, for a title.

    Examples
    --------
    >>> row = {"group": "all", "measure": "days", "n": 40, "estimate": 3.0, "ci_low": 2.0, "ci_high": 5.0}
    >>> rows = [row | {"level": level, "p_value": 0.5} for level in ("same_channel", "other_channel")]
    >>> compared(pd.DataFrame(rows))
    'Whether matters take longer where the customer changed the channel cannot be told.'
    """
    shown = friction[(friction["group"] == "all") & (friction["measure"] == "days")]
    shown = visible(shown).set_index("level")
    if not {"same_channel", "other_channel"} <= set(shown.index):
        return say(UNKNOWN)
    row, same = shown.loc["other_channel"], shown.loc["same_channel"]
    if not row["p_value"] < LEVEL or row["estimate"] == same["estimate"]:
        return say("Whether matters take longer where the customer changed the channel cannot be told.")
    longer = mark("Matters take longer where the customer changed the channel: {other} days instead of {same}.")
    shorter = mark(
        "Matters take less long where the customer changed the channel: {other} days instead of {same}."
    )
    return say(
        longer if row["estimate"] > same["estimate"] else shorter,
        other=theme.number(row["estimate"], 1),
        same=theme.number(same["estimate"], 1),
    )
