"""Targets other than those of the headlines, and the times that targets and actions name."""

from collections.abc import Mapping, Sequence

import pandas as pd

from csatlib import theme
from csatlib.decisions.actions import COMPANY
from csatlib.decisions.measures import measure, target_of
from csatlib.decisions.movement import FIGURES, difference
from csatlib.decisions.proposals import RUNNING, judged
from csatlib.stats.intervals import benjamini_hochberg
from csatlib.stats.rows import require_columns
from csatlib.words import listed, mark, say, together

TIMES = {"response_time": "first_response_hours"}  # indicator: what targets and actions call it
HOURS = {"minutes": 1 / 60, "hours": 1.0, "days": 24.0}
NO_TARGETS = pd.DataFrame(columns=["metric", "group", "target", "source"])
WORDS = {
    "worse": mark("Worse than the target: {figures}."),
    "better": mark("Better than the target: {figures}."),
    "unknown": mark("Cannot tell: {figures}."),
}


def times(levels: pd.DataFrame) -> pd.DataFrame:
    """Give indicators that are times the names and the unit that targets and actions use.

    Parameters
    ----------
    levels : DataFrame
        Of :func:`csatlib.scores.indicators`: ``indicator``, ``unit``, ``group``, ``period``, ``n``, ``estimate``,
        ``ci_low``, ``ci_high``; other indicators are left out.

    Returns
    -------
    DataFrame
        Rows for :func:`csatlib.decisions.series`, in hours: ``metric``, ``group``, ``period``, ``n``,
        ``n_groups``, ``few_groups``, ``estimate``, ``ci_low``, ``ci_high``.

    Examples
    --------
    >>> row = {"indicator": "response_time", "unit": "days", "group": "all", "period": "2026-10", "n": 50}
    >>> row |= {"n_groups": None, "few_groups": False, "estimate": 2.0, "ci_low": 1.0, "ci_high": 3.0}
    >>> times(pd.DataFrame([row]))[["metric", "estimate"]].values.tolist()
    [['first_response_hours', 48.0]]
    """
    columns = ["metric", "group", "period", "n", "n_groups", "few_groups", "estimate", "ci_low", "ci_high"]
    known = levels[levels["indicator"].isin(TIMES) & levels["unit"].isin(HOURS)]
    factor = known["unit"].map(HOURS).astype(float)
    hours = {name: known[name].astype(float) * factor for name in ("estimate", "ci_low", "ci_high")}
    return known.assign(metric=known["indicator"].map(TIMES), **hours)[columns].reset_index(drop=True)


def against(
    series: pd.DataFrame,
    targets: pd.DataFrame,
    *,
    period: str,
    skip: Sequence[str] = (),
    groups: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    monthly: bool = True,
) -> pd.DataFrame:
    """Set every target beside the figure of a period.

    Parameters
    ----------
    series : DataFrame
        From :func:`csatlib.decisions.series`; 95 % intervals.
    targets : DataFrame
        As in :func:`csatlib.decisions.target_of`.
    period : str
        The period looked at.
    skip : sequence of str
        Metrics whose company target stands elsewhere on the page.
    groups, names : mapping, optional
        What a reader calls a group as it is stored, and a dimension.
    monthly : bool
        As in :func:`csatlib.decisions.target_of`.

    Returns
    -------
    DataFrame
        One row per metric and group with a target, the company first: ``metric``, ``group``, ``label``,
        ``decimals``, ``lower_is_better``, ``n``, ``value``, ``target``, ``estimate`` (value less target),
        ``ci_low``, ``ci_high``, ``p_value``, ``p_adjusted`` (Benjamini-Hochberg over the rows); NaN where it is
        not measured.

    Raises
    ------
    KeyError
        Columns that are not there.

    Examples
    --------
    >>> figures = {"metric": ["overall"], "group": ["all"], "period": ["2026-10"], "n": [300], "estimate": [5.2]}
    >>> goals = pd.DataFrame({"metric": ["overall"], "target": [5.6], "source": ["board"]})
    >>> frame = pd.DataFrame(figures | {"ci_low": [5.1], "ci_high": [5.3]})
    >>> against(frame, goals, period="2026-10")[["label", "estimate"]].round(2).values.tolist()
    [['Overall satisfaction', -0.4]]
    """
    require_columns(series.columns, ["metric", "group", "period", *FIGURES])
    require_columns(targets.columns, ["metric", "target", "source"])
    stored = targets["group"] if "group" in targets.columns else pd.Series(None, index=targets.index, dtype="str")
    asked = pd.DataFrame({"metric": targets["metric"], "stored": stored.fillna(COMPANY)}).drop_duplicates()
    whole = asked["stored"] == COMPANY
    asked = pd.concat([asked[whole & ~asked["metric"].isin(skip)], asked[~whole]], ignore_index=True)
    asked["group"] = [(groups or {}).get(name, name) for name in asked["stored"]]
    aims = [
        target_of(targets, metric, group=group, monthly=monthly)
        for metric, group in asked[["metric", "stored"]].itertuples(index=False)
    ]
    figures = series.loc[series["period"].astype("str") == period, ["metric", "group", *FIGURES]]
    now = asked.merge(figures, on=["metric", "group"], how="left")
    then = pd.DataFrame(dict.fromkeys(("estimate", "ci_low", "ci_high"), aims), dtype=float)
    known = [measure(metric, names) for metric in asked["metric"]]
    found = asked.drop(columns="stored").assign(
        label=[
            _label(one.label if one else metric, group)
            for one, metric, group in zip(known, asked["metric"], asked["group"], strict=True)
        ],
        decimals=[one.decimals if one else 2 for one in known],
        lower_is_better=[bool(one and one.lower_is_better) for one in known],
        n=now["n"],
        value=now["estimate"],
        target=aims,
        **difference(now, then, 0.95),
    )
    return found.assign(p_adjusted=benjamini_hochberg(found["p_value"].to_numpy()))


def told(found: pd.DataFrame) -> str:
    """Say which targets are missed, met, or neither beyond random variation.

    Parameters
    ----------
    found : DataFrame
        From :func:`against`.

    Returns
    -------
    str
        Sentences, the worse first; "" without targets.

    Examples
    --------
    >>> row = {"group": "all", "label": "Overall satisfaction", "decimals": 2, "lower_is_better": False, "n": 300}
    >>> row |= {"value": 5.2, "target": 5.6, "estimate": -0.4, "p_adjusted": 0.001}
    >>> row |= {"ci_low": -0.5, "ci_high": -0.3}
    >>> told(pd.DataFrame([row]))
    'Worse than the target: Overall satisfaction (5.20, 5.10 to 5.30, n = 300; target 5.60).'
    """
    if found.empty:
        return ""
    said = judged(found)
    parts = []
    known = said["value"].notna() & ~said["hidden"]
    for word, text in WORDS.items():
        rows = said[known & (said["verdict"] == word)]
        if len(rows):
            parts.append(say(text, figures=listed([_detail(row) for row in rows.to_dict("records")])))
    few, unknown = (list(said.loc[rows, "label"]) for rows in (said["hidden"], ~known & ~said["hidden"]))
    parts.append(say("Too few answers: {labels}.", labels=listed(few)) if few else "")
    parts.append(say("Not measured: {labels}.", labels=listed(unknown)) if unknown else "")
    return together(*parts)


def missed(found: pd.DataFrame) -> str:
    """Name the targets that are missed beyond random variation.

    Parameters
    ----------
    found : DataFrame
        From :func:`against`.

    Returns
    -------
    str
        A sentence; "" where none is.

    Examples
    --------
    >>> row = {"group": "all", "label": "Overall satisfaction", "lower_is_better": False, "n": 300}
    >>> missed(pd.DataFrame([row | {"estimate": -0.4, "p_adjusted": 0.001}]))
    'Other targets missed: Overall satisfaction.'
    """
    if found.empty:
        return ""
    said = judged(found)
    labels = list(said.loc[said["verdict"] == "worse", "label"])
    return say("Other targets missed: {labels}.", labels=listed(labels)) if labels else ""


def unattended(found: pd.DataFrame, actions: pd.DataFrame) -> list[str]:
    """List the company's missed targets on whose measure no action runs, in any group.

    Parameters
    ----------
    found : DataFrame
        From :func:`against`.
    actions : DataFrame
        From :func:`csatlib.decisions.followed`.

    Returns
    -------
    list of str
        Labels.

    Examples
    --------
    >>> row = {"metric": "overall", "group": "all", "label": "Overall satisfaction", "lower_is_better": False}
    >>> row |= {"n": 300, "estimate": -0.4, "p_adjusted": 0.001}
    >>> unattended(pd.DataFrame([row]), pd.DataFrame({"metric": ["nps"], "state": ["open"]}))
    ['Overall satisfaction']
    """
    if found.empty:
        return []
    running = set(actions.loc[actions["state"].isin(RUNNING), "metric"])
    said = judged(found)
    rows = (said["verdict"] == "worse") & (said["group"] == COMPANY) & ~said["metric"].isin(running)
    return list(said.loc[rows, "label"])


def _detail(row: Mapping) -> str:
    limits = {"low": row["target"] + row["ci_low"], "high": row["target"] + row["ci_high"]}
    figures = {"value": row["value"], "target": row["target"]} | limits
    shown = {name: theme.number(figure, int(row["decimals"])) for name, figure in figures.items()}
    shown |= {"label": row["label"], "n": f"{row['n']:,.0f}"}
    return say("{label} ({value}, {low} to {high}, n = {n}; target {target})", **shown)


def _label(label: str, group: str) -> str:
    return label if group == COMPANY else say("{label} in {group}", label=label, group=group)
