"""SERVQUAL on 1,000,000 x 44 answers in Parquet: all gaps and alphas with 1,000 replicates, beside pandas."""

import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.dataset import dataset

from csatlib.servqual import Item, Scale, gaps
from csatlib.stats.moments import moments
from csatlib.stats.reliability import alpha

ROWS, RESAMPLES, REPLICATES = 1_000_000, 3, 1000
SIZES = {"tangibles": 4, "reliability": 5, "responsiveness": 4, "assurance": 4, "empathy": 5}
DIMENSIONS = [name for name, size in SIZES.items() for _ in range(size)]
SCALE = Scale(
    [Item(f"q{i:02}", d, f"e{i:02}", f"p{i:02}") for i, d in enumerate(DIMENSIONS, start=1)], low=1, high=7
)
SIDES = {side: [getattr(i, side) for i in SCALE.items] for side in ("expectation", "perception")}


def write(path: Path) -> None:
    rng = np.random.default_rng(0)
    taste = rng.normal(size=ROWS)
    columns = {}
    for side, mean in (("expectation", 6.0), ("perception", 5.0)):
        for name in SIDES[side]:
            answer = np.clip(np.rint(mean + taste + rng.normal(size=ROWS)), 1, 7).astype(np.int8)
            columns[name] = pa.array(answer, mask=rng.random(ROWS) < 0.03)
    pq.write_table(pa.table(columns), path, row_group_size=262_144)


def ours(path: Path) -> None:
    start = time.perf_counter()
    columns = SIDES["expectation"] + SIDES["perception"]
    table = gaps(dataset(path).to_batches(columns=columns), scale=SCALE)
    gap_seconds = time.perf_counter() - start
    answers = moments(dataset(path).to_batches(columns=columns), columns, missing="pairwise")
    alphas = []
    for side in SIDES.values():
        for dimension in SIZES:
            items = [c for c, item in zip(side, SCALE.items, strict=True) if item.dimension == dimension]
            alphas.append(alpha(answers, items=items))
        alphas.append(alpha(answers, items=side))
    seconds = time.perf_counter() - start
    overall = table.query("weighting == 'equal_dimensions' and measure == 'gap'").iloc[0]
    print(
        f"csatlib  {seconds:6.2f} s  (gaps {gap_seconds:.2f} s, {len(alphas)} alphas "
        f"{seconds - gap_seconds:.2f} s, reading included), peak memory {_peak_mb():,.0f} MB; "
        f"overall gap {overall.estimate:.4f} [{overall.ci_low:.4f}, {overall.ci_high:.4f}]"
    )
    print(f"seconds={seconds}")


def peer(path: Path) -> None:
    frame = pd.read_parquet(path)
    rng = np.random.default_rng(0)
    start = time.perf_counter()
    for _ in range(RESAMPLES):
        drawn = frame.iloc[rng.integers(0, len(frame), len(frame))]
        _pandas_gaps_and_alphas(drawn)
    each = (time.perf_counter() - start) / RESAMPLES
    print(
        f"pandas   {each * REPLICATES:6.0f} s  extrapolated from {RESAMPLES} resamples of {each:.2f} s to "
        f"{REPLICATES}, reading left out, peak memory {_peak_mb():,.0f} MB"
    )
    print(f"seconds={each * REPLICATES}")


def _pandas_gaps_and_alphas(frame: pd.DataFrame) -> None:
    gap = pd.DataFrame(
        {i.item: frame[i.perception].astype(float) - frame[i.expectation].astype(float) for i in SCALE.items}
    )
    gap.mean().groupby(DIMENSIONS).mean()
    for side in SIDES.values():
        covariance = frame[side].astype(float).cov()
        for dimension in SIZES:
            items = [c for c, item in zip(side, SCALE.items, strict=True) if item.dimension == dimension]
            part = covariance.loc[items, items].to_numpy()
            len(items) / (len(items) - 1) * (1 - np.trace(part) / part.sum())


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Write the answers, run both sides in processes of their own, print the ratio."""
    print(f"SERVQUAL, {ROWS:,} x 44 answers in Parquet, {REPLICATES:,} replicates ({platform.machine()})")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.parquet"
        write(path)
        seconds = []
        for side in ("ours", "peer"):
            load = "from pathlib import Path; from benchmarks import bench_servqual as bench"
            call = f"{load}; bench.{side}(Path({str(path)!r}))"
            lines = subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, text=True)
            *told, last = lines.stdout.splitlines()
            print("\n".join(told))
            seconds.append(float(last.removeprefix("seconds=")))
    print(f"ratio    {seconds[1] / seconds[0]:,.0f}x")
