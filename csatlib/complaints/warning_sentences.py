"""Sentences on early warning: how often an alarm comes true, and what a simple rule would do."""

import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import listed, mark, say, together

LEVEL = 0.05
PARTS = {
    "model": mark("Alarms of the model"),
    "rule": mark("Unresolved contact in the last 14 days"),
    "difference": mark("Difference"),
    "all": mark("All customers"),
}
TOO_SHORT = mark("Too few complaints on record to learn from, or none of the tables with contacts: no alarms.")
UNIT_PARTS = {
    "model": mark("Alarms of the model"),
    "rule": mark("Complaints above the usual last month"),
    "all": mark("All units and months"),
}
NO_UNITS = mark("Too few months of units with contacts on record to learn from: no alarms.")
POWER = 2.802  # 1.960 + 0.842: two-sided 5 %, found 8 times in 10
NO_CUSTOMERS = mark("Alarms need tables of customers and of contacts in which customers are named.")


def lacking(customers: pd.DataFrame | None) -> str:
    """Say why there are no alarms.

    Parameters
    ----------
    customers : DataFrame or None
        The table of customers, if there is one.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> lacking(None)
    'Alarms need tables of customers and of contacts in which customers are named.'
    """
    return say(NO_CUSTOMERS) if customers is None else say(TOO_SHORT)


def precise(figures: pd.DataFrame, months: pd.DataFrame, *, ahead: int) -> str:
    """Say how many alarms there are, and how many come true, in months the model had not seen.

    Parameters
    ----------
    figures, months : DataFrame
        Of :func:`csatlib.complaints.early_warning`.
    ahead : int
        Days within which the complaint must come.

    Returns
    -------
    str
        Two sentences.

    Examples
    --------
    >>> rows = {"part": ["model", "all"], "measure": "precision", "n": [400, 9000], "estimate": [8.0, 0.8]}
    >>> rows |= {"ci_low": [5.5, 0.7], "ci_high": [11.4, 1.0]}
    >>> months = pd.DataFrame({"period": ["2026-09", "2026-10"], "alarms_per_week": [24.0, 26.0]})
    >>> precise(pd.DataFrame(rows), months, ahead=14)  # doctest: +ELLIPSIS
    'Of 100 alarms 8.0 are followed by a complaint within 14 days (95 % interval 5.5 to 11.4, n = 400; 25 ...
    """
    row, every = _row(figures, "model", "precision"), _row(figures, "all", "precision")
    if row is None or every is None:
        return say(TOO_SHORT)
    return together(
        say(
            "Of 100 alarms {share} are followed by a complaint within {ahead} days (95 % interval {low} to "
            "{high}, n = {n}; {weekly} alarms a week, {first} to {last}, months the model had not seen).",
            ahead=ahead,
            weekly=theme.number(months["alarms_per_week"].mean(), 0),
            first=months["period"].min(),
            last=months["period"].max(),
            **_span(row),
        ),
        say("Of 100 customers without regard to alarms it is {share}.", share=theme.number(every["estimate"], 1)),
    )


def short(figures: pd.DataFrame) -> str:
    """Say in one line how often an alarm comes true, and whether that is more often than by the simple rule.

    Parameters
    ----------
    figures : DataFrame
        Of :func:`csatlib.complaints.early_warning`.

    Returns
    -------
    str
        One sentence; "" without alarms.

    Examples
    --------
    >>> rows = {"part": ["model", "rule", "difference"], "measure": "precision", "n": 320, "p_value": 0.01}
    >>> rows |= {"estimate": [9.7, 5.9, 3.8], "ci_low": 1.0, "ci_high": 13.8}
    >>> short(pd.DataFrame(rows))
    'Of 100 early warnings 10 come true, by the simple rule 6.'
    """
    row, rule, less = (_row(figures, part, "precision") for part in ("model", "rule", "difference"))
    if row is None or rule is None or less is None:
        return ""
    places = {"share": theme.number(row["estimate"], 0), "rule": theme.number(rule["estimate"], 0)}
    if less["p_value"] < LEVEL:
        return say("Of 100 early warnings {share} come true, by the simple rule {rule}.", **places)
    return say(
        "Of 100 early warnings {share} come true; whether that is more than the {rule} of the simple rule cannot "
        "be told.",
        **places,
    )


def against_rule(figures: pd.DataFrame) -> str:
    """Say whether the model does better than the simple rule with as many alarms, and how much is announced.

    Parameters
    ----------
    figures : DataFrame
        Of :func:`csatlib.complaints.early_warning`.

    Returns
    -------
    str
        Up to three sentences.

    Examples
    --------
    >>> row = {"part": "difference", "measure": "precision", "n": 400, "estimate": 1.8, "ci_low": -0.5}
    >>> against_rule(pd.DataFrame([row | {"ci_high": 4.0, "p_value": 0.13, "se": 1.15}]))  # doctest: +ELLIPSIS
    'Against the rule "unresolved contact in the last 14 days" with as many alarms: 1.8 more of 100 (95 % ...
    """
    row, caught = _row(figures, "difference", "precision"), _row(figures, "model", "recall")
    if row is None:
        return ""
    apart = row["p_value"] < LEVEL
    return together(
        say(
            'Against the rule "unresolved contact in the last 14 days" with as many alarms: {share} more of 100 '
            "(95 % interval {low} to {high}).",
            **_span(row),
        ),
        say("That is beyond random variation.")
        if apart
        else say("Cannot tell which is better: until then the rule, which everybody understands, is enough."),
        say(
            "Announced by an alarm: {share} % of complaints (95 % interval {low} to {high}, n = {n}).",
            **_span(caught),
        )
        if caught is not None
        else "",
    )


def labelled(figures: pd.DataFrame) -> pd.DataFrame:
    """Return figures with a reader's names of the sides.

    Parameters
    ----------
    figures : DataFrame
        Of :func:`csatlib.complaints.early_warning`.

    Returns
    -------
    DataFrame
        With ``label``.

    Examples
    --------
    >>> labelled(pd.DataFrame({"part": ["all"]}))["label"].tolist()
    ['All customers']
    """
    return figures.assign(label=[say(PARTS[part]) for part in figures["part"]])


def labelled_units(figures: pd.DataFrame) -> pd.DataFrame:
    """Return figures on units with a reader's names of the sides.

    Parameters
    ----------
    figures : DataFrame
        Of :func:`csatlib.complaints.unit_warning`.

    Returns
    -------
    DataFrame
        With ``label``.

    Examples
    --------
    >>> labelled_units(pd.DataFrame({"part": ["all"]}))["label"].tolist()
    ['All units and months']
    """
    return figures.assign(label=[say(UNIT_PARTS[part]) for part in figures["part"]])


def units(figures: pd.DataFrame, now: pd.DataFrame) -> str:
    """Say how many alarms on units come true, what cannot be told, and which units are named now.

    Parameters
    ----------
    figures, now : DataFrame
        Of :func:`csatlib.complaints.unit_warning`.

    Returns
    -------
    str
        Two or three sentences.

    Examples
    --------
    >>> rows = {"part": ["model", "rule", "all"], "n": [12, 12, 66], "estimate": [33.3, 25.0, 16.7]}
    >>> rows |= {"n_groups": 11, "ci_low": [13.8, 8.9, 9.6], "ci_high": [60.9, 53.2, 27.4]}
    >>> rows |= {"alarms_per_week": 0.46}
    >>> units(pd.DataFrame(rows), pd.DataFrame({"group": ["Shop"]}))  # doctest: +ELLIPSIS
    'Of 100 alarms 33.3 are followed by a month with more complaints than usual (95 % interval 13.8 to 60.9, ...
    """
    shown = disclosure.protect(figures)
    known = {row["part"]: row for row in shown.to_dict("records") if pd.notna(row["estimate"])}
    if "model" not in known or "rule" not in known:
        return say(NO_UNITS)
    row, rule = known["model"], known["rule"]
    middle = (row["estimate"] + rule["estimate"]) / 200
    seen = 100 * POWER * (2 * middle * (1 - middle) / row["n"]) ** 0.5
    text = mark(
        "Of 100 alarms {share} are followed by a month with more complaints than usual (95 % interval {low} to "
        "{high}, n = {n}; {weekly} alarms a week); of as many units with the most complaints above their usual "
        "last month {rule}."
    )
    told = say(
        text, weekly=theme.number(row["alarms_per_week"], 1), rule=theme.number(rule["estimate"], 1), **_span(row)
    )
    apart = row["ci_low"] > rule["ci_high"] or rule["ci_low"] > row["ci_high"]
    open_ = mark(
        "Cannot tell which is better: with {n} alarms on {units} units only a difference of {seen} points would "
        "be detected 8 times in 10."
    )
    named = say("Named for the month to come: {groups}.", groups=listed(list(now["group"]))) if len(now) else ""
    places = {"n": f"{row['n']:,.0f}", "units": f"{row['n_groups']:,.0f}", "seen": theme.number(min(seen, 100), 0)}
    return together(told, "" if apart else say(open_, **places), named)


def _row(figures: pd.DataFrame, part: str, measure: str) -> dict | None:
    chosen = disclosure.protect(figures[(figures["part"] == part) & (figures["measure"] == measure)])
    rows = [row for row in chosen.to_dict("records") if pd.notna(row["estimate"])]
    return rows[0] if rows else None


def _span(row: dict) -> dict[str, str]:
    numbers = {"share": row["estimate"], "low": row["ci_low"], "high": row["ci_high"]}
    return {name: theme.number(value, 1) for name, value in numbers.items()} | {"n": f"{row['n']:,.0f}"}
