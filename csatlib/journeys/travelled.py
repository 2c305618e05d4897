"""Which paths customers take, how they end, where satisfaction falls, how long it takes, and hand-over."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from csatlib.journeys.measured import mean_limits, rank_limits, share_limits, sums_of
from csatlib.journeys.sequences import ARROW, Sequences, sequences
from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, benjamini_hochberg, check_confidence, from_replicates
from csatlib.stats.rows import replicate_groups
from csatlib.stats.segments import SegmentSums

OTHER = "other paths"
LEVELS = {"all": None, "came_back": None, "same_channel": False, "other_channel": True}
SHARES = ["repeated", "other_channel"]


@dataclass(frozen=True)
class Paths:
    """What :func:`paths` found.

    Attributes
    ----------
    sequences : Sequences
        The journeys and their contacts.
    common : DataFrame
        Per path (``group``; the last row holds all other paths) and ``measure``: "share" (of journeys watched
        long enough, with ``n`` on the path) and "rating_end" (mean satisfaction with the last contact, ``n``
        rated); ``n_of`` (all journeys counted), ``n_eff``, ``n_groups``, ``few_groups``, ``estimate``, ``ci_low``,
        ``ci_high``, ``rank_low``, ``rank_high``: ranks that cannot be excluded, 1 = largest.
    falls : DataFrame
        Per move from one contact to the next (``group``; "all" is every move): ``n`` (both contacts rated),
        ``before`` (mean rating before it), ``estimate`` (mean change of the rating), interval, ``p_value``,
        ``p_adjusted`` (Benjamini-Hochberg over the moves).
    friction : DataFrame
        Per ``level`` ("all" journeys; those that "came_back" within the days watched, in the "same_channel" or
        through the "other_channel"), ``group`` (of `by`, else "all") and ``measure`` ("days" from first contact to
        settlement, "steps" = contacts until settlement): ``n``, ``n_open`` (unfinished, censored), ``estimate``
        (Kaplan-Meier median; NaN where fewer than half are settled), interval; ``p_value`` (log-rank test of days
        against the same channel) at "other_channel".
    handover : DataFrame
        Per ``level`` ("all", "channel" of the first contact, "by"), ``group`` and ``measure`` ("repeated": share
        of journeys with more than one contact, "other_channel": that had to turn to another channel): n, interval,
        ``difference`` (from all other groups of the level together) and its ``p_adjusted`` (Benjamini-Hochberg
        over the groups).

    Examples
    --------
    >>> Paths(*[pd.DataFrame()] * 5).falls.empty
    True
    """

    sequences: Sequences
    common: pd.DataFrame
    falls: pd.DataFrame
    friction: pd.DataFrame
    handover: pd.DataFrame


def paths(data: Any, *, most: int = 8, confidence: float = 0.95, seed: int = 0, **columns: Any) -> Paths:
    """Describe the journeys of customers through touchpoints and channels.

    Parameters
    ----------
    data : DataFrame, Ibis table or Sequences
        One row per contact, or what :func:`csatlib.journeys.sequences` made of them.
    most : int
        Number of paths, and of moves between touchpoints, shown.
    confidence : float
        Coverage aimed at; also the level at which ranks are told apart, all pairs at once.
    seed : int
        Seed of the 1,000 joint replicates of customers.
    **columns
        Given to :func:`csatlib.journeys.sequences`: case, customer, gap, place, channel, time, settled, rating,
        by, start, until, follow, longest.

    Returns
    -------
    Paths
        Tables common, falls, friction, handover, and the sequences.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.journeys.sequences`; a confidence outside (0, 1); fewer than one path to show.

    Notes
    -----
    Shares and ratings count journeys watched for at least `follow` days, however they went, so that short ones are
    not favoured. Shares: Wilson's limits on the effective number of journeys, from replicates of customers; means
    and changes: t. Friction keeps all journeys, the unfinished as censored; its median has the interval of
    Brookmeyer and Crowley on the log-log scale, which takes journeys as independent. "same_channel" and
    "other_channel" are told at the second contact, and compare only journeys that came back. In steps a
    journey without settlement counts as if it had gone on like the others.
    A customer goes on where a matter was not settled: the first rating of a longer journey is low because of that
    choice alone, and the next one tends to be higher.

    References
    ----------
    Kaplan, E. L. and Meier, P. (1958), JASA 53, 457-481; Brookmeyer, R. and Crowley, J. (1982), Biometrics 38,
    29-41; Mogstad, M. et al. (2024), Review of Economic Studies 91, 476-518 (ranks).

    Examples
    --------
    >>> calls = pd.DataFrame({"case_id": [1, 1, 2, 3], "customer_id": list("aabc")})
    >>> calls["touchpoint"] = ["Chat", "Shop", "App", "App"]
    >>> calls["occurred_at"] = pd.to_datetime(["2026-10-01", "2026-10-03", "2026-10-02", "2026-10-02"])
    >>> calls = calls.assign(resolved=[0, 1, 1, 0], rating=[2.0, 5.0, 6.0, 4.0])
    >>> found = paths(calls, channel="touchpoint", until=pd.Timestamp("2026-10-31"))
    >>> found.common.query("measure == 'share'")[["group", "n", "n_of"]].values.tolist()
    [['App', 2, 3], ['Chat → Shop', 1, 3]]
    """
    check_confidence(confidence)
    if most < 1:
        raise ValueError(f"most={most!r}; at least 1 path is shown")
    if isinstance(data, Sequences) and columns:
        raise ValueError(f"{', '.join(columns)} belong to sequences(); the data already is its result")
    made = data if isinstance(data, Sequences) else sequences(data, **columns)
    journeys = made.journeys[made.journeys["watched"]]
    if journeys.empty:
        raise ValueError(
            f"no journey was watched long enough ({len(made.journeys)} begun); take a longer period, an earlier "
            "start or fewer days to follow"
        )
    design = {"confidence": confidence, "seed": seed}
    return Paths(
        made,
        _common(journeys, most, **design),
        _falls(made, journeys, most, **design),
        _friction(made.journeys, confidence),
        _handover(journeys, **design),
    )


def _common(journeys: pd.DataFrame, most: int, confidence: float, seed: int) -> pd.DataFrame:
    counts = journeys["path"].value_counts()
    shown = sorted(counts.index, key=lambda path: (-counts[path], path))[:most]
    label = journeys["path"].where(journeys["path"].isin(shown), OTHER)
    names = shown + ([OTHER] if len(counts) > most else [])
    dummies = pd.DataFrame({f"p{i}": label.eq(name).astype(float) for i, name in enumerate(names)})
    frame = pd.concat([journeys[["journey", "customer", "rating_end"]], dummies], axis=1).assign(group=label)
    sums = sums_of(frame, list(dummies), cluster="customer", key="journey")
    replicates, estimate = sums.replicates(sums.draw(seed=seed))[:, 0], sums.means[0]
    n = np.array([int(label.eq(name).sum()) for name in names])
    limits = share_limits(
        estimate,
        replicates,
        n=np.full(len(names), len(journeys)),
        n_groups=sums.n_groups[0],
        confidence=confidence,
    )
    share = pd.DataFrame({"group": names, "measure": "share", "n": n, "n_of": len(journeys)} | limits)
    ends = sums_of(frame, ["rating_end"], by=["group"], cluster="customer", key="journey")
    at = [ends.segments.index((name,)) for name in names]
    means, drawn = ends.means[at, 0], ends.replicates(ends.draw(seed=seed))[:, at, 0]
    n_rated, groups = ends.counts[at, 0], ends.n_groups[at, 0]
    found = mean_limits(means, drawn, n=n_rated, n_groups=groups, confidence=confidence)
    end = pd.DataFrame({"group": names, "measure": "rating_end", "n": n_rated, "n_of": len(journeys)} | found)
    tables = []
    for table, figures, each in ((share, estimate, replicates), (end, means, drawn)):
        ranked = np.where((table["n_groups"] >= MIN_GROUPS) & table["group"].ne(OTHER), figures, np.nan)
        low, high = rank_limits(ranked, each, n_groups=int(sums.n_groups.max()), confidence=confidence)
        tables.append(table.assign(rank_low=low, rank_high=high))
    return pd.concat(tables, ignore_index=True).drop(columns="p_value")


def _falls(made: Sequences, journeys: pd.DataFrame, most: int, confidence: float, seed: int) -> pd.DataFrame:
    there = pd.Index(journeys["journey"]).get_indexer(made.steps["journey"]) >= 0
    steps = made.steps[there]
    follows = steps["journey"].eq(steps["journey"].shift())
    before = steps["rating"].shift()
    pairs = steps.assign(
        before=before, change=steps["rating"] - before, group=steps["place"].shift() + ARROW + steps["place"]
    )[follows & steps["rating"].notna() & before.notna()]
    columns = [
        "group",
        "n",
        "before",
        "n_eff",
        "n_groups",
        "few_groups",
        "estimate",
        "ci_low",
        "ci_high",
        "p_value",
    ]
    if pairs.empty:
        return pd.DataFrame(columns=[*columns, "p_adjusted"])
    counts = pairs["group"].value_counts()
    shown = sorted(counts.index, key=lambda move: (-counts[move], move))[:most]
    tables = []
    for rows, names in ((pairs.assign(group="all"), ["all"]), (pairs, shown)):
        sums = sums_of(rows, ["change", "before"], by=["group"], cluster="customer", key="journey")
        at = [sums.segments.index((name,)) for name in names]
        drawn, n = sums.replicates(sums.draw(seed=seed))[:, at, 0], sums.counts[at, 0]
        limits = mean_limits(sums.means[at, 0], drawn, n=n, n_groups=sums.n_groups[at, 0], confidence=confidence)
        tables.append(pd.DataFrame({"group": names, "n": n, "before": sums.means[at, 1]} | limits))
    adjusted = np.append(np.nan, benjamini_hochberg(tables[1]["p_value"].to_numpy()))
    return pd.concat(tables, ignore_index=True)[columns].assign(p_adjusted=adjusted)


def _friction(journeys: pd.DataFrame, confidence: float) -> pd.DataFrame:
    known = journeys[journeys["settled"].notna()]
    back = known[known["watched"] & known["repeated"] & known["soon"]]
    rows = []
    for level, other in LEVELS.items():
        part = known if level == "all" else back if other is None else back[back["second_other"] == other]
        groups = [("all", part), *(part.groupby("group") if known["group"].notna().any() else [])]
        rows += [
            {"level": level, "group": str(group), "measure": measure} | _median(each, measure, confidence)
            for group, each in groups
            for measure in ("days", "steps")
        ]
    table = pd.DataFrame(rows)
    apart = (table["level"] == "other_channel") & (table["measure"] == "days")
    groups = [
        back if group == "all" else back[back["group"].astype(str) == group] for group in table["group"][apart]
    ]
    return table.assign(p_value=pd.Series([_log_rank(each) for each in groups], table.index[apart], dtype=float))


def _log_rank(back: pd.DataFrame) -> float:
    """P value of no difference in days between those who stayed in a channel and those who left it."""
    if back["second_other"].nunique() < 2 or not back["settled"].any():
        return np.nan
    return float(survdiff(back["days"].to_numpy(float), back["settled"].to_numpy(float), back["second_other"])[1])


def _median(part: pd.DataFrame, measure: str, confidence: float) -> dict[str, float]:
    """Median until settlement, unfinished journeys censored."""
    groups = len(np.unique(replicate_groups(part["journey"]))) if len(part) else 0
    found = {"n": len(part), "n_open": int(part["settled"].eq(0).sum()), "n_eff": float(part["settled"].sum())}
    found |= {"n_groups": groups, "few_groups": groups < FEW_GROUPS}
    if groups < MIN_GROUPS:
        return found | dict.fromkeys(("estimate", "ci_low", "ci_high"), np.nan)
    curve = SurvfuncRight(part[measure].to_numpy(dtype=float), part["settled"].to_numpy(dtype=float))
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = curve.quantile_ci(0.5, alpha=1 - confidence)
    middle = curve.quantile(0.5)
    if np.isnan(low) and np.isnan(high):  # the curve passes one half in a single step
        low = high = middle
    finite = [value if np.isfinite(value) else np.nan for value in (middle, low, high)]
    return found | dict(zip(("estimate", "ci_low", "ci_high"), finite, strict=True))


def _handover(journeys: pd.DataFrame, confidence: float, seed: int) -> pd.DataFrame:
    frame = journeys.assign(**{name: journeys[name].astype(float) for name in SHARES})
    levels = [("all", frame.assign(at="all")), ("channel", frame.assign(at=frame["first_channel"]))]
    levels += [("by", frame.assign(at=frame["group"]))]
    tables = []
    for level, rows in levels:
        if rows["at"].isna().all():
            continue
        sums = sums_of(rows, SHARES, by=["at"], cluster="customer", key="journey")
        drawn = sums.draw(seed=seed)
        for i, measure in enumerate(SHARES):
            n = sums.counts[:, i]
            limits = share_limits(
                sums.means[:, i],
                sums.replicates(drawn)[:, :, i],
                n=n,
                n_groups=sums.n_groups[:, i],
                confidence=confidence,
            )
            names = [str(label) for (label,) in sums.segments]
            rest = _against_rest(sums, drawn, i, confidence)
            tables.append(
                pd.DataFrame({"level": level, "group": names, "measure": measure, "n": n} | limits | rest)
            )
    return pd.concat(tables, ignore_index=True)


def _against_rest(sums: SegmentSums, drawn: np.ndarray, column: int, confidence: float) -> dict[str, np.ndarray]:
    """Difference of each group from all others together, in the same replicates."""
    groups = len(sums.segments)
    if groups < 2:
        return {"difference": np.full(groups, np.nan), "p_adjusted": np.full(groups, np.nan)}
    others = sums.combine(1 - np.eye(groups, dtype=int))
    apart = (sums.means - others.means)[:, column]
    moved = (sums.replicates(drawn) - others.replicates(drawn))[:, :, column]
    behind = np.minimum(sums.n_groups, others.n_groups)[:, column]
    p_value = from_replicates(apart, moved, n_groups=behind, confidence=confidence).p_value
    return {"difference": apart, "p_adjusted": benjamini_hochberg(p_value)}
