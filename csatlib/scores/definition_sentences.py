"""How each indicator is calculated, in words a reader can check."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from csatlib import disclosure, theme
from csatlib.scores.measured import range_of
from csatlib.tables import names
from csatlib.tables.indicators import Indicator
from csatlib.tables.scale import Scale
from csatlib.words import listed, mark, say, together

LABELS = {
    "nps": mark("Net Promoter Score"),
    "csat": mark("Satisfied customers"),
    "ces": mark("Found it easy"),
    "first_contact_resolution": mark("Settled at the first contact"),
    "response_time": mark("Time to the first reply"),
    "resolution_time": mark("Time to the solution"),
    "availability": mark("Availability"),
    "on_time": mark("Promises kept on time"),
    "repurchase": mark("Bought again"),
    "other_channel": mark("Had to try another channel"),
}
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
LEFT_OUT = {
    "table": mark("Left out, since the company has no such table: {names}."),
    "column": mark("Left out, since a column is missing: {names}."),
    "range": mark("Left out, since no scale tells the lowest and the highest answer: {names}."),
    "rows": mark("Left out, since no row of these periods counts: {names}."),
}
PERCENT = 100.0


def called(name: str, indicator: Indicator) -> str:
    """Return what a reader calls an indicator.

    Parameters
    ----------
    name : str
        Its name in the settings.
    indicator : Indicator
        Its settings.

    Returns
    -------
    str
        The label of the settings, else of the shipped one, else the name with spaces.

    Examples
    --------
    >>> called("on_time", Indicator(table="promises", formula="on_time", due="due_at", end="done_at"))
    'Promises kept on time'
    """
    if indicator.label or name not in LABELS:
        return indicator.label or name.replace("_", " ")
    return say(LABELS[name])


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
    rows = []
    for key, indicator in wanted.items():
        text = {
            "label": called(key, indicator),
            "formula": together(_formula(indicator, scales, columns, name), indicator.definition or ""),
            "counted": _counted(indicator, columns, name),
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
    return pd.DataFrame(rows)


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
    >>> row = {"indicator": "on_time", "unit": "share", "target": 0.9, "n": 90, "n_missing": 2, "n_open": 1}
    >>> wanted = {"on_time": Indicator(table="promises", formula="on_time", due="due_at", end="done_at")}
    >>> shown = figures(pd.DataFrame([row | {"estimate": 0.8, "ci_low": 0.7, "ci_high": 0.9}]), wanted)
    >>> shown[["estimate", "unit", "aim", "missing", "open"]].values.tolist()
    [[80.0, '%', '90.0', '2', '1']]
    """
    factor = (levels["unit"] == "share").map({True: PERCENT, False: 1.0})
    numbers = ["estimate", "ci_low", "ci_high", "target"]
    shown = disclosure.protect(levels.assign(**{column: levels[column] * factor for column in numbers}))
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


def figure(row: Mapping[str, Any]) -> str:
    """Say one figure with its interval and n.

    Parameters
    ----------
    row : mapping
        One row of :func:`figures`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"label": "On time", "estimate": 80.0, "ci_low": 70.0, "ci_high": 90.0, "n": 90, "unit": "%"}
    >>> figure(row | {"decimals": 1, "hidden": False, "period": "2026-10"})
    'On time, 2026-10: 80.0 % (95 % interval 70.0 to 90.0, n = 90).'
    """
    if row["hidden"]:
        return say("Not shown: too few answers.")
    places = {"label": row["label"], "period": row["period"], "unit": row["unit"], "n": f"{row['n']:,.0f}"}
    value, low, high = (theme.number(row[c], row["decimals"]) for c in ("estimate", "ci_low", "ci_high"))
    if pd.isna(row["ci_low"]) and pd.isna(row["ci_high"]):
        return say("{label}, {period}: {value} {unit} (no interval, n = {n}).", value=value, **places)
    return say(
        "{label}, {period}: {value} {unit} (95 % interval {low} to {high}, n = {n}).",
        value=value,
        low=low,
        high=high,
        **places,
    )


def owned(wanted: Mapping[str, Indicator]) -> str:
    """Say how many indicators there are and which have no owner.

    Parameters
    ----------
    wanted : mapping of str to Indicator
        ``ws.settings.indicators``.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> owned({"wait": Indicator(table="contacts", formula="median", value="wait_seconds")})
    'The company follows 1 indicators. No owner is named for wait.'
    """
    bare = _lacking(wanted, "owner")
    if not bare:
        return say("The company follows {n} indicators; each has an owner.", n=len(wanted))
    said = say("The company follows {n} indicators.", n=len(wanted))
    return together(said, say("No owner is named for {names}.", names=listed(bare)))


def measured(wanted: Mapping[str, Indicator], levels: pd.DataFrame, left_out: pd.DataFrame) -> str:
    """Say how many indicators have a figure and a target, and which are left out.

    Parameters
    ----------
    wanted : mapping of str to Indicator
        ``ws.settings.indicators``.
    levels, left_out : DataFrame
        From :func:`csatlib.scores.indicators`.

    Returns
    -------
    str
        A few sentences.

    Examples
    --------
    >>> wait = {"wait": Indicator(table="contacts", formula="median", value="wait_seconds")}
    >>> lacking = pd.DataFrame({"label": ["wait"], "what": ["table"], "name": ["contacts"]})
    >>> measured(wait, pd.DataFrame({"indicator": []}), lacking)
    '0 of 1 have a figure, 0 a target. Left out, since the company has no such table: wait (contacts).'
    """
    counts = {"n": levels["indicator"].nunique(), "total": len(wanted)}
    counts["aims"] = sum(indicator.target is not None for indicator in wanted.values())
    return together(say("{n} of {total} have a figure, {aims} a target.", **counts), lacking(left_out))


def lacking(left_out: pd.DataFrame) -> str:
    """Name the indicators that are left out, by what they lack.

    Parameters
    ----------
    left_out : DataFrame
        From :func:`csatlib.scores.indicators`.

    Returns
    -------
    str
        One sentence per kind of lack; empty where nothing is left out.

    Examples
    --------
    >>> lacking(pd.DataFrame({"label": ["Wait"], "what": ["rows"], "name": ["contacts"]}))
    'Left out, since no row of these periods counts: Wait (contacts).'
    """
    told = []
    for what, text in LEFT_OUT.items():
        lacks = left_out[left_out["what"] == what]
        pairs = [
            say("{label} ({name})", label=a, name=b) for a, b in zip(lacks["label"], lacks["name"], strict=True)
        ]
        told += [say(text, names=listed(pairs))] if pairs else []
    return together(*told)


def action(wanted: Mapping[str, Indicator]) -> str:
    """Say what is still to be agreed on.

    Parameters
    ----------
    wanted : mapping of str to Indicator
        ``ws.settings.indicators``.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> action({"wait": Indicator(table="contacts", formula="median", value="wait_seconds", owner="Ann")})
    'Agree on a target for wait.'
    """
    texts = (("owner", mark("Name an owner for {names}.")), ("target", mark("Agree on a target for {names}.")))
    told = [say(text, names=listed(bare)) for field, text in texts if (bare := _lacking(wanted, field))]
    return together(*told) or say("Keep these definitions; a new wording or rule starts a new series.")


def _lacking(wanted: Mapping[str, Indicator], field: str) -> list[str]:
    return [called(name, one) for name, one in wanted.items() if getattr(one, field) in ("", None)]


def _formula(
    indicator: Indicator, scales: Mapping[str, Scale], columns: Mapping[str, Any], name: Callable | None
) -> str:
    kind = indicator.formula
    if kind == "top_box":
        low, high = range_of(indicator, scales) or (None, None)
        top = indicator.top if indicator.top is not None or high is None else high - 1 if high - low > 1 else high
        ends = {
            key: "?" if end is None else f"{end:g}" for key, end in (("low", low), ("high", high), ("top", top))
        }
        return say(FORMULAS[kind], value=_column(indicator.value, columns, name), **ends)
    if kind == "share" and indicator.condition:
        return say(FORMULAS["condition"], condition=_values(indicator.condition, columns, name))
    kind = {"median": "time" if indicator.start else "median", "on_time": indicator.unfinished}.get(kind, kind)
    kind = "average" if kind == "ratio" and not indicator.denominator else kind
    used = {key: getattr(indicator, key) for key in ("value", "numerator", "denominator", "start", "end", "due")}
    places = {key: _column(column, columns, name) for key, column in used.items() if column}
    return say(FORMULAS[kind], days=f"{indicator.days or 0:g}", **places)


def _counted(indicator: Indicator, columns: Mapping[str, Any], name: Callable | None) -> str:
    kind = {"median": "time" if indicator.start else "known", "on_time": indicator.unfinished, "share": "known"}
    kind |= dict.fromkeys(("nps", "top_box", "mean"), "answers")
    text = say(COUNTED[kind.get(indicator.formula, indicator.formula)], days=f"{indicator.days or 0:g}")
    if not indicator.where:
        return text
    return together(text, say("Only rows with {where}.", where=_values(indicator.where, columns, name)))


def _source(indicator: Indicator) -> str:
    pair = [indicator.numerator, indicator.denominator] if indicator.formula == "ratio" else []
    used = dict.fromkeys(
        [*indicator.columns, *(c for c in pair if c), *([indicator.time] if indicator.time else [])]
    )
    return say("{table}: {columns}", table=indicator.table, columns=say(", ").join(used))


def _column(column: str, columns: Mapping[str, Any], name: Callable | None) -> str:
    if column in columns or name is None:
        return names.called(columns, column)
    return name(column)


def _values(wanted: Mapping[str, Any], columns: Mapping[str, Any], name: Callable | None) -> str:
    parts = []
    for column, value in wanted.items():
        values = value if isinstance(value, list) else [value]
        spoken = [_spoken(one, column, columns) for one in values]
        parts.append(say("{column}: {value}", column=_column(column, columns, name), value=say(", ").join(spoken)))
    return listed(parts)


def _spoken(value: Any, column: str, columns: Mapping[str, Any]) -> str:
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    return names.called(columns, column, value)
