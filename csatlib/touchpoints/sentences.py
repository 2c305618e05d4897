"""Sentences and readable rows on touchpoints, made from the results."""

import pandas as pd

from csatlib import disclosure, theme
from csatlib.tiles import verdict
from csatlib.touchpoints.impact_tables import LEVEL
from csatlib.words import listed, mark, say, together

STAGE = {
    "attract": mark("Attract"),
    "consider": mark("Consider"),
    "buy": mark("Buy"),
    "use": mark("Use"),
    "buy again": mark("Buy again"),
    "recommend": mark("Recommend"),
}
BAND = {"high": mark("8 and above"), "middle": mark("6 to below 8"), "low": mark("below 6")}
AXIS = {
    "operational": mark("how well it works"),
    "experience": mark("how good it feels"),
    "both": mark("both"),
}
QUADRANT = {
    "keep": mark("Keep"),
    "works, feels bad": mark("Works, feels bad"),
    "feels good, works badly": mark("Feels good, works badly"),
    "rebuild": mark("Rebuild"),
}
RATING = {
    "impact": mark("importance"),
    "operational": mark("how well it works"),
    "experience": mark("how good it feels"),
}
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
NOTHING = mark("Nothing of high importance falls short on either axis: no correction follows from the workshop.")


def stage(name: str) -> str:
    """Return what a reader calls a stage of the life cycle.

    Parameters
    ----------
    name : str
        One of the six; another stays as it is.

    Returns
    -------
    str
        In the report's language.

    Examples
    --------
    >>> stage("buy again")
    'Buy again'
    """
    return say(STAGE[name]) if name in STAGE else name


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


def covered(stages: pd.DataFrame) -> str:
    """Say how many touchpoints there are and which stages have none.

    Parameters
    ----------
    stages : DataFrame
        Of :func:`csatlib.touchpoints.inventory`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> covered(pd.DataFrame({"stage": ["attract", "buy"], "touchpoints": [3, 0], "critical": [1, 0]}))
    'The inventory lists 3 touchpoints, 1 of high importance. No touchpoint is listed for: Buy.'
    """
    told = say(
        "The inventory lists {n} touchpoints, {critical} of high importance.",
        n=stages["touchpoints"].sum(),
        critical=stages["critical"].sum(),
    )
    empty = [stage(name) for name in stages.loc[stages["touchpoints"] == 0, "stage"]]
    if not empty:
        return together(told, say("Every stage of the life cycle has at least one."))
    return together(told, say("No touchpoint is listed for: {stages}.", stages=listed(empty)))


def todo(table: pd.DataFrame) -> str:
    """Name what to correct and where it falls short; no order beyond what the raters agree on.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.touchpoints.actions`.

    Returns
    -------
    str
        One sentence per touchpoint.

    Examples
    --------
    >>> row = {"touchpoint": "Hotline", "axis": "both", "operational": 4.9, "experience": 5.1, "n": 12}
    >>> todo(pd.DataFrame([row | {"impact": 8.8, "owner": "Care"}]))
    'Hotline (Care): importance 8.8, works 4.9, feels 5.1 of 10; short on both.'
    """
    if table.empty:
        return say(NOTHING)
    text = mark(
        "{touchpoint} ({owner}): importance {impact}, works {works}, feels {feels} of 10; short on {axis}."
    )
    rows = table.to_dict("records")
    return together(
        *(
            say(
                text,
                touchpoint=row["touchpoint"],
                owner=row["owner"] if pd.notna(row["owner"]) else say("no owner"),
                impact=theme.number(row["impact"], 1),
                works=theme.number(row["operational"], 1),
                feels=theme.number(row["experience"], 1),
                axis=say(AXIS[row["axis"]]) if row["axis"] in AXIS else say("one axis, the other not rated"),
            )
            for row in rows
        )
    )


def next_step(table: pd.DataFrame) -> str:
    """Say whom to ask for a date.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.touchpoints.actions`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> next_step(pd.DataFrame({"owner": ["Care", "Care", None]}))
    'Agree on a due date and a next review with Care.'
    """
    owners = list(dict.fromkeys(table["owner"].dropna()))
    if table.empty:
        return say("Keep the inventory up to date and repeat the workshop when contacts say otherwise.")
    if not owners:
        return say("Name an owner for each touchpoint to correct.")
    return say("Agree on a due date and a next review with {owners}.", owners=listed(owners))


def order(table: pd.DataFrame) -> str:
    """Say how firm the order of the corrections is.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.touchpoints.actions`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> order(pd.DataFrame({"touchpoint": ["A", "B"], "rank_low": [1, 2], "rank_high": [1, 2], "rank": [1, 2]}))
    'The order holds whoever of the raters is asked.'
    """
    known = table[table["rank"].notna()]
    if len(known) < 2:
        return say("There is no order to tell: fewer than two corrections have a known reach.")
    if (known["rank_low"] < known["rank_high"]).any():
        return say("Which comes first depends on who of the raters is asked: treat them as equal.")
    return say("The order holds whoever of the raters is asked.")


def differ(sides: pd.DataFrame) -> str:
    """Say whether the departments see the touchpoints kinder than the customers do.

    Parameters
    ----------
    sides : DataFrame
        Of :func:`csatlib.touchpoints.inventory`.

    Returns
    -------
    str
        One sentence per rating that differs beyond random variation, or one that says it cannot be told.

    Examples
    --------
    >>> row = {"rating": "experience", "n_department": 4, "n_customer": 8, "estimate": 1.2}
    >>> differ(pd.DataFrame([row | {"ci_low": 0.5, "ci_high": 1.9, "p_adjusted": 0.01}]))  # doctest: +ELLIPSIS
    'Departments rate how good it feels higher than customers do, by 1.2 points of 10 (95 % interval ...
    """
    higher = mark(
        "Departments rate {rating} higher than customers do, by {size} points of 10 (95 % interval {low} to "
        "{high}, {n_department} against {n_customer} raters)."
    )
    lower = mark(
        "Departments rate {rating} lower than customers do, by {size} points of 10 (95 % interval {low} to "
        "{high}, {n_department} against {n_customer} raters)."
    )
    told = []
    for row in sides[sides["p_adjusted"] < LEVEL].to_dict("records"):
        ends = sorted(abs(row[c]) for c in ("ci_low", "ci_high"))
        told.append(
            say(
                higher if row["estimate"] > 0 else lower,
                rating=say(RATING[row["rating"]]),
                size=theme.number(abs(row["estimate"]), 1),
                low=theme.number(ends[0], 1),
                high=theme.number(ends[1], 1),
                n_department=row["n_department"],
                n_customer=row["n_customer"],
            )
        )
    return together(*told) if told else say("Whether departments and customers rate differently cannot be told.")


def placed(table: pd.DataFrame) -> str:
    """Say how many touchpoints stand in each quadrant, and where the important weak ones are.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.touchpoints.quadrants`.

    Returns
    -------
    str
        Two sentences.

    Examples
    --------
    >>> rows = {"touchpoint": ["A", "B"], "quadrant": ["keep", "rebuild"], "correct": [False, True]}
    >>> placed(pd.DataFrame(rows))
    'Of 2 touchpoints rated on both axes 1 fall short on at least one. Important and short: B.'
    """
    rated = table[table["quadrant"].notna()]
    short = (rated["quadrant"] != "keep").sum()
    told = say(
        "Of {n} touchpoints rated on both axes {short} fall short on at least one.", n=len(rated), short=short
    )
    names = list(rated.loc[rated["correct"], "touchpoint"])
    return together(told, say("Important and short: {names}.", names=listed(names)) if names else say(NOTHING))


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
    factor, decimals = (100, 0) if low["unit"] == "share" else (1, 1)
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
