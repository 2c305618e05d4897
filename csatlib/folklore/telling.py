"""A rule of thumb in words: what is quoted, what is here, and the verdict."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from csatlib import disclosure, theme
from csatlib.folklore.comparison import ABSENT, AGREES, OUTSIDE, UNKNOWN
from csatlib.words import mark, say, together

LABELS = {
    "retention": mark("Retention +5 points: more profit"),
    "repair": mark("Complaint repaired: more loyalty"),
    "employees": mark("Employees +10 %: happier customers"),
    "promises": mark("Complaints that come from promises"),
    "last_mile": mark("Complaints from the last mile"),
    "steps": mark("Success of each step"),
    "independence": mark("Steps multiply: difference seen"),
}
NEEDS = {
    "retention": mark("customers under contract with the day they left, and their payments"),
    "repair": mark("complaints with the day they were solved, and customers with the day they left"),
    "employees": mark("a survey of employees by unit, and customers' ratings of the same units"),
    "promises": mark("complaints, and promises to the same customers"),
    "last_mile": mark("complaints of which the parameters say which are about the last mile"),
    "steps": mark("contacts by case with two or more steps whose success is known"),
    "independence": mark("contacts by case with two or more steps whose success is known"),
}
COUNTED = {
    "retention": mark("customers"),
    "repair": mark("customers with a good repair"),
    "employees": mark("units"),
    "promises": mark("complaints"),
    "last_mile": mark("complaints"),
    "steps": mark("journeys"),
    "independence": mark("journeys"),
}
OUT_OF_REACH = 100  # times as many as there are
LOWER, HIGHER = "lower", "higher"
WORDS = {
    AGREES: mark("agrees"),
    LOWER: mark("lower than quoted"),
    HIGHER: mark("higher than quoted"),
    UNKNOWN: mark("cannot tell"),
    ABSENT: mark("cannot be checked"),
}
SAID = {
    AGREES: mark("{rule}: agrees. Here {value} (95 % interval {low} to {high}, n = {n}); quoted {quoted}."),
    LOWER: mark(
        "{rule}: lower than quoted. Here {value} (95 % interval {low} to {high}, n = {n}); quoted {quoted}."
    ),
    HIGHER: mark(
        "{rule}: higher than quoted. Here {value} (95 % interval {low} to {high}, n = {n}); quoted {quoted}."
    ),
    UNKNOWN: mark(
        "{rule}: cannot tell. Here {value} (95 % interval {low} to {high}, n = {n}); quoted {quoted}. About "
        "{needed} {counted} would tell."
    ),
}
EDGE = mark(
    "{rule}: cannot tell. Here {value} (95 % interval {low} to {high}, n = {n}), near an end of what counts as "
    "agreeing; quoted {quoted}. If that is the true figure, about {needed} {counted} would tell."
)
AT_END = mark(
    "{rule}: cannot tell. Here {value} (95 % interval {low} to {high}, n = {n}), at an end of what counts as "
    "agreeing; quoted {quoted}. No number of {counted} within reach would tell."
)
OPEN = mark(
    "{rule}: cannot tell. {groups} units that can be compared are too few to put limits on the figure; quoted "
    "{quoted}. About {needed} {counted} would tell."
)
TOO_FEW = mark("{rule}: cannot tell; the records at hand do not suffice to measure it.")
CLOSED = mark("{rule}: cannot be checked; it takes {needs}.")
PERCENT, POINTS = mark("{value} %"), mark("{value} points")


def quoted(row: Mapping[str, Any]) -> str:
    """Say the figure, or the range, that is quoted.

    Parameters
    ----------
    row : mapping
        ``rule``, ``quoted_low``, ``quoted_high``.

    Returns
    -------
    str

    Examples
    --------
    >>> quoted({"rule": "retention", "quoted_low": 25.0, "quoted_high": 95.0})
    '25 to 95 %'
    """
    return ranged(row["rule"], row["quoted_low"], row["quoted_high"])


def beside(row: Mapping[str, Any]) -> str:
    """Set the company's figure beside the quoted one.

    Parameters
    ----------
    row : mapping
        One row of :func:`labelled`.

    Returns
    -------
    str

    Examples
    --------
    >>> row = {"rule": "promises", "quoted_low": 78.0, "quoted_high": 78.0, "estimate": 30.0}
    >>> beside(row), beside(row | {"estimate": float("nan")})
    ('quoted 78 %, here 30.0 %', 'quoted 78 %, here no limits can be given')
    """
    if pd.isna(row["estimate"]):
        return say("quoted {quoted}, here no limits can be given", quoted=quoted(row))
    return say("quoted {quoted}, here {value}", quoted=quoted(row), value=valued(row["rule"], row["estimate"]))


def told(row: Mapping[str, Any]) -> str:
    """Say the verdict on one rule, with the figure and, where the data cannot tell, how many would.

    Parameters
    ----------
    row : mapping or Series
        One row of :func:`csatlib.folklore.verdicts`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> from csatlib.folklore import verdicts
    >>> own = pd.DataFrame({"rule": ["promises"], "estimate": 30.0, "ci_low": 25.0, "ci_high": 35.0, "n": 400})
    >>> found = verdicts(own).set_index("rule", drop=False)
    >>> told(found.loc["promises"])  # doctest: +ELLIPSIS
    'Complaints that come from promises: lower than quoted. Here 30.0 % (95 % interval 25.0 to 35.0, ...
    >>> told(found.loc["employees"])  # doctest: +ELLIPSIS
    "Employees +10 %: happier customers: cannot be checked; it takes a survey of employees by unit, and ...
    """
    (row,) = disclosure.protect(pd.DataFrame([dict(row)])).to_dict("records")
    name = row["rule"]
    places = {"rule": say(LABELS[name]), "quoted": quoted(row)}
    if row["verdict"] == ABSENT:
        return say(CLOSED, needs=say(NEEDS[name]), **places)
    if pd.isna(row["estimate"]):
        return say(TOO_FEW, **places)
    places |= {"needed": _about(row["needed"]), "counted": say(COUNTED[name])}
    if np.isinf(row["ci_low"]) or np.isinf(row["ci_high"]):
        return say(OPEN, groups=theme.number(row["n_groups"], 0), **places)
    places |= {"value": valued(name, row["estimate"]), "n": f"{row['n']:,.0f}"}
    places |= {"low": theme.number(row["ci_low"], 1), "high": theme.number(row["ci_high"], 1)}
    near = row["verdict"] == UNKNOWN and row["near_end"]
    text = SAID[state(row)] if not near else EDGE if row["needed"] < OUT_OF_REACH * row["n"] else AT_END
    few = row["few_groups"] and row.get("counted") == "n_groups"
    units = say("It rests on no more than {groups} units.", groups=theme.number(row["n_groups"], 0)) if few else ""
    return together(say(text, **places), units)


def ranged(rule: str, low: float, high: float) -> str:
    """Say a figure, or a range, in the unit of the rule.

    Parameters
    ----------
    rule : str
        Rule of :func:`csatlib.folklore.rules`.
    low, high : float
        Ends; equal for one figure.

    Returns
    -------
    str

    Examples
    --------
    >>> ranged("promises", 68.0, 88.0), ranged("independence", -2.0, -2.0)
    ('68 to 88 %', '\N{MINUS SIGN}2 points')
    """
    first, last = (theme.number(end, _digits(end)) for end in (low, high))
    value = first if first == last else say("{low} to {high}", low=first, high=last)
    return say(POINTS if rule == "independence" else PERCENT, value=value)


def state(row: Mapping[str, Any]) -> str:
    """Name the verdict on a row, with the side on which the figure lies.

    Parameters
    ----------
    row : mapping
        ``verdict``, ``estimate``, ``low``.

    Returns
    -------
    str
        A key of `WORDS`; a hidden figure cannot tell.

    Examples
    --------
    >>> state({"verdict": "outside", "estimate": 30.0, "low": 68.0})
    'lower'
    """
    if row["verdict"] == ABSENT:
        return ABSENT
    if pd.isna(row["estimate"]):
        return UNKNOWN
    if row["verdict"] != OUTSIDE:
        return row["verdict"]
    return LOWER if row["estimate"] < row["low"] else HIGHER


def valued(rule: str, value: float, digits: int = 1) -> str:
    """Say a figure in the unit of the rule.

    Parameters
    ----------
    rule : str
        Rule of :func:`csatlib.folklore.rules`.
    value : float
        The figure.
    digits : int
        Decimals.

    Returns
    -------
    str

    Examples
    --------
    >>> valued("promises", 23.49)
    '23.5 %'
    """
    return say(POINTS if rule == "independence" else PERCENT, value=theme.number(value, digits))


def _digits(value: float) -> int:
    return 0 if float(value).is_integer() else 1


def _about(value: float) -> str:
    """Round a size up to two significant digits: it is a plan, not a count."""
    if pd.isna(value):
        return "–"
    step = 10 ** max(int(np.floor(np.log10(max(value, 1)))) - 1, 0)
    return f"{np.ceil(value / step) * step:,.0f}"
