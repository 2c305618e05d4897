"""Figures of churn: result in, Axes out, nothing computed."""

import textwrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.churn import model_sentences, risk_names, risk_sentences
from csatlib.words import say

SHADE = "#c9d3de"


def plot_calibration(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Share who left against the risk foretold, with limits; on the diagonal both agree.

    Parameters
    ----------
    result : DataFrame
        ``calibration`` of :func:`csatlib.churn.evaluate`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> rows = {"bin": [1, 2], "n": 90, "n_eff": 90.0, "value": [0.02, 0.1], "estimate": [0.03, 0.09]}
    >>> plot_calibration(pd.DataFrame(rows | {"ci_low": 0.01, "ci_high": 0.2})).get_xlabel()
    'Foretold: percent who leave'
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    rows = shown[~shown["hidden"]]
    ax = ax or plt.subplots(figsize=(4.8, 3.8))[1]
    x, y = 100 * rows["value"], 100 * rows["estimate"]
    end = 1.05 * max(x.max(), (100 * rows["ci_high"]).max())
    ax.plot([0, end], [0, end], color=theme.MUTED, lw=1, ls="--", zorder=1)
    ax.vlines(x, 100 * rows["ci_low"], 100 * rows["ci_high"], color=theme.ACCENT, lw=1.5, zorder=2)
    ax.plot(x, y, "o", color=theme.ACCENT, ms=5, ls="", zorder=3)
    ax.set_xlim(0, 1.1 * x.max())
    ax.set_ylim(0, end)
    ax.set_xlabel(say("Foretold: percent who leave"))
    ax.set_ylabel(say("Happened: percent who left"))
    ax.set_label(model_sentences.holds(result))
    return theme.keep(ax, shown.drop(columns="share", errors="ignore"), decimals=3)


def plot_profit(result: pd.DataFrame, *, currency: str, ax: Axes | None = None) -> Axes:
    """Profit of a call list by the share of customers called, the lists that cannot be told from the best marked.

    Parameters
    ----------
    result : DataFrame
        ``profit`` of :func:`csatlib.churn.evaluate`.
    currency : str
        Unit of money.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; the diamond is the list of the cost rule.

    Examples
    --------
    >>> rows = {"threshold": [2.0, 1.0, 0.0], "share": [0.05, 0.1, 1.0], "n": [50, 100, 1000]}
    >>> rows |= {"plateau": [True, True, False], "estimate": [40.0, 50.0, -900.0]}
    >>> rows |= {"ci_low": [0.0, 10.0, -990.0], "ci_high": [0.0, 90.0, -800.0]}
    >>> plot_profit(pd.DataFrame(rows | {"rule": [False, True, False]}), currency="EUR").get_ylabel()
    'Profit of one call list, EUR'
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    rows = shown[~shown["hidden"]].sort_values("share")
    x = 100 * rows["share"]
    ax = ax or plt.subplots(figsize=(4.8, 3.6))[1]
    ax.fill_between(x, rows["ci_low"], rows["ci_high"], color=SHADE, lw=0, zorder=1)
    ax.plot(x, rows["estimate"], color=theme.ACCENT, lw=1.2, zorder=2)
    flat = rows["plateau"].to_numpy()
    ax.plot(x[flat], rows["estimate"][flat], color=theme.ACCENT, lw=4, solid_capstyle="butt", zorder=3)
    rule = rows[rows["rule"]]
    ax.plot(100 * rule["share"], rule["estimate"], "D", mfc="white", mec=theme.INK, ms=7, zorder=4)
    ax.axhline(0, color=theme.MUTED, lw=1, ls="--", zorder=1)
    ax.set_xlabel(say("Percent of customers called"))
    ax.set_ylabel(say("Profit of one call list, {currency}", currency=currency))
    ax.set_label(risk_sentences.plateau(result))
    return theme.keep(ax, shown, decimals=3)


def plot_policies(result: pd.DataFrame, *, currency: str, ax: Axes | None = None) -> Axes:
    """Profit of each way to choose whom to call, with limits; calling nobody is 0.

    Parameters
    ----------
    result : DataFrame
        ``policies`` of :func:`csatlib.churn.evaluate`.
    currency : str
        Unit of money.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; everyone is left out, whose loss would dwarf the rest, and nobody is the line at 0.

    Examples
    --------
    >>> rows = {"policy": ["model", "random"], "n": 900, "estimate": [50.0, -20.0], "ci_low": [9.0, -40.0]}
    >>> rows |= {"ci_high": [90.0, -1.0], "difference": [0.0, 70.0], "p_adjusted": [None, 0.01]}
    >>> ax = plot_policies(pd.DataFrame(rows), currency="EUR")
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['the model', 'by lot, as many']
    >>> plt.close("all")
    """
    rows = result[~result["policy"].isin(["everyone", "nobody"])]
    names = [textwrap.fill(risk_names.policy(name), 24) for name in rows["policy"]]
    ax = _dots(rows, names, ax)
    ax.set_xlabel(say("Profit of one call list, {currency}", currency=currency))
    ax.set_label(risk_sentences.compared(result, currency=currency))
    kept = rows.assign(label=[risk_names.policy(name) for name in rows["policy"]]).drop(columns="policy")
    return theme.keep(ax, kept, rows={"label": say("Who is called")}, decimals=0)


def plot_importance(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """How much worse leavers are told from stayers without a block, with limits; in the order of the model.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.churn.importance`, by the blocks of :func:`csatlib.churn.blocks`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> rows = {"feature": ["scores", "spend"], "n": 900, "estimate": [0.05, 0.0], "ci_low": [0.01, -0.02]}
    >>> ax = plot_importance(pd.DataFrame(rows | {"ci_high": [0.09, 0.02], "top": [True, False]}))
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['scores given', 'spend']
    >>> plt.close("all")
    """
    rows = result.assign(**{column: 100 * result[column] for column in ("estimate", "ci_low", "ci_high")})
    names = [risk_names.block(name) for name in rows["feature"]]
    ax = _dots(rows, names, ax)
    ax.set_xlabel(say("Pairs lost, of 100, when shuffled"))
    ax.set_label(model_sentences.leading(result))
    kept = rows.assign(label=names).drop(columns="feature")
    return theme.keep(ax, kept, rows={"label": say("What is known")}, decimals=1)


def plot_dependence(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Mean risk over a number's values, all else as it is, with limits.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.churn.dependence`, of one feature with numbers.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> rows = {"feature": "last_nps", "level": ["2", "9"], "at": [2.0, 9.0], "n": 900, "estimate": [0.08, 0.03]}
    >>> ax = plot_dependence(pd.DataFrame(rows | {"ci_low": [0.06, 0.02], "ci_high": [0.1, 0.04]}))
    >>> ax.get_xlabel()
    'Last recommendation, 0 to 10'
    >>> plt.close("all")
    """
    ax = ax or plt.subplots(figsize=(4.8, 3.2))[1]
    ax.fill_between(result["at"], 100 * result["ci_low"], 100 * result["ci_high"], color=SHADE, lw=0)
    ax.plot(result["at"], 100 * result["estimate"], color=theme.ACCENT, lw=1.5, marker="o", ms=4)
    ax.set_ylim(bottom=0)
    ax.set_xlabel(risk_names.feature(result["feature"].iloc[0]))
    ax.set_ylabel(say("Foretold: percent who leave"))
    ax.set_label(model_sentences.bent(result))
    return theme.keep(ax, result, rows={"level": say("Value")}, decimals=3)


def _dots(rows: pd.DataFrame, names: list[str], ax: Axes | None) -> Axes:
    y = np.arange(len(rows))
    ax = ax or plt.subplots(figsize=(4.8, 1.3 + 0.42 * len(rows)))[1]
    ax.axvline(0, color=theme.MUTED, lw=1, ls="--", zorder=1)
    ax.hlines(y, rows["ci_low"], rows["ci_high"], color=theme.ACCENT, lw=1.5, zorder=2)
    ax.plot(rows["estimate"], y, "o", color=theme.ACCENT, ms=6, ls="", zorder=3)
    ax.set_yticks(y, names)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    return ax
