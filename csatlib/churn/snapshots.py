"""Customers at snapshot dates: what was known by then, and who left within the horizon."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import ibis
import pandas as pd
import pyarrow as pa
from ibis.expr import operations as ops
from ibis.expr import types as ir

from csatlib.churn import features
from csatlib.churn.features import KEYS
from csatlib.stats.rows import require_columns
from csatlib.tables import cache
from csatlib.tables.scale import Scale
from csatlib.tables.split import to_pandas

NOT_FEATURES = (*KEYS, "horizon_end", "left", "value")
NEEDED = {
    "customers": ("customer_id", "joined_on"),
    "responses": ("customer_id", "responded_at"),
    "transactions": ("customer_id", "occurred_at", "amount"),
    "contacts": ("customer_id", "occurred_at"),
    "complaints": ("customer_id", "opened_at"),
}


@dataclass(frozen=True)
class Split:
    """Rows of training snapshots, of test snapshots, and the dates between them that neither may use."""

    train: pd.DataFrame
    test: pd.DataFrame
    purged: tuple[pd.Timestamp, ...]


def snapshot(
    tables: Mapping[str, Any],
    *,
    dates: Sequence[str | pd.Timestamp],
    until: str | pd.Timestamp,
    horizon: int = 3,
    segments: Sequence[str] = (),
    scale: Scale | None = None,
    rated_after: int = 7,
    extra: pd.DataFrame | None = None,
    available_at: Mapping[str, str] | None = None,
    complete: bool = True,
    business: str = "subscription",
) -> Any:
    """Build one row per customer and snapshot date from what was known by then.

    Parameters
    ----------
    tables : mapping of str to DataFrame or Ibis table
        ``customers`` (customer_id, joined_on, left_on), and any of ``responses``, ``transactions``, ``contacts``,
        ``complaints`` in their canonical form; all frames, or all Ibis tables of one engine.
    dates : sequence of date
        Snapshots; what happens later, even the same day, is unknown. Their windows may overlap: rows of one
        customer belong together.
    until : date
        Departures are on record up to this moment. A snapshot whose horizon ends later is left out.
    horizon : int
        Months after the snapshot in which a departure counts.
    segments : sequence of str
        Columns of the customers. The source does not date them: what it holds today is taken to have held.
    scale : Scale, optional
        Items with expectation and perception, for the last mean gap.
    rated_after : int
        Days after which a contact's rating, which has no time of its own, is taken to be known.
    extra : DataFrame, optional
        Features of one's own, by customer_id and snapshot.
    available_at : mapping of str to str, optional
        For each feature in `extra` the column that says when its value became known.
    complete : bool
        False keeps snapshots whose horizon is not over, with `left` missing: the customers to be scored.
    business : {"subscription", "retail"}
        A retail company is refused: nobody knows the day its customers leave.

    Returns
    -------
    DataFrame or Ibis table
        As the tables are. ``customer_id``, ``snapshot``, ``horizon_end``, ``left`` (1 left in (snapshot,
        horizon_end], else 0), ``tenure_years``, the segments, and as the tables allow: ``spend_90`` (last 90
        days), ``spend_change_90`` (less the 90 days before), ``contacts_30``, ``contacts_90``, ``unresolved_90``,
        ``lowest_rating_90``, ``complaints_90``, ``complaints_open``, ``complaint_days`` (age of the last one,
        one year back), ``complaint_change`` (rating after less before, known from followed_up_at),
        ``answered`` (0 or 1), ``answer_days`` (age of the last answer), ``last_overall``, ``last_nps``,
        ``last_ces``, ``last_gap``, ``mean_overall``, ``mean_nps``, ``mean_gap`` (of all answers so far). Counts
        are 0 and other features missing where there was nothing.

    Raises
    ------
    KeyError, ValueError
        Columns or tables that are not there; customers without left_on, or a retail company; dates without a
        complete horizon; a feature of one's own that is stamped later than its snapshot, or not stamped.

    References
    ----------
    Kaufman, S. et al. (2012), Leakage in data mining, ACM Transactions on Knowledge Discovery from Data 6(4), 15.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["a", "b"], "joined_on": pd.to_datetime("2026-01-01")})
    >>> people["left_on"] = pd.to_datetime([None, "2026-03-10"])
    >>> told = pd.DataFrame({"customer_id": ["a", "a"], "overall": [2.0, 7.0]})
    >>> told["responded_at"] = pd.to_datetime(["2026-02-20", "2026-03-02"])
    >>> tables = {"customers": people, "responses": told}
    >>> rows = snapshot(tables, dates=["2026-03-01"], until="2026-04-01", horizon=1)
    >>> rows[["customer_id", "left", "last_overall"]].values.tolist()
    [['a', 0.0, 2.0], ['b', 1.0, nan]]
    """
    _validate(tables, segments, business, horizon)
    days = _calendar(dates, horizon, pd.Timestamp(until))
    if complete and not days["over"].any():
        raise ValueError(
            f"no snapshot has its horizon of {horizon} months over by {pd.Timestamp(until).date()}: take earlier "
            "dates or a shorter horizon; complete=False keeps customers to be scored"
        )
    days = days[days["over"]] if complete else days
    _refuse_late(extra, available_at or {})
    given = {name: table for name, table in tables.items() if table is not None} | {"calendar": days}
    if extra is not None:
        given["extra"] = extra[[*KEYS, *(available_at or {})]].astype({"snapshot": "datetime64[us]"})
    frames = isinstance(tables["customers"], pd.DataFrame)
    if frames:
        given = {name: pa.Table.from_pandas(table, preserve_index=False) for name, table in given.items()}
    found = {name: _expression(table, name if frames else None) for name, table in given.items()}
    spine = features.present(found["customers"], found["calendar"], segments)
    result = features.described(spine, found["calendar"], found, scale=scale, rated_after=rated_after)
    if extra is not None:
        result = result.left_join(found["extra"], list(KEYS)).drop("customer_id_right", "snapshot_right")
    return _computed(result.order_by(["snapshot", "customer_id"]), given) if frames else result


def firsts(
    tables: Mapping[str, pd.DataFrame], *, begin: str | pd.Timestamp, end: str | pd.Timestamp
) -> pd.DatetimeIndex:
    """Return the first days of the months that can be snapshots: from the fourth on record.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        As for :func:`snapshot`; with ``transactions`` the records begin with the first of them.
    begin, end : date
        What is looked at.

    Returns
    -------
    DatetimeIndex
        Three months are left for the windows to fill.

    Examples
    --------
    >>> firsts({}, begin="2026-01-01", end="2026-06-01").month.tolist()
    [4, 5, 6]
    """
    began = pd.Timestamp(begin)
    if "transactions" in tables:
        began = max(began, tables["transactions"]["occurred_at"].min())
    return pd.date_range(began.normalize(), end, freq="MS")[3:]


def valued(rows: pd.DataFrame, *, margin: float, months: int, spend: float) -> pd.DataFrame:
    """Add what a kept customer is worth: monthly spend times margin times the months he stays.

    Parameters
    ----------
    rows : DataFrame
        From :func:`snapshot`.
    margin : float
        Share of the spend that is earned.
    months : int
        How long a kept customer stays.
    spend : float
        Monthly spend where the company has no transactions.

    Returns
    -------
    DataFrame
        With ``value``, in the currency of the spend; missing where a customer spent nothing on record.

    Examples
    --------
    >>> valued(pd.DataFrame({"spend_90": [90.0, -5.0]}), margin=0.4, months=24, spend=30)["value"].tolist()
    [288.0, 0.0]
    """
    monthly = rows["spend_90"].clip(lower=0) / 3 if "spend_90" in rows.columns else spend
    return rows.assign(value=monthly * margin * months)


def feature_names(rows: Any) -> list[str]:
    """Return the features among the columns of a snapshot.

    Parameters
    ----------
    rows : DataFrame or Ibis table
        From :func:`snapshot`.

    Returns
    -------
    list of str
        All columns but the keys, the horizon's end, the target and ``value`` (what a kept customer is worth).

    Examples
    --------
    >>> feature_names(pd.DataFrame(columns=["customer_id", "snapshot", "left", "tenure_years"]))
    ['tenure_years']
    """
    return [column for column in rows.columns if column not in NOT_FEATURES]


def split(rows: pd.DataFrame, *, test: int = 3) -> Split:
    """Cut snapshots in time, so that no training target reaches into the test snapshots.

    Parameters
    ----------
    rows : DataFrame
        From :func:`snapshot`.
    test : int
        How many of the last snapshots are for the test.

    Returns
    -------
    Split
        ``train``: snapshots whose horizon ended by the first test snapshot; ``test``; ``purged``: the dates
        between.

    Raises
    ------
    ValueError
        When no snapshot is left to train on, or none to test.

    Examples
    --------
    >>> days = pd.DataFrame({"snapshot": pd.date_range("2026-01-01", periods=5, freq="MS")})
    >>> cut = split(days.assign(horizon_end=days["snapshot"] + pd.DateOffset(months=2)), test=1)
    >>> cut.train["snapshot"].dt.month.tolist(), [day.month for day in cut.purged]
    ([1, 2, 3], [4])
    """
    dates = sorted(rows["snapshot"].unique())
    if not 1 <= test < len(dates):
        raise ValueError(f"test={test}; there are {len(dates)} snapshots: allowed is 1 to {len(dates) - 1}")
    first = dates[-test]
    train, later = rows[rows["horizon_end"] <= first], rows[rows["snapshot"] >= first]
    if train.empty:
        raise ValueError(
            f"no snapshot has its horizon over by the first test snapshot, {pd.Timestamp(first).date()}: "
            "take fewer test snapshots, a shorter horizon or a longer history"
        )
    known = {*train["snapshot"], *later["snapshot"]}
    purged = tuple(pd.Timestamp(day) for day in dates if day not in known)
    return Split(train.reset_index(drop=True), later.reset_index(drop=True), purged)


def _engine() -> ibis.BaseBackend:
    import duckdb  # late: its import starts a thread, and kernels are forked

    engine = ibis.duckdb.connect(autoinstall_known_extensions=False, temp_directory=cache.spill())
    with contextlib.suppress(duckdb.Error):  # Jupyter without ipywidgets: refused, and there is no bar
        engine.raw_sql("SET enable_progress_bar = false")
    engine.raw_sql("SET asof_loop_join_threshold = 0")  # it takes every frame for a short one
    return engine


@lru_cache(maxsize=8)
def _query(asked: ops.Relation) -> str:
    return ibis.to_sql(asked.to_expr(), dialect="duckdb", pretty=False)


def _computed(asked: ir.Table, tables: Mapping[str, pa.Table]) -> pd.DataFrame:
    """Compute an expression of named tables."""
    engine = _engine()
    for name, table in tables.items():
        engine.con.register(name, table)
    return to_pandas(engine.raw_sql(_query(asked.op())).to_arrow_table().cast(asked.schema().to_pyarrow()))


def _calendar(dates: Sequence[str | pd.Timestamp], horizon: int, until: pd.Timestamp) -> pd.DataFrame:
    """Return a row per snapshot: its date, its horizon's end, whether that is over, the days its windows begin."""
    frame = pd.DataFrame({"snapshot": pd.to_datetime(list(dates)).astype("datetime64[us]")})
    frame["horizon_end"] = frame["snapshot"] + pd.DateOffset(months=horizon)
    for days in (features.MONTH_BACK, features.QUARTER_BACK, features.HALF_BACK, features.YEAR_BACK):
        frame[f"back_{days}"] = frame["snapshot"] - pd.Timedelta(days=days)
    return frame.astype("datetime64[us]").assign(over=frame["horizon_end"] <= until)


def _expression(table: Any, name: str | None) -> ir.Table:
    """Return a table as an expression: by its name, for the same query on other rows is translated once."""
    if isinstance(table, pd.DataFrame):  # through Arrow: Ibis asks pandas for an option that is deprecated
        table = pa.Table.from_pandas(table, preserve_index=False)
    if isinstance(table, pa.Table):
        return ibis.memtable(table) if name is None else ibis.table(ibis.Schema.from_pyarrow(table.schema), name)
    return table


def _validate(tables: Mapping[str, Any], segments: Sequence[str], business: str, horizon: int) -> None:
    unknown = [name for name in tables if name not in NEEDED]
    if unknown or "customers" not in tables:
        raise KeyError(f"tables hold {sorted(tables)}; needed is 'customers', allowed are {', '.join(NEEDED)}")
    if business != "subscription" or "left_on" not in tables["customers"].columns:
        raise ValueError(
            f"business={business!r}, columns {list(tables['customers'].columns)}: churn needs customers who leave "
            "on a known day (business = 'subscription' and customers.left_on). Where customers just stop buying, "
            "look at who is still active in the notebook on customer value"
        )
    if horizon < 1:
        raise ValueError(f"horizon={horizon}; allowed are whole months from 1")
    for name, table in tables.items():
        if table is not None:
            require_columns(table.columns, NEEDED[name])
    require_columns(tables["customers"].columns, segments)


def _refuse_late(extra: pd.DataFrame | None, available_at: Mapping[str, str]) -> None:
    if extra is None:
        return
    require_columns(extra.columns, [*KEYS, *available_at, *available_at.values()])
    stamps = set(available_at.values())
    bare = [c for c in extra.columns if c not in (*KEYS, *available_at) and c not in stamps]
    problems = [f"{name!r} has no time at which it became known" for name in bare]
    day = pd.to_datetime(extra["snapshot"])
    for name, stamp in available_at.items():
        late = extra[name].notna() & ~(pd.to_datetime(extra[stamp]) <= day)
        if late.any():
            latest = extra.loc[late, stamp].max()
            problems.append(
                f"{name!r} is stamped later than its snapshot, or not at all, in {int(late.sum()):,} rows "
                f"(latest {latest}): it knows the future"
            )
    if problems:
        remedy = "give the value known at the snapshot, and name its time in available_at"
        raise ValueError(f"{'; '.join(problems)}. Remedy: {remedy}")
