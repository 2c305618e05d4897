"""One line per rule of thumb: what is quoted, and the company's own figure with its interval."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from csatlib import theme
from csatlib.folklore import sentences, telling
from csatlib.folklore.comparison import AGREES, OUTSIDE, UNKNOWN
from csatlib.words import mark, say

BAND, SOFT = "#cfd8e2", "#4a5663"
SHARES = ("promises", "last_mile", "steps")  # 0 to 100
LOOKS = {  # verdict -> marker, face, name
    AGREES: ("o", theme.INK, mark("here: agrees")),
    OUTSIDE: ("X", theme.WARN, mark("here: not as quoted")),
    UNKNOWN: ("o", "white", mark("here: cannot tell")),
}


def plot_verdicts(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Dots with intervals beside the range that counts as agreeing, each rule on a line with a scale of its own.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.folklore.verdicts`; rules that were not measured are left out.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text. Shares run from 0 to 100, other figures from 0, or what is lower, to the highest. A
        dotted line: no limits can be given.

    Examples
    --------
    >>> from csatlib.folklore import verdicts
    >>> own = pd.DataFrame({"rule": ["promises"], "estimate": 30.0, "ci_low": 25.0, "ci_high": 35.0, "n": 400})
    >>> ax = plot_verdicts(verdicts(own))
    >>> [text.get_text() for text in ax.texts][:2]
    ['Complaints that come from promises', 'quoted 78 %, here 30.0 %']
    >>> plt.close("all")
    """
    shown = sentences.labelled(result)
    ax = ax or plt.subplots(figsize=(4.2, 1.1 + 0.86 * max(len(shown), 1)))[1]
    for at, row in enumerate(shown.to_dict("records")):
        ax.text(0, at - 0.42, row["label"], fontsize=10.5, va="center")
        ax.text(0, at - 0.15, telling.beside(row), fontsize=9, color=SOFT, va="center")
        _draw(ax, at + 0.14, row)
    ax.set_axis_off()
    ax.set_ylim(len(shown) - 0.45, -0.6)
    ax.set_xlim(-0.03, 1.03)
    keys = [Patch(color=BAND, label=say("counts as agreeing"))] if len(shown) else []
    for verdict in [name for name in LOOKS if name in set(shown["verdict"])]:
        marker, face, name = LOOKS[verdict]
        keys += ax.plot([], [], marker, mfc=face, mec=theme.INK, ms=8, label=say(name))
    if keys:
        ax.legend(handles=keys, loc="lower left", bbox_to_anchor=(-0.04, 1.0), ncols=2, frameon=False, fontsize=10)
    ax.set_label(sentences.evidence(result) or sentences.summary(result))
    rows = {"label": say("Rule of thumb"), "said": say("Quoted"), "word": say("Verdict")}
    return theme.keep(ax, shown, rows=rows, decimals=1)


def _draw(ax: Axes, at: float, row: Mapping[str, Any]) -> None:
    ends = np.array([row[name] for name in ("low", "high", "ci_low", "ci_high", "estimate")] + [0.0])
    least, most = (0.0, 100.0) if row["rule"] in SHARES else (np.nanmin(ends), np.nanmax(ends))
    low, high, ci_low, ci_high, point, zero = (ends - least) / max(most - least, 1e-9)
    first, last = (np.array([row["quoted_low"], row["quoted_high"]]) - least) / max(most - least, 1e-9)
    ax.plot([0, 1], [at, at], color=theme.MUTED, lw=1, ls=":" if np.isnan(point) else "-", zorder=1)
    ax.add_patch(Rectangle((low, at - 0.11), max(high - low, 0.006), 0.22, color=BAND, lw=0, zorder=2))
    ax.plot([zero, zero], [at - 0.07, at + 0.07], color=theme.INK, lw=1, zorder=3)
    ax.text(zero, at + 0.22, "0", fontsize=8.5, ha="center", va="center")
    if first == last:
        ax.plot([first, first], [at - 0.11, at + 0.11], color=theme.INK, lw=2, zorder=3)
    if np.isnan(point):
        return
    marker, face, _ = LOOKS[row["verdict"]]
    ax.plot([ci_low, ci_high], [at, at], color=theme.INK, lw=2.4, zorder=4)
    ax.plot(point, at, marker, mfc=face, mec=theme.INK, ms=8.5, zorder=5, clip_on=False)
