"""The executive page's tables in words: what became of actions, and what is proposed."""

from collections.abc import Mapping
from html import escape

import numpy as np
import pandas as pd
from IPython.display import display

from csatlib import exhibit, theme
from csatlib.decisions.actions import COMPANY
from csatlib.decisions.measures import MONTHLY, measure
from csatlib.decisions.proposals import judged
from csatlib.tiles import SIGNS, VERDICTS
from csatlib.words import mark, say

STATES = {
    "done": mark("done"),
    "done_late": mark("done late"),
    "open": mark("open"),
    "overdue": mark("late"),
    "dropped": mark("dropped"),
}
THAN = {
    "previous": mark("against the period before"),
    "last_year": mark("against a year before"),
    "target": mark("against the target"),
    "rest": mark("against all others"),
}
STEPS = {
    "nps": mark("Read what dissatisfied customers wrote; name one thing to change."),
    "complaints_per_1000": mark("Take the most frequent kind of complaint and ask why once more."),
    "promises_kept": mark("Promise less until what is promised can be done."),
    "churn_rate": mark("Call those who think of leaving; ask what would keep them."),
}
STRENGTHS = {"strong": mark("strong"), "fair": mark("fair")}


def described(
    movement: pd.DataFrame, actions: pd.DataFrame, *, names: Mapping[str, str] | None = None, monthly: bool = True
) -> pd.DataFrame:
    """Add to movements what a reader calls each measure, its decimals, which way is good, what was hoped for.

    Parameters
    ----------
    movement : DataFrame
        From :func:`csatlib.decisions.moved`.
    actions : DataFrame
        The same actions, row by row: ``finding``, ``expected``.
    names : mapping, optional
        What a reader calls a dimension.
    monthly : bool
        Whether the period is a month: in a quarter or year nothing is known of what was hoped for a monthly rate.

    Returns
    -------
    DataFrame
        With ``label``, ``decimals``, ``lower_is_better``, ``hoped`` (in the unit shown).

    Examples
    --------
    >>> moves = pd.DataFrame({"metric": ["promises_kept"], "group": ["North"]})
    >>> acts = pd.DataFrame({"finding": ["promises_kept North"], "expected": [0.1]})
    >>> described(moves, acts)[["label", "hoped"]].values.tolist()
    [['Promises kept in North', 10.0]]
    """
    known = [measure(metric, names) for metric in movement["metric"]]
    labels = []
    for one, group, finding in zip(known, movement["group"], actions["finding"], strict=True):
        label = one.label if one else finding
        labels.append(say("{label} in {group}", label=label, group=group) if one and group != COMPANY else label)
    factors = [one.factor if one else 1.0 for one in known]
    rates = movement["metric"].isin(MONTHLY).to_numpy() & (not monthly)
    return movement.assign(
        label=labels,
        decimals=[one.decimals if one else 2 for one in known],
        lower_is_better=[bool(one and one.lower_is_better) for one in known],
        hoped=np.where(rates, np.nan, actions["expected"].astype(float).to_numpy() * factors),
    )


def table_of_actions(actions: pd.DataFrame, movement: pd.DataFrame, *, currency: str) -> pd.DataFrame:
    """Put the actions into words: what, who, by when, what became of it, whether its measure moved.

    Parameters
    ----------
    actions : DataFrame
        From :func:`csatlib.decisions.followed`.
    movement : DataFrame
        From :func:`described`; one row per action.
    currency : str
        For costs.

    Returns
    -------
    DataFrame
        Text: ``action``, ``state``, ``owner``, ``moved``, ``cost``.

    Examples
    --------
    >>> act = {"action_id": "A1", "owner": "Sales", "state": "open", "is_done": False}
    >>> move = {"label": "NPS", "estimate": -4.0, "ci_low": -9.0, "ci_high": 1.0, "n": 90, "n_reference": 90}
    >>> move |= {"p_adjusted": 0.2, "lower_is_better": False, "decimals": 0, "reference": "2026-09", "hoped": 5.0}
    >>> acts = pd.DataFrame([act]).assign(due_on=pd.Timestamp("2026-11-30"), done_on=pd.NaT, cost=900.0)
    >>> table_of_actions(acts, pd.DataFrame([move]), currency="EUR")["moved"].tolist()
    ['cannot tell: −4 (−9 to +1, n = 90) since 2026-09; hoped for +5']
    """
    rows = []
    moves = judged(movement.assign(group="each"))
    for act, move in zip(_rows(actions), _rows(moves), strict=True):
        state, day = say(STATES[act["state"]]), act["done_on"] if act["is_done"] else act["due_on"]
        if pd.notna(day):
            text = mark("{state}, {day}") if act["is_done"] else mark("{state}, due {day}")
            state = say(text, state=state, day=f"{day:%Y-%m-%d}")
        rows.append(
            {
                "action": say("{id} {what}", id=act["action_id"], what=move["label"]),
                "state": state,
                "owner": act["owner"],
                "moved": _moved(move),
                "cost": money_of(act["cost"], currency),
            }
        )
    return pd.DataFrame(rows, columns=["action", "state", "owner", "moved", "cost"])


def table_of_proposals(proposals: pd.DataFrame, *, currency: str) -> pd.DataFrame:
    """Put what is proposed into words; due dates are left to people.

    Parameters
    ----------
    proposals : DataFrame
        From :func:`csatlib.decisions.proposed`.
    currency : str
        For costs.

    Returns
    -------
    DataFrame
        Text: ``what``, ``step``, ``evidence``, ``owner``, ``cost``.

    Examples
    --------
    >>> row = {"metric": "nps", "label": "NPS", "group": "North", "strength": "fair", "comparison": "rest"}
    >>> row |= {"n": 80, "estimate": -20.0, "ci_low": -30.0, "ci_high": -10.0, "decimals": 0}
    >>> row |= {"owner": "", "found": 1, "cost_low": 5e3, "cost_high": 9e3}
    >>> table = table_of_proposals(pd.DataFrame([row]), currency="EUR")
    >>> table[["evidence", "cost"]].values.tolist()
    [['fair: −20 (−30 to −10, n = 80) against all others', 'to be estimated; earlier ones EUR 5,000 to EUR 9,000']]
    """
    rows = []
    for row in _rows(proposals):
        low, high = (money_of(row[c], currency) for c in ("cost_low", "cost_high"))
        cost = say("to be estimated")
        if pd.notna(row["cost_low"]):
            cost = say("to be estimated; earlier ones {low} to {high}", low=low, high=high)
        evidence = say(
            "{strength}: {change} {than}",
            strength=say(STRENGTHS[row["strength"]]),
            change=_counted(row),
            than=say(THAN[row["comparison"]]),
        )
        step = row.get("step") or say(STEPS.get(row["metric"], mark("Find what changed, and who can mend it.")))
        rows.append(
            {
                "what": say("{label} in {group}", label=row["label"], group=row["group"]),
                "step": step,
                "evidence": evidence,
                "owner": say("{owner}? Date to be agreed", owner=row["owner"])
                if row["owner"]
                else say("both open"),
                "cost": cost,
            }
        )
    return pd.DataFrame(rows, columns=["what", "step", "evidence", "owner", "cost"])


def show(table: pd.DataFrame, *, caption: str, columns: Mapping[str, str], note: str = "") -> None:
    """Display a table of text that wraps, and on a phone stands line under line.

    Parameters
    ----------
    table : DataFrame
        From :func:`table_of_actions` or :func:`table_of_proposals`.
    caption : str
        Numbered in the report.
    columns : mapping of str to str
        Columns and their headings; the first names the row.
    note : str
        A line under the table.

    Examples
    --------
    >>> show(pd.DataFrame({"what": ["A"]}), caption="One", columns={"what": "What"})  # doctest: +ELLIPSIS
    {'text/html': '<figure class="csat-table csat-brief"><figcaption>One</figcaption>...
    """
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in columns.values())
    body = ""
    for row in _rows(table):
        name, *rest = columns
        cells = "".join(f'<td data-what="{escape(columns[c])}">{escape(str(row[c]))}</td>' for c in rest)
        body += f'<tr><th scope="row">{escape(str(row[name]))}</th>{cells}</tr>'
    inside = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    if table.empty:
        inside = f"<p>{escape(say('Nothing to list.'))}</p>"
    below = f'<p class="csat-note">{escape(note)}</p>' if note else ""
    html = (
        f'<figure class="csat-table csat-brief"><figcaption>{escape(caption)}</figcaption>{inside}{below}</figure>'
    )
    held = {exhibit.MIME: {"caption": caption, "note": note} | exhibit.record(table, rows=columns)}
    display({"text/html": html, "text/plain": table[list(columns)].to_string(index=False)} | held, raw=True)


def lately(change: pd.DataFrame) -> str:
    """Say of one headline whether it moved against the period before, with one of three words.

    Parameters
    ----------
    change : DataFrame
        One row: ``estimate``, ``ci_low``, ``ci_high``, ``p_adjusted``, ``n``, ``n_reference``, ``decimals``,
        ``lower_is_better``.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> row = {"estimate": 4.0, "ci_low": -8.0, "ci_high": 15.0, "p_adjusted": 0.6, "n": 90}
    >>> lately(pd.DataFrame([row | {"n_reference": 90, "decimals": 0, "lower_is_better": False}]))
    'Against the period before: cannot tell, +4 (−8 to +15).'
    """
    row = judged(change.assign(group="each")).iloc[0].to_dict()
    if row["hidden"]:
        return say("Not shown: too few answers.")
    word = " ".join(filter(None, [SIGNS[row["verdict"]], say(VERDICTS[row["verdict"]])]))
    return say("Against the period before: {word}, {change}.", word=word, change=_figure(row))


def line(name: str, text: str) -> None:
    """Display one sentence with a word before it.

    Parameters
    ----------
    name, text : str
        What it is about, and the sentence.

    Examples
    --------
    >>> line("Money", "None.")
    {'text/html': '<p class="csat-line"><b>Money</b> None.</p>', 'text/plain': 'Money: None.'}
    """
    html = f'<p class="csat-line"><b>{escape(name)}</b> {escape(text)}</p>'
    display({"text/html": html, "text/plain": f"{name}: {text}"}, raw=True)


def money_of(value: float, currency: str) -> str:
    """Write an amount of money with its currency.

    Examples
    --------
    >>> money_of(1500.4, "EUR")
    'EUR 1,500'
    """
    return "–" if pd.isna(value) else f"{currency} {theme.number(value, 0)}"


def _figure(row: Mapping) -> str:
    return say("{change} ({low} to {high})", **_limits(row))


def _counted(row: Mapping) -> str:
    return say("{change} ({low} to {high}, n = {n})", **_limits(row), n=theme.number(row["n"], 0))


def _limits(row: Mapping) -> dict[str, str]:
    columns = {"change": "estimate", "low": "ci_low", "high": "ci_high"}
    return {name: theme.number(row[c], int(row["decimals"]), sign=True) for name, c in columns.items()}


def _moved(move: Mapping) -> str:
    if move["hidden"]:
        return say("Not shown: too few answers.")
    if pd.isna(move["estimate"]):
        return say("not measured")
    word = " ".join(filter(None, [SIGNS[move["verdict"]], say(VERDICTS[move["verdict"]])]))
    places = {"word": word, "change": _counted(move), "period": move["reference"]}
    if pd.isna(move["hoped"]):
        return say("{word}: {change} since {period}", **places)
    hoped = theme.number(move["hoped"], int(move["decimals"]), sign=True)
    return say("{word}: {change} since {period}; hoped for {hoped}", **places, hoped=hoped)


def _rows(table: pd.DataFrame) -> list[Mapping]:
    return table.to_dict("records")
