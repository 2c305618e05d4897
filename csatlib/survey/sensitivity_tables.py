"""How far a headline moves if those who did not answer differ from those who did, and what weighting does."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from csatlib.stats.intervals import check_confidence, from_replicates
from csatlib.stats.replicates import multiplicities
from csatlib.stats.rows import require_columns
from csatlib.stats.segments import SegmentSums
from csatlib.stats.weights import rake, response_weights
from csatlib.survey.shares import PERCENT, bases, effective, limits_table, sums_of

DIFFERENCES = (-1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5)
BOUNDS = (0.2, 5.0)
UNKNOWN = "(missing)"


def sensitivity(
    data: pd.DataFrame,
    *,
    invited: pd.DataFrame,
    outcome: str = "overall",
    differences: Sequence[float] = DIFFERENCES,
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Move a mean by what the silent may think: by how much, if non-respondents differ by d points.

    Parameters
    ----------
    data : DataFrame
        One row per answer.
    invited : DataFrame
        One row per invitation of the same time, from :func:`csatlib.survey.invited`.
    outcome : str
        Column whose mean is the headline.
    differences : sequence of float
        What non-respondents might score less what respondents score (d), in the unit of the outcome; negative:
        the silent are less satisfied.
    weight : str, optional
        Sampling weights of the answers.
    cluster : str, optional
        Column in both tables that holds one customer together.
    confidence : float
        Coverage aimed at.
    seed : int
        Seed of the 1,000 joint replicates.

    Returns
    -------
    DataFrame
        One row per d: ``difference`` (d), ``n`` (answers), ``n_invited``, ``n_eff``, ``n_groups``, ``few_groups``,
        ``response_rate`` (percent of the invitations), ``shift`` = (1 - r) d, ``estimate`` (headline + shift),
        ``ci_low``, ``ci_high``. Empty where nobody was invited.

    Raises
    ------
    KeyError, ValueError
        Columns that are not there; no difference given.

    Notes
    -----
    The mean over all invited is r m + (1 - r)(m + d) = m + (1 - r) d, with m the respondents' mean and r the
    response rate; both are drawn together, so the interval holds the uncertainty of both. d cannot be known from
    the answers: the line shows what follows from each guess. Weighting does not replace it, see
    :func:`weightings`.

    References
    ----------
    Cochran, W. G. (1977), Sampling Techniques, 3rd ed., 13.2; Little, R. J. A. and Rubin, D. B. (2019),
    Statistical Analysis with Missing Data, 3rd ed., ch. 15 (pattern-mixture models).

    Examples
    --------
    >>> invited = pd.DataFrame({"answered": [1.0, 0, 0, 0, 1] * 20})
    >>> found = sensitivity(pd.DataFrame({"overall": [6.0, 5.0] * 20}), invited=invited, differences=[-1, 0])
    >>> found[["difference", "shift", "estimate"]].round(2).values.tolist()
    [[-1.0, -0.6, 4.9], [0.0, 0.0, 5.5]]
    """
    check_confidence(confidence)
    require_columns(data.columns, [outcome, *(name for name in (weight, cluster) if name)])
    if not len(differences):
        raise ValueError("differences is empty; give some, for example [-1, -0.5, 0, 0.5]")
    d = np.asarray(differences, dtype=float)
    if invited.empty or data.empty:
        return pd.DataFrame(columns=["difference", "n", "estimate", "ci_low", "ci_high"])
    own, asked = (
        sums_of(data, [outcome], weight=weight, cluster=cluster),
        sums_of(invited, ["answered"], cluster=cluster),
    )
    both = _present(own) | _present(asked)
    drawn = multiplicities(both, seed=seed)
    # without customers the positions of two tables have nothing in common, so they are drawn apart
    asked_drawn = drawn if cluster else multiplicities(both, seed=seed + 1)
    mean, rate = own.means[0, 0], asked.means[0, 0]
    replicates = own.replicates(drawn)[:, 0] + (1 - asked.replicates(asked_drawn)[:, 0]) * d
    n_groups = int(own.n_groups[0, 0])
    limits = from_replicates(mean + (1 - rate) * d, replicates, n_groups=n_groups, confidence=confidence)
    behind = _behind(own, drawn, simple=not (weight or cluster))
    return pd.DataFrame(
        {"difference": d}
        | {name: np.repeat(values, len(d)) for name, values in behind.items()}
        | {"n_invited": int(asked.counts[0, 0]), "response_rate": PERCENT * rate}
        | {"shift": (1 - rate) * d, "estimate": mean + (1 - rate) * d}
        | {side: limits_table(limits)[side] for side in ("ci_low", "ci_high")}
    )


def weightings(
    data: pd.DataFrame,
    *,
    invited: pd.DataFrame,
    predictors: Sequence[str],
    outcome: str = "overall",
    weight: str | None = None,
    cluster: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Put a headline without weights beside the same weighted for who was invited.

    Parameters
    ----------
    data, invited, outcome, weight, cluster, confidence, seed
        As in :func:`sensitivity`; `data` needs ``invitation_id`` and `invited` the predictors.
    predictors : sequence of str
        What is known of everybody invited, as categories; a missing one is a category of its own.

    Returns
    -------
    DataFrame
        Two rows per ``weighting``, ``part`` "mean" and "difference" (less the unweighted mean of the same
        answers): ``n``, ``n_eff``, ``n_groups``, ``few_groups``, ``estimate``, ``ci_low``, ``ci_high``,
        ``p_value``.
        Weightings: ``none`` (mean only), ``given`` (the column `weight`, all answers), and, of the answers to an
        invitation, ``raked`` to the margins of all invited, and ``propensity`` (inverse of the estimated chance to
        answer; see :func:`csatlib.stats.weights.response_weights`). What cannot be made is left out: too few
        answers, no predictor, or a category in which nobody or everybody answered.

    Raises
    ------
    KeyError
        Columns that are not there.

    Notes
    -----
    The weights are taken as fixed. They even out who answered by the predictors; non-response that depends on
    satisfaction itself stays, whatever the weights.

    Examples
    --------
    >>> ids = [f"I{i}" for i in range(240)]
    >>> invited = pd.DataFrame({"invitation_id": ids, "plan": ["A"] * 120 + ["B"] * 120})
    >>> invited["answered"] = [1.0, 0, 0] * 40 + [1.0, 1, 0] * 40
    >>> back = invited[invited["answered"] == 1]
    >>> back = back.assign(overall=back["plan"].map({"A": 4.0, "B": 6.0}))
    >>> found = weightings(back, invited=invited, predictors=["plan"])
    >>> found.query("part == 'mean'")[["weighting", "n", "estimate"]].round(2).values.tolist()
    [['none', 120, 5.33], ['raked', 120, 5.0], ['propensity', 120, 5.0]]
    """
    check_confidence(confidence)
    require_columns(data.columns, [outcome, *(name for name in (weight, cluster) if name)])
    made: dict[str, pd.DataFrame] = {"none": data.assign(_w=1.0)}
    if weight:
        made["given"] = data.assign(_w=data[weight])
    if not invited.empty and "invitation_id" in data.columns and len(predictors):
        require_columns(invited.columns, ["invitation_id", "answered", *predictors])
        made |= _from_invited(data, invited, list(predictors))
    rows = []
    for name, frame in made.items():
        rows += _pair(name, frame, outcome, cluster, confidence, seed)
    order = [
        "weighting",
        "part",
        "n",
        "n_eff",
        "n_groups",
        "few_groups",
        "estimate",
        "ci_low",
        "ci_high",
        "p_value",
    ]
    return pd.DataFrame(rows)[order]


def _from_invited(data: pd.DataFrame, invited: pd.DataFrame, predictors: list[str]) -> dict[str, pd.DataFrame]:
    known = invited.assign(**{p: invited[p].astype("str").where(invited[p].notna(), UNKNOWN) for p in predictors})
    found, back = {}, known[known["answered"] == 1]
    margins = {p: known[p].value_counts(normalize=True).to_dict() for p in predictors}
    try:
        found["raked"] = back.assign(_w=rake(back, margins=margins, bounds=BOUNDS).weights["weight"])
        weights = response_weights(known, responded="answered", predictors=predictors).weights["weight"]
        found["propensity"] = back.assign(_w=weights[back.index])
    except ValueError:
        pass
    linked = data[data["invitation_id"].isin(back["invitation_id"])]
    made = {}
    for name, frame in found.items():
        weights = frame.drop_duplicates("invitation_id").set_index("invitation_id")["_w"]
        made[name] = linked.assign(_w=weights.reindex(linked["invitation_id"]).to_numpy())
    return made


def _pair(
    name: str, frame: pd.DataFrame, outcome: str, cluster: str | None, confidence: float, seed: int
) -> list[dict]:
    weighted = sums_of(frame, [outcome], weight="_w", cluster=cluster)
    plain = sums_of(frame, [outcome], cluster=cluster)
    drawn = plain.draw(seed=seed)
    mean, replicates = weighted.means[0, 0], weighted.replicates(drawn)[:, 0, 0]
    behind = _behind(weighted, drawn, simple=name == "none" and cluster is None)
    behind = {column: values[0] for column, values in behind.items()}
    rows = []
    off = mean - plain.means[0, 0], replicates - plain.replicates(drawn)[:, 0, 0]
    for part, (estimate, drawn_estimates) in {"mean": (mean, replicates), "difference": off}.items():
        limits = from_replicates(estimate, drawn_estimates, n_groups=behind["n_groups"], confidence=confidence)
        made = {column: float(values) for column, values in limits_table(limits).items()}
        made["p_value"] = made["p_value"] if part == "difference" else np.nan
        rows.append({"weighting": name, "part": part, "estimate": estimate} | behind | made)
    return rows[:1] if name == "none" else rows


def _present(sums: SegmentSums) -> np.ndarray:
    return (sums.weight > 0).any(axis=(0, 2))


def _behind(sums: SegmentSums, drawn: np.ndarray, *, simple: bool) -> dict[str, np.ndarray]:
    limits = from_replicates(sums.means, sums.replicates(drawn), n_groups=sums.n_groups)
    n_eff = effective(sums.counts, sums.sd**2, limits.se, sums.kish, simple)
    return bases(sums.counts[0], n_eff[0], sums.n_groups[0])
