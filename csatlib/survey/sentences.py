"""Sentences on survey quality, made from the results."""

from collections.abc import Mapping

import pandas as pd

from csatlib import disclosure, theme
from csatlib.survey.quality_flags import FLAGS
from csatlib.words import listed, mark, say, together

LEVEL = 0.05
NOBODY = mark("The data does not say who was invited.")
ANY = mark("Any of these")
LOOK_AT = 5


def reach(result: pd.DataFrame) -> str:
    """Say how many invitations are answered, and how long an answer takes.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.survey.funnel`.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"level": "all", "group": "all", "measure": "response_rate", "n": 50, "estimate": 38.0}
    >>> reach(pd.DataFrame([row]))
    'Of 100 invitations 38 are answered.'
    """
    rate, minutes = (_whole(result, measure) for measure in ("response_rate", "minutes"))
    if rate is None:
        return say(NOBODY)
    found = [say("Of 100 invitations {rate} are answered.", rate=theme.number(rate["estimate"], 0))]
    if minutes is not None:
        found.append(say("Half of the answers take {n} minutes or less.", n=theme.number(minutes["estimate"], 1)))
    return together(*found)


def figures(result: pd.DataFrame) -> str:
    """Return response rate and breaking off with interval and n.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.survey.funnel`.

    Returns
    -------
    str
        Whole sentences.

    Examples
    --------
    >>> row = {"level": "all", "group": "all", "measure": "response_rate", "n": 50, "estimate": 38.0}
    >>> figures(pd.DataFrame([row | {"ci_low": 25.9, "ci_high": 51.8}]))
    'Answered: 38.0 % of the invitations (95 % interval 25.9 to 51.8, n = 50).'
    """
    said = {
        "response_rate": mark("Answered: {share} % of the invitations (95 % interval {low} to {high}, n = {n})."),
        "drop_out": mark("Broken off: {share} % of the answers (95 % interval {low} to {high}, n = {n})."),
    }
    rows = [(text, _whole(result, measure)) for measure, text in said.items()]
    return together(*(say(text, **_share(row)) for text, row in rows if row is not None))


def extremes(result: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say between which groups the response rate runs; no order beyond that.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.survey.funnel`.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> rows = {"level": "channel", "group": ["sms", "shop"], "measure": "response_rate", "n": 50}
    >>> extremes(pd.DataFrame(rows | {"estimate": [30.0, 50.0]}), names={"channel": "channel"})
    'Response rates run from 30 % (sms, channel) to 50 % (shop, channel).'
    """
    if result.empty:
        return say(NOBODY)
    shown = disclosure.protect(result[(result["measure"] == "response_rate") & (result["level"] != "all")])
    shown = shown[~shown["hidden"] & ~shown["indicative"] & shown["estimate"].notna()]
    if len(shown) < 2:
        return say("No group is large enough to compare response rates.")
    least, most = shown.loc[shown["estimate"].idxmin()], shown.loc[shown["estimate"].idxmax()]
    return say(
        "Response rates run from {low} % ({low_group}, {low_by}) to {high} % ({high_group}, {high_by}).",
        low=theme.number(least["estimate"], 0),
        low_group=least["group"],
        low_by=names.get(least["level"], least["level"]),
        high=theme.number(most["estimate"], 0),
        high_group=most["group"],
        high_by=names.get(most["level"], most["level"]),
    )


def missing(result: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Name the groups that answer less, and more, than their share of the invitations.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.survey.represented`.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        One or two sentences; a group is named where it differs beyond random variation.

    Examples
    --------
    >>> row = {"level": "age", "group": "young", "n": 50, "estimate": -5.0, "p_adjusted": 0.01}
    >>> missing(pd.DataFrame([row]), names={"age": "age"})
    'Too few of the answers come from: young (age).'
    """
    if result.empty:
        return say(NOBODY)
    shown = disclosure.protect(result)
    shown = shown[~shown["hidden"] & ~shown["indicative"] & (shown["p_adjusted"] < LEVEL)]
    few, many = (_groups(shown[sign * shown["estimate"] > 0], names) for sign in (-1, 1))
    if not few and not many:
        return say("No group answers more or less than its share of the invitations beyond random variation.")
    found = [say("Too few of the answers come from: {groups}.", groups=few)] if few else []
    found += [say("More than their share come from: {groups}.", groups=many)] if many else []
    return together(*found)


def share(row: Mapping, *, names: Mapping[str, str]) -> str:
    """Say how the share of one group among the answers differs from its share among the invited.

    Parameters
    ----------
    row : mapping
        One row of :func:`csatlib.survey.represented`.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"level": "age", "group": "young", "invited": 21, "answered": 16, "n": 90, "estimate": -5.0}
    >>> share(row, names={"age": "age"})
    'young (age): 21 % of the invitations, 16 % of the answers.'
    """
    return say(
        "{group} ({by}): {invited} % of the invitations, {answered} % of the answers.",
        group=row["group"],
        by=names.get(row["level"], row["level"]),
        invited=theme.number(row["invited"], 0),
        answered=theme.number(row["answered"], 0),
    )


def careless(shares: pd.DataFrame) -> str:
    """Say how many answers are flagged.

    Parameters
    ----------
    shares : DataFrame
        ``shares`` of :func:`csatlib.survey.answer_quality`.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"flag": "any", "n": 339, "estimate": 2.9, "ci_low": 1.6, "ci_high": 5.5}
    >>> careless(pd.DataFrame([row]))
    '2.9 % of the answers look careless or wrong (95 % interval 1.6 to 5.5, n = 339).'
    """
    row = disclosure.protect(shares[shares["flag"] == "any"]).iloc[0]
    if row["hidden"] or pd.isna(row["estimate"]):
        return say("Too few answers can be checked for care.")
    text = mark("{share} % of the answers look careless or wrong (95 % interval {low} to {high}, n = {n}).")
    return say(text, **_share(row))


def robust(headlines: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say which headlines depend on the flagged answers, and by how much.

    Parameters
    ----------
    headlines : DataFrame
        ``headlines`` of :func:`csatlib.survey.answer_quality`.
    names : mapping of str to str
        What a reader calls each measure.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> rows = {"measure": "nps", "part": ["all", "difference"], "n": 300, "estimate": [20, -0.2]}
    >>> robust(pd.DataFrame(rows | {"p_adjusted": [float("nan"), 0.7]}), names={})
    'Without the flagged answers no headline moves beyond random variation.'
    """
    shown = disclosure.protect(headlines)
    moved = shown[(shown["part"] == "difference") & ~shown["hidden"] & (shown["p_adjusted"] < LEVEL)]
    if not ((shown["part"] == "difference") & ~shown["hidden"]).any():
        return say("Too few answers to tell whether a headline depends on the flagged ones.")
    if moved.empty:
        return say("Without the flagged answers no headline moves beyond random variation.")
    text = mark("{measure} by {size}")
    parts = [
        say(text, measure=names.get(r.measure, r.measure), size=theme.number(r.estimate, 2, sign=True))
        for r in moved.itertuples()
    ]
    return say("Without the flagged answers these headlines move: {parts}.", parts=listed(parts))


def action(represented: pd.DataFrame, shares: pd.DataFrame, *, names: Mapping[str, str]) -> str:
    """Say what to do about who is missing and about careless answers.

    Parameters
    ----------
    represented : DataFrame
        From :func:`csatlib.survey.represented`.
    shares : DataFrame
        ``shares`` of :func:`csatlib.survey.answer_quality`.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        Whole sentences.

    Examples
    --------
    >>> row = {"level": "age", "group": "young", "n": 50, "estimate": -5.0, "p_adjusted": 0.01}
    >>> shares = pd.DataFrame([{"flag": "any", "n": 339, "estimate": 2.9}])
    >>> action(pd.DataFrame([row]), shares, names={"age": "age"})
    'Try another channel, time or reminder for: young (age). Until it works, weight the answers.'
    """
    few = ""
    if len(represented):
        shown = disclosure.protect(represented)
        some = ~shown["hidden"] & ~shown["indicative"] & (shown["p_adjusted"] < LEVEL) & (shown["estimate"] < 0)
        few = _groups(shown[some], names)
    found = []
    if few:
        found.append(say("Try another channel, time or reminder for: {groups}.", groups=few))
        found.append(say("Until it works, weight the answers."))
    row = disclosure.protect(shares[shares["flag"] == "any"]).iloc[0]
    if not row["hidden"] and row["estimate"] > LOOK_AT:
        found.append(say("Shorten the questionnaire before the next wave: too many answers look careless."))
    return together(*found) or say(
        "Ask a sample of those who did not answer by telephone, to learn how they differ."
    )


def flags(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of flagged answers with a reader's names.

    Parameters
    ----------
    shares : DataFrame
        ``shares`` of :func:`csatlib.survey.answer_quality`.

    Returns
    -------
    DataFrame
        With ``label``.

    Examples
    --------
    >>> flags(pd.DataFrame({"flag": ["speeder", "any"]}))["label"].tolist()
    ['Much too fast', 'Any of these']
    """
    return shares.assign(label=[say(FLAGS.get(name, ANY)) for name in shares["flag"]])


def _whole(result: pd.DataFrame, measure: str) -> pd.Series | None:
    if result.empty:
        return None
    rows = disclosure.protect(result[(result["level"] == "all") & (result["measure"] == measure)])
    rows = rows[~rows["hidden"] & rows["estimate"].notna()]
    return rows.iloc[0] if len(rows) else None


def _share(row: pd.Series) -> dict[str, str]:
    return {
        "share": theme.number(row["estimate"], 1),
        "low": theme.number(row["ci_low"], 1),
        "high": theme.number(row["ci_high"], 1),
        "n": f"{row['n']:,.0f}",
    }


def _groups(rows: pd.DataFrame, names: Mapping[str, str]) -> str:
    return listed(
        [say("{group} ({by})", group=r.group, by=names.get(r.level, r.level)) for r in rows.itertuples()]
    )
