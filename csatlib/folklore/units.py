"""Whether employees and customers of the same unit move together, and whether units are enough to tell."""

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.intervals import FEW_GROUPS, check_confidence
from csatlib.stats.rows import require_columns
from csatlib.tables.period import parse

LEVELS, CHANGES = "levels", "changes"
POWER = 0.8
FEWEST = 3  # degrees of freedom
COLUMNS = [
    *("part", "n", "n_groups", "few_groups", "df", "estimate", "se", "ci_low", "ci_high"),
    *("minimum_detectable", "correlation"),
]


def between_units(
    employees: pd.DataFrame,
    answers: pd.DataFrame,
    *,
    outcome: str = "rating",
    unit: str = "unit",
    time: str = "period",
    satisfaction: str = "satisfaction",
    answered: str | None = None,
    kind: str | None = None,
    change: float = 10.0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Percent more satisfied customers that go with so many percent more satisfied employees, by unit.

    Parameters
    ----------
    employees : DataFrame
        One row per unit and period: `unit`, `time`, `satisfaction`.
    answers : DataFrame
        One row per answer of a customer: `unit`, `outcome`, and `time` with the same labels or `answered`.
    outcome, unit, time, satisfaction : str
        Columns.
    answered : str, optional
        Column of `answers` with the moment of each, where that is to tell to which of the employees' months,
        quarters or years it belongs.
    kind : str, optional
        Column of `answers`: units are compared with units of the same kind only, which is the most frequent value
        among their answers.
    change : float
        Percent more of the employees' mean that is looked at.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        Row "levels" (units beside each other) and "changes" (of a unit from one period to the next): ``part``,
        ``n`` (answers of customers used), ``n_groups`` (units), ``few_groups``, ``df``, ``estimate`` (percent of
        the customers' mean), ``se``, ``ci_low``, ``ci_high`` (infinite where the employees' figures do not tell
        the units apart), ``minimum_detectable`` (would be found 8 times in 10), ``correlation`` (of the
        employees' figure in two halves of the periods, or NaN). Fewer than five units, or 3 degrees of freedom:
        NaN.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; employees' periods of different lengths beside `answered`.

    Notes
    -----
    Both figures less the mean of the units of the same kind in the same period, so that seasons and kinds of
    work drop out. "levels": a unit's figure rests on few employees, and noise in it would pull the slope towards
    0. So the employees' mean of every other period serves as an instrument for that of the remaining ones
    (errors of different people in different periods are independent), to which the customers' answers belong.
    Limits of Anderson and Rubin (1949), which for one instrument are Fieller's: exact for normal errors at any
    number of units, with t[units - kinds - 1], and infinite where the two halves do not agree on who is content.
    "changes": least squares of first differences, jackknife over units, t[units - 1]; what noise takes off this
    slope cannot be seen from means alone, so it is a lower bound in size and no figure to judge a rule by.
    Percent: slope x change % of the units' mean / customers' mean; the percent of a mean depends on where the
    scale begins. Units are not drawn at random and differ in more than their mood: an association.

    References
    ----------
    Anderson, T. W. and Rubin, H. (1949), Annals of Mathematical Statistics 20, 46-63; Fuller, W. A. (1987),
    Measurement Error Models, ch. 1.4.

    Examples
    --------
    >>> crew = [{"unit": u, "period": p, "mood": 3 + u / 10} for u in range(10) for p in "abcd"]
    >>> crew = pd.DataFrame(crew)
    >>> said = crew.assign(rating=2 * crew["mood"] + [0.1, -0.1, -0.1, 0.1] * 10)
    >>> found = between_units(crew, said.drop(columns="mood"), satisfaction="mood")
    >>> found[["part", "n_groups", "estimate"]].round(1).values.tolist()
    [['levels', 10, 10.0], ['changes', 10, nan]]
    """
    check_confidence(confidence)
    require_columns(employees.columns, [unit, time, satisfaction])
    require_columns(answers.columns, [unit, answered or time, outcome, *([kind] if kind else [])])
    if answered:
        employees = employees.assign(**{time: employees[time].map(_label)})
        answers = answers.assign(**{time: _periods(answers[answered], employees[time])})
    cells = _cells(employees, answers, outcome, unit, time, satisfaction, kind)
    rows = [_levels(cells, change, confidence), _changes(cells, change, confidence)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _label(text: object) -> str:
    return parse(str(text)).label


def _periods(times: pd.Series, labels: pd.Series) -> pd.Series:
    """Label moments by the months, quarters or years that others are labelled by."""
    kinds = {parse(label).kind for label in labels.unique()}
    if len(kinds) > 1:
        raise ValueError(f"employees' periods are {' and '.join(sorted(kinds))}; they must be of one length")
    found = times.dt.to_period({"month": "M", "quarter": "Q", "year": "Y"}[kinds.pop()] if kinds else "M")
    return found.map({one: _label(one) for one in found.dropna().unique()})


def _cells(
    employees: pd.DataFrame,
    answers: pd.DataFrame,
    outcome: str,
    unit: str,
    time: str,
    satisfaction: str,
    kind: str | None,
) -> pd.DataFrame:
    """Mean of employees (x) and customers (y) by unit and period, with the kind of the unit."""
    known = answers.dropna(subset=[unit, time, outcome])
    y = known.groupby([unit, time])[outcome].agg(y="mean", n="size").reset_index()
    kinds = known.groupby(unit)[kind].agg(_most_frequent) if kind else pd.Series("", index=y[unit].unique())
    x = employees.dropna(subset=[unit, time, satisfaction])[[unit, time, satisfaction]]
    cells = x.merge(y, on=[unit, time]).rename(columns={unit: "unit", time: "time", satisfaction: "x"})
    return cells.assign(kind=cells["unit"].map(kinds)).sort_values(["unit", "time"])


def _most_frequent(values: pd.Series) -> object:
    return values.value_counts().sort_index().idxmax() if values.notna().any() else None


def _less_mean(frame: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    return frame[["x", "y"]] - frame.groupby(by)[["x", "y"]].transform("mean")


def _levels(cells: pd.DataFrame, change: float, confidence: float) -> dict:
    own = cells.assign(even=cells["time"].isin(sorted(cells["time"].unique())[::2]))
    own[["x", "y"]] = _less_mean(own, ["kind", "time"])
    later, first = (own[own["even"] == side].groupby("unit")[["x", "y"]].mean() for side in (True, False))
    both = later.join(first["x"].rename("z"), how="inner")
    kinds = cells.drop_duplicates("unit").set_index("unit")["kind"].reindex(both.index)
    both = both[kinds.groupby(kinds).transform("size") > 1]
    kinds = kinds.reindex(both.index)
    both = both - both.groupby(kinds).transform("mean")
    used = cells[cells["unit"].isin(both.index)]
    df = len(both) - kinds.nunique() - 1
    row = {"part": LEVELS, "n": int(used["n"].sum()), "n_groups": len(both), "few_groups": len(both) < FEW_GROUPS}
    z, x, y = (both[name].to_numpy() for name in "zxy")
    if df < FEWEST or not z @ z > 0 or not x @ x > 0:
        return row | {"df": df}
    found = _anderson_rubin(z, x, y, df, confidence)
    factor = change * used["x"].mean() / used["y"].mean()
    sign = np.sign(factor)
    low, high = sorted((factor * found[1], factor * found[2])) if sign else (np.nan, np.nan)
    se = abs(factor) * found[3]
    row |= {"df": df, "estimate": factor * found[0], "se": se, "ci_low": low, "ci_high": high}
    row |= {"minimum_detectable": _detectable(se, df, confidence)}
    return row | {"correlation": float(z @ x / np.sqrt((z @ z) * (x @ x)))}


def _anderson_rubin(
    z: np.ndarray, x: np.ndarray, y: np.ndarray, df: int, confidence: float
) -> tuple[float, float, float, float]:
    """Slope of y on x with instrument z, limits, standard error; at a limit b, t of y - b x on z meets t[df]."""
    spread = z @ z
    p, q = z @ x / spread, z @ y / spread
    xx, yy, xy = (a @ b / df for a, b in ((x - p * z, x - p * z), (y - q * z, y - q * z), (x - p * z, y - q * z)))
    slope, c = q / p, stats.t.ppf((1 + confidence) / 2, df) ** 2
    se = np.sqrt(max(yy - 2 * slope * xy + slope**2 * xx, 0) / spread) / abs(p)
    two, one, none = p * p * spread - c * xx, p * q * spread - c * xy, q * q * spread - c * yy
    if two <= 0:
        return slope, -np.inf, np.inf, se
    half = np.sqrt(max(one * one - two * none, 0)) / two
    return slope, one / two - half, one / two + half, se


def _changes(cells: pd.DataFrame, change: float, confidence: float) -> dict:
    steps = cells.assign(x=cells.groupby("unit")["x"].diff(), y=cells.groupby("unit")["y"].diff()).dropna(
        subset=["x", "y"]
    )
    steps = steps[steps.groupby(["kind", "time"])["unit"].transform("size") > 1]
    groups = steps["unit"].nunique()
    used = cells[cells["unit"].isin(steps["unit"])]
    row = {"part": CHANGES, "n": int(used["n"].sum()), "n_groups": groups}
    row |= {"few_groups": groups < FEW_GROUPS, "df": groups - 1}
    moved = _less_mean(steps, ["kind", "time"])
    xy, xx = ((moved["x"] * moved[name]).groupby(steps["unit"]).sum().to_numpy() for name in "yx")
    if groups - 1 < FEWEST or not xx.sum() > 1e-20:
        return row
    slope, left_out = xy.sum() / xx.sum(), (xy.sum() - xy) / np.where(xx < xx.sum(), xx.sum() - xx, np.nan)
    se = np.sqrt((groups - 1) / groups * ((left_out - slope) ** 2).sum())
    factor = change * used["x"].mean() / used["y"].mean()
    half = stats.t.ppf((1 + confidence) / 2, groups - 1) * se * abs(factor)
    row |= {"estimate": slope * factor, "se": se * abs(factor)}
    row |= {"ci_low": slope * factor - half, "ci_high": slope * factor + half}
    return row | {"minimum_detectable": _detectable(se * abs(factor), groups - 1, confidence)}


def _detectable(se: float, df: int, confidence: float) -> float:
    return float((stats.t.ppf((1 + confidence) / 2, df) + stats.t.ppf(POWER, df)) * se)
