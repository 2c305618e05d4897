"""Which answers look careless or wrong: one stated rule per flag."""

import numpy as np
import pandas as pd

from csatlib.stats.rows import require_columns
from csatlib.survey.invitations import answered_questions, asked_in, questions_of
from csatlib.tables.scale import Scale
from csatlib.words import mark

FASTEST = 1 / 3
FEWEST = 8
SKIPPED = 0.25
SAME = 10
EXTREME = 1 / 6
PROMOTER, DETRACTOR = 9, 6
FLAGS = {
    "straight_lining": mark("Same answer throughout"),
    "speeder": mark("Much too fast"),
    "impossible": mark("Answers that contradict each other"),
    "item_nonresponse": mark("Many questions left out"),
    "duplicate": mark("Given twice"),
}


def flagged(
    data: pd.DataFrame,
    *,
    scale: Scale | None = None,
    outcome: str = "overall",
    low: float | None = None,
    high: float | None = None,
    survey: str = "survey",
    fastest: float = FASTEST,
    fewest: int = FEWEST,
    skipped: float = SKIPPED,
) -> pd.DataFrame:
    """Flag answers by five rules; a rule the data cannot tell anything about leaves its flag missing.

    Parameters
    ----------
    data : DataFrame
        One row per answer. Used where they are there: ``started_at`` and ``responded_at``, ``sent_at`` (of the
        invitation), ``invitation_id``, ``nps`` (0 to 10), the outcome, the items of the scale.
    scale : Scale, optional
        The block of questions.
    outcome : str
        Overall satisfaction, high is good.
    low, high : float, optional
        Ends of its scale; default: the lowest and highest answer there is.
    survey : str
        Column of the kind of survey: times are compared within a kind, and questions it never puts are not
        missing from its answers.
    fastest : float
        See speeder.
    fewest : int
        See straight_lining.
    skipped : float
        See item_nonresponse.

    Returns
    -------
    DataFrame
        On the index of the data, 1 flagged, 0 not, NaN where it cannot be told:

        - ``straight_lining``: at least `fewest` ratings of service received (where the scale has none: expected),
          and all the same number. High expectations of everything are common and no sign of carelessness.
        - ``speeder``: from start to end in less than `fastest` of the median time of the same kind of survey.
        - ``impossible``: started before its invitation was sent; or overall satisfaction in the lowest sixth of
          its scale and a recommendation of 9 or 10, or in the highest sixth and one of 0 or 1.
        - ``item_nonresponse``: more than `skipped` of the questions of the scale without answer ("does not apply"
          is an answer), breaking off included.
        - ``duplicate``: an earlier answer to the same invitation, or an earlier answer of the same kind of survey
          with exactly the same ratings, at least ten of them and not all alike.
        - ``any``: 1 where one of the flags is 1, 0 where none is, NaN where no rule could tell.

    Raises
    ------
    KeyError
        Columns of the scale that are not there.
    ValueError
        A share outside 0 to 1.

    Notes
    -----
    Flagged answers are shown, never removed: a fast respondent may be right. Thresholds are conventions; what
    matters is whether a headline depends on them.

    References
    ----------
    Meade, A. W. and Craig, S. B. (2012), Psychological Methods 17(3), 437-455; Greszki, R., Meyer, M. and Schoen,
    H. (2015), Public Opinion Quarterly 79(2), 471-503 (speed against the median); Kuriakose, N. and Robbins, M.
    (2016), Statistical Journal of the IAOS 32(3), 283-291 (near duplicates).

    Examples
    --------
    >>> answers = {"overall": [7, 1, 6], "nps": [10, 10, 8]}
    >>> flagged(pd.DataFrame(answers), low=1, high=7)[["impossible", "any"]].values.tolist()
    [[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    """
    if not (0 < fastest < 1 and 0 <= skipped < 1):
        raise ValueError(f"fastest={fastest}, skipped={skipped}; both are shares between 0 and 1")
    if scale:
        require_columns(data.columns, [column for question in questions_of(scale) for column in question])
    kinds = _kinds(data, survey)
    found = pd.DataFrame(
        {
            "straight_lining": _straight(data, scale, fewest) if scale else np.nan,
            "speeder": _speed(data, kinds, fastest),
            "impossible": _contradicts(data, outcome, low, high),
            "item_nonresponse": _left_out(data, scale, survey, skipped) if scale else np.nan,
            "duplicate": _twice(data, scale, kinds),
        },
        index=data.index,
        dtype=float,
    )
    return found.assign(any=found.max(axis=1))


def rated(scale: Scale) -> list[str]:
    """Columns of the ratings of service received, else of those expected."""
    for side in ("perception", "expectation"):
        columns = [getattr(item, side) for item in scale.items if getattr(item, side)]
        if columns:
            return columns
    return []


def _kinds(data: pd.DataFrame, survey: str) -> pd.Series:
    if survey not in data.columns:
        return pd.Series("", index=data.index)
    return data[survey].astype("str").where(data[survey].notna(), "")


def _straight(data: pd.DataFrame, scale: Scale, fewest: int) -> np.ndarray:
    answers = data[rated(scale)].to_numpy(dtype=float, na_value=np.nan)
    given = (~np.isnan(answers)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        spread = np.fmax.reduce(answers, axis=1) - np.fmin.reduce(answers, axis=1)
    return np.where(given >= fewest, spread == 0, np.nan)


def _speed(data: pd.DataFrame, kinds: pd.Series, fastest: float) -> np.ndarray:
    if not {"started_at", "responded_at"} <= set(data.columns):
        return np.full(len(data), np.nan)
    seconds = (data["responded_at"] - data["started_at"]).dt.total_seconds()
    usual = seconds.groupby(kinds).transform("median")
    return np.where(seconds.notna(), seconds < fastest * usual, np.nan)


def _contradicts(data: pd.DataFrame, outcome: str, low: float | None, high: float | None) -> np.ndarray:
    found = np.full(len(data), np.nan)
    if {outcome, "nps"} <= set(data.columns):
        answers, nps = (data[c].to_numpy(dtype=float, na_value=np.nan) for c in (outcome, "nps"))
        least, most = (np.nanmin(answers, initial=np.inf), np.nanmax(answers, initial=-np.inf))
        least, most = least if low is None else low, most if high is None else high
        edge = EXTREME * (most - least)
        against = ((answers <= least + edge) & (nps >= PROMOTER)) | ((answers >= most - edge) & (nps <= 1))
        found = np.where(np.isnan(answers) | np.isnan(nps), np.nan, against)
    if {"sent_at", "started_at"} <= set(data.columns):
        early = data["started_at"] < data["sent_at"]
        known = (data["started_at"].notna() & data["sent_at"].notna()).to_numpy()
        found = np.where(known, np.fmax(found, early.to_numpy(dtype=float)), found)
    return found


def _left_out(data: pd.DataFrame, scale: Scale, survey: str, skipped: float) -> np.ndarray:
    given = answered_questions(data, scale)
    put = asked_in(data, given.any(axis=1), survey)
    return np.where(put, (1 - given.mean(axis=1)) > skipped, np.nan)


def _twice(data: pd.DataFrame, scale: Scale | None, kinds: pd.Series) -> np.ndarray:
    order = data.reset_index(drop=True)
    if "responded_at" in order.columns:
        order = order.sort_values("responded_at", kind="stable")
    found = pd.Series(np.nan, index=order.index)
    if "invitation_id" in order.columns:
        known = order["invitation_id"].notna()
        found[known] = order.loc[known, "invitation_id"].duplicated().astype(float)
    if scale:
        columns = [column for question in questions_of(scale) for column in question]
        answers = order[columns].to_numpy(dtype=float, na_value=np.nan)
        with np.errstate(invalid="ignore"):
            varied = np.fmax.reduce(answers, axis=1) > np.fmin.reduce(answers, axis=1)
        telling = ((~np.isnan(answers)).sum(axis=1) >= SAME) & varied
        own = order.loc[telling, columns].assign(_kind=kinds.to_numpy()[order.index[telling]])
        found[telling] = np.fmax(found[telling], own.duplicated().astype(float))
    return found.sort_index().to_numpy()
