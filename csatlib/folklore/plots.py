"""One line per rule of thumb: what is quoted, and the company's own figure with its interval."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import theme
from csatlib.folklore import sentences
from csatlib.folklore.comparison import AGREES, OUTSIDE, UNKNOWN
from csatlib.words import mark, say

REACH = 4.0  # ranges shown on either side
LOOKS = {  # verdict -> marker, face, name
    AGREES: ("o", theme.INK, mark("agrees")),
    OUTSIDE: ("X", theme.WARN, mark("does not agree")),
    UNKNOWN: ("o", "white", mark("cannot tell")),
}


def plot_verdicts(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Dots with intervals beside the range that counts as agreeing, which is the same band for every rule.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.folklore.verdicts`; rules that were not measured are left out.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text. Each rule is drawn on a scale of its own: 0 is the middle of what counts as
        agreeing, -1 and 1 its ends. What lies further out than four such halves is drawn as an arrow at the
        edge.

    Examples
    --------
    >>> from csatlib.folklore import verdicts
    >>> own = pd.DataFrame({"rule": ["promises"], "estimate": 30.0, "ci_low": 25.0, "ci_high": 35.0, "n": 400})
    >>> ax = plot_verdicts(verdicts(own))
    >>> [text.get_text().splitlines()[0] for text in ax.get_yticklabels()]
    ['Complaints that come from promises']
    >>> plt.close("all")
    """
    shown = sentences.labelled(result)
    ax = ax or plt.subplots(figsize=(4.8, 1.6 + 0.62 * max(len(shown), 1)))[1]
    ax.axvspan(-1, 1, color="#e3e8ee", zorder=0)
    ax.axvline(0, color=theme.MUTED, lw=1.2, ls="--", zorder=1)
    used = set()
    for at, row in enumerate(shown.to_dict("records")):
        middle, half = (row["low"] + row["high"]) / 2, (row["high"] - row["low"]) / 2
        point, low, high = ((row[name] - middle) / max(half, 1e-9) for name in ("estimate", "ci_low", "ci_high"))
        if np.isnan(point):
            ax.plot([-REACH, REACH], [at, at], color=theme.MUTED, lw=1.4, ls=":", zorder=2)
            continue
        marker, face, name = LOOKS[row["verdict"]]
        arrow = "<" if point < -REACH else ">" if point > REACH else marker
        ends = np.clip([low, high], -REACH, REACH)
        ax.plot(ends, [at, at], color=theme.INK, lw=1.8, zorder=2)
        label = None if row["verdict"] in used else say(name)
        where = np.clip(point, -REACH, REACH)
        ax.plot(where, at, arrow, mfc=face, mec=theme.INK, ms=8, label=label, zorder=3, clip_on=False)
        used.add(row["verdict"])
    ax.set_yticks(range(len(shown)), [_two_lines(row) for row in shown.to_dict("records")])
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.set_xlim(-REACH - 0.2, REACH + 0.2)
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.set_xlabel(say("lower  ←  counts as agreeing (grey)  →  higher"))
    if used:
        ax.legend(loc="lower center", bbox_to_anchor=(0.0, 1.0), ncols=3, frameon=False, fontsize=9)
    ax.set_label(sentences.evidence(result) or sentences.summary(result))
    rows = {"label": say("Rule of thumb"), "said": say("Quoted"), "word": say("Verdict")}
    return theme.keep(ax, shown, rows=rows, decimals=1)


def _two_lines(row: dict) -> str:
    value = "–" if np.isnan(row["estimate"]) else theme.number(row["estimate"], 1)
    return say("{rule}\nhere {value}, quoted {quoted}", rule=row["label"], value=value, quoted=row["said"])
