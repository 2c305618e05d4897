"""The sample company's customers and how satisfied each of them is in each month."""

from dataclasses import dataclass

import numpy as np

from csatlib.tables.simulate.truth import (
    BACKLOG_BY_PRODUCT,
    BACKLOG_ITEMS,
    BILLING_ITEMS,
    DIMENSION_OF,
    DRIVERS,
    EXPECTED,
    LAG,
    N_ITEMS,
    OUTCOMES,
    PERCEIVED,
    PLAN_LEVEL,
    REGION_LEVEL,
    REGIONS,
    REWORDING,
    SEASON,
    SPREAD,
    VIP_LEVEL,
    Story,
    dimension_shift,
    item_shift,
    stream,
)

DAY = 86_400.0
WEIGHTS = np.array(list(DRIVERS.values()))


@dataclass(frozen=True)
class Calendar:
    """The months simulated; every time in the simulator is in seconds since the first midnight.

    Parameters
    ----------
    first : datetime64[D]
        First day.
    starts : ndarray of float, shape (months + 1,)
        Start of each month and the end of the last one, in seconds.
    names : list of str
        ``2025-05`` ...
    month : ndarray of int
        Calendar month 0-11.
    """

    first: np.datetime64
    starts: np.ndarray
    names: list[str]
    month: np.ndarray

    def date(self, seconds: np.ndarray) -> np.ndarray:
        """Seconds as datetime64[s]; NaN becomes NaT."""
        known = np.isfinite(seconds)
        delta = np.where(known, seconds, 0).astype("timedelta64[s]")
        return np.where(known, self.first.astype("datetime64[s]") + delta, np.datetime64("NaT", "s"))

    def month_of(self, seconds: np.ndarray) -> np.ndarray:
        """Which simulated month a time falls in."""
        return np.searchsorted(self.starts, seconds, side="right") - 1

    def quarter(self, t: int) -> str:
        """Wave of a simulated month: ``2026-Q2``."""
        year, month = self.names[t].split("-")
        return f"{year}-Q{(int(month) + 2) // 3}"


def calendar(months: int, end: str) -> Calendar:
    """Lay out the months that end with `end`.

    Examples
    --------
    >>> calendar(2, "2026-10").names
    ['2026-09', '2026-10']
    """
    last = np.datetime64(end, "M")
    span = last - np.arange(months - 1, -2, -1).astype("timedelta64[M]")
    days = span.astype("datetime64[D]")
    return Calendar(
        first=days[0],
        starts=(days - days[0]).astype(float) * DAY,
        names=[str(m) for m in span[:-1]],
        month=span[:-1].astype(int) % 12,
    )


@dataclass(frozen=True)
class People:
    """Who the customers are (codes into the tuples of `simulate.truth`) and their lasting opinions."""

    region: np.ndarray
    plan: np.ndarray
    vip: np.ndarray
    product: np.ndarray
    age: np.ndarray
    chinese: np.ndarray
    joined: np.ndarray
    style: np.ndarray
    halo: np.ndarray
    dimension: np.ndarray
    wanted: np.ndarray
    left: np.ndarray

    def __len__(self) -> int:
        return len(self.region)


def draw_people(seed: int, n: int, days: Calendar) -> People:
    """Draw n customers: 78 % there at the start, the rest join evenly over the months."""
    rng = stream(seed, "people")
    plan = rng.choice(3, n, p=[0.38, 0.40, 0.22])
    old = rng.random(n) < 0.78
    tenure = np.minimum(rng.exponential(4.0, n) * 365, 15 * 365 + rng.integers(0, 300, n))
    joined = np.where(old, -np.ceil(tenure + 1), np.floor(rng.random(n) * (days.starts[-1] / DAY - 3))) * DAY
    order = np.argsort(joined, kind="stable")
    person = rng.normal(0, SPREAD["expectation_person"], (n, 1))
    return People(
        region=rng.choice(4, n, p=[0.25, 0.26, 0.25, 0.24]),
        plan=plan,
        vip=rng.random(n) < np.array([0.04, 0.10, 0.28])[plan],
        product=rng.choice(3, n, p=[0.45, 0.22, 0.33]),
        age=rng.choice(4, n, p=[0.22, 0.31, 0.27, 0.20]),
        chinese=rng.random(n) < 0.20,
        joined=joined[order],
        style=rng.normal(0, SPREAD["style"], n),
        halo=SPREAD["halo"] * (3 - rng.gamma(3.0, size=n)) / np.sqrt(3),
        dimension=rng.normal(0, SPREAD["dimension"], (n, 5)),
        wanted=person + rng.normal(0, SPREAD["expectation_dimension"], (n, 5)),
        left=np.full(n, np.inf),
    )


def tell(days: Calendar, stories: bool) -> tuple[Story, ...]:
    """Plan the two stories: the backlog from four months before the last one, billing from two before."""
    if not stories:
        return ()
    plans = (
        (
            "backlog",
            4,
            REGIONS[:1],
            BACKLOG_ITEMS,
            0.7,
            {"Field service": -1.2, "Installation": -1.0, "Hotline": -0.4},
        ),
        ("billing", 2, REGIONS, BILLING_ITEMS, 1.0, {"Billing": 0.9}),
    )
    told = []
    for name, before, regions, items, opening, touchpoint in plans:
        begin = len(days.names) - 1 - before
        ramp = [0.0 if t < begin else opening if t == begin else 1.0 for t in range(len(days.names))]
        lagged, level = [], 0.0
        for share in ramp:
            level += LAG * (share - level)
            lagged.append(level)
        start = days.names[max(begin, 0)]
        told.append(Story(name, start, regions, items, tuple(ramp), tuple(lagged), touchpoint))
    return tuple(told)


@dataclass(frozen=True)
class World:
    """Customers, months and what happened to each customer's level of satisfaction.

    Parameters
    ----------
    people : People
        The customers.
    calendar : Calendar
        The months.
    stories : tuple of Story
        What is planted.
    shock : ndarray, shape (months, customers)
        What bad contacts and complaints of earlier months left behind; filled while the months are lived.
    """

    people: People
    calendar: Calendar
    stories: tuple[Story, ...]
    shock: np.ndarray

    def active(self, t: int) -> np.ndarray:
        """Tell who is there at the start of a month, or joins in its first ten days."""
        start = self.calendar.starts[t]
        return (self.people.joined < start + 10 * DAY) & (self.people.left > start)

    def story(self, name: str, t: int) -> float:
        """Share of a story present in a month; 0 where it is not planted."""
        return next((s.ramp[t] for s in self.stories if s.name == name), 0.0)

    def touched(self, story: Story, who: np.ndarray) -> np.ndarray:
        """How strongly a story touches each customer's opinions."""
        here = np.isin(self.people.region[who], [REGIONS.index(r) for r in story.regions])
        by_product = BACKLOG_BY_PRODUCT[self.people.product[who]] if story.name == "backlog" else 1.0
        return here * by_product

    def level(self, who: np.ndarray, t: int | np.ndarray) -> np.ndarray:
        """General level of perception, style and stories left out."""
        people = self.people
        fixed = REGION_LEVEL[people.region[who]] + PLAN_LEVEL[people.plan[who]] + VIP_LEVEL * people.vip[who]
        return fixed + people.halo[who] + self.shock[t, who] + SEASON[self.calendar.month[t]]

    def satisfaction(self, who: np.ndarray, t: int | np.ndarray) -> np.ndarray:
        """Return what a customer feels overall, 0 for the average one; the stories arrive with a lag."""
        felt = self.level(who, t) + self.people.dimension[who] @ WEIGHTS
        for story in self.stories:
            lagged = np.array(story.lagged)[t]
            felt = felt + lagged * self.touched(story, who) * (dimension_shift(story) @ WEIGHTS)
        return felt

    def overall(self, who: np.ndarray, t: int | np.ndarray) -> np.ndarray:
        """Latent mean of the answer on overall satisfaction."""
        style = OUTCOMES["style_in_overall"] * self.people.style[who]
        return OUTCOMES["overall"] + self.satisfaction(who, t) + style

    def reworded(self, t: int | np.ndarray) -> np.ndarray:
        """Whether the reworded item is asked with its new words in a month."""
        return np.asarray(t) >= reworded_from(self.calendar)

    def expectations(self, who: np.ndarray, t: int | np.ndarray) -> np.ndarray:
        """Latent expectation means, shape (customers, 22)."""
        people = self.people
        wanted = EXPECTED + (people.wanted[who] + people.style[who, None])[:, DIMENSION_OF]
        wanted += VIP_LEVEL * people.vip[who, None]
        return wanted + np.multiply.outer(self.reworded(t), _reworded_item("expectation"))

    def perceptions(self, who: np.ndarray, t: int | np.ndarray) -> np.ndarray:
        """Latent perception means, shape (customers, 22)."""
        people = self.people
        common = self.level(who, t) + people.style[who]
        seen = PERCEIVED + people.dimension[who][:, DIMENSION_OF] + common[:, None]
        for story in self.stories:
            seen += (np.array(story.ramp)[t] * self.touched(story, who))[:, None] * item_shift(story)
        return seen + np.multiply.outer(self.reworded(t), _reworded_item("perception"))


def reworded_from(days: Calendar) -> int:
    """First simulated month of the new wording: the quarter that holds the month six before the last."""
    wave = calendar(7, days.names[-1]).quarter(0)
    waves = [days.quarter(t) for t in range(len(days.names))]
    return waves.index(wave) if wave in waves else 0


def _reworded_item(side: str) -> np.ndarray:
    shift = np.zeros(N_ITEMS)
    shift[int(str(REWORDING["item"])[1:]) - 1] = REWORDING[side]
    return shift
