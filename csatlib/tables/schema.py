"""The canonical tables: what each column is, which rows are allowed, and the check of both."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

KINDS = ("key", "text", "time", "date", "period", "number", "boolean", "category")
RESERVED = ("replicate", "period")
CONTRADICTION = "duplicate with other values"


@dataclass(frozen=True)
class Column:
    """One column of a canonical table.

    Parameters
    ----------
    name : str
        Canonical name.
    kind : str
        One of `KINDS`. Stored as: key, text, category, period (``2026-10``, ``2026-Q3``, ``2026``) as text;
        time and date as timestamp in microseconds; number and boolean (1, 0) as float, missing is NaN.
        Times are wall-clock times: an offset written in a text file is dropped, instants in Parquet are UTC.
    required : bool
        True where the table is useless without the column.
    nullable : bool
        True where single values may be missing; False by default for required columns.
    low, high : float, optional
        Allowed range of a number, both ends included.
    allowed : tuple of str
        Allowed values of a category, lower case.
    """

    name: str
    kind: str = "text"
    required: bool = False
    nullable: bool = True
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One canonical table.

    Parameters
    ----------
    columns : tuple of Column
        Declared columns; others are allowed.
    key : tuple of str
        Columns that together identify a row; () where rows have no identity.
    time : str, optional
        Column that decides which period a row belongs to.
    order : tuple of (str, str)
        Pairs (later, earlier): later may not lie before earlier.
    either : tuple of tuple of str
        Alternatives of which at least one must be complete.
    instead : tuple of (str, str)
        Pairs (required, other): where the other column is there, the required one need not be.
    """

    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    time: str | None = None
    order: tuple[tuple[str, str], ...] = ()
    either: tuple[tuple[str, ...], ...] = ()
    instead: tuple[tuple[str, str], ...] = ()


def _needs(kind: str, *names: str, **rules) -> tuple[Column, ...]:
    return tuple(Column(name, kind, required=True, nullable=False, **rules) for name in names)


def _may(kind: str, *names: str, **rules) -> tuple[Column, ...]:
    return tuple(Column(name, kind, **rules) for name in names)


TABLES: dict[str, Table] = {
    "customers": Table(
        (*_needs("key", "customer_id"), *_needs("date", "joined_on"), *_may("date", "left_on"))
        + (*_may("boolean", "left"), *_may("date", "seen_on")),
        key=("customer_id",),
        order=(("left_on", "joined_on"),),
        instead=(("joined_on", "left"),),
    ),
    "invitations": Table(
        (*_needs("key", "invitation_id"), *_may("key", "customer_id"), *_needs("time", "sent_at"))
        + (*_needs("text", "channel"), *_may("text", "survey")),
        key=("invitation_id",),
        time="sent_at",
    ),
    "responses": Table(
        (*_needs("key", "response_id"), *_may("key", "customer_id", "invitation_id"))
        + (*_may("text", "survey", "wave"), *_needs("time", "responded_at"), *_may("time", "started_at"))
        + (*_may("number", "weight", low=0), *_may("number", "nps", low=0, high=10))
        + (*_may("number", "overall", "ces"), *_may("text", "comment")),
        key=("response_id",),
        time="responded_at",
        order=(("responded_at", "started_at"),),
    ),
    "transactions": Table(
        _needs("key", "customer_id") + _needs("time", "occurred_at") + _needs("number", "amount"),
        time="occurred_at",
    ),
    "contacts": Table(
        (*_needs("key", "contact_id"), *_may("key", "customer_id", "case_id"), *_needs("text", "touchpoint"))
        + (*_may("text", "channel"), *_may("category", "handled_by", allowed=("human", "bot")))
        + (*_may("text", "unit"), *_needs("time", "occurred_at"), *_may("number", "wait_seconds", low=0))
        + (*_may("boolean", "resolved"), *_may("number", "rating"), *_may("text", "text")),
        key=("contact_id",),
        time="occurred_at",
    ),
    "touchpoints": Table(
        (*_needs("text", "touchpoint", "stage"), *_may("text", "purpose", "role", "owner", required=True))
        + (*_may("text", "rater"), *_may("category", "rater_side", allowed=("department", "customer")))
        + _may("number", "impact", "operational", "experience", required=True),
        key=("touchpoint", "rater", "rater_side"),
    ),
    "complaints": Table(
        (*_needs("key", "complaint_id"), *_may("key", "customer_id"), *_needs("text", "channel", "category"))
        + (*_may("text", "urgency", "level", "owner"), *_may("key", "promise_id"), *_may("text", "text"))
        + _needs("time", "opened_at")
        + _may("time", "first_response_at", "resolved_at", "informed_at", "followed_up_at")
        + (*_may("boolean", "reopened"), *_may("number", "rating_before", "rating_after"))
        + (*_may("number", "compensation", low=0), *_may("text", *(f"cause_{k}" for k in range(1, 6)))),
        key=("complaint_id",),
        time="opened_at",
        order=tuple(
            (later, "opened_at") for later in ("first_response_at", "resolved_at", "informed_at", "followed_up_at")
        ),
    ),
    "promises": Table(
        (*_needs("key", "promise_id"), *_needs("text", "promise"), *_may("text", "unit"))
        + (*_may("key", "customer_id"), *_needs("time", "due_at"), *_may("time", "done_at")),
        key=("promise_id",),
        time="due_at",
    ),
    "operations": Table(
        (*_needs("text", "unit"), *_needs("period", "period"), *_needs("text", "metric"))
        + (*_may("number", "value", "numerator"), *_may("number", "denominator", low=0)),
        key=("unit", "period", "metric"),
        time="period",
        either=(("value",), ("numerator", "denominator")),
    ),
    "employees": Table(
        (*_needs("text", "unit"), *_needs("period", "period"), *_needs("number", "satisfaction"))
        + _needs("number", "n", low=0),
        key=("unit", "period"),
        time="period",
    ),
    "targets": Table(
        (*_needs("text", "metric"), *_may("text", "group"), *_needs("period", "period"))
        + _needs("number", "target")
        + _needs("category", "source", allowed=("board", "industry", "last year")),
        key=("metric", "group", "period", "source"),
        time="period",
    ),
    "actions": Table(
        (*_needs("key", "action_id"), *_needs("text", "finding", "owner"))
        + (*_needs("date", "opened_on", "due_on"), *_needs("text", "status"), *_may("date", "done_on"))
        + _may("number", "expected", "cost"),
        key=("action_id",),
        time="opened_on",
        order=(("due_on", "opened_on"), ("done_on", "opened_on")),
    ),
}

_READABLE = {
    "time": "write it as 2026-05-03 14:05:00, or give time_format in csat.toml",
    "date": "write it as 2026-05-03, or give time_format in csat.toml",
    "period": "write it as 2026-10, 2026-Q3 or 2026",
    "number": "write digits with a decimal point; declare codes under missing or not_applicable and text "
    "answers under the scale's labels",
    "boolean": "write true or false",
}


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the nearest of the names, or an empty string.

    Examples
    --------
    >>> did_you_mean("min_bass", ["min_base", "output"])
    " (did you mean 'min_base'?)"
    """
    folded = {n.casefold(): n for n in map(str, names)}
    near = difflib.get_close_matches(str(name).casefold(), folded, n=1)
    return f" (did you mean {folded[near[0]]!r}?)" if near else ""


def check(
    frame: pd.DataFrame,
    table: Table,
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    unreadable: Mapping[str, tuple[str, str]] | None = None,
    ignore: Iterable[str] = (),
) -> pd.DataFrame:
    """Check every row of a converted table against its declaration; every problem at once.

    Parameters
    ----------
    frame : DataFrame
        Converted columns under canonical names, index 0..n-1. Of rows with the same key the first that
        breaks no other rule is kept.
    table : Table
        Declaration.
    ranges : mapping of str to (low, high)
        Allowed ranges of further columns, such as a scale's items.
    unreadable : mapping of str to (column, kind)
        Boolean column of `frame` that marks values which could not be converted -> what they should have been.
    ignore : iterable of str
        Columns in which rows with the same key may differ without contradicting each other.

    Returns
    -------
    DataFrame
        One row per offending value: row (index in `frame`), column, rule, remedy.

    Examples
    --------
    >>> frame = pd.DataFrame({"customer_id": ["C1", "C1"], "joined_on": pd.to_datetime(["2025-05-03"] * 2)})
    >>> check(frame, TABLES["customers"])[["row", "column", "rule"]].values.tolist()
    [[1, 'customer_id', 'duplicate']]
    """
    # pandera costs a third of a second to import and is needed only when a snapshot is made
    import pandera.pandas as pa

    declared = {column.name: column for column in table.columns if column.name in frame}
    for name, (low, high) in (ranges or {}).items():
        if name in frame:
            high = None if high == float("inf") else high
            declared[name] = Column(name, "number", low=low, high=high)
    flags, meaning = _flags(frame, table)
    for flag, (column, kind) in (unreadable or {}).items():
        flags[flag] = frame[flag]
        meaning[flag] = (column, f"not readable as {kind}")
    tested = {name: _pandera_column(column) for name, column in declared.items()}
    tested |= {name: pa.Column(checks=pa.Check(_is_clear, name="flag")) for name in flags}
    data = pd.concat([frame[list(declared)], pd.DataFrame(flags, index=frame.index)], axis=1)
    result = _offending(_failures(pa.DataFrameSchema(tested), data), meaning)
    key = [name for name in table.key if name in frame]
    if key:
        # after the other rules, so that a corrected copy of a broken row is kept
        rest = data.loc[~data.index.isin(result["row"]), key]
        unique = pa.DataFrameSchema(unique=key, report_duplicates="exclude_first")
        repeated = _failures(unique, rest)["index"].unique()
        values = frame.loc[rest.index, [c for c in frame if c not in set(ignore)]]
        again = pd.DataFrame({"row": repeated, "column": ", ".join(key), "rule": "duplicate"})
        again.loc[_contradict(values, key, repeated), "rule"] = CONTRADICTION
        result = pd.concat([result, again.astype(result.dtypes)])
    result["remedy"] = result["rule"].map({rule: remedy(rule) for rule in result["rule"].unique()}).astype(str)
    return result.sort_values(["row", "column", "rule"], ignore_index=True)


def _contradict(values: pd.DataFrame, key: list[str], repeated: Iterable[int]) -> list[int]:
    """Return the places of the repeated rows that differ from the first one of their key."""
    again = values.loc[repeated].reset_index(drop=True)
    first = again[key].merge(values.drop_duplicates(key), on=key, how="left")[again.columns]
    same = (again == first) | (again.isna() & first.isna())
    return same.index[~same.to_numpy(dtype=bool).all(axis=1)].tolist()


def _failures(schema, data: pd.DataFrame) -> pd.DataFrame:
    import pandera.pandas as pa

    try:
        schema.validate(data, lazy=True, inplace=True)
    except pa.errors.SchemaErrors as errors:
        return errors.failure_cases
    return pd.DataFrame({"index": pd.Series(dtype="int64"), "column": "", "check": ""})


def _flags(frame: pd.DataFrame, table: Table) -> tuple[dict[str, pd.Series], dict[str, tuple[str, str]]]:
    """Return the rules between columns as boolean columns.

    A frame-wide check of pandera would list each offending row once per column.
    """
    flags, meaning = {}, {}
    for later, earlier in table.order:
        if later in frame and earlier in frame:
            end, start = frame[later], frame[earlier]
            # a date without a time of day is compared by day
            start = start.where(end != end.dt.normalize(), start.dt.normalize())
            flag = f"{later}: order"
            flags[flag] = end < start
            meaning[flag] = (later, f"before {earlier}")
    present = [list(names) for names in table.either if set(names) <= set(frame)]
    if table.either:
        complete = [frame[names].notna().all(axis=1) for names in present]
        flags["either"] = ~pd.concat(complete, axis=1).any(axis=1) if complete else ~frame.index.isin([])
        text = " or ".join(" and ".join(names) for names in table.either)
        meaning["either"] = (table.either[0][0], f"without {text}")
    return flags, meaning


def _is_clear(flag: pd.Series) -> pd.Series:
    return ~flag


def _pandera_column(column: Column):
    import pandera.pandas as pa

    checks = []
    if column.low is not None:
        high = float("inf") if column.high is None else column.high
        checks.append(pa.Check(lambda s: s.between(column.low, high), name=_range(column)))
    if column.allowed:
        checks.append(pa.Check(lambda s: s.isin(column.allowed), name="not one of " + ", ".join(column.allowed)))
    return pa.Column(checks=checks, nullable=column.nullable)


def _range(column: Column) -> str:
    if column.high is None:
        return f"below {column.low:g}"
    return f"not between {column.low:g} and {column.high:g}"


def _offending(cases: pd.DataFrame, meaning: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Turn pandera's failure cases into row, column, rule; a value that is unreadable is not missing too."""
    column, rule = cases["column"].astype(str), cases["check"].astype(str).replace("not_nullable", "missing")
    rule = rule.mask(column.isin(meaning), column.replace({flag: text for flag, (_, text) in meaning.items()}))
    column = column.replace({flag: name for flag, (name, _) in meaning.items()})
    result = pd.DataFrame({"row": cases["index"].astype("int64"), "column": column, "rule": rule})
    place = pd.MultiIndex.from_frame(result[["row", "column"]])
    unreadable = place.isin(place[result["rule"].str.startswith("not readable")])
    return result[~(unreadable & (result["rule"] == "missing"))]


def remedy(rule: str) -> str:
    """Return what to do about rows that break a rule.

    Examples
    --------
    >>> remedy("missing")
    'fill the value in, or remove the row'
    """
    if rule.startswith("not readable as "):
        return _READABLE[rule.removeprefix("not readable as ")]
    if rule.startswith("before "):
        return "correct one of the two dates"
    if rule.startswith(("not between ", "below ")):
        return "correct the value, or declare the code under missing or not_applicable in csat.toml"
    if rule.startswith("not one of "):
        return "write one of the allowed values"
    if rule == CONTRADICTION:
        return "the first complete row is kept: decide which one is true, or give them their own key"
    if rule == "duplicate":
        return "the first complete row is kept: remove the others, or give them their own key"
    return "fill the value in, or remove the row"
