"""Sentences on the call list and on what the calls changed."""

import pandas as pd

from csatlib import disclosure, theme
from csatlib.churn.retention import CALL, HOLD_OUT, MIN_EVENTS, Retention
from csatlib.churn.target_list import CallList
from csatlib.words import mark, say, together

LEVEL = 0.05


def drawn(found: CallList, *, months: int) -> str:
    """Say how many are to be called, how many by lot are not, and why.

    Parameters
    ----------
    found : CallList
        From :func:`csatlib.churn.target_list.target_list`.
    months : int
        The horizon, after which both groups are compared.

    Returns
    -------
    str
        Two or three sentences; the second explains the hold-out.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": ["call", "hold_out"], "n": [168, 32], "gain": [3360.0, 640.0]})
    >>> plan = pd.DataFrame([{"detectable": 20.0, "minimum_detectable": 19.9, "reached": True}])
    >>> print(drawn(CallList(counts, plan, None, None, None, False), months=3))  # doctest: +ELLIPSIS
    168 customers are to be called; 32 others, drawn by lot, are not: who of both has left after 3 months shows ...
    """
    if not found.counts["n"].sum():
        return say("Nobody is worth a call at this cost and this share of saved customers.")
    counts = disclosure.protect(found.counts).set_index("group")["n"]
    if counts.isna().any():
        return say("The list is too short to report on.")
    plan = found.plan.iloc[0]
    told = say(
        "{call} customers are to be called; {held} others, drawn by lot, are not: who of both has left after "
        "{months} months shows what the calls changed.",
        call=f"{counts[CALL]:,.0f}",
        held=f"{counts[HOLD_OUT]:,.0f}",
        months=months,
    )
    again = say(
        "The lot is the one drawn first for this list, since calls may have been made; today's data would give "
        "another."
    )
    return together(told, _detects(plan), again if found.earlier else "", written(found))


def written(found: CallList) -> str:
    """Say where the names are.

    Parameters
    ----------
    found : CallList
        From :func:`csatlib.churn.target_list.target_list`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> written(CallList(pd.DataFrame(), pd.DataFrame(), None, None, None, False))
    'No names were written: name a restricted folder to get the list.'
    """
    if found.calls is None:
        return say("No names were written: name a restricted folder to get the list.")
    file = f"{found.folder.name}/{found.calls.name}"
    return say("The names lie in {file}, which only its owner can read.", file=file)


def worth(found: CallList, *, saveability: float, cost: float, currency: str) -> str:
    """Say what the calls would earn, and on what assumption.

    Parameters
    ----------
    found : CallList
        From :func:`csatlib.churn.target_list.target_list`.
    saveability, cost : float
        What it was given.
    currency : str
        For example "EUR".

    Returns
    -------
    str
        Two sentences.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": ["call", "hold_out"], "n": [168, 32], "gain": [3360.0, 640.0]})
    >>> found = CallList(counts, pd.DataFrame(), None, None, None, False)
    >>> worth(found, saveability=0.2, cost=10, currency="EUR")  # doctest: +ELLIPSIS
    'If a call keeps 20 % of those who would leave, the calls earn 3,360 EUR after their cost of 10 EUR each, ...
    """
    if disclosure.protect(found.counts)["hidden"].any():
        return ""
    gain = found.counts.set_index("group")["gain"]
    return say(
        "If a call keeps {share} % of those who would leave, the calls earn {gain} {currency} after their cost of "
        "{cost} {currency} each, and not calling the others gives up {lost} {currency}. The share is an "
        "assumption until the first list with a hold-out has been judged.",
        share=theme.number(100 * saveability, 0),
        gain=f"{gain[CALL]:,.0f}",
        lost=f"{gain[HOLD_OUT]:,.0f}",
        cost=theme.number(cost, 0),
        currency=currency,
    )


def changed(found: Retention) -> str:
    """Say what the calls changed, counted as assigned.

    Parameters
    ----------
    found : Retention
        From :func:`csatlib.churn.retention.retention_effect`.

    Returns
    -------
    str
        The two shares, then the difference or what would have been detected.

    Examples
    --------
    >>> arms = pd.DataFrame({"group": ["call", "hold_out"], "n": [300, 100], "estimate": [12.0, 20.0]})
    >>> row = {"n": 300, "n_reference": 100, "estimate": 8.0, "ci_low": 0.1, "ci_high": 17.2, "p_value": 0.046}
    >>> changed(Retention(arms, pd.DataFrame([row]), pd.DataFrame(), pd.DataFrame()))  # doctest: +ELLIPSIS
    'Of those assigned to a call 12 % left, of those held out by lot 20 %: 8.0 percentage points fewer (95 % ...
    """
    arms = disclosure.protect(found.arms).set_index("group")["estimate"]
    row = disclosure.protect(found.difference).iloc[0]
    if row["hidden"] or arms.isna().any():
        return say("Too few customers were called or held out to compare them.")
    shares = {"call": theme.number(arms[CALL], 0), "held": theme.number(arms[HOLD_OUT], 0)}
    if not row["p_value"] < LEVEL:
        return say(
            "Of those assigned to a call {call} % left, of those held out by lot {held} %: cannot tell whether "
            "calls keep customers; a difference of {least} percentage points would have been detected 8 times "
            "in 10.",
            least=theme.number(row["minimum_detectable"], 1),
            **shares,
        )
    fewer = mark(
        "Of those assigned to a call {call} % left, of those held out by lot {held} %: {size} percentage "
        "points fewer (95 % interval {low} to {high})."
    )
    more = mark(
        "Of those assigned to a call {call} % left, of those held out by lot {held} %: {size} percentage "
        "points more (95 % interval {low} to {high}); stop the calls and find out what was said."
    )
    low, high = sorted([row["ci_low"], row["ci_high"]], key=abs)
    places = {
        name: theme.number(abs(v), 1) for name, v in {"size": row["estimate"], "low": low, "high": high}.items()
    }
    told = fewer if row["estimate"] > 0 else more
    return say(told, **places, **shares)


def whom(found: Retention, *, min_events: int = MIN_EVENTS) -> str:
    """Say whether calls keep more customers where the score is high, or that it is too early to say.

    Parameters
    ----------
    found : Retention
        From :func:`csatlib.churn.retention.retention_effect`.
    min_events : int
        As given there.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> arms = pd.DataFrame({"group": ["call", "hold_out"], "n_events": [36, 20]})
    >>> whom(Retention(arms, pd.DataFrame(), pd.DataFrame(), pd.DataFrame()))  # doctest: +ELLIPSIS
    'Whom a call keeps cannot be told yet: 20 of those held out have left, and 100 are needed; lists add up.'
    """
    if found.qini.empty:
        held = found.arms.set_index("group").loc[HOLD_OUT, "n_events"]
        return say(
            "Whom a call keeps cannot be told yet: {events} of those held out have left, and {needed} are needed; "
            "lists add up.",
            events=f"{held:,.0f}"
            if held >= disclosure.bases.min_base
            else say("fewer than {n}", n=disclosure.bases.min_base),
            needed=f"{min_events:,.0f}",
        )
    row = found.qini.iloc[0]
    if row["ci_low"] <= 0 <= row["ci_high"]:
        return say("Cannot tell whether calls keep more customers where the chance of leaving is higher.")
    if row["estimate"] > 0:
        return say(
            "Calls keep more customers where the chance of leaving is higher: call from the top of the list."
        )
    return say("Calls keep fewer customers where the chance of leaving is higher: the list is in the wrong order.")


def _detects(plan: pd.Series) -> str:
    if plan["reached"]:
        return say(
            "With this hold-out a difference of {points} percentage points in leaving will be detected 8 times "
            "in 10.",
            points=theme.number(plan["detectable"], 1),
        )
    share = theme.number(100 * plan["n_hold_out"] / plan["n"], 0)
    if pd.isna(plan["minimum_detectable"]):
        return say(
            "Even {share} % of the list held out cannot show a difference: judge several lists together.",
            share=share,
        )
    return say(
        "Even {share} % of the list held out detects only a difference of {points} percentage points: judge "
        "several lists together.",
        share=share,
        points=theme.number(plan["minimum_detectable"], 1),
    )
