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
    "independence": mark("Steps multiply: seen less product"),
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
TOO_FEW = mark("{rule}: cannot tell; the records there are do not suffice to measure it.")
CLOSED = mark("{rule}: cannot be checked; it takes {needs}.")
PARTS = {"levels": mark("Units beside each other"), "changes": mark("From one survey to the next")}
PERCENT, POINTS = mark("{value} %"), mark("{value} points")


def accepted(result: pd.DataFrame) -> pd.DataFrame:
    """Say for each rule what is quoted and what still counts as agreeing.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.folklore.rules` or :func:`csatlib.folklore.verdicts`.

    Returns
    -------
    DataFrame
        ``label``, ``said`` (quoted), ``counts`` (what still counts as agreeing).

    Examples
    --------
    >>> from csatlib.folklore import rules
    >>> accepted(rules()).loc[3, ["label", "said", "counts"]].tolist()
    ['Complaints that come from promises', '78 %', '68 to 88 %']
    """
    rows = result.to_dict("records")
    return pd.DataFrame(
        {
            "label": [say(LABELS[row["rule"]]) for row in rows],
            "said": [quoted(row) for row in rows],
            "counts": [_range(row["rule"], row["low"], row["high"]) for row in rows],
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
    return _range(row["rule"], row["quoted_low"], row["quoted_high"])


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
    rows = shown.to_dict("records")
    shown = _bounded(shown)
    return shown.assign(
        indicative=shown["indicative"] & shown["estimate"].notna(),
        label=[say(LABELS[row["rule"]]) for row in rows],
        said=[quoted(row) for row in rows],
        word=[say(_word(row)) for row in rows],
    )


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
    return say("quoted {quoted}, here {value}", quoted=quoted(row), value=_valued(row["rule"], row["estimate"], 1))


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
    key = row["verdict"] if row["verdict"] in SAID else _word(row)
    near = row["verdict"] == UNKNOWN and row["near_end"]
    text = SAID[key] if not near else EDGE if row["needed"] < OUT_OF_REACH * row["n"] else AT_END
    few = row["few_groups"] and row.get("counted") == "n_groups"
    units = say("It rests on no more than {groups} units.", groups=theme.number(row["n_groups"], 0)) if few else ""
    return together(say(text, **places), units)


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
    >>> summary(verdicts(own))
    'None of 7 rules of thumb is borne out here; not as quoted: 1, cannot tell: 0, cannot be checked: 6.'
    """
    found = _verdict(result).value_counts()
    counts = {name: int(found.get(name, 0)) for name in (AGREES, OUTSIDE, UNKNOWN, ABSENT)}
    if counts[ABSENT] == len(result):
        return say("None of {all} rules of thumb can be checked with the tables of this company.", all=len(result))
    if counts[AGREES] == 0:
        return say(
            "None of {all} rules of thumb is borne out here; not as quoted: {outside}, cannot tell: {unknown}, "
            "cannot "
            "be checked: {absent}.",
            all=len(result),
            **counts,
        )
    return say(
        "Borne out here: {agrees} of {all} rules of thumb; not as quoted: {outside}, cannot tell: {unknown}, "
        "cannot be "
        "checked: {absent}.",
        all=len(result),
        **counts,
    )


def closed(result: pd.DataFrame) -> str:
    """Say which rules cannot be checked, and what each would take.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.folklore.verdicts`.

    Returns
    -------
    str
        A sentence per rule; empty where there is none.

    Examples
    --------
    >>> from csatlib.folklore import verdicts
    >>> closed(verdicts({}).query("rule == 'promises'"))  # doctest: +ELLIPSIS
    'Complaints that come from promises: cannot be checked; it takes complaints, and promises to the same ...
    """
    return together(*(told(row) for row in result[result["verdict"] == ABSENT].to_dict("records")))


def teams(result: pd.DataFrame | None) -> pd.DataFrame:
    """Name the comparisons of units, with their number and what they could find.

    Parameters
    ----------
    result : DataFrame, optional
        From :func:`csatlib.folklore.between_units`.

    Returns
    -------
    DataFrame
        The same with ``label``, ``units`` and ``detectable``; empty without a result.

    Examples
    --------
    >>> rows = {"part": ["changes"], "n": 900, "n_groups": 8, "estimate": 1.0, "ci_low": -3.0, "ci_high": 5.0}
    >>> teams(pd.DataFrame(rows | {"minimum_detectable": 5.84}))[["label", "units", "detectable"]].values.tolist()
    [['From one survey to the next', '8', '5.8']]
    """
    if result is None:
        return pd.DataFrame(columns=["label", "units", "detectable", "estimate"])
    shown = disclosure.protect(result)
    return _bounded(shown).assign(
        label=[say(PARTS[part]) for part in shown["part"]],
        units=[theme.number(value, 0) for value in shown["n_groups"]],
        detectable=[theme.number(value, 1) for value in shown["minimum_detectable"]],
    )


def units_told(result: pd.DataFrame) -> str:
    """Say the verdict on employees and customers.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.folklore.verdicts`.

    Returns
    -------
    str

    Examples
    --------
    >>> from csatlib.folklore import verdicts
    >>> units_told(verdicts({}))  # doctest: +ELLIPSIS
    "Employees +10 %: happier customers: cannot be checked; ...
    """
    return together(*(told(row) for row in result[result["rule"] == "employees"].to_dict("records")))


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


def _bounded(shown: pd.DataFrame) -> pd.DataFrame:
    """Take estimates away that have no limits: they say nothing."""
    limits = shown[["estimate", "ci_low", "ci_high"]].astype(float)
    return shown.assign(**limits.mask(np.isinf(limits).any(axis=1), axis=0))


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


def _range(rule: str, low: float, high: float) -> str:
    first, last = (theme.number(end, _digits(end)) for end in (low, high))
    value = first if first == last else say("{low} to {high}", low=first, high=last)
    return say(POINTS if rule == "independence" else PERCENT, value=value)


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
