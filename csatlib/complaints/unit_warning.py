"""Which units are about to see more complaints than usual: alarms each month, judged on later months only."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from csatlib.complaints.cases import OPENED
from csatlib.complaints.known import sharp
from csatlib.stats.due import ALL, shares
from csatlib.stats.intervals import FEW_GROUPS, check_confidence
from csatlib.stats.rows import require_columns

MODEL, RULE = "model", "rule"
SIGNALS = ("contacts", "unresolved", "waited", "repeats", "sharp_words", "broken", "complaints")
EARLIER = 3  # months a unit is known before it can be said what is usual
FEWEST = 30  # unit-months to learn from
LOOK_BACK = 30
FIGURES = ["part", "n", "count", "n_groups", "few_groups", "estimate", "ci_low", "ci_high", "alarms_per_week"]
NOW = ["group", "n", "value", "usual"]
WEEKS_OF_A_MONTH = 365.25 / 12 / 7


@dataclass(frozen=True)
class UnitWarning:
    """Result of :func:`unit_warning`; percent, from the months kept apart only.

    Attributes
    ----------
    figures : DataFrame
        One row per part: ``part`` ("model"; "rule": the units furthest above their usual last month, as many;
        "all": every unit and month), ``n`` (alarms, unit-months), ``count`` (followed by more complaints than
        usual), ``n_groups`` (units), ``few_groups``, ``estimate``, ``ci_low``, ``ci_high``, ``alarms_per_week``.
    now : DataFrame
        Units the model names for the month after the last: ``group`` (in the order of their names), ``n``
        (contacts of the last month), ``value`` (its complaints), ``usual`` (mean of the months up to it).
    """

    figures: pd.DataFrame
    now: pd.DataFrame


def unit_of(
    data: pd.DataFrame, *, contacts: pd.DataFrame, promises: pd.DataFrame | None = None, days: float = LOOK_BACK
) -> pd.Series:
    """Tell the unit of each complaint: its own, that of the promise it names, or the last one contacted before.

    Parameters
    ----------
    data : DataFrame
        One row per complaint: ``opened_at``; of ``unit``, ``promise_id`` and ``customer_id`` what there is.
    contacts : DataFrame
        ``customer_id``, ``occurred_at``, ``unit``.
    promises : DataFrame, optional
        ``promise_id``, ``unit``.
    days : float
        How long before the complaint a contact may lie.

    Returns
    -------
    Series of str
        Missing where none is known; index of `data`.

    Examples
    --------
    >>> cases = pd.DataFrame({"customer_id": ["a", "b"], "opened_at": pd.Timestamp("2026-10-05")})
    >>> calls = pd.DataFrame({"customer_id": ["a"], "occurred_at": [pd.Timestamp("2026-10-01")], "unit": ["Shop"]})
    >>> unit_of(cases, contacts=calls).fillna("").tolist()
    ['Shop', '']
    """
    require_columns(data.columns, [OPENED])
    unit = data["unit"] if "unit" in data.columns else pd.Series(None, index=data.index, dtype="str")
    if promises is not None and "promise_id" in data.columns and {"promise_id", "unit"} <= set(promises.columns):
        unit = unit.fillna(
            data["promise_id"].map(promises.drop_duplicates("promise_id").set_index("promise_id")["unit"])
        )
    if not {"customer_id"} <= set(data.columns) & set(contacts.columns):
        return unit
    seen = contacts[["customer_id", "occurred_at", "unit"]].dropna().sort_values("occurred_at")
    asked = data[["customer_id", OPENED]].dropna().sort_values(OPENED)
    asked[OPENED] = asked[OPENED].astype(seen["occurred_at"].dtype)
    rules = {"by": "customer_id", "tolerance": pd.Timedelta(days=days), "allow_exact_matches": False}
    last = pd.merge_asof(
        asked.assign(row=asked.index), seen, left_on=OPENED, right_on="occurred_at", **rules
    ).set_index("row")["unit"]
    return unit.fillna(last.reindex(data.index))


def unit_months(
    data: pd.DataFrame, *, contacts: pd.DataFrame, promises: pd.DataFrame | None = None, as_of: Any = None
) -> pd.DataFrame:
    """Describe each unit month by month: its signals against its own earlier months, and what came next.

    Parameters
    ----------
    data, contacts, promises, as_of
        As in :func:`unit_warning`.

    Returns
    -------
    DataFrame
        One row per unit and month with contacts or complaints from its fourth on: ``group``, ``month`` (its
        first day), ``n`` (contacts), ``count`` (complaints), ``usual`` (mean of the months up to this one), the
        signals less their mean of the earlier months, ``excess`` ((count - usual) / reach), and ``more`` (1.0: the
        next month has more than usual + reach complaints, 0.0: no more; NaN: not yet over); the reach is
        sqrt(usual), 1 at least.

    Examples
    --------
    >>> calls = pd.DataFrame({"unit": "Shop", "occurred_at": pd.date_range("2026-01-05", periods=40, freq="7D")})
    >>> calls = calls.assign(customer_id="a", resolved=1.0)
    >>> cases = pd.DataFrame({"unit": "Shop", "opened_at": calls["occurred_at"] + pd.Timedelta(days=1)})
    >>> unit_months(cases, contacts=calls)[["group", "count", "more"]].head(2).values.tolist()
    [['Shop', 4, 0.0], ['Shop', 4, 0.0]]
    """
    require_columns(contacts.columns, ["unit", "occurred_at", "resolved"])
    end = data[OPENED].max() if as_of is None else pd.Timestamp(as_of)
    calls = contacts[contacts["occurred_at"] <= end].dropna(subset=["unit", "occurred_at"])
    cases = data[data[OPENED] <= end].assign(unit=unit_of(data, contacts=contacts, promises=promises))
    wide = _signals(calls, cases, promises, end)
    last = (end + pd.Timedelta(days=1)).to_period("M").start_time  # first day of the month that is not over
    wide = wide[wide["month"] < last]
    own = wide.groupby("group")
    earlier = {name: own[name].transform(lambda x: x.shift().expanding(EARLIER).mean()) for name in SIGNALS}
    usual = own["count"].transform(lambda x: x.expanding(EARLIER + 1).mean())
    reach = np.sqrt(usual.clip(lower=1.0))
    coming = own["count"].shift(-1)
    made = wide.assign(
        **{name: wide[name] - earlier[name] for name in SIGNALS},
        usual=usual,
        excess=(wide["count"] - usual) / reach,
        more=(coming > usual + reach).astype(float).where(coming.notna()),
    )
    return made.dropna(subset=["usual", *SIGNALS]).reset_index(drop=True)


def unit_warning(
    data: pd.DataFrame,
    *,
    contacts: pd.DataFrame,
    promises: pd.DataFrame | None = None,
    alarms: int = 2,
    test: int = 6,
    as_of: Any = None,
    ridge: float = 10.0,
    confidence: float = 0.95,
) -> UnitWarning:
    """Name each month the units most likely to see more complaints than usual, and count how many do.

    Parameters
    ----------
    data : DataFrame
        One row per complaint, of all periods: ``opened_at``, and what :func:`unit_of` finds the unit by.
    contacts : DataFrame
        ``unit``, ``occurred_at``, ``resolved``; ``customer_id``, ``case_id``, ``wait_seconds``, ``text``.
    promises : DataFrame, optional
        ``unit``, ``due_at``, ``done_at``.
    alarms : int
        Units named each month.
    test : int
        Last months kept apart; each is judged by a model of the months before it.
    as_of : str or Timestamp, optional
        End of what is known; default: the last complaint opened.
    ridge : float
        Penalty on the squared coefficients of the standardized signals.
    confidence : float
        Coverage of Wilson's intervals.

    Returns
    -------
    UnitWarning
        Tables ``figures`` and ``now``; empty where there are fewer than 30 unit-months to learn from.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    All seven signals enter, none is chosen: contacts, share unresolved, wait, share of repeats, share of texts
    with a word of complaint, share of promises broken, complaints, each against the unit's own earlier months.
    Alarms count as independent; there are few of them, so the interval is wide, and with fewer than 30 units
    it is indicative only.

    Examples
    --------
    >>> from csatlib.tables import workspace
    >>> ws = workspace.open("csat.toml")  # doctest: +SKIP
    >>> unit_warning(ws.complaints, contacts=ws.contacts, promises=ws.promises).figures  # doctest: +SKIP
    """
    check_confidence(confidence)
    if contacts.empty or data.empty or "unit" not in contacts.columns:
        return UnitWarning(pd.DataFrame(columns=FIGURES), pd.DataFrame(columns=NOW))
    rows = unit_months(data, contacts=contacts, promises=promises, as_of=as_of)
    judged = rows.dropna(subset=["more"])
    parts = []
    for month in sorted(judged["month"].unique())[-test:]:
        named = _named(judged[judged["month"] < month], rows[rows["month"] == month], alarms, ridge)
        parts += [] if named is None else [named]
    if not parts:
        return UnitWarning(pd.DataFrame(columns=FIGURES), pd.DataFrame(columns=NOW))
    coming = _named(judged, rows[rows["month"] == rows["month"].max()], alarms, ridge)
    now = coming[coming[MODEL]].assign(value=lambda x: x["count"]).sort_values("group")
    return UnitWarning(_figures(pd.concat(parts), confidence), now[NOW].reset_index(drop=True))


def _signals(calls: pd.DataFrame, cases: pd.DataFrame, promises: pd.DataFrame | None, end: Any) -> pd.DataFrame:
    """Lay out every unit and month, with the signals of the month."""
    calls = calls.sort_values("occurred_at", kind="stable")
    made = pd.DataFrame({"group": calls["unit"], "month": _month(calls["occurred_at"]), "calls": 1.0})
    made["unresolved"] = (calls["resolved"] == 0).astype(float)
    wait = calls["wait_seconds"] if "wait_seconds" in calls.columns else pd.Series(0.0, index=calls.index)
    made["waited"] = np.log1p(wait.astype(float).fillna(0.0) / 60)
    case = calls["case_id"] if "case_id" in calls.columns else pd.Series(np.nan, index=calls.index)
    made["repeats"] = (case.duplicated() & case.notna()).astype(float)
    made["sharp_words"] = sharp(calls["text"]) if "text" in calls.columns else 0.0
    keys = ["group", "month"]
    wide = made.groupby(keys).agg(n=("calls", "size"), **{c: (c, "mean") for c in SIGNALS[1:5]})
    opened = pd.DataFrame({"group": cases["unit"], "month": _month(cases[OPENED])}).dropna()
    every = pd.MultiIndex.from_product(
        [sorted(set(made["group"]) | set(opened["group"])), _all_months(made["month"], opened["month"])],
        names=keys,
    )
    wide = wide.reindex(every).assign(count=opened.groupby(keys).size().reindex(every))
    wide = wide.assign(broken=_broken(promises, end).reindex(every) if promises is not None else 0.0).fillna(0.0)
    wide = wide.assign(contacts=np.log1p(wide["n"]), complaints=np.log1p(wide["count"]))
    return wide.reset_index().astype({"n": np.int64, "count": np.int64})


def _broken(promises: pd.DataFrame, end: Any) -> pd.Series:
    known = promises.dropna(subset=["due_at"])
    if "unit" not in known.columns:
        return pd.Series(dtype=float, index=pd.MultiIndex.from_arrays([[], []]))
    known = known[known["due_at"] <= end]
    missed = ~(known["done_at"] <= known["due_at"])
    return missed.astype(float).groupby([known["unit"], _month(known["due_at"])]).mean()


def _named(learn: pd.DataFrame, month: pd.DataFrame, alarms: int, ridge: float) -> pd.DataFrame | None:
    """Name the units of a month by the model of the months before it, and by the rule."""
    if len(learn) < FEWEST or learn["more"].nunique() < 2 or month.empty:
        return None
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / ridge, solver="newton-cholesky"))
    names = list(SIGNALS)
    model.fit(learn[names], learn["more"])
    month = month.assign(chance=model.predict_proba(month[names])[:, 1])
    for part, by in ((MODEL, "chance"), (RULE, "excess")):
        order = month.sort_values([by, "group"], ascending=[False, True]).index[:alarms]
        month = month.assign(**{part: month.index.isin(order)})
    return month


def _figures(rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    told, weeks = [], rows["month"].nunique() * WEEKS_OF_A_MONTH
    units = rows["group"].nunique()
    for part in (MODEL, RULE, ALL):
        chosen = rows if part == ALL else rows[rows[part]]
        row = {"part": part, "n": len(chosen), "count": int(chosen["more"].sum()), "n_groups": units}
        row["alarms_per_week"] = np.nan if part == ALL else len(chosen) / weeks
        told.append(row | {"few_groups": units < FEW_GROUPS})
    found = pd.DataFrame(told)
    return found.assign(**shares(found["count"], found["n"], confidence=confidence))[FIGURES]


def _month(when: pd.Series) -> pd.Series:
    return when.dt.to_period("M").dt.start_time


def _all_months(*parts: pd.Series) -> pd.DatetimeIndex:
    known = pd.concat(parts)
    return pd.date_range(known.min(), known.max(), freq="MS")
