"""The words of the reports, explained once for somebody who meets them for the first time."""

from csatlib import disclosure
from csatlib.words import mark, say

READING, ASKED, COUNTED, REPORTS = (
    mark("How to read a figure"),
    mark("What customers say"),
    mark("What is counted"),
    mark("How reports come about"),
)
TERMS = {
    READING: {
        "interval": (
            mark("Interval, 95 % range"),
            mark(
                "How far the figure may lie from what all customers would have said, had all been asked. In 95 of "
                "100 cases a range made like this holds the true figure. Few answers make it wide."
            ),
        ),
        "n": (mark("n"), mark("How many answers or cases a figure was made from.")),
        "effective": (
            mark("Effective answers"),
            mark(
                "Where some answers count for more than others: as many equal answers as would tell equally much."
            ),
        ),
        "random-variation": (
            mark("Beyond random variation"),
            mark(
                "A difference larger than the chance of who happened to answer makes plausible. It says that "
                "something differs, not what brought it about, and not that it is large."
            ),
        ),
        "three-words": (
            mark("Better, worse, cannot tell"),
            mark(
                "Better and worse are said only beyond random variation. “Cannot tell” does not mean “the same”: "
                "a difference may be there that this many answers do not show."
            ),
        ),
        "together": (
            mark("Judged together"),
            mark(
                "Of twenty comparisons one looks like a change by chance alone. Where many are made, each has to "
                "stand out more before it is named."
            ),
        ),
        "indicative": (
            mark("Indicative (†)"),
            mark("Made from fewer than {min_rank} effective answers: a hint, without rank, arrow or alert."),
        ),
        "not-shown": (
            mark("Not shown (·)"),
            mark("Fewer than {min_base} answers: hidden, so that nobody can be recognised."),
        ),
        "moves-together": (
            mark("Moves together with"),
            mark("Two figures rise and fall with each other. Whether one brings the other about is not known."),
        ),
        "rank-stability": (
            mark("Rank stability"),
            mark(
                "How often something would be among the first, were other customers asked. It is no probability."
            ),
        ),
    },
    ASKED: {
        "nps": (
            mark("Net Promoter Score (NPS)"),
            mark(
                "Percent who would recommend the company (9 or 10 of 10) less percent who would not (0 to 6): "
                "points from −100 to +100, no percentage."
            ),
        ),
        "csat": (
            mark("Satisfied customers (CSAT)"),
            mark("Percent of answers in the upper part of the scale; the definitions say which count."),
        ),
        "effort": (mark("Ease (CES)"), mark("How easy customers found it to get something done.")),
        "gap": (
            mark("SERVQUAL gap"),
            mark(
                "What customers received less what they expect, in points of the scale. Below zero, service falls "
                "short of what is expected."
            ),
        ),
        "dimension": (
            mark("Dimension"),
            mark("Several questions about one side of service taken together, such as reliability."),
        ),
        "importance": (
            mark("Importance"),
            mark("How much of the differences in overall satisfaction goes together with one rating."),
        ),
        "touchpoint": (mark("Touchpoint"), mark("A place where customers meet the company: shop, hotline, bill.")),
        "journey": (mark("Journey"), mark("What one customer met on the way to one aim, step after step.")),
    },
    COUNTED: {
        "complaints": (
            mark("Complaints per 1,000 customers"),
            mark("Complaints opened in the period for every 1,000 who were customers in it."),
        ),
        "promises": (
            mark("Promises kept"),
            mark("Percent of the promises due in the period that were kept in time; late counts as not kept."),
        ),
        "first-contact": (
            mark("Settled at the first contact"),
            mark("Percent of matters that needed no second contact."),
        ),
        "median": (
            mark("Half take no longer than"),
            mark(
                "The middle case: half are quicker, half slower. Open cases count with the time they have lasted, "
                "so a pile of open cases does not look quick."
            ),
        ),
        "left": (
            mark("Customers who left"),
            mark("Percent of the customers of the period's first day who left in it (churn)."),
        ),
        "value": (
            mark("Customer value"),
            mark(
                "Money a customer is expected to bring in a stated time from now on; a forecast, with its range."
            ),
        ),
        "at-stake": (
            mark("At stake"),
            mark("Money that would be lost if what is forecast happens; every page states what it assumes."),
        ),
        "segment": (mark("Segment"), mark("Part of the customers, such as a region.")),
    },
    REPORTS: {
        "target": (
            mark("Target"),
            mark("What the company aims at, as entered: the board's, else the industry's, else the past year's."),
        ),
        "action": (
            mark("Action"),
            mark(
                "What somebody undertook to do by a day. Done late is done after that day; late is not done "
                "though the day is over. Whether its measure moved since says nothing about whose doing it was."
            ),
        ),
        "strength": (
            mark("Strength of evidence"),
            mark("Strong: worse than all others and than its own past. Fair: one of the two."),
        ),
        "draft": (mark("Draft"), mark("Reports that may still be replaced by a later run.")),
        "released": (
            mark("Released"),
            mark("Somebody answers for the reports by name; from then on they are never replaced."),
        ),
        "restated": (
            mark("Restated"),
            mark("Made again after the release, on data that came later, with old and new figures side by side."),
        ),
        "fingerprint": (
            mark("Data fingerprint"),
            mark("A short code of all rows read: two reports with the same code were made of the same data."),
        ),
    },
}


def terms() -> list[dict]:
    """Say every term in the report's language.

    Returns
    -------
    list of dict
        One per group: ``title`` and ``terms``, each with ``anchor``, ``term``, ``text``.

    Examples
    --------
    >>> terms()[0]["terms"][1]["term"]
    'n'
    """
    bases = {"min_rank": disclosure.bases.min_rank, "min_base": disclosure.bases.min_base}
    return [
        {
            "title": say(title),
            "terms": [
                {"anchor": anchor, "term": say(term), "text": say(text, **bases)}
                for anchor, (term, text) in group.items()
            ],
        }
        for title, group in TERMS.items()
    ]
