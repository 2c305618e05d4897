"""The closed loop: how far complaints get, and what becomes of the customers who were dissatisfied."""

from collections.abc import Sequence
from typing import Any

import ibis
import pandas as pd

from csatlib.complaints.cases import STAGES, as_seen
from csatlib.stats import due as dates
from csatlib.stats.due import missing, shares, tallied
from csatlib.stats.intervals import check_confidence

NAMES = ("answered", "solved", "informed", "followed_up")
BEFORE, AFTER = "rating_before", "rating_after"


def closed_loop(
    data: Any,
    *,
    low: float = 1,
    high: float = 7,
    by: Sequence[str] = (),
    as_of: Any = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Share of complaints that are answered, solved, reported back, followed up and end with a satisfied customer.

    Parameters
    ----------
    data : DataFrame or Ibis table
        One row per complaint: ``opened_at``, and of ``first_response_at``, ``resolved_at``, ``informed_at``,
        ``followed_up_at``, ``rating_after`` and ``reopened`` what there is.
    low, high : float
        Ends of the ratings' scale; a rating above its middle is satisfied.
    by : sequence of str
        Columns looked at one by one.
    as_of : str or Timestamp, optional
        The moment at which the loop is looked at; default: the last time on record.
    confidence : float
        Coverage of Wilson's intervals.

    Returns
    -------
    DataFrame
        One row per group, stage and base: ``level``, ``group``, ``stage`` (received, answered, solved, informed,
        followed_up, satisfied, reopened), ``base`` ("received": percent of all; "previous": percent of those that
        got to the stage before; "solved": for reopened; "rated": satisfied of those who gave a rating), ``n`` (the
        base), ``count`` (that got there), ``estimate`` (percent), ``ci_low``, ``ci_high``.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there or hold no times; a scale that does not grow.

    Notes
    -----
    A complaint got to a stage if that stage or a later one has a time. Satisfied of all received counts customers
    without a rating as not known to be satisfied: a lower end. Young cases are still on their way.

    Examples
    --------
    >>> day = pd.Timestamp("2026-10-01")
    >>> cases = pd.DataFrame({"opened_at": [day] * 4, "resolved_at": [day, day, None, None]})
    >>> found = closed_loop(cases.assign(rating_after=[6, 2, None, None]))
    >>> found.query("base == 'received'")[["stage", "n", "count", "estimate"]].values.tolist()
    [['received', 4, 4, 100.0], ['solved', 4, 2, 50.0], ['satisfied', 4, 1, 25.0]]
    """
    check_confidence(confidence)
    if not high > low:
        raise ValueError(f"low={low}, high={high}; the scale must grow, for example 1 to 7")
    more = [column for column in (AFTER, "reopened") if column in data.columns]
    table, moment = as_seen(data, columns=[*by, *more], as_of=as_of)
    there = [stage for stage in STAGES if stage in table.columns]
    counted = {"received": ibis.literal(True)}
    for place, stage in enumerate(there):
        reached = ~missing(ibis.coalesce(*(table[later] for later in there[place:])))
        counted[NAMES[STAGES.index(stage)]] = reached
    chain = [*counted, *(["satisfied"] if AFTER in more else [])]
    if AFTER in more:
        counted |= {"satisfied": table[AFTER] > (low + high) / 2, "rated": ~missing(table[AFTER])}
    if "reopened" in more and "solved" in counted:
        counted["reopened"] = table["reopened"].cast("boolean") & counted["solved"]
    wide = tallied(table, counted, by=by)
    steps = [(stage, "received", "received") for stage in chain]
    steps += [(stage, "previous", before) for before, stage in zip(chain, chain[1:], strict=False)]
    steps += [("satisfied", "rated", "rated")] if AFTER in more else []
    steps += [("reopened", "solved", "solved")] if "reopened" in counted else []
    return _steps(wide, [step for step in steps if step[:2] != ("satisfied", "previous")], confidence)


def conversion(
    data: Any, *, low: float = 1, high: float = 7, by: Sequence[str] = (), confidence: float = 0.95
) -> pd.DataFrame:
    """Share of dissatisfied customers who are satisfied after their complaint was handled.

    Parameters
    ----------
    data : DataFrame or Ibis table
        One row per complaint: ``rating_before``, ``rating_after``; without them nobody has rated.
    low, high : float
        Ends of the ratings' scale; below its middle is dissatisfied, above it satisfied.
    by : sequence of str
        Columns looked at one by one.
    confidence : float
        Coverage of Wilson's interval.

    Returns
    -------
    DataFrame
        One row per group: ``level``, ``group``, ``n`` (dissatisfied before and rated later), ``count`` (satisfied
        later), ``n_missing`` (dissatisfied before, no later rating: not in n), ``n_unrated`` (no rating before),
        ``estimate`` (percent of n), ``ci_low``, ``ci_high``, ``lowest`` and ``highest`` (percent if none, or all,
        of those without a later rating were satisfied).

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; a scale that does not grow.

    Notes
    -----
    The interval is about those who rated twice. What the others would have said is not known; lowest and highest
    need no assumption (Manski 2003).

    References
    ----------
    Manski, C. F. (2003), Partial Identification of Probability Distributions, ch. 1.

    Examples
    --------
    >>> ratings = pd.DataFrame({"rating_before": [1, 2, 3, 2, 6], "rating_after": [6, 3, None, 5, 7]})
    >>> conversion(ratings)[["n", "count", "n_missing", "lowest", "highest"]].values.tolist()
    [[3.0, 2.0, 1.0, 50.0, 75.0]]
    """
    check_confidence(confidence)
    if not high > low:
        raise ValueError(f"low={low}, high={high}; the scale must grow, for example 1 to 7")
    middle = (low + high) / 2
    there = [column for column in (BEFORE, AFTER) if column in data.columns]
    table = dates.table_of(data, list(dict.fromkeys([*by, *there])) or list(data.columns)[:1])
    table = table.mutate(**{column: ibis.null("float64") for column in (BEFORE, AFTER) if column not in there})
    negative, later = table[BEFORE] < middle, ~missing(table[AFTER])
    counted = {
        "n": negative & later,
        "count": negative & (table[AFTER] > middle),
        "n_missing": negative & ~later,
        "n_unrated": missing(table[BEFORE]),
    }
    found = tallied(table, counted, by=by)
    asked = (found["n"] + found["n_missing"]).astype(float)
    bounds = {"lowest": found["count"], "highest": found["count"] + found["n_missing"]}
    known = {name: 100 * value / asked.where(asked > 0) for name, value in bounds.items()}
    return found.assign(**shares(found["count"], found["n"], confidence=confidence), **known)


def _steps(wide: pd.DataFrame, steps: Sequence[tuple[str, str, str]], confidence: float) -> pd.DataFrame:
    parts = [
        wide[["level", "group"]].assign(stage=stage, base=base, n=wide[of], count=wide[stage], order=place)
        for place, (stage, base, of) in enumerate(steps)
    ]
    long = pd.concat(parts).rename_axis("row").reset_index().sort_values(["row", "order"], ignore_index=True)
    return long.drop(columns=["row", "order"]).assign(**shares(long["count"], long["n"], confidence=confidence))
