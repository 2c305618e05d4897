"""Figures of touchpoints: result table in, Axes out, nothing computed but where a label finds room."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from csatlib import disclosure, theme
from csatlib.stats.relative_importance import candidates
from csatlib.touchpoints import contact_sentences, lists, sentences
from csatlib.words import say

NAMED = 8  # critical touchpoints up to which their names stand in the grid, beside the number
ACROSS = 3  # stages in a row of the strip: six would be too small on a phone
FILLED = {"fc": "#e8f0f8", "ec": theme.ACCENT}
LEADER = {"arrowstyle": "-", "color": theme.MUTED, "lw": 0.6, "shrinkA": 1, "shrinkB": 2}
FAR = 12  # points from which on a thin line leads to the label
HALO = {"boxstyle": "square,pad=0.05", "fc": "white", "ec": "none", "alpha": 0.85}
TURNS = np.deg2rad(np.arange(0, 360, 15))
RINGS = np.arange(7, 160, 4)  # distances, in points, at which a label looks for room


def plot_strip(stages: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Life-cycle strip: the six stages in order, how many touchpoints each has and how many are critical.

    Parameters
    ----------
    stages : DataFrame
        ``Inventory.stages`` of :func:`csatlib.touchpoints.inventory`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; a stage without touchpoint has a broken edge.

    Examples
    --------
    >>> ax = plot_strip(pd.DataFrame({"stage": ["attract", "buy"], "touchpoints": [3, 0], "critical": [1, 0]}))
    >>> [text.get_text() for text in ax.texts][:3]
    ['Attract', '3', '1 critical']
    >>> plt.close("all")
    """
    ax = ax or plt.subplots(figsize=(4.8, 2.5))[1]
    for i, row in enumerate(stages.itertuples()):
        x, y = i % ACROSS, -(i // ACROSS)
        edge = {"fc": "white", "ec": theme.WARN, "ls": "--"} if row.touchpoints == 0 else FILLED
        box = FancyBboxPatch((x + 0.07, y + 0.06), 0.82, 0.88, boxstyle="round,pad=0,rounding_size=0.08", **edge)
        ax.add_patch(box)
        ax.text(x + 0.48, y + 0.78, sentences.stage(row.stage), ha="center", va="center", fontsize=11)
        ax.text(x + 0.48, y + 0.48, f"{row.touchpoints:,}", ha="center", va="center", fontsize=18, weight="bold")
        told = say("{n} critical", n=row.critical) if row.critical else ""
        ax.text(x + 0.48, y + 0.19, told, ha="center", va="center", fontsize=10.5)
        if i < len(stages) - 1:
            ends = (x + 1.08, y + 0.5), (x + 0.88, y + 0.5)
            ax.annotate("", *ends, arrowprops={"arrowstyle": "->", "color": theme.MUTED}, annotation_clip=False)
    ax.set(xlim=(0, ACROSS + 0.06), ylim=(-((len(stages) - 1) // ACROSS), 1))
    ax.set_axis_off()
    ax.set_label(sentences.covered(stages))
    kept = stages.assign(stage=[sentences.stage(name) for name in stages["stage"]])
    heads = {"stage": say("Stage"), "touchpoints": say("Touchpoints"), "critical": say("Critical")}
    return theme.keep(ax, kept, rows=heads)


def plot_grid(placed: pd.DataFrame, *, cut: float, ax: Axes | None = None) -> Axes:
    """Four quadrants: operational effectiveness upwards, experience effectiveness to the right.

    Parameters
    ----------
    placed : DataFrame
        From :func:`csatlib.touchpoints.quadrants`.
    cut : float
        The cut it was made with.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text. Filled: importance 8 or more. A line joins the workshop's opinion to what contacts
        show (diamond). Numbers are those of the list; up to eight critical touchpoints also have their names.

    Examples
    --------
    >>> row = {"number": 1, "touchpoint": "Hotline", "operational": 5.0, "experience": 7.0, "band": "high"}
    >>> row |= {"quadrant": "feels good, works badly", "correct": True, "stage": "use", "impact": 9.0}
    >>> placed = pd.DataFrame([row | {"seen_operational": 6.0, "seen_experience": 6.5}])
    >>> ax = plot_grid(placed, cut=5.5)
    >>> ax.get_ylabel(), [text.get_text() for text in ax.texts][-1]
    ('Operational effectiveness (1 to 10)', '1 Hotline')
    >>> plt.close("all")
    """
    shown = placed.dropna(subset=["operational", "experience"])
    ax = ax or plt.subplots(figsize=(4.8, 5.2))[1]
    both = pd.concat([shown[["experience", "operational"]], _seen(shown)])
    for axis, column in (("x", "experience"), ("y", "operational")):
        low, high = min(both[column].min(), cut - 1), max(both[column].max(), cut + 1)
        ax.set(**{f"{axis}lim": (max(low - 0.6, 0.7), min(high + 0.6, 10.3))})
    ax.axhline(cut, color=theme.INK, lw=1)
    ax.axvline(cut, color=theme.INK, lw=1)
    ax.grid(visible=False)
    seen = shown.dropna(subset=["seen_operational", "seen_experience"])
    for row in seen.itertuples():
        xs, ys = (row.experience, row.seen_experience), (row.operational, row.seen_operational)
        ax.plot(xs, ys, color=theme.MUTED, lw=1, zorder=1)
    ax.plot(seen["seen_experience"], seen["seen_operational"], "D", color=theme.MUTED, ms=4, ls="", zorder=2)
    high = shown["band"] == "high"
    for part, face in ((shown[~high], "white"), (shown[high], theme.ACCENT)):
        ax.plot(part["experience"], part["operational"], "o", mfc=face, mec=theme.ACCENT, ms=6.5, ls="", zorder=3)
    ax.set_xlabel(say("Experience effectiveness (1 to 10)"))
    ax.set_ylabel(say("Operational effectiveness (1 to 10)"))
    _corners(ax)
    _label(ax, shown.assign(high=high), seen)
    ax.set_label(sentences.placed(placed))
    return theme.keep(ax, lists.listing(placed), rows=lists.headings())


def plot_evidence(result: pd.DataFrame, *, measure: str = "satisfaction", ax: Axes | None = None) -> Axes:
    """Dots with intervals: each touchpoint's shrunken value, the raw value hollow beside it.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.touchpoints.evidence`.
    measure : str
        Which of its measures.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text; touchpoints stand in the order of the table.

    Examples
    --------
    >>> row = {"touchpoint": "Chat", "measure": "satisfaction", "unit": "scale", "n": 50, "raw": 4.0}
    >>> ax = plot_evidence(pd.DataFrame([row | {"estimate": 4.2, "ci_low": 3.9, "ci_high": 4.5}]))
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Chat']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result[result["measure"] == measure]).reset_index(drop=True)
    factor = 100 if shown["unit"].eq("share").any() else 1
    ax = ax or plt.subplots(figsize=(4.8, 0.9 + 0.3 * max(len(shown), 2)))[1]
    at = np.arange(len(shown))
    ax.hlines(at, factor * shown["ci_low"], factor * shown["ci_high"], color=theme.ACCENT, lw=1.6, zorder=2)
    ax.plot(
        factor * shown["estimate"], at, "o", color=theme.ACCENT, ms=5.5, ls="", zorder=3, label=say("Estimate")
    )
    raw = factor * shown["raw"].where(~shown["hidden"])
    ax.plot(raw, at, "d", mfc="white", mec=theme.INK, ms=5, ls="", zorder=2, label=say("As counted"))
    ax.set_yticks(at, shown["touchpoint"])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(contact_sentences.measure(measure))
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncols=2, frameon=False, fontsize=9)
    ax.set_label(contact_sentences.spread(result, measure=measure))
    return theme.keep(ax, shown, rows={"touchpoint": say("Touchpoint")})


def plot_importance(result: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Dots with intervals: each touchpoint's share of what all explain of overall satisfaction, and its reach.

    Parameters
    ----------
    result : DataFrame
        ``importance`` of :class:`csatlib.touchpoints.Impact`.
    ax : Axes, optional
        Where to draw; a new figure otherwise.

    Returns
    -------
    Axes
        Labelled with alt text. Where any two can be told apart: in the order of the shares, with their sets, and
        filled where none is told to be ahead; else in the order of the table.

    Examples
    --------
    >>> rows = {"touchpoint": ["Chat", "Shop"], "reach": [0.2, 0.1], "set": ["b", "a"], "n": 90, "r2": 0.1}
    >>> limits = {"share": [0.2, 0.8], "ci_low": [0.1, 0.7], "ci_high": [0.3, 0.9]}
    >>> ax = plot_importance(pd.DataFrame(rows | limits))
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['Shop (10 %)', 'Chat (20 %)']
    >>> plt.close("all")
    """
    shown = disclosure.protect(result)
    rows = shown[~shown["hidden"] & shown["share"].notna()]
    ordered = len(set(rows["set"])) > 1
    rows = rows.sort_values("share", ascending=False, kind="stable") if ordered else rows
    first = {row["touchpoint"] for row in candidates(rows, "share")} if ordered else set()
    at = np.arange(len(rows))
    ax = ax or plt.subplots(figsize=(4.8, 1.1 + 0.3 * max(len(rows), 2)))[1]
    ax.hlines(at, 100 * rows["ci_low"], 100 * rows["ci_high"], color=theme.ACCENT, lw=1.6, zorder=2)
    filled = rows["touchpoint"].isin(first).to_numpy()
    for part, face in ((filled, theme.ACCENT), (~filled, "white")):
        ax.plot(100 * rows["share"][part], at[part], "o", mfc=face, mec=theme.ACCENT, ms=6, ls="", zorder=3)
    ax.set_yticks(at, [f"{row.touchpoint} ({100 * row.reach:.0f} %)" for row in rows.itertuples()])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(left=0)
    ax.grid(axis="y", visible=False)
    if ordered:
        for y, letters in zip(at, rows["set"], strict=True):
            ax.annotate(letters, (1.02, y), xycoords=("axes fraction", "data"), va="center", color=theme.INK)
        ax.set_title(say("A letter in common: cannot be told apart"), fontsize=9, color=theme.INK, loc="right")
    ax.set_xlabel(say("Percent of what all touchpoints explain"))
    ax.set_label(contact_sentences.weightiest(result))
    limits = {column: 100 * shown[column] for column in ("ci_low", "ci_high")}
    kept = shown.assign(estimate=100 * shown["share"], **limits)
    return theme.keep(ax, kept, rows={"touchpoint": say("Touchpoint"), "set": say("Set")}, decimals=1)


def _seen(shown: pd.DataFrame) -> pd.DataFrame:
    named = {"seen_experience": "experience", "seen_operational": "operational"}
    return shown[list(named)].rename(columns=named).astype(float).dropna()


def _corners(ax: Axes) -> None:
    """Name the quadrants in the corners, in a pale colour of their own."""
    names = {
        ("left", "top"): say("Works, feels bad"),
        ("right", "top"): say("Keep"),
        ("left", "bottom"): say("Rebuild"),
        ("right", "bottom"): say("Feels good, works badly"),
    }
    for (side, end), text in names.items():
        x, y = {"left": 0.01, "right": 0.99}[side], {"top": 0.99, "bottom": 0.01}[end]
        ax.text(x, y, text, transform=ax.transAxes, ha=side, va=end, fontsize=8.5, style="italic", color="#59636b")


def _label(ax: Axes, shown: pd.DataFrame, seen: pd.DataFrame) -> None:
    """Put each label where it covers no point and no other label, the critical ones first."""
    figure = ax.figure
    figure.canvas.draw()
    renderer, area = figure.canvas.get_renderer(), ax.get_window_extent()
    pixels = figure.dpi / 72
    points = ax.transData.transform(shown[["experience", "operational"]].to_numpy(dtype=float))
    others = ax.transData.transform(seen[["seen_experience", "seen_operational"]].to_numpy(dtype=float))
    taken = [Bbox.from_bounds(x - 4.5 * pixels, y - 4.5 * pixels, 9 * pixels, 9 * pixels) for x, y in points]
    taken += [Bbox.from_bounds(x - 3 * pixels, y - 3 * pixels, 6 * pixels, 6 * pixels) for x, y in others]
    taken += [text.get_window_extent(renderer) for text in ax.texts]
    names = shown["high"] & (shown["high"].sum() <= NAMED)
    order = np.argsort(~shown["high"].to_numpy(), kind="stable")
    rows = shown.to_dict("records")
    for i in order:
        text = f"{rows[i]['number']} {rows[i]['touchpoint']}" if names.iloc[i] else f"{rows[i]['number']}"
        weight = "bold" if rows[i]["high"] else "normal"
        drawn = ax.annotate(
            text, (rows[i]["experience"], rows[i]["operational"]), (0, 0), textcoords="offset points",
            ha="center", va="center", fontsize=8.5, weight=weight, arrowprops=LEADER, bbox=HALO, zorder=2.5,
        )  # fmt: skip
        size = Text.get_window_extent(drawn, renderer)
        place, box = _room(points[i], (size.width, size.height), area, taken, pixels)
        drawn.set_position(place)
        drawn.arrow_patch.set_visible(np.hypot(place[0], place[1]) > size.width / 2 / pixels + FAR)
        taken.append(box)


def _room(point, size: tuple[float, float], area: Bbox, taken: list[Bbox], pixels: float):
    """Search rings around a point for a place inside the axes that overlaps nothing."""
    width, height = size[0] + 2 * pixels, size[1]
    for ring in RINGS:
        for turn in TURNS:
            dx = (ring + width / 2 / pixels - 4) * np.cos(turn)
            dy = (ring + height / 2 / pixels - 3) * np.sin(turn)
            x, y = point[0] + dx * pixels, point[1] + dy * pixels
            box = Bbox.from_bounds(x - width / 2, y - height / 2, width, height)
            inside = area.x0 <= box.x0 and box.x1 <= area.x1 and area.y0 <= box.y0 and box.y1 <= area.y1
            if inside and not any(box.overlaps(other) for other in taken):
                return (dx, dy), box
    return (0, 0), Bbox.from_bounds(point[0] - width / 2, point[1] - height / 2, width, height)
