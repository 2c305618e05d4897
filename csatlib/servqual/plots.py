"""Figures of SERVQUAL gaps: result table in, Axes out, nothing computed."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.words import say

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
SHADES = ("#0b5cad", "#b3411e", "#2f7d4f", "#6b4fa0", "#8a6d00", "#1f2a36")


def plot_items(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Dumbbells: what is expected and what is received per item, by dimension, with intervals.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.servqual.gaps` without groups.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, gaps
    >>> scale = Scale([Item("q1", "speed", "e1", "p1", label="Quick answers")], low=1, high=7)
    >>> result = gaps(pd.DataFrame({"e1": [6, 7] * 9, "p1": [5, 6] * 9}), scale=scale)
    >>> [text.get_text() for text in plot_items(result).get_yticklabels()]
    ['speed', 'Quick answers']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    items = shown[shown["level"] == "item"]
    dimension_names = (
        shown[shown["level"] == "dimension"].drop_duplicates("dimension").set_index("dimension")["label"]
    )
    order = items.drop_duplicates("item")
    places: dict[str, float] = {}
    ticks: list[tuple[float, str, bool]] = []
    y = 0.0
    for dimension, members in order.groupby("dimension", sort=False):
        if dimension in dimension_names:
            ticks.append((y, dimension_names[dimension], True))
            y += 0.9
        for row in members.itertuples():
            places[row.item] = y
            ticks.append((y, row.label, False))
            y += 1
        y += 0.3
    ax = ax or plt.subplots(figsize=(4.8, 0.9 + 0.245 * y))[1]
    _dumbbells(ax, items, places)
    ax.set_yticks([t[0] for t in ticks], [t[1] for t in ticks])
    for label, (_, _, heading) in zip(ax.get_yticklabels(), ticks, strict=True):
        label.set_fontweight("bold" if heading else "normal")
    ax.set_ylim(y - 0.4, -0.7)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say("Mean answer with 95 % interval"))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    ax.set_label(_items_alt(items))
    words = {"expectation": say("Expected"), "perception": say("Received"), "gap": say("Gap")}
    return theme.keep(ax, items[items["measure"].isin(words)].drop(columns="p_adjusted"), names=words)


def plot_heatmap(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Gaps by group and dimension as a grid of numbers; small bases are grey, hidden ones a dot.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.servqual.gaps` with `by`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, gaps
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": 6, "p1": [5, 4] * 40, "region": ["N"] * 40 + ["S"] * 40})
    >>> plot_heatmap(gaps(frame, scale=scale, by="region")).get_yticklabels()[0].get_text()
    'N (n = 40)'
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    chosen = shown[(shown["level"] == "dimension") & (shown["measure"] == "gap")]
    groups, labels = chosen["group"].unique(), chosen["label"].unique()
    value = chosen.pivot(index="group", columns="label", values="estimate").loc[groups, labels]
    grey = (
        chosen.pivot(index="group", columns="label", values="indicative").loc[groups, labels].to_numpy(dtype=bool)
    )
    base = chosen.groupby("group", sort=False)["n"].max()
    ax = ax or plt.subplots(figsize=(4.8, 0.9 + 0.42 * len(groups)))[1]
    numbers = value.to_numpy(dtype=float)
    strength = np.where(grey | np.isnan(numbers), np.nan, numbers)
    limit = max(np.nanmax(np.abs(strength), initial=0.0), 1e-9)
    ax.pcolormesh(
        np.ma.masked_invalid(strength), cmap="RdBu", vmin=-2.2 * limit, vmax=2.2 * limit, edgecolor="white", lw=2
    )
    for i, j in np.ndindex(numbers.shape):
        if grey[i, j] or np.isnan(numbers[i, j]):
            ax.add_patch(plt.Rectangle((j, i), 1, 1, facecolor="#eceef1", edgecolor="white", lw=2))
        text = theme.HIDDEN if np.isnan(numbers[i, j]) else theme.number(numbers[i, j], 2)
        ax.text(j + 0.5, i + 0.5, text, ha="center", va="center", color=theme.MUTED if grey[i, j] else theme.INK)
    ax.set_xticks(np.arange(len(labels)) + 0.5, labels, rotation=25, ha="left", rotation_mode="anchor")
    named = [
        say("{group} (n = {n})", group=g, n=f"{base[g]:,.0f}")
        if base[g] == base[g]
        else say("{group} (n under the smallest base shown)", group=g)
        for g in groups
    ]
    ax.set_yticks(np.arange(len(groups)) + 0.5, named)
    ax.set_ylim(len(groups), 0)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.set_label(_heatmap_alt(value))
    return theme.keep(ax, chosen.drop(columns="p_adjusted"))


def plot_over_time(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Gap of each dimension by period, with intervals; lines are named at their end.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.servqual.gaps` with `by` a column of periods that sort by time.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, gaps
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": 6, "p1": [5, 4] * 40, "month": ["2026-01"] * 40 + ["2026-02"] * 40})
    >>> len(plot_over_time(gaps(frame, scale=scale, by="month")).get_xticks())
    2
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    chosen = shown[(shown["level"] == "dimension") & (shown["measure"] == "gap")]
    periods = sorted(chosen["group"].unique())
    ax = ax or plt.subplots(figsize=(4.8, 3.8))[1]
    labels = list(chosen["label"].unique())
    ends = []
    for k, label in enumerate(labels):
        line = chosen[chosen["label"] == label].set_index("group").reindex(periods)
        x = np.arange(len(periods)) + 0.09 * (k - (len(labels) - 1) / 2)
        colour = SHADES[k % len(SHADES)]
        ax.vlines(x, line["ci_low"], line["ci_high"], color=colour, lw=1.4, alpha=0.45)
        ax.plot(x, line["estimate"], marker=MARKERS[k % len(MARKERS)], ms=4.5, lw=1.2, color=colour)
        ends.append((line["estimate"].iloc[-1], label, colour))
    _name_ends(ax, ends, len(periods))
    step = max(1, -(-len(periods) // 4))
    at = range((len(periods) - 1) % step, len(periods), step)
    ax.set_xticks(list(at), [periods[i] for i in at])
    ax.set_xlim(-0.5, len(periods) - 0.5)
    ax.axhline(0, color=theme.MUTED, lw=1)
    ax.set_ylabel(say("Gap: received less expected, points"))
    ax.grid(axis="x", visible=False)
    ax.set_label(_time_alt(chosen, periods, labels))
    return theme.keep(
        ax, chosen.drop(columns="p_adjusted"), rows={"group": say("Period"), "label": say("Dimension")}
    )


def _dumbbells(ax: Axes, items: pd.DataFrame, places: dict[str, float]) -> None:
    faces = {"expectation": (say("Expected"), "white", "D"), "perception": (say("Received"), theme.ACCENT, "o")}
    sides = {m: items[items["measure"] == m].set_index("item").reindex(list(places)) for m in faces}
    y = np.array(list(places.values()))
    if not any(side["estimate"].isna().all() for side in sides.values()):
        ends = [side["estimate"].to_numpy(dtype=float) for side in sides.values()]
        ax.hlines(y, np.fmin(*ends), np.fmax(*ends), color="#c9d3de", lw=4, zorder=1)
    for measure, (name, face, marker) in faces.items():
        side = sides[measure]
        if side["estimate"].isna().all():
            continue
        edge = theme.INK if face == "white" else face
        ax.hlines(y, side["ci_low"], side["ci_high"], color=edge, lw=1.3, zorder=2)
        ax.plot(side["estimate"], y, marker, mfc=face, mec=edge, ms=5.5, ls="", label=name, zorder=3)


def _name_ends(ax: Axes, ends: Sequence[tuple[float, str, str]], periods: int) -> None:
    low, high = ax.get_ylim()
    spacing = 0.065 * (high - low)
    known = sorted((end for end in ends if end[0] == end[0]), key=lambda end: end[0])
    at = np.array([end[0] for end in known])
    steps = spacing * np.arange(len(at))
    up, down = np.maximum.accumulate(at - steps), np.minimum.accumulate((at - steps)[::-1])[::-1]
    for place, (_, label, colour) in zip((up + down) / 2 + steps, known, strict=True):
        ax.annotate(label, (periods - 0.45, place), color=colour, va="center", annotation_clip=False, fontsize=9.5)


def _items_alt(items: pd.DataFrame) -> str:
    gap = items[(items["measure"] == "gap") & items["estimate"].notna()]
    if gap.empty:
        return say("Mean answers of {n} items with intervals.", n=items["item"].nunique())
    low, high = gap.loc[gap["estimate"].idxmin()], gap.loc[gap["estimate"].idxmax()]
    return say(
        "Expected and received, {n} items. Gaps run from {low} ({low_item}) to {high} ({high_item}) points.",
        n=len(gap),
        low=theme.number(low["estimate"]),
        low_item=low["label"],
        high=theme.number(high["estimate"]),
        high_item=high["label"],
    )


def _heatmap_alt(value: pd.DataFrame) -> str:
    rows = [
        say("{group}: {gaps}", group=group, gaps=say(", ").join(_valued(row[row.notna()])))
        for group, row in value.iterrows()
    ]
    return say("Gap in points by group and dimension. {rows}.", rows=say("; ").join(rows))


def _valued(gaps: pd.Series) -> list[str]:
    return [say("{label} {gap}", label=label, gap=theme.number(gap)) for label, gap in gaps.items()]


def _time_alt(chosen: pd.DataFrame, periods: list[str], labels: list[str]) -> str:
    ends = chosen[chosen["group"].isin([periods[0], periods[-1]])].pivot(
        index="label", columns="group", values="estimate"
    )
    rows = [
        f"{label} {theme.number(ends.loc[label, periods[0]])} → {theme.number(ends.loc[label, periods[-1]])}"
        for label in labels
    ]
    return say(
        "Gap in points by dimension from {first} to {last}: {rows}.",
        first=periods[0],
        last=periods[-1],
        rows=say(", ").join(rows),
    )
