"""How much of the spread of overall satisfaction goes with the experience at each touchpoint, reach counted."""

import numpy as np
import pandas as pd

from csatlib.stats.intervals import FEW_GROUPS, from_replicates
from csatlib.stats.moments import Replicates, moments
from csatlib.stats.relative_importance import (
    MAX_BATCHED,
    MAX_BLOCKS,
    correlations,
    lmg,
    relative_weights,
    sets,
)
from csatlib.stats.threads import one_thread

FEWEST = 5  # customers behind a touchpoint, or behind either side of a comparison
LIMITS = {
    "importance": ("importance", "percentile"),
    "share": ("ci", "percentile"),
    "coefficient": ("coefficient", "t"),
}
COLUMNS = (
    *("touchpoint", "n", "n_groups", "few_groups", "reach", "rated_share"),
    *("importance", "importance_low", "importance_high", "share", "ci_low", "ci_high", "set"),
    *("coefficient", "coefficient_low", "coefficient_high", "r2", "method"),
)


def looked_back(asked: pd.DataFrame, contacts: pd.DataFrame, *, days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Look back from each answer at the contacts of its customer.

    Parameters
    ----------
    asked : DataFrame
        ``customer_id``, ``responded_at``; one row per answer, index 0 to n - 1.
    contacts : DataFrame
        ``touchpoint``, ``customer_id``, ``occurred_at``, ``rating`` (NaN where not rated).
    days : int
        Days looked back.

    Returns
    -------
    (DataFrame, DataFrame of bool)
        One row per answer, one column per touchpoint: mean rating (NaN without one), and whether it was met.

    Examples
    --------
    >>> asked = pd.DataFrame({"customer_id": ["a", "b"], "responded_at": pd.Timestamp("2026-10-01")})
    >>> contacts = asked.rename(columns={"responded_at": "occurred_at"})
    >>> contacts = contacts.assign(touchpoint="Chat", rating=[3, None])
    >>> rating, met = looked_back(asked, contacts, days=90)
    >>> rating["Chat"].tolist(), met["Chat"].tolist()
    ([3.0, nan], [True, True])
    """
    pairs = asked[["customer_id", "responded_at"]].reset_index(names="answer").merge(contacts, on="customer_id")
    gap = (pairs["responded_at"] - pairs["occurred_at"]).dt.total_seconds() / 86_400
    held = pairs[(gap >= 0) & (gap < days)].groupby(["answer", "touchpoint"])["rating"]
    rating, met = held.mean().unstack(), held.size().unstack()
    return rating.reindex(asked.index), met.reindex(asked.index).notna()


def importance(
    asked: pd.DataFrame,
    rating: pd.DataFrame,
    met: pd.DataFrame,
    covariates: pd.DataFrame,
    *,
    outcome: str,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Share the explained variation of an outcome out among the touchpoints.

    Parameters
    ----------
    asked : DataFrame
        ``customer_id`` and the outcome, one row per answer.
    rating, met : DataFrame
        From :func:`looked_back`.
    covariates : DataFrame
        Further columns held constant; may have none.
    outcome : str
        Numeric column of `asked`.
    confidence, replicates, seed
        As in :func:`csatlib.touchpoints.impact`.

    Returns
    -------
    DataFrame
        Columns as told in :class:`csatlib.touchpoints.Impact`.

    Notes
    -----
    Told in :func:`csatlib.touchpoints.impact`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> rating = pd.DataFrame(rng.normal(size=(400, 2)), columns=["Chat", "Shop"])
    >>> asked = pd.DataFrame({"customer_id": np.arange(400).astype(str), "overall": rating["Chat"]})
    >>> found = importance(asked, rating, rating.notna(), rating[[]], outcome="overall")
    >>> found[["touchpoint", "share", "reach"]].round(2).values.tolist()
    [['Chat', 1.0, 1.0], ['Shop', 0.0, 1.0]]
    """
    table = _counted(asked, rating, met)
    varies = rating[table["touchpoint"]].nunique().gt(1).to_numpy()
    used = table.loc[varies & (table["n_groups"] >= FEWEST), "touchpoint"].tolist()
    if not used:
        return table.reindex(columns=COLUMNS).assign(set="")
    frame = _design(asked, rating[used], met[used], covariates, outcome)
    summed = moments(frame, list(frame.columns[:-1]), cluster="customer_id")
    observed = Replicates(summed.means[None], summed.covariance[None])
    lift = np.sqrt(met[used].sum() / rating[used].notna().sum()).to_numpy()
    with one_thread():
        method, parts = _shared(observed, summed.replicates(replicates, seed=seed), lift)
    groups = np.minimum(table.set_index("touchpoint").loc[used, "n_groups"], summed.n_groups).to_numpy()
    found = {"touchpoint": used, "r2": _adjusted(parts["importance"][0].sum(), lift, summed.n), "method": method}
    for name, (ends, how) in LIMITS.items():
        own, drawn = parts[name]
        limits = from_replicates(own, drawn, n_groups=groups, confidence=confidence, method=how)
        found |= {name: own, f"{ends}_low": limits.ci_low, f"{ends}_high": limits.ci_high}
    found["set"] = sets(*parts["share"], n_groups=summed.n_groups, confidence=confidence)
    table = table.merge(pd.DataFrame(found), on="touchpoint", how="left")
    return table.assign(set=table["set"].fillna(""))[list(COLUMNS)]


def _design(
    asked: pd.DataFrame, rating: pd.DataFrame, met: pd.DataFrame, covariates: pd.DataFrame, outcome: str
) -> pd.DataFrame:
    """Experiences (0, their mean, where there is none), who met and who rated, covariates, outcome, customer."""
    parts = [(rating - rating.mean()).fillna(0.0), met, rating.notna(), covariates, asked[[outcome]]]
    frame = pd.concat([part.astype(float) for part in parts], axis=1)
    frame.columns = [f"c{i}" for i in range(frame.shape[1])]
    return frame.assign(customer_id=asked["customer_id"])


def _counted(asked: pd.DataFrame, rating: pd.DataFrame, met: pd.DataFrame) -> pd.DataFrame:
    there = rating.notna()
    customers = [asked.loc[own, "customer_id"].nunique() for _, own in there.items()]
    table = pd.DataFrame({"touchpoint": rating.columns, "n": there.sum().to_numpy(), "n_groups": customers})
    table = table.assign(
        few_groups=table["n_groups"] < FEW_GROUPS,
        reach=met.mean().to_numpy(),
        rated_share=(there.sum() / met.sum()).to_numpy(),
    )
    return table[table["n"] > 0].reset_index(drop=True)


def _shared(
    observed: Replicates, drawn: Replicates, lift: np.ndarray
) -> tuple[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Return importance, share and coefficient, each on all rows and in the replicates."""
    k = len(lift)
    names = {"blocks": [[j] for j in range(k)]}
    names["covariates"] = list(range(k, observed.covariance.shape[-1] - 1))
    all_rows, replicated = (_lifted(part.covariance, lift) for part in (observed, drawn))
    method = "lmg" if k <= MAX_BLOCKS else "relative_weights"
    own = {"lmg": lmg, "relative_weights": relative_weights}[method](all_rows, **names)
    if k <= MAX_BATCHED:
        values = lmg(replicated, **names)
    else:
        values = relative_weights(replicated, **names)
        values *= own / np.maximum(relative_weights(all_rows, **names), 1e-12)
    slopes = [_slopes(corr, part.covariance, lift) for corr, part in ((all_rows, observed), (replicated, drawn))]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [np.maximum(v, 0) / np.maximum(v, 0).sum(axis=1, keepdims=True) for v in (own, values)]
    parts = {"importance": (own, values), "share": shares, "coefficient": slopes}
    return method, {name: (one[0], many) for name, (one, many) in parts.items()}


def _lifted(covariance: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """Correlations as if all who met a touchpoint had rated it; experiences are the first columns."""
    factor = np.ones(covariance.shape[-1])
    factor[: len(lift)] = lift
    corr = correlations(covariance)[0] * factor[:, None] * factor
    index = np.arange(len(factor))
    corr[:, index, index] = 1.0
    return correlations(corr)[0]


def _adjusted(r2: float, lift: np.ndarray, n: int) -> float:
    """Take off what chance alone would give: each touchpoint lift^2 / (n - 1) of what is left unexplained."""
    return r2 - (1 - r2) * (lift**2).sum() / (n - 1)


def _slopes(corr: np.ndarray, covariance: np.ndarray, lift: np.ndarray) -> np.ndarray:
    """Points of the outcome per point of a rating, for those who met the touchpoint."""
    slopes = np.linalg.pinv(corr[:, :-1, :-1], rcond=1e-10, hermitian=True) @ corr[:, :-1, -1:]
    sd = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return slopes[:, : len(lift), 0] * sd[:, -1:] / (sd[:, : len(lift)] * lift)
