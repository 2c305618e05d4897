"""All complaint figures on 5,000,000 tickets in Parquet, beside the service levels alone in pandas."""

import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import SurvfuncRight

from csatlib import complaints
from csatlib.tables.snapshot import connect

ROWS, CUSTOMERS = 5_000_000, 1_000_000
BY = ["urgency", "level", "channel"]
TARGETS = {"response": {"urgent": 4, "other": 48}, "resolution": {"urgent": 48, "other": 120}}


def write(path: Path) -> None:
    """Write tickets of two years: one in twenty is still open."""
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute("SELECT setseed(0.5)")
    connection.execute(f"""
    COPY (
      SELECT *, CASE WHEN random() < 0.95
        THEN first_response_at + INTERVAL 1 MINUTE * CAST(-3000 * ln(random()) AS INT) END AS resolved_at FROM (
        SELECT 'M' || i AS complaint_id, 'C' || CAST(random() * {CUSTOMERS} AS INT) AS customer_id, opened_at,
          CASE WHEN random() < 0.2 THEN 'urgent' ELSE 'other' END AS urgency,
          1 + CAST(random() * random() * 2 AS INT) AS level,
          ['phone', 'email', 'app', 'shop'][1 + CAST(floor(random() * 4) AS INT)] AS channel,
          'owner ' || CAST(random() * 5 AS INT) AS owner,
          'why ' || CAST(random() * random() * 14 AS INT) AS cause_1,
          CASE WHEN random() < 0.8 THEN 'because ' || CAST(random() * 3 AS INT) END AS cause_2,
          opened_at + INTERVAL 1 MINUTE * CAST(-900 * ln(random()) AS INT) AS first_response_at,
          1 + CAST(random() * 6 AS INT) AS rating_before,
          CASE WHEN random() < 0.5 THEN 1 + CAST(random() * 6 AS INT) END AS rating_after
        FROM (SELECT i, TIMESTAMP '2024-11-01' + INTERVAL 1 SECOND * CAST(random() * 63072000 AS INT) AS opened_at
              FROM range({ROWS}) t(i)))) TO '{path}' (FORMAT parquet)""")


def ours(path: Path) -> None:
    """Time each figure, reading included."""
    connection = connect()
    tickets = connection.read_parquet(path)
    people = pd.DataFrame({"joined_on": np.full(CUSTOMERS, np.datetime64("2020-01-01", "us"))})
    calls = {
        "service levels": lambda: complaints.service_levels(tickets, **TARGETS, by=BY),
        "backlog": lambda: complaints.backlog(tickets, by=BY),
        "closed loop": lambda: complaints.closed_loop(tickets, by=BY),
        "conversion": lambda: complaints.conversion(tickets, by=BY),
        "five whys, Pareto": lambda: complaints.causes(tickets),
        "volume with limits": lambda: complaints.volume(tickets, customers=people, by=BY),
    }
    total, found = 0.0, {}
    for name, call in calls.items():
        start = time.perf_counter()
        found[name] = call()
        seconds = time.perf_counter() - start
        total += seconds
        print(f"  {name:<20} {seconds:6.2f} s")
    half = found["service levels"].times.query("stage == 'resolution'").iloc[0]
    whole = found["service levels"].within.query("stage == 'resolution'").iloc[0]
    print(
        f"csatlib  {total:6.2f} s, peak memory {_peak_mb():,.0f} MB; solved in time {whole.estimate:.2f} %, half "
        f"after {half.estimate:.2f} h"
    )
    print(f"seconds={total}")


def peer(path: Path) -> None:
    """Do a part of it by hand: shares in time and Kaplan-Meier by group in pandas and statsmodels."""
    start = time.perf_counter()
    columns = ["opened_at", "first_response_at", "resolved_at", *BY]
    frame = pd.read_parquet(path, columns=columns)
    now = frame[columns[:3]].max().max()
    for done, hours in (("first_response_at", TARGETS["response"]), ("resolved_at", TARGETS["resolution"])):
        due = frame["opened_at"] + pd.to_timedelta(frame["urgency"].map(hours), unit="h")
        kept = (frame[done] <= due).where(frame[done].notna() | (due <= now))
        took = (frame[done].fillna(now) - frame["opened_at"]).dt.total_seconds() // 60 / 60
        event = frame[done].notna().astype(int)
        half = SurvfuncRight(took.clip(lower=0), event).quantile(0.5)
        for column in BY:
            kept.astype(float).groupby(frame[column]).mean()
            for _, part in took.groupby(frame[column]):
                SurvfuncRight(part.clip(lower=0), event[part.index]).quantile(0.5)
    seconds = time.perf_counter() - start
    print(
        f"pandas   {seconds:6.2f} s for service levels alone, peak memory {_peak_mb():,.0f} MB; solved in time "
        f"{100 * kept.astype(float).mean():.2f} %, half after {half:.2f} h"
    )
    print(f"seconds={seconds}")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Write the tickets, run both sides in processes of their own, print the ratio."""
    print(f"Complaints, {ROWS:,} tickets in Parquet ({platform.machine()})")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "complaints.parquet"
        write(path)
        seconds = []
        for side in ("ours", "peer"):
            load = "from pathlib import Path; from benchmarks import bench_complaints as bench"
            call = f"{load}; bench.{side}(Path({str(path)!r}))"
            lines = subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, text=True)
            *told, last = lines.stdout.splitlines()
            print("\n".join(told))
            seconds.append(float(last.removeprefix("seconds=")))
    print(f"ratio    {seconds[1] / seconds[0]:,.1f}x, all figures against service levels alone")
