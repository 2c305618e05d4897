"""What the factor models and the comparison of SERVPERF with SERVQUAL say, in whole sentences."""

import numpy as np
import pandas as pd

from csatlib import disclosure, theme
from csatlib.words import listed, mark, say, together

LEVEL = 0.05
ANSWERS_PER_FIGURE = 5
CLOSE_FIT = {"cfi": 0.95, "rmsea": 0.06, "srmr": 0.08}
FAIR_FIT = {"cfi": 0.90, "rmsea": 0.08, "srmr": 0.10}
MEASURES = {"gap": mark("gaps"), "perception": mark("perceptions"), "expectation": mark("expectations")}


def fit(table: pd.DataFrame) -> str:
    """Say how well the questionnaire's dimensions describe the answers.

    Parameters
    ----------
    table : DataFrame
        ``fit`` of :func:`csatlib.servqual.structure`.

    Returns
    -------
    str
        One or two sentences. Well: CFI at least .95, RMSEA at most .06, SRMR at most .08 (Hu and Bentler 1999);
        tolerably: .90, .08, .10. The marks are conventions.

    Examples
    --------
    >>> rows = {"statistic": ["cfi", "rmsea", "srmr"], "estimate": [0.97, 0.04, 0.03]}
    >>> shared = {"model": "dimensions", "status": "proper", "n_factors": 5, "n": 340, "problem": ""}
    >>> fit(pd.DataFrame(rows | shared | {"ci_low": [None, 0.03, None], "ci_high": [None, 0.05, None]}))
    'The 5 dimensions describe the answers well (CFI 0.97, RMSEA 0.04 with 90 % interval 0.03 to 0.05, SRMR 0.03).'
    """
    rows = disclosure.protect(table[table["model"] == "dimensions"])
    if rows["hidden"].any():
        return say("Too few complete answers to look at the dimensions.")
    if rows["status"].iloc[0] != "proper":
        sentences = {
            "not_fitted": mark("The dimensions cannot be compared with these answers: {problem}."),
            "not_converged": mark("The model of the dimensions is not to be read: {problem}."),
            "improper": mark(
                "The model of the dimensions has no proper solution: {problem}. It is not to be read."
            ),
        }
        return say(sentences[rows["status"].iloc[0]], problem=rows["problem"].iloc[0])
    values = rows.set_index("statistic")
    value = values["estimate"]
    if pd.isna(value["cfi"]):
        return say("There are too few statements to say how well the dimensions describe the answers.")
    sentence = mark("The {k} dimensions describe the answers poorly ({figures}).")
    if _meets(value, FAIR_FIT):
        sentence = mark("The {k} dimensions describe the answers tolerably ({figures}).")
    if _meets(value, CLOSE_FIT):
        sentence = mark("The {k} dimensions describe the answers well ({figures}).")
    figures = say(
        "CFI {cfi}, RMSEA {rmsea} with 90 % interval {low} to {high}, SRMR {srmr}",
        cfi=theme.number(value["cfi"]),
        rmsea=theme.number(value["rmsea"]),
        low=theme.number(values.loc["rmsea", "ci_low"]),
        high=theme.number(values.loc["rmsea", "ci_high"]),
        srmr=theme.number(value["srmr"]),
    )
    return say(sentence, k=rows["n_factors"].iloc[0], figures=figures)


def reading(table: pd.DataFrame) -> str:
    """Say which dimensions can be told apart, and how to read those that cannot.

    Parameters
    ----------
    table : DataFrame
        ``correlations`` of :func:`csatlib.servqual.structure`.

    Returns
    -------
    str
        One to three sentences, without an order among the pairs.

    Examples
    --------
    >>> row = {"model": "dimensions", "status": "proper", "label": "Reliability", "other_label": "Responsiveness"}
    >>> row |= {"reading": "one", "estimate": 0.95, "ci_low": 0.88, "ci_high": 1.02, "n": 340}
    >>> reading(pd.DataFrame([row]))
    'Reliability and Responsiveness cannot be told apart (correlation 0.95, 0.88 to 1.02): read them as one.'
    """
    rows = disclosure.protect(table[table["model"] == "dimensions"])
    if rows.empty:
        return say("There is one dimension, so there is nothing to tell apart.")
    if rows["hidden"].any():
        return say("Too few complete answers to look at the dimensions.")
    status = rows["status"].iloc[0]
    if status in ("not_fitted", "not_converged"):
        return say("Which dimensions can be told apart is not known.")
    told = [
        _pairs(
            rows[rows["reading"] == "one"],
            mark("{pair} cannot be told apart ({figures}): read them as one."),
            mark("These pairs cannot be told apart, so read each as one: {pairs}."),
        ),
        _pairs(
            rows[rows["reading"] == "nearly_one"],
            mark("{pair} may be nearly the same ({figures}): do not rank one against the other."),
            mark("These pairs may be nearly the same, so do not rank one against the other: {pairs}."),
        ),
    ]
    if status == "improper":
        told.append(say("The model has no proper solution, so take its correlations as a hint only."))
    elif not any(told):
        high = rows.loc[rows["estimate"].idxmax()]
        return say(
            "All dimensions can be told apart (highest correlation {r}, {pair}): each can be read by itself.",
            r=theme.number(high["estimate"]),
            pair=listed([high["label"], high["other_label"]]),
        )
    elif (rows["reading"].isin(["apart", "close"])).any():
        told.append(say("All other pairs can be told apart."))
    return together(*(sentence for sentence in told if sentence))


def alternatives(table: pd.DataFrame) -> str:
    """Say whether reading dimensions as one describes the answers worse.

    Parameters
    ----------
    table : DataFrame
        ``fit`` of :func:`csatlib.servqual.structure`.

    Returns
    -------
    str
        Sentences on the models that have a proper solution; empty where there is nothing to compare.

    Examples
    --------
    >>> row = {"model": "one_factor", "model_label": "One factor for all statements", "status": "proper", "n": 340}
    >>> rows = [row | {"statistic": "chi_square_difference", "estimate": 464.8, "p_adjusted": 0.0}]
    >>> rows += [row | {"statistic": "df_difference", "estimate": 15.0, "p_adjusted": None}]
    >>> alternatives(pd.DataFrame(rows).assign(exploratory=False))
    'Worse than the dimensions beyond random variation: One factor for all statements (chi-square +464.8, df +15).'
    """
    rows = disclosure.protect(table[(table["status"] == "proper")])
    difference = rows[rows["statistic"] == "chi_square_difference"].set_index("model", drop=False)
    difference = difference[difference["estimate"].notna()]
    if difference.empty or (table.loc[table["model"] == "dimensions", "status"] != "proper").any():
        return ""
    df = rows[rows["statistic"] == "df_difference"].set_index("model")["estimate"]
    parts = [
        say(
            "{model} (chi-square {size}, df {df})",
            model=row.model_label,
            size=theme.number(row.estimate, 1, sign=True),
            df=theme.number(df[row.model], 0, sign=True),
        )
        for row in difference.itertuples()
    ]
    worse = (difference["p_adjusted"] < LEVEL).to_numpy()
    told = []
    for which, sentence in (
        (worse, mark("Worse than the dimensions beyond random variation: {models}.")),
        (~worse, mark("Not worse than the dimensions beyond random variation: {models}.")),
    ):
        if which.any():
            told.append(say(sentence, models=listed([parts[i] for i in np.flatnonzero(which)])))
    if difference["exploratory"].any():
        told.append(say("What is read as one was chosen after looking at these answers."))
    return together(*told)


def method(table: pd.DataFrame) -> str:
    """Say what the factor models rest on, and what they ignore.

    Parameters
    ----------
    table : DataFrame
        ``fit`` of :func:`csatlib.servqual.structure`.

    Returns
    -------
    str
        Two to four sentences.

    Examples
    --------
    >>> rows = {"statistic": ["n_parameters", "df"], "estimate": [13.0, 8.0], "model": "dimensions"}
    >>> shared = {"measure": "gap", "version": "", "n": 40, "n_rows": 55.0, "status": "proper"}
    >>> method(pd.DataFrame(rows | shared)).partition(". ")[0]
    'Gaps of 40 respondents who answered all 6 statements, of 55 who answered any'
    """
    rows = disclosure.protect(table[table["model"] == "dimensions"])
    if rows["hidden"].any():
        return say("Too few complete answers to look at the dimensions.")
    row, value = rows.iloc[0], rows.set_index("statistic")["estimate"]
    k = round((np.sqrt(8 * (value["df"] + value["n_parameters"]) + 1) - 1) / 2)
    what, n = say(MEASURES[row["measure"]]), f"{row['n']:,.0f}"
    whole = {"what": what[0].upper() + what[1:], "n": n, "k": k}
    if pd.isna(row["n_rows"]):
        told = [say("{what} of {n} respondents to {k} statements, from a published matrix.", **whole)]
    else:
        told = [
            say(
                "{what} of {n} respondents who answered all {k} statements, of {rows} who answered any.",
                rows=f"{row['n_rows']:,.0f}",
                **whole,
            )
        ]
    told.append(
        say(
            "Confirmatory factor analysis by normal-theory maximum likelihood with the unscaled chi-square; "
            "unweighted, and as if every answer came from another customer."
        )
    )
    if row["version"]:
        told.append(say("Wording of the questionnaire: {version}.", version=row["version"]))
    if row["n"] < ANSWERS_PER_FIGURE * value["n_parameters"]:
        told.append(
            say(
                "These are fewer than {most} answers for each estimated figure: read them with caution.",
                most=ANSWERS_PER_FIGURE,
            )
        )
    return together(*told)


def predicted(table: pd.DataFrame, *, outcome: str) -> str:
    """Say whether perceptions alone or gaps predict an outcome better, and whether expectations add to it.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.prediction`.
    outcome : str
        A reader's name of the outcome, as it stands in the middle of a sentence.

    Returns
    -------
    str
        Two sentences.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, prediction
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": [7, 5, 6, 7] * 20, "p1": [2, 3, 4, 5] * 20}).assign(overall=lambda x: x["p1"])
    >>> predicted(prediction(frame, scale=scale, outcome="overall"), outcome="overall satisfaction").split(": ")[0]
    'Perceptions alone predict overall satisfaction better than gaps'
    """
    shown = disclosure.protect(table).set_index(["model", "reference"])
    first, both = shown.loc[("perception", "gap")], shown.loc[("perception_and_expectation", "perception")]
    if first["hidden"]:
        return say("Too few answers to compare perceptions alone with gaps.")
    if pd.isna(first["ci_low"]) or first["indicative"]:
        return say("There are too few answers to tell whether perceptions alone or gaps predict better.")
    sentence = mark(
        "It cannot be told whether perceptions alone or gaps predict {outcome} better: R2 {p} against {g}, "
        "difference {size} ({low} to {high}), {n} answers."
    )
    if first["ci_low"] > 0:
        sentence = mark(
            "Perceptions alone predict {outcome} better than gaps: R2 {p} against {g}, difference {size} "
            "({low} to {high}), {n} answers."
        )
    if first["ci_high"] < 0:
        sentence = mark(
            "Gaps predict {outcome} better than perceptions alone: R2 {g} against {p}, difference {size} of "
            "perceptions less gaps ({low} to {high}), {n} answers."
        )
    one = say(
        sentence,
        outcome=outcome,
        p=theme.number(shown.loc[("perception", ""), "estimate"]),
        g=theme.number(shown.loc[("gap", ""), "estimate"]),
        n=f"{first['n']:,.0f}",
        **_difference(first),
    )
    sentence = mark("Whether expectations add to perceptions cannot be told (R2 {size}, {low} to {high}).")
    if both["ci_low"] > 0:
        sentence = mark("Expectations beside perceptions add to the prediction (R2 {size}, {low} to {high}).")
    if both["ci_high"] < 0:
        sentence = mark("Expectations beside perceptions only add noise (R2 {size}, {low} to {high}).")
    return together(one, say(sentence, **_difference(both)))


def predicted_how(table: pd.DataFrame) -> str:
    """Say how the predictions were made, for a note.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.prediction`.

    Returns
    -------
    str
        Two sentences.

    Examples
    --------
    >>> predicted_how(pd.DataFrame({"n_groups": [136]})).partition(":")[0]
    'Cross-validated R2'
    """
    return say(
        "Cross-validated R2: customers fall into {groups} groups, and the answers of each are predicted from the "
        "scores of all others. Intervals take the fitted weights as given; a better prediction is an "
        "association, and gaps still show where service is below what is expected.",
        groups=table["n_groups"].iloc[0],
    )


def _meets(value: pd.Series, marks: dict[str, float]) -> bool:
    return all(value[name] >= at if name == "cfi" else value[name] <= at for name, at in marks.items())


def _pairs(rows: pd.DataFrame, single: str, several: str) -> str:
    if rows.empty:
        return ""
    pairs = [listed([row.label, row.other_label]) for row in rows.itertuples()]
    if len(rows) == 1:
        row = rows.iloc[0]
        figures = say("correlation {size}, {low} to {high}", **_difference(row, sign=False))
        return say(single, pair=pairs[0], figures=figures)
    parts = [f"{pair} ({theme.number(r)})" for pair, r in zip(pairs, rows["estimate"], strict=True)]
    return say(several, pairs="; ".join(parts))


def _difference(row: pd.Series, *, sign: bool = True) -> dict[str, str]:
    return {
        "size": theme.number(row["estimate"], sign=sign),
        "low": theme.number(row["ci_low"], sign=sign),
        "high": theme.number(row["ci_high"], sign=sign),
    }
