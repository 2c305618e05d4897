"""Whole sentences made from asymmetric factors, Kano categories and the check of straight lines."""

from collections.abc import Mapping

import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import listed, mark, say, together

LEVEL = 0.05
FACTORS = {
    "basic": mark("basic"),
    "performance": mark("performance"),
    "excitement": mark("excitement"),
    "undetermined": mark("cannot tell"),
}
FACTORS_FOUND = {
    "basic": mark("Basic: {names}. A low score goes with more loss of satisfaction than a high score with gain."),
    "performance": mark("Performance: {names}. What low scores lose and high scores gain is of similar size."),
    "excitement": mark(
        "Excitement: {names}. A high score goes with more gain in satisfaction than a low score with loss."
    ),
    "undetermined": mark("Cannot tell: {names}. The answers allow more than one of these readings, or none."),
}
FACTORS_ADVICE = {
    "basic": mark("Keep {names} from ever scoring low before aiming for excellence."),
    "performance": mark(
        "For {names}, lifting low scores and lifting middling ones go with changes of similar size."
    ),
    "excitement": mark("Use {names} to stand out, once the basics hold."),
}
CATEGORIES = {
    "M": mark("must-be"),
    "O": mark("one-dimensional"),
    "A": mark("attractive"),
    "I": mark("indifferent"),
    "R": mark("reverse"),
    "Q": mark("contradictory"),
    "cannot tell": mark("cannot tell"),
}
CATEGORIES_FOUND = {
    "M": mark("Must-be (missed when absent, taken for granted when there): {names}."),
    "O": mark("One-dimensional (pleases when there, displeases when absent): {names}."),
    "A": mark("Attractive (pleases when there, not missed when absent): {names}."),
    "I": mark("Indifferent (most do not mind either way): {names}."),
    "R": mark("Reverse (most would rather not have it): {names}."),
    "Q": mark("Contradictory answers lead, so the question needs rewording: {names}."),
    "cannot tell": mark(
        "Cannot tell: {names}. The two most frequent categories are too close to say which leads."
    ),
}


def factors_found(factors: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say which factors the answers support, in the order of the classes, never of sizes.

    Parameters
    ----------
    factors : DataFrame
        ``factors`` of :func:`csatlib.drivers.asymmetry.penalty_reward`, one group.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        One sentence per class that is found, and one more where only the straight-line model sees asymmetry.

    Examples
    --------
    >>> row = {"driver": "q1", "n": 90, "linear": "basic", "ordinal": "basic", "factor": "basic"}
    >>> factors_found(pd.DataFrame([row]), names={"q1": "Speed"})
    'Basic: Speed. A low score goes with more loss of satisfaction than a high score with gain.'
    """
    shown = _readable(factors)
    if shown.empty:
        return say("Too few answers to tell whether low scores weigh more than high ones.")
    told = [_told(text, shown, "factor", code, "driver", names) for code, text in FACTORS_FOUND.items()]
    ceiling = shown[(shown["linear"] == "basic") & (shown["ordinal"] != "basic")]
    if len(ceiling):
        text = mark(
            "For {names}, low scores weigh more only if the steps of the outcome are taken as equal; answers "
            "crowded at the top of the scale alone can make it look so."
        )
        told.append(say(text, names=_listed(ceiling["driver"], names)))
    return together(*told)


def factors_advice(factors: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say what follows from the factors, if the association holds.

    Parameters
    ----------
    factors : DataFrame
        ``factors`` of :func:`csatlib.drivers.asymmetry.penalty_reward`, one group.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        One sentence per class that is found, or one that says nothing follows.

    Examples
    --------
    >>> row = {"driver": "q1", "n": 90, "factor": "basic"}
    >>> factors_advice(pd.DataFrame([row]), names={"q1": "Speed"})
    'If the association holds: Keep Speed from ever scoring low before aiming for excellence.'
    """
    shown = _readable(factors)
    told = [_told(text, shown, "factor", code, "driver", names) for code, text in FACTORS_ADVICE.items()]
    if not any(told):
        return say("No priority follows from asymmetry: ask more customers before treating scores differently.")
    return say("If the association holds: {advice}", advice=together(*told))


def categories_found(items: pd.DataFrame) -> str:
    """Say which items belong to which Kano category beyond random variation.

    Parameters
    ----------
    items : DataFrame
        ``items`` of :func:`csatlib.drivers.kano.kano`, one group.

    Returns
    -------
    str
        One sentence per category that is found, and one for what cannot be told.

    Examples
    --------
    >>> rows = {"item": ["Speed", "Music"], "n": 90, "category": ["M", "cannot tell"]}
    >>> categories_found(pd.DataFrame(rows))  # doctest: +ELLIPSIS
    'Must-be (missed when absent, taken for granted when there): Speed. Cannot tell: Music. The two most ...
    """
    shown = _readable(items)
    if shown.empty:
        return say("Too few pairs of answers to tell which category leads.")
    return together(*(_told(text, shown, "category", code, "item", {}) for code, text in CATEGORIES_FOUND.items()))


def lines_enough(fit: pd.DataFrame, bends: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say whether straight lines are enough, or what they leave out.

    Parameters
    ----------
    fit, bends : DataFrame
        Of :func:`csatlib.drivers.validation.validate`.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        One to three sentences.

    Examples
    --------
    >>> fit = {"measure": ["linear", "boosting", "difference"], "n": 300, "estimate": [0.41, 0.39, -0.02]}
    >>> fit |= {"ci_low": [0.3, 0.3, -0.05], "ci_high": [0.5, 0.5, 0.01], "minimum_detectable": 0.04}
    >>> bends = pd.DataFrame({"driver": ["q1"], "n": 300, "p_adjusted": [0.6]})
    >>> lines_enough(pd.DataFrame(fit), bends, names={"q1": "Speed"})  # doctest: +ELLIPSIS
    'Straight lines are enough as far as can be told: for customers left out they foretell 41 % of the ...
    """
    shown = disclosure.protect(fit).set_index("measure")
    if shown["hidden"].any() or shown["indicative"].any() or pd.isna(shown.loc["difference", "ci_low"]):
        return say("Too few answers to tell whether straight lines are enough.")
    gain, r2 = shown.loc["difference"], shown["estimate"]
    bent = bends.loc[bends["p_adjusted"] < LEVEL, "driver"]
    told = []
    if gain["ci_low"] > 0:
        text = mark(
            "Straight lines leave something out: a flexible model foretells {size} points more of the variation "
            "among customers left out ({low} to {high})."
        )
        told.append(say(text, **_points(size=gain["estimate"], low=gain["ci_low"], high=gain["ci_high"])))
    if len(bent):
        text = mark("The line bends along the scale of {names}: one slope does not describe it.")
        told.append(say(text, names=_listed(bent, names)))
    if told:
        return together(*told)
    text = mark(
        "Straight lines are enough as far as can be told: for customers left out they foretell {linear} % of the "
        "variation, a flexible model {boosting} %, and no line bends beyond random variation. A gain of {size} "
        "points would have been seen 8 times in 10."
    )
    sizes = _points(linear=r2["linear"], boosting=r2["boosting"], size=gain["minimum_detectable"])
    return say(text, **sizes)


def _readable(table: pd.DataFrame) -> pd.DataFrame:
    """Rows that rest on enough answers for a class to be named."""
    shown = disclosure.protect(table)
    return shown[~shown["hidden"] & ~shown["indicative"]]


def _told(text: str, shown: pd.DataFrame, column: str, code: str, called: str, names: Mapping[str, str]) -> str:
    found = shown.loc[shown[column] == code, called]
    return say(text, names=_listed(found, names)) if len(found) else ""


def _listed(found: pd.Series, names: Mapping[str, str]) -> str:
    return listed([names.get(code, code) for code in found])


def _points(**shares: float) -> dict[str, str]:
    return {name: theme.number(100 * share, 0) for name, share in shares.items()}
