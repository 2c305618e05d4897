"""RFM of 100,000,000 transactions, DuckDB held to less memory than the data: `python -m benchmarks.large_clv`.

Not a part of `make bench`: it takes minutes and some 20 GB of the temporary folder. No peer stands beside it:
lifetimes holds the whole table in memory several times over.
"""

import argparse
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import ibis
import pandas as pd

from benchmarks.bench_clv import DAYS, END, SAME
from csatlib.clv import rfm

ROWS, BUYERS, MEMORY = 100_000_000, 5_000_000, "1GB"
EVERY = 5_000  # one customer of so many is summed up a second time, by pandas
LINES = """
copy (
    select (hash(i) % {buyers})::bigint as customer_id,
        timestamp '2024-01-01' + to_seconds((hash(i, 1) % ({days} * 86400))::bigint) as occurred_at,
        (100 + hash(i, 2) % 19900) / 100.0 as amount
    from range({rows}) t(i)
) to '{path}' (format parquet)
"""


def run(path: Path, memory: str, target: Path) -> None:
    """Sum up with so much memory for DuckDB; print seconds and the largest resident size of this process in MB."""
    start = time.perf_counter()
    connection = ibis.duckdb.connect(memory_limit=memory, temp_directory=path.with_suffix(".spill"))
    table = rfm(connection.read_parquet(path), observed_until=END)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table[table["customer_id"] % EVERY == 0].to_parquet(target)
    print(seconds, peak, len(table), int(table["frequency"].sum()))


def same(path: Path, found: pd.DataFrame) -> bool:
    """Tell whether pandas sums a part of the customers up to the same."""
    lines = duckdb.sql(f"from '{path}' where customer_id % {EVERY} = 0").df()
    lines["minor"] = (lines["amount"] * 100).round().astype(int)
    days = lines.groupby(["customer_id", lines["occurred_at"].dt.floor("D")])["minor"].sum().reset_index()
    by = days.groupby("customer_id")
    expected = pd.DataFrame(
        {
            "frequency": by.size() - 1,
            "recency": (by["occurred_at"].max() - by["occurred_at"].min()).dt.days,
            "spend_minor": by["minor"].sum() - by["minor"].first(),
        }
    )
    found = found.set_index("customer_id")[list(expected)]
    return found.index.equals(expected.index) and bool(((found - expected).abs() < SAME).all(axis=None))


def main() -> None:
    """Write the lines, sum them up in a process of its own, print what it took."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=ROWS)
    asked.add_argument("--memory", default=MEMORY, help="DuckDB's limit (default 1GB)")
    asked = asked.parse_args()
    buyers = max(1, asked.rows * BUYERS // ROWS)
    print(f"RFM, {asked.rows:,} transactions of {buyers:,} customers ({platform.machine()})", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path, target = Path(folder) / "lines.parquet", Path(folder) / "part.parquet"
        duckdb.sql(LINES.format(rows=asked.rows, buyers=buyers, days=DAYS, path=path))
        print(f"data        {path.stat().st_size / 1e9:.1f} GB of Parquet, DuckDB's memory_limit {asked.memory}")
        load = "from pathlib import Path; from benchmarks import large_clv as bench"
        call = f"{load}; bench.run(Path({str(path)!r}), {asked.memory!r}, Path({str(target)!r}))"
        done = subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, text=True)
        seconds, peak, customers, repeats = map(float, done.stdout.split())
        print(f"csatlib     {seconds:.0f} s, peak memory {peak:,.0f} MB, result included")
        print(f"found       {customers:,.0f} customers, {repeats:,.0f} repeat purchases")
        print(f"one customer in {EVERY:,} beside pandas, the same: {same(path, pd.read_parquet(target))}")


if __name__ == "__main__":
    main()
