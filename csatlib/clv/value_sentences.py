"""Whole sentences about what customers are worth, how far that held before, and who moved between tiers."""

import numpy as np
import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import mark, say, together

LEVEL = 0.05
SMALL = 2.0  # percent under which a miss has a decimal
FEW = 5  # forecasts from which a common side is said
MOSTLY = 0.9  # share of earlier forecasts whose range should have held
WENT = {
    "rose": mark("{measure}: {size} ({span}) among those who rose a tier, beside those who kept theirs."),
    "fell": mark("{measure}: {size} ({span}) among those who fell a tier, beside those who kept theirs."),
    "gone": mark("{measure}: {size} ({span}) among those who left, beside those who kept their tier."),
}
ASIDE = {
    True: mark("All of them were too low: expect a little more than the middle of the range."),
    False: mark("All of them were too high: expect a little less than the middle of the range."),
}
MOVED = {
    True: mark(
        "Beside the {months} months before, {rose} % of customers rose a tier, {fell} % fell and {gone} % left."
    ),
    False: mark(
        "Beside the {months} months before, {rose} % of customers rose a tier, {fell} % fell and {gone} % bought "
        "nothing."
    ),
}
LIMITS = {"value": "estimate", "low": "ci_low", "high": "ci_high"}
TIERS = {
    "all": mark("All customers"),
    "gone": mark("Left"),
    "rose": mark("Rose"),
    "kept": mark("Kept"),
    "fell": mark("Fell"),
}
SCORES = {"low": mark("Low score"), "middle": mark("Middle score"), "high": mark("High score")}


def money(value: float) -> str:
    """Round money to three digits, as a range of some percent deserves.

    Parameters
    ----------
    value : float
        Money, major units.

    Returns
    -------
    str
        The number as text.

    Examples
    --------
    >>> money(912984.2), money(383.1)
    ('913,000', '383')
    """
    return theme.number(float(f"{value:.3g}") if pd.notna(value) else value, 0)


def labelled(result: pd.DataFrame, *, column: str = "group", contract: bool = True) -> pd.DataFrame:
    """Put a reader's words for tiers, directions and levels of satisfaction into ``label``.

    Parameters
    ----------
    result : DataFrame
        A result with such a column.
    column : str
        That column.
    contract : bool
        Whether customers who are gone are known to have left, or only bought nothing.

    Returns
    -------
    DataFrame
        A copy with ``label``; other values stay as they are.

    Examples
    --------
    >>> labelled(pd.DataFrame({"group": ["all", "A", "low"]}))["label"].tolist()
    ['All customers', 'Tier A', 'Low score']
    """
    words = {name: say(text) for name, text in (TIERS | SCORES).items()}
    words |= {} if contract else {"gone": say("Bought nothing")}
    words |= {chr(65 + at): say("Tier {name}", name=chr(65 + at)) for at in range(10)}
    return result.assign(label=result[column].replace(words))


def worth(total: pd.DataFrame, *, currency: str, horizon: float, contract: bool) -> str:
    """Say what today's customers are worth.

    Parameters
    ----------
    total : DataFrame
        ``total`` of :func:`csatlib.clv.lifetime_value`.
    currency : str
        Its code.
    horizon : float
        Months valued.
    contract : bool
        Whether customers are under contract.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"level": "all", "group": "all", "measure": "value", "n": 2383, "estimate": 912984.0}
    >>> row |= {"ci_low": 889742.0, "ci_high": 944179.0}
    >>> worth(pd.DataFrame([row]), currency="EUR", horizon=36, contract=True)
    'The 2,383 customers of today are worth EUR 913,000 over the next 36 months (range 890,000 to 944,000).'
    """
    shown = disclosure.protect(total.query("level == 'all' and measure == 'value'"))
    if shown.empty or shown["hidden"].any():
        return say("Too few customers to value.")
    row = shown.iloc[0]
    places = {name: money(row[column]) for name, column in LIMITS.items()}
    places |= {"n": f"{row['n']:,.0f}", "currency": currency}
    if np.isinf(horizon):
        return say(
            "The {n} customers known today are worth {currency} {value} in all (range {low} to {high}).", **places
        )
    text = (
        mark(
            "The {n} customers of today are worth {currency} {value} over the next {months} months "
            "(range {low} to {high})."
        )
        if contract
        else mark(
            "The {n} customers who ever bought are worth {currency} {value} over the next {months} months "
            "(range {low} to {high})."
        )
    )
    return say(text, months=f"{horizon:g}", **places)


def concentrated(total: pd.DataFrame) -> str:
    """Say how much of the value the first tier holds.

    Parameters
    ----------
    total : DataFrame
        ``total`` of :func:`csatlib.clv.lifetime_value`.

    Returns
    -------
    str
        One sentence, empty where it cannot be said.

    Examples
    --------
    >>> row = {"level": "tier", "group": "A", "measure": "share_of_value", "n": 477, "share": 0.2}
    >>> concentrated(pd.DataFrame([row | {"estimate": 33.1, "ci_low": 32.2, "ci_high": 34.1}]))
    'Tier A, 20 % of customers, holds 33 % of the value (32 to 34 %).'
    """
    shown = disclosure.protect(total.query("level == 'tier' and measure == 'share_of_value'")).head(1)
    if shown.empty or shown["hidden"].any():
        return ""
    row = shown.iloc[0]
    places = {name: theme.number(row[column], 0) for name, column in LIMITS.items()}
    return say(
        "Tier A, {share} % of customers, holds {value} % of the value ({low} to {high} %).",
        share=theme.number(100 * row["share"], 0),
        **places,
    )


def held(result: pd.DataFrame) -> str:
    """Say how often earlier forecasts held, and how to read the range in the light of that.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.value_holdouts`.

    Returns
    -------
    str
        One to three sentences.

    Examples
    --------
    >>> rows = {"n": 90, "error_percent": [-2.0, 5.1], "covered": [True, False]}
    >>> held(pd.DataFrame(rows)).split(". ")[0]
    'Of 2 earlier forecasts, 1 had what was then paid within the range; the largest miss was 5 %'
    """
    shown = disclosure.protect(result)
    shown = shown[~shown["hidden"]]
    if shown.empty:
        return say(
            "The records are too short to try the forecast on earlier months: nothing tells how far it holds."
        )
    miss = _largest(shown)
    hits = int(shown["covered"].sum())
    first = say(
        "Of {n} earlier forecasts, {hits} had what was then paid within the range; the largest miss was {size} %.",
        n=str(len(shown)),
        hits=str(hits),
        size=miss,
    )
    if (side := _side(shown)) and hits >= MOSTLY * len(shown):
        return together(first, side)
    if hits >= MOSTLY * len(shown):
        return together(first, say("The months overlap, so this is fewer trials than it seems."))
    return together(
        first,
        *([side] if side else []),
        say(
            "The range is too narrow: seasons and other changes are not in the model. Allow for a miss of {size} "
            "% either way.",
            size=miss,
        ),
    )


def caution(result: pd.DataFrame) -> str:
    """Warn of the range where earlier ranges did not hold.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.value_holdouts`.

    Returns
    -------
    str
        A sentence, or nothing where they held.

    Examples
    --------
    >>> caution(pd.DataFrame({"n": [90] * 2, "error_percent": [-20.0, 5.1], "covered": [False, True]}))
    'Do not take the range at its word: earlier forecasts missed by up to 20 %.'
    """
    shown = disclosure.protect(result)
    shown = shown[~shown["hidden"]]
    if shown.empty:
        return say("Nothing tells yet how far this holds.")
    if shown["covered"].sum() >= MOSTLY * len(shown):
        return ""
    return say(
        "Do not take the range at its word: earlier forecasts missed by up to {size} %.",
        size=_largest(shown),
    )


def _largest(shown: pd.DataFrame) -> str:
    """Size of the largest miss in percent, with a decimal where it is small."""
    miss = shown["error_percent"].abs().max()
    return theme.number(miss, 1 if miss < SMALL else 0)


def _side(shown: pd.DataFrame) -> str:
    """Tell where all of several forecasts missed on one side."""
    low = shown["error_percent"].lt(0)
    if len(shown) < FEW or (low.any() and not low.all()):
        return ""
    return say(ASIDE[bool(low.all())])


def tried(result: pd.DataFrame, *, months: int) -> pd.DataFrame:
    """Lay out earlier forecasts for a table: what was paid beside the range, and whether it lay within.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.value_holdouts`.
    months : int
        Months of a forecast.

    Returns
    -------
    DataFrame
        With ``label``, ``paid`` and ``inside``, texts.

    Examples
    --------
    >>> rows = {"period": ["2026-01"], "n": 90, "value": 1234.0, "estimate": 1200.0, "covered": [True]}
    >>> tried(pd.DataFrame(rows), months=3)[["label", "paid", "inside"]].values.tolist()
    [['3 months after 2026-01', '1,234', 'within']]
    """
    shown = disclosure.protect(result)
    within = {True: say("within"), False: say("outside")}
    return shown.assign(
        label=[say("{months} months after {period}", months=str(months), period=p) for p in shown["period"]],
        paid=[theme.HIDDEN if pd.isna(v) else theme.number(v, 0) for v in shown["value"]],
        inside=[
            theme.HIDDEN if h else within[bool(c)] for h, c in zip(shown["hidden"], shown["covered"], strict=True)
        ],
    )


def moved(directions: pd.DataFrame, *, months: int, contract: bool) -> str:
    """Say how many customers rose, fell and went.

    Parameters
    ----------
    directions : DataFrame
        ``directions`` of :func:`csatlib.clv.migration`.
    months : int
        Months of a span.
    contract : bool
        As in :func:`worth`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> rows = {"group": "all", "part": ["rose", "kept", "fell", "gone"], "n": 90, "estimate": [6.0, 80, 7, 7]}
    >>> moved(pd.DataFrame(rows | {"ci_low": 5.0, "ci_high": 81.0}), months=6, contract=True)[:58]
    'Beside the 6 months before, 6 % of customers rose a tier, '
    """
    shown = disclosure.protect(directions.query("group == 'all'")).set_index("part")
    if shown.empty or shown["hidden"].any():
        return say("Too few customers to follow between tiers.")
    places = {part: theme.number(shown.loc[part, "estimate"], 0) for part in ("rose", "fell", "gone")}
    return say(MOVED[contract], months=str(months), **places)


def went_with(result: pd.DataFrame, *, names: dict[str, str]) -> str:
    """Name what differed, beyond random variation, between those who moved and those who kept their tier.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.moved_with`.
    names : dict of str to str
        What readers call the measures.

    Returns
    -------
    str
        A sentence for each, or one that there is none.

    Examples
    --------
    >>> row = {"group": "gone", "measure": "s", "n": 90, "n_reference": 900, "estimate": -0.43, "ci_low": -0.67}
    >>> went_with(pd.DataFrame([row | {"ci_high": -0.18, "p_adjusted": 0.003}]), names={"s": "Last score"})
    'Last score: −0.43 (−0.67 to −0.18) among those who left, beside those who kept their tier.'
    """
    shown = disclosure.protect(result)
    apart = shown[(shown["p_adjusted"] < LEVEL) & ~shown["hidden"] & ~shown["indicative"]]
    if apart.empty:
        return say(
            "Nothing measured here differed beyond random variation between those who moved and the others."
        )
    told = []
    for row in apart.to_dict("records"):
        low, high = (theme.number(row[c], 2, sign=True) for c in ("ci_low", "ci_high"))
        told.append(
            say(
                WENT[row["group"]],
                measure=names.get(row["measure"], row["measure"]),
                size=theme.number(row["estimate"], 2, sign=True),
                span=say("{low} to {high}", low=low, high=high),
            )
        )
    return together(*told)
