"""What is true of the sample company: every coefficient, and the population means before non-response."""

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from csatlib.tables.simulate.items import DIMENSIONS, ITEMS

REGIONS = ("North", "South", "East", "West")
PLANS = ("Basic", "Plus", "Max")
TIERS = ("standard", "VIP")
PRODUCTS = ("broadband", "mobile", "both")
AGES = ("18-29", "30-44", "45-59", "60+")
LANGUAGES = ("en", "zh")

N_ITEMS = len(ITEMS)
DIMENSION_OF = np.array([list(DIMENSIONS).index(s.dimension) for s in ITEMS])
_ITEM_IDS = [s.item for s in ITEMS]

EXPECTED = np.array([6.05, 6.55, 6.40, 6.45, 6.15])[DIMENSION_OF] + np.array(
    [0.15, -0.15, -0.20, 0.20, 0.10, 0.05, 0.00, 0.05, 0.15, 0.00, 0.10]
    + [0.05, -0.15, 0.00, 0.20, 0.00, 0.05, -0.10, 0.05, -0.15, 0.10, 0.10]
)
PERCEIVED = np.array([5.50, 5.10, 5.15, 5.55, 4.95])[DIMENSION_OF] + np.array(
    [0.05, 0.15, 0.20, -0.40, 0.00, -0.10, 0.10, 0.05, -0.05, 0.05, -0.05]
    + [0.15, -0.15, -0.05, 0.10, 0.10, -0.15, 0.00, 0.20, 0.05, -0.25, 0.00]
)
DRIVERS = {
    "tangibles": 0.10,
    "reliability": 0.34,
    "responsiveness": 0.27,
    "assurance": 0.15,
    "empathy": 0.14,
}
POINTS = {
    "standard": {
        "tangibles": 12,
        "reliability": 31,
        "responsiveness": 24,
        "assurance": 18,
        "empathy": 15,
    },
    "VIP": {
        "tangibles": 9,
        "reliability": 30,
        "responsiveness": 30,
        "assurance": 16,
        "empathy": 15,
    },
}
SPREAD = {
    "style": 0.45,
    "halo": 0.65,
    "dimension": 0.40,
    "occasion": 0.30,
    "perception_noise": 0.75,
    "expectation_person": 0.40,
    "expectation_dimension": 0.25,
    "expectation_noise": 0.65,
    "overall_noise": 0.70,
    "nps_noise": 1.20,
}
OUTCOMES = {"overall": 5.30, "style_in_overall": 0.5, "nps": 7.7, "nps_per_point": 1.5}
BACKLOG_ITEMS = {
    **{"q05": -1.00, "q06": -0.45, "q07": -0.85, "q08": -1.10},
    **{"q10": -1.10, "q11": -1.00, "q12": -0.55, "q13": -0.85},
}
BILLING_ITEMS = {"q04": 0.45, "q09": 0.55}
BACKLOG_BY_PRODUCT = np.array([1.15, 0.40, 1.10])
LAG = 0.5
REWORDING = {"item": "q07", "expectation": 0.05, "perception": -0.25}
REGION_LEVEL = np.array([0.00, 0.08, -0.05, 0.04])
PLAN_LEVEL = np.array([-0.08, 0.00, 0.08])
VIP_LEVEL = 0.15
SEASON = np.array([-0.12, -0.06, 0.0, 0.02, 0.03, 0.03, 0.02, 0.0, 0.02, 0.0, -0.04, -0.10])
SURVEY = {
    "staff_present": 0.40,
    "careless": 0.02,
    "broke_off": 0.025,
    "points_slip": 0.03,
    "points_missing": 0.04,
    "open_link": 0.042,
}
CHURN = {
    "intercept": -4.60,
    "satisfaction": -1.00,
    "grievance": 0.80,
    "bad_contact": 0.35,
    "plan_basic": 0.25,
    "vip": -0.30,
    "first_year": 0.35,
    "both_products": -0.20,
    "january": 0.20,
}
RESPONSE = {
    "intercept": -0.38,
    "satisfaction": 0.30,
    **{"age_18-29": -0.50, "age_30-44": -0.15, "age_45-59": 0.15, "age_60+": 0.40},
    **{"plan_Basic": -0.15, "plan_Plus": 0.0, "plan_Max": 0.10},
    **{"region_North": 0.05, "region_South": 0.05, "region_East": -0.20, "region_West": 0.05},
    "vip": 0.35,
    **{"channel_email": 0.0, "channel_sms": -0.25, "channel_shop": 0.80},
    **{"august": -0.15, "december": -0.10},
}
COMPLAINT = {
    "intercept": -4.70,
    "satisfaction": -0.80,
    "after_broken_promise": 0.36,
    "after_bad_contact": 0.20,
}
SHOCK = {"kept_per_month": 0.6, "bad_contact": -0.30, "complaint_bad": -0.60, "complaint_good": 0.15}

_PERCEPTION_SD = np.hypot(SPREAD["occasion"], SPREAD["perception_noise"])
_OVERALL_SD = np.hypot(SPREAD["overall_noise"], SPREAD["occasion"] * np.linalg.norm(list(DRIVERS.values())))


@dataclass(frozen=True)
class Story:
    """One change planted in the company.

    Parameters
    ----------
    name : str
        ``backlog`` or ``billing``.
    start : str
        First month, for example ``2026-06``.
    regions : tuple of str
        Where it happens.
    items : dict of str to float
        Shift of each item's latent perception mean once the story has fully begun (the backlog is then
        multiplied by product, see `BACKLOG_BY_PRODUCT`: technicians matter less to mobile customers).
    ramp : tuple of float
        Share of the shift present in each month of the data.
    lagged : tuple of float
        Share of the shift that has reached overall satisfaction in each month.
    touchpoint : dict of str to float
        Shift of the latent contact rating of the touchpoints touched.
    """

    name: str
    start: str
    regions: tuple[str, ...]
    items: dict[str, float]
    ramp: tuple[float, ...]
    lagged: tuple[float, ...]
    touchpoint: dict[str, float]


@dataclass(frozen=True)
class Truth:
    """What is true of a simulated company; analyses are judged against it.

    Parameters
    ----------
    items : DataFrame
        Per region (and ``all``), month and item: `customers` active, mean `expectation_latent` and
        `perception_latent`, mean `expectation` and `perception` on the observed 1-7 scale. Means are over all
        active customers, before non-response, skipped answers, careless answers and staff presence.
    dimensions : DataFrame
        The same averaged over the items of each dimension, with `gap` and `gap_latent`.
    outcomes : DataFrame
        Per region and month: `overall_latent`, `overall` (1-7), `nps` (points) of the active customers.
    stories : tuple of Story
        What was planted; empty for a quiet company.
    hazards : DataFrame
        customer_id, month, hazard: probability of leaving in that month, given active at its start.
    churn, response, complaint, shock : dict of str to float
        Coefficients: logit of leaving; logit of answering an invitation; complaining; what a bad contact
        or a complaint does to the customer's level in later months.
    drivers : dict of str to float
        Weight of each dimension's latent perception on latent overall satisfaction.
    points : dict of str to dict
        Mean importance points by tier.
    spread : dict of str to float
        Standard deviations of the latent parts.
    survey : dict of str to float
        Shift of the answers given in a shop with staff present, and the shares of careless answers,
        of people who broke off, of slips in the importance points and of points not given.
    reworded : dict
        The reworded item, the first wave of its new wording and the latent shifts it brings.
    """

    items: pd.DataFrame
    dimensions: pd.DataFrame
    outcomes: pd.DataFrame
    stories: tuple[Story, ...]
    hazards: pd.DataFrame
    churn: dict[str, float]
    response: dict[str, float]
    complaint: dict[str, float]
    shock: dict[str, float]
    drivers: dict[str, float]
    points: dict[str, dict[str, float]]
    spread: dict[str, float]
    survey: dict[str, float]
    reworded: dict[str, object]


def stream(seed: int, part: str) -> np.random.Generator:
    """Random numbers of one part of the company, so that a new part never moves the rows of another.

    Examples
    --------
    >>> stream(1, "contacts").random() == stream(1, "contacts").random()
    True
    """
    return np.random.default_rng([seed, zlib.crc32(part.encode())])


def chance(logit: np.ndarray) -> np.ndarray:
    """Turn log-odds into probabilities.

    Examples
    --------
    >>> float(chance(np.float64(0)))
    0.5
    """
    return 1 / (1 + np.exp(-logit))


def answer(latent: np.ndarray, low: int = 1, high: int = 7) -> np.ndarray:
    """Turn latent opinions into the answers people tick: rounded, and cut at the ends of the scale.

    Examples
    --------
    >>> answer(np.array([0.2, 5.6, 8.1])).tolist()
    [1.0, 6.0, 7.0]
    """
    return np.clip(np.floor(latent + 0.5), low, high)


def expected_answer(mean: np.ndarray, sd: float, low: int = 1, high: int = 7) -> np.ndarray:
    """Mean of `answer` when the latent opinion is normal.

    Parameters
    ----------
    mean : ndarray
        Latent means, any shape.
    sd : float
        Latent standard deviation, above 0.
    low, high : int
        Ends of the scale.

    Returns
    -------
    ndarray
        ``low + sum of P(latent > k + 1/2)`` for k from low to high - 1, read from a fine grid (error < 1e-5).

    Examples
    --------
    >>> round(float(expected_answer(np.array(4.0), 0.8)), 6)
    4.0
    """
    grid = np.arange(low - 6.0, high + 6.0, 0.01)
    values = low + sum(ndtr((grid - k - 0.5) / sd) for k in range(low, high))
    return np.interp(mean, grid, values)


def expected_nps(overall: np.ndarray) -> np.ndarray:
    """NPS in points expected of people with these latent means of overall satisfaction.

    Examples
    --------
    >>> bool(expected_nps(np.array(7.0)) > expected_nps(np.array(4.0)))
    True
    """
    mean = OUTCOMES["nps"] + OUTCOMES["nps_per_point"] * (overall - OUTCOMES["overall"])
    sd = np.hypot(OUTCOMES["nps_per_point"] * _OVERALL_SD, SPREAD["nps_noise"])
    return 100 * (ndtr((mean - 8.5) / sd) - ndtr((6.5 - mean) / sd))


def item_shift(story: Story) -> np.ndarray:
    """Shift of each of the 22 items' latent perception at full strength of a story."""
    return np.array([story.items.get(item, 0.0) for item in _ITEM_IDS])


def dimension_shift(story: Story) -> np.ndarray:
    """Shift of each dimension's latent perception (mean of its items) at full strength of a story."""
    return np.bincount(DIMENSION_OF, item_shift(story)) / np.bincount(DIMENSION_OF)


def population(world) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Means of all active customers by region and month, before anybody is asked.

    Parameters
    ----------
    world : World
        Customers with their months lived through.

    Returns
    -------
    tuple of DataFrame
        Items, dimensions, outcomes as described in `Truth`.
    """
    regions = (*REGIONS, "all")
    months = world.calendar.names
    items = np.empty((len(months), len(regions), N_ITEMS, 4))
    outcomes = np.empty((len(months), len(regions), 3))
    customers = np.empty((len(months), len(regions)), int)
    for t in range(len(months)):
        who = np.flatnonzero(world.active(t))
        member = np.vstack([world.people.region[who] == r for r in range(4)] + [np.ones(len(who), bool)])
        customers[t] = member.sum(axis=1)
        share = member / np.maximum(customers[t], 1)[:, None]
        wanted, seen, overall = world.expectations(who, t), world.perceptions(who, t), world.overall(who, t)
        given = expected_answer(wanted, SPREAD["expectation_noise"]), expected_answer(seen, _PERCEPTION_SD)
        for k, values in enumerate((wanted, seen, *given)):
            items[t, :, :, k] = share @ values
        for k, values in enumerate((overall, expected_answer(overall, _OVERALL_SD), expected_nps(overall))):
            outcomes[t, :, k] = share @ values
    keys = pd.MultiIndex.from_product([months, regions], names=["month", "region"])
    wide = pd.DataFrame(
        outcomes.reshape(-1, 3), index=keys, columns=["overall_latent", "overall", "nps"]
    ).reset_index()
    wide.insert(2, "customers", customers.ravel())
    keys = pd.MultiIndex.from_product([months, regions, _ITEM_IDS], names=["month", "region", "item"])
    names = ["expectation_latent", "perception_latent", "expectation", "perception"]
    frame = pd.DataFrame(items.reshape(-1, 4), index=keys, columns=names).reset_index()
    frame.insert(3, "customers", np.repeat(customers.ravel(), N_ITEMS))
    return frame, _dimensions(frame), wide


def _dimensions(items: pd.DataFrame) -> pd.DataFrame:
    of = dict(zip(_ITEM_IDS, [s.dimension for s in ITEMS], strict=True))
    frame = items.assign(dimension=items["item"].map(of)).drop(columns="item")
    frame = frame.groupby(["region", "month", "dimension"], as_index=False, sort=False).mean()
    return frame.assign(
        gap_latent=frame["perception_latent"] - frame["expectation_latent"],
        gap=frame["perception"] - frame["expectation"],
    )
