"""All scores of 10,000,000 responses in Parquet by month and region with limits, beside a bare DuckDB GROUP BY."""

import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import ibis

from csatlib.scores import ces, csat, nps, together
from csatlib.tables.period import label_of

ROWS, CUSTOMERS, TIMES = 10_000_000, 3_000_000, 5
DESIGN = {"by": "region", "within": "period", "cluster": "customer_id", "key": "response_id"}
CALLS = (nps, lambda data, **given: csat(data, high=7, **given), ces)
WANTED = {
    "NPS": {"score": "nps"},
    "Satisfied": {"score": "top_box", "outcome": "overall", "high": 7},
    "Satisfaction": {"score": "mean", "outcome": "overall", "low": 1, "high": 7},
    "Easy": {"score": "top_box", "outcome": "ces", "high": 7, "top": 5},
    "Ease": {"score": "mean", "outcome": "ces", "low": 1, "high": 7, "top": 5},
}
OUTCOMES = {"nps": (9, 6), "overall": (6, 2), "ces": (5, 3)}
MADE = f"""
    SELECT i AS response_id, customer_id, ('0x' || md5(customer_id)[1:2])::UTINYINT AS replicate,
        TIMESTAMP '2025-05-01' + to_seconds((i * 4.7)::BIGINT) AS responded_at,
        ['North', 'South', 'East', 'West', 'Mid', 'Coast', 'Hills', 'Sea'][1 + (hash(i * 7) % 8)::INT] AS region,
        CASE WHEN hash(i * 3) % 20 > 0 THEN (hash(i * 5) % 11)::TINYINT END AS nps,
        (1 + hash(i * 11) % 7)::TINYINT AS overall, (1 + hash(i * 13) % 7)::TINYINT AS ces
    FROM (SELECT i, 'C' || lpad((hash(i) % {CUSTOMERS})::VARCHAR, 7, '0') AS customer_id FROM range({ROWS}) t(i))
"""


def bare(connection: duckdb.DuckDBPyConnection, path: Path, outcomes: list[str]) -> None:
    """Count, average, promoters and detractors (or their like) by month and region; no limits."""
    figures = ", ".join(
        f"count({o}), avg({o}), sum(({o} >= {OUTCOMES[o][0]})::INT), sum(({o} <= {OUTCOMES[o][1]})::INT)"
        for o in outcomes
    )
    month = "strftime(responded_at, '%Y-%m')"
    connection.sql(f"SELECT {month}, region, {figures} FROM '{path}' GROUP BY ALL").fetchall()


def main() -> None:
    """Write the answers, run all sides in turn, print the best time of each and the ratio."""
    print(f"Scores, {ROWS:,} responses in Parquet, 18 months x 8 regions, with limits ({platform.machine()})")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "responses.parquet"
        plain = duckdb.connect()
        plain.execute(f"COPY ({MADE}) TO '{path}' (FORMAT parquet)")
        rows = ibis.duckdb.connect().read_parquet(path)
        stored = rows.mutate(period=label_of(rows.responded_at, "month"))
        hashed = stored.drop("replicate")
        sides: dict[str, Callable[[], object]] = {
            "csatlib together, replicate groups of the snapshot": lambda: together(stored, WANTED, **DESIGN),
            "csatlib together, replicate groups hashed": lambda: together(hashed, WANTED, **DESIGN),
            "csatlib, a call per question": lambda: [f(stored, **DESIGN) for f in CALLS],
            "DuckDB, one GROUP BY for all scores, no limits": lambda: bare(plain, path, list(OUTCOMES)),
            "DuckDB, a GROUP BY per question, no limits": lambda: [bare(plain, path, [one]) for one in OUTCOMES],
        }
        seconds = {name: float("inf") for name in sides}
        for _ in range(TIMES):
            for name, call in sides.items():
                start = time.perf_counter()
                call()
                seconds[name] = min(seconds[name], time.perf_counter() - start)
    for name, best in seconds.items():
        print(f"{best:6.2f} s  {name}")
    ours, hashing, calls, one, each = seconds.values()
    print(f"ratio    {ours / one:.1f}x one GROUP BY, {hashing / one:.1f}x where groups are hashed")
    print(f"         {calls / each:.1f}x a GROUP BY per question, by a call per question")
