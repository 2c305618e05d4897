"""Sentences on how long customers stay, made from the figures."""

from collections.abc import Mapping

import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import listed, mark, say, together

LEVEL = 0.05
TOO_FEW = mark("Too few customers were watched to say how long they stay.")
NOTHING = mark(
    "At the same length of stay, nothing looked at moves together with leaving beyond random variation."
)
YEAR = 365.25


def stayed(result: pd.DataFrame) -> str:
    """Say what share of customers is still there after each time asked for.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.churn.survival.staying` with `at`, all customers.

    Returns
    -------
    str
        One sentence per time that is known.

    Examples
    --------
    >>> row = {"group": "all", "time": 365, "n": 600, "estimate": 78.6, "ci_low": 75.4, "ci_high": 81.4}
    >>> stayed(pd.DataFrame([row]))  # doctest: +ELLIPSIS
    'Of 100 new customers, so many are still there (95 % intervals): 79 after 1 year (75 to 81; 600 were...
    """
    shown = disclosure.protect(result[result["group"] == "all"])
    known = shown[shown["estimate"].notna()]
    if known.empty:
        return say(TOO_FEW)
    one = mark("{share} after {time} ({low} to {high}; {n} were watched then).")
    return together(
        say("Of 100 new customers, so many are still there (95 % intervals):"),
        *(
            say(one, share=theme.number(r.estimate, 0), time=lasted(r.time), n=f"{r.n:,.0f}", **_span(r, 0))
            for r in known.itertuples()
        ),
    )


def invisible(late: pd.DataFrame, naive: pd.DataFrame) -> str:
    """Say how far off the share would be if those who left before the records began were forgotten.

    Parameters
    ----------
    late, naive : DataFrame
        From :func:`csatlib.churn.survival.staying` at one time, with and without `entry`.

    Returns
    -------
    str
        One sentence; empty where either share is not known.

    Examples
    --------
    >>> rows = [pd.DataFrame([{"group": "all", "time": 365, "n": 600, "estimate": e}]) for e in (78.6, 94.5)]
    >>> invisible(*rows)  # doctest: +ELLIPSIS
    'Each customer counts only from the day the records begin. Counted from the day of joining, 94 % would seem ...
    """
    both = [disclosure.protect(part).iloc[0] for part in (late, naive)]
    if any(pd.isna(row["estimate"]) for row in both):
        return ""
    return say(
        "Each customer counts only from the day the records begin. Counted from the day of joining, {naive} % "
        "would seem to stay {time} instead of {share} %: those who had left before are not on record.",
        naive=theme.number(both[1]["estimate"], 0),
        share=theme.number(both[0]["estimate"], 0),
        time=lasted(both[0]["time"]),
    )


def told_apart(result: pd.DataFrame, *, name: str) -> str:
    """Say which groups leave at rates that differ beyond random variation.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.churn.survival.log_rank`.
    name : str
        What a reader calls the groups' column.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"group": "Max", "reference": "Basic", "n": 90, "n_reference": 80, "p_adjusted": 0.01}
    >>> told_apart(pd.DataFrame([row]), name="plan")
    'By plan, leaving differs beyond random variation: Max against Basic.'
    """
    pairs = disclosure.protect(result[result["reference"] != ""])
    apart = pairs[(pairs["p_adjusted"] < LEVEL) & ~pairs["indicative"]]
    if apart.empty:
        return say("By {name}, the rates of leaving cannot be told apart.", name=name)
    return say(
        "By {name}, leaving differs beyond random variation: {pairs}.",
        name=name,
        pairs=listed(
            [say("{group} against {reference}", group=r.group, reference=r.reference) for r in apart.itertuples()]
        ),
    )


def sooner(ratios: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say what moves together with leaving at the same length of stay.

    Parameters
    ----------
    ratios : DataFrame
        ``ratios`` of :func:`csatlib.churn.hazards.hazard_ratios`.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        One sentence per ratio beyond random variation, and what it does not show.

    Examples
    --------
    >>> row = {"term": "complaint", "group": "recent", "reference": "none", "n": 600, "n_reference": 2900}
    >>> row |= {"n_events": 79, "estimate": 2.36, "ci_low": 1.86, "ci_high": 3.01, "p_adjusted": 0.001}
    >>> sooner(pd.DataFrame([row]), names={"complaint": "complaint"})  # doctest: +ELLIPSIS
    'How many leave at the same length of stay, all else in the table alike (95 % intervals): Recent (complaint)...
    """
    shown = disclosure.protect(ratios)
    clear = shown[(shown["p_adjusted"] < LEVEL) & ~shown["indicative"]]
    if clear.empty:
        return say(NOTHING)
    category = mark("{group} ({name}): {ratio} times as many as with {reference} ({low} to {high}).")
    number = mark("{name}, one more: {ratio} times as many ({low} to {high}).")
    said = [say("How many leave at the same length of stay, all else in the table alike (95 % intervals):")]
    for row in clear.itertuples():
        name = names.get(row.term, row.term)
        places = {"ratio": theme.number(row.estimate, 1)} | _span(row, 1)
        if row.group:
            places |= {"group": capital(row.group), "reference": row.reference}
        told, name = (category, name) if row.group else (number, capital(name))
        said.append(say(told, name=name, **places))
    return together(*said, say("These are associations: who differs in one thing may differ in much else."))


def linked(ratios: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say in one line what moves together with leaving.

    Parameters
    ----------
    ratios : DataFrame
        ``ratios`` of :func:`csatlib.churn.hazards.hazard_ratios`.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"term": "plan", "group": "Max", "n": 600, "n_reference": 2900, "p_adjusted": 0.001}
    >>> linked(pd.DataFrame([row]), names={"plan": "plan"})
    'At the same length of stay, these move together with leaving: plan.'
    """
    shown = disclosure.protect(ratios)
    clear = shown[(shown["p_adjusted"] < LEVEL) & ~shown["indicative"]]
    if clear.empty:
        return say(NOTHING)
    terms = [names.get(term, term) for term in dict.fromkeys(clear["term"])]
    return say("At the same length of stay, these move together with leaving: {names}.", names=listed(terms))


def steady(proportional: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say whether the ratios hold at every length of stay.

    Parameters
    ----------
    proportional : DataFrame
        ``proportional`` of :func:`csatlib.churn.hazards.hazard_ratios`.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"term": "plan", "group": "Max", "n": 900, "n_events": 200, "correlation": 0.3, "p_adjusted": 0.01}
    >>> steady(pd.DataFrame([row]), names={"plan": "plan"})
    'Not the same for new and for old customers: plan: Max (grows with the stay). Read these ratios as averages.'
    """
    rows = proportional[proportional["term"] != "all"]
    changing = rows[rows["p_adjusted"] < LEVEL]
    if changing.empty:
        return say(
            "No ratio is seen to change with the length of stay; with {n} leavers only a marked change would be.",
            n=f"{rows['n_events'].max():,.0f}",
        )
    ways = {True: mark("{label} (grows with the stay)"), False: mark("{label} (shrinks with the stay)")}
    return say(
        "Not the same for new and for old customers: {labels}. Read these ratios as averages.",
        labels=listed([say(ways[row.correlation > 0], label=label(row, names)) for row in changing.itertuples()]),
    )


def ahead(levels: pd.DataFrame) -> str:
    """Say how many of the coming days customers stay.

    Parameters
    ----------
    levels : DataFrame
        Of :func:`csatlib.churn.survival.remaining`.

    Returns
    -------
    str
        One sentence per group.

    Examples
    --------
    >>> level = {"group": "satisfied", "n": 770, "horizon": 365.0, "estimate": 349.1}
    >>> ahead(pd.DataFrame([level | {"ci_low": 345.0, "ci_high": 353.3}]))
    'Days customers stay of the next 365, on average (95 % intervals): Satisfied: 349 days (345 to 353, n = 770).'
    """
    shown = disclosure.protect(levels)
    known = shown[shown["estimate"].notna()]
    if known.empty:
        return say(TOO_FEW)
    horizon = f"{known['horizon'].iloc[0]:,.0f}"
    said = [say("Days customers stay of the next {horizon}, on average (95 % intervals):", horizon=horizon)]
    part = mark("{group}: {days} days ({low} to {high}, n = {n}).")
    for row in known.itertuples():
        places = {"days": theme.number(row.estimate, 0), "n": f"{row.n:,.0f}"} | _span(row, 0)
        group = say("All") if row.group == "all" else capital(row.group)
        said.append(say(part, group=group, **places))
    return together(*said)


def longer(differences: pd.DataFrame) -> str:
    """Say which groups stay longer than which, beyond random variation.

    Parameters
    ----------
    differences : DataFrame
        Of :func:`csatlib.churn.survival.remaining`.

    Returns
    -------
    str
        One sentence per difference, or that there is none.

    Examples
    --------
    >>> row = {"group": "satisfied", "reference": "dissatisfied", "n": 770, "n_reference": 58, "p_adjusted": 0.002}
    >>> longer(pd.DataFrame([row | {"estimate": 57.0, "ci_low": 24.5, "ci_high": 89.5}]))
    'Satisfied: 57 days more than dissatisfied (24 to 90).'
    """
    pairs = disclosure.protect(differences)
    clear = pairs[(pairs["p_adjusted"] < LEVEL) & ~pairs["indicative"]]
    if clear.empty:
        return say("The groups cannot be told apart.")
    said, more = [], mark("{group}: {days} days more than {reference} ({low} to {high}).")
    for row in clear.itertuples():
        first, other = (row.group, row.reference) if row.estimate > 0 else (row.reference, row.group)
        low, high = sorted([abs(row.ci_low), abs(row.ci_high)])
        places = {"days": abs(row.estimate), "low": low, "high": high}
        places = {name: theme.number(value, 0) for name, value in places.items()}
        said.append(say(more, group=capital(first), reference=other, **places))
    return together(*said)


def label(row: tuple, names: Mapping[str, str]) -> str:
    """Name a coefficient: its column, and its category where it has one.

    Parameters
    ----------
    row : named tuple
        With ``term`` and ``group``.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        For example "Plan: Max".

    Examples
    --------
    >>> row = next(pd.DataFrame([{"term": "plan", "group": "Max"}]).itertuples())
    >>> label(row, {"plan": "Plan"})
    'Plan: Max'
    """
    name = names.get(row.term, row.term)
    return say("{name}: {group}", name=name, group=row.group) if row.group else name


def lasted(days: float) -> str:
    """Say a number of days, in years where these are whole or more than two.

    Parameters
    ----------
    days : float
        Zero or more.

    Returns
    -------
    str
        For example "1 year", "5 years", "2.5 years", "90 days".

    Examples
    --------
    >>> lasted(365), lasted(1826), lasted(913), lasted(90)
    ('1 year', '5 years', '2.5 years', '90 days')
    """
    years = round(days / YEAR)
    if not years or abs(days - years * YEAR) > 2:
        if days > 2 * YEAR:
            return say("{years} years", years=theme.number(days / YEAR, 1))
        return say("{days} days", days=f"{days:,.0f}")
    return say("1 year") if years == 1 else say("{years} years", years=years)


def capital(name: str) -> str:
    """Begin a name with a capital letter.

    Parameters
    ----------
    name : str
        For example "last answer".

    Returns
    -------
    str
        For example "Last answer".

    Examples
    --------
    >>> capital("last answer")
    'Last answer'
    """
    return name[:1].upper() + name[1:]


def _span(row: tuple, decimals: int) -> dict[str, str]:
    return {"low": theme.number(row.ci_low, decimals), "high": theme.number(row.ci_high, decimals)}
