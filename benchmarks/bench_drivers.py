"""Drivers: LMG beside pingouin, intervals from 1,000 replicates, memory on growing Parquet files."""

import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from csatlib.drivers import importance
from csatlib.stats.moments import Moments

REPLICATES, ROWS = 1000, (1_000_000, 10_000_000)
COLUMNS = [f"q{i}" for i in range(10)]


def survey(n: int, p: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    ratings = np.clip(np.rint(5 + rng.normal(size=(n, 1)) + rng.normal(size=(n, p))), 1, 7)
    data = pd.DataFrame(ratings, columns=[f"q{i}" for i in range(p)])
    return data.assign(overall=ratings @ np.linspace(1, 0.2, p) / p + rng.normal(size=n))


def timed(call: Callable[[], object], times: int = 5) -> tuple[float, float]:
    """Shortest of some calls, in seconds by the clock, and of the processor, which a busy machine leaves alone."""
    clock, processor = [], []
    for _ in range(times):
        start, worked = time.perf_counter(), time.process_time()
        call()
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - worked)
    return min(clock), min(processor)


def write(path: Path, rows: int) -> None:
    step = 500_000
    schema = pa.schema([(name, pa.float32()) for name in [*COLUMNS, "overall"]])
    part = survey(step, len(COLUMNS)).astype(np.float32)
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(rows // step):
            writer.write_table(
                pa.Table.from_pandas(part, schema=schema, preserve_index=False), row_group_size=65_536
            )


def streamed(path: Path) -> None:
    start = time.perf_counter()
    # A dataset reads ahead and keeps what it read; a file is read as it is asked for.
    batches = pq.ParquetFile(path, pre_buffer=False).iter_batches(batch_size=32_768)
    table = importance(batches, outcome="overall", drivers=COLUMNS)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  n = {table['n'].iloc[0]:>10,}: {time.perf_counter() - start:6.2f} s, peak memory {peak:,.0f} MB")


def beside_pingouin() -> None:
    import pingouin

    data = survey(1000, 15)
    names = [f"q{i}" for i in range(15)]
    found = {}

    def ours() -> None:
        columns = [*names, "overall"]
        matrix = Moments.from_correlation(data[columns].corr(), len(data), columns=columns)
        found["ours"] = importance(matrix, outcome="overall", drivers=names)["importance"].to_numpy()

    def peer() -> None:
        found["peer"] = pingouin.linear_regression(data[names], data["overall"], relimp=True)["relimp"].iloc[1:]

    own, other = timed(ours), timed(peer, 1)
    ratios = [theirs / mine for mine, theirs in zip(own, other, strict=True)]
    apart = np.abs(found["ours"] - found["peer"].to_numpy()).max()
    print(
        f"  LMG without intervals, 15 drivers, n = 1,000: csatlib {own[0]:.4f} s, "
        f"pingouin {other[0]:.2f} s, ratio {ratios[0]:,.0f}x by the clock, {ratios[1]:,.0f}x of processor "
        f"time (figures differ by {apart:.0e} at most)"
    )


def main() -> None:
    """Print each comparison; memory in processes of their own."""
    print(f"Drivers, {REPLICATES:,} replicates unless said otherwise ({platform.machine()})")
    beside_pingouin()
    for p, method in ((22, "relative_weights"), (10, "lmg"), (12, "lmg"), (15, "lmg"), (20, "lmg")):
        data, names = survey(10_000, p), [f"q{i}" for i in range(p)]
        clock, processor = timed(
            lambda d=data, m=method, c=names: importance(d, outcome="overall", drivers=c, method=m)
        )
        print(f"  {method}, {p} drivers, n = 10,000: {clock:.2f} s by the clock, {processor:.2f} s of processor")
    print("LMG, 10 drivers, streamed from Parquet")
    with tempfile.TemporaryDirectory() as folder:
        for rows in ROWS:
            path = Path(folder) / f"{rows}.parquet"
            write(path, rows)
            load = "from pathlib import Path; from benchmarks import bench_drivers as bench"
            call = f"{load}; bench.streamed(Path({str(path)!r}))"
            print(
                subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, text=True).stdout,
                end="",
            )
            path.unlink()
