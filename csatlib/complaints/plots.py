"""Figures on complaints: result table in, Axes out, nothing computed."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.complaints import loop_sentences, origin_sentences, recovery_sentences, sentences, volume_sentences
from csatlib.words import mark, say

PARTS = {
    "n_within": mark("Within target"),
    "n_late": mark("Too late"),
    "n_overdue": mark("Open, overdue"),
    "n_pending": mark("Open, not yet due"),
}
FACES = {
    "n_within": {"color": theme.ACCENT},
    "n_late": {"color": "#e2a48d"},
    "n_overdue": {"color": theme.WARN, "hatch": "///", "edgecolor": "white", "linewidth": 0},
    "n_pending": {"color": "#dfe3e8"},
}
UNITS = {
    "retention": mark("Percentage points, against like customers without a complaint"),
    "satisfaction": mark("Points of the scale, against like customers without a complaint"),
    "spend": mark("Spend in 30 days, against like customers without a complaint"),
}
CUSTOM = 0.1  # above it an absolute standardized difference is by custom called imbalance


def plot_pareto(result: pd.DataFrame, *, owners: bool = True, ax: Axes | None = None) -> Axes:
    """Bars with intervals: share of complaints by what was named, with the department in charge.

    Parameters
    ----------
    result : DataFrame
        ``pareto`` of :func:`csatlib.complaints.causes`.
    owners : bool
        Whether the names carry the department, where the table has it.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; dark bars cannot be told apart from the most frequent one. The number at the right
        is the cumulative percent.

    Examples
    --------
    >>> row = {"group": "Late", "owner": "Field", "n": 50, "count": 40, "estimate": 80.0, "ci_low": 67.0}
    >>> row |= {"ci_high": 89.0, "cumulative": 80.0, "level_with_first": True}
    >>> ax = plot_pareto(pd.DataFrame([row]))
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Late (Field)']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    named = owners and "owner" in shown.columns
    labels = [origin_sentences.owned(row) if named else row["group"] for row in shown.to_dict("records")]
    y = range(len(shown))
    ax = ax or plt.subplots(figsize=(5.4, 0.9 + 0.3 * len(shown)))[1]
    dark = shown["level_with_first"].to_numpy(dtype=bool)
    ax.barh(y, shown["estimate"], color=[theme.ACCENT if d else "#9dbbd9" for d in dark], height=0.7)
    ax.hlines(y, shown["ci_low"], shown["ci_high"], color=theme.INK, lw=1.1)
    reach = max(shown["ci_high"].max(), 1.0) if shown["ci_high"].notna().any() else 1.0
    for at, value in zip(y, shown["cumulative"], strict=True):
        ax.text(1.24 * reach, at, theme.number(value, 0), ha="right", va="center", fontsize=9, color=theme.INK)
    ax.text(1.24 * reach, -0.9, say("Cumulative, %"), ha="right", va="center", fontsize=9, color=theme.INK)
    ax.set_xlim(0, 1.25 * reach)
    ax.set_yticks(list(y), labels)
    ax.set_ylim(max(len(shown) - 0.4, 0.6), -1.4)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say("Percent of complaints"))
    ax.set_label(origin_sentences.most_named(result))
    return theme.keep(ax, shown.assign(label=labels), rows={"label": say("What was named")}, decimals=1)


def plot_service(
    result: pd.DataFrame, *, names: Mapping[str, str], stages: Sequence[str] = (), ax: Axes | None = None
) -> Axes:
    """Stacked bars: complaints within target, too late, open and overdue, open and not yet due.

    Parameters
    ----------
    result : DataFrame
        ``within`` of :func:`csatlib.complaints.service_levels`, the rows to show.
    names : mapping of str to str
        What a reader calls each group.
    stages : sequence of str
        Stages shown; default: those in the table.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; hatched is what is overdue and still open.

    Examples
    --------
    >>> row = {"stage": "response", "level": "urgency", "group": "urgent", "n": 40, "n_within": 30, "n_late": 6}
    >>> row |= {"n_overdue": 4, "n_pending": 2, "estimate": 75.0, "ci_low": 60.0, "ci_high": 86.0}
    >>> ax = plot_service(pd.DataFrame([row]), names={})
    >>> [" ".join(text.get_text().split()) for text in ax.get_yticklabels()]
    ['Answered, urgent 75 % of 40']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    shown = shown[shown["stage"].isin(stages)] if stages else shown
    labels = [sentences.stage_of(row, names=names) for row in shown.to_dict("records")]
    y = list(range(len(shown)))
    ax = ax or plt.subplots(figsize=(5.4, 1.3 + 0.55 * len(shown)))[1]
    counts = shown[list(PARTS)].astype(float).where(~shown["hidden"], 0.0, axis=0)
    width = 100 * counts.div(counts.sum(axis=1).where(counts.sum(axis=1) > 0), axis=0).fillna(0.0)
    left = pd.Series(0.0, index=shown.index)
    for part, text in PARTS.items():
        ax.barh(y, width[part], left=left, height=0.62, label=say(text), **FACES[part])
        for at, start, size, count in zip(y, left, width[part], counts[part], strict=True):
            if size >= 7:
                ink = "white" if part in ("n_within", "n_overdue") else theme.INK
                box = {"facecolor": theme.WARN, "edgecolor": "none", "pad": 1.5} if part == "n_overdue" else None
                where = {"ha": "center", "va": "center", "fontsize": 9, "color": ink, "bbox": box}
                ax.text(start + size / 2, at, f"{count:,.0f}", **where)
        left = left + width[part]
    ax.set_xlim(0, 100)
    ax.set_yticks(y, labels)
    ax.set_ylim(max(len(shown) - 0.4, 0.6), -0.6)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say("Percent of complaints; numbers: complaints"))
    ax.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2, frameon=False, fontsize=9)
    ax.set_label(sentences.in_time(result, names=names))
    return theme.keep(ax, shown.assign(label=[text.split("\n")[0] for text in labels]),
                      rows={"label": say("Step and group")}, decimals=1)  # fmt: skip


def plot_loop(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Funnel: percent of complaints that got to each stage of the closed loop.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.closed_loop`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text.

    Examples
    --------
    >>> rows = {"level": "all", "group": "all", "stage": ["received", "solved"], "base": "received", "n": 40}
    >>> rows |= {"count": [40, 30], "estimate": [100.0, 75.0], "ci_low": [91.0, 60.0], "ci_high": [100.0, 86.0]}
    >>> ax = plot_loop(pd.DataFrame(rows))
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Complaints received', 'Solved']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result[(result["level"] == "all") & (result["base"] == "received")])
    labels = [say(loop_sentences.STAGES[stage]) for stage in shown["stage"]]
    y = list(range(len(shown)))
    ax = ax or plt.subplots(figsize=(4.8, 0.9 + 0.42 * len(shown)))[1]
    ax.barh(y, shown["estimate"], color="#9dbbd9", height=0.7)
    inner = shown["stage"].ne("received").to_numpy()
    ax.hlines([at for at, i in zip(y, inner, strict=True) if i], shown["ci_low"][inner], shown["ci_high"][inner],
              color=theme.INK, lw=1.1)  # fmt: skip
    for at, value in zip(y, shown["estimate"], strict=True):
        ax.text(1.5, at, say("{share} %", share=theme.number(value, 0)), va="center", color=theme.INK)
    ax.set_xlim(0, 102)
    ax.set_yticks(y, labels)
    ax.set_ylim(max(len(shown) - 0.4, 0.6), -0.6)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say("Percent of complaints received"))
    ax.set_label(loop_sentences.loop(result))
    return theme.keep(ax, shown.assign(label=labels), rows={"label": say("Stage")}, decimals=1)


def plot_volume(result: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Line: complaints per 1,000 customers by month, with control limits.

    Parameters
    ----------
    result : DataFrame
        Rows of one group from :func:`csatlib.complaints.volume`.
    title : str
        What a reader calls the group.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; large squares stand outside what the series leads to expect.

    Examples
    --------
    >>> row = {"level": "all", "group": "all", "n": 900, "count": 9, "estimate": 10.0, "ci_low": 5.0}
    >>> row |= {"ci_high": 19.0, "center": 10.0, "lcl": 1.0, "ucl": 19.0, "signal": False, "rule": ""}
    >>> ax = plot_volume(pd.DataFrame([row | {"period": "2026-09"}, row | {"period": "2026-10"}]))
    >>> ax.get_ylabel()
    'Complaints per 1,000 customers'
    >>> plt.close("all")
    """
    shown = disclosure.protect(result).reset_index(drop=True)
    x = shown.index.to_numpy()
    ax = ax or plt.subplots(figsize=(5.4, 3.2))[1]
    if shown["ucl"].notna().any():
        ax.fill_between(x, shown["lcl"], shown["ucl"], step="mid", color=theme.MUTED, alpha=0.18, lw=0,
                        label=say("Expected range"))  # fmt: skip
        ax.plot(x, shown["center"], color=theme.MUTED, lw=1, ls="--")
    ax.plot(x, shown["estimate"], color=theme.ACCENT, lw=1.6, marker="o", ms=4, label=title or say("Complaints"))
    out = shown[shown["signal"].astype(bool)]
    if len(out):
        ax.plot(
            out.index, out["estimate"], "s", color=theme.WARN, ms=9, mfc="none", mew=2, label=say("Stands out")
        )
    step = max(1, -(-len(shown) // 7))
    ticks = x[::-1][::step][::-1]
    ax.set_xticks(ticks, [shown["period"][i] for i in ticks], rotation=30, ha="right")
    ax.set_ylim(bottom=0)
    counted = "unit" in shown.columns and (shown["unit"] == volume_sentences.COUNT).all()
    ax.set_ylabel(say("Complaints") if counted else say("Complaints per 1,000 customers"))
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=3, frameon=False, fontsize=9)
    ax.set_label(volume_sentences.months(result, name=title))
    return theme.keep(ax, shown, rows={"period": say("Month")}, decimals=1)


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
