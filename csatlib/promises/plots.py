"""Figures on promises: result table in, Axes out, nothing computed."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.promises import sentences
from csatlib.words import say


def plot_kept(result: pd.DataFrame, *, names: Mapping[str, str], ax: Axes | None = None) -> Axes:
    """Dots with intervals: percent of promises kept, a block per column.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.promises.kept`.
    names : mapping of str to str
        What a reader calls each column.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; the dashed line is all promises, hollow dots rest on few.

    Examples
    --------
    >>> row = {"level": "promise", "group": "Call back", "n": 80, "estimate": 83.0, "ci_low": 73.0}
    >>> ax = plot_kept(pd.DataFrame([row | {"ci_high": 90.0}]), names={"promise": "promise"})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Promise', 'Call back']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    whole, parts = shown[shown["level"] == "all"], shown[shown["level"] != "all"]
    ticks, places, y = [], [], 0.0
    for level, members in parts.groupby("level", sort=False):
        name = names.get(level, level)
        ticks.append((y, name[:1].upper() + name[1:], "bold"))
        for group in members["group"]:
            y += 1
            places.append(y)
            ticks.append((y, group, "normal"))
        y += 1.3
    ax = ax or plt.subplots(figsize=(5.0, 0.9 + 0.28 * y))[1]
    at = pd.Series(places, index=parts.index, dtype=float)
    for few, face in ((False, theme.ACCENT), (True, "white")):
        some = parts[parts["indicative"] == few]
        ax.hlines(at[some.index], some["ci_low"], some["ci_high"], color=theme.ACCENT, lw=1.4, zorder=2)
        ax.plot(some["estimate"], at[some.index], "o", mfc=face, mec=theme.ACCENT, ms=5.5, ls="", zorder=3)
    if len(whole) and pd.notna(whole["estimate"].iloc[0]):
        ax.axvline(whole["estimate"].iloc[0], color=theme.MUTED, lw=1.2, ls="--", zorder=1)
    ax.set_yticks([t[0] for t in ticks], [t[1] for t in ticks])
    for label, (_, _, weight) in zip(ax.get_yticklabels(), ticks, strict=True):
        label.set_fontweight(weight)
    ax.set_ylim(max(y - 0.5, 1), -0.7)
    ax.set_xlim(right=100)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say("Percent of promises kept"))
    ax.set_label(sentences.each(parts) if len(parts) else sentences.fulfilled(result))
    kept = shown.assign(by=[names.get(level, say("All")) for level in shown["level"]])
    kept = kept.assign(who=[say("All") if level == "all" else group
                            for level, group in zip(kept["level"], kept["group"], strict=True)])  # fmt: skip
    return theme.keep(ax, kept, rows={"by": say("By"), "who": say("Group")}, decimals=1)
