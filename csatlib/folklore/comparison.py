"""What is quoted, and the three verdicts on it: the company's figure agrees, lies outside, or cannot tell."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.intervals import check_confidence, holm
from csatlib.stats.rows import require_columns

AGREES, OUTSIDE, UNKNOWN, ABSENT = "agrees", "outside", "unknown", "absent"
STEPS = 60  # of the search for the size needed
RULES = [  # rule, quoted from, to, tolerance
    ("retention", 25.0, 95.0, 0.0),
    ("repair", 6.0, 6.0, 2.0),
    ("employees", 5.2, 5.2, 2.6),
    ("promises", 78.0, 78.0, 10.0),
    ("last_mile", 65.0, 65.0, 10.0),
    ("steps", 99.0, 99.0, 0.5),
    ("independence", 0.0, 0.0, 2.0),
]
FIGURES = ("estimate", "ci_low", "ci_high", "n")


def rules(tolerance: Mapping[str, float] | None = None) -> pd.DataFrame:
    """List the rules of thumb with what is quoted and how far off still counts as agreeing.

    Parameters
    ----------
    tolerance : mapping of str to float, optional
        Rule to tolerance in the rule's unit, where another one than the default is wanted.

    Returns
    -------
    DataFrame
        One row per rule: ``rule``, ``quoted_low`` and ``quoted_high`` (equal where one figure is quoted),
        ``tolerance``, ``low`` and ``high`` (quoted less and plus the tolerance). Units: "retention" percent more
        profit with five points more retention; "repair" percent more loyal customers; "employees" percent more
        customer satisfaction with ten percent more of employees'; "promises", "last_mile" percent of complaints;
        "steps" percent of one step that succeed; "independence" percentage points between the steps' product and
        what is seen.

    Raises
    ------
    ValueError
        A rule that is not in the list; a tolerance that is no number of 0 or more.

    Notes
    -----
    Sources, as far as they could be traced. "retention": Reichheld and Sasser (1990) report 25 to 85 percent by
    line of business, as the present value of a customer over a lifetime and for five points, not percent; 25 to 95
    is how later texts quote it. "employees": Rucci, Kirn and Quinn (1998) found 1.3 units with 5 at one retailer,
    so 2.6 with 10; the 5.2 could not be traced, and its tolerance takes the 2.6 in. "repair": the idea is that of
    Hart, Heskett and Sasser (1990); de Matos, Henrique and Rossi (2007) find it over many studies for
    satisfaction, not for the intention to buy again; the 6 could not be traced. "promises", "last_mile": could
    not be traced. "steps", "independence": arithmetic (Lusser's law); 99 is an example.

    References
    ----------
    Reichheld, F. F. and Sasser, W. E. (1990), Harvard Business Review 68(5), 105-111; Rucci, A. J., Kirn, S. P.
    and Quinn, R. T. (1998), Harvard Business Review 76(1), 82-97; Hart, C. W. L., Heskett, J. L. and Sasser, W.
    E. (1990), Harvard Business Review 68(4), 148-156; de Matos, C. A., Henrique, J. L. and Rossi, C. A. V.
    (2007), Journal of Service Research 10(1), 60-77.

    Examples
    --------
    >>> rules({"promises": 5}).set_index("rule").loc["promises", ["low", "high"]].tolist()
    [73.0, 83.0]
    """
    table = pd.DataFrame(RULES, columns=["rule", "quoted_low", "quoted_high", "tolerance"])
    own = dict(tolerance or {})
    wrong = [
        f"{name!r} is no rule; there are {', '.join(table['rule'])}" for name in set(own) - set(table["rule"])
    ]
    wrong += [
        f"tolerance of {name!r} is {at!r}; it is 0 or more" for name, at in own.items() if not 0 <= at < np.inf
    ]
    if wrong:
        raise ValueError("; ".join(wrong))
    table["tolerance"] = table["rule"].map(own).fillna(table["tolerance"]).astype(float)
    low, high = table["quoted_low"] - table["tolerance"], table["quoted_high"] + table["tolerance"]
    return table.assign(low=low, high=high)


def verdicts(
    figures: pd.DataFrame | Mapping[str, Mapping[str, Any] | None],
    *,
    quoted: pd.DataFrame | None = None,
    confidence: float = 0.95,
    power: float = 0.8,
) -> pd.DataFrame:
    """Compare each figure of the company with what is quoted: agrees, lies outside, or cannot tell.

    Parameters
    ----------
    figures : DataFrame, or mapping of rule to row
        One row per rule that could be measured: ``rule``, ``estimate``, ``ci_low``, ``ci_high`` (infinite: no
        limit on that side) and ``n``, in the unit of the rule. Optional: ``n_groups`` (independent customers,
        units or groups of them behind the interval), ``df`` (degrees of freedom of the interval; default
        n_groups - 1, else unlimited), ``se`` (default from the width of the interval), ``few_groups``,
        ``n_eff``, ``counted`` (what `needed` counts). In a mapping, None is a rule whose records are there but
        do not suffice.
    quoted : DataFrame, optional
        From :func:`rules`, or rows of one's own with ``rule``, ``low`` and ``high``; default: all rules.
    confidence : float
        Coverage of the intervals given; also the level of the verdicts, all rules together.
    power : float
        Chance with which the size needed would tell.

    Returns
    -------
    DataFrame
        One row per rule of `quoted`: its columns, those of `figures`, and ``verdict`` ("agrees", "outside",
        "unknown": cannot tell, "absent": not measured), ``p_value`` (of the verdict towards which the figure
        points), ``p_adjusted`` (Holm over the rules measured), ``compared`` (how many those are), ``needed``
        (how large n, or n_groups where `counted` is "n_groups", must be), ``near_end`` (the data are that large,
        but the figure lies near an end of the range).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; a rule that is not quoted or given twice; limits that do not hold the estimate;
        low above high.

    Notes
    -----
    What counts as agreeing is the range from low to high, declared beforehand. The figure "agrees" if the
    interval lies inside the range, it lies "outside" if the interval has nothing in common with it; else the
    data "cannot tell". That is the equivalence test of Schuirmann (1987) with the inferiority and superiority
    tests beside it; as the true figure is either in the range or not, only one of the two claims can be wrong
    (Goeman, Solari and Stijnen 2010). p = 2 P(T > q d / h), d the distance to the nearest end of the range, h
    the half-width of the interval on that side and q its quantile, so that without adjustment p < 1 - confidence
    exactly where the interval says so. Holm's steps keep the chance of any wrong verdict, of either kind, at 1 -
    confidence (Shaffer 1980, for independent figures).

    Size needed: with spread as in these data, the size at which a true figure in the middle of the range would
    be found to agree with the chance `power`, at the level of Holm's first step; a true figure as far beyond the
    range as the range is wide would then be found outside more often. It does not depend on the estimate. Where
    the data are that large and still cannot tell (`near_end`), it is the size at which a true figure equal to the
    estimate would be told. A range without width cannot be agreed with at any size: NaN.

    References
    ----------
    Schuirmann, D. J. (1987), Journal of Pharmacokinetics and Biopharmaceutics 15, 657-680; Goeman, J. J., Solari,
    A. and Stijnen, T. (2010), Three-sided hypothesis testing, Statistics in Medicine 29, 2117-2125; Shaffer, J. P.
    (1980), Annals of Statistics 8, 1342-1347.

    Examples
    --------
    >>> own = pd.DataFrame({"rule": ["promises", "last_mile"], "estimate": [30.0, 66.0], "n": 400})
    >>> own = own.assign(ci_low=own["estimate"] - 4.0, ci_high=own["estimate"] + 4.0)
    >>> found = verdicts(own).set_index("rule")
    >>> found.loc[["promises", "last_mile", "steps"], "verdict"].tolist()
    ['outside', 'agrees', 'absent']
    """
    check_confidence(confidence)
    if not 0 < power < 1:
        raise ValueError(f"power={power}; it must lie between 0 and 1, for example 0.8")
    quoted = rules() if quoted is None else quoted
    if not isinstance(figures, pd.DataFrame):
        figures = _laid_out(figures)
    _check(figures, quoted)
    table = quoted.merge(figures.astype({"rule": "str"}), on="rule", how="left").reset_index(drop=True)
    value, low, high, from_, to = (
        table[name].to_numpy(dtype=float) for name in ("estimate", "low", "high", "ci_low", "ci_high")
    )
    df = _degrees(table)
    q = stats.t.ppf((1 + confidence) / 2, df)
    ends = [_distance(value - end, value - from_, to - value) for end in (low, high)]
    p_value = np.minimum(2 * stats.t.sf(q * np.fmin(*ends), df), 1)
    p_value = np.where(np.isnan(value) | np.isnan(from_) | np.isnan(to), np.nan, p_value)
    compared = int((~np.isnan(p_value)).sum())
    adjusted = holm(p_value)
    told, inside = adjusted <= 1 - confidence, (value >= low) & (value <= high)
    verdict = np.select([told & inside, told], [AGREES, OUTSIDE], UNKNOWN)
    verdict = np.where(table["rule"].isin(figures["rule"]), verdict, ABSENT)
    se = (to - from_) / (2 * q)
    se = np.where(table["se"].notna(), table["se"].astype(float), se) if "se" in table else se
    level, size = 1 - (1 - confidence) / (2 * max(compared, 1)), _size(table)
    needed = _needed(size, se, df, (high - low) / 2, level, (1 + power) / 2)
    near = (verdict == UNKNOWN) & (needed <= size)
    there = _needed(size, se, df, np.fmin(np.abs(value - low), np.abs(value - high)), level, power)
    few = table["few_groups"].eq(True) if "few_groups" in table else False
    judged = table.assign(few_groups=few, verdict=verdict, p_value=p_value, p_adjusted=adjusted)
    return judged.assign(compared=compared, near_end=near, needed=np.where(near, there, needed))


def _laid_out(figures: Mapping[str, Mapping[str, Any] | None]) -> pd.DataFrame:
    rows = [{"rule": name} | ({"n": 0} if row is None else dict(row)) for name, row in figures.items()]
    columns = dict.fromkeys(["rule", *FIGURES, *(name for row in rows for name in row)])
    return pd.DataFrame(rows, columns=list(columns))


def _check(figures: pd.DataFrame, quoted: pd.DataFrame) -> None:
    require_columns(figures.columns, ["rule", *FIGURES])
    require_columns(quoted.columns, ["rule", "low", "high"])
    wrong = [f"rule {name!r} is not quoted" for name in sorted(set(figures["rule"]) - set(quoted["rule"]))]
    twice = pd.concat([figures["rule"][figures["rule"].duplicated()], quoted["rule"][quoted["rule"].duplicated()]])
    wrong += [f"rule {name!r} is given twice" for name in sorted(set(twice))]
    wrong += [f"rule {name!r}: low is above high" for name in quoted["rule"][quoted["low"] > quoted["high"]]]
    off = (figures["estimate"] < figures["ci_low"]) | (figures["estimate"] > figures["ci_high"])
    wrong += [f"rule {name!r}: the estimate lies outside ci_low to ci_high" for name in figures["rule"][off]]
    if wrong:
        raise ValueError("; ".join(wrong))


def _degrees(table: pd.DataFrame) -> np.ndarray:
    df = np.full(len(table), np.inf)
    if "n_groups" in table:
        df = (table["n_groups"].astype(float) - 1).fillna(np.inf).to_numpy()
    if "df" in table:
        df = np.where(table["df"].notna(), table["df"].astype(float), df)
    return np.maximum(df, 1)


def _distance(off: np.ndarray, below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Distance from the estimate to an end of the range, in half-widths of the interval on that side."""
    half = np.where(off > 0, below, above)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(off == 0, 0.0, np.abs(off) / half)


def _size(table: pd.DataFrame) -> np.ndarray:
    size = table["n"].to_numpy(dtype=float)
    if {"n_groups", "counted"} <= set(table.columns):
        size = np.where(table["counted"] == "n_groups", table["n_groups"].astype(float), size)
    return size


def _needed(
    size: np.ndarray, se: np.ndarray, df: np.ndarray, distance: np.ndarray, level: float, power: float
) -> np.ndarray:
    """Size at which the distance is as many standard errors as the quantiles of level and power ask for."""
    lost = np.where(np.isfinite(df), size - df, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = size * (se / np.where(distance > 0, distance, np.nan)) ** 2
    found = np.maximum(scale, 1)
    for _ in range(STEPS):
        at = np.where(np.isfinite(df), np.maximum(found - lost, 1), np.inf)
        before, found = found, scale * (stats.t.ppf(level, at) + stats.t.ppf(power, at)) ** 2
        if np.allclose(found, before, rtol=1e-9, equal_nan=True):
            break
    return np.where(np.isfinite(found), np.ceil(np.maximum(found, 1)), np.nan)
