"""Figures of purchases and retention: result table in, Axes out, nothing computed."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.clv import sentences
from csatlib.words import say


def plot_tracking(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Two lines: repeat purchases counted and expected, cumulated; a rule where the months kept aside begin.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.tracking`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> rows = {"period": [1, 2], "part": ["calibration", "holdout"], "n": 90, "value": [10, 20]}
    >>> rows["estimate"] = [11, 18]
    >>> plot_tracking(pd.DataFrame(rows)).get_xlabel()
    'Weeks since the first customer'
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    ax = ax or plt.subplots(figsize=(4.8, 3.6))[1]
    x = shown["period"].to_numpy(dtype=float)
    ax.plot(x, shown["value"], color=theme.INK, lw=2.2, label=say("Counted"))
    ax.plot(x, shown["estimate"], color=theme.ACCENT, lw=1.8, ls="--", label=say("Expected by the model"))
    aside = shown.loc[shown["part"] == "holdout", "period"]
    if len(aside):
        ax.axvline(aside.iloc[0] - 0.5, color=theme.MUTED, lw=1.2, ls=":")
        ax.annotate(
            say("kept aside →"), (aside.iloc[0] - 0.5, 0.03), xytext=(4, 0), textcoords="offset points",
            xycoords=("data", "axes fraction"), color=theme.INK, fontsize=9,
        )  # fmt: skip
    ax.set_ylim(bottom=0)
    ax.set_xlim(left=0)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.set_xlabel(say("Weeks since the first customer"))
    ax.set_ylabel(say("Repeat purchases, cumulated"))
    ax.legend(loc="upper left", frameon=False, fontsize=9)
    ax.set_label(sentences.tracked(result))
    return theme.keep(ax, shown, rows={"period": say("Week")}, decimals=0)


def plot_calibration(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Dots with intervals: purchases counted less those expected, by how often customers had bought.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.calibration`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; filled dots differ from 0 beyond random variation.

    Examples
    --------
    >>> row = {"group": ["0", "1"], "n": 90, "value": [0.2, 0.9], "value_reference": 0.3, "estimate": [-0.1, 0.6]}
    >>> ax = plot_calibration(pd.DataFrame(row | {"ci_low": -0.2, "ci_high": 0.8, "p_adjusted": [0.4, 0.01]}))
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['0', '1']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    ax = ax or plt.subplots(figsize=(4.8, 3.4))[1]
    at = np.arange(len(shown))
    ax.axhline(0, color=theme.INK, lw=1, zorder=1)
    ax.vlines(at, shown["ci_low"], shown["ci_high"], color=theme.ACCENT, lw=1.6, zorder=2)
    beyond = ((shown["p_adjusted"] < sentences.LEVEL) & ~shown["indicative"]).to_numpy()
    for part, face in ((beyond, theme.ACCENT), (~beyond, "white")):
        ax.plot(at[part], shown["estimate"][part], "o", mfc=face, mec=theme.ACCENT, ms=6, ls="", zorder=3)
    ax.set_xticks(at, shown["group"])
    ax.grid(axis="x", visible=False)
    ax.set_xlabel(say("Repeat purchases before"))
    ax.set_ylabel(say("Purchases per customer:\ncounted less expected"))
    ax.set_label(sentences.calibrated(result))
    return theme.keep(ax, shown, rows={"group": say("Repeat purchases before")})


def plot_retention(result: pd.DataFrame, *, observed: pd.DataFrame | None = None, ax: Axes | None = None) -> Axes:
    """Line with a band: share of a cohort still there after each renewal; dots: as counted.

    Parameters
    ----------
    result : DataFrame
        From ``survival`` of :class:`csatlib.clv.ShiftedBetaGeometric`.
    observed : DataFrame, optional
        ``period`` and ``value`` (share still there, 0 to 1).
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> rows = {"period": [0, 1], "n": 90, "estimate": [1.0, 0.8], "ci_low": [1.0, 0.7], "ci_high": [1.0, 0.9]}
    >>> plot_retention(pd.DataFrame(rows)).get_ylabel()
    'Percent of customers still there'
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    ax = ax or plt.subplots(figsize=(4.8, 3.4))[1]
    x = shown["period"].to_numpy(dtype=float)
    low, high, line = (100 * shown[c].to_numpy(dtype=float) for c in ("ci_low", "ci_high", "estimate"))
    ax.fill_between(x, low, high, color=theme.ACCENT, alpha=0.15, lw=0)
    ax.plot(x, line, color=theme.ACCENT, lw=1.8, label=say("Expected by the model"))
    if observed is not None:
        ax.plot(
            observed["period"], 100 * observed["value"], "o", mfc="white", mec=theme.INK, ms=5, ls="",
            label=say("Counted"),
        )  # fmt: skip
    ax.set_ylim(0, 105)
    ax.set_xlabel(say("Renewals since the start"))
    ax.set_ylabel(say("Percent of customers still there"))
    ax.legend(loc="upper right", frameon=False, fontsize=9)
    last = shown.iloc[-1]
    ax.set_label(
        say(
            "After {periods} renewals {share} % of customers are expected to be still there ({low} to {high} %).",
            periods=f"{last['period']:.0f}",
            share=theme.number(100 * last["estimate"], 0),
            low=theme.number(100 * last["ci_low"], 0),
            high=theme.number(100 * last["ci_high"], 0),
        )
    )
    return theme.keep(ax, shown, rows={"period": say("Renewals")})
