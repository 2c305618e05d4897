"""Who is about to complain: alarms from what is known each week, judged on later months only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from csatlib.complaints.cases import OPENED
from csatlib.complaints.known import in_sight, known_at
from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates, wilson
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import REPLICATE_GROUPS, replicate_groups, require_columns

MODEL, RULE, DIFFERENCE, ALL = "model", "rule", "difference", "all"
RULE_DAYS = 14
WEEK = 7
FEWEST = 20
PENALTIES = (1.0, 10.0, 100.0, 1000.0)
LATER = 0.75  # of the training weeks; the rest judges the penalty
PERCENT = 100.0
SOLVER = "newton-cholesky"
FIGURES = [
    *("part", "measure", "n", "count", "n_groups", "few_groups", "estimate", "se", "ci_low", "ci_high", "p_value"),
]
MONTHS = ["period", "n", "count", "n_trained", "alarms_per_week"]
FEATURES = ["feature", "n", "n_reference", "value", "value_reference"]


@dataclass(frozen=True)
class EarlyWarning:
    """Result of :func:`early_warning`; percent, from the months kept apart only.

    Attributes
    ----------
    figures : DataFrame
        One row per part and measure: ``part`` ("model", "rule": an unresolved contact in the last 14 days, as many
        alarms; "all": every customer, for precision; "difference": model less rule), ``measure`` ("precision":
        alarms followed by a complaint; "recall": complaints with an alarm before), ``n`` (alarms or complaints),
        ``count`` (of them, those that came true; of the
        difference that of counts), ``n_groups``, ``few_groups``, ``estimate``, ``se``, ``ci_low``,
        ``ci_high``, ``p_value`` (of the difference).
    months : DataFrame
        One row per month kept apart: ``period``, ``n`` (alarms of the model), ``count`` (came true),
        ``n_trained`` (customers with a complaint the model of the month learnt from), ``alarms_per_week``.
    features : DataFrame
        One row per feature: ``feature``, ``n`` (alarms), ``n_reference`` (all others), ``value`` and
        ``value_reference``: means of customers with an alarm and of all others, as the model sees them.
    """

    figures: pd.DataFrame
    months: pd.DataFrame
    features: pd.DataFrame


def early_warning(
    data: pd.DataFrame,
    *,
    customers: pd.DataFrame | None,
    contacts: pd.DataFrame,
    responses: pd.DataFrame | None = None,
    promises: pd.DataFrame | None = None,
    keep: Sequence[str] = (),
    outcome: str = "overall",
    ahead: int = 14,
    alarms: int = 20,
    days: float = 30,
    test: int = 4,
    as_of: Any = None,
    ridge: float | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = 1000,
) -> EarlyWarning:
    """Raise alarms each week for the customers most likely to complain, and count how many do.

    Parameters
    ----------
    data : DataFrame
        One row per complaint, of all periods: ``customer_id``, ``opened_at``.
    customers : DataFrame or None
        One row per customer: ``customer_id``, ``joined_on``, ``left_on`` where they can leave. None: no alarms.
    contacts, responses, promises : DataFrame
        What is known week by week, of all periods; a column ``available_at`` tells when it came to be known.
    keep : sequence of str
        Columns of the customers that do not change, used too.
    outcome : str
        Score in the responses.
    ahead : int
        Days within which the complaint must come for an alarm to be right.
    alarms : int
        Alarms a week at most: as many as somebody can call.
    days : float
        How far back events count.
    test : int
        Last months kept apart; each is judged by a model of the weeks before it.
    as_of : str or Timestamp, optional
        End of what is known; default: the last complaint opened.
    ridge : float, optional
        Penalty on the squared coefficients of the standardized features; default: of 1, 10, 100 and 1,000 the one
        that sorts the later quarter of the training weeks best, by a model of the weeks before.
    confidence : float
        Coverage of the intervals.
    seed, replicates
        Joint replicates of the 256 groups of customers.

    Returns
    -------
    EarlyWarning
        Tables ``figures``, ``months``, ``features``; empty where no month has 20 customers to learn from.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    Weekly snapshots of all customers, stacked; features of the last `days` and of the last week, from before the
    snapshot, the complaint in the `ahead` days from it on. The model of a month is fitted on snapshots whose
    `ahead` days end before its first (purged). Alarms of both sides are as many each week: `alarms`, or fewer
    where the rule names fewer; the rule takes the most unresolved contacts first, then the latest. Replicates
    draw whole customers; models are not fitted again, so limits hold for these models; those of shares are
    Wilson's on the effective number. A complaint counts as announced if an alarm came in the `ahead` days
    before.

    No feature is chosen: all that :func:`csatlib.complaints.known.known_at` makes of the tables given enter, over
    `days` and over the last week, and the penalty is set inside the training weeks. On companies simulated with
    other seeds and other effects than the sample company's the stated precision holds in the months after.

    References
    ----------
    Lopez de Prado, M. (2018), Advances in Financial Machine Learning, ch. 7 (purging).

    Examples
    --------
    >>> from csatlib.tables import workspace
    >>> ws = workspace.open("csat.toml")  # doctest: +SKIP
    >>> early_warning(ws.complaints, customers=ws.customers, contacts=ws.contacts).figures  # doctest: +SKIP
    """
    check_confidence(confidence)
    if customers is None:
        return _empty()
    require_columns(data.columns, ["customer_id", OPENED])
    require_columns(contacts.columns, ["customer_id", "occurred_at", "resolved"])
    moment = data[OPENED].max() if as_of is None else pd.Timestamp(as_of)
    cases = data[data[OPENED] <= moment].dropna(subset=["customer_id"])
    if contacts.empty or cases.empty:
        return _empty()
    start = contacts["occurred_at"].min().normalize() + pd.Timedelta(days=days)
    weeks = pd.date_range(moment.normalize() + pd.Timedelta(days=1 - ahead), start, freq=f"-{WEEK}D")[::-1]
    if len(weeks) == 0:
        return _empty()
    seen = {"contacts": contacts, "promises": promises, "complaints": data}
    rows = known_at(customers, weeks, **seen, responses=responses, keep=keep, days=days, outcome=outcome)
    late = known_at(customers, weeks, **seen, days=WEEK).drop(columns=["customer_id", "at", "tenure"])
    rows = rows.join(late.add_suffix("_last_week"))
    rows["complains"] = _complains(rows, cases, ahead)
    rows = rows.join(_ruled(rows, contacts))
    scored, trained = _out_of_time(rows, keep=list(keep), ahead=ahead, test=test, ridge=ridge)
    if scored.empty:
        return _empty()
    scored = _alarmed(scored, alarms)
    found = _figures(scored, cases, ahead, confidence, seed, replicates)
    return EarlyWarning(found, _months(scored, trained), _features(scored))


def _empty() -> EarlyWarning:
    return EarlyWarning(*(pd.DataFrame(columns=names) for names in (FIGURES, MONTHS, FEATURES)))


def _complains(rows: pd.DataFrame, cases: pd.DataFrame, ahead: int) -> pd.Series:
    """Tell whether the customer's next complaint from the snapshot on comes within the days ahead."""
    opened = cases[["customer_id", OPENED]].sort_values(OPENED)
    asked = rows[["customer_id"]].assign(**{OPENED: rows["at"].astype(opened[OPENED].dtype), "row": rows.index})
    after = pd.merge_asof(asked.sort_values(OPENED), opened.assign(when=opened[OPENED]), on=OPENED,
                          by="customer_id", direction="forward")  # fmt: skip
    return ((after["when"] - after[OPENED]) < pd.Timedelta(days=ahead)).set_axis(after["row"])


def _ruled(rows: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """Count the unresolved contacts of the last 14 days, and find the days since the latest."""
    open_ones = contacts.loc[contacts["resolved"] == 0].dropna(subset=["customer_id", "occurred_at"])
    known = open_ones["occurred_at"]
    if "available_at" in open_ones.columns:
        known = open_ones[["occurred_at", "available_at"]].max(axis=1)
    weeks = pd.DatetimeIndex(rows["at"].unique()).sort_values()
    event, week = in_sight(open_ones["occurred_at"], known, moments=weeks, days=RULE_DAYS)
    keys = ["customer_id", "at"]
    own = open_ones.iloc[event].assign(at=weeks[week]).groupby(keys)["occurred_at"]
    found = rows[keys].merge(own.agg(open_contacts="size", latest="max"), on=keys, how="left").set_axis(rows.index)
    return found.drop(columns=keys).fillna({"open_contacts": 0.0}).astype({"open_contacts": float})


def _out_of_time(
    rows: pd.DataFrame, *, keep: list[str], ahead: int, test: int, ridge: float | None
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Score the last months, each by a model of the weeks before it; rows in the order of time."""
    named = [column for column in keep if not pd.api.types.is_numeric_dtype(rows[column])]
    x = rows.drop(columns=["customer_id", "at", "complains", "open_contacts", "latest"])
    x = np.column_stack([column.astype(float) for _, column in pd.get_dummies(x, columns=named).items()])
    at, complains = rows["at"], rows["complains"].to_numpy(dtype=bool)
    period = at.map({week: f"{week:%Y-%m}" for week in at.unique()})
    scored, trained = [], {}
    for month in sorted(period.unique())[-test:]:
        own = (period == month).to_numpy()
        learn = slice(at.searchsorted(at[own].min() - pd.Timedelta(days=ahead), side="right"))
        seen = rows["customer_id"][learn][complains[learn]].nunique()
        if seen < FEWEST:
            continue
        penalty = _penalty(x[learn], complains[learn], at[learn], ahead) if ridge is None else ridge
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / penalty, solver=SOLVER))
        chance = model.fit(x[learn], complains[learn]).predict_proba(x[own])[:, 1]
        scored.append(rows[own].assign(chance=chance, period=month))
        trained[month] = seen
    return pd.concat(scored, ignore_index=True) if scored else rows.head(0), trained


def _penalty(x: np.ndarray, complains: np.ndarray, at: pd.Series, ahead: int) -> float:
    """Choose the penalty inside the training weeks: nothing later decides."""
    weeks = at.unique()
    turn = weeks[int(LATER * (len(weeks) - 1))]
    before = slice(at.searchsorted(turn - pd.Timedelta(days=ahead), side="right"))
    after = slice(at.searchsorted(turn), None)
    if min(complains[before].sum(), complains[after].sum()) < FEWEST:
        return PENALTIES[len(PENALTIES) // 2]
    scale = StandardScaler().fit(x[before])
    earlier, later = scale.transform(x[before]), scale.transform(x[after])
    model = LogisticRegression(solver=SOLVER, tol=1e-5, warm_start=True)  # each fit starts from the one before
    found = {}
    for ridge in reversed(PENALTIES):
        chance = model.set_params(C=1 / ridge).fit(earlier, complains[before]).predict_proba(later)[:, 1]
        found[ridge] = average_precision_score(complains[after], chance)
    return max(PENALTIES, key=found.get)


def _alarmed(rows: pd.DataFrame, alarms: int) -> pd.DataFrame:
    named = rows["open_contacts"].gt(0).groupby(rows["at"]).transform("sum").clip(upper=alarms)
    order = {MODEL: (["at", "chance", "customer_id"], [True, False, True]),
             RULE: (["at", "open_contacts", "latest", "customer_id"], [True, False, False, True])}  # fmt: skip
    for part, (columns, ascending) in order.items():
        place = rows.sort_values(columns, ascending=ascending).groupby("at").cumcount().reindex(rows.index)
        rows = rows.assign(**{part: place < named})
    return rows


def _figures(
    rows: pd.DataFrame, cases: pd.DataFrame, ahead: int, confidence: float, seed: int, replicates: int
) -> pd.DataFrame:
    present = np.bincount(replicate_groups(rows["customer_id"]), minlength=REPLICATE_GROUPS) > 0
    drawn = multiplicities(present, replicates=replicates, seed=seed)
    told, spreads = [], {}
    for (part, measure), (base, hit) in _counts(rows, cases, pd.Timedelta(days=ahead)).items():
        n, count = int(base.sum()), int(hit.sum())
        with np.errstate(invalid="ignore", divide="ignore"):
            spreads[part, measure] = PERCENT * (drawn @ hit) / (drawn @ base)
        row = {"part": part, "measure": measure, "n": n, "count": count, "n_groups": int((base > 0).sum())}
        told.append(row | {"estimate": PERCENT * count / n if n else np.nan})
    by_key = {(row["part"], row["measure"]): row for row in told}
    for measure in ("precision", "recall"):
        one, other = by_key[MODEL, measure], by_key[RULE, measure]
        sizes = {column: min(one[column], other[column]) for column in ("n", "n_groups")}
        row = {"part": DIFFERENCE, "measure": measure, "count": one["count"] - other["count"], **sizes}
        told.append(row | {"estimate": one["estimate"] - other["estimate"]})
        spreads[DIFFERENCE, measure] = spreads[MODEL, measure] - spreads[RULE, measure]
    found = pd.DataFrame(told)
    spread = np.column_stack([spreads[key] for key in zip(found["part"], found["measure"], strict=True)])
    limits = from_replicates(found["estimate"], spread, n_groups=found["n_groups"], confidence=confidence)
    apart = found["part"] == DIFFERENCE
    low, high = _limits(found, limits.se, confidence)
    return found.assign(
        few_groups=found["n_groups"] < FEW_GROUPS,
        se=limits.se,
        ci_low=np.where(apart, limits.ci_low, low),
        ci_high=np.where(apart, limits.ci_high, high),
        p_value=np.where(apart, limits.p_value, np.nan),
    )[FIGURES]


def _limits(found: pd.DataFrame, se: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Wilson's limits of shares on the effective number that customers with several rows leave."""
    share = (found["estimate"] / PERCENT).clip(0, 1).to_numpy(dtype=float)
    n, groups = found["n"].to_numpy(dtype=float), found["n_groups"].to_numpy(dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        n_eff = np.where(se > 0, share * (1 - share) / (se / PERCENT) ** 2, groups)
    n_eff = np.minimum(n_eff, n)
    low, high = wilson(np.nan_to_num(share * n_eff), np.nan_to_num(n_eff), confidence=confidence)
    return PERCENT * low, PERCENT * high


def _counts(
    rows: pd.DataFrame, cases: pd.DataFrame, ahead: pd.Timedelta
) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """Return bases and hits by replicate group."""
    span = cases[OPENED].between(rows["at"].min(), rows["at"].max() + ahead, inclusive="left")
    due = cases[span & cases["customer_id"].isin(rows["customer_id"].unique())].reset_index(drop=True)
    own, theirs = replicate_groups(rows["customer_id"]), replicate_groups(due["customer_id"])
    right, every = rows["complains"].to_numpy(dtype=bool), np.ones(len(rows), dtype=bool)
    found = {}
    for part in (MODEL, RULE):
        alarm = rows[part].to_numpy(dtype=bool)
        found[part, "precision"] = (_tally(own, alarm), _tally(own, alarm & right))
        found[part, "recall"] = (
            _tally(theirs, np.ones(len(due))),
            _tally(theirs, _announced(due, rows[alarm], ahead)),
        )
    return found | {(ALL, "precision"): (_tally(own, every), _tally(own, right))}


def _tally(groups: np.ndarray, counted: np.ndarray) -> np.ndarray:
    return np.bincount(groups, weights=counted, minlength=REPLICATE_GROUPS)


def _announced(due: pd.DataFrame, alarms: pd.DataFrame, ahead: pd.Timedelta) -> np.ndarray:
    asked = due[["customer_id", OPENED]].assign(row=due.index).sort_values(OPENED)
    given = alarms[["customer_id", "at"]].assign(at=alarms["at"].astype(asked[OPENED].dtype)).sort_values("at")
    last = pd.merge_asof(asked, given, left_on=OPENED, right_on="at", by="customer_id")
    return ((last[OPENED] - last["at"]) < ahead).set_axis(last["row"]).sort_index().to_numpy(dtype=bool)


def _months(rows: pd.DataFrame, trained: dict[str, int]) -> pd.DataFrame:
    alarms = rows[rows[MODEL]].groupby("period")["complains"].agg(["size", "sum"])
    weeks = rows.groupby("period")["at"].nunique()
    found = pd.DataFrame({"n": alarms["size"], "count": alarms["sum"]}).reindex(weeks.index, fill_value=0)
    found = found.astype(np.int64).assign(n_trained=pd.Series(trained), alarms_per_week=found["n"] / weeks)
    return found.reset_index()[MONTHS]


def _features(rows: pd.DataFrame) -> pd.DataFrame:
    numbers = rows.select_dtypes("number").columns.drop(["chance", "open_contacts"])
    means = rows.groupby(MODEL)[list(numbers)].mean().reindex([True, False])
    found = pd.DataFrame({"feature": numbers, "value": means.loc[True].to_numpy()})
    n, others = int(rows[MODEL].sum()), int((~rows[MODEL]).sum())
    return found.assign(value_reference=means.loc[False].to_numpy(), n=n, n_reference=others)[FEATURES]
