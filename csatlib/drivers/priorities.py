"""Where to begin: performance against importance, with how sure the order is, and what is short of the target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from csatlib.drivers.figures import answers_of, figures, share_of
from csatlib.drivers.reading import Answers, drivers_of
from csatlib.stats.intervals import FEW_GROUPS, MIN_GROUPS, from_replicates
from csatlib.stats.relative_importance import sets
from csatlib.stats.replicates import REPLICATES
from csatlib.stats.rows import blocks
from csatlib.stats.segments import sum_by_segment

QUADRANTS = {(True, True): "improve", (False, True): "keep", (True, False): "later", (False, False): "maintain"}
REFERENCES = ("declared", "median")
CONTOUR = 41
NAMED = 3


@dataclass(frozen=True)
class Priorities:
    """Performance against importance: the drivers, the outline of each one's cloud, and the cut lines.

    Attributes
    ----------
    table : DataFrame
        One row per driver, see :func:`priorities`.
    clouds : DataFrame
        ``driver``, ``gap`` (performance less the cut, in points) and ``share`` along the outline that holds the
        replicates with the confidence asked for (normal ellipse of the joint replicates); empty without them.
    cuts : DataFrame
        ``reference``, ``axis`` ("performance", "share"), ``estimate``, ``ci_low``, ``ci_high``; a declared cut has
        no interval; where drivers have targets of their own, ``estimate`` on performance is NaN.
    """

    table: pd.DataFrame
    clouds: pd.DataFrame
    cuts: pd.DataFrame


def priorities(
    data: Any,
    *,
    outcome: str,
    drivers: Any,
    target: float | Mapping[str, float] | None = None,
    reference: Literal["declared", "median"] = "declared",
    method: Literal["lmg", "relative_weights", "correlation"] = "lmg",
    weight: str | None = None,
    cluster: str | None = None,
    missing: Literal["listwise", "pairwise", "dummy"] = "listwise",
    covariates: Sequence[str] = (),
    level: Literal["dimension", "item"] = "dimension",
    confidence: float = 0.95,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Priorities:
    """Set performance against importance, and say of each driver how sure its place is.

    Parameters
    ----------
    data, outcome, drivers, method, weight, cluster, missing, covariates, level, confidence, replicates, seed
        As in :func:`csatlib.drivers.importance`. Stated importance needs a scale with importance columns, and data
        that can be read twice.
    target : float or mapping of str to float, optional
        Performance aimed at, in points of the ratings: for all drivers, or for each. Without one the median of the
        drivers' performance is the cut, and "short" means short of the others.
    reference : {"declared", "median"}
        Cut lines: the target and an importance share of 1 / drivers; or the medians of both, drawn anew in each
        replicate, since they move with the answers.

    Returns
    -------
    Priorities
        Its ``table`` has, per driver in the order given: ``driver``, ``label``, ``n``, ``n_eff``, ``n_groups``,
        ``few_groups``; ``performance`` with limits; ``reference`` and ``target`` (the cut); ``gap`` (points
        above it);
        ``share`` with ``ci_low`` and ``ci_high`` (importance, 0 to 1); ``stated`` (stated importance, as a share
        of all drivers', 0 to 1) with limits; ``quadrant`` ("improve": short, important; "keep": good, important;
        "later": short, less important; "maintain": good, less important) with ``quadrant_stability`` (share of
        replicates in the same quadrant) and ``stable`` (at least `confidence`); ``quadrant_other`` and
        ``other_stability`` under the other cut lines; ``asked_share``, ``applies_share`` (reach), ``below_share``
        (of those who rated it, the share below the cut); ``shortfall`` (points below the cut, 0 or more);
        ``priority`` (share x shortfall x reach) with limits; ``first_stability`` (share of replicates in which it
        comes first; rank stability, not a probability); ``set`` (priorities with a letter in common cannot be
        separated); ``estimate`` with ``estimate_low`` and ``estimate_high``: points by which the outcome's mean
        would be higher at the target, if the association holds in full.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.drivers.importance`; another reference; drivers without a target.

    Notes
    -----
    Performance, importance, cut lines and priority come from the same joint replicates. The shares of the usual
    quadrant charts move with which drivers were asked: 1 / drivers is what each would have if all were alike.

    References
    ----------
    Martilla, J. A. and James, J. C. (1977), Journal of Marketing 41(1), 77-79; Sever, I. (2015), Tourism
    Management 48, 43-53 (cut lines decide the quadrants).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> frame = pd.DataFrame(rng.normal([4, 6], 1, size=(600, 2)), columns=["speed", "care"])
    >>> frame["overall"] = frame["speed"] + 0.3 * frame["care"] + rng.normal(size=600)
    >>> found = priorities(frame, outcome="overall", drivers=["speed", "care"], target=5.0)
    >>> found.table[["driver", "quadrant", "stable"]].values.tolist()
    [['speed', 'improve', True], ['care', 'maintain', True]]
    """
    if reference not in REFERENCES:
        raise ValueError(f"reference={reference!r}; allowed are {', '.join(map(repr, REFERENCES))}")
    aims = _targets(target, [driver.name for driver in drivers_of(drivers, level)])
    answers, _ = answers_of(
        data, outcome=outcome, drivers=drivers, method=method, weight=weight, cluster=cluster, missing=missing,
        covariates=covariates, level=level, confidence=confidence, replicates=replicates,
        target=aims if reference == "declared" and not np.isnan(aims).any() else None,
    )  # fmt: skip
    has_rows = answers.n_groups >= MIN_GROUPS
    now = _placed(figures(answers, answers.observed(), method), aims, answers)
    stack = answers.replicated(replicates, seed) if has_rows else answers.observed(2)
    drawn = _placed(figures(answers, stack, method), aims, answers)
    table = _table(answers, now, drawn, reference, confidence, has_rows)
    stated = _stated(data, answers, weight, cluster, confidence, replicates, seed)
    clouds = (
        _clouds(table, drawn[reference], confidence)
        if has_rows
        else _clouds(table.iloc[:0], drawn[reference], 0.5)
    )
    return Priorities(table.assign(**stated), clouds, _cuts(now, drawn, aims, answers.n_groups, confidence))


def action_table(result: Priorities, *, limit: int = NAMED) -> pd.DataFrame:
    """Keep what can be named: stable in "improve", at most three, none where the order at the cut cannot be told.

    Parameters
    ----------
    result : Priorities
        From :func:`priorities`.
    limit : int
        Most rows kept.

    Returns
    -------
    DataFrame
        Rows of ``result.table``, with ``ci_low`` and ``ci_high`` those of ``estimate``; in the order of the
        questionnaire, because within a set there is no other.

    Examples
    --------
    >>> table = pd.DataFrame({"driver": ["speed", "care"], "quadrant": "improve", "stable": [True, False]})
    >>> limits = {"priority": [0.4, 0.1], "set": ["a", "b"], "estimate_low": 0.1, "estimate_high": 0.3}
    >>> action_table(Priorities(table.assign(**limits), table, table))["driver"].tolist()
    ['speed']
    """
    table = result.table
    able = table[(table["quadrant"] == "improve") & table["stable"]].sort_values(
        "priority", ascending=False, kind="stable"
    )
    kept = min(limit, len(able))
    while 0 < kept < len(able) and _shared(able["set"].iloc[:kept], able["set"].iloc[kept:]):
        kept -= 1
    named = table.loc[sorted(able.index[:kept])]
    return named.assign(ci_low=named["estimate_low"], ci_high=named["estimate_high"])


def _shared(kept: pd.Series, left: pd.Series) -> bool:
    return bool(set("".join(kept)) & set("".join(left)))


def _targets(target: float | Mapping[str, float] | None, names: list[str]) -> np.ndarray:
    if target is None:
        return np.full(len(names), np.nan)
    if not isinstance(target, Mapping):
        return np.full(len(names), float(target))
    without, unknown = [name for name in names if name not in target], sorted(set(target) - set(names))
    if without or unknown:
        raise ValueError(
            f"target: drivers without one: {', '.join(without) or 'none'}; not drivers: "
            f"{', '.join(unknown) or 'none'}. Give one number for all, or one per driver."
        )
    return np.array([float(target[name]) for name in names])


def _placed(found: Mapping[str, np.ndarray], aims: np.ndarray, answers: Answers) -> dict[str, Any]:
    """Gap, share, quadrant and priority under both kinds of cut lines, in each replicate."""
    performance, share = found["performance"], share_of(found)
    placed: dict[str, Any] = {"performance": performance, "share": share}
    reach = np.where(np.isnan(answers.applies), 1.0, answers.applies)
    for reference in REFERENCES:
        middle = reference == "median"
        aimed = np.where(np.isnan(aims) | middle, np.median(performance, axis=1, keepdims=True), aims)
        line = np.median(share, axis=1, keepdims=True) if middle else np.full((len(share), 1), 1 / share.shape[1])
        gap = performance - aimed
        shortfall = np.maximum(-gap, 0.0)
        placed[reference] = {
            "aimed": aimed,
            "line": line,
            "gap": gap,
            "share": share,
            "shortfall": shortfall,
            "short": gap < 0,
            "important": share >= line,
            "priority": share * shortfall * reach,
            "estimate": found["gain"] * shortfall,
        }
    return placed


def _table(
    answers: Answers,
    now: Mapping[str, Any],
    drawn: Mapping[str, Any],
    reference: str,
    confidence: float,
    has_rows: bool,
) -> pd.DataFrame:
    here, there = now[reference], drawn[reference]
    other = REFERENCES[1 - REFERENCES.index(reference)]
    quadrant, stability = _quadrants(here, there)
    elsewhere, other_stability = _quadrants(now[other], drawn[other])
    groups = answers.n_groups
    priority = there["priority"]
    first = (priority == priority.max(axis=1, keepdims=True)) & (priority > 0)
    given = {"n_groups": groups, "confidence": confidence}
    limits = {
        **_ends("performance", now["performance"][0], drawn["performance"], "t", **given),
        **_ends("ci", now["share"][0], drawn["share"], "percentile", **given),
        **_ends("priority", here["priority"][0], priority, "percentile", **given),
        **_ends("estimate", here["estimate"][0], there["estimate"], "percentile", **given),
    }
    return pd.DataFrame(
        {
            "driver": [driver.name for driver in answers.drivers],
            "label": [driver.label for driver in answers.drivers],
            "n": answers.n,
            "n_eff": answers.moments.n_eff,
            "n_groups": groups,
            "few_groups": 0 < groups < FEW_GROUPS,
            "performance": now["performance"][0],
            "reference": reference,
            "target": np.broadcast_to(here["aimed"][0], len(answers.drivers)),
            "share": now["share"][0],
            **{name: here[name][0] for name in ("gap", "shortfall", "priority", "estimate")},
            **limits,
            "quadrant": quadrant,
            "quadrant_stability": stability if has_rows else np.nan,
            "stable": (stability >= confidence) & has_rows,
            "quadrant_other": elsewhere,
            "other_stability": other_stability if has_rows else np.nan,
            "asked_share": answers.asked,
            "applies_share": answers.applies,
            "below_share": answers.below,
            "first_stability": first.mean(axis=0) if has_rows else np.nan,
            "set": sets(here["priority"][0], priority, n_groups=groups, confidence=confidence),
        }
    )


def _ends(name: str, estimate: np.ndarray, drawn: np.ndarray, method: str, **given: Any) -> dict[str, np.ndarray]:
    found = from_replicates(estimate, drawn, method=method, **given)
    return {f"{name}_low": found.ci_low, f"{name}_high": found.ci_high}


def _quadrants(here: Mapping[str, np.ndarray], there: Mapping[str, np.ndarray]) -> tuple[list[str], np.ndarray]:
    same = (there["short"] == here["short"][0]) & (there["important"] == here["important"][0])
    names = [QUADRANTS[bool(s), bool(i)] for s, i in zip(here["short"][0], here["important"][0], strict=True)]
    return names, same.mean(axis=0)


def _clouds(table: pd.DataFrame, drawn: Mapping[str, np.ndarray], confidence: float) -> pd.DataFrame:
    angle = np.linspace(0, 2 * np.pi, CONTOUR)
    circle = np.stack([np.cos(angle), np.sin(angle)]) * np.sqrt(stats.chi2.ppf(confidence, 2))
    parts = []
    for j, row in enumerate(table.itertuples()):
        points = np.stack([drawn["gap"][:, j], drawn["share"][:, j]])
        values, vectors = np.linalg.eigh(np.cov(points))
        outline = vectors @ (np.sqrt(np.maximum(values, 0))[:, None] * circle)
        parts.append(
            pd.DataFrame({"driver": row.driver, "gap": row.gap + outline[0], "share": row.share + outline[1]})
        )
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["driver", "gap", "share"])


def _cuts(
    now: Mapping[str, Any], drawn: Mapping[str, Any], aims: np.ndarray, n_groups: int, confidence: float
) -> pd.DataFrame:
    rows = []
    for reference in REFERENCES:
        for axis, name in (("performance", "aimed"), ("share", "line")):
            here, there = now[reference][name][0], drawn[reference][name][:, :1]
            limits = from_replicates(
                here[:1], there, n_groups=n_groups, confidence=confidence, method="percentile"
            )
            alike = np.ptp(here) == 0
            fixed = reference == "declared" and (axis == "share" or not np.isnan(aims).any())
            low, high = (np.nan, np.nan) if fixed else (limits.ci_low[0], limits.ci_high[0])
            rows.append((reference, axis, here[0] if alike else np.nan, low, high))
    return pd.DataFrame(rows, columns=["reference", "axis", "estimate", "ci_low", "ci_high"])


def _stated(
    data: Any,
    answers: Answers,
    weight: str | None,
    cluster: str | None,
    confidence: float,
    replicates: int,
    seed: int,
) -> dict[str, Any]:
    """Stated importance of each driver as a share of the sum: means of points or of importance ratings."""
    unknown = dict.fromkeys(("stated", "stated_low", "stated_high"), np.nan)
    columns = [column for driver in answers.drivers for column in driver.stated]
    if not all(driver.stated for driver in answers.drivers) or not hasattr(data, "columns"):
        return unknown
    key = "response_id" if cluster is None and hasattr(data, "to_pyarrow_batches") else None
    sums = sum_by_segment(blocks(data, columns, weight=weight, cluster=cluster, key=key), columns)
    sizes = np.cumsum([0, *(len(driver.stated) for driver in answers.drivers[:-1])])
    lengths = np.array([len(driver.stated) for driver in answers.drivers])

    def shares(means: np.ndarray) -> np.ndarray:
        each = np.add.reduceat(means, sizes, axis=1) / lengths
        return each / each.sum(axis=1, keepdims=True)

    drawn = sums.replicates(sums.draw(replicates=replicates, seed=seed))[:, 0]
    estimate = shares(sums.means)[0]
    groups = int(sums.n_groups.min())
    found = from_replicates(estimate, shares(drawn), n_groups=groups, confidence=confidence)
    return {"stated": estimate, "stated_low": found.ci_low, "stated_high": found.ci_high}
