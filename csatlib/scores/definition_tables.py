"""The definitions page as tables: each indicator in words, and its figure as a reader takes it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pandas as pd

from csatlib import disclosure, theme
from csatlib.scores.definition_sentences import called
from csatlib.scores.measured import range_of
from csatlib.tables import names
from csatlib.tables.indicators import Indicator
from csatlib.tables.scale import Scale
from csatlib.words import listed, mark, say, together

UNITS = {
    "points": mark("points"),
    "share": mark("%"),
    "scale": mark("points of the scale"),
    "number": mark("number"),
    "seconds": mark("seconds"),
    "minutes": mark("minutes"),
    "hours": mark("hours"),
    "days": mark("days"),
}
BETTER = {"higher": mark("higher"), "lower": mark("lower")}
FORMULAS = {
    "nps": mark("Share of answers of 9 or 10 less share of answers from 0 to 6, times 100. Question: {value}."),
    "top_box": mark("Share of answers of {top} or more, on a scale from {low} to {high}. Question: {value}."),
    "mean": mark("Mean of {value}."),
    "condition": mark("Share where {condition}."),
    "share": mark("Share where the answer is yes. Column: {value}."),
    "ratio": mark("Sum of {numerator} divided by sum of {denominator}, all units together."),
    "average": mark("Mean of {value} over all units."),
    "time": mark(
        "Median time from “{start}” to “{end}”. What is still open counts as lasting at least until now; leaving "
        "it out would flatter."
    ),
    "median": mark("Median of {value}."),
    "late": mark("Share where “{end}” is not later than “{due}”. What is overdue and not done counts as late."),
    "left_out": mark(
        "Share where “{end}” is not later than “{due}”. What is overdue and not done does not count."
    ),
    "first_contact": mark(
        "Share settled at the first contact, without another in the same case within {days} days."
    ),
    "other_channel": mark(
        "Share followed within {days} days by a contact of the same customer on another channel."
    ),
    "repeat_purchase": mark("Share who bought again, on a later day, within {days} days of the first purchase."),
}
COUNTED = {
    "answers": mark("Answers to this question; what was left empty does not count."),
    "known": mark("Rows in which this is known."),
    "ratio": mark("The denominators of all units."),
    "time": mark("All that began in the period, open ones too."),
    "late": mark("All with such a date, but what is neither done nor due yet."),
    "left_out": mark("All with such a date that are done."),
    "first_contact": mark("Cases begun in the period whose {days} days are over."),
    "other_channel": mark("Contacts of known customers in the period whose {days} days are over."),
    "repeat_purchase": mark(
        "Customers who bought in the period and whose {days} days are over; refunds are no purchase."
    ),
}
PERCENT = 100.0
LAID_OUT = ("label", "formula", "counted", "told", "better", "owner", "source")


def definitions(
    wanted: Mapping[str, Indicator],
    *,
    scales: Mapping[str, Scale],
    columns: Mapping[str, Any],
    name: Callable[[str], str] | None = None,
) -> pd.DataFrame:
    """Lay out each indicator in words.

    Parameters
    ----------
    wanted : mapping of str to Indicator
        ``ws.settings.indicators``.
    scales : mapping of str to Scale
        ``ws.scales``: the range of a top box that names none.
    columns : mapping
        ``ws.settings.columns``: what readers call columns and their values.
    name : function, optional
        What readers call a column the settings do not name.

    Returns
    -------
    DataFrame
        One row per indicator: ``indicator``, ``label``, and as text ``formula``, ``counted`` (what is in the
        denominator), ``told`` (all three in one), ``better``, ``owner`` (a dash where none is named), ``source``
        (table and columns).

    Examples
    --------
    >>> wanted = {"wait": Indicator(table="contacts", formula="median", value="wait_seconds", unit="seconds")}
    >>> definitions(wanted, scales={}, columns={})[["label", "formula", "source"]].values.tolist()
    [['wait', 'Median of wait seconds.', 'contacts: wait_seconds, occurred_at']]
    """
    asked = {item.perception: item.label for scale in scales.values() for item in scale.items if item.label}
    speak, rows = partial(_column, columns=columns, asked=asked, name=name), []
    for key, indicator in wanted.items():
        text = {
            "label": called(key, indicator),
            "formula": together(_formula(indicator, scales, columns, speak), indicator.definition or ""),
            "counted": _counted(indicator, columns, speak),
        }
        rows.append(
            {
                "indicator": key,
                **text,
                "told": say("{label}. {formula} Counted: {counted}", **text),
                "better": say(BETTER[indicator.better]),
                "owner": indicator.owner or "–",
                "source": _source(indicator),
            }
        )
    return pd.DataFrame(rows, columns=["indicator", *LAID_OUT])


def figures(levels: pd.DataFrame, wanted: Mapping[str, Indicator]) -> pd.DataFrame:
    """Prepare figures for a reader: shares in percent, small bases hidden, target and what is missing as text.

    Parameters
    ----------
    levels : DataFrame
        From :func:`csatlib.scores.indicators`.
    wanted : mapping of str to Indicator
        The indicators measured.

    Returns
    -------
    DataFrame
        As `levels` after :func:`csatlib.disclosure.protect`, with ``decimals`` (2 for shares of operations, which
        lie close together, else 1) and as text ``unit``, ``aim``, ``missing``, ``open``.

    Examples
    --------
    >>> row = {"indicator": "on_time", "period": "2026", "unit": "share", "target": 0.9}
    >>> row |= {"n": 90, "n_missing": 2, "n_open": 1}
    >>> wanted = {"on_time": Indicator(table="promises", formula="on_time", due="due_at", end="done_at")}
    >>> shown = figures(pd.DataFrame([row | {"estimate": 0.8, "ci_low": 0.7, "ci_high": 0.9}]), wanted)
    >>> shown[["estimate", "unit", "aim", "missing", "open"]].values.tolist()
    [[80.0, '%', '90.0', '2', '1']]
    """
    levels = levels.reset_index(drop=True)
    factor = (levels["unit"] == "share").map({True: PERCENT, False: 1.0})
    numbers = ["estimate", "ci_low", "ci_high", "target"]
    scaled = levels.assign(**{column: levels[column] * factor for column in numbers})
    parts = [disclosure.protect(part) for _, part in scaled.groupby(["indicator", "period"], sort=False)]
    shown = pd.concat(parts) if parts else disclosure.protect(scaled)
    ratio = [wanted[name].formula == "ratio" for name in shown["indicator"]]
    shown = shown.assign(decimals=[2 if exact else 1 for exact in ratio])
    aims = [theme.number(t, d) for t, d in zip(shown["target"], shown["decimals"], strict=True)]
    counts = {
        text: [
            theme.HIDDEN if hidden else theme.number(n, 0)
            for n, hidden in zip(shown[column], shown["hidden"], strict=True)
        ]
        for text, column in (("missing", "n_missing"), ("open", "n_open"))
    }
    return shown.assign(unit=[say(UNITS.get(unit, unit)) for unit in shown["unit"]], aim=aims, **counts)


def _formula(
    indicator: Indicator, scales: Mapping[str, Scale], columns: Mapping[str, Any], speak: Callable[[str], str]
) -> str:
    kind = indicator.formula
    if kind == "top_box":
        low, high = range_of(indicator, scales) or (None, None)
        top = indicator.top if indicator.top is not None or high is None else high - 1 if high - low > 1 else high
        ends = {
            key: "?" if end is None else f"{end:g}" for key, end in (("low", low), ("high", high), ("top", top))
        }
        return say(FORMULAS[kind], value=speak(indicator.value), **ends)
    if kind == "share" and indicator.condition:
        return say(FORMULAS["condition"], condition=_values(indicator.condition, columns, speak))
    kind = {"median": "time" if indicator.start else "median", "on_time": indicator.unfinished}.get(kind, kind)
    kind = "average" if kind == "ratio" and not indicator.denominator else kind
    used = {key: getattr(indicator, key) for key in ("value", "numerator", "denominator", "start", "end", "due")}
    places = {key: speak(column) for key, column in used.items() if column}
    return say(FORMULAS[kind], days=f"{indicator.days or 0:g}", **places)


def _counted(indicator: Indicator, columns: Mapping[str, Any], speak: Callable[[str], str]) -> str:
    kind = {"median": "time" if indicator.start else "known", "on_time": indicator.unfinished, "share": "known"}
    kind |= dict.fromkeys(("nps", "top_box", "mean"), "answers")
    text = say(COUNTED[kind.get(indicator.formula, indicator.formula)], days=f"{indicator.days or 0:g}")
    if not indicator.where:
        return text
    return together(text, say("Only rows with {where}.", where=_values(indicator.where, columns, speak)))


def _source(indicator: Indicator) -> str:
    pair = [indicator.numerator, indicator.denominator] if indicator.formula == "ratio" else []
    used = dict.fromkeys(
        [*indicator.columns, *(c for c in pair if c), *([indicator.time] if indicator.time else [])]
    )
    return say("{table}: {columns}", table=indicator.table, columns=say(", ").join(used))


def _column(column: str, *, columns: Mapping[str, Any], asked: Mapping[str, str], name: Callable | None) -> str:
    if column in columns or (column not in asked and name is None):
        return names.called(columns, column)
    return asked[column] if column in asked else name(column)


def _values(wanted: Mapping[str, Any], columns: Mapping[str, Any], speak: Callable[[str], str]) -> str:
    parts = []
    for column, value in wanted.items():
        values = value if isinstance(value, list) else [value]
        spoken = [_spoken(one, column, columns) for one in values]
        parts.append(say("{column}: {value}", column=speak(column), value=say(", ").join(spoken)))
    return listed(parts)


def _spoken(value: Any, column: str, columns: Mapping[str, Any]) -> str:
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    return names.called(columns, column, value)
