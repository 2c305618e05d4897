"""Sentences on what was named as lying behind complaints, and on what customers say."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from csatlib import disclosure, theme
from csatlib.complaints.sentences import TOO_FEW, span
from csatlib.complaints.texts import OTHER, THEMES
from csatlib.words import listed, mark, say, together

LEVEL = 0.05
NO_TEXT = mark("No complaint carries a text.")
UNSAID = mark("None of the complaints says what lies behind it.")


def owned(row: Mapping[str, Any]) -> str:
    """Name what was named, with the department in charge where it is known.

    Parameters
    ----------
    row : mapping
        ``group`` and perhaps ``owner``.

    Returns
    -------
    str

    Examples
    --------
    >>> owned({"group": "Late", "owner": "Field"})
    'Late (Field)'
    """
    if pd.isna(row.get("owner")):
        return str(row["group"])
    return say("{name} ({owner})", name=row["group"], owner=row["owner"])


def most_named(pareto: pd.DataFrame) -> str:
    """Say what was named most often, and what cannot be told apart from it.

    Parameters
    ----------
    pareto : DataFrame
        ``pareto`` of :func:`csatlib.complaints.causes`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> rows = {"group": ["Late", "Bill"], "n": 90, "estimate": [60.0, 40.0], "ci_low": 49.0, "ci_high": 70.0}
    >>> most_named(pd.DataFrame(rows | {"level_with_first": True}))  # doctest: +ELLIPSIS
    'Named most often: Late, 60 % of the complaints (95 % interval 49 to 70, n = 90). Not to be told apart from ...
    """
    if pareto.empty:
        return say(UNSAID)
    rows = disclosure.protect(pareto).to_dict("records")
    first = rows[0]
    if first["hidden"]:
        return say(TOO_FEW)
    level = [owned(row) for row in rows[1:] if row["level_with_first"]]
    return together(
        say(
            "Named most often: {name}, {share} % of the complaints (95 % interval {low} to {high}, n = {n}).",
            name=owned(first),
            **span(first),
        ),
        say("Not to be told apart from it: {names}.", names=listed(level)) if level else "",
    )


def vital(pareto: pd.DataFrame, *, share: float = 80) -> str:
    """Say how many named origins make up most complaints.

    Parameters
    ----------
    pareto : DataFrame
        ``pareto`` of :func:`csatlib.complaints.causes`.
    share : float
        Percent of the complaints.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> vital(pd.DataFrame({"group": ["Late", "Bill"], "n": 90, "cumulative": [85.0, 100.0]}))
    '1 of 2 named origins make up 80 % of the complaints.'
    """
    if pareto.empty:
        return say(UNSAID)
    return say(
        "{k} of {all} named origins make up {share} % of the complaints.",
        k=int((pareto["cumulative"] < share).sum()) + 1,
        all=len(pareto),
        share=theme.number(share, 0),
    )


def deepest(tree: pd.DataFrame) -> str:
    """Follow the larger branch from the first why down, as far as most complaints there go.

    Parameters
    ----------
    tree : DataFrame
        ``tree`` of :func:`csatlib.complaints.causes`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> rows = {"depth": [1, 2], "parent": ["", "Late"], "path": ["Late", "Late › Van"], "n": 90}
    >>> deepest(pd.DataFrame(rows | {"count": [60, 40]}))
    'Asked why again and again, the largest branch goes: Late › Van (40 of 90 complaints).'
    """
    if tree.empty:
        return say(UNSAID)
    at = tree.iloc[0]
    while True:
        below = tree[tree["parent"] == at["path"]]
        if below.empty or below["count"].max() < disclosure.bases.min_base:
            break
        at = below.loc[below["count"].idxmax()]
    return say(
        "Asked why again and again, the largest branch goes: {path} ({count} of {n} complaints).",
        path=at["path"],
        count=f"{at['count']:,.0f}",
        n=f"{at['n']:,.0f}",
    )


def branches(tree: pd.DataFrame, *, symptoms: int = 5) -> pd.DataFrame:
    """Return the branches of the tree that hold enough complaints to be shown, indented by their depth.

    Parameters
    ----------
    tree : DataFrame
        ``tree`` of :func:`csatlib.complaints.causes`.
    symptoms : int
        How many first whys are followed down, from the most frequent on.

    Returns
    -------
    DataFrame
        With ``shown``.

    Examples
    --------
    >>> rows = {"depth": [1, 2, 2, 1], "label": ["Late", "Van", "Fog", "Bill"], "count": [60, 40, 3, 20]}
    >>> branches(pd.DataFrame(rows), symptoms=1)["shown"].tolist()
    ['Late', '› Van']
    """
    kept = tree[(tree["count"] >= disclosure.bases.min_base) & ((tree["depth"] == 1).cumsum() <= symptoms)]
    signs = ["› " * (depth - 1) for depth in kept["depth"]]
    return kept.assign(shown=[sign + label for sign, label in zip(signs, kept["label"], strict=True)])


def more(result: pd.DataFrame, *, first: str, last: str) -> str:
    """Say what is named more or less often than before, beyond random variation.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.rising`.
    first, last : str
        The months compared with those before.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"group": "Late", "n": 60, "estimate": 1.1, "p_adjusted": 0.6}
    >>> more(pd.DataFrame([row]), first="2026-05", last="2026-10")
    'From 2026-05 to 2026-10 nothing is named more or less often than before, beyond random variation.'
    """
    shown = disclosure.protect(result)
    shown = shown[~shown["hidden"] & (shown["p_adjusted"] < LEVEL)]
    place = {"first": first, "last": last}
    up, down = (list(shown[side]["group"]) for side in (shown["estimate"] > 1, shown["estimate"] < 1))
    if not up and not down:
        text = mark(
            "From {first} to {last} nothing is named more or less often than before, beyond random variation."
        )
        return say(text, **place)
    return together(
        say("From {first} to {last} named more often than before: {names}.", names=listed(up), **place)
        if up
        else "",
        say("From {first} to {last} named less often than before: {names}.", names=listed(down), **place)
        if down
        else "",
    )


def themed(result: pd.DataFrame) -> pd.DataFrame:
    """Return the themes with a reader's names and quotation marks.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.themes`.

    Returns
    -------
    DataFrame
        With ``label`` and ``quoted``.

    Examples
    --------
    >>> themed(pd.DataFrame({"group": ["other"], "quotation": [""]}))["label"].tolist()
    ['None of these']
    """
    known = {theme: theme for theme in THEMES} | {"other": OTHER}
    labels = [say(known[name]) if name in known else name for name in result["group"]]
    return quoted(result).assign(label=labels)


def quoted(result: pd.DataFrame) -> pd.DataFrame:
    """Return themes or words with their quotations in quotation marks.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.themes` or :func:`csatlib.complaints.frequent_words`.

    Returns
    -------
    DataFrame
        With ``quoted``.

    Examples
    --------
    >>> quoted(pd.DataFrame({"quotation": ["Late again", ""]}))["quoted"].tolist()
    ['“Late again”', '–']
    """
    return result.assign(quoted=[say("“{text}”", text=text) if text else "–" for text in result["quotation"]])


def action(pareto: pd.DataFrame, backlog: pd.DataFrame, apart_rows: pd.DataFrame) -> str:
    """Say what to do: clear the old cases, whom to ask first, and where.

    Parameters
    ----------
    pareto : DataFrame
        ``pareto`` of :func:`csatlib.complaints.causes`.
    backlog : DataFrame
        From :func:`csatlib.complaints.backlog`.
    apart_rows : DataFrame
        From :func:`csatlib.stats.rest.against_rest`.

    Returns
    -------
    str
        One to three sentences.

    Examples
    --------
    >>> rows = {"level": "all", "from_days": [0.0, 30.0], "n": 55, "estimate": [13, 42]}
    >>> action(pd.DataFrame(), pd.DataFrame(rows), pd.DataFrame())
    'Close the 42 cases that are open for 30 days or longer first: name one person for each.'
    """
    old = backlog[backlog["level"] == "all"].tail(1)
    found = []
    if len(old) and old["estimate"].iloc[0]:
        found.append(
            say(
                "Close the {n} cases that are open for {days} days or longer first: name one person for each.",
                n=f"{old['estimate'].iloc[0]:,.0f}",
                days=f"{old['from_days'].iloc[0]:,.0f}",
            )
        )
    if len(apart_rows):
        shown = disclosure.protect(apart_rows)
        more_there = shown[~shown["hidden"] & (shown["p_adjusted"] < LEVEL) & (shown["estimate"] > 0)]
        if len(more_there):
            found.append(say("Look into {groups}.", groups=listed(list(more_there["group"]))))
    if len(pareto):
        found.append(say("Work on {name} with its department, and ask why once more.", name=owned(pareto.iloc[0])))
    return together(*found) or say("Nothing calls for action beyond answering every complaint.")
