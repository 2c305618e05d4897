"""Leavers without dates: what can be learnt where nobody knows when a customer left, or what was known then."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from csatlib.churn.leaks import TOO_GOOD, alone
from csatlib.churn.models import FOLDS, Churn, fit
from csatlib.churn.snapshots import Split, feature_names
from csatlib.stats.rows import replicate_groups, require_columns

FLAG, DAY = "left", "left_on"
OWN = ("customer_id", FLAG, "replicate")  # what the workspace adds tells nothing of a customer
MOST_VALUES = 50  # a text with more values names customers rather than groups of them


@dataclass(frozen=True)
class Crossed:
    """Models that each leave out a part of the customers; a customer is judged by the one that has not seen him.

    Attributes
    ----------
    models : tuple of Churn
        One per part.
    features : list of str
        Columns they read.
    customer : str
        Column that decides the part.
    """

    models: tuple[Churn, ...]
    features: list[str]
    customer: str

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the probability of having left, one per row.

        Parameters
        ----------
        rows : DataFrame
            With the features and the customers' ids.

        Returns
        -------
        ndarray of float, shape (rows,)

        Examples
        --------
        >>> rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(600)], "days": np.arange(600) % 20})
        >>> rows = rows.assign(left=(rows["days"] < 5).astype(float))
        >>> crossed(rows).predict(rows.head(20)).round(1)[[0, 19]].tolist()
        [1.0, 0.0]
        """
        part, found = replicate_groups(rows[self.customer]) % len(self.models), np.full(len(rows), np.nan)
        for k, model in enumerate(self.models):
            if (part == k).any():
                found[part == k] = model.predict(rows[part == k])
        return found


def dated(customers: pd.DataFrame) -> bool:
    """Say whether the days are on record on which customers left; False where only a flag says that they did.

    Parameters
    ----------
    customers : DataFrame
        The company's customers.

    Returns
    -------
    bool

    Examples
    --------
    >>> dated(pd.DataFrame(columns=["customer_id", "left"])), dated(pd.DataFrame(columns=["joined_on", "left_on"]))
    (False, True)
    """
    return FLAG not in customers.columns or DAY in customers.columns


def cross_section(customers: pd.DataFrame, *, on: str | pd.Timestamp, customer: str = "customer_id") -> Split:
    """Make the rows of a single moment: who has left by then, and what the table says of each customer.

    Parameters
    ----------
    customers : DataFrame
        One row per customer: `customer`, ``left`` (0 or 1; rows without it are left out), and what is known of
        each. Texts with more than 50 values, and times, are left out.
    on : date
        The moment, for the page's heads: nothing is computed from it.
    customer : str
        Column with the id.

    Returns
    -------
    Split
        The same rows as ``train`` and as ``test``, in the form of :func:`csatlib.churn.snapshot`, to be judged by
        :func:`crossed` alone: no later month is there to test on.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    What the table says of a leaver may have been written after he left; without dates that cannot be checked.

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["a", "b", "c"], "left": [1.0, 0.0, None], "plan": ["x", "y", "y"]})
    >>> cut = cross_section(people, on="2026-11-01")
    >>> cut.test[["customer_id", "left", "plan"]].values.tolist(), feature_names(cut.test)
    ([['a', 1.0, 'x'], ['b', 0.0, 'y']], ['plan'])
    """
    require_columns(customers.columns, [customer, FLAG])
    known = customers[customers[FLAG].notna()].reset_index(drop=True)
    told = [name for name in known.columns if name not in (customer, *OWN) and _tells(known[name])]
    moment = pd.Timestamp(on)
    rows = known[[customer, FLAG, *told]].assign(snapshot=moment, horizon_end=moment)
    return Split(rows, rows, ())


def crossed(
    rows: pd.DataFrame,
    *,
    features: list[str] | None = None,
    kind: str = "logistic",
    customer: str = "customer_id",
    folds: int = FOLDS,
    seed: int = 0,
) -> Crossed:
    """Fit a model once without each part of the customers: cross-validation within one moment.

    Parameters
    ----------
    rows : DataFrame
        ``train`` of :func:`cross_section`.
    features, kind, customer, seed
        As for :func:`csatlib.churn.fit`.
    folds : int
        Parts; a customer's id decides.

    Returns
    -------
    Crossed
        Goes where a model goes: :func:`csatlib.churn.evaluate`, :func:`csatlib.churn.importance`.

    Notes
    -----
    It tells how well other customers of the same moment are sorted, not whether that holds next month.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(600)], "days": np.arange(600) % 20})
    >>> model = crossed(rows.assign(left=(rows["days"] < 5).astype(float)))
    >>> len(model.models), model.features
    (5, ['days'])
    """
    features, part = list(features or feature_names(rows)), replicate_groups(rows[customer]) % folds
    options = {"features": features, "kind": kind, "customer": customer, "seed": seed}
    models = tuple(fit(rows[part != k], **options) for k in range(folds))
    return Crossed(models, features, customer)


def unchecked(rows: pd.DataFrame, *, too_good: float = TOO_GOOD) -> pd.DataFrame:
    """Tell how well each feature sorts alone; whether it knows the future cannot be checked without dates.

    Parameters
    ----------
    rows : DataFrame
        From :func:`cross_section`.
    too_good : float
        A single feature with this AUC or more is suspect.

    Returns
    -------
    DataFrame
        As :func:`csatlib.churn.audit`: ``feature``, ``n``, ``changed`` (missing: nothing could be taken away),
        ``estimate``, ``verdict`` (suspect, unchecked).

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a", "b"], "left": [1.0, 0.0], "refund": [5.0, 0.0]})
    >>> found = unchecked(rows.assign(snapshot=pd.Timestamp("2026-11-01")))
    >>> found[["feature", "estimate", "verdict"]].values.tolist()
    [['refund', 1.0, 'suspect']]
    """
    names = feature_names(rows)
    aucs = [alone(rows, name) for name in names]
    verdicts = ["suspect" if auc >= too_good else "unchecked" for auc in aucs]
    columns = {"feature": names, "n": len(rows), "changed": np.nan, "estimate": aucs, "verdict": verdicts}
    return pd.DataFrame(columns)


def _tells(column: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(column):
        return False
    number = pd.api.types.is_numeric_dtype(column)
    return column.notna().any() and (number or column.nunique() <= MOST_VALUES)
