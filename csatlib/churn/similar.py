"""Parts of the customers that left more often than all, and in which of them a customer is."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from csatlib.churn.explanation import shared
from csatlib.churn.features import KEYS
from csatlib.churn.measures import ratio
from csatlib.churn.snapshots import feature_names
from csatlib.stats.intervals import check_confidence, max_t, wilson
from csatlib.stats.replicates import REPLICATES
from csatlib.stats.rows import require_columns

MISSING = "missing"
FEWEST = 30


def conditions(
    rows: pd.DataFrame,
    *,
    features: Sequence[str] | None = None,
    customer: str = "customer_id",
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Find parts of the customers that left more often than all: thirds of a number, values of a text, missing.

    Parameters
    ----------
    rows : DataFrame
        Training snapshots with ``left``.
    features : sequence of str, optional
        Default: all of :func:`csatlib.churn.feature_names`.
    customer, confidence, seed, replicates
        As for :func:`csatlib.churn.importance`.

    Returns
    -------
    DataFrame
        Parts of 30 rows or more: ``feature``, ``part`` (low, middle, high, missing, or a text's value), ``low``,
        ``high`` (the part holds low < value <= high; NaN where it has no numbers), ``n``, ``n_eff``, ``n_events``,
        ``n_groups``, ``few_groups``, ``estimate`` (share who left), ``ci_low``, ``ci_high``, ``value`` (share of
        all), ``more`` (the interval of the difference, simultaneous over all parts, lies above 0).

    Raises
    ------
    KeyError
        Columns that are not there.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(600)], "days": np.arange(600) % 20})
    >>> rows["left"] = (rows["days"] < 4).astype(float)
    >>> conditions(rows, replicates=200)[["part", "estimate", "more"]].round(2).values.tolist()
    [['low', 0.57, True], ['middle', 0.0, False], ['high', 0.0, False]]
    """
    check_confidence(confidence)
    features = list(features or feature_names(rows))
    require_columns(rows.columns, [customer, "left", *features])
    left, group, drawn, base = shared(rows, customer, replicates, seed)
    overall = ratio(left, np.ones(len(rows)), group, drawn)
    parts = [part for name in features for part in _cut(rows[name])]
    parts = [part for part in parts if part["inside"].sum() >= FEWEST]
    figures = [ratio(part["inside"] * left, part["inside"], group, drawn) for part in parts]
    share, resampled = np.array([f.estimate for f in figures]), np.column_stack([f.replicates for f in figures])
    gap = max_t(
        share - overall.estimate,
        resampled - overall.replicates[:, None],
        n_groups=base["n_groups"],
        confidence=confidence,
    )
    table = pd.DataFrame([{k: v for k, v in part.items() if k != "inside"} for part in parts])
    n = np.array([part["inside"].sum() for part in parts], dtype=float)
    variance = np.nanvar(resampled, axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        n_eff = np.where(variance > 0, np.minimum(share * (1 - share) / variance, n), n)
    low, high = wilson(share * n_eff, n_eff, confidence=confidence)
    events = [float(part["inside"] @ left) for part in parts]
    table = table.assign(**base | {"n": n.astype(int)}, n_eff=n_eff, estimate=share).assign(n_events=events)
    return table.assign(ci_low=low, ci_high=high, value=overall.estimate, more=gap.ci_low > 0)


def alike(rows: pd.DataFrame, *, conditions: pd.DataFrame, most: int = 3) -> pd.DataFrame:
    """Tell for each customer in which parts that left more often he is: what similar customers did, not why.

    Parameters
    ----------
    rows : DataFrame
        Customers to be described, with the features of the conditions.
    conditions : DataFrame
        From :func:`conditions`; only parts with ``more`` are used.
    most : int
        Parts per customer at most, one per feature, those with the largest lower limit first.

    Returns
    -------
    DataFrame
        ``customer_id``, ``snapshot``, ``feature``, ``part``, ``low``, ``high``, ``n``, ``estimate``, ``ci_low``,
        ``ci_high``, ``value`` as in the conditions; a customer in no such part has no row.

    Raises
    ------
    KeyError
        Columns that are not there.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(600)], "days": np.arange(600) % 20})
    >>> rows["snapshot"], rows["left"] = pd.Timestamp("2026-01-01"), (rows["days"] < 4).astype(float)
    >>> found = alike(rows.head(20), conditions=conditions(rows, replicates=200))
    >>> found[["customer_id", "part", "estimate"]].round(2).values.tolist()[0], len(found)
    (['c0', 'low', 0.57], 7)
    """
    chosen = conditions[conditions["more"]].sort_values("ci_low", ascending=False, kind="stable")
    require_columns(rows.columns, [*KEYS, *chosen["feature"].unique()])
    told = ["feature", "part", "low", "high", "n", "estimate", "ci_low", "ci_high", "value"]
    found = []
    for row in chosen.to_dict("records"):
        inside = _inside(rows[row["feature"]], row["part"], row["low"], row["high"])
        found.append(rows.loc[inside, list(KEYS)].assign(**{name: row[name] for name in told}))
    if not found:
        return pd.DataFrame(columns=[*KEYS, *told])
    every = pd.concat(found, ignore_index=True).drop_duplicates([*KEYS, "feature"])
    kept = every[every.groupby(list(KEYS)).cumcount() < most]
    return kept.sort_values(list(KEYS), kind="stable").reset_index(drop=True)


def _cut(column: pd.Series) -> list[dict]:
    """Parts of a feature's rows, each with its indicator."""
    if pd.api.types.is_numeric_dtype(column):
        edges = np.unique([-np.inf, *column.quantile([1 / 3, 2 / 3], interpolation="lower"), np.inf])
        edges = np.unique(edges[~np.isnan(edges)])
        names = {1: ["all"], 2: ["low", "high"], 3: ["low", "middle", "high"]}[len(edges) - 1]
        bounds = list(zip(names, edges[:-1], edges[1:], strict=True))
    else:
        bounds = [(value, np.nan, np.nan) for value in sorted(column.dropna().unique())]
    bounds.append((MISSING, np.nan, np.nan))
    return [
        {
            **{"feature": column.name, "part": part, "low": low, "high": high},
            "inside": _inside(column, part, low, high).to_numpy(float),
        }
        for part, low, high in bounds
    ]


def _inside(column: pd.Series, part: str, low: float, high: float) -> pd.Series:
    if part == MISSING:
        return column.isna()
    if pd.api.types.is_numeric_dtype(column):
        return (column > low) & (column <= high)
    return column == part
