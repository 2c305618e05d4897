"""Figures on how long customers stay: result table in, Axes out, nothing computed."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from csatlib import disclosure, theme
from csatlib.churn import survival_sentences as sentences
from csatlib.words import mark, say

STYLES = ("-", "--", "-.", ":")
COLOURS = (theme.ACCENT, theme.WARN, theme.INK, theme.MUTED)
RATIOS = (0.1, 0.25, 0.5, 1, 2, 4, 10)


def plot_staying(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Lines with bands: share still there by years as a customer.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.churn.survival.staying`, with `at` for a smooth line.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; up to four groups, told apart by their strokes and their names at the right.

    Raises
    ------
    ValueError
        More than four groups.

    Examples
    --------
    >>> row = {"group": "all", "n": 50, "estimate": 80.0, "ci_low": 70.0, "ci_high": 90.0}
    >>> ax = plot_staying(pd.DataFrame([row | {"time": 365.25}]))
    >>> ax.get_xlabel()
    'Years as a customer'
    >>> plt.close("all")
    """
    groups = list(dict.fromkeys(result["group"]))
    if len(groups) > len(STYLES):
        raise ValueError(f"result holds {len(groups)} groups; choose four at most")
    shown = disclosure.protect(result)
    ax = ax or plt.subplots(figsize=(4.8, 3.6))[1]
    ends = []
    for group, style, colour in zip(groups, STYLES, COLOURS, strict=False):
        part = shown[(shown["group"] == group) & shown["estimate"].notna()]
        years = part["time"].to_numpy(dtype=float) / sentences.YEAR
        low, line, high = (part[c].to_numpy(dtype=float) for c in ("ci_low", "estimate", "ci_high"))
        ax.fill_between(years, low, high, color=colour, alpha=0.13, lw=0)
        ax.plot(years, line, color=colour, ls=style, lw=1.8)
        if group != "all" and len(part):
            ends.append((line[-1], years[-1], group, colour))
    ends = sorted(ends)
    for place, (_, year, group, colour) in zip(_apart([end[0] for end in ends]), ends, strict=True):
        ax.text(year * 1.02, place, group, color=colour, fontsize=9, va="center")
    ax.set_ylim(0, 102)
    ax.set_xlim(left=0)
    ax.set_xlabel(say("Years as a customer"))
    ax.set_ylabel(say("Percent still there"))
    last = result[result["time"] == result["time"].max()] if ends else result
    ax.set_label(_said(last, result))
    return theme.keep(ax, shown, rows={"group": say("Group"), "time": say("Days as a customer")}, decimals=1)


def plot_ratios(result: pd.DataFrame, *, names: Mapping[str, str], ax: Axes | None = None) -> Axes:
    """Dots with intervals around 1: how many times as many leave.

    Parameters
    ----------
    result : DataFrame
        ``ratios`` of :func:`csatlib.churn.hazards.hazard_ratios`.
    names : mapping of str to str
        What a reader calls each column.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; filled dots differ from 1 beyond random variation.

    Examples
    --------
    >>> row = {"term": "plan", "group": "Max", "reference": "Plus", "n": 60, "n_reference": 90, "estimate": 2.0}
    >>> row |= {"ci_low": 1.5, "ci_high": 3.0, "p_adjusted": 0.01}
    >>> ax = plot_ratios(pd.DataFrame([row]), names={"plan": "plan"})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Plan, against Plus', 'Max']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    labels, y, ticks = [], [], []
    for row, first in zip(shown.itertuples(), ~shown["term"].duplicated(), strict=True):
        name = sentences.capital(names.get(row.term, row.term))
        against = say("{name}, against {reference}", name=name, reference=row.reference)
        labels.append(say("{name}: {group}", name=against, group=row.group) if row.group else name)
        if first and row.group:
            ticks.append(((y[-1] + 1.3) if y else 0.0, against, "bold"))
        y.append(ticks[-1][0] + 1 if first and row.group else (y[-1] + 1 if y else 0.0))
        ticks.append((y[-1], row.group or name, "normal" if row.group else "bold"))
    ax = ax or plt.subplots(figsize=(5.0, 1.0 + 0.26 * (y[-1] + 1)))[1]
    _dots(ax, shown, y, filled=(shown["p_adjusted"] < sentences.LEVEL) & ~shown["indicative"])
    ax.set_yticks([tick[0] for tick in ticks], [tick[1] for tick in ticks])
    for text, (_, _, weight) in zip(ax.get_yticklabels(), ticks, strict=True):
        text.set_fontweight(weight)
    ax.axvline(1, color=theme.INK, lw=1, zorder=1)
    ax.set_xscale("log")
    low, high = (shown[c].dropna() for c in ("ci_low", "ci_high"))
    ends = (min([0.9, *low]), max([1.1, *high]))
    ax.set_xlim(ends[0] / 1.15, ends[1] * 1.15)
    ticks = [tick for tick in RATIOS if ends[0] / 1.1 <= tick <= ends[1] * 1.1]
    ax.set_xticks(ticks)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.minorticks_off()
    ax.set_xlabel(say("Times as many leave"))
    ax.set_label(sentences.sooner(result, names=names))
    return theme.keep(ax, shown.assign(label=labels), rows={"label": say("Compared")})


def plot_remaining(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Dots with intervals: days customers stay of those to come.

    Parameters
    ----------
    result : DataFrame
        ``levels`` of :func:`csatlib.churn.survival.remaining`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; hollow dots rest on few customers.

    Examples
    --------
    >>> row = {"group": "satisfied", "n": 50, "horizon": 365.0, "estimate": 340.0, "ci_low": 330, "ci_high": 350}
    >>> plot_remaining(pd.DataFrame([row])).get_xlabel()
    'Days stayed of the next 365, on average'
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    labels = [say("All") if group == "all" else str(group) for group in shown["group"]]
    ax = ax or plt.subplots(figsize=(4.8, 1.0 + 0.34 * len(shown)))[1]
    _dots(ax, shown, np.arange(len(shown)), filled=~shown["indicative"])
    ax.set_yticks(range(len(shown)), [sentences.capital(label) for label in labels])
    horizon = float(result["horizon"].iloc[0]) if len(result) else np.nan
    ax.set_xlabel(say("Days stayed of the next {days}, on average", days=f"{horizon:,.0f}"))
    ax.set_label(sentences.ahead(result))
    return theme.keep(ax, shown.assign(group=labels), rows={"group": say("Group")}, decimals=0)


def _dots(ax: Axes, shown: pd.DataFrame, y: Sequence[float], *, filled: pd.Series) -> None:
    y, filled = np.asarray(y, dtype=float), filled.to_numpy(dtype=bool)
    ax.hlines(y, shown["ci_low"], shown["ci_high"], color=theme.ACCENT, lw=1.4, zorder=2)
    for part, face in ((filled, theme.ACCENT), (~filled, "white")):
        ax.plot(shown["estimate"][part], y[part], "o", mfc=face, mec=theme.ACCENT, ms=6, ls="", zorder=3)
    ax.set_ylim(y.max(initial=0) + 0.6, -0.7)
    ax.grid(axis="y", visible=False)


def _apart(heights: list[float], gap: float = 6.0) -> list[float]:
    """Move labels up until none covers another; heights are sorted."""
    places = []
    for height in heights:
        places.append(max(height, places[-1] + gap) if places else height)
    return places


def _said(last: pd.DataFrame, result: pd.DataFrame) -> str:
    if (result["group"] == "all").all():
        return sentences.stayed(
            result.iloc[[len(result) // 4, len(result) // 2, len(result) - 1]].drop_duplicates()
        )
    shown = disclosure.protect(last)
    one = mark("{group}: {share} % still there after {time}.")
    known = shown[shown["estimate"].notna()]
    return " ".join(
        say(one, group=r.group, share=theme.number(r.estimate, 0), time=sentences.lasted(r.time))
        for r in known.itertuples()
    ) or say(sentences.TOO_FEW)
