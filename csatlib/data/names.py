"""What a reader calls tables and columns."""

import pandas as pd

from csatlib.words import listed, mark, say

TABLES = {
    "customers": mark("customers"),
    "invitations": mark("survey invitations"),
    "responses": mark("survey answers"),
    "transactions": mark("purchases"),
    "contacts": mark("contacts"),
    "touchpoints": mark("touchpoint ratings"),
    "complaints": mark("complaints"),
    "promises": mark("service promises"),
    "operations": mark("operating figures"),
    "employees": mark("employee surveys"),
    "targets": mark("targets"),
    "actions": mark("actions"),
}
COLUMNS = {
    "customer_id": mark("customer number"),
    "invitation_id": mark("invitation number"),
    "response_id": mark("answer number"),
    "contact_id": mark("contact number"),
    "case_id": mark("case number"),
    "complaint_id": mark("complaint number"),
    "promise_id": mark("promise number"),
    "action_id": mark("action number"),
    "joined_on": mark("day of joining"),
    "left_on": mark("day of leaving"),
    "left": mark("has left"),
    "seen_on": mark("day seen"),
    "sent_at": mark("date of sending"),
    "responded_at": mark("date of the answer"),
    "started_at": mark("start of answering"),
    "occurred_at": mark("date"),
    "opened_at": mark("date of the complaint"),
    "first_response_at": mark("date of the first reply"),
    "resolved_at": mark("date of the solution"),
    "informed_at": mark("date of informing the customer"),
    "followed_up_at": mark("date of following up"),
    "due_at": mark("date promised"),
    "done_at": mark("date kept"),
    "opened_on": mark("opening day"),
    "due_on": mark("due day"),
    "done_on": mark("day of completion"),
    "wave": mark("wave"),
    "survey": mark("kind of survey"),
    "weight": mark("weight"),
    "overall": mark("overall satisfaction"),
    "nps": mark("willingness to recommend"),
    "ces": mark("customer effort"),
    "comment": mark("comment"),
    "amount": mark("amount"),
    "channel": mark("channel"),
    "category": mark("category"),
    "wait_seconds": mark("waiting time"),
    "handled_by": mark("who handled it"),
    "rating": mark("rating"),
    "rating_before": mark("rating before the solution"),
    "rating_after": mark("rating after the solution"),
    "period": mark("period"),
    "value": mark("value"),
    "satisfaction": mark("satisfaction"),
    "target": mark("target"),
}


def table(name: str) -> str:
    """Return what a reader calls a table.

    Parameters
    ----------
    name : str
        Canonical table.

    Returns
    -------
    str
        In the language of the report.

    Examples
    --------
    >>> table("responses")
    'survey answers'
    """
    return say(TABLES[name]) if name in TABLES else name


def column(name: str, *, label: str = "", role: str = "") -> str:
    """Return what a reader calls a column.

    Parameters
    ----------
    name : str
        Column, or several with a comma between.
    label, role : str
        Of a question: its reader's name, and what was asked about it (expectation, importance, ...).

    Returns
    -------
    str
        A question in quotes; a column without a known name with spaces for underscores.

    Examples
    --------
    >>> column("customer_id"), column("e07", label="Prompt service", role="expectation")
    ('customer number', '“Prompt service” (expected)')
    >>> column("unit, period")
    'unit and period'
    """
    asides = {
        "expectation": mark("“{label}” (expected)"),
        "importance": mark("“{label}” (importance)"),
        "desired": mark("“{label}” (desired)"),
        "adequate": mark("“{label}” (adequate)"),
    }
    if label:
        return say(asides.get(role, mark("“{label}”")), label=label)
    names = [say(COLUMNS[n]) if n in COLUMNS else n.replace("_", " ") for n in name.split(", ")]
    return listed(names)


def named(counts: pd.DataFrame, *, where: str = "table") -> pd.DataFrame:
    """Give the tables of a result the names readers know.

    Parameters
    ----------
    counts : DataFrame
        With a column of canonical tables.
    where : str
        That column.

    Returns
    -------
    DataFrame
        A copy.

    Examples
    --------
    >>> named(pd.DataFrame({"table": ["responses"], "read": [9]})).values.tolist()
    [['survey answers', 9]]
    """
    return counts.assign(**{where: [table(name) for name in counts[where]]})
