"""What was known of each customer on each date, as expressions of the engine: counts, sums and last values."""

from collections.abc import Mapping, Sequence
from functools import reduce

import ibis
from ibis.expr import types as ir

from csatlib.tables.scale import Scale

DAY = 86_400
KEYS = ("customer_id", "snapshot")
SCORES = ("overall", "nps", "ces")
LASTING = ("overall", "nps", "gap")  # told of the company; an ease score is told of one contact
SCORE_FEATURES = tuple(f"last_{score}" for score in (*SCORES, "gap")) + tuple(f"mean_{score}" for score in LASTING)
PRESENCE_FEATURES = ("answered", "answer_days")
BLOCKS = {  # what says much the same; the customers' own columns come on top
    "spend": ("spend_90", "spend_change_90"),
    "contacts": ("contacts_30", "contacts_90", "unresolved_90", "lowest_rating_90"),
    "complaints": ("complaints_90", "complaints_open", "complaint_days", "complaint_change"),
    "presence": PRESENCE_FEATURES,
    "scores": SCORE_FEATURES,
}
YEAR_BACK, HALF_BACK, QUARTER_BACK, MONTH_BACK = 365, 180, 90, 30


def present(customers: ir.Table, dates: ir.Table, segments: Sequence[str]) -> ir.Table:
    """Return customers who had joined before a snapshot and had not left: keys, target, tenure, segments."""
    customers = customers.mutate(
        joined_on=customers.joined_on.cast("timestamp"), left_on=customers.left_on.cast("timestamp")
    )
    both = customers.cross_join(dates)
    both = both.filter(both.joined_on < both.snapshot, both.left_on.isnull() | (both.left_on > both.snapshot))
    gone = both.left_on.notnull() & (both.left_on <= both.horizon_end)
    return both.select(
        *KEYS,
        "horizon_end",
        left=both.over.ifelse(gone.cast("float64"), None),
        tenure_years=_days(both.snapshot, both.joined_on) / 365.25,
        **{name: both[name] for name in segments},
    )


def described(
    spine: ir.Table, dates: ir.Table, tables: Mapping[str, ir.Table], *, scale: Scale | None, rated_after: int
) -> ir.Table:
    """Return the rows of `spine` with all features that the tables allow."""
    parts, zeros = [], []
    makers = {"transactions": _spend, "complaints": _complaints}
    for name, make in makers.items():
        if name in tables:
            parts.append(make(tables[name], dates))
    if "contacts" in tables:
        parts.append(_contacts(tables["contacts"], dates, rated_after))
    for part in parts:
        found = [column for column in part.columns if column not in KEYS]
        zeros += [column for column in found if column.startswith(("contacts_", "complaints_", "unresolved_"))]
        spine = spine.left_join(part, list(KEYS)).drop("customer_id_right", "snapshot_right")
    spine = spine.mutate(**{column: spine[column].fill_null(0) for column in zeros})
    if "complaints" in tables:
        spine = _ended(spine, tables["complaints"])
    return _answers(spine, tables["responses"], scale) if "responses" in tables else spine


def _days(later: ir.TimestampValue, earlier: ir.TimestampValue) -> ir.FloatingValue:
    return (later.epoch_seconds() - earlier.epoch_seconds()) / float(DAY)


def _window(events: ir.Table, time: str, dates: ir.Table, begins: str) -> ir.Table:
    """Return events with each snapshot that finds them known and in the window that begins on its own day."""
    events = events.filter(events.customer_id.notnull())
    known = (events[time] <= dates.snapshot) & (events[time] > dates[begins])
    return events.join(dates, known)


def _spend(transactions: ir.Table, dates: ir.Table) -> ir.Table:
    bought = _window(
        transactions.select("customer_id", "occurred_at", "amount"), "occurred_at", dates, f"back_{HALF_BACK}"
    )
    recent = bought.occurred_at > bought[f"back_{QUARTER_BACK}"]
    sums = bought.group_by(list(KEYS)).aggregate(
        spend_90=bought.amount.sum(where=recent).fill_null(0), before=bought.amount.sum(where=~recent)
    )
    return sums.mutate(spend_change_90=sums.spend_90 - sums.before).drop("before")


def _contacts(contacts: ir.Table, dates: ir.Table, rated_after: int) -> ir.Table:
    """Count contacts and find the lowest rating in one pass; a rating enters and leaves its window late."""
    has = [c for c in ("resolved", "rating") if c in contacts.columns]
    late = ibis.interval(days=rated_after if "rating" in has else 0)
    begins = dates.mutate(begins=dates[f"back_{QUARTER_BACK}"] - late)
    made = _window(contacts.select("customer_id", "occurred_at", *has), "occurred_at", begins, "begins")
    recent, month = (made.occurred_at > made[f"back_{days}"] for days in (QUARTER_BACK, MONTH_BACK))
    found = {"contacts_30": made.count(where=month), "contacts_90": made.count(where=recent)}
    if "resolved" in has:
        found["unresolved_90"] = made.count(where=recent & ~made.resolved.cast("boolean"))
    if "rating" in has:
        found["lowest_rating_90"] = made.rating.min(where=made.occurred_at + late <= made.snapshot)
    return made.group_by(list(KEYS)).aggregate(**found)


def _complaints(complaints: ir.Table, dates: ir.Table) -> ir.Table:
    stages = [c for c in ("resolved_at",) if c in complaints.columns]
    made = _window(complaints.select("customer_id", "opened_at", *stages), "opened_at", dates, f"back_{YEAR_BACK}")
    counts = {"complaints_90": made.count(where=made.opened_at > made[f"back_{QUARTER_BACK}"])}
    if stages:
        unsettled = made.resolved_at.isnull() | (made.resolved_at > made.snapshot)
        counts["complaints_open"] = made.count(where=unsettled)
    age = _days(made.snapshot, made.opened_at).min()
    return made.group_by(list(KEYS)).aggregate(**counts, complaint_days=age)


def _ended(spine: ir.Table, complaints: ir.Table) -> ir.Table:
    """Add how the last complaint that was followed up had changed the customer's rating."""
    if not {"followed_up_at", "rating_before", "rating_after"} <= set(complaints.columns):
        return spine
    change = complaints.rating_after - complaints.rating_before
    ended = complaints.select("customer_id", at=complaints.followed_up_at, complaint_change=change)
    return _last(spine, ended, "complaint_change")


def _answers(spine: ir.Table, responses: ir.Table, scale: Scale | None) -> ir.Table:
    """Add the last answers and their means so far: one as-of join to what was known after each answer."""
    scores = {score: responses[score].cast("float64") for score in SCORES if score in responses.columns}
    if scale is not None and _pairs(responses, scale):
        scores["gap"] = _gap(responses, scale)
    given = responses.select("customer_id", at=responses.responded_at, **scores)
    given = given.filter(given.customer_id.notnull(), given.at.notnull())
    sums = {f"sum_{score}": given[score].sum() for score in scores}
    counts = {f"count_{score}": given[score].count() for score in scores}
    given = given.group_by(["customer_id", "at"]).aggregate(**sums, **counts)
    so_far = ibis.window(group_by="customer_id", order_by="at", preceding=None, following=0)
    given = given.mutate(
        **{
            f"{kind}_so_far_{score}": given[f"{kind}_{score}"].sum().over(so_far)
            for kind in ("sum", "count")
            for score in scores
        }
    )
    known = {}
    for score in scores:  # of the answers since the last one that gave this score, that one alone has a value
        since = ibis.window(group_by=["customer_id", f"count_so_far_{score}"])
        known[f"last_{score}"] = (given[f"sum_{score}"] / given[f"count_{score}"].nullif(0)).max().over(since)
        if score in LASTING:
            known[f"mean_{score}"] = given[f"sum_so_far_{score}"] / given[f"count_so_far_{score}"].nullif(0)
    told = given.select("customer_id", "at", **known)
    joined = spine.asof_join(told, spine.snapshot >= told.at, "customer_id")
    age = {"answered": joined.at.notnull().cast("float64"), "answer_days": _days(joined.snapshot, joined.at)}
    return joined.select(*spine.columns, **age, **{name: joined[name] for name in known})


def _pairs(responses: ir.Table, scale: Scale) -> list[tuple[str, str, int]]:
    there = set(responses.columns)
    items = [i for i in scale.items if i.expectation in there and i.perception in there]
    return [(i.perception, i.expectation, -1 if i.reversed else 1) for i in items]


def _gap(responses: ir.Table, scale: Scale) -> ir.FloatingValue:
    gaps = [sign * (responses[p] - responses[e]).cast("float64") for p, e, sign in _pairs(responses, scale)]
    total = reduce(lambda a, b: a + b, [gap.fill_null(0.0) for gap in gaps])
    count = reduce(lambda a, b: a + b, [gap.notnull().cast("float64") for gap in gaps])
    return total / count.nullif(0.0)


def _last(spine: ir.Table, events: ir.Table, value: str) -> ir.Table:
    """Add the last value known at each snapshot: an as-of join; of two at one moment their mean."""
    events = events.filter(events.customer_id.notnull(), events.at.notnull(), events[value].notnull())
    events = events.group_by(["customer_id", "at"]).aggregate(events[value].mean().name(value))
    joined = spine.asof_join(events, spine.snapshot >= events.at, "customer_id")
    return joined.select(*spine.columns, value)
