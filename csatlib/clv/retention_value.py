"""Customers under contract: who came up to each renewal, what they pay a month, what they will still pay."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy.special import hyp2f1

from csatlib.clv.shifted_beta_geometric import ShiftedBetaGeometric
from csatlib.stats.rows import require_columns

SERIES = 1e-12


@dataclass(frozen=True)
class MonthlySpend:
    """What each customer pays a month: expected, its standard deviation, and that of single months.

    `last` is the share of a month's payment that customers pay in the month in which they leave: near 1 where
    bills come in advance, near 0 where they come afterwards.
    """

    expected: np.ndarray
    uncertain: np.ndarray
    months_sd: float
    last: float = 0.0


def renewals(
    customers: pd.DataFrame,
    *,
    observed_from: str | date,
    observed_until: str | date,
    joined: str = "joined_on",
    left: str = "left_on",
) -> pd.DataFrame:
    """Count, month of age by month of age, the customers watched through it and those of them who left.

    Parameters
    ----------
    customers : DataFrame
        One row per customer, those who left within the time observed included.
    observed_from, observed_until : date
        First and last day of the records. Whoever left before is not known, so a customer counts only from the
        first month of age that lies within, and only up to the last one that ended.
    joined, left : str
        Columns: first day as a customer; first day no longer one, missing for who is still there.

    Returns
    -------
    DataFrame
        One row per renewal: ``period`` (1: the end of the first month), ``n_at_risk``, ``n_events`` (left up to
        it), ``n_entered`` (customers watched from this month of age on).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; nobody watched through a whole month.

    Notes
    -----
    Late entry: given S(k - 1), the chance to stay at renewal k does not depend on when watching began, so that the
    product over renewals is the likelihood of what was seen (Kalbfleisch and Prentice 2002, sec. 1.3).

    Examples
    --------
    >>> days = {"joined_on": ["2025-12-10", "2026-01-01", "2026-02-10"], "left_on": ["2026-03-01", None, None]}
    >>> people = pd.DataFrame(days).apply(pd.to_datetime)
    >>> found = renewals(people, observed_from="2026-01-01", observed_until="2026-03-31")
    >>> found[["period", "n_at_risk", "n_events"]].values.tolist()
    [[1, 2, 0], [2, 2, 0], [3, 2, 1]]
    """
    require_columns(customers.columns, [joined, left])
    people = customers.dropna(subset=[joined])
    start, day = pd.Timestamp(observed_from), pd.Timedelta(days=1)
    end = pd.Timestamp(observed_until) + day
    begun = people[joined]
    whole = completed_months(begun, end)
    gone = completed_months(begun, people[left].where(people[left] < end, end) - day) + 1
    event = (people[left] < end).to_numpy() & (gone <= whole)
    entry = np.where(begun < start, completed_months(begun, start - day) + 2, 1)
    last = np.where(event, gone, np.where((people[left] < end).to_numpy(), gone - 1, whole))
    watched = last >= entry
    if not watched.any():
        raise ValueError(f"no customer was watched through a whole month from {start.date()} on")
    size = int(last[watched].max()) + 2
    entered = np.bincount(entry[watched], minlength=size)
    ended = np.bincount(last[watched] + 1, minlength=size)
    events = np.bincount(last[watched & event], minlength=size)
    table = pd.DataFrame(
        {
            "period": np.arange(size),
            "n_at_risk": np.cumsum(entered - ended),
            "n_events": events,
            "n_entered": entered,
        }
    )
    return table[table["n_at_risk"] > 0].reset_index(drop=True)


def completed_months(begun: pd.Series, at) -> np.ndarray:
    """Whole months from each first day to a day: that day's date counts as completed."""
    at = pd.Series(at, index=begun.index)
    months = 12 * (at.dt.year - begun.dt.year) + at.dt.month - begun.dt.month - (at.dt.day < begun.dt.day)
    return months.to_numpy(dtype=int)


def monthly_spend(
    months: pd.DataFrame, people: pd.DataFrame, *, until: date, last: int, customer: str, joined: str
) -> MonthlySpend:
    """Expect each customer's payments of a month from the last whole months, drawn towards the mean of all."""
    newest = month_number(pd.Series([pd.Timestamp(until) + pd.Timedelta(days=1)])).iloc[0] - 1
    oldest = max(newest - last + 1, months["month"].min() if len(months) else newest)
    first = month_number(people[joined]) + (people[joined].dt.day > 1)
    there = (newest - np.maximum(first, oldest) + 1).clip(lower=0).to_numpy(dtype=float)
    paid = months.merge(people[[customer]].assign(first=first.to_numpy()), on=customer)
    paid = paid[(paid["month"] >= np.maximum(paid["first"], oldest)) & (paid["month"] <= newest)]
    sums = paid.assign(square=paid["paid"] ** 2).groupby(customer)[["paid", "square"]].sum()
    total, square = sums.reindex(people[customer], fill_value=0.0).to_numpy().T
    if not there.any():
        raise ValueError("no customer was there for a whole month: there is nothing to expect payments from")
    known = there > 0
    mean = np.divide(total, there, out=np.zeros_like(total), where=known)
    within = (square - there * mean**2)[known].sum() / max((there[known] - 1).sum(), 1)
    grand = mean[known].mean()
    between = max(mean[known].var(ddof=min(1, known.sum() - 1)) - within * (1 / there[known]).mean(), 0.0)
    own = there * between / np.maximum(there * between + within, SERIES)
    own = np.where(known & (within < SERIES), 1.0, own)
    return MonthlySpend(
        own * mean + (1 - own) * grand, np.sqrt(between * (1 - own)), float(np.sqrt(max(within, 0.0)))
    )


def month_number(days: pd.Series) -> pd.Series:
    """Months since year 0, for differences."""
    return 12 * days.dt.year + days.dt.month - 1


def last_month(
    months: pd.DataFrame, customers: pd.DataFrame, *, until: date, customer: str, joined: str, left: str
) -> float:
    """Measure what share of their usual payment customers pay in the month in which they leave."""
    if not len(months):
        return 0.0
    gone = customers[(customers[left] <= pd.Timestamp(until)) & (customers[left].dt.day > 1)]
    first = month_number(gone[joined]) + (gone[joined].dt.day > 1)
    span = pd.DataFrame({customer: gone[customer], "left": month_number(gone[left])})
    span["first"] = np.maximum(first, months["month"].min())
    span = span[span["left"] > span["first"]]
    rows = months.merge(span, on=customer)
    rows = rows[rows["month"].between(rows["first"], rows["left"])]
    usual = (
        rows[rows["month"] < rows["left"]].groupby(customer)["paid"].sum().reindex(span[customer], fill_value=0)
    )
    usual = (usual.to_numpy() / (span["left"] - span["first"]).to_numpy()).sum()
    return (
        float(np.clip(rows.loc[rows["month"] == rows["left"], "paid"].sum() / usual, 0, 1)) if usual > 0 else 0.0
    )


def monthly(transactions: pd.DataFrame, *, customer: str, time: str, amount: str) -> pd.DataFrame:
    """Sum payments by customer and month, in whole minor units: customer, ``month`` (number), ``paid`` (money)."""
    rows = transactions.dropna(subset=[customer, time, amount])
    minor = (rows[amount] * 100).round().astype("int64")
    sums = minor.groupby([rows[customer], month_number(rows[time]).rename("month")]).sum()
    return sums.div(100).rename("paid").reset_index()


def expected_payments(
    model: ShiftedBetaGeometric,
    age: np.ndarray,
    *,
    discount: float,
    horizon: float,
    last: float = 0.0,
    power: float | np.ndarray = 1.0,
    values: np.ndarray | None = None,
) -> np.ndarray:
    """Discounted number of monthly payments of customers of each age, the first one due at the next renewal.

    `last` is the share of a payment made in the month of leaving; `power` raises the chance to stay, S^power;
    `values` are (2, draws, 1) parameters instead of the fitted ones.
    """
    alpha, beta = model.params_.to_numpy() if values is None else values
    ages, back = np.unique(age, return_inverse=True)
    before, v = beta + ages, 1 / (1 + discount)
    if np.isinf(horizon) and np.all(np.equal(power, 1.0)):
        found = before / (alpha + before) * hyp2f1(1, before + 1, alpha + before + 1, v)
        return ((1 - last) * found + last * (1 + v * found))[..., back]
    steps = int(horizon) if np.isfinite(horizon) else int(np.ceil(np.log(1e-6) / np.log(v)))
    paid = v ** np.arange(steps)  # in full by who is still there after the month, in part by who was there before
    found, there, both = last, 1.0, alpha + before
    for step, weight in enumerate((1 - last) * paid + last * np.append(paid[1:], 0.0)):
        there = there * ((before + step) / (both + step)) ** power
        found = found + weight * there
    return np.asarray(found)[..., back]


def drawn_payments(
    model: ShiftedBetaGeometric,
    age: np.ndarray,
    spend: MonthlySpend,
    *,
    discount: float,
    horizon: float,
    parameters: pd.DataFrame,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw what each customer will still pay: parameters, day of leaving and spend, shape (draws, customers)."""
    alpha, beta = parameters.to_numpy().T[:, :, None]
    stop = rng.beta(np.broadcast_to(alpha, (len(parameters), len(age))), beta + age)
    stays = rng.geometric(np.maximum(stop, SERIES)) - 1.0
    paid, part = np.minimum(stays, horizon), spend.last * (stays < horizon)
    v = 1 / (1 + discount)
    then = v**paid
    worth = paid if discount == 0 else (1 - then) / (1 - v)
    square = paid if discount == 0 else (1 - then**2) / (1 - v**2)
    worth, square = worth + part * then, square + part * then**2
    first, second = rng.standard_normal((2, *worth.shape))
    monthly = spend.expected + spend.uncertain * first
    return worth * monthly + np.sqrt(square) * spend.months_sd * second
