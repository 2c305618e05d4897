"""Sentences on how many complaints there are, when and where."""

from collections.abc import Mapping

import pandas as pd

from csatlib import disclosure, theme
from csatlib.apart import differing
from csatlib.complaints.sentences import TOO_FEW
from csatlib.words import listed, mark, say, together

LEVEL = 0.05
COUNT = "count"
NO_CUSTOMERS = mark("Without a table of customers complaints are counted, not set against them.")


def months(result: pd.DataFrame, *, name: str = "") -> str:
    """Say how many complaints the last month brought, and whether it stands out.

    Parameters
    ----------
    result : DataFrame
        Rows of one group from :func:`csatlib.complaints.volume`.
    name : str
        What a reader calls the group; empty for the whole company.

    Returns
    -------
    str
        One or two sentences.

    Examples
    --------
    >>> row = {"group": "all", "period": "2026-10", "n": 900, "estimate": 10.0, "signal": False}
    >>> row |= {"ci_low": 5.0, "ci_high": 19.0, "lcl": 1.0, "ucl": 18.0}
    >>> months(pd.DataFrame([row]))  # doctest: +ELLIPSIS
    '2026-10: 10.0 complaints per 1,000 customers (95 % interval 5.0 to 19.0), inside the range of 1.0 to 18.0 ...
    """
    row = disclosure.protect(result).iloc[-1]
    if row["hidden"]:
        return say(TOO_FEW)
    if row.get("unit") == COUNT:
        said = _counted(row)
        return say("{name}, {sentence}", name=name, sentence=said) if name else said
    places = {"rate": "estimate", "low": "ci_low", "high": "ci_high", "lcl": "lcl", "ucl": "ucl"}
    values = {key: theme.number(row[column], 1) for key, column in places.items()}
    place = values | {"period": row["period"]}
    if pd.isna(row["ucl"]):
        place = {key: value for key, value in place.items() if key not in ("lcl", "ucl")}
        text = mark("{period}: {rate} complaints per 1,000 customers (95 % interval {low} to {high}).")
    elif row["signal"]:
        text = mark(
            "{period}: {rate} complaints per 1,000 customers (95 % interval {low} to {high}): this stands out "
            "from "
            "the months before (expected range {lcl} to {ucl})."
        )
    else:
        text = mark(
            "{period}: {rate} complaints per 1,000 customers (95 % interval {low} to {high}), inside the range of "
            "{lcl} to {ucl} expected from the months before."
        )
    said = say(text, **place)
    return say("{name}, {sentence}", name=name, sentence=said) if name else said


def standing_out(result: pd.DataFrame, *, period: str, names: Mapping[str, str]) -> str:
    """Name the groups whose complaints stand out in a month.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.volume`.
    period : str
        The month.
    names : mapping of str to str
        What a reader calls each column.

    Returns
    -------
    str
        One sentence.

    Examples
    --------
    >>> row = {"level": "region", "group": "North", "period": "2026-10", "n": 900, "estimate": 53.0, "ucl": 39.0}
    >>> standing_out(pd.DataFrame([row | {"center": 20.0, "signal": True}]), period="2026-10", names={})
    'More complaints than expected from the months before: North (region).'
    """
    shown = disclosure.protect(result[(result["period"] == period) & (result["level"] != "all")])
    out = shown[shown["signal"].astype(bool) & (shown["estimate"] > shown["center"]) & ~shown["hidden"]]
    text = mark("{group} ({by})")
    groups = [say(text, group=r.group, by=names.get(r.level, r.level)) for r in out.itertuples()]
    if not groups:
        return say("In no group do complaints exceed what is expected from the months before.")
    return say("More complaints than expected from the months before: {groups}.", groups=listed(groups))


def apart(result: pd.DataFrame, *, by: str) -> str:
    """Say which groups have more or fewer complaints than all others.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.stats.rest.against_rest`, per 1,000 customers.
    by : str
        What a reader calls the column of the groups.

    Returns
    -------
    str
        One sentence per group that differs beyond random variation; "" where nothing is compared.

    Examples
    --------
    >>> row = {"group": "North", "n": 600, "n_reference": 1800, "value": 53.0, "value_reference": 15.0}
    >>> row |= {"estimate": 38.0, "ci_low": 20.0, "ci_high": 56.0, "p_adjusted": 0.001}
    >>> apart(pd.DataFrame([row]), by="region")
    'North: 53.0 complaints per 1,000 customers, all others 15.0; 38.0 more (95 % interval 20.0 to 56.0).'
    """
    more = mark(
        "{group}: {value} complaints per 1,000 customers, all others {rest}; {size} more (95 % interval {low} "
        "to {high})."
    )
    less = mark(
        "{group}: {value} complaints per 1,000 customers, all others {rest}; {size} fewer (95 % interval {low} "
        "to {high})."
    )
    if result.empty:
        return ""
    told = differing(result, more=more, less=less, decimals=1)
    return together(*told) or say(
        "By {by}, no group has more or fewer complaints than the others beyond random variation.", by=by
    )


def beside(result: pd.DataFrame) -> pd.DataFrame:
    """Return each group, all others and the difference as rows of their own, to be set side by side.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.compared`.

    Returns
    -------
    DataFrame
        With ``part`` (own, rest, difference); ``n`` is that of the group throughout.

    Examples
    --------
    >>> row = {"group": "N", "n": 60, "n_reference": 90, "value": 5.0, "value_reference": 3.0, "estimate": 2.0}
    >>> beside(pd.DataFrame([row | {"ci_low": 1.0, "ci_high": 3.0}]))[["part", "estimate"]].values.tolist()
    [['own', 5.0], ['rest', 3.0], ['difference', 2.0]]
    """
    plain = {"ci_low": float("nan"), "ci_high": float("nan")}
    parts = {"own": {"estimate": result["value"]} | plain, "rest": {"estimate": result["value_reference"]} | plain}
    made = [result.assign(part=part, **new) for part, new in (parts | {"difference": {}}).items()]
    return pd.concat(made).sort_index(kind="stable").reset_index(drop=True)


def captioned(result: pd.DataFrame) -> str:
    """Name the chart of complaints by month: per 1,000 customers, or counted.

    Parameters
    ----------
    result : DataFrame
        Rows of one group from :func:`csatlib.complaints.volume`.

    Returns
    -------
    str

    Examples
    --------
    >>> captioned(pd.DataFrame({"unit": ["count"], "count": [1200]}))
    'Complaints by month, n = 1,200'
    """
    text = mark("Complaints per 1,000 customers by month, n = {n}")
    if (result["unit"] == COUNT).all():
        text = mark("Complaints by month, n = {n}")
    return say(text, n=f"{result['count'].sum():,.0f}")


def recorded(result: pd.DataFrame) -> str:
    """Name the unit of a month's figure.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.complaints.volume`.

    Returns
    -------
    str

    Examples
    --------
    >>> recorded(pd.DataFrame({"unit": ["per_1000"]}))
    'complaints per 1,000 customers'
    """
    return say("complaints") if (result["unit"] == COUNT).all() else say("complaints per 1,000 customers")


def not_over(data: pd.DataFrame, used: pd.DataFrame) -> str:
    """Say that a month is left out because its records stop early.

    Parameters
    ----------
    data, used : DataFrame
        Complaints before and after :func:`csatlib.complaints.months_over`.

    Returns
    -------
    str
        One sentence, or "".

    Examples
    --------
    >>> cases = pd.DataFrame({"opened_at": pd.to_datetime(["2026-09-30", "2026-10-02"])})
    >>> not_over(cases, cases.head(1))
    '2026-10 is not shown: its records end on 2026-10-02.'
    """
    if len(data) == len(used):
        return ""
    last = data["opened_at"].max()
    return say("{month} is not shown: its records end on {day}.", month=f"{last:%Y-%m}", day=f"{last:%Y-%m-%d}")


def _counted(row: pd.Series) -> str:
    place = {"period": row["period"], "count": f"{row['count']:,.0f}"}
    if pd.isna(row["ucl"]):
        return say("{period}: {count} complaints.", **place)
    limits = {"lcl": theme.number(row["lcl"], 0), "ucl": theme.number(row["ucl"], 0)}
    text = mark(
        "{period}: {count} complaints, inside the range of {lcl} to {ucl} expected from the months before."
    )
    if row["signal"]:
        text = mark(
            "{period}: {count} complaints: this stands out from the months before (expected range {lcl} to {ucl})."
        )
    return say(text, **place, **limits)
