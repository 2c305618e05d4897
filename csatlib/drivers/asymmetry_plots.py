"""Figures of asymmetric and Kano factors: result table in, Axes out, nothing computed."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.drivers.asymmetry_sentences import CATEGORIES, FACTORS, categories_found, factors_found
from csatlib.words import mark, say

SIDES = {
    "penalty": (mark("Low score"), "o", theme.WARN, -0.16),
    "reward": (mark("High score"), "s", theme.ACCENT, 0.16),
}
LETTERS = {"M": ("o", theme.WARN), "O": ("s", theme.INK), "A": ("^", theme.ACCENT), "I": ("D", theme.MUTED)}
CORNERS = {"A": (0.02, 0.98), "O": (0.98, 0.98), "I": (0.02, 0.06), "M": (0.98, 0.06)}
NAMED = 12
GAP = 0.05  # between the labels beside the plane, as a share of its height


def plot_penalty_reward(
    coefficients: pd.DataFrame,
    factors: pd.DataFrame,
    *,
    names: Mapping[str, str],
    ax: Axes | None = None,
) -> Axes:
    r"""Two dots with intervals per row: what low and what high scores go with, against a middling score.

    Parameters
    ----------
    coefficients, factors : DataFrame
        Of :func:`csatlib.drivers.asymmetry.penalty_reward`, one group; the linear model is drawn.
    names : mapping of str to str
        What a reader calls each column.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; the class stands under each name. Hollow marks are indicative.

    Examples
    --------
    >>> from csatlib.drivers.asymmetry import penalty_reward
    >>> answers = pd.DataFrame({"q1": np.tile([1, 2, 3, 4, 5], 100)})
    >>> answers["overall"] = 2 * (answers["q1"] > 2) + np.arange(500) % 7
    >>> found = penalty_reward(answers, outcome="overall", drivers=["q1"], low=2, high=4)
    >>> ax = plot_penalty_reward(found.coefficients, found.factors, names={"q1": "Speed"})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Speed\nbasic']
    >>> plt.close("all")
    """
    shown = disclosure.protect(coefficients[coefficients["model"] == "linear"])
    called = disclosure.protect(factors)
    order = list(called["driver"])
    ax = ax or plt.subplots(figsize=(4.8, 1.2 + 0.52 * len(order)))[1]
    for term, (label, marker, colour, shift) in SIDES.items():
        part = shown[shown["term"] == term]
        at = np.array([order.index(driver) for driver in part["driver"]]) + shift
        ax.hlines(at, part["ci_low"], part["ci_high"], color=colour, lw=1.5, zorder=2)
        for hollow in (False, True):
            own = (part["indicative"] == hollow).to_numpy()
            ax.plot(
                part["estimate"][own], at[own], marker, mfc="white" if hollow else colour, mec=colour, ms=6, ls="",
                label=None if hollow else say(label), zorder=3,
            )  # fmt: skip
    said = np.where(called["hidden"] | called["indicative"], "undetermined", called["factor"])
    ticks = [f"{names.get(d, d)}\n{say(FACTORS[factor])}" for d, factor in zip(order, said, strict=True)]
    ax.set_yticks(range(len(order)), ticks)
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.axvline(0, color=theme.INK, lw=1, zorder=1)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say("Points of the outcome, against a middling score"))
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2, frameon=False)
    ax.set_label(factors_found(factors, names=names))
    kept = shown.assign(label=[names.get(d, d) for d in shown["driver"]])
    words = {term: say(label) for term, (label, *_) in SIDES.items()}
    return theme.keep(
        ax, kept, rows={"label": say("Item or dimension"), "term": say("Kind of score")}, names=words
    )


def plot_kano(coefficients: pd.DataFrame, items: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Plane of Better and Worse with intervals: who would be pleased with it, who displeased without it.

    Parameters
    ----------
    coefficients, items : DataFrame
        Of :func:`csatlib.drivers.kano.kano`, one group.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; filled marks have a leading category beyond random variation. Names stand beside
        the plane, in the order of their marks from the top, so that none overlaps; of more than twelve items only
        filled marks are named.

    Examples
    --------
    >>> from csatlib.drivers.kano import kano
    >>> answers = pd.DataFrame({"with": [3] * 40 + [1] * 5, "without": [5] * 45})
    >>> found = kano(answers, functional=["with"], dysfunctional=["without"], items=["Speed"])
    >>> ax = plot_kano(found.coefficients, found.items)
    >>> [text.get_text() for text in ax.texts if text.get_text() == "Speed"]
    ['Speed']
    >>> plt.close("all")
    """
    shown = disclosure.protect(coefficients)
    plane = _plane(shown, disclosure.protect(items))
    ax = ax or plt.subplots(figsize=(5.6, 4.6))[1]
    ax.axhline(0.5, color=theme.MUTED, lw=1, ls="--", zorder=1)
    ax.axvline(0.5, color=theme.MUTED, lw=1, ls="--", zorder=1)
    ax.hlines(plane["y"], plane["x_low"], plane["x_high"], color=theme.MUTED, lw=0.8, zorder=2)
    ax.vlines(plane["x"], plane["y_low"], plane["y_high"], color=theme.MUTED, lw=0.8, zorder=2)
    for row in plane.itertuples():
        marker, colour = LETTERS.get(row.category, ("o", theme.MUTED))
        face = colour if row.category in LETTERS else "white"
        ax.plot(row.x, row.y, marker, mfc=face, mec=colour, ms=6, ls="", zorder=3)
    _beside(ax, plane if len(plane) <= NAMED else plane[plane["category"] != "cannot tell"])
    for category, (x, y) in CORNERS.items():
        sides = {"ha": "left" if x < 0.5 else "right", "va": "bottom" if y < 0.5 else "top"}
        ax.text(x, y, say(CATEGORIES[category]), color=theme.MUTED, fontsize=9, zorder=0, **sides)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.set_xlabel(say("Share displeased without it"))
    ax.set_ylabel(say("Share pleased with it"))
    ax.set_label(categories_found(items))
    words = {"better": say("Pleased with it"), "worse": say("Displeased without it (below 0)")}
    rows = {"item": say("Item or dimension"), "measure": say("Share of answers")}
    return theme.keep(ax, shown, rows=rows, names=words)


def _plane(shown: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """One row per item that may be shown, from the top of the plane down; worse is turned to 0 to 1."""
    better, worse = (shown[shown["measure"] == name].set_index("item") for name in ("better", "worse"))
    plane = pd.DataFrame(
        {
            "x": -worse["estimate"],
            "x_low": -worse["ci_high"],
            "x_high": -worse["ci_low"],
            "y": better["estimate"],
            "y_low": better["ci_low"],
            "y_high": better["ci_high"],
        }
    )
    told = items.set_index("item")
    plane["category"] = told["category"].where(~(told["hidden"] | told["indicative"]), "cannot tell")
    return plane.dropna(subset=["x", "y"]).sort_values(["y", "x"], ascending=[False, True])


def _beside(ax: Axes, plane: pd.DataFrame) -> None:
    """Write names beside the plane, apart from each other, each joined to its mark by a thin line."""
    gap, place = min(GAP, 1 / max(len(plane), 1)), np.inf
    line = {"arrowstyle": "-", "color": theme.MUTED, "lw": 0.5, "shrinkA": 1, "shrinkB": 4, "relpos": (0, 0.5)}
    for i, (name, row) in enumerate(plane.iterrows()):
        place = max(min(row["y"], place - gap), (len(plane) - 1 - i) * gap)
        ax.annotate(
            name,
            (row["x"], row["y"]),
            (1.06, place),
            va="center",
            fontsize=9,
            annotation_clip=False,
            arrowprops=line,
        )
