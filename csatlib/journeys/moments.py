"""Moments of truth: worst, best and last contact beside the mean as predictors of satisfaction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GroupKFold

from csatlib.journeys.measured import mean_limits
from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, check_confidence, holm
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import REPLICATE_GROUPS, replicate_groups, require_columns
from csatlib.stats.threads import one_thread

WORDS = ("mean", "worst", "best", "end")
MODELS = {"mean": ("mean",), "worst": ("worst",), "best": ("best",), "end": ("end",)}
MODELS |= {"peak_end": ("worst", "best", "end")}
FOLDS = 10
POWER = 0.80


@dataclass(frozen=True)
class Moments:
    """What :func:`moments_of_truth` found.

    Attributes
    ----------
    models : DataFrame
        Per ``model`` ("mean", "worst", "best", "end": that rating alone; "peak_end": worst, best and end together)
        and ``measure``: "r2" (cross-validated share of the spread of satisfaction) and "less_mean" (that less the
        same of the mean; NaN for the mean); ``n``, ``n_eff``, ``n_groups``, ``few_groups``, ``estimate``,
        interval.
    terms : DataFrame
        Per ``term`` ("worst", "best", "end") beside the mean in one model: ``estimate`` (points of satisfaction
        that go with one point of the term at the same mean), interval, ``p_value``, ``p_adjusted`` (Holm),
        ``minimum_detectable`` (what would have been seen 8 times in 10).
    pairs : DataFrame
        One row per answer used: customer, ``mean``, ``worst``, ``best``, ``end``, ``contacts``, ``outcome``.

    Examples
    --------
    >>> Moments(*[pd.DataFrame()] * 3).terms.empty
    True
    """

    models: pd.DataFrame
    terms: pd.DataFrame
    pairs: pd.DataFrame


def moments_of_truth(
    data: pd.DataFrame,
    responses: pd.DataFrame,
    *,
    outcome: str,
    rating: str = "rating",
    customer: str = "customer_id",
    time: str = "occurred_at",
    answered: str = "responded_at",
    within: float = 180,
    confidence: float = 0.95,
    seed: int = 0,
) -> Moments:
    """Compare the worst, the best and the last contact with the mean as predictors of overall satisfaction.

    Parameters
    ----------
    data : DataFrame
        One row per contact, with its rating.
    responses : DataFrame
        One row per answer. To each belong the rated contacts of its customer in the `within` days before it;
        answers with fewer than two are left out, since peak, end and mean are then the same.
    outcome : str
        Overall satisfaction, a column of `responses`.
    rating, customer, time, answered : str
        Columns: rating and time of a contact, customer (in both), time of the answer.
    within : float
        Days.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the joint replicates.

    Returns
    -------
    Moments
        Tables models, terms and pairs.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; days not above 0; a bad confidence.

    Notes
    -----
    With fewer than 10 customers that have two rated contacts every figure is NaN.
    Least squares. Cross-validation in 10 folds of whole customers, so that nobody is predicted from their own
    other answers; R2 = 1 - squared errors / squared errors of the mean of the other folds, below 0 where a model
    predicts worse than that mean. Its interval: t over replicates of customers with the predictions held. Terms:
    added to the mean one at a time, limits robust to repeated answers of a customer (CR1), t with customers - 1
    degrees of freedom. All are associations: mood and expectations stand behind ratings and satisfaction alike,
    which raises them all.

    References
    ----------
    Kahneman, D. et al. (1993), When more pain is preferred to less, Psychological Science 4, 401-405; Cameron,
    A. C. and Miller, D. L. (2015), Journal of Human Resources 50, 317-372.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> day = pd.Timestamp("2026-10-01")
    >>> calls = pd.DataFrame({"customer_id": np.repeat(np.arange(80), 3), "rating": rng.integers(1, 8, 240)})
    >>> calls["occurred_at"] = day + pd.to_timedelta(np.tile([0, 1, 2], 80), unit="D")
    >>> answers = pd.DataFrame({"customer_id": np.arange(80), "responded_at": day + pd.Timedelta(days=9)})
    >>> answers["overall"] = calls.groupby("customer_id")["rating"].last() / 2 + rng.normal(0, 0.5, 80)
    >>> found = moments_of_truth(calls, answers, outcome="overall")
    >>> models = found.models.query("measure == 'r2'").set_index("model")
    >>> models["estimate"].idxmax() in ("end", "peak_end"), int(models.loc["end", "n"])
    (True, 80)
    """
    check_confidence(confidence)
    if not within > 0:
        raise ValueError(f"within={within}; it is a number of days above 0")
    require_columns(data.columns, [rating, customer, time])
    require_columns(responses.columns, [outcome, customer, answered])
    contacts = data[[customer, time, rating]].set_axis(["customer", "at", "rating"], axis=1).dropna()
    answers = (
        responses[[customer, answered, outcome]].set_axis(["customer", "answered", "outcome"], axis=1).dropna()
    )
    pairs = _paired(contacts, answers, within)
    groups = replicate_groups(pairs["customer"]) if len(pairs) else np.array([], dtype=np.uint8)
    if len(np.unique(groups)) < MIN_GROUPS or pairs["customer"].nunique() < FOLDS:
        return _too_few(pairs)
    return Moments(_models(pairs, groups, confidence, seed), _terms(pairs, confidence), pairs)


def _paired(contacts: pd.DataFrame, answers: pd.DataFrame, within: float) -> pd.DataFrame:
    answers = answers.reset_index(drop=True).assign(answer=lambda frame: frame.index)
    both = answers.merge(contacts, on="customer")
    ago = both["answered"] - both["at"]
    both = both[(ago > pd.Timedelta(0)) & (ago <= pd.Timedelta(days=within))].sort_values(
        ["answer", "at"], kind="stable"
    )
    made = both.groupby("answer")["rating"].agg(mean="mean", worst="min", best="max", end="last", contacts="count")
    made = made[made["contacts"] >= 2]
    return answers.loc[made.index, ["customer", "outcome"]].join(made).reset_index(drop=True)


def _too_few(pairs: pd.DataFrame) -> Moments:
    nothing = dict.fromkeys(["n_eff", "estimate", "ci_low", "ci_high"], np.nan)
    nothing |= {"n": len(pairs), "n_groups": pairs["customer"].nunique(), "few_groups": True}
    models = [{"model": name, "measure": measure} | nothing for measure in ("r2", "less_mean") for name in MODELS]
    unknown = dict.fromkeys(["p_value", "p_adjusted", "minimum_detectable"], np.nan)
    terms = [{"term": term} | nothing | unknown for term in WORDS[1:]]
    return Moments(pd.DataFrame(models), pd.DataFrame(terms), pairs)


def _models(pairs: pd.DataFrame, groups: np.ndarray, confidence: float, seed: int) -> pd.DataFrame:
    y = pairs["outcome"].to_numpy(dtype=float)
    errors = [_errors(pairs, y, ())] + [_errors(pairs, y, words) for words in MODELS.values()]
    sums = np.stack([np.bincount(groups, error**2, REPLICATE_GROUPS) for error in errors], axis=-1)
    present = np.bincount(groups, minlength=REPLICATE_GROUPS) > 0
    drawn = multiplicities(present, seed=seed) @ sums
    total = sums.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r2, moved = 1 - total[1:] / total[0], 1 - drawn[:, 1:] / drawn[:, :1]
    given = {"n": len(y), "n_groups": int(present.sum()), "confidence": confidence}
    tables = []
    for measure, value, each in (("r2", r2, moved), ("less_mean", r2 - r2[0], moved - moved[:, :1])):
        table = pd.DataFrame(mean_limits(value, each, **given)).drop(columns="p_value")
        table.insert(0, "n", len(y))
        table.insert(0, "measure", measure)
        table.insert(0, "model", list(MODELS))
        tables.append(table)
    tables[1].loc[0, ["estimate", "ci_low", "ci_high"]] = np.nan
    return pd.concat(tables, ignore_index=True)


def _errors(pairs: pd.DataFrame, y: np.ndarray, words: Sequence[str]) -> np.ndarray:
    """Errors of predictions made from other customers; without predictors, of their mean."""
    x = pairs[list(words)].to_numpy(dtype=float) if words else np.zeros((len(y), 1))
    left = np.empty(len(y))
    with one_thread():
        for train, test in GroupKFold(FOLDS).split(x, y, pairs["customer"]):
            left[test] = y[test] - LinearRegression().fit(x[train], y[train]).predict(x[test])
    return left


def _terms(pairs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    codes, customers = pd.factorize(pairs["customer"])
    rows = []
    for term in WORDS[1:]:
        design = sm.add_constant(pairs[["mean", term]].astype(float))
        fit = sm.OLS(pairs["outcome"].astype(float), design).fit(
            cov_type="cluster", cov_kwds={"groups": codes, "df_correction": True}, use_t=True
        )
        low, high = fit.conf_int(alpha=1 - confidence).loc[term]
        row = {"term": term, "n": len(pairs), "n_eff": float(len(customers)), "n_groups": len(customers)}
        sure = stats.t.ppf((1 + confidence) / 2, len(customers) - 1) + stats.norm.ppf(POWER)
        row |= {"minimum_detectable": sure * fit.bse[term]}
        row |= {"few_groups": len(customers) < FEW_GROUPS, "estimate": fit.params[term], "ci_low": low}
        rows.append(row | {"ci_high": high, "p_value": fit.pvalues[term]})
    table = pd.DataFrame(rows)
    return table.assign(p_adjusted=holm(table["p_value"].to_numpy()))
