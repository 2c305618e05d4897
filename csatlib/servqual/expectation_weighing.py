"""Whole sentences about what weighs: importance by group, and what satisfaction follows."""

from collections.abc import Mapping

import pandas as pd

from csatlib import disclosure, theme
from csatlib.servqual.expectation_sentences import side_of
from csatlib.servqual.expectation_surface import AS_GIVEN, WITHIN, ResponseSurface
from csatlib.words import mark, say, together

CERTAIN = 0.05
VERDICTS = {
    "gap": mark(
        "Satisfaction moves together with the gap: what is expected counts against, as far as can be told as much"
        " as what is received counts for."
    ),
    "received": mark(
        "Satisfaction moves together with what is received; that what is expected counts cannot be told."
    ),
    "both": mark(
        "Satisfaction moves together with what is received and, less and in the other direction, with what is"
        " expected."
    ),
    "level": mark(
        "Who expects more is more satisfied at the same service received: satisfaction does not follow the gap."
    ),
    "cannot tell": mark("Whether satisfaction follows the gap or what is received cannot be told."),
}


def importance(table: pd.DataFrame) -> str:
    """Say to what a group gives more of its importance points, and whether its gap differs there.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.expectations` between groups, of a scale with allocations of points.

    Returns
    -------
    str
        One or two sentences per difference.

    Examples
    --------
    >>> importance(pd.DataFrame())
    'There are no groups to compare, or no importance was asked.'
    """
    rows = table if table.empty else table[(table["level"] == "dimension") & (table["measure"] == "importance")]
    if rows.empty:
        return say("There are no groups to compare, or no importance was asked.")
    shown = disclosure.protect(rows)
    told = shown[(shown["p_adjusted"] < CERTAIN) & ~shown["indicative"]]
    if told.empty:
        return say("No difference of importance between the groups is beyond random variation.")
    return together(*(_weighed(table, row) for row in told.to_dict("records")))


def surface(found: ResponseSurface) -> str:
    """Say whether satisfaction follows the gap or what is received, with the weights it rests on.

    Parameters
    ----------
    found : ResponseSurface
        From :func:`csatlib.servqual.response_surface`.

    Returns
    -------
    str
        A few sentences: the verdict within customers where they answered repeatedly, else on the answers as
        given, with its weights; where both exist and differ, also the other.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, response_surface
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": [5, 6, 7, 6] * 20, "p1": [3, 4, 5, 6, 2] * 16}).assign(y=lambda d: d["p1"])
    >>> surface(response_surface(frame, scale=scale, outcome="y"))[:48]
    'Satisfaction moves together with what is receive'
    """
    whole = disclosure.protect(found.verdicts[found.verdicts["level"] == "overall"]).set_index("answers")
    shown = whole[~whole["hidden"] & ~whole["indicative"]]["verdict"]
    if shown.empty:
        return say("Too few answers to say what satisfaction follows.")
    chosen = WITHIN if WITHIN in shown.index else AS_GIVEN
    linear = found.weights.query("level == 'overall' and model == 'linear' and answers == @chosen")
    places = {}
    for term in ("E", "P"):
        row = linear[linear["term"] == term].iloc[0]
        places |= {f"{term}_{name}": theme.number(row[name]) for name in ("estimate", "ci_low", "ci_high")}
    told = [
        say(VERDICTS[shown[chosen]]),
        say(
            "One point more received goes with {P_estimate} points of satisfaction ({P_ci_low} to {P_ci_high}),"
            " one point more expected with {E_estimate} ({E_ci_low} to {E_ci_high}); {n} answers.",
            n=f"{linear['n'].iloc[0]:,.0f}",
            **places,
        ),
    ]
    if chosen == WITHIN:
        told.append(
            say("Customers are compared with themselves, so a lasting way of using the scale does not enter.")
        )
    if chosen == AS_GIVEN:
        told.append(say("Different customers are compared, so part of this may be their habit of answering."))
    if chosen == WITHIN and AS_GIVEN in shown.index and shown[AS_GIVEN] != shown[WITHIN]:
        told.append(say("Compared with each other it looks different; that may be their habit of answering."))
    return together(*told)


def figure(row: Mapping) -> str:
    """Say one weight with its interval and answers.

    Parameters
    ----------
    row : mapping
        One overall row of the linear model in :func:`csatlib.servqual.response_surface`.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> row = {"answers": "as given", "term": "P", "estimate": 0.8, "ci_low": 0.7, "ci_high": 0.9, "n": 90}
    >>> figure(row)
    'One point more received: 0.80 points of satisfaction (95 % interval 0.70 to 0.90, n = 90).'
    """
    told = {
        (AS_GIVEN, "P"): mark(
            "One point more received: {size} points of satisfaction (95 % interval {low} to {high}, n = {n})."
        ),
        (AS_GIVEN, "E"): mark(
            "One point more expected: {size} points of satisfaction (95 % interval {low} to {high}, n = {n})."
        ),
        (AS_GIVEN, "E + P"): mark(
            "One point more on both sides: {size} points of satisfaction (95 % interval {low} to {high}, n = {n})."
        ),
        (WITHIN, "P"): mark(
            "One point more received than at the customer's other answers: {size} points of satisfaction"
            " (95 % interval {low} to {high}, n = {n})."
        ),
        (WITHIN, "E"): mark(
            "One point more expected than at the customer's other answers: {size} points of satisfaction"
            " (95 % interval {low} to {high}, n = {n})."
        ),
        (WITHIN, "E + P"): mark(
            "One point more on both sides than at the customer's other answers: {size} points of satisfaction"
            " (95 % interval {low} to {high}, n = {n})."
        ),
    }
    places = {"size": theme.number(row["estimate"]), "n": f"{row['n']:,.0f}"}
    places |= {"low": theme.number(row["ci_low"]), "high": theme.number(row["ci_high"])}
    return say(told[row["answers"], row["term"]], **places)


def _weighed(table: pd.DataFrame, row: Mapping) -> str:
    places = {"group": row["group"], "label": row["label"], "then": row["reference"]}
    flip = row["estimate"] < 0
    low, high = (row["ci_high"], row["ci_low"]) if flip else (row["ci_low"], row["ci_high"])
    places |= {
        k: theme.number(abs(v) if v * row["estimate"] > 0 else 0.0, 1) for k, v in (("low", low), ("high", high))
    }
    more = mark("{group} gives {label} {size} points more of 100 than {then} ({low} to {high}).")
    less = mark("{group} gives {label} {size} points fewer of 100 than {then} ({low} to {high}).")
    told = say(less if flip else more, size=theme.number(abs(row["estimate"]), 1), **places)
    if not (table["measure"] == "gap").any():
        return told
    gap = side_of(table, row, "gap")
    size = theme.number(abs(gap["estimate"]))
    if not gap["p_adjusted"] < CERTAIN:
        return together(told, say("That the gap there differs cannot be told."))
    wider = mark("The gap there is {size} points wider.")
    return together(
        told, say(wider if gap["estimate"] < 0 else mark("The gap there is {size} points narrower."), size=size)
    )
