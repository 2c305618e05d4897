"""Sums of questions by segment and replicate group, from one GROUP BY where the data is an Ibis table."""

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr import types as ir

from csatlib.scores.question import COLUMNS, DETRACTOR, PROMOTER, Question
from csatlib.stats.rows import REPLICATE_GROUPS, require_columns
from csatlib.stats.segments import SegmentSums

CHECKED_ROWS = 1000
SMALL = ("int8", "uint8", "int16")  # squares of such answers fit 32 bits
SMALL_MIDDLE = 10_000
SUMS = ("asked", "n", "promoter", "detractor", "top_box", "mean", "mean_square")
Asked = tuple[Question, Mapping[str, Any]]


@ibis.udf.scalar.builtin
def md5_number(x: str) -> int:
    """MD5 as a number of 128 bits, whose lowest byte is the first two hexadecimal digits."""


def pushed(
    data: Any,
    asked: Sequence[Asked],
    *,
    by: Sequence[str],
    required: int = 0,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
) -> list[SegmentSums | None]:
    """Let embedded DuckDB sum an Ibis table in one pass for all questions, so that no row comes into Python.

    Parameters
    ----------
    data : Ibis table, or anything else
        One row per response.
    asked : sequence of (Question, mapping of column to value or list of values)
        What is summed, and what the rows that count must hold; {} for all rows.
    by : sequence of str
        Segment columns, the last `required` of which may not be missing.
    required : int
        How many.
    weight, cluster, key : str, optional
        As in :func:`csatlib.stats.rows.blocks`; integers or text.

    Returns
    -------
    list of SegmentSums or None
        For each question what :func:`csatlib.stats.segments.sum_by_segment` makes of the same rows; NaN for
        scores that no function takes from it: top box and mean of an NPS question, NPS of others. None where
        rows have to be read instead: no Ibis table, another engine, answers or keys that are no plain numbers or
        text, no row; or something is wrong, which reading the rows tells.

    Notes
    -----
    Replicate groups are the MD5 of the cluster, else of the key, by the engine. A snapshot has them stored in
    ``replicate``, which is taken, and hashing saved, if it agrees with the cluster in the first 1,000 rows.

    Raises
    ------
    KeyError
        Columns that are not there.

    Examples
    --------
    >>> answers = ibis.memtable(pa.table({"id": [1, 2, 3], "nps": [10, 9, 3], "ces": [7, 6, 1]}))
    >>> asked = [(Question("nps", 0, 10, 9, whole=True), {}), (Question("ces", 1, 7, 5), {"id": [1, 3]})]
    >>> [sums.means.round(2).tolist() for sums in pushed(answers, asked, by=[], key="id")]
    [[[1.0, 0.33, 0.67, 0.33, nan, nan]], [[1.0, nan, nan, nan, 0.5, 4.0]]]
    """
    nothing: list[SegmentSums | None] = [None] * len(asked)
    if not isinstance(data, ir.Table):
        return nothing
    keys = [column for column in (cluster, key) if column]
    needed = [*(question.outcome for question, _ in asked), *by, *keys, *([weight] if weight else [])]
    require_columns(data.columns, [*needed, *(column for _, where in asked for column in where)])
    design = {"by": by, "required": required, "weight": weight, "cluster": cluster, "key": key}
    plain = [one for one in asked if _plain(data, one[0], weight, keys)]
    if len(plain) < len(asked):
        rest = iter(pushed(data, plain, **design) if plain else [])
        return [next(rest) if one in plain else None for one in asked]
    first = asked[0][1]
    if first and all(where == first for _, where in asked):
        data, asked = matching(data, first), [(question, {}) for question, _ in asked]
    replicate = _replicate(data, cluster, key)
    floating = any(data[question.outcome].type().is_floating() for question, _ in asked)
    for nan in (False, True) if floating else (False,):
        found = _passed(data, asked, by, required, weight, replicate, nan)
        if found is not None:
            return found
    return [pushed(data, [one], **design)[0] for one in asked] if len(asked) > 1 else nothing


def matching(data: ir.Table, where: Mapping[str, Any]) -> ir.Table:
    """Keep the rows of an Ibis table whose columns hold the values wanted."""
    return data.filter(_holds(data, where)) if where else data


def _holds(data: ir.Table, where: Mapping[str, Any]) -> ir.BooleanValue:
    return ibis.and_(
        *(data[column].isin(value if isinstance(value, list) else [value]) for column, value in where.items())
    )


def _passed(
    data: ir.Table,
    asked: Sequence[Asked],
    by: Sequence[str],
    required: int,
    weight: str | None,
    replicate: ir.IntegerValue,
    nan: bool,
) -> list[SegmentSums | None] | None:
    """Sum in one pass; None where something is wrong, or NaN stands for missing and was not looked for."""
    segments = {f"s{i}": data[column] for i, column in enumerate(by)}
    w = {} if weight is None else {"w": _number(data[weight], nan=True)}
    values = {f"x{i}": _answer(data, *one, nan) for i, one in enumerate(asked)}
    counted = {f"c{i}": _holds(data, where) for i, (_, where) in enumerate(asked) if where}
    rows = data.select(**segments, replicate=replicate, **w, **values, **counted)
    sums = {"rows": rows.count(), "bad": _bad(rows, data, asked)}
    for i, (question, _) in enumerate(asked):
        sums |= {f"{name}{i}": value for name, value in _sums(rows, i, question).items()}
    table = rows.group_by([*segments, "replicate"]).aggregate(**sums).to_pyarrow()
    return _arranged(table, list(segments), [question for question, _ in asked], required)


def _plain(data: ir.Table, question: Question, weight: str | None, keys: list[str]) -> bool:
    numbers = [data[column].type() for column in (question.outcome, weight) if column]
    kinds = [data[column].type() for column in keys]
    return (
        data.get_backend().name == "duckdb"
        and bool(keys)
        and all(kind.is_integer() or kind.is_floating() for kind in numbers)
        and all(kind.is_integer() or kind.is_string() for kind in kinds)
    )


def _number(column: ir.Column, nan: bool) -> ir.FloatingValue:
    value = column.cast("float64")
    return value.isnan().ifelse(ibis.null("float64"), value) if nan and column.type().is_floating() else value


def _answer(data: ir.Table, question: Question, where: Mapping[str, Any], nan: bool) -> ir.NumericValue:
    column = data[question.outcome]
    small = str(column.type()).lstrip("!") in SMALL and abs(_middle(question)) < SMALL_MIDDLE
    value = column.cast("int32") if small else _number(column, nan)
    return _holds(data, where).ifelse(value, ibis.null(value.type())) if where else value


def _hashed(text: ir.StringValue) -> ir.IntegerValue:
    return (md5_number(text) & (REPLICATE_GROUPS - 1)).cast("uint8")


def _replicate(data: ir.Table, cluster: str | None, key: str | None) -> ir.IntegerValue:
    if cluster is None:
        return _hashed(data[key].cast("string"))
    group = _hashed(data[cluster].cast("string"))
    if _stored(data, group, cluster):
        group = data["replicate"]
        if not len(data.filter(data[cluster].isnull()).select(cluster).limit(1).to_pyarrow()):
            return group  # Parquet's own counts tell this; the wide column of clusters is not read
    alone = _hashed("row " + data[key].cast("string")) if key else ibis.null("uint8")
    return data[cluster].isnull().ifelse(alone, group)


def _stored(data: ir.Table, hashed: ir.IntegerValue, cluster: str) -> bool:
    if "replicate" not in data.columns or not data["replicate"].type().is_uint8():
        return False
    few = data.select(stored=data["replicate"], hashed=hashed, cluster=data[cluster]).limit(CHECKED_ROWS)
    found = few.to_pyarrow().to_pandas()
    found = found[found["cluster"].notna()]
    return len(found) > 0 and bool((found["stored"] == found["hashed"]).all())


def _bad(rows: ir.Table, data: ir.Table, asked: Sequence[Asked]) -> ir.IntegerValue:
    """Count rows with answers outside a scale (NaN is above all numbers) or weights that are none."""
    wrong = []
    for i, (question, _) in enumerate(asked):
        x = rows[f"x{i}"]
        wrong.append(~x.between(_literal(question.low), _literal(question.high)))
        if question.whole and data[question.outcome].type().is_floating():
            wrong.append(x != x.floor())
    if "w" in rows.columns:
        wrong += [rows.w.isnull(), rows.w < 0]
    return ibis.or_(*wrong).sum()


def _sums(rows: ir.Table, i: int, question: Question) -> dict[str, ir.Value]:
    x = rows[f"x{i}"]
    counted = rows[f"c{i}"] if f"c{i}" in rows.columns else None
    value = x - _literal(_middle(question))
    if question.whole:
        flags, values = {"promoter": x >= PROMOTER, "detractor": x <= DETRACTOR}, {}
    else:
        flags, values = {"top_box": x >= _literal(question.top)}, {"mean": value, "mean_square": value * value}
    asked = rows.count() if counted is None else counted.sum()
    if "w" not in rows.columns:
        found = {name: flag.sum() for name, flag in flags.items()}
        found |= {name: part.sum() for name, part in values.items()}
        return found | {"asked": asked, "n": x.count()}
    w = rows.w if counted is None else counted.ifelse(rows.w, 0.0)
    own = x.notnull().ifelse(rows.w, 0.0)
    found = {name: flag.ifelse(rows.w, 0.0).sum() for name, flag in flags.items()}
    found |= {name: (part * rows.w).sum() for name, part in values.items()}
    found |= {"there": asked, "w_asked": w.sum(), "ww_asked": (w * w).sum(), "asked": (w > 0).sum()}
    return found | {"w": own.sum(), "ww": (own * own).sum(), "n": (own > 0).sum()}


def _literal(number: float) -> float:
    return int(number) if float(number).is_integer() else number


def _middle(question: Question) -> float:
    return float(np.round((question.low + question.high) / 2))


def _arranged(
    sums: pa.Table, by: list[str], questions: Sequence[Question], required: int
) -> list[SegmentSums | None] | None:
    table = sums.drop(by).to_pandas()
    columns = [sums[name].to_pylist() for name in by]
    gaps = np.array([sums[name].is_null(nan_is_null=True).to_numpy() for name in by], dtype=bool)
    gaps = gaps.reshape(len(by), len(table))
    used = table.filter(regex=r"^asked\d+$").sum(axis=1) > 0
    lacking = gaps[len(by) - required :].any(axis=0) & used
    if table["bad"].sum() or lacking.any() or table["replicate"].isna().any():
        return None
    kept = np.flatnonzero(~gaps.any(axis=0))
    labels = [tuple(column[row] for column in columns) for row in kept]
    segments = sorted(dict.fromkeys(labels), key=lambda label: tuple(map(str, label)))
    code = {label: i for i, label in enumerate(segments)}
    at = (np.array([code[label] for label in labels], dtype=int), table["replicate"].to_numpy(dtype=int)[kept])
    part = {name: table[name].fillna(0).to_numpy(dtype=float)[kept] for name in table.columns}
    answered = [table.get(f"there{i}", table[f"asked{i}"]).sum() > 0 for i in range(len(questions))]
    return [
        _of_question(part, at, segments, i, question) if answered[i] else None
        for i, question in enumerate(questions)
    ]


def _of_question(
    part: Mapping[str, np.ndarray],
    at: tuple[np.ndarray, np.ndarray],
    segments: list[tuple],
    i: int,
    question: Question,
) -> SegmentSums:
    unknown = np.full(len(at[0]), np.nan)
    own = {name: part.get(f"{name}{i}", unknown) for name in SUMS}
    asked, n = own["asked"], own["n"]
    promoter, detractor, top = own["promoter"], own["detractor"], own["top_box"]
    columns = {
        "counts": [asked, *[n] * 5],
        "weight": [part.get(f"w_asked{i}", asked), *[part.get(f"w{i}", n)] * 5],
        "weight_square": [part.get(f"ww_asked{i}", asked), *[part.get(f"ww{i}", n)] * 5],
        "total": [0 * n, promoter - detractor, promoter, detractor, top, own["mean"]],
        "square": [0 * n, promoter + detractor, promoter, detractor, top, own["mean_square"]],
    }
    there = np.unique(at[0][part.get(f"there{i}", asked) > 0])
    filled = {name: _filled(values, at, len(segments))[there] for name, values in columns.items()}
    filled |= {name: filled[name].sum(axis=1) for name in ("counts", "weight_square", "square")}
    filled["counts"] = filled["counts"].astype(np.int64)
    shift = np.array([1.0, 0, 0, 0, 0, _middle(question)])
    return SegmentSums(COLUMNS, tuple(segments[s] for s in there), shift=shift, **filled)


def _filled(values: list[np.ndarray], at: tuple[np.ndarray, np.ndarray], segments: int) -> np.ndarray:
    filled = np.zeros((segments, REPLICATE_GROUPS, len(values)))
    filled[at] = np.column_stack(values)
    return filled
