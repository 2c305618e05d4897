"""Source columns -> canonical columns, as one Ibis expression per table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import ibis
from ibis.expr import types as ir

from csatlib.tables.config import Settings, TableSettings
from csatlib.tables.reading.readers import LEFT_OUT
from csatlib.tables.schema import RESERVED, TABLES, Table, did_you_mean

ROW = "source row"
TRUE, FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")
# no leading zeros and at most 15 digits: anything else is an identifier, which a float would damage
_NUMBER = r"^[+-]?(0|[1-9]\d{0,14})(\.\d+)?([eE][+-]?\d+)?$"
_PERIOD = r"^([12]\d{3})(?:-(0[1-9]|1[0-2])(?:-\d\d(?:[ T].*)?)?|-?(Q[1-4]))?$"


@ibis.udf.scalar.builtin
def md5(x: str) -> str:
    """MD5 in hexadecimal digits; Ibis's own hexdigest does not compile on every engine."""


@ibis.udf.scalar.builtin
def try_strptime(x: str, form: str) -> ibis.dtype("timestamp"):
    """Time read with a format, missing where it does not fit."""


@dataclass(frozen=True)
class Conversion:
    """How one source table becomes a canonical one.

    Parameters
    ----------
    data : ibis Table
        Canonical columns, companions, ``replicate``, `ROW` (1-based source row) and marks, ordered by key.
    columns : tuple of str
        Columns of the snapshot.
    ranges : mapping of str to (low, high)
        Allowed ranges of scale columns.
    unreadable : mapping of str to (column, kind)
        Mark -> the column it belongs to and what it could not be read as.
    names : mapping of str to str
        Canonical name -> source column.
    """

    data: ir.Table
    columns: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float]]
    unreadable: Mapping[str, tuple[str, str]]
    names: Mapping[str, str]


@dataclass(frozen=True)
class ScaleColumn:
    """Allowed range and text labels of a column that a scale names."""

    low: float
    high: float
    labels: Mapping[str, float] = field(default_factory=dict)
    answer: bool = True


def scale_columns(settings: Settings) -> dict[str, ScaleColumn]:
    """Return every column the scales name, with its allowed range."""
    result = {}
    for scale in settings.scales.values():
        answers = ScaleColumn(scale.low, scale.high, scale.labels)
        for item in scale.items:
            for name in (item.expectation, item.perception, item.importance, item.desired, item.adequate):
                if name is not None:
                    result[name] = answers
        for name in scale.importance.values():
            result[name] = ScaleColumn(0, float("inf"), answer=False)
    return result


def match_columns(
    found: Sequence[str], name: str, settings: TableSettings, scaled: Iterable[str]
) -> tuple[dict[str, str], list[str]]:
    """Give source columns their canonical names.

    Parameters
    ----------
    found : sequence of str
        Columns of the source.
    name : str
        Canonical table.
    settings : TableSettings
        Settings of the table.
    scaled : iterable of str
        Columns that scales name.

    Returns
    -------
    names : dict of str to str
        Canonical name -> source column, declared columns first.
    problems : list of str
        What is wrong, each with the nearest column.
    """
    table, problems, names = TABLES[name], [], {}
    exact = {column: column for column in found}
    folded = {column.strip().casefold(): column for column in found} | exact
    for canonical, source in settings.columns.items():
        column = folded.get(source) or folded.get(source.strip().casefold())
        if column is None:
            problems.append(
                f"column {source!r}, which csat.toml maps to {canonical}, is not there"
                f"{did_you_mean(source, found)}; found: {', '.join(found)}"
            )
        names[canonical] = column
    declared = [column.name for column in table.columns]
    known = {column.casefold(): column for column in [*declared, *scaled]}
    for column in found:
        if column not in names.values():
            plain = known.get(column.strip().casefold(), column.strip())
            if plain.casefold() in {other.casefold() for other in names}:
                problems.append(f"columns {names.get(plain)!r} and {column!r} are both {plain}; rename or map one")
            names[plain] = column
    problems += _name_problems(found, table, names, scaled)
    ordered = [n for n in declared if n in names] + [n for n in names if n not in declared]
    return {n: names[n] for n in ordered if names[n] is not None}, problems


def _name_problems(
    found: Sequence[str], table: Table, names: Mapping[str, str], scaled: Iterable[str]
) -> Iterator[str]:
    listed = ", ".join(found)
    made = [n for n in RESERVED if n in names and not (n == "period" and table.time in (None, "period"))]
    made += [f"{n}_na" for n in scaled if n in names and f"{n}_na" in names]
    for column in made:
        yield (
            f"column {column!r} has a name that csatlib uses itself; give it another: "
            f"columns = {{ source_{column} = {column!r} }}"
        )
    spared = [column for column, other in table.instead if other in names]
    for column in table.columns:
        if column.required and column.name not in names and column.name not in spared:
            yield (
                f"required column {column.name!r} is missing{did_you_mean(column.name, found)}; "
                f'map it: columns = {{ {column.name} = "..." }}; found: {listed}'
            )
    if table.either and not any(set(option) <= set(names) for option in table.either):
        wanted = " or ".join(" and ".join(option) for option in table.either)
        yield f"required columns {wanted} are missing; found: {listed}"


def convert(
    source: ir.Table,
    name: str,
    names: Mapping[str, str],
    settings: TableSettings,
    scaled: Mapping[str, ScaleColumn],
) -> Conversion:
    """Build the expression that turns a source table into a canonical one.

    Parameters
    ----------
    source : ibis Table
        From `intake.read_source`.
    name : str
        Canonical table.
    names : mapping of str to str
        From `match_columns`.
    settings : TableSettings
        Codes, kinds and the time format.
    scaled : mapping of str to ScaleColumn
        From `scale_columns`.

    Returns
    -------
    Conversion
    """
    table = TABLES[name]
    kinds = _kinds(source, table, names, settings, scaled)
    values, marks, unreadable = {}, {}, {}
    for canonical, kind in kinds.items():
        value, other, bad = _column(source[names[canonical]], kind, settings, scaled.get(canonical))
        values[canonical] = value
        if other is not None:
            values[f"{canonical}_na"] = other
        if bad is not None:
            marks[f"{canonical}: unreadable"] = bad
            unreadable[f"{canonical}: unreadable"] = canonical, kind
    if LEFT_OUT in source.columns:
        marks[LEFT_OUT] = source[LEFT_OUT]
    data = source.select(**values, **marks, **{ROW: ibis.row_number() + 1})
    data = data.mutate(replicate=_replicate(data, name, table))
    # rows without a key are ordered by all they hold, so that engines agree
    order = [n for n in table.key or dict.fromkeys(["customer_id", table.time, *values]) if n in values]
    return Conversion(
        data=data.order_by([*order, ROW]),
        columns=(*values, "replicate"),
        ranges={n: (scaled[n].low, scaled[n].high) for n in names if n in scaled},
        unreadable=unreadable,
        names=names,
    )


def _kinds(source, table: Table, names, settings: TableSettings, scaled) -> dict[str, str]:
    """Return each column's kind: declared, a scale's, set in csat.toml, that of its type or of its values."""
    declared = {column.name: column.kind for column in table.columns}
    identifiers = {c.name for t in TABLES.values() for c in t.columns if c.kind == "key"}
    kinds, open_question = {}, {}
    for name, column in names.items():
        dtype = source[column].type()
        if name in declared or name in scaled or name in settings.kinds:
            kinds[name] = declared.get(name) or ("number" if name in scaled else settings.kinds[name])
        elif name in identifiers or name.endswith("_id"):
            kinds[name] = "key"
        elif dtype.is_numeric() or dtype.is_boolean() or dtype.is_temporal():
            kinds[name] = "number" if dtype.is_numeric() else "boolean" if dtype.is_boolean() else "time"
        else:
            kinds[name] = "text"
            text = _text(source[column], settings)
            open_question[name] = text.isnull() | text.re_search(_NUMBER)
            open_question[f"{name}: any"] = text.notnull()
    if open_question:
        answers = source.aggregate(
            **{n: (e.any() if n.endswith(": any") else e.all()).fill_null(False) for n, e in open_question.items()}
        )
        row = answers.to_pyarrow().to_pylist()[0]
        kinds |= {n: "number" for n in kinds if row.get(n) and row[f"{n}: any"]}
    return kinds


def _text(x: ir.Column, settings: TableSettings) -> ir.StringValue:
    """Return trimmed text, missing where it is empty or a declared missing code."""
    if x.type().is_floating():
        x = ibis.cases(
            (x.isnan(), ibis.null("string")),
            (x == x.floor(), x.try_cast("int64").cast("string")),
            else_=x.cast("string"),
        )
    text = x.cast("string").strip().nullif("")
    codes = [code for code in settings.missing if code != ""]
    return ibis.cases((_is_code(text, codes), ibis.null("string")), else_=text) if codes else text


def _is_code(text: ir.StringValue, codes: Iterable[str | float]) -> ir.BooleanValue:
    words = [code for code in codes if isinstance(code, str)]
    numbers = _numbers(codes)
    found = text.isin(words) if words else ibis.literal(False)
    if numbers:
        found = found | text.try_cast("float64").isin(numbers).fill_null(False)
    return found.fill_null(False)


def _column(x: ir.Column, kind: str, settings: TableSettings, scale: ScaleColumn | None):
    """Return the converted value, its not-applicable companion and its unreadable mark; each may be None."""
    if kind == "number" and x.type().is_numeric():
        return _plain_number(x, settings, scale)
    text = _text(x, settings)
    if kind in ("key", "text"):
        return text, None, None
    if kind == "category":
        return text.lower(), None, None
    other = None
    if scale is not None and scale.answer and settings.not_applicable:
        other = _is_code(text, settings.not_applicable)
        text = ibis.cases((other, ibis.null("string")), else_=text)
    if kind == "number":
        value = _number(text, scale.labels if scale is not None else {})
    elif kind == "boolean":
        word = text.lower()
        value = ibis.cases((word.isin(TRUE), 1.0), (word.isin(FALSE), 0.0), else_=ibis.null("float64"))
    elif kind == "period":
        parts = [text.re_extract(_PERIOD, k) for k in (1, 2, 3)]
        part = parts[1] + parts[2]
        value = ibis.cases(
            (parts[0] == "", ibis.null("string")), (part == "", parts[0]), else_=parts[0] + "-" + part
        )
    else:
        value = _time(x, text, kind, settings.time_format)
    return value, other, text.notnull() & value.isnull()


def _plain_number(x: ir.NumericColumn, settings: TableSettings, scale: ScaleColumn | None):
    value, other = x.cast("float64"), None
    gone = value.isnan() | value.isin(_numbers(settings.missing))
    if scale is not None and scale.answer and settings.not_applicable:
        other = value.isin(_numbers(settings.not_applicable)).fill_null(False)
        gone = gone | other
    return ibis.cases((gone, ibis.null("float64")), else_=value), other, value.isinf().fill_null(False)


def _numbers(codes: Iterable[str | float]) -> list[float]:
    return [code for code in codes if not isinstance(code, str)]


def _number(text: ir.StringValue, labels: Mapping[str, float]) -> ir.FloatingValue:
    value = text.try_cast("float64")
    value = ibis.cases((value.isnan() | value.isinf(), ibis.null("float64")), else_=value)
    if labels:
        folded = {label.strip().lower(): number for label, number in labels.items()}
        exact = len(folded) < len({label.strip() for label in labels})
        word = text if exact else text.lower()
        pairs = labels.items() if exact else folded.items()
        value = ibis.cases(*((word == label, float(number)) for label, number in pairs), else_=value)
    return value


def _time(x: ir.Column, text: ir.StringValue, kind: str, form: str | None) -> ir.TimestampValue:
    if x.type().is_temporal():
        value = x.cast("timestamp")
    elif form:
        value = ibis.coalesce(try_strptime(text, form), text.try_cast("timestamp"))
    else:
        value = text.try_cast("timestamp")
    value = ibis.cases((value.year().between(1900, 2199), value), else_=ibis.null("timestamp"))
    value = ibis.cases((text.isnull(), ibis.null("timestamp")), else_=value).cast("timestamp(6)")
    return value.truncate("D") if kind == "date" else value


def _replicate(data: ir.Table, name: str, table: Table) -> ir.IntegerValue:
    """Return the first two hexadecimal digits of the MD5 of customer_id, else of the row's key."""
    present = [n for n in table.key if n in data.columns]
    own = ibis.literal("\x1f").join([ibis.literal(name), *(data[n].fill_null("") for n in present)])
    identity = ibis.coalesce(data["customer_id"], own) if "customer_id" in data.columns else own
    digits, code = ibis.literal("0123456789abcdef"), md5(identity)
    return (16 * digits.find(code.substr(0, 1)) + digits.find(code.substr(1, 1))).cast("uint8")
