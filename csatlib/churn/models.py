"""Two models behind one interface, tuned and calibrated on the training months alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, ParameterGrid
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from csatlib.churn.measures import log_losses
from csatlib.churn.snapshots import feature_names
from csatlib.stats.rows import replicate_groups, require_columns

FOLDS = 5
ENOUGH = 500
FADES = 30.0  # days after which what happened counts half in the logistic model
KINDS = ("logistic", "boosting")
GRIDS = {
    "logistic": {"C": [0.001, 0.003, 0.01, 0.1, 1.0]},
    "boosting": {"max_iter": [40, 120], "max_leaf_nodes": [4]},
}


@dataclass(frozen=True)
class Churn:
    """A fitted model.

    Attributes
    ----------
    kind : {"logistic", "boosting"}
        Which one.
    features : list of str
        Columns it reads.
    estimator : Pipeline
        scikit-learn classifier, fitted to all rows.
    summary : DataFrame
        A row per setting tried: ``model``, ``setting``, ``n``, ``n_events``, ``estimate`` (log loss per row of
        customers left out), ``se`` (over the folds), ``chosen``.
    n_leavers : int
        Customers who left, in the training rows.
    enough : bool
        False under 500 leavers: then which feature says most, bends, and which model is better are not claimed.
    levels : dict of str to Index
        Values of each text in training.
    sigmoid : LogisticRegression
        Probability by the estimator's decision, fitted to decisions on rows of customers left out.
    """

    kind: str
    features: list[str]
    estimator: Any
    summary: pd.DataFrame
    n_leavers: int
    enough: bool
    levels: dict[str, pd.Index] = field(default_factory=dict)
    sigmoid: LogisticRegression | None = None

    def coded(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the features as numbers, as the estimator takes them: of texts the place among the levels.

        Parameters
        ----------
        rows : DataFrame
            With the model's features.

        Returns
        -------
        ndarray of float, shape (rows, features)
            -1 for a text that is missing or was not seen in training.

        Examples
        --------
        >>> model = Churn("logistic", ["plan"], None, pd.DataFrame(), 0, False, {"plan": pd.Index(["x", "y"])})
        >>> model.coded(pd.DataFrame({"plan": ["y", "z"]}))[:, 0].tolist()
        [1.0, -1.0]
        """
        require_columns(rows.columns, self.features)
        return _coded(rows, self.features, self.levels)

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the probability of leaving within the horizon, one per row.

        Parameters
        ----------
        rows : DataFrame
            With the model's features; a category not seen in training counts as none of them.

        Returns
        -------
        ndarray of float, shape (rows,)

        Examples
        --------
        >>> rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(400)], "days": np.arange(400) % 20})
        >>> model = fit(rows.assign(left=(rows["days"] < 5).astype(float)))
        >>> model.predict(pd.DataFrame({"days": [0, 19]})).round(1).tolist()
        [1.0, 0.0]
        """
        return self.probability(self.coded(rows))

    def probability(self, coded: np.ndarray) -> np.ndarray:
        """Return the probability of leaving within the horizon, of rows that are coded.

        Parameters
        ----------
        coded : ndarray of float, shape (rows, features)
            From :meth:`coded`.

        Returns
        -------
        ndarray of float, shape (rows,)

        Examples
        --------
        >>> rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(400)], "days": np.arange(400) % 20})
        >>> model = fit(rows.assign(left=(rows["days"] < 5).astype(float)))
        >>> model.probability(model.coded(rows.head(1))).round(1).tolist()
        [1.0]
        """
        return self.sigmoid.predict_proba(self.estimator.decision_function(coded)[:, None])[:, 1]


def fit(
    rows: pd.DataFrame,
    *,
    features: Sequence[str] | None = None,
    kind: Literal["logistic", "boosting", "best"] = "logistic",
    customer: str = "customer_id",
    folds: int = FOLDS,
    seed: int = 0,
) -> Churn:
    """Fit a model of leaving; tuning and calibration see these rows and no others.

    Parameters
    ----------
    rows : DataFrame
        Training snapshots, from :func:`csatlib.churn.split`; column ``left`` is 0 or 1, none missing.
    features : sequence of str, optional
        Numbers, missing values allowed, and texts; default: all of :func:`csatlib.churn.feature_names`.
    kind : {"logistic", "boosting", "best"}
        L2-regularised logistic regression, histogram gradient boosting, or the better: boosting only where its
        log loss is lower by more than one standard error over the folds.
    customer : str
        Rows of one customer stay in one fold.
    folds : int
        Folds for tuning and calibration.
    seed : int
        Goes into the boosting.

    Returns
    -------
    Churn
        See its attributes.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; a target that is not 0 or 1, or has fewer leavers than folds; another kind.

    Notes
    -----
    Numbers are centred, medians stand for missing ones and an indicator says so (logistic). Days since something
    (columns that end in ``_days``) enter as recency, 1 / (1 + days / 30), 0 where it never happened: what happened
    fades, and "never" is longest ago. Boosting takes numbers as they are. Texts become indicators. The folds'
    predictions are brought to the observed rate by Platt's sigmoid.
    500 leavers: about 20 per column of a model with 25, in the middle of what Riley et al. ask for.

    References
    ----------
    Platt, J. (1999), Advances in Large Margin Classifiers, 61-74; Riley, R. D. et al. (2019), Statistics in
    Medicine 38(7), 1276-1296; Breiman, L. et al. (1984), Classification and Regression Trees, 3.4.3.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(400)], "days": np.arange(400) % 20})
    >>> model = fit(rows.assign(left=(rows["days"] < 5).astype(float)))
    >>> model.n_leavers, model.enough, model.summary["chosen"].sum()
    (100, False, np.int64(1))
    """
    features = list(features or feature_names(rows))
    require_columns(rows.columns, [customer, "left", *features])
    leavers = _validate(rows, customer, kind, folds)
    features = [name for name in features if rows[name].notna().any()]
    texts = [name for name in features if not pd.api.types.is_numeric_dtype(rows[name])]
    levels = {name: pd.Index(sorted(rows[name].dropna().unique())) for name in texts}
    coded, left = _coded(rows, features, levels), rows["left"].to_numpy(float)
    cuts = list(GroupKFold(n_splits=folds).split(coded, groups=replicate_groups(rows[customer])))
    pipelines = {k: _pipeline(k, features, texts, seed) for k in (KINDS if kind == "best" else (kind,))}
    decided = {k: _decisions(pipeline, GRIDS[k], coded, left, cuts) for k, pipeline in pipelines.items()}
    tried = {k: _losses(decisions, left, cuts) for k, decisions in decided.items()}
    chosen = kind if kind != "best" else _better(tried)
    summary = pd.concat([_summary(k, losses, rows, k == chosen) for k, losses in tried.items()], ignore_index=True)
    best = int(tried[chosen].mean(axis=1).argmin())
    setting = {f"model__{name}": value for name, value in ParameterGrid(GRIDS[chosen])[best].items()}
    estimator, sigmoid = (
        pipelines[chosen].set_params(**setting).fit(coded, left),
        _platt(decided[chosen][best], left),
    )
    return Churn(chosen, features, estimator, summary, leavers, leavers >= ENOUGH, levels, sigmoid)


def _coded(rows: pd.DataFrame, features: list[str], levels: dict[str, pd.Index]) -> np.ndarray:
    """Texts as places among their levels: read once here, not once for each fit."""
    columns = [levels[name].get_indexer(rows[name]) if name in levels else rows[name] for name in features]
    return np.column_stack([np.asarray(column, dtype=float) for column in columns])


def _validate(rows: pd.DataFrame, customer: str, kind: str, folds: int) -> int:
    problems = []
    if kind not in (*KINDS, "best"):
        problems.append(f"kind={kind!r}; allowed are 'logistic', 'boosting' and 'best'")
    if not rows["left"].isin([0, 1]).all():
        problems.append("left has values other than 0 and 1; leave out snapshots whose horizon is not over")
    leavers = int(rows.loc[rows["left"] == 1, customer].nunique())
    if leavers < folds or (rows["left"] == 1).all():
        problems.append(
            f"{leavers} customers of {len(rows):,} rows left; needed are {folds} or more, and some who stay"
        )
    if problems:
        raise ValueError("; ".join(problems))
    return leavers


def _pipeline(kind: str, features: list[str], texts: list[str], seed: int) -> Pipeline:
    texts = [place for place, name in enumerate(features) if name in texts]
    ages = [place for place, name in enumerate(features) if kind == "logistic" and name.endswith("_days")]
    numbers = [place for place in range(len(features)) if place not in {*texts, *ages}]
    if kind == "logistic":
        # a feature may be known in one fold only
        filled = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        prepared = make_pipeline(filled, StandardScaler())
        model: Any = LogisticRegression(max_iter=1000)
    else:
        prepared = "passthrough"
        model = HistGradientBoostingClassifier(
            learning_rate=0.08, min_samples_leaf=50, l2_regularization=1.0, early_stopping=False, random_state=seed
        )
    encoded = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    recent = make_pipeline(FunctionTransformer(_recency), StandardScaler())
    parts = [("numbers", prepared, numbers), ("ages", recent, ages), ("texts", encoded, texts)]
    return Pipeline([("columns", ColumnTransformer(parts)), ("model", model)])


def _recency(days: np.ndarray) -> np.ndarray:
    return np.nan_to_num(1 / (1 + np.maximum(days, 0) / FADES))


def _decisions(pipeline: Pipeline, grid: dict, coded: np.ndarray, left: np.ndarray, cuts: list) -> np.ndarray:
    """Return what each setting decides of rows left out, shape (settings, rows); columns prepared once a fold."""
    settings = ParameterGrid(grid)
    found = np.empty((len(settings), len(left)))
    for train, test in cuts:
        prepared = clone(pipeline[:-1])
        known, unseen = prepared.fit_transform(coded[train]), prepared.transform(coded[test])
        for row, setting in zip(found, settings, strict=True):
            model = clone(pipeline[-1]).set_params(**setting).fit(known, left[train])
            row[test] = model.decision_function(unseen)
    return found


def _losses(decisions: np.ndarray, left: np.ndarray, cuts: list) -> np.ndarray:
    """Return the log loss of each setting in each fold, shape (settings, folds)."""
    lost = log_losses(expit(decisions), left)
    return np.column_stack([lost[:, test].mean(axis=1) for _, test in cuts])


def _platt(decisions: np.ndarray, left: np.ndarray) -> LogisticRegression:
    """Fit Platt's sigmoid: nobody quite surely leaves, or stays, so each row counts a little as the other."""
    stay, leave = (left == 0).sum(), (left == 1).sum()
    chance = np.where(left == 1, (leave + 1) / (leave + 2), 1 / (stay + 2))
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-9)
    both = np.tile(decisions, 2)[:, None], np.repeat([1.0, 0.0], len(left))
    return model.fit(*both, sample_weight=np.concatenate([chance, 1 - chance]))


def _better(tried: dict[str, np.ndarray]) -> str:
    best = [tried[kind][tried[kind].mean(axis=1).argmin()] for kind in KINDS]
    gained = best[0] - best[1]
    return "boosting" if gained.mean() > gained.std(ddof=1) / np.sqrt(len(gained)) else "logistic"


def _summary(kind: str, losses: np.ndarray, rows: pd.DataFrame, chosen: bool) -> pd.DataFrame:
    grid = ParameterGrid(GRIDS[kind])
    settings = [", ".join(f"{name} = {value:g}" for name, value in setting.items()) for setting in grid]
    return pd.DataFrame(
        {
            "model": kind,
            "setting": settings,
            "n": len(rows),
            "n_events": int(rows["left"].sum()),
            "estimate": losses.mean(axis=1),
            "se": losses.std(axis=1, ddof=1) / np.sqrt(losses.shape[1]),
            "chosen": (np.arange(len(settings)) == losses.mean(axis=1).argmin()) & chosen,
        }
    )
