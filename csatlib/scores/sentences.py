"""Whole sentences made from scores and their changes, so that they stay true for another month."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from csatlib import disclosure, theme
from csatlib.tiles import verdict
from csatlib.words import listed, mark, say, together

LEVEL = 0.05
MOVED = {
    ("better", "previous"): mark("{label} is better than in {reference}, by {size} ({low} to {high})."),
    ("worse", "previous"): mark("{label} is worse than in {reference}, by {size} ({low} to {high})."),
    ("better", "last_year"): mark(
        "{label} is better than a year before ({reference}), by {size} ({low} to {high})."
    ),
    ("worse", "last_year"): mark(
        "{label} is worse than a year before ({reference}), by {size} ({low} to {high})."
    ),
    ("better", "target"): mark("{label} is above its target, by {size} ({low} to {high})."),
    ("worse", "target"): mark("{label} misses its target, by {size} ({low} to {high})."),
}
PLACED = {
    ("better", "previous"): mark("{group}: better than in {reference}, by {size} ({low} to {high}, n = {n})."),
    ("worse", "previous"): mark("{group}: worse than in {reference}, by {size} ({low} to {high}, n = {n})."),
    ("better", "last_year"): mark("{group}: better than in {reference}, by {size} ({low} to {high}, n = {n})."),
    ("worse", "last_year"): mark("{group}: worse than in {reference}, by {size} ({low} to {high}, n = {n})."),
    ("better", "target"): mark("{group}: above the target, by {size} ({low} to {high}, n = {n})."),
    ("worse", "target"): mark("{group}: misses the target, by {size} ({low} to {high}, n = {n})."),
    ("better", "rest"): mark("{group}: better than all others, by {size} ({low} to {high}, n = {n})."),
    ("worse", "rest"): mark("{group}: worse than all others, by {size} ({low} to {high}, n = {n})."),
}


def moved(changes: pd.DataFrame) -> str:
    """Say which headlines moved beyond random variation, and against what.

    Parameters
    ----------
    changes : DataFrame
        From :func:`csatlib.scores.headlines`.

    Returns
    -------
    str
        One sentence per movement, or one that says there is none.

    Examples
    --------
    >>> row = {"label": "NPS", "comparison": "previous", "reference": "2026-09", "n": 300, "p_adjusted": 0.4}
    >>> moved(pd.DataFrame([row | {"estimate": 3.0, "ci_low": -5.0, "ci_high": 11.0, "decimals": 0}]))
    'NPS: whether it moved from 2026-09 cannot be told.'
    """
    found = [(verdict(row), row) for row in _judged(changes)]
    told = [_differs(MOVED[judged, row["comparison"]], row) for judged, row in found if judged != "unknown"]
    if told:
        return together(*told)
    names = list(dict.fromkeys(row["label"] for _, row in found))
    earlier = list(dict.fromkeys(row["reference"] for _, row in found if row["comparison"] == "previous"))
    if not names:
        return say("There is no earlier period and no target to compare with.")
    if not earlier:
        return say("{names}: whether anything moved cannot be told.", names=listed(names))
    return say(
        "{names}: whether it moved from {reference} cannot be told.", names=listed(names), reference=earlier[0]
    )


def figures(levels: pd.DataFrame) -> str:
    """Give each headline with interval and n.

    Parameters
    ----------
    levels : DataFrame
        From :func:`csatlib.scores.headlines`.

    Returns
    -------
    str
        One sentence per headline.

    Examples
    --------
    >>> row = {"label": "NPS", "unit": "points", "n": 300, "estimate": 23.3, "ci_low": 15.0, "ci_high": 31.0}
    >>> figures(pd.DataFrame([row | {"decimals": 0}]))
    'NPS: 23 points (95 % interval 15 to 31, n = 300).'
    """
    rows = [row for row in disclosure.protect(levels).to_dict("records") if not row["hidden"]]
    if not rows:
        return say("Too few answers to show a figure.")
    text = mark("{label}: {value} {unit} (95 % interval {low} to {high}, n = {n}).")
    return together(
        *(
            say(text, label=row["label"], unit=row["unit"], value=_number(row, "estimate"), **_span(row))
            for row in rows
        )
    )


def visible(changes: pd.DataFrame) -> str:
    """Say the smallest change against the period before that would be seen in 8 of 10 cases.

    Parameters
    ----------
    changes : DataFrame
        From :func:`csatlib.scores.headlines` or :func:`csatlib.scores.change`.

    Returns
    -------
    str
        One sentence per headline.

    Examples
    --------
    >>> row = {"label": "NPS", "comparison": "previous", "unit": "points", "n": 300, "minimum_detectable": 16.1}
    >>> visible(pd.DataFrame([row | {"decimals": 0}]))
    'NPS: a true change of 16 points from one period to the next would be seen in 8 of 10 cases.'
    """
    rows = [row for row in _judged(changes) if row["comparison"] == "previous" and not row["hidden"]]
    text = mark(
        "{label}: a true change of {size} {unit} from one period to the next would be seen in 8 of 10 cases."
    )
    return together(
        *(
            say(text, label=row["label"], unit=row["unit"], size=_number(row, "minimum_detectable"))
            for row in rows
            if pd.notna(row["minimum_detectable"])
        )
    )


def where(changes: pd.DataFrame, *, name: str) -> str:
    """Name the groups that moved, miss the target or differ from the rest beyond random variation.

    Parameters
    ----------
    changes : DataFrame
        From :func:`csatlib.scores.change` with `by`, with ``decimals``.
    name : str
        What a reader calls the column.

    Returns
    -------
    str
        One sentence per group and comparison, or one that says there is none.

    Examples
    --------
    >>> row = {"group": "North", "comparison": "rest", "n": 60, "estimate": -20.0, "p_adjusted": 0.01}
    >>> where(pd.DataFrame([row | {"ci_low": -35.0, "ci_high": -5.0, "decimals": 0}]), name="region")
    'North: worse than all others, by 20 (5 to 35, n = 60).'
    """
    found = [(verdict(row), row) for row in _judged(changes)]
    told = [_differs(PLACED[judged, row["comparison"]], row) for judged, row in found if judged != "unknown"]
    if told:
        return together(*told)
    seen = [row["minimum_detectable"] for _, row in found if row["comparison"] == "previous" and not row["hidden"]]
    said = say("By {name}, no group moved or stands apart beyond random variation.", name=name)
    if not seen or pd.isna(min(seen)):
        return said
    size = theme.number(min(seen), int(found[0][1]["decimals"]))
    return together(
        said, say("A change under {size} from one period to the next could not be seen in any.", size=size)
    )


def answered(mix: pd.DataFrame, *, decimals: int = 0) -> str:
    """Say how much of the change comes from who answered and how much from what they scored.

    Parameters
    ----------
    mix : DataFrame
        From :func:`csatlib.scores.mix_shift`.
    decimals : int
        Decimals shown.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> rows = {"group": "all", "term": ["total", "composition", "score"], "n": 90, "n_reference": 90}
    >>> limits = {"estimate": [3.6, 0.4, 3.2], "ci_low": -9.0, "ci_high": 9.0, "p_adjusted": 1.0}
    >>> answered(pd.DataFrame(rows | limits))  # doctest: +ELLIPSIS
    'Of the change of +4, 0 goes with who answered and +3 with the scores given; neither is beyond random ...
    """
    shown = disclosure.protect(mix[mix["group"] == "all"]).set_index("term")
    if shown.empty or shown["hidden"].any():
        return say("Too few answers to tell who answered from how they scored.")
    sizes = {
        name: theme.number(shown.loc[term, "estimate"], decimals, sign=True)
        for name, term in {"total": "total", "who": "composition", "score": "score"}.items()
        if term in shown.index
    }
    beyond = {term for term in ("composition", "score") if shown.loc[term, "p_adjusted"] < LEVEL}
    text = {
        frozenset(): mark(
            "Of the change of {total}, {who} goes with who answered and {score} with the scores given; neither is "
            "beyond random variation."
        ),
        frozenset({"composition"}): mark(
            "Of the change of {total}, {who} goes with who answered, beyond random variation, and {score} with "
            "the scores given, which is not."
        ),
        frozenset({"score"}): mark(
            "Of the change of {total}, {score} goes with the scores given, beyond random variation, and {who} "
            "with who answered, which is not."
        ),
        frozenset({"composition", "score"}): mark(
            "Of the change of {total}, {who} goes with who answered and {score} with the scores given, both "
            "beyond random variation."
        ),
    }[frozenset(beyond)]
    return say(text, **sizes)


def action(changes: pd.DataFrame, places: pd.DataFrame, *, name: str) -> str:
    """Say what to do about the month: where to look, or that nothing calls for it.

    Parameters
    ----------
    changes : DataFrame
        From :func:`csatlib.scores.headlines`.
    places : DataFrame
        From :func:`csatlib.scores.change` with `by`.
    name : str
        What a reader calls the column of the groups.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"label": "NPS", "comparison": "previous", "n": 90, "estimate": 1.0, "p_adjusted": 0.8}
    >>> action(pd.DataFrame([row]), pd.DataFrame([row | {"group": "North"}]), name="region")
    'Nothing moved beyond random variation: no action follows from this month, and no praise.'
    """
    groups = list(dict.fromkeys(row["group"] for row in _judged(places) if verdict(row) == "worse"))
    labels = list(dict.fromkeys(row["label"] for row in _judged(changes) if verdict(row) == "worse"))
    better = [row for row in _judged(changes) if verdict(row) == "better"]
    if groups:
        return say("Look into {groups} ({name}) first: scores there are lower.", groups=listed(groups), name=name)
    if labels:
        return say("Look into {names}: lower in all groups alike, as far as can be told.", names=listed(labels))
    if better:
        return say("Keep what was changed; look again next month before spending more on it.")
    return say("Nothing moved beyond random variation: no action follows from this month, and no praise.")


def _judged(changes: pd.DataFrame) -> list[dict[str, Any]]:
    return disclosure.protect(changes).to_dict("records")


def _differs(text: str, row: Mapping[str, Any]) -> str:
    """Say a difference by its size: the verdict carries the direction."""
    decimals = int(row["decimals"])
    ends = sorted((row["ci_low"], row["ci_high"]), reverse=row["estimate"] < 0)
    low, high = (theme.number(end if row["estimate"] > 0 else -end, decimals) for end in ends)
    size = theme.number(abs(row["estimate"]), decimals)
    places = {
        "size": size,
        "low": low,
        "high": high,
        "reference": row.get("reference", ""),
        "n": f"{row['n']:,.0f}",
    }
    who = {"label": row["label"]} if "{label}" in text else {"group": row["group"]}
    return say(text, **who, **{name: value for name, value in places.items() if f"{{{name}}}" in text})


def _number(row: Mapping[str, Any], column: str) -> str:
    return theme.number(row[column], int(row["decimals"]))


def _span(row: Mapping[str, Any]) -> dict[str, str]:
    return {"low": _number(row, "ci_low"), "high": _number(row, "ci_high"), "n": f"{row['n']:,.0f}"}
