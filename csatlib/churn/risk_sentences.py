"""Sentences on who is at risk, what a call list would have earned and what to do."""

import numpy as np
import pandas as pd

from csatlib import disclosure, theme
from csatlib.churn.calls_sentences import drawn, worth
from csatlib.churn.risk_names import part, policy
from csatlib.churn.similar import alike
from csatlib.churn.target_list import CallList
from csatlib.words import listed, mark, say, together

LEVEL = 0.05


def earns(policies: pd.DataFrame, *, currency: str) -> str:
    """Say what a list of the cost rule would have earned, beside what was foretold.

    Parameters
    ----------
    policies : DataFrame
        ``policies`` of :func:`csatlib.churn.evaluate`.
    currency : str
        Unit of money.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"policy": "model", "estimate": 1025.0, "ci_low": 187.0, "ci_high": 1863.0, "value": 1015.0}
    >>> earns(pd.DataFrame([row]), currency="EUR")[:80]
    'On later months one call list would have earned EUR 1,020 (95 % interval 187 to '
    """
    row = policies.set_index("policy").loc["model"]
    text = mark(
        "On later months one call list would have earned {currency} {x} (95 % interval {low} to {high}; foretold: "
        "{foretold}), if the assumed share of leavers stays when called."
    )
    figures = {"x": "estimate", "low": "ci_low", "high": "ci_high", "foretold": "value"}
    return say(text, currency=currency, **{key: _money(row[c]) for key, c in figures.items()})


def compared(policies: pd.DataFrame, *, currency: str) -> str:
    """Say which ways to choose earn less than the model beyond random variation, and which cannot be told from it.

    Parameters
    ----------
    policies : DataFrame
        ``policies`` of :func:`csatlib.churn.evaluate`.
    currency : str
        Unit of money.

    Returns
    -------
    str
        One sentence or two.

    Examples
    --------
    >>> rows = {"policy": ["model", "random"], "difference": [0.0, 900.0], "p_adjusted": [None, 0.01]}
    >>> compared(pd.DataFrame(rows), currency="EUR")
    "The model's list earns more, beyond random variation, than: by lot, as many (by EUR 900)."
    """
    rows = policies[policies["policy"] != "model"]
    told = rows["p_adjusted"] < LEVEL
    more = rows[told & (rows["difference"] > 0)]
    less, alike = rows[told & (rows["difference"] < 0)], rows[~told]
    texts = {
        "more": mark("The model's list earns more, beyond random variation, than: {names}."),
        "less": mark("The model's list earns less, beyond random variation, than: {names}."),
        "alike": mark("Whether it earns more cannot be told, all compared at once, from: {names}."),
    }
    item = mark("{policy} (by {currency} {size})")
    said = []
    for kind, these in zip(texts, (more, less, alike), strict=True):
        text = texts[kind]
        names = [
            policy(row["policy"])
            if kind == "alike"
            else say(item, policy=policy(row["policy"]), currency=currency, size=_money(abs(row["difference"])))
            for row in these.to_dict("records")
        ]
        said += [say(text, names=listed(names))] if names else []
    return together(*said)


def plateau(profit: pd.DataFrame) -> str:
    """Say between which lengths call lists cannot be told apart in what they earn.

    Parameters
    ----------
    profit : DataFrame
        ``profit`` of :func:`csatlib.churn.evaluate`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> rows = {"share": [0.15, 0.02, 0.25, 1.0], "plateau": [True, True, True, False]}
    >>> plateau(pd.DataFrame(rows | {"rule": [True, False, False, False]}))
    'Lists of 2 to 25 percent of the customers cannot be told from the best; the cost rule calls 15 percent.'
    """
    flat = profit.loc[profit["plateau"], "share"]
    return say(
        "Lists of {low} to {high} percent of the customers cannot be told from the best; the cost rule calls "
        "{rule} percent.",
        low=theme.number(100 * flat.min(), 0),
        high=theme.number(100 * flat.max(), 0),
        rule=theme.number(100 * profit.loc[profit["rule"], "share"].iloc[0], 0),
    )


def similar(row: pd.Series | dict) -> str:
    """Say of one customer what similar customers did: never why.

    Parameters
    ----------
    row : Series or dict
        A row of :func:`csatlib.churn.alike`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"feature": "complaints_90", "part": "high", "low": 0.0, "high": float("inf"), "n": 1018}
    >>> similar(row | {"estimate": 0.108, "value": 0.045})
    'Similar customers left more often: Complaints in 90 days: more than 0 (11 of 100 left, of all customers 4).'
    """
    return say(
        "Similar customers left more often: {part} ({x} of 100 left, of all customers {all}).",
        part=part(row),
        x=theme.number(100 * row["estimate"], 0),
        all=theme.number(100 * row["value"], 0),
    )


def calling(found: CallList, *, saveability: float, cost: float, currency: str, months: int) -> str:
    """Say how many are called and how many are not by lot, and what the calls would earn.

    Parameters
    ----------
    found : CallList
        From :func:`csatlib.churn.target_list`.
    saveability, cost : float
        What it was given.
    currency : str
        Unit of money.
    months : int
        The horizon.

    Returns
    -------
    str
        Some sentences.

    Examples
    --------
    >>> nobody = CallList(pd.DataFrame({"group": [], "n": []}), pd.DataFrame(), None, None, None, False)
    >>> calling(nobody, saveability=0.2, cost=5, currency="EUR", months=3)
    'Nobody is worth a call at this cost and this share of saved customers.'
    """
    if not found.counts["n"].sum():
        return drawn(found, months=months)
    return together(
        drawn(found, months=months), worth(found, saveability=saveability, cost=cost, currency=currency)
    )


def words(rows: pd.DataFrame, conditions: pd.DataFrame) -> list[str]:
    """Say for each customer, to who calls, in which part that left more often he is.

    Parameters
    ----------
    rows : DataFrame
        Customers of one snapshot, each once.
    conditions : DataFrame
        From :func:`csatlib.churn.conditions`.

    Returns
    -------
    list of str
        One sentence per row, on the part with the largest lower limit.

    Examples
    --------
    >>> part = {"feature": "complaints_90", "part": "high", "low": 0.0, "high": float("inf"), "n": 1018}
    >>> part |= {"estimate": 0.108, "ci_low": 0.08, "ci_high": 0.13, "value": 0.045, "more": True}
    >>> rows = pd.DataFrame({"customer_id": ["a", "b"], "snapshot": 1, "complaints_90": [2.0, 0.0]})
    >>> [text[:35] for text in words(rows, pd.DataFrame([part]))]
    ['Similar customers left more often: ', 'Customers like this one did not lea']
    """
    found = alike(rows, conditions=conditions, most=1)
    said = {key: similar(part.iloc[0]) for key, part in found.groupby(["feature", "part"])}
    keys = zip(found["feature"], found["part"], strict=True)
    by_customer = dict(zip(found["customer_id"], [said[key] for key in keys], strict=True))
    none = say("Customers like this one did not leave more often than others beyond random variation.")
    return [by_customer.get(customer, none) for customer in rows["customer_id"]]


def leaving(risk: pd.DataFrame, *, months: int) -> str:
    """Say how many customers are expected to leave.

    Parameters
    ----------
    risk : DataFrame
        From :func:`csatlib.churn.at_risk`.
    months : int
        The horizon.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"group": "all", "measure": "leavers", "n": 2385, "estimate": 99.0, "ci_low": 74.0, "ci_high": 124.0}
    >>> leaving(pd.DataFrame([row]), months=3)
    'Of 2,385 customers 99 are expected to leave in the next 3 months (range 74 to 124).'
    """
    row = disclosure.protect(risk[risk["group"] == "all"]).set_index("measure").loc["leavers"]
    figures = {"x": "estimate", "low": "ci_low", "high": "ci_high"}
    return say(
        "Of {n} customers {x} are expected to leave in the next {months} months (range {low} to {high}).",
        n=f"{row['n']:,.0f}",
        months=months,
        **{key: theme.number(row[column], 0) for key, column in figures.items()},
    )


def at_stake(risk: pd.DataFrame, *, currency: str) -> str:
    """Say what the customers expected to leave are worth.

    Parameters
    ----------
    risk : DataFrame
        From :func:`csatlib.churn.at_risk`.
    currency : str
        Unit of money.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"group": "all", "measure": "value", "n": 2385, "estimate": 38159.0, "ci_low": 3e4, "ci_high": 5e4}
    >>> at_stake(pd.DataFrame([row]), currency="EUR")
    'With them EUR 38,200 of value is at stake (range 30,000 to 50,000).'
    """
    row = disclosure.protect(risk[risk["group"] == "all"]).set_index("measure").loc["value"]
    figures = {"x": "estimate", "low": "ci_low", "high": "ci_high"}
    return say(
        "With them {currency} {x} of value is at stake (range {low} to {high}).",
        currency=currency,
        **{key: _money(row[column]) for key, column in figures.items()},
    )


def action(called: int, policies: pd.DataFrame) -> str:
    """Say what to do: call by the list with a group left out by lot, or wait.

    Parameters
    ----------
    called : int
        Customers whom the cost rule calls now.
    policies : DataFrame
        ``policies`` of :func:`csatlib.churn.evaluate`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"policy": "nobody", "difference": 1025.0, "p_adjusted": 0.01}
    >>> action(310, pd.DataFrame([row]))[:66]
    'Call the 310 customers whose risk times value is worth a call, and'
    """
    nobody = policies.set_index("policy").loc["nobody"]
    if nobody["p_adjusted"] < LEVEL and nobody["difference"] > 0:
        text = mark(
            "Call the {n} customers whose risk times value is worth a call, and leave some of them uncalled by "
            "lot, so that the assumed share who stay becomes a measured one."
        )
    else:
        text = mark(
            "The list names {n} customers, but whether calling them earns anything cannot be told: try it on a "
            "part chosen by lot before it becomes a routine."
        )
    return say(text, n=f"{called:,}")


def told(rows: pd.DataFrame, conditions: pd.DataFrame) -> str:
    """Say of how many of today's customers similar ones left more often.

    Parameters
    ----------
    rows : DataFrame
        Customers of today's snapshot.
    conditions : DataFrame
        From :func:`csatlib.churn.conditions`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> none = pd.DataFrame({"feature": ["plan"], "more": [False], "ci_low": [0.1]})
    >>> told(pd.DataFrame({"customer_id": ["a"], "snapshot": 1, "plan": "x"}), none)
    'In no part of the customers did more leave than of all, beyond random variation.'
    """
    if not conditions["more"].any():
        return say("In no part of the customers did more leave than of all, beyond random variation.")
    found = alike(rows, conditions=conditions)["customer_id"].nunique()
    return say(
        "{k} of today's {n} customers are in one of these parts or more. Similar customers left more often; why "
        "is not known.",
        k=f"{found:,}",
        n=f"{len(rows):,}",
    )


def _money(value: float) -> str:
    """Write money with three digits that count: more would claim too much."""
    digits = 0 if value == 0 or np.isnan(value) else 2 - int(np.floor(np.log10(abs(value))))
    return theme.number(round(value, digits), 0)
