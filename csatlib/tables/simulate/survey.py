"""Invitations and what comes back: who answers, what they tick, what they write."""

import numpy as np
import pandas as pd

from csatlib.tables.simulate.cases import THEME, customer_ids, language, number
from csatlib.tables.simulate.items import COLUMNS, DIMENSIONS, ITEMS
from csatlib.tables.simulate.people import DAY, WEIGHTS, World
from csatlib.tables.simulate.truth import (
    AGES,
    DIMENSION_OF,
    LANGUAGES,
    N_ITEMS,
    OUTCOMES,
    PLANS,
    POINTS,
    REGIONS,
    RESPONSE,
    SPREAD,
    SURVEY,
    TIERS,
    answer,
    chance,
    stream,
)
from csatlib.tables.simulate.words import comment, tone

CHANNELS = ("email", "sms", "shop", "open link")
NOT_APPLICABLE = 9.0
OPEN_LINK = 3
# items only technicians' customers can judge, items only shop visitors can judge, then the rest
NO_TECHNICIAN = {3: 0.25, 5: 0.08, 7: 0.30, 8: 0.42, 10: 0.12}
RARELY = {2: 0.13, 3: 0.06, 7: 0.06, 8: 0.09, 13: 0.04, 15: 0.02, 18: 0.02, 19: 0.07, 22: 0.02}
THEME_ITEMS = {
    "field": (5, 7, 8, 10),
    "hotline": (11, 13),
    "staff": (12, 14, 16, 17),
    "shop": (2, 3, 19),
    "billing": (4, 9),
    "network": (1,),
    "care": (18, 20, 21, 22),
}


def relationship(world: World, contacts: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Ask every customer once a quarter; returns the asked (one row each) and the answers' matrix.

    Parameters
    ----------
    world : World
        Customers who have lived through the months.
    contacts : DataFrame
        Numbered contacts.
    seed : int
        Seed of the company.

    Returns
    -------
    tuple
        Asked: customer, t, sent, channel, answered, and for the answered responded, started, outcomes and
        points; and an array (asked and answered, 44) of expectations then perceptions.
    """
    rng = stream(seed, "relationship")
    asked = _asked(world, rng)
    answered = asked[asked["answered"]].reset_index(drop=True)
    who, t = answered["customer"].to_numpy(), answered["t"].to_numpy()
    n = len(who)
    staff = SURVEY["staff_present"] * (answered["channel"] == 2).to_numpy()
    occasion = rng.normal(0, SPREAD["occasion"], (n, 5))
    wanted = world.expectations(who, t) + rng.normal(0, SPREAD["expectation_noise"], (n, N_ITEMS))
    seen = world.perceptions(who, t) + occasion[:, DIMENSION_OF] + staff[:, None]
    seen += rng.normal(0, SPREAD["perception_noise"], (n, N_ITEMS))
    overall = world.overall(who, t) + staff + occasion @ WEIGHTS + rng.normal(0, SPREAD["overall_noise"], n)
    nps = OUTCOMES["nps"] + OUTCOMES["nps_per_point"] * (overall - OUTCOMES["overall"])
    nps += rng.normal(0, SPREAD["nps_noise"], n)
    recent, mean = _recent(world, contacts, who, t)
    ces = 4.9 + 0.6 * world.level(who, t) + 0.4 * world.people.style[who] + 0.4 * (mean - 5.0)
    ces = answer(ces + rng.normal(0, 0.9, n))
    items = np.hstack([answer(wanted), answer(seen)])
    careless = rng.random(n) < SURVEY["careless"]
    items[careless, :N_ITEMS] = 7.0
    items[careless, N_ITEMS:] = np.round(items[careless, N_ITEMS:].mean(axis=1, keepdims=True))
    answered = answered.assign(
        overall=np.where(rng.random(n) < 0.004, np.nan, answer(overall)),
        nps=np.where(rng.random(n) < 0.03, np.nan, answer(nps, 0, 10)),
        ces=np.where(recent & (rng.random(n) < 0.95), ces, np.nan),
        seconds=np.round(np.where(careless, 50 + 60 * rng.random(n), 390 * np.exp(0.35 * rng.normal(size=n)))),
    )
    stop = _leave_out(world, who, items, rng)
    points = _points(world, who, rng)
    points[stop] = np.nan
    names = [f"points_{d}" for d in DIMENSIONS]
    answered = pd.concat([answered, pd.DataFrame(points, columns=names)], axis=1).assign(stop=stop)
    return pd.concat([asked[~asked["answered"]], answered], ignore_index=True), items


def _asked(world: World, rng) -> pd.DataFrame:
    people, days = world.people, world.calendar
    months, n = len(days.names), len(people)
    start = days.starts[:-1, None]
    sent = start + np.floor(1 + 18 * rng.random((months, n))) * DAY
    there = (people.joined < sent - 5 * DAY) & (people.left > sent)
    turn = (np.arange(n) % 3)[None, :] == (days.month % 3)[:, None]
    link = ~turn & (rng.random((months, n)) < SURVEY["open_link"])
    t, who = np.nonzero(there & (turn | link))
    sent = sent[t, who]
    channel = np.where(turn[t, who], rng.choice(3, len(t), p=[0.62, 0.33, 0.05]), OPEN_LINK)
    logit = RESPONSE["intercept"] + RESPONSE["satisfaction"] * world.satisfaction(who, t)
    for name, labels, codes in (
        ("age", AGES, people.age[who]),
        ("plan", PLANS, people.plan[who]),
        ("region", REGIONS, people.region[who]),
    ):
        logit = logit + np.array([RESPONSE[f"{name}_{label}"] for label in labels])[codes]
    by_channel = [RESPONSE["channel_email"], RESPONSE["channel_sms"], RESPONSE["channel_shop"], 0.0]
    logit += RESPONSE["vip"] * people.vip[who] + np.array(by_channel)[channel]
    logit += RESPONSE["august"] * (days.month[t] == 7) + RESPONSE["december"] * (days.month[t] == 11)
    later = np.minimum(np.floor(rng.exponential(1.8, len(t))), 9) * DAY
    begun = sent + later + np.floor((7 + 15 * rng.beta(2, 1.6, len(t))) * 3600)
    in_time = begun + 3600 < np.minimum(people.left[who], days.starts[t + 1])
    answered = (rng.random(len(t)) < chance(logit)) & in_time
    columns = {"customer": who, "t": t, "sent": sent, "channel": channel, "answered": answered}
    frame = pd.DataFrame(columns | {"started": begun})
    return frame[(frame["channel"] != OPEN_LINK) | frame["answered"]].reset_index(drop=True)


def _recent(world: World, contacts: pd.DataFrame, who: np.ndarray, t: np.ndarray) -> tuple:
    """Find who had a contact in the two months before, and how those contacts went on average."""
    shape = len(world.calendar.names) + 1, len(world.people)
    known = contacts[contacts["customer"] >= 0]
    cell = world.calendar.month_of(known["at"].to_numpy()) * shape[1] + known["customer"].to_numpy()
    count = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    total = np.bincount(cell, known["latent"], minlength=shape[0] * shape[1]).reshape(shape)
    # t - 1 and t - 2; the spare last row, always empty, stands before the first month
    seen = [(count[k, who], total[k, who]) for k in (t - 1, np.where(t > 1, t - 2, -1))]
    n = seen[0][0] + seen[1][0]
    return n > 0, np.where(n > 0, (seen[0][1] + seen[1][1]) / np.maximum(n, 1), 5.0)


def _leave_out(world: World, who: np.ndarray, items: np.ndarray, rng) -> np.ndarray:
    """Blank skipped answers, code those that do not apply; returns who broke off. Changes `items`."""
    n = len(who)
    odds = np.full((n, N_ITEMS), 0.003)
    for table, members in ((RARELY, np.ones(n, bool)), (NO_TECHNICIAN, world.people.product[who] == 1)):
        for item, p in table.items():
            odds[members, item - 1] += p
    unused = rng.random((n, N_ITEMS)) < odds
    items[:, N_ITEMS:][unused] = NOT_APPLICABLE
    items[:, :N_ITEMS][unused & (rng.random((n, N_ITEMS)) < 0.15)] = NOT_APPLICABLE
    tired = np.linspace(0.006, 0.022, 2 * N_ITEMS)
    items[rng.random(items.shape) < tired] = np.nan
    stop = rng.random(n) < SURVEY["broke_off"]
    last = N_ITEMS + rng.integers(6, N_ITEMS, n)
    items[stop[:, None] & (np.arange(2 * N_ITEMS) >= last[:, None])] = np.nan
    return stop


def _points(world: World, who: np.ndarray, rng) -> np.ndarray:
    """Share 100 points over the dimensions: most people in fives, 3 % with a slip, 4 % not at all."""
    n = len(who)
    mean = np.array([list(POINTS[tier].values()) for tier in TIERS], float)[world.people.vip[who].astype(int)]
    share = rng.gamma(mean * 0.22)
    share /= share.sum(axis=1, keepdims=True)
    unit = np.where(rng.random(n) < 0.72, 5.0, 1.0)[:, None]
    exact = share * 100 / unit
    points = np.floor(exact)
    short = np.round(100 / unit[:, 0] - points.sum(axis=1)).astype(int)
    rank = np.argsort(np.argsort(points - exact, axis=1, kind="stable"), axis=1)
    points = (points + (rank < short[:, None])) * unit
    slip = np.flatnonzero(rng.random(n) < SURVEY["points_slip"])
    where = points[slip].argmax(axis=1)
    points[slip, where] += rng.choice([-10.0, -5.0, 5.0, 10.0, -1.0], len(slip))
    points[rng.random(n) < SURVEY["points_missing"]] = np.nan
    return points


def transactional(world: World, contacts: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Ask after a contact, the next day; one row per invitation, ratings where answered."""
    rng = stream(seed, "transactional")
    asked = contacts[(contacts["customer"] >= 0) & (rng.random(len(contacts)) < 0.50)].reset_index(drop=True)
    n = len(asked)
    who, days = asked["customer"].to_numpy(), world.calendar
    sent = (np.floor(asked["at"].to_numpy() / DAY) + 1) * DAY
    begun = sent + np.minimum(np.floor(rng.exponential(0.8, n)), 6) * DAY
    begun += np.floor((8 + 13 * rng.beta(1.5, 2, n)) * 3600)
    end = np.minimum(world.people.left[who], days.starts[-1])
    latent = asked["latent"].to_numpy()
    logit = -0.85 + 0.12 * np.abs(latent - 5) + 0.25 * world.people.vip[who] - 0.3 * (world.people.age[who] == 0)
    overall = answer(latent + rng.normal(0, 0.4, n))
    effort = latent - 0.2 - 0.4 * asked["again"].to_numpy() + 0.5 * (asked["resolved"].to_numpy() - 0.8)
    nps = OUTCOMES["nps"] + OUTCOMES["nps_per_point"] * (latent - OUTCOMES["overall"])
    nps = answer(nps + rng.normal(0, SPREAD["nps_noise"], n), 0, 10)
    frame = pd.DataFrame(
        {
            "customer": who,
            "t": days.month_of(begun),
            "sent": sent,
            "channel": np.where(rng.random(n) < 0.7, 1, 0),
            "answered": (rng.random(n) < chance(logit)) & (begun + 3600 < end),
            "started": begun,
            "contact": np.arange(n),
            "contact_id": asked["contact_id"],
            "touchpoint": asked["touchpoint"],
            "overall": overall,
            "nps": np.where(rng.random(n) < 0.5, nps, np.nan),
            "ces": np.where(rng.random(n) < 0.97, answer(effort + rng.normal(0, 0.8, n)), np.nan),
            "seconds": np.round(55 * np.exp(0.4 * rng.normal(size=n))),
        }
    )
    return frame[frame["sent"] < end].reset_index(drop=True)


def survey_tables(world: World, contacts: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the invitations and the responses table."""
    asked, items = relationship(world, contacts, seed)
    after = transactional(world, contacts, seed)
    answers = asked[asked["answered"]].reset_index(drop=True)
    answers = answers.assign(weight=_weights(world, answers), comment=_comments(world, answers, items, seed))
    names = [f"{side}{s.item[1:]}" for side in "ep" for s in ITEMS]
    answers = pd.concat([answers, pd.DataFrame(items, columns=names)], axis=1)
    replies = after[after["answered"]].reset_index(drop=True)
    replies = replies.assign(weight=1.0, comment=_short_comments(world, replies, seed))
    sent = pd.concat(
        [
            asked[asked["channel"] != OPEN_LINK].assign(survey="relationship"),
            after.assign(survey="transactional"),
        ],
        ignore_index=True,
    ).sort_values(["sent", "survey", "customer", "started"], kind="stable", ignore_index=True)
    sent["invitation_id"] = number("I", len(sent))
    both = pd.concat(
        [answers.assign(survey="relationship"), replies.assign(survey="transactional")], ignore_index=True
    )
    keys = ["survey", "customer", "sent", "started"]
    linked = sent[sent["answered"]].drop_duplicates(keys)
    both = both.merge(linked[[*keys, "invitation_id"]], on=keys, how="left")
    return _invitations(world, sent), _responses(world, both)


def _invitations(world: World, sent: pd.DataFrame) -> pd.DataFrame:
    sent = sent.assign(
        customer_id=customer_ids(world, sent["customer"].to_numpy()),
        sent_at=world.calendar.date(sent["sent"].to_numpy()),
        channel=np.array(CHANNELS, dtype=object)[sent["channel"]],
        contact_id=sent["contact_id"].astype(object).where(sent["contact_id"].notna(), None),
    )
    return sent[list(COLUMNS["invitations"])]


def _responses(world: World, both: pd.DataFrame) -> pd.DataFrame:
    people, days = world.people, world.calendar
    both = both.assign(done=both["started"] + both["seconds"])
    both = both.sort_values(["done", "customer"], kind="stable", ignore_index=True)
    who = both["customer"].to_numpy()
    waves = np.array([days.quarter(t) for t in range(len(days.names))], dtype=object)
    both = both.assign(
        response_id=number("R", len(both)),
        customer_id=customer_ids(world, np.where(both["channel"] == OPEN_LINK, -1, who)),
        wave=waves[both["t"]],
        responded_at=days.date(both["done"].to_numpy()),
        started_at=days.date(both["started"].to_numpy()),
        region=np.array(REGIONS, dtype=object)[people.region[who]],
        plan=np.array(PLANS, dtype=object)[people.plan[who]],
        tier=np.array(TIERS, dtype=object)[people.vip[who].astype(int)],
        age_band=np.array(AGES, dtype=object)[people.age[who]],
    )
    for name in ("invitation_id", "contact_id", "comment"):
        both[name] = both[name].astype(object).where(both[name].notna(), None)
    return both[list(COLUMNS["responses"])]


def _weights(world: World, answers: pd.DataFrame) -> np.ndarray:
    """Rake each wave's answers to the active customers' region, plan and age; mean 1 in a wave."""
    people, days = world.people, world.calendar
    waves = np.array([days.quarter(t) for t in range(len(days.names))])
    margins = (people.region, people.plan, people.age)
    weight = np.ones(len(answers))
    for wave in dict.fromkeys(waves):
        rows = np.flatnonzero(waves[answers["t"]] == wave)
        active = np.concatenate([np.flatnonzero(world.active(t)) for t in np.flatnonzero(waves == wave)])
        who, w = answers["customer"].to_numpy()[rows], np.ones(len(rows))
        for _ in range(12):
            for margin in margins:
                target = np.bincount(margin[active], minlength=4) / len(active)
                now = np.bincount(margin[who], w, minlength=4)
                w *= np.divide(target * w.sum(), now, out=np.ones(4), where=now > 0)[margin[who]]
        weight[rows] = w * len(rows) / w.sum() if len(rows) else w
    return np.round(weight, 3)


def _comments(world: World, answers: pd.DataFrame, items: np.ndarray, seed: int) -> np.ndarray:
    """Write about what was worst or best for the person: more often the further from the middle."""
    rng = stream(seed, "comments")
    n = len(answers)
    seen = np.where(items[:, N_ITEMS:] == NOT_APPLICABLE, np.nan, items[:, N_ITEMS:])
    overall = answers["overall"].fillna(4).to_numpy()
    scores = [
        np.nansum(seen[:, np.array(k) - 1], axis=1)
        / np.maximum((~np.isnan(seen[:, np.array(k) - 1])).sum(axis=1), 1)
        for k in THEME_ITEMS.values()
    ]
    scores = np.column_stack([*scores, overall - 0.3, overall + 0.2]) + rng.normal(0, 0.25, (n, 9))
    heard = scores > 0.9
    direction = np.where(rng.random(n) < chance(1.6 * (overall - 4.6)), 1, -1)[:, None]
    pull = np.where(heard, direction * scores, -99) + rng.gumbel(0, 0.45, (n, 9))
    first = pull.argmax(axis=1)
    second = np.where(np.arange(9) == first[:, None], -99, pull * (rng.random((n, 1)) < 0.6)).argmax(axis=1)
    themes = (*THEME_ITEMS, "price", "app")
    wrote = (rng.random(n) < np.where(np.abs(overall - 4.7) > 1.8, 0.52, 0.30)) & ~answers["stop"].to_numpy(bool)
    pair, u = rng.random(n) < 0.6, rng.random((n, 12))
    lang = language(world, answers["customer"].to_numpy())
    words = np.full(n, None, dtype=object)
    for k in np.flatnonzero(wrote):
        chosen = (first[k], second[k]) if pair[k] and heard[k, second[k]] else (first[k],)
        tones = tuple(tone(scores[k, c]) for c in chosen)
        words[k] = comment(u[k], LANGUAGES[lang[k]], tuple(themes[c] for c in chosen), tones)
    return words


def _short_comments(world: World, replies: pd.DataFrame, seed: int) -> np.ndarray:
    rng = stream(seed, "short comments")
    n, u = len(replies), rng.random((len(replies), 12))
    wrote, touchpoint = rng.random(n) < 0.42, replies["touchpoint"].to_numpy(int)
    lang, overall = language(world, replies["customer"].to_numpy()), replies["overall"].to_numpy()
    words = np.full(n, None, dtype=object)
    for k in np.flatnonzero(wrote):
        words[k] = comment(u[k], LANGUAGES[lang[k]], (THEME[touchpoint[k]],), (tone(overall[k] + 0.2),))
    return words
