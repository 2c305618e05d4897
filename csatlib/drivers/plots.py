"""Figures of importance and priorities: result in, Axes out, nothing computed."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.drivers import sentences
from csatlib.drivers.priorities import Priorities
from csatlib.stats.relative_importance import candidates
from csatlib.words import mark, say

QUADRANTS = {
    "improve": mark("Improve"),
    "keep": mark("Keep up"),
    "later": mark("Later"),
    "maintain": mark("Maintain"),
}
CORNERS = {"improve": (0.02, 0.98), "keep": (0.98, 0.98), "later": (0.02, 0.02), "maintain": (0.98, 0.02)}
CLOUDS = 8  # more outlines of unstable places than this hide the stable ones
LINE = 0.052  # height of a line of a label, in heights of the axes


def plot_importance(result: pd.DataFrame, *, outcome: str, ax: Axes | None = None) -> Axes:
    """Dots with intervals: each rating's share, filled where none is told to be ahead of it, with its sets.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.drivers.importance`, of one group.
    outcome : str
        What a reader calls the outcome, as within a sentence.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text. In the order of the shares where any two differ, else as in the questionnaire.

    Examples
    --------
    >>> rows = {"label": ["Speed", "Care"], "set": ["b", "a"], "rank": [2, 1], "n": 300, "share": [0.3, 0.7]}
    >>> limits = {"ci_low": [0.2, 0.6], "ci_high": [0.4, 0.8], "sign_flag": False}
    >>> ax = plot_importance(pd.DataFrame(rows | limits), outcome="overall satisfaction")
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Care', 'Speed']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    ordered = len(set(shown["set"])) > 1
    rows = shown[~shown["hidden"]]
    rows = rows.sort_values("share", ascending=False, kind="stable") if ordered else rows
    first = {row["label"] for row in candidates(rows, "share")} if ordered else set()
    y = np.arange(len(rows))
    ax = ax or plt.subplots(figsize=(4.8, 1.3 + 0.3 * len(rows)))[1]
    ax.hlines(y, 100 * rows["ci_low"], 100 * rows["ci_high"], color=theme.ACCENT, lw=1.5, zorder=2)
    filled = rows["label"].isin(first).to_numpy()
    for part, face in ((filled, theme.ACCENT), (~filled, "white")):
        ax.plot(100 * rows["share"][part], y[part], "o", mfc=face, mec=theme.ACCENT, ms=6, ls="", zorder=3)
    ax.set_yticks(y, [textwrap.fill(label, 30) for label in rows["label"]])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(left=0)
    ax.grid(axis="y", visible=False)
    if ordered:
        for at, row in zip(y, rows.itertuples(), strict=True):
            ax.annotate(row.set, (1.02, at), xycoords=("axes fraction", "data"), va="center", color=theme.INK)
        ax.set_title(say("A letter in common: cannot be told apart"), fontsize=9, color=theme.INK, loc="right")
    ax.set_xlabel(say("Percent of what all ratings explain"))
    ax.set_label(sentences.leading(result, outcome=outcome))
    limits = {column: 100 * shown[column] for column in ("ci_low", "ci_high")}
    kept = shown.assign(estimate=100 * shown["share"], **limits)
    return theme.keep(ax, kept, rows={"label": say("Rating"), "set": say("Set")}, decimals=1)


def plot_priorities(result: Priorities, *, ax: Axes | None = None) -> Axes:
    """Plot performance against importance, with outlines of what redraws give; names only where stable.

    Parameters
    ----------
    result : Priorities
        From :func:`csatlib.drivers.priorities`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; ratings whose quadrant is not stable are grey and without a name.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame(rng.normal([4, 6], 1, size=(600, 2)), columns=["speed", "care"])
    >>> frame["overall"] = frame["speed"] + 0.3 * frame["care"] + rng.normal(size=600)
    >>> from csatlib.drivers import priorities
    >>> ax = plot_priorities(priorities(frame, outcome="overall", drivers=["speed", "care"], target=5.0))
    >>> sorted(text.get_text() for text in ax.texts if text.get_text() in ("speed", "care"))
    ['care', 'speed']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result.table)
    rows = shown[~shown["hidden"]]
    named = rows[rows["stable"] & ~rows["indicative"]]
    lines = {row.Index: textwrap.fill(row.label, 20) for row in named.itertuples()}
    height = max(4.2, 0.21 * sum(2 + text.count("\n") for text in lines.values()))
    ax = ax or plt.subplots(figsize=(4.8, height))[1]
    _outlines(ax, result.clouds, rows, set(named["driver"]))
    cut = result.cuts.set_index(["reference", "axis"])["estimate"]
    ax.axvline(0, color=theme.MUTED, lw=1, ls="--", zorder=1)
    ax.axhline(100 * cut[shown["reference"].iloc[0], "share"], color=theme.MUTED, lw=1, ls="--", zorder=1)
    ax.margins(0.09)
    ax.set_ylim(bottom=max(ax.get_ylim()[0], -2))  # outlines may pass zero, shares do not
    for name, (x, y) in CORNERS.items():
        where = {"ha": "left" if x < 0.5 else "right", "va": "top" if y > 0.5 else "bottom"}
        ax.text(x, y, say(QUADRANTS[name]), transform=ax.transAxes, color=theme.MUTED, fontsize=9, **where)
    _names(ax, named, lines, height)
    middle = shown["reference"].iloc[0] == "median"
    cut_at = mark("Points below (−) or above (+) the target")
    ax.set_xlabel(say(mark("Points below (−) or above (+) the median rating") if middle else cut_at))
    ax.set_ylabel(say("Percent of what all ratings explain"))
    if len(named) < len(rows):
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, fontsize=9)
    ax.set_label(sentences.first_to_improve(result))
    return theme.keep(ax, _kept(shown), rows={"label": say("Rating"), "measure": say("Measure")})


def _outlines(ax: Axes, clouds: pd.DataFrame, rows: pd.DataFrame, named: set[str]) -> None:
    said = False
    for row in rows.itertuples():
        stable = row.driver in named
        colour = theme.ACCENT if stable else theme.MUTED
        outline = clouds[(clouds["driver"] == row.driver) & (stable or len(rows) <= CLOUDS)]
        ax.plot(outline["gap"], 100 * outline["share"], color=colour, lw=1.2 if stable else 0.8, zorder=2)
        text = None if stable or said else say("Grey: order cannot be told")
        said = said or not stable
        face = colour if stable else "white"
        ax.plot(
            row.gap,
            100 * row.share,
            "o" if stable else "s",
            mfc=face,
            mec=colour,
            ms=5,
            ls="",
            label=text,
            zorder=3,
        )


def _names(ax: Axes, named: pd.DataFrame, lines: dict[int, str], height: float) -> None:
    """Names in a column right of the axes, from top to bottom as the points lie, spread so that none overlap."""
    if named.empty:
        return
    order = named.sort_values("share", ascending=False)
    low, high = ax.get_ylim()
    need = np.array([(1.6 + lines[i].count("\n")) * LINE * 4.2 / height for i in order.index])
    wanted = (100 * order["share"].to_numpy() - low) / (high - low)
    place = np.empty(len(order))
    ceiling = 1.0
    for k, (at, size) in enumerate(zip(wanted, need, strict=True)):
        below = need[k + 1 :].sum()
        place[k] = max(min(at, ceiling - size / 2), below + size / 2)
        ceiling = place[k] - size / 2
    for (index, row), y in zip(order.iterrows(), place, strict=True):
        ax.annotate(
            lines[index], (row["gap"], 100 * row["share"]), xytext=(1.04, y), textcoords="axes fraction",
            va="center", ha="left", fontsize=9, color=theme.INK,
            arrowprops={"arrowstyle": "-", "color": theme.MUTED, "lw": 0.6, "shrinkB": 3},
        )  # fmt: skip


def _kept(shown: pd.DataFrame) -> pd.DataFrame:
    importance = shown.assign(
        measure=say("Importance, %"), estimate=100 * shown["share"],
        ci_low=100 * shown["ci_low"], ci_high=100 * shown["ci_high"],
    )  # fmt: skip
    performance = shown.assign(
        measure=say("Performance, points"), estimate=shown["performance"], ci_low=shown["performance_low"],
        ci_high=shown["performance_high"],
    )  # fmt: skip
    kept = pd.concat([importance, performance], ignore_index=True)
    hidden = kept["hidden"]
    return kept.assign(**{c: kept[c].mask(hidden) for c in ("estimate", "ci_low", "ci_high")})
