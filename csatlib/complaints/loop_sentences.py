"""Sentences on how far complaints get, and who is satisfied in the end."""

import pandas as pd

from csatlib import disclosure, theme
from csatlib.complaints.sentences import TOO_FEW, span
from csatlib.words import listed, mark, say, together

STAGES = {
    "received": mark("Complaints received"),
    "answered": mark("Answered"),
    "solved": mark("Solved"),
    "informed": mark("Customer informed"),
    "followed_up": mark("Followed up"),
    "satisfied": mark("Known to be satisfied"),
    "reopened": mark("Opened again"),
}
NO_CASES = mark("This needs contacts that name their case, the unit, and whether they settled it.")


def loop(result: pd.DataFrame) -> str:
    """Say how far complaints get, and where most are lost.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.closed_loop`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> rows = {"level": "all", "stage": ["received", "solved"], "base": "received", "n": 40}
    >>> loop(pd.DataFrame(rows | {"estimate": [100.0, 75.0]}))
    'Of 100 complaints: Solved 75.'
    """
    shown = disclosure.protect(result[(result["level"] == "all") & (result["base"] == "received")])
    shown = shown[~shown["hidden"] & (shown["stage"] != "received")]
    if shown.empty:
        return say(TOO_FEW)
    text = mark("{stage} {share}")
    parts = [say(text, stage=say(STAGES[r.stage]), share=theme.number(r.estimate, 0)) for r in shown.itertuples()]
    return say("Of 100 complaints: {parts}.", parts=listed(parts))


def afterwards(result: pd.DataFrame) -> str:
    """Say how many of those asked afterwards are satisfied, and how many cases were opened again.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.closed_loop`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"level": "all", "stage": "reopened", "base": "solved", "n": 40, "estimate": 7.5}
    >>> afterwards(pd.DataFrame([row | {"ci_low": 2.6, "ci_high": 19.9}]))
    'Opened again after the solution: 8 % (95 % interval 3 to 20, n = 40).'
    """
    said = {
        ("satisfied", "rated"): mark(
            "Satisfied, of those who gave a rating: {share} % (95 % interval {low} to {high}, n = {n})."
        ),
        ("reopened", "solved"): mark(
            "Opened again after the solution: {share} % (95 % interval {low} to {high}, n = {n})."
        ),
    }
    rows = disclosure.protect(result[result["level"] == "all"]).to_dict("records")
    told = [row for row in rows if (row["stage"], row["base"]) in said and pd.notna(row["estimate"])]
    return together(*(say(said[row["stage"], row["base"]], **span(row)) for row in told))


def won_back(result: pd.DataFrame) -> str:
    """Say how many dissatisfied customers are satisfied later, and what the missing ratings leave open.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.conversion`.

    Returns
    -------
    str
        One or two sentences; "" where nobody rated before.

    Examples
    --------
    >>> row = {"level": "all", "n": 40, "n_missing": 30, "estimate": 50.0, "ci_low": 35.0, "ci_high": 65.0}
    >>> won_back(pd.DataFrame([row | {"lowest": 28.6, "highest": 71.4}]))  # doctest: +ELLIPSIS
    'Of the dissatisfied who were asked again, 50 % are satisfied (95 % interval 35 to 65, n = 40). 30 others ...
    """
    whole = result[result["level"] == "all"]
    if not whole[["n", "n_missing"]].to_numpy().sum():
        return ""
    row = disclosure.protect(whole).iloc[0]
    if row["hidden"] or pd.isna(row["estimate"]):
        return say("Too few dissatisfied customers gave a rating again.")
    return together(
        say(
            "Of the dissatisfied who were asked again, {share} % are satisfied (95 % interval {low} to {high}, "
            "n = {n}).",
            **span(row),
        ),
        say(
            "{missing} others gave no later rating: among all it lies between {lowest} % and {highest} %.",
            missing=f"{row['n_missing']:,.0f}",
            lowest=theme.number(row["lowest"], 0),
            highest=theme.number(row["highest"], 0),
        )
        if row["n_missing"]
        else "",
    )


def handled(shares: pd.DataFrame) -> str:
    """Say how many cases are settled at first contact, and how many others are handed on.

    Parameters
    ----------
    shares : DataFrame
        ``shares`` of :func:`csatlib.complaints.handling`.

    Returns
    -------
    str
        Up to two sentences.

    Examples
    --------
    >>> row = {"level": "all", "measure": "first_contact", "n": 400, "estimate": 60.0, "ci_low": 55.0}
    >>> handled(pd.DataFrame([row | {"ci_high": 65.0}]))
    'Settled at the first contact: 60 % of cases (95 % interval 55 to 65, n = 400).'
    """
    said = {
        "first_contact": mark(
            "Settled at the first contact: {share} % of cases (95 % interval {low} to {high}, n = {n})."
        ),
        "handed_on": mark(
            "Handed on to another unit, of the others: {share} % (95 % interval {low} to {high}, n = {n})."
        ),
    }
    rows = disclosure.protect(shares[shares["level"] == "all"]).to_dict("records")
    return together(*(say(said[row["measure"]], **span(row)) for row in rows if pd.notna(row["estimate"])))
