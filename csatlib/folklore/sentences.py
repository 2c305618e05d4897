"""Rules of thumb on the page: tables as a reader sees them, and the sentences at its head."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from csatlib import disclosure, theme
from csatlib.folklore.comparison import ABSENT, AGREES, OUTSIDE, UNKNOWN
from csatlib.folklore.telling import LABELS, WORDS, quoted, ranged, state, valued
from csatlib.words import listed, mark, say, together

PARTS = {"levels": mark("Units beside each other"), "changes": mark("From one survey to the next")}


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
            "counts": [ranged(row["rule"], row["low"], row["high"]) for row in rows],
        }
    )


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
        word=[say(WORDS[state(row)]) for row in rows],
    )


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
            "cannot be checked: {absent}.",
            all=len(result),
            **counts,
        )
    return say(
        "Borne out here: {agrees} of {all} rules of thumb; not as quoted: {outside}, cannot tell: {unknown}, "
        "cannot be checked: {absent}.",
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
    'Not as quoted: "Complaints that come from promises" (30.0 %, 95 % interval 25 to 35 %, n = 400; quoted 78 %).'
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
    places = {"value": valued(row["rule"], row["estimate"]), "n": theme.number(row["n"], 0), "quoted": said}
    places["limits"] = ranged(row["rule"], *(round(row[end], 1) for end in ("ci_low", "ci_high")))
    return say('"{rule}" ({value}, 95 % interval {limits}, n = {n}; quoted {quoted})', rule=name, **places)
