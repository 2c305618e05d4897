"""Figures of what customers are worth: result table in, Axes out, nothing computed."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.clv import value_sentences as sentences
from csatlib.words import say, together

SEGMENTS = ("#0b5cad", "#6fa3d4", "#cfe0f0", "#e6e9ed", "#f2f3f5")
NARROW = 7.0  # percent of a bar under which its number is left out


def plot_holdouts(result: pd.DataFrame, *, currency: str, ax: Axes | None = None) -> Axes:
    """Ranges forecast from earlier months, and what was then paid.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.value_holdouts`.
    currency : str
        Its code.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> rows = {"period": ["2026-01", "2026-02"], "n": 90, "value": [10.0, 12.0], "estimate": [11.0, 11.0]}
    >>> rows |= {"ci_low": 9.0, "ci_high": 12.0, "error_percent": 5.0, "covered": True}
    >>> plot_holdouts(pd.DataFrame(rows), currency="EUR").get_ylabel()
    'Payments, EUR'
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    ax = ax or plt.subplots(figsize=(4.8, 3.4))[1]
    at = np.arange(len(shown))
    ax.vlines(
        at, shown["ci_low"], shown["ci_high"], color=theme.ACCENT, lw=7, alpha=0.35, label=say("Range forecast")
    )
    ax.plot(at, shown["estimate"], "_", color=theme.ACCENT, ms=11, mew=2, ls="", label=say("Forecast"))
    ax.plot(at, shown["value"], "o", mfc="white", mec=theme.INK, ms=6, mew=1.5, ls="", label=say("Paid"))
    ax.set_xticks(at, shown["period"], rotation=45, ha="right")
    ax.set_xlim(-0.5, max(len(shown) - 0.5, 0.5))
    ax.grid(axis="x", visible=False)
    ax.margins(y=0.12)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.set_xlabel(say("Last month known to the forecast"))
    ax.set_ylabel(say("Payments, {currency}", currency=currency))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, fontsize=9)
    ax.set_label(sentences.held(result))
    return theme.keep(ax, shown, rows={"period": say("Last month known")}, decimals=0)


def plot_tiers(total: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Bars by tier: share of the customers and share of the value, the latter with its range.

    Parameters
    ----------
    total : DataFrame
        ``total`` of :func:`csatlib.clv.lifetime_value`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> row = {"level": "tier", "group": ["A", "B"], "measure": "share_of_value", "n": [20, 80]}
    >>> row |= {"share": [0.2, 0.8]}
    >>> ax = plot_tiers(pd.DataFrame(row | {"estimate": [60.0, 40.0], "ci_low": [50, 30], "ci_high": [70, 50]}))
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Tier A', 'Tier B']
    >>> plt.close("all")
    """
    shown = disclosure.protect(total.query("level == 'tier' and measure == 'share_of_value'"))
    shown = sentences.labelled(shown).reset_index(drop=True)
    ax = ax or plt.subplots(figsize=(4.8, 0.75 * len(shown) + 1.3))[1]
    at, people = np.arange(len(shown)), 100 * shown["share"].to_numpy(dtype=float)
    ax.barh(at - 0.2, people, 0.36, color="#d5dae0", label=say("Share of customers"))
    ax.barh(at + 0.2, shown["estimate"], 0.36, color=theme.ACCENT, label=say("Share of value"))
    ax.hlines(at + 0.2, shown["ci_low"], shown["ci_high"], color=theme.INK, lw=2)
    for y, value, end in zip(
        [*(at - 0.2), *(at + 0.2)], [*people, *shown["estimate"]], [*people, *shown["ci_high"]], strict=True
    ):
        if np.isfinite(value):
            ax.text(end + 1, y, f"{value:.0f} %", va="center", fontsize=9)
    ax.set_yticks(at, shown["label"])
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say("Percent"))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=9)
    ax.set_label(sentences.concentrated(total) or say("Too few customers to value."))
    return theme.keep(ax, shown, rows={"label": say("Tier")}, decimals=0)


def plot_moves(result: pd.DataFrame, *, contract: bool, ax: Axes | None = None) -> Axes:
    """One bar of 100 % per tier before, cut by the tier later; hatched is who left.

    Parameters
    ----------
    result : DataFrame
        ``moves`` of :func:`csatlib.clv.migration`.
    contract : bool
        Whether customers who are gone are known to have left, or only bought nothing.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> row = {"group": "A", "part": ["A", "gone"], "n": 90, "count": [80, 10], "estimate": [88.9, 11.1]}
    >>> ax = plot_moves(pd.DataFrame(row | {"ci_low": 6.0, "ci_high": 94.0}), contract=True)
    >>> [text.get_text() for text in ax.texts]
    ['89', '11']
    >>> plt.close("all")
    """
    shown = sentences.labelled(disclosure.protect(result))
    before = list(dict.fromkeys(shown["label"]))
    parts = list(dict.fromkeys(result["part"]))
    named = sentences.labelled(pd.DataFrame({"part": parts}), column="part", contract=contract)
    words = dict(zip(parts, named["label"], strict=True))
    ax = ax or plt.subplots(figsize=(4.8, 0.55 * len(before) + 1.6))[1]
    left = np.zeros(len(before))
    for at, part in enumerate(parts):
        width = shown[shown["part"] == part].set_index("label")["estimate"].reindex(before).fillna(0).to_numpy()
        gone = part == "gone"
        look = {"color": theme.WARN, "hatch": "///"} if gone else {"color": SEGMENTS[at % len(SEGMENTS)]}
        ax.barh(before, width, 0.62, left=left, edgecolor="white", lw=1, label=words[part], **look)
        for y, size in enumerate(width):
            if size >= NARROW:
                box = {"facecolor": theme.WARN, "edgecolor": "none", "pad": 1.5} if gone else None
                light = gone or at == 0
                ax.text(
                    left[y] + size / 2, y, f"{size:.0f}", ha="center", va="center", fontsize=9, bbox=box,
                    color="white" if light else theme.INK,
                )  # fmt: skip
        left += width
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    ax.grid(visible=False)
    ax.set_xlabel(say("Percent of the tier before"))
    ax.set_ylabel(say("Before"))
    ax.legend(
        loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=len(parts), frameon=False, fontsize=9,
        title=say("Afterwards"), columnspacing=1.0, handlelength=1.2,
    )  # fmt: skip
    kept = shown[shown["group"] == shown["part"]]
    told = [
        say("{tier}: {share} % kept it.", tier=row.label, share=theme.number(row.estimate, 0))
        for row in kept.itertuples()
    ]
    ax.set_label(together(*told) if told else say("Too few customers to follow between tiers."))
    return theme.keep(
        ax, shown, rows={"label": say("Tier before"), "part": say("Tier later")}, names=words, decimals=0
    )


def plot_link(result: pd.DataFrame, *, months: int, ax: Axes | None = None) -> Axes:
    """Dots with intervals: percent who stayed by the score before; filled with tenure and the like held equal.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.clv.satisfaction_link`.
    months : int
        Months of a window.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> row = {"measure": "retention", "part": "adjusted", "group": ["low", "high"], "n": 90}
    >>> row |= {"estimate": [87.0, 95], "ci_low": 84.0, "ci_high": 96.0}
    >>> [text.get_text()[:9] for text in plot_link(pd.DataFrame(row), months=6).get_xticklabels()]
    ['Low score', 'High scor']
    >>> plt.close("all")
    """
    shown = sentences.labelled(disclosure.protect(result[result["measure"] == "retention"]))
    shown = shown[shown["part"].isin(["crude", "adjusted"])]
    ax = ax or plt.subplots(figsize=(4.8, 3.4))[1]
    order = list(dict.fromkeys(shown["label"]))
    looks = (
        ("crude", -0.1, "white", say("As counted")),
        ("adjusted", 0.1, theme.ACCENT, say("With what else is known held equal")),
    )
    for part, shift, face, text in looks:
        own = shown[shown["part"] == part]
        at = np.array([order.index(label) for label in own["label"]], dtype=float) + shift
        ax.vlines(at, own["ci_low"], own["ci_high"], color=theme.ACCENT, lw=1.6)
        ax.plot(at, own["estimate"], "o", mfc=face, mec=theme.ACCENT, ms=7, ls="", label=text)
    sizes = shown.groupby("label")["n"].max()
    ax.set_xticks(
        range(len(order)),
        [say("{group}\n(n = {n})", group=label, n=f"{sizes[label]:,.0f}") for label in order],
    )
    ax.set_xlim(-0.5, max(len(order) - 0.5, 0.5))
    ax.grid(axis="x", visible=False)
    ax.set_ylabel(say("Percent who stayed\nthe next {months} months", months=str(months)))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=9)
    told = [
        say("{group}: {share} % stayed.", group=row.label, share=theme.number(row.estimate, 0))
        for row in shown[shown["part"] == "adjusted"].itertuples()
    ]
    few = say("Too few customers with a score to say how satisfaction and staying go together.")
    ax.set_label(together(*told) if told else few)
    return theme.keep(ax, shown, rows={"label": say("Score before"), "part": say("Figure")}, decimals=1)
