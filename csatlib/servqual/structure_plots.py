"""Which dimensions can be told apart: correlations table in, Axes out, nothing computed."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.servqual.structure_models import NEARLY_ONE, ONE
from csatlib.words import mark, say

READINGS = {
    "apart": ("o", "white", mark("can be told apart")),
    "nearly_one": ("D", theme.MUTED, mark("may be nearly the same")),
    "one": ("s", theme.INK, mark("cannot be told apart")),
}


def plot_correlations(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Correlation of each pair of dimensions with its interval, and the marks from which on a pair reads as one.

    Parameters
    ----------
    table : DataFrame
        ``correlations`` of :func:`csatlib.servqual.structure`; the model of the dimensions is drawn.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; empty where no correlation may be read.

    Examples
    --------
    >>> row = {"model": "dimensions", "status": "proper", "label": "Speed", "other_label": "Care", "n": 340}
    >>> row |= {"reading": "one", "estimate": 0.95, "ci_low": 0.88, "ci_high": 1.02}
    >>> [text.get_text() for text in plot_correlations(pd.DataFrame([row])).get_yticklabels()]
    ['Speed – Care']
    >>> plt.close("all")
    """
    rows = disclosure.protect(table[table["model"] == "dimensions"])
    rows = rows[(rows["status"] != "not_converged") & rows["estimate"].notna()]
    rows = rows.sort_values("estimate", kind="stable", ascending=False).reset_index(drop=True)
    ax = ax or plt.subplots(figsize=(4.8, 1.6 + 0.26 * len(rows)))[1]
    names = [f"{row.label} – {row.other_label}" for row in rows.itertuples()]
    for place, style in ((NEARLY_ONE, ":"), (ONE, "-")):
        ax.axvline(place, color=theme.WARN, lw=1.2, ls=style, zorder=1)
    ax.hlines(rows.index, rows["ci_low"], rows["ci_high"], color=theme.INK, lw=1.3, zorder=2)
    shown = rows["reading"].replace({"close": "apart", "unknown": "apart"})
    for reading, (marker, face, words) in READINGS.items():
        chosen = rows[shown == reading]
        if len(chosen):
            ax.plot(
                chosen["estimate"],
                chosen.index,
                marker,
                mfc=face,
                mec=theme.INK,
                ms=6,
                ls="",
                label=say(words),
                zorder=3,
            )
    ax.set_yticks(np.arange(len(rows)), names)
    ax.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    ax.set_xlabel(say("Correlation, 95 % interval"))
    ax.grid(axis="y", visible=False)
    if len(rows):
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, handletextpad=0.1)
    ax.set_label(_alt(rows, names))
    return theme.keep(ax, rows, rows={"label": say("Dimension"), "other_label": say("Other dimension")})


def _alt(rows: pd.DataFrame, names: list[str]) -> str:
    if rows.empty:
        return say("No correlation of dimensions can be read.")
    told = [f"{name} {theme.number(r)}" for name, r in zip(names, rows["estimate"], strict=True)]
    return say("Correlations of dimensions: {pairs}.", pairs="; ".join(told))
