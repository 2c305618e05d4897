"""What a notebook opens: the checked tables of a company, limited to a period and a selection."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
from ibis.expr import types as ir

from csatlib.tables.config import Company, Settings, load
from csatlib.tables.names import called
from csatlib.tables.period import Period, label_of, parse, runs, span_of
from csatlib.tables.scale import Scale
from csatlib.tables.schema import TABLES, did_you_mean
from csatlib.tables.snapshot import PROBLEM_COLUMNS, of_settings, read_manifest, snapshot, stored, to_pandas

__all__ = ["Workspace", "latest_period", "open", "snapshot"]

Where = Mapping[str, Any]


class Workspace:
    """The company's tables, one attribute each; made by `open`.

    Attributes
    ----------
    settings : Settings
        Everything csat.toml says.
    snapshot : Path
        Folder with the checked rows.
    period : Period or None
        Rows of each table lie in it by the table's time column; customers and touchpoints are not limited.
        A target counts where its own period touches this one; other period rows where theirs begins in it.
    where : dict of str to list
        Selected values of each column.

    Examples
    --------
    >>> ws = open("csat.toml", period="2026-10")  # doctest: +SKIP
    >>> ws.previous().responses["overall"].mean(), ws.last(6).responses["period"].unique()  # doctest: +SKIP
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        period: Period | None = None,
        where: Mapping[str, list] | None = None,
        opened: Mapping[str, ir.Table] | None = None,
    ):
        self.settings, self.snapshot, self.period, self.where = settings, folder, period, dict(where or {})
        self._stored = opened or stored(folder)
        self._frames: dict[str, pd.DataFrame] = {}

    @property
    def company(self) -> Company:
        """Name, business, currency and language."""
        return self.settings.company

    @property
    def language(self) -> str:
        """Language of the report, for ``theme.use``."""
        return self.settings.language

    @property
    def scales(self) -> Mapping[str, Scale]:
        """Scales by name."""
        return self.settings.scales

    @property
    def min_base(self) -> int:
        """Fewer answers than this are not shown."""
        return self.settings.report.min_base

    @property
    def min_comments(self) -> int:
        """Fewer comments than this are not shown."""
        return self.settings.report.min_comments

    @property
    def min_rank(self) -> int:
        """Fewer effective answers than this are indicative: no rank, arrow, colour or alert."""
        return self.settings.report.min_rank

    @cached_property
    def weight(self) -> str | None:
        """``"weight"`` where the answers carry weights that differ, else None; the same for every period."""
        if not self.has("responses", "weight"):
            return None
        weight = self._stored["responses"]["weight"]
        return "weight" if self._execute(weight.nunique().name("n"))["n"][0] > 1 else None

    @property
    def cluster(self) -> str | None:
        """``"customer_id"`` where the answers name their customer, else None: each answer stands alone."""
        return "customer_id" if self.has("responses", "customer_id") else None

    @cached_property
    def counts(self) -> pd.DataFrame:
        """One row per table: table, read and rejected (whole source), used (this period and selection)."""
        read = read_manifest(self.snapshot)["tables"]
        used = [self._rows(name).count().name("n").as_table().mutate(table=ibis.literal(name)) for name in read]
        found = self._execute(ibis.union(*used) if len(used) > 1 else used[0]).set_index("table")["n"]
        rows = [(name, c["read"], int(found[name]), c["rejected"]) for name, c in read.items()]
        return pd.DataFrame(rows, columns=["table", "read", "used", "rejected"])

    @cached_property
    def problems(self) -> pd.DataFrame:
        """Why rows were rejected: table, column, rule, count, rows (first source rows), found, remedy."""
        return pd.DataFrame(read_manifest(self.snapshot)["problems"], columns=list(PROBLEM_COLUMNS))

    @cached_property
    def readings(self) -> dict[str, dict]:
        """What was decided to read each file (encoding, layout, ...); tables read as usual are left out."""
        return {n: t["reading"] for n, t in read_manifest(self.snapshot)["tables"].items() if "reading" in t}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the snapshot's data files."""
        return read_manifest(self.snapshot)["fingerprint"]

    def name(self, column: str) -> str:
        """Return what a reader calls a column: as csat.toml says, else the item asked in it, else with spaces."""
        asked = {i.perception: i.label for scale in self.scales.values() for i in scale.items if i.label}
        named = called(self.settings.columns, column)
        return named if column in self.settings.columns else asked.get(column, named)

    def named(self, data: pd.DataFrame) -> pd.DataFrame:
        """Return a frame of stored values with a reader's values; ``ws.responses`` and the like have them."""
        known = {column: entry.values for column, entry in self.settings.columns.items() if column in data.columns}
        other = {column: {v: name for v, name in names.items() if v != name} for column, names in known.items()}
        return data.assign(**{column: data[column].replace(names) for column, names in other.items() if names})

    def values(self, table: str, column: str) -> list:
        """Return the values of a column as they are stored and as ``where`` takes them, sorted."""
        return sorted(self._execute(self.table(table).select(column).distinct())[column].dropna())

    def has(self, table: str, *columns: str) -> bool:
        """Say whether the company has a table, and these columns in it."""
        return table in self._stored and set(columns) <= set(self._stored[table].columns)

    def previous(self, k: int = 1) -> "Workspace":
        """Return the same selection k period lengths earlier; it may be empty."""
        return self._selected(self._need_period("previous").shift(-k), self.where)

    def year_before(self) -> "Workspace":
        """Return the same selection in the same month, quarter or year a year earlier; it may be empty."""
        period = self._need_period("year_before")
        return self._selected(period.shift(-max(1, 12 // period.months)), self.where)

    def last(self, k: int) -> "Workspace":
        """Return the same selection over the last k months, quarters or years, this period included."""
        return self._selected(self._need_period("last").last(k), self.where)

    def whole(self) -> "Workspace":
        """Return the company without period and selection: every row that was not rejected."""
        return self._selected(None, {})

    def reworded(self, since: "Workspace | None" = None) -> list[str]:
        """List items asked in more than one wording in these rows, or in these and an earlier workspace's.

        Parameters
        ----------
        since : Workspace, optional
            Earlier rows to compare with.

        Returns
        -------
        list of str
            Item identifiers, to be left out of comparisons over time.
        """
        waves = {wave for ws in (self, since) if ws is not None for wave in ws._waves}
        return [
            item
            for item, wording in self.settings.wording.items()
            if len({max((w for w in wording if w <= wave), default=None) for wave in waves}) > 1
        ]

    @cached_property
    def _waves(self) -> list[str]:
        if not self.has("responses", "wave"):
            return []
        waves = self.table("responses").select("wave").distinct()
        return list(self._execute(waves)["wave"].dropna())

    def table(self, name: str) -> ir.Table:
        """Return a table of this period and selection as an Ibis expression over embedded DuckDB.

        Parameters
        ----------
        name : str
            Canonical table.

        Returns
        -------
        ibis Table
            Stored columns; tables with a time column also have ``period``, the label of the month (or of the
            quarter or year where the workspace's period is one).
        """
        data, time = self._rows(name), TABLES[name].time
        if time in (None, "period"):
            return data
        return data.mutate(period=label_of(data[time], self.period.kind if self.period else "month"))

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._frames:
            expression = self.table(name)
            keys = [k for k in TABLES[name].key or ("customer_id", TABLES[name].time) if k in expression.columns]
            self._frames[name] = self.named(self._execute(expression.order_by(keys)))
        return self._frames[name].copy(deep=False)

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *self._stored]

    def __repr__(self) -> str:
        period = self.period.label if self.period else "all periods"
        return f"Workspace({self.company.name!r}, {period}, where={self.where}, tables={list(self._stored)})"

    def _execute(self, expression: ir.Expr) -> pd.DataFrame:
        return to_pandas(expression.as_table().to_pyarrow())

    def _selected(self, period: Period | None, where: Mapping[str, list]) -> "Workspace":
        return Workspace(self.settings, self.snapshot, period, where, self._stored)

    def _need_period(self, method: str) -> Period:
        if self.period is None:
            raise ValueError(f"{method}() needs a period: open the workspace with period='2026-10' or similar")
        return self.period

    def _absent(self, name: str) -> ir.Table:
        if name not in TABLES:
            raise AttributeError(
                f"no table or attribute {name!r}{did_you_mean(name, [*TABLES, *dir(type(self))])}"
            )
        source = self.settings.source
        remedy = (
            f"put {name}.csv or {name}.parquet into {source.path}, or name its file in csat.toml under "
            f"[tables.{name}]"
            if source.url is None
            else f"name its table of {source.label} in csat.toml: [tables.{name}] table = ..."
        )
        raise AttributeError(f"the company has no {name} table: {remedy}; ask first with ws.has({name!r})")

    def _select(self, data: ir.Table) -> ir.Table:
        customers = self._stored.get("customers")
        for column, values in self.where.items():
            if column in data.columns:
                data = data.filter(_is_one_of(data[column], values))
            elif "customer_id" in data.columns and customers is not None and column in customers.columns:
                chosen = customers.filter(_is_one_of(customers[column], values))
                data = data.semi_join(chosen, "customer_id")
        return data

    def _rows(self, name: str) -> ir.Table:
        data = self._select(self._stored[name] if self.has(name) else self._absent(name))
        time = TABLES[name].time
        if time == "period":
            return self._limit_spans(data, name)
        if time is None or self.period is None:
            return data
        column = data[time]
        return data.filter(column >= ibis.timestamp(self.period.start), column < ibis.timestamp(self.period.end))

    def _limit_spans(self, data: ir.Table, name: str) -> ir.Table:
        if self.period is None:
            return data
        first, months = span_of(data["period"])
        start, end = self.period.first, self.period.first + self.period.months
        begins = first + months > start if name == "targets" else first >= start
        return data.filter(begins, first < end)


def open(  # noqa: A001
    config: str | Path = "csat.toml", *, period: str | None = None, where: Where | None = None
) -> Workspace:
    """Open the company's tables.

    Parameters
    ----------
    config : str or Path
        Settings file; looked for in the current folder and its parents. Paths in it are relative to it.
    period : str, optional
        Month ``2026-10``, quarter ``2026-Q3`` or year ``2026``; None takes all rows.
    where : mapping of str to value or list of values, optional
        Rows to keep. A table without the column is filtered through its customers where they have it, else
        left whole.

    Returns
    -------
    Workspace

    Raises
    ------
    FileNotFoundError
        If there is no settings file or no source folder.
    ValueError
        If settings, tables, period or where are wrong, or the period has no data.

    Examples
    --------
    >>> open("no-such-file.toml", period="2026-10")  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    FileNotFoundError: no settings file 'no-such-file.toml' in the current folder or a folder above it
    """
    settings = load(config)
    span = parse(period) if period is not None else None
    whole = Workspace(settings, of_settings(settings))
    chosen = {c: list(v) if isinstance(v, list | tuple | set) else [v] for c, v in (where or {}).items()}
    problems = [text for column, values in chosen.items() if (text := _wrong_choice(whole, column, values))]
    if problems:
        raise ValueError("; ".join(problems))
    if span is not None:
        _check_data(whole, span)
    return whole._selected(span, chosen)


def latest_period(config: str | Path = "csat.toml") -> str:
    """Return the last month with responses; else with contacts, complaints or purchases; else customers seen.

    Parameters
    ----------
    config : str or Path
        Settings file; looked for in the current folder and its parents.

    Returns
    -------
    str
        Month such as ``"2026-10"``.

    Raises
    ------
    ValueError
        If there are none of these.

    Examples
    --------
    >>> latest_period("csat.toml")  # doctest: +SKIP
    '2026-10'
    """
    ws, dated = open(config), ("responses", "contacts", "complaints", "transactions")
    months = next((found for name in dated if (found := _months(ws, [name]))), [])
    months = months or ([f"{ws.customers['seen_on'].max():%Y-%m}"] if ws.has("customers", "seen_on") else [])
    if not months:
        raise ValueError(f"{ws.settings.place} has no {', '.join(dated)}: name a period")
    return months[-1]


def _is_one_of(column: ir.Column, values: list) -> ir.BooleanValue:
    text = column.type().is_string()
    fitting = [v if text else float(v) for v in values if isinstance(v, str) == text]
    return column.isin(fitting) if fitting else ibis.literal(False)


def _wrong_choice(ws: Workspace, column: str, values: list) -> str | None:
    """Return what is wrong with one entry of where, or None."""
    tables = [t for t in ws._stored.values() if column in t.columns]
    if not tables:
        names = sorted({c for t in ws._stored.values() for c in t.columns})
        near = did_you_mean(column, names)
        return f"where: no table has a column {column!r}{near}; columns: {', '.join(names)}"
    if not values:
        return f"where: {column!r} has no value; leave it out to keep all rows"
    seen = set()
    for table in tables:
        seen |= set(ws._execute(table.select(column).distinct())[column].dropna())
    unknown = [v for v in values if v not in seen]
    if not unknown:
        return None
    there = sorted(seen, key=str)
    shown = ", ".join(map(repr, there[:20])) + (f" and {len(there) - 20} more" if len(there) > 20 else "")
    near = did_you_mean(unknown[0], there)
    return f"where: {column!r} is never {', '.join(map(repr, unknown))}{near}; there are: {shown}"


def _check_data(ws: Workspace, period: Period) -> None:
    timed = [n for n in ws._stored if TABLES[n].time not in (None, "period")]
    inside = ws._selected(period, {})
    sizes = (ws._execute(inside._rows(name).count().name("n"))["n"][0] for name in timed)
    if timed and not any(sizes):  # customers alone have no time
        rejected = int(ws.counts["rejected"].sum())
        note = f" ({rejected} rows were rejected: see ws.problems)" if rejected else ""
        found = runs(_months(ws, timed))
        raise ValueError(f"period {period.label}: no table has rows in it; months with data: {found}{note}")


def _months(ws: Workspace, tables: list[str]) -> list[str]:
    labels = set()
    for name in tables:
        if ws.has(name):
            stored = ws._stored[name]
            labels |= set(
                ws._execute(stored.select(m=label_of(stored[TABLES[name].time], "month")).distinct())["m"]
            )
    return sorted(labels)
