import ibis
import pandas as pd
import pyarrow as pa
import pytest

from csatlib.tables import period
from csatlib.tables.snapshot import connect


@pytest.mark.parametrize(
    ("text", "start", "end", "kind"),
    [
        ("2026-10", "2026-10-01", "2026-11-01", "month"),
        ("2026-12", "2026-12-01", "2027-01-01", "month"),
        ("2026-Q4", "2026-10-01", "2027-01-01", "quarter"),
        ("2026Q1", "2026-01-01", "2026-04-01", "quarter"),
        ("2026", "2026-01-01", "2027-01-01", "year"),
    ],
)
def test_parse(text, start, end, kind):
    found = period.parse(text)
    assert (found.start, found.end, found.kind) == (pd.Timestamp(start), pd.Timestamp(end), kind)


@pytest.mark.parametrize("text", ["2026-1", "2026-13", "2026-Q5", "26-10", "October", "", "2026-10-01"])
def test_parse_refuses(text):
    with pytest.raises(ValueError, match="write a month as '2026-10'"):
        period.parse(text)


def test_shift_crosses_the_year():
    assert period.parse("2026-01").shift(-1).label == "2025-12"
    assert period.parse("2026-Q1").shift(-2).label == "2025-Q3"
    assert period.parse("2026").shift(1).label == "2027"


def test_last_counts_units_and_ends_with_the_period():
    span = period.parse("2026-02").last(3)
    assert span.labels == ["2025-12", "2026-01", "2026-02"]
    assert span.label == "2025-12 to 2026-02"
    assert span.shift(-1).labels == ["2025-09", "2025-10", "2025-11"]
    assert period.parse("2026-Q1").last(2).labels == ["2025-Q4", "2026-Q1"]
    assert span.last(1).label == "2026-02"
    with pytest.raises(ValueError, match="1 or more"):
        span.last(0)


def test_expressions_agree_with_parse():
    times = pd.to_datetime(["2026-01-01", "2026-03-31 23:59:59", "2026-10-05"], format="mixed")
    table = ibis.memtable(pa.table({"t": pa.array(times.astype("datetime64[us]"))}))
    labels = [table.select(x=period.label_of(table.t, kind)) for kind in ("month", "quarter", "year")]
    found = [connect().to_pyarrow(e).column("x").to_pylist() for e in labels]
    assert found == [
        ["2026-01", "2026-03", "2026-10"],
        ["2026-Q1", "2026-Q1", "2026-Q4"],
        ["2026", "2026", "2026"],
    ]


def test_span_of_agrees_with_parse():
    labels = ["2026-10", "2026-Q3", "2026"]
    table = ibis.memtable(pa.table({"p": labels}))
    first, months = period.span_of(table.p)
    rows = connect().to_pyarrow(table.select("p", first=first, months=months)).to_pylist()
    expected = {label: (period.parse(label).first, period.parse(label).months) for label in labels}
    assert {r["p"]: (r["first"], r["months"]) for r in rows} == expected
