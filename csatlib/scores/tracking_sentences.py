"""Whole sentences about a control chart, an outlook and a funnel."""

from typing import Any

import pandas as pd

from csatlib import disclosure, theme
from csatlib.stats.control.series import ENOUGH
from csatlib.stats.control.signals import BEYOND
from csatlib.words import listed, mark, say, together

A_YEAR_TWICE = 24
LEVEL = 0.05
TOLD = {
    "above": mark("{label}: {periods} above the limits, beyond random variation."),
    "below": mark("{label}: {periods} below the limits, beyond random variation."),
    "run above": mark("{label}: up to {periods}, {run} or more periods in a row above the usual level."),
    "run below": mark("{label}: up to {periods}, {run} or more periods in a row below the usual level."),
}


def charted(chart: pd.DataFrame, *, label: str | None = None) -> str:
    """Say what a control chart shows: which periods signal, and by which rule.

    Parameters
    ----------
    chart : DataFrame
        One chart from :func:`csatlib.scores.control_chart`, or its last periods.
    label : str, optional
        What a reader calls the score; default: the ``label`` of the chart.

    Returns
    -------
    str
        Whole sentences.

    Examples
    --------
    >>> rows = pd.DataFrame({"period": ["2026-01", "2026-02"], "n": 90, "estimate": [40.0, 10.0], "center": 40.0})
    >>> rows = rows.assign(lcl=30.0, ucl=50.0, signal=[False, True], rule=["", "beyond limits"])
    >>> charted(rows, label="NPS")
    'NPS: 2026-02 below the limits, beyond random variation.'
    """
    label = label or str(chart["label"].iloc[0])
    drawn = _drawn(chart)
    if drawn.empty:
        return say("{label}: too few periods to draw limits.", label=label)
    told = [say(TOLD[how], label=label, **places) for how, places in _signals(drawn)]
    if told:
        return together(*told)
    first, last = drawn["period"].iloc[0], drawn["period"].iloc[-1]
    return say(
        "{label}: from {first} to {last} nothing beyond random variation.", label=label, first=first, last=last
    )


def trusted(chart: pd.DataFrame) -> str:
    """Say how far a control chart can be trusted: what it would miss, and what it flags by chance.

    Parameters
    ----------
    chart : DataFrame
        As for :func:`charted`.

    Returns
    -------
    str
        Whole sentences; none where no limits are drawn.

    Examples
    --------
    >>> rows = pd.DataFrame({"period": ["2026-01", "2026-02"], "n": 90, "estimate": 40.0, "center": 40.0})
    >>> rows = rows.assign(lcl=30.0, ucl=50.0, signal=False, rule="", provisional=False, adjustment="none")
    >>> rows = rows.assign(expected_false_signals=0.1, chance_of_false_signal=0.1, n_reference=90)
    >>> trusted(rows)  # doctest: +ELLIPSIS
    'A single period shows only where it moves by about 10.0 or more. If nothing had happened, ...
    """
    drawn = _drawn(chart)
    if drawn.empty:
        return ""
    last = drawn.iloc[-1]
    size = theme.number((last["ucl"] - last["lcl"]) / 2, int(last.get("decimals", 1)))
    reach = say("A single period shows only where it moves by about {reach} or more.", reach=size)
    return together(reach, _expected(chart), _trust(drawn), _season(chart))


def _drawn(chart: pd.DataFrame) -> pd.DataFrame:
    shown = disclosure.protect(chart)
    return shown[shown["center"].notna() & ~shown["hidden"]]


def ahead(outlook: pd.DataFrame, *, label: str | None = None) -> str:
    """Say where a score is expected in the next period, or that "no change" is as good a guess.

    Parameters
    ----------
    outlook : DataFrame
        Rows of one score from :func:`csatlib.scores.outlook`.
    label : str, optional
        What a reader calls the score; default: the ``label`` of the table.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"label": "NPS", "ahead": 1, "period": "2026-11", "n": 300, "last": 22.6, "status": "told"}
    >>> row |= {"estimate": 18.7, "ci_low": 9.3, "ci_high": 28.0, "error": 3.4, "error_no_change": 3.9}
    >>> ahead(pd.DataFrame([row | {"decimals": 0, "origins": 10}]))  # doctest: +ELLIPSIS
    'NPS: 19 is expected for 2026-11, with 9 to 28 in 19 of 20 such forecasts, if all goes on as before. ...
    """
    row = disclosure.protect(outlook).iloc[0]
    label = label or str(row["label"])
    decimals = int(row.get("decimals", 0))
    if row["hidden"] or row["status"] == "too few periods":
        return say("{label}: too few periods to test a forecast, so none is given.", label=label)
    errors = {name: theme.number(row[name], decimals + 1) for name in ("error", "error_no_change")}
    tested = say(
        "In {origins} tests on the past it missed by {error} on average, the last value by {error_no_change}.",
        origins=row["origins"],
        **errors,
    )
    if row["status"] != "told":
        text = mark("{label}: no forecast is given, as none does better than the last value, {last}.")
        return together(say(text, label=label, last=theme.number(row["last"], decimals)), tested)
    text = mark(
        "{label}: {value} is expected for {period}, with {low} to {high} in 19 of 20 such forecasts, if all goes "
        "on as before."
    )
    places = {"value": "estimate", "low": "ci_low", "high": "ci_high"}
    numbers = {place: theme.number(row[column], decimals) for place, column in places.items()}
    return together(say(text, label=label, period=row["period"], **numbers), tested)


def placed(funnel: pd.DataFrame, *, name: str) -> str:
    """Say which units lie outside the usual range; units inside it are not ranked.

    Parameters
    ----------
    funnel : DataFrame
        From :func:`csatlib.scores.units`.
    name : str
        What a reader calls the column of the units.

    Returns
    -------
    str
        Whole sentences.

    Examples
    --------
    >>> rows = pd.DataFrame({"group": ["A", "B", "C"], "n": 90, "n_eff": 90, "status": "in range", "n_units": 3})
    >>> placed(rows, name="region")
    'By region, all 3 lie in the range usual for their number of answers; between them is no ranking.'
    """
    shown = disclosure.protect(funnel)
    shown = shown[~shown["hidden"]]
    if shown.empty:
        return say("By {name}, too few answers to compare.", name=name)
    if (shown["status"] == "too few units").all():
        return say("By {name}, fewer than three have enough answers to tell what is usual.", name=name)
    outside = {side: shown.loc[shown["status"] == side, "group"].tolist() for side in ("above", "below")}
    texts = {
        "above": mark("Above the range usual for their number of answers ({name}): {groups}."),
        "below": mark("Below the range usual for their number of answers ({name}): {groups}."),
    }
    told = [say(texts[side], name=name, groups=listed(groups)) for side, groups in outside.items() if groups]
    if told:
        return together(*told)
    text = mark(
        "By {name}, all {n} lie in the range usual for their number of answers; between them is no ranking."
    )
    return say(text, name=name, n=int(shown["n_units"].iloc[0]))


def by_chance(funnel: pd.DataFrame) -> str:
    """Say how many units would lie outside by chance, and whether units differ taken together.

    Parameters
    ----------
    funnel : DataFrame
        From :func:`csatlib.scores.units`.

    Returns
    -------
    str
        Whole sentences; none where no range is drawn.

    Examples
    --------
    >>> rows = pd.DataFrame({"group": ["A", "B", "C"], "n": 90, "n_eff": 90, "status": "in range", "n_units": 3})
    >>> by_chance(rows.assign(between_sd=0.0, p_alike=0.3, expected_outer=0.006, expected_inner=0.15))
    'By chance alone, 0.01 of 3 would lie outside that range and 0.1 near its edge.'
    """
    shown = disclosure.protect(funnel)
    shown = shown[~shown["hidden"]]
    if shown.empty or (shown["status"] == "too few units").all():
        return ""
    first = shown.iloc[0]
    chance = say(
        "By chance alone, {outer} of {n} would lie outside that range and {inner} near its edge.",
        n=int(first["n_units"]),
        outer=theme.number(first["expected_outer"], 2),
        inner=theme.number(first["expected_inner"] - first["expected_outer"], 1),
    )
    edge = int((shown["status"] == "near the edge").sum())
    near = say("Near its edge: {n}.", n=edge) if edge else ""
    few = int((shown["status"] == "too few answers").sum())
    left = say("Not judged, with too few answers: {n}.", n=few) if few else ""
    return together(near, chance, _spread(first), left)


def _spread(first: pd.Series) -> str:
    """Say whether the units differ taken together, although few stand out one by one."""
    if first["between_sd"] > 0:
        return say("The range holds the usual difference between them, beyond sampling.")
    if first["p_alike"] < LEVEL:
        return say("Taken together, they differ beyond random variation.")
    return ""


def _signals(drawn: pd.DataFrame) -> list[tuple[str, dict[str, Any]]]:
    """Kinds of signals with the periods: all beyond the limits, the last of each run."""
    seen = drawn[drawn["signal"] & ~drawn["indicative"]]
    up = seen["estimate"] > seen["center"]
    found = []
    for side, rows in (("above", seen[up]), ("below", seen[~up])):
        beyond = rows.loc[rows["rule"].str.contains(BEYOND), "period"].astype(str).tolist()
        if beyond:
            found.append((side, {"periods": listed(beyond)}))
        runs = rows[rows["rule"].str.contains("on one side")]
        lasting = runs[~(runs.index + 1).isin(runs.index)]["period"].astype(str).tolist()
        if lasting:
            run = runs["rule"].str.extract(r"(\d+) on one side")[0].iloc[0]
            found.append((f"run {side}", {"periods": listed(lasting), "run": run}))
    return found


def _expected(chart: pd.DataFrame) -> str:
    row = chart.iloc[0]
    return say(
        "If nothing had happened, such a chart would flag {expected} periods on average, and {chance} % of such "
        "charts at least one.",
        expected=theme.number(row["expected_false_signals"], 2),
        chance=theme.number(100 * row["chance_of_false_signal"], 0),
    )


def _trust(drawn: pd.DataFrame) -> str:
    told = []
    last = drawn.iloc[-1]
    if last["provisional"]:
        told.append(say("The limits are provisional: fewer than {n} periods stand behind them.", n=ENOUGH))
    if last["adjustment"] != "none":
        text = mark("Neighbouring periods resemble each other (correlation {r}), so the limits are wider.")
        told.append(say(text, r=theme.number(last["autocorrelation"], 2)))
    return together(*told)


def _season(chart: pd.DataFrame) -> str:
    months = chart["period"].astype(str).str.fullmatch(r"\d{4}-\d\d").all()
    if not months or "n_reference" in chart.columns or len(chart) >= A_YEAR_TWICE:
        return ""
    return say("With fewer than {n} months, a season cannot be told from a change.", n=A_YEAR_TWICE)
