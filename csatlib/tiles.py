"""Tiles: a few headline figures side by side, each with its interval, n and what it is compared with."""

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd
from IPython.display import display

from csatlib import disclosure, exhibit, theme
from csatlib.words import mark, say, together

LEVEL = 0.05
VERDICTS = {"better": mark("better"), "worse": mark("worse"), "unknown": mark("cannot tell")}
SIGNS = {"better": "▲", "worse": "▼", "unknown": ""}


def verdict(row: Mapping[str, Any]) -> str:
    """Judge a comparison: better or worse beyond random variation, or unknown.

    Parameters
    ----------
    row : mapping
        ``estimate`` (a difference), ``p_adjusted``; optionally ``lower_is_better``, ``hidden``, ``indicative``.

    Returns
    -------
    {"better", "worse", "unknown"}
        Unknown also where a figure is hidden, indicative or without p value.

    Examples
    --------
    >>> verdict({"estimate": 4.0, "p_adjusted": 0.01}), verdict({"estimate": 4.0, "p_adjusted": 0.2})
    ('better', 'unknown')
    """
    unclear = row.get("hidden", False) or row.get("indicative", False)
    if unclear or not row["p_adjusted"] < LEVEL or row["estimate"] == 0:
        return "unknown"
    return "better" if (row["estimate"] > 0) != bool(row.get("lower_is_better", False)) else "worse"


def show(
    levels: pd.DataFrame,
    changes: pd.DataFrame,
    *,
    comparisons: Mapping[str, str],
    caption: str,
    references: bool = False,
    note: str = "",
) -> None:
    """Display one tile per headline: figure, unit, interval, n, and a line with one of three words per comparison.

    Parameters
    ----------
    levels : DataFrame
        One row per tile, in the order shown: ``label``, ``unit`` (as read), ``decimals``, ``n``, ``n_eff``,
        ``estimate``, ``ci_low``, ``ci_high``.
    changes : DataFrame
        Rows of those labels: ``label``, ``comparison``, ``n``, ``estimate``, ``ci_low``, ``ci_high``,
        ``p_adjusted``, and ``lower_is_better`` where a low figure is good.
    comparisons : mapping of str to str
        Order and words of the comparisons.
    caption : str
        What the tiles show, with the period; numbered in the report.
    references : bool
        Also show what is compared with: ``value_reference`` of `changes`.
    note : str
        A line under the tiles.

    Examples
    --------
    >>> level = {"label": "NPS", "unit": "points", "decimals": 0, "n": 90, "estimate": 20.0}
    >>> change = {"label": "NPS", "comparison": "previous", "n": 90, "estimate": 4.0, "p_adjusted": 0.5}
    >>> frames = [pd.DataFrame([row | {"ci_low": -9, "ci_high": 30}]) for row in (level, change)]
    >>> show(*frames, comparisons={"previous": "Last month"}, caption="Scores")  # doctest: +ELLIPSIS
    {'text/html': '<figure class="csat-table csat-tiles"><figcaption>Scores</figcaption>...
    """
    shown = disclosure.protect(levels)
    judged = disclosure.protect(changes[changes["comparison"].isin(comparisons)])
    judged = judged if references else judged.drop(columns="value_reference", errors="ignore")
    tiles = [_tile(row, judged[judged["label"] == row["label"]], comparisons) for row in shown.to_dict("records")]
    html = "".join(tile for tile, _ in tiles)
    note = together(note, _legend(pd.concat([shown, judged])))
    notes = f'<p class="csat-note">{escape(note)}</p>' if note else ""
    both = pd.concat([shown.assign(comparison=""), judged])
    names = {"": say("Figure of the period")} | dict(comparisons)
    rows = {"label": say("Headline"), "comparison": say("Compared with")}
    held = {exhibit.MIME: {"caption": caption, "note": note} | exhibit.record(both, rows=rows, names=names)}
    head = f"<figcaption>{escape(caption)}</figcaption>"
    figure = f'<figure class="csat-table csat-tiles">{head}<div>{html}</div>{notes}</figure>'
    display({"text/html": figure, "text/plain": "\n".join(text for _, text in tiles)} | held, raw=True)


def _tile(row: Mapping[str, Any], changes: pd.DataFrame, comparisons: Mapping[str, str]) -> tuple[str, str]:
    if row["hidden"]:
        text = say("Not shown: too few answers.")
        return f'<section><p class="csat-what">{escape(row["label"])}</p><p>{escape(text)}</p></section>', text
    decimals = int(row["decimals"])
    figure = theme.number(row["estimate"], decimals) + (f" {theme.INDICATIVE}" if row["indicative"] else "")
    span = say(
        "{low} to {high}, n = {n}",
        low=theme.number(row["ci_low"], decimals),
        high=theme.number(row["ci_high"], decimals),
        n=f"{row['n']:,.0f}",
    )
    by_name = {change["comparison"]: change for change in changes.to_dict("records")}
    lines = [_line(text, by_name[name], decimals) for name, text in comparisons.items() if name in by_name]
    html = (
        f'<section><p class="csat-what">{escape(row["label"])}</p>'
        f"<p><b>{escape(figure)}</b> {escape(row['unit'])}</p><p><small>{escape(span)}</small></p>"
        f"<dl>{''.join(line for line, _ in lines)}</dl></section>"
    )
    plain = f"{row['label']}: {figure} {row['unit']} ({span})"
    return html, "\n".join([plain, *(f"  {text}" for _, text in lines)])


def _line(text: str, change: Mapping[str, Any], decimals: int) -> tuple[str, str]:
    judged = verdict(change)
    word = say(VERDICTS[judged])
    if pd.notna(change.get("value_reference")) and not change["hidden"]:
        text = say("{what} {value}", what=text, value=theme.number(change["value_reference"], decimals))
    size = theme.HIDDEN if change["hidden"] else theme.number(change["estimate"], decimals, sign=True)
    span = ""
    if not change["hidden"] and pd.notna(change["ci_low"]):
        limits = (theme.number(change[c], decimals, sign=True) for c in ("ci_low", "ci_high"))
        span = say("{low} to {high}", **dict(zip(("low", "high"), limits, strict=True)))
    html = (
        f'<div class="csat-{judged}"><dt>{escape(text)}</dt><dd><b>{SIGNS[judged]} {escape(word)}</b> '
        f"<span>{escape(size)}</span> <small>{escape(span)}</small></dd></div>"
    )
    return html, f"{text}: {word} {size}" + (f" ({span})" if span else "")


def _legend(shown: pd.DataFrame) -> str:
    if not shown["indicative"].any():
        return ""
    return say(
        "{mark} indicative: fewer than {n} effective answers.",
        mark=theme.INDICATIVE,
        n=disclosure.bases.min_rank,
    )
