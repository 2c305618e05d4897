"""What each contact shows: rating, wait, whether it settled the matter, what followed it."""

import numpy as np
import pandas as pd

from csatlib.stats.rows import require_columns

SETTLE = 14
LOW, HIGH = 1, 7
BAD, GOOD = 3, 5
MEASURES = {  # measure: what the column holds, unit
    "satisfaction": ("mean", "scale"),
    "bad_experience": ("share", "share"),
    "wait": ("log", "seconds"),
    "first_contact_resolution": ("share", "share"),
    "repeat_contact": ("share", "share"),
    "other_channel": ("share", "share"),
    "drop_off": ("share", "share"),
}


def measured(contacts: pd.DataFrame, *, settle: int = SETTLE, bad: float = BAD) -> pd.DataFrame:
    """Add what is measured to each contact.

    Parameters
    ----------
    contacts : DataFrame
        ``touchpoint``, ``occurred_at``, and as far as there is: ``customer_id``, ``case_id``, ``channel``,
        ``rating``, ``wait_seconds``, ``resolved`` (1, 0 or boolean). What follows a contact without a case
        is not known.
    settle : int
        Days within which a further contact of the same case counts as following.
    bad : float
        Highest rating that is a bad experience.

    Returns
    -------
    DataFrame
        The contacts in order of time with ``satisfaction``, ``bad_experience``, ``wait`` (log of seconds + 1),
        ``first_contact_resolution`` (of the first contact of a case: settled, and nothing followed),
        ``repeat_contact`` (another contact followed), ``other_channel`` (one on another channel),
        ``drop_off`` (not settled, and nothing followed); NaN where unknown: contacts of the last `settle` days
        have what follows still before them.

    Raises
    ------
    KeyError, ValueError
        No touchpoint or time; a `settle` that is not above 0.

    Examples
    --------
    >>> rows = {"touchpoint": ["Chat", "Hotline", "Chat"], "case_id": ["a", "a", "b"], "resolved": [0, 1, 1]}
    >>> times = pd.to_datetime(["2026-10-01", "2026-10-03", "2026-12-01"])
    >>> measured(pd.DataFrame(rows).assign(occurred_at=times))["first_contact_resolution"].tolist()
    [0.0, nan, nan]
    """
    require_columns(contacts.columns, ["touchpoint", "occurred_at"])
    if not settle > 0:
        raise ValueError(f"settle={settle}; allowed are days above 0, for example {SETTLE}")
    order = [c for c in ("occurred_at", "contact_id") if c in contacts.columns]
    rows = contacts.sort_values(order, kind="stable").reset_index(drop=True)
    rating, wait, resolved = (_numbers(rows, column) for column in ("rating", "wait_seconds", "resolved"))
    rows = rows.assign(
        satisfaction=rating,
        bad_experience=(rating <= bad).where(rating.notna()).astype(float),
        wait=np.log1p(wait),
    )
    if "case_id" not in rows.columns:
        return rows.assign(**dict.fromkeys(list(MEASURES)[3:], np.nan))
    case = rows["case_id"].where(rows["case_id"].notna(), "row " + pd.Series(rows.index.astype("str")))
    held = rows.groupby(case, sort=False)
    after = (held["occurred_at"].shift(-1) - rows["occurred_at"]).dt.days
    known = (rows["occurred_at"].max() - rows["occurred_at"]).dt.days >= settle
    known &= rows["case_id"].notna()
    followed = after < settle
    told = {"repeat_contact": followed.astype(float)}
    if "channel" in rows.columns:
        elsewhere = held["channel"].shift(-1).ne(rows["channel"])
        told["other_channel"] = (followed & elsewhere).where(rows["channel"].notna()).astype(float)
    else:
        told["other_channel"] = pd.Series(np.nan, index=rows.index)
    settled = resolved.eq(1)
    told["drop_off"] = (~settled & ~followed).where(resolved.notna()).astype(float)
    first = (settled & ~followed).where(resolved.notna() & held.cumcount().eq(0)).astype(float)
    told["first_contact_resolution"] = first
    return rows.assign(**{name: values.where(known) for name, values in told.items()})


def _numbers(rows: pd.DataFrame, column: str) -> pd.Series:
    if column not in rows.columns:
        return pd.Series(np.nan, index=rows.index)
    return rows[column].astype(float)
