"""What calling customers would have earned on later months, if the assumed share of leavers stays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csatlib.churn.measures import group_sums, sums_above
from csatlib.stats.intervals import from_replicates, holm, max_t
from csatlib.stats.rows import require_columns

STEPS = 40
NOBODY, EVERYONE, RANDOM, MODEL = "nobody", "everyone", "random", "model"


@dataclass(frozen=True)
class Terms:
    """Assumptions: a call's cost, the share of called leavers who stay, what a kept one is worth."""

    cost: float
    success: float
    value: float | str

    def worth(self, rows: pd.DataFrame) -> np.ndarray:
        """Return each row's value of a kept customer, missing ones as 0; raise where a term is out of range."""
        problems = []
        if not self.cost > 0:
            problems.append(f"cost={self.cost!r}; a call costs more than 0")
        if not 0 < self.success <= 1:
            problems.append(f"success={self.success!r}; a share of leavers lies above 0 and up to 1")
        if isinstance(self.value, str):
            require_columns(rows.columns, [self.value])
        elif not self.value > 0:
            problems.append(f"value={self.value!r}; a kept customer is worth more than 0")
        if problems:
            raise ValueError("; ".join(problems))
        if isinstance(self.value, str):
            return rows[self.value].fillna(0).clip(lower=0).to_numpy(float)
        return np.full(len(rows), float(self.value))


def curve(
    rows: pd.DataFrame,
    *,
    p: np.ndarray,
    money: Terms,
    drawn: np.ndarray,
    group: np.ndarray,
    confidence: float,
    n_groups: int,
    few_groups: bool,
) -> pd.DataFrame:
    """Return profit by threshold: call who has probability x success x value of at least threshold x cost.

    Parameters
    ----------
    rows : DataFrame
        Test snapshots with ``snapshot`` and ``left``.
    p : ndarray, shape (rows,)
        Probabilities of leaving.
    money : Terms
        Assumptions.
    drawn, group : ndarray
        Joint multiplicities (replicates, 256) and the rows' replicate groups.
    confidence : float
        Coverage aimed at.
    n_groups, few_groups
        Groups behind every figure; carried into the table.

    Returns
    -------
    DataFrame
        ``threshold`` (1 is the cost rule), ``n`` (rows called), ``share``, ``estimate`` (profit of one call list,
        the mean over the test snapshots, in the unit of cost), ``ci_low``, ``ci_high``, ``rule`` (the cost rule),
        ``plateau`` (cannot be told from the best threshold: simultaneous limits of the difference hold 0).

    Examples
    --------
    >>> rows = pd.DataFrame({"snapshot": 1, "left": [1.0, 0, 0, 0] * 50})
    >>> p, group = np.tile([0.9, 0.1, 0.1, 0.1], 50), np.arange(200)
    >>> drawn = np.ones((10, 256))
    >>> found = curve(rows, p=p, money=Terms(10, 0.5, 100), drawn=drawn, group=group, confidence=0.95,
    ...               n_groups=200, few_groups=False)
    >>> found.loc[found["rule"], ["n", "estimate"]].values.tolist()
    [[50.0, 2000.0]]
    """
    worth = money.worth(rows)
    score = p * money.success * worth / money.cost
    grid = np.unique(np.append(np.quantile(score, np.linspace(0, 1, STEPS + 1)), 1.0))
    lists = rows["snapshot"].nunique()
    gain = money.success * worth * rows["left"].to_numpy(float) - money.cost
    sums = sums_above(score, grid, group, gain) / lists
    called = sums_above(score, grid, group, np.ones(len(rows))).sum(axis=1)
    estimate, replicates = sums.sum(axis=1), drawn @ sums.T
    limits = from_replicates(estimate, replicates, n_groups=n_groups, confidence=confidence)
    best = int(estimate.argmax())
    gap = max_t(
        estimate[best] - estimate, replicates[:, [best]] - replicates, n_groups=n_groups, confidence=confidence
    )
    return pd.DataFrame(
        {
            "threshold": grid,
            "n": called.astype(int),
            "share": called / len(rows),
            "n_groups": n_groups,
            "few_groups": few_groups,
            "estimate": estimate,
            "ci_low": limits.ci_low,
            "ci_high": limits.ci_high,
            "rule": grid == 1.0,
            "plateau": ~(gap.ci_low > 0),
        }
    )


def policies(
    rows: pd.DataFrame,
    *,
    p: np.ndarray,
    money: Terms,
    rules: Mapping[str, str],
    drawn: np.ndarray,
    group: np.ndarray,
    confidence: float,
    n_groups: int,
    few_groups: bool,
) -> pd.DataFrame:
    """Return what each way to choose whom to call would have earned, beside the model's.

    Parameters
    ----------
    rows, p, money, drawn, group, confidence, n_groups, few_groups
        As for :func:`curve`.
    rules : mapping of str to str
        Name and condition on the columns.

    Returns
    -------
    DataFrame
        ``policy`` (model: probability x success x value above cost; the rules; random: as many as the model, by
        lot; everyone; nobody), ``n`` (rows judged), ``count`` (rows called), ``n_events`` (leavers called),
        ``estimate`` (profit of one call list), ``ci_low``, ``ci_high``, ``value`` (the same as the model foretold
        it), ``difference`` (the model's profit less this), ``difference_low``, ``difference_high``, ``p_adjusted``
        (Holm).

    Raises
    ------
    ValueError
        A rule that is not a condition on the columns.

    Examples
    --------
    >>> rows = pd.DataFrame({"snapshot": 1, "left": [1.0, 0, 0, 0] * 50, "score": [2, 2, 7, 7] * 50})
    >>> found = policies(rows, p=np.tile([0.9, 0.1, 0.1, 0.1], 50), money=Terms(10, 0.5, 100),
    ...     rules={"low": "score <= 3"}, drawn=np.ones((10, 256)), group=np.arange(200),
    ...     confidence=0.95, n_groups=200, few_groups=False)
    >>> found[["policy", "count", "estimate"]].values.tolist()[:2]
    [['model', 50.0, 2000.0], ['low', 100.0, 1500.0]]
    """
    worth, left = money.worth(rows), rows["left"].to_numpy(float)
    model = (p * money.success * worth > money.cost).astype(float)
    called = {MODEL: model} | {name: _meets(rows, name, rule) for name, rule in rules.items()}
    called |= {RANDOM: np.full(len(rows), model.mean()), EVERYONE: np.ones(len(rows)), NOBODY: np.zeros(len(rows))}
    lists, gain = rows["snapshot"].nunique(), money.success * worth
    sums = np.stack([group_sums(c * (gain * left - money.cost), group) for c in called.values()]) / lists
    estimate, replicates = sums.sum(axis=1), drawn @ sums.T
    own = from_replicates(estimate, replicates, n_groups=n_groups, confidence=confidence)
    ahead = estimate[0] - estimate
    gap = from_replicates(ahead, replicates[:, [0]] - replicates, n_groups=n_groups, confidence=confidence)
    return pd.DataFrame(
        {
            "policy": list(called),
            "n": len(rows),
            "count": [c.sum() for c in called.values()],
            "n_events": [float(c @ left) for c in called.values()],
            "n_groups": n_groups,
            "few_groups": few_groups,
            "estimate": estimate,
            "ci_low": own.ci_low,
            "ci_high": own.ci_high,
            "value": [float(c @ (gain * p - money.cost)) / lists for c in called.values()],
            "difference": ahead,
            "difference_low": gap.ci_low,
            "difference_high": gap.ci_high,
            "p_adjusted": holm(gap.p_value),
        }
    )


def _meets(rows: pd.DataFrame, name: str, rule: str) -> np.ndarray:
    try:
        met = rows.eval(rule)
    except (KeyError, NameError, SyntaxError, TypeError, ValueError) as error:
        raise ValueError(
            f"rule {name!r}: {rule!r} is no condition on the columns ({error}); write for example "
            "'last_overall <= 3'"
        ) from error
    return met.fillna(False).to_numpy(float)
