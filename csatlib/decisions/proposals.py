"""What is worse, has no action yet, and so may need one."""

import pandas as pd

from csatlib import disclosure
from csatlib.stats.rows import require_columns
from csatlib.tiles import verdict

RUNNING = ("open", "overdue")
MOST = 3
PAST = ("previous", "last_year")
PAGES = {"complaints_per_1000": "complaints.per_1000", "promises_kept": "promises.kept", "nps": "scores.nps"}


def judged(changes: pd.DataFrame) -> pd.DataFrame:
    """Give each difference one of three words; where the base is small there is none to be had.

    Parameters
    ----------
    changes : DataFrame
        ``estimate``, ``p_adjusted``, ``n``, ``n_reference``, ``lower_is_better``.

    Returns
    -------
    DataFrame
        With ``hidden``, ``indicative``, ``verdict`` (better, worse, unknown); hidden numbers are NaN.

    Examples
    --------
    >>> row = {"group": "all", "estimate": 5.0, "p_adjusted": 0.01, "n": 90, "lower_is_better": True}
    >>> judged(pd.DataFrame([row]))["verdict"].tolist()
    ['worse']
    """
    shown = disclosure.protect(changes)
    return shown.assign(verdict=pd.Series([verdict(row) for row in shown.to_dict("records")], shown.index, "str"))


def proposed(
    places: pd.DataFrame,
    actions: pd.DataFrame | None = None,
    *,
    findings: pd.DataFrame | None = None,
    most: int = MOST,
) -> pd.DataFrame:
    """List what is worse beyond random variation in a group and has no running action.

    Parameters
    ----------
    places : DataFrame
        From :func:`csatlib.decisions.selected`: ``metric``, ``label``, ``group``, ``comparison`` (rest, previous,
        last_year), ``estimate``, ``ci_low``, ``ci_high``, ``p_adjusted``, ``n``, ``n_reference``,
        ``lower_is_better``.
    actions : DataFrame, optional
        From :func:`csatlib.decisions.followed`; a running one on the same metric and group covers it, and past
        ones tell owner and cost.
    findings : DataFrame, optional
        Of :func:`csatlib.decisions.collected`: what the measure's own page says is to be done.
    most : int
        Rows returned.

    Returns
    -------
    DataFrame
        In the order of `places`, which is no ranking: ``metric``, ``label``, ``group``, ``strength`` (strong:
        worse than all others and than its own past; fair: one of the two), ``comparison``, ``estimate``,
        ``ci_low``, ``ci_high``, ``n``, ``decimals`` (of the comparison that names it), ``step``
        ("" where no page names one), ``owner`` (""
        where unknown), ``cost_low``, ``cost_high`` (of earlier actions on the metric or group), ``found``
        (how many there were before `most`).

    Raises
    ------
    KeyError
        Columns that are not there.

    Examples
    --------
    >>> row = {"metric": "nps", "label": "NPS", "group": "North", "comparison": "rest", "estimate": -20.0}
    >>> row |= {"ci_low": -30.0, "ci_high": -10.0, "p_adjusted": 0.001, "n": 80, "n_reference": 300}
    >>> other = row | {"group": "South", "estimate": 1.0, "p_adjusted": 0.8}
    >>> places = pd.DataFrame([row, other]).assign(lower_is_better=False, decimals=0)
    >>> proposed(places)[["group", "strength"]].values.tolist()
    [['North', 'fair']]
    """
    require_columns(places.columns, ["metric", "label", "group", "comparison", "estimate", "p_adjusted", "n"])
    worse = judged(places).query("verdict == 'worse'")
    running = actions[actions["state"].isin(RUNNING)] if actions is not None else pd.DataFrame()
    covered = set(zip(running["metric"], running["group"], strict=True)) if len(running) else set()
    found = []
    for (metric, group), rows in worse.groupby(["metric", "group"], sort=False):
        if (metric, group) in covered:
            continue
        apart, past = rows["comparison"].eq("rest").any(), rows["comparison"].isin(PAST).any()
        first = rows.iloc[0]
        row = {name: first[name] for name in ("metric", "label", "group", "comparison", "estimate", "n")}
        row |= {name: first[name] for name in ("ci_low", "ci_high", "decimals") if name in rows.columns}
        row |= {"strength": "strong" if apart and past else "fair", "step": _step(findings, metric)}
        row |= _history(actions, metric, group)
        found.append(row)
    columns = [*("metric", "label", "group", "strength", "comparison", "estimate", "ci_low", "ci_high", "n")]
    columns += ["decimals", "step", "owner", "cost_low", "cost_high"]
    table = pd.DataFrame(found, columns=columns)
    return table.head(most).assign(found=len(table))


def _step(findings: pd.DataFrame | None, metric: str) -> str:
    if findings is None:
        return ""
    page = PAGES.get(metric, "servqual.gap" if metric.startswith("gap.") else "")
    texts = findings.loc[(findings["metric"] == page) & (findings["action"] != ""), "action"]
    return str(texts.iloc[0]) if len(texts) else ""


def _history(actions: pd.DataFrame | None, metric: str, group: str) -> dict:
    if actions is None:
        return {"owner": "", "cost_low": float("nan"), "cost_high": float("nan")}
    same = actions[actions["metric"] == metric].sort_values("opened_on", kind="stable")
    near = actions.loc[(actions["metric"] == metric) | (actions["group"] == group), "cost"].astype(float)
    owner = str(same["owner"].iloc[-1]) if len(same) else ""
    return {"owner": owner, "cost_low": near.min(), "cost_high": near.max()}
