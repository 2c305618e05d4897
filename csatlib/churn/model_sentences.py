"""Sentences on a churn model: is it clean, does it sort, does it hold, what does it rest on."""

import pandas as pd

from csatlib import theme
from csatlib.churn.models import ENOUGH, Churn
from csatlib.churn.risk_names import block, feature
from csatlib.words import listed, mark, say, together

LEVEL = 0.05


def clean(audit: pd.DataFrame) -> str:
    """Say whether a feature knows the future.

    Parameters
    ----------
    audit : DataFrame
        From :func:`csatlib.churn.audit`, or :func:`csatlib.churn.unchecked` where there are no dates.

    Returns
    -------
    str
        One sentence, or two where it cannot be checked.

    Examples
    --------
    >>> clean(pd.DataFrame({"feature": ["last_nps"], "n": [900], "verdict": ["clean"]}))
    'Rebuilt from what was on record on the day, 900 rows and all 1 features come out the same.'
    """
    wrong = audit[audit["verdict"].isin(["leak", "suspect"])]
    if len(wrong):
        names = [feature(name) for name in wrong["feature"]]
        return say(
            "Do not use this page before these are mended, they seem to know the future: {names}.",
            names=listed(names),
        )
    if (audit["verdict"] == "unchecked").all():
        return say(
            "This data has no dates: whether a feature was known before a customer left cannot be checked. What "
            "was written down only afterwards, or stops growing when a customer leaves, looks like foresight."
        )
    return say(
        "Rebuilt from what was on record on the day, {n} rows and all {k} features come out the same.",
        n=f"{audit['n'].iloc[0]:,}",
        k=int((audit["feature"] != "customer_id").sum()),
    )


def sorts(measures: pd.DataFrame, *, judged: str) -> str:
    """Say how well leavers are told from stayers on rows the model has not seen.

    Parameters
    ----------
    measures : DataFrame
        ``measures`` of :func:`csatlib.churn.evaluate`.
    judged : str
        From :func:`csatlib.churn.data_sentences.judged_on`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"measure": "auc", "n_events": 294, "estimate": 0.62, "ci_low": 0.56, "ci_high": 0.67}
    >>> sorts(pd.DataFrame([row]), judged="later months")[:76]
    'Of 100 pairs of a leaver and a stayer the model puts the leaver first in 62 '
    """
    row = measures.set_index("measure").loc["auc"]
    return say(
        "Of 100 pairs of a leaver and a stayer the model puts the leaver first in {auc} (95 % interval {low} to "
        "{high}; 50 is chance; {n} departures, {judged}).",
        auc=theme.number(100 * row["estimate"], 0),
        low=theme.number(100 * row["ci_low"], 0),
        high=theme.number(100 * row["ci_high"], 0),
        n=f"{row['n_events']:,}",
        judged=judged,
    )


def held(measures: pd.DataFrame) -> str:
    """Say how many departures happened for a hundred foretold.

    Parameters
    ----------
    measures : DataFrame
        ``measures`` of :func:`csatlib.churn.evaluate`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"measure": "observed_to_expected", "estimate": 0.98, "ci_low": 0.82, "ci_high": 1.14}
    >>> held(pd.DataFrame([row]))
    'For every 100 departures foretold, 98 happened (95 % interval 82 to 114).'
    """
    row = measures.set_index("measure").loc["observed_to_expected"]
    figures = {
        c: theme.number(100 * row[v], 0)
        for c, v in zip(("x", "low", "high"), ("estimate", "ci_low", "ci_high"), strict=True)
    }
    return say("For every 100 departures foretold, {x} happened (95 % interval {low} to {high}).", **figures)


def holds(calibration: pd.DataFrame) -> str:
    """Say in how many parts of the customers the risk foretold lies within the limits of what happened.

    Parameters
    ----------
    calibration : DataFrame
        ``calibration`` of :func:`csatlib.churn.evaluate`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> rows = {"value": [0.02, 0.1], "ci_low": [0.01, 0.12], "ci_high": [0.04, 0.2]}
    >>> holds(pd.DataFrame(rows))
    'In 1 of 2 parts of the customers, from low to high risk, what was foretold is in line with what happened.'
    """
    inside = (calibration["ci_low"] <= calibration["value"]) & (calibration["value"] <= calibration["ci_high"])
    return say(
        "In {k} of {n} parts of the customers, from low to high risk, what was foretold is in line with what "
        "happened.",
        k=int(inside.sum()),
        n=len(inside),
    )


def limited(model: Churn) -> str:
    """Say what few leavers do not allow to be claimed.

    Parameters
    ----------
    model : Churn
        From :func:`csatlib.churn.fit`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> limited(Churn("logistic", [], None, pd.DataFrame(), 344, False))[:57]
    'Only 344 customers left in the months the model learnt fr'
    """
    if model.enough:
        return say("The model learnt from {n} customers who left.", n=f"{model.n_leavers:,}")
    return say(
        "Only {n} customers left in the months the model learnt from, fewer than {enough}: which single feature "
        "says most, where risk bends, and whether another kind of model is better cannot be claimed.",
        n=f"{model.n_leavers:,}",
        enough=ENOUGH,
    )


def surveys(value: pd.DataFrame) -> str:
    """Say what surveys add to telling leavers from stayers, step by step.

    Parameters
    ----------
    value : DataFrame
        From :func:`csatlib.churn.survey_value`, by the blocks of :func:`csatlib.churn.nested`.

    Returns
    -------
    str
        One sentence per step; that the company has no surveys, where there is none.

    Examples
    --------
    >>> row = {"measure": "auc", "block": "scores", "estimate": 0.07, "ci_low": 0.03, "ci_high": 0.12}
    >>> surveys(pd.DataFrame([row | {"p_adjusted": 0.01, "minimum_detectable": 0.06}]))
    'With scores given, 7.0 more pairs of 100 are sorted right (95 % interval 3.0 to 12.0).'
    """
    texts = {
        "more": mark("With {block}, {x} more pairs of 100 are sorted right (95 % interval {low} to {high})."),
        "fewer": mark("With {block}, {x} fewer pairs of 100 are sorted right (95 % interval {low} to {high})."),
        "unknown": mark(
            "What adding {block} gives cannot be told: {x} more pairs of 100 would have been detected 8 times in "
            "10."
        ),
    }
    rows = value[(value["measure"] == "auc") & value["estimate"].notna()]
    if rows.empty:
        return say("There are no survey answers among the features.")
    said = []
    for row in rows.to_dict("records"):
        kind = "unknown" if not row["p_adjusted"] < LEVEL else "more" if row["estimate"] > 0 else "fewer"
        size = row["minimum_detectable"] if kind == "unknown" else abs(row["estimate"])
        ends = sorted((abs(row["ci_low"]), abs(row["ci_high"])))
        figures = {"x": size, "low": ends[0], "high": ends[1]}
        figures = {"x": size} if kind == "unknown" else figures
        said.append(
            say(
                texts[kind], block=block(row["block"]), **{k: theme.number(100 * v, 1) for k, v in figures.items()}
            )
        )
    return together(*said)


def leading(importance: pd.DataFrame) -> str:
    """Name what the model's order rests on, or say that this cannot be told.

    Parameters
    ----------
    importance : DataFrame
        From :func:`csatlib.churn.importance`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> leading(pd.DataFrame({"feature": ["scores", "spend"], "top": [True, False]}))
    "The model's order rests most on: scores given. The others cannot be ranked."
    """
    names = [block(name) for name in importance.loc[importance["top"], "feature"]]
    if not names:
        return say("What the model's order rests on most cannot be told.")
    return say("The model's order rests most on: {names}. The others cannot be ranked.", names=listed(names))


def bent(dependence: pd.DataFrame) -> str:
    """Say how the risk foretold runs from a feature's low values to its high ones.

    Parameters
    ----------
    dependence : DataFrame
        From :func:`csatlib.churn.dependence`, of one feature with numbers.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> rows = {"feature": "last_nps", "at": [2.0, 9.0], "estimate": [0.08, 0.03]}
    >>> bent(pd.DataFrame(rows))[:70]
    'Last recommendation, 0 to 10: at 2.0 the model foretells 8.0 percent w'
    """
    first, last = dependence.iloc[0], dependence.iloc[-1]
    return say(
        "{feature}: at {low} the model foretells {p} percent who leave, at {high} it foretells {q} percent.",
        feature=feature(first["feature"]),
        low=theme.number(first["at"], 1),
        high=theme.number(last["at"], 1),
        p=theme.number(100 * first["estimate"], 1),
        q=theme.number(100 * last["estimate"], 1),
    )
