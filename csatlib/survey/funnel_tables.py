"""From invitation to finished answer, and who is missing among those who answered."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from csatlib.stats.intervals import benjamini_hochberg, check_confidence, from_replicates
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import blocks, require_columns
from csatlib.survey.shares import (
    ALL,
    PERCENT,
    bases,
    labels_of,
    limits_table,
    median_table,
    percentages,
    sums_of,
)

RATES = ("response_rate", "completion_rate", "drop_out")
MEDIANS = ("minutes", "days")
COLUMNS = ("level", "group", "measure", "n", "n_eff", "n_groups", "few_groups", "estimate", "ci_low", "ci_high")
SHARES = ("level", "group", "n", "n_answered", "n_groups", "few_groups", "invited", "answered", "estimate")


def funnel(
    data: pd.DataFrame,
    *,
    by: str | Sequence[str] = (),
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Follow invitations to answers and finished answers, over all and by one column after the other.

    Parameters
    ----------
    data : DataFrame
        One row per invitation, from :func:`csatlib.survey.invited`.
    by : str or sequence of str
        Columns such as channel, region, month; each is shown by itself, rows without a value are left out of it.
    cluster : str, optional
        Column that holds the invitations of one customer together.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the 1,000 joint replicates.

    Returns
    -------
    DataFrame
        One row per group and measure: ``level`` ("all" or the column), ``group``, ``measure``, ``n``, ``n_eff``,
        ``n_groups``, ``few_groups``, ``estimate``, ``ci_low``, ``ci_high``. Measures: ``response_rate`` (percent
        of the invitations answered), ``completion_rate`` (percent answered to the end), ``drop_out`` (percent of
        the answers that were broken off), ``minutes`` (median from start to end) and ``days`` (median from
        sending to the answer). A measure the data cannot tell has n = 0 and NaN.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    Weights have no place here: an invitation counts once. Percentages: Wilson's limits on counts scaled to the
    effective number of invitations. Medians: percentile limits of the replicates.

    References
    ----------
    AAPOR (2023), Standard Definitions, 10th ed. (response rate 1 without unknown eligibility); Wilson, E. B.
    (1927), JASA 22, 209-212; Korn, E. L. and Graubard, B. I. (1998), Survey Methodology 24, 193-201.

    Examples
    --------
    >>> sent = {"channel": ["sms", "sms", "shop", "shop"], "answered": [1.0, 0, 1, 1], "minutes": [5, None, 4, 6]}
    >>> sent = pd.DataFrame(sent).assign(completed=[1.0, 0, 0, 1], days=None)
    >>> found = funnel(sent, by="channel")
    >>> found.query("measure == 'response_rate'")[["level", "group", "n", "estimate"]].values.tolist()
    [['all', 'all', 4, 75.0], ['channel', 'shop', 2, 100.0], ['channel', 'sms', 2, 50.0]]
    """
    check_confidence(confidence)
    levels = [by] if isinstance(by, str) else list(by)
    require_columns(
        data.columns, ["answered", "completed", "minutes", "days", *levels, *([cluster] * bool(cluster))]
    )
    if data.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    frame = data.assign(
        response_rate=data["answered"],
        completion_rate=data["completed"].astype(float),
        drop_out=(1 - data["completed"].astype(float)).where(data["answered"] == 1),
    )
    replicate = _replicate(frame, cluster)
    drawn = multiplicities(np.bincount(replicate, minlength=256) > 0, seed=seed)
    tables = [_level(frame, level, replicate, drawn, cluster, confidence) for level in (None, *levels)]
    return pd.concat(tables, ignore_index=True)[list(COLUMNS)]


def represented(
    data: pd.DataFrame,
    *,
    by: str | Sequence[str],
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare who answered with who was invited: share among the answers less share among the invitations.

    Parameters
    ----------
    data, cluster, confidence, seed
        As in :func:`funnel`.
    by : str or sequence of str
        Columns known of everybody invited; each is compared by itself, rows without a value are left out of it.

    Returns
    -------
    DataFrame
        One row per group: ``level`` (the column), ``group``, ``n`` (invitations), ``n_answered``, ``n_groups``,
        ``few_groups``, ``invited`` and ``answered`` (percent of all invitations, of all answers), ``estimate``
        (percentage points, answered less invited), ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted``
        (Benjamini-Hochberg over all rows).

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    Both shares come from the same replicates, so the interval is that of the difference. It says who is missing
    by what is known of everybody, not by satisfaction, which is known only of those who answered.

    Examples
    --------
    >>> sent = pd.DataFrame({"age": ["young"] * 60 + ["old"] * 60})
    >>> sent["answered"] = [1.0, 0, 0] * 20 + [1.0, 1, 0] * 20
    >>> represented(sent, by="age")[["group", "invited", "answered", "estimate"]].round(1).values.tolist()
    [['old', 50.0, 66.7, 16.7], ['young', 50.0, 33.3, -16.7]]
    """
    check_confidence(confidence)
    levels = [by] if isinstance(by, str) else list(by)
    require_columns(data.columns, ["answered", *levels, *([cluster] if cluster else [])])
    if data.empty or not levels:
        return pd.DataFrame(columns=[*SHARES, "ci_low", "ci_high", "p_value", "p_adjusted"])
    drawn = multiplicities(np.bincount(_replicate(data, cluster), minlength=256) > 0, seed=seed)
    tables = [_shares(data, level, drawn, cluster, confidence) for level in levels]
    table = pd.concat(tables, ignore_index=True)
    return table.assign(p_adjusted=benjamini_hochberg(table["p_value"]))


def _replicate(data: pd.DataFrame, cluster: str | None) -> np.ndarray:
    return np.concatenate([block.replicate for block in blocks(data, ["answered"], cluster=cluster)])


def _level(
    frame: pd.DataFrame,
    level: str | None,
    replicate: np.ndarray,
    drawn: np.ndarray,
    cluster: str | None,
    confidence: float,
) -> pd.DataFrame:
    codes, names = labels_of(frame, level)
    if not names:
        return pd.DataFrame(columns=list(COLUMNS))
    keys = {"level": level or ALL, "group": [str(name) for name in names]}
    part = frame.assign(_code=np.where(codes >= 0, codes.astype(float), np.nan))
    sums = sums_of(part, list(RATES), by=["_code"], cluster=cluster)
    order = np.argsort([float(segment[0]) for segment in sums.segments])
    rates = percentages(sums, drawn, simple=cluster is None, confidence=confidence)
    tables = [
        pd.DataFrame(keys | {"measure": rate} | {name: made[order, j] for name, made in rates.items()})
        for j, rate in enumerate(RATES)
    ]
    for measure in MEDIANS:
        values = frame[measure].to_numpy(dtype=float, na_value=np.nan)
        made = median_table(values, codes, replicate, drawn, k=len(names), confidence=confidence)
        tables.append(pd.DataFrame(keys | {"measure": measure} | made))
    return pd.concat(tables).sort_index(kind="stable")


def _shares(
    data: pd.DataFrame, level: str, drawn: np.ndarray, cluster: str | None, confidence: float
) -> pd.DataFrame:
    sums = sums_of(data, ["answered"], by=[level], cluster=cluster)
    invited = sums.weight[:, :, 0]
    answered = sums.total[:, :, 0] + sums.shift[0] * invited
    found = [_portion(part.sum(axis=1)[None, :])[0] for part in (invited, answered)]
    replicates = _portion(drawn @ answered.T) - _portion(drawn @ invited.T)
    n_groups = np.full(len(invited), (invited.sum(axis=0) > 0).sum())
    limits = from_replicates(found[1] - found[0], replicates, n_groups=n_groups, confidence=confidence)
    counts = sums.counts[:, 0]
    behind = bases(counts, counts, sums.n_groups[:, 0])
    table = pd.DataFrame(
        {"level": level, "group": [str(segment[0]) for segment in sums.segments]}
        | {"n": behind["n"], "n_answered": np.rint(answered.sum(axis=1)).astype(np.int64)}
        | {name: behind[name] for name in ("n_groups", "few_groups")}
        | {"invited": PERCENT * found[0], "answered": PERCENT * found[1]}
        | {"estimate": PERCENT * (found[1] - found[0])}
    )
    made = limits_table(limits)
    return table.assign(
        ci_low=PERCENT * made["ci_low"], ci_high=PERCENT * made["ci_high"], p_value=made["p_value"]
    )


def _portion(counts: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return counts / counts.sum(axis=1, keepdims=True)
