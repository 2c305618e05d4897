"""Sentences on thresholds, on moments of truth, on teams, and on what to do."""

from collections.abc import Mapping

import pandas as pd

from csatlib import disclosure, theme
from csatlib.journeys.chain import needed, serial
from csatlib.journeys.sentences import stands_out
from csatlib.journeys.telling import LEVEL, UNKNOWN, quoted
from csatlib.words import listed, mark, say, together

BENT = {
    "threshold": mark(
        "{measure}: satisfaction falls from {place} on ({low} to {high}), by {after} per unit beyond it against "
        "{before} below (n = {n})."
    ),
    "levels off": mark(
        "{measure}: no threshold; satisfaction falls from the start, by {before} per unit up to {place}, and "
        "beyond it by {after} (n = {n})."
    ),
    "none found": mark(
        "{measure}: no threshold found; a change of slope by {visible} per unit would have been detected 8 "
        "times in 10 (n = {n})."
    ),
    "too few": mark("{measure}: too few long journeys to look for a threshold."),
}
BENT["bends"] = mark(
    "{measure}: no threshold; satisfaction changes by {before} per unit up to {place}, and beyond it by {after} "
    "(n = {n})."
)
TERMS = {"worst": mark("the worst contact"), "best": mark("the best contact"), "end": mark("the last contact")}


def bent(result: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say for each measure whether there is a threshold from which on satisfaction falls.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.journeys.threshold`.
    names : mapping of str to str
        What a reader calls each measure, with its unit.

    Returns
    -------
    str
        One sentence per measure.

    Examples
    --------
    >>> row = {"measure": "steps", "status": "too few", "n": 90, "slope_before": 0, "slope_after": 0}
    >>> row |= dict.fromkeys(["estimate", "ci_low", "ci_high", "minimum_detectable"])
    >>> bent(pd.DataFrame([row]), names={"steps": "Steps"})
    'Steps: too few long journeys to look for a threshold.'
    """
    shown = disclosure.protect(result)
    said = []
    for row in shown[~shown["hidden"]].to_dict("records"):
        falls_first = row["status"] != "levels off" or row["slope_before"] < 0
        text = BENT[row["status"] if falls_first else "bends"]
        places = {
            "measure": names[row["measure"]],
            "place": theme.number(row["estimate"], 1),
            "low": theme.number(row["ci_low"], 1),
            "high": theme.number(row["ci_high"], 1),
            "before": theme.number(row["slope_before"], 2, sign=True),
            "after": theme.number(row["slope_after"], 2, sign=True),
            "visible": theme.number(row["minimum_detectable"], 2),
            "n": f"{row['n']:,.0f}",
        }
        said.append(say(text, **{name: value for name, value in places.items() if f"{{{name}}}" in text}))
    return together(*said) or say(UNKNOWN)


def weighed(models: pd.DataFrame, terms: pd.DataFrame) -> str:
    """Say whether the worst, the best or the last contact tells more about satisfaction than the mean.

    Parameters
    ----------
    models, terms : DataFrame
        Tables of :func:`csatlib.journeys.moments_of_truth`.

    Returns
    -------
    str
        Two or three sentences; associations.

    Examples
    --------
    >>> row = {"model": "mean", "measure": "r2", "n": 90, "estimate": 0.1, "ci_low": 0.05, "ci_high": 0.15}
    >>> term = {"term": "end", "n": 90, "estimate": 0.1, "p_adjusted": 0.4, "minimum_detectable": 0.3}
    >>> weighed(pd.DataFrame([row]), pd.DataFrame([term]))  # doctest: +ELLIPSIS
    'The mean of the contacts before an answer goes with 10.0 % of the spread of satisfaction (95 % ...
    """
    shown = disclosure.protect(models[(models["model"] == "mean") & (models["measure"] == "r2")])
    if shown.empty or shown["hidden"].iloc[0] or pd.isna(shown["estimate"].iloc[0]):
        return say(UNKNOWN)
    row = shown.iloc[0]
    first = say(
        "The mean of the contacts before an answer goes with {share} % of the spread of satisfaction (95 % "
        "interval {low} to {high}, n = {n}).",
        share=theme.number(100 * row["estimate"], 1),
        low=theme.number(100 * row["ci_low"], 1),
        high=theme.number(100 * row["ci_high"], 1),
        n=f"{row['n']:,.0f}",
    )
    beyond = terms[terms["p_adjusted"] < LEVEL].to_dict("records")
    text = mark(
        "At the same mean, one point more for {term} goes with {size} points of satisfaction ({low} to {high})."
    )
    told = [
        say(
            text,
            term=say(TERMS[term["term"]]),
            size=theme.number(term["estimate"], sign=True),
            low=theme.number(term["ci_low"], sign=True),
            high=theme.number(term["ci_high"], sign=True),
        )
        for term in beyond
    ]
    if told:
        return together(first, *told)
    names = listed([say(TERMS[term]) for term in terms["term"]])
    return together(
        first,
        say(
            "Of {names} nothing can be told beyond the mean; {size} points of satisfaction per point would have "
            "been detected 8 times in 10.",
            names=names,
            size=theme.number(terms["minimum_detectable"].max(), 2),
        ),
    )


def teams(reliability: float, *, people: int, target: float) -> str:
    """Say what a chain of people who each work well achieves, and what each would need for a target.

    Parameters
    ----------
    reliability : float
        Share of right work of each, 0 to 1.
    people : int
        How many must all be right.
    target : float
        Wanted for the whole, 0 to 1.

    Returns
    -------
    str
        One sentence, about people who fail independently.

    Examples
    --------
    >>> teams(0.99, people=3, target=0.99)  # doctest: +ELLIPSIS
    'If 3 people in a row each work right in 99 % of cases, independently, all do in 97.0 %; for 99 % each ...
    """
    return say(
        "If {people} people in a row each work right in {each} % of cases, independently, all do in {whole} %; "
        "for {target} % each needs {needed} %.",
        people=people,
        each=theme.number(100 * reliability, 0),
        whole=theme.number(100 * serial([reliability] * people), 1),
        target=theme.number(100 * target, 0),
        needed=theme.number(100 * needed(target, steps=people), 2),
    )


def action(gains: pd.DataFrame, handover: pd.DataFrame, *, names: Mapping[str, str], name: str) -> str:
    """Say which step to look into first, and where.

    Parameters
    ----------
    gains : DataFrame
        Table of :func:`csatlib.journeys.reliability`.
    handover : DataFrame
        Table of :func:`csatlib.journeys.paths`.
    names : mapping of str to str
        What a reader calls each step.
    name : str
        What a reader calls the column of the groups.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"group": "all", "step": "kept", "n": 90, "estimate": 0.08, "rank_low": 1, "rank_high": 1}
    >>> hand = pd.DataFrame(columns=["level", "group", "measure", "n", "estimate", "difference", "p_adjusted"])
    >>> action(pd.DataFrame([row]), hand, names={"kept": "Date kept"}, name="region")  # doctest: +ELLIPSIS
    'Begin with "Date kept": look at journeys that failed there, and agree with those who own the step ...
    """
    shown = disclosure.protect(gains[gains["group"] == "all"])
    first = shown[(shown["rank_low"] == 1) & ~shown["hidden"] & ~shown["indicative"]]["step"].tolist()
    if len(first) == 1:
        said = say(
            'Begin with "{step}": look at journeys that failed there, and agree with those who own the step what '
            "to try.",
            step=names[first[0]],
        )
    elif first:
        text = mark("Begin with the one that is cheapest to mend: what {steps} would gain cannot be told apart.")
        said = say(text, steps=quoted(names[step] for step in first))
    else:
        said = say("Collect more journeys before choosing a step.")
    groups = stands_out(handover)["group"].tolist()
    if not groups:
        return said
    text = mark("Look at the hand-over between channels in {groups} ({name}).")
    return together(said, say(text, groups=listed(groups), name=name))
