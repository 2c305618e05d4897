"""Figures of journeys: result table in, Axes out, nothing computed."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.journeys import chain_sentences, sentences
from csatlib.words import mark, say

WHOLE = {
    "conditional_product": mark("All steps"),
    "marginal_product": mark("All steps, if they failed independently"),
}
LOOKS = {
    "conditional": ("o", theme.ACCENT, -0.13, mark("Of those who came so far without failure")),
    "marginal": ("s", "white", 0.13, mark("Of all")),
}
CHANNELS = {
    "same_channel": ("o", theme.ACCENT, -0.15, mark("Second contact through the same channel")),
    "other_channel": ("s", "white", 0.15, mark("Through another channel")),
}


def plot_steps(
    steps: pd.DataFrame, chain: pd.DataFrame, *, names: Mapping[str, str], ax: Axes | None = None
) -> Axes:
    """Dots with intervals: success of each step, of the whole, and of the whole if steps failed independently.

    Parameters
    ----------
    steps, chain : DataFrame
        Tables of :func:`csatlib.journeys.reliability`; the group "all" is drawn.
    names : mapping of str to str
        What a reader calls each step, in order.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; percent.

    Examples
    --------
    >>> from csatlib.journeys import reliability
    >>> jobs = pd.DataFrame({"kept": [1] * 80 + [0] * 20, "settled": [1] * 70 + [0] * 30})
    >>> found = reliability(jobs, steps=["kept", "settled"])
    >>> plot_steps(found.steps, found.chain, names={"kept": "Kept", "settled": "Settled"}).get_xlabel()
    'Percent of journeys that succeed'
    >>> plt.close("all")
    """
    shown = disclosure.protect(sentences.percent(steps[steps["group"] == "all"]))
    whole = chain[(chain["group"] == "all") & chain["measure"].isin(WHOLE)]
    whole = disclosure.protect(sentences.percent(whole))
    ax = ax or plt.subplots(figsize=(4.8, 1.5 + 0.52 * (len(names) + 2)))[1]
    at = {step: i for i, step in enumerate(names)}
    for measure, look in LOOKS.items():
        part = shown[shown["measure"] == measure]
        _dots(ax, part["step"].map(at).to_numpy(dtype=float), part, look)
    below = len(names) + np.arange(len(whole))
    _dots(ax, below, whole, ("D", theme.INK, 0, None))
    ax.axhline(len(names) - 0.5, color=theme.MUTED, lw=0.8)
    labels = [*names.values(), *(say(WHOLE[measure]) for measure in whole["measure"])]
    ax.set_yticks(range(len(labels)), [_broken(label) for label in labels])
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set_xlim(right=100)
    ax.set_xlabel(say("Percent of journeys that succeed"))
    ax.legend(loc="lower left", bbox_to_anchor=(-0.45, 1.0), frameon=False, fontsize=9)
    ax.set_label(chain_sentences.end_to_end(chain, names=names))
    kept = pd.concat([shown.assign(step=shown["step"].map(names)), whole.assign(step=say("All steps"))])
    words = {"conditional": say("Of those who came so far"), "marginal": say("Of all")}
    words |= {measure: say(text) for measure, text in WHOLE.items()}
    return theme.keep(ax, kept, rows={"step": say("Step"), "measure": say("Measure")}, names=words, decimals=1)


def plot_friction(result: pd.DataFrame, *, name: str, ax: Axes | None = None) -> Axes:
    """Dots with intervals: days until a matter was settled, by whether the customer changed the channel.

    Parameters
    ----------
    result : DataFrame
        Table ``friction`` of :func:`csatlib.journeys.paths`.
    name : str
        What a reader calls the column of the groups.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; an arrow marks an interval without an upper end.

    Examples
    --------
    >>> row = {"group": "all", "measure": "days", "n": 40, "estimate": 3.0, "ci_low": 2.0, "ci_high": 5.0}
    >>> row["p_value"] = 0.5
    >>> rows = pd.DataFrame([row | {"level": level} for level in ("same_channel", "other_channel")])
    >>> plot_friction(rows, name="region").get_xlabel()
    'Days from first contact to settlement, median'
    >>> plt.close("all")
    """
    shown = disclosure.protect(result[result["level"].isin(CHANNELS) & (result["measure"] == "days")])
    groups = list(dict.fromkeys(shown["group"]))
    ax = ax or plt.subplots(figsize=(4.8, 1.6 + 0.48 * len(groups)))[1]
    at = {group: i for i, group in enumerate(groups)}
    for level, look in CHANNELS.items():
        part = shown[shown["level"] == level]
        _dots(ax, part["group"].map(at).to_numpy(dtype=float), part, look)
    ax.set_yticks(range(len(groups)), [say("All") if group == "all" else group for group in groups])
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set_xlim(left=0)
    ax.set_xlabel(say("Days from first contact to settlement, median"))
    ax.legend(loc="lower left", bbox_to_anchor=(-0.1, 1.0), frameon=False, fontsize=9)
    ax.set_label(sentences.waited(result))
    words = {level: say(look[3]) for level, look in CHANNELS.items()} | {"all": say("All")}
    rows = {"group": name[:1].upper() + name[1:], "level": say("Channel")}
    return theme.keep(ax, shown, rows=rows, names=words, decimals=1)


def _dots(ax: Axes, at: np.ndarray, part: pd.DataFrame, look: tuple) -> None:
    marker, face, shift, text = look
    low, value, high = (part[c].to_numpy(dtype=float) for c in ("ci_low", "estimate", "ci_high"))
    open_end = np.isnan(high) & ~np.isnan(low)
    edge = theme.INK if face == theme.INK else theme.ACCENT
    ax.hlines(at + shift, low, np.where(open_end, value, high), color=edge, lw=1.4, zorder=2)
    ax.plot(value[open_end], (at + shift)[open_end], ls="", marker=9, color=edge, ms=7, zorder=2, clip_on=False)
    few = part["indicative"].to_numpy(dtype=bool)
    ax.plot(value, at + shift, marker, mfc=face, mec=edge, ms=6, ls="", zorder=3, label=text and say(text))
    ax.plot(value[few], (at + shift)[few], "x", color=theme.INK, ms=9, ls="", zorder=4)


def _broken(label: str) -> str:
    """Break a long label once, near its middle."""
    if len(label) < 22 or " " not in label:
        return label
    spaces = [i for i, sign in enumerate(label) if sign == " "]
    middle = min(spaces, key=lambda i: abs(i - len(label) / 2))
    return f"{label[:middle]}\n{label[middle + 1 :]}"
