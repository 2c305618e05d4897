"""Month by month: who leaves, contacts the company, is promised something, complains."""

import numpy as np
import pandas as pd

from csatlib.tables.simulate.people import DAY, World
from csatlib.tables.simulate.truth import CHURN, COMPLAINT, REGIONS, SHOCK, chance, stream

TOUCHPOINTS = (
    *("Hotline", "Chat", "App", "Shop", "Billing", "Field service"),
    *("Installation", "Web site", "Sales hotline"),
)
FIELD = (5, 6)
RATE = np.array([0.046, 0.028, 0.016, 0.030, 0.028, 0.026, 0.0, 0.0, 0.0])
SOLVED = np.array([0.76, 0.66, 0.80, 0.88, 0.74, 0.84, 0.88, 0.85, 0.85])
WAIT = np.array([210.0, 45.0, 20.0, 420.0, 260.0, 2.2 * DAY, 4.0 * DAY, 5.0, 150.0])
RATING = np.array([5.1, 4.9, 5.3, 5.7, 4.5, 5.6, 5.6, 5.2, 5.2])
BOT = np.array([0.0, 0.60, 0.70, 0, 0, 0, 0, 0, 0])
BUSY = np.array([1.15, 1.05, 1.0, 1.0, 1.0, 0.95, 0.95, 0.9, 1.0, 1.0, 1.1, 1.15])
CATEGORIES = ("Field service", "Billing", "Network", "Staff and hotline", "Price and contract", "Shop")
CATEGORY_OF = np.array([3, 3, 2, 5, 1, 0, 0, 4, 4])
BASE_CATEGORY = np.array([0.16, 0.25, 0.27, 0.12, 0.14, 0.06])
PROMISES = (
    "Technician appointment",
    "Call back within 24 hours",
    "Activation within 3 days",
    "Complaint answered within 5 days",
)
BAD_RATING = 3.5


def live(world: World, seed: int) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Live through the months; fills `world.people.left` and `world.shock`.

    Parameters
    ----------
    world : World
        Customers who have not lived yet.
    seed : int
        Seed of the company.

    Returns
    -------
    tuple
        Raw events (`contacts`, `promises`, `complaints`; customers as positions, times in seconds) and the
        hazard of every customer-month.
    """
    n = len(world.people)
    contacts, promises, complaints, hazards = [], [], [], []
    grievance, shock, bad = np.zeros(n), np.zeros(n), np.zeros(n)
    made = 0
    rng = {part: stream(seed, part) for part in ("churn", "contacts", "promises", "complaints")}
    for t in range(len(world.calendar.names)):
        world.shock[t] = shock
        hazards.append(_leave(world, t, grievance, bad, rng["churn"]))
        month = _contacts(world, t, rng["contacts"]).assign(month=t)
        given = _promises(world, t, month, rng["promises"])
        given["promise"] = made + np.arange(len(given))
        made += len(given)
        filed = _complaints(world, t, month, given, rng["complaints"])
        contacts.append(month)
        promises.append(given)
        complaints.append(filed)
        angry = month.loc[(month["latent"] < BAD_RATING) & (month["customer"] >= 0), "customer"]
        bad = np.bincount(angry, minlength=n).clip(max=3)
        sour = np.bincount(filed["customer"], ~filed["good"], minlength=n)
        sweet = np.bincount(filed["customer"], filed["good"], minlength=n)
        shock = SHOCK["kept_per_month"] * shock + SHOCK["bad_contact"] * bad
        shock = np.maximum(shock + SHOCK["complaint_bad"] * sour + SHOCK["complaint_good"] * sweet, -2)
        grievance = SHOCK["kept_per_month"] * grievance + sour
    events = {"contacts": contacts, "promises": promises, "complaints": complaints}
    return {k: pd.concat(v, ignore_index=True) for k, v in events.items()}, pd.concat(hazards)


def _leave(world, t, grievance, bad, rng) -> pd.DataFrame:
    people, days = world.people, world.calendar
    start, length = days.starts[t], days.starts[t + 1] - days.starts[t]
    everyone = np.arange(len(people))
    logit = (
        CHURN["intercept"]
        + CHURN["satisfaction"] * world.satisfaction(everyone, t)
        + CHURN["grievance"] * grievance
        + CHURN["bad_contact"] * bad
        + CHURN["plan_basic"] * (people.plan == 0)
        + CHURN["vip"] * people.vip
        + CHURN["first_year"] * (start - people.joined < 365 * DAY)
        + CHURN["both_products"] * (people.product == 2)
        + CHURN["january"] * (days.month[t] == 0)
    )
    hazard = chance(logit)
    there = (people.joined < start) & np.isinf(people.left)
    leaves = there & (rng.random(len(people)) < hazard)
    when = start + np.floor((0.05 + 0.93 * rng.random(len(people))) * length / DAY) * DAY
    people.left[leaves] = when[leaves]
    who = np.flatnonzero(there)
    return pd.DataFrame({"customer": who, "month": t, "hazard": hazard[who]})


def _shift(world: World, t: int, region: np.ndarray, touchpoint: np.ndarray) -> np.ndarray:
    shift = np.zeros(len(region))
    for story in world.stories:
        by_touchpoint = np.array([story.touchpoint.get(name, 0.0) for name in TOUCHPOINTS])
        here = np.isin(region, [REGIONS.index(r) for r in story.regions])
        shift += story.ramp[t] * by_touchpoint[touchpoint] * here
    return shift


def _contacts(world: World, t: int, rng) -> pd.DataFrame:
    people, days = world.people, world.calendar
    start, length = days.starts[t], days.starts[t + 1] - days.starts[t]
    backlog = world.story("backlog", t) * (people.region == 0)
    rate = np.tile(RATE * BUSY[days.month[t]], (len(people), 1))
    rate[:, 0] *= 1 + 0.35 * backlog
    rate[:, 5] *= np.array([1.2, 0.25, 1.2])[people.product] * (1 + 0.3 * backlog)
    rate[:, 4] *= 1 - 0.25 * world.story("billing", t)
    there = (people.joined < start + length) & (people.left > start)
    customer, touchpoint = np.nonzero((rng.random(rate.shape) < rate) & there[:, None])
    new = np.flatnonzero((people.joined >= start) & (people.joined < start + length - 4 * DAY))
    customer, touchpoint = np.append(customer, new), np.append(touchpoint, np.full(len(new), 6))
    prospects = rng.poisson(0.011 * there.sum())
    customer = np.append(customer, np.full(prospects, -1))
    touchpoint = np.append(touchpoint, rng.choice([7, 8, 3], prospects, p=[0.5, 0.3, 0.2]))
    day = np.floor(rng.random(len(customer)) * length / DAY)
    at = start + day * DAY + np.floor((8 + 12 * rng.beta(1.8, 2.2, len(customer))) * 3600)
    first = touchpoint == 6
    known = np.maximum(customer, 0)
    at[first] = people.joined[known[first]] + (2 + np.floor(rng.random(first.sum()) * 2)) * DAY + 34_000
    region = np.where(customer >= 0, people.region[known], rng.integers(0, 4, len(customer)))
    case = np.arange(len(customer))
    rounds = [_serve(world, t, customer, touchpoint, region, at, case, 0, rng)]
    for again in (1, 2, 3):
        last = rounds[-1]
        back = last[~last["resolved"] & (last["customer"] >= 0) & (rng.random(len(last)) < 0.5)]
        same = (rng.random(len(back)) < 0.45) & (back["touchpoint"] < 5)
        place = np.where(same, back["touchpoint"], rng.choice([0, 0, 0, 1, 3], len(back)))
        place = np.where(np.isin(back["touchpoint"], FIELD) & (rng.random(len(back)) < 0.45), 5, place)
        later = np.floor(back["at"] / DAY) * DAY + np.ceil(rng.exponential(3, len(back))) * DAY
        later += np.floor((8 + 12 * rng.beta(1.8, 2.2, len(back))) * 3600)
        rounds.append(_serve(world, t, back["customer"], place, back["region"], later, back["case"], again, rng))
    rows = pd.concat(rounds, ignore_index=True)
    known = rows["customer"].clip(lower=0).to_numpy()
    ours = (rows["at"] >= people.joined[known]) & (rows["at"] < people.left[known])
    return rows[ours | (rows["customer"] < 0)].reset_index(drop=True)


def _serve(world, t, customer, touchpoint, region, at, case, again, rng) -> pd.DataFrame:
    customer, touchpoint, region = (np.asarray(v) for v in (customer, touchpoint, region))
    people, known = world.people, np.maximum(customer, 0)
    n = len(customer)
    late = world.story("backlog", t) * (region == 0)
    field = np.isin(touchpoint, FIELD)
    bot = rng.random(n) < BOT[touchpoint]
    new_bill = world.story("billing", t) * (touchpoint == 4)
    solved = SOLVED[touchpoint] - 0.10 * bot - late * (0.26 * field + 0.08 * (touchpoint == 0))
    resolved = rng.random(n) < solved + 0.10 * new_bill
    slower = np.exp(0.65 * rng.normal(size=n)) * (1 + late * (1.8 * field + 0.6 * (touchpoint == 0)))
    slower = np.where(bot, 0.05, slower) * BUSY[world.calendar.month[t]] ** 2
    opinion = np.where(customer >= 0, world.level(known, t) + people.style[known], 0.0)
    latent = RATING[touchpoint] + 0.6 * opinion + 1.5 * (resolved - 0.8) - 0.35 * again - 0.3 * bot
    latent += -0.25 * np.log2(np.maximum(slower, 0.25)) * ~bot + _shift(world, t, region, touchpoint)
    latent += rng.normal(0, 0.8, n)
    return pd.DataFrame(
        {
            "customer": customer,
            "case": np.asarray(case),
            "region": region,
            "touchpoint": touchpoint,
            "bot": bot,
            "at": np.asarray(at),
            "wait": np.round(WAIT[touchpoint] * slower),
            "resolved": resolved,
            "latent": latent,
            "rated": rng.random(n) < np.where(field, 0.55, 0.38),
            "again": again,
        }
    )


def _promises(world: World, t: int, contacts: pd.DataFrame, rng) -> pd.DataFrame:
    known = contacts[contacts["customer"] >= 0]
    backlog = world.story("backlog", t)
    visits = known[known["touchpoint"].isin(FIELD)]
    n = len(visits)
    late = rng.random(n) < 0.13 + 0.36 * backlog * (visits["region"] == 0)
    delay = np.where(late, np.ceil(rng.exponential(2 + 30 * backlog * (visits["region"] == 0), n) * 4), 0)
    parts = [_promise(0, visits, visits["at"] - delay * 1800 + ~late * 3600, visits["at"])]
    calls = known[known["touchpoint"].isin([0, 4]) & (rng.random(len(known)) < 0.28)]
    n = len(calls)
    kept = rng.random(n) < 0.83 - 0.14 * backlog * (calls["region"] == 0)
    due = calls["at"] + DAY
    done = np.where(kept, due - rng.random(n) * 0.85 * DAY, due + rng.exponential(1.2, n) * DAY + 600)
    parts.append(_promise(1, calls, due, np.where(~kept & (rng.random(n) < 0.25), np.nan, done)))
    new = visits[(visits["touchpoint"] == 6) & (visits["again"] == 0)]
    n = len(new)
    joined = world.people.joined[new["customer"]]
    done = joined + np.where(rng.random(n) < 0.9, 0.5 + 2.4 * rng.random(n), 3.1 + rng.exponential(2, n)) * DAY
    parts.append(_promise(2, new, joined + 3 * DAY, done))
    return pd.concat(parts, ignore_index=True)


def _promise(kind: int, source: pd.DataFrame, due, done) -> pd.DataFrame:
    columns = {"customer": source["customer"].to_numpy(), "region": source["region"].to_numpy()}
    columns |= {"kind": kind, "due": np.floor(np.asarray(due) / 60) * 60}
    return pd.DataFrame(columns | {"done": np.floor(np.asarray(done) / 60) * 60})


def _complaints(world: World, t: int, contacts: pd.DataFrame, promises: pd.DataFrame, rng) -> pd.DataFrame:
    people, days = world.people, world.calendar
    start, length = days.starts[t], days.starts[t + 1] - days.starts[t]
    mood = np.exp(-0.4 * world.satisfaction(np.arange(len(people)), t)).clip(0.3, 2.5)
    broken = promises[~(promises["done"] <= promises["due"])]
    chance_of = COMPLAINT["after_broken_promise"] * mood[broken["customer"]]
    broken = broken[rng.random(len(broken)) < chance_of]
    bad = contacts[(contacts["latent"] < BAD_RATING) & (contacts["customer"] >= 0)]
    bad = bad[rng.random(len(bad)) < COMPLAINT["after_bad_contact"] * mood[bad["customer"]]]
    felt = world.satisfaction(np.arange(len(people)), t)
    there = (people.joined < start) & (people.left > start)
    logit = COMPLAINT["intercept"] + COMPLAINT["satisfaction"] * felt + np.log(BUSY[days.month[t]])
    rest = np.flatnonzero(there & (rng.random(len(people)) < chance(logit)))
    share = BASE_CATEGORY * np.array([1, 1 - 0.4 * world.story("billing", t), 1, 1, 1, 1])
    sources = (
        (broken["customer"], np.where(broken["kind"] == 1, 3, 0), broken["due"], broken["promise"]),
        (bad["customer"], CATEGORY_OF[bad["touchpoint"]], bad["at"], np.full(len(bad), -1)),
        (rest, rng.choice(6, len(rest), p=share / share.sum()), None, np.full(len(rest), -1)),
    )
    frames = []
    for customer, category, since, promise in sources:
        n = len(customer)
        wait = np.ceil(rng.exponential(1.5, n)) * DAY
        day = np.floor((start + rng.random(n) * length if since is None else since + wait) / DAY) * DAY
        at = day + np.floor((8 + 12 * rng.random(n)) * 60) * 60
        columns = {"customer": np.asarray(customer), "category": category, "at": np.asarray(at)}
        frames.append(pd.DataFrame(columns | {"promise": np.asarray(promise)}))
    filed = pd.concat(frames, ignore_index=True).drop_duplicates("customer", ignore_index=True)
    return _handle(world, t, filed, rng)


def _handle(world: World, t: int, filed: pd.DataFrame, rng) -> pd.DataFrame:
    n = len(filed)
    region = world.people.region[filed["customer"]]
    slow = 1 + 1.2 * world.story("backlog", t) * ((region == 0) & (filed["category"] == 0))
    urgent = rng.random(n) < np.where(filed["category"] == 2, 0.40, 0.20)
    level = rng.choice(3, n, p=[0.70, 0.23, 0.07])
    first = np.where(urgent, 3, 26) * slow * np.exp(0.9 * rng.normal(size=n)) * 3600
    work = np.array([1.2, 3.0, 8.0])[level] * slow * np.exp(0.8 * rng.normal(size=n)) * DAY
    closed = rng.random(n) < 0.94
    reopened = closed & (rng.random(n) < 0.09)
    good = closed & ~reopened & (work < 4 * DAY) & (rng.random(n) < 0.85)
    return filed.assign(
        region=region, urgent=urgent, level=level + 1, first=first, work=work, closed=closed,
        reopened=reopened, good=good, month=t, luck=rng.normal(size=n),
    )  # fmt: skip
