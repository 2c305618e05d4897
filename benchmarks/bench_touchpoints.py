"""Evidence, impact and paths of 1,000,000 contacts with all intervals, beside loops for the plain figures."""

import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from csatlib import journeys, touchpoints

ROWS, CASES, CUSTOMERS, ANSWERS = 1_000_000, 700_000, 150_000, 200_000
DAYS, SETTLE, LOOPED = 90, 14, 20_000
PLACES = ["App", "Billing", "Chat", "Field service", "Hotline", "Installation", "Outage", "Shop", "Store", "Web"]
CHANNELS = ["app", "chat", "email", "phone", "shop"]


def write(folder: Path) -> None:
    """Write contacts of two years, answers to a survey and customers; experience carries over to the answer."""
    rng = np.random.default_rng(0)
    start, days = pd.Timestamp("2024-11-01"), 730
    owner, begun = rng.integers(0, CUSTOMERS, CASES), rng.random(CASES) * (days - 20)
    case = np.concatenate([np.arange(CASES), rng.integers(0, CASES, ROWS - CASES)])
    mood = rng.normal(size=CUSTOMERS)
    rating = np.clip(np.rint(5 + mood[owner[case]] + rng.normal(size=ROWS)), 1, 7)
    contacts = pd.DataFrame({"contact_id": np.arange(ROWS), "case_id": case, "customer_id": owner[case]})
    contacts["occurred_at"] = start + pd.to_timedelta(begun[case] + rng.random(ROWS) * 20, unit="D")
    contacts["touchpoint"] = np.array(PLACES, dtype=object)[rng.integers(0, len(PLACES), ROWS)]
    contacts["channel"] = np.array(CHANNELS, dtype=object)[rng.integers(0, len(CHANNELS), ROWS)]
    contacts["resolved"] = (rng.random(ROWS) < 0.7).astype(float)
    contacts["rating"] = np.where(rng.random(ROWS) < 0.4, rating, np.nan)
    contacts["wait_seconds"] = np.rint(rng.exponential(200, ROWS))
    contacts.astype({"case_id": "str", "customer_id": "str"}).to_parquet(folder / "contacts.parquet")
    who = rng.integers(0, CUSTOMERS, ANSWERS)
    answers = pd.DataFrame({"customer_id": who.astype(str), "overall": mood[who] + rng.normal(size=ANSWERS)})
    answers["responded_at"] = start + pd.to_timedelta(DAYS + rng.random(ANSWERS) * (days - DAYS), unit="D")
    answers.to_parquet(folder / "answers.parquet")
    people = pd.DataFrame(
        {"customer_id": np.arange(CUSTOMERS).astype(str), "joined_on": pd.Timestamp("2020-01-01")}
    )
    left = start + pd.to_timedelta(rng.random(CUSTOMERS) * days, unit="D")
    people.assign(left_on=left.where(rng.random(CUSTOMERS) < 0.2)).to_parquet(folder / "people.parquet")


def ours(folder: Path) -> None:
    """Time each part, with intervals from 1,000 replicates."""
    contacts, answers, people = (
        pd.read_parquet(folder / f"{n}.parquet") for n in ("contacts", "answers", "people")
    )
    calls = {
        "evidence": lambda: touchpoints.evidence(contacts, customers=CUSTOMERS),
        "impact": lambda: touchpoints.impact(contacts, responses=answers, customers=people, adjust=()),
        "paths": lambda: journeys.paths(contacts),
    }
    seconds = {}
    for name, call in calls.items():
        began = time.perf_counter()
        call()
        seconds[name] = time.perf_counter() - began
    told = ", ".join(f"{name} {spent:.1f} s" for name, spent in seconds.items())
    print(f"csatlib  {sum(seconds.values()):6.1f} s  ({told}), peak memory {_peak_mb():,.0f} MB")
    print(f"seconds={sum(seconds.values())}")


def peer(folder: Path) -> None:
    """Time the plain figures without any interval: group and loop; long loops stop early and are extrapolated."""
    contacts, answers = (pd.read_parquet(folder / f"{n}.parquet") for n in ("contacts", "answers"))
    began = time.perf_counter()
    ordered = contacts.sort_values(["case_id", "occurred_at"])
    ordered.groupby("touchpoint").agg({"rating": "mean", "wait_seconds": "median", "contact_id": "count"})
    spent = time.perf_counter() - began
    chosen = ordered[ordered["case_id"].isin(ordered["case_id"].drop_duplicates().head(LOOPED))]
    began = time.perf_counter()
    for _, rows in chosen.groupby("case_id"):
        _case(rows)
    spent += (time.perf_counter() - began) * ordered["case_id"].nunique() / LOOPED
    began = time.perf_counter()
    held = dict(
        list(
            contacts[contacts["customer_id"].isin(answers["customer_id"].head(LOOPED // 4))].groupby("customer_id")
        )
    )
    for row in answers.head(LOOPED // 4).itertuples():
        _experience(held.get(row.customer_id), row.responded_at)
    spent += (time.perf_counter() - began) * len(answers) / (LOOPED // 4)
    print(f"pandas   {spent:6.1f} s  extrapolated from {LOOPED:,} cases and {LOOPED // 4:,} answers, no intervals")
    print(f"seconds={spent}")


def _case(rows: pd.DataFrame) -> tuple[str, bool, bool]:
    """Path of a case, whether its first contact settled it, whether another channel followed in time."""
    times, channels = rows["occurred_at"].to_numpy(), rows["channel"].to_numpy()
    soon = len(rows) > 1 and times[1] - times[0] < np.timedelta64(SETTLE, "D")
    settled = rows["resolved"].iloc[0] == 1 and not soon
    return " → ".join(rows["touchpoint"].head(4)), settled, soon and channels[1] != channels[0]


def _experience(rows: pd.DataFrame | None, asked: pd.Timestamp) -> pd.Series | None:
    """Mean rating by touchpoint of the days before an answer."""
    if rows is None:
        return None
    gap = asked - rows["occurred_at"]
    near = rows[(gap >= pd.Timedelta(0)) & (gap < pd.Timedelta(days=DAYS))]
    return near.groupby("touchpoint")["rating"].mean() if len(near) else None


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Write the contacts, run both sides in processes of their own, print the ratio."""
    print(f"Touchpoints and journeys, {ROWS:,} contacts ({platform.machine()})")
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        seconds = []
        for side in ("ours", "peer"):
            load = "from pathlib import Path; from benchmarks import bench_touchpoints as bench"
            call = f"{load}; bench.{side}(Path({folder!r}))"
            lines = subprocess.run([sys.executable, "-c", call], check=True, capture_output=True, text=True)
            *told, last = lines.stdout.splitlines()
            print("\n".join(told))
            seconds.append(float(last.removeprefix("seconds=")))
    print(f"ratio    {seconds[1] / seconds[0]:,.0f}x")
