"""What the model's order rests on: associations, on months it has not seen."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import clone

from csatlib.churn.measures import Figure, auc, group_sums
from csatlib.churn.models import Churn
from csatlib.stats.intervals import FEW_GROUPS, check_confidence, from_replicates, max_t
from csatlib.stats.replicates import REPLICATES, multiplicities
from csatlib.stats.rows import replicate_groups, require_columns

REPEATS = 5
REFITS = 20
POINTS = 8


def importance(
    model: Churn,
    rows: pd.DataFrame,
    *,
    blocks: Mapping[str, Sequence[str]] | None = None,
    repeats: int = REPEATS,
    customer: str = "customer_id",
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Shuffle features, a block at a time, on later months and see how much worse leavers are told from stayers.

    Parameters
    ----------
    model : Churn
        From :func:`csatlib.churn.fit`.
    rows : DataFrame
        Test snapshots; features are shuffled within each.
    blocks : mapping of str to list of str, optional
        Features shuffled together, since they say much the same; default: each alone. Those that the model does
        not read are passed over.
    repeats : int
        Shuffles per block, averaged.
    customer : str
        Rows of one customer are resampled together.
    confidence : float
        Coverage aimed at, for all blocks together.
    seed, replicates : int
        Seed of shuffles and replicates; number of replicates.

    Returns
    -------
    DataFrame
        A row per block in the order given: ``feature`` (its name), ``n``, ``n_events``, ``n_groups``,
        ``few_groups``, ``estimate`` (AUC lost), ``ci_low``, ``ci_high`` (simultaneous), ``p_adjusted``, ``top``
        (cannot be told from the largest, where that one is above 0; else False for all: no order can be claimed).

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    Features that say the same share what they lose: a small figure does not make a feature idle.

    References
    ----------
    Breiman, L. (2001), Machine Learning 45, 5-32; Fisher, A., Rudin, C. and Dominici, F. (2019), Journal of
    Machine Learning Research 20(177).

    Examples
    --------
    >>> from csatlib.churn import fit
    >>> rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(400)], "days": np.arange(400) % 20})
    >>> rows["snapshot"], rows["other"] = pd.Timestamp("2026-01-01"), np.arange(400) // 100
    >>> rows["left"] = (rows["days"] < 5).astype(float)
    >>> importance(fit(rows), rows, replicates=100).set_index("feature")["top"].to_dict()
    {'days': True, 'other': False}
    """
    check_confidence(confidence)
    require_columns(rows.columns, [customer, "snapshot", "left", *model.features])
    rows = rows.sort_values(["snapshot", customer]).reset_index(drop=True)
    texts = [name for name in model.features if not pd.api.types.is_numeric_dtype(rows[name])]
    rows = rows.astype(dict.fromkeys(texts, "category"))  # their values are looked up once, not in every row
    left, group, drawn, base = shared(rows, customer, replicates, seed)
    rng = np.random.default_rng(seed)
    whole = auc(model.predict(rows), left, group, drawn)
    blocks = {name: [f for f in b if f in model.features] for name, b in (blocks or {}).items()}
    blocks = {name: b for name, b in blocks.items() if b} or {name: [name] for name in model.features}
    lost = [_lost(model, rows, b, whole, (left, group, drawn), rng, repeats) for b in blocks.values()]
    estimate = np.array([figure.estimate for figure in lost])
    resampled = np.column_stack([figure.replicates for figure in lost])
    limits = max_t(estimate, resampled, n_groups=base["n_groups"], confidence=confidence)
    first = int(estimate.argmax())
    behind = max_t(
        estimate[first] - estimate,
        resampled[:, [first]] - resampled,
        n_groups=base["n_groups"],
        confidence=confidence,
    )
    return pd.DataFrame(
        {
            "feature": list(blocks),
            **base,
            "estimate": estimate,
            "ci_low": limits.ci_low,
            "ci_high": limits.ci_high,
            "p_adjusted": limits.p_value,
            "top": ~(behind.ci_low > 0) & bool(limits.ci_low[first] > 0),
        }
    )


def dependence(
    model: Churn,
    rows: pd.DataFrame,
    *,
    train: pd.DataFrame,
    features: Sequence[str],
    customer: str = "customer_id",
    confidence: float = 0.95,
    seed: int = 0,
    refits: int = REFITS,
) -> pd.DataFrame:
    """Set a feature to one value for everybody and average the model's probabilities: partial dependence.

    Parameters
    ----------
    model, rows, customer, seed
        As for :func:`importance`.
    train : DataFrame
        What the model was fitted to; refitted to redraws of its customers, which is where the limits come from.
    features : sequence of str
        Which features: numbers at up to eight quantiles, texts at each value.
    confidence : float
        Coverage aimed at, at each value.
    refits : int
        Number of refits, with the settings that were chosen.

    Returns
    -------
    DataFrame
        ``feature``, ``level`` (as text), ``at`` (number, NaN for texts), ``n``, ``n_events``, ``n_groups``,
        ``few_groups``, ``estimate`` (mean probability), ``ci_low``, ``ci_high``.

    Raises
    ------
    KeyError
        Columns that are not there, features the model does not read.

    References
    ----------
    Friedman, J. H. (2001), Annals of Statistics 29(5), 1189-1232.

    Examples
    --------
    >>> from csatlib.churn import fit
    >>> rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(400)], "days": np.arange(400) % 20})
    >>> rows["left"] = (rows["days"] < 5).astype(float)
    >>> found = dependence(fit(rows), rows, train=rows, features=["days"], refits=5)
    >>> bool(found["estimate"].iloc[0] > 0.9 > 0.1 > found["estimate"].iloc[-1])
    True
    """
    check_confidence(confidence)
    require_columns(model.features, features)
    _, group, drawn, base = shared(train, customer, refits, seed)
    coded, left = model.coded(train), train["left"].to_numpy(float)
    fits = [_refit(model, coded, left, times) for times in drawn[:, group].astype(int)]
    coded, levels = model.coded(rows), {name: _levels(rows[name]) for name in features}
    means = np.hstack([_means(model, fits, coded, name, levels[name]) for name in features])
    asked = [(name, level) for name in features for level in levels[name]]
    estimate, resampled = means[0], means[1:]
    limits = from_replicates(estimate, resampled, n_groups=base["n_groups"], confidence=confidence)
    return pd.DataFrame(
        {
            "feature": [name for name, _ in asked],
            "level": [level if isinstance(level, str) else f"{level:g}" for _, level in asked],
            "at": [np.nan if isinstance(level, str) else float(level) for _, level in asked],
            **base | {"n": len(rows), "n_events": float(rows["left"].sum())},
            "estimate": estimate,
            "ci_low": np.clip(limits.ci_low, 0, 1),
            "ci_high": np.clip(limits.ci_high, 0, 1),
        }
    )


def shared(rows: pd.DataFrame, customer: str, replicates: int, seed: int) -> tuple:
    """Return targets, replicate groups, multiplicities and the columns that every row of a table has."""
    group = replicate_groups(rows[customer])
    present = group_sums(np.ones(len(rows)), group) > 0
    n_groups = int(present.sum())
    left = rows["left"].to_numpy(float)
    base = {
        "n": len(rows),
        "n_events": float(left.sum()),
        "n_groups": n_groups,
        "few_groups": n_groups < FEW_GROUPS,
    }
    return left, group, multiplicities(present, replicates=replicates, seed=seed), base


def _refit(model: Churn, coded: np.ndarray, left: np.ndarray, times: np.ndarray) -> Any:
    """Fit the chosen pipeline, uncalibrated, to rows that count so many times."""
    drawn = np.repeat(np.arange(len(coded)), times)
    return clone(model.estimator).fit(coded[drawn], left[drawn])


def _means(model: Churn, fits: list, coded: np.ndarray, name: str, levels: list) -> np.ndarray:
    """Mean probability with all rows at each level, by the model and by each refit, shape (1 + refits, levels).

    The terms of a logistic model add up: as far as a level moves one row it moves every row.
    """
    places = model.levels[name].get_indexer(levels) if name in model.levels else levels
    own, adds = np.array(model.features) == name, model.kind == "logistic"
    fixed = [np.where(own, float(place), coded) for place in places]
    means = [[model.probability(at).mean() for at in fixed]]
    for fitted in fits:
        if adds:
            moved = fitted.decision_function(np.vstack([at[:1] for at in fixed]))[:, None]
            means.append(expit(fitted.decision_function(fixed[0]) + moved - moved[0]).mean(axis=1))
        else:
            means.append([fitted.predict_proba(at)[:, 1].mean() for at in fixed])
    return np.array(means)


def _lost(
    model: Churn,
    rows: pd.DataFrame,
    block: list[str],
    whole: Figure,
    shared: tuple,
    rng: np.random.Generator,
    repeats: int,
) -> Figure:
    edges, scores = np.append(0, np.cumsum(rows.groupby("snapshot", sort=True).size().to_numpy())), []
    for _ in range(repeats):
        order = np.concatenate([a + rng.permutation(b - a) for a, b in zip(edges[:-1], edges[1:], strict=True)])
        mixed = rows.assign(**{name: rows[name].array.take(order) for name in block})
        scores.append(model.predict(mixed))
    left = auc(np.stack(scores), *shared)
    return Figure(whole.estimate - left.estimate, whole.replicates - left.replicates)


def _levels(column: pd.Series) -> list:
    known = column.dropna()
    if pd.api.types.is_numeric_dtype(column):
        return list(np.unique(np.quantile(known, np.linspace(0.025, 0.975, POINTS))))
    return sorted(known.unique())
