"""Figures of survey quality: result table in, Axes out, nothing computed."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.survey import sentences, trust_sentences
from csatlib.words import mark, say

WEIGHTINGS = {
    "none": mark("No weights"),
    "given": mark("The company's weights"),
    "raked": mark("Weighted to the invited"),
    "propensity": mark("Weighted by the chance to answer"),
}
MARKERS = {"none": "o", "given": "s", "raked": "^", "propensity": "D"}


def plot_response(result: pd.DataFrame, *, names: Mapping[str, str], ax: Axes | None = None) -> Axes:
    """Dots with intervals: the response rate of each group, a block per column.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.survey.funnel`.
    names : mapping of str to str
        What a reader calls each column.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; a line marks the rate of all invitations.

    Examples
    --------
    >>> row = {"level": "channel", "group": "sms", "measure": "response_rate", "n": 50, "estimate": 30.0}
    >>> ax = plot_response(pd.DataFrame([row | {"ci_low": 19.0, "ci_high": 44.0}]), names={"channel": "channel"})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Channel', 'sms']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result[result["measure"] == "response_rate"])
    whole, parts = shown[shown["level"] == "all"], shown[shown["level"] != "all"]
    ax = _dots(ax, parts, names)
    if len(whole) and not whole["hidden"].iloc[0]:
        ax.axvline(whole["estimate"].iloc[0], color=theme.MUTED, lw=1.2, ls="--", zorder=1)
    ax.set_xlim(left=0)
    ax.set_xlabel(say("Percent of invitations answered"))
    ax.set_label(sentences.extremes(result, names=names))
    kept = shown.assign(level=_said(shown["level"], names))
    return theme.keep(ax, kept, rows={"level": say("By"), "group": say("Group")}, decimals=1)


def plot_represented(result: pd.DataFrame, *, names: Mapping[str, str], ax: Axes | None = None) -> Axes:
    """Dots with intervals around 0: share of each group among the answers less its share among the invited.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.survey.represented`.
    names : mapping of str to str
        What a reader calls each column.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; filled dots differ beyond random variation.

    Examples
    --------
    >>> row = {"level": "age", "group": "young", "n": 50, "estimate": -5.0, "ci_low": -7, "ci_high": -3}
    >>> ax = plot_represented(pd.DataFrame([row | {"p_adjusted": 0.01}]), names={"age": "age"})
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Age', 'young']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    ax = _dots(ax, shown, names, hollow=~(shown["p_adjusted"] < sentences.LEVEL))
    ax.axvline(0, color=theme.INK, lw=1, zorder=1)
    reach = max(np.nanmax(np.abs(shown[["ci_low", "ci_high"]].to_numpy(dtype=float)), initial=0.0), 1.0)
    ax.set_xlim(-1.1 * reach, 1.1 * reach)
    ax.set_xlabel(say("Fewer answers ← percentage points → more answers"))
    ax.set_label(sentences.missing(result, names=names))
    kept = shown.assign(level=_said(shown["level"], names))
    return theme.keep(ax, kept, rows={"level": say("By"), "group": say("Group")}, decimals=1)


def plot_sensitivity(
    result: pd.DataFrame, weightings: pd.DataFrame, *, outcome: str, ax: Axes | None = None
) -> Axes:
    """Line with a band: the headline by how far non-respondents differ; dots: what weighting makes of it.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.survey.sensitivity`.
    weightings : DataFrame
        From :func:`csatlib.survey.weightings`.
    outcome : str
        What a reader calls the outcome.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> line = {"difference": [-1.0, 0.0], "n": 50, "estimate": [4.9, 5.5]}
    >>> line |= {"ci_low": [4.7, 5.3], "ci_high": [5, 5.7]}
    >>> dots = {"weighting": ["none"], "part": "mean", "n": 50, "estimate": 5.5, "ci_low": 5.3, "ci_high": 5.7}
    >>> ax = plot_sensitivity(pd.DataFrame(line).assign(response_rate=40.0), pd.DataFrame(dots), outcome="overall")
    >>> ax.get_ylabel()
    'overall'
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    dots = disclosure.protect(weightings[weightings["part"] == "mean"])
    ax = ax or plt.subplots(figsize=(4.8, 4.0))[1]
    x = shown["difference"].to_numpy(dtype=float)
    low, high, line = (shown[c].to_numpy(dtype=float) for c in ("ci_low", "ci_high", "estimate"))
    ax.fill_between(x, low, high, color=theme.ACCENT, alpha=0.15, lw=0)
    ax.plot(x, line, color=theme.ACCENT, lw=1.8, label=say("All invited, if the silent differ so"))
    ax.axvline(0, color=theme.MUTED, lw=1, ls="--", zorder=1)
    width = 0.05 * (x.max() - x.min()) if len(x) > 1 else 0.1
    ax.set_xticks(x, [theme.number(value, 2, sign=True) for value in x])
    ax.tick_params(axis="x", labelsize=9)
    ax.axvline(x.max() + 0.7 * width, color=theme.MUTED, lw=0.8)
    ax.grid(axis="x", visible=False)
    for i, row in enumerate(dots.itertuples()):
        at = x.max() + width * (1.5 + 1.4 * i)
        ax.vlines(at, row.ci_low, row.ci_high, color=theme.INK, lw=1.2)
        ax.plot(
            at, row.estimate, MARKERS[row.weighting], mfc="white", mec=theme.INK, ms=6, ls="",
            label=say(WEIGHTINGS[row.weighting]),
        )  # fmt: skip
    ax.set_xlabel(say("Points by which those who did not answer differ"))
    ax.set_ylabel(outcome)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=1, frameon=False, fontsize=9)
    ax.set_label(trust_sentences.silent(result, outcome=outcome))
    moved = shown.assign(label=[theme.number(d, 2, sign=True) for d in shown["difference"]])
    kept = pd.concat([moved, dots.assign(label=[say(WEIGHTINGS[w]) for w in dots["weighting"]])])
    return theme.keep(ax, kept, rows={"label": say("Non-respondents differ by, or weighting")})


def _dots(ax: Axes | None, shown: pd.DataFrame, names: Mapping[str, str], hollow: pd.Series | None = None) -> Axes:
    places, ticks, y = [], [], 0.0
    for level, members in shown.groupby("level", sort=False):
        ticks.append((y, _capital(names.get(level, level)), "bold"))
        y += 0.9
        for row in members.itertuples():
            places.append(y)
            ticks.append((y, row.group, "normal"))
            y += 1
        y += 0.3
    ax = ax or plt.subplots(figsize=(4.8, 0.9 + 0.25 * y))[1]
    order = shown.assign(_at=places)
    filled = order["indicative"] | (hollow if hollow is not None else False)
    for part, face in ((order[~filled], theme.ACCENT), (order[filled], "white")):
        ax.hlines(part["_at"], part["ci_low"], part["ci_high"], color=theme.ACCENT, lw=1.4, zorder=2)
        ax.plot(part["estimate"], part["_at"], "o", mfc=face, mec=theme.ACCENT, ms=5.5, ls="", zorder=3)
    ax.set_yticks([t[0] for t in ticks], [t[1] for t in ticks])
    for label, (_, _, weight) in zip(ax.get_yticklabels(), ticks, strict=True):
        label.set_fontweight(weight)
    ax.set_ylim(max(y - 0.4, 1), -0.7)
    ax.grid(axis="y", visible=False)
    return ax


def _said(levels: pd.Series, names: Mapping[str, str]) -> list[str]:
    return [say("All") if level == "all" else _capital(names.get(level, level)) for level in levels]


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
