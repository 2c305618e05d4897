"""Sentences and readable rows on touchpoints, made from the results."""

import pandas as pd

from csatlib import theme
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
