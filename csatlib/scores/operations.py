"""Operations beside satisfaction: what a customer met, then what that customer answered."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.scores.levels import csat
from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, benjamini_hochberg, check_confidence
from csatlib.stats.rows import require_columns

WITHIN = 30
POWER = 0.80
CLOSE, ROUNDS = 1e-11, 10_000  # effects are taken off until nothing moves by more than this share
FLAT = 1e-9  # what rounding leaves of a measure that does not vary
MET = "met "


def beside(
    data: pd.DataFrame,
    responses: pd.DataFrame,
    *,
    measures: Mapping[str, float],
    outcome: str,
    unit: str | None = None,
    by: str | None = None,
    customer: str = "customer_id",
    time: str = "occurred_at",
    answered: str = "responded_at",
    within: float = WITHIN,
    weight: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compare answers after longer waits, unresolved contacts or broken promises with other answers.

    Parameters
    ----------
    data : DataFrame
        One row per contact or promise, with what the customer met.
    responses : DataFrame
        One row per answer. An answer belongs to the last row of `data` of the same customer in the `within` days
        before it, and to no other; answers without one are left out.
    measures : mapping of column to number
        Columns of `data` and the change each association is stated for: ``{"wait_seconds": 600}`` for ten
        minutes, ``{"kept": 1}`` for kept against broken (true = 1).
    outcome : str
        Numeric column of `responses`.
    unit : str, optional
        Column of `data`: only answers about the same unit are compared.
    by : str, optional
        Column of `data`, such as the touchpoint; each value is looked at alone.
    customer, time, answered : str
        Customer, in both tables; time in `data` (of a promise: when it was due), time of the answer.
    within : float
        Days.
    weight : str, optional
        Sampling weights, in `responses`.
    confidence : float
        Coverage aimed at.

    Returns
    -------
    DataFrame
        One row per group and measure: ``group`` ("all" without `by`), ``measure``, ``change`` (as given), ``n``
        (pairs of what was met and an answer), ``n_reference`` (pairs on the rarer side of a yes/no measure, NaN
        for others), ``n_missing`` (pairs without measure, outcome or unit), ``n_groups`` (customers), ``n_units``,
        ``few_groups`` (under 30 customers, or pairs on the rarer side), ``estimate`` (difference of the outcome,
        on its scale, that goes with the change), ``ci_low``, ``ci_high``, ``se``, ``df``, ``p_value``,
        ``p_adjusted`` (Benjamini-Hochberg over all rows) and ``minimum_detectable`` (difference that would have
        been detected 8 times in 10).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there, are no numbers or no times; bad weights, changes or days.

    Notes
    -----
    Least squares of the outcome on the measure after effects of unit and month of answer, which are absorbed: what
    sets units or months apart does not count. Standard error: customers left out in turn (jackknife) with the
    effects held, times sqrt(n / (n - effects)). Limits: t with df = 1 / sum h^2 - 1, h the share of a customer in
    the measure's spread, so that a few very long waits widen them; under 4 there are none. An association:
    customers who wait longer may differ in more than the wait.

    References
    ----------
    MacKinnon, J. G., Nielsen, M. O. and Webb, M. D. (2023), Journal of Econometrics 232, 272-299 (jackknife);
    Carter, A. V., Schnepel, K. T. and Steigerwald, D. G. (2017), Review of Economics and Statistics 99, 698-709.

    Examples
    --------
    >>> day = pd.Timestamp("2026-10-01")
    >>> calls = pd.DataFrame({"customer_id": list("abcdef"), "occurred_at": day, "wait": [0, 60, 120, 60, 0, 120]})
    >>> answers = pd.DataFrame({"customer_id": list("abcdef"), "responded_at": day, "overall": [7, 6, 5, 6, 7, 5]})
    >>> found = beside(calls, answers, measures={"wait": 60}, outcome="overall")
    >>> found[["n", "n_groups", "estimate"]].values.tolist()
    [[6.0, 6.0, -1.0]]
    """
    check_confidence(confidence)
    wrong = [f"measures[{c!r}]={size!r}; a change is not 0" for c, size in measures.items() if not size]
    if wrong or not measures:
        raise ValueError(
            "; ".join(wrong) or 'measures is empty; give at least one, for example {"wait_seconds": 600}'
        )
    marks = [column for column in (unit, by) if column]
    at = {"customer": customer, "time": time, "answered": answered}
    pairs = _paired(data, responses, list(measures), marks, outcome, at, within, weight)
    parts = pairs.groupby(MET + by, sort=True) if by else [("all", pairs)]
    rows = [
        {"group": str(label), "measure": measure, "change": float(size)}
        | _association(part, measure, float(size), unit, confidence)
        for label, part in parts
        for measure, size in measures.items()
    ]
    table = pd.DataFrame(rows)
    return table.assign(p_adjusted=benjamini_hochberg(table["p_value"].to_numpy()))


def bands(
    data: pd.DataFrame,
    responses: pd.DataFrame,
    *,
    measure: str,
    edges: Sequence[float],
    outcome: str,
    low: float,
    high: float,
    customer: str = "customer_id",
    time: str = "occurred_at",
    answered: str = "responded_at",
    within: float = WITHIN,
    weight: str | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Average the answers by bands of a measure, such as waits under 2, 2 to 5, and over 5 minutes.

    Parameters
    ----------
    data, responses, outcome, customer, time, answered, within, weight, confidence
        As in :func:`beside`.
    measure : str
        Numeric column of `data`.
    edges : sequence of float
        Ends of the bands, rising; the lower end belongs to a band, the upper to the next, the last to the last.
    low, high : float
        Ends of the outcome's scale.

    Returns
    -------
    DataFrame
        What :func:`csatlib.scores.csat` returns for a mean, clustered by customer, one row per band in their
        order, with ``band_low`` and ``band_high``; ``group`` counts them from 0. Descriptive: units and months
        are not held apart.

    Raises
    ------
    KeyError, ValueError
        As :func:`beside` and :func:`csatlib.scores.csat`; edges that do not rise.

    Examples
    --------
    >>> day = pd.Timestamp("2026-10-01")
    >>> calls = pd.DataFrame({"customer_id": list("abcd"), "occurred_at": day, "wait": [0, 60, 300, 400]})
    >>> answers = pd.DataFrame({"customer_id": list("abcd"), "responded_at": day, "overall": [7, 6, 4, 3]})
    >>> found = bands(calls, answers, measure="wait", edges=[0, 120, 600], outcome="overall", low=1, high=7)
    >>> found[["band_low", "band_high", "n", "estimate"]].values.tolist()
    [[0.0, 120.0, 2.0, 6.5], [120.0, 600.0, 2.0, 3.5]]
    """
    edges = np.asarray(edges, dtype=float)
    if len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise ValueError(f"edges={edges.tolist()}; at least two numbers are needed, each above the one before")
    at = {"customer": customer, "time": time, "answered": answered}
    pairs = _paired(data, responses, [measure], [], outcome, at, within, weight)
    value = pairs[MET + measure]
    band = pd.Series(np.searchsorted(edges, value, side="right") - 1.0, index=pairs.index)
    band = band.mask(value == edges[-1], len(edges) - 2).where(value.between(edges[0], edges[-1]))
    pairs = pairs.assign(band=band).rename(columns={"y": outcome})
    if pairs["band"].isna().all():
        raise ValueError(f"no answer follows a {measure!r} from {edges[0]:g} to {edges[-1]:g}")
    given = {"weight": "w" if weight else None, "cluster": "customer", "confidence": confidence}
    found = csat(pairs, outcome=outcome, low=low, high=high, by="band", **given)
    found = found[found["measure"] == "mean"].drop(columns="stratum")
    found = found.assign(band=found["group"].astype(float).astype(int)).sort_values("band")
    return found.assign(
        band_low=edges[found["band"]], band_high=edges[found["band"] + 1], group=found.pop("band").astype(str)
    ).reset_index(drop=True)


def _paired(
    data: pd.DataFrame,
    responses: pd.DataFrame,
    measures: Sequence[str],
    marks: Sequence[str],
    outcome: str,
    at: Mapping[str, str],
    within: float,
    weight: str | None,
) -> pd.DataFrame:
    """Give each answer the last row of the same customer in the days before it; their columns begin with MET."""
    customer, time, answered = at["customer"], at["time"], at["answered"]
    require_columns(data.columns, [customer, time, *measures, *marks])
    require_columns(responses.columns, [customer, answered, outcome, *([weight] if weight else [])])
    _require_kinds({"data": data[[*measures, time]], "responses": responses[[outcome, answered]]}, at.values())
    if not within > 0:
        raise ValueError(f"within={within}; it is a number of days above 0")
    w = responses[weight].to_numpy(dtype=float) if weight else np.ones(len(responses))
    if not (w >= 0).all():
        raise ValueError(f"weight column {weight!r} has missing or negative values; weights are zero or more")
    left = pd.DataFrame(
        {"customer": responses[customer], "at": responses[answered], "y": responses[outcome], "w": w}
    )
    right = data[[*dict.fromkeys([*measures, *marks])]].add_prefix(MET)
    right = right.assign(customer=data[customer], at=data[time], met=True)
    left, right = (
        part.assign(at=part["at"].astype("datetime64[us]")).dropna(subset=["customer", "at"])
        for part in (left, right)
    )
    pairs = pd.merge_asof(
        left.sort_values("at", kind="stable"),
        right.sort_values("at", kind="stable"),
        on="at",
        by="customer",
        tolerance=pd.Timedelta(days=within),
    )
    pairs = pairs[pairs["met"].notna()].reset_index(drop=True)
    if pairs.empty:
        raise ValueError(
            f"no answer lies within {within:g} days after a row of data: see {customer!r}, {time!r}, {answered!r}"
        )
    return pairs.assign(month=pairs["at"].dt.year * 12 + pairs["at"].dt.month)


def _require_kinds(tables: Mapping[str, pd.DataFrame], times: Iterable[str]) -> None:
    problems = []
    for table, columns in tables.items():
        for name, column in columns.items():
            kind = (pd.api.types.is_datetime64_dtype, "times") if name in times else None
            kind = kind or (pd.api.types.is_numeric_dtype, "numbers, or true and false")
            if not kind[0](column):
                problems.append(f"{name!r} of {table} is {column.dtype}; allowed are {kind[1]}: convert it first")
    if problems:
        raise ValueError("; ".join(problems))


def _association(
    pairs: pd.DataFrame, measure: str, change: float, unit: str | None, confidence: float
) -> dict[str, float]:
    x, y, w = (pairs[name].to_numpy(dtype=float, na_value=np.nan) for name in (MET + measure, "y", "w"))
    effects = ["month", *([MET + unit] if unit else [])]
    used = ~np.isnan(x) & ~np.isnan(y) & (w > 0) & pairs[effects].notna().all(axis=1).to_numpy()
    counts = {"n": int(used.sum()), "n_missing": int((~used & (w > 0)).sum())}
    x, y, w, n = x[used], y[used], w[used], counts["n"]
    codes = [pd.factorize(pairs.loc[used, name])[0] for name in effects]
    customers = pd.factorize(pairs.loc[used, "customer"])[0]
    levels = [len(set(code)) for code in codes]
    groups, taken = len(set(customers)), sum(levels) - (len(codes) - 1)
    sides = np.unique(x, return_counts=True)[1]
    rarer = int(sides.min()) if len(sides) == 2 else np.nan
    counts |= {"n_reference": rarer, "few_groups": min(groups, rarer if rarer == rarer else groups) < FEW_GROUPS}
    counts |= {"n_groups": groups, "n_units": levels[-1] if unit else 1}
    moved, said = absorbed(x, w, codes), absorbed(y, w, codes)
    spread = float(w @ moved**2)
    if n <= taken or not spread > (FLAT * np.abs(x).max()) ** 2 * w.sum():
        empty = ("df", "estimate", "ci_low", "ci_high", "se", "p_value", "minimum_detectable")
        return counts | dict.fromkeys(empty, np.nan)
    slope = float(w * moved @ said) / spread
    share = np.bincount(customers, w * moved**2) / spread
    score = np.bincount(customers, w * moved * (said - slope * moved))
    df = 1 / float(share @ share) - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        left_out = score / (spread * (1 - share))
        se = np.sqrt((groups - 1) / groups * (left_out @ left_out) * n / (n - taken)) * abs(change)
    return counts | _limits(slope * change, float(se), df, confidence)


def _limits(estimate: float, se: float, df: float, confidence: float) -> dict[str, float]:
    se = se if df >= MIN_GROUPS - 1 and se > 0 else np.nan
    half = stats.t.ppf((1 + confidence) / 2, max(df, 1)) * se
    return {
        "estimate": estimate,
        "ci_low": estimate - half,
        "ci_high": estimate + half,
        "se": se,
        "df": df,
        "p_value": 2 * float(stats.t.sf(abs(estimate / se), max(df, 1))),
        "minimum_detectable": (stats.norm.ppf((1 + confidence) / 2) + stats.norm.ppf(POWER)) * se,
    }


def absorbed(values: np.ndarray, w: np.ndarray, codes: Sequence[np.ndarray]) -> np.ndarray:
    """Take the weighted mean of each effect off in turn until nothing moves."""
    values = values - (w @ values / w.sum() if len(values) else 0.0)
    sums = [np.bincount(code, w) for code in codes]
    scale = np.abs(values).max(initial=0.0)
    for _ in range(ROUNDS):
        before = values
        for code, total in zip(codes, sums, strict=True):
            values = values - (np.bincount(code, w * values) / total)[code]
        if np.abs(values - before).max(initial=0.0) <= CLOSE * scale:
            break
    return values
