"""A model on later months: does it sort, do its probabilities hold, what would a call list have earned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.churn import profits
from csatlib.churn.measures import Figure, all_measures, group_sums, ratio
from csatlib.churn.models import Churn, fit
from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates, holm, wilson
from csatlib.stats.replicates import REPLICATES, multiplicities
from csatlib.stats.rows import replicate_groups, require_columns

BINS = 10
CALLED = (0.05, 0.1, 0.2)
DETECTED = 0.8
COMPARED = ("auc", "average_precision", "log_loss")


@dataclass(frozen=True)
class Evaluation:
    """Tables from :func:`evaluate`: ``measures``, ``calibration``, ``lift``, ``profit``, ``policies``."""

    measures: pd.DataFrame
    calibration: pd.DataFrame
    lift: pd.DataFrame
    profit: pd.DataFrame
    policies: pd.DataFrame


def evaluate(
    model: Churn,
    rows: pd.DataFrame,
    *,
    cost: float,
    success: float,
    value: float | str,
    rules: Mapping[str, str] | None = None,
    customer: str = "customer_id",
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Evaluation:
    """Judge a model on snapshots it has not seen.

    Parameters
    ----------
    model : Churn
        From :func:`csatlib.churn.fit`.
    rows : DataFrame
        Test snapshots with the model's features and ``left``.
    cost, success : float
        A call's cost; share of leavers who stay when called. Both are assumptions.
    value : float or str
        What a kept customer is worth, in the unit of cost: one number, or a column.
    rules : mapping of str to str
        Today's rules as conditions on the columns, for example ``{"low score": "last_overall <= 3"}``.
    customer : str
        Rows of one customer are resampled together.
    confidence : float
        Coverage aimed at.
    seed, replicates : int
        Seed and number of the joint replicates.

    Returns
    -------
    Evaluation
        ``measures``: ``measure`` (auc, average_precision, brier, log_loss, observed_to_expected), ``n``,
        ``n_events``, ``n_groups``, ``few_groups``, ``estimate``, ``ci_low``, ``ci_high``.
        ``calibration``: ``bin`` (tenths of the rows by predicted probability), ``n``, ``n_eff``, ``n_events``,
        ``value`` (mean predicted), ``estimate`` (share who left), limits (Wilson, on effective rows).
        ``lift``: ``share`` called by score, ``n``, ``n_events``, ``estimate`` (leavers among them by leavers
        overall), limits, ``captured`` (their share of all leavers).
        ``profit``, ``policies``: see :func:`csatlib.churn.profits.curve`, :func:`csatlib.churn.profits.policies`.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; rows without leavers or stayers; cost, success or value out of range; a
        rule that is no condition.

    Notes
    -----
    The model is held: limits tell how far other customers of the same months would have differed, not how another
    training sample would. Whole customers are resampled, in 256 groups.

    References
    ----------
    Hanley, J. A. and McNeil, B. J. (1982), Radiology 143, 29-36; Verbraken, T., Verbeke, W. and Baesens, B.
    (2013), IEEE Transactions on Knowledge and Data Engineering 25(5), 961-973.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(600)], "days": np.arange(600) % 20})
    >>> rows["snapshot"], rows["left"] = pd.Timestamp("2026-01-01"), (rows["days"] < 5).astype(float)
    >>> found = evaluate(fit(rows), rows, cost=10, success=0.2, value=200)
    >>> found.measures["estimate"].round(2).tolist()[0], found.lift["estimate"].round(1).tolist()
    (1.0, [4.0, 4.0, 4.0])
    """
    check_confidence(confidence)
    require_columns(rows.columns, [customer, "snapshot", "left", *model.features])
    if rows["left"].nunique() < 2 or not rows["left"].isin([0, 1]).all():
        raise ValueError("left must hold 0 and 1, some of each: take more test snapshots with a complete horizon")
    p, left = model.predict(rows), rows["left"].to_numpy(float)
    group = replicate_groups(rows[customer])
    present = group_sums(np.ones(len(rows)), group) > 0
    drawn = multiplicities(present, replicates=replicates, seed=seed)
    base = {"n_groups": int(present.sum()), "few_groups": bool(present.sum() < FEW_GROUPS)}
    figures = all_measures(p, left, group, drawn)
    counts = {"n": len(rows), "n_events": int(left.sum())}
    measures = pd.DataFrame({"measure": list(figures), **counts, **base})
    parts = _parts(p, left, group, drawn)
    lifted = _lift(p, left, group, drawn)
    money = profits.Terms(cost, success, value)
    shared = {"drawn": drawn, "group": group, "confidence": confidence, **base}
    return Evaluation(
        _limited(measures, list(figures.values()), base["n_groups"], confidence),
        _observed(parts[0].assign(**base), parts[1], confidence),
        _limited(lifted[0].assign(**base), lifted[1], base["n_groups"], confidence),
        profits.curve(rows, p=p, money=money, **shared),
        profits.policies(rows, p=p, money=money, rules=rules or {}, **shared),
    )


def survey_value(
    train: pd.DataFrame,
    test: pd.DataFrame,
    *,
    blocks: Mapping[str, Sequence[str]],
    kind: str = "logistic",
    full: Churn | None = None,
    customer: str = "customer_id",
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Ask what survey data add: nested models, each with one more block of features, on the same later months.

    Parameters
    ----------
    train, test : DataFrame
        From :func:`csatlib.churn.split`.
    blocks : mapping of str to list of str
        Features in the order they are added, the first the base.
    kind : {"logistic", "boosting"}
        As for :func:`csatlib.churn.fit`.
    full : Churn, optional
        A model already fitted to `train` with all these features; it is not fitted again.
    customer, confidence, seed, replicates
        As for :func:`evaluate`.

    Returns
    -------
    DataFrame
        For each ``measure`` (auc, average_precision, log_loss) and each block: ``block``, ``n``, ``n_events``,
        ``n_groups``, ``few_groups``, ``value`` (the measure with it), and from the second block on ``estimate``
        (that less the measure without it), ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted`` (Holm over the
        added blocks and measures), ``minimum_detectable`` (difference that would be seen 8 times in 10).

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.churn.fit`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(600)], "a": rng.normal(size=600)})
    >>> rows["b"] = rng.normal(size=600)
    >>> rows["left"] = (rows["b"] + rng.normal(size=600) > 1).astype(float)
    >>> found = survey_value(rows[:300], rows[300:], blocks={"base": ["a"], "scores": ["b"]}, replicates=200)
    >>> bool(found.set_index(["measure", "block"]).loc[("auc", "scores"), "ci_low"] > 0)
    True
    """
    group = replicate_groups(test[customer])
    present = group_sums(np.ones(len(test)), group) > 0
    drawn, n_groups = multiplicities(present, replicates=replicates, seed=seed), int(present.sum())
    left, found, used = test["left"].to_numpy(float), {}, []
    for name, features in blocks.items():
        used = [*used, *features]
        same = full is not None and full.kind == kind and set(full.features) == set(used)
        model = full if same else fit(train, features=used, kind=kind, customer=customer, seed=seed)
        found[name] = all_measures(model.predict(test), left, group, drawn)
    names = list(blocks)
    keys = [(measure, name) for measure in COMPARED for name in names]
    table = pd.DataFrame(keys, columns=["measure", "block"])
    table = table.assign(
        n=len(test), n_events=int(left.sum()), n_groups=n_groups, few_groups=n_groups < FEW_GROUPS
    )
    table["value"] = [found[name][measure].estimate for measure, name in keys]
    before = dict(zip(names[1:], names, strict=False))
    added = [
        Figure(np.nan, np.full(len(drawn), np.nan))
        if name not in before
        else _less(found[name][measure], found[before[name]][measure])
        for measure, name in keys
    ]
    table = _limited(table, added, n_groups, confidence, p_values=True)
    table["p_adjusted"] = holm(table["p_value"])
    return table


def _less(a: Figure, b: Figure) -> Figure:
    return Figure(a.estimate - b.estimate, a.replicates - b.replicates)


def _limited(
    table: pd.DataFrame,
    figures: list[Figure],
    n_groups: int,
    confidence: float,
    *,
    p_values: bool = False,
) -> pd.DataFrame:
    estimate = np.array([figure.estimate for figure in figures])
    stacked = np.column_stack([figure.replicates for figure in figures])
    limits = from_replicates(estimate, stacked, n_groups=n_groups, confidence=confidence)
    table = table.assign(estimate=estimate, ci_low=limits.ci_low, ci_high=limits.ci_high)
    if p_values:
        df = max(n_groups - 1, 1)
        seen = (stats.t.ppf((1 + confidence) / 2, df) + stats.t.ppf(DETECTED, df)) * limits.se
        table = table.assign(p_value=limits.p_value, minimum_detectable=seen)
    return table


def _observed(table: pd.DataFrame, figures: list[Figure], confidence: float) -> pd.DataFrame:
    """Add the share who left with Wilson's limits on as many rows as would vary like these clusters."""
    share = np.array([figure.estimate for figure in figures])
    variance = np.array([np.nanvar(figure.replicates, ddof=1) for figure in figures])
    n = table["n"].to_numpy(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        n_eff = np.where(variance > 0, np.minimum(share * (1 - share) / variance, n), n)
    low, high = wilson(share * n_eff, n_eff, confidence=confidence)
    table.insert(2, "n_eff", n_eff)
    return table.assign(estimate=share, ci_low=low, ci_high=high)


def _parts(
    p: np.ndarray, left: np.ndarray, group: np.ndarray, drawn: np.ndarray
) -> tuple[pd.DataFrame, list[Figure]]:
    """Tenths by predicted probability; equal probabilities stay together."""
    edges = np.unique(np.quantile(p, np.linspace(0, 1, BINS + 1)[1:-1]))
    part = np.searchsorted(edges, p, side="left")
    rows, figures = [], []
    for i, k in enumerate(np.unique(part), 1):
        inside = (part == k).astype(float)
        figures.append(ratio(inside * left, inside, group, drawn))
        rows.append((i, int(inside.sum()), int((inside * left).sum()), float(p[part == k].mean())))
    return pd.DataFrame(rows, columns=["bin", "n", "n_events", "value"]), figures


def _lift(
    p: np.ndarray, left: np.ndarray, group: np.ndarray, drawn: np.ndarray
) -> tuple[pd.DataFrame, list[Figure]]:
    rows, figures = [], []
    overall = ratio(left, np.ones(len(p)), group, drawn)
    order = np.argsort(-p, kind="stable")
    for share in CALLED:
        called = np.zeros(len(p))
        called[order[: max(1, round(share * len(p)))]] = 1
        among = ratio(called * left, called, group, drawn)
        with np.errstate(invalid="ignore", divide="ignore"):
            figures.append(Figure(among.estimate / overall.estimate, among.replicates / overall.replicates))
        hit = called @ left
        rows.append((share, int(called.sum()), int(hit), float(hit / left.sum())))
    return pd.DataFrame(rows, columns=["share", "n", "n_events", "captured"]), figures
