"""Customer value: RFM of 10,000,000 transactions in Parquet, BG/NBD and Pareto/NBD fits, beside lifetimes."""

import platform
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from csatlib.clv import BetaGeoNBD, ParetoNBD, rfm

ROWS, BUYERS, DAYS, PART = 10_000_000, 1_000_000, 730, 1_000_000
CUSTOMERS = (100_000, 1_000_000)
START, END = np.datetime64("2024-01-01", "us"), "2025-12-31"
TRUTH = {"r": 0.243, "alpha": 30.9, "a": 0.793, "b": 2.426}  # CDNOW, in days
SAME = 1e-6


def customers(n: int, seed: int = 0) -> pd.DataFrame:
    """Purchase days of customers whose parameters are known, 189 to 273 days after their first."""
    rng = np.random.default_rng(seed)
    rate, age = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"], n), rng.integers(189, 274, n)
    left = rng.geometric(np.clip(rng.beta(TRUTH["a"], TRUTH["b"], n), 1e-9, 1))
    clock, frequency, recency = np.zeros(n), np.zeros(n, dtype=int), np.zeros(n, dtype=int)
    who = np.arange(n)
    while len(who):
        clock[who] += rng.exponential(1 / np.maximum(rate[who], 1e-12))
        who = who[clock[who] < age[who]]
        day = np.ceil(clock[who]).astype(int)
        frequency[who] += day > recency[who]
        recency[who] = day
        left[who] -= 1
        who = who[left[who] > 0]
    return pd.DataFrame({"frequency": frequency, "recency": recency, "age": age})


def write(path: Path) -> None:
    """Write the transactions in no order."""
    rng = np.random.default_rng(0)
    schema = pa.schema(
        [("customer_id", pa.int64()), ("occurred_at", pa.timestamp("us")), ("amount", pa.float64())]
    )
    with pq.ParquetWriter(path, schema) as file:
        for _ in range(ROWS // PART):
            seconds = rng.integers(0, DAYS * 86_400, PART) * 1_000_000
            columns = [rng.integers(0, BUYERS, PART), START + seconds, rng.integers(100, 20_000, PART) / 100]
            file.write_table(pa.table(columns, schema=schema))


def ours(path: Path) -> tuple[float, int, float]:
    """Sum up in DuckDB, through Ibis."""
    start = time.perf_counter()
    table = rfm(ibis.read_parquet(path), observed_until=END)
    return time.perf_counter() - start, int(table["frequency"].sum()), float(table["mean_spend"].sum())


def peer(path: Path) -> tuple[float, int, float]:
    """Sum up as lifetimes does, from a frame in memory."""
    from lifetimes.utils import summary_data_from_transaction_data

    warnings.simplefilter("ignore")
    start = time.perf_counter()
    frame = pd.read_parquet(path)
    table = summary_data_from_transaction_data(
        frame, "customer_id", "occurred_at", monetary_value_col="amount", observation_period_end=END
    )
    return time.perf_counter() - start, int(table["frequency"].sum()), float(table["monetary_value"].sum())


def run(side: str, path: Path) -> None:
    """Time one side in a process of its own and print what it took."""
    seconds, frequency, spend = {"ours": ours, "peer": peer}[side](path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(seconds, peak, frequency, spend)


def _summaries() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "transactions.parquet"
        write(path)
        told = {}
        for side in ("ours", "peer"):
            load = "from pathlib import Path; from benchmarks import bench_clv as bench"
            call = f"{load}; bench.run({side!r}, Path({str(path)!r}))"
            done = subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, text=True)
            told[side] = [float(part) for part in done.stdout.splitlines()[-1].split()]
            name = {"ours": "csatlib", "peer": "lifetimes"}[side]
            print(
                f"RFM         {name:9} {told[side][0]:7.2f} s, reading included, "
                f"peak memory {told[side][1]:,.0f} MB"
            )
    same = np.allclose(told["ours"][2:], told["peer"][2:], rtol=SAME)
    print(f"RFM         ratio {told['peer'][0] / told['ours'][0]:.1f}x, same frequency and spend: {same}")


def _fits() -> None:
    from lifetimes import BetaGeoFitter, ParetoNBDFitter

    jobs = [("BG/NBD", BetaGeoNBD, BetaGeoFitter, n) for n in CUSTOMERS]
    jobs.append(("Pareto/NBD", ParetoNBD, ParetoNBDFitter, CUSTOMERS[0]))
    for name, own, other, n in jobs:
        data = customers(n)
        own().fit(data)
        start = time.perf_counter()
        model = own().fit(data)
        seconds = time.perf_counter() - start
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = other().fit(data["frequency"], data["recency"], data["age"])
        beside = time.perf_counter() - start
        theirs = own.from_parameters(dict(zip(own.parameters, fitted.params_, strict=True)))
        value = theirs._log_likelihood(theirs.params_.to_numpy(), theirs._compressed(data)[0])[0]
        gained = model.log_likelihood_ - value  # lifetimes starts at random and may stop short
        print(
            f"{name:11} {n:9,} customers: csatlib with errors {seconds:6.3f} s, lifetimes {beside:6.2f} s, "
            f"ratio {beside / seconds:.0f}x, "
            f"log-likelihood above its by {gained:.1g} (same: {abs(gained / value) < SAME})"
        )


def main() -> None:
    """Print both sides and their ratios."""
    print(f"Customer value, {ROWS:,} transactions of {BUYERS:,} customers ({platform.machine()})")
    _summaries()
    _fits()
