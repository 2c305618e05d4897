"""After a complaint: satisfaction, retention and spend of customers repaired well, badly, and without one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csatlib.complaints.cohort import BADLY, NONE, OUTCOMES, WELL, cohort, landmarks
from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates, holm
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import replicate_groups
from csatlib.stats.sensitivity import e_value, nearest_to_one
from csatlib.stats.weights.overlap import Overlap, overlap_means

FEWEST = 20
POWER = 2.802  # 1.960 + 0.842: two-sided 5 %, found 8 times in 10
PER_SD = 0.91  # log risk ratio of one standard deviation, VanderWeele and Ding (2017), table 2

CONTRASTS = [
    *("part", "measure", "n", "n_reference", "n_eff", "n_eff_reference", "n_groups", "few_groups"),
    *(
        "value",
        "value_reference",
        "estimate",
        "se",
        "ci_low",
        "ci_high",
        "p_value",
        "p_adjusted",
        "minimum_detectable",
    ),
    *("relative", "relative_low", "relative_high", "e_value", "e_value_limit"),
]
BALANCE = [
    *("part", "measure", "n", "n_reference", "variable", "category"),
    *("value", "value_reference", "smd_before", "smd_after"),
]


@dataclass(frozen=True)
class Recovery:
    """Result of :func:`recovery`.

    Attributes
    ----------
    contrasts : DataFrame
        One row per contrast and outcome: ``part`` ("well" or "badly": repaired so, less no complaint),
        ``measure`` (satisfaction, retention in percent, spend in 30 days), ``n`` and ``n_reference``
        (customers), ``n_eff`` and ``n_eff_reference`` (Kish, of the weights), ``n_groups``, ``few_groups``,
        ``value`` and ``value_reference`` (weighted means), ``estimate`` (difference), ``se``, ``ci_low``,
        ``ci_high``, ``p_value``, ``p_adjusted`` (Holm over all rows), ``minimum_detectable`` (a difference that
        would have been found 8 times in 10), ``relative``, ``relative_low``, ``relative_high`` (percent more
        than the reference), ``e_value``, ``e_value_limit``.
    balance : DataFrame
        One row per contrast, outcome and predictor: ``part``, ``measure``, ``n``, ``n_reference``, ``variable``,
        ``category``, ``value``, ``value_reference``, ``smd_before``, ``smd_after``.
    """

    contrasts: pd.DataFrame
    balance: pd.DataFrame


def recovery(
    data: pd.DataFrame,
    *,
    customers: pd.DataFrame | None,
    responses: pd.DataFrame | None = None,
    transactions: pd.DataFrame | None = None,
    contacts: pd.DataFrame | None = None,
    keep: Sequence[str] = (),
    outcome: str = "overall",
    within: float = 5,
    follow: float = 90,
    days: float = 90,
    as_of: Any = None,
    ridge: float = 1.0,
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = 1000,
) -> Recovery:
    """Compare customers after a first complaint, repaired well or badly, with like customers without one.

    Parameters
    ----------
    data : DataFrame
        One row per complaint, of all periods: ``customer_id``, ``opened_at``, ``resolved_at``; ``reopened``.
    customers : DataFrame or None
        One row per customer: ``customer_id``, ``joined_on``; ``left_on`` for retention. None: nothing to compare.
    responses, transactions, contacts : DataFrame, optional
        Scores (``responded_at``), payments (``occurred_at``, ``amount``) and contacts, of all periods.
    keep : sequence of str
        Columns of the customers weighted for too, for example the plan: as they stand in the table, so only what
        a complaint does not change.
    outcome : str
        Score in the responses.
    within : float
        Days within which a repair is good; a case opened again is not.
    follow, days : float
        Days looked ahead, and back.
    as_of : str or Timestamp, optional
        End of what is known; default: the last complaint opened.
    ridge : float
        Penalty of the logistic regression.
    confidence : float
        Coverage of the intervals.
    seed, replicates
        Joint replicates of the 256 groups of customers.

    Returns
    -------
    Recovery
        Tables ``contrasts`` and ``balance``, empty where no month can be watched to the end.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    As :func:`csatlib.complaints.cohort.cohort` says. Each contrast is weighted by overlap weights on what was
    known at the first of the month, and the month. Replicates are linear in the groups' influence, with the
    estimation of the weights in it: the logistic regression is not fitted again. Fewer than 20 customers on a
    side: NaN. The E-value of retention is that of leaving, of the others that of exp(0.91 d), d in weighted
    standard deviations. Scores are those of the customers who answered.

    References
    ----------
    Li, F., Morgan, K. L. and Zaslavsky, A. M. (2018), JASA 113, 390-400; VanderWeele, T. J. and Ding, P. (2017),
    Annals of Internal Medicine 167, 268-274; Anderson, J. R. et al. (1983), Analysis of survival by tumor
    response, Journal of Clinical Oncology 1, 710-719 (landmarks).

    Examples
    --------
    >>> from csatlib.tables import workspace
    >>> ws = workspace.open("csat.toml")  # doctest: +SKIP
    >>> recovery(ws.complaints, customers=ws.customers, responses=ws.responses).contrasts  # doctest: +SKIP
    """
    check_confidence(confidence)
    if customers is None or not landmarks(data, within=within, follow=follow, days=days, as_of=as_of):
        return Recovery(pd.DataFrame(columns=CONTRASTS), pd.DataFrame(columns=BALANCE))
    tables = {"responses": responses, "transactions": transactions, "contacts": contacts}
    rows = cohort(data, customers=customers, **tables, keep=keep, outcome=outcome, within=within, follow=follow,
                  days=days, as_of=as_of)  # fmt: skip
    outcomes = [name for name in OUTCOMES if name in rows.columns]
    predictors = [c for c in rows.columns if c not in ("customer_id", "at", "part", *OUTCOMES)]
    present = np.bincount(replicate_groups(rows["customer_id"]), minlength=256) > 0
    drawn = multiplicities(present, replicates=replicates, seed=seed)
    told, balance = [], []
    for part in (WELL, BADLY):
        two = rows[rows["part"].isin([part, NONE])].assign(treated=rows["part"] == part)
        for name in outcomes:
            at = {"part": part, "measure": name}
            sizes = two.dropna(subset=[name]).groupby("treated")["customer_id"].nunique()
            n = {"n": int(sizes.get(True, 0)), "n_reference": int(sizes.get(False, 0))}
            if min(n.values()) < FEWEST:
                told.append(at | n)
                continue
            found = overlap_means(two, treated="treated", outcome=name, predictors=predictors,
                                  cluster="customer_id", ridge=ridge)  # fmt: skip
            told.append(at | n | _contrast(found, name, drawn, confidence))
            balance.append(found.balance.assign(**at, **n))
    contrasts = pd.DataFrame(told, columns=CONTRASTS)
    contrasts["few_groups"] = contrasts["few_groups"].eq(True)
    contrasts["p_adjusted"] = holm(contrasts["p_value"].astype(float))
    told = pd.concat(balance, ignore_index=True) if balance else pd.DataFrame(columns=BALANCE)
    return Recovery(contrasts, told[BALANCE])


def _contrast(found: Overlap, outcome: str, drawn: np.ndarray, confidence: float) -> dict:
    means, spread, groups = found.means, found.means + drawn @ found.influence, int(found.n_groups.min())
    less, rule = means[0] - means[1], {"n_groups": groups, "confidence": confidence}
    limits = from_replicates(less, spread[:, 0] - spread[:, 1], **rule)
    log = _log_ratio(means, found.influence, drawn, rule)
    if outcome == "retention":
        ratio = _log_ratio(100 - means, -found.influence, drawn, rule)
    else:
        sd = np.sqrt((found.sd**2).mean())
        ratio = PER_SD * np.array([less, limits.ci_low, limits.ci_high]) / (sd if sd > 0 else np.nan)
    risk = np.exp(ratio)
    row = {"n_eff": found.n_eff[0], "n_eff_reference": found.n_eff[1], "n_groups": groups}
    row |= {"few_groups": groups < FEW_GROUPS, "value": means[0], "value_reference": means[1]}
    row |= {"estimate": less}
    row |= {name: float(getattr(limits, name)) for name in ("se", "ci_low", "ci_high", "p_value")}
    row |= dict(zip(("relative", "relative_low", "relative_high"), 100 * np.expm1(log), strict=True))
    row |= {"minimum_detectable": POWER * row["se"]}
    nearest = nearest_to_one(risk[1], risk[2])
    return row | {"e_value": float(e_value(risk[0])), "e_value_limit": float(e_value(nearest))}


def _log_ratio(means: np.ndarray, influence: np.ndarray, drawn: np.ndarray, rule: dict) -> np.ndarray:
    if not (means > 0).all():
        return np.full(3, np.nan)
    log, relative = np.log(means), drawn @ (influence / means)
    limits = from_replicates(log[0] - log[1], relative[:, 0] - relative[:, 1], **rule)
    return np.array([log[0] - log[1], float(limits.ci_low), float(limits.ci_high)])
