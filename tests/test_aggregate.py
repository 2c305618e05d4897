"""Groups made in the engine: by hand, against pandas, and what csat.toml may ask for."""

from datetime import date, datetime

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csatlib.tables import config, snapshot, workspace
from csatlib.tables.reading.aggregate import grouped

pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning:ibis.backends.duckdb")

AMOUNTS = st.floats(-1000, 1000).map(lambda x: round(x, 2))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.dates(date(2025, 1, 1), date(2026, 12, 31)), AMOUNTS), min_size=1)
)
def test_groups_are_those_of_pandas_in_any_order_of_rows(lines):
    frame = pd.DataFrame(lines, columns=["shop", "day", "amount"])
    found = []
    for order in (frame, frame[::-1]):
        table = ibis.memtable(pa.Table.from_pandas(order, preserve_index=False))
        made = grouped(table, by=["shop"], time="day", every="month", values=["amount"]).order_by("shop", "day")
        found.append(made.to_pyarrow().to_pylist())
    assert found[0] == found[1]
    month = pd.to_datetime(frame["day"]).dt.to_period("M").dt.start_time
    expected = frame.groupby(["shop", month])["amount"].agg(["size", "count", "sum", "min", "max"]).reset_index()
    assert [(r["shop"], r["day"], r["n"], r["amount_n"]) for r in found[0]] == list(
        expected[["shop", "day", "size", "count"]].itertuples(index=False, name=None)
    )
    for row, sums in zip(found[0], expected.itertuples(), strict=True):
        assert float(row["amount_sum"]) == pytest.approx(sums.sum, abs=1e-9)
        assert (row["amount_min"], row["amount_max"]) == (sums.min, sums.max)


def test_groups_of_missing_values_and_of_no_numbers():
    nan, inf = float("nan"), float("inf")
    table = ibis.memtable(
        pa.table({"unit": ["A", None, None, "A"], "x": [1.0, nan, inf, None], "ok": [True, False, None, True]})
    )
    made = grouped(table, by=["unit"], values=["x", "ok"]).order_by("unit").to_pyarrow().to_pylist()
    assert [(r["unit"], r["n"], r["x_n"], r["x_max"], r["ok_n"], r["ok_sum"]) for r in made] == [
        ("A", 2, 1, 1.0, 2, 2),
        (None, 2, 0, None, 1, 0),
    ]


def test_instants_are_grouped_in_utc():
    late = pd.Timestamp("2026-10-01 01:00", tz="Asia/Shanghai").tz_convert("UTC")
    table = ibis.memtable(pa.table({"at": pa.array([late], pa.timestamp("us", "UTC"))}))
    assert grouped(table, by=[], time="at", every="day").to_pyarrow()["at"][0].as_py() == datetime(2026, 9, 30)


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        ({"by": ["shoq"]}, KeyError, r"no column 'shoq' \(did you mean 'shop'\?\); there are: shop, at, amount"),
        ({"every": "weak"}, ValueError, "every: found 'weak', allowed: day, month, quarter, year"),
        ({"time": "shop"}, ValueError, "'shop' is string in the database, so it cannot be grouped as a time"),
        (
            {"values": ["shop"]},
            ValueError,
            "'shop' is string in the database, so it cannot be grouped as a number",
        ),
    ],
)
def test_what_cannot_be_grouped(wrong, error, text):
    table = ibis.table({"shop": "string", "at": "timestamp", "amount": "float64"}, name="lines")
    with pytest.raises(error, match=text):
        grouped(table, **({"by": ["shop"], "time": "at"} | wrong))


def write(tmp_path, tables: str, source: str = 'url = "duckdb://crm.duckdb"'):
    file = tmp_path / "csat.toml"
    file.write_text(f'[company]\nname = "Tiny"\n[source]\n{source}\n{tables}', encoding="utf-8")
    return file


def test_every_mistake_in_the_settings_at_once(tmp_path):
    text = (
        '[tables.responses]\naggregate = "day"\n'
        '[tables.operations]\naggregate = "day"\n'
        '[tables.transactions]\naggregate = "week"\nnumbered = "line_id"\n'
        '[tables.contacts]\naggregate_by = ["unit"]\n'
    )
    with pytest.raises(ValueError, match="5 problems") as caught:
        config.load(write(tmp_path, text))
    for part in (
        "tables.transactions.aggregate: found 'week', allowed: 'day' or 'month'",
        "tables.transactions.aggregate: does not go with numbered, for no single rows are left",
        "tables.responses.aggregate: allowed for transactions and operations only",
        "tables.operations.aggregate: found 'day', allowed: 'month'",
        'tables.contacts.aggregate_by: needs aggregate = "day" or "month" beside it',
    ):
        assert part in str(caught.value)
    with pytest.raises(ValueError, match="max_rows is for a database"):
        config.load(write(tmp_path, "", 'path = "data"\nmax_rows = 5'))
    with pytest.raises(ValueError, match="for a database only; the files of a folder are read whole"):
        config.load(write(tmp_path, '[tables.transactions]\naggregate = "day"', 'path = "data"'))


@pytest.fixture
def contacts(tmp_path, monkeypatch):
    """A log of contacts and a few purchases."""
    monkeypatch.setenv("CSAT_CACHE", str(tmp_path / "cache"))
    with duckdb.connect(tmp_path / "crm.duckdb") as connection:
        connection.execute(
            "create table log as select * from (values"
            " ('C1', 'Mitte', timestamp '2026-10-03 10:00', 30, true, 'x'),"
            " ('C1', 'Mitte', '2026-10-31 23:59:59', null, false, '-'),"
            " ('C2', 'Nord', '2026-11-01', 60, null, 'y'), ('C2', 'Nord', '2026-11-02', -99, true, 'y'),"
            " ('C3', null, '2026-11-02', 5, true, 'y')) t(customer_id, branch, started, waited, solved, note)"
        )
        connection.execute(
            "create table sales as select customer_id, started as occurred_at, 1.5 as price, 2 as pieces, note"
            " from log"
        )
    return tmp_path


def test_counts_per_unit_and_month(contacts):
    tables = (
        '[tables.operations]\ntable = "log"\naggregate = "month"\nmissing = ["", -99]\n'
        'columns = { unit = "branch", period = "started" }\nconstant = { metric = "contacts" }\n'
    )
    ws = workspace.open(write(contacts, tables))
    assert ws.operations[["unit", "period", "metric", "value", "n"]].values.tolist() == [
        ["Mitte", "2026-10", "contacts", 2, 2],
        ["Nord", "2026-11", "contacts", 2, 2],
    ]
    assert ws.problems[["column", "rule", "rows"]].values.tolist() == [["unit", "missing", "3"]]
    assert ws.readings["operations"] == {"groups_of": 5, "per": ["unit", "metric", "month"]}
    for column, sums in (("waited", [(30, 1), (60, 1)]), ("solved", [(1, 2), (1, 1)])):
        measured = tables.replace(" }\nconstant", f', numerator = "{column}" }}\nconstant')
        ws = workspace.open(write(contacts, measured))
        assert list(ws.operations[["numerator", "denominator"]].itertuples(index=False, name=None)) == sums


def test_a_product_is_made_before_it_is_summed(contacts):
    tables = (
        '[tables.transactions]\ntable = "sales"\naggregate = "month"\nproduct = { amount = ["price", "pieces"] }\n'
    )
    ws = workspace.open(write(contacts, tables))
    assert ws.transactions[["customer_id", "occurred_at", "amount", "n"]].values.tolist() == [
        ["C1", pd.Timestamp("2026-10-01"), 6, 2],
        ["C2", pd.Timestamp("2026-11-01"), 6, 2],
        ["C3", pd.Timestamp("2026-11-01"), 3, 1],
    ]


def test_what_cannot_be_grouped_is_told_before_rows_are_read(contacts, monkeypatch):
    monkeypatch.setattr(snapshot, "extract", None)
    tables = (
        '[tables.transactions]\ntable = "sales"\naggregate = "day"\naggregate_by = ["shop"]\n'
        'product = {amount = ["price", "pieces"]}\n'
        '[tables.operations]\ntable = "log"\naggregate = "month"\nconstant = { metric = "m" }\n'
        'columns = { unit = "branch", period = "started", numerator = "note" }\n'
    )
    with pytest.raises(ValueError, match="2 problems") as caught:
        snapshot.snapshot(write(contacts, tables))
    assert "transactions (table sales): aggregate_by: no column 'shop'" in str(caught.value)
    assert "operations (table log): column 'numerator' is string in the database, so it" in str(caught.value)
    factor = tables.replace('["shop"]', "[]").replace('"pieces"', '"note"')
    with pytest.raises(ValueError, match="column 'note' is string in the database: name a view that casts it"):
        snapshot.snapshot(write(contacts, factor))


def test_a_table_that_is_too_large_is_not_brought_down_row_by_row(contacts, monkeypatch):
    tables = '[tables.transactions]\ntable = "sales"\nproduct = { amount = ["price", "pieces"] }\n'
    tables += '[tables.contacts]\ntable = "log"\n'
    tables += 'columns = { contact_id = "customer_id", touchpoint = "note", occurred_at = "started" }\n'
    file = write(contacts, tables, 'url = "duckdb://crm.duckdb"\nmax_rows = 4')
    extract = snapshot.extract
    monkeypatch.setattr(snapshot, "extract", None)
    with pytest.raises(ValueError, match="2 problems") as caught:
        snapshot.snapshot(file)
    monkeypatch.setattr(snapshot, "extract", extract)
    assert (
        "transactions (table sales): 5 rows, more than source.max_rows = 4; set [tables.transactions] "
        'aggregate = "day" to bring down sums per customer and day, or raise max_rows'
    ) in str(caught.value)
    assert "contacts (table log): 5 rows, more than source.max_rows = 4; name a view with" in str(caught.value)
    write(contacts, tables, 'url = "duckdb://crm.duckdb"\nmax_rows = 5')
    assert len(workspace.open(file).contacts) == 3
