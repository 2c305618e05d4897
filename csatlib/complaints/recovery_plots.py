"""Figures on customers after a complaint: result table in, Axes out, nothing computed."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.complaints import recovery_sentences
from csatlib.words import mark, say

UNITS = {
    "retention": mark("Percentage points, against like customers without a complaint"),
    "satisfaction": mark("Points of the scale, against like customers without a complaint"),
    "spend": mark("Spend in 30 days, against like customers without a complaint"),
}
CUSTOM = 0.1  # above it an absolute standardized difference is by custom called imbalance


def plot_recovery(result: pd.DataFrame, *, measure: str = "retention", ax: Axes | None = None) -> Axes:
    """Points with intervals: customers repaired well and badly against like customers without a complaint.

    Parameters
    ----------
    result : DataFrame
        ``contrasts`` of :func:`csatlib.complaints.recovery`.
    measure : {"retention", "satisfaction", "spend"}
        What is shown.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; the line at 0 is that of like customers without a complaint.

    Examples
    --------
    >>> row = {"part": "well", "measure": "spend", "n": 90, "value": 40.0, "value_reference": 41.0}
    >>> row |= {"estimate": -1.0, "ci_low": -3.0, "ci_high": 1.0, "p_adjusted": 0.3, "minimum_detectable": 2.9}
    >>> ax = plot_recovery(pd.DataFrame([row]), measure="spend")
    >>> [" ".join(text.get_text().split()) for text in ax.get_yticklabels()]
    ['Repaired well 90 customers']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result[result["measure"] == measure])
    shown = shown[shown["estimate"].notna()]
    names = [say(recovery_sentences.PARTS[part]) for part in shown["part"]]
    labels = [
        say("{part}\n{n} customers", part=name, n=f"{n:,.0f}") for name, n in zip(names, shown["n"], strict=True)
    ]
    y = list(range(len(shown)))
    ax = ax or plt.subplots(figsize=(5.4, 1.3 + 0.55 * len(shown)))[1]
    ax.axvline(0, color=theme.INK, lw=1)
    ax.hlines(y, shown["ci_low"], shown["ci_high"], color=theme.ACCENT, lw=2)
    for at, part, value in zip(y, shown["part"], shown["estimate"], strict=True):
        face = theme.ACCENT if part == "well" else "white"
        ax.plot(value, at, "o" if part == "well" else "s", color=theme.ACCENT, mfc=face, mew=1.6, ms=8)
        ax.annotate(theme.number(value, 1), (value, at), (0, 8), textcoords="offset points", ha="center",
                    fontsize=9, color=theme.INK)  # fmt: skip
    ax.set_yticks(y, labels)
    ax.set_ylim(max(len(shown) - 0.4, 0.6), -0.7)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say(UNITS[measure]))
    ax.set_label(recovery_sentences.after(result[result["measure"] == measure]))
    return theme.keep(ax, shown.assign(label=names), rows={"label": say("After a complaint")}, decimals=1)


def plot_balance(balance: pd.DataFrame, *, names: Mapping[str, str], ax: Axes | None = None) -> Axes:
    """Points: how far both sides are apart in what was known before, without and with weights.

    Parameters
    ----------
    balance : DataFrame
        Rows of one contrast and outcome of ``balance`` of :func:`csatlib.complaints.recovery`.
    names : mapping of str to str
        What a reader calls each column of the customers.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; the grey band is by custom called balanced.

    Examples
    --------
    >>> row = {"part": "well", "variable": "tenure", "category": "", "n": 90, "n_reference": 900}
    >>> ax = plot_balance(pd.DataFrame([row | {"smd_before": -0.4, "smd_after": 0.003}]), names={})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Years as a customer']
    >>> plt.close("all")
    """
    shown = disclosure.protect(balance)
    labels = [recovery_sentences.known(row, names=names) for row in shown.to_dict("records")]
    y = list(range(len(shown)))
    ax = ax or plt.subplots(figsize=(5.4, 1.3 + 0.24 * len(shown)))[1]
    ax.axvspan(-CUSTOM, CUSTOM, color=theme.MUTED, alpha=0.18, lw=0)
    ax.axvline(0, color=theme.MUTED, lw=1)
    ax.plot(shown["smd_before"], y, "o", color=theme.WARN, mfc="white", mew=1.6, label=say("Before weighting"))
    ax.plot(shown["smd_after"], y, "D", color=theme.ACCENT, ms=5, label=say("After weighting"))
    ax.set_yticks(y, labels)
    ax.set_ylim(max(len(shown) - 0.4, 0.6), -0.7)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say("Difference in standard deviations"))
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2, frameon=False, fontsize=9)
    ax.set_label(recovery_sentences.balanced(balance))
    told = shown.assign(label=labels, estimate=shown["smd_after"])
    return theme.keep(ax, told, rows={"label": say("Known before")}, decimals=2)
