"""How tables and figures reach a reader: number formats, captions, alt text, one style."""

import base64
import io
from collections.abc import Mapping
from html import escape

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from csatlib import disclosure, exhibit, fonts, words
from csatlib.exhibit import keep as keep
from csatlib.words import mark, say
from csatlib.words import number as number

INK, ACCENT, MUTED, WARN = "#1f2a36", "#0b5cad", "#8a94a0", "#b3411e"
DPI = 160
HIDDEN, INDICATIVE = "·", "†"
LOST = mark(
    "An empty box in this picture is a character that no font here can draw ({characters}); the text under "
    "it and the workbook have it."
)
COUNTS = ("count", "count_before")


def use(*, min_base: int = 10, min_rank: int = 30, language: str | None = None) -> None:
    """Set the look of figures, the smallest bases shown and the language, for the rest of the session.

    Parameters
    ----------
    min_base : int
        Figures on fewer answers are not shown at all (privacy).
    min_rank : int
        Figures on fewer effective answers are shown as indicative: no rank, colour or alert.
    language : str, optional
        Language of every sentence, ``ws.language``; default: as before.

    Examples
    --------
    >>> use(min_base=10, min_rank=30)
    """
    disclosure.bases.min_base, disclosure.bases.min_rank = min_base, min_rank
    if language is not None:
        words.use(language)
    sns.set_theme(
        style="whitegrid",
        rc={
            "font.family": fonts.families(),
            "figure.dpi": 100,
            "savefig.dpi": DPI,
            "figure.figsize": (4.8, 3.4),
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.labelsize": 10,
            "xtick.labelsize": 9.5,
            "ytick.labelsize": 9.5,
            "text.color": INK,
            "axes.labelcolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "axes.edgecolor": MUTED,
            "grid.color": "#e6e9ed",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
        },
    )


def table(
    result: pd.DataFrame,
    *,
    caption: str,
    rows: Mapping[str, str],
    spread: str | None = None,
    names: Mapping[str, str] | None = None,
    decimals: int = 2,
    note: str | None = None,
    lacking: str | None = None,
) -> None:
    """Display a result as estimates with interval and n; small bases are hidden or marked.

    Parameters
    ----------
    result : DataFrame
        A long result table with ``estimate``, ``ci_low``, ``ci_high`` and ``n``; one without ``estimate``, such
        as counts of rows, is shown as it is.
    caption : str
        What the table shows, with unit and period; numbered in the report.
    rows : mapping of str to str
        Columns that name a row, and their headings; a heading begins with a capital letter.
    spread : str, optional
        Column whose values become columns, for example ``"measure"``.
    names : mapping of str to str, optional
        Order and headings of the spread columns; those not named are left out.
    decimals : int
        Decimals of every number.
    note : str, optional
        A line under the table.
    lacking : str, optional
        What to say of an empty result; default: that the data lacks what this table needs.

    Raises
    ------
    KeyError
        Columns named in `rows` or `spread` that the result lacks.

    Examples
    --------
    >>> result = pd.DataFrame(
    ...     {"label": ["Speed"], "estimate": [-1.5], "ci_low": [-1.75], "ci_high": [-1.25], "n": [120]}
    ... )
    >>> table(result, caption="Gap by dimension", rows={"label": "Dimension"})  # doctest: +ELLIPSIS
    {'text/html': '<figure class="csat-table"><figcaption>Gap by dimension</figcaption>...
    """
    absent = [c for c in [*rows, *([spread] if spread else [])] if c not in result.columns]
    if absent:
        raise KeyError(f"the result has no column {', '.join(absent)}; it has {', '.join(result.columns)}")
    rows = {column: heading[:1].upper() + heading[1:] for column, heading in rows.items()}
    if result.empty:
        text = lacking or say("Nothing to show: the data lacks what this table needs.")
        figure = (
            f'<figure class="csat-table"><figcaption>{escape(caption)}</figcaption><p>{escape(text)}</p></figure>'
        )
        _emit_html(figure, f"{caption}: {text}")
        return
    if "estimate" not in result.columns:
        plain = (
            result[list(rows)].map(lambda v: v if isinstance(v, str) else f"{v:,.0f}").rename(columns=dict(rows))
        )
        figure = _figure_html(plain, caption, [note] if note else [], 1)
        _emit_html(figure, plain.to_string(index=False), exhibit.record(result, rows=rows), caption, note)
        return
    shown = disclosure.protect(result)
    names = dict(names) if names else {"": say("Estimate [95 % interval]")}
    if spread:
        shown = shown[shown[spread].isin(names)]
    wide = _wide(shown, list(rows), spread, names, decimals).rename(columns=dict(rows))
    notes = ([note] if note else []) + _legend(shown)
    columns = dict(rows) | ({spread: exhibit.heading(spread)} if spread and spread not in rows else {})
    held = exhibit.record(shown, rows=columns, names=names if spread else None, decimals=decimals)
    figure = _figure_html(wide, caption, notes, len(rows))
    _emit_html(figure, wide.to_string(index=False), held, caption, note)


def show(ax: Axes, *, title: str, caption: str, alt: str | None = None, reading: str | None = None) -> None:
    """Display a figure with the finding as its title, then close it.

    Parameters
    ----------
    ax : Axes
        What a plot function returned.
    title : str
        The finding, a whole sentence.
    caption : str
        What is plotted: measure, unit, period, n; numbered in the report.
    alt : str, optional
        The figure in words; by default what the plot function made of its table.
    reading : str, optional
        How to read it, in one or two sentences, where the kind of chart is not obvious.

    Raises
    ------
    ValueError
        When there is no alt text.

    Examples
    --------
    >>> ax = plt.figure().subplots()
    >>> show(ax, title="Nothing moved.", caption="Gap by month", alt="Empty")  # doctest: +ELLIPSIS
    {'text/html': '<p class="csat-title"><b>Nothing moved.</b></p>', ...
    """
    alt = alt or str(ax.get_label())
    if not alt:
        raise ValueError(
            "alt is missing: say in one or two sentences what the figure shows, for who cannot see it"
        )
    figure = ax.figure
    width = round(figure.get_size_inches()[0] * 120)
    with fonts.noticing() as lost:
        picture = _drawn(figure)
    plt.close(figure)
    _emit_html(f'<p class="csat-title"><b>{escape(title)}</b></p>', title)
    image = {"alt": alt, "caption": caption, "width": width}
    image |= {"reading": reading} if reading else {}
    image |= {"lost": say(LOST, characters=" ".join(lost))} if lost else {}
    data = {"image/png": base64.b64encode(_few_colours(picture)).decode(), "text/plain": alt}
    behind = next((a.csat_table for a in (ax, *figure.axes) if hasattr(a, "csat_table")), None)
    if behind:
        data[exhibit.MIME] = {"title": title, "caption": caption, "note": reading or ""} | behind
    display(data, metadata={"image/png": image}, raw=True)


def answer(answer: str, *, evidence: str, action: str) -> None:
    """Display the three lines that stand under a notebook's question.

    Parameters
    ----------
    answer, evidence, action : str
        Whole sentences: what is so, what it rests on with interval and n, what to do.

    Examples
    --------
    >>> answer("It fell.", evidence="By 0.4 (n = 90).", action="Mend it.")  # doctest: +ELLIPSIS
    {'text/html': '<section class="csat-answer"><p><b>Answer</b> It fell.</p>...
    """
    lines = ((say("Answer"), answer), (say("Evidence"), evidence), (say("What to do"), action))
    html = "".join(f"<p><b>{escape(name)}</b> {escape(text)}</p>" for name, text in lines)
    _emit_html(f'<section class="csat-answer">{html}</section>', "\n".join(f"{n}: {t}" for n, t in lines))


def _drawn(figure: Figure) -> Image.Image:
    """Draw once; savefig draws a figure with a layout twice."""
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _few_colours(picture: Image.Image) -> bytes:
    """Keep 64 colours: a third of the size, and no version stamp."""
    small = io.BytesIO()
    picture.quantize(colors=64).save(small, format="png", optimize=True)
    return small.getvalue()


def _legend(shown: pd.DataFrame) -> list[str]:
    indicative = mark("{mark} indicative: fewer than {n} effective answers.")
    hidden = mark("{mark} not shown, to protect groups of fewer than {n} answers.")
    notes = [(shown["indicative"], indicative, INDICATIVE, disclosure.bases.min_rank)]
    notes += [(shown["hidden"], hidden, HIDDEN, disclosure.bases.min_base)]
    return [say(text, mark=sign, n=base) for found, text, sign, base in notes if found.any()]


def _wide(
    shown: pd.DataFrame, rows: list[str], spread: str | None, names: dict[str, str], decimals: int
) -> pd.DataFrame:
    cells = pd.Series([_cell(row, decimals) for row in shown.itertuples()], index=shown.index, dtype="str")
    column = shown[spread].map(names) if spread else pd.Series(names[""], index=shown.index)
    counts = {c: [HIDDEN if pd.isna(v) else f"{v:,.0f}" for v in shown[c]] for c in rows if c in COUNTS}
    long = shown[rows].assign(**counts, column=column, cell=cells, n=shown["n"])
    wide = long.pivot_table(index=rows, columns="column", values="cell", aggfunc="first", sort=False)
    wide = wide.reindex(columns=list(names.values())).fillna("")
    least, most = (long.groupby(rows, sort=False)["n"].agg(how) for how in ("min", "max"))
    wide[say("n")] = [
        HIDDEN if pd.isna(low) else f"{low:,.0f}" if low == high else f"{low:,.0f}–{high:,.0f}"
        for low, high in zip(least[wide.index], most[wide.index], strict=True)
    ]
    return wide.reset_index().rename_axis(columns=None)


def _cell(row: object, decimals: int) -> str:
    if row.hidden:
        return HIDDEN
    if pd.isna(row.estimate):
        return "–"
    text = number(row.estimate, decimals)
    if not pd.isna(row.ci_low):
        text += f" [{number(row.ci_low, decimals)}, {number(row.ci_high, decimals)}]"
    return text + (f" {INDICATIVE}" if row.indicative else "")


def _figure_html(wide: pd.DataFrame, caption: str, notes: list[str], row_columns: int) -> str:
    head = "".join(f'<th scope="col">{escape(str(name))}</th>' for name in wide.columns)
    body = ""
    for values in wide.itertuples(index=False):
        cells = [
            f'<th scope="row">{escape(str(v))}</th>' if i < row_columns else f"<td>{_two_lines(str(v))}</td>"
            for i, v in enumerate(values)
        ]
        body += f"<tr>{''.join(cells)}</tr>"
    lines = "".join(f'<p class="csat-note">{escape(line)}</p>' for line in notes)
    return (
        f'<figure class="csat-table"><figcaption>{escape(caption)}</figcaption>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{lines}</figure>"
    )


def _two_lines(cell: str) -> str:
    estimate, bracket, rest = cell.partition(" [")
    interval, _, mark = rest.partition("]")
    if not bracket:
        return escape(cell)
    return f"{escape(estimate + mark)} <small>[{escape(interval)}]</small>"


def _emit_html(
    html: str, plain: str, behind: dict | None = None, caption: str = "", note: str | None = None
) -> None:
    record = {exhibit.MIME: {"caption": caption, "note": note or ""} | behind} if behind else {}
    display({"text/html": html, "text/plain": plain} | record, raw=True)
