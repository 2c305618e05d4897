"""Reliability of steps that must all go right: from end to end, step by step, and what mending one would gain."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from csatlib.journeys.measured import mean_limits, rank_limits, share_limits, sums_of
from csatlib.stats.intervals import benjamini_hochberg, check_confidence, from_replicates
from csatlib.stats.rows import require_columns
from csatlib.stats.segments import SegmentSums

OBSERVED, CONDITIONAL, MARGINAL = "observed", "conditional_product", "marginal_product"
DEPENDENCE, CENSORED = "dependence", "censoring"
EVERYTHING = "all"
ROUNDING = 1e-12  # of products that are equal


@dataclass(frozen=True)
class Reliability:
    """What :func:`reliability` found.

    Attributes
    ----------
    steps : DataFrame
        Per ``group``, ``step`` and ``measure``: "conditional" (share that succeeded among those whose earlier
        steps all did) and "marginal" (among all whose result is known); ``n``, ``n_eff``, ``n_groups``,
        ``few_groups``, ``estimate``, ``ci_low``, ``ci_high``.
    chain : DataFrame
        Per ``group`` and ``measure``: "observed" (share of decided journeys in which every step succeeded),
        "conditional_product", "marginal_product", "dependence" (conditional less marginal product) and
        "censoring" (conditional product less observed); ``n``, ``n_open`` (not decided), ``estimate``, interval,
        ``p_value`` of the two differences; at the conditional product of a group of `by` also ``difference`` (from
        all other groups together) and its ``p_adjusted`` (Benjamini-Hochberg over the groups).
    gains : DataFrame
        Per ``group`` and ``step``, a scenario: ``estimate`` = what end-to-end success would gain if the share
        `mended` of this step's failures had succeeded, interval, ``rank_low``, ``rank_high`` (ranks that cannot be
        excluded; 1 gains most), ``scenario`` (always True), ``mended``.

    Examples
    --------
    >>> Reliability(*[pd.DataFrame()] * 3).gains.empty
    True
    """

    steps: pd.DataFrame
    chain: pd.DataFrame
    gains: pd.DataFrame


def serial(values: Sequence[float]) -> float:
    """Multiply the reliabilities of steps, or of people, that work independently and must all succeed.

    Parameters
    ----------
    values : sequence of float
        Reliability of each, 0 to 1.

    Returns
    -------
    float
        Reliability of the whole.

    Raises
    ------
    ValueError
        Values outside 0 to 1, or none.

    Notes
    -----
    R = p1 p2 .. pk (Lusser's law). Where failures go together, the whole succeeds more often than this; see
    :func:`reliability`.

    Examples
    --------
    >>> round(serial([0.99, 0.99, 0.99]), 6), round(serial([0.99, 0.98, 0.97]), 6)
    (0.970299, 0.941094)
    """
    given = np.asarray(values, dtype=float)
    if given.size == 0 or not ((given >= 0) & (given <= 1)).all():
        raise ValueError(f"values={list(values)}; give at least one reliability, each between 0 and 1")
    return float(given.prod())


def needed(target: float, *, steps: int) -> float:
    """Return the reliability each of several equal, independent steps needs for the whole to reach a target.

    Parameters
    ----------
    target : float
        Reliability of the whole, above 0, at most 1.
    steps : int
        Number of steps, or people.

    Returns
    -------
    float
        target ** (1 / steps).

    Raises
    ------
    ValueError
        A target outside (0, 1], or no step.

    Examples
    --------
    >>> round(needed(0.97, steps=3), 4)
    0.9899
    """
    if not 0 < target <= 1 or steps < 1:
        raise ValueError(f"target={target}, steps={steps}; allowed is 0 < target <= 1 and at least one step")
    return target ** (1 / steps)


def reliability(
    data: pd.DataFrame,
    *,
    steps: Sequence[str],
    by: str | None = None,
    cluster: str | None = None,
    key: str | None = None,
    weight: str | None = None,
    mended: float = 0.5,
    confidence: float = 0.95,
    seed: int = 0,
) -> Reliability:
    """Measure how often every step of a journey, or everybody in a team, succeeds.

    Parameters
    ----------
    data : DataFrame
        One row per journey (of a team: per job), one column per step: 1 or true where it succeeded, 0 or false
        where not, missing where it is not known or was not reached.
    steps : sequence of str
        Two or more columns, in the order of the steps.
    by : str, optional
        Column whose values are also looked at one by one.
    cluster, key, weight : str, optional
        Column that holds journeys of one customer together; identifies a row; sampling weights.
    mended : float
        Share of a step's failures that the scenario turns into successes.
    confidence : float
        Coverage aimed at; also the level at which ranks are told apart.
    seed : int
        Seed of the 1,000 joint replicates.

    Returns
    -------
    Reliability
        Tables steps, chain and gains.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there, values other than 0 and 1, fewer than two steps, a share outside (0, 1].

    Notes
    -----
    P(all) = P(1) P(2 | 1) P(3 | 1, 2) ..: where every journey is followed to its first failure or its end, the
    product of the conditional shares is the observed share exactly. A journey is decided by its first failure, or
    by success in all steps; one whose next result is unknown before that is open. Open journeys had come some way
    without failure, so the observed share of the decided ones is too low; the conditional product, like a
    Kaplan-Meier curve, takes open journeys to go on as the others did that had come as far.
    The product of the marginal shares would be the same if steps failed independently; the difference is their
    dependence, above 0 where journeys that fail in one step also fail in others. It is 0 by construction where
    later steps are not recorded after a failure.
    Scenario: P(all) x mended x (1 - p) / p, p the conditional share of the step: journeys saved there go on
    as those did that succeeded. It is not a forecast. Shares and products: Wilson's limits on the effective number
    p (1 - p) / replicate variance; differences and gains: t.

    References
    ----------
    Barlow, R. E. and Proschan, F. (1975), Statistical Theory of Reliability, ch. 1-2; Birnbaum, Z. W. (1969),
    Multivariate Analysis II, 581-592 (importance of a component).

    Examples
    --------
    >>> jobs = pd.DataFrame({"kept": [1] * 8 + [0] * 2, "settled": [1] * 7 + [0] * 3})
    >>> found = reliability(jobs, steps=["kept", "settled"])
    >>> found.chain.set_index("measure")["estimate"].round(3).to_dict()
    {'observed': 0.7, 'conditional_product': 0.7, 'marginal_product': 0.56, 'dependence': 0.14, 'censoring': 0.0}
    """
    check_confidence(confidence)
    values = _checked(data, list(steps), by, mended)
    if data.empty:
        raise ValueError("data holds no journey; take a longer period, or fewer steps whose results must be known")
    frame, columns = _laid_out(data, values, list(steps), [c for c in (by, cluster, key, weight) if c])
    frame = frame.assign(_all=EVERYTHING)
    sums = sums_of(frame, columns, by=["_all"], cluster=cluster, key=key, weight=weight)
    drawn = sums.draw(seed=seed)
    found = [_group(sums, 0, EVERYTHING, drawn, list(steps), mended, confidence)]
    if by:
        parts = sums_of(frame, columns, by=[by], cluster=cluster, key=key, weight=weight)
        for i, (label,) in enumerate(parts.segments):
            found.append(_group(parts, i, str(label), drawn, list(steps), mended, confidence))
    tables = [pd.concat(each, ignore_index=True) for each in zip(*found, strict=True)]
    apart = pd.DataFrame(columns=["group", "measure", "difference", "p_adjusted"])
    if by and len(parts.segments) > 1:
        apart = _against_rest(parts, drawn, len(steps), confidence)
    tables[1] = tables[1].merge(apart, on=["group", "measure"], how="left")
    return Reliability(*tables)


def _checked(data: pd.DataFrame, steps: list[str], by: str | None, mended: float) -> np.ndarray:
    require_columns(data.columns, [*steps, *([by] if by else [])])
    wrong = [] if len(steps) > 1 else [f"steps={steps}; a chain has two or more"]
    wrong += [] if 0 < mended <= 1 else [f"mended={mended}; it is a share above 0, at most 1"]
    for step in steps:
        found = pd.to_numeric(data[step], errors="coerce")
        bad = data[step][data[step].notna() & ~found.isin([0, 1])]
        if len(bad):
            wrong.append(f"column {step!r} holds {str(bad.iloc[0])!r} {len(bad)} times; a step is 1, 0 or missing")
    if wrong:
        raise ValueError("; ".join(wrong))
    return data[steps].apply(pd.to_numeric).to_numpy(dtype=float, na_value=np.nan)


def _laid_out(
    data: pd.DataFrame, values: np.ndarray, steps: list[str], kept: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Columns m0.. (result of each step), c0.. (the same where all earlier ones succeeded) and the end."""
    before = np.cumprod(np.where(values == 1, 1, 0), axis=1)
    reached = np.column_stack([np.ones(len(values)), before[:, :-1]]) == 1
    conditional = np.where(reached, values, np.nan)
    failed = (conditional == 0).any(axis=1)
    end = np.where(before[:, -1] == 1, 1.0, np.where(failed, 0.0, np.nan))
    k = range(len(steps))
    columns = [*(f"_m{i}" for i in k), *(f"_c{i}" for i in k), "_end"]
    frame = pd.DataFrame(np.column_stack([values, conditional, end]), columns=columns, index=data.index)
    return pd.concat([data[list(dict.fromkeys(kept))], frame], axis=1), columns


def _group(
    sums, i: int, name: str, drawn: np.ndarray, steps: list[str], mended: float, confidence: float
) -> tuple:
    k = len(steps)
    means, n, groups = sums.means[i], sums.counts[i], sums.n_groups[i]
    each = sums.replicates(drawn)[:, i]
    limits = share_limits(
        means[: 2 * k], each[:, : 2 * k], n=n[: 2 * k], n_groups=groups[: 2 * k], confidence=confidence
    )
    at = {"group": name, "step": steps * 2, "measure": ["marginal"] * k + ["conditional"] * k, "n": n[: 2 * k]}
    table = pd.DataFrame(at | limits)
    chain = _chain(means, each, n, groups, k, confidence).assign(group=name)
    gain, moved = (_gain(part, k, mended) for part in (means, each))
    found = mean_limits(gain, moved, n=n[k : 2 * k], n_groups=groups[k : 2 * k], confidence=confidence)
    low, high = rank_limits(gain, moved, n_groups=int(groups[k : 2 * k].min()), confidence=confidence)
    gains = pd.DataFrame({"group": name, "step": steps, "n": n[k : 2 * k]} | found).drop(columns="p_value")
    gains["ci_low"] = gains["ci_low"].clip(lower=0)
    return table, chain, gains.assign(rank_low=low, rank_high=high, scenario=True, mended=mended)


def _gain(means: np.ndarray, k: int, mended: float) -> np.ndarray:
    success = means[..., k : 2 * k]
    others = np.stack([np.delete(success, step, axis=-1).prod(axis=-1) for step in range(k)], axis=-1)
    return others * mended * (1 - success)


def _chain(
    means: np.ndarray, each: np.ndarray, n: np.ndarray, groups: np.ndarray, k: int, confidence: float
) -> pd.DataFrame:
    def products(part: np.ndarray) -> list[np.ndarray]:
        return [part[..., -1], part[..., k : 2 * k].prod(axis=-1), part[..., :k].prod(axis=-1)]

    shares, drawn = np.stack(products(means)), np.stack(products(each), axis=-1)
    sizes = np.array([n[-1], n[k], n[:k].min()])
    at = np.array([groups[-1], groups[k], groups[:k].min()])
    limits = share_limits(shares, drawn, n=sizes, n_groups=at, confidence=confidence)
    first = pd.DataFrame({"measure": [OBSERVED, CONDITIONAL, MARGINAL], "n": sizes} | limits)
    apart = np.array([shares[1] - shares[2], shares[1] - shares[0]])
    moved = np.stack([drawn[:, 1] - drawn[:, 2], drawn[:, 1] - drawn[:, 0]], axis=-1)
    apart, moved = (np.where(np.abs(part) < ROUNDING, 0.0, part) for part in (apart, moved))
    both = mean_limits(apart, moved, n=sizes[[1, 0]], n_groups=at.min(), confidence=confidence)
    second = pd.DataFrame({"measure": [DEPENDENCE, CENSORED], "n": sizes[[1, 0]]} | both)
    table = pd.concat([first, second], ignore_index=True)
    table.insert(0, "group", "")
    return table.assign(n_open=int(n[k] - n[-1]) if n[k] >= n[-1] else 0)


def _against_rest(parts: SegmentSums, drawn: np.ndarray, k: int, confidence: float) -> pd.DataFrame:
    """Difference of each group from all others together, in the same replicates."""
    groups = len(parts.segments)
    others = parts.combine(1 - np.eye(groups, dtype=int))
    pairs = ((parts.means, others.means), (parts.replicates(drawn), others.replicates(drawn)))
    apart, moved = (_product(own, k) - _product(rest, k) for own, rest in pairs)
    behind = np.minimum(parts.n_groups, others.n_groups)[:, k]
    p_value = from_replicates(apart, moved, n_groups=behind, confidence=confidence).p_value
    named = {"group": [str(label) for (label,) in parts.segments], "measure": CONDITIONAL}
    return pd.DataFrame(named | {"difference": apart, "p_adjusted": benjamini_hochberg(p_value)})


def _product(means: np.ndarray, k: int) -> np.ndarray:
    return means[..., k : 2 * k].prod(axis=-1)


def checks(
    journeys: pd.DataFrame,
    *,
    promises: pd.DataFrame | None = None,
    content: float | None = None,
    within: float = 3,
    customer: str = "customer_id",
    due: str = "due_at",
    done: str = "done_at",
    until: pd.Timestamp | None = None,
) -> pd.DataFrame:
    """Add to each journey whether what was promised was kept, the first contact settled it, the end was good.

    Parameters
    ----------
    journeys : DataFrame
        Table ``journeys`` of :func:`csatlib.journeys.sequences`.
    promises : DataFrame, optional
        One row per promise to a customer.
    content : float, optional
        Lowest rating of the last contact that counts as content.
    within : float
        Days: a promise belongs to the journeys of its customer that touch `within` days around its due time.
    customer, due, done : str
        Columns of `promises`.
    until : Timestamp, optional
        How far the record reaches (default: the last `done`, `due` before it, or contact); promises due later and
        not done are open.

    Returns
    -------
    DataFrame
        `journeys` with ``kept`` (1: all its promises were kept, 0: one was not, NaN: none or still open),
        ``first`` (``settled_first``) and ``content`` (NaN: not rated), 1 or 0 each.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; days below 0.

    Examples
    --------
    >>> day = pd.Timestamp("2026-10-01")
    >>> made = pd.DataFrame({"journey": [1], "customer": ["a"], "started_at": [day], "ended_at": [day]})
    >>> made = made.assign(settled_first=1.0, rating_end=3.0)
    >>> word = pd.DataFrame({"customer_id": ["a"], "due_at": [day], "done_at": [day + pd.Timedelta(days=1)]})
    >>> checks(made, promises=word, content=5)[["kept", "first", "content"]].values.tolist()
    [[0.0, 1.0, 0.0]]
    """
    if within < 0:
        raise ValueError(f"within={within}; it is a number of days, 0 or more")
    made = journeys.assign(kept=np.nan, first=journeys["settled_first"], content=np.nan)
    if content is not None:
        made["content"] = (made["rating_end"] >= content).astype(float).mask(made["rating_end"].isna())
    if promises is None:
        return made
    require_columns(promises.columns, [customer, due, done])
    until = max(promises[done].max(), journeys["ended_at"].max()) if until is None else pd.Timestamp(until)
    in_time = (promises[done] <= promises[due]).astype(float).mask(promises[done].isna() & (promises[due] > until))
    word = pd.DataFrame({"customer": promises[customer], "due": promises[due], "in_time": in_time}).dropna()
    window = pd.Timedelta(days=within)
    pairs = made.dropna(subset=["customer"])[["journey", "customer", "started_at", "ended_at"]].merge(
        word, on="customer"
    )
    pairs = pairs[(pairs["due"] >= pairs["started_at"] - window) & (pairs["due"] <= pairs["ended_at"] + window)]
    return made.assign(kept=made["journey"].map(pairs.groupby("journey")["in_time"].min()))
