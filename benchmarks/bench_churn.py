"""Churn: a million customers' snapshots built in the engine, a model on 100,000 rows of them: time and memory."""

import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ibis
import pandas as pd

from csatlib import churn

CUSTOMERS, MONTHS, ROWS = 1_000_000, 12, 100_000
MADE = {  # tables of a company, drawn in DuckDB; hash() takes the place of chance
    "customers": """SELECT i AS customer_id, (i % 3)::VARCHAR AS plan,
        DATE '2025-12-01' - (1 + hash(i) % 3000)::INTEGER AS joined_on,
        CASE WHEN hash(i + 7) % 100 < 35 THEN DATE '2026-01-02' + (hash(i + 9) % 500)::INTEGER END AS left_on
        FROM range({n}) t(i)""",
    "transactions": """SELECT i AS customer_id, TIMESTAMP '2025-07-01' + INTERVAL (30 * m) DAY AS occurred_at,
        (10 + hash(i + m) % 60)::DOUBLE AS amount FROM range({n}) t(i), range(20) u(m)""",
    "contacts": """SELECT hash(i + 1) % {n} AS customer_id, hash(i + 2) % 4 > 0 AS resolved,
        TIMESTAMP '2025-10-01' + INTERVAL (hash(i) % 470) DAY AS occurred_at,
        (1 + hash(i + 3) % 7)::DOUBLE AS rating
        FROM range(3 * {n}) t(i)""",
    "complaints": """SELECT hash(i + 4) % {n} AS customer_id,
        TIMESTAMP '2025-06-01' + INTERVAL (hash(i) % 560) DAY AS opened_at,
        opened_at + INTERVAL (hash(i + 5) % 30) DAY AS resolved_at FROM range({n} // 5) t(i)""",
    "responses": """SELECT hash(i + 6) % {n} AS customer_id, (1 + hash(i + 8) % 7)::DOUBLE AS overall,
        TIMESTAMP '2025-06-01' + INTERVAL (hash(i) % 560) DAY AS responded_at, (hash(i + 9) % 11)::DOUBLE AS nps
        FROM range(2 * {n}) t(i)""",
}


def peak() -> float:
    """Largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def built(folder: str, customers: int) -> None:
    """Build the snapshots of all customers into a Parquet file, nothing of them in Python."""
    engine = ibis.duckdb.connect(temp_directory=folder, memory_limit="2GB")
    engine.raw_sql("SET enable_progress_bar = false")
    for name, query in MADE.items():
        path = Path(folder) / f"{name}.parquet"
        engine.raw_sql(f"COPY ({query.format(n=customers)}) TO '{path}'")
    tables = {name: engine.read_parquet(Path(folder) / f"{name}.parquet") for name in MADE}
    start = time.perf_counter()
    dates = pd.date_range("2026-01-01", periods=MONTHS, freq="MS")
    rows = churn.snapshot(tables, dates=dates, until="2027-06-01", segments=["plan"])
    engine.to_parquet(rows, Path(folder) / "rows.parquet")
    n = engine.read_parquet(Path(folder) / "rows.parquet").count().to_pyarrow().as_py()
    print(
        f"  snapshots, {customers:,} customers x {MONTHS} months: {n:,} rows, "
        f"{time.perf_counter() - start:.1f} s, peak memory {peak():,.0f} MB"
    )


def judged(folder: str, rows: int) -> None:
    """Fit and evaluate on a part of the customers, chosen by their number."""
    engine = ibis.duckdb.connect()
    stored = engine.read_parquet(Path(folder) / "rows.parquet")
    part = max(1, int(stored.count().to_pyarrow().as_py() / rows))
    frame = stored.filter(stored.customer_id % part == 0).to_pyarrow().to_pandas()
    cut = churn.split(frame, test=3)
    for kind in ("logistic", "boosting"):
        start = time.perf_counter()
        model = churn.fit(cut.train, kind=kind)
        fitted = time.perf_counter()
        churn.evaluate(model, cut.test, cost=5, success=0.2, value=400)
        print(
            f"  {kind}, {len(frame):,} rows: fit {fitted - start:.1f} s, evaluation "
            f"{time.perf_counter() - fitted:.1f} s, peak memory {peak():,.0f} MB"
        )


def main() -> None:
    """Print time and memory of each step, each in a process of its own."""
    print(f"Churn ({platform.machine()})")
    with tempfile.TemporaryDirectory() as folder:
        for call in (f"built({folder!r}, {CUSTOMERS})", f"judged({folder!r}, {ROWS})"):
            code = f"from benchmarks import bench_churn as bench; bench.{call}"
            done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
            print(done.stdout, end="")
