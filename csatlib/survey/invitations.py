"""One row per invitation, with what became of it; and one row per answer, with how it was asked."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from csatlib.stats.rows import require_columns
from csatlib.tables.scale import Scale

TAIL = 3
DAY = pd.Timedelta(days=1)


def invited(
    invitations: pd.DataFrame,
    *,
    responses: pd.DataFrame,
    customers: pd.DataFrame | None = None,
    columns: Sequence[str] = (),
    scale: Scale | None = None,
) -> pd.DataFrame:
    """Say of every invitation whether an answer came, whether it was finished, and how long it took.

    Parameters
    ----------
    invitations : DataFrame
        One row per survey sent: ``invitation_id``, ``sent_at``; other columns are kept.
    responses : DataFrame
        One row per answer: ``invitation_id``, ``responded_at``, optionally ``started_at`` and the items; also
        those that came after the period of the invitations. The first answer to an invitation counts.
    customers : DataFrame, optional
        Gives each invitation the `columns` of its customer.
    columns : sequence of str
        Columns of the customers; those the invitations have themselves are left as they are.
    scale : Scale, optional
        Its questions, in their order, tell who broke off; see :func:`broke_off`.

    Returns
    -------
    DataFrame
        One row per invitation, as given, with ``answered`` (1 an answer came, 0 none), ``completed`` (1 an answer
        to the end, 0 none or broken off; missing where breaking off cannot be told), ``minutes`` from start to
        end, ``days`` from sending to the answer, ``month`` of sending, and `columns`.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    Who opened the questionnaire and gave no answer at all usually leaves no row and counts as not answered.
    Answers through an open link belong to no invitation and are left out.

    Examples
    --------
    >>> sent = pd.DataFrame({"invitation_id": ["I1", "I2"], "sent_at": pd.to_datetime(["2026-10-01"] * 2)})
    >>> back = {"invitation_id": ["I1"], "started_at": ["2026-10-02 12:00"], "responded_at": ["2026-10-02 12:06"]}
    >>> back = pd.DataFrame(back).astype({"started_at": "datetime64[us]", "responded_at": "datetime64[us]"})
    >>> invited(sent, responses=back)[["answered", "minutes", "days", "month"]].values.tolist()
    [[1.0, 6.0, 1.0, '2026-10'], [0.0, nan, nan, '2026-10']]
    """
    require_columns(invitations.columns, ["invitation_id", "sent_at"])
    require_columns(responses.columns, ["invitation_id", "responded_at"])
    back = responses.assign(_off=broke_off(responses, scale=scale)) if scale else responses.assign(_off=np.nan)
    back = back[back["invitation_id"].notna()].sort_values("responded_at", kind="stable")
    back = back.drop_duplicates("invitation_id").set_index("invitation_id")
    back = back.reindex(invitations["invitation_id"]).set_axis(invitations.index)
    answered = back["responded_at"].notna()
    started = back["started_at"] if "started_at" in back.columns else back["responded_at"].where(False)
    asked = scale is not None and bool(back["_off"].notna().any())
    made = invitations.assign(
        answered=answered.astype(float),
        completed=np.where(answered, 1 - back["_off"], 0.0 if asked else np.nan),
        minutes=(back["responded_at"] - started).dt.total_seconds() / 60,
        days=_days(back["responded_at"], invitations["sent_at"]),
        month=invitations["sent_at"].dt.strftime("%Y-%m").astype("str"),
    )
    return _with_customers(made, customers, [c for c in columns if c not in made.columns])


def with_invitation(responses: pd.DataFrame, *, invitations: pd.DataFrame) -> pd.DataFrame:
    """Give every answer the channel and the day of its invitation.

    Parameters
    ----------
    responses : DataFrame
        One row per answer, with ``invitation_id``; without the column it is returned as it is.
    invitations : DataFrame
        One row per invitation: ``invitation_id``, ``channel``, ``sent_at``; also those of earlier periods.

    Returns
    -------
    DataFrame
        As given, with ``channel`` and ``sent_at``; missing where an answer belongs to no invitation.

    Examples
    --------
    >>> sent = pd.DataFrame({"invitation_id": ["I1"], "channel": ["shop"], "sent_at": ["2026-10-01"]})
    >>> with_invitation(pd.DataFrame({"invitation_id": ["I1"]}), invitations=sent)["channel"].tolist()
    ['shop']
    """
    if "invitation_id" not in responses.columns:
        return responses
    require_columns(invitations.columns, ["invitation_id", "channel", "sent_at"])
    found = invitations.drop_duplicates("invitation_id").set_index("invitation_id")[["channel", "sent_at"]]
    found = found.reindex(responses["invitation_id"]).set_axis(responses.index)
    return responses.assign(channel=found["channel"], sent_at=found["sent_at"])


def questions_of(scale: Scale) -> list[list[str]]:
    """Columns of a scale's questions in their usual order; the points over dimensions are one question."""
    sides = ("expectation", "desired", "adequate", "perception", "importance")
    asked = [[getattr(item, side)] for side in sides for item in scale.items if getattr(item, side)]
    return asked + ([list(scale.importance.values())] if scale.importance else [])


def answered_questions(data: pd.DataFrame, scale: Scale) -> np.ndarray:
    """Whether each row (first axis) answers each question; "does not apply" is an answer."""
    columns = []
    for question in questions_of(scale):
        given = np.zeros(len(data), dtype=bool)
        for name in question:
            given |= data[name].notna().to_numpy()
            if f"{name}_na" in data.columns:
                given |= (data[f"{name}_na"] == 1).to_numpy(dtype=bool)
        columns.append(given)
    return np.column_stack(columns)


def broke_off(data: pd.DataFrame, *, scale: Scale, survey: str = "survey", tail: int = TAIL) -> pd.Series:
    """Tell whether an answer was broken off: its last questions were all left without an answer.

    Parameters
    ----------
    data : DataFrame
        One row per answer.
    scale : Scale
        Its questions, in their order: expectations, then perceptions, then points.
    survey : str
        Column of the kind of survey, where there is one: a kind that never puts these questions tells nothing.
    tail : int
        So many questions at the end, or more, must be unanswered.

    Returns
    -------
    Series
        1 broken off, 0 not, NaN where it cannot be told; on the index of the data.

    Raises
    ------
    KeyError
        Columns of the scale that are not there.

    Examples
    --------
    >>> from csatlib.tables.scale import Item
    >>> scale = Scale([Item(f"q{i}", perception=f"p{i}") for i in range(4)], low=1, high=5)
    >>> data = pd.DataFrame({"p0": [5, 5], "p1": [4, None], "p2": [3, None], "p3": [None, None]})
    >>> broke_off(data, scale=scale).tolist()
    [0.0, 1.0]
    """
    require_columns(data.columns, [column for question in questions_of(scale) for column in question])
    given = answered_questions(data, scale)
    put = asked_in(data, given.any(axis=1), survey)
    size = min(tail, given.shape[1])
    off = ~given[:, given.shape[1] - size :].any(axis=1)
    return pd.Series(np.where(put, off.astype(float), np.nan), index=data.index)


def asked_in(data: pd.DataFrame, some: np.ndarray, survey: str) -> np.ndarray:
    """Rows whose kind of survey puts the questions: somebody answered one of them there."""
    if survey not in data.columns:
        return np.full(len(data), bool(some.any()))
    kinds = data[survey].astype("str").where(data[survey].notna(), "")
    return pd.Series(some, index=data.index).groupby(kinds).transform("any").to_numpy(dtype=bool)


def _days(back: pd.Series, sent: pd.Series) -> pd.Series:
    """Whole days: the hour of sending is often not known."""
    return (back.dt.normalize() - sent.dt.normalize()) / DAY


def _with_customers(made: pd.DataFrame, customers: pd.DataFrame | None, columns: list[str]) -> pd.DataFrame:
    if not columns:
        return made
    if customers is None:
        raise KeyError(f"column not found: {', '.join(columns)}; give customers=, or leave it out of columns")
    require_columns(customers.columns, ["customer_id", *columns])
    known = customers.drop_duplicates("customer_id").set_index("customer_id")[columns]
    return made.assign(**{c: known[c].reindex(made["customer_id"]).set_axis(made.index) for c in columns})
