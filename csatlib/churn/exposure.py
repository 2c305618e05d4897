"""Days as a customer: from when each was watched, and what was known about each on which day."""

from collections.abc import Mapping, Sequence

import pandas as pd

DAY = pd.Timedelta(days=1)


def stays(
    data: pd.DataFrame,
    *,
    observed_from: str | pd.Timestamp,
    observed_until: str | pd.Timestamp,
    customer: str = "customer_id",
    joined: str = "joined_on",
    left: str = "left_on",
    keep: Sequence[str] = (),
) -> pd.DataFrame:
    """Days as a customer, and from which day on each customer was watched.

    Parameters
    ----------
    data : DataFrame
        One row per customer, with day of joining and first day no longer a customer (missing: still one).
    observed_from, observed_until : str or Timestamp
        First and last day on which a leaver would have been recorded.
    customer, joined, left : str
        Columns.
    keep : sequence of str
        Further columns carried over.

    Returns
    -------
    DataFrame
        One row per customer with at least one day watched: ``customer``, ``joined`` (day), ``entry`` (days as a
        customer when watching began, 0 for those who joined later), ``exit`` (days as a customer at the end),
        ``left`` (left; else still there on `observed_until`), and `keep`.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; customers twice; no joining day; leaving before joining; a period of no day.

    Notes
    -----
    Who left before `observed_from` is not in such records: every customer counts as at risk only after `entry`
    (left truncation). Counted from day 0, long stays would be over-represented.

    References
    ----------
    Klein, J. P. and Moeschberger, M. L. (2003), Survival Analysis, 2nd ed., sec. 3.4.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer_id": ["a", "b"], "joined_on": ["2025-01-01", "2026-01-01"]})
    >>> rows = rows.assign(left_on=[None, "2026-01-11"])
    >>> found = stays(rows, observed_from="2026-01-01", observed_until="2026-01-31")
    >>> found[["entry", "exit", "left"]].values.tolist()
    [[365.0, 396.0, False], [0.0, 10.0, True]]
    """
    _need(data, "data", [customer, joined, left, *keep])
    start, end = pd.Timestamp(observed_from).normalize(), pd.Timestamp(observed_until).normalize() + DAY
    first, gone = (pd.to_datetime(data[column]).dt.normalize() for column in (joined, left))
    unclear = data[customer].isna() | data[customer].duplicated()
    problems = []
    if not start < end:
        problems.append(f"observed_from={start:%Y-%m-%d} is after observed_until={end - DAY:%Y-%m-%d}")
    for text, wrong in (
        (f"{customer} is missing or twice; allowed is one row per customer", unclear),
        (f"{joined} is missing; every customer has a day of joining", first.isna()),
        (f"{left} is before {joined}; correct the dates", gone < first),
    ):  # fmt: skip
        if wrong.any():
            problems.append(f"{text} ({wrong.sum()} rows, the first for {data.loc[wrong, customer].iloc[0]!r})")
    if problems:
        raise ValueError("; ".join(problems))
    seen = gone.where(gone < end)
    found = pd.DataFrame({"customer": data[customer], "joined": first})
    found["entry"] = ((start - first) / DAY).clip(lower=0.0)
    found["exit"] = (seen.fillna(end) - first) / DAY
    found["left"] = seen.notna()
    found = found.assign(**{column: data[column] for column in keep})
    return found[found["exit"] > found["entry"]].reset_index(drop=True)


def lasting(
    data: pd.DataFrame,
    *,
    at: str,
    value: str | float,
    otherwise: str | float,
    days: int,
    customer: str = "customer_id",
) -> pd.DataFrame:
    """Turn records into changes of a state that begins the day after and lasts some days unless renewed.

    Parameters
    ----------
    data : DataFrame
        One row per record, such as an answer or a complaint; rows without customer, time or value are left out.
    at : str
        Column with the moment from which the record was known, such as ``responded_at``.
    value : str or float
        Column with the state, or the state itself where `data` has no such column.
    otherwise : str or float
        The state once a record is older than `days`.
    days : int
        Days a record counts.
    customer : str
        Column.

    Returns
    -------
    DataFrame
        ``customer``, ``at`` (day from which the state holds), ``value``; for :func:`start_stop`.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; days below 1.

    Examples
    --------
    >>> cases = pd.DataFrame({"customer_id": ["a"], "opened_at": ["2026-01-05 09:00"]})
    >>> lasting(cases, at="opened_at", value="recent", otherwise="none", days=90).astype(str).values.tolist()
    [['a', '2026-01-06', 'recent'], ['a', '2026-04-06', 'none']]
    """
    _need(data, "data", [customer, at])
    if not days >= 1:
        raise ValueError(f"days={days}; allowed are whole days from 1 on")
    states = data[value] if value in data.columns else pd.Series(value, index=data.index)
    begun = pd.DataFrame(
        {"customer": data[customer], "moment": pd.to_datetime(data[at]), "value": states}
    ).dropna()
    begun = begun.sort_values("moment", kind="stable").assign(at=lambda d: d["moment"].dt.normalize() + DAY)
    begun = begun.drop_duplicates(["customer", "at"], keep="last").sort_values(["customer", "at"], kind="stable")
    over = begun.assign(at=begun["at"] + days * DAY, value=otherwise)
    following = begun.groupby("customer")["at"].shift(-1)
    over = over[~(following <= over["at"])]
    both = pd.concat([begun.astype({"value": object}), over.astype({"value": object})])
    both = both.sort_values(["customer", "at"], kind="stable")[["customer", "at", "value"]]
    return both.assign(value=both["value"].infer_objects()).reset_index(drop=True)


def start_stop(
    data: pd.DataFrame,
    *,
    exposures: Mapping[str, pd.DataFrame],
    otherwise: Mapping[str, str | float],
) -> pd.DataFrame:
    """Cut each customer's days at every change of an exposure.

    Parameters
    ----------
    data : DataFrame
        From :func:`stays`.
    exposures : mapping of name to DataFrame
        Changes with ``customer``, ``at``, ``value``, as from :func:`lasting`.
    otherwise : mapping of name to state
        The state before the first change.

    Returns
    -------
    DataFrame
        The columns of `data`, one row per stretch of days with the same states: at risk after ``entry`` up to and
        including ``exit``; ``left`` is true on the last row of a leaver only; one column per exposure, with its
        state at the beginning of the stretch.

    Raises
    ------
    KeyError, ValueError
        Columns or states that are not there.

    Notes
    -----
    A record counts from the day after it, so that nothing is known of the day of leaving itself.

    References
    ----------
    Andersen, P. K. and Gill, R. D. (1982), Annals of Statistics 10, 1100-1120.

    Examples
    --------
    >>> one = pd.DataFrame({"customer": ["a"], "joined": pd.Timestamp("2026-01-01"), "entry": 0.0})
    >>> one = one.assign(exit=10.0, left=True)
    >>> change = pd.DataFrame({"customer": ["a"], "at": pd.Timestamp("2026-01-05"), "value": ["yes"]})
    >>> rows = start_stop(one, exposures={"complaint": change}, otherwise={"complaint": "no"})
    >>> rows[["entry", "exit", "left", "complaint"]].values.tolist()
    [[0.0, 4.0, False, 'no'], [4.0, 10.0, True, 'yes']]
    """
    _need(data, "data", ["customer", "joined", "entry", "exit", "left"])
    for name, changes in exposures.items():
        _need(changes, f"exposures[{name!r}]", ["customer", "at", "value"])
    absent = [name for name in exposures if name not in otherwise]
    if absent:
        raise ValueError(f"otherwise lacks {', '.join(absent)}; give the state before the first record of each")
    ends = data.set_index("customer")[["joined", "entry", "exit"]].set_axis(["joined", "begin", "end"], axis=1)
    since = {name: _since(changes, ends["joined"]) for name, changes in exposures.items()}
    cuts = pd.concat([data[["customer", "entry"]], *(c[["customer", "entry"]] for c in since.values())])
    cuts = cuts.drop_duplicates().join(ends[["begin", "end"]], on="customer")
    cuts = cuts[(cuts["entry"] >= cuts["begin"]) & (cuts["entry"] < cuts["end"])]
    cuts = cuts.sort_values(["entry", "customer"], kind="stable")[["customer", "entry"]]
    for name, changes in since.items():
        known = pd.merge_asof(cuts, changes.rename(columns={"value": name}), on="entry", by="customer")
        cuts = known.assign(**{name: known[name].where(known[name].notna(), otherwise[name])})
    rows = cuts.merge(data.drop(columns="entry"), on="customer").sort_values(["customer", "entry"], kind="stable")
    following = rows.groupby("customer")["entry"].shift(-1)
    last = following.isna()
    rows = rows.assign(exit=rows["exit"].where(last, following), left=rows["left"].astype(bool) & last)
    return rows[[*data.columns, *exposures]].reset_index(drop=True)


def as_known(
    data: pd.DataFrame,
    *,
    on: str | pd.Timestamp,
    exposures: Mapping[str, pd.DataFrame],
    otherwise: Mapping[str, str | float],
) -> pd.DataFrame:
    """Take the customers of one day with what was known of them then, and how long they stayed after it.

    Parameters
    ----------
    data : DataFrame
        From :func:`stays`.
    on : str or Timestamp
        The landmark: who was a customer and watched at the beginning of that day.
    exposures, otherwise : mapping
        As in :func:`start_stop`.

    Returns
    -------
    DataFrame
        One row per customer of that day: the columns of `data`, ``entry`` 0 and ``exit`` counted in days from
        `on`, and one column per exposure with its state on that day. Later changes are not looked at.

    Raises
    ------
    KeyError, ValueError
        As :func:`start_stop`.

    References
    ----------
    Anderson, J. R., Cain, K. C. and Gelber, R. D. (1983), Journal of Clinical Oncology 1, 710-719.

    Examples
    --------
    >>> one = pd.DataFrame({"customer": ["a"], "joined": pd.Timestamp("2026-01-01"), "entry": 0.0})
    >>> one = one.assign(exit=10.0, left=True)
    >>> as_known(one, on="2026-01-04", exposures={}, otherwise={})[["entry", "exit", "left"]].values.tolist()
    [[0.0, 7.0, True]]
    """
    day = pd.Timestamp(on).normalize()
    since = (day - data["joined"]) / DAY
    present = data[(since >= data["entry"]) & (since < data["exit"])]
    earlier = {name: changes[changes["at"] <= day] for name, changes in exposures.items()}
    rows = start_stop(present.assign(entry=since[present.index]), exposures=earlier, otherwise=otherwise)
    return rows.assign(entry=0.0, exit=rows["exit"] - (day - rows["joined"]) / DAY)


def _since(changes: pd.DataFrame, joined: pd.Series) -> pd.DataFrame:
    """Place changes on the clock of each customer; what was known before joining holds from day 0."""
    kept = changes[changes["customer"].isin(joined.index)].sort_values("at", kind="stable")
    days = (kept["at"] - kept["customer"].map(joined)) / DAY
    placed = kept.assign(entry=days.clip(lower=0.0))[["customer", "entry", "value"]]
    return placed.sort_values("entry", kind="stable").drop_duplicates(["customer", "entry"], keep="last")


def _need(data: pd.DataFrame, name: str, columns: Sequence[str]) -> None:
    absent = [column for column in columns if column not in data.columns]
    if absent:
        raise KeyError(f"{name} has no column {', '.join(absent)}; it has {', '.join(map(str, data.columns))}")
