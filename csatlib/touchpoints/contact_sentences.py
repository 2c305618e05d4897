"""Sentences on what contacts show, made from the results."""

import pandas as pd

from csatlib import disclosure, theme
from csatlib.stats.relative_importance import candidates
from csatlib.tiles import verdict
from csatlib.touchpoints.impact_tables import LEVEL
from csatlib.words import listed, mark, say, together

MEASURE = {
    "satisfaction": mark("Satisfaction with the contact (1 to 7)"),
    "bad_experience": mark("Bad experiences, percent"),
    "wait": mark("Wait, seconds"),
    "first_contact_resolution": mark("Settled at first contact, percent"),
    "repeat_contact": mark("Followed by another contact, percent"),
    "other_channel": mark("Followed by one on another channel, percent"),
    "drop_off": mark("Given up unsettled, percent"),
    "volume": mark("Contacts a month"),
    "reach": mark("Customers reached, percent"),
}

MOST_LISTED = 6
SHARE = {"share": "share", "low": "ci_low", "high": "ci_high"}


def measure(name: str) -> str:
    """Return what a reader calls a measure of the contacts, with its unit.

    Parameters
    ----------
    name : str
        As in :func:`csatlib.touchpoints.evidence`.

    Returns
    -------
    str
        In the report's language.

    Examples
    --------
    >>> measure("drop_off")
    'Given up unsettled, percent'
    """
    return say(MEASURE[name])


def spread(result: pd.DataFrame, *, measure: str) -> str:
    """Say from where to where a measure runs over the touchpoints that can be told apart.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.touchpoints.evidence`.
    measure : str
        Which measure.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> rows = {"touchpoint": ["A", "B"], "measure": "satisfaction", "unit": "scale", "n": 50, "n_eff": 50.0}
    >>> limits = {"estimate": [4.0, 5.5], "ci_low": [3.8, 5.2], "ci_high": [4.2, 5.8]}
    >>> spread(pd.DataFrame(rows | limits), measure="satisfaction")
    'Satisfaction with the contact (1 to 7): from 4.0 (A) to 5.5 (B).'
    """
    shown = disclosure.protect(result[result["measure"] == measure])
    shown = shown[~shown["hidden"] & ~shown["indicative"] & shown["estimate"].notna()]
    name = say(MEASURE[measure])
    if len(shown) < 2:
        return say("{measure}: too few contacts to compare touchpoints.", measure=name)
    low, high = shown.loc[shown["estimate"].idxmin()], shown.loc[shown["estimate"].idxmax()]
    if low["ci_high"] >= high["ci_low"]:
        return say("{measure}: the touchpoints cannot be told apart.", measure=name)
    factor, decimals = {"share": (100, 0), "seconds": (1, 0)}.get(low["unit"], (1, 1))
    return say(
        "{measure}: from {low} ({low_name}) to {high} ({high_name}).",
        measure=name,
        low=theme.number(factor * low["estimate"], decimals),
        low_name=low["touchpoint"],
        high=theme.number(factor * high["estimate"], decimals),
        high_name=high["touchpoint"],
    )


def changed(result: pd.DataFrame, *, since: str) -> str:
    """Name the touchpoints, and groups, rated differently since a day, beyond random variation.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.touchpoints.moved`.
    since : str
        The day or month.

    Returns
    -------
    str
        One sentence per difference, or one that says there is none.

    Examples
    --------
    >>> row = {"touchpoint": "Billing", "group": "all", "n": 58, "n_reference": 437, "estimate": 1.04}
    >>> changed(pd.DataFrame([row | {"ci_low": 0.71, "ci_high": 1.36, "p_adjusted": 0.001}]), since="2026-08")
    'Billing: rated 1.0 points higher since 2026-08 (95 % interval 0.7 to 1.4, n = 58).'
    """
    texts = {
        ("better", True): mark(
            "{name}: rated {size} points higher since {since} (95 % interval {low} to {high}, n = {n})."
        ),
        ("worse", True): mark(
            "{name}: rated {size} points lower since {since} (95 % interval {low} to {high}, n = {n})."
        ),
        ("better", False): mark(
            "{name}, {group}: rated {size} points higher since {since} (95 % interval {low} to {high}, n = {n})."
        ),
        ("worse", False): mark(
            "{name}, {group}: rated {size} points lower since {since} (95 % interval {low} to {high}, n = {n})."
        ),
    }
    told = []
    for row in disclosure.protect(result).to_dict("records"):
        judged = verdict(row)
        if judged == "unknown":
            continue
        whole = row["group"] == "all"
        ends = sorted(abs(row[c]) for c in ("ci_low", "ci_high"))
        group = {} if whole else {"group": row["group"]}
        told.append(
            say(
                texts[judged, whole],
                name=row["touchpoint"],
                size=theme.number(abs(row["estimate"]), 1),
                since=since,
                low=theme.number(ends[0], 1),
                high=theme.number(ends[1], 1),
                n=f"{row['n']:,.0f}",
                **group,
            )
        )
    return together(*told) if told else say("No rating moved beyond random variation since {since}.", since=since)


def uneven(result: pd.DataFrame) -> str:
    """Name the touchpoints at which it matters which unit a customer meets.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.touchpoints.consistency`.

    Returns
    -------
    str
        One sentence per touchpoint, or one that says units cannot be told apart.

    Examples
    --------
    >>> rows = {"touchpoint": "Shop", "group": ["N", "S"], "n": 80, "n_eff": 80.0, "estimate": [4.1, 5.2]}
    >>> uneven(pd.DataFrame(rows | {"spread": 0.6, "spread_low": 0.3, "spread_high": 1.4, "p_adjusted": 0.01}))
    'Shop: units differ by about 0.6 points (one standard deviation, 95 % interval 0.3 to 1.4).'
    """
    text = mark(
        "{name}: units differ by about {spread} points (one standard deviation, 95 % interval {low} to {high})."
    )
    rows = result[result["p_adjusted"] < LEVEL].drop_duplicates("touchpoint").to_dict("records")
    told = [
        say(
            text,
            name=row["touchpoint"],
            spread=theme.number(row["spread"], 1),
            low=theme.number(row["spread_low"], 1),
            high=theme.number(row["spread_high"], 1),
        )
        for row in rows
    ]
    return together(*told) if told else say("Units of a touchpoint cannot be told apart.")


def weightiest(result: pd.DataFrame) -> str:
    """Say at which touchpoint the experience moves together most with overall satisfaction, if that can be told.

    Parameters
    ----------
    result : DataFrame
        ``importance`` of :class:`csatlib.touchpoints.Impact`.

    Returns
    -------
    str
        One sentence; a name only where all others are behind it.

    Examples
    --------
    >>> rows = {"touchpoint": ["Chat", "Shop", "App"], "set": ["a", "ab", "b"], "share": [0.5, 0.3, 0.2], "n": 90}
    >>> weightiest(pd.DataFrame(rows))
    'Overall satisfaction moves together most with the experience at one of Chat and Shop; which cannot be told.'
    """
    shown = disclosure.protect(result)
    rows = shown[~shown["hidden"] & ~shown["indicative"] & shown["set"].ne("")]
    first = candidates(rows, "share")
    if len(rows) < 2:
        return say("Too few answers to compare what touchpoints have to do with overall satisfaction.")
    if len(first) == len(rows):
        text = mark(
            "At which of {k} touchpoints the experience moves together most with overall satisfaction "
            "cannot be told."
        )
        return say(text, k=len(rows))
    if len(first) > MOST_LISTED:
        text = mark(
            "At which touchpoint the experience moves together most with overall satisfaction cannot be told: "
            "{k} of {total} come into question."
        )
        return say(text, k=len(first), total=len(rows))
    if len(first) > 1:
        text = mark(
            "Overall satisfaction moves together most with the experience at one of {names}; which cannot be told."
        )
        return say(text, names=listed([row["touchpoint"] for row in first]))
    places = {place: theme.number(100 * first[0][c], 0) for place, c in SHARE.items()}
    text = mark(
        "Overall satisfaction moves together most with the experience at {name}: {share} % of what all "
        "touchpoints explain ({low} to {high} %, n = {n})."
    )
    return say(text, name=first[0]["touchpoint"], n=f"{first[0]['n']:,.0f}", **places)


def explained(result: pd.DataFrame) -> str:
    """Say how little or much of overall satisfaction the touchpoints have to do with.

    Parameters
    ----------
    result : DataFrame
        ``importance`` of :class:`csatlib.touchpoints.Impact`.

    Returns
    -------
    str
        One sentence; empty without a result.

    Examples
    --------
    >>> explained(pd.DataFrame({"r2": [0.04, 0.04]}))
    'All touchpoints together explain about 4 % of how customers differ in overall satisfaction.'
    """
    if result.empty or result["r2"].isna().all():
        return ""
    return say(
        "All touchpoints together explain about {percent} % of how customers differ in overall satisfaction.",
        percent=theme.number(100 * max(result["r2"].max(), 0.0), 0),
    )


def decisive(moments: pd.DataFrame) -> str:
    """Name the moments of truth, or say that they cannot be told.

    Parameters
    ----------
    moments : DataFrame
        From :func:`csatlib.touchpoints.moments_of_truth`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> decisive(pd.DataFrame({"touchpoint": ["Hotline"], "moment_of_truth": [True]}))
    'Moments of truth, where a bad experience weighs more than a good one: Hotline.'
    """
    names = list(moments.loc[moments["moment_of_truth"], "touchpoint"]) if len(moments) else []
    if names:
        return say(
            "Moments of truth, where a bad experience weighs more than a good one: {names}.", names=listed(names)
        )
    return say("Whether a bad experience weighs more than a good one cannot be told at any important touchpoint.")
