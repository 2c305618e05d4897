"""Each group against all others: differences of means with limits from joint replicates."""

import numpy as np
import pandas as pd

from csatlib.stats.intervals import FEW_GROUPS, benjamini_hochberg, check_confidence, from_replicates
from csatlib.stats.rows import blocks
from csatlib.stats.segments import sum_by_segment


def against_rest(
    data: pd.DataFrame,
    *,
    value: str,
    by: str,
    cluster: str | None = None,
    scale: float = 1.0,
    confidence: float = 0.95,
    seed: int = 0,
    replicates: int = 1000,
) -> pd.DataFrame:
    """Difference of the mean of each group from all other rows.

    Parameters
    ----------
    data : DataFrame
        One row per case.
    value : str
        Column compared; missing values do not count.
    by : str
        Column with the groups.
    cluster : str, optional
        Rows of one cluster, for example a customer, belong together.
    scale : float
        What results are multiplied by, for example 100 for percent.
    confidence : float
        Coverage of the intervals.
    seed, replicates
        Joint replicates of the 256 groups of clusters.

    Returns
    -------
    DataFrame
        One row per group: ``group``, ``n``, ``n_reference`` (all others), ``n_groups``, ``few_groups``, ``value``,
        ``value_reference``, ``estimate`` (the difference), ``se``, ``ci_low``, ``ci_high``, ``p_value``,
        ``p_adjusted`` (Benjamini-Hochberg over the groups).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; values that are not numbers.

    Examples
    --------
    >>> rows = pd.DataFrame({"kept": [1.0, 0.0] * 50 + [1.0, 1.0] * 50, "region": ["N"] * 100 + ["S"] * 100})
    >>> against_rest(rows, value="kept", by="region", scale=100)[["group", "estimate"]].values.tolist()
    [['N', -50.0], ['S', 50.0]]
    """
    check_confidence(confidence)
    sums = sum_by_segment(blocks(data, [value], by=[by], cluster=cluster), [value])
    k = len(sums.segments)
    rest = sums.combine(1 - np.eye(k))
    drawn = sums.draw(replicates=replicates, seed=seed)
    estimate = scale * (sums.means - rest.means)[:, 0]
    spread = scale * (sums.replicates(drawn) - rest.replicates(drawn))[:, :, 0]
    n_groups = np.minimum(sums.n_groups, rest.n_groups)[:, 0]
    limits = from_replicates(estimate, spread, n_groups=n_groups, confidence=confidence)
    return pd.DataFrame(
        {
            "group": [label[0] for label in sums.segments],
            "n": sums.counts[:, 0],
            "n_reference": rest.counts[:, 0],
            "n_groups": n_groups,
            "few_groups": n_groups < FEW_GROUPS,
            "value": scale * sums.means[:, 0],
            "value_reference": scale * rest.means[:, 0],
            "estimate": estimate,
            "se": limits.se,
            "ci_low": limits.ci_low,
            "ci_high": limits.ci_high,
            "p_value": limits.p_value,
            "p_adjusted": benjamini_hochberg(limits.p_value),
        }
    )
