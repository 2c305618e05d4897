"""Which points signal, how many a quiet series would flag, and what autocorrelation does to the limits."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csatlib.stats.control.series import Series

D2 = 1.128  # mean range of two normal values, as tabulated and as NIST and qcc use it
WIDTH = 3.0
QUIET_SERIES = 4000
LARGEST_RHO = 0.9
ONE_SIDED = 1.645
BEYOND = "beyond limits"


@dataclass(frozen=True)
class Lines:
    """What is drawn, last axis the points: value, center, limits; residual is what the run rule looks at."""

    value: np.ndarray
    center: np.ndarray
    lcl: np.ndarray
    ucl: np.ndarray
    residual: np.ndarray
    r1: np.ndarray
    rho: np.ndarray
    wide: np.ndarray | None = None


def moving_sigma(x: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Estimate the standard deviation from moving ranges inside the baseline, last axis kept with length one."""
    pairs = baseline[1:] & baseline[:-1]
    return np.abs(np.diff(x, axis=-1)[..., pairs]).mean(axis=-1, keepdims=True) / D2


def autocorrelation(deviation: np.ndarray, baseline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lag-1 autocorrelation in the baseline, and the part to act on: 0 unless material.

    Material: above what independent values give in 19 of 20 series, -1/b + 1.645/sqrt(b) (Bartlett 1946). Acted
    on is (b r + 1) / (b - 4), which takes off the bias of short series (Marriott and Pope 1954).
    """
    b = int(baseline.sum())
    pairs = baseline[1:] & baseline[:-1]
    inside = deviation[..., baseline]
    with np.errstate(invalid="ignore", divide="ignore"):
        total = (inside**2).sum(axis=-1, keepdims=True)
        r1 = (deviation[..., 1:] * deviation[..., :-1])[..., pairs].sum(axis=-1, keepdims=True) / total
    material = (r1 > ONE_SIDED / np.sqrt(b) - 1 / b) & (b > 4)
    return r1, np.where(material, np.clip((b * r1 + 1) / max(b - 4, 1), 0, LARGEST_RHO), 0.0)


def innovations(deviation: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Take off each deviation what the one before leads to expect; unchanged where rho is 0."""
    before = np.concatenate([np.zeros_like(deviation[..., :1]), deviation[..., :-1]], axis=-1)
    return deviation - rho * before


def judged(lines: Lines, run: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Tell which points lie beyond the limits, and which end a run of so many on one side."""
    beyond = (lines.value > lines.ucl) | (lines.value < lines.lcl)
    if run is None:
        return beyond, np.zeros_like(beyond)
    side = np.sign(lines.residual)
    streak, runs = np.zeros(side.shape[:-1]), np.zeros(side.shape, dtype=bool)
    for i in range(side.shape[-1]):
        goes_on = (side[..., i] == side[..., i - 1]) if i else False
        streak = np.where(side[..., i] == 0, 0, np.where(goes_on, streak + 1, 1))
        runs[..., i] = streak >= run
    return beyond, runs


def charted(
    series: Series,
    make: Callable[[dict[str, np.ndarray]], Lines],
    quiet: Callable[[np.random.Generator, int], dict[str, np.ndarray]],
    *,
    run: int | None,
    seed: int,
    provisional: bool | None = None,
) -> pd.DataFrame:
    """Make the table of a chart: its lines, its signals, and what the same chart flags in quiet series."""
    if run is not None and run < 2:
        raise ValueError(f"run={run}; give 2 or more points on one side, or None for no such rule")
    lines = make(series.columns)
    beyond, runs = judged(lines, run)
    drawn = quiet(np.random.default_rng(seed), QUIET_SERIES)
    flagged = np.logical_or(*judged(make(series.columns | drawn), run))
    names = np.array(["", BEYOND, f"{run} on one side", f"{BEYOND}, {run} on one side"])
    points = len(series.periods)
    table = pd.DataFrame(
        {
            "period": series.periods,
            "value": lines.value,
            **{name: np.broadcast_to(getattr(lines, name), points) for name in ("center", "lcl", "ucl")},
            "signal": beyond | runs,
            "rule": pd.Series(names[beyond + 2 * runs], dtype="str"),
            "in_baseline": series.baseline,
        }
    )
    table = pd.concat([table, series.skipped]) if len(series.skipped) else table
    table = table.sort_values("period", kind="stable", ignore_index=True)
    filled = {name: table[name].eq(True) for name in ("signal", "in_baseline")} | {
        "rule": table["rule"].fillna("")
    }
    return table.assign(
        **filled,
        n_baseline=int(series.baseline.sum()),
        provisional=series.provisional if provisional is None else provisional,
        autocorrelation=lines.r1.item(),
        adjustment="widened for autocorrelation" if lines.rho.item() > 0 else "none",
        expected_false_signals=flagged.sum(axis=-1).mean(),
        chance_of_false_signal=flagged.any(axis=-1).mean(),
    )
