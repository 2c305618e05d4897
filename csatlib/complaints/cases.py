"""Complaints as cases with a clock: what has happened by a moment, and what was due when."""

from collections.abc import Mapping
from typing import Any

import ibis
import pandas as pd
from ibis.expr.types import Table, TimestampColumn

from csatlib.stats import due
from csatlib.stats.due import missing

OPENED = "opened_at"
DONE = {"response": "first_response_at", "resolution": "resolved_at"}
STAGES = ("first_response_at", "resolved_at", "informed_at", "followed_up_at")
MINUTES_OF_AN_HOUR = 60

Hours = float | Mapping[str, float]


def as_seen(data: Any, *, columns: list[str], until: str | None = None, as_of: Any = None) -> tuple[Table, Any]:
    """Return the cases opened by a moment, as they stood then, and the moment."""
    there = [stage for stage in STAGES if stage in data.columns]
    needed = [OPENED, *there, *([until] if until else []), *columns]
    table = due.table_of(data, needed)
    moment = due.last_moment(table, [OPENED, *there], as_of)
    table = table.filter(table[OPENED] <= ibis.timestamp(moment))
    return due.happened(table, there, moment), moment


def due_after(table: Table, hours: Hours, urgency: str) -> TimestampColumn:
    """Return the time due: so many hours after opening, for each value of a column or for all."""
    none = ibis.null(table[OPENED].type())
    if not isinstance(hours, Mapping):
        return table[OPENED] + ibis.interval(minutes=_minutes(hours))
    if not hours:
        return none
    value = table[urgency].cast("string")
    return ibis.cases(
        *((value == str(name), table[OPENED] + ibis.interval(minutes=_minutes(h))) for name, h in hours.items()),
        else_=none,
    )


def minutes_open(table: Table, done: str, moment: pd.Timestamp, until: str | None) -> Table:
    """Add the minutes until done, or until last seen open, and whether it was done."""
    seen = ibis.timestamp(moment)
    if until:
        seen = ibis.least(seen, ibis.coalesce(table[until], seen))
    end = ibis.coalesce(table[done], seen)
    minutes = (end.epoch_seconds() - table[OPENED].epoch_seconds()) // MINUTES_OF_AN_HOUR
    return table.mutate(minutes=ibis.greatest(minutes, 0), done=~missing(table[done]))


def check_hours(name: str, hours: Hours | None) -> list[str]:
    """Return what is wrong with a service target."""
    values = hours if isinstance(hours, Mapping) else {"all cases": hours}
    return [
        f"{name} for {key}: {value!r}; allowed are hours of 0 or more"
        for key, value in values.items()
        if value is not None and not (isinstance(value, int | float) and value >= 0)
    ]


def _minutes(hours: float) -> int:
    return round(hours * MINUTES_OF_AN_HOUR)
