"""Whole sentences made from journeys, so that they stay true for another month."""

from collections.abc import Mapping

import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import listed, mark, say, together

LEVEL = 0.05
SHARES = ("estimate", "ci_low", "ci_high")
UNKNOWN = mark("Too few journeys to tell.")


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
    shown = _visible(percent(handover[handover["level"] == "all"])).set_index("measure")
    return together(*(_told(text, shown.loc[name], 1) for name, text in texts.items() if name in shown.index))


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
    return together(*(_told(text, row, 1, group=row["group"]) for _, row in percent(shown).iterrows()))


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
    shown = _visible(handover[(handover["level"] == "by") & (handover["measure"] == "other_channel")])
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
    share = _visible(common[(common["measure"] == "share") & common["rank_low"].notna()])
    first = share[share["rank_low"] == 1]["group"].tolist()
    said = [say("The most common path: {paths}.", paths=listed(first))] if len(first) == 1 else []
    if len(first) > 1:
        said = [say("Which of these is the most common path cannot be told: {paths}.", paths=listed(first))]
    end = _visible(common[(common["measure"] == "rating_end") & common["rank_low"].notna()])
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
    shown = _visible(falls)
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
    return together(_told(text, whole.iloc[0], 2, sign=True), found)


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
    shown = _visible(shown).set_index("level")
    told = [_told(text, shown.loc[level], 1) for level, text in texts.items() if level in shown.index]
    if "other_channel" in shown.index and pd.notna(p_value := shown.loc["other_channel", "p_value"]):
        apart = mark("The two differ beyond random variation.")
        alike = mark("Whether the two differ cannot be told.")
        told.append(say(apart if p_value < LEVEL else alike))
    return together(*told) or say(UNKNOWN)


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
    shown = _visible(shown).set_index("level")
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
    shown = _visible(percent(chain[(chain["group"] == "all") & (chain["measure"] == "conditional_product")]))
    if shown.empty:
        return say(UNKNOWN)
    return say(
        "Every step goes right in {share} of 100 journeys.", share=theme.number(shown["estimate"].iloc[0], 0)
    )


def end_to_end(chain: pd.DataFrame) -> str:
    """Say how often everything went right, and whether failures go together.

    Parameters
    ----------
    chain : DataFrame
        Table of :func:`csatlib.journeys.reliability`.

    Returns
    -------
    str
        Two or three sentences.

    Examples
    --------
    >>> rows = {"group": "all", "n": 90, "n_open": 0, "ci_low": [0.3, 0.3, 0.05], "ci_high": [0.5, 0.4, 0.2]}
    >>> rows |= {"measure": ["conditional_product", "marginal_product", "dependence"], "estimate": [0.4, 0.3, 0.1]}
    >>> end_to_end(pd.DataFrame(rows | {"p_value": [None, None, 0.001]}))  # doctest: +ELLIPSIS
    'Every step went right in 40.0 % of journeys (95 % interval 30.0 to 50.0, n = 90). If steps failed ...
    """
    shown = _visible(percent(chain[chain["group"] == "all"])).set_index("measure")
    if "conditional_product" not in shown.index or "dependence" not in shown.index:
        return say(UNKNOWN)
    whole = mark("Every step went right in {share} % of journeys (95 % interval {low} to {high}, n = {n}).")
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
    return together(_told(whole, shown.loc["conditional_product"], 1), _told(text, row, 1, sign=True, value=value))


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
    shown = _visible(percent(gains[gains["group"] == "all"]))
    first = shown[(shown["rank_low"] == 1) & ~shown["indicative"]]
    if first.empty:
        return say(UNKNOWN)
    size = theme.number(100 * first["mended"].iloc[0], 0)
    if len(first) == 1:
        text = mark(
            'Scenario: {size} % fewer failures at "{step}" go with {share} points more journeys without fault '
            "({low} to {high})."
        )
        return _told(text, first.iloc[0], 1, size=size, step=names[first["step"].iloc[0]])
    steps = listed([f'"{names[step]}"' for step in first["step"]])
    return say(
        "Scenario of {size} % fewer failures: whether {steps} gains most cannot be told.", size=size, steps=steps
    )


def _visible(result: pd.DataFrame) -> pd.DataFrame:
    shown = disclosure.protect(result)
    return shown[~shown["hidden"] & shown["estimate"].notna()]


def _told(text: str, row: pd.Series, decimals: int, *, sign: bool = False, **more: str) -> str:
    places = {
        "share": theme.number(row["estimate"], decimals, sign=sign),
        "low": theme.number(row["ci_low"], decimals, sign=sign),
        "high": theme.number(row["ci_high"], decimals, sign=sign),
        "n": f"{row['n']:,.0f}",
    }
    return say(text, **{name: value for name, value in (places | more).items() if f"{{{name}}}" in text})
