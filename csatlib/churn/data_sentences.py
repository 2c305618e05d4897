"""Sentences on what is on record: what a model learnt from and is judged on, and what came of an earlier list."""

import pandas as pd

from csatlib.churn.calls_sentences import changed, whom
from csatlib.churn.retention import Retention
from csatlib.churn.snapshots import Split
from csatlib.words import say, together


def judged_on(dated: bool) -> str:
    """Name the customers a model is judged on: those of later months, or others of the same moment.

    Parameters
    ----------
    dated : bool
        From :func:`csatlib.churn.dated`.

    Returns
    -------
    str
        Within a sentence or a caption.

    Examples
    --------
    >>> judged_on(True), judged_on(False)
    ('later months', 'customers left out, same moment')
    """
    return say("later months") if dated else say("customers left out, same moment")


def no_dates() -> str:
    """Say what data without dates cannot show.

    Returns
    -------
    str
        Two sentences.

    Examples
    --------
    >>> no_dates()[:66]
    'This data has no dates, so there is no out-of-time test. Figures a'
    """
    return say(
        "This data has no dates, so there is no out-of-time test. Figures are from cross-validation within one "
        "moment and cannot show that they hold next month."
    )


def note_dates() -> str:
    """Say what to do about data without dates.

    Returns
    -------
    str
        Two sentences.

    Examples
    --------
    >>> note_dates()[:59]
    'Record on which day each customer joins and leaves, and whe'
    """
    return say(
        "Record on which day each customer joins and leaves, and when everything else on record happened. Then "
        "this page says who is at risk, and judges that on later months."
    )


def behind(dated: bool, *, first: str, period: str) -> str:
    """Head the table of the rows behind the page.

    Parameters
    ----------
    dated : bool
        From :func:`csatlib.churn.dated`.
    first, period : str
        First and last period on record.

    Returns
    -------
    str
        A caption.

    Examples
    --------
    >>> behind(True, first="2026-01", period="2026-10"), behind(False, first="2026-01", period="2026-10")
    ('Rows behind this page, 2026-01 to 2026-10', 'Rows behind this page')
    """
    if dated:
        return say("Rows behind this page, {first} to {period}", first=first, period=period)
    return say("Rows behind this page")


def left_more(dated: bool, *, months: int) -> str:
    """Head the table of the parts of the customers that left more often.

    Parameters
    ----------
    dated : bool
        From :func:`csatlib.churn.dated`.
    months : int
        The horizon.

    Returns
    -------
    str
        A caption.

    Examples
    --------
    >>> left_more(True, months=3)
    'Customers who left more often than all beyond random variation, in 3 months'
    """
    if dated:
        return say("Customers who left more often than all beyond random variation, in {n} months", n=months)
    return say("Customers who left more often than all beyond random variation, at whatever time")


def months(cut: Split) -> str:
    """Say which snapshots the model learnt from and on which it is judged.

    Parameters
    ----------
    cut : Split
        From :func:`csatlib.churn.split`, or :func:`csatlib.churn.cross_section`.

    Returns
    -------
    str
        One sentence; of rows without dates also what they cannot show.

    Examples
    --------
    >>> days = pd.DataFrame({"snapshot": pd.date_range("2026-01-01", periods=3, freq="MS"), "left": 1.0})
    >>> days["horizon_end"] = days["snapshot"] + pd.DateOffset(months=1)
    >>> months(Split(days[:1], days[2:], (pd.Timestamp("2026-02-01"),)))[:58]
    'Learnt from 1 snapshots (to 2026-01-01, 1 departures), jud'
    """
    if len(cut.train) and cut.train["horizon_end"].equals(cut.train["snapshot"]):
        texts = {"n": f"{len(cut.test):,}", "left": f"{cut.test['left'].sum():,.0f}"}
        return together(say("{n} customers, {left} of whom have left; nobody knows when.", **texts), no_dates())
    return say(
        "Learnt from {k} snapshots (to {last}, {left} departures), judged on {m} (from {first}, {later} "
        "departures), {unused} between unused.",
        k=cut.train["snapshot"].nunique(),
        last=f"{cut.train['snapshot'].max():%Y-%m-%d}",
        left=f"{cut.train['left'].sum():,.0f}",
        m=cut.test["snapshot"].nunique(),
        first=f"{cut.test['snapshot'].min():%Y-%m-%d}",
        later=f"{cut.test['left'].sum():,.0f}",
        unused=len(cut.purged),
    )


def came(found: Retention | None, *, name: str, judged_from: pd.Timestamp | None = None) -> str:
    """Say what came of an earlier list, or that none has been judged.

    Parameters
    ----------
    found : Retention or None
        From :func:`csatlib.churn.retention.earlier`.
    name : str
        Name of the list; "" for none.
    judged_from : Timestamp, optional
        Day from which it can be judged, where that is still to come.

    Returns
    -------
    str
        One sentence where there is nothing to judge; else what changed and for whom.

    Examples
    --------
    >>> came(None, name="")
    'No earlier list with a hold-out has been judged yet.'
    >>> came(None, name="2026-09", judged_from=pd.Timestamp("2027-01-01"))
    'What came of the list of 2026-09 can be told from 2027-01-01 on.'
    """
    if found is not None:
        return together(changed(found), whom(found))
    if name and judged_from is not None:
        day = f"{judged_from:%Y-%m-%d}"
        return say("What came of the list of {name} can be told from {day} on.", name=name, day=day)
    return say("No earlier list with a hold-out has been judged yet.")
