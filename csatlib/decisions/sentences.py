"""What the executive page says, in whole sentences."""

from collections.abc import Mapping, Sequence

import pandas as pd

from csatlib import disclosure, theme
from csatlib.decisions.actions import names_of
from csatlib.decisions.measures import Stake
from csatlib.decisions.proposals import judged
from csatlib.decisions.worded import money_of
from csatlib.words import listed, mark, say, together

COUNTS = {
    "done": mark("{n} done"),
    "done_late": mark("{n} done late"),
    "overdue": mark("{n} late"),
    "open": mark("{n} open"),
    "dropped": mark("{n} dropped"),
}
SUMMARY = {
    ("worse", "target"): mark("Worse than the target: {labels}."),
    ("worse", "last_year"): mark("Worse than a year before: {labels}."),
    ("worse", "previous"): mark("Worse than the period before: {labels}."),
    ("better", "target"): mark("Better than the target: {labels}."),
    ("better", "last_year"): mark("Better than a year before: {labels}."),
    ("better", "previous"): mark("Better than the period before: {labels}."),
}
PLACES = {
    ("worse", "rest"): mark("{group} is worse than all others in {details}."),
    ("worse", "last_year"): mark("{group} is worse than a year before in {details}."),
    ("worse", "previous"): mark("{group} is worse than the period before in {details}."),
    ("better", "rest"): mark("{group} is better than all others in {details}."),
    ("better", "last_year"): mark("{group} is better than a year before in {details}."),
    ("better", "previous"): mark("{group} is better than the period before in {details}."),
}


def headline(changes: pd.DataFrame) -> str:
    """Say which headlines are better or worse than target, a year before, and the period before.

    Parameters
    ----------
    changes : DataFrame
        Of :func:`csatlib.scores.headlines`, with ``lower_is_better``.

    Returns
    -------
    str
        Sentences: the worse first.

    Examples
    --------
    >>> row = {"label": "NPS", "group": "all", "comparison": "target", "estimate": -9.0, "p_adjusted": 0.01}
    >>> headline(pd.DataFrame([row | {"n": 90, "lower_is_better": False}]))
    'Worse than the target: NPS.'
    """
    said = judged(changes)
    parts = []
    for (word, comparison), text in SUMMARY.items():
        labels = said.loc[(said["verdict"] == word) & (said["comparison"] == comparison), "label"]
        if len(labels):
            parts.append(say(text, labels=listed(list(labels))))
    if not parts:
        return say(
            "None of the headline figures differs from the period before, a year before or its target beyond "
            "random variation."
        )
    return together(*parts)


def read_together(comparisons: int) -> str:
    """Say how the words of the tiles come about.

    Parameters
    ----------
    comparisons : int
        How many stand on the page.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> read_together(12).split(":")[0]
    'All 12 comparisons are judged together'
    """
    return say(
        "All {n} comparisons are judged together: with so many, one range may leave out zero by chance, so "
        "the word can be “cannot tell” where a single range does.",
        n=comparisons,
    )


def where(places: pd.DataFrame) -> str:
    """Say in which groups something moved or stands apart, all differences of the run taken together.

    Parameters
    ----------
    places : DataFrame
        From :func:`csatlib.decisions.selected`, with ``label``, ``decimals``, ``lower_is_better``.

    Returns
    -------
    str
        One sentence per group, direction and comparison; the worse only, where there is any.

    Examples
    --------
    >>> row = {"label": "NPS", "group": "North", "comparison": "last_year", "estimate": -30.0, "ci_low": -50.0}
    >>> row |= {"ci_high": -10.0, "p_adjusted": 0.01, "n": 90, "lower_is_better": False, "decimals": 0}
    >>> where(pd.DataFrame([row, row | {"group": "South", "p_adjusted": 0.9}]))
    'North is worse than a year before in NPS (−30, −50 to −10).'
    """
    said = judged(places)
    for word in ("worse", "better"):
        for comparison in ("last_year", "previous", "rest"):
            rows = said[(said["verdict"] == word) & (said["comparison"] == comparison)]
            if len(rows):
                told = [
                    say(PLACES[word, comparison], group=group, details=listed([_detail(r) for r in _rows(part)]))
                    for group, part in rows.groupby("group", sort=False)
                ]
                return together(*told)
    return say("No group moved or stands apart beyond random variation.")


def acted(actions: pd.DataFrame) -> str:
    """Count the actions by what became of them.

    Parameters
    ----------
    actions : DataFrame
        From :func:`csatlib.decisions.followed`.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> acted(pd.DataFrame({"state": ["done", "overdue", "overdue"]}))
    'Of 3 actions: 1 done and 2 late.'
    """
    counts = actions["state"].value_counts()
    parts = [say(text, n=int(counts[state])) for state, text in COUNTS.items() if counts.get(state, 0)]
    if not parts:
        return say("There is no action to follow.")
    return say("Of {n} actions: {parts}.", n=len(actions), parts=listed(parts))


def since(movement: pd.DataFrame) -> str:
    """Count the actions whose measure moved since.

    Parameters
    ----------
    movement : DataFrame
        From :func:`csatlib.decisions.worded.described`.

    Returns
    -------
    str
        A sentence; "" without actions.

    Examples
    --------
    >>> row = {"estimate": -4.0, "n": 90, "n_reference": 90, "p_adjusted": 0.2, "lower_is_better": False}
    >>> since(pd.DataFrame([row]))
    'Since they began, none of their measures moved beyond random variation.'
    """
    if movement.empty:
        return ""
    words = judged(movement.assign(group="each"))["verdict"].value_counts()
    counts = {word: int(words.get(word, 0)) for word in ("better", "worse", "unknown")}
    if not counts["better"] + counts["worse"]:
        return say("Since they began, none of their measures moved beyond random variation.")
    return say(
        "Since they began, the measure is better for {better}, worse for {worse}, and for {unknown} it cannot be "
        "told.",
        **counts,
    )


def filed(problems: pd.DataFrame, rejected: pd.DataFrame, *, there: bool) -> str:
    """Say what is wrong with the table of actions: it is missing, rows were rejected, or contradict themselves.

    Parameters
    ----------
    problems : DataFrame
        Of :func:`csatlib.decisions.followed`.
    rejected : DataFrame
        Problems of the reading, ``ws.problems``: ``table``, ``rule``, ``count``, ``remedy``.
    there : bool
        Whether the company has the table.

    Returns
    -------
    str
        Sentences; "" where all is well.

    Examples
    --------
    >>> none = pd.DataFrame(columns=["table", "rule", "count", "remedy", "text"])
    >>> filed(none, none, there=False).split(":")[0]
    "There is no table of actions, so last month's decisions cannot be followed"
    """
    if not there:
        return say(
            "There is no table of actions, so last month's decisions cannot be followed: write actions.csv with "
            "the columns action_id, finding, owner, opened_on, due_on, status, done_on, expected and cost."
        )
    told = [
        say(
            "{n} rows of the table of actions were set aside ({rule}): {remedy}.",
            n=row["count"],
            rule=row["rule"],
            remedy=row["remedy"],
        )
        for row in _rows(rejected[rejected["table"] == "actions"])
    ]
    return together(*told, *problems["text"])


def decision(actions: pd.DataFrame, proposals: pd.DataFrame, unattended: Sequence[str] = ()) -> str:
    """Say what is to be decided.

    Parameters
    ----------
    actions : DataFrame
        From :func:`csatlib.decisions.followed`.
    proposals : DataFrame
        From :func:`csatlib.decisions.proposed`.
    unattended : sequence of str
        From :func:`csatlib.decisions.targets.unattended`.

    Returns
    -------
    str
        One to three sentences.

    Examples
    --------
    >>> acts = pd.DataFrame({"action_id": ["A5"], "state": ["overdue"]})
    >>> decision(acts, pd.DataFrame({"label": ["Complaints"], "group": ["North"], "found": [1]}))
    'A5 is late: set a new date, give it more means, or drop it. Name an owner and a date for Complaints in North.'
    """
    late = actions.loc[actions["state"] == "overdue", "action_id"]
    parts = []
    if len(late) == 1:
        text = mark("{action} is late: set a new date, give it more means, or drop it.")
        parts.append(say(text, action=late.iloc[0]))
    elif len(late):
        text = mark("{actions} are late: set a new date, give them more means, or drop them.")
        parts.append(say(text, actions=names_of(late)))
    if len(proposals):
        what = [say("{label} in {group}", label=r["label"], group=r["group"]) for r in _rows(proposals)]
        parts.append(say("Name an owner and a date for {what}.", what=listed(what)))
    if unattended:
        text = mark("No action runs on what misses its target: {labels}. Open one, or say why not.")
        parts.append(say(text, labels=listed(list(unattended))))
    return together(*parts) if parts else say("Nothing to decide: no action is late and nothing new is worse.")


def unlisted(proposals: pd.DataFrame) -> str:
    """Say how many more would have been proposed, and how to read the table.

    Parameters
    ----------
    proposals : DataFrame
        From :func:`csatlib.decisions.proposed`.

    Returns
    -------
    str
        Sentences.

    Examples
    --------
    >>> unlisted(pd.DataFrame({"found": [5, 5, 5]})).startswith("2 more")
    True
    """
    more = int(proposals["found"].iloc[0]) - len(proposals) if len(proposals) else 0
    text = say(
        "Strong: worse than all others and than its own past; fair: one of the two. The order is no ranking. A "
        "difference says where to look, not what to do."
    )
    return together(say("{n} more could be named.", n=more) if more else "", text)


def money(stake: Stake, *, target: float, currency: str, months: int, committed: float) -> str:
    """Say what leaving beyond the target costs and what the running actions cost, with what is assumed.

    Parameters
    ----------
    stake : Stake
        From :func:`csatlib.decisions.at_stake`.
    target : float
        Percent who may leave.
    currency : str
        Three letters.
    months : int
        As in :func:`csatlib.decisions.at_stake`.
    committed : float
        Cost of running actions.

    Returns
    -------
    str
        Sentences.

    Examples
    --------
    >>> stake = Stake(estimate=1500.0, ci_low=-200.0, ci_high=4000.0, n=1000, excess=5.0, bill=25.0)
    >>> money(stake, target=1.5, currency="EUR", months=12, committed=9e3).split(". ")[0]
    'Customers who left beyond the target of 1.50 %: 5 in the period, EUR 1,500 of bills (EUR −200 to EUR 4,000)'
    """
    if stake.n < disclosure.bases.min_base:
        return say("Not shown: too few answers.")
    places = {"target": theme.number(target, 2), "excess": theme.number(stake.excess, 0), "months": months}
    places |= {"money": money_of(stake.estimate, currency), "bill": f"{currency} {theme.number(stake.bill, 2)}"}
    places |= {"low": money_of(stake.ci_low, currency), "high": money_of(max(stake.ci_high, 0.0), currency)}
    beyond = mark(
        "Customers who left beyond the target of {target} %: {excess} in the period, {money} of bills ({low} to "
        "{high})."
    )
    within = mark(
        "No more customers left than the target of {target} % allows; at the upper end of the range {high} of "
        "bills would be lost beyond it."
    )
    return together(
        say(beyond if stake.estimate > 0 else within, **places),
        say(
            "This assumes that each would have stayed {months} months more and paid {bill} a month, the mean bill "
            "of the period; it is turnover, not profit.",
            **places,
        ),
        say("Running actions cost {committed} in all, as entered.", committed=money_of(committed, currency)),
    )


def pace(days: pd.DataFrame) -> str:
    """Say how long actions take from signal to done.

    Parameters
    ----------
    days : DataFrame
        From :func:`csatlib.decisions.days_to_done`.

    Returns
    -------
    str
        A sentence; "" without actions.

    Examples
    --------
    >>> row = {"n": 12.0, "n_events": 8.0, "n_open": 4.0, "estimate": 60.0, "ci_low": 40.0}
    >>> pace(pd.DataFrame([row | {"ci_high": float("nan")}]))
    'From signal to done: half of 12 actions take up to 60 days (95 % interval from 40, no upper limit yet).'
    """
    row = days.iloc[0]
    if not row["n"]:
        return ""
    places = {"n": f"{row['n']:.0f}", "days": theme.number(row["estimate"], 0)}
    places |= {"low": theme.number(row["ci_low"], 0), "high": theme.number(row["ci_high"], 0)}
    if pd.isna(row["estimate"]):
        text = mark("From signal to done: fewer than half of {n} actions are done; no time can be given yet.")
    elif pd.isna(row["ci_high"]):
        text = mark(
            "From signal to done: half of {n} actions take up to {days} days (95 % interval from {low}, no upper "
            "limit yet)."
        )
    else:
        text = mark(
            "From signal to done: half of {n} actions take up to {days} days (95 % interval {low} to {high})."
        )
    return say(text, **places)


def _rows(table: pd.DataFrame) -> list[Mapping]:
    return table.to_dict("records")


def _detail(row: Mapping) -> str:
    places = {
        name: theme.number(row[c], int(row["decimals"]), sign=True)
        for name, c in (("change", "estimate"), ("low", "ci_low"), ("high", "ci_high"))
    }
    return say("{label} ({change}, {low} to {high})", label=row["label"], **places)
