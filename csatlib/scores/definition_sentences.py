"""Sentences on the indicators: who owns them, what is lacking, one figure at a time."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from csatlib import theme
from csatlib.tables.indicators import Indicator
from csatlib.words import listed, mark, say, together

LABELS = {
    "nps": mark("Net Promoter Score"),
    "csat": mark("Satisfied customers"),
    "ces": mark("Found it easy"),
    "first_contact_resolution": mark("Settled at the first contact"),
    "response_time": mark("Time to the first reply"),
    "resolution_time": mark("Time to the solution"),
    "availability": mark("Availability"),
    "on_time": mark("Promises kept on time"),
    "repurchase": mark("Bought again"),
    "other_channel": mark("Had to try another channel"),
}
LEFT_OUT = {
    "table": mark("Left out, since the company has no such table: {names}."),
    "column": mark("Left out, since a column is missing: {names}."),
    "range": mark("Left out, since no scale tells the lowest and the highest answer: {names}."),
    "rows": mark("Left out, since no row of these periods counts: {names}."),
}


def called(name: str, indicator: Indicator) -> str:
    """Return what a reader calls an indicator.

    Parameters
    ----------
    name : str
        Its name in the settings.
    indicator : Indicator
        Its settings.

    Returns
    -------
    str
        The label of the settings, else of the shipped one, else the name with spaces.

    Examples
    --------
    >>> called("on_time", Indicator(table="promises", formula="on_time", due="due_at", end="done_at"))
    'Promises kept on time'
    """
    if indicator.label or name not in LABELS:
        return indicator.label or name.replace("_", " ")
    return say(LABELS[name])


def figure(row: Mapping[str, Any]) -> str:
    """Say one figure with its interval and n.

    Parameters
    ----------
    row : mapping
        One row of :func:`csatlib.scores.definition_tables.figures`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"label": "On time", "estimate": 80.0, "ci_low": 70.0, "ci_high": 90.0, "n": 90, "unit": "%"}
    >>> figure(row | {"decimals": 1, "hidden": False, "period": "2026-10"})
    'On time, 2026-10: 80.0 % (95 % interval 70.0 to 90.0, n = 90).'
    """
    if row["hidden"]:
        return say("Not shown: too few answers.")
    places = {"label": row["label"], "period": row["period"], "unit": row["unit"], "n": f"{row['n']:,.0f}"}
    value, low, high = (theme.number(row[c], row["decimals"]) for c in ("estimate", "ci_low", "ci_high"))
    if pd.isna(row["ci_low"]) and pd.isna(row["ci_high"]):
        return say("{label}, {period}: {value} {unit} (no interval, n = {n}).", value=value, **places)
    return say(
        "{label}, {period}: {value} {unit} (95 % interval {low} to {high}, n = {n}).",
        value=value,
        low=low,
        high=high,
        **places,
    )


def owned(wanted: Mapping[str, Indicator]) -> str:
    """Say how many indicators there are and which have no owner.

    Parameters
    ----------
    wanted : mapping of str to Indicator
        ``ws.settings.indicators``.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> owned({"wait": Indicator(table="contacts", formula="median", value="wait_seconds")})
    'The company follows 1 indicators. No owner is named for wait.'
    """
    bare = _lacking(wanted, "owner")
    if not bare:
        return say("The company follows {n} indicators; each has an owner.", n=len(wanted))
    said = say("The company follows {n} indicators.", n=len(wanted))
    return together(said, say("No owner is named for {names}.", names=listed(bare)))


def measured(wanted: Mapping[str, Indicator], levels: pd.DataFrame, left_out: pd.DataFrame) -> str:
    """Say how many indicators have a figure and a target, and which are left out.

    Parameters
    ----------
    wanted : mapping of str to Indicator
        ``ws.settings.indicators``.
    levels, left_out : DataFrame
        From :func:`csatlib.scores.indicators`.

    Returns
    -------
    str
        A few sentences.

    Examples
    --------
    >>> wait = {"wait": Indicator(table="contacts", formula="median", value="wait_seconds")}
    >>> lacking = pd.DataFrame({"label": ["wait"], "what": ["table"], "name": ["contacts"]})
    >>> measured(wait, pd.DataFrame({"indicator": []}), lacking)
    '0 of 1 have a figure, 0 a target. Left out, since the company has no such table: wait (contacts).'
    """
    counts = {"n": levels["indicator"].nunique(), "total": len(wanted)}
    counts["aims"] = sum(indicator.target is not None for indicator in wanted.values())
    return together(say("{n} of {total} have a figure, {aims} a target.", **counts), lacking(left_out))


def lacking(left_out: pd.DataFrame) -> str:
    """Name the indicators that are left out, by what they lack.

    Parameters
    ----------
    left_out : DataFrame
        From :func:`csatlib.scores.indicators`.

    Returns
    -------
    str
        One sentence per kind of lack; empty where nothing is left out.

    Examples
    --------
    >>> lacking(pd.DataFrame({"label": ["Wait"], "what": ["rows"], "name": ["contacts"]}))
    'Left out, since no row of these periods counts: Wait (contacts).'
    """
    told = []
    for what, text in LEFT_OUT.items():
        lacks = left_out[left_out["what"] == what]
        pairs = [
            say("{label} ({name})", label=a, name=b) for a, b in zip(lacks["label"], lacks["name"], strict=True)
        ]
        told += [say(text, names=listed(pairs))] if pairs else []
    return together(*told)


def action(wanted: Mapping[str, Indicator]) -> str:
    """Say what is still to be agreed on.

    Parameters
    ----------
    wanted : mapping of str to Indicator
        ``ws.settings.indicators``.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> action({"wait": Indicator(table="contacts", formula="median", value="wait_seconds", owner="Ann")})
    'Agree on a target for wait.'
    """
    texts = (("owner", mark("Name an owner for {names}.")), ("target", mark("Agree on a target for {names}.")))
    told = [say(text, names=listed(bare)) for field, text in texts if (bare := _lacking(wanted, field))]
    return together(*told) or say("Keep these definitions; a new wording or rule starts a new series.")


def _lacking(wanted: Mapping[str, Indicator], field: str) -> list[str]:
    return [called(name, one) for name, one in wanted.items() if getattr(one, field) in ("", None)]
