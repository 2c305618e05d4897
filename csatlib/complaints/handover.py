"""Settled at first contact, or handed on to another unit: cases followed through their contacts."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from csatlib.stats.due import ALL, shares
from csatlib.stats.intervals import check_confidence
from csatlib.stats.rows import require_columns


@dataclass(frozen=True)
class Handling:
    """How cases are handled: `shares` settled at once and handed on, `paths` from unit to unit.

    Attributes
    ----------
    shares, paths : DataFrame
        See :func:`handling`.
    """

    shares: pd.DataFrame
    paths: pd.DataFrame


def handling(
    contacts: pd.DataFrame,
    *,
    by: Sequence[str] = (),
    case: str = "case_id",
    unit: str = "unit",
    time: str = "occurred_at",
    resolved: str = "resolved",
    confidence: float = 0.95,
) -> Handling:
    """Follow cases through their contacts: simple ones settled at the first, complex ones handed on.

    Parameters
    ----------
    contacts : DataFrame
        One row per contact; those without a case are left out.
    by : sequence of str
        Columns of the first contact looked at one by one.
    case, unit, time, resolved : str
        Columns with the case, the unit that handled the contact, its time, and whether it settled the matter.

    confidence : float
        Coverage of Wilson's intervals.

    Returns
    -------
    Handling
        ``shares``: ``level``, ``group``, ``measure`` ("first_contact": settled at the first contact, of the cases
        whose first contact says so; "handed_on": went to another unit, of those not settled at the first), ``n``,
        ``count``, ``estimate`` (percent), ``ci_low``, ``ci_high``. Empty without a case.
        ``paths``: one row per pair of units between which cases went: ``source``, ``target``, ``n`` (hand-overs
        in all), ``count``, ``estimate`` (percent), ``ci_low``, ``ci_high``; larger ones first.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    A case that comes back to a unit after another one had it counts as two hand-overs. What goes on between two
    contacts is not on record.

    Examples
    --------
    >>> rows = {"case_id": ["a", "b", "b"], "unit": ["Hotline", "Hotline", "Billing"]}
    >>> rows |= {"occurred_at": [1, 1, 2], "resolved": [True, False, True]}
    >>> found = handling(pd.DataFrame(rows))
    >>> found.shares[["measure", "n", "count"]].values.tolist()
    [['first_contact', 2, 1], ['handed_on', 1, 1]]
    >>> found.paths[["source", "target", "count"]].values.tolist()
    [['Hotline', 'Billing', 1]]
    """
    check_confidence(confidence)
    require_columns(contacts.columns, [case, unit, time, resolved, *by])
    known = contacts.dropna(subset=[case, unit]).sort_values([case, time], kind="stable")
    first = known.drop_duplicates(case).set_index(case)
    before, same = known[unit].shift(), known[case].eq(known[case].shift())
    moved = known.assign(source=before, target=known[unit])[same & (before != known[unit])]
    told = first.dropna(subset=[resolved])
    settled = told[resolved].astype(bool)
    left = told[~settled]
    sides = {
        "first_contact": (told, settled),
        "handed_on": (left, pd.Series(left.index.isin(moved[case]), index=left.index)),
    }
    groups = [(column, group) for column in by for group in sorted(first[column].dropna().unique())]
    rows = [
        {"level": level, "group": str(group), "measure": measure, "n": len(chosen), "count": int(chosen.sum())}
        for level, group in [(ALL, ALL), *groups]
        for measure, (cases, met) in sides.items()
        for chosen in [met if level == ALL else met[cases[level] == group]]
    ]
    table = pd.DataFrame(rows if len(first) else [], columns=["level", "group", "measure", "n", "count"])
    pairs = moved.groupby(["source", "target"]).size().rename("count").reset_index()
    pairs = pairs.sort_values(["count", "source", "target"], ascending=[False, True, True], ignore_index=True)
    pairs.insert(2, "n", len(moved))
    return Handling(
        shares=table.assign(**shares(table["count"], table["n"], confidence=confidence)),
        paths=pairs.assign(**shares(pairs["count"], pairs["n"], confidence=confidence)),
    )
