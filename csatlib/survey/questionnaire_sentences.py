"""What was found in a questionnaire, as a reader sees it: what, why, how serious."""

from collections.abc import Callable, Mapping

import pandas as pd

from csatlib import theme
from csatlib.words import mark, say, together

SEVERITY = {"error": mark("change"), "warning": mark("judge"), "note": mark("note")}
WHOLE = mark("The questionnaire")
SAID = {
    "minutes": (
        mark("It takes about {n} minutes; {limit} is the limit."),
        mark("The longer it is, the more people break off and tick without reading."),
    ),
    "long_block": (
        mark("{n} questions in one block; more than {limit} tire."),
        mark("Long blocks invite the same answer throughout."),
    ),
    "long_text": (
        mark("{n} words or characters; {limit} are the limit."),
        mark("Long questions are not read to the end."),
    ),
    "unbalanced": (
        mark("{n} favourable and {limit} unfavourable answers: {found}."),
        mark("Such a scale pulls answers to the side that has more."),
    ),
    "no_middle": (
        mark("{n} answers, without a middle."),
        mark("Who stands in the middle has to choose a side."),
    ),
    "ranges": (
        mark("Scales of different ranges: {found}."),
        mark("Respondents have to learn anew what a number means."),
    ),
    "one_direction": (
        mark("None of {n} questions is turned round."),
        mark("Who agrees with everything cannot be told from who is satisfied; turned questions have a cost too."),
    ),
    "no_open": (mark("There is no open question."), mark("Nobody can say what was not asked.")),
    "many_open": (
        mark("{n} of {limit} questions are open."),
        mark("Open questions take longest and are left out most."),
    ),
    "changed": (
        mark("The wording changed. Before: “{found}”."),
        mark("New words start a new series; a change of the figure may come from the words alone."),
    ),
    "double_barrelled": (
        mark("It may ask two things: “{found}”."),
        mark("Who agrees with one half only cannot answer."),
    ),
    "leading": (mark("It may suggest an answer: “{found}”."), mark("Such words raise agreement.")),
    "absolute": (
        mark("It leaves no exception: “{found}”."),
        mark("Strictly read, few can agree; others overlook the word."),
    ),
    "negation": (
        mark("It is put in the negative: “{found}”."),
        mark("A negation is easily overlooked, and disagreeing with it is hard work."),
    ),
}


def listed(found: pd.DataFrame, *, name: Callable[[str], str] | None = None) -> pd.DataFrame:
    """Return what was found as a table to read.

    Parameters
    ----------
    found : DataFrame
        From :func:`csatlib.survey.questionnaire`.
    name : function, optional
        Gives what a reader calls a question without text of its own, such as ``ws.name``.

    Returns
    -------
    DataFrame
        ``question``, ``what``, ``why``, ``severity``, in the reader's language, and ``finding``, the first
        three as one text; one row per text and finding.

    Examples
    --------
    >>> from csatlib.survey import questionnaire
    >>> listed(questionnaire(["Staff are quick and polite."]))[["question", "what", "severity"]].values[1].tolist()
    ['Staff are quick and polite.', 'It may ask two things: “and”.', 'judge']
    """
    rows = []
    for row in found.to_dict("records"):
        what, why = SAID[row["rule"]]
        places = {"found": row["found"], "n": _number(row["n"]), "limit": _number(row["limit"])}
        asked = row["text"] or (row["question"] and (name or str)(row["question"])) or say(WHOLE)
        said = {"question": asked, "what": say(what, **places), "why": say(why)}
        said["finding"] = say("“{question}”: {what} {why}", **said)
        rows.append(said | {"severity": say(SEVERITY[row["severity"]])})
    columns = ["question", "what", "why", "severity", "finding"]
    return pd.DataFrame(rows, columns=columns, dtype="str").drop_duplicates(ignore_index=True)


def summary(found: pd.DataFrame, *, measured: Mapping | None = None) -> str:
    """Say how long the questionnaire takes, and how much a person should look at.

    Parameters
    ----------
    found : DataFrame
        From :func:`csatlib.survey.questionnaire`.
    measured : mapping, optional
        The row "minutes" of :func:`csatlib.survey.funnel` over all, set beside the estimate.

    Returns
    -------
    str
        Whole sentences.

    Examples
    --------
    >>> from csatlib.survey import questionnaire
    >>> summary(questionnaire(["Staff are quick and polite."]))
    'It takes about 0.1 minutes, under the limit of 5. Things to change: 0; to be judged by a person: 2.'
    """
    row = found[found["rule"] == "minutes"].iloc[0]
    places = {"n": theme.number(row["n"], 1), "limit": _number(row["limit"])}
    over = row["n"] > row["limit"]
    time = mark("It takes about {n} minutes, over the limit of {limit}.")
    time = say(time if over else mark("It takes about {n} minutes, under the limit of {limit}."), **places)
    real = ""
    if measured is not None and not pd.isna(measured["estimate"]):
        real = say("Those who answered took {n} minutes (median).", n=theme.number(measured["estimate"], 1))
    count = found["severity"].value_counts()
    told = say(
        "Things to change: {errors}; to be judged by a person: {warnings}.",
        errors=count.get("error", 0),
        warnings=count.get("warning", 0),
    )
    return together(time, real, told)


def _number(value: float) -> str:
    return "" if pd.isna(value) else theme.number(value, 0 if value == round(value) else 1)
