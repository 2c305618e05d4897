"""Statistical disclosure control: the one place where figures on too few answers are hidden or marked."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

NUMBERS = (
    *(
        "n",
        "n_missing",
        "n_open",
        "n_reference",
        "n_eff",
        "estimate",
        "ci_low",
        "ci_high",
        "se",
        "sd",
        "d_z",
        "df",
    ),
    *("p_value", "p_adjusted", "value", "value_reference", "share", "share_reference", "minimum_detectable"),
    *("promoters", "passives", "detractors", "center", "lcl", "ucl", "sigma_z", "autocorrelation"),
    *("last", "error", "error_no_change", "inner_low", "inner_high", "outer_low", "outer_high"),
    *("z", "between_sd", "dispersion", "p_alike", "performance", "performance_low", "performance_high"),
    *("importance", "importance_low", "importance_high", "coefficient", "coefficient_low", "coefficient_high"),
    *("stated", "stated_low", "stated_high", "correlation", "r2", "priority", "priority_low", "priority_high"),
    *("rank", "rank_low", "rank_high", "gap", "shortfall", "shrinkage", "stability_top3"),
    *(
        "quadrant_stability",
        "other_stability",
        "first_stability",
        "rated_share",
        "asked_share",
        "applies_share",
        "below_share",
    ),
    *("share_low", "share_high", "estimate_low", "estimate_high", "estimate_ordinal", "fong_z", "fong_p", "terms"),
    *(
        "n_within",
        "n_late",
        "n_overdue",
        "n_pending",
        "n_undated",
        "n_events",
        "n_at_risk",
        "n_unrated",
        "n_ended",
    ),
    *(
        "count",
        "count_before",
        "cumulative",
        "cumulative_low",
        "cumulative_high",
        "owner_share",
        "share_of_parent",
    ),
    *("error_percent", "mean_absolute_error", "log_likelihood", "aic", "aic_difference", "limit"),
    *("n_of", "before", "difference", "slope_before", "slope_before_low", "slope_before_high"),
    *("slope_after", "slope_after_low", "slope_after_high"),
    *("n_eff_reference", "relative", "relative_low", "relative_high", "e_value", "e_value_limit"),
    *("smd_before", "smd_after", "n_trained", "alarms_per_week", "gain", "power", "detectable"),
    *("n_hold_out", "n_customers", "n_gone", "n_entered"),
    *("captured", "changed", "difference_low", "difference_high", "threshold"),
    *("lowest", "highest", "raw", "spread", "spread_low", "spread_high", "reach", "n_bad"),
    *("needed", "compared", "usual"),
)
PARTS = (
    *("stratum", "level", "dimension", "item", "weighting", "measure", "comparison", "term"),
    *("phase", "ahead", "indicator", "period", "metric", "lag", "driver", "model", "category"),
    *(
        "method",
        "stage",
        "base",
        "share_done",
        "from_days",
        "part",
        "touchpoint",
        "check",
        "rule",
        "parameter",
        "variable",
        "feature",
        "decile",
        "arm",
    ),
)


@dataclass
class _Bases:
    min_base: int = 10
    min_rank: int = 30


bases = _Bases()


def protect(result: pd.DataFrame) -> pd.DataFrame:
    """Hide figures on too few answers, so that they cannot be recovered from totals either.

    Parameters
    ----------
    result : DataFrame
        A result table with ``n``, optionally ``n_reference`` (NaN where nobody stands on that side, as with a
        target), ``n_eff`` and ``group``.

    Returns
    -------
    DataFrame
        A copy with ``hidden`` and ``indicative`` (booleans). Where a base is under `min_base`, every number
        is NaN; where that hides just one group of several, the next smallest is hidden too. Indicative are
        figures on fewer than `min_rank` effective answers, or on few replicate groups.

    Examples
    --------
    >>> result = pd.DataFrame({"group": ["N", "S", "W"], "n": [4, 50, 20], "estimate": [1.0, 2.0, 3.0]})
    >>> protect(result)[["group", "n", "hidden", "indicative"]].values.tolist()
    [['N', nan, True, False], ['S', 50.0, False, False], ['W', nan, True, False]]
    """
    if "hidden" in result.columns:
        return result
    base = result[[c for c in ("n", "n_reference") if c in result.columns]].min(axis=1)
    hidden = base < bases.min_base
    if "group" in result.columns and hidden.any():
        hidden |= _complement(result, base, hidden)
    effective = result["n_eff"] if "n_eff" in result.columns else result["n"]
    few = result["few_groups"] if "few_groups" in result.columns else False
    numbers = {c: result[c].to_numpy(dtype=float, na_value=np.nan) for c in NUMBERS if c in result.columns}
    shown = {c: np.where(hidden, np.nan, values) for c, values in numbers.items()}
    return result.assign(**shown, hidden=hidden, indicative=((effective < bases.min_rank) | few) & ~hidden)


def _complement(result: pd.DataFrame, base: pd.Series, hidden: pd.Series) -> pd.Series:
    keys = [c for c in PARTS if c in result.columns]
    also = pd.Series(False, index=result.index)
    parts = [part.index for _, part in result.groupby(keys, sort=False)] if keys else [result.index]
    for rows in parts:
        if len(set(result.loc[rows, "group"])) > 1 and hidden[rows].sum() == 1:
            also[base[rows][~hidden[rows]].idxmin()] = True
    return also
