"""What is known of each customer at a moment: nothing later enters."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from csatlib.complaints.cutting import holds
from csatlib.stats.rows import require_columns

YEAR = 365.25
TIMES = {
    "contacts": "occurred_at",
    "responses": "responded_at",
    "transactions": "occurred_at",
    "promises": "due_at",
    "complaints": "opened_at",
}
# general words of displeasure, not those of one company's texts
SHARP = (
    *("again", "still", "nobody", "never", "unacceptable", "useless", "terrible", "angry", "fed up"),
    *("complain", "charged", "cancel", "refund", "wrong", "worse", "disappoint", "annoy", "rude", "waste"),
    *("又", "还没", "还是没", "没人", "一直", "投诉", "太差", "失望", "生气", "骗", "退款", "扣费"),
    *("更差", "无语", "恶劣", "浪费", "取消"),
)


def sharp(text: pd.Series, *, words: Sequence[str] = SHARP) -> pd.Series:
    """Tell which texts hold a word of complaint, in English or Chinese; no text is none.

    Parameters
    ----------
    text : Series of str
        What customers said.
    words : sequence of str
        Looked for as in :func:`csatlib.complaints.themes`.

    Returns
    -------
    Series of float
        1.0 or 0.0.

    Examples
    --------
    >>> sharp(pd.Series(["Still not fixed", "还是没人来", "Quick and clear", None])).tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    return pd.Series(holds(text, words).astype(float), index=text.index)


def known_at(
    customers: pd.DataFrame,
    moments: Sequence[pd.Timestamp],
    *,
    contacts: pd.DataFrame | None = None,
    responses: pd.DataFrame | None = None,
    transactions: pd.DataFrame | None = None,
    promises: pd.DataFrame | None = None,
    complaints: pd.DataFrame | None = None,
    keep: Sequence[str] = (),
    days: float = 90,
    outcome: str = "overall",
) -> pd.DataFrame:
    """Describe every customer at each moment by what was on record before it.

    Parameters
    ----------
    customers : DataFrame
        One row per customer: ``customer_id``, ``joined_on``, ``left_on`` where they can leave.
    moments : sequence of Timestamp
        Snapshots, taken in the order of time.
    contacts, responses, transactions, promises, complaints : DataFrame, optional
        Events with ``customer_id`` and their time; where one has a column ``available_at``, it counts from that
        time on, not before.
    keep : sequence of str
        Columns of the customers carried over: what does not change, such as a region.
    days : float
        How far back events count.
    outcome : str
        Score in the responses.

    Returns
    -------
    DataFrame
        One row per customer of the moment: ``customer_id``, ``at``, `keep`, ``tenure`` (log of 1 + years), and for
        each table given: ``contacts``, ``unresolved``, ``waited`` (log of 1 + the longest wait, minutes),
        ``repeats`` (contacts beyond the first of a case), ``sharp_words`` (texts with a word of complaint);
        ``score`` (the last one ever; the mean of the moment where there is none) and ``score_missing``;
        ``spend`` (sum); ``broken`` promises; ``complaints``.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    A promise counts as broken at its due date unless it was done by then. Counts enter as log(1 + count).

    Examples
    --------
    >>> people = pd.DataFrame({"customer_id": ["a", "b"], "joined_on": pd.Timestamp("2025-10-01")})
    >>> calls = pd.DataFrame({"customer_id": ["a", "a"], "resolved": [0, 0]})
    >>> calls["occurred_at"] = pd.to_datetime(["2026-09-30", "2026-10-01"])
    >>> found = known_at(people, [pd.Timestamp("2026-10-01")], contacts=calls)
    >>> np.expm1(found[["contacts", "unresolved"]]).round(6).values.tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """
    require_columns(customers.columns, ["customer_id", "joined_on", *keep])
    given = {"contacts": contacts, "responses": responses, "transactions": transactions, "promises": promises}
    given["complaints"] = complaints
    events = {name: _prepared(name, table, outcome) for name, table in given.items() if table is not None}
    moments = pd.DatetimeIndex(moments).sort_values()
    left = customers["left_on"] if "left_on" in customers.columns else pd.Series(pd.NaT, index=customers.index)
    at, who = np.nonzero(np.stack([(customers["joined_on"] < at) & ~(left <= at) for at in moments]))
    found = customers[["customer_id", *keep]].iloc[who].reset_index(drop=True).assign(at=moments[at])
    joined = customers["joined_on"].iloc[who].set_axis(found.index)
    found["tenure"] = np.log1p((found["at"] - joined).dt.days / YEAR)
    code, people = pd.factorize(customers["customer_id"])
    cell = at * len(people) + code[who]  # of the grid moments x customers
    for name, table in events.items():
        own = people.get_indexer(table["customer_id"])
        table, own = table[own >= 0], own[own >= 0]
        if name == "responses":
            score = pd.Series(_latest(table, own, moments, len(people))[cell])
            middle = score.groupby(at).transform("mean").fillna(0.0)
            found = found.assign(score=score.fillna(middle), score_missing=score.isna().astype(float))
            continue
        event, place = in_sight(table["when"], table["known"], moments=moments, days=days)
        rows = table.drop(columns=["customer_id", "when", "known"]).iloc[event]
        counts = _counted(name, rows, pd.Series(place * len(people) + own[event]))
        found = found.assign(**counts.reindex(cell).fillna(0.0).set_axis(found.index))
    return found


def in_sight(
    when: pd.Series, known: pd.Series, *, moments: pd.DatetimeIndex, days: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pair events with the moments they are seen at: known before, and not longer ago than so many days.

    Parameters
    ----------
    when, known : Series of datetime
        When each event was, and since when it is known: not before.
    moments : DatetimeIndex
        In the order of time.
    days : float
        How far back events count.

    Returns
    -------
    tuple of two arrays of int
        Places of the event and of the moment, one of each per pair.

    Examples
    --------
    >>> day = pd.date_range("2026-10-01", periods=4)
    >>> event, moment = in_sight(pd.Series(day[:2]), pd.Series(day[:2]), moments=day, days=2)
    >>> event.tolist(), moment.tolist()
    ([0, 0, 1, 1], [1, 2, 2, 3])
    """
    first, until = _place(moments, known), _place(moments, when + pd.Timedelta(days=days))
    often = np.maximum(until - first, 0)
    event = np.repeat(np.arange(len(often)), often)
    before = np.cumsum(often) - often
    return event, np.arange(len(event)) - (before - first)[event]


def _place(moments: pd.DatetimeIndex, when: pd.Series) -> np.ndarray:
    """Return the place of the first moment after each time; the two may differ in their unit."""
    return np.searchsorted(moments.to_numpy(), when.to_numpy(), side="right")


def _prepared(name: str, table: pd.DataFrame, outcome: str) -> pd.DataFrame:
    time = TIMES[name]
    needed = {"responses": [outcome], "transactions": ["amount"], "promises": ["done_at"]}.get(name, [])
    require_columns(table.columns, ["customer_id", time, *needed])
    known = table[time]
    if "available_at" in table.columns:
        known = known.where(table["available_at"].isna() | (table["available_at"] < known), table["available_at"])
    rows = pd.DataFrame({"customer_id": table["customer_id"], "when": table[time], "known": known})
    if name == "contacts":
        for column in ("resolved", "wait_seconds", "case_id"):
            rows[column] = table[column] if column in table.columns else np.nan
        rows["sharp"] = sharp(table["text"]) if "text" in table.columns else 0.0
    elif name == "promises":
        rows = rows[~(table["done_at"] <= table[time])]
    elif needed:
        rows["amount"] = table[needed[0]].astype(float)
        rows = rows.dropna(subset=["amount"]) if name == "responses" else rows
    return rows.dropna(subset=["customer_id", "when"]).sort_values("when", kind="stable")


def _latest(table: pd.DataFrame, own: np.ndarray, moments: pd.DatetimeIndex, people: int) -> np.ndarray:
    """Return the last amount ever known of each customer at each moment, NaN where there is none."""
    place = np.full((len(moments) + 1, people), -1)
    np.maximum.at(place, (_place(moments, table["known"]), own), np.arange(len(table)))
    place = np.maximum.accumulate(place)[:-1].ravel()
    return np.append(table["amount"], np.nan)[place]


def _counted(name: str, rows: pd.DataFrame, cell: pd.Series) -> pd.DataFrame:
    """Count the events of each cell that has some."""
    rows = rows.set_axis(cell.index)
    own = rows.groupby(cell)
    if name == "transactions":
        return pd.DataFrame({"spend": own["amount"].sum()})
    counts = {"broken" if name == "promises" else name: own.size()}
    if name == "contacts":
        counts["unresolved"] = (rows["resolved"] == 0).groupby(cell).sum()
        counts["waited"] = own["wait_seconds"].max() / 60
        again = rows.assign(cell=cell).duplicated(["cell", "case_id"]) & rows["case_id"].notna()
        counts["repeats"] = again.groupby(cell).sum()
        counts["sharp_words"] = own["sharp"].sum()
    return np.log1p(pd.DataFrame(counts).astype(float))
