"""What a page takes of a company's complaints: the rows, the moment, the targets, the months that are over."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from csatlib.complaints.cases import DONE, OPENED, STAGES, Hours
from csatlib.stats.rows import require_columns
from csatlib.tables.joined import with_columns_of
from csatlib.tables.period import parse

SILENT = (
    5  # times the usual distance between two complaints: under 1 in 100 months that went on are silent so long
)


def prepared(
    data: pd.DataFrame,
    *,
    customers: pd.DataFrame | None = None,
    keep: Sequence[str] = (),
    leave_out: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Return the complaints looked at, with what their customers' table says of them.

    Parameters
    ----------
    data : DataFrame
        One row per complaint; ``customer_id`` where it is known.
    customers : DataFrame, optional
        One row per customer: ``customer_id``, ``left_on`` where they can leave.
    keep : sequence of str
        Columns of the customers taken over where the complaints lack them.
    leave_out : mapping of str to value or list of values, optional
        Complaints that do not count, for example ``{"status": ["Duplicate"]}``.

    Returns
    -------
    DataFrame
        With ``left_on`` and `keep` where there is a table of customers that has them.

    Raises
    ------
    KeyError
        Columns to leave out by that are not there.

    Examples
    --------
    >>> cases = pd.DataFrame({"customer_id": ["a", "b"], "status": ["open", "twice"]})
    >>> people = pd.DataFrame({"customer_id": ["a", "b"], "region": ["N", "S"]})
    >>> prepared(cases, customers=people, keep=["region"], leave_out={"status": "twice"})["region"].tolist()
    ['N']
    """
    left_out = dict(leave_out or {})
    require_columns(data.columns, list(left_out))
    for column, values in left_out.items():
        data = data[~data[column].isin(values if isinstance(values, list | tuple | set) else [values])]
    return with_columns_of(data, customers, ["left_on", *keep])


def seen_until(data: pd.DataFrame, *, end: Any) -> pd.Timestamp:
    """Return the moment at which open cases are looked at: the end of the period, or of the records before it.

    Parameters
    ----------
    data : DataFrame
        One row per complaint, of all periods. A date promised lies ahead and does not count.
    end : str or Timestamp
        End of the period.

    Returns
    -------
    Timestamp

    Examples
    --------
    >>> cases = pd.DataFrame({"opened_at": pd.to_datetime(["2026-10-05"]), "due_at": pd.Timestamp("2026-12-01")})
    >>> seen_until(cases, end="2026-11-01")
    Timestamp('2026-10-05 00:00:00')
    """
    require_columns(data.columns, [OPENED])
    last = data[[column for column in (OPENED, *STAGES) if column in data.columns]].max().max()
    return min(pd.Timestamp(end), last)


def targets(
    data: pd.DataFrame,
    *,
    response: Hours | None = None,
    resolution: Hours | None = None,
    due: str = "",
    urgency: str = "urgency",
) -> dict[str, Any]:
    """Return the targets that can be held against these complaints, as :func:`service_levels` takes them.

    Parameters
    ----------
    data : DataFrame
        One row per complaint.
    response, resolution : float or mapping of value to float, optional
        Hours to the answer and to the solution.
    due : str
        Column with a date promised; where it is there, it takes the place of `resolution`.
    urgency : str
        Column the hours are given by. Complaints without it have the longest of the hours.

    Returns
    -------
    dict
        ``response`` and ``resolution`` or ``due``; a step without a time on record has no target.

    Examples
    --------
    >>> cases = pd.DataFrame({"resolved_at": pd.to_datetime(["2026-10-01"])})
    >>> targets(cases, response={"urgent": 4}, resolution={"urgent": 48, "other": 120}, due="due_at")
    {'resolution': 120}
    """
    hours = {"response": response, "resolution": resolution}
    found = {
        stage: max(value.values()) if isinstance(value, Mapping) and urgency not in data.columns else value
        for stage, value in hours.items()
        if value and DONE[stage] in data.columns
    }
    if (
        due in data.columns
        and pd.api.types.is_datetime64_any_dtype(data[due])
        and DONE["resolution"] in data.columns
    ):
        found = {stage: value for stage, value in found.items() if stage != "resolution"} | {"due": due}
    return found


def months_over(data: pd.DataFrame) -> pd.DataFrame:
    """Return the complaints of months that are over: not those of a last month whose records stop early.

    Parameters
    ----------
    data : DataFrame
        One row per complaint: ``opened_at``.

    Returns
    -------
    DataFrame
        Without the last month where no complaint follows for five times the usual distance between two before it
        ends, and for a day at least; the rows as they are where no earlier month is there.

    Examples
    --------
    >>> days = pd.date_range("2026-08-01", "2026-10-10", freq="D")
    >>> months_over(pd.DataFrame({"opened_at": days}))["opened_at"].max().strftime("%Y-%m")
    '2026-09'
    """
    require_columns(data.columns, [OPENED])
    opened = data[OPENED].dropna()
    if len(opened) < 2:
        return data
    last = parse(f"{opened.max():%Y-%m}")
    usual = (opened.max() - opened.min()) / (len(opened) - 1)
    early = last.end - opened.max() > max(SILENT * usual, pd.Timedelta(days=1))
    before = data[data[OPENED] < last.start]
    return before if early and len(before) else data
