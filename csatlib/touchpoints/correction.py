"""Steps 9 and 10: the four quadrants, and the table of what to correct first."""

import numpy as np
import pandas as pd

from csatlib.stats.replicates import REPLICATES
from csatlib.touchpoints.inventory import BANDS, HIGH, LOW, RATINGS, SIDES, checked, inventory

CUT = 5.5
QUADRANTS = {  # operational low?, experience low?
    (False, False): "keep",
    (False, True): "works, feels bad",
    (True, False): "feels good, works badly",
    (True, True): "rebuild",
}
AXES = {"works, feels bad": "experience", "feels good, works badly": "operational", "rebuild": "both"}
ROUNDING = 1e-9


def quadrants(
    entries: pd.DataFrame,
    *,
    evidence: pd.DataFrame | None = None,
    cut: float = CUT,
    low: float = 1,
    high: float = 7,
) -> pd.DataFrame:
    """Place touchpoints on the grid: operational effectiveness vertical, experience effectiveness horizontal.

    Parameters
    ----------
    entries : DataFrame
        From :func:`csatlib.touchpoints.inventory`.
    evidence : DataFrame, optional
        From :func:`csatlib.touchpoints.evidence`; touchpoints are matched by name.
    cut : float
        Effectiveness below this is low, on the 1 to 10 of the workshop.
    low, high : float
        Ends of the contacts' rating scale.

    Returns
    -------
    DataFrame
        `entries` with ``quadrant`` ("keep", "works, feels bad", "feels good, works badly", "rebuild"; missing
        where an axis was not rated), ``axis`` (the low one: "operational", "experience", "both"), ``correct``
        (importance in the high band and an axis low), ``shortfall`` (points of 10 the lower axis lacks to the
        cut, 0 at least), and from the contacts ``seen_operational`` (share settled at first contact),
        ``seen_experience`` (satisfaction), both stretched to 1 to 10, ``n_operational``, ``n_experience`` and
        ``reach`` (share of the customers with a contact); NaN without contacts.

    Raises
    ------
    ValueError
        A cut outside 1 to 10.

    Notes
    -----
    Opinion and contacts share the axes, not the yardstick: read the direction of the line, not its last digit.

    Examples
    --------
    >>> entries = pd.DataFrame({"touchpoint": ["Hotline"], "impact": 9.0, "operational": 5.0, "experience": 7.0})
    >>> quadrants(entries)[["quadrant", "axis", "correct", "shortfall"]].values.tolist()
    [['feels good, works badly', 'operational', True, 0.5]]
    """
    if not LOW < cut <= HIGH:
        raise ValueError(f"cut={cut:g}; it must lie above {LOW} and at most at {HIGH}, for example {CUT}")
    axes = entries[["operational", "experience"]]
    known = axes.notna().all(axis=1)
    placed = [
        QUADRANTS[tuple(row)] if there else None
        for row, there in zip((axes < cut - ROUNDING).to_numpy().tolist(), known, strict=True)
    ]
    shortfall = (cut - axes.min(axis=1)).clip(lower=0)
    result = entries.assign(
        quadrant=placed,
        axis=[AXES.get(name) for name in placed],
        correct=(entries["impact"] >= BANDS["high"] - ROUNDING) & (axes < cut - ROUNDING).any(axis=1),
        shortfall=shortfall.where(known | (shortfall > 0)),
    )
    return result.assign(**_seen(result["touchpoint"], evidence, low, high))


def actions(
    data: pd.DataFrame,
    *,
    evidence: pd.DataFrame | None = None,
    reach: dict[str, float] | None = None,
    cut: float = CUT,
    low: float = 1,
    high: float = 7,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """List what to correct: importance of 8 or more with a low effectiveness on either axis.

    Parameters
    ----------
    data : DataFrame
        Ratings as for :func:`csatlib.touchpoints.inventory`.
    evidence, cut, low, high
        As for :func:`quadrants`.
    reach : dict of str to float, optional
        Share of the customers who meet a touchpoint, where contacts do not tell, for example
        ``{"Network": 1.0}``.
    replicates : int
        Number of panels drawn from the raters.
    seed : int
        Seed of the draw.

    Returns
    -------
    DataFrame
        One row per touchpoint to correct, by ``priority``: ``touchpoint``, ``stage``, ``owner``, ``n`` (raters),
        ``impact``, ``operational``, ``experience``, ``axis``, ``seen_operational``, ``n_operational``,
        ``seen_experience``, ``n_experience``, ``reach``, ``shortfall``, ``priority`` (reach x impact x shortfall,
        NaN where the reach is not known: such rows come last), ``rank`` (by priority; ties share one),
        ``rank_low``, ``rank_high`` (95 % of the replicates), ``rank_stability`` (share of replicates in which
        the touchpoint keeps this rank or a better one), and ``due_on``, ``next_review``: empty, for people.

    Raises
    ------
    KeyError, ValueError
        As :func:`csatlib.touchpoints.inventory`; a reach outside 0 to 1.

    Notes
    -----
    Each replicate draws raters with replacement within each side and contacts' reach from its standard error;
    the list itself stays as it is. Rank stability is no probability of being right: it says how much the order
    depends on who sat in the workshop.

    Examples
    --------
    >>> row = {"purpose": "solve a problem", "role": "loyalty", "owner": "Care", "stage": "use"}
    >>> rows = [{"touchpoint": "Hotline", "impact": 9, "operational": 5, "experience": 7}]
    >>> rows += [{"touchpoint": "Chat", "impact": 7, "operational": 5, "experience": 5}]
    >>> table = actions(pd.DataFrame(rows).assign(**row), reach={"Hotline": 0.4})
    >>> table[["touchpoint", "owner", "axis", "priority"]].values.tolist()
    [['Hotline', 'Care', 'operational', 1.8]]
    """
    wrong = {name: share for name, share in (reach or {}).items() if not 0 <= share <= 1}
    if wrong:
        raise ValueError(f"reach={wrong}; a reach is a share of the customers, from 0 to 1")
    placed = quadrants(inventory(data).entries, evidence=evidence, cut=cut, low=low, high=high)
    given = placed["touchpoint"].map(reach or {}).astype(float)
    placed["_se"] = placed["_reach_se"].where(given.isna(), 0.0)
    placed["reach"] = given.fillna(placed["reach"])
    listed = placed[placed["correct"]].copy()
    listed["priority"] = listed["reach"] * listed["impact"] * listed["shortfall"]
    drawn = _redrawn(checked(data), listed, cut, replicates, seed)
    listed = listed.assign(rank=listed["priority"].rank(ascending=False, method="min"), **_ranks(listed, drawn))
    listed = listed.sort_values(["rank", "touchpoint"], kind="stable", na_position="last").reset_index(drop=True)
    columns = ["touchpoint", "stage", "owner", "n", *RATINGS, "axis", "seen_operational", "n_operational"]
    columns += ["seen_experience", "n_experience", "reach", "shortfall", "priority", "rank"]
    columns += ["rank_low", "rank_high", "rank_stability"]
    return listed[columns].assign(due_on="", next_review="")


def _seen(touchpoints: pd.Series, evidence: pd.DataFrame | None, low: float, high: float) -> dict[str, np.ndarray]:
    """Return what contacts say on both axes, on the workshop's 1 to 10."""
    empty = np.full(len(touchpoints), np.nan)
    names = ("seen_operational", "n_operational", "seen_experience", "n_experience", "reach", "_reach_se")
    if evidence is None:
        return dict.fromkeys(names, empty)
    wide = {
        measure: evidence[evidence["measure"] == measure].set_index("touchpoint").reindex(touchpoints)
        for measure in ("first_contact_resolution", "satisfaction", "reach")
    }
    settled, rated, reached = wide.values()
    stretch = HIGH - LOW
    values = (
        LOW + stretch * settled["estimate"],
        settled["n"],
        LOW + stretch * (rated["estimate"] - low) / (high - low),
        rated["n"],
        reached["estimate"],
        (reached["ci_high"] - reached["ci_low"]) / (2 * 1.96),
    )
    return {name: value.to_numpy(dtype=float) for name, value in zip(names, values, strict=True)}


def _redrawn(rows: pd.DataFrame, listed: pd.DataFrame, cut: float, replicates: int, seed: int) -> np.ndarray:
    """Priorities in each replicate of raters and reach, shape (replicates, touchpoints)."""
    rng = np.random.default_rng(seed)
    names = list(listed["touchpoint"])
    total, sides = 0.0, 0.0
    for side in SIDES:
        own = rows[(rows["rater_side"] == side) & rows["touchpoint"].isin(names)]
        raters = sorted(own["rater"].dropna().unique())
        if not raters:
            continue
        index = pd.MultiIndex.from_product([raters, names])
        marks = own.set_index(["rater", "touchpoint"])[list(RATINGS)].astype(float).reindex(index).to_numpy()
        cube = marks.reshape(len(raters), len(names) * len(RATINGS))
        chosen = rng.multinomial(len(raters), np.full(len(raters), 1 / len(raters)), size=replicates)
        with np.errstate(invalid="ignore"):
            mean = (chosen @ np.nan_to_num(cube)) / (chosen @ ~np.isnan(cube))
        total, sides = total + np.nan_to_num(mean), sides + ~np.isnan(mean)
    with np.errstate(invalid="ignore"):
        impact, operational, experience = (total / sides).reshape(replicates, len(names), 3).transpose(2, 0, 1)
    reach = listed["reach"].to_numpy() + listed["_se"].fillna(0).to_numpy() * rng.normal(size=impact.shape)
    return np.clip(reach, 0, 1) * impact * np.clip(cut - np.fmin(operational, experience), 0, None)


def _ranks(listed: pd.DataFrame, drawn: np.ndarray) -> dict[str, np.ndarray]:
    known = listed["priority"].notna().to_numpy()
    place = listed["priority"].rank(ascending=False, method="min").to_numpy()
    ranks = pd.DataFrame(drawn.T).rank(ascending=False, method="min").to_numpy()
    found = np.full((3, len(listed)), np.nan)
    if known.any():
        low, high = np.nanquantile(ranks[known], [0.025, 0.975], axis=1, method="nearest")
        found[:, known] = [low, high, (ranks[known] <= place[known, None]).mean(axis=1)]
    return dict(zip(("rank_low", "rank_high", "rank_stability"), found, strict=True))
