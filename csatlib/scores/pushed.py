"""Sums of one question by segment and replicate group, from one GROUP BY where the data is an Ibis table."""

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
from ibis.expr import types as ir

from csatlib.scores.question import COLUMNS, DETRACTOR, PROMOTER, Question
from csatlib.stats.rows import REPLICATE_GROUPS, require_columns
from csatlib.stats.segments import SegmentSums

CHECKED_ROWS = 1000


@ibis.udf.scalar.builtin
def md5(x: str) -> str:
    """MD5 in hexadecimal digits."""


def pushed(
    data: Any,
    question: Question,
    *,
    by: Sequence[str],
    required: int = 0,
    weight: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
) -> SegmentSums | None:
    """Let embedded DuckDB sum an Ibis table, so that no row comes into Python.

    Parameters
    ----------
    data : Ibis table, or anything else
        One row per response.
    question : Question
        What is summed.
    by : sequence of str
        Segment columns, the last `required` of which may not be missing.
    required : int
        How many.
    weight, cluster, key : str, optional
        As in :func:`csatlib.stats.rows.blocks`; integers or text.

    Returns
    -------
    SegmentSums or None
        What :func:`csatlib.stats.segments.sum_by_segment` makes of the same rows. None where rows have to be
        read instead: no Ibis table, another engine, answers or keys that are no plain numbers or text, no row;
        or something is wrong, which reading the rows tells.

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
    >>> answers = ibis.memtable(pa.table({"id": [1, 2, 3], "nps": [10, 9, 3]}))
    >>> sums = pushed(answers, Question("nps", 0, 10, 9), by=[], key="id")
    >>> sums.means.round(2).tolist()
    [[1.0, 0.33, 0.67, 0.33, 0.67, 7.33]]
    """
    needed = [question.outcome, *by, *(column for column in (weight, cluster, key) if column)]
    if not isinstance(data, ir.Table):
        return None
    require_columns(data.columns, needed)
    keys = [column for column in (cluster, key) if column]
    if not _plain(data, question, weight, keys):
        return None
    segments = {f"s{i}": data[column] for i, column in enumerate(by)}
    w = ibis.literal(1.0) if weight is None else _number(data[weight])
    replicate = _replicate(data, cluster, key)
    rows = data.select(**segments, replicate=replicate, x=_number(data[question.outcome]), w=w)
    broken = question.whole and data[question.outcome].type().is_floating()
    sums = rows.group_by([*segments, "replicate"]).aggregate(**_sums(rows, question, broken, weight is not None))
    table = sums.to_pyarrow()
    return _arranged(table, list(segments), question, required) if len(table) else None


def _plain(data: ir.Table, question: Question, weight: str | None, keys: list[str]) -> bool:
    numbers = [data[column].type() for column in (question.outcome, weight) if column]
    kinds = [data[column].type() for column in keys]
    return (
        data.get_backend().name == "duckdb"
        and bool(keys)
        and all(kind.is_integer() or kind.is_floating() for kind in numbers)
        and all(kind.is_integer() or kind.is_string() for kind in kinds)
    )


def _number(column: ir.Column) -> ir.FloatingValue:
    value = column.cast("float64")
    return value.isnan().ifelse(ibis.null("float64"), value) if column.type().is_floating() else value


def _hashed(text: ir.StringValue) -> ir.IntegerValue:
    return ("0x" + md5(text).left(2)).cast("uint8")


def _replicate(data: ir.Table, cluster: str | None, key: str | None) -> ir.IntegerValue:
    if cluster is None:
        return _hashed(data[key].cast("string"))
    group = _hashed(data[cluster].cast("string"))
    group = data["replicate"] if _stored(data, group, cluster) else group
    alone = _hashed("row " + data[key].cast("string")) if key else ibis.null("uint8")
    return data[cluster].isnull().ifelse(alone, group)


def _stored(data: ir.Table, hashed: ir.IntegerValue, cluster: str) -> bool:
    if "replicate" not in data.columns or not data["replicate"].type().is_uint8():
        return False
    few = data.select(stored=data["replicate"], hashed=hashed, cluster=data[cluster]).limit(CHECKED_ROWS)
    found = few.to_pyarrow().to_pandas()
    found = found[found["cluster"].notna()]
    return len(found) > 0 and bool((found["stored"] == found["hashed"]).all())


def _sums(rows: ir.Table, question: Question, broken: bool, weighted: bool) -> dict[str, ir.Value]:
    x, w = rows.x, rows.w
    wrong = ~x.between(question.low, question.high)
    if broken:
        wrong = wrong | (x != x.floor())
    bad = wrong.sum().fill_null(0)
    flags = {"promoter": x >= PROMOTER, "detractor": x <= DETRACTOR, "top_box": x >= question.top}
    value = x - _middle(question)
    if not weighted:
        asked, n = rows.count(), x.count()
        found = {name: flag.sum() for name, flag in flags.items()}
        found |= {"mean": value.sum(), "mean_square": (value * value).sum(), "w_asked": asked, "w": n}
        return found | {"bad": bad, "asked": asked, "n": n, "ww_asked": asked, "ww": n}
    answered = x.notnull()
    found = {name: w.sum(where=flag) for name, flag in flags.items()}
    found |= {"mean": (value * w).sum(), "mean_square": (value * value * w).sum()}
    found |= {"w_asked": w.sum(), "w": w.sum(where=answered)}
    found |= {"ww_asked": (w * w).sum(), "ww": (w * w).sum(where=answered)}
    found |= {"asked": (w > 0).sum(), "n": (answered & (w > 0)).sum()}
    return found | {"bad": bad + (w.isnull() | (w < 0)).sum().fill_null(0)}


def _middle(question: Question) -> float:
    return float(np.round((question.low + question.high) / 2))


def _arranged(sums: pa.Table, by: list[str], question: Question, required: int) -> SegmentSums | None:
    table = sums.to_pandas()
    lacking = table[by[len(by) - required :]].isna().any(axis=1) & (table["asked"] > 0)
    if table["bad"].sum() or lacking.any() or table["replicate"].isna().any():
        return None
    table = table[table[by].notna().all(axis=1)]
    labels = list(zip(*(table[name].tolist() for name in by), strict=True)) if by else [()] * len(table)
    segments = sorted(dict.fromkeys(labels), key=lambda label: tuple(map(str, label)))
    code = {label: i for i, label in enumerate(segments)}
    at = (np.array([code[label] for label in labels], dtype=int), table["replicate"].to_numpy(dtype=int))
    part = {name: table[name].fillna(0).to_numpy(dtype=float) for name in table.columns.difference(by)}
    promoter, detractor, top = part["promoter"], part["detractor"], part["top_box"]
    nothing = np.zeros(len(table))
    columns = {
        "counts": [part["asked"], *[part["n"]] * 5],
        "weight": [part["w_asked"], *[part["w"]] * 5],
        "weight_square": [part["ww_asked"], *[part["ww"]] * 5],
        "total": [nothing, promoter - detractor, promoter, detractor, top, part["mean"]],
        "square": [nothing, promoter + detractor, promoter, detractor, top, part["mean_square"]],
    }
    filled = {name: _filled(values, at, len(segments)) for name, values in columns.items()}
    filled |= {name: filled[name].sum(axis=1) for name in ("counts", "weight_square", "square")}
    filled["counts"] = filled["counts"].astype(np.int64)
    return SegmentSums(COLUMNS, tuple(segments), shift=np.array([1.0, 0, 0, 0, 0, _middle(question)]), **filled)


def _filled(values: list[np.ndarray], at: tuple[np.ndarray, np.ndarray], segments: int) -> np.ndarray:
    filled = np.zeros((segments, REPLICATE_GROUPS, len(values)))
    filled[at] = np.column_stack(values)
    return filled
