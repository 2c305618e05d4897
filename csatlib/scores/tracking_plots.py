"""Figures of scores tracked: result table in, Axes out, nothing computed."""

from collections.abc import Mapping
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from csatlib import disclosure, theme
from csatlib.scores import tracking_sentences
from csatlib.words import mark, say

SHADE = "#c9d3de"
EVENT_WIDTH = 28
STRIP = 0.16  # of the height
DIFFERENCE = mark("{label}, difference from the rest")
AXES = {
    "nps": mark("{label}, points"),
    "top_box": mark("{label}, %"),
    "mean": mark("{label}, mean answer"),
}


def plot_control(
    result: pd.DataFrame,
    *,
    label: str | None = None,
    target: float | None = None,
    events: Mapping[str, str] | None = None,
    response_rate: Mapping[str, float] | None = None,
    outlook: pd.DataFrame | None = None,
    last: int = 18,
    ax: Axes | None = None,
) -> Axes:
    """Line of a score with center and limits, signals marked, n and response rate as strips below.

    Parameters
    ----------
    result : DataFrame
        One chart from :func:`csatlib.scores.control_chart`; shares in percent.
    label : str, optional
        What a reader calls the score; default: the ``label`` of the chart.
    target : float, optional
        Drawn as a line, in the unit of the chart.
    events : mapping of period to str, optional
        What happened, marked by a letter and named in the legend.
    response_rate : mapping of period to float, optional
        Percent of invitations answered.
    outlook : DataFrame, optional
        The same score from :func:`csatlib.scores.outlook`; drawn where it is told.
    last : int
        Periods shown.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; a phase without a declared baseline has dashed limits.

    Raises
    ------
    ValueError
        A table of several charts.

    Examples
    --------
    >>> from csatlib.scores import control_chart
    >>> months = pd.DataFrame({"period": [f"2026-{m:02}" for m in range(1, 13)], "estimate": [40.0, 44.0] * 6})
    >>> months = months.assign(n=400, n_eff=400, sd=70.0, measure="nps", unit="points")
    >>> plot_control(control_chart(months), label="NPS").get_ylabel()
    'NPS, points'
    >>> plt.close("all")
    """
    if result["period"].duplicated().any():
        raise ValueError("result holds several charts; choose one, for example result[result['label'] == 'NPS']")
    shown = disclosure.protect(result).tail(last).reset_index(drop=True)
    shown[["center", "lcl", "ucl"]] = shown[["center", "lcl", "ucl"]].mask(shown["hidden"])
    label = label or str(shown["label"].iloc[0])
    ax = ax or plt.subplots(figsize=(4.8, 5.2))[1]
    _limits(ax, shown)
    ax.plot(shown.index, shown["estimate"], color=theme.ACCENT, lw=1.3, zorder=3)
    _points(ax, shown)
    periods = shown["period"].astype(str).tolist() + _ahead(ax, shown, outlook)
    if target is not None:
        ax.axhline(target, color=theme.INK, lw=1.1, ls="-.", zorder=2, label=say("Target"))
    _marks(ax, shown, events or {})
    ax.set_ylabel(_axis_title(shown, label))
    ax.set_xlim(-0.6, len(periods) - 0.4)
    ax.grid(axis="x", visible=False)
    ax.legend(loc="lower left", bbox_to_anchor=(-0.14, 1.06), ncols=2, frameon=False, fontsize=8.5)
    _strips(ax, shown, periods, response_rate)
    ax.set_label(tracking_sentences.charted(result.tail(last), label=label))
    return theme.keep(ax, shown, rows={"period": say("Period")}, decimals=1)


def plot_units(result: pd.DataFrame, *, label: str, name: str, ax: Axes | None = None) -> Axes:
    """Draw a funnel: score of each unit by its effective answers, in the ranges usual for that number.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.scores.units`.
    label : str
        What a reader calls the score.
    name : str
        What a reader calls the column of the units.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; only units outside the outer range are named.

    Examples
    --------
    >>> from csatlib.scores import units
    >>> answers = pd.DataFrame({"unit": list("ABCD") * 100, "nps": [9, 9, 9, 3] * 50 + [10, 3, 9, 3] * 50})
    >>> plot_units(units(answers), label="NPS", name="shop").get_xlabel()
    'Effective number of answers'
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    seen = shown[~shown["hidden"]].sort_values("n_eff")
    ax = ax or plt.subplots(figsize=(4.8, 3.8))[1]
    lines = (
        ("outer", "--", say("99.8 % of units")),
        ("inner", ":", say("95 % of units")),
    )
    for side, style, text in lines:
        for end, named in (("low", text), ("high", None)):
            ax.plot(seen["n_eff"], seen[f"{side}_{end}"], color=theme.MUTED, lw=1.2, ls=style, label=named)
    ax.plot(seen["n_eff"], seen["center"], color=theme.INK, lw=1.0, label=say("All"))
    few = say("Under {n} effective answers", n=disclosure.bases.min_rank)
    looks = {
        "in range": ("o", theme.ACCENT, 5, None),
        "near the edge": ("s", theme.ACCENT, 5.5, say("Near the edge")),
        "above": ("^", theme.WARN, 8, say("Outside, above")),
        "below": ("v", theme.WARN, 8, say("Outside, below")),
        "too few answers": ("o", "white", 5, few),
    }
    for status, (marker, face, size, text) in looks.items():
        part = seen[seen["status"] == status]
        edge = theme.ACCENT if face == "white" else face
        if len(part):
            ax.plot(
                part["n_eff"], part["estimate"], marker, mfc=face, mec=edge, ms=size, ls="", zorder=3, label=text
            )
    ax.margins(x=0.06)
    _name_outside(ax, seen[seen["status"].isin(["above", "below"])])
    ax.set_xlabel(say("Effective number of answers"))
    ax.set_ylabel(_axis_title(seen, label))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=8.5)
    ax.set_label(tracking_sentences.placed(result, name=name))
    return theme.keep(ax, shown, rows={"group": name[:1].upper() + name[1:]}, decimals=1)


def _axis_title(shown: pd.DataFrame, label: str) -> str:
    if "n_reference" in shown.columns:
        return say(DIFFERENCE, label=label)
    measure = shown["measure"].iloc[0] if len(shown) and "measure" in shown.columns else ""
    return say(AXES[measure], label=label) if measure in AXES else label


def _name_outside(ax: Axes, outside: pd.DataFrame) -> None:
    """Name units at the right edge, apart from each other, each with a thin line to its point."""
    low, high = ax.get_ylim()
    spacing = 0.065 * (high - low)
    known = outside.sort_values("estimate")
    steps = spacing * np.arange(len(known))
    free = known["estimate"].to_numpy(dtype=float) - steps
    up, down = np.maximum.accumulate(free), np.minimum.accumulate(free[::-1])[::-1]
    edge = ax.get_yaxis_transform()
    places = (up + down) / 2 + steps
    places = places - max(places.max(initial=low) - high, 0)
    for row, place in zip(known.itertuples(), places, strict=True):
        ax.annotate(
            row.group, (row.n_eff, row.estimate), (1.02, place), textcoords=edge, va="center", fontsize=9,
            arrowprops={"arrowstyle": "-", "color": theme.MUTED, "lw": 0.7}, annotation_clip=False,
        )  # fmt: skip


def _limits(ax: Axes, shown: pd.DataFrame) -> None:
    """Center and limits of each phase, as steps."""
    named = set()
    for (_, provisional), part in shown.groupby(["phase", "provisional"], sort=False):
        x = np.repeat(part.index.to_numpy(dtype=float), 2) + np.tile([-0.5, 0.5], len(part))
        low, center, high = (np.repeat(part[name].to_numpy(dtype=float), 2) for name in ("lcl", "center", "ucl"))
        text = say("Limits, provisional") if provisional else say("Limits")
        style = {"color": theme.MUTED, "ls": "--" if provisional else "-"}
        ax.fill_between(x, low, high, color=SHADE, alpha=0.12 if provisional else 0.3, lw=0, zorder=0)
        ax.plot(x, low, lw=1.1, label=None if text in named else text, **style)
        ax.plot(x, high, lw=1.1, **style)
        ax.plot(x, center, lw=0.9, color=theme.INK, ls=style["ls"], label=None if named else say("Usual level"))
        named.add(text)


def _points(ax: Axes, shown: pd.DataFrame) -> None:
    signal = shown["signal"] & ~shown["hidden"] & ~shown["indicative"]
    few = say("Under {n} effective answers", n=disclosure.bases.min_rank)
    looks = (
        (shown["indicative"], "o", "white", theme.ACCENT, 4.5, few),
        (~signal & ~shown["indicative"], "o", theme.ACCENT, theme.ACCENT, 4.5, None),
        (signal, "D", theme.WARN, theme.WARN, 7, say("Signal")),
    )
    for chosen, marker, face, edge, size, text in looks:
        part = shown[chosen]
        if len(part):
            ax.plot(part.index, part["estimate"], marker, mfc=face, mec=edge, ms=size, ls="", zorder=4, label=text)


def _ahead(ax: Axes, shown: pd.DataFrame, outlook: pd.DataFrame | None) -> list[str]:
    """Draw predictions to the right of the last point, and return their periods."""
    if outlook is None:
        return []
    told = disclosure.protect(outlook)
    told = told[told["estimate"].notna()]
    x = len(shown) - 1 + told["ahead"].to_numpy(dtype=float)
    if len(told):
        text = say("Outlook, 95 % range")
        ax.vlines(x, told["ci_low"], told["ci_high"], color=theme.INK, lw=1.2)
        ax.plot(x, told["estimate"], "s", mfc="white", mec=theme.INK, ms=5, ls="", label=text)
    return told["period"].astype(str).tolist()


def _marks(ax: Axes, shown: pd.DataFrame, events: Mapping[str, str]) -> None:
    """Mark where a phase starts, and events by letters over the plot."""
    starts = shown.index[shown["phase"].diff().fillna(0) > 0]
    for i, at in enumerate(starts):
        ax.axvline(at - 0.5, color=theme.INK, lw=1.4, ls=":", label=None if i else say("Questionnaire changed"))
    at_period = dict(zip(shown["period"].astype(str), shown.index, strict=True))
    there = [(at_period[period], text) for period, text in sorted(events.items()) if period in at_period]
    top = ax.get_xaxis_transform()
    for (at, text), letter in zip(there, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", strict=False):
        ax.text(at, 1.02, letter, transform=top, ha="center", va="bottom", fontsize=9, fontweight="bold")
        ax.plot([at, at], [0.97, 1.0], transform=top, color=theme.INK, lw=1.2, clip_on=False)
        ax.plot([], [], ls="", marker=f"${letter}$", color=theme.INK, label=fill(text, EVENT_WIDTH))


def _strips(ax: Axes, shown: pd.DataFrame, periods: list[str], response_rate: Mapping[str, float] | None) -> None:
    """Bars of n in the lower part of the plot, and of the response rate where it is known."""
    strips = [(say("n"), shown["n"].to_numpy(dtype=float))]
    if response_rate:
        rates = [response_rate.get(period, np.nan) for period in shown["period"].astype(str)]
        strips.append((say("Response rate, %"), np.array(rates, dtype=float)))
    low, high = ax.get_ylim()
    taken = STRIP * len(strips)
    ax.set_yticks([tick for tick in ax.get_yticks() if low <= tick <= high])
    ax.set_ylim(low - (high - low) * taken / (1 - taken), high)
    for i, (text, values) in enumerate(strips[::-1]):
        strip, top = ax.inset_axes([0, STRIP * i, 1, 0.55 * STRIP]), np.nanmax(values, initial=0.0)
        strip.bar(np.arange(len(values)), values, color=theme.MUTED, width=0.7)
        strip.set(xlim=ax.get_xlim(), ylim=(0, top or 1), xticks=[], yticks=[])
        strip.patch.set_visible(False)
        said = say("{what}, at most {top}", what=text, top=theme.number(top, 0))
        ax.text(0, STRIP * (i + 0.6), said, transform=ax.transAxes, va="bottom", fontsize=8.5)
    step = max(1, -(-len(periods) // 4))
    at = list(range((len(shown) - 1) % step, len(periods), step))
    ax.set_xticks(at, [periods[k] for k in at])
