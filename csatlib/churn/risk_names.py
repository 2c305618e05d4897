"""What a reader calls features, blocks, measures, parts of the customers and ways to choose."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from csatlib import theme
from csatlib.words import mark, say

POLICIES = {
    "model": mark("the model"),
    "random": mark("by lot, as many"),
    "everyone": mark("everyone"),
    "nobody": mark("nobody"),
    "low_score": mark("last score of 3 or less"),
    "complaint": mark("complaint in the last 60 days"),
}
BLOCK = {
    "base": mark("without surveys"),
    "contract": mark("contract and tenure"),
    "spend": mark("spend"),
    "contacts": mark("contacts"),
    "complaints": mark("complaints"),
    "presence": mark("fact and age of the answer"),
    "scores": mark("scores given"),
}
FEATURES = {
    "tenure_years": mark("Years as a customer"),
    "tenure_months": mark("Months as a customer"),
    "spend_90": mark("Spend in 90 days"),
    "spend_change_90": mark("Spend in 90 days, less the 90 before"),
    "contacts_30": mark("Contacts in 30 days"),
    "contacts_90": mark("Contacts in 90 days"),
    "unresolved_90": mark("Unsettled contacts in 90 days"),
    "lowest_rating_90": mark("Lowest rating of a contact in 90 days"),
    "complaints_90": mark("Complaints in 90 days"),
    "complaints_open": mark("Complaints still open"),
    "complaint_days": mark("Days since the last complaint"),
    "complaint_change": mark("Rating after the last complaint, less before"),
    "answered": mark("Ever answered a survey"),
    "answer_days": mark("Days since the last answer"),
    "last_overall": mark("Last overall satisfaction"),
    "last_nps": mark("Last recommendation, 0 to 10"),
    "last_ces": mark("Last ease score"),
    "last_gap": mark("Last gap: received less expected"),
    "mean_overall": mark("Mean overall satisfaction so far"),
    "mean_nps": mark("Mean recommendation so far, 0 to 10"),
    "mean_gap": mark("Mean gap so far: received less expected"),
}
MEASURES = {
    "auc": mark("Pairs sorted right, of 100"),
    "average_precision": mark("Average precision, percent"),
    "brier": mark("Brier score, × 100"),
    "log_loss": mark("Log loss, × 100"),
    "observed_to_expected": mark("Departures per 100 foretold"),
}


def policy(name: str) -> str:
    """Return what a reader calls a way to choose whom to call; a rule of one's own keeps its name.

    Parameters
    ----------
    name : str
        As in ``policies`` of :func:`csatlib.churn.evaluate`.

    Returns
    -------
    str
        Within a sentence.

    Examples
    --------
    >>> policy("low_score"), policy("late payers")
    ('last score of 3 or less', 'late payers')
    """
    return say(POLICIES[name]) if name in POLICIES else name


def block(name: str) -> str:
    """Return what a reader calls a block of features.

    Parameters
    ----------
    name : str
        As in :func:`csatlib.churn.blocks`.

    Returns
    -------
    str
        Within a sentence.

    Examples
    --------
    >>> block("contract")
    'contract and tenure'
    """
    return say(BLOCK[name]) if name in BLOCK else name


def feature(name: str) -> str:
    """Return what a reader calls a feature.

    Parameters
    ----------
    name : str
        As in :func:`csatlib.churn.snapshot`.

    Returns
    -------
    str
        As the head of a row or an axis.

    Examples
    --------
    >>> feature("complaints_open")
    'Complaints still open'
    """
    return say(FEATURES[name]) if name in FEATURES else name


def measure(name: str) -> str:
    """Return what a reader calls a measure of a model.

    Parameters
    ----------
    name : str
        As in ``measures`` of :func:`csatlib.churn.evaluate`.

    Returns
    -------
    str
        As the head of a row.

    Examples
    --------
    >>> measure("auc")
    'Pairs sorted right, of 100'
    """
    return say(MEASURES[name])


def part(row: pd.Series | dict) -> str:
    """Name a part of the customers.

    Parameters
    ----------
    row : Series or dict
        A row of :func:`csatlib.churn.conditions`.

    Returns
    -------
    str
        As the head of a row.

    Examples
    --------
    >>> part({"feature": "complaints_90", "part": "high", "low": 0.0, "high": float("inf")})
    'Complaints in 90 days: more than 0'
    >>> part({"feature": "last_nps", "part": "missing", "low": float("nan"), "high": float("nan")})
    'Last recommendation, 0 to 10: not known'
    """
    name, low, high = feature(row["feature"]), row["low"], row["high"]
    if row["part"] == "missing":
        return say("{feature}: not known", feature=name)
    if np.isnan(low):
        return say("{feature}: {value}", feature=name, value=row["part"])
    ends = {"low": theme.number(low, _decimals(low)), "high": theme.number(high, _decimals(high))}
    if np.isinf(high):
        return say("{feature}: more than {low}", feature=name, low=ends["low"])
    if np.isinf(low):
        return say("{feature}: up to {high}", feature=name, high=ends["high"])
    return say("{feature}: above {low}, up to {high}", feature=name, **ends)


def heads(names: pd.Series, column: Callable[[str], str]) -> list[str]:
    """Return what a reader calls features and the customers' own columns.

    Parameters
    ----------
    names : Series of str
        Features.
    column : callable
        What a reader calls a column, ``ws.name``.

    Returns
    -------
    list of str
        Heads of rows.

    Examples
    --------
    >>> heads(pd.Series(["last_nps", "plan"]), str.upper)
    ['Last recommendation, 0 to 10', 'PLAN']
    """
    named = [feature(name) if name in FEATURES else column(name) for name in names]
    return [name[:1].upper() + name[1:] for name in named]


def checked(audit: pd.DataFrame, column: Callable[[str], str]) -> pd.DataFrame:
    """Return the features of an audit with a ``label`` and the pairs each sorts right alone, of 100.

    Parameters
    ----------
    audit : DataFrame
        From :func:`csatlib.churn.audit`.
    column : callable
        What a reader calls a column, ``ws.name``.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> rows = {"feature": ["customer_id", "last_nps"], "n": 900, "changed": 0, "estimate": [None, 0.5]}
    >>> checked(pd.DataFrame(rows), str)[["label", "estimate"]].values.tolist()
    [['Last recommendation, 0 to 10', 50.0]]
    """
    rows = audit[audit["feature"] != "customer_id"]
    limits = {"estimate": 100 * rows["estimate"], "ci_low": np.nan, "ci_high": np.nan}
    return rows.assign(label=heads(rows["feature"], column), **limits)[["label", "n", *limits]]


def arms(found: pd.DataFrame) -> pd.DataFrame:
    """Return the two parts of a call list with a ``label``.

    Parameters
    ----------
    found : DataFrame
        ``arms`` of :func:`csatlib.churn.retention_effect`, or ``counts`` of a call list.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> arms(pd.DataFrame({"group": ["call", "hold_out"]}))["label"].tolist()
    ['To be called', 'Left uncalled, by lot']
    """
    known = {"call": say("To be called"), "hold_out": say("Left uncalled, by lot")}
    return found.assign(label=found["group"].map(known))


def hundreds(measures: pd.DataFrame) -> pd.DataFrame:
    """Return a model's measures as a reader's numbers, times 100 and with a ``label``.

    Parameters
    ----------
    measures : DataFrame
        ``measures`` of :func:`csatlib.churn.evaluate`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> rows = {"measure": ["auc"], "n": [900], "estimate": [0.62], "ci_low": [0.56], "ci_high": [0.67]}
    >>> hundreds(pd.DataFrame(rows))[["label", "estimate"]].values.tolist()
    [['Pairs sorted right, of 100', 62.0]]
    """
    labels = [measure(name) for name in measures["measure"]]
    return _percent(measures).assign(label=labels).drop(columns="measure")


def called(lift: pd.DataFrame) -> pd.DataFrame:
    """Return the lift with a ``label``: which part is called and what share of all leavers that finds.

    Parameters
    ----------
    lift : DataFrame
        ``lift`` of :func:`csatlib.churn.evaluate`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> called(pd.DataFrame({"share": [0.1], "captured": [0.25], "n": [700], "estimate": [2.5]}))["label"].tolist()
    ['10 percent, with 25 percent of all leavers']
    """
    label = [
        say("{share} percent, with {found} percent of all leavers", share=f"{100 * a:.0f}", found=f"{100 * b:.0f}")
        for a, b in zip(lift["share"], lift["captured"], strict=True)
    ]
    return lift.assign(label=label).drop(columns=["share", "captured"])


def steps(value: pd.DataFrame) -> pd.DataFrame:
    """Return what survey blocks add to the pairs sorted right, of 100, with ``label`` and ``with_it``.

    Parameters
    ----------
    value : DataFrame
        From :func:`csatlib.churn.survey_value`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> row = {"measure": "auc", "block": "scores", "n": 900, "value": 0.62, "estimate": 0.07}
    >>> steps(pd.DataFrame([row | {"ci_low": 0.03, "ci_high": 0.12}]))[["label", "with_it"]].values.tolist()
    [['scores given', '62.0']]
    """
    rows = value[value["measure"] == "auc"]
    labels = [block(name) for name in rows["block"]]
    with_it = [theme.number(100 * found, 1) for found in rows["value"]]
    return _percent(rows).assign(label=labels, with_it=with_it).drop(columns=["measure", "block", "value"])


def parts(conditions: pd.DataFrame, column: Callable[[str], str]) -> pd.DataFrame:
    """Return the parts of the customers that left more often than all, in percent and with a ``label``.

    Parameters
    ----------
    conditions : DataFrame
        From :func:`csatlib.churn.conditions`.
    column : callable
        What a reader calls a column, ``ws.name``.

    Returns
    -------
    DataFrame
        All customers in the first row.

    Examples
    --------
    >>> row = {"feature": "plan", "part": "x", "low": float("nan"), "high": float("nan"), "n": 500, "n_eff": 90.0}
    >>> row |= {"n_events": 50.0, "estimate": 0.1, "ci_low": 0.08, "ci_high": 0.12, "value": 0.04, "more": True}
    >>> parts(pd.DataFrame([row]), str)[["label", "estimate"]].values.tolist()
    [['Plan: x', 10.0]]
    """
    rows = conditions[conditions["more"]].reset_index(drop=True)
    named = rows.assign(feature=heads(rows["feature"], column))
    labels = [part(row) for row in named.to_dict("records")]
    return _percent(rows).assign(label=labels)[["label", "n", "n_eff", "estimate", "ci_low", "ci_high"]]


def stake(risk: pd.DataFrame) -> pd.DataFrame:
    """Return who is at risk with a ``label`` for each measure and a reader's word for all customers.

    Parameters
    ----------
    risk : DataFrame
        From :func:`csatlib.churn.at_risk`.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> rows = pd.DataFrame({"group": ["all"], "measure": ["value"], "n": [90], "estimate": [5.0]})
    >>> stake(rows)[["group", "label"]].values.tolist()
    [['All customers', 'value']]
    """
    return risk.assign(group=risk["group"].replace({"all": say("All customers")}), label=risk["measure"])


def stake_heads(*, currency: str) -> dict[str, str]:
    """Return the heads of the columns of who is at risk.

    Parameters
    ----------
    currency : str
        Unit of money.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> stake_heads(currency="EUR")["value"]
    'Value at stake, EUR [range]'
    """
    return {
        "leavers": say("Expected to leave [range]"),
        "value": say("Value at stake, {currency} [range]", currency=currency),
    }


def _percent(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**{column: 100 * rows[column] for column in ("estimate", "ci_low", "ci_high")})


def _decimals(value: float) -> int:
    return 0 if float(value).is_integer() else 1
