"""Whole sentences on rules of thumb and the company's own figures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from csatlib import disclosure, theme
from csatlib.folklore.comparison import ABSENT, AGREES, OUTSIDE, UNKNOWN
from csatlib.words import listed, mark, say, together

LABELS = {
    "retention": mark("Retention +5 points: more profit"),
    "repair": mark("Complaint repaired: more loyalty"),
    "employees": mark("Employees +10 %: happier customers"),
    "promises": mark("Complaints that come from promises"),
    "last_mile": mark("Complaints from the last mile"),
    "steps": mark("Success of each step"),
    "independence": mark("Steps multiply: what is left over"),
}
MEASURED = {
    "retention": mark(
        "Scenario: value of today's customers if five points more of them were still there after a year, "
        "payments as they are, costs of getting there not taken off."
    ),
    "repair": mark("Customers who stay after a good repair, against like customers without a complaint."),
    "employees": mark(
        "Units of the same kind beside each other: ratings by customers, and the survey of the unit's employees."
    ),
    "promises": mark("Complaints that name a broken promise, or follow one to the same customer."),
    "last_mile": mark("Complaints about where the service reaches the customer, as the parameters name it."),
    "steps": mark("Journeys in which all steps went right, turned into the success of one step."),
    "independence": mark("Journeys in which all went right, less the product of the steps' shares."),
}
SOURCES = {
    "retention": mark(
        "Reichheld and Sasser (1990) give 25 to 85 % by line of business, over a customer's lifetime; later texts "
        "quote 25 to 95 %."
    ),
    "repair": mark(
        "The idea: Hart, Heskett and Sasser (1990); over many studies it holds for satisfaction, not for buying "
        "again (de Matos and others, 2007). Where the 6 % was measured could not be traced."
    ),
    "employees": mark(
        "Could not be traced. Rucci, Kirn and Quinn (1998) found 1.3 with 5 at one retailer, so 2.6 with 10."
    ),
    "promises": mark("Much quoted; where it was measured could not be traced."),
    "last_mile": mark("Much quoted; where it was measured could not be traced."),
    "steps": mark("An example, not a finding: 0.99 times itself, once for each step."),
    "independence": mark("Arithmetic (Lusser's law): holds exactly where steps fail independently."),
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
WORDS = {AGREES: mark("agrees"), UNKNOWN: mark("cannot tell"), ABSENT: mark("cannot be checked")}
LESS, MORE = mark("lower than quoted"), mark("higher than quoted")
SAID = {
    AGREES: mark("{rule}: agrees. Here {value} (95 % interval {low} to {high}, n = {n}); quoted {quoted}."),
    LESS: mark(
        "{rule}: lower than quoted. Here {value} (95 % interval {low} to {high}, n = {n}); quoted {quoted}."
    ),
    MORE: mark(
        "{rule}: higher than quoted. Here {value} (95 % interval {low} to {high}, n = {n}); quoted {quoted}."
    ),
    UNKNOWN: mark(
        "{rule}: cannot tell. Here {value} (95 % interval {low} to {high}, n = {n}); quoted {quoted}. About "
        "{needed} {counted} would tell."
    ),
}
EDGE = mark(
    "{rule}: cannot tell. Here {value} (95 % interval {low} to {high}, n = {n}), too near the end of what "
    "counts as agreeing; quoted {quoted}."
)
OPEN = mark(
    "{rule}: cannot tell. {groups} units that can be compared are too few to put limits on the figure; quoted "
    "{quoted}. About {needed} {counted} would tell."
)
TOO_FEW = mark("{rule}: cannot tell, the records are too few.")
CLOSED = mark("{rule}: cannot be checked; it takes {needs}.")
PERCENT, POINTS = mark("{value} %"), mark("{value} points")


def measured_as(result: pd.DataFrame) -> pd.DataFrame:
    """Say for each rule what is quoted, where it comes from, and what it was measured by here.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.folklore.verdicts` or :func:`csatlib.folklore.rules`.

    Returns
    -------
    DataFrame
        ``label``, ``said`` (quoted), ``counts`` (what still counts as agreeing), ``source``, ``measured``.

    Examples
    --------
    >>> from csatlib.folklore import rules
    >>> measured_as(rules()).loc[3, ["label", "said", "counts"]].tolist()
    ['Complaints that come from promises', '78 %', '68 % to 88 %']
    """
    rows = result.to_dict("records")
    ends = [[_valued(row["rule"], row[end], _digits(row[end])) for end in ("low", "high")] for row in rows]
    return pd.DataFrame(
        {
            "label": [say(LABELS[row["rule"]]) for row in rows],
            "said": [quoted(row) for row in rows],
            "counts": [say("{low} to {high}", low=low, high=high) for low, high in ends],
            "source": [say(SOURCES[row["rule"]]) for row in rows],
            "measured": [say(MEASURED[row["rule"]]) for row in rows],
        }
    )


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
    low, high = (theme.number(row[end], _digits(row[end])) for end in ("quoted_low", "quoted_high"))
    value = low if low == high else say("{low} to {high}", low=low, high=high)
    return say(POINTS if row["rule"] == "independence" else PERCENT, value=value)


def labelled(result: pd.DataFrame) -> pd.DataFrame:
    """Name rules, quoted figures and verdicts as a reader does; figures without limits become a dash.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.folklore.verdicts`.

    Returns
    -------
    DataFrame
        The rules that could be measured, with ``label``, ``said`` and ``word``.

    Examples
    --------
    >>> from csatlib.folklore import verdicts
    >>> own = pd.DataFrame({"rule": ["promises"], "estimate": 30.0, "ci_low": 25.0, "ci_high": 35.0, "n": 400})
    >>> labelled(verdicts(own))[["label", "said", "word"]].values.tolist()
    [['Complaints that come from promises', '78 %', 'lower than quoted']]
    """
    shown = disclosure.protect(result[result["verdict"] != ABSENT].reset_index(drop=True))
    limits = [c for c in ("estimate", "ci_low", "ci_high") if c in shown.columns]
    open_ended = np.isinf(shown[["ci_low", "ci_high"]].astype(float)).any(axis=1)
    shown[limits] = shown[limits].astype(float).mask(open_ended, axis=0)
    rows = shown.to_dict("records")
    return shown.assign(
        label=[say(LABELS[row["rule"]]) for row in rows],
        said=[quoted(row) for row in rows],
        word=[say(_word(row)) for row in rows],
    )


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
    places |= {"value": _valued(name, row["estimate"], 1), "n": f"{row['n']:,.0f}"}
    places |= {"low": theme.number(row["ci_low"], 1), "high": theme.number(row["ci_high"], 1)}
    size = row["n_groups"] if row.get("counted") == "n_groups" else row["n"]
    if row["verdict"] == UNKNOWN and not row["needed"] > size:
        return say(EDGE, **places)
    return say(SAID[row["verdict"] if row["verdict"] in SAID else _word(row)], **places)


def summary(result: pd.DataFrame) -> str:
    """Say how many rules hold, how many do not, and for how many the data cannot tell.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.folklore.verdicts`.

    Returns
    -------
    str
        One to three sentences.

    Examples
    --------
    >>> from csatlib.folklore import verdicts
    >>> own = pd.DataFrame({"rule": ["promises"], "estimate": 30.0, "ci_low": 25.0, "ci_high": 35.0, "n": 400})
    >>> summary(verdicts(own))  # doctest: +ELLIPSIS
    "Rules of thumb looked at: 7. They agree with this company's own figures: 0. They lie outside: 1. ...

    """
    found = _verdict(result).value_counts()
    counts = {name: int(found.get(name, 0)) for name in (AGREES, OUTSIDE, UNKNOWN, ABSENT)}
    return say(
        "Rules of thumb looked at: {all}. They agree with this company's own figures: {agrees}. They lie outside: "
        "{outside}. The data cannot tell: {unknown}. Cannot be checked here: {absent}.",
        all=len(result),
        **counts,
    )


def evidence(result: pd.DataFrame) -> str:
    """Name the rules under each verdict.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.folklore.verdicts`.

    Returns
    -------
    str
        A sentence for each verdict that occurs.

    Examples
    --------
    >>> from csatlib.folklore import verdicts
    >>> own = pd.DataFrame({"rule": ["promises"], "estimate": 30.0, "ci_low": 25.0, "ci_high": 35.0, "n": 400})
    >>> evidence(verdicts(own).query("verdict != 'absent'"))
    'Not as quoted: "Complaints that come from promises" (30.0 %, quoted 78 %).'
    """
    shown = disclosure.protect(result).assign(verdict=_verdict(result))
    texts = {AGREES: mark("As quoted: {rules}."), OUTSIDE: mark("Not as quoted: {rules}.")}
    texts |= {UNKNOWN: mark("Cannot tell: {rules}.")}
    told_ = []
    for name, text in texts.items():
        rows = shown[shown["verdict"] == name].to_dict("records")
        if rows:
            told_.append(say(text, rules=listed([_named(row) for row in rows])))
    return together(*told_)


def action(result: pd.DataFrame) -> str:
    """Say what to do with the rules: replace, wait, or keep.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.folklore.verdicts`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> from csatlib.folklore import verdicts
    >>> own = pd.DataFrame({"rule": ["promises"], "estimate": 30.0, "ci_low": 25.0, "ci_high": 35.0, "n": 400})
    >>> action(verdicts(own))
    'In plans and business cases, put the figures of this company in place of the quoted ones.'
    """
    found = set(_verdict(result))
    replace = say("In plans and business cases, put the figures of this company in place of the quoted ones.")
    wait = say("Do not build a plan on a rule that the data cannot tell about: first collect what it takes.")
    keep = say("The rules that agree may be used; check them again next year.")
    checked = [
        replace if OUTSIDE in found else "",
        wait if UNKNOWN in found else "",
        keep if found <= {AGREES, ABSENT} and AGREES in found else "",
    ]
    return together(*checked) or say("None of the rules can be checked with these tables: do not plan with them.")


def _verdict(result: pd.DataFrame) -> pd.Series:
    """Verdicts, but none on hidden figures."""
    hidden = disclosure.protect(result)["hidden"]
    return result["verdict"].mask(hidden & (result["verdict"] != ABSENT), UNKNOWN)


def _named(row: Mapping[str, Any]) -> str:
    name, said = say(LABELS[row["rule"]]), quoted(row)
    if pd.isna(row["estimate"]) or np.isinf(row["ci_low"]) or np.isinf(row["ci_high"]):
        return say('"{rule}" (quoted {quoted})', rule=name, quoted=said)
    value = _valued(row["rule"], row["estimate"], 1)
    return say('"{rule}" ({value}, quoted {quoted})', rule=name, value=value, quoted=said)


def _word(row: Mapping[str, Any]) -> str:
    if row["verdict"] != OUTSIDE or pd.isna(row["estimate"]):
        return WORDS[UNKNOWN if row["verdict"] == OUTSIDE else row["verdict"]]
    return LESS if row["estimate"] < row["low"] else MORE


def _valued(rule: str, value: float, digits: int) -> str:
    return say(POINTS if rule == "independence" else PERCENT, value=theme.number(value, digits))


def _digits(value: float) -> int:
    return 0 if float(value).is_integer() else 1


def _about(value: float) -> str:
    """Round a size up to two significant digits: it is a plan, not a count."""
    if pd.isna(value):
        return "–"
    step = 10 ** max(int(np.floor(np.log10(max(value, 1)))) - 1, 0)
    return f"{np.ceil(value / step) * step:,.0f}"
