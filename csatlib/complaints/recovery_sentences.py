"""Sentences on customers after a complaint, beside like customers without one."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import listed, mark, say, together

LEVEL = 0.05
QUOTED = 6
PERCENT = 100
PARTS = {"well": mark("Repaired well"), "badly": mark("Repaired badly")}
MEASURES = {
    "retention": mark("Percent who stay"),
    "satisfaction": mark("Mean satisfaction"),
    "spend": mark("Spend in 30 days"),
}
AFTER = {
    ("well", "retention"): mark(
        "After a good repair {value} % stay, of like customers without a complaint {reference} %: difference "
        "{share} points (95 % interval {low} to {high}, n = {n})."
    ),
    ("badly", "retention"): mark(
        "After a poor repair {value} % stay, of like customers without a complaint {reference} %: difference "
        "{share} points (95 % interval {low} to {high}, n = {n})."
    ),
    ("well", "satisfaction"): mark(
        "Satisfaction after a good repair is {value}, of like customers without a complaint {reference}: "
        "difference {share} (95 % interval {low} to {high}, n = {n})."
    ),
    ("badly", "satisfaction"): mark(
        "Satisfaction after a poor repair is {value}, of like customers without a complaint {reference}: "
        "difference {share} (95 % interval {low} to {high}, n = {n})."
    ),
    ("well", "spend"): mark(
        "Spend in 30 days after a good repair is {value}, of like customers without a complaint {reference}: "
        "difference {share} (95 % interval {low} to {high}, n = {n})."
    ),
    ("badly", "spend"): mark(
        "Spend in 30 days after a poor repair is {value}, of like customers without a complaint {reference}: "
        "difference {share} (95 % interval {low} to {high}, n = {n})."
    ),
}
TOO_FEW = mark("Too few complaints that could be watched to the end to compare what followed.")
NO_CUSTOMERS = mark("This needs a table of customers: without it nobody is there to compare with.")
PARADOX = {
    "like": mark(
        "The recovery paradox is in line with these records: after a good repair customers stay {share} % more "
        "often than like customers without a complaint (95 % interval {low} to {high}); quoted is +6 %."
    ),
    "more": mark(
        "After a good repair customers stay {share} % more often than like customers without a complaint (95 % "
        "interval {low} to {high}); the quoted +6 % lies outside the interval."
    ),
    "less": mark(
        "The recovery paradox is not seen here: after a good repair customers stay {share} % less often than like "
        "customers without a complaint (95 % interval {low} to {high}); quoted is 6 % more often."
    ),
    "open": mark(
        "Cannot tell whether the recovery paradox holds here: after a good repair customers stay between {low} % "
        "and {high} % more often than like customers without a complaint; quoted is +6 %."
    ),
    "apart": mark(
        "After a good repair customers stay between {low} % and {high} % more often than like customers without a "
        "complaint: no difference can be told, and the quoted +6 % lies outside the interval."
    ),
}
VARIABLES = {
    "tenure": mark("Years as a customer"),
    "contacts": mark("Contacts"),
    "unresolved": mark("Unresolved contacts"),
    "waited": mark("Longest wait"),
    "repeats": mark("Contacts again on the same case"),
    "sharp_words": mark("Texts with words of complaint"),
    "score": mark("Last score"),
    "score_missing": mark("No score yet"),
    "spend": mark("Spend"),
    "broken": mark("Broken promises"),
    "complaints": mark("Complaints"),
    "month": mark("Month"),
}


def after(result: pd.DataFrame) -> str:
    """Say how customers fare after a complaint, beside like customers without one.

    Parameters
    ----------
    result : DataFrame
        ``contrasts`` of :func:`csatlib.complaints.recovery`, or some of its rows.

    Returns
    -------
    str
        One or two sentences per row.

    Examples
    --------
    >>> row = {"part": "well", "measure": "retention", "n": 90, "value": 90.0, "value_reference": 95.0}
    >>> row |= {"estimate": -5.0, "ci_low": -9.0, "ci_high": -1.0, "p_adjusted": 0.04, "minimum_detectable": 5.6}
    >>> after(pd.DataFrame([row]))  # doctest: +ELLIPSIS
    'After a good repair 90.0 % stay, of like customers without a complaint 95.0 %: ...
    """
    told = []
    for row in disclosure.protect(result).to_dict("records"):
        if pd.isna(row["estimate"]):
            continue
        digits = 2 if row["measure"] == "satisfaction" else 1
        values = {
            "value": theme.number(row["value"], digits),
            "reference": theme.number(row["value_reference"], digits),
            "share": theme.number(row["estimate"], digits),
            "low": theme.number(row["ci_low"], digits),
            "high": theme.number(row["ci_high"], digits),
        }
        told.append(say(AFTER[row["part"], row["measure"]], n=f"{row['n']:,.0f}", **values))
        told.append(_sure(row, digits))
    return together(*told) or say(TOO_FEW)


def lacking(customers: pd.DataFrame | None) -> str:
    """Say why there is nothing to compare.

    Parameters
    ----------
    customers : DataFrame or None
        The table of customers, if there is one.

    Returns
    -------
    str

    Examples
    --------
    >>> lacking(None)
    'This needs a table of customers: without it nobody is there to compare with.'
    """
    return say(NO_CUSTOMERS) if customers is None else say(TOO_FEW)


def short(result: pd.DataFrame) -> str:
    """Say in one line what goes with a poor repair, else with a good one.

    Parameters
    ----------
    result : DataFrame
        ``contrasts`` of :func:`csatlib.complaints.recovery`.

    Returns
    -------
    str
        One sentence on who stays; "" where no difference is beyond random variation.

    Examples
    --------
    >>> row = {"part": "badly", "measure": "retention", "n": 90, "estimate": -12.0, "p_adjusted": 0.001}
    >>> short(pd.DataFrame([row | {"ci_low": -18.0, "ci_high": -6.0}]))
    'After a poor repair 12 of 100 fewer stay than of like customers without a complaint (95 % interval 6 to 18).'
    """
    text = {
        "badly": mark(
            "After a poor repair {size} of 100 fewer stay than of like customers without a complaint (95 % "
            "interval {low} to {high})."
        ),
        "well": mark(
            "Even after a good repair {size} of 100 fewer stay than of like customers without a complaint (95 % "
            "interval {low} to {high})."
        ),
    }
    shown = disclosure.protect(result[(result["measure"] == "retention") & (result["estimate"] < 0)])
    shown = shown[~shown["hidden"].astype(bool) & (shown["p_adjusted"] < LEVEL)].set_index("part")
    rows = [(text[part], shown.loc[part]) for part in text if part in shown.index]
    if not rows:
        return ""
    sizes = zip(("size", "low", "high"), -rows[0][1][["estimate", "ci_high", "ci_low"]].astype(float), strict=True)
    return say(rows[0][0], **{name: theme.number(value, 0) for name, value in sizes})


def paradox(result: pd.DataFrame) -> str:
    """Say whether well repaired customers stay more often than like ones who never complained.

    Parameters
    ----------
    result : DataFrame
        ``contrasts`` of :func:`csatlib.complaints.recovery`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"part": "well", "measure": "retention", "n": 90, "estimate": -5.0}
    >>> paradox(pd.DataFrame([row | {"relative": -6.0, "relative_low": -9.7, "relative_high": -2.1}]))
    ... # doctest: +ELLIPSIS
    'The recovery paradox is not seen here: after a good repair customers stay 6.0 % less often than like ...
    """
    chosen = result[(result["part"] == "well") & (result["measure"] == "retention")]
    rows = [row for row in disclosure.protect(chosen).to_dict("records") if pd.notna(row["estimate"])]
    if not rows:
        return say(TOO_FEW)
    low, middle, high = (rows[0][name] for name in ("relative_low", "relative", "relative_high"))
    if high < 0:
        kind, low, middle, high = "less", -high, -middle, -low
    elif low > 0:
        kind = "like" if low <= QUOTED <= high else "more"
    else:
        kind = "open" if high >= QUOTED else "apart"
    values = {"share": theme.number(middle, 1), "low": theme.number(low, 1), "high": theme.number(high, 1)}
    return say(PARADOX[kind], **values)


def ceiling(result: pd.DataFrame) -> str:
    """Say where so many stay without a complaint that the quoted figure cannot be reached.

    Parameters
    ----------
    result : DataFrame
        ``contrasts`` of :func:`csatlib.complaints.recovery`.

    Returns
    -------
    str
        One sentence, or "".

    Examples
    --------
    >>> row = {"part": "well", "measure": "retention", "n": 90, "value_reference": 96.0}
    >>> ceiling(pd.DataFrame([row]))
    'More than +4.2 % is not possible here: 96.0 % of those without a complaint stay anyway.'
    """
    chosen = result[(result["part"] == "well") & (result["measure"] == "retention")]
    rows = [row for row in disclosure.protect(chosen).to_dict("records") if pd.notna(row["value_reference"])]
    room = PERCENT * (PERCENT / rows[0]["value_reference"] - 1) if rows else QUOTED
    if room >= QUOTED:
        return ""
    return say(
        "More than +{room} % is not possible here: {reference} % of those without a complaint stay anyway.",
        room=theme.number(room, 1),
        reference=theme.number(rows[0]["value_reference"], 1),
    )


def effective(result: pd.DataFrame, *, part: str, measure: str = "retention") -> str:
    """Say how many customers each side amounts to after weighting.

    Parameters
    ----------
    result : DataFrame
        ``contrasts`` of :func:`csatlib.complaints.recovery`.
    part, measure : str
        The row meant.

    Returns
    -------
    str
        One sentence; "" where nothing was weighted.

    Examples
    --------
    >>> row = {"part": "well", "measure": "retention", "n": 90, "n_reference": 900, "n_eff": 88.0}
    >>> effective(pd.DataFrame([row | {"n_eff_reference": 700.0}]), part="well")
    'After weighting the two sides are worth 88 and 700 customers of equal weight.'
    """
    chosen = result[(result["part"] == part) & (result["measure"] == measure)]
    rows = [row for row in disclosure.protect(chosen).to_dict("records") if pd.notna(row["n_eff"])]
    if not rows:
        return ""
    return say(
        "After weighting the two sides are worth {own} and {others} customers of equal weight.",
        own=theme.number(rows[0]["n_eff"], 0),
        others=theme.number(rows[0]["n_eff_reference"], 0),
    )


def balanced(balance: pd.DataFrame) -> str:
    """Say how far both sides were apart before and after weighting.

    Parameters
    ----------
    balance : DataFrame
        ``balance`` of :func:`csatlib.complaints.recovery`.

    Returns
    -------
    str
        One sentence; "" where nothing was weighted.

    Examples
    --------
    >>> balanced(pd.DataFrame({"n": [90], "n_reference": [900], "smd_before": [-0.4], "smd_after": [0.003]}))
    'Largest difference of what was known before: 0.40 standard deviations before weighting, 0.00 after.'
    """
    shown = disclosure.protect(balance)
    shown = shown[~shown["hidden"].astype(bool)]
    if shown.empty:
        return ""
    before, now = (shown[name].abs().max() for name in ("smd_before", "smd_after"))
    return say(
        "Largest difference of what was known before: {before} standard deviations before weighting, {after} "
        "after.",
        before=theme.number(before, 2),
        after=theme.number(now, 2),
    )


def unmeasured(result: pd.DataFrame) -> str:
    """Say how strong something unmeasured would have to be to account for each difference.

    Parameters
    ----------
    result : DataFrame
        ``contrasts`` of :func:`csatlib.complaints.recovery`.

    Returns
    -------
    str
        One sentence; "" where no difference is beyond random variation.

    Examples
    --------
    >>> row = {"part": "badly", "measure": "retention", "n": 90, "p_adjusted": 0.01, "e_value": 5.2}
    >>> unmeasured(pd.DataFrame([row | {"e_value_limit": 3.1}]))  # doctest: +ELLIPSIS
    'Something not recorded would account for a difference in full only if it went with both the complaint and ...
    """
    rows = disclosure.protect(result).to_dict("records")
    told = [
        say(
            "{measure} ({part}) {value} [interval from {limit}]",
            part=say(PARTS[row["part"]]),
            measure=say(MEASURES[row["measure"]]),
            value=theme.number(row["e_value"], 1),
            limit=theme.number(row["e_value_limit"], 1),
        )
        for row in rows
        if row["p_adjusted"] < LEVEL and not row["hidden"]
    ]
    if not told:
        return ""
    return say(
        "Something not recorded would account for a difference in full only if it went with both the complaint "
        "and what followed by a risk ratio of at least: {parts}.",
        parts=listed(told),
    )


def labelled(result: pd.DataFrame) -> pd.DataFrame:
    """Return contrasts with a reader's names of the outcomes.

    Parameters
    ----------
    result : DataFrame
        ``contrasts`` of :func:`csatlib.complaints.recovery`.

    Returns
    -------
    DataFrame
        With ``label``.

    Examples
    --------
    >>> labelled(pd.DataFrame({"measure": ["spend"]}))["label"].tolist()
    ['Spend in 30 days']
    """
    return result.assign(label=[say(MEASURES[measure]) for measure in result["measure"]])


def known(row: Mapping[str, Any], *, names: Mapping[str, str]) -> str:
    """Name what was known before.

    Parameters
    ----------
    row, names : mapping
        One row of ``balance`` of :func:`csatlib.complaints.recovery`; what a reader calls each column.

    Returns
    -------
    str

    Examples
    --------
    >>> known({"variable": "region", "category": "North"}, names={"region": "Region"})
    'Region: North'
    """
    found = VARIABLES.get(row["variable"])
    name = say(found) if found else names.get(row["variable"], row["variable"])
    name = name[:1].upper() + name[1:]
    return say("{name}: {category}", name=name, category=row["category"]) if row["category"] else name


def _sure(row: Mapping[str, Any], digits: int) -> str:
    if row["p_adjusted"] < LEVEL:
        return say("That is beyond random variation.")
    return say(
        "Cannot tell: a difference of {size} would have been detected 8 times in 10.",
        size=theme.number(row["minimum_detectable"], digits),
    )
