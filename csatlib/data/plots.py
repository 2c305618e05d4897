"""Figures of unanswered questions: result table in, Axes out, nothing computed."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.data import SOME_ONLY, sentences
from csatlib.words import mark, say

STATES = {"skipped": mark("No answer"), "not_applicable": mark("Does not apply")}
LOOKS = {"skipped": ("o", theme.ACCENT, theme.ACCENT), "not_applicable": ("D", "white", theme.INK)}


def plot_unanswered(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Dots with intervals: who skipped each question, and to whom it did not apply, by dimension.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.data.coverage`, one role per item (see :func:`csatlib.data.received`).
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> row = {"item": "q1", "label": "Prompt", "dimension": "", "some_only": False, "n": 50}
    >>> row |= {"state": "skipped", "estimate": 2.0}
    >>> ax = plot_unanswered(pd.DataFrame([row | {"ci_low": 0.4, "ci_high": 10.5}]))
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Prompt']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    order = shown.drop_duplicates("item").sort_values("dimension", key=lambda names: names == "", kind="stable")
    places, ticks, y = {}, [], 0.0
    for dimension, members in order.groupby("dimension", sort=False):
        if dimension:
            ticks.append((y, dimension, "bold"))
            y += 0.9
        for row in members.itertuples():
            places[row.item] = y
            ticks.append((y, row.label, "normal"))
            y += 1
        y += 0.3
    ax = ax or plt.subplots(figsize=(4.8, 1.2 + 0.245 * y))[1]
    names = {state: say(text) for state, text in STATES.items()}
    for state, (marker, face, edge) in LOOKS.items():
        part = shown[shown["state"] == state].set_index("item").reindex(list(places))
        at = np.array(list(places.values())) + (0.14 if state == "skipped" else -0.14)
        ax.hlines(at, part["ci_low"], part["ci_high"], color=edge, lw=1.2, zorder=2)
        ax.plot(part["estimate"], at, marker, mfc=face, mec=edge, ms=5, ls="", label=names[state], zorder=3)
    ax.set_yticks([t[0] for t in ticks], [t[1] for t in ticks])
    for label, (_, _, weight) in zip(ax.get_yticklabels(), ticks, strict=True):
        label.set_fontweight(weight)
    ax.set_ylim(y - 0.4, -0.7)
    _clip(ax, shown, places)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say("Percent of those asked"))
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, frameon=False, handletextpad=0.2)
    ax.set_label(say("{n} questions. {most}", n=len(order), most=sentences.unanswered(result)))
    return theme.keep(ax, shown, rows={"label": say("Question"), "state": say("State")}, names=names, decimals=1)


def plot_groups(result: pd.DataFrame, *, by: str, ax: Axes | None = None) -> Axes:
    """Percent of those asked who gave no rating, skipped or not applicable, by question and group.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.data.coverage` with `by`, one role per item.
    by : str
        The column of groups, such as ``"wave"``.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; a group that was not asked a question is empty.

    Examples
    --------
    >>> row = {"item": "q1", "label": "Prompt", "wave": "2026-Q1", "state": "skipped", "n": 50, "estimate": 2.0}
    >>> [text.get_text() for text in plot_groups(pd.DataFrame([row]), by="wave").get_xticklabels()]
    ['2026-Q1']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result.assign(group=result[by]))
    items, groups = shown["item"].unique(), sorted(shown[by].unique())
    wide = shown.pivot_table(index="item", columns=by, values="estimate", aggfunc="sum", min_count=1, sort=False)
    values = wide.reindex(index=items, columns=groups).to_numpy(dtype=float)
    ax = ax or plt.subplots(figsize=(4.8, 0.9 + 0.26 * len(items)))[1]
    top = max(np.nanmax(values, initial=0.0), 1.0)
    ax.pcolormesh(np.ma.masked_invalid(values), cmap="Blues", vmin=0, vmax=1.6 * top, edgecolor="white", lw=1)
    for i, j in np.argwhere(~np.isnan(values)):
        ax.text(j + 0.5, i + 0.5, theme.number(values[i, j], 0), ha="center", va="center", fontsize=8.5)
    labels = shown.drop_duplicates("item").set_index("item").loc[items, "label"]
    ax.set_yticks(np.arange(len(items)) + 0.5, labels)
    ax.set_xticks(
        np.arange(len(groups)) + 0.5,
        [group or say("all rows") for group in groups],
        rotation=60,
        ha="left",
        rotation_mode="anchor",
    )
    ax.set_ylim(len(items), 0)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.set_label(sentences.by_group(result, by=by))
    headings = {"label": say("Question"), by: by.capitalize(), "state": say("State")}
    return theme.keep(
        ax, shown, rows=headings, names={state: say(text) for state, text in STATES.items()}, decimals=1
    )


def _clip(ax: Axes, shown: pd.DataFrame, places: dict[str, float]) -> None:
    """End the axis where most answers are; questions put to some only are told as a number at its end."""
    usual = shown[shown["estimate"] < SOME_ONLY]
    right = max(5.0, 1.15 * usual["ci_high"].max()) if len(usual) else 100.0
    ax.set_xlim(-0.02 * right, right)
    for row in shown[shown["estimate"] >= SOME_ONLY].itertuples() if len(usual) else ():
        text = f"{theme.number(row.estimate, 0)} % →"
        ax.text(right, places[row.item], text, ha="right", va="center", color=theme.ACCENT)
