"""What the calls changed: those called against those held out by lot, counted as assigned."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from csatlib.stats.intervals import check_confidence, holm, wilson
from csatlib.tables.period import parse

CALL, HOLD_OUT = "call", "hold_out"
MIN_EVENTS = 100
POINTS = 100.0


@dataclass(frozen=True)
class Retention:
    """Leaving by arm, and whether calls helped more at some scores than at others.

    Attributes
    ----------
    arms, difference, uplift, qini : DataFrame
        See :func:`retention_effect`; the last two are empty under `min_events`.
    """

    arms: pd.DataFrame
    difference: pd.DataFrame
    uplift: pd.DataFrame
    qini: pd.DataFrame


def retention_effect(
    data: pd.DataFrame,
    customers: pd.DataFrame,
    *,
    assigned_on: str | pd.Timestamp,
    observed_until: str | pd.Timestamp,
    days: int = 30,
    customer: str = "customer_id",
    left: str = "left_on",
    min_events: int = MIN_EVENTS,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Retention:
    """Measure how many more stayed among those assigned to a call.

    Parameters
    ----------
    data : DataFrame
        The assignment written by :func:`csatlib.churn.target_list.target_list`: ``customer``, ``arm`` (call,
        hold_out), ``decile``.
    customers : DataFrame
        One row per customer with the first day no longer a customer (missing: still one).
    assigned_on, observed_until : str or Timestamp
        Day of the lot; last day on which a leaver would have been recorded.
    days : int
        Days after the lot within which leaving counts: the horizon the list was drawn for.
    customer, left : str
        Columns of `customers`.
    min_events : int
        Leavers in the hold-out from which on deciles and the Qini coefficient are shown.
    replicates, seed : int
        Bootstrap of the Qini coefficient.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    Retention
        ``arms``: ``group`` (call, hold_out), ``n``, ``n_missing`` (not found in `customers`), ``n_gone`` (left
        before the lot; taken out of both arms), ``n_events``, ``estimate`` (percent who left), ``ci_low``,
        ``ci_high``.
        ``difference``: one row: ``n``, ``n_reference``, ``n_events``, ``estimate`` (percentage points fewer who
        left when assigned to a call), ``ci_low``, ``ci_high``, ``p_value``, ``minimum_detectable`` (points, 8
        times in 10). ``uplift``: the same by ``decile`` of the chance of leaving (1 the highest), with
        ``p_adjusted`` (Holm). ``qini``: one row: ``n``, ``n_reference``, ``estimate`` (area between the curve of
        customers saved, in percent of the list, and the line of calling at random; 0: the score does not find
        those whom a call keeps), ``ci_low``, ``ci_high``.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; an arm of another name or empty; days not yet over.

    Notes
    -----
    Intention to treat: whoever was assigned to a call counts as called, reached or not, or the lot would be lost.
    Newcombe's interval of the difference; p value of the pooled normal test. The lot was drawn within deciles,
    which makes the interval a little too wide, never too narrow. Qini: parametric bootstrap within the arms.

    References
    ----------
    Newcombe, R. G. (1998), Statistics in Medicine 17, 873-890; Radcliffe, N. J. (2007), Direct Marketing Analytics
    Journal, 14-21.

    Examples
    --------
    >>> lot = pd.DataFrame({"customer": range(200), "arm": ["call", "hold_out"] * 100, "decile": 1})
    >>> gone = [pd.Timestamp("2026-11-10") if i % 10 in (1, 2, 3) else None for i in range(200)]
    >>> people = pd.DataFrame({"customer_id": range(200), "left_on": gone})
    >>> found = retention_effect(lot, people, assigned_on="2026-11-01", observed_until="2026-12-01")
    >>> found.arms["estimate"].tolist(), found.difference["estimate"].round(1).tolist()
    ([20.0, 40.0], [20.0])
    """
    check_confidence(confidence)
    _check(data, customers, assigned_on, observed_until, days, customer, left)
    start = pd.Timestamp(assigned_on).normalize()
    gone_on = pd.to_datetime(data["customer"].map(customers.set_index(customer)[left])).dt.normalize()
    found = data["customer"].isin(customers[customer])
    before = found & (gone_on <= start)
    rows = data.assign(left=gone_on <= start + pd.Timedelta(days=days))[found & ~before]
    counts = rows.groupby("arm")["left"].agg(n="size", n_events="sum").reindex([CALL, HOLD_OUT]).fillna(0)
    if (counts["n"] == 0).any():
        raise ValueError(f"arm {', '.join(counts.index[counts['n'] == 0])} has no customer; both are needed")
    low, high = wilson(counts["n_events"], counts["n"], confidence=confidence)
    arms = counts.astype(int).rename_axis("group").reset_index()
    for column, out in (("n_missing", ~found), ("n_gone", before)):
        arms[column] = [int((out & (data["arm"] == arm)).sum()) for arm in (CALL, HOLD_OUT)]
    arms = arms.assign(
        estimate=(POINTS * counts["n_events"] / counts["n"]).to_numpy(), ci_low=POINTS * low, ci_high=POINTS * high
    )
    difference = pd.DataFrame([_difference(rows, confidence)])
    uplift, qini = pd.DataFrame(), pd.DataFrame()
    if counts.loc[HOLD_OUT, "n_events"] >= min_events:
        parts = rows.groupby("decile")
        uplift = pd.DataFrame([{"decile": decile} | _difference(part, confidence) for decile, part in parts])
        uplift["p_adjusted"] = holm(uplift["p_value"])
        qini = _qini(rows, replicates, confidence, seed)
    return Retention(arms, difference, uplift, qini)


def earlier(
    name: str,
    *,
    folder: str | Path,
    customers: pd.DataFrame,
    until: str | pd.Timestamp,
    months: int,
) -> tuple[Retention | None, pd.Timestamp | None]:
    """Judge an earlier call list by the assignment that was kept of it.

    Parameters
    ----------
    name : str
        Name of the list: the period at whose end its lot was drawn, for example ``"2026-07"``. "" for none.
    folder : str or Path
        The restricted folder with ``assignment_NAME.csv``, of :func:`csatlib.churn.target_list.target_list`.
    customers : DataFrame
        As for :func:`retention_effect`.
    until : date
        Departures are on record before this moment.
    months : int
        The horizon the list was drawn for.

    Returns
    -------
    tuple of (Retention or None, Timestamp or None)
        What came of it, None without a list or before its horizon is over; the day from which it can be judged.

    Raises
    ------
    FileNotFoundError, ValueError
        No such list in the folder; a name that is no period.

    Examples
    --------
    >>> earlier("", folder="restricted", customers=pd.DataFrame(), until="2026-11-01", months=3)
    (None, None)
    """
    if not name:
        return None, None
    start = pd.Timestamp(parse(name).end)
    over = start + pd.DateOffset(months=months)
    file = Path(folder) / f"assignment_{name}.csv"
    if not folder or not file.is_file():
        raise FileNotFoundError(
            f"judged_list={name!r}: no {file.name} in restricted={str(folder)!r}; name a list that was drawn "
            'there, or "" for none'
        )
    if over > pd.Timestamp(until):
        return None, over
    lot = pd.read_csv(file, dtype={"customer": str})
    people = customers.astype({"customer_id": str})
    dates = {"assigned_on": start, "observed_until": over, "days": (over - start).days}
    return retention_effect(lot, people, **dates), over


def _check(
    data: pd.DataFrame,
    customers: pd.DataFrame,
    assigned_on: str | pd.Timestamp,
    observed_until: str | pd.Timestamp,
    days: int,
    customer: str,
    left: str,
) -> None:
    needed = [c for c in ("customer", "arm", "decile") if c not in data.columns]
    absent = [c for c in (customer, left) if c not in customers.columns]
    if needed or absent:
        raise KeyError(
            f"columns not there: {', '.join([*needed, *absent])}; data needs customer, arm and decile, customers "
            f"needs {customer} and {left}"
        )
    start, last = pd.Timestamp(assigned_on).normalize(), pd.Timestamp(observed_until).normalize()
    end = start + pd.Timedelta(days=days)
    problems = []
    if last < end:
        problems.append(
            f"{days} days after {start:%Y-%m-%d} end on {end:%Y-%m-%d}, records on {last:%Y-%m-%d}; wait till then"
        )
    other = sorted(set(map(str, data["arm"])) - {CALL, HOLD_OUT})
    if other:
        problems.append(f"arm holds {', '.join(other)}; allowed are {CALL} and {HOLD_OUT}")
    for name, keys in (("data", data["customer"]), ("customers", customers[customer])):
        if keys.duplicated().any():
            problems.append(
                f"{name} holds {keys[keys.duplicated()].iloc[0]!r} twice; one row per customer is allowed"
            )
    if problems:
        raise ValueError("; ".join(problems))


def _difference(rows: pd.DataFrame, confidence: float) -> dict[str, float]:
    """Points fewer who left among the called, with Newcombe's interval."""
    called, held = (rows.loc[rows["arm"] == arm, "left"] for arm in (CALL, HOLD_OUT))
    n, m, x, y = len(called), len(held), int(called.sum()), int(held.sum())
    told = {"n": n, "n_reference": m, "n_events": x + y}
    if not n or not m:
        return told | dict.fromkeys(["estimate", "ci_low", "ci_high", "p_value", "minimum_detectable"], np.nan)
    low, high = confint_proportions_2indep(y, m, x, n, method="newcomb", compare="diff", alpha=1 - confidence)
    pooled = (x + y) / (n + m)
    se = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    estimate = y / m - x / n
    least = (stats.norm.ppf((1 + confidence) / 2) + stats.norm.ppf(0.8)) * se
    return told | {
        "estimate": POINTS * estimate,
        "ci_low": POINTS * low,
        "ci_high": POINTS * high,
        "p_value": 2 * stats.norm.sf(abs(estimate) / se) if se > 0 else np.nan,
        "minimum_detectable": POINTS * least,
    }


def _qini(rows: pd.DataFrame, replicates: int, confidence: float, seed: int) -> pd.DataFrame:
    """Area between the curve of customers saved and the line of calling at random, by deciles of the score."""
    held = rows["arm"] == HOLD_OUT
    cells = pd.crosstab(rows["decile"], [held, rows["left"]]).reindex(
        columns=pd.MultiIndex.from_product([[False, True]] * 2), fill_value=0
    )
    counts = cells.to_numpy(dtype=float)  # columns: called stayed, called left, held stayed, held left
    rng = np.random.default_rng(seed)
    arms = [
        rng.multinomial(int(part.sum()), part.ravel() / part.sum(), size=replicates).reshape(replicates, -1, 2)
        for part in (counts[:, :2], counts[:, 2:])
    ]
    drawn = _area(np.concatenate(arms, axis=2))
    estimate = float(_area(counts[None])[0])
    half = stats.norm.ppf((1 + confidence) / 2) * np.nanstd(drawn, ddof=1)
    row = {"n": int((~held).sum()), "n_reference": int(held.sum()), "estimate": estimate}
    return pd.DataFrame([row | {"ci_low": estimate - half, "ci_high": estimate + half}])


def _area(counts: np.ndarray) -> np.ndarray:
    """Qini coefficient in percent of the list, for a stack of tables of deciles x (arm, left)."""
    reached = np.cumsum(counts, axis=1)
    called, held = reached[..., :2].sum(-1), reached[..., 2:].sum(-1)
    size = counts.sum(axis=(1, 2))[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        saved = (reached[..., 3] / held - reached[..., 1] / called) * (called + held) / size
    curve = np.concatenate([np.zeros((len(counts), 1)), np.nan_to_num(saved)], axis=1)
    share = np.concatenate([np.zeros((len(counts), 1)), (called + held) / size], axis=1)
    under = ((curve[:, 1:] + curve[:, :-1]) / 2 * np.diff(share, axis=1)).sum(axis=1)
    return POINTS * (under - curve[:, -1] / 2)
