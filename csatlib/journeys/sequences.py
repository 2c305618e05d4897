"""From contacts to journeys: what belongs together, in which order, and whether the matter was settled."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from csatlib.stats.rows import require_columns

ARROW, MORE = " → ", "…"
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Sequences:
    """Journeys, the contacts they are made of, and contacts that belong to none.

    Attributes
    ----------
    journeys : DataFrame
        One row per journey, see :func:`sequences`.
    steps : DataFrame
        One row per contact, in order: ``journey``, ``customer``, ``step`` (1, 2, ..), ``place``, ``channel``,
        ``at``, ``settled``, ``rating``, and ``group`` (value of `by` at the first contact).
    left_out : int
        Contacts without case or customer.

    Examples
    --------
    >>> Sequences(pd.DataFrame(), pd.DataFrame(), 0).left_out
    0
    """

    journeys: pd.DataFrame
    steps: pd.DataFrame
    left_out: int


def sequences(
    data: Any,
    *,
    case: str | None = "case_id",
    customer: str = "customer_id",
    gap: float | None = None,
    place: str = "touchpoint",
    channel: str | None = "channel",
    time: str = "occurred_at",
    settled: str | None = "resolved",
    rating: str | None = "rating",
    by: str | None = None,
    start: pd.Timestamp | None = None,
    until: pd.Timestamp | None = None,
    follow: float = 14,
    longest: int = 4,
) -> Sequences:
    """Put contacts that belong together into journeys.

    Parameters
    ----------
    data : DataFrame or Ibis table
        One row per contact.
    case : str or None
        Contacts with the same value are one journey. Not used where `gap` is given.
    customer : str
        Who; journeys of one customer stay together when intervals are made.
    gap : float, optional
        Days: contacts of a customer belong together while no pause between them is longer.
    place, channel, time, settled, rating : str
        Touchpoint, channel, time, whether the contact settled the matter, satisfaction with it. `channel`,
        `settled` and `rating` may be None.
    by : str, optional
        Column whose value at the first contact is kept as ``group``.
    start, until : Timestamp, optional
        Journeys that begin before `start` are left out; `until` is how far the record reaches (default: the last
        contact); contacts after it do not count.
    follow : float
        Days a journey must have been watched to be counted in shares.
    longest : int
        Steps written out in ``path``; longer paths end in "…".

    Returns
    -------
    Sequences
        ``journeys`` has ``journey``, ``customer``, ``group``, ``path`` ("Hotline → Shop"), ``steps``,
        ``started_at``, ``ended_at`` (first and last contact), ``settled`` (by the last contact; NaN: not known),
        ``settled_first`` (by the first contact and no other followed), ``failures`` (contacts that did not settle
        it), ``days`` (from first contact to settlement; of an unfinished journey as long as it was watched),
        ``watched`` (begun at least `follow` days before `until`), ``first_place``, ``first_channel``,
        ``repeated`` (more than one contact), ``other_channel`` (later contact through another channel than the
        first), ``second_other`` (the second contact did so), ``soon`` (second contact within `follow` days),
        ``rating_mean``, ``rating_worst``, ``rating_best``, ``rating_end`` (of the last contact; NaN where it was
        not rated), ``n_rated``.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there or are no times; bad days.

    Notes
    -----
    An unfinished journey is watched until `until`: as far as the record shows, its matter was open all that time.
    With `gap` it is watched until its pause became too long, since a later settlement would belong to another
    journey.

    Examples
    --------
    >>> calls = pd.DataFrame({"case_id": [1, 1, 2], "customer_id": list("aab")})
    >>> calls["touchpoint"] = ["Chat", "Shop", "App"]
    >>> calls["occurred_at"] = pd.to_datetime(["2026-10-01", "2026-10-03", "2026-10-02"])
    >>> found = sequences(calls.assign(resolved=[0, 1, 1]), channel="touchpoint", rating=None)
    >>> found.journeys[["path", "steps", "settled", "days", "other_channel"]].values.tolist()
    [['Chat → Shop', 2, 1.0, 2.0, True], ['App', 1, 1.0, 0.0, False]]
    """
    _check(case, gap, follow, longest)
    roles = {"customer": customer, "place": place, "channel": channel, "at": time, "settled": settled}
    roles |= {"rating": rating, "group": by} | ({} if gap else {"journey": case})
    frame = _named(data, roles)
    until = frame["at"].max() if until is None else pd.Timestamp(until)
    frame = frame[frame["at"] <= until]
    known = frame["customer" if gap else "journey"].notna()
    rows = frame[known].sort_values(["customer" if gap else "journey", "at"], kind="stable").reset_index(drop=True)
    if gap:
        new = rows["customer"].ne(rows["customer"].shift()) | (rows["at"].diff() > gap * DAY)
        rows = rows.assign(journey=new.cumsum())
    rows = rows.assign(step=_steps(rows["journey"]))
    if start is not None:
        begun = rows["at"].where(rows["step"].eq(1)).ffill()
        rows = rows[begun >= pd.Timestamp(start)].reset_index(drop=True)
    turn = rows["step"].eq(1).cumsum()
    group = rows["group"].where(rows["step"].eq(1)).groupby(turn).transform("first")
    made = _journeys(rows, turn, until, gap, follow, longest)
    return Sequences(made, rows.assign(group=group), int((~known).sum()))


def _steps(journey: pd.Series) -> np.ndarray:
    """Count the contacts of each journey, 1, 2, ..; rows of a journey stand together."""
    at, new = np.arange(len(journey)), journey.ne(journey.shift()).to_numpy()
    return at - np.maximum.accumulate(np.where(new, at, 0)) + 1


def _check(case: str | None, gap: float | None, follow: float, longest: int) -> None:
    wrong = []
    if gap is None and case is None:
        wrong.append(
            "neither case nor gap is given; name the column of the case, or the days of the longest pause"
        )
    if gap is not None and not gap > 0:
        wrong.append(f"gap={gap!r}; it is a number of days above 0")
    if not follow > 0:
        wrong.append(f"follow={follow!r}; it is a number of days above 0")
    if not longest >= 1:
        wrong.append(f"longest={longest!r}; a path shows at least 1 step")
    if wrong:
        raise ValueError("; ".join(wrong))


def _named(data: Any, roles: dict[str, str | None]) -> pd.DataFrame:
    """Return the columns under the names of their roles; a role without a column is empty."""
    needed = list(dict.fromkeys(column for column in roles.values() if column))
    require_columns(data.columns, needed)
    if hasattr(data, "to_pyarrow_batches"):
        data = data.select(*needed).to_pandas()
    frame = pd.DataFrame({role: data[column] if column else np.nan for role, column in roles.items()}, data.index)
    if not pd.api.types.is_datetime64_any_dtype(frame["at"]):
        raise ValueError(f"column {roles['at']!r} is {frame['at'].dtype}; it must hold times: use pd.to_datetime")
    numbers = {role: frame[role].astype(float) for role in ("settled", "rating")}
    return frame.assign(**numbers)


def _journeys(
    rows: pd.DataFrame, turn: pd.Series, until: pd.Timestamp, gap: float | None, follow: float, longest: int
) -> pd.DataFrame:
    """Sum up each journey; `turn` counts them in the order of the rows."""
    by, step = rows.groupby(turn), rows["step"]
    first, second = (rows[step.eq(n)].set_axis(turn[step.eq(n)]) for n in (1, 2))
    last = rows[~turn.duplicated(keep="last")].set_axis(first.index)
    second = second.reindex(first.index)
    other = rows["channel"].notna() & rows["channel"].ne(first["channel"].reindex(turn).set_axis(rows.index))
    settled = last["settled"]
    watched_to = (last["at"] + gap * DAY).clip(upper=until) if gap else until
    days = (last["at"].where(settled.eq(1), watched_to) - first["at"]) / DAY
    rated = by["rating"].agg(["mean", "min", "max", "count"])
    return pd.DataFrame(
        {
            "journey": first["journey"],
            "customer": first["customer"],
            "group": first["group"],
            "path": _paths(rows, first.index, last["step"].to_numpy(), longest),
            "steps": last["step"],
            "started_at": first["at"],
            "ended_at": last["at"],
            "settled": settled,
            "settled_first": (first["settled"].eq(1) & last["step"].eq(1))
            .astype(float)
            .mask(first["settled"].isna()),
            "failures": by["settled"].agg("count") - by["settled"].agg("sum"),
            "days": days.mask(settled.isna()),
            "watched": first["at"] <= until - follow * DAY,
            "first_place": first["place"],
            "first_channel": first["channel"],
            "repeated": last["step"] > 1,
            "other_channel": other.groupby(turn).any(),
            "second_other": second["channel"].ne(first["channel"]) & second["channel"].notna(),
            "soon": second["at"] - first["at"] <= follow * DAY,
            "rating_mean": rated["mean"],
            "rating_worst": rated["min"],
            "rating_best": rated["max"],
            "rating_end": last["rating"],
            "n_rated": rated["count"],
        }
    ).reset_index(drop=True)


def _paths(rows: pd.DataFrame, index: pd.Index, steps: np.ndarray, longest: int) -> pd.Series:
    """Write the places of each journey out: every different path once, one step longer each time."""
    place, names = pd.factorize(rows["place"].astype("str"))
    unknown = np.repeat(index, steps)[(place < 0) & (rows["step"] <= longest)]
    names = np.append(names.to_numpy(dtype=object), MORE)
    begin, width = np.cumsum(steps) - steps, len(names)
    path, texts = place[begin], names[:-1]
    for step in range(2, longest + 2):
        on = np.flatnonzero(steps >= step)
        follows = place[begin[on] + step - 1] if step <= longest else np.full(len(on), width - 1)
        code, pairs = pd.factorize(path[on] * width + follows)
        path[on] = len(texts) + code
        texts = np.append(texts, texts[pairs // width] + ARROW + names[pairs % width])
    return pd.Series(texts[path], index, dtype="str").mask(index.isin(unknown))
