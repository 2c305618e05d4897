"""Result tables as rows a manager reads: names for codes, numbers as text."""

import pandas as pd

from csatlib import theme
from csatlib.touchpoints.contact_rows import MEASURES
from csatlib.touchpoints.impact_tables import Impact
from csatlib.touchpoints.inventory import Inventory
from csatlib.touchpoints.sentences import BAND, QUADRANT, RATING, stage, todo
from csatlib.words import mark, say, together


def listing(placed: pd.DataFrame) -> pd.DataFrame:
    """Return the inventory as a list that fits a phone: what it is and where it stands, three numbers.

    Parameters
    ----------
    placed : DataFrame
        From :func:`csatlib.touchpoints.quadrants`.

    Returns
    -------
    DataFrame
        Text columns as named in :func:`headings`; what contacts show stands in brackets.

    Examples
    --------
    >>> row = {"number": 1, "touchpoint": "Chat", "stage": "use", "impact": 6.3, "operational": 7.0}
    >>> listing(pd.DataFrame([row | {"experience": 5.3, "quadrant": "works, feels bad"}])).values.tolist()
    [['1 Chat (Use): Works, feels bad', '6.3', '7.0', '5.3']]
    """
    text = mark("{number} {touchpoint} ({stage}): {quadrant}")
    rows = [
        {
            "touchpoint": say(
                text,
                number=row["number"],
                touchpoint=row["touchpoint"],
                stage=stage(row["stage"]),
                quadrant=say(QUADRANT[row["quadrant"]]) if row["quadrant"] in QUADRANT else "–",
            ),
            "importance": theme.number(row["impact"], 1),
            "works": _beside(row["operational"], row.get("seen_operational")),
            "feels": _beside(row["experience"], row.get("seen_experience")),
        }
        for row in placed.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=list(headings()))


def headings() -> dict[str, str]:
    """Return the columns of :func:`listing` and what they are called.

    Returns
    -------
    dict of str to str
        In the report's language.

    Examples
    --------
    >>> list(headings())
    ['touchpoint', 'importance', 'works', 'feels']
    """
    return {
        "touchpoint": say("Touchpoint (stage): quadrant"),
        "importance": say("Importance"),
        "works": say("Works"),
        "feels": say("Feels"),
    }


def corrections(table: pd.DataFrame) -> pd.DataFrame:
    """Return the actions as a list to work with; due date and next review stay empty for people.

    Parameters
    ----------
    table : DataFrame
        From :func:`csatlib.touchpoints.actions`.

    Returns
    -------
    DataFrame
        Text columns as named in :func:`correction_headings`.

    Examples
    --------
    >>> row = {"touchpoint": "Hotline", "owner": "Care", "n": 12, "impact": 8.8, "operational": 4.9}
    >>> row |= {"experience": 5.1, "axis": "both", "seen_operational": 7.5, "n_operational": 90.0, "reach": 0.5}
    >>> row |= {"seen_experience": 6.8, "n_experience": 80.0, "priority": 2.6, "rank_low": 1.0, "rank_high": 2.0}
    >>> row |= {"rank": 1.0, "rank_stability": 0.8, "due_on": "", "next_review": ""}
    >>> shown = corrections(pd.DataFrame([row]))
    >>> shown["what"].item()  # doctest: +ELLIPSIS
    'Hotline (Care): importance 8.8, works 4.9, feels 5.1 of 10; short on both. Contacts: works 7.5 (n = 90), ...
    >>> shown[["priority", "rank"]].values.tolist()
    [['2.6', '1–2 (80 %)']]
    """
    rows = [
        {
            "what": together(todo(table.iloc[[i]]), _evidence(row)),
            "reach": f"{100 * row['reach']:.0f} %" if pd.notna(row["reach"]) else "–",
            "priority": theme.number(row["priority"], 1),
            "rank": _rank(row),
            "due_on": row["due_on"] or "……",
            "next_review": row["next_review"] or "……",
        }
        for i, row in enumerate(table.to_dict("records"))
    ]
    return pd.DataFrame(rows, columns=list(correction_headings()))


def correction_headings() -> dict[str, str]:
    """Return the columns of :func:`corrections` and what they are called.

    Returns
    -------
    dict of str to str
        In the report's language.

    Examples
    --------
    >>> list(correction_headings())
    ['what', 'reach', 'priority', 'rank', 'due_on', 'next_review']
    """
    return {
        "what": say("Touchpoint (owner), workshop and contacts"),
        "reach": say("Reach"),
        "priority": say("Priority"),
        "rank": say("Rank (stability)"),
        "due_on": say("Due"),
        "next_review": say("Next review"),
    }


def opinions(inventory: Inventory) -> pd.DataFrame:
    """Return where departments and customers see things differently: over all touchpoints, then one by one.

    Parameters
    ----------
    inventory : Inventory
        From :func:`csatlib.touchpoints.inventory`.

    Returns
    -------
    DataFrame
        ``label``, ``n`` (raters), ``estimate`` (department less customer), ``ci_low``, ``ci_high``; single
        touchpoints only where both sides disagree beyond random variation.

    Examples
    --------
    >>> from csatlib.touchpoints.inventory import inventory
    >>> row = {"touchpoint": "Chat", "stage": "use", "purpose": None, "role": None, "owner": "Care"}
    >>> marks = pd.DataFrame({"rater": list("abcd"), "rater_side": ["department", "customer"] * 2, "impact": 9})
    >>> opinions(inventory(marks.assign(**row, operational=[9, 4, 8, 3], experience=5)))["label"].tolist()[2:]
    ['All touchpoints: how good it feels', 'Chat: how well it works']
    """
    single = inventory.ratings[inventory.ratings["disagree"]]
    single = single.assign(
        estimate=single["difference"], ci_low=single["difference_low"], ci_high=single["difference_high"]
    )
    rows = pd.concat([inventory.sides.assign(touchpoint=say("All touchpoints")), single], ignore_index=True)
    text = mark("{touchpoint}: {rating}")
    labels = [say(text, touchpoint=row.touchpoint, rating=say(RATING[row.rating])) for row in rows.itertuples()]
    return rows.assign(label=labels)[["label", "n", "estimate", "ci_low", "ci_high"]]


def bands(entries: pd.DataFrame) -> pd.DataFrame:
    """Return the touchpoints of each importance band in one row.

    Parameters
    ----------
    entries : DataFrame
        Of :func:`csatlib.touchpoints.inventory`.

    Returns
    -------
    DataFrame
        ``band`` (with the names, in the order of the life cycle), ``count``.

    Examples
    --------
    >>> bands(pd.DataFrame({"touchpoint": ["A", "B"], "band": ["low", "high"]})).values.tolist()
    [['8 and above: B', 1], ['6 to below 8: –', 0], ['below 6: A', 1]]
    """
    text = mark("{band}: {touchpoints}")
    names = {band: list(entries.loc[entries["band"] == band, "touchpoint"]) for band in BAND}
    rows = [
        (say(text, band=say(BAND[band]), touchpoints=say(", ").join(own) or "–"), len(own))
        for band, own in names.items()
    ]
    return pd.DataFrame(rows, columns=["band", "count"])


def _beside(opinion: float, seen: float | None) -> str:
    own = theme.number(opinion, 1)
    return own if seen is None or pd.isna(seen) else f"{own} ({theme.number(seen, 1)})"


def _evidence(row: dict) -> str:
    if pd.isna(row["seen_operational"]) or pd.isna(row["seen_experience"]):
        return say("No contacts on record.")
    return say(
        "Contacts: works {works} (n = {n_works}), feels {feels} (n = {n_feels}).",
        works=theme.number(row["seen_operational"], 1),
        n_works=f"{row['n_operational']:,.0f}",
        feels=theme.number(row["seen_experience"], 1),
        n_feels=f"{row['n_experience']:,.0f}",
    )


def _rank(row: dict) -> str:
    if pd.isna(row["rank"]):
        return say("reach not known")
    low, high = f"{row['rank_low']:.0f}", f"{row['rank_high']:.0f}"
    return f"{low if low == high else f'{low}–{high}'} ({100 * row['rank_stability']:.0f} %)"


def percent(result: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its shares in percent, ratings as they are.

    Parameters
    ----------
    result : DataFrame
        From :func:`csatlib.touchpoints.evidence` or :func:`csatlib.touchpoints.handled`.

    Returns
    -------
    DataFrame
        ``raw``, ``value``, ``estimate`` and limits of shares times 100.

    Examples
    --------
    >>> rows = pd.DataFrame({"measure": ["drop_off", "satisfaction"], "estimate": [0.5, 5.0]})
    >>> percent(rows)["estimate"].tolist()
    [50.0, 5.0]
    """
    share = result["measure"].map(lambda name: MEASURES[name][1] == "share")
    columns = [
        c for c in ("raw", "value", "value_reference", "estimate", "ci_low", "ci_high") if c in result.columns
    ]
    return result.assign(**{c: result[c].where(~share, 100 * result[c]) for c in columns})


def grouped(parts: pd.DataFrame) -> pd.DataFrame:
    """Return changes of groups within touchpoints with one label for both.

    Parameters
    ----------
    parts : DataFrame
        From :func:`csatlib.touchpoints.moved` with `by`.

    Returns
    -------
    DataFrame
        The same with ``label`` instead of ``touchpoint`` and ``group``: these rows do not add up to one whole.

    Examples
    --------
    >>> grouped(pd.DataFrame({"touchpoint": ["Shop"], "group": ["North"], "estimate": [0.5]}))["label"].tolist()
    ['Shop: North']
    """
    text = mark("{touchpoint}: {group}")
    labels = [say(text, touchpoint=row.touchpoint, group=row.group) for row in parts.itertuples()]
    return parts.assign(label=labels).drop(columns=["touchpoint", "group"])


def beside(found: Impact, entries: pd.DataFrame) -> pd.DataFrame:
    """Return leaving and repair in one table, percent, beside the workshop's score.

    Parameters
    ----------
    found : Impact
        From :func:`csatlib.touchpoints.impact`.
    entries : DataFrame
        Of :func:`csatlib.touchpoints.inventory`.

    Returns
    -------
    DataFrame
        ``touchpoint``, ``workshop`` (importance as text), ``measure`` ("leaving", "repaired"), ``n`` (bad
        experiences), ``estimate``, ``ci_low``, ``ci_high``.

    Examples
    --------
    >>> rows = pd.DataFrame({"touchpoint": ["Chat"], "n": [50], "estimate": [0.1], "ci_low": 0.05, "ci_high": 0.2})
    >>> entries = pd.DataFrame({"touchpoint": ["Chat"], "impact": [6.3]})
    >>> beside(Impact(rows[:0], rows, rows), entries)[["workshop", "measure", "estimate"]].values.tolist()
    [['6.3', 'leaving', 10.0], ['6.3', 'repaired', 10.0]]
    """
    columns = ["touchpoint", "n", "estimate", "ci_low", "ci_high"]
    parts = {"leaving": found.leaving, "repaired": found.repaired}
    shown = [part[columns].assign(measure=name) for name, part in parts.items() if len(part)]
    rows = pd.concat(shown or [pd.DataFrame(columns=[*columns, "measure"])])
    score = entries.set_index("touchpoint")["impact"].reindex(rows["touchpoint"])
    rows.insert(1, "workshop", ["–" if pd.isna(value) else theme.number(value, 1) for value in score])
    return rows.assign(**{c: 100 * rows[c].astype(float) for c in columns[2:]}).reset_index(drop=True)


def per_point(found: Impact) -> pd.DataFrame:
    """Return what goes with one point of rating beside what goes with a bad and with a good experience.

    Parameters
    ----------
    found : Impact
        From :func:`csatlib.touchpoints.impact`.

    Returns
    -------
    DataFrame
        ``touchpoint``, ``term`` ("coefficient", then those of ``association``), ``n``, ``estimate``, ``ci_low``,
        ``ci_high``, all in points of overall satisfaction.

    Examples
    --------
    >>> rows = {"touchpoint": ["Chat"], "n": [50], "coefficient": [0.2], "coefficient_low": [0.1]}
    >>> importance = pd.DataFrame(rows | {"coefficient_high": [0.3]})
    >>> per_point(Impact(importance[:0], importance, importance, importance))["term"].tolist()
    ['coefficient']
    """
    columns = ["touchpoint", "term", "n", "estimate", "ci_low", "ci_high"]
    ends = {"coefficient": "estimate", "coefficient_low": "ci_low", "coefficient_high": "ci_high"}
    slopes = found.importance.drop(columns=["ci_low", "ci_high"], errors="ignore").rename(columns=ends)
    parts = [slopes.assign(term="coefficient"), found.association]
    kept = [part[columns] for part in parts if len(part)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=columns)


def beside_headings() -> dict[str, str]:
    """Return what the measures of :func:`beside` are called.

    Returns
    -------
    dict of str to str
        In the report's language.

    Examples
    --------
    >>> list(beside_headings())
    ['leaving', 'repaired']
    """
    return {"leaving": say("Left, points more"), "repaired": say("Repaired, percent")}
