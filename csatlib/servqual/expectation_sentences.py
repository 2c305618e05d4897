"""Whole sentences about expectations: which side of the gap moved, what is expected and not delivered."""

from collections.abc import Mapping

import pandas as pd

from csatlib import disclosure, theme
from csatlib.servqual.sentences import not_told
from csatlib.tables.scale import Scale
from csatlib.words import listed, mark, say, together

NEAR = 0.5
RECEIVED = ("less received", "less received and more expected")
EXPECTED = ("more expected", "less received and more expected")
UNKNOWN = "worse, cannot tell which"
WORSE = (*RECEIVED, "more expected", UNKNOWN)
TOLD = {
    "less received": mark("The gap is wider than in {then}, and what is received fell: {parts}."),
    "more expected": mark("The gap is wider than in {then}, and what is expected rose: {parts}."),
    "less received and more expected": mark("Since {then} less is received and more is expected: {parts}."),
    UNKNOWN: mark("The gap is wider than in {then}; which side cannot be told: {parts}."),
    "more received": mark("The gap is narrower than in {then}, and what is received rose: {parts}."),
    "less expected": mark("The gap is narrower than in {then}, and what is expected fell: {parts}."),
    "more received and less expected": mark("Since {then} more is received and less is expected: {parts}."),
    "better, cannot tell which": mark("The gap is narrower than in {then}; which side cannot be told: {parts}."),
    "both rose": mark("Since {then} both sides rose, so that the gap does not show it: {parts}."),
    "both fell": mark("Since {then} both sides fell, so that the gap does not show it: {parts}."),
}
PLACED = {
    "promised more than delivered": mark("Much expected and less delivered: {names}."),
    "short of low expectations": mark("Less expected than elsewhere, and still less delivered: {names}."),
    "delivered as promised": mark("Delivered as expected: {names}."),
    "above high expectations": mark("Much expected and more delivered: {names}."),
    "more than expected": mark("Less expected than elsewhere and more delivered: {names}."),
}


def answer(company: pd.DataFrame, groups: pd.DataFrame) -> str:
    """Say whether a wider gap goes with less received or more expected.

    Parameters
    ----------
    company, groups : DataFrame
        From :func:`csatlib.servqual.expectations` with an earlier period as reference: of all, and `within`
        groups.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> answer(pd.DataFrame(), pd.DataFrame())
    'There is no earlier period to compare with.'
    """
    if company.empty and groups.empty:
        return say("There is no earlier period to compare with.")
    then = pd.concat([company, groups])["reference"].iloc[0]
    found = set(moved(company)["reading"]) | set(moved(groups)["reading"])
    received, expected = bool(found & set(RECEIVED)), bool(found & set(EXPECTED))
    if received and expected:
        return say(
            "Since {then} both happened: customers receive less in places, and expect more in places.", then=then
        )
    if received:
        return say(
            "We deliver less: where the gap is wider than in {then}, what is received fell; nowhere can it be told"
            " that customers expect more.",
            then=then,
        )
    if expected:
        return say(
            "Customers expect more: where the gap is wider than in {then}, what is expected rose; nowhere can it"
            " be told that they receive less.",
            then=then,
        )
    if UNKNOWN in found:
        return say(
            "The gap is wider than in {then}; whether less is received or more is expected cannot be told.",
            then=then,
        )
    return say("The gap has not widened anywhere beyond random variation since {then}.", then=then)


def evidence(company: pd.DataFrame, groups: pd.DataFrame) -> str:
    """Say which gaps moved, of all and by group, and how many answers that rests on.

    Parameters
    ----------
    company, groups : DataFrame
        As for :func:`answer`.

    Returns
    -------
    str
        A few sentences.

    Examples
    --------
    >>> evidence(pd.DataFrame(), pd.DataFrame())
    'There is no earlier period to compare with.'
    """
    told = [split(company)] if groups.empty or company.empty else [split(company), split(groups)]
    gap = company if company.empty else disclosure.protect(company[company["measure"] == "gap"])
    if not company.empty and not gap["n"].isna().all():
        places = {"n": f"{gap['n'].max():,.0f}", "m": f"{gap['n_reference'].max():,.0f}"}
        told.append(
            say(
                "95 % intervals; {n} answers to both sides, {m} in {then}.",
                then=gap["reference"].iloc[0],
                **places,
            )
        )
    return together(*told)


def ceiling(table: pd.DataFrame, *, scale: Scale) -> str:
    """Name the dimensions whose mean expectation lies within half a point of the top of the scale.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.gaps`.
    scale : Scale
        Its upper end.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> from csatlib.servqual import Item, gaps
    >>> one = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> ceiling(gaps(pd.DataFrame({"e1": [7, 6] * 9, "p1": 5}), scale=one), scale=one)
    'Within half a point of the top of the scale: speed.'
    """
    shown = disclosure.protect(table[(table["level"] == "dimension") & (table["measure"] == "expectation")])
    near = shown.loc[shown["estimate"] >= scale.high - NEAR, "label"].unique()
    if len(near):
        return say("Within half a point of the top of the scale: {names}.", names=listed(list(near)))
    return say("No expectation lies within half a point of the top of the scale.")


def split(table: pd.DataFrame) -> str:
    """Name the dimensions whose gap moved, with what moved on each side.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.expectations` with an earlier period as reference, `within` groups or not.

    Returns
    -------
    str
        One sentence per reading, or one that says what could have been seen.

    Examples
    --------
    >>> from csatlib.servqual import Item, Scale, expectations
    >>> scale = Scale([Item("q1", "speed", "e1", "p1")], low=1, high=7)
    >>> frame = pd.DataFrame({"e1": [6, 5] * 40, "p1": [3, 4, 5, 6] * 20})
    >>> frame["m"] = ["May", "May", "April", "April"] * 20
    >>> split(expectations(frame, scale=scale, by="m", reference="April"))[:75]
    'The gap is wider than in April, and what is received fell: speed (received '
    """
    if table.empty:
        return say("There is no earlier period to compare with.")
    rows, then = moved(table), table["reference"].iloc[0]
    if rows.empty:
        return not_told(table, say("No gap moved beyond random variation since {then}.", then=then))
    told = []
    for reading, sentence in TOLD.items():
        parts = [_part(table, row) for row in rows[rows["reading"] == reading].to_dict("records")]
        if parts:
            told.append(say(sentence, then=then, parts=listed(parts)))
    return together(*told)


def moved(table: pd.DataFrame) -> pd.DataFrame:
    """Keep the gaps of dimensions of which something can be told.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.expectations`.

    Returns
    -------
    DataFrame
        Gap rows on large enough bases with a reading other than "cannot tell".

    Examples
    --------
    >>> moved(pd.DataFrame({"reading": []})).empty
    True
    """
    if table.empty:
        return table.assign(reading=pd.Series(dtype="str"))
    shown = disclosure.protect(table[(table["level"] == "dimension") & (table["measure"] == "gap")])
    return shown[~shown["hidden"] & ~shown["indicative"] & (shown["reading"] != "cannot tell")]


def figure(row: Mapping) -> str:
    """Say one change with its interval and answers.

    Parameters
    ----------
    row : mapping
        One row of :func:`csatlib.servqual.expectations`.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> row = {"label": "Speed", "measure": "perception", "group": "May", "reference": "April", "stratum": "all"}
    >>> figure(row | {"estimate": -0.5, "ci_low": -0.7, "ci_high": -0.3, "n": 90})
    'Speed, received: −0.50 points against April (95 % interval −0.70 to −0.30, n = 90).'
    """
    places = {"label": row["label"], "then": row["reference"], "n": f"{row['n']:,.0f}"}
    places |= {"size": theme.number(row["estimate"], sign=True)}
    places |= {"low": theme.number(row["ci_low"]), "high": theme.number(row["ci_high"])}
    told = {
        "gap": mark("{label}, gap: {size} points against {then} (95 % interval {low} to {high}, n = {n})."),
        "perception": mark(
            "{label}, received: {size} points against {then} (95 % interval {low} to {high}, n = {n})."
        ),
        "expectation": mark(
            "{label}, expected: {size} points against {then} (95 % interval {low} to {high}, n = {n})."
        ),
        "importance": mark(
            "{label}, importance: {size} of 100 points against {then} (95 % interval {low} to {high}, n = {n})."
        ),
    }
    sentence = say(told[row["measure"]], **places)
    if row.get("stratum", "all") == "all":
        return sentence
    return say("{group}: {sentence}", group=row["stratum"], sentence=sentence)


def placed(table: pd.DataFrame) -> str:
    """Say what is expected much and not delivered, and what cannot be placed.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.servqual.expectation_matrix`.

    Returns
    -------
    str
        One sentence per cell of the matrix.

    Examples
    --------
    >>> rows = {"measure": "gap", "label": ["A", "B"], "n": 50, "cell": ["delivered as promised", "cannot tell"]}
    >>> placed(pd.DataFrame(rows | {"placed": ["as", "less"]}))
    'Delivered as expected: A. Less delivered, but whether much or little is expected cannot be told: B.'
    """
    shown = disclosure.protect(table[table["measure"] == "gap"])
    shown = shown[~shown["hidden"] & ~shown["indicative"]]
    if shown.empty:
        return say("Too few answers to place anything.")
    told = [
        say(sentence, names=listed(list(rows["label"])))
        for cell, sentence in PLACED.items()
        if len(rows := shown[shown["cell"] == cell])
    ]
    unsure = shown[shown["cell"] == "cannot tell"]
    less = unsure.loc[unsure["placed"] == "less", "label"]
    rest = unsure.loc[unsure["placed"] != "less", "label"]
    if len(less):
        names = listed(list(less))
        told.append(
            say("Less delivered, but whether much or little is expected cannot be told: {names}.", names=names)
        )
    if len(rest):
        told.append(say("Not to be placed: {names}.", names=listed(list(rest))))
    return together(*told)


def action(company: pd.DataFrame, groups: pd.DataFrame) -> str:
    """Say what to look at: delivery, or what is promised.

    Parameters
    ----------
    company, groups : DataFrame
        As for :func:`answer`.

    Returns
    -------
    str
        One or two sentences; the split does not say why, so they ask for the cause first.

    Examples
    --------
    >>> action(pd.DataFrame(), pd.DataFrame())
    'Nothing to change on account of expectations; ask both sides again next period.'
    """
    rows = moved(groups)
    rows = rows if rows["reading"].isin(WORSE).any() else moved(company)
    told = []
    delivery = mark(
        "Look at delivery before promises, first at {parts}: find what changed, name an owner and a date."
    )
    promises = mark(
        "Look at what customers are led to expect, first at {parts}: offers, promises, other suppliers."
    )
    unknown = mark("Find out for {parts} whether delivery or promises changed before you act.")
    for sentence, readings in ((delivery, RECEIVED), (promises, EXPECTED), (unknown, (UNKNOWN,))):
        parts = [_where(row) for row in rows[rows["reading"].isin(readings)].to_dict("records")]
        if parts:
            told.append(say(sentence, parts=listed(parts)))
    return together(*told) or say(
        "Nothing to change on account of expectations; ask both sides again next period."
    )


def _where(row: Mapping) -> str:
    if row["stratum"] == "all":
        return row["label"]
    return say("{label} in {group}", label=row["label"], group=row["stratum"])


def side_of(table: pd.DataFrame, row: Mapping, measure: str) -> pd.Series:
    """Find another measure of the same figure."""
    keys = ["stratum", "group", "level", "dimension", "item", "weighting"]
    same = (table[keys] == pd.Series({key: row[key] for key in keys})).all(axis=1)
    return table[same & (table["measure"] == measure)].iloc[0]


def _part(table: pd.DataFrame, row: Mapping) -> str:
    places = {"place": _where(row)}
    for name, measure in (("received", "perception"), ("expected", "expectation")):
        side = side_of(table, row, measure)
        places[name] = theme.number(side["estimate"], sign=True)
        places |= {f"{name}_low": theme.number(side["ci_low"]), f"{name}_high": theme.number(side["ci_high"])}
    return say(
        "{place} (received {received} [{received_low}, {received_high}], expected {expected} [{expected_low},"
        " {expected_high}])",
        **places,
    )
