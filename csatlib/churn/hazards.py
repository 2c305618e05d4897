"""Who leaves sooner: Cox's model on rows that start late and change on the way; associations, never causes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import minimize
from statsmodels.duration.hazard_regression import PHReg

from csatlib.stats.durations import kaplan_meier
from csatlib.stats.intervals import check_confidence, holm

LEAVERS_PER_COEFFICIENT = 10
RUNAWAY = 8.0  # log ratio per standard deviation: 3,000 times as many


@dataclass(frozen=True)
class Hazards:
    """Hazard ratios, and whether each stays the same over time.

    Attributes
    ----------
    ratios, proportional : DataFrame
        See :func:`hazard_ratios`.
    """

    ratios: pd.DataFrame
    proportional: pd.DataFrame


def hazard_ratios(
    data: pd.DataFrame,
    *,
    columns: Sequence[str],
    reference: Mapping[str, str] | None = None,
    customer: str | None = "customer",
    entry: str | None = "entry",
    time: str = "exit",
    event: str = "left",
    confidence: float = 0.95,
) -> Hazards:
    """Compare how readily customers leave at the same length of stay.

    Parameters
    ----------
    data : DataFrame
        One row per customer, or per stretch of days with the same states as from
        :func:`csatlib.churn.exposure.start_stop`; rows without a value in `columns` are left out.
    columns : sequence of str
        Columns compared, all in one model: text as categories, numbers per unit.
    reference : mapping of column to category, optional
        With what the other categories are compared; default: the one with the most days.
    customer : str or None
        Column that holds the rows of a customer together; None: each row is one.
    entry, time, event : str
        Columns: at risk after `entry` (None: from 0), up to and including `time`, left then or not.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    Hazards
        ``ratios``: one row per coefficient: ``term`` (column), ``group`` (category; "" for a number),
        ``reference``, ``n``, ``n_reference`` (customers ever in it; of a number: all), ``n_events`` (left in it),
        ``n_groups`` (customers), ``few_groups`` (fewer than 10 leavers per coefficient of the model),
        ``coefficient``, ``se``, ``estimate`` (hazard ratio, above 0), ``ci_low``, ``ci_high``, ``p_value``,
        ``p_adjusted`` (Holm over the table).
        ``proportional``: the same keys and a last row "all": ``n`` (customers), ``n_events``, ``correlation`` of
        the scaled residual with time, ``statistic`` (chi-square), ``df``, ``p_value``, ``p_adjusted`` (Holm).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; rows that end before they start; categories in which nobody left; columns of
        which one follows from the others, or that part those who left from all others.

    Notes
    -----
    Cox's partial likelihood with Efron's ties by statsmodels. Its `entry` counts a row as at risk on the entry day
    itself, which would count two rows of one customer on the day of a change: entries are moved up by the least
    possible number. Standard errors: sandwich over customers. Check: Grambsch and Therneau's test of the scaled
    Schoenfeld residuals against 1 - Kaplan-Meier, as R's cox.zph before version 3. A ratio of 2 says that at the
    same length of stay twice as many leave; who differs in it may differ in much else.

    References
    ----------
    Cox, D. R. (1972), JRSS B 34, 187-220; Efron, B. (1977), JASA 72, 557-565; Lin, D. Y. and Wei, L. J. (1989),
    JASA 84, 1074-1078; Grambsch, P. M. and Therneau, T. M. (1994), Biometrika 81, 515-526.

    Examples
    --------
    >>> rows = pd.DataFrame({"exit": [1, 2, 3, 4], "left": True, "x": [1.0, 0.0, 1.0, 0.0]})
    >>> found = hazard_ratios(rows, columns=["x"], entry=None, customer=None)
    >>> found.ratios[["n", "n_events", "estimate"]].round(2).values.tolist()
    [[4.0, 4.0, 2.56]]
    """
    check_confidence(confidence)
    rows = _rows(data, columns, customer, entry, time, event)
    design, terms = _design(rows, columns, dict(reference or {}))
    centre, scale = design.mean(axis=0), design.std(axis=0)
    if np.linalg.matrix_rank((design - centre) / np.where(scale > 0, scale, 1)) < design.shape[1]:
        raise ValueError(
            f"columns {', '.join(columns)}: one is constant or follows from the others; leave it out of columns="
        )
    x = (design - centre) / scale
    fit = _fitted(rows, x)
    naive = fit.cov_params()  # a ratio without end is refused in words
    endless = ~(np.abs(fit.params) < RUNAWAY) | ~(np.diag(naive) < RUNAWAY**2) | ~(np.diag(naive) > 0)
    if endless.any():
        names = ", ".join(f"{t.term} {t.group}".strip() for t in terms[endless].itertuples())
        raise ValueError(
            f"{names}: no finite ratio, since on each day all who left were on one side; join categories or leave "
            "the column out of columns="
        )
    residuals = _residuals(rows, x, fit.params)
    scores = np.zeros((rows["_customer"].max() + 1, x.shape[1]))
    np.add.at(scores, rows["_customer"].to_numpy(), residuals.score)
    robust = naive @ (scores.T @ scores) @ naive
    n_groups, n_events = len(scores), int(rows["_event"].sum())
    few = n_events < LEAVERS_PER_COEFFICIENT * x.shape[1]
    coefficient, se = fit.params / scale, np.sqrt(np.diag(robust)) / scale
    half = stats.norm.ppf((1 + confidence) / 2) * se
    p_value = 2 * stats.norm.sf(np.abs(coefficient / se))
    ratios = terms.assign(n_groups=n_groups, few_groups=few, coefficient=coefficient, se=se)
    ratios = ratios.assign(
        estimate=np.exp(coefficient),
        ci_low=np.exp(coefficient - half),
        ci_high=np.exp(coefficient + half),
        p_value=p_value,
        p_adjusted=holm(p_value),
    )
    checked = _over_time(rows, residuals.schoenfeld, naive, terms[["term", "group", "reference"]])
    return Hazards(ratios, checked.assign(n=n_groups, n_events=n_events))


def _fitted(rows: pd.DataFrame, x: np.ndarray) -> Any:
    """Fit by statsmodels, whose Newton steps may run off from zero, from where those in a trust region end."""
    later = np.nextafter(rows["_entry"].to_numpy(), np.inf)
    model = PHReg(rows["_time"], x, status=rows["_event"].astype(float), entry=later, ties="efron")
    lost, slope, bend = (lambda b, of=of: -of(b) / len(x) for of in (model.loglike, model.score, model.hessian))
    near = minimize(lost, np.zeros(x.shape[1]), jac=slope, hess=bend, method="trust-ncg").x
    return model.fit(start_params=near, warn_convergence=False)


@dataclass(frozen=True)
class _Residuals:
    score: np.ndarray
    schoenfeld: np.ndarray


def _residuals(rows: pd.DataFrame, x: np.ndarray, params: np.ndarray) -> _Residuals:
    """Score residuals of all rows and Schoenfeld residuals of the leavers, from running sums over the days.

    statsmodels' own are undefined for a row within which nobody left, and take customers x days.
    """
    start, stop, event = (rows[c].to_numpy() for c in ("_entry", "_time", "_event"))
    hazard = np.exp(x @ params)
    days, events = np.unique(stop[event], return_counts=True)
    total = _at_risk(days, start, stop, hazard[:, None])
    mean = _at_risk(days, start, stop, hazard[:, None] * x) / total
    step = (events / total[:, 0])[:, None]
    running = np.vstack([np.zeros(1 + x.shape[1]), np.cumsum(np.hstack([step, step * mean]), axis=0)])
    passed = running[np.searchsorted(days, stop, "right")] - running[np.searchsorted(days, start, "right")]
    score = -hazard[:, None] * (x * passed[:, :1] - passed[:, 1:])
    place = np.searchsorted(days, stop[event])
    score[event] += x[event] - mean[place]
    tied = _tied_means(place, events, total[:, 0], mean, hazard[event], x[event])
    return _Residuals(score, x[event] - tied[place])


def _tied_means(
    place: np.ndarray, events: np.ndarray, total: np.ndarray, mean: np.ndarray, hazard: np.ndarray, x: np.ndarray
) -> np.ndarray:
    """Mean of those at risk on each day, averaged over its leavers as Efron takes them out one by one."""
    gone = np.zeros((len(events), 1 + x.shape[1]))
    np.add.at(gone, place, hazard[:, None] * np.column_stack([np.ones(len(x)), x]))
    day = np.sort(place)
    share = ((np.arange(len(day)) - (np.cumsum(events) - events)[day]) / events[day])[:, None]
    left = (total[:, None] * mean)[day] - share * gone[day, 1:]
    sums = np.zeros(mean.shape)
    np.add.at(sums, day, left / (total[day, None] - share * gone[day, :1]))
    return sums / events[:, None]


def _at_risk(days: np.ndarray, start: np.ndarray, stop: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sum values over the rows with start < day <= stop."""
    sums = []
    for ends in (start, stop):
        order = np.argsort(ends, kind="stable")
        running = np.vstack([np.zeros(values.shape[1]), np.cumsum(values[order], axis=0)])
        sums.append(running[np.searchsorted(ends[order], days, "left")])
    return sums[0] - sums[1]


def _over_time(rows: pd.DataFrame, residuals: np.ndarray, naive: np.ndarray, terms: pd.DataFrame) -> pd.DataFrame:
    event = rows["_event"].to_numpy()
    gone = rows.loc[event, "_time"].to_numpy()
    curve = kaplan_meier(rows["_time"], event, entry=rows["_entry"])
    before = np.concatenate([[1.0], curve["estimate"]])[np.searchsorted(curve["time"], gone)]
    clock = before.mean() - before
    scaled = residuals @ naive * len(gone)
    slope = clock @ residuals
    with np.errstate(invalid="ignore", divide="ignore"):
        size = len(gone) / (clock**2).sum()
        statistic = (naive @ slope) ** 2 * size / np.diag(naive)
        spread = np.sqrt((clock**2).sum() * ((scaled - scaled.mean(axis=0)) ** 2).sum(axis=0))
        table = terms.assign(correlation=clock @ scaled / spread, statistic=statistic, df=1)
        table["p_value"] = stats.chi2.sf(table["statistic"], 1)
        whole = slope @ naive @ slope * size
    table["p_adjusted"] = holm(table["p_value"])
    last = {"term": "all", "group": "", "reference": "", "correlation": np.nan, "statistic": whole}
    p_all = stats.chi2.sf(whole, len(terms))
    last |= {"df": len(terms), "p_value": p_all, "p_adjusted": p_all}
    return pd.concat([table, pd.DataFrame([last])], ignore_index=True)


def _rows(
    data: pd.DataFrame, columns: Sequence[str], customer: str | None, entry: str | None, time: str, event: str
) -> pd.DataFrame:
    needed = [*columns, time, event, *([entry] if entry else []), *([customer] if customer else [])]
    absent = [column for column in needed if column not in data.columns]
    if absent:
        raise KeyError(f"data has no column {', '.join(absent)}; it has {', '.join(map(str, data.columns))}")
    rows = data[list(columns)].assign(
        _entry=data[entry].astype(float) if entry else 0.0,
        _time=data[time].astype(float),
        _event=data[event].astype(bool),
        _customer=data[customer] if customer else np.arange(len(data)),
    )
    rows = rows.dropna().reset_index(drop=True)
    wrong = ~((rows["_entry"] >= 0) & (rows["_time"] > rows["_entry"]))
    if wrong.any():
        raise ValueError(f"{wrong.sum()} rows end before they start; allowed is 0 <= entry < {time}")
    if not rows["_event"].any():
        raise ValueError(f"{event}: nobody left in the {len(rows)} rows used; there is nothing to compare")
    return rows.assign(_customer=pd.factorize(rows["_customer"])[0])


def _design(
    rows: pd.DataFrame, columns: Sequence[str], reference: dict[str, str]
) -> tuple[np.ndarray, pd.DataFrame]:
    """Numbers for the model, and what each of them stands for."""
    parts, terms, problems = [], [], []
    days = rows["_time"] - rows["_entry"]
    for column in columns:
        if pd.api.types.is_numeric_dtype(rows[column]) and column not in reference:
            n = rows["_customer"].nunique()
            terms.append({"term": column, "group": "", "reference": "", "n": n, "n_reference": np.nan})
            terms[-1]["n_events"] = int(rows["_event"].sum())
            parts.append(rows[column].astype(float))
            continue
        values = rows[column].astype(str)
        customers, left = rows.groupby(values)["_customer"].nunique(), rows.groupby(values)["_event"].sum()
        first = str(reference.get(column, days.groupby(values).sum().idxmax()))
        if first not in customers.index:
            problems.append(f"reference {first!r} of {column} is not among {', '.join(customers.index)}")
        empty = [group for group in left.index if left[group] == 0]
        if empty:
            problems.append(f"nobody left in {column} {', '.join(empty)}; join such categories with others")
        for group in (g for g in customers.index if g != first):
            terms.append({"term": column, "group": group, "reference": first, "n": int(customers[group])})
            terms[-1] |= {"n_reference": customers.get(first), "n_events": int(left[group])}
            parts.append((values == group).astype(float))
    if problems:
        raise ValueError("; ".join(problems))
    return np.column_stack(parts), pd.DataFrame(terms)
