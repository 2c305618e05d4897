"""Two models behind one interface, tuned and calibrated on the training months alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from csatlib.churn.snapshots import feature_names
from csatlib.stats.rows import replicate_groups, require_columns

FOLDS = 5
ENOUGH = 500
FADES = 30.0  # days after which what happened counts half in the logistic model
KINDS = ("logistic", "boosting")
GRIDS = {
    "logistic": {"model__C": [0.001, 0.003, 0.01, 0.1, 1.0]},
    "boosting": {"model__max_iter": [40, 120], "model__max_leaf_nodes": [4]},
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
    estimator : object
        Calibrated scikit-learn classifier.
    summary : DataFrame
        A row per setting tried: ``model``, ``setting``, ``n``, ``n_events``, ``estimate`` (log loss per row of
        customers left out), ``se`` (over the folds), ``chosen``.
    n_leavers : int
        Customers who left, in the training rows.
    enough : bool
        False under 500 leavers: then which feature says most, bends, and which model is better are not claimed.
    """

    kind: str
    features: list[str]
    estimator: Any
    summary: pd.DataFrame
    n_leavers: int
    enough: bool

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
        require_columns(rows.columns, self.features)
        return self.estimator.predict_proba(rows[self.features])[:, 1]


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
    groups = replicate_groups(rows[customer])
    cuts = list(GroupKFold(n_splits=folds).split(rows, groups=groups))
    tried = {k: _tuned(k, rows, features, cuts, seed) for k in (KINDS if kind == "best" else (kind,))}
    chosen = kind if kind != "best" else _better(tried)
    summary = pd.concat([_summary(k, search, rows, k == chosen) for k, search in tried.items()], ignore_index=True)
    estimator = CalibratedClassifierCV(tried[chosen].best_estimator_, method="sigmoid", cv=cuts, ensemble=False)
    estimator.fit(rows[features], rows["left"])
    return Churn(chosen, features, estimator, summary, leavers, leavers >= ENOUGH)


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


def _pipeline(kind: str, rows: pd.DataFrame, features: list[str], seed: int) -> Pipeline:
    numbers = [name for name in features if pd.api.types.is_numeric_dtype(rows[name])]
    texts = [name for name in features if name not in numbers]
    ages = [name for name in numbers if kind == "logistic" and name.endswith("_days")]
    numbers = [name for name in numbers if name not in ages]
    if kind == "logistic":
        prepared = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
        model: Any = LogisticRegression(max_iter=1000)
    else:
        prepared = "passthrough"
        model = HistGradientBoostingClassifier(
            learning_rate=0.08, min_samples_leaf=50, l2_regularization=1.0, early_stopping=False, random_state=seed
        )
    encoded = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    recent = make_pipeline(FunctionTransformer(_recency, feature_names_out="one-to-one"), StandardScaler())
    columns = ColumnTransformer(
        [("numbers", prepared, numbers), ("ages", recent, ages), ("texts", encoded, texts)]
    )
    return Pipeline([("columns", columns), ("model", model)])


def _recency(days: pd.DataFrame) -> pd.DataFrame:
    return (1 / (1 + days.clip(lower=0) / FADES)).fillna(0.0)


def _tuned(kind: str, rows: pd.DataFrame, features: list[str], cuts: list, seed: int) -> GridSearchCV:
    pipeline = _pipeline(kind, rows, features, seed)
    search = GridSearchCV(pipeline, GRIDS[kind], scoring="neg_log_loss", cv=cuts, refit=True)
    return search.fit(rows[features], rows["left"])


def _losses(search: GridSearchCV) -> np.ndarray:
    """Log loss of each setting in each fold, shape (settings, folds)."""
    folds = search.n_splits_
    return -np.stack([search.cv_results_[f"split{k}_test_score"] for k in range(folds)], axis=1)


def _better(tried: dict[str, GridSearchCV]) -> str:
    losses = [_losses(tried[kind])[tried[kind].best_index_] for kind in KINDS]
    gained = losses[0] - losses[1]
    return "boosting" if gained.mean() > gained.std(ddof=1) / np.sqrt(len(gained)) else "logistic"


def _summary(kind: str, search: GridSearchCV, rows: pd.DataFrame, chosen: bool) -> pd.DataFrame:
    losses = _losses(search)
    settings = [
        ", ".join(f"{name.removeprefix('model__')} = {value:g}" for name, value in setting.items())
        for setting in search.cv_results_["params"]
    ]
    return pd.DataFrame(
        {
            "model": kind,
            "setting": settings,
            "n": len(rows),
            "n_events": int(rows["left"].sum()),
            "estimate": losses.mean(axis=1),
            "se": losses.std(axis=1, ddof=1) / np.sqrt(losses.shape[1]),
            "chosen": (np.arange(len(settings)) == search.best_index_) & chosen,
        }
    )
