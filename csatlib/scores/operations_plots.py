"""Figures of operations beside satisfaction: result table in, Axes out, nothing computed."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.scores.operations_sentences import associated, banded
from csatlib.tiles import verdict
from csatlib.words import say


def plot_associations(result: pd.DataFrame, *, names: Mapping[str, str], ax: Axes | None = None) -> Axes:
    """Dots with intervals around 0: how much higher or lower answers are after each thing met.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.scores.beside`; rows without interval are left out.
    names : mapping of str to str
        Each measure with its change as a reader says it, such as "a wait 10 minutes longer".
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; filled dots differ from 0 beyond random variation.

    Examples
    --------
    >>> row = {"group": "all", "measure": "wait", "n": 400, "estimate": -0.6, "p_adjusted": 0.01}
    >>> row |= {"ci_low": -0.9, "ci_high": -0.3, "minimum_detectable": 0.4}
    >>> ax = plot_associations(pd.DataFrame([row]), names={"wait": "a wait 10 minutes longer"})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['A wait 10 minutes longer (400)']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    shown = shown.assign(label=[_named(row, names) for row in shown.to_dict("records")])
    drawn = shown[shown["ci_low"].notna()].reset_index(drop=True)
    ax = ax or plt.subplots(figsize=(6.0, 1.1 + 0.36 * max(len(drawn), 1)))[1]
    hollow = np.array([verdict(row) == "unknown" for row in drawn.to_dict("records")], dtype=bool)
    for part, face in ((drawn[~hollow], theme.ACCENT), (drawn[hollow], "white")):
        ax.hlines(part.index, part["ci_low"], part["ci_high"], color=theme.ACCENT, lw=1.4, zorder=2)
        ax.plot(part["estimate"], part.index, "o", mfc=face, mec=theme.ACCENT, ms=5.5, ls="", zorder=3)
    ax.set_ylim(max(len(drawn), 1) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.axvline(0, color=theme.INK, lw=1, zorder=1)
    reach = 1.1 * max(np.abs(drawn[["ci_low", "ci_high"]].to_numpy(dtype=float)).max(initial=0.0), 0.1)
    ax.set_xlim(-reach, reach)
    ax.set_yticks(range(len(drawn)), [f"{row.label} ({row.n:,.0f})" for row in drawn.itertuples()])
    ax.set_xlabel(say("Lower answers ← points of the answer → higher answers"))
    ax.set_label(associated(result, names=names))
    return theme.keep(ax, shown, rows={"label": say("After (number of pairs)")})


def plot_bands(
    result: pd.DataFrame, *, labels: Sequence[str], what: str, outcome: str, ax: Axes | None = None
) -> Axes:
    """Dots with intervals: the mean answer in each band of a measure; units and months are not held apart.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.scores.bands`.
    labels : sequence of str
        What a reader calls each band of `edges`, in order.
    what, outcome : str
        What a reader calls the measure with its unit, and the outcome.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; n below each band.

    Examples
    --------
    >>> row = {"group": ["0", "1"], "measure": "mean", "n": [50, 40], "estimate": [5.5, 4.5]}
    >>> table = pd.DataFrame(row | {"ci_low": [5.2, 4.1], "ci_high": [5.8, 4.9]})
    >>> ax = plot_bands(table, labels=["to 5", "over 5"], what="Wait, minutes", outcome="Overall, 1 to 7")
    >>> [text.get_text().split()[-1] for text in ax.get_xticklabels()]
    ['50', '40']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    shown = shown.assign(label=[labels[int(group)] for group in shown["group"]])
    ax = ax or plt.subplots(figsize=(6.0, 3.4))[1]
    for part, face in ((shown[~shown["indicative"]], theme.ACCENT), (shown[shown["indicative"]], "white")):
        ax.vlines(part.index, part["ci_low"], part["ci_high"], color=theme.ACCENT, lw=1.4, zorder=2)
        ax.plot(part.index, part["estimate"], "o", mfc=face, mec=theme.ACCENT, ms=6, ls="", zorder=3)
    counts = ["–" if row.hidden else f"{row.n:,.0f}" for row in shown.itertuples()]
    ax.set_xticks(shown.index, [f"{label}\nn = {n}" for label, n in zip(shown["label"], counts, strict=True)])
    ax.set_xlim(-0.6, len(shown) - 0.4)
    ax.grid(axis="x", visible=False)
    ax.set_xlabel(what)
    ax.set_ylabel(outcome)
    ax.set_label(banded(result, labels=labels, what=what, outcome=outcome))
    return theme.keep(ax, shown, rows={"label": what})


def _named(row: Mapping, names: Mapping[str, str]) -> str:
    what = names[row["measure"]]
    return what[:1].upper() + what[1:] if row["group"] == "all" else f"{row['group']}: {what}"
