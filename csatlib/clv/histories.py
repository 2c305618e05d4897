"""Purchase histories as unique rows with counts: many customers share one history."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from csatlib.stats.rows import require_columns

COLUMNS = ("frequency", "recency", "age")
GRIDS = (1, 7, 100)  # whole days or periods, weeks made of days, two decimals
KEYS = 2**62


@dataclass(frozen=True)
class Histories:
    """Unique rows of frequency, recency and age, sorted by frequency, with counts; and the unique frequencies."""

    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    count: np.ndarray
    level: np.ndarray
    level_count: np.ndarray
    which: np.ndarray
    repeat: np.ndarray

    def sample(self, rows: int) -> "Histories":
        """Every k-th customer in the order of their histories, about `rows` of them."""
        if len(self.count) <= 2 * rows:
            return self
        total = np.cumsum(self.count)
        places = np.linspace(0, total[-1], rows, endpoint=False) + total[-1] / (2 * rows)
        chosen, count = np.unique(np.searchsorted(total, places), return_counts=True)
        parts = (part[chosen] for part in (self.frequency, self.recency, self.age))
        return histories(*parts, count.astype(float))


def histories(frequency, recency, age, count) -> Histories:
    """Wrap sorted unique rows with what is needed once per unique frequency."""
    first = np.flatnonzero(np.r_[True, frequency[1:] != frequency[:-1]])
    at = np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(frequency)]))
    level_count = np.add.reduceat(count, first)
    return Histories(frequency, recency, age, count, frequency[first], level_count, at, frequency > 0)


def compress(data: pd.DataFrame, *, inverse: bool = False) -> tuple[Histories, np.ndarray | None]:
    """Check a frame with ``frequency``, ``recency`` and ``age``, and fold equal rows together.

    Parameters
    ----------
    data : DataFrame
        One row per customer, as :func:`csatlib.clv.rfm` makes it.
    inverse : bool
        Also return, for each row of `data`, its unique row.

    Returns
    -------
    tuple of Histories and ndarray or None
        The unique rows with counts, and the inverse.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; values that cannot be.
    """
    require_columns(data.columns, COLUMNS)
    frequency, recency, age = (data[c].to_numpy(dtype=float, na_value=np.nan) for c in COLUMNS)
    _validate(frequency, recency, age)
    grid = next((g for g in GRIDS if _whole(recency * g) and _whole(age * g)), None)
    if grid is None:
        return _folded(np.column_stack([frequency, recency, age]), inverse)
    whole = [np.rint(part).astype(np.int64) for part in (frequency, recency * grid, age * grid)]
    sizes = [int(part.max()) + 1 for part in whole]
    if np.prod([float(size) for size in sizes]) > KEYS:
        return _folded(np.column_stack([frequency, recency, age]), inverse)
    key, back = (whole[0] * sizes[1] + whole[1]) * sizes[2] + whole[2], None
    if inverse:
        unique, back, count = np.unique(key, return_inverse=True, return_counts=True)
    else:
        key.sort()
        first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
        unique, count = key[first], np.diff(np.r_[first, len(key)])
    rest, days = np.divmod(unique, sizes[2])
    x, last = np.divmod(rest, sizes[1])
    return histories(x.astype(float), last / grid, days / grid, count.astype(float)), back


def _folded(rows: np.ndarray, inverse: bool) -> tuple[Histories, np.ndarray | None]:
    unique, back, count = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    return histories(*unique.T.copy(), count.astype(float)), back.ravel() if inverse else None


def _whole(values: np.ndarray) -> bool:
    return bool((np.abs(values - np.rint(values)) < 1e-6).all())


def _validate(frequency: np.ndarray, recency: np.ndarray, age: np.ndarray) -> None:
    if not len(frequency):
        raise ValueError("there are no customers: the frame is empty")
    missing = np.isnan(frequency) | np.isnan(recency) | np.isnan(age)
    rules = {
        "a missing frequency, recency or age": missing,
        "a frequency that is negative or not whole": (frequency < 0) | (frequency % 1 > 0),
        "a recency above the age": recency > age + 1e-9,
        "a negative recency or age": (recency < 0) | (age < 0),
        "a recency without a repeat purchase, or a repeat purchase without recency": (frequency > 0)
        != (recency > 0),
    }
    told = [
        f"{int(bad.sum())} rows with {name}, first at row {bad.argmax()}"
        for name, bad in rules.items()
        if bad.any()
    ]
    if told:
        raise ValueError(
            f"{'; '.join(told)}. frequency counts repeat purchases, recency is the age at the last one, "
            "0 <= recency <= age: rfm() makes such rows"
        )
