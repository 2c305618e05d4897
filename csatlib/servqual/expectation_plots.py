"""Figures of expectations: result table in, Axes out, nothing computed."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.words import mark, say

PLACES = {
    "promised more than delivered": ("v", theme.WARN, theme.WARN),
    "short of low expectations": ("v", theme.WARN, "white"),
    "delivered as promised": ("o", theme.ACCENT, theme.ACCENT),
    "above high expectations": ("^", theme.ACCENT, theme.ACCENT),
    "more than expected": ("^", theme.ACCENT, "white"),
    "cannot tell": ("s", theme.MUTED, "white"),
}

NAMES = {
    "promised more than delivered": mark("Much expected, less delivered"),
    "short of low expectations": mark("Less expected than elsewhere, still less delivered"),
    "delivered as promised": mark("Delivered as expected"),
    "above high expectations": mark("Much expected, more delivered"),
    "more than expected": mark("Less expected than elsewhere, more delivered"),
    "cannot tell": mark("Cannot tell"),
}


def plot_split(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Change of what is received and of what is expected per dimension, with intervals.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.expectations`, one group and one stratum.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, expectations
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": [6, 5] * 40, "p1": [3, 4, 5, 6] * 20, "m": ["b", "b", "a", "a"] * 20})
    >>> plot_split(expectations(frame, scale=scale, by="m", reference="a")).get_yticklabels()[0].get_text()
    'speed'
    >>> plt.close("all")
    """
    shown = disclosure.protect(table[table["level"] == "dimension"]) if len(table) else table
    sides = {
        "expectation": (say("Expected"), "D", "white", theme.INK),
        "perception": (say("Received"), "o", theme.ACCENT, theme.ACCENT),
    }
    labels = list(shown["label"].unique()) if len(shown) else []
    ax = ax or plt.subplots(figsize=(4.8, 1.5 + 0.5 * max(len(labels), 1)))[1]
    ax.axvline(0, color=theme.MUTED, lw=1)
    y = np.arange(len(labels))
    for at, (measure, (name, marker, face, edge)) in enumerate(sides.items()):
        if not labels:
            continue
        side = shown[shown["measure"] == measure].set_index("label").reindex(labels)
        place = y + (at - 0.5) * 0.34
        ax.hlines(place, side["ci_low"], side["ci_high"], color=edge, lw=1.4)
        ax.plot(side["estimate"], place, marker, mfc=face, mec=edge, ms=6, ls="", label=name)
    ax.set_yticks(y, labels)
    ax.set_ylim(max(len(labels), 1) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say("Change in points, with 95 % interval"))
    if labels:
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    ax.set_label(_split_alt(shown, labels))
    words = {measure: name for measure, (name, *_) in sides.items()}
    drawn = shown[shown["measure"].isin(words)].drop(columns="p_adjusted") if labels else shown
    rows = {"label": say("Dimension"), "measure": say("Measure")}
    return theme.keep(ax, drawn, rows=rows, names=words) if labels else ax


def plot_matrix(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Scatter expectation by gap, with the cut between high and low and the band that counts as delivered.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.expectation_matrix`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, expectation_matrix
    >>> scale = Scale([Item("q1", "speed", "e1", "p1"), Item("q2", "looks", "e2", "p2")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": [6, 7] * 20, "p1": [4, 5] * 20, "e2": [5, 4] * 20, "p2": [5, 4] * 20})
    >>> [text.get_text() for text in plot_matrix(expectation_matrix(frame, scale=scale)).texts][:2]
    ['speed', 'looks']
    >>> plt.close("all")
    """
    shown = disclosure.protect(table)
    expected, gap = (shown[shown["measure"] == m].set_index("label") for m in ("expectation", "gap"))
    cut, margin = table["cut"].iloc[0], table["margin"].iloc[0]
    ax = ax or plt.subplots(figsize=(4.8, 5.0))[1]
    ax.axhspan(-margin, margin, color="#e6e9ed", lw=0, zorder=0)
    ax.axhline(0, color=theme.MUTED, lw=1)
    ax.axvline(cut, color=theme.MUTED, lw=1, ls=(0, (4, 3)))
    points = []
    for label, row in gap[gap["estimate"].notna()].iterrows():
        cell = "cannot tell" if row["indicative"] else row["cell"]
        marker, edge, face = PLACES[cell]
        x = expected.loc[label]
        ax.hlines(row["estimate"], x["ci_low"], x["ci_high"], color=edge, lw=1.2)
        ax.vlines(x["estimate"], row["ci_low"], row["ci_high"], color=edge, lw=1.2)
        ax.plot(x["estimate"], row["estimate"], marker, mfc=face, mec=edge, ms=7, ls="", label=say(NAMES[cell]))
        points.append((float(row["estimate"]), float(x["estimate"]), label))
    known = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    ax.legend(known.values(), known, loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False)
    ax.margins(x=0.08, y=0.1)
    low, high = ax.get_ylim()
    ax.set_ylim(low, max(high, 1.6 * margin))
    _name_points(ax, sorted(points))
    ax.text(0.0, 1.01, say("← less expected"), transform=ax.transAxes, va="bottom", color=theme.MUTED)
    ax.text(1.0, 1.01, say("more expected →"), transform=ax.transAxes, ha="right", va="bottom", color=theme.MUTED)
    ax.set_xlabel(say("Expected, points"))
    ax.set_ylabel(say("Gap: received less expected, points"))
    ax.set_label(_matrix_alt(expected, gap))
    words = {"expectation": say("Expected"), "gap": say("Gap")}
    return theme.keep(ax, table, rows={"label": say("Dimension"), "measure": say("Measure")}, names=words)


def _name_points(ax: Axes, points: list[tuple[float, float, str]]) -> None:
    """Name points at the right edge, each on a line of its own."""
    low, high = ax.get_ylim()
    right = ax.get_xlim()[1]
    at = np.array([y for y, _, _ in points])
    steps = 0.055 * (high - low) * np.arange(len(at))
    up, down = np.maximum.accumulate(at - steps), np.minimum.accumulate((at - steps)[::-1])[::-1]
    for place, (y, x, label) in zip((up + down) / 2 + steps, points, strict=True):
        line = {"arrowstyle": "-", "color": theme.MUTED, "lw": 0.7, "shrinkB": 4}
        ax.annotate(label, (x, y), (right, place), va="center", annotation_clip=False, arrowprops=line)


def _split_alt(shown: pd.DataFrame, labels: list[str]) -> str:
    if not labels:
        return say("There is no earlier period to compare with.")
    parts = []
    for label in labels:
        value = shown[shown["label"] == label].set_index("measure")["estimate"]
        sides = {"received": "perception", "expected": "expectation"}
        changes = {name: theme.number(value.get(m, np.nan), sign=True) for name, m in sides.items()}
        parts.append(say("{label}: received {received}, expected {expected}", label=label, **changes))
    return say("Change in points by dimension. {rows}.", rows="; ".join(parts))


def _matrix_alt(expected: pd.DataFrame, gap: pd.DataFrame) -> str:
    parts = [
        say(
            "{label}: expected {expected}, gap {gap}",
            label=label,
            expected=theme.number(expected.loc[label, "estimate"]),
            gap=theme.number(row["estimate"]),
        )
        for label, row in gap.iterrows()
    ]
    return say("Expectation and gap in points. {rows}.", rows="; ".join(parts))
