"""Problems of the data as a manager reads them: what is so, and what to do about it."""

import re

import pandas as pd

from csatlib import disclosure, theme
from csatlib.data import names
from csatlib.tables.audit import SEVERITIES
from csatlib.words import mark, say, together

ON_PURPOSE = ("preview answer", "test answer", "spam", "unfinished answer")
SEVERITY = {"error": mark("error"), "warning": mark("warning"), "note": mark("note")}
# rule of csatlib.tables.audit or schema -> what to do, and why; {a} and {b} are what its groups hold
SAID = (
    ("missing", mark("Fill in the {column}: {count} rows of {table} lack it and were set aside.")),
    (
        "not readable as (?:time|date|period)",
        mark("Write the {column} one way, such as 2026-05-03: {count} rows of {table} were set aside."),
    ),
    (
        "not readable as number",
        mark(
            "Have answers to {column} that are no number explained in the settings, or correct them: {count} rows "
            "of {table} were set aside."
        ),
    ),
    (
        "not readable as boolean",
        mark("Write yes or no for {column}: {count} rows of {table} were set aside."),
    ),
    (
        r"not between (?P<a>\S+) and (?P<b>\S+)",
        mark(
            "Correct {column} where it is not between {a} and {b}, or have the answers explained in the settings: "
            "{count} rows of {table} were set aside."
        ),
    ),
    (
        r"below (?P<a>\S+)",
        mark("Correct the {column} where it is below {a}: {count} rows of {table} were set aside."),
    ),
    (
        r"before (?P<a>\w+)",
        mark(
            "Correct one of two dates: in {count} rows of {table}, which were set aside, the {column} lies before "
            "the {a}."
        ),
    ),
    (
        "not one of (?P<b>.+)",
        mark("Write one of {b} for {column}: {count} rows of {table} were set aside."),
    ),
    (
        "without .+",
        mark("Fill in the {column}, or what it is made of: {count} rows of {table} lack both and were set aside."),
    ),
    (
        "duplicate with other values",
        mark(
            "Decide which row is true: {count} rows of {table} repeat the {column} of another with other values, "
            "and only the first is used."
        ),
    ),
    (
        "duplicate",
        mark(
            "Remove what is there twice: {count} rows of {table} repeat the {column} of another, and only the "
            "first is used."
        ),
    ),
    (
        "preview answer|test answer|spam",
        mark("Nothing: {count} {table} were tests of the questionnaire and were left out on purpose."),
    ),
    (
        "unfinished answer",
        mark("Nothing: {count} {table} were not finished and were left out on purpose."),
    ),
    (
        r"not in (?P<a>\w+)",
        mark(
            "Add what is missing to the {a}, or correct the {column}: {count} rows of {table} are left out where "
            "both are needed."
        ),
    ),
    (
        "ids that differ only .+",
        mark(
            "Write each {column} one way: {count} rows of {table} differ from another only by capitals, spaces or "
            "leading zeros."
        ),
    ),
    (
        r"\w+ before the customer joined",
        mark("Correct the day of joining, or the customer number: {count} rows of {table} lie before that day."),
    ),
    (
        r"\w+ after the customer left",
        mark(
            "See whether they are final bills, else correct the day of leaving, or the customer number: {count} "
            "rows of {table} lie after that day."
        ),
    ),
    (
        "before its invitation was sent",
        mark(
            "Correct one of two dates, or the invitation number: {count} {table} are older than their invitation."
        ),
    ),
    (
        "wholly identical rows",
        mark(
            "See whether they are copies: {count} rows of {table} are the same as another in every column, and "
            "count."
        ),
    ),
    (
        "nearly always empty",
        mark(
            "See whether the settings name the right column for the {column}: it is empty in nearly all {table}."
        ),
    ),
    (
        "often skipped",
        mark("Find out whether {column} was put to everybody: {share} of those asked gave no answer."),
    ),
    ("never answered", mark("See whether the settings name the right columns for {column}: nobody answered.")),
    (
        "without a wave",
        mark("Fill in the wave: comparisons of waves leave {count} {table} out that have none."),
    ),
    (
        "wording of .+ from a wave never seen",
        mark("Correct the waves named with wordings in the settings: nobody answered in {found}."),
    ),
    (
        "missing, yet wordings are declared by wave",
        mark("Add the wave to the {table}: the settings name wordings by wave."),
    ),
    (
        "not as in customers",
        mark(
            "Nothing where customers changed since: {count} rows of {table} tell another {column} than the "
            "customers do, and the row's own is used."
        ),
    ),
    (
        "always the same",
        mark("See whether the settings name the right column for {column}: it is {found} in all {table}."),
    ),
    ("no answer", mark("Nothing: {count} of those asked gave no answer to {column}; figures rest on the others.")),
    ("waves found", mark("See whether a wave of the {table} is missing: there are {found}.")),
    (
        "reworded",
        mark(
            "Nothing: {column} is worded anew from {found} on; a new series starts there, and comparisons across "
            "it leave the question out."
        ),
    ),
)


def told(row: pd.Series) -> str:
    """Say what to do about one problem, and why.

    Parameters
    ----------
    row : Series
        One row of :func:`csatlib.tables.audit.audit`.

    Returns
    -------
    str
        A whole sentence. It shows no ids or values of single rows, and no share of fewer answers than the smallest
        base.

    Examples
    --------
    >>> row = {"table": "responses", "column": "nps", "rule": "often skipped", "label": "NPS", "role": ""}
    >>> told(pd.Series(row | {"count": 60, "share": 0.6, "examples": "", "remedy": ""}))
    'Find out whether “NPS” was put to everybody: 60 % of those asked gave no answer.'
    """
    column = names.column(row["column"], label=row["label"], role=row["role"])
    table = names.table(row["table"])
    for rule, text in SAID:
        match = re.fullmatch(rule, row["rule"])
        if match:
            groups = {name: names.table(names.column(part)) for name, part in match.groupdict().items()}
            found = row["examples"].removeprefix("from ")
            count = f"{row['count']:,}"
            return say(text, count=count, table=table, column=column, share=_share(row), found=found, **groups)
    text = mark("{table}, {column}: {rule}; {remedy}.")
    return say(text, table=table, column=column, rule=row["rule"], remedy=row["remedy"].rstrip("."))


def _share(row: pd.Series) -> str:
    base = row["count"] / row["share"] if row["share"] > 0 else 0
    shown = disclosure.protect(pd.DataFrame({"n": [base], "estimate": [100 * row["share"]]}))["estimate"][0]
    return say("some") if pd.isna(shown) else say("{share} %", share=theme.number(shown, 0))


def advice(problems: pd.DataFrame) -> str:
    """Say what to mend first.

    Parameters
    ----------
    problems : DataFrame
        From :func:`csatlib.tables.audit.audit`.

    Returns
    -------
    str
        Whole sentences: the worst problem that is not so on purpose, and whether there are others.

    Examples
    --------
    >>> advice(pd.DataFrame(columns=["severity", "rule"]))
    'Nothing needs mending before the other reports are read.'
    """
    serious = problems[problems["severity"].isin(SEVERITIES[:2]) & ~problems["rule"].isin(ON_PURPOSE)]
    if serious.empty:
        return say("Nothing needs mending before the other reports are read.")
    worst = serious[serious["severity"] == serious["severity"].iloc[0]]
    first = told(worst.loc[worst["count"].idxmax()])
    rest = len(serious) - 1
    more = [say("Then look at the other problem listed below.")] if rest == 1 else []
    more += [say("Then look at the {n} other problems listed below.", n=rest)] if rest > 1 else []
    return together(first, *more)


def listed(problems: pd.DataFrame) -> pd.DataFrame:
    """Return the problems as a table to read.

    Parameters
    ----------
    problems : DataFrame
        From :func:`csatlib.tables.audit.audit`.

    Returns
    -------
    DataFrame
        problem (what to do, and why), count, severity (in the reader's language). A page never shows ids or values
        of single rows: of rejected rows it has the row numbers, of customers nothing; `csat check` names them.

    Examples
    --------
    >>> row = {"severity": "note", "table": "responses", "column": "wave", "rule": "waves found", "count": 1}
    >>> row |= {"share": float("nan"), "examples": "2026-Q2 (80)", "remedy": "", "label": "", "role": ""}
    >>> listed(pd.DataFrame([row]))["problem"][0]
    'See whether a wave of the survey answers is missing: there are 2026-Q2 (80).'
    """
    if problems.empty:
        return pd.DataFrame({"problem": [say("No problem was found.")], "count": 0, "severity": ""})
    rows = problems["examples"].str.partition(":")[0].str.removeprefix("row ")
    texts = []
    for (_, row), numbers in zip(problems.iterrows(), rows, strict=True):
        first = [say("First rows: {rows}.", rows=numbers)] if row["severity"] == "error" else []
        texts.append(together(told(row), *first))
    severity = [say(SEVERITY[name]) for name in problems["severity"]]
    said = pd.DataFrame({"problem": texts, "severity": severity}, index=problems.index, dtype="str")
    return said.assign(count=problems["count"])[["count", "severity", "problem"]]
