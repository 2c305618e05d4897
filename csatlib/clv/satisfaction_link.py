"""From satisfaction to money: who stayed and what they paid, by the score given before, like held against like."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from csatlib.clv.retention_value import completed_months, month_number, monthly
from csatlib.stats.intervals import FEW_GROUPS, from_replicates
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import REPLICATE_GROUPS, replicate_groups, require_columns

LEVELS = ("low", "middle", "high")
TENURE = (12, 36, 72)
RIDGE, STEPS = 1e-2, 12
OUTCOMES = ("retention", "spend")
FLOATS = ["estimate", "se", "ci_low", "ci_high", "p_value"]
COLUMNS = ["measure", "part", "group", "n", "n_groups", "few_groups", *FLOATS]


def scored_windows(
    responses: pd.DataFrame,
    transactions: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    observed_until: str | date,
    cuts: tuple[float, float],
    months: int = 6,
    windows: int = 2,
    look_back: int = 6,
    outcome: str = "overall",
    adjust: Sequence[str] = ("plan",),
    customer: str = "customer_id",
    answered: str = "responded_at",
    time: str = "occurred_at",
    amount: str = "amount",
    joined: str = "joined_on",
    left: str = "left_on",
) -> pd.DataFrame:
    """Set the last score before a window of months beside what the customer did in it.

    Parameters
    ----------
    responses, transactions, customers : DataFrame
        Answers, payments, customers.
    observed_until : date
        Last day of the last window; windows follow each other without overlap.
    cuts : (float, float)
        A score up to the first is low, from the second on high, between them middle.
    months, windows, look_back : int
        Months of a window, how many windows, and months before it in which the last score counts.
    outcome : str
        Score, a column of the answers.
    adjust : sequence of str
        Columns of `customers` to hold equal, next to tenure; those missing are passed over.
    customer, answered, time, amount, joined, left : str
        Columns.

    Returns
    -------
    DataFrame
        One row per customer and window, of customers there at its start who had answered: the key, ``window``
        (1, 2, ...), ``level`` ("low", "middle", "high"), ``retention`` (1: still there at its end, else 0),
        ``spend`` (payments a month while there, net of refunds), ``tenure`` (band of years), the columns of
        `adjust`.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; cuts that do not rise.

    Notes
    -----
    The score comes before the window, so that leaving cannot have moved it. Whoever left within the window without
    a whole month in it has no ``spend``.

    Examples
    --------
    >>> day = pd.Timestamp("2026-01-01")
    >>> people = pd.DataFrame({"customer_id": ["a", "b"], "joined_on": day, "left_on": [pd.NaT, day]})
    >>> said = pd.DataFrame({"customer_id": ["a"], "responded_at": day, "overall": 7.0})
    >>> paid = pd.DataFrame({"customer_id": ["a"] * 2, "occurred_at": day, "amount": [9.0, 3.0]})
    >>> paid["occurred_at"] += pd.to_timedelta([31, 59], unit="D")
    >>> rules = {"months": 2, "windows": 1, "cuts": (3, 6), "observed_until": "2026-03-31"}
    >>> scored_windows(said, paid, people, **rules)[["level", "retention", "spend"]].values.tolist()
    [['high', 1.0, 6.0]]
    """
    require_columns(responses.columns, [customer, answered, outcome])
    require_columns(customers.columns, [customer, joined, left])
    if not cuts[0] < cuts[1]:
        raise ValueError(f"cuts={cuts}; the second must be above the first, for example (4, 6) of 7")
    end = pd.Timestamp(observed_until) + pd.Timedelta(days=1)
    kept = [column for column in adjust if column in customers.columns]
    said = responses.dropna(subset=[customer, outcome]).sort_values(answered, kind="stable")
    paid = monthly(transactions, customer=customer, time=time, amount=amount)
    parts = []
    for window in range(1, windows + 1):
        stop = end - pd.DateOffset(months=months * (windows - window))
        start = stop - pd.DateOffset(months=months)
        since = start - pd.DateOffset(months=look_back)
        last = said[(said[answered] >= since) & (said[answered] < start)].groupby(customer)[outcome].last()
        here = customers[(customers[joined] < start) & ~(customers[left] <= start)]
        here = here[here[customer].isin(last.index)].reset_index(drop=True)
        score = here[customer].map(last).to_numpy(dtype=float)
        part = here[[customer, *kept]].assign(
            window=window,
            level=np.select([score <= cuts[0], score >= cuts[1]], ["low", "high"], "middle"),
            retention=(~(here[left] < stop)).astype(float),
            spend=_spend(here, paid, (start, stop), customer, left),
            tenure=np.digitize(completed_months(here[joined], start), TENURE).astype(str),
        )
        parts.append(part)
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _spend(here: pd.DataFrame, paid: pd.DataFrame, span, customer: str, left: str) -> np.ndarray:
    """Payments a month over the whole months of the span that the customer was there."""
    first, stop = month_number(pd.Series(span)).to_numpy()
    gone = month_number(here[left].where(here[left] < span[1], span[1])).to_numpy(dtype=int)
    there = np.minimum(gone, stop) - first
    rows = paid.merge(here[[customer]].assign(until=first + there), on=customer)
    rows = rows[(rows["month"] >= first) & (rows["month"] < rows["until"])]
    total = here[customer].map(rows.groupby(customer)["paid"].sum()).fillna(0.0).to_numpy(dtype=float)
    return np.divide(total, there, out=np.full(len(here), np.nan), where=there > 0)


def satisfaction_link(
    data: pd.DataFrame,
    *,
    adjust: Sequence[str] = ("tenure", "plan"),
    level: str = "level",
    customer: str = "customer_id",
    window: str = "window",
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare retention and spend between levels of satisfaction, with what else is known held equal.

    Parameters
    ----------
    data : DataFrame
        From :func:`scored_windows`.
    adjust : sequence of str
        Columns of groups to hold equal, next to the window; those missing are passed over.
    level, customer, window : str
        Columns: "low", "middle" or "high"; the key, whose windows stay in one replicate group; the window.
    confidence : float
        Coverage aimed at.
    replicates, seed : int
        Joint replicates of groups of customers.

    Returns
    -------
    DataFrame
        ``measure`` ("retention": percent who stayed through the window; "spend": money a month), ``part``
        ("crude", "adjusted", or "difference" of adjusted figures), ``group`` ("low", "middle", "high"; of
        differences "middle - low", "high - middle", "high - low", and "low as middle": everybody against everybody
        with the low ones standing where the middle ones stand), ``n`` (rows of the level, of a difference both, of
        "low as middle" the low ones), ``n_groups``, ``few_groups``, ``estimate``, ``se``, ``ci_low``, ``ci_high``,
        ``p_value`` (differences).

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    Regression standardisation (g-computation): logistic regression of staying (least squares of spend) on level,
    window and the columns of `adjust`, then the mean prediction over all rows with everybody set to one level.
    Cells of equal values are summed up by replicate group first, so that a replicate is a small weighted fit. A
    ridge of 0.01 on the coefficients keeps fits finite where nobody left. Read as association: what else sets
    apart the satisfied (price paid elsewhere, habit) is not held equal.

    References
    ----------
    Robins, J. (1986), Mathematical Modelling 7, 1393-1512; Snowden, J. M., Rose, S. and Mortimer, K. M. (2011),
    American Journal of Epidemiology 173, 731-738.

    Examples
    --------
    >>> rows = {"level": ["low", "middle", "high"] * 80, "retention": [0.0, 1, 1, 1, 1, 1] * 40, "spend": 20.0}
    >>> found = satisfaction_link(pd.DataFrame(rows).assign(customer_id=range(240), window=1), replicates=50)
    >>> found.query("measure == 'retention' and part == 'crude'")["estimate"].tolist()
    [50.0, 100.0, 100.0]
    """
    require_columns(data.columns, [level, customer, window, *OUTCOMES])
    held = [c for c in dict.fromkeys([window, *adjust]) if c in data.columns]
    tables = [
        _linked(data.dropna(subset=[measure, level]), measure, level, customer, held, confidence, replicates, seed)
        for measure in OUTCOMES
    ]
    return pd.concat(tables, ignore_index=True)


def _linked(data, measure, level, customer, held, confidence, replicates, seed) -> pd.DataFrame:
    """Crude and adjusted figures of one outcome by level, and their differences."""
    cells = data.groupby([level, *held], observed=True, dropna=False)
    cell, keys = cells.ngroup().to_numpy(), cells.size().rename("size").reset_index()
    at = cell * REPLICATE_GROUPS + replicate_groups(data[customer]).astype(int)
    size, total = (
        np.bincount(at, weights, minlength=len(keys) * REPLICATE_GROUPS).reshape(len(keys), REPLICATE_GROUPS)
        for weights in (None, data[measure].to_numpy(dtype=float))
    )
    present = size.sum(axis=0) > 0
    drawn = multiplicities(present, replicates=replicates, seed=seed) if len(keys) else np.zeros((1, 256))
    both = np.vstack([np.ones(REPLICATE_GROUPS), drawn])
    figures = _standardised(both @ size.T, both @ total.T, keys, level, held, measure)
    n = keys.groupby(level)["size"].sum().reindex(LEVELS, fill_value=0)
    rows = []
    for (part, group), values in figures.items():
        names = group.split(" - ") if " - " in group else ["low", "middle"] if " as " in group else [group]
        groups = int((size[keys[level].isin(names)].sum(axis=0) > 0).sum()) if len(keys) else 0
        limits = from_replicates(values[0], values[1:], n_groups=groups, confidence=confidence)
        rows.append(
            {
                "measure": measure,
                "part": part,
                "group": group,
                "n": int(n[names[:1] if " as " in group else names].sum()),
                "n_groups": groups,
                "few_groups": groups < FEW_GROUPS,
                "estimate": float(values[0]),
                "se": float(limits.se),
                "ci_low": float(limits.ci_low),
                "ci_high": float(limits.ci_high),
                "p_value": float(limits.p_value) if part == "difference" else np.nan,
            }
        )
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(FLOATS, float) | {"n": int, "n_groups": int, "few_groups": bool})


def _standardised(size, total, keys, level, held, measure) -> dict[tuple[str, str], np.ndarray]:
    """Figures of all rows (first) and of each replicate."""
    scale = 100.0 if measure == "retention" else 1.0
    own = {name: (keys[level] == name).to_numpy() for name in LEVELS}
    there = [name for name in LEVELS if own[name].any()]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            ("crude", name): scale * total[:, own[name]].sum(axis=1) / size[:, own[name]].sum(axis=1)
            for name in there
        }
    design = _design(keys, keys[level], held, there)
    slopes = (_logistic if measure == "retention" else _least_squares)(size, total, design)
    link = _chance if measure == "retention" else np.asarray
    mean = size.sum(axis=1)
    everybody = {
        name: scale
        * (size * link(slopes @ _design(keys, pd.Series(name, keys.index), held, there).T)).sum(axis=1)
        / mean
        for name in there
    }
    found |= {("adjusted", name): values for name, values in everybody.items()}
    for first, second in (("middle", "low"), ("high", "middle"), ("high", "low")):
        if first in there and second in there:
            found["difference", f"{first} - {second}"] = everybody[first] - everybody[second]
    if {"low", "middle"} <= set(there):
        lifted = _design(keys, keys[level].replace("low", "middle"), held, there)
        change = link(slopes @ lifted.T) - link(slopes @ design.T)
        found["difference", "low as middle"] = scale * (size * change).sum(axis=1) / mean
    return found


def _design(keys: pd.DataFrame, levels: pd.Series, held: Sequence[str], there: Sequence[str]) -> np.ndarray:
    columns = [np.ones(len(keys)), *((levels == name).to_numpy(dtype=float) for name in there[1:])]
    for column in held:
        values = keys[column].astype(str)
        columns += [(values == value).to_numpy(dtype=float) for value in sorted(values.unique())[1:]]
    return np.column_stack(columns)


def _chance(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logit, -30, 30)))


def _logistic(size: np.ndarray, total: np.ndarray, design: np.ndarray) -> np.ndarray:
    """Newton's method for all replicates at once."""
    ridge = RIDGE * np.eye(design.shape[1])
    ridge[0, 0] = 1e-9
    slopes = np.zeros((len(size), design.shape[1]))
    for _ in range(STEPS):
        chance = _chance(slopes @ design.T)
        slope = (total - size * chance) @ design - slopes @ ridge
        curve = np.einsum("rc,ci,cj->rij", size * chance * (1 - chance), design, design, optimize=True) + ridge
        slopes = slopes + np.clip(np.linalg.solve(curve, slope[..., None])[..., 0], -2, 2)
    return slopes


def _least_squares(size: np.ndarray, total: np.ndarray, design: np.ndarray) -> np.ndarray:
    ridge = 1e-9 * np.eye(design.shape[1])
    curve = np.einsum("rc,ci,cj->rij", size, design, design, optimize=True) + ridge
    return np.linalg.solve(curve, (total @ design)[..., None])[..., 0]
