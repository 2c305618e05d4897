"""Raw events made into the contacts, promises and complaints tables."""

import numpy as np
import pandas as pd

from csatlib.tables.simulate.items import COLUMNS
from csatlib.tables.simulate.people import DAY, World
from csatlib.tables.simulate.service import CATEGORIES, PROMISES, TOUCHPOINTS
from csatlib.tables.simulate.truth import LANGUAGES, REGIONS, answer, stream
from csatlib.tables.simulate.words import comment

CHANNEL = ("phone", "chat", "app", "shop", "phone", "visit", "visit", "web", "phone")
UNIT = (
    *("Contact centre", "Contact centre", "Digital team", "{} shop", "Billing team"),
    *("{} field service", "{} field service", "Digital team", "Contact centre"),
)
THEME = ("hotline", "hotline", "app", "shop", "billing", "field", "field", "app", "hotline")
PROMISE_UNIT = ("{} field service", "Contact centre", "{} field service", "Customer care")
OWNER = ("Field operations", "Finance", "Network", "Customer care", "Sales", "Shops")
COMPLAINT_THEME = ("field", "billing", "network", "hotline", "price", "shop")
WHYS = (
    (
        ("Appointment missed", "No technician free", "Backlog of orders", "Posts empty", "Hiring stopped"),
        ("Appointment missed", "No technician free", "Backlog of orders", "Storm repairs first"),
        ("Second visit needed", "Part not in the van", "Order without line test", "Hotline skips the test"),
    ),
    (
        ("Wrong amount", "Old option charged", "Cancellation not passed on", "Two systems", "Merger of 2019"),
        ("Bill not understood", "Three prices for one tariff", "Template from two brands", "No owner"),
        ("Refund late", "Approval by one person", "Limit set too low", "Rule of 2018 never reviewed"),
    ),
    (
        (
            "Line drops",
            "Node overloaded",
            "Growth not planned",
            "No capacity forecast",
            "No owner of the figure",
        ),
        ("No signal indoors", "Mast out of order", "Spare part on order", "One supplier"),
        ("Outage not announced", "No list of those affected", "Network and customer data apart"),
    ),
    (
        ("No call back", "Task lost at hand-over", "No owner for open cases", "Teams paid by call length"),
        ("Contradictory answers", "Knowledge base out of date", "No editor since 2025", "Post cut"),
        ("Long wait", "Shifts do not follow calls", "Planned by the year", "No forecast of calls"),
    ),
    (
        ("Price rise not expected", "Letter not read", "Letter looks like advertising", "Not tested"),
        ("Wrong plan sold", "Bonus pays for the larger plan", "Bonus counts sales only"),
    ),
    (
        ("Long queue", "One person on duty", "Same staff all week", "Visits not counted"),
        ("Device not in stock", "Order by fax", "Stock seen once a week"),
    ),
)


def clock(at: np.ndarray) -> np.ndarray:
    """Cut times to the minute."""
    return np.floor(at / 60) * 60


def customer_ids(world: World, who: np.ndarray) -> np.ndarray:
    """Write customer numbers as text; missing where there is none (-1)."""
    who = np.asarray(who)
    names = np.array([f"C{k:05d}" for k in range(1, len(world.people) + 1)], dtype=object)
    return np.where(who >= 0, names[np.maximum(who, 0)], None)


def number(prefix: str, n: int, width: int = 5) -> np.ndarray:
    """Count up ids: a prefix and a number with leading zeros."""
    return np.array([f"{prefix}{k:0{width}d}" for k in range(1, n + 1)], dtype=object)


def place(patterns: tuple[str, ...], kind: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Name the unit of each row: its pattern filled with its region."""
    table = np.array([[p.format(r) for r in REGIONS] for p in patterns], dtype=object)
    return table[kind, region]


def within(world: World, customer: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Tell whether events lie in the months simulated and within the time as a customer."""
    known = np.maximum(customer, 0)
    ours = (at >= world.people.joined[known]) & (at < world.people.left[known])
    return (at >= 0) & (at < world.calendar.starts[-1]) & (ours | (customer < 0))


def language(world: World, who: np.ndarray) -> np.ndarray:
    """Return the language of each customer; prospects write English."""
    return np.where(who >= 0, world.people.chinese[np.maximum(who, 0)], False).astype(int)


def contact_rows(world: World, raw: pd.DataFrame) -> pd.DataFrame:
    """Keep the possible contacts, order them in time, number them."""
    raw = raw.assign(raw_case=raw["month"] * 100_000 + raw["case"], at=clock(raw["at"].to_numpy()))
    raw = raw[within(world, raw["customer"].to_numpy(), raw["at"].to_numpy())]
    raw = raw.sort_values(["at", "customer", "touchpoint"], kind="stable", ignore_index=True)
    case = pd.factorize(raw["raw_case"])[0]
    return raw.assign(contact_id=number("K", len(raw)), case_id=number("S", case.max() + 1)[case])


def contacts_table(world: World, rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Make the contacts table of the numbered contacts."""
    rng = stream(seed, "contact text")
    who, kind = rows["customer"].to_numpy(), rows["touchpoint"].to_numpy()
    by_mail = (kind == 4) & (rng.random(len(rows)) < 0.4)
    channel = np.where(by_mail, "email", np.array(CHANNEL, dtype=object)[kind])
    words = np.full(len(rows), None, dtype=object)
    u = rng.random((len(rows), 12))
    mood = np.digitize(rows["latent"], (4.0, 5.6))
    lang = language(world, who)
    for k in np.flatnonzero(rng.random(len(rows)) < 0.08):
        words[k] = comment(u[k], LANGUAGES[lang[k]], (THEME[kind[k]],), (mood[k],))
    return pd.DataFrame(
        {
            "contact_id": rows["contact_id"],
            "customer_id": customer_ids(world, who),
            "case_id": rows["case_id"],
            "region": np.array(REGIONS, dtype=object)[rows["region"]],
            "touchpoint": np.array(TOUCHPOINTS, dtype=object)[kind],
            "channel": channel,
            "handled_by": np.where(rows["bot"], "bot", "human"),
            "unit": place(UNIT, kind, rows["region"].to_numpy()),
            "occurred_at": world.calendar.date(rows["at"].to_numpy()),
            "wait_seconds": rows["wait"],
            "resolved": rows["resolved"],
            "rating": np.where(rows["rated"], answer(rows["latent"].to_numpy()), np.nan),
            "text": words,
        }
    )


def promises_table(world: World, raw: pd.DataFrame, complaints: pd.DataFrame, seed: int) -> tuple:
    """Make the promises table; also the id of each raw promise, missing where it fell away."""
    answers = pd.DataFrame(
        {
            "customer": complaints["customer"],
            "region": complaints["region"],
            "kind": 3,
            "due": complaints["at"] + 5 * DAY,
            "done": complaints["first_at"],
            "promise": -1,
        }
    )
    rows = pd.concat([raw, answers], ignore_index=True)
    who = rows["customer"].to_numpy()
    end = np.minimum(world.people.left[who], world.calendar.starts[-1])
    earliest = np.maximum(world.people.joined[who] + DAY / 2, 0)
    rows["due"] = clock(np.maximum(rows["due"], earliest))
    rows["done"] = clock(rows["done"].where(rows["done"] < end).to_numpy())
    rows = rows[rows["due"] < end].sort_values(["due", "customer", "kind"], kind="stable", ignore_index=True)
    ids = number("P", len(rows))
    kept = rows["promise"] >= 0
    by_raw = np.full(raw["promise"].max() + 2, None, dtype=object)
    by_raw[rows.loc[kept, "promise"]] = ids[kept]
    kind, region = rows["kind"].to_numpy(), rows["region"].to_numpy()
    table = pd.DataFrame(
        {
            "promise_id": ids,
            "promise": np.array(PROMISES, dtype=object)[kind],
            "region": np.array(REGIONS, dtype=object)[region],
            "unit": place(PROMISE_UNIT, kind, region),
            "customer_id": customer_ids(world, rows["customer"].to_numpy()),
            "due_at": world.calendar.date(rows["due"].to_numpy()),
            "done_at": world.calendar.date(rows["done"].to_numpy()),
        }
    )
    return table, by_raw


def complaint_rows(world: World, raw: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Keep the possible complaints, order them in time, work out what happened when."""
    rng = stream(seed, "complaint course")
    raw = raw[within(world, raw["customer"].to_numpy(), raw["at"].to_numpy())]
    rows = raw.sort_values(["at", "customer"], kind="stable", ignore_index=True)
    n = len(rows)
    end = np.minimum(world.people.left[rows["customer"]], world.calendar.starts[-1])
    u = rng.random((n, 6))
    at = rows["at"].to_numpy()
    first = clock(at + np.maximum(rows["first"], 300))
    solved = np.where(rows["closed"], clock(first + np.maximum(rows["work"], 600)), np.nan)
    told = np.where(u[:, 0] < 0.95, solved + np.floor(u[:, 1] * 1200) * 60, np.nan)
    asked = np.where(u[:, 2] < 0.65, told + np.floor((2 + 8 * u[:, 3]) * 1440) * 60, np.nan)
    first = np.where(first < end, first, np.nan)
    for stage in (solved, told, asked):
        stage[~(stage < end)] = np.nan
    opinion = world.people.halo[rows["customer"]] + world.people.style[rows["customer"]]
    before = 2.9 + 0.5 * opinion + 0.8 * rows["luck"]
    after = before + 0.2 + 2.5 * rows["good"] + rng.normal(0, 0.7, n)
    money = np.where(u[:, 4] < 0.35, 5.0 * rng.integers(1, 13, n), 0.0)
    return rows.assign(
        first_at=first,
        solved_at=solved,
        told_at=told,
        asked_at=asked,
        before=np.where(u[:, 5] < 0.7, answer(before), np.nan),
        after=np.where(~np.isnan(asked) & (rng.random(n) < 0.85), answer(after), np.nan),
        money=np.where(np.isnan(solved), np.nan, money),
        reopened=rows["reopened"] & ~np.isnan(solved),
    )


def complaints_table(world: World, rows: pd.DataFrame, promise_ids: np.ndarray, seed: int) -> pd.DataFrame:
    """Make the complaints table."""
    rng = stream(seed, "complaint text")
    n, kind = len(rows), rows["category"].to_numpy()
    late = np.array([world.story("backlog", t) for t in rows["month"]]) * (rows["region"] == 0)
    u = rng.random((n, 12))
    branch, depth = rng.random(n), rng.choice(6, n, p=[0.15, 0.10, 0.15, 0.20, 0.22, 0.18])
    branch = np.where((kind == 0) & (rng.random(n) < 0.6 * late), 0.0, branch)
    lang = language(world, rows["customer"].to_numpy())
    words, whys = np.full(n, None, dtype=object), np.full((n, 5), None, dtype=object)
    for k in range(n):
        chain = WHYS[kind[k]][int(branch[k] * len(WHYS[kind[k]]))][: depth[k]]
        whys[k, : len(chain)] = chain
        if u[k, 3] < 0.88:
            words[k] = comment(u[k], LANGUAGES[lang[k]], (COMPLAINT_THEME[kind[k]],), (0,))
    channels = ("phone", "email", "shop", "app", "letter", "social media")
    urgent = np.where(rows["urgent"], "urgent", "other")
    columns = {
        "complaint_id": number("M", n, 4),
        "customer_id": customer_ids(world, rows["customer"].to_numpy()),
        "region": np.array(REGIONS, dtype=object)[rows["region"]],
        "channel": rng.choice(np.array(channels, dtype=object), n, p=[0.40, 0.28, 0.12, 0.10, 0.04, 0.06]),
        "category": np.array(CATEGORIES, dtype=object)[kind],
        "urgency": urgent,
        "level": rows["level"].astype(float),
        "owner": np.array(OWNER, dtype=object)[kind],
        "promise_id": promise_ids[rows["promise"]],
        "text": words,
        "reopened": rows["reopened"].astype(bool),
        "rating_before": rows["before"],
        "rating_after": rows["after"],
        "compensation": rows["money"],
    }
    stages = ("at", "first_at", "solved_at", "told_at", "asked_at")
    names = ("opened_at", "first_response_at", "resolved_at", "informed_at", "followed_up_at")
    for name, stage in zip(names, stages, strict=True):
        columns[name] = world.calendar.date(rows[stage].to_numpy())
    columns |= {f"cause_{k + 1}": whys[:, k] for k in range(5)}
    return pd.DataFrame(columns)[list(COLUMNS["complaints"])]
