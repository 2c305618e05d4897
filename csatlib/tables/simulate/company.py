"""What the company itself records: bills, operations, employees, targets, actions, touchpoint workshop."""

import numpy as np
import pandas as pd

from csatlib.tables.simulate.cases import customer_ids
from csatlib.tables.simulate.items import COLUMNS
from csatlib.tables.simulate.people import DAY, World
from csatlib.tables.simulate.truth import (
    AGES,
    LANGUAGES,
    PLANS,
    PRODUCTS,
    REGIONS,
    TIERS,
    stream,
)

PRICE = np.array([[24.90, 12.90, 34.90], [39.90, 21.90, 56.90], [59.90, 34.90, 89.90]])
CHRISTMAS = np.array([0.9, 0.85, 0.95, 0.95, 1.0, 0.95, 0.95, 1.0, 1.1, 1.0, 1.3, 1.8])

# touchpoint: stage, purpose, role, owner, then impact, operational and experience effectiveness (1-10)
INVENTORY = {
    "Advertising": ("attract", "identify a prospect", "perception", "Marketing", 4, 7, 6),
    "Social media": ("attract", "identify a prospect", "perception", "Marketing", 5, 6, 6),
    "Local events": ("attract", "identify a prospect", "perception", "Shops", 3, 6, 7),
    "Web site": ("attract", "solve a problem", "perception", "Digital team", 7, 7, 6),
    "Coverage check": ("consider", "solve a problem", "preference", "Digital team", 7, 7, 7),
    "Plan finder": ("consider", "speed a talk", "preference", "Digital team", 6, 6, 5),
    "Sales hotline": ("consider", "speed a talk", "preference", "Sales", 7, 6, 6),
    "Shop": ("consider", "speed a talk", "preference", "Shops", 8, 7, 8),
    "Online order": ("buy", "support a transaction", "preference", "Digital team", 7, 7, 7),
    "Contract and welcome pack": ("buy", "support a transaction", "perception", "Sales", 5, 7, 5),
    "Installation": ("buy", "support a transaction", "loyalty", "Field operations", 9, 6, 7),
    "Hotline": ("use", "solve a problem", "loyalty", "Customer care", 9, 6, 6),
    "Chat": ("use", "solve a problem", "loyalty", "Customer care", 6, 6, 5),
    "App": ("use", "solve a problem", "preference", "Digital team", 6, 7, 7),
    "Field service": ("use", "solve a problem", "loyalty", "Field operations", 10, 5, 5),
    "Billing": ("use", "support a transaction", "loyalty", "Finance", 8, 7, 6),
    "Network": ("use", "support a transaction", "loyalty", "Network", 10, 8, 7),
    "Outage notice": ("use", "solve a problem", "perception", "Network", 6, 4, 4),
    "Complaint desk": ("use", "solve a problem", "loyalty", "Customer care", 9, 5, 5),
    "Contract renewal": ("buy again", "support a transaction", "loyalty", "Sales", 8, 6, 5),
    "Upgrade offer": ("buy again", "identify a prospect", "preference", "Marketing", 5, 6, 6),
    "Loyalty programme": ("buy again", "support a transaction", "loyalty", "Marketing", 6, 5, 5),
    "Referral bonus": ("recommend", "identify a prospect", "loyalty", "Marketing", 4, 6, 6),
    "Reviews and forum": ("recommend", "solve a problem", "perception", "Customer care", 5, 4, 5),
}


def customers_table(world: World) -> pd.DataFrame:
    """Make the customers table."""
    people, days = world.people, world.calendar
    left = np.where(np.isfinite(people.left), people.left, np.nan)
    columns = {
        "customer_id": customer_ids(world, np.arange(len(people))),
        "joined_on": days.date(people.joined),
        "left_on": days.date(left),
    }
    for name, labels, codes in (
        ("region", REGIONS, people.region),
        ("plan", PLANS, people.plan),
        ("tier", TIERS, people.vip.astype(int)),
        ("product", PRODUCTS, people.product),
        ("age_band", AGES, people.age),
        ("language", LANGUAGES, people.chinese.astype(int)),
    ):
        columns[name] = np.array(labels, dtype=object)[codes]
    return pd.DataFrame(columns)


def transactions_table(world: World, seed: int) -> pd.DataFrame:
    """Bill every customer once a month; sell in the shops and take some of it back."""
    rng = stream(seed, "transactions")
    people, days = world.people, world.calendar
    n, months = len(people), len(days.names)
    usual = PRICE[people.plan, people.product] * np.where(people.vip, 0.92, 1.0)
    extra = np.where(rng.random((months, n)) < 0.16, rng.gamma(1.5, 4.0, (months, n)), 0)
    bill = days.starts[:-1, None] + (np.arange(n) * 11 % 28) * DAY
    there = (bill >= people.joined) & (bill < people.left)
    t, who = np.nonzero(there)
    parts = [_money(who, bill[t, who], "bill", usual[who] + extra[t, who])]
    buys = there & (rng.random((months, n)) < 0.035 * CHRISTMAS[days.month][:, None])
    t, who = np.nonzero(buys)
    at = days.starts[t] + np.floor(rng.random(len(t)) * (days.starts[t + 1] - days.starts[t]) / DAY) * DAY
    price = np.exp(rng.normal(3.9, 0.8, len(t)))
    parts.append(_money(who, at, "purchase", price))
    back = rng.random(len(t)) < 0.08
    later = at[back] + (1 + np.floor(rng.random(back.sum()) * 14)) * DAY
    part = np.where(rng.random(back.sum()) < 0.8, 1.0, 0.5)
    parts.append(_money(who[back], later, "refund", -price[back] * part))
    rows = pd.concat(parts, ignore_index=True)
    known = rows["customer"].to_numpy()
    ours = (rows["at"] >= people.joined[known]) & (rows["at"] < people.left[known])
    rows = rows[ours & (rows["at"] < days.starts[-1])]
    rows = rows.sort_values(["at", "customer", "kind"], kind="stable", ignore_index=True)
    return pd.DataFrame(
        {
            "customer_id": customer_ids(world, rows["customer"].to_numpy()),
            "occurred_at": days.date(rows["at"].to_numpy()),
            "kind": rows["kind"],
            "amount": np.round(rows["amount"], 2),
        }
    )


def _money(who: np.ndarray, at: np.ndarray, kind: str, amount: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"customer": who, "at": at, "kind": kind, "amount": amount})


def operations_table(world: World, tables: dict[str, pd.DataFrame], seed: int) -> pd.DataFrame:
    """Count what the other tables show per unit and month, and add what only the company knows."""
    rng = stream(seed, "operations")
    contacts, promises, bills = tables["contacts"], tables["promises"], tables["transactions"]
    months, names = len(world.calendar.names), world.calendar.names
    visits = promises[promises["promise"] == "Technician appointment"]
    field = contacts[contacts["unit"].str.endswith("field service")]
    phone, shop = contacts[contacts["touchpoint"] == "Hotline"], contacts[contacts["touchpoint"] == "Shop"]
    counted = (
        ("appointments_kept", visits["unit"], visits["due_at"], visits["done_at"] <= visits["due_at"]),
        ("visits_solved", field["unit"], field["occurred_at"], field["resolved"]),
        ("calls_answered_in_5_minutes", phone["unit"], phone["occurred_at"], phone["wait_seconds"] <= 300),
        ("served_in_10_minutes", shop["unit"], shop["occurred_at"], shop["wait_seconds"] <= 600),
    )
    parts = [_share(*row) for row in counted]
    backlog = np.array([world.story("backlog", t) for t in range(months)])
    bill = pd.to_datetime(bills.loc[bills["kind"] == "bill", "occurred_at"]).dt.strftime("%Y-%m")
    sent = bill.value_counts().reindex(names, fill_value=0).to_numpy()
    new = np.array([world.story("billing", t) for t in range(months)])
    wrong = rng.binomial(sent, 0.011 - 0.006 * new)
    parts.append(_measure("Billing team", names, "bills_corrected", None, wrong, sent))
    for r, region in enumerate(REGIONS):
        waiting = rng.poisson((34 + 3 * r) * (1 + 2.6 * backlog * (r == 0)) * np.ones(months))
        present = np.where(backlog > 0, 8, 12) if r == 0 else np.full(months, 12 - r // 2)
        unit = f"{region} field service"
        parts.append(_measure(unit, names, "orders_waiting", waiting, None, None))
        parts.append(_measure(unit, names, "technicians", present, None, None))
        minutes = np.round(np.diff(world.calendar.starts) / 60)
        down = np.round(minutes * rng.gamma(4, 0.0004, months))
        parts.append(_measure(f"{region} network", names, "availability", None, minutes - down, minutes))
    frame = pd.concat(parts, ignore_index=True)[list(COLUMNS["operations"])]
    return frame.sort_values(["period", "unit", "metric"], kind="stable", ignore_index=True)


def _share(metric: str, unit: pd.Series, at: pd.Series, good: pd.Series) -> pd.DataFrame:
    frame = pd.DataFrame({"unit": unit, "period": at.dt.strftime("%Y-%m"), "good": good})
    grouped = frame.groupby(["unit", "period"])["good"].agg(["sum", "size"]).reset_index()
    grouped.columns = ["unit", "period", "numerator", "denominator"]
    return grouped.assign(metric=metric, value=np.nan).astype({"numerator": float, "denominator": float})


def _measure(unit, period, metric, value, numerator, denominator) -> pd.DataFrame:
    columns = {"value": value, "numerator": numerator, "denominator": denominator}
    numbers = {k: np.full(len(period), np.nan) if v is None else v.astype(float) for k, v in columns.items()}
    return pd.DataFrame({"unit": unit, "period": period, "metric": metric, **numbers})


def employees_table(world: World, seed: int) -> pd.DataFrame:
    """Survey every unit once a quarter, 1 to 5; the backlog shows at the technicians a quarter later."""
    rng = stream(seed, "employees")
    days = world.calendar
    quarters = [days.quarter(t) for t in range(len(days.names))]
    size = {f"{r} field service": 12 for r in REGIONS} | {f"{r} shop": 9 for r in REGIONS}
    size |= {"Contact centre": 46, "Digital team": 14, "Billing team": 11, "Customer care": 10}
    rows = []
    base = dict(zip(size, 3.8 + rng.normal(0, 0.12, len(size)), strict=True))
    for quarter in dict.fromkeys(quarters):
        late = world.story("backlog", quarters.index(quarter))
        for unit, staff in size.items():
            n = int(rng.binomial(staff, 0.82))
            hit = -0.65 * late * (unit == "North field service") - 0.1 * late * (unit == "Contact centre")
            mean = base[unit] + hit + rng.normal(0, 0.75 / np.sqrt(max(n, 1)))
            rows.append((unit, quarter, round(float(mean), 2), float(n)))
    return pd.DataFrame(rows, columns=list(COLUMNS["employees"]))


def touchpoints_table(seed: int) -> pd.DataFrame:
    """Let four department heads and eight customers rate every entry of the touchpoint inventory."""
    rng = stream(seed, "touchpoints")
    raters = [(f"{d} lead", "department") for d in ("Marketing", "Shops", "Operations", "Care")]
    raters += [(f"Panel {k}", "customer") for k in range(1, 9)]
    rows = []
    for touchpoint, (stage, purpose, role, owner, *means) in INVENTORY.items():
        for rater, side in raters:
            kinder = np.array([0.0, 1.2, 0.8]) * (side == "department")
            marks = np.clip(np.round(np.array(means) - 0.3 + kinder + rng.normal(0, 1.0, 3)), 1, 10)
            marks[rng.random(3) < (0.02 if side == "department" else 0.08)] = np.nan
            rows.append((touchpoint, stage, purpose, role, owner, rater, side, *marks))
    return pd.DataFrame(rows, columns=list(COLUMNS["touchpoints"]))


def targets_table(world: World) -> pd.DataFrame:
    """List the targets of the last year simulated."""
    year = world.calendar.names[-1][:4]
    rows = [
        ("overall", None, 5.6, "board"),
        ("overall", None, 5.5, "last year"),
        ("nps", None, 25.0, "board"),
        ("nps", None, 15.0, "industry"),
        ("gap.reliability", None, -1.0, "board"),
        ("gap.responsiveness", None, -0.9, "board"),
        ("promises_kept", None, 0.90, "board"),
        ("complaints_per_1000", None, 15.0, "board"),
        ("churn_rate", None, 0.012, "board"),
        ("churn_rate", None, 0.015, "industry"),
        ("first_response_hours", None, 24.0, "board"),
        *(("overall", region, 5.6, "board") for region in REGIONS),
    ]
    return pd.DataFrame([(m, g, year, t, s) for m, g, t, s in rows], columns=list(COLUMNS["targets"]))


def actions_table(world: World) -> pd.DataFrame:
    """List what was decided, by months before the end: some done, some late, one dropped."""
    rows = (
        ("nps company", "Customer care", 14, 11, "done", 11, 2.0, 12_000),
        ("gap.tangibles company", "Finance", 12, 2, "done", 2, 0.3, 95_000),
        ("gap.empathy company", "Shops", 9, 6, "dropped", None, 0.2, 20_000),
        ("first_response_hours company", "Customer care", 7, 5, "done", 3, -6.0, 8_000),
        ("promises_kept North", "Field operations", 3, 1, "open", None, 0.10, 60_000),
        ("gap.responsiveness North", "Field operations", 2, 0, "open", None, 0.4, 140_000),
        ("gap.reliability North", "Customer care", 2, -1, "open", None, 0.3, 35_000),
        ("churn_rate North", "Sales", 1, -2, "open", None, -0.003, 25_000),
    )
    last = np.datetime64(world.calendar.names[-1], "M")

    def day(before: int | None, day_of_month: int):
        if before is None:
            return None
        month = last - np.timedelta64(before, "M")
        return month.astype("datetime64[D]") + np.timedelta64(day_of_month - 1, "D")

    table = [
        (f"A{k:02d}", finding, owner, day(begun, 12), day(due, 28), status, day(done, 24), float(gain), cost)
        for k, (finding, owner, begun, due, status, done, gain, cost) in enumerate(rows, 1)
    ]
    frame = pd.DataFrame(table, columns=list(COLUMNS["actions"]))
    dates = ["opened_on", "due_on", "done_on"]
    return frame.assign(**{d: pd.to_datetime(frame[d]) for d in dates}, cost=frame["cost"].astype(float))
