"""What customers show at each touchpoint: drawn towards the mean where contacts are few, the raw value beside."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.stats.intervals import FEW_GROUPS, benjamini_hochberg, check_confidence, from_replicates, wilson
from csatlib.stats.rows import blocks, require_columns
from csatlib.stats.segments import SegmentSums, sum_by_segment
from csatlib.touchpoints.contact_rows import BAD, MEASURES, SETTLE, measured
from csatlib.touchpoints.pooling import Shrunken, shrink, shrink_shares

MONTH = 365.25 / 12
NAMED = 0.5  # where fewer contacts name their customer the reach is not known
PRIOR = 10  # observations that the common variance counts for beside a touchpoint's own


def evidence(
    contacts: pd.DataFrame,
    *,
    customers: int | None = None,
    settle: int = SETTLE,
    bad: float = BAD,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure every touchpoint from its contacts; prospects and anonymous people count too.

    Parameters
    ----------
    contacts : DataFrame
        As for :func:`csatlib.touchpoints.measured`; contacts of a customer are one cluster.
    customers : int, optional
        Customers there are, the denominator of the reach; default: those with any contact.
    settle, bad
        As for :func:`csatlib.touchpoints.measured`.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the 1,000 joint replicates.

    Returns
    -------
    DataFrame
        One row per ``touchpoint`` and ``measure``: "satisfaction" (mean rating), "bad_experience" (share),
        "wait" (seconds, geometric mean), "first_contact_resolution" (share of cases begun here),
        "repeat_contact", "other_channel", "drop_off" (shares of contacts), "volume" (contacts a month), "reach"
        (share of the customers; left out where most contacts name none); ``unit``, ``n``, ``n_eff``,
        ``n_groups``, ``few_groups``, ``raw``,
        ``estimate`` (shrunken; for volume and reach the raw value), ``ci_low``, ``ci_high``.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.touchpoints.measured`.

    Notes
    -----
    Means and the logarithms of waits: :func:`csatlib.touchpoints.shrink`; shares:
    :func:`csatlib.touchpoints.shrink_shares`. Standard errors: variance within, a touchpoint's own drawn towards
    the common one (as if that had 10 contacts more), over n, times the clustering factor: the median of
    replicate over simple variance of the touchpoints with 30 replicate groups, at least 1.

    Examples
    --------
    >>> rows = {"touchpoint": ["Chat"] * 4 + ["Shop"] * 4, "rating": [2, 4, 4, 4, 6, 5, 7, 6]}
    >>> contacts = pd.DataFrame(rows).assign(occurred_at=pd.date_range("2026-10-01", periods=8))
    >>> found = evidence(contacts).query("measure == 'satisfaction'")
    >>> found[["touchpoint", "n", "raw"]].values.tolist()
    [['Chat', 4, 3.5], ['Shop', 4, 6.0]]
    """
    check_confidence(confidence)
    rows = measured(contacts, settle=settle, bad=bad)
    cluster = "customer_id" if "customer_id" in rows.columns else None
    design = {"cluster": cluster, "key": _key(rows)}
    sums = sum_by_segment(blocks(rows, list(MEASURES), by=["touchpoint"], **design), list(MEASURES))
    names = [label[0] for label in sums.segments]
    parts = [
        pooled(sums, at, confidence, seed).assign(touchpoint=names, measure=name, unit=MEASURES[name][1])
        for at, name in enumerate(MEASURES)
    ]
    parts += _volumes(rows, names, customers, confidence)
    columns = ["touchpoint", "measure", "unit", "n", "n_eff", "n_groups", "few_groups", "raw", "estimate"]
    return pd.concat(parts, ignore_index=True)[[*columns, "ci_low", "ci_high"]]


def consistency(
    contacts: pd.DataFrame, *, unit: str = "unit", confidence: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Compare the units of a touchpoint: customers meet one of them, not their mean.

    Parameters
    ----------
    contacts : DataFrame
        ``touchpoint``, ``occurred_at``, ``rating``, the unit, and ``customer_id`` if known.
    unit : str
        Column that names who dealt with the contact.
    confidence, seed
        As in :func:`evidence`.

    Returns
    -------
    DataFrame
        One row per unit of every touchpoint with two units or more: ``touchpoint``, ``group`` (unit), ``n``,
        ``n_eff``, ``n_groups``, ``few_groups``, ``raw``, ``estimate``, ``ci_low``, ``ci_high`` (mean rating,
        shrunken within the touchpoint), and of the touchpoint ``spread``, ``spread_low``, ``spread_high``
        (standard deviation between its units) and ``p_adjusted`` (all units alike? Cochran's Q,
        Benjamini-Hochberg over touchpoints).

    Raises
    ------
    KeyError
        Columns that are not there.

    References
    ----------
    Cochran, W. G. (1954), The combination of estimates from different experiments, Biometrics 10(1), 101-129.

    Examples
    --------
    >>> rows = {"touchpoint": "Shop", "unit": ["N"] * 3 + ["S"] * 3, "rating": [2, 4, 3, 6, 5, 7]}
    >>> contacts = pd.DataFrame(rows).assign(occurred_at=pd.date_range("2026-10-01", periods=6))
    >>> consistency(contacts)[["group", "n", "raw"]].values.tolist()
    [['N', 3, 3.0], ['S', 3, 6.0]]
    """
    check_confidence(confidence)
    require_columns(contacts.columns, ["touchpoint", unit, "rating"])
    cluster = "customer_id" if "customer_id" in contacts.columns else None
    found, p_values = [], []
    for name, rows in contacts[contacts["rating"].notna()].groupby("touchpoint", sort=True):
        if rows[unit].dropna().nunique() < 2:
            continue
        sums = sum_by_segment(blocks(rows, ["rating"], by=[unit], cluster=cluster, key=_key(rows)), ["rating"])
        units = pooled(sums, 0, confidence, seed).assign(group=[str(label[0]) for label in sums.segments])
        found.append(units.assign(touchpoint=name))
        p_values.append(_alike(units))
    adjusted = benjamini_hochberg(p_values)
    found = [units.assign(p_adjusted=p) for units, p in zip(found, adjusted, strict=True)]
    columns = [
        "touchpoint",
        "group",
        "n",
        "n_eff",
        "n_groups",
        "few_groups",
        "raw",
        "estimate",
        "ci_low",
        "ci_high",
    ]
    columns += ["spread", "spread_low", "spread_high", "p_adjusted"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def moved(
    contacts: pd.DataFrame,
    *,
    since: str,
    outcome: str = "rating",
    by: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare each touchpoint after a day with the time before it.

    Parameters
    ----------
    contacts : DataFrame
        ``touchpoint``, ``occurred_at``, the outcome, and ``customer_id`` if known.
    since : str
        First day, or month, of the time after, for example ``"2026-08"``.
    outcome : str
        Column compared; numbers.
    by : str, optional
        Column whose values are compared each for itself, for example the region.
    confidence, seed
        As in :func:`evidence`.

    Returns
    -------
    DataFrame
        One row per ``touchpoint`` and ``group`` (value of `by`, else "all") with contacts on both sides: ``n``
        (after), ``n_reference`` (before), ``n_groups``, ``few_groups``, ``value``, ``value_reference``,
        ``estimate`` (after less before), ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted``
        (Benjamini-Hochberg over all rows).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; a day that is none. Without contacts on either side the table is empty.

    Notes
    -----
    Differences inside joint replicates of customers. What else changed on that day cannot be told apart, nor a
    season where the time before is not a whole year.

    Examples
    --------
    >>> contacts = pd.DataFrame({"touchpoint": "Billing", "rating": [4, 4, 5, 3] * 10 + [6, 5, 6, 5] * 10})
    >>> contacts["occurred_at"] = pd.date_range("2026-07-12", periods=80, freq="12h")
    >>> moved(contacts, since="2026-08")[["touchpoint", "n", "estimate"]].values.tolist()
    [['Billing', 40, 1.5]]
    """
    require_columns(contacts.columns, ["touchpoint", "occurred_at", outcome, *([by] if by else [])])
    time, day = contacts["occurred_at"], pd.Timestamp(since)
    rows = contacts.assign(_side=np.where(time >= day, "own", "other"), _group=contacts[by] if by else "all")
    rows["_group"] = rows["_group"].astype("str").where(rows["_group"].notna())
    found = _contrasts(rows, [outcome], confidence, seed)
    return found.drop(columns="measure").assign(p_adjusted=benjamini_hochberg(found["p_value"]))


def handled(
    contacts: pd.DataFrame, *, settle: int = SETTLE, confidence: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Compare contacts that a bot handled with those that people handled, touchpoint by touchpoint.

    Parameters
    ----------
    contacts : DataFrame
        As for :func:`csatlib.touchpoints.measured`, with ``handled_by`` (human, bot).
    settle, confidence, seed
        As in :func:`evidence`.

    Returns
    -------
    DataFrame
        Columns as :func:`moved`, per ``touchpoint`` and ``measure`` ("satisfaction",
        "first_contact_resolution"); ``estimate`` is bot less human.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.touchpoints.measured`.

    Notes
    -----
    Bots get the simpler matters in many companies: a difference is not what a person instead of the bot would
    change.

    Examples
    --------
    >>> contacts = pd.DataFrame({"touchpoint": "Chat", "handled_by": ["bot", "human"] * 20, "rating": [3, 5] * 20})
    >>> contacts["occurred_at"] = pd.date_range("2026-10-01", periods=40)
    >>> handled(contacts)[["measure", "n", "n_reference", "estimate"]].values.tolist()
    [['satisfaction', 20, 20, -2.0]]
    """
    require_columns(contacts.columns, ["handled_by"])
    rows = measured(contacts, settle=settle)
    side = rows["handled_by"].map({"bot": "own", "human": "other"})
    found = _contrasts(
        rows.assign(_side=side, _group="all"), ["satisfaction", "first_contact_resolution"], confidence, seed
    )
    return found.assign(p_adjusted=benjamini_hochberg(found["p_value"]))


def pooled(sums: SegmentSums, at: int, confidence: float, seed: int) -> pd.DataFrame:
    """Shrink one column's means over the segments.

    Parameters
    ----------
    sums : SegmentSums
        Of touchpoints, or of a touchpoint's units.
    at : int
        Which column; its name says whether it holds means, logarithms or shares (see ``MEASURES``).
    confidence, seed
        As in :func:`evidence`.

    Returns
    -------
    DataFrame
        One row per segment: ``n``, ``n_eff``, ``n_groups``, ``few_groups``, ``raw``, ``se`` (NaN for shares),
        ``estimate``, ``ci_low``, ``ci_high``, ``spread``, ``spread_low``, ``spread_high``; errors and spreads of
        waits are of logarithms.
    """
    kind = MEASURES.get(sums.columns[at], ("mean",))[0]
    n, raw, groups = sums.counts[:, at].astype(float), sums.means[:, at], sums.n_groups[:, at]
    factor = _clustering(sums, at, seed)
    se = np.full(len(n), np.nan)
    if kind == "share":
        hits = np.where(n > 0, np.nan_to_num(raw).clip(0, 1) * n, 0.0) / factor
        found = shrink_shares(hits, n / factor, confidence=confidence)
    else:
        se, unit = _errors(n, np.nan_to_num(sums.sd[:, at] ** 2), factor)
        found = _shrunken(np.where(se > 0, raw, np.nan), np.where(se > 0, se, np.nan), unit, confidence)
    back = np.expm1 if kind == "log" else np.asarray
    return pd.DataFrame({"n": n.astype(np.int64), "n_eff": n / factor, "n_groups": groups}).assign(
        few_groups=groups < FEW_GROUPS,
        raw=back(raw),
        se=se,
        estimate=back(found.estimate),
        ci_low=back(found.ci_low),
        ci_high=back(found.ci_high),
        spread=found.spread,
        spread_low=found.spread_low,
        spread_high=found.spread_high,
    )


def _alike(units: pd.DataFrame) -> float:
    """Return the p value of Cochran's Q; NaN where fewer than two units have an error."""
    known = units[units["se"] > 0]
    if len(known) < 2:
        return np.nan
    weight = 1 / known["se"] ** 2
    mean = (weight * known["raw"]).sum() / weight.sum()
    return stats.chi2.sf((weight * (known["raw"] - mean) ** 2).sum(), len(known) - 1)


def _key(rows: pd.DataFrame) -> str | None:
    return "contact_id" if "contact_id" in rows.columns else None


def _errors(n: np.ndarray, own: np.ndarray, factor: float) -> tuple[np.ndarray, float]:
    """Return standard errors of means, and the standard deviation of one contact."""
    degrees = np.maximum(n - 1, 0)
    common = (degrees * own).sum() / max(degrees.sum(), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        se = np.sqrt((PRIOR * common + degrees * own) / (PRIOR + degrees) * factor / n)
    return np.where(n > 0, se, np.nan), float(np.sqrt(common))


def _shrunken(value: np.ndarray, se: np.ndarray, unit: float, confidence: float) -> Shrunken:
    if not unit > 0:  # nothing varies: nothing to shrink, and no interval to give
        return Shrunken(value, *np.full((2, len(value)), np.nan), np.nan, np.nan, np.nan)
    return shrink(value, se, unit=unit, confidence=confidence)


def _clustering(sums: SegmentSums, at: int, seed: int) -> float:
    """Return what repeated customers cost: replicate over simple variance, at least 1."""
    groups, n = sums.n_groups[:, at], sums.counts[:, at]
    large = groups >= FEW_GROUPS
    if not large.any():
        return 1.0
    replicates = sums.replicates(sums.draw(seed=seed))[:, :, at]
    se = from_replicates(sums.means[:, at], replicates, n_groups=groups).se[large]
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = se**2 * n[large] / sums.sd[large, at] ** 2
    ratio = ratio[np.isfinite(ratio)]
    return max(1.0, float(np.median(ratio))) if len(ratio) else 1.0


def _volumes(
    rows: pd.DataFrame, names: Sequence[str], customers: int | None, confidence: float
) -> list[pd.DataFrame]:
    """Contacts a month and share of customers reached."""
    held = rows.groupby("touchpoint")
    count = held.size().loc[names].to_numpy()
    months = max((rows["occurred_at"].max() - rows["occurred_at"].min()).days + 1, 1) / MONTH
    tail = (1 - confidence) / 2
    low, high = stats.chi2.ppf(tail, 2 * count) / 2, stats.chi2.ppf(1 - tail, 2 * count + 2) / 2
    about = {"touchpoint": names, "n_groups": len(rows), "few_groups": False}
    volume = {"measure": "volume", "unit": "contacts a month", "n": count, "n_eff": count.astype(float)}
    volume |= {"raw": count / months, "estimate": count / months, "ci_low": low / months, "ci_high": high / months}
    if "customer_id" not in rows.columns or not rows["customer_id"].notna().any():
        return [pd.DataFrame(about | volume)]
    named = held["customer_id"].count().loc[names].to_numpy() / count
    reached = held["customer_id"].nunique().loc[names].to_numpy()
    there = max(customers or 0, rows["customer_id"].nunique())
    low, high = wilson(reached, np.full(len(reached), there), confidence=confidence)
    reach = {"measure": "reach", "unit": "share", "n": there, "n_eff": float(there), "raw": reached / there}
    reach |= {"estimate": reached / there, "ci_low": low, "ci_high": high}
    return [pd.DataFrame(about | volume), pd.DataFrame(about | reach)[named >= NAMED]]


def _contrasts(rows: pd.DataFrame, columns: list[str], confidence: float, seed: int) -> pd.DataFrame:
    """Own less other side, per touchpoint, group and column, inside joint replicates."""
    check_confidence(confidence)
    cluster = "customer_id" if "customer_id" in rows.columns else None
    by = ["touchpoint", "_group", "_side"]
    sums = sum_by_segment(blocks(rows, columns, by=by, cluster=cluster, key=_key(rows)), columns)
    drawn = sums.replicates(sums.draw(seed=seed))
    at = {label: i for i, label in enumerate(sums.segments)}
    pairs = [(i, at[*label[:2], "other"]) for label, i in at.items() if (*label[:2], "other") in at]
    pairs = [(i, j) for i, j in pairs if i != j]
    own, other = ([pair[side] for pair in pairs] for side in (0, 1))
    labels = pd.DataFrame([sums.segments[i][:2] for i in own], columns=["touchpoint", "group"])
    parts = []
    for column, name in enumerate(columns):
        value, reference = sums.means[own, column], sums.means[other, column]
        groups = np.minimum(sums.n_groups[own, column], sums.n_groups[other, column])
        spread = drawn[:, own, column] - drawn[:, other, column]
        limits = from_replicates(value - reference, spread, n_groups=groups, confidence=confidence)
        part = labels.assign(measure=name, n=sums.counts[own, column], n_reference=sums.counts[other, column])
        part = part.assign(n_groups=groups, few_groups=groups < FEW_GROUPS, value=value, value_reference=reference)
        part = part.assign(estimate=value - reference, se=limits.se, ci_low=limits.ci_low, ci_high=limits.ci_high)
        parts.append(part.assign(p_value=limits.p_value))
    found = pd.concat(parts, ignore_index=True)
    return found[(found["n"] > 0) & (found["n_reference"] > 0)].reset_index(drop=True)
