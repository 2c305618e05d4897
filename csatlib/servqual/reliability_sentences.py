"""Whole sentences made from the reliability of SERVQUAL dimensions."""

import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import listed, mark, say, together

USUAL = 0.7
PLACES = {
    "expectation": mark("{label} as expected"),
    "perception": mark("{label} as received"),
    "gap": mark("{label} as a gap"),
}
STANDS_APART = {
    "expectation": mark("as expected it hardly moves with the others (correlation {size}, {low} to {high})"),
    "perception": mark("as received it hardly moves with the others (correlation {size}, {low} to {high})"),
    "gap": mark("its gap hardly moves with the gaps of the others (correlation {size}, {low} to {high})"),
}
SPOILS = {
    "expectation": mark("as expected alpha is {size} higher without it ({low} to {high})"),
    "perception": mark("as received alpha is {size} higher without it ({low} to {high})"),
    "gap": mark("alpha of the gaps is {size} higher without it ({low} to {high})"),
}
UNDER = mark(
    "{names}: the statements move together less than is usual, alpha {range}, under {usual} beyond random "
    "variation; read them one by one."
)


def consistency(dimensions: pd.DataFrame) -> str:
    """Say whether the statements of each dimension move together, as expected and as received.

    Parameters
    ----------
    dimensions : DataFrame
        ``dimensions`` of :func:`csatlib.servqual.reliability`.

    Returns
    -------
    str
        One to three sentences; 0.70 is the usual least alpha (Nunnally), and who straddles it is named.

    Examples
    --------
    >>> table = pd.DataFrame({"level": "dimension", "label": ["Speed", "Care"], "measure": "perception"})
    >>> table = table.assign(statistic="alpha", estimate=[0.81, 0.76], ci_low=[0.75, 0.66], ci_high=0.85, n=90)
    >>> consistency(table)  # doctest: +NORMALIZE_WHITESPACE
    'The statements of each dimension move together: alpha 0.76 to 0.81. Whether Care as received reaches the
    usual 0.70 cannot be told.'
    """
    rows = dimensions[(dimensions["statistic"] == "alpha") & (dimensions["measure"] != "gap")]
    rows, single = _usable(rows)
    if rows.empty and single:
        return say("One statement alone has no alpha: {names}.", names=listed(single))
    if rows.empty:
        return say("Too few customers answered all statements of a dimension to say whether they move together.")
    under, straddling = rows[rows["ci_high"] < USUAL], rows[(rows["ci_low"] < USUAL) & (rows["ci_high"] >= USUAL)]
    rest, places = rows.drop(under.index), {"usual": theme.number(USUAL)}
    told = []
    if len(under):
        told = [say(UNDER, names=_names(under), range=_range(under), **places)]
    if len(rest):
        opening = _opening(rows, under)
        told.append(say(opening, range=_range(rest)))
    if len(straddling) == 1:
        told.append(
            say("Whether {names} reaches the usual {usual} cannot be told.", names=_names(straddling), **places)
        )
    elif len(straddling):
        told.append(
            say("Whether {names} reach the usual {usual} cannot be told.", names=_names(straddling), **places)
        )
    if single:
        told.append(say("One statement alone has no alpha: {names}.", names=listed(single)))
    return together(*told)


def difference(dimensions: pd.DataFrame) -> str:
    """Say how reliable the gap is as a difference score, and what a low value does and does not touch.

    Parameters
    ----------
    dimensions : DataFrame
        ``dimensions`` of :func:`csatlib.servqual.reliability`.

    Returns
    -------
    str
        Two sentences, with those under 0.70 beyond random variation named.

    Examples
    --------
    >>> table = pd.DataFrame({"level": "dimension", "label": ["Speed", "Care"], "measure": "gap", "n": 90})
    >>> table = table.assign(statistic="difference_score", estimate=[0.75, 0.5], ci_low=0.3, ci_high=[0.8, 0.6])
    >>> difference(table)  # doctest: +NORMALIZE_WHITESPACE
    'As a difference of two scores, the gap of a dimension has a reliability of 0.50 to 0.75. Low values (Care)
    weaken how the gap moves with other measures, such as satisfaction; the mean gap is not touched.'
    """
    if not (dimensions["measure"] == "gap").any():
        return say("Only one side was asked: there are no gaps, so no difference of two scores.")
    rows, _ = _usable(dimensions[dimensions["statistic"] == "difference_score"])
    if rows.empty:
        return say("How reliable the gaps are as differences of two scores cannot be told.")
    told = say(
        "As a difference of two scores, the gap of a dimension has a reliability of {range}.", range=_range(rows)
    )
    under = rows[rows["ci_high"] < USUAL]
    if under.empty:
        return together(
            told,
            say(
                "Low values would weaken how the gap moves with other measures, such as satisfaction; the "
                "mean gap is not touched."
            ),
        )
    return together(
        told,
        say(
            "Low values ({names}) weaken how the gap moves with other measures, such as satisfaction; the "
            "mean gap is not touched.",
            names=listed(list(under["label"])),
        ),
    )


def reconsider(items: pd.DataFrame) -> str:
    """Name the statements that stand apart from the others of their dimension, beyond random variation.

    Parameters
    ----------
    items : DataFrame
        ``items`` of :func:`csatlib.servqual.reliability`.

    Returns
    -------
    str
        One sentence per statement and what to do, or that there is none.

    Examples
    --------
    >>> row = {"item": "q1", "label": "Fair price", "measure": "perception", "statistic": "alpha_change", "n": 90}
    >>> row |= {"estimate": 0.08, "ci_low": 0.03, "ci_high": 0.15, "reconsider": True}
    >>> reconsider(pd.DataFrame([row]))  # doctest: +NORMALIZE_WHITESPACE
    'Fair price: as received alpha is 0.08 higher without it (0.03 to 0.15). Check the wording first: a dimension
    without a statement means something else.'
    """
    shown = disclosure.protect(items)
    shown = shown[~shown["hidden"] & ~shown["indicative"] & shown["estimate"].notna()]
    if shown.empty:
        return say("Whether a statement stands apart from the others of its dimension cannot be told.")
    found = shown[shown["reconsider"]]
    if found.empty:
        return say("No statement stands apart from the others of its dimension beyond random variation.")
    told = []
    for _, rows in found.groupby("item", sort=False):
        parts = [_reason(row) for row in rows.itertuples()]
        told.append(say("{label}: {parts}.", label=rows["label"].iloc[0], parts=listed(parts)))
    told.append(say("Check the wording first: a dimension without a statement means something else."))
    return together(*told)


def _usable(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Keep figures of dimensions on large enough bases, and name dimensions of a single statement."""
    if (rows["level"] == "dimension").any():
        rows = rows[rows["level"] == "dimension"]
    single = [] if "n_items" not in rows else list(dict.fromkeys(rows.loc[rows["n_items"] == 1, "label"]))
    shown = disclosure.protect(rows)
    return shown[~shown["hidden"] & ~shown["indicative"] & shown["estimate"].notna()], single


def _opening(rows: pd.DataFrame, under: pd.DataFrame) -> str:
    if len(under):
        return mark("For all others alpha is {range}.")
    if not (rows["ci_low"] > 0).all():
        return mark("Whether the statements move together is not sure: alpha is {range}.")
    if (rows["level"] == "overall").all():
        return mark("The statements move together: alpha {range}.")
    return mark("The statements of each dimension move together: alpha {range}.")


def _range(rows: pd.DataFrame) -> str:
    low, high = theme.number(rows["estimate"].min()), theme.number(rows["estimate"].max())
    return low if low == high else say("{low} to {high}", low=low, high=high)


def _names(rows: pd.DataFrame) -> str:
    return listed([say(PLACES[row.measure], label=row.label) for row in rows.itertuples()])


def _reason(row: tuple) -> str:
    why = STANDS_APART if row.statistic == "item_total" else SPOILS
    low, high = theme.number(row.ci_low), theme.number(row.ci_high)
    return say(why[row.measure], size=theme.number(row.estimate), low=low, high=high)
